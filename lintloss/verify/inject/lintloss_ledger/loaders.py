"""What loaders hand out (LL403, LL404, --data): which dataset, how many rows, to the end or not."""

from __future__ import annotations

import functools
import os
from collections import deque
from types import FrameType, ModuleType
from typing import Any

from . import ledger as events
from .ledger import Ledger
from .pads import asked

# Attributes in which datasets keep what part of the data they are.
SAYS = ("split", "subset", "partition", "phase", "mode", "train", "name", "path", "file", "filename", "file_path", "root",
        "folder", "data_path", "data_dir", "data_file")  # fmt: skip
DEPTH = 40


class Loaders:
    """Writes a note a loader and a row a batch: (rows of the batch, 1 when the loader had no more)."""

    def __init__(self, ledger: Ledger, is_users: Any) -> None:
        self._ledger = ledger
        self._is_users = is_users
        self._iterations = 0
        self._kept: list[Any] = []  # datasets stay alive, so that their identities stay theirs
        self._numbers: dict[int, int] = {}
        self._made: dict[int, tuple[list[tuple[str, int, str]], Any]] = {}  # loader -> frames of its construction

    def install(self, module: ModuleType) -> None:
        loader, iterator = module.DataLoader, module._BaseDataLoaderIter
        loader.__init__ = self._constructor(loader.__init__)
        loader._get_iterator = self._starter(loader._get_iterator)
        iterator._reset = self._again(iterator._reset)
        iterator._next_index = self._indices(iterator._next_index)
        iterator.__next__ = self._batch(iterator.__next__)

    def _constructor(self, original: Any) -> Any:
        import sys

        @functools.wraps(original)
        def construct(loader: Any, *args: Any, **kwargs: Any) -> None:
            frames = self._frames(sys._getframe(1))
            original(loader, *args, **kwargs)
            self._made[id(loader)] = (frames, loader)

        return construct

    def _starter(self, original: Any) -> Any:
        @functools.wraps(original)
        def _get_iterator(loader: Any) -> Any:
            iterator = original(loader)
            self._begin(iterator, loader)
            return iterator

        return _get_iterator

    def _begin(self, iterator: Any, loader: Any) -> None:
        try:
            self._iterations += 1
            iterator._lintloss = (self._number(loader), self._iterations)
        except Exception as error:  # the user's loader comes first
            self._failed(error)

    def _again(self, original: Any) -> Any:
        @functools.wraps(original)
        def _reset(iterator: Any, *args: Any, **kwargs: Any) -> Any:
            iterator._lintloss_lengths = deque()
            if hasattr(iterator, "_lintloss") and args:  # persistent workers: the next epoch of the same iterator
                self._begin(iterator, args[0])
            return original(iterator, *args, **kwargs)

        return _reset

    def _indices(self, original: Any) -> Any:
        @functools.wraps(original)
        def _next_index(iterator: Any) -> Any:
            found = original(iterator)
            lengths = iterator.__dict__.get("_lintloss_lengths")
            if lengths is None:
                lengths = iterator._lintloss_lengths = deque()
            lengths.append(len(found) if isinstance(found, (list, tuple)) else 1)
            return found

        return _next_index

    def _batch(self, original: Any) -> Any:
        @functools.wraps(original)
        def following(iterator: Any) -> Any:
            try:
                result = original(iterator)
            except StopIteration:
                self._row(iterator, ended=True)
                raise
            self._row(iterator, ended=False)
            return result

        return following

    def _row(self, iterator: Any, *, ended: bool) -> None:
        known = iterator.__dict__.get("_lintloss")
        if known is None:
            return
        try:
            lengths = iterator.__dict__.get("_lintloss_lengths")
            rows = float(lengths.popleft()) if lengths and not ended else 0.0
            self._ledger.row(events.LOAD, 0, known[0], known[1], (rows, float(ended)))
        except Exception as error:  # as above
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self._ledger.note("failure", error=f"{type(error).__name__}: {error}"[:300])

    def _frames(self, frame: FrameType | None) -> list[tuple[str, int, str]]:
        found = []
        for _ in range(DEPTH):
            if frame is None:
                break
            if self._is_users(frame.f_code.co_filename):
                found.append((os.path.realpath(frame.f_code.co_filename), frame.f_lineno, frame.f_code.co_name))
            frame = frame.f_back
        return found

    def _number(self, loader: Any) -> int:
        known = self._numbers.get(id(loader))
        if known is not None:
            return known
        self._kept.append(loader)
        number = self._numbers[id(loader)] = len(self._numbers)
        dataset = loader.dataset
        base = _unwrapped(dataset)
        self._kept.append(base)
        sampler = getattr(loader, "sampler", None)
        self._ledger.note(
            "loader", loader=number, frames=self._made.get(id(loader), ([], None))[0],
            dataset=id(dataset), base=id(base), type=type(base).__name__,
            rows=_length(dataset), batches=_length(loader), sampler_rows=_length(sampler),
            sampler=type(sampler).__name__, batch_size=getattr(loader, "batch_size", None),
            drop_last=bool(getattr(loader, "drop_last", False)), says=_says(base),
            left_by_sampler=_left_by(sampler, dataset),
        )  # fmt: skip
        return number


def _unwrapped(dataset: Any) -> Any:
    """The dataset below Subset and the like."""
    for _ in range(8):
        inner = dataset.__dict__.get("dataset") if hasattr(dataset, "__dict__") else None
        if inner is None:
            break
        dataset = inner
    return dataset


def _length(thing: Any) -> int | None:
    try:
        return len(thing)
    except (TypeError, NotImplementedError, AttributeError):
        return None


def _left_by(sampler: Any, dataset: Any) -> int:
    """Rows that a DistributedSampler drops to give every rank the same number."""
    replicas, rows = getattr(sampler, "num_replicas", None), _length(dataset)
    if not isinstance(replicas, int) or rows is None or not getattr(sampler, "drop_last", False):
        return 0
    return max(0, rows - (_length(sampler) or 0) * replicas)


def _says(dataset: Any) -> dict[str, str]:
    found = {}
    for name in SAYS:
        value = asked(dataset, name)
        if isinstance(value, (str, bool, os.PathLike)) or type(value).__name__ == "NamedSplit":
            found[name] = str(value)[:200]
    return found
