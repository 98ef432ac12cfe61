"""Stage: the name of a total -> where it starts, where and by how much it grows, and where it is read."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lintloss.repair.code import Code, Loop, called, number_read, only_argument
from lintloss.repair.labels import Scored


@dataclass(frozen=True, slots=True)
class Total:
    """A variable that one statement of one loop adds to, or appends to."""

    name: str
    start: cst.SimpleStatementLine
    step: cst.SimpleStatementLine
    term: cst.BaseExpression
    loop: Loop
    collects: bool
    reads: tuple[cst.Name, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """What is added: a loss, alone, times a factor, or exponentiated by `exp`."""

    loss: str
    factor: cst.BaseExpression | None = None
    exp: str = ""


def total_named(code: Code, name: str) -> Total | None:
    """Return the total of that name, None where it starts or grows at other than one place."""
    steps: list[tuple[cst.SimpleStatementLine, cst.BaseExpression, bool]] = []
    starts: list[cst.SimpleStatementLine] = []
    for mention in code.names(name):
        line = code.line(mention)
        if line is None:
            return None
        grown = growth(line, name)
        if grown is not None:
            if not steps or steps[-1][0] is not line:
                steps.append((line, *grown))
        elif mention in code.bindings(name, line) and isinstance(line.body[0], cst.Assign | cst.AnnAssign):
            starts.append(line)
    if len(steps) != 1 or len(starts) != 1:
        return None
    (step, term, collects), start = steps[0], starts[0]
    loop = code.loop(step)
    if loop is None or any(around is loop for around in code.above(start)) or code.row(start) > code.row(step):
        return None
    reads = tuple(each for each in code.names(name) if code.line(each) not in (start, step))
    return Total(name, start, step, term, loop, collects, reads)


def growth(line: cst.SimpleStatementLine, name: str) -> tuple[cst.BaseExpression, bool] | None:
    """Read `n += x`, `n = n + x` and `n.append(x)`: x, and whether it is collected."""
    small = line.body[0]
    if isinstance(small, cst.AugAssign) and isinstance(small.operator, cst.AddAssign):
        return (small.value, False) if _is(small.target, name) else None
    if isinstance(small, cst.Assign) and len(small.targets) == 1 and _is(small.targets[0].target, name):
        value = small.value
        if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add) and _is(value.left, name):
            return value.right, False
    if isinstance(small, cst.Expr) and isinstance(small.value, cst.Call) and called(small.value) == "append":
        func, item = small.value.func, only_argument(small.value)
        if item is not None and isinstance(func, cst.Attribute) and _is(func.value, name):
            return item, True
    return None


def is_first(code: Code, total: Total) -> bool:
    """Say whether nothing else of the scope grows above the total: its counter may have the plain name."""
    for small in code.all(cst.SimpleStatementLine):
        target = small.body[0].target if isinstance(small.body[0], cst.AugAssign) else None
        if small is total.step:
            return True
        if target is not None or (isinstance(small.body[0], cst.Expr) and called(small.body[0].value) == "append"):
            return False
    return True


def term_of(code: Code, total: Total, scored: Scored) -> Term | None:
    """Read what a total grows by; None where it is more than the loss, a factor and exp."""
    term = total.term
    if isinstance(term, cst.Name) and not scored.is_loss(term):
        term = code.value_of(term.value, total.loop) or term  # ppl = math.exp(loss); total += ppl
    if scored.is_loss(term):
        return Term(code.factor(term))
    if isinstance(term, cst.BinaryOperation) and isinstance(term.operator, cst.Multiply):
        for loss, factor in ((term.left, term.right), (term.right, term.left)):
            if scored.is_loss(loss) and term is total.term:
                return Term(code.factor(loss), factor)
    return _exponential(code, term, scored)


def _exponential(code: Code, term: cst.BaseExpression, scored: Scored) -> Term | None:
    inner = number_read(term)
    argument = only_argument(inner) if isinstance(inner, cst.Call) and called(inner) == "exp" else None
    if argument is None or not isinstance(inner, cst.Call) or not scored.is_loss(argument):
        return None
    exp = code.text(inner.func)
    if inner is term:
        return Term(code.factor(argument), exp=exp)
    return Term(f"{code.factor(argument)}.item()", exp="math.exp") if called(term) == "item" else None


def _is(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
