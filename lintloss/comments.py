"""Stage: a Module's comments -> its suppressions, each with what it names, where, and what is wrong with it.

Only what is spelled exactly silences anything. `# lintloss: ignore` without a code, `# noqa LL101` without its colon
or a code that does not exist is never a blanket: it silences nothing and LL002 says so.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator, Mapping

from lintloss.findings import Span
from lintloss.parse import Module
from lintloss.patterns import regex
from lintloss.suppress import Named, Suppression

_OURS = regex(
    r"#\s*lintloss\b(?P<colon>\s*:)?\s*(?P<verb>[\w-]*)\s*(?:\[(?P<list>[^\]#]*)(?P<close>\]?))?(?P<reason>[^#]*)",
    re.IGNORECASE,
)
_NOQA = regex(r"#\s*noqa\b(?P<colon>\s*:)?(?P<list>[^#]*)", re.IGNORECASE)
_CODE = regex(r"[A-Z]+[0-9]+", re.IGNORECASE)
_WORD = regex(r"[\w-]+")


def has_marks(text: str) -> bool:
    """Say cheaply whether a text can hold a suppression at all."""
    lowered = text.lower()
    return "lintloss" in lowered or "noqa" in lowered


def names_rules(text: str) -> bool:
    """Say cheaply whether a suppression may name our rules, so that it can be unused or wrong."""
    lowered = text.lower()
    return "lintloss" in lowered or ("noqa" in lowered and re.search(r"noqa[^\n]*ll\d", lowered) is not None)


def suppressions(module: Module, known: Mapping[str, str]) -> tuple[Suppression, ...]:
    """Read the suppression comments of a module.

    Args:
        known: code or name in lower case -> code, of every rule there is.
    """
    if not has_marks(module.text):
        return ()
    reader = _Reader(module.lines, known)
    return tuple(each for row, column, text in _comments(module) for each in reader.read(row, column, text))


def _comments(module: Module) -> Iterator[tuple[int, int, str]]:
    """Yield (row, column from 0, text) of the comments."""
    lines = iter([line + "\n" for line in module.lines])
    try:
        for token in tokenize.generate_tokens(lambda: next(lines, "")):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1], token.string
    except (tokenize.TokenError, SyntaxError):
        return  # a broken file: the comments up to there count


class _Reader:
    def __init__(self, lines: tuple[str, ...], known: Mapping[str, str]) -> None:
        self._lines = lines
        self._known = known

    def read(self, row: int, start: int, text: str) -> Iterator[Suppression]:
        """Read one comment, which may hold several: `# type: ignore  # noqa: LL101`."""
        for pattern, make in ((_OURS, self._ours), (_NOQA, self._noqa)):
            for match in pattern.finditer(text):
                begin = start + match.start()
                made = make(match, Span(row, begin + 1, row, begin + len(match[0].rstrip()) + 1))
                if made is not None:
                    yield made

    def _ours(self, match: re.Match[str], span: Span) -> Suppression | None:
        verb, inside = match["verb"].lower(), match["list"]
        if inside is None and (match["colon"] is None or not self._is_meant(verb, match["reason"])):
            return None  # prose about lintloss
        named = self._named(match, span) if match["close"] else ()
        unknown = next((each.word for each in named if not each.code), "")
        wrong = ""
        if verb not in ("ignore", "ignore-file"):
            wrong = f"`{match['verb']}` is neither `ignore` nor `ignore-file`" if verb else "it does not say `ignore`"
        elif match["colon"] is None:
            wrong = f"its colon is missing: write `# lintloss: {verb}[…]`"
        elif inside is not None and not match["close"]:
            wrong = "its bracket is not closed"
        elif not named:
            wrong = f"it names no rule: write `# lintloss: {verb}[LL101]`"
        stands = not wrong
        if unknown and stands:
            wrong = f"there is no rule `{unknown}`{self._nearest(unknown)}"
        return Suppression(
            kind=verb if verb == "ignore-file" else "ignore",
            span=span,
            line=self._lines[span.row - 1],
            named=tuple(each for each in named if each.code) if stands else (),
            rows=None if verb == "ignore-file" else self._rows(span),
            reason=match["reason"].strip(" \t-:"),
            wrong=wrong,
        )

    def _is_meant(self, verb: str, rest: str) -> bool:
        """Tell `# lintloss: ignroe` and `# lintloss: disable=LL101` from a remark."""
        import difflib

        close = difflib.get_close_matches(verb, ("ignore", "ignore-file", "disable", "noqa", "skip"), n=1)
        return bool(close) or any(word[0].lower() in self._known for word in _WORD.finditer(rest))

    def _noqa(self, match: re.Match[str], span: Span) -> Suppression | None:
        codes = [each for each in self._named(match, span) if each.code or _CODE.fullmatch(each.word)]
        ours = tuple(each for each in codes if each.code)
        if codes and not ours:
            return None  # other linters' codes only
        if match["colon"] and not codes:
            return None  # a reason where codes belong silences nothing here
        wrong = ""
        if ours and not match["colon"]:
            wrong = f"its colon is missing: write `# noqa: {', '.join(each.code for each in ours)}`"
        return Suppression(
            kind="noqa",
            span=span,
            line=self._lines[span.row - 1],
            named=() if wrong else ours,
            others=len(codes) > len(ours),
            rows=self._rows(span),
            is_blanket=not codes,
            wrong=wrong,
        )

    def _named(self, match: re.Match[str], span: Span) -> tuple[Named, ...]:
        first = span.column + match.start("list") - match.start()
        return tuple(
            Named(self._known.get(word[0].lower(), ""), word[0], first + word.start(), first + word.end())
            for word in _WORD.finditer(match["list"] or "")
        )

    def _rows(self, span: Span) -> frozenset[int]:
        """Its own row; one with a row to itself speaks for the statement under its block of comments."""
        row, rows = span.row, [span.row]
        while self._lines[row - 1].lstrip().startswith("#") and row < len(self._lines):
            row += 1
            rows.append(row)
        return frozenset(rows)

    def _nearest(self, word: str) -> str:
        import difflib

        near = difflib.get_close_matches(word.lower(), self._known, n=1)
        if not near:
            return ""
        code = self._known[near[0]]
        return f"; did you mean `{code if code.lower() == near[0] else near[0]}`?"
