"""The project index: which file an import names, read and parsed only when it is asked for."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterable

from lintloss.parse import Module


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
        self._resolved: dict[tuple[str, str], str | None] = {}
        self.read: set[str] = set()  # every path that a result depends on, absent ones included

    def add(self, module: Module) -> None:
        self._modules[os.path.normpath(module.path)] = module

    def module(self, path: str) -> Module | None:
        path = os.path.normpath(path)
        if path not in self._modules:
            self.read.add(path)
            self._modules[path] = self._load(path)
        return self._modules[path]

    def resolve(self, importer: str, name: str, level: int = 0) -> Module | None:
        """Return the module that `import name` (or `from ..name import`) means in `importer`."""
        parts = [part for part in name.split(".") if part]
        folder = os.path.dirname(os.path.normpath(importer))
        if level:
            for _ in range(level - 1):
                folder = os.path.join(folder, os.pardir)
            return self._at(os.path.normpath(folder), parts)
        asked = (folder, name)
        if asked not in self._resolved:
            places = (self._place(base, parts) for base in self._bases(folder)) if parts else iter(())
            self._resolved[asked] = next((place for place in places if place is not None), None)
        path = self._resolved[asked]
        return self.module(path) if path is not None else None

    def _bases(self, folder: str) -> list[str]:
        """List the folders that may be on sys.path: the file's own, its ancestors, their src/."""
        bases = [folder]
        while folder not in ("", ".", os.sep) and not folder.endswith(os.pardir):
            folder = os.path.dirname(folder)
            bases.append(folder)
        bases += [root for root in self._roots if root not in bases]
        return [each for base in bases for each in (base, os.path.join(base, "src"))]

    def _at(self, base: str, parts: list[str]) -> Module | None:
        path = self._place(base, parts)
        return self.module(path) if path is not None else None

    def _place(self, base: str, parts: list[str]) -> str | None:
        """Return the file that `parts` name below `base`."""
        if not parts:
            path = os.path.join(base, "__init__.py")
            return path if self._is_file(path) else None
        stem = os.path.join(base, *parts)
        for path in (stem + ".py", os.path.join(stem, "__init__.py")):
            if self._is_file(path):
                return path
        return None

    def _is_file(self, path: str) -> bool:
        if path not in self._files:
            self._files[path] = os.path.isfile(path)
        return self._files[path]


def top_level(tree: ast.Module) -> Iterable[ast.stmt]:
    """Yield the statements that run when a module is imported, those under if and try included."""
    stack: list[ast.stmt] = list(reversed(tree.body))
    while stack:
        statement = stack.pop()
        yield statement
        for name in ("orelse", "finalbody", "body"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                stack.extend(reversed(getattr(statement, name, [])))
