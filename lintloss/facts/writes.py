"""Writes into tensors: `labels[:, :-1] = ids[:, 1:]`, `labels[mask] = -100`, `rows[i, : len(ids)] = ids`."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import blanks, label_ids
from lintloss.facts.linear import END, ZERO, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Lib, Opaque, Quantity, Ref, Tensor, Value, Window, join_all, options

STEPS = ("sliced", "written", "rolled", "rows are filled", "the tokenizer fills")


def into_tensor(machine: Machine, target: ast.Subscript, value: Value) -> bool:
    """Write into a tensor that a name or item holds; False where the target is no tensor."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate
    from lintloss.facts.library import indexed, masks, shapes

    target = _at_once(machine, target)
    if not isinstance(target.value, ast.Name | ast.Attribute | ast.Subscript):
        return False
    held = options(evaluate(machine, target.value))
    owner = held[0]
    if not _names_places(target) and label_ids.is_ignored(value):
        blocks = [block for block in map(shapes.tensor, held) if block is not None]
        if len(blocks) == len(held):  # `labels[~chosen] = -100`: nobody knows whether padding is spared
            mask = evaluate(machine, target.slice)
            if len(blocks) == 1 and _is_behind(machine, blocks[0], mask, target):
                return True
            if all(masks.spares(mask, each) for each in blocks):
                return True
            spared = (replace(each, pad=None, clean=True) for each in blocks)
            cleaned = join_all(blanks.noted(machine, target, each, mask) for each in spared)
            assign.store(machine, target.value, cleaned)
            return True
    by_mask = not isinstance(target.slice, ast.Slice | ast.Tuple) and _is_mask(evaluate(machine, target.slice))
    if not isinstance(owner, Tensor) and not (
        isinstance(owner, Opaque) and owner.key and (indexed.is_tensor_index(target.slice) or by_mask)
    ):
        return False
    found = shapes.tensor(owner)
    if found is None:
        return False
    if by_mask:
        written: Value = label_ids.overwritten(found, value) if _is_id(value) else found
        if isinstance(written, Tensor):
            written = label_ids.hidden(written, evaluate(machine, target.slice), value)
    else:
        written = _by_branch(machine, found, held, target, value)
    if written is not owner:
        assign.store(machine, target.value, written)
    return True


def _at_once(machine: Machine, target: ast.Subscript) -> ast.Subscript:
    """Return `block[i, : len(row)]` for `block[i][: len(row)]`, which writes into a block that was made of one number."""
    from lintloss.facts.expressions import evaluate

    line = target.value
    if not isinstance(line, ast.Subscript) or not isinstance(line.slice, ast.Name):
        return target
    if not isinstance(target.slice, ast.Slice) or isinstance(target.slice.upper, ast.Constant):  # all of a line, maybe
        return target
    block = options(evaluate(machine, line.value)) if isinstance(line.value, ast.Name | ast.Attribute) else ()
    if not block or not all(isinstance(each, Tensor) and each.form == "filled" for each in block):
        return target
    index = ast.copy_location(ast.Tuple([line.slice, target.slice], ast.Load()), target)
    return ast.copy_location(ast.Subscript(line.value, index, target.ctx), target)


def into_losses(machine: Machine, target: ast.Subscript, value: Value) -> bool:
    """Write zeros over some of the losses of tokens: `losses[is_pad] = 0`; False where the target is no such field."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate
    from lintloss.facts.library import losses

    if value not in (Const(0), Const(0.0)) or not isinstance(target.value, ast.Name | ast.Attribute):
        return False
    if isinstance(target.slice, ast.Slice | ast.Tuple | ast.Constant):
        return False
    field = evaluate(machine, target.value)
    if not isinstance(field, Quantity) or not field.axes:
        return False
    mask = evaluate(machine, target.slice)
    assign.store(machine, target.value, losses.masked(machine, field, mask, drops=True))
    return True


def into_matrix(machine: Machine, target: ast.Subscript, value: Value) -> bool:
    """Fill a block, a row or a column at a time, with the mean losses of rows; False where nothing of the kind is written."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate

    written = [each for each in options(value) if isinstance(each, Quantity) and _is_mean_of_rows(each)]
    if len(written) < len(options(value)) or not isinstance(target.value, ast.Name | ast.Attribute):
        return False
    held = options(evaluate(machine, target.value))
    if not any(isinstance(each, Tensor) and each.form == "filled" and each.window is None for each in held):
        return False
    if _is_column(target.slice):
        filled = [replace(each, axes=(*each.axes, "column")) for each in written]
    elif _is_line(target.slice):
        filled = [replace(each, axes=("column", *each.axes)) for each in written]
    else:
        return False
    assign.store(machine, target.value, join_all(filled))
    return True


def _is_mean_of_rows(value: Quantity) -> bool:
    return value.is_loss and len(value.axes) == 1 and value.unit.is_intensive


def _is_line(index: ast.expr) -> bool:
    """Say whether `table[i] = values`, or `table[i, :] = values`, gives all entries of one line."""
    if isinstance(index, ast.Tuple) and not index.elts:
        return False
    first, *rest = index.elts if isinstance(index, ast.Tuple) else [index]
    whole = all(isinstance(each, ast.Slice) and each.lower is None and each.upper is None for each in rest)
    return whole and isinstance(first, ast.Name | ast.Constant)


def _is_behind(machine: Machine, labels: Tensor, mask: Value, target: ast.Subscript) -> bool:
    """Say whether labels were moved by one and the mask of the input was not: the last id of a row meets its first pad."""
    if labels.pad is None or labels.window is None or not isinstance(mask, Tensor) or mask.window is None:
        return False
    told = isinstance(target.slice, ast.Compare | ast.UnaryOp) and "mask" in machine.text(target.slice)
    moved = labels.window.lower == Linear(const=1) and mask.window.lower == Linear()
    return told and moved and not _is_filled_last(labels)


def _is_filled_last(labels: Tensor) -> bool:
    """Say whether rows were moved first and filled up then: a mask that was filled up with them fits."""
    last = next((step.message for step in reversed(labels.trace) if step.message.startswith(STEPS)), "")
    return "filled" in last or "fills" in last


def into_table(machine: Machine, target: ast.Subscript, value: Value) -> bool:
    """Write a row into the begin of a table of one id: `row[: len(ids)] = ids`; behind it the id stays."""
    from lintloss.facts import assign
    from lintloss.facts.library import filling, onehot, pieces

    if filling.in_place(machine, target, value) or onehot.marked(machine, target, value):
        return True
    after = filling.table(machine, target) if isinstance(target.value, ast.Name | ast.Attribute) else None
    made = pieces.filled(machine, target, value, after) if after is not None else None
    if made is not None:
        assign.store(machine, target.value, made)
    return made is not None


def _by_branch(machine: Machine, found: Tensor, held: tuple[Value, ...], target: ast.Subscript, value: Value) -> Value:
    """Write what each branch has made into what it has made."""
    from lintloss.facts.library import shapes

    given = options(value)
    blocks = [shapes.tensor(each) or found for each in held] if len(held) == len(given) else [found] * len(given)
    return join_all(_region(machine, each, target, one) for each, one in zip(blocks, given, strict=True))


def _is_mask(value: Value) -> bool:
    """Say whether a value chooses places: a comparison, a block of zeros filled in here and there, or what is called so."""
    if isinstance(value, Opaque):
        return "mask" in value.name.lower()
    return isinstance(value, Tensor) and value.form in {"mask", "filled"}


def _is_id(value: Value) -> bool:
    """Say whether one id is written, whichever: a number, or what is called an id to ignore or a pad."""
    return isinstance(value, Const | Lib) or label_ids.is_ignored(value) or label_ids.is_token(value)


def _region(machine: Machine, found: Tensor, target: ast.Subscript, value: Value) -> Tensor:
    """Write to a slice: ids that are moved, an id to be ignored, or rows that fill a block."""
    from lintloss.facts.library import indexed, shapes

    value = _of_list(machine, value)
    if not _names_places(target):  # `padded[i][place] = row`: a place of which nothing is known
        return _row_of_table(found, target, value)
    part = indexed.index(
        machine, found if found.window is not None else replace(found, window=Window(found.key)), target
    )
    region = part.window if isinstance(part, Tensor) else None
    moved = shapes.tensor(value) if isinstance(value, Tensor | Opaque) else None
    if _is_id(value) and region is not None and found.window is not None:
        return _padded_by(machine, _ignored(found, region, value), value, region)
    if moved is None or region is None or moved.window is None or isinstance(value, Quantity):
        return found
    step = machine.evidence(target, f"written here: `{ast.unparse(target)[:60]}`")
    if found.form == "filled" and found.window is None:
        return _filled(found, moved, region, target).with_step(step)
    return _shifted(found, moved, region).with_step(step)


def _padded_by(machine: Machine, found: Tensor, value: Value, region: Window) -> Tensor:
    """Let labels that were moved hold the pad id that is written behind them: `labels[:, -1] = PAD_ID`."""
    from lintloss.facts.pad_marks import IGNORED, PAD

    statement = machine.frame.statement
    written = machine.text(statement.value) if isinstance(statement, ast.Assign) else ""
    is_id = isinstance(value, Const) and isinstance(value.value, int) and value.value >= 0
    at_end = found.window is not None and region.upper == found.window.upper and region.length == Linear(const=1)
    if not is_id or not at_end or found.pad is not None or PAD.search(written) is None or IGNORED.search(written):
        return found
    step = machine.evidence(statement or ast.Pass(), "the last label of each row is a pad id here")
    return replace(found, pad=value).with_step(step)


def _row_of_table(found: Tensor, target: ast.Subscript, value: Value) -> Tensor:
    """`table[i] = row`: the table holds rows like this one, filled up as it is."""
    from lintloss.facts.library import rows

    whole = isinstance(target.slice, ast.Name) and isinstance(target.value, ast.Name | ast.Attribute)
    row = value if isinstance(value, Tensor) and value.form in {"ids", ""} else None
    if not whole or row is None or row.window is None or found.form != "filled" or found.window is not None:
        return found
    if row.pad is not None:
        return replace(row, window=Window(found.key), key=found.key, axes=None, pad=row.pad)
    is_stretch = row.window.is_cut and "at" not in row.window.marks  # `x[k] = text[at : at + size]`
    return (rows.batched_tensor(row) if is_stretch else None) or found


def _names_places(target: ast.Subscript) -> bool:
    """Say whether an index names places: by a slice, a number or a negative number, not by a mask."""
    parts = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
    return any(
        isinstance(each, ast.Slice | ast.Constant) or (isinstance(each, ast.UnaryOp) and isinstance(each.op, ast.USub))
        for each in parts
    )


def _of_list(machine: Machine, value: Value) -> Value:
    if isinstance(value, Ref) and value.kind == "list":
        return Opaque(value.id, "")
    return value


def _ignored(found: Tensor, region: Window, value: Value) -> Tensor:
    """An id to be ignored is written over a stretch: what wrapped around there does no harm."""
    window = found.window
    if window is None:
        return found
    if found.form == "onehot":  # `targets[:, pad] = 0`: a class, which is no position
        return replace(found, pad=None, clean=True, key=(*found.key, "ignored"))
    if region.upper == window.upper and (region.upper - region.lower).is_const:
        window = window.without("wraps", "stale")
    if region.upper == window.upper and not (region.upper - region.lower).is_const:  # `labels[i, length:] = -100`
        found = label_ids.overwritten(found, value)
    return replace(found, window=window, ignored=(*found.ignored, region), key=(*found.key, "ignored"))


def _filled(found: Tensor, moved: Tensor, region: Window, target: ast.Subscript) -> Tensor:
    """Rows written into a block of zeros: what they do not reach is padding."""
    window = moved.window
    if window is None:
        return found
    single = isinstance(target.slice, ast.Tuple) and any(not isinstance(part, ast.Slice) for part in target.slice.elts)
    if region.lower.is_const and (END - region.upper).is_const:  # moved by a number of places, as a whole
        by = Linear(const=region.lower.const)
        lost = END - region.upper
        behind = replace(window, lower=window.lower - by, upper=window.upper + lost)
        made = replace(found, form="ids", pad=moved.pad, clean=moved.clean, trace=(*found.trace, *moved.trace))
        if region.is_cut and label_ids.is_ignored(found):  # `full_like(ids, -100)`
            rest = [replace(region, lower=ZERO, upper=region.lower), replace(region, lower=region.upper, upper=END)]
            return replace(made, window=behind, ignored=tuple(each for each in rest if each.lower != each.upper))
        return replace(made, window=behind.marked("stale") if region.is_cut else behind)
    if not single:
        return replace(found, form="ids", window=None)
    if _is_column(target.slice):
        return replace(found, form="", window=None, pad=None)
    return replace(found, form="ids", window=_in_table(window, region) or Window(moved.key), pad=found.pad)


def _in_table(row: Window, region: Window) -> Window | None:
    """Return where a table sits on its rows: `x[i, 1 : n + 1] = ids` holds each id one place later, behind a start token.

    None where a row is no plain stretch, or begins at a place that differs from row to row.
    """
    by = row.lower - region.lower
    if not by.is_const or not row.lower.is_const or row.marks - {"leap"} or row.flat:
        return None
    return Window(row.source, lower=by, upper=END + by, marks=row.marks)


def _is_column(index: ast.expr) -> bool:
    """Say whether `table[:, i] = values` gives every row its entry of one column: no row is left short."""
    parts = index.elts if isinstance(index, ast.Tuple) else []
    first = parts[0] if parts else None
    whole = isinstance(first, ast.Slice) and first.lower is None and first.upper is None
    return whole and not any(isinstance(each, ast.Slice) for each in parts[1:])


def _shifted(found: Tensor, moved: Tensor, region: Window) -> Tensor:
    """Shifted in place: `labels[:, :-1] = ids[:, 1:]` leaves the last label as it was."""
    window, source = found.window, moved.window
    if window is None or source is None:
        return found
    is_few = source.length.is_const and not _is_most(region, window)
    if "at" in source.marks or is_few:  # the row's first token behind its last
        wraps = source.source[: len(window.source)] == window.source
        return replace(found, window=window.without("stale").marked("wraps") if wraps else window.without("stale"))
    if source.source != window.source or source.length != region.length:
        return found
    by = source.lower - region.lower
    if not by.is_const or not by.const:
        return found
    return replace(
        found,
        window=replace(window, lower=window.lower + by, upper=window.upper + by).marked("stale"),
        key=(*found.key, "shifted"),
    )


def _is_most(region: Window, window: Window) -> bool:
    """Say whether a stretch of known length is most of a row whose length is known as well: `ids[:512]`, moved by one."""
    return window.length.is_const and region.length.is_const and window.length.const < 2 * region.length.const
