"""Models that are given to code out of sight: whoever it is may switch their mode, or freeze them; nobody can tell.

Libraries that are known to leave a model as it is are none, and neither is what by its name only looks at a model, stores
it, or makes something to train it with.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from lintloss.facts import forwards, modes
from lintloss.facts.machine import Machine
from lintloss.facts.split_names import snake
from lintloss.facts.values import LibObject, Opaque, Ref, Tuple, Value, options
from lintloss.patterns import regex

# What is given a model here leaves it in its mode, or puts it back.
KNOWN = frozenset(
    {
        "builtins",
        "torch",
        "torchvision",
        "torchaudio",
        "torchtext",
        "numpy",
        "transformers",
        "datasets",
        "accelerate",
        "peft",
    }
    | {"torchinfo", "torchsummary", "thop", "ptflops", "fvcore", "apex", "deepspeed", "horovod", "timm", "bitsandbytes"}
    | {
        "wandb",
        "mlflow",
        "tensorboard",
        "tensorboardX",
        "clearml",
        "neptune",
        "comet_ml",
        "tqdm",
        "safetensors",
        "onnx",
    }
    | sys.stdlib_module_names
)
SWITCHES = regex(r"eval|infer|freeze|frozen|determinis|mode(?!l)|no_grad|test|valid", re.IGNORECASE)
FREEZES = regex(r"freez|frozen|grad|eval|infer", re.IGNORECASE)
HARMLESS = regex(
    r"(^|_)(load\w*|save\w*|restore|resume|dump|push|export|count|print|log\w*|report|show|plot|summar\w*|watch|track\w*|graph|"
    r"stop\w*|ema|swa|moving|average\w*|update|copy|optim\w*|adam\w*|sgd|lamb|sched\w*|param\w*|weights?|state|checkpoint\w*|ckpt|saver|writer|"
    r"size|flops|macs|device|cuda|gpu|to|ddp|fsdp|parallel|distributed|unwrap\w*|is|has|num|clip\w*|norm|loss\w*|criterion|accuracy|metrics?)(_|$)"
)


def note(machine: Machine, name: str, given: Iterable[Value]) -> None:
    """Remember the modules among what the function, class or method `name` is given; `name` may be dotted."""
    root, last = name.split(".", 1)[0], name.rsplit(".", 1)[-1]
    if root in KNOWN or (HARMLESS.search(snake(last)) and not SWITCHES.search(last)):
        return
    for value in given:
        for each in _modules(machine, value):
            _hand_over(machine, each, last, 0)


def _modules(machine: Machine, value: Value) -> Iterator[Value]:
    for each in options(value):
        if isinstance(each, Tuple):
            for item in each.items:
                yield from _modules(machine, item)
        elif isinstance(each, Ref) and each.kind == "list":
            yield from (one for one in options(machine.elem(each)) if one != each and _is_module(machine, one))
        elif _is_module(machine, each):
            yield each


def _is_module(machine: Machine, value: Value) -> bool:
    if isinstance(value, Ref):
        return value.kind == "instance" and forwards.is_module(machine, value)
    if isinstance(value, Opaque):
        is_run = bool(value.name) and f"{value.name}(" in machine.frame.module.code
        return bool(value.key) and (is_run or machine.get(value.key, "training") is not None)
    return isinstance(value, LibObject) and bool(value.key)


def _hand_over(machine: Machine, model: Value, to: str, depth: int) -> None:
    for when in (modes.GIVEN, modes.LENT):
        machine.put(modes.key_of(model), when, Opaque(("given", to), to))
    if depth < modes.DEPTH:
        for inner in modes.inside(machine, model):
            _hand_over(machine, inner, to, depth + 1)


def may_have_frozen(to: str) -> bool:
    """Say whether code of this name may have turned the gradients of a model off, in a file that trains it as well."""
    return FREEZES.search(to) is not None
