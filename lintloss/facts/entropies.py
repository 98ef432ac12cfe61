"""Entropies: `p * log(p)`, summed where labels are at hand that nobody reads, measures the prediction against itself."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from lintloss.facts import bindings
from lintloss.facts.library import losses
from lintloss.facts.machine import Machine
from lintloss.facts.units import NATS
from lintloss.facts.values import Quantity, Scoring, Tensor, Value
from lintloss.patterns import regex

FORM = "entropy"
OWN = "own entropy"  # ends the key of what is made of the entropy of a distribution that is compared with nothing
TRUTH = regex(r"^(y_?true|y|labels?|targets?|gold|truth|ground_truth|label_ids|tgt|trg)$", re.IGNORECASE)
CLAMPS = frozenset({"clamp", "clamp_min", "clip", "clip_by_value", "maximum", "add"})


def product(machine: Machine, node: ast.BinOp, left: Value, right: Value) -> Tensor | None:
    """Return the terms of an entropy for `p * log(p)`, where a function is given labels and never reads them."""
    if not isinstance(node.op, ast.Mult) or not _ignores_truth(machine.frame.node):
        return None
    if not (_is_distribution(left, right) or _is_distribution(right, left) or _is_spelled_out(machine, node)):
        return None
    place = machine.evidence(node, "the prediction is weighed by its own logarithm here: the labels are never read")
    known = next((each for each in (left, right) if isinstance(each, Tensor)), None)
    return Tensor(FORM, None, None, machine.key(node), trace=(place,), model=known.model if known is not None else None)


def _is_distribution(one: Value, other: Value) -> bool:
    """Say whether one side are probabilities, and the other one the logarithms of them."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.window is None:
        return False
    return one.form == "probs" and other.form == "log_probs" and one.window == other.window


def _is_spelled_out(machine: Machine, node: ast.BinOp) -> bool:
    """Say whether `p * log(p)` is written of what the function was given: a mean of distributions has other uses."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        inner = _logarithm_of(other)
        if isinstance(inner, ast.Name) and machine.text(inner) == machine.text(_plain(one)):
            return inner.id in _parameters(machine.frame.node)
    return False


def is_of_itself(machine: Machine, node: ast.AST) -> bool:
    """Say whether an exponent is `p * log(p)`, summed: how even a distribution is, as that of a codebook's use."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    bound = bindings.of(machine.frame.node) if names else {}
    meant = (bindings.only(bound.get(name, ())) for name in sorted(names))
    return any(_weighs_itself(each) for each in (node, *meant) if each is not None)


def _weighs_itself(node: ast.AST) -> bool:
    products = (each for each in ast.walk(node) if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Mult))
    for each in products:
        for one, other in ((each.left, each.right), (each.right, each.left)):
            inner = _logarithm_of(other)
            if inner is not None and ast.dump(inner) == ast.dump(_plain(one)):
                return True
    return False


def _logarithm_of(node: ast.expr) -> ast.expr | None:
    """Return x of `torch.log(x + eps)` or `x.log()`."""
    node = _plain(node)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "log":
        return None
    return _plain(node.args[0] if node.args else node.func.value)


def _plain(node: ast.expr) -> ast.expr:
    """Take off a sign, and what keeps a logarithm finite."""
    if isinstance(node, ast.UnaryOp):
        return _plain(node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.right, ast.Constant | ast.Call):
        return _plain(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLAMPS:
        return _plain(node.args[0] if _is_library(node.func.value) and node.args else node.func.value)
    return node


def _is_library(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"torch", "tf", "np", "jnp", "K", "mx", "F"}


@lru_cache(maxsize=256)
def _ignores_truth(function: ast.AST) -> bool:
    if not isinstance(function, ast.FunctionDef):
        return False
    read = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
    return any(TRUTH.match(name) and name not in read for name in _parameters(function))


def _parameters(function: ast.AST) -> set[str]:
    if not isinstance(function, ast.FunctionDef):
        return set()
    spec = function.args
    return {each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}


def summed(machine: Machine, node: ast.AST, value: Tensor, axis: int | None) -> Value:
    """Return the entropy that a sum along the classes gives: nats, whatever its sign."""
    place = value.trace[-1]
    scoring = Scoring(FORM, "none", "token", value, place=place, site=place)
    entropy = Quantity(NATS, axes=("pos",), scoring=scoring, trace=(place,))
    return entropy if axis is not None else losses.reduced(machine, node, entropy, "sum")
