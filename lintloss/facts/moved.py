"""Batches that are only moved: `{k: v.to(device) for k, v in batch.items()}` is the batch."""

from __future__ import annotations

import ast

from lintloss.facts.library.tables import SAME, TENSOR_MOVES
from lintloss.facts.machine import Machine
from lintloss.facts.values import Opaque, Ref, Tensor, Tuple, Value

MAKERS = frozenset(
    {"tensor", "as_tensor", "from_numpy", "asarray", "array", "LongTensor", "FloatTensor", "stack"}
)  # of a module
COPIES = frozenset({"int", "list"})
Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def same_batch(machine: Machine, node: Comprehension) -> Value | None:
    """Return the batch whose parts a comprehension moves one by one, None where it does something else."""
    if len(node.generators) != 1:
        return None
    generator = node.generators[0]
    if isinstance(node, ast.DictComp):
        owner = _items_of(generator, node)
    elif isinstance(generator.target, ast.Name) and not generator.ifs and is_moved(node.elt, generator.target.id):
        owner = generator.iter
    else:
        owner = None
    if owner is None:
        return None
    from lintloss.facts.expressions import evaluate

    value = evaluate(machine, owner)
    if (
        (isinstance(value, Opaque) and value.key)
        or (isinstance(value, Tuple) and value.items)
        or isinstance(value, Tensor)
    ):
        return value
    return value if isinstance(value, Ref) and value.kind == "dict" and isinstance(node, ast.DictComp) else None


def by_key(machine: Machine, target: ast.Subscript, value: Value) -> bool:
    """Run `moved[key] = value.to(device)` in a loop over `batch.items()`: each part stays under its own key."""
    from lintloss.facts.expressions import evaluate

    if not isinstance(target.slice, ast.Name):
        return False
    index, owner = evaluate(machine, target.slice), evaluate(machine, target.value)
    if not (isinstance(index, Opaque) and index.key[-1:] == ("key",) and isinstance(owner, Ref)):
        return False
    batch = Ref(index.key[:-1], "dict")
    if owner.kind != "dict" or owner.id == batch.id or value != machine.elem(batch):
        return False
    for name, slot in list(machine.fields(batch).items()):
        machine.put(owner, name, slot.value)
    return True


def _items_of(generator: ast.comprehension, node: ast.DictComp) -> ast.expr | None:
    pair = pair_of_items(generator)
    is_same = pair is not None and isinstance(node.key, ast.Name) and node.key.id == pair[0]
    return owner_of_items(generator) if pair is not None and is_same and is_moved(node.value, pair[1]) else None


def owner_of_items(generator: ast.comprehension) -> ast.expr | None:
    """Return x of `for key, value in x.items()`."""
    source = generator.iter
    is_call = isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute) and source.func.attr == "items"
    return source.func.value if is_call else None  # type: ignore[attr-defined]  # checked above


def pair_of_items(generator: ast.comprehension) -> tuple[str, str] | None:
    """Return the two names of `for key, value in x.items()`."""
    target = generator.target
    names = [each.id for each in target.elts if isinstance(each, ast.Name)] if isinstance(target, ast.Tuple) else []
    return (names[0], names[1]) if len(names) == 2 == len(getattr(target, "elts", ())) else None


def is_moved(node: ast.expr, name: str) -> bool:
    """Say whether an expression is `name`, moved or cast, and nothing else."""
    if isinstance(node, ast.Name):
        return node.id == name
    if isinstance(node, ast.IfExp):
        return is_moved(node.body, name) and is_moved(node.orelse, name)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and ast.unparse(node.slice) == ":":
        return is_moved(node.value, name)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in COPIES
        and len(node.args) == 1
    ):
        return is_moved(node.args[0], name)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SAME - {"get"}:
        made = node.func.attr in MAKERS and node.args
        return is_moved(node.args[0] if made else node.func.value, name)
    return False


def source_of(call: ast.Call) -> ast.expr | None:
    """Return what a call makes a tensor of, or moves, its first axis as it was: `torch.LongTensor(batches).to(device)`."""
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr in MAKERS and call.args:
        return call.args[0]
    return call.func.value if call.func.attr in TENSOR_MOVES else None
