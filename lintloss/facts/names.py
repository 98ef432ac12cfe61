"""Names that claim a unit: what is called bits per byte is compared with what it holds."""

from __future__ import annotations

import ast
import re

from lintloss.facts.machine import Machine
from lintloss.facts.observations import Named
from lintloss.facts.values import Quantity, Value, options
from lintloss.patterns import regex

BITS = regex(r"(^|_)(bpb|bpc|bpt)$|^bits_?per_?\w+$|_bits_per_\w+$|^bits/(byte|char|token|dim)")
CONVERTS = regex(r"log\(2|log2|LN2|ln2|LOG2|0\.69314|1\.4426", re.IGNORECASE)


def note(machine: Machine, node: ast.AST, name: str, value: Value) -> None:
    """Record that a loss is stored or returned under a name that claims bits, where nothing is converted to bits."""
    if not BITS.search(name) or _is_unpacked(machine):
        return
    from lintloss.facts.settings import seen_at

    for option in options(value):
        if isinstance(option, Quantity) and option.is_loss and not option.axes:
            if not _may_convert(option) and not CONVERTS.search(_text(machine, option)):
                machine.observe(Named(name=name, value=option, **seen_at(machine, node, option.loops)))
            return


def _is_unpacked(machine: Machine) -> bool:
    """Say whether what a call returns is taken apart here: what its parts hold was said where they were made."""
    statement = machine.frame.statement
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Tuple)
        and isinstance(statement.value, ast.Call)
    )


def _may_convert(value: Quantity) -> bool:
    """Say whether a loss was divided by a number of which nothing is known: it may be ln 2, under whatever name."""
    return value.unit.power("unknown") != 0


def _text(machine: Machine, value: Quantity) -> str:
    """Return the code that the value comes from: the running function, or the file where others had a hand in it."""
    node, module = machine.frame.node, machine.frame.module
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or len(module.lines)
    if any(step.path != module.path or not first <= step.span.row <= last for step in value.trace):
        return module.code
    return "\n".join(module.code.split("\n")[first - 1 : last])
