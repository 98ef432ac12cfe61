"""Records comparisons of predictions with targets: how they align, and where the checked file is to blame."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import (
    alignment,
    autoregression,
    batch_rows,
    bindings,
    blanks,
    branch_pairs,
    classes,
    data_files,
    gradients,
    overlap,
    pad_ids,
    paired,
)
from lintloss.facts.alignment import ALIGNED, WRONG_SIDE, Alignment, Pair
from lintloss.facts.callers import text_of
from lintloss.facts.library import last_ids, models, shapes, tables, windows
from lintloss.facts.linear import END, ZERO, Linear
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.observations import Compared, Setting
from lintloss.facts.pad_marks import LEFT
from lintloss.facts.settings import Place
from lintloss.facts.survey import called_name
from lintloss.facts.values import Key, LibObject, Quantity, Scoring, Tensor, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

UNTOLD = frozenset({"scores", "hidden", ""})
LOGITS = regex(r"(^|_)logits?(_|$)")
NORMALIZES = regex(r"log_?softmax|logsumexp|log_?probs?|\.log\(\)|\b(torch|math|np|jnp)\.log\(", re.IGNORECASE)
LAST_COLUMN = regex(r"\.at\[(:|\.\.\.), -1\]\.(set|multiply)\(|(loss|nll|nats)\w*\[(:|\.\.\.), -1\] = ", re.IGNORECASE)
DRAWN = frozenset({"randint", "rand", "randn"})
MOVED = tables.TENSOR_MOVES | {"roll"}
METHODS = frozenset({"forward", "__call__", "call"})


def compared(machine: Machine, node: ast.AST, scoring: Scoring) -> Key:
    """Record a comparison; the key lets a mask that is applied later be added to it."""
    found = _ignored_beside(machine, scoring, align(machine, scoring))
    scoring = replace(scoring, spares_zero=not pad_ids.is_not_zero(machine, scoring.ignore_index))
    home = machine.home or machine.shown
    own = [i for i, frame in enumerate(machine.frames) if frame.module.path == home]
    if any(frame.key[:1] == ("import",) for frame in machine.frames):
        return ()
    if not own:
        data_files.note(machine, node, scoring, found)
        return ()
    straight = (machine.frames[index] for index in own if not _runs_loop(machine, machine.frames[index]))
    if any(map(_is_made_up, straight)):
        return ()
    if machine.home and _is_callers_own(machine, own, scoring, found):
        return ()
    index = _to_blame(machine, own, scoring, found)
    if found is not None and found.kind == alignment.DOUBLE:
        found = replace(found, evidence=(*found.evidence, *_handed_on(machine, index)))
    seen = Compared(
        scoring=scoring,
        alignment=found,
        overlap=overlap.overlap(machine, node, scoring),
        inverted=blanks.inverted(machine, scoring.target),
        spared=blanks.spared_in_a_branch(machine, scoring.target),
        loops=tuple(machine.loops),
        function=machine.frame.node,
        called_logits=scoring.criterion == "nll_loss" and _is_called_logits(machine, scoring),
        unrecorded=gradients.state(machine) == gradients.OFF,
        **_place(machine, node, index),
    )
    machine.observe(_kept(machine, seen))
    return ("Compared", seen.path, seen.span, machine.frame.key, "")


def _ignored_beside(machine: Machine, scoring: Scoring, found: Alignment | None) -> Alignment | None:
    """Say of labels that are aligned that what they ignore is not what it is meant to be."""
    place = blanks.on_the_wrong_side(machine, scoring.target) if found is not None and found.kind == ALIGNED else None
    return Alignment(alignment.MISDIRECTED, WRONG_SIDE, (place,)) if place is not None else found


def _runs_loop(machine: Machine, frame: Frame) -> bool:
    return any(loop.activation == frame.key for loop in machine.loops)


def _is_made_up(frame: Frame) -> bool:
    """Say whether what a statement scores was drawn at random where it stands: a model is tried out, and nothing reported."""
    bound = bindings.of(frame.node)
    made = _bound_in(bound, frame.statement) if frame.statement is not None else []
    moved = [each for each in made if isinstance(each, ast.Call) and called_name(each.func) in MOVED]
    made += [value for each in moved for value in _bound_in(bound, each)]  # `y = torch.roll(x, -1)`
    return any(isinstance(each, ast.Call) and called_name(each.func) in DRAWN for each in made)


def _bound_in(bound: dict[str, tuple[bindings.Binding, ...]], node: ast.AST) -> list[ast.expr]:
    """Return what the names in a node are bound to."""
    names = sorted({each.id for each in ast.walk(node) if isinstance(each, ast.Name)})
    return [each.value for name in names for each in bound.get(name, ()) if each.value is not None]


def _kept(machine: Machine, seen: Compared) -> Compared:
    """Return what a first pass saw, where the second one ran out of steps inside of the model."""
    key: Key = (seen.path, seen.span, machine.frame.key)
    if seen.alignment is not None:
        machine.aligned[key] = seen
    before = machine.aligned.get(key)
    return before if machine.exhausted and isinstance(before, Compared) else seen


def _is_callers_own(machine: Machine, own: list[int], scoring: Scoring, found: Alignment | None) -> bool:
    """Say whether what another file calls is right for some calls: then that file is told when it is checked."""
    if all(is_step(machine, i) for i in own):
        return True
    if found is None or found.kind != alignment.DOUBLE:
        return False
    around = (frame for i, frame in enumerate(machine.frames[: own[-1]]) if i not in own)
    if any(_shifts_in(frame, scoring) for frame in around):
        return True
    below = {step for frame in machine.frames[own[-1] + 1 :] for step in _shifts_of(frame, scoring)}
    return (
        len(below) > 1
    )  # all of it is done by what is called here; a model that shifts once is given the wrong labels


def _to_blame(machine: Machine, own: list[int], scoring: Scoring, found: Alignment | None) -> int:
    """Choose the frame to show: the criterion's own, the caller's where it shifts what is shifted again.

    A model or criterion class that scores labels as they come is right for some calls and wrong for others: then it
    is the call that is shown.
    """
    last = own[-1]
    if found is not None and found.kind == alignment.DOUBLE:
        for i in own[:-1]:
            if _shifts_in(machine.frames[i], scoring):
                return i
    is_called = len(own) > 1 and (own[-2] > 0 or not machine.rooted)  # not by itself
    if is_called and last == len(machine.frames) - 1 and is_step(machine, last):
        return own[-2]
    return last


def is_step(machine: Machine, index: int) -> bool:
    """Say whether a running function is a model's or a criterion's forward(): one step of the loop of whoever calls it."""
    return machine.frames[index].name in METHODS and all(loop.frame != index + 1 for loop in machine.loops)


def _handed_on(machine: Machine, index: int) -> list[Evidence]:
    """Return where what a running function calls hands the labels on: the file that does it is told there."""
    module = machine.frames[index].module
    places = [frame.call_place for frame in machine.frames[index + 2 :]]
    return [place for place in places if place is not None and place.path != module.path]


def _is_called_logits(machine: Machine, scoring: Scoring) -> bool:
    """Say whether what a model out of sight returned is called logits, where no file that was read takes logarithms."""
    found = [shapes.tensor(each) for each in options(scoring.prediction)]
    if not all(each is not None and each.form in UNTOLD and LOGITS.search(each.name) for each in found):
        return False
    if any(each is None or each.model is None for each in found):  # a function is given them: by whom, and as what?
        return False
    return bool(found) and not any(NORMALIZES.search(module.code) for module in machine.loaded())


def _shifts_in(frame: Frame, scoring: Scoring) -> bool:
    return bool(_shifts_of(frame, scoring))


def _shifts_of(frame: Frame, scoring: Scoring) -> list[Evidence]:
    """Return the steps by which a running function moved the labels."""
    first, last = getattr(frame.node, "lineno", 1), getattr(frame.node, "end_lineno", None) or 0
    if isinstance(frame.node, ast.Module):
        return []
    target = shapes.tensor(scoring.target)
    steps: tuple[Evidence, ...] = target.trace if target is not None else ()
    return [step for step in steps if step.path == frame.module.path and first <= step.span.row <= last]


def _place(machine: Machine, node: ast.AST, index: int) -> Place:
    from lintloss.facts.phases import setting

    frame = machine.frames[index]
    anchor = machine.anchor(frame.module)
    span = anchor.span(node)
    if index < len(machine.frames) - 1:
        call = machine.frames[index + 1].call_place
        if call is not None:
            span = call.span
    statement = frame.statement
    rows = (span.row, span.end_row)
    if (
        statement is not None
        and statement.lineno <= span.row <= (statement.end_lineno or span.row)
        and not getattr(statement, "body", None)
    ):
        rows = (statement.lineno, statement.end_lineno or statement.lineno)
    return Place(
        path=frame.module.path,
        span=span,
        statement_rows=(min(rows[0], span.row), max(rows[1], span.end_row)),
        scope_rows=anchor.scope(span.row),
        setting=_shared(machine, setting(machine, frame, ())),
        stack=tuple(each.call_place for each in machine.frames[1:] if each.call_place is not None),
    )


def _shared(machine: Machine, found: Setting) -> Setting:
    """A step that trains under a flag only, `train_step(mode, batch)`, is what evaluates as well."""
    is_shared = found.phase == "training" and any(loop.may_train and not loop.trains for loop in machine.loops[-1:])
    return replace(found, phase="shared") if is_shared else found


def align(machine: Machine, scoring: Scoring) -> Alignment | None:
    """Compare where predictions and targets sit; of alternatives all have to be wrong alike.

    Where two branches made both sides, the one that shifts neither is wrong whatever the other does; so is the one that
    chooses by a mask which is cut on the other side.
    """
    pairs = branch_pairs.of(machine, scoring)
    found = [_align(machine, scoring, one, other) for one, other in pairs]
    chosen = next((each for each in found if each is not None and each.why == WRONG_SIDE), None)
    if chosen is not None:
        return chosen
    kinds = {each.kind if each is not None else "" for each in found}
    if len(kinds) == 1:
        return found[0]
    missing = [each for each in found if each is not None and each.kind == alignment.MISSING and not each.presumed]
    is_left_out = kinds == {alignment.MISSING, ALIGNED} and branch_pairs.are_told_apart(machine, scoring, pairs)
    return missing[0] if is_left_out and missing else None


def _is_next(guess: Tensor, label: Tensor) -> bool:
    """Say whether the labels begin one position behind what was fed in."""
    return (
        guess.window is not None
        and label.window is not None
        and label.window.lower - guess.window.lower == Linear(const=1)
    )


def _sets_last_apart(machine: Machine, label: Tensor) -> bool:
    """Say whether the function takes the last loss of each row out, which wrapped around: `losses.at[:, -1].set(0)`."""
    wraps = label.window is not None and "wraps" in label.window.marks
    return wraps and LAST_COLUMN.search(text_of(machine.frame.node)) is not None


def _align(machine: Machine, scoring: Scoring, prediction: Value, target: Value) -> Alignment | None:
    guess, label = shapes.tensor(prediction), shapes.tensor(target)
    if guess is None or label is None or guess.window is None or label.window is None:
        return None
    if label.form in windows.COMPUTED:  # what an unknown call made of the ids
        return None
    guess = alignment.canonical(guess, machine.same_source)
    label = last_ids.beside(machine, guess, alignment.canonical(label, machine.same_source))
    if _sets_last_apart(machine, label):
        return None
    model = _whole(machine, guess.model)
    reads = models.reads(machine, model)
    fed = _as_fed(machine, guess, label)
    if fed is not None:
        found = alignment.align(Pair(fed, label, scoring.criterion, "past"))
        return found if found is not None and found.kind == alignment.DOUBLE else None
    presumed = not reads and autoregression.is_presumed(machine, model)
    if presumed and scoring.owner == "model" and not _is_next(guess, label):
        return None  # it may move the labels itself
    copies = not reads and not presumed and paired.copies(machine, guess, label)
    rows, unsaid = batch_rows.known(machine, label), batch_rows.presumed(machine, label)
    found = alignment.align(
        Pair(
            guess,
            label,
            scoring.criterion,
            "past" if presumed or copies else reads,
            scoring.owner == "model" and models.shifts_labels(model),
            presumed or copies,
            models.is_batch_first(model),
            rows or unsaid,
            rows is None,
            not presumed and autoregression.guesses_next_only(machine, model),
            autoregression.is_of_texts(machine, model),
        )
    )
    is_other = copies and found is not None and found.kind != alignment.MISSING
    return None if is_other else found


def _as_fed(machine: Machine, guess: Tensor, label: Tensor) -> Tensor | None:
    """Place logits that came out of layers nobody could follow where the ids sit that their model's forward() was given.

    None where they are known to sit somewhere, or where the labels come from somewhere else than these ids.
    """
    frame = machine.frame
    if frame.name not in METHODS or guess.window is None or label.window is None:
        return None
    source = label.window.source
    given = [slot.value for slot in frame.state.names.values()]
    if not given or models.reads(machine, given[0]) != "past":
        return None
    fed = next((each for each in given if isinstance(each, Tensor) and _sits_on(each, source)), None)
    if guess.window.source == source or fed is None or fed.window is None or guess.window.marks - {"batched"}:
        return None
    cut = guess.window
    window = replace(
        cut,
        source=source,
        lower=fed.window.lower + cut.lower,
        upper=fed.window.upper + cut.upper - END,
    )
    return replace(guess, window=window) if cut.is_trimmed else None


def _sits_on(value: Tensor, source: Key) -> bool:
    return value.window is not None and value.window.source == source and value.window.lower == ZERO


def _whole(machine: Machine, model: Value | None) -> Value | None:
    """Return the model that a layer belongs to, inside of its own forward()."""
    if not isinstance(model, LibObject) or models.reads(machine, model):
        return model
    for frame in reversed(machine.frames):
        owner = classes.running_on(machine, frame)
        if owner is not None and frame.name in {*METHODS, "loss", "training_step", "validation_step"}:
            return owner
    return model


def masked(machine: Machine, scoring: Scoring, mask: Tensor | None, drops: bool) -> None:
    """Add to a recorded comparison that its losses were masked."""
    seen = machine.log.get(scoring.log)
    if not isinstance(seen, Compared):
        return
    found = seen.alignment
    inverted = None
    if mask is not None and blanks.lets_padding_through(machine, seen.scoring.target, mask, drops):
        inverted = seen.scoring.place
    if _is_on_the_wrong_side(machine, seen.scoring, mask, drops) and found is not None and found.kind == ALIGNED:
        found = Alignment(alignment.MISDIRECTED, WRONG_SIDE, mask.trace if mask is not None else ())
    elif found is not None and found.rows_presumed:  # it may leave each row's first token out
        found = None
    machine.log[scoring.log] = replace(
        seen,
        alignment=found,
        inverted=inverted,
        scoring=replace(seen.scoring, masked=True, mask=mask, mask_drops=drops),
    )


def scaled(machine: Machine, mean: Quantity, mask: Tensor | None) -> None:
    """Add to a recorded comparison that a mask came after the mean was taken."""
    scoring = mean.scoring
    seen = machine.log.get(scoring.log) if scoring is not None else None
    if mask is None or mean.axes or scoring is None or scoring.reduction != "mean" or not isinstance(seen, Compared):
        return
    if not scoring.masked:
        machine.log[scoring.log] = replace(seen, scoring=replace(seen.scoring, scaled_by=mask))


def reduced(machine: Machine, scoring: Scoring) -> None:
    """Add to a recorded comparison that its losses were summed or averaged."""
    seen = machine.log.get(scoring.log)
    if isinstance(seen, Compared) and not seen.scoring.reduced:
        machine.log[scoring.log] = replace(seen, scoring=replace(seen.scoring, reduced=True))


def _is_on_the_wrong_side(machine: Machine, scoring: Scoring, mask: Tensor | None, drops: bool) -> bool:
    """Say whether the mask sits one position before the labels that it is applied to.

    With padding on the left that is where it belongs.
    """
    target = shapes.tensor(scoring.target)
    if mask is None or mask.window is None or target is None or target.window is None or drops:
        return False
    if mask.compares or ("mask" not in mask.name.lower() and mask.window.source != target.window.source):
        return False  # one that compares ids with a pad id is about padding: see comparisons.py
    return blanks.is_behind(target.window, mask) and not LEFT.search(machine.frame.module.code)
