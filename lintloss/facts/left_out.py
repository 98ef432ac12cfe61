"""What the makers of an evaluation's batches leave out: loaders that drop, iterators and generators of full batches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lintloss.facts import (
    bindings,
    classes,
    consumers,
    counted,
    first_batches,
    flags,
    keywords,
    leftovers,
    moduli,
    regions,
    remainders,
    rewound,
    scored,
    streams,
    unconsumed,
    usual,
    whole,
)
from lintloss.facts.callers import text_of
from lintloss.facts.cuts import ENDLESS
from lintloss.facts.library.evaluators import handed_over
from lintloss.facts.library.loaders import LOADERS
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.provenance import Made, Spot, Tracer, World, bind, constant, constant_of, part, spot_at
from lintloss.facts.split_names import is_evaluation, is_training
from lintloss.facts.survey import at_row, called_name, walk
from lintloss.facts.values import Class, Func, Lib
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

LOADER_NAME = regex(r"load|dl$|iter|batches|gen", re.IGNORECASE)
RANDOM = regex(r"rand|choice|sample\(")
GOES_ON = regex(r"while (True|1)\b|cycle|infinit|endless|forever|repeat|stream|rand|sampl", re.IGNORECASE)
ITERATIONS = regex(r"\b(eval|test|val|valid)_?(iter|step)\w*\s*\*|\*\s*[\w.]*\b(eval|test|val|valid)_?(iter|step)")
PREDICTS = regex(r"(^|_)predict(ion)?s?_.*(load|dl\b|data)|(load|data).*_predict")  # makes a loader for no number
SCORES = regex(r"loss|criterion|entropy|nll|\bppl|perplex|accura")
DROPPED = "the last batch is dropped here"
WAYS = {
    "drop_last": DROPPED,
    "drop_remainder": DROPPED,
    "leftovers": "only full batches are given here",
    "whole": "whole batches are counted here: the division rounds down",
    "modulus": "asked of the number of batches, which is not what the rows were divided by",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a loop never sees.

    how: "drop_last", "drop_remainder", "leftovers", "modulus" or "whole". node: in which module, and where, it is left
    out.
    """

    shown: ast.expr  # what the loop runs over, or what is stored under an evaluation's name
    how: str
    node: ast.AST
    module: Module
    made: ast.AST  # the call that made what is iterated
    sure: bool = True  # not only by a default that unknown options may replace
    always: bool = True  # whoever calls


def observe(machine: Machine, module: Module, loops: Iterable[scored.Looped]) -> Iterator[LeftOut]:
    """Find what the loops of evaluations never see, by whoever made what they run over."""
    seen: dict[ast.AST, set[str]] = {}
    for function, loop in loops:
        if loop.statement is not None and remainders.is_taken(function or module.tree, loop.statement):
            continue
        if first_batches.ends(machine, module, loop.statement):  # whoever makes the batches: it takes the first one
            continue
        number = counted.of_loop(machine, module, loop.statement) if isinstance(loop.statement, ast.For) else None
        if number is not None and isinstance(loop.statement, ast.For):
            yield LeftOut(
                whole.unwrapped(loop.statement.iter), "whole", number.spot.node, number.spot.module, loop.statement
            )
            continue
        anew = rewound.of_loop(machine, module, loop.statement) if loop.statement is not None else None
        if anew is not None:
            found = LeftOut(anew.call, "leftovers", anew.place, anew.module, anew.call)
            note_full(machine, loop, evidence(machine, found))
            yield found
            continue
        source = _indexed(regions.drawn(loop.statement)) if loop.statement is not None else None
        if source is not None and not _goes_on(machine, module, source):
            for found in _of_source(machine, module, source, seen, ast.unparse(whole.unwrapped(source))):
                if found.always:
                    note_full(machine, loop, evidence(machine, found))
                capped = loop.statement is not None and _is_capped(loop.statement)
                yield replace(found, sure=found.sure and found.always and not capped)
    for handed in handed_over(module):
        text = ast.unparse(handed)
        if not _goes_on(machine, module, handed) and not is_training(text):
            yield from _of_source(machine, module, handed, seen)
    for name, value in _named(module):
        if ENDLESS.search(name) or not isinstance(value, ast.Call) or not is_evaluation(name):
            continue
        if streams.STREAM.search(name) and streams.goes_on(machine, module, ast.copy_location(ast.Name(name), value)):
            continue
        if is_as_long_as_asked(module, value) or is_for_samples(module, name) or _is_for_predictions(module, value):
            continue
        if unconsumed.is_one(machine.project, module, value.lineno, name) or first_batches.are_all(
            machine, module, name
        ):
            continue
        for found in _of_source(machine, module, value, seen):
            if found.how in {"leftovers", "drop_remainder"} or is_for_evaluation(name):
                yield replace(found, sure=found.sure and not _are_capped(module, name))


def _goes_on(machine: Machine, module: Module, source: ast.expr) -> bool:
    """Say whether what a loop runs over is said to have no end, and no code of the project that ends is behind it."""
    return ENDLESS.search(text_of(source)) is not None or streams.goes_on(machine, module, source)


def is_as_long_as_asked(module: Module, made: ast.expr) -> bool:
    """Say whether data are cut to `eval_iters * batch_size` rows where a loader is made: so many batches are asked for."""
    functions: list[ast.AST] = [*_functions(module, made.lineno)]
    owner = next((each for each in at_row(module.tree, made.lineno) if isinstance(each, ast.ClassDef)), None)
    given = made.args if isinstance(made, ast.Call) and owner is not None else ()
    for rows in given:  # `self.valid_rows`, which another method has cut
        held = isinstance(rows, ast.Attribute) and isinstance(rows.value, ast.Name) and rows.value.id == "self"
        if owner is not None and isinstance(rows, ast.Attribute) and held:
            functions += [method for method, _ in bindings.fields(owner).get(rows.attr, ())]
    return any(ITERATIONS.search(text_of(each)) for each in functions)


def _is_for_predictions(module: Module, made: ast.expr) -> bool:
    """Say whether a loader is made in a function that makes those for predictions, of which no number is made."""
    return any(PREDICTS.search(each.name) for each in _functions(module, made.lineno))


def is_for_samples(module: Module, name: str) -> bool:
    """Say whether a file goes through a loader only to generate: samples are looked at, and nothing is scored."""
    over = re.compile(rf"\b{re.escape(name.removeprefix('get_'))}\b")
    loops = [
        text_of(each) for each in walk(module.tree) if isinstance(each, ast.For) and over.search(text_of(each.iter))
    ]
    return bool(loops) and all("generat" in each and not SCORES.search(each) for each in loops)


def note_full(machine: Machine, loop: Loop, place: Evidence) -> None:
    """Remember that the last batch which a loop is given is as full as the others, whoever called for it."""
    for each in machine.loop_of.values():
        if each.statement is loop.statement:
            each.full.append(place)


def _indexed(header: ast.expr | None) -> ast.expr | None:
    """Return what `for i in range(len(batches))` indexes, and the first of what zip() goes through; else the header."""
    inner = whole.unwrapped(header) if header is not None else None
    if isinstance(inner, ast.Call) and called_name(inner.func) == "zip" and inner.args:
        return inner.args[0] if isinstance(inner.args[0], ast.Name | ast.Attribute) else header
    if isinstance(inner, ast.Call) and called_name(inner.func) in whole.RANGES and len(inner.args) == 1:
        length = inner.args[0]
        if isinstance(length, ast.Call) and called_name(length.func) == "len" and len(length.args) == 1:
            return length.args[0]
    return header


def is_own(module: Module, found: LeftOut) -> bool:
    """Say whether what leaves something out is to be changed for this evaluation alone: it is shown then, else the loop.

    A function that gives full batches may serve others too, and to them that may be what is wanted.
    """
    by_default = found.how == "drop_remainder" and not isinstance(found.node, ast.Constant)  # other calls may drop, too
    if found.module.path != module.path or not (by_default or found.how in {"leftovers", "whole"}):
        return found.module.path == module.path
    around = _functions(module, getattr(found.node, "lineno", 0))
    owners = [each for each in at_row(module.tree, getattr(found.node, "lineno", 0)) if isinstance(each, ast.ClassDef)]
    names = [*(each.name for each in around[:1]), *(each.name for each in owners)]
    shared = any(len(bindings.calls(module).get(name, ())) > 1 for name in names)
    maker = found.node if found.how == "whole" else found.made
    here = _functions(module, found.shown.lineno) == _functions(module, getattr(maker, "lineno", 0))
    return here and not shared


def _are_capped(module: Module, name: str) -> bool:
    """Say whether all loops of a file over what a name stands for end at a number of batches that somebody chose."""
    over = re.compile(rf"\b{re.escape(name)}\b")
    loops = [each for each in walk(module.tree) if isinstance(each, ast.For) and over.search(text_of(each.iter))]
    return bool(loops) and all(map(_is_capped, loops))


def _is_capped(loop: ast.AST) -> bool:
    """Say whether a loop takes so many batches at most: a break, or `zip(range(config.eval_steps), batches)`."""
    if consumers.has_cap(loop):
        return True
    header = whole.unwrapped(loop.iter) if isinstance(loop, ast.For) else None
    if not isinstance(header, ast.Call) or called_name(header.func) != "zip" or not header.args:
        return False
    counter = header.args[0]
    return isinstance(counter, ast.Call) and called_name(counter.func) in whole.RANGES


def _functions(module: Module, row: int) -> list[ast.FunctionDef]:
    return [each for each in at_row(module.tree, row) if isinstance(each, ast.FunctionDef)]


def is_for_evaluation(name: str) -> bool:
    """Say whether a name is that of an evaluation's loader."""
    return is_evaluation(name) and LOADER_NAME.search(name) is not None


def _named(module: Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is stored under a name, and what a function of that name returns: `val_dataloader()` of a data module."""
    for node in walk(module.tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            yield getattr(target, "attr", getattr(target, "id", "")), node.value
        elif isinstance(node, ast.FunctionDef):
            returned = bindings.returns(node)
            if len(returned) == 1 and returned[0] is not None:
                yield node.name, returned[0]


def _of_source(
    machine: Machine, module: Module, source: ast.expr, seen: dict[ast.AST, set[str]], looped: str = ""
) -> Iterator[LeftOut]:
    """Find what is left out of a source, once for each maker.

    looped: what a loop runs over, in the code's words; a function that returns lists may fill one for each loop.
    """
    tracer = Tracer(machine)
    worlds = tracer.worlds(spot_at(module, source))
    ways = [(world, _kept_in(tracer, world)) for world in worlds if not all(_trains(tracer, each) for each in world)]
    whole_ones = [world for world, kept in ways if kept is None]
    for world, first in ways:
        if whole_ones and _shuffles(tracer, world) and not any(_shuffles(tracer, each) for each in whole_ones):
            continue  # one function trains and evaluates: of its loaders, this is the one to train on
        if first is not None and world[0] is not None:
            how, node, where = first
            maker = _maker(module, source, world[0].spot)
            told = seen.setdefault(maker, set())
            is_new = looped not in told if looped and maker is not world[0].spot.node else not told
            told.add(looped)
            if is_new:
                at_times = how == "modulus"  # for some lengths the rest is given
                always = not at_times and not whole_ones
                sure = not (tracer.presumed or at_times)
                yield LeftOut(source, how, node, where, world[0].spot.node, sure=sure, always=always)
            break


def _shuffles(tracer: Tracer, world: World) -> bool:
    """Say whether a loader is told to shuffle, as one to train on is."""
    for made in world:
        call = made.spot.node if made is not None else None
        told = keywords.of(made.spot, call).get("shuffle") if made and isinstance(call, ast.Call) else None
        if made is not None and told is not None and constant(tracer, made.spot.at(told)) is True:
            return True
    return False


def _trains(tracer: Tracer, made: Made | None) -> bool:
    """Say whether a loader is made of what goes by the name of training data."""
    if made is None or not isinstance(made.spot.node, ast.Call) or not is_loader(called_name(made.spot.node.func)):
        return False
    call = made.spot.node
    rows = keywords.of(made.spot, call).get("dataset") or (call.args[0] if call.args else None)
    return rows is not None and not tracer.worlds(made.spot.at(rows))


def _kept_in(tracer: Tracer, world: World) -> Kept | None:
    """Return how all that an expression may be keeps rows back, as one of the callers has it."""
    found = [_kept(tracer, each) if each is not None else None for each in world]
    return found[0] if found and all(each is not None for each in found) else None


def _maker(module: Module, source: ast.expr, made: Spot) -> ast.AST:
    """Return the call that made something, of a list the function of elsewhere that fills it: whoever calls it gets another."""
    lists = isinstance(made.node, ast.List | ast.ListComp | ast.GeneratorExp)
    elsewhere = lists and made.around and made.around[-1] not in spot_at(module, source).around
    return made.around[-1] if elsewhere else made.node


def evidence(machine: Machine, found: LeftOut) -> Evidence:
    return Evidence(found.module.path, machine.anchor(found.module).span(found.node), WAYS[found.how])


Kept = tuple[str, ast.AST, Module]


def _kept(tracer: Tracer, made: Made) -> Kept | None:
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
    found = [_kept(tracer, each) if each and not isinstance(each.target, Func) else None for each in loaders]
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
