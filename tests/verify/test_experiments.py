"""The incident's four causes are told apart; what each experiment sees; shapes; that probes leave no trace."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from lintloss.verify import main

from .conftest import RUNTIME, Verify, finding

pytestmark = pytest.mark.torch

INCIDENT = RUNTIME / "incident_causes.py"
ALL = ("--causality", "--untrained", "--copy-oracle", "--next-oracle", "--debug-shapes", "1")


@pytest.mark.parametrize(
    ("cause", "code", "words"),
    [
        ("divisor", "LL102", "divided by batches again"),
        ("padding", "LL103", "all positions (ignored ones counted)"),
        ("shift", "LL301", "the very tokens the model reads"),
        ("mask", "LL306", "moves earlier logits"),
        ("right", None, ""),
    ],
)
def test_the_incidents_causes_are_told_apart(cause: str, code: str | None, words: str, verify: Verify) -> None:
    run = verify([], sys.executable, INCIDENT, cause, "3", options=("--causality",))
    confirmed = [found for found in run.findings if found["verdict"] == "confirmed"]
    assert [found["code"] for found in confirmed] == ([] if code is None else [code])
    assert all(words in found["explanation"] and found["found_at_run_time"] for found in confirmed)
    assert run.exit_code == (0 if code is None else 1)


DECODER = """
import sys
import torch
import torch.nn.functional as F
from torch import nn

class Translator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(61, 16), nn.Linear(16, 61)

    def forward(self, input_ids, labels):
        memory = self.embed(input_ids).mean(1, keepdim=True)
        given = labels if "leak" in sys.argv else F.pad(labels[:, :-1], (1, 0))
        logits = self.head(self.embed(given) + memory)
        return {"loss": F.cross_entropy(logits.flatten(0, 1), labels.flatten()), "logits": logits}

torch.manual_seed(0)
model = Translator().eval()
with torch.no_grad():
    print(model(input_ids=torch.randint(1, 61, (4, 9)), labels=torch.randint(1, 61, (4, 9)))["loss"].item())
"""


@pytest.mark.parametrize("leak", [True, False], ids=["labels as they are", "shifted labels"])
def test_labels_that_leak_in_through_the_decoder(leak: bool, verify: Verify, tmp_path: Path) -> None:
    """Source and target are of one length and one table: what the encoder reads must not be taken for the targets."""
    path = tmp_path / "translate.py"
    path.write_text(DECODER)
    run = verify([], sys.executable, path, "leak" if leak else "right", options=("--causality",))
    (tried,) = run.document["run"]["experiments"]
    assert tried["passed"] is not leak and "changing the last label" in tried["explanation"]
    confirmed = [found["code"] for found in run.findings if found["verdict"] == "confirmed"]
    assert confirmed == (["LL306"] if leak else [])


def test_an_output_of_the_projects_own_class_holds_logits_too(verify: Verify, tmp_path: Path) -> None:
    output = "import dataclasses\n\n@dataclasses.dataclass\nclass Output:\n    loss: object\n    logits: object\n\nclass Translator"
    text = DECODER.replace("class Translator", output, 1).replace('["loss"]', ".loss")
    text = text.replace('return {"loss": ', "return Output(").replace(', "logits": logits}', ", logits)")
    path = tmp_path / "translate.py"
    path.write_text(text)
    run = verify([], sys.executable, path, "leak", options=("--causality",))
    (tried,) = run.document["run"]["experiments"]
    assert tried["passed"] is False and "changing the last label" in tried["explanation"]


def test_a_run_again_without_fixes_is_said_not_to_be(verify: Verify) -> None:
    run = verify([], sys.executable, "-c", "pass", options=("--after-fix",))
    (tried,) = run.document["run"]["experiments"]
    assert (tried["passed"], tried["explanation"]) == (None, "no finding proposes a fix")


def test_oracles_see_a_missing_shift_and_leave_no_trace(verify: Verify, capfd: pytest.CaptureFixture[str]) -> None:
    plain = subprocess.run([sys.executable, INCIDENT, "shift", "3"], capture_output=True, text=True, check=True)
    capfd.readouterr()
    run = verify([], sys.executable, INCIDENT, "shift", "3", options=ALL)
    seen = capfd.readouterr()
    assert seen.out == plain.stdout
    tried = {one["experiment"]: one for one in run.document["run"]["experiments"]}
    assert {name: one["passed"] for name, one in tried.items()} == {
        "causality": True, "untrained": True, "copy-oracle": False, "next-oracle": False
    }  # fmt: skip
    assert tried["copy-oracle"]["would_report"] == pytest.approx(0, abs=1e-6)
    assert all(one["limits"] and one["cost"] for one in tried.values())
    shapes = [line for line in seen.err.splitlines() if line.startswith("[lintloss]")]
    assert len(shapes) == 2 and "ids (8, 33) logits (264, 61) float32 labels (264,) int64 sum" in shapes[1]


def test_instrumented_source_is_shown(verify: Verify, capfd: pytest.CaptureFixture[str]) -> None:
    verify([], sys.executable, RUNTIME / "ll104_perplexities.py", options=("--show-instrumented",))
    assert "__lintloss_value__(" in capfd.readouterr().err


def test_after_the_fix_the_right_number_is_reported(
    verify: Verify, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The proposed edits are compiled in place of the flagged lines; the file itself stays as it is."""
    path = tmp_path / "evaluate.py"
    source = (
        "import torch\nimport torch.nn.functional as F\n\n"
        "def evaluate(batches):\n    total = 0.0\n    for logits, targets in batches:\n"
        "        total += F.cross_entropy(logits, targets).item()\n    return total / len(batches)\n\n"
        "torch.manual_seed(0)\n"
        "print(evaluate([(torch.randn(n, 7), torch.randint(0, 7, (n,))) for n in (6, 6, 1)]))\n"
    )
    path.write_text(source)
    fixed = ("        total += F.cross_entropy(logits, targets).item() * len(targets)\n", "    return total / 13\n")
    edits = [
        {"location": {"row": row, "column": 1}, "end_location": {"row": row + 1, "column": 1}, "content": content}
        for row, content in zip((7, 8), fixed, strict=True)
    ]
    found = finding(path, "LL101", 8, 12, 32)
    found["fix"] = {"applicability": "unsafe", "message": "", "edits": edits}
    run = verify([found], path, options=("--after-fix",))
    (tried,) = run.document["run"]["experiments"]
    seen = capfd.readouterr()
    assert len(seen.out.split()) == 1 and len(seen.err.split()) == 1, "the second run's output stands aside"
    assert run.findings[0]["verdict"] == "confirmed"
    assert tried["passed"], tried
    assert tried["would_report"] == pytest.approx(run.findings[0]["reference"]["loss"], rel=1e-5)
    assert path.read_text() == source


READING = """\
import json, struct, sys
import torch
import torch.nn.functional as F
from torch import nn

WORDS = [f"w{number}" for number in range(300)]


class Tokenizer:
    def encode(self, text):
        return [WORDS.index(word) for word in text.split()]

    def decode(self, ids):
        return " ".join(WORDS[number] for number in ids)


torch.manual_seed(0)
tokenizer = Tokenizer()
model = nn.Sequential(nn.Embedding(300, 8), nn.Linear(8, 300))
ids = torch.randint(0, 300, (6, 41))
ids[5] = ids[0]
train_rows = [ids[:2], torch.randint(0, 300, (2, 41))]
if "write" in sys.argv:
    flat = ids[:3].flatten().tolist()
    texts = [tokenizer.decode(row) for row in ids[:3].tolist()]
    open("train.bin", "wb").write(struct.pack("<123H", *flat))
    open("wide.tokens", "wb").write(struct.pack("<123I", *flat))
    open("texts.jsonl", "w").writelines(json.dumps({"text": text}) + "\\n" for text in texts)
    open("ids.jsonl", "w").writelines(json.dumps({"input_ids": row}) + "\\n" for row in ids[:3].tolist())
    open("texts.txt", "w").write("\\n".join(texts))
    open("other.txt", "w").write(tokenizer.decode(torch.randint(0, 300, (500,)).tolist()))
else:
    with torch.no_grad():
        for part in ids.split(2):
            print(F.cross_entropy(model(part[:, :-1]).flatten(0, 1), part[:, 1:].flatten()).item())
"""
HALF = "3 have at least half of theirs there"


def test_data_counts_sequences_and_finds_them_in_training_sets(verify: Verify, tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    program = tmp_path / "reading.py"
    program.write_text(READING)
    subprocess.run([sys.executable, program, "write"], cwd=tmp_path, check=True)
    np.save(tmp_path / "train.npy", np.fromfile(tmp_path / "train.bin", "<u2").reshape(3, 41))
    found = ["train.bin", "wide.tokens", "train.npy", "texts.jsonl", "ids.jsonl", "texts.txt"]
    clean = ["other.txt"]
    if importlib.util.find_spec("pyarrow"):
        table = importlib.import_module("pyarrow").table({"text": (tmp_path / "texts.txt").read_text().splitlines()})
        importlib.import_module("pyarrow.parquet").write_table(table, tmp_path / "texts.parquet")
        found.append("texts.parquet")
    options = [word for name in (*found, *clean) for word in ("--training", str(tmp_path / name))]
    run = verify([], program, options=("--data", "--training", "reading:train_rows", *options))
    whole, loader, *sets = run.document["run"]["experiments"]
    assert "6 sequences, 240 tokens read, 240 scored, 1 sequences repeat" in whole["explanation"]
    assert "of 5 sequences 2 have at least half" in loader["explanation"] and not loader["passed"]
    for one in sets[: len(found)]:
        assert HALF in one["explanation"] and not one["passed"], one
    assert sets[-1]["passed"] and "0 of" in sets[-1]["explanation"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("gone.bin", "no such training set"), ("a b:c", "neither a path nor a loader"), (".", "nothing that can be")],
)
def test_a_training_set_that_cannot_be_read_is_said_before_the_run(
    name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--data", "--training", name, "--", sys.executable, "-c", "print('ran')"]) == 2
    seen = capsys.readouterr()
    assert said in seen.err and "ran" not in seen.out


GRADED = """
import sys
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Embedding(61, 16), nn.Linear(16, 61))
for epoch in range(2):
    model.train()
    x, y = torch.randint(0, 61, (2, 4, 9))
    F.cross_entropy(model(x).flatten(0, 1), y.flatten()).backward()
    if "train" not in sys.argv:
        model.eval()
        print(F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()).item())
"""


@pytest.mark.parametrize("what", ["evaluate", "train"])
def test_an_experiment_speaks_of_evaluations_that_record_gradients_and_says_where_there_is_none(
    what: str, verify: Verify, tmp_path: Path
) -> None:
    path = tmp_path / "graded.py"
    path.write_text(GRADED)
    run = verify([], sys.executable, path, what, options=ALL[:4])
    passed = {one["experiment"]: one["passed"] for one in run.document["run"]["experiments"]}
    names = ("causality", "untrained", "copy-oracle", "next-oracle")
    assert passed == dict.fromkeys(names, None if what == "train" else True)
    if what == "train":
        assert "outside of training" in run.document["run"]["experiments"][0]["explanation"]
