"""Calls of library functions and classes, by the last part of their dotted name."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from lintloss.facts import distributed, exponent, fields, forwards, gradients, reduce, strangers
from lintloss.facts.library import (
    adapters,
    choices,
    columns,
    fairseq,
    filling,
    folded,
    formulas,
    growing,
    ignite,
    losses,
    made_tensors,
    meters,
    onehot,
    operators,
    plain,
    ranks,
    records,
    reshaped,
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
from lintloss.facts.values import UNKNOWN, Class, Const, Func, Lib, LibObject, Opaque, Quantity, Ref, Tensor, Value
from lintloss.patterns import regex

Kwargs = dict[str, Value]
UNWRAPS = frozenset({"unwrap_model", "extract_model_from_parallel"})  # of accelerate and transformers
ATTENTION = regex(r"attn|attention")
MODEL_MAKERS = regex(r"^(torchvision\.models\.(\w+\.)*(?!get_|list_)[a-z]\w+|timm\.(models\.)?create_model)$")


def call(machine: Machine, node: ast.AST, full: str, args: list[Value], kwargs: Kwargs) -> Value:
    """Call the library function or class `full`."""
    name = full.rsplit(".", 1)[-1]
    criterion = _criterion(machine, node, name, full, args, kwargs)
    if criterion is not None:
        return criterion
    if name == "from_pretrained" or name == "from_config":
        return _pretrained(machine, node, full, args, kwargs)
    output = results.filled(machine, node, full, args, kwargs) or fairseq.logged(machine, node, full, args)
    if output is not None:
        return output
    if full == "builtins.map" and args and isinstance(args[0], Lib):  # whatever it does to each of them
        strangers.note(machine, "." + args[0].name.rsplit(".", 1)[-1], args[1:])
    if name == "grad" and full.startswith("torch."):
        forwards.differentiates(machine)
    if (
        name == "is_grad_enabled" and gradients.state(machine) == gradients.OFF
    ):  # by default, nothing is known of the caller
        return Const(False)
    if name in UNWRAPS and args:
        return args[0]
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


def _criterion(
    machine: Machine, node: ast.AST, name: str, full: str, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Call a criterion that is a function, as its library has it reduce."""
    if name in CRITERIA and not name[0].isupper():
        if full.startswith("mlx."):  # one value per position, unless it is asked to reduce
            kwargs = {"reduction": Const("none"), **kwargs}
        if full.startswith("chainer."):  # … and Chainer's reduce, under another name
            kwargs = {**kwargs, "reduction": Const("none" if kwargs.get("reduce") == Const("no") else "mean")}
            kwargs.pop("reduce", None)
        return losses.call(machine, node, name, CRITERIA[name], args, kwargs)
    if name in KERAS_CRITERIA and not name[0].isupper():
        return losses.call(machine, node, name, KERAS_CRITERIA[name], args, kwargs)
    return None


def _pretrained(machine: Machine, node: ast.AST, full: str, args: list[Value], kwargs: Kwargs) -> Value:
    name = full.rsplit(".", 1)[-1]
    owner = full.rsplit(".", 2)[-2] if full.count(".") else full
    return adapters.loaded(machine, node, owner, args, kwargs) or LibObject(
        owner,
        tuple(args),
        tuple(kwargs.items()),
        machine.evidence(node, f"{owner}.{name} here"),
        machine.key(node, owner),
    )


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
        return made_tensors.filled(machine, node, name, args, kwargs)
    if name in onehot.RANDOM and (block := onehot.anything(machine, node, args)) is not None:
        return block
    if name in FLATTENING and isinstance(first, Tensor):
        return reshaped.of_view(machine, node, first, name, args[1:])
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


def _size(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    return shapes.number(args[0]) if len(args) == 1 else None


def _wrapped(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """jit(f), pmap(f), torch.compile(f or model): what it is put around."""
    first = args[0] if args else kwargs.get("model", kwargs.get("fun", UNKNOWN))
    is_partial = isinstance(first, LibObject) and first.name == transforms.PARTIAL
    is_model = isinstance(first, LibObject | Ref) and machine.text(node).startswith("torch.")
    return first if isinstance(first, Func | Class) or is_partial or is_model else None


def _random_split(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    from lintloss.facts import padding

    return padding.split(machine, node, [*args, *(kwargs[name] for name in ("lengths",) if name in kwargs)])


NAMED: dict[str, Callable[[Machine, ast.AST, list[Value], Kwargs], Value | None]] = {
    "log": formulas.log,
    "log2": formulas.log2,
    "size": _size,
    "not_equal": formulas.compared,
    "ne": formulas.compared,
    "constant": made_tensors.tensor,
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
    "softmax": formulas.softmax("probs"),
    "sigmoid": formulas.softmax("probs"),
    "log_softmax": formulas.softmax("log_probs"),
    "logsigmoid": formulas.softmax("log_probs", "logsigmoid"),
    "stack": made_tensors.collected("stack"),
    "cat": made_tensors.collected("cat"),
    "concat": made_tensors.collected("cat"),
    "concatenate": made_tensors.collected("cat"),
    "hstack": made_tensors.collected("cat"),
    "vstack": made_tensors.collected("cat"),
    "append": growing.appended,
    "tensor": made_tensors.tensor,
    "array": made_tensors.tensor,
    "LongTensor": made_tensors.ids,
    "FloatTensor": made_tensors.numbers,
    "DoubleTensor": made_tensors.numbers,
    "Tensor": made_tensors.numbers,
    "as_tensor": made_tensors.numbers,
    "pow": plain.power,
    "power": plain.power,
    "where": choices.where,
    "full_like": made_tensors.full_like,
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
    "count_nonzero": formulas.count_nonzero,
    "next": plain.following,
    "random_split": _random_split,
    "einsum": formulas.einsum,
    "dot": formulas.dot,
    "masked_mean": formulas.masked_mean,
    "inner": formulas.dot,
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
