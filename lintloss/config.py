"""Stage: `[tool.lintloss]` -> a frozen Config. Each bad key is one error that names it and the nearest right one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from lintloss.config_files import Nearest
from lintloss.errors import ConfigError

SEVERITIES = ("note", "warning", "error")
CONFIDENCES = ("low", "medium", "high")

Pairs = tuple[tuple[str, tuple[str, ...]], ...]


def _key(kind: str, doc: str) -> dict[str, str]:
    return {"kind": kind, "doc": doc}


@dataclass(frozen=True, slots=True)
class Config:
    """What a project asks of lintloss. The metadata of each field is its check, its schema and its documentation."""

    select: tuple[str, ...] = field(
        default=(), metadata=_key("strings", "Rules to run, by code, prefix, name or ALL; empty: those on by default.")
    )
    extend_select: tuple[str, ...] = field(
        default=(), metadata=_key("strings", "Rules to run besides the selected ones.")
    )
    ignore: tuple[str, ...] = field(default=(), metadata=_key("strings", "Rules to leave out."))
    per_file_ignores: Pairs = field(
        default=(), metadata=_key("table of strings", "Rules to leave out in the files that match a pattern.")
    )
    exclude: tuple[str, ...] | None = field(
        default=None,
        metadata=_key("strings", "Patterns of files and folders to leave out, instead of the default ones."),
    )
    extend_exclude: tuple[str, ...] = field(
        default=(), metadata=_key("strings", "Patterns to leave out besides those of exclude.")
    )
    respect_gitignore: bool = field(default=True, metadata=_key("bool", "Leave out what .gitignore leaves out."))
    force_exclude: bool = field(
        default=False, metadata=_key("bool", "Leave out excluded files even when the command line names them.")
    )
    min_severity: str = field(default="warning", metadata=_key("severity", "Hide findings below this severity."))
    min_confidence: str = field(default="low", metadata=_key("confidence", "Hide findings below this confidence."))
    pedantic: bool = field(
        default=False, metadata=_key("bool", "Raise a mean of batch means to a warning outside language modelling too.")
    )
    cache_dir: str | None = field(default=None, metadata=_key("path", "Where results are remembered."))
    verify: Mapping[str, Any] = field(
        default_factory=dict, metadata=_key("table", "Settings of `lintloss verify`, checked by it.")
    )
    root: str = ""  # the folder that patterns are relative to; not a key
    path: str = ""  # the file it comes from; "" when there is none

    @property
    def digest(self) -> str:
        """Tell apart configurations that can change a result."""
        return repr((self.select, self.extend_select, self.ignore, self.per_file_ignores, self.pedantic, self.root))


KEYS = {each.name.replace("_", "-"): each for each in fields(Config) if each.metadata}


def defaults(root: str) -> Config:
    return Config(root=root)


def load(path: str) -> Config:
    """Read a configuration file and what it extends.

    Raises: ConfigError: the file cannot be read, is not TOML, or has a key or value that is not ours.
    """
    return _with_root(_load(os.path.abspath(path), ()), os.path.abspath(path))


def _with_root(config: Config, path: str) -> Config:
    return replace(config, root=os.path.dirname(path), path=path)


def _load(path: str, chain: tuple[str, ...]) -> Config:
    if path in chain:
        raise ConfigError("`extend` goes in a circle", where=path, hint=" -> ".join((*chain, path)))
    table = dict(_table(path, read_toml(path)))
    base = table.pop("extend", None)
    config = Config(root=os.path.dirname(path), path=path)
    if base is not None:
        if not isinstance(base, str):
            raise ConfigError("`extend` is the path of a configuration file", where=path)
        config = _load(os.path.normpath(os.path.join(os.path.dirname(path), os.path.expanduser(base))), (*chain, path))
    return merge(config, table, where=path)


def read_toml(path: str, data: bytes | None = None) -> dict[str, Any]:
    """Parse a TOML file; the parser is imported only now (6 ms)."""
    try:
        if data is None:
            with open(path, "rb") as file:
                data = file.read()
        return parse_toml(data.decode("utf-8"), where=path)
    except OSError as failure:
        reason = failure.strerror or str(failure)
        raise ConfigError(f"cannot read this configuration: {reason}", where=path) from None
    except UnicodeDecodeError:
        raise ConfigError("a configuration is UTF-8", where=path) from None


def parse_toml(text: str, *, where: str) -> dict[str, Any]:
    import importlib
    import sys

    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return dict(toml.loads(text))
    except ValueError as failure:
        raise ConfigError(f"not TOML: {failure}", where=where) from None


def has_table(path: str, data: bytes) -> bool:
    """Say whether a pyproject.toml has a [tool.lintloss] table."""
    tool = read_toml(path, data).get("tool", {})
    return isinstance(tool, dict) and "lintloss" in tool


def _table(path: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return our table: all of a lintloss.toml, [tool.lintloss] of a pyproject.toml."""
    name = os.path.basename(path)
    tool = document.get("tool")
    if name == "pyproject.toml" or (isinstance(tool, dict) and "lintloss" in tool):
        document = tool.get("lintloss", {}) if isinstance(tool, dict) else {}
    if not isinstance(document, dict):
        raise ConfigError("`tool.lintloss` is a table", where=path)
    return document


def merge(config: Config, table: Mapping[str, Any], *, where: str) -> Config:
    """Lay the keys of `table` over `config`; `extend-…` lists and tables add, the rest replaces."""
    changes: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            raise ConfigError(f"unknown key `{key}`", where=where, hint=_nearest(key))
        name = KEYS[key].name
        parsed = _parse(key, KEYS[key].metadata["kind"], value, where)
        if key.startswith("extend-") or key == "per-file-ignores":
            parsed = (*getattr(config, name), *parsed)
        if key == "cache-dir":
            parsed = os.path.join(os.path.dirname(where) if os.path.isabs(where) else os.getcwd(), parsed)
        changes[name] = parsed
    return replace(config, **changes)


def _nearest(key: str) -> str:
    import difflib

    near = difflib.get_close_matches(key.replace("_", "-"), [*KEYS, "extend"], n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else "keys: " + ", ".join(KEYS)


def _parse(key: str, kind: str, value: Any, where: str) -> Any:
    if kind == "strings" and _is_strings(value):
        return tuple(value)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "path" and isinstance(value, str):
        return os.path.expanduser(value)
    if kind == "table" and isinstance(value, dict):
        return value
    if kind == "table of strings" and isinstance(value, dict) and all(map(_is_strings, value.values())):
        return tuple((pattern, tuple(codes)) for pattern, codes in value.items())
    choices = {"severity": SEVERITIES, "confidence": CONFIDENCES}.get(kind, ())
    if value in choices:
        return value
    wanted = {
        "strings": "a list of strings",
        "bool": "true or false",
        "path": "a path",
        "table": "a table",
        "table of strings": 'a table of lists: {"tests/*" = ["LL101"]}',
    }.get(kind) or "one of " + ", ".join(choices)
    raise ConfigError(f"`{key}` is {wanted}, not {value!r}", where=where)


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


class Configurations:
    """Which Config governs a folder: the file named by --config, or the nearest one, under the overrides.

    Args:
        named: values of --config: a path, or `key = value` in TOML.
        isolated: read no file.
        overrides: keys given by other flags; they win.
    """

    def __init__(
        self, named: tuple[str, ...] = (), *, isolated: bool = False, overrides: Mapping[str, Any] | None = None
    ) -> None:
        self._isolated = isolated
        self._overrides = dict(overrides or {})
        self._nearest = Nearest()
        self._loaded: dict[str | None, Config] = {}
        files = [each for each in named if not _is_inline(each)]
        if len(files) > 1:
            raise ConfigError("one configuration file at a time", where=files[1], hint=f"have it `extend` {files[0]}")
        if files and isolated:
            raise ConfigError("--isolated reads no configuration file", where=files[0], hint="leave one of them out")
        self._file = load(files[0]) if files else None
        self._inline = [parse_toml(each, where="--config") for each in named if _is_inline(each)]

    def of(self, folder: str) -> Config:
        """Return the configuration of the files in the absolute `folder`."""
        path = None if self._isolated or self._file else self._nearest.of(folder)
        if path not in self._loaded:
            self._loaded[path] = self._override(self._file or (load(path) if path else defaults(os.getcwd())))
        return self._loaded[path]

    def _override(self, config: Config) -> Config:
        for table in self._inline:
            config = merge(config, table, where="--config")
        if "select" in self._overrides:  # a choice on the command line starts from nothing
            config = replace(config, extend_select=(), ignore=())
        table = dict(self._overrides)
        if "ignore" in table:
            table["ignore"] = [*config.ignore, *table["ignore"]]
        return merge(config, table, where="command line")


def _is_inline(value: str) -> bool:
    return "=" in value and not os.path.exists(value)
