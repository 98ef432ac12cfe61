"""Options of the command line: the numbers that they have when nobody gives them."""

from __future__ import annotations

import ast

from lintloss.facts.linear import Atom, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Const, Key, Opaque, Tuple, Value


def note(machine: Machine, args: list[Value], kwargs: dict[str, Value]) -> None:
    """Remember the default of `parser.add_argument("--stride", default=512)`."""
    default = kwargs.get("default")
    names = [arg.value for arg in args if isinstance(arg, Const) and isinstance(arg.value, str)]
    if (
        not names
        or not isinstance(default, Const)
        or not isinstance(default.value, int | float)
        or isinstance(default.value, bool)
    ):
        return
    given = kwargs.get("dest")
    name = given.value if isinstance(given, Const) else max(names, key=len)
    machine.defaults[str(name).lstrip("-").replace("-", "_")] = default.value


def note_fields(machine: Machine, classes: Value | None) -> None:
    """Remember the defaults of `HfArgumentParser((Arguments,))`: its options are the fields of the data classes."""
    for each in classes.items if isinstance(classes, Tuple) else (classes,):
        for field in each.node.body if isinstance(each, Class) else ():
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                default = _of_field(field.value)
                if isinstance(default, int | float) and not isinstance(default, bool):
                    machine.defaults[field.target.id] = default


def _of_field(made: ast.expr | None) -> object:
    """Return the constant in `stride: int = 512` and in `stride: int = field(default=512)`."""
    if isinstance(made, ast.Call):
        made = next((word.value for word in made.keywords if word.arg == "default"), None)
    return made.value if isinstance(made, ast.Constant) else None


def settled(machine: Machine, number: Linear) -> Linear:
    """Put the defaults of options in their place."""
    total = Linear(const=number.const)
    for atom, factor in number.terms:
        total = total + (_default(machine, atom) or Linear.of(atom)).times(factor)
    return total


def _default(machine: Machine, atom: Atom) -> Linear | None:
    default = machine.defaults.get(_name(atom))
    return Linear(const=default) if isinstance(default, int) else None


def default_of(machine: Machine, value: Value) -> float | None:
    """Return what an option is when nobody gives it, None for what is no option."""
    return machine.defaults.get(_name(value.key)) if isinstance(value, Opaque) else None


def _name(key: Atom | Key) -> str:
    """Return the name of an attribute, `args.stride`; "" for anything else."""
    last = key[-1] if key else None
    return last[1:] if isinstance(last, str) and last.startswith(".") else ""
