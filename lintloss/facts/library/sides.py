"""The two sides of a criterion call: what is scored, and against what."""

from __future__ import annotations

from lintloss.facts.library.tables import KERAS_CRITERIA
from lintloss.facts.values import UNKNOWN, ModelOutput, Tensor, Value

PREDICTIONS, TARGETS = ("input", "logits", "y_pred"), ("target", "labels", "y_true")


def of(name: str, args: list[Value], kwargs: dict[str, Value]) -> tuple[Value, Value]:
    """Return prediction and target: Keras takes the labels first, and TensorFlow since its version 2."""
    first, second = (args[index] if len(args) > index else None for index in (0, 1))
    labels_first = name.endswith("softmax_cross_entropy_with_logits") and _is_output(second) and not _is_output(first)
    if name in KERAS_CRITERIA or labels_first:
        first, second = second, first
    prediction = next((kwargs[each] for each in PREDICTIONS if each in kwargs), first)
    target = next((kwargs[each] for each in TARGETS if each in kwargs), second)
    return prediction or UNKNOWN, target or UNKNOWN


def _is_output(value: Value | None) -> bool:
    from lintloss.facts.library import windows

    return isinstance(value, ModelOutput) or (isinstance(value, Tensor) and value.form in windows.COMPUTED)
