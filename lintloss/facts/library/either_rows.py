"""Rows of one of several data sets, of which settings choose one: where all are cut alike, whichever it is says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lintloss.facts.library import shapes
from lintloss.facts.linear import END, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Choice, Key, Ref, Tensor, Tuple, Value, Window, join_all, options

Fields = dict[str, Value]
Tensors = dict[str, Tensor]
INCIDENTAL = frozenset({"even", "lone", "single"})  # what a window may be besides: where it sits is said without


@dataclass(frozen=True, slots=True)
class Piece:
    """The stretch of one source that fields of a row cover together, and which fields these are."""

    names: tuple[str, ...]
    source: Key
    lower: Linear
    upper: Linear

    def placed(self, window: Window, source: Key) -> Window:
        """Put a window of these fields on a source that is this stretch and nothing else."""
        lower, upper = window.lower - self.lower, END + (window.upper - self.upper)
        moved = replace(window, source=source, lower=lower, upper=upper, marks=window.marks - INCIDENTAL)
        return moved if moved.is_cut else replace(moved, axis=None)


def united(machine: Machine, row: Value | None, key: Key) -> Value | None:
    """Return one row for those of several data sets, if their fields sit beside one another alike; else what was given.

    `Stories(…) if name == "stories" else Wiki(…)`: inputs are `chunk[:-1]` and labels `chunk[1:]` of either.
    """
    rows = [_fields(machine, option) for option in options(row)] if isinstance(row, Choice) else []
    known = [each for each in rows if each is not None]
    if row is None or len(known) < 2 or len(known) < len(rows) or any(each.keys() != known[0].keys() for each in known):
        return row
    found = _together([_tensors(each) for each in known])
    if found is None:
        return row
    fields = {name: found[name] if name in found else join_all(each[name] for each in known) for name in known[0]}
    if isinstance(options(row)[0], Tuple):
        return Tuple(tuple(fields.values()))
    made = Ref((*key, "either"), "dict")
    machine.state.heap.clear(made.id)
    for name, value in fields.items():
        machine.put(made, name, value)
    return made


def _fields(machine: Machine, row: Value) -> Fields | None:
    if isinstance(row, Tuple):
        return {str(index): item for index, item in enumerate(row.items)}
    if isinstance(row, Ref) and row.kind == "dict":
        return {name: slot.value for name, slot in machine.fields(row).items()}
    return None


def _tensors(row: Fields) -> Tensors:
    found = {name: shapes.tensor(value) for name, value in row.items()}
    return {name: each for name, each in found.items() if each is not None and each.window is not None}


def _together(rows: Sequence[Tensors]) -> Tensors | None:
    """Return the tensors of all rows on sources that they share; None where they do not sit alike."""
    pieces = [_pieces(row) for row in rows]
    shared = [[piece.names for piece in each] for each in pieces]
    if any(not each or each != shared[0] for each in shared):
        return None
    found: Tensors = {}
    for alike in zip(*pieces, strict=True):
        source: Key = ("either", *dict.fromkeys(piece.source for piece in alike))
        if len(source) <= len(alike):  # two passes of one loop: where each row begins is known to it
            return None
        for name in alike[0].names:
            each = [_moved(row[name], piece, (*source, name), source) for row, piece in zip(rows, alike, strict=True)]
            if None in each or len(set(each)) > 1 or each[0] is None:
                return None
            found[name] = _traced(each[0], [row[name] for row in rows])
    return found


def _pieces(row: Tensors) -> list[Piece]:
    """Return the stretches that the tensors of a row cover; none where the distance of two on one source is not known."""
    groups: dict[Key, dict[str, Window]] = {}
    for name, each in row.items():
        if each.window is not None:
            groups.setdefault(each.window.source, {})[name] = each.window
    found: list[Piece] = []
    for source, windows in groups.items():
        base = next(iter(windows.values()))
        before = [each.lower - base.lower for each in windows.values()]
        behind = [each.upper - base.upper for each in windows.values()]
        if not all(each.is_const for each in (*before, *behind)):
            return []
        lower = base.lower.plus(min(each.const for each in before))
        found.append(Piece(tuple(windows), source, lower, base.upper.plus(max(each.const for each in behind))))
    return found


def _moved(value: Tensor, piece: Piece, key: Key, source: Key) -> Tensor | None:
    """Return a tensor on the shared source, with nothing that tells of which row it is; None where that would lose a mask."""
    if value.window is None or value.blanked is not None:
        return None
    return replace(
        value,
        form="" if value.form == "ids" else value.form,
        window=piece.placed(value.window, source),
        ignored=tuple(piece.placed(each, source) for each in value.ignored),
        axes=None,
        key=key,
        name="",
        trace=(),
    )


def _traced(value: Tensor, made: Sequence[Tensor]) -> Tensor:
    """Return a tensor with the steps by which each of those was made that it may be."""
    names = {each.name for each in made}
    steps = tuple(step for each in made for step in each.trace[-12 // len(made) :])
    return replace(value, trace=steps, name=names.pop() if len(names) == 1 else "")
