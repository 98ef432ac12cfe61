"""Findings that a project knows already: written to a file once, and told apart from new ones ever after.

An entry is a fingerprint of (code, path, text of the line) with a count, so that moved lines stay known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lintloss.errors import ConfigError
from lintloss.findings import Finding
from lintloss.fingerprint import LineOf, PathOf, fingerprint

VERSION = 1


@dataclass(frozen=True, slots=True)
class Split:
    """The findings of a run in output order, apart by whether the baseline has them; `gone` counts entries not met."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    gone: int = 0


def dump(findings: Sequence[Finding], line_of: LineOf, path_of: PathOf) -> str:
    """Return the text of a baseline file that knows these findings; equal findings give equal text."""
    kinds = Counter(_entry(finding, line_of, path_of) for finding in findings)
    entries = [
        {"fingerprint": fingerprint(code, path, line), "code": code, "path": path, "line": line, "count": count}
        for (path, code, line), count in sorted(kinds.items())
    ]
    return json.dumps({"version": VERSION, "findings": entries}, indent=1) + "\n"


def load(text: str, where: str) -> Counter[str]:
    """Read a baseline file's text into counts by fingerprint.

    Raises:
        ConfigError: the text is not a baseline of this version.
    """
    hint = "write it anew with --write-baseline"
    try:
        held = json.loads(text)
        if held["version"] != VERSION:
            raise ConfigError(f"baseline of version {held['version']}, not {VERSION}", where=where, hint=hint)
        return Counter({str(entry["fingerprint"]): int(entry["count"]) for entry in held["findings"]})
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError("not a baseline file", where=where, hint=hint) from error


def split(findings: Sequence[Finding], known: Counter[str], line_of: LineOf, path_of: PathOf) -> Split:
    """Set known findings apart; where a kind has grown, the last ones of it are the new ones."""
    left = known.copy()
    old: list[Finding] = []
    new: list[Finding] = []
    for finding in findings:
        path, code, line = _entry(finding, line_of, path_of)
        kind = fingerprint(code, path, line)
        (old if left[kind] > 0 else new).append(finding)
        left[kind] -= 1
    gone = sum(count for count in left.values() if count > 0)
    return Split(tuple(new), tuple(old), gone)


def _entry(finding: Finding, line_of: LineOf, path_of: PathOf) -> tuple[str, str, str]:
    return path_of(finding.path).replace("\\", "/"), finding.code, line_of(finding).strip()
