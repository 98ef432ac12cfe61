"""In order: loaders that give the rows of a data set one after the other, from the first to the last, each time."""

from __future__ import annotations

import ast

from lintloss.facts import kept_back, keywords, shuffled
from lintloss.facts.cuts import ENDLESS
from lintloss.facts.library.loaders import OF_ROWS
from lintloss.facts.machine import Machine
from lintloss.facts.provenance import Made, Spot, Tracer, constant
from lintloss.facts.survey import called_name

KEPT = {"SequentialSampler", "DistributedEvalSampler", "OrderedDistributedSampler"}


def is_loader(machine: Machine, source: Spot) -> bool:
    """Say whether all that a loop may run over, the training data left out, are loaders that do not shuffle."""
    if "streaming=True" in source.module.code or ENDLESS.search(ast.unparse(source.node)):
        return False
    tracer = Tracer(machine)
    made = [each for world in tracer.worlds(source) for each in world]
    return bool(made) and all(each is not None and _keeps_order(tracer, each) for each in made)


def _keeps_order(tracer: Tracer, made: Made) -> bool:
    call, spot = made.spot.node, made.spot
    if made.target is not None or not isinstance(call, ast.Call) or keywords.name_of(spot, call) not in OF_ROWS:
        return False
    if any(word.arg is None for word in call.keywords) or "streaming=True" in spot.module.code:
        return False
    given = keywords.of(spot, call)
    told = given.get("shuffle") or (call.args[2] if len(call.args) > 2 else None)
    if told is not None and constant(tracer, spot.at(told)) is not False:
        return False
    rows = given.get("dataset") or (call.args[0] if call.args else None)
    if rows is None or kept_back.is_random(tracer, spot.at(rows)) or "batch_sampler" in given:
        return False
    if shuffled.are(tracer, spot.at(rows)):
        return False
    sampler = given.get("sampler")
    return sampler is None or _is_plain(tracer, spot.at(sampler))


def _is_plain(tracer: Tracer, sampler: Spot) -> bool:
    """Say whether a sampler is None, or takes the rows in their order."""
    if isinstance(sampler.node, ast.Constant):
        return sampler.node.value is None
    made = [each for world in tracer.worlds(sampler) for each in world]
    return bool(made) and all(each is not None and _takes_all(tracer, each) for each in made)


def _takes_all(tracer: Tracer, made: Made) -> bool:
    call = made.spot.node
    if not isinstance(call, ast.Call) or made.target is not None:
        return False
    if called_name(call.func) == "DistributedSampler":
        told = keywords.of(made.spot, call).get("shuffle")
        return told is not None and constant(tracer, made.spot.at(told)) is False
    return called_name(call.func) in KEPT
