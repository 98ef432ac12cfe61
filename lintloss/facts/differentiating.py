"""Differentiating: what in a region, or in what it calls, needs gradients, and that no flag leaves out."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from lintloss.facts.callers import text_of
from lintloss.facts.forwards import Forward
from lintloss.facts.machine import Machine
from lintloss.facts.regions import Region
from lintloss.patterns import regex

TRAINS = regex(
    r"\.backward\(|autograd\.grad|\bgrad\(|requires_grad_\((True)?\)|requires_grad = True|create_graph|\.grad\b|retain_grad|enable_grad|functional_call|loss_scaler\(|\.minimize\(|train_on_batch|train_batch\("
)
CLEARS = regex(r"\.zero_grad\(|^zero_grad\(")
LEAF = regex(r"requires_grad\s*=\s*True|requires_grad_\((True)?\)|autograd\.grad\(|enable_grad")
# Beside a zero_grad(): what may be a step of a training in other words.
STEPS = regex(
    r"backward|\.step\(|update|optimi[sz]|train(?!ing\b|able|ed)|(?<!zero_)(?<!requires_)grad(?!_fn|_norm)|(?<![a-z])learn"
)
TRAINING_FLAG = regex(r"train|optim|backprop|backward|update")
OPTIMIZER = regex(r"optimi[sz]er|\boptim\b|(^|\.)opt$|grad_scaler|loss_scaler", re.IGNORECASE)


def needs_gradients(machine: Machine, forward: Forward, found: Region) -> bool:
    """Say whether something in the region, or in what it calls, uses gradients (and no flag leaves that out)."""
    if (found.loop.key if found.loop is not None else found.scene(forward).key) in machine.differentiated:
        return True
    own = found.node(forward)
    inner = [scene.node for scene in forward.scenes[found.index + 1 :]]
    return makes_leaves(found.scene(forward).node) or any(_uses_gradients(part) for part in (own, *inner))


def _uses_gradients(node: ast.AST) -> bool:
    seen = unflagged(node)
    return any(_is_use(each) for each in seen) or _clears_for_a_step(node, seen) or makes_leaves(node)


def _clears_for_a_step(node: ast.AST, seen: list[ast.AST]) -> bool:
    """Say whether gradients are cleared for a step that may follow; a zero_grad() left over in an evaluation does nothing.

    Where a flag guards a backward() in sight, that is the step.
    """
    if ".backward(" in text_of(node) or not any(
        isinstance(each, ast.Call) and CLEARS.search(text_of(each.func) + "(") for each in seen
    ):
        return False
    simple = (each for each in seen if isinstance(each, ast.stmt) and not hasattr(each, "body"))
    return any(STEPS.search(text_of(each)) for each in simple if not CLEARS.search(text_of(each)))


@lru_cache(maxsize=512)
def makes_leaves(node: ast.AST) -> bool:
    """Say whether a function differentiates by what it makes itself, in a branch that is not the training's."""
    if isinstance(node, ast.Module) or LEAF.search(text_of(node)) is None or ".backward(" in text_of(node):
        return False
    return any(_is_leaf(each) for each in unflagged(node, TRAINING_FLAG))


def _is_leaf(node: ast.AST) -> bool:
    return isinstance(node, ast.Call | ast.Assign) and LEAF.search(text_of(node)) is not None


def unflagged(node: ast.AST, flag: re.Pattern[str] | None = None) -> list[ast.AST]:
    """List the nodes inside a region that no test of a training flag guards."""
    from lintloss.facts.forwards import FLAG

    flag = flag or FLAG
    found: list[ast.AST] = []
    stack = [node]
    while stack:
        each = stack.pop()
        found.append(each)
        if isinstance(each, ast.If) and flag.search(text_of(each.test)):
            continue
        stack.extend(ast.iter_child_nodes(each))
    return found


def _is_use(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        if TRAINS.search(text_of(node.func) + "("):
            return True
        return any(
            isinstance(arg, ast.Name | ast.Attribute) and OPTIMIZER.search(text_of(arg))
            for arg in (*node.args, *(each.value for each in node.keywords))
        )
    if isinstance(node, ast.Attribute):
        return node.attr == "grad" and not text_of(node).endswith(("torch.grad", "autograd.grad"))
    if isinstance(node, ast.Assign):
        return text_of(node).endswith("requires_grad = True")
    return False
