"""Rewritings of a module that keep what it computes: each takes a LibCST module and a source of chance."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from random import Random

import libcst as cst

from metamorphic.effects import Effects, effects_of
from metamorphic.names import imported_names, local_names

Transformation = Callable[[cst.Module, Random], cst.Module]

DEAD = (
    "unused_scratch = 0",
    "unused_pairs = [(1, 2), (3, 4)]",
    "if False:\n    print('never')",
    "assert True",
    "pass",
    "unused_text = 'the loss is elsewhere'",
)
REMARKS = (
    "# see the note on the wiki",
    "# TODO(someone): tidy up",
    "# loss / len(loader) was here once",
    "#",
    # words that decide where code says them: a comment is no code
    "# padding is on the left, ignore_index=-100, batch_size = 1, pad_sequence",
    "# unlike bert, a bidirectional model that corrupts its input (mlm, reconstruction)",
    "# model.eval() under torch.no_grad(), volatile=True, requires_grad = False",
    "# streaming=True; policy, reward and advantage; import tensorflow as tf, keras",
)


class Renamer(cst.CSTTransformer):
    """Gives variables another name; attributes, keywords and imported names keep theirs."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self.names = names

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        return updated_node.with_changes(value=self.names.get(updated_node.value, updated_node.value))

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_ImportAlias(self, original_node: cst.ImportAlias, updated_node: cst.ImportAlias) -> cst.ImportAlias:
        bound = original_node.evaluated_alias or original_node.evaluated_name
        if bound not in self.names:
            return original_node
        blank = cst.SimpleWhitespace(" ")
        alias = cst.AsName(cst.Name(self.names[bound]), whitespace_before_as=blank, whitespace_after_as=blank)
        return original_node.with_changes(asname=alias)

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:
        return updated_node.with_changes(module=original_node.module)


# A model that is not in sight is known by what its results are called, with less confidence: such a name is evidence.
TELLING = re.compile(r"loss|nll|nats|ppl|perplexity|logit|label|target|token|pad|mask|batch|criterion|ids$", re.I)


def _renamed(module: cst.Module, renamed: dict[str, str], chance: Random) -> cst.Module:
    return module.visit(Renamer({old: new for old, new in renamed.items() if chance.random() < 0.7}))


def rename_locals(module: cst.Module, chance: Random) -> cst.Module:
    """Give local variables other names; a name that tells what the value is keeps its word."""
    names = local_names(ast.parse(module.code))
    told = {name: f"my_{name}" if TELLING.search(name) else f"value_{place}" for place, name in enumerate(names)}
    return _renamed(module, told, chance)


def obscure_locals(module: cst.Module, chance: Random) -> cst.Module:
    """Give local variables names that say nothing."""
    names = local_names(ast.parse(module.code))
    return _renamed(module, {name: f"value_{place}" for place, name in enumerate(names)}, chance)


def alias_imports(module: cst.Module, chance: Random) -> cst.Module:
    """Import the same things under other names."""
    names = imported_names(ast.parse(module.code))
    return _renamed(module, {name: f"alias_{place}" for place, name in enumerate(names)}, chance)


class Inserter(cst.CSTTransformer):
    """Puts statements or comment lines before statements, here and there."""

    def __init__(self, chance: Random, *, statements: Sequence[str] = (), comments: Sequence[str] = ()) -> None:
        super().__init__()
        self.chance = chance
        self.statements = statements
        self.comments = comments

    def _spread(self, body: Sequence[cst.BaseStatement], first: int) -> list[cst.BaseStatement]:
        spread: list[cst.BaseStatement] = []
        for place, statement in enumerate(body):
            if place >= first and self.chance.random() < 0.25:
                if self.statements:
                    spread.append(cst.parse_statement(self.chance.choice(self.statements)))
                if self.comments:
                    line = cst.EmptyLine(comment=cst.Comment(self.chance.choice(self.comments)))
                    statement = statement.with_changes(leading_lines=[*statement.leading_lines, line])
            spread.append(statement)
        return spread

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.BaseSuite:
        return updated_node.with_changes(body=self._spread(updated_node.body, _after_docstring(updated_node.body)))

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        return updated_node.with_changes(body=self._spread(updated_node.body, _after_futures(updated_node.body)))


def _is_docstring(statement: cst.BaseStatement) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    only = statement.body[0]
    return isinstance(only, cst.Expr) and isinstance(only.value, cst.SimpleString | cst.ConcatenatedString)


def _after_docstring(body: Sequence[cst.BaseStatement]) -> int:
    return 1 if body and _is_docstring(body[0]) else 0


def _after_futures(body: Sequence[cst.BaseStatement]) -> int:
    """The place behind the docstring and the imports from __future__, which must stay first."""
    first = _after_docstring(body)
    empty = cst.Module([])
    while first < len(body) and empty.code_for_node(body[first]).lstrip().startswith("from __future__"):
        first += 1
    return first


def add_dead_code(module: cst.Module, chance: Random) -> cst.Module:
    """Add statements that nothing depends on."""
    return module.visit(Inserter(chance, statements=DEAD))


def add_comments(module: cst.Module, chance: Random) -> cst.Module:
    """Add comment lines between statements."""
    return module.visit(Inserter(chance, comments=REMARKS))


class Describer(cst.CSTTransformer):
    """Gives functions a docstring that have none."""

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        body = updated_node.body
        if not isinstance(body, cst.IndentedBlock) or _after_docstring(body.body):
            return updated_node
        said = cst.parse_statement('"""What it does is on the wiki."""')
        return updated_node.with_changes(body=body.with_changes(body=[said, *body.body]))


def add_docstrings(module: cst.Module, chance: Random) -> cst.Module:
    """Say something at the head of each function."""
    return module.visit(Describer())


class Reorderer(cst.CSTTransformer):
    """Swaps neighbouring assignments that do not depend on one another."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self.chance = chance

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.BaseSuite:
        return updated_node.with_changes(body=self._reordered(updated_node.body))

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        return updated_node.with_changes(body=self._reordered(updated_node.body))

    def _reordered(self, body: Sequence[cst.BaseStatement]) -> list[cst.BaseStatement]:
        ordered = list(body)
        for place in range(len(ordered) - 1):
            left, right = _effects(ordered[place]), _effects(ordered[place + 1])
            if left and right and left.commutes_with(right) and self.chance.random() < 0.7:
                ordered[place], ordered[place + 1] = ordered[place + 1], ordered[place]
        return ordered


def _effects(statement: cst.BaseStatement) -> Effects | None:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    return effects_of(cst.Module([]).code_for_node(statement.body[0]))


def reorder(module: cst.Module, chance: Random) -> cst.Module:
    """Change the order of assignments that do not depend on one another."""
    return module.visit(Reorderer(chance))


def reformat(module: cst.Module, chance: Random) -> cst.Module:
    """Write the module as `ast.unparse` does: one statement a line, no comments, other quotes and brackets."""
    return cst.parse_module(ast.unparse(ast.parse(module.code)) + "\n")


TRANSFORMATIONS: dict[str, Transformation] = {
    transformation.__name__: transformation
    for transformation in (
        rename_locals,
        alias_imports,
        add_dead_code,
        add_comments,
        add_docstrings,
        reorder,
        reformat,
    )
}


def transformed(text: str, names: Sequence[str], chance: Random) -> str:
    """Apply the named transformations one after the other."""
    module = cst.parse_module(text)
    for name in names:
        module = TRANSFORMATIONS[name](module, chance)
    return module.code
