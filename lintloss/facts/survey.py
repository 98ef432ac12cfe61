"""One walk over the checked file: its functions, what it calls by name, and the statements that do something."""

from __future__ import annotations

import ast
from bisect import bisect_left
from dataclasses import dataclass, field

Definition = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LEAVES = frozenset({"id", "attr", "ctx", "arg", "kind", "type_comment", "level", "asname", "is_async", "conversion"})
BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
ENDS = frozenset({ast.Constant, ast.Name})  # most nodes of a module, and below them is nothing
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Expr)


@dataclass(slots=True)
class Survey:
    """What is in a module.

    functions: with the class that holds each; not those inside other functions, unless a class is in between.
    callers: what is called, by name -> the outermost functions that call it (None: the module's body).
    by_name: what of it is called by its plain name; a function is, and `net.train()` does not call train().
    simple: assignments, returns and expression statements, by row.
    """

    functions: list[tuple[Definition, ast.ClassDef | None]] = field(default_factory=list)
    callers: dict[str, set[Definition | None]] = field(default_factory=dict)
    by_name: set[str] = field(default_factory=set)
    simple: list[ast.stmt] = field(default_factory=list)
    rebound: set[str] = field(default_factory=set)  # names that functions rebind with `global`
    _rows: list[int] = field(default_factory=list)

    def between(self, first: int, last: int) -> list[ast.stmt]:
        """Return the simple statements that start in these rows."""
        return self.simple[bisect_left(self._rows, first) : bisect_left(self._rows, last + 1)]


def survey(tree: ast.Module) -> Survey:
    """Look at every node once: generated modules have 100,000 of them, and `ast.walk` took a tenth of all time."""
    seen = Survey()
    methods: list[tuple[Definition, ast.ClassDef | None]] = []
    plain: list[tuple[Definition, ast.ClassDef | None]] = []
    nodes: list[tuple[ast.AST, ast.AST, Definition | None]] = [(tree, tree, None)]
    for node, parent, outer in nodes:  # breadth first: the list grows while it is read
        if isinstance(node, DEFINITIONS):
            if isinstance(parent, ast.ClassDef):
                methods.append((node, parent))
            elif outer is None:
                plain.append((node, None))
            outer = outer or node
        elif isinstance(node, ast.Call):
            seen.callers.setdefault(called_name(node.func), set()).add(outer)
            if isinstance(node.func, ast.Name):
                seen.by_name.add(node.func.id)
        elif isinstance(node, SIMPLE):
            seen.simple.append(node)
        elif isinstance(node, ast.Global):
            seen.rebound.update(node.names)
        for name in _branching(type(node)):
            value = getattr(node, name, None)
            if isinstance(value, list):
                nodes += [(each, node, outer) for each in value if type(each) not in ENDS and isinstance(each, ast.AST)]
            elif type(value) not in ENDS and isinstance(value, ast.AST):
                nodes.append((value, node, outer))
    seen.functions = methods + plain
    seen.simple.sort(key=lambda each: each.lineno)
    seen._rows = [each.lineno for each in seen.simple]
    return seen


def walk(tree: ast.AST) -> list[ast.AST]:
    """Return a node and all below it, breadth first, without contexts: `ast.walk` in half the time."""
    nodes = [tree]
    for node in nodes:
        nodes += children(node)
    return nodes


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below a node, without contexts."""
    found: list[ast.AST] = []
    kind = type(node)
    for name in _FIELDS[kind] if kind in _FIELDS else _branching(kind):
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += [each for each in value if isinstance(each, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def at_row(tree: ast.AST, row: int) -> list[ast.AST]:
    """Return a node and all below it that may stand in a row, breadth first: one way down, of a large table none."""
    nodes = [tree]
    for node in nodes:
        nodes += [each for each in children(node) if _covers(each, row)]
    return nodes


def _covers(node: ast.AST, row: int) -> bool:
    if not isinstance(node, ast.stmt | ast.expr):
        return True
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return first <= row <= (node.end_lineno or first)


def statements(tree: ast.AST) -> list[ast.AST]:
    """Return the statements below a node, and the handlers and cases that hold some, breadth first."""
    nodes = [tree]
    for node in nodes:
        for name in BLOCKS:
            nodes += getattr(node, name, ())
    return nodes[1:]


def _branching(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the fields of a kind of node that may hold nodes."""
    found = _FIELDS.get(kind)
    if found is None:
        leaves = LEAVES | ({"value"} if kind is ast.Constant else set())
        found = _FIELDS[kind] = tuple(name for name in kind._fields if name not in leaves)
    return found


def called_name(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )
