"""Results of earlier runs, one `marshal` file a folder that lintloss was run from.

A result holds while its file, and every file that its facts came from, has the same bytes. Bytes are compared by
(size, mtime, inode) first and by sha256 where those differ: a fresh checkout has fresh times.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Iterable
from typing import Any

from lintloss import __version__
from lintloss.result import Result
from lintloss.wire import flatten, restore

FOLDER = ".lintloss_cache"
_ABSENT = b""


class Cache:
    """What is known from earlier runs, and what this one adds.

    Args:
        folder: where the file is kept; None remembers nothing.
        rules: what the verdicts depend on besides files: see `stamp`.
    """

    def __init__(self, folder: str | None, rules: tuple[Any, ...]) -> None:
        self._path = os.path.join(folder, _short(os.getcwd())) if folder else None
        self._stamp = (__version__, sys.version, os.getcwd(), rules)
        self._identities: dict[str, tuple[int, int, int, bytes]] = {}  # path -> (size, mtime, inode, sha256)
        self._results: dict[str, tuple[str, bytes, tuple[tuple[str, bytes], ...], tuple[Any, ...]]] = {}
        self._checked: dict[str, bytes] = {}  # identities that were compared in this run
        self._is_changed = False
        self._load()

    def get(self, path: str, config: str) -> Result | None:
        """Return the result of an earlier run under the same configuration, if all that it rests on is unchanged."""
        if self._path is None:
            return None
        content = self.identity(path)  # also where nothing is known: `put` must not name bytes newer than those checked
        entry = self._results.get(path)
        if entry is None or entry[0] != config or content != entry[1]:
            return None
        if any(self.identity(other) != content for other, content in entry[2]):
            return None
        return restore(entry[3])

    def put(self, result: Result, config: str) -> None:
        """Remember a result; one with an error is worth another try."""
        if self._path is None or result.errors:
            return
        depends = tuple((other, self.identity(other)) for other in result.read)
        self._results[result.path] = (config, self.identity(result.path), depends, flatten(result))
        self._is_changed = True

    def identity(self, path: str) -> bytes:
        """Return the sha256 of a file, from memory if size, mtime and inode are the same; b"" if it is not there.

        Of a folder (a path that ends in a separator) it is what could be imported from it: a module that is added may
        be what an import means from then on.
        """
        if path not in self._checked:
            self._checked[path] = _listing(path) if path.endswith(os.sep) else self._identify(path)
        return self._checked[path]

    def _identify(self, path: str) -> bytes:
        try:
            found = os.stat(path)
            stats = (found.st_size, found.st_mtime_ns, found.st_ino)
            known = self._identities.get(path)
            if known is not None and known[:3] == stats:
                return known[3]
            with open(path, "rb") as file:
                content = _sha256(file.read())
        except OSError:
            return _ABSENT
        self._identities[path] = (*stats, content)
        self._is_changed = True
        return content

    def _load(self) -> None:
        if self._path is None:
            return
        try:
            with open(self._path, "rb") as file:
                stamp, identities, results = marshal.loads(file.read())
        except (OSError, ValueError, EOFError, TypeError):
            return  # no cache, or one that was cut short
        if stamp == self._stamp:
            self._identities, self._results = identities, results

    def save(self) -> None:
        """Write the file whole or not at all; where that is not allowed, the next run is as slow as this one."""
        if self._path is None or not self._is_changed:
            return
        folder = os.path.dirname(self._path)
        fresh = f"{self._path}.{os.getpid()}"
        try:
            make_folder(folder)
            with open(fresh, "wb") as file:
                file.write(marshal.dumps((self._stamp, self._identities, self._results)))
            os.replace(fresh, self._path)
        except OSError:
            return


def make_folder(folder: str) -> None:
    """Make the cache's folder one that git and backups pass over."""
    if not os.path.isdir(folder):
        os.makedirs(folder)
        with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("*\n")
        with open(os.path.join(folder, "CACHEDIR.TAG"), "w", encoding="utf-8") as file:
            file.write("Signature: 8a477f597d28d172789f06886806bc55\n")


def stamp(folders: Iterable[str]) -> tuple[Any, ...]:
    """Tell apart states of the program: name, size and mtime of each of its modules, and of the rule packs'."""
    found = []
    for folder in sorted(set(folders)):
        for top, _, names in os.walk(folder):
            for name in names:
                if name.endswith(".py"):
                    stats = os.stat(os.path.join(top, name))
                    found.append((top, name, stats.st_size, stats.st_mtime_ns))
    return tuple(sorted(found))


def _listing(folder: str) -> bytes:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".py") or "." not in name)
    except OSError:
        return _ABSENT
    return "/".join(name for name in names if name != "__pycache__").encode("utf-8", "surrogateescape")


def _short(text: str) -> str:
    """Name a file for a text; two texts of one name are told apart by what the file holds."""
    number = 0
    for byte in os.fsencode(text):
        number = (number * 257 + byte) % 2**64
    return f"{number:016x}"


def _sha256(data: bytes) -> bytes:
    import hashlib  # 5 ms, and only where times differ

    return hashlib.sha256(data).digest()
