"""Shown texts: what a print, a log or a dict says of each value that it shows.

`print("val loss", loss)`, `f"val loss {loss}"`, `"val loss %.3f" % loss`, `"val loss {}".format(loss)`,
`log.info("val loss %.3f", loss)`, `add_scalar("val/loss", loss)`, `{"val_loss": loss}`, `dict(val_loss=loss)`.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence

from lintloss.patterns import regex

LOSS = r"(loss|nll|perplexity|ppl|xent|cross.?entropy)"
SAID = regex(rf"(?<![a-z]){LOSS}(?![a-z])")
LETTERS = regex(r"[A-Za-z]")
KINDS = regex(r"^(mode|split|phase|stage|subset|set)$")  # of what a row says on which data it was computed
FIELD = regex(r"\{[^{}]*\}")
PERCENT = regex(r"%[-+#0]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa]")
Shown = tuple[str, ast.expr]  # a caption, and what it is put to


def shown(statement: ast.AST) -> Iterator[Shown]:
    """Yield the captions in a statement with what each is put to: entries, keywords, arguments, fields of a text."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Dict):
            yield from _entries([(_text(key), value) for key, value in zip(node.keys, node.values, strict=True)])
        elif isinstance(node, ast.JoinedStr):
            yield from _paired(node.values)
        elif isinstance(node, ast.Call):
            yield from _entries([(each.arg, each.value) for each in node.keywords])
            yield from _given(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            text, right = _text(node.left), node.right
            if text is not None:
                yield from _filled(text, PERCENT, right.elts if isinstance(right, ast.Tuple) else [right])


def _entries(pairs: list[tuple[str | None, ast.expr]]) -> Iterator[Shown]:
    """Yield the entries of a row; one whose split stands beside it goes by that: `{"mode": "eval", "loss": loss}`."""
    splits = [told for key, value in pairs if key is not None and KINDS.search(key) and (told := _text(value))]
    for key, value in pairs:
        if key is not None:
            yield f"{splits[0]} {key}" if len(splits) == 1 and SAID.fullmatch(key) else key, value


def _given(call: ast.Call) -> Iterator[Shown]:
    """Yield the arguments of a call, each with the text before it; those of a format with the text around its field."""
    called = call.func
    text = _text(called.value) if isinstance(called, ast.Attribute) and called.attr == "format" else None
    if text is not None:
        yield from _filled(text, FIELD, call.args)
        return
    text = _text(call.args[0]) if call.args else None
    if text is not None and PERCENT.search(text):  # `log.info("val loss %.3f", loss)`
        yield from _filled(text, PERCENT, call.args[1:])
    else:
        yield from _paired(call.args)


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _paired(parts: list[ast.expr]) -> Iterator[Shown]:
    """Yield the texts with what stands behind each, unless a second value shares its text: `print("loss, val:", a, b)`."""
    values = [each.value if isinstance(each, ast.FormattedValue) else each for each in parts]
    for (caption, value), behind in itertools.zip_longest(itertools.pairwise(values), values[2:]):
        told = _text(caption)
        if told is not None and _text(value) is None and not _shares(behind):
            yield told, value


def _shares(behind: ast.expr | None) -> bool:
    """Say whether what comes next may be a loss too, or is set off by no word."""
    told = _text(behind)
    if told is not None:
        return LETTERS.search(told) is None and told.strip() in "/,|"
    return behind is not None and SAID.search(ast.unparse(behind).lower()) is not None


def _filled(text: str, field: re.Pattern[str], given: Sequence[ast.expr]) -> Iterator[Shown]:
    """Yield the fields of `"val loss {:.3f}"` with what fills each, where they are filled by their order."""
    fields = field.findall(text)
    if len(fields) != len(given) or any(re.match(r"\{[A-Za-z]", each) for each in fields):
        return
    texts = field.split(text)
    for index, value in enumerate(given):
        if LETTERS.search(texts[index + 1]) or index == len(given) - 1:
            yield texts[index], value
