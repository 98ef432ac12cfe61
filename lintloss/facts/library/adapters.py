"""Adapters: what peft and unsloth make of a language model is that language model, with modules added."""

from __future__ import annotations

import ast
from dataclasses import replace

from lintloss.facts.machine import Machine
from lintloss.facts.values import UNKNOWN, LibObject, Tuple, Value, join_all, options

Kwargs = dict[str, Value]
LOADS_BOTH = frozenset({"FastLanguageModel", "FastModel"})  # unsloth's, which return the tokenizer as well


def added(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """get_peft_model(base, config) is the base with modules added, born in training mode."""
    base = args[0] if args else kwargs.get("model", UNKNOWN)
    config = args[1] if len(args) > 1 else kwargs.get("peft_config", UNKNOWN)
    if not any(isinstance(each, LibObject) for each in options(base)):
        return None
    made = machine.evidence(node, "adapters are added here")
    key = machine.key(node, "peft")
    return join_all(
        replace(each, kwargs=(*each.kwargs, ("adapter", config)), made=made, key=key)
        if isinstance(each, LibObject)
        else each
        for each in options(base)
    )


def prepared(machine: Machine, node: ast.AST, args: list[Value], kwargs: Kwargs) -> Value | None:
    """prepare_model_for_kbit_training(model) is the model, its layers cast."""
    return args[0] if args else kwargs.get("model")


def loaded(machine: Machine, node: ast.AST, owner: str, args: list[Value], kwargs: Kwargs) -> Value | None:
    """Return what `PeftModel.from_pretrained(base, path)` or unsloth's loads; None for other classes."""
    made = machine.evidence(node, f"{owner}.from_pretrained here")
    if owner in LOADS_BOTH:
        parts = ("AutoModelForCausalLM", "AutoTokenizer")
        given = tuple(kwargs.items())
        return Tuple(tuple(LibObject(each, tuple(args), given, made, machine.key(node, each)) for each in parts))
    base = args[0] if args else kwargs.get("model", UNKNOWN)
    if not owner.startswith("PeftModel") or not isinstance(base, LibObject):
        return None
    return replace(base, made=made, key=machine.key(node, owner))
