"""Stage: `pkg/eval.py::evaluate` and [tool.lintloss.verify] -> the command that calls this function."""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lintloss.errors import ConfigError, UsageError

CALLER = Path(__file__).resolve().parent / "inject" / "lintloss_call.py"
KEYS = ("model", "loader", "arguments", "python")


def is_target(word: str) -> bool:
    return "::" in word and word.partition("::")[0].endswith(".py")


def command(word: str, settings: Mapping[str, Any], root: str, where: str) -> tuple[str, ...]:
    """Return the command that imports the file, makes model and loader by their factories, and calls the function.

    Args:
        settings: the table [tool.lintloss.verify]: `model` and `loader` as `pkg.module:factory`, `arguments`, `python`.
        root: the project's folder, put on sys.path.
        where: the configuration file, for messages.
    """
    path, _, function = word.partition("::")
    if not os.path.isfile(path):
        raise UsageError("no such file", where=path)
    if not function.isidentifier():
        raise UsageError(f"{word}: {function!r} is no function's name", hint="pkg/eval.py::evaluate")
    _check(settings, where)
    request = {"root": root, "function": function, **{name: settings[name] for name in KEYS[:3] if name in settings}}
    return (_python(settings), str(CALLER), os.path.abspath(path), json.dumps(request))


def _check(settings: Mapping[str, Any], where: str) -> None:
    for name, value in settings.items():
        if name not in KEYS:
            near = difflib.get_close_matches(name, KEYS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "keys: " + ", ".join(KEYS)
            raise ConfigError(f"unknown key `verify.{name}`", where=where, hint=hint)
        if name == "arguments":
            if not isinstance(value, dict):
                raise ConfigError("`verify.arguments` is a table of the function's arguments", where=where)
        elif not isinstance(value, str) or (name != "python" and ":" not in value):
            wanted = "a path" if name == "python" else '"pkg.module:factory"'
            raise ConfigError(f"`verify.{name}` is {wanted}, not {value!r}", where=where)


def _python(settings: Mapping[str, Any]) -> str:
    """The interpreter that has torch: the one named, this one, or what `python` is here."""
    if "python" in settings:
        return os.path.expanduser(str(settings["python"]))
    if importlib.util.find_spec("torch") is not None:
        return sys.executable
    return shutil.which("python") or shutil.which("python3") or sys.executable
