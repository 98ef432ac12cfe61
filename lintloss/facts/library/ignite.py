"""Ignite's metrics: Loss weights a batch's mean by its rows, RunningAverage and Average by nothing, MetricsLambda goes on."""

from __future__ import annotations

import ast

from lintloss.facts.library import loaders, losses, meters
from lintloss.facts.library.tables import CRITERIA, CROSS_ENTROPIES
from lintloss.facts.machine import Machine
from lintloss.facts.units import NATS_PER_TOKEN, count
from lintloss.facts.values import Const, Func, LibObject, Opaque, Quantity, Scoring, Value, options

AVERAGES = frozenset({"RunningAverage", "Average"})
MEAN = "mean"  # of a metric, the value that it comes to
Kwargs = dict[str, Value]


def note(machine: Machine, node: ast.AST, full: str, args: list[Value], kwargs: Kwargs) -> None:
    """Record what `Loss(nn.CrossEntropyLoss(ignore_index=-100))` averages: ignored labels count as rows."""
    from lintloss.facts.phases import task

    if not full.startswith("ignite.") or task(machine.frame) not in {"lm", "seq2seq", "mlm"}:
        return
    criterion = args[0] if args else kwargs.get("loss_fn")
    if not isinstance(criterion, LibObject) or criterion.made is None:
        return
    ignored = criterion.arg(1, "ignore_index")
    if CRITERIA.get(criterion.name.rsplit(".", 1)[-1]) not in CROSS_ENTROPIES or ignored in (None, Const(None)):
        return
    place = machine.evidence(
        node, "Loss multiplies a batch's mean by its rows, ignored ones included, and averages that"
    )
    loop = meters.framework_loop(machine, node)
    if criterion.made not in loop.unequal:
        loop.unequal.append(criterion.made)
    scoring = Scoring(
        "cross_entropy",
        "mean",
        "token",
        ignore_index=ignored,
        place=place,
        site=losses.site(machine, node),
        owner="call",
    )
    loss = Quantity(NATS_PER_TOKEN, scoring=scoring, trace=(criterion.made, place))
    mean = meters.over(machine, node, loss, (loop,), Quantity(count("example"), of=loop.key), "framework")
    machine.put(machine.key(node, "Loss"), MEAN, mean)


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
