"""Stage: paths of the command line -> sources to check, in one order, with a reason for each one left out.

Plain classes and `os.scandir` on purpose: this runs before anything else is imported, on every file.
"""

from __future__ import annotations

import os

from lintloss.errors import LintlossError, SourceError, UsageError
from lintloss.globs import Patterns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SUFFIXES = (".py", ".pyi", ".ipynb")
DEFAULT_EXCLUDE = (
    ".bzr", ".direnv", ".eggs", ".git", ".hg", ".ipynb_checkpoints", ".lintloss_cache", ".mypy_cache", ".nox",
    ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tox", ".venv", ".vscode", "__pycache__",
    "__pypackages__", "_build", "build", "dist", "env", "node_modules", "site-packages", "venv",
)  # fmt: skip


class Source:
    """One file to check: `path` as shown, `folder` absolute, `named` when the command line itself names it."""

    __slots__ = ("folder", "named", "path")

    def __init__(self, path: str, folder: str, named: bool) -> None:
        self.path = path
        self.folder = folder
        self.named = named


class Found:
    """What discovery answers: sources, paths that do not exist or cannot be listed, and how many were excluded."""

    __slots__ = ("errors", "excluded", "sources")

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.errors: list[LintlossError] = []
        self.excluded = 0


class Excludes:
    """What a walk leaves out: the configuration's patterns for a folder, and .gitignore if that is respected."""

    __slots__ = ("gitignore", "patterns")

    def __init__(self, patterns: tuple[Patterns, ...], gitignore: bool = True) -> None:
        self.patterns = patterns
        self.gitignore = gitignore


def default_excludes(folder: str) -> Excludes:
    """Return what is left out where no configuration says otherwise."""
    return Excludes((Patterns(os.sep, DEFAULT_EXCLUDE),))


def discover(
    paths: Iterable[str],
    *,
    excludes_of: Callable[[str], Excludes] = default_excludes,
    force_exclude: bool = False,
) -> Found:
    """List the files to check, sorted by path.

    Args:
        paths: files and folders as the user wrote them.
        excludes_of: absolute folder -> what its configuration leaves out.
        force_exclude: leave out excluded files even when they are named (what pre-commit needs).
    """
    walk = _Walk(excludes_of)
    for path in paths:
        absolute = os.path.abspath(path)
        if os.path.isdir(path):
            if not (force_exclude and walk.excluded(absolute, True)):
                walk.folder(_shown(path), absolute, walk.ignores_above(absolute))
        elif not os.path.lexists(path):
            walk.found.errors.append(
                UsageError("no such file or folder", where=path or "''", hint="check the spelling")
            )
        elif not os.path.isfile(path) and os.path.exists(path) and path != os.devnull:
            walk.found.errors.append(UsageError("a pipe or device is read once", where=path, hint=f"check - < {path}"))
        elif force_exclude and (not path.endswith(SUFFIXES) or walk.excluded(absolute, False)):
            walk.found.excluded += 1
        else:
            walk.keep(_shown(path), os.path.dirname(absolute), named=True)
    walk.found.sources.sort(key=lambda source: source.path)
    return walk.found


def _shown(path: str) -> str:
    shown = os.path.normpath(path)
    return "" if shown == os.curdir else shown


class _Walk:
    """The state of one discovery."""

    def __init__(self, excludes_of: Callable[[str], Excludes]) -> None:
        self.found = Found()
        self._excludes_of = excludes_of
        self._kept: dict[str, Source] = {}
        self._folders: set[str] = set()

    def keep(self, path: str, folder: str, *, named: bool) -> None:
        absolute = os.path.join(folder, os.path.basename(path))
        known = self._kept.get(absolute)
        if known is not None:
            known.named = known.named or named
            return
        source = self._kept[absolute] = Source(path, folder, named)
        self.found.sources.append(source)

    def folder(self, shown: str, absolute: str, ignores: tuple[Patterns, ...]) -> None:
        """Walk one folder. Links to folders are not followed: that is what loops are made of."""
        if absolute in self._folders:  # `check src src/pkg`
            return
        self._folders.add(absolute)
        try:
            entries = sorted(os.scandir(absolute), key=lambda entry: entry.name)
        except OSError as failure:
            reason = failure.strerror or str(failure)
            self.found.errors.append(SourceError(f"cannot list this folder: {reason}", where=shown or os.curdir))
            return
        excludes = self._excludes_of(absolute)
        if excludes.gitignore:
            own = next((entry for entry in entries if entry.name == ".gitignore"), None)
            ignores = (*ignores, *_read_ignores(absolute)) if own is not None else ignores
        for entry in entries:
            self._entry(entry, os.path.join(shown, entry.name), absolute, (excludes, ignores))

    def _entry(
        self, entry: os.DirEntry[str], shown: str, folder: str, rules: tuple[Excludes, tuple[Patterns, ...]]
    ) -> None:
        is_dir = entry.is_dir(follow_symlinks=False)
        if not is_dir and not (entry.name.endswith(SUFFIXES) and _is_source(entry)):
            return
        path = folder.rstrip(os.sep) + os.sep + entry.name
        excludes, ignores = rules
        if _is_excluded(path, is_dir, excludes, ignores):
            self.found.excluded += 1
        elif is_dir:
            self.folder(shown, path, ignores)
        else:
            self.keep(shown, folder, named=False)

    def excluded(self, path: str, is_dir: bool) -> bool:
        """Say whether a walk from the top would have left `path` out: it, or a folder that it is in."""
        folder = os.path.dirname(path)
        excludes = self._excludes_of(folder)
        if _is_excluded(path, is_dir, excludes, self.ignores_above(path) if excludes.gitignore else ()):
            return True
        top = os.getcwd()  # the names of the folders above it are not the project's doing
        return folder != top and folder.startswith(top) and self.excluded(folder, True)

    def ignores_above(self, path: str) -> tuple[Patterns, ...]:
        """Read the .gitignore files between the repository's root and the folder that `path` is in."""
        if not self._excludes_of(path).gitignore:
            return ()
        folders: list[str] = []
        folder = path
        while not os.path.exists(os.path.join(folder, ".git")):
            above = os.path.dirname(folder)
            if above == folder:
                return ()  # no repository: the .gitignore files further up are somebody else's
            folder = above
            folders.append(folder)
        return tuple(each for folder in reversed(folders) for each in _read_ignores(folder))


def _is_source(entry: os.DirEntry[str]) -> bool:
    """Keep a link to a file that is gone, or to itself: reading it says so, where skipping would be silence."""
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:  # `is_file` raises on a link that leads back to itself
        return True


def _is_excluded(path: str, is_dir: bool, excludes: Excludes, ignores: tuple[Patterns, ...]) -> bool:
    if any(patterns.verdict(path, is_dir) for patterns in excludes.patterns):
        return True
    for patterns in reversed(ignores):  # the .gitignore nearest to the file has the last word
        verdict = patterns.verdict(path, is_dir)
        if verdict is not None:
            return verdict
    return False


def _read_ignores(folder: str) -> tuple[Patterns, ...]:
    try:
        with open(os.path.join(folder, ".gitignore"), encoding="utf-8", errors="replace") as file:
            return (Patterns(folder, file),)
    except OSError:
        return ()  # as git does with one that it cannot read
