"""Totals without an assignment of their own: `functools.reduce`, `lax.scan`, `tree_map(add, …)`, `replace(state, …)`, `Counter`."""

from __future__ import annotations

import ast
from collections.abc import Callable

from lintloss.facts import arithmetic, carried, sums
from lintloss.facts.library.plain import COUNTS
from lintloss.facts.machine import Machine
from lintloss.facts.state import Slot
from lintloss.facts.values import Const, Func, Key, Lib, Opaque, Quantity, Ref, Tuple, Value, options

Kwargs = dict[str, Value]
ADDS = frozenset({"add", "iadd"})


def sum_of_two(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.add(total, x), jnp.add, np.add and operator.add are the sum of two, where a loss or a count is in it."""
    if len(args) != 2 or kwargs or not any(isinstance(option, Quantity) for arg in args for option in options(arg)):
        return None
    return sum_in_place(machine, node, *args)


def sum_in_place(machine: Machine, node: ast.AST, left: Value, right: Value) -> Value:
    """Return the sum of two, which is a total once it is stored where one of them came from."""
    left, right = carried.content(machine, left), carried.content(machine, right)
    return carried.note(machine, node, left, right, arithmetic.binary(machine, node, ast.Add(), left, right))


def replaced(machine: Machine, node: ast.AST, owner: Value, kwargs: Kwargs) -> Ref | None:
    """Return what `state._replace(n=…)` and `dataclasses.replace(state, n=…)` make: an object with some fields new."""
    if not isinstance(owner, Ref) or owner.kind != "instance" or owner.cls is None or not kwargs or "**" in kwargs:
        return None
    held = {name: slot.value for name, slot in machine.fields(owner).items()}
    if not held.keys() >= kwargs.keys():
        return None
    return _filled(machine, Ref(machine.key(node, "replaced"), "instance", owner.cls), held | kwargs)


def of_dataclass(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """dataclasses.replace(state, n=…)."""
    return replaced(machine, node, args[0], kwargs) if len(args) == 1 else None


def merged(machine: Machine, node: ast.AST, left: Value, right: Value) -> Ref | None:
    """Return the dict that `left | right` makes; None for what are no dicts."""
    if not all(isinstance(each, Ref) and each.kind == "dict" for each in (left, right)):
        return None
    held = {
        name: slot.value
        for each in (left, right)
        if isinstance(each, Ref)
        for name, slot in machine.fields(each).items()
    }
    return _filled(machine, Ref(machine.key(node, "merged"), "dict"), held)


def _filled(machine: Machine, made: Ref, held: dict[str, Value]) -> Ref:
    machine.state.heap.clear(made.id)
    for name, value in held.items():
        machine.put(made, name, value)
    return made


def by_key(machine: Machine, node: ast.DictComp, evaluate: Callable[[Machine, ast.expr], Value]) -> Ref | None:
    """Make the dict of `{k: totals[k] + v for k, v in metrics.items()}` key by key, where all keys are known."""
    from lintloss.facts import assign, known_keys

    names, made = machine.state.names, {}
    given = known_keys.of_comprehension(machine, node)
    machine.state.names = dict(names)
    for each in given:
        assign.store(machine, node.generators[0].target, each)
        key = each.items[0] if isinstance(each, Tuple) else each
        made[str(key.value) if isinstance(key, Const) else ""] = evaluate(machine, node.value)
    machine.state.names = names
    return _filled(machine, Ref(machine.key(node, "dict"), "dict"), made) if made else None


def of_trees(machine: Machine, node: ast.AST, function: Value, trees: list[Value]) -> Value | None:
    """Return tree_map(f, totals, metrics): of each leaf of the first tree, and those that stand there in the others."""
    from lintloss.facts import calls

    first = trees[0]
    if isinstance(first, Tuple):
        if not all(isinstance(each, Tuple) and len(each.items) == len(first.items) for each in trees):
            return None
        rows = zip(*(each.items for each in trees if isinstance(each, Tuple)), strict=True)
        made = [of_trees(machine, node, function, list(row)) for row in rows]
        return Tuple(tuple(each if each is not None else machine.opaque(node) for each in made))
    if isinstance(first, Ref) and first.kind in {"dict", "instance"}:
        leaves = [machine.fields(each) for each in trees if isinstance(each, Ref) and each.kind == first.kind]
        if len(leaves) != len(trees):
            return None
        held = {}
        for name in leaves[0]:
            row = [each[name].value for each in leaves if name in each]
            each = of_trees(machine, node, function, row) if len(row) == len(trees) else None
            if each is not None:
                held[name] = each
        return _filled(machine, Ref(machine.key(node, "tree"), first.kind, first.cls), held) if held else None
    return calls.call(machine, node, function, trees, {})


def reduced(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """functools.reduce(f, xs, start): f's first argument is what it returned for the one before."""
    from lintloss.facts import reduce

    if not isinstance(node, ast.Call) or len(node.args) not in {2, 3} or len(args) != len(node.args):
        return None
    adds = isinstance(args[0], Lib) and args[0].name.rsplit(".", 1)[-1] in ADDS
    if (adds or _is_plus(args[0])) and isinstance(args[1], Ref):
        return reduce.total(machine, node, args[1])
    start = args[2] if len(args) == 3 else Const(0)
    return _folded(
        machine, node, node.args[1], args[1], start, lambda total, each: _called(machine, node, args, total, each)
    )


def _called(machine: Machine, node: ast.AST, args: list[Value], total: Value, each: Value) -> Value:
    from lintloss.facts import calls

    return calls.call(machine, node, args[0], [total, each], {})


def _is_plus(function: Value) -> bool:
    """Say whether a function is `lambda a, b: a + b`."""
    if not isinstance(function, Func) or not isinstance(function.node, ast.Lambda):
        return False
    body, names = function.node.body, [each.arg for each in function.node.args.args]
    if not isinstance(body, ast.BinOp) or not isinstance(body.op, ast.Add) or len(names) != 2:
        return False
    sides = [each.id for each in (body.left, body.right) if isinstance(each, ast.Name)]
    return sorted(sides) == sorted(names)


def scanned(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """lax.scan(f, carry, xs) returns the last carry, and what f returned beside it for each."""
    given = [*args, *(kwargs[name] for name in ("init", "xs") if name in kwargs)]
    if not isinstance(node, ast.Call) or len(given) < 3 or not isinstance(given[0], Func):
        return None
    source = (
        node.args[2] if len(node.args) > 2 else next((each.value for each in node.keywords if each.arg == "xs"), None)
    )
    if source is None:
        return None

    def step(total: Value, each: Value) -> Value:
        made = _called(machine, node, given, total, each)
        pair = made if isinstance(made, Tuple) and len(made.items) == 2 else None
        return pair.items[0] if pair is not None else machine.opaque(node)

    return Tuple((_folded(machine, node, source, given[2], given[1], step), Opaque(machine.key(node, "ys"))))


def _folded(
    machine: Machine,
    node: ast.AST,
    source: ast.expr,
    values: Value,
    start: Value,
    step: Callable[[Value, Value], Value],
) -> Value:
    """Run the loop that a fold is: what its function returns goes into its next call."""
    from lintloss.facts import iterate

    place: Key = machine.key(node, "folded")
    machine.put(place, "total", start)
    loop, element = iterate.describe(machine, source, source, values, "")

    def body() -> str:
        slot = machine.get(place, "total")
        held = slot if slot is not None else Slot(start, machine.depth - 1)
        made = step(held.value, element())
        grown = carried.into(machine, held, made) or Slot(made, machine.depth)
        machine.put(place, "total", grown.value, grown.depth)
        return "next"

    iterate.run(machine, loop, lambda: None, body)
    slot = machine.get(place, "total")
    return slot.value if slot is not None else machine.opaque(node)


def counted(machine: Machine, node: ast.AST, owner: Value, more: Value, kwargs: Kwargs) -> bool:
    """Add to what a Counter holds: `totals.update(loss=nats, n=1)`, `totals += Counter(…)`; say whether it is one."""
    slot = machine.get(owner, COUNTS) if isinstance(owner, Ref) and owner.kind == "dict" else None
    if slot is None or not isinstance(owner, Ref):
        return False
    terms = dict(kwargs)
    if isinstance(more, Ref) and more.kind == "dict":
        given = machine.fields(more).items()
        terms |= {name: each.value for name, each in given if name not in {"len", "elem"} and not name.startswith("@")}
    for name, term in terms.items():
        before = machine.get(owner, name) or Slot(Const(0), slot.depth)
        machine.put(owner, name, sums.accumulate(machine, node, before.value, term, before.depth), before.depth)
    return True
