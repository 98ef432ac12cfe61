"""Stage: rows noted by --data -> how much was evaluated, how much of it twice, how much of it is in a training file."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from lintloss.errors import UsageError
from lintloss.verify.events import Tape
from lintloss.verify.experiments import Experiment

TYPES = {"H": "uint16", "I": "uint32", "q": "int64"}  # what token files hold; .npy has a header and then the same
SUFFIXES = (".bin", ".npy", ".tokens", ".dat")


def describe(tapes: tuple[Tape, ...], training: tuple[Path, ...]) -> tuple[Experiment, ...]:
    """Count the evaluated data over all processes, and look for samples of it in the training files."""
    notes = [note for tape in tapes for note in tape.notes if note["kind"] == "data"]
    if not notes:
        said = "no token ids were seen: no embedding of ids ran before a criterion"
        return (Experiment("data", "all evaluations", False, None, said),)
    rows = [digest for note in notes for digest in _items(note["rows"])]
    tokens = sum(int(str(note["tokens"])) for note in notes)
    scored = sum(float(str(note["scored"])) for note in notes)
    twice = len(rows) - len(set(map(str, rows)))
    said = (
        f"{len(rows):,} sequences, {tokens:,} tokens read, {scored:,.0f} scored, {twice:,} sequences repeat an earlier "
        "one (each epoch's evaluation counts)"
    )
    found = [Experiment("data", "all evaluations", True, None, said)]
    windows = [[int(str(token)) for token in _items(window)] for note in notes for window in _items(note["windows"])]
    return (*found, *(_overlap(path, windows) for path in training))


def check(path: Path) -> None:
    """Raise UsageError for a training file that cannot be searched, before anything is run."""
    if not path.is_file():
        raise UsageError("no such training file", where=str(path))
    if path.suffix not in SUFFIXES:
        raise UsageError("is no token file", where=str(path), hint=f"one of {', '.join(SUFFIXES)} with the same ids")


def _overlap(path: Path, windows: list[list[int]]) -> Experiment:
    """Look for each sampled window as bytes, at the place of a whole token."""
    hits = 0
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as blob:
        for window in windows:
            hits += any(_holds(blob, window, kind) for kind in TYPES)
    said = f"{hits:,} of {len(windows):,} sampled windows of {len(windows[0]) if windows else 0} tokens are in {path}"
    return Experiment("data", str(path), hits == 0, None, said)


def _holds(blob: mmap.mmap, window: list[int], kind: str) -> bool:
    try:
        wanted = struct.pack(f"<{len(window)}{kind}", *window)
    except struct.error:
        return False  # an id that this type cannot hold
    place = blob.find(wanted)
    while place >= 0 and place % 2:  # tokens are at least two bytes wide
        place = blob.find(wanted, place + 1)
    return place >= 0


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
