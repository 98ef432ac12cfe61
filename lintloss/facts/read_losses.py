"""Read losses: what an exponential is taken of by its name alone, a key or an attribute.

`2 ** logs["val_loss"]`, `2 ** trainer.callback_metrics["val_loss"].item()`, `2 ** history.history["val_loss"][-1]`
"""

from __future__ import annotations

import ast
import os
import re

from lintloss.facts import bindings
from lintloss.facts.library import losses, tables
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.values import Quantity
from lintloss.parse import Module
from lintloss.patterns import regex

UNWRAPPED = tables.NUMBER_READS | {"squeeze", "mean"}
CHOSEN = frozenset({"float", "min", "asarray", "array"})  # the lowest of all epochs is one of them
# A log or a history has the training's loss under "loss", and the evaluation's under a name that says so.
LOGS = regex(r"log|hist|train", re.IGNORECASE)
FAIRSEQ = "fairseq"  # divides its losses by ln 2 before it logs them
BITS = regex(r"log2|\bbits?\b|_bits?\b|bits?_|\bln_?2\b|\blog\(\s*2(\.0?)?\s*\)", re.IGNORECASE)


def of_power(machine: Machine, node: ast.AST) -> Quantity | None:
    """Return the mean loss that 2 is raised to, presumed by the name that it is read under; None where none says so."""
    read = _exponent(node)
    named = _named(machine, read) if read is not None else None
    if named is None or any(map(_may_speak_bits, machine.loaded())) or losses.is_of_policy(machine):
        return None
    return losses.presumed(machine, named, said="taken for a mean loss by the name that it is read under")


def _may_speak_bits(module: Module) -> bool:
    """Say whether a file takes logarithms of base 2, or reads what fairseq has logged: by its imports, its words or its name."""
    said = FAIRSEQ in module.code or FAIRSEQ in os.path.basename(module.path)
    return said or BITS.search(module.code) is not None


def _exponent(node: ast.AST) -> ast.expr | None:
    """Return what `2 ** x`, `math.pow(2, x)` and `np.exp2(x)` raise it to."""
    if isinstance(node, ast.BinOp):
        return node.right
    return node.args[-1] if isinstance(node, ast.Call) and node.args and not node.keywords else None


def _named(machine: Machine, read: ast.expr, *, follows: bool = True) -> ast.expr | None:
    """Return where a loss is read by its name; a number's reads and the choice of an epoch are looked through."""
    if isinstance(read, ast.Call):
        return _of_call(machine, read, follows=follows)
    if isinstance(read, ast.Subscript):
        key = read.slice.value if isinstance(read.slice, ast.Constant) else None
        if isinstance(key, str):
            return read if _is_loss(key) and not (key == "loss" and LOGS.search(machine.text(read.value))) else None
        return _named(machine, read.value, follows=follows) if _is_number(read.slice) else None
    if isinstance(read, ast.Attribute):
        return read if _is_loss(read.attr) else None
    if not isinstance(read, ast.Name):
        return None
    # A parameter, `def perplexity(loss)`, is none: whose loss it is, and in which unit, is said elsewhere.
    found = bindings.of(machine.frame.node).get(read.id, ())
    value = found[0].value if len(found) == 1 and not found[0].picks else None
    return _named(machine, value, follows=False) if value is not None and follows else None


def _of_call(machine: Machine, read: ast.Call, *, follows: bool) -> ast.expr | None:
    name = called_name(read.func)
    if isinstance(read.func, ast.Attribute) and name == "get" and read.args:
        key = read.args[0].value if isinstance(read.args[0], ast.Constant) else None
        is_read = isinstance(key, str) and _is_loss(key) and key != "loss"
        return read if is_read else None
    if isinstance(read.func, ast.Attribute) and name in UNWRAPPED and not read.args:
        return _named(machine, read.func.value, follows=follows)
    return _named(machine, read.args[0], follows=follows) if name in CHOSEN and len(read.args) == 1 else None


def _is_loss(name: str) -> bool:
    return tables.LOSS_NAME.match(name) is not None and tables.NOT_A_LOSS.search(name) is None


def _is_number(index: ast.expr) -> bool:
    index = index.operand if isinstance(index, ast.UnaryOp) else index
    return isinstance(index, ast.Constant) and isinstance(index.value, int)
