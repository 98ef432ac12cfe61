"""Effects: methods that are called for what they do: `loss.backward()`, `model.eval()`, `total.add_(loss)`."""

from __future__ import annotations

import ast
import re

from lintloss.facts import accumulation, augmented, discarded, gradients, modes, phases
from lintloss.facts.library import metrics, trainers
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Const, Lib, LibObject, Opaque, Ref, Value
from lintloss.patterns import regex

Kwargs = dict[str, Value]

TRAIN_OPS = regex(r"train_?(op|step)|optimi[sz]er|accum\w*_ops?|(^|_)minimi[sz]e|apply_grad")
SCALER = regex(r"scaler[\w.]*\.scale$", re.IGNORECASE)


def _is_scaled(machine: Machine, node: ast.Call) -> bool:
    """Say whether a gradient scaler is given a loss, to go back through: `scaler.scale(loss).backward()`."""
    return SCALER.search(machine.text(node.func)) is not None


def call(
    machine: Machine, node: ast.Call, receiver: Value, name: str, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Handle calls that are made for what they do."""
    if name in {"apply_gradients", "minimize"}:
        phases.backward(machine)
        return None
    if name == "add_state" and isinstance(receiver, Ref) and receiver.kind == "instance":
        return metrics.add_state(machine, receiver, args, kwargs)
    if args and isinstance(node.func, ast.Attribute) and _adds_in_place(receiver, name):
        add_in_place(machine, node, node.func.value, args[0], kwargs)
        return Const(None)
    if name == "scale" and len(args) == 1 and _is_scaled(machine, node):
        return args[0]
    discarded.note(machine, node, name, args)
    if name in {"backward", "manual_backward"}:
        machine.goes_back.update(frame.node for frame in machine.frames)
        if discarded.are_in(machine):
            return Const(None)
        discarded.remember(machine)
        accumulation.note_backward(machine, node, receiver, args)
        phases.note_objective(machine, args[0] if args else receiver)
        phases.backward(machine)
        return Const(None)
    if name in {"register_buffer", "register_parameter"} and isinstance(receiver, Ref) and len(args) > 1:
        if isinstance(args[0], Const):
            machine.put(receiver, str(args[0].value), args[1])
        return Const(None)
    if name == "run" and node.args and TRAIN_OPS.search(machine.text(node.args[0])):  # a session of TensorFlow 1
        phases.backward(machine)
        return None
    if name == "step" and "optim" in machine.text(node.func).lower():
        if gradients.state(machine) != gradients.OFF:
            phases.backward(machine)
        elif machine.loops:
            machine.loops[-1].idle = True
        return Const(None)
    if name in {"eval", "train"} and args and _is_module_class(receiver):  # `torch.nn.Module.eval(model)`
        return modes.call(machine, node, args[0], name, args[1:])
    if name in {"eval", "train"} and not isinstance(receiver, Lib) and len(args) <= 1:
        if name == "train" and isinstance(receiver, LibObject | Ref):
            trainers.called(machine, node, receiver, name, args)
        return modes.call(machine, node, receiver, name, (args or [kwargs["mode"]]) if "mode" in kwargs else args)
    if name == "apply" and len(args) == 1 and isinstance(receiver, LibObject | Ref | Opaque):
        modes.applied(machine, node, receiver, args[0])
    if name in modes.PARTS:
        return modes.parts(receiver, name)
    if name in modes.SAME_MODULE and (
        isinstance(receiver, LibObject) or (isinstance(receiver, Ref) and receiver.kind == "instance")
    ):
        return receiver
    if name == "enter_context" and args:
        machine.put(gradients.STATEMENT, "off", Opaque(machine.key(node), "entered")) if gradients.said_by(
            machine, args[0], node
        ) else None
        return args[0]
    return None


def _adds_in_place(receiver: Value, name: str) -> bool:
    """Say whether a method adds to what a number's box holds: `total.add_(loss)`, TensorFlow's `total.assign_add(loss)`."""
    is_box = isinstance(receiver, Const) or (isinstance(receiver, Ref) and receiver.kind in {"tensor", "list"})
    return name == "assign_add" or (name == "add_" and is_box)


def add_in_place(machine: Machine, node: ast.Call, owner: ast.expr, step: Value, kwargs: Kwargs) -> None:
    """Run `total.add_(loss)`, and `total.add_(loss, alpha=n)`, which adds n times as much."""
    from lintloss.facts import factors

    step = factors.multiply(machine, node, step, kwargs["alpha"]) if "alpha" in kwargs else step
    augmented.augment(machine, _statement(machine, node), owner, ast.Add(), step)


def _is_module_class(value: Value) -> bool:
    return isinstance(value, Class) or (isinstance(value, Lib) and value.name.endswith(".Module"))


def _statement(machine: Machine, node: ast.Call) -> ast.stmt:
    return machine.frame.statement or ast.Expr(node, lineno=node.lineno, col_offset=0)
