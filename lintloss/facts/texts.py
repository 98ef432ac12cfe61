"""Texts beside the code: the scripts, manuals and settings that say how the programs of a project are run."""

from __future__ import annotations

import os
from collections.abc import Container

SCRIPTS = (".sh", ".bash", ".zsh", ".slurm", ".sbatch", ".pbs", ".job", ".bat", ".cmd", ".ps1", ".mk", ".env")
SETTINGS = (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".conf", ".args", ".gin")
MANUALS = (".md", ".rst")
ENDS = (*SCRIPTS, *SETTINGS, *MANUALS, ".ipynb")
NAMES = frozenset({"Makefile", "makefile", "justfile", "Justfile", "Dockerfile", "Snakefile", "Procfile"})
FILES = 300  # that are searched
FOLDERS = 1000  # in which they are sought
LARGEST = 200_000  # bytes: what is larger holds data


def below(root: str, skipped: Container[str]) -> list[str]:
    """List the texts below a folder; the search is bounded."""
    found: list[str] = []
    for visited, (here, folders, names) in enumerate(os.walk(root)):
        folders[:] = sorted(each for each in folders if each not in skipped and not each.startswith("."))
        paths = (os.path.normpath(os.path.join(here, each)) for each in sorted(names) if _is_text(each))
        found += [each for each in paths if os.path.isfile(each)]
        if len(found) >= FILES or visited >= FOLDERS:
            break
    return found[:FILES]


def _is_text(name: str) -> bool:
    return name.endswith(ENDS) or name in NAMES


def read(path: str) -> bytes:
    """Return the bytes of a text, none where it is as long as data."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError:
        return b""
    return data if len(data) <= LARGEST else b""
