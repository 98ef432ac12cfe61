"""len(): what is counted depends on what a list was filled by, and on what a name says."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from lintloss.facts import collecting, counts, iterate, iterated
from lintloss.facts.iterated import BATCHES, EXAMPLES
from lintloss.facts.library import growing, loaders, losses, shapes
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.units import Unit, count
from lintloss.facts.values import REST, Const, Key, LibObject, Opaque, Quantity, Ref, Tensor, Tuple, Value, options


def length_of(machine: Machine, value: Value, node: ast.AST) -> Value:
    """Return len(value) as a count of what it holds."""
    if isinstance(value, Tuple):
        if any(isinstance(each, Opaque) and each.name == REST for each in value.items):  # `[bos] + ids`
            return Opaque((*_rest_of(value), "len"))
        if _is_batch(machine, node):
            said = machine.evidence(node, "len() of what is taken apart into its tensors counts those")
            return Quantity(Unit.of(key=1), counted=value, trace=(said,))
        return Const(len(value.items))
    if isinstance(value, Quantity) and value.axes[:1] == ("rank",):
        return Quantity(count("rank"))
    if isinstance(value, Quantity) and value.axes == ("row",) and (value.is_loss or value.is_count):
        return losses.rows(value)
    if isinstance(value, Ref) and value.kind == "dict":
        value = entered if (entered := collecting.entered(value.id)).id in machine.list_loops else value
    if isinstance(value, Ref) and (together := growing.rows_of_all(machine, value)) is not None:
        return together
    if isinstance(value, Ref) and (value.kind == "list" or value.id in machine.list_loops):
        loops = machine.list_loops.get(value.id, ())
        slot = machine.get(value, "len")
        if loops and any(_is_of_rows(each) for each in options(machine.elem(value))):
            return Quantity(count("example"), of=loops[-1].key, loops=loops, counted=value)
        field = next((each for each in options(machine.elem(value)) if _is_field(each)), None)
        if loops and machine.get(value, "@extended") is not None and isinstance(field, Quantity):
            scored = field.scoring.target if field.scoring is not None else None
            return Quantity(count("position"), of=loops[-1].key, loops=loops, counted=scored)
        elem = machine.elem(value)
        measured = any(isinstance(each, Quantity) and each.unit.content for each in options(elem))
        if (
            loops
            and not measured
            and slot is not None
            and 0 < slot.depth <= machine.depth
            and loops[-1] not in machine.loops
        ):
            return Quantity(count("example"), of=loops[-1].key, counted=value)  # rows put together for one batch
        if loops and not measured and machine.get(value, "@extended") is not None:  # more than one each time
            rows = not any(isinstance(each, Tensor) and "position" in (each.axes or ()) for each in options(elem))
            return Quantity(count("example" if rows else "position"), of=loops[-1].key, loops=loops, counted=value)
        if loops and machine.get(value, "@extended") is not None and any(_is_single(each) for each in options(elem)):
            return machine.opaque(node)  # the losses of single tokens: nobody counted how many
        if loops:
            unit = loops[-1].unit if measured else _unit_of(machine, loops[-1], node)
            return Quantity(count(unit), of=loops[-1].key, loops=loops, counted=value)
        slot = machine.get(value, "len")
        return (
            slot.value
            if slot and not (isinstance(slot.value, Const) and slot.value.value == 0)
            else machine.opaque(node)
        )
    if isinstance(value, LibObject):
        return loaders.length(value)
    if isinstance(value, Tensor):
        if value.window is not None and value.window.source[-1:] == ("[]",) and counts.less_first(value):
            return Quantity(count("token"), of=value.key, counted=value)
        return shapes.dimension(machine, value, 0)
    return _named_length(machine, value, node)


def _rest_of(value: Tuple) -> Key:
    """Return the identity of what a tuple holds behind the items that are known."""
    return next((each.key for each in value.items if isinstance(each, Opaque) and each.name == REST), ())


def _is_batch(machine: Machine, node: ast.AST) -> bool:
    """Say whether a name is that of what a loop over batches yields."""
    loop = machine.loops[-1] if machine.loops else None
    target = loop.statement.target if loop is not None and isinstance(loop.statement, ast.For) else None
    is_target = isinstance(node, ast.Name) and isinstance(target, ast.Name) and node.id == target.id
    return is_target and loop is not None and loop.unit == "batch"


def _unit_of(machine: Machine, filled: Loop, node: ast.AST) -> str:
    """Return what one item of a list is: what the loop that filled it goes over, else what the list is called.

    A loop over the list goes by the same name, so that its passes and its length are in one unit.
    """
    return iterated.named_unit(machine.text(node)) if filled.unit == "step" else filled.unit


def _is_of_rows(value: Value) -> bool:
    return isinstance(value, Quantity) and ("row" in value.axes or "example" in value.axes)


def _is_field(value: Value) -> bool:
    """Say whether a list that was extended by this holds the losses of single positions."""
    return isinstance(value, Quantity) and value.is_loss and bool(value.axes) and "rank" not in value.axes


def _is_single(value: Value) -> bool:
    return isinstance(value, Quantity) and not value.axes and value.is_loss and not value.unit.is_intensive


def _named_length(machine: Machine, value: Value, node: ast.AST) -> Value:

    if _is_mapping(machine, value, node):
        return Quantity(
            Unit.of(key=1), counted=value, trace=(machine.evidence(node, "len() of a mapping counts its keys"),)
        )
    if _is_tuple(machine, value, node):
        said = machine.evidence(node, "len() of what is taken apart into its tensors counts those")
        return Quantity(Unit.of(key=1), counted=value, trace=(said,))
    name = (
        value.name if isinstance(value, Opaque) else node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)
    )
    key: Key = value.key if isinstance(value, Opaque) else value.id if isinstance(value, Ref) else ()
    if BATCHES.search(name):
        return Quantity(count("batch"), of=key, counted=value)
    if EXAMPLES.search(name):
        return Quantity(count("example"), of=key, counted=value)
    if iterate.BATCH_NAMES.match(name) and not _is_indexed(machine, node):
        return Quantity(count("example"), of=(*key, 0), counted=value)
    if _is_part_of_batch(machine, node):
        return Quantity(count("example"), of=(*key, 0), counted=value)
    for loop in machine.loops:
        if loop.unit == "batch" and loop.source and _is_part(key, loop.source):
            return Quantity(count("example"), of=(*key, 0), counted=value)
        if loop.source and loop.source == key:
            return Quantity(count(loop.unit), of=key, counted=value)
    return Opaque((*key, "len"), "") if key else machine.opaque(node)


def _is_part_of_batch(machine: Machine, node: ast.AST) -> bool:
    """Say whether `batch["input_ids"]` or `batch[0]` is one of the tensors of a batch: as long as the batch has rows."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Name):
        return False
    if not iterate.BATCH_NAMES.match(node.value.id) or not isinstance(node.slice, ast.Constant):
        return False
    if isinstance(node.slice.value, str):
        return True
    return re.search(rf"\b{node.value.id}\[[1-9]", machine.text(machine.frame.node)) is not None


def _is_mapping(machine: Machine, value: Value, node: ast.AST) -> bool:
    """Say whether a value is a dict: made as one, or handed to a call as `**value` in the running function."""
    if isinstance(value, Ref):
        return value.kind == "dict"
    if not isinstance(value, Opaque) or not isinstance(node, ast.Name):
        return False
    return node.id in _spread_names(machine.frame.node)


@lru_cache(maxsize=256)
def _spread_names(function: ast.AST) -> frozenset[str]:
    """Return the names that a function hands on as `**name` or indexes by a string."""
    names = set()
    for each in ast.walk(function):
        if isinstance(each, ast.Call):
            names |= {word.value.id for word in each.keywords if word.arg is None and isinstance(word.value, ast.Name)}
        elif (
            isinstance(each, ast.Subscript)
            and isinstance(each.value, ast.Name)
            and isinstance(each.slice, ast.Constant)
        ):
            if isinstance(each.slice.value, str):
                names.add(each.value.id)
    return frozenset(names)


def _is_part(key: Key, source: Key) -> bool:
    """Say whether a value is one of the tensors that a loop over batches takes each of them apart into."""
    return key[:-1] == (*source, "[]") and (isinstance(key[-1], int) or str(key[-1]).isdigit())


def _is_tuple(machine: Machine, value: Value, node: ast.AST) -> bool:
    """Say whether a batch is taken apart, `x, y = batch`; those of torchtext count their rows all the same."""
    if not isinstance(value, Opaque) or not isinstance(node, ast.Name) or not iterate.BATCH_NAMES.match(node.id):
        return False
    assigned = (each for each in walk(machine.frame.node) if isinstance(each, ast.Assign))
    apart = any(
        isinstance(each.value, ast.Name)
        and each.value.id == node.id
        and isinstance(each.targets[0], ast.Tuple)
        and not any(isinstance(part, ast.Starred) for part in each.targets[0].elts)
        for each in assigned
    )
    return apart and "torchtext" not in machine.frame.module.code


def _is_indexed(machine: Machine, node: ast.AST) -> bool:
    """Say whether a name is unpacked or indexed by number in the running function: its len() is the number of parts."""
    if not isinstance(node, ast.Name):
        return True
    return node.id in _unpacked_names(machine.frame.node)


@lru_cache(maxsize=256)
def _unpacked_names(function: ast.AST) -> frozenset[str]:
    names = set()
    for each in ast.walk(function):
        if (
            isinstance(each, ast.Assign) and isinstance(each.value, ast.Name) and isinstance(each.targets[0], ast.Tuple)
        ) or (
            isinstance(each, ast.Subscript)
            and isinstance(each.value, ast.Name)
            and isinstance(each.slice, ast.Constant)
        ):
            names.add(each.value.id)
    return frozenset(names)
