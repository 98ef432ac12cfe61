"""Options of the command line: the numbers that they have when nobody gives them."""

from __future__ import annotations

from lintloss.facts.linear import Atom, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Value


def note(machine: Machine, args: list[Value], kwargs: dict[str, Value]) -> None:
    """Remember the default of `parser.add_argument("--stride", default=512)`."""
    default = kwargs.get("default")
    names = [arg.value for arg in args if isinstance(arg, Const) and isinstance(arg.value, str)]
    if (
        not names
        or not isinstance(default, Const)
        or not isinstance(default.value, int)
        or isinstance(default.value, bool)
    ):
        return
    given = kwargs.get("dest")
    name = given.value if isinstance(given, Const) else max(names, key=len)
    machine.defaults[str(name).lstrip("-").replace("-", "_")] = default.value


def settled(machine: Machine, number: Linear) -> Linear:
    """Put the defaults of options in their place."""
    total = Linear(const=number.const)
    for atom, factor in number.terms:
        total = total + (_default(machine, atom) or Linear.of(atom)).times(factor)
    return total


def _default(machine: Machine, atom: Atom) -> Linear | None:
    last = atom[-1] if atom else None
    if isinstance(last, str) and last.startswith(".") and last[1:] in machine.defaults:
        return Linear(const=machine.defaults[last[1:]])
    return None
