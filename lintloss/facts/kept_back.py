"""What a call makes keeps rows back: a loader that drops its last batch, a generator, iterator or list of full ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from lintloss.facts import bindings, classes, flags, keywords, leftovers, moduli, usual, whole
from lintloss.facts.library.loaders import LOADERS
from lintloss.facts.provenance import Made, Spot, Tracer, bind, constant, constant_of, part
from lintloss.facts.split_names import is_training
from lintloss.facts.survey import called_name
from lintloss.facts.values import Class, Func, Lib
from lintloss.parse import Module
from lintloss.patterns import regex

RANDOM = regex(r"rand|choice|sample\(")
GOES_ON = regex(r"while (True|1)\b|cycle|infinit|endless|forever|repeat|stream|rand|sampl", re.IGNORECASE)
Kept = tuple[str, ast.AST, Module]


def of_made(tracer: Tracer, made: Made) -> Kept | None:
    """Return how what a call makes keeps rows back, and where."""
    target, node, module = made.target, made.spot.node, made.spot.module
    if isinstance(target, Class):
        return _of_class(tracer, made, target)
    if target is not None:
        return _of_generator(tracer, made, target)
    if isinstance(node, ast.Call):
        trimmed = whole.trimmed(node, _counts(made.spot))
        if trimmed is not None:
            return "leftovers", trimmed, module
        return _of_chain(tracer, made.spot, node) or _of_loader(tracer, made.spot, node)
    place = _of_list(made.spot, node)
    return ("leftovers", place, module) if place is not None else None


def _of_generator(tracer: Tracer, made: Made, target: Func) -> Kept | None:
    """Return where a generator, as it is called, gives full batches only."""
    function, owner = target.node, target.owner.node if target.owner is not None else None
    passed_on: Kept | None = None
    if isinstance(function, ast.FunctionDef):
        around = (owner, function) if owner is not None else (function,)
        inside = Spot(made.spot.node, target.module, around, bind(function, made.spot))
        asked = [each for each in flags.asked(function) if isinstance(each, ast.Name)]
        passed_on = _passed_on(tracer, inside, function)
        function = _settled(function, {each.id: constant(tracer, inside.at(each)) for each in asked})
    place = leftovers.keeps(function, owner)
    if place is not None:
        return "leftovers", place, target.module
    asked_for = moduli.of_function(target.node, owner)
    return passed_on if asked_for is None else ("modulus", asked_for, target.module)


def _passed_on(tracer: Tracer, inside: Spot, function: ast.FunctionDef) -> Kept | None:
    """Return what the loader drops of which a generator gives on each batch."""
    source = leftovers.passed_on(function)
    worlds = tracer.worlds(inside.at(source)) if source is not None else []
    loaders = worlds[0] if len(worlds) == 1 else ()
    found = [of_made(tracer, each) if each and not isinstance(each.target, Func) else None for each in loaders]
    return found[0] if found and all(found) else None


def _settled(function: ast.FunctionDef, found: dict[str, object]) -> ast.FunctionDef:
    known = tuple((name, value) for name, value in found.items() if isinstance(value, bool))
    return flags.settled(function, known) if known else function


def _counts(spot: Spot) -> whole.Counts:
    return whole.Counts(spot.around[-1] if spot.around else spot.module.tree, spot.owner)


def _of_list(spot: Spot, node: ast.expr) -> ast.AST | None:
    """Return where a list of batches gets full ones only, made at once or by and by."""
    scope: ast.AST = spot.around[-1] if spot.around else spot.module.tree
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return whole.of_comprehension(node, whole.Counts(scope, spot.owner))
    if not isinstance(node, ast.List) or node.elts:
        return None
    bound = bindings.of(scope).items()
    name = next((name for name, values in bound if any(_value_of(each) is node for each in values)), "")
    return leftovers.keeps_list(scope, name, spot.owner) if name else None


def _value_of(binding: bindings.Binding) -> ast.expr | None:
    """Return what a name is bound to, of `xs, ys = [], []` its own part."""
    return part(binding.value, binding.picks) or binding.value if binding.value is not None else None


def _of_chain(tracer: Tracer, spot: Spot, call: ast.Call) -> Kept | None:
    """`rows.batch(64, drop_remainder=True)` of TensorFlow and the like."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in {"batch", "padded_batch", "iter"}:
        return None
    size = ast.unparse(call.args[0]) if call.args else ""
    if whole.LENGTH.search(size) is not None and whole.BATCH.search(size) is None:
        return None  # windows are cut of a text: less than one is lost
    for each in call.keywords:
        if each.arg in {"drop_remainder", "drop_last_batch", "drop_last"}:
            if constant(tracer, spot.at(each.value)) is True and not _repeats(tracer, spot, call):
                return "drop_remainder", each.value, spot.module
    return None


def _repeats(tracer: Tracer, spot: Spot, call: ast.Call) -> bool:
    """Say whether a data set of TensorFlow starts over before it is cut into batches: `rows.repeat().batch(64, …)`."""
    scope: ast.AST = call
    if spot.around and isinstance(spot.around[-1], ast.FunctionDef):
        function = spot.around[-1]
        asked = [each for each in flags.asked(function) if isinstance(each, ast.Name)]
        scope = _settled(function, {each.id: constant(tracer, spot.at(each)) for each in asked})
    repeated = (each for each in ast.walk(scope) if isinstance(each, ast.Call) and called_name(each.func) == "repeat")
    return any(not each.args or constant(tracer, spot.at(each.args[0])) != 1 for each in repeated)


def is_loader(name: str) -> bool:
    return name.endswith("Loader") or name in LOADERS


def _of_class(tracer: Tracer, made: Made, cls: Class) -> Kept | None:
    bases = classes.bases(tracer.machine, cls)
    for base in bases:
        for each in base.node.body if isinstance(base, Class) else ():
            if isinstance(each, ast.FunctionDef) and each.name in {"__iter__", "__next__"} and isinstance(base, Class):
                giving = leftovers.handed_on(each, base.node) or each
                place = leftovers.keeps(_as_made(tracer, made, cls, giving), base.node)
                if place is not None:
                    return "leftovers", place, base.module
                asked = moduli.of_class(base.node)
                if asked is not None:
                    return "modulus", asked, base.module
                if "super()" not in ast.unparse(each) and not _returns_self(each):
                    return None
    counted_up = _of_length(bases)
    if counted_up is not None:
        return counted_up
    if any(isinstance(base, Lib) and is_loader(base.name.rsplit(".", 1)[-1]) for base in bases):
        call = made.spot.node
        return _of_loader(tracer, made.spot, call) if isinstance(call, ast.Call) else None
    return None


def _of_length(bases: Iterable[Class | Lib]) -> Kept | None:
    """Return `len(self.rows) // self.batch_size`, where it is the length of what gives batches by their number."""
    for base in bases:
        methods = (
            {each.name: each for each in base.node.body if isinstance(each, ast.FunctionDef)}
            if isinstance(base, Class)
            else {}
        )
        length = methods.get("__len__")
        if length is None or not isinstance(base, Class):
            continue
        returned = bindings.returns(length)
        only = returned[0] if len(returned) == 1 and "__getitem__" in methods else None
        size = whole.floored(only, whole.Counts(length, base.node)) if only is not None else None
        return ("leftovers", only, base.module) if only is not None and size is not None else None
    return None


def _as_made(tracer: Tracer, made: Made, cls: Class, method: ast.FunctionDef) -> ast.FunctionDef:
    """Return a method of an instance as its attributes have it: `if self.drop_last: …`."""
    asked = [each.attr for each in flags.asked(method) if isinstance(each, ast.Attribute)]
    values = {f"self.{name}": constant_of(tracer.field(cls, name, made.spot)) for name in asked}
    return _settled(method, values)


def _returns_self(function: ast.FunctionDef) -> bool:
    """Say whether an `__iter__` leaves the iteration to `__next__`."""
    return isinstance(function.body[-1], ast.Return) and ast.unparse(function.body[-1]) == "return self"


def _of_loader(tracer: Tracer, spot: Spot, call: ast.Call) -> Kept | None:
    """Return where a loader is told to drop its last batch, or given whole batches of rows, unless that loses nothing."""
    if not is_loader(keywords.name_of(spot, call)) and not isinstance(tracer.target(spot, call.func), Class):
        return None
    given = keywords.of(spot, call)
    size = given.get("batch_size") or (call.args[1] if len(call.args) > 1 else None)
    rows = given.get("dataset") or (call.args[0] if call.args else None)
    dropped = given.get("drop_last")
    if dropped is None or not (constant(tracer, spot.at(dropped)) is True or _usually(spot, dropped)):
        kept = _of_sampler(tracer, spot, given.get("batch_sampler")) or _of_rows(spot, size)
        return kept or (_of_dataset(tracer, spot.at(rows)) if rows is not None else None)
    if size is None or constant(tracer, spot.at(size)) == 1:
        return None
    if rows is not None and is_random(tracer, spot.at(rows)):
        return None
    return "drop_last", dropped, spot.module


def _usually(spot: Spot, dropped: ast.expr) -> bool:
    """Say whether a function lets its loaders drop but for a kind of data."""
    named = isinstance(dropped, ast.Name) and bool(spot.around)
    return named and isinstance(dropped, ast.Name) and usual.constant(spot.around[-1], dropped.id) is True


def _of_rows(spot: Spot, size: ast.expr | None) -> Kept | None:
    """Return where a function cuts its rows to whole batches before it makes the loader."""
    scope = spot.around[-1] if spot.around else None
    if size is None or not isinstance(scope, ast.FunctionDef):
        return None
    place = whole.cut(scope, whole.Counts(scope, spot.owner))
    if not isinstance(place, ast.Subscript) or is_training(ast.unparse(place.value)):
        return None
    return "leftovers", place, spot.module


def _of_dataset(tracer: Tracer, rows: Spot) -> Kept | None:
    """Return where the class of a data set cuts what it is made of to whole batches: `self.rows[: count * batch_size]`."""
    for base, method in _methods(tracer, rows, "__init__"):
        place = whole.cut(method, whole.Counts(method, base.node))
        if place is not None:
            return "leftovers", place, base.module
    return None


def _bases(tracer: Tracer, spot: Spot) -> Iterator[Class | Lib]:
    """Yield the classes that an expression may be an instance of, with their bases."""
    for world in tracer.worlds(spot):
        for each in world:
            if each is not None and isinstance(each.target, Class):
                yield from classes.bases(tracer.machine, each.target)


def _methods(tracer: Tracer, spot: Spot, name: str) -> Iterator[tuple[Class, ast.FunctionDef]]:
    """Yield the methods of a name that those classes have."""
    for base in _bases(tracer, spot):
        for each in base.node.body if isinstance(base, Class) else ():
            if isinstance(base, Class) and isinstance(each, ast.FunctionDef) and each.name == name:
                yield base, each


def _of_sampler(tracer: Tracer, spot: Spot, sampler: ast.expr | None) -> Kept | None:
    """`batch_sampler=BatchSampler(SequentialSampler(rows), 8, drop_last=True)`."""
    if sampler is None:
        return None
    for world in tracer.worlds(spot.at(sampler)):
        for each in world:
            call = each.spot.node if each is not None else None
            if each is None or not isinstance(call, ast.Call) or not _is_sampler(tracer, each, call):
                return None
            kept = _of_class(tracer, each, each.target) if isinstance(each.target, Class) else None
            return kept or _dropping(tracer, each.spot, call)
    return None


def _is_sampler(tracer: Tracer, made: Made, call: ast.Call) -> bool:
    bases = classes.bases(tracer.machine, made.target) if isinstance(made.target, Class) else []
    derived = any(isinstance(base, Lib) and base.name.endswith("Sampler") for base in bases)
    return derived or called_name(call.func).endswith("Sampler")


def _dropping(tracer: Tracer, spot: Spot, call: ast.Call) -> Kept | None:
    """Return where a batch sampler, or one derived from it, is told to drop its last batch."""
    given = {one.arg: one.value for one in call.keywords}
    dropped = given.get("drop_last") or (call.args[2] if len(call.args) > 2 else None)
    if dropped is None or constant(tracer, spot.at(dropped)) is not True:
        return None
    return "drop_last", dropped, spot.module


def is_random(tracer: Tracer, rows: Spot) -> bool:
    """Say whether a data set draws at random, or has no end that is known."""
    bases = list(_bases(tracer, rows))
    if any(isinstance(base, Lib) and "Iterable" in base.name for base in bases):
        own = [ast.unparse(base.node) for base in bases if isinstance(base, Class)]
        return not own or any(GOES_ON.search(text) for text in own)
    return any(RANDOM.search(ast.unparse(method)) for _, method in _methods(tracer, rows, "__getitem__"))
