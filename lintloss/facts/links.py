"""Which files a file can run, by the imports in its text alone: to parse it takes a hundred times as long."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lintloss.patterns import regex

STATEMENT = regex(
    rb"(?:^|[;:])[ \t]*(?:from[ \t]+([.\w]+)[ \t]*import\b[ \t]*(\([^)]*\)|(?:\\\r?\n|[^\n;])*)"
    rb"|import[ \t]+((?:\\\r?\n|[^\n;])*))",
    re.MULTILINE,
)
COMMENT = regex(rb"#[^\n]*")
NAME = regex(rb"[\w.]+")
ATTRIBUTE = regex(rb"\.[ \t]*(\w+)")

Found = tuple[str | None, tuple[str, ...]]  # the file that an import means, and what was looked for on the way


@dataclass(frozen=True, slots=True)
class _File:
    """What one file says: the files that it imports, the attributes that it takes, what was looked for."""

    imports: frozenset[str]
    attributes: frozenset[str]
    searched: frozenset[str]


class Links:
    """The imports between the files of a project.

    Args:
        text: path -> the bytes of a file.
        find: folder, name and level of an import -> the file that it means.
    """

    def __init__(self, text: Callable[[str], bytes], find: Callable[[str, str, int], Found]) -> None:
        self._text = text
        self._find = find
        self._files: dict[str, _File] = {}
        self._reached: dict[str, frozenset[str]] = {}
        self._packages: dict[str, dict[str, str]] = {}  # folder -> name -> file

    def reached(self, path: str) -> frozenset[str]:
        """Return a file and those that it imports, itself or through what it imports."""
        if path not in self._reached:
            self._reached[path] = self._follow(path)
        return self._reached[path]

    def searched(self, path: str) -> frozenset[str]:
        """Return what the imports of one file look for."""
        return self._file(path).searched

    def _follow(self, path: str) -> frozenset[str]:
        seen: set[str] = set()
        taken: set[str] = set()  # attributes: `package.file` needs no import of the file
        inside: dict[str, list[str]] = {}  # what the packages on the way hold, by name
        waiting = {path}
        while waiting:
            seen |= waiting
            files = [self._file(each) for each in waiting]
            taken.update(*(each.attributes for each in files))
            for each in waiting:
                for name, file in self._inside(each).items():
                    inside.setdefault(name, []).append(file)
            below = {file for name in inside.keys() & taken for file in inside[name]}
            waiting = below.union(*(each.imports for each in files)) - seen
        return frozenset(seen)

    def _file(self, path: str) -> _File:
        if path not in self._files:
            text, folder = self._text(path), os.path.dirname(path)
            found = [self._find(folder, name, level) for name, level in imported(text)]
            self._files[path] = _File(
                frozenset(file for file, _ in found if file is not None),
                frozenset(name.decode("utf-8", "replace") for name in ATTRIBUTE.findall(text)),
                frozenset(each for _, searched in found for each in searched),
            )
        return self._files[path]

    def _inside(self, path: str) -> dict[str, str]:
        """Return the files of a package, and the packages in it, by name; for its `__init__.py`."""
        folder, name = os.path.split(path)
        if name != "__init__.py":
            return {}
        if folder not in self._packages:
            names = os.listdir(folder or os.curdir)
            files = {each[:-3]: each for each in names if each.endswith(".py") and each != name}
            packages = {each: os.path.join(each, name) for each in names if "." not in each}
            self._packages[folder] = {
                each: os.path.join(folder, file)
                for each, file in {**packages, **files}.items()
                if each in files or os.path.exists(os.path.join(folder, file))
            }
        return self._packages[folder]


def imported(source: bytes) -> frozenset[tuple[str, int]]:
    """Return the dotted names that import statements may mean, each with the number of dots before it.

    `from a import b` may take the file b of the package a.
    """
    found: set[tuple[str, int]] = set()
    for match in STATEMENT.finditer(source):
        origin, taken, plain = match.groups()
        if plain is not None:
            for name in _names(plain):
                parts = name.split(".")
                found |= {(".".join(parts[: i + 1]), 0) for i in range(len(parts))}
        else:
            base = origin.decode("utf-8", "replace").lstrip(".")
            level = len(origin) - len(origin.lstrip(b"."))
            found |= {(base, level), *((f"{base}.{name}".strip("."), level) for name in _names(taken))}
    return frozenset(found)


def _names(listed: bytes) -> Iterator[str]:
    """Yield the names of `a, b.c as d`, without their aliases."""
    for part in COMMENT.sub(b"", listed).replace(b"\\", b" ").strip(b"() \t\r\n").split(b","):
        match = NAME.search(part)
        if match is not None:
            yield match[0].decode("utf-8", "replace")
