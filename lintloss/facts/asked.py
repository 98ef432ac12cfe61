"""Statistics: an object that adds up losses and is returned by the evaluation; whoever gets one asks it for its means."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from lintloss.facts import classes, gradients
from lintloss.facts.callers import text_of
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.state import State
from lintloss.facts.survey import walk
from lintloss.facts.values import Class, Func, Quantity, Ref, Tuple, Value, options
from lintloss.patterns import regex

DIVIDES = regex(r" /=? |\bmean\(")
MOST = 4  # questions to one object
NESTED = 3  # lists and dicts inside of one another
CONTAINERS = frozenset({"list", "dict"})


def holds_losses(machine: Machine, value: Value | None) -> bool:
    """Say whether an object of the project keeps losses, or a total of them: in a field, or in a list or dict of one."""
    return isinstance(value, Ref) and value.kind == "instance" and _keeps(machine, value, NESTED)


def _keeps(machine: Machine, owner: Ref, depth: int) -> bool:
    kept = [each for slot in machine.fields(owner).values() for each in _parts(slot.value)]
    if any(isinstance(each, Quantity) and each.is_loss for each in kept):
        return True
    inner = (each for each in kept if isinstance(each, Ref) and each.kind in CONTAINERS)
    return depth > 0 and any(_keeps(machine, each, depth - 1) for each in inner)


def _parts(value: Value) -> Iterator[Value]:
    """Yield the alternatives of a value, of a tuple its items."""
    for option in options(value):
        yield from option.items if isinstance(option, Tuple) else (option,)


def ask_returned(machine: Machine, function: Func, returned: Value) -> None:
    """Ask what a function has returned for its means, as its callers do: it was called by nobody, or from another file.

    What the questions change is forgotten: no caller asks all of them.
    """
    from lintloss.facts import calls

    asker, node = function.node, _returning(function)
    if node is None or isinstance(asker, ast.Lambda):
        return
    for made in _parts(returned):
        if not isinstance(made, Ref) or made == function.self_value or not holds_losses(machine, made):
            continue
        caller = machine.frame
        kept, heap = caller.state.heap, caller.state.heap.copy()
        key = machine.key(node, "asked")
        frame = Frame(function.module, asker, key, State({}, heap), asker.name, born=machine.spent, statement=node)
        with machine.within(frame), gradients.inside(machine, gradients.decorators(machine, asker)):
            for question in itertools.islice(_questions(machine, made), MOST):
                calls.run(machine, node, question, [], {})
        caller.state.heap = kept


def _returning(function: Func) -> ast.Return | None:
    """Return the last statement by which a function returns something."""
    found = [each for each in walk(function.node) if isinstance(each, ast.Return) and each.value is not None]
    return found[-1] if found else None


def _questions(machine: Machine, made: Ref) -> Iterator[Func]:
    """Yield the methods of an object that need nothing and return what they divide."""
    names = dict.fromkeys(
        each.name
        for base in (classes.bases(machine, made.cls) if made.cls is not None else ())
        if isinstance(base, Class)
        for each in base.node.body
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_") and _answers(each)
    )
    for name in names:
        bound = classes.method(machine, made, name)
        if bound is not None and bound.self_value is made:
            yield bound


def _answers(node: ast.FunctionDef) -> bool:
    spec = node.args
    needed = len(spec.posonlyargs) + len(spec.args) - len(spec.defaults) - 1
    if needed > 0 or any(each is None for each in spec.kw_defaults):
        return False
    returns = any(isinstance(each, ast.Return) and each.value is not None for each in walk(node))
    return returns and DIVIDES.search(text_of(node)) is not None
