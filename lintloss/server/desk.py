"""What the server knows: the last look at each open document, and the answers that are made of it."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp
from pygls.workspace import Workspace

from lintloss.findings import Finding
from lintloss.fix import apply
from lintloss.server import answers
from lintloss.server.checker import Checker, Looked
from lintloss.server.positions import Ruler, measure_of, touches
from lintloss.server.sheets import Opened, Sheet, all_opened, opened
from lintloss.source_text import read_for_display

FIX_ALL = f"{lsp.CodeActionKind.SourceFixAll.value}.lintloss"
ACTION_KINDS = [lsp.CodeActionKind.QuickFix, FIX_ALL]


class Desk:
    """Answers about the open documents, each looked at once per text."""

    def __init__(self, checker: Checker, workspace: Workspace) -> None:
        self._checker = checker
        self._workspace = workspace
        self._measure = measure_of(str(getattr(workspace.position_encoding, "value", workspace.position_encoding)))
        self._looks: dict[str, tuple[str, Looked]] = {}

    def look(self, found: Opened) -> Looked:
        """Look at a document, unless its text is the one that was looked at last.

        Raises: LintlossError: the configuration cannot be used.
        """
        text = found.document.text
        known = self._looks.get(found.uri)
        if known is None or known[0] != text:
            others = [each.document for each in all_opened(self._workspace) if each.uri != found.uri]
            self._looks[found.uri] = known = (text, self._checker.look(found.document, others))
        return known[1]

    def forget(self) -> None:
        """Look at everything again: a file that others import, or a configuration, may have changed."""
        self._looks.clear()

    def diagnostics(self, found: Opened) -> Iterator[lsp.PublishDiagnosticsParams]:
        for sheet in found.sheets:
            ruler = self._ruler(sheet)
            shown = [self._diagnostic(each, ruler) for each in self._on(found, sheet)]
            yield lsp.PublishDiagnosticsParams(sheet.uri, shown)

    def actions(self, uri: str, where: lsp.Range, only: list[str] | None) -> list[lsp.CodeAction]:
        """Return what can be done at a range: the fixes there, ignore comments, and all safe fixes at once."""
        found, sheet = self._sheet(uri)
        if found is None or sheet is None:
            return []
        made = [*self._quick(found, sheet, where), *self._fix_all(found, sheet)]
        return [each for each in made if only is None or any(_covers(kind, each.kind) for kind in only)]

    def _quick(self, found: Opened, sheet: Sheet, where: lsp.Range) -> Iterator[lsp.CodeAction]:
        ruler = self._ruler(sheet)
        here = [each for each in self._on(found, sheet) if touches(ruler.range(each.span), where)]
        shown = [self._diagnostic(each, ruler) for each in here]
        for finding, diagnostic in zip(here, shown, strict=True):
            action = answers.quick_fix(sheet.uri, sheet.text, finding, diagnostic, ruler)
            if action is not None:
                yield action
        for finding, diagnostic in zip(here, shown, strict=True):
            marked = self._checker.ignoring(found.document, finding)
            action = answers.ignore(sheet.uri, sheet.text, marked, diagnostic, ruler) if marked else None
            if action is not None:
                yield action

    def _fix_all(self, found: Opened, sheet: Sheet) -> Iterator[lsp.CodeAction]:
        """Fix the sheet as `--fix` would, once: applied edits that overlap none before them."""
        findings = self._on(found, sheet)
        outcome = apply(found.document.path, found.document.text, findings)
        edits = dict.fromkeys(edit for each in outcome.applied if each.fix for edit in each.fix.edits)
        if edits:
            changes = list(answers.text_edits(list(edits), sheet.text, self._ruler(sheet)))
            yield lsp.CodeAction(
                title="Apply the safe fixes of lintloss",
                kind=FIX_ALL,
                edit=lsp.WorkspaceEdit(changes={sheet.uri: changes}),
            )

    def hover(self, uri: str, position: lsp.Position) -> lsp.Hover | None:
        found, sheet = self._sheet(uri)
        if found is None or sheet is None:
            return None
        ruler, cursor = self._ruler(sheet), lsp.Range(position, position)
        here = [each for each in self._on(found, sheet) if touches(ruler.range(each.span), cursor)]
        return answers.hover(here, self._checker.page, ruler.range(here[0].span)) if here else None

    def lenses(self, uri: str) -> list[lsp.CodeLens]:
        found, sheet = self._sheet(uri)
        if found is None or sheet is None:
            return []
        ruler = self._ruler(sheet)
        return [answers.lens(each, ruler) for each in self.look(found).loops if each.loop.cell == sheet.cell]

    def _sheet(self, uri: str) -> tuple[Opened | None, Sheet | None]:
        found = opened(self._workspace, uri)
        return found, next((each for each in found.sheets if each.uri == uri), None) if found else None

    def _on(self, found: Opened, sheet: Sheet) -> list[Finding]:
        return [each for each in self.look(found).findings if each.cell == sheet.cell]

    def _diagnostic(self, finding: Finding, ruler: Ruler) -> lsp.Diagnostic:
        return answers.diagnostic(finding, ruler, self._ruler_of)

    def _ruler(self, sheet: Sheet) -> Ruler:
        return Ruler(sheet.text, self._measure)

    def _ruler_of(self, path: str) -> Ruler:
        """Return places in a file that evidence points into: as the editor has it, else as the disk has it."""
        found = next((each for each in all_opened(self._workspace) if each.document.path == path), None)
        return Ruler(found.document.text if found else read_for_display(path), self._measure)


def _covers(wanted: str | lsp.CodeActionKind, kind: str | lsp.CodeActionKind | None) -> bool:
    """Kinds are hierarchical: asking for `source.fixAll` asks for `source.fixAll.lintloss`."""
    asked, offered = (str(getattr(each, "value", each)) for each in (wanted, kind))
    return offered == asked or offered.startswith(asked + ".")
