"""Cut texts: a text that was joined to be scored in windows, and that the tokenizer cuts to the model's longest input."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from lintloss.facts import bindings, scored
from lintloss.facts.callers import text_of
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.provenance import Spot, Tracer, spot_at
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module
from lintloss.patterns import regex

TOKENIZES = regex(r"token|^enc|processor", 2)
CHOSEN = regex(r"\b(args?|opts?|flags|cfg|config|conf|hparams|self)\.")
FOUND = tuple[ast.AST, ast.expr, Loop]


def observe(machine: Machine, module: Module, loops: Iterable[scored.Looped]) -> Iterator[FOUND]:
    """Yield `truncation=True` of a joined text, what is joined, and the loop that should have run over all of it."""
    if "truncation" not in module.code:
        return
    for node in walk(module.tree):
        if not isinstance(node, ast.Call) or not TOKENIZES.search(text_of(node.func)) or not node.args:
            continue
        place = _cuts(node)
        spot = spot_at(module, node)
        if place is None or not _is_joined(Tracer(machine), spot.at(node.args[0])):
            continue
        loop = _loop_over(spot, node, loops)
        if loop is not None:
            yield place, node.args[0], loop


def _cuts(node: ast.Call) -> ast.expr | None:
    """Return the argument that cuts, unless somebody may choose the length."""
    given = {each.arg: each.value for each in node.keywords}
    truncation = given.get("truncation")
    if not isinstance(truncation, ast.Constant) or truncation.value in (None, False):
        return None
    length = given.get("max_length")
    chosen = isinstance(length, ast.Name) or (length is not None and CHOSEN.match(text_of(length)) is not None)
    splits = "return_overflowing_tokens" in given or "stride" in given
    return None if chosen or splits else truncation


def _is_joined(tracer: Tracer, spot: Spot) -> bool:
    """Say whether a text is made of many, or is a whole file: `"\\n".join(rows["text"])`, `file.read()`."""
    for world in tracer.worlds(spot):
        for each in world:
            call = each.spot.node if each is not None else None
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                return False
            if call.func.attr not in {"read", "read_text"} and not (call.func.attr == "join" and _is_text(call.func)):
                return False
            return True
    return False


def _is_text(joining: ast.Attribute) -> bool:
    return isinstance(joining.value, ast.Constant) and isinstance(joining.value.value, str)


def _loop_over(spot: Spot, node: ast.Call, loops: Iterable[scored.Looped]) -> Loop | None:
    """Return the loop of the same function, in steps of a window, that takes pieces of what the call made."""
    scope: ast.AST = spot.around[-1] if spot.around else spot.module.tree
    made = {name for name, bound in bindings.of(scope).items() for each in bound if _holds(each.value, node)}
    for name, bound in bindings.of(scope).items():  # `ids = encodings.input_ids`
        if any(each.value is not None and _names(each.value) & made for each in bound):
            made = made | {name}
    for function, loop in loops:
        own = function is scope or (function is None and not spot.around)
        if own and isinstance(loop.statement, ast.For) and _names(loop.statement) & made:
            header = text_of(loop.statement.iter)
            if "range(" in header or called_name(getattr(loop.statement.iter, "func", loop.statement.iter)) == "range":
                return loop
    return None


def _holds(value: ast.expr | None, node: ast.Call) -> bool:
    return value is not None and any(each is node for each in ast.walk(value))


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
