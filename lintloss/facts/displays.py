"""Displays: tuples, lists and dicts that are written out, and comprehensions, which are loops."""

from __future__ import annotations

import ast
from collections.abc import Callable

from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, Ref, Tuple, Value


def of_tuple(machine: Machine, node: ast.Tuple) -> Value:
    return Tuple(tuple(symbolic.keep(machine, each, evaluate(machine, each)) for each in node.elts))


def of_list(machine: Machine, node: ast.List | ast.Set) -> Value:
    if node.elts and not any(isinstance(each, ast.Starred) for each in node.elts):
        values = tuple(symbolic.keep(machine, each, evaluate(machine, each)) for each in node.elts)
        if not all(isinstance(value, Const) for value in values):
            return Tuple(values)
        ref = machine.new_list(node, None, Const(len(values)))
        for index, value in enumerate(values):
            machine.put(ref, str(index), value)
        return ref
    values = tuple(evaluate(machine, each) for each in node.elts)
    copied = values[0] if len(values) == 1 else None  # `[*batches]`
    if isinstance(copied, Ref) and copied.id in machine.list_loops:
        return copied
    return machine.new_list(node)


def of_dict(machine: Machine, node: ast.Dict) -> Value:
    from lintloss.facts import left_behind, names

    ref = Ref(machine.key(node, "dict"), "dict")
    values = [evaluate(machine, value) for value in node.values]  # before it is made anew: they may read the last one
    spread = [machine.fields(made) if isinstance(made, Ref) else None for made in values]
    machine.state.heap.clear(ref.id)
    machine.dicts_made[ref.id] = machine.depth
    for key, value, made, held in zip(node.keys, node.values, values, spread, strict=True):
        if key is None:
            for name, slot in (held or {}).items():
                machine.put(ref, name, slot.value)
            continue
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and not isinstance(value, ast.Name):
            names.note(machine, value, key.value, made)
        name = subscripts.subscript_key(machine, key)
        machine.put(ref, name, made)
        records.tell(machine, name, made)
        left_behind.note_store(machine, key, value, made)
    return ref


def comprehension(machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
    """Run a comprehension as the loops it is, collecting its elements."""
    from lintloss.facts import moved, thrown
    from lintloss.facts.library import folded

    thrown.note(machine, node)
    same = moved.same_batch(machine, node)
    if same is not None:
        return same

    mapped = items.mapped(machine, node) or items.each_of_written(machine, node) or items.each_field(machine, node)
    if mapped is not None:
        return mapped
    if isinstance(node, ast.DictComp) and (keyed := folded.by_key(machine, node, evaluate)) is not None:
        return keyed
    kind = "dict" if isinstance(node, ast.DictComp) else "list"
    ref = machine.new_list(node, kind=kind)
    created = machine.depth

    def collect(index: int) -> str:
        if index == len(node.generators):
            element = node.value if isinstance(node, ast.DictComp) else node.elt
            collecting.collect(machine, ref.id, evaluate(machine, element), created)
            return "next"
        generator = node.generators[index]
        iterable = evaluate(machine, generator.iter)
        number = iterate.as_ranged(machine, generator) if len(node.generators) == 1 else ()
        loop, elements = iterate.describe(
            machine, generator.iter, generator.iter, iterable, machine.text(generator.target), number
        )
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            batch_shapes.note_sampler(machine, loop, [node.elt], generator.target)
            batch_shapes.note_bound(machine, loop, generator.iter)
        iterate.run(
            machine,
            loop,
            lambda: assign.store(machine, generator.target, elements()),
            lambda: _filtered(machine, generator, collect, index),
        )
        return "next"

    names = machine.state.names
    collect(0)
    machine.state.names = dict(names)
    if isinstance(node, ast.DictComp) and not isinstance(node.value, ast.Name):
        growing.one_for_each_key(machine, ref)
    generator = node.generators[0]
    source = evaluate(machine, generator.iter) if len(node.generators) == 1 and not generator.ifs else UNKNOWN
    if isinstance(source, Ref) and source.kind in {"list", "cat"} and source.id in machine.list_loops:
        machine.list_loops[ref.id] = machine.list_loops[source.id]  # one for each of its elements
    return ref


def _filtered(machine: Machine, generator: ast.comprehension, collect: Callable[[int], str], index: int) -> str:
    for test in generator.ifs:
        evaluate(machine, test)
    return collect(index + 1)


# Evaluation goes round in circles: `expressions` asks this file, so what needs `evaluate` comes last.
from lintloss.facts import assign, batch_shapes, collecting, iterate, subscripts, symbolic  # noqa: E402
from lintloss.facts.expressions import evaluate  # noqa: E402
from lintloss.facts.library import growing, items, records  # noqa: E402
