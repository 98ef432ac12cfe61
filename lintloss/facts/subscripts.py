"""owner[index]: items of lists, dicts and tuples from the heap, windows of tensors, fields of what a model returned."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import registries
from lintloss.facts.expressions import evaluate
from lintloss.facts.library import indexed, losses, objects, outputs, records, shapes, windows
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.survey import walk
from lintloss.facts.values import (
    UNKNOWN,
    Const,
    LibObject,
    ModelOutput,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    Window,
    join_all,
    options,
)
from lintloss.patterns import regex

FIELD = regex(r"^[A-Z][A-Z0-9_]*$|(^|_)(key|field|col|column|name)s?$")  # attributes that name an entry of a batch
SPLIT = regex(r"^(train|valid|validation|val|test|dev|eval)(ation|ing)?(_\w+)?$")
LOSS_DICT = regex(r"^(\w+_)?loss(es)?_dict$|^losses_reduced$|^reduced_losses$", re.IGNORECASE)


def subscript_key(machine: Machine, index: ast.expr, owner: Value = UNKNOWN) -> str:
    """Return the heap field that an index names: constants by value, the rest is "elem".

    Of a batch, `batch[f"{side}_labels"]` and `batch[f"{side}_mask"]` are two entries, whichever side it is, and so are
    `batch[self.SEQUENCE]` and `batch[self.label_key]`.
    """
    if isinstance(index, ast.Constant) and isinstance(index.value, str | int):
        return str(index.value)
    if isinstance(index, ast.JoinedStr) and isinstance(owner, Opaque):
        return machine.text(index)[2:-1]
    value = evaluate(machine, index)
    if isinstance(value, Const) and isinstance(value.value, str | int) and not isinstance(value.value, bool):
        return str(value.value)
    if isinstance(owner, Opaque) and owner.key and isinstance(index, ast.Attribute) and FIELD.search(index.attr):
        return machine.text(index)
    return "elem"


def _keys(machine: Machine, index: ast.expr) -> list[str]:
    """Return the keys that an index may be, where it is one of several that are known: those of a loop over splits."""
    value = evaluate(machine, index) if isinstance(index, ast.Name) else UNKNOWN
    keys = [each.value for each in options(value) if isinstance(each, Const) and isinstance(each.value, str)]
    return keys if len(keys) == len(options(value)) else []


def item(machine: Machine, owner: Value, node: ast.Subscript) -> Value:
    """Return owner[index]."""
    if isinstance(owner, Ref) and owner.kind != "instance":
        if isinstance(node.slice, ast.Slice) and not _holds_ids(machine, owner):
            return _stretch(machine, owner, node.slice)
        if indexed.is_tensor_index(node.slice):  # a list that was made a tensor
            return indexed.index(machine, Tensor("", Window(owner.id), None, owner.id), node)
        if owner.kind in {"tensor", "list"} and _takes_several(machine, node.slice):
            return owner
        name = subscript_key(machine, node.slice)
        if owner.kind == "list" and (SPLIT.match(name) or (name == "elem" and _names_split(machine, node))):
            return owner  # rows that map() made, of all splits alike
        return join_all(_heap_item(machine, owner, each) for each in _keys(machine, node.slice) or [name])
    if isinstance(owner, LibObject) and owner.name == "builtins.range" and isinstance(node.slice, ast.Slice):
        return owner
    owner = records.as_tuple(machine, owner) or owner
    if isinstance(owner, Tuple):
        return _tuple_item(machine, owner, node)
    if isinstance(owner, ModelOutput) and _is_front(node.slice):
        return outputs.front(machine, owner, node)
    if isinstance(owner, ModelOutput) and _is_loss_of_dict(node, subscript_key(machine, node.slice)):
        return losses.presumed(machine, node, said="an entry of a dict of losses, taken for a mean loss by its name")
    if isinstance(owner, ModelOutput):
        return outputs.subscript(machine, owner, subscript_key(machine, node.slice), node)
    if isinstance(owner, Quantity):
        return indexed.index_quantity(machine, owner, node)
    if isinstance(owner, Opaque) and windows.IDS_NAME.search(owner.name) and _is_of_tensor(node.slice):
        return indexed.index(machine, owner, node)
    if isinstance(owner, Opaque) and owner.name == ".shape":
        index = evaluate(machine, node.slice) if not isinstance(node.slice, ast.Slice) else UNKNOWN
        number = index.value if isinstance(index, Const) else None
        return shapes.dimension(machine, owner, number) if isinstance(number, int) else UNKNOWN
    if indexed.is_tensor_index(node.slice):
        return indexed.index(machine, owner, node)
    if isinstance(owner, Ref):
        return _by_own_method(machine, owner, node) or Opaque((*owner.id, "[]"))
    key = getattr(owner, "key", ())
    if key:
        name = subscript_key(machine, node.slice, owner)
        slot = machine.get(key, name)
        if slot is not None:
            return slot.value
        if _is_loss_of_dict(node, name):
            return losses.presumed(
                machine, node, said="an entry of a dict of losses, taken for a mean loss by its name"
            )
        if name == "mean_perplexity" and "evaluate" in machine.frame.module.code:
            return objects.mean_perplexity(machine, node)
        if name == "perplexities" and objects.PERPLEXITIES.search(machine.frame.module.code):
            return objects.perplexities(machine, node)
        if isinstance(owner, Opaque) and machine.loops and (told := records.told(machine, name)) is not None:
            return told
        if isinstance(owner, Opaque | LibObject):
            return Opaque((*key, name), name if name != "elem" and not name.isdigit() else "")
    if isinstance(owner, Tensor):
        return indexed.index(machine, owner, node)
    evaluate(machine, node.slice)
    return machine.opaque(node)


def _takes_several(machine: Machine, index: ast.expr) -> bool:
    """Say whether an index takes several entries of a vector: `values[values < limit]`, `values[np.argsort(values)[:k]]`."""
    if isinstance(index, ast.Compare) or indexed.is_called_mask(index):
        return True
    value = evaluate(machine, index)
    if isinstance(value, Opaque):
        return value.key in machine.vectors
    window = value.window if isinstance(value, Tensor) else None
    return window is not None and window.source in machine.vectors and "at" not in window.marks


def _names_split(machine: Machine, node: ast.Subscript) -> bool:
    """Say whether a key that is not known stands beside one that names a split: `sets[args.subset]`, `sets["train"]`."""
    if not isinstance(node.slice, ast.Attribute | ast.Name):
        return False
    owner = ast.unparse(node.value)
    others = (each for each in walk(machine.frame.node) if isinstance(each, ast.Subscript) and each is not node)
    keys = (each.slice for each in others if isinstance(each.slice, ast.Constant) and ast.unparse(each.value) == owner)
    return any(isinstance(each.value, str) and SPLIT.match(each.value) for each in keys)


def _is_front(index: ast.expr) -> bool:
    if not isinstance(index, ast.Slice) or index.step is not None:
        return False
    return index.lower is None or (isinstance(index.lower, ast.Constant) and index.lower.value == 0)


def _is_of_tensor(index: ast.expr) -> bool:
    return indexed.is_row(index) or indexed.is_called_mask(index)


def _by_own_method(machine: Machine, owner: Ref, node: ast.Subscript) -> Value | None:
    """Return what `__getitem__` of the project's class finds of numbers; rows of a data set are read by its loader."""
    from lintloss.facts import calls, classes

    getter = classes.method(machine, owner, "__getitem__")
    if getter is None or isinstance(node.slice, ast.Slice | ast.Tuple):
        return None
    found = calls.call(machine, node, getter, [evaluate(machine, node.slice)], {})
    return found if any(isinstance(option, Quantity | Const) for option in options(found)) else None


def _stretch(machine: Machine, owner: Ref, index: ast.Slice) -> Ref:
    """Return a stretch of a list: it holds what the list holds, and is not another stretch of it."""
    bounds = machine.text(index)
    if owner.kind != "list" or bounds == ":":
        return owner
    part = replace(owner, id=(*owner.id, f"[{bounds}]"))
    for name, slot in machine.fields(owner).items():
        machine.put(part, name, slot.value, slot.depth)
    loops = machine.list_loops.get(owner.id)
    if loops is not None:
        machine.list_loops[part.id] = loops
    return part


def _is_loss_of_dict(node: ast.Subscript, name: str) -> bool:
    """Say whether `loss_dict[key]` is read under a key that a loop gives."""
    return name == "elem" and isinstance(node.value, ast.Name) and LOSS_DICT.match(node.value.id) is not None


def _holds_ids(machine: Machine, owner: Ref) -> bool:
    """Say whether a list may be one of token ids, whose slices are windows."""
    slot = machine.get(owner, "elem")
    return (
        owner.kind == "list"
        and slot is not None
        and all(isinstance(option, Opaque | Const) or _is_entry(option) for option in options(slot.value))
    )


def _is_entry(value: Value) -> bool:
    """Say whether a number is an id that a vocabulary gave out: `vocab[word] = len(vocab)`, or an index of its words."""
    return isinstance(value, Quantity) and value.is_count


def _heap_item(machine: Machine, owner: Ref, name: str) -> Value:
    if owner.id in machine.filed and name not in registries.names(machine, owner):
        return registries.only(machine, owner) or Opaque((*owner.id, name))
    slot = machine.get(owner, name)
    if slot is None and machine.get(owner, "@made") is not None:
        filled = None if _is_fed(machine.frame.statement) else machine.get(owner, "elem")
        if filled is None and name == "elem" and not _is_fed(machine.frame.statement):
            held = machine.elem(owner)  # a key of which nothing is known: what any key holds
            filled = Slot(held, machine.depth) if held != UNKNOWN else None
        slot = filled or _made(machine, owner, name)  # what a loop over keys filled, else a new one
    if slot is None and name != "elem":
        slot = machine.get(owner, "elem")
        if slot is not None and owner.kind == "dict":
            return join_all(_by_its_key(owner, name, each) for each in options(slot.value))
    if slot is not None:
        return slot.value
    if name == "elem":
        value = machine.elem(owner)
        if value != UNKNOWN:
            return value
    return Opaque((*owner.id, name), name if name != "elem" and not name.isdigit() else "")


def _by_its_key(owner: Ref, name: str, value: Value) -> Value:
    """Return what a dict of many keys holds under one: each value is known by its own, also where all were cut alike."""
    if isinstance(value, Opaque):
        return Opaque((*owner.id, name), name)
    source = value.window.source if isinstance(value, Tensor) and value.window is not None else ()
    is_any = source[-1:] == ("elem",) or source[-2:] == ("[]", 1)  # one of `mapping.items()`
    if not isinstance(value, Tensor) or value.window is None or not is_any:
        return value
    window = replace(value.window, source=(*source, name))
    return replace(value, window=window, key=(*value.key, name), name=name)


def _is_fed(statement: ast.stmt | None) -> bool:
    """Say whether a statement feeds an item, `meters["accuracy"].update(x, n)`: one key's meter is not another's."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not (call.args or call.keywords) or not isinstance(call.func, ast.Attribute):
        return False
    return isinstance(call.func.value, ast.Subscript)


def _made(machine: Machine, owner: Ref, name: str) -> Slot | None:
    """Return what a defaultdict makes for a key that it does not hold yet: a copy of what its factory made."""
    made = machine.get(owner, "@made")
    if made is None:
        return None
    value = made.value
    if isinstance(value, Ref):
        copy = replace(value, id=(*owner.id, "made", name))
        for field, slot in machine.fields(value).items():
            machine.put(copy, field, slot.value, slot.depth)
        value = copy
    machine.put(owner, name, value, made.depth)
    return Slot(value, made.depth)


def _tuple_item(machine: Machine, owner: Tuple, node: ast.Subscript) -> Value:
    if isinstance(node.slice, ast.Slice):
        return Tuple(owner.items[_bound(node.slice.lower) : _bound(node.slice.upper)])
    index = evaluate(machine, node.slice)
    if (
        isinstance(index, Const)
        and isinstance(index.value, int)
        and -len(owner.items) <= index.value < len(owner.items)
    ):
        return owner.items[index.value]
    losses_only = owner.items and all(isinstance(each, Quantity) for each in owner.items)
    return join_all(owner.items) if losses_only or len(owner.items) == 1 else UNKNOWN


def _bound(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int) else None
    return None
