"""Same values: whether two places of a file see the same value under a name, in one and the same run.

A name may be a parameter of another function in between, or be bound anew; and of two places that exclude each other, a
run reaches one. What cannot be told is no.
"""

from __future__ import annotations

import ast
from itertools import pairwise, takewhile

from lintloss.facts import binders, bindings
from lintloss.facts.callers import text_of
from lintloss.facts.caps import defaults
from lintloss.facts.survey import called_name
from lintloss.parse import Module

DEPTH = 3  # callers of callers of callers
JUMPS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
BLOCKS = ("body", "orelse", "finalbody")
CONSUMED = {"open", "iter", "map", "filter", "zip", "reader", "DictReader", "chain"}  # read once, they are at their end


def sees_same(module: Module, one: ast.AST, other: ast.AST, name: str) -> bool:
    """Say whether a name holds the same value at two nodes, both of which one run reaches."""
    home = binders.of_name(module, one, name)
    if home is not binders.of_name(module, other, name) or exclude(module, one, other):
        return False
    bound = binders.stores(module, home, name)
    if any(binders.function_of(module, each) is not _scope(module, home) for each in bound):  # by `global`
        return False
    if any(binders.function_of(module, each) is not _scope(module, home) for each in (one, other)):
        return len(bound) + (name in binders.given(home)) < 2  # it runs whenever it is called
    first, last = sorted((_row(one), _row(other)))
    between = any(first < each.lineno <= last for each in bound)
    return not between and not _is_bound_by_pass(module, one, other, bound)


def _scope(module: Module, home: ast.AST) -> ast.AST:
    return home if isinstance(home, binders.FUNCTIONS) else binders.function_of(module, home)


def _row(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def _is_bound_by_pass(module: Module, one: ast.AST, other: ast.AST, bound: list[ast.Name]) -> bool:
    """Say whether a loop around both binds the name, and a test in it chooses: each may run in another pass."""
    common, mine, theirs = _paths(module, one, other)
    chosen = any(isinstance(each, ast.If | ast.Match | ast.IfExp) for each in (*mine, *theirs))
    looped = [each for each in (common, *binders.around(module, common)) if isinstance(each, LOOPS)]
    return chosen and any(loop in binders.around(module, each) for each in bound for loop in looped)


def exclude(module: Module, one: ast.AST, other: ast.AST) -> bool:
    """Say whether a run that reaches one of two nodes never reaches the other: two arms, or one that returns."""
    if binders.function_of(module, one) is not binders.function_of(module, other):
        return False
    common, mine, theirs = _paths(module, one, other)
    if isinstance(common, ast.Match):
        return True
    if isinstance(common, ast.If | ast.IfExp):
        arms = {_arm(common, path[-1]) for path in (mine, theirs) if path}
        return arms == {"body", "orelse"}
    return _leaves(mine if _row(one) <= _row(other) else theirs)


def _paths(module: Module, one: ast.AST, other: ast.AST) -> tuple[ast.AST, list[ast.AST], list[ast.AST]]:
    """Return the innermost node around both, and what is below it, from each node outwards."""
    above = [one, *binders.around(module, one)]
    below = [other, *binders.around(module, other)]
    common = next(each for each in below if each in above)
    return (
        common,
        [*takewhile(lambda each: each is not common, above)],
        [*takewhile(lambda each: each is not common, below)],
    )


def _arm(node: ast.If | ast.IfExp, child: ast.AST) -> str:
    for name in ("body", "orelse"):
        arm = getattr(node, name)
        if child is arm or (isinstance(arm, list) and child in arm):
            return name
    return "test"


def _leaves(path: list[ast.AST]) -> bool:
    """Say whether what stands around a node, below what it shares with another, ends by leaving for good."""
    in_loop = False
    for child, holder in pairwise(path):
        block = next((each for name in BLOCKS if child in (each := _block(holder, name))), [])
        last = block[-1] if block else None
        if isinstance(last, ast.Return | ast.Raise) or (isinstance(last, JUMPS) and not in_loop):
            return True
        in_loop = in_loop or isinstance(holder, LOOPS)
    return False


def _block(node: ast.AST, name: str) -> list[ast.AST]:
    block = getattr(node, name, None)
    return block if isinstance(block, list) else []


# -- what calls are given ---------------------------------------------------------------------------------------------


def are_given_same(module: Module, one: ast.Call, other: ast.Call) -> bool:
    """Say whether two calls that are spelled alike, perhaps in two functions, are given the same values."""
    if text_of(one) != text_of(other):
        return False
    mine, theirs = (_names([*each.args, *(word.value for word in each.keywords)]) for each in (one, other))
    for left, right in zip(mine, theirs, strict=True):
        origin = _origin(module, left, DEPTH)
        if origin is None or origin != _origin(module, right, DEPTH):
            return False
    return True


def _names(nodes: list[ast.expr]) -> list[ast.Name]:
    return [each for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)]


def _origin(module: Module, node: ast.expr, depth: int) -> object:
    """Return what tells the value of a name from others: a constant, or who binds it once; None where that is not known."""
    if isinstance(node, ast.Constant):
        return "constant", repr(node.value)
    if isinstance(node, ast.Attribute):
        owner = _origin(module, node.value, depth)
        return None if owner is None else (owner, node.attr)
    if not isinstance(node, ast.Name):
        return None
    home = binders.of_name(module, node, node.id)
    bound = binders.stores(module, home, node.id)
    if node.id in binders.given(home):
        return None if bound else _handed(module, home, node.id, depth)
    if isinstance(home, binders.COMPREHENSIONS) or len(bound) > 1:
        return None
    made = binders.parents(module)[bound[0]] if bound else None
    if made is None:
        return home, node.id  # imported, or a function of the file
    value = made.value if isinstance(made, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Constant):
        return _origin(module, value, depth)
    is_consumed = isinstance(value, ast.Call) and called_name(value.func) in CONSUMED
    return (home, node.id) if value is not None and not is_consumed else None


def _handed(module: Module, function: ast.AST, name: str, depth: int) -> object:
    """Return what all callers in the file hand over for a parameter; the parameter itself where nobody calls."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or not depth:
        return None
    calls = [call for call, _ in bindings.calls(module).get(function.name, ())]
    if not calls:
        return function, name
    found = {
        _origin(module, each, depth - 1) if each is not None else None for each in _arguments(function, calls, name)
    }
    return found.pop() if len(found) == 1 else None


def _arguments(
    function: ast.FunctionDef | ast.AsyncFunctionDef, calls: list[ast.Call], name: str
) -> list[ast.expr | None]:
    spec = function.args
    names = [each.arg for each in (*spec.posonlyargs, *spec.args)]
    found: list[ast.expr | None] = []
    for call in calls:
        place = names.index(name) if name in names else len(call.args)
        place -= isinstance(call.func, ast.Attribute) and names[:1] in (["self"], ["cls"])
        plain = not any(isinstance(each, ast.Starred) for each in call.args)
        word = next((each.value for each in call.keywords if each.arg == name), None)
        by_place = call.args[place] if plain and 0 <= place < len(call.args) else None
        found.append(word or by_place or defaults(function).get(name))
    return found
