"""Options: what is left of code without what runs only where somebody asks for it, `if self.masks_prompt:`."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from lintloss.facts.bindings import Function
from lintloss.facts.machine import Machine
from lintloss.facts.survey import walk
from lintloss.facts.values import Const, Func, LibObject, Ref, Tensor
from lintloss.patterns import regex

Known = tuple[tuple[str, object], ...]  # what options are, by their code: `self.masks_prompt`, `mode`
Decided = bool | Literal["maybe"] | None  # "maybe": an option that nobody knows; None: no option, the data decides
CONFIGURATION = regex(
    r"^(self\.)?_?(\w+_)?(args?|cfg|conf|config|opts?|options?|hparams|hps|flags|FLAGS|settings)[.\[]"
)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
EXITS = (ast.Return, ast.Raise, ast.Continue)
PLAIN = (bool, int, float, str)


MAYBE = object()  # the value of an option that somebody gives, out of sight


@lru_cache(maxsize=512)
def code(node: ast.AST, said: re.Pattern[str], known: Known = (), *, opened: bool = False) -> str:
    """Return the code of a function or class that runs whatever its options are; `opened`: unknown ones may be on.

    Of two ways that an option opens, one is kept where both say what is searched for. Marks that each row has at the
    same places are left out as well: they leave the rows as they were to one another.
    """
    made = _Certain({**_set_up(node), **dict(known)}, said, opened).visit(copy.deepcopy(node))
    return ast.unparse(made)


@lru_cache(maxsize=256)
def constants(tree: ast.Module) -> Known:
    """Return the switches at the head of a module: `MASKS_PROMPT = False`."""
    given = (each for each in tree.body if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant))
    pairs = ((each.targets[0], each.value.value) for each in given if isinstance(each.value, ast.Constant))
    return tuple((each.id, value) for each, value in pairs if isinstance(each, ast.Name) and isinstance(value, bool))


def of_object(machine: Machine, ref: Ref) -> Known:
    """Return what is known of the fields of an object, by their code: `self.masks_prompt`."""
    found: dict[str, object] = {}
    for name, slot in machine.fields(ref).items():
        value = slot.value
        found[f"self.{name}"] = value.value if isinstance(value, Const) else MAYBE
        if isinstance(value, Ref | Func | LibObject | Tensor):
            found[f"self.{name}"] = True
    return tuple(found.items())


def of_call(given: LibObject) -> Known:
    """Return what `partial(collate, masks_prompt=True)` gives by name."""
    return tuple((name, value.value if isinstance(value, Const) else MAYBE) for name, value in given.kwargs)


def is_option(text: str) -> bool:
    """Say whether a test asks for nothing but options of a configuration: `args.masks_prompt and step > 0`."""
    try:
        test = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    return decide(test, {}) == "maybe"


def decide(test: ast.expr, known: Mapping[str, object]) -> Decided:
    """Return what a test says that asks for options; None where it asks for something else."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = decide(test.operand, known)
        return not inner if isinstance(inner, bool) else inner
    if isinstance(test, ast.BoolOp):
        return _joined([decide(each, known) for each in test.values], isinstance(test.op, ast.Or))
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(test.left, test.ops[0], test.comparators[0], known)
    if not isinstance(test, ast.Name | ast.Attribute | ast.Subscript):
        return None
    text = ast.unparse(test)
    if text in known:
        return "maybe" if known[text] is MAYBE else bool(known[text])
    return "maybe" if CONFIGURATION.match(text) else None


def _joined(parts: list[Decided], ends: bool) -> Decided:
    """Join `a and b` (which ends on False) or `a or b` (on True). Beside what the data decides, an `or` is no option."""
    if ends in parts:
        return ends
    if ends and None in parts:
        return None
    if "maybe" in parts:
        return "maybe"
    return None if None in parts else not ends


def _compared(left: ast.expr, operator: ast.cmpop, right: ast.expr, known: Mapping[str, object]) -> Decided:
    """Decide `self.mode == "sft"`; what is None or not is not asked of an option, but of what there is."""
    if not isinstance(right, ast.Constant) or not isinstance(operator, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
        return None
    text = ast.unparse(left)
    wanted = isinstance(operator, ast.Eq | ast.Is)
    if text in known and known[text] is not MAYBE:
        return (known[text] == right.value) is wanted
    asks = text in known or CONFIGURATION.match(text) is not None
    return "maybe" if asks and isinstance(right.value, PLAIN) else None


def _set_up(node: ast.AST) -> dict[str, object]:
    """Return what the fields of a class are that its constructor takes over from its parameters."""
    body = node.body if isinstance(node, ast.ClassDef) else []
    found: dict[str, object] = {}
    for method in (each for each in body if isinstance(each, Function) and each.name == "__init__"):
        given = _given(method)
        for each in walk(method):
            target = each.targets[0] if isinstance(each, ast.Assign) else None
            value = each.value if isinstance(each, ast.Assign) else None
            if not isinstance(target, ast.Attribute) or ast.unparse(target.value) != "self":
                continue
            name = f"self.{target.attr}"
            if isinstance(value, ast.Constant):
                found[name] = value.value
            elif isinstance(value, ast.Name) and value.id in given:
                found[name] = given[value.id]
            elif value is not None and CONFIGURATION.match(ast.unparse(value)):
                found[name] = MAYBE
    return found


def _given(function: Function) -> dict[str, object]:
    """Return the parameters of a function with their defaults; of the others nobody knows."""
    taken = function.args
    plain = [*taken.posonlyargs, *taken.args]
    found: dict[str, object] = {each.arg: MAYBE for each in (*plain, *taken.kwonlyargs)}
    pairs = [
        *zip(reversed(plain), reversed(taken.defaults), strict=False),
        *zip(taken.kwonlyargs, taken.kw_defaults, strict=True),
    ]
    for each, default in pairs:
        if isinstance(default, ast.Constant):
            found[each.arg] = default.value
    return found


class _Certain(ast.NodeTransformer):
    """Leaves out the branches of options that are off (or unknown, unless `opened`), and what is marked in each row alike."""

    def __init__(self, known: dict[str, object], said: re.Pattern[str], opened: bool) -> None:
        self._known, self._said, self._opened = known, said, opened
        self._loops = 0

    def generic_visit(self, node: ast.AST) -> ast.AST:
        outer = self._known
        if isinstance(node, Function):  # a flag has a default; what has none is what the function works on
            flags = {name: value for name, value in _given(node).items() if value is not MAYBE}
            self._known = {**flags, **outer}
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                setattr(node, name, self._block(block) or [ast.Pass()])
        self._loops += isinstance(node, LOOPS)
        made = super().generic_visit(node)
        self._loops -= isinstance(node, LOOPS)
        self._known = outer
        return made

    def _block(self, block: list[ast.stmt]) -> list[ast.stmt]:
        """Return the statements that run in any case."""
        kept: list[ast.stmt] = []
        for index, each in enumerate(block):
            if _is_refilled(each, block[index + 1 :]):
                continue
            decided = self._decide(each.test) if isinstance(each, ast.If) else None
            if not isinstance(each, ast.If) or decided is None:
                kept.append(each)
                continue
            leaves = isinstance(each.body[-1], EXITS)
            if decided == "maybe":
                kept += self._both(each, block[index + 1 :] if leaves else [])
                if leaves:
                    return kept
                continue
            taken = each.body if decided else each.orelse
            kept += self._block(taken)
            if taken and isinstance(taken[-1], EXITS):
                return kept
        return kept

    def _decide(self, test: ast.expr) -> Decided:
        decided = decide(test, self._known)
        return None if decided == "maybe" and self._opened else decided

    def _both(self, node: ast.If, rest: list[ast.stmt]) -> list[ast.stmt]:
        """Return one way through an option that nobody knows where both ways say it, else nothing of either."""
        ways = [self._block(node.body), self._block([*node.orelse, *rest])]
        return ways[0] if all(self._said.search("\n".join(map(ast.unparse, way))) for way in ways) else []

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        decided = self._decide(node.test)
        if isinstance(decided, bool):
            return self.visit(node.body if decided else node.orelse)  # type: ignore[no-any-return]  # of a transformer
        if decided == "maybe" and not all(self._said.search(ast.unparse(way)) for way in (node.body, node.orelse)):
            return ast.Constant(None)
        return super().generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and is_mark(node.value) and _is_one_place(target.slice):
            return ast.Pass()
        if self._loops and isinstance(target, ast.Name) and target.id in _names(node.value):
            return node  # `row = row + [-100]` until it is long enough
        return super().generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Leave out `[-100]` in `ids[1:] + [-100]`: one mark a row."""
        if isinstance(node.op, ast.Add):
            if _is_one_mark(node.right):
                return self.visit(node.left)  # type: ignore[no-any-return]  # of a transformer
            if _is_one_mark(node.left):
                return self.visit(node.right)  # type: ignore[no-any-return]  # of a transformer
        return super().generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave out the fill of `F.pad(labels[:, 1:], (0, 1), value=-100)`: as many marks in each row."""
        if ast.unparse(node.func).endswith("pad") and any(_is_written_out(each) for each in node.args[1:]):
            node.keywords = [each for each in node.keywords if not is_mark(each.value)]
            node.args = [each for each in node.args if not is_mark(each)]
        return super().generic_visit(node)


def _is_refilled(made: ast.stmt, rest: list[ast.stmt]) -> bool:
    """Say whether a block of marks is overwritten at the same places of each row: `labels[:, :-1] = ids[:, 1:]`."""
    target = made.targets[0] if isinstance(made, ast.Assign) else None
    if not isinstance(target, ast.Name) or not isinstance(made, ast.Assign):
        return False
    if not isinstance(made.value, ast.Call | ast.BinOp | ast.UnaryOp):
        return False
    written = [
        each
        for statement in rest
        for each in ast.walk(statement)
        if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store) and ast.unparse(each.value) == target.id
    ]
    return bool(written) and all(_is_one_place(each.slice) for each in written)


def _names(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def is_mark(node: ast.expr) -> bool:
    """Say whether an expression is an id to be ignored: -100, -1, `IGNORE_INDEX`, `self.ignore_index`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return node.operand.value in (1, 100)
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return "ignore" in name.lower()


def _is_one_mark(node: ast.expr) -> bool:
    return isinstance(node, ast.List) and len(node.elts) == 1 and is_mark(node.elts[0])


def _is_one_place(index: ast.expr) -> bool:
    """Say whether an index is written out, and leaves whole axes: `[:, -1]`, `[..., :2]`, `[0]`."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return all(_is_fixed(each) for each in parts) and any(map(_is_bounded, parts))


def _is_bounded(part: ast.expr) -> bool:
    return not isinstance(part, ast.Slice) or part.lower is not None or part.upper is not None


def _is_fixed(part: ast.expr) -> bool:
    if isinstance(part, ast.Slice):
        return all(each is None or _is_number(each) for each in (part.lower, part.upper, part.step))
    return _is_number(part) or (isinstance(part, ast.Constant) and part.value is ...)


def _is_number(node: ast.expr) -> bool:
    node = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _is_written_out(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple | ast.List) and bool(node.elts) and all(map(_is_number, node.elts))
