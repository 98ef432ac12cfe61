"""The data path of a loader: does its collate function, its dataset or its collator pad rows to different lengths?"""

from __future__ import annotations

import ast
import re

from lintloss.facts import bindings, lone_rows
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, Func, LibObject, Ref, Tuple, Value, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

PADS = regex(
    r"pad_sequence|-100\b|ignore_index|\bpadding\s*=|\.pad\(|[\"']longest[\"']|pad_token|pad_id|\bPAD\w*\b|\bpad\w*\(|\bpad_idx|max\(\s*len\(|max_len\s*=\s*max\("
)
# -1 is ignored where it is filled in, and an axis or a size that is left open elsewhere: `x.view(rows, -1)`.
IGNORES = regex(
    r"\]\s*=\s*-1\b|\[-1\]\s*\*|(full|full_like|fill_|masked_fill_?|where)\([^()]*,\s*-1\)|padding_value\s*=\s*-1\b|-100\b|ignore_index|"
    r"\bIGNORE(D)?(_\w+)?\b|LABEL_PAD"
)
DOCSTRING = regex(r"(\"{3}|'{3})[\s\S]*?\1")
MARKED = regex(r"-100\b|\bIGNORE(D)?(_INDEX|_LABEL\w*|_ID)?\b|ignore_index|LABEL_PAD", re.IGNORECASE)
# Rows are filled up to a length that is the same for all batches: `[PAD] * (self.seq_len - len(row))`.
TO_ONE_LENGTH = regex(
    r"(?<![.\w])(self\.)?(max_?(seq_?)?(len|length)|seq(uence)?_?(len|length)|block_size|context_(len|length|size))(\s*[+-]\s*1)?\s*-\s*len\(",
    re.IGNORECASE,
)
TO_LONGEST = regex(r"\bmax\(|[\"']longest[\"']|pad_sequence\(|-100\b|ignore_index")
DRAWS = regex(r"\brandint\(|random\.(choice|sample|integers)\(|\brandperm\(")
PLACES = regex(r"\brandint\(|\bintegers\(|\brandperm\(")
COLLATORS = regex(
    r"DataCollator(WithPadding|ForSeq2Seq|ForLanguageModeling|ForTokenClassification|ForCompletion\w*|ForWholeWordMask|WithFlattening)?$|PadCollat|Collator$"
)
LABELS = regex(r"label|target|^ys?$|^y_|_y$|tgt|class", re.IGNORECASE)
STACKS = regex(r"(torch|np|numpy)\.(stack|tensor|as_tensor|LongTensor|array)\(")
PLAIN = {"default_data_collator", "DefaultDataCollator", "default_collate", "default_convert"}


def text_of(module: Module, node: ast.AST) -> str:
    """Return the source of a function or class, without its comments' weight: rows as they are."""
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or 1
    lines = module.lines or tuple(module.text.split("\n"))
    return "\n".join(line.split("#")[0] for line in lines[first - 1 : last])


def code_of(module: Module, node: ast.AST) -> str:
    """Return the source without what it says of itself."""
    return DOCSTRING.sub("", text_of(module, node))


def pads(module: Module, node: ast.AST) -> bool:
    return PADS.search(code_of(module, node)) is not None


def draws(module: Module, node: ast.AST) -> bool:
    """Say whether a function draws random windows of its own."""
    return DRAWS.search(text_of(module, node)) is not None


def draws_places(module: Module, node: ast.AST) -> bool:
    """Say whether a function draws numbers, where windows begin, and not rows, which may be of any length."""
    return PLACES.search(text_of(module, node)) is not None


def of_loader(machine: Machine, loader: LibObject) -> Evidence | None:
    """Return why batches of a loader differ in scored tokens, None where nothing says so."""
    collate = loader.arg(6, "collate_fn")
    for option in options(collate) if collate is not None else ():
        found = of_collator(machine, option)
        if found is not None:
            return found
    dataset = loader.arg(0, "dataset")
    for option in options(dataset) if dataset is not None else ():
        if (
            isinstance(option, Ref)
            and option.cls is not None
            and IGNORES.search(code_of(option.cls.module, option.cls.node))
        ):
            return at(machine, option.cls.module, option.cls.node, "the dataset marks labels to be ignored")
    return None


def ignores_labels(machine: Machine, loader: LibObject) -> Evidence | None:
    """Return where the dataset or collate function of a loader writes -100 into labels, None where neither does."""
    for name, index in (("collate_fn", 6), ("dataset", 0)):
        given = loader.arg(index, name)
        for option in options(given) if given is not None else ():
            cls = option.cls if isinstance(option, Ref) else None
            home = (
                (option.module, option.node)
                if isinstance(option, Func)
                else (cls.module, cls.node)
                if cls is not None
                else None
            )
            if home is not None and MARKED.search(code_of(*home)):
                return at(machine, home[0], home[1], "labels are marked -100 here, which is ignored")
    return None


def of_collator(machine: Machine, value: Value) -> Evidence | None:
    if isinstance(value, LibObject):
        name = value.name.rsplit(".", 1)[-1]
        if name == "partial" and value.args:
            return of_collator(machine, value.args[0])
        return value.made if COLLATORS.search(name) else None
    if isinstance(value, Func) and isinstance(value.node, ast.Lambda) and not pads(value.module, value.node):
        called = value.node.body.func if isinstance(value.node.body, ast.Call) else None
        slot = machine.global_slot(value.module.path, called.id) if isinstance(called, ast.Name) else None
        behind = slot.value if slot is not None else None
        return of_collator(machine, behind) if isinstance(behind, Func) else None
    if isinstance(value, Func) and pads(value.module, value.node) and not _stacks_labels(value.node):
        return at(machine, value.module, value.node, "the collate function pads rows of different length")
    if isinstance(value, Ref) and value.cls is not None and pads(value.cls.module, value.cls.node):
        return at(machine, value.cls.module, value.cls.node, "the collator pads rows of different length")
    return None


def fills_to_one_length(loader: LibObject) -> bool:
    """Say whether the collate function of a loader pads each batch to the same length, and marks no label."""
    collate = loader.arg(6, "collate_fn")
    given = [option for option in options(collate) if isinstance(option, Func)] if collate is not None else []
    codes = [code_of(each.module, each.node) for each in given]
    return bool(codes) and all(map(fills_up_to_one_length, codes))


def fills_up_to_one_length(code: str) -> bool:
    """Say whether code pads rows to a length that is the same for all, and marks no label."""
    return TO_ONE_LENGTH.search(code) is not None and TO_LONGEST.search(code) is None


def _stacks_labels(function: ast.AST) -> bool:
    """Say whether a collate function fills up the inputs alone: `return pad_sequence(xs), torch.stack(labels)`."""
    if not isinstance(function, ast.FunctionDef):
        return False
    returned = bindings.returns(function)
    pair = returned[0].elts if len(returned) == 1 and isinstance(returned[0], ast.Tuple) else []
    if len(pair) != 2:
        return False
    inputs, labels = (_made(function, each) for each in pair)
    named = LABELS.search(ast.unparse(pair[1])) is not None
    return named and PADS.search(inputs) is not None and STACKS.match(labels) is not None and not PADS.search(labels)


def _made(function: ast.FunctionDef, node: ast.expr) -> str:
    """Return the source of what a name was given last, else of the expression."""
    bound = bindings.of(function).get(node.id, ()) if isinstance(node, ast.Name) else ()
    last = next((each.value for each in reversed(bound) if each.value is not None), None)
    return ast.unparse(last if last is not None else node)


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
