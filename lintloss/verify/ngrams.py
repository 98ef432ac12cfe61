"""Which n-grams of the evaluated sequences occur in a training set: rolling hashes, in numpy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lintloss.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]
    Ids = np.ndarray[Any, np.dtype[Any]]

LENGTH = 13  # as in the GPT-3 report: shared that long by copying, hardly by chance
FACTOR = 0x9E3779B97F4A7C15  # odd: multiplication modulo 2**64 loses nothing


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of what was evaluated is in the training set."""

    grams: int
    found: int
    sequences: int
    sequences_found: int  # at least half of their n-grams occur there

    @property
    def share(self) -> float:
        return self.found / self.grams if self.grams else 0.0


def numpy() -> Any:
    try:
        import numpy as np
    except ImportError as error:
        raise UsageError("--data needs numpy here", hint="python -m pip install numpy") from error
    return np


class Evaluated:
    """The n-grams of the evaluated sequences, and which of them have been met so far."""

    def __init__(self, sequences: Iterable[Ids], length: int = LENGTH) -> None:
        np = numpy()
        self._length = length
        hashed = [hashes(ids, length) for ids in sequences]
        self._sequences = [part for part in hashed if len(part)]
        self._known = np.unique(np.concatenate(self._sequences)) if self._sequences else np.empty(0, np.uint64)
        self._met = np.zeros(len(self._known), bool)

    def meet(self, ids: Ids) -> None:
        """Mark the n-grams that occur in this stretch of the training set."""
        np = numpy()
        if not len(self._known):
            return
        for part in _stretches(ids, self._length):
            found = hashes(part, self._length)
            place = np.searchsorted(self._known, found).clip(max=len(self._known) - 1)
            self._met[place[self._known[place] == found]] = True

    def overlap(self) -> Overlap:
        np = numpy()
        hits = [self._met[np.searchsorted(self._known, part)] for part in self._sequences]
        return Overlap(
            grams=len(self._known),
            found=int(self._met.sum()),
            sequences=len(hits),
            sequences_found=sum(1 for part in hits if part.mean() >= 0.5),
        )


def _stretches(ids: Ids, length: int, most: int = 1 << 22) -> Iterator[Ids]:
    """Pieces of a long file that overlap by one n-gram less a token."""
    for start in range(0, max(1, len(ids) - length + 1), most):
        yield ids[start : start + most + length - 1]


def hashes(ids: Ids, length: int) -> Hashes:
    """One 64-bit hash for each run of `length` ids: a polynomial modulo 2**64, mixed so that near runs lie apart."""
    np = numpy()
    count = len(ids) - length + 1
    if count <= 0:
        return np.empty(0, np.uint64)  # type: ignore[no-any-return]  # numpy is imported at run time
    wide = np.asarray(ids).astype(np.uint64)
    total = np.zeros(count, np.uint64)
    factor = np.uint64(FACTOR)
    for place in range(length):
        total = total * factor + wide[place : place + count] + np.uint64(1)
        total ^= total >> np.uint64(29)
    return total  # type: ignore[no-any-return]  # as above
