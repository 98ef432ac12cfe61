"""The door of the facts: runs a module and every function in it that nothing in it calls, and returns what was seen."""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass, replace

from lintloss.facts import (
    built_later,
    callers,
    classes,
    dead,
    evaluation,
    exponentiated,
    inherited,
    outside,
    pad_marks,
    regularizers,
    scored,
    scored_passes,
    splits,
    training_mode,
    truncation,
)
from lintloss.facts.library import metrics, outputs
from lintloss.facts.library.tables import CRITERIA, CRITERION_NAME
from lintloss.facts.machine import Frame, Machine, OutOfBudget
from lintloss.facts.observations import Averaging, Observation
from lintloss.facts.project import Project
from lintloss.facts.roots import forget_rebound, run_body, run_root
from lintloss.facts.state import Slot, State
from lintloss.facts.survey import Definition, Survey, called_name, survey
from lintloss.facts.values import Class, Const, Func, Opaque, Ref, Value
from lintloss.parse import Module

COLLECTS = frozenset({"add", "append", "update"})
TEMPLATES = 12  # methods that are run once more for a subclass
PATIENCE = 60_000  # steps after which a file that showed nothing gets no more for functions of weak words


@dataclass(frozen=True, slots=True)
class Facts:
    """What was observed in one file, in the order of its rows."""

    observations: tuple[Observation, ...]
    assigned: dict[tuple[str, int], Value]  # (path, row) -> the value assigned there last


def infer(module: Module, project: Project) -> Facts:
    """Interpret `module` and what it reaches.

    First its body, as a script; then each function and method that this did not reach, with unknown arguments.
    """
    project.add(module)
    seen_in = survey(module.tree)
    machine = Machine(project)
    frame = Frame(module, module.tree, (module.path,), State())
    machine.frames.append(frame)
    run_body(machine, module.tree.body)
    machine.globals[module.path] = {name: Slot(slot.value, 0) for name, slot in frame.state.names.items()}
    forget_rebound(machine, module, seen_in.rebound)
    instances = _Instances(machine, module)
    functions = _functions(machine, module, seen_in, instances)
    for function in functions:
        is_reached = (module.path, function.node.lineno) in machine.reached
        if not is_reached and _is_root(machine, module, function) and _is_due(machine, function):
            run_root(machine, function, {})
    taken = (each for one in instances.made() for each in inherited.templates(machine, module, *one))
    for template in itertools.islice(taken, TEMPLATES):
        run_root(machine, template, {})
    for function in functions:
        if function.node in machine.cut_short and _is_due(machine, function):
            _root_of_cut_short(machine, function)
    for function in functions:
        if _has_missed(machine, function.node, seen_in) and _is_due(machine, function):
            _root_of_missed(machine, instances.bound(function))
    regularizers.observe(machine)
    dead.observe(machine)
    pad_marks.settle(machine)
    outputs.forget_unread(machine)
    exponentiated.settle(machine)
    seen = [each for each in machine.log.values() if each.path == module.path]
    passes = scored_passes.passes(machine, module)
    alone = [each for each in passes if not (each.region.shared or each.region.unnamed)]
    seen += [
        *evaluation.observe(machine, passes),
        *truncation.observe(machine, module, alone, seen),
        *splits.observe(machine, module, alone),
    ]
    unswitched = training_mode.unswitched_here(machine, module, passes)
    seen = outside.seen_outside(module, project, seen, scored.evaluated(module, alone, seen), unswitched)
    seen.sort(key=lambda each: (each.span, type(each).__name__))
    return Facts(tuple(seen), machine.assigned)


def _is_root(machine: Machine, module: Module, function: Func) -> bool:
    owner = function.owner.node if function.owner is not None else None
    return machine.relevance.is_root(module, function.node) or metrics.answers(function.node, owner)


def _is_due(machine: Machine, function: Func) -> bool:
    """Say whether a function is worth its time; where long work has shown nothing, only what speaks of losses is."""
    if machine.spent < PATIENCE or machine.log or machine.forwards:
        return True
    return machine.relevance.scores(function.module, function.node)


def _root_of_cut_short(machine: Machine, function: Func) -> None:
    """Run what its callers left too few steps for by itself; about modes and gradients the callers know better.

    Those that ran out of steps before its model was called know nothing.
    """
    machine.cut_short.discard(function.node)
    forwards, trained = dict(machine.forwards), dict(machine.trained)
    before = {key: each for key, each in machine.log.items() if isinstance(each, Averaging)}
    run_root(machine, function, {})
    # averages over loaders that callers made: of those without a caller less is known, but what the loss is
    seen = {key[:3] for key, each in before.items() if not each.before.presumed}
    for key in [key for key, each in machine.log.items() if isinstance(each, Averaging)]:
        if key not in before and key[:3] in seen:
            del machine.log[key]
    if any(scene.node is function.node for each in forwards.values() for scene in each.scenes):
        machine.forwards = forwards
    machine.trained = trained


def _root_of_missed(machine: Machine, function: Func) -> None:
    """Run the branches that the known calls leave out; what those calls showed stands."""
    before = dict(machine.log)
    forwards, trained = dict(machine.forwards), dict(machine.trained)
    _forget_nones(machine, function.self_value)
    seen = {key[:3] for key in before}
    run_root(machine, function, _anything(machine, function.node))
    machine.log = before | {key: each for key, each in machine.log.items() if key[:3] not in seen}
    machine.forwards, machine.trained = forwards, trained  # flags that nobody passed say nothing about modes


def _forget_nones(machine: Machine, owner: Value | None) -> None:
    """Let attributes be unknown that are None only because nobody was seen to pass them."""
    if isinstance(owner, Ref):
        for name, slot in list(machine.fields(owner).items()):
            if slot.value == Const(None):
                machine.put(owner, name, Opaque((*owner.id, "." + name), name))


def _has_missed(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, seen_in: Survey) -> bool:
    """Say whether arithmetic or a criterion was not reached by the calls seen: a branch that their arguments rule out."""
    last = node.end_lineno or node.lineno
    inside = seen_in.between(node.lineno, last)
    return any(each not in machine.visited and _computes(each) for each in inside)


def _computes(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.AugAssign):
        return True
    for each in ast.walk(statement):
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Div | ast.Pow):
            return True
        if isinstance(each, ast.Call) and _collects_or_scores(each.func):
            return True
    return False


def _collects_or_scores(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute) and function.attr in COLLECTS:
        return True
    name = called_name(function)
    return name in CRITERIA or CRITERION_NAME.search(name) is not None


def _anything(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> dict[str, Value]:
    """Return unknown values for the parameters whose defaults decide branches."""
    spec = node.args
    names = [each.arg for each in (*spec.posonlyargs, *spec.args)]
    pairs = [*zip(reversed(names), reversed(spec.defaults), strict=False)]
    pairs += [
        (each.arg, value) for each, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if value is not None
    ]
    switches = {
        name
        for name, value in pairs
        if isinstance(value, ast.Attribute)  # a member of an Enum
        or (isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool)))
    }
    return {name: Opaque(machine.key(node, name), name) for name in switches}


def _functions(machine: Machine, module: Module, seen_in: Survey, instances: _Instances) -> list[Func]:
    """List the functions and methods that may matter, callers before what they call; not those inside functions."""
    relevance = machine.relevance
    for node, _ in seen_in.functions:
        if relevance.is_root(module, node) and relevance.scores(module, node):
            relevance.add_roots(seen_in.callers.get(node.name, ()))
    pairs = [(relevance.is_root(module, node), node, owner) for node, owner in seen_in.functions]
    owners = {owner for is_root, _, owner in pairs if is_root}
    found = [
        (node, owner)
        for is_root, node, owner in pairs
        if is_root or relevance.counts(module, node) or metrics.answers(node, owner)
    ]
    found.sort(key=lambda pair: (pair[0].name in (seen_in.callers if pair[1] else seen_in.by_name), pair[0].lineno))
    return [instances.method(node, owner, is_made=owner in owners) for node, owner in found]


class _Instances:
    """One instance of each class of the checked file, for its methods to be run on."""

    def __init__(self, machine: Machine, module: Module) -> None:
        self._machine = machine
        self._module = module
        self._made: dict[ast.ClassDef, Value | None] = {}

    def made(self) -> list[tuple[Class, Value | None]]:
        """Return the instances that are there, with their classes."""
        return [(Class(node, self._module), value) for node, value in self._made.items()]

    def method(self, node: Definition, owner: ast.ClassDef | None, *, is_made: bool) -> Func:
        """Return a function, bound to an instance if one is wanted already."""
        if owner is None:
            return Func(node, self._module)
        cls = Class(owner, self._module)
        if any(isinstance(each, ast.Name) and each.id == "classmethod" for each in node.decorator_list):
            return Func(node, self._module, cls, cls)
        function = Func(node, self._module, None, cls)
        return self.bound(function) if is_made else function

    def bound(self, function: Func) -> Func:
        """Return a method bound to the instance of its class, which is made now unless there is one."""
        node, cls = function.node, function.owner
        if cls is None or function.self_value is not None or isinstance(node, ast.Lambda) or node.name == "__init__":
            return function
        if any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list):
            return function
        if cls.node not in self._made:
            try:
                given = _given_by_all(self._machine, cls)
                self._made[cls.node] = made = classes.instantiate(self._machine, cls.node, cls, [], given)
                if isinstance(made, Ref):
                    built_later.complete(self._machine, made)
            except (OutOfBudget, RecursionError):
                self._made[cls.node] = None
        return replace(function, self_value=self._made[cls.node])


def _given_by_all(machine: Machine, cls: Class) -> dict[str, Value]:
    """Return unknown values for the parameters with a default object, `loss=NLLLoss()`, that every caller gives."""
    maker = next(
        (each for each in cls.node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None
    )
    spec = maker.args if maker is not None else None
    if spec is None or not spec.defaults:
        return {}
    first = len(spec.args) - len(spec.defaults)
    return {
        each.arg: Opaque(machine.key(cls.node, each.arg), each.arg)
        for index, (each, default) in enumerate(zip(spec.args[first:], spec.defaults, strict=True), first)
        if isinstance(default, ast.Call) and callers.replace_default(machine.project, cls, each.arg, index - 1, default)
    }
