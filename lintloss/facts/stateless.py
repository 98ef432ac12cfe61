"""Layers without parameters: called by themselves they record nothing but what their input does, `nn.Softmax(dim=1)(scores)`."""

from __future__ import annotations

from lintloss.facts.values import LibObject, Value, options
from lintloss.patterns import regex

OF_TORCH = "torch.nn."
LEARNED = regex(
    r"Linear|Conv|Embedding|LSTM|GRU|RNN|Cell|(Batch|Layer|Group|Instance|RMS)Norm|PReLU|Transformer|Attention|AdaptiveLogSoftmax"
)
HOLDS_OTHERS = regex(r"\.(Sequential|\w*Parallel)$")
DEPTH = 5  # layers in layers


def is_one(layer: Value, depth: int = 0) -> bool:
    """Say whether a layer of torch has no parameters, nor has any that it holds; what is out of sight may have some."""
    if not isinstance(layer, LibObject) or not layer.name.startswith(OF_TORCH) or depth > DEPTH:
        return False
    if HOLDS_OTHERS.search(layer.name):
        held = [each for arg in layer.args for each in options(arg)]
        return bool(held) and all(is_one(each, depth + 1) for each in held)
    return LEARNED.search(layer.name.rsplit(".", 1)[-1]) is None
