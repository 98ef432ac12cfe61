"""Captions: a loss that a training loop left behind, shown in the words of an evaluation that has one of its own.

`wandb.log({"val_loss": loss.item()})`, `writer.add_scalar("val/loss", loss, step)`, `print(f"val loss {loss:.3f}")`.
"""

from __future__ import annotations

import ast

from lintloss.facts import left_behind, liveness, shown_texts
from lintloss.facts.library.tables import NUMBER_READS
from lintloss.facts.machine import Machine
from lintloss.facts.shown_texts import LOSS, SAID
from lintloss.facts.split_names import WORD, says_held_out
from lintloss.facts.values import Const, ModelOutput, Quantity, options
from lintloss.patterns import regex

CAPTION = regex(
    rf"(?<![a-z]){WORD}[^a-z]{{0,3}}((set|data|avg|mean|average)[^a-z]{{1,3}})?{LOSS}(?![a-z])|"
    rf"(?<![a-z]){LOSS}[^a-z]{{0,3}}{WORD}(?![a-z])"
)


def note(machine: Machine, statement: ast.Expr) -> None:
    """Note what a call shows under the caption of an evaluation, where only a training loop has computed it."""
    if not isinstance(statement.value, ast.Call) or machine.frame.module.path != machine.frames[0].module.path:
        return
    for caption, shown in shown_texts.shown(statement.value):
        name = _name(shown)
        if name is None or not names_one(caption) or says_held_out(name.id):  # what an evaluation returned
            continue
        slot = machine.read(name.id)
        held = [each for each in options(slot.value) if not isinstance(each, Const)] if slot is not None else []
        held = [each.loss if isinstance(each, ModelOutput) else each for each in held]
        losses = [
            each for each in held if isinstance(each, Quantity) and not each.loops
        ]  # those are told where collected
        losses = [
            each for each in losses if left_behind.is_left_over(machine, each, caption) or _is_of_step(machine, each)
        ]
        if losses and len(losses) == len(held) and _has_its_own(machine, losses[0], statement):
            left_behind.observe_left_over(machine, shown, losses[0])


def _is_of_step(machine: Machine, loss: Quantity) -> bool:
    """Say whether a loss is that of the step of a training that is running, around an evaluation every so many steps."""
    scored = loss.scoring.loop if loss.scoring is not None else None
    return scored is not None and scored.trains and scored in machine.loops


def names_one(caption: str) -> bool:
    """Say whether a caption is that of one loss, and not of two: `loss/val_loss`."""
    lower = caption.lower()
    return CAPTION.search(lower) is not None and "train" not in lower and len(SAID.findall(lower)) == 1


def _name(shown: ast.expr) -> ast.Name | None:
    """Return the name that is shown as it is, or as a plain number: `loss.detach().item()`, `float(out.loss)`."""
    shown = _unscaled(shown)
    while isinstance(shown, ast.Call):
        if isinstance(shown.func, ast.Attribute) and shown.func.attr in NUMBER_READS and not shown.args:
            shown = shown.func.value
        elif isinstance(shown.func, ast.Name) and shown.func.id == "float" and len(shown.args) == 1:
            shown = _unscaled(shown.args[0])
        else:
            return None
    shown = shown.value if isinstance(shown, ast.Attribute) and shown.attr == "loss" else shown
    return shown if isinstance(shown, ast.Name) else None


def _unscaled(shown: ast.expr) -> ast.expr:
    """Return what is multiplied by a number of steps: `loss.item() * accumulation`."""
    if (
        isinstance(shown, ast.BinOp)
        and isinstance(shown.op, ast.Mult)
        and isinstance(shown.right, ast.Name | ast.Constant)
    ):
        return shown.left
    return shown


def _has_its_own(machine: Machine, loss: Quantity, statement: ast.Expr) -> bool:
    """Say whether a loss of the evaluation was computed between the training loop and the place that shows another.

    Of a training that is running, between its head and that place.
    """
    trained = loss.scoring.loop if loss.scoring is not None else None
    if trained is None or trained.activation != machine.frame.key or trained.statement is None:
        return False
    is_running = trained in machine.loops
    rows = range(trained.statement.lineno + 1 if is_running else trained.statement.end_lineno or 0, statement.lineno)
    for loop in machine.loop_of.values():
        if loop.activation == machine.frame.key and loop.statement is not None and loop.statement.lineno in rows:
            if loop.scores and not (loop.trains or loop.may_train or loop in machine.loops):
                return True
    return _drops_its_own(machine.frame.node, rows)


def _drops_its_own(owner: ast.AST, rows: range) -> bool:
    """Say whether the loss that an evaluation returned is bound and never read: `val_loss = evaluate(model, val_loader)`."""
    for node in ast.walk(owner):
        if isinstance(node, ast.Assign) and node.lineno in rows and isinstance(node.value, ast.Call):
            target = node.targets[0]
            bound = target.elts if isinstance(target, ast.Tuple) else [target]  # `val_loss, val_ppl = evaluate(…)`
            named = [each for each in bound if isinstance(each, ast.Name) and CAPTION.search(each.id.lower())]
            if any(liveness.is_dead(owner, each) for each in named):
                return True
    return False
