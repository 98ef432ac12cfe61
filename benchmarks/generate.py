"""Python files to time a check on, generated: nothing downloaded, the same bytes for the same size."""

from __future__ import annotations

import random
from pathlib import Path

VERBS = ("load", "merge", "split", "sort", "read", "write", "count", "trim", "pack", "scan")
NOUNS = ("rows", "paths", "names", "records", "keys", "parts", "entries", "pages", "fields", "items")

HEADER = '''"""Generated: bookkeeping of {topic}."""

from __future__ import annotations

import json
import os
from collections import defaultdict

'''

FUNCTION = '''
def {name}({first}, {second}=None, *, limit={limit}):
    """Return {first} by {second}, at most {limit}."""
    grouped = defaultdict(list)
    for index, entry in enumerate({first}):
        key = entry.get("{second}", index % {limit})
        if {second} is not None and key not in {second}:
            continue
        grouped[key].append(os.path.basename(str(entry)))
    ordered = sorted(grouped.items(), key=lambda pair: (len(pair[1]), pair[0]))
    return json.dumps(dict(ordered[:limit]), indent={indent})

'''

EVALUATION = """
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad_id):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        logits = model(ids)[:, :-1]
        labels = ids[:, 1:]
        loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), labels.reshape(-1), ignore_index=pad_id{reduction})
        {accumulate}
        tokens += (labels != pad_id).sum().item()
    return nats / {divisor}
"""

RIGHT = EVALUATION.format(reduction=', reduction="sum"', accumulate="nats += loss.item()", divisor="tokens")
WRONG = EVALUATION.format(reduction="", accumulate="nats += loss.item()", divisor="len(loader)")


def plain_text(lines: int, seed: int = 0) -> str:
    """About `lines` lines of ordinary Python that evaluates nothing."""
    chance = random.Random(seed)
    parts = [HEADER.format(topic=chance.choice(NOUNS))]
    while sum(part.count("\n") for part in parts) < lines:
        first, second = chance.sample(NOUNS, 2)
        name = f"{chance.choice(VERBS)}_{first}_{len(parts)}"
        limit, indent = chance.randint(2, 90), chance.choice((2, 4))
        parts.append(FUNCTION.format(name=name, first=first, second=second, limit=limit, indent=indent))
    return "".join(parts)


def write_file(path: Path, lines: int, ending: str = "", seed: int = 0) -> Path:
    """Write ordinary code with `ending` at its end."""
    body = plain_text(max(0, lines - ending.count("\n")), seed)
    path.write_text(body + ending, encoding="utf-8")
    return path


def write_tree(folder: Path, files: int, lines: int, *, evaluating: int) -> Path:
    """Write a package of `files` files, `evaluating` of which hold a right evaluation loop."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        write_file(folder / f"module_{number}.py", lines, RIGHT if number < evaluating else "", seed=number)
    return folder
