"""LL403: the data files that the program opens, by their names: training or held-out."""

from __future__ import annotations

import os
import re
import sys

from .ledger import TYPE_CHECKING, Ledger

if TYPE_CHECKING:
    from typing import Any

SPLIT = re.compile(r"(?<![a-z])(train|val|test|dev|eval|held)", re.IGNORECASE)
CODE = (".py", ".pyc", ".so", ".pth", ".toml", ".cfg", ".yaml", ".yml", ".log")
MOST = 100


def watch(ledger: Ledger) -> None:
    """Note each file whose name says a split. An audit hook cannot be taken away: it is only set when asked for."""
    seen: set[str] = set()

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if event != "open" or len(seen) >= MOST or not isinstance(args[0], (str, os.PathLike)):
            return
        path = os.fspath(args[0])
        if path in seen or not SPLIT.search(os.path.basename(path)) or path.endswith(CODE):
            return
        seen.add(path)
        if not path.startswith((ledger.folder, sys.prefix)) and (args[1] or "r").startswith("r"):
            ledger.note("opened", path=path)

    audit.__cantrace__ = True  # type: ignore[attr-defined]  # debuggers and coverage keep seeing the program
    sys.addaudithook(audit)
