"""The door of the facts: runs a module and every function in it that nothing in it calls, and returns what was seen."""

from __future__ import annotations

import ast
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass

from lintloss.facts import calls, dead, evaluation, pad_marks, regularizers, splits, truncation
from lintloss.facts.library import lightning
from lintloss.facts.machine import Frame, Machine, OutOfBudget
from lintloss.facts.observations import Observation
from lintloss.facts.project import Project
from lintloss.facts.state import Slot, State
from lintloss.facts.statements import execute
from lintloss.facts.values import Class, Const, Func, Opaque, Ref, Value
from lintloss.parse import Module

COLLECTS = frozenset({"add", "append", "update"})
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)


Definition = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
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
    machine = Machine(project)
    frame = Frame(module, module.tree, (module.path,), State())
    machine.frames.append(frame)
    _run(machine, module.tree.body)
    machine.globals[module.path] = {name: Slot(slot.value, 0) for name, slot in frame.state.names.items()}
    _forget_rebound(machine, module)
    functions = _functions(machine, module)
    for function in functions:
        is_reached = (module.path, function.node.lineno) in machine.reached
        if not is_reached and machine.relevance.is_root(module, function.node) and _is_due(machine, function):
            _root(machine, function, {})
    computing = _computing(module)
    for function in functions:
        if _has_missed(machine, function.node, computing) and _is_due(machine, function):
            _root_of_missed(machine, function)
    regularizers.observe(machine)
    dead.observe(machine)
    pad_marks.settle(machine)
    seen = [each for each in machine.log.values() if each.path == module.path]
    passes = evaluation.passes(machine, module)
    seen += [
        *evaluation.observe(machine, passes),
        *truncation.observe(machine, module, passes),
        *splits.observe(machine, module, passes),
    ]
    seen.sort(key=lambda each: (each.span, type(each).__name__))
    return Facts(tuple(seen), machine.assigned)


def _is_due(machine: Machine, function: Func) -> bool:
    """Say whether a function is worth its time; where long work has shown nothing, only what speaks of losses is."""
    if machine.spent < PATIENCE or machine.log or machine.forwards:
        return True
    return machine.relevance.scores(function.module, function.node)


def _root(machine: Machine, function: Func, kwargs: dict[str, Value]) -> None:
    """Run a function as if nobody had called it, on arguments of which nothing is known but `kwargs`."""
    frame = machine.frames[0]
    frame.state = State(dict(machine.globals[function.module.path]), frame.state.heap.copy())
    machine.loops.clear()
    machine.guards.clear()
    del machine.frames[1:]
    machine.steps = 0
    machine.rooted = 1
    loop = lightning.loop_around(machine, function)
    try:
        with machine.in_loop(loop) if loop is not None else nullcontext():
            returned = calls.run(machine, function.node, function, lightning.outputs_given(machine, function), kwargs)
        if loop is not None:
            lightning.note_returned(machine, function, loop, returned)
    except (OutOfBudget, RecursionError):
        return


def _root_of_missed(machine: Machine, function: Func) -> None:
    """Run the branches that the known calls leave out; what those calls showed stands."""
    before = dict(machine.log)
    forwards, trained = dict(machine.forwards), dict(machine.trained)
    _forget_nones(machine, function.self_value)
    seen = {key[:3] for key in before}
    _root(machine, function, _anything(machine, function.node))
    machine.log = before | {key: each for key, each in machine.log.items() if key[:3] not in seen}
    machine.forwards, machine.trained = forwards, trained  # flags that nobody passed say nothing about modes


def _forget_nones(machine: Machine, owner: Value | None) -> None:
    """Let attributes be unknown that are None only because nobody was seen to pass them."""
    if isinstance(owner, Ref):
        for name, slot in list(machine.fields(owner).items()):
            if slot.value == Const(None):
                machine.put(owner, name, Opaque((*owner.id, "." + name), name))


def _has_missed(
    machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, computing: list[ast.stmt]
) -> bool:
    """Say whether arithmetic in a function was not reached by the calls seen: a branch that their arguments rule out."""
    last = node.end_lineno or node.lineno
    return any(node.lineno <= each.lineno <= last and each not in machine.visited for each in computing)


def _computing(module: Module) -> list[ast.stmt]:
    return [each for each in ast.walk(module.tree) if isinstance(each, SIMPLE) and _computes(each)]


def _computes(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.AugAssign):
        return True
    for each in ast.walk(statement):
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Div | ast.Pow):
            return True
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in COLLECTS:
            return True
    return False


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
        if isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool))
    }
    return {name: Opaque(machine.key(node, name), name) for name in switches}


def _forget_rebound(machine: Machine, module: Module) -> None:
    """A constant that some function rebinds with `global` is not what it was when the module ended."""
    names = machine.globals[module.path]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                slot = names.get(name)
                if slot is not None and isinstance(slot.value, Const):
                    names[name] = Slot(Opaque((module.path, name), name), 0)


def _run(machine: Machine, body: list[ast.stmt]) -> None:
    for statement in body:
        machine.steps = 0
        try:
            execute(machine, [statement])
        except (OutOfBudget, RecursionError):
            del machine.frames[1:]
            machine.loops.clear()
            machine.guards.clear()


def _functions(machine: Machine, module: Module) -> list[Func]:
    """List the functions and methods that may matter, callers before what they call; not those inside functions."""
    methods: list[tuple[Definition, ast.ClassDef | None]] = []
    plain: list[tuple[Definition, ast.ClassDef | None]] = []
    callers: dict[str, set[ast.AST | None]] = {}  # what is called -> the outermost functions that call it
    nodes: deque[tuple[ast.AST, ast.AST, ast.AST | None]] = deque([(module.tree, module.tree, None)])
    while nodes:  # breadth first, once: generated modules have 100,000 nodes
        node, parent, outer = nodes.popleft()
        if isinstance(node, DEFINITIONS):
            if isinstance(parent, ast.ClassDef):
                methods.append((node, parent))
            elif outer is None:
                plain.append((node, None))
            outer = outer or node
        elif isinstance(node, ast.Call):
            callers.setdefault(_called_name(node.func), set()).add(outer)
        nodes.extend((child, node, outer) for child in ast.iter_child_nodes(node))
    relevance = machine.relevance
    for node, _ in (*methods, *plain):
        if relevance.is_root(module, node) and relevance.scores(module, node):
            relevance.add_roots(callers.get(node.name, ()))
    found = [
        pair for pair in (*methods, *plain) if relevance.is_root(module, pair[0]) or relevance.counts(module, pair[0])
    ]
    called = callers.keys()
    found.sort(key=lambda pair: (pair[0].name in called, pair[0].lineno))
    instances: dict[ast.ClassDef, Value | None] = {}
    return [_bound(machine, module, node, owner, instances) for node, owner in found]


def _called_name(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _bound(
    machine: Machine,
    module: Module,
    node: Definition,
    owner: ast.ClassDef | None,
    instances: dict[ast.ClassDef, Value | None],
) -> Func:
    if owner is None:
        return Func(node, module)
    cls = Class(owner, module)
    static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list)
    if static or node.name == "__init__":
        return Func(node, module, None, cls)
    if any(isinstance(each, ast.Name) and each.id == "classmethod" for each in node.decorator_list):
        return Func(node, module, cls, cls)
    if owner not in instances:
        try:
            instances[owner] = calls.instantiate(machine, owner, cls, [], {})
        except (OutOfBudget, RecursionError):
            instances[owner] = None
    return Func(node, module, instances[owner], cls)
