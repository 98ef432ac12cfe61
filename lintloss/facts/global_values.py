"""Global values: what a name of a module stands for, defined there or imported."""

from __future__ import annotations

from lintloss.facts import imports
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Func, ModuleValue, Pending, Value
from lintloss.parse import Module


def global_value(machine: Machine, module: Module, name: str, member: str = "") -> Value | None:
    """Return what a global name of a module stands for, or a member of the module that it stands for."""
    if module.path not in machine.globals and all(frame.module.path != module.path for frame in machine.frames):
        imports.load(machine, module)
    slot = machine.global_slot(module.path, name)
    if slot is None:
        return None
    pending = slot.value
    if not member:
        return imports.resolve(machine, pending) if isinstance(pending, Pending) else pending
    if isinstance(pending, ModuleValue):
        inner = machine.global_slot(pending.module.path, member)
        value = inner.value if inner is not None else None
        return imports.resolve(machine, value) if isinstance(value, Pending) else value
    if not isinstance(pending, Pending):
        return None
    if pending.attribute:
        full = f"{pending.module}.{pending.attribute}" if pending.module else pending.attribute
        return imports.member(machine, pending.importer, full, member, pending.level)
    return imports.member(machine, pending.importer, pending.module, member, pending.level)


def as_callable(value: Value | None) -> Func | Class | None:
    return value if isinstance(value, Func | Class) else None


def is_library(machine: Machine, module: Module, name: str) -> bool:
    """Say whether a name is an imported module that is none of the project's: `torch.load(…)`."""
    slot = machine.global_slot(module.path, name)
    pending = slot.value if slot is not None else None
    return isinstance(pending, Pending) and as_callable(imports.resolve(machine, pending)) is None
