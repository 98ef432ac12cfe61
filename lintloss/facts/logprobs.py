"""Log-probabilities of the tokens of one text, as a server or a generator out of sight returns them: known by name."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts.library import losses, picks
from lintloss.facts.machine import Machine
from lintloss.facts.quotients import divisor_text
from lintloss.facts.units import LOSS_PER_TOKEN, count
from lintloss.facts.values import Opaque, Quantity
from lintloss.patterns import regex

NAMES = regex(
    r"^(\w+_)?(log_?p(rob)?s|lprobs|log_?likelihoods?|log_?probabilities|token_log_?probs?|token_nlls)$", re.IGNORECASE
)
SHORT = regex(r"^lls?$")  # of log-likelihoods, where the code speaks of them
SPELLED = regex(r"log_?likelihood", re.IGNORECASE)
MEASURES = regex(
    r"perplex|\bppls?\b|nll|cross.?entropy|log_?likelihood|bits_per|\bbp[bc]\b", re.IGNORECASE
)  # no confidences
NEGATED = regex(r"nll|neg", re.IGNORECASE)
MARK = "log-probabilities of"


def reduced(machine: Machine, node: ast.AST, how: str) -> Quantity | None:
    """Return the sum or mean of what is called the log-probabilities of tokens; None where it is called otherwise."""
    row = _row(node)
    name = _name_of(row)
    if row is None or not (NAMES.match(name) or (SHORT.match(name) and SPELLED.search(machine.frame.module.code))):
        return None
    if losses.is_of_policy(machine) or not MEASURES.search(machine.frame.module.code):
        return None
    field = picks.negative(machine, node)
    unit = LOSS_PER_TOKEN if how == "mean" else field.unit
    of = (MARK, machine.text(row))
    return replace(field, unit=unit, axes=(), of=of, negated=NEGATED.search(name) is None)


def length(machine: Machine, node: ast.AST, total: Quantity) -> Quantity | None:
    """Return the number of tokens where a sum of log-probabilities is divided by their len()."""
    if total.of[:1] != (MARK,) or re.sub(r"\s", "", divisor_text(node)) not in _lengths(str(total.of[1])):
        return None
    return Quantity(count("token"), of=total.of, counted=Opaque(total.of))


def _lengths(row: str) -> tuple[str, ...]:
    row = re.sub(r"\s", "", row)
    return (
        f"len({row})",
        f"max(len({row}),1)",
        f"max(1,len({row}))",
        f"{row}.numel()",
        f"{row}.shape[0]",
        f"{row}.size(0)",
    )


def _row(node: ast.AST) -> ast.expr | None:
    """Return x of `sum(x)`, `np.mean(x)` and `x.sum()`."""
    if not isinstance(node, ast.Call):
        return None
    if node.args:
        return node.args[0]
    return node.func.value if isinstance(node.func, ast.Attribute) else None


def _name_of(node: ast.expr | None) -> str:
    while isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        node = node.value
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    is_key = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
    return str(node.slice.value) if is_key else ""  # type: ignore[union-attr]  # checked above
