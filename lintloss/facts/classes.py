"""Classes of the project: instances, bases, methods and members, looked up as Python does."""

from __future__ import annotations

import ast

from lintloss.facts import calls, registries
from lintloss.facts.expressions import evaluate
from lintloss.facts.library import records
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.state import Heap, State
from lintloss.facts.values import (
    UNKNOWN,
    UNLESS_GIVEN,
    Class,
    Const,
    Func,
    Key,
    Lib,
    LibObject,
    Opaque,
    Ref,
    Tuple,
    Value,
)

Kwargs = dict[str, Value]
HIGHEST = 10  # classes over classes; a class may be its own base by name


def instantiate(machine: Machine, node: ast.AST, cls: Class, args: list[Value], kwargs: Kwargs) -> Value:
    """Make an instance and run its __init__."""
    ref = Ref(machine.key(node, cls.node.name), "instance", cls)
    machine.instantiated.add(cls.node)
    if cls.module.path == machine.home:
        machine.handed_over[ref] = None
    if is_trainer(machine, cls):
        for name, value in kwargs.items():  # the library's __init__ keeps them under these names
            machine.put(ref, name, value)
    abroad = cls.module is not machine.frames[0].module
    matters = not abroad or machine.relevance.of(cls.module, cls.node) or registries.is_one(cls.node)
    maker = method(machine, ref, "__init__") if matters else None
    if maker is not None:
        calls.run(machine, node, maker, args, kwargs)
    elif any("dataclass" in machine.text(each) for each in cls.node.decorator_list) or records.is_named_tuple(cls):
        _fill_fields(machine, ref, cls, args, kwargs)
    return ref


def is_trainer(machine: Machine, cls: Class) -> bool:
    """Say whether a class is a library's trainer with something added."""
    return any(isinstance(base, Lib) and base.name.endswith("Trainer") for base in bases(machine, cls))


def hands_on(machine: Machine, callee: Value) -> bool:
    """Say whether a method of a trainer does what the library's does, and something beside it: `super().evaluate(…)`."""
    if not isinstance(callee, Func) or not isinstance(callee.node, ast.FunctionDef) or callee.owner is None:
        return False
    name = callee.node.name
    if name not in {"evaluate", "train"} or f"super().{name}(" not in machine.text(callee.node):
        return False
    return is_trainer(machine, callee.owner)


def _fill_fields(machine: Machine, ref: Ref, cls: Class, args: list[Value], kwargs: Kwargs) -> None:
    for index, each in enumerate(records.fields(cls)):
        name = each.target.id  # type: ignore[union-attr]  # a Name, by fields()
        if index < len(args):
            machine.put(ref, name, args[index])
        elif name in kwargs:
            machine.put(ref, name, kwargs[name])
        elif isinstance(spread := kwargs.get("**"), Opaque):
            machine.put(ref, name, _spread(machine, spread, name, each.value))
        elif each.value is not None:
            machine.put(ref, name, evaluate(machine, each.value))


def _spread(machine: Machine, spread: Opaque, name: str, default: ast.expr | None) -> Value:
    """Return what `Config(**saved)` gives a field: what was put there, else nobody can tell; its default, it may be."""
    held = machine.get(spread.key, name)
    if held is not None:
        return held.value
    if isinstance(default, ast.Constant):
        machine.put((*spread.key, name), UNLESS_GIVEN, Const(default.value))
    return Opaque((*spread.key, name), name)


def bases(machine: Machine, cls: Class, seen: int = 0) -> list[Class | Lib]:
    """Return the class and its bases, nearest first; library bases as names. Not to be changed."""
    known = machine.bases.get(cls)
    if known is not None and seen == 0:
        return known
    found = _bases(machine, cls, seen)
    if seen == 0 and not machine.loading and cls.module.path in machine.globals:
        machine.bases[cls] = found
    return found


def _bases(machine: Machine, cls: Class, seen: int) -> list[Class | Lib]:
    found: list[Class | Lib] = [cls]
    if seen > HIGHEST:
        return found
    for node in cls.node.bases:
        value = in_module(machine, cls, node)
        if isinstance(value, Class):
            found.extend(bases(machine, value, seen + 1))
        elif isinstance(value, Lib):
            found.append(value)
        elif isinstance(value, Opaque) and value.name:
            found.append(Lib(value.name))
    return found


def in_module(machine: Machine, cls: Class, node: ast.expr) -> Value:
    """Evaluate an expression among the globals of the module that defines a class."""
    frame = Frame(
        cls.module,
        cls.module.tree,
        ("class", cls.module.path, cls.node.name),
        State(dict(machine.module_names(cls.module.path)), machine.state.heap if machine.frames else Heap()),
    )
    if cls.closure and cls.closure in machine.closures:
        frame.state.names.update(machine.closures[cls.closure])
    machine.frames.append(frame)
    try:
        return evaluate(machine, node)
    finally:
        machine.frames.pop()


def method(machine: Machine, owner: Ref, name: str) -> Func | None:
    """Return a method of an instance, bound to it."""
    if owner.cls is None:
        return None
    found = _find(machine, owner.cls, name)
    if found is None:
        return None
    node, cls = found
    static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list)
    return Func(node, cls.module, None if static else owner, cls, cls.closure)


def method_names(machine: Machine, cls: Class) -> list[str]:
    """List the methods that the project's classes define for a class, its own first."""
    own = (base for base in bases(machine, cls) if isinstance(base, Class))
    return list(dict.fromkeys(name for base in own for name in _methods(machine, base.node)))


def _find(machine: Machine, cls: Class, name: str) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, Class] | None:
    for base in bases(machine, cls):
        if isinstance(base, Class):
            statement = _methods(machine, base.node).get(name)
            if statement is not None:
                return statement, base
    return None


def _methods(machine: Machine, node: ast.ClassDef) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the methods of a class by name; of two with one name, the first."""
    found = machine.methods.get(node)
    if found is None:
        functions = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        found = machine.methods[node] = {each.name: each for each in reversed(functions)}
    return found


def instance_member(machine: Machine, owner: Ref, name: str, node: ast.AST) -> Value:
    """Return an attribute of an instance (or of a list or dict)."""
    slot = machine.get(owner, name)
    if slot is not None:
        return slot.value
    if owner.kind != "instance":
        return Opaque((*owner.id, "." + name), name)
    bound = method(machine, owner, name)
    if bound is not None:
        if any("property" in machine.text(each) for each in bound.node.decorator_list):  # type: ignore[union-attr]
            return calls.run(machine, node, bound, [], {})
        return bound
    if name == "__dict__":
        from lintloss.facts.library import plain

        return plain.fields(machine, node, [owner], {}) or UNKNOWN
    found = class_member(machine, owner.cls, name) if owner.cls else None
    return found if found is not None else Opaque((*owner.id, "." + name), name)


def class_member(machine: Machine, cls: Class, name: str) -> Value | None:
    for base in bases(machine, cls):
        slot = machine.get(shelf(base), name) if isinstance(base, Class) else None
        if slot is not None:
            return slot.value
        statement = _members(machine, base.node).get(name) if isinstance(base, Class) else None
        if statement is None or not isinstance(base, Class):
            continue
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            is_class = any(isinstance(d, ast.Name) and d.id == "classmethod" for d in statement.decorator_list)
            return Func(statement, base.module, base if is_class else None, base, base.closure)
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            return _shelved(machine, base, name, statement.value) if statement.value is not None else None
    return None


def shelf(cls: Class) -> Key:
    """Return where in the heap a class keeps what is changed of it: `Scores.losses.append(loss)`."""
    return ("class", cls.module.path, cls.node.name)


def _shelved(machine: Machine, cls: Class, name: str, node: ast.expr) -> Value:
    """Return what a class body gives a name; a list, a dict or a number is made once, before any loop."""
    value = in_module(machine, cls, node)
    if isinstance(value, Const) and isinstance(value.value, int | float):
        machine.put(shelf(cls), name, value, 0)
    if isinstance(value, Ref) and value.kind in {"list", "dict"}:
        machine.put(shelf(cls), name, value, 0)
        for field, slot in machine.fields(value).items():
            machine.put(value, field, slot.value, 0)
    return value


def _members(machine: Machine, node: ast.ClassDef) -> dict[str, ast.stmt]:
    """Return the statements of a class body that define a name; of two for one name, the first."""
    found = machine.members.get(node)
    if found is None:
        found = machine.members[node] = {}
        for statement in node.body:
            for name in _defined(statement):
                found.setdefault(name, statement)
    return found


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return [statement.name]
    targets = (
        statement.targets
        if isinstance(statement, ast.Assign)
        else [statement.target]
        if isinstance(statement, ast.AnnAssign)
        else []
    )
    return [target.id for target in targets if isinstance(target, ast.Name)]


def above(machine: Machine) -> Value:
    """Return `super()`: the instance seen as its next base."""
    frame = machine.frame
    first = next(iter(frame.state.names.values()), None)
    owner = first.value if first is not None else None
    if isinstance(owner, Ref) and owner.cls is not None:
        defining = _defining(machine, owner.cls, frame.node)
        following = [base for base in bases(machine, owner.cls) if isinstance(base, Class)]
        if defining in following:
            following = following[following.index(defining) + 1 :]
        if following:
            return Ref(owner.id, "instance", following[0])
        return Opaque((*owner.id, "super"), "super")
    return UNKNOWN


SEQUENTIAL, LAYERS = "torch.nn.Sequential", "@layers"
LOADER = "@loader"
BY_BASE = frozenset(
    {"reduction", "ignore_index", "weight", "label_smoothing"}
)  # what torch's losses keep of __init__()


def made_by_base(machine: Machine, node: ast.AST, args: list[Value], kwargs: dict[str, Value]) -> None:
    """Keep what `super().__init__(reduction=…)` hands to a library's loss, where its __init__() keeps it.

    Of torch's Sequential, which is given layers, and of a DataLoader, all.
    """
    made = running_on(machine, machine.frame)
    known = (
        [base for base in bases(machine, made.cls) if isinstance(base, Lib)] if made is not None and made.cls else []
    )
    if made is not None and args and Lib(SEQUENTIAL) in known:
        machine.put(made, LAYERS, Tuple(tuple(args)))
    loader = next((base for base in known if base.name.endswith(".DataLoader")), None)
    if made is not None and loader is not None:
        place = machine.evidence(node, "DataLoader made here")
        machine.put(made, LOADER, LibObject(loader.name, tuple(args), tuple(kwargs.items()), place, made.id))
    owner, base = _library_loss(machine)
    if owner is None or base is None:
        return
    default = {} if "**" in kwargs else {"reduction": Const("mean")}
    for name, value in {**default, **kwargs}.items():
        if name in BY_BASE:
            machine.put(owner, name, value)


def layers(machine: Machine, owner: Ref) -> tuple[Value, ...] | None:
    """Return the layers that an instance of a subclass of torch's Sequential runs one after the other."""
    slot = machine.get(owner, LAYERS)
    return slot.value.items if slot is not None and isinstance(slot.value, Tuple) else None


def loader_of(machine: Machine, owner: Ref) -> LibObject | None:
    """Return the loader that an instance of a subclass of DataLoader is, where it iterates as that does."""
    slot = machine.get(owner, LOADER)
    if slot is None or not isinstance(slot.value, LibObject) or method(machine, owner, "__iter__") is not None:
        return None
    return slot.value


def criterion_above(machine: Machine) -> LibObject | None:
    """Return the library's loss that `super().forward(…)` computes, with what its __init__() was given."""
    owner, base = _library_loss(machine)
    kept = {name: slot.value for name, slot in machine.fields(owner).items()} if owner is not None else {}
    if base is None or "reduction" not in kept:
        return None
    given = tuple((name, value) for name, value in sorted(kept.items()) if name in BY_BASE)
    return LibObject(base.name, (), given, key=machine.key(machine.frame.node, base.name))


def running_on(machine: Machine, frame: Frame) -> Ref | None:
    """Return the object whose method runs in a frame; a function that is handed an object is none of its methods."""
    first = next(iter(frame.state.names.values()), None)
    owner = first.value if first is not None else None
    if not isinstance(owner, Ref) or owner.cls is None or _defining(machine, owner.cls, frame.node) is None:
        return None
    return owner


def _library_loss(machine: Machine) -> tuple[Ref | None, Lib | None]:
    """Return the object whose method runs, and the library's loss that it is made from."""
    owner = running_on(machine, machine.frame)
    if owner is None or owner.cls is None:
        return None, None
    known = (base for base in bases(machine, owner.cls) if isinstance(base, Lib))
    return owner, next((base for base in known if base.name.rsplit(".", 1)[-1].endswith("Loss")), None)


def _defining(machine: Machine, cls: Class, node: ast.AST) -> Class | None:
    for base in bases(machine, cls):
        if isinstance(base, Class) and node in base.node.body:
            return base
    return None
