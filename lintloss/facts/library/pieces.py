"""Rows put together from pieces: `prompt + answer`, `[-100] * len(prompt) + answer`, `ids + padding`.

Rows of pieces of the same lengths sit side by side: a stretch of -100 as long as the prompt stands where the prompt
stands in the input.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from lintloss.facts import label_ids, symbolic
from lintloss.facts.linear import END, ZERO, Linear
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name
from lintloss.facts.values import (
    REST,
    Choice,
    Const,
    Key,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    Window,
    options,
)
from lintloss.findings import Evidence
from lintloss.patterns import regex

PAD = regex(r"(?<![a-z])pad(?!d)", re.IGNORECASE)  # a word: `<pad>`
IGNORED = regex(r"label|ignore", re.IGNORECASE)  # `pad_token_label_id`: what the criterion ignores

FILLED = "rows are filled up here with a pad id"


@dataclass(frozen=True, slots=True)
class Filler:
    """`[value] * number`, where `like` is what it is as long as: `[-100] * len(prompt)`."""

    value: Value
    length: Linear
    like: Key
    place: Evidence

    @property
    def is_ignored(self) -> bool:
        if isinstance(self.value, Const) and isinstance(self.value.value, str):
            return self.value.value.isalpha()  # a class of its own, "X"; a sign, or a word in brackets, fills up a text
        return label_ids.is_ignored(self.value) or (isinstance(self.value, Const) and not _is_id(self.value.value))


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def looked_up(pad: Value | None) -> Value | None:
    """Return the id of what words are filled up with, once each word has become its id."""
    word = pad.value if isinstance(pad, Const) else None
    return Opaque(("word", word), word) if isinstance(word, str) else pad


def filler(machine: Machine, node: ast.BinOp) -> Filler | None:
    """Read `[pad] * number`, and `" " * number` of a text."""
    from lintloss.facts.expressions import evaluate

    if not isinstance(node.op, ast.Mult):
        return None
    if _is_missing_length(node.right) or _is_missing_length(node.left):
        sign, number = (node.left, node.right) if _is_missing_length(node.right) else (node.right, node.left)
        written = written_sign(machine, sign)
        if written is not None:
            return Filler(written, symbolic.of(machine, number), (), machine.evidence(node, FILLED))
    cells, number = (node.left, node.right) if isinstance(node.left, ast.List) else (node.right, node.left)
    if not (isinstance(cells, ast.List) and len(cells.elts) == 1):
        return None
    if not isinstance(number, ast.BinOp | ast.Name | ast.Call) or (
        isinstance(number, ast.BinOp) and not isinstance(number.op, ast.Sub)
    ):
        return None
    value = evaluate(machine, cells.elts[0])
    if any(isinstance(option, Quantity) and not option.is_count for option in options(value)):
        return None  # a loss is repeated; a number of words is the id of the next one
    if any(isinstance(option, Tensor | Ref | Tuple) for option in options(value)):
        if not PAD.search(machine.text(cells.elts[0])):
            return None  # a row is repeated: no id fills anything up
        value = Opaque(("pad", machine.text(cells.elts[0])), "pad")  # an id in a tensor of its own
    place = machine.evidence(node, FILLED)
    length = symbolic.of(machine, number)
    return Filler(value, length, _like(machine, length), place)


def _is_missing_length(node: ast.expr) -> bool:
    """Say whether a number is what a text lacks: `width - len(text)`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub) or not isinstance(node.right, ast.Call):
        return False
    return called_name(node.right.func) == "len"


def written_sign(machine: Machine, node: ast.expr) -> Const | None:
    """Return the sign that a text is filled up with: one character, no letter and no line of a heading."""
    from lintloss.facts.expressions import evaluate

    if isinstance(node, ast.Call) and called_name(node.func) == "str" and len(node.args) == 1:
        node = node.args[0]
    value = evaluate(machine, node) if isinstance(node, ast.Constant | ast.Name | ast.Attribute) else None
    said = value.value if isinstance(value, Const) else None
    is_sign = isinstance(said, str) and (len(said) == 1 or PAD.search(said)) and not said.isalnum()
    return value if is_sign and isinstance(value, Const) else None


def repeated(machine: Machine, node: ast.BinOp) -> Filler | None:
    """Read `[pad] * width`, a row of nothing but pad ids that is written into."""
    from lintloss.facts.expressions import evaluate

    cells = node.left if isinstance(node.left, ast.List) else node.right
    if not (isinstance(cells, ast.List) and len(cells.elts) == 1):
        return None
    value = evaluate(machine, cells.elts[0])
    if any(isinstance(option, Tensor | Ref | Tuple) for option in options(value)):
        return None
    place = machine.evidence(node, FILLED)
    return Filler(value, symbolic.of(machine, node), (), place)


def _like(machine: Machine, length: Linear) -> Key:
    """Return the identity of the row that a number is the length of."""
    if len(length.terms) != 1 or length.const:
        return ()
    return next((machine.lengths.get(atom, ()) for atom in length.atoms if length.coefficient(atom) == 1), ())


def note_length(machine: Machine, row: Value, length: Value) -> None:
    """Remember which row a number is the length of."""
    key = _identity(row)
    number = symbolic.of_value(length)
    if key and number is not None and len(number.terms) == 1:
        machine.lengths.update(dict.fromkeys(number.atoms, key))


def _identity(value: Value) -> Key:
    if isinstance(value, Ref):
        return value.id
    if isinstance(value, Tensor) and value.window is not None and not value.window.is_cut:
        return value.window.source
    return value.key if isinstance(value, Opaque) else ()


def note(machine: Machine, node: ast.BinOp, value: Value) -> None:
    """Remember a filler under the identity of the list that it makes."""
    if isinstance(value, Opaque) and value.key and isinstance(node.op, ast.Mult):
        found = filler(machine, node)
        if found is not None:
            machine.fillers[value.key] = found


def of(machine: Machine, value: Value) -> Filler | None:
    """Return the filler that a value is."""
    found = machine.fillers.get(value.key) if isinstance(value, Opaque) else None
    return found if isinstance(found, Filler) else None


def joined(machine: Machine, node: ast.AST, left: Value, right: Value) -> Value | None:
    """Return `left + right` of two rows; None where they may as well be numbers."""
    before, after = of(machine, left), of(machine, right)
    ended = _ended(machine, node, left)
    if ended is not None:
        return ended
    if before is not None:
        return _behind(machine, node, before, _shortened(machine, right)) if after is None else None
    if after is not None:
        return filled(machine, node, left, after)
    left, right = _shortened(machine, left), _shortened(machine, right)
    if isinstance(left, Opaque) and isinstance(right, Opaque) and left.key and right.key:
        key = machine.identity(("+", left.key, right.key))
        machine.sums.add(key)
        return Opaque(key, "")
    more = _number(machine, right) if isinstance(left, Opaque) and left.key in machine.sums else None
    if more is None or not isinstance(left, Opaque):
        return None
    return Tensor("ids", Window(left.key, upper=END.plus(more)), None, machine.key(node, "longer"))


def _shortened(machine: Machine, value: Value) -> Value:
    """Return a row that was cut at its end, `answer[: longest - len(prompt)]`, as a row of its own."""
    window = value.window if isinstance(value, Tensor) and value.form in {"ids", ""} else None
    if window is None or not window.is_cut or window.lower != ZERO or (END - window.upper).is_const:
        return value
    return Opaque(machine.identity(("shortened", window.source, window.upper)), "")


def _ended(machine: Machine, node: ast.AST, left: Value) -> Tensor | None:
    """Read `ids[1:] + [pad]`: each row's last label is a pad id."""
    from lintloss.facts.expressions import evaluate

    cells = node.right if isinstance(node, ast.BinOp) and isinstance(node.right, ast.List) else None
    window = left.window if isinstance(left, Tensor) else None
    if cells is None or len(cells.elts) != 1 or not isinstance(left, Tensor) or window is None:
        return None
    text = machine.text(cells.elts[0])
    if window.lower != Linear(const=1) or not PAD.search(text) or IGNORED.search(text):
        return None
    longer = replace(window, upper=window.upper.plus(1))
    made = replace(
        left, form="ids", window=longer, pad=evaluate(machine, cells.elts[0]), key=machine.key(node, "ended")
    )
    return made.with_step(machine.evidence(node, "the last label of each row is a pad id here"))


def _number(machine: Machine, value: Value) -> int | None:
    """Return how many ids a list in the code has: `[eos]`."""
    if isinstance(value, Tuple):
        return len(value.items)
    slot = machine.get(value, "len") if isinstance(value, Ref) and value.kind == "list" else None
    number = slot.value.value if slot is not None and isinstance(slot.value, Const) else None
    return number if isinstance(number, int) and number > 0 else None


def _behind(machine: Machine, node: ast.AST, before: Filler, value: Value) -> Tensor | None:
    """Put a filler in front of a row: what is not scored stands where the prompt stands, a pad id in front of all."""
    found = row(value)
    if found is None or found.window is None:
        return None
    window = found.window
    if window.is_cut:
        if window.lower != before.length:
            return None
        window = replace(window, lower=ZERO)
    elif before.like:
        window = replace(window, source=machine.identity(("+", before.like, window.source)))
    else:
        window = replace(window, source=machine.identity(("left", window.source)))
    key = machine.key(node, "behind")
    if before.is_ignored:
        region = Window(window.source, upper=before.length)
        return replace(found, form="ids", window=window, key=key, ignored=(*found.ignored, region))
    if before.like:
        return None
    return replace(found, form="ids", window=window, key=key, pad=before.value).with_step(before.place)


def filled(machine: Machine, node: ast.AST, left: Value, after: Filler) -> Tensor | None:
    """Return a row that is filled up behind."""
    found = row(left)
    if found is None:
        return None
    window = found.window
    if window is not None and window.is_cut and not window.lower.is_const and not _is_of_several(machine):
        return found  # a stretch of a stream: the last alone may be short, and many leave it out
    if after.like and window is not None and not window.is_cut:
        window = replace(window, source=machine.identity(("+", window.source, after.like)))
    pad = found.pad if after.is_ignored else after.value
    made = replace(found, form="ids", window=window, axes=None, key=machine.key(node, "padded"), pad=pad)
    return replace(made, clean=pad is None) if after.is_ignored else made.with_step(after.place)


def justified(machine: Machine, node: ast.Call, text: Value) -> Tensor | None:
    """Read `text.ljust(width, " ")`."""
    sign = written_sign(machine, node.args[1]) if len(node.args) == 2 else None
    if sign is None:
        return None
    return filled(
        machine, node, text, Filler(sign, symbolic.of(machine, node.args[0]), (), machine.evidence(node, FILLED))
    )


def inserted(machine: Machine, node: ast.Call, value: Tensor) -> Const:
    """Read `ids.insert(0, bos)`: the row is one longer, and begins elsewhere than what it was cut from."""
    from lintloss.facts import assign

    target = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(target, ast.Name | ast.Attribute):
        key = machine.key(node, "inserted")
        assign.store(machine, target, replace(value, window=Window(key), key=key))
    return Const(None)


def taken_apart(name: str, text: Value, args: list[Value]) -> Tensor | None:
    """Return the signs of a text that was filled up, as `pattern.findall(text)` and `text.split()` list them."""
    whole = args[0] if name in {"findall", "tokenize"} and args else text
    filled_up = (each for each in options(whole) if isinstance(each, Tensor) and isinstance(each.pad, Const))
    return next((each for each in filled_up if isinstance(each.pad, Const) and isinstance(each.pad.value, str)), None)


def _is_of_several(machine: Machine) -> bool:
    """Say whether stretches are cut in a loop within a loop: the last one of each text is short."""
    return sum(loop.frame == len(machine.frames) for loop in machine.loops) > 1


def row(value: Value) -> Tensor | None:
    """Read a list of ids as a row; one that a pass of a loop has filled up stays what it is."""
    value = next((each for each in options(value) if isinstance(each, Tensor) and each.pad is not None), value)
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Opaque) and value.key:
        return Tensor("ids", Window(value.key), None, value.key, value.name)
    if isinstance(value, Ref) and value.kind == "list":
        return Tensor("ids", Window(value.id), None, value.id)
    if isinstance(value, Tuple):
        return _begun(value)
    if isinstance(value, Choice):  # a row as it was read, or as it was written back
        rows = [row(each) for each in value.options]
        return rows[-1] if all(each is not None for each in rows) else None
    return None


def _begun(value: Tuple) -> Tensor | None:
    """Read `[bos] + ids`, of which the begin alone is known item by item."""
    rest = value.items[-1] if len(value.items) > 1 else None
    if not isinstance(rest, Opaque) or rest.name != REST:
        return None
    return Tensor("ids", Window(("begun", *rest.key)), None, ("begun", *rest.key))


def _repeats(machine: Machine, more: ast.BinOp, target: ast.expr) -> bool:
    """Say whether `items += [items[-1]] * k` repeats what is there."""
    cells = more.left if isinstance(more.left, ast.List) else more.right
    own = machine.text(target)
    return any(isinstance(each, ast.Subscript) and machine.text(each.value) == own for each in ast.walk(cells))


def fill_up(machine: Machine, node: ast.AST, target: ast.expr, more: ast.expr) -> bool:
    """Read `ids += [pad] * (longest - len(ids))`; False where it is something else."""
    from lintloss.facts import assign
    from lintloss.facts.expressions import evaluate

    if isinstance(more, ast.BinOp):
        after = filler(machine, more) if not _repeats(machine, more, target) else None
    else:
        after = of(machine, evaluate(machine, more)) if isinstance(more, ast.Name) and machine.fillers else None
    found = filled(machine, node, evaluate(machine, target), after) if after is not None else None
    if found is not None:
        assign.store(machine, target, found)
        grow_in_list(machine, target, found)
    return found is not None


def grow_in_list(machine: Machine, row: ast.expr, filled: Value) -> None:
    """Let the list that a loop runs over hold its rows as they are filled up: `for row in rows: row.append(pad)`."""
    from lintloss.facts.expressions import evaluate

    loop = machine.loops[-1].statement if machine.loops else None
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name) or not isinstance(row, ast.Name):
        return
    held = evaluate(machine, loop.iter) if loop.target.id == row.id and isinstance(loop.iter, ast.Name) else None
    if isinstance(held, Ref) and held.kind == "list":
        machine.put(held, "elem", filled)
        machine.loops[-1].rewritten.add(held.id)
