"""Leftovers: generators and iterators of batches that give full ones only, and never what remains at the end."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from lintloss.facts import bindings, ends, exhaustion, refills, remainders, thrown, whole
from lintloss.facts.callers import text_of
from lintloss.facts.caps import defaults
from lintloss.facts.cuts import leaves_short
from lintloss.facts.whole import Counts, Function, Loop
from lintloss.patterns import regex

SAMPLES = regex(r"randint|choice\(|sample\(|integers\(")


def keeps(function: ast.AST, owner: ast.ClassDef | None = None) -> ast.AST | None:
    """Return where a generator gives up full batches only, None where it also gives what is left, or never ends.

    Args:
        function: a generator, or the `__next__` of an iterator.
        owner: its class, whose attributes may hold the number of batches.
    """
    if not isinstance(function, Function):
        return None
    if function.name == "__next__":
        return _stops_short(function, Counts(function, owner)) or refills.of_iterator(function, owner)
    yields = [node for node in bindings.own(function) if isinstance(node, ast.Yield)]
    if not yields or is_endless(function, yields):
        return None
    handed = [node for node in bindings.own(function) if isinstance(node, ast.YieldFrom)]
    return thrown.in_generator(function) or _held_back(function, [*yields, *handed], Counts(function, owner))


def passed_on(function: ast.FunctionDef) -> ast.expr | None:
    """Return what a generator runs over once, to give each batch as it comes: `for x, y in loader: yield x.to(device), …`."""
    yields = [each for each in bindings.own(function) if isinstance(each, ast.Yield)]
    around = [each for each in bindings.own(function) if isinstance(each, Loop) and _holds(each, yields)]
    only = around[0] if len(around) == len(yields) == 1 else None
    given = only.body[-1] if isinstance(only, ast.For) else None
    if not isinstance(only, ast.For) or not isinstance(given, ast.Expr) or given.value is not yields[0]:
        return None
    return whole.unwrapped(only.iter)


def handed_on(function: ast.FunctionDef, owner: ast.ClassDef) -> ast.FunctionDef | None:
    """Return the generator of the same class from which another takes all that it gives: `yield from self.epoch()`.

    One that starts it over for ever as well does so for the training, as its `if` will say.
    """
    given = [each for each in bindings.own(function) if isinstance(each, ast.YieldFrom)]
    if given and not any(isinstance(each, ast.Yield) for each in bindings.own(function)):
        sources: list[ast.expr | None] = [each.value for each in given]
        if is_endless(function, given) and len(given) == 1:
            return None
    else:
        sources = list(bindings.returns(function)) if not given else []
    names = {_own_call(each) for each in sources}
    name = names.pop() if len(names) == 1 else ""
    found = (each for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == name)
    return next((each for each in found if bindings.is_generator(each)), None)


def _own_call(source: ast.expr | None) -> str:
    """Return which method of the same object a call means, `self.epoch()`; iter() of it is seen through."""
    inner = whole.unwrapped(source) if source is not None else None
    function = inner.func if isinstance(inner, ast.Call) else None
    owned = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"
    return function.attr if owned and isinstance(function, ast.Attribute) else ""


def keeps_list(function: ast.AST, name: str, owner: ast.ClassDef | None = None) -> ast.AST | None:
    """Return where a list of batches gets full ones only: `batches.append(rows[i : i + batch_size])`."""
    appended = [
        node
        for node in bindings.own(function)
        if isinstance(node, ast.Call) and text_of(node.func) in {f"{name}.append", f"{name}.extend"}
    ]
    return _held_back(function, appended, Counts(function, owner)) if appended else None


def _held_back(function: ast.AST, given: Sequence[ast.AST], counts: Counts) -> ast.AST | None:
    """Return what lets full batches through only, where all that is given stands behind it."""
    if all(_only_when_full(function, each) for each in given):
        return given[0]
    loops = [each for each in bindings.own(function) if isinstance(each, ast.For | ast.AsyncFor | ast.While)]
    around = [each for each in loops if _holds(each, given)]
    for loop in around:
        sampled = any(SAMPLES.search(text_of(each)) for each in getattr(function, "body", ()))  # whatever its name is
        found = ends.steps(loop, counts) or whole.number(loop, counts, sampled=sampled)
        found = found or whole.windows(function, loop, counts)
        if found is not None:
            return found
    listed = whole.listed(function, counts)
    if listed is not None and remainders.is_taken(function, _around(function, listed)):
        return None
    return listed or whole.cut(function, counts) or _left_when_short(around, given)


def _around(function: ast.AST, header: ast.AST) -> ast.AST:
    """Return the comprehension that runs over a range."""
    lists = (each for each in bindings.own(function) if isinstance(each, ast.ListComp | ast.GeneratorExp))
    return next((each for each in lists if any(header is part.iter for part in each.generators)), header)


def _holds(loop: ast.AST, given: Iterable[ast.AST]) -> bool:
    inside = {id(each) for each in ast.walk(loop)}
    return all(id(each) in inside for each in given)


def is_endless(function: Function, yields: Sequence[ast.AST]) -> bool:
    """Say whether a generator starts over for ever; `while True` that is left where the data ends does not."""
    for loop in bindings.own(function):
        if not isinstance(loop, ast.While) or text_of(loop.test) not in {"True", "1"}:
            continue
        nested = (each for each in ast.walk(loop) if isinstance(each, ast.For | ast.While) and each is not loop)
        in_epochs = any(_holds(each, yields[:1]) for each in nested)
        left = _is_left(loop.body) or exhaustion.ends(function, loop)
        if not _once(function, loop) and (in_epochs or not left):
            return True
    return False


def _is_left(body: list[ast.stmt]) -> bool:
    """Say whether a `while True` has a way out of its own."""
    for each in body:
        if isinstance(each, ast.Break | ast.Return):
            return True
        if isinstance(each, ast.If) and (_is_left(each.body) or _is_left(each.orelse)):
            return True
        if isinstance(each, ast.With) and _is_left(each.body):
            return True
        if isinstance(each, ast.Try) and any(_is_left(one) for one in (each.body, *(h.body for h in each.handlers))):
            return True
    return False


def _once(function: Function, loop: ast.While) -> bool:
    """Say whether `while True` is left after one pass when the generator is not for training, or not asked to loop."""
    end = loop.body[-1]
    if not isinstance(end, ast.If) or not any(isinstance(each, ast.Break | ast.Return) for each in end.body):
        return False
    return "train" in text_of(end.test) or text_of(end.test) in {f"not {name}" for name in _off(function)}


def _off(function: Function) -> list[str]:
    """Return the parameters that are False by default."""
    given = defaults(function).items()
    return [name for name, value in given if isinstance(value, ast.Constant) and value.value is False]


def _left_when_short(around: list[ast.For | ast.AsyncFor | ast.While], given: Sequence[ast.AST]) -> ast.AST | None:
    """Return `if len(rows) < batch_size: break` before the only yield of a loop that steps over rows."""
    for loop in around if len(given) == 1 else ():
        for test in loop.body:
            if isinstance(test, ast.If) and leaves_short(test) is not None:
                return test
    return None


def _only_when_full(function: ast.AST, found: ast.AST) -> bool:
    """Say whether a yield stands under a test that a list has reached a size: in a loop, or behind it."""
    inside = {
        id(each)
        for loop in bindings.own(function)
        if isinstance(loop, ast.For | ast.AsyncFor)
        for each in ast.walk(loop)
    }
    for test in bindings.own(function):
        if not isinstance(test, ast.If | ast.While) or not _asks_for_size(test.test) or not _measures(test.test, test):
            continue
        if exhaustion.holds(test.body, found):
            if id(test) in inside or not isinstance(test.test, ast.Compare) or _is_size(test.test.comparators[0]):
                return True
    return False


def _measures(asked: ast.expr, test: ast.If | ast.While) -> bool:
    """Say whether what is measured is given away under the test: `len(parts) == 2` of a line asks for its form."""
    counted = {each.id for each in ast.walk(asked) if isinstance(each, ast.Name)} - {"len"}
    size = asked.comparators[0] if isinstance(asked, ast.Compare) else None
    if not isinstance(size, ast.Constant):
        return True
    stored = {each.id for part in test.body for each in ast.walk(part) if isinstance(each, ast.Name)}
    emptied = {text_of(each.targets[0]) for each in test.body if isinstance(each, ast.Assign)}
    return bool(counted & stored) and bool(counted & emptied)


def _is_size(node: ast.expr) -> bool:
    return not isinstance(node, ast.Constant)


def _asks_for_size(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq | ast.GtE):
        return False
    return text_of(test.left).startswith("len(") and "len(" not in text_of(test.comparators[0])


def _stops_short(function: Function, counts: Counts) -> ast.AST | None:
    """Return `if self.at + self.batch_size > len(self.rows): raise StopIteration` of an iterator's `__next__`."""
    for test in bindings.own(function):
        if not isinstance(test, ast.If) or not isinstance(test.body[-1], ast.Raise):
            continue
        if "StopIteration" in text_of(test.body[-1]) and ends.asks_for_more(test.test, counts):
            return test
    return None
