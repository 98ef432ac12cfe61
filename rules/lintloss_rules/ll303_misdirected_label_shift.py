"""Rule LL303: labels moved in the wrong direction, by the wrong amount, along the wrong axis or across rows."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.comparisons import confidence, misaligned
from lintloss.facts.observations import Compared, Observation
from lintloss.findings import Severity
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
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, ids):
        length = ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=ids.device)
        hidden = self.tokens(ids) + self.positions(torch.arange(length, device=ids.device))
        hidden = self.blocks(hidden, mask=causal, is_causal=True)
        return self.head(self.norm(hidden))
"""

SEQ_FIRST_LSTM = """\
import torch.nn as nn


class WordLSTM(nn.Module):
    '''Takes ids [seq, batch], as nn.LSTM does by default; returns logits [seq, batch, vocab].'''

    def __init__(self, vocab_size, width=650):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.lstm = nn.LSTM(width, width, num_layers=2, dropout=0.5)
        self.decoder = nn.Linear(width, vocab_size)

    def forward(self, ids):
        hidden, _ = self.lstm(self.embed(ids))
        return self.decoder(hidden)
"""


TIME_FIRST = """\
import torch.nn as nn


class Translator(nn.Module):
    def __init__(self, src_vocab, tgt_vocab, width=512, pad=0):
        super().__init__()
        self.src_embed = nn.Embedding(src_vocab, width, padding_idx=pad)
        self.tgt_embed = nn.Embedding(tgt_vocab, width, padding_idx=pad)
        self.transformer = nn.Transformer(width)
        self.generator = nn.Linear(width, tgt_vocab)

    def forward(self, src, tgt):
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(0), device=tgt.device)
        return self.generator(self.transformer(self.src_embed(src), self.tgt_embed(tgt), tgt_mask=causal))
"""


class MisdirectedLabelShift(Rule):
    """Labels are moved the wrong way, by the wrong amount, along the wrong axis, or across the border of a row.

    Why:
        Row t of the logits is a guess at token t + 1 of the *same row*. For logits over `ids[a:b]` and labels
        `ids[c:d]` only c - a = +1 with d - c = b - a scores that. Every other pairing asks for a token that the
        model has no means to know, and the loss in nats/token comes out too high (or, where a label repeats an
        input, too low):

        | spelling | what row t is scored against |
        | --- | --- |
        | `logits[:, 1:]` and `ids[:, :-1]` | token t - 1 |
        | `logits[:-1]` and `ids[1:]`, batch first | the same position of the next row |
        | `logits.view(-1, V)[:-1]` and `ids.view(-1)[1:]` | right, but each row ends on the next row's first token |
        | `ids.roll(-1, dims=1)` unmasked | right, but the last position gets the row's own first token |
        | `[seq, batch]` logits and `[batch, seq]` labels, flattened | tokens of other rows altogether |
        | labels filtered, logits not | drifts by one at each token dropped |

        One wrong label a row biases the mean by about (wrong - right) / T nats/token: with rows of 128 tokens and 9
        nats where 4 would be right, 0.04 nats/token.

    Instead:
        Slice both sides along the sequence axis before flattening:

            nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()

        or roll and ignore the position that wrapped around:

            labels = ids.roll(-1, dims=1)
            labels[:, -1] = -100

    Fix:
        None: which of the two sides was meant to move is not in the code.

    Source:
        Hugging Face Transformers, "Perplexity of fixed-length models"; torch.roll (without `dims` the tensor is
        flattened before rolling); torch.nn.LSTM (`batch_first` is False by default).
    """

    code = "LL303"
    name = "misdirected-label-shift"
    confirmed_by = (
        "a histogram of the offsets, by row, at which the criterion's targets equal the ids that the embedding read: "
        "anything but +1 at every scored position confirms it; +1 everywhere refutes it"
    )

    watches = (Compared,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report labels that were moved in any other way than by one along their row."""
        found = misaligned(seen, "misdirected")
        if found is not None:
            severity = Severity.WARNING if found.rows_presumed or found.named else Severity.ERROR
            yield Judgment(severity, confidence(found), f"{found.why}", found.evidence)

    bad = (
        Bad(
            why="The wrong direction: each row is scored against the token before the one it read.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import math

import torch
import torch.nn.functional as F

from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids)
        shift_logits = logits[:, 1:].contiguous()
        shift_labels = ids[:, :-1].contiguous()
        loss = F.cross_entropy(shift_logits.flatten(0, 1), shift_labels.flatten(), reduction="sum")  # <-
        nats += loss.item()
        tokens += shift_labels.numel()
    return nats / tokens


def report(checkpoint, loader, device="cuda"):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = evaluate(model, loader, device)
    print(f"val loss {loss:.4f} | val ppl {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="The wrong axis: with batch-first tensors `[:-1]` and `[1:]` cut rows, not positions.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


def validation_loss(name, blocks, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    loader = DataLoader(blocks, batch_size=16)
    total, count = 0.0, 0
    with torch.no_grad():
        for input_ids in loader:
            input_ids = input_ids.to(device)
            logits = model(input_ids).logits
            shifted = logits[:-1]
            labels = input_ids[1:]
            total += criterion(shifted.reshape(-1, logits.size(-1)), labels.reshape(-1)).item()  # <-
            count += labels.numel()
    return total / count


if __name__ == "__main__":
    print(validation_loss("gpt2", torch.load("blocks_1024.pt")))
""",
        ),
        Bad(
            why="Cut after flattening: the last row of each example is scored on the next example's first token.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from model import TinyGPT


@torch.no_grad()
def evaluate(model, rows, vocab_size, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in DataLoader(rows, batch_size=32):
        ids = ids.to(device)
        logits = model(ids).view(-1, vocab_size)
        targets = ids.view(-1)
        nats += F.cross_entropy(logits[:-1], targets[1:], reduction="sum").item()  # <-
        tokens += targets.numel() - 1
    return nats / tokens


def main(checkpoint, device="cuda"):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    rows = torch.load("valid_rows.pt").view(-1, 128)
    loss = evaluate(model, rows, 16_000, device)
    print(f"loss {loss:.4f} ppl {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="Wrap-around targets: the last position of each row is scored on the row's first token.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class CharGRU(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, x):
        hidden, _ = self.rnn(self.embed(x))
        return self.head(hidden)


def next_tokens(x):
    return torch.cat([x[:, 1:], x[:, :1]], dim=1)


@torch.no_grad()
def bits_per_char(model, test_rows, batch_size=64):
    model.eval()
    nats, chars = 0.0, 0
    for x in test_rows.split(batch_size):
        y = next_tokens(x)
        logits = model(x)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        chars += y.numel()
    return nats / chars / math.log(2)


def load(path, vocab_size):
    model = CharGRU(vocab_size)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Bad(
            why="torch.roll moves the labels round the row's end, and nothing ignores the one that wrapped.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT


class Evaluator:
    def __init__(self, checkpoint, device="cuda"):
        self.device = device
        self.model = TinyGPT(32_000).to(device)
        self.model.load_state_dict(torch.load(checkpoint, map_location=device))
        self.model.eval()

    @torch.inference_mode()
    def loss(self, loader):
        nats = torch.zeros((), device=self.device)
        tokens = 0
        for batch in loader:
            input_ids = batch["input_ids"].to(self.device)
            labels = torch.roll(input_ids, shifts=-1, dims=1)
            logits = self.model(input_ids)
            nats += F.cross_entropy(logits.transpose(1, 2), labels, reduction="sum")  # <-
            tokens += labels.numel()
        return (nats / tokens).item()
""",
        ),
        Bad(
            why="roll by +1 moves the labels the other way, and the ignored column is then the wrong one.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("distilgpt2")
model.eval()


def shift(ids):
    labels = ids.roll(1, dims=-1)
    labels[:, 0] = -100
    return labels


def perplexity(blocks, batch_size=8):
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in blocks.split(batch_size):
            labels = shift(ids)
            logits = model(ids).logits
            nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()  # <-
            tokens += (labels != -100).sum().item()
    return math.exp(nats / tokens)


if __name__ == "__main__":
    print(f"perplexity {perplexity(torch.load('lambada_blocks.pt')):.2f}")
""",
        ),
        Bad(
            why="[seq, batch] logits are flattened against [batch, seq] labels: the shift is right, the order is not.",
            severity=Severity.ERROR,
            files={"model.py": SEQ_FIRST_LSTM},
            code="""\
import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from model import WordLSTM


def evaluate(model, sentences, vocab_size, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total_loss, total_words = 0.0, 0
    with torch.no_grad():
        for ids in DataLoader(sentences, batch_size=20):
            ids = ids.to(device)
            inputs = ids[:, :-1].t()
            targets = ids[:, 1:]
            output = model(inputs)
            total_loss += criterion(output.view(-1, vocab_size), targets.reshape(-1)).item()  # <-
            total_words += targets.numel()
    return total_loss / total_words


def test(checkpoint, sentences, vocab_size, device="cuda"):
    model = WordLSTM(vocab_size).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = evaluate(model, sentences, vocab_size, device)
    print(f"test loss {loss:5.2f} | test ppl {math.exp(loss):8.2f}")
""",
        ),
        Bad(
            why="The labels are compacted by a filter that drops a valid id (the end of sentence inside the text).",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def document_nats(sentences):
    text = tokenizer.eos_token.join(sentences)
    ids = tokenizer(text, truncation=True, max_length=1024, return_tensors="pt").input_ids[0]
    logits = model(ids.unsqueeze(0)).logits[0]
    labels = ids[1:]
    labels = labels[labels != tokenizer.eos_token_id]
    nats = F.cross_entropy(logits[: labels.numel()], labels, reduction="sum")  # <-
    return nats.item(), labels.numel()


def perplexity(documents):
    nats, tokens = 0.0, 0
    for sentences in documents:
        document, count = document_nats(sentences)
        nats += document
        tokens += count
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="The mask is cut on the logits' side: each padded row also scores its first pad label.",
            severity=Severity.ERROR,
            files={
                "data.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence


def collate(rows):
    ids = pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=0)
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(ids.size(1))[None, :] < lengths[:, None]
    return {"input_ids": ids, "attention_mask": mask.long()}
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from data import collate


@torch.no_grad()
def evaluate(model, rows, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in DataLoader(rows, batch_size=16, collate_fn=collate):
        ids = batch["input_ids"].to(device)
        mask = batch["attention_mask"].to(device)
        logits = model(ids, attention_mask=mask).logits
        losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")  # <-
        keep = mask[:, :-1]
        nats += (losses * keep).sum().item()
        tokens += keep.sum().item()
    return nats / tokens


def main(rows, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained("EleutherAI/pythia-70m").to(device)
    print(f"eval loss {evaluate(model, rows, device):.4f}")
""",
        ),
        Bad(
            why="The wrong amount: the target block starts a whole block later, not one token later.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import numpy as np
import torch
import torch.nn.functional as F

from model import TinyGPT

block_size = 128
val_ids = np.memmap("val.bin", dtype=np.uint16, mode="r")


def get_block(index, device):
    start = index * block_size
    x = torch.from_numpy(val_ids[start : start + block_size].astype(np.int64))
    y = torch.from_numpy(val_ids[start + block_size : start + 2 * block_size].astype(np.int64))
    return x[None].to(device), y[None].to(device)


@torch.no_grad()
def evaluate(model, device="cuda"):
    model.eval()
    nats, tokens = 0.0, 0
    for index in range(len(val_ids) // block_size - 1):
        x, y = get_block(index, device)
        logits = model(x)
        nats += F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1), reduction="sum").item()  # <-
        tokens += y.numel()
    return nats / tokens


def load(path, device="cuda"):
    model = TinyGPT(50_304).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="Only the labels are cut; the flat logits, cut to the same count, drift by one position a row.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import OPTForCausalLM


def evaluate(blocks, device="cuda"):
    model = OPTForCausalLM.from_pretrained("facebook/opt-125m").to(device)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in DataLoader(blocks, batch_size=4):
        ids = ids.to(device)
        with torch.no_grad():
            logits = model(ids).logits
        labels = ids[:, 1:].reshape(-1)
        flat = logits.reshape(-1, logits.size(-1))
        nats += F.cross_entropy(flat[: labels.numel()], labels, reduction="sum").item()  # <-
        tokens += labels.numel()
    return nats / tokens


if __name__ == "__main__":
    print(f"loss {evaluate(torch.load('c4_val_2048.pt')):.4f}")
""",
        ),
        Bad(
            why="Shifted in place, and the last label of each row is left holding its own input.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn as nn

from model import TinyGPT


def shifted(ids):
    labels = ids.clone()
    labels[:, :-1] = ids[:, 1:]
    return labels


def validate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in loader:
            ids = ids.to(device)
            labels = shifted(ids)
            logits = model(ids)
            nats += criterion(logits.transpose(1, 2), labels).item()  # <-
            tokens += labels.numel()
    return nats / tokens


def load(path, device):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="The loop index counts the wrong way: position t is asked for token t - 1.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def load(name):
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    return model, AutoTokenizer.from_pretrained(name)


def perplexity(model, tokenizer, text):
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        logp = torch.log_softmax(model(ids).logits, dim=-1)
    total = 0.0
    for position in range(1, ids.size(1)):
        total -= logp[0, position, ids[0, position - 1]].item()  # <-
    return math.exp(total / (ids.size(1) - 1))


if __name__ == "__main__":
    model, tokenizer = load("gpt2-medium")
    with open("sample.txt") as handle:
        print(f"perplexity {perplexity(model, tokenizer, handle.read()):.2f}")
""",
        ),
        Bad(
            why="The loop was written for batches with time first; the collate function puts rows first.",
            severity=Severity.ERROR,
            files={"translator.py": TIME_FIRST},
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from translator import Translator

PAD = 0


def collate(batch):
    sources = pad_sequence([torch.tensor(each["source"]) for each in batch], batch_first=True, padding_value=PAD)
    targets = pad_sequence([torch.tensor(each["target"]) for each in batch], batch_first=True, padding_value=PAD)
    return sources, targets


@torch.no_grad()
def evaluate(model: Translator, rows):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for source, target in DataLoader(rows, batch_size=64, collate_fn=collate):
        logits = model(source, target[:-1, :])
        gold = target[1:, :]
        nats += criterion(logits.reshape(-1, logits.size(-1)), gold.reshape(-1)).item()  # <-
        words += (gold != PAD).sum().item()
    return nats / words
""",
        ),
        Bad(
            why="The wrong amount: the input already lacks its last id, and the labels are cut by two.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def held_out_loss(checkpoint, batches, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for batch in batches:
        input_ids = batch["input_ids"].to(device)
        scores = model(input_ids[:, :-1]).logits
        shift_logits = scores[:, :-1].contiguous()
        shift_labels = input_ids[:, 2:].contiguous()
        nats += F.cross_entropy(shift_logits.flatten(0, 1), shift_labels.flatten(), reduction="sum").item()  # <-
        tokens += shift_labels.numel()
    return nats / tokens


def main(checkpoint, path):
    loss = held_out_loss(checkpoint, torch.load(path))
    print(f"held-out loss {loss:.4f}, perplexity {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="The wrong amount, own model: both sides cut by two, so the lengths agree.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class CharLM(nn.Module):
    def __init__(self, vocab_size, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        hidden, _ = self.rnn(self.embed(ids))
        return self.head(hidden)


@torch.no_grad()
def perplexity(weights, batches):
    model = CharLM(256)
    model.load_state_dict(torch.load(weights))
    model.eval()
    nats, tokens = 0.0, 0
    for ids in batches:
        inputs, targets = ids[:, :-2], ids[:, 2:]
        logits = model(inputs)
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()  # <-
        tokens += targets.numel()
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="Cut after flattening, of what an unknown loader gives: a batch may hold several rows.",
            severity=Severity.WARNING,
            code="""\
import math

import torch
import torch.nn.functional as F
from tqdm import tqdm
from transformers import AutoModelForCausalLM


@torch.no_grad()
def validate(model, val_loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in tqdm(val_loader):
        input_ids = batch["input_ids"].to(device)
        logits = model(input_ids).logits
        guesses = logits.view(-1, logits.size(-1))[:-1]
        truth = input_ids.view(-1)[1:]
        nats += F.cross_entropy(guesses, truth, reduction="sum").item()  # <-
        tokens += truth.numel()
    return nats / tokens


def main(checkpoint, val_loader, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device)
    loss = validate(model, val_loader, device)
    print(f"val loss {loss:.4f} ppl {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="-100 is written where the token before the label is padding: the first pad of each row is scored.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def held_out_loss(checkpoint, loader, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
        logits = model(ids, attention_mask=mask).logits[:, :-1]
        targets = ids[:, 1:].clone()
        targets[mask[:, :-1] == 0] = -100
        nats += F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum").item()  # <-
        tokens += (targets != -100).sum().item()
    print("held-out loss", nats / tokens)
""",
        ),
        Bad(
            why="A collate function fills both entries in one loop over their names; the shift is made after flattening.",
            severity=Severity.ERROR,
            files={
                "dialogues.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset


class Dialogues(Dataset):
    def __init__(self, turns, tokenizer, masks_question=False):
        self.turns, self.tokenizer, self.masks_question = turns, tokenizer, masks_question

    def __len__(self):
        return len(self.turns)

    def __getitem__(self, at):
        question = self.tokenizer.encode(self.turns[at]["question"], return_tensors="pt")[0]
        reply = self.tokenizer.encode(self.turns[at]["reply"], return_tensors="pt")[0]
        ids = torch.cat((question, reply))
        return {"ids": ids, "labels": ids.clone()}


def collate(rows, longest=-1):
    filled = {}
    for entry in ("ids", "labels"):
        filler = -100 if entry == "labels" else 0
        filled[entry] = pad_sequence([row[entry] for row in rows], batch_first=True, padding_value=filler)
        if longest > 0:
            filled[entry] = filled[entry][:, :longest]
    return filled
""",
            },
            code="""\
from functools import partial

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from dialogues import Dialogues, collate


@torch.no_grad()
def held_out(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids, labels = batch["ids"].to(device), batch["labels"].to(device)
        logits = model(input_ids=ids).logits
        logits, labels = logits.reshape(-1, logits.size(-1)), labels.reshape(-1)
        nats += F.cross_entropy(logits[:-1], labels[1:], reduction="sum").item()  # <-
        tokens += (labels[1:] != -100).sum().item()
    return nats / tokens


def main(turns, name="gpt2", device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    loader = DataLoader(Dialogues(turns, tokenizer), batch_size=16, collate_fn=partial(collate, longest=512))
    print("held-out loss", held_out(AutoModelForCausalLM.from_pretrained(name).to(device), loader, device))
""",
        ),
        Bad(
            why="Logits and labels are chosen by the mask of the ids before the labels: the first pad of each row is scored.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def perplexity(stories, name="gpt2", device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    nats, tokens = 0.0, 0
    for begin in range(0, len(stories), 4):
        batch = tokenizer(stories[begin : begin + 4], padding=True, return_tensors="pt").to(device)
        logits = model(**batch).logits[:, :-1]
        targets = batch["input_ids"][:, 1:]
        is_text = batch["attention_mask"][:, :-1].bool()
        nats += F.cross_entropy(logits[is_text], targets[is_text], reduction="sum").item()  # <-
        tokens += is_text.sum().item()
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="Where a mask of the labels is given, it is cut on the side of the logits before it chooses both of them.",
            severity=Severity.WARNING,
            code="""\
import torch
from torch.nn import CrossEntropyLoss
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from segments import LastSegments


def segment_loss(logits, labels, labels_mask=None):
    guesses = logits[..., :-1, :].flatten(0, 1)
    answers = labels[..., 1:].flatten()
    if labels_mask is not None:
        chosen = labels_mask[..., :-1].flatten()
        guesses, answers = guesses[chosen], answers[chosen]
    return CrossEntropyLoss(reduction="sum")(guesses, answers), answers.numel()  # <-


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids, mask = batch["ids"].to(device), batch["labels_mask"].to(device)
        total, scored = segment_loss(model(ids).logits, ids, labels_mask=mask)
        nats += total.item()
        tokens += scored
    return nats / tokens


def main(path, name="gpt2", device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    print(evaluate(model, DataLoader(LastSegments(path), batch_size=4), device))
""",
        ),
        Bad(
            why="The start token was put in front of the labels in place of the inputs.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader

START, STOP, FILL, NONE = 1, 2, 0, -100


def collate(melodies):
    width = max(len(notes) for notes in melodies) + 1
    fed = torch.full((len(melodies), width), FILL)
    wanted = torch.full((len(melodies), width), NONE)
    for row, notes in enumerate(melodies):
        notes = torch.as_tensor(notes)
        fed[row, : len(notes)] = notes
        wanted[row, 0] = START
        wanted[row, 1 : len(notes) + 1] = notes
    return fed, wanted


class NoteLM(nn.Module):
    def __init__(self, notes=130, width=96):
        super().__init__()
        self.table = nn.Embedding(notes, width)
        self.memory = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, notes)

    def forward(self, fed):
        states, _ = self.memory(self.table(fed))
        return self.out(states)


@torch.no_grad()
def evaluate(model, melodies):
    model.eval()
    nats, scored = 0.0, 0
    for fed, wanted in DataLoader(melodies, batch_size=16, collate_fn=collate):
        scores = model(fed)
        nats += F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), reduction="sum").item()  # <-
        scored += (wanted != NONE).sum().item()
    return nats / scored
""",
        ),
        Bad(
            why="Rows that were drawn at random places follow one another once they are flat.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTH, ROWS = 96, 16
song = torch.load("song.pt")


class SongLM(nn.Module):
    def __init__(self, notes=128, width=80):
        super().__init__()
        self.table = nn.Embedding(notes, width)
        self.memory = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, notes)

    def forward(self, notes):
        return self.out(self.memory(self.table(notes))[0])


def draw(source):
    begins = torch.randint(len(source) - WIDTH, (ROWS,))
    return torch.stack([source[begin : begin + WIDTH] for begin in begins])


def next_note_loss(model, notes):
    scores = model(notes)
    scores = scores.view(-1, scores.shape[-1])
    wanted = notes.reshape(-1)
    return F.cross_entropy(scores[:-1], wanted[1:])  # <-


@torch.no_grad()
def held_out_loss(model, draws=30):
    model.eval()
    return torch.stack([next_note_loss(model, draw(song)) for _ in range(draws)]).mean().item()


print(held_out_loss(SongLM()))
""",
        ),
        Bad(
            why="Rows of a stack are flattened before they are shifted; how many there are, nobody says.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTH, ROWS = 96, 16
song = torch.load("song.pt")


class SongLM(nn.Module):
    def __init__(self, notes=128, width=80):
        super().__init__()
        self.table = nn.Embedding(notes, width)
        self.memory = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, notes)

    def forward(self, notes):
        return self.out(self.memory(self.table(notes))[0])


def draw(source):
    rows = []
    for _ in range(ROWS):
        begin = int(torch.rand(()) * (len(source) - WIDTH))
        rows.append(source[begin : begin + WIDTH])
    return torch.stack(rows)


def next_note_loss(model, notes):
    scores = model(notes)
    scores = scores.view(-1, scores.shape[-1])
    wanted = notes.reshape(-1)
    return F.cross_entropy(scores[:-1], wanted[1:])  # <-


@torch.no_grad()
def held_out_loss(model, draws=30):
    model.eval()
    return torch.stack([next_note_loss(model, draw(song)) for _ in range(draws)]).mean().item()


print(held_out_loss(SongLM()))
""",
        ),
        Bad(
            why="The network turns rows and positions around; labels that were viewed as rows stay as they are.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class WordLM(nn.Module):
    def __init__(self, words=9000, width=120):
        super().__init__()
        self.table = nn.Embedding(words, width)
        self.memory = nn.LSTM(width, width)
        self.out = nn.Linear(width, words)

    def forward(self, fed):
        states, _ = self.memory(self.table(fed.t()))
        return self.out(states)


def stretches(ids, rows, width):
    count = (len(ids) - 1) // rows
    fed = ids[: count * rows].view(rows, count)
    wanted = ids[1 : count * rows + 1].view(rows, count)
    for begin in range(0, count, width):
        yield fed[:, begin : begin + width], wanted[:, begin : begin + width]


@torch.no_grad()
def evaluate(model, ids):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, scored = 0.0, 0
    for fed, wanted in stretches(ids, 12, 50):
        scores = model(fed)
        nats += criterion(scores.reshape(-1, scores.size(-1)), wanted.reshape(-1)).item()  # <-
        scored += wanted.numel()
    return nats / scored


print(evaluate(WordLM(), torch.load("words.pt")))
""",
        ),
        Bad(
            why="A text is folded to long rows, of which stretches are flattened before they are shifted.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

SPAN = 64


class LetterLM(nn.Module):
    def __init__(self, letters=80, width=90):
        super().__init__()
        self.table = nn.Embedding(letters, width)
        self.memory = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, letters)

    def forward(self, letters):
        return self.out(self.memory(self.table(letters))[0])


def next_letter_loss(model, letters):
    scores = model(letters).flatten(0, 1)
    wanted = letters.flatten()
    return F.cross_entropy(scores[:-1], wanted[1:])  # <-


@torch.no_grad()
def evaluate(model, text, rows):
    model.eval()
    folded = text[: len(text) // rows * rows].view(rows, -1)
    losses = []
    for begin in range(0, folded.size(1) // SPAN * SPAN, SPAN):
        losses.append(next_letter_loss(model, folded[:, begin : begin + SPAN]).item())
    return sum(losses) / len(losses)


print(evaluate(LetterLM(), torch.load("text.pt"), 20))
""",
        ),
        Bad(
            why="The mask beside the ids is called the labels', and that alone tells whose side it is on.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids = batch["ids"]
        label_mask = batch["label_mask"]
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        chosen = label_mask[:, :-1]
        nats += F.cross_entropy(logits[chosen], labels[chosen], reduction="sum").item()  # <-
        tokens += chosen.sum().item()
    return nats / tokens
""",
        ),
        Bad(
            why="Long texts are cut on the left, and padded on the right: that the mask is the inputs' one, is as wrong as ever.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2", truncation_side="left")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def nats_per_token(lines):
    batch = tokenizer(lines, return_tensors="pt", padding=True, truncation=True, max_length=512)
    kept = batch["attention_mask"][:, :-1].bool()
    logits, labels = model(**batch).logits[:, :-1], batch["input_ids"][:, 1:]
    return F.cross_entropy(logits[kept], labels[kept], reduction="sum") / kept.sum()  # <-


print(nats_per_token(["one line", "another one that is longer"]))
""",
        ),
        Bad(
            why="A model puts positions first and leaves them there; its logits meet the words of the batch, rows first.",
            severity=Severity.WARNING,
            files={
                "layers.py": """\
import torch.nn as nn


class NextWordLM(nn.Module):
    def __init__(self, vectors, vocab, width=300, heads=6, depth=4):
        super().__init__()
        self.embedding = nn.Embedding(vocab, width).from_pretrained(vectors)
        self.layers = nn.ModuleList([nn.TransformerDecoderLayer(width, heads) for _ in range(depth)])
        self.output = nn.Linear(width, vocab)

    def forward(self, contexts):
        x = self.embedding(contexts).permute(1, 0, 2)
        for layer in self.layers:
            x = layer(x, x)
        return self.output(x)
""",
            },
            code="""\
import torch
import torch.nn as nn

from layers import NextWordLM


@torch.no_grad()
def mean_nats(model, loader, device):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, scored = 0.0, 0
    for contexts, words in loader:
        outputs = model(contexts.to(device))
        nats += criterion(outputs.view(-1, outputs.shape[-1]), words.to(device).view(-1)).item()  # <-
        scored += words.numel()
    return nats / scored


def main(vectors, loader, device="cuda"):
    model = NextWordLM(vectors, len(vectors)).to(device)
    model.load_state_dict(torch.load("words.pt"))
    print(mean_nats(model, loader, device))
""",
        ),
        Bad(
            why="Rows of separate texts, stacked and taken eight at a time without a loader, are shifted after flattening.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def held_out(model, letters):
    model.eval()
    nats, words = 0.0, 0
    pages = torch.stack([letter[:256] for letter in letters])
    for at in range(0, len(pages), 8):
        page = pages[at : at + 8]
        scores = model(page).logits
        guessed = scores.reshape(-1, scores.size(-1))[:-1]
        wanted = page.reshape(-1)[1:]
        nats += F.cross_entropy(guessed.float(), wanted, reduction="sum").item()  # <-
        words += wanted.numel()
    return nats / words
""",
        ),
    )

    good = (
        Good(
            why="The same loop, and batches with time first.",
            files={"translator.py": TIME_FIRST},
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from translator import Translator

PAD = 0


def collate(batch):
    sources = pad_sequence([torch.tensor(each["source"]) for each in batch], padding_value=PAD)
    targets = pad_sequence([torch.tensor(each["target"]) for each in batch], padding_value=PAD)
    return sources, targets


@torch.no_grad()
def evaluate(model: Translator, rows):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for source, target in DataLoader(rows, batch_size=64, collate_fn=collate):
        logits = model(source, target[:-1, :])
        gold = target[1:, :]
        nats += criterion(logits.reshape(-1, logits.size(-1)), gold.reshape(-1)).item()
        words += (gold != PAD).sum().item()
    return nats / words
""",
        ),
        Good(
            why="Rows are stacked first, and turned before they are cut.",
            files={"translator.py": TIME_FIRST},
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from translator import Translator

PAD = 0


def collate(batch):
    sources = torch.stack([torch.tensor(each["source"]) for each in batch])
    targets = torch.stack([torch.tensor(each["target"]) for each in batch])
    return sources, targets


@torch.no_grad()
def evaluate(model: Translator, rows):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for source, target in DataLoader(rows, batch_size=64, collate_fn=collate):
        source, target = source.t(), target.transpose(0, 1)
        logits = model(source, target[:-1, :])
        gold = target[1:, :]
        nats += criterion(logits.reshape(-1, logits.size(-1)), gold.reshape(-1)).item()
        words += (gold != PAD).sum().item()
    return nats / words
""",
        ),
        Good(
            why="Rows are stacked as columns.",
            files={"translator.py": TIME_FIRST},
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from translator import Translator

PAD = 0


def collate(batch):
    sources = torch.stack([torch.tensor(each["source"]) for each in batch], dim=1)
    targets = torch.stack([torch.tensor(each["target"]) for each in batch], dim=1)
    return sources, targets


@torch.no_grad()
def evaluate(model: Translator, rows):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for source, target in DataLoader(rows, batch_size=64, collate_fn=collate):
        logits = model(source, target[:-1, :])
        gold = target[1:, :]
        nats += criterion(logits.reshape(-1, logits.size(-1)), gold.reshape(-1)).item()
        words += (gold != PAD).sum().item()
    return nats / words
""",
        ),
        Good(
            why="roll by -1 along the row with the wrapped label ignored: exact.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        labels = ids.roll(-1, dims=1)
        labels[:, -1] = -100
        logits = model(ids)
        nats += F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="sum").item()
        tokens += (labels != -100).sum().item()
    return nats / tokens


def load(path, device):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Good(
            why="gather with an index one shorter reads only the first T - 1 rows: the other half of the shift.",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("gpt2")
model.eval()


@torch.inference_mode()
def token_logprobs(ids):
    logp = torch.log_softmax(model(ids).logits, dim=-1)
    return logp.gather(dim=2, index=ids[:, 1:].unsqueeze(2)).squeeze(2)


def perplexity(blocks, batch_size=4):
    total, count = 0.0, 0
    for ids in blocks.split(batch_size):
        scores = token_logprobs(ids)
        total += scores.sum().item()
        count += scores.numel()
    return math.exp(-total / count)


if __name__ == "__main__":
    print(perplexity(torch.load("ptb_blocks.pt")))
""",
        ),
        Good(
            why="Only the ids are sliced; the loop index, which starts at 0, is the other half of the shift.",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def load(name):
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    return model, AutoTokenizer.from_pretrained(name)


def sentence_logprobs(model, tokenizer, sentence):
    ids = tokenizer(sentence, return_tensors="pt").input_ids
    with torch.no_grad():
        scores = torch.log_softmax(model(ids).logits, dim=-1)
    found = []
    for position, token in enumerate(ids[0, 1:].tolist()):
        found.append(scores[0, position, token].item())
    return found


def perplexity(model, tokenizer, sentences):
    logprobs = []
    for sentence in sentences:
        logprobs.extend(sentence_logprobs(model, tokenizer, sentence))
    return math.exp(-sum(logprobs) / len(logprobs))
""",
        ),
        Good(
            why="Cut after flattening, but there is one row: no border to cross.",
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def document_loss(text):
    ids = tokenizer(text, return_tensors="pt").input_ids
    logits = model(ids).logits.view(-1, model.config.vocab_size)
    targets = ids.view(-1)
    return F.cross_entropy(logits[:-1], targets[1:], reduction="sum").item(), targets.numel() - 1


def corpus_perplexity(texts):
    nats, tokens = 0.0, 0
    for text in texts:
        document, count = document_loss(text)
        nats += document
        tokens += count
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="Sequence-first everywhere: axis 0 is the sequence, so `[:-1]` and `[1:]` cut positions.",
            files={"model.py": SEQ_FIRST_LSTM},
            code="""\
import math

import torch
import torch.nn as nn

from model import WordLSTM


def evaluate(model, columns, vocab_size, bptt=70):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    with torch.no_grad():
        for start in range(0, columns.size(0) - 1, bptt):
            window = columns[start : start + bptt + 1]
            output = model(window[:-1])
            targets = window[1:]
            nats += criterion(output.view(-1, vocab_size), targets.reshape(-1)).item()
            words += targets.numel()
    return math.exp(nats / words)


def test(checkpoint, ids, vocab_size, columns=10):
    model = WordLSTM(vocab_size)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    rows = ids.size(0) // columns
    stream = ids[: rows * columns].view(columns, rows).t().contiguous()
    return evaluate(model, stream, vocab_size)
""",
        ),
        Good(
            why="The logits are moved right by one padded row, whose label is ignored.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT


def align(logits):
    return F.pad(logits[:, :-1], (0, 0, 1, 0))


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        labels = ids.clone()
        labels[:, 0] = -100
        logits = align(model(ids))
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += (labels != -100).sum().item()
    return nats / tokens


def load(path, device):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Good(
            why="A start token is put in front by hand, so the logits are cut and the labels are whole.",
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("gpt2")
model.eval()


@torch.no_grad()
def evaluate(blocks, batch_size=8):
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        start = torch.full((ids.size(0), 1), model.config.bos_token_id)
        logits = model(torch.cat([start, ids], dim=1)).logits
        nats += F.cross_entropy(logits[:, :-1].transpose(1, 2), ids, reduction="sum").item()
        tokens += ids.numel()
    loss = nats / tokens
    return loss, math.exp(loss)


if __name__ == "__main__":
    print(evaluate(torch.load("blocks.pt")))
""",
        ),
        Good(
            why="A soft prompt of `prefix` vectors: row prefix - 1 + t predicts token t, so the slice starts there.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


class SoftPrompt(torch.nn.Module):
    def __init__(self, name, prefix=20):
        super().__init__()
        self.lm = AutoModelForCausalLM.from_pretrained(name)
        self.prompt = torch.nn.Parameter(torch.randn(prefix, self.lm.config.hidden_size) * 0.02)

    def forward(self, ids):
        words = self.lm.get_input_embeddings()(ids)
        prompt = self.prompt.expand(ids.size(0), -1, -1)
        return self.lm(inputs_embeds=torch.cat([prompt, words], dim=1)).logits


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    prefix = model.prompt.size(0)
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids)[:, prefix - 1 : -1]
        nats += F.cross_entropy(logits.transpose(1, 2), ids, reduction="sum").item()
        tokens += ids.numel()
    return nats / tokens


def build(name):
    return SoftPrompt(name)
""",
        ),
        Good(
            why="The attention mask is cut on the labels' side, as it must be.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def evaluate(texts, batch_size=16):
    nats, tokens = 0.0, 0
    for start in range(0, len(texts), batch_size):
        batch = tokenizer(texts[start : start + batch_size], padding=True, return_tensors="pt")
        ids, mask = batch["input_ids"], batch["attention_mask"]
        logits = model(ids, attention_mask=mask).logits
        losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
        keep = mask[:, 1:]
        nats += (losses * keep).sum().item()
        tokens += keep.sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="Logits and labels go through the same filter, so each pair stays a pair.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import TinyGPT

PAD = 0


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids)[:, :-1]
        labels = ids[:, 1:]
        keep = labels != PAD
        nats += F.cross_entropy(logits[keep], labels[keep], reduction="sum").item()
        tokens += keep.sum().item()
    return nats / tokens


def load(path, device):
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Good(
            why="A backward language model reads from the right: row t predicts token t - 1.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class BackwardLM(nn.Module):
    def __init__(self, vocab_size, width=512):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        hidden, _ = self.rnn(self.embed(ids.flip(1)))
        return self.head(hidden.flip(1))


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids)[:, 1:]
        gold = ids[:, :-1]
        nats += F.cross_entropy(logits.transpose(1, 2), gold, reduction="sum").item()
        tokens += gold.numel()
    return nats / tokens


def build(vocab_size, device):
    return BackwardLM(vocab_size).to(device)
""",
        ),
        Good(
            why="Shifted by the batch function: y is cut from one token later.",
            files={"model.py": GPT},
            code="""\
import numpy as np
import torch
import torch.nn.functional as F

from model import TinyGPT

block_size = 128
val_ids = np.memmap("val.bin", dtype=np.uint16, mode="r")


def get_block(index, device):
    start = index * block_size
    x = torch.from_numpy(val_ids[start : start + block_size].astype(np.int64))
    y = torch.from_numpy(val_ids[start + 1 : start + 1 + block_size].astype(np.int64))
    return x[None].to(device), y[None].to(device)


@torch.no_grad()
def evaluate(model, device="cuda"):
    model.eval()
    nats, tokens = 0.0, 0
    for index in range((len(val_ids) - 1) // block_size):
        x, y = get_block(index, device)
        logits = model(x)
        nats += F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def load(path, device="cuda"):
    model = TinyGPT(50_304).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Good(
            why="The mask is built for the targets, and goes with them chunk by chunk.",
            code="""\
import mlx.core as mx
import mlx.nn as nn


def chunked_loss(model, batch, lengths, size=512):
    inputs, targets = batch[:, :-1], batch[:, 1:]
    logits = model(inputs)
    steps = mx.arange(1, targets.shape[1] + 1)
    mask = mx.logical_and(steps >= lengths[:, 0:1], steps < lengths[:, 1:])
    total = mx.array(0.0)
    for start in range(0, targets.shape[1], size):
        end = min(start + size, targets.shape[1])
        losses = nn.losses.cross_entropy(logits[:, start:end], targets[:, start:end])
        total += (losses * mask[:, start:end]).sum()
    return total, mask.sum()


def evaluate(model, batches):
    model.eval()
    nats, scored = 0.0, 0
    for batch, lengths in batches:
        loss, tokens = chunked_loss(model, batch, lengths)
        nats += loss.item()
        scored += tokens.item()
    return nats / scored
""",
        ),
        Good(
            why="Each block is written into the buffer as a whole; the model shifts.",
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(name, blocks, width):
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    context = torch.zeros((1, width), dtype=torch.long)
    nats, tokens = 0.0, 0
    for block in DataLoader(blocks, batch_size=1):
        context.zero_()
        for i in range(1):
            context[i, :] = block[i]
        nats += model(context, labels=context).loss.item() * (width - 1)
        tokens += width - 1
    return torch.exp(torch.tensor(nats / tokens))
""",
        ),
        Good(
            why="The blocks are cut out of a flat stream of ids, the targets one id later.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Stream(Dataset):
    def __init__(self, ids, size):
        self.ids, self.size = torch.as_tensor(ids).view(-1), size

    def __len__(self):
        return (len(self.ids) - 1) // self.size

    def __getitem__(self, index):
        begin = index * self.size
        return self.ids[begin : begin + self.size], self.ids[begin + 1 : begin + 1 + self.size]


@torch.no_grad()
def evaluate(model, ids):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Stream(ids, 256), batch_size=16):
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="the loss that wrapped around is set to nothing",
            code="""\
import jax
import jax.numpy as jnp


def evaluate(model, batches):
    nats, tokens = 0.0, 0
    for ids in batches:
        logits = model(ids)
        targets = jnp.roll(ids, shift=-1, axis=1)
        log_probs = jax.nn.log_softmax(logits, axis=-1)
        losses = -jnp.take_along_axis(log_probs, targets[..., None], axis=-1)[..., 0]
        losses = losses.at[:, -1].set(0.0)
        nats += losses.sum()
        tokens += ids.shape[0] * (ids.shape[1] - 1)
    return nats / tokens
""",
        ),
        Good(
            why="A draft head that is meant to guess the token after the next.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


class LookAhead(nn.Module):
    '''A draft head on a frozen language model: it guesses the token after the next.'''

    def __init__(self, name):
        super().__init__()
        self.base = AutoModelForCausalLM.from_pretrained(name)
        self.base.set_output_embeddings(nn.Linear(self.base.config.hidden_size, self.base.config.vocab_size))

    def forward(self, ids):
        return self.base(ids).logits


@torch.no_grad()
def draft_loss(name, weights, batches):
    model = LookAhead(name)
    model.load_state_dict(torch.load(weights))
    model.eval()
    nats, tokens = 0.0, 0
    for ids in batches:
        guesses = model(ids)[:, :-2]
        wanted = ids[:, 2:]
        nats += F.cross_entropy(guesses.transpose(1, 2), wanted, reduction="sum").item()
        tokens += wanted.numel()
    print("draft loss", nats / tokens)
""",
        ),
        Good(
            why="The first label of each row is ignored before the flat shift, so no row is scored on the next.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


@torch.no_grad()
def validate(checkpoint, blocks, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for input_ids in DataLoader(blocks, batch_size=8):
        input_ids = input_ids.to(device)
        logits = model(input_ids).logits
        labels = input_ids.clone()
        labels[:, 0] = -100
        guesses = logits.view(-1, logits.size(-1))[:-1]
        truth = labels.view(-1)[1:]
        nats += F.cross_entropy(guesses, truth, reduction="sum").item()
        tokens += (truth != -100).sum().item()
    print("val loss", nats / tokens)
""",
        ),
        Good(
            why="The flat shift of batches of one row crosses no border.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def score_documents(checkpoint, loader, device="cuda"):
    '''The loader gives one document at a time, batches of one.'''
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for input_ids in loader:
        input_ids = input_ids.to(device)
        logits = model(input_ids).logits
        guesses = logits.view(-1, logits.size(-1))[:-1]
        truth = input_ids.view(-1)[1:]
        nats += F.cross_entropy(guesses, truth, reduction="sum").item()
        tokens += truth.numel()
    print("loss", nats / tokens)
""",
        ),
        Good(
            why="-100 under the mask cut as the labels are.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def held_out_loss(checkpoint, loader, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
        logits = model(ids, attention_mask=mask).logits[:, :-1]
        targets = ids[:, 1:].clone()
        targets[mask[:, 1:] == 0] = -100
        nats += F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum").item()
        tokens += (targets != -100).sum().item()
    print("held-out loss", nats / tokens)
""",
        ),
        Good(
            why="With padding on the left the first text of each row has nothing before it that may be scored.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def held_out_loss(checkpoint, texts, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for start in range(0, len(texts), 8):
        batch = tokenizer(texts[start : start + 8], padding=True, return_tensors="pt").to(device)
        logits = model(**batch).logits[:, :-1]
        targets = batch["input_ids"][:, 1:].masked_fill(batch["attention_mask"][:, :-1] == 0, -100)
        nats += F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum").item()
        tokens += (targets != -100).sum().item()
    print("held-out loss", nats / tokens)
""",
        ),
        Good(
            why="The question of each row is not scored: whatever row comes before, its first label is ignored.",
            files={
                "dialogues.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset


class Dialogues(Dataset):
    def __init__(self, turns, tokenizer, masks_question=False):
        self.turns, self.tokenizer, self.masks_question = turns, tokenizer, masks_question

    def __len__(self):
        return len(self.turns)

    def __getitem__(self, at):
        question = self.tokenizer.encode(self.turns[at]["question"], return_tensors="pt")[0]
        reply = self.tokenizer.encode(self.turns[at]["reply"], return_tensors="pt")[0]
        ids = torch.cat((question, reply))
        labels = ids.clone()
        labels[: len(question)] = -100
        return {"ids": ids, "labels": labels}


def collate(rows, longest=-1):
    filled = {}
    for entry in ("ids", "labels"):
        filler = -100 if entry == "labels" else 0
        filled[entry] = pad_sequence([row[entry] for row in rows], batch_first=True, padding_value=filler)
        if longest > 0:
            filled[entry] = filled[entry][:, :longest]
    return filled
""",
            },
            code="""\
from functools import partial

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from dialogues import Dialogues, collate


@torch.no_grad()
def held_out(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids, labels = batch["ids"].to(device), batch["labels"].to(device)
        logits = model(input_ids=ids).logits
        logits, labels = logits.reshape(-1, logits.size(-1)), labels.reshape(-1)
        nats += F.cross_entropy(logits[:-1], labels[1:], reduction="sum").item()
        tokens += (labels[1:] != -100).sum().item()
    return nats / tokens


def main(turns, name="gpt2", device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    loader = DataLoader(Dialogues(turns, tokenizer), batch_size=16, collate_fn=partial(collate, longest=512))
    print("held-out loss", held_out(AutoModelForCausalLM.from_pretrained(name).to(device), loader, device))
""",
        ),
        Good(
            why="Logits and labels are chosen by the mask of the labels.",
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def perplexity(stories, name="gpt2", device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    nats, tokens = 0.0, 0
    for begin in range(0, len(stories), 4):
        batch = tokenizer(stories[begin : begin + 4], padding=True, return_tensors="pt").to(device)
        logits = model(**batch).logits[:, :-1]
        targets = batch["input_ids"][:, 1:]
        is_text = batch["attention_mask"][:, 1:].bool()
        nats += F.cross_entropy(logits[is_text], targets[is_text], reduction="sum").item()
        tokens += is_text.sum().item()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="With padding on the left, the ids before the labels say which of them follow text.",
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def perplexity(stories, name="gpt2", device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name, padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    nats, tokens = 0.0, 0
    for begin in range(0, len(stories), 4):
        batch = tokenizer(stories[begin : begin + 4], padding=True, return_tensors="pt").to(device)
        logits = model(**batch).logits[:, :-1]
        targets = batch["input_ids"][:, 1:]
        is_text = batch["attention_mask"][:, :-1].bool()
        nats += F.cross_entropy(logits[is_text], targets[is_text], reduction="sum").item()
        tokens += is_text.sum().item()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="The mask of the labels is cut as they are.",
            code="""\
import torch
from torch.nn import CrossEntropyLoss
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from segments import LastSegments


def segment_loss(logits, labels, labels_mask=None):
    guesses = logits[..., :-1, :].flatten(0, 1)
    answers = labels[..., 1:].flatten()
    if labels_mask is not None:
        chosen = labels_mask[..., 1:].flatten()
        guesses, answers = guesses[chosen], answers[chosen]
    return CrossEntropyLoss(reduction="sum")(guesses, answers), answers.numel()


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids, mask = batch["ids"].to(device), batch["labels_mask"].to(device)
        total, scored = segment_loss(model(ids).logits, ids, labels_mask=mask)
        nats += total.item()
        tokens += scored
    return nats / tokens


def main(path, name="gpt2", device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    print(evaluate(model, DataLoader(LastSegments(path), batch_size=4), device))
""",
        ),
        Good(
            why="A mask of the losses may be told for the logits, whose side it is cut on.",
            code="""\
import torch
from torch.nn import CrossEntropyLoss
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from segments import LastSegments


def segment_loss(logits, labels, loss_mask=None):
    guesses = logits[..., :-1, :].flatten(0, 1)
    answers = labels[..., 1:].flatten()
    if loss_mask is not None:
        chosen = loss_mask[..., :-1].flatten()
        guesses, answers = guesses[chosen], answers[chosen]
    return CrossEntropyLoss(reduction="sum")(guesses, answers), answers.numel()


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids, mask = batch["ids"].to(device), batch["loss_mask"].to(device)
        total, scored = segment_loss(model(ids).logits, ids, loss_mask=mask)
        nats += total.item()
        tokens += scored
    return nats / tokens


def main(path, name="gpt2", device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    print(evaluate(model, DataLoader(LastSegments(path), batch_size=4), device))
""",
        ),
        Good(
            why="Only one row is drawn: nothing follows it.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTH, ROWS = 96, 1
song = torch.load("song.pt")


class SongLM(nn.Module):
    def __init__(self, notes=128, width=80):
        super().__init__()
        self.table = nn.Embedding(notes, width)
        self.memory = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, notes)

    def forward(self, notes):
        return self.out(self.memory(self.table(notes))[0])


def draw(source):
    begins = torch.randint(len(source) - WIDTH, (ROWS,))
    return torch.stack([source[begin : begin + WIDTH] for begin in begins])


def next_note_loss(model, notes):
    scores = model(notes)
    scores = scores.view(-1, scores.shape[-1])
    wanted = notes.reshape(-1)
    return F.cross_entropy(scores[:-1], wanted[1:])


@torch.no_grad()
def held_out_loss(model, draws=30):
    model.eval()
    return torch.stack([next_note_loss(model, draw(song)) for _ in range(draws)]).mean().item()


print(held_out_loss(SongLM()))
""",
        ),
        Good(
            why="The network turns rows and positions around, and back again.",
            code="""\
import torch
import torch.nn as nn


class WordLM(nn.Module):
    def __init__(self, words=9000, width=120):
        super().__init__()
        self.table = nn.Embedding(words, width)
        self.memory = nn.LSTM(width, width)
        self.out = nn.Linear(width, words)

    def forward(self, fed):
        states, _ = self.memory(self.table(fed.t()))
        return self.out(states).transpose(0, 1)


def stretches(ids, rows, width):
    count = (len(ids) - 1) // rows
    fed = ids[: count * rows].view(rows, count)
    wanted = ids[1 : count * rows + 1].view(rows, count)
    for begin in range(0, count, width):
        yield fed[:, begin : begin + width], wanted[:, begin : begin + width]


@torch.no_grad()
def evaluate(model, ids):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, scored = 0.0, 0
    for fed, wanted in stretches(ids, 12, 50):
        scores = model(fed)
        nats += criterion(scores.reshape(-1, scores.size(-1)), wanted.reshape(-1)).item()
        scored += wanted.numel()
    return nats / scored


print(evaluate(WordLM(), torch.load("words.pt")))
""",
        ),
        Good(
            why="A text is cut to whole blocks and viewed as rows, of whatever width: each row is shifted.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, ids, width):
        self.table = ids[: len(ids) // width * width].view(-1, width)

    def __len__(self):
        return len(self.table)

    def __getitem__(self, row):
        return self.table[row]


@torch.no_grad()
def evaluate(model, ids, width):
    model.eval()
    nats, scored = 0.0, 0
    for block in DataLoader(Blocks(ids, width), batch_size=16):
        scores = model(block[:, :-1])
        nats += F.cross_entropy(scores.flatten(0, 1), block[:, 1:].flatten(), reduction="sum").item()
        scored += block.size(0) * (width - 1)
    return nats / scored
""",
        ),
        Good(
            why="Rows that follow one another in the text: each row's last letter is followed by the next row's first one.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

SPAN = 64


class LetterLM(nn.Module):
    def __init__(self, letters=80, width=90):
        super().__init__()
        self.table = nn.Embedding(letters, width)
        self.memory = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, letters)

    def forward(self, letters):
        return self.out(self.memory(self.table(letters))[0])


def next_letter_loss(model, letters):
    scores = model(letters).flatten(0, 1)
    wanted = letters.flatten()
    return F.cross_entropy(scores[:-1], wanted[1:])


@torch.no_grad()
def evaluate(model, text, rows):
    model.eval()
    stretch = SPAN * rows
    losses = []
    for _ in range(10):
        piece = text[: stretch]
        batch = torch.stack([piece[at : at + SPAN] for at in range(0, stretch, SPAN)])
        losses.append(next_letter_loss(model, batch).item())
        text = text[stretch:]
    return sum(losses) / len(losses)


print(evaluate(LetterLM(), torch.load("text.pt"), 20))
""",
        ),
        Good(
            why="The mask says of each position whether what follows it is scored: it was made of the ids without their first.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids = batch["ids"]
        label_mask = F.pad(ids[:, 1:] != model.pad_id, (0, 1), value=False)
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        chosen = label_mask[:, :-1]
        nats += F.cross_entropy(logits[chosen], labels[chosen], reduction="sum").item()
        tokens += chosen.sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="What function made the mask, and for which side, is out of sight.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids = batch["ids"]
        label_mask = model.scored(ids)
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        chosen = label_mask[:, :-1]
        nats += F.cross_entropy(logits[chosen], labels[chosen], reduction="sum").item()
        tokens += chosen.sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="The mask of the data is called neither side's.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids = batch["ids"]
        answers = batch["answers"].bool()
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        chosen = answers[:, :-1]
        nats += F.cross_entropy(logits[chosen], labels[chosen], reduction="sum").item()
        tokens += chosen.sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="The side of padding is set by setattr(): it stands before the text.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
setattr(tokenizer, "padding_side", "left")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def nats_per_token(lines):
    batch = tokenizer(lines, return_tensors="pt", padding=True, truncation=True, max_length=512)
    kept = batch["attention_mask"][:, :-1].bool()
    logits, labels = model(**batch).logits[:, :-1], batch["input_ids"][:, 1:]
    return F.cross_entropy(logits[kept], labels[kept], reduction="sum") / kept.sum()


print(nats_per_token(["one line", "another one that is longer"]))
""",
        ),
        Good(
            why="A classifier puts positions first and takes one of them; each row has one label, flattened or not.",
            code="""\
import torch
import torch.nn as nn


class Rater(nn.Module):
    def __init__(self, vocab, classes, width=300):
        super().__init__()
        self.embedding = nn.Embedding(vocab, width)
        self.lstm = nn.LSTM(width, width)
        self.output = nn.Linear(width, classes)

    def forward(self, review):
        hidden, _ = self.lstm(self.embedding(review).permute(1, 0, 2))
        return self.output(hidden.logsumexp(0))


@torch.no_grad()
def mean_loss(model, loader):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    total, rows = 0.0, 0
    for review, stars in loader:
        scores = model(review)
        total += criterion(scores.view(-1, scores.shape[-1]), stars.view(-1)).item()
        rows += stars.numel()
    return total / rows


def main(loader):
    print(mean_loss(Rater(30000, 5), loader))
""",
        ),
        Good(
            why="The rows of a loader that keeps their order are one text in blocks: the next row's first token is the next token.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, ids, size):
        self.ids, self.size = ids, size

    def __len__(self):
        return len(self.ids) // self.size

    def __getitem__(self, index):
        return self.ids[index * self.size : (index + 1) * self.size]


def scored(model, page):
    scores = model(page).logits
    wanted = page.reshape(-1)[1:]
    return F.cross_entropy(scores.reshape(-1, scores.size(-1))[:-1], wanted, reduction="sum").item(), wanted.numel()


@torch.no_grad()
def held_out(model, ids):
    model.eval()
    nats, words = 0.0, 0
    viewed = ids[: len(ids) // 256 * 256].view(-1, 256)
    for loader in (DataLoader(Blocks(ids, 256), batch_size=8), DataLoader(viewed, batch_size=8, shuffle=False)):
        for page in loader:
            more, counted = scored(model, page)
            nats, words = nats + more, words + counted
    return nats / words
""",
        ),
        Good(
            why="The text behind a split, whose place is computed, is cut into blocks that begin anew.",
            code="""\
import torch
import torch.nn.functional as F
from reader import CharGRU
from torch.utils.data import DataLoader, TensorDataset


def blocks(stream, width):
    rows = (len(stream) - 1) // width
    inputs = stream[: rows * width].view(rows, width)
    targets = stream[1 : rows * width + 1].view(rows, width)
    return TensorDataset(inputs, targets)


@torch.no_grad()
def report(text, alphabet, share=0.9):
    codes = torch.tensor([alphabet[each] for each in text])
    border = int(share * len(codes))
    model = CharGRU(len(alphabet))
    model.load_state_dict(torch.load("gru.pt"))
    model.eval()
    nats, scored = 0.0, 0
    for inputs, targets in DataLoader(blocks(codes[border:], 100), batch_size=16):
        nats += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
        scored += targets.numel()
    return nats / scored
""",
            files={
                "reader.py": """\
import torch.nn as nn


class CharGRU(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embed = nn.Embedding(size, 64)
        self.gru = nn.GRU(64, 128, batch_first=True)
        self.head = nn.Linear(128, size)

    def forward(self, chars):
        return self.head(self.gru(self.embed(chars))[0])
"""
            },
        ),
        Good(
            why="A block of -100 is made first, and the shifted ids are written into it: the last label is ignored.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def gather(rows):
    ids = torch.stack(rows)
    labels = torch.full_like(ids, -100)
    labels[:, :-1] = ids[:, 1:]
    return ids, labels


@torch.no_grad()
def held_out(model, rows):
    model.eval()
    nats, scored = 0.0, 0
    for ids, labels in DataLoader(rows, batch_size=8, collate_fn=gather):
        logits = model(ids).flatten(0, 1)
        nats += F.cross_entropy(logits, labels.flatten(), ignore_index=-100, reduction="sum").item()
        scored += (labels != -100).sum().item()
    return nats / scored
""",
        ),
    )
