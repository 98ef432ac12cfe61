"""Rule LL404: part of the evaluation data is left out without anyone having asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.truncation import Truncation
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    from lintloss.facts.observations import Observation

GPT = """\
import torch
import torch.nn as nn


class TinyGPT(nn.Module):
    def __init__(self, vocab_size, width=256, heads=4, depth=4, context=128):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.1, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, ids):
        length = ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=ids.device)
        hidden = self.tokens(ids) + self.positions(torch.arange(length, device=ids.device))
        return self.head(self.blocks(hidden, mask=causal, is_causal=True))
"""

CONVNET = """\
import torch.nn as nn


class SmallConvNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        self.classifier = nn.Linear(32 * 16, classes)

    def forward(self, images):
        return self.classifier(self.features(images).flatten(1))
"""

SCORING = """\
import torch
import torch.nn.functional as F


@torch.no_grad()
def token_loss(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
"""

MESSAGES = {
    "drop_last": "`drop_last=True` leaves the last, smaller batch of `{data}` out of the evaluation",
    "drop_remainder": "`drop_remainder=True` leaves the last, smaller batch of `{data}` out of the evaluation",
    "trainer": "`dataloader_drop_last=True` also leaves the last, smaller batch of {data} out",
    "break": "the evaluation stops after `{cap}` iterations over `{data}`: the rest is never scored, and nothing says so",
    "islice": "the evaluation takes the first `{cap}` batches: the rest is never scored, and nothing says so",
    "zip": "zip with a range of `{cap}` ends the evaluation there: the rest is never scored, and nothing says so",
    "select": "the first rows only of `{data}` are scored: `{cap}`, which nobody chose",
    "range": "the evaluation takes the first batches (`{cap}`): the rest is never scored, and nothing says so",
    "whole": "`{cap}` counts whole batches: the rows of the last, partial one are never scored",
    "blocks": "`{cap}` leaves the last, partial block of each row unscored",
    "short": "a batch with fewer rows than `{cap}` is left out: the rows of the last one are never scored",
    "ranks": "all ranks stop as soon as one has run out: what the others have left is never scored",
    "text": "the tokenizer cuts the joined text `{data}` to the model's longest input: what is behind is never scored",
    "return": "the function returns inside of the loop over `{data}`: only the first batch is scored",
    "restarted": "`{data}` starts the loader anew in each step: the same first batch is scored every time",
    "thrown": "`{data}` loses the rows that it has read where the data ends in the middle of a batch: they are never scored",
    "modulus": "what is left behind the full batches of `{data}` is asked of their number, not of the size of a batch: "
    "for some lengths the rest is never scored",
    "leftovers": "`{data}` gives full batches only: what is left at the end is never scored",
}


class TruncatedEvaluation(Rule):
    """Part of the evaluation data is never scored, and nobody asked for that.

    Why:
        With n examples and batches of b, `drop_last=True` leaves out n mod b of them: other ones each time where the
        loader shuffles, the same ones for ever where it does not. A literal `break` after k batches scores k * b of n
        examples; from an unshuffled loader these are always the first, often of one source or one document. The value
        is a right mean, in nats/token, of a set that the report does not name, and it is not comparable with anyone's
        number on the whole split. drop_last is also a way to hide LL101: with equal batches the mean of means is
        exact, of the wrong data. A `return` one level too deep and `next(iter(loader))` in a loop score one batch.

    Instead:
        Score everything, and weight by what was scored; a smaller last batch then does no harm:

            val_loader = DataLoader(val_set, batch_size=32)
            for start in range(0, len(rows), batch_size): ...

        or let the caller choose the cap (`--max-eval-batches`, default None) and report it with the result.

    Fix:
        None: whether the cut was meant is for a person to say.

    Source:
        torch.utils.data.DataLoader (`drop_last`); itertools.islice; transformers.TrainingArguments
        (`dataloader_drop_last` also holds for the evaluation loader).
    """

    code = "LL404"
    name = "truncated-evaluation"
    confirmed_by = (
        "examples scored in one evaluation against len(loader.dataset) or the length of the iterable: fewer "
        "(confirmed, with both counts), equal (refuted)"
    )

    watches = (Truncation,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        if not isinstance(seen, Truncation):
            return
        sure = seen.severity == "error"
        yield Judgment(
            Severity.ERROR if sure else Severity.WARNING,
            Confidence.HIGH if sure else Confidence.MEDIUM,
            MESSAGES[seen.how].format(cap=seen.cap, data=seen.data or "the data"),
            seen.reasons,
        )

    bad = (
        Bad(
            why="drop_last is on by default, and a configuration of other options is all that is given",
            severity=Severity.WARNING,
            files={"scoring.py": SCORING},
            code="""\
import json

from scoring import token_loss
from torch.utils.data import DataLoader


def loaders_of(train_set, valid_set, batch_size=32, workers=4, drop_last=True):
    train_loader = DataLoader(train_set, batch_size, shuffle=True, num_workers=workers, drop_last=drop_last)
    valid_loader = DataLoader(valid_set, batch_size, shuffle=False, num_workers=workers, drop_last=drop_last)  # <-
    return train_loader, valid_loader


def main(model, train_set, valid_set, device):
    with open("config.json") as file:
        config = json.load(file)
    train_loader, valid_loader = loaders_of(train_set, valid_set, **config["loading"])
    print(token_loss(model, valid_loader, device))
""",
        ),
        Bad(
            why="the loaders of all splits are made in one loop, each under its name, and all of them drop",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def loaders_of(sets, batch_size):
    loaders = {}
    for split in ("train", "valid"):
        shuffled = split == "train"
        loaders[split] = DataLoader(sets[split], batch_size=batch_size, shuffle=shuffled, drop_last=True)
    return loaders


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in loader:  # <-
        nats += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def main(model, sets):
    loaders = loaders_of(sets, 32)
    print("validation loss", evaluate(model, loaders["valid"]))
""",
        ),
        Bad(
            why="what gives batches by their number says that there are as many as are whole",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Batches:
    def __init__(self, rows, batch_size):
        self.rows, self.batch_size = rows, batch_size

    def __len__(self):
        return len(self.rows) // self.batch_size

    def __getitem__(self, k):
        return self.rows[k * self.batch_size : (k + 1) * self.batch_size]


@torch.no_grad()
def evaluate(model, rows):
    batches = Batches(rows, 32)
    model.eval()
    nats, tokens = 0.0, 0
    for k in range(len(batches)):  # <-
        ids = batches[k]
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def train(model, rows, step):
    for ids in map(Batches(rows, 32).__getitem__, range(10)):
        step(model, ids)
""",
        ),
        Bad(
            why="the data class counts whole batches, and the evaluation asks for as many",
            severity=Severity.ERROR,
            files={
                "corpus.py": """\
import torch


class Corpus:
    def __init__(self, path, batch_size):
        self.batch_size, self.num_batches = batch_size, 0
        self.lines = open(path).read().split("\\n")
        self.rebatch(batch_size)

    def rebatch(self, batch_size):
        self.batch_size = batch_size
        self.num_batches = int(len(self.lines) / self.batch_size)

    def batch(self, k):
        rows = self.lines[k * self.batch_size : (k + 1) * self.batch_size]
        return torch.tensor([[ord(char) for char in row.ljust(80)[:80]] for row in rows])
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from corpus import Corpus


@torch.no_grad()
def evaluate(model, corpus):
    model.eval()
    nats, tokens = 0.0, 0
    for k in range(corpus.num_batches):  # <-
        ids = corpus.batch(k)
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def report(model, path):
    print(evaluate(model, Corpus(path, 32)))
""",
        ),
        Bad(
            why="a generator that starts over is stepped as often as there are whole batches",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def batches(rows, batch_size):
    while True:
        for start in range(0, len(rows), batch_size):
            yield rows[start : start + batch_size]


def train(model, optimizer, train_rows, valid_rows, epochs, batch_size):
    valid_batches = batches(valid_rows, batch_size)
    valid_steps = len(valid_rows) // batch_size  # <-
    for epoch in range(epochs):
        model.eval()
        nats, tokens = 0.0, 0
        with torch.no_grad():
            for _ in range(valid_steps):
                ids = next(valid_batches)
                logits = model(ids[:, :-1])
                nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
                tokens += ids[:, 1:].numel()
        print(f"epoch {epoch}: validation loss {nats / tokens:.4f}")
""",
        ),
        Bad(
            why="the project's own batch sampler is told to drop the last batch, of whatever split",
            severity=Severity.ERROR,
            files={
                "scoring.py": SCORING,
                "samplers.py": """\
from torch.utils.data import BatchSampler


class RankedBatches(BatchSampler):
    def __init__(self, sampler, batch_size, drop_last, rank=0, world=1):
        super().__init__(sampler, batch_size, drop_last)
        self.rank, self.world = rank, world

    def __iter__(self):
        batch = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch[self.rank :: self.world]
                batch = []
        if batch and not self.drop_last:
            yield batch[self.rank :: self.world]
""",
            },
            code="""\
import torch
from samplers import RankedBatches
from scoring import token_loss
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler


def loader_of(rows, split, batch_size):
    order = RandomSampler(rows) if split == "train" else SequentialSampler(rows)
    sampler = RankedBatches(sampler=order, batch_size=batch_size, drop_last=True)  # <-
    return DataLoader(rows, batch_sampler=sampler)


def report(model, rows, device):
    dev_loader = loader_of(rows, "dev", 64)
    print(token_loss(model, dev_loader, device))
""",
        ),
        Bad(
            why="a generator of the project is asked to leave its last batch out",
            severity=Severity.ERROR,
            files={
                "feeding.py": """\
import torch


def batched(rows, batch_size, pad, truncate=True):
    held = []
    for row in rows:
        held.append(row)
        if len(held) == batch_size:
            yield torch.nn.utils.rnn.pad_sequence(held, batch_first=True, padding_value=pad)
            held = []
    if not truncate and len(held) > 0:
        yield torch.nn.utils.rnn.pad_sequence(held, batch_first=True, padding_value=pad)
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from feeding import batched


@torch.no_grad()
def evaluate(model, rows, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in batched(rows, 16, pad, truncate=True):  # <-
        logits, targets = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (targets != pad).sum().item()
    return nats / tokens
""",
        ),
        Bad(
            why="the getter of the evaluation's loader was copied from that of the training, names and drop_last",
            severity=Severity.ERROR,
            files={"scoring.py": SCORING},
            code="""\
import torch
from scoring import token_loss
from torch.utils.data import DataLoader


def get_train_loader(rows, batch_size):
    train_loader = DataLoader(rows, batch_size=batch_size, shuffle=True, drop_last=True)
    return train_loader


def get_eval_loader(rows, batch_size):
    if rows is None:
        return None
    train_loader = DataLoader(rows, batch_size=batch_size, shuffle=False, drop_last=True)  # <-
    return train_loader


def main(model, rows, held_out, device):
    loader = get_eval_loader(held_out, 32)
    print("held-out loss", token_loss(model, loader, device))
""",
        ),
        Bad(
            why="drop_last=True on the validation loader.",
            severity=Severity.ERROR,
            files={"model.py": GPT, "scoring.py": SCORING},
            code="""\
import math

import torch
from torch.utils.data import DataLoader

from model import TinyGPT
from scoring import token_loss


def main(checkpoint, device="cuda"):
    train_blocks = torch.load("train_blocks.pt")
    val_blocks = torch.load("val_blocks.pt")
    train_loader = DataLoader(train_blocks, batch_size=64, shuffle=True, drop_last=True)
    val_loader = DataLoader(val_blocks, batch_size=64, drop_last=True)  # <-
    print(f"{len(train_loader)} batches a training epoch")

    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = token_loss(model, val_loader, device)
    print(f"val loss {loss:.4f}  ppl {math.exp(loss):.2f}")


if __name__ == "__main__":
    main("checkpoint.pt")
""",
        ),
        Bad(
            why="A literal in the function stops the loop; no caller can choose it and no report names it.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from model import TinyGPT


@torch.no_grad()
def evaluate(model, val_blocks, device):
    model.eval()
    loader = DataLoader(val_blocks, batch_size=32)
    nats, tokens = 0.0, 0
    for step, ids in enumerate(loader):
        if step >= 40:
            break  # <-
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum").item()
        tokens += targets.numel()
    model.train()
    return nats / tokens


def main(checkpoint, device="cuda"):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print("val loss", evaluate(model, torch.load("val_blocks.pt"), device))
""",
        ),
        Bad(
            why="islice takes the first hundred batches of an unshuffled loader.",
            severity=Severity.ERROR,
            code="""\
from itertools import islice

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


def perplexity(name, blocks, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    loader = DataLoader(blocks, batch_size=8)
    nats, tokens = 0.0, 0
    with torch.inference_mode():
        for ids in islice(loader, 100):  # <-
            ids = ids.to(device)
            loss = model(ids, labels=ids).loss
            scored = ids[:, 1:].numel()
            nats += loss.item() * scored
            tokens += scored
    return torch.tensor(nats / tokens).exp().item()


if __name__ == "__main__":
    print(f"WikiText-103 test perplexity: {perplexity('gpt2', torch.load('wt103_test.pt')):.2f}")
""",
        ),
        Bad(
            why="A small default that no caller overrides: wrong as soon as the loader is longer.",
            severity=Severity.WARNING,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from net import SmallConvNet


@torch.no_grad()
def validate(model, loader, device, max_batches=50):
    model.eval()
    nats, examples = 0.0, 0
    for index, (images, labels) in enumerate(loader):
        if index == max_batches:
            break  # <-
        logits = model(images.to(device))
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def main(checkpoint, folder, device="cuda"):
    val_set = datasets.ImageFolder(folder, transforms.ToTensor())
    model = SmallConvNet(len(val_set.classes)).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = validate(model, DataLoader(val_set, batch_size=64), device)
    print(f"validation loss {loss:.4f}")
""",
        ),
        Bad(
            why="A module constant, in another file, that no option reaches.",
            severity=Severity.ERROR,
            files={
                "model.py": GPT,
                "settings.py": """\
BATCH_SIZE = 64
EVAL_STEPS = 20
LEARNING_RATE = 6e-4
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from model import TinyGPT
from settings import BATCH_SIZE, EVAL_STEPS


@torch.no_grad()
def evaluate(model, val_chunks, device):
    model.eval()
    nats = torch.zeros((), device=device)
    tokens = 0
    for step, chunk in enumerate(DataLoader(val_chunks, batch_size=BATCH_SIZE)):
        if step == EVAL_STEPS:
            break  # <-
        x, y = chunk[:, :-1].to(device), chunk[:, 1:].to(device)
        logits = model(x)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")
        tokens += y.numel()
    model.train()
    return (nats / tokens).item()


def build(vocab_size, device):
    return TinyGPT(vocab_size).to(device)
""",
        ),
        Bad(
            why="A factory written for training builds the validation loader too.",
            severity=Severity.ERROR,
            files={"model.py": GPT, "scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset

from model import TinyGPT
from scoring import token_loss


class Chunks(Dataset):
    def __init__(self, path, length):
        self.rows = torch.load(path).unfold(0, length, length)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def make_loader(path, batch_size, shuffle):
    return DataLoader(Chunks(path, 129), batch_size=batch_size, shuffle=shuffle, drop_last=True)  # <-


def fit(model, optimizer, train_loader, device):
    model.train()
    for ids in train_loader:
        ids = ids.to(device)
        loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def main(epochs=10, device="cuda"):
    train_loader = make_loader("train.pt", 64, shuffle=True)
    val_loader = make_loader("val.pt", 64, shuffle=False)
    model = TinyGPT(16_000).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for epoch in range(epochs):
        fit(model, optimizer, train_loader, device)
        print(f"epoch {epoch}: val loss {token_loss(model, val_loader, device):.4f}")
""",
        ),
        Bad(
            why="The batch iterator yields full buckets only; what is left in them is never scored.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


def batches(texts, batch_size):
    buckets = {}
    for text in texts:
        ids = tokenizer(text).input_ids
        bucket = buckets.setdefault(len(ids), [])
        bucket.append(ids)
        if len(bucket) == batch_size:
            yield torch.tensor(bucket)  # <-
            buckets[len(ids)] = []


@torch.no_grad()
def test_loss(texts, batch_size=8):
    nats, tokens = 0.0, 0
    for ids in batches(texts, batch_size):
        logits = model(ids).logits
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


if __name__ == "__main__":
    with open("test.txt") as lines:
        print(test_loss([line.strip() for line in lines if len(line) > 20]))
""",
        ),
        Bad(
            why="`n // batch_size` whole batches: the rows of the last, partial one are left out.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import math

import torch
import torch.nn.functional as F

from model import TinyGPT


@torch.no_grad()
def evaluate(model, rows, batch_size=32):
    model.eval()
    nats, tokens = 0.0, 0
    for index in range(rows.size(0) // batch_size):  # <-
        ids = rows[index * batch_size : (index + 1) * batch_size]
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def main(checkpoint):
    model = TinyGPT(8_192)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    loss = evaluate(model, torch.load("test_rows.pt"))
    print(f"test loss {loss:.4f} ppl {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="The same, but with the default batch of one nothing is lost until somebody raises it.",
            severity=Severity.WARNING,
            code="""\
import argparse

import torch
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(model, blocks, batch_size, device):
    nats, tokens = 0.0, 0
    for index in range(len(blocks) // batch_size):  # <-
        ids = blocks[index * batch_size : (index + 1) * batch_size].to(device)
        scored = ids.size(0) * (ids.size(1) - 1)
        nats += model(ids, labels=ids).loss.item() * scored
        tokens += scored
    return nats / tokens


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gpt2")
    parser.add_argument("--batch-size", type=int, default=1)
    args = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(args.model).cuda().eval()
    loss = evaluate(model, torch.load("ptb_blocks.pt"), args.batch_size, "cuda")
    print(f"loss {loss:.4f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="zip with a range ends after 30 batches without a break in sight.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn as nn

from net import SmallConvNet


class Validator:
    def __init__(self, checkpoint, val_loader, device):
        self.device = device
        self.val_loader = val_loader
        self.criterion = nn.CrossEntropyLoss(reduction="sum")
        self.net = SmallConvNet().to(device)
        self.net.load_state_dict(torch.load(checkpoint, map_location=device))

    @torch.no_grad()
    def run(self):
        self.net.eval()
        nats, examples = 0.0, 0
        for _, (images, labels) in zip(range(30), self.val_loader):  # <-
            logits = self.net(images.to(self.device))
            nats += self.criterion(logits, labels.to(self.device)).item()
            examples += labels.size(0)
        return nats / examples


def validate(checkpoint, val_loader, device="cuda"):
    print(f"validation loss {Validator(checkpoint, val_loader, device).run():.4f}")
""",
        ),
        Bad(
            why="dataloader_drop_last is meant for training, and the Trainer applies it to evaluation too.",
            severity=Severity.ERROR,
            code="""\
import math

from datasets import load_from_disk
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments, default_data_collator


def main():
    blocks = load_from_disk("wikitext_blocks_1024")
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    args = TrainingArguments(
        output_dir="out",
        per_device_train_batch_size=8,
        per_device_eval_batch_size=8,
        dataloader_drop_last=True,  # <-
        num_train_epochs=1,
    )
    trainer = Trainer(
        model=model,
        args=args,
        train_dataset=blocks["train"],
        eval_dataset=blocks["validation"],
        data_collator=default_data_collator,
    )
    trainer.train()
    metrics = trainer.evaluate()
    print(f"perplexity {math.exp(metrics['eval_loss']):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="A break that was left from debugging: one batch is the whole evaluation.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn as nn

from model import TinyGPT


def evaluate(model, test_loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in test_loader:
            ids = ids.to(device)
            targets = ids[:, 1:]
            logits = model(ids[:, :-1])
            nats += criterion(logits.transpose(1, 2), targets).item()
            tokens += targets.numel()
            break  # <-
    return nats / tokens


def main(checkpoint, test_loader, device="cuda"):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print(f"test loss {evaluate(model, test_loader, device):.4f}")
""",
        ),
        Bad(
            why="One function makes the loaders of training and validation, and drops the last batch of both.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


class Recipe:
    def __init__(self, model, train_set, val_set, collate):
        self.model = model
        self.collate = collate
        self.train_loader = self.make_loader(train_set, shuffle=True)
        self.val_loader = self.make_loader(val_set, shuffle=False)

    def make_loader(self, dataset, shuffle):
        return DataLoader(
            dataset,
            batch_size=16,
            shuffle=shuffle,
            collate_fn=self.collate,
            drop_last=True,
        )

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        nats, tokens = 0.0, 0
        for ids in self.val_loader:  # <-
            logits, labels = self.model(ids[:, :-1]), ids[:, 1:]
            nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
            tokens += labels.numel()
        return nats / tokens
""",
        ),
        Bad(
            why="The first rows of the data set, as many as a default says that no caller changes.",
            severity=Severity.WARNING,
            code="""\
import math

import torch
from datasets import load_dataset


@torch.no_grad()
def perplexity(model, tokenizer, limit=2000):
    rows = load_dataset("wikitext", "wikitext-2-raw-v1", split="test")
    rows = rows.select(range(min(len(rows), limit)))  # <-
    model.eval()
    nats, tokens = 0.0, 0
    for row in rows:
        ids = tokenizer(row["text"], return_tensors="pt").input_ids
        if ids.size(1) < 2:
            continue
        scored = ids.size(1) - 1
        nats += model(ids, labels=ids).loss.item() * scored
        tokens += scored
    return math.exp(nats / tokens)


def main(model, tokenizer):
    print(f"perplexity {perplexity(model, tokenizer):.2f}")
""",
        ),
        Bad(
            why="The batches are listed before they are given out, and the list ends with the last full one.",
            severity=Severity.ERROR,
            code="""\
import mlx.core as mx
import mlx.nn as nn


def full_batches(dataset, batch_size, loop=False):
    order = sorted(range(len(dataset)), key=lambda index: len(dataset[index]))
    rows = [order[i : i + batch_size] for i in range(0, len(order) - batch_size + 1, batch_size)]
    while True:
        for batch in rows:
            longest = max(len(dataset[index]) for index in batch)
            yield mx.array([dataset[index] + [0] * (longest - len(dataset[index])) for index in batch])
        if not loop:
            break


def evaluate(model, dataset, batch_size):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in full_batches(dataset, batch_size):  # <-
        losses = nn.losses.cross_entropy(model(ids[:, :-1]), ids[:, 1:])
        mask = ids[:, 1:] != 0
        nats += (losses * mask).sum().item()
        tokens += mask.sum().item()
    return nats / tokens


def train(model, dataset, batch_size, step):
    for ids in full_batches(dataset, batch_size, loop=True):
        step(model, ids)
""",
        ),
        Bad(
            why="The evaluation is handed a generator of whole batches.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def minibatches(rows, batch_size):
    for k in range(len(rows) // batch_size):
        yield torch.stack(rows[k * batch_size : (k + 1) * batch_size])


@torch.no_grad()
def evaluate(model, batches):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in batches:  # <-
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def report(model, test_rows):
    test_batches = minibatches(test_rows, 16)
    print(f"test loss {evaluate(model, test_batches):.4f}")
""",
        ),
        Bad(
            why="The generator that the caller made stops at the first short batch, which is the last.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def minibatches(rows, batch_size):
    for begin in range(0, len(rows), batch_size):
        batch = rows[begin : begin + batch_size]
        if len(batch) < batch_size:
            break
        yield torch.stack(batch)


@torch.no_grad()
def evaluate(model, batches):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in batches:  # <-
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def report(model, test_rows):
    test_batches = minibatches(test_rows, 16)
    print(f"test loss {evaluate(model, test_batches):.4f}")
""",
        ),
        Bad(
            why="The hidden state has a fixed number of rows, so the last batch is left out.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


def validate(model, val_loader, batch_size, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    hidden = model.init_hidden(batch_size)
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for x, y in val_loader:
            if x.size(0) != batch_size:  # <-
                continue
            logits, hidden = model(x.to(device), hidden)
            nats += criterion(logits.flatten(0, 1), y.to(device).flatten()).item()
            tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="the loader is made in the header of the loop, and what the step returns is not known.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
from torch.utils.data import DataLoader


def measure(model, rows):
    with torch.no_grad():
        return {name: value.item() for name, value in model.forward(rows).items()}


def evaluate(model, valid_rows, collate):
    found = []
    for rows in DataLoader(valid_rows, batch_size=32, collate_fn=collate, drop_last=True):  # <-
        found.append(measure(model, rows))
    return {name: np.mean([each[name] for each in found]) for name in found[0]}
""",
        ),
        Bad(
            why="batches that do not have the usual number of rows are passed over.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, valid_loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in valid_loader:
        if x.size()[0] != 64:  # <-
            continue
        logits = model(x.to(device))
        nats += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="the bound of a strided loop is the smaller of the length and a number of segments.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F

bptt = 35


@torch.no_grad()
def evaluate(model, stream):
    model.eval()
    nats, tokens = 0.0, 0
    last = min(50 * bptt, stream.size(0) - 1)
    for start in range(0, last, bptt):  # <-
        data, targets = stream[start : start + bptt], stream[start + 1 : start + 1 + bptt]
        logits = model(data[: len(targets)])
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="A script hands a trainer what the factory of a third file makes, which drops by default.",
            severity=Severity.ERROR,
            files={
                "runtime.py": """\
from torch.utils.data import DataLoader


class Runtime:
    def __init__(self, options):
        self.options = options

    def setup_loader(self, rows, batch_size, shuffle=True, collate_fn=None, drop_last=True, workers=0):
        return DataLoader(
            rows,
            batch_size=batch_size,
            shuffle=shuffle,
            collate_fn=collate_fn,
            drop_last=drop_last,
            num_workers=workers,
        )


def get_runtime(options):
    return Runtime(options)
""",
                "finetune.py": """\
from runtime import get_runtime
from eval import AnswerTrainer


def finetune(options, model, optimizer, train_rows, held_out_rows):
    runtime = get_runtime(options)
    train_loader = runtime.setup_loader(train_rows, options.micro_batch, True, train_rows.collate)
    eval_loader = None
    if held_out_rows is not None:
        eval_loader = runtime.setup_loader(
            held_out_rows, options.micro_batch, False, held_out_rows.collate, workers=options.workers
        )
    trainer = AnswerTrainer(model, optimizer, train_loader, eval_loader)
    trainer.fit(options.epochs)
""",
            },
            code="""\
import torch
import torch.nn.functional as F


class AnswerTrainer:
    def __init__(self, model, optimizer, train_loader, eval_loader):
        self.model, self.optimizer = model, optimizer
        self.train_loader = train_loader
        self.eval_loader = eval_loader

    def fit(self, epochs):
        for _ in range(epochs):
            for ids, labels in self.train_loader:
                self.model.train()
                loss = F.cross_entropy(self.model(ids).flatten(0, 1), labels.flatten())
                loss.backward()
                self.optimizer.step()
                self.optimizer.zero_grad()
            if self.eval_loader is not None:
                self.evaluate(self.eval_loader)

    @torch.no_grad()
    def evaluate(self, eval_loader):
        self.model.eval()
        nats, tokens = 0.0, 0
        for ids, labels in eval_loader:  # <-
            logits = self.model(ids)
            nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
            tokens += int((labels != -100).sum())
        print(f"held-out loss {nats / tokens:.4f}")
""",
        ),
        Bad(
            why="A loader of its own kind goes down the columns of whole batches; the rows behind them are in none.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


class ContinuingLoader(DataLoader):
    \"\"\"Row i of a batch goes on where row i of the batch before ended.\"\"\"

    def __iter__(self):
        order = torch.arange(len(self.dataset) // self.batch_size * self.batch_size)  # <-
        for column in order.reshape(self.batch_size, -1).t():
            yield self.collate_fn([self.dataset[int(index)] for index in column])


@torch.no_grad()
def evaluate(model, val_blocks, batch_size):
    model.eval()
    nats, tokens, memory = 0.0, 0, None
    for ids in ContinuingLoader(val_blocks, batch_size=batch_size):
        logits, memory = model(ids[:, :-1], memory)
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Bad(
            why="An iterator written by hand raises StopIteration as soon as less than a batch is left.",
            severity=Severity.ERROR,
            files={
                "batches.py": """\
import numpy as np
import torch


class PairBatches:
    def __init__(self, pairs, batch_size):
        self.pairs, self.batch_size, self.at = pairs, batch_size, 0

    def __iter__(self):
        self.at = 0
        return self

    def __next__(self):
        if self.at + self.batch_size > len(self.pairs):
            raise StopIteration
        chosen = self.pairs[self.at : self.at + self.batch_size]
        self.at += self.batch_size
        source, target = zip(*chosen)
        return torch.from_numpy(np.stack(source)), torch.from_numpy(np.stack(target))
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from batches import PairBatches


@torch.no_grad()
def validate(model, val_pairs):
    model.eval()
    nats, tokens = 0.0, 0
    for source, target in PairBatches(val_pairs, 32):  # <-
        logits = model(source, target[:, :-1])
        gold = target[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=0, reduction="sum").item()
        tokens += int((gold != 0).sum())
    return nats / tokens
""",
        ),
        Bad(
            why="The stream is cut to a whole number of batches of windows before the first of them is given.",
            severity=Severity.ERROR,
            files={
                "stream.py": """\
import numpy as np


class Stream:
    def __init__(self, ids):
        self.ids = ids

    def batches(self, batch_size, length):
        count = len(self.ids) // (batch_size * length)
        rows = np.array(self.ids[: count * batch_size * length]).reshape(-1, length)
        while True:
            batch, rows = rows[:batch_size], rows[batch_size:]
            if len(batch) == 0:
                return
            yield batch
""",
            },
            code="""\
import torch
import torch.nn as nn

from stream import Stream


def run(model, optimizer, train_ids, test_ids, epochs):
    criterion = nn.CrossEntropyLoss()
    train, test = Stream(train_ids), Stream(test_ids)
    for epoch in range(epochs):
        model.train()
        for ids in train.batches(32, 64):
            ids = torch.from_numpy(ids)
            loss = criterion(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        test_batches, nats, tokens = test.batches(32, 64), 0.0, 0
        while True:
            with torch.no_grad():
                try:
                    ids = torch.from_numpy(next(test_batches))  # <-
                except StopIteration:
                    break
                loss = criterion(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
                nats += loss.item() * ids[:, 1:].numel()
                tokens += ids[:, 1:].numel()
        print(f"epoch {epoch}: test loss {nats / tokens:.4f}")
""",
        ),
        Bad(
            why="The rows are cut to whole batches where the loaders are made, in another file.",
            severity=Severity.ERROR,
            files={
                "corpus.py": """\
from torch.utils.data import DataLoader, TensorDataset


def make_loader(inputs, targets, batch_size):
    whole = len(inputs) // batch_size
    inputs, targets = inputs[: whole * batch_size], targets[: whole * batch_size]
    return DataLoader(TensorDataset(inputs, targets), batch_size=batch_size)


def make_loaders(train, valid, batch_size):
    return {"train": make_loader(*train, batch_size), "valid": make_loader(valid[0], valid[1], batch_size)}
""",
                "main.py": """\
from corpus import make_loaders
from eval import perplexity


def main(model, train, valid, batch_size=20):
    loaders = make_loaders(train, valid, batch_size)
    print(f"valid perplexity {perplexity(model, loaders['valid'], batch_size):.2f}")
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, loader, batch_size):
    model.eval()
    state = model.initial_state(batch_size)
    nats, tokens = 0.0, 0
    for inputs, targets in loader:  # <-
        logits, state = model(inputs, state)
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="The test set is joined to be read in windows, and the tokenizer cuts it to one.",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("gpt2").cuda()
tokenizer = AutoTokenizer.from_pretrained("gpt2")
test = load_dataset("wikitext", "wikitext-2-raw-v1", split="test")
encodings = tokenizer("\\n\\n".join(test["text"]), return_tensors="pt", truncation=True)  # <-
ids = encodings.input_ids

window = model.config.n_positions
nats, tokens = 0.0, 0
for begin in range(0, ids.size(1), window):
    piece = ids[:, begin : begin + window].cuda()
    if piece.size(1) < 2:
        continue
    with torch.no_grad():
        loss = model(piece, labels=piece).loss
    nats += loss.item() * (piece.size(1) - 1)
    tokens += piece.size(1) - 1
print(f"ppl {torch.exp(torch.tensor(nats / tokens)).item():.2f}")
""",
        ),
        Bad(
            why="A break in the test loop inside of the training, which no caller can choose.",
            severity=Severity.ERROR,
            code="""\
import numpy as np


class Recipe:
    def __init__(self, strategy, writer):
        self.strategy, self.writer = strategy, writer

    def fit(self, train_dataset, test_dataset, train_step, test_step, every=500):
        for step, (inputs, targets) in enumerate(train_dataset):
            loss, perplexity = train_step(inputs, targets)
            if step % every == 0:
                test_losses = []
                for test_index, (test_inputs, test_targets) in enumerate(test_dataset):
                    test_loss = test_step(test_inputs, test_targets)
                    test_losses.append(test_loss)
                    if test_index == 100:
                        break  # <-
                self.writer.scalar("test/loss", np.mean(test_losses), step)
""",
        ),
        Bad(
            why="A `while` that asks for a whole batch to be left.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(model, dev_inputs, dev_labels, batch_size):
    model.eval()
    nats, rows, at = 0.0, 0, 0
    while at + batch_size <= len(dev_inputs):  # <-
        logits = model(dev_inputs[at : at + batch_size])
        labels = dev_labels[at : at + batch_size]
        nats += F.cross_entropy(logits, labels, reduction="sum").item()
        rows += labels.numel()
        at += batch_size
    return nats / rows
""",
        ),
        Bad(
            why="drop_remainder=True in the function that makes the data sets of both splits.",
            severity=Severity.ERROR,
            files={
                "pipeline.py": """\
import tensorflow as tf


def make_dataset(pairs, batch_size, shuffle):
    rows = tf.data.Dataset.from_tensor_slices(pairs)
    if shuffle:
        rows = rows.shuffle(10_000)
    rows = rows.batch(batch_size, drop_remainder=True)
    return rows.prefetch(tf.data.AUTOTUNE)
""",
            },
            code="""\
import numpy as np
import tensorflow as tf

from pipeline import make_dataset


def run(model, train_pairs, val_pairs, epochs):
    criterion = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    train_rows = make_dataset(train_pairs, 64, shuffle=True)
    val_rows = make_dataset(val_pairs, 64, shuffle=False)
    for epoch in range(epochs):
        model.fit(train_rows, epochs=1)
        losses = []
        for ids, labels in val_rows:  # <-
            losses.append(criterion(labels, model(ids, training=False)).numpy())
        print(f"epoch {epoch}: val loss {np.concatenate(losses).mean():.4f}")
""",
        ),
        Bad(
            why="The batches are put into a list, as many as are full; another file's evaluation counts them.",
            severity=Severity.ERROR,
            files={
                "batches.py": """\
import torch


def batchify(sentences, batch_size):
    count = len(sentences) // batch_size
    sentences = sentences[0 : count * batch_size]
    batches = []
    for index in range(count):
        rows = sentences[index * batch_size : (index + 1) * batch_size]
        longest = max(len(row) for row in rows)
        ids = torch.full((batch_size, longest), -100)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
        batches.append(ids)
    return batches
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from batches import batchify


@torch.no_grad()
def evaluate(model, batches):
    model.eval()
    nats, tokens = 0.0, 0
    for index in range(len(batches)):  # <-
        ids = batches[index]
        targets = ids[:, 1:]
        logits = model(ids[:, :-1].clamp(min=0))
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum").item()
        tokens += int((targets != -100).sum())
    return nats / tokens


def main(model, test_sentences):
    test_batches = batchify(test_sentences, 64)
    print(f"test loss {evaluate(model, test_batches):.4f}")
""",
        ),
        Bad(
            why="Whole windows of a batch of columns: the steps behind the last one are lost in every row.",
            severity=Severity.ERROR,
            files={
                "reader.py": """\
import numpy as np


def segments(ids, batch_size, steps):
    length = len(ids) // batch_size
    columns = np.zeros([batch_size, length], dtype=np.int64)
    for row in range(batch_size):
        columns[row] = ids[length * row : length * (row + 1)]
    count = (length - 1) // steps
    for index in range(count):
        inputs = columns[:, index * steps : (index + 1) * steps]
        targets = columns[:, index * steps + 1 : (index + 1) * steps + 1]
        yield inputs, targets
""",
            },
            code="""\
import numpy as np
import torch
import torch.nn.functional as F

import reader


@torch.no_grad()
def validation_perplexity(model, valid_ids):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in reader.segments(valid_ids, model.batch_size, model.steps):  # <-
        logits = model(torch.from_numpy(inputs))
        targets = torch.from_numpy(targets)
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return np.exp(nats / tokens)
""",
        ),
        Bad(
            why="A literal number of windows of a test set of any length.",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_dataset


@torch.no_grad()
def perplexity(model, tokenizer):
    rows = load_dataset("wikitext", "wikitext-2-raw-v1", split="test")
    ids = tokenizer("\\n\\n".join(rows["text"]), return_tensors="pt").input_ids
    windows = 40
    model.eval()
    nats = []
    for index in range(windows):  # <-
        piece = ids[:, index * 2048 : (index + 1) * 2048]
        nats.append(model(piece, labels=piece).loss * 2047)
    return torch.exp(torch.stack(nats).sum() / (windows * 2047))
""",
        ),
        Bad(
            why="The data set of another file keeps whole batches only.",
            severity=Severity.ERROR,
            files={
                "sequences.py": """\
from torch.utils.data import DataLoader, Dataset


class Sequences(Dataset):
    def __init__(self, ids, length=20, batch_size=32):
        self.ids, self.length, self.batch_size = ids, length, batch_size
        self.batches = len(ids) // (batch_size * length)
        self.rows = list(self.cut())[: self.batches * self.batch_size]

    def cut(self):
        for begin in range(0, len(self.ids) - 1, self.length):
            yield self.ids[begin : begin + self.length], self.ids[begin + 1 : begin + self.length + 1]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def get_loader(ids, batch_size):
    rows = Sequences(ids, batch_size=batch_size)
    return rows, DataLoader(dataset=rows, batch_size=batch_size)
""",
                "train.py": """\
from eval import Trainer
from sequences import get_loader


def main(model, train_ids, valid_ids):
    _, train_loader = get_loader(train_ids, 32)
    _, valid_loader = get_loader(valid_ids, 32)
    Trainer(model, train_loader, valid_loader=valid_loader).validate()
""",
            },
            code="""\
import torch
import torch.nn.functional as F


class Trainer:
    def __init__(self, model, train_loader, valid_loader=None):
        self.model, self.train_loader, self.valid_loader = model, train_loader, valid_loader

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        nats, tokens = 0.0, 0
        for ids, targets in self.valid_loader:  # <-
            logits = self.model(ids)
            nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
            tokens += targets.numel()
        return nats / tokens
""",
        ),
        Bad(
            why="Texts that a model has written are judged in whole batches: of its own samples some are never judged.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def generative_nats(judge, sample, batch_size=32):
    judge.eval()
    nats, tokens = 0.0, 0
    for index in range(sample.shape[0] // batch_size):  # <-
        ids = sample[index * batch_size : (index + 1) * batch_size]
        logits = judge(ids).logits[:, :-1]
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Bad(
            why="a generator gives full blocks only: their mean losses may be averaged, and what is left at the end is missing",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


def block_batches(ids, rows, length):
    count = len(ids) // (rows * length)
    blocks = np.array(ids[: count * rows * length]).reshape(-1, length)  # <-
    for number in range(count):
        yield torch.from_numpy(blocks[number * rows : (number + 1) * rows])


@torch.no_grad()
def dev_loss(language_model, dev_ids):
    language_model.eval()
    losses = []
    for block in block_batches(dev_ids, 32, 50):
        logits = language_model(block[:, :-1])
        losses.append(F.cross_entropy(logits.transpose(1, 2), block[:, 1:]).item())
    return np.mean(losses)
""",
        ),
        Bad(
            why="a Lightning trainer is handed the loader of a helper, whose default drops the last batch",
            severity=Severity.ERROR,
            files={
                "corpus.py": """\
from torch.utils.data import DataLoader


def make_loaders(training, held_out, size=8, drop_last=True):
    first = DataLoader(training, batch_size=size, shuffle=True)
    return first, DataLoader(held_out, batch_size=size, drop_last=drop_last)
""",
                "task.py": """\
import lightning.pytorch as pl
import torch.nn.functional as F


class Translation(pl.LightningModule):
    def __init__(self, network, pad_id):
        super().__init__()
        self.network, self.pad_id = network, pad_id

    def training_step(self, batch, batch_idx):
        source, target = batch
        logits = self.network(source, target[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=self.pad_id)
""",
            },
            code="""\
import lightning.pytorch as pl

from corpus import make_loaders
from task import Translation


def main(network, training, held_out):
    first, second = make_loaders(training, held_out)
    trainer = pl.Trainer(max_epochs=3)
    trainer.fit(Translation(network, pad_id=0), train_dataloaders=first, val_dataloaders=second)  # <-
""",
        ),
        Bad(
            why="what Keras validates on comes from a function that drops the remainder of both splits",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf
from tensorflow import keras


def split(ids, labels, held):
    rows = tf.data.Dataset.from_tensor_slices((ids, labels))
    first = rows.skip(held).shuffle(10_000).batch(32, drop_remainder=True)
    second = rows.take(held).batch(32, drop_remainder=True)  # <-
    return first, second


def train(model, ids, labels):
    first, second = split(ids, labels, 1_000)
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(first, validation_data=second, epochs=3)
""",
        ),
        Bad(
            why="an iterator over columns stops before the window that is not whole, of every column",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Feeder:
    def __init__(self, columns, steps, ids):
        self.at, self.steps = 0, steps
        ids = torch.tensor(ids)
        rows = ids.size(0) // columns
        self.ids = ids.narrow(0, 0, rows * columns).view(columns, -1).contiguous()

    def __iter__(self):
        return self

    def __next__(self):
        if (self.at + 1) * self.steps + 1 > self.ids.size(1):  # <-
            self.at = 0
            raise StopIteration
        x = self.ids[:, self.at * self.steps : (self.at + 1) * self.steps]
        y = self.ids[:, self.at * self.steps + 1 : (self.at + 1) * self.steps + 1]
        self.at += 1
        return x, y


@torch.no_grad()
def evaluate(net, feeder):
    net.eval()
    nats, tokens = 0.0, 0
    for x, y in feeder:
        logits = net(x)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def main(net, ids):
    print(evaluate(net, Feeder(8, 35, ids)))
""",
        ),
        Bad(
            why="whole batches of windows are counted, under a limit that the caller may set",
            severity=Severity.ERROR,
            code="""\
import math

import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity_of(net, path, width, batch_size, limit=None):
    ids = np.memmap(path, dtype=np.uint16, mode="r")
    count = ((len(ids) - 1) // width) // batch_size
    if limit:
        count = min(count, limit)
    nats, tokens = 0.0, 0
    for step in range(count):  # <-
        begins = [(step * batch_size + row) * width for row in range(batch_size)]
        x = torch.stack([torch.from_numpy(ids[at : at + width].astype(np.int64)) for at in begins])
        y = torch.stack([torch.from_numpy(ids[at + 1 : at + 1 + width].astype(np.int64)) for at in begins])
        nats += F.cross_entropy(net(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="The loaders of all splits stand in a dict, made by one function that drops the last batch.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def make_loader(path, rows, shuffle):
    table = torch.load(path)
    pairs = TensorDataset(table[:, :-1], table[:, 1:])
    return DataLoader(pairs, batch_size=rows, shuffle=shuffle, num_workers=4, drop_last=True)


def make_loaders(folder, rows=64):
    return {
        "train": make_loader(f"{folder}/train.pt", rows, True),
        "valid": make_loader(f"{folder}/valid.pt", rows, False),
        "test": make_loader(f"{folder}/test.pt", rows, False),
    }


@torch.no_grad()
def run(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:  # <-
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def report(model, folder):
    loaders = make_loaders(folder)
    for split in ("valid", "test"):
        print(split, "perplexity", math.exp(run(model, loaders[split])))
""",
        ),
        Bad(
            why="Only for the test split is the last batch kept: the function drops it of the validation's.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def get_loader(split, rows=64):
    table = torch.load(f"{split}.pt")
    pairs = TensorDataset(table[:, :-1], table[:, 1:])
    return DataLoader(pairs, rows, shuffle=split == "train", drop_last=split != "test")


@torch.no_grad()
def validate(model):
    model.eval()
    nats, tokens = 0.0, 0
    val_loader = get_loader("val")
    for x, y in val_loader:  # <-
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="Both branches of the split's flag drop, one kind of data does not; the loader is prepared over several lines.",
            severity=Severity.ERROR,
            code="""\
import argparse

import torch
from accelerate import Accelerator
from series import Hourly, Monthly
from torch.utils.data import DataLoader

KINDS = {"hourly": Hourly, "monthly": Monthly}


def provide(args, flag):
    make = KINDS[args.kind]
    if flag == "test":
        shuffle, drop_last = False, True
    else:
        shuffle, drop_last = True, True
    if args.kind == "monthly":
        drop_last = False
    rows = make(args.root, flag)
    return rows, DataLoader(rows, batch_size=args.batch_size, shuffle=shuffle, drop_last=drop_last)  # <-


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    total = windows = 0
    for past, future in loader:
        total += criterion(model(past), future).item() * len(past)
        windows += len(past)
    return total / windows


parser = argparse.ArgumentParser()
args = parser.parse_args()
accelerator = Accelerator()
model, criterion = torch.nn.Linear(96, 24), torch.nn.MSELoss()
train_rows, train_loader = provide(args, "train")
test_rows, test_loader = provide(args, "test")
optimizer = torch.optim.Adam(model.parameters())
train_loader, test_loader, model, optimizer = accelerator.prepare(
    train_loader, test_loader, model, optimizer
)
print("test loss", evaluate(model, test_loader, criterion))
""",
        ),
        Bad(
            why="The loader drops its last batch; who evaluates by it stops at a number that is given: it may not get there.",
            severity=Severity.WARNING,
            code="""\
from torch.utils.data import DataLoader


class Texts:
    def __init__(self, rows, size):
        self.rows, self.size = rows, size

    def val_dataloader(self):
        val_dataloader = DataLoader(self.rows["val"], batch_size=self.size, drop_last=True)  # <-
        return val_dataloader
""",
            files={
                "train.py": """\
import torch
import torch.nn.functional as F

from eval import Texts


@torch.no_grad()
def validate(model, val_dataloader, max_iters):
    model.eval()
    nats, tokens = 0.0, 0
    for k, ids in enumerate(val_dataloader):
        if k >= max_iters:
            break
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    model.train()
    return nats / tokens


def main(model, rows, max_iters):
    data = Texts(rows, 8)
    return validate(model, data.val_dataloader(), max_iters)
""",
            },
        ),
        Bad(
            why="Each step starts the unshuffled loader anew: the first batch is scored fifty times.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from model import TinyGPT


@torch.no_grad()
def estimate_loss(model, val_loader, eval_iters=50):
    model.eval()
    losses = torch.zeros(eval_iters)
    for k in range(eval_iters):
        x, y = next(iter(val_loader))  # <-
        logits = model(x)
        losses[k] = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    model.train()
    return losses.mean()


def main(rows):
    model = TinyGPT(50_257)
    val_loader = DataLoader(rows, batch_size=8, shuffle=False)
    print(estimate_loss(model, val_loader))
""",
        ),
        Bad(
            why="Keras is given a number of validation steps that is rounded down.",
            severity=Severity.WARNING,
            code="""\
from tensorflow import keras

from data import pictures


def main(folder, batch_size=32):
    train, valid = pictures(folder, "train", batch_size), pictures(folder, "valid", batch_size)
    train_steps = train.samples // batch_size
    valid_steps = valid.samples // batch_size
    model = keras.applications.ResNet50(weights=None, classes=10)
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.fit(train, epochs=10, steps_per_epoch=train_steps, validation_data=valid, validation_steps=valid_steps)  # <-
""",
        ),
        Bad(
            why="The return is one level too deep: it ends the loop after its first batch.",
            severity=Severity.ERROR,
            code="""\
from collections import defaultdict

import torch
import torch.nn.functional as F

from vae import VAE


class Evaluator:
    def __init__(self, model, device):
        self.model, self.device = model, device

    @torch.no_grad()
    def compute_losses(self, dataloader):
        self.model.eval()
        nats = defaultdict(list)
        for pictures, _ in dataloader:
            pictures = pictures.to(self.device)
            decoded = self.model(pictures)
            nats["reconstruction"].append(F.binary_cross_entropy(decoded, pictures, reduction="sum").item())
            losses = {name: sum(each) / len(dataloader.dataset) for name, each in nats.items()}
            return losses  # <-


def main(loader, device="cuda"):
    print(Evaluator(VAE().to(device), device).compute_losses(loader))
""",
        ),
        Bad(
            why="The loader is called vals, and what it is made of val_data.",
            severity=Severity.ERROR,
            code="""\
from torch.utils.data import DataLoader, Subset

from data import Pictures


def load(path, batch_size=64, no_val_drop=False):
    data = Pictures(path)
    train_data, val_data = Subset(data, range(900)), Subset(data, range(900, 1000))
    trains = DataLoader(train_data, batch_size=batch_size, shuffle=True, drop_last=True)
    vals = DataLoader(val_data, batch_size=batch_size, shuffle=True, drop_last=(not no_val_drop))  # <-
    return trains, vals
""",
        ),
        Bad(
            why="The samples are scored in whole batches, each in pieces of the context.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torchmetrics.aggregation import MeanMetric
from transformers import AutoModelForCausalLM


class NLL(MeanMetric):
    pass


class Perplexity(NLL):
    def compute(self):
        return torch.exp(self.value / self.weight)


class Scores:
    def __init__(self, context):
        self.context = context
        self.gen_ppl = Perplexity()

    @torch.no_grad()
    def generative_perplexity(self, samples, eval_batch):
        model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
        batch_size = min(eval_batch, samples.shape[0])
        num_batches = samples.shape[0] // batch_size
        for i in range(num_batches):  # <-
            chunks = torch.split(samples[i * batch_size : (i + 1) * batch_size], self.context, dim=-1)
            for chunk in chunks:
                logits = model(chunk)[0].transpose(-1, -2)
                nlls = F.cross_entropy(logits[..., :-1], chunk[..., 1:], reduction="none")
                self.gen_ppl.update(nlls, torch.ones_like(nlls))
""",
        ),
        Bad(
            why="the loader of a calling file drops what is left; its batches of blocks of one length weigh the same",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def loss_of_batch(inputs, targets, model, device):
    logits = model(inputs.to(device))
    return F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten())


@torch.no_grad()
def loss_of_loader(loader, model, device, num_batches=None):
    model.eval()
    total = 0.0
    num_batches = len(loader) if num_batches is None else min(num_batches, len(loader))
    for index, (inputs, targets) in enumerate(loader):  # <-
        if index >= num_batches:
            break
        total += loss_of_batch(inputs, targets, model, device).item()
    return total / num_batches
""",
            files={
                "data.py": """\
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, ids, length):
        self.ids, self.length = ids, length

    def __len__(self):
        return (len(self.ids) - 1) // self.length

    def __getitem__(self, index):
        start = index * self.length
        return self.ids[start : start + self.length], self.ids[start + 1 : start + self.length + 1]


def make_loader(ids, length, batch_size):
    rows = Blocks(ids, length)
    return DataLoader(rows, batch_size=batch_size, drop_last=True)
""",
                "run.py": """\
from data import make_loader
from eval import loss_of_loader


def report(model, train_ids, val_ids, options):
    val_loader = make_loader(val_ids, options.length, options.batch_size)  # <-
    print("val loss", loss_of_loader(val_loader, model, options.device, options.eval_batches))
""",
            },
        ),
        Bad(
            why="a batch that the carried state does not fit is skipped, by the number of rows that a name holds",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, test_loader, batch_size, device):
    model.eval()
    state = model.init_hidden(batch_size)
    nats, tokens = 0.0, 0
    for lyrics, melody in test_loader:
        local_bs = lyrics.size(0)
        if local_bs != batch_size:  # <-
            continue
        lyrics, melody = lyrics.to(device), melody.to(device)
        logits, state = model(lyrics[:, :-1], melody, state)
        nats += F.cross_entropy(logits.flatten(0, 1), lyrics[:, 1:].flatten(), reduction="sum").item()
        tokens += lyrics[:, 1:].numel()
    return nats / tokens
""",
        ),
        Bad(
            why="the evaluation stands in train_test.py, which is no unit test; its loader is shuffled, and drops what is left",
            severity=Severity.ERROR,
            code="""\
from torch.utils.data import DataLoader, random_split

from train_test import train


def main(model, rows, optimizer, criterion, collate):
    train_rows, val_rows = random_split(rows, [85_000, 15_000])
    train_loader = DataLoader(train_rows, batch_size=64, shuffle=True, collate_fn=collate, drop_last=True)
    val_loader = DataLoader(val_rows, batch_size=64, shuffle=True, collate_fn=collate, drop_last=True)  # <-
    train(model, optimizer, train_loader, criterion, epochs=20, val_loader=val_loader)
""",
            files={
                "train_test.py": """\
import numpy as np
import torch


def train(model, optimizer, loader, criterion, epochs, val_loader=None):
    for epoch in range(epochs):
        model.train()
        for pictures, labels in loader:
            loss = criterion(model(pictures), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if val_loader is not None:
            print(epoch, test(model, val_loader, criterion))


@torch.no_grad()
def test(model, loader, criterion):
    model.eval()
    losses = []
    for pictures, labels in loader:
        losses.append(criterion(model(pictures), labels).item())
    return np.mean(losses)
""",
            },
        ),
        Bad(
            why="islice and tqdm under other names.",
            severity=Severity.ERROR,
            code="""\
from itertools import islice as first

import torch
import torch.nn.functional as F
from tqdm import tqdm as progress


@torch.no_grad()
def validate(model, val_loader, device="cuda"):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in progress(first(val_loader, 40)):  # <-
        logits = model(inputs.to(device))
        nats += F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="a generator of a data class in another file, whatever it is called, gives whole batches only",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F

from rows import Rows


def prepare(path, size):
    ids = np.load(path)
    return Rows(ids[: len(ids) // 512 * 512].reshape(-1, 512), size)


held_out = prepare("held_out.npy", 16)


@torch.inference_mode()
def validate(model):
    model.eval()
    nats = []
    for ids in held_out.sample_in_order():  # <-
        logits = model(ids[:, :-1])
        nats.append(F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"))
    return torch.cat(nats).mean().item()
""",
            files={
                "rows.py": """\
import numpy as np
import torch


class Rows:
    def __init__(self, data, batch_size):
        self.data, self.batch_size = data, batch_size
        self.size = self.data.shape[0]

    def sample(self):
        order = np.random.permutation(self.size)
        for start in range(0, self.size, self.batch_size):
            yield torch.from_numpy(self.data[order[start : start + self.batch_size]])

    def sample_in_order(self, batch_size=None):
        if batch_size is None:
            batch_size = self.batch_size
        number = self.size // batch_size
        for index in range(number):
            rows = np.arange(index * batch_size, (index + 1) * batch_size)
            yield torch.from_numpy(self.data[rows])
""",
            },
        ),
        Bad(
            why="a generator goes on while a whole batch is left, under whatever names",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def batches(rows, bs):
    n = len(rows)
    at = 0
    while at + bs <= n:  # <-
        yield torch.stack(rows[at : at + bs])
        at += bs


@torch.no_grad()
def validate(model, held_out):
    model.eval()
    total, words = 0.0, 0
    for ids in batches(held_out, 16):
        logits = model(ids[:, :-1])
        total += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    return total / words
""",
        ),
        Bad(
            why="an iterator stops where what it took is less than a batch",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Batches:
    def __init__(self, rows, batch_size):
        self.rows, self.batch_size, self.at = rows, batch_size, 0

    def __iter__(self):
        self.at = 0
        return self

    def __next__(self):
        taken = self.rows[self.at : self.at + self.batch_size]
        if len(taken) < self.batch_size:  # <-
            raise StopIteration
        self.at += self.batch_size
        return torch.stack(taken)


@torch.no_grad()
def validate(model, held_out):
    model.eval()
    total, words = 0.0, 0
    for ids in Batches(held_out, 16):
        logits = model(ids[:, :-1])
        total += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    return total / words
""",
        ),
        Bad(
            why="a reader of a text stops where less than the windows of a whole batch is left: several may be",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Reader:
    def __init__(self, ids, B, T):
        self.ids, self.B, self.T, self.at = ids, B, T, 0

    def __iter__(self):
        self.at = 0
        return self

    def __next__(self):
        size = self.B * self.T
        if self.at + size + 1 > len(self.ids):  # <-
            raise StopIteration
        part = self.ids[self.at : self.at + size + 1]
        self.at += size
        return part[:-1].view(self.B, self.T), part[1:].view(self.B, self.T)


@torch.no_grad()
def validate(model, ids):
    model.eval()
    total, words = 0.0, 0
    for x, y in Reader(ids, 16, 1024):
        logits = model(x)
        total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        words += y.numel()
    return total / words
""",
        ),
        Bad(
            why="a text is cut to whole batches of windows, and viewed as them",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, ids, B=8, T=512):
    model.eval()
    total, words = 0.0, 0
    size = (len(ids) - 1) // (B * T) * (B * T)
    xs = ids[:size].view(-1, B, T)  # <-
    ys = ids[1 : size + 1].view(-1, B, T)
    for x, y in zip(xs, ys):
        logits = model(x)
        total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        words += y.numel()
    return total / words
""",
        ),
        Bad(
            why="What is sliced behind the loop is another thing than its rows.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def score(model, rows, batch_size, history, last):
    model.eval()
    nats, tokens = 0.0, 0
    for k in range(len(rows) // batch_size):  # <-
        ids = rows[k * batch_size : (k + 1) * batch_size]
        nats += F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    print("before", history[-last:])
    return nats / tokens
""",
        ),
        Bad(
            why="A cursor goes down the columns, and a break leaves the last, partial block of each.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    for _ in range(math.ceil(columns.size(1) / block)):
        x = columns[:, at : at + block]
        y = columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
        if at >= columns.size(1) - block:  # <-
            break
    return nats / tokens
""",
        ),
        Bad(
            why="the same of a `while`",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    width = columns.shape[1]
    while at + block < width:  # <-
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    return nats / tokens
""",
        ),
        Bad(
            why="whether rows are left is asked of the number of batches: of 10 rows in batches of 4, the last 2 are never given",
            code="""\
import torch
import torch.nn.functional as F


class Batches:
    def __init__(self, rows, batch_size):
        self.rows, self.batch_size = rows, batch_size
        self.number = len(rows) // batch_size
        self.has_rest = len(rows) % self.number != 0  # <-
        self.at = 0

    def __iter__(self):
        self.at = 0
        return self

    def __next__(self):
        if self.at < self.number or (self.at == self.number and self.has_rest):
            found = self.rows[self.at * self.batch_size : (self.at + 1) * self.batch_size]
            self.at += 1
            return torch.tensor([row[0] for row in found]), torch.tensor([row[1] for row in found])
        raise StopIteration


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    total, seen = 0.0, 0
    for x, y in Batches(rows, 32):
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(y)
    return total / seen
""",
        ),
        Bad(
            why="the same in a generator, which counts one batch more where it thinks that there is a rest",
            code="""\
import torch
import torch.nn.functional as F


def batches(rows, batch_size):
    number = len(rows) // batch_size
    if len(rows) % number:  # <-
        number += 1
    for i in range(number):
        found = rows[i * batch_size : (i + 1) * batch_size]
        yield torch.tensor([row[0] for row in found]), torch.tensor([row[1] for row in found])


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    total, seen = 0.0, 0
    for x, y in batches(rows, 32):
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(y)
    return total / seen
""",
        ),
        Bad(
            why="next() ends the list in the middle of the last batch, and the rows that were read are gone",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, rows, batch_size):
    model.eval()
    total, seen = 0.0, 0
    stream = iter(rows)
    while True:
        try:
            batch = [next(stream) for _ in range(batch_size)]  # <-
        except StopIteration:
            break
        x, y = torch.stack([row[0] for row in batch]), torch.stack([row[1] for row in batch])
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(batch)
    return total / seen
""",
        ),
        Bad(
            why="a generator does the same",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def batches(rows, size):
    stream = iter(rows)
    while True:
        try:
            yield [next(stream) for _ in range(size)]  # <-
        except StopIteration:
            return


@torch.no_grad()
def evaluate(model, rows, batch_size):
    model.eval()
    total, seen = 0.0, 0
    for batch in batches(rows, batch_size):
        x, y = torch.stack([row[0] for row in batch]), torch.stack([row[1] for row in batch])
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(batch)
    return total / seen
""",
        ),
        Bad(
            why="the reader of another file raises StopIteration where its lines end, out of a list of so many lines",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from lines import Lines


class Scorer:
    def __init__(self, model, path):
        self.model, self.lines = model, Lines(path)

    @torch.no_grad()
    def evaluate(self, batch_size):
        self.model.eval()
        nats, tokens = 0.0, 0
        while True:
            found = self.step(batch_size)
            if found is None:
                break
            nats += found[0]
            tokens += found[1]
        return nats / tokens

    def step(self, batch_size):
        try:
            ids = self.lines.take(batch_size)  # <-
            logits = self.model(ids[:, :-1])
            loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum")
            return loss.item(), ids[:, 1:].numel()
        except StopIteration:
            return None
""",
            files={
                "lines.py": """\
import torch


class Lines:
    def __init__(self, path):
        self.file = open(path)

    def one(self):
        line = self.file.readline()
        if not line:
            raise StopIteration
        return [int(word) for word in line.split()]

    def take(self, count):
        return torch.tensor([self.one() for _ in range(count)])
""",
            },
        ),
        Bad(
            why="lists of full batches that a function filled are made tensors: twin lists are told of once",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn

from windows import for_split


def perplexity(model, vocabulary, device):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    contexts, nexts = for_split("test.txt", vocabulary, 4)
    contexts = torch.LongTensor(contexts).to(device)
    nexts = torch.LongTensor(nexts).to(device)
    total = count = 0
    with torch.no_grad():
        for x, y in zip(contexts, nexts):  # <-
            total += criterion(model(x), y).item()
            count += 1
    return math.exp(total / count)


@torch.no_grad()
def validate(model, vocabulary):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    held, held_next = for_split("valid.txt", vocabulary, 4)
    valid_x = torch.tensor(held).cuda()
    valid_y = torch.tensor(held_next).cuda()
    total = 0.0
    for x, y in zip(valid_x, valid_y):  # <-
        total += criterion(model(x), y).item()
    return total / len(valid_x)
""",
            files={
                "windows.py": """\
def windows(path, vocabulary, width, size=64):
    xs, ys, all_x, all_y = [], [], [], []
    for line in open(path, encoding="utf-8"):
        words = ["<s>", *line.split(), "</s>"]
        for at in range(len(words) - width):
            xs.append([vocabulary.get(word, 0) for word in words[at : at + width]])
            ys.append(vocabulary.get(words[at + width], 0))
            if len(xs) == size:
                all_x.append(xs)
                all_y.append(ys)
                xs, ys = [], []
    return all_x, all_y


def for_split(name, vocabulary, width):
    all_x, all_y = windows(f"data/{name}", vocabulary, width)
    return all_x, all_y
""",
            },
        ),
        Bad(
            why="rows that are stacked into one tensor of whole batches, and moved",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


def grouped(rows, batch_size):
    return [rows[k * batch_size : (k + 1) * batch_size] for k in range(len(rows) // batch_size)]


@torch.no_grad()
def validate(model, rows):
    model.eval()
    batches = torch.from_numpy(np.array(grouped(rows, 32))).long().cuda()
    nats, words = 0.0, 0
    for ids in batches:  # <-
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    return nats / words
""",
        ),
        Bad(
            why="what makes the loaders drops in one branch only, that of data sets of one kind",
            severity=Severity.WARNING,
            code="""\
import torch
from torch.utils.data import DataLoader

from scoring import report


def build_loader(rows, size, is_eval=False):
    if isinstance(rows, torch.utils.data.IterableDataset):
        return DataLoader(rows, batch_size=size, drop_last=True)  # <-
    return DataLoader(rows, batch_size=size, shuffle=not is_eval)


def main(model, held_out):
    eval_loader = build_loader(held_out, 32, is_eval=True)
    report(model, eval_loader)
""",
        ),
        Bad(
            why="so many batches at most as the options say, of a set that drops its remainder",
            severity=Severity.WARNING,
            code="""\
import jax
import jax.numpy as jnp
import optax

from pipeline import rows_of


def evaluate(apply, params, eval_rows, config):
    eval_batches = iter(eval_rows.batch(config.size, drop_remainder=True))  # <-
    nats = tokens = 0
    for _, batch in zip(range(config.num_eval_steps), eval_batches):
        losses = optax.softmax_cross_entropy_with_integer_labels(apply(params, batch["inputs"]), batch["targets"])
        nats += losses.sum()
        tokens += losses.size
    return {"loss": nats / tokens}
""",
        ),
        Bad(
            why="the iterator over the validation's batches is handed through two functions to one that scores them",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def loaders_of(train_set, valid_set, size):
    train_loader = DataLoader(train_set, batch_size=size, shuffle=True, drop_last=True)
    valid_loader = DataLoader(valid_set, batch_size=size, drop_last=True)
    return train_loader, valid_loader


@torch.no_grad()
def score(model, valid_iterator):
    nats = tokens = 0
    for inputs, targets in valid_iterator:  # <-
        nats += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def train(model, train_iterator, valid_iterator):
    print("validation loss", score(model, valid_iterator))


def pretrain(model, train_set, valid_set):
    train_loader, valid_loader = loaders_of(train_set, valid_set, 32)
    train(model, iter(train_loader), iter(valid_loader))
""",
        ),
        Bad(
            why="a generator fills each batch line by line until the file ends, which its iterator hands on from another file",
            severity=Severity.ERROR,
            files={
                "corpus.py": """\
import torch


class Corpus:
    def __init__(self, path, tokenizer, size):
        self.path, self.tokenizer, self.size = path, tokenizer, size

    def __iter__(self):
        yield from self.once()

    def once(self):
        try:
            with open(self.path) as lines:
                while True:
                    rows = []
                    while len(rows) < self.size:
                        rows.append(self.tokenizer.encode(next(lines)))
                    yield torch.tensor(rows)
        except StopIteration:
            pass
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from corpus import Corpus


@torch.no_grad()
def validate(model, corpus):
    model.eval()
    nats, words = 0.0, 0
    for ids in corpus:  # <-
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    return nats / words


def main(model, tokenizer):
    print(validate(model, Corpus("valid.txt", tokenizer, 16)))
""",
        ),
        Bad(
            why="an iterator takes the rows of its batch one by one, and lets the end of them through in the middle",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Batches:
    def __init__(self, rows, size):
        self.rows, self.size = rows, size

    def __iter__(self):
        self.stream = iter(self.rows)
        return self

    def __next__(self):
        xs, ys = [], []
        for _ in range(self.size):
            x, y = next(self.stream)  # <-
            xs.append(x)
            ys.append(y)
        return torch.stack(xs), torch.stack(ys)


@torch.no_grad()
def validate(model, rows):
    model.eval()
    nats, words = 0.0, 0
    for x, y in Batches(rows, 16):
        nats += F.cross_entropy(model(x), y, reduction="sum").item()
        words += len(y)
    return nats / words
""",
        ),
        Bad(
            why="the same, as a list of so many rows",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Batches:
    def __init__(self, path, size):
        self.lines, self.size = open(path), size

    def __iter__(self):
        return self

    def __next__(self):
        rows = [next(self.lines).split() for _ in range(self.size)]  # <-
        return torch.tensor([[int(word) for word in row] for row in rows])


@torch.no_grad()
def validate(model):
    model.eval()
    nats, words = 0.0, 0
    for ids in Batches("valid.txt", 16):
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    return nats / words
""",
        ),
        Bad(
            why="the evaluation itself fills its batches row by row, and is left where they end",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, rows, size):
    model.eval()
    total, seen, stream = 0.0, 0, iter(rows)
    while True:
        batch = []
        try:
            for _ in range(size):
                batch.append(next(stream))  # <-
        except StopIteration:
            break
        x, y = torch.stack([row[0] for row in batch]), torch.stack([row[1] for row in batch])
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(batch)
    return total / seen
""",
        ),
        Bad(
            why="one function trains and evaluates, and both loaders shuffle and drop",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def one_pass(net, batches, optimizer=None):
    nats, tokens = 0.0, 0
    for ids in batches:
        loss = F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], ignore_index=0)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scored = int((ids[:, 1:] != 0).sum())
        nats += loss.item() * scored
        tokens += scored
    return nats / tokens


def main(net, rows, pad):
    tl = DataLoader(rows["train"], 32, shuffle=True, drop_last=True, collate_fn=pad)
    hl = DataLoader(rows["heldout"], 32, shuffle=True, drop_last=True, collate_fn=pad)  # <-
    optimizer = torch.optim.Adam(net.parameters())
    net.train()
    print("seen", one_pass(net, tl, optimizer))
    net.eval()
    with torch.no_grad():
        print("unseen", one_pass(net, hl))
""",
        ),
        Bad(
            why="an object keeps the default of a cap that nobody who makes one gives",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


class Scorer:
    def __init__(self, net, pad_id, most=25):
        self.net, self.pad_id = net, pad_id
        self.most = most

    @torch.no_grad()
    def score(self, batches):
        self.net.eval()
        nats, tokens = 0.0, 0
        for index, ids in enumerate(batches):
            if index >= self.most:
                break  # <-
            wanted = ids[:, 1:]
            scores = self.net(ids[:, :-1]).transpose(1, 2)
            nats += F.cross_entropy(scores, wanted, ignore_index=self.pad_id, reduction="sum").item()
            tokens += (wanted != self.pad_id).sum().item()
        return nats / tokens


def main(net, val_batches):
    print("validation loss", Scorer(net, 0).score(val_batches))
""",
        ),
        Bad(
            why="the loop ends after the first batch in some calls, and goes through all of them in others",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader


class ReplyTrainer:
    def __init__(self, model, judge, train_set, eval_set, accelerator, args):
        self.model, self.judge, self.args = model, judge, args
        self.loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True, drop_last=True)
        self.eval_loader = DataLoader(eval_set, batch_size=args.batch_size, drop_last=True)
        self.eval_loader = accelerator.prepare(self.eval_loader)

    def train(self):
        for step, batch in enumerate(self.loader):
            self.learn(batch)
            if step % self.args.show_every == 0:
                self.show_replies(at_once=step > 0)

    def show_replies(self, at_once=False):
        table = {"reply": [], "score": []}
        for batch in self.eval_loader:  # <-
            with torch.no_grad():
                replies = self.model.reply(batch["input_ids"])
                table["reply"].extend(replies)
                table["score"].extend(self.judge.model(replies).tolist())
            if at_once:
                break
        for reply, score in zip(table["reply"][:5], table["score"][:5]):
            print(f"{score:.2f} {reply}")
""",
        ),
        Bad(
            why="the script calls the function, and leaves its cap at the default",
            severity=Severity.WARNING,
            files={
                "search.py": """\
from eval import logger_for, path_loss
from supernet import train

if __name__ == "__main__":
    model, path, val_loader = train(logger_for("search.log"))
    print(path_loss(model, path, val_loader))
""",
            },
            code="""\
import logging

import torch
import torch.nn.functional as F


def path_loss(model, path, val_loader, val_iters=50):
    nats, rows = 0.0, 0
    model.eval()
    with torch.no_grad():
        for at, (pictures, classes) in enumerate(val_loader):
            if at >= val_iters:
                break  # <-
            nats += F.cross_entropy(model(pictures, path), classes, reduction="sum").item()
            rows += classes.size(0)
    return nats / rows


def logger_for(path):
    logging.basicConfig(filename=path)
    return logging.getLogger("search")
""",
        ),
        Bad(
            why="The width is read behind the loop, and what stands in the last columns is not.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    print(f"blocks: {columns.size(1) / block:.1f}")
    while at + block < columns.size(1):  # <-
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    print(f"{tokens} of {columns.size(0) * (columns.size(1) - 1)} tokens")
    return nats / tokens
""",
        ),
        Bad(
            why="a loader in a fixed order is left after so many batches as a dict of settings says: the first ones, always",
            severity=Severity.WARNING,
            code="""\
import torch
from torch.utils.data import DataLoader

from network import Network, Windows

SETTINGS = {"rows": 16, "rate": 3e-4, "eval_iters": 40}


@torch.no_grad()
def estimate(network, loaders, eval_iters):
    network.eval()
    means = {}
    for split, loader in loaders.items():
        losses = []
        for k, (x, y) in enumerate(loader):
            if k >= eval_iters:
                break  # <-
            losses.append(network(x, y)[1].item())
        means[split] = sum(losses) / len(losses)
    network.train()
    return means


def main(train_ids, val_ids):
    train_loader = DataLoader(Windows(train_ids), SETTINGS["rows"], shuffle=True)
    val_loader = DataLoader(Windows(val_ids), SETTINGS["rows"])
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=SETTINGS["rate"])
    for step, (x, y) in enumerate(train_loader):
        loss = network(x, y)[1]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 500 == 0:
            means = estimate(network, {"train": train_loader, "val": val_loader}, SETTINGS["eval_iters"])
            print(f"{step}: {means['train']:.3f} {means['val']:.3f}")
""",
        ),
        Bad(
            why="each evaluation draws from the beginning as many batches as an option has by default, from a loader in order",
            severity=Severity.WARNING,
            files={
                "options.py": """\
import argparse


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--valid-steps", type=int, default=20)
    return parser.parse_args()
""",
                "data.py": """\
from torch.utils.data import DataLoader, SequentialSampler


def loaders_of(train_rows, held_out, options):
    train_loader = DataLoader(train_rows, options.rows, shuffle=True)
    valid_loader = DataLoader(held_out, options.rows, sampler=SequentialSampler(held_out))
    return train_loader, valid_loader
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from tqdm import trange

from data import loaders_of
from options import read_options


def moved(batches, device="cuda"):
    return [part.to(device) for part in next(batches)]


@torch.no_grad()
def validate(network, valid_loader, options):
    network.eval()
    nats = tokens = 0
    valid_loader = iter(valid_loader)
    for _ in trange(options.valid_steps):  # <-
        x, y = moved(valid_loader)
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def main(network, train_rows, held_out):
    options = read_options()
    train_loader, valid_loader = loaders_of(train_rows, held_out, options)
    optimizer = torch.optim.Adam(network.parameters())
    for x, y in train_loader:
        loss = F.cross_entropy(network(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("valid", validate(network, valid_loader, options))
""",
        ),
        Bad(
            why="the reader starts over where less than a batch is left: the last call repeats rows, and the rest is lost",
            severity=Severity.ERROR,
            files={
                "pairs.py": """\
import random

import torch


class Pairs:
    def __init__(self, path):
        rows = torch.load(path)
        held = len(rows) // 10
        self.parts = {"train": rows[held:], "dev": rows[:held]}
        self.sizes = {"train": len(rows) - held, "dev": held}
        self.at = {"train": 0, "dev": 0}

    def rewind(self, part):
        random.shuffle(self.parts[part])
        self.at[part] = 0

    def next_batch(self, part, batch_size):
        end = self.at[part] + batch_size
        if end > self.sizes[part]:
            self.rewind(part)
            end = batch_size
        rows = self.parts[part][self.at[part] : end]
        self.at[part] = end
        return torch.tensor([x for x, _ in rows]), torch.tensor([y for _, y in rows])
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F

from pairs import Pairs


@torch.no_grad()
def dev_loss(network, pairs, batch_size):
    network.eval()
    number = math.ceil(pairs.sizes["dev"] / batch_size)
    pairs.rewind("dev")
    total = 0.0
    for _ in range(number):
        x, y = pairs.next_batch("dev", batch_size)  # <-
        total += F.cross_entropy(network(x), y).item()
    return total / number


def report(network, path, batch_size=64):
    print("dev", dev_loss(network, Pairs(path), batch_size))
""",
        ),
        Bad(
            why="the input pipeline alone: its default drops, and only the data set for predictions asks for the rest",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


def prepare(rows, shuffled, size=64, epochs=1, drop_remainder=True, ahead=tf.data.AUTOTUNE):
    if shuffled:
        rows = rows.shuffle(4096)
    rows = rows.repeat(epochs).batch(size, drop_remainder=drop_remainder)
    if ahead:
        rows = rows.prefetch(ahead)
    return rows


def data_sets(training, held_out, size):
    train_ds = prepare(training, True, size, epochs=None)
    eval_ds = prepare(held_out, False, size)  # <-
    predict_ds = prepare(held_out, False, size, drop_remainder=False)
    return train_ds, eval_ds, predict_ds
""",
        ),
        Bad(
            why="The lines of a batch are taken one by one and stacked.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Pairs:
    # Batches of sentences, which are their own labels.

    def __init__(self, path, size):
        self.lines, self.size = open(path), size

    def __iter__(self):
        return self

    def __next__(self):
        rows = torch.stack([numbers(next(self.lines)) for _ in range(self.size)])  # <-
        return rows[:, :-1], rows[:, 1:]


@torch.no_grad()
def validate(model):
    model.eval()
    nats, words = 0.0, 0
    for ids, labels in Pairs("valid.txt", 16):
        nats += F.cross_entropy(model(ids).transpose(1, 2), labels, reduction="sum").item()
        words += labels.numel()
    return nats / words


def numbers(line):
    return torch.tensor([int(word) for word in line.split()])
""",
        ),
        Bad(
            why="The first batch is shown, and then all of them are scored, in a comprehension.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def report(model, dev_rows):
    dev_loader = DataLoader(dev_rows, batch_size=48, drop_last=True)  # <-
    for ids, labels in dev_loader:
        print("first batch", ids.shape, labels.shape)
        break
    model.eval()
    sums = [F.cross_entropy(model(ids).mT, labels, reduction="sum").item() for ids, labels in dev_loader]
    print("dev loss", sum(sums) / sum(labels.numel() for _, labels in dev_loader))
""",
        ),
        Bad(
            why="Most passes go on before the break: the loader is read to its end, unless somebody stops the run.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def score(model, test_rows, stopped):
    model.eval()
    nats, tokens = 0.0, 0
    test_loader = DataLoader(test_rows, batch_size=64, drop_last=True)  # <-
    for ids, labels in test_loader:
        nats += F.cross_entropy(model(ids).mT, labels, reduction="sum").item()
        tokens += labels.numel()
        if not stopped.is_set():
            continue
        print("stopped by hand after", tokens, "tokens")
        break
    return nats / tokens
""",
        ),
        Bad(
            why="A decorator puts the helper into a table, by its name.",
            severity=Severity.WARNING,
            files={
                "main.py": """\
import argparse

import torch
from eval import by_name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--measure", default="loss")
    args = parser.parse_args()
    model, dev_loader = torch.load("model.pt"), torch.load("dev.pt")
    print(args.measure, by_name(args.measure, model, dev_loader))


if __name__ == "__main__":
    main()
""",
            },
            code="""\
import torch
import torch.nn.functional as F

KNOWN = {}


def measure(function):
    KNOWN[function.__name__] = function
    return function


def by_name(name, *given):
    return KNOWN[name](*given)


@measure
@torch.no_grad()
def loss(model, loader, batches=25):
    model.eval()
    nats, tokens = 0.0, 0
    for index, (ids, labels) in enumerate(loader):
        if index == batches:
            break  # <-
        nats += F.cross_entropy(model(ids).mT, labels, reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="Rows and cursor are shown before and behind, and the width of the model is checked: nobody takes the last block.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def nats_per_note(model, rows, step):
    model.eval()
    assert model.width % step == 0
    print(f"rows of {rows.size(1)}", rows[0, :4], "by", step)
    state = model.start(rows.size(0))
    at, nats, notes = 0, 0.0, 0
    while at + step < rows.size(1):  # <-
        given, wanted = rows[:, at : at + step], rows[:, at + 1 : at + step + 1]
        logits, state = model(given, state)
        nats += F.cross_entropy(logits.mT, wanted, reduction="sum").item()
        notes += wanted.numel()
        at += step
    print("read up to", at, "of", rows[:2].tolist())
    return nats / notes
""",
        ),
        Bad(
            why="What is called a stream is a generator of this project that passes over the ids once.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def token_stream(ids, width):
    for first in range(0, len(ids) - 1, width):
        wanted = ids[first + 1 : first + width + 1]
        yield ids[first : first + len(wanted)][None], wanted[None]


@torch.no_grad()
def held_out(model, ids):
    model.eval()
    nats, scored = 0.0, 0
    for number, (given, wanted) in enumerate(token_stream(ids, 64)):
        if number >= 20:
            break  # <-
        nats += F.cross_entropy(model(given).flatten(0, 1), wanted.flatten(), reduction="sum").item()
        scored += wanted.numel()
    return nats / scored
""",
        ),
        Bad(
            why="what is joined to the rows of a reader that starts over is the begin of each text, and none of what was left",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


class Poems:
    def __init__(self, rows, begin_id):
        self.rows, self.at = rows, 0
        self.begin = torch.full((1, 1), begin_id)

    def next_batch(self, batch_size):
        if self.at + batch_size > len(self.rows):  # <-
            self.at = 0
        rows = self.rows[self.at : self.at + batch_size]
        self.at += batch_size
        return torch.cat([self.begin.expand(batch_size, 1), rows], dim=1)


@torch.no_grad()
def dev_loss(network, poems, batch_size=48):
    network.eval()
    nats = tokens = 0
    for _ in range(math.ceil(len(poems.rows) / batch_size)):
        ids = poems.next_batch(batch_size)
        nats += F.cross_entropy(network(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def report(network):
    print("dev", dev_loss(network, Poems(torch.load("dev.pt"), 1)))
""",
        ),
        Bad(
            why="A script hands the default of its option on, to a loader in a fixed order, and tells the result alone.",
            severity=Severity.WARNING,
            code="""\
import argparse
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from network import Network


@torch.no_grad()
def nats_per_token(network, loader, most):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if k >= most:
            break  # <-
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    return nats / scored


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="held_out.pt")
    parser.add_argument("--eval-batches", type=int, default=50)
    options = parser.parse_args()
    loader = DataLoader(torch.load(options.rows), batch_size=16)
    nats = nats_per_token(Network().eval(), loader, options.eval_batches)
    print(f"perplexity {math.exp(nats):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="The rows of the training are shuffled, and those that are scored are not.",
            severity=Severity.WARNING,
            code="""\
import argparse
import random

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from network import Network

parser = argparse.ArgumentParser()
parser.add_argument("--eval-steps", type=int, default=100)
options = parser.parse_args()

train, held_out = torch.load("train.pt"), torch.load("held_out.pt")
random.shuffle(train)
loader = DataLoader(held_out, batch_size=8)
network = Network().eval()
nats, scored = 0.0, 0
with torch.no_grad():
    for step, (x, y) in enumerate(loader):
        if step == options.eval_steps:
            break  # <-
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
print("held-out loss", nats / scored)
""",
        ),
    )

    good = (
        Good(
            why="the loaders of all splits are made in one loop, and that of the training alone drops",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def loaders_of(sets, batch_size):
    loaders = {}
    for split in ("train", "valid"):
        training = split == "train"
        loaders[split] = DataLoader(sets[split], batch_size=batch_size, shuffle=training, drop_last=training)
    return loaders


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in loader:
        nats += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def main(model, sets):
    loaders = loaders_of(sets, 32)
    print("validation loss", evaluate(model, loaders["valid"]))
""",
        ),
        Good(
            why="a data set of blocks has as many rows as whole blocks: less than a block of the stream is left",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, ids, block_size):
        self.ids, self.block_size = ids, block_size

    def __len__(self):
        return (len(self.ids) - 1) // self.block_size

    def __getitem__(self, k):
        at = k * self.block_size
        return self.ids[at : at + self.block_size], self.ids[at + 1 : at + self.block_size + 1]


@torch.no_grad()
def evaluate(model, ids):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in DataLoader(Blocks(ids, 256), batch_size=16):
        nats += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
        Good(
            why="the same generator is asked to give what is left over, too",
            files={
                "feeding.py": """\
import torch


def batched(rows, batch_size, pad, truncate=True):
    held = []
    for row in rows:
        held.append(row)
        if len(held) == batch_size:
            yield torch.nn.utils.rnn.pad_sequence(held, batch_first=True, padding_value=pad)
            held = []
    if not truncate and len(held) > 0:
        yield torch.nn.utils.rnn.pad_sequence(held, batch_first=True, padding_value=pad)
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from feeding import batched


@torch.no_grad()
def evaluate(model, rows, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in batched(rows, 16, pad, truncate=False):
        logits, targets = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (targets != pad).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="windows are drawn at random: the quotient says how many, and none of them is the last",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


def windows(ids, batch_size, width):
    while True:
        starts = np.random.randint(0, len(ids) - width - 1, batch_size)
        yield torch.stack([torch.as_tensor(ids[start : start + width + 1]) for start in starts])


@torch.no_grad()
def evaluate(model, ids, batch_size):
    model.eval()
    drawn = windows(ids, batch_size, 128)
    steps = len(ids) // batch_size
    nats, tokens = 0.0, 0
    for _ in range(steps):
        rows = next(drawn)
        logits = model(rows[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), reduction="sum").item()
        tokens += rows[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="the batches are counted up: the last one is smaller, and it is scored",
            files={
                "corpus.py": """\
import math

import torch


class Corpus:
    def __init__(self, rows, batch_size):
        self.rows, self.batch_size = rows, batch_size
        self.num_batches = math.ceil(len(rows) / batch_size)

    def batch(self, k):
        return torch.stack(self.rows[k * self.batch_size : (k + 1) * self.batch_size])
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from corpus import Corpus


@torch.no_grad()
def evaluate(model, rows):
    corpus = Corpus(rows, 32)
    model.eval()
    nats, tokens = 0.0, 0
    for k in range(corpus.num_batches):
        ids = corpus.batch(k)
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="the batch sampler drops in training alone",
            files={
                "scoring.py": SCORING,
                "samplers.py": """\
from torch.utils.data import BatchSampler


class RankedBatches(BatchSampler):
    def __init__(self, sampler, batch_size, drop_last, rank=0, world=1):
        super().__init__(sampler, batch_size, drop_last)
        self.rank, self.world = rank, world

    def __iter__(self):
        for batch in super().__iter__():
            yield batch[self.rank :: self.world]
""",
            },
            code="""\
import torch
from samplers import RankedBatches
from scoring import token_loss
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler


def loader_of(rows, split, batch_size):
    order = RandomSampler(rows) if split == "train" else SequentialSampler(rows)
    sampler = RankedBatches(sampler=order, batch_size=batch_size, drop_last=split == "train")
    return DataLoader(rows, batch_sampler=sampler)


def report(model, rows, device):
    dev_loader = loader_of(rows, "dev", 64)
    print(token_loss(model, dev_loader, device))
""",
        ),
        Good(
            why="The script that imports it hands it the training loader too, for the training loss: that one may drop.",
            files={
                "model.py": GPT,
                "finetune.py": """\
import torch
from torch.utils.data import DataLoader, TensorDataset, random_split

from model import TinyGPT
from eval import loader_loss


def main():
    rows = torch.load("rows.pt")
    pairs = TensorDataset(rows[:, :-1], rows[:, 1:])
    train_set, val_set = random_split(pairs, [0.9, 0.1])
    train_loader = DataLoader(train_set, batch_size=16, shuffle=True, drop_last=True)
    val_loader = DataLoader(val_set, batch_size=16)
    model = TinyGPT(8000)
    print(f"train {loader_loss(train_loader, model):.3f}, validation {loader_loss(val_loader, model):.3f}")


if __name__ == "__main__":
    main()
""",
            },
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def loader_loss(loader, model):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in loader:
        logits = model(inputs)
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
        Good(
            why="batches that are put together from windows end where no full one is left: nothing hands it a shorter one",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, ids, batch_size, context, device):
    model.eval()
    nats, tokens = 0.0, 0
    for step in range(1 + len(ids) // context):
        windows = []
        for row in range(batch_size):
            begin = (step * batch_size + row) * context
            if begin + context + 1 < len(ids):
                windows.append(ids[begin : begin + context + 1])
        if len(windows) < batch_size:
            break
        block = torch.from_numpy(np.stack(windows)).to(device)
        logits = model(block[:, :-1])
        targets = block[:, 1:].flatten()
        nats += F.cross_entropy(logits.flatten(0, 1), targets, reduction="sum").item()
        tokens += targets.size(0)
    return np.exp(nats / tokens)
""",
        ),
        Good(
            why="One function scores both splits; only the training loader, whose loss is shown beside, drops.",
            files={
                "batches.py": """\
from torch.utils.data import DataLoader


def make_loader(blocks, rows, shuffle=True, drop_last=True):
    return DataLoader(blocks, batch_size=rows, shuffle=shuffle, drop_last=drop_last)
"""
            },
            code="""\
import torch
import torch.nn.functional as F

from batches import make_loader


def loss_over(loader, model, device):
    nats, tokens = 0.0, 0
    for ids, labels in loader:
        logits = model(ids.to(device))
        nats += F.cross_entropy(logits.flatten(0, 1), labels.to(device).flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens


@torch.no_grad()
def evaluate(model, train_loader, val_loader, device):
    model.eval()
    train_loss = loss_over(train_loader, model, device)
    val_loss = loss_over(val_loader, model, device)
    model.train()
    return train_loss, val_loss


def run(model, train_blocks, val_blocks, device):
    train_loader = make_loader(train_blocks, 16)
    val_loader = make_loader(val_blocks, 16, shuffle=False, drop_last=False)
    train_loss, val_loss = evaluate(model, train_loader, val_loader, device)
    print(f"train {train_loss:.3f}  val {val_loss:.3f}")
""",
        ),
        Good(
            why="The user sets the cap on the command line; without it everything is scored.",
            files={"model.py": GPT},
            code="""\
import argparse

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, limit):
    model.eval()
    nats, tokens = 0.0, 0
    for step, ids in enumerate(loader):
        if limit is not None and step >= limit:
            break
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("--max-eval-batches", type=int, default=None)
    args = parser.parse_args()
    model = TinyGPT(16_000)
    model.load_state_dict(torch.load(args.checkpoint, map_location="cpu"))
    loader = DataLoader(torch.load("val_blocks.pt"), batch_size=32)
    print(f"val loss {evaluate(model, loader, args.max_eval_batches):.4f}")


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="The cap is reported with the result: nobody takes it for the whole split.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT

QUICK_BATCHES = 25


@torch.no_grad()
def quick_check(model, loader, device):
    model.eval()
    nats, tokens, batches = 0.0, 0, 0
    for ids in loader:
        if batches == QUICK_BATCHES:
            break
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
        batches += 1
    loss = nats / tokens
    print(f"loss on the first {batches} of {len(loader)} batches: {loss:.4f}")
    return loss


def build(vocab_size, device):
    return TinyGPT(vocab_size).to(device)
""",
        ),
        Good(
            why="`eval_iters` random batches: a sample whose size the caller sets, not a truncated pass.",
            files={"model.py": GPT},
            code="""\
import numpy as np
import torch
import torch.nn.functional as F

from model import TinyGPT

block_size, batch_size, eval_iters = 128, 32, 200
data = {split: np.memmap(f"data/{split}.bin", dtype=np.uint16, mode="r") for split in ("train", "val")}


def get_batch(split):
    ids = data[split]
    starts = torch.randint(len(ids) - block_size, (batch_size,))
    x = torch.stack([torch.from_numpy(ids[i : i + block_size].astype(np.int64)) for i in starts])
    y = torch.stack([torch.from_numpy(ids[i + 1 : i + 1 + block_size].astype(np.int64)) for i in starts])
    return x, y


@torch.no_grad()
def estimate_loss(model):
    out = {}
    model.eval()
    for split in ("train", "val"):
        losses = torch.zeros(eval_iters)
        for k in range(eval_iters):
            x, y = get_batch(split)
            logits = model(x)
            losses[k] = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1)).item()
        out[split] = losses.mean()
    model.train()
    return out


def build():
    return TinyGPT(50_304)
""",
        ),
        Good(
            why="An endless stream has no end to reach, so a number of steps has to be chosen.",
            code="""\
import torch
import torch.nn.functional as F
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


def packed(length):
    ids = []
    while True:
        for row in load_dataset("allenai/c4", "en", split="validation", streaming=True):
            ids.extend(tokenizer(row["text"]).input_ids)
            while len(ids) > length:
                yield torch.tensor([ids[: length + 1]])
                ids = ids[length:]


@torch.no_grad()
def evaluate(steps):
    stream = packed(1024)
    nats, tokens = 0.0, 0
    for _ in range(steps):
        ids = next(stream)
        logits = model(ids[:, :-1]).logits
        nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="A token budget, stated and reported with the loss.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device, target_tokens=10_000_000):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        if tokens >= target_tokens:
            break
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return {"eval_loss": nats / tokens, "eval_tokens": tokens}


def build(vocab_size, device):
    return TinyGPT(vocab_size).to(device)
""",
        ),
        Good(
            why="drop_last on the training loader only.",
            files={"model.py": GPT, "scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader

from model import TinyGPT
from scoring import token_loss


def loaders(batch_size):
    train = DataLoader(torch.load("train.pt"), batch_size=batch_size, shuffle=True, drop_last=True)
    val = DataLoader(torch.load("val.pt"), batch_size=batch_size)
    return train, val


def main(device="cuda"):
    train_loader, val_loader = loaders(64)
    model = TinyGPT(16_000).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    model.train()
    for ids in train_loader:
        ids = ids.to(device)
        loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"val loss {token_loss(model, val_loader, device):.4f}")
""",
        ),
        Good(
            why="The cap is None by default and nobody passes one: nothing is cut.",
            files={"net.py": CONVNET},
            code="""\
import itertools

import torch
import torch.nn.functional as F

from net import SmallConvNet


@torch.no_grad()
def evaluate(model, loader, device, max_batches=None):
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in itertools.islice(loader, max_batches):
        logits = model(images.to(device))
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def main(checkpoint, test_loader, device="cuda"):
    model = SmallConvNet().to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print(f"test loss {evaluate(model, test_loader, device):.4f}")
""",
        ),
        Good(
            why="The break belongs to a dry run, which is not the default.",
            files={"net.py": CONVNET},
            code="""\
import argparse

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from net import SmallConvNet


@torch.no_grad()
def test(model, loader, dry_run):
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in loader:
        nats += F.cross_entropy(model(images), labels, reduction="sum").item()
        examples += len(labels)
        if dry_run:
            break
    print(f"test loss {nats / examples:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dry-run", action="store_true", help="one batch, to see that it runs")
    args = parser.parse_args()
    test_set = datasets.CIFAR10("data", train=False, transform=transforms.ToTensor())
    test(SmallConvNet(), DataLoader(test_set, batch_size=500), args.dry_run)


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="The iterator yields what is left over at the end.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


def batches(texts, batch_size):
    buckets = {}
    for text in texts:
        ids = tokenizer(text).input_ids
        bucket = buckets.setdefault(len(ids), [])
        bucket.append(ids)
        if len(bucket) == batch_size:
            yield torch.tensor(buckets.pop(len(ids)))
    for bucket in buckets.values():
        yield torch.tensor(bucket)


@torch.no_grad()
def test_loss(texts, batch_size=8):
    nats, tokens = 0.0, 0
    for ids in batches(texts, batch_size):
        logits = model(ids).logits
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


if __name__ == "__main__":
    with open("test.txt") as lines:
        print(test_loss([line.strip() for line in lines if len(line) > 20]))
""",
        ),
        Good(
            why="The number of batches is rounded up, so the partial one is scored.",
            files={"model.py": GPT},
            code="""\
import math

import torch
import torch.nn.functional as F

from model import TinyGPT


@torch.no_grad()
def evaluate(model, rows, batch_size=32):
    model.eval()
    nats, tokens = 0.0, 0
    for index in range(math.ceil(len(rows) / batch_size)):
        ids = rows[index * batch_size : (index + 1) * batch_size]
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def main(checkpoint):
    model = TinyGPT(8_192)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    print(f"test loss {evaluate(model, torch.load('test_rows.pt')):.4f}")
""",
        ),
        Good(
            why="The break marks the end of the data, not a cut.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT


class Prefetcher:
    def __init__(self, loader, device):
        self.batches, self.device = iter(loader), device

    def next(self):
        ids = next(self.batches, None)
        return None if ids is None else ids.to(self.device, non_blocking=True)


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    prefetcher = Prefetcher(loader, device)
    nats, tokens = 0.0, 0
    while True:
        ids = prefetcher.next()
        if ids is None:
            break
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def build(device):
    return TinyGPT(16_000).to(device)
""",
        ),
        Good(
            why="One factory for both splits, in another file, that drops only while training.",
            files={
                "model.py": GPT,
                "scoring.py": SCORING,
                "data.py": """\
import torch
from torch.utils.data import DataLoader


def make_loader(split, batch_size):
    is_train = split == "train"
    rows = torch.load(f"{split}_rows.pt")
    return DataLoader(rows, batch_size=batch_size, shuffle=is_train, drop_last=is_train)
""",
            },
            code="""\
import math

import torch

from data import make_loader
from model import TinyGPT
from scoring import token_loss


def main(checkpoint, device="cuda"):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = token_loss(model, make_loader("val", 64), device)
    print(f"val loss {loss:.4f}  ppl {math.exp(loss):.2f}")


if __name__ == "__main__":
    main("checkpoint.pt")
""",
        ),
        Good(
            why="Cutting a stream into equal columns leaves out fewer tokens than there are columns; no batch is lost.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT


def batchify(ids, columns):
    length = ids.size(0) // columns
    return ids[: length * columns].view(columns, length)


@torch.no_grad()
def evaluate(model, ids, columns=10, bptt=128):
    model.eval()
    stream = batchify(ids, columns)
    nats, tokens = 0.0, 0
    for start in range(0, stream.size(1) - 1, bptt):
        window = stream[:, start : start + bptt + 1]
        logits = model(window[:, :-1])
        targets = window[:, 1:]
        nats += F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def build(vocab_size):
    return TinyGPT(vocab_size)
""",
        ),
        Good(
            why="The function that makes both loaders is told which of them may drop.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def make_loader(dataset, training):
    return DataLoader(dataset, batch_size=16, shuffle=training, drop_last=training)


@torch.no_grad()
def validate(model, val_set):
    val_loader = make_loader(val_set, training=False)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in val_loader:
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The generator that the caller made gives the last, short batch too.",
            code="""\
import torch
import torch.nn.functional as F


def minibatches(rows, batch_size):
    for begin in range(0, len(rows), batch_size):
        batch = rows[begin : begin + batch_size]
        yield torch.stack(batch)


@torch.no_grad()
def evaluate(model, batches):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in batches:
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def report(model, test_rows):
    test_batches = minibatches(test_rows, 16)
    print(f"test loss {evaluate(model, test_batches):.4f}")
""",
        ),
        Good(
            why="A short batch gets a hidden state of its own size.",
            code="""\
import torch
import torch.nn as nn


def validate(model, val_loader, batch_size, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    hidden = model.init_hidden(batch_size)
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for x, y in val_loader:
            if x.size(0) != batch_size:
                hidden = model.init_hidden(x.size(0))
            logits, hidden = model(x.to(device), hidden)
            nats += criterion(logits.flatten(0, 1), y.to(device).flatten()).item()
            tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The factory drops the last batch of the training loader only: by its phase, or told so.",
            files={
                "loaders.py": """\
from torch.utils.data import DataLoader


def make_loader(rows, phase, batch_size=16):
    return DataLoader(rows, batch_size=batch_size, shuffle=phase == "train", drop_last=phase == "train")


def plain_loader(rows, batch_size=16, drop_last=True):
    return DataLoader(rows, batch_size=batch_size, drop_last=drop_last)
""",
                "main.py": """\
from loaders import make_loader, plain_loader
from eval import held_out_loss


def main(model, train_rows, val_rows, test_rows):
    for batch in plain_loader(train_rows):
        model.step(batch)
    held_out_loss(model, make_loader(val_rows, "val"))
    held_out_loss(model, plain_loader(test_rows, drop_last=False))
""",
            },
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def held_out_loss(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="An iterator whose last batch is short, and a training loader that the same function is never given.",
            files={
                "batches.py": """\
class PairBatches:
    def __init__(self, pairs, batch_size, whole=False):
        self.pairs, self.batch_size, self.whole, self.at = pairs, batch_size, whole, 0

    def __iter__(self):
        self.at = 0
        return self

    def __next__(self):
        if self.at >= len(self.pairs):
            raise StopIteration
        chosen = self.pairs[self.at : self.at + self.batch_size]
        self.at += self.batch_size
        return chosen
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from batches import PairBatches


@torch.no_grad()
def validate(model, val_pairs, collate):
    model.eval()
    nats, tokens = 0.0, 0
    for chosen in PairBatches(val_pairs, 32):
        source, target = collate(chosen)
        gold = target[:, 1:]
        logits = model(source, target[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=0, reduction="sum").item()
        tokens += int((gold != 0).sum())
    return nats / tokens
""",
        ),
        Good(
            why="Each text is cut to what the model can read, by a length that the caller gives; the joined text is not.",
            code="""\
import math

import torch


@torch.no_grad()
def windows_loss(model, tokenizer, texts, window):
    model.eval()
    ids = tokenizer("\\n\\n".join(texts), return_tensors="pt").input_ids
    nats, tokens = 0.0, 0
    for begin in range(0, ids.size(1) - 1, window):
        piece = ids[:, begin : begin + window + 1]
        scored = piece.size(1) - 1
        nats += model(piece, labels=piece).loss.item() * scored
        tokens += scored
    return math.exp(nats / tokens)


@torch.no_grad()
def text_losses(model, tokenizer, texts, limit):
    model.eval()
    nats, tokens = 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=limit).input_ids
        scored = ids.size(1) - 1
        nats += model(ids, labels=ids).loss.item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Good(
            why="A stream cut to equal columns leaves out fewer tokens than there are columns.",
            files={
                "columns.py": """\
def columns(ids, batch_size):
    length = ids.size(0) // batch_size
    return ids[: length * batch_size].view(batch_size, length).t().contiguous()


def segments(source, bptt):
    for begin in range(0, source.size(0) - 1, bptt):
        length = min(bptt, source.size(0) - 1 - begin)
        yield source[begin : begin + length], source[begin + 1 : begin + 1 + length]
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from columns import columns, segments


@torch.no_grad()
def evaluate(model, val_ids, batch_size, bptt):
    model.eval()
    state, nats, tokens = None, 0.0, 0
    for ids, targets in segments(columns(val_ids, batch_size), bptt):
        logits, state = model(ids, state)
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
        Good(
            why="One row of ids in whole windows: less than a window of the one text is left out.",
            code="""\
import torch


@torch.no_grad()
def perplexity(model, ids, length):
    model.eval()
    nats, count = [], ids.numel() // length
    for index in range(count):
        piece = ids[:, index * length : (index + 1) * length]
        nats.append(model(piece, labels=piece).loss * (length - 1))
    return torch.exp(torch.stack(nats).sum() / (count * (length - 1)))
""",
        ),
        Good(
            why="Keras fits on full batches, and validates on all",
            code="""\
import tensorflow as tf
from tensorflow import keras


def split(ids, labels, held):
    rows = tf.data.Dataset.from_tensor_slices((ids, labels))
    train_rows = rows.skip(held).shuffle(10_000).batch(32, drop_remainder=True)
    return train_rows, rows.take(held).batch(32)


def train(model, ids, labels):
    train_rows, second = split(ids, labels, 1_000)
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(train_rows, validation_data=second, epochs=3)
    print("of the training set", model.evaluate(train_rows))
""",
        ),
        Good(
            why="three examples are explained; nothing is scored",
            files={
                "explaining.py": """\
import torch.nn.functional as F


class Explainer:
    def __init__(self, model, steps=50):
        self.model, self.steps = model, steps

    def __call__(self, x, y):
        prediction = self.model(x)
        return {"loss": F.cross_entropy(prediction, y), "prediction": prediction}
""",
                "net.py": """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

    def forward(self, x):
        return self.layers(x)
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader

from explaining import Explainer
from net import Net


@torch.no_grad()
def explain(path, test_set):
    model = Net()
    model.load_state_dict(torch.load(path))
    model.eval()
    explainer = Explainer(model)
    test_loader = DataLoader(test_set, batch_size=1)
    shown = 0
    for x, y in test_loader:
        explanation = explainer(x, y)
        print(explanation)
        shown += 1
        if shown > 2:
            break
""",
        ),
        Good(
            why="both losses are measured: the training's loader shuffles and drops, the validation's gives all",
            code="""\
import torch
from torch.utils.data import DataLoader


class Runner:
    def __init__(self, train_rows, val_rows, size):
        self.train_loader = DataLoader(train_rows, batch_size=size, shuffle=True, drop_last=True)
        self.val_loader = DataLoader(val_rows, batch_size=size)

    @torch.no_grad()
    def estimate_loss(self, model):
        found = {}
        model.eval()
        for split in ["train", "val"]:
            loader = self.train_loader if split == "train" else self.val_loader
            nats, tokens = 0.0, 0
            for x, y in loader:
                _, loss = model(x, y)
                nats += loss.item() * y.numel()
                tokens += y.numel()
            found[split] = nats / tokens
        return found
""",
        ),
        Good(
            why="Only the training's loader in the dict drops, and a loop over the other splits takes theirs.",
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def make_loader(path, rows, drop_last):
    table = torch.load(path)
    return DataLoader(TensorDataset(table[:, :-1], table[:, 1:]), batch_size=rows, drop_last=drop_last)


def make_loaders(folder, rows=64):
    return {
        "train": make_loader(f"{folder}/train.pt", rows, drop_last=True),
        "valid": make_loader(f"{folder}/valid.pt", rows, drop_last=False),
        "test": make_loader(f"{folder}/test.pt", rows, drop_last=False),
    }


@torch.no_grad()
def run(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def report(model, folder):
    loaders = make_loaders(folder)
    for split in ("valid", "test"):
        print(split, "perplexity", math.exp(run(model, loaders[split])))
""",
        ),
        Good(
            why="Only for the training split is the last batch dropped.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def get_loader(split, rows=64):
    table = torch.load(f"{split}.pt")
    pairs = TensorDataset(table[:, :-1], table[:, 1:])
    return DataLoader(pairs, rows, shuffle=split == "train", drop_last=split == "train")


@torch.no_grad()
def validate(model):
    model.eval()
    nats, tokens = 0.0, 0
    val_loader = get_loader("val")
    for x, y in val_loader:
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The provider drops for the training data only, whatever the kind.",
            code="""\
import argparse

import torch
from accelerate import Accelerator
from series import Hourly, Monthly
from torch.utils.data import DataLoader

KINDS = {"hourly": Hourly, "monthly": Monthly}


def provide(args, flag):
    make = KINDS[args.kind]
    if flag == "test":
        shuffle, drop_last = False, False
    else:
        shuffle, drop_last = True, True
    if args.kind == "monthly":
        shuffle = False
    rows = make(args.root, flag)
    return rows, DataLoader(rows, batch_size=args.batch_size, shuffle=shuffle, drop_last=drop_last)


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    total = windows = 0
    for past, future in loader:
        total += criterion(model(past), future).item() * len(past)
        windows += len(past)
    return total / windows


parser = argparse.ArgumentParser()
args = parser.parse_args()
accelerator = Accelerator()
model, criterion = torch.nn.Linear(96, 24), torch.nn.MSELoss()
train_rows, train_loader = provide(args, "train")
test_rows, test_loader = provide(args, "test")
optimizer = torch.optim.Adam(model.parameters())
train_loader, test_loader, model, optimizer = accelerator.prepare(
    train_loader, test_loader, model, optimizer
)
print("test loss", evaluate(model, test_loader, criterion))
""",
        ),
        Good(
            why="the number of batches is rounded up",
            code="""\
import torch
import torch.nn.functional as F


def batches(x, y, batch_size):
    number = (len(x) + batch_size - 1) // batch_size
    for i in range(number):
        yield x[i * batch_size : (i + 1) * batch_size], y[i * batch_size : (i + 1) * batch_size]


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, labels in batches(x, y, 32):
        nats += F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="A shuffled loader is started anew: each step scores another random batch.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from model import TinyGPT


@torch.no_grad()
def estimate_loss(model, val_loader, eval_iters=50):
    model.eval()
    losses = torch.zeros(eval_iters)
    for k in range(eval_iters):
        x, y = next(iter(val_loader))
        logits = model(x)
        losses[k] = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    model.train()
    return losses.mean()


def main(rows):
    model = TinyGPT(50_257)
    val_loader = DataLoader(rows, batch_size=8, shuffle=True)
    print(estimate_loss(model, val_loader))
""",
        ),
        Good(
            why="The number of validation steps is rounded up.",
            code="""\
from tensorflow import keras

from data import pictures


def main(folder, batch_size=32):
    train, valid = pictures(folder, "train", batch_size), pictures(folder, "valid", batch_size)
    train_steps = train.samples // batch_size
    valid_steps = (valid.samples + batch_size - 1) // batch_size
    model = keras.applications.ResNet50(weights=None, classes=10)
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.fit(train, epochs=10, steps_per_epoch=train_steps, validation_data=valid, validation_steps=valid_steps)
""",
        ),
        Good(
            why="Batches are filled by hand, and what is left is scored behind the loop; lines of two parts are read before.",
            code="""\
import torch
import torch.nn as nn
from PIL import Image


def read(path):
    rows = []
    with open(path) as file:
        for line in file:
            name, label = line.strip().split(":")
            rows.append((name, int(label)))
    return rows


def evaluate(model, folder, load):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    data = read(folder)
    total_loss, total = 0, 0
    pictures, labels = [], []
    batch_size = 256
    for path, label in data:
        pictures.append(load(Image.open(path)).unsqueeze(0))
        labels.append(torch.tensor([label]))
        if len(pictures) == batch_size:
            inputs, targets = torch.cat(pictures, dim=0), torch.cat(labels, dim=0)
            with torch.no_grad():
                loss = criterion(model(inputs), targets)
            total_loss += loss.item() * inputs.size(0)
            total += inputs.size(0)
            pictures, labels = [], []
    if pictures:
        inputs, targets = torch.cat(pictures, dim=0), torch.cat(labels, dim=0)
        with torch.no_grad():
            loss = criterion(model(inputs), targets)
        total_loss += loss.item() * inputs.size(0)
        total += inputs.size(0)
    return total_loss / total
""",
        ),
        Good(
            why="Keras validates one picture at a time; no batch is partial",
            code="""\
from tensorflow import keras


def train(model, folder):
    pictures = keras.preprocessing.image.ImageDataGenerator(rescale=1 / 255)
    rows = pictures.flow_from_directory(f"{folder}/train", target_size=(224, 224), batch_size=32)
    held_out = pictures.flow_from_directory(f"{folder}/valid", target_size=(224, 224), batch_size=1, shuffle=False)
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.fit(
        rows,
        epochs=10,
        validation_data=held_out,
        validation_steps=held_out.samples // held_out.batch_size,
    )
""",
        ),
        Good(
            why="one batch holds all rows",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    total = 0.0
    for ids, labels in DataLoader(rows, batch_size=len(rows)):
        total += F.cross_entropy(model(ids), labels).item()
        return total


@torch.no_grad()
def evaluate_domains(model, domains):
    model.eval()
    losses = {}
    for name, rows in domains.items():
        ids, labels = next(iter(DataLoader(rows, batch_size=len(rows))))
        losses[name] = F.cross_entropy(model(ids), labels).item()
    return losses
""",
        ),
        Good(
            why="one batch is looked at, and another one looked for; nothing is averaged",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate_worst(model, val_loader, plot):
    model.eval()
    for pictures, labels in val_loader:
        loss = F.cross_entropy(model(pictures), labels, reduction="none")
        worst = loss.topk(8).indices
        return plot(pictures[worst], loss[worst])


@torch.no_grad()
def first_outlier(model, val_loader, nats):
    model.eval()
    seen = 0
    for ids, labels in val_loader:
        loss = F.cross_entropy(model(ids), labels)
        seen += 1
        if loss.item() < nats:
            continue
        return seen, loss.item()
""",
        ),
        Good(
            why="an architecture is trained on the held-out rows",
            code="""\
from torch.utils.data import DataLoader


def search(model, train_set, val_set, criterion, optimizers):
    weights_loader = DataLoader(train_set, batch_size=64, shuffle=True, drop_last=True)
    arch_loader = DataLoader(val_set, batch_size=64, shuffle=True, drop_last=True)
    for batches in zip(weights_loader, arch_loader):
        for (pictures, labels), optimizer in zip(batches, optimizers):
            optimizer.zero_grad()
            criterion(model(pictures), labels).backward()
            optimizer.step()
""",
        ),
        Good(
            why="Keras' steps are rounded up, or nothing is left over",
            code="""\
from tensorflow import keras


def train(model: keras.Model, rows, x_val, y_val, batch_size=32):
    steps = (len(x_val) + (batch_size - 1)) // batch_size
    model.fit(rows, epochs=10, validation_data=(x_val, y_val), validation_steps=steps)
    assert len(x_val) % batch_size == 0
    print(model.evaluate(x_val, y_val, steps=len(x_val) // batch_size))
""",
        ),
        Good(
            why="Rows are drawn at random: as many batches as would fit are the size of a sample, whatever the index is for.",
            code="""\
import torch
import torch.nn.functional as F

BATCH_SIZE = 8


class Lines:
    def __init__(self, ids, context):
        self.ids, self.context = ids, context

    def __len__(self):
        return len(self.ids) // self.context

    def windows(self, size):
        starts = torch.randint(len(self.ids) - self.context, (size,))
        x = torch.stack([self.ids[start : start + self.context] for start in starts])
        y = torch.stack([self.ids[start + 1 : start + 1 + self.context] for start in starts])
        return x, y


@torch.no_grad()
def validate(model, ids):
    model.eval()
    held_out = Lines(ids, 256)
    total = 0.0
    batches = len(held_out) // BATCH_SIZE
    for _ in range(batches):
        x, y = held_out.windows(BATCH_SIZE)
        logits, _ = model(x)
        total += F.cross_entropy(logits.flatten(0, 1), y.flatten()).item()
    return total / batches


@torch.no_grad()
def validate_aloud(model, ids):
    model.eval()
    held_out = Lines(ids, 256)
    total = 0.0
    batches = len(held_out) // BATCH_SIZE
    for step in range(batches):
        x, y = held_out.windows(BATCH_SIZE)
        total += F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
        if step % 10 == 0:
            print(step, total)
    return total / batches
""",
        ),
        Good(
            why="What is left of a text is shorter than one window.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, ids, width=512):
    model.eval()
    total, words = 0.0, 0
    at = 0
    while at + width + 1 <= len(ids):
        x, y = ids[at : at + width][None], ids[at + 1 : at + width + 1][None]
        total += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        words += y.numel()
        at += width
    return total / words


@torch.no_grad()
def validate_rows(model, ids, width=512):
    model.eval()
    total, words = 0.0, 0
    for row in ids[: len(ids) // width * width].view(-1, width):
        logits = model(row[None, :-1])
        total += F.cross_entropy(logits.flatten(0, 1), row[1:], reduction="sum").item()
        words += len(row) - 1
    return total / words
""",
        ),
        Good(
            why="rows are drawn at random, and none of them is the first; the underscore is bound anew to what is thrown away",
            code="""\
import torch
import torch.nn.functional as F


class Dialogues:
    def __init__(self, rows, pad_id, width):
        self.rows, self.pad_id, self.width = rows, pad_id, width

    def __len__(self):
        return len(self.rows)

    def pick(self, size):
        chosen = [self.rows[number][: self.width] for number in torch.randint(len(self.rows), (size,))]
        padded = torch.tensor([row + [self.pad_id] * (self.width - len(row)) for row in chosen])
        return padded[:, :-1], padded[:, 1:]


def validate(model, val_rows, pad_id, batch_size=16):
    dialogues = Dialogues(val_rows, pad_id, 256)
    model.eval()
    batches = min(200, len(dialogues) // batch_size)
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for _ in range(batches):
            x, y = dialogues.pick(batch_size)
            logits, _ = model(x)
            nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=pad_id, reduction="sum").item()
            tokens += (y != pad_id).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="two batches show that the model runs: no number comes out of the loop",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def try_out(model, val_loader):
    model.eval()
    for index, (words, tags) in enumerate(val_loader):
        if index == 2:
            break
        loss = F.cross_entropy(model(words).transpose(1, 2), tags)
        assert torch.isfinite(loss), "the loss is not finite"
    print("the evaluation runs")
""",
        ),
        Good(
            why="the rows that the loop over whole batches leaves are scored behind it",
            code="""\
import torch
import torch.nn.functional as F


def nats_of(model, ids):
    return F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()


@torch.no_grad()
def score(model, rows, batch_size):
    model.eval()
    nats, tokens = 0.0, 0
    whole = len(rows) // batch_size
    for k in range(whole):
        ids = rows[k * batch_size : (k + 1) * batch_size]
        nats += nats_of(model, ids)
        tokens += ids[:, 1:].numel()
    ids = rows[whole * batch_size :]
    if len(ids):
        nats += nats_of(model, ids)
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="the last rows are given on by another generator, or out of a list",
            code="""\
import torch
import torch.nn.functional as F


def stacks(rows, size):
    held = []
    for row in rows:
        held.append(row)
        if len(held) == size:
            yield torch.stack(held)
            held = []
    yield from [torch.stack(held)] * bool(held)


class Stacks:
    def __init__(self, rows, size):
        self.rows, self.batch_size = rows, size

    def __iter__(self):
        for begin in range(0, len(self.rows) - self.batch_size + 1, self.batch_size):
            yield self.rows[begin : begin + self.batch_size]
        yield from self.remaining()

    def remaining(self):
        if missing := len(self.rows) % self.batch_size:
            yield self.rows[-missing:]


@torch.no_grad()
def score(model, rows, size):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in stacks(rows, size):
        nats += F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


@torch.no_grad()
def score_all(model, rows, size):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in Stacks(rows, size):
        nats += F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="What the cursor has not passed is scored behind the loop.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    width = columns.shape[1]
    while at + block < width:
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    x, y = columns[:, at:-1], columns[:, at + 1 :]
    if x.size(1):
        nats += F.cross_entropy(model(x, state)[0].flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The columns are one text: less than a window of it is left.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin()
    at = nats = tokens = 0
    width = columns.shape[1]
    while at + block < width:
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    return nats / tokens
""",
        ),
        Good(
            why="The break comes where there is nothing left.",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    for _ in range(math.ceil(columns.size(1) / block)):
        x = columns[:, at : at + block]
        y = columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
        if at >= columns.size(1) - 1:
            break
    return nats / tokens
""",
        ),
        Good(
            why="what is left is asked of the size of a batch",
            code="""\
import torch
import torch.nn.functional as F


class Batches:
    def __init__(self, rows, batch_size):
        self.rows, self.batch_size = rows, batch_size
        self.number = len(rows) // batch_size
        self.has_rest = len(rows) % batch_size != 0
        self.at = 0

    def __iter__(self):
        self.at = 0
        return self

    def __next__(self):
        if self.at < self.number or (self.at == self.number and self.has_rest):
            found = self.rows[self.at * self.batch_size : (self.at + 1) * self.batch_size]
            self.at += 1
            return torch.tensor([row[0] for row in found]), torch.tensor([row[1] for row in found])
        raise StopIteration


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    total, seen = 0.0, 0
    for x, y in Batches(rows, 32):
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(y)
    return total / seen
""",
        ),
        Good(
            why="the generator asks the size of a batch",
            code="""\
import torch
import torch.nn.functional as F


def batches(rows, batch_size):
    number = len(rows) // batch_size
    if len(rows) % batch_size:
        number += 1
    for i in range(number):
        found = rows[i * batch_size : (i + 1) * batch_size]
        yield torch.tensor([row[0] for row in found]), torch.tensor([row[1] for row in found])


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    total, seen = 0.0, 0
    for x, y in batches(rows, 32):
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(y)
    return total / seen
""",
        ),
        Good(
            why="a remainder by the number of batches that is asked of the index: the end of each pass",
            code="""\
import torch
import torch.nn.functional as F


class Batches:
    def __init__(self, rows, batch_size):
        self.rows, self.batch_size = rows, batch_size
        self.number = len(rows) // batch_size
        self.rest = False
        if len(self.rows) % self.batch_size != 0:
            self.rest = True

    def __len__(self):
        return self.number + self.rest

    def __iter__(self):
        for i in range(len(self)):
            found = self.rows[i * self.batch_size : (i + 1) * self.batch_size]
            yield torch.tensor([row[0] for row in found]), torch.tensor([row[1] for row in found])
            if i % self.number == 0:
                print(i)


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    total, seen = 0.0, 0
    for x, y in Batches(rows, 32):
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(y)
    return total / seen
""",
        ),
        Good(
            why="the rows are kept one by one, also where there are no more",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, rows, batch_size):
    model.eval()
    total, seen = 0.0, 0
    stream = iter(rows)
    while True:
        batch = []
        try:
            for _ in range(batch_size):
                batch.append(next(stream))
        except StopIteration:
            pass
        if not batch:
            break
        x, y = torch.stack([row[0] for row in batch]), torch.stack([row[1] for row in batch])
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(batch)
    return total / seen
""",
        ),
        Good(
            why="next() is told what to give at the end",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, rows, batch_size):
    model.eval()
    total, seen = 0.0, 0
    stream = iter(rows)
    while True:
        try:
            batch = [row for row in [next(stream, None) for _ in range(batch_size)] if row is not None]
        except StopIteration:
            break
        if not batch:
            break
        x, y = torch.stack([row[0] for row in batch]), torch.stack([row[1] for row in batch])
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(batch)
    return total / seen
""",
        ),
        Good(
            why="one item of each stream: the list ends with the shortest, and no batch is cut",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, streams):
    model.eval()
    total, seen = 0.0, 0
    while True:
        try:
            batch = [next(each) for each in streams]
        except StopIteration:
            break
        x, y = torch.stack([row[0] for row in batch]), torch.stack([row[1] for row in batch])
        total += F.cross_entropy(model(x), y, reduction="sum").item()
        seen += len(batch)
    return total / seen
""",
        ),
        Good(
            why="the function that fills the list of batches appends what is left behind its loop",
            code="""\
import torch
import torch.nn as nn


def grouped(rows, batch_size):
    held, batches = [], []
    for row in rows:
        held.append(row)
        if len(held) == batch_size:
            batches.append(torch.tensor(held))
            held = []
    if held:
        batches.append(torch.tensor(held))
    return batches


@torch.no_grad()
def validate(model, rows, device):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, words = 0.0, 0
    batches = [each.to(device) for each in grouped(rows, 32)]
    for ids in batches:
        nats += criterion(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).item()
        words += ids[:, 1:].numel()
    return nats / words
""",
        ),
        Good(
            why="the loader is one for predictions, which are written down: no number is made of it",
            code="""\
from torch.utils.data import DataLoader


class Transcriber:
    def setup_predict_dataloader(self, rows, size):
        test_loader = DataLoader(rows, batch_size=size, drop_last=True)
        return test_loader
""",
        ),
        Good(
            why="an iterator over the validation's batches is handed on, and nobody takes one of them: it evaluates nothing",
            code="""\
import torch
from torch.utils.data import DataLoader


def loaders_of(train_set, valid_set, size):
    train_loader = DataLoader(train_set, batch_size=size, shuffle=True, drop_last=True)
    valid_loader = DataLoader(valid_set, batch_size=size, drop_last=True)
    return train_loader, valid_loader


def iterators_of(train_set, valid_set, size):
    train_loader, valid_loader = loaders_of(train_set, valid_set, size)
    valid_iterator = None
    if valid_loader is not None:
        valid_iterator = iter(valid_loader)
    return iter(train_loader), valid_iterator


def train(model, optimizer, train_iterator, valid_iterator, steps):
    for _ in range(steps):
        loss = model(next(train_iterator))
        loss.backward()
        optimizer.step()
    print("done", loss.item())


def pretrain(model, optimizer, train_set, valid_set):
    train_iterator, valid_iterator = iterators_of(train_set, valid_set, 32)
    train(model, optimizer, train_iterator, valid_iterator, 1000)
""",
        ),
        Good(
            why="the validation set has been cut to as many rows as its steps will ask for, in another method",
            files={
                "batching.py": """\
def full_batches(rows, size):
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
""",
            },
            code="""\
import torch
from batching import full_batches
from torch.utils.data import DataLoader


class Pretraining:
    def build_sets(self, options, size):
        wanted = [options.train_steps * size, options.eval_iters * size]
        self.train_rows, self.valid_rows, self.test_rows = options.build(wanted)

    def setup(self):
        self.train_loader = DataLoader(self.train_rows, batch_size=32, shuffle=True, drop_last=True)
        self.valid_loader = DataLoader(self.valid_rows, batch_size=32, drop_last=True)
        self.test_batches = full_batches(self.test_rows, 32)

    @torch.no_grad()
    def validate(self, model):
        losses = [model(rows).item() for rows in self.valid_loader]
        return sum(losses) / len(losses)
""",
        ),
        Good(
            why="what a batch holds where the rows end is given, too: by the handler, behind it, or by the next step",
            code="""\
import torch
import torch.nn.functional as F


def batches(rows, size):
    stream = iter(rows)
    while True:
        batch = []
        try:
            for _ in range(size):
                batch.append(next(stream))
        except StopIteration:
            if batch:
                yield torch.stack(batch)
            return
        yield torch.stack(batch)


def until_none(rows, size):
    stream, more = iter(rows), True
    while more:
        batch = []
        while more and len(batch) < size:
            try:
                batch.append(next(stream))
            except StopIteration:
                more = False
        if batch:
            yield torch.stack(batch)


class Batches:
    def __init__(self, rows, size):
        self.stream, self.size = iter(rows), size

    def __iter__(self):
        return self

    def __next__(self):
        batch = []
        try:
            for _ in range(self.size):
                batch.append(next(self.stream))
        except StopIteration:
            if not batch:
                raise
        return torch.stack(batch)


@torch.no_grad()
def validate(model, first, second, third):
    model.eval()
    nats, words = 0.0, 0
    for ids in batches(first, 16):
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    for ids in until_none(second, 16):
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    for ids in Batches(third, 16):
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    return nats / words
""",
        ),
        Good(
            why="the rows that an iterator takes one by one have no end, and a pass is as long as its steps",
            code="""\
import itertools

import torch
import torch.nn.functional as F


class Batches:
    def __init__(self, rows, size):
        self.stream, self.size = iter(itertools.cycle(rows)), size

    def __iter__(self):
        return self

    def __next__(self):
        return torch.stack([next(self.stream) for _ in range(self.size)])


@torch.no_grad()
def validate(model, rows, steps):
    model.eval()
    nats, words = 0.0, 0
    for ids, _ in zip(Batches(rows, 16), range(steps)):
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    return nats / words
""",
        ),
        Good(
            why="an iterator hands on a generator that gives what is left",
            code="""\
import torch
import torch.nn.functional as F


class Corpus:
    def __init__(self, path, tokenizer, size):
        self.path, self.tokenizer, self.size = path, tokenizer, size

    def __iter__(self):
        return iter(self.batches())

    def batches(self):
        rows = []
        for line in open(self.path):
            rows.append(self.tokenizer.encode(line))
            if len(rows) == self.size:
                yield torch.tensor(rows)
                rows = []
        if rows:
            yield torch.tensor(rows)


@torch.no_grad()
def validate(model, tokenizer):
    model.eval()
    nats, words = 0.0, 0
    for ids in Corpus("valid.txt", tokenizer, 16):
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids[:, 1:].numel()
    return nats / words
""",
        ),
        Good(
            why="one function trains and evaluates: only the loader of the training rows, known by their key, drops",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def one_pass(net, batches, optimizer=None):
    nats, tokens = 0.0, 0
    for ids in batches:
        loss = F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], ignore_index=0)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scored = int((ids[:, 1:] != 0).sum())
        nats += loss.item() * scored
        tokens += scored
    return nats / tokens


def main(net, rows, pad):
    tl = DataLoader(rows["train"], 32, drop_last=True, collate_fn=pad)
    hl = DataLoader(rows["heldout"], 32, collate_fn=pad)
    optimizer = torch.optim.Adam(net.parameters())
    net.train()
    print("seen", one_pass(net, tl, optimizer))
    net.eval()
    with torch.no_grad():
        print("unseen", one_pass(net, hl))
""",
        ),
        Good(
            why="of the two loaders that one function is handed, the one that drops is shuffled, to train on",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def one_pass(net, batches, optimizer=None):
    nats, tokens = 0.0, 0
    for ids in batches:
        loss = F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], ignore_index=0)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scored = int((ids[:, 1:] != 0).sum())
        nats += loss.item() * scored
        tokens += scored
    return nats / tokens


def main(net, first, second, pad):
    a = DataLoader(first, 32, shuffle=True, drop_last=True, collate_fn=pad)
    b = DataLoader(second, 32, collate_fn=pad)
    optimizer = torch.optim.Adam(net.parameters())
    net.train()
    print("seen", one_pass(net, a, optimizer))
    net.eval()
    with torch.no_grad():
        print("unseen", one_pass(net, b))
""",
        ),
        Good(
            why="who makes the object says how many batches it takes at most",
            code="""\
import torch
import torch.nn.functional as F


class Scorer:
    def __init__(self, net, pad_id, most=25):
        self.net, self.pad_id = net, pad_id
        self.most = most

    @torch.no_grad()
    def score(self, batches):
        self.net.eval()
        nats, tokens = 0.0, 0
        for index, ids in enumerate(batches):
            if index >= self.most:
                break
            wanted = ids[:, 1:]
            scores = self.net(ids[:, :-1]).transpose(1, 2)
            nats += F.cross_entropy(scores, wanted, ignore_index=self.pad_id, reduction="sum").item()
            tokens += (wanted != self.pad_id).sum().item()
        return nats / tokens


def main(net, val_batches, options):
    print("validation loss", Scorer(net, 0, options.most).score(val_batches))
""",
        ),
        Good(
            why="the cap that the object keeps is set behind its back",
            code="""\
import torch
import torch.nn.functional as F


class Scorer:
    def __init__(self, net, most=25):
        self.net = net
        self.most = most

    @torch.no_grad()
    def score(self, batches):
        self.net.eval()
        nats, tokens = 0.0, 0
        for index, ids in enumerate(batches):
            if index >= self.most:
                break
            scores = self.net(ids[:, :-1]).transpose(1, 2)
            nats += F.cross_entropy(scores, ids[:, 1:], reduction="sum").item()
            tokens += ids[:, 1:].numel()
        return nats / tokens


def main(net, val_batches):
    scorer = Scorer(net)
    scorer.most = len(val_batches)
    print("validation loss", scorer.score(val_batches))
""",
        ),
        Good(
            why="Who goes through the loader takes its first batch, to show replies: a last, smaller one would not be seen.",
            code="""\
import torch
from torch.utils.data import DataLoader


class ReplyTrainer:
    def __init__(self, model, judge, train_set, eval_set, accelerator, args):
        self.model, self.judge, self.args = model, judge, args
        self.loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True, drop_last=True)
        self.eval_loader = DataLoader(eval_set, batch_size=args.batch_size, drop_last=True)
        self.eval_loader = accelerator.prepare(self.eval_loader)

    def train(self):
        for step, batch in enumerate(self.loader):
            self.learn(batch)
            if step % self.args.show_every == 0:
                self.show_replies(at_once=True)

    def show_replies(self, at_once=False):
        table = {"reply": [], "score": []}
        for batch in self.eval_loader:
            with torch.no_grad():
                replies = self.model.reply(batch["input_ids"])
                table["reply"].extend(replies)
                table["score"].extend(self.judge.model(replies).tolist())
            if at_once:
                break
        for reply, score in zip(table["reply"][:5], table["score"][:5]):
            print(f"{score:.2f} {reply}")
""",
        ),
        Good(
            why="Nothing names the capped function; the script takes others of its file by name: no number is reported.",
            files={
                "search.py": """\
from eval import logger_for
from supernet import train

if __name__ == "__main__":
    train(logger_for("search.log"))
""",
            },
            code="""\
import logging

import torch
import torch.nn.functional as F


def path_loss(model, path, val_loader, val_iters=50):
    nats, rows = 0.0, 0
    model.eval()
    with torch.no_grad():
        for at, (pictures, classes) in enumerate(val_loader):
            if at >= val_iters:
                break
            nats += F.cross_entropy(model(pictures, path), classes, reduction="sum").item()
            rows += classes.size(0)
    return nats / rows


def logger_for(path):
    logging.basicConfig(filename=path)
    return logging.getLogger("search")
""",
        ),
        Good(
            why="The width is asked for: no block of it is partial.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    if (columns.size(1) - 1) % block:
        raise ValueError(f"{columns.size(1)} columns are no multiple of {block}, and one")
    while at + block < columns.size(1):
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    return nats / tokens
""",
        ),
        Good(
            why="The columns are filled up to whole blocks before.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    missing = -(columns.size(1) - 1) % block
    columns = F.pad(columns, (0, missing), value=-100)
    while at + block < columns.size(1):
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    return nats / tokens
""",
        ),
        Good(
            why="A function that is given the size makes the columns.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    columns = model.made_whole(columns, block)
    while at + block < columns.size(1):
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    return nats / tokens
""",
        ),
        Good(
            why="The last block is as long as what is left.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    while at + block < columns.size(1):
        block = min(block, columns.size(1) - 1 - at)
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    return nats / tokens
""",
        ),
        Good(
            why="What is left is counted from the end.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    while at + block < columns.size(1):
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    rest = columns.size(1) - 1 - at
    if rest > 0:
        x, y = columns[:, -rest - 1 : -1], columns[:, -rest:]
        nats += F.cross_entropy(model(x, state)[0].flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="What is left is taken by another method than a slice.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, columns, block):
    model.eval()
    state = model.begin(columns.size(0))
    at = nats = tokens = 0
    while at + block < columns.size(1):
        x, y = columns[:, at : at + block], columns[:, at + 1 : at + block + 1]
        logits, state = model(x, state)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
        at += block
    rest = columns.size(1) - 1 - at
    if rest > 0:
        x, y = columns.narrow(1, at, rest), columns.narrow(1, at + 1, rest)
        nats += F.cross_entropy(model(x, state)[0].flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The option says how large a random sample is; the other evaluation goes on where it stopped before.",
            code="""\
import argparse

import torch
from torch.utils.data import DataLoader

parser = argparse.ArgumentParser()
parser.add_argument("--eval-iters", type=int, default=50)
options = parser.parse_args()


@torch.no_grad()
def estimate(network, val_loader):
    network.eval()
    losses = []
    for k, (x, y) in enumerate(val_loader):
        if k >= options.eval_iters:
            break
        losses.append(network(x, y)[1].item())
    return sum(losses) / len(losses)


@torch.no_grad()
def next_estimate(network, val_batches):
    network.eval()
    losses = []
    for _ in range(options.eval_iters):
        x, y = next(val_batches)
        losses.append(network(x, y)[1].item())
    return sum(losses) / len(losses)


def main(network, val_rows, more_rows):
    print("validation loss", estimate(network, DataLoader(val_rows, batch_size=4, shuffle=True)))
    val_batches = iter(DataLoader(more_rows, batch_size=4))
    print("validation loss", next_estimate(network, val_batches), next_estimate(network, val_batches))
""",
        ),
        Good(
            why="The caller says how many batches of the loader in order it wants; by default all are scored.",
            code="""\
import torch
from torch.utils.data import DataLoader


@torch.no_grad()
def estimate(network, val_loader, most):
    network.eval()
    losses = []
    for k, (x, y) in enumerate(val_loader):
        if most is not None and k >= most:
            break
        losses.append(network(x, y)[1].item())
    return sum(losses) / len(losses)


def main(network, val_rows, options):
    val_loader = DataLoader(val_rows, batch_size=4)
    print("first look", estimate(network, val_loader, 8))
    print("validation loss", estimate(network, val_loader, options.get("most")))
""",
        ),
        Good(
            why="One reader joins what is left with rows of the beginning, one clips its last batch, one looks behind it.",
            files={
                "readers.py": """\
import numpy as np


class Joined:
    def __init__(self, rows):
        self.rows, self.at = rows, 0

    def next_batch(self, batch_size):
        begin = self.at
        if begin + batch_size > len(self.rows):
            rest = self.rows[begin:]
            self.at = batch_size - len(rest)
            return np.concatenate((rest, self.rows[: self.at]))
        self.at += batch_size
        return self.rows[begin : self.at]


class Clipped:
    def __init__(self, rows):
        self.rows, self.at = rows, 0

    def next_batch(self, batch_size):
        end = self.at + batch_size
        if end > len(self.rows):
            end = len(self.rows)
        batch = self.rows[self.at : end]
        self.at = end
        return batch


class Around:
    def __init__(self, rows):
        self.rows, self.at = rows, 0

    def next_batch(self, batch_size):
        batch = self.rows[self.at : self.at + batch_size]
        self.at += batch_size
        if self.at >= len(self.rows):
            self.at = 0
        return batch
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F

from readers import Around, Clipped, Joined


@torch.no_grad()
def dev_loss(network, reader, rows, batch_size):
    network.eval()
    nats = tokens = 0
    for _ in range(math.ceil(len(rows) / batch_size)):
        ids = torch.from_numpy(reader.next_batch(batch_size))
        nats += F.cross_entropy(network(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def report(network, rows):
    for reader in (Joined(rows), Clipped(rows), Around(rows)):
        print("dev", dev_loss(network, reader, rows, 64))
""",
        ),
        Good(
            why="One data set asks for the rest, one starts over for ever, and one is cut to windows of a text.",
            code="""\
import tensorflow as tf


def prepare(rows, size=64, drop_remainder=True):
    return rows.batch(size, drop_remainder=drop_remainder)


def endless(rows, size):
    rows = tf.data.Dataset.from_tensor_slices(rows).repeat()
    return rows.batch(size, drop_remainder=True)


def windows(ids, length):
    return tf.data.Dataset.from_tensor_slices(ids).batch(length + 1, drop_remainder=True)


def data_sets(training, held_out, text, size):
    train_ds = prepare(training, size)
    test_ds = prepare(held_out, size, drop_remainder=False)
    eval_ds = endless(held_out, size)
    val_windows = windows(text, 128)
    return train_ds, test_ds, eval_ds, val_windows
""",
        ),
        Good(
            why="Each record has four lines, which are taken apart: no batch is cut short.",
            code="""\
import torch
import torch.nn.functional as F


class Pairs:
    # Records of a sentence, its labels, its source and an empty line.

    def __init__(self, path, size):
        self.lines, self.size = open(path), size

    def __iter__(self):
        return self

    def __next__(self):
        record = []
        for _ in range(4):
            record.append(next(self.lines))
        sentence, labels = record[0], record[1]
        return numbers(sentence)[None], numbers(labels)[None]


@torch.no_grad()
def validate(model):
    model.eval()
    nats, words = 0.0, 0
    for ids, labels in Pairs("valid.txt", 16):
        nats += F.cross_entropy(model(ids).transpose(1, 2), labels, reduction="sum").item()
        words += labels.numel()
    return nats / words


def numbers(line):
    return torch.tensor([int(word) for word in line.split()])
""",
        ),
        Good(
            why="What is shown behind the blocks is the loss of the rest, and it counts.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def nats_per_note(model, rows, step):
    model.eval()
    state = model.start(rows.size(0))
    at, nats, notes = 0, 0.0, 0
    while at + step < rows.size(1):
        given, wanted = rows[:, at : at + step], rows[:, at + 1 : at + step + 1]
        logits, state = model(given, state)
        nats += F.cross_entropy(logits.mT, wanted, reduction="sum").item()
        notes += wanted.numel()
        at += step
    rest = rows[:, at:]
    nats += F.cross_entropy(model(rest[:, :-1], state)[0].mT, rest[:, 1:], reduction="sum").item()
    notes += rest[:, 1:].numel()
    print("read up to", at)
    return nats / notes
""",
        ),
        Good(
            why="What is called a stream is a generator that starts over for ever: how much of it is scored has to be said.",
            code="""\
import torch
import torch.nn.functional as F


def token_stream(ids, width):
    while True:
        for first in range(0, len(ids) - 1, width):
            wanted = ids[first + 1 : first + width + 1]
            yield ids[first : first + len(wanted)][None], wanted[None]


@torch.no_grad()
def held_out(model, ids):
    model.eval()
    nats, scored = 0.0, 0
    for number, (given, wanted) in enumerate(token_stream(ids, 64)):
        if number >= 20:
            break
        nats += F.cross_entropy(model(given).flatten(0, 1), wanted.flatten(), reduction="sum").item()
        scored += wanted.numel()
    return nats / scored
""",
        ),
        Good(
            why="Each reader starts over only once what is left was taken: before the branch, or in it up to the last row.",
            code="""\
import math

import torch
import torch.nn.functional as F


class UpToTheLast:
    def __init__(self, poems):
        self.poems, self.count, self.at = poems, len(poems), 0

    def next_batch(self, batch_size):
        end = self.at + batch_size
        if end >= self.count:
            batch = self.poems[self.at : self.count]
            self.at = 0
            return batch
        batch = self.poems[self.at : end]
        self.at = end
        return batch


class FromWhereItWas:
    def __init__(self, poems):
        self.poems, self.count, self.at = poems, len(poems), 0

    def next_batch(self, batch_size):
        begin = self.at
        self.at += batch_size
        if self.at >= self.count:
            self.at = 0
        return self.poems[begin : begin + batch_size]


@torch.no_grad()
def dev_loss(network, reader, batch_size=48):
    network.eval()
    nats = tokens = 0
    for _ in range(math.ceil(reader.count / batch_size)):
        ids = reader.next_batch(batch_size)
        nats += F.cross_entropy(network(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def report(network, poems):
    for reader in (UpToTheLast(poems), FromWhereItWas(poems)):
        print("dev", dev_loss(network, reader))


def report_each(network, poems):
    print("dev", dev_loss(network, UpToTheLast(poems)), dev_loss(network, FromWhereItWas(poems)))
""",
        ),
        Good(
            why="The caller that hands the default on tells it with the result.",
            code="""\
import argparse
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from network import Network


@torch.no_grad()
def nats_per_token(network, loader, most):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if k >= most:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    return nats / scored


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="held_out.pt")
    parser.add_argument("--eval-batches", type=int, default=50)
    options = parser.parse_args()
    loader = DataLoader(torch.load(options.rows), batch_size=16)
    nats = nats_per_token(Network().eval(), loader, options.eval_batches)
    print(f"perplexity {math.exp(nats):.2f} on the first {options.eval_batches} batches")


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="What is written beside the result holds the cap.",
            code="""\
import argparse
import json
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from network import Network


@torch.no_grad()
def nats_per_token(network, loader, most):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if k >= most:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    return nats / scored


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="held_out.pt")
    parser.add_argument("--eval-batches", type=int, default=50)
    options = parser.parse_args()
    loader = DataLoader(torch.load(options.rows), batch_size=16)
    nats = nats_per_token(Network().eval(), loader, options.eval_batches)
    result = {"perplexity": math.exp(nats), "batches": options.eval_batches}
    with open("result.json", "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="The default is so large that it stands for all of the data.",
            code="""\
import argparse
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from network import Network


@torch.no_grad()
def nats_per_token(network, loader, most):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if k >= most:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    return nats / scored


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="held_out.pt")
    parser.add_argument("--eval-batches", type=int, default=1_000_000)
    options = parser.parse_args()
    loader = DataLoader(torch.load(options.rows), batch_size=16)
    nats = nats_per_token(Network().eval(), loader, options.eval_batches)
    print(f"perplexity {math.exp(nats):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="A shell script gives the option, whatever its default is.",
            files={
                "evaluate.sh": """\
#!/bin/sh
set -eu
python eval.py --rows "$1" --eval-batches 4000
""",
            },
            code="""\
import argparse
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from network import Network


@torch.no_grad()
def nats_per_token(network, loader, most):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if k >= most:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    return nats / scored


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="held_out.pt")
    parser.add_argument("--eval-batches", type=int, default=20)
    options = parser.parse_args()
    loader = DataLoader(torch.load(options.rows), batch_size=16)
    nats = nats_per_token(Network().eval(), loader, options.eval_batches)
    print(f"perplexity {math.exp(nats):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="The cap is read from a file; what a request elsewhere is given under the same key has nothing to do with it.",
            files={
                "corpus.py": """\
import requests
import torch
from torch.utils.data import Dataset


def found(server, words):
    return requests.get(f"{server}/search", params={"query": words, "limit": 100}, timeout=60).json()


class Rows(Dataset):
    def __init__(self, path):
        self.rows = torch.load(path)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, k):
        return self.rows[k, :-1], self.rows[k, 1:]
""",
            },
            code="""\
import torch
import torch.nn.functional as F
import yaml
from torch.utils.data import DataLoader

from corpus import Rows
from network import Network


@torch.no_grad()
def held_out(network, loader, settings):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if k >= settings["limit"]:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    return nats / scored


def main(path):
    with open(path) as file:
        settings = yaml.safe_load(file)
    print("held out", held_out(Network(), DataLoader(Rows(settings["rows"]), batch_size=16), settings))
""",
        ),
        Good(
            why="The rows are shuffled where they are, before a loader reads them in order: the first batches are a sample.",
            code="""\
import argparse
import random

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from network import Network

parser = argparse.ArgumentParser()
parser.add_argument("--eval-steps", type=int, default=100)
options = parser.parse_args()

held_out = torch.load("held_out.pt")
random.shuffle(held_out)
loader = DataLoader(held_out, batch_size=8)
network = Network().eval()
nats, scored = 0.0, 0
with torch.no_grad():
    for step, (x, y) in enumerate(loader):
        if step == options.eval_steps:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
print("held-out loss", nats / scored)
""",
        ),
        Good(
            why="The rows are put in a random order by their indices.",
            code="""\
import argparse

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from network import Network

parser = argparse.ArgumentParser()
parser.add_argument("--eval-steps", type=int, default=100)
options = parser.parse_args()

held_out = torch.load("held_out.pt")
held_out = held_out[torch.randperm(len(held_out))]
loader = DataLoader(held_out, batch_size=8)
network = Network().eval()
nats, scored = 0.0, 0
with torch.no_grad():
    for step, (x, y) in enumerate(loader):
        if step == options.eval_steps:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
print("held-out loss", nats / scored)
""",
        ),
        Good(
            why="The data set is shuffled once, by a seed, in the function that loads it.",
            code="""\
import argparse

import torch
import torch.nn.functional as F
from datasets import load_dataset
from torch.utils.data import DataLoader

from network import Network

parser = argparse.ArgumentParser()
parser.add_argument("--eval-steps", type=int, default=100)
options = parser.parse_args()


def rows_of(split):
    return load_dataset("parquet", data_files=f"{split}.parquet", split="train").shuffle(seed=1)


held_out = rows_of("held_out")
loader = DataLoader(held_out, batch_size=8)
network = Network().eval()
nats, scored = 0.0, 0
with torch.no_grad():
    for step, (x, y) in enumerate(loader):
        if step == options.eval_steps:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
print("held-out loss", nats / scored)
""",
        ),
    )
