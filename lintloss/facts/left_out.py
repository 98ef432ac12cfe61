"""What the makers of an evaluation's batches leave out: loaders that drop, iterators and generators of full batches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lintloss.facts import (
    bindings,
    consumers,
    counted,
    first_batches,
    kept_back,
    keywords,
    regions,
    remainders,
    rewound,
    scored,
    streams,
    unconsumed,
    whole,
)
from lintloss.facts.callers import text_of
from lintloss.facts.cuts import ENDLESS
from lintloss.facts.kept_back import Kept
from lintloss.facts.library.evaluators import handed_over
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.provenance import Made, Spot, Tracer, World, constant, spot_at
from lintloss.facts.split_names import is_evaluation, is_training
from lintloss.facts.survey import at_row, called_name, walk
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

LOADER_NAME = regex(r"load|dl$|iter|batches|gen", re.IGNORECASE)
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
    if (
        made is None
        or not isinstance(made.spot.node, ast.Call)
        or not kept_back.is_loader(called_name(made.spot.node.func))
    ):
        return False
    call = made.spot.node
    rows = keywords.of(made.spot, call).get("dataset") or (call.args[0] if call.args else None)
    return rows is not None and not tracer.worlds(made.spot.at(rows))


def _kept_in(tracer: Tracer, world: World) -> Kept | None:
    """Return how all that an expression may be keeps rows back, as one of the callers has it."""
    found = [kept_back.of_made(tracer, each) if each is not None else None for each in world]
    return found[0] if found and all(each is not None for each in found) else None


def _maker(module: Module, source: ast.expr, made: Spot) -> ast.AST:
    """Return the call that made something, of a list the function of elsewhere that fills it: whoever calls it gets another."""
    lists = isinstance(made.node, ast.List | ast.ListComp | ast.GeneratorExp)
    elsewhere = lists and made.around and made.around[-1] not in spot_at(module, source).around
    return made.around[-1] if elsewhere else made.node


def evidence(machine: Machine, found: LeftOut) -> Evidence:
    return Evidence(found.module.path, machine.anchor(found.module).span(found.node), WAYS[found.how])
