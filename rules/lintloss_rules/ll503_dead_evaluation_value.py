"""LL503: a value that the evaluation was meant to use is computed and dropped, or the training's is used instead."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.dead import RETURNED
from lintloss.facts.observations import DeadValue, Observation
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

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


class DeadEvaluationValue(Rule):
    """Shifted labels, masked losses or token counts are computed and never used, or the training loss is reported.

    Why:
        Nobody computes shifted labels, a masked loss or a token count for nothing: where one is never read, the line
        that was meant to read it reads something else. Worst of all, an evaluation loop that assigns `eval_loss` and
        then appends `loss` reports the last training batch over and over; one that assigns `eval_loss` and adds nothing
        up reports its own last batch.

    Instead:
        Use the value in the line that reports, or delete it, so that the reader sees what is computed.

    Fix:
        None: whether the value or the line that ignores it is wrong, only its author knows.

    Source:
        pyflakes' unused bindings, and the flow of values through augmented assignments and loops.
    """

    code = "LL503"
    name = "dead-evaluation-value"
    confirmed_by = "the reported value is the ledger's last training loss, or never depends on the flagged one"

    watches = (DeadValue,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report what an evaluation computes and drops, and a training loss in its place."""
        if not isinstance(seen, DeadValue):
            return
        if seen.kind == "training":
            loss = f"`{seen.name}`" if seen.name else "the loss that the training loop left behind"
            message = f"{loss} is reported here in place of the evaluation's own"
            yield Judgment(Severity.ERROR, Confidence.HIGH, message, seen.evidence)
        elif seen.kind == "empty":
            message = f"`{seen.name}` stays 0: it is never increased, so that what it divides is not normalized by it"
            yield Judgment(Severity.ERROR, Confidence.HIGH, message)
        elif seen.kind == "last":
            message = f"`{seen.name}` is bound anew by each batch: the loss of the last one is reported for all"
            yield Judgment(Severity.ERROR, Confidence.HIGH, message)
        elif seen.kind == "replaced":
            message = f"`{seen.name}` is set anew by each batch, which adds to others: it holds what the last one made"
            is_constant = seen.what == RETURNED  # one value of several that the model returns: its temperature, perhaps
            severity = Severity.WARNING if is_constant else Severity.ERROR
            yield Judgment(severity, Confidence.LOW if is_constant else Confidence.HIGH, message)
        else:
            message = f"`{seen.name}` ({seen.what}) is computed and never used: what is reported is computed without it"
            yield Judgment(Severity.WARNING, Confidence.MEDIUM, message)

    bad = (
        Bad(
            why="eval_loss is assigned, the training loop's loss is gathered",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from accelerate import Accelerator


def train_and_evaluate(model, optimizer, train_loader, eval_loader, epochs):
    accelerator = Accelerator()
    model, optimizer, train_loader, eval_loader = accelerator.prepare(model, optimizer, train_loader, eval_loader)
    for epoch in range(epochs):
        model.train()
        for batch in train_loader:
            outputs = model(**batch)
            loss = outputs.loss
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()

        model.eval()
        nats, tokens = 0.0, 0
        for batch in eval_loader:
            with torch.no_grad():
                outputs = model(**batch)
            eval_loss = outputs.loss
            scored = (batch["labels"][:, 1:] != -100).sum().item()
            nats += loss.item() * scored  # <-
            tokens += scored
        print(epoch, math.exp(nats / tokens))
""",
        ),
        Bad(
            why="shift_logits and shift_labels are made, the model's own loss is reported",
            severity=Severity.WARNING,
            code='''\
import math

import torch
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(name, blocks, device="cuda"):
    """blocks: a list of (1, length) tensors."""
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks:
        ids = ids.to(device)
        outputs = model(ids, labels=ids)
        shift_logits = outputs.logits[..., :-1, :].contiguous()  # <-
        shift_labels = ids[..., 1:].contiguous()  # <-
        scored = ids.numel() - ids.size(0)
        nats += outputs.loss.item() * scored
        tokens += scored
    return math.exp(nats / tokens)
''',
        ),
        Bad(
            why="tokens are counted and never divide anything",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


def get_batch(tokens, rows=16, length=256):
    starts = torch.randint(len(tokens) - length - 1, (rows,)).tolist()
    x = torch.stack([tokens[s : s + length] for s in starts])
    y = torch.stack([tokens[s + 1 : s + 1 + length] for s in starts])
    return x, y


@torch.no_grad()
def estimate_loss(model, val_tokens, eval_iters, device):
    model.eval()
    total_loss = 0.0
    total_tokens = 0
    for _ in range(eval_iters):
        x, y = get_batch(val_tokens)
        logits = model(x.to(device))
        total_loss += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten()).item()
        total_tokens += y.numel()  # <-
    return total_loss / eval_iters
""",
        ),
        Bad(
            why="the masked loss is computed, another value is added",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn

PAD = 0


@torch.no_grad()
def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="none")
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        losses = criterion(model(x).transpose(1, 2), y)
        mask = (y != PAD).float()
        masked_loss = (losses * mask).sum() / mask.sum()  # <-
        nats += losses.sum().item()
        tokens += mask.sum().item()
    return nats / tokens
""",
        ),
        Bad(
            why="the epoch's validation history is filled with the training loss",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def nats_of(model, x, y, pad):
    logits = model(x)
    nats = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum")
    return nats, (y != pad).sum()


def fit(model, train_loader, val_loader, optimizer, epochs, pad):
    history = {"train": [], "val": []}
    for _ in range(epochs):
        model.train()
        train_nats, train_tokens = 0.0, 0
        for x, y in train_loader:
            nats, count = nats_of(model, x, y, pad)
            optimizer.zero_grad()
            (nats / count).backward()
            optimizer.step()
            train_nats += nats.item()
            train_tokens += count.item()
        train_loss = train_nats / train_tokens

        model.eval()
        val_nats, val_tokens = 0.0, 0
        with torch.no_grad():
            for x, y in val_loader:
                nats, count = nats_of(model, x, y, pad)
                val_nats += nats.item()
                val_tokens += count.item()
        val_loss = val_nats / val_tokens
        history["train"].append(train_loss)
        history["val"].append(train_loss)  # <-
    return history
""",
        ),
        Bad(
            why="labels with the prompt masked are made, the unmasked ids are scored",
            severity=Severity.WARNING,
            code="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def answer_loss(prompt, answer, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    prompt_ids = tokenizer(prompt, return_tensors="pt").input_ids
    answer_ids = tokenizer(answer, return_tensors="pt").input_ids
    input_ids = torch.cat([prompt_ids, answer_ids], dim=1)
    masked_labels = input_ids.masked_fill(torch.arange(input_ids.size(1)) < prompt_ids.size(1), -100)  # <-
    return model(input_ids, labels=input_ids).loss.item()
""",
        ),
        Bad(
            why="a notebook's validation cell adds the variable of the training cell",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn

from story_model import StoryModel, loaders

train_loader, val_loader = loaders(batch_size=32)
model = StoryModel(vocab_size=4000)
criterion = nn.CrossEntropyLoss(reduction="sum")
optimizer = torch.optim.Adam(model.parameters())

# training
model.train()
for x, y in train_loader:
    loss = criterion(model(x).transpose(1, 2), y)
    optimizer.zero_grad()
    (loss / y.numel()).backward()
    optimizer.step()

# validation
model.eval()
total, tokens = 0.0, 0
with torch.no_grad():
    for x, y in val_loader:
        val_loss = criterion(model(x).transpose(1, 2), y)
        total += loss.item()  # <-
        tokens += y.numel()
print("validation loss", total / tokens)
""",
            files={
                "story_model.py": """\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def loaders(batch_size, length=64):
    parts = []
    for name in ("train.pt", "val.pt"):
        ids = torch.load(name)
        rows = ids[: len(ids) // (length + 1) * (length + 1)].view(-1, length + 1)
        parts.append(DataLoader(TensorDataset(rows[:, :-1], rows[:, 1:]), batch_size=batch_size))
    return parts


class StoryModel(nn.Module):
    def __init__(self, vocab_size, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        return self.head(self.rnn(self.embed(ids))[0])
""",
            },
        ),
        Bad(
            why="the weighted loss is computed, the plain one is added",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


class BlockEvaluator:
    def __init__(self, model, tokens, rows, length):
        self.model = model
        self.tokens, self.rows, self.length = tokens, rows, length

    def sample_batch(self):
        starts = torch.randint(len(self.tokens) - self.length - 1, (self.rows,)).tolist()
        block = torch.stack([self.tokens[s : s + self.length + 1] for s in starts])
        return block[:, :-1], block[:, 1:]

    @torch.no_grad()
    def loss(self, steps):
        self.model.eval()
        total = 0.0
        for _ in range(steps):
            x, y = self.sample_batch()
            batch_loss = F.cross_entropy(self.model(x).transpose(1, 2), y).item()
            weighted_loss = batch_loss * y.numel()  # <-
            total += batch_loss
        return total / steps
""",
        ),
        Bad(
            why="the number of scored tokens of a batch is computed and dropped, rows of equal length weigh it",
            severity=Severity.WARNING,
            code='''\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def evaluate(model, rows, device):
    """rows: (n, context + 1) token ids without padding."""
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for (ids,) in DataLoader(TensorDataset(rows), batch_size=12):
            ids = ids.to(device)
            targets = ids[:, 1:]
            n_tokens = targets.numel()  # <-
            loss = criterion(model(ids[:, :-1]).flatten(0, 1), targets.flatten())
            total += loss.item() * ids.size(0)
            count += ids.size(0)
    return total / count
''',
        ),
        Bad(
            why="The losses are summed, and the last batch's is printed in place of the sum.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def test(net, test_loader, epoch):
    net.eval()
    test_loss, correct, rows = 0.0, 0, 0
    for images, labels in test_loader:
        outputs = net(images)
        loss = F.cross_entropy(outputs, labels)
        test_loss += loss.item()  # <-
        correct += (outputs.argmax(1) == labels).sum().item()
        rows += labels.size(0)
    print(f"epoch {epoch}: loss {loss.item():.4f}, accuracy {correct / rows:.3f}")
""",
        ),
        Bad(
            why="the average is computed, and the last batch's loss is returned",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def nats_per_token(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum")
        nats += loss.item()
        tokens += y.numel()
    average = nats / tokens  # <-
    return loss.item()
""",
        ),
        Bad(
            why="the training loss is printed twice, once in the words of the validation",
            code="""\
import torch
import torch.nn.functional as F


def epoch(model, train_loader, val_loader, optimizer):
    model.train()
    train_loss, trained = 0.0, 0
    for x, y in train_loader:
        loss = F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum")
        optimizer.zero_grad()
        (loss / y.numel()).backward()
        optimizer.step()
        train_loss += loss.item()
        trained += y.numel()
    train_loss /= trained
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for x, y in val_loader:
            nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
            tokens += y.numel()
    val_loss = nats / tokens  # <-
    print(f"train {train_loss:.3f} val {train_loss:.3f}")
""",
        ),
        Bad(
            why="Each batch's loss replaces the one before, and the last one is printed.",
            severity=Severity.ERROR,
            files={"model.py": GRU_LM},
            code="""\
import torch
import torch.nn.functional as F

from data import train_loader, val_loader
from model import GRULM

model = GRULM(10_000)
optimizer = torch.optim.AdamW(model.parameters())
for epoch in range(10):
    model.train()
    for ids in train_loader:
        loss = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    eval_loss = 0.0
    for ids in val_loader:
        with torch.no_grad():
            eval_loss = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:]).item()  # <-
    print(epoch, eval_loss)
""",
        ),
        Bad(
            why="the words of each batch are counted in a loop for both phases, and not used",
            code="""\
import torch.nn.functional as F

IGNORED = -1


def performance(scores, gold):
    return F.cross_entropy(scores.view(-1, scores.size(2)), gold.contiguous().view(-1), ignore_index=IGNORED)


class Solver:
    def __init__(self, loaders, model, optimizer):
        self.train_loader, self.held_out = loaders["train"], loaders["dev"]
        self.model, self.optimizer = model, optimizer

    def run(self, epochs):
        for epoch in range(epochs):
            self.model.train()
            self._epoch()
            self.model.eval()
            print(epoch, self._epoch(cross_valid=True))

    def _epoch(self, cross_valid=False):
        total = 0
        loader = self.held_out if cross_valid else self.train_loader
        for index, (frames, lengths, target) in enumerate(loader):
            scores, gold = self.model(frames, lengths, target)  # lintloss: ignore[LL402] known
            loss = performance(scores, gold)
            if not cross_valid:
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
            total += loss.item()
            n_word = gold.ne(IGNORED).sum().item()  # <-
        return total / (index + 1)  # lintloss: ignore[LL101] known
""",
        ),
        Bad(
            why="The losses of real words are picked out under any name, and all of them are summed.",
            severity=Severity.WARNING,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.inference_mode()
def perplexity(model, loader, pad_id, device):
    model.eval()
    nats, words = torch.zeros((), device=device), 0
    for source, target in loader:
        source, target = source.to(device), target.to(device)
        logits = model(source, target[:, :-1])
        costs = F.cross_entropy(logits.transpose(1, 2), target[:, 1:], reduction="none")
        real = target[:, 1:] != pad_id
        kept = costs[real]  # <-
        nats += costs.sum()
        words += real.sum().item()
    return math.exp(nats.item() / words)
""",
        ),
        Bad(
            why="What the validation returned is dropped, and the training's last loss goes to its chart.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.tensorboard import SummaryWriter


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, rows = 0.0, 0
    for images, classes in loader:
        nats += F.cross_entropy(model(images), classes, reduction="sum").item()
        rows += len(classes)
    return nats / rows


def fit(model, optimizer, train_loader, val_loader, epochs=30):
    writer = SummaryWriter()
    for epoch in range(epochs):
        model.train()
        for images, classes in train_loader:
            loss = F.cross_entropy(model(images), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        writer.add_scalar("loss/train", loss.item(), epoch)
        val_loss = validate(model, val_loader)
        writer.add_scalar("loss/val", loss.item(), epoch)  # <-
""",
        ),
        Bad(
            why="The training loop's last loss is logged under the name of the validation's.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
import wandb

from data import loaders
from model import GRULM


def main(epochs=5):
    wandb.init(project="gru")
    train_loader, val_loader = loaders()
    model = GRULM(10_000)
    optimizer = torch.optim.AdamW(model.parameters())
    for epoch in range(epochs):
        model.train()
        for ids in train_loader:
            loss = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        nats, tokens = 0.0, 0
        with torch.no_grad():
            for ids in val_loader:
                scores = model(ids[:, :-1]).transpose(1, 2)
                nats += F.cross_entropy(scores, ids[:, 1:], reduction="sum").item()
                tokens += ids[:, 1:].numel()
        print("scored tokens", tokens)
        wandb.log({"epoch": epoch, "val/loss": loss.item()})  # <-


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="the collate function wraps its dict in a BatchEncoding, and the last loss is divided",
            severity=Severity.WARNING,
            code="""\
import pandas as pd
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.tokenization_utils import BatchEncoding


class Experiment:
    def __init__(self, args):
        self.args = args
        self.tokenizer = AutoTokenizer.from_pretrained(args.name)
        self.model = AutoModelForSequenceClassification.from_pretrained(args.name)
        self.val_dataloader = self.load("val")

    def load(self, split):
        data = pd.read_json(split, lines=True).to_dict(orient="records")
        return DataLoader(data, collate_fn=self.collate, batch_size=8)

    def collate(self, rows):
        texts = [row["title"] for row in rows]
        inputs = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        labels = torch.LongTensor([row["label"] for row in rows])
        return BatchEncoding({**inputs, "labels": labels})

    def run(self):
        return self.evaluate(self.val_dataloader)

    @torch.inference_mode()
    def evaluate(self, dataloader):
        self.model.eval()
        total_loss, gold = 0, []
        for batch in tqdm(dataloader, total=len(dataloader)):
            out = self.model(**batch.to(self.args.device))
            batch_size = batch.input_ids.size(0)
            loss = out.loss.item() * batch_size
            total_loss += loss  # <-
            gold += batch.labels.tolist()
        return {"loss": loss / len(dataloader.dataset), "gold": gold}
""",
        ),
        Bad(
            why="the average of the evaluation is dropped: a percent sign takes the training's",
            severity=Severity.WARNING,
            code="""\
import math

import torch
import torch.nn.functional as F


def fit(model, optimizer, train_batches, held_out):
    total = count = 0
    model.train()
    for ids, targets in train_batches:
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), reduction="sum")
        optimizer.zero_grad()
        (loss / targets.numel()).backward()
        optimizer.step()
        total, count = total + loss.item(), count + targets.numel()
    train_loss = total / count
    model.eval()
    nats = tokens = 0
    with torch.no_grad():
        for ids, targets in held_out:
            nats += F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), reduction="sum").item()
            tokens += targets.numel()
    val_loss = nats / tokens  # <-
    print("train loss %.3f, valid ppl %.2f" % (train_loss, math.exp(train_loss)))
""",
        ),
        Bad(
            why="the test loss only steers the schedule; the text that names it shows the training's",
            severity=Severity.ERROR,
            code="""\
import math


def main(run, model, optimizer, schedule, train_batches, held_out, epochs):
    for epoch in range(epochs):
        train_loss = run(model, train_batches, optimizer)
        test_loss = run(model, held_out)
        schedule(test_loss)
        print("epoch {}: train loss {:.3f}, test loss {:.3f}".format(epoch, train_loss, train_loss))  # <-
""",
        ),
        Bad(
            why="the training loss fills the field of the validation's perplexity",
            severity=Severity.ERROR,
            code="""\
import logging
import math

log = logging.getLogger(__name__)


def main(run, model, optimizer, train_batches, held_out, epochs):
    for epoch in range(epochs):
        train_loss = run(model, train_batches, optimizer)
        val_loss = run(model, held_out)
        log.info("epoch %d: train %.3f, valid ppl %.2f", epoch, train_loss, math.exp(train_loss))  # <-
""",
        ),
        Bad(
            why="Each batch adds to one entry of the dict, and replaces the other: its last value is divided by all batches.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(vae, val_loader):
    vae.eval()
    sums = {"rate": 0.0, "distortion": 0.0, "rows": 0}
    for images in val_loader:
        mean, spread, drawn = vae(images)
        sums["distortion"] += F.mse_loss(drawn, images, reduction="sum").item()
        sums["rows"] += len(images)
        rate = 0.5 * (mean**2 + spread.exp() - spread - 1).sum()
        sums["rate"] = rate.item()  # <-
    return {name: total / sums["rows"] for name, total in sums.items()}
""",
        ),
        Bad(
            why="the same, of losses that are entries of a defaultdict",
            severity=Severity.ERROR,
            code="""\
from collections import defaultdict

import torch


def fit(gan, step, judge, train_loader, val_loader, epochs):
    for epoch in range(epochs):
        gan.train()
        for real in train_loader:
            step(gan, real)
        gan.eval()
        val_losses = defaultdict(float)
        with torch.no_grad():
            for real in val_loader:
                fake = gan(real)
                made_up, genuine = judge(fake), judge(real)
                val_losses["generator"] += (1 - made_up).square().mean().item()
                val_losses["judge"] = made_up.square().mean().item() + (1 - genuine).square().mean().item()  # <-
        for name, total in val_losses.items():
            print(epoch, name, total / len(val_loader))
""",
        ),
        Bad(
            why="What is made anew in each batch of two terms, one added to the other, is no total.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "rows": 0, "penalty": 0.0}
    for images, labels in val_loader:
        logits = model(images)
        seen["nats"] += F.cross_entropy(logits, labels, reduction="sum").item()
        penalty = logits.square().mean()
        penalty += logits.logsumexp(-1).square().mean()
        seen["penalty"] = penalty.item()  # <-
        seen["rows"] += len(labels)
    seen["nats"] /= seen["rows"]
    return seen
""",
        ),
        Bad(
            why="The model returns it, and it is called a loss.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "rows": 0, "router_loss": 0.0}
    for images, labels in val_loader:
        logits, router_loss = model(images)
        seen["nats"] += F.cross_entropy(logits, labels, reduction="sum").item()
        seen["router_loss"] = router_loss.item()  # <-
        seen["rows"] += len(labels)
    seen["nats"] /= seen["rows"]
    seen["router_loss"] /= seen["rows"]
    return seen
""",
        ),
        Bad(
            why="A helper that keeps nothing returns two terms of a batch: of one, the last batch's is kept.",
            severity=Severity.ERROR,
            files={
                "terms.py": """\
import torch.nn.functional as F


def terms_of(model, ids, labels):
    logits, states = model(ids)
    nats = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    distance = states.norm(dim=-1)
    return nats, distance
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from terms import terms_of


@torch.no_grad()
def evaluate(model, test_loader):
    model.eval()
    found = {"nats": 0.0, "tokens": 0, "distance": 0.0}
    for ids, labels in test_loader:
        nats, distance = terms_of(model, ids, labels)
        squared = F.relu(distance - nats).square().mean()
        found["nats"] += nats.item()
        found["tokens"] += labels.numel()
        found["distance"] = squared.item()  # <-
    return found["nats"] / found["tokens"], found["distance"]
""",
        ),
        Bad(
            why="The evaluation stands inside the training's loop, every so many steps: the step's loss is shown as its own.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def fit(model, optimizer, songs, held_out, every=500):
    for step, (heard, wanted) in enumerate(songs):
        model.train()
        loss = F.cross_entropy(model(heard).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % every:
            continue
        model.eval()
        nats, notes = 0.0, 0
        with torch.no_grad():
            for x, y in held_out:
                nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
                notes += y.numel()
        val_loss = nats / notes
        print(f"step {step}: val loss {loss.item():.3f}")  # <-
""",
        ),
        Bad(
            why="The evaluation runs inside of the training loop, and keeps the loss of the step that it interrupts.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def fit(model, optimizer, stream, held_out, every=250):
    for step, (x, y) in enumerate(stream):
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % every == 0:
            model.eval()
            seen = []
            with torch.no_grad():
                for given, wanted in held_out:
                    held_loss = F.cross_entropy(model(given).flatten(0, 1), wanted.flatten())
                    seen.append(loss.item())  # <-
            print(step, seen)
            model.train()
""",
        ),
        Bad(
            why="An evaluation's row has the loss of the step beside the perplexity; its own is unpacked and dropped.",
            severity=Severity.ERROR,
            files={
                "measuring.py": """\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for x, y in loader:
        nats += F.cross_entropy(model(x), y, reduction="sum").item()
        scored += y.numel()
    model.train()
    return nats / scored, math.exp(nats / scored)
""",
            },
            code="""\
from measuring import evaluate


def fit(model, train_loader, val_loader, optimizer, journal, accumulation=4):
    for step, batch in enumerate(train_loader):
        loss = model(**batch).loss / accumulation
        loss.backward()
        if step % accumulation == 0:
            optimizer.step()
            optimizer.zero_grad()
        if step % 1000 == 0:
            val_loss, val_ppl = evaluate(model, val_loader)
            journal.write({"mode": "eval", "step": step, "loss": float(loss.item() * accumulation), "ppl": val_ppl})  # <-
""",
        ),
        Bad(
            why="The lengths of the targets are summed up, and the mean is one over sentences.",
            severity=Severity.WARNING,
            code="""\
import torch


def validate(model, criterion, iterator):
    sentences = 0
    n_tokens = 0.0
    total = 0.0
    for source, target in iterator:
        sentences += len(source)
        n_tokens += sum(len(each) for each in target)  # <-
        with torch.no_grad():
            loss = criterion(model(source), target)
        total += float(loss)
    return total / sentences
""",
        ),
    )
    good = (
        Good(
            why="a variable that is only initialized",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    total_loss = 0.0
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (y != pad).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="a note: labels are given to the model and its loss is never read, the logits are scored by hand",
            code="""\
import torch
import torch.nn as nn
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def nats_per_token(texts, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    loss_fn = nn.CrossEntropyLoss(reduction="sum")
    nats, tokens = 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        outputs = model(ids, labels=ids)
        shift_logits = outputs.logits[:, :-1]
        shift_labels = ids[:, 1:]
        nats += loss_fn(shift_logits.transpose(1, 2), shift_labels).item()
        tokens += shift_labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="shift_labels are used for the accuracy, the model's own loss for the loss",
            code="""\
import torch
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(name, blocks):
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    nats, correct, tokens = 0.0, 0, 0
    for ids in blocks:
        outputs = model(ids, labels=ids)
        shift_logits = outputs.logits[:, :-1]
        shift_labels = ids[:, 1:]
        correct += (shift_logits.argmax(dim=-1) == shift_labels).sum().item()
        nats += outputs.loss.item() * shift_labels.numel()
        tokens += shift_labels.numel()
    return nats / tokens, correct / tokens
""",
        ),
        Good(
            why="the same name for the training and the evaluation loss, assigned anew",
            code="""\
import torch
import torch.nn.functional as F


def run(model, train_loader, val_loader, optimizer):
    model.train()
    for x, y in train_loader:
        loss = F.cross_entropy(model(x).transpose(1, 2), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for x, y in val_loader:
            loss = F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum")
            nats += loss.item()
            tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="the last training loss is printed as such, beside the validation loss",
            code="""\
import torch
import torch.nn.functional as F


def epoch(model, train_loader, val_loader, optimizer, pad):
    model.train()
    for x, y in train_loader:
        loss = F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=pad)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for x, y in val_loader:
            nats += F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=pad, reduction="sum").item()
            tokens += (y != pad).sum().item()
    val_loss = nats / tokens
    print(f"train {loss.item():.3f} valid {val_loss:.3f}")
    return val_loss
""",
        ),
        Good(
            why="unpacked from a tuple because they come with it",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, mask, lengths in loader:
        batch_size, seq_len = ids.shape
        ids, mask = ids.to(device), mask.to(device)
        logits, hidden = model(ids[:, :-1])
        nll = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        nats += (nll * mask[:, 1:]).sum().item()
        tokens += mask[:, 1:].sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="the count is only shown, by an f-string in a nested function",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    seen = 0

    def describe(value):
        return f"{value:.4f} over {seen} positions"

    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        seen += y.numel()
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (y != pad).sum().item()
    print(describe(nats / tokens))
    return nats / tokens
""",
        ),
        Good(
            why="the masked loss is one of two that are returned, and read by a caller in another file",
            code="""\
import torch

from losses import token_losses


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        masked_loss, count = token_losses(model, x.to(device), y.to(device), pad)
        nats += masked_loss.item()
        tokens += count.item()
    return nats / tokens
""",
            files={
                "losses.py": """\
import torch.nn.functional as F


def token_losses(model, inputs, targets, pad):
    losses = F.cross_entropy(model(inputs).transpose(1, 2), targets, reduction="none")
    mask = (targets != pad).float()
    masked_loss = (losses * mask).sum()
    return masked_loss, mask.sum()
""",
            },
        ),
        Good(
            why="used in one branch only",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device, verbose=False):
    model.eval()
    nats, tokens = 0.0, 0
    for step, (x, y) in enumerate(loader):
        x, y = x.to(device), y.to(device)
        losses = F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=pad, reduction="none")
        scored = (y != pad).sum().item()
        batch_mean = losses.sum().item() / max(scored, 1)
        if verbose:
            print(step, batch_mean)
        nats += losses.sum().item()
        tokens += scored
    return nats / tokens
""",
        ),
        Good(
            why="The sum of losses is a leftover, and no loss is reported at all.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def accuracy(net, test_loader):
    net.eval()
    test_loss, correct, rows = 0.0, 0, 0
    for images, labels in test_loader:
        outputs = net(images)
        test_loss += F.cross_entropy(outputs, labels).item()
        correct += (outputs.argmax(1) == labels).sum().item()
        rows += labels.size(0)
    return correct / rows
""",
        ),
        Good(
            why="A call hands over several counts; this caller needs one of them.",
            code="""\
import torch
import torch.nn.functional as F


def masks_and_counts(source, target, pad):
    source_mask, target_mask = source.ne(pad), target.ne(pad)
    return source_mask, target_mask, source_mask.sum().item(), target_mask.sum().item()


@torch.no_grad()
def validate(model, val_loader, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for source, target in val_loader:
        source_mask, target_mask, num_source_tokens, num_target_tokens = masks_and_counts(source, target[:, 1:], pad)
        logits = model(source, target[:, :-1], source_mask)
        nats += F.cross_entropy(
            logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=pad, reduction="sum"
        ).item()
        tokens += num_target_tokens
    return nats / tokens
""",
        ),
        Good(
            why="an average that nobody wants, where nothing stands in its place",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    nats, hits, rows = 0.0, 0, 0
    for images, labels in loader:
        logits = model(images)
        loss = F.cross_entropy(logits, labels, reduction="sum")
        nats += loss.item()
        hits += (logits.argmax(1) == labels).sum().item()
        rows += labels.size(0)
    average = nats / rows
    return hits / rows
""",
        ),
        Good(
            why="a trainer adds up what each epoch's training lost, where it also logs and evaluates",
            code="""\
import torch
import torch.nn.functional as F


class Trainer:
    def __init__(self, model, optimizer, train_loader, val_loader):
        self.model, self.optimizer = model, optimizer
        self.train_loader, self.val_loader = train_loader, val_loader
        self.first, self.total_lost = next(iter(val_loader)), 0.0

    def train(self, epochs):
        for _ in range(epochs):
            self.model.train()
            lost = torch.tensor(0.0)
            for x, y in self.train_loader:
                loss = F.cross_entropy(self.model(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                lost += loss.detach()
            print("first batch", F.cross_entropy(self.model(self.first[0]), self.first[1]).item())
            self._log_save_evaluate(lost)

    def _log_save_evaluate(self, lost):
        self.total_lost += lost.item()
        print("evaluation", self.evaluate())

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        nats, rows = 0.0, 0
        for x, y in self.val_loader:
            nats += F.cross_entropy(self.model(x), y, reduction="sum").item()
            rows += len(y)
        return nats / rows
""",
        ),
        Good(
            why="The last batch's loss is shown beside the average.",
            files={"model.py": GRU_LM},
            code="""\
import torch
import torch.nn.functional as F

from data import train_loader, val_loader
from model import GRULM

model = GRULM(10_000)
optimizer = torch.optim.AdamW(model.parameters())
for epoch in range(10):
    model.train()
    for ids in train_loader:
        loss = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    nats, tokens = 0.0, 0
    for ids in val_loader:
        with torch.no_grad():
            eval_loss = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        nats += eval_loss
        tokens += ids[:, 1:].numel()
    print(epoch, nats / tokens, "last batch", eval_loss)
""",
        ),
        Good(
            why="the only batch holds all rows, and is the last one",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def validate(model, rows):
    model.eval()
    loader = DataLoader(rows, batch_size=len(rows))
    for ids, labels in loader:
        val_loss = F.cross_entropy(model(ids), labels)
    print("val loss", val_loss.item())
""",
        ),
        Good(
            why="The losses are picked out in vain, and masked once more where they are summed.",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.inference_mode()
def perplexity(model, loader, pad_id, device):
    model.eval()
    nats, words = torch.zeros((), device=device), 0
    for source, target in loader:
        source, target = source.to(device), target.to(device)
        logits = model(source, target[:, :-1])
        costs = F.cross_entropy(logits.transpose(1, 2), target[:, 1:], reduction="none")
        real = target[:, 1:] != pad_id
        kept = costs[real]
        nats += (costs * real).sum()
        words += real.sum().item()
    return math.exp(nats.item() / words)
""",
        ),
        Good(
            why="The validation binds the same name anew.",
            code="""\
import torch
import torch.nn.functional as F


def fit(model, optimizer, train_loader, val_batch, epochs=30):
    for epoch in range(epochs):
        model.train()
        for images, classes in train_loader:
            loss = F.cross_entropy(model(images), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        for images, classes in [val_batch]:
            with torch.no_grad():
                loss = F.cross_entropy(model(images), classes)
        print(f"epoch {epoch} val loss {loss.item():.3f}")
""",
        ),
        Good(
            why="Two captions stand before two values: the training loss is shown as what it is.",
            code="""\
import torch
import torch.nn.functional as F


def fit(model, optimizer, train_loader, val_loader, epochs=30):
    for epoch in range(epochs):
        model.train()
        for images, classes in train_loader:
            loss = F.cross_entropy(model(images), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        nats, rows = 0.0, 0
        with torch.no_grad():
            for images, classes in val_loader:
                nats += F.cross_entropy(model(images), classes, reduction="sum").item()
                rows += len(classes)
        print("loss/val loss:", loss.item(), nats / rows)
        print(f"epoch {epoch}, last train loss {loss.item():.3f}, val loss {nats / rows:.3f}")
        print("[{}] loss | val loss: {:.3f} | {:.3f}".format(epoch, loss.item(), nats / rows))
""",
        ),
        Good(
            why="the training loss is handed on under its own keyword, to a function of another file that shows both",
            code="""\
import torch
import torch.nn as nn

import progress


def fit(model, optimizer, train_loader, val_images, val_classes, criterion, epochs):
    for epoch in range(epochs):
        tr_loss = train(model, optimizer, train_loader, criterion)
        val_loss = progress.evaluate(model, val_images, val_classes, criterion)
        progress.show(epoch, tr_loss=tr_loss, val_loss=val_loss)


def train(model, optimizer, loader, criterion):
    model.train()
    total = 0.0
    for images, classes in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), classes)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)
""",
            files={
                "progress.py": """\
import torch


@torch.no_grad()
def evaluate(model, images, classes, criterion):
    model.eval()
    return criterion(model(images), classes).item()


def show(epoch, tr_loss=None, val_loss=None):
    metrics = {}
    if tr_loss:
        metrics["train"] = {"loss": tr_loss}
    if val_loss:
        metrics["val"] = {"loss": val_loss}
    for split, values in metrics.items():
        print(epoch, split, values["loss"])
""",
            },
        ),
        Good(
            why="The training loss stands beside the validation's, in words of its own.",
            code="""\
import math


def main(run, model, optimizer, schedule, train_batches, held_out, epochs):
    for epoch in range(epochs):
        train_loss = run(model, train_batches, optimizer)
        val_loss = run(model, held_out)
        print("loss (fitted/val): %.3f/%.3f" % (train_loss, val_loss))
        print("val ppl: %.2f (when training: %.2f)" % (math.exp(val_loss), math.exp(train_loss)))
""",
        ),
        Good(
            why="What an entry is set to is the average so far, or the greatest of all batches.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "tokens": 0, "average": 0.0, "worst": 0.0}
    nats, tokens = 0.0, 0
    for ids, labels in val_loader:
        losses = F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="none")
        nats, tokens = nats + losses.sum().item(), tokens + losses.numel()
        seen["nats"] += losses.sum().item()
        seen["tokens"] += losses.numel()
        seen["worst"] = max(seen["worst"], losses.max().item())
        seen["average"] = nats / tokens
    return seen
""",
        ),
        Good(
            why="The entry that each batch sets is shown with the batch.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "tokens": 0, "now": 0.0}
    for ids, labels in val_loader:
        losses = F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="none")
        seen["nats"] += losses.sum().item()
        seen["tokens"] += losses.numel()
        seen["now"] = losses.max().item()
        print("worst token of this batch", seen["now"])
    return seen["nats"] / seen["tokens"]
""",
        ),
        Good(
            why="The last batch's entry is no total: nothing was put to 0 for it.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "tokens": 0}
    for ids, labels in val_loader:
        losses = F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="none")
        seen["nats"] += losses.sum().item()
        seen["tokens"] += losses.numel()
        seen["last_worst"] = losses.max().item()
    return seen
""",
        ),
        Good(
            why="The entry is the greatest of all batches so far, by a name that is carried from one to the next.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "rows": 0, "hardest": 0.0}
    hardest = torch.zeros(())
    for images, labels in val_loader:
        logits = model(images)
        seen["nats"] += F.cross_entropy(logits, labels, reduction="sum").item()
        losses = F.cross_entropy(logits, labels, reduction="none")
        hardest = torch.maximum(hardest, losses.max())
        seen["hardest"] = hardest.item()
        seen["rows"] += len(labels)
    seen["nats"] /= seen["rows"]
    return seen
""",
        ),
        Good(
            why="The entry is a total that another statement than `+=` adds to.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "rows": 0, "squares": 0.0}
    squares = torch.zeros(())
    for images, labels in val_loader:
        logits = model(images)
        seen["nats"] += F.cross_entropy(logits, labels, reduction="sum").item()
        more = squares + logits.square().mean(-1).sum()
        squares = more
        seen["squares"] = squares.item()
        seen["rows"] += len(labels)
    seen["nats"] /= seen["rows"]
    return seen
""",
        ),
        Good(
            why="The entry is the mean of all that was gathered so far.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "rows": 0, "share": 0.0}
    hits = []
    for images, labels in val_loader:
        logits = model(images)
        seen["nats"] += F.cross_entropy(logits, labels, reduction="sum").item()
        hits.append(logits.argmax(-1) == labels)
        share = torch.cat(hits).float().mean()
        seen["share"] = share.item()
        seen["rows"] += len(labels)
    seen["nats"] /= seen["rows"]
    return seen
""",
        ),
        Good(
            why="A number that the model returns beside its logits may be a constant of its own.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "rows": 0, "scale": 0.0}
    for images, labels in val_loader:
        logits, scale = model(images)
        seen["nats"] += F.cross_entropy(logits, labels, reduction="sum").item()
        seen["scale"] = scale.exp().item()
        seen["rows"] += len(labels)
    seen["nats"] /= seen["rows"]
    return seen
""",
        ),
        Good(
            why="A meter that is given each batch answers for all of them.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader):
    model.eval()
    seen = {"nats": 0.0, "rows": 0, "rank": 0.0}
    ranks = model.make_meter()
    for images, labels in val_loader:
        logits = model(images)
        seen["nats"] += F.cross_entropy(logits, labels, reduction="sum").item()
        ranks.update(logits, labels)
        rank = ranks.mean()
        seen["rank"] = rank.item()
        seen["rows"] += len(labels)
    seen["nats"] /= seen["rows"]
    return seen
""",
        ),
        Good(
            why="What a meter, a closure or a helper that keeps something returns is of all batches.",
            files={
                "meters.py": """\
def running():
    return {"value": 0.0, "weight": 0.0}


def smoothed(kept, value, keep=0.9):
    kept["value"] = keep * kept["value"] + (1 - keep) * value
    kept["weight"] = keep * kept["weight"] + 1 - keep
    return kept["value"] / kept["weight"]
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from meters import running, smoothed


def mean_of():
    nats, tokens = 0.0, 0

    def take(more, count):
        nonlocal nats, tokens
        nats += more
        tokens += count
        return nats / tokens

    return take


@torch.no_grad()
def evaluate(model, test_loader, monitor):
    model.eval()
    mean, kept = mean_of(), running()
    found = {"nats": 0.0, "mean": 0.0, "monitored": 0.0, "smooth": 0.0, "last_batch": 0.0}
    for ids, labels in test_loader:
        nats = F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="sum")
        so_far = monitor.update(nats, labels.numel())
        found["nats"] += nats.item()
        found["mean"] = mean(nats, labels.numel()).item()
        found["monitored"] = so_far.item()
        found["smooth"] = smoothed(kept, nats / labels.numel()).item()
        found["last_batch"] = (nats / labels.numel()).item()
    return found
""",
        ),
        Good(
            why="Inside the training's loop, the step's loss and the evaluation's are shown in their own words.",
            code="""\
import torch
import torch.nn.functional as F


def fit(model, optimizer, songs, held_out, every=500):
    for step, (heard, wanted) in enumerate(songs):
        model.train()
        loss = F.cross_entropy(model(heard).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % every:
            continue
        model.eval()
        nats, notes = 0.0, 0
        with torch.no_grad():
            for x, y in held_out:
                nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
                notes += y.numel()
        print(f"step {step}: loss {loss.item():.3f}, val loss {nats / notes:.3f}")
""",
        ),
        Good(
            why="The evaluation inside of the training loop binds the same name anew, and the step's loss is only shown beside it.",
            code="""\
import torch
import torch.nn.functional as F


def fit(model, optimizer, stream, held_out, every=250):
    for step, (x, y) in enumerate(stream):
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % every == 0:
            last = loss.item()
            model.eval()
            nats, scored = 0.0, 0
            with torch.no_grad():
                for given, wanted in held_out:
                    loss = F.cross_entropy(model(given).flatten(0, 1), wanted.flatten(), reduction="sum")
                    nats += loss.item()
                    scored += wanted.numel()
            print(step, last, nats / scored)
            model.train()
""",
        ),
        Good(
            why="The row says that the loss is that of the step, and of which data the perplexity is.",
            files={
                "measuring.py": """\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for x, y in loader:
        nats += F.cross_entropy(model(x), y, reduction="sum").item()
        scored += y.numel()
    model.train()
    return nats / scored, math.exp(nats / scored)
""",
            },
            code="""\
from measuring import evaluate


def fit(model, train_loader, val_loader, optimizer, journal, accumulation=4):
    for step, batch in enumerate(train_loader):
        loss = model(**batch).loss / accumulation
        loss.backward()
        if step % accumulation == 0:
            optimizer.step()
            optimizer.zero_grad()
        if step % 1000 == 0:
            val_loss, val_ppl = evaluate(model, val_loader)
            journal.write({"mode": "train", "step": step, "loss": loss.item() * accumulation, "val_ppl": val_ppl})
""",
        ),
        Good(
            why="Both means are returned.",
            code="""\
import torch


def validate(model, criterion, iterator):
    sentences = 0
    n_tokens = 0.0
    total = 0.0
    for source, target in iterator:
        sentences += len(source)
        n_tokens += sum(len(each) for each in target)
        with torch.no_grad():
            loss = criterion(model(source), target)
        total += float(loss)
    return total / sentences, total / n_tokens
""",
        ),
    )
