"""Splits: what is called validation or test and reads the training data, seen where the two are brought together."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lintloss.facts import (
    bindings,
    exclusive,
    named_values,
    parted,
    shown_texts,
    split_heads,
    split_readers,
    split_rows,
    split_slices,
    split_twins,
    stale_batches,
    unreset,
)
from lintloss.facts.callers import text_of
from lintloss.facts.caps import Function, parameters
from lintloss.facts.machine import Machine
from lintloss.facts.measuring import is_unit_test
from lintloss.facts.named_values import name_of
from lintloss.facts.observations import Observation, Setting
from lintloss.facts.scored_passes import Pass
from lintloss.facts.split_names import is_evaluation, is_held_out, is_training, names_split, says_held_out
from lintloss.facts.survey import walk
from lintloss.facts.values import Func, Pending
from lintloss.parse import Module
from lintloss.patterns import regex

BUILDERS = {"json", "csv", "text", "parquet", "arrow", "pandas", "imagefolder", "audiofolder", "webdataset"}
BENCHMARKS = regex(
    r"(^|/)(wikitext|ptb_text_only|lambada|glue|super_glue|imdb|ag_news|sst2?|cnn_dailymail|xsum|gsm8k|squad|snli|multi_nli|mnist|fashion_mnist|"
    r"cifar10|cifar100|c4|hellaswag|piqa|winogrande|boolq|trec|yelp_polarity|wmt\d+|opus_books|tinystories|enwik8|race|rte|mrpc)$",
    re.IGNORECASE,
)
VISION = regex(
    r"(^|\.)(MNIST|FashionMNIST|KMNIST|EMNIST|QMNIST|CIFAR10|CIFAR100|SVHN|STL10|USPS|Caltech\d+|GTSRB|Food101|Flowers102)$"
)
HELD_OUT = regex(
    r"Subset\b|random_split|SubsetRandomSampler|train_test_split|KFold|StratifiedShuffleSplit|SplitSampler"
)
DRAWS = regex(r"batch|sample", re.IGNORECASE)
ROWS = regex(r"\b\w+(?:loader|data|set|dl|iter|ids)\b")
LOADERS = regex(r"loader|data|set$|dl$|iter", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitMixup(Observation):
    """What goes by the name of an evaluation split reads the training split.

    name: what it is called. source: what it reads. unreset: a total of losses that the training filled before.
    """

    name: str
    source: str
    unreset: bool = False


def observe(machine: Machine, module: Module, passes: list[Pass]) -> list[SplitMixup]:
    """Return where a module takes training data for evaluation data."""
    if ("train" not in module.code and ".backward(" not in module.code) or is_unit_test(module):
        return []
    found: dict[ast.AST, tuple[str, str]] = {}
    mixed = (
        *_assigned(machine, module),
        *_shown(machine, module),
        *_trainers(module),
        *_looped(passes),
        *_drawn(passes),
    )
    for node, name, source in (
        *mixed,
        *stale_batches.observe(module),
        *split_heads.observe(module),
        *split_slices.observe(module),
        *split_rows.observe(module),
        *split_twins.observe(named_values.pairs(module)),
    ):
        found.setdefault(node, (name, source))
    mixups = [_at(machine, module, node, name, source) for node, (name, source) in found.items()]
    return [*mixups, *(_at(machine, module, *each, unreset=True) for each in unreset.observe(machine, module))]


def _at(
    machine: Machine, module: Module, node: ast.AST, name: str, source: str, *, unreset: bool = False
) -> SplitMixup:
    span = machine.anchor(module).span(node)
    return SplitMixup(
        path=module.path,
        span=span,
        statement_rows=(span.row, span.end_row),
        scope_rows=machine.anchor(module).scope(span.row),
        setting=Setting(phase="evaluation"),
        name=name,
        source=source,
        unreset=unreset,
    )


# -- assignments ------------------------------------------------------------------------------------------------------

Found = tuple[ast.AST, str, str]


def _assigned(machine: Machine, module: Module) -> Iterator[Found]:
    pairs = named_values.pairs(module)
    for name, value in pairs:
        if not is_evaluation(name) or _is_for_nobody(machine, module, name):
            continue
        if (
            _reads_train_split(module, pairs, name, value)
            or split_readers.reads_training_file(module, name, value)
            or _loader_of_train(module, name, value)
            or _is_made_like_train(module, pairs, name, value)
            or _iterates_train(pairs, name, value)
            or _scores_train(machine, module, name, value)
        ):
            yield value, name, _short(value)


def _is_for_nobody(machine: Machine, module: Module, name: str) -> bool:
    """Say whether what goes by a name is made and never read: nothing is evaluated on it. Lightning calls its hooks."""
    if name.endswith("_dataloader"):
        return False
    if name in _read_names(module.tree) or re.search(rf"['\"]{re.escape(name)}['\"]", module.code):
        return False
    return not machine.project.using(module.path, name, ["import"], running=module.path)


@lru_cache(maxsize=8)
def _read_names(tree: ast.AST) -> frozenset[str]:
    """Return the names that a file reads, and its attributes, which a base class may read as well."""
    found = (each for each in walk(tree) if isinstance(each, ast.Name | ast.Attribute))
    return frozenset(
        name_of(each) for each in found if isinstance(each, ast.Attribute) or isinstance(each.ctx, ast.Load)
    )


def _shown(machine: Machine, module: Module) -> Iterator[Found]:
    """`print("test loss", evaluate(model, train_loader))`: the words stand for the name that nobody gave."""
    for statement in (each for each in walk(module.tree) if isinstance(each, ast.Expr)):
        for caption, value in shown_texts.shown(statement) if isinstance(statement.value, ast.Call) else ():
            words = caption.strip(" :=,|-\t\n").lower()
            name = re.sub(r"[^a-z]+", "_", words)
            if "train" not in words and _scores_train(machine, module, name, value):
                yield value, words[:40], _short(value)


def _short(node: ast.AST) -> str:
    return " ".join(text_of(node).split())[:70]


def _trained_on(pairs: tuple[tuple[str, ast.expr], ...], text: str) -> bool:
    """Say whether the same expression, or a loader that reads all of it, is also given a training name."""
    named = (value for name, value in pairs if is_training(name) and not is_held_out(name))
    return any(text in {text_of(value), text_of(split_readers.core(value))} for value in named)


def _reads_train_split(module: Module, pairs: tuple[tuple[str, ast.expr], ...], name: str, value: ast.expr) -> bool:
    core = split_readers.core(value)
    if _is_held_out_for_both(module, pairs, value, core) and not _is_split_later(module, name):
        return True
    if isinstance(core, ast.Subscript) and isinstance(core.slice, ast.Constant) and core.slice.value == "train":
        base = text_of(core.value)
        other = re.search(rf"{re.escape(base)}\[['\"](validation|test|valid|val|dev)['\"]\]", module.code)
        return (
            other is not None or _trained_on(pairs, text_of(value)) or _trained_on(pairs, text_of(core))
        ) and not _is_split_later(module, name)
    if isinstance(core, ast.Call):
        return (_loads(core) and not _is_split_later(module, name)) or (
            _vision(core) and _is_test(name) and HELD_OUT.search(module.code) is None
        )
    return False


def _is_held_out_for_both(
    module: Module, pairs: tuple[tuple[str, ast.expr], ...], value: ast.expr, core: ast.expr
) -> bool:
    """Say whether the training reads `data["validation"]` as well, and so trains on what it is evaluated on."""
    held_out = isinstance(core, ast.Subscript) and isinstance(core.slice, ast.Constant)
    if not held_out or not isinstance(core, ast.Subscript) or not isinstance(core.slice, ast.Constant):
        return False
    beside = tuple(pair for pair in pairs if not exclusive.rows(module.tree, value.lineno, pair[1].lineno))
    return core.slice.value in {"validation", "valid", "val", "test", "dev"} and _trained_on(beside, text_of(core))


def _is_split_later(module: Module, name: str) -> bool:
    return (
        re.search(
            rf"\b{re.escape(name)}\b\s*(\.(train_test_split|select|filter|shard|skip|take)\(|\[['\"](test|validation|train)['\"]\])",
            module.code,
        )
        is not None
        or "train_test_split" in module.code
    )


def _loads(call: ast.Call) -> bool:
    """Say whether a call is load_dataset(BENCHMARK, split="train")."""
    if (
        text_of(call.func).rsplit(".", 1)[-1] != "load_dataset"
        or not call.args
        or not isinstance(call.args[0], ast.Constant)
    ):
        return False
    keywords = {each.arg: each.value for each in call.keywords}
    split = keywords.get("split")
    if not isinstance(split, ast.Constant) or split.value != "train" or {"data_files", "data_dir"} & set(keywords):
        return False
    source = str(call.args[0].value)
    return source not in BUILDERS and BENCHMARKS.search(source) is not None


def _is_test(name: str) -> bool:
    """Say whether a set is for testing; these data sets have no validation split, so one is cut from the training split."""
    return name.lower().startswith("test")


def _vision(call: ast.Call) -> bool:
    if not VISION.search(text_of(call.func)):
        return False
    given = {each.arg: each.value for each in call.keywords}
    flag, split = given.get("train"), given.get("split")
    return (isinstance(flag, ast.Constant) and flag.value is True) or (
        isinstance(split, ast.Constant) and split.value == "train"
    )


def _loader_of_train(module: Module, name: str, value: ast.expr) -> bool:
    """Say whether an evaluation loader is made of the training set, while an evaluation set is there."""
    data = split_readers.loaded(value)
    if not isinstance(data, ast.Name | ast.Attribute) or not is_training(text_of(data)) or is_held_out(text_of(data)):
        return False
    return any(
        is_evaluation(other) and other != name and re.search(r"set$|data$", other)
        for other in named_values.bound(module)
    )


def _is_made_like_train(module: Module, pairs: tuple[tuple[str, ast.expr], ...], name: str, value: ast.expr) -> bool:
    """Say whether `val_set = Rows(train_rows)` is made word by word as the training set is, and nothing parts the two."""
    given = [*value.args, *(each.value for each in value.keywords)] if isinstance(value, ast.Call) else []
    named = [text_of(each) for each in given if isinstance(each, ast.Name | ast.Attribute)]
    if not name.endswith(("set", "data", "ds")) or not any(
        is_training(each) and not is_held_out(each) for each in named
    ):
        return False
    return _trained_on(pairs, text_of(value)) and not parted.is_changed(module, name, value)


def _iterates_train(pairs: tuple[tuple[str, ast.expr], ...], name: str, value: ast.expr) -> bool:
    """Say whether `val_iter = iter(train_iter)` takes the training loader, while an evaluation loader is there."""
    if not isinstance(value, ast.Call) or text_of(value.func) != "iter" or len(value.args) != 1:
        return False
    source = value.args[0]
    if (
        not isinstance(source, ast.Name | ast.Attribute)
        or not is_training(text_of(source))
        or is_held_out(text_of(source))
    ):
        return False
    return any(
        is_evaluation(other) and other != name and re.search(r"loader|set$|data$|dl$", other) for other, _ in pairs
    )


def _scores_train(machine: Machine, module: Module, name: str, value: ast.expr) -> bool:
    """Say whether `val_loss = evaluate(model, train_loader)` is an evaluation of the training loader."""
    if not isinstance(value, ast.Call) or not says_held_out(name):
        return False
    if text_of(value.func).rsplit(".", 1)[-1][:1].isupper():  # `Rows(path, train=False, scale=train_rows.scale)`
        return False
    given = [
        text_of(each)
        for each in (*value.args, *(keyword.value for keyword in value.keywords))
        if isinstance(each, ast.Name | ast.Attribute)
    ]
    data = [each for each in given if re.search(r"load|data|set$|iter|dl$|ids$|batches|split", each, re.IGNORECASE)]
    if len([each for each in data if is_training(each)]) != 1 or any(is_held_out(each) for each in given):
        return False
    if not _is_told_not_to_train(value) and (
        re.search(r"train|fit|step|split", text_of(value.func)) or not _evaluates(machine, module, value)
    ):
        return False
    return any(is_held_out(each) for each in ROWS.findall(module.code))


def _is_told_not_to_train(call: ast.Call) -> bool:
    """Say whether a function that trains, too, is asked for an evaluation: `run_epoch(…, train=False)`."""
    given = [each.value for each in call.keywords if each.arg in {"train", "training", "is_train", "is_training"}]
    return any(isinstance(each, ast.Constant) and each.value is False for each in given)


def _evaluates(machine: Machine, module: Module, call: ast.Call) -> bool:
    """Say whether the function called is one of the project's that runs a loop and never trains."""
    if not isinstance(call.func, ast.Name):
        return False
    from lintloss.facts import imports

    slot = machine.global_slot(module.path, call.func.id)
    value = (
        imports.resolve(machine, slot.value)
        if slot is not None and isinstance(slot.value, Pending)
        else slot.value
        if slot
        else None
    )
    return (
        isinstance(value, Func)
        and ".backward(" not in text_of(value.node)
        and re.search(r"\bfor ", text_of(value.node)) is not None
    )


# -- the Hugging Face Trainer -----------------------------------------------------------------------------------------


def _trainers(module: Module) -> Iterator[Found]:
    """`Trainer(train_dataset=data["train"], eval_dataset=data["train"])`."""
    if "eval_dataset" not in module.code:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and text_of(node.func).endswith("Trainer"):
            given = {each.arg: each.value for each in node.keywords}
            train, held_out = given.get("train_dataset"), given.get("eval_dataset")
            if (
                train is not None
                and held_out is not None
                and text_of(train) == text_of(held_out)
                and "train" in text_of(held_out)
            ):
                yield held_out, "eval_dataset", _short(held_out)


# -- loops ------------------------------------------------------------------------------------------------------------


def _looped(passes: list[Pass]) -> Iterator[Found]:
    """A function that is called validate(), or a total that is called val_loss, is of the training loader alone."""
    for each in passes:
        function, loop = each.scene.node, each.region.loop
        if loop is None or not isinstance(loop.statement, ast.For) or not isinstance(function, Function):
            continue
        header = loop.statement.iter
        source = _source(_handed_out(each.scene.module, function, header))
        if source is None or not is_training(text_of(source)) or is_held_out(text_of(source)):
            continue
        chosen = isinstance(source, ast.Name) and source.id in parameters(function)
        if not chosen and names_split(function.name) and not is_training(function.name) and not _others(function):
            yield header, f"{function.name}()", text_of(source)
        elif total := _held_out_total(function, loop.statement):
            yield header, total, text_of(source)


def _held_out_total(function: Function, loop: ast.For) -> str:
    """Name what a loop adds up for held-out data, in a function that is given such data and runs over none of it."""
    totals = {name_of(each.target) for each in ast.walk(loop) if isinstance(each, ast.AugAssign)}
    named = sorted(each for each in totals if says_held_out(each) and not is_training(each))
    given = [each for each in parameters(function) if LOADERS.search(each) and is_evaluation(each)]
    return named[0] if named and given and not _others(function) else ""


def _handed_out(module: Module, function: ast.AST, header: ast.expr) -> ast.expr:
    """Return what a method returns that a loop calls for what it runs over, and gives nothing to: `self.progress()`."""
    called = header.func if isinstance(header, ast.Call) and not header.args and not header.keywords else None
    if not isinstance(called, ast.Attribute) or text_of(called.value) != "self":
        return header
    owner = bindings.owner(module.tree, function)
    methods = (each for each in owner.body if isinstance(each, Function)) if owner is not None else ()
    found = [bindings.returns(each) for each in methods if each.name == called.attr]
    only = found[0][0] if len(found) == 1 and len(found[0]) == 1 else None
    return only if only is not None else header


def _source(node: ast.expr) -> ast.expr | None:
    while isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    return node if isinstance(node, ast.Name | ast.Attribute) else None


def _others(function: Function) -> bool:
    """Say whether a function also runs over evaluation data: then the training data is there for something else."""
    headers = [each.iter for each in ast.walk(function) if isinstance(each, ast.For | ast.comprehension)]
    return any(is_held_out(text_of(header)) for header in headers)


def _drawn(passes: list[Pass]) -> Iterator[Found]:
    """A function that is called validation_loss() draws get_batch("train")."""
    for each in passes:
        function = each.scene.node
        if not isinstance(function, Function) or not names_split(function.name) or is_training(function.name):
            continue
        constants = {
            node.value for node in ast.walk(function) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        if constants & {"val", "valid", "validation", "test", "dev", "eval"}:
            continue
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Call)
                and DRAWS.search(text_of(node.func))
                and any(isinstance(arg, ast.Constant) and arg.value == "train" for arg in node.args)
            ):
                yield node, f"{function.name}()", text_of(node)


__all__ = ["SplitMixup", "observe"]
