"""Counts: which unit a divisor or factor has, from what it counts, and only then from its name."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts.linear import END, Linear
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.units import Unit, count
from lintloss.facts.values import (
    UNKNOWN,
    Const,
    Key,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Scoring,
    Tensor,
    Value,
    Window,
    options,
)
from lintloss.patterns import regex

# Names say what a number counts when nothing better is known; a value read by its name is marked `presumed`.
NAMED: tuple[tuple[re.Pattern[str], Unit], ...] = (
    (regex(r"^(num|n|nb|total|tot|max|val|eval|test|valid)?_?(val|eval|test|valid|validation)?_?(batches|n_batches|num_batches|eval_steps|eval_iters|eval_batches|batch_count|n_batch|num_batch)$"), count("batch")),
    (regex(r"^(num|n|nb|total|tot|val|eval|test)_?(val|eval|test|valid)?_?(tokens?|words?|toks?|tks?|chars?)$|^(ntokens|nwords|token_count|total_ntokens|num_target_tokens|n_words)$"), count("token")),
    (regex(r"^(num|n|nb|total|tot|val|eval|test)_?(val|eval|test|valid)?_?(samples?|examples?|sequences?|sentences?|docs?|documents?|sents?|data|images?|rows?)$|^(dataset_size|num_samples|nsamples|n_data|data_size|dataset_len)$"), count("example")),
    (regex(r"^((mini_?)?batch_size|bs|bsz|train_batch_size|eval_batch_size|test_batch_size|val_batch_size|valid_batch_size|per_device_eval_batch_size|batchsize|B)$"), Unit.of(example=1, batch=-1)),
    (regex(r"^(seq_?len|sequence_length|seq_length|block_size|context_length|context_size|ctx_len|n_ctx|max_seq_len|max_seq_length|max_length|seqlen|bptt|T|window_size|context_len|(seg|segment|chunk|cur|win)_len(gth)?)$"), Unit.of(position=1, example=-1)),
    (regex(r"^(world_size|WORLD_SIZE|num_processes|n_gpus?|num_gpus?|nprocs|num_ranks|dp_size)$"), count("rank")),
)  # fmt: skip


def named(name: str) -> Unit | None:
    """Return the unit that a name suggests, None for most names."""
    for pattern, unit in NAMED:
        if pattern.match(name):
            return unit
    return None


ROWS = Unit.of(example=1, batch=-1)
LENGTHS = regex(r"(^|_)(len(gth)?s|seq_?lens)$", re.IGNORECASE)  # of the rows of a batch


def presumed(machine: Machine, value: Value) -> Quantity | None:
    """Read a value as a count: one already, or an opaque one whose name says so."""
    if isinstance(value, Quantity):
        return value if value.is_count else None
    if isinstance(value, Opaque) and value.name:
        unit = named(value.name)
        if unit is not None:
            return Quantity(unit, of=value.key, presumed=True)
    return None


def of_lengths(value: Value) -> Quantity | None:
    """Read the sum of what is called lengths as a number of tokens; torchtext has them in `batch.text[1]`."""
    if not isinstance(value, Opaque | Tensor) or not value.key:
        return None
    is_second = len(value.key) > 2 and str(value.key[-1]) == "1" and str(value.key[-2]).startswith(".")
    if not LENGTHS.search(value.name) and not (is_second and value.name in {"", "1"}):
        return None
    if isinstance(value, Tensor) and value.form != "":
        return None
    return Quantity(count("token"), of=(*value.key, "sum"), counted=value, presumed=True)


def unit_of(loop: Loop) -> Unit:
    return count(loop.unit if loop.unit != "epoch" else "step")


def divisor(machine: Machine, total: Quantity, value: Value) -> Quantity | None:
    """Read what a total is divided by as a count.

    A number that bounds one of the loops the total was (or is going to be) summed over counts that loop, whatever its name.
    """
    if isinstance(value, Quantity):
        return _of_passes(total, value.of, value.offset) or (
            _of_list(machine, total, _of_bound(total, value)) if value.is_count else None
        )
    if isinstance(value, Opaque) and value.key[-1:] == ("len",) and (found := _of_passes(total, value.key[:-1], 0)):
        return found
    for loop in reversed((*total.loops, *machine.loops)):
        if isinstance(value, Const) and value not in (Const(0), Const(1)) and value in options(loop.length):
            return Quantity(unit_of(loop), of=loop.key)
        if isinstance(value, Opaque) and value.key and (loop.source == value.key or value.key in _keys(loop.length)):
            return Quantity(unit_of(loop), of=loop.key)
        if isinstance(value, Opaque) and loop.source and value.key == (*loop.source, "len"):
            return Quantity(unit_of(loop), of=loop.key)
    return bounding(total, value) or _rows_of_loader(total, value) or presumed(machine, value)


def _of_passes(total: Quantity, of: Key, offset: int) -> Quantity | None:
    """Read `len(ids) - 1` where `range(1, len(ids))` scored a token in each pass: as many positions, or one too many."""
    loop, scoring = total.loops[0] if len(total.loops) == 1 else None, total.scoring
    if loop is None or scoring is None or loop.bound is None or loop.first is None or loop.length == UNKNOWN:
        return None
    is_length = loop.bound[0] in (of, (*of, 0), (*of, "len")) and bool(of)
    if not is_length or scoring.criterion != "index" or len(total.unit.powers) != 1:
        return None
    return Quantity(count("position"), of=loop.key, offset=offset - (loop.bound[1] - loop.first))


def _of_bound(total: Quantity, number: Quantity) -> Quantity:
    """Read a length as that of what a strided loop of the total runs along, whatever its name or axis suggests."""
    for loop in total.loops:
        if loop.source and number.of == (*loop.source, 0) and number.unit == count("example") and not number.loops:
            return replace(number, unit=unit_of(loop), of=loop.key)  # the length of the very thing that it runs over
        if _is_length(loop, number) and total.unit.power(loop.unit) == 1:  # `range(ids.numel())`: a step for each
            return Quantity(unit_of(loop), of=loop.key)
        if loop.bound is None:
            continue
        if loop.bound[0] == (*number.of, 0) and number.unit in (count("batch"), count("example")):
            # `len(val_data)`, `len(text)`: a tensor's, not a loader's or that of a list of texts
            return replace(number, unit=count("example"), of=loop.bound[0])
        if loop.bound[0] == number.of and number.unit == Unit.of(position=1, example=-1):  # all its windows together
            if loop.length != UNKNOWN and total.unit.power(loop.unit) == 1:  # … or one mean for each position
                if total.unit.power("position") == -1 and loop.place not in loop.equal:  # over all rows, each time
                    loop.equal.append(loop.place)
                return Quantity(unit_of(loop), of=loop.key)
            return replace(number, unit=number.unit * count(loop.unit))
    return number


def _is_length(loop: Loop, number: Quantity) -> bool:
    """Say whether a number of positions is that of the passes of a loop, but for the first or last one."""
    if number.unit != count("position") or not number.of:
        return False
    return any(isinstance(each, Quantity) and each.of == number.of for each in options(loop.length))


PASSES = (count("batch"), count("example"), count("step"))


def _of_list(machine: Machine, total: Quantity, number: Quantity) -> Quantity:
    """Read the length of a list that a loop of the total went through as its passes: another name makes no other unit.

    What some other list holds is data, of which nobody knows what an item is: the loop that filled it says nothing of what
    was summed. A loader over it yields batches of them, and a range with a step strides over several.
    """
    if not isinstance(number.counted, Ref) or number.unit not in PASSES:
        return number
    data = number.counted.id
    rows = (*data, 0)
    if total.of[: len(rows)] == rows and total.unit.power("example") == 1:  # weighed by its stretches' lengths
        return replace(number, unit=count("example"), of=rows, loops=())
    loops = (*total.loops, *machine.loops)
    passes = (each for each in loops if each.source == data or (_is_unbatched(each) and _dataset_of(each) == data))
    loop = next(passes, None)
    if loop is not None:
        return replace(number, unit=unit_of(loop)) if unit_of(loop) in PASSES else number
    if (
        not number.loops
        or _holds_numbers(machine, number.counted)
        or any(_is_along(machine, each, number) for each in loops)
    ):
        return number
    several = any(data in _data_of(each) or (each.bound or ((),))[0] == number.of for each in loops)
    return replace(number, unit=count("example"), presumed=number.presumed or not several)


def _holds_numbers(machine: Machine, listed: Ref) -> bool:
    """Say whether a list holds losses or counts, a result of each pass of the loop that filled it, and no data."""
    return any(isinstance(each, Quantity) and each.unit.content for each in options(machine.elem(listed)))


def _is_along(machine: Machine, loop: Loop, number: Quantity) -> bool:
    """Say whether a loop filled a list, or goes through one that was filled beside it, or through its numbers."""
    filled = machine.list_loops.get(loop.source, ())
    if loop in number.loops or number.of in (loop.source, loop.key):
        return True
    return any(each.key == number.of for each in filled)


def _rows_of_loader(total: Quantity, value: Value) -> Quantity | None:
    """Read a divisor as the length of the data set behind a loader that the total was summed over."""
    if not isinstance(value, Opaque) or value.key[-1:] != ("len",):
        return None
    for loop in total.loops:
        key = value.key[:-1]
        if key in _data_of(loop):
            return Quantity(unit_of(loop) if _is_unbatched(loop) else count("example"), of=key)
    return None


def _dataset_of(loop: Loop) -> Key:
    """Return the identity of the data set whose loader a loop goes through."""
    dataset = loop.iterates.arg(0, "dataset") if isinstance(loop.iterates, LibObject) else None
    return dataset.key if isinstance(dataset, Opaque) else dataset.id if isinstance(dataset, Ref) else ()


def _data_of(loop: Loop) -> tuple[Key, ...]:
    """Return the identities of what the loader that a loop goes through takes rows from: the tensors of a TensorDataset."""
    dataset = loop.iterates.arg(0, "dataset") if isinstance(loop.iterates, LibObject) else None
    parts = dataset.args if isinstance(dataset, LibObject) and dataset.name.endswith("TensorDataset") else (dataset,)
    keys = (each.id if isinstance(each, Ref) else getattr(each, "key", ()) for each in parts)
    return tuple(key for key in keys if key)


def _is_unbatched(loop: Loop) -> bool:
    """Say whether a loader hands on the items of its data set one by one, which may be whole batches: `batch_size=None`."""
    return isinstance(loop.iterates, LibObject) and loop.iterates.arg(1, "batch_size") == Const(None)


def moved(number: Quantity, other: Value, sign: str) -> Quantity:
    """Return a count plus or minus a constant: the same count, which remembers the constant."""
    if isinstance(other, Opaque) and sign == "-" and number.presumed and number.of[-1:] == ("sum",):
        return replace(number, offset=number.offset - 1)  # the sum of the lengths of rows, less the number of rows
    if not number.is_count or not isinstance(other, Const) or not isinstance(other.value, int):
        return number
    if number.loops and number.unit in {count("token"), count("position")}:  # one of all, not one of each row
        return number
    return replace(number, offset=number.offset + (other.value if sign == "+" else -other.value))


def less_rows(number: Quantity, other: Quantity, sign: str) -> Quantity | None:
    """Return `tokens - rows`, one less a row, or one more; or the sum of two counts of one kind. None for others."""
    if number.unit == other.unit:
        return number
    if number.unit in {count("token"), count("position")} and other.unit == count("example"):
        return replace(number, offset=number.offset + (1 if sign == "+" else -1))
    return None


def _keys(value: Value) -> set[Key]:
    return {option.key for option in options(value) if isinstance(option, Opaque)}


def product(left: Quantity, right: Quantity) -> Quantity:
    """Multiply two counts: rows x positions per row are positions; batches x batch size are examples."""
    unit = count("example") if _are_rows_so_far(left, right) else left.unit * right.unit
    long = next((each for each in (right, left) if each.unit.power("position") == 1), None)
    short = left if long is right else right
    presumed = (left.presumed or right.presumed) and not _are_rows_of_all(left, right)
    if long is not None and short.unit == count("example"):  # B * T: what T runs over decides
        is_one = long.of[:-1] == short.of[:-1]
        of = long.of[:-1] if is_one else (*left.of, "*", *right.of)
        unit = long.unit if is_one and long.unit == count("position") else unit  # of a batch that is one row
        return Quantity(unit, of=of, counted=long.counted, offset=long.offset, presumed=presumed)
    return Quantity(unit, of=(*left.of, "*", *right.of), presumed=presumed, counted=left.counted or right.counted)


def _are_rows_so_far(left: Quantity, right: Quantity) -> bool:
    """Say whether a number of batches is multiplied by the rows of one of them: `(i + 1) * inputs.size(0)`."""
    pairs = ((left, right), (right, left))
    return any(
        one.unit in (count("batch"), count("step")) and other.unit == count("example") and not other.loops
        for one, other in pairs
    )


def _are_rows_of_all(left: Quantity, right: Quantity) -> bool:
    """Say whether the batches of a loader are multiplied by what is called their size: `len(loader) * batch_size`."""
    pairs = ((left, right), (right, left))
    return any(one.unit == count("batch") and not one.presumed and other.unit == ROWS for one, other in pairs)


def rows_of(node: ast.AST, number: Quantity, other: Const) -> Quantity | None:
    """Return `len(loader) * BATCH_SIZE`, where the constant says by its name what it counts; None for other products."""
    factor = rows_by_name(node, other)
    return product(number, factor) if factor is not None and number.unit == count("batch") else None


def batches_of(node: ast.AST, number: Quantity, other: Const) -> Quantity | None:
    """Return `len(rows) // BATCH_SIZE`, where the constant says by its name that rows are put into batches."""
    size = rows_by_name(node, other) if number.unit == count("example") else None
    return Quantity(count("batch"), of=(*number.of, *size.of)) if size is not None else None


def rows_by_name(node: ast.AST, other: Const) -> Quantity | None:
    """Read a constant of a product as the rows of a batch, where its name says so."""
    if not isinstance(node, ast.BinOp) or other.value in (0, 1):
        return None
    for side in (node.left, node.right):
        name = called_name(side)
        if named(name.lower()) == ROWS:
            return Quantity(ROWS, of=(name,))
    return None


def along_targets(total: Quantity, number: Quantity) -> Quantity:
    """Read the length of one row, whose slice was scored, as positions: `ids[1:]` and `len(ids) - 1`."""
    if number.unit == Unit.of(position=1, example=-1) and number.of[-1:] == (1,) and _is_sequence_first(total):
        return replace(number, unit=count("example"))
    target = total.scoring.target if total.scoring is not None else None
    if not isinstance(target, Tensor) or target.window is None or total.unit.power("example") > 0:
        return number  # weighted by rows of the same length
    lone = _of_lone_row(target, target.window, number)
    if lone is not None or number.unit != count("example"):
        return lone or number
    source = target.window.source
    if number.of != (*source, 0) or target.key[: len(source) + 1] != (*source, 0):
        return number
    return replace(number, unit=count("position"))


def _is_sequence_first(total: Quantity) -> bool:
    """Say whether the labels scored were shifted along their first axis, on some path: the second one holds the rows."""
    targets = options(total.scoring.target) if total.scoring is not None else ()
    windows = (each.window for each in targets if isinstance(each, Tensor))
    return any(each is not None and each.axis == 0 and each.is_trimmed and not _is_picked_row(each) for each in windows)


def _is_picked_row(window: Window) -> bool:
    """Say whether a window is on one row that was taken out of several: `ids[0, 1:]`."""
    picked = window.source[-1:]
    return bool(picked) and isinstance(picked[0], tuple) and picked[0][:1] == ("row",)


def _of_lone_row(target: Tensor, window: Window, number: Quantity) -> Quantity | None:
    """Read `len(targets)`, and the length of `ids`, where `targets = ids[0, 1:]`: of the one row that is scored."""
    if not _is_picked_row(window):
        return None
    if number.unit == count("example") and number.of == (*target.key, 0) and window.axis == 0:
        return replace(number, unit=count("position"))
    lengths = {count("position"), Unit.of(position=1, example=-1)}
    if number.unit not in lengths or number.of != (*window.source[:-1], 1):
        return None
    return replace(number, unit=count("position"), counted=Tensor("", Window(window.source), None, window.source))


def may_be_flat(number: Value, scoring: Scoring | None) -> bool:
    """Say whether the length that divides is that of the very targets scored, which may be flat: their tokens."""
    target = scoring.target if scoring is not None else None
    if not isinstance(number, Quantity) or not isinstance(target, Tensor | Opaque) or not target.key:
        return False
    return number.of == (*target.key, 0) and not (isinstance(target, Tensor) and target.axes == ("row", "pos"))


def are_flattened(scoring: Scoring | None) -> bool:
    """Say whether the criterion was given targets that were flattened for it: before that, they had rows."""
    target = scoring.target if scoring is not None else None
    return isinstance(target, Tensor) and target.window is not None and target.window.flat


def length_key(value: Value) -> Key:
    """Return the identity of a length: the same for x.size(0), x.shape[0] and len(x)."""
    if isinstance(value, Quantity):
        return value.of
    if isinstance(value, Opaque) and value.key[-1:] == ("len",):
        return (*value.key[:-1], 0)
    return ()


def as_length(value: Value) -> Value:
    """Read len(x) of something unknown as a count, where a constant is taken off: `len(ids) - 1` counts targets."""
    if isinstance(value, Opaque) and value.key[-1:] == ("len",):
        of = Opaque(value.key[:-1])
        return Quantity(count("example"), of=(*of.key, 0), counted=of)
    return value


def of_items(number: Quantity) -> Quantity:
    """Read a length that is added up anew in each pass of a loop as tokens: `n += len(ids) - 1`, `n += len(row)`.

    It is that of one item, not of what is looped over: nobody takes one row off each batch, but the first token off each
    row, `len(row[1:])`, or counts its end as well, `len(row) + 1`; and a list that was filled elsewhere, by iterations of which nothing is known, is no batch.
    """
    filled = isinstance(number.counted, Ref) and number.unit == count("step")
    if number.unit == count("example") and isinstance(number.counted, Tensor) and less_first(number.counted):
        return replace(number, unit=count("token"), counted=None, presumed=True)
    moved_by_one = number.offset != 0 and number.unit in {count("example"), count("step")} and len(number.loops) < 2
    if not filled and not moved_by_one:
        return number
    return replace(number, unit=count("token"), of=(*number.of, "sum"), counted=None, presumed=True)


def less_first(value: Tensor) -> bool:
    """Say whether a value is a sequence without the token that it begins with, `s[1:]`, of which no rows are known."""
    window = value.window
    if window is None or window.axis != 0 or value.form or value.axes is not None:
        return False
    return window.lower == Linear(const=1) and window.upper == END


def is_of_item(value: Value) -> bool:
    """Say whether a value is the length of one item of what a loop goes over, of which nothing else is known."""
    return isinstance(value, Opaque) and value.key[-2:] == ("[]", "len")


def bounding(total: Quantity, value: Value) -> Quantity | None:
    """Read a divisor as the length of what a strided loop of the total runs along: `range(0, len(x) - 1, bptt)`."""
    key = length_key(value)
    if not key or isinstance(value, Quantity):
        return None
    if any(loop.bound is not None and loop.bound[0] == key for loop in total.loops):
        return Quantity(count("example"), of=key)
    return None


def settle_item(unit: Unit, factor: Unit) -> Unit:
    """Let an unknown item be what it is counted in: a mean over items times examples was a mean over examples."""
    item = unit.power("item")
    for name in ("token", "example", "position"):
        power = unit.power(name)
        if item and power and item * power < 0 and factor.power(name):
            return unit.swap("item", name)
    return unit
