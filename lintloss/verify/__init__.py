"""`lintloss verify`: runs the user's own command with a ledger injected, and confirms or refutes each finding."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str], files: Sequence[str] = ()) -> int:
    """Run `lintloss verify` with these arguments and return its exit code.

    Args:
        files: numbers that these compute are recorded, even where nothing was found in any file.
    """
    from lintloss.verify.command import main as run

    return run(argv, files)
