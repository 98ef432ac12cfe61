"""Stage: sources -> one Sweep: what came of all files, from memory if nothing changed, over processes if that pays."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lintloss.discover import Source
from lintloss.echoes import without_echoes
from lintloss.errors import InternalError, LintlossError, SourceError
from lintloss.findings import Finding
from lintloss.result import Result, read_file
from lintloss.screen import is_plain_text, screen
from lintloss.wire import flatten, restore

if TYPE_CHECKING:
    from lintloss.engine import Engine

# Up to this many bytes, files without a loss word are parsed too, so that a small project's syntax errors are all
# reported (0.25 s at most). In larger trees only files that may hold evaluation code, and files named one by one, are.
SYNTAX_BYTES = 2_000_000
FORK_BYTES = 150_000  # about 30 ms of parsing and interpreting: a fork costs 1 to 3


@dataclass(frozen=True, slots=True)
class Sweep:
    """What came of all files: findings in output order; `screened` says why files were not looked into."""

    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    errors: tuple[LintlossError, ...] = ()
    checked: int = 0
    screened: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How files are checked.

    engine_of: source -> the engine under its configuration. key_of: source -> what tells that configuration apart.
    recall, remember: the cache's get and put.
    """

    engine_of: Callable[[Source], Engine]
    key_of: Callable[[Source], str]
    recall: Callable[[str, str], Result | None]
    remember: Callable[[Result, str], None]
    jobs: int = 1


def sweep(sources: Sequence[Source], plan: Plan) -> Sweep:
    """Check all sources."""
    sizes = {source.path: _size(source.path) for source in sources}
    in_full = sum(sizes.values()) <= SYNTAX_BYTES
    results: dict[str, Result] = {}
    left: list[Source] = []
    for source in sources:
        parses = in_full or source.named
        known = plan.recall(source.path, _key(plan, source, parses))
        result = known or (None if parses else _screened(source.path))
        if result is None:
            left.append(source)
        else:
            results[source.path] = result
            if known is None:
                plan.remember(result, _key(plan, source, parses))
    with _collecting_between_files():
        for source, result in _check(left, sizes, plan, in_full):
            results[source.path] = result
            plan.remember(result, _key(plan, source, in_full or source.named))
    return gather(results[source.path] for source in sources)


def _key(plan: Plan, source: Source, parses: bool) -> str:
    return f"{plan.key_of(source)} {parses}"


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _screened(path: str) -> Result | None:
    try:
        data = read_file(path)
    except SourceError as failure:
        return Result(path, errors=(failure,))
    reason = screen(data, path)
    return Result(path, screened=reason) if reason is not None and is_plain_text(data) else None


def _check(
    sources: Sequence[Source], sizes: dict[str, int], plan: Plan, in_full: bool
) -> Iterable[tuple[Source, Result]]:
    def work(source: Source) -> Result:
        result = plan.engine_of(source).check(source.path, always_parse=in_full or source.named)
        if result.screened is None and len(sources) > 1:
            gc.collect()
            gc.freeze()
        return result

    total = sum(sizes[source.path] for source in sources)
    if plan.jobs < 2 or total < FORK_BYTES or len(sources) < 2:
        return [(source, work(source)) for source in sources]
    from lintloss.pool import can_fork, over_processes, shares

    if not can_fork():
        return [(source, work(source)) for source in sources]
    by_path = {source.path: source for source in sources}
    dealt = shares(((sizes[path], path) for path in by_path), min(plan.jobs, len(sources)))
    made = over_processes(lambda path: flatten(work(by_path[path])), dealt)
    return [
        (source, restore(plain) if plain is not None else _died(path))
        for path, source in by_path.items()
        for plain in (made[path],)
    ]


@contextmanager
def _collecting_between_files() -> Iterator[None]:
    """Collect garbage after each file, and look at what outlives it never again.

    Syntax trees are millions of objects that live long: passes over them were a third of all time. What was there
    before the first file is left alone too: in an editor's server, or under pytest, that is most of the heap.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _died(path: str) -> Result:
    return Result(path, errors=(InternalError("the process that checked it died", where=path, hint="try --jobs 1"),))


def gather(results: Iterable[Result]) -> Sweep:
    """Put the results of all files together: each finding once, and only those of files that were asked for."""
    results = list(results)
    paths = {result.path for result in results}
    used = {(path, row) for result in results for path, row, _ in result.used if path != result.path}
    best: dict[tuple[object, ...], Finding] = {}
    for finding in sorted((each for result in results for each in result.findings), key=lambda each: each.order):
        if finding.path not in paths or (finding.code == "LL002" and (finding.path, finding.span.row) in used):
            continue
        place = (finding.path, finding.cell, finding.span, finding.code)
        other = best.get(place)
        if other is None or (finding.severity, finding.confidence) > (other.severity, other.confidence):
            best[place] = finding
    suppressed = {each.order: each for result in results for each in result.suppressed if each.path in paths}
    kept = without_echoes(best.values(), suppressed.values())
    return Sweep(
        tuple(sorted(kept, key=lambda each: each.order)),
        tuple(suppressed[order] for order in sorted(suppressed)),
        tuple(each for result in results for each in result.errors),
        len(results),
        tuple((result.path, result.screened) for result in results if result.screened is not None),
    )
