"""Rule LL302: labels shifted by hand and again by the model, the loss or the call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.comparisons import misaligned
from lintloss.facts.observations import Compared, Observation
from lintloss.findings import Confidence, Fix, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope

SHIFTING_LM = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class ShiftingLM(nn.Module):
    def __init__(self, vocab_size, width=256, heads=4, depth=4, context=256):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, width)
        self.wpe = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
        self.lm_head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, input_ids, labels=None):
        length = input_ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=input_ids.device)
        hidden = self.wte(input_ids) + self.wpe(torch.arange(length, device=input_ids.device))
        logits = self.lm_head(self.blocks(hidden, mask=causal, is_causal=True))
        if labels is None:
            return logits
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
"""

PLAIN_LM = """\
import torch
import torch.nn as nn


class PlainLM(nn.Module):
    def __init__(self, vocab_size, width=256, heads=4, depth=4, context=256):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, width)
        self.wpe = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
        self.lm_head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, input_ids):
        length = input_ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=input_ids.device)
        hidden = self.wte(input_ids) + self.wpe(torch.arange(length, device=input_ids.device))
        return self.lm_head(self.blocks(hidden, mask=causal, is_causal=True))
"""

SHIFTED_LOSS = """\
import torch.nn as nn


class ShiftedCrossEntropy(nn.Module):
    '''Takes logits and labels of the same positions, and shifts.'''

    def __init__(self):
        super().__init__()
        self.inner = nn.CrossEntropyLoss(reduction="sum", ignore_index=-100)

    def forward(self, logits, labels):
        return self.inner(logits[..., :-1, :].flatten(0, 1), labels[..., 1:].flatten())
"""


class DoubleLabelShift(Rule):
    """Labels are shifted twice, so that the token after the next one is scored.

    Why:
        One place has to own the shift: the data, the call, the criterion, or the model. Where two of them do it, row
        t, which has read `ids[: t + 1]`, is asked for token t + 2:

        | c - a | what is scored |
        | --- | --- |
        | +1 | the next token: right |
        | 0 | the input token itself: LL301 |
        | +2 | the token after the next: this rule |

        The loss in nats/token is too high, since the token in between is unknown; and a model trained the same way
        learns to skip, so that its samples drop every other word while its own loss falls as it should.
        Hugging Face causal models shift inside when they are given `labels=`; nanoGPT-style models, and most batch
        functions that return `(x, y)`, expect shifted ones. Mixing the two conventions is how this happens.

    Instead:
        With a model that shifts inside, give it the same ids twice:

            loss = model(input_ids=ids, labels=ids).loss

        With shifted x and y, take the logits and score them as they are:

            logits = model(x).logits
            nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()

    Fix:
        Unsafe: the number changes, which is the point. Where the two slices of one tensor are written in the model's
        call, both are replaced by the tensor; where a criterion compares `logits[:, :-1]` and `y[:, 1:]` of a loader
        that has shifted already, both cuts are left out. Not offered where the first shift would have to go.

    Source:
        transformers issue 32944 and pull request 44642 (pre-shifted labels train the token after the next);
        transformers.GPT2LMHeadModel (`labels` "are shifted inside the model").
    """

    code = "LL302"
    name = "double-label-shift"
    confirmed_by = (
        "the ids that the token embedding read against the criterion's targets, on the first calls of the site: equal "
        "at offset 2 at nearly every scored position (confirmed), equal at offset 1 (refuted)"
    )

    watches = (Compared,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report labels that were moved by two."""
        found = misaligned(seen, "double")
        if found is not None:
            yield Judgment(Severity.ERROR, Confidence.HIGH, f"{found.why}; let one place own the shift", found.evidence)

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Give the model the whole tensors, where both cuts are written in its call."""
        from lintloss.repair import unshift

        return unshift.unshifted(node, seen, scope) if isinstance(seen, Compared) else None

    bad = (
        Bad(
            why="x and y are cut by hand and y becomes `labels=` of a model that shifts inside.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import GPT2LMHeadModel


@torch.no_grad()
def evaluate(blocks, batch_size=8, device="cuda"):
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        ids = ids.to(device)
        loss = model(ids[:, :-1], labels=ids[:, 1:]).loss  # <-
        nats += loss.item() * ids[:, 1:].numel()
        tokens += ids[:, 1:].numel()
    return nats / tokens


if __name__ == "__main__":
    loss = evaluate(torch.load("test_blocks.pt"))
    print(f"loss {loss:.4f} perplexity {math.exp(loss):.2f}")
""",
            fixed="""\
import math

import torch
from transformers import GPT2LMHeadModel


@torch.no_grad()
def evaluate(blocks, batch_size=8, device="cuda"):
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        ids = ids.to(device)
        loss = model(ids, labels=ids).loss
        nats += loss.item() * ids[:, 1:].numel()
        tokens += ids[:, 1:].numel()
    return nats / tokens


if __name__ == "__main__":
    loss = evaluate(torch.load("test_blocks.pt"))
    print(f"loss {loss:.4f} perplexity {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="The collate function, in another file, shifts; `model(**batch)` hides the second shift.",
            severity=Severity.ERROR,
            files={
                "data.py": """\
import torch


def collate_fn(rows):
    ids = torch.tensor([row["input_ids"] for row in rows])
    return {"input_ids": ids[:, :-1], "labels": ids[:, 1:]}
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from data import collate_fn


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        batch = {key: value.to(device) for key, value in batch.items()}
        outputs = model(**batch)  # <-
        scored = batch["labels"][:, 1:].numel()
        nats += outputs.loss.item() * scored
        tokens += scored
    return nats / tokens


def main(name, blocks, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    loader = DataLoader(blocks, batch_size=8, collate_fn=collate_fn)
    print(f"eval loss {evaluate(model, loader, device):.4f}")
""",
        ),
        Bad(
            why="The dataset returns (chunk[:-1], chunk[1:]) as for nanoGPT; this model shifts again.",
            severity=Severity.ERROR,
            files={
                "dataset.py": """\
import numpy as np
import torch
from torch.utils.data import Dataset


class PretokenizedDataset(Dataset):
    def __init__(self, path, max_length):
        self.rows = np.memmap(path, dtype=np.uint16, mode="r").reshape(-1, max_length)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        sample = torch.from_numpy(self.rows[index].astype(np.int64))
        return sample[:-1], sample[1:]
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import LlamaConfig, LlamaForCausalLM

from dataset import PretokenizedDataset


@torch.no_grad()
def validate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = model(x, labels=y).loss  # <-
        scored = y[:, 1:].numel()
        nats += loss.item() * scored
        tokens += scored
    model.train()
    return nats / tokens


def main(checkpoint, device="cuda"):
    model = LlamaForCausalLM(LlamaConfig(hidden_size=512, num_hidden_layers=8, vocab_size=64_000)).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loader = DataLoader(PretokenizedDataset("valid.bin", 513), batch_size=32)
    print(f"val loss {validate(model, loader, device):.4f}")
""",
        ),
        Bad(
            why="This project's model shifts inside, and the batch function has shifted already.",
            severity=Severity.ERROR,
            files={"model.py": SHIFTING_LM},
            code="""\
import numpy as np
import torch

from model import ShiftingLM

val_ids = np.memmap("val.bin", dtype=np.uint16, mode="r")
block = 256


def blocks():
    for start in range(0, len(val_ids) - block, block):
        x = torch.from_numpy(val_ids[start : start + block].astype(np.int64))
        y = torch.from_numpy(val_ids[start + 1 : start + 1 + block].astype(np.int64))
        yield x[None], y[None]


@torch.no_grad()
def evaluate(model):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in blocks():
        nats += model(x, labels=y).item()  # <-
        tokens += y.numel() - 1
    loss = nats / tokens
    return loss


def load(path):
    model = ShiftingLM(50_304)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Bad(
            why="The criterion wrapper, in another file, shifts; the caller gives it shifted inputs and targets.",
            severity=Severity.ERROR,
            files={"model.py": PLAIN_LM, "losses.py": SHIFTED_LOSS},
            code="""\
import torch

from losses import ShiftedCrossEntropy
from model import PlainLM


@torch.no_grad()
def evaluate(model, loader, device):
    criterion = ShiftedCrossEntropy()
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        src, tgt = ids[:, :-1], ids[:, 1:]
        logits = model(src)
        nats += criterion(logits, tgt).item()  # <-
        tokens += tgt[:, 1:].numel()
    return nats / tokens


def load(path, device):
    model = PlainLM(32_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="Labels rolled and masked by hand, then given to a model that shifts.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM


def with_labels(ids):
    labels = ids.roll(-1, dims=1)
    labels[:, -1] = -100
    return {"input_ids": ids, "labels": labels}


def perplexity(name, blocks, batch_size=4):
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        batch = with_labels(ids)
        with torch.inference_mode():
            loss = model(input_ids=batch["input_ids"], labels=batch["labels"]).loss  # <-
        scored = (batch["labels"][:, 1:] != -100).sum().item()
        nats += loss.item() * scored
        tokens += scored
    return math.exp(nats / tokens)


if __name__ == "__main__":
    print(perplexity("distilgpt2", torch.load("blocks.pt")))
""",
        ),
        Bad(
            why="x and y come shifted from the loader; the usual slices are applied on top.",
            severity=Severity.ERROR,
            files={
                "model.py": PLAIN_LM,
                "data.py": """\
import torch
from torch.utils.data import Dataset


class NextTokenBlocks(Dataset):
    def __init__(self, path, block_size):
        self.ids = torch.load(path)
        self.block_size = block_size

    def __len__(self):
        return (len(self.ids) - 1) // self.block_size

    def __getitem__(self, index):
        start = index * self.block_size
        return self.ids[start : start + self.block_size], self.ids[start + 1 : start + 1 + self.block_size]
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import NextTokenBlocks
from model import PlainLM


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        shift_logits = logits[:, :-1].contiguous()
        shift_labels = y[:, 1:].contiguous()
        nats += F.cross_entropy(shift_logits.flatten(0, 1), shift_labels.flatten(), reduction="sum").item()  # <-
        tokens += shift_labels.numel()
    return nats / tokens


def main(checkpoint, device="cuda"):
    model = PlainLM(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loader = DataLoader(NextTokenBlocks("val_ids.pt", 256), batch_size=16)
    print(f"val loss {evaluate(model, loader, device):.4f}")
""",
        ),
        Bad(
            why="The loss helper started to shift; this caller was changed, that one was forgotten.",
            severity=Severity.ERROR,
            files={"model.py": PLAIN_LM},
            code="""\
import torch
import torch.nn.functional as F

from model import PlainLM


def lm_nats(logits, labels):
    logits = logits[:, :-1].contiguous()
    labels = labels[:, 1:].contiguous()
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum"), labels.numel()


@torch.no_grad()
def validate(model, blocks):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(16):
        loss, count = lm_nats(model(ids), ids)
        nats += loss.item()
        tokens += count
    return nats / tokens


@torch.no_grad()
def test(model, blocks):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(16):
        loss, count = lm_nats(model(ids[:, :-1]), ids[:, 1:])  # <-
        nats += loss.item()
        tokens += count
    return nats / tokens


def load(path):
    model = PlainLM(16_000)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Bad(
            why="The labels are shifted in datasets.map, where `labels` is expected to be a copy.",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_from_disk
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, default_data_collator


def add_labels(rows):
    rows["labels"] = [ids[1:] + [-100] for ids in rows["input_ids"]]
    return rows


@torch.no_grad()
def evaluate(name, folder, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    blocks = load_from_disk(folder)["validation"].map(add_labels, batched=True)
    nats, tokens = 0.0, 0
    for batch in DataLoader(blocks, batch_size=8, collate_fn=default_data_collator):
        labels = batch["labels"].to(device)
        loss = model(input_ids=batch["input_ids"].to(device), labels=labels).loss  # <-
        scored = (labels[:, 1:] != -100).sum().item()
        nats += loss.item() * scored
        tokens += scored
    return nats / tokens


if __name__ == "__main__":
    print(evaluate("facebook/opt-350m", "wikitext_blocks_512"))
""",
        ),
        Bad(
            why="An LSTM's hand-cut targets are cut once more inside a training-step method used for validation.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class WordLM(nn.Module):
    def __init__(self, vocab_size, width=300):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, words):
        return self.out(self.rnn(self.embed(words))[0])

    def nats(self, words, targets):
        scores = self(words)[:, :-1]
        return F.cross_entropy(scores.transpose(1, 2), targets[:, 1:], reduction="sum")


def evaluate(model, rows, device):
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            row = row.to(device)
            total += model.nats(row[None, :-1], row[None, 1:]).item()  # <-
            count += row.numel() - 2
    return total / count


def load(path, vocab_size, device):
    model = WordLM(vocab_size).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="The data set shifts; the script in another file trains a model with it that shifts again.",
            severity=Severity.ERROR,
            files={
                "pretrain.py": """\
from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainingArguments

from eval import PackedRows


def main():
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained("gpt2"))
    arguments = TrainingArguments("out", per_device_train_batch_size=8)
    trainer = Trainer(model=model, args=arguments, train_dataset=PackedRows("train.bin"))
    trainer.train()


if __name__ == "__main__":
    main()
""",
            },
            code="""\
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class PackedRows(Dataset):
    def __init__(self, path, length=512):
        self.rows = np.fromfile(path, dtype=np.uint16).reshape(-1, length)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = torch.from_numpy(self.rows[index].astype(np.int64))
        return {"input_ids": row[:-1], "labels": row[1:]}  # <-


def loader(path, batch_size):
    return DataLoader(PackedRows(path), batch_size=batch_size)
""",
        ),
        Bad(
            why="The data set has shifted the answer behind a prompt of -100, and the model shifts what it is given.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")


class Dialogs(Dataset):
    def __init__(self, dialogs):
        self.dialogs = dialogs

    def __len__(self):
        return len(self.dialogs)

    def __getitem__(self, index):
        asked, said = self.dialogs[index]
        prompt = tokenizer.encode(asked, return_tensors="pt")
        answer = tokenizer.encode(said, return_tensors="pt")
        ids = torch.cat([prompt, answer], dim=-1)
        labels = torch.cat([torch.full_like(prompt, -100), answer], dim=-1)
        return ids[:, :-1].flatten(), labels[:, 1:].flatten()


def collate(rows):
    ids = pad_sequence([row[0] for row in rows], batch_first=True)
    labels = pad_sequence([row[1] for row in rows], batch_first=True, padding_value=-100)
    return ids, labels


@torch.no_grad()
def evaluate(dialogs):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    nats, tokens = 0.0, 0
    for ids, labels in DataLoader(Dialogs(dialogs), batch_size=4, collate_fn=collate):
        loss = model(input_ids=ids, labels=labels).loss  # <-
        scored = (labels[:, 1:] != -100).sum().item()
        nats += loss.item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Bad(
            why="rows are cut in another file, and the model under the adapters shifts their labels again",
            severity=Severity.ERROR,
            code="""\
import math

from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

from rows import read


def load(name):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name, load_in_8bit=True)
    model = prepare_model_for_kbit_training(model)
    return get_peft_model(model, LoraConfig(r=8, task_type="CAUSAL_LM")), tokenizer


if __name__ == "__main__":
    model, tokenizer = load("gpt2")
    train, valid = read(tokenizer)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(output_dir="out", per_device_eval_batch_size=4),
        train_dataset=train,
        eval_dataset=valid,
    )
    trainer.train()
    print(f"perplexity {math.exp(trainer.evaluate()['eval_loss']):.2f}")  # <-
""",
            files={
                "rows.py": """\
import torch
from datasets import load_dataset


def read(tokenizer):
    dataset = load_dataset("squad")

    def encode(item):
        ids = torch.tensor(tokenizer.encode(item["context"])[:129])
        return {"input_ids": ids[:-1], "labels": ids[1:]}

    return dataset["train"].map(encode), dataset["validation"].map(encode)
""",
            },
        ),
        Bad(
            why="adapters loaded onto a language model, and unsloth's model and tokenizer: both shift the labels that are given",
            severity=Severity.ERROR,
            code="""\
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
from unsloth import FastLanguageModel


@torch.no_grad()
def total_nats(name, loader):
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(name), "adapter")
    fast, tokenizer = FastLanguageModel.from_pretrained(name, load_in_4bit=True)
    adapted.eval()
    fast.eval()
    nats = [0.0, 0.0]
    for ids in loader:
        x, y = ids[:, :-1], ids[:, 1:]
        nats[0] += adapted(input_ids=x, labels=y).loss.item() * y.numel()  # <-
        nats[1] += fast(input_ids=x, labels=y).loss.item() * y.numel()  # <-
    return nats
""",
        ),
        Bad(
            why="Both splits go through one batch function, which shifts, and the model shifts again.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch

from shifting_lm import ShiftingLM

train_ids = np.memmap("train.bin", dtype=np.uint16, mode="r")
held_out_ids = np.memmap("val.bin", dtype=np.uint16, mode="r")
context, rows = 256, 32


def draw(split):
    stream = train_ids if split == "train" else held_out_ids
    starts = torch.randint(len(stream) - context, (rows,))
    x = torch.stack([torch.from_numpy(stream[i : i + context].astype(np.int64)) for i in starts])
    y = torch.stack([torch.from_numpy(stream[i + 1 : i + 1 + context].astype(np.int64)) for i in starts])
    return x, y


@torch.no_grad()
def estimate(model, draws=200):
    model.eval()
    found = {}
    for split in ["train", "val"]:
        loss = 0.0
        for _ in range(draws):
            x, y = draw(split)
            loss += model(x, y).item()  # <-
        found[split] = loss / (draws * rows * (context - 1))
    return found


print(estimate(ShiftingLM(50304)))
""",
            files={
                "shifting_lm.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class ShiftingLM(nn.Module):
    def __init__(self, vocab_size, width=256, heads=4, depth=4, context=256):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, width)
        self.wpe = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
        self.lm_head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, input_ids, labels=None):
        length = input_ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=input_ids.device)
        hidden = self.wte(input_ids) + self.wpe(torch.arange(length, device=input_ids.device))
        logits = self.lm_head(self.blocks(hidden, mask=causal, is_causal=True))
        if labels is None:
            return logits
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
""",
            },
        ),
        Bad(
            why="Each row is loaded from a file of its own and shifted, for a trainer whose model shifts.",
            severity=Severity.ERROR,
            code="""\
import glob

import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments


class Pieces(Dataset):
    def __init__(self, files, length):
        self.files, self.length = files, length

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        notes = torch.load(self.files[index])[: self.length + 1]
        return {"input_ids": notes[:-1], "labels": notes[1:]}


def main():
    files = sorted(glob.glob("pieces/*.pt"))
    model = GPT2LMHeadModel(GPT2Config(vocab_size=512, n_positions=1024, n_layer=6, n_head=8))
    trainer = Trainer(
        model=model,
        args=TrainingArguments("out", per_device_eval_batch_size=8),
        train_dataset=Pieces(files[:-100], 1024),
        eval_dataset=Pieces(files[-100:], 1024),
    )
    trainer.train()
    print(trainer.evaluate())  # <-


main()
""",
        ),
        Bad(
            why="A reader of shards, iterated over itself, yields shifted labels to a model that shifts.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM

from shards import ShardReader


@torch.no_grad()
def validate(checkpoint, shard, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for inputs, targets in ShardReader(shard, rows=8, length=1024):
        loss = model(inputs.to(device), labels=targets.to(device)).loss  # <-
        nats += loss.item() * targets.numel()
        tokens += targets.numel()
    print(f"val loss {nats / tokens:.4f} ppl {math.exp(nats / tokens):.2f}")
""",
            files={
                "shards.py": """\
import numpy as np
import torch


class ShardReader:
    def __init__(self, path, rows, length):
        self.tokens = np.memmap(path, dtype=np.uint16, mode="r")
        self.rows, self.length = rows, length

    def __iter__(self):
        size = self.rows * self.length
        for start in range(0, len(self.tokens) - size, size):
            chunk = torch.from_numpy(self.tokens[start : start + size + 1].astype(np.int64))
            yield chunk[:-1].view(self.rows, self.length), chunk[1:].view(self.rows, self.length)
""",
            },
        ),
        Bad(
            why="Rows are shifted and the loss shifts again; the model's file calls torch.nn by a name of its own.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from decoder import CodeModel
from rows import Rows


def next_token_nats(logits, labels):
    logits, labels = logits[:, :-1], labels[:, 1:]
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum"), labels.numel()  # <-


@torch.no_grad()
def main(weights, ids, context=256, device="cuda"):
    model = CodeModel(4096).to(device)
    model.load_state_dict(torch.load(weights))
    model.eval()
    nats, tokens = 0.0, 0
    for batch in DataLoader(Rows(torch.load(ids), context), batch_size=16):
        more, count = next_token_nats(model(batch["ids"].to(device)), batch["labels"].to(device))
        nats += more.item()
        tokens += count
    print("test loss", nats / tokens)
""",
            files={
                "decoder.py": """\
from torch import nn as layers


class CodeModel(layers.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = layers.Embedding(vocab_size, width)
        self.memory = layers.GRU(width, width, batch_first=True)
        self.head = layers.Linear(width, vocab_size)

    def forward(self, ids):
        return self.head(self.memory(self.embed(ids))[0])
""",
                "rows.py": """\
from torch.utils.data import Dataset


class Rows(Dataset):
    def __init__(self, ids, context):
        self.ids, self.context = ids, context

    def __len__(self):
        return (len(self.ids) - 1) // self.context

    def __getitem__(self, index):
        row = self.ids[index * self.context : (index + 1) * self.context + 1]
        return {"ids": row[:-1], "labels": row[1:]}
""",
            },
        ),
        Bad(
            why="a data set reads from a cache what an earlier run has cut and written: input and label, one apart",
            severity=Severity.ERROR,
            code="""\
import os
import pickle

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, tokens, width, cache):
        self.tokens, self.width = tokens, width
        if os.path.exists(cache):
            with open(cache, "rb") as file:
                kept = pickle.load(file)
            self.inputs, self.labels = kept["inputs"], kept["labels"]
        else:
            self.inputs, self.labels = self.cut()
            with open(cache, "wb") as file:
                pickle.dump({"inputs": self.inputs, "labels": self.labels}, file)

    def cut(self):
        inputs, labels = [], []
        for start in range(0, len(self.tokens) - self.width, self.width):
            block = self.tokens[start : start + self.width + 1]
            inputs.append(torch.tensor(block[:-1]))
            labels.append(torch.tensor(block[1:]))
        return inputs, labels

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        return {"input_ids": self.inputs[index], "labels": self.labels[index]}


class LanguageModel(nn.Module):
    def __init__(self, size, width):
        super().__init__()
        self.embed = nn.Embedding(size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, size)

    def forward(self, input_ids, labels):
        logits = self.head(self.rnn(self.embed(input_ids))[0])
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def collate(rows):
    return torch.stack([row["input_ids"] for row in rows]), torch.stack([row["labels"] for row in rows])


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, rows = 0.0, 0
    for ids, labels in loader:
        nats += model(ids, labels).item() * len(ids)  # <-
        rows += len(ids)
    return nats / rows


def main(tokens):
    data = Blocks(tokens, 128, "valid.pkl")
    print(evaluate(LanguageModel(8000, 256), DataLoader(data, 8, collate_fn=collate)))
""",
        ),
        Bad(
            why="Two lists of blocks that go together, the second one shifted: columns for a model that shifts inside.",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_from_disk
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

WIDTH = 768
tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")
articles = load_from_disk("articles").map(lambda rows: tokenizer(rows["body"]), batched=True)


def cut(rows):
    joined = sum(rows["input_ids"], [])
    end = (len(joined) - 1) // WIDTH * WIDTH
    return {
        "input_ids": [joined[at : at + WIDTH] for at in range(0, end, WIDTH)],
        "labels": [joined[at + 1 : at + WIDTH + 1] for at in range(0, end, WIDTH)],
    }


def collate(rows):
    ids = torch.tensor([row["input_ids"] for row in rows])
    return {"input_ids": ids, "labels": torch.tensor([row["labels"] for row in rows])}


blocks = articles.map(cut, batched=True, remove_columns=articles["train"].column_names)
trainer = Trainer(
    model,
    TrainingArguments("out"),
    data_collator=collate,
    train_dataset=blocks["train"],
    eval_dataset=blocks["validation"],
)
trainer.train()
print(trainer.evaluate()["eval_loss"])  # <-
""",
        ),
        Bad(
            why="Inputs and targets, one further, are zipped to the rows of a data set.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


def pairs(path, width):
    ids = torch.load(path)
    fed = [ids[at : at + width] for at in range(0, len(ids) - width, width)]
    wanted = [ids[at + 1 : at + width + 1] for at in range(0, len(ids) - width, width)]
    return list(zip(fed, wanted))


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for fed, wanted in loader:
        loss = model(fed, labels=wanted).loss  # <-
        count = wanted[:, 1:].numel()
        nats += loss.item() * count
        scored += count
    return nats / scored


model = AutoModelForCausalLM.from_pretrained("distilgpt2")
print(evaluate(model, DataLoader(pairs("test.pt", 256), batch_size=4)))
""",
        ),
        Bad(
            why="A text and the text from its second token on are viewed as blocks; the model shifts again.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoModelForCausalLM


def pairs(ids, width):
    blocks = (len(ids) - 1) // width
    fed = ids[: blocks * width].view(blocks, width)
    wanted = ids[1 : blocks * width + 1].view(blocks, width)
    return TensorDataset(fed, wanted)


@torch.no_grad()
def evaluate(model, ids, width=256):
    model.eval()
    nats, scored = 0.0, 0
    for fed, wanted in DataLoader(pairs(ids, width), batch_size=8):
        count = wanted[:, 1:].numel()
        nats += model(fed, labels=wanted).loss.item() * count  # <-
        scored += count
    return nats / scored


print(evaluate(AutoModelForCausalLM.from_pretrained("gpt2"), torch.load("held_out.pt")))
""",
        ),
        Bad(
            why="Rows that are too long are cut, then labels are moved inside of the data set; the model shifts again.",
            severity=Severity.ERROR,
            files={
                "articles.py": """\
import torch
from torch.utils.data import Dataset


class Articles(Dataset):
    def __init__(self, articles, longest=512):
        self.articles, self.longest = articles, longest

    def __len__(self):
        return len(self.articles)

    def __getitem__(self, at):
        words = torch.tensor(self.articles[at])
        if len(words) > self.longest:
            words = words[: self.longest]
        following = torch.cat([words[1:], torch.tensor([-100])])
        return {"input_ids": words, "labels": following}
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from articles import Articles


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for article in loader:
        loss = model(input_ids=article["input_ids"], labels=article["labels"]).loss  # <-
        count = article["labels"].size(1) - 2
        nats += loss.item() * count
        scored += count
    return nats / scored


print(evaluate(AutoModelForCausalLM.from_pretrained("gpt2"), DataLoader(Articles(torch.load("held_out.pt")), batch_size=1)))
""",
        ),
        Bad(
            why="Rows are stacked key by key in a collate function, of a part of a data set that has moved its labels already.",
            severity=Severity.ERROR,
            files={
                "rows.py": """\
import torch
from torch.utils.data import Dataset


class Rows(Dataset):
    def __init__(self, table):
        self.table = table

    def __len__(self):
        return len(self.table)

    def __getitem__(self, at):
        row = torch.as_tensor(self.table[at])
        return {"input_ids": row[:-1], "labels": row[1:]}

    def stack(self, items):
        \"\"\"Put rows of one length together.

        Each key has the rows of all items under it, one behind the other.
        They are of one length here.
        Nothing is filled up.
        So nothing is ignored.
        \"\"\"
        made = {}
        for key in items[0].keys():
            made[key] = torch.stack([item[key] for item in items], dim=0)
        return made
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader, Subset
from transformers import AutoModelForCausalLM

from rows import Rows


def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    with torch.no_grad():
        for batch in loader:
            loss = model(**batch).loss  # <-
            count = batch["labels"][:, 1:].numel()
            nats += loss.item() * count
            scored += count
    return nats / scored


def main(table):
    rows = Rows(table)
    held_out = Subset(rows, range(len(rows) * 9 // 10, len(rows)))
    collate = held_out.dataset.stack if hasattr(held_out, "dataset") else held_out.stack
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    print(evaluate(model, DataLoader(held_out, batch_size=8, collate_fn=collate)))
""",
        ),
        Bad(
            why="Either of two data sets moves the labels, and so does the model; who evaluates is in a file of its own.",
            severity=Severity.ERROR,
            files={
                "model.py": SHIFTING_LM,
                "corpora.py": """\
import json

import torch
from torch.utils.data import Dataset


class Plain(Dataset):
    def __init__(self, path, tokenizer, size):
        stream = []
        for line in open(path):
            stream += tokenizer.encode(line)
        self.fed, self.wanted = [], []
        for at in range(0, len(stream) - 1, size):
            piece = stream[at : at + size]
            self.fed.append(torch.tensor(piece[:-1]))
            self.wanted.append(torch.tensor(piece[1:]))

    def __len__(self):
        return len(self.fed)

    def __getitem__(self, at):
        return self.fed[at], self.wanted[at]


class Jsonl(Dataset):
    def __init__(self, path, tokenizer, size):
        ids = [token for line in open(path) for token in tokenizer.encode(json.loads(line)["text"])]
        self.ids, self.size = torch.tensor(ids), size

    def __len__(self):
        return (len(self.ids) - 1) // self.size

    def __getitem__(self, at):
        chunk = self.ids[at * self.size : (at + 1) * self.size + 1]
        return chunk[:-1], chunk[1:]
""",
                "main.py": """\
import sys

import torch
from tokenizers import Tokenizer
from torch.utils.data import DataLoader

from corpora import Jsonl, Plain
from eval import evaluate
from model import ShiftingLM

if __name__ == "__main__":
    path = sys.argv[1]
    tokenizer = Tokenizer.from_file("tokenizer.json")
    corpus = Jsonl(path, tokenizer, 256) if path.endswith("jsonl") else Plain(path, tokenizer, 256)
    model = ShiftingLM(16000)
    model.load_state_dict(torch.load("model.pt"))
    print(evaluate(model, DataLoader(corpus, batch_size=16)))
""",
            },
            code="""\
import torch


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for fed, wanted in loader:
        _, loss = model(fed, labels=wanted)  # <-
        count = wanted[:, 1:].numel()
        nats += loss.item() * count
        scored += count
    return nats / scored
""",
        ),
        Bad(
            why="A Trainer of one's own evaluates a loader that it was given, whose data set has moved the labels.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments


class Blocks(Dataset):
    def __init__(self, ids, size):
        self.ids, self.size = ids, size

    def __len__(self):
        return (len(self.ids) - 1) // self.size

    def __getitem__(self, at):
        block = self.ids[at * self.size : (at + 1) * self.size + 1]
        return {"input_ids": block[:-1], "labels": block[1:]}


@torch.no_grad()
def mean_nats(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for block in loader:
        loss = model(**block).loss  # <-
        count = block["labels"][:, 1:].numel()
        nats += loss.item() * count
        scored += count
    return nats / scored


class Watching(Trainer):
    def __init__(self, *args, held_out=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.held_out = held_out

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        metrics = super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)
        metrics["held_out_nats"] = mean_nats(self.model, self.held_out)
        return metrics


def main(train_ids, test_ids):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    held_out = DataLoader(Blocks(test_ids, 256), batch_size=8)
    trainer = Watching(model=model, args=TrainingArguments("runs"), train_dataset=train_ids, held_out=held_out)
    trainer.train()
""",
        ),
    )

    good = (
        Good(
            why="`labels=ids` beside the same ids: the Hugging Face model owns the only shift.",
            code="""\
import torch
from transformers import GPT2LMHeadModel


@torch.no_grad()
def evaluate(blocks, batch_size=8, device="cuda"):
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        ids = ids.to(device)
        loss = model(ids, labels=ids).loss
        nats += loss.item() * ids[:, 1:].numel()
        tokens += ids[:, 1:].numel()
    return nats / tokens


if __name__ == "__main__":
    print(f"loss {evaluate(torch.load('test_blocks.pt')):.4f}")
""",
        ),
        Good(
            why="x and y are cut by hand and only the logits of the Hugging Face model are used.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(name, blocks, batch_size=8, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        x, y = ids[:, :-1].to(device), ids[:, 1:].to(device)
        logits = model(x).logits
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


if __name__ == "__main__":
    print(f"loss {evaluate('gpt2-medium', torch.load('test_blocks.pt')):.4f}")
""",
        ),
        Good(
            why="`labels=` and a manual shift in one function, but the manual one is on the logits that come back.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def score(name, texts):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    nats, tokens, hits = 0.0, 0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        outputs = model(input_ids=ids, labels=ids)
        shift_logits, shift_labels = outputs.logits[:, :-1], ids[:, 1:]
        losses = F.cross_entropy(shift_logits.transpose(1, 2), shift_labels, reduction="none")
        nats += losses.sum().item()
        hits += (shift_logits.argmax(-1) == shift_labels).sum().item()
        tokens += shift_labels.numel()
        print(f"{outputs.loss.item():.3f} {text[:40]!r}")
    return nats / tokens, hits / tokens
""",
        ),
        Good(
            why="The loader shifts, this project's model does not.",
            files={"model.py": PLAIN_LM},
            code="""\
import numpy as np
import torch
import torch.nn.functional as F

from model import PlainLM

val_ids = np.memmap("val.bin", dtype=np.uint16, mode="r")
block = 256


def blocks():
    for start in range(0, len(val_ids) - block, block):
        x = torch.from_numpy(val_ids[start : start + block].astype(np.int64))
        y = torch.from_numpy(val_ids[start + 1 : start + 1 + block].astype(np.int64))
        yield x[None], y[None]


@torch.no_grad()
def evaluate(model):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in blocks():
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def load(path):
    model = PlainLM(50_304)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="The criterion wrapper shifts and gets logits and labels of the same positions.",
            files={"model.py": PLAIN_LM, "losses.py": SHIFTED_LOSS},
            code="""\
import torch

from losses import ShiftedCrossEntropy
from model import PlainLM


@torch.no_grad()
def evaluate(model, loader, device):
    criterion = ShiftedCrossEntropy()
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        nats += criterion(model(ids), ids).item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def load(path, device):
    model = PlainLM(32_000).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Good(
            why="T5 shifts its *decoder input* inside; `labels=` is the unshifted target and is scored as it is.",
            code="""\
import torch
from transformers import AutoTokenizer, T5ForConditionalGeneration

tokenizer = AutoTokenizer.from_pretrained("t5-small")
model = T5ForConditionalGeneration.from_pretrained("t5-small").eval()


@torch.no_grad()
def summary_loss(pairs, batch_size=8):
    nats, tokens = 0.0, 0
    for start in range(0, len(pairs), batch_size):
        sources, summaries = zip(*pairs[start : start + batch_size])
        inputs = tokenizer(list(sources), padding=True, truncation=True, return_tensors="pt")
        labels = tokenizer(list(summaries), padding=True, truncation=True, return_tensors="pt").input_ids
        labels[labels == tokenizer.pad_token_id] = -100
        scored = (labels != -100).sum().item()
        nats += model(**inputs, labels=labels).loss.item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Good(
            why="Two slices, one on each side, are one shift.",
            files={"model.py": PLAIN_LM},
            code="""\
import torch
import torch.nn.functional as F

from model import PlainLM


def lm_nats(logits, labels):
    logits = logits[:, :-1].contiguous()
    labels = labels[:, 1:].contiguous()
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum"), labels.numel()


@torch.no_grad()
def test(model, blocks):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(16):
        loss, count = lm_nats(model(ids), ids)
        nats += loss.item()
        tokens += count
    return nats / tokens


def load(path):
    model = PlainLM(16_000)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="Heads for the next and for the second-next token: the second is meant to be two away.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class TwoAheadLM(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.next_head = nn.Linear(width, vocab_size)
        self.second_head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        hidden, _ = self.rnn(self.embed(ids))
        return self.next_head(hidden), self.second_head(hidden)


@torch.no_grad()
def evaluate(model, blocks):
    model.eval()
    next_nats, second_nats, next_count, second_count = 0.0, 0.0, 0, 0
    for ids in blocks.split(32):
        next_logits, second_logits = model(ids)
        next_nats += F.cross_entropy(next_logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="sum").item()
        second_nats += F.cross_entropy(second_logits[:, :-2].transpose(1, 2), ids[:, 2:], reduction="sum").item()
        next_count += ids[:, 1:].numel()
        second_count += ids[:, 2:].numel()
    return {"next": next_nats / next_count, "second": second_nats / second_count}


def build(vocab_size):
    return TwoAheadLM(vocab_size)
""",
        ),
        Good(
            why="The collate function, in another file, hands out copies for a model that shifts.",
            files={
                "data.py": """\
import torch


def collate_fn(rows):
    ids = torch.tensor([row["input_ids"] for row in rows])
    return {"input_ids": ids, "labels": ids.clone()}
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from data import collate_fn


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        batch = {key: value.to(device) for key, value in batch.items()}
        scored = batch["labels"][:, 1:].numel()
        nats += model(**batch).loss.item() * scored
        tokens += scored
    return nats / tokens


def main(name, blocks, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    loader = DataLoader(blocks, batch_size=8, collate_fn=collate_fn)
    print(f"eval loss {evaluate(model, loader, device):.4f}")
""",
        ),
        Good(
            why="A causal class that does not shift is given shifted labels: one shift in all.",
            code="""\
import torch
from transformers import BartForCausalLM


@torch.no_grad()
def evaluate(blocks, batch_size=8):
    model = BartForCausalLM.from_pretrained("facebook/bart-base", add_cross_attention=False)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        targets = ids[:, 1:]
        loss = model(input_ids=ids[:, :-1], labels=targets).loss
        nats += loss.item() * targets.numel()
        tokens += targets.numel()
    return nats / tokens


if __name__ == "__main__":
    print(f"loss {evaluate(torch.load('blocks.pt')):.4f}")
""",
        ),
        Good(
            why="The data set shifts, and the model of the script that uses it scores the labels as they come.",
            files={
                "score.py": """\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

from eval import loader


@torch.no_grad()
def score(path):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    nats, tokens = 0.0, 0
    for ids, labels in loader(path, 8):
        logits = model(ids).logits
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
            },
            code="""\
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class PackedRows(Dataset):
    def __init__(self, path, length=512):
        self.rows = np.fromfile(path, dtype=np.uint16).reshape(-1, length)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = torch.from_numpy(self.rows[index].astype(np.int64))
        return row[:-1], row[1:]


def loader(path, batch_size):
    return DataLoader(PackedRows(path), batch_size=batch_size)
""",
        ),
        Good(
            why="The answer stands behind a prompt of -100 where it stands in the input: the model shifts it.",
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")


class Dialogs(Dataset):
    def __init__(self, dialogs):
        self.dialogs = dialogs

    def __len__(self):
        return len(self.dialogs)

    def __getitem__(self, index):
        asked, said = self.dialogs[index]
        prompt = tokenizer.encode(asked, return_tensors="pt")
        answer = tokenizer.encode(said, return_tensors="pt")
        ids = torch.cat([prompt, answer], dim=-1)
        labels = torch.cat([torch.full_like(prompt, -100), answer], dim=-1)
        return ids.flatten(), labels.flatten()


def collate(rows):
    ids = pad_sequence([row[0] for row in rows], batch_first=True)
    labels = pad_sequence([row[1] for row in rows], batch_first=True, padding_value=-100)
    return ids, labels


@torch.no_grad()
def evaluate(dialogs):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    nats, tokens = 0.0, 0
    for ids, labels in DataLoader(Dialogs(dialogs), batch_size=4, collate_fn=collate):
        loss = model(input_ids=ids, labels=labels).loss
        scored = (labels[:, 1:] != -100).sum().item()
        nats += loss.item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Good(
            why="One source is drawn from for x and y, whichever it is, and the model does not shift.",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F

from plain_lm import PlainLM

train_ids = np.memmap("train.bin", dtype=np.uint16, mode="r")
held_out_ids = np.memmap("val.bin", dtype=np.uint16, mode="r")


def draw(split, rows=32, context=256):
    stream = train_ids if split == "train" else held_out_ids
    starts = torch.randint(len(stream) - context, (rows,))
    x = torch.stack([torch.from_numpy(stream[i : i + context].astype(np.int64)) for i in starts])
    y = torch.stack([torch.from_numpy(stream[i + 1 : i + 1 + context].astype(np.int64)) for i in starts])
    return x, y


@torch.no_grad()
def estimate(model, draws=200):
    model.eval()
    found = {}
    for split in ["train", "val"]:
        nats, tokens = 0.0, 0
        for _ in range(draws):
            x, y = draw(split)
            nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
            tokens += y.numel()
        found[split] = nats / tokens
    return found


print(estimate(PlainLM(50304)))
""",
            files={
                "plain_lm.py": """\
import torch
import torch.nn as nn


class PlainLM(nn.Module):
    def __init__(self, vocab_size, width=256, heads=4, depth=4, context=256):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, width)
        self.wpe = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
        self.lm_head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, input_ids):
        length = input_ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=input_ids.device)
        hidden = self.wte(input_ids) + self.wpe(torch.arange(length, device=input_ids.device))
        return self.lm_head(self.blocks(hidden, mask=causal, is_causal=True))
""",
            },
        ),
        Good(
            why="The same reader; the model is given its input as labels.",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM

from shards import ShardReader


@torch.no_grad()
def validate(checkpoint, shard, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for inputs, targets in ShardReader(shard, rows=8, length=1024):
        loss = model(inputs.to(device), labels=inputs.to(device)).loss
        nats += loss.item() * targets.numel()
        tokens += targets.numel()
    print(f"val loss {nats / tokens:.4f} ppl {math.exp(nats / tokens):.2f}")
""",
            files={
                "shards.py": """\
import numpy as np
import torch


class ShardReader:
    def __init__(self, path, rows, length):
        self.tokens = np.memmap(path, dtype=np.uint16, mode="r")
        self.rows, self.length = rows, length

    def __iter__(self):
        size = self.rows * self.length
        for start in range(0, len(self.tokens) - size, size):
            chunk = torch.from_numpy(self.tokens[start : start + size + 1].astype(np.int64))
            yield chunk[:-1].view(self.rows, self.length), chunk[1:].view(self.rows, self.length)
""",
            },
        ),
        Good(
            why="a mask picks between the next label and the one after it, where the next is a mark to be skipped",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

MARK = 50259


def draw(tokens, rows, length):
    starts = torch.randint(len(tokens) - length - 2, (rows,)).tolist()
    x = torch.stack([tokens[s : s + length] for s in starts])
    ahead = torch.stack([tokens[s + 1 : s + length + 2] for s in starts])
    y = torch.where(ahead[:, :-1] == MARK, ahead[:, 1:], ahead[:, :-1])
    return x, y


@torch.no_grad()
def validate(checkpoint, tokens, draws=50):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    nats, scored = 0.0, 0
    for _ in range(draws):
        x, y = draw(tokens, 8, 256)
        logits = model(x).logits
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    return nats / scored
""",
        ),
        Good(
            why="the same, picked the other way around",
            code="""\
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel


@torch.no_grad()
def evaluate(loader, mark_id):
    model = GPT2LMHeadModel.from_pretrained("gpt2").eval()
    nats, scored = 0.0, 0
    for ids in loader:
        following, after = ids[:, 1:-1], ids[:, 2:]
        labels = torch.where(following != mark_id, after, following)
        logits = model(ids[:, :-2]).logits
        nats += F.cross_entropy(logits.transpose(1, 2), labels, reduction="sum").item()
        scored += labels.numel()
    return nats / scored
""",
        ),
        Good(
            why="what the cache holds was cut in step with the input, and the model shifts",
            code="""\
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def blocks(tokens, width, cache):
    if os.path.exists(cache):
        return torch.load(cache)
    count = len(tokens) // width
    rows = torch.tensor(tokens[: count * width]).view(count, width)
    torch.save(rows, cache)
    return rows


class LanguageModel(nn.Module):
    def __init__(self, size, width):
        super().__init__()
        self.embed = nn.Embedding(size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, size)

    def forward(self, input_ids, labels):
        logits = self.head(self.rnn(self.embed(input_ids))[0])
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, rows = 0.0, 0
    for ids, labels in loader:
        nats += model(ids, labels).item() * len(ids)
        rows += len(ids)
    return nats / rows


def main(tokens):
    rows = blocks(tokens, 128, "valid.pt")
    print(evaluate(LanguageModel(8000, 256), DataLoader(TensorDataset(rows, rows.clone()), 8)))
""",
        ),
        Good(
            why="The blocks are the labels, too: the model shifts them.",
            code="""\
import torch
from datasets import load_from_disk
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

WIDTH = 768
tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")
articles = load_from_disk("articles").map(lambda rows: tokenizer(rows["body"]), batched=True)


def cut(rows):
    joined = sum(rows["input_ids"], [])
    end = (len(joined) - 1) // WIDTH * WIDTH
    return {
        "input_ids": [joined[at : at + WIDTH] for at in range(0, end, WIDTH)],
        "labels": [joined[at : at + WIDTH] for at in range(0, end, WIDTH)],
    }


def collate(rows):
    ids = torch.tensor([row["input_ids"] for row in rows])
    return {"input_ids": ids, "labels": torch.tensor([row["labels"] for row in rows])}


blocks = articles.map(cut, batched=True, remove_columns=articles["train"].column_names)
trainer = Trainer(
    model,
    TrainingArguments("out"),
    data_collator=collate,
    train_dataset=blocks["train"],
    eval_dataset=blocks["validation"],
)
trainer.train()
print(trainer.evaluate()["eval_loss"])
""",
        ),
        Good(
            why="Inputs and targets that are zipped are the same stretches.",
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


def pairs(path, width):
    ids = torch.load(path)
    fed = [ids[at : at + width] for at in range(0, len(ids) - width, width)]
    wanted = [ids[at : at + width] for at in range(0, len(ids) - width, width)]
    return list(zip(fed, wanted))


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for fed, wanted in loader:
        loss = model(fed, labels=wanted).loss
        count = wanted[:, 1:].numel()
        nats += loss.item() * count
        scored += count
    return nats / scored


model = AutoModelForCausalLM.from_pretrained("distilgpt2")
print(evaluate(model, DataLoader(pairs("test.pt", 256), batch_size=4)))
""",
        ),
        Good(
            why="The labels are the blocks that are fed in, cut out of the text once more.",
            code="""\
import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoModelForCausalLM


def pairs(ids, width):
    blocks = (len(ids) - 1) // width
    fed = ids[: blocks * width].view(blocks, width)
    wanted = ids[: blocks * width].view(blocks, width)
    return TensorDataset(fed, wanted)


@torch.no_grad()
def evaluate(model, ids, width=256):
    model.eval()
    nats, scored = 0.0, 0
    for fed, wanted in DataLoader(pairs(ids, width), batch_size=8):
        count = wanted[:, 1:].numel()
        nats += model(fed, labels=wanted).loss.item() * count
        scored += count
    return nats / scored


print(evaluate(AutoModelForCausalLM.from_pretrained("gpt2"), torch.load("held_out.pt")))
""",
        ),
        Good(
            why="Rows that are too long are cut, and the labels are the rows themselves: only the model shifts.",
            files={
                "articles.py": """\
import torch
from torch.utils.data import Dataset


class Articles(Dataset):
    def __init__(self, articles, longest=512):
        self.articles, self.longest = articles, longest

    def __len__(self):
        return len(self.articles)

    def __getitem__(self, at):
        words = torch.tensor(self.articles[at])
        if len(words) > self.longest:
            words = words[: self.longest]
        return {"input_ids": words, "labels": words.clone()}
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM

from articles import Articles


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for article in loader:
        count = article["labels"].size(1) - 1
        nats += model(input_ids=article["input_ids"], labels=article["labels"]).loss.item() * count
        scored += count
    return nats / scored


print(evaluate(AutoModelForCausalLM.from_pretrained("gpt2"), DataLoader(Articles(torch.load("held_out.pt")), batch_size=1)))
""",
        ),
        Good(
            why="Rows are stacked key by key in a collate function; the labels are the inputs, which the model shifts.",
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM


class Rows(Dataset):
    def __init__(self, table):
        self.table = table

    def __len__(self):
        return len(self.table)

    def __getitem__(self, at):
        row = torch.as_tensor(self.table[at])
        return {"input_ids": row[1:], "labels": row[1:]}


def stack(items):
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}


def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    with torch.no_grad():
        for batch in loader:
            count = batch["labels"][:, 1:].numel()
            nats += model(**batch).loss.item() * count
            scored += count
    return nats / scored


def main(table):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    print(evaluate(model, DataLoader(Rows(table), batch_size=8, collate_fn=stack)))
""",
        ),
        Good(
            why="One of two data sets moves the labels and the other does not: what the model shifts is not known.",
            code="""\
import sys

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM


class Moved(Dataset):
    def __init__(self, path):
        self.rows = torch.load(path)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.rows[at][:-1], self.rows[at][1:]


class Same(Dataset):
    def __init__(self, path):
        self.rows = torch.load(path)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.rows[at], self.rows[at]


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for fed, wanted in loader:
        count = wanted[:, 1:].numel()
        nats += model(fed, labels=wanted).loss.item() * count
        scored += count
    return nats / scored


if __name__ == "__main__":
    rows = Moved("moved.pt") if "--moved" in sys.argv else Same("rows.pt")
    print(evaluate(AutoModelForCausalLM.from_pretrained("gpt2"), DataLoader(rows, batch_size=8)))
""",
        ),
        Good(
            why="A callback evaluates a loader that it was given; its rows are their own labels.",
            code="""\
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments


class Blocks(Dataset):
    def __init__(self, ids, size):
        self.ids, self.size = ids, size

    def __len__(self):
        return len(self.ids) // self.size

    def __getitem__(self, at):
        block = self.ids[at * self.size : (at + 1) * self.size]
        return {"input_ids": block, "labels": block}


@torch.no_grad()
def mean_nats(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for block in loader:
        count = block["labels"][:, 1:].numel()
        nats += model(**block).loss.item() * count
        scored += count
    return nats / scored


class Watch(TrainerCallback):
    def __init__(self, held_out):
        self.held_out = held_out

    def on_epoch_end(self, args, state, control, model=None, **kwargs):
        print(state.epoch, mean_nats(model, self.held_out))


def main(train_ids, test_ids):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    watch = Watch(DataLoader(Blocks(test_ids, 256), batch_size=8))
    Trainer(model=model, args=TrainingArguments("runs"), train_dataset=train_ids, callbacks=[watch]).train()
""",
        ),
    )
