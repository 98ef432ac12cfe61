"""Records: named tuples, and what a file keeps under a key that says what it is."""

from __future__ import annotations

import ast
from functools import lru_cache

from lintloss.facts.library.tables import PERPLEXITY_NAME
from lintloss.facts.machine import Machine
from lintloss.facts.regularizers import PENALTY
from lintloss.facts.values import UNKNOWN, Class, Const, Opaque, Quantity, Ref, Tuple, Value, options

Kwargs = dict[str, Value]


def tell(machine: Machine, name: str, value: Value) -> None:
    """Remember that this file keeps the perplexity of one text under a key, by which it may be read where nobody sees whence.

    One that was averaged is a whole set's: those are compared.
    """
    for each in options(value):
        if isinstance(each, Quantity) and each.is_perplexity and PERPLEXITY_NAME.match(name):
            by_name = each.scoring is not None and each.scoring.called == "perplexity"
            if not (each.loops or each.axes or each.weights or by_name):
                machine.told[machine.frame.module.path, name] = each


def told(machine: Machine, name: str) -> Quantity | None:
    """Return what the file is known to keep under a key, for an item of records that come from out of sight."""
    return machine.told.get((machine.frame.module.path, name))


def named_tuple(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """namedtuple("Part", ["nats", "tokens"]) is a class with these fields."""
    made = _class(node) if isinstance(node, ast.Call) else None
    return Class(made, machine.frame.module, machine.frame.key) if made is not None else None


def as_tuple(machine: Machine, value: Value) -> Tuple | None:
    """Return what a named tuple holds by position; None where it is none."""
    if not isinstance(value, Ref) or value.kind != "instance" or value.cls is None or not is_named_tuple(value.cls):
        return None
    slots = (machine.get(value, each.target.id) for each in fields(value.cls))  # type: ignore[union-attr]  # a Name, by fields()
    return Tuple(tuple(slot.value if slot is not None else UNKNOWN for slot in slots))


def as_given(machine: Machine, made: Value) -> Value:
    """Return a record that nobody was seen to make: what its fields add to a loss, 0.0 by default, may be more."""
    if isinstance(made, Ref) and made.cls is not None:
        for each in fields(made.cls):
            name = each.target.id  # type: ignore[union-attr]  # a Name, by fields()
            slot = machine.get(made, name)
            if slot is not None and PENALTY.search(name) and _is_off(slot.value):
                machine.put(made, name, Opaque((*made.id, "." + name), name))
    return made


def _is_off(value: Value) -> bool:
    return isinstance(value, Const) and isinstance(value.value, float) and not value.value


def is_named_tuple(cls: Class) -> bool:
    return any(ast.unparse(each).rsplit(".", 1)[-1] == "NamedTuple" for each in cls.node.bases)


def fields(cls: Class) -> list[ast.AnnAssign]:
    """Return the statements by which a class names its fields, in their order."""
    return [each for each in cls.node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]


@lru_cache(maxsize=256)
def _class(node: ast.Call) -> ast.ClassDef | None:
    """Return the call as the class statement that says the same; None where the fields are not written out."""
    listed = node.args[1] if len(node.args) > 1 else None
    named = node.args[0] if node.args else None
    if not isinstance(named, ast.Constant) or not isinstance(named.value, str):
        return None
    if isinstance(listed, ast.Constant) and isinstance(listed.value, str):
        names: list[object] = list(listed.value.replace(",", " ").split())
    elif isinstance(listed, ast.List | ast.Tuple):
        names = [each.value if isinstance(each, ast.Constant) else None for each in listed.elts]
    else:
        return None
    if not all(isinstance(each, str) and each.isidentifier() for each in (named.value, *names)):
        return None
    rows = "".join(f"    {each}: object\n" for each in names)
    made = ast.parse(f"class {named.value}(NamedTuple):\n{rows or '    pass'}").body[0]
    for each in ast.walk(made):  # it stands where the call stands
        ast.copy_location(each, node)
    return made if isinstance(made, ast.ClassDef) else None
