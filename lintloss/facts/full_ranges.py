"""Full ranges: a strided loop that takes the items of `range(i, i + size)` one by one has no shorter last batch."""

from __future__ import annotations

import ast

from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk


def note(machine: Machine, loop: Loop, statement: ast.For | ast.AsyncFor) -> None:
    """Remember that each batch of a loop over `range(0, n, size)` holds `size` items: an index past the end raises.

    A slice, which ends where the data do, is cut short; so is a range that ends at `min(i + size, n)`.
    """
    header, index = statement.iter, statement.target
    if not isinstance(header, ast.Call) or called_name(header.func) not in {"range", "trange"}:
        return
    if len(header.args) != 3 or not isinstance(index, ast.Name):
        return
    whole = {f"{index.id} + {machine.text(header.args[2])}", f"{machine.text(header.args[2])} + {index.id}"}
    inside = [each for part in statement.body for each in walk(part)]
    if any(isinstance(each, ast.Break) or getattr(each, "ifs", []) or _spares_some(each) for each in inside):
        return
    for node in inside:
        if isinstance(node, ast.Call) and called_name(node.func) == "range" and len(node.args) == 2:
            if machine.text(node.args[0]) == index.id and machine.text(node.args[1]) in whole:
                place = machine.evidence(node, "each batch takes so many items, by their numbers")
                if place not in loop.full:
                    loop.full.append(place)
                return


def _spares_some(node: ast.AST) -> bool:
    """Say whether a loop over a range leaves some of its numbers out: `for j in range(i, i + size): if j < n: …`."""
    ranges = isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and called_name(node.iter.func) == "range"
    return ranges and any(isinstance(each, ast.If | ast.Try) for each in walk(node))
