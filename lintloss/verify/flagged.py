"""Stage: findings JSON (the shape of `lintloss check --output-format json`) -> FlaggedFinding."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from lintloss.errors import SourceError, UsageError
from lintloss.findings import Span


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a file, with what it contributes to the finding."""

    path: str  # real path
    span: Span
    message: str = ""


@dataclass(frozen=True, slots=True)
class FlaggedFinding:
    """One finding to be judged; `raw` is its JSON object, handed through to the output unchanged."""

    number: int
    code: str
    name: str
    message: str
    place: Place
    shown_path: str
    evidence: tuple[Place, ...] = ()
    raw: dict[str, object] = field(default_factory=dict, hash=False)


def read_findings(path: Path) -> tuple[FlaggedFinding, ...]:
    """Read a findings file. Raises SourceError or UsageError that name the file and what is wrong in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(error.strerror or "cannot be read", where=str(path)) from error
    try:
        items = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"is not JSON: {error}", where=str(path), hint="write it with lintloss check --output-format json"
        ) from error
    if isinstance(items, dict):
        items = items.get("findings")
    if not isinstance(items, list):
        raise UsageError("holds no list of findings", where=str(path))
    return parse_findings(items, where=str(path))


def parse_findings(items: list[dict[str, object]], where: str = "findings") -> tuple[FlaggedFinding, ...]:
    found = []
    for number, item in enumerate(items):
        try:
            found.append(_finding(number, item))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            hint = "write it with lintloss check --output-format json"
            raise UsageError(f"finding {number} lacks or misspells {error}", where=where, hint=hint) from error
    return tuple(found)


def _finding(number: int, item: dict[str, object]) -> FlaggedFinding:
    shown = str(item["filename"])
    evidence = item.get("evidence") or ()
    if not isinstance(evidence, (list, tuple)):
        raise TypeError("its evidence, which is a list")
    return FlaggedFinding(
        number=number,
        code=str(item["code"]),
        name=str(item.get("name", "")),
        message=str(item.get("message", "")),
        place=_place(item),
        shown_path=shown,
        evidence=tuple(_place(link) for link in evidence),
        raw=item,
    )


def _place(item: dict[str, object]) -> Place:
    start, end = item["location"], item.get("end_location") or item["location"]
    if not isinstance(start, dict) or not isinstance(end, dict):
        raise TypeError("a location, which is a row and a column")
    span = Span(int(start["row"]), int(start["column"]), int(end["row"]), int(end["column"]))
    return Place(os.path.realpath(str(item["filename"])), span, str(item.get("message", "")))
