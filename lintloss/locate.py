"""Stage: observations of one file -> the evaluations in it, one entry for each number: what `lintloss locate` lists.

What the facts do not say is "unknown": an entry says what was understood, not what is likely.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

from lintloss.facts.computed import averaged
from lintloss.facts.evaluation import Evaluation
from lintloss.facts.library.tables import CAUSAL, HEADED, MASKED_MODELS, PAIRED
from lintloss.facts.linear import Linear
from lintloss.facts.loops import Loop
from lintloss.facts.observations import Averaging, Exponential, Observation, Scored
from lintloss.facts.values import Const, LibObject, Opaque, Quantity, Scoring, Tensor, Value
from lintloss.findings import Span
from lintloss.parse import Module
from lintloss.patterns import regex

UNKNOWN = "unknown"
FRAMEWORKS = {
    "torch": "torch", "transformers": "transformers", "accelerate": "accelerate", "lightning": "lightning",
    "pytorch_lightning": "lightning", "ignite": "ignite", "deepspeed": "deepspeed", "jax": "jax", "flax": "jax",
    "optax": "jax", "tensorflow": "tensorflow", "keras": "keras", "mxnet": "mxnet", "paddle": "paddle",
    "fairseq": "fairseq",
}  # fmt: skip
SPLITS = (
    ("validation", regex(r"(?<![a-z])(valid|validation|val|dev|heldout|held_out|holdout)(?![a-z])")),
    ("test", regex(r"(?<![a-z])(test|testing)(?![a-z])")),
    ("training", regex(r"(?<![a-z])(train|training)(?![a-z])")),
)
TRAINING = regex(r"(^|_)(pre)?train(ing)?(_|$)", re.IGNORECASE)
NO_SHIFT = {"mlm": "not needed", "classification": "not needed", "regression": "not needed"}
PLAIN_LOSSES = {"model": "the model's own", "presumed": "unknown (known by its name)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """One number that evaluation code computes, in words; "unknown" where the facts do not say.

    framework: what the file imports. shift: who moves the labels. split: as the code names it. perplexity_row: where
    the loss is exponentiated. span counts rows in the file, or in the cell of a notebook.
    """

    path: str
    span: Span
    cell: int | None = None
    function: str = UNKNOWN
    framework: str = UNKNOWN
    criterion: str = UNKNOWN
    reduction: str = UNKNOWN
    normalizer: str = UNKNOWN
    shift: str = UNKNOWN
    split: str = UNKNOWN
    unit: str = UNKNOWN
    perplexity_row: int | None = None


WORDS = tuple(each.name for each in fields(Located) if each.type == "str" and each.name != "path")


def locate(module: Module, observations: Iterable[Observation]) -> tuple[Located, ...]:
    """List the evaluations of a file in the order of its rows."""
    seen = [each for each in observations if each.path == module.path and not _trains(each)]
    framework = _framework(module)
    found: dict[Span, Located] = {}
    for each in seen:
        one = replace(_entry(each), framework=framework) if isinstance(each, Averaging) else None
        if one is not None:
            found[one.span] = _merged(found.get(one.span), one)
    covered = {_scored_at(each) for each in seen if isinstance(each, Averaging)}
    for each in seen:
        in_one_go = isinstance(each, Scored) and each.setting.phase == "evaluation"
        if isinstance(each, Scored) and _scored_at(each) not in covered and (each.loops or in_one_go):
            one = replace(_entry(each), framework=framework, normalizer="none here")
            found[one.span] = _merged(found.get(one.span), one)
    functions = {each.function for each in found.values()}
    for each in seen:
        if isinstance(each, Evaluation) and (each.function or "the module") not in functions:
            one = _without_loop(each, seen) or _base(each)
            found.setdefault(one.span, replace(one, framework=framework))
    return tuple(_in_cell(_with_perplexity(found[span], seen), module) for span in sorted(found))


def _without_loop(evaluation: Evaluation, seen: Iterable[Observation]) -> Located | None:
    """Return what a function scores that evaluates in one go, as those of graphs do."""
    for each in seen:
        if isinstance(each, Scored) and evaluation.function and each.setting.function == evaluation.function:
            return replace(_entry(each), normalizer="none here")
    return None


def _trains(seen: Observation) -> bool:
    loops: tuple[Loop, ...] = getattr(seen, "loops", ())
    if isinstance(seen, Averaging):
        loops = (*loops, *seen.before.loops)
    if seen.setting.phase == "training" or any(loop.trains for loop in loops):
        return True
    # a scaler that is handed the loss hides the backward pass: then the function's name says it
    return seen.setting.phase == "unknown" and TRAINING.search(seen.setting.function) is not None


def _scoring(seen: Observation) -> Scoring | None:
    if isinstance(seen, Scored):
        return seen.scoring
    return seen.before.scoring if isinstance(seen, Averaging) else None


def _scored_at(seen: Observation) -> object:
    scoring = _scoring(seen)
    return (scoring.place.path, scoring.place.span) if scoring is not None and scoring.place is not None else seen


def _base(seen: Observation) -> Located:
    return Located(path=seen.path, span=seen.span, function=seen.setting.function or "the module")


def _entry(seen: Averaging | Scored) -> Located:
    scoring = _scoring(seen)
    one = replace(_base(seen), normalizer=_normalizer(seen), split=_split(seen), unit=_unit(seen))
    if scoring is None:
        return one
    return replace(
        one,
        criterion=PLAIN_LOSSES.get(scoring.criterion, scoring.criterion),
        reduction=UNKNOWN if scoring.presumed or scoring.criterion == "presumed" else scoring.reduction,
        shift=_shift(scoring, seen.setting.task),
    )


def _unit(seen: Averaging | Scored) -> str:
    result = seen.after if isinstance(seen, Averaging) else seen.loss
    return averaged(result) if isinstance(result, Quantity) else UNKNOWN


def _normalizer(seen: Averaging | Scored) -> str:
    if isinstance(seen, Scored):
        return UNKNOWN
    count = seen.count
    if isinstance(count, Quantity) and count.is_count:
        return f"÷ {count.unit}{' (by its name)' if count.presumed else ''}"
    units = [loop.unit for loop in seen.before.loops if loop.unit != "step"]
    if seen.how in ("mean", "meter", "framework") and units:
        return f"{'mean' if seen.how == 'mean' else seen.how} over {units[-1]}"
    return seen.how if seen.how in ("meter", "framework") else UNKNOWN


def _shift(scoring: Scoring, task: str) -> str:
    """Say who moves the labels, from where predictions and targets sit on their ids."""
    if task in NO_SHIFT:
        return NO_SHIFT[task]
    if scoring.criterion == "model":
        return _shift_inside(scoring.prediction)
    one, other = scoring.prediction, scoring.target
    if not (isinstance(one, Tensor) and isinstance(other, Tensor) and one.window and other.window):
        return UNKNOWN
    ours, theirs, end = (_constant(each) for each in (one.window.lower, other.window.lower, one.window.upper))
    if ours is None or theirs is None:
        return UNKNOWN
    moved = theirs - ours
    if one.window.source != other.window.source:
        # ids and labels of one batch: cut against one another here, or told apart nowhere in sight
        return "the evaluation code" if moved == 1 and end == -1 else UNKNOWN
    return {0: "nobody", 1: "the evaluation code", 2: "twice"}.get(moved, f"off by {moved - 1}")


def _shift_inside(prediction: Value) -> str:
    """Say what a model of transformers does with `labels=`, by its class."""
    model = prediction.model if isinstance(prediction, Tensor) else None
    name = model.name if isinstance(model, LibObject) else ""
    if CAUSAL.search(name):
        return "the model"
    if PAIRED.search(name):
        return "the model, in what it feeds its decoder"
    if MASKED_MODELS.search(name) or HEADED.search(name):
        return "not needed"
    return UNKNOWN


def _split(seen: Averaging | Scored) -> str:
    """Read which split is evaluated from what the loop runs over, as the code calls it."""
    loops = (*seen.before.loops, *seen.loops) if isinstance(seen, Averaging) else seen.loops
    for loop in reversed(loops):
        text = " ".join(_names(loop)).lower()
        named = [split for split, words in SPLITS if words.search(text.replace("_", " "))]
        if named:
            return named[0] if len(named) == 1 else UNKNOWN
    called = seen.setting.function.lower().replace("_", " ")  # `validation_step`, `test_epoch`
    return next((split for split, words in SPLITS[:2] if words.search(called)), UNKNOWN)


def _names(loop: Loop) -> Iterator[str]:
    if loop.statement is not None and not isinstance(loop.statement, ast.While):
        yield ast.unparse(loop.statement.iter)
    yield from _names_of(loop.iterates)


def _names_of(value: Value) -> Iterator[str]:
    if isinstance(value, Opaque):
        yield value.name
        yield from (each for each in value.key[-1:] if isinstance(each, str))  # `rows["validation"]`
    elif isinstance(value, LibObject):
        for name, given in value.kwargs:
            if name == "split" and isinstance(given, Const):
                yield str(given.value)
        for each in (*value.args[:1], *(given for name, given in value.kwargs if name == "dataset")):
            yield from _names_of(each)


def _framework(module: Module) -> str:
    names: dict[str, None] = {}
    for node in ast.walk(module.tree):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported = [node.module]
        for name in imported:
            known = FRAMEWORKS.get(name.partition(".")[0])
            if known:
                names[known] = None
    return ", ".join(sorted(names)) or UNKNOWN


def _merged(one: Located | None, other: Located) -> Located:
    """One place in several calling contexts: what they agree on, else both."""
    if one is None:
        return other
    changes: dict[str, str] = {}
    for name in WORDS:
        known = [each for text in (getattr(one, name), getattr(other, name)) for each in text.split(" or ")]
        told = dict.fromkeys(each for each in known if each != UNKNOWN)
        changes[name] = " or ".join(told) or UNKNOWN
    return replace(one, **changes)  # type: ignore[arg-type]  # the fields named in WORDS are texts


def _with_perplexity(one: Located, seen: Iterable[Observation]) -> Located:
    """Find where the same criterion's loss is exponentiated, in the rows below or in what calls this."""
    scored = {_scored_at(each) for each in seen if isinstance(each, Averaging | Scored) and each.span == one.span}
    for each in seen:
        scoring = each.exponent.scoring if isinstance(each, Exponential) else None
        if scoring is not None and scoring.place is not None and (scoring.place.path, scoring.place.span) in scored:
            return replace(one, perplexity_row=each.span.row)
    return one


def _in_cell(one: Located, module: Module) -> Located:
    cell = module.cell_of(one.span.row)
    if cell is None:
        return one
    above, span, row = cell.first_row - 1, one.span, one.perplexity_row
    same = row is not None and module.cell_of(row) == cell
    moved = Span(span.row - above, span.column, span.end_row - above, span.end_column)
    return replace(one, span=moved, cell=cell.index, perplexity_row=row - above if same and row is not None else None)


def as_json(one: Located) -> dict[str, object]:
    """Return the entry as `locate --output-format json` prints it."""
    return {
        "filename": one.path.replace(os.sep, "/"),
        "cell": one.cell,
        "location": {"row": one.span.row, "column": one.span.column},
        "end_location": {"row": one.span.end_row, "column": one.span.end_column},
        **{name: getattr(one, name) for name in WORDS},
        "perplexity_row": one.perplexity_row,
    }


def _constant(bound: Linear) -> int | None:
    """Return the constant part of a window's bound, relative to the start or the end of its source."""
    return bound.const if all(atom == ("end",) for atom in bound.atoms) else None
