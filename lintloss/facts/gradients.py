"""Are gradients recorded here? What `with` blocks, decorators and set_grad_enabled() statements say about it.

Blocks nest as calls do, so they are a stack beside the heap: a return from inside one must not leak into the caller.
The statement `set_grad_enabled(False)` holds until the next one, so it is kept in the heap.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.survey import called_name
from lintloss.facts.values import Choice, Const, Func, Lib, LibObject, Ref, Value
from lintloss.patterns import regex

ON, OFF, UNSURE = "on", "off", "unsure"
OFF_NAMES = {"no_grad", "inference_mode"}
WORDS = regex(r"no_grad|inference_mode|set_grad_enabled|set_grad_mode")
TELLING = regex(r"grad|infer|eval", re.IGNORECASE)  # a context manager that goes by such a name may turn them off
CONTEXT = regex(r"(^|[._])(ctx|context|cm|mode|guard)\w*(\(\))?$", re.IGNORECASE)
PLAIN_BASES = frozenset({"object", "ContextDecorator", "AbstractContextManager"})
STATEMENT = ("grad",)


def state(machine: Machine) -> str:
    """Return whether a forward pass at this point records gradients: "on", "off" or "unsure"."""
    for said in reversed(machine.gradients):
        if said:
            return said
    slot = machine.get(STATEMENT, "off")
    return ON if slot is None else _flag(slot.value, negate=True)


def _flag(value: Value, negate: bool = False) -> str:
    if isinstance(value, Const):
        return ON if bool(value.value) != negate else OFF
    return UNSURE


def switched(machine: Machine, enabled: Value) -> None:
    """Note the statement `torch.set_grad_enabled(enabled)`."""
    machine.put(STATEMENT, "off", Const(not enabled.value) if isinstance(enabled, Const) else enabled)


def restore(machine: Machine, slot: Slot | None) -> None:
    """Undo what evaluating `set_grad_enabled(flag)` as the head of a `with` block did."""
    machine.put(STATEMENT, "off", slot.value if slot is not None else Const(False))


@contextmanager
def inside(machine: Machine, said: Sequence[str]) -> Iterator[None]:
    """Run a block under what its context managers say, "" for those that say nothing."""
    machine.gradients.extend(said)
    try:
        yield
    finally:
        if said:
            del machine.gradients[-len(said) :]


def said_by(machine: Machine, value: Value, node: ast.expr) -> str:
    """Return what entering a context manager does to gradients; "" for nothing."""
    if isinstance(value, Choice):
        each = {said_by(machine, option, node) for option in value.options}
        return each.pop() if len(each) == 1 else UNSURE if each & {OFF, UNSURE} else ""
    if isinstance(value, Lib | LibObject):
        name = value.name.rsplit(".", 1)[-1]
        if name in OFF_NAMES:
            given = value.arg(0, "mode") if isinstance(value, LibObject) else None
            return OFF if given is None else _flag(given, negate=True)
        if name in {"set_grad_enabled", "set_grad_mode"} and isinstance(value, LibObject):
            return _flag(value.arg(0, "mode") or value)
        return ON if name == "enable_grad" else ""
    if _is_plain(machine, value, node):
        return ""
    return UNSURE if _may_switch(machine, machine.text(node)) else ""


def _is_plain(machine: Machine, value: Value, node: ast.expr) -> bool:
    """Say whether a context manager is written in the project, and nothing in it speaks of gradients: `Timer("eval")`."""
    from lintloss.facts.expressions import evaluate

    made: ast.AST | None = None
    if isinstance(value, Ref) and value.cls is not None:
        has_others = {called_name(base) for base in value.cls.node.bases} - PLAIN_BASES
        made = value.cls.node if not has_others else None
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        function = evaluate(machine, node.func)
        made = function.node if isinstance(function, Func) else None
    return made is not None and TELLING.search(machine.text(made)) is None


def _may_switch(machine: Machine, text: str) -> bool:
    """Say whether an unknown context manager may turn gradients off; `with ctx:` only where the file knows no_grad."""
    if TELLING.search(text):
        return True
    return CONTEXT.search(text) is not None and WORDS.search(machine.frame.module.code) is not None


def decorators(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return what the decorators of a function do to gradients; those of the project are looked into."""
    found = []
    for each in node.decorator_list:
        text = machine.text(each)
        if WORDS.search(text):
            found.append(ON if re.search(r"\(True\)", text) and "set_grad" in text else OFF)
        elif "enable_grad" in text:
            found.append(ON)
        else:
            function = project_decorator(machine, each)
            if function is not None and WORDS.search(machine.text(function.node)):
                found.append(OFF)
    return found


def project_decorator(machine: Machine, node: ast.expr) -> Func | None:
    """Return the function of the project that a decorator names."""
    from lintloss.facts.expressions import evaluate

    if isinstance(node, ast.Call):
        node = node.func
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    value = evaluate(machine, node)
    return value if isinstance(value, Func) else None
