"""Work over forked processes: a child gets its share, streams what it makes of each item, and may die alone."""

from __future__ import annotations

import marshal
import os
import struct
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_LENGTH = struct.Struct("<Q")
Work = Callable[[str], tuple[Any, ...]]


def can_fork() -> bool:
    return hasattr(os, "fork") and sys.platform != "darwin"  # macOS frameworks do not survive a fork


def shares(sizes: Iterable[tuple[int, str]], count: int) -> list[list[str]]:
    """Deal out items so that each share weighs about the same, the heaviest first."""
    dealt: list[list[str]] = [[] for _ in range(count)]
    weights = [0] * count
    for size, item in sorted(sizes, key=lambda pair: (-pair[0], pair[1])):
        lightest = weights.index(min(weights))
        dealt[lightest].append(item)
        weights[lightest] += size
    return [share for share in dealt if share]


def over_processes(work: Work, dealt: Sequence[Sequence[str]]) -> dict[str, tuple[Any, ...] | None]:
    """Do the first share here and the others in children; None stands for an item that its child died of.

    The rest of a dead child's share is done by another one.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    children = [(share, *_start(work, share)) for share in dealt[1:]]
    done: dict[str, tuple[Any, ...] | None] = {item: work(item) for item in dealt[0]} if dealt else {}
    while children:
        share, pid, pipe = children.pop()
        made = _receive(pipe)
        os.waitpid(pid, 0)
        done.update(zip(share, made, strict=False))
        if len(made) < len(share):
            done[share[len(made)]] = None
            rest = share[len(made) + 1 :]
            if rest:
                children.append((rest, *_start(work, rest)))
    return done


def _start(work: Work, share: Sequence[str]) -> tuple[int, int]:
    pipe, end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 3.12 warns of threads; the child touches none
        pid = os.fork()
    if pid:
        os.close(end)
        return pid, pipe
    status = 1
    try:
        os.close(pipe)
        with open(end, "wb") as stream:
            for item in share:
                plain = marshal.dumps(work(item))
                stream.write(_LENGTH.pack(len(plain)) + plain)
                stream.flush()
        status = 0
    finally:
        os._exit(status)


def _receive(pipe: int) -> list[tuple[Any, ...]]:
    with open(pipe, "rb") as stream:
        data = stream.read()
    made, at = [], 0
    while at + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if at + length > len(data):
            break
        made.append(marshal.loads(data[at : at + length]))
        at += length
    return made
