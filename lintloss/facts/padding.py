"""Padding in the words of the code: what fills rows up, what marks labels to be ignored, which batches are whole."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from lintloss.facts import lone_rows, optional
from lintloss.facts.machine import Machine
from lintloss.facts.mark_texts import FILLED_WITH_MINUS_1, MINUS_100
from lintloss.facts.optional import Known
from lintloss.facts.values import Const, LibObject, Ref, Tuple, Value, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

PADS = regex(
    rf"pad_sequence|{MINUS_100}|{FILLED_WITH_MINUS_1}|ignore_index|\bpadding\s*=|\.pad\(|[\"']longest[\"']|pad_token|pad_id|"
    r"\bPAD\w*\b|\bpad\w*\(|\bpad_idx|max_len\s*=\s*max\(|"
    r"max\([\s(\[]*(?:map\(\s*)?len\b|max\([\s(\[]*\w+\.(?:size\(|shape\[|numel\()|max\(\s*\w*len(?:gth)?s\s*\)"
)
DOCSTRING = regex(r"(\"{3}|'{3})[\s\S]*?\1")
MARKED = regex(rf"{MINUS_100}|\bIGNORE(D)?(_INDEX|_LABEL\w*|_ID)?\b|ignore_index|LABEL_PAD", re.IGNORECASE)
DRAWS = regex(r"\brandint\(|random\.(choice|sample|integers)\(|\brandperm\(")
PLACES = regex(r"\brandint\(|\bintegers\(|\brandperm\(")


def text_of(module: Module, node: ast.AST) -> str:
    """Return the source of a function or class, rows as they are and without comments."""
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or 1
    return "\n".join(_code_rows(module.code)[first - 1 : last])


@lru_cache(maxsize=64)
def _code_rows(code: str) -> tuple[str, ...]:
    return tuple(code.split("\n"))


def code_of(module: Module, node: ast.AST) -> str:
    """Return the source without what it says of itself."""
    return DOCSTRING.sub("", text_of(module, node))


def pads(module: Module, node: ast.AST) -> bool:
    return PADS.search(code_of(module, node)) is not None


def told(module: Module, node: ast.AST, said: re.Pattern[str], known: Known = ()) -> bool | None:
    """Say whether code says something whatever its options are; None where it does not say it at all.

    What it does to each row alike, it does not say: a mark on the last label of each.
    """
    if said.search(code_of(module, node)) is None:
        return None
    known = (*optional.constants(module.tree), *known)
    if not _says(optional.code(node, said, known, opened=True), said):
        return None
    return _says(optional.code(node, said, known), said)


def _says(code: str, said: re.Pattern[str]) -> bool:
    return said.search(DOCSTRING.sub("", code)) is not None


def draws(module: Module, node: ast.AST) -> bool:
    """Say whether a function draws random windows of its own."""
    return DRAWS.search(text_of(module, node)) is not None


def draws_places(module: Module, node: ast.AST) -> bool:
    """Say whether a function draws numbers, where windows begin, and not rows, which may be of any length."""
    return PLACES.search(text_of(module, node)) is not None


def at(machine: Machine, module: Module, node: ast.AST, message: str) -> Evidence:
    """Return the head of a definition as a link of the chain."""
    span = machine.anchor(module).span(node)
    from dataclasses import replace

    return Evidence(
        module.path,
        replace(span, end_row=span.row, end_column=span.column + len(getattr(node, "name", "")) + 4),
        message,
    )


def is_whole(machine: Machine, loader: LibObject) -> bool:
    """Say whether a loader's last batch is as full as the others: it is dropped, or there is no rest."""
    dropped = loader.arg(8, "drop_last")
    if isinstance(dropped, Const) and dropped.value:
        return True
    size, dataset = loader.arg(1, "batch_size"), loader.arg(0, "dataset")
    rows = _rows(dataset) if dataset is not None else None
    if isinstance(size, Const) and isinstance(size.value, int) and size.value > 0 and rows is not None:
        return rows % size.value == 0
    if lone_rows.are_of_one_length(loader):
        return True
    return size is not None and any(_counts_in(machine, each, size) for each in options(dataset or Const(None)))


def _counts_in(machine: Machine, dataset: Value, size: Value) -> bool:
    """Say whether a data set's length is written as a multiple of the batch size: `n // length * self.batch_size`."""
    if not isinstance(dataset, Ref) or dataset.cls is None:
        return False
    for each in dataset.cls.node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__len__" and isinstance(each.body[-1], ast.Return):
            made = each.body[-1].value
            sides = (made.left, made.right) if isinstance(made, ast.BinOp) and isinstance(made.op, ast.Mult) else ()
            kept = [machine.get(dataset, side.attr) for side in sides if isinstance(side, ast.Attribute)]
            return any(slot is not None and slot.value == size for slot in kept)
    return False


def _rows(dataset: Value) -> int | None:
    """Return the number of rows of a dataset of known size: a part of random_split, a Subset of a range."""
    if isinstance(dataset, LibObject) and dataset.name.endswith("random_split") and dataset.args:
        number = dataset.args[0]
        return number.value if isinstance(number, Const) and isinstance(number.value, int) else None
    return None


def split(machine: Machine, node: ast.AST, args: list[Value]) -> Value | None:
    """Return the parts of random_split(dataset, lengths), each with its length."""
    lengths = args[1] if len(args) > 1 else None
    parts: list[Value] = []
    if isinstance(lengths, Tuple):
        parts = list(lengths.items)
    elif isinstance(lengths, Ref):
        fields = machine.fields(lengths)
        parts = [fields[str(i)].value for i in range(len(fields)) if str(i) in fields]
    if not parts:
        return None
    made = machine.evidence(node, "split here")
    return Tuple(
        tuple(
            LibObject("torch.utils.data.random_split", (part, args[0]), made=made, key=machine.key(node, i))
            for i, part in enumerate(parts)
        )
    )
