"""Where a label sits relative to the logits that it is scored against: the second domain of the facts.

Row t of an autoregressive model's logits, computed from `ids[a:b]`, is a guess at token t + 1. Labels `ids[c:d]` are
aligned when c - a = 1; 0 is a missing shift, 2 a double one, anything else is misdirected.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lintloss.facts.linear import END, ZERO, Linear
from lintloss.facts.values import Key, Tensor, Window
from lintloss.findings import Evidence

MISSING, DOUBLE, MISDIRECTED, ALIGNED = "missing", "double", "misdirected", "aligned"
PICKS = frozenset({"gather", "index", "onehot"})
OTHER_ROWS = "one side is flattened row by row, the other position by position: the pairs are of different rows"
WRONG_SIDE = "the mask is cut on the logits' side: each label is kept for the id before it, and a padded row scores its first pad"


@dataclass(frozen=True, slots=True)
class Alignment:
    """What one comparison of predictions with labels says.

    kind: "missing", "double", "misdirected" or "aligned".
    why: what is wrong, in words that name the pairing.
    presumed: that the model reads the past only is known by the words of the code alone.
    rows_presumed: that a batch holds more than one row is.
    named: that the mask which chooses is one of the labels themselves is known by its name alone.
    """

    kind: str
    why: str = ""
    evidence: tuple[Evidence, ...] = ()
    presumed: bool = False
    rows_presumed: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Predictions and labels, and what is known about the model between them.

    reads: "past" when row t has read the ids up to t and no further, "all" when it has read all, "" when unknown.
    shifts: the criterion (a library model's own loss) moves the labels by one itself.
    presumed: what the model reads is known by the words of the code alone.
    batch_first: the model's input is known to have rows on its first axis.
    several_rows: evidence that a batch holds more than one row; rows_presumed: by what the loader is called.
    next_only: the model is known to guess the next token, and nothing speaks of tokens further ahead.
    of_texts: the code speaks of language models: labels are rows of tokens, not one class a row.
    """

    prediction: Tensor
    target: Tensor
    criterion: str = ""
    reads: str = ""
    shifts: bool = False
    presumed: bool = False
    batch_first: bool = False
    several_rows: Evidence | None = None
    rows_presumed: bool = False
    next_only: bool = False
    of_texts: bool = False


def align(pair: Pair) -> Alignment | None:
    """Compare where both sides sit; None where that is not known."""
    guess, label = pair.prediction.window, pair.target.window
    if guess is None or label is None:
        return None
    drift = _drift(pair, guess, label)
    if drift is not None:
        return drift
    if not _same_source(guess, label):
        return _turned(pair, guess, label) or _chosen_beside(pair, guess, label) or _mixed_rows(pair, guess, label)
    offset = label.lower - guess.lower + Linear(const=int(pair.shifts))
    if not offset.is_const:
        return _twice_indexed(pair, guess, label) or _whole_block(pair, guess, label, offset)
    return _by_offset(pair, guess, label, offset.const)


def _same_source(guess: Window, label: Window) -> bool:
    return guess.source == label.source and ("filtered" in guess.marks) == ("filtered" in label.marks)


def _turned(pair: Pair, guess: Window, label: Window) -> Alignment | None:
    """Logits without their first position against labels without their last: wrong wherever the labels come from.

    Labels that stand beside their input are asked for the token before; labels that were shifted already, for the
    token that was read.
    """
    swapped = (
        guess.lower == Linear(const=1) and guess.upper == END and label.lower == ZERO and label.upper == END.plus(-1)
    )
    if pair.reads != "past" or not swapped or (guess.flat and "crosses" in guess.marks):
        return None
    return _finding(
        pair, MISDIRECTED, "the logits lose their first position and the labels their last, not the reverse"
    )


def _chosen_beside(pair: Pair, guess: Window, label: Window) -> Alignment | None:
    """Logits without their last position and labels without their first, both chosen by the mask of the logits' ids."""
    shifted = guess.lower == ZERO and guess.upper == END.plus(-1) and label.lower == Linear(const=1)
    return _behind(pair, guess, label) if shifted and "behind" in guess.marks | label.marks else None


def _mixed_rows(pair: Pair, guess: Window, label: Window) -> Alignment | None:
    """Logits of one entry of a batch, positions first, against another entry, rows first, both flattened as they are.

    Entries that a loader hands out together are laid out alike, wherever their ids come from, and so are stacked rows.
    """
    one, other = guess.source, label.source
    are_entries = len(one) > 2 and one[:-1] == other[:-1] and one[-2] == "[]"
    are_rows = "batched" in guess.marks & label.marks
    if not pair.of_texts or not (are_entries or are_rows) or guess.is_cut or label.is_cut:
        return None
    if (guess.marks | label.marks) - {"swapped", "batched"}:
        return None
    if not (guess.flat and label.flat) or ("swapped" in guess.marks) == ("swapped" in label.marks):
        return None
    return replace(_finding(pair, MISDIRECTED, OTHER_ROWS), rows_presumed=True)


def _behind(pair: Pair, guess: Window, label: Window) -> Alignment:
    """Say that labels are chosen by a mask of the ids before them, or by one that is only called theirs."""
    return replace(_finding(pair, MISDIRECTED, WRONG_SIDE), named="named" in guess.marks | label.marks)


def _by_offset(pair: Pair, guess: Window, label: Window, offset: int) -> Alignment | None:
    fits = guess.length == label.length or pair.criterion in PICKS or "at" in guess.marks
    if not fits:
        return None
    autoregressive = pair.reads == "past"
    if offset == 1:
        return _aligned(pair, guess, label)
    if offset == 0:
        return (
            _finding(pair, MISSING, "each position is scored against the token that it has just read")
            if autoregressive and _plain(guess, label)
            else None
        )
    leaps = "leap" in label.marks  # moved by several in one slice: on purpose, where a head looks further ahead
    if offset == 2 and not leaps:
        if not (autoregressive or pair.shifts):
            return None
        return _finding(
            pair, DOUBLE, "the labels are shifted twice: each position is asked for the token after the next"
        )
    if autoregressive and (offset < 0 or not leaps or pair.next_only):
        where = f"{-offset} before" if offset < 0 else f"{offset} after"
        return _finding(pair, MISDIRECTED, f"each position is asked for the token {where} the one that it has read")
    return None


def _plain(guess: Window, label: Window) -> bool:
    """Say whether a label is the very token that was read: not one that a mask has hidden from the model."""
    return not (guess.marks | label.marks) & {"wraps", "stale"} and "hidden" not in guess.marks - label.marks


def _aligned(pair: Pair, guess: Window, label: Window) -> Alignment:
    if "wraps" in label.marks and not pair.target.ignored:
        return _finding(
            pair,
            MISDIRECTED,
            "the last position of each row is scored against the row's own first token, which wrapped around",
        )
    if "stale" in label.marks:
        return _finding(
            pair, MISDIRECTED, "the last label of each row was not shifted: it holds what stood there before"
        )
    if "behind" in label.marks:
        return _behind(pair, guess, label)
    if ("swapped" in guess.marks) != ("swapped" in label.marks) and guess.flat and label.flat:
        return _finding(
            pair,
            MISDIRECTED,
            OTHER_ROWS,
        )
    if {"crosses"} <= guess.marks & label.marks and pair.several_rows is not None and not _spares_first(pair):
        why = (
            "the shift is made after flattening: each row's last position is scored against the next row's first token"
        )
        return replace(_finding(pair, MISDIRECTED, why), rows_presumed=pair.rows_presumed)
    rows_first = pair.batch_first or "batched" in guess.marks & label.marks
    if rows_first and not pair.shifts and _cuts_rows(guess) and _cuts_rows(label):
        return _finding(
            pair, MISDIRECTED, "the slices cut rows, not positions: each row is scored against the next row"
        )
    return Alignment(ALIGNED)


def _spares_first(pair: Pair) -> bool:
    """Say whether each row's first label is ignored, `labels[:, 0] = -100`, or may be: then no row meets the next.

    A prompt that is left out, `labels[:n] = -100`, begins with it.
    """
    first = any(region.lower == ZERO for region in pair.target.ignored)
    return first or (pair.rows_presumed and pair.target.clean)


def _cuts_rows(window: Window) -> bool:
    one_row = any(isinstance(part, tuple) and part[:1] in {("row",), ("new",)} for part in window.source)
    return window.axis == 0 and not one_row and not window.marks & {"swapped", "crosses", "single"}


def _drift(pair: Pair, guess: Window, label: Window) -> Alignment | None:
    """Logits cut to the number of labels: right only if the labels lost nothing in between."""
    upper = guess.upper - guess.lower
    counts = [
        atom for atom in upper.atoms if atom[:1] == ("count",) and atom[1 : 1 + len(pair.target.key)] == pair.target.key
    ]
    if len(counts) != 1 or upper != Linear.of(counts[0]):
        return None
    if "filtered" in label.marks and "filtered" not in guess.marks:
        return _finding(
            pair,
            MISDIRECTED,
            "the labels are compacted by a filter and the logits are only cut to their number: the pairs drift",
        )
    if guess.flat and label.flat and label.source == guess.source and label.lower != guess.lower:
        return _finding(
            pair,
            MISDIRECTED,
            "only the labels are cut in each row; the flat logits are cut at the end, so the pairs drift by one a row",
        )
    return None


def _twice_indexed(pair: Pair, guess: Window, label: Window) -> Alignment | None:
    """Logits of a window that begins behind the text's begin, indexed by where the token sits in the whole text."""
    if pair.criterion not in PICKS or "at" not in guess.marks or "at" not in label.marks:
        return None
    counted = any(
        label.lower.coefficient(atom) == 1 and guess.lower.coefficient(atom) == 2 for atom in label.lower.atoms
    )
    why = "the logits are those of a window, and are indexed by the token's place in the whole text"
    return _finding(pair, MISDIRECTED, why) if counted else None


def _whole_block(pair: Pair, guess: Window, label: Window, offset: Linear) -> Alignment | None:
    shift = offset.plus(-int(pair.shifts))
    if shift == guess.length and guess.length == label.length and not shift.is_const and pair.reads == "past":
        return _finding(pair, MISDIRECTED, "the labels start a whole window later, not one token later")
    return None


def _finding(pair: Pair, kind: str, why: str) -> Alignment:
    seen: list[Evidence] = []
    for step in (*pair.prediction.trace, *pair.target.trace):
        if step not in seen:
            seen.append(step)
    return Alignment(kind, why, tuple(seen[-8:]), pair.presumed)


def canonical(tensor: Tensor, same: dict[Key, Key]) -> Tensor:
    """Let labels that a shifting model was given sit on the source of its input."""
    window = tensor.window
    if window is None:
        return tensor
    for size in range(len(window.source), 0, -1):
        known = same.get(window.source[:size])
        if known is not None:
            return replace(tensor, window=replace(window, source=(*known, *window.source[size:])))
    return tensor
