"""Callers in other files: what an evaluation is given by the script that imports it, seen by running that script.

Who evaluates is often in one file and the loader, the model and the criterion are made in another. Where a comparison
says nothing by itself, the files that call its function are run, and what it shows in their hands is added.
"""

from __future__ import annotations

import ast
import re

from lintloss.facts import callers, pad_marks, regularizers
from lintloss.facts.library import outputs
from lintloss.facts.machine import TOTAL, Frame, Machine
from lintloss.facts.observations import Averaging, Compared, Observation, Reported
from lintloss.facts.project import Project
from lintloss.facts.roots import forget_rebound, run_body, run_root
from lintloss.facts.state import Slot, State
from lintloss.facts.survey import survey
from lintloss.facts.values import Func
from lintloss.parse import Module

STEPS = 60_000  # for one calling file
FILES = 2  # calling files that are run
LONGEST = 200_000  # characters of a calling file

GETS = "__getitem__"
SHIFTS = re.compile(r"\[(:, |\.\.\., )?:-1\][\s\S]*\[(:, |\.\.\., )?1:\]")
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def compared(module: Module, project: Project, seen: list[Observation]) -> list[Observation]:
    """Return what shows more when other files call it: comparisons, and what a loss holds that they hand in."""
    names = {name for each in seen if _asks(each) for name in _names(module, each)}
    names.update(_shifting(module))
    calling: dict[str, tuple[Module, list[callers.Around]]] = {}
    for name in sorted(names):
        for site, around in callers.sites(project, module, name):
            if site.path != module.path and len(site.text) < LONGEST:
                calling.setdefault(site.path, (site, []))[1].append(around)
    nearest = sorted(calling.values(), key=lambda each: ("test" in each[0].path.rsplit("/", 1)[-1], each[0].path))
    known = {each.span for each in seen if isinstance(each, Reported)}
    found = [each for site, around in nearest[:FILES] for each in _run(module, project, site, around)]
    return [each for each in found if not (isinstance(each, Reported) and each.span in known)]


def _asks(seen: Observation) -> bool:
    """Say whether an evaluation compares what nothing is known of, or averages what is a loss by its name."""
    if isinstance(seen, Averaging):
        return seen.before.presumed and seen.setting.phase != "training"
    if not isinstance(seen, Compared):
        return False
    known = seen.alignment is not None or seen.overlap is not None
    return not known and seen.setting.phase in {"evaluation", "shared", "unknown"}


def _shifting(module: Module) -> list[str]:
    """Return the classes that make rows with shifted labels: whether the model shifts again, only callers show."""
    found = (node for node in module.tree.body if isinstance(node, ast.ClassDef) and GETS in node_names(node))
    return [node.name for node in found if SHIFTS.search(callers.text_of(node)) is not None]


def node_names(node: ast.ClassDef) -> set[str]:
    return {each.name for each in node.body if isinstance(each, Definition)}


def _names(module: Module, seen: Observation) -> list[str]:
    """Return the top-level function or class that holds a comparison."""
    return [
        each.name
        for each in module.tree.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and each.lineno <= seen.span.row <= (each.end_lineno or each.lineno)
    ]


def _run(home: Module, project: Project, site: Module, around: list[callers.Around]) -> list[Observation]:
    """Run a calling file, and those of its functions that hold the calls."""
    machine = Machine(project)
    machine.home, machine.spent = home.path, TOTAL - STEPS
    frame = Frame(site, site.tree, (site.path,), State())
    machine.frames.append(frame)
    run_body(machine, site.tree.body)
    machine.globals[site.path] = {name: Slot(slot.value, 0) for name, slot in frame.state.names.items()}
    forget_rebound(machine, site, survey(site.tree).rebound)
    for node in dict.fromkeys(nodes[0] for nodes in around if nodes and isinstance(nodes[0], Definition)):
        if isinstance(node, Definition) and (site.path, node.lineno) not in machine.reached:
            run_root(machine, Func(node, site), {})
    pad_marks.settle(machine)
    outputs.forget_unread(machine)
    regularizers.observe(machine)
    return [each for each in machine.log.values() if isinstance(each, Compared | Reported) and each.path == home.path]
