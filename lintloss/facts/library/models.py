"""Models: which read only the past, which move labels by themselves, and which one a parameter called `model` is."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from lintloss.facts import aliases, callers, modes
from lintloss.facts.library import loaders
from lintloss.facts.library.tables import CAUSAL, CRITERION_NAME, MODEL_NAME
from lintloss.facts.machine import Machine
from lintloss.facts.survey import children, walk
from lintloss.facts.values import Class, Func, Key, Lib, LibObject, Opaque, Pending, Ref, Value
from lintloss.facts.words import quick
from lintloss.patterns import regex

# Classes of Hugging Face that are causal in name and score labels as they come.
UNSHIFTED = regex(
    r"^(M?Bart|PLBart|BigBirdPegasus|Pegasus|PegasusX|Blenderbot|BlenderbotSmall|Marian|Mvp|TrOCR|Speech2Text2|Whisper|ProphetNet|XLMProphetNet)ForCausalLM$"
)
PAST = quick(
    r"\btril\b|\btriu\b|is_causal|causal|square_subsequent|subsequent_mask|future_mask|look_?ahead|tgt_mask|"
    r"nn\.(LSTM|GRU|RNN)(Cell)?\(|(?:(?<![\w.])LSTM|(?<![\w.])GRU|(?<![\w.])RNN)(Cell)?\(",
)
RECURRENT = regex(r"\b(LSTM|GRU|RNN)(Cell)?\(")
ALL = quick(
    r"bidirectional\s*=\s*true|bidirectional=bi|\.flip\(|torch\.flip\(|is_causal\s*=\s*false|causal\s*=\s*false|mask_token|maskedlm|\bmlm\b|\bcrf\b|auto_?encod|\bvae\b|noise_?schedul|\bdenois",
)
DEPTH = 4


def reads(machine: Machine, model: Value | None) -> str:
    """Return "past" where row t of the model's logits has read the ids up to t, "all" or ""."""
    if isinstance(model, LibObject):
        return "past" if CAUSAL.search(loaders.short(model)) else ""
    if isinstance(model, Ref) and model.cls is not None:
        return _reading(source_of(machine, model.cls))
    return ""


@lru_cache(maxsize=64)
def _reading(text: str) -> str:
    if ALL.search(text.lower()):
        return "all"
    return "past" if PAST.search(text) else ""


def shifts_labels(model: Value | None) -> bool:
    """Say whether a library model moves the labels that it is given."""
    if not isinstance(model, LibObject):
        return False
    name = loaders.short(model)
    return bool(CAUSAL.search(name)) and not UNSHIFTED.match(name)


def is_batch_first(model: Value | None) -> bool:
    return isinstance(model, LibObject) and bool(CAUSAL.search(loaders.short(model)))


def source_of(machine: Machine, cls: Class, depth: int = 0) -> str:
    """Return the text of a class and of the project's classes that it uses."""
    known = machine.class_texts.get((cls.module.path, cls.node.lineno))
    if known is not None:
        return known
    machine.class_texts[cls.module.path, cls.node.lineno] = ""  # classes that use one another
    lines = cls.module.code.split("\n")[cls.node.lineno - 1 : cls.node.end_lineno]
    text = aliases.with_plain_nn(cls.module, "\n".join(lines))
    if depth < DEPTH:
        for name in _names(cls.node):
            used = _class_named(machine, cls, name)
            if used is not None and used.node is not cls.node:
                text += "\n" + source_of(machine, used, depth + 1)
    machine.class_texts[cls.module.path, cls.node.lineno] = text
    return text


@lru_cache(maxsize=512)
def _names(node: ast.ClassDef) -> tuple[str, ...]:
    names = {each.id for each in walk(node) if isinstance(each, ast.Name)}
    return tuple(sorted(names))


def _class_named(machine: Machine, cls: Class, name: str) -> Class | None:
    from lintloss.facts.expressions import looked_up

    slot = machine.global_slot(cls.module.path, name)
    if slot is None or (isinstance(slot.value, Pending) and not name.lstrip("_")[:1].isupper()):
        return None  # modules and functions: to find out costs reading their files
    value = looked_up(machine, name, slot)
    return value if isinstance(value, Class) else None


# -- which model a parameter is ---------------------------------------------------------------------------------------


def guess(machine: Machine, function: Func, name: str) -> Value | None:
    """Return what a parameter of a function that nothing calls must be.

    A model: the only one that the file makes; a loader or model of the script's that goes by the same name.
    """
    if function.module is not machine.frames[0].module:
        return None
    shared = _same_named(machine, function, name)
    if shared is not None:
        return shared
    made = _only_made(machine, function)
    if isinstance(made, Class) and function.owner is not None and function.owner.node is made.node:
        return None  # what a model is made of is another one
    if not MODEL_NAME.search(name) and not _goes_by(name, made):
        return None
    if isinstance(made, LibObject):
        modes.switch(machine, made, Opaque(("mode", made.name), "training"), None)
    return _instance(machine, made) if isinstance(made, Class) else made


def _goes_by(name: str, made: Class | LibObject | None) -> bool:
    """Say whether a parameter is called after a class: `autoencoder` after TextAutoencoder."""
    plain = name.replace("_", "").lower()
    return isinstance(made, Class) and len(plain) > 4 and plain in made.node.name.lower()


def _same_named(machine: Machine, function: Func, name: str) -> Value | None:
    if len(machine.frames) > 1 or function.closure or function.owner is not None:
        return None
    slot = machine.global_slot(function.module.path, name)
    value = slot.value if slot is not None else None
    is_known = isinstance(value, LibObject) or (isinstance(value, Ref) and value.kind == "instance")
    return value if is_known else None


def _only_made(machine: Machine, function: Func) -> Class | LibObject | None:
    path = function.module.path
    if path not in machine.models_made:
        machine.models_made[path] = None  # the search may come back here
        made = list(_made(machine, function.module.tree)) or _defined(machine, function.module.tree)
        known = made[0] if len(made) == 1 else None
        machine.models_made[path] = known if isinstance(known, Class) or shifts_labels(known) else None
    only = machine.models_made[path]
    return only if isinstance(only, Class | LibObject) else None


def _made(machine: Machine, tree: ast.Module) -> list[Class | LibObject]:
    """List the models that a file makes outside of other models."""
    from lintloss.facts.expressions import looked_up

    found: dict[Key, Class | LibObject] = {}
    for call in _calls(tree):
        function = call.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr in {"from_pretrained", "from_config"}
            and isinstance(function.value, ast.Name)
        ):
            function = function.value
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = function.attr
        elif isinstance(function, ast.Name):
            name = function.id
        else:
            continue
        if CAUSAL.search(name):
            found["lib", name] = LibObject(name, key=("guessed", name))
            continue
        slot = machine.global_slot(machine.frames[0].module.path, name) if isinstance(function, ast.Name) else None
        value = looked_up(machine, name, slot) if slot is not None else None
        if isinstance(value, Class) and _is_model(value):
            found[value.module.path, value.node.lineno] = value
        elif isinstance(value, Lib) and name.endswith(("Model", "Net", "LM")):
            found["lib", name] = LibObject(name, key=("guessed", name))
    return list(found.values())


def _defined(machine: Machine, tree: ast.Module) -> list[Class | LibObject]:
    """List the models that a file defines and leaves to others to make: those that none of its classes is built of."""
    classes = [each for each in tree.body if isinstance(each, ast.ClassDef)]
    parts = {name for each in classes for name in _names(each) if name != each.name}
    found: list[Class | LibObject] = []
    for each in classes:
        slot = machine.module_names(machine.frames[0].module.path).get(each.name)
        value = slot.value if slot is not None else None
        if each.name not in parts and isinstance(value, Class) and value.node is each and _is_model(value):
            found.append(value)
    return found


def _calls(tree: ast.AST) -> list[ast.Call]:
    """List the calls outside of classes that have a forward of their own."""
    found: list[ast.Call] = []
    stack: list[ast.AST] = [tree]
    parts: set[ast.AST] = set()  # calls whose result goes by the name of a part: `layer = QuantLayer(...)`
    while stack:
        node = stack.pop()
        if isinstance(node, ast.ClassDef) and _has_forward(node):
            continue
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if not MODEL_NAME.search(node.targets[0].id) and len(node.targets[0].id) > 1:
                parts.add(node.value)
        if isinstance(node, ast.Assign) and CRITERION_NAME.search(ast.unparse(node.targets[0]).rsplit(".", 1)[-1]):
            parts.update(walk(node.value))
        if isinstance(node, ast.Call) and node not in parts:
            found.append(node)
        stack += children(node)
    return found


def _has_forward(node: ast.ClassDef) -> bool:
    return any(isinstance(each, ast.FunctionDef) and each.name == "forward" for each in node.body)


def _is_model(cls: Class) -> bool:
    text = " ".join(ast.unparse(base) for base in cls.node.bases)
    return _has_forward(cls.node) and not re.search(r"loss|criterion|entropy", cls.node.name + text, re.IGNORECASE)


def _instance(machine: Machine, cls: Class) -> Value | None:
    from lintloss.facts import classes

    if cls in machine.making:
        return None
    machine.making.append(cls)
    loops, machine.loops = machine.loops, []
    try:
        made = classes.instantiate(machine, cls.node, cls, [], {})
        if callers.MODE.search(machine.frames[0].module.code):  # whoever has it may have set it, as this file does
            modes.switch(machine, made, Opaque(("mode", *cls.module.path), "training"), None)
        return made
    finally:
        machine.making.pop()
        machine.loops = loops
