"""Calls by which an evaluation's data are handed to a library that runs the loop: Lightning and Keras."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts.survey import walk
from lintloss.parse import Module


@dataclass(frozen=True, slots=True)
class Handing:
    """How one method takes the data: library is what the file speaks of, position -1 where keywords alone do."""

    library: tuple[str, ...]
    keywords: tuple[str, ...]
    position: int = -1


LIGHTNING = ("lightning",)
KERAS = ("keras", "tensorflow")
HANDINGS = {
    "fit": (
        Handing(LIGHTNING, ("val_dataloaders", "val_dataloader"), 2),
        Handing(KERAS, ("validation_data",)),
    ),
    "validate": (Handing(LIGHTNING, ("dataloaders", "val_dataloaders"), 1),),
    "test": (Handing(LIGHTNING, ("dataloaders", "test_dataloaders"), 1),),
    "evaluate": (Handing(KERAS, ("x",), 0),),
}


def handed_over(module: Module) -> Iterator[ast.expr]:
    """Yield the expressions of the data that a file hands over to be evaluated."""
    for node in walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            for handing in HANDINGS.get(node.func.attr, ()):
                if any(each in module.code for each in handing.library):
                    yield from _of_call(node, handing)


def _of_call(node: ast.Call, handing: Handing) -> Iterator[ast.expr]:
    found = next((each.value for each in node.keywords if each.arg in handing.keywords), None)
    if found is None and 0 <= handing.position < len(node.args):
        found = node.args[handing.position]
    if found is not None and not isinstance(found, ast.Starred | ast.Constant):
        yield found
