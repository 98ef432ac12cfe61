"""Text into ids: what tokenizers and the collators of Hugging Face return, and what they pad."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import text_blocks
from lintloss.facts.library import loaders, rows
from lintloss.facts.library.windows import NEW
from lintloss.facts.linear import Linear
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Key, LibObject, Opaque, Quantity, Ref, Tensor, Value, Window
from lintloss.patterns import regex

Kwargs = dict[str, Value]
TOKENIZER = regex(r"(^|_)tokeni[sz]er$|^tok$|Tokenizer(Fast)?$")
SEVERAL = regex(r"s$|batch|list|corpus|chunk\b|s\)$|s\[", re.IGNORECASE)
LIST = regex(r"(typing\.)?([Ll]ist|Sequence|Tuple|tuple|Iterable)\[str\b")
IF_SEVERAL = "@if several"  # where an encoding keeps its rows as they are if it is one of several texts
TELLS = frozenset({"enable_padding", "no_padding"})  # of the tokenizers library
ENCODES = frozenset({"encode", "encode_batch"})
TOLD = "@padding"  # where a tokenizer keeps what it was told to fill rows up with
ENCODERS = frozenset({"__call__", "batch_encode_plus", "encode_plus", "pad"})


def is_tokenizer(value: Value) -> bool:
    if isinstance(value, LibObject):
        return bool(TOKENIZER.search(loaders.short(value))) or loaders.short(value) == "AutoProcessor"
    return isinstance(value, Opaque) and bool(TOKENIZER.search(value.name))


def pad_id(tokenizer: Value) -> Value:
    key: Key = getattr(tokenizer, "key", ())
    return Opaque((*key, ".pad_token_id"), "pad_token_id")


def encoded(
    machine: Machine, node: ast.AST, tokenizer: Value, args: list[Value], kwargs: Kwargs, name: str = "__call__"
) -> Value:
    """Return what a tokenizer gives: ids and attention mask, padded when it was told to."""
    result = Opaque(machine.key(node, "encoding"), "")
    padding = kwargs.get("padding", Const(True) if name == "pad" else None)
    pads = padding is not None and not (isinstance(padding, Const) and padding.value in (False, None, "do_not_pad"))
    pads = pads or kwargs.get("pad_to_max_length") == Const(True)
    if padding in (Const(True), Const("longest")) and name != "pad":
        pads = pads and (
            _several_texts(node) or _is_list_of_texts(machine, node)
        )  # one text alone is as long as the longest
    as_tensors = "return_tensors" in kwargs
    source = (*result.key, "input_ids")
    window = Window(source)
    if kwargs.get("return_overflowing_tokens") == Const(True):
        window = _overflowing(machine, node, window, kwargs)
    elif as_tensors and not pads:  # rows of one length only: one text
        window = replace(window, source=(*source, NEW))
    if pads and padding == Const("max_length"):
        window = window.marked("even")
    step = machine.evidence(node, "the tokenizer fills up the rows here with its pad id")
    pad = pad_id(tokenizer) if pads and not _one_text(args) else None
    ids = Tensor("ids", window, None, source, "input_ids", (step,) if pad is not None else (), pad=pad)
    machine.put(result.key, "input_ids", ids)
    if pad is None and padding in (Const(True), Const("longest")) and not _one_text(args):
        machine.put(result.key, IF_SEVERAL, replace(ids, trace=(step,), pad=pad_id(tokenizer)))
    machine.put(result.key, "data", result)  # the dict behind it
    mask = Tensor(
        "mask",
        replace(window, source=(*result.key, "attention_mask")),
        None,
        (*result.key, "attention_mask"),
        "attention_mask",
        sense=True,
    )
    machine.put(result.key, "attention_mask", mask)
    return result


def of_several(machine: Machine, source: Key, index: Value) -> Tensor | None:
    """Return the rows behind an encoding that was filled up, if it is of several texts: who takes any one of them says so.

    Of lists, only a data set takes rows: elsewhere, the items of one text are its ids.
    """
    is_tensor = source[-1:] == (NEW,)
    if not is_tensor and machine.frame.name != "__getitem__":
        return None
    place = source[:-1] if is_tensor else source
    slot = machine.get(place[:-1], IF_SEVERAL) if place[-1:] == ("input_ids",) else None
    is_any = isinstance(index, Opaque | Quantity)
    return slot.value if slot is not None and is_any and isinstance(slot.value, Tensor) else None


def is_told(machine: Machine, tokenizer: Value, kwargs: Kwargs) -> bool:
    """Say whether a tokenizer fills up each row that it encodes, because it was told to before, or is now."""
    if kwargs.get("padding") == Const("max_length"):
        return is_tokenizer(tokenizer)
    key: Key = getattr(tokenizer, "key", ())
    return bool(key) and machine.get(key, TOLD) is not None


def told(machine: Machine, node: ast.AST, tokenizer: Value, name: str, kwargs: Kwargs) -> Value | None:
    """Read `tokenizer.enable_padding(pad_id=0, length=512)`, and `encode(text).ids` after it."""
    key: Key = getattr(tokenizer, "key", ())
    if not key:
        return None
    if name == "enable_padding":
        is_fixed = kwargs.get("length", Const(None)) != Const(None)
        step = machine.evidence(node, "the tokenizer fills up the rows from here on")
        row = Tensor("ids", None, None, trace=(step,), pad=kwargs.get("pad_id", Const(0)))
        machine.put(key, TOLD, replace(row, name="fixed" if is_fixed else ""))
        return Const(None)
    if name == "no_padding":
        machine.put(key, TOLD, Const(None))
        return Const(None)
    return _told_row(machine, node, tokenizer, name, kwargs)


def _told_row(machine: Machine, node: ast.AST, tokenizer: Value, name: str, kwargs: Kwargs) -> Value | None:
    source = machine.key(node, "encoding")
    if "padding" in kwargs:  # encode() of Hugging Face's own tokenizers returns the ids themselves
        step = machine.evidence(node, "the tokenizer fills up the row here with its pad id")
        return Tensor("ids", Window(source), None, source, "input_ids", (step,), pad=pad_id(tokenizer))
    slot = machine.get(getattr(tokenizer, "key", ()), TOLD)
    row = slot.value if slot is not None else None
    if not isinstance(row, Tensor) or (name == "encode" and not row.name):
        return None  # one text alone is as long as the longest
    result = Opaque(source, "")
    machine.put(source, "ids", replace(row, window=Window((*source, "ids")), key=(*source, "ids"), name="ids"))
    return machine.new_list(node, result) if name == "encode_batch" else result


def _overflowing(machine: Machine, node: ast.AST, window: Window, kwargs: Kwargs) -> Window:
    """Chunks of max_length that share `stride` tokens."""
    size, overlap = kwargs.get("max_length"), kwargs.get("stride", Const(0))
    if not (
        isinstance(size, Const)
        and isinstance(size.value, int)
        and isinstance(overlap, Const)
        and isinstance(overlap.value, int)
    ):
        return window
    atom = ("chunk", *machine.key(node))
    machine.strides[atom] = (
        Linear(const=1),
        machine.evidence(node, f"chunks of {size.value} tokens share {overlap.value} here"),
    )
    lower = Linear.of(atom).times(size.value - overlap.value)
    return replace(window, lower=lower, upper=lower.plus(size.value), axis=1)


def _several_texts(node: ast.AST) -> bool:
    """Say whether a tokenizer is called on several texts, by how its argument is written."""
    given = node.args[0] if isinstance(node, ast.Call) and node.args else None
    if given is None and isinstance(node, ast.Call):
        given = next((word.value for word in node.keywords if word.arg in {"text", "text_target"}), None)
    if isinstance(given, ast.List | ast.Tuple | ast.ListComp):
        return not isinstance(given, ast.List) or len(given.elts) != 1
    if isinstance(given, ast.Subscript):
        by_name = isinstance(given.slice, ast.Constant) and isinstance(given.slice.value, str)
        return isinstance(given.slice, ast.Slice) or (by_name and SEVERAL.search(ast.unparse(given.value)) is not None)
    return given is not None and SEVERAL.search(ast.unparse(given)) is not None


def _is_list_of_texts(machine: Machine, node: ast.AST) -> bool:
    """Say whether a tokenizer is given a parameter that is declared to be a list of texts."""
    given = node.args[0] if isinstance(node, ast.Call) and node.args else None
    function = machine.frame.node
    if not isinstance(given, ast.Name) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    spec = function.args
    declared = (each.annotation for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs) if each.arg == given.id)
    return any(each is not None and LIST.match(machine.text(each)) is not None for each in declared)


def _one_text(args: list[Value]) -> bool:
    return bool(args) and isinstance(args[0], Const) and isinstance(args[0].value, str)


def collator(machine: Machine, made: LibObject, row: Value, key: Key) -> Value | None:
    """Return a batch of one of Hugging Face's collators."""
    name = loaders.short(made)
    tokenizer = made.arg(0, "tokenizer") or UNKNOWN
    if name == "DataCollatorForLanguageModeling":
        masked = made.arg(1, "mlm")
        if masked != Const(False):
            return _masked_batch(machine, key)
        return _language_batch(machine, row, None if text_blocks.are_collated(machine, made) else tokenizer, key)
    if name == "DataCollatorWithPadding":
        return _padded_batch(machine, row, tokenizer, key)
    if name == "DefaultDataCollator":
        return rows.collated(machine, row)
    return None


def _language_batch(machine: Machine, row: Value, tokenizer: Value | None, key: Key) -> Value:
    """mlm=False: labels are a copy of the ids, and -100 where they are padding; no tokenizer: of blocks, none is."""
    batch = Ref((*key, "batch"), "dict")
    machine.state.heap.clear(batch.id)
    pad = pad_id(tokenizer) if tokenizer is not None else None
    ids = Tensor("ids", Window((*key, "input_ids")), None, (*key, "input_ids"), "input_ids", pad=pad)
    machine.put(batch, "input_ids", ids)
    machine.put(batch, "labels", replace(ids, pad=None, clean=True, key=(*key, "labels"), name="labels"))
    machine.put(
        batch,
        "attention_mask",
        Tensor("mask", Window((*key, "attention_mask")), None, (*key, "attention_mask"), "attention_mask", sense=True),
    )
    return batch


def _masked_batch(machine: Machine, key: Key) -> Value:
    """mlm=True: some ids are hidden, and labels hold these ids and -100 elsewhere: other rows than the model is fed."""
    batch = Ref((*key, "masked"), "dict")
    machine.state.heap.clear(batch.id)
    for name, source in (("input_ids", (*key, "hidden")), ("labels", (*key, "masked", "input_ids"))):
        clean = name == "labels"
        machine.put(batch, name, Tensor("ids", Window(source), None, source, name, clean=clean))
    return batch


def _padded_batch(machine: Machine, row: Value, tokenizer: Value, key: Key) -> Value:
    batch = Ref((*key, "batch"), "dict")
    machine.state.heap.clear(batch.id)
    ids = Tensor("ids", Window((*key, "input_ids")), None, (*key, "input_ids"), "input_ids", pad=pad_id(tokenizer))
    machine.put(batch, "input_ids", ids)
    machine.put(
        batch,
        "attention_mask",
        Tensor("mask", Window((*key, "attention_mask")), None, (*key, "attention_mask"), "attention_mask", sense=True),
    )
    if _may_be_labeled(machine, row):
        machine.put(batch, "labels", Opaque((*batch.id, "labels"), "labels"))
    return batch


def _may_be_labeled(machine: Machine, row: Value) -> bool:
    """Say whether rows may hold a label, which the collator calls "labels": all but those whose fields are known."""
    if not isinstance(row, Ref) or row.kind != "dict" or machine.get(row, "elem") is not None:
        return True
    return any(machine.get(row, name) is not None for name in ("label", "label_ids", "labels"))
