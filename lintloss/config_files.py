"""Where configuration is looked for: the nearest file that speaks of lintloss, found without parsing any TOML."""

from __future__ import annotations

import os

NAMES = (".lintloss.toml", "lintloss.toml", "pyproject.toml")  # the first of a folder wins


class Nearest:
    """Answers, with a memory, which configuration file governs a folder."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, folder: str) -> str | None:
        """Return the configuration file nearest to the absolute `folder`, itself included, or None."""
        if folder not in self._known:
            above = os.path.dirname(folder)
            self._known[folder] = in_folder(folder) or (self.of(above) if above != folder else None)
        return self._known[folder]


def in_folder(folder: str) -> str | None:
    for name in NAMES:
        path = os.path.join(folder, name)
        if name == "pyproject.toml":
            if _mentions_lintloss(path):
                return path
        elif os.path.isfile(path):
            return path
    return None


def _mentions_lintloss(path: str) -> bool:
    """A pyproject.toml counts only with a [tool.lintloss] table; most have none and need no TOML parser to say so."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return False
    if b"lintloss" not in data:
        return False
    from lintloss.config import has_table

    return has_table(path, data)


def _may_be_key(data: bytes) -> bool:
    """Say whether `lintloss` may be a key or a part of one; a project that only depends on it says it elsewhere.

    In `tool.lintloss.select = …` and `tool = { "lintloss" = … }` the next sign is a dot or an equals sign, in
    `[tool.lintloss]` a bracket on a row that starts with one; in `dev = ["lintloss[server]>=0.1"]` it is none of them.
    """
    for line in data.splitlines():
        for after in line.split(b"lintloss")[1:]:
            sign = after.lstrip(b"\"' \t")[:1]
            if sign in (b"=", b".") or (sign == b"]" and line.lstrip().startswith(b"[")):
                return True
    return False


def speaks_of_lintloss(folder: str) -> bool:
    """Say whether any file above the absolute `folder` may configure lintloss, by its name and bytes alone."""
    while True:
        for name in NAMES:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    if name != "pyproject.toml" or _may_be_key(file.read()):
                        return True
            except OSError:
                continue
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
