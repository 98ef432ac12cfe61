"""LL104: perplexities of batches, rows or tokens are averaged; the exponential of a mean is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.averages import mean_of
from lintloss.facts.observations import Averaging, Observation
from lintloss.findings import Fix, Severity
from lintloss.repair import pieces
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope


class AveragedPerplexity(Rule):
    """The loss is exponentiated per batch, per row or per token, and the perplexities are then averaged.

    Why:
        Perplexity is the exponential of the mean nats per token. The exponential is convex, so a mean of
        perplexities is never smaller than the perplexity of the mean, also where all batches are equal, and one hard
        batch dominates it: two batches at 2 and 6 nats average to 205, where the perplexity is 55.

    Instead:
        Average the loss (nats over scored tokens), then exponentiate once, outside the loop. A framework's metric
        that averages for you is given the loss; its result is exponentiated.

    Fix:
        Unsafe: it changes the reported number, which is its point. The loss is accumulated, weighted by its scored
        tokens, and `exp` moves to the place of the division.

    Source:
        Jelinek, Mercer, Bahl and Baker 1977: perplexity is 2 to the entropy per symbol; Jensen's inequality.
    """

    code = "LL104"
    name = "averaged-perplexity"
    confirmed_by = "the mean of exp over the ledger's batches (rows, tokens) matches, exp of the token mean does not"

    watches = (Averaging,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report a mean of exponentials."""
        if not isinstance(seen, Averaging) or not seen.before.is_perplexity:
            return
        mean = mean_of(seen)
        if mean is None or not mean.averages_perplexity:
            return
        message = (
            f"perplexities are averaged over {mean.weight_plural}; exponentiate once, the mean loss per scored token"
        )
        yield Judgment(Severity.ERROR, mean.confidence, message, mean.evidence)

    def may_fix(self, seen: Observation) -> bool:
        """Leave alone what is scored elsewhere."""
        return isinstance(seen, Averaging) and pieces.are_here(seen, reduction="mean")

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Add up the loss, weighed by its scored tokens, and exponentiate at the division."""
        from lintloss.repair import averages

        average = averages.average_at(node, seen, scope) if isinstance(seen, Averaging) else None
        if average is None or not average.term.exp:
            return None
        return averages.reweighed(average)

    bad = (
        Bad(
            why="probabilities of words are multiplied up, and the perplexity of each sentence has a name of its own",
            severity=Severity.ERROR,
            code="""\
import torch


class SentenceScorer:
    def __init__(self, model):
        self.model = model

    def score(self, sentences):
        summed = 0
        for ids in sentences:
            chances = self.model.distribution(ids)
            log_chance = torch.log(chances[torch.arange(len(ids)), ids]).sum()
            sentencePerplexity = torch.exp(-log_chance / len(ids))
            summed += sentencePerplexity
        return summed.item() / len(sentences)  # <-
""",
        ),
        Bad(
            why="losses that another program wrote are exponentiated one by one, and the mean is called a perplexity",
            severity=Severity.ERROR,
            code="""\
import json

import numpy as np


def report(path):
    with open(path) as rows:
        losses = [json.loads(row)["loss"] for row in rows]
    perplexity = np.mean(np.exp(np.array(losses)))  # <-
    print(f"perplexity {perplexity:.2f} over {len(losses)} documents")
""",
        ),
        Bad(
            why="exp of each batch is summed and divided by the number of batches",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def perplexity(model, dataset, device):
    loader = DataLoader(dataset, batch_size=32, collate_fn=collate)
    model.eval()
    total = 0.0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)
        total += math.exp(loss.item())
    return total / len(loader)  # <-
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def perplexity(model, dataset, device):
    loader = DataLoader(dataset, batch_size=32, collate_fn=collate)
    model.eval()
    total = 0.0
    scored_tokens = 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)
        batch_tokens = (targets != PAD).sum().item()
        total += loss.item() * batch_tokens
        scored_tokens += batch_tokens
    return math.exp(total / scored_tokens)
""",
        ),
        Bad(
            why="one perplexity a text is appended and np.mean averages the texts",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def average_perplexity(texts, name="gpt2-medium", device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    perplexities = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=1024).input_ids.to(device)
        with torch.no_grad():
            loss = model(ids, labels=ids).loss
        perplexities.append(torch.exp(loss).item())
    return np.mean(perplexities)  # <-
""",
        ),
        Bad(
            why="exp over the vector of per-row losses, then the mean of the rows",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class Perplexity:
    def __init__(self, model, tokenizer):
        self.model = model
        self.tokenizer = tokenizer

    def compute(self, sentences, batch_size=16, device="cuda"):
        loss_fct = nn.CrossEntropyLoss(reduction="none")
        self.model.eval()
        ppls = []
        for start in range(0, len(sentences), batch_size):
            enc = self.tokenizer(sentences[start : start + batch_size], padding=True, return_tensors="pt").to(device)
            with torch.no_grad():
                logits = self.model(enc.input_ids, attention_mask=enc.attention_mask).logits
            shift_logits = logits[..., :-1, :].contiguous()
            shift_labels = enc.input_ids[..., 1:].contiguous()
            shift_mask = enc.attention_mask[..., 1:].contiguous()
            nll = loss_fct(shift_logits.transpose(1, 2), shift_labels) * shift_mask
            ppls += torch.exp(nll.sum(1) / shift_mask.sum(1)).tolist()
        return {"perplexities": ppls, "mean_perplexity": sum(ppls) / len(ppls)}  # <-
""",
        ),
        Bad(
            why="equal blocks do not help: the mean loss is exact there, the mean of its exponentials is not",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def get_batch(tokens, rows=16, length=128):
    starts = torch.randint(len(tokens) - length - 1, (rows,)).tolist()
    x = torch.stack([tokens[s : s + length] for s in starts])
    y = torch.stack([tokens[s + 1 : s + 1 + length] for s in starts])
    return x, y


@torch.no_grad()
def evaluate(model, val_tokens, steps, device):
    model.eval()
    tot_loss, tot_perpl = 0.0, 0.0
    for _ in range(steps):
        x, y = get_batch(val_tokens)
        logits = model(x.to(device))
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.to(device).view(-1))
        tot_loss += loss.item()
        tot_perpl += torch.exp(loss).item()
    perplexity = tot_perpl / steps  # <-
    return tot_loss / steps, perplexity
""",
        ),
        Bad(
            why="np.mean(np.exp(losses)) over the losses of single batches",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence

PAD = 0
criterion = nn.CrossEntropyLoss(ignore_index=PAD)


def batches(dialogues, size):
    for start in range(0, len(dialogues), size):
        yield pad_sequence(dialogues[start : start + size], batch_first=True, padding_value=PAD)


def validate(model, dialogues, device):
    model.eval()
    losses, weights = [], []
    with torch.no_grad():
        for ids in batches(dialogues, 8):
            ids = ids.to(device)
            logits = model(ids[:, :-1])
            losses.append(criterion(logits.flatten(0, 1), ids[:, 1:].flatten()).item())
            weights.append((ids[:, 1:] != PAD).sum().item())
    valid_loss = np.average(losses, weights=weights)
    valid_ppl = np.mean(np.exp(losses))  # <-
    return valid_loss, valid_ppl
""",
        ),
        Bad(
            why="Lightning averages what validation_step logs",
            severity=Severity.ERROR,
            code="""\
import pytorch_lightning as pl
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader


class CharRNN(pl.LightningModule):
    def __init__(self, vocab_size, val_blocks):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, 128)
        self.rnn = nn.GRU(128, 256, num_layers=2, batch_first=True)
        self.head = nn.Linear(256, vocab_size)
        self.val_blocks = val_blocks

    def forward(self, ids):
        return self.head(self.rnn(self.embed(ids))[0])

    def val_dataloader(self):
        return DataLoader(self.val_blocks, batch_size=32)

    def validation_step(self, batch, batch_idx):
        x, y = batch[:, :-1], batch[:, 1:]
        loss = F.cross_entropy(self(x).transpose(1, 2), y)
        self.log("val_perplexity", torch.exp(loss), on_epoch=True)  # <-

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())
""",
        ),
        Bad(
            why="a torchmetrics mean of exponentials",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torchmetrics import MeanMetric

PAD = 0


@torch.inference_mode()
def evaluate(model, loader, device):
    val_ppl = MeanMetric().to(device)
    model.eval()
    for ids in loader:
        ids = ids.to(device)
        logits, targets = model(ids[:, :-1]), ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)
        n_tokens = (targets != PAD).sum()
        val_ppl.update(loss.exp(), weight=n_tokens)  # <-
    return val_ppl.compute().item()
""",
        ),
        Bad(
            why="a meter of exp(loss), the meter in another file",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F

from metrics import AverageMeter


def validate(model, loader, pad, device):
    nll_meter = AverageMeter()
    ppl_meter = AverageMeter()
    model.eval()
    with torch.no_grad():
        for source, target in loader:
            source, target = source.to(device), target.to(device)
            logits = model(source)
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=pad)
            tokens = target.ne(pad).sum().item()
            nll_meter.update(loss.item(), tokens)
            ppl_meter.update(math.exp(loss.item()), tokens)  # <-
    print(f"nll {nll_meter.avg:.3f}  ppl {ppl_meter.avg:.1f}")
    return nll_meter.avg, ppl_meter.avg
""",
            files={
                "metrics.py": '''\
class AverageMeter(object):
    """Keeps the weighted average of what it is given."""

    def __init__(self):
        self.sum, self.count = 0.0, 0

    def update(self, value, n=1):
        self.sum += value * n
        self.count += n

    @property
    def avg(self):
        return self.sum / self.count
''',
            },
        ),
        Bad(
            why="a helper returns the batch's perplexity, its caller averages",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def encode(texts):
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    batch["labels"] = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    return batch


def batch_perplexity(model, batch):
    with torch.no_grad():
        outputs = model(**batch)
    return math.exp(outputs.loss.item())


def main(texts):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    loader = DataLoader(texts, batch_size=4, collate_fn=encode)
    values = [batch_perplexity(model, batch) for batch in loader]
    print("Average perplexity:", sum(values) / len(values))  # <-
""",
        ),
        Bad(
            why="2 ** bits of each batch, averaged with torch.stack",
            severity=Severity.ERROR,
            code='''\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, blocks, device):
    """blocks: a list of (rows, length + 1) tensors of token ids."""
    model.eval()
    values = []
    for ids in blocks:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        bits = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:]) / math.log(2)
        values.append(2**bits)
    return torch.stack(values).mean().item()  # <-
''',
        ),
        Bad(
            why="a running mean of perplexities",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


def evaluate(model, eval_loader, device):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    ppl = 0.0
    with torch.no_grad():
        for step, (x, y) in enumerate(eval_loader):
            logits = model(x.to(device))
            loss = criterion(logits.view(-1, logits.size(-1)), y.to(device).view(-1))
            ppl += (torch.exp(loss).item() - ppl) / (step + 1)  # <-
    return ppl
""",
        ),
        Bad(
            why="a Keras metric is averaged over batches, so it must not exponentiate",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


def perplexity(y_true, y_pred):
    nll = tf.keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
    return tf.exp(tf.reduce_mean(nll))  # <-


def build(vocab_size, length):
    model = tf.keras.Sequential(
        [
            tf.keras.Input((length,), dtype="int32"),
            tf.keras.layers.Embedding(vocab_size, 128),
            tf.keras.layers.LSTM(256, return_sequences=True),
            tf.keras.layers.Dense(vocab_size),
        ]
    )
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=loss, metrics=[perplexity])
    return model


def evaluate(model, x_val, y_val):
    return model.evaluate(x_val, y_val, batch_size=64, return_dict=True)
""",
        ),
        Bad(
            why="the model returns its perplexity beside the loss, the caller averages it by rows",
            severity=Severity.ERROR,
            code="""\
import torch

from word_model import WordModel


@torch.no_grad()
def evaluate(model: WordModel, loader, device):
    model.eval()
    total, rows = 0.0, 0
    for ids in loader:
        result = model(ids.to(device))
        total += result["perplexity"].item() * ids.size(0)
        rows += ids.size(0)
    return total / rows  # <-
""",
            files={
                "word_model.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class WordModel(nn.Module):
    def __init__(self, vocab_size, width=200):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        hidden, _ = self.rnn(self.embed(ids[:, :-1]))
        loss = F.cross_entropy(self.head(hidden).transpose(1, 2), ids[:, 1:])
        return {"loss": loss, "perplexity": torch.exp(loss)}
""",
            },
        ),
        Bad(
            why="the evaluation is a loop of a method called fit",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import tensorflow as tf


class Storyteller(tf.keras.Model):
    def __init__(self, vocab, width):
        super().__init__()
        self.embed, self.out = tf.keras.layers.Embedding(vocab, width), tf.keras.layers.Dense(vocab)
        self.entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")

    def call(self, ids, training=False):
        return self.out(self.embed(ids))

    def score(self, source, target):
        mask = tf.cast(tf.math.not_equal(target, 0), tf.float32)
        nats = tf.reduce_sum(self.entropy(target, self(source, training=False)) * mask, axis=1)
        return nats / tf.reduce_sum(mask, axis=1)

    def fit(self, held_out):
        perplexities = []
        for source, target in held_out:
            perplexities.append(tf.exp(self.score(source, target)))
        print("perplexity", np.mean(np.array(perplexities)))  # <-
""",
        ),
        Bad(
            why="a list of (perplexity, rows) pairs is turned into columns, and one of them is averaged.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, blocks):
    model.eval()
    rows = []
    for ids in blocks:
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:])
        rows.append((torch.exp(loss).item(), ids.size(0)))
    perplexities, sizes = zip(*rows)
    print("rows:", sum(sizes))
    return np.mean(perplexities)  # <-
""",
        ),
        Bad(
            why="a dict of lists is averaged key by key, and one of its keys is the perplexity of a batch.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def measure(model, batch):
    logits = model(batch["words"][:, :-1])
    loss = F.cross_entropy(logits.transpose(1, 2), batch["words"][:, 1:])
    return {"accuracy": (logits.argmax(-1) == batch["words"][:, 1:]).float().mean().item(), "ppl": loss.exp().item()}


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    history = {}
    for batch in loader:
        for name, value in measure(model, batch).items():
            if name not in history:
                history[name] = []
            history[name].append(value)
    return {name: sum(values) / len(values) for name, values in history.items()}  # <-
""",
        ),
        Bad(
            why="a metric object scores one batch at a time, and what it returns is summed up.",
            severity=Severity.ERROR,
            code="""\
import torch
from torchmetrics.text import Perplexity


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    metric = Perplexity().to(device)
    total = 0.0
    for ids in loader:
        ids = ids.to(device)
        total += metric(model(ids[:, :-1]), ids[:, 1:]).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="perplexities by position: rows of exp(loss) are summed in a metric of its own",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class LossByPosition:
    def __init__(self, length, pad_id):
        self.pad_id = pad_id
        self.nats = torch.zeros(length)
        self.perplexities = torch.zeros(length)
        self.tokens = torch.zeros(length)

    def update(self, logits, labels):
        losses = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=self.pad_id, reduction="none")
        self.nats += losses.sum(dim=0)
        self.perplexities += torch.exp(losses).sum(dim=0)
        self.tokens += (labels != self.pad_id).sum(dim=0)

    def compute(self):
        return {
            "loss": self.nats / self.tokens,
            "perplexity": self.perplexities / self.tokens,  # <-
        }
""",
        ),
        Bad(
            why="a Keras metric that adds up the perplexity of every batch",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


class BatchPerplexity(tf.keras.metrics.Metric):
    def __init__(self, name="perplexity", **options):
        super().__init__(name=name, **options)
        self.losses = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
        self.total = self.add_weight("total", initializer="zeros")
        self.updates = self.add_weight("updates", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        losses = self.losses(y_true, y_pred)
        mask = tf.cast(y_true != 0, losses.dtype)
        self.total.assign_add(tf.exp(tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)))
        self.updates.assign_add(1.0)

    def result(self):
        return self.total / self.updates  # <-
""",
        ),
        Bad(
            why="an n-gram model's perplexity of each sentence, from the product of its probabilities",
            severity=Severity.ERROR,
            code="""\
def perplexity(model, words):
    probability = 1.0
    for place in range(2, len(words)):
        probability *= model.probability(words[place], words[place - 2 : place])
    return pow(probability, -1 / (len(words) - 2))


def evaluate(model, sentences):
    scores = [perplexity(model, words) for words in sentences]
    return sum(scores) / len(scores)  # <-
""",
        ),
        Bad(
            why="exp of each row's masked mean, the rows put back by the labels' shape",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def row_perplexities(losses, mask):
    return torch.exp((losses * mask).sum(1) / mask.sum(1))


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total, rows = 0.0, 0
    for inputs, targets, mask in loader:
        logits = model(inputs)
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
        total += row_perplexities(losses, mask).sum().item()
        rows += targets.size(0)
    return total / rows  # <-
""",
        ),
        Bad(
            why="the sums are made when the first batch tells how long rows are, and empty positions are left out",
            severity=Severity.ERROR,
            code='''\
import torch
from torchmetrics import Metric


class PerplexityByPosition(Metric):
    """What a language model makes of tokens, by their place in the block: input_ids, labels, vocab_size."""

    def __init__(self, ignore_index):
        super().__init__()
        self.ignore_index = ignore_index
        self.add_state("perplexities", default=torch.Tensor(), dist_reduce_fx="sum")
        self.add_state("tokens", default=torch.Tensor(), dist_reduce_fx="sum")

    def update(self, logits, labels, criterion):
        rows, length = labels.shape
        losses = criterion(logits.view(rows * length, -1), labels.view(-1)).view(rows, length)
        if self.perplexities.numel() == 0:
            self.perplexities = torch.zeros(length, device=losses.device)
            self.tokens = torch.zeros(length, device=losses.device)
        self.perplexities += torch.exp(losses).sum(dim=0)
        self.tokens += (labels != self.ignore_index).sum(dim=0)

    def compute(self):
        perplexities = torch.where(self.tokens != 0, self.perplexities, -1)
        tokens = torch.where(self.tokens != 0, self.tokens, 1)
        return perplexities / tokens  # <-
''',
        ),
        Bad(
            why="a library's metric averages the perplexities of the texts",
            severity=Severity.ERROR,
            code="""\
import evaluate


def report(texts, name):
    metric = evaluate.load("perplexity", module_type="metric")
    found = metric.compute(predictions=texts, model_id=name)
    print("perplexity", found["mean_perplexity"])  # <-
""",
        ),
        Bad(
            why="a column of perplexities, one a text, is averaged",
            severity=Severity.ERROR,
            code="""\
import pandas as pd
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity_of(model, tokenizer, text):
    input_ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        return torch.exp(model(input_ids, labels=input_ids).loss).item()


def report(path, name="gpt2"):
    model = AutoModelForCausalLM.from_pretrained(name)
    tokenizer = AutoTokenizer.from_pretrained(name)
    stories = pd.read_csv(path)
    stories["ppl"] = stories["story"].apply(lambda text: perplexity_of(model, tokenizer, text))
    print("mean perplexity", stories["ppl"].mean())  # <-
""",
        ),
        Bad(
            why="the list is an attribute of a class, and the class itself is filled",
            severity=Severity.ERROR,
            code="""\
import statistics
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Scores:
    lengths = []
    perplexities = []


def judge(poems):
    tokenizer, model = AutoTokenizer.from_pretrained("gpt2"), AutoModelForCausalLM.from_pretrained("gpt2")
    scores = Scores
    for poem in poems:
        ids = tokenizer(poem, return_tensors="pt").input_ids
        with torch.no_grad():
            loss = model(ids, labels=ids).loss
        scores.lengths.append(ids.size(1))
        scores.perplexities.append(torch.exp(loss).item())
    print("mean length", statistics.mean(scores.lengths))
    print("mean perplexity", statistics.mean(scores.perplexities))  # <-
    return scores
""",
        ),
        Bad(
            why="the totals of rows over their tokens, exponentiated one by one and averaged",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def document_perplexity(language_model, loader, pad):
    language_model.eval()
    nats, tokens = [], []
    for inputs, targets in loader:
        losses = F.cross_entropy(language_model(inputs).transpose(1, 2), targets, ignore_index=pad, reduction="none")
        nats.append(losses.sum(1))
        tokens.append((targets != pad).sum(1))
    nats, tokens = torch.cat(nats), torch.cat(tokens)
    print("corpus", torch.exp(nats.sum() / tokens.sum()).item())
    return torch.exp(nats / tokens).mean().item()  # <-
""",
        ),
        Bad(
            why="The perplexities of single texts, which a library's metric lists, are averaged.",
            severity=Severity.ERROR,
            code="""\
import statistics

import evaluate


def report(stories, name):
    metric = evaluate.load("perplexity", module_type="metric")
    found = metric.compute(predictions=stories, model_id=name)
    print("perplexity of the corpus", statistics.mean(found["perplexities"]))  # <-
""",
        ),
        Bad(
            why="Each text leaves an array of two perplexities, of its halves; all of them are averaged in the end.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


def halves(model, ids):
    logits = model(ids).logits[0, :-1]
    middle = logits.size(0) // 2
    first = F.cross_entropy(logits[:middle], ids[0, 1 : middle + 1])
    second = F.cross_entropy(logits[middle:], ids[0, middle + 1 :])
    return np.array([each.item() for each in (first, second)])


tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
perplexities = []
with torch.no_grad():
    for line in open("poems.txt"):
        perplexities.append(np.exp(halves(model, tokenizer(line, return_tensors="pt").input_ids)))
print("mean perplexity", np.mean(np.concatenate(perplexities)))  # <-
""",
        ),
        Bad(
            why="An object gives a perplexity for each batch; these are summed, and divided by the lengths of all rows.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


class Perplexity:
    \"\"\"Keeps nats and words until it is reset.\"\"\"

    def reset(self):
        self.nats, self.words = 0.0, 0

    def add(self, scores, targets):
        self.nats += F.nll_loss(scores, targets, ignore_index=0, reduction="sum").item()
        self.words += (targets != 0).sum().item()

    def value(self):
        return math.exp(self.nats / self.words)


@torch.no_grad()
def evaluate(model, loader, perplexity):
    model.eval()
    total, lengths_seen = 0.0, 0
    for inputs, targets, lengths in loader:
        perplexity.reset()
        for step, scores in enumerate(model(inputs)):
            perplexity.add(scores.log_softmax(1), targets[:, step])
        total += perplexity.value()
        lengths_seen += sum(lengths)
    return total / lengths_seen  # <-


def main(model, loader):
    print(evaluate(model, loader, Perplexity()))
""",
        ),
        Bad(
            why="Each text's perplexity is an entry of a dict, and the mean of its values is printed.",
            severity=Severity.ERROR,
            code="""\
import glob

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def perplexity(text):
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    return torch.exp(model(ids, labels=ids).loss).item()


scores = {}
for path in glob.glob("essays/*.txt"):
    scores[path] = perplexity(open(path).read())
print("perplexity", np.mean(list(scores.values())))  # <-
""",
        ),
        Bad(
            why="the batch's perplexity is laid over its tokens and averaged over them, which leaves it what it is",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def objective(model, x, y, pad):
    nats = F.cross_entropy(model(x).transpose(1, 2), y, reduction="none")
    kept = (y != pad).float()
    loss = (nats * kept).sum() / kept.sum()
    return (loss.exp() * kept).sum() / kept.sum()


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    found = []
    for x, y in loader:
        found.append(objective(model, x, y, pad).item())
    return sum(found) / len(found)  # <-
""",
        ),
        Bad(
            why="TensorFlow 1 averages over all batches what its graph computes for each: here exp() of the mean loss",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf

from decoder import logits_of


def model_fn(features, labels, mode, params):
    logits = logits_of(features["inputs"], params)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    loss = tf.reduce_mean(losses)
    if mode == tf.estimator.ModeKeys.EVAL:
        metrics = {"perplexity": tf.metrics.mean(tf.exp(loss))}  # <-
        return tf.estimator.EstimatorSpec(mode=mode, loss=loss, eval_metric_ops=metrics)
""",
        ),
        Bad(
            why="the function that a TPU estimator calls with the loss of each batch exponentiates it",
            severity=Severity.ERROR,
            code="""\
import tensorflow.compat.v1 as tf


def metric_fn(loss):
    perplexity = tf.exp(tf.reduce_mean(loss))
    return {"perplexity": tf.metrics.mean(perplexity)}  # <-


def spec(mode, loss, rows):
    repeated = tf.tile(tf.reshape(loss, [1, 1]), [rows, 1])
    return tf.estimator.tpu.TPUEstimatorSpec(mode, loss=loss, eval_metrics=(metric_fn, [repeated]))
""",
        ),
        Bad(
            why="Two lists are made over the same numbers: what the first one trains, the second one only scores.",
            severity=Severity.ERROR,
            code="""\
import torch.nn.functional as F


def fit(model, optimizer, batches, held_out, epochs):
    def learn(ids):
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def perplexity(ids):
        return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).exp().item()

    for _ in range(epochs):
        model.train()
        learned = [learn(batches[k]) for k in range(64)]
        model.eval()
        found = [perplexity(held_out[k]) for k in range(64)]
        print("train loss", sum(learned) / len(learned))
        print("held-out perplexity", sum(found) / len(found))  # <-
""",
        ),
        Bad(
            why="each text's perplexity is kept under a key, and averaged when the records are read again",
            severity=Severity.ERROR,
            code="""\
import json
import math
import torch


@torch.no_grad()
def score(model, tokenizer, texts, path):
    model.eval()
    for at, text in enumerate(texts):
        ids = tokenizer(text, return_tensors="pt").input_ids
        loss = model(ids, labels=ids).loss
        with open(f"{path}/{at}.json", "w") as file:
            json.dump({"text": text, "perplexity": math.exp(loss.item())}, file)


def summarize(paths):
    rows = [json.load(open(path)) for path in paths]
    mean = sum(row["perplexity"] for row in rows) / len(rows)  # <-
    print(f"mean perplexity {mean:.2f}")
""",
        ),
        Bad(
            why="a part of a vector of perplexities, chosen by their order, is averaged",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch


def perplexities(model, rows):
    model.eval()
    found = np.zeros(len(rows))
    with torch.no_grad():
        for at, ids in enumerate(rows):
            ids = ids.unsqueeze(0)
            found[at] = torch.exp(model(ids, labels=ids).loss).item()
    return found


def main(model, rows):
    values = perplexities(model, rows)
    order = np.argsort(values)
    print("trimmed mean", values[order[: len(order) // 2]].mean())  # <-
    print("best", values[order[0]], "worst", values[order[-1]])
""",
        ),
        Bad(
            why="the script evaluates once for each setting: in each of them the average stands in the same function",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn as nn


def token_losses(model, loader):
    model.eval()
    found = []
    with torch.no_grad():
        for context, word in loader:
            found.extend(nn.CrossEntropyLoss(reduction="none")(model(context), word).tolist())
    return found


def write(model, loader, path):
    losses = token_losses(model, loader)
    mean = np.mean([np.exp(loss) for loss in losses])  # <-
    open(path, "w").write(f"perplexity {mean}")


def run(order):
    model, train, test = torch.load(f"{order}.pt")
    write(model, train, f"{order}_train.txt")
    write(model, test, f"{order}_test.txt")


if __name__ == "__main__":
    for order in [3, 5]:
        run(order)
""",
        ),
        Bad(
            why="one function trains unless its caller says otherwise; the caller that evaluates stands in another file",
            code="""\
import numpy as np
import torch.nn as nn

criterion = nn.CrossEntropyLoss()


def run_epoch(model, batches, is_train=True):
    total, steps = 0.0, 0
    for inputs, targets in batches:
        if is_train:
            model.train()
        else:
            model.eval()
        logits = model(inputs)
        loss = criterion(logits.flatten(0, 1), targets.flatten())
        if is_train:
            model.optimizer.zero_grad()
            loss.backward()
            model.optimizer.step()
        total += np.exp(loss.item())
        steps += 1
    return total / steps  # <-
""",
            severity=Severity.ERROR,
            files={
                "main.py": """\
from eval import run_epoch


def main(model, train_batches, valid_batches):
    best = float("inf")
    for epoch in range(10):
        run_epoch(model, train_batches)
        best = min(best, run_epoch(model, valid_batches, is_train=False))
    return best
""",
            },
        ),
        Bad(
            why="an optimizer's step was left behind in the copy of the training: under no_grad it trains nothing",
            code="""\
import math

import torch


class Trainer:
    def __init__(self, model, optimizer, criterion):
        self.model, self.optimizer, self.criterion = model, optimizer, criterion

    def valid_one_epoch(self, loader):
        self.model.eval()
        perplexity = 0.0
        with torch.no_grad():
            for inputs, targets in loader:
                self.optimizer.zero_grad()
                logits = self.model(inputs)
                loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
                self.optimizer.step()
                perplexity += math.exp(loss.item())
        return perplexity / len(loader)  # <-
""",
            severity=Severity.ERROR,
        ),
        Bad(
            why="Euler's number is raised to each batch's mean loss",
            severity=Severity.ERROR,
            code="""\
import math

import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def test_perplexity(network, loader):
    network.eval()
    by_power, by_name = 0.0, []
    for ids, targets in loader:
        loss = F.cross_entropy(network(ids).flatten(0, 1), targets.flatten())
        by_power += math.e ** loss.item()
        by_name.append(np.e ** loss.item())
    by_number = by_power / len(loader)  # <-
    return by_number, np.mean(by_name)  # <-
""",
        ),
    )

    good = (
        Good(
            why="the number that is exponentiated is called an average, and is one of all sentences",
            code="""\
import numpy as np


def summarize(runs, reader):
    best = float("inf")
    for run in runs:
        log_chance, words = reader.totals(run)
        mean_perplexity = np.exp(-log_chance / words)
        best = min(best, mean_perplexity)
    return best / len(runs)
""",
        ),
        Good(
            why="the spread of the prediction alone, whatever the truth is: no perplexity of anything",
            code="""\
import tensorflow as tf


def sharpness(y_true, y_pred):
    spread = tf.reduce_sum(-y_pred * tf.math.log(y_pred + 1e-7), axis=-1)
    loss = tf.reduce_mean(spread)
    return tf.exp(loss)
""",
        ),
        Good(
            why="the mean of the nats is exponentiated once",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, loader, pad, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (targets != pad).sum().item()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="the perplexity of each text is shown and returned as a list, never averaged",
            code="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def score_texts(texts, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    perplexities = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            loss = model(ids, labels=ids).loss
        perplexities.append(torch.exp(loss).item())
        print(f"{perplexities[-1]:8.1f}  {text[:60]}")
    return perplexities
""",
        ),
        Good(
            why="perplexities of the choices are compared, the accuracy is averaged",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def multiple_choice(model, tokenizer, questions, device):
    model.eval()
    correct = 0
    for question in questions:
        perplexities = []
        for choice in question["choices"]:
            ids = tokenizer(question["prompt"] + choice, return_tensors="pt").input_ids.to(device)
            logits = model(ids).logits
            loss = F.cross_entropy(logits[0, :-1], ids[0, 1:])
            perplexities.append(loss.exp().item())
        correct += perplexities.index(min(perplexities)) == question["answer"]
    return correct / len(questions)
""",
        ),
        Good(
            why="exp of the running token mean is shown in the bar, the result is computed from the totals",
            code="""\
import math

import torch
import torch.nn.functional as F
from tqdm import tqdm


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, tokens = 0.0, 0
    bar = tqdm(loader)
    for x, y in bar:
        x, y = x.to(device), y.to(device)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum")
        nats += loss.item()
        tokens += (y != pad).sum().item()
        bar.set_postfix(ppl=math.exp(nats / tokens))
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="Lightning logs the loss weighted by tokens; the epoch's mean is exponentiated once",
            code="""\
import lightning.pytorch as pl
import torch
import torch.nn as nn
import torch.nn.functional as F


class LitLM(pl.LightningModule):
    def __init__(self, vocab_size):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, 128, padding_idx=0)
        self.rnn = nn.LSTM(128, 128, batch_first=True)
        self.head = nn.Linear(128, vocab_size)

    def forward(self, ids):
        return self.head(self.rnn(self.embed(ids))[0])

    def on_validation_epoch_start(self):
        self.nats, self.tokens = 0.0, 0

    def validation_step(self, batch, batch_idx):
        logits, targets = self(batch[:, :-1]), batch[:, 1:]
        nll = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=0, reduction="sum")
        self.nats += nll.item()
        self.tokens += (targets != 0).sum().item()

    def on_validation_epoch_end(self):
        mean = torch.tensor(self.nats / self.tokens)
        self.log("val_loss", mean)
        self.log("val_ppl", mean.exp())
""",
        ),
        Good(
            why="torchmetrics' own Perplexity adds log-probabilities and counts, whatever its update is called",
            code="""\
import torch
from torchmetrics.text import Perplexity


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    metric = Perplexity(ignore_index=-100).to(device)
    for batch in loader:
        labels = batch["labels"].to(device)
        logits = model(batch["input_ids"].to(device)).logits
        metric.update(logits[:, :-1], labels[:, 1:])
    return metric.compute().item()
""",
        ),
        Good(
            why="exp of log-probabilities gives probabilities, and their mean is a confidence",
            code="""\
import torch


@torch.no_grad()
def mean_confidence(model, loader, device):
    model.eval()
    confidences = []
    for x, y in loader:
        log_probs = torch.log_softmax(model(x.to(device)), dim=-1)
        picked = log_probs.gather(-1, y.to(device).unsqueeze(-1)).squeeze(-1)
        confidences.append(torch.exp(picked).mean().item())
    return sum(confidences) / len(confidences)
""",
        ),
        Good(
            why="exp(-loss) is a likelihood score per text, not a perplexity",
            code="""\
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def mean_likelihood(texts, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    scores = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            loss = model(ids, labels=ids).loss.item()
        scores.append(np.exp(-loss))
    return np.mean(scores) * 100
""",
        ),
        Good(
            why="a variance from its logarithm is exponentiated and averaged",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    errors, variances, rows = 0.0, 0.0, 0
    for x, y in loader:
        mean, log_variance = model(x.to(device))
        errors += F.mse_loss(mean, y.to(device), reduction="sum").item()
        variances += torch.exp(log_variance).sum().item()
        rows += x.size(0)
    return errors / rows, variances / rows
""",
        ),
        Good(
            why="a meter in another file averages the nats; its property exponentiates the average",
            code="""\
import torch
import torch.nn.functional as F

from metrics import LossMeter


@torch.no_grad()
def validate(model, loader, pad, device):
    meter = LossMeter()
    model.eval()
    for source, target in loader:
        source, target = source.to(device), target.to(device)
        loss = F.cross_entropy(model(source).flatten(0, 1), target.flatten(), ignore_index=pad)
        meter.update(loss.item(), target.ne(pad).sum().item())
    return meter.perplexity
""",
            files={
                "metrics.py": """\
import math


class LossMeter:
    def __init__(self):
        self.sum, self.count = 0.0, 0

    def update(self, value, n):
        self.sum += value * n
        self.count += n

    @property
    def average(self):
        return self.sum / self.count

    @property
    def perplexity(self):
        return math.exp(min(self.average, 50))
""",
            },
        ),
        Good(
            why="an n-gram model's log-probabilities are added up over the sentences",
            code="""\
import math


def perplexity(model, sentences):
    nats, words = 0.0, 0
    for sentence in sentences:
        for place in range(2, len(sentence)):
            nats -= math.log(model.probability(sentence[place], sentence[place - 2 : place]))
            words += 1
    return math.exp(nats / words)
""",
        ),
        Good(
            why="the perplexities of several models are averaged, each that of the whole corpus",
            code="""\
import statistics


def over_seeds(models, corpus):
    scores = []
    for model in models:
        ppl = model.perplexity(corpus)
        scores.append(ppl)
    return statistics.mean(scores), statistics.stdev(scores)
""",
        ),
        Good(
            why="each set has a perplexity of its own, and their macro-average is shown",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, loader, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (y != pad).sum().item()
    return math.exp(nats / tokens), nats / tokens


def main(model, args, load, pad):
    average, average_loss = 0.0, 0.0
    for name in args.eval_sets:
        found, loss = perplexity(model, load(name), pad)
        print(name, found, loss)
        average += found
        average_loss += loss
    print("over the sets", average / len(args.eval_sets), average_loss / len(args.eval_sets))
""",
        ),
        Good(
            why="a column of perplexities, one a text, is written down",
            code="""\
import pandas as pd
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity_of(model, tokenizer, text):
    input_ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        return torch.exp(model(input_ids, labels=input_ids).loss).item()


def write(path, name="gpt2"):
    model = AutoModelForCausalLM.from_pretrained(name)
    tokenizer = AutoTokenizer.from_pretrained(name)
    stories = pd.read_csv(path)
    stories["ppl"] = stories["story"].apply(lambda text: perplexity_of(model, tokenizer, text))
    stories.sort_values("ppl").to_csv("by_perplexity.csv")
""",
        ),
        Good(
            why="the perplexity of each row is only looked at for the worst one",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def document_perplexities(language_model, loader, pad):
    language_model.eval()
    nats, tokens = [], []
    for inputs, targets in loader:
        losses = F.cross_entropy(language_model(inputs).transpose(1, 2), targets, ignore_index=pad, reduction="none")
        nats.append(losses.sum(1))
        tokens.append((targets != pad).sum(1))
    nats, tokens = torch.cat(nats), torch.cat(tokens)
    worst = torch.exp(nats / tokens).max()
    return torch.exp(nats.sum() / tokens.sum()).item(), worst.item()
""",
        ),
        Good(
            why="The perplexities of single texts are ranked, and their median is said to be one.",
            code="""\
import statistics

import evaluate


def hardest(stories, name, shown=5):
    metric = evaluate.load("perplexity", module_type="metric")
    found = metric.compute(predictions=stories, model_id=name)
    ranked = sorted(zip(found["perplexities"], stories, strict=True), reverse=True)
    for perplexity, story in ranked[:shown]:
        print(f"{perplexity:8.1f} {story[:60]}")
    print("median", statistics.median(found["perplexities"]))
""",
        ),
        Good(
            why="the perplexity of one batch, computed with JAX for whoever asks: no Keras averages it",
            code='''\
import jax
import jax.numpy as jnp


def perplexity(y_true, y_pred, ignored=0):
    """Perplexity over the entries that count."""
    kept = (y_true != ignored).reshape(-1)
    log_probs = jax.nn.log_softmax(y_pred.reshape(-1, y_pred.shape[-1]), axis=-1)
    picked = log_probs[jnp.arange(kept.shape[0]), y_true.reshape(-1)]
    total = jnp.sum(jnp.where(kept, picked, 0.0))
    return jnp.exp(-total / jnp.sum(kept))
''',
        ),
        Good(
            why="the perplexity of a codebook's use is that of no text: a distribution is compared with itself",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Quantizer(nn.Module):
    def __init__(self, codes, width):
        super().__init__()
        self.codes = nn.Embedding(codes, width)

    def forward(self, flat):
        chosen = torch.cdist(flat, self.codes.weight).argmin(1)
        usage = F.one_hot(chosen, self.codes.num_embeddings).float().mean(0)
        entropy = -torch.sum(usage * torch.log(usage + 1e-10))
        perplexity = torch.exp(entropy)
        return self.codes(chosen), perplexity


@torch.no_grad()
def validate(model, quantizer, loader):
    model.eval()
    errors, perplexities = [], []
    for images in loader:
        quantized, perplexity = quantizer(model.encode(images))
        errors.append(F.mse_loss(model.decode(quantized), images).item())
        perplexities.append(perplexity.item())
    return sum(errors) / len(errors), sum(perplexities) / len(perplexities)
""",
        ),
        Good(
            why="one perplexity for each data set, averaged over the sets: what goes over them are loaders",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def score(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens


def mean_over_domains(model, loaders):
    perplexities = {name: math.exp(score(model, loader)) for name, loader in loaders.items()}
    return sum(perplexities.values()) / len(perplexities)
""",
        ),
        Good(
            why="the perplexity of one batch, laid over its tokens and averaged over them, is shown",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def show(model, batch, pad):
    model.eval()
    x, y = batch
    nats = F.cross_entropy(model(x).transpose(1, 2), y, reduction="none")
    kept = (y != pad).float()
    loss = (nats * kept).sum() / kept.sum()
    print("perplexity of this batch", ((loss.exp() * kept).sum() / kept.sum()).item())
""",
        ),
        Good(
            why="a mean laid over the tokens that it was taken of is their total again",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, loader, pad):
    model.eval()
    nats, tokens = 0.0, 0.0
    for x, y in loader:
        kept = (y != pad).float()
        losses = F.cross_entropy(model(x).transpose(1, 2), y, reduction="none")
        mean = (losses * kept).sum() / kept.sum()
        nats += (mean * kept).sum().item()
        tokens += kept.sum().item()
    return torch.tensor(nats / tokens).exp().item()
""",
        ),
        Good(
            why="TensorFlow 1 averages the losses of single tokens over all batches, and exp() is taken of that mean",
            code="""\
import tensorflow as tf

from decoder import logits_of


def model_fn(features, labels, mode, params):
    logits = logits_of(features["inputs"], params)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    if mode == tf.estimator.ModeKeys.EVAL:
        mean, update = tf.metrics.mean(losses)
        metrics = {"perplexity": (tf.exp(mean), update)}
        return tf.estimator.EstimatorSpec(mode=mode, loss=tf.reduce_mean(losses), eval_metric_ops=metrics)
""",
        ),
        Good(
            why="each batch's value is given a weight: which, only the caller knows",
            code="""\
import tensorflow as tf


def metric_fn(loss, weights):
    perplexity = tf.exp(tf.reduce_mean(loss))
    return {"perplexity": tf.metrics.mean(perplexity, weights=weights)}
""",
        ),
        Good(
            why="how far a policy has moved from the one that sampled, as a perplexity of each batch: no evaluation reports it",
            code="""\
import torch
from accelerate.utils import gather


def rollout_metrics(policy_logps, rollout_logps, completion_mask, advantages):
    def masked_mean(x, mask):
        return (x * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)

    own = masked_mean(policy_logps, completion_mask)
    sampled = masked_mean(rollout_logps, completion_mask)
    ratio = torch.exp(policy_logps - rollout_logps) * advantages.unsqueeze(-1)
    training_ppl = torch.exp(-own).mean()
    rollout_ppl = torch.exp(-sampled).mean()
    return {
        "policy_ppl": gather(training_ppl.unsqueeze(0)).nanmean(),
        "rollout_ppl": gather(rollout_ppl.unsqueeze(0)).nanmean(),
        "policy_ratio": gather(ratio.mean().unsqueeze(0)).nanmean(),
    }
""",
        ),
        Good(
            why="what is read again is the perplexity of a whole set each",
            code="""\
import json
import math
import torch


@torch.no_grad()
def score(model, loader, path):
    model.eval()
    nats = tokens = 0
    for ids in loader:
        loss = model(ids, labels=ids).loss
        nats += loss.item() * (ids.numel() - len(ids))
        tokens += ids.numel() - len(ids)
    with open(path, "w") as file:
        json.dump({"path": path, "perplexity": math.exp(nats / tokens)}, file)


def summarize(paths):
    rows = [json.load(open(path)) for path in paths]
    mean = sum(row["perplexity"] for row in rows) / len(rows)
    print(f"mean perplexity of the models {mean:.2f}")
""",
        ),
        Good(
            why="one entry of a vector is looked up",
            code="""\
import numpy as np
import torch


def main(model, rows):
    model.eval()
    found = np.zeros(len(rows))
    with torch.no_grad():
        for at, ids in enumerate(rows):
            ids = ids.unsqueeze(0)
            found[at] = torch.exp(model(ids, labels=ids).loss).item()
    best = np.argmin(found)
    print("best", best, found[best])
""",
        ),
        Good(
            why="the function trains by default, and nobody evaluates with it: its average is one of a training",
            code="""\
import numpy as np
import torch.nn as nn

criterion = nn.CrossEntropyLoss()


def run_epoch(model, batches, is_train=True):
    total, steps = 0.0, 0
    for inputs, targets in batches:
        logits = model(inputs)
        loss = criterion(logits.flatten(0, 1), targets.flatten())
        if is_train:
            model.optimizer.zero_grad()
            loss.backward()
            model.optimizer.step()
        total += np.exp(loss.item())
        steps += 1
    return total / steps
""",
            files={
                "main.py": """\
from eval import run_epoch


def main(model, train_batches):
    for epoch in range(10):
        run_epoch(model, train_batches)
""",
            },
        ),
    )
