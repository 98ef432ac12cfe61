"""Which files can run another one, told from their import statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from lintloss.engine import load_module
from lintloss.facts.links import imported
from lintloss.facts.project import Project

OTHERS = {
    "scoring.py": "",
    "between.py": "import json\nimport scoring as s\n",
    "circle.py": "import around\n",
    "around.py": "import circle\n",
    "pack/__init__.py": "",
    "pack/scoring.py": "",
    "pack/near.py": "from . import scoring\n",
    "pack/deep/__init__.py": "",
    "pack/deep/inner.py": "from ..scoring import evaluate\n",
    "pack/deep/last.py": "",
    "plain/leaf.py": "",
}


@pytest.mark.parametrize(
    ("source", "goal", "expected"),
    [
        pytest.param("import scoring\n", "scoring.py", True, id="import"),
        pytest.param("import json, scoring as s\n", "scoring.py", True, id="second of a list"),
        pytest.param("from scoring import evaluate\n", "scoring.py", True, id="from"),
        pytest.param("try: import scoring\nexcept ImportError: pass\n", "scoring.py", True, id="behind a colon"),
        pytest.param("def f():\n    from scoring import (\n  evaluate)\n", "scoring.py", True, id="in a function"),
        pytest.param("import between\n", "scoring.py", True, id="through another file"),
        pytest.param("import circle\n", "scoring.py", False, id="a circle that does not lead there"),
        pytest.param(
            "from pack import (  # why\n    other,\n    scoring,\n)\n", "pack/scoring.py", True, id="of a package"
        ),
        pytest.param("from pack import \\\n    scoring\n", "pack/scoring.py", True, id="over two rows"),
        pytest.param("import pack.scoring\n", "pack/scoring.py", True, id="dotted"),
        pytest.param("import pack\npack.scoring.evaluate()\n", "pack/scoring.py", True, id="attribute of a package"),
        pytest.param("import pack\npack.deep.last.run()\n", "pack/deep/last.py", True, id="attribute of its package"),
        pytest.param("import pack\npack.near.evaluate()\n", "pack/deep/last.py", False, id="attribute of another file"),
        pytest.param("from pack.near import x\n", "pack/scoring.py", True, id="relative, of this folder"),
        pytest.param("from pack.deep.inner import x\n", "pack/scoring.py", True, id="relative, of the folder above"),
        pytest.param("from plain.leaf import x\n", "plain/leaf.py", True, id="a folder that is no package"),
        pytest.param("evaluate()\n", "scoring.py", False, id="only the same name"),
        pytest.param("important = 'scoring'\n", "scoring.py", False, id="no statement"),
    ],
)
def test_a_file_reaches_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, goal: str, expected: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {**OTHERS, "main.py": source}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = Project(load_module)
    assert project.reaches("main.py", goal) is expected
    assert "main.py" in project.read


def test_what_was_looked_for_in_vain_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that rests on a missing module is forgotten when the module appears."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text("import scoring\n")
    project = Project(load_module)
    assert not project.reaches("main.py", "pack/scoring.py")
    assert any(name.endswith("\0scoring") for name in project.read)


def test_names_of_import_statements() -> None:
    source = b"import a.b as c, d\nfrom ..e import f as g, h\nfrom . import i\nfrom .j import *\nx = 1; import k\n"
    assert imported(source) == {
        ("a", 0),
        ("a.b", 0),
        ("d", 0),
        ("e", 2),
        ("e.f", 2),
        ("e.h", 2),
        ("", 1),
        ("i", 1),
        ("j", 1),
        ("k", 0),
    }
