"""Forward passes: where a model was run, under which loops and functions, with gradients or without, in which mode.

They are recorded while the interpreter runs and read when it is done: only then is it known which scopes train.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lintloss.facts import gradients, modes, stateless, stochastic, unswitched
from lintloss.facts.callers import SETTINGS, text_of
from lintloss.facts.forward_methods import FORWARD
from lintloss.facts.library.tables import CRITERION_NAME
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.stochastic import NONE, Stochastic
from lintloss.facts.values import Key, Lib, LibObject, Opaque, Ref, Value, options
from lintloss.findings import Evidence, Span
from lintloss.parse import Module
from lintloss.patterns import regex

MODULE_BASES = regex(
    r"(^|\.)(Module|PreTrainedModel|ModuleList|Sequential|LightningModule|GenerationMixin|\w*PreTrainedModel)$"
)
MODEL_WORDS = regex(
    r"(^|_)(model|models|net|network|lm|llm|gpt\d?|transformer|lstm|rnn|classifier|student|teacher|policy|bert|ddp|unet|resnet|mdl|encoder|decoder|"
    r"backbone|head|discriminator|critic|predictor|regressor|cnn|crnn|mlp|vae|autoencoder|gcn|gnn|gat|vit|clip|engine|generator|module|wrapper)"
    r"\d*(_(ema|ddp|dp|eval|engine|without_ddp|module|wrapped|compiled|half|[a-z]|\d+))?$|^(net|model)[A-Z]$",
)
PART_WORDS = regex(
    MODEL_WORDS.pattern + r"|emb(ed|edding|eddings)?$|wte$|drop(out)?$|norm|layers?$|blocks?$|pos_|stem$"
)
VERBS = regex(
    r"^_*(get|load|build|create|make|prepare|sync|save|init|initialize|setup|set|update|wrap|freeze|unwrap|export|convert|compile|on|reset|register|"
    r"add|named|move|copy|clone|from|is|has|check|test|eval|evaluate|train|run|select|choose|import|download|print|count|log|push|fetch|find|select|merge|retrieve|resolve|"
    r"generate|quantize|prune|define|parse|plot|show|summary|apply|restore|resume|store|configure|construct|instantiate|data|batch|seed|image|text)_"
)
DATASET_CALL = {"transform", "download", "root"}  # `module(root=…, download=True)` of torchvision.datasets
MODEL_CALL = {"input_ids", "attention_mask", "labels", "inputs_embeds"}
METRIC = regex(r"(^|_)(metrics?|accuracy|scores?|predictions?)(_|$)")  # of predictions that were kept
LOADER = regex(r"(loaders?|datasets?|(^|_)dl)$", re.IGNORECASE)
LOSS_CLASS = regex(r"loss|criterion|metric|accuracy", re.IGNORECASE)
NOT_FORWARD = {
    "generate",
    "sample",
    "beam_search",
    "greedy_search",
    "tokenizer",
    "collate",
    "collator",
    "named_modules",
    "modules",
    "encode",
    "decode",
    "pad",
}
FLAG = regex(
    r"train(?!ed)|phase|mode|eval|split|test|optim|valid|backprop|backward|no_grad|infer|is_tr|update", re.IGNORECASE
)
LIMIT = 4000  # forwards remembered for one file


@dataclass(frozen=True, slots=True)
class Scene:
    """A function (or module body) that was running when a forward pass was."""

    module: Module
    node: ast.AST
    key: Key
    name: str
    call: Evidence | None  # where the frame outside called it
    statement: ast.stmt | None
    owner: tuple[str, ...]  # library bases of the class that the method belongs to


@dataclass(frozen=True, slots=True)
class Forward:
    """One run of a model's forward.

    gradients: "on", "off" or "unsure". mode: "eval", "train", "unsure", or "" as the module was born.
    """

    module: Module
    node: ast.Call
    span: Span
    scenes: tuple[Scene, ...]  # outermost first
    loops: tuple[Loop, ...]
    gradients: str
    mode: str
    mode_place: Evidence | None
    model: Value
    text: str
    stochastic: Stochastic
    given_to: str = ""  # code out of sight that the model was given to before
    method: str = ""  # of a model out of sight, which is called in the place of the model itself
    unswitched: Stochastic = NONE  # what drops in either mode


def note(machine: Machine, node: ast.AST, model: Value, method: str = "", *, records: bool = True) -> None:
    """Record that a model is run at `node`, unless that is inside another model's forward.

    records: it has parameters. Else it depends on the input whether gradients are recorded.
    """
    if len(machine.forwards) >= LIMIT or not isinstance(node, ast.Call) or within_forward(machine):
        return
    if "tokenizer" in machine.text(node.func).lower():  # `encoder_tokenizer.generator(...)` is no network
        return
    if any(each.arg == "params" for each in node.keywords):  # Flax: a model that is given its weights has no mode
        return
    state, place = modes.mode(machine, model)
    if _is_told(node):
        state, place = "eval", None
    key = _key(machine, node, state)
    found = Forward(
        machine.frame.module,
        node,
        machine.anchor(machine.frame.module).span(node),
        tuple(_scene(machine, frame) for frame in machine.frames),
        tuple(machine.loops),
        gradients.state(machine) if records else gradients.UNSURE,
        state,
        place,
        model,
        machine.text(node.func),
        _stochastic(machine, model) if state in {"", "train"} else stochastic.UNKNOWN,
        modes.given_to(machine, model),
        method,
        unswitched.of(machine, model),
    )
    machine.forwards[key] = _either(machine.forwards.get(key), found)


def _either(first: Forward | None, found: Forward) -> Forward:
    """Return the pass to keep of two that one call stands for: of several models that it may run, one that minds its mode."""
    if first is None or first.model == found.model or first.mode != found.mode or found.stochastic.sure != "no":
        return found
    if first.stochastic.sure not in {"yes", "maybe"}:
        return found
    return replace(first, stochastic=replace(first.stochastic, sure="maybe"))


def _key(machine: Machine, node: ast.Call, state: str) -> Key:
    """Return under which key a pass is kept; one that a loop comes back to in evaluation mode stands beside the first.

    `for seed in seeds: evaluate(model); model.eval(); …`: what eval() was called on behind it is the model of the last turn.
    """
    key = machine.key(node)
    first = machine.forwards.get(key)
    return (*key, "again") if state == "eval" and first is not None and first.mode == "" else key


def _is_told(node: ast.Call) -> bool:
    """Say whether the call itself asks for evaluation: `model(x, training=False)`, as Keras models take it."""
    off = [each.value for each in node.keywords if each.arg in {"training", "train", "is_training"}]
    return any(isinstance(each, ast.Constant) and each.value is False for each in off)


def _stochastic(machine: Machine, model: Value) -> Stochastic:
    """Say what of a model minds its mode; of a parameter only where the function switches another module."""
    if isinstance(model, Opaque) and modes.TURNED_OFF.search(text_of(machine.frame.node)):
        return stochastic.by_name(machine, model)
    return stochastic.of(machine, model)


@contextmanager
def forgotten(machine: Machine) -> Iterator[None]:
    """Run what says nothing of modes and gradients."""
    before, trained = dict(machine.forwards), dict(machine.trained)
    try:
        yield
    finally:
        machine.forwards, machine.trained = before, trained


by_framework = forgotten  # a framework minds both itself


def note_opaque(machine: Machine, node: ast.AST, callee: Value, name: str, kwargs: dict[str, Value]) -> None:
    """Record a call of what is a model by its name, by its arguments, or because eval() was called on it."""
    if not isinstance(callee, Opaque) or not callee.key or CRITERION_NAME.search(name):
        return
    if name in NOT_FORWARD:
        _note_method(machine, node, callee)
        return
    if name in modes.SAME_MODULE or name[:1].isupper() or METRIC.search(name):
        return
    if DATASET_CALL & set(kwargs) or _is_given_no_batch(node):
        return
    told = not VERBS.search(name) and bool(MODEL_WORDS.search(name) or _is_given_batch(kwargs))
    model = callee
    if callee.name in FORWARD and isinstance(callee.key[-1], str):
        model = Opaque(callee.key[:-1], str(callee.key[-2]).lstrip(".")) if len(callee.key) > 1 else callee
    if told or machine.get(model.key, "training") is not None:  # eval() was called on it: an `image_tower` is no verb
        note(machine, node, model)
    else:
        _note_method(machine, node, callee)


def _note_method(machine: Machine, node: ast.AST, callee: Opaque) -> None:
    """Record a call of a method of what eval() or train() was called on: whether it runs the model, its class tells."""
    owner = callee.key[:-1]
    if owner and isinstance(callee.key[-1], str) and machine.get(owner, "training") is not None:
        note(machine, node, Opaque(owner, str(owner[-1]).lstrip(".")), method=callee.name)


def _is_given_batch(kwargs: dict[str, Value]) -> bool:
    """Say whether arguments go by the names of a model's, and are no lists: those hold what was kept of the batches."""
    lists = (isinstance(each, Ref) and each.kind == "list" for name in kwargs for each in options(kwargs[name]))
    return bool(MODEL_CALL & set(kwargs)) and not any(lists)


def _is_given_no_batch(node: ast.AST) -> bool:
    """Say whether a call is given what no model is: a number that is written out, `frame.head(5)`, or nothing that holds a batch.

    `model.set_attention("local", window=(64, 64))` sets an option, and `progress_wrapper(val_loader, mode="val")` wraps a loader.
    """
    if not isinstance(node, ast.Call):
        return False
    if node.args and isinstance(node.args[0], ast.Constant):
        return True
    given = [*node.args, *(each.value for each in node.keywords)]
    return bool(given) and all(map(_is_no_batch, given))


def _is_no_batch(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Tuple | ast.List):
        return all(map(_is_no_batch, node.elts))
    if isinstance(node, ast.Dict):
        return all(map(_is_no_batch, node.values))
    if isinstance(node, ast.Attribute) and SETTINGS.search(text_of(node.value).rsplit(".", 1)[-1]):
        return True
    return isinstance(node, ast.Name | ast.Attribute) and LOADER.search(text_of(node)) is not None


def note_library(machine: Machine, node: ast.AST, made: LibObject) -> None:
    """Record a call of an instance of some library's class, if it goes by a model's name or eval() was called on it.

    A layer is a part: where another method than forward() runs one, `model.decode(x)`, that runs its module. One without
    parameters records nothing by itself, and has a mode only where it drops.
    """
    if not isinstance(node, ast.Call) or LOSS_CLASS.search(made.name):
        return
    if made.name.startswith(stateless.OF_TORCH):
        owner, learns = _running(machine), not stateless.is_one(made)
        if owner is not None and (learns or stochastic.of(machine, made).sure != "no"):
            note(machine, node, owner, records=learns)
        return
    name = ast.unparse(node.func).rsplit(".", 1)[-1]
    if MODEL_WORDS.search(name) or machine.get(made.key, "training") is not None:
        note(machine, node, made)


def is_module(machine: Machine, model: Ref) -> bool:
    """Say whether an instance of a project class is a network (and no loss written as one)."""
    from lintloss.facts import classes

    if model.cls is None or LOSS_CLASS.search(model.cls.node.name):
        return False
    return any(isinstance(base, Lib) and MODULE_BASES.search(base.name) for base in classes.bases(machine, model.cls))


def _running(machine: Machine) -> Ref | None:
    """Return the network whose method is running, but where it makes its layers."""
    from lintloss.facts import classes

    owner = classes.running_on(machine, machine.frame) if machine.frame.name != "__init__" else None
    return owner if owner is not None and is_module(machine, owner) else None


def within_forward(machine: Machine) -> bool:
    """Say whether a network's forward is running: what it adds up is no report of an evaluation."""
    from lintloss.facts import classes

    for frame in machine.frames:
        owner = classes.running_on(machine, frame) if frame.name in FORWARD else None
        if owner is not None and is_module(machine, owner):
            return True
    return False


def _scene(machine: Machine, frame: Frame) -> Scene:
    return Scene(
        frame.module, frame.node, frame.key, frame.name, frame.call_place, frame.statement, _owner(machine, frame)
    )


def _owner(machine: Machine, frame: Frame) -> tuple[str, ...]:
    from lintloss.facts import classes

    if not isinstance(frame.node, ast.FunctionDef | ast.AsyncFunctionDef) or not frame.node.args.args:
        return ()
    slot = frame.state.names.get(frame.node.args.args[0].arg)
    if slot is None or not isinstance(slot.value, Ref) or slot.value.cls is None:
        return ()
    return tuple(base.name for base in classes.bases(machine, slot.value.cls) if isinstance(base, Lib))


def backward(machine: Machine) -> None:
    """Mark what trains: from the running function outwards up to the first loop around the backward() call.

    An epoch loop around two loops, one that trains and one that evaluates, is not marked.
    """
    flagged = [level for level, _, text in machine.guards if FLAG.search(text)]
    texts = [text for level, _, text in machine.guards if FLAG.search(text)]
    for index in range(len(machine.frames) - 1, -1, -1):
        frame = machine.frames[index]
        inner = [position for position, loop in enumerate(machine.loops) if loop.frame == index + 1]
        if inner:
            position = inner[-1]
            if texts:
                machine.flags[machine.loops[position].key] = texts[-1]
            mark(machine, machine.loops[position].key, not any(level > position for level in flagged))
            return
        mark(machine, frame.key, not any(level >= frame.loop_base for level in flagged))


def differentiates(machine: Machine) -> None:
    """Mark the functions and loops around a call of `torch.autograd.grad`: their forward passes need gradients."""
    machine.differentiated.update(frame.key for frame in machine.frames)
    machine.differentiated.update(loop.key for loop in machine.loops)


def mark(machine: Machine, key: Key, always: bool) -> None:
    machine.trained[key] = machine.trained.get(key, False) or always
