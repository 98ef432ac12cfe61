"""What a count counts, against what the sum that it divides has scored: the shift, padding, skipped rows.

A sum is either a criterion's own (it scored its target) or means times a count. A window [start, length + stop) of a
source is `start - stop` tokens shorter than the source, a row; two windows are compared where their sources are known
to be of one shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lintloss.facts.averages import confidence_in, in_evaluation
from lintloss.facts.callers import text_of
from lintloss.facts.library import shapes, windows
from lintloss.facts.linear import Linear
from lintloss.facts.observations import Averaging
from lintloss.facts.units import Unit, count
from lintloss.facts.values import Const, Key, LibObject, Opaque, Quantity, Ref, Scoring, Tensor, Value
from lintloss.findings import Confidence, Evidence
from lintloss.patterns import regex

TOKENS = {count("token"), count("position"), Unit.of(position=1, example=-1)}
SAME_SHAPE = regex(r"mask|ids?$|label|target|token|input|src|tgt|trg|^x$|^y$|seq", re.IGNORECASE)
EMPTY = regex(
    r"None|nan|inf\b|finite|== 0|<= 0|< 1\b|\bnot \w+`|\.any\(|empty|len\(", re.IGNORECASE
)  # nothing to score
LABELS = regex(r"label|target|tgt|trg|^y$", re.IGNORECASE)
ZEROED = regex(r"(masked_fill|index_fill)_?\([^\n]*pad[^\n]*, 0(\.0)?\)", re.IGNORECASE)
FIRST = {"(0,)", "('0',)"}  # the key of a pair's first part, taken apart or by its index
PADS = regex(r"pad", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Excess:
    """Why a count counts more than was scored.

    kind: "shift", "ignored", "masked", "length", "skipped", or "weight": the numerator counts more than the divisor.
    """

    kind: str
    said: str
    certain: bool = True  # it does so on ordinary data
    confidence: Confidence = Confidence.HIGH
    evidence: tuple[Evidence, ...] = ()


def excess_of(seen: Averaging) -> Excess | None:
    """Read an averaging whose count includes tokens that were never scored; None where it does not, or may not."""
    before, after, number = seen.before, seen.after, seen.count
    if not in_evaluation(seen) or not before.is_loss or not isinstance(number, Quantity):
        return None
    if not isinstance(after, Quantity) or before.scoring is None:
        return None
    if number.presumed:
        said = _beyond_first(before, number)
        evidence = (*number.trace[:2], *after.trace)[-12:]
        return Excess("shift", said, confidence=Confidence.MEDIUM, evidence=evidence) if said else None
    found = _beyond_loop(before, number, after) or _beyond_zeros(before)
    if found is None and not before.scoring.presumed:
        found = _beyond_window(before, number) or _beyond_mask(seen, before, number) or _beyond_skip(before, number)
    if found is None:
        return None
    kind, said, certain = found
    return Excess(kind, said, certain, confidence_in(after), (*number.trace[:2], *after.trace)[-12:])


def _beyond_first(before: Quantity, number: Quantity) -> str:
    """Compare `ids, lengths = batch.text` with the targets `ids[:, 1:]`: the lengths count the first token as well."""
    scoring, lengths = before.scoring, number.counted
    target = scoring.target if scoring is not None else None
    if scoring is None or scoring.reduction != "sum" or not isinstance(target, Tensor) or target.window is None:
        return ""
    key = lengths.key if isinstance(lengths, Tensor | Opaque) else ()
    source, window = target.window.source, target.window
    is_pair = len(key) > 2 and str(key[-1]) == "1" and str(key[-2]).startswith(".") and str(source[-1:]) in FIRST
    if not is_pair or source[:-1] != key[:-1] or number.offset:
        return ""
    first = window.lower.const if window.lower.is_const else 0
    return "the first token of a row, which its length counts, is never scored" if first == 1 else ""


Found = tuple[str, str, bool]


def _beyond_loop(before: Quantity, number: Quantity, after: Quantity) -> Found | None:
    """Compare `len(source)` with the steps that `range(0, len(source) - 1, bptt)` has scored."""
    if after.unit.degree != -1 or after.unit.power("batch") or after.unit.power("step"):
        return None
    if (before.unit.power("step") > 0 or before.unit.power("batch") > 0) and before.unit.power("position") <= 0:
        return None  # no total, but a sum of means
    for loop in before.loops:
        if number.of == loop.key and number.unit == count("position") and number.offset > 0:
            return "length", f"the whole length is counted, the loop scores {number.offset} less", True
        if loop.bound is not None and loop.bound[0] == number.of and number.offset > loop.bound[1]:
            less = number.offset - loop.bound[1]
            return "length", f"the whole length is counted, the loop scores {less} less", True
    return None


def _beyond_window(before: Quantity, number: Quantity) -> Found | None:
    """Compare the window of what was counted with the window of what was scored."""
    if number.unit not in TOKENS:
        return None
    counted = _extent(number.counted, number.offset)
    scored = _scored(before)
    if counted is None or scored is None or not _of_one_shape(counted[0], scored[0], number.counted):
        return None
    if before.scoring is not None and _is_uncut(before.scoring.mask, number.counted):
        return None
    longer = counted[1] - scored[1]
    extra = longer.const
    if not longer.is_const or extra == 0:
        return None
    if extra < 0:
        return _weighed_with_more(before, -extra)
    each = "the first token of a row is" if extra == 1 else f"{extra} tokens a row are"
    return "shift", f"{each} counted and never scored", not _may_be_ignored(before.scoring, number.counted)


def _weighed_with_more(before: Quantity, extra: int) -> Found | None:
    """Say that means are multiplied by counts of more tokens than the divisor counts: `loss * ids.numel()` over `labels[:, 1:]`."""
    is_mean = before.scoring is not None and before.scoring.reduction == "mean" and before.counted is not None
    each = "one token" if extra == 1 else f"{extra} tokens"
    said = f"the means are weighted with {each} a row more than the divisor counts"
    return ("weight", said, True) if is_mean and before.loops else None


def _is_uncut(mask: Value | None, counted: Value | None) -> bool:
    """Say whether the mask that was multiplied with what is scored is counted as it is: then the two are as long."""
    return (
        mask is not None
        and counted is not None
        and _extent(mask, 0) is not None
        and _extent(mask, 0) == _extent(counted, 0)
    )


def _may_be_ignored(scoring: Scoring | None, counted: Value | None) -> bool:
    """Say whether what is counted leaves out labels of -100, of which the first of a row may be one: a prompt's."""
    if not isinstance(counted, Tensor) or counted.form != "mask" or counted.pad != Const(-100):
        return False
    source = counted.window.source if counted.window is not None else ()
    handed_over = len(source) > 1 and (isinstance(source[-1], int) or LABELS.search(str(source[-1])) is not None)
    return handed_over and scoring is not None and not _are_inputs(scoring)


def _extent(value: Value | None, offset: int) -> tuple[Key, Linear] | None:
    """Return the source of a tensor, and how many tokens of it a row has."""
    found = shapes.tensor(value) if isinstance(value, Tensor | Opaque) else None
    if found is None or found.window is None or "wraps" in found.window.marks:
        return None
    return _whole(found.window.source), found.window.length.plus(offset)


def _whole(source: Key) -> Key:
    """Return what a row was taken from, or a batch of one row is made of: their rows are as long."""
    last = source[-1] if source else ()
    return source[:-1] if isinstance(last, tuple) and last[:1] in {windows.NEW, ("row",)} else source


def _scored(before: Quantity) -> tuple[Key, Linear] | None:
    """Return the extent of what a total scored: the target of a sum, or the count that means were multiplied by."""
    scoring = before.scoring
    if scoring is None:
        return None
    if scoring.reduction in {"sum", "none"}:
        return _extent(scoring.target, 0)
    return _extent(before.counted, before.offset) if before.counted is not None else None


def _of_one_shape(one: Key, other: Key, counted: Value | None) -> bool:
    """Say whether two sources have rows of the same length: they are one, or fields of one batch."""
    if one == other:
        return True
    name = getattr(counted, "name", "") or str(one[-1] if one else "")
    return len(one) > 1 and one[:-1] == other[:-1] and bool(SAME_SHAPE.search(name))


def _beyond_mask(seen: Averaging, before: Quantity, number: Quantity) -> Found | None:
    """Find positions that are counted although an ignore_index or a mask leaves them out of the sum."""
    scoring = before.scoring
    if scoring is None or number.unit not in TOKENS - {count("token")}:
        return None
    if scoring.reduction == "mean":
        weighed = isinstance(before.counted, Tensor) and before.counted.form == "mask" and before.unit.degree == 0
        return ("masked", "positions that are not scored are counted", True) if weighed and before.loops else None
    if shapes.is_selected(scoring.target) or shapes.is_selected(number.counted) or number.counted is None:
        return None
    if _is_made_elsewhere(number.counted, scoring.target):
        return None
    what = "averaged over" if seen.how == "field" else "counted"
    if scoring.masked and before.axes == () and _masks_tokens(scoring.mask):
        return "masked", f"positions that the mask leaves out are {what}", _is_padding(scoring.mask)
    pad = ignored(scoring, before)
    if pad is None:
        return None
    return "ignored", f"positions that ignore_index leaves out are {what}", pad


def _beyond_zeros(before: Quantity) -> Found | None:
    """Find rows of padding whose targets are all zeros, and which KLDivLoss divides by all the same."""
    scoring = before.scoring
    if scoring is None or scoring.criterion != "kl_div" or scoring.reduction != "mean" or scoring.masked:
        return None
    made = getattr(scoring.target, "model", None)
    if not isinstance(made, Ref) or made.cls is None or not ZEROED.search(text_of(made.cls.node)):
        return None
    return "masked", "positions whose targets are zeros, the padding, are averaged over", True


def _is_made_elsewhere(counted: Value, target: Value) -> bool:
    """Say whether what is counted came out of an unknown call: `strip_pad(targets, pad).numel()` may count what counts."""
    one, other = shapes.tensor(counted), shapes.tensor(target)
    if one is None or other is None or one.window is None or other.window is None:
        return False
    source = one.window.source
    return len(source) == 1 and isinstance(source[0], int) and source != other.window.source


def _masks_tokens(mask: Value | None) -> bool:
    return isinstance(mask, Tensor) and mask.form == "mask"


def _is_padding(mask: Value | None) -> bool:
    if not isinstance(mask, Tensor):
        return False
    return bool(re.search(r"attention_mask|pad", mask.name)) or _names_pad(mask.pad)


def _names_pad(value: Value | None) -> bool:
    if isinstance(value, Const):
        return isinstance(value.value, int) and not isinstance(value.value, bool) and value.value >= 0
    return isinstance(value, Opaque | LibObject) and bool(PADS.search(str(getattr(value, "name", ""))))


def ignored(scoring: Scoring, before: Quantity) -> bool | None:
    """Say whether labels are left out: True for a pad id, or -100 where the data holds it; else None.

    -100 that is written out, and is nothing but the default, leaves out what a collator marks in `labels`, on some data: False.
    """
    value = scoring.ignore_index
    if not scoring.is_cross_entropy and value is None:  # other criteria know no labels to ignore
        return None
    if _names_pad(value):
        return True
    loops = (*before.loops, scoring.loop) if scoring.loop is not None else before.loops
    if (value is None or value == Const(-100)) and any(loop.ignored for loop in loops):
        return True
    if value == Const(-100) and not any(loop.equal for loop in loops) and _may_be_marked(scoring):
        return False
    target = scoring.target
    if isinstance(target, Tensor) and target.pad is not None and value is not None:
        return True  # without an ignore_index the padding is scored, which is another mistake
    return None


def _may_be_marked(scoring: Scoring) -> bool:
    """Say whether labels of which nothing is known may hold -100: they are called labels, and are no inputs."""
    target = shapes.tensor(scoring.target)
    return target is not None and shapes.is_called_labels(target) and not _are_inputs(scoring)


def _are_inputs(scoring: Scoring) -> bool:
    """Say whether the labels are the very ids that the model has read: none of them is -100."""
    prediction, target = shapes.tensor(scoring.prediction), shapes.tensor(scoring.target)
    if prediction is None or target is None or prediction.window is None or target.window is None:
        return False
    return prediction.window.source == target.window.source


def _beyond_skip(before: Quantity, number: Quantity) -> Found | None:
    """Find tokens that are counted above the `continue` that skips the sum."""
    if not any(number.unit.power(name) > 0 for name in ("token", "position")):
        return None
    if before.loops[-1:] != number.loops[-1:] or not number.loops or number.unit.content is not None:
        return None
    for guard in before.guards:
        if guard.message.startswith("skipped when") and guard not in number.guards and not EMPTY.search(guard.message):
            return "skipped", f"tokens are counted although the sum is {guard.message}", False
    return None
