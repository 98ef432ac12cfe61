"""Criteria that are no cross entropy where a language model's loss or perplexity is reported. The door for LL201."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lintloss.facts import entropies, scores
from lintloss.facts.averages import confidence_in, in_evaluation
from lintloss.facts.library import shapes
from lintloss.facts.library.tables import REGRESSIONS
from lintloss.facts.observations import Exponential, Scored
from lintloss.facts.values import Const, LibObject, Quantity, Scoring, Tensor, options
from lintloss.findings import Confidence, Evidence, Span

DISTANCES = REGRESSIONS | {
    "hinge_embedding_loss",
    "multi_margin_loss",
    "cosine_embedding_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "multilabel_soft_margin_loss",
}
UNCOMPARED = frozenset({entropies.FORM, scores.FORM})  # of predictions alone: no label is read
LANGUAGE = frozenset({"lm", "seq2seq"})
PREDICTIONS = frozenset({"logits", "probs", "log_probs", "choice"})


@dataclass(frozen=True, slots=True)
class Foreign:
    """A criterion that is no cross entropy, and what it stands between."""

    criterion: str
    between: str
    exponentiated: bool
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    span: Span | None = None
    instead: str = "F.cross_entropy on logits and ids"


def foreign(seen: Scored | Exponential) -> Foreign | None:
    """Say which criterion is out of place, None where it may well be right."""
    if not in_evaluation(seen):
        return None
    is_language = seen.setting.task in LANGUAGE
    if isinstance(seen, Exponential):
        evaluates = seen.setting.phase == "evaluation" and _is_uncompared(seen.exponent)
        told = is_language or seen.called_perplexity or evaluates
        return _exponentiated(seen) if told else None
    return _compared(seen) if is_language or _is_softmax_of_sequences(seen.scoring) else None


def _is_uncompared(exponent: Quantity) -> bool:
    return exponent.scoring is not None and exponent.scoring.criterion in UNCOMPARED


def _exponentiated(seen: Exponential) -> Foreign | None:
    """A perplexity needs a cross entropy below it, whatever is compared."""
    scoring = seen.exponent.scoring
    if (
        scoring is None
        or scoring.presumed
        or scoring.alternative
        or scoring.smoothed
        or scoring.label_smoothing is not None
        or scoring.criterion not in DISTANCES | {"kl_div"} | UNCOMPARED
        or (seen.exponent.negated and scoring.criterion not in UNCOMPARED)
    ):
        return None
    # between predictions and ids it is shown where it is, as a comparison of the two is: one slip, one finding
    compares = scoring.criterion in DISTANCES and _is_over_vocabulary(scoring)
    place = scoring.place if compares and scoring.place is not None else scoring.site or scoring.place
    if place is not None and place.path != seen.path:
        place = scoring.site
    span = place.span if place is not None and place.path == seen.path else None
    return Foreign(
        scoring.criterion, "below an exponential", True, confidence_in(seen.exponent), seen.exponent.trace, span
    )


def _compared(seen: Scored) -> Foreign | None:
    """Between the logits of a vocabulary and one-hot or plain ids there is one right criterion."""
    scoring = seen.scoring
    over_vocabulary = _is_over_vocabulary(scoring) or _is_softmax_of_sequences(scoring)
    if scoring.presumed or scoring.alternative or scoring.criterion not in DISTANCES or not over_vocabulary:
        return None
    trace = seen.loss.trace if isinstance(seen.loss, Quantity) else ()
    between = "between token predictions and token ids"
    found = Foreign(scoring.criterion, between, False, Confidence.HIGH, trace)
    return replace(found, instead="categorical_crossentropy") if scoring.owner == "keras" else found


def _is_over_vocabulary(scoring: Scoring) -> bool:
    """Say whether both sides are known: predictions per position over a vocabulary, and ids or their one-hot form."""
    predictions = [found for each in options(scoring.prediction) if (found := shapes.tensor(each)) is not None]
    targets = [found for each in options(scoring.target) if (found := shapes.tensor(each)) is not None]
    is_binary = scoring.criterion.startswith(("binary", "multilabel"))
    known = [each for each in targets if each.form == "onehot" or not is_binary]  # a yes or no per token is no id
    return any(each.form in PREDICTIONS and each.model is not None for each in predictions) and any(
        map(_is_of_ids, known)
    )


def _is_softmax_of_sequences(scoring: Scoring) -> bool:
    """Say whether Keras scores one choice of many classes at each position by a criterion of yes and no."""
    if scoring.owner != "keras" or scoring.criterion != "binary_cross_entropy":
        return False
    found = [each for each in options(scoring.prediction) if isinstance(each, Tensor)]
    return bool(found) and all(map(_is_softmax_at_positions, found))


def _is_softmax_at_positions(guess: Tensor) -> bool:
    classes = guess.model.arg(0, "units") if isinstance(guess.model, LibObject) else Const(1)
    is_pair = isinstance(classes, Const) and classes.value in {1, 2}
    return guess.form == "probs" and bool({"pos", "position"} & set(guess.axes or ())) and not is_pair


def _is_of_ids(target: Tensor) -> bool:
    if target.form == "onehot":
        return target.axes is None or bool({"position", "pos"} & set(target.axes))
    return target.form == "ids" and target.window is not None
