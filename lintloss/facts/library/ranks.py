"""Calls that reduce or gather over ranks: torch.distributed, accelerate, Lightning, Horovod, XLA, JAX, Megatron."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from lintloss.facts import arithmetic, distributed, quotients, vectors
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import UNKNOWN, Choice, Const, Func, Lib, Quantity, Ref, Tuple, Value, join, options
from lintloss.patterns import regex

Kwargs = dict[str, Value]

# Function or method -> what it does when no argument says so. Methods named `reduce` are accelerate's and Lightning's.
REDUCTIONS = {
    "all_reduce": "sum",
    "all_reduce_": "sum",
    "allreduce": "sum",
    "reduce": "sum",
    "psum": "sum",
    "pmean": "avg",
    "mesh_reduce": "sum",
}
AXES_NAMED = frozenset({"psum", "pmean"})  # of JAX, which return what they reduce; the second argument names an axis
OPERATIONS = ("op", "reduction", "reduce_op", "reduce_type", "reduceOp", "reduce_fn")
# Helpers that are not in the checked tree, by their names: timm's, apex's, Megatron's, DeepSpeed-Chat's, torchtitan's.
MEANS = regex(
    r"^(get_)?(all_?)?reduced?_?(mean|avg|average|tensor|value|loss|losses)(_\w+)?$|^(mean|avg|average)_(all_?)?reduced?$|"
    r"^(average|avg|mean)_(loss|losses|value|tensor)?e?s?_?across_\w+$|^(dist|distributed)_(mean|avg|average)$|^pmean$"
)
OF_LOSSES = regex(r"^(average|avg|mean)_losses_across_\w+$")  # Megatron's: a list of losses, whatever they are called
# Libraries whose reduce_mean() is over an array.
ARRAYS = ("tensorflow", "tf.", "mesh_tensorflow", "mindspore", "keras", "numpy", "jax.numpy")
GATHERED = frozenset({"all_gather", "all_gather_object", "all_gather_into_tensor", "_all_gather_base"})
BROADCASTS = frozenset({"broadcast", "broadcast_", "broadcast_object_list", "broadcast_object", "broadcast_data"})
GROUPS = ("group", "process_group", "process_set")
FILLED = (
    "tensor_list",
    "object_list",
    "output_tensor",
    "output",
    "tensor",
    "input",
)  # what is written into, by keyword
SOURCES = ("tensor", "input_tensor", "input", "obj")
SIZES = frozenset(
    {
        "get_world_size",
        "get_data_parallel_world_size",
        "xrt_world_size",
        "device_count",
        "get_context_parallel_world_size",
        "global_device_count",
    }
)
OWNERS = regex(
    r"accelerator|fabric|strategy|trainer|plugin|engine|training_type|booster|comm|dist|group|hvd|^xm$|lax|self$",
    re.IGNORECASE,
)

EPOCH_END = regex(r"epoch_end$")  # in the steps Lightning reduces the rows as well, and divides by them
SUMMING_OWNERS = regex(r"accelerator|(^|\.)dist(ributed)?\b|comm|mpi|lax|xla|^xm$", re.IGNORECASE)
AVERAGING_OWNERS = regex(r"horovod|^hvd$|fabric|strategy|training_type_plugin", re.IGNORECASE)


def call(
    machine: Machine, node: ast.AST, name: str, full: str, args: list[Value], kwargs: Kwargs, *, owner: str = ""
) -> Value | None:
    """Call a reduction by its name; None where it is none.

    Args:
        full: the dotted name of a library function, "" for methods and helpers that are not known.
        owner: the name of a method's receiver.
    """
    if name in SIZES or (name == "size" and "horovod" in full):
        return distributed.RANKS
    first = args[0] if args else kwargs.get("tensor", kwargs.get("input", UNKNOWN))
    source = args[1] if len(args) > 1 else next((kwargs[key] for key in SOURCES if key in kwargs), None)
    if (
        name in GATHERED
        and source is not None
        and (len(args) > 1 or {"tensor_list", "object_list", "output_tensor"} & set(kwargs))
    ):
        return _gather_into(machine, node, source, apart=name == "all_gather_object")
    if name == "mesh_reduce" and len(args) >= 3:
        return _mesh_reduced(machine, node, args[1], args[2])
    if (
        name == "log"
        and len(args) > 1
        and kwargs.get("sync_dist") == Const(True)
        and EPOCH_END.search(machine.frame.name)
    ):
        return distributed.all_reduce(machine, node, args[1], "avg")
    if name in BROADCASTS and _is_to_all(args, kwargs):
        return _broadcast(machine, node, first)
    first = arithmetic.unboxed(machine, first)
    if not _holds_loss(machine, first):
        return _of_losses(machine, node) if OF_LOSSES.match(name) and isinstance(first, Ref | Tuple) else None
    if name == "pmean" and _is_sharded_evenly(machine, first):
        return first
    if isinstance(first, Ref):
        if name not in REDUCTIONS and (not MEANS.match(name) or full.startswith(ARRAYS)):
            return None

        def reduce(one: Value) -> Value:
            return call(machine, node, name, full, [one, *args[1:]], kwargs, owner=owner) or one

        return _of_each(machine, node, first, reduce)
    if name in REDUCTIONS and (full or name != "reduce" or OWNERS.search(owner)):
        return _reduced(machine, node, name, full or owner, first, args, kwargs)
    if name == "sum_loss" and full.startswith(("bmtrain", "bmt.")):  # BMTrain divides its sum by the ranks
        return distributed.all_reduce(machine, node, first, "avg")
    if MEANS.match(name) and not full.startswith(ARRAYS):
        return distributed.all_reduce(machine, node, _presumed(first), "avg")
    return None


def _is_to_all(args: list[Value], kwargs: Kwargs) -> bool:
    """Say whether a broadcast reaches every rank: one inside a group leaves the groups with values of their own."""
    given = next((kwargs[name] for name in GROUPS if name in kwargs), args[2] if len(args) > 2 else Const(None))
    return given == Const(None) or (isinstance(given, Lib) and given.name.endswith(".WORLD"))


def _broadcast(machine: Machine, node: ast.AST, first: Value) -> Value | None:
    """Return what one rank sends to all: a number that is the same on each of them, however it is averaged then."""
    held = arithmetic.unboxed(machine, first)
    if not _holds_loss(machine, held):
        return None
    if isinstance(held, Ref):
        sent: Value = vectors.each(machine, node, held, distributed.everywhere)
    elif isinstance(held, Tuple):
        sent = Tuple(tuple(distributed.everywhere(item) for item in held.items))
    else:
        sent = distributed.everywhere(held)
    if _is_result_dropped(machine, node):
        write_back(machine, node, sent)
    return sent


def _of_losses(machine: Machine, node: ast.AST) -> Value:
    """Return the list of losses, averaged over ranks, that a helper returns whose name says what it is given."""
    from lintloss.facts.library import losses

    loss = losses.presumed(machine, node, said="taken for a mean loss by the name of what averages it")
    return machine.new_list(node, distributed.all_reduce(machine, node, loss, "avg"))


def _mesh_reduced(machine: Machine, node: ast.AST, value: Value, how: Value) -> Value:
    """Return what `mesh_reduce(tag, x, f)` makes: f of the list of what every rank has sent."""
    from lintloss.facts import calls

    if isinstance(how, Func):
        return calls.call(machine, node, how, [distributed.list_over_ranks(machine, node, value)], {})
    return distributed.all_reduce(machine, node, value, "avg" if "mean" in str(how) else "sum")


def _is_sharded_evenly(machine: Machine, value: Value) -> bool:
    """Say whether JAX's pmean() is over devices of one batch of which nothing is masked: each has as much of it."""
    scoring = value.scoring if isinstance(value, Quantity) else None
    if scoring is None or scoring.masked or scoring.counted is not None:
        return False
    if scoring.presumed:  # by a model out of sight, which leaves nothing out of what it is fed
        return _scores_its_input(machine.frame.node)
    return scoring.ignore_index is None


@lru_cache(maxsize=128)
def _scores_its_input(function: ast.AST) -> bool:
    """Say whether a function gives a model its very input as labels, and nothing that masks: `apply(w, x, labels=x)`."""
    for call in (each for each in walk(function) if isinstance(each, ast.Call)):
        given = {each.arg: ast.unparse(each.value) for each in call.keywords}
        others = [text for name, text in given.items() if name not in {"labels", None}]
        fed = (*(ast.unparse(each) for each in call.args), *others)
        if given.get("labels") in fed and None not in given and not any("mask" in (name or "") for name in given):
            return True
    return False


def _holds_loss(machine: Machine, value: Value) -> bool:
    if isinstance(value, Tuple):
        return any(_holds_loss(machine, item) for item in value.items)
    if isinstance(value, Ref) and value.kind != "instance":
        return any(isinstance(option, Quantity) for option in options(machine.elem(value)))
    return any(isinstance(option, Quantity) for option in options(value))


def _of_each(machine: Machine, node: ast.AST, held: Ref, reduce: Callable[[Value], Value]) -> Value:
    """Reduce each number of a tensor that holds several: losses by position, or stacked."""
    reduced = vectors.each(machine, node, held, reduce)
    if _is_result_dropped(machine, node):
        write_back(machine, node, reduced)
    return reduced


def _presumed(value: Value) -> Value:
    """Mark what only the helper's name speaks for."""
    if isinstance(value, Choice):
        return Choice(tuple(_presumed(option) for option in value.options))
    return replace(value, presumed=True) if isinstance(value, Quantity) else value


def _doubted(value: Value) -> Value:
    """Mark what a method reduces that is out of sight and not told how: by adding up, or by averaging."""
    if isinstance(value, Choice):
        return Choice(tuple(_doubted(option) for option in value.options))
    if not isinstance(value, Quantity) or not value.is_loss:
        return value
    return replace(value, weights=(*value.weights, quotients.MAYBE_OVER_RANKS))


def _reduced(
    machine: Machine, node: ast.AST, name: str, owner: str, first: Value, args: list[Value], kwargs: Kwargs
) -> Value:
    second = args[1] if len(args) > 1 and name not in AXES_NAMED else None
    given = next((kwargs[key] for key in OPERATIONS if key in kwargs), second)
    operation = distributed.operation_name(given)
    if not operation:
        averages = kwargs.get("average") == Const(True) or AVERAGING_OWNERS.search(owner)
        operation = "avg" if averages else REDUCTIONS[name]
        if not averages and not SUMMING_OWNERS.search(owner):
            first = _doubted(first)
    result = distributed.all_reduce(machine, node, first, operation)
    if name not in AXES_NAMED and (_is_result_dropped(machine, node) or "async_op" in kwargs):
        write_back(machine, node, result)
    return result


def _is_result_dropped(machine: Machine, node: ast.AST) -> bool:
    """Say whether the call is made for what it does to its argument; accelerate's and Lightning's return a new tensor."""
    statement = machine.frame.statement
    return isinstance(statement, ast.Expr) and statement.value is node


def write_back(machine: Machine, node: ast.AST, value: Value) -> None:
    """Store what an in-place function left in its first argument."""
    from lintloss.facts import places

    if not isinstance(node, ast.Call):
        return
    named = [each.value for each in node.keywords if each.arg in FILLED]
    target = node.args[0] if node.args else named[0] if named else None
    if target is not None:
        place(machine, places.plain_target(target), value)


def place(machine: Machine, target: ast.expr, value: Value) -> None:
    """Store a value under a name, an attribute or an item, at the loop depth of what was there."""
    from lintloss.facts import assign

    slot = machine.read(target.id) if isinstance(target, ast.Name) else None
    if isinstance(target, ast.Name) and slot is not None:
        machine.write(target.id, value, slot.depth)
    elif isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        assign.store(machine, target, value)


def _holds_numbers(machine: Machine, value: Tuple | Ref) -> bool:
    """Say whether a pair, list or dict that a rank sends holds losses or counts."""
    if isinstance(value, Ref) and value.kind == "instance":
        return False
    items = value.items if isinstance(value, Tuple) else options(machine.elem(value))
    return any(isinstance(option, Quantity) for item in items for option in options(item))


def _gather_into(machine: Machine, node: ast.AST, source: Value, *, apart: bool) -> Value | None:
    """all_gather(outputs, x) fills `outputs` with the ranks' values of x.

    Args:
        apart: what a rank has sent is one item of the list, whatever it holds; tensors are joined behind the call.
    """
    gathered: Value | None = None
    for option in options(arithmetic.unboxed(machine, source)):
        if isinstance(option, Quantity):
            is_count = option.unit.content is None
            each = replace(option, axes=("rank",)) if is_count else distributed.gathered(machine, node, option)
            gathered = each if gathered is None else join(gathered, each)
        elif isinstance(option, Ref) and not apart and distributed.holds_losses(machine, option):
            gathered = distributed.gathered(machine, node, option)
        elif isinstance(option, Tuple | Ref) and _holds_numbers(machine, option):
            gathered = distributed.list_over_ranks(machine, node, option)
    if gathered is not None:
        write_back(machine, node, gathered)
    return gathered
