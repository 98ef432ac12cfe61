"""One name for a finding that outlives moved lines: hash(code, path, stripped text of the line, occurrence)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence

from lintloss.findings import Finding

LineOf = Callable[[Finding], str]
PathOf = Callable[[str], str]


def fingerprint(code: str, path: str, line: str, occurrence: int = 0) -> str:
    """Hash what stays when lines move; `occurrence` tells equal lines of one file apart, counted from the top."""
    parts = (code, path.replace("\\", "/"), line.strip(), str(occurrence))
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:32]


def fingerprints(findings: Sequence[Finding], line_of: LineOf, path_of: PathOf) -> tuple[str, ...]:
    """Fingerprint each finding, in the order given; two findings never share one."""
    seen: Counter[str] = Counter()
    named: dict[int, str] = {}
    for index, finding in sorted(enumerate(findings), key=lambda pair: pair[1].order):
        path, line = path_of(finding.path), line_of(finding)
        kind = fingerprint(finding.code, path, line)
        named[index] = fingerprint(finding.code, path, line, seen[kind])
        seen[kind] += 1
    return tuple(named[index] for index in range(len(findings)))
