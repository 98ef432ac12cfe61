"""Calls of objects: criteria, layers, models of a library, and callables of which only the name is known."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from lintloss.facts import forwards, paired, quotients, strangers
from lintloss.facts.library import (
    keras,
    loaders,
    losses,
    meters,
    outputs,
    per_item,
    ranks,
    rows,
    shapes,
    tensors,
    text,
    transforms,
)
from lintloss.facts.library.tables import (
    CAUSAL,
    CRITERIA,
    CRITERION_NAME,
    HEADED,
    KERAS_CRITERIA,
    LOSS_MAKER,
    MASKED_MODELS,
    MODEL_NAME,
    NOT_A_LOSS,
    PAIRED,
)
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.units import PERPLEXITY, count
from lintloss.facts.values import (
    UNKNOWN,
    Choice,
    Const,
    LibObject,
    Opaque,
    Quantity,
    Ref,
    Scoring,
    Tensor,
    Tuple,
    Value,
    options,
)
from lintloss.patterns import regex

Kwargs = dict[str, Value]
ACTIVATIONS = {"Softmax": "probs", "Sigmoid": "probs", "LogSoftmax": "log_probs"}
LOSS_CLASS = regex(r"(Loss|Criterion|CrossEntropy)$")  # of a library that is not in sight
REDUCES = regex(r"av(g|erage)|reduc|mean|sum", re.IGNORECASE)
NORMALIZES = regex(r"log_softmax|cross_entropy|nll_loss|logsumexp")
ADAPTIVE = 4  # arguments of an adaptive softmax: the weights and the bias of its layer come first
PADDING = regex(r"(Zero|Constant|Reflection|Replication|Circular)Pad[123]d$")
POOLING = regex(r"Pool[123]d$|^EmbeddingBag$|^Conv[23]d$|^Upsample|^Unfold$")
TOKENIZER = regex(r"tokeni[sz]e|tokenizer$|^tok$|^enc(ode)?$|encode$|processor$|collat", re.IGNORECASE)
MASKING = regex(r"mask|^(sequence_)?lengths?$|_lengths?$", re.IGNORECASE)  # what leaves out a part of each row
WRAPPERS = {
    "DataParallel",
    "DistributedDataParallel",
    "FullyShardedDataParallel",
    "DDP",
    "FSDP",
    "PeftModelForCausalLM",
}
ENGINES = regex(r"engine|model|pipe", re.IGNORECASE)
CROSS_ENTROPY_CLASSES = {"CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss", "KLDivLoss", "MSELoss"}
PERPLEXITIES = regex(r"\bload\(\s*[\"']perplexity[\"']")  # of Hugging Face's `evaluate`
RECURRENT = {"LSTM", "GRU", "RNN", "LSTMCell", "GRUCell"}


def call(machine: Machine, node: ast.AST, made: LibObject, args: list[Value], kwargs: Kwargs) -> Value:
    """Call a library object."""
    name = loaders.short(made)
    if name in CRITERIA:
        if name in CROSS_ENTROPY_CLASSES and len(args) > 2:  # they take two: another class has the same name here
            return machine.opaque(node)
        return losses.call(machine, node, name, CRITERIA[name], args, kwargs, made)
    if name in KERAS_CRITERIA:
        return losses.call(machine, node, name, KERAS_CRITERIA[name], args, kwargs, made)
    if CAUSAL.search(name) or MASKED_MODELS.search(name) or PAIRED.search(name) or HEADED.search(name):
        forwards.note(machine, node, made)
        return outputs.of_call(machine, node, made, args, kwargs)
    if meters.is_mean(made) and (args or kwargs):
        return meters.update(machine, node, made, args, kwargs)
    if name in WRAPPERS:
        from lintloss.facts import calls

        inner = made.arg(0, "module") or made.arg(0, "model")
        return calls.call(machine, node, inner, args, kwargs) if inner is not None else machine.opaque(node)
    if name in transforms.NAMES:
        return transforms.call(machine, node, made, args, kwargs)
    if outputs.is_labelled(kwargs):
        forwards.note(machine, node, made)
        return outputs.of_call(machine, node, made, args, kwargs)
    if name == "Sequential":
        forwards.note(machine, node, made)
        if keras.is_own(made):
            return keras.called(machine, node, made, args) or machine.opaque(node)
        listed = made.args[0] if len(made.args) == 1 else None
        return in_turn(machine, node, listed.items if isinstance(listed, Tuple) else made.args, args)
    forwards.note_library(machine, node, made)
    known = keras.called(machine, node, made, args) if keras.is_own(made) else None
    if known is not None:
        return known
    if LOSS_CLASS.search(name) and not made.name.startswith(("torch.", "tensorflow.", "keras.")):
        return _presumed_criterion(machine, node, name, args, {**losses.smoothing_of(made), **kwargs})
    return _layer(machine, node, made, name, args, kwargs)


def in_turn(machine: Machine, node: ast.AST, layers: tuple[Value, ...], args: list[Value]) -> Value:
    """Run the layers of a Sequential on what it is called with."""
    from lintloss.facts import calls

    value: Value = args[0] if args else UNKNOWN
    for layer in layers:
        value = calls.call(machine, node, layer, [value], {})
    return value


def _layer(machine: Machine, node: ast.AST, made: LibObject, name: str, args: list[Value], kwargs: Kwargs) -> Value:
    if name == "Transformer" and len(args) >= 2:
        args = args[1:]  # rows of the output are those of the decoder's input
    if name.startswith("Transformer") and "tgt" in kwargs:
        args = [kwargs["tgt"]]
    if text.is_tokenizer(made):
        return text.encoded(machine, node, made, args, kwargs)
    if name == "Perplexity":
        return perplexity(machine, node, made, args, kwargs)
    given = (
        args[0]
        if args
        else kwargs.get("src", kwargs.get("tgt", kwargs.get("hidden_states", kwargs.get("inputs_embeds"))))
    )
    fed = shapes.handed_on(given) if given is not None else None
    if fed is None and name in ACTIVATIONS:
        fed = Tensor("", None, None, machine.key(node))
    if fed is None:
        strangers.note(machine, made.name, [*args, *kwargs.values()])
        return machine.opaque(node)
    if name in ACTIVATIONS:
        form = ACTIVATIONS[name]
        step = machine.evidence(node, f"becomes {form.replace('_', ' ')} here ({name})")
        return replace(fed, form=form, key=(*fed.key, form)).with_step(step)
    if name == "Embedding":
        return Tensor("hidden", fed.window, (*(fed.axes or ("row", "pos")), "vocab"), machine.key(node), model=made)
    if name == "Flatten":
        return replace(fed, window=None, axes=None)
    if name in {"Linear", "LazyLinear", "Conv1d", "AdaptiveLogSoftmaxWithLoss", "Dense"}:
        return Tensor("logits", fed.window, fed.axes, machine.key(node), trace=fed.trace, model=made)
    if name in RECURRENT:
        return Tuple(
            (
                Tensor("hidden", fed.window, fed.axes, machine.key(node), model=made),
                Opaque(machine.key(node, "state"), "hidden"),
            )
        )
    if name in {"Dropout", "Identity"}:
        return given if given is not None else fed
    if PADDING.match(name):  # it moves what is behind it, as F.pad() does
        filling = made.arg(1, "value") or Const(0)
        padding = made.arg(0, "padding") or UNKNOWN
        return tensors.call(machine, node, "pad", fed, [padding, Const("constant"), filling], {}) or machine.opaque(
            node
        )
    if POOLING.search(name):
        return Tensor("hidden", None, None, machine.key(node), model=made)
    if name == "MultiheadAttention":
        return Tuple(
            (
                Tensor("hidden", fed.window, fed.axes, machine.key(node), model=made),
                Opaque(machine.key(node, "weights"), "weights"),
            )
        )
    form = "hidden" if fed.form in {"ids", "", "hidden", "logits", "scores"} else fed.form
    return Tensor(form, fed.window, fed.axes, machine.key(node), model=made)


def call_opaque(machine: Machine, node: ast.AST, callee: Value, args: list[Value], kwargs: Kwargs) -> Value:
    """Call something of which only the name is known: a criterion, a model, or neither."""
    name = callee.name if isinstance(callee, Opaque) and callee.name else _written(node)
    if isinstance(callee, Ref) and callee.cls is not None:
        name = callee.cls.node.name
        known = next((base for base in _library_bases(machine, callee) if base in CRITERIA), None)
        if known is not None:
            return losses.call(machine, node, known, CRITERIA[known], args, kwargs)
    if text.is_tokenizer(callee):
        return text.encoded(machine, node, callee, args, kwargs)
    if isinstance(callee, Opaque) and callee.name in {"forward", "module", "__call__"} and len(callee.key) > 1:
        name = str(callee.key[-2]).lstrip(".")
    forwards.note_opaque(machine, node, callee, name, kwargs)
    strangers.note(machine, f".{name}", [*args, *kwargs.values()])
    over_ranks = ranks.call(machine, node, name, "", args, kwargs) if name else None
    if over_ranks is not None:
        return over_ranks
    if CRITERION_NAME.search(name) and len(args) + len(kwargs) >= 2:
        return _presumed_criterion(machine, node, name, args, kwargs)
    if LOSS_MAKER.match(name) and (args or kwargs) and not NOT_A_LOSS.search(name):
        said = f"`{name}` is taken for the mean loss of a batch, by its name"
        return losses.presumed(machine, node, said=said, given=kwargs)
    if name == "eval_batch" and args and ENGINES.search(ast.unparse(node.func) if isinstance(node, ast.Call) else ""):
        return losses.presumed(machine, node, said="the mean loss of a pipeline's batch, as DeepSpeed returns it")
    if (MODEL_NAME.search(name) and (args or kwargs)) or outputs.is_labelled(kwargs):
        return outputs.of_call(machine, node, callee, args, kwargs)
    if TOKENIZER.search(name):
        return Opaque(machine.key(node), "encoded")
    takes_ids = forwards.MODEL_WORDS.search(name) is not None  # `self.decoder(batch["tokens"])`
    fed = [shapes.tensor(arg) for arg in args if any(isinstance(each, Tensor) for each in options(arg))]
    if not fed and takes_ids:
        fed = [shapes.tensor(arg) for arg in args if isinstance(arg, Opaque) and rows.IDS.search(arg.name)]
    tensor = next((each for each in fed if each is not None), None)
    if tensor is not None and tensor.window is not None and isinstance(callee, Opaque):
        return Tensor("hidden", tensor.window, None, machine.key(node), model=callee)
    return Opaque(machine.key(node), "")


def _written(node: ast.AST) -> str:
    """Return the name that a call is written with, for a callee of which nothing is known."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute) and function.attr in {"forward", "module", "__call__"}:
        function = function.value
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _library_bases(machine: Machine, ref: Ref) -> list[str]:
    from lintloss.facts import classes
    from lintloss.facts.values import Lib

    return (
        [base.name.rsplit(".", 1)[-1] for base in classes.bases(machine, ref.cls) if isinstance(base, Lib)]
        if ref.cls
        else []
    )


def _presumed_criterion(machine: Machine, node: ast.AST, name: str, args: list[Value], kwargs: Kwargs) -> Value:
    said = f"`{name}` is taken for a criterion that averages, by its name"
    value = losses.presumed(machine, node, said=said, given=kwargs)
    given = args[-2:] if len(args) == ADAPTIVE else args
    prediction = given[0] if given else UNKNOWN
    target = given[1] if len(given) > 1 else UNKNOWN
    aligned = {"input_lengths", "target_lengths"} & kwargs.keys()  # CTC: one loss a row
    item = "example" if aligned else per_item.of(machine, node, name, prediction, target, None)
    if value.scoring is None:
        return value
    masked = any(_is_mask(each) for each in args[2:]) or any(MASKING.search(word) for word in kwargs)
    scoring = replace(value.scoring, prediction=prediction, target=target, item=item, masked=masked)
    return losses.scored(machine, node, scoring)


def unread_criterion(
    machine: Machine, node: ast.AST, owner: Ref, body: ast.AST, args: list[Value], kwargs: Kwargs
) -> Value | None:
    """Presume of a criterion of the project what one out of sight is presumed to be, where its own code is beyond us.

    It says itself that it is a cross entropy, and divides what it returns.
    """
    name = owner.cls.node.name if owner.cls is not None else ""
    if not LOSS_CLASS.search(name) or len(args) < 2 or any(REDUCES.search(word) for word in kwargs):
        return None
    returns = [each.value for each in ast.walk(body) if isinstance(each, ast.Return) and each.value is not None]
    if NORMALIZES.search(machine.text(body)) is None or not returns or not all(map(_averages, returns)):
        return None
    return _presumed_criterion(machine, node, name, args, kwargs)


def _averages(returned: ast.expr) -> bool:
    """Say whether what is returned is a quotient or a mean."""
    return any(
        (isinstance(each, ast.BinOp) and isinstance(each.op, ast.Div))
        or (isinstance(each, ast.Attribute) and each.attr == "mean")
        for each in ast.walk(returned)
    )


def _is_mask(value: Value) -> bool:
    """Say whether a value is a mask, by its form or by its name: `criterion(output, labels, masks[:, 1:])`."""
    return MASKING.search(str(getattr(value, "name", ""))) is not None or shapes.mask(value) is not None


def called_model(
    machine: Machine, node: ast.AST, owner: Ref, result: Value, args: list[Value], kwargs: Kwargs
) -> Value:
    """Return what a model of the project returned; its tensors are known to come from it."""
    paired.note(machine, owner, result, [*args, *kwargs.values()])
    if isinstance(result, Tensor | Tuple | Choice):
        return _owned(result, owner)
    if isinstance(result, Opaque) and MODEL_NAME.search(owner.cls.node.name if owner.cls else ""):
        return outputs.of_call(machine, node, owner, args, kwargs)
    return result


def _owned(result: Value, owner: Ref) -> Value:
    """Let the tensors that a model returned be known to come from it, not from its last layer."""
    if isinstance(result, Tensor) and result.form in {"logits", "scores", "probs", "log_probs", "hidden", "filled", ""}:
        return replace(result, model=owner)
    if isinstance(result, Tuple):
        return Tuple(tuple(_owned(item, owner) for item in result.items))
    if isinstance(result, Choice):
        return Choice(tuple(_owned(option, owner) for option in result.options))
    return result


def perplexity(machine: Machine, node: ast.AST, made: LibObject, args: list[Value], kwargs: Kwargs) -> Value:
    """The metric of torchmetrics, which scores logits against labels as they come, but for the id that it ignores."""
    from lintloss.facts import compare

    prediction = kwargs.get("preds", args[0] if args else UNKNOWN)
    target = kwargs.get("target", args[1] if len(args) > 1 else UNKNOWN)
    place = machine.evidence(node, "Perplexity scores logits and labels as they come")
    scoring = Scoring(
        "metric", "mean", "token", prediction, target, ignore_index=made.arg(0, "ignore_index"), place=place
    )
    compare.compared(machine, node, scoring)
    said = machine.evidence(node, "the perplexity of one batch")
    return Quantity(PERPLEXITY, scoring=scoring, trace=(said,))


def context(machine: Machine, node: ast.AST, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
    """Return what a @contextmanager function of the project does to gradients."""
    text = machine.text(function)
    if "no_grad" in text or "inference_mode" in text or "set_grad_enabled(False" in text:
        return LibObject("torch.no_grad")
    return machine.opaque(node)


def mean_perplexity(machine: Machine, node: ast.AST) -> Quantity:
    """Return what Hugging Face's `evaluate.load("perplexity")` reports: the mean of the perplexities of single texts."""
    said = machine.evidence(node, "the perplexity metric averages the perplexities of single texts")
    scoring = Scoring("model", "mean", "token", place=said, site=losses.site(machine, node), owner="model")
    total = Quantity(PERPLEXITY * count("example"), scoring=scoring, trace=(said,))
    return quotients.average(machine, node, total, Quantity(count("example"), of=machine.key(node)), "mean")


def perplexities(machine: Machine, node: ast.AST) -> Ref:
    """Return what that metric reports beside it: the perplexities of single texts, as a list."""
    said = machine.evidence(node, "the perplexity metric gives one for each text")
    scoring = Scoring("model", "mean", "token", place=said, site=losses.site(machine, node), owner="model")
    held = machine.new_list(node, Quantity(PERPLEXITY, scoring=scoring, trace=(said,)))
    machine.list_loops[held.id] = (Loop((*held.id, "texts"), said, unit="example"),)
    return held
