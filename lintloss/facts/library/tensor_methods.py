"""Method calls on tensors: `logits.view(-1, V)`, `labels.ne(pad)`, `ids.size(1)`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import exponent, fields, logprobs, pad_marks, reduce
from lintloss.facts.library import masks, reshaped, shapes, tensors
from lintloss.facts.library.tables import FLATTENING, MEANS, SAME
from lintloss.facts.machine import Machine
from lintloss.facts.units import count
from lintloss.facts.values import UNKNOWN, Const, ModelOutput, Opaque, Quantity, Tensor, Value

Kwargs = dict[str, Value]
ORDERS: dict[str, ast.cmpop] = {"eq": ast.Eq(), "ne": ast.NotEq(), "gt": ast.Gt(), "lt": ast.Lt()}


def of_tensor(
    machine: Machine, node: ast.Call, receiver: Value, name: str, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Handle a method of a tensor, or of what may be one; None where it is of another kind."""
    found = shapes.tensor(receiver)
    if found is None:
        return None
    if isinstance(receiver, Opaque) and name in tensors.OF_OPAQUE:
        made = tensors.call(machine, node, name, found, args, kwargs)
        if made is not None:
            return made
    switched = _switched(machine, found, name, args)
    if switched is not None:
        return switched
    handler = TENSOR.get(name)
    if handler is not None:
        return handler(machine, node, found, args, kwargs)
    if name in FLATTENING:
        return reshaped.of_view(machine, node, found, name, args)
    if name in SAME:
        return receiver
    if name in MEANS and isinstance(receiver, Tensor):
        return reduce.mean(machine, node, receiver, fields.dimension(args, kwargs, 0))
    known = isinstance(receiver, Tensor | ModelOutput) or args or kwargs
    return logprobs.reduced(machine, node, "mean") if name in MEANS and not known else None


def _switched(machine: Machine, value: Tensor, name: str, args: list[Value]) -> Value | None:
    """Read an attention mask in other words: `mask.bool()`, `mask.eq(0)`, `mask.ne(1)`."""
    if name == "bool":
        return masks.attention(machine, value)
    order = ORDERS.get(name)
    return masks.switched(machine, order, value, args[0]) if order is not None and len(args) == 1 else None


def _size(machine: Machine, node: ast.Call, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if not args:
        machine.put(value.key, "axes", value)
        return Opaque((*value.key, ".shape"), ".shape")
    index = args[0].value if isinstance(args[0], Const) else None
    return shapes.dimension(machine, value, index) if isinstance(index, int) else UNKNOWN


def _numel(machine: Machine, node: ast.Call, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    if value.form == "mask" and "token" in (value.axes or ()):
        return Quantity(count("token"), of=value.key)
    return shapes.number(value) or UNKNOWN


def _sum(machine: Machine, node: ast.Call, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return reduce.total(machine, node, value, fields.dimension(args, kwargs, 0))


def _compared(machine: Machine, node: ast.Call, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    pad_marks.note_compared(machine, node, value, args[0] if args else UNKNOWN, node.args[0] if node.args else None)
    return Tensor(
        "mask", value.window, value.axes, (*value.key, "mask"), value.name, pad=args[0] if args else None, sense=True
    )


def _equaled(machine: Machine, node: ast.Call, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    pad_marks.note_compared(machine, node, value, args[0] if args else UNKNOWN, node.args[0] if node.args else None)
    return Tensor(
        "mask", value.window, value.axes, (*value.key, "mask"), value.name, pad=args[0] if args else None, sense=False
    )


def _ordered(operator: ast.cmpop) -> Callable[[Machine, ast.Call, Tensor, list[Value], Kwargs], Value]:
    """Read `ids.ge(0)` and `ids.lt(0)`, which tell -1 apart; of other bounds nothing is known."""

    def apply(machine: Machine, node: ast.Call, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
        if value.form not in {"", "ids"} or args != [Const(0)]:
            return machine.opaque(node)
        told, sense = masks.left_out(operator, args[0]), masks.sense_of(operator, args[0], value)
        return Tensor("mask", value.window, value.axes, (*value.key, "mask"), value.name, pad=told, sense=sense)

    return apply


def _softmaxed(form: str) -> Callable[[Machine, ast.Call, Tensor, list[Value], Kwargs], Value]:
    def apply(machine: Machine, node: ast.Call, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
        return replace(value, form=form, key=(*value.key, form)).with_step(
            machine.evidence(node, f"becomes {form.replace('_', ' ')} here")
        )

    return apply


def _exp(machine: Machine, node: ast.Call, value: Tensor, args: list[Value], kwargs: Kwargs) -> Value:
    return exponent.exponential(machine, node, value)


TENSOR: dict[str, Callable[[Machine, ast.Call, Tensor, list[Value], Kwargs], Value]] = {
    "size": _size,
    "numel": _numel,
    "nelement": _numel,
    "sum": _sum,
    "ne": _compared,
    "eq": _equaled,
    "ge": _ordered(ast.GtE()),
    "lt": _ordered(ast.Lt()),
    "softmax": _softmaxed("probs"),
    "sigmoid": _softmaxed("probs"),
    "log_softmax": _softmaxed("log_probs"),
    "exp": _exp,
}
