"""Stage: the run folder -> one Tape a process. Reads what a killed process left as well."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lintloss.verify.events import (
    Call,
    Form,
    Frame,
    Link,
    Load,
    Loader,
    Look,
    Mark,
    Process,
    Scope,
    Site,
    Tape,
    Value,
    ValueSite,
)

ROW = struct.Struct("<HHIIIdddddddd")  # inject/lintloss_ledger/ledger.py writes it
CALL, VALUE, ENTER, LOOP, BACKWARD, LOAD = 1, 2, 3, 4, 5, 6


def read_tapes(folder: Path) -> tuple[Tape, ...]:
    """Read every ledger of a run folder, ranks in order."""
    tapes = [_read_tape(number, path) for number, path in enumerate(sorted(folder.glob("*.jsonl")))]
    return tuple(sorted(tapes, key=lambda tape: (tape.process.rank or 0, tape.process.number)))


@dataclass(slots=True)
class _Notes:
    """The JSON lines of one process, sorted by kind."""

    process: dict[str, object] = field(default_factory=dict)
    sites: dict[int, Site] = field(default_factory=dict)
    forms: dict[int, Form] = field(default_factory=dict)
    elements: dict[int, str] = field(default_factory=dict)
    values: dict[int, ValueSite] = field(default_factory=dict)
    scopes: dict[int, Scope] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    looks: dict[int, Look] = field(default_factory=dict)
    loaders: dict[int, Loader] = field(default_factory=dict)
    others: list[dict[str, object]] = field(default_factory=list)
    torch: str = ""
    end: dict[str, object] | None = None


def _read_tape(number: int, path: Path) -> Tape:
    notes = _read_notes(number, path)
    rows = list(_rows(path.with_suffix(".rows")))
    spent = notes.end["spent"] if notes.end else max((row[13] for row in rows if row[1] == CALL), default=0.0)
    raw = notes.process
    process = Process(
        number=number,
        pid=int(str(raw.get("pid", 0))),
        rank=_optional(raw.get("rank")),
        world_size=_optional(raw.get("world_size")),
        argv=tuple(str(part) for part in _items(raw.get("argv"))),
        complete=notes.end is not None,
        spent=float(str(spent)),
        torch=notes.torch,
    )
    trained = {row[3] for row in rows if row[1] == BACKWARD}
    return Tape(
        process=process,
        calls=tuple(_call(row, number, notes, trained) for row in rows if row[1] == CALL),
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


def _call(row: tuple[Any, ...], process: int, notes: _Notes, trained: set[int]) -> Call:
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
    )


def _value(row: tuple[Any, ...], process: int, notes: _Notes) -> Value:
    element = int(row[4])
    name = "" if element == 0 else notes.elements.get(element, str(element - 1))
    return Value(int(row[0]), process, int(row[5]), int(row[3]), name, row[6])


def _read_notes(number: int, path: Path) -> _Notes:
    notes = _Notes()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            note = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed while it wrote
        _sort_note(notes, number, note)
    return notes


def _sort_note(notes: _Notes, number: int, note: dict[str, object]) -> None:
    kind = note.pop("kind")
    key = note.get("site")
    if kind == "process":
        notes.process = note
    elif kind == "torch":
        notes.torch = str(note["version"])
    elif kind == "site":
        notes.sites[_int(key)] = Site(
            tuple(_frame(frame) for frame in _items(note["frames"])),
            _frame(note["direct"]) if note["direct"] else None,
        )
    elif kind == "form":
        notes.forms[_int(note["form"])] = _form(note)
    elif kind == "element":
        notes.elements[_int(note["element"])] = str(note["name"])
    elif kind == "value_site":
        scope = note["scope"]
        notes.values[_int(key)] = ValueSite(
            str(note["path"]), _int(note["row"]), str(note["text"]), str(note["role"]),
            None if scope is None else _int(scope), tuple(_int(loop) for loop in _items(note["loops"])),
        )  # fmt: skip
    elif kind == "scope_site":
        notes.scopes[_int(key)] = Scope(str(note["path"]), _int(note["row"]), _int(note["end_row"]), str(note["name"]))
    elif kind == "link":
        notes.links.append(Link(_int(note["finding"]), _int(note["value"]), _int(note["scope"]), str(note["role"])))
    elif kind == "look":
        order = _int(note["order"])
        kept = notes.looks.get(order)
        look = Look(number, order, note)
        notes.looks[order] = look if kept is None else replace(kept, facts={**kept.facts, **note})
    elif kind == "loader":
        notes.loaders[_int(note["loader"])] = _loader(note)
    elif kind == "end":
        notes.end = note
    else:
        notes.others.append({"kind": kind, **note})


def _loader(note: dict[str, object]) -> Loader:
    says = note["says"]
    return Loader(
        frames=tuple(_frame(frame) for frame in _items(note["frames"])),
        dataset=_int(note["dataset"]),
        base=_int(note["base"]),
        kind=str(note["type"]),
        is_part=bool(note["subset"]),
        rows=_optional(note["rows"]),
        batches=_optional(note["batches"]),
        sampler_rows=_optional(note["sampler_rows"]),
        sampler=str(note["sampler"]),
        batch_size=_optional(note["batch_size"]),
        drop_last=bool(note["drop_last"]),
        left_by_sampler=_int(note["left_by_sampler"]),
        says={str(name): str(word) for name, word in says.items()} if isinstance(says, dict) else {},
    )


def _frame(parts: object) -> Frame:
    path, row, function = _items(parts)
    return Frame(str(path), _int(row), str(function))


def _form(note: dict[str, object]) -> Form:
    ignored = note["ignore_index"]
    return Form(
        criterion=str(note["criterion"]),
        reduction=str(note["reduction"]),
        ignore_index=ignored if isinstance(ignored, int) else -100,
        weighted=bool(note["weighted"]),
        label_smoothing=float(str(note["label_smoothing"])),
        dtype=str(note["dtype"]),
        classes=_int(note["classes"]),
        device=str(note["device"]),
        indexed=bool(note["indexed"]),
    )


def _int(value: object) -> int:
    return int(str(value))


def _optional(value: object) -> int | None:
    return None if value is None else _int(value)


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
