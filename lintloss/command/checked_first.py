"""`lintloss verify` without findings: the files of the command, and what they import, are checked before it runs."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence


def own_files(command: Sequence[str]) -> tuple[str, ...]:
    """Return the Python files that a command names: `python eval.py`, `torchrun … eval.py`, `python -m pkg.eval`."""
    files = [word for word in command if word.endswith(".py") and os.path.isfile(word)]
    modules = [command[index + 1] for index, word in enumerate(command[:-1]) if word == "-m"]
    places = [path for name in modules for path in _places(name)]
    return tuple(dict.fromkeys([*files, *places]))


def _places(name: str) -> list[str]:
    """Return the files of a module below this folder; nothing is imported to find out."""
    stem = os.path.join(*name.split(".")) if name.replace(".", "").isidentifier() else ""
    return [path for path in (f"{stem}.py", os.path.join(stem, "__main__.py")) if stem and os.path.isfile(path)]


def checked(paths: tuple[str, ...], folder: str) -> str | None:
    """Check the files first, with what they import, and return where the findings are; None where nothing was found."""
    if not paths:
        sys.stderr.write("lintloss: the command names no file to check first: only what is seen at run time is told\n")
        return None
    from lintloss.command.check import say_error, visible
    from lintloss.command.options import Options
    from lintloss.command.output import repository_root
    from lintloss.command.session import Session
    from lintloss.report import Run
    from lintloss.report.outputs import write_report
    from lintloss.report.wording import count

    session = Session(Options(paths=_with_imports(paths)))
    found = session.discover()
    swept = session.sweep(found.sources)
    for missing in found.errors:
        raise missing
    for error in swept.errors:
        say_error(error)
    findings, _ = visible(swept.findings, session)
    sys.stderr.write(f"lintloss: checked {', '.join(paths)} first: {count(len(findings), 'finding')}\n")
    if not findings:
        return None
    path = os.path.join(folder, "findings.json")
    write_report("json", path, findings, Run(root=repository_root(os.getcwd()), cwd=os.getcwd()))
    return path


def _with_imports(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Add the project's files that these files import, as far as the interpreter read them."""
    from lintloss.command.options import Options
    from lintloss.command.session import Session

    session = Session(Options())
    reached: dict[str, None] = dict.fromkeys(paths)
    for path in paths:
        if os.path.isfile(path):
            read = session.engine_of(os.path.dirname(os.path.abspath(path))).check(path).read
            reached.update(dict.fromkeys(_imported(path, [each for each in read if os.path.isfile(each)])))
    return tuple(reached)


def _imported(path: str, others: Sequence[str]) -> Iterator[str]:
    """Of the files that were read, those that are imported: callers are read too, and they are not run."""
    waiting, left = [path], list(others)
    while waiting:
        names = _names(waiting.pop())
        for other in [each for each in left if _stem(each) in names]:
            left.remove(other)
            waiting.append(other)
            yield other


def _names(path: str) -> set[str]:
    """Each part of each name that a file imports; none where it cannot be parsed."""
    try:
        with open(path, "rb") as stream:
            tree = ast.parse(stream.read())
    except (OSError, SyntaxError, ValueError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(part for alias in node.names for part in alias.name.split("."))
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found.update(node.module.split("."))
    return found


def _stem(path: str) -> str:
    stem = os.path.splitext(os.path.basename(path))[0]
    return os.path.basename(os.path.dirname(os.path.abspath(path))) if stem == "__init__" else stem
