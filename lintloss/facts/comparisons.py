"""What is wrong with a comparison of predictions and targets: the doors for the rules of 2xx and 3xx."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from lintloss.facts.alignment import PICKS, Alignment
from lintloss.facts.callers import text_of
from lintloss.facts.library import shapes
from lintloss.facts.linear import END, Linear
from lintloss.facts.loops import Loop
from lintloss.facts.observations import Compared, Observation
from lintloss.facts.pad_marks import Mark
from lintloss.facts.split_names import is_evaluation
from lintloss.facts.values import Choice, Const, Key, Opaque, Scoring, Tensor, Value, Window, options
from lintloss.findings import Confidence, Evidence
from lintloss.patterns import regex

LANGUAGE = frozenset({"lm", "seq2seq", "mlm"})
PHASE = regex(r"(val|valid|validation|dev|eval|test)$", re.IGNORECASE)
IGNORED_BY_DEFAULT = -100
INVERTED = "the mask is inverted: it keeps the padding and drops the text"


def in_evaluation(seen: Compared) -> bool:
    """Say whether a comparison may belong to an evaluation: the loop around it does not train.

    Only the innermost loop counts: evaluations are called from the loops of the training. One that scores a whole set
    at once has no loop of its own.
    """
    if any(loop.trains for loop in seen.loops[-1:]) and not seen.unrecorded:
        return False
    told = seen.setting.phase != "training" or any(map(_is_over_phases, seen.loops))
    return told or any(map(_is_over_held_out, seen.loops[-1:]))


def _is_over_held_out(loop: Loop) -> bool:
    """Say whether a loop runs over what is called the data of an evaluation: that of a function that trains, too, may."""
    header = text_of(loop.statement.iter) if isinstance(loop.statement, ast.For) else ""
    return not loop.may_train and is_evaluation(header)


def _is_over_phases(loop: Loop) -> bool:
    """Say whether a loop runs over the names of phases, as in `for phase in ["train", "val"]`."""
    iterated = loop.statement.iter if isinstance(loop.statement, ast.For) else None
    names = iterated.elts if isinstance(iterated, ast.List | ast.Tuple) else []
    return any(isinstance(each, ast.Constant) and PHASE.match(str(each.value)) for each in names)


def misaligned(seen: Observation, kind: str) -> Alignment | None:
    """Return how labels and logits fail to align, where they do so in this way."""
    if not isinstance(seen, Compared) or seen.alignment is None or not in_evaluation(seen):
        return None
    scoring = seen.scoring
    comparable = scoring.scores_tokens or scoring.owner == "model" or scoring.criterion in PICKS
    return seen.alignment if comparable and seen.alignment.kind == kind else None


def confidence(found: Alignment) -> Confidence:
    """Say how sure a finding about alignment is: less so where only words say what the model reads, or what a batch holds."""
    if found.named:
        return Confidence.LOW
    return Confidence.MEDIUM if found.presumed or found.rows_presumed else Confidence.HIGH


# -- what is scored ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wrong:
    """A finding in words, with its chain."""

    why: str
    evidence: tuple[Evidence, ...] = ()
    presumed: bool = False  # by names


def forms(value: Value) -> frozenset[str] | None:
    """Return the forms that a prediction may have; None where one alternative is unknown."""
    found = set()
    for option in options(value):
        tensor = shapes.tensor(option)
        if tensor is None or (not isinstance(option, Tensor) and tensor.form == ""):
            return None
        found.add(tensor.form)
    return frozenset(found)


def trace(value: Value) -> tuple[Evidence, ...]:
    tensor = next((shapes.tensor(option) for option in options(value)), None)
    return tensor.trace[-6:] if tensor is not None else ()


def probabilities(seen: Observation) -> Wrong | None:
    """Return that probabilities reach cross_entropy, which takes logits."""
    if not isinstance(seen, Compared) or not in_evaluation(seen):
        return None
    scoring = seen.scoring
    if scoring.alternative:  # to another of the criteria it may be what that one takes
        return None
    takes_logits = scoring.owner == "call" or scoring.takes == "logits"
    if scoring.criterion != "cross_entropy" or not takes_logits or forms(scoring.prediction) != frozenset({"probs"}):
        return None
    return Wrong(
        "probabilities are given to cross_entropy, which takes logits and applies log_softmax itself",
        trace(scoring.prediction),
    )


def unnormalized(seen: Observation) -> Wrong | None:
    """Return that something else than log-probabilities reaches nll_loss."""
    if not isinstance(seen, Compared) or not in_evaluation(seen) or seen.scoring.alternative:
        return None
    found = forms(seen.scoring.prediction)
    if seen.scoring.criterion == "cross_entropy" and seen.scoring.takes == "probs" and found == frozenset({"logits"}):
        why = "logits are given to a criterion that takes probabilities, unless it is told `from_logits=True`"
        return Wrong(why, trace(seen.scoring.prediction))
    if seen.scoring.criterion != "nll_loss":
        return None
    if not found or not found <= {"logits", "probs"}:
        return _by_name(seen)
    what = "probabilities" if found == {"probs"} else "logits" if found == {"logits"} else "logits or probabilities"
    return Wrong(
        f"{what} are given to nll_loss, which takes log-probabilities and normalizes nothing",
        trace(seen.scoring.prediction),
    )


def _by_name(seen: Compared) -> Wrong | None:
    """Believe the name `logits` of what a model out of sight returned, where tokens are scored."""
    if not seen.called_logits or not (seen.scoring.item == "token" or seen.setting.task in LANGUAGE):
        return None
    why = "what is called logits is given to nll_loss, which takes log-probabilities and normalizes nothing"
    return Wrong(why, trace(seen.scoring.prediction), presumed=True)


# -- padding ----------------------------------------------------------------------------------------------------------


def padded(seen: Observation) -> Wrong | None:
    """Return that labels hold padding which the criterion scores."""
    if not isinstance(seen, Compared) or not in_evaluation(seen):
        return None
    scoring = seen.scoring
    picks = scoring.criterion in PICKS and scoring.reduction == "none"
    named_only = scoring.criterion == "presumed" and scoring.called != "transformers"
    if not (scoring.scores_tokens or picks) or named_only or scoring.weighted:
        return None
    if scoring.item == "example":  # each row has one label, whatever fills its text up
        return None
    if forms(scoring.target) == frozenset({"probs"}):  # distributions, of which no entry is the id of a pad
        return None
    if seen.inverted is not None:
        return Wrong(INVERTED, (seen.inverted, *trace(scoring.target)))
    if any(_is_of_input(scoring, option) for option in options(scoring.target)):
        why = "the mask is that of the input: of each shorter row it lets the first pad of the labels through"
        return Wrong(why, trace(scoring.mask) if scoring.mask is not None else ())
    if any(_is_of_fed(scoring, option) for option in options(scoring.target)):
        why = "the length mask counts the tokens that are fed in: it lets the first pad of each shorter row through"
        return Wrong(why, trace(scoring.target))
    if scoring.scaled_by is not None and scoring.scaled_by.pad is not None and _scores(scoring, scoring.scaled_by.pad):
        why = "the criterion has averaged over the padding by the time the mask comes, which only scales the mean"
        return Wrong(why, trace(scoring.scaled_by))
    if scoring.may_ignore and scoring.ignore_index is None:  # settings choose between this criterion and one that does
        return None
    pads = _paddings(scoring.target)
    is_clean = any(isinstance(option, Tensor) and option.clean for option in options(scoring.target))
    if seen.padding is not None and any(pad is None for pad in pads) and not is_clean:
        return _marked(scoring, seen.padding)
    if seen.spared is not None and scoring.reduction != "none" and all(_scores(scoring, pad) for pad in pads if pad):
        why = (
            "the targets are filled up with a pad id, which one branch takes out of the labels and another one does not"
        )
        return Wrong(why, (seen.spared,), presumed=True)
    if (
        not pads
        or any(pad is None for pad in pads)
        or not all(_scores(scoring, pad) for pad in pads if pad is not None)
    ):
        return None
    if scoring.reduction == "none":
        return _badly_masked(scoring) if scoring.reduced or scoring.masked else None
    steps = tuple(step for option in options(scoring.target) for step in trace(option))
    return Wrong("the targets are filled up with a pad id that the criterion does not ignore", steps)


def _marked(scoring: Scoring, mark: Mark) -> Wrong | None:
    """Return that padding is scored of which the code itself speaks."""
    if scoring.masked or scoring.ignore_index not in (None, Const(None)) or not _scores(scoring, mark.pad):
        return None
    if scoring.reduction == "none" and not scoring.reduced:
        return None
    return Wrong("the targets hold padding, which the criterion does not ignore", (mark.place,))


def _paddings(target: Value) -> list[Value | None]:
    """Return the pad ids of the targets that there may be; a row that is filled up only where it is short, is padded."""
    found = {option: _padding(option) for option in options(target)}
    filled = {_source(option) for option, pad in found.items() if pad is not None}
    return [pad for option, pad in found.items() if pad is not None or not _is_filled(option, filled)]


def _is_filled(value: Value, filled: set[Key]) -> bool:
    return isinstance(value, Tensor) and not value.clean and not value.ignored and _source(value) in filled - {()}


def _source(value: Value) -> Key:
    return value.window.source if isinstance(value, Tensor) and value.window is not None else ()


def _padding(value: Value) -> Value | None:
    return value.pad if isinstance(value, Tensor) and value.form not in {"mask", "filled"} else None


def _scores(scoring: Scoring, pad: Value) -> bool:
    """Say whether a criterion scores this id; one of several, each of them."""
    ignored = scoring.ignore_index
    if isinstance(pad, Choice):
        return all(_scores(scoring, each) for each in pad.options)
    if isinstance(pad, Opaque) and "[]" in pad.key[-2:]:  # each key has its own: `for key, value in FILLED_WITH`
        return False
    if ignored is None or ignored == Const(IGNORED_BY_DEFAULT) or ignored == Const(None):
        return pad != Const(IGNORED_BY_DEFAULT)
    if isinstance(ignored, Const) and isinstance(pad, Const):
        return ignored != pad
    return pad == Const(0) and not scoring.spares_zero


def _badly_masked(scoring: Scoring) -> Wrong | None:
    """Return what is wrong with the mask that per-token losses went through."""
    if not scoring.masked:
        return Wrong(
            "the targets are filled up with a pad id, and the losses are summed without a mask", trace(scoring.target)
        )
    mask = scoring.mask
    if not isinstance(mask, Tensor) or mask.sense is None:
        return None
    if mask.sense == scoring.mask_drops and (
        mask.pad is not None or (mask.window is not None and mask.window.source[:1] == ("lengths",))
    ):
        return Wrong(INVERTED, trace(scoring.target))
    if mask.window is not None and "closed" in mask.window.marks:
        return Wrong(
            "the length mask keeps one position too many: `<=` lets the first pad of each row through",
            trace(scoring.target),
        )
    if any(_counts_whole(mask.window, option) for option in options(scoring.target)):
        return Wrong(
            "the length mask counts rows that were not shifted: it lets the first pad of each row through",
            trace(scoring.target),
        )
    return None


def _is_of_input(scoring: Scoring, target: Value) -> bool:
    """Say whether losses are masked where the ids one position before their labels are no padding."""
    mask = scoring.mask
    if not isinstance(mask, Tensor) or mask.window is None or not mask.compares or scoring.mask_drops == mask.sense:
        return False
    window = target.window if isinstance(target, Tensor) and not target.clean else None
    if window is None or window.source != mask.window.source or not window.is_cut or not mask.window.is_cut:
        return False
    if "at" in window.marks and window.lower.is_const:  # `batch[:, 0]` and `batch[:, 1]`: two columns of a table
        return False
    return window.length == mask.window.length and window.lower - mask.window.lower == Linear(const=1)


def _is_of_fed(scoring: Scoring, target: Value) -> bool:
    """Say whether losses are masked by how long the rows were before their labels were moved by one."""
    mask = scoring.mask
    if not isinstance(mask, Tensor) or mask.window is None or "fed" not in mask.window.marks or mask.sense is None:
        return False
    window = target.window if isinstance(target, Tensor) and not target.clean else None
    moved = window is not None and window.lower == Linear(const=1) and window.upper == END
    return moved and mask.sense != scoring.mask_drops


def _counts_whole(mask: Window | None, target: Value) -> bool:
    """Say whether a mask lets as many positions through as the rows have before their labels are shifted."""
    window = target.window if isinstance(target, Tensor) else None
    if mask is None or window is None or mask.is_cut or mask.source[:1] != ("lengths",):
        return False
    source = window.source[:-1] if window.source[-1:] == ("[]",) else window.source  # each row, or the table of them
    return window.lower == Linear(const=1) and source == mask.source[1:]
