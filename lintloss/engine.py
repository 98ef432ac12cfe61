"""The path of one file: screen -> parse -> infer -> judge -> weigh against its comments. Nothing here prints."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from lintloss.comments import names_rules
from lintloss.errors import LintlossError, SourceError
from lintloss.judge import Bench, Judge, internal_error
from lintloss.parse import Module, UnparsableError, parse
from lintloss.positions import split_rows
from lintloss.result import Result, read_file
from lintloss.screen import is_plain_text, screen
from lintloss.weigh import Comments, idle, split, unreadable

if TYPE_CHECKING:
    from lintloss.facts.observations import Observation
    from lintloss.facts.project import Project

RECURSION = 5000  # `a + a + …` with 3,000 terms is legal, and each one is a level of the interpreter's


def load_module(path: str) -> Module | None:
    """Read and parse a file that another one imports; None where that cannot be done."""
    try:
        return parse(read_file(path), path)
    except (SourceError, UnparsableError):
        return None


class Engine:
    """Checks files one at a time, under one configuration.

    Args:
        bench: the rules of the run.
        known: code or name in lower case -> code, of every rule there is: what suppressions may say.
        project: makes (once) what the interpreter resolves imports with; importing it costs 100 ms.
        off_in: path -> the codes that per-file-ignores leave out there.
    """

    def __init__(
        self,
        bench: Bench,
        known: Mapping[str, str],
        project: Callable[[], Project],
        off_in: Callable[[str], Collection[str]] = lambda path: (),
    ) -> None:
        self._bench = bench
        self._known = known
        self._project = project
        self._off_in = off_in
        sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))

    def check(self, path: str, *, always_parse: bool = False) -> Result:
        try:
            return self.check_bytes(path, read_file(path), always_parse=always_parse)
        except SourceError as failure:
            return Result(path, errors=(failure,))

    def check_bytes(self, path: str, data: bytes, *, always_parse: bool = False) -> Result:
        """Check the content of one file.

        Args:
            always_parse: parse it for syntax errors even if the screen says that it holds no evaluation code.
        """
        screened = screen(data, path)
        if screened is not None and not always_parse and is_plain_text(data):
            return Result(path, screened=screened)
        try:
            module = parse(data, path)
        except UnparsableError as failure:
            text = data.decode("utf-8-sig", "replace")
            module = Module(path, text, ast.Module([], []), lines=split_rows(text), broken=(failure.broken,))
        if screened is not None and not module.broken:
            return Result(path, screened=screened)
        errors: list[LintlossError] = []
        observations = self._infer(module, errors)
        if not observations and not errors and not module.broken and not names_rules(module.text):
            return Result(path, read=self._dependencies())
        return self._weigh(module, observations, errors)

    def _infer(self, module: Module, errors: list[LintlossError]) -> list[Observation]:
        if not module.tree.body or module.path.endswith(".pyi"):  # a stub evaluates nothing
            return []
        from lintloss.facts import infer

        project = self._project()
        project.begin()
        try:
            return list(infer(module, project).observations)
        except Exception as failure:  # a bug of the interpreter on this file must not take the run with it
            errors.append(internal_error("the interpreter", module.path, failure))
            return []

    def _weigh(self, module: Module, observations: list[Observation], errors: list[LintlossError]) -> Result:
        modules = self._modules(module, observations)
        judge = Judge(self._bench, modules)
        comments = Comments(modules, self._known)
        kept, dropped = split(judge.judge([*unreadable(module), *observations]), comments, self._off_in)
        if not (errors or judge.errors or any(broken.cell is None for broken in module.broken)):
            # After a crash, or where nothing was read, an idle suppression proves nothing.
            codes = self._bench.codes() - set(self._off_in(module.path))
            last = judge.judge(idle(module.path, comments.of(module.path), codes))
            more, also = split(last, comments, self._off_in)
            kept, dropped = kept + more, dropped + also
        return Result(
            module.path,
            tuple(sorted(kept, key=lambda finding: finding.order)),
            tuple(sorted(dropped, key=lambda finding: finding.order)),
            (*errors, *judge.errors),
            read=self._dependencies(),
            used=comments.used(),
        )

    def _modules(self, module: Module, observations: list[Observation]) -> dict[str, Module]:
        """Collect the modules that findings are placed in: of this file, and of others where the facts lead there."""
        paths = {seen.path for seen in observations} - {module.path}
        others = {path: self._project().module(path) for path in sorted(paths)}
        return {module.path: module, **{path: other for path, other in others.items() if other is not None}}

    def _dependencies(self) -> tuple[str, ...]:
        """List what the result rests on besides the file; names that were looked for are put together by folder."""
        paths: list[str] = []
        names: dict[str, list[str]] = {}
        for each in self._project().read:
            folder, looked_for, name = each.partition("\0")
            if looked_for:
                names.setdefault(folder, []).append(name)
            else:
                paths.append(each)
        return (*sorted(paths), *("\0".join((folder, *sorted(found))) for folder, found in sorted(names.items())))
