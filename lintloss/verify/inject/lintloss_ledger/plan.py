"""What the instrumented process is asked to do: read once from the JSON file that the command line wrote.

Plain classes: every Python that the command starts imports this, and dataclasses would bring inspect and ast along.
"""

from __future__ import annotations

import json
import os

DATA_CODES = frozenset({"LL403", "LL404"})


class Target:
    """An expression to record: 1-based rows and columns in code points, the end exclusive."""

    __slots__ = ("code", "finding", "role", "span")

    def __init__(self, finding: int, code: str, role: str, span: tuple[int, int, int, int]) -> None:
        self.finding = finding
        self.code = code
        self.role = role  # flagged | evidence
        self.span = span


class Plan:
    """The whole request of one run; `files` maps real paths to the targets in them."""

    def __init__(self, raw: dict[str, object], files: dict[str, tuple[Target, ...]]) -> None:
        self.folder = str(raw["folder"])
        self.files = files
        self.close_calls = int(str(raw["close_calls"]))  # how many calls of a site are looked at closely
        self.flagged_calls = int(str(raw["flagged_calls"]))  # the same where a finding needs a look at the logits
        experiments = raw["experiments"]
        self.experiments = tuple(experiments) if isinstance(experiments, list) else ()
        self.debug_shapes = int(str(raw["debug_shapes"]))
        training = raw.get("training")  # loaders to compare with, `pkg.module:name`
        self.training = tuple(training) if isinstance(training, list) else ()
        self.texts = bool(raw.get("texts"))  # a training set is text: rows are decoded
        overlays = raw.get("overlays")  # --after-fix: the text of a file with its fixes applied
        self.overlays: dict[str, str] = overlays if isinstance(overlays, dict) else {}
        self.show_instrumented = bool(raw["show_instrumented"])

    @property
    def codes(self) -> frozenset[str]:
        """The rules whose findings are to be judged."""
        return frozenset(target.code for targets in self.files.values() for target in targets)

    @property
    def watches_rows(self) -> bool:
        """Tell whether the ids of each call are kept: were rows evaluated that were trained on?"""
        return "LL403" in self.codes or "data" in self.experiments

    @property
    def watches_data(self) -> bool:
        """Tell whether loaders are watched: a row a batch, for the findings and the experiment that ask for it."""
        return bool(self.codes & DATA_CODES) or "data" in self.experiments

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
    return Plan(raw, files)
