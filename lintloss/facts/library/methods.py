"""Method calls on values: `loss.item()`, `xs.append(v)`, `logits.view(-1, V)`, `loss.backward()`."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import (
    accumulation,
    augmented,
    batch_shapes,
    discarded,
    distributed,
    exponent,
    fields,
    gradients,
    ignored,
    modes,
    options,
    phases,
    places,
    reduce,
)
from lintloss.facts.library import (
    columns,
    containers,
    entries,
    fairseq,
    folded,
    functional,
    ignite,
    keras,
    lightning,
    loaders,
    losses,
    members,
    meters,
    metrics,
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
LENGTH_SIZE = regex(r"(^|_)(seq\w*|len(gth)?|max_len|steps|T|bptt|time\w*)$")
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
TRAIN_OPS = regex(r"train_?(op|step)|optimi[sz]er|accum\w*_ops?|(^|_)minimi[sz]e|apply_grad")
SCALER = regex(r"scaler[\w.]*\.scale$", re.IGNORECASE)
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
    effect = fairseq.computed(machine, node, receiver, name) or _effect(machine, node, receiver, name, args, kwargs)
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
        return _quantity(machine, node, receiver, name, args, kwargs)
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


def _is_scaled(machine: Machine, node: ast.Call) -> bool:
    """Say whether a gradient scaler is given a loss, to go back through: `scaler.scale(loss).backward()`."""
    return SCALER.search(machine.text(node.func)) is not None


def _effect(
    machine: Machine, node: ast.Call, receiver: Value, name: str, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Handle calls that are made for what they do."""
    if name in {"apply_gradients", "minimize"}:
        phases.backward(machine)
        return None
    if name == "add_state" and isinstance(receiver, Ref) and receiver.kind == "instance":
        return metrics.add_state(machine, receiver, args, kwargs)
    if args and isinstance(node.func, ast.Attribute) and _adds_in_place(receiver, name):
        _add_in_place(machine, node, node.func.value, args[0], kwargs)
        return Const(None)
    if name == "scale" and len(args) == 1 and _is_scaled(machine, node):
        return args[0]
    discarded.note(machine, node, name, args)
    if name in {"backward", "manual_backward"}:
        machine.goes_back.update(frame.node for frame in machine.frames)
        if discarded.are_in(machine):
            return Const(None)
        discarded.remember(machine)
        accumulation.note_backward(machine, node, receiver, args)
        phases.note_objective(machine, args[0] if args else receiver)
        phases.backward(machine)
        return Const(None)
    if name in {"register_buffer", "register_parameter"} and isinstance(receiver, Ref) and len(args) > 1:
        if isinstance(args[0], Const):
            machine.put(receiver, str(args[0].value), args[1])
        return Const(None)
    if name == "run" and node.args and TRAIN_OPS.search(machine.text(node.args[0])):  # a session of TensorFlow 1
        phases.backward(machine)
        return None
    if name == "step" and "optim" in machine.text(node.func).lower():
        if gradients.state(machine) != gradients.OFF:
            phases.backward(machine)
        elif machine.loops:
            machine.loops[-1].idle = True
        return Const(None)
    if name in {"eval", "train"} and args and _is_module_class(receiver):  # `torch.nn.Module.eval(model)`
        return modes.call(machine, node, args[0], name, args[1:])
    if name in {"eval", "train"} and not isinstance(receiver, Lib) and len(args) <= 1:
        if name == "train" and isinstance(receiver, LibObject | Ref):
            trainers.called(machine, node, receiver, name, args)
        return modes.call(machine, node, receiver, name, (args or [kwargs["mode"]]) if "mode" in kwargs else args)
    if name == "apply" and len(args) == 1 and isinstance(receiver, LibObject | Ref | Opaque):
        modes.applied(machine, node, receiver, args[0])
    if name in modes.PARTS:
        return modes.parts(receiver, name)
    if name in modes.SAME_MODULE and (
        isinstance(receiver, LibObject) or (isinstance(receiver, Ref) and receiver.kind == "instance")
    ):
        return receiver
    if name == "enter_context" and args:
        machine.put(gradients.STATEMENT, "off", Opaque(machine.key(node), "entered")) if gradients.said_by(
            machine, args[0], node
        ) else None
        return args[0]
    return None


def _adds_in_place(receiver: Value, name: str) -> bool:
    """Say whether a method adds to what a number's box holds: `total.add_(loss)`, TensorFlow's `total.assign_add(loss)`."""
    is_box = isinstance(receiver, Const) or (isinstance(receiver, Ref) and receiver.kind in {"tensor", "list"})
    return name == "assign_add" or (name == "add_" and is_box)


def _add_in_place(machine: Machine, node: ast.Call, owner: ast.expr, step: Value, kwargs: Kwargs) -> None:
    """Run `total.add_(loss)`, and `total.add_(loss, alpha=n)`, which adds n times as much."""
    from lintloss.facts import factors

    step = factors.multiply(machine, node, step, kwargs["alpha"]) if "alpha" in kwargs else step
    augmented.augment(machine, _statement(machine, node), owner, ast.Add(), step)


def _is_module_class(value: Value) -> bool:
    return isinstance(value, Class) or (isinstance(value, Lib) and value.name.endswith(".Module"))


# -- numbers ----------------------------------------------------------------------------------------------------------


def _quantity(machine: Machine, node: ast.Call, value: Quantity, name: str, args: list[Value], kwargs: Kwargs) -> Value:
    if name in MEANS | SUMS and "where" in kwargs:  # JAX and NumPy: what the mask lets through
        value = losses.chosen(machine, value, kwargs["where"])
    if name == "nanmean" and (kept := reduce.over_kept(machine, node, value)) is not None:
        return kept
    if name in MEANS:
        return reduce.mean(machine, node, value, fields.dimension(args, kwargs, 0))
    if name in SUMS:
        return reduce.total(machine, node, value, fields.dimension(args, kwargs, 0))
    if name in {"exp", "exp_"}:
        return exponent.exponential(machine, node, value)
    if name == "neg":
        return replace(value, negated=not value.negated)
    if name in {"div", "div_", "true_divide"} and args:
        return _in_place(machine, node, ast.Div(), value, args[0])
    if name in {"mul", "mul_"} and args:
        return _in_place(machine, node, ast.Mult(), value, args[0])
    if name in {"add_", "add"} and args:
        _add_in_place(machine, node, node.func.value, args[0], kwargs)  # type: ignore[attr-defined]
        return value
    if name == "repeat" or name == "expand":
        return replace(value, axes=value.axes or ("example",)) if value.unit.is_intensive else value
    if name == "masked_select" and value.axes:
        return losses.chosen(machine, value, args[0] if args else None)
    if name in {"masked_select", "masked_fill", "masked_fill_"}:
        return losses.masked(machine, value, args[0] if args else None, drops=name != "masked_select")
    if name in {"view", "reshape", "flatten", "view_as", "reshape_as"}:
        field = losses.unreduced(value) if args and args[0] != Const(1) else value
        rows = (len(args) == 2 or _is_shape(args, name)) and field.axes in {("position",), ("pos",)}
        return replace(field, axes=_rows_first(node, field)) if rows else field
    if name in {"numel", "nelement"} and value.axes and value.scoring is not None:
        return losses.rows(value) if value.axes == ("row",) else losses.positions(value)
    if name == "size" and args == [Const(0)] and value.is_count and value.axes == ("row",):
        return losses.rows(value)
    if name == "size" and args == [Const(0)] and value.axes and value.scoring is not None:
        if losses.is_flat(value) or (isinstance(node.func, ast.Attribute) and members.is_flat(node.func.value)):
            return losses.positions(value)
        if value.axes == ("row",):
            return losses.rows(value)
    if name in {"max", "min", "argmax", "argmin", "std", "var", "median", "size"}:
        return machine.opaque(node)
    return value


def _rows_first(node: ast.Call, field: Quantity) -> tuple[str, str]:
    """Return the axes of `losses.view(rows, length)`, or of `losses.view(length, rows)` where the sizes say so.

    Labels that were cut along their first axis have their positions there.
    """
    target = field.scoring.target if field.scoring is not None else None
    if isinstance(target, Tensor) and target.window is not None and target.window.is_cut and target.window.axis == 0:
        return ("pos", "row")
    sizes = [ast.unparse(each) for each in node.args]
    turned = len(sizes) == 2 and LENGTH_SIZE.search(sizes[0]) and not LENGTH_SIZE.search(sizes[1])
    return ("pos", "row") if turned else ("row", "pos")


def _is_shape(args: list[Value], name: str) -> bool:
    """Say whether a field takes on the shape of rows again: `losses.view(labels.shape)`, `losses.view_as(labels)`."""
    if len(args) != 1:
        return False
    spread = isinstance(args[0], Opaque) and (args[0].name == ".shape" or args[0].key[-2:] == (".shape", "*"))
    return spread or (name.endswith("_as") and isinstance(args[0], Tensor | Opaque))


def _in_place(machine: Machine, node: ast.Call, operator: ast.operator, value: Quantity, other: Value) -> Value:
    from lintloss.facts import arithmetic

    result = arithmetic.binary(machine, node, operator, value, other)
    if isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_"):
        ranks.place(machine, places.plain_target(node.func.value), result)
    return result


def _statement(machine: Machine, node: ast.Call) -> ast.stmt:
    return machine.frame.statement or ast.Expr(node, lineno=node.lineno, col_offset=0)
