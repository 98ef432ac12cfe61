"""Outputs of model calls: which part is the loss, which the logits, and who shifted the labels."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import forwards, pad_marks, padding, unread
from lintloss.facts.library import added_terms, losses, models, rows, shapes
from lintloss.facts.library.tables import CAUSAL, HEADED, LOGITS_NAME, LOSS_NAME, MASKED_MODELS, PAIRED
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Compared
from lintloss.facts.units import Unit
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Const,
    Key,
    LibObject,
    ModelOutput,
    Opaque,
    Quantity,
    Ref,
    Scoring,
    Tensor,
    Tuple,
    Value,
    join_all,
)
from lintloss.patterns import regex

LOSS = Unit.of(loss=1)

INPUTS = ("x", "idx", "inputs", "tokens", "ids", "indices", "input_tokens")
STATES = ("hidden_state", "hidden_states")  # of a layer, of all of them
LABELS = (
    "labels",
    "lm_labels",
    "targets",
    "target",
    "masked_lm_labels",
    "input_labels",
    "target_labels",
    "decoder_labels",
    "mlm_labels",
    "text_labels",
)
FILLS = regex(r"padding\s*=\s*[\"']max_length|pad_to_max_length\s*=\s*True")
PAIRS = regex(
    r"\b(M|m|By|Flan)?T5\w*|\bM?Bart\w*|\bPegasus\w*|\bMarian\w*|ForConditionalGeneration|Seq2SeqLM|"
    r"decoder_attention_mask"
)
OWN = tuple(name for name in LABELS if name.endswith("labels"))  # what only models take that compute their own loss


def is_labelled(kwargs: dict[str, Value]) -> bool:
    """Say whether a call hands over labels, as only models that compute their own loss take them."""
    return ("**" in kwargs and "input_ids" in kwargs) or any(name in kwargs for name in OWN)


def of_call(machine: Machine, node: ast.AST, model: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Return what a model call gives; of batches that two branches made, each with its own labels."""
    apart = _by_branch(args)
    if not apart:
        return _of_call(machine, node, model, args, kwargs)
    return join_all(_of_call(machine, node, model, each, kwargs) for each in apart)


def _by_branch(args: list[Value]) -> list[list[Value]]:
    """Pair the alternatives of inputs and labels: what one branch assigned belongs together."""
    if len(args) < 2 or not isinstance(args[0], Choice) or not isinstance(args[1], Choice):
        return []
    inputs, labels = args[0].options, args[1].options
    if len(inputs) != len(labels) or any(shapes.tensor(each) is None for each in (*inputs, *labels)):
        return []
    return [[one, other, *args[2:]] for one, other in zip(inputs, labels, strict=True)]


def _of_call(machine: Machine, node: ast.AST, model: Value, args: list[Value], kwargs: dict[str, Value]) -> ModelOutput:
    losses.running(machine)
    named = next((kwargs[name] for name in INPUTS if name in kwargs), UNKNOWN)
    inputs = kwargs.get("input_ids", args[0] if args else named)
    fed = shapes.tensor(inputs)
    if "inputs_embeds" in kwargs:
        inputs = kwargs["inputs_embeds"]
        fed = shapes.tensor(inputs)
    given = (kwargs[name] for name in LABELS if name in kwargs)
    # `labels=None` is none
    labels = next((rows.as_tensor(machine, each) for each in given if each != Const(None)), None)
    if labels is None and len(args) > 1 and not isinstance(model, LibObject):
        labels = _shifted_copy(fed, args[1])
    spread = kwargs.get("**")
    if labels is None and isinstance(spread, Opaque | Ref):
        spread = spread if isinstance(spread, Opaque) else Opaque(spread.id)
        labels = _spread_part(machine, spread, "labels")
        if fed is None:
            inputs = _spread_part(machine, spread, "input_ids") or UNKNOWN
            fed = shapes.tensor(inputs)
    pad_marks.note_fed(machine, fed, kwargs.get("attention_mask"))
    form = "logits" if isinstance(model, LibObject) else "scores"
    if fed is not None and fed.form == "hidden" and "inputs_embeds" not in kwargs:
        made_by = fed.model.name if isinstance(fed.model, Opaque) else ""
        is_part = forwards.PART_WORDS.search(made_by) is not None or made_by.startswith("forward")
        if isinstance(model, LibObject) or (made_by and not is_part):
            fed = None  # an unknown call may have changed the ids
    logits = Tensor(
        form,
        fed.window if fed is not None else None,
        ("row", "pos", "vocab") if fed is not None and fed.form == "ids" else None,
        machine.key(node, "logits"),
        model=model,
    )
    output = ModelOutput(
        machine.key(node), model, inputs, labels, logits, UNKNOWN, machine.evidence(node, "the model is called here")
    )
    _note_same_source(machine, node, output)
    loss = _loss(machine, node, output, "transformers" if _is_like_library(machine, kwargs) else "")
    loss = added_terms.included(machine, node, model, kwargs, loss)
    asked = next((value for name, value in kwargs.items() if name.endswith("reduction")), None)
    return replace(output, loss=_unreduced(loss) if asked == Const("none") else loss)


def _is_like_library(machine: Machine, kwargs: dict[str, Value]) -> bool:
    """Say whether a model out of sight is called as those of Hugging Face are: it ignores -100, and nothing else."""
    if {"input_ids", "labels"} <= kwargs.keys():
        return True
    return bool({"attention_mask", "input_ids", "**"} & kwargs.keys()) and "transformers" in machine.frame.module.code


def _unreduced(loss: Value) -> Value:
    """Return the field of losses that a model out of sight is asked for: `model(x, y, reduction="none")`."""
    if not isinstance(loss, Quantity) or loss.scoring is None:
        return loss
    scoring = replace(loss.scoring, reduction="none", item="token", presumed=False)
    return replace(loss, unit=LOSS, axes=("row", "pos"), scoring=scoring)


def _shifted_copy(fed: Tensor | None, second: Value) -> Value | None:
    """Read the second argument of `model(x, y)` as labels where it is the first one, moved."""
    other = shapes.tensor(second)
    if (
        fed is None
        or other is None
        or fed.window is None
        or other.window is None
        or fed.window.source != other.window.source
    ):
        return None
    return second if other.window.lower != fed.window.lower else None


def _spread_part(machine: Machine, spread: Opaque, name: str) -> Value | None:
    """Return a part of `**batch`; a tokenizer's encoding has no labels but those that were put there."""
    slot = machine.get(spread.key, name)
    if slot is not None:
        return rows.as_tensor(machine, slot.value)
    known = machine.get(spread.key, "input_ids") is not None and name == "labels"
    return None if known and "encoding" in spread.key else Opaque((*spread.key, name), name)


def _note_same_source(machine: Machine, node: ast.AST, output: ModelOutput) -> None:
    """Labels that a model is given which shifts them sit where its input sits, unless its loss is left alone."""
    fed, label = shapes.tensor(output.inputs), shapes.tensor(output.labels) if output.labels is not None else None
    if (
        fed is None
        or label is None
        or fed.window is None
        or label.window is None
        or not models.shifts_labels(output.model)
    ):
        return
    if _are_two_texts(fed.window.source, label.window.source):
        return
    if unread.takes_only(machine.frame.node, machine.frame.statement, node, "logits"):
        machine.same_source.pop(label.window.source, None)  # who shifts by hand, or has done so, reads the logits only
        return
    if not fed.window.is_cut and not label.window.is_cut and fed.window.source != label.window.source:
        machine.same_source[label.window.source] = fed.window.source


def _are_two_texts(fed: Key, labels: Key) -> bool:
    """Say whether both sides are ids of encodings of their own: a prompt, and the prompt with its answer."""
    if "input_ids" not in fed or "input_ids" not in labels:
        return False
    return fed[: fed.index("input_ids")] != labels[: labels.index("input_ids")]


def _loss(machine: Machine, node: ast.AST, output: ModelOutput, presumed: str) -> Value:
    """Return the loss that a library model computes from labels=; a mean over its scored tokens.

    presumed: the library that an unknown model is of, by how it is called.
    """
    name = output.model.name if isinstance(output.model, LibObject) else ""
    said = "loss of the model's own, a mean over its scored tokens"
    if CAUSAL.search(name) or MASKED_MODELS.search(name) or PAIRED.search(name):
        scoring = Scoring(
            "model",
            "mean",
            "token",
            output.logits,
            output.labels or UNKNOWN,
            place=machine.evidence(node, said),
            owner="model",
            paired=PAIRED.search(name) is not None and not _fills_rows(machine),
        )
        return losses.scored(machine, node, scoring) if output.labels is not None else UNKNOWN
    if HEADED.search(name):
        scoring = Scoring(
            "model",
            "mean",
            "item" if name.endswith("ForTokenClassification") else "example",
            output.logits,
            output.labels or UNKNOWN,
            place=machine.evidence(node, said),
            owner="model",
        )
        return losses.scored(machine, node, scoring) if output.labels is not None else UNKNOWN
    value = losses.presumed(machine, node, said="loss of the model's own, taken for a mean")
    if output.labels is not None and value.scoring is not None:
        from lintloss.facts.phases import task

        item = "token" if task(machine.frame) in {"lm", "seq2seq"} else "item"
        scoring = replace(
            value.scoring,
            target=output.labels,
            prediction=output.logits,
            owner="model",
            item=item,
            called=presumed,
            paired=item == "token" and PAIRS.search(machine.frame.module.code) is not None and not _fills_rows(machine),
        )
        return losses.scored(machine, node, scoring)
    return value


def _fills_rows(machine: Machine) -> bool:
    """Say whether the files around pad each target to one length, and mark nothing to be ignored: pads are scored, too."""
    home = machine.frames[0].module
    if home.path not in machine.filled_rows:
        around = [home, *machine.project.using(home.path, "max_length", ["padding"])]
        fills = any(FILLS.search(each.code) for each in around)
        marks = any(padding.MARKED.search(each.code) for each in around) or bool(
            machine.project.using(home.path, "100", ["-100"])
        )
        machine.filled_rows[home.path] = fills and not marks
    return machine.filled_rows[home.path]


def _loss_of(machine: Machine, output: ModelOutput) -> Value:
    if isinstance(output.loss, Quantity) and output.loss.scoring is not None:
        machine.losses_read.add(output.loss.scoring.log)
    return output.loss


def _logits_of(machine: Machine, output: ModelOutput) -> Value:
    _note_other_read(machine, output)
    return output.logits


def _note_other_read(machine: Machine, output: ModelOutput) -> None:
    if isinstance(output.loss, Quantity) and output.loss.scoring is not None:
        machine.logits_read.add(output.loss.scoring.log)


def _other(machine: Machine, output: ModelOutput, name: str, part: str) -> Opaque:
    """Return a part of an output that is no loss and no logits."""
    if name.endswith(STATES):
        _note_other_read(machine, output)
    return Opaque((*output.call, part), name)


def forget_unread(machine: Machine) -> None:
    """Forget what models score of whose outputs only the logits or hidden states are read: their own loss is reported to nobody.

    What a wrapper around such a model scores itself stands at the same call of the checked file, and is kept.
    """
    for key in machine.logits_read - machine.losses_read:
        seen = machine.log.get(key)
        if isinstance(seen, Compared) and seen.scoring.owner == "model":
            del machine.log[key]


def field(machine: Machine, output: ModelOutput, name: str, node: ast.AST) -> Value:
    """Return an attribute of a model's output."""
    if name == "loss":
        frame = machine.frame
        if isinstance(node, ast.expr) and unread.is_kept_for_nobody(
            frame.module.tree, frame.node, frame.statement, node
        ):
            return output.loss
        return _loss_of(machine, output)
    if name in {"logits", "prediction_scores", "lm_logits", "prediction_logits"}:
        return _logits_of(machine, output)
    if name == "shape":
        return Opaque((*output.logits.key, ".shape"), ".shape")
    return _other(machine, output, name, "." + name)


def subscript(machine: Machine, output: ModelOutput, name: str, node: ast.Subscript) -> Value:
    """Return output[0], output["loss"], output[:, :-1]."""
    from lintloss.facts.library import indexed

    if name == "loss" or (name == "0" and output.labels is not None):
        return _loss_of(machine, output)
    if name == "logits" or name in {"0", "1"}:
        return _logits_of(machine, output)
    if indexed.is_tensor_index(node.slice) or name == "elem":
        return indexed.index(machine, output.logits, node)
    return _other(machine, output, name, name)


def front(machine: Machine, output: ModelOutput, node: ast.Subscript) -> Value:
    """Return `outputs[:2]`: the loss and the logits where labels were given, unless what they are called says otherwise."""
    statement = machine.frame.statement
    target = statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is node else None
    names = [ast.unparse(each) for each in target.elts] if isinstance(target, ast.Tuple) else []
    told = any("loss" in name.lower() for name in names) or any(LOGITS_NAME.search(name) for name in names[:1])
    if output.labels is None or len(names) < 2 or told:
        return output
    rest = (Opaque((*output.call, index), name) for index, name in enumerate(names[2:], 2))
    return Tuple((_loss_of(machine, output), _logits_of(machine, output), *rest))


def item(machine: Machine, output: ModelOutput, index: int, width: int, name: str) -> Value:
    """Return one of the names that a model's output is unpacked into."""
    if LOSS_NAME.match(name):
        return _loss_of(machine, output)
    if LOGITS_NAME.search(name):
        return _logits_of(machine, output)
    if index == 0 and output.labels is not None and name.startswith("_") is False and width > 1 and "loss" in name:
        return _loss_of(machine, output)
    return Opaque((*output.call, index), name)


def logits_of(machine: Machine, owner: Opaque) -> Value:
    return Tensor("logits", None, None, (*owner.key, ".logits"), "logits")
