"""Findings, pages and loops -> what the protocol calls diagnostics, code actions, hovers and code lenses."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from lsprotocol import types as lsp
from pygls import uris

from lintloss.facts.computed import Computed
from lintloss.findings import Edit, Finding, Severity
from lintloss.fix import spelled
from lintloss.lines import split_rows
from lintloss.report.rule_page import RulePage, as_markdown, rule_url
from lintloss.server.positions import Ruler

SOURCE = "lintloss"
UNUSED = ("LL002",)
LEVELS = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.NOTE: lsp.DiagnosticSeverity.Information,
}
RulerOf = Callable[[str], Ruler]  # a path -> places in its text


def diagnostic(finding: Finding, ruler: Ruler, ruler_of: RulerOf) -> lsp.Diagnostic:
    """Return a finding as a diagnostic, its evidence as related locations."""
    related = [
        lsp.DiagnosticRelatedInformation(
            location=lsp.Location(uri_of(link.path), ruler_of(link.path).range(link.span)), message=link.message
        )
        for link in finding.evidence
        if link.cell is None
    ]
    return lsp.Diagnostic(
        range=ruler.range(finding.span),
        message=finding.message,
        severity=LEVELS[finding.severity],
        code=finding.code,
        code_description=lsp.CodeDescription(rule_url(finding.code, finding.name)),
        source=SOURCE,
        tags=[lsp.DiagnosticTag.Unnecessary] if finding.code in UNUSED else None,
        related_information=related or None,
    )


def uri_of(path: str) -> str:
    return uris.from_fs_path(os.path.abspath(path)) or path


def quick_fix(uri: str, text: str, finding: Finding, shown: lsp.Diagnostic, ruler: Ruler) -> lsp.CodeAction | None:
    """Return the action that applies a finding's fix; one that is safe is the preferred one."""
    if finding.fix is None:
        return None
    unsafe = "" if finding.fix.safe else " (the reported number changes)"
    return lsp.CodeAction(
        title=f"{finding.code}: {finding.fix.message}{unsafe}",
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[shown],
        is_preferred=finding.fix.safe,
        edit=lsp.WorkspaceEdit(changes={uri: list(text_edits(finding.fix.edits, text, ruler))}),
    )


def ignore(uri: str, text: str, marked: Finding, shown: lsp.Diagnostic, ruler: Ruler) -> lsp.CodeAction | None:
    """Return the action that writes the ignore comment which `marked` has for its fix."""
    if marked.fix is None:
        return None
    return lsp.CodeAction(
        title=f"Ignore {marked.code} here",
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[shown],
        edit=lsp.WorkspaceEdit(changes={uri: list(text_edits(marked.fix.edits, text, ruler))}),
    )


def text_edits(edits: Sequence[Edit], text: str, ruler: Ruler) -> Iterator[lsp.TextEdit]:
    """Yield edits with line breaks spelled as the document's are."""
    rows = split_rows(text)
    for edit in edits:
        yield lsp.TextEdit(ruler.range(edit.span), spelled(edit, rows))


def hover(findings: Sequence[Finding], pages: Callable[[str], RulePage | None], where: lsp.Range) -> lsp.Hover:
    """Return the messages at a place, each with the page of its rule."""
    parts = []
    for finding in findings:
        page = pages(finding.code)
        parts.append(f"**{finding.code}** {finding.message}" + (f"\n\n---\n\n{_page(page)}" if page else ""))
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(parts)), where)


def _page(page: RulePage) -> str:
    return f"{as_markdown(page, level=3, examples=1)}\n[{page.title} in the catalog]({page.url})"


def lens(loop: Computed, ruler: Ruler) -> lsp.CodeLens:
    """Return what a loop computes, above it; an empty command cannot be clicked."""
    return lsp.CodeLens(ruler.range(loop.loop.span), command=lsp.Command(title=loop.text, command=""))
