"""Judges LL2xx and LL3xx: rules whose truth needs the close look that was taken at the logits and the ids."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from lintloss.verify import close_looks, formulas
from lintloss.verify.close_looks import Looked, looked, share, token_mean
from lintloss.verify.judge_averaging import batches
from lintloss.verify.ranks import Group, read_group
from lintloss.verify.reported import Reading
from lintloss.verify.verdicts import CONFIRMED, REFUTED, UNDECIDED, Judged, Pair, difference


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the evidence says by itself, and the truth that it implies (NaN: unknown)."""

    status: str
    reason: str
    truth: tuple[float, float] = (math.nan, 0.0)


Items = tuple[Looked, ...]


def judge(code: str, group: Group) -> Judged:
    """Judge one evaluation by evidence; the numbers say what it is worth."""
    reading = read_group(group)
    calls = reading.calls
    items = looked(calls, group)
    if not items:
        opinion = Opinion(UNDECIDED, "the criterion ran where its inputs could not be looked at (compiled or fused)")
    else:
        opinion = (_masked(reading, items) if code == "LL304" else None) or CODES[code](items)
    loss, scored = opinion.truth
    if opinion.status == REFUTED and len(items) < len(calls) and calls[0].form.is_cross_entropy:
        # Nothing is wrong with what was scored: the ledger has it for all calls, the close look for the first few.
        loss, scored = formulas.truth(calls), math.fsum(call.scored for call in calls)
    reference = Pair() if math.isnan(loss) else Pair.of(loss, scored)
    return Judged(
        opinion.status, reading.pair, reference, _explain(opinion, reading, reference, len(items), len(calls)),
        reading.formula, batches(calls, group), close_looks.offsets(items), partial=group.partial,
    )  # fmt: skip


def _explain(opinion: Opinion, reading: Reading, reference: Pair, seen: int, calls: int) -> str:
    text = opinion.reason
    if reference.loss is not None and opinion.status == CONFIRMED:
        shown = reading.pair.loss
        said = f"loss {shown:.6g} where" if shown is not None else "the loss over the targets that ought to be scored:"
        text += f"; {said} {reference.loss:.6g} is right"
        off = difference(reading.pair, reference)
        text += f" ({off:.2%} off)" if reading.is_told and off < 100 else ""
    if seen < calls:
        text += f"; looked at {seen:,} of {calls:,} calls"
    return text


def _as_called(item: Looked) -> tuple[float, float]:
    return item.call.nats, item.call.scored


def _criterion(items: Items) -> Opinion:
    names = sorted({item.call.form.criterion for item in items if not item.call.form.is_cross_entropy})
    if not names:
        return Opinion(REFUTED, "the criterion that ran is cross-entropy", token_mean(items, _as_called))
    truth = token_mean(items, _true_of_one_hot)
    if math.isnan(truth[0]):
        return Opinion(
            CONFIRMED, f"the criterion that ran is {', '.join(names)}, no cross-entropy of its inputs is known"
        )
    return Opinion(CONFIRMED, f"the criterion that ran is {', '.join(names)}, not cross-entropy", truth)


def _true_of_one_hot(item: Looked) -> tuple[float, float] | None:
    if item.call.form.is_cross_entropy:
        return _as_called(item)
    nats, scored = item.number("true_nats"), item.number("true_scored")
    return None if nats is None or scored is None else (nats, scored)


def _true_nats(item: Looked) -> tuple[float, float] | None:
    nats = item.number("true_nats")
    return _as_called(item) if nats is None else (nats, item.call.scored)


def _softmax(items: Items) -> Opinion:
    found = share(items, lambda item: item.facts.get("probabilities") is True)
    if found:
        reason = "the rows given to cross_entropy are probabilities (not negative, sum to 1)"
        return Opinion(CONFIRMED, reason, token_mean(items, _true_nats))
    return Opinion(REFUTED, "the rows given to the criterion are no probabilities", token_mean(items, _as_called))


def _nll(items: Items) -> Opinion:
    if share(items, lambda item: item.facts.get("probabilities") is True):
        return Opinion(
            CONFIRMED, "nll_loss was given probabilities, not their logarithms", token_mean(items, _true_nats)
        )
    if share(items, lambda item: item.facts.get("log_probabilities") is False):
        reason = "nll_loss was given rows whose logsumexp is not 0: logits, not log-probabilities"
        return Opinion(CONFIRMED, reason, token_mean(items, _true_nats))
    return Opinion(REFUTED, "the rows are log-probabilities (logsumexp 0)", token_mean(items, _as_called))


def _shifted(item: Looked) -> tuple[float, float] | None:
    nats, scored = item.number("shifted_nats"), item.number("shifted_scored")
    return None if nats is None or scored is None else (nats, scored)


def _shift(items: Items) -> Opinion:
    """Offset 1 is right: row t is a guess at token t + 1."""
    told = tuple(item for item in items if "offset" in item.facts)
    offset = close_looks.offset(told)
    if offset is None:
        return Opinion(UNDECIDED, _untold(items))
    truth = token_mean(told, _shifted)
    certain = share(told, lambda item: item.facts.get("certain") is True) == 1.0
    crossed = max((item.number("wraps") or 0.0 for item in told), default=0.0) > 0.98
    if crossed:
        return Opinion(CONFIRMED, "the last row of each sequence is scored on the next sequence's first token", truth)
    if offset == 1:
        if not certain:
            return Opinion(UNDECIDED, "targets sit at offset +1 if scoring starts at the first row, which was not seen")
        return Opinion(REFUTED, f"targets are the next token: offset +1 in {len(told)} calls", truth)
    what = {0: "the very tokens the model reads (offset 0)", 2: "two tokens ahead (offset +2)"}
    place = what.get(offset, f"at offset {offset:+d}")
    return Opinion(CONFIRMED, f"targets are {place}, not the next token (offset +1)", truth)


def _untold(items: Items) -> str:
    if not any("offsets" in item.facts for item in items):
        return "targets could not be compared with ids: no token embedding was read before the criterion"
    return "targets agree with the embedded ids at no single offset"


def _masked(reading: Reading, items: Items) -> Opinion | None:
    """A field of losses: the criterion scores padding, and the program may leave it out afterwards."""
    if reading.unpadded:
        return Opinion(REFUTED, "the losses of padding are left out of what is reported", token_mean(items, _as_called))
    if not reading.knows_what_counts:
        said = 'losses are handed out one a target (reduction="none"), and no formula fits that tells what is masked of them'
        return Opinion(UNDECIDED, said)
    return None


def _padding(items: Items) -> Opinion:
    known = tuple(item for item in items if "pad" in item.facts)
    scored = int(math.fsum(item.number("pad_scored") or 0.0 for item in known))
    if scored:
        source = known[0].facts.get("pad_source")
        pad = known[0].facts.get("pad")
        total = int(math.fsum(item.call.scored for item in items))
        reason = f"{scored:,} of {total:,} scored targets are padding (id {pad}, known from {source})"
        return Opinion(CONFIRMED, reason, token_mean(items, _without_padding))
    if known:
        return Opinion(REFUTED, "padding is there and none of it is scored", token_mean(items, _as_called))
    if any(item.facts.get("pads") for item in items):
        return Opinion(REFUTED, "no padded row was scored", token_mean(items, _as_called))
    return Opinion(UNDECIDED, "the pad id is not known (no padding_idx, tokenizer or collator was seen)")


def _without_padding(item: Looked) -> tuple[float, float]:
    nats, scored = item.number("pad_nats") or 0.0, item.number("pad_scored") or 0.0
    return item.call.nats - nats, item.call.scored - scored


def _windows(items: Items) -> Opinion:
    told = tuple(item for item in items if "repeated" in item.facts)
    if not told:
        return Opinion(UNDECIDED, "windows were not scored one row at a time: overlaps were not looked for")
    repeated = int(math.fsum(item.number("repeated") or 0.0 for item in told))
    if not repeated:
        return Opinion(REFUTED, "no window scores tokens that the one before it scored", token_mean(items, _as_called))
    total = int(math.fsum(item.call.scored for item in items))
    reason = f"{repeated:,} of {total:,} scored targets were scored in the window before"
    return Opinion(CONFIRMED, reason, token_mean(items, _once))


def _once(item: Looked) -> tuple[float, float]:
    nats, tokens = item.number("repeated_nats") or 0.0, item.number("repeated") or 0.0
    return item.call.nats - nats, item.call.scored - tokens


CODES: dict[str, Callable[[Items], Opinion]] = {
    "LL201": _criterion,
    "LL202": _softmax,
    "LL203": _nll,
    "LL301": _shift,
    "LL302": _shift,
    "LL303": _shift,
    "LL304": _padding,
    "LL305": _windows,
}
