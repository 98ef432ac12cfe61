"""Rule LL304: pad positions scored as if they were text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.comparisons import padded
from lintloss.facts.observations import Compared, Observation
from lintloss.findings import Confidence, Fix, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope

GRU_LM = """\
import torch.nn as nn


class GRULM(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=0)
        self.rnn = nn.GRU(width, width, num_layers=2, dropout=0.2, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        hidden, _ = self.rnn(self.embed(ids))
        return self.head(hidden)
"""

COLLATE = """\
import torch
from torch.nn.utils.rnn import pad_sequence

PAD = 0


def collate(rows):
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=PAD)
"""


class ScoredPadding(Rule):
    """Pad positions are scored as if they were text.

    Why:
        Rows of unequal length are filled up with a pad id, and a criterion scores every label that it is not told to
        ignore. Padding is the easiest text there is: after a few hundred steps a model predicts it at about 0
        nats/token, and the mean over scored tokens becomes a mean over positions:

            reported = (text nats + pad nats) / (text tokens + pad tokens)

        With half of the positions padded a true 4.0 nats/token reads 2.0, perplexity 7.4 where 54.6 is right; and the
        value moves with the batch size and the longest row. An untrained or never padded model is pushed the other
        way. A mask given to the model only (`attention_mask=`) hides pads from attention, not from the loss;
        `padding_idx` of an embedding does not either; -100 for the prompt does not cover the padding.

    Instead:
        Let the criterion ignore the id, and count what it scored:

            nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=PAD, reduction="sum").item()
            tokens += (labels != PAD).sum().item()

        or set the padded labels to -100 in the collate function, or multiply per-token losses by the mask on both
        sides of the division. Where the pad id is also a valid id (GPT-2's end of text), mask by length.

    Fix:
        Unsafe: the number changes, which is the point. `ignore_index=` with the pad value of the collate function is
        added to the criterion. Offered where the pad id has a name or a literal in reach, no valid token has that id,
        and the denominator counts the unpadded labels already (else the fix would make an LL103).

    Source:
        torch.nn.CrossEntropyLoss (`ignore_index`, default -100); torch.nn.utils.rnn.pad_sequence (`padding_value`,
        default 0); transformers.DataCollatorForLanguageModeling (sets padded labels to -100).
    """

    code = "LL304"
    name = "scored-padding"
    confirmed_by = (
        "the share of scored targets that equal the pad id in a run at the end of their row, the pad id known from "
        "padding_idx, the tokenizer or the collate function: above 0 (confirmed), 0 (refuted)"
    )

    watches = (Compared,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report targets whose padding is scored."""
        found = padded(seen)
        if found is not None:
            yield Judgment(
                Severity.ERROR,
                Confidence.MEDIUM if found.presumed else Confidence.HIGH,
                f"{found.why}: ignore that id, mask the losses, or write -100 over the padding",
                found.evidence,
            )

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Have the criterion ignore the id that the count leaves out."""
        from lintloss.repair import pads

        return pads.ignoring(node, seen, scope) if isinstance(seen, Compared) and seen.inverted is None else None

    bad = (
        Bad(
            why="The collate function pads with 0, the denominator leaves pads out, the criterion does not.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM, "data.py": COLLATE},
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import PAD, collate
from model import GRULM


@torch.no_grad()
def evaluate(model, sentences, device):
    model.eval()
    nats, words = 0.0, 0
    for ids in DataLoader(sentences, batch_size=64, collate_fn=collate):
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()  # <-
        words += (targets != PAD).sum().item()
    return nats / words


def main(checkpoint, sentences, device="cuda"):
    model = GRULM(10_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print(f"perplexity {math.exp(evaluate(model, sentences, device)):.2f}")
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import PAD, collate
from model import GRULM


@torch.no_grad()
def evaluate(model, sentences, device):
    model.eval()
    nats, words = 0.0, 0
    for ids in DataLoader(sentences, batch_size=64, collate_fn=collate):
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="sum").item()
        words += (targets != PAD).sum().item()
    return nats / words


def main(checkpoint, sentences, device="cuda"):
    model = GRULM(10_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print(f"perplexity {math.exp(evaluate(model, sentences, device)):.2f}")
""",
        ),
        Bad(
            why="Neither side leaves the pads out: a mean over positions, most of them empty.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM},
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

from model import GRULM

MAX_LENGTH = 50


def encode(sentences, vocabulary):
    rows = torch.zeros(len(sentences), MAX_LENGTH, dtype=torch.long)
    for row, sentence in enumerate(sentences):
        ids = [vocabulary[word] for word in sentence.split()][:MAX_LENGTH]
        rows[row, : len(ids)] = torch.tensor(ids)
    return rows


@torch.no_grad()
def validate(model, rows, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, positions = 0.0, 0
    for (ids,) in DataLoader(TensorDataset(rows), batch_size=128):
        ids = ids.to(device)
        inputs, targets = ids[:, :-1], ids[:, 1:]
        logits = model(inputs)
        nats += criterion(logits.transpose(1, 2), targets).item()  # <-
        positions += targets.numel()
    return nats / positions


def run(model_path, sentences, vocabulary, device="cuda"):
    model = GRULM(len(vocabulary) + 1).to(device)
    model.load_state_dict(torch.load(model_path, map_location=device))
    return validate(model, encode(sentences, vocabulary), device)
""",
        ),
        Bad(
            why="The mask goes to attention only; the labels keep the pad ids.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def evaluate(texts, batch_size=8):
    nats, tokens = 0.0, 0
    for start in range(0, len(texts), batch_size):
        batch = tokenizer(texts[start : start + batch_size], padding=True, return_tensors="pt")
        logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        labels = batch["input_ids"][:, 1:]
        nats += cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten(), reduction="sum").item()  # <-
        tokens += labels.numel()
    return math.exp(nats / tokens)


if __name__ == "__main__":
    with open("dialogues.txt") as handle:
        print(evaluate(handle.read().splitlines()))
""",
        ),
        Bad(
            why="`labels=` is the padded input itself; a Hugging Face model ignores -100, not the pad id.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, DataCollatorWithPadding, GPT2LMHeadModel


def build():
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    model = GPT2LMHeadModel.from_pretrained("gpt2")
    model.resize_token_embeddings(len(tokenizer))
    return tokenizer, model.eval()


def evaluate(rows, device="cuda"):
    tokenizer, model = build()
    model.to(device)
    loader = DataLoader(rows, batch_size=16, collate_fn=DataCollatorWithPadding(tokenizer))
    nats, positions = 0.0, 0
    for batch in loader:
        ids = batch["input_ids"].to(device)
        mask = batch["attention_mask"].to(device)
        with torch.no_grad():
            loss = model(input_ids=ids, attention_mask=mask, labels=ids).loss  # <-
        scored = ids[:, 1:].numel()
        nats += loss.item() * scored
        positions += scored
    return nats / positions
""",
        ),
        Bad(
            why="-100 covers the prompt and not the padding behind the answer.",
            severity=Severity.ERROR,
            files={
                "sft.py": """\
import torch


def encode(row, tokenizer, max_length=512):
    prompt = tokenizer(row["prompt"]).input_ids
    answer = tokenizer(row["answer"] + tokenizer.eos_token).input_ids
    ids = (prompt + answer)[:max_length]
    ids = ids + [tokenizer.pad_token_id] * (max_length - len(ids))
    labels = list(ids)
    labels[: len(prompt)] = [-100] * len(prompt)
    return {"input_ids": torch.tensor(ids), "labels": torch.tensor(labels)}
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from sft import encode


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        labels = batch["labels"].to(device)
        outputs = model(input_ids=batch["input_ids"].to(device), labels=labels)  # <-
        scored = (labels[:, 1:] != -100).sum().item()
        nats += outputs.loss.item() * scored
        tokens += scored
    return nats / tokens


def main(name, rows, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    loader = DataLoader([encode(row, tokenizer) for row in rows], batch_size=4)
    print(f"eval loss {evaluate(model, loader, device):.4f}")
""",
        ),
        Bad(
            why="An off-by-one in the length mask: `<=` keeps the first pad of every row.",
            severity=Severity.ERROR,
            files={
                "model.py": GRU_LM,
                "data.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence


def collate(rows):
    lengths = torch.tensor([len(row) - 1 for row in rows])
    ids = pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True)
    return ids[:, :-1], ids[:, 1:], lengths
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import collate
from model import GRULM


@torch.no_grad()
def evaluate(model, rows, device):
    model.eval()
    nats, words = 0.0, 0
    for inputs, targets, lengths in DataLoader(rows, batch_size=32, collate_fn=collate):
        inputs, targets, lengths = inputs.to(device), targets.to(device), lengths.to(device)
        logits = model(inputs)
        losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")  # <-
        positions = torch.arange(targets.size(1), device=device)
        mask = positions[None, :] <= lengths[:, None]
        nats += losses.masked_fill(~mask, 0.0).sum().item()
        words += mask.sum().item()
    return nats / words


def load(path, vocab_size, device):
    model = GRULM(vocab_size).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="The mask is inverted: exactly the pads are scored.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM, "data.py": COLLATE},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import PAD, collate
from model import GRULM


def masked_nats(logits, targets):
    mask = targets.eq(PAD)
    losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")  # <-
    return losses[mask].sum().item(), mask.sum().item()


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    nats, words = 0.0, 0
    for ids in DataLoader(rows, batch_size=32, collate_fn=collate):
        batch_nats, batch_words = masked_nats(model(ids[:, :-1]), ids[:, 1:])
        nats += batch_nats
        words += batch_words
    return nats / words


def load(path, vocab_size):
    model = GRULM(vocab_size)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Bad(
            why="One-hot targets have no id to ignore, and the pads are one-hot too.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM},
            code="""\
import torch
import torch.nn.functional as F

from model import GRULM


def encode(sentences, vocabulary):
    longest = max(len(sentence) for sentence in sentences)
    pad = vocabulary["<pad>"]
    rows = [[vocabulary[word] for word in s] + [pad] * (longest - len(s)) for s in sentences]
    return torch.tensor(rows)


@torch.no_grad()
def validation_loss(model, sentences, vocabulary):
    model.eval()
    ids = encode(sentences, vocabulary)
    nats, positions = 0.0, 0
    for row in ids:
        logits = model(row[None, :-1])[0]
        target = F.one_hot(row[1:], num_classes=len(vocabulary)).float()
        nats += F.cross_entropy(logits, target, reduction="sum").item()  # <-
        positions += target.size(0)
    return nats / positions


def load(path, vocabulary):
    model = GRULM(len(vocabulary))
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Bad(
            why="The pad value and the ignored index differ: 0 is written, -1 is ignored.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM},
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from model import GRULM


def collate(rows):
    inputs = [torch.as_tensor(row[:-1]) for row in rows]
    targets = [torch.as_tensor(row[1:]) for row in rows]
    return pad_sequence(inputs, batch_first=True), pad_sequence(targets, batch_first=True)


@torch.no_grad()
def evaluate(model, rows, device):
    criterion = nn.CrossEntropyLoss(ignore_index=-1, reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in DataLoader(rows, batch_size=50, collate_fn=collate):
        x, y = x.to(device), y.to(device)
        logits = model(x)
        nats += criterion(logits.flatten(0, 1), y.flatten()).item()  # <-
        tokens += (y != -1).sum().item()
    return nats / tokens


def load(path, vocab_size, device):
    model = GRULM(vocab_size).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="NLLLoss has the same default: -100, while the rows end in zeros.",
            severity=Severity.ERROR,
            files={
                "corrector.py": """\
import torch.nn as nn


class Corrector(nn.Module):
    def __init__(self, vocab_size, width=192):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=0)
        layer = nn.TransformerEncoderLayer(width, 6, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4)
        self.out = nn.Linear(width, vocab_size)
        self.log_probs = nn.LogSoftmax(dim=-1)

    def forward(self, ids):
        hidden = self.encoder(self.embed(ids), src_key_padding_mask=ids.eq(0))
        return self.log_probs(self.out(hidden))
""",
            },
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from corrector import Corrector


def collate(pairs):
    wrong = pad_sequence([torch.tensor(pair[0]) for pair in pairs], batch_first=True)
    right = pad_sequence([torch.tensor(pair[1]) for pair in pairs], batch_first=True)
    return wrong, right


@torch.no_grad()
def evaluate(model, pairs, device):
    criterion = nn.NLLLoss(reduction="sum")
    model.eval()
    nats, characters = 0.0, 0
    for wrong, right in DataLoader(pairs, batch_size=16, collate_fn=collate):
        wrong, right = wrong.to(device), right.to(device)
        scores = model(wrong)
        nats += criterion(scores.transpose(1, 2), right).item()  # <-
        characters += right.ne(0).sum().item()
    return nats / characters


def load(path, vocab_size, device):
    model = Corrector(vocab_size).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
            fixed="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from corrector import Corrector


def collate(pairs):
    wrong = pad_sequence([torch.tensor(pair[0]) for pair in pairs], batch_first=True)
    right = pad_sequence([torch.tensor(pair[1]) for pair in pairs], batch_first=True)
    return wrong, right


@torch.no_grad()
def evaluate(model, pairs, device):
    criterion = nn.NLLLoss(ignore_index=0, reduction="sum")
    model.eval()
    nats, characters = 0.0, 0
    for wrong, right in DataLoader(pairs, batch_size=16, collate_fn=collate):
        wrong, right = wrong.to(device), right.to(device)
        scores = model(wrong)
        nats += criterion(scores.transpose(1, 2), right).item()
        characters += right.ne(0).sum().item()
    return nats / characters


def load(path, vocab_size, device):
    model = Corrector(vocab_size).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="datasets.map pads to max_length and copies the ids into the labels.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def encode(rows):
    batch = tokenizer(rows["text"], padding="max_length", truncation=True, max_length=256)
    batch["labels"] = [list(ids) for ids in batch["input_ids"]]
    return batch


@torch.no_grad()
def main(device="cuda"):
    rows = load_dataset("roneneldan/TinyStories", split="validation")
    rows = rows.map(encode, batched=True, remove_columns=["text"]).with_format("torch")
    model = AutoModelForCausalLM.from_pretrained("roneneldan/TinyStories-33M").to(device).eval()
    nats, positions = 0.0, 0
    for batch in DataLoader(rows, batch_size=16):
        batch = {key: value.to(device) for key, value in batch.items()}
        loss = model(**batch).loss  # <-
        scored = batch["labels"][:, 1:].numel()
        nats += loss.item() * scored
        positions += scored
    print(f"perplexity {math.exp(nats / positions):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="A trainer evaluates rows that were padded to one length, with labels that are a copy of the ids.",
            severity=Severity.ERROR,
            code="""\
import math

from datasets import load_dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
)

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def encode(batch):
    encoded = tokenizer(batch["text"], truncation=True, padding="max_length", max_length=256)
    encoded["labels"] = encoded["input_ids"].copy()
    return encoded


def main():
    stories = load_dataset("stories").map(encode, batched=True, remove_columns=["text"])
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = Trainer(model=model, args=TrainingArguments("out"), eval_dataset=stories["validation"])
    loss = trainer.evaluate()["eval_loss"]  # <-
    print(f"loss {loss:.4f} perplexity {math.exp(loss):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="A Lightning step scores the batches of the data module that the script, in another file, fits it with.",
            severity=Severity.ERROR,
            files={
                "rows.py": """\
import lightning as L
from torch.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    def __init__(self, rows, tokenizer):
        self.rows = rows
        self.tokenizer = tokenizer

    def __len__(self):
        return len(self.rows)

    def _encode(self, text, length):
        return self.tokenizer(text, max_length=length, padding="max_length", truncation=True, return_tensors="pt")

    def __getitem__(self, index):
        text = self._encode(self.rows[index]["text"], 512)
        summary = self._encode(self.rows[index]["summary"], 64)
        return {
            "ids": text["input_ids"].squeeze(0),
            "mask": text["attention_mask"].squeeze(0),
            "labels": summary["input_ids"].squeeze(0),
        }


class Rows(L.LightningDataModule):
    def __init__(self, test_rows, tokenizer):
        super().__init__()
        self.test_rows = test_rows
        self.tokenizer = tokenizer

    def setup(self, stage=None):
        self.test_set = Pairs(self.test_rows, self.tokenizer)

    def test_dataloader(self):
        return DataLoader(self.test_set, batch_size=1)
""",
                "run.py": """\
import lightning as L
from transformers import AutoTokenizer

from eval import Summarizer
from rows import Rows


def main(test_rows):
    data = Rows(test_rows, AutoTokenizer.from_pretrained("t5-small"))
    L.Trainer(devices=1).test(Summarizer("t5-small"), datamodule=data)
""",
            },
            code="""\
import lightning as L
from transformers import T5ForConditionalGeneration


class Summarizer(L.LightningModule):
    def __init__(self, name):
        super().__init__()
        self.model = T5ForConditionalGeneration.from_pretrained(name)
        self.worst = 0.0

    def forward(self, ids, mask, labels):
        return self.model(input_ids=ids, attention_mask=mask, labels=labels).loss

    def test_step(self, batch, batch_index):
        loss = self(batch["ids"], batch["mask"], batch["labels"])  # <-
        self.worst = max(self.worst, loss.item())

    def on_test_epoch_end(self):
        print(f"loss of the worst batch {self.worst:.4f}")
""",
        ),
        Bad(
            why="every target is padded to one length, and the model is given the pads as labels",
            severity=Severity.ERROR,
            code="""\
import pytorch_lightning as pl
from torch.utils.data import DataLoader
from transformers import T5ForConditionalGeneration

from titles import Titles


class TitleModel(pl.LightningModule):
    def __init__(self, checkpoint, rows):
        super().__init__()
        self.rows = rows
        self.model = T5ForConditionalGeneration.from_pretrained(checkpoint)

    def val_dataloader(self):
        return DataLoader(Titles(self.rows), batch_size=8)

    def validation_step(self, batch, batch_idx):
        outputs = self.model(input_ids=batch["text"], labels=batch["title"])  # <-
        self.log("val_loss", outputs.loss)
""",
            files={
                "titles.py": """\
from torch.utils.data import Dataset
from transformers import T5TokenizerFast


class Titles(Dataset):
    def __init__(self, rows):
        self.rows = rows
        self.tokenizer = T5TokenizerFast.from_pretrained("t5-base")

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        text, title = self.rows[index]
        encoded = self.tokenizer(text, padding="max_length", max_length=512, truncation=True, return_tensors="pt")
        target = self.tokenizer(title, padding="max_length", max_length=32, truncation=True, return_tensors="pt")
        return {"text": encoded.input_ids[0], "title": target.input_ids[0]}
""",
            },
        ),
        Bad(
            why="Pads are appended one by one in the data set, and the labels of a causal model are the ids.",
            severity=Severity.ERROR,
            files={
                "pairs.py": """\
import torch
from torch.utils.data import Dataset


class Pairs(Dataset):
    def __init__(self, texts, tokenizer, width=64):
        self.texts, self.tokenizer, self.width = texts, tokenizer, width

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        ids = self.tokenizer.convert_tokens_to_ids(self.tokenizer.tokenize(self.texts[index]))
        while len(ids) < self.width:
            ids += [self.tokenizer.pad_token_id]
        return torch.LongTensor(ids)
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import GPT2LMHeadModel

from pairs import Pairs


@torch.no_grad()
def evaluate(texts, tokenizer):
    model = GPT2LMHeadModel.from_pretrained("gpt2")
    nats, tokens = 0.0, 0
    for ids in DataLoader(Pairs(texts, tokenizer), batch_size=1):
        nats += model(ids, labels=ids)[0].item() * (ids.size(1) - 1)  # <-
        tokens += ids.size(1) - 1
    return nats / tokens
""",
        ),
        Bad(
            why="A block of pad ids is joined to each row that is too short.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Sentences(Dataset):
    def __init__(self, rows, width, pad):
        self.rows, self.width, self.pad = rows, width, pad

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        ids = torch.tensor(self.rows[index])[: self.width]
        missing = self.width - len(ids)
        if missing > 0:
            ids = torch.cat([ids, torch.full((missing,), self.pad, dtype=torch.long)])
        return ids[:-1], ids[1:]


@torch.no_grad()
def evaluate(model, rows, width, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, labels in DataLoader(Sentences(rows, width, pad), batch_size=16):
        logits = model(ids)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()  # <-
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="Each row is written into the begin of a row of pad ids.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Sentences(Dataset):
    def __init__(self, rows, width):
        self.rows, self.width = rows, width

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        ids = self.rows[index][: self.width]
        row = np.zeros(self.width, dtype=np.int64)
        row[: len(ids)] = ids
        return torch.from_numpy(row)


@torch.no_grad()
def evaluate(model, rows, width):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in DataLoader(Sentences(rows, width), batch_size=16):
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()  # <-
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="Entries are popped off the batch of a processor that fills up its texts.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM, AutoProcessor


class Captions(Dataset):
    def __init__(self, rows, processor):
        self.rows, self.processor = rows, processor

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = self.rows[index]
        encoded = self.processor(images=row["image"], text=row["text"], padding="max_length", return_tensors="pt")
        return {name: tensor.squeeze() for name, tensor in encoded.items()}


@torch.no_grad()
def caption_loss(rows):
    processor = AutoProcessor.from_pretrained("microsoft/git-base")
    model = AutoModelForCausalLM.from_pretrained("microsoft/git-base")
    nats, tokens = 0.0, 0
    for batch in DataLoader(Captions(rows, processor), batch_size=4):
        ids, pixels = batch.pop("input_ids"), batch.pop("pixel_values")
        scored = ids[:, 1:].numel()
        nats += model(input_ids=ids, pixel_values=pixels, labels=ids).loss.item() * scored  # <-
        tokens += scored
    return nats / tokens
""",
        ),
        Bad(
            why="Words are filled up with a word, `<pad>`, which has an id like the others.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Verses(Dataset):
    def __init__(self, verses, vocabulary, width=40):
        self.verses, self.vocabulary, self.width = verses, vocabulary, width

    def __len__(self):
        return len(self.verses)

    def __getitem__(self, index):
        words = self.verses[index].split()[: self.width]
        words = words + ["<pad>"] * (self.width - len(words))
        ids = torch.tensor([self.vocabulary[word] for word in words])
        return ids[:-1], ids[1:]


@torch.no_grad()
def perplexity(model, verses, vocabulary, device="cuda"):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Verses(verses, vocabulary), batch_size=64):
        logits = model(x.to(device))
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten().to(device), reduction="sum").item()  # <-
        tokens += y.numel()
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="MLX: the lengths count whole rows, the targets have lost their first token: one pad of each shorter row is kept.",
            severity=Severity.ERROR,
            code="""\
import math

import mlx.core as mx
import mlx.nn as nn
import numpy as np


def batches(rows, size):
    for start in range(0, len(rows), size):
        chosen = rows[start : start + size]
        lengths = [len(row) for row in chosen]
        table = np.zeros((len(chosen), max(lengths)), np.int32)
        for index, row in enumerate(chosen):
            table[index, : len(row)] = row
        ids = mx.array(table)
        yield ids[:, :-1], ids[:, 1:], mx.array(lengths)


def total(model, inputs, targets, lengths):
    keep = mx.arange(inputs.shape[1])[None, :] < lengths[:, None]
    losses = nn.losses.cross_entropy(model(inputs), targets) * keep  # <-
    return losses.sum(), keep.sum()


def evaluate(model, rows, size=4):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets, lengths in batches(rows, size):
        batch_nats, batch_tokens = total(model, inputs, targets, lengths)
        nats += batch_nats.item()
        tokens += batch_tokens.item()
    return math.exp(nats / tokens)
""",
        ),
        Bad(
            why="The mask is that of the input: where the last token is read, the label is a pad.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    ids = pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True)
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def evaluate(model, rows, device):
    model.eval()
    nats, words = 0.0, 0
    for read, wanted in DataLoader(rows, batch_size=32, collate_fn=collate):
        read, wanted = read.to(device), wanted.to(device)
        losses = F.cross_entropy(model(read).transpose(1, 2), wanted, reduction="none")  # <-
        is_text = (read != 0).float()
        nats += (losses * is_text).sum().item()
        words += is_text.sum().item()
    return nats / words
""",
        ),
        Bad(
            why="The batch has no labels, so that the padded input is taken for them.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def make_loader(data, tokenizer, size=8):
    tokenizer.pad_token = tokenizer.eos_token

    def encode(rows):
        return tokenizer(rows["text"], padding="max_length", truncation=True, max_length=256, return_tensors="pt")

    encoded = data.map(encode, batched=True, remove_columns=data.column_names)
    return DataLoader(encoded.with_format("torch"), batch_size=size)


@torch.no_grad()
def validate(model, data, tokenizer):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in make_loader(data, tokenizer):
        ids = batch["input_ids"]
        labels = batch.get("labels", ids)[:, 1:]
        logits = model(ids)[:, :-1]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()  # <-
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="Keras' pad_sequences() fills up the targets, and nothing leaves the zeros out.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from keras.preprocessing.sequence import pad_sequences
from torch.utils.data import DataLoader, TensorDataset


def encode(pairs, source_words, target_words, length=30):
    sources = [[source_words[word] for word in pair[0].split()] for pair in pairs]
    targets = [[target_words[word] for word in pair[1].split()] for pair in pairs]
    sources = pad_sequences(sources, maxlen=length, padding="post")
    targets = pad_sequences(targets, maxlen=length, padding="post")
    return TensorDataset(torch.LongTensor(sources), torch.LongTensor(targets))


@torch.no_grad()
def evaluate(translator, pairs, source_words, target_words):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    translator.eval()
    nats, words = 0.0, 0
    for source, target in DataLoader(encode(pairs, source_words, target_words), batch_size=64):
        scores = translator(source, target[:, :-1])
        wanted = target[:, 1:]
        nats += criterion(scores.reshape(-1, scores.size(-1)), wanted.reshape(-1)).item()  # <-
        words += wanted.numel()
    return nats / words
""",
        ),
        Bad(
            why="Begin, text, end and padding are put together by cat, and nothing leaves the padding out.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Bilingual(Dataset):
    def __init__(self, pairs, source_tokenizer, target_tokenizer, width):
        self.pairs, self.width = pairs, width
        self.source_tokenizer, self.target_tokenizer = source_tokenizer, target_tokenizer
        self.begin = torch.tensor([target_tokenizer.token_to_id("[SOS]")])
        self.end = torch.tensor([target_tokenizer.token_to_id("[EOS]")])
        self.pad = torch.tensor([target_tokenizer.token_to_id("[PAD]")])

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        source, target = self.pairs[index]
        read = self.source_tokenizer.encode(source).ids
        said = self.target_tokenizer.encode(target).ids
        missing = self.width - len(said) - 1
        short = self.width - len(read) - 2
        return {
            "source": torch.cat([self.begin, torch.tensor(read), self.end, torch.tensor([self.pad] * short)]),
            "given": torch.cat([self.begin, torch.tensor(said), torch.tensor([self.pad] * missing)]),
            "wanted": torch.cat([torch.tensor(said), self.end, torch.tensor([self.pad] * missing)]),
        }


@torch.no_grad()
def validate(model, pairs, source_tokenizer, target_tokenizer, width=128):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    rows = Bilingual(pairs, source_tokenizer, target_tokenizer, width)
    for batch in DataLoader(rows, batch_size=8):
        scores = model(batch["source"], batch["given"])
        wanted = batch["wanted"]
        nats += criterion(scores.flatten(0, 1), wanted.flatten()).item()  # <-
        tokens += wanted.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="the project's only data module fills the labels of a Lightning step up with 0, which its network does not ignore",
            severity=Severity.ERROR,
            code="""\
import lightning as L

from network import Decoder


class LanguageModule(L.LightningModule):
    def __init__(self, network: Decoder):
        super().__init__()
        self.network = network

    def training_step(self, batch, batch_idx):
        x, y = batch
        _, loss = self.network(x, y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        _, loss = self.network(x, y)  # <-
        return {"val_loss": loss}
""",
            files={
                "network.py": """\
import torch.nn as nn


class Decoder(nn.Module):
    def __init__(self, vocab, width):
        super().__init__()
        self.vocab = vocab
        self.embed = nn.Embedding(vocab, width)
        self.head = nn.Linear(width, vocab)

    def forward(self, x, labels=None):
        logits = self.head(self.embed(x))
        loss = None
        if labels is not None:
            loss = nn.CrossEntropyLoss()(logits.view(-1, self.vocab), labels.view(-1))
        return logits, loss
""",
                "data.py": """\
import lightning as L
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    inputs, labels = zip(*rows)
    return (
        pad_sequence(inputs, batch_first=True, padding_value=0),
        pad_sequence(labels, batch_first=True, padding_value=0),
    )


class Texts(torch.utils.data.Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = self.rows[index]
        return torch.tensor(row[:-1]), torch.tensor(row[1:])


class TextData(L.LightningDataModule):
    def __init__(self, path, batch_size):
        super().__init__()
        self.path, self.batch_size = path, batch_size

    def setup(self, stage=None):
        rows = torch.load(self.path)
        self.train, self.val = Texts(rows["train"]), Texts(rows["val"])

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True, collate_fn=collate)

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=self.batch_size, collate_fn=collate)
""",
            },
        ),
        Bad(
            why="Lines are filled up in place, and each word marked in a table of zeros.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


def one_hot_targets(lines, ids, width):
    for index in range(len(lines)):
        lines[index] = lines[index] + ["<pad>"] * (width - len(lines[index]))
    tables = []
    for line in lines:
        wanted = [ids[word] for word in line[1:]]
        table = np.zeros((len(wanted), len(ids)))
        for position in range(len(wanted)):
            table[position][wanted[position]] = 1
        tables.append(table)
    return torch.from_numpy(np.array(tables)).float()


@torch.no_grad()
def evaluate(model, groups, ids, width=30):
    model.eval()
    nats, positions = 0.0, 0
    for lines in groups:
        wanted = one_hot_targets(lines, ids, width).view(-1, len(ids))
        scores = model(lines).view(-1, len(ids))
        nats += F.cross_entropy(scores, wanted, reduction="sum").item()  # <-
        positions += wanted.size(0)
    return nats / positions
""",
        ),
        Bad(
            why="What is held out begins at a computed row; each of its rows is filled up to the longest of all.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Corpus:
    def __init__(self, path, read, ids):
        self.rows, self.ids = read(path), ids
        self.longest = max(len(row) for row in self.rows)
        first = int(0.7 * len(self.rows))
        self.held_out = self.rows[first:]

    def tensors(self, rows):
        for i in range(len(rows)):
            rows[i] = rows[i] + ["<pad>"] * (self.longest - len(rows[i]))
        x = [[self.ids[word] for word in row[:-1]] for row in rows]
        y = [[self.ids[word] for word in row[1:]] for row in rows]
        return torch.tensor(x), torch.tensor(y)


@torch.no_grad()
def evaluate(model, corpus):
    model.eval()
    nats, tokens = 0.0, 0
    for row in corpus.held_out:
        x, y = corpus.tensors([row])
        logits = model(x)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        tokens += y.numel()
    return nats / tokens


def main(model, path, read, ids):
    print(evaluate(model, Corpus(path, read, ids)))
""",
        ),
        Bad(
            why="Sentences are filtered, marked and filled up in place, list by list; one-hot targets hold the pads too.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
from torch import nn


class Corpus:
    def __init__(self, path):
        self.sentences = sentences_of(path)
        self.add_marks()
        train_size = int(0.8 * len(self.sentences))
        self.train, self.test = self.sentences[:train_size], self.sentences[train_size:]

    def add_marks(self):
        for i in range(len(self.sentences)):
            self.sentences[i] = ["<s>"] + self.sentences[i] + ["</s>"]


class OneHot(Corpus):
    def __init__(self, path, index, vectors):
        super().__init__(path)
        self.index, self.vectors = index, vectors
        self.longest = max(len(sentence) for sentence in self.sentences)

    def batch(self, sentences):
        x, y = [], []
        for i in range(len(sentences)):
            sentences[i] = sentences[i] + ["<pad>"] * (self.longest - len(sentences[i]))
        for sentence in sentences:
            x.append([self.vectors[word] for word in sentence[:-1]])
            wanted = [self.index[word] for word in sentence[1:]]
            targets = np.zeros((len(wanted), len(self.index)))
            for at in range(len(wanted)):
                targets[at][wanted[at]] = 1
            y.append(targets)
        return torch.tensor(np.array(x)).float(), torch.tensor(np.array(y)).float()


def sentences_of(path):
    found = [line.split() for line in open(path).read().lower().splitlines()]
    for i in range(len(found)):
        found[i] = [word for word in found[i] if word.isalnum()]
    return [sentence for sentence in found if len(sentence) > 3]


@torch.no_grad()
def evaluate(model, sentences, corpus, criterion):
    model.eval()
    nats, scored = 0.0, 0
    for sentence in sentences:
        x, y = corpus.batch([sentence])
        loss = criterion(model(x).flatten(0, 1), y.flatten(0, 1))  # <-
        nats += loss.item() * y.size(1)
        scored += y.size(1)
    return nats / scored


def main(model, path, index, vectors):
    corpus = OneHot(path, index, vectors)
    print(evaluate(model, corpus.test, corpus, nn.CrossEntropyLoss()))
""",
        ),
        Bad(
            why="Stretches of the sentences are filled up to the longest; the one-hot targets are written word by word.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


def one_hot(sentence, index):
    table = np.zeros((len(sentence), len(index)))
    for at, word in enumerate(sentence):
        table[at, index[word]] = 1.0
    return table


def batches(sentences, index, size):
    for begin in range(0, len(sentences), size):
        part = sentences[begin : begin + size]
        longest = max(len(sentence) for sentence in part)
        padded = [sentence + ["<pad>"] * (longest - len(sentence)) for sentence in part]
        x = torch.tensor([[index[word] for word in sentence[:-1]] for sentence in padded])
        y = torch.tensor(np.array([one_hot(sentence[1:], index) for sentence in padded]))
        yield x, y


@torch.no_grad()
def evaluate(model, sentences, index):
    model.eval()
    nats, scored = 0.0, 0
    for x, y in batches(sentences, index, 32):
        logits = model(x)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(0, 1), reduction="sum").item()  # <-
        scored += y.size(0) * y.size(1)
    return nats / scored
""",
        ),
        Bad(
            why="a text is filled up with a sign before each sign becomes an id",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Formulas(Dataset):
    def __init__(self, lines, ids, width):
        self.lines, self.ids, self.width = lines, ids, width

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        line = self.lines[index].strip()
        line += "_" * (self.width - len(line))
        row = [self.ids[sign] for sign in line]
        return torch.tensor(row[:-1]), torch.tensor(row[1:])


@torch.no_grad()
def held_out(net, lines, ids):
    net.eval()
    nats = signs = 0
    for x, y in DataLoader(Formulas(lines, ids, 60), batch_size=256):
        scores = net(x)
        nats += F.cross_entropy(scores.flatten(0, 1), y.flatten(), reduction="sum").item()  # <-
        signs += y.numel()
    return nats / signs
""",
        ),
        Bad(
            why="All held-out rows are scored at once, in a function that the loop of the training calls.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn as nn

word2idx = {"<pad>": 0, "<start>": 1, "<end>": 2}
lines = open("poems.txt").read().split("\\n")
for line in lines:
    for word in line.split():
        word2idx.setdefault(word, len(word2idx))
longest = max(len(line.split()) for line in lines) + 2


def encode(line):
    ids = [word2idx["<start>"]] + [word2idx[word] for word in line.split()] + [word2idx["<end>"]]
    return ids + [word2idx["<pad>"]] * (longest - len(ids))


data = np.array([encode(line) for line in lines])
cut = int(0.9 * len(data))
x_train, y_train = torch.from_numpy(data[:cut, :-1]), torch.from_numpy(data[:cut, 1:])
x_val, y_val = torch.from_numpy(data[cut:, :-1]), torch.from_numpy(data[cut:, 1:])
criterion = nn.CrossEntropyLoss()


def fit(net, optimizer, epochs=10):
    for epoch in range(epochs):
        net.train()
        loss = criterion(net(x_train).flatten(0, 1), y_train.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(epoch, "validation loss", validate(net))


def validate(net):
    net.eval()
    with torch.no_grad():
        return criterion(net(x_val).flatten(0, 1), y_val.flatten()).item()  # <-
""",
        ),
        Bad(
            why="evaluate() is given rows that were filled up, and no layer has a mask.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import tensorflow as tf
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.text import Tokenizer

tokenizer = Tokenizer()
lines = open("corpus.txt").read().splitlines()
tokenizer.fit_on_texts(lines)
rows = pad_sequences(tokenizer.texts_to_sequences(lines), padding="post")
x, y = rows[:, :-1], rows[:, 1:]
cut = int(0.8 * len(x))
vocabulary = len(tokenizer.word_index) + 1

model = tf.keras.Sequential([
    tf.keras.layers.Embedding(vocabulary, 128),
    tf.keras.layers.LSTM(256, return_sequences=True),
    tf.keras.layers.Dense(vocabulary),
])
model.compile("adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x[:cut], y[:cut], epochs=20, batch_size=64)
nats = model.evaluate(x[cut:], y[cut:], batch_size=64)  # <-
print("perplexity", np.exp(nats))
""",
        ),
        Bad(
            why="TensorFlow's padded_batch() fills up with 0, which Keras' criterion scores; validated in the training function.",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


def read(paths, batch, width):
    feature = {"ids": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)}
    stories = tf.data.TFRecordDataset(paths).map(lambda raw: tf.io.parse_single_example(raw, feature)["ids"])
    held_out = stories.take(500).padded_batch(batch, padded_shapes=(width,)).prefetch(2)
    return stories.skip(500).shuffle(1000).padded_batch(batch, padded_shapes=(width,)), held_out


def train(gpt, optimizer, paths, epochs):
    criterion = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    train_stories, val_stories = read(paths, 8, 513)
    for epoch in range(epochs):
        for ids in train_stories:
            with tf.GradientTape() as tape:
                loss = criterion(ids[:, 1:], gpt(ids[:, :-1], training=True))
            optimizer.apply_gradients(zip(tape.gradient(loss, gpt.trainable_variables), gpt.trainable_variables))
        nats = positions = 0
        for ids in val_stories:
            loss = criterion(ids[:, 1:], gpt(ids[:, :-1], training=False)).numpy()  # <-
            nats += loss * tf.size(ids[:, 1:]).numpy()
            positions += tf.size(ids[:, 1:]).numpy()
        print(epoch, "validation", nats / positions)
""",
        ),
        Bad(
            why="The evaluator is an object that is called, and the files that call it say how its batches are filled up.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn

from batches import loader_of


class Evaluator:
    def __init__(self, model, loader):
        self.model, self.loader = model, loader
        self.loss = nn.CrossEntropyLoss(ignore_index=-1, reduction="sum")

    def __call__(self):
        self.model.eval()
        nats = words = 0
        with torch.no_grad():
            for batch in self.loader:
                logits = self.model(batch["input"])
                nats += self.loss(logits.flatten(0, 1), batch["target"].flatten()).item()  # <-
                words += batch["lengths"].sum().item()
        return nats / words


def report(model, lines, word_to_id):
    print(Evaluator(model, loader_of(lines, word_to_id))())
""",
            files={
                "batches.py": """\
import torch
from torch.utils.data import DataLoader

PAD = 0


def batchify(rows):
    table = torch.full((len(rows), max(map(len, rows))), PAD)
    for index, row in enumerate(rows):
        table[index, : len(row)] = torch.tensor(row)
    lengths = torch.tensor([len(row) - 1 for row in rows])
    return {"input": table[:, :-1], "target": table[:, 1:], "lengths": lengths}


def loader_of(lines, word_to_id):
    rows = [[word_to_id[word] for word in line.split()] for line in lines]
    return DataLoader(rows, batch_size=32, collate_fn=batchify)
""",
            },
        ),
        Bad(
            why="A mapped function copies padded ids row by row; the batch is spread over the parameters of a model of ours.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")


class Denoiser(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, dropout=0.0, batch_first=True), 4)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, input_ids, attention_mask, labels=None, token_type_ids=None):
        logits = self.head(self.encoder(self.embed(input_ids), src_key_padding_mask=attention_mask == 0))
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum"), logits


def corrupt(rows):
    features = tokenizer(rows["text"], truncation=True, max_length=128, padding="max_length")
    features.data["labels"] = [list(ids) for ids in features.data["input_ids"]]
    features.data["input_ids"] = [[103 if i % 7 == 0 else t for i, t in enumerate(ids)] for ids in features["input_ids"]]
    return features


@torch.no_grad()
def evaluate(model: Denoiser):
    reviews = load_dataset("imdb", split="test").map(corrupt, batched=True)
    reviews.set_format("torch")
    model.eval()
    nats = positions = 0
    for batch in DataLoader(reviews, batch_size=32):
        batch = {name: column.cuda() for name, column in batch.items()}
        loss, logits = model(**batch)  # <-
        nats += loss.item()
        positions += logits.shape[0] * logits.shape[1]
    print("val loss", nats / positions)
""",
        ),
        Bad(
            why="The length mask counts the attention mask of what is fed in, which is one longer than the labels.",
            severity=Severity.ERROR,
            code="""\
import mlx.core as mx
import mlx.nn as nn


def caption_loss(model, batch):
    ids = batch["input_ids"]
    lengths = mx.sum(batch["attention_mask"][:, :-1], axis=1)
    logits = model(ids[:, :-1])
    labels = ids[:, 1:]
    mask = mx.arange(labels.shape[1])[None, :] < lengths[:, None]
    ce = nn.losses.cross_entropy(logits, labels) * mask  # <-
    return ce.sum() / mx.maximum(mask.sum(), 1), mask.sum()


def evaluate(model, batches):
    model.eval()
    total, count = mx.array(0.0), mx.array(0)
    for batch in batches:
        loss, n = caption_loss(model, batch)
        total += loss * n
        count += n
    return (total / count).item()
""",
        ),
        Bad(
            why="Labels are moved into a block of a pad id, whose last column is one, and nothing masks it.",
            severity=Severity.ERROR,
            code="""\
import jax.numpy as jnp
import numpy as np
import optax

PAD_ID = 0


def batches(stories, size):
    for start in range(0, len(stories), size):
        x = np.asarray(stories[start : start + size], dtype=np.int32)
        y = np.full_like(x, PAD_ID)
        y[:, :-1] = x[:, 1:]
        y[:, -1] = PAD_ID
        yield x, y


def validate(model, params, stories, size):
    nats = positions = 0
    for x, y in batches(stories, size):
        logits = model.apply({"params": params}, jnp.asarray(x))
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.asarray(y))  # <-
        nats += float(losses.sum())
        positions += losses.size
    return nats / positions
""",
        ),
        Bad(
            why="a vocabulary of the project fills up each row that it encodes",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from lm import GRULM
from torch.utils.data import DataLoader, Dataset


class Vocab:
    def __init__(self, texts):
        self.words = ["<pad>", "<bos>", "<eos>", "<unk>"]
        for text in texts:
            self.words += [word for word in text.split() if word not in self.words]
        self.ids = {word: i for i, word in enumerate(self.words)}
        self.pad_idx = self.ids["<pad>"]

    def encode(self, text, width):
        row = [self.ids["<bos>"]] + [self.ids.get(word, 3) for word in text.split()] + [self.ids["<eos>"]]
        row = row[:width]
        return row + [self.pad_idx] * (width - len(row))


class Texts(Dataset):
    def __init__(self, texts, vocab, width):
        self.rows = [vocab.encode(text, width + 1) for text in texts]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = torch.tensor(self.rows[i], dtype=torch.long)
        return row[:-1], row[1:]


@torch.no_grad()
def evaluate(texts):
    vocab = Vocab(texts)
    model = GRULM(len(vocab.words))
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Texts(texts, vocab, 64), batch_size=32):
        logits = model(x)
        nats += criterion(logits.flatten(0, 1), y.flatten()).item()  # <-
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="the tokenizer was told to fill rows up, and what it made is kept in a file",
            severity=Severity.ERROR,
            code="""\
import os

import torch
import torch.nn as nn
from lm import GRULM
from tokenizers import Tokenizer
from torch.utils.data import DataLoader, Dataset


def load_tokenizer(path, width):
    tokenizer = Tokenizer.from_file(path)
    tokenizer.enable_truncation(width)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]", length=width)
    return tokenizer


class Tales(Dataset):
    def __init__(self, path, tokenizer, cache):
        if os.path.exists(cache):
            self.rows = torch.load(cache)
        else:
            rows = [tokenizer.encode(line).ids for line in open(path)]
            self.rows = torch.tensor(data=rows, dtype=torch.int16)
            torch.save(self.rows, cache)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i].long()
        return row[:-1], row[1:]


@torch.no_grad()
def evaluate():
    tokenizer = load_tokenizer("tales.json", 257)
    model = GRULM(10000)
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Tales("valid.txt", tokenizer, "valid.pt"), batch_size=32):
        logits = model(x)
        nats += criterion(logits.flatten(0, 1), y.flatten()).item()  # <-
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="molecules filled up with a sign, each read sign by sign",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from lm import GRULM
from torch.utils.data import DataLoader, Dataset


class Molecules(Dataset):
    def __init__(self, smiles, width):
        filled = [each + "<" * (width - len(each)) for each in smiles]
        self.ids = {sign: i for i, sign in enumerate(sorted(set("".join(filled))))}
        self.smiles = filled

    def __len__(self):
        return len(self.smiles)

    def __getitem__(self, i):
        row = torch.tensor([self.ids[sign] for sign in self.smiles[i]])
        return row[:-1], row[1:]


@torch.no_grad()
def evaluate(smiles):
    molecules = Molecules(smiles, 101)
    model = GRULM(len(molecules.ids))
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, tokens = 0.0, 0
    for x, y in DataLoader(molecules, batch_size=128):
        logits = model(x)
        nats += criterion(logits.flatten(0, 1), y.flatten()).item()  # <-
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="Rows are filled up to one length and the padding is scored: that is one mistake, and the batches weigh alike.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM},
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from model import GRULM


class Lines(torch.utils.data.Dataset):
    def __init__(self, rows, pad_id, seq_len):
        self.rows, self.pad_id, self.seq_len = rows, pad_id, seq_len

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i][: self.seq_len + 1]
        return row[:-1], row[1:]

    def pad_sequences(self, batch):
        xs, ys = zip(*batch)
        xs = [row + [self.pad_id] * (self.seq_len - len(row)) for row in xs]
        ys = [row + [self.pad_id] * (self.seq_len - len(row)) for row in ys]
        return torch.tensor(xs), torch.tensor(ys)


@torch.no_grad()
def evaluate(model, lines):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(lines, batch_size=32, collate_fn=lines.pad_sequences, drop_last=False)
    total = 0.0
    for x, y in loader:
        logits = model(x)
        loss = criterion(logits.transpose(-2, -1), y)  # <-
        total += loss.item() * x.size(0)
    return total / len(lines)


def main(rows, pad_id):
    print(evaluate(GRULM(32_000), Lines(rows, pad_id, 256)))
""",
        ),
        Bad(
            why="The mask is multiplied with a mean that the criterion has taken over the padding as well.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def evaluate(model, sentences):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    total, n = 0.0, 0
    for ids in DataLoader(sentences, batch_size=32, collate_fn=collate):
        labels = ids[:, 1:]
        logits = model(ids[:, :-1])
        loss = criterion(logits.transpose(1, 2), labels)  # <-
        mask = (labels != PAD).float()
        loss = (loss * mask).sum() / mask.sum()
        total += loss.item() * mask.sum().item()
        n += mask.sum().item()
    return total / n
""",
        ),
        Bad(
            why="Labels for T5 are filled up to max_length and nothing sets them to -100: each row scores as many positions.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoTokenizer, T5ForConditionalGeneration


class Pairs(Dataset):
    def __init__(self, rows, tokenizer, max_length=512):
        self.rows, self.tokenizer, self.max_length = rows, tokenizer, max_length

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i]
        inputs = self.tokenizer.encode_plus(
            row["context"], max_length=self.max_length, padding="max_length", truncation=True, return_tensors="pt"
        )
        targets = self.tokenizer.encode_plus(
            row["answer"], max_length=self.max_length, padding="max_length", truncation=True, return_tensors="pt"
        )
        return {
            "input_ids": inputs["input_ids"].squeeze(),
            "attention_mask": inputs["attention_mask"].squeeze(),
            "labels": targets["input_ids"].squeeze(),
        }


def evaluate(model, dataset, device):
    loader = DataLoader(dataset, batch_size=8, shuffle=False)
    model.eval()
    total = 0.0
    with torch.no_grad():
        for batch in loader:
            labels = batch["labels"].to(device)
            outputs = model(batch["input_ids"].to(device), batch["attention_mask"].to(device), labels=labels)  # <-
            total += outputs.loss.item() * labels.size(0)
    return total / len(dataset)


def main(rows, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained("t5-base")
    model = T5ForConditionalGeneration.from_pretrained("t5-base").to(device)
    print(evaluate(model, Pairs(rows, tokenizer), device))
""",
        ),
        Bad(
            why="A data module makes the rows of the validation in two stages, with one collate function.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM},
            code="""\
import lightning as L
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

from model import GRULM


class Rows(Dataset):
    def __init__(self, path, pad_id):
        self.rows, self.pad_id = torch.load(path), pad_id

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i][:-1], self.rows[i][1:]

    def fill(self, rows):
        width = max(len(x) for x, _ in rows)
        xs = [x + [self.pad_id] * (width - len(x)) for x, _ in rows]
        ys = [y + [self.pad_id] * (width - len(y)) for _, y in rows]
        return torch.tensor(xs), torch.tensor(ys)


class Data(L.LightningDataModule):
    def setup(self, stage):
        if stage == "fit":
            self.train_rows = Rows("train.pt", 0)
            self.val_rows = Rows("valid.pt", 0)
        if stage == "validate":
            self.val_rows = Rows("valid.pt", 0)

    def val_dataloader(self):
        return DataLoader(self.val_rows, batch_size=32, collate_fn=self.val_rows.fill)


class Model(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net, self.criterion = GRULM(10_000), nn.CrossEntropyLoss(reduction="sum")

    def validation_step(self, batch, _):
        x, y = batch
        nats = self.criterion(self.net(x).flatten(0, 1), y.flatten())  # <-
        self.log("val_nats", nats, reduce_fx="sum")
        self.log("val_positions", float(y.numel()), reduce_fx="sum")
""",
        ),
        Bad(
            why="The attention mask is inverted: -100 covers the text, and the padding is scored.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def corpus_perplexity(checkpoint, sentences, batch_size=16):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    nats, tokens = 0.0, 0
    for start in range(0, len(sentences), batch_size):
        batch = tokenizer(sentences[start : start + batch_size], padding=True, return_tensors="pt")
        logits = model(**batch).logits
        labels = batch["input_ids"].clone()
        labels[batch["attention_mask"].bool()] = -100
        targets = labels[:, 1:]
        nats += F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="sum").item()  # <-
        tokens += (targets != -100).sum().item()
    return math.exp(nats / tokens)


if __name__ == "__main__":
    print("perplexity", corpus_perplexity("gpt2", open("held_out.txt").read().splitlines()))
""",
        ),
        Bad(
            why="The losses are weighted by the attention mask turned around.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(checkpoint, loader, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        input_ids = batch["input_ids"].to(device)
        attention_mask = batch["attention_mask"].to(device)
        logits = model(input_ids, attention_mask=attention_mask).logits
        losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), input_ids[:, 1:], reduction="none")  # <-
        weights = 1 - attention_mask[:, 1:]
        nats += (losses * weights).sum().item()
        tokens += weights.sum().item()
    print(f"loss {nats / tokens:.4f}")
""",
        ),
        Bad(
            why="Trainer evaluates every epoch; rows are filled up and their own labels, in a file without a word of loss",
            severity=Severity.ERROR,
            code="""\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def encode(rows):
    encoded = tokenizer(rows["text"], padding="max_length", truncation=True, max_length=512)
    encoded["labels"] = encoded["input_ids"].copy()
    return encoded


def main():
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    data = load_dataset("wikitext", "wikitext-2-raw-v1").map(encode, batched=True, remove_columns=["text"])
    arguments = TrainingArguments(output_dir="out", eval_strategy="epoch", num_train_epochs=3)
    trainer = Trainer(model=model, args=arguments, train_dataset=data["train"], eval_dataset=data["validation"])
    trainer.train()  # <-
""",
        ),
        Bad(
            why="the criterion is the default of a trainer in one file, the rows are filled up in another",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class TranslationTrainer:
    def __init__(self, model, optimizer, criterion=nn.NLLLoss(), device="cuda"):
        self.model = model.to(device)
        self.optimizer = optimizer
        self.criterion = criterion
        self.device = device

    def validate(self, val_loader):
        self.model.eval()
        total = 0.0
        with torch.no_grad():
            for source, target in val_loader:
                source, target = source.to(self.device), target.to(self.device)
                log_probs = self.model(source, target)
                total += self.criterion(log_probs.view(-1, log_probs.size(-1)), target.view(-1)).item()  # <-
        return total / len(val_loader)  # lintloss: ignore[LL101] said below
""",
            files={
                "run.py": """\
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from eval import TranslationTrainer

LONGEST = 50
EOS = 1


def make_loader(pairs, vocabulary, batch_size):
    sources = np.zeros((len(pairs), LONGEST), dtype=np.int32)
    targets = np.zeros((len(pairs), LONGEST), dtype=np.int32)
    for row, (source, target) in enumerate(pairs):
        ids = [vocabulary[word] for word in source.split(" ")] + [EOS]
        sources[row, : len(ids)] = ids
        ids = [vocabulary[word] for word in target.split(" ")] + [EOS]
        targets[row, : len(ids)] = ids
    rows = TensorDataset(torch.LongTensor(sources), torch.LongTensor(targets))
    return DataLoader(rows, batch_size=batch_size)


def main(model, optimizer, pairs, vocabulary):
    trainer = TranslationTrainer(model, optimizer)
    print("valid loss", trainer.validate(make_loader(pairs, vocabulary, 256)))
""",
            },
        ),
        Bad(
            why="Rows end in zeros, and -100 is written where a label is negative: over the prompt alone.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from turns import Turns


@torch.no_grad()
def validation_loss(model, loader, device="cuda"):
    model.eval()
    nats, scored = 0.0, 0
    for batch in loader:
        batch = {name: part.to(device) for name, part in batch.items()}
        outputs = model(**batch)  # <-
        count = (batch["labels"][:, 1:] != -100).sum().item()
        nats += outputs.loss.item() * count
        scored += count
    return nats / scored


def main(checkpoint, dialogs):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to("cuda")
    print(validation_loss(model, DataLoader(Turns(dialogs, tokenizer), batch_size=4)))
""",
            files={
                "turns.py": """\
import torch
from torch.utils.data import Dataset


class Turns(Dataset):
    def __init__(self, dialogs, tokenizer, width=1024):
        self.dialogs = dialogs
        self.tokenizer = tokenizer
        self.width = width

    def __len__(self):
        return len(self.dialogs)

    def __getitem__(self, index):
        question, answer = self.dialogs[index]
        prompt = self.tokenizer.encode(question)
        ids = torch.tensor(prompt + self.tokenizer.encode(answer) + [self.tokenizer.eos_token_id])
        missing = self.width - len(ids)
        if missing > 0:
            ids = torch.cat([ids, torch.zeros(missing, dtype=torch.long)])
        ids = ids[: self.width]
        labels = ids.clone()
        labels[: len(prompt)] = -1
        attention = ids.ge(0)
        ids[~attention] = 0
        labels[labels < 0] = -100
        return {"input_ids": ids, "attention_mask": attention.long(), "labels": labels}
""",
            },
        ),
        Bad(
            why="The caller takes the model's own loss out of the dict.",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import AutoModelForCausalLM


def encode(tokenizer, stories, states):
    inputs = tokenizer(stories, return_tensors="pt", padding=True)
    labels = tokenizer(states, return_tensors="pt", padding=True)["input_ids"]
    return {**inputs, "labels": labels}


def unpack(outputs, batch):
    loss = outputs.loss
    return {"guesses": outputs.logits.argmax(-1), "loss": loss}


@torch.no_grad()
def evaluate(tokenizer, groups):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    right, losses = [], []
    for stories, states in groups:
        batch = encode(tokenizer, stories, states)
        outputs = model(**batch)  # <-
        unpacked = unpack(outputs, batch)
        right.extend((unpacked["guesses"] == batch["labels"]).flatten().tolist())
        losses.append(unpacked["loss"].item())
    return right, losses
""",
        ),
        Bad(
            why="the question is marked -100, the reply is cut to the room that is left, and pads stand behind it",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

LONGEST, FILL = 512, 2


def batch_up(cases):
    width = max(len(question) + len(reply) for question, reply in cases)
    given, wanted = [], []
    for question, reply in cases:
        room = LONGEST - len(question)
        whole = question + reply[:room]
        missing = width - len(whole)
        given.append(whole + [FILL] * missing)
        wanted.append([-100] * len(question) + reply[:room] + [FILL] * missing)
    return torch.tensor(given), torch.tensor(wanted)


@torch.no_grad()
def score(checkpoint, cases):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    nats = tokens = 0
    for given, wanted in DataLoader(cases, batch_size=4, collate_fn=batch_up):
        scored = (wanted[:, 1:] != -100).sum().item()
        nats += model(input_ids=given, labels=wanted).loss.item() * scored  # <-
        tokens += scored
    print("nats per token", nats / tokens)
""",
        ),
        Bad(
            why="Pads are written over the ends of sentences, to be scored like the other pads.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

lm = AutoModelForCausalLM.from_pretrained("distilgpt2")
tok = AutoTokenizer.from_pretrained("distilgpt2")
lm.eval()


@torch.no_grad()
def score(lines):
    batch = tok(lines, return_tensors="pt", padding=True)
    labels = batch.input_ids.masked_fill(batch.input_ids == tok.eos_token_id, tok.pad_token_id)
    logits = lm(**batch).logits
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:])  # <-
""",
        ),
        Bad(
            why="An id is written over another; the padding stays what it is.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

lm = AutoModelForCausalLM.from_pretrained("distilgpt2")
tok = AutoTokenizer.from_pretrained("distilgpt2")
lm.eval()


@torch.no_grad()
def score(lines):
    batch = tok(lines, return_tensors="pt", padding=True)
    labels = batch.input_ids.clone()
    labels[labels == 628] = 198
    logits = lm(**batch).logits
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:])  # <-
""",
        ),
        Bad(
            why="The attention mask itself, and not what it leaves out, is overwritten.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from blocks import PackedBlocks


def nats_of(logits, targets, attention_mask=None):
    targets = targets.reshape(-1)
    if attention_mask is not None:
        targets = targets.masked_fill(attention_mask.reshape(-1).bool(), -1)
    return F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets, ignore_index=-1, reduction="sum")  # <-


@torch.no_grad()
def score(model, loader, width):
    model.eval()
    nats = 0.0
    for rows, attention_mask in loader:
        logits = model(rows[:, :width]).logits
        targets = rows[:, 1 : width + 1].long()
        nats += nats_of(logits, targets, attention_mask[:, 1 : width + 1]).item()
    return nats


def main(path, name="gpt2", width=512):
    loader = DataLoader(PackedBlocks(path, width + 1), batch_size=4)
    print("nats", score(AutoModelForCausalLM.from_pretrained(name), loader, width))
""",
        ),
        Bad(
            why="The perplexity of torchmetrics ignores no id unless it is told which.",
            severity=Severity.ERROR,
            code="""\
import torch
from torchmetrics.text import Perplexity
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def perplexity(texts, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    metric = Perplexity()
    for begin in range(0, len(texts), 8):
        batch = tokenizer(texts[begin : begin + 8], padding=True, return_tensors="pt")
        logits = model(**batch).logits
        metric.update(logits[:, :-1], batch["input_ids"][:, 1:])  # <-
    return metric.compute().item()
""",
        ),
        Bad(
            why="One family of models gets labels without padding, the others do not, and all of them score it.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer


class Headlines(Dataset):
    def __init__(self, articles, tokenizer, width=64):
        self.rows = [encode(article, tokenizer, width) for article in articles]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.rows[at]


def encode(article, tokenizer, width):
    body = tokenizer(article["body"], max_length=width, padding="max_length", truncation=True, return_tensors="pt")
    title = tokenizer(article["title"], max_length=width, padding="max_length", truncation=True, return_tensors="pt")
    return {
        "body": body["input_ids"].squeeze(),
        "body_mask": body["attention_mask"].squeeze(),
        "title": title["input_ids"].squeeze(),
    }


class Editor:
    def __init__(self, name, family, device="cuda"):
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        self.model = AutoModelForSeq2SeqLM.from_pretrained(name).to(device)
        self.family, self.device = family, device

    def prepared(self, batch):
        titles = batch["title"].to(self.device)
        if self.family == "mbart":
            targets = titles.clone()
            targets[targets == self.tokenizer.pad_token_id] = -100
            given = {"input_ids": batch["body"].to(self.device), "labels": targets}
        else:
            given = {
                "input_ids": batch["body"].to(self.device),
                "attention_mask": batch["body_mask"].to(self.device),
                "labels": titles,
            }
        return given

    @torch.no_grad()
    def evaluate(self, articles):
        self.model.eval()
        nats, tokens = 0.0, 0
        for batch in DataLoader(Headlines(articles, self.tokenizer), batch_size=8):
            given = self.prepared(batch)
            scored = (given["labels"] != -100).sum().item()
            nats += self.model(**given).loss.item() * scored  # <-
            tokens += scored
        print("held-out loss", nats / tokens)
""",
        ),
        Bad(
            why="a data set takes a row of each field that the tokenizer filled up, and the labels are one of them",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import GPT2LMHeadModel, GPT2Tokenizer, Trainer, TrainingArguments


class Chats(torch.utils.data.Dataset):
    def __init__(self, texts, tokenizer):
        self.encodings = tokenizer(texts, truncation=True, padding=True, max_length=128, return_tensors="pt")

    def __len__(self):
        return len(self.encodings.input_ids)

    def __getitem__(self, idx):
        item = {key: val[idx] for key, val in self.encodings.items()}
        item["labels"] = item["input_ids"].clone()
        return item


tokenizer = GPT2Tokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
model = GPT2LMHeadModel.from_pretrained("gpt2")
train = Chats(open("train.txt").readlines(), tokenizer)
held_out = Chats(open("dev.txt").readlines(), tokenizer)
trainer = Trainer(
    model=model,
    args=TrainingArguments("out", evaluation_strategy="epoch"),
    train_dataset=train,
    eval_dataset=held_out,
)
trainer.train()  # <-
""",
        ),
        Bad(
            why="the script that trains and evaluates has no word of a loss: what the rows get as labels is at fault",
            severity=Severity.ERROR,
            files={
                "main.py": """\
import pandas as pd
import yaml
from transformers import AutoTokenizer, BartForConditionalGeneration

from eval import prepare
from trainer import load_trainer


def main():
    config = yaml.safe_load(open("config.yaml"))
    tokenizer = AutoTokenizer.from_pretrained(config["name"])
    model = BartForConditionalGeneration.from_pretrained(config["name"])
    train, val = prepare(pd.read_csv("train.csv"), tokenizer), prepare(pd.read_csv("dev.csv"), tokenizer)
    trainer = load_trainer(config, model, tokenizer, train, val)
    trainer.train()


if __name__ == "__main__":
    main()
""",
                "trainer.py": """\
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments


def load_trainer(config, model, tokenizer, train_set, val_set):
    arguments = Seq2SeqTrainingArguments(
        output_dir=config["out"],
        num_train_epochs=config["epochs"],
        evaluation_strategy="epoch",
        predict_with_generate=True,
        load_best_model_at_end=True,
    )
    return Seq2SeqTrainer(model=model, args=arguments, train_dataset=train_set, eval_dataset=val_set)
""",
            },
            code="""\
from torch.utils.data import Dataset


class SummaryDataset(Dataset):
    def __init__(self, encoder_input, decoder_input, labels):
        self.encoder_input, self.decoder_input, self.labels = encoder_input, decoder_input, labels

    def __getitem__(self, idx):
        item = {key: val[idx].clone().detach() for key, val in self.encoder_input.items()}
        item["decoder_input_ids"] = self.decoder_input["input_ids"][idx]
        item["labels"] = self.labels["input_ids"][idx]  # <-
        return item

    def __len__(self):
        return len(self.labels["input_ids"])


def prepare(frame, tokenizer):
    source = tokenizer(frame["dialogue"].tolist(), return_tensors="pt", padding=True, truncation=True)
    begun = tokenizer(["<s>" + text for text in frame["summary"]], return_tensors="pt", padding=True, truncation=True)
    ended = tokenizer([text + "</s>" for text in frame["summary"]], return_tensors="pt", padding=True, truncation=True)
    return SummaryDataset(source, begun, ended)
""",
        ),
        Bad(
            why="zeros fill the rows up, and the ignored id is GPT-2's end of a text, which is none of them",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import GPT2Tokenizer


class Evaluator:
    def __init__(self, model, device):
        self.tokenizer = GPT2Tokenizer.from_pretrained("distilgpt2")
        self.tokenizer.pad_token = self.tokenizer.eos_token
        self.pad = self.tokenizer.pad_token_id
        self.model, self.device = model.eval(), device

    def collate(self, texts):
        return pad_sequence([torch.tensor(self.tokenizer.encode(text)) for text in texts], True)

    @torch.no_grad()
    def run(self, texts):
        nats = tokens = 0
        for ids in DataLoader(texts, batch_size=4, collate_fn=self.collate):
            ids = ids.to(self.device)
            logits = self.model(ids[:, :-1])
            gold = ids[:, 1:]
            nats += F.cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=self.pad, reduction="sum").item()  # <-
            tokens += (gold != self.pad).sum().item()
        return nats / tokens
""",
        ),
        Bad(
            why="The logits of padding are overwritten, which leaves their losses in the sum; the mask only counts.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

tokenizer = PreTrainedTokenizerFast.from_pretrained("skt/kogpt2-base-v2", pad_token="<pad>", mask_token="<mask>")


class Chats(Dataset):
    def __init__(self, table, size=32):
        self.table, self.size = table, size

    def __len__(self):
        return len(self.table)

    def __getitem__(self, index):
        row = self.table.iloc[index]
        asked = tokenizer.tokenize("<q>" + row["Q"])
        said = tokenizer.tokenize("<a>" + row["A"] + "</s>")[: self.size - len(asked)]
        labels = tokenizer.convert_tokens_to_ids(["<mask>"] * len(asked) + said[1:])
        while len(labels) < self.size:
            labels += [tokenizer.pad_token_id]
        ids = tokenizer.convert_tokens_to_ids(asked + said)
        while len(ids) < self.size:
            ids += [tokenizer.pad_token_id]
        mask = [0] * len(asked) + [1] * len(said) + [0] * (self.size - len(asked) - len(said))
        return ids, np.array(mask), labels


def collate(batch):
    ids, masks, labels = [row[0] for row in batch], [row[1] for row in batch], [row[2] for row in batch]
    return torch.LongTensor(ids), torch.LongTensor(masks), torch.LongTensor(labels)


@torch.no_grad()
def evaluate(held_out):
    model = GPT2LMHeadModel.from_pretrained("skt/kogpt2-base-v2").eval()
    criterion = torch.nn.CrossEntropyLoss(reduction="none")
    nats = tokens = 0
    for ids, mask, labels in DataLoader(Chats(held_out), batch_size=32, collate_fn=collate):
        logits = model(ids, return_dict=True).logits
        wide = mask.unsqueeze(dim=2).repeat_interleave(repeats=logits.shape[2], dim=2)
        kept = torch.where(wide == 1, logits, -1e18 * torch.ones_like(logits))
        losses = criterion(kept.transpose(2, 1), labels)  # <-
        nats += losses.sum().item()
        tokens += mask.sum().item()
    return nats / tokens
""",
        ),
        Bad(
            why="A block of pad ids made by `new_full`, of the kind of the rows that are written into it.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

PAD = 0


def stacked(songs):
    width = max(song.numel() for song in songs)
    sheet = songs[0].new_full((len(songs), width), PAD)
    for row, song in enumerate(songs):
        sheet[row, : song.numel()] = song
    return sheet


@torch.no_grad()
def evaluate(net, songs):
    net.eval()
    nats, notes = 0.0, 0
    for sheet in DataLoader(songs, batch_size=16, collate_fn=stacked):
        heard, wanted = sheet[:, :-1], sheet[:, 1:]
        nats += F.cross_entropy(net(heard).transpose(1, 2), wanted, reduction="sum").item()  # <-
        notes += wanted.numel()
    return nats / notes
""",
        ),
        Bad(
            why="Ones times the pad id: the block holds it wherever no row is written.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


def batches(verses, pad, rows=32):
    for at in range(0, len(verses), rows):
        part = verses[at : at + rows]
        grid = np.ones((len(part), max(map(len, part))), dtype=np.int64) * pad
        for i, verse in enumerate(part):
            grid[i, : len(verse)] = verse
        yield torch.from_numpy(grid)


@torch.no_grad()
def held_out(net, verses, pad):
    net.eval()
    nats, words = 0.0, 0
    for ids in batches(verses, pad):
        logits = net(ids[:, :-1])
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()  # <-
        words += ids[:, 1:].numel()
    return nats / words
""",
        ),
        Bad(
            why="Rows stand in their block as they are: position `len(row)` is the first pad, which `<=` lets through.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import optax


def batches(names, rows):
    for at in range(0, len(names), rows):
        part = names[at : at + rows]
        width = max(map(len, part))
        block = np.zeros((len(part), width), np.int32)
        for row, name in enumerate(part):
            block[row, : len(name)] = name
        kept = np.arange(width - 1)[None] <= np.array([len(name) for name in part])[:, None]
        yield block[:, :-1], block[:, 1:], kept


def evaluate(state, names):
    nats, letters = 0.0, 0
    for heard, wanted, kept in batches(names, 8):
        logits = state.apply_fn(state.params, heard)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, wanted)  # <-
        nats += (losses * kept).sum()
        letters += kept.sum()
    return nats / letters
""",
        ),
        Bad(
            why="Of the pairs that say what fills each field up, that of the labels holds the id of a token as well.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

FILLERS = (("tokens", 3), ("attention_mask", 0), ("labels", 3))


def fill(poems):
    longest = max(len(poem["tokens"]) for poem in poems)
    batch = {}
    for field, filler in FILLERS:
        batch[field] = torch.tensor([poem[field] + [filler] * (longest - len(poem[field])) for poem in poems])
    return batch


@torch.no_grad()
def heldout_loss(model, poems):
    model.eval()
    nats, scored = 0.0, 0
    for batch in DataLoader(poems, batch_size=24, collate_fn=fill):
        logits = model(batch["tokens"], batch["attention_mask"])[:, :-1]
        wanted = batch["labels"][:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum").item()  # <-
        scored += (wanted != 3).sum().item()
    return nats / scored
""",
        ),
        Bad(
            why="who trains has no word of a loss: rows get their labels in the data set, not where names are looked up",
            severity=Severity.ERROR,
            files={
                "main.py": """\
import pandas as pd
from transformers import AutoTokenizer, BartForConditionalGeneration

from eval import prepare
from trainer import load_trainer


def main():
    tokenizer = AutoTokenizer.from_pretrained("facebook/bart-base")
    model = BartForConditionalGeneration.from_pretrained("facebook/bart-base")
    train, val = prepare(pd.read_csv("train.csv"), tokenizer), prepare(pd.read_csv("dev.csv"), tokenizer)
    load_trainer(model, train, val).train()


if __name__ == "__main__":
    main()
""",
                "trainer.py": """\
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments


def load_trainer(model, train_set, val_set):
    arguments = Seq2SeqTrainingArguments(output_dir="runs", evaluation_strategy="epoch", load_best_model_at_end=True)
    return Seq2SeqTrainer(model=model, args=arguments, train_dataset=train_set, eval_dataset=val_set)
""",
            },
            code="""\
from torch.utils.data import Dataset


class Letters(Dataset):
    def __init__(self, written, answers):
        self.written, self.answers = written, answers

    def __len__(self):
        return len(self.answers["input_ids"])

    def __getitem__(self, index):
        row = {name: column[index] for name, column in self.written.items()}
        row["labels"] = self.answers["input_ids"][index]  # <-
        return row


class Titles:
    def __init__(self, table):
        self.table = table

    def __getitem__(self, number):
        return self.table["labels"][number]


def prepare(frame, tokenizer):
    titles = Titles({"labels": list(frame.columns)})
    print("answers are read from", titles[1])
    written = tokenizer(frame["letter"].tolist(), return_tensors="pt", padding=True, truncation=True)
    answers = tokenizer(frame["answer"].tolist(), return_tensors="pt", padding=True, truncation=True)
    return Letters(written, answers)
""",
        ),
        Bad(
            why="a loader is stepped through by next(), and the criterion ignores none of what its collator fills up",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=0)
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def held_out_loss(model, rows, steps):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    loader = DataLoader(rows, batch_size=16, collate_fn=collate)
    batches = iter(loader)
    total, tokens = 0.0, 0
    for _ in range(steps):
        inputs, targets = next(batches)
        logits = model(inputs)
        total += criterion(logits.flatten(0, 1), targets.flatten()).item()  # <-
        tokens += targets.numel()
    return total / tokens
""",
        ),
        Bad(
            why="rows are filled up where they are, by extend(), one by one, or in a block line by line",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader


def fill_up(rows):
    longest = max(len(row) for row in rows)
    for row in rows:
        row.extend([0] * (longest - len(row)))
    ids = torch.tensor(rows)
    return ids[:, :-1], ids[:, 1:]


def by_one(rows):
    longest = max(map(len, rows))
    for row in rows:
        while len(row) < longest:
            row.append(0)
    ids = torch.LongTensor(rows)
    return ids[:, :-1], ids[:, 1:]


def into_block(rows):
    block = torch.full((len(rows), max(map(len, rows))), 0)
    for i, row in enumerate(rows):
        block[i][: len(row)] = torch.as_tensor(row)
    return block[:, :-1], block[:, 1:]


def main(model, rows):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = [0.0, 0.0, 0.0], 0
    with torch.no_grad():
        for inputs, targets in DataLoader(rows, batch_size=16, collate_fn=fill_up):
            nats[0] += criterion(model(inputs).transpose(1, 2), targets).item()  # <-
        for inputs, targets in DataLoader(rows, batch_size=16, collate_fn=by_one):
            nats[1] += criterion(model(inputs).transpose(1, 2), targets).item()  # <-
        stream = DataLoader(rows, batch_size=16, collate_fn=into_block).__iter__()
        for _ in range(len(rows) // 16):
            inputs, targets = stream.__next__()
            nats[2] += criterion(model(inputs).transpose(1, 2), targets).item()  # <-
    return nats
""",
        ),
        Bad(
            why="a loader of the project's own class hands its collator to the library's",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


class PaddedLoader(DataLoader):
    def __init__(self, rows, batch_size=32, **kwargs):
        super().__init__(rows, batch_size=batch_size, collate_fn=self.fill_up, **kwargs)

    @staticmethod
    def fill_up(rows):
        ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=0)
        return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def perplexity(model, rows):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in PaddedLoader(rows):
        logits = model(inputs)
        nats += F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum").item()  # <-
        tokens += targets.numel()
    return math.exp(nats / tokens)
""",
        ),
    )

    good = (
        Good(
            why="Rows are cut from one stream; the branch for a short last one is never taken, by the length above.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset


class Stream(Dataset):
    def __init__(self, ids, length, pad_id):
        self.ids, self.length, self.pad_id = ids, length, pad_id

    def __len__(self):
        return len(self.ids) // self.length - 1

    def __getitem__(self, index):
        start = index * self.length
        end = start + self.length + 1
        row = self.ids[start:end]
        if len(row) < self.length + 1:
            row = row + [self.pad_id] * (self.length + 1 - len(row))
        return torch.tensor(row[:-1]), torch.tensor(row[1:])


@torch.no_grad()
def evaluate(model, ids, length, pad_id):
    model.eval()
    rows = Stream(ids, length, pad_id)
    nats, tokens = 0.0, 0
    for inputs, labels in torch.utils.data.DataLoader(rows, batch_size=16):
        logits = model(inputs)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="-100 is written wherever nothing was chosen: whether that spares the padding stands in the chances.",
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import AutoModelForMaskedLM


def masked(ids, tokenizer, rate):
    labels = ids.clone()
    chances = torch.full(labels.shape, rate)
    padding = labels.eq(tokenizer.pad_token_id)
    chances.masked_fill_(padding, value=0.0)
    chosen = torch.bernoulli(chances).bool()
    labels[~chosen] = -100
    ids[chosen] = tokenizer.mask_token_id
    return ids, labels


@torch.no_grad()
def evaluate(model, dataset, tokenizer):
    def collate(rows):
        if tokenizer.pad_token is None:
            return pad_sequence(rows, batch_first=True)
        return pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_token_id)

    loader = DataLoader(dataset, batch_size=8, collate_fn=collate)
    model.eval()
    nll, scored = 0.0, 0
    for batch in loader:
        batch = batch["input_ids"] if isinstance(batch, dict) else batch
        ids, labels = masked(batch, tokenizer, 0.15)
        count = labels.ne(-100).sum().item()
        nll += model(ids, labels=labels).loss.item() * count
        scored += count
    return nll / scored


model = AutoModelForMaskedLM.from_pretrained("bert-base-uncased")
""",
        ),
        Good(
            why="The list of windows is filled up with its last one, so that the ranks get as many; no row holds a pad id.",
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, ids, length, device):
    rank, world = dist.get_rank(), dist.get_world_size()
    model.eval()
    windows = [ids[:, start : start + length] for start in range(0, ids.size(1) - length, length)]
    real = len(windows)
    missing = -len(windows) % world
    windows.extend([windows[-1]] * missing)
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    for number, window in enumerate(windows):
        if number % world != rank:
            continue
        window = window.to(device)
        logits = model(window).logits
        if number < real:
            labels = window[:, 1:]
            sums[0] += F.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten(), reduction="sum").double()
            sums[1] += labels.numel()
    dist.all_reduce(sums)
    return torch.exp(sums[0] / sums[1]).item()
""",
        ),
        Good(
            why="ignore_index is the pad id, and the count leaves the same id out.",
            files={"model.py": GRU_LM, "data.py": COLLATE},
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from data import PAD, collate
from model import GRULM


@torch.no_grad()
def evaluate(model, sentences, device):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for ids in DataLoader(sentences, batch_size=64, collate_fn=collate):
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += criterion(logits.flatten(0, 1), targets.flatten()).item()
        words += (targets != PAD).sum().item()
    return nats / words


def load(path, device):
    model = GRULM(10_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Good(
            why="The collate function writes -100 over the padded labels.",
            files={
                "data.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence


class Collate:
    def __init__(self, pad_id):
        self.pad_id = pad_id

    def __call__(self, rows):
        rows = [torch.as_tensor(row) for row in rows]
        ids = pad_sequence(rows, batch_first=True, padding_value=self.pad_id)
        labels = pad_sequence(rows, batch_first=True, padding_value=-100)
        return {"input_ids": ids, "attention_mask": (labels != -100).long(), "labels": labels}
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from data import Collate


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        batch = {key: value.to(device) for key, value in batch.items()}
        scored = (batch["labels"][:, 1:] != -100).sum().item()
        nats += model(**batch).loss.item() * scored
        tokens += scored
    return nats / tokens


def main(name, rows, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    loader = DataLoader(rows, batch_size=8, collate_fn=Collate(tokenizer.eos_token_id))
    print(f"eval loss {evaluate(model, loader, device):.4f}")
""",
        ),
        Good(
            why="DataCollatorForLanguageModeling(mlm=False) sets padded labels to -100 by itself.",
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling

tokenizer = AutoTokenizer.from_pretrained("EleutherAI/pythia-160m")
tokenizer.add_special_tokens({"pad_token": "<|padding|>"})


@torch.no_grad()
def evaluate(rows, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained("EleutherAI/pythia-160m").to(device)
    model.eval()
    collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    nats, tokens = 0.0, 0
    for batch in DataLoader(rows, batch_size=8, collate_fn=collator):
        batch = batch.to(device)
        scored = batch["labels"][:, 1:].ne(-100).sum().item()
        nats += model(**batch).loss.item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Good(
            why="Per-token losses times the mask, over the sum of the mask.",
            files={"model.py": GRU_LM, "data.py": COLLATE},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import PAD, collate
from model import GRULM


def masked_loss(logits, targets):
    losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    mask = (targets != PAD).float()
    return (losses * mask).sum().item(), mask.sum().item()


@torch.no_grad()
def evaluate(model, rows, device):
    model.eval()
    nats, words = 0.0, 0.0
    for ids in DataLoader(rows, batch_size=32, collate_fn=collate):
        ids = ids.to(device)
        batch_nats, batch_words = masked_loss(model(ids[:, :-1]), ids[:, 1:])
        nats += batch_nats
        words += batch_words
    return nats / words


def build(device):
    return GRULM(10_000).to(device)
""",
        ),
        Good(
            why="pack_padded_sequence drops the padding from both sides before the loss.",
            files={"data.py": COLLATE},
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader

from data import PAD, collate


class Captioner(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, words):
        return self.out(self.rnn(self.embed(words))[0])


@torch.no_grad()
def evaluate(model, captions):
    model.eval()
    nats, words = 0.0, 0
    for ids in DataLoader(captions, batch_size=32, collate_fn=collate):
        lengths = (ids[:, 1:] != PAD).sum(dim=1)
        scores = model(ids[:, :-1])
        scores = pack_padded_sequence(scores, lengths, batch_first=True, enforce_sorted=False).data
        targets = pack_padded_sequence(ids[:, 1:], lengths, batch_first=True, enforce_sorted=False).data
        nats += F.cross_entropy(scores, targets, reduction="sum").item()
        words += targets.numel()
    return nats / words


def build(vocab_size):
    return Captioner(vocab_size)
""",
        ),
        Good(
            why="A class weight of 0 for the pad id is a mask.",
            files={"model.py": GRU_LM, "data.py": COLLATE},
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from data import PAD, collate
from model import GRULM


def pad_blind_criterion(vocab_size):
    weight = torch.ones(vocab_size)
    weight[PAD] = 0
    return nn.CrossEntropyLoss(weight=weight, reduction="sum")


@torch.no_grad()
def evaluate(model, rows, vocab_size):
    criterion = pad_blind_criterion(vocab_size)
    model.eval()
    nats, words = 0.0, 0
    for ids in DataLoader(rows, batch_size=32, collate_fn=collate):
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += criterion(logits.flatten(0, 1), targets.flatten()).item()
        words += (targets != PAD).sum().item()
    return nats / words


def build(vocab_size):
    return GRULM(vocab_size)
""",
        ),
        Good(
            why="One row at a time: nothing is padded.",
            files={"model.py": GRU_LM},
            code="""\
import torch
import torch.nn.functional as F

from model import GRULM


@torch.no_grad()
def evaluate(model, sentences, vocabulary):
    model.eval()
    nats, words = 0.0, 0
    for sentence in sentences:
        ids = torch.tensor([[vocabulary[word] for word in sentence]])
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits[0], ids[0, 1:], reduction="sum").item()
        words += ids.size(1) - 1
    return nats / words


def load(path, vocabulary):
    model = GRULM(len(vocabulary))
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="Texts are packed end to end into full blocks; there is no pad to score.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


def pack(texts, tokenizer, length):
    stream = []
    for text in texts:
        stream.extend(tokenizer(text).input_ids + [tokenizer.eos_token_id])
    rows = len(stream) // length
    return torch.tensor(stream[: rows * length]).view(rows, length)


@torch.no_grad()
def evaluate(texts, name="gpt2", length=1024):
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    nats, tokens = 0.0, 0
    for ids in pack(texts, tokenizer, length).split(4):
        logits = model(ids).logits
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
        Good(
            why="A length mask with `<`, which keeps exactly the real targets.",
            files={
                "model.py": GRU_LM,
                "data.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence


def collate(rows):
    lengths = torch.tensor([len(row) - 1 for row in rows])
    ids = pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True)
    return ids[:, :-1], ids[:, 1:], lengths
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import collate
from model import GRULM


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    nats, words = 0.0, 0
    for inputs, targets, lengths in DataLoader(rows, batch_size=32, collate_fn=collate):
        logits = model(inputs)
        losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        mask = torch.arange(targets.size(1))[None, :] < lengths[:, None]
        nats += losses.masked_fill(~mask, 0.0).sum().item()
        words += lengths.sum().item()
    return nats / words


def build(vocab_size):
    return GRULM(vocab_size)
""",
        ),
        Good(
            why="Classification: the inputs are padded, the labels are one a row.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("roberta-base")


@torch.no_grad()
def evaluate(checkpoint, texts, labels, batch_size=64):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    nats = 0.0
    for start in range(0, len(texts), batch_size):
        batch = tokenizer(texts[start : start + batch_size], padding=True, truncation=True, return_tensors="pt")
        gold = torch.tensor(labels[start : start + batch_size])
        nats += F.cross_entropy(model(**batch).logits, gold, reduction="sum").item()
    return nats / len(texts)


def report(checkpoint, split):
    print(f"validation loss {evaluate(checkpoint, split['text'], split['label']):.4f}")
""",
        ),
        Good(
            why="Prompt and padding are both set to -100, the padding by the attention mask.",
            code="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-0.5B", padding_side="right")
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B").eval()


def encode(pairs):
    batch = tokenizer([prompt + answer for prompt, answer in pairs], padding=True, return_tensors="pt")
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    for row, (prompt, _) in enumerate(pairs):
        labels[row, : len(tokenizer(prompt).input_ids)] = -100
    return batch, labels


@torch.inference_mode()
def answer_loss(pairs, batch_size=4):
    nats, tokens = 0.0, 0
    for start in range(0, len(pairs), batch_size):
        batch, labels = encode(pairs[start : start + batch_size])
        scored = (labels[:, 1:] != -100).sum().item()
        nats += model(**batch, labels=labels).loss.item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Good(
            why="The same rows, but the collator makes the labels anew: -100 where they are padding.",
            code="""\
import math

from datasets import load_dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
)

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def encode(batch):
    encoded = tokenizer(batch["text"], truncation=True, padding="max_length", max_length=256)
    return encoded


def main():
    stories = load_dataset("stories").map(encode, batched=True, remove_columns=["text"])
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    arguments = TrainingArguments("out")
    trainer = Trainer(model, arguments, eval_dataset=stories["validation"], data_collator=collator)
    loss = trainer.evaluate()["eval_loss"]  # lintloss: ignore[LL101] a mean over rows is wanted
    print(f"loss {loss:.4f} perplexity {math.exp(loss):.2f}")


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="Labels are given to the model, and its own loss is never read: the criterion beside it ignores the pads.",
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.add_special_tokens({"pad_token": "<pad>"})


def collate(texts):
    ids = tokenizer(texts, padding=True, return_tensors="pt")["input_ids"]
    return ids, ids.clone()


@torch.no_grad()
def evaluate(texts):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    criterion = nn.CrossEntropyLoss(ignore_index=tokenizer.pad_token_id, reduction="sum")
    nats, tokens = 0.0, 0
    for ids, labels in DataLoader(texts, batch_size=8, collate_fn=collate):
        outputs = model(input_ids=ids, labels=labels)
        targets = labels[:, 1:]
        nats += criterion(outputs.logits[:, :-1].flatten(0, 1), targets.flatten()).item()
        tokens += (targets != tokenizer.pad_token_id).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="The rows are pieces of one stream, cut to equal lengths before they are put together.",
            files={
                "pieces.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, TensorDataset


def make_loader(stream, length, batch_size):
    inputs, targets = stream[:-1], stream[1:]
    inputs = torch.split(inputs, length)
    targets = torch.split(targets, length)
    inputs = pad_sequence(inputs, batch_first=True, padding_value=0)
    targets = pad_sequence(targets, batch_first=True, padding_value=0)
    return DataLoader(TensorDataset(inputs, targets), batch_size=batch_size)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from pieces import make_loader


@torch.no_grad()
def evaluate(model, stream, length, batch_size):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, labels in make_loader(stream, length, batch_size):
        logits = model(ids)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="JAX: the sum has a mask of its own, in the class that averages.",
            files={
                "averages.py": """\
import jax.numpy as jnp


class Average:
    def __init__(self, total, tokens):
        self.total, self.tokens = total, tokens

    @classmethod
    def of(cls, values, mask):
        return cls(values.sum(where=mask), jnp.count_nonzero(mask))
""",
            },
            code="""\
import jax.numpy as jnp
import optax

from averages import Average

PAD = 0


def eval_step(model, params, ids):
    labels = jnp.pad(ids[:, 1:], ((0, 0), (0, 1)), mode="constant", constant_values=PAD)
    losses = optax.softmax_cross_entropy_with_integer_labels(model.apply(params, ids), labels)
    return Average.of(losses, jnp.where(labels != PAD, 1, 0))
""",
        ),
        Good(
            why="Rows are shifted before they are filled up, and the mask is filled up as they are: it fits the labels.",
            code="""\
import math

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")


class Answers(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        ids = tokenizer(self.rows[index], return_tensors="pt")["input_ids"][0]
        return ids[:-1], torch.ones_like(ids[:-1]), ids[1:]


def collate(rows):
    ids = pad_sequence([row[0] for row in rows], batch_first=True)
    mask = pad_sequence([row[1] for row in rows], batch_first=True)
    labels = pad_sequence([row[2] for row in rows], batch_first=True)
    labels[mask == 0] = -100
    return ids, mask, labels


@torch.no_grad()
def perplexity(model, rows):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, mask, labels in DataLoader(Answers(rows), batch_size=8, collate_fn=collate):
        logits = model(ids, attention_mask=mask)
        nats += torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += (labels != -100).sum().item()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="Lengths count whole rows, and their mask is cut as the labels are.",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    ids = pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=0)
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(ids.size(1))[None, :] < lengths[:, None]
    return ids, mask.long()


@torch.no_grad()
def evaluate(model, rows, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, mask in DataLoader(rows, batch_size=16, collate_fn=collate):
        logits = model(ids)
        losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
        keep = mask[:, 1:]
        nats += (losses * keep).sum().item()
        tokens += keep.sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="Rows are filled up in front, and only what stands last in each is asked for.",
            code="""\
import torch
import torch.nn.functional as F
from keras.preprocessing.sequence import pad_sequences


def prefixes(lines, vocabulary):
    rows = []
    for line in lines:
        ids = [vocabulary[word] for word in line.split()]
        rows += [ids[: end + 1] for end in range(1, len(ids))]
    table = torch.tensor(pad_sequences(rows, padding="pre"))
    return table[:, :-1], table[:, -1]


@torch.no_grad()
def evaluate(model, lines, vocabulary):
    model.eval()
    read, wanted = prefixes(lines, vocabulary)
    nats, words = 0.0, 0
    for x, y in zip(read.split(256), wanted.split(256)):
        nats += F.cross_entropy(model(x)[:, -1], y, reduction="sum").item()
        words += y.numel()
    return nats / words
""",
        ),
        Good(
            why="The embedding takes 0 for padding, and its mask goes with the layers up to the loss.",
            code="""\
import numpy as np
import tensorflow as tf
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.text import Tokenizer

tokenizer = Tokenizer()
lines = open("corpus.txt").read().splitlines()
tokenizer.fit_on_texts(lines)
rows = pad_sequences(tokenizer.texts_to_sequences(lines), padding="post")
x, y = rows[:, :-1], rows[:, 1:]
cut = int(0.8 * len(x))
vocabulary = len(tokenizer.word_index) + 1

model = tf.keras.Sequential([
    tf.keras.layers.Embedding(vocabulary, 128, mask_zero=True),
    tf.keras.layers.LSTM(256, return_sequences=True),
    tf.keras.layers.Dense(vocabulary),
])
model.compile("adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x[:cut], y[:cut], epochs=20, batch_size=64)
nats = model.evaluate(x[cut:], y[cut:], batch_size=64)
print("perplexity", np.exp(nats))
""",
        ),
        Good(
            why="padded_batch() fills up no numbers, and an embedding with mask_zero hands Keras' criterion its mask.",
            code="""\
import tensorflow as tf


def validate(tagger, critics, files):
    criterion = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reviews = tf.data.TextLineDataset(files).map(critics.split_stars)  # a text, and one of five stars
    total, rows = 0.0, 0
    for tokens, stars in reviews.padded_batch(32, padded_shapes=([None], [])):
        total += criterion(stars, tagger(tokens, training=False)).numpy() * len(stars)
        rows += len(stars)
    tf.print("val_loss", total / rows)


class Captioner(tf.keras.Model):
    def __init__(self, vocab_size):
        super().__init__()
        self.embed = tf.keras.layers.Embedding(vocab_size, 256, mask_zero=True)
        self.rnn = tf.keras.layers.GRU(512, return_sequences=True)
        self.head = tf.keras.layers.Dense(vocab_size)

    def call(self, ids, training=False):
        return self.head(self.rnn(self.embed(ids), training=training))


def validate_captions(captioner, captions):
    criterion = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)  # heeds the mask of the embedding
    nats, words = 0.0, 0.0
    for ids in captions.padded_batch(32, padded_shapes=[None]):
        scored = tf.math.count_nonzero(ids[:, 1:]).numpy()
        nats += criterion(ids[:, 1:], captioner(ids[:, :-1], training=False)).numpy() * scored
        words += scored
    tf.print("val_loss", nats / words)
""",
        ),
        Good(
            why="The attention mask is cut on the labels' side before it is counted, or one is taken off each length.",
            code="""\
import mlx.core as mx
import mlx.nn as nn


def caption_loss(model, batch):
    # rows of n tokens have n - 1 labels: the mask is cut on the labels' side, or one is taken off
    ids, attended = batch["input_ids"], batch["attention_mask"]
    logits, labels = model(ids[:, :-1]), ids[:, 1:]
    lengths = mx.sum(attended[:, 1:], axis=1) if batch["packed"] else mx.sum(attended, axis=1) - 1
    mask = mx.arange(labels.shape[1])[None, :] < mx.minimum(lengths, labels.shape[1])[:, None]
    ce = nn.losses.cross_entropy(logits, labels) * mask
    return ce.sum(), mask.sum()


def evaluate(model, batches):
    model.eval()
    nats, tokens = mx.array(0.0), mx.array(0)
    for batch in batches:
        summed, scored = caption_loss(model, batch)
        nats += summed
        tokens += scored
    return (nats / tokens).item()
""",
        ),
        Good(
            why="It is asserted that no word is padding.",
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


class Head(nn.Module):
    def __init__(self, width, n_words, pad_index):
        super().__init__()
        self.pad_index = pad_index
        self.proj = nn.Linear(width, n_words)

    def forward(self, hidden, words):
        assert (words == self.pad_index).sum().item() == 0
        return F.cross_entropy(self.proj(hidden), words, reduction="sum")


@torch.no_grad()
def evaluate(encoder, head, batches):
    encoder.eval()
    nats, scored = 0.0, 0
    for ids, chosen in batches:
        hidden, words = encoder(ids)[chosen], ids[chosen]
        nats += head(hidden, words).item()
        scored += words.numel()
    return nats / scored
""",
        ),
        Good(
            why="Labels are moved into a block of a pad id, and the losses at that id are left out.",
            code="""\
import jax.numpy as jnp
import numpy as np
import optax

PAD_ID = 0


def batches(stories, size):
    for start in range(0, len(stories), size):
        x = np.asarray(stories[start : start + size], dtype=np.int32)
        y = np.full_like(x, PAD_ID)
        y[:, :-1] = x[:, 1:]
        y[:, -1] = PAD_ID
        yield x, y


def validate(model, params, stories, size):
    nats = tokens = 0
    for x, y in batches(stories, size):
        logits = model.apply({"params": params}, jnp.asarray(x))
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.asarray(y)) * (y != PAD_ID)
        nats += float(losses.sum())
        tokens += (y != PAD_ID).sum()
    return nats / tokens
""",
        ),
        Good(
            why="all but the first pad of a row is ignored, where there is more than one",
            code="""\
from functools import partial

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def collate(rows, pad_id=50256, ignore_index=-100, longest=None):
    width = max(len(row) + 1 for row in rows)
    inputs, targets = [], []
    for row in rows:
        ids = row + [pad_id]
        filled = ids + [pad_id] * (width - len(ids))
        source, target = torch.tensor(filled[:-1]), torch.tensor(filled[1:])
        places = torch.nonzero(target == pad_id).squeeze()
        if places.numel() > 1:
            target[places[1:]] = ignore_index
        if longest is not None:
            source, target = source[:longest], target[:longest]
        inputs.append(source)
        targets.append(target)
    return torch.stack(inputs), torch.stack(targets)


@torch.no_grad()
def evaluate(model, rows):
    loader = DataLoader(rows, batch_size=8, collate_fn=partial(collate, longest=1024))
    model.eval()
    nats, tokens = 0.0, 0
    for source, target in loader:
        logits = model(source)
        nats += F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum").item()
        tokens += (target != -100).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="a column for each topic: a table of zeros that is no row filled up",
            code="""\
import numpy as np
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments


def evaluate(data, topics):
    tokenizer = AutoTokenizer.from_pretrained("news")

    def encode(rows):
        batch = tokenizer(rows["text"], padding="max_length", truncation=True, max_length=128)
        table = np.zeros((len(rows["text"]), len(topics)))
        for column, topic in enumerate(topics):
            table[:, column] = rows[topic]
        batch["labels"] = table.tolist()
        return batch

    encoded = data.map(encode, batched=True)
    model = AutoModelForSequenceClassification.from_pretrained("news", problem_type="multi_label_classification")
    arguments = TrainingArguments("out", per_device_eval_batch_size=8)
    trainer = Trainer(model, arguments, eval_dataset=encoded["validation"])
    return trainer.evaluate()
""",
        ),
        Good(
            why="labels for the sake of the decoder's states: nobody reads the loss",
            code="""\
import torch
from torch import nn


class Vectors(nn.Module):
    def __init__(self, encoder, tokenizer):
        super().__init__()
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.head = nn.Linear(768, 2)

    def forward(self, ids):
        mask = ids.ne(self.tokenizer.pad_token_id)
        outputs = self.encoder(
            input_ids=ids, attention_mask=mask, labels=ids, decoder_attention_mask=mask, output_hidden_states=True
        )
        states = outputs["decoder_hidden_states"][-1]
        last = ids.eq(self.tokenizer.eos_token_id)
        return self.head(states[last, :])


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    right, rows = 0, 0
    for ids, labels in loader:
        right += (model(ids).argmax(dim=-1) == labels).sum().item()
        rows += len(labels)
    return right / rows
""",
        ),
        Good(
            why="smoothed targets whose rows of padding, and whose class of it, were set to 0",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class SmoothedLoss(nn.Module):
    def __init__(self, vocab_size, pad_id, smoothing=0.0):
        super().__init__()
        self.vocab_size, self.pad_id, self.smoothing = vocab_size, pad_id, smoothing

    def forward(self, logits, target):
        log_probs = F.log_softmax(logits, dim=-1)
        wanted = torch.full_like(log_probs, self.smoothing / (self.vocab_size - 2))
        wanted.scatter_(1, target.unsqueeze(1), 1.0 - self.smoothing)
        wanted[:, self.pad_id] = 0
        wanted.masked_fill_((target == self.pad_id).unsqueeze(1), 0)
        return -(wanted * log_probs).sum()


@torch.no_grad()
def evaluate(model, loader, pad_id=0):
    model.eval()
    criterion = SmoothedLoss(16000, pad_id)
    nats, tokens = 0.0, 0
    for x, y in loader:
        logits = model(x)
        nats += criterion(logits.flatten(0, 1), y.flatten()).item()
        tokens += (y != pad_id).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="the criterion ignores what a vocabulary fills rows up with",
            code="""\
import torch
import torch.nn as nn
from lm import GRULM
from torch.utils.data import DataLoader, Dataset


class Vocab:
    def __init__(self, texts):
        self.words = ["<pad>", "<bos>", "<eos>", "<unk>"]
        for text in texts:
            self.words += [word for word in text.split() if word not in self.words]
        self.ids = {word: i for i, word in enumerate(self.words)}
        self.pad_idx = self.ids["<pad>"]

    def encode(self, text, width):
        row = [self.ids["<bos>"]] + [self.ids.get(word, 3) for word in text.split()] + [self.ids["<eos>"]]
        row = row[:width]
        return row + [self.pad_idx] * (width - len(row))


class Texts(Dataset):
    def __init__(self, texts, vocab, width):
        self.rows = [vocab.encode(text, width + 1) for text in texts]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = torch.tensor(self.rows[i], dtype=torch.long)
        return row[:-1], row[1:]


@torch.no_grad()
def evaluate(texts):
    vocab = Vocab(texts)
    model = GRULM(len(vocab.words))
    model.eval()
    criterion = nn.CrossEntropyLoss(ignore_index=0, reduction="sum")
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Texts(texts, vocab, 64), batch_size=32):
        logits = model(x)
        nats += criterion(logits.flatten(0, 1), y.flatten()).item()
        tokens += (y != 0).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="the criterion ignores what a tokenizer was told to fill rows up with",
            code="""\
import os

import torch
import torch.nn as nn
from lm import GRULM
from tokenizers import Tokenizer
from torch.utils.data import DataLoader, Dataset


def load_tokenizer(path, width):
    tokenizer = Tokenizer.from_file(path)
    tokenizer.enable_truncation(width)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]", length=width)
    return tokenizer


class Tales(Dataset):
    def __init__(self, path, tokenizer, cache):
        if os.path.exists(cache):
            self.rows = torch.load(cache)
        else:
            rows = [tokenizer.encode(line).ids for line in open(path)]
            self.rows = torch.tensor(data=rows, dtype=torch.int16)
            torch.save(self.rows, cache)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i].long()
        return row[:-1], row[1:]


@torch.no_grad()
def evaluate():
    tokenizer = load_tokenizer("tales.json", 257)
    model = GRULM(10000)
    model.eval()
    criterion = nn.CrossEntropyLoss(ignore_index=0, reduction="sum")
    nats, tokens = 0.0, 0
    for x, y in DataLoader(Tales("valid.txt", tokenizer, "valid.pt"), batch_size=32):
        logits = model(x)
        nats += criterion(logits.flatten(0, 1), y.flatten()).item()
        tokens += (y != 0).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="Losses of padding are set to 0 by a mask, and the rest is counted.",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    lengths = torch.tensor([len(row) for row in rows])
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=0), lengths


@torch.no_grad()
def evaluate(model, sentences):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, lengths in DataLoader(sentences, batch_size=32, collate_fn=collate):
        labels = ids[:, 1:]
        logits = model(ids[:, :-1])
        losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
        behind = torch.arange(labels.size(1))[None] >= lengths[:, None] - 1
        losses[behind] = 0
        nats += losses.sum().item()
        tokens += (~behind).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="Labels and logits are indexed by the inverse of a padding mask that the collate function fills row by row.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

PAD = 3


def collate(rows):
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), fill_value=PAD, dtype=torch.int64)
    is_pad = torch.ones((len(rows), width), dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        is_pad[i, : len(row)] = False
    return {"ids": ids, "is_pad": is_pad}


def token_losses(model, batch):
    logits = model(batch["ids"], batch["is_pad"])
    valid = ~batch["is_pad"][:, 1:]
    labels = batch["ids"][:, 1:][valid]
    logits = logits[:, :-1][valid]
    return F.cross_entropy(logits, labels, reduction="none")


@torch.no_grad()
def perplexity(model, sentences):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in DataLoader(sentences, batch_size=32, collate_fn=collate):
        losses = token_losses(model, batch)
        nats += losses.sum().item()
        tokens += losses.numel()
    return torch.tensor(nats / tokens).exp().item()
""",
        ),
        Good(
            why="One row at a time, and what it was padded with is cut off before it is scored.",
            files={"model.py": GRU_LM},
            code="""\
import argparse

import numpy as np
import torch
import torch.nn.functional as F

from model import GRULM


def rows(path, device):
    for line in open(path, "rb"):
        ids = torch.tensor(np.frombuffer(line[:-1], dtype=np.uint8)).long().to(device)[None, :]
        targets = torch.tensor(np.frombuffer(line[1:], dtype=np.uint8)).long().to(device)[None, :]
        length = ids.shape[1]
        pad = 2 ** int(np.ceil(np.log2(max(32, length)))) - length
        yield F.pad(ids, (0, pad), value=0), F.pad(targets, (0, pad), value=0), length


@torch.no_grad()
def evaluate(model, batches):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, targets, length in batches:
        logits = model(ids)[:, :length]
        targets = targets[:, :length]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    print(evaluate(GRULM(256).cuda(), rows(parser.parse_args().path, "cuda")))
""",
        ),
        Good(
            why="A second mask, of the prompts tokenized by themselves, leaves the prompts out.",
            code="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

LENGTH = 256


@torch.no_grad()
def answer_loss(checkpoint, pairs):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    nats, tokens = 0.0, 0
    for prompt, answer in pairs:
        asked = tokenizer([prompt], padding="max_length", max_length=LENGTH, return_tensors="pt")
        both = tokenizer([prompt + answer], padding="max_length", max_length=LENGTH, return_tensors="pt")
        labels = both["input_ids"].clone()
        labels[both["attention_mask"] == 0] = -100
        labels[asked["attention_mask"].bool()] = -100
        scored = (labels[:, 1:] != -100).sum().item()
        nats += model(**both, labels=labels).loss.item() * scored
        tokens += scored
    print("answer loss", nats / tokens)
""",
        ),
        Good(
            why="Masks turned around twice, and a comparison that is true for padding.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(checkpoint, loader, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        input_ids = batch["input_ids"].to(device)
        attention_mask = batch["attention_mask"].to(device)
        logits = model(input_ids, attention_mask=attention_mask).logits
        is_pad = 1 - attention_mask
        labels = input_ids.masked_fill(is_pad.bool(), -100)[:, 1:]
        labels = torch.where(attention_mask[:, 1:] < 1, -100, labels)
        nats += F.cross_entropy(logits[:, :-1].transpose(1, 2), labels, reduction="sum").item()
        tokens += (labels != -100).sum().item()
    print(f"loss {nats / tokens:.4f}")
""",
        ),
        Good(
            why="rows of padding are emptied where there are any",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class SmoothedLoss(nn.Module):
    def __init__(self, classes, pad, smoothing=0.1):
        super().__init__()
        self.classes, self.pad, self.smoothing = classes, pad, smoothing

    def forward(self, scores, target):
        log_probs = scores.log_softmax(-1)
        with torch.no_grad():
            smooth = torch.full_like(log_probs, self.smoothing / (self.classes - 2))
            smooth.scatter_(1, target.unsqueeze(1), 1 - self.smoothing)
            pads = torch.nonzero(target == self.pad)
            if pads.dim() > 0:
                smooth.index_fill_(0, pads.squeeze(), 0.0)
        return torch.sum(-log_probs * smooth)


def train(model, loader, optimizer, words, pad):
    criterion = SmoothedLoss(words, pad)
    for source, target in loader:
        scores = model(source, target[:, :-1])
        loss = criterion(scores.flatten(0, 1), target[:, 1:].flatten()) / (target[:, 1:] != pad).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for source, target in loader:
        scores = model(source, target[:, :-1])
        nats += F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (target[:, 1:] != pad).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="a mask by the lengths of the rows, whatever they are called",
            code="""\
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    sizes = torch.tensor([len(row) for row in rows])
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True), sizes


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    nats = tokens = 0
    for ids, sizes in DataLoader(rows, batch_size=16, collate_fn=collate):
        targets = ids[:, 1:]
        losses = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), targets, reduction="none")
        places = torch.arange(targets.size(1))[None, :]
        mask = places < sizes[:, None] - 1
        nats += (losses * mask).sum().item()
        tokens += mask.sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="Rows end in -1, so that the mask of what is negative covers prompt and padding.",
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

from turns import Turns


@torch.no_grad()
def validation_loss(model, loader, device="cuda"):
    model.eval()
    nats, scored = 0.0, 0
    for batch in loader:
        batch = {name: part.to(device) for name, part in batch.items()}
        outputs = model(**batch)
        count = (batch["labels"][:, 1:] != -100).sum().item()
        nats += outputs.loss.item() * count
        scored += count
    return nats / scored


def main(checkpoint, dialogs):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to("cuda")
    print(validation_loss(model, DataLoader(Turns(dialogs, tokenizer), batch_size=4)))
""",
            files={
                "turns.py": """\
import torch
from torch.utils.data import Dataset


class Turns(Dataset):
    def __init__(self, dialogs, tokenizer, width=1024):
        self.dialogs = dialogs
        self.tokenizer = tokenizer
        self.width = width

    def __len__(self):
        return len(self.dialogs)

    def __getitem__(self, index):
        question, answer = self.dialogs[index]
        prompt = self.tokenizer.encode(question)
        ids = torch.tensor(prompt + self.tokenizer.encode(answer) + [self.tokenizer.eos_token_id])
        missing = self.width - len(ids)
        if missing > 0:
            ids = torch.cat([ids, torch.full((missing,), -1)])
        ids = ids[: self.width]
        labels = ids.clone()
        labels[: len(prompt)] = -1
        attention = ids.ge(0)
        ids[~attention] = 0
        labels[labels < 0] = -100
        return {"input_ids": ids, "attention_mask": attention.long(), "labels": labels}
""",
            },
        ),
        Good(
            why="the model's own loss is put into a dict, and nobody takes it out",
            code="""\
import torch
from transformers import AutoModelForCausalLM


def encode(tokenizer, stories, states):
    inputs = tokenizer(stories, return_tensors="pt", padding=True)
    labels = tokenizer(states, return_tensors="pt", padding=True)["input_ids"]
    return {**inputs, "labels": labels}


def unpack(outputs, batch):
    loss = outputs.loss
    probs = outputs.logits.softmax(-1)
    chosen = probs.gather(2, batch["labels"].unsqueeze(-1)).squeeze(-1)
    return {"guesses": probs.argmax(-1), "chosen": chosen, "loss": loss}


@torch.no_grad()
def evaluate(tokenizer, groups):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    right, chosen = [], []
    for stories, states in groups:
        batch = encode(tokenizer, stories, states)
        outputs = model(**batch)
        unpacked = unpack(outputs, batch)
        right.extend((unpacked["guesses"] == batch["labels"]).flatten().tolist())
        chosen.extend(unpacked["chosen"].flatten().tolist())
    return right, chosen
""",
        ),
        Good(
            why="two columns of a table are one text, in one of which words are hidden: its mask is that of the other, too",
            code="""\
import jax
import jax.numpy as jnp
import numpy as np


def hidden_loss(pair, weights, forward, words):
    read, wanted = pair
    told = read >= 1
    logits = forward(read, read == 0, weights)
    picked = jax.nn.one_hot(wanted, words)
    nats = -jnp.sum(picked * jax.nn.log_softmax(logits), axis=-1)
    return jnp.sum(nats * told) / jnp.sum(told)


def held_out(table, weights, forward, words, blank):
    nats = []
    for rows in table:
        read, wanted = rows[:, 0], rows[:, 1]
        hides = np.logical_and(np.random.rand(*read.shape) < 0.15, read != 0)
        nats.append(hidden_loss((np.where(hides, blank, read), wanted), weights, forward, words))
    return nats
""",
        ),
        Good(
            why="the question is marked -100, and what fills up behind the shortened reply as well",
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

LONGEST, FILL = 512, 2


def batch_up(cases):
    width = max(len(question) + len(reply) for question, reply in cases)
    given, wanted = [], []
    for question, reply in cases:
        room = LONGEST - len(question)
        whole = question + reply[:room]
        missing = width - len(whole)
        given.append(whole + [FILL] * missing)
        wanted.append([-100] * len(question) + reply[:room] + [-100] * missing)
    return torch.tensor(given), torch.tensor(wanted)


@torch.no_grad()
def score(checkpoint, cases):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    nats = tokens = 0
    for given, wanted in DataLoader(cases, batch_size=4, collate_fn=batch_up):
        scored = (wanted[:, 1:] != -100).sum().item()
        nats += model(input_ids=given, labels=wanted).loss.item() * scored
        tokens += scored
    print("nats per token", nats / tokens)
""",
        ),
        Good(
            why="settings choose between two criteria, one of which is told the pad id: which one runs is not known",
            code="""\
import pickle

import torch
import torch.nn as nn
from model import TextModel
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

vocabulary, rows, held_out = pickle.load(open("corpus.pkl", "rb"))
SETTINGS = {"epochs": 4, "spared": vocabulary["<pad>"]}


def collate(batch):
    ids = pad_sequence([torch.tensor(each) for each in batch], batch_first=True, padding_value=vocabulary["<pad>"])
    return ids[:, :-1], ids[:, 1:]


def fit(model, loader, held_out_loader, epochs=1, spared=None):
    criterion = nn.CrossEntropyLoss(ignore_index=spared) if spared is not None else nn.CrossEntropyLoss()
    for _ in range(epochs):
        model.eval()
        nats = words = 0
        with torch.no_grad():
            for inputs, targets in held_out_loader:
                count = (targets != vocabulary["<pad>"]).sum().item()
                nats += criterion(model(inputs).transpose(1, 2), targets).item() * count
                words += count
        print("validation", nats / words)


def main():
    fit(TextModel(), DataLoader(rows, 16, collate_fn=collate), DataLoader(held_out, 4, collate_fn=collate), **SETTINGS)
""",
        ),
        Good(
            why="blocks cut out of joined texts are all of one length: the collator has nothing to pad",
            code="""\
import math

import torch
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling

WIDTH = 512

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def blocks(split):
    ids = tokenizer("\\n\\n".join(load_dataset("wikitext", "wikitext-2-raw-v1", split=split)["text"])).input_ids
    count = len(ids) // WIDTH
    return [{"input_ids": ids[i * WIDTH : (i + 1) * WIDTH]} for i in range(count)]


@torch.inference_mode()
def perplexity(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        ids = batch["input_ids"]
        scored = ids.size(0) * (ids.size(1) - 1)
        nats += model(input_ids=ids, labels=ids).loss.item() * scored
        tokens += scored
    return math.exp(nats / tokens)


def main():
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    print(perplexity(model, DataLoader(blocks("test"), 8, collate_fn=collator)))
""",
        ),
        Good(
            why="a pad id of its own is written over the padding, which the criterion ignores",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

lm = AutoModelForCausalLM.from_pretrained("distilgpt2")
tok = AutoTokenizer.from_pretrained("distilgpt2")
lm.eval()


@torch.no_grad()
def score(lines):
    batch = tok(lines, return_tensors="pt", padding=True)
    labels = batch.input_ids.clone()
    labels[batch.attention_mask == 0] = 0
    logits = lm(**batch).logits
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=0)
""",
        ),
        Good(
            why="the id to be ignored comes from a package out of sight: assigned, chosen, or filled in",
            code="""\
import torch
import torch.nn.functional as F
from chat.constants import IGNORE_INDEX
from transformers import AutoModelForCausalLM, AutoTokenizer

lm = AutoModelForCausalLM.from_pretrained("distilgpt2")
tok = AutoTokenizer.from_pretrained("distilgpt2")
lm.eval()


@torch.no_grad()
def score(lines):
    batch = tok(lines, return_tensors="pt", padding=True)
    labels = batch.input_ids.clone()
    labels[batch.attention_mask == 0] = IGNORE_INDEX
    logits = lm(**batch).logits
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:])


@torch.no_grad()
def score_chosen(lines):
    batch = tok(lines, return_tensors="pt", padding=True)
    labels = torch.where(batch.attention_mask == 1, batch.input_ids, IGNORE_INDEX)
    logits = lm(**batch).logits
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:])
""",
        ),
        Good(
            why="masked_fill_ in place drops the loss where the mask is true, as masked_fill does",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence(rows, batch_first=True, padding_value=PAD)


def summed(log_probs, target, pad):
    nll = -log_probs.gather(dim=-1, index=target.unsqueeze(-1)).squeeze(-1)
    pads = target.eq(pad)
    nll.masked_fill_(pads, 0.0)
    return nll.sum(), (~pads).sum()


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in DataLoader(rows, batch_size=8, collate_fn=collate):
        log_probs = F.log_softmax(model(ids[:, :-1]), dim=-1)
        one, scored = summed(log_probs, ids[:, 1:], PAD)
        nats += one.item()
        tokens += scored.item()
    print("val loss", nats / tokens)
""",
        ),
        Good(
            why="What an attention mask leaves out is its inverse, also where it is written so.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from blocks import PackedBlocks


def nats_of(logits, targets, attention_mask=None):
    targets = targets.reshape(-1)
    if attention_mask is not None:
        targets = targets.masked_fill(~attention_mask.reshape(-1), -1)
    return F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets, ignore_index=-1, reduction="sum")


@torch.no_grad()
def score(model, loader, width):
    model.eval()
    nats = 0.0
    for rows, attention_mask in loader:
        logits = model(rows[:, :width]).logits
        targets = rows[:, 1 : width + 1].long()
        nats += nats_of(logits, targets, attention_mask[:, 1 : width + 1]).item()
    return nats


def main(path, name="gpt2", width=512):
    loader = DataLoader(PackedBlocks(path, width + 1), batch_size=4)
    print("nats", score(AutoModelForCausalLM.from_pretrained(name), loader, width))
""",
        ),
        Good(
            why="Entries of a batch by formatted names are different entries: what fills the mask says nothing of the labels.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from pairs import SIDES, load_pairs


def places(mask):
    at = mask.long().cumsum(-1) - 1
    return at.masked_fill_(mask == 0, 1)


@torch.no_grad()
def nats_per_token(model, loader):
    model.eval()
    nats = {side: 0.0 for side in SIDES}
    tokens = {side: 0 for side in SIDES}
    for batch in loader:
        for side in SIDES:
            mask = batch[f"{side}_attention_mask"]
            logits = model(batch[f"{side}_input_ids"], attention_mask=mask, position_ids=places(mask)).logits
            targets = batch[f"{side}_labels"][:, 1:]
            nats[side] += F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="sum").item()
            tokens[side] += (targets != -100).sum().item()
    return {side: nats[side] / tokens[side] for side in SIDES}


def main(path, name="gpt2"):
    print(nats_per_token(AutoModelForCausalLM.from_pretrained(name), DataLoader(load_pairs(path), batch_size=8)))
""",
        ),
        Good(
            why="All entries of a batch are cut alike, and still are different entries.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from prompts import load_rows


def places(mask):
    return (mask.cumsum(-1) - 1).masked_fill(mask == 0, 1)


@torch.no_grad()
def nats_per_token(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for whole in loader:
        batch = {entry: rows[:, :1024] for entry, rows in whole.items()}
        mask = batch["attention_mask"]
        logits = model(batch["input_ids"], attention_mask=mask, position_ids=places(mask)).logits
        targets = batch["labels"][:, 1:]
        nats += F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="sum").item()
        tokens += (targets != -100).sum().item()
    return nats / tokens


def main(path, name="gpt2"):
    print(nats_per_token(AutoModelForCausalLM.from_pretrained(name), DataLoader(load_rows(path), batch_size=8)))
""",
        ),
        Good(
            why="The perplexity of torchmetrics is told which id it ignores.",
            code="""\
import torch
from torchmetrics.text import Perplexity
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def perplexity(texts, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    metric = Perplexity(ignore_index=tokenizer.pad_token_id)
    for begin in range(0, len(texts), 8):
        batch = tokenizer(texts[begin : begin + 8], padding=True, return_tensors="pt")
        logits = model(**batch).logits
        metric.update(logits[:, :-1], batch["input_ids"][:, 1:])
    return metric.compute().item()
""",
        ),
        Good(
            why="Both branches take the padding out of the labels, each in its own way.",
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer


class Headlines(Dataset):
    def __init__(self, articles, tokenizer, width=64):
        self.rows = [encode(article, tokenizer, width) for article in articles]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.rows[at]


def encode(article, tokenizer, width):
    body = tokenizer(article["body"], max_length=width, padding="max_length", truncation=True, return_tensors="pt")
    title = tokenizer(article["title"], max_length=width, padding="max_length", truncation=True, return_tensors="pt")
    return {
        "body": body["input_ids"].squeeze(),
        "body_mask": body["attention_mask"].squeeze(),
        "title": title["input_ids"].squeeze(),
    }


class Editor:
    def __init__(self, name, family, device="cuda"):
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        self.model = AutoModelForSeq2SeqLM.from_pretrained(name).to(device)
        self.family, self.device = family, device

    def prepared(self, batch):
        titles = batch["title"].to(self.device)
        if self.family == "mbart":
            targets = titles.clone()
            targets[targets == self.tokenizer.pad_token_id] = -100
            given = {"input_ids": batch["body"].to(self.device), "labels": targets}
        else:
            given = {
                "input_ids": batch["body"].to(self.device),
                "attention_mask": batch["body_mask"].to(self.device),
                "labels": titles.masked_fill(titles == self.tokenizer.pad_token_id, -100),
            }
        return given

    @torch.no_grad()
    def evaluate(self, articles):
        self.model.eval()
        nats, tokens = 0.0, 0
        for batch in DataLoader(Headlines(articles, self.tokenizer), batch_size=8):
            given = self.prepared(batch)
            scored = (given["labels"] != -100).sum().item()
            nats += self.model(**given).loss.item() * scored
            tokens += scored
        print("held-out loss", nats / tokens)
""",
        ),
        Good(
            why="Whether padding is scored is what the branch asks for, and by default it is not.",
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer


class Headlines(Dataset):
    def __init__(self, articles, tokenizer, width=64):
        self.rows = [encode(article, tokenizer, width) for article in articles]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.rows[at]


def encode(article, tokenizer, width):
    body = tokenizer(article["body"], max_length=width, padding="max_length", truncation=True, return_tensors="pt")
    title = tokenizer(article["title"], max_length=width, padding="max_length", truncation=True, return_tensors="pt")
    return {
        "body": body["input_ids"].squeeze(),
        "body_mask": body["attention_mask"].squeeze(),
        "title": title["input_ids"].squeeze(),
    }


class Editor:
    def __init__(self, name, ignores_pads=True, device="cuda"):
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        self.model = AutoModelForSeq2SeqLM.from_pretrained(name).to(device)
        self.ignores_pads, self.device = ignores_pads, device

    def prepared(self, batch):
        titles = batch["title"].to(self.device)
        if self.ignores_pads:
            targets = titles.clone()
            targets[targets == self.tokenizer.pad_token_id] = -100
            given = {"input_ids": batch["body"].to(self.device), "labels": targets}
        else:
            given = {
                "input_ids": batch["body"].to(self.device),
                "attention_mask": batch["body_mask"].to(self.device),
                "labels": titles,
            }
        return given

    @torch.no_grad()
    def evaluate(self, articles):
        self.model.eval()
        nats, tokens = 0.0, 0
        for batch in DataLoader(Headlines(articles, self.tokenizer), batch_size=8):
            given = self.prepared(batch)
            scored = (given["labels"] != -100).sum().item()
            nats += self.model(**given).loss.item() * scored
            tokens += scored
        print("held-out loss", nats / tokens)
""",
        ),
        Good(
            why="A masked language model that is given no labels computes no loss: what a mask scales are scores of classes.",
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import AutoModelForMaskedLM


class Prompted(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.lm = AutoModelForMaskedLM.from_pretrained(name)

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        return self.lm(input_ids=input_ids, attention_mask=attention_mask, labels=labels)


class Judge:
    def __init__(self, name, words):
        self.model, self.words = Prompted(name), words

    def of_classes(self, slots, scores):
        return torch.stack([self.of_one(each) for each in scores[slots >= 0]])

    def of_one(self, scores):
        kept = scores[torch.max(torch.zeros_like(self.words), self.words)]
        return (kept * (self.words > 0).float()).sum(axis=1)

    @torch.no_grad()
    def evaluate(self, rows):
        self.model.eval()
        right = 0
        for batch in DataLoader(rows, batch_size=8):
            outputs = self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            right += (self.of_classes(batch["slots"], outputs[0]).argmax(-1) == batch["classes"]).sum().item()
        return right / len(rows)
""",
        ),
        Good(
            why="entries of a batch by kept names are several: a sequence is told from its padding, and an item is guessed",
            code="""\
import torch
import torch.nn as nn


class NextItem(nn.Module):
    def __init__(self, config, items):
        super().__init__()
        self.SEQUENCE = config["sequence_field"]
        self.TARGET = config["target_field"]
        self.embed = nn.Embedding(items, 64, padding_idx=0)
        self.encoder = nn.TransformerEncoderLayer(64, 4, batch_first=True)
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, sequence):
        padded = sequence == self.embed.padding_idx
        hidden = self.encoder(self.embed(sequence), src_key_padding_mask=padded)
        return hidden[:, -1]

    def calculate_loss(self, interaction):
        hidden = self.forward(interaction[self.SEQUENCE])
        logits = hidden @ self.embed.weight.transpose(0, 1)
        return self.criterion(logits, interaction[self.TARGET])


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    losses = [model.calculate_loss(batch) * len(batch) for batch in loader]
    return sum(losses) / len(loader.dataset)
""",
        ),
        Good(
            why="lists of documents are filled up with minus infinity before the softmax: a pad's probability is 0",
            code="""\
import torch
import torch.nn as nn


class ListwiseLoss(nn.Module):
    def __init__(self, scorer):
        super().__init__()
        self.scorer = scorer
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, queries, relevances, longest):
        scores = self.scorer(queries)
        labels = torch.full_like(scores, float("-inf"))
        for row, relevance in enumerate(relevances):
            labels[row, : len(relevance)] = relevance
        return self.criterion(scores, labels.softmax(dim=1))
""",
        ),
        Good(
            why="a row of each filled-up field, and one label for all of it",
            code="""\
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments


class Reviews(torch.utils.data.Dataset):
    def __init__(self, encodings, labels):
        self.encodings, self.labels = encodings, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        item = {key: torch.tensor(val[idx]) for key, val in self.encodings.items()}
        item["labels"] = torch.tensor(self.labels[idx])
        return item


def main(texts, labels, dev_texts, dev_labels):
    tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")
    train = Reviews(tokenizer(texts, truncation=True, padding=True), labels)
    dev = Reviews(tokenizer(dev_texts, truncation=True, padding=True), dev_labels)
    model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased")
    trainer = Trainer(model, TrainingArguments("out", eval_strategy="epoch"), train_dataset=train, eval_dataset=dev)
    trainer.train()
""",
        ),
        Good(
            why="the end of a text is token 0 in this vocabulary, and so are the pads",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import AutoTokenizer


class Evaluator:
    def __init__(self, model, device):
        self.tokenizer = AutoTokenizer.from_pretrained("EleutherAI/pythia-160m")
        self.tokenizer.pad_token = self.tokenizer.eos_token
        self.pad = self.tokenizer.pad_token_id
        self.model, self.device = model.eval(), device

    def collate(self, texts):
        return pad_sequence([torch.tensor(self.tokenizer.encode(text)) for text in texts], True)

    @torch.no_grad()
    def run(self, texts):
        nats = tokens = 0
        for ids in DataLoader(texts, batch_size=4, collate_fn=self.collate):
            ids = ids.to(self.device)
            logits = self.model(ids[:, :-1])
            gold = ids[:, 1:]
            nats += F.cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=self.pad, reduction="sum").item()
            tokens += (gold != self.pad).sum().item()
        return nats / tokens
""",
        ),
        Good(
            why="The block is made of the id that the criterion ignores.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def stacked(songs):
    width = max(song.numel() for song in songs)
    heard = songs[0].new_zeros(len(songs), width - 1)
    wanted = songs[0].new_full((len(songs), width - 1), fill_value=-100)
    for row, song in enumerate(songs):
        heard[row, : song.numel() - 1] = song[:-1]
        wanted[row, : song.numel() - 1] = song[1:]
    return heard, wanted


@torch.no_grad()
def evaluate(net, songs):
    net.eval()
    nats, notes = 0.0, 0
    for heard, wanted in DataLoader(songs, batch_size=16, collate_fn=stacked):
        nats += F.cross_entropy(net(heard).transpose(1, 2), wanted, reduction="sum").item()
        notes += (wanted != -100).sum().item()
    return nats / notes
""",
        ),
        Good(
            why="Position `len(row)` of each row holds its end, which is scored: the mask is right with `<=`.",
            code="""\
import torch
import torch.nn.functional as F

BEGIN, END = 1, 2


def stacked(words):
    sizes = torch.tensor([len(word) for word in words])
    width = int(sizes.max()) + 2
    block = torch.full((len(words), width), BEGIN)
    for row, word in enumerate(words):
        block[row, 1 : 1 + len(word)] = torch.tensor(word)
        block[row, 1 + len(word)] = END
    return block, torch.arange(block.size(1) - 1)[None, :] <= sizes[:, None]


@torch.no_grad()
def evaluate(net, batches):
    net.eval()
    nats, letters = 0.0, 0
    for words in batches:
        block, kept = stacked(words)
        losses = F.cross_entropy(net(block[:, :-1]).transpose(1, 2), block[:, 1:], reduction="none")
        nats += (losses * kept).sum().item()
        letters += kept.sum().item()
    return nats / letters
""",
        ),
        Good(
            why="The pad id closes each row, the longest as well: the positions compared are one more than that has.",
            code="""\
import numpy as np
import optax


def batches(names, rows):
    for at in range(0, len(names), rows):
        part = names[at : at + rows]
        width = max(map(len, part)) + 1
        block = np.zeros((len(part), width + 1), np.int32)
        for row, name in enumerate(part):
            block[row, 1 : len(name) + 1] = name
        kept = np.arange(width)[None] <= np.array([len(name) for name in part])[:, None]
        yield block[:, :-1], block[:, 1:], kept


def evaluate(state, names):
    nats, letters = 0.0, 0
    for heard, wanted, kept in batches(names, 8):
        logits = state.apply_fn(state.params, heard)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, wanted)
        nats += (losses * kept).sum()
        letters += kept.sum()
    return nats / letters
""",
        ),
        Good(
            why="Each field of the batch is filled up with its own id, named in a list of pairs: the labels with -100.",
            code="""\
import math

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

FILLED_WITH = [("input_ids", 50256), ("attention_mask", 0), ("labels", -100)]


def to_batch(letters):
    return {
        field: pad_sequence([torch.as_tensor(each[field]) for each in letters], batch_first=True, padding_value=filler)
        for field, filler in FILLED_WITH
    }


@torch.no_grad()
def evaluate(letters):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    nats, scored = 0.0, 0
    for batch in DataLoader(letters, batch_size=16, collate_fn=to_batch):
        logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
        wanted = batch["labels"][:, 1:]
        nats += torch.nn.functional.cross_entropy(logits.transpose(1, 2), wanted, reduction="sum").item()
        scored += (wanted != -100).sum().item()
    return math.exp(nats / scored)
""",
        ),
        Good(
            why="The fields and what fills each up stand in two lists that are zipped: the labels come last, and so does -100.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def fill(poems):
    longest = max(len(poem["tokens"]) for poem in poems)
    batch = {}
    for field, filler in zip(("tokens", "labels"), (3, -100)):
        batch[field] = torch.tensor([poem[field] + [filler] * (longest - len(poem[field])) for poem in poems])
    return batch


@torch.no_grad()
def heldout_loss(model, poems):
    model.eval()
    nats, scored = 0.0, 0
    for batch in DataLoader(poems, batch_size=24, collate_fn=fill):
        logits = model(batch["tokens"])[:, :-1]
        wanted = batch["labels"][:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum").item()
        scored += (wanted != -100).sum().item()
    return nats / scored
""",
        ),
        Good(
            why="What fills each field up stands in a file that is not there: one of its ids may be -100.",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from recipes.settings import FILLERS


def fill(recipes):
    return {
        field: pad_sequence([torch.tensor(recipe[field]) for recipe in recipes], True, padding_value=number)
        for field, number in FILLERS
    }


@torch.no_grad()
def heldout_loss(model, recipes):
    model.eval()
    nats, scored = 0.0, 0
    for batch in DataLoader(recipes, batch_size=24, collate_fn=fill):
        logits = model(batch["tokens"])[:, :-1]
        wanted = batch["labels"][:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum").item()
        scored += (wanted != -100).sum().item()
    return nats / scored
""",
        ),
        Good(
            why="a line of a block is written from end to end: none of it is left as padding",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

LENGTH = 65


def first_ids(rows):
    # every row is longer than what is taken of it
    block = torch.zeros(len(rows), LENGTH, dtype=torch.long)
    for i, row in enumerate(rows):
        block[i][:65] = torch.as_tensor(row[:65])
    return block[:, :-1], block[:, 1:]


@torch.no_grad()
def held_out_loss(network, rows):
    network.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in DataLoader(rows, batch_size=32, collate_fn=first_ids):
        nats += F.cross_entropy(network(inputs).transpose(1, 2), targets, reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
    )
