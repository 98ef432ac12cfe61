"""`--statistics`: how many findings each rule has, the most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lintloss.findings import Finding


def render(findings: Sequence[Finding]) -> str:
    """Return one line a rule: count, code, name, and whether (some of) its findings can be fixed."""
    counts = Counter((finding.code, finding.name) for finding in findings)
    fixable = Counter(finding.code for finding in findings if finding.fix)
    width = len(str(max(counts.values(), default=0)))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "".join(f"{count:>{width}} {code} {name}{_mark(fixable[code])}\n" for (code, name), count in ranked)


def _mark(fixable: int) -> str:
    return f" [{fixable} fixable]" if fixable else ""
