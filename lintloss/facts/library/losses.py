"""Criterion calls: what comes out of them, per what, and what is recorded about them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace

from lintloss.facts import regularizers, unchanged
from lintloss.facts.callers import text_of
from lintloss.facts.library import per_item, shapes, sides, spread
from lintloss.facts.library.tables import KERAS_CRITERIA, REGRESSIONS, UNREDUCED
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Scored
from lintloss.facts.units import NATS, PERPLEXITY, Unit, count
from lintloss.facts.values import UNKNOWN, Const, LibObject, Opaque, Quantity, Ref, Scoring, Tensor, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

LOSS = Unit.of(loss=1)
SMOOTHING = regex(r"label_?smooth", re.IGNORECASE)
AMOUNT = regex(r"smooth|^(eps|epsilon|alpha)$", re.IGNORECASE)  # of a criterion that is named for its smoothing
HOOK = regex(r"(validation|test)_step$")  # a framework calls it once per batch


def call(
    machine: Machine,
    node: ast.AST,
    name: str,
    criterion: str,
    args: list[Value],
    kwargs: dict[str, Value],
    made: LibObject | None = None,
) -> Value:
    """Return the loss of a criterion call and record it.

    Args:
        name: the name as written, which decides the order of arguments and the default reduction.
        criterion: the canonical name.
        made: the criterion object, whose own arguments say reduction, ignore_index and so on.
    """

    def option(key: str, index: int = -1) -> Value | None:
        if key in kwargs:
            return kwargs[key]
        return made.arg(index, key) if made is not None else None

    prediction, target = sides.of(name, args, kwargs)
    reduction = reduction_of(name, option("reduction"), option("size_average"), option("reduce"))
    if reduction is None:
        return machine.opaque(node, "loss")
    scoring = Scoring(
        criterion=criterion,
        reduction=reduction,
        item=per_item.of(machine, node, name, prediction, target, option("ignore_index")),
        prediction=prediction,
        target=target,
        ignore_index=option("ignore_index", 1),
        weighted=option("weight", 0) not in (None, Const(None)),
        weight=regularizers.weight_of(machine, option("weight", 0)),
        label_smoothing=option("label_smoothing")
        or (Const(0.1) if name in regularizers.SMOOTHING_CRITERIA else spread.amount(target)),
        smoothed=spread.is_certain(target),
        place=machine.evidence(node, f"{name} with reduction={reduction!r} here"),
        owner="keras" if name in KERAS_CRITERIA else "call",
        takes=_takes(_from_logits(args, kwargs, made)) if name in KERAS_CRITERIA else "",
        called=name,
        masked=isinstance(target, Tensor) and target.axes == ("token",),
        single=_scores_one(machine, node, target),
        unchanged=unchanged.loops_around(machine, node, target, option("ignore_index", 1)),
    )
    return scored(machine, node, scoring)


def _from_logits(args: list[Value], kwargs: dict[str, Value], made: LibObject | None) -> Value | None:
    """Return what is given as `from_logits`: first to the class, third to the function."""
    if made is not None:
        return made.arg(0, "from_logits")
    return kwargs.get("from_logits", args[2] if len(args) > 2 else None)


def _takes(from_logits: Value | None) -> str:
    """Say what a criterion of Keras is told to expect: probabilities, unless it is told otherwise."""
    if from_logits is None:
        return "probs"
    return {True: "logits", False: "probs"}.get(bool(from_logits.value), "") if isinstance(from_logits, Const) else ""


def _scores_one(machine: Machine, node: ast.AST, target: Value) -> bool:
    """Say whether a call scores one item: its target is one, or its prediction is viewed as one row of classes."""
    from lintloss.facts.expressions import evaluate
    from lintloss.facts.library import windows

    if windows.is_one_item(target):
        return True
    first = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if not (isinstance(first, ast.Call) and isinstance(first.func, ast.Attribute) and len(first.args) == 2):
        return False
    return first.func.attr in {"view", "reshape"} and evaluate(machine, first.args[0]) == Const(1)


def reduction_of(name: str, reduction: Value | None, size_average: Value | None, reduce: Value | None) -> str | None:
    """Return "mean", "sum" or "none"; None when it depends on what is not known."""
    if isinstance(reduce, Const) and reduce.value is False:
        return "none"
    if isinstance(size_average, Const) and size_average.value is False:
        return "sum"
    if reduction is None:
        return "none" if name in UNREDUCED else "mean"
    if isinstance(reduction, Const) and isinstance(reduction.value, str):
        return {"batchmean": "mean", "elementwise_mean": "mean", "sum_over_batch_size": "mean"}.get(
            reduction.value, reduction.value
        )
    return "none" if isinstance(reduction, Const) and reduction.value is None else None


def scored(machine: Machine, node: ast.AST, scoring: Scoring) -> Value:
    """Return the quantity that a scoring yields, and record the scoring."""
    from lintloss.facts import batch_shapes, compare

    batch_shapes.note_drawn(machine, node, scoring.target)
    scoring = replace(scoring, born=machine.spent, alternative=machine.choosing, may_ignore=machine.may_ignore)
    scoring = replace(scoring, log=compare.compared(machine, node, scoring))
    content = NATS if scoring.is_cross_entropy and scoring.criterion != "presumed" else LOSS
    trace = (scoring.place,) if scoring.place else ()
    scoring = replace(
        scoring,
        site=site(machine, node),
        step=step(machine),
        loop=running(machine),
        smoothed=scoring.smoothed or _smooths(machine, scoring),
    )
    if scoring.reduction == "none":
        axes = _unreduced_axes(scoring)
        value = Quantity(content, axes=axes, scoring=scoring, trace=trace, presumed=scoring.presumed)
    elif scoring.reduction == "sum":
        value = Quantity(content, scoring=scoring, trace=trace, presumed=scoring.presumed)
    else:
        value = Quantity(
            content / Unit.of(**{scoring.item: 1}), scoring=scoring, trace=trace, presumed=scoring.presumed
        )
    from lintloss.facts.settings import seen_at

    if scoring.criterion in REGRESSIONS and is_of_policy(machine):  # a policy's values, no ids
        return value
    machine.observe(Scored(scoring=scoring, loss=value, loops=tuple(machine.loops), **seen_at(machine, node, ())))
    return value


def _unreduced_axes(scoring: Scoring) -> tuple[str, ...]:
    """Return the axes of losses that are not averaged: the labels', or the prediction's where each element is compared."""
    made, target = shapes.tensor(scoring.prediction), shapes.tensor(scoring.target)
    if scoring.criterion in REGRESSIONS and made is not None and made.axes and made.axes[-1] == "vocab":
        return made.axes  # `mse_loss(probs, one_hot, reduction="none")`
    return (target.axes if target is not None else None) or ("pos",)


def masked(machine: Machine, value: Quantity, mask: Value | None, drops: bool = False) -> Quantity:
    """Return losses of which a mask leaves some out; what was recorded about them learns of it."""
    from lintloss.facts import compare

    if value.scoring is None:
        return value
    known = mask if isinstance(mask, Tensor) else None
    compare.masked(machine, value.scoring, known, drops)
    return replace(value, scoring=replace(value.scoring, masked=True, mask=known, mask_drops=drops))


def chosen(machine: Machine, value: Quantity, mask: Value | None) -> Quantity:
    """Return the losses of the tokens that a mask picks."""
    return replace(masked(machine, value, mask), axes=("token",)) if value.axes else value


PAIRS = regex(r"contrastive|triplet|info_?nce|siamese|ranking_loss|pairwise", re.IGNORECASE)


def running(machine: Machine) -> Loop | None:
    """Return the innermost running loop, marked as one that scores."""
    if not machine.loops:
        return None
    machine.loops[-1].scores = True
    return machine.loops[-1]


def site(machine: Machine, node: ast.AST) -> Evidence:
    """Return the place in the checked file that scores: the call itself, or the call that leads to it.

    What a criterion or a model does in its forward(), it does for whoever calls it.
    """
    from lintloss.facts.compare import is_step

    own = [i for i, frame in enumerate(machine.frames) if frame.module.path == machine.shown]
    index = own.pop() if own else 0
    while own and is_step(machine, index) and index > machine.rooted:
        index = own.pop()
    if index < len(machine.frames) - 1:
        call = machine.frames[index + 1].call_place
        if call is not None:
            return call
    return machine.evidence(node, "scored here")


def step(machine: Machine) -> Evidence | None:
    """Return the call in the running loop that leads to what scores; None where the loop's own function scores."""
    loop = machine.loops[-1] if machine.loops else None
    index = loop.frame - 1 if loop is not None and loop.unit != "epoch" and not loop.trains else -1
    if loop is not None and loop.statement is None and loop.key[:1] == ("lightning",):
        index = max((i for i, frame in enumerate(machine.frames) if HOOK.match(frame.name)), default=-1)
    if index < 0 or index + 1 >= len(machine.frames) or machine.frames[index].module.path != machine.shown:
        return None
    return machine.frames[index + 1].call_place


def _smooths(machine: Machine, scoring: Scoring) -> bool:
    """Say whether a divergence is one to smoothed targets, by the name of what computes it."""
    if scoring.criterion != "kl_div":
        return False
    names = [frame.name for frame in machine.frames[-2:]]
    names += [str(getattr(each, "name", "")) for each in options(scoring.target)]
    owner = machine.frame.state.names.get("self")
    held = dict(machine.frame.state.names)
    if owner is not None and isinstance(owner.value, Ref) and owner.value.cls is not None:
        names.append(owner.value.cls.node.name)
        held.update(machine.fields(owner.value))
    amounts = [slot.value for name, slot in held.items() if "smooth" in name.lower()]
    if any(amount in (Const(0), Const(0.0)) for amount in amounts):
        return False
    return any("smooth" in name.lower() for name in names)


def presumed(
    machine: Machine,
    node: ast.AST,
    value: Value = UNKNOWN,
    said: str = "taken for a mean loss by its name",
    given: Mapping[str, Value] | None = None,
) -> Quantity:
    """Return a mean loss that only a name speaks for: one an item, or one a row where rows are compared.

    given: the keywords of the call that computes it, which may say by how much it smooths its labels.
    """
    from lintloss.facts.phases import compares_rows

    place = machine.evidence(node, said)
    pairs = any(map(compares_rows, _texts(machine))) or _compares_pairs(machine)
    item = "example" if pairs else "item"
    scoring = Scoring(
        "presumed",
        "mean",
        item,
        place=place,
        presumed=True,
        label_smoothing=_smoothing(given or {}),
        born=machine.spent,
        site=site(machine, node),
        step=step(machine),
        loop=running(machine),
    )
    unit = LOSS / Unit.of(**{item: 1})
    return Quantity(unit, scoring=scoring, trace=(machine.evidence(node, said),), presumed=True)


def _smoothing(given: Mapping[str, Value]) -> Value | None:
    """Return by how much a call is told to smooth the labels, None where it is told nothing."""
    return next((value for word, value in given.items() if SMOOTHING.search(word)), None)


def smoothing_of(made: LibObject) -> dict[str, Value]:
    """Return by how much a criterion out of sight was told to smooth the labels; of one named for it, unknown at least."""
    given = dict(made.kwargs)
    if not SMOOTHING.search(made.name.rsplit(".", 1)[-1]):
        return {word: value for word, value in given.items() if SMOOTHING.search(word)}
    told = next((value for word, value in given.items() if AMOUNT.search(word)), None)
    return {"label_smoothing": told or Opaque((*made.key, "label_smoothing"), "label_smoothing")}


def _compares_pairs(machine: Machine) -> bool:
    """Say whether a statement calls its loss one that compares rows with each other: it has no tokens."""
    statement = machine.frame.statement if machine.frames else None
    if statement is None or hasattr(statement, "body"):
        return False
    return PAIRS.search(machine.text(statement)) is not None


def is_of_policy(machine: Machine) -> bool:
    """Say whether what runs trains a policy: its log-probabilities are not what is reported as a loss."""
    from lintloss.facts import phases

    return any(map(phases.is_of_policy, _texts(machine)))


def _texts(machine: Machine) -> list[str]:
    """Return the code that tells what a loss is one of; of a file full of losses, that of the one that is computed."""
    texts = [machine.frames[0].module.code]
    if machine.frame.module is not machine.frames[0].module:
        texts.append(_text_around(machine))
    return texts


def _text_around(machine: Machine) -> str:
    """Return the code of the running method's class, of a function its own."""
    owner = machine.frame.state.names.get("self")
    cls = owner.value.cls if owner is not None and isinstance(owner.value, Ref) else None
    return text_of(cls.node if cls is not None else machine.frame.node)


def presumed_perplexity(machine: Machine, node: ast.AST) -> Quantity:
    """Return a perplexity of one batch (or text) that only a name speaks for."""
    said = "taken for a perplexity by its name"
    loss = presumed(machine, node, said=said)
    scoring = replace(loss.scoring, called="perplexity") if loss.scoring is not None else None
    return replace(loss, unit=PERPLEXITY, scoring=scoring)


def of_output(machine: Machine, owner: Opaque | Tensor, node: ast.AST) -> Value:
    """Return `.loss` of something unknown."""
    return presumed(machine, node, owner, "`.loss` of a model's output: taken for its mean loss")


def unreduced(value: Quantity) -> Quantity:
    """Return a presumed mean as the field of losses that it turns out to be: it is summed, flattened or masked."""
    if not value.presumed or value.axes or value.scoring is None or value.loops or value.scoring.owner == "model":
        return value
    scoring = replace(value.scoring, reduction="none")
    return replace(value, unit=LOSS, axes=("pos",), scoring=scoring)


def reduced(machine: Machine, node: ast.AST, value: Quantity, how: str) -> Value:
    """Reduce a field of losses: its sum is a total, its mean is per position."""
    if how == "sum":
        value = unreduced(value)
    if how == "mean" and value.presumed and value.scoring is not None:  # whatever it was, it is a mean now
        value = replace(value, scoring=replace(value.scoring, reduced=True))
    if not value.axes:
        return value
    if value.scoring is not None:
        from lintloss.facts import compare

        compare.reduced(machine, value.scoring)
    if how == "sum" and "rank" in value.axes:
        from lintloss.facts import distributed

        return distributed.summed_over_ranks(machine, node, replace(value, axes=("rank",)))
    from lintloss.facts import fields

    if how == "sum" and (value.is_perplexity or value.unit.degree < 0):
        return replace(fields.summed(value, "row" if "row" in value.axes else value.axes[0]), axes=())
    averaged = fields.mean_of_averages(machine, node, value) if how == "mean" else None
    if averaged is not None:
        return averaged
    if how == "sum":
        return replace(value, axes=()).with_step(machine.evidence(node, f"summed over its positions: {value.unit}"))
    if "rank" in value.axes:
        from lintloss.facts import distributed

        return distributed.mean_over_ranks(machine, node, value)
    if value.unit.degree < 0:
        return replace(value, axes=())
    item = "token" if "token" in value.axes else "example" if value.axes == ("row",) else "position"
    unit = value.unit / Unit.of(**{item: 1})
    after = replace(value, axes=(), unit=unit).with_step(machine.evidence(node, f"averaged over its {item}s: {unit}"))
    fields.note_padded(machine, node, value, after)
    return after


def positions(field: Quantity) -> Quantity:
    """Return the number of entries that a field of losses has, scored or not."""
    unit = count("token" if "token" in field.axes else "position")
    return Quantity(unit, of=field.of, counted=field.scoring.target if field.scoring is not None else None)


def rows(field: Quantity) -> Quantity:
    """Return the number of rows of a field that has one loss a row."""
    target = shapes.tensor(field.scoring.target) if field.scoring is not None else None
    return Quantity(count("example"), of=(*target.key, 0) if target is not None else (), counted=target)


def is_flat(field: Quantity) -> bool:
    """Say whether a field has one axis, of positions: its criterion was given its labels flattened."""
    target = field.scoring.target if field.scoring is not None else None
    if field.axes not in {("pos",), ("position",)} or not isinstance(target, Tensor):
        return False
    return target.axes == ("position",) or (target.window is not None and target.window.flat)
