"""Early returns: a loop over batches that collects something of each, and returns it in its first pass."""

from __future__ import annotations

import ast

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.facts.library import loaders
from lintloss.facts.loops import Loop
from lintloss.facts.survey import walk
from lintloss.facts.values import LibObject, options
from lintloss.patterns import regex

# What a total, or what is collected, starts as.
STARTS = regex(r"(0|0\.0?|\[\]|\{\}|(torch\.|np\.)?zeros\(.*|(collections\.)?(defaultdict|dict|list|Counter)\(.*)$")
COLLECTS = regex(r"\w\.(append|extend|update)\(")


def of_loop(function: ast.AST | None, loop: Loop) -> ast.Return | None:
    """Return the `return` that is one level too deep.

    A loop that collects nothing looks at one batch on purpose, and one with a `continue` looks for a batch.
    """
    statement = loop.statement
    if statement is None or function is None or loop.unit not in {"batch", "example"}:
        return None
    last = statement.body[-1]
    if not isinstance(last, ast.Return) or last.value is None:
        return None
    if any(isinstance(option, LibObject) and loaders.takes_all(option) for option in options(loop.iterates)):
        return None
    inside = list(walk(statement))
    if any(isinstance(each, ast.Continue | ast.Break) for each in inside):
        return None
    started = {
        name
        for name, bound in bindings.of(function).items()
        for each in bound
        if each.value is not None and each.value.lineno < statement.lineno and STARTS.match(text_of(each.value))
    }
    used = {each.id for each in inside if isinstance(each, ast.Name)}
    return last if started & used or COLLECTS.search(text_of(statement)) else None
