"""The project index: which file an import names, read and parsed only when it is asked for."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import AnyStr

from lintloss.facts import texts
from lintloss.facts.links import Found, Links
from lintloss.parse import Module

MARKERS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", ".gitignore")
SKIPPED = frozenset({"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__"})
FILES = 500  # files of a project that are searched for callers
FOLDERS = 3000  # … and folders in which they are sought
LONGEST = 400_000  # bytes of a file that are searched
KEPT = 1_500_000  # characters of source whose trees are kept from one file to the next: a tree takes 60 times its text


class Project:
    """Resolves imports inside the checked tree.

    Args:
        load: path -> Module, or None when the file cannot be read or parsed.
        roots: folders that absolute imports start from, besides those found around the importing file.
    """

    def __init__(self, load: Callable[[str], Module | None], roots: Iterable[str] = ()) -> None:
        self._load = load
        self._roots = tuple(os.path.normpath(root) for root in roots)
        self._modules: dict[str, Module | None] = {}
        self._files: dict[str, bool] = {}
        self._folders: dict[str, frozenset[str]] = {}
        self._resolved: dict[tuple[str, str, int], Found] = {}
        self._listed: dict[str, tuple[list[str], list[str]]] = {}  # root -> files, folders
        self._beside: dict[str, list[str]] = {}  # root -> scripts, manuals and settings
        self._texts: dict[str, bytes] = {}
        self._links = Links(self._bytes, self._found)
        self._users: dict[tuple[str, str, tuple[bytes, ...]], list[str]] = {}  # folder, name, links -> files
        # What a result depends on: paths of modules, and `folder NUL name` where it mattered whether a folder has a
        # module of that name. The engine empties it before each file.
        self.read: set[str] = set()
        self._asked: set[str] = set()  # files whose imports are in `read` already

    def add(self, module: Module) -> None:
        self._modules[os.path.normpath(module.path)] = module

    def begin(self) -> None:
        """Start on another file: forget what the last one read, and the trees that were not asked for in longest."""
        self.read.clear()
        self._asked.clear()
        kept = 0
        for path, module in reversed(list(self._modules.items())):
            kept += len(module.text) if module is not None else 0
            if kept > KEPT:
                del self._modules[path]

    def module(self, path: str) -> Module | None:
        path = os.path.normpath(path)
        self.read.add(path)  # each time: another file may have loaded it
        found = self._modules.pop(path) if path in self._modules else self._load(path)
        self._modules[path] = found  # the last one asked for is the last one forgotten
        return found

    def using(self, path: str, name: str, links: Iterable[str], running: str = "") -> list[Module]:
        """Return the modules around `path` that may use `name` and that hold one of `links`; the search is bounded.

        Their bytes are asked first: to parse a file takes a thousand times as long.

        Args:
            running: a file that they must import, themselves or through what they import.
        """
        path = os.path.normpath(path)
        files, _ = self._around(os.path.dirname(path))
        self.read.update(files)
        words = [link.encode() for link in links]
        asked = (os.path.dirname(path), name, tuple(words))
        if asked not in self._users:
            use = re.compile(rb"(?<!def )(?<![a-zA-Z0-9_])%b(?![a-zA-Z0-9_])" % re.escape(name.encode()))
            self._users[asked] = [each for each in files if self._may_use(each, name.encode(), use, words)]
        users = (each for each in self._users[asked] if each != path)
        found = (self.module(each) for each in users if not running or self.reaches(each, running))
        return [module for module in found if module is not None]

    def defining(self, path: str, name: str) -> list[Module]:
        """Return the modules around `path`, itself left out, that define a function or class of that name."""
        path = os.path.normpath(path)
        files, _ = self._around(os.path.dirname(path))
        self.read.update(files)
        defined = re.compile(rb"(def|class) +%b\b" % re.escape(name.encode()))
        found = (self.module(each) for each in files if each != path and defined.search(self._bytes(each)))
        return [module for module in found if module is not None]

    def reaches(self, path: str, goal: str) -> bool:
        """Say whether a file imports another one, itself or through what it imports: else it cannot run it."""
        reached = self._links.reached(os.path.normpath(path))
        for each in reached - self._asked:
            self.read.add(each)
            self.read |= self._links.searched(each)
        self._asked |= reached
        return os.path.normpath(goal) in reached

    def run_together(self, path: str, other: str) -> bool:
        """Say whether one program may run two files: one of them imports the other, or a third one both."""
        pair = (os.path.normpath(path), os.path.normpath(other))
        if pair[0] == pair[1] or self.reaches(*pair) or self.reaches(*pair[::-1]):
            return True
        files, _ = self._around(os.path.dirname(pair[0]))
        self.read.update(files)
        return any(all(self.reaches(each, goal) for goal in pair) for each in files)

    def texts(self, path: str) -> Iterator[tuple[str, bytes]]:
        """Yield the scripts, manuals and settings of the project around `path`: how its programs are run."""
        root = _root(os.path.dirname(os.path.normpath(path)))
        if root not in self._beside:
            self._beside[root] = texts.below(root, SKIPPED)
        self.read.update(self._beside[root])
        yield from ((each, texts.read(each)) for each in self._beside[root])

    def _may_use(self, path: str, name: bytes, use: re.Pattern[bytes], words: list[bytes]) -> bool:
        data = self._bytes(path)
        if name not in data:
            return False
        cut_off = len(data) >= LONGEST
        return cut_off or (any(word in data for word in words) and finds(use, name, data))

    def _around(self, folder: str) -> tuple[list[str], list[str]]:
        """List the source files of the project that a folder belongs to, and the folders that they were found in."""
        root = _root(folder)
        if root not in self._listed:
            self._listed[root] = _sources(root)
        return self._listed[root]

    def _bytes(self, path: str) -> bytes:
        if path not in self._texts:
            try:
                with open(path, "rb") as file:
                    self._texts[path] = file.read(LONGEST).removeprefix(codecs.BOM_UTF8)
            except OSError:
                self._texts[path] = b""
        return self._texts[path]

    def resolve(self, importer: str, name: str, level: int = 0) -> Module | None:
        """Return the module that `import name` (or `from ..name import`) means in `importer`."""
        path, searched = self._found(os.path.dirname(os.path.normpath(importer)), name, level)
        self.read.update(searched)
        return self.module(path) if path is not None else None

    def _found(self, folder: str, name: str, level: int) -> Found:
        """Return the file that an import in a folder names, and what was looked for on the way."""
        asked = (folder, name, level)
        if asked not in self._resolved:
            self._resolved[asked] = self._search(folder, [part for part in name.split(".") if part], level)
        return self._resolved[asked]

    def only(self, importer: str, name: str) -> Module | None:
        """Return the one file of the project whose path ends as an absolute import says.

        Its folder is put on sys.path by what runs the program: `PYTHONPATH=src/model python src/bin/train.py`.
        """
        files, _ = self._around(os.path.dirname(os.path.normpath(importer)))
        if len(files) >= FILES:  # there may be another one
            return None
        stem = os.path.join(os.sep, *name.split("."))
        found = [each for each in files if each.endswith((stem + ".py", os.path.join(stem, "__init__.py")))]
        self.read.update(found)
        return self.module(found[0]) if len(found) == 1 else None

    def _search(self, folder: str, parts: list[str], level: int) -> tuple[str | None, tuple[str, ...]]:
        """Return the file that an import names, and what was looked for on the way."""
        if level:
            above = os.path.normpath(os.path.join(folder, *[os.pardir] * (level - 1)))
            return self._place(above, parts), self._searched(above, parts)
        searched: list[str] = []
        for base in self._bases(folder) if parts else ():
            searched += self._searched(base, parts)
            place = self._place(base, parts)
            if place is not None:
                return place, tuple(searched)
        return None, tuple(searched)

    def _bases(self, folder: str) -> list[str]:
        """List the folders that may be on sys.path: the file's own, its ancestors, their src/."""
        bases = [folder]
        while folder not in ("", ".", os.sep) and not folder.endswith(os.pardir):
            folder = os.path.dirname(folder)
            bases.append(folder)
        bases += [root for root in self._roots if root not in bases]
        return [each for base in bases for each in (base, os.path.join(base, "src"))]

    def _place(self, base: str, parts: list[str]) -> str | None:
        """Return the file that `parts` name below `base`."""
        if not parts:
            path = os.path.join(base, "__init__.py")
            return path if self._is_file(path) else None
        stem = base
        for part in parts[:-1]:
            if part not in self._names(stem):
                return None
            stem = os.path.join(stem, part)
        names = self._names(stem)
        stem = os.path.join(stem, parts[-1])
        path = os.path.join(stem, "__init__.py")
        if parts[-1] in names and self._is_file(path):  # of a package and a file beside it, Python takes the package
            return path
        return stem + ".py" if parts[-1] + ".py" in names and self._is_file(stem + ".py") else None

    def _searched(self, base: str, parts: list[str]) -> tuple[str, ...]:
        """Say which names were looked for in which folders, as `folder NUL name`."""
        found: list[str] = []
        folder = base or os.curdir
        for part in parts:
            found.append(f"{folder}\0{part}")
            if part not in self._names(folder):
                break
            folder = os.path.join(folder, part)
        return tuple(found)

    def _names(self, folder: str) -> frozenset[str]:
        """Return the names in a folder, none where it is no folder."""
        if folder not in self._folders:
            try:
                self._folders[folder] = frozenset(os.listdir(folder or os.curdir))
            except OSError:
                self._folders[folder] = frozenset()
        return self._folders[folder]

    def _is_file(self, path: str) -> bool:
        if path not in self._files:
            self._files[path] = os.path.isfile(path)
        return self._files[path]


def finds(pattern: re.Pattern[AnyStr], word: AnyStr, text: AnyStr) -> bool:
    """Search for a pattern that starts with a word, at the speed of `word in text` where there is none."""
    at = text.find(word)
    while at >= 0:
        if pattern.match(text, at):
            return True
        at = text.find(word, at + 1)
    return False


def _root(folder: str) -> str:
    """Return the folder of the project around `folder`: the nearest one with a marker.

    Without any it is the working folder, where that is above; else the folder that holds the outermost package.
    """
    here = folder or os.curdir
    for _ in range(8):
        if any(os.path.exists(os.path.join(here, marker)) for marker in MARKERS):
            return here
        above = os.path.dirname(here) or os.curdir
        if above in (here, os.sep):
            break
        here = above
    return os.curdir if here == os.curdir else _above_packages(folder)


def _above_packages(folder: str) -> str:
    while os.path.exists(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) not in ("", os.sep, folder):
        folder = os.path.dirname(folder)
    return folder


def _sources(root: str) -> tuple[list[str], list[str]]:
    """Return the source files below a folder, FILES at most, and the folders that hold them."""
    files: list[str] = []
    visited: list[str] = []
    for here, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        visited.append(os.path.join(os.path.normpath(here), ""))
        paths = (os.path.normpath(os.path.join(here, name)) for name in sorted(names) if name.endswith(".py"))
        files += [path for path in paths if os.path.isfile(path)]  # opening a pipe would wait for its other end
        if len(files) >= FILES or len(visited) >= FOLDERS:
            break
    return files[:FILES], visited
