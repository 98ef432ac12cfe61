"""Stage: rows kept by --data -> how much was evaluated, how much of it twice, how much of it is in a training set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lintloss.errors import UsageError
from lintloss.verify import training_sets
from lintloss.verify.events import Tape
from lintloss.verify.experiments import Experiment
from lintloss.verify.ngrams import LENGTH, Evaluated, Overlap, numpy
from lintloss.verify.notes import items
from lintloss.verify.read_rows import OF_LOADER, read_rows

WORDS = 8  # texts are compared by runs of words, whatever the tokenizer


@dataclass(frozen=True, slots=True)
class Kept:
    """What the processes kept: rows by what they were read for, as bytes of 32-bit ids."""

    evaluated: tuple[bytes, ...]
    trained: tuple[bytes, ...]  # in this run, by calls that a gradient was taken of
    of_loaders: tuple[bytes, ...]
    scored: float
    texts: tuple[str, ...]


def check(names: tuple[str, ...]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Tell paths of training sets from loaders, `pkg.module:name`; raise UsageError for what is neither."""
    if names:
        numpy()
    paths = [Path(name) for name in names if ":" not in name or Path(name).exists()]
    for path in paths:
        training_sets.check(path)
    loaders = tuple(name for name in names if ":" in name and not Path(name).exists())
    for name in loaders:
        module, _, attribute = name.partition(":")
        if not (module.replace(".", "").isidentifier() and attribute.isidentifier()):
            raise UsageError(f"--training {name}: neither a path nor a loader", hint="pkg.module:train_loader")
    return tuple(paths), loaders


def wants_text(paths: tuple[Path, ...]) -> bool:
    return any(training_sets.holds_text(path) for path in paths)


def describe(tapes: tuple[Tape, ...], paths: tuple[Path, ...], loaders: tuple[str, ...]) -> tuple[Experiment, ...]:
    """Count the evaluated data over all processes, and look for its n-grams in the training sets."""
    kept = _kept(tapes)
    if not kept.evaluated:
        said = "no token ids were seen: no embedding of ids ran before a criterion"
        return (Experiment("data", "all evaluations", False, None, said),)
    return tuple(_experiments(tapes, kept, paths, loaders))


def _experiments(
    tapes: tuple[Tape, ...], kept: Kept, paths: tuple[Path, ...], loaders: tuple[str, ...]
) -> Iterator[Experiment]:
    tokens = sum(len(row) // 4 for row in kept.evaluated)
    twice = len(kept.evaluated) - len(set(kept.evaluated))
    said = (
        f"{len(kept.evaluated):,} sequences, {tokens:,} tokens read, {kept.scored:,.0f} scored, {twice:,} sequences "
        "repeat an earlier one (each epoch's evaluation counts)"
    )
    yield Experiment("data", "all evaluations", True, None, said)
    if kept.trained:
        yield _among("what this run trained on", kept, kept.trained)
    if loaders:
        failed = [str(note["error"]) for tape in tapes for note in tape.notes if note["kind"] == "data_failure"]
        if failed:
            yield Experiment(
                "data", ", ".join(loaders), False, None, f"the training loader could not be read: {failed[0]}"
            )
        elif kept.of_loaders:
            yield _among(", ".join(loaders), kept, kept.of_loaders)
    for path in paths:
        yield _in_files(path, kept)


def _kept(tapes: tuple[Tape, ...]) -> Kept:
    evaluated: list[bytes] = []
    trained: list[bytes] = []
    named: list[bytes] = []
    for tape in tapes:
        orders = {call.order for call in tape.calls if call.trained}
        for order, ids in read_rows(tape):
            (named if order == OF_LOADER else trained if order in orders else evaluated).append(ids)
    notes = [(tape, note) for tape in tapes for note in tape.notes]
    orders_of = {id(tape): {call.order for call in tape.calls if call.trained} for tape in tapes}

    def is_evaluation(tape: Tape, note: dict[str, object]) -> bool:
        return note["order"] not in orders_of[id(tape)]

    scored = sum(float(str(n["scored"])) for tape, n in notes if n["kind"] == "data" and is_evaluation(tape, n))
    texts = [text for tape, n in notes if n["kind"] == "texts" and is_evaluation(tape, n) for text in items(n["texts"])]
    return Kept(tuple(evaluated), tuple(trained), tuple(named), scored, tuple(map(str, texts)))


def _ids(rows: Iterable[bytes]) -> Iterator[Any]:
    np = numpy()
    return (np.frombuffer(row, "<i4") for row in rows)


def _among(name: str, kept: Kept, rows: tuple[bytes, ...]) -> Experiment:
    evaluated = Evaluated(_ids(dict.fromkeys(kept.evaluated)))
    for ids in _ids(rows):
        evaluated.meet(ids)
    return _said(name, evaluated.overlap(), f"{LENGTH}-grams of tokens")


def _in_files(path: Path, kept: Kept) -> Experiment:
    """Ids against ids, words against words: whichever finds more, for a folder may hold both."""
    by_ids = Evaluated(_ids(dict.fromkeys(kept.evaluated)))
    by_words = Evaluated((_words(text) for text in dict.fromkeys(kept.texts)), WORDS)
    seen_ids = seen_texts = False
    for piece in training_sets.pieces(path):
        if isinstance(piece, str):
            seen_texts = True
            by_words.meet(_words(piece))
        else:
            seen_ids = True
            by_ids.meet(piece)
    if seen_texts and not kept.texts and not seen_ids:
        said = "it is text and the program holds no tokenizer with encode and decode: its ids could not be decoded"
        return Experiment("data", str(path), False, None, said)
    if seen_texts and (not seen_ids or by_words.overlap().share > by_ids.overlap().share):
        return _said(str(path), by_words.overlap(), f"runs of {WORDS} words")
    return _said(str(path), by_ids.overlap(), f"{LENGTH}-grams of tokens")


def _words(text: str) -> Any:
    np = numpy()
    return np.fromiter((hash(word) for word in text.lower().split()), np.int64)


def _said(name: str, overlap: Overlap, what: str) -> Experiment:
    said = (
        f"{overlap.found:,} of {overlap.grams:,} {what} ({overlap.share:.1%}) occur there; of {overlap.sequences:,} "
        f"sequences {overlap.sequences_found:,} have at least half of theirs there"
    )
    if not overlap.grams:
        said = f"the evaluated sequences are too short for {what}"
    return Experiment("data", name, overlap.sequences_found == 0 and overlap.grams > 0, None, said)
