"""Stage: the run folder -> one Tape a process. Reads what a killed process left as well."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lintloss.verify.events import Call, Load, Mark, Process, Tape, Value
from lintloss.verify.notes import Notes, optional, read_notes

ROW = struct.Struct("<HHIIIdddddddd")  # inject/lintloss_ledger/ledger.py writes it
CALL, VALUE, ENTER, LOOP, BACKWARD, LOAD, KEPT = 1, 2, 3, 4, 5, 6, 7


def read_tapes(folder: Path) -> tuple[Tape, ...]:
    """Read every ledger of a run folder, ranks in order."""
    tapes = [_read_tape(number, path) for number, path in enumerate(sorted(folder.glob("*.jsonl")))]
    return tuple(sorted(tapes, key=lambda tape: (tape.process.rank or 0, tape.process.number)))


def _read_tape(number: int, path: Path) -> Tape:
    notes = read_notes(number, path)
    rows = list(_rows(path.with_suffix(".rows")))
    spent = notes.end["spent"] if notes.end else max((row[13] for row in rows if row[1] == CALL), default=0.0)
    raw = notes.process
    process = Process(
        number=number,
        rank=optional(raw.get("rank")),
        world_size=optional(raw.get("world_size")),
        complete=notes.end is not None,
        spent=float(str(spent)),
        torch=notes.torch,
        job=str(raw.get("job", "")),
        started=int(str(raw.get("started", 0))),
    )
    trained = {row[3] for row in rows if row[1] == BACKWARD}
    kept = {row[3]: (row[6], row[7]) for row in rows if row[1] == KEPT}
    return Tape(
        process=process,
        calls=tuple(_call(row, number, notes, trained, kept.get(row[0])) for row in rows if row[1] == CALL),
        values=tuple(_value(row, number, notes) for row in rows if row[1] == VALUE),
        enters=tuple(Mark(row[0], number, row[3]) for row in rows if row[1] == ENTER),
        loops=tuple(Mark(row[0], number, row[3]) for row in rows if row[1] == LOOP),
        loads=tuple(
            Load(row[0], row[3], row[4], 0.0 if math.isnan(row[6]) else row[6], row[7] == 1.0)
            for row in rows
            if row[1] == LOAD
        ),
        loaders=notes.loaders,
        ids=ids if (ids := path.with_suffix(".ids")).exists() else None,
        scopes=notes.scopes,
        looks=notes.looks,
        sites=notes.sites,
        value_sites=notes.values,
        links=tuple(notes.links),
        notes=tuple(notes.others),
    )


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    """Rows until the first empty one: (order, kind, flags, site, form, thread, eight numbers…)."""
    if not path.exists():
        return
    blob = path.read_bytes()
    for order in range(len(blob) // ROW.size):
        row = ROW.unpack_from(blob, order * ROW.size)
        if row[0] == 0:
            # Another thread may have taken this number and not written it yet; a killed process leaves such a hole.
            if not any(blob[(order + ahead) * ROW.size : (order + ahead) * ROW.size + 2] > b"\0\0" for ahead in (1, 2)):
                return
            continue
        yield (order, *row)


def _call(
    row: tuple[Any, ...], process: int, notes: Notes, trained: set[int], kept: tuple[float, float] | None
) -> Call:
    order, _, flags, site, form, thread, value, scored, positions, rows, length, plain, *_ = row
    return Call(
        order=int(order),
        process=process,
        thread=int(thread),
        site=notes.sites[int(site)],
        form=notes.forms[int(form)],
        flags=int(flags),
        value=value,
        scored=scored,
        positions=positions,
        rows=rows,
        length=length,
        plain_nats=plain,
        trained=order in trained,
        unpadded=kept,
    )


def _value(row: tuple[Any, ...], process: int, notes: Notes) -> Value:
    element = int(row[4])
    name = "" if element == 0 else notes.elements.get(element, str(element - 1))
    return Value(int(row[0]), process, int(row[5]), int(row[3]), name, row[6])
