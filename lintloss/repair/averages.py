"""Stage: an average of batch losses -> the total of nats over the count of scored tokens."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lintloss.facts.observations import Averaging
from lintloss.findings import Edit, Fix
from lintloss.repair.code import Code, called, has_comment, inner, number_read, only_argument, spelling
from lintloss.repair.labels import Scored, scored_at, unmoved
from lintloss.repair.totals import Term, Total, is_first, term_of, total_named
from lintloss.rule_scope import RuleScope

SUMS = {"sum", "fsum", "nansum"}
MEANS = {"mean", "average", "fmean", "nanmean"}
STACKS = {"stack", "tensor", "cat", "array", "asarray", "as_tensor", "FloatTensor", "Tensor"}


@dataclass(frozen=True, slots=True)
class Average:
    """A quotient or mean of a total that was added up in the scope."""

    code: Code
    node: cst.CSTNode
    total: Total
    scored: Scored
    term: Term
    numerator: str

    def replaced(self, counter: str) -> Edit:
        """Return the edit that divides the total by a counter."""
        scope, node, exp = self.code.scope, self.node, self.term.exp
        quotient = f"{self.numerator} / {counter}"
        if isinstance(node, cst.AugAssign):
            if exp:
                return Edit(scope.span_of(node), f"{self.numerator} = {exp}({quotient})")
            return Edit(scope.span_of(node.value), counter)
        return Edit(scope.span_of(node), f"{exp}({quotient})" if exp else self.code.in_place_of(node, quotient))


def average_at(node: cst.CSTNode, seen: Averaging, scope: RuleScope) -> Average | None:
    """Find the pieces of an average in its scope, None where one is missing or used for something else, too."""
    code, node = Code(scope), inner(node)
    scored = scored_at(code, seen.before.scoring, seen.path)
    found = numerator_of(code, node)
    if scored is None or scored.loop is None or scored.scoring.masked or found is None:
        return None
    if seen.before.negated or has_comment(node):
        return None
    name, numerator = found
    total = total_named(code, name)
    if total is None or total.loop is not scored.loop or not scored.reach(total.step):
        return None
    if is_read_elsewhere(code, total, node):
        return None
    if any(around is total.loop for around in code.above(node)) or code.row(node) < code.row(total.step):
        return None
    if code.row(scored.call) > code.row(total.step) or has_comment(total.term):
        return None
    term = term_of(code, total, scored)
    if term is None or (term.exp == "math.exp" and spelling(scope, "math") != "math"):
        return None
    return Average(code, node, total, scored, term, numerator)


def reweighed(average: Average) -> Fix | None:
    """Weigh each mean by its scored tokens, count them, and divide by their number."""
    code, total, count = average.code, average.total, average.scored.count()
    counter, each = _counter(code, total), _free(code, "batch_tokens", f"{total.name}_batch_tokens")
    if count is None or counter is None or each is None:
        return None
    scope, step = code.scope, total.step
    return Fix(
        "Divide the total by the scored tokens: the number changes",
        (
            scope.insert_below(code.end_row(total.start), f"{counter} = 0", like=code.row(total.start)),
            scope.insert_above(code.row(step), f"{each} = {count}"),
            Edit(scope.span_of(total.term), f"{average.term.loss} * {each}"),
            scope.insert_below(code.end_row(step), f"{counter} += {each}", like=code.row(step)),
            average.replaced(counter),
        ),
    )


def recounted(average: Average) -> Fix | None:
    """Weigh by scored tokens where rows are weighed and counted, in the counter that is there for them."""
    code, total, count, factor = average.code, average.total, average.scored.count(), average.term.factor
    number = divisor_total(average)
    if number is None or factor is None or count is None or code.text(number.term) != code.text(factor):
        return None
    if count == code.text(factor) or not average.scored.reach(number.step):
        return None
    edits = (
        Edit(code.scope.span_of(total.term), f"{average.term.loss} * {count}"),
        Edit(code.scope.span_of(number.term), count),
    )
    return Fix("Weigh by the scored tokens: the number changes", edits)


def metered(node: cst.CSTNode, seen: Averaging, scope: RuleScope) -> Fix | None:
    """Give a torchmetrics mean the scored tokens as the weight of a batch."""
    code, node = Code(scope), inner(node)
    scored = scored_at(code, seen.before.scoring, seen.path)
    if scored is None or scored.scoring.masked or not isinstance(node, cst.Call) or has_comment(node):
        return None
    loss, meter = only_argument(node), node.func
    if called(node) == "update" and isinstance(meter, cst.Attribute):
        meter = meter.value
    made = unmoved(code.value_of(meter.value, scope.tree)) if isinstance(meter, cst.Name) else None
    if loss is None or made is None or called(made) != "MeanMetric" or not scored.is_loss(loss):
        return None
    count = scored.count()
    if count is None or not scored.reach(node) or code.row(node) < code.row(scored.call):
        return None
    edit = Edit(scope.span_of(loss), f"{code.bare(loss)}, weight={count}")
    return Fix("Weigh by the scored tokens: the number changes", (edit,))


def counted(average: Average) -> Fix | None:
    """Count the scored tokens of a total of nats, and divide by their number."""
    code, total, count = average.code, average.total, average.scored.count()
    counter = _counter(code, total)
    if count is None or counter is None or average.term.factor is not None or average.term.exp:
        return None
    scope = code.scope
    return Fix(
        "Divide the total by the scored tokens: the number changes",
        (
            scope.insert_below(code.end_row(total.start), f"{counter} = 0", like=code.row(total.start)),
            scope.insert_below(code.end_row(total.step), f"{counter} += {count}", like=code.row(total.step)),
            average.replaced(counter),
        ),
    )


def multiplied(average: Average, count: str | None = None) -> Fix | None:
    """Multiply each mean by `count`, or by what the divisor grows by: the divisor is right already."""
    if average.term.factor is not None or average.term.exp:
        return None
    if count is None:
        number, code = divisor_total(average), average.code
        if number is None or not code.is_same(number.term, number.step, average.total.step, number.loop):
            return None
        count = code.factor(number.term)
    edit = Edit(average.code.scope.span_of(average.total.term), f"{average.term.loss} * {count}")
    return Fix("Multiply each mean by what it was taken over: the number changes", (edit,))


def restarted(node: cst.CSTNode, scope: RuleScope) -> Fix | None:
    """Let the counter that a quotient divides by start at 0 instead of 1."""
    code, node = Code(scope), inner(node)
    divisor = divisor_of(node)
    number = total_named(code, divisor.value) if isinstance(divisor, cst.Name) else None
    if number is None or is_read_elsewhere(code, number, node) or not _is_one(number.term):
        return None
    start = number.start.body[0]
    if not isinstance(start, cst.Assign | cst.AnnAssign) or start.value is None or not _is_one(start.value):
        return None
    return Fix("Count from 0: the number changes", (Edit(scope.span_of(start.value), "0"),))


def _is_one(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Integer) and node.value == "1"


def divisor_total(average: Average) -> Total | None:
    """Return the counter that an average divides by, where it counts in the same loop and has no other use."""
    code, node = average.code, average.node
    divisor = divisor_of(node)
    number = total_named(code, divisor.value) if isinstance(divisor, cst.Name) else None
    if number is None or number.collects or number.loop is not average.total.loop:
        return None
    return None if is_read_elsewhere(code, number, node) else number


def divisor_of(node: cst.CSTNode) -> cst.BaseExpression | None:
    """Return what a quotient divides by, where `max(n, 1)` divides by n."""
    divisor = node.value if isinstance(node, cst.AugAssign) else None
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Divide):
        divisor = node.right
    if isinstance(divisor, cst.Call) and called(divisor) == "max" and len(divisor.args) == 2:
        return next((arg.value for arg in divisor.args if isinstance(arg.value, cst.Name)), None)
    return divisor


def _counter(code: Code, total: Total) -> str | None:
    """Return a name for the counter: two totals of one scope that are fixed at once must not share theirs."""
    own = f"{total.name}_tokens"
    return _free(code, "scored_tokens" if is_first(code, total) else own, own)


def _free(code: Code, *names: str) -> str | None:
    return next((name for name in names if code.is_free(name)), None)


def is_read_elsewhere(code: Code, total: Total, node: cst.CSTNode) -> bool:
    for read in total.reads:
        around = (read, *code.above(read))
        if any(each is node for each in around):
            continue
        if isinstance(node, cst.AugAssign) and code.row(read) > code.row(node):
            continue  # by then it is the mean
        tested = code.parent(read)
        is_length = isinstance(tested, cst.Arg) and called(around[2]) == "len"
        if not (isinstance(tested, cst.If | cst.IfExp) and tested.test is read) and not is_length:
            return True
    return False


def numerator_of(code: Code, node: cst.CSTNode) -> tuple[str, str] | None:
    """Return the name of the total that a node averages, and the code of that total."""
    if isinstance(node, cst.AugAssign) and isinstance(node.operator, cst.DivideAssign):
        return (node.target.value, node.target.value) if isinstance(node.target, cst.Name) else None
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Divide):
        held = number_read(node.left)
        if isinstance(held, cst.Call) and called(held) in SUMS:
            held = _collected(held) or held
        return (held.value, code.factor(node.left)) if isinstance(held, cst.Name) else None
    return _of_mean(code, node) if isinstance(node, cst.Call) and called(node) in MEANS else None


def _of_mean(code: Code, node: cst.Call) -> tuple[str, str] | None:
    """Read `np.mean(xs)`, `torch.stack(xs).mean()` and `torch.mean(torch.stack(xs))`."""
    held = only_argument(node)
    if not node.args and isinstance(node.func, cst.Attribute):
        held = node.func.value
    if isinstance(held, cst.Name) and node.args:
        return held.value, f"sum({held.value})"
    name = _collected(held) if isinstance(held, cst.Call) and called(held) in STACKS else None
    return (name.value, f"{code.text(held)}.sum()") if isinstance(name, cst.Name) and held is not None else None


def _collected(call: cst.Call) -> cst.BaseExpression | None:
    """Return the list in `sum(xs)`, `torch.stack(xs)` and `torch.stack(xs).sum()`."""
    if not call.args and isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Call):
        call = call.func.value
    return call.args[0].value if call.args and call.args[0].keyword is None else None
