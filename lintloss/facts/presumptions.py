"""What a value of which nothing is known is presumed to be by the name that it is given: a loss, a perplexity."""

from __future__ import annotations

import ast

from lintloss.facts import entropies
from lintloss.facts.library import tables
from lintloss.facts.machine import Machine
from lintloss.facts.values import ModelOutput, Opaque, Quantity, Tensor, Value

BY_HAND = frozenset({"min", "max", "minimum", "maximum", "exp", "where", "clamp", "clip"})


def as_loss(machine: Machine, target: ast.Name, value: Value) -> Value:
    """Read what is unknown but called a loss as a mean loss, presumed."""
    from lintloss.facts.library import losses

    if isinstance(value, Opaque) and value.key[-1:] == (entropies.OWN,):
        return value
    if isinstance(value, Opaque | Tensor) and _is_returned(machine) and _is_perplexity(machine, target.id):
        return losses.presumed_perplexity(machine, target)
    if not tables.LOSS_NAME.match(target.id) or tables.NOT_A_LOSS.search(target.id):
        return value
    if isinstance(value, ModelOutput):
        return value.loss if isinstance(value.loss, Quantity) else losses.presumed(machine, target)
    if isinstance(value, Opaque):
        return (
            value if _is_computed(machine, target) or losses.is_of_policy(machine) else losses.presumed(machine, target)
        )
    return value


def _is_perplexity(machine: Machine, name: str) -> bool:
    """Say whether a name is one of a perplexity, or ends as one and is given what an exponential makes."""
    if tables.PERPLEXITY_NAME.match(name):
        return True
    statement = machine.frame.statement
    made = statement.value.func if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call) else None
    called = made.attr if isinstance(made, ast.Attribute) else made.id if isinstance(made, ast.Name) else ""
    return called in {"exp", "exp2"} and tables.ENDS_IN_PERPLEXITY.search(name) is not None


def _is_returned(machine: Machine) -> bool:
    """Say whether the running statement takes what a call in a loop returns."""
    statement = machine.frame.statement
    return bool(machine.loops) and isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)


def _is_computed(machine: Machine, target: ast.Name) -> bool:
    """Say whether a loss is computed in sight and is still not known: an objective that no criterion knows.

    Avoid `loss = -torch.min(ratio * advantage, clipped)`, which is no cross entropy whatever it is called.
    """
    statement = machine.frame.statement
    if not isinstance(statement, ast.Assign) or target not in statement.targets:
        return False
    return _by_hand(statement.value)


def _by_hand(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        return _by_hand(value.operand)
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, ast.Mult) or _by_hand(value.left) or _by_hand(value.right)
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in BY_HAND
