"""Stage: a mean over ranks of each rank's quotient -> the quotient of the sums over ranks."""

from __future__ import annotations

import libcst as cst

from lintloss.findings import Edit, Fix, Span
from lintloss.repair.code import Code, called, has_comment, inner, only_argument
from lintloss.repair.totals import Total, total_named
from lintloss.rule_scope import RuleScope

TENSORS = {"zeros", "tensor", "zeros_like", "new_zeros"}
SAID = "Sum both totals over the ranks, then divide: the number changes"


def summed(node: cst.CSTNode, scope: RuleScope) -> Fix | None:
    """Move the reduction from the quotient to its two totals, where both are tensors at hand."""
    code, node = Code(scope), inner(node)
    if not isinstance(node, cst.Call) or has_comment(node):
        return None
    return _reduced(code, node) if called(node) == "all_reduce" else _gathered(code, node)


def _reduced(code: Code, node: cst.Call) -> Fix | None:
    """`mean = a / b; all_reduce(mean, op=AVG)`: both totals are reduced above the quotient."""
    reduced, line = node.args[0].value if node.args else None, code.line(node)
    if not isinstance(reduced, cst.Name) or line is None or not _averages(code, node):
        return None
    if has_comment(line.trailing_whitespace):
        return None
    quotient = code.value_of(reduced.value, code.scope.tree)
    above = code.line(quotient) if quotient is not None else None
    if quotient is None or above is None or code.parent(above) is not code.parent(line) or not _next(code, above, line):
        return None
    totals = _totals(code, quotient)
    if not totals:
        return None
    func, row = code.text(node.func), code.row(line)
    rows = Span(row, 1, code.end_row(line) + 1, 1)
    sums = "\n".join(f"{func}({total.name})" for total in totals)
    return Fix(SAID, (code.scope.insert_above(code.row(above), sums), Edit(rows, "")))


def _gathered(code: Code, node: cst.Call) -> Fix | None:
    """`gather(a / b).mean()`: both totals are gathered and summed."""
    receiver = node.func.value if isinstance(node.func, cst.Attribute) and not node.args else None
    if called(node) != "mean" or not isinstance(receiver, cst.Call) or called(receiver) not in {"gather", "all_gather"}:
        return None
    quotient = only_argument(receiver)
    totals = _totals(code, quotient) if quotient is not None else ()
    if not totals:
        return None
    gather = code.text(receiver.func)
    text = " / ".join(f"{gather}({total.name}).sum()" for total in totals)
    return Fix(SAID, (Edit(code.scope.span_of(node), code.in_place_of(node, text)),))


def _averages(code: Code, node: cst.Call) -> bool:
    """Say whether a reduction is written `all_reduce(x, op=ReduceOp.AVG)`, with nothing else."""
    operation = node.args[1] if len(node.args) == 2 else None
    if operation is None or (operation.keyword is not None and operation.keyword.value != "op"):
        return False
    return code.text(operation.value).endswith("ReduceOp.AVG")


def _totals(code: Code, quotient: cst.BaseExpression) -> tuple[Total, ...]:
    """Return the two tensors of `a / b`, where that is their only use."""
    if not isinstance(quotient, cst.BinaryOperation) or not isinstance(quotient.operator, cst.Divide):
        return ()
    found: list[Total] = []
    for side in (quotient.left, quotient.right):
        total = total_named(code, side.value) if isinstance(side, cst.Name) else None
        if total is None or total.collects or [each for each in total.reads if each is not side]:
            return ()
        made = code.value_of(total.name, total.start)
        if made is None or called(made) not in TENSORS:
            return ()
        found.append(total)
    return tuple(found)


def _next(code: Code, above: cst.SimpleStatementLine, line: cst.SimpleStatementLine) -> bool:
    """Say whether nothing is done between two statements of one block."""
    block = code.parent(line)
    body = list(block.body) if isinstance(block, cst.IndentedBlock | cst.Module) else []
    return body.index(line) - body.index(above) == 1 if above in body else False
