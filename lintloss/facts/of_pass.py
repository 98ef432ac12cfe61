"""What a value in a loop's body is made of: the batch of this pass alone, or something carried from the pass before."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lintloss.facts.callers import text_of
from lintloss.facts.survey import called_name, walk


@dataclass(frozen=True, slots=True)
class Made:
    """What a value is made of.

    carried: of what the pass before left, `worst = torch.maximum(worst, loss)`, a list that grows, or of what may be.
    parts: the parts of what calls returned that it is made of. One of them alone may be a constant of the model.
    batch: what the batch itself is used in, otherwise than for such parts.
    """

    carried: bool = False
    batch: bool = False
    parts: frozenset[str] = frozenset()

    @property
    def varies(self) -> bool:
        """Say whether it is surely computed from the batch."""
        return self.batch or len(self.parts) > 1

    @property
    def may_vary(self) -> bool:
        return self.batch or bool(self.parts)


@dataclass(slots=True)
class Pass:
    """One pass through a loop's body, statement by statement."""

    loop: ast.For | ast.AsyncFor
    may_keep: Callable[[ast.Call], bool]  # whether what a call returns may hang on earlier calls: see keeping.py
    known: dict[str, Made] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)
    grown: set[str] = field(default_factory=set)
    values: dict[int, Made] = field(default_factory=dict)  # by the statement that they are assigned in

    def __post_init__(self) -> None:
        inside = [each for part in self.loop.body for each in walk(part)]
        hidden = {id(name) for each in inside if isinstance(each, ast.comprehension) for name in walk(each.target)}
        self.stored = {
            each.id
            for each in inside
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and id(each) not in hidden
        }
        self.grown = {text for each in inside for text in _grown(each) if text not in self.stored}
        target = self.loop.target
        counts = isinstance(self.loop.iter, ast.Call) and called_name(self.loop.iter.func) == "enumerate"
        numbered = isinstance(target, ast.Tuple) and counts
        batch = target.elts[-1] if isinstance(target, ast.Tuple) and numbered else target
        self.known = {name: Made() for name in _stored(walk(target))}
        self.known |= {name: Made(batch=True) for name in _stored(walk(batch))}
        self.run(self.loop.body, always=True)

    def run(self, body: Iterable[ast.stmt], *, always: bool) -> None:
        """Go through statements; always: they run in each pass."""
        for each in body:
            if isinstance(each, ast.Assign):
                self.values[id(each)] = self.of(each.value)
                for target in each.targets:
                    self.bind(target, each.value, always=always)
            elif isinstance(each, ast.AugAssign | ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value:
                self.join(each.target.id, self.of(each.value), also=isinstance(each, ast.AugAssign), always=always)
            for name in ("body", "orelse", "finalbody"):
                self.run(getattr(each, name, ()), always=always and isinstance(each, ast.With | ast.AsyncWith))

    def bind(self, target: ast.expr, value: ast.expr, *, always: bool) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            same = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            whole = self.of(value)
            for at, each in enumerate(target.elts):
                one = self.of(value.elts[at]) if same and isinstance(value, ast.Tuple | ast.List) else None
                if isinstance(each, ast.Name):
                    made = one or _part(whole, f"{value.lineno}:{value.col_offset}:{at}")
                    self.join(each.id, made, also=False, always=always)
        elif isinstance(target, ast.Name):
            self.join(target.id, self.of(value), also=False, always=always)

    def join(self, name: str, made: Made, *, also: bool, always: bool) -> None:
        """Give a name a value; also: beside the one that it has."""
        before = self.known.get(name)
        if before is None and (also or not always):
            before = Made(carried=True)
        self.known[name] = _both(before, made) if before is not None and (also or not always) else made

    def of(self, node: ast.expr) -> Made:
        """Return what an expression is made of, as far as the pass has come."""
        called = {id(each.func) for each in walk(node) if isinstance(each, ast.Call)}
        if any(id(each) not in called and _text(each) in self.grown for each in walk(node)):
            return Made(carried=True)
        return self._made(node, called)

    def _made(self, node: ast.expr, called: set[int]) -> Made:
        if isinstance(node, ast.Name):
            return self.known.get(node.id, Made(carried=node.id in self.stored))
        made = Made()
        for each in ast.iter_child_nodes(node):
            below = each.value if isinstance(each, ast.keyword) else each
            made = _both(made, self._made(below, called)) if isinstance(below, ast.expr) else made
        if isinstance(node, ast.Call) and not self._is_of_batch(node.func) and self.may_keep(node):
            return Made(carried=True)
        takes = isinstance(node, ast.Attribute) and id(node) not in called
        picks = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
        return _part(made, text_of(node)) if takes or picks else made

    def _is_of_batch(self, function: ast.expr) -> bool:
        """Say whether a method of something is called that this pass computed."""
        return isinstance(function, ast.Attribute) and self.of(function.value).may_vary


def _both(one: Made, other: Made) -> Made:
    return Made(one.carried or other.carried, one.batch or other.batch, one.parts | other.parts)


def _part(made: Made, name: str) -> Made:
    """Return what one of the values that a call returned is made of: whether of the batch, is not known."""
    return made if made.carried or not made.may_vary else Made(parts=frozenset({name}))


def _stored(nodes: Iterable[ast.AST]) -> set[str]:
    return {each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _text(node: ast.AST) -> str:
    return text_of(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _grown(node: ast.AST) -> set[str]:
    """Return what a statement writes into: `hits.append(hit)`, `meter.update(loss)`, `fill(seen, loss)`, `seen[k] = 1`."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    written = {_text(each.value) for each in targets if isinstance(each, ast.Subscript)}
    written |= {_text(each) for each in targets if isinstance(each, ast.Attribute)}
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and any(not isinstance(each, ast.Constant) for each in call.args):
        if isinstance(call.func, ast.Attribute):
            written.add(_text(call.func.value))
        else:
            written |= {_text(each) for each in call.args}
    return written - {""}
