"""What a Hugging Face Trainer trains: a model whose loss is a mean over tokens, by its class, its bases or its collator."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.library import loaders
from lintloss.facts.library.tables import CAUSAL, HEADED, MASKED_MODELS, PAIRED
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Func, Lib, LibObject, Ref, Value, options
from lintloss.patterns import regex

SEQUENCES = regex(r"(^|\.)Seq2SeqTrainer$|DataCollatorForSeq2Seq$")
# Collators that make the labels of a language model, whatever the model is that they are made for.
LANGUAGE = regex(r"DataCollatorFor(LanguageModeling|WholeWordMask|PermutationLanguageModeling)$")
# Trainers whose loss compares answers or rewards them: one value a row.
PREFERENCES = regex(r"(DPO|PPO|KTO|ORPO|CPO|BCO|GRPO|RLOO|Reward|PRM|XPO|NashMD)\w*Trainer$")
TOKEN_LOSSES = frozenset({"cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss", "super", "loss_function"})
DEPTH = 6  # names and parts that a loss is made of


def scores_tokens(machine: Machine, trainer: Value | None, model: Value | None, collator: Value | None) -> bool:
    """Say whether the loss that a trainer averages is a mean over the tokens of a batch."""
    if trainer is not None and _has_another_loss(machine, trainer):
        return False
    models = options(model) if model is not None else ()
    if any(isinstance(each, LibObject) and HEADED.search(loaders.short(each)) for each in models):
        return False
    made = [each for each in options(collator) if isinstance(each, LibObject)] if collator is not None else []
    return (
        any(_is_language_model(machine, each) for each in models)
        or any(SEQUENCES.search(each.name) or LANGUAGE.search(each.name) for each in made)
        or (isinstance(trainer, LibObject) and SEQUENCES.search(trainer.name) is not None)
    )


def _is_language_model(machine: Machine, model: Value) -> bool:
    return any(pattern.search(name) for name in _names(machine, model) for pattern in (CAUSAL, MASKED_MODELS, PAIRED))


def _names(machine: Machine, model: Value) -> Iterator[str]:
    """Yield what a model is called, and what the classes are called that it is derived from."""
    from lintloss.facts import classes

    if isinstance(model, LibObject):
        yield loaders.short(model)
    elif isinstance(model, Ref) and model.cls is not None:
        for each in classes.bases(machine, model.cls):
            yield each.name.rsplit(".", 1)[-1] if isinstance(each, Lib) else each.node.name


def _has_another_loss(machine: Machine, trainer: Value) -> bool:
    """Say whether a trainer computes what is no cross entropy of the tokens, nor the loss that the model returns."""
    from lintloss.facts import classes

    if isinstance(trainer, LibObject):
        return PREFERENCES.search(loaders.short(trainer)) is not None
    if not isinstance(trainer, Ref) or trainer.cls is None:
        return False
    if any(isinstance(each, Lib) and PREFERENCES.search(each.name) for each in classes.bases(machine, trainer.cls)):
        return True
    own = classes.method(machine, trainer, "compute_loss")
    return own is not None and not _takes_token_loss(own)


def _takes_token_loss(scorer: Func) -> bool:
    """Say whether a `compute_loss` asks the library's or a cross entropy, or takes the loss out of a model's output."""
    for each in walk(scorer.node):
        if isinstance(each, ast.Attribute) and each.attr == "loss" and isinstance(each.ctx, ast.Load):
            return True
        if isinstance(each, ast.Subscript) and ast.unparse(each.slice) == "'loss'":
            return True
        if isinstance(each, ast.Call) and called_name(each.func) in TOKEN_LOSSES:
            return True
        if isinstance(each, ast.Return) and each.value is not None and _is_first(scorer, each.value):
            return True
    return False


def _is_first(scorer: Func, value: ast.expr, depth: int = DEPTH) -> bool:
    """Say whether what is returned is the first of a model's outputs, `model(**inputs)[0]`, alone or with something added.

    The first output of a model that is given no labels are its logits: what a criterion makes of them is another loss.
    """
    if depth == 0:
        return False
    if isinstance(value, ast.Subscript):
        return (
            isinstance(value.slice, ast.Constant)
            and value.slice.value == 0
            and not isinstance(value.value, ast.Subscript)
        )
    if isinstance(value, ast.Name):
        bound = bindings.of(scorer.node).get(value.id, ())
        parts = [each.value for each in bound if each.value is not None and not each.picks]
    else:
        parts = _parts(value)
    return any(_is_first(scorer, each, depth - 1) for each in parts)


def _parts(value: ast.expr) -> list[ast.expr]:
    """Return what a loss may be: either branch, the first of what is returned, a summand, what a method is called on."""
    if isinstance(value, ast.Tuple):
        return value.elts[:1]
    if isinstance(value, ast.IfExp):
        return [value.body, value.orelse]
    if isinstance(value, ast.BinOp):
        return [value.left, value.right]
    return [value.func.value] if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) else []
