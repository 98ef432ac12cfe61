"""Patterns as .gitignore writes them -> a verdict on a path; exclusions of the configuration use the same ones.

Our own translation because `import pathspec` costs 35 ms, three times a bare interpreter, and every repository has a
.gitignore; tests/test_globs.py holds it to pathspec's answers. Plain names need no `re` at all.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

_MAGIC = frozenset("*?[\\")


class Patterns:
    """The patterns of one .gitignore (or one `exclude` list), which hold below the folder `root`."""

    __slots__ = ("_any", "_names", "_rules", "root")

    def __init__(self, root: str, lines: Iterable[str]) -> None:
        self.root = root.rstrip(os.sep) + os.sep
        self._names: frozenset[str] = frozenset()
        self._rules: list[tuple[bool, bool, re.Pattern[str]]] = []  # (ignored, folders only, regex)
        self._any: re.Pattern[str] | None = None
        wanted = [line for line in map(_strip, lines) if line]
        if all(_is_plain(line) for line in wanted):
            self._names = frozenset(wanted)
        else:
            self._compile(wanted)

    def _compile(self, lines: list[str]) -> None:
        import re

        sources: list[str] = []
        for line in lines:
            ignored, folders, source = _translate(line)
            sources.append(source)
            self._rules.append((ignored, folders, re.compile(source)))
        # One alternation says no to nearly every path at once.
        self._any = re.compile("|".join(f"(?:{source})" for source in sources))

    def verdict(self, path: str, is_dir: bool) -> bool | None:
        """Say whether the absolute `path` is ignored (True), kept by a `!` pattern (False) or not mentioned (None)."""
        if self._any is None:
            return True if os.path.basename(path) in self._names and path.startswith(self.root) else None
        if not path.startswith(self.root):
            return None
        below = path[len(self.root) :].replace(os.sep, "/")
        if self._any.fullmatch(below) is None:
            return None
        for ignored, folders, pattern in reversed(self._rules):
            if (is_dir or not folders) and pattern.fullmatch(below):
                return ignored
        return None


def _strip(line: str) -> str:
    line = line.rstrip("\r\n")
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    return "" if line.startswith("#") or not line.strip() else line


def _is_plain(line: str) -> bool:
    return line[0] != "!" and "/" not in line and _MAGIC.isdisjoint(line)


def _translate(line: str) -> tuple[bool, bool, str]:
    ignored = not line.startswith("!")
    body = line if ignored else line[1:]
    folders = body.endswith("/")
    body = body.rstrip("/")
    prefix = "" if "/" in body else "(?:.*/)?"
    return ignored, folders, prefix + _regex(body.lstrip("/"))


def _regex(body: str) -> str:
    """Translate the part of a pattern between its slashes at the ends."""
    import re

    out, at = [], 0
    while at < len(body):
        rest = body[at:]
        boundary = at == 0 or body[at - 1] == "/"
        if boundary and rest.startswith("**/"):
            out.append("(?:.*/)?")
            at += 3
        elif boundary and rest == "**":
            out.append(".+")
            at += 2
        elif rest[0] == "*":
            out.append("[^/]*")
            at += len(rest) - len(rest.lstrip("*"))
        elif rest[0] == "?":
            out.append("[^/]")
            at += 1
        elif rest[0] == "[" and "]" in rest[2:]:
            end = rest.index("]", 2)
            out.append(_char_class(rest[1:end]))
            at += end + 1
        else:
            escaped = rest[0] == "\\" and len(rest) > 1
            out.append(re.escape(rest[1] if escaped else rest[0]))
            at += 1 + escaped
    return "".join(out)


def _char_class(inside: str) -> str:
    negated = inside[0] in "!^" and len(inside) > 1
    body = inside[1:] if negated else inside
    body = body.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("^", "\\^")
    return f"[^/{body}]" if negated else f"[{body}]"
