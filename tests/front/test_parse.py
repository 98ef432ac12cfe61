"""Bytes become a Module, or one Broken that says what Python would say, where."""

from __future__ import annotations

import ast
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintloss.parse import Module, UnparsableError, decode, parse
from lintloss.positions import split_rows


def broken(data: bytes) -> tuple[int, int, str]:
    with pytest.raises(UnparsableError) as caught:
        parse(data, "a.py")
    found = caught.value.broken
    return found.row, found.column, found.message


def call_span(module: Module) -> tuple[int, int, int, int]:
    call = next(node for node in ast.walk(module.tree) if isinstance(node, ast.Call))
    return module.span_of(call)


@pytest.mark.parametrize(
    ("data", "row", "column", "says"),
    [
        (b"x = 1\ndef f(:\n", 2, 7, "invalid syntax"),
        (b"x = (1,\n", 1, 5, "'(' was never closed"),
        (b'print "loss"\n', 1, 1, "print"),
        (b"x = 1\ny = '\0'\n", 2, 6, "null bytes"),
        (b"x = 1\ny = '\xe9'\n", 2, 6, r"non-UTF-8 code starting with '\xe9'"),
        (b"# coding: nonsense\n", 1, 11, "unknown encoding: nonsense"),
        (b"# coding: hex\n", 1, 11, "unknown encoding: hex"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, 11, "latin-1 with a UTF-8 byte order mark"),
        (b"# coding: ascii\nx = '\xe9'\n", 2, 6, "not ascii"),
        (b"if x:\ny = 1\n", 2, 1, "expected an indented block"),
        ("é = = 1\n".encode(), 1, 5, "invalid syntax"),
    ],
)
def test_unreadable_source_says_why_and_where(data: bytes, row: int, column: int, says: str) -> None:
    found = broken(data)
    assert found[:2] == (row, column)
    assert says in found[2]


@pytest.mark.parametrize("deep", [b"(" * 5000 + b")" * 5000, b"-" * 100_000 + b"1", b"x = " + b"[" * 300 + b"]" * 300])
def test_nesting_too_deep_is_unreadable_not_a_crash(deep: bytes) -> None:
    with pytest.raises(UnparsableError):
        parse(deep, "a.py")


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"x = 1\n", "x = 1\n", "utf-8"),
        ("x = 'é'\n".encode(), "x = 'é'\n", "utf-8"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n", "utf-8-sig"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n", "iso8859-1"),
        (b"#!/usr/bin/python\r\n# vim: set fileencoding=cp1252 :\r\nx = '\x80'\r\n", None, "cp1252"),
        (b"x = 1\ny = 2\n# coding: latin-1\n", None, "utf-8"),
        (b"coding = 1\n", None, "utf-8"),
        (b"# test of an encoding\n# -*- encoding: latin-1 -*-\nx = '\xe9'\n", None, "iso8859-1"),
        (b"x = 1\n# coding: latin-1\n", None, "utf-8"),
    ],
)
def test_encodings_follow_pep_263(data: bytes, text: str | None, encoding: str) -> None:
    found, name = decode(data)
    assert name == encoding
    assert text is None or found == text


def test_warnings_of_the_parser_do_not_leak() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parse(b"x = '\\d'\ny = 1 is 1\n", "a.py")


@pytest.mark.parametrize(
    ("data", "span"),
    [
        (b"x = f(1)\n", (1, 5, 1, 9)),
        ("é = f(1)\n".encode(), (1, 5, 1, 9)),
        ("x = f('評価')\n".encode(), (1, 5, 1, 12)),
        ("x = '🙂' + f(1)\n".encode(), (1, 11, 1, 15)),
        (b"\xef\xbb\xbfx = f(1)\n", (1, 5, 1, 9)),
        (b"y = 1\r\nx = f(\r\n  1)\r\n", (2, 5, 3, 5)),
        (b"y = 1\rx = f(1)\r", (2, 5, 2, 9)),
        (b"\x0cx = f(1)\n", (1, 6, 1, 10)),
        (b"y = '''\x0c\x1c\xe2\x80\xa8'''\nx = f(1)\n", (2, 5, 2, 9)),
        (b"if 1:\n\tx = f(1)\n", (2, 6, 2, 10)),
        ("x = '''é\né''' + f(1)\n".encode(), (2, 8, 2, 12)),
    ],
    ids=["ascii", "accent", "wide", "emoji", "bom", "crlf", "cr", "form feed", "separators", "tab", "second row"],
)
def test_columns_are_code_points_from_one(data: bytes, span: tuple[int, int, int, int]) -> None:
    assert call_span(parse(data, "a.py")) == span


@given(st.text(alphabet="aé評🙂\t ", max_size=12))
def test_a_span_cuts_its_own_text_out_of_the_row(text: str) -> None:
    module = parse(f"x = {text!r} ; call(1)\n".encode(), "a.py")
    row, column, end_row, end_column = call_span(module)
    assert row == end_row == 1
    assert module.lines[0][column - 1 : end_column - 1] == "call(1)"


def test_rows_are_python_rows() -> None:
    assert split_rows("a\r\nb\rc\n\x0cd\x1ce") == ("a", "b", "c", "\x0cd\x1ce")


def test_fifty_thousand_rows() -> None:
    module = parse(b"".join(b"loss_%d = %d\n" % (row, row) for row in range(50_000)), "a.py")
    assert len(module.tree.body) == 50_000
