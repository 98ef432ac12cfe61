"""Rows into batches: stacking, padding, collating, and the datasets and loaders that do it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import replace

from lintloss.facts import bindings, symbolic
from lintloss.facts.library import either_rows, loaders, pieces, shapes, transforms
from lintloss.facts.linear import Atom, Linear
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.units import count
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Const,
    Func,
    Key,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    Window,
    join_all,
    options,
)
from lintloss.patterns import regex

CUTS = frozenset({"split", "chunk", "unfold"})
Kwargs = dict[str, Value]
IDS = regex(r"(^|_)(ids|labels|tokens|targets|input|inputs|sequence)$", re.IGNORECASE)


def stacked(machine: Machine, rows: Ref) -> Tensor | None:
    """Return torch.stack of a list of rows: one more axis in front."""
    slot = machine.get(rows, "elem")
    return batched_tensor(shapes.typical(slot.value)) if slot is not None else None


def of_list(machine: Machine, rows: Ref) -> Tensor | None:
    """Return torch.tensor of a list of rows; None where the list may as well hold numbers."""
    slot = machine.get(rows, "elem")
    row = shapes.typical(slot.value) if slot is not None else UNKNOWN
    return batched_tensor(row) if isinstance(row, Tensor) or _is_ids(row) else None


def _is_ids(value: Value) -> bool:
    return isinstance(value, Opaque) and IDS.search(value.name) is not None


def batched_tensor(row: Value) -> Tensor | None:
    """Put a row axis in front of a tensor."""
    if isinstance(row, Opaque) and row.key:
        row = Tensor("", Window(row.key), None, row.key, row.name)
    if not isinstance(row, Tensor) or row.window is None:
        return None
    window = row.window
    axis = window.axis + 1 if window.axis is not None else None
    source = window.source[:-1] if window.source[-1:] == ("[]",) else window.source  # all rows of a table are the table
    return replace(row, window=replace(window, source=source, axis=axis).marked("batched"), axes=None)


def as_tensor(machine: Machine, value: Value) -> Value:
    """Read a list of rows as the batch that it becomes."""
    if isinstance(value, Ref) and value.kind == "list":
        return of_list(machine, value) or value
    return value


def pad_sequence(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """pad_sequence(rows, batch_first, padding_value): rows of unequal length, filled up."""
    rows = args[0] if args else kwargs.get("sequences", UNKNOWN)
    elem = (
        machine.elem(rows)
        if isinstance(rows, Ref)
        else Opaque((*rows.key, "[]"))
        if isinstance(rows, Opaque) or (isinstance(rows, Tensor) and rows.form == "")  # a slice of a list
        else UNKNOWN
    )
    found = batched_tensor(pieces.row(elem) or elem if isinstance(elem, Ref) else elem)
    if found is None:
        return machine.opaque(node)
    fill = kwargs.get("padding_value", args[2] if len(args) > 2 else Const(0))
    first = kwargs.get("batch_first", args[1] if len(args) > 1 else Const(False))
    step = machine.evidence(node, "rows are filled up here with a pad id")
    padded = replace(found, form=found.form or "ids", key=machine.key(node))
    if not _are_cut_equal(machine, node):
        padded = replace(padded, pad=fill).with_step(step)
    if first == Const(False) and padded.window is not None:
        from lintloss.facts.library import windows

        return windows.transposed(padded, 0, 1)
    return padded


def _are_cut_equal(machine: Machine, node: ast.AST) -> bool:
    """Say whether rows are the pieces of one stream, cut to equal lengths: at most the last of all is filled up."""
    if not isinstance(node, ast.Call):
        return False
    given = node.args[0] if node.args else next((each.value for each in node.keywords if each.arg == "sequences"), None)
    if isinstance(given, ast.Name):
        bound = bindings.of(machine.frame.node).get(given.id, ())
        made = [each.value for each in bindings.before(bound, given.id, node.lineno)] if bound else []
    else:
        made = [given]
    return bool(made) and all(isinstance(each, ast.Call) and called_name(each.func) in CUTS for each in made)


def packed(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """pack_padded_sequence(x, lengths): the padding is left out."""
    found = shapes.tensor(args[0]) if args else None
    if found is None or found.window is None:
        return machine.opaque(node)
    window = replace(found.window, source=(*found.window.source, "packed"), flat=True)
    axes = ("token",) if found.form == "ids" else None  # `.data` holds one after the other what is no padding
    return replace(found, pad=None, clean=True, window=window, axes=axes)


def ragged(machine: Machine, parts: Ref) -> Tensor | None:
    """Return cat of a list of rows, each cut where its own entry of another list says: `row[start:] for row, start in …`.

    What a model computed is left as the list that it is: which row scores which is asked of the labels.
    """
    slot = machine.get(parts, "elem")
    part = shapes.typical(slot.value) if slot is not None else UNKNOWN
    if not isinstance(part, Tensor) or part.window is None or part.form not in {"", "ids"}:
        return None
    if not any(atom[-1:] == ("[]",) or atom in _entries(machine, parts) for atom in part.window.length.atoms):
        return None
    window = replace(part.window, source=(*part.window.source, "packed"), flat=True)
    return replace(part, window=window, axes=("token",))


def _entries(machine: Machine, parts: Ref) -> frozenset[Atom]:
    """Return what the entries of the lists are made of that the loops run over which filled a list."""
    over = [loop.over for loop in machine.list_loops.get(parts.id, ()) if isinstance(loop.over, Ref)]
    slots = [machine.get(each, "elem") for each in over if each.kind == "list"]
    known = [symbolic.of_value(slot.value) for slot in slots if slot is not None]
    return frozenset(atom for each in known if each is not None for atom in each.atoms)


def default(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    rows = args[0] if args else UNKNOWN
    return collated(machine, machine.elem(rows)) if isinstance(rows, Ref) else None


def made_range(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    return LibObject("builtins.range", tuple(args), (), None, machine.key(node, "range"))


def enumerated(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    return LibObject("builtins.enumerate", tuple(args[:1]), (), None, machine.key(node, "enumerate"))


def shown(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """A progress bar yields what it is put around."""
    return args[0] if args else kwargs.get("iterable", machine.opaque(node))


def split_apart(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """train_test_split(x, y): two parts of each, of the same rows."""
    parts: list[Value] = []
    for arg in args:
        found = shapes.tensor(arg)
        for side in ("train", "test"):
            if found is None or found.window is None:
                parts.append(Opaque((*machine.key(node), len(parts)), ""))
                continue
            window = replace(found.window, source=(*found.window.source, ("rows", side)))
            parts.append(replace(found, window=window, key=(*found.key, side)))
    return Tuple(tuple(parts))


def positions(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Return arange(n); where it does not begin at 0, with its begin."""
    begin = args[0] if len(args) > 1 and args[0] != Const(0) else None
    return Tensor("positions", None, None, machine.key(node, "arange"), pad=begin)


RESHUFFLES = frozenset({"with_format", "shuffle", "remove_columns", "select_columns", "rename_column", "take", "skip"})


def mapped(machine: Machine, node: ast.AST, dataset: Value, function: Func) -> Value:
    """Return `dataset.map(f)`: a dataset whose rows have what f gave them."""
    from lintloss.facts import calls

    key: Key = dataset.id if isinstance(dataset, Ref) else getattr(dataset, "key", ())
    row = sample(machine, node, dataset, key) or Opaque((*key, "[]"))
    made = calls.call(machine, node, function, [row], {})
    if not isinstance(made, Opaque | Ref) or made == UNKNOWN:
        return dataset
    if isinstance(made, Ref) and made.kind == "dict" and _by_batches(node):
        _take_row(machine, made)
    mapped_rows = Ref(machine.key(node, "mapped"), "list")
    machine.state.heap.clear(mapped_rows.id)
    machine.put(mapped_rows, "elem", made)
    return mapped_rows


def _by_batches(node: ast.AST) -> bool:
    """Say whether map() gives its function the columns of many rows, and cuts into rows what it returns."""
    given = node.keywords if isinstance(node, ast.Call) else []
    return any(
        each.arg == "batched" and isinstance(each.value, ast.Constant) and each.value.value is True for each in given
    )


def _take_row(machine: Machine, columns: Ref) -> None:
    """Let the columns that a function returned be one row of them, where it is known what a row is."""
    for name, slot in dict(machine.fields(columns)).items():
        element = machine.elem(slot.value) if isinstance(slot.value, Ref) and slot.value.kind == "list" else None
        if isinstance(element, Tensor) and element.window is not None:
            machine.put(columns, name, element)


# -- loaders ----------------------------------------------------------------------------------------------------------


def of_loader(machine: Machine, loader: LibObject, loop: Loop) -> Value | None:
    """Return a batch of a DataLoader over a dataset that is known, collated as the loader does it."""
    dataset = loader.arg(0, "dataset")
    collate = loader.arg(6, "collate_fn")
    node = loop.statement or machine.frame.statement
    if dataset is None or node is None:
        return None
    known = machine.batches.get(loader.key)
    if known is not None:
        return known
    loops, machine.loops = machine.loops, []
    guards, machine.guards = machine.guards, []
    batch: Value | None = None
    try:
        with machine.own_budget():
            batch = _batch(machine, node, loader, dataset, collate)
    finally:
        machine.loops, machine.guards = loops, guards
    if isinstance(dataset, Ref) and _draws_few(loader):
        machine.strides.pop(("index", *dataset.id), None)
    if batch is not None and _is_fixed(batch):
        machine.batches[loader.key] = batch
    return batch


def _draws_few(loader: LibObject) -> bool:
    """Say whether a loader draws a number of rows at random: windows that share text are hardly ever both among them."""
    sampler = loader.arg(3, "sampler")
    return (
        isinstance(sampler, LibObject)
        and loaders.short(sampler) == "RandomSampler"
        and sampler.arg(2, "num_samples") is not None
    )


def _is_fixed(batch: Value) -> bool:
    """Say whether a batch is no object that the loop may change."""
    if isinstance(batch, Tuple):
        return all(_is_fixed(item) for item in batch.items)
    return isinstance(batch, Tensor | Const) or (isinstance(batch, Opaque) and bool(batch.key))


def _batch(machine: Machine, node: ast.AST, loader: LibObject, dataset: Value, collate: Value | None) -> Value | None:
    row = either_rows.united(machine, sample(machine, node, dataset, loader.key), loader.key)
    if isinstance(collate, Choice):
        collate = _only(collate) or collate
    if collate is None or collate == Const(None):
        return collated(machine, row) if row is not None else None
    given = row if row is not None else Opaque((*loader.key, "row"))
    if isinstance(collate, Choice):  # by the task, say; a function that ends without returning one, returned none
        made = [_by(machine, node, each, given, loader) for each in collate.options if each != Const(None)]
        known = [each for each in made if each is not None]
        return join_all(known) if len(known) == len(made) else None
    return _by(machine, node, collate, given, loader)


def _only(collate: Choice) -> Func | None:
    """Return the collate function of several that are one: a method of a class, of whichever instance.

    `fit` and `validate` made an instance each; one of what may be a part of a data set is not known.
    """
    found = [option for option in collate.options if isinstance(option, Func)]
    others = [option for option in collate.options if not isinstance(option, Func)]
    name = getattr(found[0].node, "name", "") if found else ""
    is_one = len({option.node for option in found}) == 1
    return found[0] if is_one and all(isinstance(each, Opaque) and each.name == name for each in others) else None


def _by(machine: Machine, node: ast.AST, collate: Value, row: Value, loader: LibObject) -> Value | None:
    from lintloss.facts import calls
    from lintloss.facts.library import text

    is_partial = isinstance(collate, LibObject) and collate.name == transforms.PARTIAL
    if isinstance(collate, LibObject) and not is_partial:
        return text.collator(machine, collate, row, loader.key)
    name = loaders.short(LibObject(getattr(collate, "name", "")))
    if name in {"default_data_collator", "default_collate"}:
        return collated(machine, row)
    if not (isinstance(collate, Func) or is_partial or (isinstance(collate, Ref) and collate.kind == "instance")):
        return None
    if isinstance(collate, Func):
        machine.relevance.want(collate.node)
    rows = Ref((*loader.key, "rows"), "list")
    machine.state.heap.clear(rows.id)
    machine.put(rows, "elem", row)
    return calls.call(machine, node, collate, [rows], {})


def _streamed(machine: Machine, node: ast.AST, dataset: Ref) -> Value | None:
    """Return what a data set without an index yields."""
    from lintloss.facts import calls, classes

    iterates = classes.method(machine, dataset, "__iter__")
    made = calls.call(machine, node, iterates, [], {}) if iterates is not None else None
    if isinstance(made, Ref) and made.kind == "list" and made.id in machine.list_loops:
        return machine.elem(made)
    return made.items[0] if isinstance(made, Tuple) and len(made.items) == 1 else None


def sample(machine: Machine, node: ast.AST, dataset: Value, key: Key) -> Value | None:
    """Return one item of a dataset."""
    from lintloss.facts import calls, classes

    if isinstance(dataset, Choice):
        return _any(machine, node, dataset.options, key)
    if isinstance(dataset, Ref) and dataset.kind == "instance":
        getter = classes.method(machine, dataset, "__getitem__")
        if getter is None:
            return _streamed(machine, node, dataset)
        machine.relevance.want(getter.node)
        at: Key = ("index", *dataset.id)
        machine.strides[at] = (Linear(const=1), machine.evidence(node, "one window for every index"))
        return calls.call(machine, node, getter, [Opaque(("index", *dataset.id), "index")], {})
    if isinstance(dataset, Ref) and dataset.kind == "list":
        slot = machine.get(dataset, "elem")
        return slot.value if slot is not None else None
    if isinstance(dataset, LibObject):
        name = loaders.short(dataset)
        if name == "TensorDataset":
            return Tuple(tuple(_row_of(arg) for arg in dataset.args))
        if name in {"ConcatDataset", "ChainDataset"} and dataset.args:
            given = dataset.args[0]
            parts = (
                given.items
                if isinstance(given, Tuple)
                else options(machine.elem(given))
                if isinstance(given, Ref)
                else ()
            )
            return _any(machine, node, parts, key)
        inner = loaders.whole(dataset) if name in loaders.PARTS else None
        return sample(machine, node, inner, key) if inner is not None else None
    if isinstance(dataset, Tensor | Opaque):
        return _row_of(dataset) if isinstance(dataset, Tensor) else Opaque((*dataset.key, "[]"))
    return None


def _any(machine: Machine, node: ast.AST, datasets: Iterable[Value], key: Key) -> Value | None:
    """Return an item of any of several datasets."""
    found = [sample(machine, node, each, key) for each in datasets]
    known = [each for each in found if each is not None]
    return join_all(known) if known else None


def row_of(value: Tensor) -> Tensor:
    """Return what a loop over a tensor yields."""
    window = value.window
    if window is not None:
        axis = window.axis - 1 if window.axis else None
        one_row = ("single",) if window.axis else ()
        window = replace(window, source=(*window.source, "[]"), axis=axis).marked(*one_row)
    return replace(value, window=window, key=(*value.key, "[]"), axes=value.axes[1:] if value.axes else None)


def _row_of(value: Value) -> Value:
    """Return a row of a tensor; a batch of rows sits where the tensor did."""
    found = shapes.tensor(value)
    if found is None or found.window is None:
        return value
    window = found.window
    axis = window.axis - 1 if window.axis is not None else None
    return replace(found, window=replace(window, axis=axis), axes=found.axes[1:] if found.axes else None)


def collated(machine: Machine, row: Value) -> Value | None:
    """Return what default_collate makes of rows: the same structure with a row axis in front."""
    if isinstance(row, Tensor):
        return batched_tensor(row) or row
    if isinstance(row, Choice):
        found = [collated(machine, option) for option in row.options]
        known = [each for each in found if each is not None]
        return join_all(known) if len(known) == len(found) else None
    if isinstance(row, Tuple):
        return Tuple(tuple(_or_opaque(collated(machine, item), item) for item in row.items))
    if isinstance(row, Ref) and row.kind == "dict":
        batch = Ref((*row.id, "batch"), "dict")
        machine.state.heap.clear(batch.id)
        for name, slot in dict(machine.fields(row)).items():
            machine.put(batch, name, _or_opaque(collated(machine, slot.value), slot.value))
        return batch
    if isinstance(row, Ref) and row.kind == "list":
        return stacked(machine, row) or row
    return row if isinstance(row, Opaque) and row.key else None


def _or_opaque(value: Value | None, item: Value) -> Value:
    if value is not None:
        return value
    if isinstance(item, Quantity) and item.is_count and not item.axes:
        return _one_for_each(item)
    return item if isinstance(item, Const | Quantity) else UNKNOWN


def _one_for_each(number: Quantity) -> Quantity:
    """Return the numbers of all rows of a batch; the length of one of them, `len(ids)`, is a number of tokens."""
    is_length = number.unit == count("example") and isinstance(number.counted, Tensor)
    return replace(number, unit=count("token") if is_length else number.unit, axes=("row",), presumed=True)
