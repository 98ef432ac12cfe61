"""Hugging Face's Trainer: `evaluate()` averages the losses of its batches, each with the weight of its rows."""

from __future__ import annotations

import ast

from lintloss.facts import padding
from lintloss.facts.library import loaders, losses, meters
from lintloss.facts.library.tables import CAUSAL, MASKED_MODELS, PAIRED
from lintloss.facts.machine import Machine
from lintloss.facts.units import NATS_PER_TOKEN, count
from lintloss.facts.values import Const, Func, LibObject, Quantity, Ref, Scoring, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

REPORTS = regex(r"eval_loss|perplexity|\bppl\b")
MAY_FILL_BLOCKS = regex(r"DataCollatorForLanguageModeling$|DataCollatorWithFlattening$")


def evaluated(machine: Machine, node: ast.Call, trainer: Value, name: str) -> Value | None:
    """Return what `trainer.evaluate()` does: a dict with eval_loss; None where it is no trainer of a language model."""
    if name != "evaluate" or not REPORTS.search(machine.frames[0].module.text):
        return None
    made = _made_with(machine, trainer)
    if made is None or not any(_is_language_model(each) for each in options(made.get("model", Const(None)))):
        return None
    unequal = next(
        (found for each in options(made.get("data_collator", Const(None))) if (found := _pads(machine, each))), None
    )
    if unequal is None:
        return None
    loop = meters.framework_loop(machine, node)
    if unequal not in loop.unequal:
        loop.unequal.append(unequal)
    place = machine.evidence(
        node, "evaluate() repeats the mean loss of a batch for each of its rows, and averages that"
    )
    scoring = Scoring("model", "mean", "token", place=place, site=losses.site(machine, node), owner="model")
    loss = Quantity(NATS_PER_TOKEN, scoring=scoring, trace=(place,))
    mean = meters.over(machine, node, loss, (loop,), Quantity(count("example"), of=loop.key), "framework")
    metrics = Ref(machine.key(node, "metrics"), "dict")
    machine.state.heap.clear(metrics.id)
    machine.put(metrics, "eval_loss", mean)
    return metrics


def _made_with(machine: Machine, trainer: Value) -> dict[str, Value] | None:
    """Return the arguments that a trainer was made with, by name."""
    if isinstance(trainer, Ref) and trainer.kind == "instance":
        return {name: slot.value for name, slot in machine.fields(trainer).items()}
    if not isinstance(trainer, LibObject) or not loaders.short(trainer).endswith("Trainer"):
        return None
    given = dict(trainer.kwargs)
    if trainer.args:
        given.setdefault("model", trainer.args[0])
    return given


def _is_language_model(value: Value) -> bool:
    if not isinstance(value, LibObject):
        return False
    name = loaders.short(value)
    return any(pattern.search(name) for pattern in (CAUSAL, MASKED_MODELS, PAIRED))


def _pads(machine: Machine, collator: Value) -> Evidence | None:
    """Return where a collator makes batches that score different numbers of tokens; blocks may fill what pads in theory."""
    if isinstance(collator, LibObject) and MAY_FILL_BLOCKS.search(collator.name):
        masks = collator.arg(1, "mlm") not in (Const(False),)
        return collator.made if masks and collator.name.endswith("LanguageModeling") else None
    return padding.of_collator(machine, collator) if isinstance(collator, LibObject | Func | Ref) else None
