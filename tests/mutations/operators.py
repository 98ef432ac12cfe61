"""Mechanical ways to break a right evaluation loop. Each is a function of a Source and the roles that the manifest
names (which expression counts, which one weighs), and yields text replacements; none at all where it does not apply.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mutations.edits import Replacement, Source

Roles = dict[str, str]
Operator = Callable[[Source, Roles], Iterator[Replacement]]


@dataclass(frozen=True, slots=True)
class Mutation:
    """An operator, and the codes of which one must be reported for its mutants."""

    operator: Operator
    expected: frozenset[str]


MUTATIONS: dict[str, Mutation] = {}


def mutation(*codes: str) -> Callable[[Operator], Operator]:
    """Register an operator under its name."""

    def register(operator: Operator) -> Operator:
        MUTATIONS[operator.__name__] = Mutation(operator, frozenset(codes))
        return operator

    return register


def shift_slices(source: Source) -> Iterator[tuple[ast.Subscript, ast.Slice]]:
    """Subscripts with a `:-1` or `1:` along some axis."""
    for node in source.walk(ast.Subscript):
        assert isinstance(node, ast.Subscript)
        axes = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for axis in axes:
            if isinstance(axis, ast.Slice) and source.of(axis) in (":-1", "1:"):
                yield node, axis


@mutation("LL301")
def drop_shift(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Both windows become the whole row."""
    for _, axis in shift_slices(source):
        yield source.replace(axis, ":")


@mutation("LL303")
def turn_shift(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Inputs lose their first, labels their last: each token is scored against the one before it."""
    for _, axis in shift_slices(source):
        yield source.replace(axis, ":-1" if source.of(axis) == "1:" else "1:")


@mutation("LL302")
def shift_twice(source: Source, roles: Roles) -> Iterator[Replacement]:
    """A model that shifts inside is given labels that were shifted by hand."""
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if "labels" not in given:
            continue
        inputs = given["input_ids"] if "input_ids" in given else node.args[0]
        yield source.replace(inputs, f"{source.of(inputs)}[:, :-1]")
        yield source.replace(given["labels"], f"{source.of(given['labels'])}[:, 1:]")


def without_factor(source: Source, weight: str) -> Iterator[Replacement]:
    """`x * weight` becomes `x`."""
    wanted = ast.unparse(ast.parse(weight, mode="eval"))
    for node in source.walk(ast.BinOp):
        assert isinstance(node, ast.BinOp)
        if isinstance(node.op, ast.Mult) and wanted in (ast.unparse(node.left), ast.unparse(node.right)):
            other = node.left if ast.unparse(node.right) == wanted else node.right
            yield source.replace(node, source.of(other))


def with_divisor(source: Source, count: str, divisor: str) -> Iterator[Replacement]:
    """`x / count` and `x /= count` are divided by something else."""
    wanted = ast.unparse(ast.parse(count, mode="eval"))
    for node in source.walk(ast.BinOp, ast.AugAssign):
        assert isinstance(node, ast.BinOp | ast.AugAssign)
        below = node.right if isinstance(node, ast.BinOp) else node.value
        if isinstance(node.op, ast.Div) and ast.unparse(below) == wanted:
            yield source.replace(below, divisor)


@mutation("LL101")
def average_batches(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The batch means are added up as they are and divided by the number of batches."""
    yield from without_factor(source, roles["weight"])
    yield from with_divisor(source, roles["count"], roles["batches"])


@mutation("LL102")
def forget_weight(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The batch means are added up as they are, and still divided by the tokens."""
    yield from without_factor(source, roles["weight"])


@mutation("LL101")
def drop_meter_weight(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The meter is not told how many tokens its value stands for."""
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        if source.of(node.func) != roles["update"]:
            continue
        extra = [*node.args[1:], *[keyword.value for keyword in node.keywords]]
        if extra:
            yield Replacement(source.span(node.args[0])[1], source.span(node)[1] - 1, "")


@mutation("LL102", "LL502")
def divide_sum_by_batches(source: Source, roles: Roles) -> Iterator[Replacement]:
    """A sum of nats is divided by the number of batches."""
    yield from with_divisor(source, roles["count"], roles["batches"])


@mutation("LL102")
def divide_by_examples(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Batch means are added up and divided by the number of examples."""
    yield from without_factor(source, roles["weight"])
    yield from with_divisor(source, roles["count"], roles["examples"])


@mutation("LL102")
def sum_means(source: Source, roles: Roles) -> Iterator[Replacement]:
    """reduction="sum" becomes "mean", and the division by tokens stays."""
    for node in source.walk(ast.keyword):
        assert isinstance(node, ast.keyword)
        if node.arg == "reduction" and source.of(node.value) == '"sum"':
            yield source.replace(node.value, '"mean"')


@mutation("LL103")
def count_all_positions(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The divisor counts padding and ignored labels too."""
    for node in source.written(roles["scored"]):
        yield source.replace(node, roles["positions"])


@mutation("LL304")
def drop_ignore_index(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The criterion scores padding."""
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        spans = [source.span(argument) for argument in (*node.args, *node.keywords)]
        for place, keyword in enumerate(node.keywords, start=len(node.args)):
            if keyword.arg == "ignore_index" and place > 0:
                yield Replacement(spans[place - 1][1], spans[place][1], "")
            elif keyword.arg == "ignore_index":
                yield Replacement(spans[0][0], spans[1][0] if len(spans) > 1 else spans[0][1], "")


@mutation("LL304", "LL103")
def drop_mask(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Padding is counted among the nats: the mask that removed it is gone."""
    yield from without_factor(source, roles["mask"])


CROSS_ENTROPIES = ("cross_entropy", "F.cross_entropy", "torch.nn.functional.cross_entropy", "criterion")


def criterion_calls(source: Source, roles: Roles) -> Iterator[ast.Call]:
    names = (roles["criterion"],) if "criterion" in roles else CROSS_ENTROPIES
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        if source.of(node.func) in names:
            yield node


@mutation("LL202")
def score_probabilities(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The criterion is given softmax(logits)."""
    for node in criterion_calls(source, roles):
        softmax = roles.get("softmax", "torch.softmax({}, dim=-1)")
        yield source.replace(node.args[0], softmax.format(source.of(node.args[0])))


@mutation("LL203")
def likelihood_of_logits(source: Source, roles: Roles) -> Iterator[Replacement]:
    """nll_loss is given logits."""
    for node in source.walk(ast.Attribute, ast.Name):
        assert isinstance(node, ast.Attribute | ast.Name)
        spelled = source.of(node)
        if spelled in ("F.cross_entropy", "torch.nn.functional.cross_entropy"):
            yield source.replace(node, spelled.replace("cross_entropy", "nll_loss"))
        elif spelled.endswith("nn.CrossEntropyLoss"):
            yield source.replace(node, spelled.replace("CrossEntropyLoss", "NLLLoss"))


@mutation("LL201")
def squared_error(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The criterion is the squared error between probabilities and one-hot labels."""
    for node in criterion_calls(source, roles):
        logits, labels = (source.of(argument) for argument in node.args[:2])
        reduction = [source.of(keyword) for keyword in node.keywords if keyword.arg == "reduction"]
        one_hot = f"F.one_hot({labels}, {roles['classes']}).float()"
        yield source.replace(node, f"F.mse_loss({', '.join([f'{logits}.softmax(-1)', one_hot, *reduction])})")


@mutation("LL204")
def smooth_labels(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The training criterion with its smoothing is reused."""
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        if source.of(node.func).rsplit(".")[-1] in ("cross_entropy", "CrossEntropyLoss"):
            end = source.span(node)[1] - 1
            trailing = source.text[:end].rstrip().endswith((",", "("))
            yield Replacement(end, end, "label_smoothing=0.1" if trailing else ", label_smoothing=0.1")


EXPONENTIALS = ("math.exp", "torch.exp", "np.exp", "jnp.exp")


def exponentials(source: Source) -> Iterator[ast.Call]:
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        if source.of(node.func) in EXPONENTIALS and len(node.args) == 1:
            yield node


@mutation("LL104")
def average_perplexities(source: Source, roles: Roles) -> Iterator[Replacement]:
    """exp() of each batch's mean is added up and divided by the number of batches; nothing is exponentiated after."""
    for node in source.written(f"{roles['mean']} * {roles['weight']}"):
        yield source.replace(node, roles.get("exp", "math.exp({})").format(roles["mean"]))
    yield from with_divisor(source, roles["count"], roles["batches"])
    for node in exponentials(source):
        yield source.replace(node, source.of(node.args[0]))


@mutation("LL501")
def raise_two(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Nats are raised on base 2."""
    for node in exponentials(source):
        yield source.replace(node, f"2 ** ({source.of(node.args[0])})")


@mutation("LL501")
def forget_log_two(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Nats per byte are reported as bits."""
    for node in source.walk(ast.BinOp):
        assert isinstance(node, ast.BinOp)
        if isinstance(node.op, ast.Mult) and source.of(node.left) == "math.log(2)":
            yield source.replace(node, source.of(node.right))


@mutation("LL502")
def exponentiate_total(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The total is exponentiated, before any division."""
    wanted = ast.unparse(ast.parse(roles["count"], mode="eval"))
    for node in source.walk(ast.BinOp):
        assert isinstance(node, ast.BinOp)
        if isinstance(node.op, ast.Div) and ast.unparse(node.right) == wanted:
            yield source.replace(node, source.of(node.left))


@mutation("LL401")
def drop_eval_mode(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The model stays in training mode."""
    for node in source.walk(ast.Expr):
        assert isinstance(node, ast.Expr)
        if source.of(node).endswith(".eval()"):
            yield source.replace(node, "pass")


NO_GRAD = ("torch.no_grad()", "torch.inference_mode()", "torch.no_grad", "torch.inference_mode")


@mutation("LL402")
def drop_no_grad(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Gradients are recorded."""
    for node in source.walk(ast.With, ast.FunctionDef):
        if isinstance(node, ast.With):
            for item in node.items:
                if source.of(item.context_expr) in NO_GRAD:
                    start = source.span(node)[0]
                    yield Replacement(start, source.span(item.context_expr)[1], "if True")
        elif isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if source.of(decorator) in NO_GRAD:
                    start, end = source.span(decorator)
                    yield Replacement(start - 1, end, "")


@mutation("LL404")
def drop_last_batch(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The evaluation loader leaves its last, smaller batch out."""
    for node in source.walk(ast.Call):
        assert isinstance(node, ast.Call)
        if source.of(node.func).rsplit(".")[-1] == "DataLoader" and "shuffle" not in source.of(node):
            end = source.span(node)[1] - 1
            yield Replacement(end, end, ", drop_last=True")


@mutation("LL404")
def stop_early(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Only the first fifty batches are looked at, and nobody is told."""
    first_import = next(source.walk(ast.Import, ast.ImportFrom))
    assert isinstance(first_import, ast.stmt)
    for node in source.walk(ast.For, ast.comprehension):
        assert isinstance(node, ast.For | ast.comprehension)
        if source.of(node.iter) == roles["loader"]:
            start = source.span(first_import)[0]
            yield Replacement(start, start, "import itertools\n")
            yield source.replace(node.iter, f"itertools.islice({roles['loader']}, 50)")


@mutation("LL305")
def score_context(source: Source, roles: Roles) -> Iterator[Replacement]:
    """The context of a window is scored again."""
    for node in source.walk(ast.Assign):
        assert isinstance(node, ast.Assign)
        if source.of(node).startswith("target_ids[:, :-trg_len]"):
            yield source.replace(node, "pass")


@mutation("LL105")
def average_ranks(source: Source, roles: Roles) -> Iterator[Replacement]:
    """Each rank divides for itself, and the means are averaged."""
    for node in source.walk(ast.Expr):
        assert isinstance(node, ast.Expr)
        if source.of(node) == roles["reduce_nats"]:
            yield source.replace(node, roles["rank_mean"])
        elif source.of(node) == roles["reduce_count"]:
            yield source.replace(node, "pass")
    for written in source.written(roles["quotient"]):
        yield source.replace(written, roles["rank_average"])


def rewrite(source: Source, roles: Roles) -> Iterator[Replacement]:
    """What only one fixture needs: pieces of its text, each there exactly once, and what stands in their place."""
    for old, new in roles.items():
        assert source.text.count(old) == 1, f"{old!r} is there {source.text.count(old)} times"
        start = source.text.index(old)
        yield Replacement(start, start + len(old), new)
