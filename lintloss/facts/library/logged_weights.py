"""Logged weights: what `self.log("val_loss", loss, batch_size=n)` says that a batch weighs."""

from __future__ import annotations

import ast

from lintloss.facts import bindings, counts, plain_reads
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.units import count
from lintloss.facts.values import Const, Opaque, Quantity, Value
from lintloss.patterns import regex

ROWS = regex(r"batch_?(size|len)|(^|_)(bs|bsz|B|rows?)$|num_(graphs|samples|examples)|samples$|examples$")
FIRST_AXIS = regex(r"(\.shape\[0\]|\.size\(0\)|\.size\(\)\[0\]|^len\(.*\))$")


def of(machine: Machine, node: ast.Call, size: Value | None) -> Quantity | None:
    """Return the rows of a batch, or another count that is given in their place; None where it is not known which."""
    rows = Quantity(count("example"))
    number = counts.presumed(machine, size) if size is not None else None
    if number is not None:
        return number if number.unit.degree == 1 else rows
    if size is None or isinstance(size, Const) or (isinstance(size, Opaque) and ROWS.search(size.name)):
        return rows
    written = next((each.value for each in node.keywords if each.arg == "batch_size"), None)
    return rows if written is not None and _are_rows(machine, written) else None


def _are_rows(machine: Machine, written: ast.expr) -> bool:
    """Say whether what is written as the weight is a number of rows: by its name, or the length of the first axis."""
    inner = plain_reads.of_number(written)
    while inner is not None:
        written, inner = inner, plain_reads.of_number(inner)
    name = called_name(written.func if isinstance(written, ast.Call) else written)
    if ROWS.search(name) or FIRST_AXIS.search(machine.text(written)):
        return True
    bound = bindings.of(machine.frame.node).get(written.id, ()) if isinstance(written, ast.Name) else ()
    value = bindings.only(bound)
    return value is not None and FIRST_AXIS.search(machine.text(value)) is not None
