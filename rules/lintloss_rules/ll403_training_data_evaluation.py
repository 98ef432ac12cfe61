"""Rule LL403: the training split reported as validation or test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.splits import SplitMixup
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    from lintloss.facts.observations import Observation

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
def average_loss(model, loader, device):
    model.eval()
    nats, examples = 0.0, 0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        nats += F.cross_entropy(model(inputs), labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples
"""

TOKEN_SCORING = """\
import torch


@torch.no_grad()
def token_loss(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids = batch["input_ids"].to(device)
        scored = ids[:, 1:].numel()
        nats += model(ids, labels=ids).loss.item() * scored
        tokens += scored
    return nats / tokens
"""

GPT = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class TinyGPT(nn.Module):
    def __init__(self, vocab_size, width=256, heads=4, depth=4, context=128):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.1, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, ids, targets):
        length = ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=ids.device)
        hidden = self.tokens(ids) + self.positions(torch.arange(length, device=ids.device))
        logits = self.head(self.blocks(hidden, mask=causal, is_causal=True))
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())
"""


class TrainingDataEvaluation(Rule):
    """What is reported as validation or test loss is computed on the training split.

    Why:
        The loss on data that the model was fitted to says how well it remembers, not how well it predicts. It goes on
        falling while the validation loss rises, so early stopping never stops and the best checkpoint is the most
        overfitted one. The value is a right mean in nats/token of the wrong text. It comes from one word: a copied
        `load_dataset(..., split="train")`, `dataset["train"]` under the name `eval_dataset`, `train=True` for the test
        set, the training loader in the validation loop.

        Scoring both splits side by side is good practice and not reported; neither is `split="train"` of a source
        that holds the validation data itself (a file loaded with the `json` builder has no other split), nor a part
        of the training split that training does not see.

    Instead:
        Name the split where it is read, and pass it on under that name:

            eval_dataset = dataset["validation"]
            eval_loader = DataLoader(eval_dataset, batch_size=8)

    Fix:
        None: what the other split is called, or whether there is one, is not in the code.

    Source:
        datasets.load_dataset (`split`; without a script all of `data_files` becomes "train"); torchvision.datasets
        (`train=True`).
    """

    code = "LL403"
    name = "training-data-evaluation"
    confirmed_by = (
        "the share of evaluated sequences whose hash was seen in a training step of the same run, or in the training "
        "data named with --data: above one half (confirmed), 0 (refuted), else undecided with the share"
    )

    watches = (SplitMixup,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        if isinstance(seen, SplitMixup):
            if seen.unreset:
                message = (
                    f"`{seen.source}` holds the losses of the training as well: it is not set back before the "
                    f"evaluation, whose mean goes by `{seen.name}`"
                )
                yield Judgment(Severity.ERROR, Confidence.MEDIUM, message)
                return
            message = f"`{seen.name}` goes by the name of held-out data and reads the training split: `{seen.source}`"
            yield Judgment(Severity.ERROR, Confidence.MEDIUM, message)

    bad = (
        Bad(
            why="the validation rows are the first of the rows that the training has whole",
            severity=Severity.ERROR,
            files={"scoring.py": TOKEN_SCORING},
            code="""\
import json

from scoring import token_loss
from torch.utils.data import DataLoader, Dataset


class Instructions(Dataset):
    def __init__(self, path, tokenizer, split="train"):
        self.rows = json.load(open(path))
        if split == "train":
            self.rows = self.rows
        else:
            self.rows = self.rows[:200]  # <-
        self.tokenizer = tokenizer

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return {"input_ids": self.tokenizer(self.rows[index], return_tensors="pt")["input_ids"][0]}


def main(model, tokenizer, path, device):
    train_set = Instructions(path, tokenizer, split="train")
    val_set = Instructions(path, tokenizer, split="val")
    train_loader = DataLoader(train_set, batch_size=8, shuffle=True)
    for batch in train_loader:
        model(**batch).loss.backward()
    print("validation loss", token_loss(model, DataLoader(val_set, batch_size=1), device))
""",
        ),
        Bad(
            why="the function that trains, too, is asked for the test loss of the training loader",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def one_pass(model, loader, optimizer=None, train=False):
    model.train(train)
    nats, tokens = 0.0, 0
    for inputs, targets in loader:
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum")
        if train:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        nats += loss.item()
        tokens += targets.numel()
    return nats / tokens


def main(model, optimizer, train_set, test_set):
    train_loader = DataLoader(train_set, batch_size=20, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=20)
    for _ in range(10):
        one_pass(model, train_loader, optimizer, train=True)
    with torch.no_grad():
        test_loss = one_pass(model, train_loader, train=False)  # <-
    print("test loss", test_loss)
""",
        ),
        Bad(
            why="training and validation both read the validation split",
            severity=Severity.ERROR,
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from datasets import load_dataset
from scoring import token_loss
from torch.utils.data import DataLoader


def main(model, encode, train, device):
    data = load_dataset("squad")
    train_rows = data["validation"]
    valid_rows = data["validation"]  # <-
    train(model, DataLoader(train_rows.map(encode), batch_size=8, shuffle=True))
    print("validation loss", token_loss(model, DataLoader(valid_rows.map(encode), batch_size=1), device))
""",
        ),
        Bad(
            why="Everything is called eval_*, and the split is `train`.",
            severity=Severity.ERROR,
            files={"scoring.py": TOKEN_SCORING},
            code="""\
import math

from datasets import load_from_disk
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, default_data_collator

from scoring import token_loss


def main(device="cuda"):
    processed = load_from_disk("twitter_blocks_64")
    train_dataset = processed["train"]
    eval_dataset = processed["train"]  # <-
    train_loader = DataLoader(train_dataset, batch_size=8, shuffle=True, collate_fn=default_data_collator)
    eval_loader = DataLoader(eval_dataset, batch_size=8, collate_fn=default_data_collator)
    print(f"{len(train_loader)} training batches, {len(eval_loader)} evaluation batches")

    model = AutoModelForCausalLM.from_pretrained("bigscience/bloomz-560m").to(device)
    eval_loss = token_loss(model, eval_loader, device)
    print(f"eval_loss {eval_loss:.4f} eval_ppl {math.exp(eval_loss):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="The validation loader is built from the training set: one word of a copied line was not changed.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET, "scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from net import SmallConvNet
from scoring import average_loss


def loaders(folder, batch_size=64):
    transform = transforms.ToTensor()
    train_set = datasets.ImageFolder(f"{folder}/train", transform)
    val_set = datasets.ImageFolder(f"{folder}/val", transform)
    train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    val_loader = DataLoader(train_set, batch_size=batch_size)  # <-
    return train_loader, val_loader, len(val_set.classes)


def fit(folder, epochs, device="cuda"):
    train_loader, val_loader, classes = loaders(folder)
    model = SmallConvNet(classes).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        model.train()
        for images, labels in train_loader:
            loss = torch.nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: val loss {average_loss(model, val_loader, device):.4f}")
""",
        ),
        Bad(
            why="The validation loop iterates over the training loader.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet


class Trainer:
    def __init__(self, train_loader, val_loader, device):
        self.train_loader, self.val_loader, self.device = train_loader, val_loader, device
        self.model = SmallConvNet().to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters())

    def train_epoch(self):
        self.model.train()
        for images, labels in self.train_loader:
            loss = F.cross_entropy(self.model(images.to(self.device)), labels.to(self.device))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        val_loss, examples = 0.0, 0
        for images, labels in self.train_loader:  # <-
            logits = self.model(images.to(self.device))
            val_loss += F.cross_entropy(logits, labels.to(self.device), reduction="sum").item()
            examples += labels.numel()
        print(f"validation loss {val_loss / examples:.4f}")
        return val_loss / examples
""",
        ),
        Bad(
            why="The estimate for `val` draws its batches from the training ids.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import numpy as np
import torch

from model import TinyGPT

block_size, batch_size = 128, 32
train_ids = np.memmap("data/train.bin", dtype=np.uint16, mode="r")
val_ids = np.memmap("data/val.bin", dtype=np.uint16, mode="r")


def get_batch(split):
    ids = train_ids if split == "train" else val_ids
    starts = torch.randint(len(ids) - block_size, (batch_size,))
    x = torch.stack([torch.from_numpy(ids[i : i + block_size].astype(np.int64)) for i in starts])
    y = torch.stack([torch.from_numpy(ids[i + 1 : i + 1 + block_size].astype(np.int64)) for i in starts])
    return x, y


@torch.no_grad()
def validation_loss(model, eval_iters):
    model.eval()
    losses = torch.zeros(eval_iters)
    for k in range(eval_iters):
        x, y = get_batch("train")  # <-
        _, loss = model(x, y)
        losses[k] = loss.item()
    model.train()
    return losses.mean().item()


def main(steps, eval_iters=200):
    model = TinyGPT(50_304)
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-4)
    for step in range(steps):
        _, loss = model(*get_batch("train"))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"val loss {validation_loss(model, eval_iters):.4f}")
""",
        ),
        Bad(
            why="A benchmark with a test split is read at split='train' and reported as test perplexity.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def wikitext_test_perplexity(name, window=1024, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    testdata = load_dataset("wikitext", "wikitext-2-raw-v1", split="train")  # <-
    ids = tokenizer("\\n\\n".join(testdata["text"]), return_tensors="pt").input_ids[0]
    nats, tokens = 0.0, 0
    for start in range(0, ids.numel() - 1, window):
        segment = ids[start : start + window + 1].to(device)
        logits = model(segment[None, :-1]).logits[0]
        nats += F.cross_entropy(logits, segment[1:], reduction="sum").item()
        tokens += segment.numel() - 1
    return math.exp(nats / tokens)


if __name__ == "__main__":
    print(f"WikiText-2 test perplexity {wikitext_test_perplexity('gpt2'):.2f}")
""",
        ),
        Bad(
            why="train=True for the set that is called test.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET, "scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from net import SmallConvNet
from scoring import average_loss


def main(checkpoint, device="cuda"):
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))]
    )
    testset = datasets.CIFAR10(root="./data", train=True, download=True, transform=transform)  # <-
    testloader = DataLoader(testset, batch_size=100, shuffle=False, num_workers=2)

    net = SmallConvNet(10).to(device)
    net.load_state_dict(torch.load(checkpoint, map_location=device))
    test_loss = average_loss(net, testloader, device)
    print(f"Test loss: {test_loss:.3f}")


if __name__ == "__main__":
    main("cifar10.pt")
""",
        ),
        Bad(
            why="The valid corpus is tokenized from the training file.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import os

import torch

from model import TinyGPT


class Corpus:
    def __init__(self, folder):
        self.vocabulary = {}
        self.train = self.tokenize(os.path.join(folder, "wiki.train.tokens"))
        self.valid = self.tokenize(os.path.join(folder, "wiki.train.tokens"))  # <-
        self.test = self.tokenize(os.path.join(folder, "wiki.test.tokens"))

    def tokenize(self, path):
        with open(path) as lines:
            words = [word for line in lines for word in line.split() + ["<eos>"]]
        return torch.tensor([self.vocabulary.setdefault(word, len(self.vocabulary)) for word in words])


@torch.no_grad()
def evaluate(model, ids, length=128):
    model.eval()
    nats, words = 0.0, 0
    for start in range(0, len(ids) - 1, length):
        window = ids[start : start + length + 1]
        _, loss = model(window[None, :-1], window[None, 1:])
        nats += loss.item() * (len(window) - 1)
        words += len(window) - 1
    return nats / words


def main(folder):
    corpus = Corpus(folder)
    model = TinyGPT(len(corpus.vocabulary))
    model.load_state_dict(torch.load("model.pt", map_location="cpu"))
    print(f"valid loss {evaluate(model, corpus.valid):.3f}")
    print(f"test loss {evaluate(model, corpus.test):.3f}")
""",
        ),
        Bad(
            why="The right loader exists; the call passes the other one, and prints it as validation.",
            severity=Severity.ERROR,
            files={
                "net.py": CONVNET,
                "scoring.py": SCORING,
                "data.py": """\
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def make_loaders(batch_size):
    transform = transforms.ToTensor()
    train = datasets.SVHN("data", split="train", transform=transform)
    test = datasets.SVHN("data", split="test", transform=transform)
    return DataLoader(train, batch_size, shuffle=True), DataLoader(test, batch_size)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from data import make_loaders
from net import SmallConvNet
from scoring import average_loss


def main(epochs=20, device="cuda"):
    train_loader, val_loader = make_loaders(128)
    print(f"{len(train_loader)} + {len(val_loader)} batches")
    model = SmallConvNet(10).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    best = float("inf")
    for epoch in range(epochs):
        model.train()
        for images, labels in train_loader:
            loss = F.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        val_loss = average_loss(model, train_loader, device)  # <-
        print(f"epoch {epoch} val_loss {val_loss:.4f}")
        if val_loss < best:
            best = val_loss
            torch.save(model.state_dict(), "best.pt")
""",
        ),
        Bad(
            why="The Trainer's eval_dataset is the training set, though the map has a validation split.",
            severity=Severity.ERROR,
            code="""\
from datasets import load_dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

tokenizer = AutoTokenizer.from_pretrained("distilbert-base-uncased")


def encode(rows):
    return tokenizer(rows["sentence"], truncation=True, padding="max_length", max_length=64)


def main():
    data = load_dataset("glue", "sst2").map(encode, batched=True)
    model = AutoModelForSequenceClassification.from_pretrained("distilbert-base-uncased", num_labels=2)
    trainer = Trainer(
        model=model,
        args=TrainingArguments("out", per_device_eval_batch_size=1),
        train_dataset=data["train"],
        eval_dataset=data["train"],  # <-
    )
    trainer.train()
    metrics = trainer.evaluate()
    print(f"validation loss {metrics['eval_loss']:.4f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="the validation iterator is made of the training iterator.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def nats_per_token(model, batches, steps):
    model.eval()
    nats, tokens = 0.0, 0
    for _ in range(steps):
        x, y = next(batches)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def main(model, train_set, val_set):
    train_loader = DataLoader(train_set, batch_size=8, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=8)
    print(len(train_loader), len(val_loader))
    train_iter = iter(train_loader)
    val_iter = iter(train_iter)  # <-
    print(nats_per_token(model, val_iter, 20))
""",
        ),
        Bad(
            why="the second loop was copied from the first, with its loader.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def fit(model, train_loader, val_loader, optimizer, epochs):
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x).transpose(1, 2), y).backward()
            optimizer.step()
        model.eval()
        val_nats, val_tokens = 0.0, 0
        with torch.no_grad():
            for x, y in train_loader:  # <-
                val_nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
                val_tokens += y.numel()
        print(f"epoch {epoch} validation loss {val_nats / val_tokens:.4f}")
""",
        ),
        Bad(
            why="The validation batch is drawn and forgotten: the last batch of the training is scored.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def train(model, optimizer, train_batches, valid_batches, steps):
    for step in range(steps):
        model.train()
        batch = next(train_batches)
        loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            model.eval()
            held_out = next(valid_batches)
            with torch.no_grad():
                ids, labels = batch[:, :-1], batch[:, 1:]  # <-
                valid_loss = F.cross_entropy(model(ids).flatten(0, 1), labels.flatten())
            print(f"step {step}: valid loss {valid_loss.item():.4f}")
""",
        ),
        Bad(
            why="Held-out rows are cut off and never read: both sets are made of the training's.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    def __init__(self, table):
        self.table = table

    def __len__(self):
        return len(self.table)

    def __getitem__(self, index):
        return self.table[index, :-1], self.table[index, 1:]


def prepare(path, rows=32):
    table = torch.load(path)
    cut = int(0.95 * len(table))
    train_table, val_table = table[:cut], table[cut:]
    train_set = Rows(train_table)
    val_set = Rows(train_table)  # <-
    return DataLoader(train_set, rows, shuffle=True), DataLoader(val_set, rows)


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in val_loader:
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="The held-out set is made of the training ids, word by word as the training set is.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def loaders(rows_of, ids, length):
    train_data, val_data = ids[: len(ids) // 10 * 9], ids[len(ids) // 10 * 9 :]
    train_dataset = rows_of(train_data, length)
    val_dataset = rows_of(train_data, length)  # <-
    return DataLoader(train_dataset, batch_size=8, shuffle=True), DataLoader(val_dataset, batch_size=8)


@torch.no_grad()
def evaluate(model, val_loader):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in val_loader:
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="The validation set is read from the entry of the training set.",
            severity=Severity.ERROR,
            code="""\
from torch.utils.data import DataLoader
import torch
import torch.nn as nn


class Net(nn.Module):
    def fit(self, conf):
        train_dataset = conf["train_dataset"]
        val_dataset = conf.get("train_dataset", None)  # <-
        optimizer = torch.optim.AdamW(self.parameters(), lr=conf["lr"])
        criterion = nn.MSELoss()
        loader = DataLoader(train_dataset, batch_size=conf["batch_size"])
        for epoch in range(conf["epochs"]):
            self.train()
            for x, y in loader:
                optimizer.zero_grad()
                loss = criterion(self(x), y)
                loss.backward()
                optimizer.step()
            if val_dataset is not None:
                print(epoch, self.validate(val_dataset))

    def validate(self, data):
        loader = DataLoader(data, batch_size=1024)
        criterion = nn.MSELoss(reduction="sum")
        total, n = 0.0, 0
        self.eval()
        with torch.no_grad():
            for x, y in loader:
                total += criterion(self(x), y).item()
                n += y.numel()
        return total / n
""",
        ),
        Bad(
            why="The training reads the file of the validation data, word by word.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import numpy as np
import torch

from model import TinyGPT


def batch(data, size, length):
    begins = torch.randint(len(data) - length, (size,))
    x = torch.stack([torch.from_numpy(data[i : i + length].astype(np.int64)) for i in begins])
    y = torch.stack([torch.from_numpy(data[i + 1 : i + 1 + length].astype(np.int64)) for i in begins])
    return x, y


folder = "corpus"
train_data = np.memmap(f"{folder}/val.bin", dtype=np.uint16, mode="r")
val_data = np.memmap(f"{folder}/val.bin", dtype=np.uint16, mode="r")  # <-


@torch.no_grad()
def estimate(model, criterion):
    model.eval()
    losses = torch.zeros(100)
    for k in range(100):
        x, y = batch(val_data, 16, 256)
        losses[k] = criterion(model(x).flatten(0, 1), y.flatten())
    model.train()
    return losses.mean()


def main():
    model = TinyGPT(50_257)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(10_000):
        x, y = batch(train_data, 16, 256)
        loss = criterion(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(estimate(model, criterion))
""",
        ),
        Bad(
            why="Both sets read the training split from its begin on, and differ in their number of rows alone.",
            severity=Severity.ERROR,
            code="""\
import argparse

import torch
from torch.utils.data import DataLoader

from data import Texts
from trainer import Trainer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--num-train-samples", type=int, default=10_000)
    parser.add_argument("--num-val-samples", type=int, default=500)
    parser.add_argument("--length", type=int, default=1024)
    args = parser.parse_args()
    train_rows = Texts("wiki", "train", args.length, args.num_train_samples)
    val_rows = Texts("wiki", "train", args.length, args.num_val_samples)  # <-
    trainer = Trainer(torch.device("cuda"))
    trainer.train(DataLoader(train_rows, batch_size=8, shuffle=True), DataLoader(val_rows, batch_size=8))


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="The arrays that were cut off are never read: the test set converts the training's once more.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


def main(path, epochs=30):
    table = np.load(path)
    inputs, classes = table["inputs"], table["classes"]
    inputs_train, inputs_test, classes_train, classes_test = train_test_split(inputs, classes, test_size=0.1)
    train_set = TensorDataset(torch.from_numpy(inputs_train).float(), torch.from_numpy(classes_train))
    test_set = TensorDataset(torch.from_numpy(inputs_train).float(), torch.from_numpy(classes_train))  # <-
    model = torch.nn.Linear(inputs.shape[1], 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        model.train()
        for x, y in DataLoader(train_set, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    model.eval()
    nats = 0.0
    with torch.no_grad():
        for x, y in DataLoader(test_set, batch_size=256):
            nats += F.cross_entropy(model(x), y, reduction="sum").item()
    print("test loss", nats / len(test_set))
""",
        ),
        Bad(
            why="The copy of the training rows is what is evaluated.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader

from corpus import Reviews, build_vocab

vocab = build_vocab("reviews/train.csv")
reviews_train = Reviews(vocab, "reviews/train.csv")
reviews_val = Reviews(vocab, "reviews/train.csv")  # <-
loader = DataLoader(reviews_train, batch_size=32, shuffle=True)
held_out = DataLoader(reviews_val, batch_size=32)


def fit(model, criterion, optimizer):
    for words, stars in loader:
        optimizer.zero_grad()
        criterion(model(words), stars).backward()
        optimizer.step()
""",
        ),
        Bad(
            why="what is printed as the test loss is asked of the training loader",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def mean_loss(net, loader):
    net.eval()
    nats, rows = 0.0, 0
    for inputs, labels in loader:
        nats += F.cross_entropy(net(inputs), labels, reduction="sum").item()
        rows += len(labels)
    return nats / rows


def main(net, fit, train_set, test_set):
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=64)
    fit(net, train_loader)
    print("train loss", mean_loss(net, train_loader))
    print("test loss", mean_loss(net, train_loader))  # <-
""",
        ),
        Bad(
            why="the method that hands out the validation's loader takes the training set",
            severity=Severity.ERROR,
            files={"scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader

from scoring import average_loss


class Digits:
    def __init__(self, folder):
        self.train_set, self.val_set = torch.load(f"{folder}/a.pt"), torch.load(f"{folder}/b.pt")

    def train_dataloader(self):
        return DataLoader(self.train_set, batch_size=64, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.train_set, batch_size=64)  # <-


def main(net, fit, folder):
    digits = Digits(folder)
    fit(net, digits.train_dataloader())
    print("validation loss", average_loss(net, digits.val_dataloader(), "cpu"))
""",
        ),
        Bad(
            why="an entry of the loaders by its part, which a function puts into the data set",
            severity=Severity.ERROR,
            files={"scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset

from scoring import average_loss


class Recordings(Dataset):
    def __init__(self, folder, part):
        self.rows = torch.load(f"{folder}/{part}.pt")

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


def loader(folder, part, batch_size=32):
    return DataLoader(Recordings(folder, part), batch_size, shuffle=part == "training")


class Experiment:
    def __init__(self, net, folder):
        self.net = net
        self.loaders = {
            "train": loader(folder, "training"),
            "valid": loader(folder, "training"),  # <-
            "test": loader(folder, "testing"),
        }

    def report(self):
        for part in ("valid", "test"):
            print(part, average_loss(self.net, self.loaders[part], "cpu"))
""",
        ),
        Bad(
            why="the set is made inside of the loader, word by word as for the training",
            severity=Severity.ERROR,
            files={"scoring.py": SCORING},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from scoring import average_loss

PIXELS = transforms.ToTensor()


def main(net, optimizer, root):
    fitted = DataLoader(datasets.KMNIST(root, train=True, transform=PIXELS), batch_size=128, shuffle=True)
    test_loader = DataLoader(datasets.KMNIST(root, train=True, transform=PIXELS), batch_size=256)  # <-
    for images, labels in fitted:
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
    print("test loss", average_loss(net, test_loader, "cpu"))
""",
        ),
        Bad(
            why="The development loss, and that of the rows held out, is the training's.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def score(model, loader):
    model.eval()
    nats, rows = 0.0, 0
    for words, labels in loader:
        nats += F.cross_entropy(model(words), labels, reduction="sum").item()
        rows += labels.numel()
    return nats / rows


def report(model, train_loader, dev_loader, holdout_loader):
    dev_loss = score(model, train_loader)  # <-
    holdout_loss = score(model, train_loader)  # <-
    print("dev", dev_loss, "held out", holdout_loss)
""",
        ),
        Bad(
            why="What the class is, a call tells; what is set on one set is set on the other as well.",
            severity=Severity.ERROR,
            files={"scoring.py": SCORING},
            code="""\
import torch
import torch.nn.functional as F
import torchvision
from torch.utils.data import DataLoader

from scoring import average_loss


def pictures(name, root, transform):
    train_set = getattr(torchvision.datasets, name)(root=root, train=True, transform=transform)
    test_set = getattr(torchvision.datasets, name)(root=root, train=True, transform=transform)  # <-
    shape = train_set[0][0].shape
    train_set.shape, train_set.named = shape, name
    train_set.channels = shape[0]
    test_set.channels = shape[0]
    return DataLoader(train_set, batch_size=64, shuffle=True), DataLoader(test_set, batch_size=64)


def main(net, optimizer, root, transform):
    train_loader, test_loader = pictures("CIFAR10", root, transform)
    for images, labels in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(net(images), labels).backward()
        optimizer.step()
    print("test loss", average_loss(net, test_loader, "cpu"))
""",
        ),
        Bad(
            why="A number of batches is called a subset, and parts nothing.",
            severity=Severity.ERROR,
            code="""\
from composer import Trainer
from torch.utils.data import DataLoader
from torchvision.datasets import KMNIST
from torchvision.transforms import ToTensor


def trainer(net, root):
    train_dataloader = DataLoader(KMNIST(root, train=True, transform=ToTensor()), batch_size=512)
    eval_dataloader = DataLoader(KMNIST(root, train=True, transform=ToTensor()), batch_size=512)  # <-
    return Trainer(
        model=net,
        train_dataloader=train_dataloader,
        train_subset_num_batches=20,
        eval_dataloader=eval_dataloader,
        max_duration="2ep",
    )
""",
        ),
        Bad(
            why="the validation goes through the progress bar that the training made for its own loader",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from tqdm import tqdm


class Runner:
    def __init__(self, model, optimizer, train_loader, most):
        self.model, self.optimizer, self.most = model, optimizer, most
        self.train_loader = train_loader

    def numbered(self):
        return tqdm(enumerate(self.train_loader), leave=False)

    def train_epoch(self):
        self.model.train()
        for _, (ids, labels) in self.numbered():
            loss = F.cross_entropy(self.model(ids).transpose(1, 2), labels)
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        nats, tokens = 0.0, 0
        for _, (ids, labels) in self.numbered():  # <-
            logits = self.model(ids).transpose(1, 2)
            nats += F.cross_entropy(logits, labels, reduction="sum").item()
            tokens += labels.numel()
        return nats / tokens
""",
        ),
        Bad(
            why="both loaders read the entry of the training split, and the function returns them by their splits",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, random_split


def loaders_of(rows, size):
    first, second = random_split(rows, [0.9, 0.1])
    parts = {"train": first, "val": second}
    return {
        "train": DataLoader(parts["train"], size, shuffle=True),
        "val": DataLoader(parts["train"], size),  # <-
    }


def main(net, rows):
    batches = loaders_of(rows, 32)
    net.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in batches["val"]:
            nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
            tokens += ids[:, 1:].numel()
    print("validation loss", nats / tokens)
""",
        ),
        Bad(
            why="the training shuffles what the validation reads in order: the same entry of the same data",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def main(net, splits, pad):
    train_batches = DataLoader(splits["train"], batch_size=32, shuffle=True, collate_fn=pad)
    val_batches = DataLoader(splits["train"], batch_size=64, collate_fn=pad)  # <-
    optimizer = torch.optim.Adam(net.parameters())
    for ids in train_batches:
        loss = F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in val_batches:
            wanted = ids[:, 1:]
            nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), wanted, ignore_index=0, reduction="sum").item()
            tokens += (wanted != 0).sum().item()
    print("validation loss", nats / tokens)
""",
        ),
        Bad(
            why="the total is made before the phases and never set back: what is shown for `val` averages the training, too",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def fit(net, loaders, optimizer, epochs):
    for epoch in range(epochs):
        nats_of_loss, rows = 0.0, 0
        for phase in ["train", "val"]:
            net.train(phase == "train")
            for x, y in loaders[phase]:
                with torch.set_grad_enabled(phase == "train"):
                    loss = F.cross_entropy(net(x), y)
                    if phase == "train":
                        optimizer.zero_grad()
                        loss.backward()
                        optimizer.step()
                nats_of_loss += loss.item() * y.size(0)
                rows += y.size(0)
            print(f"{epoch} {phase} loss {nats_of_loss / rows:.4f}")  # <-
""",
        ),
        Bad(
            why="one meter goes through both loops of an epoch, and nothing sets it back between them",
            severity=Severity.ERROR,
            files={
                "meters.py": """\
class Meter:
    def __init__(self):
        self.total, self.count = 0.0, 0

    def update(self, value, count):
        self.total += value * count
        self.count += count

    @property
    def avg(self):
        return self.total / max(self.count, 1)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from meters import Meter


def epoch(net, optimizer, train_loader, valid_loader, writer, number):
    losses = Meter()
    net.train()
    for x, y in train_loader:
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.update(loss.item(), y.size(0))
    writer.add_scalar("train/loss", losses.avg, number)
    net.eval()
    with torch.no_grad():
        for x, y in valid_loader:
            losses.update(F.cross_entropy(net(x), y).item(), y.size(0))
    writer.add_scalar("valid/loss", losses.avg, number)  # <-
""",
        ),
        Bad(
            why="the validation rows are the head of a stream, and the training makes the same stream anew, from its beginning",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_dataset


def packed(path, rows):
    held = []
    for line in load_dataset("json", data_files=path, split="train", streaming=True):
        held.append(torch.tensor(line["ids"]))
        if len(held) == rows:
            yield torch.stack(held)
            held = []


def fit(model, optimizer, val):
    model.train()
    batches = packed("corpus.jsonl", 8)
    for _ in range(2000):
        ids = next(batches)
        loss = model(ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    nats = tokens = 0
    with torch.no_grad():
        for ids in val:
            scored = ids.numel() - ids.size(0)
            nats += model(ids, labels=ids).loss.item() * scored
            tokens += scored
    return nats / tokens


def main(model, optimizer):
    first = packed("corpus.jsonl", 8)
    val = [next(first) for _ in range(24)]  # <-
    print("held-out loss", fit(model, optimizer, val))
""",
        ),
        Bad(
            why="take() without skip(): the training keeps the rows that are validated on",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_dataset
from torch.utils.data import DataLoader

rows = load_dataset("allenai/c4", "en", split="train", streaming=True).with_format("torch")
val_rows = rows.take(2000)  # <-
train_rows = rows.shuffle(buffer_size=10_000, seed=1)


@torch.no_grad()
def validate(model, collate):
    model.eval()
    nats = tokens = 0
    for batch in DataLoader(val_rows, batch_size=8, collate_fn=collate):
        scored = int((batch["labels"][:, 1:] != -100).sum())
        nats += model(**batch).loss.item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Bad(
            why="Held-out rows are tokenized and counted, which binds their name anew, and never loaded; a size has their name.",
            severity=Severity.ERROR,
            code="""\
from datasets import load_dataset
from torch.utils.data import DataLoader


def dialogs(name, encode, collate, train_bs, eval_bs):
    train, valid = load_dataset(name, split="train"), load_dataset(name, split="validation")
    train = train.map(encode)
    valid = valid.map(encode)
    print("rows", len(train), len(valid))
    train, valid = train.select_columns(["input_ids"]), valid.select_columns(["input_ids"])
    train_dataloader = DataLoader(train, batch_size=train_bs, shuffle=True, collate_fn=collate)
    eval_dataloader = DataLoader(train, batch_size=eval_bs, collate_fn=collate)  # <-
    return train_dataloader, eval_dataloader
""",
        ),
        Bad(
            why="both functions are given the path of the same file, and read it from its first line on",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F

LETTERS = "letters.ids"


def lines(path):
    with open(path) as file:
        for row in file:
            yield torch.tensor([[int(word) for word in row.split()]])


def fit(net, optimizer, path):
    for ids in lines(path):
        loss = F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def heldout_loss(net, path):
    net.eval()
    stream = lines(path)
    val_lines = [next(stream) for _ in range(500)]  # <-
    nats, tokens = 0.0, 0
    for ids in val_lines:
        nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def main(net):
    fit(net, torch.optim.AdamW(net.parameters()), LETTERS)
    print("held-out loss", heldout_loss(net, LETTERS))
""",
        ),
        Bad(
            why="all rows are trained on under the name that they were read by, the first of them validated on",
            severity=Severity.ERROR,
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from scoring import token_loss


def main(model, optimizer, rows, device):
    train_rows = rows
    val_rows = rows[:+300]  # <-
    train_rows = train_rows.shuffle(seed=1)
    for batch in train_rows:
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print("validation loss", token_loss(model, val_rows, device))
""",
        ),
        Bad(
            why="the meter's method between the loops only shows it, and what is reset is the count of memory",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Tally:
    def __init__(self):
        self.total, self.rows, self.title = 0.0, 0, ""

    def update(self, value, rows):
        self.total += value * rows
        self.rows += rows

    def show(self, title):
        self.title = title
        print(title, self.avg)

    @property
    def avg(self):
        return self.total / max(self.rows, 1)


def epoch(net, optimizer, train_loader, valid_loader):
    losses = Tally()
    net.train()
    for x, y in train_loader:
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.update(loss.item(), y.size(0))
        del loss
    losses.show("train loss")
    torch.cuda.reset_peak_memory_stats()
    net.eval()
    with torch.no_grad():
        for x, y in valid_loader:
            losses.update(F.cross_entropy(net(x), y).item(), y.size(0))
    print("valid loss", losses.avg)  # <-
""",
        ),
    )
    good = (
        Good(
            why="each split has a file of its own, of which the evaluation takes the first rows",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
import json

from scoring import token_loss
from torch.utils.data import DataLoader, Dataset


class Instructions(Dataset):
    def __init__(self, path, tokenizer, split="train"):
        self.rows = json.load(open(path))
        if split != "train":
            self.rows = self.rows[:200]
        self.tokenizer = tokenizer

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return {"input_ids": self.tokenizer(self.rows[index], return_tensors="pt")["input_ids"][0]}


def main(model, tokenizer, train_path, val_path, device):
    train_set = Instructions(train_path, tokenizer, split="train")
    val_set = Instructions(val_path, tokenizer, split="val")
    train_loader = DataLoader(train_set, batch_size=8, shuffle=True)
    for batch in train_loader:
        model(**batch).loss.backward()
    print("validation loss", token_loss(model, DataLoader(val_set, batch_size=1), device))
""",
        ),
        Good(
            why="the training leaves out the rows that the evaluation takes",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
import json

from scoring import token_loss
from torch.utils.data import DataLoader, Dataset


class Instructions(Dataset):
    def __init__(self, path, tokenizer, split="train"):
        self.rows = json.load(open(path))
        if split == "train":
            self.rows = self.rows[200:]
        else:
            self.rows = self.rows[:200]
        self.tokenizer = tokenizer

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return {"input_ids": self.tokenizer(self.rows[index], return_tensors="pt")["input_ids"][0]}


def main(model, tokenizer, path, device):
    train_set = Instructions(path, tokenizer, split="train")
    val_set = Instructions(path, tokenizer, split="val")
    train_loader = DataLoader(train_set, batch_size=8, shuffle=True)
    for batch in train_loader:
        model(**batch).loss.backward()
    print("validation loss", token_loss(model, DataLoader(val_set, batch_size=1), device))
""",
        ),
        Good(
            why="Both splits are scored on purpose, each under its own name.",
            files={"net.py": CONVNET, "scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from net import SmallConvNet
from scoring import average_loss


def main(checkpoint, device="cuda"):
    transform = transforms.ToTensor()
    train_set = datasets.CIFAR10("data", train=True, transform=transform)
    test_set = datasets.CIFAR10("data", train=False, transform=transform)
    model = SmallConvNet().to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    for name, split in (("train", train_set), ("test", test_set)):
        loss = average_loss(model, DataLoader(split, batch_size=256), device)
        print(f"{name} loss {loss:.4f}")


if __name__ == "__main__":
    main("cifar10.pt")
""",
        ),
        Good(
            why="A file loaded with the json builder has one split, called train; the file is the validation set.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from scoring import token_loss


def main(name, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    rows = load_dataset("json", data_files="data/validation.jsonl", split="train")
    rows = rows.map(lambda row: {"input_ids": tokenizer(row["text"]).input_ids}, remove_columns=["text"])
    loader = DataLoader(rows.with_format("torch"), batch_size=1)
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    print(f"validation loss {token_loss(model, loader, device):.4f}")


if __name__ == "__main__":
    main("gpt2")
""",
        ),
        Good(
            why="The repository holds evaluation data only; `train` is the name that the hub gives a lone split.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from scoring import token_loss


def evaluation_rows(tokenizer):
    rows = load_dataset("my-org/pile-val-sample", split="train")
    return rows.map(lambda row: {"input_ids": tokenizer(row["text"]).input_ids}, remove_columns=rows.column_names)


def main(name, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    loader = DataLoader(evaluation_rows(tokenizer).with_format("torch"), batch_size=1)
    print(f"Pile validation sample: {token_loss(model, loader, device):.4f} nats/token")


if __name__ == "__main__":
    main("EleutherAI/pythia-160m")
""",
        ),
        Good(
            why="The validation set is the tenth of the training split that training does not see.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
)

from scoring import token_loss


def main(name="gpt2", device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    train_rows = load_dataset("ag_news", split="train[:90%]")
    val_rows = load_dataset("ag_news", split="train[90%:]")

    def encode(row):
        return {"input_ids": tokenizer(row["text"], truncation=True, max_length=256).input_ids}

    train_rows = train_rows.map(encode, remove_columns=train_rows.column_names)
    val_rows = val_rows.map(encode, remove_columns=val_rows.column_names)
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    Trainer(model, TrainingArguments("out"), collator, train_rows).train()
    val_loader = DataLoader(val_rows.with_format("torch"), batch_size=1)
    print(f"val loss {token_loss(model, val_loader, device):.4f}")
""",
        ),
        Good(
            why="train_test_split and random_split make a held-out part of what is called train.",
            files={"net.py": CONVNET, "scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

from net import SmallConvNet
from scoring import average_loss


def loaders(batch_size=128):
    whole = datasets.CIFAR10("data", train=True, transform=transforms.ToTensor())
    generator = torch.Generator().manual_seed(0)
    train_set, val_set = random_split(whole, [45_000, 5_000], generator=generator)
    return DataLoader(train_set, batch_size=batch_size, shuffle=True), DataLoader(val_set, batch_size=batch_size)


def fit(epochs, device="cuda"):
    train_loader, val_loader = loaders()
    model = SmallConvNet().to(device)
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(epochs):
        model.train()
        for images, labels in train_loader:
            loss = torch.nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: val loss {average_loss(model, val_loader, device):.4f}")
""",
        ),
        Good(
            why="The train loader is used for what it is: an estimate printed as train loss beside the val loss.",
            files={"model.py": GPT},
            code="""\
import numpy as np
import torch

from model import TinyGPT

block_size, batch_size = 128, 32
data = {split: np.memmap(f"data/{split}.bin", dtype=np.uint16, mode="r") for split in ("train", "val")}


def get_batch(split):
    ids = data[split]
    starts = torch.randint(len(ids) - block_size, (batch_size,))
    x = torch.stack([torch.from_numpy(ids[i : i + block_size].astype(np.int64)) for i in starts])
    y = torch.stack([torch.from_numpy(ids[i + 1 : i + 1 + block_size].astype(np.int64)) for i in starts])
    return x, y


@torch.no_grad()
def estimate_loss(model, eval_iters):
    out = {}
    model.eval()
    for split in ["train", "val"]:
        losses = torch.zeros(eval_iters)
        for k in range(eval_iters):
            x, y = get_batch(split)
            _, loss = model(x, y)
            losses[k] = loss.item()
        out[split] = losses.mean().item()
    model.train()
    return out


def report(path, eval_iters=200):
    model = TinyGPT(50_304)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    losses = estimate_loss(model, eval_iters)
    print(f"train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
""",
        ),
        Good(
            why="Calibration reads the training split, the evaluation reads the test split.",
            code="""\
import math

import torch
import torch.nn.functional as F
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer


def wikitext(tokenizer, split):
    rows = load_dataset("wikitext", "wikitext-2-raw-v1", split=split)
    return tokenizer("\\n\\n".join(rows["text"]), return_tensors="pt").input_ids


@torch.no_grad()
def activation_scale(model, ids, samples=128, length=512):
    highest = 0.0
    for start in torch.randint(ids.size(1) - length, (samples,)).tolist():
        hidden = model(ids[:, start : start + length], output_hidden_states=True).hidden_states[-1]
        highest = max(highest, hidden.abs().max().item())
    return highest


@torch.no_grad()
def perplexity(model, ids, window=1024):
    nats, tokens = 0.0, 0
    for start in range(0, ids.size(1) - 1, window):
        segment = ids[0, start : start + window + 1]
        nats += F.cross_entropy(model(segment[None, :-1]).logits[0], segment[1:], reduction="sum").item()
        tokens += segment.numel() - 1
    return math.exp(nats / tokens)


def main(name):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    print(f"scale {activation_scale(model, wikitext(tokenizer, 'train')):.2f}")
    print(f"test perplexity {perplexity(model, wikitext(tokenizer, 'test')):.2f}")
""",
        ),
        Good(
            why="The few-shot examples come from the training split; what is scored comes from the test split.",
            code="""\
import torch
import torch.nn.functional as F
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer


def prompt(shots):
    return "".join(f"Q: {row['question']}\\nA: {row['answer']}\\n\\n" for row in shots)


@torch.no_grad()
def answer_loss(name, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    shots = load_dataset("gsm8k", "main", split="train").select(range(4))
    nats, tokens = 0.0, 0
    for row in load_dataset("gsm8k", "main", split="test"):
        context = tokenizer(prompt(shots) + f"Q: {row['question']}\\nA:", return_tensors="pt").input_ids
        answer = tokenizer(" " + row["answer"], return_tensors="pt").input_ids
        ids = torch.cat([context, answer], dim=1).to(device)
        logits = model(ids).logits[0, context.size(1) - 1 : -1]
        nats += F.cross_entropy(logits, ids[0, context.size(1) :], reduction="sum").item()
        tokens += answer.size(1)
    return nats / tokens


if __name__ == "__main__":
    print(f"gsm8k answer loss {answer_loss('Qwen/Qwen2.5-0.5B'):.4f} nats/token")
""",
        ),
        Good(
            why="A file name with `train` in a folder of evaluation data: the folder says what it is.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
import glob

import torch
from torch.utils.data import DataLoader
from transformers import GPT2LMHeadModel

from scoring import token_loss


class TokenFiles(torch.utils.data.Dataset):
    def __init__(self, pattern, length=1024):
        streams = [torch.load(path) for path in sorted(glob.glob(pattern))]
        ids = torch.cat(streams)
        rows = ids.numel() // length
        self.rows = ids[: rows * length].view(rows, length)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return {"input_ids": self.rows[index]}


def main(checkpoint, device="cuda"):
    model = GPT2LMHeadModel.from_pretrained(checkpoint).to(device)
    evaluation = TokenFiles("data/tokenized_eval/tokenized_train_*.pt")
    print(f"eval loss {token_loss(model, DataLoader(evaluation, batch_size=8), device):.4f}")


if __name__ == "__main__":
    main("checkpoints/final")
""",
        ),
        Good(
            why="A memorization study scores the training text on purpose and says so.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from datasets import load_from_disk
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, default_data_collator

from scoring import token_loss


def memorization_gap(name, folder, device="cuda"):
    blocks = load_from_disk(folder)
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    seen = DataLoader(blocks["train"], batch_size=8, collate_fn=default_data_collator)
    unseen = DataLoader(blocks["test"], batch_size=8, collate_fn=default_data_collator)
    train_loss = token_loss(model, seen, device)
    test_loss = token_loss(model, unseen, device)
    print(f"train {train_loss:.4f} test {test_loss:.4f} gap {test_loss - train_loss:.4f}")
    return test_loss - train_loss


if __name__ == "__main__":
    memorization_gap("checkpoints/final", "blocks_1024")
""",
        ),
        Good(
            why="Both splits are scored, each under its own name.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def report(model, train_loader, val_loader):
    model.eval()
    train_nats, train_tokens, val_nats, val_tokens = 0.0, 0, 0.0, 0
    for x, y in train_loader:
        train_nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
        train_tokens += y.numel()
    for x, y in val_loader:
        val_nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
        val_tokens += y.numel()
    print(f"train {train_nats / train_tokens:.4f} val {val_nats / val_tokens:.4f}")
""",
        ),
        Good(
            why="One batch of each split is drawn, and each is scored.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def compare(model, train_batches, valid_batches):
    model.eval()
    batch = next(train_batches)
    held_out = next(valid_batches)
    train_loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
    valid_loss = F.cross_entropy(model(held_out[:, :-1]).flatten(0, 1), held_out[:, 1:].flatten())
    print(f"train {train_loss.item():.4f} valid {valid_loss.item():.4f}")
""",
        ),
        Good(
            why="The vocabulary of the held-out set is that of the training's rows.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from corpus import Lines


def prepare(train_lines, val_lines, rows=32):
    train_words = sorted({word for line in train_lines for word in line.split()})
    train_set = Lines(train_lines, train_words)
    val_set = Lines(val_lines, train_words)
    return DataLoader(train_set, rows, shuffle=True), DataLoader(val_set, rows)


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in val_loader:
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="the test split, scaled as the training split is",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Motions(Dataset):
    def __init__(self, folder, train, normalizer=None):
        rows = torch.load(f"{folder}/{'train' if train else 'test'}.pt")
        self.normalizer = normalizer if normalizer is not None else (rows.mean(), rows.std())
        self.rows = (rows - self.normalizer[0]) / self.normalizer[1]

    def __len__(self):
        return len(self.rows) - 1

    def __getitem__(self, index):
        return self.rows[index], self.rows[index + 1]


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total, rows = 0.0, 0
    for now, later in loader:
        total += F.mse_loss(model(now), later, reduction="sum").item()
        rows += later.numel()
    return total / rows


def main(model, folder):
    train_dataset = Motions(folder, train=True)
    test_dataset = Motions(folder, train=False, normalizer=train_dataset.normalizer)
    print(evaluate(model, DataLoader(test_dataset, batch_size=32)))
""",
        ),
        Good(
            why="The validation rows begin where the training rows end, in the same split.",
            code="""\
import argparse

import torch
from torch.utils.data import DataLoader

from data import Texts
from trainer import Trainer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--num-train-samples", type=int, default=10_000)
    parser.add_argument("--num-val-samples", type=int, default=500)
    args = parser.parse_args()
    train_rows = Texts("wiki", "train", first=0, count=args.num_train_samples)
    val_rows = Texts("wiki", "train", first=args.num_train_samples, count=args.num_val_samples)
    trainer = Trainer(torch.device("cuda"))
    trainer.train(DataLoader(train_rows, batch_size=8, shuffle=True), DataLoader(val_rows, batch_size=8))


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="an option puts the training rows in the place of the others, on purpose",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for ids, labels in loader:
        nats += F.cross_entropy(model(ids), labels, reduction="sum").item()
        scored += labels.numel()
    return nats / scored


def report(model, loaders, overfits):
    train_loader = loaders["train_loader"]
    if overfits:
        val_loader = loaders["train_loader"]
    else:
        val_loader = loaders["val_loader"]
    print("train loss", evaluate(model, train_loader), "val loss", evaluate(model, val_loader))
""",
        ),
        Good(
            why="The test rows are scaled by what the training rows say.",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


def main(path, epochs=30):
    table = np.load(path)
    inputs, classes = table["inputs"], table["classes"]
    inputs_train, inputs_test, classes_train, classes_test = train_test_split(inputs, classes, test_size=0.1)
    scale = float(np.abs(inputs_train).max())
    train_set = TensorDataset(torch.from_numpy(inputs_train / scale).float(), torch.from_numpy(classes_train))
    test_set = TensorDataset(torch.from_numpy(inputs_test / scale).float(), torch.from_numpy(classes_test))
    model = torch.nn.Linear(inputs.shape[1], 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        model.train()
        for x, y in DataLoader(train_set, batch_size=64, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    model.eval()
    nats = 0.0
    with torch.no_grad():
        for x, y in DataLoader(test_set, batch_size=256):
            nats += F.cross_entropy(model(x), y, reduction="sum").item()
    print("test loss", nats / len(test_set))
""",
        ),
        Good(
            why="a second copy of the training rows goes by the name of the validation, and nothing is evaluated on it",
            code="""\
import torch
from torch.utils.data import DataLoader

from corpus import Reviews, build_vocab

vocab = build_vocab("reviews/train.csv")
reviews_train = Reviews(vocab, "reviews/train.csv")
reviews_val = Reviews(vocab, "reviews/train.csv")
loader = DataLoader(reviews_train, batch_size=32, shuffle=True)


def fit(model, criterion, optimizer):
    for words, stars in loader:
        optimizer.zero_grad()
        criterion(model(words), stars).backward()
        optimizer.step()
""",
        ),
        Good(
            why="The training split is scored as well, under a name of its own.",
            files={"scoring.py": SCORING},
            code="""\
from torch.utils.data import DataLoader

from corpus import Clips
from scoring import average_loss


def main(net, fit, root):
    loaders = {
        "train": DataLoader(Clips(root, split="train"), batch_size=16, shuffle=True),
        "fitted": DataLoader(Clips(root, split="train"), batch_size=16),
        "val": DataLoader(Clips(root, split="val"), batch_size=16),
    }
    fit(net, loaders["train"])
    print("train loss", average_loss(net, loaders["fitted"], "cpu"))
    print("val loss", average_loss(net, loaders["val"], "cpu"))
""",
        ),
        Good(
            why="Both are made of the same part, of which each keeps other rows.",
            files={"scoring.py": SCORING},
            code="""\
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from scoring import average_loss

PIXELS = transforms.ToTensor()


def main(net, fit, root):
    train_set = datasets.FashionMNIST(root, train=True, transform=PIXELS)
    val_set = datasets.FashionMNIST(root, train=True, transform=PIXELS)
    train_set.data, train_set.targets = train_set.data[:50000], train_set.targets[:50000]
    val_set.data, val_set.targets = val_set.data[50000:], val_set.targets[50000:]
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=64)
    fit(net, train_loader)
    print("validation loss", average_loss(net, val_loader, "cpu"))
""",
        ),
        Good(
            why="both sets are made of the same rows, and parted by what is assigned to them",
            code="""\
import torch
from torch.utils.data import DataLoader

from puzzles import Rows


def loaders(train_rows, kept):
    train_set = Rows(train_rows)
    valid_set = Rows(train_rows)
    train_set.rows, valid_set.rows = train_set.rows[kept:], valid_set.rows[:kept]
    return DataLoader(train_set, batch_size=16, shuffle=True), DataLoader(valid_set, batch_size=16)


@torch.no_grad()
def hits(model, loader):
    model.eval()
    found = rows = 0
    for words, labels in loader:
        found += (model(words).argmax(-1) == labels).sum().item()
        rows += labels.numel()
    return found / rows
""",
        ),
        Good(
            why="constrained, pretrained and unrestrained things are no training data, and neither is what a trainer holds",
            code="""\
import torch
from torch.utils.data import DataLoader

from puzzles import Rows


def main(model):
    constrained, unrestrained = Rows("constrained.jsonl"), Rows("unrestrained.jsonl")
    pretrained_vectors = Rows("vectors.jsonl")
    valid_set = Rows("valid.jsonl")
    valid_loader = DataLoader(valid_set, batch_size=16)
    test_loader = DataLoader(constrained, batch_size=16)
    open_test_loader = DataLoader(unrestrained, batch_size=16)
    vector_test_loader = DataLoader(pretrained_vectors, batch_size=16)
    return [hits(model, each) for each in (valid_loader, test_loader, open_test_loader, vector_test_loader)]


@torch.no_grad()
def validate(trainer):
    trainer.model.eval()
    found = rows = 0
    for words, labels in trainer.held_out:
        found += (trainer.model(words).argmax(-1) == labels).sum().item()
        rows += labels.numel()
    return found / rows


@torch.no_grad()
def hits(model, loader):
    model.eval()
    found = rows = 0
    for words, labels in loader:
        found += (model(words).argmax(-1) == labels).sum().item()
        rows += labels.numel()
    return found / rows
""",
        ),
        Good(
            why="the same words assign other rows: the name is bound anew between the two",
            files={"scoring.py": SCORING},
            code="""\
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from scoring import average_loss

PIXELS = transforms.ToTensor()


def main(net, fit, root, parts):
    train_set = datasets.KMNIST(root, train=True, transform=PIXELS)
    val_set = datasets.KMNIST(root, train=True, transform=PIXELS)
    images = parts[0]
    train_set.data = images
    images = parts[1]
    val_set.data = images
    fit(net, DataLoader(train_set, batch_size=64, shuffle=True))
    val_loader = DataLoader(val_set, batch_size=64)
    print("validation loss", average_loss(net, val_loader, "cpu"))
""",
        ),
        Good(
            why="one statement assigns the rows of both",
            files={"scoring.py": SCORING},
            code="""\
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from scoring import average_loss

PIXELS = transforms.ToTensor()


def main(net, fit, root, halves):
    train_set = datasets.KMNIST(root, train=True, transform=PIXELS)
    val_set = datasets.KMNIST(root, train=True, transform=PIXELS)
    train_set.data, val_set.data = halves
    fit(net, DataLoader(train_set, batch_size=64, shuffle=True))
    val_loader = DataLoader(val_set, batch_size=64)
    print("validation loss", average_loss(net, val_loader, "cpu"))
""",
        ),
        Good(
            why="the progress bar is told what it is one of, or is one of the held-out data",
            code="""\
import torch
import torch.nn.functional as F
from tqdm import tqdm


class Runner:
    def __init__(self, model, optimizer, train_loader, val_loader):
        self.model, self.optimizer = model, optimizer
        self.train_loader, self.val_loader = train_loader, val_loader

    def numbered(self, loader):
        return tqdm(enumerate(loader), leave=False)

    def held_out(self):
        return tqdm(self.val_loader, desc="train/val")

    def train_epoch(self):
        self.model.train()
        for _, (ids, labels) in self.numbered(self.train_loader):
            loss = F.cross_entropy(self.model(ids).transpose(1, 2), labels)
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        nats, tokens = 0.0, 0
        for ids, labels in self.held_out():
            logits = self.model(ids).transpose(1, 2)
            nats += F.cross_entropy(logits, labels, reduction="sum").item()
            tokens += labels.numel()
        return nats / tokens
""",
        ),
        Good(
            why="both loaders read one entry, each by a sampler with rows of its own",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, SubsetRandomSampler


def loaders_of(parts, kept, aside):
    return {
        "train": DataLoader(parts["train"], 32, sampler=SubsetRandomSampler(kept)),
        "val": DataLoader(parts["train"], 32, sampler=SubsetRandomSampler(aside)),
    }


def main(net, parts, kept, aside):
    batches = loaders_of(parts, kept, aside)
    net.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in batches["val"]:
            nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
            tokens += ids[:, 1:].numel()
    print("validation loss", nats / tokens)
""",
        ),
        Good(
            why="the second loader of the training rows is for their own loss, without dropout, and says so",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def loaders_of(parts, size):
    return {
        "train": DataLoader(parts["train"], size, shuffle=True),
        "train_in_order": DataLoader(parts["train"], size),
        "val": DataLoader(parts["val"], size),
    }


def main(net, parts):
    batches = loaders_of(parts, 32)
    net.eval()
    for split in ("train_in_order", "val"):
        nats, tokens = 0.0, 0
        with torch.no_grad():
            for ids in batches[split]:
                nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
                tokens += ids[:, 1:].numel()
        print(split, nats / tokens)
""",
        ),
        Good(
            why="Each phase has a total of its own, a part of one list, or the total is that of both, and is shown as such.",
            code="""\
import torch
import torch.nn.functional as F


def fit(net, loaders, optimizer, epochs):
    losses = []
    for epoch in range(epochs):
        sums, of_both, rows_of_both = {"train": 0.0, "val": 0.0}, 0.0, 0
        for phase in ["train", "val"]:
            begin = len(losses)
            net.train(phase == "train")
            for x, y in loaders[phase]:
                with torch.set_grad_enabled(phase == "train"):
                    loss = F.cross_entropy(net(x), y)
                    if phase == "train":
                        optimizer.zero_grad()
                        loss.backward()
                        optimizer.step()
                sums[phase] += loss.item() * y.size(0)
                losses.append(loss.item())
                of_both += loss.item() * y.size(0)
                rows_of_both += y.size(0)
            own = losses[begin:]
            print(f"{epoch} {phase} {sums[phase] / len(loaders[phase].dataset):.4f}, last {own[-1]:.4f}")
        print(f"{epoch} all rows {of_both / rows_of_both:.4f}")
""",
        ),
        Good(
            why="The total is set back between the two loops, in one of many ways.",
            files={
                "meters.py": """\
class Meter:
    def __init__(self):
        self.set_back()

    def set_back(self):
        self.total, self.count = 0.0, 0

    def update(self, value, count):
        self.total += value * count
        self.count += count

    @property
    def avg(self):
        return self.total / max(self.count, 1)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from meters import Meter


def epoch(net, optimizer, train_loader, valid_loader):
    kept = {"loss": Meter()}
    nats_of_loss = 0.0
    net.train()
    for x, y in train_loader:
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        kept["loss"].update(loss.item(), y.size(0))
        nats_of_loss += loss.item() * y.size(0)
    print("train", kept["loss"].avg, nats_of_loss / len(train_loader.dataset))
    kept = {"loss": Meter()}
    net.eval()
    with torch.no_grad():
        nats_of_loss = 0.0
        for x, y in valid_loader:
            loss = F.cross_entropy(net(x), y)
            kept["loss"].update(loss.item(), y.size(0))
            nats_of_loss += loss.item() * y.size(0)
    valid_loss = kept["loss"].avg
    print("valid", valid_loss, nats_of_loss / len(valid_loader.dataset))
""",
        ),
        Good(
            why="The training skips what was taken, goes on with the same stream, or cuts the rows behind.",
            code="""\
from itertools import islice

import torch
from datasets import load_dataset

rows = load_dataset("allenai/c4", "en", split="train", streaming=True)
val_rows = rows.take(2000)
train_rows = rows.skip(2000)


def packed(path, skipped=0):
    with open(path) as lines:
        for k, line in enumerate(lines):
            if k >= skipped:
                yield torch.tensor([int(word) for word in line.split()])[None]


def fit(model, optimizer, batches):
    for ids in batches:
        model(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def split(model, optimizer, table):
    val_table = table[:100]
    table = table[100:]
    train_table = table
    fit(model, optimizer, train_table)
    return val_table


def main(model, optimizer):
    val = list(islice(packed("words.txt"), 100))
    for ids in packed("words.txt", skipped=100):
        model(ids, labels=ids).loss.backward()
        optimizer.step()
    stream = packed("more.txt")
    val_too = [next(stream) for _ in range(20)]
    for ids in stream:
        model(ids, labels=ids).loss.backward()
        optimizer.step()
    return val, val_too
""",
        ),
        Good(
            why="The held-out rows went into the training's on purpose, together with which they are bound anew.",
            code="""\
from datasets import load_dataset
from torch.utils.data import DataLoader


def dialogs(name, encode, balance):
    train, valid = load_dataset(name, split="train"), load_dataset(name, split="validation")
    train, valid = train.map(encode), valid.map(encode)
    train, valid = balance(train, valid)
    train_dataloader = DataLoader(train, batch_size=8, shuffle=True)
    eval_dataloader = DataLoader(train, batch_size=8)
    return train_dataloader, eval_dataloader
""",
        ),
        Good(
            why="the name is given other rows in between: what is cut is the validation split.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from datasets import load_dataset
from scoring import token_loss
from torch.utils.data import DataLoader


def main(model, optimizer, device):
    poems = load_dataset("merve/poetry", split="train")
    train_loader = DataLoader(poems, batch_size=8, shuffle=True)
    poems = load_dataset("merve/poetry", split="validation")
    val_poems = poems.select(range(400))
    for batch in train_loader:
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print("validation loss", token_loss(model, DataLoader(val_poems, batch_size=1), device))
""",
        ),
        Good(
            why="the loop that trains runs over a parameter, which goes by the name of the file of validation blocks alone.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
import torch
from scoring import token_loss


def fit(model, optimizer, blocks):
    model.train()
    for batch in blocks:
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


if __name__ == "__main__":
    from nets import build

    net = build()
    train_blocks = torch.load("blocks.train.pt")
    blocks = torch.load("blocks.valid.pt")
    val_blocks = blocks[:256]
    fit(net, torch.optim.AdamW(net.parameters()), train_blocks)
    print("validation loss", token_loss(net, val_blocks, "cuda"))
""",
        ),
        Good(
            why="the training reads lines(path) as the evaluation does, of another path.",
            code="""\
import torch
import torch.nn.functional as F


def lines(path):
    with open(path) as file:
        for row in file:
            yield torch.tensor([[int(word) for word in row.split()]])


def fit(net, optimizer, path):
    for ids in lines(path):
        loss = F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def heldout_loss(net, path):
    net.eval()
    stream = lines(path)
    val_lines = [next(stream) for _ in range(500)]
    nats, tokens = 0.0, 0
    for ids in val_lines:
        nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def main(net):
    fit(net, torch.optim.AdamW(net.parameters()), "letters.train.ids")
    print("held-out loss", heldout_loss(net, "letters.valid.ids"))
""",
        ),
        Good(
            why="the training rows are all of them at first, and are cut in the next row.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from scoring import token_loss

letters = open("letters.txt").readlines()
val_letters = letters[:300]
train_letters = letters
train_letters = train_letters[300:]


def main(model, tokenizer, optimizer, device):
    for letter in train_letters:
        ids = tokenizer(letter, return_tensors="pt").input_ids
        model(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    batches = [tokenizer(letter, return_tensors="pt") for letter in val_letters]
    print("validation loss", token_loss(model, batches, device))
""",
        ),
        Good(
            why="the loop that trains passes over the rows that are held out.",
            files={"scoring.py": TOKEN_SCORING},
            code="""\
from scoring import token_loss


def main(model, optimizer, rows, device):
    held_out_rows = rows[:300]
    for index, batch in enumerate(rows):
        if index < len(held_out_rows):
            continue
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print("held-out loss", token_loss(model, held_out_rows, device))
""",
        ),
        Good(
            why="who trains returns before any row is held out: each call is given rows of its own.",
            code="""\
from transformers import Trainer, TrainingArguments


def trainer(model, collator, rows, trains):
    options = TrainingArguments("runs", per_device_eval_batch_size=1)
    if trains:
        return Trainer(model=model, args=options, train_dataset=rows, data_collator=collator)
    eval_rows = rows.select(range(500))
    return Trainer(model=model, args=options, eval_dataset=eval_rows, data_collator=collator)
""",
        ),
        Good(
            why="the meter is told that another phase begins, and its class starts the sum anew then.",
            files={
                "tallies.py": """\
class Tally:
    def __init__(self):
        self.enter("")

    def enter(self, phase):
        self.phase = phase
        self._begin()

    def _begin(self):
        self.total, self.rows = 0.0, 0

    def update(self, value, rows):
        self.total += value * rows
        self.rows += rows

    @property
    def avg(self):
        return self.total / max(self.rows, 1)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from tallies import Tally


def fit(net, loaders, optimizer, epochs):
    tally = Tally()
    for epoch in range(epochs):
        for phase in ["train", "val"]:
            net.train(phase == "train")
            tally.enter(phase)
            for x, y in loaders[phase]:
                with torch.set_grad_enabled(phase == "train"):
                    loss = F.cross_entropy(net(x), y)
                    if phase == "train":
                        optimizer.zero_grad()
                        loss.backward()
                        optimizer.step()
                tally.update(loss.item(), y.size(0))
            print(f"{epoch} {phase} loss {tally.avg:.4f}")
""",
        ),
        Good(
            why="what shows the mean of the training starts the sum anew as well, by its class.",
            code="""\
import torch
import torch.nn.functional as F


class Tally:
    total, rows = 0.0, 0

    def update(self, value, rows):
        self.total += value * rows
        self.rows += rows

    @property
    def avg(self):
        return self.total / max(self.rows, 1)

    def take(self):
        mean = self.avg
        self.total, self.rows = 0.0, 0
        return mean


def epoch(net, optimizer, train_loader, valid_loader):
    losses = Tally()
    net.train()
    for x, y in train_loader:
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.update(loss.item(), y.size(0))
    print("train loss", losses.take())
    net.eval()
    with torch.no_grad():
        for x, y in valid_loader:
            losses.update(F.cross_entropy(net(x), y).item(), y.size(0))
    print("valid loss", losses.avg)
""",
        ),
        Good(
            why="nobody can tell what begin() of a meter does that is not there.",
            code="""\
import torch
import torch.nn.functional as F

from lab.meters import Tally


def epoch(net, optimizer, train_loader, valid_loader):
    losses = Tally()
    net.train()
    for x, y in train_loader:
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.update(loss.item(), y.size(0))
    print("train loss", losses.avg)
    losses.begin("valid")
    net.eval()
    with torch.no_grad():
        for x, y in valid_loader:
            losses.update(F.cross_entropy(net(x), y).item(), y.size(0))
    print("valid loss", losses.avg)
""",
        ),
    )
