"""Rule LL305: overlapping windows whose shared part is scored in each of them."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.comparisons import in_evaluation
from lintloss.facts.observations import Compared, Observation
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

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


class DoubleScoredWindows(Rule):
    """Sliding windows overlap, and the part that they share is scored in each of them.

    Why:
        A text longer than the context is scored in windows of `window` tokens that start every `stride` tokens. The
        overlap is there to give each window context; it has been scored by the window before. If it is scored again,

            times that a token is scored = window / stride

        (4 for 1024 and 256), each time with another amount of context, down to none at the start of a window. The
        mean in nats/token is then the value of *short* contexts, higher than the one that the overlap was paid for;
        where the total is divided by the length of the text instead of by what was scored, exp() gives the perplexity
        to the power of window / stride.

    Instead:
        Score only what is new in each window (Hugging Face's recipe):

            labels = ids[:, begin:end].clone()
            labels[:, : -(end - previous_end)] = -100

        or let windows meet without overlap, stride == window. Windows that share one token, the last target of one
        and the first input of the next, score nothing twice.

    Fix:
        None: whether the overlap was meant as context or as more data is not in the code.

    Source:
        Hugging Face Transformers, "Perplexity of fixed-length models"; tokenizers (`stride` together with
        `return_overflowing_tokens` is the *overlap*, not the step); torch.Tensor.unfold (`step`).
    """

    code = "LL305"
    name = "double-scored-windows"
    confirmed_by = (
        "positions of the token stream that are the target of more than one criterion call of one evaluation, found by "
        "matching the recorded ids of neighboring windows: some (confirmed), none (refuted)"
    )

    watches = (Compared,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report windows that move by less than they score."""
        if not isinstance(seen, Compared) or seen.overlap is None or not in_evaluation(seen) or seen.scoring.masked:
            return
        if not seen.scoring.scores_tokens:
            return
        found = seen.overlap
        severity = Severity.ERROR if found.certain else Severity.WARNING
        confidence = Confidence.HIGH if found.certain else Confidence.MEDIUM
        said = f"windows that score {found.length} positions begin every {found.stride}"
        yield Judgment(severity, confidence, f"{said}: what they share is scored again", (found.place,))

    bad = (
        Bad(
            why="The Hugging Face recipe without its mask: the overlapping half is scored twice.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity(name, text, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    max_length, stride = 1024, 512
    nats, tokens = 0.0, 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + max_length, ids.size(1))
        input_ids = ids[:, begin:end].to(device)
        target_ids = input_ids.clone()
        with torch.no_grad():
            loss = model(input_ids, labels=target_ids).loss  # <-
        scored = target_ids[:, 1:].numel()
        nats += loss.item() * scored
        tokens += scored
        if end == ids.size(1):
            break
    return math.exp(nats / tokens)


if __name__ == "__main__":
    with open("wiki.test.raw") as handle:
        print(f"perplexity {perplexity('gpt2-large', handle.read()):.2f}")
""",
        ),
        Bad(
            why="The mask is there and covers the wrong end: most of each window is scored again.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("facebook/opt-1.3b").eval()
WINDOW, STRIDE = 2048, 512


@torch.no_grad()
def perplexity(ids):
    nats, tokens, previous_end = 0.0, 0, 0
    for begin in range(0, ids.size(1) - 1, STRIDE):
        end = min(begin + WINDOW, ids.size(1))
        fresh = end - previous_end
        window = ids[:, begin:end]
        labels = window.clone()
        if begin > 0:
            labels[:, :fresh] = -100
        logits = model(window).logits
        nats += F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], reduction="sum").item()  # <-
        tokens += (labels[:, 1:] != -100).sum().item()
        previous_end = end
        if end == ids.size(1):
            break
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="The dataset, in another file, steps by less than a block; every position of every block is scored.",
            severity=Severity.ERROR,
            files={
                "model.py": GPT,
                "data.py": """\
import torch
from torch.utils.data import Dataset

BLOCK = 128
STRIDE = 96


class Windows(Dataset):
    def __init__(self, path):
        self.ids = torch.load(path)
        self.starts = range(0, len(self.ids) - BLOCK, STRIDE)

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, index):
        start = self.starts[index]
        return self.ids[start : start + BLOCK], self.ids[start + 1 : start + BLOCK + 1]
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import Windows
from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        tokens += y.numel()
    return nats / tokens


def main(checkpoint, device="cuda"):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loader = DataLoader(Windows("test_ids.pt"), batch_size=32)
    print(f"test loss {evaluate(model, loader, device):.4f}")
""",
        ),
        Bad(
            why="One window for every start index: each token is scored up to 128 times.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

from model import TinyGPT


class NextTokenDataset(Dataset):
    def __init__(self, ids, context_size=128):
        self.ids, self.context_size = ids, context_size

    def __len__(self):
        return len(self.ids) - self.context_size

    def __getitem__(self, index):
        chunk = self.ids[index : index + self.context_size + 1]
        return chunk[:-1], chunk[1:]


def validate(model, val_ids, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for x, y in DataLoader(NextTokenDataset(val_ids), batch_size=64):
            x, y = x.to(device), y.to(device)
            nats += criterion(model(x).transpose(1, 2), y).item()  # <-
            tokens += y.numel()
    return nats / tokens


def load(path, device):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="unfold(0, 1024, 256): a step of a quarter of the size.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel


@torch.inference_mode()
def perplexity(ids, batch_size=4, device="cuda"):
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
    model.eval()
    windows = ids.unfold(0, 1024, 256)
    nats, tokens = 0.0, 0
    for batch in windows.split(batch_size):
        batch = batch.to(device)
        logits = model(batch).logits[:, :-1]
        labels = batch[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()  # <-
        tokens += labels.numel()
    return math.exp(nats / tokens)


if __name__ == "__main__":
    print(perplexity(torch.load("lambada_ids.pt")))
""",
        ),
        Bad(
            why="The tokenizer's `stride` is an overlap of 128 tokens, and the chunks are scored whole.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


def chunks(document):
    encoded = tokenizer(document, truncation=True, max_length=512, stride=128, return_overflowing_tokens=True)
    return [torch.tensor([ids]) for ids in encoded["input_ids"]]


@torch.no_grad()
def corpus_loss(documents):
    nats, tokens = 0.0, 0
    for document in documents:
        for ids in chunks(document):
            logits = model(ids).logits
            nats += F.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="sum").item()  # <-
            tokens += ids.size(1) - 1
    return nats / tokens


if __name__ == "__main__":
    with open("books.txt") as handle:
        print(f"loss {corpus_loss(handle.read().split('<|book|>')):.4f}")
""",
        ),
        Bad(
            why="The labels are masked, and then the input is passed as labels all the same.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("mistralai/Mistral-7B-v0.1", torch_dtype=torch.bfloat16).eval()


def perplexity(ids, window=4096, stride=1024):
    nats, tokens, previous_end = 0.0, 0, 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + window, ids.size(1))
        input_ids = ids[:, begin:end]
        target_ids = input_ids.clone()
        target_ids[:, : -(end - previous_end)] = -100
        print(f"window {begin}: {(target_ids != -100).sum().item()} new tokens")
        with torch.inference_mode():
            loss = model(input_ids, labels=input_ids).loss  # <-
        nats += loss.item() * (input_ids.size(1) - 1)
        tokens += input_ids.size(1) - 1
        previous_end = end
        if end == ids.size(1):
            break
    return math.exp(nats / tokens)


if __name__ == "__main__":
    print(perplexity(torch.load("pg19_ids.pt")))
""",
        ),
        Bad(
            why="Chunks cut with an overlap, for context that nobody leaves out of the score.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT

CONTEXT = 128
OVERLAP = 32


def cut(ids):
    return [ids[start : start + CONTEXT + 1] for start in range(0, len(ids) - 1, CONTEXT - OVERLAP)]


@torch.no_grad()
def document_loss(model, documents, device):
    model.eval()
    nats, tokens = 0.0, 0
    for document in documents:
        for chunk in cut(document):
            chunk = chunk.to(device)
            logits = model(chunk[None, :-1])[0]
            nats += F.cross_entropy(logits, chunk[1:], reduction="sum").item()  # <-
            tokens += chunk.numel() - 1
    return nats / tokens


def load(path, device):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="Window and stride are options; their defaults overlap.",
            severity=Severity.ERROR,
            code="""\
import argparse

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(model, ids, seq_length, sliding_window):
    nats, tokens = 0.0, 0
    for start in range(0, ids.numel() - seq_length, sliding_window):
        window = ids[None, start : start + seq_length]
        logits = model(window).logits
        nats += F.cross_entropy(logits[0, :-1], window[0, 1:], reduction="sum").item()  # <-
        tokens += seq_length - 1
    return nats / tokens


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gpt2")
    parser.add_argument("--seq-length", type=int, default=1024)
    parser.add_argument("--sliding-window", type=int, default=256)
    args = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(args.model).eval()
    loss = evaluate(model, torch.load("proof_pile.pt"), args.seq_length, args.sliding_window)
    print(f"loss {loss:.4f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="Nothing says what window and stride are: wrong as soon as the stride is the smaller.",
            severity=Severity.WARNING,
            code="""\
import torch
from transformers import AutoModelForCausalLM


def load(name):
    return AutoModelForCausalLM.from_pretrained(name).eval()


@torch.no_grad()
def strided_loss(name, ids, window, stride):
    model = load(name)
    nats, tokens = 0.0, 0
    for start in range(0, ids.size(1) - window + 1, stride):
        segment = ids[:, start : start + window]
        loss = model(segment, labels=segment).loss  # <-
        nats += loss.item() * (window - 1)
        tokens += window - 1
    return nats / tokens


def report(name, ids, windows):
    for window, stride in windows:
        print(f"{window:6d} {stride:6d} {strided_loss(name, ids, window, stride):.4f}")
""",
        ),
        Bad(
            why="A data set that keeps a window for every position: each token is scored as often as a window is long.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Stories(Dataset):
    def __init__(self, stories, tokenizer, length=64):
        self.pairs = []
        for story in stories:
            ids = tokenizer.encode(story)
            for begin in range(len(ids) - length):
                self.pairs.append((ids[begin : begin + length], ids[begin + 1 : begin + length + 1]))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        read, wanted = self.pairs[index]
        return torch.tensor(read), torch.tensor(wanted)


@torch.no_grad()
def validate(model, stories, tokenizer):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    for read, wanted in DataLoader(Stories(stories, tokenizer), batch_size=32):
        scores = model(read)
        nats += criterion(scores.flatten(0, 1), wanted.flatten()).item()  # <-
        tokens += wanted.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="A stream of windows that moves on by a quarter of what it yields.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    def __init__(self, lines, tokenizer, width, step):
        self.lines, self.tokenizer, self.width, self.step = lines, tokenizer, width, step

    def __iter__(self):
        held, at = [], 0
        for line in self.lines:
            held.extend(self.tokenizer.encode(line))
            while at + self.width + 1 <= len(held):
                yield torch.tensor(held[at : at + self.width]), torch.tensor(held[at + 1 : at + self.width + 1])
                at += self.step


@torch.no_grad()
def evaluate(model, lines, tokenizer):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Stream(lines, tokenizer, 512, 128), batch_size=8):
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="Lightning: the data module's rows begin at every byte.",
            severity=Severity.ERROR,
            files={
                "corpus.py": """\
from torch.utils.data import Dataset


class Corpus(Dataset):
    def __init__(self, ids, length):
        self.ids, self.length = ids, length

    def __len__(self):
        return len(self.ids) - self.length

    def __getitem__(self, index):
        end = index + self.length
        return self.ids[index:end], self.ids[index + 1 : end + 1]
""",
            },
            code="""\
import pytorch_lightning as pl
import torch.nn.functional as F
from torch.utils.data import DataLoader

from corpus import Corpus


class Bytes(pl.LightningDataModule):
    def __init__(self, train, held_out, length=256):
        super().__init__()
        self.train_rows, self.held_out_rows = Corpus(train, length), Corpus(held_out, length)

    def train_dataloader(self):
        return DataLoader(self.train_rows, batch_size=16, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.held_out_rows, batch_size=16)


class ByteModel(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def validation_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self.network(x).flatten(0, 1), y.flatten())  # <-
        self.log("val_loss", loss)
        return loss


def main(network, train, held_out):
    pl.Trainer(max_epochs=3).fit(ByteModel(network), Bytes(train, held_out))
""",
        ),
        Bad(
            why="Windows end every 512 tokens and reach back a whole context, all of which is scored.",
            severity=Severity.WARNING,
            code="""\
import torch
from transformers import GPT2LMHeadModel, GPT2TokenizerFast

model = GPT2LMHeadModel.from_pretrained("gpt2-medium").eval()
tokenizer = GPT2TokenizerFast.from_pretrained("gpt2-medium")
with open("ptb.test.txt") as handle:
    encodings = tokenizer(handle.read(), return_tensors="pt")

window, stride = model.config.n_positions, 512
nats, scored = [], 0
for i in range(0, encodings.input_ids.size(1), stride):
    begin = max(i + stride - window, 0)
    end = min(i + stride, encodings.input_ids.size(1))
    input_ids = encodings.input_ids[:, begin:end]
    with torch.no_grad():
        loss = model(input_ids, labels=input_ids.clone()).loss  # <-
    nats.append(loss * (end - begin - 1))
    scored += end - begin - 1
print(f"perplexity {torch.exp(torch.stack(nats).sum() / scored):.2f}")
""",
        ),
        Bad(
            why="The context is the limit of the model, and no causal model's is as short as the 256 tokens that windows move by.",
            severity=Severity.WARNING,
            code="""\
import argparse
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.inference_mode()
def document_perplexity(model, tokenizer, document, step):
    ids = tokenizer(document, return_tensors="pt").input_ids.to(model.device)
    context = model.config.max_position_embeddings
    nats, scored, length = 0.0, 0, ids.size(1)
    for start in range(0, length, step):
        stop = min(start + context, length)
        window = ids[:, start:stop]
        loss = model(window, labels=window.clone()).loss  # <-
        nats += loss.item() * (window.size(1) - 1)
        scored += window.size(1) - 1
        if stop == length:
            break
    return math.exp(nats / scored)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("document")
    parser.add_argument("--step", type=int, default=256)
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained("EleutherAI/pythia-410m")
    model = AutoModelForCausalLM.from_pretrained("EleutherAI/pythia-410m").eval()
    with open(options.document) as handle:
        print(f"perplexity {document_perplexity(model, tokenizer, handle.read(), options.step):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="Half of the context that was scored before is overwritten, and the labels are moved by hand then.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
tokenizer = AutoTokenizer.from_pretrained("gpt2")
ids = tokenizer(open("novel.txt").read(), return_tensors="pt").input_ids
nats, scored = 0.0, 0
for begin in range(0, ids.size(1) - 1024, 256):
    part = ids[:, begin : begin + 1024]
    labels = part.clone()
    labels[:, :512] = -100
    with torch.no_grad():
        logits = model(part).logits
    moved = labels[:, 1:]
    nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), moved.flatten(), reduction="sum").item()  # <-
    scored += (moved != -100).sum().item()
print("loss", nats / scored)
""",
        ),
        Bad(
            why="The first label of each window is ignored, and the half that the window before scored is not.",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

lm = AutoModelForCausalLM.from_pretrained("distilgpt2")
tok = AutoTokenizer.from_pretrained("distilgpt2")
lm.eval()


@torch.no_grad()
def score(text):
    ids = tok(text, return_tensors="pt").input_ids
    losses = []
    for at in range(0, ids.size(1) - 512, 256):
        piece = ids[:, at : at + 512]
        labels = piece.clone()
        labels[:, 0] = -100
        losses.append(lm(piece, labels=labels).loss)  # <-
    return torch.exp(torch.stack(losses).mean())
""",
        ),
        Bad(
            why="The begins are listed first: each is half a window behind the one before.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def loss_of(net, ids):
    net.eval()
    nats, tokens = 0.0, 0
    begins = [row * 128 for row in range(16)]
    for at in begins:
        x, y = ids[None, at : at + 256], ids[None, at + 1 : at + 1 + 256]
        nats += F.cross_entropy(net(x).flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="The metric of torchmetrics scores every position of windows that overlap by the defaults of the options.",
            severity=Severity.ERROR,
            code="""\
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from torchmetrics.text import Perplexity
from transformers import AutoModelForCausalLM, HfArgumentParser


@dataclass
class Options:
    book: str
    context: int = field(default=4096, metadata={"help": "tokens that the model reads at once"})
    move: int = 512


class Chapters(Dataset):
    def __init__(self, path, context, move):
        self.ids = np.memmap(path, dtype=np.uint16, mode="r")
        self.context = context
        self.begins = list(range(0, len(self.ids) - context, move))

    def __len__(self):
        return len(self.begins)

    def __getitem__(self, at):
        begin = self.begins[at]
        return torch.from_numpy(self.ids[begin : begin + self.context].astype(np.int64))


@torch.no_grad()
def perplexity(model, loader):
    model.eval()
    metric = Perplexity()
    for ids in loader:
        logits = model(ids).logits
        metric.update(logits[:, :-1], ids[:, 1:])  # <-
    return metric.compute()


def main():
    (options,) = HfArgumentParser((Options,)).parse_args_into_dataclasses()
    loader = DataLoader(Chapters(options.book, options.context, options.move), batch_size=2)
    print(perplexity(AutoModelForCausalLM.from_pretrained("gpt2"), loader))
""",
        ),
        Bad(
            why="a buffer that loses a quarter of each window: three quarters of it are in the next one, too",
            severity=Severity.ERROR,
            files={
                "streams.py": """\
import torch
from torch.utils.data import IterableDataset


class Rows(IterableDataset):
    def __init__(self, paths, tokenizer, width=512, hop=128):
        self.paths, self.tokenizer = paths, tokenizer
        self.width, self.hop = width, hop

    def __iter__(self):
        held = []
        for path in self.paths:
            with open(path) as lines:
                for line in lines:
                    held.extend(self.tokenizer.encode(line))
                    while len(held) > self.width:
                        row = torch.tensor(held[: self.width + 1])
                        yield row[:-1], row[1:]
                        held = held[self.hop :]
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from streams import Rows


@torch.no_grad()
def evaluate(model, paths, tokenizer):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Rows(paths, tokenizer), batch_size=8):
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="the same, where what moves on is deleted",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, lines, tokenizer):
    model.eval()
    nats, tokens, held = 0.0, 0, []
    for line in lines:
        held.extend(tokenizer.encode(line))
        while len(held) >= 513:
            row = torch.tensor(held[:513])[None]
            x, y = row[:, :-1], row[:, 1:]
            nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()  # <-
            tokens += y.numel()
            del held[:256]
    return nats / tokens
""",
        ),
        Bad(
            why="The bounds of the windows come as pairs, out of a generator that steps by itself.",
            severity=Severity.WARNING,
            code="""\
import math

import torch


def spans(length, size, hop):
    begin = 0
    while begin < length - 1:
        end = min(begin + size, length)
        yield begin, end
        if end == length:
            return
        begin += hop


@torch.no_grad()
def perplexity(model, book, size, hop):
    model.eval()
    nats, words = 0.0, 0
    for begin, end in spans(book.shape[1], size, hop):
        page = book[:, begin:end]
        nats += model(page, labels=page).loss.item() * (page.shape[1] - 1)  # <-
        words += page.shape[1] - 1
    return math.exp(nats / words)
""",
        ),
        Bad(
            why="The pairs of bounds stand in a list.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def held_out(net, ids, size=512, hop=128):
    net.eval()
    nats, words = 0.0, 0
    bounds = [(at, at + size) for at in range(0, len(ids) - size, hop)]
    for low, high in bounds:
        heard, wanted = ids[low:high], ids[low + 1 : high + 1]
        nats += F.cross_entropy(net(heard[None])[0], wanted, reduction="sum").item()  # <-
        words += wanted.numel()
    return nats / words
""",
        ),
        Bad(
            why="a block of one row, as a tokenizer returns it, loses half a window of its front in each pass",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, tokenizer, text, size=1024, stride=512):
    model.eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    nats, tokens = 0.0, 0
    while ids.size(1) > size:
        x, y = ids[:, :size], ids[:, 1 : size + 1]
        nats += F.cross_entropy(model(x).logits.transpose(1, 2), y, reduction="sum").item()  # <-
        tokens += size
        ids = ids[:, stride:]
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="Some batches of a loader in order: windows that begin one after the other share all but a token.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    def __init__(self, ids, width=128):
        self.ids, self.width = ids, width

    def __len__(self):
        return len(self.ids) - self.width

    def __getitem__(self, k):
        return self.ids[k : k + self.width], self.ids[k + 1 : k + self.width + 1]


@torch.no_grad()
def estimate(network, loader, eval_iters):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if k >= eval_iters:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        scored += y.numel()
    network.train()
    return nats / scored


def train(network, optimizer, train_ids, held_out, options):
    train_loader = DataLoader(Windows(train_ids), batch_size=options.rows, shuffle=True)
    val_loader = DataLoader(Windows(held_out), batch_size=options.rows)
    for step, (x, y) in enumerate(train_loader):
        loss = F.cross_entropy(network(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % options.every == 0:
            print(step, estimate(network, val_loader, options.eval_iters))
""",
        ),
        Bad(
            why="The loader shuffles, and nobody sets the cap: all windows are scored, each token in 128 of them.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    def __init__(self, ids, width=128):
        self.ids, self.width = ids, width

    def __len__(self):
        return len(self.ids) - self.width

    def __getitem__(self, k):
        return self.ids[k : k + self.width], self.ids[k + 1 : k + self.width + 1]


@torch.no_grad()
def estimate(network, loader, eval_iters=None):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if eval_iters is not None and k >= eval_iters:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        scored += y.numel()
    network.train()
    return nats / scored


def train(network, optimizer, train_ids, held_out, options):
    train_loader = DataLoader(Windows(train_ids), batch_size=options.rows, shuffle=True)
    val_loader = DataLoader(Windows(held_out), batch_size=options.rows, shuffle=True)
    for step, (x, y) in enumerate(train_loader):
        loss = F.cross_entropy(network(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % options.every == 0:
            print(step, estimate(network, val_loader))
""",
        ),
    )

    good = (
        Good(
            why="a feeder moves on by as much as a batch holds, numbers that are written out",
            code="""\
import torch
import torch.nn.functional as F


class Feeder:
    def __init__(self, tokens, rows, width):
        self.tokens, self.rows, self.width = tokens, rows, width
        self.at = 0

    def next_batch(self):
        piece = self.tokens[self.at : self.at + self.rows * self.width + 1]
        self.at += self.rows * self.width
        return piece[:-1].view(self.rows, self.width), piece[1:].view(self.rows, self.width)


@torch.no_grad()
def evaluate(model, tokens):
    model.eval()
    feeder = Feeder(tokens, 4, 1024)
    nats, scored = 0.0, 0
    for _ in range(20):
        inputs, targets = feeder.next_batch()
        nats += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
        scored += targets.numel()
    return nats / scored
""",
        ),
        Good(
            why="The length is the step unless the caller says otherwise: nothing says that they differ.",
            files={"model.py": GPT},
            code="""\
import argparse
import math

import torch
import torch.nn.functional as F

from model import TinyGPT

parser = argparse.ArgumentParser()
parser.add_argument("--bptt", type=int, default=70)
args = parser.parse_args()


def cut(source, begin, seq_len=None):
    seq_len = min(seq_len if seq_len else args.bptt, source.size(1) - 1 - begin)
    return source[:, begin : begin + seq_len], source[:, begin + 1 : begin + 1 + seq_len]


@torch.no_grad()
def evaluate(model, source):
    model.eval()
    nats, tokens = 0.0, 0
    for begin in range(0, source.size(1) - 1, args.bptt):
        inputs, targets = cut(source, begin)
        logits = model(inputs)
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def report(checkpoint, path, device="cuda"):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = evaluate(model, torch.load(path).to(device))
    print(f"loss {loss:.4f} perplexity {math.exp(loss):.2f}")
""",
        ),
        Good(
            why="The recipe as it is meant: the context part is -100, and what is counted is what is scored.",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity(name, text, max_length=1024, stride=512, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    nats, tokens, previous_end = 0.0, 0, 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + max_length, ids.size(1))
        input_ids = ids[:, begin:end].to(device)
        target_ids = input_ids.clone()
        target_ids[:, : -(end - previous_end)] = -100
        with torch.no_grad():
            loss = model(input_ids, labels=target_ids).loss
        scored = (target_ids[:, 1:] != -100).sum().item()
        nats += loss.item() * scored
        tokens += scored
        previous_end = end
        if end == ids.size(1):
            break
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="The new part is cut out by slicing instead of masking.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
WINDOW, STRIDE = 1024, 256


@torch.no_grad()
def loss(ids):
    nats, tokens, done = 0.0, 0, 1
    for begin in range(0, ids.numel(), STRIDE):
        end = min(begin + WINDOW, ids.numel())
        fresh = end - done
        logits = model(ids[None, begin:end]).logits[0]
        targets = ids[done:end]
        nats += F.cross_entropy(logits[-fresh - 1 : -1], targets, reduction="sum").item()
        tokens += targets.numel()
        done = end
        if end == ids.numel():
            break
    return nats / tokens
""",
        ),
        Good(
            why="stride == window: the mask is a no-op, and there is no overlap to mask.",
            code="""\
import torch
from transformers import AutoModelForCausalLM


@torch.no_grad()
def loss(name, ids, window=2048):
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    stride = window
    nats, tokens = 0.0, 0
    for begin in range(0, ids.size(1) - 1, stride):
        segment = ids[:, begin : begin + window]
        scored = segment.size(1) - 1
        if scored == 0:
            continue
        nats += model(segment, labels=segment).loss.item() * scored
        tokens += scored
    return nats / tokens


if __name__ == "__main__":
    print(loss("facebook/opt-125m", torch.load("c4_ids.pt")))
""",
        ),
        Good(
            why="Windows of T + 1 tokens every T share one token: a target here, an input there.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

from model import TinyGPT


class Blocks(Dataset):
    def __init__(self, ids, block=128):
        self.ids, self.block = ids, block

    def __len__(self):
        return (len(self.ids) - 1) // self.block

    def __getitem__(self, index):
        start = index * self.block
        window = self.ids[start : start + self.block + 1]
        return window[:-1], window[1:]


@torch.no_grad()
def evaluate(model, ids, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Blocks(ids), batch_size=32):
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def build(device):
    return TinyGPT(16_000).to(device)
""",
        ),
        Good(
            why="Stride 1, but only the last position of each window is scored: every token once.",
            files={
                "model.py": """\
import torch.nn as nn


class FeedForwardLM(nn.Module):
    '''Bengio-style: n words in, one distribution out.'''

    def __init__(self, vocab_size, order=5, width=64):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(order * width, 256), nn.Tanh(), nn.Linear(256, vocab_size))

    def forward(self, words):
        return self.body(self.embed(words))
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from model import FeedForwardLM

ORDER = 5


@torch.no_grad()
def evaluate(model, ids, batch_size=512):
    model.eval()
    contexts = ids[:-1].unfold(0, ORDER, 1)
    targets = ids[ORDER:]
    nats = 0.0
    for x, y in zip(contexts.split(batch_size), targets.split(batch_size)):
        nats += F.cross_entropy(model(x), y, reduction="sum").item()
    return nats / targets.numel()


def build(vocab_size):
    return FeedForwardLM(vocab_size, ORDER)
""",
        ),
        Good(
            why="The dataset hands out a mask that is 0 on the context part of each window.",
            files={
                "model.py": GPT,
                "data.py": """\
import torch
from torch.utils.data import Dataset


class OverlappingWindows(Dataset):
    def __init__(self, ids, block=128, stride=64):
        self.ids, self.block, self.stride = ids, block, stride
        self.starts = range(0, len(ids) - block, stride)

    def __len__(self):
        return len(self.starts)

    def __getitem__(self, index):
        start = self.starts[index]
        window = self.ids[start : start + self.block + 1]
        mask = torch.ones(self.block)
        if index > 0:
            mask[: self.block - self.stride] = 0
        return window[:-1], window[1:], mask
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import OverlappingWindows
from model import TinyGPT


@torch.no_grad()
def evaluate(model, ids):
    model.eval()
    nats, tokens = 0.0, 0.0
    for x, y, mask in DataLoader(OverlappingWindows(ids), batch_size=16):
        losses = F.cross_entropy(model(x).transpose(1, 2), y, reduction="none")
        nats += (losses * mask).sum().item()
        tokens += mask.sum().item()
    return nats / tokens


def build():
    return TinyGPT(16_000)
""",
        ),
        Good(
            why="Overlapping patches of an image are blended before anything is scored.",
            code="""\
import torch
import torch.nn.functional as F
from monai.inferers import sliding_window_inference
from monai.networks.nets import UNet


@torch.no_grad()
def validate(model, loader, device):
    model.eval()
    nats, voxels = 0.0, 0
    for batch in loader:
        image, label = batch["image"].to(device), batch["label"].to(device).long()
        logits = sliding_window_inference(image, (96, 96, 96), 4, model, overlap=0.5)
        nats += F.cross_entropy(logits, label.squeeze(1), reduction="sum").item()
        voxels += label.numel()
    return nats / voxels


def build():
    return UNet(spatial_dims=3, in_channels=1, out_channels=3, channels=(16, 32, 64), strides=(2, 2), dropout=0.1)
""",
        ),
        Good(
            why="Overlapping windows of a sensor signal, each with a label of its own: each window is an example.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


def windows(signal, labels, size=128, step=64):
    xs = signal.unfold(0, size, step)
    ys = labels.unfold(0, size, step).mode(dim=1).values
    return xs, ys


def build(channels, classes):
    body = nn.Sequential(nn.Conv1d(channels, 32, 9), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    return nn.Sequential(body, nn.Linear(32, classes))


@torch.no_grad()
def evaluate(model, recordings):
    model.eval()
    nats, count = 0.0, 0
    for signal, labels in recordings:
        xs, ys = windows(signal, labels)
        nats += F.cross_entropy(model(xs), ys, reduction="sum").item()
        count += ys.numel()
    return nats / count
""",
        ),
        Good(
            why="A recurrent state carries the context; the windows themselves do not overlap.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class StatefulLM(nn.Module):
    def __init__(self, vocab_size, width=512):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, num_layers=2, dropout=0.3, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, ids, state):
        hidden, state = self.rnn(self.embed(ids), state)
        return self.out(hidden), state


@torch.no_grad()
def evaluate(model, stream, bptt=70):
    model.eval()
    nats, tokens, state = 0.0, 0, None
    for start in range(0, stream.size(1) - 1, bptt):
        length = min(bptt, stream.size(1) - 1 - start)
        targets = stream[:, start + 1 : start + 1 + length]
        logits, state = model(stream[:, start : start + length], state)
        nats += F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def build(vocab_size):
    return StatefulLM(vocab_size)
""",
        ),
        Good(
            why="The stride is None unless somebody asks, and None means the window.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def rolling_loss(name, ids, window=1024, stride=None):
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    stride = stride or window
    nats, tokens, done = 0.0, 0, 0
    for begin in range(0, ids.numel() - 1, stride):
        segment = ids[begin : begin + window + 1]
        fresh = begin + segment.numel() - 1 - done
        if fresh == 0:
            break
        logits = model(segment[None, :-1]).logits[0]
        nats += F.cross_entropy(logits[-fresh:], segment[-fresh:], reduction="sum").item()
        tokens += fresh
        done += fresh
    return nats / tokens


if __name__ == "__main__":
    print(rolling_loss("gpt2", torch.load("test_ids.pt")))
""",
        ),
        Good(
            why="A context begins at every position, and only the token behind it is scored.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Contexts(Dataset):
    def __init__(self, ids, length=32):
        self.contexts, self.following = [], []
        for begin in range(len(ids) - length):
            self.contexts.append(ids[begin : begin + length])
            self.following.append(ids[begin + length])

    def __len__(self):
        return len(self.following)

    def __getitem__(self, index):
        return torch.tensor(self.contexts[index]), torch.tensor(self.following[index])


@torch.no_grad()
def evaluate(model, ids):
    model.eval()
    nats, tokens = 0.0, 0
    for context, following in DataLoader(Contexts(ids), batch_size=256):
        nats += F.cross_entropy(model(context)[:, -1], following, reduction="sum").item()
        tokens += following.numel()
    return nats / tokens
""",
        ),
        Good(
            why="Blocks are counted one by one, and begin where the one before ended.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, ids, length=512):
    model.eval()
    nats, tokens = 0.0, 0
    for block in range((ids.size(1) - 1) // length):
        begin = block * length
        read, wanted = ids[:, begin : begin + length], ids[:, begin + 1 : begin + length + 1]
        nats += F.cross_entropy(model(read).flatten(0, 1), wanted.flatten(), reduction="sum").item()
        tokens += wanted.numel()
    for block in range(ids.size(1) // (length + 1)):
        piece = ids[:, block * (length + 1) : (block + 1) * (length + 1)]
        logits = model(piece)[:, :-1]
        nats += F.cross_entropy(logits.flatten(0, 1), piece[:, 1:].flatten(), reduction="sum").item()
        tokens += piece[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="The context is left out wherever there is any: the windows whose labels are all scored share nothing.",
            code="""\
import torch


def perplexity(model, ids, window):
    stride = window // 2
    total, end_before = 0.0, 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + window, ids.size(1))
        new = end - end_before
        part = ids[:, begin:end]
        labels = part.clone()
        if new < part.shape[1]:
            labels[:, :-new] = -100
        with torch.no_grad():
            total += model(part, labels=labels).loss.item() * new
        end_before = end
        if end == ids.size(1):
            break
    return torch.exp(torch.tensor(total / end_before)).item()
""",
        ),
        Good(
            why="Rows that touch are put in another order, and batches are slices of rows, not of the text.",
            files={"model.py": GPT},
            code="""\
import numpy as np
import mlx.core as mx
import mlx.nn as nn

from model import TinyGPT

ctx_len = 8
data = np.load("ids.npy")
X_val = mx.array([data[i : i + ctx_len] for i in range(0, len(data) - ctx_len, ctx_len)])
y_val = mx.array([data[i + 1 : i + ctx_len + 1] for i in range(0, len(data) - ctx_len, ctx_len)])


def get_batches(X, y, size, shuffle=True):
    if shuffle:
        ix = np.arange(X.shape[0])
        np.random.shuffle(ix)
        ix = mx.array(ix)
        X = X[ix]
        y = y[ix]
    for i in range(0, X.shape[0], size):
        yield X[i : i + size], y[i : i + size]


def loss_fn(model, x, y):
    logits = model(x)
    return nn.losses.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1), reduction="sum")


model = TinyGPT(100)
model.eval()
total, n = 0.0, 0
for x, y in get_batches(X_val, y_val, 64):
    total += loss_fn(model, x, y).item()
    n += y.size
print(total / n)
""",
        ),
        Good(
            why="A thousandth of the windows is drawn at random: hardly any two share text.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, RandomSampler

from model import TinyGPT


class Windows(torch.utils.data.Dataset):
    def __init__(self, ids, length=128):
        self.ids, self.length = ids, length

    def __len__(self):
        return len(self.ids) - self.length

    def __getitem__(self, i):
        return self.ids[i : i + self.length], self.ids[i + 1 : i + self.length + 1]


@torch.no_grad()
def estimate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    model.train()
    return nats / tokens


def main(ids, share=0.001):
    rows = Windows(ids)
    sampler = RandomSampler(rows, num_samples=int(len(rows) * share))
    print(estimate(TinyGPT(50_257), DataLoader(rows, 32, sampler=sampler)))
""",
        ),
        Good(
            why="each head predicts one more token ahead, and its targets begin there",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


class AheadLM(torch.nn.Module):
    def __init__(self, vocab_size, width, heads):
        super().__init__()
        self.embed = torch.nn.Embedding(vocab_size, width)
        self.body = torch.nn.GRU(width, width, batch_first=True)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(width, vocab_size) for _ in range(heads))

    def forward(self, ids):
        hidden, _ = self.body(self.embed(ids))
        return torch.stack([head(hidden) for head in self.heads])


@torch.no_grad()
def evaluate(model: AheadLM, rows):
    model.eval()
    nats = torch.zeros(len(model.heads))
    scored = 0
    for ids in DataLoader(rows, batch_size=16):
        outputs = model(ids[:, : -len(model.heads)])
        for i in range(outputs.size(0)):
            target = ids[:, i + 1 : outputs.size(2) + i + 1]
            nats[i] += F.cross_entropy(outputs[i].flatten(0, 1), target.flatten(), reduction="sum")
        scored += outputs.size(1) * outputs.size(2)
    return (nats / scored).tolist()
""",
        ),
        Good(
            why="the windows of a stride are scored in smaller windows that meet",
            code="""\
import torch
import torch.nn as nn


def score(model, ids, keep=4096, scores=1024):
    criterion = nn.CrossEntropyLoss(reduction="none")
    nats = []
    for begin in range(0, ids.size(1) - keep, scores):
        if begin + keep + scores > ids.size(1):
            scores = ids.size(1) - begin - keep
        piece = ids[:, begin : begin + keep + scores]
        logits = model(piece).logits
        nats.append(criterion(logits[0, keep - 1 : keep + scores - 1], piece[0, keep : keep + scores]))
    return torch.cat(nats)


@torch.no_grad()
def evaluate(model, loader, stride):
    model.eval()
    found = []
    for ids in loader:
        for begin in range(0, ids.size(1), stride):
            found.append(score(model, ids[:, begin : begin + stride]))
    return torch.cat(found).mean().item()
""",
        ),
        Good(
            why="length and stride are the same entry of a configuration that is chosen late",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

CONFIG = {"vocabulary": 50_257, "context_length": 256}
SIZES = {"small": {"width": 768}, "large": {"width": 1024, "context_length": 1024}}
MINE = {"width": 200, "context_length": 16}
CHOSEN = "small"


class Windows(Dataset):
    def __init__(self, ids, max_length, stride):
        self.inputs, self.targets = [], []
        for start in range(0, len(ids) - max_length, stride):
            self.inputs.append(torch.tensor(ids[start : start + max_length]))
            self.targets.append(torch.tensor(ids[start + 1 : start + max_length + 1]))

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        return self.inputs[index], self.targets[index]


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in loader:
        nats += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def main(model, ids, pretrained):
    if pretrained:
        CONFIG.update(SIZES[CHOSEN])
    else:
        CONFIG.update(MINE)
    rows = Windows(ids, CONFIG["context_length"], CONFIG["context_length"])
    print(evaluate(model, DataLoader(rows, batch_size=4)))
""",
        ),
        Good(
            why="The context is the limit of the model, and the overlap is masked up to where the window before it ended.",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def perplexity(name, text, stride=256):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    context, nats, scored, previous = model.config.n_positions, 0.0, 0, 0
    for begin in range(0, ids.size(1), stride):
        end = min(begin + context, ids.size(1))
        labels = ids[:, begin:end].clone()
        labels[:, : -(end - previous)] = -100
        loss = model(ids[:, begin:end], labels=labels).loss
        fresh = (labels[:, 1:] != -100).sum().item()
        nats += loss.item() * fresh
        scored += fresh
        previous = end
        if end == ids.size(1):
            break
    return math.exp(nats / scored)


if __name__ == "__main__":
    print(perplexity("distilgpt2", open("notes.txt").read()))
""",
        ),
        Good(
            why="Windows of 1,024 positions that begin every 1,024 tokens meet.",
            code="""\
import torch
from transformers import GPT2LMHeadModel, GPT2TokenizerFast

model = GPT2LMHeadModel.from_pretrained("gpt2-medium").eval()
tokenizer = GPT2TokenizerFast.from_pretrained("gpt2-medium")
with open("ptb.test.txt") as handle:
    ids = tokenizer(handle.read(), return_tensors="pt").input_ids

window, stride = model.config.n_positions, 1024
nats, scored = 0.0, 0
for begin in range(0, ids.size(1), stride):
    input_ids = ids[:, begin : min(begin + window, ids.size(1))]
    with torch.no_grad():
        loss = model(input_ids, labels=input_ids.clone()).loss
    nats += loss.item() * (input_ids.size(1) - 1)
    scored += input_ids.size(1) - 1
print(f"nats per token {nats / scored:.4f}")
""",
        ),
        Good(
            why="The context is overwritten first, and the labels are moved by hand then: half a window is new in each.",
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
tokenizer = AutoTokenizer.from_pretrained("gpt2")
ids = tokenizer(open("novel.txt").read(), return_tensors="pt").input_ids
context = model.config.n_positions
step = context // 2
nats, scored = 0.0, 0
for at in range(0, ids.size(1), step):
    begin, end = max(at + step - context, 0), min(at + step, ids.size(1))
    part = ids[:, begin:end]
    labels = part.clone()
    labels[:, : -(end - at)] = -100
    with torch.no_grad():
        logits = model(part).logits
    moved = labels[:, 1:]
    nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), moved.flatten(), reduction="sum").item()
    scored += (moved != -100).sum().item()
print("perplexity", math.exp(nats / scored))
""",
        ),
        Good(
            why="The begins are listed first, a window apart.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def loss_of(net, ids):
    net.eval()
    nats, tokens = 0.0, 0
    begins = [row * 256 for row in range(16)]
    for at in begins:
        x, y = ids[None, at : at + 256], ids[None, at + 1 : at + 1 + 256]
        nats += F.cross_entropy(net(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The begins of a batch are listed, a window apart, from where the batch begins.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def loss_of(net, ids):
    net.eval()
    nats, tokens = 0.0, 0
    for step in range(100):
        begins = [step * 4096 + row * 256 for row in range(16)]
        x = torch.stack([ids[at : at + 256] for at in begins])
        y = torch.stack([ids[at + 1 : at + 1 + 256] for at in begins])
        nats += F.cross_entropy(net(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="By default the windows of these options touch and do not overlap.",
            code="""\
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from torchmetrics.text import Perplexity
from transformers import AutoModelForCausalLM, HfArgumentParser


@dataclass
class Options:
    book: str
    context: int = field(default=4096, metadata={"help": "tokens that the model reads at once"})
    move: int = 4096


class Chapters(Dataset):
    def __init__(self, path, context, move):
        self.ids = np.memmap(path, dtype=np.uint16, mode="r")
        self.context = context
        self.begins = list(range(0, len(self.ids) - context, move))

    def __len__(self):
        return len(self.begins)

    def __getitem__(self, at):
        begin = self.begins[at]
        return torch.from_numpy(self.ids[begin : begin + self.context].astype(np.int64))


@torch.no_grad()
def perplexity(model, loader):
    model.eval()
    metric = Perplexity()
    for ids in loader:
        logits = model(ids).logits
        metric.update(logits[:, :-1], ids[:, 1:])
    return metric.compute()


def main():
    (options,) = HfArgumentParser((Options,)).parse_args_into_dataclasses()
    loader = DataLoader(Chapters(options.book, options.context, options.move), batch_size=2)
    print(perplexity(AutoModelForCausalLM.from_pretrained("gpt2"), loader))
""",
        ),
        Good(
            why="What the buffer loses is what was scored: all of a window, its unmasked half, or the one token behind it.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def touching(model, lines, tokenizer):
    model.eval()
    nats, tokens, held = 0.0, 0, []
    for line in lines:
        held.extend(tokenizer.encode(line))
        while len(held) > 512:
            row = torch.tensor(held[:513])[None]
            nats += F.cross_entropy(model(row[:, :-1]).transpose(1, 2), row[:, 1:], reduction="sum").item()
            tokens += 512
            held = held[512:]
    return nats / tokens


@torch.no_grad()
def masked(model, lines, tokenizer, size=512, stride=256):
    model.eval()
    nats, tokens, held = 0.0, 0, []
    for line in lines:
        held += tokenizer.encode(line)
        while len(held) > size:
            row = torch.tensor(held[: size + 1])[None]
            x, y = row[:, :-1], row[:, 1:].clone()
            y[:, : size - stride] = -100
            nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
            tokens += (y != -100).sum().item()
            held = held[stride:]
    return nats / tokens


@torch.no_grad()
def token_by_token(model, ids, context=128):
    model.eval()
    nats, tokens = 0.0, 0
    while ids.size(1) > context:
        x, y = ids[:, :context], ids[:, context]
        nats += F.cross_entropy(model(x)[:, -1], y, reduction="sum").item()
        tokens += y.numel()
        ids = ids[:, 1:]
    return nats / tokens
""",
        ),
        Good(
            why="Pairs of bounds: what the window before has scored is left out, whose end another name keeps.",
            code="""\
import math

import torch


@torch.no_grad()
def perplexity(model, book, size=2048, hop=512):
    model.eval()
    nats, words = 0.0, 0
    length = book.size(1)
    bounds = [(at, min(at + size, length)) for at in range(0, length, hop)]
    scored = 0
    for begin, end in bounds:
        page = book[:, begin:end]
        labels = page.clone()
        labels[:, : -(end - scored)] = -100
        fresh = (labels[:, 1:] != -100).sum().item()
        nats += model(page, labels=labels).loss.item() * fresh
        words += fresh
        scored = end
        if end == length:
            break
    return math.exp(nats / words)
""",
        ),
        Good(
            why="Pairs of bounds that touch: the generator moves by the size of a window.",
            code="""\
import torch
import torch.nn.functional as F


def spans(length, size):
    for at in range(0, length - size, size):
        yield at, at + size


@torch.no_grad()
def held_out(net, ids, size=512):
    net.eval()
    nats, words = 0.0, 0
    for low, high in spans(len(ids), size):
        heard, wanted = ids[low:high], ids[low + 1 : high + 1]
        nats += F.cross_entropy(net(heard[None])[0], wanted, reduction="sum").item()
        words += wanted.numel()
    return nats / words
""",
        ),
        Good(
            why="a row that may come without its batch axis is given one; only fresh positions are scored",
            code="""\
import math

import torch


@torch.no_grad()
def text_perplexity(model, ids, window=1024, step=512):
    model.eval()
    if ids.dim() == 1:
        ids = ids.unsqueeze(0)
    length, nats, scored_to = ids.size(1), 0.0, 0
    for begin in range(0, length, step):
        end = min(begin + window, length)
        fresh = end - scored_to
        inputs = ids[:, begin:end]
        labels = inputs.clone()
        labels[:, :-fresh] = -100
        nats += model(inputs, labels=labels).loss.item() * fresh
        scored_to = end
        if end == length:
            break
    return math.exp(nats / length)
""",
        ),
        Good(
            why="each batch loses its start token, and what is left of it is scored once: nothing is carried to the next pass",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, size=512):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids[:, 1:]
        x, y = ids[:, :size], ids[:, 1 : size + 1]
        nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


@torch.no_grad()
def evaluate_from_dicts(model, loader, size=512):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids = batch["input_ids"]
        ids = ids[..., 1:]
        x, y = ids[:, :size], ids[:, 1 : size + 1]
        nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="Some batches of a loader that shuffles: a random sample of the windows, of which hardly two share text.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset):
    def __init__(self, ids, width=128):
        self.ids, self.width = ids, width

    def __len__(self):
        return len(self.ids) - self.width

    def __getitem__(self, k):
        return self.ids[k : k + self.width], self.ids[k + 1 : k + self.width + 1]


@torch.no_grad()
def estimate(network, loader, eval_iters):
    network.eval()
    nats, scored = 0.0, 0
    for k, (x, y) in enumerate(loader):
        if k >= eval_iters:
            break
        nats += F.cross_entropy(network(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    network.train()
    return nats / scored


def train(network, optimizer, train_ids, held_out, options):
    train_loader = DataLoader(Windows(train_ids), batch_size=options.rows, shuffle=True)
    val_loader = DataLoader(Windows(held_out), batch_size=options.rows, shuffle=True)
    for step, (x, y) in enumerate(train_loader):
        loss = F.cross_entropy(network(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % options.every == 0:
            print(step, estimate(network, val_loader, options.eval_iters))
""",
        ),
    )
