"""Captions: a loss that a training loop left behind, shown in the words of an evaluation that has one of its own.

`wandb.log({"val_loss": loss.item()})`, `writer.add_scalar("val/loss", loss, step)`, `print(f"val loss {loss:.3f}")`.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from lintloss.facts import dead, liveness
from lintloss.facts.machine import Machine
from lintloss.facts.split_names import WORD
from lintloss.facts.values import Const, Quantity, options
from lintloss.patterns import regex

LOSS = r"(loss|nll|perplexity|ppl|xent|cross.?entropy)"
CAPTION = regex(
    rf"(?<![a-z]){WORD}[^a-z]{{0,3}}((set|data|avg|mean|average)[^a-z]{{1,3}})?{LOSS}(?![a-z])|"
    rf"(?<![a-z]){LOSS}[^a-z]{{0,3}}{WORD}(?![a-z])"
)
SAID = regex(rf"(?<![a-z]){LOSS}(?![a-z])")
LETTERS = regex(r"[A-Za-z]")
FIELD = regex(r"\{[^{}]*\}")
PLAIN = frozenset({"item", "detach", "cpu", "float", "numpy"})
Shown = tuple[str, ast.expr]  # a caption, and what it is put to


def note(machine: Machine, statement: ast.Expr) -> None:
    """Note what a call shows under the caption of an evaluation, where only a training loop has computed it."""
    if not isinstance(statement.value, ast.Call) or machine.frame.module.path != machine.frames[0].module.path:
        return
    for caption, shown in _shown(statement.value):
        name = _name(shown)
        if name is None or not _names_one(caption):
            continue
        slot = machine.read(name.id)
        held = [each for each in options(slot.value) if not isinstance(each, Const)] if slot is not None else []
        losses = [
            each for each in held if isinstance(each, Quantity) and not each.loops
        ]  # those are told where collected
        losses = [each for each in losses if dead.is_left_over(machine, each, caption)]
        if losses and len(losses) == len(held) and _has_its_own(machine, losses[0], statement):
            dead.observe_left_over(machine, shown, losses[0])


def _names_one(caption: str) -> bool:
    """Say whether a caption is that of one loss, and not of two: `loss/val_loss`."""
    lower = caption.lower()
    return CAPTION.search(lower) is not None and "train" not in lower and len(SAID.findall(lower)) == 1


def _name(shown: ast.expr) -> ast.Name | None:
    """Return the name that is shown as it is, or as a plain number: `loss.detach().item()`, `float(loss)`."""
    while isinstance(shown, ast.Call):
        if isinstance(shown.func, ast.Attribute) and shown.func.attr in PLAIN and not shown.args:
            shown = shown.func.value
        elif isinstance(shown.func, ast.Name) and shown.func.id == "float" and len(shown.args) == 1:
            shown = shown.args[0]
        else:
            return None
    return shown if isinstance(shown, ast.Name) else None


def _shown(call: ast.Call) -> Iterator[Shown]:
    """Yield the captions in a call with what each is put to: entries, keywords, arguments, fields of a text."""
    for node in ast.walk(call):
        if isinstance(node, ast.Dict):
            pairs = ((_text(key), value) for key, value in zip(node.keys, node.values, strict=True))
            yield from ((key, value) for key, value in pairs if key is not None)
        elif isinstance(node, ast.JoinedStr):
            yield from _paired(node.values)
        elif isinstance(node, ast.Call):
            yield from ((each.arg, each.value) for each in node.keywords if each.arg is not None)
            text = _format(node)
            yield from _paired(node.args) if text is None else _formatted(text, node.args)


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _paired(parts: list[ast.expr]) -> Iterator[Shown]:
    """Yield the texts with what stands behind each, unless a second value shares its text: `print("loss, val:", a, b)`."""
    values = [each.value if isinstance(each, ast.FormattedValue) else each for each in parts]
    for (caption, shown), behind in itertools.zip_longest(itertools.pairwise(values), values[2:]):
        told = _text(caption)
        if told is not None and _text(shown) is None and not _shares(behind):
            yield told, shown


def _shares(behind: ast.expr | None) -> bool:
    """Say whether what comes next may be a loss too, or is set off by no word."""
    told = _text(behind)
    if told is not None:
        return LETTERS.search(told) is None and told.strip() in "/,|"
    return behind is not None and SAID.search(ast.unparse(behind).lower()) is not None


def _format(call: ast.Call) -> str | None:
    called = call.func
    return _text(called.value) if isinstance(called, ast.Attribute) and called.attr == "format" else None


def _formatted(text: str, args: list[ast.expr]) -> Iterator[Shown]:
    """Yield the fields of `"val loss {:.3f}".format(loss)`, where they are numbered by their order."""
    fields = FIELD.findall(text)
    if len(fields) != len(args) or any(re.match(r"\{\w", each) for each in fields):
        return
    texts = FIELD.split(text)
    for caption, shown, behind in zip(texts, args, texts[1:], strict=False):
        if LETTERS.search(behind) or shown is args[-1]:
            yield caption, shown


def _has_its_own(machine: Machine, loss: Quantity, statement: ast.Expr) -> bool:
    """Say whether a loss of the evaluation was computed between the training loop and the place that shows another."""
    trained = loss.scoring.loop if loss.scoring is not None else None
    if trained is None or trained.activation != machine.frame.key or trained.statement is None:
        return False
    rows = range(trained.statement.end_lineno or 0, statement.lineno)
    for loop in machine.loop_of.values():
        if loop.activation == machine.frame.key and loop.statement is not None and loop.statement.lineno in rows:
            if loop.scores and not loop.trains and not loop.may_train:
                return True
    return _drops_its_own(machine.frame.node, rows)


def _drops_its_own(owner: ast.AST, rows: range) -> bool:
    """Say whether the loss that an evaluation returned is bound and never read: `val_loss = evaluate(model, val_loader)`."""
    for node in ast.walk(owner):
        if isinstance(node, ast.Assign) and node.lineno in rows and isinstance(node.value, ast.Call):
            target = node.targets[0]
            if isinstance(target, ast.Name) and CAPTION.search(target.id.lower()) and liveness.is_dead(owner, target):
                return True
    return False
