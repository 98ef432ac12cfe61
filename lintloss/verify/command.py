"""`lintloss verify`: arguments -> run -> verdicts -> reports -> exit code."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lintloss.errors import LintlossError, UsageError
from lintloss.verify import after_fix, data, reports
from lintloss.verify.events import Tape
from lintloss.verify.experiments import Experiment, experiments
from lintloss.verify.flagged import FlaggedFinding, read_findings
from lintloss.verify.found import found
from lintloss.verify.judge import Run, judge
from lintloss.verify.launch import Outcome, launch
from lintloss.verify.merge import read_tapes
from lintloss.verify.progress import Progress
from lintloss.verify.request import Options, write_plan
from lintloss.verify.verdicts import CONFIRMED, Verdict

EXPERIMENTS = ("untrained", "causality", "copy-oracle", "next-oracle", "data")


@dataclass(frozen=True, slots=True)
class Request:
    """The parsed command line."""

    findings: Path | None
    command: tuple[str, ...]
    options: Options
    output_format: str
    output_file: Path | None
    reports: tuple[tuple[str, Path], ...]
    keep: Path | None
    after_fix: bool = False
    training: tuple[str, ...] = ()
    instrument: tuple[str, ...] = ()


def main(argv: Sequence[str], files: Sequence[str] = ()) -> int:
    """Run a command line of `lintloss verify`; numbers in `files` are recorded, too, where nothing is flagged in them."""
    try:
        return run(replace(parse(argv), instrument=tuple(files)))
    except LintlossError as error:
        print(f"lintloss verify: {error}", file=sys.stderr)
        return 2


def run(request: Request) -> int:
    """Launch, merge, judge, report. 1: something confirmed; 0: nothing; 2: the program failed."""
    paths, loaders = data.check(request.training)
    reports.check(request.output_file, request.reports)
    options = replace(request.options, training=loaders, texts=data.wants_text(paths))
    findings = read_findings(request.findings) if request.findings is not None else ()
    # A process that outlives the command may still be writing there.
    with tempfile.TemporaryDirectory(prefix="lintloss-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) if request.keep is None else _kept(request.keep)
        plan = write_plan(folder, findings, options, (*request.command, *request.instrument))
        with Progress(folder) as progress:
            outcome = launch(request.command, plan, progress.tick if progress.shown else None)
        report = _judged(request, findings, read_tapes(folder), outcome)
    _complain(report.run.tapes, outcome)
    if request.after_fix:
        report = replace(report, experiments=report.experiments + _after_fix(request, findings))
    reports.write(report, request.output_format, request.output_file, request.reports)
    return exit_code(report.verdicts, outcome)


def _kept(folder: Path) -> Path:
    """The folder of --keep, made if need be; absolute, for the program may change directory."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--keep: {error.strerror}", where=str(folder)) from error
    if any(folder.glob("*.jsonl")):
        hint = "another folder, or remove this one first"
        raise UsageError("--keep: holds what an earlier run recorded", where=str(folder), hint=hint)
    return folder.resolve()


def _judged(
    request: Request, findings: tuple[FlaggedFinding, ...], tapes: tuple[Tape, ...], outcome: Outcome
) -> reports.Report:
    """Judge while the run folder is there: the rows that were read stay in their files."""
    done = Run(tapes, failed=outcome.exit_code != 0)
    judged = judge(findings, done)
    verdicts = (*judged, *found(tapes, judged))
    tried = experiments(tapes, request.options.experiments)
    if "data" in request.options.experiments:
        tried += data.describe(tapes, *data.check(request.training))
    return reports.Report(verdicts, done, outcome, tried)


def _after_fix(request: Request, findings: tuple[FlaggedFinding, ...]) -> tuple[Experiment, ...]:
    """Run the command again with the proposed fixes in place of the flagged lines."""
    texts = after_fix.overlays(findings)
    if not texts:
        return (Experiment("after-fix", "any place", None, None, "no finding proposes a fix"),)
    with tempfile.TemporaryDirectory(prefix="lintloss-", ignore_cleanup_errors=True) as scratch:
        options = Options(overlays=texts)
        launch(request.command, write_plan(Path(scratch), (), options), aside=True)
        return after_fix.outcomes(findings, read_tapes(Path(scratch)))


def _complain(tapes: tuple[Tape, ...], outcome: Outcome) -> None:
    """Say on one line what the program's own traceback may not: there is no torch, or what was seen is partial."""
    missing = next((note for tape in tapes for note in tape.notes if note["kind"] == "no_torch"), None)
    if missing is not None:
        python = missing["python"]
        print(f"lintloss verify: torch is not installed for {python} ({python} -m pip install torch)", file=sys.stderr)
    elif outcome.exit_code != 0:
        ended = f"exit code {outcome.exit_code}" if outcome.exit_code > 0 else f"signal {-outcome.exit_code}"
        print(f"lintloss verify: the program ended with {ended}: verdicts are partial", file=sys.stderr)


def exit_code(verdicts: tuple[Verdict, ...], outcome: Outcome) -> int:
    if outcome.exit_code != 0:
        return 2
    return 1 if any(verdict.status == CONFIRMED for verdict in verdicts) else 0


def parse(argv: Sequence[str]) -> Request:
    """Everything before `--` is ours, everything behind it is the command."""
    arguments = list(argv)
    own, command = (arguments, []) if "--" not in arguments else _split(arguments)
    parsed = _parser().parse_args(own)
    if not command:
        raise UsageError("no command to run", hint="lintloss verify --findings f.json -- python eval.py")
    options = Options(
        experiments=tuple(name for name in EXPERIMENTS if getattr(parsed, name.replace("-", "_"))),
        debug_shapes=parsed.debug_shapes,
        show_instrumented=parsed.show_instrumented,
    )
    return Request(
        findings=parsed.findings, command=tuple(command), options=options, output_format=parsed.output_format,
        output_file=parsed.output_file, reports=tuple(_named_report(text) for text in parsed.report),
        keep=parsed.keep, after_fix=parsed.after_fix, training=tuple(parsed.training),
    )  # fmt: skip


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _named_report(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if name not in reports.FORMATS or not path:
        raise UsageError(f"--report {text}: not FORMAT=FILE", hint=f"formats: {', '.join(reports.FORMATS)}")
    return name, Path(path)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # raises, where argparse exits
        raise UsageError(message, hint="lintloss verify --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="lintloss verify", usage="lintloss verify [options] -- COMMAND…", allow_abbrev=False)
    parser.add_argument("--findings", type=Path, help="findings JSON of lintloss check --output-format json")
    parser.add_argument("--output-format", choices=reports.FORMATS, default="table")
    parser.add_argument("--output-file", type=Path)
    parser.add_argument("--report", action="append", default=[], metavar="FORMAT=FILE")
    parser.add_argument("--show-instrumented", action="store_true", help="print the flagged files as instrumented")
    parser.add_argument("--debug-shapes", nargs="?", type=int, const=3, default=0, metavar="BATCHES")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the raw ledgers there")
    parser.add_argument(
        "--training", action="append", default=[], metavar="PATH|MODULE:LOADER", help="a training set, for --data"
    )
    parser.add_argument("--after-fix", action="store_true", help="run again with the proposed fixes applied in memory")
    for name in EXPERIMENTS:
        parser.add_argument(f"--{name}", action="store_true")
    return parser
