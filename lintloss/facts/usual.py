"""What a name holds but for special cases: `drop_last = True`, and `if kind == "monthly": drop_last = False`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lintloss.patterns import regex

SPLITS = regex(r"flag|split|mode|phase|stage|train|test|val|eval|shuffle|infer|pred")


def constant(function: ast.AST, name: str) -> object:
    """Return what a name of a function is given on all paths but those of a kind of data; None where nobody can tell.

    What a test about the split decides, is decided otherwise for an evaluation: all of these have to agree.
    """
    given = list(_given(getattr(function, "body", []), name, ""))
    usual = {value.value if isinstance(value, ast.Constant) else None for value, tests in given if not tests}
    usual |= {
        value.value if isinstance(value, ast.Constant) else None
        for value, tests in given
        if tests and SPLITS.search(tests) is not None
    }
    return usual.pop() if len(usual) == 1 else None


def _given(body: list[ast.stmt], name: str, tests: str) -> Iterator[tuple[ast.expr, str]]:
    """Yield what a name is given in a block, each with the tests around it."""
    for each in body:
        if isinstance(each, ast.Assign):
            for target in each.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield each.value, tests
                elif isinstance(target, ast.Tuple) and isinstance(each.value, ast.Tuple):
                    pairs = zip(target.elts, each.value.elts, strict=False)
                    yield from ((value, tests) for one, value in pairs if isinstance(one, ast.Name) and one.id == name)
        if isinstance(each, ast.If):
            inner = f"{tests} {ast.unparse(each.test)}"
            yield from _given(each.body, name, inner)
            yield from _given(each.orelse, name, inner)
        elif isinstance(each, ast.With | ast.Try | ast.For | ast.While):
            yield from _given(each.body, name, tests)
