"""Option defaults: the number that an option of the command line, or a field of a configuration, has in the code.

What holds the option is followed to what made it. Where that is known, it alone says what the number is: a file that is
read may say anything. Where it is not, an option counts that is declared in a file which runs together with this one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lintloss.facts import bindings, classes, option_texts
from lintloss.facts.caps import Function, is_cap
from lintloss.facts.measuring import is_unit_test
from lintloss.facts.provenance import Made, Spot, Tracer, World
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class
from lintloss.parse import Module
from lintloss.patterns import regex

DEFINES = {"DEFINE_integer", "DEFINE_int"}
DECLARES = {"add_argument", "option", "add_arg"}
PARSES = regex(r"^parse_|_parse_args$|^ArgumentParser$")
OPTIONS = regex(r"conf|cfg|arg|option|opts|setting|param|flag|namespace|^hps?$|named_?tuple|base_?model", 2)


@dataclass(frozen=True, slots=True)
class Known:
    """A number, and what it is called where it is written."""

    text: str
    value: int


def of_entry(tracer: Tracer, holder: Spot, name: str) -> Known | None:
    """Return the default of what an expression holds under a name, where nobody sets another."""
    held = tracer.worlds(holder, (name,)) or [(None,)]  # of a dict
    if all(each is not None for world in held for each in world):
        return _agreed(tracer, holder.module, name, [each.spot.node for world in held for each in world if each])
    made = _all(tracer.worlds(holder))
    if made and all(_is_known(each) for each in made):
        found = [value for each in made if each is not None for value in _of_made(tracer, each, name)]
        return _agreed(tracer, holder.module, name, found)
    parsed = all(each is None or _is_parsed(each) for each in made)
    return _agreed(tracer, holder.module, name, _declared(tracer, holder.module, name)) if parsed else None


def of_decorated(tracer: Tracer, inside: Spot, function: Function, name: str) -> Known | None:
    """Return the default of the option that a decorator fills a parameter from: `@click.option("--steps", default=50)`."""
    found = [value for each in function.decorator_list for node in walk(each) for value in _of_call(node, name)]
    return _agreed(tracer, inside.module, name, found)


def _agreed(tracer: Tracer, module: Module, name: str, found: list[ast.expr]) -> Known | None:
    """Return the one number that is declared for an option, unless something in the project sets another."""
    project = tracer.machine.project
    if not found or option_texts.are_given(project, module, name):
        return None
    found = [*found, *(value for each in _around(tracer, module, name) for value in _set(each, name))]
    numbers = {each.value if isinstance(each, ast.Constant) else None for each in found}
    number = numbers.pop()
    return Known(name, number) if not numbers and is_cap(number) else None


def _around(tracer: Tracer, module: Module, name: str) -> list[Module]:
    """Return the files that speak of an option."""
    project, dashed = tracer.machine.project, name.replace("_", "-")
    around = [module, *project.using(module.path, name, [name])]
    around += project.using(module.path, dashed, [dashed]) if dashed != name else []
    return [each for each in {each.path: each for each in around}.values() if not is_unit_test(each)]


# -- what holds it ----------------------------------------------------------------------------------------------------


def _all(worlds: list[World]) -> list[Made | None]:
    return [each for world in worlds for each in world]


def _is_parsed(made: Made) -> bool:
    call = made.spot.node
    return made.target is None and isinstance(call, ast.Call) and PARSES.search(called_name(call.func)) is not None


def _is_known(made: Made | None) -> bool:
    return made is not None and not _is_parsed(made)


def _of_made(tracer: Tracer, made: Made, name: str) -> Iterator[ast.expr]:
    """Yield what `SimpleNamespace(steps=50)` and `Settings()` of the project's class hold; a library's call may hold all."""
    call = made.spot.node
    given = {each.arg: each.value for each in call.keywords} if isinstance(call, ast.Call) else {}
    if None in given:
        yield ast.Name("anything")
    elif name in given:
        yield given[name]
    elif isinstance(made.target, Class):
        for base in classes.bases(tracer.machine, made.target):
            found = list(_of_class(base.node, name)) if isinstance(base, Class) else []
            if found:
                yield from found
                return


# -- what declares it -------------------------------------------------------------------------------------------------


def _declared(tracer: Tracer, module: Module, name: str) -> list[ast.expr]:
    """Return the defaults that files which run together with a module declare."""
    project, found = tracer.machine.project, []
    for each in _around(tracer, module, name):
        values = [value for node in walk(each.tree) for value in _of_node(node, name)]
        if values and project.run_together(each.path, module.path):
            found += values
    return found


def _of_node(node: ast.AST, name: str) -> Iterator[ast.expr]:
    if isinstance(node, ast.ClassDef) and any(OPTIONS.search(each) for each in _names(node)):
        yield from _of_class(node, name)
    else:
        yield from _of_call(node, name)


def _names(node: ast.ClassDef) -> list[str]:
    """Return the names of a class, its bases and decorators; any data class may hold options."""
    marks = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    names = [called_name(each) for each in (*node.bases, *marks)]
    return [node.name, *("config" if each == "dataclass" else each for each in names)]


def _of_call(node: ast.AST, name: str) -> Iterator[ast.expr]:
    """Yield the default of `add_argument("--steps", default=50)` and of `DEFINE_integer("steps", 50, …)`."""
    if not isinstance(node, ast.Call):
        return
    called = called_name(node.func)
    first = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    given = {each.arg: each.value for each in node.keywords}
    if called in DECLARES:
        dest = given.get("dest")
        names = {each.lstrip("-").replace("-", "_") for each in first if each.startswith("-")}
        names = {str(dest.value)} if isinstance(dest, ast.Constant) else names
        if name in names and "action" not in given:
            yield given.get("default", ast.Constant(None))
    elif called in DEFINES and first[:1] == [name]:
        yield node.args[1] if len(node.args) > 1 else given.get("default", ast.Constant(None))


def _of_class(node: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and called_name(each.target) == name and each.value is not None:
            made = each.value
            words = {word.arg: word.value for word in made.keywords} if isinstance(made, ast.Call) else {}
            yield words.get("default", made)
        elif isinstance(each, ast.Assign) and any(called_name(one) == name for one in each.targets):
            yield each.value
    fields = bindings.fields(node).get(name, ())
    yield from (each.value for _, each in fields if each.value is not None and not each.picks)


# -- what sets it -----------------------------------------------------------------------------------------------------


def _set(module: Module, name: str) -> Iterator[ast.expr]:
    """Yield what is set, or handed over, under the name of an option in one file; what only hands it on says nothing."""
    for node in walk(module.tree):
        values: list[ast.expr | None] = []
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            values = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            values = [node.value for each in targets if _is_entry(each, name)]
        elif isinstance(node, ast.Call) and (
            OPTIONS.search(called_name(node.func)) or called_name(node.func) == "dict"
        ):
            values = [each.value for each in node.keywords if each.arg == name]
        yield from (each for each in values if each is not None and not _hands_on(each, name))


def _hands_on(value: ast.expr, name: str) -> bool:
    return isinstance(value, ast.Attribute | ast.Name) and called_name(value) == name


def _is_entry(target: ast.expr, name: str) -> bool:
    """Say whether `config.steps = …` or `config["steps"] = …` is assigned to."""
    if isinstance(target, ast.Attribute):
        return target.attr == name and not (isinstance(target.value, ast.Name) and target.value.id == "self")
    return isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) and target.slice.value == name
