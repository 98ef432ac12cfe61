"""What the instrumented process is asked to do: read once from the JSON file that the command line wrote."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """An expression to record: 1-based rows and columns in code points, the end exclusive."""

    finding: int
    code: str
    role: str  # flagged | evidence
    span: tuple[int, int, int, int]


@dataclass(frozen=True)
class Plan:
    """The whole request of one run; `files` maps real paths to the targets in them."""

    folder: str
    files: dict[str, tuple[Target, ...]] = field(default_factory=dict)
    close_calls: int = 4  # how many calls of a site are looked at closely
    flagged_calls: int = 256  # the same where a finding needs a second look at the logits
    experiments: tuple[str, ...] = ()
    debug_shapes: int = 0
    show_instrumented: bool = False

    @property
    def basenames(self) -> frozenset[str]:
        """Module names under which a flagged file can be imported: the cheap first test of the import hook."""
        names = set()
        for path in self.files:
            stem = os.path.splitext(os.path.basename(path))[0]
            names.add(os.path.basename(os.path.dirname(path)) if stem == "__init__" else stem)
        return frozenset(names)


def read_plan(path: str) -> Plan:
    with open(path, encoding="utf-8") as stream:
        raw = json.load(stream)
    files = {
        name: tuple(Target(t["finding"], t["code"], t["role"], tuple(t["span"])) for t in targets)
        for name, targets in raw["files"].items()
    }
    return Plan(
        folder=raw["folder"],
        files=files,
        close_calls=raw["close_calls"],
        flagged_calls=raw["flagged_calls"],
        experiments=tuple(raw["experiments"]),
        debug_shapes=raw["debug_shapes"],
        show_instrumented=raw["show_instrumented"],
    )
