"""Collating: whether what puts the rows of a batch together pads them, and whether a data set marks labels."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from lintloss.facts import bindings, optional, text_blocks
from lintloss.facts.loops import Differing
from lintloss.facts.machine import Machine
from lintloss.facts.mark_texts import FILLED_WITH_MINUS_1, MINUS_100
from lintloss.facts.optional import Known
from lintloss.facts.padding import MARKED, PADS, at, code_of, pads, told
from lintloss.facts.values import Const, Func, LibObject, Ref, Value, options
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

IGNORES = regex(rf"{FILLED_WITH_MINUS_1}|{MINUS_100}|ignore_index|\bIGNORE(D)?(_\w+)?\b|LABEL_PAD")
# Rows are filled up to a length that is the same for all batches: `[PAD] * (self.seq_len - len(row))`.
TO_ONE_LENGTH = regex(
    r"(?<![.\w])(self\.)?(max_?(seq_?)?(len|length)|seq(uence)?_?(len|length)|block_size|context_(len|length|size))(\s*[+-]\s*1)?\s*-\s*len\(|"
    r"\bpadding\s*=\s*[\"']max_length[\"']",
    re.IGNORECASE,
)
TO_LONGEST = regex(
    rf"\bmax\(|[\"']longest[\"']|pad_sequence\(|{MINUS_100}|ignore_index|\bpadding\s*=\s*(?![\"']max_length)[\w\"']"
)
COLLATORS = regex(
    r"DataCollator(WithPadding|ForSeq2Seq|ForLanguageModeling|ForTokenClassification|ForCompletion\w*|ForWholeWordMask|WithFlattening)?$|PadCollat|Collator$"
)
PLAIN = {"default_data_collator", "DefaultDataCollator", "default_collate", "default_convert"}
LABELS = regex(r"label|target|^ys?$|^y_|_y$|tgt|class", re.IGNORECASE)
STACKS = regex(r"(torch|np|numpy)\.(stack|tensor|as_tensor|LongTensor|array)\(")
FILLS = regex(r"\b(zeros|ones|full|full_like|empty)\(|\bmax\(|\] \* ")  # rows that are filled up by hand


def of_loader(machine: Machine, loader: LibObject) -> Differing | None:
    """Return why batches of a loader differ in scored tokens, None where nothing says so."""
    collate = loader.arg(6, "collate_fn")
    for option in options(collate) if collate is not None else ():
        found = of_collator(machine, option)
        if found is not None:
            return found
    dataset = loader.arg(0, "dataset")
    for option in options(dataset) if dataset is not None else ():
        cls = option.cls if isinstance(option, Ref) else None
        if isinstance(option, Ref) and cls is not None:
            marks = told(cls.module, cls.node, IGNORES, optional.of_object(machine, option))
            place = at(machine, cls.module, cls.node, "the dataset marks labels to be ignored")
            if marks is not None:
                return Differing(place, marks)
    return None


def marks_alike(machine: Machine, loader: LibObject) -> Evidence | None:
    """Return where a data set marks labels at the same places of each row, and no others; None where it does not."""
    dataset = loader.arg(0, "dataset")
    for option in options(dataset) if dataset is not None else ():
        cls = option.cls if isinstance(option, Ref) else None
        if isinstance(option, Ref) and cls is not None and IGNORES.search(code_of(cls.module, cls.node)):
            if told(cls.module, cls.node, IGNORES, optional.of_object(machine, option)) is None:
                return at(machine, cls.module, cls.node, "the dataset marks the same labels of each row")
    return None


def ignores_labels(machine: Machine, loader: LibObject) -> Evidence | None:
    """Return where the dataset or collate function of a loader writes -100 into labels, None where neither does."""
    for name, index in (("collate_fn", 6), ("dataset", 0)):
        given = loader.arg(index, name)
        for option in options(given) if given is not None else ():
            home = _home(option)
            if home is not None and MARKED.search(code_of(*home)):
                return at(machine, home[0], home[1], "labels are marked -100 here, which is ignored")
    return None


def _home(value: Value) -> tuple[Module, ast.AST] | None:
    """Return the code of a function, or of the class of an object."""
    if isinstance(value, Func):
        return value.module, value.node
    cls = value.cls if isinstance(value, Ref) else None
    return (cls.module, cls.node) if cls is not None else None


def of_collator(machine: Machine, value: Value, known: Known = ()) -> Differing | None:
    """Return where a collator pads rows to different lengths, None where nothing says so."""
    if isinstance(value, LibObject):
        name = value.name.rsplit(".", 1)[-1]
        if name == "partial" and value.args:
            return of_collator(machine, value.args[0], optional.of_call(value))
        is_padding = COLLATORS.search(name) is not None and name not in PLAIN
        if name.endswith("ForLanguageModeling") and text_blocks.are_collated(machine, value):
            is_padding = value.arg(1, "mlm") != Const(False)
        return Differing(value.made) if is_padding and value.made is not None else None
    if isinstance(value, Func) and isinstance(value.node, ast.Lambda) and not pads(value.module, value.node):
        called = value.node.body.func if isinstance(value.node.body, ast.Call) else None
        slot = machine.global_slot(value.module.path, called.id) if isinstance(called, ast.Name) else None
        behind = slot.value if slot is not None else None
        return of_collator(machine, behind) if isinstance(behind, Func) else None
    if isinstance(value, Func) and not stacks_labels(value.node):
        place = at(machine, value.module, value.node, "the collate function pads rows of different length")
        return _padded(place, told(value.module, value.node, PADS, known))
    if isinstance(value, Ref) and value.cls is not None and not _calls_stacker(value.cls.node):
        place = at(machine, value.cls.module, value.cls.node, "the collator pads rows of different length")
        return _padded(place, told(value.cls.module, value.cls.node, PADS, optional.of_object(machine, value)))
    return None


def _padded(place: Evidence, pads_always: bool | None) -> Differing | None:
    return Differing(place, pads_always) if pads_always is not None else None


def _calls_stacker(cls: ast.ClassDef) -> bool:
    """Say whether a collator, when it is called, fills up the inputs alone."""
    return any(stacks_labels(each) for each in cls.body if getattr(each, "name", "") == "__call__")


def fills_to_one_length(loader: LibObject) -> bool:
    """Say whether the collate function of a loader pads each batch to the same length, and marks no label."""
    collate = loader.arg(6, "collate_fn")
    homes = [_home(option) for option in options(collate)] if collate is not None else []
    codes = [code_of(*home) for home in homes if home is not None]
    return bool(codes) and all(map(fills_up_to_one_length, codes))


def fills_up_to_one_length(code: str) -> bool:
    """Say whether code pads rows to a length that is the same for all, and marks no label."""
    return TO_ONE_LENGTH.search(code) is not None and TO_LONGEST.search(code) is None


# -- inputs alone -----------------------------------------------------------------------------------------------------


def stacks_labels(function: ast.AST) -> bool:
    """Say whether a collate function fills up the inputs alone: `return pad_sequence(xs), torch.stack(labels)`."""
    if not isinstance(function, ast.FunctionDef):
        return False
    returned = bindings.returns(function)
    entries = list(_entries(function, returned[0])) if len(returned) == 1 and returned[0] is not None else []
    labels = [value for name, value in entries if LABELS.search(name)]
    return 0 < len(labels) < len(entries) and all(_is_stacked(function, each) for each in labels)


def _entries(function: ast.FunctionDef, returned: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield what a batch holds, with what it is called: by its keys, or by the names of a tuple's entries."""
    if isinstance(returned, ast.Tuple):
        for each in returned.elts:
            yield ast.unparse(each), each
    elif isinstance(returned, ast.Dict):
        for key, value in zip(returned.keys, returned.values, strict=True):
            yield ast.unparse(key) if key is not None else "", value
    elif isinstance(returned, ast.Name):
        for bound in bindings.of(function).get(returned.id, ()):
            if bound.value is not None and bound.key is None:
                entries = list(_entries(function, bound.value)) if not isinstance(bound.value, ast.Name) else []
                yield from entries or [("", bound.value)]
            elif bound.value is not None:
                yield str(bound.key), bound.value


def _is_stacked(function: ast.FunctionDef, label: ast.expr) -> bool:
    """Say whether labels are put together as the rows hold them: what cannot be stacked unless it is of one size."""
    said = list(dict.fromkeys(_origins(function, label)))
    return any(map(STACKS.match, said[:2])) and not any(PADS.search(each) or FILLS.search(each) for each in said)


def _origins(function: ast.FunctionDef, node: ast.expr, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the code of all that a value is made of inside of a function: what its names are given, what is appended."""
    yield ast.unparse(node)
    for name in sorted({each.id for each in ast.walk(node) if isinstance(each, ast.Name)} - set(seen)):
        for given in _given(function, name):
            yield from _origins(function, given, (*seen, name))


def _given(function: ast.FunctionDef, name: str) -> Iterator[ast.expr]:
    for each in bindings.of(function).get(name, ()):
        if each.value is not None:
            yield each.value
    for node in bindings.own(function):
        added = node.func if isinstance(node, ast.Call) else None
        if isinstance(added, ast.Attribute) and added.attr in {"append", "extend"} and ast.unparse(added.value) == name:
            yield from node.args  # type: ignore[attr-defined]  # a Call, checked above
        elif isinstance(node, ast.AugAssign) and ast.unparse(node.target) == name:
            yield node.value
