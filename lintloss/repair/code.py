"""Stage: the LibCST tree of a scope -> what stands around a node, who binds a name, code to put elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

import libcst as cst

from lintloss.rule_scope import RuleScope

N = TypeVar("N", bound=cst.CSTNode)
Loop = cst.For | cst.While
BINDS_TIGHTER = (cst.Attribute, cst.Subscript, cst.Call, cst.BinaryOperation, cst.UnaryOperation, cst.Await)
FACTORS = (cst.Multiply, cst.Divide, cst.FloorDivide, cst.Modulo, cst.MatrixMultiply, cst.Power)
READS = frozenset({"item", "detach", "cpu", "mean", "double", "float", "numpy"})  # of one number: the number


class Code:
    """The tree of a scope with its parents."""

    def __init__(self, scope: RuleScope) -> None:
        self.scope = scope
        self._parents: dict[cst.CSTNode, cst.CSTNode] = {}
        for node in walk(scope.tree):
            for child in node.children:
                self._parents[child] = node

    def all(self, kind: type[N], within: cst.CSTNode | None = None) -> list[N]:
        return [node for node in walk(within or self.scope.tree) if isinstance(node, kind)]

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield what is around a node, innermost first."""
        parent = self._parents.get(node)
        while parent is not None:
            yield parent
            parent = self._parents.get(parent)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self._parents.get(node)

    def loop(self, node: cst.CSTNode) -> Loop | None:
        """Return the innermost loop around a node, of its own function."""
        for around in self.above(node):
            if isinstance(around, cst.For | cst.While):
                return around
            if isinstance(around, cst.FunctionDef | cst.Lambda | cst.CompFor | cst.ClassDef):
                return None
        return None

    def line(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """Return the statement of a node, if it has its rows for itself."""
        for around in (node, *self.above(node)):
            if isinstance(around, cst.SimpleStatementLine):
                alone = len(around.body) == 1 and isinstance(self.parent(around), cst.IndentedBlock | cst.Module)
                return around if alone else None
        return None

    def row(self, node: cst.CSTNode) -> int:
        return self.scope.span_of(node).row

    def end_row(self, node: cst.CSTNode) -> int:
        return self.scope.span_of(node).end_row

    def text(self, node: cst.CSTNode) -> str:
        """Return the code of a node, with the parentheses that it stands in."""
        return self.scope.code(node).strip()

    def bare(self, node: cst.BaseExpression) -> str:
        """Return the code of a node without its parentheses: what its span covers."""
        return self.text(node.with_changes(lpar=(), rpar=()))

    def factor(self, node: cst.BaseExpression) -> str:
        """Return the code of a node as it can stand on the left of `*` and `/`."""
        product = isinstance(node, cst.BinaryOperation) and isinstance(node.operator, FACTORS)
        plain = product or is_atom(node) or isinstance(node, cst.UnaryOperation | cst.BaseNumber)
        return self.text(node) if plain else f"({self.text(node)})"

    def in_place_of(self, node: cst.CSTNode, text: str) -> str:
        """Return an arithmetic expression as it can stand where `node` does."""
        parent = self.parent(node)
        tight = isinstance(parent, BINDS_TIGHTER) and not getattr(node, "lpar", ())
        return f"({text})" if tight else text

    def names(self, name: str, within: cst.CSTNode | None = None) -> list[cst.Name]:
        """Return where a variable is named: not attributes and keywords that are called the same."""
        return [node for node in self.all(cst.Name, within) if node.value == name and self._is_variable(node)]

    def _is_variable(self, node: cst.Name) -> bool:
        parent = self.parent(node)
        if isinstance(parent, cst.Attribute):
            return parent.value is node
        return not (isinstance(parent, cst.Arg) and parent.keyword is node)

    def bindings(self, name: str, within: cst.CSTNode | None = None) -> list[cst.Name]:
        """Return where a variable is bound by an assignment or a loop."""
        return [node for node in self.names(name, within) if self._is_bound(node)]

    def _is_bound(self, node: cst.CSTNode) -> bool:
        for around in self.above(node):
            if isinstance(around, cst.Tuple | cst.List | cst.Element | cst.StarredElement):
                node = around
                continue
            if isinstance(around, cst.AssignTarget | cst.AugAssign | cst.AnnAssign | cst.For | cst.NamedExpr):
                return around.target is node
            return isinstance(around, cst.AsName | cst.Param)
        return False

    def value_of(self, name: str, within: cst.CSTNode) -> cst.BaseExpression | None:
        """Return what a variable is set to, if that is done once."""
        found = self.bindings(name, within)
        target = self.parent(found[0]) if len(found) == 1 else None
        assign = self.parent(target) if isinstance(target, cst.AssignTarget) else None
        return assign.value if isinstance(assign, cst.Assign) else None

    def is_same(self, node: cst.BaseExpression, here: cst.CSTNode, there: cst.CSTNode, around: cst.CSTNode) -> bool:
        """Say whether an expression that is written `here` has its value `there`, in a loop around both."""
        written, used = self.row(here), self.row(there)
        first, last = min(written, used), max(written, used)
        for name in {each.value for each in walk(node) if isinstance(each, cst.Name)}:
            rows = [self.row(bound) for bound in self.bindings(name, around)]
            if any(first <= row < last or (used < written and row >= used) for row in rows):
                return False
        return True

    def is_free(self, name: str) -> bool:
        return all(node.value != name for node in self.all(cst.Name))


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node and all under it, in the order of the text."""
    stack = [node]
    while stack:
        each = stack.pop()
        yield each
        stack.extend(reversed(each.children))


def inner(node: cst.CSTNode) -> cst.CSTNode:
    """Return what a statement that has its rows for itself says: those stand at one span."""
    if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
        node = node.body[0]
    return node.value if isinstance(node, cst.Expr) else node


def has_comment(node: cst.CSTNode) -> bool:
    return any(isinstance(each, cst.Comment) for each in walk(node))


def is_atom(node: cst.BaseExpression) -> bool:
    return bool(node.lpar) or isinstance(node, cst.Name | cst.Attribute | cst.Subscript | cst.Call)


def only_argument(call: cst.Call) -> cst.BaseExpression | None:
    """Return the argument of a call that has one, given by position."""
    if len(call.args) == 1 and call.args[0].keyword is None and not call.args[0].star:
        return call.args[0].value
    return None


def called(call: cst.CSTNode) -> str:
    """Return the last name of what is called: `exp` of `math.exp(x)`."""
    func = call.func if isinstance(call, cst.Call) else None
    if isinstance(func, cst.Attribute):
        return func.attr.value
    return func.value if isinstance(func, cst.Name) else ""


def number_read(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return the tensor that `x.item()`, `float(x)` and `x.data` take the number of."""
    while True:
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and not node.args:
            if node.func.attr.value not in READS:
                return node
            node = node.func.value
        elif isinstance(node, cst.Attribute) and node.attr.value == "data":
            node = node.value
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "float":
            inner = only_argument(node)
            if inner is None:
                return node
            node = inner
        else:
            return node


def spelling(scope: RuleScope, module: str) -> str | None:
    """Return the name by which the file's own imports call a library module: `np` for numpy."""
    for statement in _imports(scope):
        for alias in statement.names:
            full = alias.name if isinstance(statement, ast.Import) else f"{statement.module}.{alias.name}"
            if full == module and (alias.asname or isinstance(statement, ast.ImportFrom) or "." not in full):
                return alias.asname or alias.name
    return None


def _imports(scope: RuleScope) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports at the top of the file, and those inside the scope."""
    if scope.module is None:
        return
    at_top = {id(statement) for statement in scope.module.body}
    first, last = scope.rows
    for node in ast.walk(scope.module):
        if isinstance(node, ast.Import | ast.ImportFrom) and (id(node) in at_top or first <= node.lineno <= last):
            yield node
