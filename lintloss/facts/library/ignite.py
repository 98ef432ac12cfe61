"""Ignite's metrics: Loss weights a batch's mean by its rows, RunningAverage and Average by nothing, MetricsLambda goes on."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import phases
from lintloss.facts.library import loaders, losses, meters
from lintloss.facts.library.tables import CRITERIA, CROSS_ENTROPIES
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import NATS_PER_TOKEN, count
from lintloss.facts.values import Const, Func, LibObject, Opaque, Quantity, Scoring, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

AVERAGES = frozenset({"RunningAverage", "Average"})
MEAN = "mean"  # of a metric, the value that it comes to
FILLS = regex(r"\bpad_sequence\(|\.pad\(|padding_value")
# (rows, positions, classes) -> (rows, classes, positions), or all positions below one another
MOVES = regex(r"\.transpose\(1, 2\)|\.permute\(0, 2, 1\)|\.transpose\(2, 1\)|\.mT\b|\w\.size\(-1\)\)|flatten\(0, 1\)")
Kwargs = dict[str, Value]


def note(machine: Machine, node: ast.AST, full: str, args: list[Value], kwargs: Kwargs) -> None:
    """Record what `Loss(nn.CrossEntropyLoss(ignore_index=-100))` averages: ignored labels count as rows."""
    criterion = args[0] if args else kwargs.get("loss_fn")
    if not full.startswith("ignite.") or len(args) > 2 or "batch_size" in kwargs:
        return  # who counts something else than rows has thought of it
    place = machine.evidence(
        node, "Loss multiplies a batch's mean by its rows, ignored ones included, and averages that"
    )
    loop = meters.framework_loop(machine, node)
    if isinstance(criterion, LibObject):
        loss = _of_object(machine, node, criterion, place)
    else:
        loss = _of_function(machine, node, criterion, loop) if isinstance(criterion, Func) else None
    if loss is None or loss.scoring is None or not _scores_tokens(machine, node, criterion):
        return
    if loss.trace[0] not in loop.unequal:
        loop.unequal.append(loss.trace[0])
    loss = replace(loss, scoring=replace(loss.scoring, born=machine.spent))
    mean = meters.over(machine, node, loss, (loop,), Quantity(count("example"), of=loop.key), "framework")
    machine.put(machine.key(node, "Loss"), MEAN, mean)


def _of_object(machine: Machine, node: ast.AST, criterion: LibObject, place: Evidence) -> Quantity | None:
    """Return the loss of a criterion that is an object and ignores some labels."""
    ignored = criterion.arg(1, "ignore_index")
    name = loaders.short(criterion)
    if criterion.made is None or CRITERIA.get(name) not in CROSS_ENTROPIES or ignored in (None, Const(None)):
        return None
    scoring = Scoring(
        "cross_entropy",
        "mean",
        "token",
        ignore_index=ignored,
        place=place,
        site=losses.site(machine, node),
        owner="call",
    )
    return Quantity(NATS_PER_TOKEN, scoring=scoring, trace=(criterion.made, place))


def _of_function(machine: Machine, node: ast.AST, criterion: Func, loop: Loop) -> Quantity | None:
    """Return the loss of a function that ignores some labels and takes their mean: what it makes of scores and labels."""
    from lintloss.facts import calls, forwards

    key = machine.key(node, "output")
    given: list[Value] = [Opaque((*key, name), name) for name in ("y_pred", "y")]
    with machine.in_loop(loop), forwards.by_framework(machine):
        made = calls.call(machine, node, criterion, given, {})
    if not isinstance(made, Quantity) or made.axes or not made.trace or made.scoring is None:
        return None
    scoring = made.scoring
    ignores = scoring.is_cross_entropy and scoring.ignore_index not in (None, Const(None))
    plain = not (scoring.extra or scoring.scaled or scoring.masked or made.loops)
    if not ignores or not plain or scoring.reduction != "mean" or not made.unit.is_intensive:
        return None
    return replace(made, unit=NATS_PER_TOKEN, scoring=replace(scoring, item="token"))


def _scores_tokens(machine: Machine, node: ast.AST, criterion: Value | None) -> bool:
    """Say whether what a metric scores are the tokens of texts: by the words of the file, or because its rows are filled
    up and the classes of each position are moved to where a criterion wants them.
    """
    module = machine.frame.module
    if (told := phases.task(machine.frame)) in {"lm", "seq2seq", "mlm"}:
        return True
    code = machine.text(criterion.node) if isinstance(criterion, Func) else ""
    return (
        told == "unknown"
        and FILLS.search(module.code) is not None
        and MOVES.search(code + machine.text(node)) is not None
    )


def combined(machine: Machine, node: ast.AST, args: list[Value]) -> None:
    """Run what `MetricsLambda(average_over_ranks, loss, options)` makes of the means that metrics have come to."""
    from lintloss.facts import calls, forwards

    held = [machine.get(each.key, MEAN) if isinstance(each, LibObject) else None for each in args[1:]]
    if not any(held):
        return
    given = [slot.value if slot is not None else each for slot, each in zip(held, args[1:], strict=True)]
    with forwards.by_framework(machine):
        made = calls.call(machine, node, args[0], given, {})
    machine.put(machine.key(node, "MetricsLambda"), MEAN, made)


def attached(machine: Machine, node: ast.Call, metric: LibObject, args: list[Value]) -> None:
    """Record what `RunningAverage(output_transform=f).attach(Engine(step), name)` averages: what each batch's step returns."""
    from lintloss.facts import calls, forwards

    engine = args[0] if args else None
    step = engine.arg(0, "process_function") if isinstance(engine, LibObject) else None
    if not isinstance(step, Func) or loaders.short(metric) not in AVERAGES:
        return
    loop = meters.framework_loop(machine, node)
    key = machine.key(node, "step")
    with machine.in_loop(loop), forwards.by_framework(machine):
        made = calls.call(
            machine, node, step, [Opaque((*key, "engine"), "engine"), Opaque((*key, "batch"), "batch")], {}
        )
        transform = metric.arg(-1, "output_transform")
        if isinstance(transform, Func):
            made = calls.call(machine, node, transform, [made], {})
    for value in options(made):
        if isinstance(value, Quantity) and (value.is_loss or value.is_perplexity) and not value.axes:
            meters.over(machine, node, value, (loop,), Quantity(count("batch"), of=loop.key), "framework")
