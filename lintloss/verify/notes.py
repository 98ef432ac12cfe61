"""The JSON lines of one process: what its rows refer to by number, and everything that is said once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from lintloss.verify.events import Form, Frame, Link, Loader, Look, Scope, Site, ValueSite


@dataclass(slots=True)
class Notes:
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


def read_notes(number: int, path: Path) -> Notes:
    notes = Notes()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            note = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed while it wrote
        _sort_note(notes, number, note)
    return notes


def _sort_note(notes: Notes, number: int, note: dict[str, object]) -> None:
    kind = note.pop("kind")
    key = note.get("site")
    if kind == "process":
        notes.process = note
    elif kind == "torch":
        notes.torch = str(note["version"])
    elif kind == "site":
        notes.sites[whole(key)] = Site(
            tuple(_frame(frame) for frame in items(note["frames"])),
            _frame(note["direct"]) if note["direct"] else None,
        )
    elif kind == "form":
        notes.forms[whole(note["form"])] = _form(note)
    elif kind == "element":
        notes.elements[whole(note["element"])] = str(note["name"])
    elif kind == "value_site":
        scope = note["scope"]
        notes.values[whole(key)] = ValueSite(
            str(note["path"]), whole(note["row"]), str(note["text"]), str(note["role"]),
            None if scope is None else whole(scope), tuple(whole(loop) for loop in items(note["loops"])),
        )  # fmt: skip
    elif kind == "scope_site":
        notes.scopes[whole(key)] = Scope(
            str(note["path"]), whole(note["row"]), whole(note["end_row"]), str(note["name"])
        )
    elif kind == "link":
        notes.links.append(Link(whole(note["finding"]), whole(note["value"]), whole(note["scope"]), str(note["role"])))
    elif kind == "look":
        order = whole(note["order"])
        kept = notes.looks.get(order)
        look = Look(number, order, note)
        notes.looks[order] = look if kept is None else replace(kept, facts={**kept.facts, **note})
    elif kind == "loader":
        notes.loaders[whole(note["loader"])] = _loader(note)
    elif kind == "end":
        notes.end = note
    else:
        notes.others.append({"kind": kind, **note})


def _loader(note: dict[str, object]) -> Loader:
    says = note["says"]
    return Loader(
        frames=tuple(_frame(frame) for frame in items(note["frames"])),
        dataset=whole(note["dataset"]),
        base=whole(note["base"]),
        kind=str(note["type"]),
        rows=optional(note["rows"]),
        batches=optional(note["batches"]),
        sampler_rows=optional(note["sampler_rows"]),
        sampler=str(note["sampler"]),
        batch_size=optional(note["batch_size"]),
        drop_last=bool(note["drop_last"]),
        left_by_sampler=whole(note["left_by_sampler"]),
        says={str(name): str(word) for name, word in says.items()} if isinstance(says, dict) else {},
    )


def _frame(parts: object) -> Frame:
    path, row, function = items(parts)
    return Frame(str(path), whole(row), str(function))


def _form(note: dict[str, object]) -> Form:
    ignored = note["ignore_index"]
    return Form(
        criterion=str(note["criterion"]),
        reduction=str(note["reduction"]),
        ignore_index=ignored if isinstance(ignored, int) else -100,
        weighted=bool(note["weighted"]),
        label_smoothing=float(str(note["label_smoothing"])),
        dtype=str(note["dtype"]),
        classes=whole(note["classes"]),
        device=str(note["device"]),
        indexed=bool(note["indexed"]),
    )


def whole(value: object) -> int:
    return int(str(value))


def optional(value: object) -> int | None:
    return None if value is None else whole(value)


def items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
