"""Bytes of a file <-> its text: encoding by PEP 263, byte order mark set apart, line endings kept."""

from __future__ import annotations

import codecs
import io
import tokenize
from dataclasses import dataclass

from lintloss.errors import SourceError


@dataclass(frozen=True, slots=True)
class SourceText:
    """The decoded text of a file, and what it takes to write it back byte for byte."""

    text: str
    encoding: str
    has_bom: bool

    def encode(self, text: str) -> bytes:
        """Spell `text` as this file is spelled.

        Raises:
            UnicodeEncodeError: the file's encoding lacks a character of `text`.
        """
        return (codecs.BOM_UTF8 if self.has_bom else b"") + text.encode(self.encoding)


def decode(path: str, raw: bytes) -> SourceText:
    """Decode the bytes of a Python file or notebook.

    Raises:
        SourceError: the bytes are not text in the encoding that the file names (UTF-8 when it names none).
    """
    has_bom = raw.startswith(codecs.BOM_UTF8)
    body = raw[len(codecs.BOM_UTF8) :] if has_bom else raw
    try:
        encoding = "utf-8" if path.endswith(".ipynb") else tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        return SourceText(text=body.decode(encoding), encoding=encoding, has_bom=has_bom)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise SourceError(f"cannot be decoded: {error}", where=path) from error


def read_bytes(path: str) -> bytes:
    """Read a file.

    Raises:
        SourceError: it cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}", where=path) from error


def read_for_display(path: str) -> str:
    """Return a file's text for an excerpt: what cannot be read is "", what cannot be decoded is replaced."""
    try:
        raw = read_bytes(path)
    except SourceError:
        return ""
    try:
        return decode(path, raw).text
    except SourceError:
        return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
