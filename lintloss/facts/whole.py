"""Whole batches: the arithmetic by which a number of rows is rounded down to a number of batches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lintloss.facts import aliases, bindings
from lintloss.facts.callers import text_of
from lintloss.facts.caps import parameters
from lintloss.facts.survey import called_name, walk
from lintloss.patterns import regex

BATCH = regex(r"batch|(^|[._])bs(z)?$", re.IGNORECASE)
MAKES = regex(r"batch", re.IGNORECASE)
LENGTH = regex(r"len|step|seq|width|block|bptt|window|context|time", re.IGNORECASE)
WRAPPERS = {"tqdm", "enumerate", "track", "list", "iter", "progress_bar", "trange"}
RANGES = {"range", "trange"}
SAMPLED = regex(
    r"(^|[(_.])(sample|generated|generation)(?![a-z_])", re.IGNORECASE
)  # a model's own text, not the samples
ROWS = regex(r"^len\(|\.size\(0\)$|\.size\(\)\[0\]$|\.shape\[0\]$|\.num_rows$")
RESHAPES = frozenset({"view", "reshape", "chunk", "array_split", "rearrange"})

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
        if len(bound) > 1:
            bound = tuple(each for each in bound if not _is_capped(node, each.value))
        only = bindings.only(bound)
        return only if only is not None else node

    def is_size(self, node: ast.expr) -> bool:
        """Say whether a number is that of rows in a batch: by its name, or as a parameter of what makes batches."""
        if BATCH.search(text_of(node)):
            return True
        if not isinstance(self.function, Function) or not isinstance(node, ast.Name):
            return False
        makes = MAKES.search(self.function.name) is not None and LENGTH.search(node.id) is None
        return makes and node.id in parameters(self.function)


def _is_capped(name: ast.expr, value: ast.expr | None) -> bool:
    """Say whether a number only gets a limit: `if limit: count = min(count, limit)`."""
    if not isinstance(value, ast.Call) or called_name(value.func) != "min":
        return False
    return any(text_of(each) == text_of(name) for each in value.args)


def unwrapped(node: ast.expr, called: Mapping[str, str] = aliases.NONE) -> ast.expr:
    """See through tqdm(), enumerate() and the like; `called`: the aliases of the module."""
    while isinstance(node, ast.Call) and node.args and aliases.last_name(node.func, called) in WRAPPERS:
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
    rows = text_of(_divided(counts, node.left))
    if rounds_up(rows, text_of(node.right)):
        return None
    found = ROWS.search(rows) and not SAMPLED.search(rows) and counts.is_size(node.right)
    return node.right if found else None


def _divided(counts: Counts, node: ast.expr) -> ast.expr:
    """Return what the number of rows is; of windows, `(len(ids) - 1) // width`, what they are cut from."""
    node = counts.of(node)
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.FloorDiv):
        return node
    stream = counts.of(node.left)
    shifted = isinstance(stream, ast.BinOp) and isinstance(stream.op, ast.Sub)
    return counts.of(stream.left) if shifted and isinstance(stream, ast.BinOp) else stream


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


def rounds_up(divided: str, size: str) -> bool:
    """Say whether all but one of a size is added before it divides: `(len(rows) + batch_size - 1) // batch_size`."""
    return f"+ {size}" in divided or f"+ ({size} - 1)" in divided or divided.lstrip("(").startswith(f"{size} + ")


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
    if rounds_up(text_of(node.left), size):
        return None
    for each in ast.walk(loop):
        if isinstance(each, ast.Slice) and each.lower is not None and each.upper is not None:
            if text_of(each.lower) in {f"{index} * {size}", f"{size} * {index}"} and size in text_of(each.upper):
                return node.right
    return None


def windows(function: ast.AST, loop: Loop, counts: Counts) -> ast.AST | None:
    """Return `range((columns.shape[1] - 1) // steps)` where windows of a batch of columns are cut: `columns[:, i * steps : …]`.

    Of one row alone the same arithmetic leaves out less than a window: what is a batch is told by its name.
    """
    header = unwrapped(loop.iter) if isinstance(loop, ast.For) else None
    if not isinstance(header, ast.Call) or text_of(header.func) != "range" or len(header.args) != 1:
        return None
    bound = counts.of(header.args[0])
    if not isinstance(bound, ast.BinOp) or not isinstance(bound.op, ast.FloorDiv) or not isinstance(loop, ast.For):
        return None
    size, index = text_of(bound.right), text_of(loop.target)
    starts = {f"{index} * {size}", f"{size} * {index}"}
    batched = any(
        isinstance(each, ast.Name | ast.Attribute) and BATCH.search(text_of(each)) for each in ast.walk(function)
    )
    for each in ast.walk(loop) if batched else ():
        if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Tuple) and len(each.slice.elts) == 2:
            cut = each.slice.elts[1]
            if isinstance(cut, ast.Slice) and cut.lower is not None and text_of(cut.lower) in starts:
                return header
    return None


def steps(loop: ast.For | ast.AsyncFor, counts: Counts) -> ast.AST | None:
    """Return `range(0, n - size + 1, size)`: the last, partial batch is not in it."""
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
    if not counts.is_size(node.args[2]):
        return False
    return (
        stop.endswith((f"- {step} + 1", f"- ({step} - 1)", f"- {step}"))
        or _multiple_of(node.args[1], counts) is not None
    )


def cut(function: ast.AST, counts: Counts) -> ast.AST | None:
    """Return where rows (or their indices) are cut to whole batches: `rows[: count * size]`, `arange(n // b * b)`.

    A stream of tokens that is cut to equal columns loses fewer tokens than there are columns: that is left alone, and
    told by its new shape.
    """
    for node in bindings.own(function):
        bound = _bound(node)
        if bound is None:
            continue
        size = _multiple_of(bound, counts)
        if _of_windows(bound, counts):
            return node
        if size is not None and not (isinstance(node, ast.Subscript) and _has_columns(function, text_of(size))):
            return node
    return None


def _has_columns(function: ast.AST, size: str) -> bool:
    """Say whether something gets a batch size as its first dimension: `ids.view(batch_size, -1)`."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or called_name(node.func) not in RESHAPES or not node.args:
            continue
        given = node.args[-1] if text_of(node.func).startswith(("np.", "torch.", "jnp.")) else node.args[0]
        first = given.elts[0] if isinstance(given, ast.Tuple | ast.List) and given.elts else given
        if text_of(first) == size or called_name(node.func) == "rearrange":
            return True
    return False


def _bound(node: ast.AST) -> ast.expr | None:
    """Return E of `rows[:E]`, `arange(E)` and `range(E)`."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.step is None:
        begin = node.slice.lower
        return node.slice.upper if begin is None or text_of(begin) == "0" else None
    if isinstance(node, ast.Call) and text_of(node.func).rsplit(".", 1)[-1] in {"arange", "range", "permutation"}:
        return node.args[0] if len(node.args) == 1 else None
    return None


def _multiple_of(node: ast.expr, counts: Counts) -> ast.expr | None:
    """Return the batch size to whose multiple a number of rows is rounded down: `n // b * b`, `n - n % b`."""
    node = counts.of(node)
    if not isinstance(node, ast.BinOp):
        return None
    if isinstance(node.op, ast.Sub) and isinstance(node.right, ast.BinOp) and isinstance(node.right.op, ast.Mod):
        size = node.right.right
        known = ROWS.search(text_of(counts.of(node.left))) is not None and counts.is_size(size)
        return size if known else None
    if not isinstance(node.op, ast.Mult):
        return None
    for one, other in ((node.left, node.right), (node.right, node.left)):
        found = floored(one, counts)
        if found is not None and any(
            _same(each, other) for each in (found, *factors_of(found)) if counts.is_size(each)
        ):
            return found
    return None


def _same(one: ast.expr, other: ast.expr) -> bool:
    """Say whether two expressions are one number: `self.batch_size` holds the `batch_size` that a class is given."""
    return text_of(one).removeprefix("self.") == text_of(other).removeprefix("self.")


def _of_windows(node: ast.expr, counts: Counts) -> bool:
    """Say whether a stream is cut to whole batches of windows: `count * batch_size * length` of `n // (batch_size * length)`."""
    factors = list(factors_of(counts.of(node)))
    for each in factors:
        value = counts.of(each)
        if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.FloorDiv):
            continue
        size = list(factors_of(counts.of(value.right)))
        rest = sorted(text_of(one) for one in factors if one is not each)
        named = any(counts.is_size(one) for one in size) or is_of_windows(value.right, counts)
        if len(size) == 2 and named and rest in (sorted(map(text_of, size)), [text_of(value.right)]):
            return True
    return False


def is_of_windows(node: ast.expr, counts: Counts) -> bool:
    """Say whether a number of ids is that of several windows: `rows * width`, of what is viewed as rows of a width."""
    factors = [text_of(each) for each in factors_of(counts.of(node))]
    if len(factors) != 2:
        return False
    for each in walk(counts.function):
        if isinstance(each, ast.Call) and called_name(each.func) in {"view", "reshape"} and each.args:
            sizes = each.args[0].elts if isinstance(each.args[0], ast.Tuple) else each.args
            last = [text_of(size) for size in sizes][-2:]
            if last in (factors, [factors[0], "-1"], ["-1", factors[1]]):
                return True
    return False


def trimmed(node: ast.expr, counts: Counts) -> ast.Subscript | None:
    """Return `ids[:n]` of `ids[:n].view(-1, rows, width)`, where n is rounded down to whole batches of windows."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    part = node.func.value
    bound = _bound(part) if called_name(node.func) in {"view", "reshape"} and isinstance(part, ast.Subscript) else None
    return part if isinstance(part, ast.Subscript) and bound is not None and _of_windows(bound, counts) else None


def factors_of(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from factors_of(node.left)
        yield from factors_of(node.right)
    else:
        yield node
