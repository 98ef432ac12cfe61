"""A scope's rows become a LibCST tree; nodes are found by the file's spans, edits are the file's."""

from __future__ import annotations

import libcst as cst
import pytest

from lintloss.findings import Confidence, Edit, Finding, Fix, Severity, Span
from lintloss.fix import apply
from lintloss.parse import parse
from lintloss.positions import split_rows
from lintloss.rule_scope import RuleScope

TEXT = '''\
import math


class Evaluator:
    def run(self, loader):
        # größe
        note = "é評🙂"; total = self.sum(loader) / len(loader)  # keep
        if total:
            return (
                total
                / 2
            )

    def other(self):
        return """
not dedented
"""
'''


def spans(text: str, needle: str) -> Span:
    for row, line in enumerate(split_rows(text), start=1):
        if needle in line:
            column = line.index(needle) + 1
            return Span(row, column, row, column + len(needle))
    raise AssertionError(needle)


def done(text: str, *edits: Edit) -> str:
    fix = Fix("", edits, safe=True)
    finding = Finding("a.py", "LL101", "", edits[0].span, "", Severity.WARNING, Confidence.HIGH, fix=fix)
    return apply("a.py", text, [finding]).text


@pytest.mark.parametrize("needle", ["self.sum(loader) / len(loader)", "len(loader)", "self.sum", '"é評🙂"', "note"])
def test_a_method_is_parsed_alone_and_its_nodes_are_where_the_file_has_them(needle: str) -> None:
    scope = RuleScope(split_rows(TEXT), (5, 12))
    node = scope.node_at(spans(TEXT, needle))
    assert node is not None
    assert scope.code(node) == needle
    assert scope.span_of(node) == spans(TEXT, needle)


def test_every_span_of_ast_finds_its_node() -> None:
    import ast

    module = parse(TEXT.encode(), "a.py")
    scope = RuleScope(module.lines, (1, len(module.lines)))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call | ast.BinOp | ast.Attribute | ast.Return):
            assert scope.node_at(Span(*module.span_of(node))) is not None, ast.unparse(node)


def test_an_expression_is_preferred_to_the_statement_of_the_same_span() -> None:
    scope = RuleScope(("f(x)",), (1, 1))
    assert isinstance(scope.node_at(Span(1, 1, 1, 5)), cst.Call)


def test_several_row_expression_in_parentheses() -> None:
    scope = RuleScope(split_rows(TEXT), (5, 12))
    node = scope.node_at(Span(10, 17, 11, 20))
    assert isinstance(node, cst.BinaryOperation)


def test_text_that_is_not_indented_with_its_scope_stays() -> None:
    scope = RuleScope(split_rows(TEXT), (14, 17))
    assert "\nnot dedented\n" in scope.tree.code


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_replacing_a_node_touches_nothing_else(newline: str) -> None:
    text = TEXT.replace("\n", newline)
    scope = RuleScope(split_rows(text), (5, 12), newline)
    node = scope.node_at(spans(text, "len(loader)"))
    assert node is not None
    assert done(text, scope.replace(node, cst.Name("tokens"))) == text.replace("len(loader)", "tokens")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_rows_can_be_put_above_and_below(newline: str) -> None:
    text = "class A:\n    def f(self):\n        x = 1\n        return x\n".replace("\n", newline)
    scope = RuleScope(split_rows(text), (2, 4), newline)
    edited = done(text, scope.insert_above(2, "@torch.no_grad()"), scope.insert_below(3, "y = 2\nz = 3"))
    head = "class A:\n    @torch.no_grad()\n    def f(self):\n"
    expected = head + "        x = 1\n        y = 2\n        z = 3\n        return x\n"
    assert edited == expected.replace("\n", newline)


def test_a_changed_tree_becomes_edits_of_the_changed_rows_only() -> None:
    class Rename(cst.CSTTransformer):
        def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
            return updated_node.with_changes(value="nats") if updated_node.value == "total" else updated_node

    scope = RuleScope(split_rows(TEXT), (5, 12))
    changed = scope.tree.visit(Rename())
    assert isinstance(changed, cst.Module)
    edits = scope.changed(changed)
    assert done(TEXT, *edits) == TEXT.replace("total", "nats")
    assert sum(edit.span.end_row - edit.span.row for edit in edits) == 3


def test_rows_that_are_no_statement_are_refused() -> None:
    with pytest.raises(cst.ParserSyntaxError):
        RuleScope(("x = (", "1)"), (2, 2))


def test_tabs_and_an_indented_first_comment() -> None:
    text = "if 1:\n\t# note\n\tx = f(1)\n"
    scope = RuleScope(split_rows(text), (2, 3))
    node = scope.node_at(Span(3, 6, 3, 10))
    assert isinstance(node, cst.Call)
