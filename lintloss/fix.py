"""Stage: findings with fixes + a text -> the fixed text, a diff, or the file written in place of the old one.

The only place that changes text. A fix is applied whole or not at all, and every "not" has its reason.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lintloss.errors import SourceError
from lintloss.findings import Edit, Finding
from lintloss.lines import Offsets, ending_of, split_rows
from lintloss.notebook import is_notebook, read_cells, replace_sources
from lintloss.parse import UnparsableError, syntax_tree
from lintloss.patterns import regex
from lintloss.result import read_file
from lintloss.source_text import decode

ROUNDS = 10
UNSAFE = "unsafe: it changes the reported number (--unsafe-fixes)"
OVERLAP = "overlaps the fix of an earlier finding"
BROKEN = "the result would not parse"
UNSETTLED = f"the fixes do not settle in {ROUNDS} rounds"
UNSPELLABLE = "the file's encoding cannot spell the result"
NO_CELL = "its cell is not in the notebook"
Recheck = Callable[[str], Sequence[Finding]]
_MAGIC = regex(r"^([ \t]*)(?:[%!?].*|[\w., \t]+=[ \t]*[%!].*|[\w.]+\?\??[ \t]*)$", re.M)  # %x, y = !ls, z?


@dataclass(frozen=True, slots=True)
class Skipped:
    """A fix that was not applied, and why."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A text after its fixes; `text` is the old one where none was applied."""

    text: str
    applied: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def apply(path: str, text: str, findings: Sequence[Finding], *, unsafe: bool = False) -> Outcome:
    """Apply the fixes of the findings of one file once, in output order; of two that overlap the first wins.

    Args:
        text: the file's text, a notebook's JSON; the spans of edits count in it (or in the finding's cell).
        unsafe: also apply fixes that change the reported number.
    """
    fixable = sorted((finding for finding in findings if finding.fix), key=lambda finding: finding.order)
    wanted = [finding for finding in fixable if unsafe or (finding.fix and finding.fix.safe)]
    refused = tuple(Skipped(finding, UNSAFE) for finding in fixable if finding not in wanted)
    outcome = _apply_to_cells(text, wanted) if is_notebook(path) else _apply_to_text(text, wanted)
    return Outcome(outcome.text, outcome.applied, refused + outcome.skipped)


def settle(path: str, text: str, findings: Sequence[Finding], recheck: Recheck, *, unsafe: bool = False) -> Outcome:
    """Apply fixes and check the result again until no fix is left to apply.

    Fixes that never come to rest are not applied at all: the old text comes back with UNSETTLED as the reason.
    """
    applied: list[Finding] = []
    outcome = apply(path, text, findings, unsafe=unsafe)
    for _ in range(ROUNDS):
        applied += outcome.applied
        if not outcome.applied:
            return Outcome(outcome.text, tuple(applied), outcome.skipped)
        outcome = apply(path, outcome.text, recheck(outcome.text), unsafe=unsafe)
    return Outcome(text, (), tuple(Skipped(finding, UNSETTLED) for finding in applied))


def _apply_to_cells(raw: str, findings: Sequence[Finding]) -> Outcome:
    try:
        cells = {cell.index: cell.text for cell in read_cells(raw)}
    except ValueError:
        cells = {}
    lost = tuple(Skipped(finding, NO_CELL) for finding in findings if finding.cell not in cells)
    outcomes = {
        index: _apply_to_text(source, [finding for finding in findings if finding.cell == index])
        for index, source in cells.items()
    }
    applied = tuple(finding for outcome in outcomes.values() for finding in outcome.applied)
    skipped = tuple(skip for outcome in outcomes.values() for skip in outcome.skipped)
    changed = {index: outcome.text for index, outcome in outcomes.items() if outcome.text != cells[index]}
    return Outcome(replace_sources(raw, changed) if changed else raw, applied, lost + skipped)


def _apply_to_text(text: str, findings: Sequence[Finding]) -> Outcome:
    outcome = _merge(text, findings)
    if parses(outcome.text) or not parses(text):
        return outcome
    sound: list[Finding] = []
    broken: list[Skipped] = []
    for finding in outcome.applied:  # one of them breaks the text: find out which, and keep the others
        if parses(_merge(text, [*sound, finding]).text):
            sound.append(finding)
        else:
            broken.append(Skipped(finding, BROKEN))
    return Outcome(_merge(text, sound).text, tuple(sound), outcome.skipped + tuple(broken))


def _merge(text: str, findings: Sequence[Finding]) -> Outcome:
    offsets = Offsets(text)
    taken: list[tuple[int, int, str]] = []
    applied: list[Finding] = []
    skipped: list[Skipped] = []
    for finding in findings:
        new = _replacements(finding.fix.edits if finding.fix else (), offsets)
        fresh = [edit for edit in new if edit not in taken]  # two fixes may share an edit (the same import, say)
        if any(_overlap(edit, other) for edit in fresh for other in taken):
            skipped.append(Skipped(finding, OVERLAP))
        else:
            taken += fresh
            applied.append(finding)
    for start, end, content in sorted(taken, reverse=True):
        text = text[:start] + content + text[end:]
    return Outcome(text, tuple(applied), tuple(skipped))


def _replacements(edits: Iterable[Edit], offsets: Offsets) -> list[tuple[int, int, str]]:
    return [(*offsets.slice(edit.span), spelled(edit, offsets.rows)) for edit in edits]


def spelled(edit: Edit, rows: Sequence[str]) -> str:
    """Spell the line breaks of an edit as the row that it begins in, or else the file's first row, ends."""
    near = rows[edit.span.row - 1 : edit.span.row]
    ending = next((found for row in (*near, *rows[:1]) if (found := ending_of(row))), "\n")
    return "".join(
        row[: len(row) - len(ending_of(row))] + (ending if ending_of(row) else "") for row in split_rows(edit.content)
    )


def _overlap(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Tell whether two edits touch the same text; two different insertions at one place do, too."""
    if one[:2] == other[:2]:
        return True
    return one[0] < other[1] and other[0] < one[1]


def parses(text: str) -> bool:
    """Tell whether a text (of a module, or of a cell with its magics) is Python."""
    return _parses_as_is(text) or _parses_as_is(_MAGIC.sub(r"\1pass", text))


def _parses_as_is(text: str) -> bool:
    try:
        syntax_tree(text)
    except UnparsableError:
        return False
    return True


def fix_file(
    path: str, findings: Sequence[Finding], recheck: Recheck, *, unsafe: bool = False, dry_run: bool = False
) -> tuple[Outcome, str]:
    """Fix a file on disk until stable; return what was done and the diff of it. A dry run writes nothing.

    Raises:
        SourceError: the file cannot be read, decoded or written, or changes meanwhile.
    """
    raw = read_file(path)
    source = decode(path, raw)
    outcome = settle(path, source.text, findings, recheck, unsafe=unsafe)
    if outcome.text == source.text:
        return outcome, ""
    try:
        new = source.encode(outcome.text)
    except UnicodeEncodeError:
        lost = tuple(Skipped(finding, UNSPELLABLE) for finding in outcome.applied)
        return Outcome(source.text, (), outcome.skipped + lost), ""
    if not dry_run:
        write(path, raw, new)
    return outcome, diff(path, source.text, outcome.text)


def diff(path: str, before: str, after: str) -> str:
    """Return the change as a unified diff; that of a notebook is one diff a changed cell, which its headers name."""
    if not is_notebook(path):
        return _diff(path, before, after)
    old = {cell.index: cell.text for cell in read_cells(before)}
    changed = (cell for cell in read_cells(after) if cell.text != old[cell.index])
    return "".join(_diff(f"{path}:cell {cell.index}", old[cell.index], cell.text) for cell in changed)


def _diff(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(split_rows(before), split_rows(after), fromfile=name, tofile=name)
    return "".join(map(_diff_line, lines))


def _diff_line(line: str) -> str:
    if line.endswith("\n"):
        return line
    return f"{line}\n" if line.endswith("\r") else f"{line}\n\\ No newline at end of file\n"


def write(path: str, old: bytes, new: bytes) -> None:
    """Replace the content of a file in one step, keeping its mode; a symbolic link stays, its target is written.

    Args:
        old: what the file held when it was checked; a file that has changed since is left alone.

    Raises:
        SourceError: it changed meanwhile, or cannot be written.
    """
    target = os.path.realpath(path)
    try:
        with open(
            target, "rb+"
        ) as file:  # for writing too: a read-only file is refused, though its folder may allow it
            if file.read() != old:
                raise SourceError("changed while it was being fixed", where=path, hint="run again")
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        _replace(target, new, mode)
    except OSError as error:
        raise SourceError(f"cannot be written: {error.strerror or error}", where=path) from error


def _replace(target: str, new: bytes, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".lintloss-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:  # also on Ctrl-C: no temporary file stays behind
        os.unlink(temporary)
        raise
