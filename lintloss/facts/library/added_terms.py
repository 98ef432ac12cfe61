"""What libraries add to the loss of a model's output, in either mode: the balance of experts, how orthogonal adapters are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from lintloss.facts.library import loaders
from lintloss.facts.machine import Machine
from lintloss.facts.values import Const, LibObject, Quantity, Term, Value, options

ROUTER = "output_router_logits"
ADAPTER = "adapter"  # what get_peft_model() was given: see adapters.py


def included(machine: Machine, node: ast.AST, model: Value, kwargs: dict[str, Value], loss: Value) -> Value:
    """Return the loss of an output with what its library has added to it."""
    if not isinstance(model, LibObject) or not isinstance(loss, Quantity) or loss.scoring is None:
        return loss
    terms = (*_balance(machine, node, model, kwargs), *_orthogonality(machine, node, model))
    return replace(loss, scoring=replace(loss.scoring, extra=(*loss.scoring.extra, *terms)))


def _balance(machine: Machine, node: ast.AST, model: LibObject, kwargs: dict[str, Value]) -> Iterator[Term]:
    """Yield the balance of a mixture of experts that is asked for its router's logits.

    Not where the file sets the coefficient, which may be 0.
    """
    asked = kwargs.get(ROUTER, dict(model.kwargs).get(ROUTER))
    if asked == Const(True) and "router_aux_loss_coef" not in machine.frame.module.code:
        place = machine.evidence(node, f"{ROUTER}=True: the balance of the router is added to the loss")
        yield Term("router_aux_loss_coef * aux_loss", place, scaled=True)


def _orthogonality(machine: Machine, node: ast.AST, model: LibObject) -> Iterator[Term]:
    """Yield what peft's AdaLoraModel.forward() adds to the loss, by a weight of 0.5 unless it is given another."""
    configs = options(dict(model.kwargs).get(ADAPTER, Const(None)))
    found = [each for each in configs if isinstance(each, LibObject) and loaders.short(each) == "AdaLoraConfig"]
    weights = [dict(each.kwargs).get("orth_reg_weight", Const(0.5)) for each in found]
    known = [each for each in weights if isinstance(each, Const) and each.value]
    if known:
        place = machine.evidence(node, "AdaLoRA adds to the loss how far its adapters are from orthogonal")
        yield Term("orth_reg_weight * regu_loss", place, scaled=True, optional=len(known) < len(configs))
