"""Calls of library functions and classes, by the last part of their dotted name."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import (
    arithmetic,
    distributed,
    exponent,
    fields,
    forwards,
    gradients,
    reduce,
    strangers,
    vectors,
)
from lintloss.facts.library import (
    adapters,
    blocks,
    choices,
    columns,
    fairseq,
    filling,
    folded,
    growing,
    ignite,
    joints,
    last_ids,
    losses,
    meters,
    onehot,
    operators,
    plain,
    ranks,
    records,
    results,
    rows,
    shapes,
    tensors,
    transforms,
    windows,
)
from lintloss.facts.library.tables import (
    CRITERIA,
    CRITERION_NAME,
    EXPS,
    FILLED,
    FLATTENING,
    GATHERS,
    KERAS_CRITERIA,
    LOSS_MAKER,
    MEANS,
    NOT_A_LOSS,
    SAME,
    SUMS,
)
from lintloss.facts.machine import Machine
from lintloss.facts.values import (
    UNKNOWN,
    Class,
    Const,
    Func,
    Lib,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    options,
)
from lintloss.patterns import regex

Kwargs = dict[str, Value]
ATTENTION = regex(r"attn|attention")
MODEL_MAKERS = regex(r"^(torchvision\.models\.(\w+\.)*(?!get_|list_)[a-z]\w+|timm\.(models\.)?create_model)$")


def call(machine: Machine, node: ast.AST, full: str, args: list[Value], kwargs: Kwargs) -> Value:
    """Call the library function or class `full`."""
    name = full.rsplit(".", 1)[-1]
    if name in CRITERIA and not name[0].isupper():
        if full.startswith("mlx."):  # one value per position, unless it is asked to reduce
            kwargs = {"reduction": Const("none"), **kwargs}
        if full.startswith("chainer."):  # … and Chainer's reduce, under another name
            kwargs = {**kwargs, "reduction": Const("none" if kwargs.get("reduce") == Const("no") else "mean")}
            kwargs.pop("reduce", None)
        return losses.call(machine, node, name, CRITERIA[name], args, kwargs)
    if name in KERAS_CRITERIA and not name[0].isupper():
        return losses.call(machine, node, name, KERAS_CRITERIA[name], args, kwargs)
    if name == "from_pretrained" or name == "from_config":
        owner = full.rsplit(".", 2)[-2] if full.count(".") else full
        return adapters.loaded(machine, node, owner, args, kwargs) or LibObject(
            owner,
            tuple(args),
            tuple(kwargs.items()),
            machine.evidence(node, f"{owner}.{name} here"),
            machine.key(node, owner),
        )
    output = results.filled(machine, node, full, args, kwargs) or fairseq.logged(machine, node, full, args)
    if output is not None:
        return output
    if full == "builtins.map" and args and isinstance(args[0], Lib):  # whatever it does to each of them
        strangers.note(machine, "." + args[0].name.rsplit(".", 1)[-1], args[1:])
    if name == "grad" and full.startswith("torch."):
        forwards.differentiates(machine)
    if name in {"no_grad", "inference_mode", "set_grad_enabled", "enable_grad"}:
        return _gradients(machine, node, full, name, args, kwargs)
    over_ranks = ranks.call(machine, node, name, full, args, kwargs)
    if over_ranks is not None:
        return over_ranks
    if name in operators.WORDS and len(args) == 2 and not kwargs:
        spelled = operators.spelled_out(machine, node, operators.WORDS[name], args)
        if spelled is not None:
            return spelled
    first = args[0] if args else kwargs.get("input", kwargs.get("a", UNKNOWN))
    filled = filling.padded(machine, node, args, kwargs) if name == "pad" else None
    if filled is not None:
        return filled
    if isinstance(first, Tensor) or (isinstance(first, Opaque) and name in tensors.OF_OPAQUE and first.key):
        found = shapes.tensor(first)
        made = tensors.call(machine, node, name, found, args[1:], kwargs) if found is not None else None
        if made is not None:
            return made
    if full == "dataclasses.replace" and (made := folded.of_dataclass(machine, node, args, kwargs)) is not None:
        return made
    handler = NAMED.get(name) or columns.NAMED.get(name)
    if handler is not None:
        result = handler(machine, node, args, kwargs)
        if result is not None:
            return result
    general = _by_table(machine, node, name, full, first, args, kwargs)
    if general is not None:
        return general
    if name == "Loss":
        ignite.note(machine, node, full, args, kwargs)
    if name == "MetricsLambda":
        ignite.combined(machine, node, args)
    if name[:1].isupper() or MODEL_MAKERS.match(full):
        strangers.note(machine, full, [*args, *kwargs.values()])
        return LibObject(
            full,
            tuple(args),
            tuple(kwargs.items()),
            machine.evidence(node, f"{name} made here"),
            machine.key(node, name),
        )
    return _unknown(machine, node, full, name, args, kwargs)


def _gradients(machine: Machine, node: ast.AST, full: str, name: str, args: list[Value], kwargs: Kwargs) -> Value:
    if name == "set_grad_enabled":
        given = args[0] if args else kwargs.get("mode", UNKNOWN)
        gradients.switched(machine, given)
    return LibObject(full, tuple(args), tuple(kwargs.items()), None, machine.key(node, name))


def _by_table(
    machine: Machine, node: ast.AST, name: str, full: str, first: Value, args: list[Value], kwargs: Kwargs
) -> Value | None:
    if isinstance(first, Quantity) and name in MEANS | SUMS and "where" in kwargs:
        first = losses.chosen(machine, first, kwargs["where"])
    if name in EXPS:
        return exponent.exponential(machine, node, first)
    if name == "exp2":
        return exponent.exponential(machine, node, first, "2")
    if name == "nanmean" and (kept := reduce.over_kept(machine, node, first)) is not None:
        return kept
    if full in meters.STREAMED:
        return meters.streamed(machine, node, args, kwargs)
    if name in MEANS:
        weights = kwargs.get("weights")
        return (
            reduce.weighted(machine, node, first, weights)
            if weights is not None and weights != Const(None)
            else reduce.mean(machine, node, first, fields.dimension(args, kwargs, 1))
        )
    if name in SUMS:
        return reduce.total(machine, node, first, fields.dimension(args, kwargs, 1))
    if (name in GATHERS and full != "torch.gather") or (name == "gather_object" and full.startswith("accelerate.")):
        return distributed.gathered(machine, node, first)
    if name in FILLED:
        return _filled(machine, node, name, args, kwargs)
    if name in onehot.RANDOM and (block := onehot.anything(machine, node, args)) is not None:
        return block
    if name in FLATTENING and isinstance(first, Tensor):
        return windows.reshaped(machine, node, first, name, args[1:])
    if isinstance(first, Const) and isinstance(first.value, str) and name in {"get", "getenv"}:
        return machine.opaque(node, first.value)  # what stands there under that name: `os.environ.get("WORLD_SIZE")`
    if (name in SAME and not full.startswith("builtins.")) or full in {
        "builtins.float",
        "builtins.int",
        "builtins.list",
        "builtins.tuple",
        "builtins.round",
        "builtins.abs",
        "builtins.sorted",
        "builtins.iter",
    }:
        return first
    return None


def _filled(machine: Machine, node: ast.AST, name: str, args: list[Value], kwargs: Kwargs) -> Value:
    """Make a vector that a loop fills by index, or a box that holds one number."""
    size: Value = args[0] if args else kwargs.get("size", kwargs.get("shape", Const(0)))
    if isinstance(size, Tuple) and len(size.items) == 1:
        size = size.items[0]
    if (len(args) > 1 and name in {"zeros", "empty", "ones"}) or (isinstance(size, Tuple) and size.items):
        dims = size if isinstance(size, Tuple) else Tuple(tuple(args))
        fill = (
            args[1] if name == "full" and len(args) > 1 else kwargs.get("fill_value", Const(1 if name == "ones" else 0))
        )
        return tensors.column(machine, node, name, dims) or Tensor(
            "filled", None, None, machine.key(node, name), pad=fill
        )
    if name in {"zeros_like", "empty_like"} and not any(isinstance(each, Quantity | Ref) for each in options(size)):
        return Tensor("filled", None, None, machine.key(node, name), pad=Const(0))
    fill = args[1] if name == "full" and len(args) > 1 else Const(1 if name == "ones" else 0)
    return machine.new_list(node, fill, size, "tensor")


def _unknown(machine: Machine, node: ast.AST, full: str, name: str, args: list[Value], kwargs: Kwargs) -> Value:
    strangers.note(machine, full, [*args, *kwargs.values()])
    if CRITERION_NAME.search(name) and len(args) >= 2:
        return losses.presumed(machine, node, said=f"`{name}` is taken for a criterion by its name", given=kwargs)
    if LOSS_MAKER.match(name) and args and not NOT_A_LOSS.search(name):
        said = f"`{name}` is taken for the mean loss of a batch, by its name"
        return losses.presumed(machine, node, said=said, given=kwargs)
    tensor = next((arg for arg in args if isinstance(arg, Tensor)), None)
    if tensor is not None and full.startswith("torch") and name != "load":  # of a path, whatever it was taken from
        return replace(tensor, form="hidden" if tensor.form in {"ids", ""} else tensor.form)
    if tensor is not None and tensor.form in windows.COMPUTED and ATTENTION.search(name):  # flash_attn_func(q, k, v)
        return replace(tensor, form="hidden")
    return Opaque(machine.key(node), "")


def _log(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    first = args[0] if args else UNKNOWN
    if isinstance(first, Const) and isinstance(first.value, int | float) and first.value > 0:
        return Const(math.log(first.value))
    return machine.opaque(node)


def _log2(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    first = args[0] if args else UNKNOWN
    if isinstance(first, Const) and isinstance(first.value, int | float) and first.value > 0:
        return Const(math.log2(first.value))
    return None


def _size(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    return shapes.number(args[0]) if len(args) == 1 else None


def _compared(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    found = shapes.tensor(args[0]) if len(args) == 2 else None
    return (
        Tensor("mask", found.window, found.axes, (*found.key, "mask"), found.name, pad=args[1])
        if found is not None
        else None
    )


def _wrapped(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """jit(f), pmap(f), torch.compile(f or model): what it is put around."""
    first = args[0] if args else kwargs.get("model", kwargs.get("fun", UNKNOWN))
    is_partial = isinstance(first, LibObject) and first.name == transforms.PARTIAL
    is_model = isinstance(first, LibObject | Ref) and machine.text(node).startswith("torch.")
    return first if isinstance(first, Func | Class) or is_partial or is_model else None


def _softmax(form: str, named: str = "") -> Callable[[Machine, ast.AST, list[Value], Kwargs], Value | None]:
    def apply(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
        found = shapes.tensor(args[0]) if args else None
        if found is None:
            found = Tensor("", None, None, machine.key(node))
        return replace(found, form=form, key=(*found.key, named or form)).with_step(
            machine.evidence(node, f"becomes {form.replace('_', ' ')} here")
        )

    return apply


def _collected(kind: str) -> Callable[[Machine, ast.AST, list[Value], Kwargs], Value | None]:
    def apply(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
        first = args[0] if args else kwargs.get("tensors", UNKNOWN)
        if isinstance(first, Ref) and first.kind == "list":
            stacked = rows.stacked(machine, first) if kind == "stack" else None
            if stacked is not None and kwargs.get("dim", args[1] if len(args) > 1 else Const(0)) != Const(0):
                stacked = windows.transposed(stacked, 0, 1)
            collected = machine.get(first, distributed.COLLECTED) is not None
            ragged = rows.ragged(machine, first) if kind == "cat" else None
            return stacked or ragged or Ref(first.id, "cat" if kind == "cat" and not collected else "list")
        if isinstance(first, Tuple):
            axis = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else Const(0)))
            if kind == "cat" and len(first.items) >= 2:
                grown = growing.joined(machine, *first.items) if len(first.items) == 2 else None
                grown = grown or filling.joined(machine, node, first.items)
                if grown is not None:
                    return grown
            joined = tensors.joined(machine, node, first.items, axis) if kind == "cat" else None
            if joined is None and kind == "cat":
                joined = joints.joined(machine, node, first.items)
            if joined is not None:
                return joined
            if kind == "stack" and vectors.are_numbers(first):
                return _tensor(machine, node, args, kwargs)
            if len(first.items) == 2 and axis == Const(0):
                growing.note_rows(machine, node, *first.items)
            known = [item for item in first.items if isinstance(item, Tensor | Quantity)]
            return known[0] if known and kind == "cat" and isinstance(known[0], Quantity) else machine.opaque(node)
        return first if isinstance(first, Quantity) else machine.opaque(node)

    return apply


def _tensor(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.tensor(x) is x; of a list of several quantities, a list by position."""
    first = args[0] if args else kwargs.get("data", UNKNOWN)
    last = last_ids.boxed(machine, first)
    if last is not None:
        return last
    if isinstance(first, Tuple) and len(first.items) == 1 and _is_row(first.items[0]):
        row = shapes.tensor(first.items[0])
        if row is not None:
            return tensors.call(machine, node, "unsqueeze", row, [Const(0)], {})
    if isinstance(first, Tuple) and len(first.items) == 1 and isinstance(first.items[0], Tensor):
        return tensors.call(machine, node, "unsqueeze", first.items[0], [Const(0)], {})
    if isinstance(first, Tuple) and len(first.items) == 1 and isinstance(first.items[0], Quantity):
        return first.items[0]
    if isinstance(first, Tuple):
        ref = machine.new_list(node, None, Const(len(first.items)))
        for index, item in enumerate(first.items):
            machine.put(ref, str(index), item)
        return ref
    if isinstance(first, Ref) and first.kind == "list":
        return rows.of_list(machine, first) or first
    return first


def _numbers(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.cuda.FloatTensor([total, steps]): several numbers by their positions, as torch.tensor() keeps them."""
    if not args and not kwargs:  # an empty one, to which others are joined
        return machine.new_list(node)
    first = args[0] if args else UNKNOWN
    several = isinstance(first, Tuple) and len(first.items) > 1 and any(isinstance(x, Quantity) for x in first.items)
    return _tensor(machine, node, args, kwargs) if several else last_ids.boxed(machine, first)


def _ids(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """torch.LongTensor(rows) of rows that are known to be filled up is their batch, as torch.tensor() makes it."""
    if len(args) != 1:
        return blocks.by_sizes(machine, node, args)
    batch = rows.of_list(machine, args[0]) if isinstance(args[0], Ref) and args[0].kind == "list" else None
    return last_ids.boxed(machine, args[0]) or (batch if batch is not None and batch.pad is not None else None)


def _is_row(value: Value) -> bool:
    """Say whether a value is one row of ids: what a tokenizer returned."""
    return isinstance(value, Opaque) and value.name == "encoded" and bool(value.key)


def _full_like(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    fill = kwargs.get("fill_value", args[1] if len(args) > 1 else UNKNOWN)
    return Tensor("filled", None, None, machine.key(node, "full_like"), pad=fill)


def _count_nonzero(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    return reduce.count_nonzero(machine, node, args[0]) if args else None


def _einsum(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """einsum("ijk->jik", x) moves axes; of two operands, the one whose first axes lead the result keeps its place."""
    equation = args[0].value if args and isinstance(args[0], Const) else None
    if not isinstance(equation, str) or "->" not in equation:
        return None
    given, made = equation.replace(" ", "").split("->")
    parts = given.split(",")
    operands = [shapes.tensor(arg) for arg in args[1:]]
    if len(parts) != len(operands):
        return None
    if len(parts) == 1 and operands[0] is not None and sorted(given) == sorted(made):
        order = Tuple(tuple(Const(given.index(axis)) for axis in made))
        return tensors.call(machine, node, "permute", operands[0], [order], {})
    leading = [one for one, part in zip(operands, parts, strict=True) if part[:2] == made[:2]]
    if len(leading) != 1 or leading[0] is None or leading[0].form not in windows.COMPUTED:
        return machine.opaque(node)
    return replace(leading[0], form="hidden", axes=None, key=machine.key(node))


def _dot(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """np.dot(losses, sizes): the sum of the products."""
    return reduce.products(machine, node, args[0], args[1]) if len(args) == 2 else None


def _masked_mean(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """masked_mean(losses, mask, dim): the sum of what the mask lets through, over how many those are."""
    mask = args[1] if len(args) > 1 else kwargs.get("mask")
    if not args or mask is None or not isinstance(args[0], Quantity) or not args[0].axes:
        return None
    axis = fields.dimension(args, kwargs, 2)
    kept = arithmetic.binary(machine, node, ast.Mult(), args[0], mask)
    above, below = reduce.total(machine, node, kept, axis), reduce.total(machine, node, mask, axis)
    return arithmetic.binary(machine, node, ast.Div(), above, below)


def _random_split(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    from lintloss.facts import padding

    return padding.split(machine, node, [*args, *(kwargs[name] for name in ("lengths",) if name in kwargs)])


NAMED: dict[str, Callable[[Machine, ast.AST, list[Value], Kwargs], Value | None]] = {
    "log": _log,
    "log2": _log2,
    "size": _size,
    "not_equal": _compared,
    "ne": _compared,
    "constant": _tensor,
    "compile": _wrapped,
    "partial": transforms.partial,
    "jit": _wrapped,
    "pmap": _wrapped,
    "pjit": _wrapped,
    "filter_pmap": _wrapped,
    "xmap": _wrapped,
    "pad_shard_unpad": _wrapped,
    "vmap": transforms.vectorized,
    "filter_vmap": transforms.vectorized,
    "value_and_grad": transforms.valued,
    "SimpleNamespace": plain.namespace,
    "namedtuple": records.named_tuple,
    "shard_map": _wrapped,
    "filter_jit": _wrapped,
    "tf_function": _wrapped,
    "len": plain.length,
    "min": plain.extreme,
    "max": plain.extreme,
    "minimum": plain.extreme,
    "maximum": plain.extreme,
    "clip": plain.extreme,
    "softmax": _softmax("probs"),
    "sigmoid": _softmax("probs"),
    "log_softmax": _softmax("log_probs"),
    "logsigmoid": _softmax("log_probs", "logsigmoid"),
    "stack": _collected("stack"),
    "cat": _collected("cat"),
    "concat": _collected("cat"),
    "concatenate": _collected("cat"),
    "hstack": _collected("cat"),
    "vstack": _collected("cat"),
    "append": growing.appended,
    "tensor": _tensor,
    "array": _tensor,
    "LongTensor": _ids,
    "FloatTensor": _numbers,
    "DoubleTensor": _numbers,
    "Tensor": _numbers,
    "as_tensor": _numbers,
    "pow": plain.power,
    "power": plain.power,
    "where": choices.where,
    "full_like": _full_like,
    "pad_sequence": rows.pad_sequence,
    "pad_sequences": filling.sequences,
    "zip_longest": filling.longest,
    "pack_padded_sequence": rows.packed,
    "default_collate": rows.default,
    "range": rows.made_range,
    "enumerate": rows.enumerated,
    "tqdm": rows.shown,
    "track": rows.shown,
    "train_test_split": rows.split_apart,
    "arange": rows.positions,
    "getattr": plain.attribute,
    "count_nonzero": _count_nonzero,
    "next": plain.following,
    "random_split": _random_split,
    "einsum": _einsum,
    "dot": _dot,
    "masked_mean": _masked_mean,
    "inner": _dot,
    "save": plain.saved,
    "load": plain.loaded,
    "randint": plain.drawn,
    "randperm": plain.drawn,
    "permutation": plain.drawn,
    "argsort": plain.ordered,
    "argpartition": plain.ordered,
    "flatnonzero": plain.ordered,
    "defaultdict": plain.with_default,
    "Counter": plain.counter,
    "asdict": plain.fields,
    "vars": plain.fields,
    "dict": plain.made_dict,
    "BatchEncoding": plain.encoding,
    "BatchFeature": plain.encoding,
    "reduce": folded.reduced,
    "scan": folded.scanned,
    "add": folded.sum_of_two,
    "deque": plain.queue,
    "get_peft_model": adapters.added,
    "prepare_model_for_kbit_training": adapters.prepared,
    "prepare_model_for_int8_training": adapters.prepared,
}
