"""Method calls on values: `loss.item()`, `xs.append(v)`, `logits.view(-1, V)`, `loss.backward()`."""

from __future__ import annotations

import ast
import re

from lintloss.facts import batch_shapes, distributed, ignored, modes, options
from lintloss.facts.library import (
    columns,
    containers,
    effects,
    entries,
    fairseq,
    folded,
    functional,
    ignite,
    keras,
    lightning,
    loaders,
    meters,
    number_methods,
    objects,
    padded_batches,
    pieces,
    plain,
    ranks,
    rows,
    tensor_methods,
    tensors,
    text,
    trainers,
    windows,
)
from lintloss.facts.library.tables import GATHERS, MEANS, NUMBER_READS, SAME, SUMS
from lintloss.facts.machine import Machine
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Class,
    Const,
    Func,
    Lib,
    LibObject,
    ModelOutput,
    Opaque,
    Quantity,
    Ref,
    Tensor,
    Tuple,
    Value,
    join,
)
from lintloss.patterns import regex

FILLS = frozenset({"masked_fill", "masked_fill_", "where"})  # … with their last argument, where a mask says so
Kwargs = dict[str, Value]
# Methods of modules, criteria, metrics and loaders that return what they are called on.
MOVES = frozenset(
    {
        "to",
        "cuda",
        "cpu",
        "half",
        "float",
        "bfloat16",
        "double",
        "requires_grad_",
        "compile",
        "share_memory",
        "tie_weights",
    }
    | {"merge_and_unload", "to_empty", "to_bettertransformer", "with_format"}
)
# Class methods of libraries' models that make an instance: of transformers, diffusers, Lightning.
LOADS = frozenset({"from_pretrained", "from_config", "load_from_checkpoint"})
SPELLS = frozenset({"lower", "upper", "strip"})  # of a name that is written out
PREDICTS = frozenset({"predict", "predict_on_batch"})  # of Keras' models: what they make of rows
# Methods that wrap what they are given and return it in the order that it came.
APPLIES = frozenset({"apply", "progress_apply", "parallel_apply"})
PREPARES = frozenset({"prepare", "setup", "setup_dataloaders", "setup_module", "prepare_model", "prepare_data_loader"})
PREPARERS = regex(r"accelerator|fabric", re.IGNORECASE)


def call(
    machine: Machine, node: ast.Call, receiver: Value, name: str, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Call `receiver.name(...)`; None where nothing special is known of it."""
    if name in {"findall", "tokenize", "split"}:
        apart = pieces.taken_apart(name, receiver, args)
        if apart is not None:
            return apart
    if isinstance(receiver, Const) and isinstance(receiver.value, str) and name in SPELLS and not args:
        return Const(getattr(receiver.value, name)())
    if isinstance(receiver, Choice):
        return _each(machine, node, receiver, name, args, kwargs)
    effect = fairseq.computed(machine, node, receiver, name) or effects.call(
        machine, node, receiver, name, args, kwargs
    )
    if effect is None:
        effect = meters.call(machine, node, receiver, name, args, kwargs)
    if effect is not None:
        return effect
    if name == "update" and folded.counted(machine, node, receiver, args[0] if args else Const(None), kwargs):
        return Const(None)
    if name in {"_replace", "replace"} and not args:
        renewed = folded.replaced(machine, node, receiver, kwargs)
        if renewed is not None:
            return renewed
    if name == "from_pretrained" and isinstance(receiver, LibObject) and loaders.short(receiver) == "Embedding":
        return receiver  # a class method, called on an instance: another table of vectors
    if isinstance(receiver, Class) and name in LOADS:
        return _loaded_model(machine, node, receiver, name, kwargs)
    if isinstance(receiver, Class) and name == "splits":  # torchtext: one iterator of this class for each split
        return machine.new_list(node, Ref(machine.key(node, receiver.node.name), "instance", receiver), Const(3))
    if isinstance(receiver, Lib) and name == "splits" and receiver.name.endswith(".BucketIterator"):
        return loaders.splits(machine, node, receiver, args, kwargs)
    if name in FILLS:  # labels.masked_fill(mask, -100), torch.masked_fill(labels, mask, -100)
        rest = args[1 + isinstance(receiver, Lib) :]
        batch_shapes.note_filled(machine, node, kwargs.get("value", rest[0] if rest else UNKNOWN))
    if isinstance(receiver, Lib):
        return None
    if name == "extend" and isinstance(receiver, Opaque) and len(args) == 1 and isinstance(node.func, ast.Attribute):
        if pieces.fill_up(machine, node, node.func.value, node.args[0]):
            return Const(None)
    if name == "__iter__" and not args and isinstance(receiver, LibObject):
        return receiver
    if name in {"__next__", "next"} and not args and isinstance(receiver, LibObject | Ref | Tuple):
        return plain.following(machine, node, [receiver], {})
    if name == "compile" and isinstance(node, ast.Call):
        keras.compiled(machine, node, receiver, args, kwargs)
    if name in PREDICTS and isinstance(receiver, LibObject) and keras.is_own(receiver):
        return keras.called(machine, node, receiver, args)
    if name in {"evaluate", "fit"} and isinstance(receiver, LibObject | Ref):
        keras.evaluated(machine, node, receiver, name, args, kwargs)
    if name == "add" and isinstance(receiver, LibObject) and len(args) == 1 and keras.is_own(receiver):
        keras.added(machine, receiver, args[0])
        return Const(None)
    if name in functional.NAMES:
        applied = functional.called(machine, node, receiver, args, kwargs)
        if applied is not None:
            return applied
    if args and prepares(machine, node.func):
        return Tuple(tuple(args)) if len(args) > 1 else args[0]
    if args and name == "unwrap_model":  # of accelerate, and of a Trainer's accelerator
        return args[0]
    if isinstance(receiver, LibObject | Opaque) and name in text.ENCODERS and text.is_tokenizer(receiver):
        return text.encoded(machine, node, receiver, args, kwargs, name)
    if name in text.TELLS or (name in text.ENCODES and text.is_told(machine, receiver, kwargs)):
        return text.told(machine, node, receiver, name, kwargs)
    if isinstance(receiver, LibObject) and name in {"update", "forward"} and receiver.name.endswith("Perplexity"):
        return objects.perplexity(machine, node, receiver, args, kwargs)
    if name == "attach" and isinstance(receiver, LibObject) and receiver.name.startswith("ignite."):
        ignite.attached(machine, node, receiver, args)
    if name in {"fit", "validate", "test"} and isinstance(receiver, LibObject):
        lightning.fitted(machine, node, receiver, name, args, kwargs)
    if name == "evaluate" and isinstance(receiver, LibObject | Ref):
        return trainers.called(machine, node, receiver, name, args)
    if name in trainers.LOOPS and isinstance(receiver, Ref):
        return trainers.looped(machine, node, receiver)
    if name in APPLIES and args and isinstance(args[0], Func) and columns.is_one(node, receiver):
        made = columns.of_column(machine, node, receiver, args[0])
        if made is not None:
            return made
    if name == "map" and isinstance(receiver, Opaque | Ref | LibObject) and (args or "function" in kwargs):
        by = args[0] if args else kwargs["function"]
        made = rows.mapped(machine, node, receiver, by) if isinstance(by, Func) else None
        ignored.note_mapped(machine, receiver, by, made)
        if made is not None:
            return made
    if name == "padded_batch":
        return padded_batches.made(machine, node, receiver, args, kwargs)
    if name in rows.RESHUFFLES | padded_batches.KEEPS and isinstance(receiver, Opaque | Ref | Tuple):
        return receiver
    if name in PREPARES and args and isinstance(receiver, Opaque | LibObject):
        return args[0] if len(args) == 1 else Tuple(tuple(args))
    if name in {"get", "pop"} and len(args) == 2 and entries.is_keywords(machine, node):
        switch = entries.off_unless_given(machine, node, receiver, args[0], args[1])
        if switch is not None:
            return switch
        return args[1] if not isinstance(receiver, Ref) else containers.of_dict(machine, receiver, name, args)
    if name in {"get", "pop"} and len(args) == 2 and isinstance(receiver, Opaque) and isinstance(args[0], Const):
        if entries.defaulted(machine, receiver, args[0].value):
            return args[1]
    if name == "pop" and isinstance(receiver, Opaque) and receiver.key and args and isinstance(args[0], Const):
        return entries.popped(machine, receiver, str(args[0].value))
    if name == "insert" and len(args) == 2 and isinstance(receiver, Tensor):
        return pieces.inserted(machine, node, receiver)
    if name == "ljust":
        return pieces.justified(machine, node, receiver)
    if name == "add_argument":
        options.note(machine, args, kwargs)
    if name == "parse_args_into_dataclasses" and isinstance(receiver, LibObject):
        options.note_fields(machine, receiver.arg(0, "dataclass_types"))
    return _of_kind(machine, node, receiver, name, args, kwargs)


def _loaded_model(machine: Machine, node: ast.Call, cls: Class, name: str, kwargs: Kwargs) -> Value:
    """Make what a class method inherited from a library loads: from_pretrained() leaves it in evaluation mode."""
    from lintloss.facts import classes

    made = classes.instantiate(machine, node, cls, [], kwargs)
    if name == "from_pretrained":
        modes.switch(machine, made, Const(False), None)
    return made


def _of_kind(
    machine: Machine, node: ast.Call, receiver: Value, name: str, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Call a method by what its owner is: a number, a container, a quantity, a tensor."""
    if isinstance(receiver, Const) and isinstance(receiver.value, int | float):
        if name in SAME or (receiver.value == 0 and name in MEANS | SUMS):
            return receiver
    is_instance = isinstance(receiver, Ref) and receiver.kind == "instance"
    if name in MOVES and (isinstance(receiver, LibObject) or is_instance):
        return receiver
    if name == "_asdict" and is_instance:
        return plain.fields(machine, node, [receiver], {})
    if isinstance(receiver, Tuple) and name in NUMBER_READS:  # a small tensor
        return receiver.items[0] if name == "item" and len(receiver.items) == 1 else receiver
    if isinstance(receiver, Tuple) and name in {"view", "reshape"} and len(args) == 2 and args[0] == Const(1):
        return windows.one_row(machine.key(node))  # `torch.LongTensor([word]).view(1, -1)`
    if isinstance(receiver, Ref) and receiver.kind != "instance":
        return containers.of_container(machine, node, receiver, name, args)
    if isinstance(receiver, Quantity):
        return number_methods.call(machine, node, receiver, name, args, kwargs)
    if isinstance(receiver, Tensor | ModelOutput):
        made = tensors.call(
            machine, node, name, receiver.logits if isinstance(receiver, ModelOutput) else receiver, args, kwargs
        )
        if made is not None:
            return made
    if name in GATHERS and args and not isinstance(receiver, Tensor) and not isinstance(args[0], Const):
        return distributed.gathered(machine, node, args[0])
    written = machine.text(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    over_ranks = ranks.call(machine, node, name, "", args, kwargs, owner=written.rsplit(".", 1)[-1])
    if over_ranks is not None:
        return over_ranks
    if isinstance(receiver, Tensor | ModelOutput | Opaque):
        return tensor_methods.of_tensor(machine, node, receiver, name, args, kwargs)
    return None


def prepares(machine: Machine, function: ast.expr) -> bool:
    """Say whether a method hands back what it is given, ready to run: `accelerator.prepare`, `fabric.setup`."""
    return (
        isinstance(function, ast.Attribute)
        and function.attr in PREPARES
        and PREPARERS.search(machine.text(function)) is not None
    )


def _each(
    machine: Machine, node: ast.Call, receiver: Choice, name: str, args: list[Value], kwargs: Kwargs
) -> Value | None:
    from lintloss.facts import calls
    from lintloss.facts.expressions import member

    result: Value | None = None
    for option in receiver.options:
        if isinstance(option, Const):
            continue
        each = call(machine, node, option, name, args, kwargs)
        if each is None:
            each = calls.call(machine, node, member(machine, option, name, node.func), args, kwargs)
        result = each if result is None else join(result, each)
    return result
