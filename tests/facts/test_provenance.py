"""What made an expression, followed in the words of the code: `worlds` says one thing for each way through the callers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lintloss.facts import bindings
from lintloss.facts.machine import Machine
from lintloss.facts.project import Project
from lintloss.facts.provenance import Tracer, constant, spot_at
from lintloss.parse import Module, parse

LOADERS = """\
from torch.utils.data import DataLoader

def make(rows, size, drop_last=True):
    return DataLoader(rows, batch_size=size, drop_last=drop_last)

def both(train_rows, val_rows):
    return {"train": make(train_rows, 8), "val": make(val_rows, 8, drop_last=False)}
"""


def _load(path: str) -> Module | None:
    file = Path(path)
    return parse(file.read_bytes(), path) if file.is_file() else None


def _made(folder: Path, text: str) -> list[tuple[str | None, ...]]:
    """Return the code of what made the last expression of a script, by world."""
    (folder / "loaders.py").write_text(LOADERS)
    path = folder / "main.py"
    path.write_text(text)
    project = Project(_load)
    module = _load(str(path))
    assert module is not None
    tracer = Tracer(Machine(project))
    last = module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    worlds = tracer.worlds(spot_at(module, last.value))
    return [tuple(None if each is None else ast.unparse(each.spot.node) for each in world) for world in worlds]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("from loaders import make\nmake(rows, 8)\n", "DataLoader(", id="another file's function"),
        pytest.param(
            "from loaders import both\nloaders = both(a, b)\nloaders['val']\n", "DataLoader(", id="an entry of a dict"
        ),
        pytest.param("x = list(rows)\nx, y = open(p), 2\nx\n", "open(", id="the tuple that a name is unpacked from"),
        pytest.param(
            "class Box:\n    def __init__(self, inner):\n        self.inner = inner\nbox = Box(open(p))\nbox.inner\n",
            "open(",
            id="the attribute of an instance",
        ),
    ],
)
def test_the_maker_is_found(tmp_path: Path, text: str, expected: str) -> None:
    assert [each for world in _made(tmp_path, text) for each in world if each is not None and each.startswith(expected)]


def test_training_data_is_left_out(tmp_path: Path) -> None:
    assert _made(tmp_path, "from loaders import both\nboth(a, b)['train']\n") == []


def test_what_nobody_can_tell_is_unknown(tmp_path: Path) -> None:
    assert _made(tmp_path, "rows = [each for each in names][0].rows\nrows\n") == [(None,)]


def test_a_default_is_what_a_parameter_always_is(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("def make(drop=True):\n    return drop\nmake()\n")
    module = _load(str(path))
    assert module is not None
    last = module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert constant(Tracer(Machine(Project(_load))), spot_at(module, last.value)) is True


def test_a_lambda_is_a_scope_of_one_expression() -> None:
    scope = ast.parse("lambda pair: (pair, (last := pair))").body[0]
    assert isinstance(scope, ast.Expr)
    assert list(bindings.of(scope.value)) == ["last"]
