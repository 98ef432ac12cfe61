"""A file to be written back or shown: its bytes <-> its text, with encoding, byte order mark and line endings kept."""

from __future__ import annotations

from dataclasses import dataclass

from lintloss import parse
from lintloss.errors import SourceError
from lintloss.result import read_file


@dataclass(frozen=True, slots=True)
class SourceText:
    """The decoded text of a file, and the encoding that spells it byte for byte ("utf-8-sig" has the mark)."""

    text: str
    encoding: str

    def encode(self, text: str) -> bytes:
        """Spell `text` as this file is spelled.

        Raises:
            UnicodeEncodeError: the file's encoding lacks a character of `text`.
        """
        return text.encode(self.encoding)


def decode(path: str, raw: bytes) -> SourceText:
    """Decode the bytes of a Python file or notebook.

    Raises:
        SourceError: the bytes are not text in the encoding that the file names (UTF-8 when it names none).
    """
    try:
        return SourceText(*parse.decode(raw))
    except parse.UnparsableError as failure:
        raise SourceError(f"cannot be decoded: {failure.broken.message}", where=path) from None


def read_for_display(path: str) -> str:
    """Return a file's text for an excerpt: what cannot be read is "", what cannot be decoded is replaced."""
    try:
        raw = read_file(path)
    except SourceError:
        return ""
    try:
        return decode(path, raw).text
    except SourceError:
        return raw.decode("utf-8-sig", "replace")
