"""Distillation: terms that compare a model's outputs with those of another one, in whatever order they are weighted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.facts import bindings
from lintloss.facts.callers import text_of
from lintloss.patterns import regex

DEPTH = 3  # bindings behind a summand that are looked at
TEACHER = regex(r"teacher(?!_?forc)|distil")
COMPARES = regex(r"kl_?div|kl_?loss|kldiv|soft_?cross|mse|cosine")
COOLED = regex(r"softmax\([^()]*(\([^()]*\)[^()]*)*/")  # `log_softmax(student / t, -1)`


def is_one(scope: ast.AST, summand: ast.expr) -> bool:
    """Say whether a summand is a distillation's: a divergence of cooled logits, or from what a teacher put out."""
    text = " ".join(text_of(each) for each in _behind(scope, summand, DEPTH)).lower()
    return COMPARES.search(text) is not None and (len(COOLED.findall(text)) > 1 or TEACHER.search(text) is not None)


def _behind(scope: ast.AST, node: ast.expr, depth: int) -> Iterator[ast.expr]:
    """Yield an expression and what its names are bound to."""
    yield node
    bound = bindings.of(scope) if depth and not isinstance(scope, ast.Module) else {}
    for each in (one for one in ast.walk(node) if isinstance(one, ast.Name)):
        made = bindings.only(bound.get(each.id, ()))
        if made is not None:
            yield from _behind(scope, made, depth - 1)
