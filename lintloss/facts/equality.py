"""Do all batches score the same number of tokens? Proofs that they do, proofs that they do not, and neither."""

from __future__ import annotations

import ast
import re
from typing import TypeGuard

from lintloss.facts import (
    label_ids,
    unchanged,
)
from lintloss.facts.library import shapes
from lintloss.facts.loops import Loop
from lintloss.facts.values import (
    UNKNOWN,
    Const,
    Opaque,
    Quantity,
    Scoring,
    Tensor,
    Value,
    options,
)
from lintloss.findings import Evidence
from lintloss.patterns import regex

BOILERPLATE = (-1, -100, None)  # ignored labels that are written whether or not any label is one
MASKS = regex(r"mask", re.IGNORECASE)


def _strong(scoring: Scoring) -> bool:
    ignored = scoring.ignore_index
    if scoring.masked and not _is_boilerplate(scoring.mask):
        return True
    if ignored is None or (isinstance(ignored, Const) and ignored.value in BOILERPLATE):
        return False
    return not any(map(_is_stretch, options(scoring.target)))


def _is_stretch(target: Value) -> bool:
    """Say whether targets are stretches of one length of a running text, with nothing filled up: no id is ignored."""
    if not isinstance(target, Tensor) or target.window is None or not target.window.lower.atoms:
        return False
    if target.pad is not None or target.ignored or target.clean or "filtered" in target.window.marks:
        return False
    return not any(atom == ("end",) or atom[:1] == ("loop",) for atom in target.window.length.atoms)


def _is_of_marks(mask: Value | None) -> TypeGuard[Tensor]:
    """Say whether a mask leaves out labels that were marked: -1 and -100 are no ids."""
    return isinstance(mask, Tensor) and isinstance(mask.pad, Const) and mask.pad.value in BOILERPLATE[:2]


def _is_boilerplate(mask: Value | None) -> bool:
    """Say whether a mask leaves out what no target need be: `targets >= 0`. What is called labels is filled with -100."""
    return _is_of_marks(mask) and not shapes.is_called_labels(mask)


def proven_unequal(total: Quantity) -> tuple[Evidence, ...]:
    """Return why the scored counts of batches differ on ordinary data, () when that is not proven."""
    scoring = total.scoring
    found = [place for loop in total.loops for place in loop.unequal]
    is_even = any(
        loop.cropped or (loop.alike and scoring is not None and _is_of_marks(scoring.mask)) for loop in total.loops
    )
    if _is_per_row(total) or unchanged.score_the_same(total):
        return ()  # how many tokens are scored changes nothing: each row's are added up
    if total.unit.power("position") < 0:  # masked entries were averaged over as well: only the shape decides
        return tuple(found)
    filled = [place for loop in total.loops for place in loop.filled]
    if scoring is not None and scoring.place is not None and _strong(scoring):
        found += [*filled, scoring.place] if found or not is_even else []
    elif scoring is not None and scoring.counted is not None and not _is_boilerplate(scoring.mask):
        found.append(scoring.counted)
    elif scoring is not None and scoring.place is not None and _is_packed(scoring):
        found.append(scoring.place)
    return tuple(found)


def differs_at_times(total: Quantity) -> tuple[Evidence, ...]:
    """Return why batches may differ in scored tokens: in some data only, or under an option; () where nothing says so."""
    if _is_per_row(total) or unchanged.score_the_same(total):
        return ()
    is_strong = total.scoring is not None and _strong(total.scoring)
    return tuple(place for loop in total.loops for place in (*loop.varies, *(loop.cropped if is_strong else ())))


def _is_per_row(total: Quantity) -> bool:
    """Say whether what is averaged is a loss a row: the sum of a batch, divided by its number of rows."""
    unit = total.unit
    return unit.power("example") < 0 and not unit.power("token") and not unit.power("position")


def _is_packed(scoring: Scoring) -> bool:
    """Say whether rows of different lengths were packed into the targets, without their padding."""
    target = scoring.target
    return isinstance(target, Tensor) and target.window is not None and "packed" in target.window.source


def rows_vary(total: Quantity) -> bool:
    """Say whether each row has a text of its own as its target: a sequence-to-sequence model scores as many tokens."""
    return total.scoring is not None and total.scoring.paired


def scores_all_positions(total: Quantity) -> bool:
    """Say whether the ids that are scored are known, padding and all: a count of positions is one of what is scored."""
    scoring = total.scoring
    target = scoring.target if scoring is not None else None
    if scoring is None or not isinstance(target, Tensor) or _strong(scoring):
        return False
    fed = scoring.prediction.window if isinstance(scoring.prediction, Tensor) else None
    is_fed = fed is not None and target.window is not None and fed.source == target.window.source
    if target.ignored or target.clean or label_ids.is_ignored(target.pad or UNKNOWN):
        return False
    return is_fed or target.form == "ids"


def proven_equal(total: Quantity) -> tuple[Evidence, ...]:
    """Return why all batches score the same count, () when that is not proven."""
    if total.scoring is not None and total.scoring.place is not None and unchanged.score_the_same(total):
        return (total.scoring.place,)
    if proven_unequal(total):
        return ()
    if total.scoring is not None and total.scoring.single and total.scoring.place is not None:
        return (total.scoring.place,)
    if total.scoring is not None and total.scoring.place is not None and _is_column_of_one(total):
        return (total.scoring.place,)
    if differs_at_times(total):
        return ()
    return tuple(
        place
        for loop in total.loops
        for place in (*loop.equal, *(() if _may_ignore(total, loop) and not _is_per_row(total) else loop.full))
    )


def _is_column_of_one(total: Quantity) -> bool:
    """Say whether each step scores one position of rows that stay the same: `ids[:, i + 1]`."""
    target = total.scoring.target if total.scoring is not None else None
    window = target.window if isinstance(target, Tensor) else None
    if window is None or "at" not in window.marks or len(total.loops) != 1:
        return False
    return total.loops[0].index in window.lower.atoms and "[]" not in window.source


def is_guessed(total: Quantity, equal: tuple[Evidence, ...]) -> bool:
    """Say whether nothing but a name speaks for batches of one shape: rows that a sampler draws may differ in length."""
    guessed = [place for loop in total.loops for place in loop.guessed]
    return bool(equal) and all(place in guessed for place in equal)


def _may_ignore(total: Quantity, loop: Loop) -> bool:
    """Say whether some labels of full batches may be ignored: the code hands over a mask, or names the id that it ignores."""
    if total.presumed and _hands_over_mask(loop):
        return True
    scoring = total.scoring
    if scoring is None:
        return False
    if scoring.owner == "model":  # labels that come with the batch, not the input once more
        return isinstance(scoring.target, Opaque) and scoring.target.key[-1:] == ("labels",)
    if scoring.owner != "call" or scoring.ignore_index != Const(-100):
        return False
    window = scoring.target.window if isinstance(scoring.target, Tensor) else None
    return window is not None and "label" in str(window.source)


def _hands_over_mask(loop: Loop) -> bool:
    """Say whether a call in the loop is given a mask: a loss that is computed out of sight may leave out what it marks."""
    if loop.statement is None:
        return False
    calls = (each for each in ast.walk(loop.statement) if isinstance(each, ast.Call))
    return any(MASKS.search(word.arg) is not None for call in calls for word in call.keywords if word.arg)


def _scores_filling(scoring: Scoring, target: Tensor) -> bool:
    """Say whether rows were filled up to one length, and the filling is scored as well: one mistake, not two."""
    is_even = target.window is not None and "even" in target.window.marks and not target.window.flat
    return is_even and target.pad is not None and not _strong(scoring) and not target.ignored and not target.clean


def rows_of_one_length(total: Quantity, mean: Quantity) -> tuple[Evidence, ...]:
    """Return why weighting by rows is exact: each was cut from `begin` to `begin + length`, and all of it is scored.

    A sampler gives every rank as many rows, so that a mean over ranks weighs rows as well.
    """
    scoring = total.scoring
    target = scoring.target if scoring is not None else None
    if scoring is None or not isinstance(target, Tensor) or target.window is None or proven_unequal(total):
        return ()
    if differs_at_times(total):
        return ()
    if any(loop.unit == "step" for loop in total.loops):  # of as many windows as a row is long
        return ()
    weights = set(mean.weights)
    if weights == {"example"} and _scores_filling(scoring, target) and scoring.place is not None:
        return (scoring.place,)
    ends = any(atom == ("end",) for atom in target.window.length.atoms) or (
        target.window.flat and "filtered" in target.window.marks
    )
    if weights not in ({"example"}, {"rank"}) or ends or target.pad is not None or target.ignored:
        return ()
    return (scoring.place,) if scoring.place is not None else ()
