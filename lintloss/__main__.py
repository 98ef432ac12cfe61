"""The front door: `check` goes straight to work, everything else goes to Typer (which costs 150 ms to start)."""

from __future__ import annotations

import io
import sys

from lintloss.errors import LintlossError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintloss.command.arguments import Arguments

INTERRUPTED = 130
CLOSED_PIPE = 141
FAILED = 2
_CI = ("GITHUB_ACTIONS", "GITLAB_CI")  # where a clean run may still have a report to print


def main() -> None:
    """Run the command line and exit."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a code page or LC_ALL=C without `·` or the user's letters
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # `| head`
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CLOSED_PIPE
    sys.exit(code)


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code; an error of ours is one line on stderr and exit 2."""
    try:
        if words[:1] == ["check"]:
            from lintloss.command.arguments import parse

            arguments = parse(words[1:])
            if not arguments.wants_help:
                return _check(arguments)
        if list(words) in (["--version"], ["-V"]):
            from lintloss import __version__

            sys.stdout.write(f"lintloss {__version__}\n")
            return 0
        from lintloss.cli import run_typer

        return run_typer(words)
    except LintlossError as failure:
        sys.stderr.write(f"lintloss: error: {failure}\n")
        return FAILED


def _check(arguments: Arguments) -> int:
    if _is_plain(arguments):
        from lintloss.command.quick import clean

        count = clean(arguments.paths or ["."], isolated="isolated" in arguments.given)
        if count is not None:
            return _say_clean(count, "quiet" in arguments.given)
    from lintloss.command.check import check
    from lintloss.command.options import Options

    return check(Options.of(arguments))


def _is_plain(arguments: Arguments) -> bool:
    """Say whether nothing was asked for that bytes alone cannot answer."""
    import os

    return {"quiet", "no_cache", "isolated"}.issuperset(arguments.given) and not any(map(os.environ.get, _CI))


def _say_clean(count: int, is_quiet: bool) -> int:
    """Say what the full program would say, where it would say it."""
    if not is_quiet:
        files = "1 file" if count == 1 else f"{count} files"
        stream = sys.stdout if sys.stdout.isatty() else sys.stderr
        stream.write(f"No findings in {files} ({count} screened out).\n")
    return 0


if __name__ == "__main__":
    main()
