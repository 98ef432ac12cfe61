"""`lintloss locate`: one entry for each number that an evaluation computes, and "unknown" where nothing shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lintloss.__main__ import run

ROOT = Path(__file__).parents[2]
MUTATIONS = ROOT / "fixtures" / "mutations"
Out = pytest.CaptureFixture[str]


def located(capsys: Out, *paths: Path) -> list[dict[str, object]]:
    assert run(["locate", "--isolated", "--output-format", "json", *map(str, paths)]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert isinstance(entries, list)
    return entries


def words(entry: dict[str, object], *names: str) -> tuple[object, ...]:
    return tuple(entry[name] for name in names)


def test_a_loop_that_adds_up_nats_and_tokens(capsys: Out) -> None:
    (entry,) = located(capsys, MUTATIONS / "lm_sum_over_tokens.py")
    assert words(entry, "function", "framework", "criterion", "reduction") == (
        "evaluate",
        "torch",
        "cross_entropy",
        "sum",
    )
    assert words(entry, "normalizer", "shift", "split") == ("÷ token", "the evaluation code", "validation")
    assert entry["unit"] == "nats/token, all tokens weighing the same"
    rows = (MUTATIONS / "lm_sum_over_tokens.py").read_text().splitlines()
    assert isinstance(entry["location"], dict)
    assert "/" in rows[entry["location"]["row"] - 1]
    assert isinstance(entry["perplexity_row"], int)
    assert "exp(" in rows[entry["perplexity_row"] - 1]


def test_the_model_shifts_what_it_is_given_as_labels(capsys: Out) -> None:
    (entry,) = located(capsys, MUTATIONS / "hf_causal_labels.py")
    assert words(entry, "framework", "criterion", "shift") == ("torch, transformers", "the model's own", "the model")


def test_models_that_predict_in_place_need_no_shift(capsys: Out) -> None:
    for name in ("hf_masked_lm.py", "hf_token_classification.py"):
        (entry,) = located(capsys, MUTATIONS / name)
        assert entry["shift"] == "not needed", name


def test_an_average_of_batches_is_called_one(capsys: Out) -> None:
    (entry,) = located(capsys, ROOT / "fixtures" / "projects" / "incident" / "evaluate_batch_mean.py")
    assert words(entry, "normalizer", "unit") == ("÷ batch", "nats/token, all batches weighing the same")


def test_a_meter_that_weights_by_rows_is_seen_through(capsys: Out) -> None:
    (entry,) = located(capsys, MUTATIONS / "classification_images.py")
    assert words(entry, "function", "normalizer", "split") == ("test", "÷ example", "test")


def test_training_is_not_evaluation_and_what_is_not_known_says_so(capsys: Out, tmp_path: Path) -> None:
    train = tmp_path / "train.py"
    train.write_text(
        "import torch.nn.functional as F\n\n\ndef train(model, optimizer, loader):\n    total = 0.0\n"
        "    for x, y in loader:\n        loss = F.cross_entropy(model(x), y)\n        loss.backward()\n"
        "        optimizer.step()\n        total += loss.item()\n    return total / len(loader)\n"
    )
    other = tmp_path / "other.py"
    other.write_text(
        "def evaluate(model, stream):\n    losses = []\n    for each in stream:\n        loss = model.step(each)\n"
        "        losses.append(loss.item())\n    return sum(losses) / len(losses)\n"
    )
    entries = located(capsys, tmp_path)
    assert [Path(str(entry["filename"])).name for entry in entries] == ["other.py"]
    assert words(entries[0], "framework", "reduction", "shift", "split") == ("unknown",) * 4


def test_a_table_for_pipes_and_rows_within_cells(capsys: Out, tmp_path: Path) -> None:
    source = (MUTATIONS / "lm_sum_over_tokens.py").read_text()
    frame = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**frame, "source": text} for text in ("x = 1\n", source)]
    book = tmp_path / "book.ipynb"
    book.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    (entry,) = located(capsys, book)
    (plain,) = located(capsys, MUTATIONS / "lm_sum_over_tokens.py")
    assert words(entry, "cell", "location", "perplexity_row") == (1, plain["location"], plain["perplexity_row"])
    assert run(["locate", "--isolated", str(book)]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["place", "function", "framework"]
    assert f"{book}:cell 1:" in row
    assert row.index("evaluate") == head.index("function")


def test_what_cannot_be_read_is_said_and_the_rest_is_listed(capsys: Out, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def loss(:\n")
    (tmp_path / "right.py").write_text((MUTATIONS / "lm_sum_over_tokens.py").read_text())
    assert run(["locate", "--isolated", str(tmp_path)]) == 2
    out = capsys.readouterr()
    assert "broken.py: cannot be parsed" in out.err
    assert "right.py" in out.out
    assert run(["locate", "--isolated", str(tmp_path / "gone.py")]) == 2


def test_an_evaluation_in_one_go_is_known_by_its_criterion(capsys: Out, tmp_path: Path) -> None:
    (tmp_path / "graph.py").write_text(
        "import torch\nimport torch.nn.functional as F\n\n\n@torch.no_grad()\ndef test(model, graph):\n"
        "    model.eval()\n    logits = model(graph.x)\n    loss = F.cross_entropy(logits, graph.y)\n"
        "    print(f'test loss {loss.item():.3f}')\n"
    )
    (entry,) = located(capsys, tmp_path)
    assert words(entry, "function", "criterion", "reduction", "normalizer") == (
        *("test", "cross_entropy", "mean", "none here"),
    )


def test_a_training_that_hides_its_backward_pass_is_known_by_its_name(capsys: Out, tmp_path: Path) -> None:
    text = (
        "import torch.nn.functional as F\n\n\ndef NAME(model, scaler, optimizer, loader):\n    total = 0.0\n"
        "    for x, y in loader:\n        loss = F.cross_entropy(model(x), y)\n        scaler(loss, optimizer)\n"
        "        total += loss.item()\n    return total / len(loader)\n"
    )
    (tmp_path / "engine.py").write_text(text.replace("NAME", "train_one_epoch"))
    assert located(capsys, tmp_path) == []
    (tmp_path / "engine.py").write_text(text.replace("NAME", "one_epoch"))
    assert len(located(capsys, tmp_path)) == 1
