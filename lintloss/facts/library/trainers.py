"""Hugging Face's Trainer: `evaluate()` averages the losses of its batches, each with the weight of its rows."""

from __future__ import annotations

import ast
import re

from lintloss.facts import collating, forwards, ignored, padding
from lintloss.facts.library import (
    loaders,
    losses,
    meters,
    models,
    rows,
    saved_sets,
    smoothed_trainers,
    trained_models,
    trainer_hooks,
)
from lintloss.facts.loops import Differing
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.units import NATS_PER_TOKEN, count
from lintloss.facts.values import (
    Const,
    Func,
    Lib,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Scoring,
    Tensor,
    Tuple,
    Value,
    Window,
    options,
)
from lintloss.patterns import regex

ITSELF = "@trainer"  # the trainer, among what it was made with
EVALUATES = regex(r"\.evaluate\(")  # then the loss is averaged there, and said there
LOOPS = ("evaluation_loop", "prediction_loop")
STRATEGIES = ("eval_strategy", "evaluation_strategy")
PARTS = regex(r"\.(predictions|label_ids)\b")
SEPARATE_ROWS = regex(r"truncation\s*=\s*True|padding\s*=\s*(True|[\"'](max_length|longest)[\"'])|dataset_text_field")
BLOCKS = regex(
    r"group_texts|block_size|concatenat|\bpack(ing|ed)?\b|ConstantLength|chunk|return_overflowing|stride", re.IGNORECASE
)
STACKED = regex(r"[\"']input_ids[\"']\]?\s*[:=]\s*(torch|np)\.stack\(")
FILLED_UP = regex(r"pad_sequence|pad\w*\(|pad_?(token|id|idx)|padding\s*=|longest|\bmax\(|PAD")
MAY_FILL_BLOCKS = regex(r"DataCollatorForLanguageModeling$|DataCollatorWithFlattening$")


def called(machine: Machine, node: ast.Call, trainer: Value, name: str, args: list[Value]) -> Value | None:
    """Return what `trainer.evaluate()` does: a dict with eval_loss; None where it is no trainer of a language model."""
    made = _made_with(machine, trainer)
    if made is None:
        return None
    trainer_hooks.run(machine, node, trainer, made)
    by_itself = by_strategy(made) and not EVALUATES.search(machine.frames[0].module.code)
    dataset = made.get("train_dataset") if name == "train" else (args[0] if args else made.get("eval_dataset"))
    if dataset is not None and (name == "evaluate" or machine.home):  # who asks from a data set's file asks for both
        _feed(machine, node, made, dataset)
    elif name == "train" and by_itself:
        _feed(machine, node, made, made["eval_dataset"])
    _measure(machine, node, made)
    if name == "evaluate" or by_itself:
        smoothed_trainers.note(machine, node, trainer, made.get("args", Const(None)))
    if _has_own_loop(machine, trainer):
        return None
    if name == "train":
        if by_itself:
            said = "train() evaluates by the arguments' strategy, which"
            _averaged(machine, node, trainer, made, made.get("eval_dataset"), said)
        return None
    return _evaluated(machine, node, trainer, made, dataset)


def _has_own_loop(machine: Machine, trainer: Value) -> bool:
    """Say whether a class of the project averages the losses by itself."""
    from lintloss.facts import classes

    if not isinstance(trainer, Ref) or trainer.kind != "instance":
        return False
    return any(classes.method(machine, trainer, each) is not None for each in LOOPS)


def looped(machine: Machine, node: ast.Call, trainer: Ref) -> Value | None:
    """Return what the inherited `self.prediction_loop(loader, ...)` does: an output with metrics."""
    made = _made_with(machine, trainer)
    metrics = _evaluated(machine, node, trainer, made, made.get("eval_dataset")) if made is not None else None
    if metrics is None:
        return None
    output = Ref(machine.key(node, "output"), "instance")
    machine.state.heap.clear(output.id)
    machine.put(output, "metrics", metrics)
    return output


def _feed(machine: Machine, node: ast.Call, made: dict[str, Value], dataset: Value) -> None:
    """Give the model a batch of a data set, as the trainer collates it."""
    from lintloss.facts import calls, parameters

    collate = made.get("data_collator", Const(None))
    key = machine.key(node, "batches")
    loader = LibObject("torch.utils.data.DataLoader", (dataset,), (("collate_fn", collate),), None, key)
    loop = meters.framework_loop(machine, node)
    batch = rows.of_loader(machine, loader, loop)
    model = made.get("model")
    if batch is None or model is None or not isinstance(batch, Ref | Opaque):
        return
    with machine.in_loop(loop), forwards.by_framework(machine):
        calls.call(machine, node, model, [], parameters.spread(machine, batch))


def _measure(machine: Machine, node: ast.Call, made: dict[str, Value]) -> None:
    """Give the metric function what the trainer gives it: logits and labels as they are, of a model that shifts inside."""
    from lintloss.facts import calls

    compute = made.get("compute_metrics")
    model = next((each for each in options(made.get("model", Const(None))) if models.shifts_labels(each)), None)
    if not isinstance(compute, Func) or model is None or "preprocess_logits_for_metrics" in made:
        return
    key = machine.key(node, "predictions")
    logits = Tensor("logits", Window(key), ("row", "pos", "vocab"), (*key, "logits"), "logits", model=model)
    labels = Tensor("", Window(key), None, (*key, "labels"), "labels")
    given: Value = Tuple((logits, labels))
    if PARTS.search(machine.text(compute.node)):
        given = Ref((*key, "given"), "instance")
        machine.put(given, "predictions", logits)
        machine.put(given, "label_ids", labels)
    with forwards.by_framework(machine):
        calls.call(machine, node, compute, [given], {})


def _evaluated(
    machine: Machine, node: ast.Call, trainer: Value, made: dict[str, Value], dataset: Value | None
) -> Value | None:
    """Return the metrics of an evaluation, which the library writes into its log, and hands out."""
    mean = _averaged(machine, node, trainer, made, dataset, "evaluate()")
    if mean is None:
        return None
    metrics = Ref(machine.key(node, "metrics"), "dict")
    machine.state.heap.clear(metrics.id)
    machine.put(metrics, "eval_loss", mean)
    return metrics


def by_strategy(made: dict[str, Value]) -> bool:
    """Say whether a trainer's arguments make it evaluate while it trains: every epoch, or every so many steps.

    A strategy that the project's settings hold is one, where something to evaluate is given.
    """
    for arguments in options(made.get("args", Const(None))):
        given = dict(arguments.kwargs) if isinstance(arguments, LibObject) else {}
        for name in STRATEGIES:
            value = given.get(name)
            said = (
                value.value
                if isinstance(value, Const)
                else value.name.rsplit(".", 1)[-1]
                if isinstance(value, Lib)
                else ""
            )
            is_set = isinstance(value, Opaque) and (value.key != () or value.name != "")
            if is_set or str(said).lower() in {"epoch", "steps"}:
                return made.get("eval_dataset", Const(None)) != Const(None)
    return False


def _averaged(
    machine: Machine, node: ast.Call, trainer: Value, made: dict[str, Value], dataset: Value | None, what: str
) -> Quantity | None:
    """Average the losses of a language model's batches by rows; None where nothing says that the rows are unequal."""
    if not trained_models.scores_tokens(machine, trainer, made.get("model"), made.get("data_collator")):
        return None
    unequal = next(
        (found for each in options(made.get("data_collator", Const(None))) if (found := _pads(machine, each))), None
    )
    unequal = unequal or _pads_by_default(machine, made)
    if unequal is None and dataset is not None:
        unequal = ignored.of_dataset(machine, dataset)
    if unequal is None:
        return None
    loop = meters.framework_loop(machine, node)
    loop.differs(unequal)
    place = machine.evidence(node, f"{what} repeats the mean loss of a batch for each of its rows, and averages that")
    scoring = Scoring("model", "mean", "token", place=place, site=losses.site(machine, node), owner="model")
    loss = Quantity(NATS_PER_TOKEN, scoring=scoring, trace=(place,))
    return meters.over(machine, node, loss, (loop,), Quantity(count("example"), of=loop.key), "framework")


def _keeps_rows(machine: Machine, collator: LibObject) -> bool:
    """Say whether texts are tokenized row by row, and no blocks put together: what is shorter is padded, and ignored.

    It may be done in the file that makes the collator, or in the one that wrote the rows to disk.
    """
    home = machine.frames[0].module
    beside = machine.project.module(collator.made.path) if collator.made is not None else None
    files = [home] if beside is None or beside.path == home.path else [home, beside]
    texts = [each.code for each in (*files, *saved_sets.writers(machine, home))]
    return any(map(SEPARATE_ROWS.search, texts)) and not any(map(BLOCKS.search, texts))


def _pads_by_default(machine: Machine, made: dict[str, Value]) -> Differing | None:
    """Return where trl's SFTTrainer was made, which pads its rows unless it is asked to pack them."""
    trainer = made.get(ITSELF)
    text = machine.frames[0].module.code
    if not isinstance(trainer, LibObject) or loaders.short(trainer) != "SFTTrainer" or BLOCKS.search(text):
        return None
    return Differing(trainer.made) if "data_collator" not in made and trainer.made is not None else None


def _made_with(machine: Machine, trainer: Value) -> dict[str, Value] | None:
    """Return the arguments that a trainer was made with, by name."""
    if isinstance(trainer, Ref) and trainer.kind == "instance":
        return {name: slot.value for name, slot in machine.fields(trainer).items()}
    if not isinstance(trainer, LibObject) or not loaders.short(trainer).endswith("Trainer"):
        return None
    given = {ITSELF: trainer, **dict(trainer.kwargs)}
    for name, value in zip(
        ("model", "args", "data_collator", "train_dataset", "eval_dataset"), trainer.args, strict=False
    ):
        given.setdefault(name, value)
    return given


def _pads(machine: Machine, collator: Value) -> Differing | None:
    """Return where a collator makes batches that score different numbers of tokens; blocks may fill what pads in theory."""
    if isinstance(collator, LibObject) and MAY_FILL_BLOCKS.search(collator.name):
        masks = collator.arg(1, "mlm") not in (Const(False),)
        unequal = collator.name.endswith("LanguageModeling") and (masks or _keeps_rows(machine, collator))
        return Differing(collator.made) if unequal and collator.made is not None else None
    if isinstance(collator, Func) and _only_stacks(collator):
        return None
    found = collating.of_collator(machine, collator) if isinstance(collator, LibObject | Func | Ref) else None
    return found or (_pads_within(machine, collator) if isinstance(collator, Func) else None)


def _only_stacks(collate: Func) -> bool:
    """Say whether a collate function puts together rows of one length, and fills none up: what it marks is in each row."""
    code = padding.code_of(collate.module, collate.node)
    return STACKED.search(code) is not None and FILLED_UP.search(code) is None


def _pads_within(machine: Machine, collate: Func) -> Differing | None:
    """Return where a collator was made that a collate function calls: `batch = mask_tokens(rows)`."""
    around = (machine.enclosing(collate.closure) if collate.closure else None) or {}
    for node in walk(collate.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            slot = around.get(node.func.id) or machine.global_slot(collate.module.path, node.func.id)
            found = _pads(machine, slot.value) if slot is not None and isinstance(slot.value, LibObject) else None
            if found is not None:
                return found
    return None
