"""Attributes of values that are no instances of project classes."""

from __future__ import annotations

import ast

from lintloss.facts import gradients
from lintloss.facts.library import loaders, losses, outputs, shapes
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, LibObject, ModelOutput, Opaque, Quantity, Tensor, Tuple, Value
from lintloss.patterns import regex

WHILE_RECORDED = {"requires_grad": False, "grad_fn": None}  # what a loss has of these where no gradients are recorded
SETTINGS = regex(r"^(args|opts?|options|config|cfg|conf|hparams|self|params|settings)$")


def is_flat(node: ast.expr) -> bool:
    """Say whether a tensor has been flattened on the spot: `losses.view(-1)`, `losses.flatten()`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    sizes = [ast.unparse(each) for each in node.args]
    return (node.func.attr in {"view", "reshape"} and sizes == ["-1"]) or (
        node.func.attr in {"flatten", "ravel"} and not sizes
    )


def member(machine: Machine, owner: Value, name: str, node: ast.AST) -> Value:
    """Return `owner.name`."""
    if isinstance(owner, ModelOutput):
        return outputs.field(machine, owner, name, node)
    if isinstance(owner, Quantity):
        if name == "shape" and owner.is_count and owner.axes == ("row",):
            return Tuple((losses.rows(owner),))
        if name == "shape" and losses.is_flat(owner):
            return Tuple((losses.positions(owner),))
        if name == "shape" and isinstance(node, ast.Attribute) and is_flat(node.value):
            return (
                Tuple((losses.positions(owner),)) if owner.axes and owner.scoring is not None else machine.opaque(node)
            )
        if name in WHILE_RECORDED and gradients.state(machine) == gradients.OFF:
            return Const(WHILE_RECORDED[name])
        return owner if name in {"data", "T", "real"} else Opaque((*machine.key(node), name), name)
    if isinstance(owner, Tensor):
        if name == "shape":
            machine.put((*owner.key,), "axes", owner)
            return Opaque((*owner.key, ".shape"), ".shape")
        if name == "loss":
            return losses.of_output(machine, owner, node)
        if name in {"size", "nbytes"}:
            return shapes.number(owner) or Opaque((*owner.key, "." + name), name)
        return owner if name in {"data", "T", "mT"} else Opaque((*owner.key, "." + name), name)
    if isinstance(owner, LibObject):
        return loaders.member(owner, name)
    if isinstance(owner, Opaque) and owner.key:
        if name == "shape":
            return Opaque((*owner.key, ".shape"), ".shape")
        if name == "loss":
            return losses.of_output(machine, owner, node)
        if name == "logits":
            return outputs.logits_of(machine, owner)
        if name == "size" and not SETTINGS.match(owner.name):
            return shapes.number(owner) or owner.member(name)
        return owner.member(name)
    if name == "loss" and isinstance(owner, Opaque):
        return losses.of_output(machine, owner, node)
    return machine.opaque(node, name)
