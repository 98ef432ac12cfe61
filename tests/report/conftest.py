"""The project that every format is shown on: texts with findings over several files, one of them a notebook."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from lintloss.errors import SourceError
from lintloss.findings import Confidence, Edit, Evidence, Finding, Fix, Severity, Span
from lintloss.report import Run
from lintloss.report.rule_page import RulePage

EVAL = """\
import torch

def evaluate(model, loader):
    total = 0.0
    for batch in loader:
        total += model(**batch).loss.item()  # 損失
    return total / len(loader)
"""
MODEL = """\
class Tiny:
\tdef forward(self, ids, labels):
\t\tlogits = self.head(ids)
\t\tloss = F.mse_loss(
\t\t\tlogits,
\t\t\tlabels,
\t\t)
\t\treturn loss
"""
CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": ["# Evaluation\n", "of perplexity"]},
    {
        "cell_type": "code",
        "execution_count": 1,
        "id": "a1",
        "metadata": {},
        "outputs": [],
        "source": ['name = "é\\t"\n', "loss = step(ids)\n", "ppl = 2 ** loss"],
    },
]
NOTEBOOK = json.dumps({"cells": CELLS, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
FILES = {"src/eval loop.py": EVAL, "src/modèle, v2.py": MODEL, "notes/ppl.ipynb": NOTEBOOK}

AVERAGED = Finding(
    path="src/eval loop.py",
    code="LL101",
    name="batch-averaged-loss",
    span=Span(7, 12, 7, 31),
    message="`total` adds up nats/token over batches; weight each by its tokens before dividing, 50% of them: short",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    evidence=(
        Evidence("src/modèle, v2.py", Span(4, 10, 7, 4), "a mean over tokens: nats/token"),
        Evidence("src/eval loop.py", Span(6, 9, 6, 44), "summed over the batches of `loader`"),
        Evidence("src/eval loop.py", Span(7, 20, 7, 31), "`len(loader)` counts batches"),
    ),
    fix=Fix(
        "weight each batch by its scored tokens",
        (Edit(Span(4, 5, 4, 16), "total, tokens = 0.0, 0"), Edit(Span(7, 20, 7, 31), "tokens")),
    ),
    statement_rows=(7, 7),
)
CRITERION = Finding(
    path="src/modèle, v2.py",
    code="LL201",
    name="non-cross-entropy-criterion",
    span=Span(4, 10, 7, 4),
    message="`mse_loss` between logits and token ids is no cross entropy;\nuse F.ce(logits[:, i], labels[i](x))",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    statement_rows=(4, 7),
)
BASE = Finding(
    path="notes/ppl.ipynb",
    code="LL501",
    name="wrong-base",
    span=Span(3, 7, 3, 16),
    message="`loss` is in nats | use exp, not 2 **",
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    evidence=(Evidence("notes/ppl.ipynb", Span(2, 8, 2, 17), "nats/token", cell=1),),
    fix=Fix("use exp", (Edit(Span(3, 7, 3, 16), "math.exp(loss)"),), safe=True),
    cell=1,
)
IGNORED = Finding(
    path="src/eval loop.py",
    code="LL402",
    name="missing-no-grad",
    span=Span(3, 1, 3, 29),
    message="gradients are recorded during evaluation",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
)
FINDINGS = (BASE, AVERAGED, CRITERION)
PAGES = (
    RulePage(
        code="LL101",
        name="batch-averaged-loss",
        summary="Per-batch mean losses are averaged with equal weight.",
        severity=Severity.WARNING,
        why="Batches differ in scored tokens, so a token of a short batch counts more.",
        since="0.1.0",
    ),
)


def sources(path: str) -> str:
    return FILES.get(path, "")


RUN = Run(
    files_checked=4,
    files_screened=1,
    errors=(SourceError("cannot be decoded: 'utf-8' codec", where="src/bad.py"),),
    suppressed=(IGNORED,),
    hidden=2,
    rules=PAGES,
    sources=sources,
)


@dataclass(frozen=True)
class Project:
    """Findings, the run that they came from, and the texts that they point into."""

    findings: tuple[Finding, ...]
    run: Run
    files: dict[str, str]


@pytest.fixture
def project() -> Project:
    return Project(FINDINGS, RUN, FILES)
