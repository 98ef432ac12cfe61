"""Judges LL403 and LL404: which data fed the loader that was evaluated, and whether all of it was scored."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

from lintloss.verify.evaluations import Evaluation, by_runs
from lintloss.verify.events import Frame, Load, Loader, Tape
from lintloss.verify.feeds import Feed, feeds, trained_loaders
from lintloss.verify.flagged import FlaggedFinding, Place
from lintloss.verify.judge_averaging import batches, right
from lintloss.verify.ranks import Group, read_group
from lintloss.verify.read_rows import Rows, read_rows
from lintloss.verify.verdicts import CONFIRMED, REFUTED, UNDECIDED, Judged, Pair

CODES = frozenset({"LL403", "LL404"})
TRAINING_WORD = re.compile(r"(?<![a-z])train(ing)?(?![a-z])", re.IGNORECASE)
HELD_OUT = r"(?<![a-z])(val(id(ation)?)?|test(ing)?|dev|eval(uation)?|held[-_ ]?out)(?![a-z])"
HELD_OUT_WORD = re.compile(HELD_OUT, re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the loaders say by themselves."""

    status: str
    reason: str


def judge(finding: FlaggedFinding, tapes: tuple[Tape, ...]) -> tuple[Judged, ...]:
    """Judge each evaluation that the flagged code has to do with; none where nothing ran."""
    found = []
    for tape in tapes:
        fed = _fed(finding, tape)
        listed = _without_loader(finding, tape)
        if finding.code == "LL404" and listed and not any(_made_at(feed.loader, finding.place) for feed in fed):
            # The loop runs over a list: a pass over some loader that came before has nothing to do with it.
            fed = () if any(judged.status != UNDECIDED for judged in listed) else fed
        for feed in fed:
            opinion = _training(feed) if finding.code == "LL403" else _truncated(feed)
            found.append(_judged(opinion, feed.evaluation))
        if not fed:
            found.extend(listed)
    return tuple(found)


def _judged(opinion: Opinion, evaluation: Evaluation) -> Judged:
    group = Group((evaluation,))
    reading = read_group(group)
    # What was never scored has no loss: only where nothing is missing is the number over what ran the right one.
    whole = opinion.status == REFUTED
    reference = right(reading) if whole else Pair()
    return Judged(
        opinion.status, reading.pair, reference, opinion.reason, reading.formula, batches(reading.calls, group),
        partial=group.partial,
    )  # fmt: skip


def _fed(finding: FlaggedFinding, tape: Tape) -> tuple[Feed, ...]:
    """Evaluations fed by the loader that the finding names; else those that ran in the flagged function."""
    everything = feeds(tape)
    made = tuple(feed for feed in everything if _made_at(feed.loader, finding.place))
    found = made or _through(finding, tape, everything)
    # LL403 may name the dataset, far from any loader: the evaluation that is reported last stands for it.
    return found or (everything[-1:] if finding.code == "LL403" else ())


def _made_at(loader: Loader, place: Place) -> bool:
    span = place.span
    return any(frame.path == place.path and span.row <= frame.row <= span.end_row for frame in loader.frames)


def _through(finding: FlaggedFinding, tape: Tape, found: tuple[Feed, ...]) -> tuple[Feed, ...]:
    scopes = [tape.scopes[link.scope] for link in tape.links if link.finding == finding.number]

    def passes(frames: tuple[Frame, ...]) -> bool:
        return any(scope.holds(frame) for scope in scopes for frame in frames)

    return tuple(feed for feed in found if passes(feed.evaluation.calls[0].site.frames))


def _truncated(feed: Feed) -> Opinion:
    expected, loader = feed.expected_rows, feed.loader
    scored = feed.scored
    rows = int(math.fsum(load.rows for load in scored))
    if expected is None or loader.sampler == "_InfiniteConstantSampler":
        if feed.ended and len(scored) == len(feed.batches):
            return Opinion(REFUTED, f"the stream was read to its end: {len(scored):,} batches")
        return Opinion(UNDECIDED, f"{len(scored):,} batches of a stream were scored; its length is not known")
    missing = expected - rows
    if missing <= 0:
        return Opinion(REFUTED, f"all {expected:,} rows that the loader can give were scored, nothing is left out")
    why = _why(feed, scored, missing)
    return Opinion(CONFIRMED, f"{rows:,} of {expected:,} rows were scored; {missing:,} never were: {why}")


def _why(feed: Feed, scored: tuple[Load, ...], missing: int) -> str:
    loader = feed.loader
    if feed.ended and len(scored) == len(feed.batches):
        if loader.left_by_sampler:
            return f"the sampler drops {loader.left_by_sampler:,} to give every rank as many"
        if loader.drop_last:
            return f"drop_last leaves out the last batch of {missing:,}"
        return "the sampler handed out fewer"
    total = f" of {loader.batches:,}" if loader.batches is not None else ""
    return f"the loop ended after {len(scored):,}{total} batches"


def _without_loader(finding: FlaggedFinding, tape: Tape) -> tuple[Judged, ...]:
    """No DataLoader: what the flagged function's own loops iterate over (LL404), what was trained on (LL403)."""
    scopes = [tape.scopes[link.scope] for link in tape.links if link.finding == finding.number]
    runs = [run for run in by_runs(tape) if not any(call.trained for call in run.calls)]
    mine = [run for run in runs if any(scope.holds(f) for scope in scopes for f in run.calls[0].site.frames)]
    if finding.code == "LL403":
        return tuple(_judged(_by_content(run, None), run) for run in mine[-1:] or runs[-1:])
    return tuple(_judged(_loops(run), run) for run in mine)


def _loops(run: Evaluation) -> Opinion:
    """Compare the turns in which something was scored with the items that the loop could have taken."""
    tape, calls = run.tape, run.calls
    frames = calls[0].site.frames
    sources = {
        number: site
        for number, site in tape.value_sites.items()
        if site.role == "source" and site.scope is not None and any(map(tape.scopes[site.scope].holds, frames))
    }
    for value in (value for value in tape.values if value.site in sources and value.element == ""):
        site = sources[value.site]
        after = min((v.order for v in tape.values if v.site == value.site and v.order > value.order), default=1 << 60)
        turns = [m.order for m in tape.loops if m.site in site.loops and value.order < m.order < after]
        inside = [call.order for call in calls if value.order < call.order < after]
        if not turns or not inside:
            continue
        bounds = [*turns[1:], after]
        scored = sum(1 for low, high in zip(turns, bounds, strict=True) if any(low < order < high for order in inside))
        items = round(value.number)
        if scored < items:
            said = (
                f"{scored:,} of {items:,} items of `{site.text}` were scored; the loop of line {site.row} ended early"
            )
            return Opinion(CONFIRMED, said)
        return Opinion(REFUTED, f"all {items:,} items of `{site.text}` were scored")
    return Opinion(UNDECIDED, "neither a DataLoader nor a loop over something with a length was seen here")


def _training(feed: Feed) -> Opinion:
    tape, loader = feed.evaluation.tape, feed.loader
    trained = trained_loaders(tape)
    what = f"{loader.kind} of {loader.rows:,} rows" if loader.rows is not None else loader.kind
    for other in trained:
        if other.dataset == loader.dataset and "Subset" not in loader.sampler + other.sampler:
            return Opinion(
                CONFIRMED, f"the loader that was evaluated reads the very dataset that is trained on ({what})"
            )
    content = _by_content(feed.evaluation, loader)
    if content.status != UNDECIDED:
        return content
    if trained and all(other.base != loader.base for other in trained):
        return Opinion(REFUTED, f"the dataset that was evaluated ({what}) is not the one that is trained on")
    return content


def _by_content(run: Evaluation, loader: Loader | None) -> Opinion:
    """Rows read by evaluation calls against rows read by calls that a gradient was taken of; then names."""
    rows = read_rows(run.tape)
    evaluated, trained = _starts(rows, {call.order for call in run.calls}), _starts(rows, _trained_orders(run.tape))
    if evaluated and trained:
        twice = len(evaluated & trained)
        said = f"{twice:,} of {len(evaluated):,} evaluated sequences were trained on"
        if twice * 2 >= len(evaluated):
            return Opinion(CONFIRMED, said)
        return Opinion(REFUTED, said + (": hardly any" if twice else ""))
    says = {} if loader is None else loader.says
    named = _named(says)
    if named is not None:
        return named
    return _files(run.tape) or Opinion(
        UNDECIDED, "nothing was trained on in this run, and neither the dataset nor its files say which split they are"
    )


def _starts(rows: Rows, orders: set[int]) -> set[bytes]:
    """The first 16 tokens tell a sequence: inputs may be cut by one at the end in one loop and not in the other."""
    return {ids[:64] for order, ids in rows if order in orders and len(ids) >= 16}


def _trained_orders(tape: Tape) -> set[int]:
    return {call.order for call in tape.calls if call.trained}


def _named(says: dict[str, str]) -> Opinion | None:
    for name, word in says.items():
        if name == "train":
            if word == "True":
                return Opinion(CONFIRMED, "the dataset that was evaluated says train=True")
            return Opinion(REFUTED, f"the dataset that was evaluated says train={word}")
    for name, word in says.items():
        last = os.path.basename(word.rstrip("/"))
        if HELD_OUT_WORD.search(last):
            return Opinion(REFUTED, f"the dataset that was evaluated says {name}={word!r}")
        if TRAINING_WORD.search(last):
            return Opinion(CONFIRMED, f"the dataset that was evaluated says {name}={word!r}")
    return None


def _files(tape: Tape) -> Opinion | None:
    """Names of the data files that the process opened: all of one kind, or nothing is said."""
    names = [str(note["path"]) for note in tape.notes if note["kind"] == "opened"]
    training = [name for name in names if TRAINING_WORD.search(os.path.basename(name))]
    held_out = [name for name in names if HELD_OUT_WORD.search(os.path.basename(name))]
    if training and not held_out:
        return Opinion(CONFIRMED, f"the only data that was opened is {os.path.relpath(training[0])}")
    if held_out and not training:
        return Opinion(REFUTED, f"the only data that was opened is {os.path.relpath(held_out[0])}")
    return None
