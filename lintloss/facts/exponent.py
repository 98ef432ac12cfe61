"""Exponentials: where a loss becomes a perplexity."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace

from lintloss.facts import entropies, read_losses, regularizers, scores
from lintloss.facts.library import losses
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Exponential
from lintloss.facts.units import PERPLEXITY, Unit
from lintloss.facts.values import Choice, Const, Lib, ModelOutput, Opaque, Quantity, Ref, Tensor, Value, join, options
from lintloss.patterns import regex

CALLED = regex(r"perplexit(y|ies)|(?<![a-z])ppls?(?![a-z])", re.IGNORECASE)
LOSSES = regex(r"^(\w+_)?(loss(es)?|nlls?|ces?|xents?)(_list)?$", re.IGNORECASE)
EULERS = frozenset({"math.e", "numpy.e", "torch.e", "jax.numpy.e"})
SCORES = frozenset({"logits", "scores", "hidden", ""})  # whose exponentials may be normalized by hand


def power(machine: Machine, node: ast.AST, base: Value, exponent: Value) -> Value:
    """Return `base ** exponent`: a perplexity when the exponent is a loss and the base is 2 or e."""
    if isinstance(base, Lib) and base.name in EULERS:
        return exponential(machine, node, exponent)
    if isinstance(base, Const) and isinstance(base.value, int | float):
        for name, number in (("e", math.e), ("2", 2.0), ("10", 10.0)):
            if math.isclose(base.value, number, rel_tol=1e-3):
                return exponential(machine, node, exponent, name)
    if _is_root(node) and _is_called_perplexity(machine):  # the probability of a text, and its length
        return losses.presumed_perplexity(machine, node)
    return machine.opaque(node)


def _is_root(node: ast.AST) -> bool:
    """Say whether something is raised to one over another: `prob ** (-1 / n)`, `pow(prob, -1 / n)`."""
    power = (
        node.right
        if isinstance(node, ast.BinOp)
        else node.args[1]
        if isinstance(node, ast.Call) and len(node.args) > 1
        else None
    )
    if isinstance(power, ast.UnaryOp):
        power = power.operand
    if not isinstance(power, ast.BinOp) or not isinstance(power.op, ast.Div):
        return False
    return ast.unparse(power.left) in {"1", "1.0", "-1", "-1.0"} and not isinstance(power.right, ast.Constant)


def exponential(machine: Machine, node: ast.AST, exponent: Value, base: str = "e") -> Value:
    """Return base ** exponent and record it for a loss."""
    if isinstance(exponent, Choice):
        result: Value | None = None
        for option in exponent.options:
            each = exponential(machine, node, option, base)
            result = each if result is None else join(result, each)
        return result if result is not None else machine.opaque(node)
    if isinstance(exponent, ModelOutput):
        exponent = exponent.logits
    if isinstance(exponent, Tensor):
        return _of_tensor(machine, node, exponent)
    if isinstance(exponent, Ref) and exponent.kind != "instance":
        return _of_each(machine, node, exponent, base)
    if isinstance(exponent, Opaque) and base == "2":
        exponent = read_losses.of_power(machine, node) or exponent
    if not isinstance(exponent, Quantity) and _is_called_perplexity(machine):
        exponent = scores.mean_below(machine, node) or exponent
    if isinstance(exponent, Opaque) and entropies.is_of_itself(machine, node):
        return Opaque((*machine.key(node), entropies.OWN))
    if isinstance(exponent, Opaque) and _is_called_perplexity(machine):
        if losses.is_of_policy(machine):  # how far a policy has moved, batch by batch: nobody's evaluation
            return machine.opaque(node)
        return losses.presumed_perplexity(machine, node)  # of what is computed in sight, by what is not a model
    if not isinstance(exponent, Quantity) or not exponent.is_loss:
        return machine.opaque(node)
    if exponent.negated and not _is_entropy(exponent):
        return machine.opaque(node)
    if base == "2" and _is_rated(node):
        return machine.opaque(node)
    unit = PERPLEXITY * Unit.of(**{n: p for n, p in exponent.unit.powers if n == "item" and p > 0})
    said = f"{'exp' if base == 'e' else base + ' **'} of {exponent.unit}"
    result = replace(exponent, unit=unit).with_step(machine.evidence(node, said))
    from lintloss.facts.settings import seen_at

    regularizers.note(machine, node, exponent, exponentiated=True)
    place = seen_at(machine, node, exponent.loops)
    seen = Exponential(exponent=exponent, base=base, result=result, loops=tuple(machine.loops), **place)
    machine.observe(replace(seen, called_perplexity=_is_called_perplexity(machine)))
    return result


def _is_rated(node: ast.AST) -> bool:
    """Say whether what 2 is raised to is measured by something else first: `2 ** (-kl / half_life)`."""
    power = node.right if isinstance(node, ast.BinOp) else None
    if not isinstance(power, ast.BinOp) or not isinstance(power.op, ast.Div):
        return False
    negated = isinstance(power.left, ast.UnaryOp) and isinstance(power.left.op, ast.USub)
    return negated and isinstance(power.right, ast.Name | ast.Attribute)


def _is_entropy(exponent: Quantity) -> bool:
    return exponent.scoring is not None and exponent.scoring.criterion == entropies.FORM


def _is_called_perplexity(machine: Machine) -> bool:
    statement, function = machine.frame.statement, machine.frame.node
    plain = statement is not None and not hasattr(statement, "body")
    names = (getattr(function, "name", ""), machine.text(statement) if statement is not None and plain else "")
    return any(CALLED.search(name) for name in names)


def _of_tensor(machine: Machine, node: ast.AST, exponent: Tensor) -> Tensor:
    """exp of log-probabilities is a distribution; of scores it is one once it is divided by its sum."""
    if exponent.form == "log_probs":
        return replace(exponent, form="probs").with_step(
            machine.evidence(node, "becomes probs again here: exp of log probs")
        )
    return replace(exponent, form="exp" if exponent.form in SCORES else "", key=(*exponent.key, "exp"))


def _names_losses(machine: Machine, node: ast.AST) -> bool:
    """Say whether exp() is taken of what is called losses, in a statement that speaks of a perplexity."""
    statement = machine.frame.statement
    if (
        not isinstance(node, ast.Call)
        or not node.args
        or not isinstance(statement, ast.Assign | ast.AugAssign | ast.Return)
    ):
        return False
    spelled = {each.id for each in ast.walk(node.args[0]) if isinstance(each, ast.Name)}
    negated = any(isinstance(each, ast.USub) for each in ast.walk(node.args[0]))
    named = statement.target if isinstance(statement, ast.AugAssign) else statement
    return not negated and bool(CALLED.search(ast.unparse(named))) and any(LOSSES.match(name) for name in spelled)


def _of_each(machine: Machine, node: ast.AST, values: Ref, base: str) -> Value:
    """exp of a list of losses is a list of perplexities."""
    elem = machine.elem(values)
    known = any(isinstance(option, Quantity) and option.is_loss for option in options(elem))
    if not known and _names_losses(machine, node):
        elem = losses.presumed(machine, node, said="the exponentials of what is called losses, called a perplexity")
    if not any(isinstance(option, Quantity) and option.is_loss for option in options(elem)):
        return machine.opaque(node)
    powered = machine.new_list(node, exponential(machine, node, elem, base), _length(machine, values))
    machine.list_loops[powered.id] = machine.list_loops.get(values.id, ())
    return powered


def _length(machine: Machine, values: Ref) -> Value:
    slot = machine.get(values, "len")
    return slot.value if slot else Const(0)
