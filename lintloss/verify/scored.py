"""Stage: tapes and verdicts -> what else was scored: an evaluation that nothing was said of is not thereby right."""

from __future__ import annotations

from dataclasses import dataclass

from lintloss.verify import wording
from lintloss.verify.events import Tape
from lintloss.verify.found import groups
from lintloss.verify.judge_averaging import right
from lintloss.verify.ranks import read_group
from lintloss.verify.reported import Reading
from lintloss.verify.verdicts import Pair, Verdict, finite


@dataclass(frozen=True, slots=True)
class Scored:
    """One evaluation, its token-weighted loss, and what the program made of it as far as that was recorded."""

    place: str
    batches: int
    truth: Pair
    said: str

    def as_json(self) -> dict[str, object]:
        return {
            "place": self.place, "batches": self.batches, "loss": finite(self.truth.loss),
            "perplexity": finite(self.truth.perplexity), "scored_tokens": self.truth.scored_tokens, "said": self.said,
        }  # fmt: skip


def unjudged(tapes: tuple[Tape, ...], verdicts: tuple[Verdict, ...]) -> tuple[Scored, ...]:
    """The evaluations by cross-entropy that no verdict is about, in order."""
    judged = {call.reference for verdict in verdicts for call in verdict.calls}
    found = []
    for group in groups(tapes):
        calls = group.calls
        if not calls[0].form.is_cross_entropy or any(call.trained for call in calls):
            continue
        reading = read_group(group)
        truth = right(reading)
        if truth.loss is None or truth not in judged:
            place = wording.line(next(iter(calls[0].site.frames), None))
            found.append(Scored(place, len(calls), truth, _said(reading)))
    return tuple(found)


def _said(reading: Reading) -> str:
    if reading.is_told and not reading.is_a_step:
        return f"reported is the {(reading.formula or '').removeprefix('the ')}"
    return "no number that was recorded is made of it by a known formula"
