"""Stage: source of a flagged file -> its code object with the flagged expressions recorded, every line in its place."""

from __future__ import annotations

import ast
import sys
from types import CodeType

from .ledger import Ledger
from .locate import Scope, Tree
from .plan import Plan, Target
from .scripts import source_text

VALUE, ENTER, LOOP, SOURCE = "__lintloss_value__", "__lintloss_enter__", "__lintloss_loop__", "__lintloss_source__"
PASSING = frozenset({"enumerate", "tqdm", "islice", "zip", "iter", "list", "track", "trange", "cycle", "chain"})
EXPONENTIALS = frozenset({"exp", "exp2", "pow", "perplexity", "ppl", "expm1"})
REPORTERS = ("eval", "valid", "test", "fit", "run", "main", "epoch", "report", "perplexity", "loss", "result")
BASES = (2, 2.0)

_counter = [0]  # value sites and scopes are numbered over all flagged files of the process


def compile_recorded(plan: Plan, ledger: Ledger, path: str, source: bytes, module: str) -> CodeType:
    """Compile a flagged file. Where rewriting fails the file is compiled as it is, and the judge is told."""
    import os

    text = source_text(source)
    try:
        tree = ast.parse(source, path)
        rewritten = record(tree, text, plan.files[os.path.realpath(path)], ledger, os.path.realpath(path))
        if plan.show_instrumented:
            print(f"# {path}, as instrumented\n{ast.unparse(rewritten)}", file=sys.stderr)
        return compile(rewritten, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError) as error:
        ledger.note("failure", error=f"{path} was not instrumented: {error}", module=module)
        return compile(source, path, "exec", dont_inherit=True)


def record(tree: ast.Module, text: str, targets: tuple[Target, ...], ledger: Ledger, path: str) -> ast.Module:
    """Wrap the targets, and what is returned, printed or exponentiated in their scopes, in recording calls."""
    index = Tree(tree, text)
    marks = _Marks(index, ledger, path)
    for target in targets:
        node = index.find(target)
        if node is None:
            ledger.note("unplaced", finding=target.finding, path=path)
            continue
        marks.add_target(node, target)
    marks.add_context()
    _Wrap(marks).visit(tree)
    return ast.fix_missing_locations(tree)


class _Marks:
    """Which nodes are recorded under which number; each number is described in the ledger once."""

    def __init__(self, tree: Tree, ledger: Ledger, path: str) -> None:
        self.tree = tree
        self._ledger = ledger
        self._path = path
        self.values: dict[ast.AST, int] = {}
        self.scopes: dict[ast.AST, int] = {}
        self.loops: dict[ast.AST, int] = {}
        self.sources: dict[ast.AST, int] = {}  # what a loop takes its items from, for LL404

    def add_target(self, node: ast.expr | ast.stmt, target: Target) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            scope: Scope = node
        else:
            scope = self.tree.scope(node)
        self._add_scope(scope)
        for loop in self.tree.loops(node):
            if loop not in self.loops:
                self.loops[loop] = self._number("loop", loop, scope=self.scopes[scope])
        self._add_value(node, target.role, scope, finding=target.finding)
        if target.code == "LL404":
            self._add_sources(scope)

    def _add_sources(self, scope: Scope) -> None:
        """Each loop of the function: how many items there were, and each turn."""
        for loop in ast.walk(scope):
            if isinstance(loop, ast.For) and self.tree.scope(loop) is scope:
                source = _items_of(loop.iter)
                if loop not in self.loops:
                    self.loops[loop] = self._number("loop", loop, scope=self.scopes[scope])
                if source not in self.sources:
                    self.sources[source] = self._number(
                        "value", source, role="source", scope=self.scopes[scope], loops=[self.loops[loop]]
                    )

    def _add_scope(self, scope: Scope) -> None:
        if scope not in self.scopes:
            self.scopes[scope] = self._number("scope", scope, name=getattr(scope, "name", "<module>"))

    def _add_value(self, node: ast.AST, role: str, scope: Scope, finding: int | None = None) -> None:
        if finding is not None:
            # Several findings may name one expression: a link for each, one recording.
            number = self.values.get(node)
            loops = [self.loops[loop] for loop in self.tree.loops(node) if loop in self.loops]
            if number is None:
                number = self._number("value", node, role=role, scope=self.scopes[scope], loops=loops)
                self.values[node] = number
            self._ledger.note("link", finding=finding, value=number, scope=self.scopes[scope], role=role)
        elif node not in self.values:
            loops = [self.loops[loop] for loop in self.tree.loops(node) if loop in self.loops]
            self.values[node] = self._number("value", node, role=role, scope=self.scopes.get(scope), loops=loops)

    def add_context(self) -> None:
        """Values that a report is made of: exponentials anywhere in the file; returned and printed ones in scopes."""
        for node in ast.walk(self.tree.root):
            scope = self.tree.scope(node)
            if isinstance(node, ast.expr) and _is_exponential(node):
                self._add_value(node, "exp", scope)
            if scope not in self.scopes and not self._may_report(scope):
                continue
            if isinstance(node, ast.Return) and node.value is not None:
                self._add_value(node.value, "returned", scope)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                self._add_value(node, "quotient", scope)
            elif isinstance(node, ast.FormattedValue) and not isinstance(node.value, ast.Constant):
                self._add_value(node.value, "printed", scope)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                for argument in node.args:
                    if not isinstance(argument, (ast.Constant, ast.JoinedStr, ast.Starred)):
                        self._add_value(argument, "printed", scope)

    def _may_report(self, scope: Scope) -> bool:
        """A function of a flagged file through which a report may pass; methods only by name: forward runs a lot."""
        if isinstance(scope, ast.Module) or not isinstance(self.tree.parents.get(scope), ast.ClassDef):
            return True
        return any(word in scope.name for word in REPORTERS)

    def _number(self, kind: str, node: ast.AST, **fields: object) -> int:
        _counter[0] += 1
        number = _counter[0]
        row = getattr(node, "lineno", 1)
        text = ast.unparse(node)[:120] if isinstance(node, ast.expr) else ""
        end = getattr(node, "end_lineno", None) or row
        end_row = end if not isinstance(node, ast.Module) else 1 << 30
        self._ledger.note(f"{kind}_site", site=number, path=self._path, row=row, end_row=end_row, text=text, **fields)
        return number


def _items_of(node: ast.expr) -> ast.expr:
    """Look through enumerate(…), tqdm(…), islice(…, n) for what is iterated over."""
    while isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Starred):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in PASSING:
            break
        node = node.args[0]
    return node


def _is_exponential(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name in EXPONENTIALS
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        left = node.left
        constant = isinstance(left, ast.Constant) and (left.value in BASES or left.value == 2.71828)
        return constant or (isinstance(left, ast.Attribute) and left.attr == "e")
    return False


class _Wrap(ast.NodeTransformer):
    """Puts the recording calls in; each takes the place of the expression it wraps, to the column."""

    def __init__(self, marks: _Marks) -> None:
        self._marks = marks

    def visit(self, node: ast.AST) -> ast.AST:
        site = self._marks.values.get(node)
        scope = self._marks.scopes.get(node)
        loop = self._marks.loops.get(node)
        source = self._marks.sources.get(node)
        result = self.generic_visit(node)
        if scope is not None:
            _prepend(node, _statement(ENTER, scope))
        if loop is not None:
            _prepend(node, _statement(LOOP, loop))
        if source is not None and isinstance(node, ast.expr):
            return ast.copy_location(_call(SOURCE, source, node), node)
        if site is None:
            return result
        if isinstance(node, ast.expr):
            return ast.copy_location(_call(VALUE, site, node), node)
        return self._statement_value(node, site)

    def _statement_value(self, node: ast.AST, site: int) -> ast.AST:
        """A flagged statement: what it assigns, returns or evaluates."""
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)):
            value = node.value
            if value is not None:
                node.value = ast.copy_location(_call(VALUE, site, value), value)
        return node


def _call(name: str, site: int, value: ast.expr | None = None) -> ast.Call:
    arguments: list[ast.expr] = [ast.Constant(site)]
    if value is not None:
        arguments.append(value)
    return ast.Call(ast.Name(name, ast.Load()), arguments, [])


def _statement(name: str, site: int) -> ast.Expr:
    return ast.Expr(_call(name, site))


def _prepend(node: ast.AST, statement: ast.Expr) -> None:
    """First statement of a body, behind a docstring and `from __future__` imports."""
    body: list[ast.stmt] = node.body  # type: ignore[attr-defined]  # functions, modules and loops have one
    place = 0
    while place < len(body) and (_is_docstring(body[place]) if place == 0 else False):
        place += 1
    while place < len(body) and isinstance(body[place], ast.ImportFrom) and _module(body[place]) == "__future__":
        place += 1
    anchor = body[min(place, len(body) - 1)] if body else node
    body.insert(place, ast.copy_location(statement, anchor))
    ast.fix_missing_locations(statement)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _module(node: ast.stmt) -> str | None:
    return node.module if isinstance(node, ast.ImportFrom) else None
