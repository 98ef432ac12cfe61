"""Ignite's Loss metric: it averages the criterion's batch means, each with the weight of the rows it was given."""

from __future__ import annotations

import ast

from lintloss.facts.library import losses, meters
from lintloss.facts.library.tables import CRITERIA, CROSS_ENTROPIES
from lintloss.facts.machine import Machine
from lintloss.facts.units import NATS_PER_TOKEN, count
from lintloss.facts.values import Const, LibObject, Quantity, Scoring, Value

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
    meters.over(machine, node, loss, (loop,), Quantity(count("example"), of=loop.key), "framework")
