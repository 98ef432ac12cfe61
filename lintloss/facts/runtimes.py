"""Runtimes: models that run outside of autograd, compiled ahead of time or by another engine: they record no gradients."""

from __future__ import annotations

import ast

from lintloss.facts import global_values, provenance
from lintloss.facts.callers import text_of
from lintloss.facts.forwards import Forward
from lintloss.facts.machine import Machine
from lintloss.facts.survey import statements
from lintloss.facts.values import Class, Func, LibObject, Value, options
from lintloss.parse import Module
from lintloss.patterns import regex

# What a model is made by, as an import names it: packages, and what freezes a model's parameters into constants. Models
# that torch.jit has loaded or traced, or torch.export has exported, record gradients as others do.
RUNTIME = regex(
    r"^(onnx(runtime(?!\.training))?|tensorrt(_llm)?|torch_tensorrt|torch2trt|torch_neuronx?|transformers_neuronx|neuronx_\w+|openvino|"
    r"ctranslate2|coremltools|tflite_runtime|optimum\.(onnxruntime|intel|neuron|nvidia)|vllm|tvm|hidet)(\.|$)"
    r"|^torch\.jit\.(freeze|optimize_for_inference)$|^torch\._inductor\."
)
COMPILED = regex(r"\.(engine|plan|trt|onnx|ort|tflite|mlmodel|mlpackage|hef|rknn|bmodel)$")  # files of what is compiled
LOOKED_INTO = 3  # classes over classes of the project


def runs_in_one(machine: Machine, forward: Forward) -> bool:
    """Say whether a model is known to be made by such a runtime, or to be of a class that stands on one of its."""
    if any(isinstance(each, LibObject) and RUNTIME.search(each.name) for each in options(forward.model)):
        return True
    model = forward.node.func
    if isinstance(model, ast.Attribute) and model.attr in {"forward", "__call__"}:
        model = model.value
    made = provenance.Tracer(machine).worlds(provenance.spot_at(forward.module, model))
    calls = (each.spot for world in made for each in world if each is not None)
    return any(_is_made_by_one(machine, each.module, each.node) for each in calls if isinstance(each.node, ast.Call))


def _is_made_by_one(machine: Machine, module: Module, call: ast.Call) -> bool:
    """Say whether a call, `ORTModel.from_pretrained(…)`, names something of a runtime, or a class made of one.

    So does what is out of sight and is given a compiled file, `Runner("model.engine")`.
    """
    root, *rest = text_of(call.func).split(".")
    given = [*call.args, *(each.value for each in call.keywords)]
    files = (each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str))
    if any(map(COMPILED.search, files)):
        return not isinstance(global_values.global_value(machine, module, root), Class | Func)
    return _is_one(machine, module, root, "".join("." + each for each in rest), LOOKED_INTO)


def _is_one(machine: Machine, module: Module, name: str, rest: str, depth: int) -> bool:
    source = _imported(module, name)
    if source:
        return RUNTIME.search(source + rest) is not None
    found: Value | None = global_values.global_value(machine, module, name)
    bases = found.node.bases if isinstance(found, Class) and depth else []
    roots = (text_of(each).split(".") for each in bases)
    return any(
        _is_one(machine, found.module, root, "".join("." + one for one in more), depth - 1)
        for root, *more in roots
        if isinstance(found, Class)
    )


def _imported(module: Module, name: str) -> str:
    """Return what a name is imported from, "" where no import binds it; also under a `try`, whose other arm binds nothing."""
    for node in statements(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for each in node.names:
                if name == (each.asname or each.name.split(".")[0]):
                    if isinstance(node, ast.ImportFrom) and node.level:
                        return f".{node.module or ''}.{each.name}"  # of the project: no runtime's package
                    stem = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                    return stem + (each.name if each.asname or stem else name)
    return ""
