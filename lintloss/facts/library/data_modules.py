"""The batches of a Lightning step: of the module's own loader, of the file's data modules, or of the project's."""

from __future__ import annotations

import ast
import os

from lintloss.facts import batch_shapes, imports, padding
from lintloss.facts.loops import Differing, Loop
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Ref, Tuple, Value, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

DATASET = regex(r"Dataset$")
DATA_MODULE = regex(r"DataModule$")
LIGHTNING = "LightningDataModule"
SEVERAL = 4  # data modules of a project that are asked; of more nobody knows


def note_loaders(machine: Machine, node: ast.AST, loop: Loop, owner: Ref) -> None:
    """Remember what is known of the loader that a step of this module is given batches of."""
    name = "test_dataloader" if machine.frame.name.startswith("test") else "val_dataloader"
    own = own_loader(machine, node, owner, name)
    if own is not None:
        for place in _told(machine, loop, own):
            _add(loop, place)
        return
    made = loaders(machine, node, name)
    told = [_told(machine, loop, each) for each in made]
    for place in told[0] if told else ():
        if all(place[0] in {name for name, _ in each} for each in told):  # of several nobody knows which one is read
            _add(loop, place)
    if not made:
        _note_datasets(machine, loop)


def own_loader(machine: Machine, node: ast.AST, owner: Ref, name: str) -> Value | None:
    """Return the loader that a module makes for its own steps."""
    from lintloss.facts import calls, classes

    maker = classes.method(machine, owner, name)
    return calls.run(machine, node, maker, [], {}) if maker is not None else None


def loaders(machine: Machine, node: ast.AST, name: str) -> list[Value]:
    """Return what the hook `name` of each data module makes: those of the file, or else those of the project."""
    from lintloss.facts import calls, classes

    found = _of_file(machine.frames[0].module) or _of_project(machine)
    made: list[Value] = []
    for cls in found if len(found) <= SEVERAL else ():
        data = classes.instantiate(machine, node, cls, [], {})
        for hook in ("setup", name):
            method = classes.method(machine, data, hook) if isinstance(data, Ref) else None
            value = calls.run(machine, node, method, [], {}) if method is not None else None
            if value is not None and hook == name:
                made.append(value)
    return made


def _told(machine: Machine, loop: Loop, made: Value) -> list[tuple[str, Evidence]]:
    """Return what the loaders say that a hook has made, one or several, as (list of a loop, place)."""
    apart = Loop(loop.key, loop.place)
    for option in options(made):
        for loader in option.items if isinstance(option, Tuple) else (option,):
            batch_shapes.note_loader(machine, apart, loader)
    return [
        (name, place)
        for name in ("unequal", "varies", "alike", "cropped", "filled", "ignored", "full")
        for place in getattr(apart, name)
    ]


def _add(loop: Loop, told: tuple[str, Evidence]) -> None:
    name, place = told
    places = getattr(loop, name)
    if place not in places:
        places.append(place)


def _of_file(module: Module) -> list[Class]:
    """Return the data modules that a file defines."""
    nodes = (each for each in module.tree.body if isinstance(each, ast.ClassDef))
    return [Class(each, module) for each in nodes if any(DATA_MODULE.search(ast.unparse(base)) for base in each.bases)]


def _of_project(machine: Machine) -> list[Class]:
    """Return the data modules around the running file: a command line or a configuration puts them together."""
    found: list[Class] = []
    for module in machine.project.using(machine.frames[0].module.path, LIGHTNING, (LIGHTNING,)):
        folder, file = os.path.split(module.path)
        if file.startswith("test_") or os.path.basename(folder) in {"test", "tests"}:
            continue
        made = [each for each in _of_file(module) if "val_dataloader" in padding.text_of(module, each.node)]
        if made:
            imports.load(machine, module)
        found += made
    return found


def _note_datasets(machine: Machine, loop: Loop) -> None:
    """Remember that the data sets of the file mark labels to be ignored, where nothing says which one is read."""
    module = machine.frames[0].module
    classes = (each for each in module.tree.body if isinstance(each, ast.ClassDef) and each.bases)
    made = [each for each in classes if DATASET.search(ast.unparse(each.bases[0]))]
    marks = [padding.told(module, each, padding.MARKED) for each in made]
    if made and None not in marks:
        place = padding.at(machine, module, made[0], "the dataset marks labels to be ignored")
        loop.differs(Differing(place, all(marks)))
