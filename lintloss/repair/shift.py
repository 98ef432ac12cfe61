"""Stage: logits scored at the positions they were computed from -> `logits[:, :-1]` against `labels[:, 1:]`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lintloss.facts.library.models import is_batch_first
from lintloss.facts.observations import Compared
from lintloss.facts.values import Ref, Tensor, Value, options
from lintloss.findings import Edit, Fix
from lintloss.patterns import regex
from lintloss.repair.code import Code, called, has_comment, inner, only_argument, walk
from lintloss.repair.pieces import CRITERIA
from lintloss.repair.totals import growth
from lintloss.rule_scope import RuleScope

CONTIGUOUS = {"view": "reshape"}  # a slice is not contiguous, which `view` asks for
SAME = {"contiguous", "float", "double", "long", "to", "cuda", "cpu", "detach"}
RECURRENT = regex(r"\b(LSTM|GRU|RNN|Transformer\w*)\(")


@dataclass(frozen=True, slots=True)
class Side:
    """One argument of a criterion: the tensor that it is made of, and whether its rows were put below one another."""

    base: cst.BaseExpression
    methods: tuple[cst.Call, ...]
    flat: bool = False
    swapped: bool = False


def shifted(node: cst.CSTNode, seen: Compared, scope: RuleScope) -> Fix | None:
    """Slice both arguments of a criterion call, and what counts its labels in the same loop."""
    code, call = Code(scope), inner(node)
    place = seen.scoring.place
    if not isinstance(call, cst.Call) or has_comment(call) or place is None or place.span != seen.span:
        return None
    if seen.scoring.called not in CRITERIA or len(call.args) < 2 or any(arg.keyword for arg in call.args[:2]):
        return None
    guess, label = side_of(call.args[0].value), side_of(call.args[1].value)
    if guess is None or label is None:
        return None
    recut = _recut(code, guess, label, call)
    if recut is not None:
        return recut
    if not _has_rows_first(seen, guess) or not (label.flat if guess.flat else guess.swapped and not label.methods):
        return None
    counts = [] if seen.scoring.reduction == "mean" else counts_of(code, call, label)
    if counts is None:
        return None
    edits = [*_sliced(code, guess, ":-1"), *_sliced(code, label, "1:")]
    edits += [Edit(scope.span_of(each), f"{code.text(each)}[:, 1:]") for each in counts]
    return _fix(code, guess, label, tuple(edits))


def _fix(code: Code, guess: Side, label: Side, edits: tuple[Edit, ...]) -> Fix:
    one, other = f"{code.text(guess.base)}[:, :-1]", f"{code.text(label.base)}[:, 1:]"
    return Fix(f"Score `{one}` against `{other}`: the number changes", edits)


def side_of(node: cst.BaseExpression) -> Side | None:
    """Read `logits.view(-1, v)`, `logits.transpose(1, 2)`, `ids.flatten()` and `ids`."""
    methods: list[cst.Call] = []
    flat = swapped = False
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        kept = called(node) in SAME
        puts_below, swaps = _puts_rows_below(node), _swaps_axes(node)
        if not (kept or puts_below or swaps):
            return None
        flat, swapped = flat or puts_below, swapped or swaps
        methods.append(node)
        node = node.func.value
    if not isinstance(node, cst.Name | cst.Attribute) and not _is_entry(node):
        return None
    return Side(node, tuple(methods), flat, swapped)


def _puts_rows_below(method: cst.Call) -> bool:
    """Say whether a method makes one axis of rows and positions: `view(-1, v)`, `flatten(0, 1)`."""
    words = _words(method)
    if called(method) == "flatten":
        return {*words} <= {"0", "1"}
    return called(method) in {"view", "reshape"} and words[:1] == ["-1"] and len(words) <= 2


def _swaps_axes(method: cst.Call) -> bool:
    """Say whether a method puts the classes before the positions, where `cross_entropy` wants them."""
    words = _words(method)
    if called(method) == "permute":
        return words == ["0", "2", "1"]
    return called(method) in {"transpose", "swapaxes"} and {*words} in ({"1", "2"}, {"-1", "-2"})


def _words(method: cst.Call) -> list[str]:
    return [_word(arg.value) for arg in method.args]


def _word(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        return f"-{_word(node.expression)}"
    return node.value if isinstance(node, cst.Integer | cst.Name) else ""


def _is_entry(node: cst.BaseExpression) -> bool:
    """Say whether a node is `batch["input_ids"]`."""
    elements = node.slice if isinstance(node, cst.Subscript) else ()
    return (
        len(elements) == 1
        and isinstance(elements[0].slice, cst.Index)
        and isinstance(elements[0].slice.value, cst.SimpleString)
    )


def _sliced(code: Code, side: Side, cut: str) -> Iterator[Edit]:
    span = code.scope.span_of(side.base)
    yield Edit(span, f"{code.text(side.base)}[:, {cut}]")
    for method in side.methods:
        if isinstance(method.func, cst.Attribute) and called(method) in CONTIGUOUS:
            yield Edit(code.scope.span_of(method.func.attr), CONTIGUOUS[called(method)])


def _has_rows_first(seen: Compared, guess: Side) -> bool:
    """Say whether positions are on the second axis of the logits: those of a library's model, or of a class in sight."""
    if guess.swapped:
        return True
    models = [each.model for each in options(seen.scoring.prediction) if isinstance(each, Tensor)]
    return bool(models) and all(map(_reads_rows_first, models))


def _reads_rows_first(model: Value | None) -> bool:
    if isinstance(model, Ref) and model.cls is not None:
        node = model.cls.node
        source = "\n".join(model.cls.module.lines[node.lineno - 1 : node.end_lineno])
        return RECURRENT.search(source) is None or "batch_first" in source
    return is_batch_first(model)


def counts_of(code: Code, call: cst.Call, label: Side) -> list[cst.BaseExpression] | None:
    """Return where the labels are counted in the loop; None where a count does not come from them or from the losses.

    What the criterion averages needs no count of its own: what weighs it is another question.
    """
    loop, line = code.loop(call), code.line(call)
    if loop is None or line is None:
        return None
    found: list[cst.BaseExpression] = []
    losses = _targets(line)
    counted = False
    for step in code.all(cst.SimpleStatementLine, loop):
        grown = _growth(step)
        if step is line or grown is None:
            continue
        if losses & {each.value for each in walk(grown) if isinstance(each, cst.Name)}:
            counted = counted or called(grown) in {"numel", "size"}
            continue
        labels = _counted(grown)
        if labels is None or code.text(labels) != code.text(label.base):
            return None
        found.append(labels)
    return found if found or counted else None


def _growth(line: cst.SimpleStatementLine) -> cst.BaseExpression | None:
    target = line.body[0].target if isinstance(line.body[0], cst.AugAssign) else None
    grown = growth(line, target.value) if isinstance(target, cst.Name) else None
    return grown[0] if grown is not None else None


def _targets(line: cst.SimpleStatementLine) -> set[str]:
    """Return the names that the losses are assigned to."""
    small = line.body[0]
    targets = [each.target for each in small.targets] if isinstance(small, cst.Assign) else []
    return {each.value for each in targets if isinstance(each, cst.Name)}


def _counted(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return y of `y.numel()`, `(y != pad).sum().item()` and `y.ne(pad).sum()`."""
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and called(node) in {"item", "sum"}:
        if node.args:
            return None
        node = node.func.value
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        return node.left if isinstance(node.comparisons[0].operator, cst.NotEqual) else None
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        if (called(node) == "numel" and not node.args) or (called(node) == "ne" and only_argument(node) is not None):
            return node.func.value
    return None


# -- both sides cut alike ---------------------------------------------------------------------------------------------


def _recut(code: Code, guess: Side, label: Side, call: cst.Call) -> Fix | None:
    """Cut the labels at the other end, where both sides are set to `x[..., :-1]`."""
    loop = code.loop(call) or code.scope.tree
    one, other = cut_at(code, guess, loop), cut_at(code, label, loop)
    if one is None or other is None or code.text(one[1]) != ":-1" or code.text(other[1]) != ":-1":
        return None
    return Fix("Cut the labels at their start: the number changes", (Edit(code.scope.span_of(other[1]), "1:"),))


def cut_at(code: Code, side: Side, within: cst.CSTNode) -> tuple[cst.Subscript, cst.Slice] | None:
    """Return the `x[:, 1:]` that the tensor of a side is set to, and its one cut, the `1:`."""
    made = code.value_of(side.base.value, within) if isinstance(side.base, cst.Name) else None
    while isinstance(made, cst.Call) and isinstance(made.func, cst.Attribute) and called(made) in SAME:
        made = made.func.value
    if not isinstance(made, cst.Subscript):
        return None
    elements = [each.slice for each in made.slice]
    cuts = [each for each in elements if isinstance(each, cst.Slice) and code.text(each) != ":"]
    whole = {code.text(each) for each in elements if each not in cuts} <= {":", "..."}
    return (made, cuts[0]) if len(cuts) == 1 and whole else None
