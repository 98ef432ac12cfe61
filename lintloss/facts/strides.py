"""Strided loops: does `for i in range(0, len(x) - size, size)` stop before the window that is shorter than the others?"""

from __future__ import annotations

import ast

from lintloss.facts import bindings

Side = tuple[str, str]  # a tensor and its axis, as they are written
NOTHING: Side = ("", "")


def holds_whole_windows(loop: ast.For, scope: ast.AST) -> bool:
    """Say whether all windows `x[i : i + size]` of a loop are whole: it stops a window's length before the end of x.

    For `len(x) - size - k` the last window begins at `len(x) - size - k - 1` at most, so that it and, for k >= 0, the
    labels one step further on lie within x.

    Args:
        scope: the function or module, which may give the length a name first: `n = ids.size(1)`.
    """
    end = stop(loop.iter)
    if end is None or not isinstance(loop.target, ast.Name):
        return False
    length, taken = _differences(end)
    windows = _windows(loop, loop.target.id)
    measured = _measured(length, scope)
    whole = taken | _meanings(taken, scope)
    return bool(windows) and all(size in whole and side == measured for side, size in windows)


def _meanings(names: set[str], scope: ast.AST) -> set[str]:
    """Return what those names stand for that are bound once: `stride = rows * size`, its factors in either order."""
    found: set[str] = set()
    for name in names:
        value = bindings.only(bindings.of(scope).get(name, ()))
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
            left, right = ast.unparse(value.left), ast.unparse(value.right)
            found |= {f"{left} * {right}", f"{right} * {left}"}
    return found


def stop(header: ast.expr) -> ast.expr | None:
    """Return the end of a strided range, taken out of tqdm() and the like."""
    while isinstance(header, ast.Call) and header.args:
        if isinstance(header.func, ast.Name) and header.func.id == "range":
            return header.args[1] if len(header.args) == 3 and not header.keywords else None
        header = header.args[0]
    return None


def _differences(end: ast.expr) -> tuple[ast.expr, set[str]]:
    """Read `length - size - 1` as the length and what is taken from it."""
    taken = set()
    while isinstance(end, ast.BinOp) and isinstance(end.op, ast.Sub):
        taken.add(ast.unparse(end.right))
        end = end.left
    return end, taken


def _windows(loop: ast.For, index: str) -> list[tuple[Side, str]]:
    """Return what each `base[…, i : i + size]` of the body cuts, with the size as text; "" for one cut otherwise."""
    found = []
    rows = _rows_beside(loop)
    for node in ast.walk(loop):
        if not isinstance(node, ast.Subscript):
            continue
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for axis, part in enumerate(parts):
            if isinstance(part, ast.Slice) and index in _names(part):
                size = _size(part, index) or _size_of_rows(part, index, rows.get(node))
                found.append(((ast.unparse(node.value), str(axis)), size))
    return found


def _rows_beside(loop: ast.For) -> dict[ast.AST, ast.comprehension]:
    """Return what is cut in a list of rows, one for each number: `[x[…] for row in range(rows)]`."""
    lists = [each for each in ast.walk(loop) if isinstance(each, ast.ListComp) and len(each.generators) == 1]
    return {node: each.generators[0] for each in lists for node in ast.walk(each.elt)}


def _size_of_rows(part: ast.Slice, index: str, rows: ast.comprehension | None) -> str:
    """Return how far rows reach that touch: `i + row * size : i + (row + 1) * size`, of as many as `range` counts."""
    header = rows.iter if rows is not None and not rows.ifs else None
    if rows is None or not isinstance(header, ast.Call) or ast.unparse(header.func) != "range" or len(header.args) != 1:
        return ""
    row = ast.unparse(rows.target)
    lower, upper = _terms(part.lower), _terms(part.upper)
    begins = [each for each in lower if each not in upper]
    ends = [each for each in upper if each not in lower]
    rest = [each for each in lower if each in upper and each != index]
    size = begins[0].removeprefix(f"{row} * ") if len(begins) == 1 else ""
    fits = len(begins) == len(ends) == 1 and begins[0] == f"{row} * {size}" and ends[0] == f"({row} + 1) * {size}"
    return f"{size} * {ast.unparse(header.args[0])}" if fits and index in lower and rest in ([], ["1"]) else ""


def _size(part: ast.Slice, index: str) -> str:
    """Return the size of `i : i + size` or `i + 1 : i + size + 1`, in any order of the terms."""
    lower, upper = _terms(part.lower), _terms(part.upper)
    for term in lower:
        if term not in upper:
            return ""
        upper.remove(term)
    shift = [term for term in lower if term != index]
    return upper[0] if index in lower and len(upper) == 1 and shift in ([], ["1"]) else ""


def _terms(node: ast.expr | None) -> list[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_terms(node.left), *_terms(node.right)]
    return [] if node is None else [ast.unparse(node)]


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _measured(length: ast.expr, scope: ast.AST) -> Side:
    """Return what `len(x)`, `x.size(1)`, `x.shape[0]` or a name given to one of them measures."""
    if isinstance(length, ast.Name):
        given = [
            each.value
            for each in ast.walk(scope)
            if isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == length.id for target in each.targets)
        ]
        return _measured(given[0], scope) if len(given) == 1 and not isinstance(given[0], ast.Name) else NOTHING
    if isinstance(length, ast.Call) and isinstance(length.func, ast.Name) and length.func.id == "len" and length.args:
        return ast.unparse(length.args[0]), "0"
    if isinstance(length, ast.Call) and isinstance(length.func, ast.Attribute):
        if length.func.attr == "size" and length.args:
            return ast.unparse(length.func.value), ast.unparse(length.args[0])
        return (ast.unparse(length.func.value), "0") if length.func.attr == "numel" else NOTHING
    if isinstance(length, ast.Subscript) and isinstance(length.value, ast.Attribute) and length.value.attr == "shape":
        return ast.unparse(length.value.value), ast.unparse(length.slice)
    return NOTHING
