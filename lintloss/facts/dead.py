"""Values of an evaluation that are computed and dropped, and losses of the training that are reported as its own.

Candidates are noted when they are bound, by what they are (a shifted window, a count of tokens, a masked loss); when
the file has been read, those that nothing reads become observations.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from lintloss.facts import keeping, misnamed, overwritten
from lintloss.facts.callers import text_of
from lintloss.facts.left_behind import setting_of
from lintloss.facts.library import loaders
from lintloss.facts.liveness import is_dead, stays_empty
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.observations import DeadValue, Setting
from lintloss.facts.split_names import is_evaluation, is_training, says_held_out
from lintloss.facts.units import Unit, count
from lintloss.facts.values import Const, LibObject, ModelOutput, Opaque, Quantity, Tensor, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

SHIFTED = regex(r"shift|(mask|smooth)\w*_?(label|target|id)s?$|(label|target)s?_?(mask|shift)\w*$", re.IGNORECASE)
TOKENS = regex(
    r"tok(en)?s?(_|$)|ntok|words|(n|num)_word(_|$)|scored|num_(valid|target)|n_(valid|target)", re.IGNORECASE
)
LOSSES = regex(
    r"(mask|weight|token|nll|normali)\w*_?(loss|nll|ce)$|(loss|nll)_?(mask|weight|per_token)\w*$|nll_sum|loss_sum",
    re.IGNORECASE,
)
SIZES = regex(r"\.(numel|nelement|sum)\(")
LENGTHS = regex(r"\bsum\((map\(len\b|\[?\(?len\(|\w*len(gth)?s?\b)")  # of sequences that are not known
COUNT, TOTAL, AVERAGE = "a token count", "a sum of losses", "an average loss"
ONE_BATCH, RETURNED = "what is computed of one batch", "what a call returned"
LAST, MASKED = "the loss of one batch", "a masked loss"
COUNTS = {count("token"), count("position")}


@dataclass(frozen=True, slots=True)
class Bound:
    """A value that an evaluation has bound to a name."""

    owner: ast.AST
    target: ast.Name
    what: str
    place: Evidence
    setting: Setting
    loop: Loop | None


def note_binding(machine: Machine, target: ast.Name, value: Value) -> None:
    """Note that a name of the checked file is bound to a value that an evaluation would use."""
    frame = machine.frame
    if frame.module.path != machine.frames[0].module.path or target.id.startswith("_"):
        return
    if not _assigns(frame.statement, target):
        return  # a loop's or comprehension's target is there to be had, not to be reported
    what = _what(target.id, value) or _counter(target.id, value, frame.statement) or _masked(frame, target, value)
    if what and "shift" not in target.id and _is_handed_over(frame.statement, target):
        return
    if not what and isinstance(frame.statement, ast.AugAssign) and machine.loops:
        what = _total(value)
    if not what:
        _note_average(machine, target, value)
        what = _last(machine, target.id, value)
    if what:
        setting = setting_of(machine)
        if setting.phase == "evaluation" or (what == COUNT and _may_evaluate(machine, setting)):
            place = machine.evidence(target, f"{what} bound here")
            machine.bound[target] = Bound(
                frame.node, target, what, place, setting, machine.loops[-1] if machine.loops else None
            )


def _may_evaluate(machine: Machine, setting: Setting) -> bool:
    """Say whether a loop that scores trains not always, or in another call only: its tokens are counted for a mean."""
    loop = machine.loops[-1] if machine.loops else None
    if setting.phase == "shared":
        return True
    return setting.phase == "unknown" and loop is not None and loop.scores and not (loop.trains or loop.may_train)


def _note_average(machine: Machine, target: ast.Name, value: Value) -> None:
    """Note that what a loop of an evaluation summed was divided and bound to a name."""
    frame = machine.frame
    if not isinstance(frame.statement, ast.Assign) or not isinstance(frame.statement.value, ast.BinOp):
        return
    number = next((each for each in options(value) if isinstance(each, Quantity) and each.is_loss), None)
    loop = number.loops[-1] if number is not None and number.loops else None
    if loop is None or loop in machine.loops or not loop.scores or loop.trains or loop.may_train:
        return
    place = machine.evidence(target, f"{AVERAGE} bound here")
    machine.bound[target] = Bound(frame.node, target, AVERAGE, place, Setting(phase="evaluation"), loop)


def _last(machine: Machine, name: str, value: Value) -> str:
    """Say that a loop over the batches of an evaluation binds the loss of each to one name."""
    loop = machine.loops[-1] if machine.loops else None
    if loop is None or loop.unit != "batch" or loop.trains or loop.may_train or not says_held_out(name):
        return ""
    statement = machine.frame.statement
    if not isinstance(statement, ast.Assign) or loop.activation != machine.frame.key:
        return ""
    if not any(isinstance(each, Quantity) and each.is_loss and not each.loops for each in options(value)):
        return ""
    iterated = [each for each in options(loop.iterates) if isinstance(each, LibObject)]
    if any(map(loaders.takes_all, iterated)) or "torch_geometric" in machine.frame.module.code:  # one batch, one graph
        return ""
    return "" if _reads_total(statement.value, loop) else LAST


def _reads_total(value: ast.expr, loop: Loop) -> bool:
    """Say whether what is bound is made of what the loop adds up: `val_loss = total / n`, the average so far."""
    inside = list(ast.walk(loop.statement)) if loop.statement is not None else []
    totals = {
        each.target.id for each in inside if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name)
    }
    return any(isinstance(each, ast.Name) and each.id in totals for each in ast.walk(value))


def _is_handed_over(statement: ast.stmt | None, target: ast.Name) -> bool:
    """Say whether a name is one of several that a call gives: not each caller needs them all."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
        return False
    return all(goal is not target for goal in statement.targets)


def _total(value: Value) -> str:
    """Say that losses were summed up over a loop."""
    found = any(isinstance(each, Quantity) and each.is_loss and each.loops for each in options(value))
    return TOTAL if found else ""


def _assigns(statement: ast.stmt | None, target: ast.Name) -> bool:
    """Say whether the running statement is the assignment to this very name."""
    if isinstance(statement, ast.Assign):
        return any(each is target for goal in statement.targets for each in ast.walk(goal))
    return isinstance(statement, ast.AnnAssign | ast.AugAssign) and statement.target is target


def _what(name: str, value: Value) -> str:
    """Say what a value is, "" for what may well go unused."""
    if SHIFTED.search(name) and any(
        isinstance(each, Tensor | ModelOutput) or _is_opaque_label(each) for each in options(value)
    ):
        return "labels" if re.search(r"label|target|id", name) else "logits"
    number = next((each for each in options(value) if isinstance(each, Quantity)), None)
    if number is None:
        return ""
    if number.is_count and TOKENS.search(name) and (number.unit in COUNTS or _sums_lengths(number.unit)):
        return COUNT
    return "a loss" if number.is_loss and LOSSES.search(name) and not is_training(name) else ""


def _masked(frame: Frame, target: ast.Name, value: Value) -> str:
    """Say that losses were masked, and that further down they are read without the mask: whatever the name."""
    made = frame.statement.value if isinstance(frame.statement, ast.Assign) else None
    field = next((each for each in options(value) if isinstance(each, Quantity) and each.is_loss), None)
    if made is None or field is None or field.scoring is None or not field.scoring.masked or "train" in target.id:
        return ""
    parts = (made.left, made.right) if isinstance(made, ast.BinOp) and isinstance(made.op, ast.Mult) else ()
    parts = (made.value, made.slice) if isinstance(made, ast.Subscript) else parts
    names = [each.id for each in parts if isinstance(each, ast.Name)]
    if len(names) != 2 or target.id in names:
        return ""
    return MASKED if _is_read_alone(frame.node, target, names) else ""


def _is_read_alone(owner: ast.AST, target: ast.Name, names: list[str]) -> bool:
    """Say whether each line further down that reads one of two names is without the other, and both are read."""
    found: dict[str, set[int]] = {name: set() for name in names}
    for each in ast.walk(owner):
        if isinstance(each, ast.Name) and each.id in found and each.lineno > target.lineno:
            found[each.id].add(each.lineno)
    first, second = found.values()
    return bool(first) and bool(second) and not first & second


def _counter(name: str, value: Value, statement: ast.stmt | None) -> str:
    """Read by its name and its words what counts tokens of a tensor that is not known."""
    if not TOKENS.search(name) or isinstance(value, Quantity):
        return ""
    right = statement.value if isinstance(statement, ast.Assign | ast.AugAssign) else None
    if value == Const(0) and isinstance(right, ast.Constant):
        return "an empty counter"
    counts = right is not None and (SIZES.search(text_of(right)) or LENGTHS.search(text_of(right)))
    return COUNT if counts else ""


def _is_opaque_label(value: Value) -> bool:
    return isinstance(value, Opaque) and bool(value.key)


def _sums_lengths(unit: Unit) -> bool:
    return unit.power("position") == 1 and unit.power("example") <= 0


def observe(machine: Machine) -> None:
    """Turn bindings that nothing reads into observations, once the file has been read."""
    _observe_misnamed(machine)
    _observe_overwritten(machine)
    told = {each.span.row for each in machine.log.values() if isinstance(each, DeadValue) and each.kind == "training"}
    for bound in machine.bound.values():
        if bound.what in {"a loss", MASKED} and bound.loop is not None and bound.loop.key in machine.left_over:
            continue  # the loss that is reported instead is shown
        kind = {"an empty counter": "empty", LAST: "last"}.get(bound.what, "dropped")
        if kind == "last" and not _stands_alone(bound):
            continue
        if kind != "last" and not (
            stays_empty(bound.owner, bound.target) if kind == "empty" else is_dead(bound.owner, bound.target)
        ):
            continue
        if bound.what == TOTAL and not _last_is_read(bound):
            continue
        if bound.what == AVERAGE and not (_last_stands_for_all(bound) or _training_stands_for_it(bound, told)):
            continue
        place = bound.place
        rows = (place.span.row, place.span.end_row)
        module = machine.project.module(place.path)
        scope = machine.anchor(module).scope(place.span.row) if module is not None else rows
        seen = DeadValue(
            path=place.path,
            span=place.span,
            statement_rows=rows,
            scope_rows=scope,
            setting=bound.setting,
            kind=kind,
            name=bound.target.id,
            what=bound.what,
        )
        machine.log["DeadValue", place.path, place.span, (), ""] = seen


def _stands_alone(bound: Bound) -> bool:
    """Say whether a loop does nothing with what it binds but bind it anew, and the last one is read behind it."""
    loop = bound.loop.statement if bound.loop is not None else None
    if loop is None:
        return False
    found = [each for each in ast.walk(loop) if isinstance(each, ast.Name) and each.id == bound.target.id]
    others = [each for each in found if isinstance(each.ctx, ast.Load)]
    adds = any(isinstance(each, ast.AugAssign) and each.target in found for each in ast.walk(loop))
    return not others and not adds and _is_read_behind(bound.owner, loop, bound.target.id)


def _last_is_read(bound: Bound) -> bool:
    """Say whether what one iteration added to a total is read behind the loop: the last batch stands for all."""
    loop = bound.loop.statement if bound.loop is not None else None
    if loop is None or loop.end_lineno is None:
        return False
    added = [each for each in ast.walk(loop) if isinstance(each, ast.AugAssign) and each.target is bound.target]
    names = {each.id for term in added for each in ast.walk(term.value) if isinstance(each, ast.Name)}
    return any(_is_read_behind(bound.owner, loop, name) for name in names)


def _is_read_behind(owner: ast.AST, loop: ast.stmt, name: str) -> bool:
    """Say whether a name that a loop binds is read behind it before it is bound anew."""
    found = [each for each in ast.walk(owner) if isinstance(each, ast.Name) and each.id == name]
    inside = [each for each in found if loop.lineno <= each.lineno <= (loop.end_lineno or 0)]
    behind = sorted((each for each in found if each.lineno > (loop.end_lineno or 0)), key=lambda each: each.lineno)
    bound_inside = any(isinstance(each.ctx, ast.Store) for each in inside)
    return bound_inside and bool(behind) and isinstance(behind[0].ctx, ast.Load)


def _last_stands_for_all(bound: Bound) -> bool:
    """Say whether the last batch's loss is read behind the loop whose average is not."""
    loop = bound.loop.statement if bound.loop is not None else None
    if loop is None:
        return False
    found = [each for each in ast.walk(loop) if isinstance(each, ast.AugAssign)]
    terms = {_first_name(each.value) for each in found if not isinstance(each.value, ast.Constant)}
    assigned = {
        target.id
        for each in ast.walk(loop)
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name) and _may_be_a_loss(target.id, each.value)
    }
    return any(_is_read_behind(bound.owner, loop, name) for name in terms & assigned)


def _may_be_a_loss(name: str, value: ast.expr) -> bool:
    """A loss comes of a call; what a shape or a length gives is none."""
    return isinstance(value, ast.Call) and not SIZES.search(ast.unparse(value)) and not TOKENS.search(name)


def _first_name(node: ast.expr) -> str:
    """The name that `loss.item() * rows` begins with."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.BinOp):
            node = node.left
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        else:
            return ""
    return node.id


def _training_stands_for_it(bound: Bound, told: set[int]) -> bool:
    """Say whether a training loss is printed in the words of an evaluation, in rows that have not been told of."""
    if not says_held_out(bound.target.id):
        return False
    return any(
        name.lineno > bound.target.lineno and name.lineno not in told
        for each in ast.walk(bound.owner)
        if isinstance(each, ast.Expr)
        for _, name in misnamed.shown(each)
    )


def _observe_misnamed(machine: Machine) -> None:
    """Observe where the training loss is shown in the evaluation's words, by its name, unless its value has told."""
    module = machine.frames[0].module
    seen = [each for each in machine.log.values() if isinstance(each, DeadValue) and each.path == module.path]
    anchor = machine.anchor(module)
    for name in misnamed.observe(module):
        span = anchor.span(name)
        if all(each.span != span for each in seen):
            rows, setting = (span.row, span.end_row), Setting(phase="evaluation")
            machine.observe(
                DeadValue(
                    path=module.path,
                    span=span,
                    statement_rows=rows,
                    scope_rows=anchor.scope(span.row),
                    setting=setting,
                    kind="training",
                    name=name.id,
                    what="the training loss",
                )
            )


def _observe_overwritten(machine: Machine) -> None:
    """Observe the entries of a dict of totals that each batch of an evaluation replaces."""
    module = machine.frames[0].module
    anchor = machine.anchor(module)
    for loop in machine.loop_of.values():
        over = loop.statement
        if loop.trains or loop.may_train or loop.unit == "epoch" or loop.place.path != module.path:
            continue
        if not isinstance(over, ast.For | ast.AsyncFor):
            continue
        scope = keeping.Scope(machine, module, loop.function or module.tree)
        for entry, varies in overwritten.entries(scope, over):
            owner = entry.value.id if isinstance(entry.value, ast.Name) else ""
            if not (loop.scores or says_held_out(owner) or is_evaluation(ast.unparse(over.iter))):
                continue
            span = anchor.span(entry)
            machine.observe(
                DeadValue(
                    path=module.path,
                    span=span,
                    statement_rows=(span.row, span.end_row),
                    scope_rows=anchor.scope(span.row),
                    setting=Setting(phase="evaluation"),
                    kind="replaced",
                    name=ast.unparse(entry),
                    what=ONE_BATCH if varies else RETURNED,
                )
            )
