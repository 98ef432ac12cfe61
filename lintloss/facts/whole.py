"""Whole batches: the arithmetic by which a number of rows is rounded down to a number of batches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.caps import is_length
from lintloss.patterns import regex

BATCH = regex(r"batch|(^|[._])bs(z)?$", re.IGNORECASE)
WRAPPERS = {"tqdm", "enumerate", "track", "list", "iter", "progress_bar", "trange"}
RANGES = {"range", "trange"}
ROWS = regex(r"^len\(|\.size\(0\)$|\.size\(\)\[0\]$|\.shape\[0\]$|\.num_rows$")
SHAPES = regex(r"\.(view|reshape|chunk)\(|rearrange\(|np\.reshape\(|array_split\(")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While


@dataclass(frozen=True, slots=True)
class Counts:
    """Looks up what a name in a function, or an attribute of its class, was given."""

    function: ast.AST
    owner: ast.ClassDef | None = None

    def of(self, node: ast.expr) -> ast.expr:
        """Return the only value of a name or attribute, else the expression itself."""
        bound: tuple[bindings.Binding, ...] = ()
        if isinstance(node, ast.Name):
            bound = bindings.of(self.function).get(node.id, ())
        elif isinstance(node, ast.Attribute) and self.owner is not None and text_of(node.value) == "self":
            bound = tuple(each for _, each in bindings.fields(self.owner).get(node.attr, ()))
        only = bound[0].value if len(bound) == 1 and not bound[0].picks and bound[0].key is None else None
        return only if only is not None else node


def unwrapped(node: ast.expr) -> ast.expr:
    """See through tqdm(), enumerate() and the like."""
    while isinstance(node, ast.Call) and node.args and text_of(node.func).rsplit(".", 1)[-1] in WRAPPERS:
        node = node.args[0]
    return node


def floored(node: ast.expr, counts: Counts) -> ast.expr | None:
    """Return the batch size of `len(rows) // batch_size`, by itself or under a name."""
    node = counts.of(node)
    if isinstance(node, ast.Call) and text_of(node.func) in {"int", "math.floor", "np.floor"} and len(node.args) == 1:
        node = node.args[0]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            node = ast.BinOp(node.left, ast.FloorDiv(), node.right)
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.FloorDiv):
        return None
    rows = text_of(counts.of(node.left))
    return node.right if ROWS.search(rows) and BATCH.search(text_of(node.right)) else None


def number(loop: Loop, counts: Counts, *, sampled: bool) -> ast.AST | None:
    """Return `range(len(rows) // batch_size)`: the batches are whole, what remains is not given.

    Args:
        sampled: random batches are made in the loop, of which there are no whole ones to leave out.
    """
    header = unwrapped(loop.iter) if isinstance(loop, ast.For) else None
    if not isinstance(header, ast.Call) or text_of(header.func) not in RANGES or len(header.args) != 1:
        return None
    bound = counts.of(header.args[0])
    if isinstance(loop, ast.For) and whole_batches(bound, loop) is not None:
        return header
    size = floored(header.args[0], counts) if not sampled else None
    return header if size is not None and not isinstance(size, ast.BinOp) else None


def whole_batches(node: ast.expr, loop: ast.For | ast.AsyncFor) -> ast.expr | None:
    """Return the batch size of `rows // batch_size` where the loop slices rows[k * batch_size : ...]."""
    if isinstance(node, ast.Call) and text_of(node.func) == "int" and node.args:
        node = node.args[0]
    if (
        not isinstance(node, ast.BinOp)
        or not isinstance(node.op, ast.FloorDiv)
        or not BATCH.search(text_of(node.right))
    ):
        return None
    if not re.search(r"\blen\(|\.size\(0\)|\.shape\[0\]|num_|n_", text_of(node.left)) or isinstance(
        node.right, ast.BinOp
    ):
        return None
    size, index = text_of(node.right), text_of(loop.target)
    for each in ast.walk(loop):
        if isinstance(each, ast.Slice) and each.lower is not None and each.upper is not None:
            if text_of(each.lower) in {f"{index} * {size}", f"{size} * {index}"} and size in text_of(each.upper):
                return node.right
    return None


def steps(loop: Loop, counts: Counts) -> ast.AST | None:
    """Return `range(0, n - size + 1, size)`, or `while at + size <= n`: the last, partial batch is not in it."""
    if isinstance(loop, ast.While):
        return loop.test if _fits(loop.test) else None
    header = unwrapped(loop.iter)
    if not isinstance(header, ast.Call) or not text_of(header.func).endswith(("range", "permutation")):
        return None
    inner = header if text_of(header.func) in RANGES else header.args[0] if header.args else header
    return header if isinstance(inner, ast.Call) and _is_whole(inner, counts) else None


def listed(scope: ast.AST, counts: Counts) -> ast.AST | None:
    """Return the same range of a comprehension: the batches are listed first."""
    for node in bindings.own(scope):
        if isinstance(node, ast.comprehension) and isinstance(node.iter, ast.Call):
            if text_of(node.iter.func) == "range" and _is_whole(node.iter, counts):
                return node.iter
    return None


def of_comprehension(node: ast.ListComp | ast.GeneratorExp, counts: Counts) -> ast.AST | None:
    """Return the range of `[rows[i : i + size] for i in range(0, len(rows) - size + 1, size)]`, or one over whole batches."""
    header = node.generators[0].iter
    if not isinstance(header, ast.Call) or text_of(header.func) != "range":
        return None
    if len(header.args) == 1:
        named = isinstance(node.generators[0].target, ast.Name)
        return header if named and floored(header.args[0], counts) is not None else None
    return header if _is_whole(header, counts) else None


def _is_whole(node: ast.Call, counts: Counts) -> bool:
    if len(node.args) != 3:
        return False
    stop, step = text_of(counts.of(node.args[1])), text_of(node.args[2])
    if not BATCH.search(step):
        return False
    return stop.endswith((f"- {step} + 1", f"- ({step} - 1)", f"- {step}")) or _is_multiple(node.args[1], counts)


def _fits(test: ast.expr) -> bool:
    """Say whether a test asks for a whole batch to be left: `at + batch_size <= len(rows)`."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.LtE | ast.Lt):
        return False
    return _reaches(test.left, test.comparators[0])


def asks_for_more(test: ast.expr) -> bool:
    """Say whether a test finds that less than a whole batch is left: `at + batch_size > len(rows)`."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.GtE | ast.Gt):
        return False
    return _reaches(test.left, test.comparators[0])


def _reaches(end: ast.expr, length: ast.expr) -> bool:
    if not is_length(length) and not ROWS.search(text_of(length)):
        return False
    if not isinstance(end, ast.BinOp) or not isinstance(end.op, ast.Add | ast.Mult):
        return False
    return any(BATCH.search(text_of(side)) is not None for side in (end.left, end.right))


def cut(function: ast.AST, counts: Counts) -> ast.AST | None:
    """Return where rows (or their indices) are cut to whole batches: `rows[: count * size]`, `arange(n // b * b)`.

    A stream of tokens that is cut to equal columns loses fewer tokens than there are columns: that is left alone, and
    told by its new shape.
    """
    shaped = SHAPES.search(text_of(function)) is not None
    for node in bindings.own(function):
        bound = _bound(node)
        if bound is None or (shaped and isinstance(node, ast.Subscript) and not _of_windows(bound, counts)):
            continue
        if _is_multiple(bound, counts) or _of_windows(bound, counts):
            return node
    return None


def _bound(node: ast.AST) -> ast.expr | None:
    """Return E of `rows[:E]`, `arange(E)` and `range(E)`."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.step is None:
        return node.slice.upper if node.slice.lower is None else None
    if isinstance(node, ast.Call) and text_of(node.func).rsplit(".", 1)[-1] in {"arange", "range", "permutation"}:
        return node.args[0] if len(node.args) == 1 else None
    return None


def _is_multiple(node: ast.expr, counts: Counts) -> bool:
    """Say whether a number of rows is rounded down to whole batches: `n // b * b`, `n - n % b`."""
    node = counts.of(node)
    if not isinstance(node, ast.BinOp):
        return False
    if isinstance(node.op, ast.Sub) and isinstance(node.right, ast.BinOp) and isinstance(node.right.op, ast.Mod):
        rows = text_of(counts.of(node.left))
        return ROWS.search(rows) is not None and BATCH.search(text_of(node.right.right)) is not None
    if not isinstance(node.op, ast.Mult):
        return False
    for one, other in ((node.left, node.right), (node.right, node.left)):
        size = floored(one, counts)
        if size is not None and text_of(size) == text_of(other):
            return True
    return False


def _of_windows(node: ast.expr, counts: Counts) -> bool:
    """Say whether a stream is cut to whole batches of windows: `count * batch_size * length` of `n // (batch_size * length)`."""
    factors = list(_factors(counts.of(node)))
    for each in factors:
        value = counts.of(each)
        if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.FloorDiv):
            continue
        size = list(_factors(counts.of(value.right)))
        rest = sorted(text_of(one) for one in factors if one is not each)
        named = any(BATCH.search(text_of(one)) for one in size)
        if len(size) == 2 and named and rest in (sorted(map(text_of, size)), [text_of(value.right)]):
            return True
    return False


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from _factors(node.left)
        yield from _factors(node.right)
    else:
        yield node
