"""What people and tools see: every format on one project of several files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lintloss.report import FORMATS, load

Snapshot = Callable[[str, str], None]


@pytest.mark.parametrize("name", FORMATS)
def test_format_on_a_project_of_several_files(name: str, project: Any, snapshot: Snapshot) -> None:
    snapshot(f"{name}.txt", load(name).render(project.findings, project.run))


@pytest.mark.parametrize("name", FORMATS)
def test_format_of_a_clean_run(name: str, project: Any, snapshot: Snapshot) -> None:
    snapshot(f"{name}.clean.txt", load(name).render((), replace(project.run, errors=(), suppressed=(), hidden=0)))


def test_full_with_evidence_over_several_files(project: Any, snapshot: Snapshot) -> None:
    snapshot("full.evidence.txt", load("full").render(project.findings, replace(project.run, show_evidence=True)))


def test_full_in_color(project: Any, snapshot: Snapshot) -> None:
    snapshot("full.color.txt", load("full").render(project.findings, replace(project.run, color=True)))
