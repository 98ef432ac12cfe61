"""Callers found by name: what the functions around a call of `name` do to gradients and to the mode of the model.

The interpreter follows calls inside one file and into imports. Who calls a function from *another* file it does not
see; this search does, by names, and a hit only ever silences a finding.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from lintloss.facts.gradients import WORDS
from lintloss.facts.project import Project, finds
from lintloss.facts.survey import called_name, children, statements, walk
from lintloss.facts.values import Class
from lintloss.parse import Module
from lintloss.patterns import regex

DEPTH = 3  # callers of callers of callers
SITES = 60
MODE = regex(
    r"\.eval\(\)|\.train\((mode=)?(False|not |is_|training|train\b|phase|mode|was|prev|flag|self\.train)|eval_mode|evaluating\(|\.training = False|\.training=False"
)
SETTINGS = regex(r"^_?(args|opts?|options|config|cfg|conf|hparams|hps|flags|params|settings)$", re.IGNORECASE)
FREEZES = regex(r"requires_grad_\(False\)|requires_grad = False|requires_grad=False|\.freeze\(\)|volatile")

EVERYWHERE = frozenset({"Module", "object", "ABC"})
MODES = frozenset({"train", "eval"})  # `model.train()` calls no function of that name, only a method

Around = tuple[ast.AST, ...]  # the nodes around a call, outermost first


@dataclass(frozen=True, slots=True)
class Asked:
    """The function whose callers are sought.

    owner: the class that it is a method of. above: the files of the classes over that one, whose methods may call it.
    """

    module: Module
    name: str
    owner: str = ""
    above: tuple[Module, ...] = ()

    def sites(self, project: Project) -> list[tuple[Module, Around]]:
        return sites(project, self.module, self.name, self.owner, higher=self.above)


def gradients_off(project: Project, asked: Asked) -> bool:
    """Say whether some caller of a function turns gradients off, or freezes what it evaluates."""
    return any(_turns_off(where, around) for where, around in asked.sites(project))


def evaluation_mode(project: Project, asked: Asked) -> bool:
    """Say whether some caller of a function sets evaluation mode."""
    return any(MODE.search(text_of(_function(around, where))) for where, around in asked.sites(project))


def is_handed_on(project: Project, asked: Asked) -> bool:
    """Say whether a method is taken as a value (`self.step = self.eval_step`): who calls it then, nobody sees."""
    if not asked.owner:
        return False
    where = (*mentioning(project, asked.module, asked.name, asked.owner), *asked.above)
    return any(f".{asked.name}" in text for text in map(_taken, where))


def _turns_off(module: Module, around: Around) -> bool:
    for node in around:
        if isinstance(node, ast.With | ast.AsyncWith) and any(
            WORDS.search(text_of(item.context_expr)) for item in node.items
        ):
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            WORDS.search(text_of(each)) for each in node.decorator_list
        ):
            return True
    text = text_of(_function(around, module))
    return "set_grad_enabled(False)" in text or FREEZES.search(text) is not None or "enter_context" in text


def _function(around: Around, module: Module) -> ast.AST:
    """Return the function around a site; at module level its statement."""
    functions = [node for node in around if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return functions[-1] if functions else module.tree


def is_inside(around: Around, name: str) -> bool:
    """Say whether a site lies in a function of that name: `super().valid_step(sample)` in another valid_step()."""
    functions = [node.name for node in around if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return functions[-1:] == [name]


def sites(
    project: Project, module: Module, name: str, owner: str = "", *, running: str = "", higher: tuple[Module, ...] = ()
) -> list[tuple[Module, Around]]:
    """Return where a function, its callers, and theirs, are called or handed on.

    Args:
        running: a file that whoever is returned must import: others may mean another function of that name.
        higher: the files of the classes over `owner`: a method of theirs that calls this one is called by others there.
    """
    found: list[tuple[Module, Around]] = []
    waiting = [(module, name, owner, 0)]
    seen = {(module.path, name)}
    while waiting and len(found) < SITES:
        where, wanted, cls, depth = waiting.pop()
        over = [each for each in higher if cls and each.path != where.path]
        for site, around in chain(
            _named(project, where, wanted, cls, running), *(in_module(each, wanted) for each in over)
        ):
            found.append((site, around))
            function = _function(around, site)
            if depth < DEPTH and isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                holder = next((node.name for node in reversed(around) if isinstance(node, ast.ClassDef)), "")
                above = holder if function.name in {"__init__", "__call__"} and holder else function.name
                if (site.path, above) not in seen and above not in {"main", "forward"}:
                    seen.add((site.path, above))
                    waiting.append((site, above, holder, depth + 1))
    return found


def _named(
    project: Project, module: Module, name: str, owner: str, running: str = ""
) -> Iterator[tuple[Module, Around]]:
    for where in mentioning(project, module, name, owner, running):
        yield from in_module(where, name)
        if owner and name in MODES:
            yield from in_module(where, "." + name)
            if not _needs_arguments(module, owner, name):
                yield from in_module(where, ".." + name)


@lru_cache(maxsize=256)
def _needs_arguments(module: Module, owner: str, name: str) -> bool:
    """Say whether a method is called `train` and takes data: `model.train()` elsewhere is the one of nn.Module."""
    held = (node for node in statements(module.tree) if isinstance(node, ast.ClassDef) and node.name == owner)
    methods = [each for node in held for each in node.body if isinstance(each, ast.FunctionDef) and each.name == name]
    return any(len(each.args.args) - 1 > len(each.args.defaults) for each in methods)


def mentioning(project: Project, module: Module, name: str, owner: str, running: str = "") -> Iterator[Module]:
    """Yield the module and those that use a name and speak of the class, file or package that it belongs to."""
    yield module
    stem = os.path.splitext(os.path.basename(module.path))[0]
    package = os.path.basename(os.path.dirname(module.path))
    links = [word for word in (owner, stem if stem != "__init__" else package, package, *_bases(module, owner)) if word]
    for other in project.using(module.path, name, links, running):
        if any(_speaks_of(other.code, word) for word in links):
            yield other


def _speaks_of(text: str, word: str) -> bool:
    return word in text and finds(re.compile(rf"\b{re.escape(word)}\b"), word, text)


@lru_cache(maxsize=256)
def _bases(module: Module, owner: str) -> tuple[str, ...]:
    """Return the names of the base classes of a class: a base may call the method that a subclass defines.

    What every network is, `nn.Module`, calls none but forward(), and is spoken of in each file that has another one.
    """
    if not owner:
        return ()
    found = (node for node in statements(module.tree) if isinstance(node, ast.ClassDef) and node.name == owner)
    named = (text_of(base).rsplit(".", 1)[-1] for node in found for base in node.bases)
    return tuple(each for each in named if each not in EVERYWHERE)


def in_module(module: Module, name: str) -> Iterator[tuple[Module, Around]]:
    for around in _references(module).get(name, ()):
        yield module, around


@lru_cache(maxsize=64)
def _taken(module: Module) -> frozenset[str]:
    """Return the attributes of a module that may be methods handed on, as `.name`: read, neither called nor looked into."""
    nodes = walk(module.tree)
    used = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    used |= {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}  # the package of `tf.test.main()`
    read = (node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load))
    return frozenset(f".{node.attr}" for node in read if id(node) not in used and not _is_option(node))


def _is_option(node: ast.Attribute) -> bool:
    """Say whether an attribute is a setting: `args.test`, `self.config.test`."""
    owner = node.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return SETTINGS.search(name) is not None


@lru_cache(maxsize=64)
def _references(module: Module) -> dict[str, tuple[Around, ...]]:
    """Index the names that a module calls or hands on, with the nodes around each; those of modes after a dot, and after
    two where they are given nothing.
    """
    bare: set[ast.expr] = set()
    index: dict[str, list[Around]] = {}
    renamed: list[tuple[str, str]] = []
    stack: list[tuple[ast.AST, Around]] = [(module.tree, ())]
    while stack:
        node, around = stack.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            index.setdefault(node.id, []).append(around)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            dots = "." * (node.attr in MODES) + "." * (node in bare)
            index.setdefault(dots + node.attr, []).append(around)
        elif isinstance(node, ast.Call) and not (node.args or node.keywords) and called_name(node.func) in MODES:
            bare.add(node.func)
        elif isinstance(node, ast.ImportFrom):
            renamed += [(alias.name, alias.asname) for alias in node.names if alias.asname]
        below = (
            (*around, node)
            if isinstance(node, ast.With | ast.AsyncWith | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            else around
        )
        stack += [(child, below) for child in children(node)]
    for name, other in renamed:  # `from steps import evaluate_sparse as evaluate`
        if name != other:
            index.setdefault(name, []).extend(index.get(other, ()))
    return {name: tuple(found) for name, found in index.items()}


@lru_cache(maxsize=2048)
def text_of(node: ast.AST) -> str:
    return ast.unparse(node)


def replace_default(project: Project, cls: Class, name: str, index: int, default: ast.Call) -> bool:
    """Say whether whoever makes an instance of a class gives another object for a parameter than its default."""
    found = False
    spelled = called_name(default.func) + ast.unparse(default).removeprefix(ast.unparse(default.func)).replace(" ", "")
    for where in dict.fromkeys(site for site, _ in _named(project, cls.module, cls.node.name, "")):
        for call in _calls(where, cls.node.name):
            if not (any(each.arg in {name, None} for each in call.keywords) or len(call.args) > index):
                return False
            # who has the same default hands on the same object
            found = found or spelled not in where.text.replace(" ", "").replace('"', "'")
    return found


def calls(project: Project, module: Module, name: str) -> list[ast.Call]:
    """Return the calls of a function in its file and in the files that mention its file."""
    found: list[ast.Call] = []
    for where in dict.fromkeys(site for site, _ in _named(project, module, name, "")):
        found += _calls(where, name)
    return found


def _calls(module: Module, name: str) -> list[ast.Call]:
    return [node for node in walk(module.tree) if isinstance(node, ast.Call) and called_name(node.func) == name]
