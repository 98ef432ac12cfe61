"""What a criterion averages over: tokens, examples, or items of a kind that cannot be told."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.library import numberings
from lintloss.facts.library.tables import CRITERIA, KERAS_CRITERIA
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Key, Opaque, Tensor, Value, options
from lintloss.patterns import regex

# Classes are moved behind the rows: what is scored has positions.
MOVED = regex(
    r"\.permute\(0, 2, 1\)|\.transpose\(1, 2\)|\.transpose\(-1, -2\)|\.transpose\(2, 1\)|\.mT\b|\.transpose\(-2, -1\)"
)
FLATTENED = regex(
    r"\.(view|reshape)\(-1\b|\.flatten\(|\.permute\(0, 2, 1\)|\.transpose\(1, 2\)|\.transpose\(-1, -2\)|\.mT\b|\.view\(\w+ \* \w+|\.reshape\(\w+ \* \w+|rearrange\(|\.transpose\(2, 1\)"
)
OF_ROWS = regex(r"\barange\(|argmax\((\w+, )?(dim=|axis=)?1\)|\bmax\((\w+, )?(dim=)?1\)(\[1\]|\.indices)")
CLASSIFIER = regex(r"(?<!Token)Classif(ier|ication)")
LARGEST = regex(
    r"\b(\w+)\.(?:arg)?max\((?:dim=|axis=)?-?1\)|\b(?:arg)?max\((\w+)(?:\.data|\.detach\(\))?, (?:dim=|axis=)?-?1\)"
)
CLASSES_SECOND = frozenset({"CrossEntropyLoss", "NLLLoss", "cross_entropy", "nll_loss"})  # of torch
CLASSES = regex(
    r"num_labels|num_classes|n_classes|nclass|n_labels|num_label|n_class|\blen\((\w+\.)*(label_?(list|names|map)|class(es|_names|_list))\)"
)


def of(machine: Machine, node: ast.AST, name: str, prediction: Value, target: Value, ignore_index: Value | None) -> str:
    """Say what the criterion averages over: tokens, examples, or items of a kind that cannot be told."""
    from lintloss.facts.phases import task

    text = machine.text(node)
    flattens = FLATTENED.search(text) is not None
    if machine.frames and not flattens and _takes_classifier(machine.frame.node):
        return "example"
    scores_some = ignore_index is not None and _both_flattened(node)  # a tag a token, those of padding ignored
    if CLASSES.search(text) and not scores_some and not all(map(_are_inputs, options(target))):
        return "example"
    if isinstance(target, Tensor) and target.axes == ("token",):
        return "token"
    flat = flattens or any(
        isinstance(v, Tensor) and v.axes is not None and "position" in v.axes for v in (prediction, target)
    )
    sliced = any(isinstance(v, Tensor) and v.window is not None and v.window.is_trimmed for v in (prediction, target))
    if (
        MOVED.search(text)
        or (flattens and isinstance(target, Tensor) and target.axes == ("position",))
        or _both_flattened(node)
    ):
        return "token"
    if not flattens and not sliced and _is_of_rows(machine, node, target):
        return "example"
    if not flat and not sliced and (_is_pooled(prediction) or _has_classes_last(machine, node, name, target)):
        return "example"
    kind = task(machine.frame) if machine.frames else "unknown"
    outer = task(machine.frames[0]) if machine.frames else "unknown"
    if sliced or (isinstance(ignore_index, Const | Opaque) and ignore_index != Const(-100)):
        return "token"
    if {"lm", "seq2seq", "mlm"} & {kind, outer}:
        return "token" if flat or (kind == "lm" and not _is_binary(name)) else "item"
    return "item"


def _is_binary(name: str) -> bool:
    """Say whether a criterion asks for a yes or no, of which a row has one unless something says that it has more."""
    return (CRITERIA.get(name) or KERAS_CRITERIA.get(name, "")).startswith("binary")


def _takes_classifier(function: ast.AST) -> bool:
    """Say whether a function says of its model that it classifies rows: `model: BertForSequenceClassification`."""
    spec = function.args if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else None
    told = [each.annotation for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)] if spec is not None else []
    return any(each is not None and CLASSIFIER.search(text_of(each)) for each in told)


def _are_inputs(target: Value) -> bool:
    """Say whether what is scored are the ids that the model is fed, as a collator for language models hands them out."""
    window = target.window if isinstance(target, Tensor) and target.form == "ids" else None
    return window is not None and _is_fed(window.source)


def _is_fed(source: Key) -> bool:
    """Say whether a source is what a model is fed, or one of several that are: by whichever collator."""
    if source[:1] == ("either",):
        return all(isinstance(each, tuple) and _is_fed(each) for each in source[1:])
    return source[-1:] == ("input_ids",)


def _both_flattened(node: ast.AST) -> bool:
    """Say whether a criterion call flattens its prediction and its target: it scores positions, whatever they are."""
    given = (
        [*node.args, *(each.value for each in node.keywords if each.arg in {"input", "target", "labels"})]
        if isinstance(node, ast.Call)
        else []
    )
    return len(given) >= 2 and all(FLATTENED.search(text_of(each)) for each in given[:2])


def _is_of_rows(machine: Machine, node: ast.AST, target: Value) -> bool:
    """Say whether targets are a numbering, or the largest of a row's classes: `one_hot.argmax(1)`."""
    if numberings.is_one(machine, node, target):
        return True
    given = node.args[1] if isinstance(node, ast.Call) and len(node.args) > 1 else None
    return isinstance(given, ast.Call | ast.Subscript | ast.Attribute) and OF_ROWS.search(text_of(given)) is not None


def _is_pooled(prediction: Value) -> bool:
    """Say whether a prediction was made of one vector a row: the mean of its positions."""
    return isinstance(prediction, Tensor) and prediction.window is not None and "pooled" in prediction.window.marks


def _has_classes_last(machine: Machine, node: ast.AST, name: str, target: Value) -> bool:
    """Say whether a criterion of torch is given what has its classes last, as the function says itself.

    It wants the classes second: there are no positions between, and each row has one label.
    """
    if name not in CLASSES_SECOND or not isinstance(node, ast.Call) or not node.args:
        return False
    if isinstance(target, Tensor) and (target.axes is not None or _is_cut(target)):
        return False
    if len(node.args) > 1 and _is_step(node.args[1]):
        return False
    given = node.args[0]
    if not isinstance(given, ast.Name) or not machine.frames:
        return _is_logits(given)
    bound = bindings.before(bindings.of(machine.frame.node).get(given.id, ()), given.id, node.lineno)
    values = [each.value for each in bound if not each.picks and isinstance(each.value, ast.Call | ast.Attribute)]
    if not bound or len(values) != len(bound):
        return False
    if all(map(_is_logits, values)):
        return True
    raw = not any(FLATTENED.search(machine.text(each)) for each in values if each is not None)
    return raw and given.id in _compared_by_class(machine.frame.node)


@lru_cache(maxsize=256)
def _compared_by_class(function: ast.AST) -> frozenset[str]:
    """Return the names whose largest entry along the last axis, or the second, is taken: `logits.argmax(dim=-1)`."""
    return frozenset(first or second for first, second in LARGEST.findall(text_of(function)))


def _is_cut(target: Tensor) -> bool:
    return target.window is not None and target.window.is_cut


def _is_step(target: ast.expr) -> bool:
    """Say whether a target is what one step of a decoder is asked for: `target[:, t]`."""
    return isinstance(target, ast.Subscript) and not (
        isinstance(target.slice, ast.Constant) and isinstance(target.slice.value, str)
    )


def _is_logits(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "logits"
