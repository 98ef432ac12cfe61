"""Unconditional code: what a block runs each time, by the tests that are decided and by both arms of those that are not."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lintloss.facts.survey import children, walk

Found = TypeVar("Found")
Block = Sequence[ast.stmt]
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
LEAVES = (ast.Return, ast.Break, ast.Continue)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


@dataclass(frozen=True, slots=True)
class Course(Generic[Found]):
    """A reader of code in the order in which it runs.

    holds: the truth of a test, None where it is open. visit: what is looked for in a node that is sure to run. Where a
    test is open, what is found in its arms counts if each of them has something: some of it then runs either way.
    A loop over items is taken to have one.
    """

    holds: Callable[[ast.expr], bool | None]
    visit: Callable[[ast.AST], list[Found]]

    def of_block(self, block: Block) -> list[Found]:
        """Return what is found in statements that run one after the other."""
        found: list[Found] = []
        for index, node in enumerate(block):
            arms = self._arms(node)
            if arms is None:
                found += self._of_simple(node)
                if _leaves(node) or isinstance(node, ast.Raise) or self._stops(node):
                    break
                continue
            found += self.of_node(node.test if isinstance(node, ast.If | ast.While) else node.subject)  # type: ignore[attr-defined]  # by _arms()
            leaving = any(map(_may_leave, arms))
            found += self._shared(arms, block[index + 1 :] if leaving else [])
            if leaving:
                break
        return found

    def of_node(self, node: ast.AST) -> list[Found]:
        """Return what is found in an expression; what defines a function runs nothing of it."""
        if isinstance(node, DEFINITIONS):
            return []
        if isinstance(node, ast.IfExp):
            arms = self._chosen(node.test, node.body, node.orelse)
            return [*self.of_node(node.test), *_all([self.of_node(arm) for arm in arms])]
        if isinstance(node, ast.BoolOp):
            return self._of_operands(node)
        if isinstance(node, COMPREHENSIONS) and any(self.holds(test) is not True for test in _filters(node)):
            return self.of_node(node.generators[0].iter)
        return [*self.visit(node), *(each for child in children(node) for each in self.of_node(child))]

    def _arms(self, node: ast.stmt) -> list[Block] | None:
        """Return the blocks of which one is run, None for a statement that has no choice."""
        if isinstance(node, ast.If):
            return self._chosen(node.test, node.body, node.orelse)
        if isinstance(node, ast.While):
            return self._chosen(node.test, node.body, [])
        if isinstance(node, ast.Match):
            last = node.cases[-1]
            whole = last.guard is None and isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
            return [*(case.body for case in node.cases), *([] if whole else [[]])]
        return None

    def _chosen(self, test: ast.expr, body: Arm, orelse: Arm) -> list[Arm]:
        known = self.holds(test)
        return [body, orelse] if known is None else [body] if known else [orelse]

    def _shared(self, arms: Sequence[Block], rest: Block) -> list[Found]:
        """Return what is found in the arms, with the statements that are run behind those that do not leave.

        One that raises an error spares nothing of the others. The rest is read once for all of them: read with each,
        it would be read a thousand times behind five choices of four.
        """
        taken = [arm for arm in arms if not (arm and isinstance(arm[-1], ast.Raise))]
        own = [self.of_block(arm) for arm in taken]
        goes_on = [not any(_may_leave([each]) or self._stops(each) for each in arm) for arm in taken]
        behind = self.of_block(rest) if any(goes_on) else []
        if not all(found or (behind and on) for found, on in zip(own, goes_on, strict=True)):
            return []
        return [*(each for found in own for each in found), *behind]

    def _of_operands(self, node: ast.BoolOp) -> list[Found]:
        found: list[Found] = []
        for each in node.values:
            found += self.of_node(each)
            if self.holds(each) is not isinstance(node.op, ast.And):
                break  # what follows is run at times at most
        return found

    def _of_simple(self, node: ast.stmt) -> list[Found]:
        if isinstance(node, ast.For | ast.AsyncFor):
            return [*self.visit(node), *self.of_node(node.iter), *self.of_block(node.body)]
        if isinstance(node, ast.With | ast.AsyncWith):
            opened = [each for item in node.items for each in self.of_node(item.context_expr)]
            return [*opened, *self.of_block(node.body)]
        if isinstance(node, ast.Try):
            return [*self.of_block(node.body), *self.of_block(node.finalbody)]
        return self.of_node(node) if not hasattr(node, "body") else []

    def _stops(self, node: ast.stmt) -> bool:
        return isinstance(node, ast.Assert) and self.holds(node.test) is False


Arm = TypeVar("Arm", Block, ast.expr)


def _all(arms: Sequence[list[Found]]) -> list[Found]:
    return [each for arm in arms for each in arm] if all(arms) else []


def _leaves(node: ast.AST) -> bool:
    """Say whether a statement may keep those behind it from running."""
    if isinstance(node, ast.For | ast.AsyncFor | ast.While):  # a break inside ends that loop alone
        return any(isinstance(each, ast.Return) for each in walk(node))
    return isinstance(node, LEAVES) or (any(map(_leaves, children(node))) and not isinstance(node, DEFINITIONS))


def _may_leave(arm: Block) -> bool:
    """Say whether an arm may keep what stands behind the choice from running."""
    return any(map(_leaves, arm))


def _filters(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> list[ast.expr]:
    return [test for each in node.generators for test in each.ifs]
