"""Imports: names of the project become its modules and what they define, all others names of libraries."""

from __future__ import annotations

import ast

from lintloss.facts import bodies
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Func, Lib, ModuleValue, Pending, Ref, Value
from lintloss.parse import Module

# Names by which people import these; a library's own name decides its knowledge tables.
FOREIGN = frozenset(
    {
        "torch",
        "numpy",
        "transformers",
        "tensorflow",
        "keras",
        "jax",
        "math",
        "os",
        "sys",
        "json",
        "random",
        "time",
        "tqdm",
    }
)

# Libraries whose names are also given to files.
ELSEWHERE = FOREIGN | {"datasets", "evaluate", "tokenizers", "accelerate", "dataclasses", "collections"}


def bind(machine: Machine, node: ast.Import | ast.ImportFrom) -> None:
    """Bind the names of an import statement."""
    path = machine.frame.module.path
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.split(".")[0]
            if alias.asname:
                machine.write(alias.asname, Pending(path, alias.name))
            else:
                machine.write(top, Pending(path, top))
        return
    for alias in node.names:
        if alias.name == "*":
            _star(machine, path, node)
        else:
            machine.write(alias.asname or alias.name, Pending(path, node.module or "", alias.name, node.level))


def resolve(machine: Machine, pending: Pending) -> Value:
    """Look up what an import binds; files that take a name from one another bind nothing."""
    if pending in machine.resolving:
        return Lib(f"{pending.module}.{pending.attribute}".strip("."))
    if pending.attribute:
        machine.resolving.add(pending)
        try:
            return member(machine, pending.importer, pending.module, pending.attribute, pending.level)
        finally:
            machine.resolving.discard(pending)
    return _module(machine, pending.importer, pending.module) or Lib(pending.module)


def _module(machine: Machine, importer: str, name: str, level: int = 0) -> Value | None:
    if level == 0 and name.split(".")[0] in FOREIGN:
        return None
    asked = (importer, name, level)
    if asked not in machine.imported:
        machine.imported[asked] = machine.project.resolve(importer, name, level)
    module = machine.imported[asked]
    if module is None or module.path == importer:
        return None
    load(machine, module)
    return ModuleValue(module)


def member(machine: Machine, importer: str, name: str, attribute: str, level: int) -> Value:
    """Return what `from name import attribute` binds."""
    full = f"{name}.{attribute}" if name else attribute
    source = _module(machine, importer, name, level)
    if isinstance(source, ModuleValue):
        body = machine.bodies.get(source.module.path)
        if body is not None and attribute not in body.names():  # a file of a package, before what it takes from others
            below = _module(machine, importer, full, level)
            if below is not None:
                return below
        slot = machine.global_slot(source.module.path, attribute)
        if slot is not None:
            return resolve(machine, slot.value) if isinstance(slot.value, Pending) else slot.value
    below = _module(machine, importer, full, level)
    if below is not None:
        return below
    if level == 0 and source is None and name.split(".")[0] not in ELSEWHERE:
        found = _elsewhere(machine, importer, name, attribute)
        if found is not None:
            return found
    return Lib(full if level == 0 else f"{'.' * level}{full}")


def _elsewhere(machine: Machine, importer: str, name: str, attribute: str) -> Value | None:
    """Return what the only file of the project by that name binds, wherever it lies, if it binds that."""
    asked = (importer, name, -1)
    if asked not in machine.imported:
        machine.imported[asked] = machine.project.only(importer, name)
    module = machine.imported[asked]
    if module is None or module.path == importer:
        return None
    load(machine, module)
    body = machine.bodies.get(module.path)
    slot = machine.global_slot(module.path, attribute) if body is not None and attribute in body.names() else None
    if slot is None:
        return None
    return resolve(machine, slot.value) if isinstance(slot.value, Pending) else slot.value


def _star(machine: Machine, path: str, node: ast.ImportFrom) -> None:
    source = _module(machine, path, node.module or "", node.level)
    if not isinstance(source, ModuleValue):
        return
    body = machine.bodies.get(source.module.path)
    names = body.all_names(machine) if body is not None else machine.module_names(source.module.path)
    for name in names:
        if not name.startswith("_"):
            machine.write(name, Pending(path, node.module or "", name, node.level))


def members(machine: Machine, module: Module) -> Ref:
    """Return the dict of what a file defines for others to choose from by name: its functions, or its classes."""
    ref = Ref(("members", module.path), "dict")
    tops = [each for each in module.tree.body if not getattr(each, "name", "_").startswith("_")]
    functions: list[ast.FunctionDef | ast.ClassDef] = [each for each in tops if isinstance(each, ast.FunctionDef)]
    made = functions or [each for each in tops if isinstance(each, ast.ClassDef)]
    for each in made:
        slot = machine.global_slot(module.path, each.name)
        if slot is not None and isinstance(slot.value, Class | Func):
            machine.put(ref, each.name, slot.value, 0)
    return ref


def load(machine: Machine, module: Module) -> None:
    """Make the names of an imported module known; its statements are run when somebody asks for what they bind."""
    if module.path in machine.globals:
        return
    machine.globals[module.path] = {}
    machine.bodies[module.path] = body = bodies.Body(module)
    body.start(machine)
