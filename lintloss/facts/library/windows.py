"""Windows: what slicing, shifting, flattening and masking do to where a tensor sits on its source."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.expressions import evaluate
from lintloss.facts.library import shapes
from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, Const, ModelOutput, Opaque, Quantity, Tensor, Tuple, Value, Window


def is_tensor_index(index: ast.expr) -> bool:
    """Say whether an index can only be one into a tensor or array: a slice, a tuple with a slice, an ellipsis."""
    if isinstance(index, ast.Slice):
        return True
    if isinstance(index, ast.Tuple):
        return any(isinstance(each, ast.Slice) or _is_ellipsis(each) for each in index.elts)
    return False


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def index(machine: Machine, owner: Value, node: ast.Subscript) -> Value:
    """Return a slice or an indexed part of a tensor."""
    found = shapes.tensor(owner)
    if found is None:
        evaluate(machine, node.slice) if not isinstance(node.slice, ast.Slice) else None
        return machine.opaque(node)
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    masks = [evaluate(machine, part) for part in parts if not isinstance(part, ast.Slice) and not _is_ellipsis(part)]
    if any(isinstance(mask, Tensor) and mask.form == "mask" for mask in masks):
        return replace(found, axes=("position", *(found.axes or ())[-1:]) if found.form == "logits" else ("position",), key=(*found.key, "masked"))
    if masks:
        return _indexed(machine, found, node)
    window, key = found.window, found.key
    for axis, part in enumerate(parts):
        if not isinstance(part, ast.Slice) or (part.lower is None and part.upper is None):
            continue
        lower = 0 if part.lower is None else _number(machine, part.lower)
        upper = 0 if part.upper is None else _number(machine, part.upper)
        key = (*key, axis, machine.text(part))
        if part.step is not None or lower is None or upper is None or lower < 0 or upper > 0:
            window = None
        elif window is not None:
            window = replace(window, start=window.start + lower, stop=window.stop + upper)
    sliced = replace(found, window=window, key=key)
    return sliced.with_step(machine.evidence(node, f"sliced here: `{machine.text(node)[:60]}`"))


def _indexed(machine: Machine, found: Tensor, node: ast.Subscript) -> Value:
    axes = found.axes[1:] if found.axes and not isinstance(node.slice, ast.Tuple) else None
    return Tensor(found.form, None, axes, (*found.key, machine.text(node.slice)), found.name, found.trace, found.model)


def _number(machine: Machine, node: ast.expr) -> int | None:
    value = evaluate(machine, node)
    return value.value if isinstance(value, Const) and isinstance(value.value, int) else None


def index_quantity(machine: Machine, owner: Quantity, node: ast.Subscript) -> Value:
    """Index a field of losses: by a mask it keeps the scored ones; a scalar's item is itself."""
    value = evaluate(machine, node.slice) if not isinstance(node.slice, ast.Slice) else UNKNOWN
    if isinstance(value, Tensor) and value.form == "mask" and owner.axes:
        scoring = replace(owner.scoring, masked=True, mask=value) if owner.scoring else None
        return replace(owner, scoring=scoring, axes=("token",))
    return owner


def reshaped(machine: Machine, node: ast.AST, value: Tensor, name: str, args: list[Value]) -> Tensor:
    """Return view/reshape/flatten of a tensor: (-1) and (-1, V) flatten rows and positions into one axis."""
    if args and isinstance(args[0], Tuple):
        args = list(args[0].items)
    shape = [arg.value if isinstance(arg, Const) else None for arg in args]
    flat = name in {"flatten", "ravel"} or (shape and shape[0] == -1 and len(shape) <= 2)
    if not flat and len(args) == 2 and isinstance(args[0], Quantity) and args[0].unit.power("position") == 1:
        flat = True
    if not flat and len(args) == 1 and isinstance(args[0], Quantity):
        flat = True
    if not flat:
        return replace(value, axes=_axes_of(args))
    has_classes = value.form in {"logits", "probs", "log_probs", "hidden"} or len(args) == 2
    axes = ("position", "vocab") if has_classes and name not in {"ravel"} and len(args) != 1 else ("position",)
    return replace(value, axes=axes)


def _axes_of(args: list[Value]) -> tuple[str, ...] | None:
    names = []
    for arg in args:
        if not isinstance(arg, Quantity):
            return None
        if arg.unit.power("position") and arg.unit.power("example") == -1:
            names.append("pos")
        elif arg.unit.power("example") == 1:
            names.append("row")
        else:
            return None
    return tuple(names) or None


def rolled(machine: Machine, node: ast.AST, value: Tensor, shift: Value) -> Tensor:
    """Return roll(x, k): the window moves and wraps around."""
    if value.window is None or not isinstance(shift, Const) or not isinstance(shift.value, int):
        return replace(value, window=None)
    window = replace(value.window, start=value.window.start - shift.value, stop=value.window.stop - shift.value, wraps=True)
    return replace(value, window=window, key=(*value.key, "roll")).with_step(machine.evidence(node, "rolled here"))


def of_model(value: Value) -> Window | None:
    """Return where a model's input sat."""
    found = shapes.tensor(value) if not isinstance(value, ModelOutput) else value.logits
    return found.window if found is not None else None


def opaque_window(value: Opaque) -> Window:
    return Window(value.key)
