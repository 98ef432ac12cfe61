"""Which names of a module can be changed without changing what the module does."""

from __future__ import annotations

import ast
import builtins


def local_names(tree: ast.Module) -> list[str]:
    """Variables that are only ever bound by assignment, loops or `with`: no parameters, imports or definitions."""
    bound, fixed = set[str](), set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        fixed |= _spelled_elsewhere(node)
    return sorted(bound - fixed - _class_body_names(tree))


def imported_names(tree: ast.Module) -> list[str]:
    """Names that an import binds directly, so that an alias can take their place."""
    names, fixed = set[str](), set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and getattr(node, "module", "") != "__future__":
            for alias in node.names:
                if alias.name == "*" or ("." in alias.name and alias.asname is None):
                    fixed.add(alias.name.partition(".")[0])
                else:
                    names.add(alias.asname or alias.name)
        else:
            fixed |= _spelled_elsewhere(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            fixed.add(node.id)
    return sorted(names - fixed)


def _spelled_elsewhere(node: ast.AST) -> set[str]:
    """Names that stand in this node as something other than a variable that can be renamed."""
    if isinstance(node, ast.arg):
        return {node.arg}
    if isinstance(node, ast.keyword):
        return {node.arg or ""}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.Global | ast.Nonlocal):
        return set(node.names)
    if isinstance(node, ast.ExceptHandler):
        return {node.name or ""}
    return set()


def _class_body_names(tree: ast.Module) -> set[str]:
    """Class attributes are read through instances, under a spelling that is no Name."""
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {
        node.id
        for body in bodies
        for statement in body
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }
