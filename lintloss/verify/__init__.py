"""`lintloss verify`: runs the user's own command with a ledger injected, and confirms or refutes each finding."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run `lintloss verify` with these arguments and return its exit code."""
    from lintloss.verify.command import main as run

    return run(argv)
