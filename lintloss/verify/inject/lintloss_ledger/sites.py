"""Stage: a frame -> the number of its call site: the chain of the user's lines that led to this call."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import CodeType, FrameType

from .ledger import Ledger

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
DEPTH = 40  # frames looked at; a Hugging Face Trainer needs about 25


class Sites:
    """Numbers chains of frames; the walk is cheap because keys are identities of code objects and offsets in them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[tuple[int, ...], int] = {}
        self._kept: list[list[CodeType]] = []  # keeps code objects alive, so that their identities stay theirs
        self.frames: list[tuple[tuple[str, int, str], ...]] = []
        self._library = _library_prefixes()

    def number(self, frame: FrameType | None) -> int:
        """Return the site of the frame that called the criterion."""
        parts: list[int] = []
        walk = frame
        while walk is not None and len(parts) < 2 * DEPTH:
            parts += (id(walk.f_code), walk.f_lasti)
            walk = walk.f_back
        key = tuple(parts)
        known = self._known.get(key)
        return known if known is not None else self._describe(key, frame)

    def _describe(self, key: tuple[int, ...], frame: FrameType | None) -> int:
        chain: list[tuple[str, int, str]] = []
        codes: list[CodeType] = []
        walk = frame
        while walk is not None and len(codes) < DEPTH:
            codes.append(walk.f_code)
            name = walk.f_code.co_filename
            if self.is_users(name):
                chain.append((os.path.realpath(name), walk.f_lineno, walk.f_code.co_name))
            walk = walk.f_back
        self._kept.append(codes)
        direct = frame.f_code if frame is not None else None
        number = len(self.frames)
        self.frames.append(tuple(chain))
        self._known[key] = number
        self._ledger.note(
            "site",
            site=number,
            frames=chain,
            direct=None if direct is None or frame is None else [direct.co_filename, frame.f_lineno, direct.co_name],
        )
        return number

    def is_users(self, filename: str) -> bool:
        """Tell the user's files from libraries, frozen modules and generated code."""
        return not filename.startswith("<") and not os.path.realpath(filename).startswith(self._library)


def _library_prefixes() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {os.path.realpath(sysconfig.get_path(name)) + os.sep for name in names}
    found.update(os.path.realpath(entry) + os.sep for entry in sys.path if entry.endswith("-packages"))
    return (*sorted(found), HERE, os.path.realpath(HERE) + os.sep)
