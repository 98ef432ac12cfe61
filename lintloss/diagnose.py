"""Stage: published numbers -> what cannot be, and hypotheses that would explain it, each with the loss it implies.

Arithmetic only, no code is looked at: a hypothesis that fits is a reason to run `verify`, not a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.errors import UsageError

LN2 = math.log(2)
# Hoffmann et al. 2022 (arXiv 2203.15556), fit for models of any data: E + A / N^0.34, nats per subword token.
FLOOR, PER_PARAMETER, POWER = 1.69, 406.4, 0.34
SUBWORDS = 5000  # a smaller vocabulary is of characters or bytes
CHARACTER_FLOOR = 0.5  # nats; the best published models of English bytes need about 0.65
IMPOSSIBLE, IMPLAUSIBLE, FINE = "impossible", "implausible", "fine"
FITS, OPEN, DOES_NOT_FIT = "fits", "open", "does not fit"
RANKS = (FITS, OPEN, DOES_NOT_FIT)


@dataclass(frozen=True, slots=True)
class Range:
    """A number as it was published: all that rounds to it."""

    low: float
    high: float

    def __mul__(self, factor: float) -> Range:
        return Range(self.low * factor, self.high * factor)

    def meets(self, low: float, high: float) -> bool:
        return self.low <= high and low <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is known of a result; None where it is not. `bits`: the loss is in bits, not nats."""

    loss: Range | None = None
    perplexity: Range | None = None
    vocab: int | None = None
    batches: int | None = None
    tokens: int | None = None
    seq_len: int | None = None
    batch_size: int | None = None
    params: int | None = None
    bits: bool = False

    @property
    def stated(self) -> Range | None:
        """Return the loss in nats as it was stated."""
        return None if self.loss is None else self.loss * (LN2 if self.bits else 1.0)

    @property
    def nats(self) -> Range:
        """Return the loss in nats, narrowed by the perplexity where the two agree."""
        stated, other = self.stated, _log(self.perplexity)
        if stated is None:
            assert other is not None
            return other
        if other is None or not stated.meets(other.low, other.high):
            return stated
        return Range(max(stated.low, other.low), min(stated.high, other.high))

    @property
    def guess(self) -> float | None:
        return math.log(self.vocab) if self.vocab else None

    @property
    def floor(self) -> float:
        """Return the nats per token that a model of this kind and size is not known to go below (a fit, no law)."""
        if self.vocab is not None and self.vocab < SUBWORDS:
            return CHARACTER_FLOOR
        return FLOOR + (PER_PARAMETER / self.params**POWER if self.params else 0.0)

    @property
    def positions(self) -> int | None:
        """Return the most tokens that can have been scored."""
        if self.batches and self.batch_size and self.seq_len:
            return self.batches * self.batch_size * self.seq_len
        return None


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the numbers say about themselves. level: IMPOSSIBLE, IMPLAUSIBLE or FINE."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What may have happened. implied: the true loss in nats per token if it did, None where it can be any."""

    what: str
    because: str
    implied: Range | None = None
    rules: tuple[str, ...] = ()
    probe: str = ""  # options of `lintloss verify`
    fit: str = OPEN

    @property
    def command(self) -> str:
        options = f" {self.probe}" if self.probe else ""
        return f"lintloss verify{options} -- python your_eval.py"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    statements: tuple[Statement, ...]
    hypotheses: tuple[Hypothesis, ...]

    @property
    def is_suspicious(self) -> bool:
        return any(each.level != FINE for each in self.statements)


def published(text: str) -> Range:
    """Read a number with the precision that it is written with: 0.053 is anything from 0.0525 to 0.0535.

    Raises: UsageError: it is no finite number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"a loss or perplexity is a number, not {text!r}")
    digits, _, exponent = text.lower().partition("e")
    decimals = len(digits.partition(".")[2]) - int(exponent or 0)
    half = 0.5 * 10.0**-decimals
    return Range(value - half, value + half)


def diagnose(seen: Published) -> Diagnosis:
    """Say what is impossible or implausible, and rank what would explain it.

    Raises: UsageError: neither a loss nor a perplexity is known.
    """
    if seen.loss is None and seen.perplexity is None:
        raise UsageError("neither a loss nor a perplexity", hint="lintloss diagnose --loss 0.053 --vocab 16000")
    statements = (*_bounds(seen), *_agreement(seen), *_counts(seen))
    found = [_judged(each, seen) for each in _hypotheses(seen)]
    return Diagnosis(statements, tuple(sorted(found, key=lambda each: RANKS.index(each.fit))))


# -- what the numbers say ---------------------------------------------------------------------------------------------


def _bounds(seen: Published) -> Iterator[Statement]:
    nats, guess = seen.nats, seen.guess
    if nats.high < 0:
        yield Statement(IMPOSSIBLE, "a cross entropy is never below 0, and a perplexity never below 1")
    elif nats.high < seen.floor:
        size = f"{seen.params:,} parameters" if seen.params else "any size"
        yield Statement(
            IMPLAUSIBLE,
            f"{_shown(nats)} nats per token is below the {seen.floor:.2f} that is known to be within reach of a model "
            f"of {size}, on text that it was not trained on",
        )
    if guess is None:
        return
    vocab = f"ln {seen.vocab} = {guess:.2f} nats is what a uniform guess costs"
    if nats.low > guess + 0.05:
        yield Statement(IMPLAUSIBLE, f"{vocab}: {_shown(nats)} is worse than guessing")
    elif nats.high > guess - 0.05:
        yield Statement(IMPLAUSIBLE, f"{vocab}: {_shown(nats)} is what a model that learned nothing scores")
    else:
        yield Statement(FINE, f"{vocab}: {_shown(nats)} is below")


def _agreement(seen: Published) -> Iterator[Statement]:
    loss, perplexity = seen.loss, seen.perplexity
    if loss is None or perplexity is None:
        return
    right, wrong = (2.0, math.e) if seen.bits else (math.e, 2.0)
    if _power(right, loss, perplexity):
        yield Statement(FINE, f"the perplexity is {_base(right)} ** loss: they agree, so both are right or both wrong")
    elif _power(wrong, loss, perplexity):
        unit = "bits" if seen.bits else "nats"
        yield Statement(
            IMPOSSIBLE, f"the perplexity is {_base(wrong)} ** loss, and the loss is in {unit}: another base"
        )
    else:
        lower = perplexity.high < _raise(right, loss.low)
        side = "below" if lower else "above"
        why = "no way of averaging perplexities does that" if lower else "as an average of perplexities is"
        yield Statement(IMPOSSIBLE, f"the perplexity is {side} {_base(right)} ** loss: {why}")


def _counts(seen: Published) -> Iterator[Statement]:
    positions = seen.positions
    if positions is None or seen.tokens is None:
        return
    sizes = f"{seen.batches} batches x {seen.batch_size} rows x {seen.seq_len} positions = {positions:,}"
    if seen.tokens > positions:
        ratio = seen.tokens / positions
        yield Statement(IMPOSSIBLE, f"{seen.tokens:,} tokens are {ratio:.4g} times more than there are: {sizes}")
    else:
        yield Statement(FINE, f"{seen.tokens:,} tokens are at most what there is: {sizes}")


# -- what would explain it --------------------------------------------------------------------------------------------


def _hypotheses(seen: Published) -> Iterator[Hypothesis]:
    nats = seen.nats
    if nats.high < 0:
        yield Hypothesis("nll_loss on raw logits, or the sign is lost", "nothing else is negative", rules=("LL203",))
    elif nats.high < seen.floor:
        yield from _too_low(seen)
    yield from _too_high(seen)
    yield from _wrong_base(seen)


def _too_low(seen: Published) -> Iterator[Hypothesis]:
    """What makes a loss too small, the likelier first: divisors, then leaks, then what wants a coincidence."""
    nats, length = seen.nats, seen.seq_len
    if seen.batches:
        because = f"x {seen.batches} batches"
        yield Hypothesis("a mean is divided by the batches twice", because, nats * seen.batches, ("LL102",))
    if length:
        leak = "no causal mask: only the last of a row's targets is not visible, and the loss tends to its cost / T"
        yield Hypothesis(leak, f"x T = {length}", nats * length, probe="--causality")
    yield from _wrong_counts(seen)
    copy = "labels were never shifted, in training as in evaluation: the model copies its input"
    yield Hypothesis(copy, "the loss tends to 0 whatever the true one is", rules=("LL301",), probe="--copy-oracle")
    share = nats * (1 / seen.floor)
    if not (seen.tokens and seen.positions and seen.tokens < seen.positions):
        because = f"at most {share.high:.1%} of what is counted could have been scored"
        yield Hypothesis("padding is scored or counted as tokens", because, rules=("LL103", "LL304"))
    yield Hypothesis(
        "the text was trained on", "near-memorized text has any low loss", rules=("LL403",), probe="--data"
    )
    other = "the criterion is no cross entropy (MSE, BCE, KL)"
    yield Hypothesis(other, "such values have no scale in common with nats", rules=("LL201",))


def _wrong_counts(seen: Published) -> Iterator[Hypothesis]:
    nats, positions = seen.nats, seen.positions
    if seen.batch_size and seen.batch_size > 1:
        because = f"x {seen.batch_size} rows per batch"
        summed = "means of batches are summed and divided by the number of rows"
        yield Hypothesis(summed, because, nats * seen.batch_size, ("LL102",))
    if positions and seen.tokens and seen.tokens > positions:
        because = f"x {seen.tokens:,} / {positions:,}"
        counted = "the tokens in the divisor are counted more than once"
        yield Hypothesis(counted, because, nats * (seen.tokens / positions), ("LL102", "LL103"))
    elif positions and seen.tokens and seen.tokens < positions:
        because = f"x {positions:,} / {seen.tokens:,}, if the divisor was the former and the latter were scored"
        yield Hypothesis("padding is counted", because, nats * (positions / seen.tokens), ("LL103", "LL304"))
    elif seen.seq_len:
        because = f"x T = {seen.seq_len}"
        yield Hypothesis("the token count is multiplied by T again", because, nats * seen.seq_len, ("LL102",))


def _too_high(seen: Published) -> Iterator[Hypothesis]:
    nats, guess, vocab = seen.nats, seen.guess, seen.vocab
    if guess is None or vocab is None:
        return
    softmax = math.log(math.e + vocab - 1) - 1  # all mass on the right class, as a logit of 1 among zeros
    if nats.meets(softmax, guess):
        bound = f"it then lies between {softmax:.2f} and {guess:.2f} whatever the model knows"
        yield Hypothesis("probabilities go into cross_entropy", bound, rules=("LL202",))
    if nats.low > guess + 0.05:
        for what, factor in _undivided(seen):
            yield Hypothesis("a sum is not divided", f"/ {factor:,} {what}", nats * (1 / factor), ("LL102", "LL502"))
    if nats.high > guess - 0.05:
        wrong = "the labels are shifted twice or the wrong way"
        yield Hypothesis(wrong, "the model then knows nothing of its target", rules=("LL302", "LL303"))
        yield Hypothesis("the model is not trained, or its weights were not loaded", "it guesses")


def _undivided(seen: Published) -> Iterator[tuple[str, int]]:
    if seen.batches:
        yield "batches", seen.batches
    if seen.tokens:
        yield "tokens", seen.tokens
    if seen.tokens and seen.batches and seen.tokens >= seen.batches:
        yield "tokens per batch", seen.tokens // seen.batches
    if seen.seq_len:
        yield "tokens per row", seen.seq_len


def _wrong_base(seen: Published) -> Iterator[Hypothesis]:
    loss, perplexity, stated = seen.loss, seen.perplexity, seen.stated
    if loss is not None and perplexity is not None and stated is not None:
        right, wrong = (2.0, math.e) if seen.bits else (math.e, 2.0)
        if not _power(right, loss, perplexity):
            if _power(wrong, loss, perplexity):
                yield Hypothesis(
                    "the loss is right, the base is wrong", "the base of one, the unit of the other", stated, ("LL501",)
                )
                other = loss * (1.0 if seen.bits else LN2)
                unit = "nats" if seen.bits else "bits"
                yield Hypothesis(
                    f"the loss is in {unit}, the perplexity is right", f"read as {unit}", other, ("LL501",)
                )
            elif perplexity.low > _raise(right, loss.high):
                because = "a mean of exponentials is above the exponential of the mean"
                yield Hypothesis("perplexities of batches are averaged", because, stated, ("LL104",))


def _judged(one: Hypothesis, seen: Published) -> Hypothesis:
    """Say whether the true loss that it implies is one that such a model can have."""
    if one.implied is None:
        return one
    highest = seen.guess if seen.guess is not None else math.inf
    fits = one.implied.meets(seen.floor, highest)
    return Hypothesis(one.what, one.because, one.implied, one.rules, one.probe, FITS if fits else DOES_NOT_FIT)


# -- arithmetic -------------------------------------------------------------------------------------------------------


def _log(perplexity: Range | None) -> Range | None:
    if perplexity is None:
        return None
    return Range(*(math.log(each) if each > 0 else -math.inf for each in (perplexity.low, perplexity.high)))


def _power(base: float, loss: Range, perplexity: Range) -> bool:
    return perplexity.meets(_raise(base, loss.low), _raise(base, loss.high))


def _raise(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf


def _base(base: float) -> str:
    return "2" if base == 2.0 else "e"


def _shown(nats: Range) -> str:
    return f"{(nats.low + nats.high) / 2:.4g}"
