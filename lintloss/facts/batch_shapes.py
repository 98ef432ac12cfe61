"""What the batches of a running loop are said to be: drawn, capped, carried on, padded, or marked to be ignored.

Noted on the loop while it runs; `equality` makes proofs of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from lintloss.facts import (
    aliases,
    collating,
    crops,
    drawers,
    ignored,
    iterators,
    label_ids,
    optional,
    optional_caps,
    padding,
    strides,
)
from lintloss.facts.expressions import evaluate
from lintloss.facts.loops import Differing, Loop
from lintloss.facts.machine import Machine
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import (
    Const,
    Func,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Value,
    options,
)
from lintloss.findings import Evidence
from lintloss.patterns import regex

SAMPLER = regex(r"^(get|next|sample|random|make|draw|fetch)_?(\w+_)?(batch|block|chunk)(es)?(_\w+)?$")
# `if i >= n: break` ends a loop before its shorter last batch; `if end == length: break` is that batch.
CAP = regex(r">=?|<=?")
MASKS = regex(r"mask", re.IGNORECASE)
STATE = r"(init_?(hidden|states?)|begin_state|zero_state|initial_states?|get_initial_state)"


def note_sampler(machine: Machine, loop: Loop, body: Sequence[ast.AST], target: ast.AST | None = None) -> None:
    """Remember that a loop over a number of steps draws its batches from a sampler of fixed (B, T) blocks."""
    if loop.unit not in {"step", "batch"} or loop.equal or not _counts(loop):
        return
    names = {each.id for each in ast.walk(target) if isinstance(each, ast.Name)} if target is not None else set()
    for statement in body:
        for node in walk(statement):
            if not isinstance(node, ast.Call):
                continue
            stacked = iterators.of_windows(machine, node)
            if stacked is not None:
                loop.equal.append(stacked)
                return
            own = drawers.own_function(machine, node)
            method = drawers.own_method(machine, node) if own is None else None
            marked = _marks_labels(machine, node)
            if marked is not None and _is_sampler(machine, node, names):
                loop.differs(marked)
                return
            drawer = own or method
            if drawer is not None and padding.pads(drawer.module, drawer.node):
                if _is_sampler(machine, node, names):
                    _note_padded(machine, loop, drawer)
            elif drawer is not None and drawers.draws_rows(drawer.node) and drawers.trims(drawer.module, drawer.node):
                said = "the sampler cuts each batch to its longest row"
                loop.unequal.append(padding.at(machine, drawer.module, drawer.node, said))
                return
            elif method is not None and drawers.draws_windows(method.node):
                said = "the sampler cuts windows of one length, which begin where numbers were drawn"
                loop.equal.append(padding.at(machine, method.module, method.node, said))
                return
            elif _is_sampler(machine, node, names) or (own is not None and padding.draws(own.module, own.node)):
                loop.equal.append(machine.evidence(node, "the batch is drawn from a sampler: all have the same shape"))
                if own is None or not padding.draws_places(own.module, own.node):
                    loop.guessed.append(loop.equal[-1])
                return


def _note_padded(machine: Machine, loop: Loop, drawer: Func) -> None:
    """Remember that a sampler pads: to one length, the batches are equal as long as their padding counts as well."""
    code = padding.code_of(drawer.module, drawer.node)
    if collating.fills_up_to_one_length(code):
        place = padding.at(machine, drawer.module, drawer.node, "the sampler pads all rows to one length")
        loop.filled.append(place)
        loop.equal.append(place)
        return
    loop.unequal.append(padding.at(machine, drawer.module, drawer.node, "the sampler pads rows of different length"))


def note_drawn(machine: Machine, node: ast.AST, target: Value) -> None:
    """Remember that what is scored are windows of one length that begin where numbers were drawn."""
    window = target.window if isinstance(target, Tensor) else None
    if not machine.loops or window is None or not isinstance(target, Tensor):
        return
    begins = {atom[:-1] for atom in window.lower.atoms if atom[-1:] == ("[]",)}
    if not begins & machine.vectors.keys() or target.pad is not None or target.ignored or "filtered" in window.marks:
        return
    if any(atom == ("end",) or atom[-1:] == ("[]",) or atom[:1] == ("loop",) for atom in window.length.atoms):
        return
    place = machine.evidence(node, "windows of one length are scored, which begin where numbers were drawn")
    for loop in machine.loops:
        if place not in loop.equal:
            loop.equal.append(place)


def note_carried(machine: Machine, loop: Loop, body: list[ast.stmt]) -> None:
    """Remember that a state which was made for a number of rows is carried through the loop: every batch has as many.

    Where the loop strides along the text itself, its last window is shorter all the same.
    """
    if loop.bound is not None:
        return
    for each in body:
        if isinstance(each, ast.With):
            note_carried(machine, loop, each.body)
        called = each.value if isinstance(each, ast.Assign) else None
        target = each.targets[0] if isinstance(each, ast.Assign) else None
        if not isinstance(called, ast.Call) or not isinstance(target, ast.Tuple):
            continue
        given = {
            arg.id for arg in (*called.args, *(word.value for word in called.keywords)) if isinstance(arg, ast.Name)
        }
        kept = {one.id for one in target.elts if isinstance(one, ast.Name)} & given
        if any(_is_made_once(machine, loop, name) for name in sorted(kept)):
            loop.full.append(machine.evidence(each, "the state that is carried on was made for so many rows"))


def _is_made_once(machine: Machine, loop: Loop, name: str) -> bool:
    """Say whether a state is made before the loop, for a number of rows; one of each batch's own says nothing of it."""
    made = re.compile(rf"\b{name} = [\w.]*{STATE}\([^)]")
    if made.search(machine.text(machine.frame.node)) is None:
        return False
    return loop.statement is None or made.search(machine.text(loop.statement)) is None


def _counts(loop: Loop) -> bool:
    """Say whether a loop runs over numbers, so that the batch comes from elsewhere."""
    if isinstance(loop.iterates, LibObject) and loop.iterates.name == "builtins.range":  # `steps = range(n)`
        return True
    return not loop.source or (isinstance(loop.iterates, Const) and loop.iterates.value == "range")


def _is_sampler(machine: Machine, node: ast.Call, names: set[str]) -> bool:
    """Say whether a call draws a batch by itself: it is not told which one, and the project's own does not pad."""
    function = node.func
    if not SAMPLER.match(called_name(function)) or _draws_masked(machine, function):
        return False
    told = {each.id for arg in node.args for each in ast.walk(arg) if isinstance(each, ast.Name)}
    if told & names:
        return False
    return True


def _draws_masked(machine: Machine, function: ast.expr) -> bool:
    """Say whether what draws a batch is of a class out of sight that masks, by its name."""
    owner = function.value if isinstance(function, ast.Attribute) else None
    slot = machine.read(owner.id) if isinstance(owner, ast.Name) else None
    return slot is not None and any(
        isinstance(option, LibObject) and MASKS.search(option.name.rsplit(".", 1)[-1]) for option in options(slot.value)
    )


def _marks_labels(machine: Machine, node: ast.Call) -> Differing | None:
    """Return where the class of `loader.next_batch()` writes labels to be ignored, None where it does not."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    slot = machine.read(owner.id) if isinstance(owner, ast.Name) else None
    for option in options(slot.value) if slot is not None else ():
        if isinstance(option, Ref) and option.cls is not None:
            cls = option.cls
            marks = padding.told(cls.module, cls.node, padding.MARKED, optional.of_object(machine, option))
            if marks is not None:
                place = padding.at(machine, cls.module, cls.node, "the sampler marks labels to be ignored")
                return Differing(place, marks)
    return None


def note_loader(machine: Machine, loop: Loop, value: Value) -> None:
    """Remember what a DataLoader says about its last batch and about padding."""
    for given in options(value):
        option = _wrapped_loader(machine, given)
        if not isinstance(option, LibObject) or option.made is None:
            continue
        dataset = option.arg(0, "dataset")
        differs = collating.of_loader(machine, option)
        if (differs is None or not differs.always) and dataset is not None:
            differs = ignored.of_dataset(machine, dataset) or differs
        if differs is not None and collating.fills_to_one_length(option):
            loop.filled += [differs.place] if differs.place not in loop.filled else []
        elif differs is not None:
            loop.differs(differs)
        cropped = crops.of_dataset(machine, dataset) if dataset is not None else None
        if cropped is not None and cropped not in loop.cropped:
            loop.cropped.append(cropped)
        alike = collating.marks_alike(machine, option) if differs is None else None
        if alike is not None and alike not in loop.alike:
            loop.alike.append(alike)
        marked = collating.ignores_labels(machine, option)
        if marked is not None and marked not in loop.ignored:
            loop.ignored.append(marked)
    loaders = [each for each in (_wrapped_loader(machine, given) for given in options(value)) if _is_made(each)]
    whole = [each for each in loaders if isinstance(each, LibObject) and padding.is_whole(machine, each)]
    if len(whole) == len(loaders):  # of two loaders, one that drops its last batch says nothing of the other
        loop.full.extend(each.made for each in whole if each.made is not None and each.made not in loop.full)


def _is_made(value: Value) -> bool:
    return isinstance(value, LibObject) and value.made is not None


def _wrapped_loader(machine: Machine, value: Value) -> Value:
    """Return the only DataLoader that an object holds, which it hands the batches on of; else the object itself."""
    if not isinstance(value, Ref) or value.kind != "instance" or value.cls is None:
        return value
    held = {slot.value for slot in machine.fields(value).values() if isinstance(slot.value, LibObject)}
    loaders = [each for each in held if isinstance(each, LibObject) and each.name.endswith(".DataLoader")]
    return loaders[0] if len(loaders) == 1 else value


def note_bound(machine: Machine, loop: Loop, node: ast.AST) -> None:
    """Remember that a loop runs over whole blocks only: range(n // size), range(0, n - size, size)."""
    lengths = options(loop.length)
    is_whole = any(map(is_floored, lengths)) and all(isinstance(each, Opaque | Const | Quantity) for each in lengths)
    if is_whole and not loop.full:
        loop.full.append(machine.evidence(node, "runs over whole blocks only: the division rounds down"))
    if isinstance(loop.statement, ast.For) and strides.holds_whole_windows(loop.statement, machine.frame.node):
        loop.full.append(machine.evidence(node, "runs over whole windows only: it stops one before the end"))
    if isinstance(node, ast.Call) and _is_capped(machine, node) and not loop.full:
        _note_capped(loop, machine.evidence(node, "ends after a number of batches, before the last and shorter one"))


def _note_capped(loop: Loop, place: Evidence) -> None:
    """Remember what ends a loop early: where the data is no longer than that, its last and shorter batch is there."""
    loop.full.append(place)
    loop.guessed.append(place)


def _is_capped(machine: Machine, header: ast.Call) -> bool:
    """Say whether `zip(range(n), loader)` or `islice(loader, n)` takes a number of batches that is no length."""
    name = aliases.last_name(header.func, aliases.of(machine.frame.module))
    if name in {"tqdm", "enumerate"} and header.args and isinstance(header.args[0], ast.Call):
        return _is_capped(machine, header.args[0])
    limit: ast.expr | None = None
    if name == "islice" and len(header.args) == 2:
        limit = header.args[1]
    elif name == "zip":
        ranges = [each for each in header.args if isinstance(each, ast.Call) and machine.text(each.func) == "range"]
        limit = ranges[0].args[0] if len(ranges) == 1 and len(ranges[0].args) == 1 else None
    if limit is None or "len(" in machine.text(limit) or optional_caps.is_open(machine, limit):
        return False
    number = evaluate(machine, limit)
    return isinstance(number, Opaque) or (isinstance(number, Const) and isinstance(number.value, int))


def floored(value: Value) -> Value:
    """Mark the quotient of `//`: what it counts are whole blocks."""
    from dataclasses import replace

    if isinstance(value, Quantity):
        return replace(value, of=(*value.of, "floor"))
    return Opaque((*value.key, "floor"), value.name) if isinstance(value, Opaque) else value


def is_floored(value: Value) -> bool:
    key = value.of if isinstance(value, Quantity) else value.key if isinstance(value, Opaque) else ()
    return key[-1:] == ("floor",)


def note_exit(machine: Machine) -> None:
    """Remember that a loop is left after a number of batches, before its last and shorter one."""
    loop = machine.loops[-1]
    tests = [(place, text) for level, place, text in machine.guards if level >= machine.depth]
    if not tests:
        return
    place, text = tests[-1]
    if " and " in text or " or " in text or not CAP.search(text) or _is_whole_length(machine, loop, text):
        return
    if place not in loop.full:
        _note_capped(loop, place)


def _is_whole_length(machine: Machine, loop: Loop, text: str) -> bool:
    """Say whether a cap is, or may be, the length of what is iterated: `num_batches = len(loader)`."""
    test = ast.parse(text, mode="eval").body
    for side in (test.left, *test.comparators) if isinstance(test, ast.Compare) else ():
        slot = machine.read(side.id) if isinstance(side, ast.Name) else None
        for option in options(slot.value) if slot is not None else ():
            if isinstance(option, Quantity) and loop.source and option.of == loop.source and not option.loops:
                return True
    return False


def note_ignored(machine: Machine, target: ast.Subscript, value: Value) -> None:
    """Remember that labels are set to be ignored inside the running loops, more of them in some batches than in others."""
    if not machine.loops or isinstance(target.slice, ast.Constant):
        return
    if not label_ids.is_ignored(value) and not _is_all_ignored(machine, target.value):
        return
    if isinstance(target.slice, ast.Slice | ast.Tuple) and (not _is_variable(target.slice) or _fills_windows(machine)):
        return
    note_unequal(
        machine,
        machine.evidence(target, "labels are set to be ignored here, more of them in some batches than in others"),
    )


def _is_all_ignored(machine: Machine, written: ast.expr) -> bool:
    """Say whether labels begin as ids to ignore, so that those which are not written stay so: `full_like(ids, -100)`."""
    slot = machine.read(written.id) if isinstance(written, ast.Name) else None
    return slot is not None and isinstance(slot.value, Tensor) and label_ids.is_ignored(slot.value)


def note_filled(machine: Machine, node: ast.AST, filling: Value) -> None:
    """Remember that a mask chooses labels to be ignored, where it is an id to ignore that fills them."""
    if label_ids.is_ignored(filling):
        note_unequal(machine, machine.evidence(node, "labels are set to be ignored here"))


def note_unequal(machine: Machine, place: Evidence) -> None:
    """Remember that some labels of a batch are set to be ignored inside the innermost loop that is no comprehension."""
    if not machine.loops:
        return
    is_one = (each for each in reversed(machine.loops) if each.statement is not None or each.unit == "batch")
    loop = next(is_one, machine.loops[-1])
    asked = any(level >= machine.depth and optional.is_option(text) for level, _, text in machine.guards)
    loop.differs(Differing(place, always=not asked))
    if place not in loop.ignored:
        loop.ignored.append(place)


def _is_variable(index: ast.expr) -> bool:
    """Say whether a slice reaches to a place that is computed: `[:, :-length]`."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    bounds = [
        bound
        for part in parts
        if isinstance(part, ast.Slice)
        for bound in (part.lower, part.upper)
        if bound is not None
    ]
    return any(isinstance(each, ast.Name) for bound in bounds for each in ast.walk(bound))


def _fills_windows(machine: Machine) -> bool:
    """Say whether the windows of a strided loop touch without overlapping: `range(0, n, size)` and `start + size`."""
    loop = machine.loops[-1].statement
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
        return False
    ranges = (each for each in ast.walk(loop.iter) if isinstance(each, ast.Call) and len(each.args) == 3)
    stride = next((evaluate(machine, each.args[2]) for each in ranges), None)
    sums = (each for each in ast.walk(loop) if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Add))
    sizes = (each.right for each in sums if isinstance(each.left, ast.Name) and each.left.id == loop.target.id)
    return stride is not None and any(evaluate(machine, size) == stride for size in sizes)
