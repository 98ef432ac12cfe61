"""What in a model differs between training and evaluation mode: dropout that drops, batch norm, or nothing that is seen."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from lintloss.facts import classes
from lintloss.facts.library.tables import CAUSAL, HEADED, MASKED_MODELS, PAIRED
from lintloss.facts.machine import Machine
from lintloss.facts.modes import inner_model, is_module
from lintloss.facts.survey import walk
from lintloss.facts.values import UNLESS_GIVEN, Class, Const, LibObject, Opaque, Ref, Value, options
from lintloss.findings import Evidence
from lintloss.patterns import regex

NORMS = regex(r"^(Lazy|Sync)?(BatchNorm(1d|2d|3d)?|BatchNorm2dSync|InPlaceABN)$|^GhostBatchNorm")
DROPS = regex(
    r"^(Feature)?(Alpha)?Dropout(1d|2d|3d)?$|^(DropPath|StochasticDepth|LockedDropout|VariationalDropout|WordDropout|DropBlock2D)$"
)
FUNCTIONAL = regex(r"^(alpha_|feature_)?dropout(1d|2d|3d)?$")
BUILT_IN = {"TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer"}  # 0.1 by default
BY_ARGUMENT = {"LSTM", "GRU", "RNN", "MultiheadAttention", "GATConv", "SRU"}  # 0 by default
# Where torch's layers take their rate, if it goes by no name.
RATE_AT = {"TransformerEncoderLayer": 3, "TransformerDecoderLayer": 3, "Transformer": 5, "MultiheadAttention": 2}
RATE_AT |= {"LSTM": 5, "GRU": 5, "RNN": 6}
BETWEEN_LAYERS = {"LSTM", "GRU", "RNN"}  # what they drop, they drop between their layers: of one layer, nothing
LAYERS_AT = 2
FAMILIES = regex(
    r"^(resnet\d+|resnext\w+|wide_resnet\w+|densenet\w+|mobilenet\w+|efficientnet\w+|vgg\w*|alexnet|inception\w*|googlenet|create_model|regnet\w+|shufflenet\w+|mnasnet\w+)$"
)
# Causal models of transformers whose configurations drop nothing unless they are told to; what Auto makes, nobody knows.
DROPLESS = regex(
    r"^(Auto|Llama|Mistral|Mixtral|Qwen\d?|Gemma\d?|Phi\d?|GPTNeoX|Olmo\d?|Falcon)\w*(ForCausalLM|LMHeadModel)$"
)
DEPTH = 5


@dataclass(frozen=True, slots=True)
class Stochastic:
    """How a model may differ between its modes.

    sure: "yes" (seen, and switched on), "maybe" (seen, the rate is not), "no" (all of it is seen, nothing differs) or
    "unknown". family: a library's model, whose layers are not in this code. fresh: born in training mode.
    """

    sure: str = "unknown"
    what: str = ""
    places: tuple[Evidence, ...] = ()
    family: bool = False
    fresh: bool = True


UNKNOWN = Stochastic()
NONE = Stochastic("no")


def of(machine: Machine, model: Value) -> Stochastic:
    """Say what is known of a model."""
    found = [_of_one(machine, inner_model(each), set(), 0) for each in options(model) if not isinstance(each, Const)]
    return _strongest(found) if len({each.fresh for each in found}) == 1 else UNKNOWN


def _strongest(found: list[Stochastic]) -> Stochastic:
    for wanted in ("yes", "maybe", "unknown"):
        for each in found:
            if each.sure == wanted:
                return each
    return found[0] if found else UNKNOWN


def _of_one(machine: Machine, model: Value, seen: set[str], depth: int) -> Stochastic:
    if depth > DEPTH:
        return UNKNOWN
    if isinstance(model, Ref) and model.cls is not None:
        slots = [slot for name, slot in machine.fields(model).items() if name not in {"training", "switched"}]
        held = [each for slot in slots for each in options(slot.value)]
        parts = [each for each in held if is_module(each) and not _is_in_evaluation(machine, each)]
        inner = [_of_one(machine, each, seen, depth + 1) for each in parts]
        told = of_class(machine, model.cls, seen, depth)
        if told.sure == "maybe" and any(_is_switched_off(machine, each, depth) for each in held):
            told = NONE  # the rate that the class is given is 0
        return _strongest([told, *(each for each in inner if each.sure != "unknown")])
    if isinstance(model, LibObject):
        return _of_library(machine, model, seen, depth)
    return UNKNOWN


def _is_in_evaluation(machine: Machine, part: Value) -> bool:
    """Say whether a part of a model of the project is in evaluation mode by itself, as from_pretrained() leaves it."""
    slot = machine.get(part, "training") if isinstance(part, Ref) else None
    return slot is not None and slot.value == Const(False)


def _is_switched_off(machine: Machine, layer: Value, depth: int) -> bool:
    """Say whether a layer that could drop, here or in a module of the project, was made with a rate of 0."""
    if isinstance(layer, Ref) and layer.cls is not None and depth < DEPTH:
        held = [each for slot in machine.fields(layer).values() for each in options(slot.value)]
        return any(_is_switched_off(machine, each, depth + 1) for each in held if is_module(each) and each != layer)
    if not isinstance(layer, LibObject):
        return False
    name = layer.name.rsplit(".", 1)[-1]
    rate = _likely(machine, _given_rate(layer, name))
    may_drop = DROPS.match(name) is not None or name in BUILT_IN or name in BY_ARGUMENT
    return may_drop and isinstance(rate, Const) and rate.value in (0, 0.0)


def _given_rate(layer: LibObject, name: str) -> Value | None:
    if name in BETWEEN_LAYERS and layer.arg(LAYERS_AT, "num_layers") in {None, Const(1)}:
        return None
    return layer.arg(0, "p") if DROPS.match(name) else layer.arg(RATE_AT.get(name, -1), "dropout")


def _likely(machine: Machine, rate: Value | None) -> Value | None:
    """Take 0 for a rate that `**options` may hold, if it is the default where they end: that they hold it is not seen."""
    slot = machine.get(rate.key, UNLESS_GIVEN) if isinstance(rate, Opaque) else None
    return slot.value if slot is not None and slot.value in (Const(0), Const(0.0)) else rate


def _of_library(machine: Machine, model: LibObject, seen: set[str], depth: int) -> Stochastic:
    name = model.name.rsplit(".", 1)[-1]
    made = (model.made,) if model.made is not None else ()
    if NORMS.match(name):
        return Stochastic("yes", "batch norm", made)
    if DROPS.match(name) or name in BUILT_IN or name in BY_ARGUMENT:
        return _rate(name, _likely(machine, _given_rate(model, name)), made)
    if FAMILIES.match(name):
        return Stochastic("yes", "batch norm or dropout", made, family=True)
    if (
        CAUSAL.search(name)
        or MASKED_MODELS.search(name)
        or PAIRED.search(name)
        or HEADED.search(name)
        or name.endswith("Model")
    ):
        return _pretrained(model, made)
    inner = [_of_one(machine, each, seen, depth + 1) for each in model.args if is_module(each)]
    return _strongest(inner) if inner else NONE if model.name.startswith("torch.nn") else UNKNOWN


def _pretrained(model: LibObject, made: tuple[Evidence, ...]) -> Stochastic:
    """A model of transformers: from_pretrained() leaves it in evaluation mode; what it drops is in its configuration."""
    adapted = next((each for each in model.kwargs if each[0] == "adapter"), None)
    if adapted is not None:
        return _lora(adapted[1], made)
    if DROPLESS.match(model.name.rsplit(".", 1)[-1]):
        return UNKNOWN
    loaded = model.made is not None and "from_pretrained" in model.made.message
    return Stochastic("maybe", "dropout", made, family=True, fresh=not loaded)


def _lora(config: Value, made: tuple[Evidence, ...]) -> Stochastic:
    """get_peft_model() adds modules of its own, born in training mode; their dropout is in the configuration."""
    rate = config.arg(-1, "lora_dropout") if isinstance(config, LibObject) else None
    if (
        isinstance(config, LibObject)
        and "Lora" in config.name
        and (rate is None or rate == Const(0.0) or rate == Const(0))
    ):
        return NONE
    if isinstance(rate, Const):
        return Stochastic("yes", f"LoRA dropout {rate.value}", made)
    return Stochastic("maybe", "LoRA dropout", made) if rate is not None else UNKNOWN


def _rate(name: str, rate: Value | None, made: tuple[Evidence, ...]) -> Stochastic:
    if rate is None:
        return (
            NONE
            if name in BY_ARGUMENT
            else Stochastic("yes", f"{name} (0.{'1' if name in BUILT_IN else '5'} by default)", made)
        )
    if isinstance(rate, Const):
        return Stochastic("yes", f"{name}({rate.value})", made) if rate.value else NONE
    return Stochastic("maybe", name, made)


# -- classes whose instances were not looked into ---------------------------------------------------------------------


def of_class(machine: Machine, cls: Class, seen: set[str], depth: int) -> Stochastic:
    """Read the methods of a class, its bases and the project classes that it makes or is annotated with."""
    if depth or seen:
        return _read(machine, cls, seen, depth)
    if cls not in machine.natures or machine.loading:
        machine.natures[cls] = (_read(machine, cls, seen, depth), frozenset(seen))
    nature, read = machine.natures[cls]
    seen |= read
    return nature


def _read(machine: Machine, cls: Class, seen: set[str], depth: int) -> Stochastic:
    found: list[Stochastic] = []
    for base in classes.bases(machine, cls):
        if isinstance(base, Class) and _once(base, seen):
            found += _in_body(machine, base, seen, depth)
    return _strongest(found) if found else NONE


def _once(cls: Class, seen: set[str]) -> bool:
    name = f"{cls.module.path}:{cls.node.name}"
    if name in seen:
        return False
    seen.add(name)
    return True


def _in_body(machine: Machine, cls: Class, seen: set[str], depth: int) -> list[Stochastic]:
    found = []
    if cls.node not in machine.telling:
        machine.telling[cls.node] = [node for node in walk(cls.node) if isinstance(node, ast.Call | ast.arg)]
    for node in machine.telling[cls.node]:
        if isinstance(node, ast.Call):
            each = _made_by(machine, cls, node, seen, depth)
            if each is not None:
                found.append(each)
        elif isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name) and depth < DEPTH:
            value = _named(machine, cls, node.annotation)
            if isinstance(value, Class) and node.arg != "self":
                inner = of_class(machine, value, seen, depth + 1)
                found += [inner] if inner.sure in {"yes", "maybe"} else []
    return found


def _made_by(machine: Machine, cls: Class, node: ast.Call, seen: set[str], depth: int) -> Stochastic | None:
    name = (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )
    is_class = name[:1].isupper() and isinstance(node.func, ast.Name) and depth < DEPTH
    if NORMS.match(name) or FUNCTIONAL.match(name) or DROPS.match(name) or name in BUILT_IN or name in BY_ARGUMENT:
        return _layer(machine, cls, node, name)
    value = _named(machine, cls, node.func) if is_class else None
    if isinstance(value, Class):
        inner = of_class(machine, value, seen, depth + 1)
        return inner if inner.sure in {"yes", "maybe"} else None
    return None


def _layer(machine: Machine, cls: Class, node: ast.Call, name: str) -> Stochastic | None:
    place = (
        Evidence(
            cls.module.path, machine.anchor(cls.module).span(node), f"`{ast.unparse(node)[:60]}` in {cls.node.name}"
        ),
    )
    if NORMS.match(name):
        return Stochastic("yes", "batch norm", place)
    if FUNCTIONAL.match(name):
        return _functional(cls, node, name, place)
    layers = argument(node, LAYERS_AT, "num_layers")
    if name in BETWEEN_LAYERS and (layers is None or _static(cls, layers) == Const(1)) and not _is_spread(node):
        return None
    at = 0 if DROPS.match(name) else RATE_AT.get(name, -1)
    given = argument(node, at, "p" if DROPS.match(name) else "dropout", "drop_prob")
    return _rate(name, _static(cls, given) if given is not None else None, place)


def argument(call: ast.Call, index: int, *names: str) -> ast.expr | None:
    """Return what a call gives by one of these names or at a place; behind `*sizes` nobody knows the places."""
    named = next((each.value for each in call.keywords if each.arg in names), None)
    if named is not None or not 0 <= index < len(call.args):
        return named
    before = call.args[: index + 1]
    return None if any(isinstance(each, ast.Starred) for each in before) else before[index]


def _is_spread(call: ast.Call) -> bool:
    """Say whether a call takes arguments that are not written in it: `nn.LSTM(*sizes, **options)`."""
    return any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords)


def _functional(cls: Class, node: ast.Call, name: str, place: tuple[Evidence, ...]) -> Stochastic | None:
    """F.dropout(x, p, training=self.training); without `training` it always drops, eval() or not."""
    follows = argument(node, 2, "training")
    if follows is None or "training" not in ast.unparse(follows):
        return None
    given = argument(node, 1, "p")
    return _rate("Dropout", _static(cls, given) if given is not None else None, place)


def _static(cls: Class, node: ast.expr) -> Value:
    """Return the rate if it is written there, or as the default of a parameter of __init__."""
    if isinstance(node, ast.Constant):
        return Const(node.value)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        node = ast.Name(node.attr)
    if isinstance(node, ast.Name):
        for default in _defaults(cls, node.id):
            return Const(default)
    return Opaque(("rate",), ast.unparse(node))


def _defaults(cls: Class, name: str) -> list[object]:
    made = next((each for each in cls.node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
    if made is None:
        return []
    plain = (*made.args.posonlyargs, *made.args.args)
    pairs = [
        *zip(reversed(plain), reversed(made.args.defaults), strict=False),
        *zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True),
    ]
    return [
        value.value
        for each, value in pairs
        if each.arg == name and isinstance(value, ast.Constant) and isinstance(value.value, int | float)
    ]


def by_name(machine: Machine, model: Opaque) -> Stochastic:
    """Take a parameter called `decoder` for an instance of the class Decoder of its file."""
    wanted = model.name.replace("_", "").lower()
    path = machine.frame.module.path
    for name in machine.global_names(path):
        slot = machine.global_slot(path, name) if name.lower() == wanted else None
        if slot is not None and isinstance(slot.value, Class):
            return of_class(machine, slot.value, set(), 0)
    return UNKNOWN


def _named(machine: Machine, cls: Class, node: ast.expr) -> Value:
    return classes.in_module(machine, cls, node)


__all__ = ["NONE", "UNKNOWN", "Stochastic", "of", "of_class"]
