"""Indexing: what `x[:, :-1]`, `x[mask]` and `x[row, ids]` take of a tensor or of a field of losses."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import symbolic
from lintloss.facts.expressions import evaluate
from lintloss.facts.library import shapes, windows
from lintloss.facts.library.tables import LOSS_NAME
from lintloss.facts.library.windows import COMPUTED, NEW
from lintloss.facts.linear import Linear
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.values import UNKNOWN, Const, Key, LibObject, Opaque, Quantity, Tensor, Value, Window
from lintloss.patterns import regex

MASK_NAME = regex(r"mask$|^mask|(^|_)(valid|keep|active|non_?pad\w*|not_?pad\w*)$", re.IGNORECASE)


def is_tensor_index(index: ast.expr) -> bool:
    """Say whether an index can only be one into a tensor or array: a slice, a tuple with a slice, an ellipsis."""
    if isinstance(index, ast.Slice):
        return True
    if isinstance(index, ast.Tuple):
        return any(isinstance(each, ast.Slice) or _is_ellipsis(each) for each in index.elts)
    return isinstance(index, ast.Constant) and index.value is None


def is_row(index: ast.expr) -> bool:
    return isinstance(index, ast.Constant) and isinstance(index.value, int)


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _is_new_axis(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Attribute) and node.attr == "newaxis"
    )


def index(machine: Machine, owner: Value, node: ast.Subscript) -> Value:
    """Return a slice or an indexed part of a tensor."""
    found = shapes.tensor(owner)
    if found is None:
        evaluate(machine, node.slice) if not isinstance(node.slice, ast.Slice) else None
        return machine.opaque(node)
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if not parts:  # `losses[()]`: all of it
        return found
    values = [evaluate(machine, part) if not isinstance(part, ast.Slice) else UNKNOWN for part in parts]
    picked = _entries(machine, found, node, parts, values)
    if picked is not None:
        return picked
    mask = next((value for value in values if isinstance(value, Tensor) and value.form == "mask"), None)
    if mask is None and len(parts) == 1:  # `labels[mask.view(-1)]`
        mask = shapes.mask(values[0]) if isinstance(values[0], Tensor) and values[0].form == "" else None
    if mask is not None or (len(parts) == 1 and is_called_mask(parts[0])):
        return _masked(machine, found, mask)
    cut = Cut(machine, found, node)
    for part, value in zip(parts, values, strict=True):
        cut.take(part, value)
    if not cut.is_slice_only:
        return cut.result()
    return cut.result().with_step(machine.evidence(node, f"sliced here: `{ast.unparse(node)[:60]}`"))


def _entries(
    machine: Machine, found: Tensor, node: ast.Subscript, parts: list[ast.expr], values: list[Value]
) -> Value | None:
    """Read `log_probs[row, position, ids[row, position]]`: the last index picks classes by ids."""
    from lintloss.facts.library import picks

    last = values[-1]
    if found.form not in {"log_probs", "probs", "logits", "scores"} or isinstance(parts[-1], ast.Slice):
        return None
    if len(parts) < 2:
        return _entry(machine, found, node, last)
    if not isinstance(last, Tensor | Opaque) or (isinstance(last, Tensor) and last.form in {"mask", "positions"}):
        return None
    cut = Cut(machine, found, node)
    if cut.rank != len(parts):
        return None
    for part, value in zip(parts[:-1], values[:-1], strict=True):
        if (isinstance(value, Tensor) and value.form == "positions") or isinstance(value, LibObject):
            cut.at += 1
        else:
            cut.take(part, value)
    return picks.picked_by(machine, node, cut.result(), last, "index")


def _entry(machine: Machine, found: Tensor, node: ast.Subscript, index: Value) -> Value | None:
    """Read `log_probs[id]` of the distribution at one position of one row."""
    from lintloss.facts.library import picks

    at_one = found.window is not None and {"at", "single"} <= found.window.marks
    if at_one and not (isinstance(index, Opaque) or _is_one(index)):
        return None
    if not at_one and not (_is_of_one(found) and _is_one(index)):
        return None
    entry = picks.picked_by(machine, node, found, index, "index")
    return replace(entry, axes=()) if isinstance(entry, Quantity) else entry


def _is_of_one(found: Tensor) -> bool:
    """Say whether a distribution is one of several that a loop goes through: `for at, p in enumerate(probs)`."""
    last = found.key[-1] if found.key else ""
    is_item = last == "[]" or (isinstance(last, tuple) and last[-1:] == ("[]",))  # … or of two alternatives
    return is_item and found.form in {"probs", "log_probs"} and found.axes in (None, ("vocab",))


def _is_one(index: Value) -> bool:
    if isinstance(index, Tensor) and index.key[-1:] == ("[]",) and index.form in {"", "ids"}:  # a label of a loop
        return True
    return isinstance(index, Tensor) and index.window is not None and "at" in index.window.marks


def is_called_mask(index: ast.expr) -> bool:
    """Say whether an index that nothing is known of selects entries, by its name: what it leaves out is not known."""
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.Invert):
        return True
    return MASK_NAME.search(called_name(index)) is not None


def _masked(machine: Machine, found: Tensor, mask: Tensor | None) -> Tensor:
    """Index by a mask: what is left is compacted."""
    from lintloss.facts import blanks

    axes = ("position", *(found.axes or ())[-1:]) if found.form in COMPUTED else ("position",)
    window = found.window
    if window is not None:
        behind = blanks.chooses_before(machine, window, mask) if mask is not None else ()
        window = replace(window.marked("filtered", *behind), source=(*window.source, "filtered"), flat=True)
    removes = mask is None or mask.sense is not False
    return replace(found, axes=axes, window=window, key=(*found.key, "masked"), pad=None if removes else found.pad)


class Cut:
    """One index expression applied to a tensor, axis by axis."""

    def __init__(self, machine: Machine, found: Tensor, node: ast.Subscript) -> None:
        self.machine, self.found, self.node = machine, found, node
        self.window = found.window
        self.axes = list(found.axes) if found.axes is not None else None
        self.key: Key = found.key
        self.at = 0  # the axis of the result that the next part is about
        self.dropped = 0
        self.is_slice_only = True
        self.pad = found.pad

    def take(self, part: ast.expr, value: Value) -> None:
        if _is_ellipsis(part):
            after = (
                len(self.node.slice.elts) - 1 - self.node.slice.elts.index(part)
                if isinstance(self.node.slice, ast.Tuple)
                else 0
            )
            self.at = max(self.rank - after, self.at)
        elif _is_new_axis(part):
            self._new_axis()
        elif isinstance(part, ast.Slice):
            self._slice(part)
        else:
            self._pick(part, value)

    @property
    def rank(self) -> int:
        """Return the number of axes, by custom where it is not known."""
        if self.axes is not None:
            return len(self.axes)
        rank = 3 if self.found.form in COMPUTED else 2
        if self.window is not None:
            rank -= any(isinstance(each, tuple) and each[:1] == ("row",) for each in self.window.source)
            rank -= self.window.flat
        return rank

    def _new_axis(self) -> None:
        self.window = windows.with_new_axis(self.window, self.at)
        if self.axes is not None:
            self.axes.insert(self.at, "row" if self.at == 0 else "one")
        self.at += 1

    def _slice(self, part: ast.Slice) -> None:
        at, self.at = self.at, self.at + 1
        if part.lower is None and part.upper is None and part.step is None:
            return
        self.key = (*self.key, at, ast.unparse(part))
        if self.window is None or (
            at == self.rank - 1 and self.found.form in COMPUTED and at > 0 and not self.window.flat
        ):
            return  # the classes are cut, not the positions
        if part.step is not None:
            self.window = None
            return
        lower = symbolic.of(self.machine, part.lower) if part.lower is not None else None
        upper = symbolic.of(self.machine, part.upper) if part.upper is not None else None
        if NEW in self.window.source and part.lower is None and upper is not None and not upper.is_const:
            self.pad = None  # of one row, its padding is cut off: `targets[:, :length]`
        stop = _before_end(self.window, at, upper) or _from_end(part.upper, upper)
        self.window = windows.sliced(self.window, at, _from_end(part.lower, lower), stop)

    def _pick(self, part: ast.expr, value: Value) -> None:
        """Take one row, one position, or several by a tensor of indices."""
        self.is_slice_only = False
        self.key = (*self.key, ast.unparse(part))
        window = self.window
        if isinstance(value, Opaque | Tensor) and self.at == 0 and _are_several(self.machine, value):
            self.window = replace(window, source=(*window.source, ("rows", value.key))) if window is not None else None
            self.at += 1
            return
        if self.axes is not None and self.at < len(self.axes):
            del self.axes[self.at]
        if window is None:
            return
        number = symbolic.of(self.machine, part)
        sequence = window.axis if window.axis is not None else min(1, self.rank - 1) if self.dropped == 0 else 0
        if self.at == sequence:
            from_end = symbolic.is_negated(part)
            begin = window.upper + number if from_end else window.lower + number
            self.pad = None if from_end else self.pad  # rows that are filled up in front end in text
            self.window = replace(window, lower=begin, upper=begin.plus(1), axis=self.at).marked("at")
        elif self.at == 0 and self.dropped == 0:
            self.window = windows.picked(window, number)
            self._of_several(window, value)
        self.dropped += 1

    def _of_several(self, window: Window, index: Value) -> None:
        """Keep the padding of the row that a data set takes of what a tokenizer filled up, if that was several texts."""
        from lintloss.facts.library import text

        several = text.of_several(self.machine, window.source, index) if self.pad is None else None
        if several is not None:
            self.pad, self.found = several.pad, replace(self.found, trace=several.trace)

    def result(self) -> Tensor:
        axes = tuple(self.axes) if self.axes is not None else None
        return replace(self.found, window=self.window, key=self.key, axes=axes, pad=self.pad)


def _are_several(machine: Machine, index: Opaque | Tensor) -> bool:
    """Say whether an index takes several rows: a permutation, `arange(n)`."""
    if isinstance(index, Tensor):
        return index.form == "positions" and index.axes is None and index.window is None
    return index.key in machine.vectors


def _from_end(part: ast.expr | None, number: Linear | None) -> tuple[Linear, bool] | None:
    return (number, symbolic.is_negated(part)) if part is not None and number is not None else None


def _before_end(window: Window, axis: int, number: Linear | None) -> tuple[Linear, bool] | None:
    """Return a bound that is the length of what is cut, less some, `ids[:, : ids.size(1) - 1]`, as one that counts from the end."""
    if number is None or number.const > 0 or window.is_cut or window.flat or len(number.terms) != 1:
        return None
    atom, factor = next(iter(number.terms))
    is_length = factor == 1 and atom[:-1] == ("count", *window.source, axis)
    return (Linear(const=number.const), True) if is_length else None


def index_quantity(machine: Machine, owner: Quantity, node: ast.Subscript) -> Value:
    """Index a field of losses: by a mask it keeps the scored ones; a scalar's item is itself."""
    value = evaluate(machine, node.slice) if not isinstance(node.slice, ast.Slice) else UNKNOWN
    if isinstance(value, Const) and isinstance(value.value, str):  # a dict of losses, taken for one by its name
        return owner if LOSS_NAME.match(value.value) else machine.opaque(node, value.value)
    if isinstance(value, Tensor) and value.form == "mask" and owner.axes:
        from lintloss.facts.library import losses

        return replace(losses.masked(machine, owner, value), axes=("token",))
    if owner.axes and _leaves_zeros_out(machine, node):
        from lintloss.facts.library import losses

        return replace(losses.masked(machine, owner, None), axes=("token",))
    if owner.axes and owner.scoring is not None:
        from lintloss.facts import compare

        compare.masked(machine, owner.scoring, None, drops=False)  # some entries are chosen
    return owner


def _leaves_zeros_out(machine: Machine, node: ast.Subscript) -> bool:
    """Say whether `losses[losses > 0]` keeps what is scored: the losses of ignored and masked positions are zeros."""
    test = node.slice
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Gt | ast.NotEq):
        return False
    return machine.text(test.left) == machine.text(node.value) and machine.text(test.comparators[0]) in {"0", "0.0"}
