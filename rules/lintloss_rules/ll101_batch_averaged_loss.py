"""LL101: the mean of per-batch mean losses, where the batches do not score the same number of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.averages import Mean, mean_of
from lintloss.facts.observations import Averaging, Observation
from lintloss.findings import Fix, Severity
from lintloss.repair import pieces
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


class BatchAveragedLoss(Rule):
    """Per-batch mean losses are averaged with equal weight, or weighted by rows instead of scored tokens.

    Why:
        A batch mean is nats per token *of that batch*. Averaging it over batches gives a token of a short batch more
        weight than a token of a long one. With padding and an ignored label, masked prompts or rows of unequal length
        the batches always differ, and the reported loss and perplexity are those of no data set. With full blocks
        only the smaller last batch differs; with a fixed `(B, T)` sampler the value is exact, and this is a note.
        In classification and regression it is exact as long as batches have equal size: a note, too, which
        `pedantic = true` raises to a warning.

    Instead:
        Add up what can be added: the nats of each batch (its mean times its scored tokens, or `reduction="sum"`)
        and its scored tokens, `(labels != ignore_index).sum()` after the shift. Divide once, at the end.

    Fix:
        Unsafe: it changes the reported number, which is its point. The mean is multiplied by the batch's scored
        tokens, the tokens are counted, and the total is divided by them.

    Source:
        torch.nn.functional.cross_entropy: reduction="mean" divides by the targets that are not ignore_index.
    """

    code = "LL101"
    name = "batch-averaged-loss"
    confirmed_by = "the ledger's Σ mean·n ÷ Σ n over the criterion calls, against the value of the flagged expression"

    watches = (Averaging,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report a mean of means that weights its batches (rows, windows) alike."""
        if not isinstance(seen, Averaging):
            return
        mean = mean_of(seen)
        if mean is None or not mean.is_mean_of_means:
            return
        pedantic = None if mean.equal or mean.scores_tokens else Severity.WARNING
        evidence = tuple(dict.fromkeys((*mean.evidence, *mean.equal, *mean.unequal, *mean.varies)))
        yield Judgment(self._severity(mean), mean.confidence, self._message(mean), evidence, pedantic=pedantic)

    @staticmethod
    def _severity(mean: Mean) -> Severity:
        if mean.equal or not mean.scores_tokens or (mean.needs_proof and not (mean.unequal or mean.varies)):
            return Severity.NOTE
        return Severity.ERROR if mean.unequal else Severity.WARNING

    @staticmethod
    def _message(mean: Mean) -> str:
        said = f"mean losses are averaged with equal weight per {mean.weight}"
        if mean.equal and not mean.equal_by_name:
            return f"{said}; exact here, because every {mean.weight} scores the same number of tokens"
        if mean.equal or (mean.needs_proof and not (mean.unequal or mean.varies)):
            return f"{said}; exact as long as every {mean.weight} scores the same number of tokens"
        if not mean.scores_tokens:
            return f"{said}; exact as long as every {mean.weight} has the same size"
        why = "which differ in scored tokens" if mean.unequal else "which need not score the same number of tokens"
        return f"{said}, {why}: multiply each by its scored tokens, and divide the total by their sum"

    def may_fix(self, seen: Observation) -> bool:
        """Leave alone what is exact, what counts no tokens, and what is scored elsewhere."""
        mean = mean_of(seen) if isinstance(seen, Averaging) else None
        if not isinstance(seen, Averaging) or mean is None or self._severity(mean) is Severity.NOTE:
            return False
        return pieces.are_here(seen, reduction="" if seen.how == "meter" else "mean")

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Count the scored tokens, weigh each mean by them, divide by their number."""
        from lintloss.repair import averages

        if not isinstance(seen, Averaging):
            return None
        if seen.how == "meter":
            return averages.metered(node, seen, scope)
        average = averages.average_at(node, seen, scope)
        if average is None or average.term.exp:
            return None
        return averages.recounted(average) or averages.reweighed(average)

    bad = (
        Bad(
            why="a generator yields the mean of each batch, and its caller averages them",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
from torch import nn


@torch.no_grad()
def batch_losses(model, loader, pad):
    criterion = nn.CrossEntropyLoss(ignore_index=pad)
    model.eval()
    for source, target in loader:
        logits = model(source)
        yield criterion(logits.flatten(0, 1), target.flatten()).item()


def evaluate(model, loader, pad):
    return np.mean(list(batch_losses(model, loader, pad)))  # <-
""",
        ),
        Bad(
            why="the number of batches after which the loop stops divides",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, args, pad):
    model.eval()
    total = 0.0
    for step, (source, target) in enumerate(loader):
        if step >= args.limit:
            break
        logits = model(source)
        total += F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=pad).item()
    return total / args.limit  # <-
""",
        ),
        Bad(
            why="the model is one of a registry in another file, loaded by a method that its class inherits",
            severity=Severity.WARNING,
            files={
                "parsers.py": """\
import torch
from torch import nn
from transformers import PreTrainedModel


class SlotParser(PreTrainedModel):
    def __init__(self, config, slots, weight=1.0):
        super().__init__(config)
        self.encoder = nn.LSTM(64, 64, batch_first=True)
        self.tagger, self.weight, self.slots = nn.Linear(64, slots), weight, slots

    def forward(self, embedded, mask, slot_ids):
        outputs = self.encoder(embedded)
        logits = self.tagger(outputs[0])
        kept = mask.view(-1) == 1
        entropy = nn.CrossEntropyLoss()
        loss = self.weight * entropy(logits.view(-1, self.slots)[kept], slot_ids.view(-1)[kept])
        outputs = (logits,) + outputs[2:]
        outputs = (loss,) + outputs
        return outputs


PARSERS = {"slots": SlotParser}
""",
            },
            code="""\
import torch
from parsers import PARSERS


class Runner:
    def __init__(self, options, loader):
        self.loader = loader
        self.model = PARSERS[options.kind].from_pretrained(options.path, slots=options.slots)

    def evaluate(self):
        self.model.eval()
        total, steps = 0.0, 0
        for batch in self.loader:
            with torch.no_grad():
                outputs = self.model(batch["embedded"], batch["mask"], batch["slot_ids"])
                loss, logits = outputs[:2]
                total += loss.mean().item()
            steps += 1
        return total / steps  # <-
""",
        ),
        Bad(
            why="what the steps left on self is averaged when the epoch ends",
            severity=Severity.WARNING,
            code="""\
import torch
from lightning import LightningModule
from transformers import AutoModelForCausalLM


class ChatTuner(LightningModule):
    def __init__(self, name, lr=1e-5):
        super().__init__()
        self.save_hyperparameters()
        self.model = AutoModelForCausalLM.from_pretrained(name)
        self.losses = []

    def validation_step(self, batch, batch_idx):
        out = self.model(input_ids=batch["input_ids"], labels=batch["labels"])
        self.losses.append(out.loss)

    def on_validation_epoch_end(self):
        val_loss = torch.stack(self.losses).mean()  # <-
        self.log("val_loss", val_loss)
        self.log("val_ppl", val_loss.exp())
        self.losses.clear()
""",
        ),
        Bad(
            why="a dict of totals, whatever its keys are, is divided by the number of batches",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def scores(model, ids, pad):
    logits = model(ids[:, :-1])
    nats = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad)
    hits = (logits.argmax(-1) == ids[:, 1:]).float().mean()
    return {"loss": nats, "accuracy": hits}


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    totals = {}
    for ids in loader:
        for name, value in scores(model, ids, pad).items():
            totals[name] = totals.get(name, 0.0) + value.item()
    for name in totals:
        totals[name] /= len(loader)  # <-
    return totals
""",
        ),
        Bad(
            why="a cross entropy written out with one-hot targets, its mean over words weighted by sentences",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def word_loss(logits, targets, pad):
    hot = torch.zeros_like(logits).scatter_(1, targets.unsqueeze(1), 1)
    nats = -(hot * F.log_softmax(logits, dim=1)).sum(dim=1)
    return nats.masked_select(targets != pad).mean()


@torch.no_grad()
def validate(model, loader, pad):
    model.eval()
    total, sentences = 0.0, 0
    for source, target in loader:
        logits = model(source, target[:, :-1])
        loss = word_loss(logits.reshape(-1, logits.size(-1)), target[:, 1:].reshape(-1), pad)
        total += loss.item() * target.size(0)
        sentences += target.size(0)
    return total / sentences  # <-
""",
        ),
        Bad(
            why="the cap on batches is the length of the loader, so the shorter last batch is among them",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def loader_loss(loader, model, device, num_batches=None):
    model.eval()
    total = 0.0
    if num_batches is None:
        num_batches = len(loader)
    else:
        num_batches = min(num_batches, len(loader))
    for i, (x, y) in enumerate(loader):
        if i < num_batches:
            logits = model(x.to(device))
            total += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten()).item()
        else:
            break
    return total / num_batches  # <-
""",
        ),
        Bad(
            why="padded rows with an ignored pad id, summed and divided by len(loader)",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD_ID = 0


def collate(rows):
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD_ID)
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def evaluate(model, dataset, device):
    loader = DataLoader(dataset, batch_size=32, collate_fn=collate)
    model.eval()
    total_loss = 0.0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)
        logits = model(inputs)
        loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets.reshape(-1), ignore_index=PAD_ID)
        total_loss += loss.item()
    val_loss = total_loss / len(loader)  # <-
    return val_loss, math.exp(val_loss)
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD_ID = 0


def collate(rows):
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD_ID)
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def evaluate(model, dataset, device):
    loader = DataLoader(dataset, batch_size=32, collate_fn=collate)
    model.eval()
    total_loss = 0.0
    scored_tokens = 0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)
        logits = model(inputs)
        loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets.reshape(-1), ignore_index=PAD_ID)
        batch_tokens = (targets != PAD_ID).sum().item()
        total_loss += loss.item() * batch_tokens
        scored_tokens += batch_tokens
    val_loss = total_loss / scored_tokens
    return val_loss, math.exp(val_loss)
""",
        ),
        Bad(
            why="Hugging Face losses of padded batches are appended and go through np.mean",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def collate(texts):
    batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=512)
    labels = batch["input_ids"].clone()
    labels[batch["attention_mask"] == 0] = -100
    batch["labels"] = labels
    return batch


def perplexity(texts, batch_size=8):
    model = AutoModelForCausalLM.from_pretrained("gpt2").cuda()
    model.eval()
    losses = []
    for batch in DataLoader(texts, batch_size=batch_size, collate_fn=collate):
        batch = {k: v.cuda() for k, v in batch.items()}
        with torch.no_grad():
            outputs = model(**batch)
        losses.append(outputs.loss.item())
    mean_loss = np.mean(losses)  # <-
    return float(np.exp(mean_loss))
""",
        ),
        Bad(
            why="full blocks, sum(losses) / len(losses): only the smaller last batch differs",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class BlockDataset(Dataset):
    def __init__(self, tokens, block_size):
        self.tokens = tokens
        self.block_size = block_size

    def __len__(self):
        return (len(self.tokens) - 1) // self.block_size

    def __getitem__(self, index):
        start = index * self.block_size
        chunk = self.tokens[start : start + self.block_size + 1]
        return chunk[:-1], chunk[1:]


def validate(model, val_tokens, block_size=256):
    loader = DataLoader(BlockDataset(val_tokens, block_size), batch_size=16)
    criterion = nn.CrossEntropyLoss()
    model.eval()
    losses = []
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss = criterion(logits.view(-1, logits.size(-1)), y.view(-1))
            losses.append(loss.item())
    return sum(losses) / len(losses)  # <-
""",
            fixed="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class BlockDataset(Dataset):
    def __init__(self, tokens, block_size):
        self.tokens = tokens
        self.block_size = block_size

    def __len__(self):
        return (len(self.tokens) - 1) // self.block_size

    def __getitem__(self, index):
        start = index * self.block_size
        chunk = self.tokens[start : start + self.block_size + 1]
        return chunk[:-1], chunk[1:]


def validate(model, val_tokens, block_size=256):
    loader = DataLoader(BlockDataset(val_tokens, block_size), batch_size=16)
    criterion = nn.CrossEntropyLoss()
    model.eval()
    losses = []
    scored_tokens = 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss = criterion(logits.view(-1, logits.size(-1)), y.view(-1))
            batch_tokens = y.numel()
            losses.append(loss.item() * batch_tokens)
            scored_tokens += batch_tokens
    return sum(losses) / scored_tokens
""",
        ),
        Bad(
            why="the division by len(loader) stands inside the +=, and prompts are masked with -100",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


def collate_fn(examples):
    ids, labels = [], []
    for example in examples:
        prompt, answer = example["prompt_ids"], example["answer_ids"]
        ids.append(torch.tensor(prompt + answer))
        labels.append(torch.tensor([-100] * len(prompt) + answer))
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=0),
        "labels": pad_sequence(labels, batch_first=True, padding_value=-100),
        "attention_mask": pad_sequence([torch.ones_like(i) for i in ids], batch_first=True),
    }


@torch.inference_mode()
def eval_sft(model_name, dev_set, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(model_name).to(device).eval()
    dev_loader = DataLoader(dev_set, batch_size=4, collate_fn=collate_fn)
    dev_loss = 0.0
    for batch in dev_loader:
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        dev_loss += model(**batch).loss.item() / len(dev_loader)  # <-
    print(f"dev loss {dev_loss:.4f}")
    return dev_loss
""",
        ),
        Bad(
            why="divided by the loop index plus one after the loop, batches padded by the library's collator",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling

tokenizer = AutoTokenizer.from_pretrained("distilgpt2")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("distilgpt2")
collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)


def compute_ppl(tokenized_test):
    loader = DataLoader(tokenized_test, batch_size=2, collate_fn=collator)
    model.eval()
    total_loss = 0
    with torch.no_grad():
        for i, batch in enumerate(loader):
            outputs = model(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                labels=batch["labels"],
            )
            total_loss += outputs.loss.item()
    avg_loss = total_loss / (i + 1)  # <-
    return math.exp(avg_loss)
""",
        ),
        Bad(
            why="a meter whose update counts every value once, in another file",
            severity=Severity.ERROR,
            code='''\
import torch
import torch.nn as nn

from meters import AverageMeter
from vocab import PAD


def validate(model, loader, device):
    """One pass over the validation captions."""
    criterion = nn.CrossEntropyLoss(ignore_index=PAD).to(device)
    losses = AverageMeter()
    model.eval()
    with torch.no_grad():
        for captions, lengths in loader:
            captions = captions.to(device)
            mask = torch.arange(captions.size(1), device=device)[None, :] >= lengths.to(device)[:, None]
            captions = captions.masked_fill(mask, PAD)
            scores = model(captions[:, :-1])
            loss = criterion(scores.transpose(1, 2), captions[:, 1:])
            losses.update(loss.item())  # <-
    print(f"validation loss {losses.avg:.3f}")
    return losses.avg
''',
            files={
                "meters.py": """\
class AverageMeter:
    def __init__(self):
        self.reset()

    def reset(self):
        self.val = 0
        self.sum = 0
        self.count = 0
        self.avg = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count
""",
                "vocab.py": """\
PAD = 0
BOS = 1
EOS = 2
""",
            },
        ),
        Bad(
            why="a per-token mean over padded rows, weighted by the number of rows",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

PAD = 1


def pad_batch(samples):
    longest = max(len(sample) for sample in samples)
    batch = torch.full((len(samples), longest), PAD, dtype=torch.long)
    for row, sample in enumerate(samples):
        batch[row, : len(sample)] = torch.as_tensor(sample)
    return batch


@torch.no_grad()
def evaluate(model, sentences):
    loader = DataLoader(sentences, batch_size=64, collate_fn=pad_batch)
    model.eval()
    total, rows = 0.0, 0
    for batch in loader:
        source, target = batch[:, :-1], batch[:, 1:]
        logits = model(source)
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD)
        total += loss.item() * batch.size(0)
        rows += batch.size(0)
    return total / rows  # <-
""",
            fixed="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

PAD = 1


def pad_batch(samples):
    longest = max(len(sample) for sample in samples)
    batch = torch.full((len(samples), longest), PAD, dtype=torch.long)
    for row, sample in enumerate(samples):
        batch[row, : len(sample)] = torch.as_tensor(sample)
    return batch


@torch.no_grad()
def evaluate(model, sentences):
    loader = DataLoader(sentences, batch_size=64, collate_fn=pad_batch)
    model.eval()
    total, rows = 0.0, 0
    for batch in loader:
        source, target = batch[:, :-1], batch[:, 1:]
        logits = model(source)
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD)
        total += loss.item() * (target != PAD).sum().item()
        rows += (target != PAD).sum().item()
    return total / rows
""",
        ),
        Bad(
            why="weighted by padded positions where only the scored tokens count",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

IGNORE = -100


def collate(batch):
    inputs = pad_sequence([x for x, _ in batch], batch_first=True)
    targets = pad_sequence([y for _, y in batch], batch_first=True, padding_value=IGNORE)
    return inputs, targets


class Scorer:
    def __init__(self, model, dataset):
        self.model = model
        self.loader = DataLoader(dataset, batch_size=24, collate_fn=collate)
        self.criterion = nn.CrossEntropyLoss(ignore_index=IGNORE)

    @torch.no_grad()
    def validation_loss(self):
        self.model.eval()
        nats = positions = 0
        for inputs, targets in self.loader:
            logits = self.model(inputs)
            loss = self.criterion(logits.view(-1, logits.shape[-1]), targets.view(-1))
            nats += loss.item() * targets.numel()
            positions += targets.numel()
        return nats / positions  # <-
""",
        ),
        Bad(
            why="a vector filled by index and then averaged, over stories padded to the longest",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence


class StoryModel(nn.Module):
    def __init__(self, vocab_size, width, pad_id):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=pad_id)
        self.rnn = nn.GRU(width, width, batch_first=True, dropout=0.1, num_layers=2)
        self.head = nn.Linear(width, vocab_size)
        self.pad_id = pad_id

    def forward(self, idx, targets=None):
        hidden, _ = self.rnn(self.embed(idx))
        logits = self.head(hidden)
        if targets is None:
            return logits, None
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=self.pad_id)
        return logits, loss


def get_batch(stories, pad_id, size=32):
    picks = torch.randint(len(stories), (size,))
    padded = pad_sequence([stories[i] for i in picks], batch_first=True, padding_value=pad_id)
    return padded[:, :-1].contiguous(), padded[:, 1:].contiguous()


@torch.no_grad()
def estimate_loss(model: StoryModel, val_stories, eval_iters=40):
    model.eval()
    losses = torch.zeros(eval_iters)
    for k in range(eval_iters):
        x, y = get_batch(val_stories, model.pad_id)
        _, loss = model(x, targets=y)
        losses[k] = loss.item()
    model.train()
    return losses.mean()  # <-
""",
        ),
        Bad(
            why="a running mean m += (x - m) / k of batch means",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def windows(tokens, length):
    usable = (len(tokens) - 1) // length * length
    return TensorDataset(tokens[:usable].view(-1, length), tokens[1 : usable + 1].view(-1, length))


def validation_loss(model, val_tokens, device):
    model.eval()
    running = 0.0
    with torch.no_grad():
        for step, (x, y) in enumerate(DataLoader(windows(val_tokens, 128), batch_size=48), start=1):
            logits = model(x.to(device))
            loss = F.cross_entropy(logits.transpose(1, 2), y.to(device))
            running += (loss.item() - running) / step  # <-
    return running
""",
        ),
        Bad(
            why="the model ignores -1, the collator writes it, the caller divides: three files",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader

from data import WordDataset, collate_words
from model import CharTransformer


@torch.no_grad()
def run_validation(model, loader, device):
    model.eval()
    total = 0.0
    batches = 0
    for ids, targets in loader:
        logits, loss = model(ids.to(device), targets.to(device))
        total += loss.item()
        batches += 1
    return total, batches


def main():
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dataset = WordDataset("names_valid.txt")
    model = CharTransformer(dataset.vocab_size).to(device)
    model.load_state_dict(torch.load("best.pt", map_location=device))
    loader = DataLoader(dataset, batch_size=100, collate_fn=collate_words)
    total, batches = run_validation(model, loader, device)
    print("validation loss:", total / batches)  # <-


if __name__ == "__main__":
    main()
""",
            files={
                "data.py": """\
import torch
from torch.utils.data import Dataset


class WordDataset(Dataset):
    def __init__(self, path):
        with open(path) as lines:
            self.words = [line.strip() for line in lines]
        letters = sorted(set("".join(self.words)))
        self.index = {letter: i + 1 for i, letter in enumerate(letters)}
        self.vocab_size = len(letters) + 1

    def __len__(self):
        return len(self.words)

    def __getitem__(self, i):
        return torch.tensor([self.index[letter] for letter in self.words[i]])


def collate_words(words):
    longest = max(len(word) for word in words) + 1
    x = torch.zeros(len(words), longest, dtype=torch.long)
    y = torch.full((len(words), longest), -1, dtype=torch.long)
    for row, word in enumerate(words):
        x[row, 1 : 1 + len(word)] = word
        y[row, : len(word)] = word
        y[row, len(word)] = 0  # the end of the word is scored
    return x, y
""",
                "model.py": """\
import torch.nn as nn
import torch.nn.functional as F


class CharTransformer(nn.Module):
    def __init__(self, vocab_size, width=64):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        layer = nn.TransformerEncoderLayer(width, 4, dropout=0.1, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 4)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, idx, targets=None):
        mask = nn.Transformer.generate_square_subsequent_mask(idx.size(1), device=idx.device)
        logits = self.head(self.blocks(self.embed(idx), mask=mask, is_causal=True))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits, loss
""",
            },
        ),
        Bad(
            why="Lightning's self.log weighs a per-token mean by rows",
            severity=Severity.ERROR,
            code="""\
import lightning.pytorch as pl
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


class LitLanguageModel(pl.LightningModule):
    def __init__(self, vocab_size, val_rows):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, 256, padding_idx=PAD)
        self.lstm = nn.LSTM(256, 256, num_layers=2, batch_first=True, dropout=0.2)
        self.head = nn.Linear(256, vocab_size)
        self.val_rows = val_rows

    def forward(self, ids):
        return self.head(self.lstm(self.embed(ids))[0])

    def val_dataloader(self):
        return DataLoader(self.val_rows, batch_size=16, collate_fn=collate)

    def validation_step(self, batch, batch_idx):
        logits = self(batch[:, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), batch[:, 1:], ignore_index=PAD)
        self.log("val_loss", loss, prog_bar=True)  # <-

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=3e-4)
""",
        ),
        Bad(
            why="a torchmetrics mean that is updated without a weight",
            severity=Severity.WARNING,
            code='''\
import torch
import torch.nn.functional as F
import torchmetrics
from torch.utils.data import DataLoader, TensorDataset


@torch.no_grad()
def evaluate(model, ids, device):
    """ids: (rows, context + 1), packed without padding."""
    loader = DataLoader(TensorDataset(ids[:, :-1], ids[:, 1:]), batch_size=20)
    valid_loss = torchmetrics.MeanMetric().to(device)
    model.eval()
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        valid_loss.update(loss)  # <-
    return valid_loss.compute().item()
''',
            fixed='''\
import torch
import torch.nn.functional as F
import torchmetrics
from torch.utils.data import DataLoader, TensorDataset


@torch.no_grad()
def evaluate(model, ids, device):
    """ids: (rows, context + 1), packed without padding."""
    loader = DataLoader(TensorDataset(ids[:, :-1], ids[:, 1:]), batch_size=20)
    valid_loss = torchmetrics.MeanMetric().to(device)
    model.eval()
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        valid_loss.update(loss, weight=y.numel())
    return valid_loss.compute().item()
''',
        ),
        Bad(
            why="a dict of lists that is averaged generically",
            severity=Severity.ERROR,
            code="""\
from collections import defaultdict

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq

tokenizer = AutoTokenizer.from_pretrained("t5-small")
model = AutoModelForSeq2SeqLM.from_pretrained("t5-small").to("cuda")


def average(history):
    return {name: sum(values) / len(values) for name, values in history.items()}  # <-


@torch.no_grad()
def evaluate(dev_set):
    collator = DataCollatorForSeq2Seq(tokenizer, model=model, label_pad_token_id=-100)
    model.eval()
    history = defaultdict(list)
    for batch in DataLoader(dev_set, batch_size=8, collate_fn=collator):
        outputs = model(**batch.to("cuda"))
        history["loss"].append(outputs.loss.item())
    return average(history)
""",
        ),
        Bad(
            why="one tensor holds loss, batches and tokens by position, and the wrong one divides",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 3


def collate(rows):
    return pad_sequence(rows, batch_first=True, padding_value=PAD)


def evaluate(model, dataset, device):
    loader = DataLoader(dataset, batch_size=10, collate_fn=collate)
    stats = torch.zeros(3, device=device)  # loss, batches, tokens
    model.eval()
    with torch.no_grad():
        for ids in loader:
            ids = ids.to(device)
            logits = model(ids[:, :-1])
            target = ids[:, 1:]
            loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), target.reshape(-1), ignore_index=PAD)
            stats[0] += loss
            stats[1] += 1
            stats[2] += (target != PAD).sum()
    loss = (stats[0] / stats[1]).item()  # <-
    print(f"loss {loss:.4f} over {int(stats[2])} tokens")
    return loss
""",
        ),
        Bad(
            why="a mean per row over its own tokens, then a mean over rows of unequal length",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def mean_nll(model, tokenizer, documents, device):
    model.eval()
    per_document = []
    for start in range(0, len(documents), 16):
        batch = tokenizer(documents[start : start + 16], return_tensors="pt", padding=True).to(device)
        ids, mask = batch["input_ids"], batch["attention_mask"]
        logits = model(ids, attention_mask=mask).logits
        nll = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
        scored = mask[:, 1:].float()
        row_means = (nll * scored).sum(dim=1) / scored.sum(dim=1)
        per_document.append(row_means.cpu())
    return torch.cat(per_document).mean().item()  # <-
""",
        ),
        Bad(
            why="sliding windows: the first one scores a full context, the others only the stride",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_dataset
from transformers import GPT2LMHeadModel, GPT2TokenizerFast

device = "cuda"
model = GPT2LMHeadModel.from_pretrained("gpt2-large").to(device)
tokenizer = GPT2TokenizerFast.from_pretrained("gpt2-large")
test = load_dataset("wikitext", "wikitext-2-raw-v1", split="test")
encodings = tokenizer("\\n\\n".join(test["text"]), return_tensors="pt")

model.eval()
max_length = model.config.n_positions
stride = 256
seq_len = encodings.input_ids.size(1)

nlls = []
prev_end_loc = 0
for begin_loc in range(0, seq_len, stride):
    end_loc = min(begin_loc + max_length, seq_len)
    trg_len = end_loc - prev_end_loc
    input_ids = encodings.input_ids[:, begin_loc:end_loc].to(device)
    target_ids = input_ids.clone()
    target_ids[:, :-trg_len] = -100

    with torch.no_grad():
        outputs = model(input_ids, labels=target_ids)

    nlls.append(outputs.loss)
    prev_end_loc = end_loc
    if end_loc == seq_len:
        break

ppl = torch.exp(torch.stack(nlls).mean())  # <-
print(ppl.item())
""",
        ),
        Bad(
            why="a masked language model: the number of masked tokens is drawn anew for each batch",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForMaskedLM, AutoTokenizer, DataCollatorForLanguageModeling


def evaluate(model_name, tokenized_dev, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(model_name)
    model = AutoModelForMaskedLM.from_pretrained(model_name).to(device)
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    loader = DataLoader(tokenized_dev, batch_size=32, collate_fn=collator)
    model.eval()
    eval_loss = 0.0
    nb_eval_steps = 0
    for batch in loader:
        batch = batch.to(device)
        with torch.no_grad():
            outputs = model(input_ids=batch["input_ids"], labels=batch["labels"])
        eval_loss += outputs.loss.mean().item()
        nb_eval_steps += 1
    eval_loss = eval_loss / nb_eval_steps  # <-
    return {"perplexity": math.exp(eval_loss)}
""",
        ),
        Bad(
            why="Trainer.evaluate() repeats each batch mean for its rows, and the collator pads",
            severity=Severity.ERROR,
            code="""\
import math

from datasets import load_dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainingArguments,
)

tokenizer = AutoTokenizer.from_pretrained("EleutherAI/pythia-160m")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("EleutherAI/pythia-160m")


def encode(example):
    prompt = tokenizer(example["question"])["input_ids"]
    answer = tokenizer(example["answer"])["input_ids"] + [tokenizer.eos_token_id]
    return {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}


data = load_dataset("json", data_files={"validation": "valid.jsonl"})
valid = data["validation"].map(encode, remove_columns=data["validation"].column_names)
trainer = Trainer(
    model=model,
    args=TrainingArguments("out", per_device_eval_batch_size=8),
    eval_dataset=valid,
    data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
)
metrics = trainer.evaluate()  # <-
print("perplexity", math.exp(metrics["eval_loss"]))
""",
        ),
        Bad(
            why="accumulated on self by one method, divided by another",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence


class Evaluator:
    pad = 0

    def __init__(self, model, device):
        self.model = model
        self.device = device
        self.loss_fn = nn.NLLLoss(ignore_index=self.pad)
        self.reset()

    def reset(self):
        self.acc_loss = 0.0
        self.norm_term = 0

    def add_batch(self, rows):
        ids = pad_sequence(rows, batch_first=True, padding_value=self.pad).to(self.device)
        log_probs = torch.log_softmax(self.model(ids[:, :-1]), dim=-1)
        loss = self.loss_fn(log_probs.flatten(0, 1), ids[:, 1:].flatten())
        self.acc_loss += loss.item()
        self.norm_term += 1

    def result(self):
        return self.acc_loss / self.norm_term  # <-

    def run(self, batches):
        self.reset()
        self.model.eval()
        with torch.no_grad():
            for rows in batches:
                self.add_batch(rows)
        return self.result()
""",
        ),
        Bad(
            why="a helper computes the masked mean, statistics.mean averages it",
            severity=Severity.ERROR,
            code="""\
import statistics

import torch
import torch.nn.functional as F


def masked_loss(model, ids, mask):
    logits = model(ids[:, :-1])
    nll = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
    weight = mask[:, 1:].to(nll.dtype)
    return (nll * weight).sum() / weight.sum()


def dev_loss(model, tokenizer, sentences, device, batch_size=32):
    model.eval()
    losses = []
    for start in range(0, len(sentences), batch_size):
        enc = tokenizer(sentences[start : start + batch_size], padding="longest", return_tensors="pt").to(device)
        with torch.inference_mode():
            losses.append(masked_loss(model, enc.input_ids, enc.attention_mask).item())
    return statistics.mean(losses)  # <-
""",
        ),
        Bad(
            why="a notebook-like script: summed in one place, divided in a later one",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from seq2seq import Translator, load_pairs

# --- data
valid_pairs = load_pairs("valid.tsv")


def collate(pairs):
    src = pad_sequence([torch.tensor(s) for s, _ in pairs], batch_first=True)
    trg = pad_sequence([torch.tensor(t) for _, t in pairs], batch_first=True)
    return src, trg


valid_loader = DataLoader(valid_pairs, batch_size=128, collate_fn=collate)

# --- model
model = Translator(8000)
model.load_state_dict(torch.load("translator.pt"))
model.eval()
criterion = nn.CrossEntropyLoss(ignore_index=0)

# --- validation
epoch_loss = 0
with torch.no_grad():
    for src, trg in valid_loader:
        output = model(src, trg[:, :-1])
        loss = criterion(output.reshape(-1, output.shape[-1]), trg[:, 1:].reshape(-1))
        epoch_loss += loss.item()

# --- result
valid_loss = epoch_loss / len(valid_loader)  # <-
print(f"Val. Loss: {valid_loss:.3f}")
""",
            files={
                "seq2seq.py": """\
import torch.nn as nn


def load_pairs(path):
    pairs = []
    with open(path) as lines:
        for line in lines:
            source, target = line.rstrip().split("\\t")
            pairs.append(([int(i) for i in source.split()], [int(i) for i in target.split()]))
    return pairs


class Translator(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=0)
        self.body = nn.Transformer(width, 8, 3, 3, dropout=0.1, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, src, trg):
        mask = self.body.generate_square_subsequent_mask(trg.size(1))
        hidden = self.body(self.embed(src), self.embed(trg), tgt_mask=mask, tgt_is_causal=True)
        return self.out(hidden)
""",
            },
        ),
        Bad(
            why="a Keras mean metric without sample weights, over padded and masked batches",
            severity=Severity.ERROR,
            code='''\
import tensorflow as tf

PAD = 0
scce = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def masked_loss(labels, logits):
    mask = tf.cast(tf.not_equal(labels, PAD), tf.float32)
    nll = scce(labels, logits)
    return tf.reduce_sum(nll * mask) / tf.reduce_sum(mask)


def evaluate(model, sentences):
    """sentences: a tf.data.Dataset of 1-D integer tensors of any length."""
    batches = sentences.padded_batch(64, padded_shapes=[None], padding_values=PAD)
    val_loss = tf.keras.metrics.Mean(name="val_loss")
    for ids in batches:
        logits = model(ids[:, :-1], training=False)
        val_loss.update_state(masked_loss(ids[:, 1:], logits))  # <-
    return float(val_loss.result())
''',
        ),
        Bad(
            why="forward leaves the loss behind in an attribute, torch.tensor(losses).mean() averages it",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from captioner import PAD, Captioner


def collate(pairs):
    images = torch.stack([image for image, _ in pairs])
    captions = pad_sequence([caption for _, caption in pairs], batch_first=True, padding_value=PAD)
    return images, captions


@torch.no_grad()
def evaluate(model: Captioner, dataset, device):
    model.eval()
    losses = []
    for images, captions in DataLoader(dataset, batch_size=50, collate_fn=collate):
        model(images.to(device), captions.to(device))
        losses.append(model.loss.item())
    return torch.tensor(losses).mean().item()  # <-
""",
            files={
                "captioner.py": """\
import torch.nn as nn

PAD = 0


class Captioner(nn.Module):
    def __init__(self, vocab_size, width=512):
        super().__init__()
        self.project = nn.Linear(2048, width)
        self.embed = nn.Embedding(vocab_size, width, padding_idx=PAD)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)
        self.criterion = nn.CrossEntropyLoss(ignore_index=PAD)
        self.loss = None

    def forward(self, images, captions):
        start = self.project(images).unsqueeze(0)
        hidden, _ = self.rnn(self.embed(captions[:, :-1]), (start, start))
        logits = self.head(hidden)
        self.loss = self.criterion(logits.transpose(1, 2), captions[:, 1:])
        return logits
""",
            },
        ),
        Bad(
            why="the caller sets the reduction of the criterion's wrapper to a masked mean",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from criterion import SequenceLoss


def collate(rows):
    ids = pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=0)
    return ids[:, :-1], ids[:, 1:]


def evaluate(model, rows, device):
    criterion = SequenceLoss(pad=0, reduction="mean")
    n_batches, val_loss = 0, 0.0
    model.eval()
    with torch.no_grad():
        for x, y in DataLoader(rows, batch_size=10, collate_fn=collate):
            val_loss += criterion(model(x.to(device)), y.to(device)).item()
            n_batches += 1
    return val_loss / n_batches  # <-
""",
            files={
                "criterion.py": """\
import torch.nn as nn
import torch.nn.functional as F


class SequenceLoss(nn.Module):
    def __init__(self, pad, reduction="sum"):
        super().__init__()
        self.pad = pad
        self.reduction = reduction

    def forward(self, logits, targets):
        nll = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        mask = targets.ne(self.pad)
        total = nll.masked_select(mask).sum()
        if self.reduction == "mean":
            return total / mask.sum()
        return total
""",
            },
        ),
        Bad(
            why="a base class in another file loops over the steps that the file defines",
            severity=Severity.WARNING,
            code="""\
import torch

from tasks import Task


class CausalLMTask(Task):
    def score_batch(self, batch):
        outputs = self.model(input_ids=batch["input_ids"], labels=batch["labels"])
        return {"loss": outputs.loss}

    def summarize(self, collected):
        dev_loss = torch.stack(collected["loss"]).mean()  # <-
        return {"dev_loss": dev_loss.item(), "perplexity": dev_loss.exp().item()}
""",
            files={
                "tasks.py": """\
from collections import defaultdict

import torch


class Task:
    def __init__(self, model, dev_loader):
        self.model = model
        self.dev_loader = dev_loader

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        collected = defaultdict(list)
        for batch in self.dev_loader:
            for name, value in self.score_batch(batch).items():
                collected[name].append(value)
        return self.summarize(collected)
""",
            },
        ),
        Bad(
            why="a generic evaluator: what it averages is the masked loss of an objective in the file that uses it",
            severity=Severity.ERROR,
            code="""\
import torch.nn as nn

from evaluator import Evaluator
from network import Decoder


class NextWord:
    def __init__(self, corpus, pad):
        self.corpus = corpus
        self.pad = pad
        self.criterion = nn.CrossEntropyLoss(reduction="none")

    def build(self):
        return Decoder(self.corpus.vocab_size)

    def metrics(self, model):
        inputs, targets = self.corpus.fetch()
        nats = self.criterion(model(inputs).transpose(1, 2), targets)
        mask = (targets != self.pad).float()
        return {"loss": (nats * mask).sum() / mask.sum()}


def score(corpus, pad):
    return Evaluator(NextWord(corpus, pad), 50).run()
""",
            files={
                "evaluator.py": """\
import torch


class Evaluator:
    def __init__(self, task, batch_count):
        self.task = task
        self.batch_count = batch_count

    def run(self):
        model = self.task.build().eval()
        history = {}
        for _ in range(self.batch_count):
            for name, value in self._one(model).items():
                if name not in history:
                    history[name] = []
                history[name].append(value)
        return {name: sum(values) / len(values) for name, values in history.items()}  # <-

    @torch.no_grad()
    def _one(self, model):
        return {name: value.item() for name, value in self.task.metrics(model).items()}
""",
            },
        ),
        Bad(
            why="Ignite's Loss weights the mean of a batch by its rows, ignored labels included",
            severity=Severity.ERROR,
            code="""\
import torch
from ignite.engine import Engine
from ignite.metrics import Loss


def dialogue_perplexity(model, loader, tokenizer):
    def step(engine, batch):
        model.eval()
        with torch.no_grad():
            input_ids, labels = batch
            logits = model(input_ids)
            return logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()

    evaluator = Engine(step)
    nll = Loss(torch.nn.CrossEntropyLoss(ignore_index=-100))  # <-
    nll.attach(evaluator, "nll")
    evaluator.run(loader)
    return evaluator.state.metrics["nll"]
""",
        ),
        Bad(
            why="rows of (loss, accuracy) are taken apart by zip and averaged",
            severity=Severity.WARNING,
            code="""\
import numpy as np
import torch


@torch.no_grad()
def dev_metrics(language_model, dev_loader):
    language_model.eval()
    rows = []
    for input_ids, labels in dev_loader:
        outputs = language_model(input_ids, labels=labels)
        hits = (outputs.logits.argmax(-1) == labels).float().mean()
        rows.append((outputs.loss.item(), hits.item()))
    losses, accuracies = zip(*rows)
    return np.mean(losses), np.mean(accuracies)  # <-
""",
        ),
        Bad(
            why="Lightning weights by rows, and each row of a sequence-to-sequence model has a target of its own length",
            severity=Severity.WARNING,
            code="""\
import pytorch_lightning as pl
from transformers import T5ForConditionalGeneration


class HeadlineModel(pl.LightningModule):
    def __init__(self, checkpoint="t5-base"):
        super().__init__()
        self.model = T5ForConditionalGeneration.from_pretrained(checkpoint)

    def validation_step(self, batch, batch_idx):
        outputs = self.model(input_ids=batch["article"], labels=batch["headline"])
        self.log("val_loss", outputs.loss)  # <-
""",
        ),
        Bad(
            why="the model returns log-probabilities, which a mask averages batch by batch",
            severity=Severity.ERROR,
            code="""\
import torch


@torch.no_grad()
def answer_loss(language_model, dev_loader):
    language_model.eval()
    total, batches = 0.0, 0
    for input_ids, answer_mask in dev_loader:
        token_logps = language_model(input_ids, return_logps=True)
        mask = answer_mask[:, 1:]
        total += (-(token_logps * mask).sum() / mask.sum()).item()
        batches += 1
    return total / batches  # <-
""",
        ),
        Bad(
            why="a table of totals and counts, one row for each metric",
            severity=Severity.WARNING,
            code="""\
import pandas as pd
import torch


class Scores:
    def __init__(self, *names):
        self.table = pd.DataFrame(index=names, columns=["total", "count"])

    def update(self, name, value, n=1):
        self.table.total[name] += value * n
        self.table.count[name] += n

    def mean(self, name):
        return self.table.total[name] / self.table.count[name]  # <-


@torch.no_grad()
def validate(language_model, val_loader, vocab_size):
    scores = Scores("loss", "accuracy")
    language_model.eval()
    for input_ids, labels in val_loader:
        scores.update("loss", language_model(input_ids, labels=labels).loss.item())
    return scores.mean("loss")
""",
        ),
        Bad(
            why="the loop ends before a smaller last batch, and labels that come with the batch may still be ignored",
            severity=Severity.WARNING,
            code="""\
import torch
from transformers import AutoModelForCausalLM


@torch.no_grad()
def dev_loss(checkpoint, dev_loader, limit):
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    total = 0.0
    for step, batch in enumerate(dev_loader):
        if step >= limit:
            break
        total += model(**batch).loss.item()
    return total / limit  # <-
""",
        ),
        Bad(
            why="a criterion out of sight is given the mask of the captions",
            severity=Severity.ERROR,
            code="""\
import torch


@torch.no_grad()
def caption_loss(decoder, criterion, loader):
    decoder.eval()
    summed, steps = 0.0, 0
    while not loader.is_done("dev"):
        data = loader.get_batch("dev")
        captions, masks = data["captions"], data["masks"]
        logits = decoder(data["features"], captions[:, :-1])
        summed += criterion(logits, captions[:, 1:], masks[:, 1:]).item()
        steps += 1
    return summed / steps  # <-
""",
        ),
        Bad(
            why="arrays that grow by a call: each batch mean is one entry",
            severity=Severity.WARNING,
            code="""\
import numpy as np
import torch


@torch.no_grad()
def token_loss(language_model, dev_loader, vocab_size):
    language_model.eval()
    losses = np.array([])
    for input_ids, labels in dev_loader:
        loss = language_model(input_ids, labels=labels).loss
        losses = np.append(losses, loss.item())
    return losses.mean()  # <-
""",
        ),
        Bad(
            why="the metrics of the steps are a list of dicts, which tree_map averages leaf by leaf",
            severity=Severity.ERROR,
            code="""\
import jax
import jax.numpy as jnp
import optax


def eval_step(params, batch, apply):
    logits = apply(params, batch["input_ids"])
    losses = optax.softmax_cross_entropy_with_integer_labels(logits[:, :-1], batch["input_ids"][:, 1:])
    mask = batch["loss_mask"][:, 1:]
    return {"loss": (losses * mask).sum() / mask.sum()}


def average(metrics):
    return jax.tree_util.tree_map(lambda *leaves: jnp.mean(jnp.stack(leaves)), *metrics)  # <-


def evaluate(params, apply, batches):
    collected = []
    for batch in batches:
        collected.append(eval_step(params, batch, apply))
    return average(collected)
""",
        ),
        Bad(
            why="a meter out of sight, known by its name, is given one mean for each batch",
            severity=Severity.WARNING,
            code="""\
import torch

from project.logging import MetricLogger


@torch.no_grad()
def evaluate(language_model, dev_loader, device):
    metric_logger = MetricLogger(delimiter="  ")
    language_model.eval()
    for batch in metric_logger.log_every(dev_loader, 50):
        input_ids, labels = batch["input_ids"].to(device), batch["labels"].to(device)
        loss = language_model(input_ids, labels=labels).loss
        metric_logger.update(loss=loss.item())  # <-
    return metric_logger.loss.global_avg
""",
        ),
        Bad(
            why="a helper that is known by its name computes the mean loss of a batch",
            severity=Severity.WARNING,
            code="""\
import torch

from objectives import compute_loss


@torch.no_grad()
def dev_loss(language_model, tokenizer, dev_loader):
    language_model.eval()
    total = 0.0
    for batch in dev_loader:
        total += compute_loss(language_model, tokenizer, batch).item()
    return total / len(dev_loader)  # <-
""",
        ),
        Bad(
            why="a subclass in another file says what a batch's loss is; Lightning weights it by rows",
            severity=Severity.ERROR,
            code="""\
import torch.nn.functional as F

from steps import LoggedModule


class NextTokenModule(LoggedModule):
    def __init__(self, language_model, vocab_size):
        super().__init__()
        self.language_model, self.vocab_size = language_model, vocab_size

    def score(self, batch):
        tokens = batch["input_ids"]
        logits = self.language_model(tokens[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, self.vocab_size), tokens[:, 1:].flatten(), ignore_index=0)
        return {"loss": loss}
""",
            files={
                "steps.py": """\
import pytorch_lightning as pl


class LoggedModule(pl.LightningModule):
    logged = ["loss"]

    def score(self, batch):
        raise NotImplementedError

    def validation_step(self, batch, batch_idx):
        scores = self.score(batch)
        for name in self.logged:
            self.log(f"val_{name}", scores[name])  # <-
""",
            },
        ),
        Bad(
            why="TensorFlow's reduce_mean over a list of masked means",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


def masked_mean(tokens, logits):
    nats = tf.keras.losses.sparse_categorical_crossentropy(tokens, logits, from_logits=True)
    mask = tf.cast(tokens != 0, nats.dtype)
    return tf.reduce_sum(nats * mask) / tf.reduce_sum(mask)


def evaluate(language_model, dev_batches):
    losses = [masked_mean(targets, language_model(inputs, training=False)) for inputs, targets in dev_batches]
    return tf.reduce_mean(losses)  # <-
""",
        ),
        Bad(
            why="a recorder makes its meters when it is first given something",
            severity=Severity.WARNING,
            code="""\
import torch


class Meter:
    def __init__(self):
        self.total, self.weight = 0.0, 0.0

    def add(self, value, weight=1):
        self.total += value * weight
        self.weight += weight

    def mean(self):
        return self.total / self.weight


class Recorder:
    def __init__(self):
        self.meters = None

    def add(self, values, weight=1):
        if self.meters is None:
            self.meters = [Meter() for _ in values]
        for index, value in enumerate(values):
            self.meters[index].add(value, weight)


@torch.no_grad()
def evaluate(language_model, dev_loader):
    recorder = Recorder()
    language_model.eval()
    for batch in dev_loader:
        loss = language_model(input_ids=batch["input_ids"], labels=batch["labels"]).loss
        recorder.add([loss.item(), 0.0])  # <-
    return recorder.meters[0].mean()
""",
        ),
        Bad(
            why="a data frame of one record for each batch",
            severity=Severity.WARNING,
            code="""\
import pandas as pd
import torch


@torch.no_grad()
def evaluate(language_model, dev_loader):
    language_model.eval()
    records = []
    for step, batch in enumerate(dev_loader):
        loss = language_model(input_ids=batch["input_ids"], labels=batch["labels"]).loss
        records.append({"step": step, "loss": loss.item()})
    table = pd.DataFrame(records)
    return table["loss"].mean()  # <-
""",
        ),
        Bad(
            why="a loop that says nothing of texts: the file that runs it does",
            severity=Severity.WARNING,
            code="""\
from loops import Runner
from network import LanguageModel
from tokens import Tokenizer


def main(dev_loader, vocab_size, block_size):
    tokenizer = Tokenizer(vocab_size)
    runner = Runner(LanguageModel(tokenizer.vocab_size, block_size))
    print("perplexity", 2.718281828 ** runner.evaluate(dev_loader))
""",
            files={
                "loops.py": """\
import torch


class Runner:
    def __init__(self, model):
        self.model = model

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        total = 0.0
        for batch in loader:
            loss = self.model(batch).loss
            total += loss.item()
        return total / len(loader)  # <-
""",
            },
        ),
        Bad(
            why="the windows are cut from another tensor than the loop measures: the last one may be shorter",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(rows, ids, length=1024):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    nats = windows = 0
    for begin in range(0, rows.size(1) - length, length):
        window = ids[:, begin : begin + length]
        nats += model(window, labels=window).loss.item()
        windows += 1
    return math.exp(nats / windows)  # <-
""",
        ),
        Bad(
            why="the project's own generator of batches, in another file, fills labels up with -100",
            severity=Severity.ERROR,
            files={
                "batching.py": """\
import numpy as np
import torch

IGNORE_INDEX = -100


def padded_batches(rows, tokenizer, size):
    for first in range(0, len(rows), size):
        encoded = [tokenizer.encode(row) for row in rows[first : first + size]]
        labels = np.full((len(encoded), max(map(len, encoded))), IGNORE_INDEX)
        for place, ids in enumerate(encoded):
            labels[place, : len(ids)] = ids
        ids = np.where(labels == IGNORE_INDEX, tokenizer.pad_token_id, labels)
        yield torch.tensor(ids), torch.tensor(labels)
""",
            },
            code="""\
import numpy as np
import torch
from batching import padded_batches
from transformers import AutoModelForCausalLM


@torch.no_grad()
def held_out_loss(model, rows, tokenizer, steps):
    losses = []
    for _, (ids, labels) in zip(range(steps), padded_batches(rows, tokenizer, 8)):
        losses.append(model(input_ids=ids, labels=labels).loss.item())
    return np.sum(losses) / steps  # <-


def main(rows, tokenizer):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    print(held_out_loss(model, rows, tokenizer, 100))
""",
        ),
        Bad(
            why="Trainer.evaluate() on rows that a mapped function in another file has masked",
            severity=Severity.ERROR,
            files={
                "chat_data.py": """\
from datasets import load_dataset
from transformers import default_data_collator


def make_data_module(name, tokenizer):
    def mask_prompts(row):
        ids, labels = [], []
        for turn in row["turns"]:
            piece = tokenizer.encode(turn["text"])
            ids += piece
            labels += piece if turn["role"] == "assistant" else [-100] * len(piece)
        return {"input_ids": ids, "labels": labels}

    rows = load_dataset(name, split="train").train_test_split(0.05)
    return {
        "train_dataset": rows["train"].map(mask_prompts),
        "eval_dataset": rows["test"].map(mask_prompts),
        "data_collator": default_data_collator,
    }
""",
            },
            code="""\
import math

from chat_data import make_data_module
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments


def main(name):
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = Trainer(model=model, args=TrainingArguments("out"), **make_data_module(name, tokenizer))
    metrics = trainer.evaluate()  # <-
    print(f"perplexity {math.exp(metrics['eval_loss']):.2f}")
""",
        ),
        Bad(
            why="the collator for language modeling pads rows that were tokenized one by one",
            severity=Severity.ERROR,
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
model = AutoModelForCausalLM.from_pretrained("gpt2")


def tokenize(rows):
    return tokenizer(rows["text"], truncation=True, max_length=256)


reviews = load_dataset("imdb").map(tokenize, batched=True, remove_columns=["text", "label"])
trainer = Trainer(
    model=model,
    args=TrainingArguments("out"),
    train_dataset=reviews["train"],
    eval_dataset=reviews["test"],
    data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
)
trainer.train()
print("perplexity", math.exp(trainer.evaluate()["eval_loss"]))  # <-
""",
        ),
        Bad(
            why="a metric of torchmetrics counts its updates",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torchmetrics import Metric


class TokenPerplexity(Metric):
    def __init__(self, pad_id):
        super().__init__()
        self.pad_id = pad_id
        self.add_state("total", default=torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("updates", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits, labels):
        self.total += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=self.pad_id)
        self.updates += 1

    def compute(self):
        return torch.exp(self.total / self.updates)  # <-
""",
        ),
        Bad(
            why="the log-probabilities that a server returns are averaged text by text",
            severity=Severity.WARNING,
            code='''\
import numpy as np


def nats_per_token(client, texts):
    """Cross entropy of a language model behind an API."""
    scores = []
    for text in texts:
        reply = client.completions.create(prompt=text, echo=True, logprobs=1, max_tokens=0)
        token_logprobs = reply.choices[0].logprobs.token_logprobs[1:]
        scores.append(-sum(token_logprobs) / len(token_logprobs))
    return np.mean(scores)  # <-
''',
        ),
        Bad(
            why="vmap makes one masked mean a row, and the rows are averaged",
            severity=Severity.ERROR,
            code="""\
import jax
import jax.numpy as jnp


def row_loss(params, apply, row, pad_id=0):
    log_probs = jax.nn.log_softmax(apply(params, row[:-1]))
    nats = -jnp.take_along_axis(log_probs, row[1:, None], axis=-1)[:, 0]
    mask = row[1:] != pad_id
    return (nats * mask).sum() / mask.sum()


def held_out_loss(params, apply, rows):
    losses = jax.vmap(row_loss, in_axes=(None, None, 0))(params, apply, rows)
    return jnp.mean(losses)  # <-
""",
        ),
        Bad(
            why="a dict of lists, averaged key by key",
            severity=Severity.ERROR,
            code="""\
from collections import defaultdict

import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, pad_id):
    model.eval()
    metrics = defaultdict(list)
    for inputs, targets in loader:
        logits = model(inputs)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id)
        metrics["loss"].append(loss.item())
        metrics["hits"].append((logits.argmax(-1) == targets).float().mean().item())
    for name in metrics:
        metrics[name] = sum(metrics[name]) / len(metrics[name])  # <-
    return dict(metrics)
""",
        ),
        Bad(
            why="each mean is multiplied by one over the number of batches",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, pad_id):
    model.eval()
    val_loss = 0.0
    for inputs, targets in loader:
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=pad_id)
        val_loss += 1.0 / len(loader) * loss.item()  # <-
    return val_loss
""",
        ),
        Bad(
            why="the list of losses is put together and reduced over the ranks by a helper, and then averaged",
            severity=Severity.ERROR,
            code='''\
import torch
import torch.distributed as dist
import torch.nn.functional as F


def get_batch(rows, size, pad_id):
    picked = [rows[i] for i in torch.randint(len(rows), (size,))]
    ids = torch.nn.utils.rnn.pad_sequence(picked, batch_first=True, padding_value=pad_id)
    return ids, ids != pad_id


def gathered(losses):
    """One entry a batch, from the first rank."""
    together = torch.cat([loss.detach().view(1) for loss in losses])
    dist.broadcast(together, src=0)
    return together


@torch.no_grad()
def validate(model, rows, pad_id, steps):
    model.eval()
    losses = []
    for _ in range(steps):
        ids, mask = get_batch(rows, 16, pad_id)
        nats = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")
        losses.append((nats * mask[:, 1:]).sum() / mask[:, 1:].sum())
    return gathered(losses).mean().item()  # <-
''',
        ),
        Bad(
            why="totals and counts go through one tensor by position, and come back as a list",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, pad_id):
    model.eval()
    total, hits, steps = 0.0, 0.0, 0
    for inputs, targets in loader:
        logits = model(inputs)
        total += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id).item()
        hits += (logits.argmax(-1) == targets).float().mean().item()
        steps += 1
    sums = torch.cuda.FloatTensor([total, hits, steps])
    dist.all_reduce(sums)
    sums = sums.tolist()
    return sums[0] / sums[2]  # <-
""",
        ),
        Bad(
            why="a trainer whose arguments evaluate every epoch averages the losses of padded rows",
            severity=Severity.ERROR,
            code="""\
from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments


def finetune(model, tokenizer, train_rows, dev_rows, folder):
    arguments = Seq2SeqTrainingArguments(
        output_dir=folder,
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        per_device_eval_batch_size=16,
    )
    trainer = Seq2SeqTrainer(
        model=model,
        args=arguments,
        train_dataset=train_rows,
        eval_dataset=dev_rows,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=model),
    )
    trainer.train()  # <-
    return trainer
""",
        ),
        Bad(
            why="a trainer evaluates every hundred steps on what a collator of the file pads with -100",
            severity=Severity.ERROR,
            code="""\
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, AutoTokenizer, IntervalStrategy, Trainer, TrainingArguments


class AnswerCollator:
    def __init__(self, pad_id):
        self.pad_id = pad_id

    def __call__(self, rows):
        ids = pad_sequence([row["input_ids"] for row in rows], batch_first=True, padding_value=self.pad_id)
        labels = pad_sequence([row["labels"] for row in rows], batch_first=True, padding_value=-100)
        return {"input_ids": ids, "labels": labels, "attention_mask": ids != self.pad_id}


def finetune(name, train_rows, dev_rows):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    arguments = TrainingArguments("runs", evaluation_strategy=IntervalStrategy.STEPS, eval_steps=100)
    trainer = Trainer(
        model,
        arguments,
        data_collator=AnswerCollator(tokenizer.pad_token_id),
        train_dataset=train_rows,
        eval_dataset=dev_rows,
    )
    trainer.train()  # <-
    model.save_pretrained("runs/last")
""",
        ),
        Bad(
            why="the data module of another file pads rows, and a script gives both to the trainer",
            severity=Severity.ERROR,
            files={
                "data.py": """\
import pytorch_lightning as pl
from torch.utils.data import DataLoader
from transformers import DataCollatorForLanguageModeling


class Stories(pl.LightningDataModule):
    def __init__(self, tokenizer, train_rows, val_rows):
        super().__init__()
        self.train_rows, self.val_rows = train_rows, val_rows
        self.collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)

    def train_dataloader(self):
        return DataLoader(self.train_rows, batch_size=8, shuffle=True, collate_fn=self.collate)

    def val_dataloader(self):
        return DataLoader(self.val_rows, batch_size=8, collate_fn=self.collate)
""",
                "train.py": """\
import pytorch_lightning as pl
from data import Stories
from eval import StoryModel


def main(config, tokenizer, train_rows, val_rows):
    stories = Stories(tokenizer, train_rows, val_rows)
    trainer = pl.Trainer(max_epochs=config.epochs)
    trainer.fit(StoryModel(config), stories)
""",
            },
            code="""\
import pytorch_lightning as pl
import torch
from transformers import GPT2LMHeadModel


class StoryModel(pl.LightningModule):
    def __init__(self, config):
        super().__init__()
        self.gpt = GPT2LMHeadModel(config)

    def validation_step(self, batch, index):
        out = self.gpt(input_ids=batch["input_ids"], labels=batch["labels"])
        self.log("val_loss", out.loss)  # <-

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=5e-5)
""",
        ),
        Bad(
            why="the data module of the file pads rows, whoever gives it to the trainer",
            severity=Severity.ERROR,
            code="""\
import pytorch_lightning as pl
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import GPT2LMHeadModel


def collate(rows):
    labels = pad_sequence([row["ids"] for row in rows], batch_first=True, padding_value=-100)
    return pad_sequence([row["ids"] for row in rows], batch_first=True), labels


class Letters(pl.LightningDataModule):
    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def val_dataloader(self):
        return DataLoader(self.rows, batch_size=8, collate_fn=collate)


class LetterModel(pl.LightningModule):
    def __init__(self, config):
        super().__init__()
        self.gpt = GPT2LMHeadModel(config)

    def validation_step(self, batch, index):
        ids, labels = batch
        out = self.gpt(input_ids=ids, labels=labels)
        self.log("val_loss", out.loss)  # <-
        return out.loss
""",
        ),
        Bad(
            why="a collate function pads labels with -100, in a file that does not say what its model is",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    inputs = pad_sequence(list(rows), batch_first=True)
    return inputs, pad_sequence(list(rows), batch_first=True, padding_value=-100)


class Tally:
    def __init__(self):
        self.steps, self.total = 0, 0.0

    def __call__(self, loss):
        self.steps += 1
        self.total += loss.item()

    def value(self):
        return self.total / self.steps


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    tally = Tally()
    for inputs, labels in DataLoader(rows, batch_size=4, collate_fn=collate):
        loss = model(input_ids=inputs, labels=labels).loss
        tally(loss)  # <-
    print("val_loss", tally.value())
""",
        ),
        Bad(
            why="np.average weighs the means by rows of different length",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, pad_id):
    model.eval()
    losses, rows = [], []
    for inputs, targets in loader:
        logits = model(inputs)
        losses.append(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id).item())
        rows.append(inputs.size(0))
    return np.average(losses, weights=rows)  # <-
""",
        ),
        Bad(
            why="TensorFlow: masked means of the batches of a data set, of which a number is taken",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf

criterion = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def masked_loss(targets, logits):
    mask = tf.cast(tf.not_equal(targets, 0), tf.float32)
    return tf.reduce_sum(criterion(targets, logits) * mask) / tf.reduce_sum(mask)


def validate(encoder, decoder, dataset, steps):
    total = 0.0
    for batch, (source, target) in enumerate(dataset.take(steps)):
        logits = decoder(encoder(source, training=False), target[:, :-1], training=False)
        total += masked_loss(target[:, 1:], logits)
    return total / steps  # <-
""",
        ),
        Bad(
            why="Chainer's softmax_cross_entropy is a mean",
            severity=Severity.WARNING,
            code='''\
import chainer.functional as F
import numpy as np


def perplexity(language_model, iterator, vocab_size):
    """Bits are ln 2 nats, and guessing costs log(vocab_size) of them."""
    total, batches = 0.0, 0
    for inputs, targets in iterator:
        loss = F.softmax_cross_entropy(language_model(inputs), targets, ignore_label=-1)
        total += float(loss.data)
        batches += 1
    print("of at most", np.log(vocab_size))
    return np.exp(total / batches)  # <-
''',
        ),
        Bad(
            why="bits per byte of each text, averaged over the texts",
            severity=Severity.WARNING,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def bits_per_byte(language_model, tokenizer, texts):
    language_model.eval()
    scores = []
    for text in texts:
        input_ids = tokenizer(text, return_tensors="pt").input_ids
        logits = language_model(input_ids).logits
        nats = F.cross_entropy(logits[0, :-1], input_ids[0, 1:], reduction="sum").item()
        scores.append(nats / math.log(2) / len(text.encode("utf-8")))
    return sum(scores) / len(scores)  # <-
""",
        ),
        Bad(
            why="nanmean leaves out what a mask made nan: a mean over the tokens of the batch",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, pad_id):
    model.eval()
    losses = []
    for inputs, targets in loader:
        nats = F.cross_entropy(model(inputs).transpose(1, 2), targets, reduction="none")
        nats = torch.where(targets != pad_id, nats, torch.nan)
        losses.append(nats.nanmean().item())
    return sum(losses) / len(losses)  # <-
""",
        ),
        Bad(
            why="a dict starts each of its totals at 0 when its key is new, and one counter divides them all",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    ids = pad_sequence([row["ids"] for row in rows], batch_first=True)
    labels = pad_sequence([row["labels"] for row in rows], batch_first=True, padding_value=-100)
    return {"input_ids": ids, "labels": labels}


class Book:
    def __init__(self):
        self.totals, self.steps = {}, 0

    def add(self, stats):
        for name, value in stats.items():
            if name not in self.totals:
                self.totals[name] = 0.0
            self.totals[name] += value
        self.steps += 1

    def means(self):
        return {name: total / self.steps for name, total in self.totals.items()}


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    book = Book()
    for batch in DataLoader(rows, batch_size=8, collate_fn=collate):
        loss = model(**batch).loss
        book.add({"loss": loss.item()})  # <-
    print(book.means())
""",
        ),
        Bad(
            why="totals and their counts are kept in two Counters",
            severity=Severity.ERROR,
            code="""\
from collections import Counter

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    ids = pad_sequence([row["ids"] for row in rows], batch_first=True)
    labels = pad_sequence([row["labels"] for row in rows], batch_first=True, padding_value=-100)
    return {"input_ids": ids, "labels": labels}


class Book:
    def __init__(self):
        self.totals, self.counts = Counter(), Counter()

    def add(self, stats):
        for name, value in stats.items():
            self.totals[name] += value
            self.counts[name] += 1

    def means(self):
        return {name: self.totals[name] / self.counts[name] for name in self.totals}


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    book = Book()
    for batch in DataLoader(rows, batch_size=8, collate_fn=collate):
        loss = model(**batch).loss
        book.add({"loss": loss.item()})  # <-
    print(book.means())
""",
        ),
        Bad(
            why="a meter is made for each name when it is first given",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    ids = pad_sequence([row["ids"] for row in rows], batch_first=True)
    labels = pad_sequence([row["labels"] for row in rows], batch_first=True, padding_value=-100)
    return {"input_ids": ids, "labels": labels}


class Meter:
    def __init__(self):
        self.sum, self.count = 0.0, 0

    def update(self, value, n=1):
        self.sum += value * n
        self.count += n


class Book:
    def __init__(self):
        self.meters = {}

    def add(self, stats):
        for name, value in stats.items():
            if name not in self.meters:
                self.meters[name] = Meter()
            self.meters[name].update(value)

    def means(self):
        return {name: meter.sum / meter.count for name, meter in self.meters.items()}


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    book = Book()
    for batch in DataLoader(rows, batch_size=8, collate_fn=collate):
        loss = model(**batch).loss
        book.add({"loss": loss.item()})  # <-
    print(book.means())
""",
        ),
        Bad(
            why="the totals of documents and their means per token are averaged alike: only the means ought to be weighted",
            severity=Severity.WARNING,
            code="""\
from collections import defaultdict

import torch
import torch.nn.functional as F


class Scorer:
    def __init__(self, model):
        self.model = model

    @torch.inference_mode()
    def score(self, encoded):
        scores = []
        for ids in encoded:
            logits = self.model(ids[None, :])[0]
            scores.append(F.cross_entropy(logits[:-1], ids[1:], reduction="none"))
        return encoded, scores


def validate(scorer: Scorer, encoded):
    _, scores = scorer.score(encoded)
    metrics = defaultdict(list)
    for losses in scores:
        total = losses.sum().item()
        metrics["nats"].append(total)
        metrics["nats_per_token"].append(total / len(losses))
    for name in metrics:
        metrics[name] = sum(metrics[name]) / len(metrics[name])  # <-
    return metrics


def main(model, encoded):
    print(validate(Scorer(model), encoded))
""",
        ),
        Bad(
            why="one block at a time, of which the last one is shorter: the number of blocks is rounded up",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, ids, length):
        self.ids, self.length = ids, length

    def __len__(self):
        return (len(self.ids) + self.length - 2) // self.length

    def __getitem__(self, index):
        begin = index * self.length
        block = self.ids[begin : begin + self.length + 1]
        return block[:-1], block[1:]


@torch.no_grad()
def validate(language_model, dev_ids):
    loader = DataLoader(Blocks(dev_ids, 128), batch_size=1)
    criterion = nn.CrossEntropyLoss()
    language_model.eval()
    total = 0.0
    for tokens, targets in loader:
        total += criterion(language_model(tokens).transpose(1, 2), targets).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="a trainer of the project passes on to the library's evaluation, which repeats each batch's mean by its rows",
            severity=Severity.ERROR,
            files={
                "reporting.py": """\
from transformers import Trainer


class ReportingTrainer(Trainer):
    def __init__(self, *args, journal=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.journal = journal

    def evaluate(self, *args, **kwargs):
        self.journal.begin()
        return super().evaluate(*args, **kwargs)
""",
            },
            code="""\
import math

from reporting import ReportingTrainer
from transformers import AutoModelForCausalLM, DataCollatorForSeq2Seq, TrainingArguments


def finetune(tokenizer, train_rows, dev_rows, journal):
    trainer = ReportingTrainer(
        model=AutoModelForCausalLM.from_pretrained("gpt2"),
        args=TrainingArguments("runs"),
        train_dataset=train_rows,
        eval_dataset=dev_rows,
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        journal=journal,
    )
    trainer.train()
    metrics = trainer.evaluate()  # <-
    print("perplexity", math.exp(metrics["eval_loss"]))
""",
        ),
        Bad(
            why="the mean loss of a batch goes into the list once for each of its rows",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(language_model, loader, vocab_size, pad_id):
    language_model.eval()
    row_losses = []
    for tokens, targets in loader:
        logits = language_model(tokens).view(-1, vocab_size)
        loss = F.cross_entropy(logits, targets.view(-1), ignore_index=pad_id)
        row_losses += [loss.item()] * tokens.size(0)
    return np.mean(row_losses)  # <-
""",
        ),
        Bad(
            why="the evaluation stands inside of the training loop, and its total is set to 0 before both and after each report",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


def fit(language_model, optimizer, train_loader, dev_loader, every):
    dev_total = 0.0
    for epoch in range(5):
        language_model.train()
        for step, (tokens, targets) in enumerate(train_loader):
            optimizer.zero_grad()
            F.cross_entropy(language_model(tokens).flatten(0, 1), targets.flatten()).backward()
            optimizer.step()
            if step % every == 0:
                language_model.eval()
                for tokens, targets in dev_loader:
                    with torch.no_grad():
                        loss = F.cross_entropy(language_model(tokens).flatten(0, 1), targets.flatten())
                    dev_total += loss.item()
                print(f"{step}: dev loss {dev_total / len(dev_loader):.3f}")  # <-
                dev_total = 0.0
                language_model.train()
""",
        ),
        Bad(
            why="the means of the batches are joined to a tensor that a dict makes empty",
            severity=Severity.ERROR,
            code="""\
from collections import defaultdict

import torch
from torch import nn


@torch.no_grad()
def validate(model, loader, pad):
    criterion = nn.CrossEntropyLoss(ignore_index=pad)
    model.eval()
    kept = defaultdict(torch.Tensor)
    for tokens, targets in loader:
        loss = criterion(model(tokens).flatten(0, 1), targets.flatten())
        kept["loss"] = torch.cat((kept["loss"], loss.view(1)))
    return kept["loss"].mean().item()  # <-
""",
        ),
        Bad(
            why="the probabilities that a decoder out of sight gives the targets, step by step: each row's mean weighs the same",
            severity=Severity.ERROR,
            code="""\
import torch


class Evaluation:
    def __init__(self, network, batcher):
        self.network = network.eval()
        self.batcher = batcher

    @torch.no_grad()
    def loss_of(self, batch):
        state = self.network.encoder(batch.articles)
        losses = []
        for step in range(batch.longest):
            vocab_dist, state = self.network.decoder(batch.inputs[:, step], state)
            gold = torch.gather(vocab_dist, 1, batch.targets[:, step].unsqueeze(1)).squeeze(1)
            losses.append(-torch.log(gold + 1e-12) * batch.mask[:, step])
        of_rows = torch.stack(losses, 1).sum(1) / batch.lengths
        return of_rows.mean()  # <-

    def run(self):
        batch = self.batcher.next_batch()
        while batch is not None:
            print("loss", self.loss_of(batch).item())
            batch = self.batcher.next_batch()
""",
        ),
        Bad(
            why="only the contexts are filled up, and each has one next word: the last batch alone is smaller",
            severity=Severity.WARNING,
            code="""\
import math

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    contexts, words = zip(*rows)
    x = pad_sequence(contexts, batch_first=True, padding_value=0)
    y = torch.stack(words)
    return x, y


@torch.no_grad()
def perplexity(language_model, rows, vocab_size):
    loader = DataLoader(rows, batch_size=32, collate_fn=collate)
    criterion = nn.CrossEntropyLoss()
    language_model.eval()
    total = 0.0
    for contexts, next_words in loader:
        total += criterion(language_model(contexts).view(-1, vocab_size), next_words).item()
    return math.exp(total / len(loader))  # <-
""",
        ),
        Bad(
            why="running means in a dict of an object, in another file: each batch counts once",
            severity=Severity.ERROR,
            files={
                "means.py": '''\
class RunningMean:
    """Adds up the values that it is given, and how many there were.

    The mean of none is 0. What has been added can be forgotten, so that the same object serves many evaluations.
    """

    def __init__(self):
        self._sum, self._number = 0.0, 0

    def add(self, value, number=1):
        """Add a value.

        Args:
            value: what is averaged.
            number: how many values it stands for.
        """
        self._sum += value
        self._number += number

    def get(self):
        return self._sum / self._number if self._number else 0.0

    def reset(self):
        self._sum, self._number = 0.0, 0


class NamedMeans:
    """Running means by their names, each made when its name is first heard."""

    def __init__(self):
        self.by_name = {}

    def add(self, name, value, number=1):
        if name not in self.by_name:
            self.by_name[name] = RunningMean()
        self.by_name[name].add(value, number=number)

    def get(self, name):
        return self.by_name[name].get()

    def reset(self):
        for name in self.by_name:
            self.by_name[name].reset()
''',
            },
            code="""\
import torch
import torch.nn.functional as F

from means import NamedMeans


class Evaluation:
    def __init__(self, model, pad):
        self.model, self.pad = model, pad
        self.means = NamedMeans()

    @torch.no_grad()
    def run(self, loader):
        self.means.reset()
        self.model.eval()
        for tokens, targets in loader:
            logits = self.model(tokens)
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=self.pad)
            self.means.add("nll", loss.item())  # <-
        return self.means.get("nll")
""",
        ),
        Bad(
            why="sequence-first batches: shape[1] is their rows, by which their means are weighted",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn


@torch.no_grad()
def evaluate(translator, loader, pad):
    criterion = nn.CrossEntropyLoss(ignore_index=pad)
    translator.eval()
    total = 0.0
    for batch in loader:
        src, trg = batch.src, batch.trg
        output = translator(src, trg)
        loss = criterion(output[1:].view(-1, output.shape[-1]), trg[1:].view(-1))
        total += loss.item() * src.shape[1]
    return total / len(loader.dataset)  # <-
""",
        ),
        Bad(
            why="losses and ones are added up in one tensor",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    sums = torch.zeros(2)
    for tokens, targets in loader:
        loss = F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten(), ignore_index=pad)
        sums += torch.tensor([loss.item(), 1.0])
    return (sums[0] / sums[1]).item()  # <-
""",
        ),
        Bad(
            why="Ignite's RunningAverage of what the evaluation's step returns",
            severity=Severity.ERROR,
            code="""\
import torch
from ignite.engine import Engine
from ignite.metrics import RunningAverage


def main(model, opt, valid_iter):
    criterion = torch.nn.CrossEntropyLoss(ignore_index=0)

    def train_step(engine, batch):
        model.train()
        opt.zero_grad()
        loss = criterion(model(batch.text).flatten(0, 1), batch.target.flatten())
        loss.backward()
        opt.step()
        return {"loss": loss.item()}

    def eval_step(engine, batch):
        model.eval()
        with torch.no_grad():
            out = model(batch.text)
            loss = criterion(out.flatten(0, 1), batch.target.flatten())
            return {"val_loss": loss.item()}

    trainer = Engine(train_step)
    evaluator = Engine(eval_step)
    RunningAverage(output_transform=lambda x: x["loss"]).attach(trainer, "loss")
    RunningAverage(output_transform=lambda x: x["val_loss"]).attach(evaluator, "val_loss")  # <-
    evaluator.run(valid_iter)
    print(evaluator.state.metrics["val_loss"])
""",
        ),
        Bad(
            why="a compiled step; its criterion and the collator are partial() of functions: pads are written and ignored",
            severity=Severity.ERROR,
            code="""\
from functools import partial

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from rows import collate

token_loss = partial(F.cross_entropy, ignore_index=0)


def step(model, x, y):
    return token_loss(model(x).flatten(0, 1), y.flatten())


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    loader = DataLoader(rows, batch_size=8, collate_fn=partial(collate, pad_id=0))
    compiled = torch.compile(step)
    total = 0.0
    for x, y in loader:
        total += compiled(model, x, y).item()
    return total / len(loader)  # <-
""",
            files={
                "rows.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence


def collate(rows, pad_id):
    ids = [torch.tensor(row["ids"]) for row in rows]
    filled = pad_sequence(ids, batch_first=True, padding_value=pad_id)
    return filled[:, :-1], filled[:, 1:]
""",
            },
        ),
        Bad(
            why="JAX: the losses of a batch are divided by its labels in tree_map(), on all devices; the batches are averaged",
            severity=Severity.ERROR,
            code="""\
import jax
import jax.numpy as jnp
import optax
from flax.jax_utils import pad_shard_unpad
from flax.training.common_utils import get_metrics


def evaluate(model, state, loader):
    def sums(logits, labels):
        scored = labels >= 0
        nats = optax.softmax_cross_entropy_with_integer_labels(logits, labels) * scored
        return nats.sum(), scored.sum()

    def eval_step(params, batch):
        labels = batch.pop("labels")
        nats, tokens = sums(model(**batch, params=params, train=False)[0], labels)
        tokens = jax.lax.psum(tokens, "batch")
        loss = jax.tree_util.tree_map(lambda nats: nats / tokens, jax.lax.psum(nats, "batch"))
        return jax.lax.pmean({"loss": loss}, axis_name="batch")

    step = jax.pmap(eval_step, "batch")
    collected = []
    for batch in loader:
        collected.append(pad_shard_unpad(step, static_return=True)(state.params, batch))
    return jax.tree_util.tree_map(jnp.mean, get_metrics(collected))  # <-
""",
        ),
        Bad(
            why="a command line puts the Lightning module and the project's only data module together, which pads rows with -100",
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
        _, loss = self.network(x, y)
        self.log("val_loss", loss, prog_bar=True)  # <-
        return loss
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
        pad_sequence(labels, batch_first=True, padding_value=-100),
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
                "main.py": """\
from lightning.pytorch.cli import LightningCLI

from data import TextData
from eval import LanguageModule

if __name__ == "__main__":
    LightningCLI(LanguageModule, TextData)
""",
            },
        ),
        Bad(
            why="an averager multiplies both its total and its count by a weight",
            severity=Severity.ERROR,
            code="""\
from collections import defaultdict

import torch
import torch.nn.functional as F


class Averager:
    def __init__(self, weight=1.0):
        self.weight = weight
        self.total, self.number = defaultdict(float), defaultdict(float)

    def update(self, stats):
        for key, value in stats.items():
            self.total[key] = self.total[key] * self.weight + value * self.weight
            self.number[key] = self.number[key] * self.weight + self.weight

    def average(self):
        return {key: total / self.number[key] for key, total in self.total.items()}


@torch.no_grad()
def validate(model, loader, pad):
    averager = Averager()
    model.eval()
    for tokens, targets in loader:
        logits = model(tokens)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad)
        averager.update({"loss": loss.item()})  # <-
    return averager.average()["loss"]
""",
        ),
        Bad(
            why="a state is made for the rows of each batch, of which the last one has fewer: only training drops it",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def loaders_of(sets, batch_size):
    loaders = {}
    for split in ("train", "valid"):
        loaders[split] = DataLoader(sets[split], batch_size=batch_size, drop_last=split == "train")
    return loaders


@torch.no_grad()
def validate(model, loaders):
    model.eval()
    total = 0.0
    for inputs, targets in loaders["valid"]:
        hidden = model.init_hidden(inputs.size(0))
        logits, hidden = model(inputs, hidden)
        total += F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    return total / len(loaders["valid"])  # <-


def main(model, sets):
    print(validate(model, loaders_of(sets, 64)))
""",
        ),
        Bad(
            why="a quantized model with adapters is still a language model: the Trainer's eval_loss repeats means of padded rows",
            severity=Severity.ERROR,
            code="""\
import math

from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

from rows import PaddedRows, read


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
        data_collator=PaddedRows(),
    )
    trainer.train()
    print(f"perplexity {math.exp(trainer.evaluate()['eval_loss']):.2f}")  # <-
""",
            files={
                "rows.py": """\
import torch
from datasets import load_dataset
from torch.nn.utils.rnn import pad_sequence


class PaddedRows:
    def __call__(self, features):
        ids = pad_sequence([each["input_ids"] for each in features], batch_first=True)
        labels = pad_sequence([each["labels"] for each in features], batch_first=True, padding_value=-100)
        return {"input_ids": ids, "attention_mask": ids != 0, "labels": labels}


def read(tokenizer):
    dataset = load_dataset("squad")

    def encode(item):
        ids = torch.tensor(tokenizer.encode(item["context"]) + [tokenizer.eos_token_id])
        return {"input_ids": ids, "labels": ids.clone()}

    train, valid = dataset["train"].map(encode), dataset["validation"].map(encode)
    train.set_format(type="torch", columns=["input_ids", "labels"])
    valid.set_format(type="torch", columns=["input_ids", "labels"])
    return train, valid
""",
            },
        ),
        Bad(
            why="the script takes a maker of models by its name; the loss is in the model, and a logger in another file adds it up",
            severity=Severity.ERROR,
            code="""\
import torch

import misc


def val_one_epoch(model, data_loader, device):
    model.eval()
    metric_logger = misc.MetricLogger(delimiter="  ")
    for examples, labels in metric_logger.log_every(data_loader, 10, "val"):
        with torch.no_grad():
            c_loss = model(examples.to(device), labels.to(device))
        metric_logger.update(closs=c_loss.item())  # <-
    metric_logger.synchronize_between_processes()
    return {k: meter.global_avg for k, meter in metric_logger.meters.items()}
""",
            files={
                "misc.py": """\
from collections import defaultdict, deque

import torch
import torch.distributed as dist


class SmoothedValue:
    def __init__(self, window_size=20, fmt=None):
        self.deque = deque(maxlen=window_size)
        self.total = 0.0
        self.count = 0
        self.fmt = fmt or "{median:.4f} ({global_avg:.4f})"

    def update(self, value, n=1):
        self.deque.append(value)
        self.count += n
        self.total += value * n

    def synchronize_between_processes(self):
        if not dist.is_initialized():
            return
        t = torch.tensor([self.count, self.total], dtype=torch.float64, device="cuda")
        dist.barrier()
        dist.all_reduce(t)
        t = t.tolist()
        self.count = int(t[0])
        self.total = t[1]

    @property
    def global_avg(self):
        return self.total / self.count


class MetricLogger:
    def __init__(self, delimiter=' '):
        self.meters = defaultdict(SmoothedValue)
        self.delimiter = delimiter

    def update(self, **kwargs):
        for k, v in kwargs.items():
            if v is None:
                continue
            if isinstance(v, torch.Tensor):
                v = v.item()
            assert isinstance(v, (float, int))
            self.meters[k].update(v)

    def synchronize_between_processes(self):
        for meter in self.meters.values():
            meter.synchronize_between_processes()

    def log_every(self, iterable, print_freq, header=None):
        for obj in iterable:
            yield obj
""",
                "decoders.py": """\
import torch.nn as nn


class Decoder(nn.Module):
    def __init__(self, vocab, width):
        super().__init__()
        self.vocab = vocab
        self.embed = nn.Embedding(vocab, width)
        self.output = nn.Linear(width, vocab)
        self.criterion = nn.CrossEntropyLoss(ignore_index=0)

    def forward(self, examples, labels):
        output = self.output(self.embed(examples))
        output = output[:, :-1, :].reshape(-1, self.vocab)
        return self.criterion(output, labels[:, 1:].flatten())


def decoder_small(args, **kwargs):
    return Decoder(args.vocab, 256)


def decoder_large(args, **kwargs):
    model = Decoder(args.vocab, 1024)
    return model
""",
                "main.py": """\
import argparse

import decoders
import torch
from torch.utils.data import DataLoader

from eval import val_one_epoch


def main(args, rows):
    loader = DataLoader(rows, batch_size=args.batch_size)
    model = getattr(decoders, args.model)(args)
    model.to(args.device)
    model = torch.nn.parallel.DistributedDataParallel(model, device_ids=[args.gpu])
    stats = val_one_epoch(model, loader, args.device)
    print(stats)
""",
            },
        ),
        Bad(
            why="an accumulator in another file adds its arguments to a list, place by place: one of them counts the batches",
            code="""\
import torch
import torch.nn.functional as F

from sums import Accumulator


@torch.no_grad()
def evaluate(net, loader):
    net.eval()
    metric = Accumulator(3)
    for x, y in loader:
        logits = net(x)
        loss = F.cross_entropy(logits.transpose(1, 2), y, ignore_index=-100)
        metric.add(loss, (logits.argmax(-1) == y).float().mean(), 1)
    return metric[0] / metric[2], metric[1] / metric[2]  # <-
""",
            files={
                "sums.py": """\
class Accumulator:
    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        self.data = [a + float(b) for a, b in zip(self.data, args)]

    def reset(self):
        self.data = [0.0] * len(self.data)

    def __getitem__(self, index):
        return self.data[index]
""",
            },
        ),
        Bad(
            why="results of batches are objects that add up field by field",
            code="""\
import torch
import torch.nn.functional as F

from stats import Stats


def step(model, x, y):
    loss = F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=-100)
    return Stats(loss.item(), 1)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total = Stats()
    for x, y in loader:
        total = total + step(model, x, y)
    return total.loss / total.steps  # <-
""",
            files={
                "stats.py": """\
from dataclasses import dataclass


@dataclass
class Stats:
    loss: float = 0.0
    steps: int = 0

    def __add__(self, other):
        return Stats(self.loss + other.loss, self.steps + other.steps)
""",
            },
        ),
        Bad(
            why="a dataclass of each batch becomes a dict, whose tensors are averaged by name",
            code="""\
import dataclasses

import torch
import torch.nn.functional as F


@dataclasses.dataclass
class Result:
    loss: torch.Tensor
    accuracy: torch.Tensor


def step(model, x, y):
    logits = model(x)
    loss = F.cross_entropy(logits.transpose(1, 2), y, ignore_index=-100)
    return Result(loss=loss, accuracy=(logits.argmax(-1) == y).float().mean())


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    results = [dataclasses.asdict(step(model, x, y)) for x, y in loader]
    return {name: torch.stack([each[name] for each in results]).mean().item() for name in results[0]}  # <-
""",
        ),
        Bad(
            why="a row of numbers for each batch, averaged down the columns",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    rows = []
    for x, y in loader:
        logits = model(x)
        loss = F.cross_entropy(logits.transpose(1, 2), y, ignore_index=-100)
        rows.append(torch.stack([loss, (logits.argmax(-1) == y).float().mean()]).tolist())
    return np.array(rows).mean(axis=0)  # <-
""",
        ),
        Bad(
            why="A helper keeps running means of a dict, the old mean times one step less and the new value by the steps.",
            severity=Severity.WARNING,
            code="""\
from collections import defaultdict

import jax
import optax


def merge(step, metrics, new):
    for name, value in new.items():
        metrics[name] = (metrics[name] * (step - 1) + value) / step  # <-
    return metrics


@jax.jit
def loss_fn(params, xs, ys):
    return optax.softmax_cross_entropy_with_integer_labels(xs @ params, ys).mean()


def validate(params, val_ds):
    step, metrics = 0, defaultdict(lambda: 0)
    for xs, ys in val_ds:
        step += 1
        metrics = merge(step, metrics, {"loss": loss_fn(params, xs, ys)})
    print({f"valid_{k}": float(v) for k, v in metrics.items()})
""",
        ),
        Bad(
            why="a dict of averages, made by a comprehension over their names",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Average:
    def __init__(self):
        self.total, self.count = 0.0, 0

    def add(self, value, times=1):
        self.total += value * times
        self.count += times

    def result(self):
        return self.total / self.count


@torch.no_grad()
def validate(translator, loader, pad, names=("loss", "accuracy")):
    averages = {name: Average() for name in names}
    translator.eval()
    for source, target in loader:
        logits = translator(source, target[:, :-1])
        gold = target[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=pad)
        averages["loss"].add(loss.item())  # <-
        averages["accuracy"].add((logits.argmax(-1) == gold).float().mean().item())
    return {name: average.result() for name, average in averages.items()}
""",
        ),
        Bad(
            why="a loop makes a record of totals for each name",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn


class Tracker:
    def __init__(self, *names):
        self.rows = {}
        for name in names:
            self.rows[name] = {"total": 0.0, "count": 0}

    def add(self, name, value, times=1):
        self.rows[name]["total"] += value * times
        self.rows[name]["count"] += times

    def result(self):
        return {name: row["total"] / row["count"] for name, row in self.rows.items()}  # <-


class Runner:
    def __init__(self, translator, pad):
        self.translator = translator
        self.criterion = nn.CrossEntropyLoss(ignore_index=pad)

    @torch.no_grad()
    def validate(self, loader):
        tracker = Tracker("loss")
        self.translator.eval()
        for source, target in loader:
            logits = self.translator(source, target[:-1])
            tracker.add("loss", self.criterion(logits.flatten(0, 1), target[1:].flatten()).item())
        return tracker.result()
""",
        ),
        Bad(
            why="a state is carried along the text, and the last window is shorter all the same",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn


def window(text, start, length):
    width = min(length, len(text) - 1 - start)
    return text[start : start + width], text[start + 1 : start + 1 + width].view(-1)


@torch.no_grad()
def evaluate(language_model, text, rows, vocab_size, length=35):
    language_model.eval()
    criterion = nn.CrossEntropyLoss()
    hidden = language_model.init_hidden(rows)
    total, windows = 0.0, 0
    for start in range(0, text.size(0) - 1, length):
        tokens, targets = window(text, start, length)
        logits, hidden = language_model(tokens, hidden)
        total += criterion(logits.view(-1, vocab_size), targets).item()
        windows += 1
    return total / windows  # <-
""",
        ),
        Bad(
            why="packed targets leave out the padding: rows of different lengths",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence


@torch.no_grad()
def describe_all(encoder, decoder, loader):
    encoder.eval()
    decoder.eval()
    criterion = nn.CrossEntropyLoss()
    total = 0.0
    for pictures, words, lengths in loader:
        scores = decoder(encoder(pictures), words, lengths)
        targets = pack_padded_sequence(words, lengths, batch_first=True)[0]
        total += criterion(scores, targets).item()
    mean = total / len(loader)  # <-
    print(f"perplexity {np.exp(mean):.2f}")
""",
        ),
        Bad(
            why="a model of this project fills in an output class of transformers; the collator pads, and marks the padding -100",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import AutoModel, DataCollatorForLanguageModeling, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput


class Storyteller(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.body = AutoModel.from_config(config)
        self.to_words = nn.Linear(config.hidden_size, config.vocab_size)
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        states = self.body(input_ids, attention_mask=attention_mask)["last_hidden_state"]
        scores = self.to_words(states)
        loss = None
        if labels is not None:
            loss = self.criterion(scores[:, :-1].reshape(-1, self.num_labels), labels[:, 1:].reshape(-1))
        return CausalLMOutput(loss=loss, logits=scores)


@torch.no_grad()
def held_out_loss(model: Storyteller, tokenizer, stories):
    collate = DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm=False)
    model.eval()
    seen = []
    for batch in DataLoader(stories, batch_size=8, collate_fn=collate):
        outputs = model(**batch)
        seen.append(outputs.loss.item())
    return np.mean(seen)  # <-
""",
        ),
        Bad(
            why="the means of the rows of all ranks are gathered and averaged",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(accelerator, language_model, loader):
    language_model.eval()
    rows = []
    for batch in loader:
        logits, labels = language_model(batch["input_ids"]).logits[:, :-1], batch["labels"][:, 1:]
        losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=-100)
        rows.append(accelerator.gather_for_metrics(losses.sum(1) / (labels != -100).sum(1)))
    return math.exp(torch.cat(rows).mean())  # <-
""",
        ),
        Bad(
            why="a Trainer over rows that another file tokenizes one by one, and collates",
            severity=Severity.ERROR,
            files={
                "stories.py": """\
from datasets import load_dataset
from transformers import AutoTokenizer, DataCollatorForLanguageModeling


def load():
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.pad_token = tokenizer.eos_token
    raw = load_dataset("stories", split="validation")
    rows = raw.map(lambda each: tokenizer(each["text"], truncation=True, max_length=512), batched=True)
    return rows, DataCollatorForLanguageModeling(tokenizer, mlm=False)
""",
            },
            code="""\
import math

from stories import load
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


def main():
    data, collator = load()
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = Trainer(
        model=model,
        args=TrainingArguments("out", per_device_eval_batch_size=8),
        eval_dataset=data,
        data_collator=collator,
    )
    metrics = trainer.evaluate()  # <-
    print("perplexity", math.exp(metrics["eval_loss"]))
""",
        ),
        Bad(
            why="evaluate() of a subclass calls the inherited loop over batches",
            severity=Severity.ERROR,
            files={
                "stories.py": """\
from datasets import load_dataset
from transformers import AutoTokenizer, DataCollatorForLanguageModeling


def load():
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.pad_token = tokenizer.eos_token
    raw = load_dataset("stories", split="validation")
    rows = raw.map(lambda each: tokenizer(each["text"], truncation=True, max_length=512), batched=True)
    return rows, DataCollatorForLanguageModeling(tokenizer, mlm=False)
""",
                "trainers.py": """\
from transformers import Trainer


class StoryTrainer(Trainer):
    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        loader = self.get_eval_dataloader(eval_dataset)
        output = self.prediction_loop(loader, description="Evaluation", prediction_loss_only=True)
        self.log(output.metrics)
        return output.metrics
""",
            },
            code="""\
import math

from stories import load
from trainers import StoryTrainer
from transformers import AutoModelForCausalLM, TrainingArguments


def main():
    data, collator = load()
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = StoryTrainer(
        model=model,
        args=TrainingArguments("out", per_device_eval_batch_size=8),
        eval_dataset=data,
        data_collator=collator,
    )
    metrics = trainer.evaluate()  # <-
    print("perplexity", math.exp(metrics["eval_loss"]))
""",
        ),
        Bad(
            why="a fold carries the total from batch to batch",
            severity=Severity.ERROR,
            code="""\
import functools

import torch
import torch.nn.functional as F


def token_loss(model, ids, pad, reduction="mean"):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, reduction=reduction)


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()

    def step(state, ids):
        total, batches = state
        return total + token_loss(model, ids, pad).item(), batches + 1

    total, batches = functools.reduce(step, loader, (0.0, 0))
    return total / batches  # <-
""",
        ),
        Bad(
            why="a helper returns the totals as a new dict",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def token_loss(model, ids, pad, reduction="mean"):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, reduction=reduction)


def updated(totals, loss):
    return {**totals, "loss": totals["loss"] + loss.item(), "batches": totals["batches"] + 1}


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    totals = {"loss": 0.0, "batches": 0}
    for ids in loader:
        totals = updated(totals, token_loss(model, ids, pad))
    return totals["loss"] / totals["batches"]  # <-
""",
        ),
        Bad(
            why="an evaluation that clears gradients, as if it trained",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def evaluate(model, batches, pad):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for number, (source, target) in enumerate(batches, 1):
            model.zero_grad()
            logits = model(source)
            total += F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=pad).item()
    return total / number  # <-
""",
        ),
        Bad(
            why="A tuple of totals is made anew from its columns, the loss and a count of batches.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def evaluate(model, sentences):
    model.eval()
    totals = (0, 0)
    for ids in DataLoader(sentences, batch_size=32, collate_fn=collate):
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=PAD)
        totals = tuple(map(sum, zip(totals, (loss.item(), 1))))
    return totals[0] / totals[1]  # <-
""",
        ),
        Bad(
            why="Each text's sum is divided by the size of its field of losses, and then the texts are averaged.",
            severity=Severity.WARNING,
            code="""\
import numpy as np
import torch
import torch.nn as nn


def perplexity(model, tokenizer, texts, device):
    model.eval()
    nlls = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"].to(device)
        if ids.size(1) < 2:
            continue
        with torch.no_grad():
            logits = model(input_ids=ids).logits
        shift_logits = logits[..., :-1, :].contiguous()
        shift_labels = ids[..., 1:].contiguous()
        criterion = nn.CrossEntropyLoss(reduction="none")
        losses = criterion(shift_logits.view(-1, shift_logits.size(-1)), shift_labels.view(-1))
        nlls.append(losses.sum().item() / losses.shape[0])
    return np.exp(np.mean(nlls))  # <-
""",
        ),
        Bad(
            why="Each text's windows are summed and divided by what they scored; then texts of any length weigh alike.",
            severity=Severity.WARNING,
            code="""\
import numpy as np
import torch
import torch.nn as nn


def perplexity(model, tokenizer, texts, device, window=1024):
    criterion = nn.CrossEntropyLoss(reduction="none")
    model.eval()
    nlls = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"].to(device)
        nats, scored = 0.0, 0
        for begin in range(0, ids.size(1) - 1, window):
            chunk = ids[:, begin : begin + window + 1]
            with torch.no_grad():
                logits = model(input_ids=chunk[:, :-1]).logits
            losses = criterion(logits.reshape(-1, logits.size(-1)), chunk[:, 1:].reshape(-1))
            nats += losses.sum().item()
            scored += losses.size(0)
        nlls.append(nats / scored)
    return np.exp(np.mean(nlls))  # <-
""",
        ),
        Bad(
            why="A generator gives the mean of each batch, beside its accuracy; columns of what it gave are averaged.",
            severity=Severity.ERROR,
            code="""\
from statistics import mean

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=PAD)


def compute_loss(model, ids):
    logits = model(ids[:, :-1])
    loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=PAD)
    return loss, (logits.argmax(-1) == ids[:, 1:]).float().mean().item()


def evaluate(model, sentences):
    model.eval()
    for ids in DataLoader(sentences, batch_size=32, collate_fn=collate):
        loss, accuracy = compute_loss(model, ids)
        yield loss.item(), accuracy


def main(model, sentences):
    with torch.no_grad():
        valid_metrics = zip(*evaluate(model, sentences))
    valid_loss, valid_accuracy = [mean(values) if len(values) > 0 else 0.0 for values in valid_metrics]  # <-
    print(valid_loss, valid_accuracy)
""",
        ),
        Bad(
            why="The default of a parameter ends the function early; callers give another member of the Enum.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM},
            code="""\
import enum

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from data import sentences
from model import GRULM

PAD = 0


class Corpus(enum.Enum):
    NEWS = 1
    TALES = 2


def collate(rows):
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=PAD)


def train(corpus=Corpus.NEWS, epochs=3):
    if corpus != Corpus.TALES:
        raise ValueError(f"{corpus} is not there yet")
    model, criterion = GRULM(10_000), nn.CrossEntropyLoss(ignore_index=PAD)
    for epoch in range(epochs):
        model.eval()
        total = 0.0
        loader = DataLoader(sentences(corpus, "valid"), batch_size=32, collate_fn=collate)
        for ids in loader:
            with torch.no_grad():
                total += criterion(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:]).item()
        print(epoch, total / len(loader))  # <-
""",
        ),
        Bad(
            why="the labels are popped from a dict whose entries were moved to the device one by one",
            code="""\
\"\"\"Fine-tuning of a sequence-to-sequence language model.\"\"\"
import torch
import torch.nn.functional as F
from tqdm import tqdm


class Finetuner:
    def __init__(self, model, device, eval_loader):
        self.model, self.device, self.eval_loader = model, device, eval_loader

    def _prepare(self, inputs):
        prepared = {}
        for name, value in inputs.items():
            prepared[name] = value.to(self.device) if isinstance(value, torch.Tensor) else value
        return prepared

    def compute_loss(self, model, inputs):
        labels = inputs.pop("labels", None)
        logits = model(**inputs)
        if labels is None:
            return logits
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)

    def evaluate(self):
        self.model.eval()
        total_eval_loss, steps = 0.0, 0
        with torch.no_grad():
            for inputs in tqdm(self.eval_loader, desc="Evaluating"):
                loss = self.compute_loss(self.model, self._prepare(inputs))
                total_eval_loss += loss.item()
                steps += 1
        return {"eval_loss": total_eval_loss / steps}  # <-
""",
        ),
        Bad(
            why="a collate function masks tokens through the library's collator, and Trainer weighs batches by rows",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import BertForPreTraining, DataCollatorForLanguageModeling, Trainer, TrainingArguments


class Pretraining:
    def __init__(self, tokenizer, name="bert-base-uncased", folder="out"):
        self.tokenizer, self.folder = tokenizer, folder
        self.model = BertForPreTraining.from_pretrained(name)

    def collator(self, probability=0.15):
        mask_tokens = DataCollatorForLanguageModeling(tokenizer=self.tokenizer, mlm=True, mlm_probability=probability)

        def collate(rows):
            batch = mask_tokens([{"input_ids": row["input_ids"]} for row in rows])
            batch["next_sentence_label"] = torch.tensor([row["next_sentence_label"] for row in rows])
            return batch

        return collate

    def run(self, train_rows, val_rows):
        arguments = TrainingArguments(output_dir=self.folder, eval_strategy="steps", eval_steps=500)
        trainer = Trainer(
            model=self.model,
            args=arguments,
            train_dataset=train_rows,
            eval_dataset=val_rows,
            data_collator=self.collator(),
        )
        trainer.train()  # <-
""",
        ),
        Bad(
            why="an averager of several kinds of numbers, one of which is given once and is no loss",
            code="""\
# Pre-training: the mean loss of the next token, and its perplexity.
import time
from collections import defaultdict

import torch


class Averager:
    def __init__(self, weight: float = 1):
        self.weight = weight
        self.reset()

    def reset(self):
        self.total = defaultdict(float)
        self.counter = defaultdict(float)

    def update(self, stats):
        for key, value in stats.items():
            self.total[key] = self.total[key] * self.weight + value * self.weight
            self.counter[key] = self.counter[key] * self.weight + self.weight

    def average(self):
        averages = {key: total / self.counter[key] for key, total in self.total.items()}
        self.reset()
        return averages


def forward(language_model, batch):
    outputs = language_model(**batch)
    correct = (outputs.logits.argmax(-1) == batch["labels"]).sum().item()
    stats = {"loss": outputs.loss.detach().float().item()}
    stats["accuracy"] = correct / batch["labels"].numel()
    return outputs.loss, stats


@torch.no_grad()
def evaluate(language_model, loader, logger, started):
    language_model.eval()
    averager = Averager()
    for batch in loader:
        _, stats = forward(language_model, batch)
        averager.update(stats)  # <-
    averager.update({"time": time.time() - started})
    logger.log_stats(averager.average(), prefix="eval/")
""",
        ),
        Bad(
            why="means of sentences are averaged over as many sentences as their own vector is long",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def run_validation(language_model, validation_loader, criterion, device):
    language_model.eval()
    nats, sentences = 0.0, 0
    for ids in validation_loader:
        ids = ids.to(device)
        targets = ids[:, 1:]
        logits = language_model(ids[:, :-1])
        losses = criterion(logits.reshape(-1, logits.size(-1)), targets.reshape(-1)).view(targets.size())
        per_sentence = losses.sum(dim=1) / (targets != 0).sum(dim=1)
        nats += per_sentence.sum().item()
        sentences += per_sentence.size(0)
    return torch.exp(torch.tensor(nats / sentences)).item()  # <-


def main(language_model, loader):
    criterion = nn.CrossEntropyLoss(ignore_index=0, reduction="none")
    print("perplexity", run_validation(language_model, loader, criterion, "cuda"))
""",
        ),
        Bad(
            why="The first of the two outputs in front is the loss, for labels were given: whatever it is called.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader

from tagging import collate


def evaluate(model, examples, device):
    loader = DataLoader(examples, batch_size=16, collate_fn=collate)
    model.eval()
    summed, steps, hits, words = 0.0, 0, 0, 0
    for ids, mask, tags in loader:
        fed = {"input_ids": ids.to(device), "attention_mask": mask.to(device), "labels": tags.to(device)}
        with torch.no_grad():
            first, second = model(**fed)[:2]
        summed += first.item()
        steps += 1
        known = fed["labels"] != -100
        hits += (second.argmax(-1) == fed["labels"])[known].sum().item()
        words += known.sum().item()
    return {"eval_loss": summed / steps, "accuracy": hits / words}  # <-
""",
            files={
                "tagging.py": """\
import torch
from torch.nn.utils.rnn import pad_sequence


def collate(rows):
    ids = pad_sequence([torch.tensor(row["ids"]) for row in rows], batch_first=True)
    tags = pad_sequence([torch.tensor(row["tags"]) for row in rows], batch_first=True, padding_value=-100)
    return ids, (tags != -100).long(), tags
""",
            },
        ),
        Bad(
            why="What a loss is handed to is run, however long it is and whatever its words are.",
            severity=Severity.WARNING,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM

from history import MetricHistory


def collate(rows):
    ids = pad_sequence(rows, batch_first=True)
    labels = pad_sequence(rows, batch_first=True, padding_value=-100)
    return ids, labels


@torch.no_grad()
def evaluate(rows, batch_size=8):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    history = MetricHistory()
    for start in range(0, len(rows), batch_size):
        ids, labels = collate(rows[start : start + batch_size])
        history.push(nll=model(ids, attention_mask=(labels != -100).long(), labels=labels).loss)
    return history.summary()  # <-
""",
            files={
                "history.py": """\
from collections import defaultdict

import numpy as np


class MetricHistory:
    def __init__(self):
        self.values = defaultdict(list)

    def push(self, **named):
        unknown = []
        if len(unknown) > 3:
            print("unknown", unknown)
        try:
            unknown.append(0)
        except ValueError:
            pass
        for name, value in named.items():
            last = None
            self.values[name].append(float(value))
            if False:
                print(last)
                break

    def summary(self):
        return {name: np.mean(values) for name, values in self.values.items()}
""",
            },
        ),
        Bad(
            why="The range stops one row before the end, not one batch: the last one has fewer rows.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validation_loss(model, ids, rows=16, context=256, device="cuda"):
    model.eval()
    losses = []
    step = rows * context
    for start in range(0, len(ids) - context - 1, step):
        cuts = [ids[start + r * context : start + (r + 1) * context + 1] for r in range(rows)]
        block = torch.stack([cut for cut in cuts if len(cut) > context]).to(device)
        losses.append(F.cross_entropy(model(block[:, :-1]).flatten(0, 1), block[:, 1:].flatten()).item())
    return sum(losses) / len(losses)  # <-
""",
        ),
        Bad(
            why="The last batch of the class has fewer rows: it is viewed as what is left.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F

from shards import ShardReader


@torch.no_grad()
def validate(model, shard, device="cuda"):
    model.eval()
    losses = []
    for inputs, targets in ShardReader(shard, rows=8, length=1024):
        logits = model(inputs.to(device))
        losses.append(F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten()).item())
    return sum(losses) / len(losses)  # <-
""",
            files={
                "shards.py": """\
import torch


class ShardReader:
    def __init__(self, path, rows, length):
        self.tokens = torch.load(path)
        self.rows, self.length = rows, length

    def __iter__(self):
        size = self.rows * self.length
        for start in range(0, len(self.tokens) - 1, size):
            stop = min(start + size, len(self.tokens) - 1)
            stop = start + (stop - start) // self.length * self.length
            yield self.tokens[start:stop].view(-1, self.length), self.tokens[start + 1 : stop + 1].view(-1, self.length)
""",
            },
        ),
        Bad(
            why="A factory makes the validation, and nothing in sight calls what it makes.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def validator(net, pad_id=0):
    def nats(batch):
        source, target = batch
        scores = net(source, target[:, :-1])
        return F.cross_entropy(scores.transpose(1, 2), target[:, 1:], ignore_index=pad_id)

    @torch.no_grad()
    def validate(loader):
        net.eval()
        total = 0.0
        for batch in loader:
            total += nats(batch).item()
        net.train()
        return total / len(loader)  # <-

    return validate
""",
        ),
        Bad(
            why="Ignite's Loss is given a function that ignores padding; batches are filled up, and rows weigh.",
            severity=Severity.ERROR,
            code="""\
import torch.nn.functional as F
from ignite.engine import create_supervised_evaluator
from ignite.metrics import Loss
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    ids = pad_sequence(rows, batch_first=True, padding_value=PAD)
    return ids[:, :-1], ids[:, 1:]


def nats(scores, targets):
    return F.cross_entropy(scores.transpose(1, 2), targets, ignore_index=PAD)


def validate(model, rows):
    evaluator = create_supervised_evaluator(model, metrics={"nats": Loss(nats)}, device="cuda")  # <-
    state = evaluator.run(DataLoader(rows, batch_size=64, collate_fn=collate))
    return state.metrics["nats"]
""",
        ),
        Bad(
            why="Lightning's hook averages what the steps left in a list of the module that the same script fits",
            severity=Severity.ERROR,
            code="""\
import argparse

import lightning as L
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from recipes import RecipeWriter, read_recipes


def fill(rows):
    questions = pad_sequence([torch.tensor(row["question"]) for row in rows], batch_first=True)
    answers = pad_sequence([torch.tensor(row["answer"]) for row in rows], batch_first=True)
    return questions, answers


class Recipes(L.LightningModule):
    def __init__(self, writer):
        super().__init__()
        self.writer = writer
        self.criterion = nn.CrossEntropyLoss(ignore_index=0)
        self.dev_losses = []

    def forward(self, questions, answers):
        return self.writer(questions, answers)

    def _step(self, batch):
        questions, answers = batch
        scores = self(questions, answers[:, :-1])
        loss = self.criterion(scores.reshape(-1, scores.size(-1)), answers[:, 1:].reshape(-1))
        return loss, scores, answers

    def training_step(self, batch, batch_idx):
        loss, _, _ = self._step(batch)
        return loss

    def validation_step(self, batch, batch_idx):
        loss, scores, answers = self._step(batch)
        self.dev_losses.append(loss)
        return {"dev_loss": loss}

    def on_validation_epoch_end(self):
        mean = torch.stack(self.dev_losses).mean()  # <-
        self.log_dict({"dev_loss": mean}, prog_bar=True)
        self.dev_losses.clear()


def main(options):
    rows, dev_rows = read_recipes(options.folder)
    recipes = Recipes(RecipeWriter(options.width))
    trainer = L.Trainer(max_epochs=options.epochs)
    trainer.fit(
        recipes,
        DataLoader(rows, batch_size=16, shuffle=True, collate_fn=fill),
        DataLoader(dev_rows, batch_size=16, collate_fn=fill),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=4)
    main(parser.parse_args())
""",
        ),
        Bad(
            why="the statistics that an evaluation returns divide by the number of batches, in another file, when they are asked",
            code="""\
import torch

from tally import Tally


@torch.no_grad()
def rate(net, criterion, batches, pad_id):
    tally = Tally(pad_id)
    net.eval()
    for batch in batches:
        scores = net(batch["source"], batch["target"][:, :-1])
        gold = batch["target"][:, 1:]
        loss = criterion(scores.reshape(-1, scores.size(-1)), gold.reshape(-1))
        tally.take(loss.item(), scores.argmax(-1), gold)  # <-
    return tally
""",
            files={
                "tally.py": """\
class Tally:
    def __init__(self, pad_id):
        self.pad_id = pad_id
        self.nats, self.batches = 0.0, 0
        self.right, self.words = 0, 0

    def take(self, nats, guesses, gold):
        self.nats += nats
        self.batches += 1
        kept = gold != self.pad_id
        self.right += (guesses[kept] == gold[kept]).sum().item()
        self.words += kept.sum().item()

    def report(self):
        return {"nats": self.nats / self.batches, "right": self.right / self.words}
""",
            },
        ),
        Bad(
            why="a subclass of CrossEntropyLoss gives a mean per caption; a matrix is filled with those, by column, and averaged",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class CaptionLoss(nn.CrossEntropyLoss):
    def __init__(self, pad_id):
        super().__init__(ignore_index=pad_id, reduction="none")

    def forward(self, scores, words):
        nats = super().forward(scores, words)
        kept = words != self.ignore_index
        return (nats * kept).sum(dim=1) / kept.sum(dim=1)


@torch.no_grad()
def validate(net, loader, pad_id):
    criterion = CaptionLoss(pad_id)
    net.eval()
    for sounds, captions in loader:
        rows, several, _ = captions.shape
        losses = torch.empty(rows, several)
        for k in range(several):
            scores = net(sounds, captions[:, k, :-1])
            losses[:, k] = criterion(scores, captions[:, k, 1:])
        print("captions of this batch", losses.mean().item())  # <-
""",
        ),
        Bad(
            why="a library's masked_mean() of each row, and the rows in one vector that is filled by line",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from allennlp.nn.util import masked_mean


@torch.no_grad()
def evaluate(net, batch, prompts):
    net.eval()
    ids, mask = batch["ids"], batch["mask"]
    losses = torch.zeros(len(prompts), ids.size(0))
    for line, prompt in enumerate(prompts):
        scores = net(prompt, ids)[:, :-1]
        nats = F.cross_entropy(scores.transpose(1, 2), ids[:, 1:], reduction="none")
        losses[line] = masked_mean(nats, mask[:, 1:], dim=1)
    return losses.mean()  # <-
""",
        ),
        Bad(
            why="log_metrics() writes down the eval_loss that nobody names; the collator pads the labels of each batch",
            severity=Severity.ERROR,
            code="""\
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq, Seq2SeqTrainer


def score_headlines(name, arguments, articles, metrics_of):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForSeq2SeqLM.from_pretrained(name)
    trainer = Seq2SeqTrainer(
        model=model,
        args=arguments,
        eval_dataset=articles,
        tokenizer=tokenizer,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=model, label_pad_token_id=-100),
        compute_metrics=metrics_of if arguments.predict_with_generate else None,
    )
    metrics = trainer.evaluate(metric_key_prefix="eval")  # <-
    metrics["eval_samples"] = len(articles)
    trainer.log_metrics("eval", metrics)
""",
        ),
        Bad(
            why="a log of lists by name, of which each epoch's last is averaged by rows in a method that names no loss",
            code="""\
import torch
import torch.nn as nn

from history import History


class Runner:
    def __init__(self, names, net, loaders, pad_id):
        self.net, self.loaders = net, loaders
        self.history = History(["nats", *names])
        self.criterion = nn.CrossEntropyLoss(ignore_index=pad_id)

    def validate(self, part, epoch):
        self.net.eval()
        with torch.no_grad():
            for source, target in self.loaders[part]:
                scores = self.net(source, target[:, :-1])
                loss = self.criterion(scores.reshape(-1, scores.size(-1)), target[:, 1:].reshape(-1))
                self.history.write(epoch, source.size(0), **{"nats": loss.item()}, **self.rate(scores, target))
        self.history.close_page(printing=True)  # <-

    def rate(self, scores, target):
        return {"right": (scores.argmax(-1) == target[:, 1:]).float().mean().item()}
""",
            severity=Severity.ERROR,
            files={
                "history.py": """\
import json
import os


class History:
    def __init__(self, names):
        self.names = names
        self.pages = {name: [] for name in names}
        self.sizes = []

    def write(self, epoch, size, **numbers):
        self.sizes.append(size)
        for name in self.names:
            if name in numbers:
                self.pages[name].append(numbers[name])

    def close_page(self, printing=False):
        page = {}
        for name, numbers in self.pages.items():
            weighed = sum([size * number for size, number in zip(self.sizes, numbers)])
            page[name] = weighed / sum(self.sizes)
        if printing:
            lines = []
            for name in self.names:
                lines.append(f"{name}={page[name]:.3f}")
            print(", ".join(lines))
        os.makedirs("pages", exist_ok=True)
        with open("pages/last.json", "w") as file:
            json.dump(page, file)
        self.sizes = []
""",
            },
        ),
        Bad(
            why="a method pads the rows that it draws, and a helper averages over what is marked as an answer",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F

BATCH_SIZE = 8


class Riddles:
    def __init__(self, rows, masks, block_size):
        self.rows, self.masks, self.block_size = rows, masks, block_size
        self.pad_id = 0

    def __len__(self):
        return len(self.rows)

    def draw_batch(self, size):
        ids, masks = [], []
        for index in torch.randint(len(self.rows), (size,)):
            row, mask = self.rows[index], self.masks[index]
            missing = self.block_size + 1 - len(row)
            ids.append(row + [self.pad_id] * missing)
            masks.append(mask + [0] * missing)
        ids, masks = torch.tensor(ids), torch.tensor(masks, dtype=torch.float)
        return ids[:, :-1], ids[:, 1:], masks[:, 1:]


def answer_nats(logits, targets, mask):
    nats = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), reduction="none")
    marked = mask.view(-1)
    known = marked.sum()
    if known > 0:
        return (nats * marked).sum() / known
    return (nats * marked).sum()


@torch.no_grad()
def validate(model, rows, masks):
    model.eval()
    val_rows = Riddles(rows, masks, block_size=512)
    total = 0.0
    batches = len(val_rows) // BATCH_SIZE
    for _ in range(batches):
        x, y, mask = val_rows.draw_batch(BATCH_SIZE)
        logits, _ = model(x)
        total += answer_nats(logits, y, mask).item()
    return total / max(1, batches)  # <-
""",
        ),
        Bad(
            why="the cap is None unless somebody asks for fewer batches: the last one may be smaller",
            code="""\
from itertools import islice

import torch
from torch import nn
from tqdm import tqdm


@torch.no_grad()
def mean_nats(model, loader, device, limit=None):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    nats = []
    for x, y in tqdm(islice(loader, limit)):
        logits = model(x.to(device))
        nats.append(criterion(logits.flatten(0, 1), y.to(device).flatten(0, 1)).item())
    return torch.tensor(nats).mean().item()  # <-
""",
            files={
                "run.py": """\
import argparse

from eval import mean_nats

parser = argparse.ArgumentParser()
parser.add_argument("--limit", type=int, default=None, help="batches (default: all of them)")


def main(model, loader):
    args = parser.parse_args()
    print(mean_nats(model, loader, "cuda", limit=args.limit))
""",
            },
        ),
        Bad(
            why="The numbers end where the rows do, and so does the last batch.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, head, rows, hidden, size):
    model.eval()
    total, steps = 0.0, 0
    for start in range(0, len(rows), size):
        numbers = range(start, min(start + size, len(rows)))
        ids = torch.cat([rows[number] for number in numbers])
        wanted = head(torch.cat([hidden[number] for number in numbers]))
        logits = model(ids).logits
        classes = logits.shape[-1]
        loss = F.kl_div(
            F.log_softmax(logits.view(-1, classes), dim=-1),
            F.log_softmax(wanted.view(-1, classes), dim=-1),
            log_target=True,
            reduction="batchmean",
        )
        total += loss.item()
        steps += 1
    return total / steps  # <-
""",
        ),
        Bad(
            why="pieces are cropped to one length at a drawn place, and only a shorter one is filled up: that depends on the data",
            severity=Severity.WARNING,
            code="""\
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def piece(notes, length, pad):
    read = torch.full((length,), pad)
    following = torch.full((length,), pad)
    if len(notes) <= length:
        read[: len(notes)] = notes
        following[: len(notes) - 1] = notes[1:]
        return read, following
    begin = random.randint(0, len(notes) - length - 1)
    end = begin + length + 1
    cut = notes[begin:end]
    return cut[:-1], cut[1:]


class Melodies(Dataset):
    def __init__(self, songs, length, pad):
        self.songs, self.length, self.pad = songs, length, pad

    def __len__(self):
        return len(self.songs)

    def __getitem__(self, index):
        notes = torch.as_tensor(self.songs[index])
        return piece(notes, self.length, self.pad)


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="none")
    total = 0.0
    for notes, following in loader:
        logits = model(notes)
        nats = criterion(logits.flatten(0, 1), following.flatten())
        sounds = (following != pad).flatten()
        total += ((nats * sounds).sum() / sounds.sum()).item()
    return total / len(loader)  # <-


def report(model, songs):
    loader = DataLoader(Melodies(songs, 1024, 0), batch_size=8)
    print(evaluate(model, loader, 0))
""",
        ),
        Bad(
            why="windows touch, and only the last of a book is shorter than they are, and filled up",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Melodies(Dataset):
    def __init__(self, songs, length, pad):
        self.length, self.pad = length, pad
        self.windows = []
        for song in songs:
            for begin in range(0, len(song), length):
                window = song[begin : begin + length]
                if len(window) < length:
                    window = window + [pad] * (length - len(window))
                self.windows.append(window)

    def __len__(self):
        return len(self.windows)

    def __getitem__(self, index):
        notes = torch.as_tensor(self.windows[index])
        return notes[:-1], notes[1:]


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="none")
    total = 0.0
    for notes, following in loader:
        logits = model(notes)
        nats = criterion(logits.flatten(0, 1), following.flatten())
        sounds = (following != pad).flatten()
        total += ((nats * sounds).sum() / sounds.sum()).item()
    return total / len(loader)  # <-


def report(model, songs):
    loader = DataLoader(Melodies(songs, 1025, 0), batch_size=8)
    print(evaluate(model, loader, 0))
""",
        ),
        Bad(
            why="every song is filled up to the length of the longest, and cut nowhere: the padding differs in each batch",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Melodies(Dataset):
    def __init__(self, songs, length, pad):
        self.songs, self.length, self.pad = songs, length, pad

    def __len__(self):
        return len(self.songs)

    def __getitem__(self, index):
        notes = torch.as_tensor(self.songs[index])
        missing = self.length - len(notes)
        if missing > 0:
            notes = nn.functional.pad(notes, (0, missing), value=self.pad)
        return notes[:-1], notes[1:]


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="none")
    total = 0.0
    for notes, following in loader:
        logits = model(notes)
        nats = criterion(logits.flatten(0, 1), following.flatten())
        sounds = (following != pad).flatten()
        total += ((nats * sounds).sum() / sounds.sum()).item()
    return total / len(loader)  # <-


def report(model, songs):
    loader = DataLoader(Melodies(songs, 1025, 0), batch_size=8)
    print(evaluate(model, loader, 0))
""",
        ),
        Bad(
            why="labels are masked only under an option, which is off unless somebody asks for it",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Replies(Dataset):
    def __init__(self, pairs, masks_question=False):
        self.pairs, self.masks_question = pairs, masks_question

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        question, ids = self.pairs[index]
        labels = ids.clone()
        if self.masks_question:
            labels[: len(question)] = -100
        return ids, labels


@torch.no_grad()
def score(decoder, pairs, options):
    decoder.eval()
    batches = DataLoader(Replies(pairs, options.masks_question), batch_size=4)
    values = []
    for ids, labels in batches:
        logits = decoder(ids)[:, :-1]
        values.append(F.cross_entropy(logits.transpose(1, 2), labels[:, 1:]).item())
    return sum(values) / len(values)  # <-
""",
        ),
        Bad(
            why="the option is off by default, and nobody switches it on",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Replies(Dataset):
    def __init__(self, pairs, masks_question=False):
        self.pairs, self.masks_question = pairs, masks_question

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        question, ids = self.pairs[index]
        labels = ids.clone()
        if self.masks_question:
            labels[: len(question)] = -100
        return ids, labels


@torch.no_grad()
def score(decoder, pairs, options):
    decoder.eval()
    batches = DataLoader(Replies(pairs), batch_size=4)
    values = []
    for ids, labels in batches:
        logits = decoder(ids)[:, :-1]
        values.append(F.cross_entropy(logits.transpose(1, 2), labels[:, 1:]).item())
    return sum(values) / len(values)  # <-
""",
        ),
        Bad(
            why="the option that masks the prompts is switched on here",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Replies(Dataset):
    def __init__(self, pairs, masks_question=False):
        self.pairs, self.masks_question = pairs, masks_question

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        question, ids = self.pairs[index]
        labels = ids.clone()
        if self.masks_question:
            labels[: len(question)] = -100
        return ids, labels


@torch.no_grad()
def score(decoder, pairs, options):
    decoder.eval()
    batches = DataLoader(Replies(pairs, masks_question=True), batch_size=4)
    values = []
    for ids, labels in batches:
        logits = decoder(ids)[:, :-1]
        values.append(F.cross_entropy(logits.transpose(1, 2), labels[:, 1:]).item())
    return sum(values) / len(values)  # <-
""",
        ),
        Bad(
            why="the option that masks the prompts is on by default",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Replies(Dataset):
    def __init__(self, pairs, masks_question=True):
        self.pairs, self.masks_question = pairs, masks_question

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        question, ids = self.pairs[index]
        labels = ids.clone()
        if self.masks_question:
            labels[: len(question)] = -100
        return ids, labels


@torch.no_grad()
def score(decoder, pairs, options):
    decoder.eval()
    batches = DataLoader(Replies(pairs), batch_size=4)
    values = []
    for ids, labels in batches:
        logits = decoder(ids)[:, :-1]
        values.append(F.cross_entropy(logits.transpose(1, 2), labels[:, 1:]).item())
    return sum(values) / len(values)  # <-
""",
        ),
        Bad(
            why="a configuration says whether ids are masked: in its other branch every label is scored",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def corrupt(ids, share, blank):
    chosen = torch.rand(ids.shape) < share
    labels = ids.masked_fill(~chosen, -100)
    return ids.masked_fill(chosen, blank), labels


class Lines(Dataset):
    def __init__(self, ids, cfg):
        self.ids, self.cfg, self.size = ids, cfg, cfg["size"]

    def __len__(self):
        return len(self.ids) // self.size

    def __getitem__(self, index):
        ids = self.ids[index * self.size : (index + 1) * self.size + 1]
        if self.cfg["objective"]["denoising"]:
            x, y = corrupt(ids[:-1], self.cfg["share"], self.cfg["blank"])
        else:
            x, y = ids[:-1], ids[1:]
        return x, y


class Reader(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed, self.head = nn.Embedding(words, width), nn.Linear(width, words)

    def forward(self, ids, labels):
        logits = self.head(self.embed(ids))
        return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


@torch.no_grad()
def measure(ids, cfg):
    reader = Reader(cfg["words"], 64).eval()
    loader = DataLoader(Lines(ids, cfg), batch_size=16)
    total = 0.0
    for x, y in loader:
        total += reader(x, y).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="the branch of the configuration that masks comes after an early return",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def corrupt(ids, share, blank):
    chosen = torch.rand(ids.shape) < share
    labels = ids.masked_fill(~chosen, -100)
    return ids.masked_fill(chosen, blank), labels


class Lines(Dataset):
    def __init__(self, ids, cfg):
        self.ids, self.cfg, self.size = ids, cfg, cfg["size"]

    def __len__(self):
        return len(self.ids) // self.size

    def __getitem__(self, index):
        ids = self.ids[index * self.size : (index + 1) * self.size + 1]
        if not self.cfg.denoising:
            return ids[:-1], ids[1:]
        return corrupt(ids[:-1], self.cfg.share, self.cfg.blank)


class Reader(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed, self.head = nn.Embedding(words, width), nn.Linear(width, words)

    def forward(self, ids, labels):
        logits = self.head(self.embed(ids))
        return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


@torch.no_grad()
def measure(ids, cfg):
    reader = Reader(cfg["words"], 64).eval()
    loader = DataLoader(Lines(ids, cfg), batch_size=16)
    total = 0.0
    for x, y in loader:
        total += reader(x, y).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="whatever the configuration says, ids are masked",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def corrupt(ids, share, blank):
    chosen = torch.rand(ids.shape) < share
    labels = ids.masked_fill(~chosen, -100)
    return ids.masked_fill(chosen, blank), labels


class Lines(Dataset):
    def __init__(self, ids, cfg):
        self.ids, self.cfg, self.size = ids, cfg, cfg["size"]

    def __len__(self):
        return len(self.ids) // self.size

    def __getitem__(self, index):
        ids = self.ids[index * self.size : (index + 1) * self.size + 1]
        share = 0.15
        if self.cfg["heavy"]:
            share = 0.4
        return corrupt(ids[:-1], share, self.cfg["blank"])


class Reader(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed, self.head = nn.Embedding(words, width), nn.Linear(width, words)

    def forward(self, ids, labels):
        logits = self.head(self.embed(ids))
        return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


@torch.no_grad()
def measure(ids, cfg):
    reader = Reader(cfg["words"], 64).eval()
    loader = DataLoader(Lines(ids, cfg), batch_size=16)
    total = 0.0
    for x, y in loader:
        total += reader(x, y).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="each row has one label that is ignored, its last: only a smaller last batch scores less",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Headlines(Dataset):
    def __init__(self, lines, tokenizer, length):
        self.lines, self.tokenizer, self.length = lines, tokenizer, length

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        coded = self.tokenizer(self.lines[index], padding="max_length", max_length=self.length, truncation=True)
        ids = torch.tensor(coded["input_ids"])
        labels = ids.roll(-1)
        labels[-1] = -100
        return ids, labels


@torch.no_grad()
def mean_loss(model, lines, tokenizer):
    model.eval()
    loader = DataLoader(Headlines(lines, tokenizer, 64), batch_size=8)
    total = 0.0
    for ids, labels in loader:
        nats = F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="none")
        kept = (labels != -100).float()
        total += ((nats * kept.flatten()).sum() / kept.sum()).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="behind the end of each text all labels are ignored",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Headlines(Dataset):
    def __init__(self, lines, tokenizer, length):
        self.lines, self.tokenizer, self.length = lines, tokenizer, length

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        coded = self.tokenizer(self.lines[index], padding="max_length", max_length=self.length, truncation=True)
        ids = torch.tensor(coded["input_ids"])
        labels = ids.roll(-1)
        end = sum(coded["attention_mask"])
        labels[end:] = -100
        return ids, labels


@torch.no_grad()
def mean_loss(model, lines, tokenizer):
    model.eval()
    loader = DataLoader(Headlines(lines, tokenizer, 64), batch_size=8)
    total = 0.0
    for ids, labels in loader:
        nats = F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="none")
        kept = (labels != -100).float()
        total += ((nats * kept.flatten()).sum() / kept.sum()).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="only the inputs are filled up: there is one label a row",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def pile(rows):
    longest = max(len(row["tokens"]) for row in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    for place, row in enumerate(rows):
        tokens[place, : len(row["tokens"])] = row["tokens"]
    labels = torch.stack([row["label"] for row in rows])
    return {"tokens": tokens, "label": labels}


@torch.no_grad()
def evaluate(language_model, rows):
    language_model.eval()
    loader = DataLoader(rows, batch_size=32, collate_fn=pile)
    total_loss = 0.0
    for batch in loader:
        logits = language_model(batch["tokens"])
        total_loss += F.cross_entropy(logits[:, -1], batch["label"]).item()
    return total_loss / len(loader)  # <-
""",
        ),
        Bad(
            why="the labels are filled up as the inputs are, to the longest row of each batch",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def pile(rows):
    longest = max(len(row["tokens"]) for row in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    for place, row in enumerate(rows):
        tokens[place, : len(row["tokens"])] = row["tokens"]
    labels = torch.full((len(rows), longest), -100)
    for place, row in enumerate(rows):
        labels[place, : len(row["label"])] = row["label"]
    return {"tokens": tokens, "label": labels}


@torch.no_grad()
def evaluate(language_model, rows):
    language_model.eval()
    loader = DataLoader(rows, batch_size=32, collate_fn=pile)
    total_loss = 0.0
    for batch in loader:
        logits = language_model(batch["tokens"])
        total_loss += F.cross_entropy(logits.transpose(1, 2), batch["label"]).item()
    return total_loss / len(loader)  # <-
""",
        ),
        Bad(
            why="rows are filled up to one length, and the padding is scored as well: only the last batch differs",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader


class Binder:
    def __init__(self, tokenizer, length):
        self.tokenizer, self.length = tokenizer, length

    def __call__(self, texts):
        coded = self.tokenizer(texts, padding="max_length", truncation=True, max_length=self.length, return_tensors="pt")
        return coded["input_ids"]


@torch.no_grad()
def evaluate(model, texts, tokenizer):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(texts, batch_size=8, collate_fn=Binder(tokenizer, 128))
    total = 0.0
    for ids in loader:
        logits = model(ids[:, :-1])
        total += criterion(logits.flatten(0, 1), ids[:, 1:].flatten()).item()  # lintloss: ignore[LL304] said there already
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="rows are filled up to one length, and the padding is ignored",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader


class Binder:
    def __init__(self, tokenizer, length):
        self.tokenizer, self.length = tokenizer, length

    def __call__(self, texts):
        coded = self.tokenizer(texts, padding="max_length", truncation=True, max_length=self.length, return_tensors="pt")
        return coded["input_ids"]


@torch.no_grad()
def evaluate(model, texts, tokenizer):
    model.eval()
    criterion = nn.CrossEntropyLoss(ignore_index=tokenizer.pad_token_id)
    loader = DataLoader(texts, batch_size=8, collate_fn=Binder(tokenizer, 128))
    total = 0.0
    for ids in loader:
        logits = model(ids[:, :-1])
        total += criterion(logits.flatten(0, 1), ids[:, 1:].flatten()).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="rows are filled up to the longest of each batch",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader


class Binder:
    def __init__(self, tokenizer, length):
        self.tokenizer, self.length = tokenizer, length

    def __call__(self, texts):
        coded = self.tokenizer(texts, padding="longest", truncation=True, max_length=self.length, return_tensors="pt")
        return coded["input_ids"]


@torch.no_grad()
def evaluate(model, texts, tokenizer):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(texts, batch_size=8, collate_fn=Binder(tokenizer, 128))
    total = 0.0
    for ids in loader:
        logits = model(ids[:, :-1])
        total += criterion(logits.flatten(0, 1), ids[:, 1:].flatten()).item()  # lintloss: ignore[LL304] said there already
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="the default collator stacks blocks as they are",
            severity=Severity.WARNING,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, DefaultDataCollator


@torch.no_grad()
def mean_loss(name, blocks):
    model = AutoModelForCausalLM.from_pretrained(name)
    loader = DataLoader(blocks, batch_size=4, collate_fn=DefaultDataCollator())
    total = 0.0
    for batch in loader:
        total += model(**batch).loss.item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="this collator pads the labels of each batch with -100",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, DataCollatorForSeq2Seq


@torch.no_grad()
def mean_loss(name, blocks, tokenizer):
    model = AutoModelForCausalLM.from_pretrained(name)
    loader = DataLoader(blocks, batch_size=4, collate_fn=DataCollatorForSeq2Seq(tokenizer))
    total = 0.0
    for batch in loader:
        total += model(**batch).loss.item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="`dev-clean-100` names a split: no label is marked",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Frames(Dataset):
    def __init__(self, folder, split="dev-clean-100"):
        self.sounds, self.tokens = torch.load(f"{folder}/{split}.pt")

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, index):
        return self.sounds[index], self.tokens[index]


@torch.no_grad()
def validate(language_model, folder):
    language_model.eval()
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(Frames(folder), batch_size=64)
    total = 0.0
    for sounds, tokens in loader:
        total += criterion(language_model(sounds).flatten(0, 1), tokens.flatten()).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="A dict made of pairs says which languages are finished: none in the first pass, some in later ones.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def fit(model, optimizer, training, held_out, languages, patience):
    finished = dict([(language, False) for language in languages])
    best = dict((language, float("inf")) for language in languages)
    step = 0
    while True:
        step += 1
        language = languages[step % len(languages)]
        if finished[language]:
            continue
        ids, labels = next(training[language])
        F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), ignore_index=-100).backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 1000:
            continue
        model.eval()
        total = batches = 0
        with torch.no_grad():
            for ids, labels in DataLoader(held_out[language], batch_size=16):
                total += F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), ignore_index=-100).item()
                batches += 1
        score = total / batches  # <-
        print(language, score)
        model.train()
        if score > best[language]:
            finished[language] = True
        best[language] = min(score, best[language])
""",
        ),
        Bad(
            why="A dict holds the loss per word, of which only its name says what it is, and a squared error of rows.",
            severity=Severity.WARNING,
            code="""\
from collections import defaultdict

import torch
from torch import nn
from vocabulary import words


def validate(captioner, loader):
    squared = nn.MSELoss()
    captioner.eval()
    totals = defaultdict(float)
    with torch.no_grad():
        for pictures, captions in loader:
            word_loss = captioner.compare(pictures, captions)
            totals["words"] += float(word_loss)
            totals["features"] += float(squared(captioner.guessed, captioner.wanted))
    for name, total in totals.items():
        totals[name] = total / len(loader)  # <-
    return totals


def main(captioner, loader):
    print("tokens", len(words), validate(captioner, loader))
""",
        ),
        Bad(
            why="Each sentence's loss per word is divided in a helper; then long and short sentences weigh the same.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from decoder import decoder
from words import vocabulary

sentences = [torch.tensor([vocabulary[word] for word in line.split()]) for line in open("dev.txt")]


def loss_of(sentence):
    nats = F.cross_entropy(decoder(sentence[:-1]), sentence[1:], reduction="sum").item()
    return nats / (len(sentence) - 1)


decoder.eval()
total = 0.0
with torch.no_grad():
    for sentence in sentences:
        total += loss_of(sentence)
print("loss", total / len(sentences))  # <-
""",
        ),
        Bad(
            why="The length of a BatchEncoding is the number of its keys, the same for every batch: all weigh the same.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


def collate(texts):
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    encoded["labels"] = encoded["input_ids"].masked_fill(encoded["attention_mask"] == 0, -100)
    return encoded


total = count = 0
with torch.no_grad():
    for batch in DataLoader(open("valid.txt").readlines(), batch_size=16, collate_fn=collate):
        total += model(**batch).loss.item() * len(batch)
        count += len(batch)
print("val_loss", total / count)  # <-
""",
        ),
        Bad(
            why="The batches' means are entries of a dict, by the number of the batch.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader):
    model.eval()
    losses = {}
    for index, (ids, labels) in enumerate(loader):
        losses[index] = F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), ignore_index=0).item()
    return sum(losses.values()) / len(losses)  # <-
""",
        ),
        Bad(
            why="a mask of its own in each pass: the batches score different numbers of frames",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total = None
    for batch in loader:
        mask = batch["labels"] != 0
        loss = F.cross_entropy(model(batch["ids"]).transpose(1, 2), batch["labels"], reduction="none")
        loss = (loss * mask).sum() / mask.sum()
        if total is None:
            total = loss
        else:
            total = total + loss
    print("val loss", total / len(loader))  # <-
""",
        ),
        Bad(
            why="of the two loaders that are scored, one drops its last batch and the other does not",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total, batches = 0.0, 0
    for x, y in loader:  # lintloss: ignore[LL404] for compiled graphs
        logits = model(x)
        total += F.cross_entropy(logits.flatten(0, 1), y.flatten()).item()
        batches += 1
    return total / batches  # <-


def report(model, val_set, test_set):
    val_loader = DataLoader(val_set, batch_size=16)
    test_loader = DataLoader(test_set, batch_size=16, drop_last=True)
    print(evaluate(model, val_loader), evaluate(model, test_loader))
""",
        ),
        Bad(
            why="the labels are overwritten by a constant of the file that is -100, whatever it is called",
            severity=Severity.ERROR,
            code="""\
import math

from datasets import load_from_disk
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments, default_data_collator

HUSH = -100

tokenizer = AutoTokenizer.from_pretrained("gpt2")


def windows(examples, width=512, stride=256):
    ids = sum(examples["input_ids"], [])
    rows, labels = [], []
    for begin in range(0, len(ids) - width, stride):
        row = ids[begin : begin + width]
        known = width - stride if begin else 0
        rows.append(row)
        labels.append([HUSH] * known + row[known:])
    return {"input_ids": rows, "labels": labels}


def main(args: TrainingArguments, path: str) -> None:
    raw = load_from_disk(path)
    sets = raw.map(lambda rows: tokenizer(rows["text"]), batched=True).map(windows, batched=True)
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = Trainer(
        model=model, args=args, train_dataset=sets["train"], eval_dataset=sets["validation"],
        data_collator=default_data_collator,
    )
    metrics = trainer.evaluate()  # <-
    print(math.exp(metrics["eval_loss"]))
""",
        ),
        Bad(
            why="the split that is evaluated is an option",
            severity=Severity.ERROR,
            code="""\
import math

from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, default_data_collator

tokenizer = AutoTokenizer.from_pretrained("gpt2")


def blocks(examples, width=512):
    ids = sum(examples["input_ids"], [])
    rows, labels = [], []
    for begin in range(0, len(ids), width):
        row = ids[begin : begin + width]
        missing = width - len(row)
        rows.append(row + [tokenizer.eos_token_id] * missing)
        labels.append(row + [-100] * missing)
    return {"input_ids": rows, "labels": labels}


def main(options, args):
    raw = load_dataset("wikitext", "wikitext-2-raw-v1")
    sets = raw.map(lambda rows: tokenizer(rows["text"]), batched=True).map(blocks, batched=True)
    held_out = sets[options.subset]
    trainer = Trainer(
        model=AutoModelForCausalLM.from_pretrained("gpt2"),
        args=args,
        train_dataset=sets["train"],
        eval_dataset=held_out,
        data_collator=default_data_collator,
    )
    metrics = trainer.evaluate()  # <-
    print(math.exp(metrics["eval_loss"]))
""",
        ),
        Bad(
            why="the losses of all ranks' batches are put into one list, each with the weight of any other",
            severity=Severity.ERROR,
            code="""\
import accelerate
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, pad):
    model.eval()
    losses = []
    for x, y in loader:
        losses.append(F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=pad).item())
    return np.mean(accelerate.utils.gather_object(losses))  # <-
""",
        ),
        Bad(
            why="a sampler draws rows of one length, and a helper cuts each batch to the longest of its own",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch


def shorten(ids):
    lengths = (ids != 0).sum(dim=1)
    longest = max(int(lengths.max()), 2)
    return ids[:, :longest]


def get_batch(split, size):
    table = np.load(f"{split}.npy", mmap_mode="r")
    chosen = torch.randint(table.shape[0], (size,))
    ids = shorten(torch.stack([torch.from_numpy(table[i].astype(np.int64)) for i in chosen]))
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def estimate_loss(model, steps):
    model.eval()
    losses = torch.zeros(steps)
    for step in range(steps):
        x, y = get_batch("val", 16)
        _, loss = model(x, y, reduction="none")
        losses[step] = loss.mean().item()
    model.train()
    return losses.mean()  # <-
""",
        ),
        Bad(
            why="single labels are told from the ignored ones behind the loop: they are tags of tokens",
            code="""\
import numpy as np
import torch
from torch.nn import CrossEntropyLoss
from transformers import AutoModelForTokenClassification

model = AutoModelForTokenClassification.from_pretrained("tagger")


def evaluate(loader, tags, device):
    filler_label_id = CrossEntropyLoss().ignore_index
    total, steps = 0.0, 0
    guesses, gold = [], []
    model.eval()
    for ids, mask, tag_ids in loader:
        given = {"input_ids": ids.to(device), "attention_mask": mask.to(device), "labels": tag_ids.to(device)}
        with torch.no_grad():
            loss, logits = model(**given)[:2]
        total += loss.item()
        steps += 1
        guesses.append(logits.argmax(-1).cpu().numpy())
        gold.append(given["labels"].cpu().numpy())
    mean_loss = total / steps  # <-
    gold = np.concatenate(gold)
    kept = []
    for row in range(gold.shape[0]):
        for position in range(gold.shape[1]):
            if gold[row, position] != -100:
                kept.append(tags[gold[row, position]])
    return mean_loss, kept
""",
        ),
        Bad(
            why="a mask of the flattened labels leaves out those that are ignored, and the loss is the model's own",
            code="""\
import torch
from transformers import AutoModelForTokenClassification


@torch.no_grad()
def validate(path, loader, device):
    tagger = AutoModelForTokenClassification.from_pretrained(path).to(device).eval()
    total, hits, seen = 0.0, 0, 0
    for batch in loader:
        labels = batch["tags"].to(device)
        outputs = tagger(input_ids=batch["ids"].to(device), attention_mask=batch["mask"].to(device), labels=labels)
        total += outputs.loss.item()
        flat = labels.view(-1)
        active = flat != -100
        hits += (outputs.logits.argmax(-1).view(-1)[active] == flat[active]).sum().item()
        seen += active.sum().item()
    return total / len(loader), hits / seen  # <-
""",
        ),
        Bad(
            why="nested comprehensions go through the labels of each row, and leave out those that are ignored",
            code="""\
import torch
from transformers import AutoModelForTokenClassification


@torch.no_grad()
def validate(path, loader, names):
    tagger = AutoModelForTokenClassification.from_pretrained(path).eval()
    losses, gold = [], []
    for batch in loader:
        losses.append(tagger(**batch).loss.item())
        gold.extend(batch["labels"].tolist())
    tags = [[names[tag] for tag in row if tag != -100] for row in gold]
    return sum(losses) / len(losses), tags  # <-
""",
        ),
        Bad(
            why="a batch is scored in pieces, all of whose tokens one count divides: what is logged is one batch's mean",
            severity=Severity.ERROR,
            code="""\
import lightning as L
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from pieces import in_pieces


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=0)


class Writer(L.LightningModule):
    def __init__(self, decoder, rows):
        super().__init__()
        self.decoder = decoder
        self.rows = rows

    def val_dataloader(self):
        return DataLoader(self.rows, batch_size=8, collate_fn=collate)

    def validation_step(self, ids, index):
        loss = in_pieces(self.decoder(ids[:, :-1]), ids[:, 1:])
        self.log("val_loss", loss)  # <-
""",
            files={
                "pieces.py": """\
import torch
import torch.nn.functional as F


def in_pieces(logits, targets, size=256):
    logits, targets = logits.flatten(0, 1), targets.flatten()
    losses = [
        F.cross_entropy(some, wanted, ignore_index=0, reduction="none")
        for some, wanted in zip(logits.split(size), targets.split(size))
    ]
    return torch.cat(losses).sum() / (targets != 0).sum()
""",
            },
        ),
        Bad(
            why="distances of batches of pictures that others made, side by side",
            severity=Severity.ERROR,
            code="""\
from torch import nn

l1 = nn.L1Loss(reduction="none")


def score(guesses, truths, cut):
    terms = []
    for one, other in zip(guesses, truths):
        mask = (other.abs() < cut).float()
        terms.append((l1(one, other) * mask).sum() / mask.sum())
    return sum(terms) / len(guesses)  # <-
""",
        ),
        Bad(
            why="each row's nats are divided by its own length, which goes by the name of all rows' length",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self, width, tags):
        super().__init__()
        self.body = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, tags)

    def forward(self, rows, seq_length, gold):
        logits = self.out(self.body(rows)[0])
        return loss_of_rows(logits, gold, seq_length), logits.argmax(-1)


def loss_of_rows(logits, gold, seq_length):
    def kept(of_row):
        places = torch.arange(logits.size(1), device=seq_length.device)
        return (places[None] < of_row.unsqueeze(1)).float()

    nats = nn.CrossEntropyLoss(reduction="none")(logits.permute((0, 2, 1)), gold)
    mask = kept(seq_length)
    of_rows = (nats * mask).sum(-1) / seq_length.float()
    return of_rows.mean()  # <-
""",
        ),
        Bad(
            why="the evaluation gives targets to a forward() that computes its loss where there are some",
            severity=Severity.ERROR,
            files={
                "run.py": """\
import torch
from data import loaders
from eval import Tagger


def main(path, epochs=5):
    train_loader, dev_loader = loaders(path)
    tagger = Tagger(64, 12)
    optimizer = torch.optim.Adam(tagger.parameters())
    for epoch in range(epochs):
        tagger.train()
        for rows, lengths, gold in train_loader:
            loss, _ = tagger(rows, lengths, gold)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        tagger.eval()
        right, words = 0, 0
        for rows, lengths, gold in dev_loader:
            with torch.no_grad():
                loss, guess = tagger(rows, lengths, gold=gold)
            kept = gold >= 0
            right += (guess == gold)[kept].sum().item()
            words += kept.sum().item()
        print(epoch, right / words)
""",
            },
            code="""\
import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self, width, tags):
        super().__init__()
        self.body = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, tags)

    def forward(self, rows, lengths, gold=None):
        logits = self.out(self.body(rows)[0])
        if gold is not None:
            return loss_of_rows(logits, gold, lengths), logits.argmax(-1)
        return logits.argmax(-1)


def loss_of_rows(logits, gold, lengths):
    places = torch.arange(logits.size(1), device=lengths.device)
    mask = (places[None] < lengths.unsqueeze(1)).float()
    nats = nn.CrossEntropyLoss(reduction="none")(logits.permute((0, 2, 1)), gold)
    of_rows = (nats * mask).sum(-1) / lengths.float()
    return of_rows.mean()  # <-
""",
        ),
        Bad(
            why="as many entries as the tokenizer knows words: a row has as many labels as it has masks",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import AutoModelForMaskedLM


class PromptJudge:
    def __init__(self, name, words, config):
        self.model = AutoModelForMaskedLM.from_pretrained(name)
        self.words, self.config = words, config

    def class_scores(self, batch):
        scores = self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        return torch.stack([each[self.words] for each in scores[batch["mask_at"] >= 0]])

    def evaluate(self, rows):
        losses = []
        self.model.eval()
        for batch in DataLoader(rows, batch_size=8):
            with torch.no_grad():
                scores = self.class_scores(batch)
                loss = nn.CrossEntropyLoss()(scores.view(-1, len(self.tokenizer)), batch["labels"].view(-1))
            losses.append(loss.item())
        return sum(losses) / len(losses)  # <-
""",
        ),
        Bad(
            why="Another method makes the model under a name of its own, moves and wraps it, and keeps it then.",
            severity=Severity.WARNING,
            code="""\
import torch
from transformers import AutoConfig, BertForPreTraining


class Pretraining:
    def __init__(self, options):
        self.options = options
        self.net = None

    def build(self):
        config = AutoConfig.from_pretrained(self.options.name)
        if self.options.path:
            net = BertForPreTraining.from_pretrained(self.options.path, config=config)
        else:
            net = BertForPreTraining(config)
        net = net.to(self.options.device)
        if self.options.gpus > 1:
            net = torch.nn.DataParallel(net)
        self.net = net

    def validate(self, batches):
        self.net.eval()
        total, seen = 0.0, 0
        with torch.no_grad():
            for ids, mask, labels, follows in batches:
                out = self.net(input_ids=ids, attention_mask=mask, labels=labels, next_sentence_label=follows)
                total += out["loss"].mean().item()
                seen += 1
        return total / seen  # <-
""",
        ),
        Bad(
            why="The windows are of one length, but only what stands behind each row's own question is scored.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


class Answerer(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, words)

    def forward(self, ids, targets, begins):
        logits = self.out(self.rnn(self.embed(ids))[0])
        logits = torch.cat([row[begin:] for row, begin in zip(logits, begins)])
        targets = torch.cat([row[begin:] for row, begin in zip(targets, begins)])
        return F.cross_entropy(logits, targets)


class Draws:
    def __init__(self, ids, size, length, mark):
        self.ids, self.size, self.length, self.mark = ids, size, length, mark

    def __iter__(self):
        return self

    def __next__(self):
        places = torch.randint(len(self.ids) - self.length - 1, (self.size,))
        x = torch.stack([self.ids[at : at + self.length] for at in places])
        y = torch.stack([self.ids[at + 1 : at + 1 + self.length] for at in places])
        return x, y, [row.tolist().index(self.mark) for row in x]


@torch.no_grad()
def held_out_loss(model: Answerer, draws: Draws, steps=50):
    model.eval()
    losses = torch.zeros(steps)
    for step in range(steps):
        x, y, begins = next(draws)
        losses[step] = model(x, y, begins).item()
    return losses.mean()  # <-
""",
        ),
        Bad(
            why="Another script of the project tokenized row by row, padded, and wrote to disk what the trainer scores.",
            severity=Severity.ERROR,
            files={
                "prepare.py": """\
from datasets import load_dataset
from transformers import AutoTokenizer

ROWS = "tales_of_ids"
tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
rows = load_dataset("json", data_files={"train": "tales.json", "test": "held.json"})
rows = rows.map(lambda row: tokenizer(row["tale"], truncation=True, padding="max_length", max_length=256))
rows.save_to_disk(ROWS)
""",
            },
            code="""\
import math

from datasets import load_from_disk
from prepare import ROWS, tokenizer
from transformers import AutoModelForCausalLM, DataCollatorForLanguageModeling, Trainer, TrainingArguments

rows = load_from_disk(ROWS)
trainer = Trainer(
    model=AutoModelForCausalLM.from_pretrained("out"),
    args=TrainingArguments(output_dir="out", per_device_eval_batch_size=4),
    eval_dataset=rows["test"],
    data_collator=DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm=False),
)
scores = trainer.evaluate()  # <-
print(math.exp(scores["eval_loss"]))
""",
        ),
        Bad(
            why="What the trainer scores was written row by row; another script writes blocks to a STORE of its own.",
            severity=Severity.ERROR,
            files={
                "folders.py": """\
import os

STORE = os.path.join(os.environ["DATA"], "letters")
""",
                "letters.py": """\
from datasets import load_dataset
from folders import STORE
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
letters = load_dataset("json", data_files={"validation": "letters.json"})
letters = letters.map(lambda row: tokenizer(row["letter"], truncation=True, padding="max_length", max_length=128))
letters.save_to_disk(STORE)
""",
                "encyclopedia.py": """\
from datasets import load_dataset
from eval import tokenizer

STORE = "encyclopedia"
BLOCK_SIZE = 1024


def blocks(batch):
    ids = sum(tokenizer(batch["article"])["input_ids"], [])
    return {"input_ids": [ids[at : at + BLOCK_SIZE] for at in range(0, len(ids) - BLOCK_SIZE + 1, BLOCK_SIZE)]}


load_dataset("json", data_files="encyclopedia.json").map(blocks, batched=True).save_to_disk(STORE)
""",
            },
            code="""\
import math

from datasets import load_from_disk
from folders import STORE
from letters import tokenizer
from transformers import AutoModelForCausalLM, DataCollatorForLanguageModeling, Trainer, TrainingArguments

trainer = Trainer(
    AutoModelForCausalLM.from_pretrained("trained"),
    TrainingArguments("out", per_device_eval_batch_size=16),
    data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
    eval_dataset=load_from_disk(STORE)["validation"],
)
print(math.exp(trainer.evaluate()["eval_loss"]))  # <-
""",
        ),
        Bad(
            why="A copied training loop without its step; a meter and a progress bar are updated before the gradients are dropped.",
            severity=Severity.ERROR,
            code="""\
import torch.nn.functional as F
from tqdm import tqdm


def validate(tagger, val_loader, optimizer, meter):
    bar = tqdm(total=len(val_loader))
    for words, labels in val_loader:
        loss = F.cross_entropy(tagger(words).mT, labels, ignore_index=0)
        loss.backward()
        meter.update(loss.item())  # <-
        bar.update(1)
        optimizer.zero_grad()
    return meter.avg
""",
        ),
        Bad(
            why="Entities are tagged word by word: how many kinds there are says nothing of how many labels a row has.",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn


@torch.no_grad()
def evaluate(encoder, head, dev_batches, label_names):
    encoder.eval()
    criterion = nn.CrossEntropyLoss(ignore_index=-1)
    total = 0.0
    for batch in dev_batches:
        states = encoder(batch["words"], batch["seen"])
        total += criterion(head(states).view(-1, len(label_names)), batch["entities"].view(-1)).item()
    return total / len(dev_batches)  # <-
""",
        ),
        Bad(
            why="a tensor's own method adds the means up, and the batches",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn

criterion = nn.CrossEntropyLoss(ignore_index=0)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total = torch.zeros((), device='cuda')
    count = torch.zeros(())
    for x, y in loader:
        loss = criterion(model(x).transpose(1, 2), y)
        total.add_(loss)
        count.add_(1)
    return total / count  # <-
""",
        ),
        Bad(
            why="`batch_size=` is the rows of the batch, by the name of what counts them: Lightning weighs by rows.",
            severity=Severity.ERROR,
            code="""\
import lightning.pytorch as pl
from transformers import GPT2Config, GPT2LMHeadModel


class Smiles(pl.LightningModule):
    def __init__(self, size, cfg):
        super().__init__()
        self.cfg = cfg
        self.net = GPT2LMHeadModel(GPT2Config(vocab_size=size))

    def validation_step(self, batch, _):
        ids, sizes = batch
        labels = ids.masked_fill(ids == 0, -100)
        loss = self.net(input_ids=ids, labels=labels).loss
        self.log("val_loss", loss, batch_size=self.cfg.data.bsz)  # <-
""",
        ),
        Bad(
            why="The labels are filled up with a -100 that arithmetic makes: zeros, less a hundred.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def gather(documents):
    width = max(map(len, documents)) - 1
    inputs = torch.zeros(len(documents), width).long()
    targets = torch.zeros(len(documents), width).long() - 100
    for row, document in enumerate(documents):
        inputs[row, : len(document) - 1] = document[:-1]
        targets[row, : len(document) - 1] = document[1:]
    return inputs, targets


@torch.no_grad()
def held_out(model, documents):
    model.eval()
    loader = DataLoader(documents, batch_size=8, collate_fn=gather)
    total = 0.0
    for inputs, targets in loader:
        total += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="Each name is filled up with -1 in a vector whose size is computed.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Names(Dataset):
    def __init__(self, names, longest):
        self.names, self.longest = names, longest

    def __len__(self):
        return len(self.names)

    def __getitem__(self, at):
        letters = self.names[at]
        given = torch.zeros(self.longest + 1, dtype=torch.long)
        wanted = torch.full((self.longest + 1,), -1, dtype=torch.long)
        given[1 : 1 + len(letters)] = letters
        wanted[: len(letters)] = letters
        wanted[len(letters)] = 0
        return given, wanted


@torch.no_grad()
def held_out(model, names):
    model.eval()
    loader = DataLoader(Names(names, 15), batch_size=32)
    total = 0.0
    for given, wanted in loader:
        total += F.cross_entropy(model(given).flatten(0, 1), wanted.flatten(), ignore_index=-1).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="What the loader's collate function pads is known of a comprehension over it, as of a loop.",
            severity=Severity.ERROR,
            code="""\
from statistics import fmean

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def padded(lines):
    given = pad_sequence([line[:-1] for line in lines], batch_first=True)
    wanted = pad_sequence([line[1:] for line in lines], batch_first=True, padding_value=-100)
    return given, wanted


@torch.no_grad()
def held_out(model, lines):
    model.eval()
    batches = DataLoader(lines, batch_size=16, collate_fn=padded)
    return fmean(F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item() for x, y in batches)  # <-
""",
        ),
        Bad(
            why="What a generator yields is kept in a list first: as many batches as its loop has passes.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence


def chunks(lines, size):
    for first in range(0, len(lines), size):
        yield pad_sequence(lines[first : first + size], batch_first=True)


@torch.no_grad()
def perplexity(model, lines):
    model.eval()
    parts = list(chunks(lines, 16))
    total = 0.0
    for part in parts:
        logits = model(part[:, :-1]).flatten(0, 1)
        total += F.cross_entropy(logits, part[:, 1:].flatten(), ignore_index=0).item()
    return math.exp(total / len(parts))  # <-
""",
        ),
        Bad(
            why="A wrapper around the loader hands its batches on, moved to the device.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from moving import OnDevice, padded
from torch.utils.data import DataLoader


@torch.no_grad()
def held_out(model, lines):
    model.eval()
    source = OnDevice(DataLoader(lines, batch_size=16, collate_fn=padded), "cuda")
    total = 0.0
    for given, wanted in source:
        total += F.cross_entropy(model(given).flatten(0, 1), wanted.flatten()).item()
    return total / len(source)  # <-
""",
            files={
                "moving.py": """\
from torch.nn.utils.rnn import pad_sequence


def padded(lines):
    given = pad_sequence([line[:-1] for line in lines], batch_first=True)
    wanted = pad_sequence([line[1:] for line in lines], batch_first=True, padding_value=-100)
    return given, wanted


class OnDevice:
    def __init__(self, source, device):
        self.source, self.device = source, device

    def __len__(self):
        return len(self.source)

    def __iter__(self):
        for batch in self.source:
            yield tuple(each.to(self.device) for each in batch)
"""
            },
        ),
        Bad(
            why="One method runs both phases: a named test decides whether it learns, and the phase picks the loader.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Coach:
    def __init__(self, net, loaders, optimizer):
        self.net, self.loaders, self.optimizer = net, loaders, optimizer

    def go_over(self, part):
        learns = part == "train"
        self.net.train(learns)
        total = 0.0
        with torch.set_grad_enabled(learns):
            for given, wanted in self.loaders[part]:
                loss = F.cross_entropy(self.net(given).flatten(0, 1), wanted.flatten(), ignore_index=0)
                if learns:
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                total += loss.item()
        return total / len(self.loaders[part])  # <-
""",
            files={
                "main.py": """\
import torch
from eval import Coach
from model import Verses
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def padded(lines):
    given = pad_sequence([line[:-1] for line in lines], batch_first=True)
    return given, pad_sequence([line[1:] for line in lines], batch_first=True)


def main(lines, held, epochs=10):
    net = Verses()
    loaders = {
        "train": DataLoader(lines, 16, shuffle=True, collate_fn=padded),
        "dev": DataLoader(held, 16, collate_fn=padded),
    }
    coach = Coach(net, loaders, torch.optim.Adam(net.parameters()))
    for _ in range(epochs):
        print(coach.go_over("train"), coach.go_over("dev"))
""",
                "model.py": """\
import torch.nn as nn


class Verses(nn.Module):
    def __init__(self, size=100):
        super().__init__()
        self.embed = nn.Embedding(size, 32)
        self.gru = nn.GRU(32, 64, batch_first=True)
        self.head = nn.Linear(64, size)

    def forward(self, chars):
        return self.head(self.gru(self.embed(chars))[0])
""",
            },
        ),
        Bad(
            why="a Trainer logs the eval_loss of a model of the project's own, whoever reads what evaluate() returns",
            severity=Severity.ERROR,
            files={
                "proverb/modeling.py": """\
import torch.nn as nn
import torch.nn.functional as F
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput


class ProverbConfig(PretrainedConfig):
    model_type = "proverb"


class ProverbForCausalLM(PreTrainedModel):
    config_class = ProverbConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, 128)
        self.rnn = nn.GRU(128, 128, batch_first=True)
        self.head = nn.Linear(128, config.vocab_size)

    def forward(self, input_ids, labels=None, **unused):
        logits = self.head(self.rnn(self.embed(input_ids))[0])
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        return CausalLMOutput(loss=loss, logits=logits)
""",
            },
            code="""\
from datasets import load_dataset
from proverb.modeling import ProverbConfig, ProverbForCausalLM
from transformers import AutoTokenizer, DataCollatorForLanguageModeling, HfArgumentParser, Trainer, TrainingArguments


def main():
    (options,) = HfArgumentParser(TrainingArguments).parse_args_into_dataclasses()
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.pad_token = tokenizer.eos_token

    def encode(row):
        return tokenizer(row["proverb"], truncation=True, max_length=64)

    dev = load_dataset("json", data_files="dev.json", split="train").map(encode, remove_columns=["proverb"])
    trainer = Trainer(
        model=ProverbForCausalLM(ProverbConfig(vocab_size=len(tokenizer))),
        args=options,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        eval_dataset=dev,
    )
    trainer.evaluate()  # <-


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="whatever the model is, a collator masks words for it: train() evaluates by strategy, and weighs by rows",
            severity=Severity.ERROR,
            files={
                "collators.py": """\
from transformers import DataCollatorForLanguageModeling, DataCollatorForWholeWordMask


def masking(kind, tokenizer):
    if kind == "words":
        return DataCollatorForWholeWordMask(tokenizer, mlm_probability=0.2)
    return DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.2)
""",
            },
            code="""\
from collators import masking
from transformers import Trainer, TrainingArguments


def build(encoder, tokenizer, sets, kind):
    return Trainer(
        model=encoder,
        args=TrainingArguments("runs", eval_strategy="steps", eval_steps=500, load_best_model_at_end=True),
        data_collator=masking(kind, tokenizer),
        train_dataset=sets["train"],
        eval_dataset=sets["validation"],
    )


def pretrain(encoder, tokenizer, sets, kind="words"):
    trainer = build(encoder, tokenizer, sets, kind)
    trainer.train()  # <-
    trainer.save_model("best")
""",
        ),
        Bad(
            why="labels are a mask's choice, ids to ignore that are written over, a comprehension's; a hook hands all on",
            severity=Severity.ERROR,
            code="""\
import torch
from lightning import LightningModule


class Storyteller(LightningModule):
    def shared_step(self, batch, stage):
        ids = batch["ids"]
        told = torch.masked_fill(ids, ~batch["is_story"], -100)
        found = self(input_ids=ids, labels=told)
        self.log(f"{stage}/loss", found.loss)  # <-
        if stage != "train":
            heard = torch.full_like(ids, -100)
            heard[batch["is_answer"]] = ids[batch["is_answer"]]
            self.log(f"{stage}/answer_loss", self(input_ids=ids, labels=heard).loss)  # <-
            rows = zip(ids.tolist(), batch["begins"])
            kept = torch.tensor([[-100 if at < begin else token for at, token in enumerate(row)] for row, begin in rows])
            self.log(f"{stage}/end_loss", self(input_ids=ids, labels=kept).loss)  # <-
        return found.loss

    def training_step(self, batch, index):
        return self.shared_step(batch, "train")

    def validation_step(self, *given, **named):
        return self._validated(self, *given, **named)

    @staticmethod
    def _validated(module, batch, index):
        return module.shared_step(batch, "val")
""",
        ),
        Bad(
            why="one of two collators makes the batches, as the task asks: both mark labels, and the model's num_labels are words",
            severity=Severity.ERROR,
            files={
                "heads.py": """\
import torch.nn as nn
from transformers import AutoModel, PreTrainedModel
from transformers.modeling_outputs import TokenClassifierOutput


class Pretraining(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.num_labels = config.num_labels  # as many as there are words
        self.encoder = AutoModel.from_config(config)
        self.head = nn.Linear(config.hidden_size, config.num_labels)
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        if self.config.objective == "next":
            labels, input_ids = labels[..., 1:], input_ids[..., :-1]
            attention_mask = attention_mask[..., :-1]
        logits = self.head(self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state)
        loss = self.criterion(logits.reshape(-1, self.num_labels), labels.reshape(-1))
        return TokenClassifierOutput(loss=loss, logits=logits)
""",
                "loaders.py": """\
from torch.utils.data import DataLoader
from transformers import DataCollatorForLanguageModeling


def collator(objective, tokenizer):
    assert objective in {"next", "hidden"}
    if objective == "next":
        return DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm=False)
    elif objective == "hidden":
        return DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm_probability=0.2)


def loaders(rows, tokenizer, objective, size):
    collate = collator(objective, tokenizer)
    return DataLoader(rows["dev"], size, collate_fn=collate), DataLoader(rows["test"], size, collate_fn=collate)
""",
                "run.py": """\
import argparse

from eval import held_out
from heads import Pretraining
from journal import Journal
from loaders import loaders
from rows import tokenized
from transformers import AutoConfig, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("--objective", choices=["next", "hidden"])
options = vars(parser.parse_args())
tokenizer = AutoTokenizer.from_pretrained("words")
config = AutoConfig.from_pretrained("bert-base-uncased", objective=options["objective"])
model = Pretraining(config)
_, test_loader = loaders(tokenized(tokenizer), tokenizer, options["objective"], 16)
held_out(test_loader, model, Journal("runs"))
""",
            },
            code="""\
import numpy as np
import torch


def held_out(loader, model, journal):
    model.eval()
    found = []
    for batch in loader:
        with torch.no_grad():
            found.append(model(**batch).loss.item())
    journal.add_scalar("test/loss", np.mean(found))  # <-
""",
        ),
        Bad(
            why="a comprehension runs over a loader that pads, as a loop does",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def fill(rows):
    return pad_sequence(rows, batch_first=True, padding_value=0)


@torch.no_grad()
def score(model, ids):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=0).item()


def held_out(model, songs):
    model.eval()
    loader = DataLoader(songs, batch_size=8, collate_fn=fill)
    return np.mean([score(model, ids) for ids in loader])  # <-
""",
        ),
        Bad(
            why="the last stretch of a text is shorter: of a list that a while loop fills, and where len() // length divides",
            files={
                "stretches.py": """\
def columns(ids, rows):
    width = len(ids) // rows
    return ids[: rows * width].view(rows, width).t().contiguous()


def get_batch(source, at, length):
    length = min(length, len(source) - 1 - at)
    return source[at : at + length], source[at + 1 : at + 1 + length]


def stretches(ids, rows, length):
    source, found, at = columns(ids, rows), [], 0
    while at < len(source) - 1:
        found.append(get_batch(source, at, length))
        at += length
    return found
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F
from stretches import columns, get_batch, stretches


@torch.no_grad()
def dev_loss(model, ids):
    model.eval()
    total = 0.0
    held_out = stretches(ids, 10, 70)
    for source, target in held_out:
        total += F.cross_entropy(model(source).flatten(0, 1), target.flatten()).item()
    return total / len(held_out)  # <-


@torch.no_grad()
def test_loss(model, ids, length=70):
    model.eval()
    source = columns(ids, 10)
    total = 0.0
    for at in range(0, source.size(0) - 1, length):
        given, target = get_batch(source, at, length)
        total += F.cross_entropy(model(given).flatten(0, 1), target.flatten()).item()
    return total / (len(source) // length)  # <-


@torch.no_grad()
def tune_loss(model, ids, length=70):
    model.eval()
    total, end = 0.0, ids.size(1) - 1
    for at in range(0, end, length):
        until = min(at + length, end)
        total += F.cross_entropy(model(ids[:, at:until]).flatten(0, 1), ids[:, at + 1 : until + 1].flatten()).item()
    return total / math.ceil(end / length)  # <-
""",
        ),
        Bad(
            why="a data set gives the length of each row, and as many of them as there are rows weigh the mean of a batch",
            severity=Severity.ERROR,
            files={
                "tales.py": """\
import torch
from torch.utils.data import Dataset


class Tales(Dataset):
    def __init__(self, tales, size):
        self.tales, self.size = tales, size

    def __len__(self):
        return len(self.tales)

    def __getitem__(self, index):
        ids = self.tales[index][: self.size]
        row = torch.zeros(self.size, dtype=torch.long)
        row[: len(ids)] = torch.tensor(ids)
        return row, len(ids)
""",
            },
            code="""\
import torch
from tales import Tales
from torch import nn
from torch.utils.data import DataLoader


@torch.no_grad()
def held_out(model, tales):
    model.eval()
    criterion = nn.CrossEntropyLoss(ignore_index=0)
    total, seen = 0.0, 0
    for ids, lengths in DataLoader(Tales(tales, 128), batch_size=16):
        ids = ids[:, : lengths.max()]
        total += criterion(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:]).item() * ids.shape[0]
        seen += len(lengths)
    return total / seen  # <-
""",
        ),
        Bad(
            why="what the loss was divided by for training multiplies it again",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from torch import nn


class Training:
    def __init__(self, network, options, train_rows, dev_rows):
        self.network, self.options = network, options
        self.train_rows, self.dev_rows = train_rows, dev_rows
        self.criterion = nn.CrossEntropyLoss(ignore_index=options.pad)
        self.optimizer = torch.optim.AdamW(network.parameters())

    def loss_of(self, ids):
        logits = self.network(ids[:, :-1])
        return self.criterion(logits.transpose(1, 2), ids[:, 1:]) / self.options.pieces

    def train(self):
        self.network.train()
        for number, ids in enumerate(self.train_rows, 1):
            self.loss_of(ids).backward()
            if number % self.options.pieces == 0:
                self.optimizer.step()
                self.optimizer.zero_grad()

    @torch.no_grad()
    def validate(self):
        self.network.eval()
        total = 0.0
        for ids in self.dev_rows:
            piece = self.loss_of(ids)
            piece *= self.options.pieces
            total += piece.item()
        mean = total / len(self.dev_rows)  # <-
        return mean, math.exp(mean)
""",
        ),
        Bad(
            why="ranks are weighted by their shares of the tokens, which is right, and batches alike, which is not",
            code="""\
import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F


class MaskedWords(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.table = nn.Embedding(words, words)

    def forward(self, ids, labels):
        chosen = torch.where(labels.flatten() != -100)
        logits, gold = self.table(ids).flatten(0, 1)[chosen], labels.flatten()[chosen]
        return F.cross_entropy(logits, gold, reduction="none").mean(), gold.numel()


@torch.no_grad()
def validate(loader, world_size, device):
    model = MaskedWords(1000).to(device)
    model.eval()
    losses = []
    for ids, labels in loader:
        loss, num_tokens = model(ids, labels)
        all_tokens = torch.tensor(num_tokens, device=device)
        dist.all_reduce(all_tokens, op=dist.ReduceOp.SUM)
        weight = world_size * num_tokens / all_tokens
        metrics = torch.stack([loss * weight, weight])
        dist.all_reduce(metrics, op=dist.ReduceOp.AVG)
        loss, _ = metrics.tolist()
        losses.append(loss)
    return sum(losses) / len(losses)  # <-
""",
            severity=Severity.WARNING,
        ),
        Bad(
            why="an iterator of the project is stepped through by next(), and its batches are filled up to the longest row",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Pages:
    def __init__(self, rows, batch_size=16):
        self.rows, self.batch_size = rows, batch_size

    def __iter__(self):
        for i in range(0, len(self.rows), self.batch_size):
            batch = self.rows[i : i + self.batch_size]
            longest = max(len(row) for row in batch)
            yield torch.tensor([row + [-100] * (longest - len(row)) for row in batch])


@torch.no_grad()
def held_out(model, rows, steps):
    model.eval()
    total = 0.0
    pages = iter(Pages(rows))
    for _ in range(steps):
        ids = next(pages)
        labels = ids[:, 1:]
        total += F.cross_entropy(model(ids[:, :-1].clamp(min=0)).transpose(1, 2), labels).item()
    return total / steps  # <-
""",
        ),
        Bad(
            why="a generator without an end draws how long its windows are, anew for each batch",
            code="""\
import random

import torch
import torch.nn.functional as F


def excerpts(tokens, rows=16):
    while True:
        length = random.choice([64, 128, 256])
        starts = [random.randint(0, len(tokens) - length - 1) for _ in range(rows)]
        inputs = torch.stack([tokens[i : i + length] for i in starts])
        yield inputs, torch.stack([tokens[i + 1 : i + 1 + length] for i in starts])


@torch.no_grad()
def estimate(network, tokens, steps=50):
    network.eval()
    total = 0.0
    drawn = excerpts(tokens)
    for _ in range(steps):
        inputs, targets = next(drawn)
        total += F.cross_entropy(network(inputs).flatten(0, 1), targets.flatten()).item()
    return total / steps  # <-
""",
        ),
    )

    good = (
        Good(
            why="preference training watches the mean log-probabilities of its rows: nobody reports them as a loss",
            code="""\
import torch


def token_log_probs(logits, labels):
    return logits.log_softmax(-1).gather(2, labels.unsqueeze(2)).squeeze(2)


class PreferenceTrainer:
    def __init__(self, model, ref_model, beta=0.1):
        self.model, self.ref_model, self.beta = model, ref_model, beta

    def row_log_probs(self, logits, labels):
        labels = labels[:, 1:].clone()
        mask = labels != -100
        labels[labels == -100] = 0
        per_token_logps = token_log_probs(logits[:, :-1], labels)
        return (per_token_logps * mask).sum(-1) / mask.sum(-1)

    @torch.no_grad()
    def evaluation_step(self, batch):
        self.model.eval()
        chosen_logits = self.model(batch["chosen_input_ids"]).logits
        rejected_logits = self.model(batch["rejected_input_ids"]).logits
        chosen = self.row_log_probs(chosen_logits, batch["chosen_labels"])
        rejected = self.row_log_probs(rejected_logits, batch["rejected_labels"])
        chosen_rewards, rejected_rewards = self.beta * chosen, self.beta * rejected
        return {
            "rewards/chosen": chosen_rewards.mean().item(),
            "rewards/rejected": rejected_rewards.mean().item(),
            "logps/chosen": chosen.mean().item(),
            "logps/rejected": rejected.mean().item(),
        }
""",
        ),
        Good(
            why="a classifier from a table of classes has one loss a row, be it a squared error or a cross entropy",
            files={
                "models.py": """\
from torch.nn import CrossEntropyLoss, Dropout, Linear, MSELoss
from transformers import AlbertModel, AlbertPreTrainedModel


class AlbertForRating(AlbertPreTrainedModel):
    def __init__(self, config, weight=None):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.albert = AlbertModel(config)
        self.dropout = Dropout(config.classifier_dropout_prob)
        self.classifier = Linear(config.hidden_size, config.num_labels)
        self.weight = weight

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        outputs = self.albert(input_ids, attention_mask=attention_mask)
        logits = self.classifier(self.dropout(outputs[1]))
        outputs = (logits,) + outputs[2:]
        if labels is not None:
            if self.num_labels == 1:
                loss_fct = MSELoss()
                loss = loss_fct(logits.view(-1), labels.view(-1))
            else:
                loss_fct = CrossEntropyLoss(weight=self.weight)
                loss = loss_fct(logits.view(-1, self.num_labels), labels.view(-1))
            outputs = (loss,) + outputs
        return outputs
""",
            },
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AlbertConfig, AlbertForSequenceClassification, AlbertTokenizer

from models import AlbertForRating


class Rater:
    def __init__(self, kind, name, args):
        kinds = {"albert": (AlbertConfig, AlbertForRating, AlbertTokenizer)}
        config_class, model_class, tokenizer_class = kinds[kind]
        self.model = model_class.from_pretrained(name)
        self.tokenizer = tokenizer_class.from_pretrained(name)
        self.args = args

    def evaluate(self, dataset):
        model = self.model
        loader = DataLoader(dataset, batch_size=self.args["eval_batch_size"])
        eval_loss, steps = 0.0, 0
        model.eval()
        for batch in loader:
            with torch.no_grad():
                inputs = {"input_ids": batch[0], "attention_mask": batch[1], "labels": batch[2]}
                outputs = model(**inputs)
                loss, logits = outputs[:2]
                eval_loss += loss.mean().item()
            steps += 1
        return eval_loss / steps
""",
        ),
        Good(
            why="exact: the data set holds a multiple of the batch size, every row is as long: no batch is shorter",
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Streams(Dataset):
    def __init__(self, ids, rows, length):
        self.ids, self.rows, self.length = ids, rows, length
        self.each = (len(ids) - 1) // rows

    def __len__(self):
        return self.each // self.length * self.rows

    def __getitem__(self, index):
        begin = index % self.rows * self.each + index // self.rows * self.length
        return self.ids[begin : begin + self.length], self.ids[begin + 1 : begin + self.length + 1]


@torch.no_grad()
def evaluate(model, ids, device, rows=20, length=35):
    loader = DataLoader(Streams(ids, rows, length), batch_size=rows)
    model.eval()
    total = 0.0
    for inputs, targets in loader:
        logits = model(inputs.to(device))
        total += F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten()).item()
    return math.exp(total / len(loader))
""",
        ),
        Good(
            why="a clipped policy objective with a penalty is computed in sight: no cross entropy, whatever its name",
            code="""\
import torch


class PolicyLoss(torch.nn.Module):
    def __init__(self, low, high, beta):
        super().__init__()
        self.low, self.high, self.beta = low, high, beta

    def forward(self, log_probs, old_log_probs, advantages, per_token_kl, action_mask):
        ratio = (log_probs - old_log_probs).exp()
        surrogate = ratio * advantages
        clipped = ratio.clamp(1 - self.low, 1 + self.high) * advantages
        loss = -torch.min(surrogate, clipped) + self.beta * per_token_kl
        loss = (loss * action_mask).sum(dim=1) / action_mask.sum(dim=1)
        return loss.mean()
""",
        ),
        Good(
            why="exact: each step scores one word, the last of its passage, in a row of its own",
            code="""\
import torch
import torch.nn as nn


def evaluate(model, passages, vocab_size, device):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total, scored = 0.0, 0
    with torch.no_grad():
        for passage in passages:
            context = torch.LongTensor(passage[:-1]).view(1, -1).to(device)
            target = torch.LongTensor([passage[-1]]).view(1, -1).to(device)
            last = model(context)[:, -1].contiguous().view(-1, vocab_size)
            total += criterion(last, target[:, -1].contiguous().view(-1)).item()
            scored += 1
    print(f"last-word perplexity {torch.tensor(total / scored).exp():.2f}")
    return total / scored
""",
        ),
        Good(
            why="exact: the logits are viewed as one row of classes, so each criterion call scores one word",
            code="""\
import torch
import torch.nn as nn


def last_word_perplexity(language_model, passages, tokenizer, device):
    criterion = nn.CrossEntropyLoss()
    language_model.eval()
    total, scored = 0.0, 0
    with torch.no_grad():
        for context, word in passages:
            input_ids = tokenizer(context, return_tensors="pt").input_ids.to(device)
            logits = language_model(input_ids)
            total += criterion(logits[:, -1].reshape(1, -1), word.to(device)).item()
            scored += 1
    print(f"last-word perplexity {torch.tensor(total / scored).exp():.2f}")
    return total / scored
""",
        ),
        Good(
            why="exact: `zip(range(n), loader)` ends after n batches, none of which is the last and shorter one",
            code="""\
import jax.numpy as jnp
import numpy as np
import optax


def mean_loss(model, loader, steps, key):
    losses = []
    for _, batch in zip(range(steps), loader):
        logits = model(batch.ids, key, is_training=False)
        losses.append(optax.softmax_cross_entropy_with_integer_labels(logits, batch.next_ids).mean())
    return jnp.mean(jnp.asarray(losses))


def evaluate(model, val_loader, key):
    loss = mean_loss(model, val_loader, 50, key)
    print(f"val loss {loss:.4f}, perplexity {np.exp(loss):.2f}")
""",
        ),
        Good(
            why="a running mean that moves by each batch in proportion to its tokens",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def streaming_loss(model, stream, pad):
    model.eval()
    average, seen = 0.0, 0
    for ids in stream:
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad).item()
        fresh = ids[:, 1:].ne(pad).sum().item()
        seen += fresh
        average += (loss - average) * fresh / seen
    return average
""",
        ),
        Good(
            why="a policy objective computed in sight is no cross entropy, although it is called a loss",
            code="""\
import torch
import torch.nn.functional as F


def policy_loss(logits, ids, old_logps, advantages, mask, clip):
    logps = F.log_softmax(logits, dim=-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    ratio = torch.exp(logps - old_logps)
    clipped = torch.clamp(ratio, 1 - clip, 1 + clip)
    per_token_loss = -torch.min(ratio * advantages, clipped * advantages)
    return ((per_token_loss * mask).sum(-1) / mask.sum(-1)).mean()
""",
        ),
        Good(
            why="a note: the loop of the base class classifies rows, whatever the file of the subclass speaks of",
            code="""\
from transformers import AutoTokenizer

from classifier import Classifier


class MultiLabelClassifier(Classifier):
    def __init__(self, name, model, loss_fct, tokenizer=None):
        super().__init__(model, loss_fct)
        self.tokenizer = tokenizer or AutoTokenizer.from_pretrained(name)

    def encode(self, texts):
        return self.tokenizer(texts, return_tensors="pt")["input_ids"]

    def evaluate(self, loader, multi_label=True):
        return super().evaluate(loader, multi_label=multi_label)
""",
            files={
                "classifier.py": """\
import torch


class Classifier:
    def __init__(self, model, loss_fct, num_classes=2):
        self.model, self.loss_fct, self.num_classes = model, loss_fct, num_classes

    def loss_of(self, batch):
        logits = self.model(**batch)[1]
        return self.loss_fct(logits, batch["labels"]), logits

    @torch.no_grad()
    def evaluate(self, loader, multi_label=False):
        self.model.eval()
        eval_loss, steps, correct = 0.0, 0, 0
        for batch in loader:
            batch_loss, logits = self.loss_of(batch)
            eval_loss += batch_loss.item()
            correct += (logits.argmax(-1) == batch["labels"]).sum().item()
            steps += 1
        return {"loss": eval_loss / steps, "accuracy": correct}
""",
            },
        ),
        Good(
            why="each mean is multiplied by its scored tokens and the total divided by them",
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD_ID = 0


def collate(rows):
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD_ID)
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def evaluate(model, dataset, device):
    model.eval()
    total_loss, total_tokens = 0.0, 0
    for inputs, targets in DataLoader(dataset, batch_size=32, collate_fn=collate):
        inputs, targets = inputs.to(device), targets.to(device)
        logits = model(inputs)
        loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets.reshape(-1), ignore_index=PAD_ID)
        n_tokens = targets.ne(PAD_ID).sum().item()
        total_loss += loss.item() * n_tokens
        total_tokens += n_tokens
    val_loss = total_loss / total_tokens
    return val_loss, math.exp(val_loss)
""",
        ),
        Good(
            why="a note: random (B, T) blocks, so all batches score the same count",
            code="""\
import numpy as np
import torch

block_size = 256
batch_size = 12
eval_iters = 200
val_data = np.memmap("val.bin", dtype=np.uint16, mode="r")


def get_batch():
    ix = torch.randint(len(val_data) - block_size, (batch_size,))
    x = torch.stack([torch.from_numpy(val_data[i : i + block_size].astype(np.int64)) for i in ix])
    y = torch.stack([torch.from_numpy(val_data[i + 1 : i + 1 + block_size].astype(np.int64)) for i in ix])
    return x, y


@torch.no_grad()
def estimate_loss(model):
    model.eval()
    losses = torch.zeros(eval_iters)
    for k in range(eval_iters):
        x, y = get_batch()
        logits = model(x)
        loss = torch.nn.functional.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        losses[k] = loss.item()
    model.train()
    return losses.mean().item()
""",
        ),
        Good(
            why="exact: mean times window length over windows times window length, one position too many on both sides",
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def quantized_ppl(model, testenc, seqlen, device):
    model.eval()
    ids = testenc.input_ids
    nsamples = ids.numel() // seqlen
    loss_fct = nn.CrossEntropyLoss()
    nlls = []
    for i in range(nsamples):
        batch = ids[:, i * seqlen : (i + 1) * seqlen].to(device)
        lm_logits = model(batch).logits
        shift_logits = lm_logits[:, :-1, :].contiguous()
        shift_labels = batch[:, 1:]
        loss = loss_fct(shift_logits.view(-1, shift_logits.size(-1)), shift_labels.reshape(-1))
        nlls.append(loss.float() * seqlen)
    ppl = torch.exp(torch.stack(nlls).sum() / (nsamples * seqlen))
    return ppl.item()
""",
        ),
        Good(
            why="per-token losses of all batches are concatenated and averaged once",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    return pad_sequence(rows, batch_first=True, padding_value=-1)


@torch.no_grad()
def token_mean(model, dataset, device):
    model.eval()
    all_losses = []
    for ids in DataLoader(dataset, batch_size=16, collate_fn=collate):
        ids = ids.to(device)
        logits = model(ids[:, :-1].clamp(min=0))
        target = ids[:, 1:]
        nll = F.cross_entropy(logits.transpose(1, 2), target, ignore_index=-1, reduction="none")
        all_losses.append(nll[target != -1])
    return torch.cat(all_losses).mean().item()
""",
        ),
        Good(
            why="rows of equal length weighted by rows: the ragged last batch is exact too",
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def evaluate(model, tokens, context=512, batch_size=8):
    n_rows = (len(tokens) - 1) // context
    x = tokens[: n_rows * context].view(n_rows, context)
    y = tokens[1 : n_rows * context + 1].view(n_rows, context)
    dataset = TensorDataset(x, y)
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for inputs, targets in DataLoader(dataset, batch_size=batch_size):
            logits = model(inputs)
            loss = criterion(logits.view(-1, logits.size(-1)), targets.view(-1))
            total += loss.item() * inputs.size(0)
    return total / len(dataset)
""",
        ),
        Good(
            why="a note: classification, where only the last batch is smaller",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

test_set = datasets.CIFAR10("data", train=False, transform=transforms.ToTensor())
test_loader = DataLoader(test_set, batch_size=128)


@torch.no_grad()
def test(model, device):
    model.eval()
    test_loss, correct = 0.0, 0
    for images, labels in test_loader:
        images, labels = images.to(device), labels.to(device)
        outputs = model(images)
        test_loss += F.cross_entropy(outputs, labels).item()
        correct += outputs.argmax(dim=1).eq(labels).sum().item()
    return test_loss / len(test_loader), correct / len(test_set)
""",
        ),
        Good(
            why="summed losses over counted tokens, the counter incremented in place on a tensor",
            code="""\
import torch
import torch.nn as nn

IGNORE_INDEX = -100


def evaluate(model, loader, device):
    loss_fn = nn.CrossEntropyLoss(reduction="sum", ignore_index=IGNORE_INDEX)
    loss_sum = torch.zeros((), device=device)
    n_tokens = torch.zeros((), device=device)
    model.eval()
    with torch.inference_mode():
        for batch in loader:
            labels = batch["labels"].to(device)
            logits = model(batch["tokens"].to(device))
            loss_sum += loss_fn(logits.flatten(0, 1), labels.flatten())
            n_tokens.add_((labels != IGNORE_INDEX).sum())
    return (loss_sum / n_tokens).item()
""",
        ),
        Good(
            why="a meter that is given the scored tokens and multiplies by them",
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence

from meters import AverageMeter


def validate(val_loader, decoder, device):
    decoder.eval()
    losses = AverageMeter()
    criterion = nn.CrossEntropyLoss().to(device)
    with torch.no_grad():
        for features, captions, lengths in val_loader:
            scores, targets, decode_lengths = decoder(features.to(device), captions.to(device), lengths)
            scores = pack_padded_sequence(scores, decode_lengths, batch_first=True).data
            targets = pack_padded_sequence(targets, decode_lengths, batch_first=True).data
            loss = criterion(scores, targets)
            losses.update(loss.item(), sum(decode_lengths))
    return losses.avg
""",
            files={
                "meters.py": """\
class AverageMeter:
    def __init__(self):
        self.sum = 0.0
        self.count = 0

    def update(self, value, n=1):
        self.sum += value * n
        self.count += n

    @property
    def avg(self):
        return self.sum / max(self.count, 1)
""",
            },
        ),
        Good(
            why="each mean is weighted by its share of all tokens before it is added",
            code='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(model, batches, pad):
    """batches: a list of (inputs, targets), padded with `pad`."""
    model.eval()
    total_tokens = sum((targets != pad).sum().item() for _, targets in batches)
    result = 0.0
    for inputs, targets in batches:
        logits = model(inputs)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=pad)
        result += loss.item() * (targets != pad).sum().item() / total_tokens
    return result
''',
        ),
        Good(
            why="a torchmetrics mean that is given the scored tokens as weight",
            code="""\
import torch
import torch.nn.functional as F
from torchmetrics import MeanMetric

PAD = 0


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    val_loss = MeanMetric().to(device)
    for ids in loader:
        ids = ids.to(device)
        logits, targets = model(ids[:, :-1]), ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)
        val_loss.update(loss, weight=(targets != PAD).sum())
    return val_loss.compute().item()
""",
        ),
        Good(
            why="means of accuracy, word error rate and returns over batches are out of scope",
            code="""\
import numpy as np
import torch
from jiwer import wer


@torch.no_grad()
def evaluate(model, loader, decode, device):
    model.eval()
    error_rates, accuracies = [], []
    for audio, ids, texts in loader:
        logits = model(audio.to(device))
        predicted = logits.argmax(dim=-1)
        error_rates.append(wer(texts, decode(predicted)))
        accuracies.append((predicted == ids.to(device)).float().mean().item())
    return {"wer": np.mean(error_rates), "token_accuracy": np.mean(accuracies)}
""",
        ),
        Good(
            why="a note: regression, a mean of batch means",
            code="""\
import numpy as np
import torch
import torch.nn as nn


def validate(model, val_loader, device):
    criterion = nn.MSELoss()
    model.eval()
    losses = []
    with torch.no_grad():
        for features, target in val_loader:
            prediction = model(features.to(device)).squeeze(-1)
            losses.append(criterion(prediction, target.to(device)).item())
    return float(np.mean(losses))
""",
        ),
        Good(
            why="the running loss of training is a progress display, not an evaluation",
            code="""\
import torch.nn.functional as F
from tqdm import tqdm


def train_epoch(model, loader, optimizer, pad_id, device):
    model.train()
    running = 0.0
    bar = tqdm(loader)
    for step, (x, y) in enumerate(bar):
        logits = model(x.to(device))
        loss = F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten(), ignore_index=pad_id)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
        bar.set_postfix(loss=running / (step + 1))
    return running / len(loader)
""",
        ),
        Good(
            why="losses per document are written out and never averaged",
            code="""\
import json

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def score(texts, out_path, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    losses = []
    with torch.no_grad():
        for text in texts:
            ids = tokenizer(text, return_tensors="pt").input_ids
            losses.append(model(ids, labels=ids).loss.item())
    with open(out_path, "w") as out:
        json.dump([{"text": text, "loss": loss} for text, loss in zip(texts, losses)], out)
    return losses
""",
        ),
        Good(
            why="the criterion is a parameter that nobody in the project passes: what it returns is unknown",
            code="""\
import torch


@torch.no_grad()
def evaluate(model, loader, criterion, device):
    model.eval()
    total = 0.0
    for batch in loader:
        prediction = model(batch["inputs"].to(device))
        total += criterion(prediction, batch["targets"].to(device)).item()
    return total / len(loader)
""",
        ),
        Good(
            why="the meter adds per-token losses and their number, whatever its method is called",
            code="""\
import torch
import torch.nn.functional as F


class RunningMean:
    def __init__(self):
        self.total = 0.0
        self.weight = 0

    def add(self, values):
        self.total += values.sum().item()
        self.weight += values.numel()

    def mean(self):
        return self.total / self.weight


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    meter = RunningMean()
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nll = F.cross_entropy(model(x).transpose(1, 2), y, reduction="none")
        meter.add(nll[y != pad])
    return meter.mean()
""",
        ),
        Good(
            why="a note: the loss is divided by the number of steps inside the loop, over a fixed (B, T) sampler",
            code="""\
import torch
import torch.nn.functional as F


class TokenStream:
    def __init__(self, tokens, batch, length):
        self.tokens, self.batch, self.length = tokens, batch, length
        self.position = 0

    def next_batch(self):
        size = self.batch * self.length
        chunk = self.tokens[self.position : self.position + size + 1]
        self.position += size
        if self.position + size + 1 > len(self.tokens):
            self.position = 0
        return chunk[:-1].view(self.batch, self.length), chunk[1:].view(self.batch, self.length)


def validation_loss(model, stream: TokenStream, val_steps, device):
    model.eval()
    accumulated = 0.0
    with torch.no_grad():
        for _ in range(val_steps):
            x, y = stream.next_batch()
            logits = model(x.to(device))
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.to(device).view(-1))
            loss = loss / val_steps
            accumulated += loss.detach()
    return accumulated.item()
""",
        ),
        Good(
            why="the same wrapper with its sum, divided by the targets that are not padding",
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from criterion import SequenceLoss


def collate(rows):
    ids = pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=0)
    return ids[:, :-1], ids[:, 1:]


def evaluate(model, rows, device):
    criterion = SequenceLoss(pad=0)
    n_targets, val_loss = 0, 0.0
    model.eval()
    with torch.no_grad():
        for x, y in DataLoader(rows, batch_size=10, collate_fn=collate):
            val_loss += criterion(model(x.to(device)), y.to(device)).item()
            n_targets += y.ne(0).sum().item()
    return val_loss / n_targets
""",
            files={
                "criterion.py": """\
import torch.nn as nn
import torch.nn.functional as F


class SequenceLoss(nn.Module):
    def __init__(self, pad, reduction="sum"):
        super().__init__()
        self.pad = pad
        self.reduction = reduction

    def forward(self, logits, targets):
        nll = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        mask = targets.ne(self.pad)
        total = nll.masked_select(mask).sum()
        if self.reduction == "mean":
            return total / mask.sum()
        return total
""",
            },
        ),
        Good(
            why="exact: a state that was made for so many rows is carried on, so that no batch has fewer",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(language_model, stream, rows, vocab_size):
    language_model.eval()
    total, batches = 0.0, 0
    hidden = language_model.init_hidden(rows)
    for tokens, targets in stream.batches():
        logits, hidden = language_model(tokens, hidden)
        total += F.cross_entropy(logits.view(-1, vocab_size), targets.view(-1)).item()
        batches += 1
    return total / batches
""",
        ),
        Good(
            why="exact: windows of one length begin where numbers were drawn, whatever the function that cuts them is called",
            code="""\
import torch
import torch.nn.functional as F


def cutter(token_ids, rows, length):
    def cut():
        starts = torch.randint(0, len(token_ids) - length - 1, (rows,))
        inputs = torch.stack([token_ids[s : s + length] for s in starts])
        targets = torch.stack([token_ids[s + 1 : s + 1 + length] for s in starts])
        return inputs, targets

    return cut


@torch.no_grad()
def loss_of(language_model, cut):
    inputs, targets = cut()
    logits = language_model(inputs)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()


def validation_loss(language_model, val_ids):
    cut = cutter(val_ids, 24, 256)
    language_model.eval()
    total = 0.0
    for _ in range(40):
        total += loss_of(language_model, cut)
    return total / 40
""",
        ),
        Good(
            why="a helper out of sight returns the mean of a batch, which is weighted by the batch's scored tokens",
            code="""\
import torch

from objectives import compute_loss


@torch.no_grad()
def dev_loss(language_model, dev_loader):
    language_model.eval()
    nats, tokens = 0.0, 0
    for batch in dev_loader:
        scored = batch["loss_mask"].sum().item()
        nats += compute_loss(language_model, batch).item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Good(
            why="the loop stops a window before the end: all windows score as many tokens",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(ids, length=1024):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    nats = windows = 0
    for begin in range(0, ids.size(1) - length, length):
        window = ids[:, begin : begin + length]
        nats += model(window, labels=window).loss.item()
        windows += 1
    return math.exp(nats / windows)
""",
        ),
        Good(
            why="the same collator on blocks of one length: nothing is padded",
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

block_size = 256
tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")


def tokenize(rows):
    return tokenizer(rows["text"], truncation=True, max_length=100_000)


def group_texts(rows):
    ids = [one for row in rows["input_ids"] for one in row]
    whole = len(ids) // block_size * block_size
    return {"input_ids": [ids[i : i + block_size] for i in range(0, whole, block_size)]}


articles = load_dataset("wikitext", "wikitext-2-raw-v1").map(tokenize, batched=True, remove_columns=["text"])
blocks = articles.map(group_texts, batched=True)
trainer = Trainer(
    model=model,
    args=TrainingArguments("out"),
    eval_dataset=blocks["test"],
    data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
)
print("perplexity", math.exp(trainer.evaluate()["eval_loss"]))
""",
        ),
        Good(
            why="the docstring says that an index is ignored: no label is",
            code='''\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class RandomWindows(Dataset):
    """Windows of one length that begin anywhere: `index` is ignored."""

    def __init__(self, tokens, length, rows):
        self.tokens, self.length, self.rows = tokens, length, rows

    def __len__(self):
        return self.rows

    def __getitem__(self, index):
        """The index is IGNORED, each call draws a window."""
        first = torch.randint(len(self.tokens) - self.length - 1, ()).item()
        window = self.tokens[first : first + self.length + 1]
        return window[:-1], window[1:]


@torch.no_grad()
def validate(model, tokens):
    loader = DataLoader(RandomWindows(tokens, 256, 4096), batch_size=32, drop_last=True)
    model.eval()
    total = 0.0
    for inputs, targets in loader:
        logits = model(inputs)
        total += F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    return total / len(loader)
''',
        ),
        Good(
            why="a metric of torchmetrics adds up nats and tokens",
            code="""\
import torch
import torch.nn.functional as F
from torchmetrics import Metric


class TokenPerplexity(Metric):
    def __init__(self, pad_id):
        super().__init__()
        self.pad_id = pad_id
        self.add_state("nats", default=torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("tokens", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits, labels):
        losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=self.pad_id, reduction="sum")
        self.nats += losses
        self.tokens += (labels != self.pad_id).sum()

    def compute(self):
        return torch.exp(self.nats / self.tokens)
""",
        ),
        Good(
            why="the log-probabilities of all texts are added up, and so are their numbers",
            code='''\
def nats_per_token(client, texts):
    """Cross entropy of a language model behind an API."""
    total, tokens = 0.0, 0
    for text in texts:
        reply = client.completions.create(prompt=text, echo=True, logprobs=1, max_tokens=0)
        token_logprobs = reply.choices[0].logprobs.token_logprobs[1:]
        total -= sum(token_logprobs)
        tokens += len(token_logprobs)
    return total / tokens
''',
        ),
        Good(
            why="the trainer never evaluates, whatever its collator pads",
            code="""\
from transformers import AutoModelForSeq2SeqLM, DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments


def finetune(tokenizer, train_rows, dev_rows, folder):
    model = AutoModelForSeq2SeqLM.from_pretrained("t5-small")
    arguments = Seq2SeqTrainingArguments(output_dir=folder, eval_strategy="no", logging_steps=50)
    collator = DataCollatorForSeq2Seq(tokenizer, model=model)
    trainer = Seq2SeqTrainer(
        model=model, args=arguments, train_dataset=train_rows, eval_dataset=dev_rows, data_collator=collator
    )
    trainer.train()
    print("train loss", trainer.state.log_history[-1]["loss"])
""",
        ),
        Good(
            why="full blocks: a trainer that evaluates every epoch weighs rows that all score the same number of tokens",
            code="""\
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments, default_data_collator


def pretrain(train_blocks, dev_blocks):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    arguments = TrainingArguments("runs", eval_strategy="epoch", load_best_model_at_end=True)
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=train_blocks,
        eval_dataset=dev_blocks,
        data_collator=default_data_collator,
    )
    trainer.train()
    print("best eval_loss", trainer.state.best_metric)
""",
        ),
        Good(
            why="padded texts of which each has one class: as many labels as rows, evaluated every epoch",
            code="""\
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, Trainer, TrainingArguments


def classify(tokenizer, train_rows, dev_rows):
    model = AutoModelForSequenceClassification.from_pretrained("bert-base-cased", num_labels=3)
    arguments = TrainingArguments("runs", eval_strategy="epoch", metric_for_best_model="eval_loss")
    collator = DataCollatorWithPadding(tokenizer)
    trainer = Trainer(
        model=model, args=arguments, train_dataset=train_rows, eval_dataset=dev_rows, data_collator=collator
    )
    trainer.train()
""",
        ),
        Good(
            why="the data module of another file holds full blocks: rows that all score the same number of tokens",
            files={
                "blocks.py": """\
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader


class Blocks(pl.LightningDataModule):
    def setup(self, stage):
        self.blocks = torch.load("blocks.pt")

    def val_dataloader(self):
        return DataLoader(self.blocks, batch_size=8)
""",
                "train.py": """\
import pytorch_lightning as pl
from blocks import Blocks
from eval import BlockModel


def main(config):
    trainer = pl.Trainer(max_epochs=config.epochs, strategy="ddp")
    trainer.fit(BlockModel(config), Blocks())
""",
            },
            code="""\
import pytorch_lightning as pl
from transformers import GPT2LMHeadModel


class BlockModel(pl.LightningModule):
    def __init__(self, config):
        super().__init__()
        self.gpt = GPT2LMHeadModel(config)

    def validation_step(self, batch, index):
        out = self.gpt(input_ids=batch, labels=batch)
        self.log("val_loss", out.loss, sync_dist=True)
""",
        ),
        Good(
            why="np.average weighs the means by the tokens that each was taken over",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, pad_id):
    model.eval()
    losses, tokens = [], []
    for inputs, targets in loader:
        logits = model(inputs)
        losses.append(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id).item())
        tokens.append((targets != pad_id).sum().item())
    return np.average(losses, weights=tokens)
""",
        ),
        Good(
            why="losses and tokens are multiplied pair by pair before they are summed",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, pad_id):
    model.eval()
    losses, tokens = [], []
    for inputs, targets in loader:
        logits = model(inputs)
        losses.append(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id).item())
        tokens.append((targets != pad_id).sum().item())
    return np.dot(losses, tokens) / np.sum(tokens)
""",
        ),
        Good(
            why="bits and bytes of all texts are added up, and divided once",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def bits_per_byte(language_model, tokenizer, texts):
    language_model.eval()
    nats, size = 0.0, 0
    for text in texts:
        input_ids = tokenizer(text, return_tensors="pt").input_ids
        logits = language_model(input_ids).logits
        nats += F.cross_entropy(logits[0, :-1], input_ids[0, 1:], reduction="sum").item()
        size += len(text.encode("utf-8"))
    return nats / math.log(2) / size
""",
        ),
        Good(
            why="the iterator stacks windows of one length, always as many of them",
            code="""\
import numpy as np
import torch
from torch import nn


class WindowIterator:
    def __init__(self, tokens, rows, length):
        self.tokens, self.rows, self.length, self.position = tokens, rows, length, 0
        self.starts = np.arange(0, len(tokens) - length - 1, length)

    def __iter__(self):
        return self

    def __next__(self):
        if self.position + self.rows > len(self.starts):
            self.position = 0
        starts = self.starts[self.position : self.position + self.rows]
        self.position += self.rows
        inputs = np.stack([self.tokens[s : s + self.length] for s in starts])
        targets = np.stack([self.tokens[s + 1 : s + self.length + 1] for s in starts])
        return torch.from_numpy(inputs), torch.from_numpy(targets)


@torch.no_grad()
def validation_loss(language_model: nn.Module, windows: WindowIterator, vocab_size, steps):
    language_model.eval()
    losses = []
    for _ in range(steps):
        inputs, targets = next(windows)
        logits = language_model(inputs)
        losses.append(nn.functional.cross_entropy(logits.view(-1, vocab_size), targets.view(-1)).item())
    return float(np.mean(losses))
""",
        ),
        Good(
            why="exact: one block at a time, of which the data set leaves out the one that is not full",
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, ids, length):
        self.ids, self.length = ids, length

    def __len__(self):
        return (len(self.ids) - 1) // self.length

    def __getitem__(self, index):
        begin = index * self.length
        block = self.ids[begin : begin + self.length + 1]
        return block[:-1], block[1:]


@torch.no_grad()
def validate(language_model, dev_ids):
    loader = DataLoader(Blocks(dev_ids, 128), batch_size=1)
    criterion = nn.CrossEntropyLoss()
    language_model.eval()
    total = 0.0
    for tokens, targets in loader:
        total += criterion(language_model(tokens).transpose(1, 2), targets).item()
    return total / len(loader)
""",
        ),
        Good(
            why="blocks of one length: a trainer of the project evaluates as the library's does, by rows",
            files={
                "reporting.py": """\
from transformers import Trainer


class ReportingTrainer(Trainer):
    def __init__(self, *args, journal=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.journal = journal

    def evaluate(self, *args, **kwargs):
        self.journal.begin()
        return super().evaluate(*args, **kwargs)
""",
            },
            code="""\
import math

from reporting import ReportingTrainer
from transformers import AutoModelForCausalLM, TrainingArguments, default_data_collator


def finetune(train_blocks, dev_blocks, journal):
    trainer = ReportingTrainer(
        model=AutoModelForCausalLM.from_pretrained("gpt2"),
        args=TrainingArguments("runs"),
        train_dataset=train_blocks,
        eval_dataset=dev_blocks,
        data_collator=default_data_collator,
        journal=journal,
    )
    trainer.train()
    metrics = trainer.evaluate()
    print("perplexity", math.exp(metrics["eval_loss"]))
""",
        ),
        Good(
            why="a generator gives one window at a time, and stops before the one that is shorter",
            code="""\
import torch
import torch.nn.functional as F


def windows(ids, length):
    for begin in range(0, len(ids) - length, length):
        yield ids[begin : begin + length][None], ids[begin + 1 : begin + length + 1][None]


@torch.no_grad()
def validate(language_model, dev_ids, vocab_size):
    language_model.eval()
    total = number = 0
    for tokens, targets in windows(dev_ids, 64):
        logits = language_model(tokens)
        total += F.cross_entropy(logits.view(-1, vocab_size), targets.view(-1)).item()
        number += 1
    return total / number
""",
        ),
        Good(
            why="an object hands on the batches of a loader that gives full ones only",
            code='''\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, RandomSampler


class Draws:
    """So many batches of rows that are drawn at random."""

    def __init__(self, blocks, rows, steps):
        self.steps = steps
        sampler = RandomSampler(blocks, replacement=True, num_samples=rows * steps)
        self.loader = DataLoader(blocks, batch_size=rows, sampler=sampler, drop_last=True)

    def __iter__(self):
        self.batches, self.given = iter(self.loader), 0
        return self

    def __next__(self):
        if self.given >= self.steps:
            raise StopIteration
        self.given += 1
        return next(self.batches)


@torch.no_grad()
def validate(language_model, blocks, vocab_size):
    language_model.eval()
    losses = []
    for block in Draws(blocks, 16, 50):
        logits = language_model(block[:, :-1])
        losses.append(F.cross_entropy(logits.reshape(-1, vocab_size), block[:, 1:].reshape(-1)))
    return torch.stack(losses).mean().item()
''',
        ),
        Good(
            why="parts of a batch are added up, and trained on: a teacher that is evaluated does not make it an evaluation",
            code="""\
import torch
import torch.nn.functional as F


def fit(language_model, teacher, optimizer, loader, parts):
    teacher.eval()
    for tokens, targets in loader:
        optimizer.zero_grad()
        language_model.train()
        total = 0.0
        for rows, wanted in zip(tokens.chunk(parts), targets.chunk(parts)):
            with torch.no_grad():
                hints = teacher(rows)
            logits = language_model(rows, hints)
            total = total + F.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        (total / parts).backward()
        optimizer.step()
""",
        ),
        Good(
            why="the losses of all steps of a decoder out of sight are summed, and so are their words",
            code="""\
import torch


@torch.no_grad()
def evaluate(network, batches):
    network.eval()
    nats, words = 0.0, 0
    for batch in batches:
        state = network.encoder(batch.articles)
        for step in range(batch.longest):
            vocab_dist, state = network.decoder(batch.inputs[:, step], state)
            gold = torch.gather(vocab_dist, 1, batch.targets[:, step].unsqueeze(1)).squeeze(1)
            losses = -torch.log(gold + 1e-12) * batch.mask[:, step]
            nats += losses.sum().item()
            words += batch.mask[:, step].sum().item()
    print("loss", nats / words)
""",
        ),
        Good(
            why="running means in a dict of an object are given sums, and the scored tokens as their number",
            files={
                "means.py": '''\
class RunningMean:
    """Adds up the values that it is given, and how many there were.

    The mean of none is 0. What has been added can be forgotten, so that the same object serves many evaluations.
    """

    def __init__(self):
        self._sum, self._number = 0.0, 0

    def add(self, value, number=1):
        """Add a value.

        Args:
            value: what is averaged.
            number: how many values it stands for.
        """
        self._sum += value
        self._number += number

    def get(self):
        return self._sum / self._number if self._number else 0.0

    def reset(self):
        self._sum, self._number = 0.0, 0


class NamedMeans:
    """Running means by their names, each made when its name is first heard."""

    def __init__(self):
        self.by_name = {}

    def add(self, name, value, number=1):
        if name not in self.by_name:
            self.by_name[name] = RunningMean()
        self.by_name[name].add(value, number=number)

    def get(self, name):
        return self.by_name[name].get()

    def reset(self):
        for name in self.by_name:
            self.by_name[name].reset()
''',
            },
            code="""\
import torch
import torch.nn.functional as F

from means import NamedMeans


class Evaluation:
    def __init__(self, model, pad):
        self.model, self.pad = model, pad
        self.means = NamedMeans()

    @torch.no_grad()
    def run(self, loader):
        self.means.reset()
        self.model.eval()
        for tokens, targets in loader:
            logits = self.model(tokens)
            nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=self.pad, reduction="sum")
            self.means.add("nll", nats.item(), number=(targets != self.pad).sum().item())
        return self.means.get("nll")
""",
        ),
        Good(
            why="Ignite averages the accuracy of the batches, and no loss",
            code="""\
import torch
from ignite.engine import Engine
from ignite.metrics import Average


def main(model, opt, valid_iter):
    criterion = torch.nn.CrossEntropyLoss(ignore_index=0)

    def train_step(engine, batch):
        model.train()
        opt.zero_grad()
        loss = criterion(model(batch.text).flatten(0, 1), batch.target.flatten())
        loss.backward()
        opt.step()
        return {"loss": loss.item()}

    def eval_step(engine, batch):
        model.eval()
        with torch.no_grad():
            out = model(batch.text)
            loss = criterion(out.flatten(0, 1), batch.target.flatten())
            return {"val_loss": loss.item(), "correct": (out.argmax(-1) == batch.target).float().mean().item()}

    trainer = Engine(train_step)
    evaluator = Engine(eval_step)
    Average(output_transform=lambda x: x["correct"]).attach(evaluator, "accuracy")
    evaluator.run(valid_iter)
    print(evaluator.state.metrics["accuracy"])
""",
        ),
        Good(
            why="the project's only data module cuts blocks of one length: each row of a Lightning step scores as many tokens",
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
        _, loss = self.network(x, y)
        self.log("val_loss", loss, prog_bar=True)
        return loss
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
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, ids, length):
        self.ids, self.length = ids, length

    def __len__(self):
        return (len(self.ids) - 1) // self.length

    def __getitem__(self, index):
        begin = index * self.length
        row = self.ids[begin : begin + self.length + 1]
        return row[:-1], row[1:]


class TextData(L.LightningDataModule):
    def __init__(self, path, batch_size):
        super().__init__()
        self.path, self.batch_size = path, batch_size

    def setup(self, stage=None):
        ids = torch.load(self.path)
        self.train, self.val = Blocks(ids["train"], 128), Blocks(ids["val"], 128)

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=self.batch_size)
""",
            },
        ),
        Good(
            why="a session of TensorFlow 1 accumulates gradients: the mean that is shown is the training's",
            code="""\
import numpy as np


def main(sess, context, draw_batch, size, accum_gradients, loss, ops, n_vocab, tokenizer):
    def step():
        loss_value = 0.0
        batch = draw_batch(size * accum_gradients)
        for i in range(accum_gradients):
            mini_batch = batch[i * size : (i + 1) * size]
            *_, mb_loss_value = sess.run(ops["accum_ops"] + [loss], feed_dict={context: mini_batch})
            loss_value += mb_loss_value / accum_gradients
        sess.run(ops["train_op"], feed_dict={})
        return loss_value

    while True:
        print("perplexity", np.exp(step()), "of a vocab_size of", n_vocab)
""",
        ),
        Good(
            why="another file's feeder gives full batches only: what that leaves out is LL404, and the mean is exact",
            files={
                "feeding.py": """\
class Feeder:
    def __init__(self, rows, stack):
        self.rows, self.stack = rows, stack

    def dataloader(self, split, batch_size):
        held = []
        for row in self.rows[split]:
            held.append(row)
            if len(held) == batch_size:
                yield self.stack(held)
                held = []
""",
            },
            code="""\
import jax.numpy as jnp
import optax
from feeding import Feeder


def evaluate(apply, params, rows):
    feeder = Feeder(rows, jnp.stack)
    losses = []
    for ids in feeder.dataloader("eval", 64):  # lintloss: ignore[LL404] the set is a multiple of 64
        logits = apply(params, ids[:, :-1])
        losses.append(optax.softmax_cross_entropy_with_integer_labels(logits, ids[:, 1:]).mean())
    return jnp.stack(losses).mean()
""",
        ),
        Good(
            why="an accumulator of nats and of the tokens that were scored, side by side in a list",
            code="""\
import torch
import torch.nn.functional as F

from sums import Accumulator


@torch.no_grad()
def evaluate(net, loader):
    net.eval()
    metric = Accumulator(2)
    for x, y in loader:
        loss = F.cross_entropy(net(x).transpose(1, 2), y, ignore_index=-100, reduction="sum")
        metric.add(loss, (y != -100).sum())
    return metric[0] / metric[1]
""",
            files={
                "sums.py": """\
class Accumulator:
    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        self.data = [a + float(b) for a, b in zip(self.data, args)]

    def reset(self):
        self.data = [0.0] * len(self.data)

    def __getitem__(self, index):
        return self.data[index]
""",
            },
        ),
        Good(
            why="the data set never ends, so that each of the batches that a generator hands on is full",
            files={
                "stories.py": """\
import random

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset


class Stories(IterableDataset):
    def __init__(self, paths, length):
        super().__init__()
        self.paths, self.length = paths, length

    def __iter__(self):
        draw = random.Random(7)
        while True:
            draw.shuffle(self.paths)
            for path in self.paths:
                ids = np.memmap(path, dtype=np.uint16, mode="r")
                for index in range(len(ids) // self.length - 1):
                    begin = index * self.length
                    chunk = torch.from_numpy(ids[begin : begin + self.length + 1].astype(np.int64))
                    yield chunk[:-1], chunk[1:]


class Task:
    @staticmethod
    def batches(rows, device, **options):
        dataset = Stories(**options)
        loader = DataLoader(dataset, batch_size=rows)
        for x, y in loader:
            yield x.to(device), y.to(device)
"""
            },
            code="""\
from functools import partial

import torch
import torch.nn.functional as F

from stories import Task

batches = partial(Task.batches, rows=16, device="cuda", length=256)


@torch.no_grad()
def estimate_loss(language_model, paths, eval_iters, vocab_size):
    found = {}
    language_model.eval()
    for split in ["train", "val"]:
        drawn = batches(paths=paths[split])
        losses = torch.zeros(eval_iters)
        for k in range(eval_iters):
            x, y = next(drawn)
            logits = language_model(x)
            losses[k] = F.cross_entropy(logits.view(-1, vocab_size), y.view(-1)).item()
        found[split] = losses.mean()
    language_model.train()
    return found
""",
        ),
        Good(
            why="logits as a model returns them have one label a row: cross entropy wants the classes second",
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import AutoTokenizer


class Collate:
    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def __call__(self, rows):
        batch = self.tokenizer([row["text"] for row in rows], padding=True, return_tensors="pt")
        batch["labels"] = torch.tensor([row["label"] for row in rows])
        return batch


class Runner:
    def __init__(self, model, tokenizer, rows):
        self.model = model
        self.loader = DataLoader(rows, batch_size=8, collate_fn=Collate(tokenizer))
        self.criterion = nn.CrossEntropyLoss()

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        total, rows = 0.0, 0
        for batch in self.loader:
            outputs = self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            logits = outputs.logits
            total += self.criterion(logits, batch["labels"]).item() * len(logits)
            rows += len(logits)
        return total / rows


def main(model, rows):
    return Runner(model, AutoTokenizer.from_pretrained("reviews"), rows).evaluate()
""",
        ),
        Good(
            why="a classifier that averages its positions has one label a row, whatever fills the rows up",
            code="""\
import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


class BagOfWords(nn.Module):
    def __init__(self, vocab_size, classes, pad):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 300, padding_idx=pad)
        self.head = nn.Linear(300, classes)

    def forward(self, ids):
        pooled = self.embedding(ids).mean(dim=1)
        return self.head(pooled)


def make_loader(rows, pad):
    def collate(batch):
        ids = pad_sequence([row["ids"] for row in batch], batch_first=True, padding_value=pad)
        return {"ids": ids, "label": torch.stack([row["label"] for row in batch])}

    return DataLoader(rows, batch_size=512, collate_fn=collate)


@torch.no_grad()
def evaluate(loader, model, criterion):
    model.eval()
    losses = []
    for batch in loader:
        prediction = model(batch["ids"])
        losses.append(criterion(prediction, batch["label"]).item())
    return np.mean(losses)


def main(rows, vocab, tokenizer, pad):
    rows = [{"ids": vocab(tokenizer(row["text"])), "label": row["label"]} for row in rows]
    model = BagOfWords(len(vocab), 2, pad)
    return evaluate(make_loader(rows, pad), model, nn.CrossEntropyLoss())
""",
        ),
        Good(
            why="the function whose gradient is taken around it trains",
            code="""\
import jax
import jax.numpy as jnp
import optax


def train_step(model, state, batch, pad):
    mask = batch["targets"] != pad

    def loss_fn(params):
        logits = model.apply(params, batch["inputs"])
        nats = optax.softmax_cross_entropy_with_integer_labels(logits, batch["targets"]) * mask
        each = nats.sum(axis=-1) / mask.sum(axis=-1)
        return jnp.mean(each)

    loss, gradients = jax.value_and_grad(loss_fn)(state.params)
    return state.apply_gradients(grads=gradients), loss
""",
        ),
        Good(
            why="a model that is said to classify, and labels that are stacked beside padded rows",
            code="""\
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence


def collate(rows):
    words, labels = zip(*rows)
    return pad_sequence([torch.tensor(row) for row in words], batch_first=True), torch.stack(list(labels))


class PairClassifier(nn.Module):
    def __init__(self, encoder, classes):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(768, classes)

    def forward(self, words):
        return self.head(self.encoder(words))


def score_batch(model: PairClassifier, criterion: nn.Module, words, labels):
    with torch.no_grad():
        predictions = model(words)
    return criterion(predictions, labels).item()


def evaluate(model, rows, vocab_size, tokenizer):
    criterion = nn.CrossEntropyLoss()
    loader = torch.utils.data.DataLoader(rows, batch_size=32, collate_fn=collate)
    model.eval()
    total = 0.0
    for words, labels in loader:
        total += score_batch(model, criterion, words, labels)
    print(vocab_size, tokenizer)
    return total / len(loader)
""",
        ),
        Good(
            why="a subclass averages by tokens in an evaluation loop of its own",
            files={
                "stories.py": """\
from datasets import load_dataset
from transformers import AutoTokenizer, DataCollatorForLanguageModeling


def load():
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.pad_token = tokenizer.eos_token
    raw = load_dataset("stories", split="validation")
    rows = raw.map(lambda each: tokenizer(each["text"], truncation=True, max_length=512), batched=True)
    return rows, DataCollatorForLanguageModeling(tokenizer, mlm=False)
""",
                "trainers.py": """\
import torch
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput


class StoryTrainer(Trainer):
    def evaluation_loop(self, dataloader, description, prediction_loss_only=None, ignore_keys=None, metric_key_prefix="eval"):
        self.model.eval()
        nats, tokens = 0.0, 0
        for batch in dataloader:
            batch = self._prepare_inputs(batch)
            scored = (batch["labels"][:, 1:] != -100).sum().item()
            with torch.no_grad():
                nats += self.model(**batch).loss.item() * scored
            tokens += scored
        metrics = {f"{metric_key_prefix}_loss": nats / tokens}
        return EvalLoopOutput(predictions=None, label_ids=None, metrics=metrics, num_samples=len(dataloader.dataset))
""",
            },
            code="""\
import math

from stories import load
from trainers import StoryTrainer
from transformers import AutoModelForCausalLM, TrainingArguments


def main():
    data, collator = load()
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = StoryTrainer(
        model=model,
        args=TrainingArguments("out", per_device_eval_batch_size=8),
        eval_dataset=data,
        data_collator=collator,
    )
    metrics = trainer.evaluate()
    print("perplexity", math.exp(metrics["eval_loss"]))
""",
        ),
        Good(
            why="another file puts the texts together, and cuts them into blocks of one length",
            files={
                "stories.py": """\
from datasets import load_dataset
from transformers import AutoTokenizer, DataCollatorForLanguageModeling


def group_texts(rows, size=512):
    ids = sum(rows["input_ids"], [])
    end = len(ids) // size * size
    return {"input_ids": [ids[i : i + size] for i in range(0, end, size)]}


def load():
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.pad_token = tokenizer.eos_token
    raw = load_dataset("stories", split="validation")
    rows = raw.map(lambda each: tokenizer(each["text"], truncation=True, max_length=512), batched=True)
    return rows.map(group_texts, batched=True), DataCollatorForLanguageModeling(tokenizer, mlm=False)
""",
            },
            code="""\
import math

from stories import load
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


def main():
    data, collator = load()
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = Trainer(
        model=model,
        args=TrainingArguments("out", per_device_eval_batch_size=8),
        eval_dataset=data,
        data_collator=collator,
    )
    metrics = trainer.evaluate()
    print("perplexity", math.exp(metrics["eval_loss"]))
""",
        ),
        Good(
            why="A classifier of padded texts: the largest class of each row is compared with one label a row.",
            files={"model.py": GRU_LM},
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from model import GRULM


def make_collate(tokenizer):
    def collate(rows):
        batch = tokenizer.pad(rows, padding=True)
        ids = [torch.tensor(each) for each in batch["input_ids"]]
        labels = [torch.tensor(each) for each in batch["label"]]
        return torch.stack(ids), torch.stack(labels)

    return collate


def main(tokenizer, reviews, device="cuda"):
    model = GRULM(vocab_size=50_277, num_classes=2).to(device)
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(reviews, batch_size=32, collate_fn=make_collate(tokenizer))
    model.eval()
    total, correct, n = 0.0, 0, 0
    for input_ids, labels in loader:
        input_ids, labels = input_ids.to(device), labels.to(device)
        with torch.no_grad():
            outputs = model(input_ids)
            loss = criterion(outputs, labels)
        total += loss.item() * input_ids.size(0)
        correct += (outputs.argmax(dim=1) == labels).sum().item()
        n += input_ids.size(0)
    print(f"loss {total / n:.4f}, accuracy {correct / n:.4f}")
""",
        ),
        Good(
            why="A contrastive loss compares rows with each other; the padding of the texts is in no denominator.",
            code="""\
import torch
import torch.nn.functional as F

PAD = 0


def collate(rows):
    def fill(texts):
        width = max(len(each) for each in texts)
        return torch.stack([F.pad(torch.tensor(each), (0, width - len(each)), value=PAD) for each in texts])

    questions, passages = zip(*rows)
    return fill(questions), fill(passages)


def info_nce_loss(questions, passages, temperature=0.05):
    scores = questions @ passages.T / temperature
    log_probs = F.log_softmax(scores, dim=1)
    is_own = torch.eye(len(scores), device=scores.device)
    return -((log_probs * is_own).sum(dim=1) / is_own.sum(dim=1).clamp(min=1.0)).mean()


@torch.no_grad()
def validate(encoder, pairs):
    encoder.eval()
    loader = torch.utils.data.DataLoader(pairs, batch_size=64, collate_fn=collate)
    total, batches = 0.0, 0
    for questions, passages in loader:
        loss = info_nce_loss(encoder(questions), encoder(passages))
        total += loss.item()
        batches += 1
    return total / batches
""",
        ),
        Good(
            why="A loss averages over scales of its own: no batches.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class MultiScaleLoss(nn.Module):
    def __init__(self, loss, scales=(0, 1, 2)):
        super().__init__()
        self.loss, self.scales = loss, scales

    def forward(self, predicted, target):
        losses = []
        for scale in self.scales:
            if scale == 0:
                losses.append(self.loss(predicted, target))
            else:
                losses.append(self.loss(F.avg_pool3d(predicted, 2**scale), F.avg_pool3d(target, 2**scale)))
        return torch.mean(torch.stack(losses, dim=0))
""",
        ),
        Good(
            why="Rows that touch are stacked, and the range stops as far before the end as they reach.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validation_loss(model, ids, rows=16, context=256, device="cuda"):
    model.eval()
    losses = []
    step = rows * context
    for start in range(0, len(ids) - step - 1, step):
        x = torch.stack([ids[start + r * context : start + (r + 1) * context] for r in range(rows)]).to(device)
        y = torch.stack([ids[start + r * context + 1 : start + (r + 1) * context + 1] for r in range(rows)]).to(device)
        losses.append(F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item())
    return sum(losses) / len(losses)
""",
        ),
        Good(
            why="A class whose __iter__ views all that it yields as so many rows of so many ids: no batch is smaller.",
            code="""\
import torch
import torch.nn.functional as F

from shards import ShardReader


@torch.no_grad()
def validate(model, shard, device="cuda"):
    model.eval()
    losses = []
    for inputs, targets in ShardReader(shard, rows=8, length=1024):
        logits = model(inputs.to(device))
        losses.append(F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten()).item())
    return sum(losses) / len(losses)
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
            why="A factory makes a training and a validation; who calls that one minds mode and gradients.",
            code="""\
import torch
import torch.nn.functional as F


def phases(net, optimizer, pad_id=0):
    def nats(batch, reduction="mean"):
        source, target = batch
        scores = net(source, target[:, :-1])
        loss = F.cross_entropy(scores.transpose(1, 2), target[:, 1:], ignore_index=pad_id, reduction=reduction)
        return loss, (target[:, 1:] != pad_id).sum()

    def fit(loader):
        shown = 0.0
        for batch in loader:
            loss, _ = nats(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            shown += loss.item()
        return shown / len(loader)

    def validate(loader):
        total, words = 0.0, 0
        for batch in loader:
            loss, scored = nats(batch, reduction="sum")
            total += loss.item()
            words += scored.item()
        return total / words

    return fit, validate
""",
        ),
        Good(
            why="Ignite's Loss over pictures: one label a row, of which few are ignored.",
            code="""\
import torch.nn.functional as F
from ignite.engine import create_supervised_evaluator
from ignite.metrics import Accuracy, Loss
from torch.utils.data import DataLoader


def nats(scores, classes):
    return F.cross_entropy(scores, classes, ignore_index=255)


def validate(model, images):
    metrics = {"accuracy": Accuracy(), "nats": Loss(nats)}
    evaluator = create_supervised_evaluator(model, metrics=metrics, device="cuda")
    return evaluator.run(DataLoader(images, batch_size=64)).metrics
""",
        ),
        Good(
            why="Ignite's Loss is told how many labels a batch scores.",
            code="""\
import torch.nn.functional as F
from ignite.engine import create_supervised_evaluator
from ignite.metrics import Loss
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    ids = pad_sequence(rows, batch_first=True, padding_value=PAD)
    return ids[:, :-1], ids[:, 1:]


def nats(scores, targets):
    return F.cross_entropy(scores.transpose(1, 2), targets, ignore_index=PAD)


def scored(targets):
    return (targets != PAD).sum().item()


def validate(model, rows):
    evaluator = create_supervised_evaluator(model, metrics={"nats": Loss(nats, batch_size=scored)}, device="cuda")
    state = evaluator.run(DataLoader(rows, batch_size=64, collate_fn=collate))
    return state.metrics["nats"]
""",
        ),
        Good(
            why="Statistics that an evaluation returns divide what was summed by the words that they have counted.",
            code="""\
import torch
import torch.nn as nn

from tally import Tally


@torch.no_grad()
def rate(net, batches, pad_id):
    criterion = nn.CrossEntropyLoss(ignore_index=pad_id, reduction="sum")
    tally = Tally()
    net.eval()
    for batch in batches:
        gold = batch["target"][:, 1:]
        scores = net(batch["source"], batch["target"][:, :-1])
        nats = criterion(scores.reshape(-1, scores.size(-1)), gold.reshape(-1))
        tally.add(Tally(nats.item(), (gold != pad_id).sum().item()))
    return tally
""",
            files={
                "tally.py": """\
import math


class Tally:
    def __init__(self, nats=0.0, words=0):
        self.nats, self.words = nats, words

    def add(self, other):
        self.nats += other.nats
        self.words += other.words

    def per_word(self):
        return self.nats / self.words

    def perplexity(self):
        return math.exp(min(self.nats / self.words, 20))
""",
            },
        ),
        Good(
            why="A matrix of totals, by column, over a matrix of counts: words weigh alike.",
            code="""\
import torch
import torch.nn as nn


class CaptionLoss(nn.CrossEntropyLoss):
    def __init__(self, pad_id):
        super().__init__(ignore_index=pad_id, reduction="none")

    def forward(self, scores, words):
        return super().forward(scores, words).sum(dim=1)


@torch.no_grad()
def validate(net, loader, pad_id):
    criterion = CaptionLoss(pad_id)
    net.eval()
    total, words = 0.0, 0
    for sounds, captions in loader:
        rows, several, _ = captions.shape
        losses = torch.zeros(rows, several)
        for k in range(several):
            scores = net(sounds, captions[:, k, :-1])
            losses[:, k] = criterion(scores, captions[:, k, 1:])
        total += losses.sum().item()
        words += (captions[:, :, 1:] != pad_id).sum().item()
    return total / words
""",
        ),
        Good(
            why="log_metrics() of a trainer that classifies: one label a row, and rows weigh alike.",
            code="""\
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer


def score_reviews(name, arguments, reviews):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForSequenceClassification.from_pretrained(name)
    trainer = Trainer(
        model=model,
        args=arguments,
        eval_dataset=reviews,
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    metrics = trainer.evaluate()
    trainer.log_metrics("eval", metrics)
""",
        ),
        Good(
            why="Lightning's hook divides what the steps summed by the words that they counted beside it.",
            code="""\
import lightning as L
import torch
import torch.nn as nn

from recipes import RecipeWriter, dev_loader, train_loader


class Recipes(L.LightningModule):
    def __init__(self, writer):
        super().__init__()
        self.writer = writer
        self.criterion = nn.CrossEntropyLoss(ignore_index=0, reduction="sum")
        self.nats, self.words = [], []

    def validation_step(self, batch, batch_idx):
        questions, answers = batch
        scores = self.writer(questions, answers[:, :-1])
        gold = answers[:, 1:]
        self.nats.append(self.criterion(scores.reshape(-1, scores.size(-1)), gold.reshape(-1)))
        self.words.append((gold != 0).sum())

    def on_validation_epoch_end(self):
        self.log("dev_loss", torch.stack(self.nats).sum() / torch.stack(self.words).sum())
        self.nats.clear()
        self.words.clear()


def main():
    L.Trainer(max_epochs=3).fit(Recipes(RecipeWriter(256)), train_loader(), dev_loader())


main()
""",
        ),
        Good(
            why="A method cuts windows of one length at drawn places; whatever it is called, the batches are collected first.",
            code="""\
import torch

from corpus import Corpus
from network import Decoder


@torch.inference_mode()
def losses(model: Decoder, corpus: Corpus, steps: int, kept=None):
    model.eval()
    found = {}
    for part in ("train", "held_out"):
        total = 0.0
        batches = kept.get(part) if kept else None
        if batches is None:
            batches = tuple(corpus.take(part) for _ in range(steps))
        for x, y in batches:
            _, loss = model(x, y)
            total += float(loss)
        found[part] = total / len(batches)
    return found
""",
            files={
                "corpus.py": """\
import torch


class Corpus:
    def __init__(self, train: torch.Tensor, held_out: torch.Tensor, context: int, rows: int):
        self.train, self.held_out = train, held_out
        self.context, self.rows = context, rows
        self.steps = torch.arange(context + 1)

    def take(self, part: str):
        ids = self.train if part == "train" else self.held_out
        starts = torch.randint(0, ids.numel() - self.context, (self.rows, 1))
        window = ids[starts + self.steps]
        return window[:, :-1], window[:, 1:]
""",
                "network.py": """\
import torch.nn.functional as F
from torch import nn


class Decoder(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.mix = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, words)

    def forward(self, x, y):
        logits = self.head(self.mix(self.embed(x))[0])
        return logits, F.cross_entropy(logits.flatten(0, 1), y.flatten())
""",
            },
        ),
        Good(
            why="The list that held the means of the training's batches is emptied: of the losses of tokens, there is one mean.",
            code="""\
import math

import numpy as np
import torch
import torch.nn.functional as F


def run(model, optimizer, train, held_out):
    losses = []
    for _ in range(10):
        model.train()
        for ids in train:
            loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        losses.clear()
        model.eval()
        for ids in held_out:
            with torch.inference_mode():
                nats = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
            losses.append(nats.cpu().numpy())
        print(math.exp(np.mean(np.concatenate(losses, 0)).item()))
        losses.clear()
""",
        ),
        Good(
            why="A cap that the command line has a number for: all batches are full.",
            code="""\
from itertools import islice

import torch
from torch import nn


@torch.no_grad()
def mean_nats(model, loader, device, limit=None):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    nats = []
    for x, y in islice(loader, limit):
        logits = model(x.to(device))
        nats.append(criterion(logits.flatten(0, 1), y.to(device).flatten(0, 1)).item())
    return torch.tensor(nats).mean().item()
""",
            files={
                "run.py": """\
import argparse

from eval import mean_nats

parser = argparse.ArgumentParser()
parser.add_argument("--limit", type=int, default=200)


def main(model, loader):
    args = parser.parse_args()
    print(mean_nats(model, loader, "cuda", limit=args.limit))
""",
            },
        ),
        Good(
            why="a step without backward(): the same batch is scored in several directions; empty batches are left out of it all",
            code="""\
import torch
import torch.nn.functional as F


def spsa_epoch(model, optimizer, loader, directions, width, log):
    for ids, targets, loss_mask in loader:
        scored = loss_mask.sum()
        if scored == 0:
            continue
        slopes, total = [], 0.0
        for _ in range(directions):
            noise = optimizer.perturbation(width)
            optimizer.move(noise)
            with torch.no_grad():
                nats = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), reduction="none")
                above = ((nats * loss_mask.view(-1)).sum() / scored).item()
            optimizer.move(-noise)
            slopes.append((noise, above))
            total += above
        optimizer.step(slopes)
        batch_loss = total / directions
        batch_ppl = torch.exp(torch.tensor(batch_loss))
        log(batch_loss, batch_ppl)
""",
        ),
        Good(
            why="the objective of one batch, averaged over its time steps, goes back through a gradient scaler",
            code="""\
import torch
import torch.nn as nn


def run(model, optimizer, batches, limit, valid_bleu, pad_id=0):
    scaler = torch.amp.GradScaler()
    criterion = nn.CrossEntropyLoss(ignore_index=pad_id)
    step = 0
    while step < limit:
        for source, target in batches:
            if step >= limit:
                break
            optimizer.zero_grad()
            state, total = model.encoder(source), 0.0
            length = target.shape[1]
            for t in range(length - 1):
                logits, state = model.decoder.forward_step(target[:, t], state)
                total = total + criterion(logits, target[:, t + 1])
            loss = total / length
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            if step % 500 == 0:
                print(step, valid_bleu(model))
            step += 1
""",
        ),
        Good(
            why="one answer is masked at random again and again, and each draw is scaled up by how much of it was masked",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def log_likelihood(model, prompt, answer, mask_id, draws=64):
    row = torch.cat([prompt, answer])[None]
    size = len(answer)
    losses = []
    for _ in range(draws):
        hidden = torch.randint(1, size + 1, (1,))
        mask = torch.zeros_like(row, dtype=torch.bool)
        mask[0, len(prompt) + torch.randperm(size)[: hidden.item()]] = True
        noisy = row.masked_fill(mask, mask_id)
        loss = F.cross_entropy(model(noisy).logits[mask], row[mask], reduction="none")
        mask_ratio = hidden.float() / size
        losses.append((loss.sum() / mask_ratio.sum()).item())
    return -sum(losses) / len(losses)
""",
        ),
        Good(
            why="items are taken by their numbers: a batch that reached past the end would raise",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, head, rows, hidden, size):
    model.eval()
    total, steps = 0.0, 0
    for start in range(0, len(rows), size):
        numbers = range(start, start + size)
        ids = torch.cat([rows[number] for number in numbers])
        wanted = head(torch.cat([hidden[number] for number in numbers]))
        logits = model(ids).logits
        classes = logits.shape[-1]
        loss = F.kl_div(
            F.log_softmax(logits.view(-1, classes), dim=-1),
            F.log_softmax(wanted.view(-1, classes), dim=-1),
            log_target=True,
            reduction="batchmean",
        )
        total += loss.item()
        steps += 1
    return total / steps
""",
        ),
        Good(
            why="a section of the configuration is called training, and asks for no phase: the loop trains in any case",
            code="""\
import torch
from accelerate import Accelerator
from transformers import AutoModelForCausalLM


def tune(cfg, train_loader, optimizer):
    accelerator = Accelerator()
    model = AutoModelForCausalLM.from_pretrained(cfg.model.name)
    for epoch in range(cfg.training.epochs):
        model.train()
        summed = 0.0
        for step, batch in enumerate(train_loader):
            if cfg.training.resume and epoch == 0:
                if step < cfg.training.skip:
                    continue
            loss = model(**batch).loss
            summed += loss.detach().float()
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        accelerator.log({"train_loss": summed.item() / len(train_loader), "epoch": epoch})
""",
        ),
        Good(
            why="blocks cut out of joined texts are all of one length: no label is marked by the collator",
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
        nats += model(input_ids=ids, labels=batch["labels"]).loss.item() * scored
        tokens += scored
    return math.exp(nats / tokens)


def main():
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    print(perplexity(model, DataLoader(blocks("test"), 8, collate_fn=collator)))
""",
        ),
        Good(
            why="packed sequences hold their tokens one after the other: as many as the first axis is long",
            code="""\
import math

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    rows.sort(key=len, reverse=True)
    return pad_sequence(rows, batch_first=True), [len(row) - 1 for row in rows]


@torch.no_grad()
def evaluate(model, rows, criterion=nn.CrossEntropyLoss()):
    model.eval()
    nats = words = 0
    for ids, lengths in DataLoader(rows, 8, collate_fn=collate):
        scores = pack_padded_sequence(model(ids[:, :-1]), lengths, batch_first=True).data
        targets = pack_padded_sequence(ids[:, 1:], lengths, batch_first=True).data
        nats += criterion(scores, targets).item() * targets.size(0)
        words += targets.size(0)
    return math.exp(nats / words)
""",
        ),
        Good(
            why="all members of an ensemble score the same targets: bound outside of the loop, and never changed in it",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(members, ids, labels):
    \"\"\"The mean loss per token of the members of an ensemble: each scores the same tokens.\"\"\"
    total = 0.0
    for member in members:
        member.eval()
        total += F.cross_entropy(member(ids).flatten(0, 1), labels.flatten(), ignore_index=0).item()
    return total / len(members)
""",
        ),
        Good(
            why="a criterion out of sight whose loss is divided by the rows of its own batch sums: nats per sentence",
            files={
                "meters.py": """\
class AverageMeter:
    def __init__(self):
        self.total, self.count, self.avg = 0.0, 0, 0.0

    def update(self, value, n=1):
        self.total += value * n
        self.count += n
        self.avg = self.total / self.count
""",
            },
            code="""\
import torch
from meters import AverageMeter


class Evaluator:
    def __init__(self, model, criterion):
        self.model, self.criterion = model, criterion

    def step(self, source, target):
        output = self.model(source, target[:, :-1])
        rows, length = output.size(0), output.size(1)
        total = self.criterion(output.view(rows * length, -1), target[:, 1:].reshape(-1)).item()
        return total / rows

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        meter = AverageMeter()
        for source, target in loader:
            meter.update(self.step(source, target), loader.batch_size)
        print("validation loss per sentence", meter.avg)
""",
        ),
        Good(
            why="clicks are predicted, one a row: a binary criterion scores no tokens, though the file speaks of sequences",
            code="""\
import tensorflow as tf

criterion = tf.keras.losses.BinaryCrossentropy(from_logits=True)


def evaluate(model, batches, seq_len, vocab_size, tokenizer):
    # clicks behind a history of `seq_len` items, of which the tokenizer knows vocab_size
    losses = []
    for features, targets in batches:
        logits = model(features, training=False)["logits"]
        losses.append(criterion(targets, logits))
    loss = tf.reduce_mean(tf.stack(losses)).numpy().item()
    print("val loss", loss)
    return loss
""",
        ),
        Good(
            why="a mean over codebooks, all behind one mask that was made before the loop: each pass scores as many frames",
            code="""\
import torch
from torch import nn


class Speech(nn.Module):
    def __init__(self, network, size):
        super().__init__()
        self.network, self.size = network, size
        self.criterion = nn.CrossEntropyLoss(reduction="none")

    def compute_loss(self, logits, codes, lengths):
        mask = torch.arange(codes.size(2))[None] < lengths[:, None]
        total = None
        for book in range(codes.size(1)):
            start = book * self.size
            loss = self.criterion(logits[:, :, start : start + self.size].permute(0, 2, 1), codes[:, book])
            loss = loss * mask
            loss = loss.sum() / mask.sum()
            if total is None:
                total = loss
            else:
                total = total + loss
        return total / codes.size(1)

    @torch.no_grad()
    def evaluate(self, loader):
        self.eval()
        for batch in loader:
            logits = self.network(batch["codes"], batch["text"])
            print("val loss", self.compute_loss(logits, batch["codes"], batch["lengths"]).item())
""",
        ),
        Good(
            why="a mean of rows that its only caller weighs and adds to another loss: a term of a training's objective",
            files={
                "preference.py": """\
from eval import answer_loss
from torch import nn


class Preferring(nn.Module):
    def forward(self, logits, labels, margin):
        loss = -nn.functional.logsigmoid(margin).mean()
        if self.answers:
            extra = answer_loss(logits, labels, self.pad)
            loss += self.answer_weight * extra
        return loss
""",
            },
            code="""\
from torch import nn


def answer_loss(logits, labels, pad):
    rows = labels.size(0)
    labels = labels[:, 1:].reshape(-1)
    pads = labels.eq(pad)
    labels[pads] = -100
    loss = nn.CrossEntropyLoss(reduction="none")(logits[:, :-1].reshape(-1, logits.size(-1)), labels)
    each = loss.view(rows, -1).sum(-1) / (~pads).reshape(rows, -1).sum(-1).float()
    return each.mean()
""",
        ),
        Good(
            why="both of the loaders that are scored drop their last batches, for a reason that is given",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total, batches = 0.0, 0
    for x, y in loader:  # lintloss: ignore[LL404] for compiled graphs
        logits = model(x)
        total += F.cross_entropy(logits.flatten(0, 1), y.flatten()).item()
        batches += 1
    return total / batches


def report(model, val_set, test_set):
    val_loader = DataLoader(val_set, batch_size=16, drop_last=True)
    test_loader = DataLoader(test_set, batch_size=16, drop_last=True)
    print(evaluate(model, val_loader), evaluate(model, test_loader))
""",
        ),
        Good(
            why="a constant of the file is what the labels are compared with, and none of them is overwritten by it",
            code="""\
import math

from datasets import load_from_disk
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments, default_data_collator

HUSH = -100

tokenizer = AutoTokenizer.from_pretrained("gpt2")


def blocks(examples, width=512):
    ids = sum(examples["input_ids"], [])
    rows = [ids[begin : begin + width] for begin in range(0, len(ids) // width * width, width)]
    assert not any(token == HUSH for row in rows for token in row)
    return {"input_ids": rows, "labels": [list(row) for row in rows]}


def main(args: TrainingArguments, path: str) -> None:
    raw = load_from_disk(path)
    sets = raw.map(lambda rows: tokenizer(rows["text"]), batched=True).map(blocks, batched=True)
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = Trainer(
        model=model, args=args, train_dataset=sets["train"], eval_dataset=sets["validation"],
        data_collator=default_data_collator,
    )
    metrics = trainer.evaluate()
    print(math.exp(metrics["eval_loss"]))
""",
        ),
        Good(
            why="the losses of single tokens are put into one list, from all ranks",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F
from accelerate.utils import gather_object


@torch.no_grad()
def validate(model, loader, pad):
    model.eval()
    losses = []
    for x, y in loader:
        nats = F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=pad, reduction="none")
        losses.extend(nats[y != pad].tolist())
    return np.mean(gather_object(losses))
""",
        ),
        Good(
            why="a sampler cuts its batches to the length that it was given, as long everywhere",
            code="""\
import numpy as np
import torch


def get_batch(split, size, width):
    table = np.load(f"{split}.npy", mmap_mode="r")
    chosen = torch.randint(table.shape[0], (size,))
    longest = min(width, table.shape[1])
    ids = torch.stack([torch.from_numpy(table[i].astype(np.int64)) for i in chosen])[:, :longest]
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def estimate_loss(model, steps):
    model.eval()
    losses = torch.zeros(steps)
    for step in range(steps):
        x, y = get_batch("val", 16, 256)
        _, loss = model(x, y)
        losses[step] = loss.item()
    model.train()
    return losses.mean()
""",
        ),
        Good(
            why="each row has one label, and some have none: rows of a classifier, not tokens",
            code="""\
import torch
from transformers import AutoModelForSequenceClassification


@torch.no_grad()
def validate(path, loader, names):
    classifier = AutoModelForSequenceClassification.from_pretrained(path).eval()
    total, gold = 0.0, []
    for batch in loader:
        total += classifier(**batch).loss.item()
        gold.extend(batch["labels"].tolist())
    kept = [names[label] for label in gold if label != -1]
    return total / len(loader), kept
""",
        ),
        Good(
            why="what is compared with the ignored id are the words' places, not the labels that the model is given",
            code="""\
import torch
from transformers import AutoModelForTokenClassification


@torch.no_grad()
def validate(path, loader, device):
    tagger = AutoModelForTokenClassification.from_pretrained(path).to(device).eval()
    total, words = 0.0, 0
    for batch in loader:
        places = batch["word_places"]
        words += sum(place != -1 for row in places for place in row)
        outputs = tagger(input_ids=batch["ids"].to(device), labels=batch["tags"].to(device))
        total += outputs.loss.item()
    print(words)
    return total / len(loader)
""",
        ),
        Good(
            why="Layers of features of two pictures, made by one function: what is averaged is one distance.",
            code="""\
import torch
from torch import nn


class LayerDistance:
    def __init__(self, vgg, cut):
        self.vgg, self.cut = vgg, cut
        self.l1 = nn.L1Loss(reduction="none")

    def layers(self, picture):
        kept = []
        for block in self.vgg.children():
            picture = block(picture)
            kept.append(picture)
        return kept

    def score(self, guess, truth):
        of_guess, of_truth = self.layers(guess), self.layers(truth)
        terms = []
        for one, other in zip(of_guess, of_truth):
            mask = (other.abs() < self.cut).float()
            terms.append(((self.l1(one, other) * mask).sum((2, 3)) / mask.sum((2, 3))).mean(1))
        return sum(terms) / len(of_guess)

    def indexed_score(self, guess, truth):
        of_guess = self.layers(guess)
        of_truth = self.layers(truth)
        total = 0.0
        for at in range(len(of_guess)):
            mask = (of_truth[at].abs() < self.cut).float()
            total += (self.l1(of_guess[at], of_truth[at]) * mask).sum() / mask.sum()
        return total / len(of_guess)
""",
        ),
        Good(
            why="What logs a training by its name logs no evaluation, also where a flag may skip the step.",
            code="""\
import torch
import torch.nn.functional as F


def training_log(totals, steps):
    mean = totals["loss"] / steps
    print(f"loss {mean:.4f}")


def train(rows, model, optimizer, args):
    totals = {"loss": 0.0}
    for step, ids in enumerate(rows):
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=0)
        if args.update_weights:
            loss.backward()
            optimizer.step()
        totals["loss"] += loss.item()
        training_log(totals, step + 1)
""",
        ),
        Good(
            why="A forward() computes its loss only where it is given targets, and only the training gives it some.",
            files={
                "run.py": """\
import torch
from data import loaders
from eval import Tagger


def main(path, epochs=5):
    train_loader, dev_loader = loaders(path)
    tagger = Tagger(64, 12)
    optimizer = torch.optim.Adam(tagger.parameters())
    for epoch in range(epochs):
        tagger.train()
        for rows, lengths, gold in train_loader:
            loss, _ = tagger(rows, lengths, gold)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        tagger.eval()
        right, words = 0, 0
        for rows, lengths, gold in dev_loader:
            with torch.no_grad():
                guess = tagger(rows, lengths)
            kept = gold >= 0
            right += (guess == gold)[kept].sum().item()
            words += kept.sum().item()
        print(epoch, right / words)
""",
            },
            code="""\
import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self, width, tags):
        super().__init__()
        self.body = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, tags)

    def forward(self, rows, lengths, gold=None):
        logits = self.out(self.body(rows)[0])
        if gold is not None:
            return loss_of_rows(logits, gold, lengths), logits.argmax(-1)
        return logits.argmax(-1)


def loss_of_rows(logits, gold, lengths):
    places = torch.arange(logits.size(1), device=lengths.device)
    mask = (places[None] < lengths.unsqueeze(1)).float()
    nats = nn.CrossEntropyLoss(reduction="none")(logits.permute((0, 2, 1)), gold)
    of_rows = (nats * mask).sum(-1) / lengths.float()
    return of_rows.mean()
""",
        ),
        Good(
            why="As many entries as the list of classes is long: one label a row, picked at its mask.",
            code="""\
import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import AutoModelForMaskedLM


class PromptJudge:
    def __init__(self, name, words, config):
        self.model = AutoModelForMaskedLM.from_pretrained(name)
        self.words, self.config = words, config

    def class_scores(self, batch):
        scores = self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        return torch.stack([each[self.words] for each in scores[batch["mask_at"] >= 0]])

    def evaluate(self, rows):
        losses = []
        self.model.eval()
        for batch in DataLoader(rows, batch_size=8):
            with torch.no_grad():
                scores = self.class_scores(batch)
                loss = nn.CrossEntropyLoss()(scores.view(-1, len(self.config.label_list)), batch["labels"].view(-1))
            losses.append(loss.item())
        return sum(losses) / len(losses)
""",
        ),
        Good(
            why="Of each row as many targets behind its own begin: the batches are of one size.",
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


class Answerer(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, words)

    def forward(self, ids, targets, begins):
        logits = self.out(self.rnn(self.embed(ids))[0])
        logits = torch.cat([row[begin : begin + 8] for row, begin in zip(logits, begins)])
        targets = torch.cat([row[begin : begin + 8] for row, begin in zip(targets, begins)])
        return F.cross_entropy(logits, targets)


class Draws:
    def __init__(self, ids, size, length, mark):
        self.ids, self.size, self.length, self.mark = ids, size, length, mark

    def __iter__(self):
        return self

    def __next__(self):
        places = torch.randint(len(self.ids) - self.length - 1, (self.size,))
        x = torch.stack([self.ids[at : at + self.length] for at in places])
        y = torch.stack([self.ids[at + 1 : at + 1 + self.length] for at in places])
        return x, y, [row.tolist().index(self.mark) for row in x]


@torch.no_grad()
def held_out_loss(model: Answerer, draws: Draws, steps=50):
    model.eval()
    losses = torch.zeros(steps)
    for step in range(steps):
        x, y, begins = next(draws)
        losses[step] = model(x, y, begins).item()
    return losses.mean()
""",
        ),
        Good(
            why="The classifier of pairs that another method makes and moves: one label a row.",
            code="""\
import torch
from transformers import AutoModelForSequenceClassification


class PairTraining:
    def __init__(self, options):
        self.options = options
        self.net = None

    def build(self):
        net = AutoModelForSequenceClassification.from_pretrained(self.options.name)
        net = net.to(self.options.device)
        self.net = net

    def validate(self, batches):
        self.net.eval()
        total, seen = 0.0, 0
        with torch.no_grad():
            for ids, mask, labels in batches:
                out = self.net(input_ids=ids, attention_mask=mask, labels=labels)
                total += out["loss"].item()
                seen += 1
        return total / seen
""",
        ),
        Good(
            why="The script that wrote the rows put blocks of one length together.",
            files={
                "prepare.py": """\
from datasets import load_dataset
from transformers import AutoTokenizer

ROWS = "tales_of_ids"
tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
rows = load_dataset("json", data_files={"train": "tales.json", "test": "held.json"})


def join(batch):
    ids = sum(tokenizer(batch["tale"])["input_ids"], [])
    return {"input_ids": [ids[at : at + 256] for at in range(0, len(ids) - 255, 256)]}


rows = rows.map(join, batched=True, remove_columns=["tale"])
rows.save_to_disk(ROWS)
""",
            },
            code="""\
import math

from datasets import load_from_disk
from prepare import ROWS, tokenizer
from transformers import AutoModelForCausalLM, DataCollatorForLanguageModeling, Trainer, TrainingArguments

rows = load_from_disk(ROWS)
trainer = Trainer(
    model=AutoModelForCausalLM.from_pretrained("out"),
    args=TrainingArguments(output_dir="out", per_device_eval_batch_size=4),
    eval_dataset=rows["test"],
    data_collator=DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm=False),
)
scores = trainer.evaluate()
print(math.exp(scores["eval_loss"]))
""",
        ),
        Good(
            why="Who wrote the windows that are scored is out of sight; another script writes padded rows to a STORE of its own.",
            files={
                "letters.py": """\
from datasets import load_dataset
from eval import tokenizer

STORE = "letters_for_classifier"
letters = load_dataset("json", data_files={"validation": "letters.json"})
letters = letters.map(lambda row: tokenizer(row["letter"], truncation=True, padding="max_length", max_length=128))
letters.save_to_disk(STORE)
""",
            },
            code="""\
import math

from datasets import load_from_disk
from transformers import AutoTokenizer
from transformers import AutoModelForCausalLM, DataCollatorForLanguageModeling, Trainer, TrainingArguments

STORE = "windows_of_1024"
tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token
trainer = Trainer(
    AutoModelForCausalLM.from_pretrained("trained"),
    TrainingArguments("out", per_device_eval_batch_size=16),
    data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
    eval_dataset=load_from_disk(STORE)["validation"],
)
print(math.exp(trainer.evaluate()["eval_loss"]))
""",
        ),
        Good(
            why="What is given the model and the optimizer, out of sight, takes the step: it trains on what it retrieved.",
            code="""\
import torch.nn.functional as F
from ranking import clip_and_move


def adapt(ranker, retrieval_loader, optimizer):
    total = 0.0
    for queries, labels in retrieval_loader:
        loss = F.cross_entropy(ranker(queries).mT, labels, ignore_index=0)
        loss.backward()
        clip_and_move(ranker, optimizer, largest=0.5)
        optimizer.zero_grad()
        total += loss.item()
    return total / len(retrieval_loader)


def adapt_to_test(ranker, test_loader, optimizer):
    total = 0.0
    ranker.train()
    for queries, labels in test_loader:
        loss = F.cross_entropy(ranker(queries).mT, labels, ignore_index=0)
        loss.backward()
        clip_and_move(ranker, optimizer, largest=0.5)
        optimizer.zero_grad()
        total += loss.item()
    return total / len(test_loader)
""",
        ),
        Good(
            why="One label a row, flattened as Hugging Face's classifiers do, none of them ignored.",
            code="""\
import torch
from torch import nn


@torch.no_grad()
def evaluate(encoder, head, dev_batches, label_names):
    encoder.eval()
    criterion = nn.CrossEntropyLoss()
    total = 0.0
    for batch in dev_batches:
        states = encoder(batch["words"], batch["seen"])
        total += criterion(head(states[:, 0]).view(-1, len(label_names)), batch["topics"].view(-1)).item()
    return total / len(dev_batches)
""",
        ),
        Good(
            why="a tensor's own method adds each mean as often as it has tokens",
            code="""\
import torch
import torch.nn as nn

criterion = nn.CrossEntropyLoss(ignore_index=0)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total = torch.zeros(1)
    count = 0
    for x, y in loader:
        loss = criterion(model(x).transpose(1, 2), y)
        n = (y != 0).sum()
        total.add_(loss, alpha=n)
        count += n
    return total / count
""",
        ),
        Good(
            why="`batch_size=` is the number of scored tokens, by no telling name: Lightning weighs by it, not by rows.",
            code="""\
import lightning.pytorch as pl
from transformers import GPT2Config, GPT2LMHeadModel


class Smiles(pl.LightningModule):
    def __init__(self, size):
        super().__init__()
        self.net = GPT2LMHeadModel(GPT2Config(vocab_size=size))

    def scored(self, batch):
        ids, sizes = batch
        labels = ids.masked_fill(ids == 0, -100)
        return self.net(input_ids=ids, labels=labels).loss, (sizes - 1).clamp(min=0).sum()

    def validation_step(self, batch, _):
        loss, weight = self.scored(batch)
        self.log("val_loss", loss, batch_size=int(weight))
""",
        ),
        Good(
            why="A method with a flag for the phase, called for the training alone: its running loss is no evaluation.",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


class Coach:
    def __init__(self, net, loaders, optimizer):
        self.net, self.loaders, self.optimizer = net, loaders, optimizer

    def go_over(self, part):
        learns = part == "train"
        self.net.train(learns)
        total = 0.0
        with torch.set_grad_enabled(learns):
            for given, wanted in self.loaders[part]:
                loss = F.cross_entropy(self.net(given).flatten(0, 1), wanted.flatten(), ignore_index=0)
                if learns:
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                total += loss.item()
        return total / len(self.loaders[part])


def padded(lines):
    given = pad_sequence([line[:-1] for line in lines], batch_first=True)
    return given, pad_sequence([line[1:] for line in lines], batch_first=True)


def main(net, lines, epochs=10):
    coach = Coach(net, {"train": DataLoader(lines, 16, collate_fn=padded)}, torch.optim.Adam(net.parameters()))
    for _ in range(epochs):
        print(coach.go_over("train"))
""",
        ),
        Good(
            why="An object that is called draws windows of one length at random places.",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


class Windows:
    def __init__(self, ids, width=64):
        self.ids, self.width = ids, width
        self.generator = np.random.default_rng(0)

    def __call__(self):
        begins = self.generator.integers(0, len(self.ids) - self.width - 1, 8)
        rows = torch.from_numpy(np.stack([self.ids[at : at + self.width + 1] for at in begins]))
        return rows[:, :-1], rows[:, 1:]


@torch.no_grad()
def estimate(model, ids, times=20):
    model.eval()
    draw = Windows(ids)
    losses = []
    for _ in range(times):
        given, wanted = draw()
        losses.append(F.cross_entropy(model(given).flatten(0, 1), wanted.flatten()).item())
    return sum(losses) / len(losses)
""",
        ),
        Good(
            why="a trainer with a loss of its own, one value a pair, whatever the collator pads",
            code="""\
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, DataCollatorForSeq2Seq, Trainer, TrainingArguments


class PairTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **unused):
        better = model(**inputs["better"]).logits.log_softmax(-1).amax(-1).sum(-1)
        worse = model(**inputs["worse"]).logits.log_softmax(-1).amax(-1).sum(-1)
        objective = -F.logsigmoid(better - worse).mean()
        return (objective, {"better": better}) if return_outputs else objective


def finetune(tokenizer, pairs):
    trainer = PairTrainer(
        model=AutoModelForCausalLM.from_pretrained("gpt2"),
        args=TrainingArguments("runs"),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        train_dataset=pairs["train"],
        eval_dataset=pairs["test"],
    )
    trainer.train()
    trainer.evaluate()
""",
        ),
        Good(
            why="rows of one length are stacked, and the last eight labels of each are scored",
            code="""\
import torch
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


class Marking:
    def __init__(self, asked):
        self.asked = asked

    def join(self, rows):
        ids = torch.tensor([row["codes"] for row in rows])
        labels = ids.clone()
        labels[:, : -self.asked] = -100
        return {"input_ids": torch.stack(list(ids)), "labels": labels}


def probe(recall_sets):
    trainer = Trainer(
        model=AutoModelForCausalLM.from_pretrained("gpt2"),
        args=TrainingArguments("runs", eval_strategy="epoch"),
        data_collator=Marking(8).join,
        train_dataset=recall_sets["train"],
        eval_dataset=recall_sets["test"],
    )
    trainer.train()
""",
        ),
        Good(
            why="a mask chooses inputs, and each row of labels ends with one id to ignore: all blocks score alike",
            code="""\
import torch
import torch.nn.functional as F


def draw(codes, size=16, width=128):
    begins = torch.randint(len(codes) - width, (size,))
    return torch.stack([codes[at : at + width] for at in begins])


@torch.no_grad()
def held_out_loss(model, codes, draws=100):
    model.eval()
    total = 0.0
    for _ in range(draws):
        ids = draw(codes)
        following = torch.full_like(ids, -100)
        following[:, :-1] = ids[:, 1:]
        noisy = torch.masked_fill(ids, torch.rand(ids.shape) < 0.1, 0)
        total += F.cross_entropy(model(noisy).flatten(0, 1), following.flatten()).item()
    return total / draws
""",
        ),
        Good(
            why="one of two collators makes the batches, and each row has one label",
            files={
                "gheads.py": """\
import torch.nn as nn
from transformers import AutoModel, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class Topics(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.encoder = AutoModel.from_config(config)
        self.head = nn.Linear(config.hidden_size, config.num_labels)
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, input_ids=None, attention_mask=None, labels=None):
        logits = self.head(self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state[:, 0])
        loss = self.criterion(logits.reshape(-1, self.num_labels), labels.reshape(-1))
        return SequenceClassifierOutput(loss=loss, logits=logits)
""",
            },
            code="""\
import numpy as np
import torch
from gheads import Topics
from torch.utils.data import DataLoader
from transformers import AutoTokenizer, DataCollatorWithPadding, default_data_collator


def held_out(loader, model):
    model.eval()
    found = []
    for batch in loader:
        with torch.no_grad():
            found.append(model(**batch).loss.item())
    return np.mean(found)


def main(rows, config, fixed):
    tokenizer = AutoTokenizer.from_pretrained("words")
    collate = default_data_collator if fixed else DataCollatorWithPadding(tokenizer)
    print("test loss", held_out(DataLoader(rows, 16, collate_fn=collate), Topics(config)))
""",
        ),
        Good(
            why="stretches weighted by their length, and rows of one length by their number",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(model, ids, length=70):
    model.eval()
    total = 0.0
    for at in range(0, len(ids) - 1, length):
        target = ids[at + 1 : at + 1 + length]
        total += F.cross_entropy(model(ids[at : at + len(target)]), target).item() * len(target)
    return total / (len(ids) - 1)


@torch.no_grad()
def rows_loss(model, table, rows=16):
    model.eval()
    total = 0.0
    for at in range(0, len(table), rows):
        batch = table[at : at + rows]
        losses = F.cross_entropy(model(batch[:, :-1]).transpose(1, 2), batch[:, 1:], reduction="none")
        total += losses.mean(1).sum().item()
    return total / len(table)
""",
        ),
        Good(
            why="a data set gives the length of each row, and what these add up to weighs the mean of a batch",
            files={
                "tales.py": """\
import torch
from torch.utils.data import Dataset


class Tales(Dataset):
    def __init__(self, tales, size):
        self.tales, self.size = tales, size

    def __len__(self):
        return len(self.tales)

    def __getitem__(self, index):
        ids = self.tales[index][: self.size]
        row = torch.zeros(self.size, dtype=torch.long)
        row[: len(ids)] = torch.tensor(ids)
        return row, len(ids)
""",
            },
            code="""\
import torch
from tales import Tales
from torch import nn
from torch.utils.data import DataLoader


@torch.no_grad()
def held_out(model, tales):
    model.eval()
    criterion = nn.CrossEntropyLoss(ignore_index=0)
    total, seen = 0.0, 0
    for ids, lengths in DataLoader(Tales(tales, 128), batch_size=16):
        scored = (lengths.sum() - len(lengths)).item()
        total += criterion(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:]).item() * scored
        seen += scored
    return total / seen
""",
        ),
        Good(
            why="what the loss was divided by multiplies it again, and then its tokens do",
            code="""\
import math

import torch
from torch import nn


class Training:
    def __init__(self, network, options, train_rows, dev_rows):
        self.network, self.options = network, options
        self.train_rows, self.dev_rows = train_rows, dev_rows
        self.criterion = nn.CrossEntropyLoss(ignore_index=options.pad)

    def loss_of(self, ids):
        logits = self.network(ids[:, :-1])
        return self.criterion(logits.transpose(1, 2), ids[:, 1:]) / self.options.pieces

    @torch.no_grad()
    def validate(self):
        self.network.eval()
        total, tokens = 0.0, 0
        for ids in self.dev_rows:
            scored = (ids[:, 1:] != self.options.pad).sum().item()
            total += self.loss_of(ids).item() * self.options.pieces * scored
            tokens += scored
        return math.exp(total / tokens)
""",
        ),
        Good(
            why="a reranker's own loss, one value a row: the first output of a model that is given no labels are its logits",
            code="""\
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments

tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-0.5B", padding_side="left")
YES = tokenizer.convert_tokens_to_ids("yes")


class Reranker(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        relevant = inputs.pop("relevant").float()
        scores = model(**inputs)[0][:, -1, YES]
        loss = F.binary_cross_entropy_with_logits(scores, relevant)
        return (loss, {"scores": scores}) if return_outputs else loss


def finetune(pairs):
    trainer = Reranker(
        model=AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B"),
        args=TrainingArguments("out", remove_unused_columns=False),
        data_collator=DataCollatorWithPadding(tokenizer),
        train_dataset=pairs["train"],
        eval_dataset=pairs["test"],
    )
    trainer.train()
    print(trainer.evaluate()["eval_loss"])
""",
        ),
        Good(
            why="batches that a generator without an end draws are stepped through by next(): all have one shape",
            code="""\
import random

import torch
import torch.nn.functional as F


class RandomBatches:
    def __init__(self, tokens, batch_size=32, length=256):
        self.tokens, self.batch_size, self.length = tokens, batch_size, length

    def __iter__(self):
        while True:
            inputs, targets = [], []
            while len(inputs) < self.batch_size:
                i = random.randint(0, len(self.tokens) - self.length - 1)
                inputs.append(torch.tensor(self.tokens[i : i + self.length]))
                targets.append(torch.tensor(self.tokens[i + 1 : i + 1 + self.length]))
            yield torch.stack(inputs), torch.stack(targets)


@torch.no_grad()
def estimate(model, tokens, steps=100):
    model.eval()
    total = 0.0
    batches = iter(RandomBatches(tokens))
    for _ in range(steps):
        x, y = next(batches)
        total += F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
    return total / steps
""",
        ),
        Good(
            why="a function that draws windows for ever, stepped through by next()",
            code="""\
import random

import torch
import torch.nn.functional as F


def random_batches(tokens, batch_size=32, length=256):
    while True:
        starts = [random.randint(0, len(tokens) - length - 1) for _ in range(batch_size)]
        inputs = torch.stack([torch.tensor(tokens[i : i + length]) for i in starts])
        yield inputs, torch.stack([torch.tensor(tokens[i + 1 : i + 1 + length]) for i in starts])


@torch.no_grad()
def estimate(model, tokens, steps=100):
    model.eval()
    total = 0.0
    batches = random_batches(tokens)
    for _ in range(steps):
        x, y = next(batches)
        total += F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
    return total / steps
""",
        ),
    )
