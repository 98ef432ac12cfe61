"""fairseq's criteria: forward() hands over the sums of a batch, reduce_metrics() is given all of them and logs quotients."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts import classes, exponent, regularizers
from lintloss.facts.library import losses
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.regularizers import REDUCERS
from lintloss.facts.units import NATS, count
from lintloss.facts.values import Class, Const, Func, Key, Lib, Opaque, Quantity, Ref, Scoring, Tuple, Value
from lintloss.findings import Evidence

COUNTS = {"ntokens": "token", "nsentences": "example"}  # the framework's own entries: target tokens, rows
SMOOTHED = "LabelSmoothedCrossEntropyCriterion"


def given(machine: Machine, function: Func) -> list[Value]:
    """Return what fairseq gives reduce_metrics(): a list of what forward() said of each batch, on each worker."""
    from lintloss.facts import calls, forwards

    owner = function.owner if getattr(function.node, "name", "") in REDUCERS else None
    if owner is None or not any(each.startswith("fairseq.") for each in _bases(machine, owner)):
        return []
    made = classes.instantiate(machine, owner.node, owner, [], {})
    forward = classes.method(machine, made, "forward") if isinstance(made, Ref) else None
    if forward is None:
        return []
    key = machine.key(function.node, "forward")
    batch: list[Value] = [Opaque((*key, name), name) for name in ("model", "sample")]
    log = dict(machine.log)
    with forwards.by_framework(machine):
        returned = calls.run(machine, function.node, forward, batch, {})
    machine.log = log  # forward() is run for its own sake, too
    said = returned.items[2] if isinstance(returned, Tuple) and len(returned.items) == 3 else None
    return [_outputs(machine, function, said)] if isinstance(said, Ref) and said.kind == "dict" else []


def _bases(machine: Machine, owner: Class) -> list[str]:
    return [each.name for each in classes.bases(machine, owner) if isinstance(each, Lib)]


def _outputs(machine: Machine, function: Func, said: Ref) -> Ref:
    """Return the list of what batches were said to hold; what depends on an option is left open."""
    key = machine.key(function.node, "logging_outputs")
    entries = Ref((*key, "entry"), "dict")
    for name, slot in machine.fields(said).items():
        value = slot.value if isinstance(slot.value, Quantity | Opaque) else Opaque((*key, name), "")
        if isinstance(value, Opaque) and name in COUNTS:
            value = Quantity(count(COUNTS[name]), of=(*key, name))
        if isinstance(value, Quantity) and value.unit == count("example"):
            value = replace(value, presumed=True)  # criteria over whole rows divide by those, as they should
        machine.put(entries, name, value, 0)
    outputs = Ref(key, "list")
    machine.put(outputs, "elem", entries, 0)
    machine.put(outputs, "len", Const(0), 0)
    machine.list_loops[outputs.id] = (_loop(machine, function, key),)
    return outputs


def _loop(machine: Machine, function: Func, key: Key) -> Loop:
    span = machine.anchor(function.module).span(function.node)
    place = Evidence(function.module.path, span, "given by the framework what all batches hold")
    return machine.loop_of.setdefault((*key, "loop"), Loop((*key, "loop"), place, unit="batch"))


def computed(machine: Machine, node: ast.AST, owner: Value, name: str) -> Value | None:
    """Return `self.compute_loss(...)` of the library's smoothing criterion: the smoothed sum, and the plain one."""
    if name != "compute_loss" or not isinstance(owner, Ref) or owner.cls is None:
        return None
    if classes.method(machine, owner, name) is not None:
        return None
    if not any(each.rsplit(".", 1)[-1] == SMOOTHED for each in _bases(machine, owner.cls)):
        return None
    place = machine.evidence(node, "the criterion of fairseq smooths the labels, and gives the plain sum beside it")
    plain = Scoring("nll_loss", "sum", "token", place=place, site=losses.site(machine, node), owner="call")
    sums = [Scoring("nll_loss", "sum", "token", smoothed=True, place=place, site=plain.site, owner="call"), plain]
    return Tuple(tuple(Quantity(NATS, scoring=each, trace=(place,)) for each in sums))


def logged(machine: Machine, node: ast.AST, full: str, args: list[Value]) -> Value | None:
    """Run `metrics.log_scalar(name, value)`, `metrics.log_derived(name, function)` and `utils.get_perplexity(bits)`."""
    from lintloss.facts import calls

    if not full.startswith("fairseq."):
        return None
    name = full.rsplit(".", 1)[-1]
    if name == "get_perplexity" and args and _is_known(args[0]):
        return exponent.exponential(machine, node, args[0], "2")
    meters = Ref(("fairseq", machine.frame.module.path, "meters"), "dict")
    if name == "log_scalar" and len(args) > 1 and isinstance(args[0], Const):
        meter = Ref((*meters.id, str(args[0].value)), "instance")
        regularizers.note(machine, node, args[1])
        machine.put(meter, "avg", args[1] if _is_known(args[1]) else Opaque((*meter.id, "avg"), ""))
        machine.put(meters, str(args[0].value), meter)
        return Const(None)
    if name == "log_derived" and len(args) > 1 and isinstance(args[1], Func):
        calls.call(machine, node, args[1], [meters], {})
        return Const(None)
    return None


def _is_known(value: Value) -> bool:
    """Say whether a value is a loss that was seen to be computed; of one that a name tells the unit is a guess."""
    return isinstance(value, Quantity) and value.unit.content in {"nat", "bit"} and not value.presumed
