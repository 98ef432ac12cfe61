"""The part of `lintloss verify` that runs inside the user's process: standard library and the user's own torch only."""

from __future__ import annotations


def start(plan_path: str) -> None:
    """Install the import hooks; nothing else is imported until the program imports torch or a flagged file."""
    from . import boot

    boot.start(plan_path)
