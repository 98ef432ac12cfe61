"""Calls: functions, methods and classes of the project are run with the arguments they get; libraries are looked up."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import (
    asked,
    bindings,
    classes,
    discarded,
    forwards,
    gradients,
    imports,
    modes,
    parameters,
    recorded,
    shared_tensors,
    statements,
    symbolic,
    vectors,
)
from lintloss.facts.expressions import evaluate, member
from lintloss.facts.library import functions, meters, methods, objects, transforms
from lintloss.facts.machine import ABROAD, DATA, DEPTH, OWN, TOTAL, Frame, Machine, OutOfBudget
from lintloss.facts.state import State
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import (
    Choice,
    Class,
    Const,
    Func,
    Lib,
    LibObject,
    ModuleValue,
    Opaque,
    Quantity,
    Ref,
    Tuple,
    Value,
    join_all,
    options,
)
from lintloss.findings import Evidence, Span
from lintloss.patterns import regex

Kwargs = dict[str, Value]
# Quarters of what is left that a call may take, and the part that one into another file may take, by whether a
# calling file is run: there the evaluation is calls deep.
WITHIN = {False: 2, True: 3}
ABROAD_OF = {False: 3, True: 2}
AGAIN = 4  # times the share that a function ran out of, and it is tried again
OF_BASE = frozenset({"__init__", "forward", "__call__"})  # what is asked of a library's class above
PAD_ID = regex(r"^_?(get_)?(\w+_)?pad(ding)?(_token)?_?(id|idx|index)$", re.IGNORECASE)


def evaluate_call(machine: Machine, node: ast.Call) -> Value:
    """Evaluate a call expression."""
    function = node.func
    if isinstance(function, ast.Name) and function.id == "super":
        return classes.above(machine)
    receiver: Value | None = None
    if isinstance(function, ast.Attribute):
        receiver = evaluate(machine, function.value)
        callee = member(machine, receiver, function.attr, function)
    else:
        callee = evaluate(machine, function)
    if len(node.args) == 1 and isinstance(node.args[0], ast.Starred):
        table = vectors.transposed(machine, node, evaluate(machine, node.args[0].value))
        if table is not None:
            return table
    args, kwargs = parameters.given_in(machine, node)
    if isinstance(function, ast.Attribute) and function.attr in OF_BASE and _is_super(machine, function.value):
        if function.attr == "__init__":
            classes.made_by_base(machine, node, args, kwargs)
        above = classes.criterion_above(machine) if function.attr != "__init__" else None
        if above is not None and not isinstance(callee, Func):
            return call(machine, node, above, args, kwargs)
    if isinstance(function, ast.Attribute) and receiver is not None and function.attr in {"log", "log_dict"}:
        logged = meters.call(machine, node, receiver, function.attr, args, kwargs)
        if logged is not None:
            return logged
    if isinstance(function, ast.Call) and called_name(function.func) == "getattr" and len(function.args) == 2:
        owner, name = function.args
        modes.looked_up(machine, node, evaluate(machine, owner), evaluate(machine, name), args)
    recorded.note(machine, node, args)
    discarded.note_given(machine, node, callee)
    if isinstance(receiver, Class) and isinstance(callee, Opaque) and callee.name in {"from_pretrained", "from_config"}:
        loaded = classes.instantiate(machine, node, receiver, args[1:], kwargs)
        if callee.name == "from_pretrained":  # of the library, which leaves what it loads in evaluation mode
            modes.switch(machine, loaded, Const(False), None)
        return loaded
    is_known = isinstance(callee, Func | Class | LibObject) or _has_call(machine, callee)
    if methods.prepares(machine, function):  # known by what it does, even inside of the library's own repository
        is_known = False
    if isinstance(function, ast.Attribute) and function.attr in {"evaluate", "train"}:
        is_known = is_known and not classes.hands_on(machine, callee)
    if receiver is not None and isinstance(function, ast.Attribute) and not is_known:
        result = methods.call(machine, node, receiver, function.attr, args, kwargs)
        if result is not None:
            return shared_tensors.made(machine, function.attr, receiver, result)
    made = call(machine, node, callee, args, kwargs)
    if isinstance(callee, Lib) and args:
        made = shared_tensors.made(machine, called_name(function), args[0], made)
    if isinstance(made, Opaque) and not made.name and PAD_ID.match(said := called_name(function)):
        return replace(made, name=said)  # nothing is known of what `vocab.pad_id()` returns, but what its name says
    return made


def _is_super(machine: Machine, node: ast.expr) -> bool:
    return machine.text(node).startswith("super(")


def _has_call(machine: Machine, callee: Value) -> bool:
    return isinstance(callee, Ref) and callee.kind == "instance"


def call(machine: Machine, node: ast.AST, callee: Value, args: list[Value], kwargs: Kwargs) -> Value:
    """Call a value."""
    if isinstance(callee, Choice):
        return _each(machine, node, callee, args, kwargs)
    if isinstance(callee, Func):
        return run(machine, node, callee, args, kwargs)
    if isinstance(callee, Class):
        return classes.instantiate(machine, node, callee, args, kwargs)
    if isinstance(callee, Ref) and callee.kind == "instance":
        return _call_instance(machine, node, callee, args, kwargs)
    if isinstance(callee, Lib):
        return functions.call(machine, node, callee.name, args, kwargs)
    if isinstance(callee, LibObject):
        return objects.call(machine, node, callee, args, kwargs)
    return objects.call_opaque(machine, node, callee, args, kwargs)


def _each(machine: Machine, node: ast.AST, callee: Choice, args: list[Value], kwargs: Kwargs) -> Value:
    """Call each of several values, of which settings choose one."""
    before = machine.choosing, machine.may_ignore
    made = [each for each in callee.options if isinstance(each, LibObject)]
    machine.choosing |= len({each.name for each in callee.options if isinstance(each, Lib | LibObject)}) > 1
    machine.may_ignore |= any(each.arg(1, "ignore_index") is not None for each in made) and len(made) > 1
    try:
        return join_all(_alternatives([call(machine, node, option, args, kwargs) for option in callee.options]))
    finally:
        machine.choosing, machine.may_ignore = before


def _alternatives(made: list[Value]) -> list[Value]:
    """Mark the criteria that a setting may choose in place of a cross entropy."""
    scored = [each.scoring for each in made if isinstance(each, Quantity) and each.scoring is not None]
    if not any(each.is_cross_entropy for each in scored):
        return made
    return [
        replace(each, scoring=replace(each.scoring, alternative=True))
        if isinstance(each, Quantity) and each.scoring is not None and not each.scoring.is_cross_entropy
        else each
        for each in made
    ]


# -- functions of the project -----------------------------------------------------------------------------------------


def run(machine: Machine, node: ast.AST, function: Func, args: list[Value], kwargs: Kwargs) -> Value:
    """Run a function of the project on these arguments."""
    if len(machine.frames) >= DEPTH or any(frame.node is function.node for frame in machine.frames):
        return machine.opaque(node)
    machine.reached.add((function.module.path, function.node.lineno))
    if isinstance(function.node, ast.Lambda):
        name = "<lambda>"
    else:
        name = function.node.name
        if _is_context_manager(machine, function.node):
            modes.by_wrapper(machine, function, args, kwargs)
            return objects.context(machine, node, function.node)
        if (
            name == "forward"
            and isinstance(function.self_value, Ref)
            and forwards.is_module(machine, function.self_value)
        ):
            forwards.note(machine, node, function.self_value)
    is_elsewhere = function.module is not machine.frames[0].module
    if is_elsewhere and not _matters_abroad(machine, function, [*args, *kwargs.values()]):
        return _handed_back(function, args, kwargs) or machine.opaque(node)
    place = _called_at(machine, node, name)
    caller = machine.frame
    frame = Frame(
        function.module,
        function.node,
        machine.key(node, name),
        State({}, caller.state.heap),
        name,
        place,
        closure=machine.enclosing(function.closure) if function.closure else None,
        loop_base=machine.depth,
        born=machine.spent,
    )
    bound = parameters.bind(machine, function, args, kwargs, frame)
    symbolic.pass_on(machine, node, function, frame, bound)
    frame.state.names.update(bound)
    own = (machine.frames[0].module.path, machine.home)
    is_abroad = function.module.path not in own and caller.module.path in own
    is_abroad = is_abroad and function.module.path != machine.home
    enter = _enter_abroad if is_abroad else _enter_within
    returned = enter(machine, node, frame, function)
    if function.module.path == machine.home != caller.module.path:
        asked.ask_returned(machine, function, returned)
    return returned


def _handed_back(function: Func, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Return the argument that a function returns under its own name: `model = load_weights(model, path)`."""
    spec = function.node.args
    names = [each.arg for each in (*spec.posonlyargs, *spec.args)]
    returned = {ast.unparse(each.value) for each in walk(function.node) if isinstance(each, ast.Return) and each.value}
    if len(returned) != 1 or function.self_value is not None or not returned <= set(names):
        return None
    name = returned.pop()
    index = names.index(name)
    given = kwargs.get(name, args[index] if index < len(args) else None)
    if isinstance(given, Ref) and given.kind != "instance" and bindings.of(function.node).get(name):
        return None  # ids that were made into rows are no longer the list that they were
    return given if isinstance(given, Ref | LibObject) else None


def _called_at(machine: Machine, node: ast.AST, name: str) -> Evidence:
    """Say where a function is called; one that is entered as any caller would is shown at its name."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return machine.evidence(node, f"calls {name}()")
    whole = machine.evidence(node, f"in {name}()")
    width = len(f"{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}def {name}")
    row, column = whole.span.row, whole.span.column
    return replace(whole, span=Span(row, column, row, column + width))


def _matters_abroad(machine: Machine, function: Func, given: list[Value]) -> bool:
    """Say whether a function of another file is worth running: by its words, or for what it makes, is given or keeps."""
    node = function.node
    made = isinstance(node, ast.FunctionDef) and node.name == "__init__"
    takes_loss = any(isinstance(each, Quantity) and each.is_loss for arg in given for each in options(arg))
    if made or machine.filing or takes_loss or machine.relevance.of(function.module, node):
        return True
    return asked.holds_losses(machine, function.self_value)


def _enter_within(machine: Machine, node: ast.AST, frame: Frame, function: Func) -> Value:
    """Run a function within a part of what is left of the budget; what takes more is unknown."""
    outer, left = machine.limit, machine.limit - machine.steps
    machine.limit = machine.steps + max(left * WITHIN[bool(machine.home)] // 4, 1)
    try:
        return transforms.of_each_row(machine, node, function.node, _enter(machine, frame, function))
    except OutOfBudget:
        if machine.steps + 1 > outer or machine.spent > TOTAL:
            raise
        machine.recall(function.module, function.node)
        machine.recall(machine.frame.module, node)
        machine.exhausted = True
        machine.cut_short.add(function.node)
        return machine.opaque(node)
    finally:
        machine.limit = outer


def _enter_abroad(machine: Machine, node: ast.AST, frame: Frame, function: Func) -> Value:
    """Run a function of another file within a share of the budget; what takes more is unknown."""
    outer, before = machine.limit, machine.steps
    data = machine.relevance.makes_data(function.module, function.node)  # long, and what decides: on steps of its own
    share = min(ABROAD, max((outer - before) // ABROAD_OF[bool(machine.home)], 1))  # what sets up must not take it all
    given = DATA if data else share
    if given < AGAIN * machine.too_long.get(function.node, 0):  # it would fail again
        machine.recall(machine.frame.module, node)
        return machine.opaque(node)
    machine.limit = before + given
    try:
        return transforms.of_each_row(machine, node, function.node, _enter(machine, frame, function))
    except OutOfBudget:
        if (machine.steps >= outer and not data) or machine.spent > TOTAL:
            raise
        machine.too_long[function.node] = given
        machine.cut_short.add(machine.frame.node)  # by itself, it has more to give
        machine.exhausted = True
        machine.recall(machine.frame.module, node)
        return machine.opaque(node)
    finally:
        machine.limit = outer
        if data:
            machine.steps = min(machine.steps, before + OWN)


def _enter(machine: Machine, frame: Frame, function: Func) -> Value:
    with machine.within(frame):
        if isinstance(function.node, ast.Lambda):
            return evaluate(machine, function.node.body)
        _decorate(machine, function.node, frame)
        if bindings.is_generator(function.node):  # what an earlier call of it has yielded is another list's
            frame.state.heap.clear(frame.yielded(machine))
        with gradients.inside(machine, gradients.decorators(machine, function.node)):
            statements.execute(machine, function.node.body)
            merged = machine.merge([*frame.returned, *([frame.state] if not frame.returned else [])])
            if merged is not None:
                frame.state = merged
    if frame.handed is not None and frame.yields is None:
        return frame.handed
    if frame.yields is not None:
        several = isinstance(frame.yields, Ref) and frame.yields.id in machine.list_loops
        return frame.yields if several else Tuple((frame.yields,))
    return frame.returns if frame.returns is not None else Const(None)


def _decorate(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> None:
    """Apply what decorators of the project do to the mode of the modules that the function is given."""
    for each in node.decorator_list:
        wrapper = gradients.project_decorator(machine, each)
        if wrapper is not None:
            modes.by_wrapper(machine, wrapper, [slot.value for slot in frame.state.names.values()])


def _is_context_manager(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("contextmanager" in machine.text(each) for each in node.decorator_list)


def _call_instance(machine: Machine, node: ast.AST, owner: Ref, args: list[Value], kwargs: Kwargs) -> Value:
    """Call an instance: __call__, or forward for modules."""
    for name in ("__call__", "forward", "call"):
        bound = classes.method(machine, owner, name)
        if bound is not None:
            if name != "forward" and forwards.is_module(machine, owner):
                forwards.note(machine, node, owner)
            made = run(machine, node, bound, args, kwargs)
            if isinstance(made, Opaque):
                made = objects.unread_criterion(machine, node, owner, bound.node, args, kwargs) or made
            return objects.called_model(machine, node, owner, made, args, kwargs)
    layers = classes.layers(machine, owner)
    if layers is not None:
        forwards.note(machine, node, owner)
        return objects.called_model(machine, node, owner, objects.in_turn(machine, node, layers, args), args, kwargs)
    return objects.call_opaque(machine, node, owner, args, kwargs)


def submodule(machine: Machine, owner: ModuleValue, name: str) -> Value | None:
    """Return `package.name` where that is a module file."""
    module = machine.project.resolve(owner.module.path, name, 1)
    if module is None or not owner.module.path.endswith("__init__.py"):
        return None
    imports.load(machine, module)
    return ModuleValue(module)
