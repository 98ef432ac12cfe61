"""Data sets on disk: `load_from_disk(ROWS)` reads what another script of the project made and wrote, `rows.save_to_disk(ROWS)`.

The two meet in the path: both write the same one out, or lead to the same place that makes it. What a constant is called
says nothing: two scripts may each have a ROWS of their own.
"""

from __future__ import annotations

import ast

from lintloss.facts import provenance
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module

READS, WRITES = "load_from_disk", "save_to_disk"
MAKES = (ast.Call, ast.BinOp, ast.JoinedStr)  # `os.path.join(ROOT, "rows")`, `ROOT / "rows"`


def writers(machine: Machine, reader: Module) -> list[Module]:
    """Return the other files that write the data sets that a file reads."""
    if READS not in reader.code:
        return []
    read = _paths(machine, reader, READS)
    others = machine.project.using(reader.path, WRITES, [WRITES]) if read else []
    return [each for each in others if read & _paths(machine, each, WRITES)]


def _paths(machine: Machine, module: Module, method: str) -> set[object]:
    """Return what the paths are that a file reads from or writes to, those left out that nobody can tell."""
    calls = (each for each in walk(module.tree) if isinstance(each, ast.Call) and called_name(each.func) == method)
    given = (each.args[0] for each in calls if each.args)
    return {path for each in given if (path := _path(machine, module, each)) is not None}


def _path(machine: Machine, module: Module, node: ast.expr) -> object:
    """Return the text of a path, or the place of the module that makes it."""
    worlds = provenance.Tracer(machine).worlds(provenance.spot_at(module, node))
    known = provenance.constant_of(worlds)
    if isinstance(known, str):
        return known
    made = [each.spot for world in worlds for each in world if each is not None and not each.spot.around]
    if not made or len(made) < sum(map(len, worlds)) or not all(isinstance(each.node, MAKES) for each in made):
        return None
    places = {(each.module.path, each.node.lineno, each.node.col_offset) for each in made}
    return places.pop() if len(places) == 1 else None
