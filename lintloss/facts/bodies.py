"""Bodies of imported modules, run statement by statement when somebody asks for what they bind: most of it never is."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from lintloss.facts import registries, statements
from lintloss.facts.machine import ABROAD, TOTAL, Frame, Machine, OutOfBudget
from lintloss.facts.state import Heap, Slot, State
from lintloss.parse import Module

NESTED = 30  # frames: imports that go round in circles end somewhere
RUN = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.If,
    ast.Try,
    ast.Expr,
)
STAR = "*"


class Body:
    """What an imported module defines, by name: a name is found by running the statements that bind or change it."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self._statements = [each for each in module.tree.body if isinstance(each, RUN)]
        self._by_name: dict[str, list[int]] = {}
        self._changes: dict[str, list[int]] = {}
        self._done: set[int] = set()
        for index, each in enumerate(self._statements):
            for name in _bound(each):
                self._by_name.setdefault(name, []).append(index)
        self._stars = self._by_name.pop(STAR, [])
        self._tables = registries.tables_of(self._statements)
        self._idle = [index for index, each in enumerate(self._statements) if self._note_changes(index, each)]

    def _note_changes(self, index: int, statement: ast.stmt) -> bool:
        """Note which names of the module a statement changes; say whether it acts, but neither binds nor changes any."""
        acts = False
        changed = []
        for root in (*_changed(statement), *registries.filed_in(statement, self._tables)):
            acts = True
            if root in self._by_name and not all(_imports(self._statements[each]) for each in self._by_name[root]):
                changed.append(root)
        for root in changed:
            self._changes.setdefault(root, []).append(index)
        return acts and not changed and not any(_bound(statement))

    def names(self) -> Iterable[str]:
        """Return the names that the module binds itself."""
        return self._by_name

    def start(self, machine: Machine) -> None:
        """Run what only acts on others: `torch.set_grad_enabled(False)`."""
        self._run(machine, self._idle)

    def find(self, machine: Machine, name: str) -> Slot | None:
        """Run what binds and changes a name, and return what it then is."""
        known = machine.globals[self.module.path]
        touching = {*self._by_name.get(name, ()), *self._changes.get(name, ())}
        self._run(machine, sorted(touching))
        if name not in known and name not in self._by_name:
            self._run(machine, self._stars)
        return known.get(name)

    def all_names(self, machine: Machine) -> list[str]:
        """Return the names that a star import takes from here."""
        self._run(machine, self._stars)
        return [*self._by_name, *(name for name in machine.globals[self.module.path] if name not in self._by_name)]

    def _run(self, machine: Machine, indices: Iterable[int]) -> None:
        for index in indices:
            if index not in self._done and len(machine.frames) <= NESTED:
                self._done.add(index)
                self._execute(machine, self._statements[index])

    def _execute(self, machine: Machine, statement: ast.stmt) -> None:
        """Run one statement with a budget of its own, so that it does not matter who asks first."""
        known = machine.globals[self.module.path]
        before = dict(known)
        heap = machine.state.heap if machine.frames else Heap()
        frame = Frame(self.module, self.module.tree, ("import", self.module.path), State(dict(known), heap))
        loops, steps, limit, guards = machine.loops, machine.steps, machine.limit, machine.guards
        machine.loops, machine.steps, machine.limit, machine.guards = [], 0, ABROAD, []
        machine.frames.append(frame)
        machine.loading += 1
        depth = len(machine.frames)
        try:
            statements.execute(machine, [statement])
        except OutOfBudget:
            if machine.spent > TOTAL:
                raise
        finally:
            del machine.frames[depth - 1 :]
            if machine.frames:
                machine.state.heap = frame.state.heap  # what a decorator has put into a table
            machine.loading -= 1
            machine.loops, machine.steps, machine.limit, machine.guards = loops, steps, limit, guards
            for name, slot in frame.state.names.items():
                if before.get(name) is not slot:
                    known[name] = Slot(slot.value, 0)


def _imports(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, those in its blocks included; "*" for a star import."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            yield alias.asname or (alias.name.split(".")[0] if isinstance(statement, ast.Import) else alias.name)
    elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    else:
        for target in _targets(statement):
            yield from (name.id for name in ast.walk(target) if isinstance(name, ast.Name) and _is_stored(name))
        for inner in _inner(statement):
            yield from _bound(inner)


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    if isinstance(statement, ast.AnnAssign | ast.AugAssign | ast.For | ast.AsyncFor):
        return [statement.target]
    if isinstance(statement, ast.With | ast.AsyncWith):
        return [item.optional_vars for item in statement.items if item.optional_vars is not None]
    return []


def _inner(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield the statements in the blocks of a compound statement; functions and classes are run by nobody here."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for block in ("body", "orelse", "finalbody"):
        yield from getattr(statement, block, ())
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield from part.body


def _changed(statement: ast.stmt) -> Iterator[str]:
    """Yield the names whose objects a statement changes: `table[key] = …`, `names.append(…)`; "" for a plain call."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        yield _root(function) if isinstance(function, ast.Attribute) else ""
    for target in _targets(statement):
        if isinstance(target, ast.Subscript | ast.Attribute):
            yield _root(target)
    for inner in _inner(statement):
        yield from _changed(inner)


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
