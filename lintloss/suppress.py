"""Suppression comments of one file -> which findings they silence, which of them are unused, and which are wrong.

Only what is spelled exactly silences anything. `# lintloss: ignore` without a code, `# noqa LL101` without its colon or a
code that does not exist is never a blanket: it silences nothing and is reported as LL002.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lintloss.findings import Edit, Finding, Span
from lintloss.parse import Module

_OURS = re.compile(r"#\s*lintloss\b\s*:?\s*(?P<verb>[\w-]*)\s*(?:\[(?P<codes>[^\]#]*)(?P<close>\]?))?(?P<reason>[^#]*)", re.I)
_NOQA = re.compile(r"#\s*noqa\b(?P<colon>\s*:)?(?P<rest>[^#]*)", re.I)
_CODE = re.compile(r"[A-Za-z]+[0-9]+\b")
_WORDS = re.compile(r"[\w-]+")


@dataclass(slots=True, eq=False)
class Suppression:
    """One suppression comment.

    codes: what it names, as rule codes; empty for a bare `# noqa`, which silences all.
    rows: the rows whose statements it speaks for; None for the whole file.
    wrong: why it silences nothing.
    """

    span: Span  # of the comment's own part, from `#`
    whole: Span  # what to delete so that nothing of it stays: blanks before it, the row if it has one to itself
    codes: tuple[str, ...] = ()
    reason: str = ""
    kind: str = "ignore"  # "ignore", "ignore-file", "noqa"
    rows: frozenset[int] | None = None
    wrong: str = ""
    spans: Mapping[str, Span] = field(default_factory=dict)  # where each code is written
    foreign: bool = False  # names other tools' codes too
    used: set[str] = field(default_factory=set)

    def silences(self, finding: Finding, row: int, end_row: int) -> bool:
        """Say whether it covers a finding whose statement is on these rows of the module; remember that it did."""
        if self.wrong or (self.codes and finding.code not in self.codes) or (not self.codes and self.kind != "noqa"):
            return False
        if self.rows is not None and self.rows.isdisjoint(range(row, end_row + 1)):
            return False
        self.used.add(finding.code)
        return True

    @property
    def unused(self) -> tuple[str, ...]:
        return tuple(code for code in self.codes if code not in self.used)


def mentions(text: str) -> bool:
    """Say whether a file can have a suppression that names our rules."""
    return "lintloss" in text.lower() or ("noqa" in text and re.search(r"noqa[^\n]*LL\d", text) is not None)


def suppressions(module: Module, names: Mapping[str, str]) -> tuple[Suppression, ...]:
    """Read the suppression comments of a file.

    Args:
        names: rule name -> code, of every rule there is.
    """
    lowered = module.text.lower()
    if "noqa" not in lowered and "lintloss" not in lowered:
        return ()
    known = {**{code.lower(): code for code in names.values()}, **{name.lower(): code for name, code in names.items()}}
    found: list[Suppression] = []
    for row, column, text in _comments(module):
        if "noqa" in text.lower() or "lintloss" in text.lower():
            found.extend(_read(module, row, column, text, known))
    return tuple(found)


def _comments(module: Module) -> Iterator[tuple[int, int, str]]:
    """Yield (row, column from 0, text) of the comments."""
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(module.lines) + "\n").readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1], token.string
    except (tokenize.TokenError, SyntaxError):
        return  # a broken file: the comments up to there count


def _read(module: Module, row: int, start: int, text: str, known: Mapping[str, str]) -> Iterator[Suppression]:
    for pattern, make in ((_OURS, _ours), (_NOQA, _noqa)):
        for match in pattern.finditer(text):
            begin, end = start + match.start(), start + match.start() + len(match[0].rstrip())
            span = Span(row, begin + 1, row, end + 1)
            whole = _whole(module.lines[row - 1], span, row < len(module.lines))
            made = make(match, known, span, whole)
            if made is not None:
                made.rows = None if made.kind == "ignore-file" else _rows(module.lines, row)
                made.spans = {code: _shift(span, *at) for code, at in _places(match, known).items()}
                yield made


def _whole(line: str, span: Span, has_next: bool) -> Span:
    before, after = line[: span.column - 1], line[span.end_column - 1 :]
    if before.strip() or after.strip():
        return Span(span.row, len(before.rstrip()) + 1, span.row, span.end_column)
    return Span(span.row, 1, span.row + 1, 1) if has_next else Span(span.row, 1, span.row, len(line) + 1)


def _rows(lines: tuple[str, ...], row: int) -> frozenset[int]:
    """The comment's own row; a comment with a row to itself speaks for the statement under its block of comments."""
    rows = [row]
    while lines[row - 1].lstrip().startswith("#") and row < len(lines):
        row += 1
        rows.append(row)
    return frozenset(rows)


def _shift(span: Span, begin: int, end: int) -> Span:
    return Span(span.row, span.column + begin, span.row, span.column + end)


def _places(match: re.Match[str], known: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    group = "codes" if "codes" in match.groupdict() else "rest"
    text, begin = match[group] or "", match.start(group) - match.start()
    words = [(word[0], begin + word.start(), begin + word.end()) for word in _WORDS.finditer(text)]
    return {known[word.lower()]: (first, last) for word, first, last in words if word.lower() in known}


def _ours(match: re.Match[str], known: Mapping[str, str], span: Span, whole: Span) -> Suppression | None:
    verb, inside = match["verb"].lower(), match["codes"]
    if not verb and inside is None:
        return None  # prose about lintloss
    made = Suppression(span, whole, kind=verb if verb == "ignore-file" else "ignore", reason=match["reason"].strip(" -:"))
    if verb not in ("ignore", "ignore-file"):
        looks_meant = inside is not None or ":" in match[0][: match.start("verb") - match.start()]
        made.wrong = f"`{match['verb']}` is neither `ignore` nor `ignore-file`"
        return made if looks_meant else None
    words = _WORDS.findall(inside or "")
    unknown = [word for word in words if word.lower() not in known]
    if inside is None or not words:
        made.wrong = f"it names no rule: write `{verb}[LL101]`"
    elif not match["close"]:
        made.wrong = "its bracket is not closed"
    elif unknown:
        made.wrong = f"there is no rule `{unknown[0]}`{_nearest(unknown[0], known)}"
    made.codes = tuple(dict.fromkeys(known[word.lower()] for word in words if word.lower() in known))
    if made.wrong and made.codes and not match["close"]:
        made.codes = ()
    if unknown and made.codes:
        made.wrong, made.spans = "", {}
        made.foreign = True
    return made


def _nearest(word: str, known: Mapping[str, str]) -> str:
    import difflib

    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f"; did you mean `{known[near[0]] if near[0] == known[near[0]].lower() else near[0]}`?" if near else ""


def _noqa(match: re.Match[str], known: Mapping[str, str], span: Span, whole: Span) -> Suppression | None:
    made = Suppression(span, whole, kind="noqa")
    rest = match["rest"]
    codes = _CODE.findall(rest)
    ours = tuple(dict.fromkeys(known[code.lower()] for code in codes if code.lower() in known))
    if match["colon"]:
        if not codes:
            return None  # `# noqa: because …` silences nothing here
        made.codes, made.foreign = ours, len(codes) > len(ours)
        return made if ours else None
    if ours:
        made.wrong = f"without its colon it silences nothing: write `# noqa: {', '.join(ours)}`"
        return made
    return None if codes else made


def unused_edits(suppression: Suppression, codes: Iterable[str]) -> tuple[Edit, ...]:
    """Return the edits that take `codes` out of a suppression: the comment, or only our codes if others are in it."""
    gone = set(codes)
    if not suppression.foreign and gone >= set(suppression.codes):
        return (Edit(suppression.whole, ""),)
    return tuple(Edit(suppression.spans[code], "") for code in sorted(gone) if code in suppression.spans)
