"""Option defaults: the number that an option of the command line, or a field of a configuration, has in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts.measuring import is_unit_test
from lintloss.facts.project import Project
from lintloss.facts.survey import called_name, walk
from lintloss.parse import Module

DEFINES = {"DEFINE_integer", "DEFINE_int"}


@dataclass(frozen=True, slots=True)
class Known:
    """A number, and what it is called where it is written."""

    text: str
    value: int


def of_name(project: Project, module: Module, name: str) -> Known | None:
    """Return the default of an option by its name, where the files around give it one, and nobody sets another."""
    around = [module, *(each for each in project.using(module.path, name, [name]) if each.path != module.path)]
    dashed = name.replace("_", "-")
    around += project.using(module.path, dashed, [dashed]) if dashed != name else []
    tried = {each.path: each for each in around if not is_unit_test(each)}
    found = [value for each in tried.values() for value in _defaults(each, name)]
    numbers = {each.value for each in found if isinstance(each, ast.Constant) and type(each.value) is int}
    if not found or len(numbers) != 1 or not all(isinstance(each, ast.Constant) for each in found):
        return None
    if len({each.value for each in found if isinstance(each, ast.Constant)}) > 1:
        return None
    number = numbers.pop()
    return Known(name, number) if isinstance(number, int) and number > 0 else None


def _defaults(module: Module, name: str) -> Iterator[ast.expr]:
    """Yield what an option is in one file: its default, and all that sets it."""
    for node in walk(module.tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node, name)
        elif isinstance(node, ast.ClassDef):
            yield from _of_class(node, name)
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            yield from (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name)
        elif isinstance(node, ast.Assign):
            yield from (node.value for each in node.targets if _sets(each, name))


def _sets(target: ast.expr, name: str) -> bool:
    """Say whether `config.steps = …` or `config["steps"] = …` is assigned to."""
    if isinstance(target, ast.Attribute):
        return target.attr == name and not (isinstance(target.value, ast.Name) and target.value.id == "self")
    return isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) and target.slice.value == name


def _of_call(node: ast.Call, name: str) -> Iterator[ast.expr]:
    called = called_name(node.func)
    first = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    given = {each.arg: each.value for each in node.keywords}
    if called in {"add_argument", "option", "add_arg"}:
        dest = given.get("dest")
        names = {each.lstrip("-").replace("-", "_") for each in first if each.startswith("-")}
        names |= {str(dest.value)} if isinstance(dest, ast.Constant) else set()
        if name in names and "action" not in given:
            yield given.get("default", ast.Constant(None))
    elif called in DEFINES and first[:1] == [name]:
        yield node.args[1] if len(node.args) > 1 else given.get("default", ast.Constant(None))
    elif re.search(r"Config|Args|Arguments|Namespace|Settings|Params|^dict$", called) and name in given:
        if not (isinstance(given[name], ast.Attribute | ast.Name) and called_name(given[name]) == name):
            yield given[name]


def _of_class(node: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and called_name(each.target) == name and each.value is not None:
            made = each.value
            words = {word.arg: word.value for word in made.keywords} if isinstance(made, ast.Call) else {}
            yield words.get("default", made)
        elif isinstance(each, ast.Assign) and any(called_name(one) == name for one in each.targets):
            yield each.value
