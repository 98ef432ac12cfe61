"""Stage: what was judged, against the file's comments -> what is reported, what is silenced, what silences nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lintloss.comments import suppressions
from lintloss.findings import Finding, Fix, Span
from lintloss.judge import Judged
from lintloss.parse import Module
from lintloss.suppress import Suppression, silenced

if TYPE_CHECKING:
    from lintloss.facts.observations import Observation
    from lintloss.file_facts import IdleSuppression, UnexplainedSuppression, Unreadable


class Comments:
    """The suppressions of the files that one run of the interpreter reports on, read when first asked for."""

    def __init__(self, modules: Mapping[str, Module], known: Mapping[str, str]) -> None:
        self._modules = modules
        self._known = known
        self._read: dict[str, tuple[Suppression, ...]] = {}

    def of(self, path: str) -> tuple[Suppression, ...]:
        if path not in self._read:
            module = self._modules.get(path)
            self._read[path] = suppressions(module, self._known) if module else ()
        return self._read[path]

    def used(self) -> tuple[tuple[str, int, str], ...]:
        """Name the comments that silenced something, as (path, row, code)."""
        pairs = [(path, each) for path, found in self._read.items() for each in found]
        return tuple(sorted((path, each.span.row, code) for path, each in pairs for code in each.used))


def split(
    judged: Iterable[Judged], comments: Comments, off_in: Callable[[str], Collection[str]]
) -> tuple[list[Finding], list[Finding]]:
    """Return (reported, silenced), without those that per-file-ignores leave out."""
    kept: list[Finding] = []
    dropped: list[Finding] = []
    for each in judged:
        finding = each.finding
        if finding.code not in off_in(finding.path):
            is_silenced = silenced(finding, each.rows, comments.of(finding.path))
            (dropped if is_silenced else kept).append(finding)
    return kept, dropped


def unreadable(module: Module) -> Iterator[Unreadable]:
    """Observe what Python cannot read: the file, or cells of a notebook (which count rows within the cell)."""
    from lintloss.file_facts import Unreadable

    first_rows = {cell.index: cell.first_row for cell in module.cells}
    for broken in module.broken:
        row = broken.row + (first_rows[broken.cell] - 1 if broken.cell in first_rows else 0)
        span = Span(row, broken.column, row, broken.column)
        yield Unreadable(
            path=module.path,
            span=span,
            statement_rows=(row, row),
            scope_rows=(row, row),
            reason=broken.message,
            idle=broken.idle,
        )


def idle(path: str, found: Iterable[Suppression], judged: Collection[str]) -> Iterator[Observation]:
    """Observe the suppressions that silenced nothing, and those without a reason.

    Args:
        judged: the codes of the rules that ran on the file; of the others nothing is known.
    """
    for each in found:
        gone = each.unused(set(judged) - {"LL002"})
        if each.wrong:
            yield _idle(path, each, wrong=each.wrong)
        if gone:
            fix = Fix("remove the unused suppression", (each.without(gone),), safe=True)
            yield _idle(path, each, names=tuple(one.word for one in gone), repair=fix)
        elif each.named and not each.reason and each.kind != "noqa":
            yield _unexplained(path, each)


def _idle(
    path: str, each: Suppression, *, names: tuple[str, ...] = (), wrong: str = "", repair: Fix | None = None
) -> IdleSuppression:
    from lintloss.file_facts import IdleSuppression

    rows = (each.span.row, each.span.row)
    return IdleSuppression(
        path=path, span=each.span, statement_rows=rows, scope_rows=rows, names=names, wrong=wrong, repair=repair
    )


def _unexplained(path: str, each: Suppression) -> UnexplainedSuppression:
    from lintloss.file_facts import UnexplainedSuppression

    rows = (each.span.row, each.span.row)
    names = tuple(one.word for one in each.named)
    return UnexplainedSuppression(path=path, span=each.span, statement_rows=rows, scope_rows=rows, names=names)
