"""What `lintloss verify pkg/eval.py::evaluate` runs: calls the function with a model and a loader, prints what it returns."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable
from typing import Any

MODEL = ("model", "net", "network", "lm", "module")
LOADER = ("loader", "data", "batches", "dataset", "iterator", "corpus", "split")


def module_name(path: str, root: str) -> str:
    """The dotted name under which a file is imported from the project's folder, or else from its own."""
    inside = os.path.relpath(path, root)
    parts = os.path.splitext(inside)[0].split(os.sep)
    if all(part.isidentifier() for part in parts):
        return ".".join(parts)
    return os.path.splitext(os.path.basename(path))[0]


def made(factory: str) -> Any:
    """`pkg.module:name`: what a function without arguments returns, or the thing itself."""
    module, _, attribute = factory.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    is_factory = inspect.isfunction(found) or inspect.isclass(found)
    return found() if is_factory else found


def arguments(function: Callable[..., Any], request: dict[str, Any]) -> dict[str, Any]:
    """Give each parameter its value: by name, then by what the name says, then by place (model, loader)."""
    given = dict(request.get("arguments", {}))
    parameters = list(inspect.signature(function).parameters.values())
    named = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    for key, words in (("model", MODEL), ("loader", LOADER)):
        if key in request:
            free = [each.name for each in named if each.name not in given]
            says = [name for name in free if any(word in name.lower() for word in words)]
            place = next(iter(says or free), None)
            if place is None:
                sys.exit(f"lintloss verify: {function.__name__}() takes no {key}")
            given[place] = made(request[key])
    for each in named:
        if each.name == "device" and each.name not in given and each.default is each.empty:
            given["device"] = _device()
        if each.name not in given and each.default is each.empty:
            wanted = "model or loader" if each.name in (*MODEL, *LOADER) else f"arguments.{each.name}"
            sys.exit(
                f"lintloss verify: {function.__name__}() needs `{each.name}`: name {wanted} in [tool.lintloss.verify]"
            )
    return given


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def main(path: str, text: str) -> None:
    request = json.loads(text)
    root = request["root"]
    sys.path[:1] = list(dict.fromkeys([root, os.path.dirname(path)]))
    module = importlib.import_module(module_name(path, root))
    function = getattr(module, request["function"], None)
    if not callable(function):
        sys.exit(f"lintloss verify: {path} has no function {request['function']}")
    print(function(**arguments(function, request)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
