"""Stage: a criterion call and what the facts know of it -> the expression that counts the labels it scored."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lintloss.facts.values import Const, Scoring, Tensor
from lintloss.repair.code import Code, Loop, called, number_read, walk
from lintloss.repair.pieces import is_scored_in

SAME_LABELS = {"view", "reshape", "flatten", "contiguous", "squeeze", "transpose", "permute", "long", "to", "cuda", "t"}
PARTS = (cst.Name, cst.Attribute, cst.Subscript)


@dataclass(frozen=True, slots=True)
class Scored:
    """The one criterion call of a total; `labels` are its targets, before they were flattened."""

    code: Code
    scoring: Scoring
    call: cst.Call
    loop: Loop | None
    labels: cst.BaseExpression

    def count(self, *, marked: bool = False) -> str | None:
        """Return the expression that counts the labels that were scored; None where it cannot be written down.

        Args:
            marked: the count that it replaces leaves out labels of -100, so there are some.
        """
        labels = self.code.text(self.labels)
        if self.scoring.ignore_index is None:
            return f"{labels}.numel()" if self._are_inputs() and not marked else f"({labels} != -100).sum().item()"
        ignored = self._ignore_index()
        return None if ignored is None else f"({labels} != {ignored}).sum().item()"

    @property
    def rows(self) -> str:
        """Return the expression that counts the rows of the batch."""
        return f"{self.code.text(self.labels)}.size(0)"

    def _are_inputs(self) -> bool:
        """Say whether the labels are slices of what the model was fed: no -100 can be among those."""
        one, other = self.scoring.target, self.scoring.prediction
        if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.window is None or other.window is None:
            return False
        is_whole = not one.ignored and not one.clean and one.pad is None  # clean: padding was given an ignored label
        return is_whole and one.window.source == other.window.source

    def _ignore_index(self) -> str | None:
        """Return how the ignored label is written: at the call, where the criterion is made, or as its attribute."""
        func = self.call.func
        given = _keyword(self.call, "ignore_index")
        if given is None and isinstance(func, cst.Call):
            given = _keyword(func, "ignore_index")
        if given is None and isinstance(func, cst.Name):
            made = unmoved(self.code.value_of(func.value, self.code.scope.tree))
            given = _keyword(made, "ignore_index") if isinstance(made, cst.Call) else None
        if given is not None and _is_plain(given):
            return self.code.text(given)
        value = self.scoring.ignore_index
        if isinstance(value, Const) and value.value == -100:
            return "-100"
        if self.scoring.called in {"CrossEntropyLoss", "NLLLoss"} and isinstance(func, cst.Name | cst.Attribute):
            return f"{self.code.text(func)}.ignore_index"
        return None

    def reach(self, node: cst.CSTNode) -> bool:
        """Say whether the labels are, at `node` of the same loop, what they were at the criterion."""
        code = self.code
        if self.loop is None or code.loop(node) is not self.loop:
            return False
        return code.is_same(self.labels, self.call, node, self.loop)

    def is_loss(self, node: cst.BaseExpression) -> bool:
        """Say whether an expression is what the criterion returned, or the number in it."""
        tensor = number_read(node)
        if isinstance(tensor, cst.Name):
            value = self.code.value_of(tensor.value, self.loop or self.code.scope.tree)
            return value is not None and number_read(value) is self.call
        return tensor is self.call


def scored_at(code: Code, scoring: Scoring | None, path: str) -> Scored | None:
    """Return the criterion call of a scoring, None where the scope does not hold it or it is not torch's."""
    if scoring is None or scoring.site is None or not is_scored_in(scoring, path, code.scope.rows):
        return None
    call = code.scope.node_at(scoring.site.span)
    labels = _labels(call) if isinstance(call, cst.Call) else None
    if not isinstance(call, cst.Call) or labels is None:
        return None
    return Scored(code, scoring, call, code.loop(call), labels)


def _labels(call: cst.Call) -> cst.BaseExpression | None:
    """Return the targets of a criterion call, without what only reshapes or moves them."""
    given = _keyword(call, "target")
    if given is None and len(call.args) > 1 and all(arg.keyword is None and not arg.star for arg in call.args[:2]):
        given = call.args[1].value
    while isinstance(given, cst.Call) and isinstance(given.func, cst.Attribute) and called(given) in SAME_LABELS:
        given = given.func.value
    return given if given is not None and _is_plain(given) else None


def _keyword(call: cst.Call, name: str) -> cst.BaseExpression | None:
    return next((arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value == name), None)


def unmoved(node: cst.BaseExpression | None) -> cst.BaseExpression | None:
    """Return the criterion of `nn.CrossEntropyLoss(...).to(device)`."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and called(node) in {"to", "cuda"}:
        return node.func.value
    return node


def _is_plain(node: cst.BaseExpression) -> bool:
    """Say whether an expression can be written a second time: it calls nothing and is short."""
    if isinstance(node, cst.UnaryOperation | cst.Integer):
        return True
    calls = any(isinstance(each, cst.Call | cst.Comment | cst.NamedExpr | cst.Lambda) for each in walk(node))
    return isinstance(node, PARTS) and not calls
