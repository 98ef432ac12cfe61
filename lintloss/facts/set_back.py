"""Set back: whether code may start anew what adds losses up: a total, a list, a meter.

A meter's class says which of its methods do. What is called on an object that nobody knows may, and so may a function
that is handed one; what only reads, or belongs to something else, does not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from lintloss.facts import binders, bindings, classes
from lintloss.facts.callers import text_of
from lintloss.facts.machine import Machine
from lintloss.facts.provenance import Tracer, spot_at
from lintloss.facts.survey import called_name, walk
from lintloss.facts.values import Class
from lintloss.parse import Module
from lintloss.patterns import regex

DEPTH = 3  # methods that call methods
FEEDS = frozenset({"append", "update", "extend", "add"})
READS = frozenset({"mean", "average", "fmean", "compute", "result", "item", "sum", "numel", "size", "items", "values"})
LOOKS = READS | {
    "print",
    "len",
    "float",
    "int",
    "str",
    "list",
    "tuple",
    "max",
    "min",
    "round",
    "format",
    "isnan",
    "exp",
}
LOOKS |= {"array", "asarray", "tensor", "stack", "cat", "concatenate", "plot", "dump", "save"}
SHOWN = regex(r"^(log\w*|print\w*|info|add_scalars?|set_\w*|write|format|append|report)$")
MAY = regex(r"reset|clear|restart|(^|_)zero_$|^pop$")
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Resets:
    """Looks for what sets totals back in one module."""

    def __init__(self, machine: Machine, module: Module) -> None:
        self.machine, self.module = machine, module

    def any_of(self, statements: Iterable[ast.AST], name: str) -> bool:
        """Say whether some of these statements may start anew what goes by a name."""
        nodes = [each for statement in statements for each in walk(statement)]
        called = {id(each.func) for each in nodes if isinstance(each, ast.Call)}
        return any(
            self._deletes(each, name)
            or (isinstance(each, ast.Call) and self._calls(each, name))
            or (isinstance(each, ast.Attribute) and id(each) not in called and self._reads(each, name))
            for each in nodes
        )

    def _deletes(self, node: ast.AST, name: str) -> bool:
        gone = [text_of(each) for each in node.targets] if isinstance(node, ast.Delete) else []
        return any(
            each == name or each.startswith((name + "[", name + ".")) or name.startswith(each + "[") for each in gone
        )

    def _reads(self, node: ast.Attribute, name: str) -> bool:
        """Say whether a property of a meter that is read sets it back."""
        if text_of(node.value) != name:
            return False
        made = self._made(node.value)
        return any(self._method(cls, node.attr) is not None and self._sets_back(cls, node.attr) for cls in made)

    def _calls(self, call: ast.Call, name: str) -> bool:
        """Say whether a call may set a total back: by its own method, as what is handed over, or under another name."""
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        on = text_of(receiver) if receiver is not None else ""
        if on == name and receiver is not None:
            return method not in FEEDS and self._method_sets_back(receiver, method)
        if on == "self" and receiver is not None and name.startswith("self."):
            return self._own_sets_back(receiver, method, name)
        if on and name.startswith((on + "[", on + ".")):  # of what holds it: `meters.start()` of `meters["loss"]`
            return method not in FEEDS | READS and SHOWN.search(method) is None
        if self._is_handed(call, name):
            return called_name(call.func) not in LOOKS and SHOWN.search(called_name(call.func)) is None
        return MAY.search(called_name(call.func)) is not None and not self._is_other(call.func, name)

    def _is_handed(self, call: ast.Call, name: str) -> bool:
        """Say whether a call is given the meter or the list itself, or what holds it; a number is not changed by that."""
        given = [*call.args, *(each.value for each in call.keywords)]
        texts = [text_of(each) for each in given if isinstance(each, ast.Name | ast.Attribute | ast.Subscript)]
        holds = any(each == name or name.startswith((each + "[", each + ".")) for each in texts)
        return holds and any(f"{name}.{each}(" in self.module.code for each in FEEDS)

    def _is_other(self, called: ast.expr, name: str) -> bool:
        """Say whether what is called belongs to an object that is made by itself: `torch.cuda.reset_peak_memory_stats()`."""
        root = called
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root is called or root.id == name.split(".")[0].split("[")[0]:
            return False
        home = binders.of_name(self.module, root, root.id)
        bound = binders.stores(self.module, home, root.id)
        if root.id in binders.given(home) or len(bound) > 1:
            return False
        made = binders.parents(self.module)[bound[0]] if bound else None
        value = made.value if isinstance(made, ast.Assign) else None
        handed = [text_of(each) for each in walk(value)] if value is not None else []
        return made is None or (isinstance(value, ast.Call) and name not in handed)

    # -- methods ------------------------------------------------------------------------------------------------

    def _made(self, receiver: ast.expr) -> list[Class]:
        """Return the classes of the project that an object may be of; nothing where it may be anything else."""
        tracer = Tracer(self.machine)
        made = [each for world in tracer.worlds(spot_at(self.module, receiver)) for each in world]
        known = [each.target for each in made if each is not None and isinstance(each.target, Class)]
        return known if len(known) == len(made) else []

    def _method_sets_back(self, receiver: ast.expr, method: str) -> bool:
        known = self._made(receiver)
        return any(self._sets_back(cls, method) for cls in known) if known else method not in READS

    def _own_sets_back(self, receiver: ast.expr, method: str, name: str) -> bool:
        """Say whether a method of the class that keeps a total in itself sets it back: `self.start_epoch()`."""
        owner = next((each for each in binders.around(self.module, receiver) if isinstance(each, ast.ClassDef)), None)
        if owner is None:
            return True
        cls = Class(owner, self.module)
        if self._method(cls, method) is None and (method in bindings.fields(owner) or SHOWN.search(method)):
            return False  # `self.model(x)`, `self.log(…)`
        return self._sets_back(cls, method, name.removeprefix("self.").split(".")[0].split("[")[0])

    def _sets_back(self, cls: Class, method: str, field: str = "", depth: int = DEPTH) -> bool:
        """Say whether a method of a class may start anew what another one adds to; `field`: that one."""
        found = self._method(cls, method)
        if found is None:
            return method not in bindings.fields(cls.node) and not _is_dataclass_field(cls.node, method)
        own = list(bindings.own(found))
        stores = any(_stores(node, field or _fed(cls.node)) for node in own)
        return stores or any(self._goes_on(cls, found, node, field, depth) for node in own)

    def _method(self, cls: Class, name: str) -> Function | None:
        """Return the method of a class or of one above it, None where a library's class may have another one."""
        for base in classes.bases(self.machine, cls):
            if not isinstance(base, Class):
                return None
            for each in base.node.body:
                if isinstance(each, Function) and each.name == name:
                    return each
        return None

    def _goes_on(self, cls: Class, function: Function, node: ast.AST, field: str, depth: int) -> bool:
        """Say whether a method hands that on to another one, or to an object that it keeps."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not function.args.args:
            return False
        first, on = function.args.args[0].arg, text_of(node.func.value)
        if on == first and node.func.attr != function.name:
            return depth == 0 or self._sets_back(cls, node.func.attr, field, depth - 1)
        kept = on.startswith(first + ".") and (not field or on.removeprefix(first + ".").startswith(field))
        return (kept and node.func.attr not in FEEDS | READS) or MAY.search(node.func.attr) is not None


def _is_dataclass_field(cls: ast.ClassDef, name: str) -> bool:
    return any(isinstance(each, ast.AnnAssign) and text_of(each.target) == name for each in cls.body)


def _fed(cls: ast.ClassDef) -> str | frozenset[str]:
    """Return the attributes that the methods of a meter add to."""
    feeding = (each for each in cls.body if isinstance(each, Function) and each.name in FEEDS)
    return frozenset(target.attr for each in feeding for node in bindings.own(each) for target in _attributes(node))


def _attributes(node: ast.AST) -> Iterator[ast.Attribute]:
    """Yield the attributes that a statement assigns to."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    else:
        return
    for target in targets:
        for each in walk(target):
            if isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load):
                yield each


def _stores(node: ast.AST, fields: str | frozenset[str]) -> bool:
    """Say whether a statement gives one of these attributes another value, any at all where none is known."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return isinstance(node, ast.Delete)
    wanted = {fields} if isinstance(fields, str) else fields
    read = {text_of(each) for each in walk(node.value) if isinstance(each, ast.Attribute)}
    stored = [each for each in _attributes(node) if not wanted or each.attr in wanted]
    return any(text_of(each) not in read for each in stored)
