"""LL102: the total is divided by a count of another unit, or by the right one twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.averages import Mean, mean_of, scores_tokens
from lintloss.facts.observations import Averaging, Observation
from lintloss.facts.units import count
from lintloss.facts.values import Quantity
from lintloss.findings import Fix, Severity
from lintloss.repair import pieces
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope


class WrongNormalizer(Rule):
    """The accumulated loss is divided by a count that is not the count it was accumulated over.

    Why:
        A sum of batch means counts batches; a sum of nats counts tokens. Divided by anything else the value is off in
        scale, even where all batches are equal: a sum of means divided by `len(dataset)` is batch-size times too
        small, a sum of nats divided by `len(loader)` is thousands of times too large, and a divisor that grows in
        other iterations than the numerator is off by their ratio.

    Instead:
        Divide by what was added up: multiply each mean by the count it was taken over and divide by the sum of these
        counts, or use `reduction="sum"` and divide by the scored tokens (for a loss per example: the examples).

    Fix:
        Unsafe: it changes the reported number, which is its point. The numerator is made a total of the unit that the
        divisor counts, or the divisor is made a count of what the numerator holds.

    Source:
        torch.nn.functional.cross_entropy: reduction="mean" is the default, so `.item()` already is an average.
    """

    code = "LL102"
    name = "wrong-normalizer"
    confirmed_by = "the ratio of the reported value to the ledger's token mean, matched against the counts of the run"

    watches = (Averaging,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report a quotient that is off in scale: its unit is not a loss per token (or example)."""
        if not isinstance(seen, Averaging):
            return
        mean = mean_of(seen)
        if mean is not None and mean.wrong_count:
            severity = Severity.WARNING if mean.conditional else Severity.ERROR
            yield Judgment(severity, mean.confidence, self._message(mean), mean.evidence)

    @staticmethod
    def _message(mean: Mean) -> str:
        return f"{mean.wrong_count}: the result is {mean.after.unit}"

    def may_fix(self, seen: Observation) -> bool:
        """Leave alone what is scored elsewhere, unless only the start of the count is wrong."""
        if not isinstance(seen, Averaging) or not isinstance(seen.count, Quantity):
            return False
        return seen.count.start == 1 or pieces.are_here(seen)

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Make the total one of what the divisor counts, or the divisor a count of what the total holds."""
        from lintloss.repair import averages

        if not isinstance(seen, Averaging) or not isinstance(seen.count, Quantity):
            return None
        if seen.count.start == 1:
            return averages.restarted(node, scope)
        average = averages.average_at(node, seen, scope)
        if average is None:
            return None
        reduction, unit = average.scored.scoring.reduction, seen.count.unit
        if reduction == "sum":
            return averages.counted(average) if unit == count("batch") else None
        if reduction != "mean" or seen.before.unit.power("batch") != 1:
            return None
        if unit in {count("token"), count("position")}:
            return averages.multiplied(average)
        if unit != count("example"):
            return None
        if scores_tokens(seen, seen.before):
            return averages.reweighed(average)
        return averages.multiplied(average, average.scored.rows)

    bad = (
        Bad(
            why="the loop stops in the iteration after the last one that should count",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, val_steps):
    model.eval()
    total = 0.0
    for step, (images, labels) in enumerate(loader):
        total += F.cross_entropy(model(images), labels).item()
        if step == val_steps:
            break
    return total / val_steps  # <-
""",
        ),
        Bad(
            why="a limit may stop the loop, and the whole loader's length divides",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, config):
    model.eval()
    total, steps = 0.0, 0
    for images, labels in loader:
        steps += 1
        if config.max_eval_steps > 0 and steps > config.max_eval_steps:
            break
        total += F.cross_entropy(model(images), labels).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="means of documents are added up and divided by the number of their tokens",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def document_loss(model, ids):
    logits = model(ids).logits
    return F.cross_entropy(logits[0, :-1], ids[0, 1:]), ids.size(1) - 1


@torch.no_grad()
def evaluate(model, tokenizer, texts):
    model.eval()
    loss_sum, tokens = 0.0, 0
    for text in texts:
        loss, n = document_loss(model, tokenizer(text, return_tensors="pt").input_ids)
        loss_sum += loss.item()
        tokens += n
    return loss_sum / tokens  # <-
""",
        ),
        Bad(
            why="squared errors of whole batches are divided by the number of batches",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn


@torch.no_grad()
def test(model, test_loader, device):
    criterion = nn.MSELoss(reduction="sum")
    model.eval()
    total = 0.0
    for x, y in test_loader:
        total += criterion(model(x.to(device)).squeeze(-1), y.to(device)).item()
    return total / len(test_loader)  # <-
""",
        ),
        Bad(
            why="a sum of batch means is divided by the number of images",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


def test(model, device, test_loader):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            test_loss += criterion(output, target).item()
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()

    test_loss /= len(test_loader.dataset)  # <-
    accuracy = 100.0 * correct / len(test_loader.dataset)
    print(f"Test set: Average loss: {test_loss:.4f}, Accuracy: {accuracy:.0f}%")
""",
            fixed="""\
import torch
import torch.nn as nn


def test(model, device, test_loader):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            test_loss += criterion(output, target).item() * target.size(0)
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()

    test_loss /= len(test_loader.dataset)
    accuracy = 100.0 * correct / len(test_loader.dataset)
    print(f"Test set: Average loss: {test_loss:.4f}, Accuracy: {accuracy:.0f}%")
""",
        ),
        Bad(
            why="a language model's batch means are divided by len(dataset)",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


@torch.no_grad()
def evaluate(model, tokens, block_size=128, batch_size=64):
    rows = (len(tokens) - 1) // block_size
    inputs = tokens[: rows * block_size].view(rows, block_size)
    targets = tokens[1 : rows * block_size + 1].view(rows, block_size)
    dataset = TensorDataset(inputs, targets)
    model.eval()
    total_loss = 0.0
    for x, y in DataLoader(dataset, batch_size=batch_size):
        logits = model(x)
        total_loss += F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1)).item()
    val_loss = total_loss / len(dataset)  # <-
    return {"loss": val_loss, "perplexity": math.exp(val_loss)}
""",
        ),
        Bad(
            why="a sum of nats is divided by the number of batches",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def validate(model, dataset, device):
    loader = DataLoader(dataset, batch_size=32, collate_fn=collate)
    model.eval()
    total = 0.0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="sum")
        total += loss.item()
    return total / len(loader)  # <-
""",
            fixed="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def validate(model, dataset, device):
    loader = DataLoader(dataset, batch_size=32, collate_fn=collate)
    model.eval()
    total = 0.0
    scored_tokens = 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="sum")
        total += loss.item()
        scored_tokens += (targets != PAD).sum().item()
    return total / scored_tokens
""",
        ),
        Bad(
            why="means are added up and divided by the tokens once more",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn

from corpus import PAD


def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    model.eval()
    total_loss = 0.0
    total_tokens = 0
    with torch.no_grad():
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            logits = model(inputs)
            loss = criterion(logits.view(-1, logits.size(-1)), targets.view(-1))
            total_loss += loss.item()
            total_tokens += targets.ne(PAD).sum().item()
    mean = total_loss / total_tokens  # <-
    return math.exp(mean)
""",
            files={"corpus.py": "PAD = 0\nUNK = 1\n"},
            fixed="""\
import math

import torch
import torch.nn as nn

from corpus import PAD


def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    model.eval()
    total_loss = 0.0
    total_tokens = 0
    with torch.no_grad():
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            logits = model(inputs)
            loss = criterion(logits.view(-1, logits.size(-1)), targets.view(-1))
            total_loss += loss.item() * targets.ne(PAD).sum().item()
            total_tokens += targets.ne(PAD).sum().item()
    mean = total_loss / total_tokens
    return math.exp(mean)
""",
        ),
        Bad(
            why="the batch counter starts at 1",
            severity=Severity.ERROR,
            code='''\
import torch
import torch.nn.functional as F


def batches(tokens, batch_size, length):
    """Endless random blocks of equal size."""
    while True:
        starts = torch.randint(len(tokens) - length - 1, (batch_size,))
        x = torch.stack([tokens[s : s + length] for s in starts])
        y = torch.stack([tokens[s + 1 : s + length + 1] for s in starts])
        yield x, y


@torch.no_grad()
def evaluate_model(model, tokens, target_tokens, device):
    model.eval()
    total_loss = torch.tensor(0.0, device=device)
    total_batches = 1
    seen = 0
    for x, y in batches(tokens, 16, 256):
        if seen >= target_tokens:
            break
        logits = model(x.to(device))
        total_loss += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten())
        total_batches += 1
        seen += y.numel()
    return (total_loss / total_batches).item()  # <-
''',
            fixed='''\
import torch
import torch.nn.functional as F


def batches(tokens, batch_size, length):
    """Endless random blocks of equal size."""
    while True:
        starts = torch.randint(len(tokens) - length - 1, (batch_size,))
        x = torch.stack([tokens[s : s + length] for s in starts])
        y = torch.stack([tokens[s + 1 : s + length + 1] for s in starts])
        yield x, y


@torch.no_grad()
def evaluate_model(model, tokens, target_tokens, device):
    model.eval()
    total_loss = torch.tensor(0.0, device=device)
    total_batches = 0
    seen = 0
    for x, y in batches(tokens, 16, 256):
        if seen >= target_tokens:
            break
        logits = model(x.to(device))
        total_loss += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten())
        total_batches += 1
        seen += y.numel()
    return (total_loss / total_batches).item()
''',
        ),
        Bad(
            why="len() of a dict batch is the number of its keys, not of its rows",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


def collate(rows):
    ids = torch.stack([torch.tensor(row) for row in rows])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids.clone()}


def evaluate(checkpoint, blocks, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device)
    model.eval()
    total_loss, n_samples = 0.0, 0
    with torch.no_grad():
        for batch in DataLoader(blocks, batch_size=8, collate_fn=collate):
            batch = {name: value.to(device) for name, value in batch.items()}
            outputs = model(**batch)
            total_loss += outputs.loss.item()
            n_samples += len(batch)
    return total_loss / n_samples  # <-
""",
        ),
        Bad(
            why="the validation total is divided by the length of the training loader",
            severity=Severity.ERROR,
            code="""\
import torch
from tqdm import tqdm
from transformers import AutoModelForSeq2SeqLM


def run(model_name, train_dataloader, eval_dataloader, num_epochs, lr, device):
    model = AutoModelForSeq2SeqLM.from_pretrained(model_name).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    for epoch in range(num_epochs):
        model.train()
        for batch in tqdm(train_dataloader):
            batch = {k: v.to(device) for k, v in batch.items()}
            loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        model.eval()
        eval_loss = 0.0
        for batch in tqdm(eval_dataloader):
            batch = {k: v.to(device) for k, v in batch.items()}
            with torch.no_grad():
                outputs = model(**batch)
            eval_loss += outputs.loss.detach().float()
        eval_epoch_loss = eval_loss / len(train_dataloader)  # <-
        print(f"{epoch=} {eval_epoch_loss=}")
""",
        ),
        Bad(
            why="the loss is added in the logging branch only, the divisor counts every batch",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, val_loader, device, log_every=100):
    model.eval()
    cumulative_loss = 0.0
    num_samples = 0
    for i, (images, labels) in enumerate(val_loader):
        images, labels = images.to(device), labels.to(device)
        loss = F.cross_entropy(model(images), labels)
        batch_size = images.shape[0]
        num_samples += batch_size
        if i % log_every == 0:
            cumulative_loss += loss.item() * batch_size
            print(f"batch {i}: {loss.item():.4f}")
    return cumulative_loss / num_samples  # <-
""",
        ),
        Bad(
            why="the meter adds n to its count and forgets to multiply the value",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn

from meters import MeanMeter


class Evaluator:
    def __init__(self, model, loader):
        self.model = model
        self.loader = loader
        self.loss_fn = nn.CrossEntropyLoss()

    @torch.no_grad()
    def run(self, step):
        self.model.eval()
        meter = MeanMeter()
        for tokens in self.loader:
            logits = self.model(tokens[:, :-1])
            loss = self.loss_fn(logits.flatten(0, 1), tokens[:, 1:].flatten())
            meter.add("loss", loss.item(), count_update=tokens.size(0))  # <-
        print(step, meter.get("loss"))
        return meter.get("loss")
""",
            files={
                "meters.py": '''\
from collections import defaultdict


class MeanMeter:
    """Accumulates values by name."""

    def __init__(self):
        self.total = defaultdict(float)
        self.count = defaultdict(int)

    def add(self, name, value, count_update=1):
        self.total[name] += value
        self.count[name] += count_update

    def get(self, name):
        return self.total[name] / self.count[name]
''',
            },
        ),
        Bad(
            why="the running total is divided again after every step of the loop",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def random_block(tokens, rows=32, length=64):
    starts = torch.randint(len(tokens) - length, (rows,)).tolist()
    return torch.stack([tokens[s : s + length] for s in starts])


def validation_loss(model, val_tokens, eval_steps):
    model.eval()
    eval_loss = 0.0
    with torch.no_grad():
        for _ in range(eval_steps):
            ids = random_block(val_tokens)
            logits = model(ids[:, :-1])
            eval_loss += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:]).item()
            eval_loss /= eval_steps  # <-
    return eval_loss
""",
        ),
        Bad(
            why="each mean is divided by the batch size before the batches are averaged",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader


def evaluate(model, dataset, device, batch_size=32):
    criterion = nn.CrossEntropyLoss()
    losses = []
    model.eval()
    with torch.no_grad():
        for x, y in DataLoader(dataset, batch_size=batch_size):
            logits = model(x.to(device))
            loss = criterion(logits.reshape(-1, logits.size(-1)), y.to(device).reshape(-1))
            losses.append(loss.item() / x.size(0))
    return np.mean(losses)  # <-
""",
        ),
        Bad(
            why="a language model's nats are divided by the number of sequences and called loss per token",
            severity=Severity.ERROR,
            code='''\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader


@torch.no_grad()
def loss_per_token(model, blocks, device):
    """blocks: a data set of token rows, all of the model's context length + 1."""
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats = 0.0
    for ids in DataLoader(blocks, batch_size=16):
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        nats += criterion(logits.transpose(1, 2), ids[:, 1:]).item()
    return nats / len(blocks)  # <-
''',
        ),
        Bad(
            why="the step counter is raised before the continue that skips the example",
            severity=Severity.WARNING,
            code='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, examples, device):
    """One example a step: features of its candidates, and which of them is right (-1: none)."""
    model.eval()
    eval_loss = 0.0
    num_steps = 0
    correct = 0
    for features, answer in examples:
        num_steps += 1
        if answer < 0:
            continue
        scores = model(features.to(device)).view(1, -1)
        target = torch.tensor([answer], device=device)
        eval_loss += F.cross_entropy(scores, target).item()
        correct += int(scores.argmax() == answer)
    print(f"accuracy {correct / num_steps:.3f}")
    return eval_loss / num_steps  # <-
''',
        ),
        Bad(
            why="Hugging Face batch means divided by the number of rows, in the caller",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class PerplexityEvaluator:
    def __init__(self, name):
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        self.model = AutoModelForCausalLM.from_pretrained(name)
        self.model.eval()

    @torch.no_grad()
    def accumulate(self, blocks, batch_size):
        total, count = 0.0, 0
        for start in range(0, len(blocks), batch_size):
            ids = torch.tensor(blocks[start : start + batch_size])
            total += self.model(input_ids=ids, labels=ids).loss.item()
            count += ids.shape[0]
        return total, count

    def perplexity(self, text, block=512, batch_size=4):
        ids = self.tokenizer(text)["input_ids"]
        blocks = [ids[i : i + block] for i in range(0, len(ids) - block + 1, block)]
        total, count = self.accumulate(blocks, batch_size)
        return math.exp(total / count)  # <-
""",
        ),
        Bad(
            why="each mean is multiplied by its rows, and the sum is divided by the number of batches.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    total = 0.0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        total += loss.item() * x.size(0)
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="a generator yields means times rows; the mean over what it yields is one over batches.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn as nn

criterion = nn.CrossEntropyLoss()


def losses(model, batches):
    model.eval()
    with torch.no_grad():
        for inputs, targets in batches:
            output = model(inputs)
            yield len(inputs) * criterion(output.flatten(0, 1), targets.flatten()).item()


def validate(model, batches):
    return np.mean(list(losses(model, batches)))  # <-
""",
        ),
        Bad(
            why="the index of the last batch divides: one less than there were batches.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, device):
    model.eval()
    total = 0.0
    for index, (images, labels) in enumerate(loader):
        logits = model(images.to(device))
        total += F.cross_entropy(logits, labels.to(device)).item()
    return total / index  # <-
""",
        ),
        Bad(
            why="the first batches are taken, and the length of the whole loader divides.",
            severity=Severity.WARNING,
            code="""\
from itertools import islice

import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, batches, device):
    model.eval()
    total = 0.0
    for x, y in islice(loader, batches):
        logits = model(x.to(device))
        total += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten()).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="windows are scored up to a limit, and the number of all windows divides.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def perplexity(model, stream, seqlen, limit):
    model.eval()
    windows = stream.numel() // seqlen
    criterion = nn.CrossEntropyLoss()
    nats = []
    for k in range(windows):
        ids = stream[:, k * seqlen : (k + 1) * seqlen]
        logits = model(ids).logits[:, :-1]
        nats.append(criterion(logits.flatten(0, 1), ids[:, 1:].flatten()) * seqlen)
        if k == limit:
            break
    return torch.exp(torch.stack(nats).sum() / (windows * seqlen))  # <-
""",
        ),
        Bad(
            why="the loss is added where progress is printed, and divided by the number of all batches",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, images_and_labels_loader, every=10):
    model.eval()
    total = 0.0
    for step, (images, labels) in enumerate(images_and_labels_loader):
        loss = F.cross_entropy(model(images), labels)
        if step % every == 0:
            total += loss.item()
            print("step", step)
    return total / len(images_and_labels_loader)  # <-
""",
        ),
        Bad(
            why="losses gathered from all ranks are summed, and divided by the batches of one",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def validate(accelerator, model, loader):
    model, loader = accelerator.prepare(model, loader)
    model.eval()
    gathered = []
    for images, classes in loader:
        with torch.no_grad():
            loss = F.cross_entropy(model(images), classes)
        gathered.append(accelerator.gather(loss[None]))
    return torch.stack(gathered).sum().item() / len(gathered)  # <-
""",
        ),
        Bad(
            why="the total is reduced over the ranks, and divided by the loader of one",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, device):
    model.eval()
    total = torch.zeros((), device=device)
    for images, classes in loader:
        total += F.cross_entropy(model(images.to(device)), classes.to(device))
    dist.all_reduce(total, op=dist.ReduceOp.SUM)
    return (total / len(loader)).item()  # <-
""",
        ),
        Bad(
            why="means are divided by the number of batches times a constant that is called their size",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn

BATCH_SIZE = 64


@torch.no_grad()
def validate(model, loader):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total = 0.0
    for images, classes in loader:
        total += criterion(model(images), classes).item()
    return total / (len(loader) * BATCH_SIZE)  # <-
""",
        ),
        Bad(
            why="every tenth batch is added, and all of them divide",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def validate(model, loader, writer):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total = 0.0
    for step, (images, classes) in enumerate(loader):
        loss = criterion(model(images), classes)
        if step % 10 == 0:
            writer.add_scalar("valid/batch", loss.item(), step)
            total += loss.item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="batches of which the loss is no number are skipped, and counted by the loader's length",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def validate(model, loader):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total = 0.0
    for images, classes in loader:
        loss = criterion(model(images), classes)
        if torch.isnan(loss):
            continue
        total += loss.item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="sums of rows are multiplied by the number of rows, and divided by the number of all rows",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def validate(model, loader):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total = 0.0
    for images, classes in loader:
        total += criterion(model(images), classes).item() * images.size(0)
    return total / len(loader.dataset)  # <-
""",
        ),
        Bad(
            why="a cap divides, where the loader may hold fewer batches",
            severity=Severity.WARNING,
            code='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def loader_loss(model, loader, device, max_batches=None):
    """Mean squared error of the forecasts, over at most so many batches."""
    model.eval()
    if max_batches is None:
        max_batches = len(loader)
    total = 0.0
    for number, (past, future) in enumerate(loader):
        if number < max_batches:
            total += F.mse_loss(model(past.to(device)), future.to(device)).item()
        else:
            break
    return total / max_batches  # <-
''',
        ),
        Bad(
            why="len() of a pair of tensors counts the pair",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(language_model, loader):
    language_model.eval()
    total, rows = 0.0, 0
    for batch in loader:
        tokens, targets = batch
        logits = language_model(tokens)
        total += F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
        rows += len(batch)
    return total / rows  # <-
""",
        ),
        Bad(
            why="the means of single rows are summed, and divided by the number of batches",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(language_model, loader):
    language_model.eval()
    nats = []
    for tokens, targets in loader:
        logits = language_model(tokens)
        of_rows = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(1)
        nats.extend(of_rows.tolist())
    return sum(nats) / len(loader)  # <-
""",
        ),
        Bad(
            why="means of all ranks are summed, and divided by the rows, which len() of a tensor of each batch counts",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, rank, pad):
    model.eval()
    sums = torch.zeros(2).to(rank)
    for tokens, targets in loader:
        logits = model(tokens.to(rank))
        sums[0] += F.cross_entropy(logits.flatten(0, 1), targets.to(rank).flatten(), ignore_index=pad).item()
        sums[1] += len(tokens)
    dist.all_reduce(sums, op=dist.ReduceOp.SUM)
    return (sums[0] / sums[1]).item()  # <-
""",
        ),
        Bad(
            why="the mean loss of each text is added up, and divided by the tokens of all",
            severity=Severity.ERROR,
            code="""\
import math

import torch


@torch.no_grad()
def perplexity(language_model, tokenizer, texts):
    language_model.eval()
    total, tokens = 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        total += language_model(ids, labels=ids).loss.item()
        tokens += ids.size(1)
    return math.exp(total / tokens)  # <-
""",
        ),
        Bad(
            why="the counters of all ranks are gathered: each counts one batch more than it has scored",
            severity=Severity.WARNING,
            code='''\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, rank, most):
    """Mean squared error of the forecasts, over at most so many batches on each rank."""
    model.eval()
    number = torch.tensor([0], device=rank)
    total = torch.tensor(0.0, device=rank)
    for past, future in loader:
        number += 1
        if number > most:
            break
        total += F.mse_loss(model(past), future)
    numbers = [torch.zeros_like(number) for _ in range(dist.get_world_size())]
    dist.all_gather(numbers, number)
    dist.all_reduce(total)
    return total.item() / int(torch.tensor(numbers).sum().item())  # <-
''',
        ),
        Bad(
            why="the division rebinds the total, by the length of the other loader",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from torch import nn


def fit(translator, train_loader, valid_loader, pad, epochs):
    criterion = nn.CrossEntropyLoss(ignore_index=pad)
    optimizer = torch.optim.Adam(translator.parameters())
    for epoch in range(epochs):
        translator.train()
        for source, target in train_loader:
            optimizer.zero_grad()
            criterion(translator(source).flatten(0, 1), target.flatten()).backward()
            optimizer.step()
        translator.eval()
        valid_loss = 0.0
        with torch.no_grad():
            for source, target in valid_loader:
                valid_loss += criterion(translator(source).flatten(0, 1), target.flatten()).item()
        valid_loss = valid_loss / len(train_loader)  # <-
        print(f"{epoch} {valid_loss:.3f} {math.exp(valid_loss):.2f}")
""",
        ),
        Bad(
            why="named tuples of totals, counted as batches",
            severity=Severity.ERROR,
            code="""\
from collections import namedtuple

import torch
import torch.nn.functional as F

Part = namedtuple("Part", ["nats", "tokens"])


def part_of(translator, source, target, pad):
    nats = F.cross_entropy(translator(source).flatten(0, 1), target.flatten(), ignore_index=pad, reduction="sum")
    return Part(nats.item(), (target != pad).sum().item())


@torch.no_grad()
def valid_loss(translator, loader, pad):
    translator.eval()
    parts = [part_of(translator, source, target, pad) for source, target in loader]
    return sum(part.nats for part in parts) / len(parts)  # <-
""",
        ),
        Bad(
            why="A collector adds one to what it has counted already.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Collector:
    def __init__(self):
        self.steps = 0
        self.total = 0.0

    def update(self, steps, value):
        self.steps += steps
        self.total += value

    def reduce(self):
        return self.total / (self.steps + 1)  # <-


@torch.no_grad()
def evaluate(resnet, val_loader):
    seen = Collector()
    resnet.eval()
    for images, classes in val_loader:
        seen.update(1, F.cross_entropy(resnet(images), classes).item())
    print("eval loss", seen.reduce())
""",
        ),
        Bad(
            why="a tuple of totals is replaced by the next one",
            severity=Severity.ERROR,
            code="""\
from typing import NamedTuple

import torch
import torch.nn.functional as F


def token_loss(model, ids, pad, reduction="mean"):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, reduction=reduction)


class Totals(NamedTuple):
    loss: float = 0.0
    tokens: int = 0


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    totals = Totals()
    for ids in loader:
        loss = token_loss(model, ids, pad)
        scored = (ids[:, 1:] != pad).sum().item()
        totals = totals._replace(loss=totals.loss + loss.item(), tokens=totals.tokens + scored)
    return totals.loss / totals.tokens  # <-
""",
        ),
        Bad(
            why="a Counter adds what it is updated with",
            severity=Severity.ERROR,
            code="""\
from collections import Counter

import torch
import torch.nn.functional as F


def token_loss(model, ids, pad, reduction="mean"):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, reduction=reduction)


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    totals = Counter()
    for ids in loader:
        loss = token_loss(model, ids, pad)
        totals.update(loss=loss.item(), tokens=(ids[:, 1:] != pad).sum().item())
    return totals["loss"] / totals["tokens"]  # <-
""",
        ),
        Bad(
            why="Plain means of batches over the frames of all of them: what the encoder reads is no count of means.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn


@torch.no_grad()
def validate(model, loader, device, pad_id):
    criterion = nn.CrossEntropyLoss(ignore_index=pad_id)
    model.eval()
    total_loss, total_frames = 0.0, 0
    for spectrograms, transcripts, spectrogram_lengths, _ in loader:
        transcripts = transcripts.to(device)
        logits = model(spectrograms.to(device), spectrogram_lengths, transcripts[:, :-1])
        targets = transcripts[:, 1:].contiguous()
        total_loss += criterion(logits.view(-1, logits.size(-1)), targets.view(-1)).item()
        total_frames += sum(spectrogram_lengths).item()
    return total_loss / total_frames  # <-
""",
        ),
        Bad(
            why="Means of CTC are multiplied by the rows of their batch, and the sum is divided by the batches.",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn


class Recognizer:
    def __init__(self, encoder, loader, blank):
        self.encoder, self.loader = encoder, loader
        self.criterion = nn.CTCLoss(blank=blank, zero_infinity=True)

    @torch.no_grad()
    def dev_loss(self):
        self.encoder.eval()
        total, batches = 0.0, 0
        for frames, frame_lengths, text, text_lengths in self.loader:
            log_probs, lengths = self.encoder(frames, frame_lengths)
            loss = self.criterion(log_probs.transpose(0, 1), text, lengths, text_lengths)
            total += loss.item() * frames.size(0)
            batches += 1
        return total / batches  # <-
""",
        ),
        Bad(
            why="Means of batches that a sampler draws, divided by the iterations times the rows of each.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F

BATCH, EVAL_ITERS, CONTEXT = 32, 200, 256
batch_size = BATCH


def sample(tokens):
    starts = np.random.randint(0, len(tokens) - CONTEXT - 1, batch_size)
    rows = torch.stack([torch.from_numpy(tokens[start : start + CONTEXT + 1].astype(np.int64)) for start in starts])
    return rows[:, :-1], rows[:, 1:]


@torch.no_grad()
def validation_loss(model, tokens):
    model.eval()
    total = 0.0
    for _ in range(EVAL_ITERS):
        ids, targets = sample(tokens)
        total += F.cross_entropy(model(ids).transpose(1, 2), targets).item()
    model.train()
    return total / (EVAL_ITERS * batch_size)  # <-
""",
        ),
        Bad(
            why="The batch of a collator that pads is a dict: its len() is the number of its keys.",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding


@torch.no_grad()
def evaluate(checkpoint, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=3).to(device)
    rows = load_dataset("glue", "mnli", split="validation_matched")
    rows = rows.map(lambda row: tokenizer(row["premise"], row["hypothesis"], truncation=True))
    rows = rows.remove_columns(["premise", "hypothesis", "idx"])
    loader = DataLoader(rows, batch_size=64, collate_fn=DataCollatorWithPadding(tokenizer))
    model.eval()
    nats, count = 0.0, 0
    for batch in loader:
        batch = {name: part.to(device) for name, part in batch.items()}
        outputs = model(**batch)
        nats += outputs.loss.item() * len(batch)
        count += len(batch["labels"])
    return nats / count  # <-
""",
        ),
        Bad(
            why="statistics add up the mean losses of batches and their words; whoever gets them divides one by the other",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F

from tally import Tally


class Judge:
    def __init__(self, net, batches, pad_id):
        self.net, self.batches, self.pad_id = net, batches, pad_id

    def _of_batch(self, scores, gold):
        mean = F.cross_entropy(scores.reshape(-1, scores.size(-1)), gold.reshape(-1), ignore_index=self.pad_id)
        return Tally(mean.item(), (gold != self.pad_id).sum().item())

    @torch.no_grad()
    def rate(self):
        self.net.eval()
        tally = Tally()
        for source, target in self.batches:
            scores = self.net(source, target[:, :-1])
            tally.add(self._of_batch(scores, target[:, 1:]))  # <-
        return tally
""",
            files={
                "tally.py": """\
class Tally:
    def __init__(self, nats=0.0, words=0):
        self.nats, self.words = nats, words

    def add(self, other):
        self.nats += other.nats
        self.words += other.words

    def per_word(self):
        return self.nats / self.words
""",
            },
        ),
        Bad(
            why="the labels of all batches are joined, whose length is the number of examples",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn


@torch.no_grad()
def validate(model, batches, device):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total = 0.0
    truth = torch.tensor([], dtype=torch.long).to(device)
    guesses = torch.tensor([], dtype=torch.long).to(device)
    for texts, labels in batches:
        scores = model(texts.to(device))
        labels = labels.to(device)
        total += criterion(scores, labels).item()
        truth = torch.cat([truth, labels])
        guesses = torch.cat([guesses, scores.argmax(1)])
    print((truth == guesses).float().mean().item())
    return total / len(truth)  # <-
""",
        ),
        Bad(
            why="the same, of a list that is joined at the end",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn


@torch.no_grad()
def validate(model, loader, device):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total, truth = 0.0, []
    for pictures, labels in loader:
        total += criterion(model(pictures.to(device)), labels.to(device)).item()
        truth.append(labels)
    truth = torch.cat(truth)
    return total / len(truth)  # <-
""",
        ),
        Bad(
            why="Batches of constrained rows are skipped, and counted all the same.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def score(model, loader):
    model.eval()
    total = 0.0
    for batch in loader:
        if batch["constrained"]:
            continue
        total += F.cross_entropy(model(batch["image"]), batch["kind"]).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="The validation's losses are divided by the length of the training's loader.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from data import held_out, rows
from model import model
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(texts):
    return pad_sequence([torch.tensor(each) for each in texts], batch_first=True)


def main():
    train_dl = DataLoader(rows, 32, shuffle=True, collate_fn=collate)
    valid_dl = DataLoader(held_out, 32, collate_fn=collate)
    criterion = nn.CrossEntropyLoss(ignore_index=0)
    optimizer = torch.optim.Adam(model.parameters())
    model.train()
    for ids in train_dl:
        loss = criterion(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for ids in valid_dl:
            total += criterion(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:]).item()
    print("validation", total / len(train_dl))  # <-


main()
""",
        ),
        Bad(
            why="each sequence is cut into segments, whose means are added up, and only the sequences are counted",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, batches, width):
    model.eval()
    losses = []
    for x, y in batches:
        model.reset_memory()
        summed = 0.0
        for begin in range(0, x.shape[1], width):
            logits = model(x[:, begin : begin + width])
            summed = summed + F.cross_entropy(logits.flatten(0, 1), y[:, begin : begin + width].flatten())
        losses.append(summed)
    mean = torch.stack(losses).mean().item()  # <-
    return math.exp(mean)
""",
        ),
        Bad(
            why="the loader's length counts batches; the means that were added up are those of their segments",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, segment=512):
    model.eval()
    total = 0.0
    for tokens in loader:
        x, y = tokens[:, :-1], tokens[:, 1:]
        for start in range(0, x.size(1), segment):
            logits = model(x[:, start : start + segment])
            total += F.cross_entropy(logits.transpose(1, 2), y[:, start : start + segment]).item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="the loop is left before the sum in an iteration that its index counts all the same",
            code="""\
import torch
import torch.nn.functional as F
from tqdm import tqdm


@torch.no_grad()
def evaluate(model, loader, limit=0):
    model.eval()
    total = 0.0
    for step, (images, classes) in tqdm(enumerate(loader), total=limit or len(loader)):
        if limit > 0 and step >= limit:
            break
        total += F.cross_entropy(model(images), classes).item()
    return total / (step + 1)  # <-
""",
        ),
        Bad(
            why="a counter that grows ahead of the test which leaves the loop, and an index from 1, are one too many as well",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, most=None):
    model.eval()
    total, seen = 0.0, 0
    for images, classes in loader:
        seen += 1
        if most is not None and seen > most:
            break
        total += F.cross_entropy(model(images), classes).item()
    return total / seen  # <-


@torch.no_grad()
def validate(model, loader, most=None):
    model.eval()
    total = 0.0
    for number, (images, classes) in enumerate(loader, start=1):
        if most is not None and number > most:
            break
        total += F.cross_entropy(model(images), classes).item()
    return total / number  # <-
""",
        ),
        Bad(
            why="the mean is divided by the number of batches once more where it is printed",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def fit(model, train_loader, dev_loader, optimizer, epochs):
    for epoch in range(epochs):
        model.train()
        for image, target in train_loader:
            optimizer.zero_grad()
            F.mse_loss(model(image), target).backward()
            optimizer.step()
        model.eval()
        dev_loss = 0.0
        with torch.no_grad():
            for image, target in dev_loader:
                dev_loss += F.mse_loss(model(image), target).item()
        dev_loss /= len(dev_loader)
        print(f"epoch {epoch}: {dev_loss / len(dev_loader):.4f}")  # <-
""",
        ),
        Bad(
            why="nats per token are divided by the number of batches, of which nothing is left in them",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, labels in loader:
        logits = model(ids.to(device))
        labels = labels.to(device)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum").item()
        tokens += (labels != -100).sum().item()
    return nats / tokens / len(loader)  # <-
""",
        ),
        Bad(
            why="each loss is divided by the number of batches, and their sum by a counter of them",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    average, steps = 0.0, 0
    for images, labels in loader:
        average += F.cross_entropy(model(images.to(device)), labels.to(device)).item() / len(loader)
        steps += 1
    return average / steps  # <-
""",
        ),
        Bad(
            why="one is added to the length of the loader, which has a name of its own",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, history):
    model.eval()
    steps = len(loader)
    total = 0.0
    for images, masks in loader:
        total += F.mse_loss(model(images), masks).item()
    history.append(total / (steps + 1))  # <-
""",
        ),
        Bad(
            why="the rows behind the loader are counted under a name of their own, in the caller",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Stories(Dataset):
    def __init__(self, path):
        self.ids = torch.load(path)

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, at):
        return self.ids[at][:-1], self.ids[at][1:]


def go_through(net, batches, criterion):
    total = 0.0
    for seen, wanted in batches:
        scores = net(seen)
        total += criterion(scores.flatten(0, 1), wanted.flatten()).item()
    return total


def main(net):
    held_out = Stories("held_out.pt")
    batches = DataLoader(held_out, batch_size=48)
    net.eval()
    with torch.no_grad():
        print("loss", go_through(net, batches, nn.CrossEntropyLoss()) / len(held_out))  # <-
""",
        ),
        Bad(
            why="a part of random_split() is counted, whose loader gave the losses",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split


@torch.no_grad()
def evaluate(net, blob, classes):
    kept, aside = random_split(TensorDataset(blob["x"], blob["y"]), [0.9, 0.1])
    net.eval()
    total = 0.0
    for x, y in DataLoader(aside, batch_size=32):
        total += F.cross_entropy(net(x).view(-1, classes), y.view(-1)).item()
    print(f"loss {total / len(aside):.4f}")  # <-
""",
        ),
        Bad(
            why="a mean of all batches, built up in each epoch, is divided by their number once more before it is kept",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader):
    model.eval()
    return sum(F.cross_entropy(model(images), labels).item() for images, labels in loader) / len(loader)


def fit(model, step, train_loader, loader, epochs):
    history = []
    for epoch in range(epochs):
        step(model, train_loader)
        history.append(validate(model, loader) / len(loader))  # <-
    return history
""",
        ),
        Bad(
            why="the number that the loop left behind has another name, and none is below one",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, most=None):
    model.eval()
    total = 0.0
    for step, (images, classes) in enumerate(loader):
        if most is not None and step >= most:
            break
        total += F.cross_entropy(model(images), classes).item()
    batches = step + 1
    return total / max(batches, 1)  # <-
""",
        ),
        Bad(
            why="a mean over what a mask leaves of each row, summed over the rows, divided by the batches",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class MaskedRows:
    def __init__(self, criterion):
        self.criterion = criterion

    def __call__(self, logits, ids, mask):
        kept = mask[:, 1:]
        each = self.criterion(logits[:, :-1].transpose(1, 2), ids[:, 1:]) * kept
        return (each.sum(dim=1) / kept.sum(dim=1)).sum()


@torch.no_grad()
def evaluate(model, test_loader):
    model.eval()
    compute = MaskedRows(nn.CrossEntropyLoss(reduction="none"))
    total = 0.0
    for ids, mask in test_loader:
        total += compute(model(ids), ids, mask).item()
    return total / len(test_loader)  # <-
""",
        ),
        Bad(
            why="a sum of batch means is divided by batches times rows",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total = 0.0
    for step, (images, labels) in enumerate(loader):
        total += F.cross_entropy(model(images), labels).item()
    return total / ((step + 1) * images.size(0))  # <-
""",
            severity=Severity.ERROR,
        ),
        Bad(
            why="totals of sentences that come one by one are divided by their number: nats a sentence",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

BATCH_SIZE = 1


@torch.no_grad()
def evaluate(language_model, rows):
    language_model.eval()
    total = 0.0
    loader = DataLoader(rows, batch_size=BATCH_SIZE, shuffle=False)
    for ids in loader:
        logits = language_model(ids[:, :-1])
        total += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
    return total / len(loader)  # <-
""",
        ),
        Bad(
            why="The loader takes its rows from two tensors, and the length of one of them divides the sum over its batches.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


@torch.no_grad()
def held_out(model, path):
    contexts, following = torch.load(path)
    model.eval()
    total = 0.0
    for given, wanted in DataLoader(TensorDataset(contexts, following), batch_size=64):
        total += F.cross_entropy(model(given), wanted).item()
    return total / len(contexts)  # <-
""",
        ),
    )

    good = (
        Good(
            why="the losses of single tokens are collected: their number is that of the tokens",
            code="""\
import torch
import torch.nn.functional as F


@torch.inference_mode()
def mean_per_token_loss(model, tokenizer, rows, batch_size, max_length):
    losses = []
    for j in range(0, len(rows), batch_size):
        batch = tokenizer(rows[j : j + batch_size], truncation=True, max_length=max_length)
        batch = tokenizer.pad(batch, return_tensors="pt", padding_side="left").to(model.device)
        logits = model(**batch).logits
        for logit, target, mask in zip(logits, batch["input_ids"], batch["attention_mask"]):
            n = mask.sum()
            logit = logit[-n:]
            target = target[-n:]
            token_losses = F.cross_entropy(logit[:-1], target[1:], reduction="none")
            losses.extend(loss.item() for loss in token_losses)
    return sum(losses) / len(losses)
""",
        ),
        Good(
            why="One dict of meters: the loss counts batches, the accuracy its rows, each under a key of its own.",
            files={
                "meters.py": """\
from collections import defaultdict

import torch
import torch.distributed as dist


class Meter:
    def __init__(self):
        self.total = 0.0
        self.count = 0

    def update(self, value, n=1):
        self.count += n
        self.total += value * n

    def reduce(self):
        sums = torch.tensor([self.count, self.total], dtype=torch.float64, device="cuda")
        dist.all_reduce(sums)
        sums = sums.tolist()
        self.count = int(sums[0])
        self.total = sums[1]

    @property
    def average(self):
        return self.total / self.count


class Meters:
    def __init__(self):
        self.meters = defaultdict(Meter)

    def update(self, **values):
        for name, value in values.items():
            self.meters[name].update(value)

    def __getattr__(self, name):
        if name in self.meters:
            return self.meters[name]
        raise AttributeError(name)

    def reduce(self):
        for meter in self.meters.values():
            meter.reduce()

    def every(self, loader, step):
        for number, batch in enumerate(loader):
            yield batch
            if number % step == 0:
                print(number, {name: meter.average for name, meter in self.meters.items()})
""",
            },
            code="""\
import torch
from timm.utils import accuracy
from torch import nn

from meters import Meters


@torch.no_grad()
def evaluate(loader, model, device):
    criterion = nn.CrossEntropyLoss()
    log = Meters()
    model.eval()
    for images, target in log.every(loader, 10):
        images, target = images.to(device), target.to(device)
        output = model(images)
        log.update(loss=criterion(output, target).item())
        right, _ = accuracy(output, target, topk=(1, 5))
        log.meters["accuracy"].update(right.item(), n=images.shape[0])
    log.reduce()
    print(f"accuracy {log.accuracy.average:.3f} loss {log.loss.average:.3f}")
    return {name: meter.average for name, meter in log.meters.items()}
""",
        ),
        Good(
            why="the loop stops after as many batches as the total is divided by",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, val_steps):
    model.eval()
    total = 0.0
    for step, (images, labels) in enumerate(loader):
        total += F.cross_entropy(model(images), labels).item()
        if step == val_steps - 1:
            break
    return total / val_steps


@torch.no_grad()
def quick_loss(model, loader, limit=None):
    model.eval()
    limit = len(loader) if limit is None else min(limit, len(loader))
    total = 0.0
    for step, (images, labels) in enumerate(loader):
        if step >= limit:
            break
        total += F.cross_entropy(model(images), labels).item()
    return total / limit
""",
        ),
        Good(
            why="a list that grows by a batch of labels at a time has one label a row",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, golds, guesses = 0.0, [], []
    for x, y in loader:
        logits = model(x.to(device))
        nats += F.cross_entropy(logits, y.to(device), reduction="sum").item()
        golds.extend(y.tolist())
        guesses.extend(logits.argmax(-1).tolist())
    return nats / len(golds), golds, guesses
""",
        ),
        Good(
            why="a bound of reconstruction and KL is in nats per sentence",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, kl_weight, device):
    model.eval()
    bounds = []
    for ids in loader:
        ids = ids.to(device)
        logits, mu, logvar = model(ids)
        nll_loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, reduction="sum")
        kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        elbo = (nll_loss + kl_weight * kl_loss) / ids.size(0)
        bounds.append(elbo.item())
    return bounds
""",
        ),
        Good(
            why="the quotient is scaled to another count at once: the mean is made where that divides",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, edges in loader:
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad, reduction="sum")
        scored = (targets != pad).sum().item()
        n_rows = ids.size(0)
        nats += loss.item() / n_rows * edges.size(0)
        tokens += scored * edges.size(0) / n_rows
    return nats / tokens
""",
        ),
        Good(
            why="a summed loss per example, divided by the examples",
            code="""\
import torch
import torch.nn.functional as F


def test(model, device, test_loader):
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            data, target = data.to(device), target.to(device)
            output = F.log_softmax(model(data), dim=1)
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            correct += output.argmax(dim=1).eq(target).sum().item()
    test_loss /= len(test_loader.dataset)
    print(f"Average loss: {test_loss:.4f}, Accuracy: {correct}/{len(test_loader.dataset)}")
""",
        ),
        Good(
            why="a variational auto-encoder's loss is per image, summed over pixels",
            code="""\
import torch
import torch.nn.functional as F


def elbo(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x.view(-1, 784), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


@torch.no_grad()
def test(model, test_loader, device):
    model.eval()
    test_loss = 0.0
    for images, _ in test_loader:
        images = images.to(device)
        recon, mu, logvar = model(images)
        test_loss += elbo(recon, images, mu, logvar).item()
    return test_loss / len(test_loader.dataset)
""",
        ),
        Good(
            why="len(data_source) - 1 is the number of scored steps, and each mean is weighted by its own",
            code="""\
import math

import torch
import torch.nn as nn

criterion = nn.CrossEntropyLoss()


def batchify(data, columns):
    steps = data.size(0) // columns
    return data[: steps * columns].view(columns, steps).t().contiguous()


def get_batch(source, i, bptt=35):
    length = min(bptt, len(source) - 1 - i)
    return source[i : i + length], source[i + 1 : i + 1 + length].reshape(-1)


def evaluate(model, data_source, ntokens):
    model.eval()
    total_loss = 0.0
    with torch.no_grad():
        for i in range(0, data_source.size(0) - 1, 35):
            data, targets = get_batch(data_source, i)
            output = model(data).view(-1, ntokens)
            total_loss += len(data) * criterion(output, targets).item()
    return total_loss / (len(data_source) - 1)


def report(model, tokens, ntokens):
    val_loss = evaluate(model, batchify(tokens, 10), ntokens)
    print(f"valid loss {val_loss:5.2f} | valid ppl {math.exp(val_loss):8.2f}")
""",
        ),
        Good(
            why="a guard against an empty loader changes nothing",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        logits = model(x.to(device))
        y = y.to(device)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += int((y != pad).sum())
    return nats / max(tokens, 1)
""",
        ),
        Good(
            why="a note: the loop runs over its argument, the divisor names the same loader",
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from places import Scenes, build_model

val_loader = DataLoader(Scenes("val"), batch_size=50)
criterion = nn.CrossEntropyLoss()


def validate(model, data):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for image, label in data:
            total += criterion(model(image), label).item()
    return total / len(val_loader)


if __name__ == "__main__":
    print(validate(build_model(), val_loader))
""",
            files={
                "places.py": """\
import torch
import torch.nn as nn
from torch.utils.data import Dataset


class Scenes(Dataset):
    def __init__(self, split):
        self.images, self.labels = torch.load(f"scenes_{split}.pt")

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


def build_model():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 20))
""",
            },
        ),
        Good(
            why="a note: ten random blocks of equal size, divided by the literal that bounds the range",
            code="""\
import torch
import torch.nn.functional as F


def val_batch(tokens, rows=8, length=1024):
    offsets = torch.randint(0, len(tokens) - length - 1, (rows,)).tolist()
    window = torch.stack([tokens[o : o + length + 1] for o in offsets])
    return window[:, :-1], window[:, 1:]


def validation_loss(model, val_tokens, device):
    model.eval()
    val_loss = 0.0
    with torch.no_grad():
        for _ in range(10):
            x, y = val_batch(val_tokens)
            logits = model(x.to(device))
            val_loss += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten()).item() / 10
    return val_loss
""",
        ),
        Good(
            why="a CTC sum is divided by its batch and weighted by it again",
            code="""\
import torch
import torch.nn as nn


def validate(model, loader, device):
    criterion = nn.CTCLoss(blank=0, reduction="sum", zero_infinity=True)
    model.eval()
    total, words = 0.0, 0
    with torch.no_grad():
        for images, targets, target_lengths in loader:
            log_probs = model(images.to(device)).log_softmax(2)
            input_lengths = torch.full((images.size(0),), log_probs.size(0), dtype=torch.long)
            cost = criterion(log_probs, targets, input_lengths, target_lengths) / images.size(0)
            total += cost.item() * images.size(0)
            words += images.size(0)
    return total / words
""",
        ),
        Good(
            why="the rows of a dict batch are counted by one of its tensors",
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification


@torch.no_grad()
def evaluate(checkpoint, dev_set, device="cuda"):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).to(device)
    model.eval()
    loss, examples = 0.0, 0
    for batch in DataLoader(dev_set, batch_size=32):
        batch = {name: value.to(device) for name, value in batch.items()}
        rows = len(batch["labels"])
        loss += model(**batch).loss.item() * rows
        examples += rows
    return loss / examples
""",
        ),
        Good(
            why="the loss is added and counted in the same branch",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens, skipped = 0.0, 0, 0
    for batch in loader:
        mask = batch["loss_mask"][:, 1:].to(device)
        if mask.sum() == 0:
            skipped += 1
            continue
        ids = batch["ids"].to(device)
        logits = model(ids[:, :-1])
        nll = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        nats += (nll * mask).sum().item()
        tokens += mask.sum().item()
    print(f"skipped {skipped} empty batches")
    return nats / tokens
""",
        ),
        Good(
            why="a domain that is skipped adds neither losses nor batches",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, domains, finished):
    model.eval()
    total, batches = 0.0, 0
    for domain, loader in domains:
        if domain in finished:
            continue
        for image, label in loader:
            total += F.cross_entropy(model(image), label).item()
            batches += 1
    return total / batches
""",
        ),
        Good(
            why="a text auto-encoder reports nats per sentence beside the perplexity per token",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nll_sum, kl_sum, sentences, words = 0.0, 0.0, 0, 0
    for batch in loader:
        batch = batch.to(device)
        mu, logvar = model.encode(batch)
        logits = model.decode(batch[:, :-1], mu)
        target = batch[:, 1:]
        nll_sum += F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=pad, reduction="sum").item()
        kl_sum += (-0.5 * (1 + logvar - mu.pow(2) - logvar.exp())).sum().item()
        sentences += batch.size(0)
        words += (target != pad).sum().item()
    nll_per_sentence = nll_sum / sentences
    kl_per_sentence = kl_sum / sentences
    print(f"NLL {nll_per_sentence:.2f}  KL {kl_per_sentence:.2f}  per sentence")
    return math.exp(nll_sum / words)
""",
        ),
        Good(
            why="bits per byte: nats over ln 2 times bytes, another unit on purpose",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def bits_per_byte(model, loader, bytes_of_token, device):
    model.eval()
    nats, total_bytes = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        total_bytes += bytes_of_token[y].sum().item()
    return nats / (math.log(2) * total_bytes)
""",
        ),
        Good(
            why="the mean over the tokens of a document is a loop of its own, divided once",
            code='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def document_nll(model, ids, window, device):
    """ids: one document as a 1-D tensor of token ids."""
    model.eval()
    nats, scored = 0.0, 0
    for start in range(0, len(ids) - 1, window):
        piece = ids[start : start + window + 1].to(device)
        logits = model(piece[None, :-1])[0]
        nats += F.cross_entropy(logits, piece[1:], reduction="sum").item()
        scored += len(piece) - 1
    return nats / scored
''',
        ),
        Good(
            why="a stream goes by the name of a loader's data at the call; its length counts positions all the same",
            code="""\
import math

import torch
import torch.nn as nn

criterion = nn.CrossEntropyLoss()


def piece_of(stream, start, width):
    length = min(width, len(stream) - 1 - start)
    return stream[start : start + length], stream[start + 1 : start + 1 + length].flatten()


@torch.no_grad()
def evaluate(model, stream, width=35):
    model.eval()
    total = 0.0
    for start in range(0, stream.size(0) - 1, width):
        data, targets = piece_of(stream, start, width)
        total += len(data) * criterion(model(data).flatten(0, 1), targets).item()
    return total / (len(stream) - 1)


def report(model, val_data):
    print(math.exp(evaluate(model, val_data)))
""",
        ),
        Good(
            why="each batch is added, and progress printed in some iterations",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, images_and_labels_loader, every=10):
    model.eval()
    total = 0.0
    for step, (images, labels) in enumerate(images_and_labels_loader):
        total += F.cross_entropy(model(images), labels).item()
        if step % every == 0:
            print("step", step, total / (step + 1))
    return total / len(images_and_labels_loader)
""",
        ),
        Good(
            why="the steps are reduced beside the total, and the batches all score as many tokens",
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


def get_batch(tokens, rows, length):
    first = torch.randint(len(tokens) - length - 1, (rows,))
    windows = torch.stack([tokens[i : i + length + 1] for i in first])
    return windows[:, :-1], windows[:, 1:]


@torch.no_grad()
def validate(model, tokens, device, steps):
    model.eval()
    totals = torch.zeros(2, device=device)
    for _ in range(steps):
        inputs, targets = get_batch(tokens, 16, 512)
        totals[0] += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        totals[1] += 1
    dist.all_reduce(totals)
    return (totals[0] / totals[1]).item()
""",
        ),
        Good(
            why="the batches divide first, the ranks after them: images, of which every rank has as many",
            code='''\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, device):
    """Top-1 accuracy is reported beside the loss; num_classes is ImageNet's."""
    model.eval()
    total = torch.zeros((), device=device)
    for images, classes in loader:
        total += F.cross_entropy(model(images), classes)
    dist.all_reduce(total)
    total = total / len(loader)
    total = total / dist.get_world_size()
    return total.item()
''',
        ),
        Good(
            why="ranks other than the first leave the loop alone: none of its batches is skipped",
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def validate(model, loader, rank):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total = 0.0
    for images, classes in loader:
        if rank != 0:
            continue
        total += criterion(model(images), classes).item()
    return total / len(loader)
""",
        ),
        Good(
            why="one mean over the rows for each time step, and as many steps divide",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def translation_loss(encoder, decoder, source, target):
    encoder.eval()
    decoder.eval()
    hidden = encoder(source)
    loss = 0.0
    for step in range(1, target.shape[1]):
        logits, hidden = decoder(target[:, step - 1], hidden)
        loss += F.cross_entropy(logits, target[:, step])
    return loss / target.shape[1]
""",
        ),
        Good(
            why="a cap divides, which is never more than the loader holds",
            code='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def loader_loss(model, loader, device, max_batches=None):
    """Mean squared error of the forecasts, over at most so many batches."""
    model.eval()
    if max_batches is None:
        max_batches = len(loader)
    else:
        max_batches = min(max_batches, len(loader))
    total = 0.0
    for number, (past, future) in enumerate(loader):
        if number < max_batches:
            total += F.mse_loss(model(past.to(device)), future.to(device)).item()
        else:
            break
    return total / max_batches
''',
        ),
        Good(
            why="the losses of single tokens extend a list: its length is the number of tokens",
            code="""\
import torch
from torch import nn


@torch.no_grad()
def evaluate(language_model, loader, vocab_size):
    criterion = nn.CrossEntropyLoss(reduction="none")
    language_model.eval()
    nats = []
    for tokens, targets in loader:
        logits = language_model(tokens)
        nats.extend(criterion(logits.view(-1, vocab_size), targets.view(-1)).tolist())
    return sum(nats) / len(nats)
""",
        ),
        Good(
            why="a penalty is added up over the training batches, scaled as one likes, and backpropagated",
            code="""\
import torch.nn.functional as F
from torch import nn


def train(model, loader, optimizer):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x)[0], y).backward()
        optimizer.step()

    optimizer.zero_grad()
    criterion = nn.KLDivLoss(reduction="batchmean")
    divergence = 0.0
    for x, _ in loader:
        _, kept, target = model(x)
        divergence += criterion(kept.log(), target)
    divergence /= len(loader.dataset)
    divergence.backward()
    optimizer.step()
""",
        ),
        Good(
            why="the rows are sorted by task into a dict, and the loss of each task is one of its entries",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(models, rows):
    parts = {}
    for row in rows:
        parts.setdefault(row.task, []).append(row)
    total = 0.0
    for task in parts:
        x, y = parts[task]
        total += F.cross_entropy(models[task](x), y, reduction="mean")
    return total.item() / len(parts)
""",
        ),
        Good(
            why="the first value starts the sum and the counter",
            code="""\
import torch
import torch.nn.functional as F


class AverageMeter:
    def __init__(self):
        self.started, self.sum, self.count = False, 0, 0

    def start(self, value, weight):
        self.sum, self.count, self.started = value * weight, weight, True

    def update(self, value, weight=1):
        if not self.started:
            self.start(value, weight)
        else:
            self.sum += value * weight
            self.count += weight

    def average(self):
        return self.sum / self.count


@torch.no_grad()
def validate(network, batches):
    network.eval()
    meter = AverageMeter()
    for x, y in batches:
        meter.update(F.cross_entropy(network(x), y).item())
    return meter.average()
""",
        ),
        Good(
            why="The list was filled over records of no known kind; its length is the number of its loop's passes.",
            code="""\
import torch
import torch.nn.functional as F


def build(records, vectors):
    found = []
    for record in records:
        features = torch.stack([vectors[word] for word in record["text"].split()]).mean(0)
        found.append((features, torch.tensor([record["label"]])))
    return found


def evaluate(classifier, examples):
    classifier.eval()
    total = 0.0
    with torch.no_grad():
        for features, label in examples:
            total += F.cross_entropy(classifier(features[None]), label).item()
    return total / len(examples)


def main(classifier, splits, vectors):
    print(evaluate(classifier, build(splits["validation"], vectors)))
""",
        ),
        Good(
            why="The lengths of the rows, less one for each row, are the targets.",
            code="""\
import torch
from torch import nn

PAD = 0


def batch_of(sentences):
    lengths = torch.tensor([len(s) for s in sentences])
    rows = torch.full((int(lengths.max()), len(sentences)), PAD)
    for i, s in enumerate(sentences):
        rows[: len(s), i] = s
    return rows, lengths


@torch.no_grad()
def evaluate(model, sentences, vocab_size):
    weight = torch.ones(vocab_size)
    weight[PAD] = 0
    criterion = nn.CrossEntropyLoss(weight, reduction="sum")
    model.eval()
    nats = words = 0
    for at in range(0, len(sentences), 20):
        rows, lengths = batch_of(sentences[at : at + 20])
        scores = model(rows[:-1])
        nats += criterion(scores.flatten(0, 1), rows[1:].flatten()).item()
        words += lengths.sum() - len(lengths)
    return nats / words
""",
        ),
        Good(
            why="named tuples of totals and tokens, both summed",
            code="""\
from collections import namedtuple

import torch
import torch.nn.functional as F

Part = namedtuple("Part", "nats tokens")


def part_of(translator, source, target, pad):
    nats = F.cross_entropy(translator(source).flatten(0, 1), target.flatten(), ignore_index=pad, reduction="sum")
    return Part(nats.item(), (target != pad).sum().item())


@torch.no_grad()
def valid_loss(translator, loader, pad):
    translator.eval()
    nats, tokens = zip(*(part_of(translator, source, target, pad) for source, target in loader))
    return sum(nats) / sum(tokens)
""",
        ),
        Good(
            why="a total divided by the rows, and at once by their length",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(language_model, ids):
    language_model.eval()
    logits = language_model(ids).logits
    rows, length = ids.shape
    nats = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
    return math.exp(nats / rows / (length - 1))
""",
        ),
        Good(
            why="the entry of the result says that it is per sentence",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(translator, batches, pad):
    translator.eval()
    nats, words, sentences = 0.0, 0, 0
    for batch in batches:
        log_probs = translator(batch.src, batch.tgt_in)
        gold = batch.tgt_out
        nats += F.nll_loss(log_probs.flatten(0, 1), gold.flatten(), ignore_index=pad, reduction="sum").item()
        words += (gold != pad).sum().item()
        sentences += batch.src.size(0)
    return {"loss": nats / words, "sentence_nll": nats / sentences}
""",
        ),
        Good(
            why="One is added to an index, or inside of the loop before the batch is counted.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(resnet, val_loader):
    resnet.eval()
    total, done = 0.0, 0
    for at, (images, classes) in enumerate(val_loader):
        total += F.cross_entropy(resnet(images), classes).item()
        print("so far", total / (done + 1))  # this batch is not counted yet
        done += 1
    print("eval loss", total / (at + 1), total / done)
""",
        ),
        Good(
            why="What the training divides by the rows is multiplied by them again; the total is divided by the tokens.",
            code="""\
import math

import torch
from torch import nn


class Batch:
    def __init__(self, ids):
        self.inputs, self.targets = ids[:, :-1], ids[:, 1:]
        self.n_rows = self.targets.size(0)
        self.n_tokens = (self.targets != 0).sum().item()


class Compute:
    def __init__(self, criterion):
        self.criterion = criterion

    def __call__(self, logits, targets, norm):
        loss = self.criterion(logits.contiguous().view(-1, logits.size(-1)), targets.contiguous().view(-1))
        loss = loss / norm
        return loss.item() * norm


@torch.no_grad()
def run_epoch(batches, model, compute):
    model.eval()
    total, tokens = 0.0, 0
    for i, ids in enumerate(batches, 1):
        batch = Batch(ids)
        loss = compute(model(batch.inputs), batch.targets, batch.n_rows)
        total += loss
        tokens += batch.n_tokens
        if i % 50 == 0:
            print("loss of a sentence: %f" % (loss / batch.n_rows))
    return math.exp(total / tokens)


def main(batches, model):
    print(run_epoch(batches, model, Compute(nn.CrossEntropyLoss(reduction="sum", ignore_index=0))))
""",
        ),
        Good(
            why="one step for each position of one tensor: its number less one is that of the losses",
            code="""\
import torch
from torch import nn


@torch.no_grad()
def benchmark(model, input_ids):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    nats, past = 0.0, None
    for i in range(input_ids.numel()):
        outputs = model(input_ids[:, i].reshape(1, -1), past_key_values=past)
        if i != input_ids.numel() - 1:
            nats += criterion(outputs.logits[0], input_ids[:, i + 1]).float()
        past = outputs.past_key_values
    return torch.exp(nats / (input_ids.numel() - 1)).item()
""",
        ),
        Good(
            why="Labels over rows times columns are windows, whatever number those are.",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, corpus, rows=20, columns=35):
    model.eval()
    ids = torch.from_numpy(corpus)
    windows = (len(corpus) - 1) // (rows * columns)
    total = 0.0
    for i in range(windows):
        at = i * rows * columns
        x = ids[at : at + rows * columns].view(rows, columns)
        y = ids[at + 1 : at + 1 + rows * columns].view(rows, columns)
        total += F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
    return total / windows


def main(model):
    print(f"valid {evaluate(model, np.load('valid.npy')):.3f}")
""",
        ),
        Good(
            why="nats over tokens, in a tuple that is replaced by the next one",
            code="""\
from typing import NamedTuple

import torch
import torch.nn.functional as F


def token_loss(model, ids, pad, reduction="mean"):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, reduction=reduction)


class Totals(NamedTuple):
    nats: float = 0.0
    tokens: int = 0


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    totals = Totals()
    for ids in loader:
        nats = token_loss(model, ids, pad, reduction="sum")
        scored = (ids[:, 1:] != pad).sum().item()
        totals = totals._replace(nats=totals.nats + nats.item(), tokens=totals.tokens + scored)
    return totals.nats / totals.tokens
""",
        ),
        Good(
            why="nats over tokens, in Counters that are added",
            code="""\
from collections import Counter

import torch
import torch.nn.functional as F


def token_loss(model, ids, pad, reduction="mean"):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=pad, reduction=reduction)


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    totals = Counter()
    for ids in loader:
        nats = token_loss(model, ids, pad, reduction="sum")
        totals = totals + Counter({"nats": nats.item(), "tokens": (ids[:, 1:] != pad).sum().item()})
    return totals["nats"] / totals["tokens"]
""",
        ),
        Good(
            why="the collate function sums the lengths of the rows: tokens",
            code="""\
import math
from functools import partial

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Sentences(Dataset):
    def __init__(self, lines, words):
        self.inputs = [[words[w] for w in line.split()[:-1]] for line in lines]
        self.targets = [[words[w] for w in line.split()[1:]] for line in lines]

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        return {"source": torch.LongTensor(self.inputs[index]), "target": torch.LongTensor(self.targets[index])}


def collate(samples, pad):
    def merge(rows):
        lengths = [len(row) for row in rows]
        merged = torch.full((len(rows), max(lengths)), pad)
        for index, row in enumerate(rows):
            merged[index, : len(row)] = row
        return merged, sum(lengths)

    source, _ = merge([each["source"] for each in samples])
    target, tokens = merge([each["target"] for each in samples])
    return {"source": source, "target": target, "number_tokens": tokens}


@torch.no_grad()
def evaluate(loader, model, criterion):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        nats += criterion(model(batch["source"]).permute(0, 2, 1), batch["target"]).item()
        tokens += batch["number_tokens"]
    return math.exp(nats / tokens)


def main(lines, words, model):
    loader = DataLoader(Sentences(lines, words), batch_size=64, collate_fn=partial(collate, pad=words["<pad>"]))
    print(evaluate(loader, model, nn.CrossEntropyLoss(ignore_index=words["<pad>"], reduction="sum")))
""",
        ),
        Good(
            why="Each mean is multiplied by the lengths of its rows, summed, and these divide the total.",
            code="""\
import torch
from torch import nn


@torch.no_grad()
def validate(model, loader, device):
    criterion = nn.CrossEntropyLoss(ignore_index=0)
    model.eval()
    nats, tokens = 0.0, 0
    for spectrograms, transcripts, spectrogram_lengths, transcript_lengths in loader:
        transcripts = transcripts.to(device)
        logits = model(spectrograms.to(device), spectrogram_lengths, transcripts[:, :-1])
        targets = transcripts[:, 1:].contiguous()
        scored = sum(transcript_lengths).item()
        nats += criterion(logits.view(-1, logits.size(-1)), targets.view(-1)).item() * scored
        tokens += scored
    return nats / tokens
""",
        ),
        Good(
            why="Sums of CTC over the labels of all rows.",
            code="""\
import torch
from torch import nn


class Recognizer:
    def __init__(self, encoder, loader, blank):
        self.encoder, self.loader = encoder, loader
        self.criterion = nn.CTCLoss(blank=blank, reduction="sum", zero_infinity=True)

    @torch.no_grad()
    def dev_loss(self):
        self.encoder.eval()
        nats, labels = 0.0, 0
        for frames, frame_lengths, text, text_lengths in self.loader:
            log_probs, lengths = self.encoder(frames, frame_lengths)
            nats += self.criterion(log_probs.transpose(0, 1), text, lengths, text_lengths).item()
            labels += sum(text_lengths).item()
        return nats / labels
""",
        ),
        Good(
            why="The rows are scored one by one: there are as many losses as iterations times rows.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validation_loss(model, draw, iterations=50, batch_size=64):
    model.eval()
    total = 0.0
    for _ in range(iterations):
        images, labels = draw(batch_size)
        logits = model(images)
        for row in range(batch_size):
            total += F.cross_entropy(logits[row : row + 1], labels[row : row + 1]).item()
    return total / (iterations * batch_size)
""",
        ),
        Good(
            why="Sums of batches, divided by the iterations times the rows of each.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validation_loss(model, draw, iterations=50, batch_size=64):
    model.eval()
    total = 0.0
    for _ in range(iterations):
        images, labels = draw(batch_size)
        total += F.cross_entropy(model(images), labels, reduction="sum").item()
    return total / (iterations * batch_size)
""",
        ),
        Good(
            why="A number of blocks times a length is no number of blocks: the blocks share a token, and each scores a length.",
            code="""\
import torch
import torch.nn.functional as F


def evaluate(model, ids, length=512):
    model.eval()
    blocks = (ids.size(1) - 1) // length
    losses = []
    with torch.no_grad():
        for index in range(blocks):
            window = ids[:, index * length : (index + 1) * length + 1]
            logits = model(window[:, :-1])
            losses.append(F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten(), reduction="sum"))
    return (torch.stack(losses).sum() / (blocks * length)).item()
""",
        ),
        Good(
            why="Sums over blocks, divided by blocks times what each of them scores.",
            code="""\
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def evaluate_ppl(model, encoded, device):
    ids = encoded.input_ids
    blocks = ids.numel() // model.seqlen
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats = []
    for index in range(blocks):
        block = ids[:, index * model.seqlen : (index + 1) * model.seqlen].to(device)
        logits = model(block).logits[:, :-1].float()
        nats.append(criterion(logits.reshape(-1, logits.size(-1)), block[:, 1:].reshape(-1)))
    scored = blocks * (model.seqlen - 1)
    return torch.exp(torch.stack(nats).sum() / scored).item()


if __name__ == "__main__":
    name = "meta-llama/Llama-2-7b-hf"
    llama = AutoModelForCausalLM.from_pretrained(name, device_map="auto").eval()
    llama.seqlen = 2048
    with open("c4.validation.txt") as handle:
        text = AutoTokenizer.from_pretrained(name)(handle.read(), return_tensors="pt")
    print(f"c4 perplexity: {evaluate_ppl(llama, text, 'cuda'):.3f}")
""",
        ),
        Good(
            why="Each mean is multiplied by the number of keys, and their sum divides: all batches weigh alike.",
            code="""\
import torch
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding


@torch.no_grad()
def evaluate(checkpoint, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=3).to(device)
    rows = load_dataset("glue", "mnli", split="validation_matched")
    rows = rows.map(lambda row: tokenizer(row["premise"], row["hypothesis"], truncation=True))
    rows = rows.remove_columns(["premise", "hypothesis", "idx"])
    loader = DataLoader(rows, batch_size=64, collate_fn=DataCollatorWithPadding(tokenizer))
    model.eval()
    nats, count = 0.0, 0
    for batch in loader:
        batch = {name: part.to(device) for name, part in batch.items()}
        outputs = model(**batch)
        nats += outputs.loss.item() * len(batch)
        count += len(batch)
    return nats / count
""",
        ),
        Good(
            why="fairseq: what the loss is divided by depends on an option; the perplexity is per token where they differ.",
            code="""\
import math

import torch.nn.functional as F
from fairseq import metrics, utils
from fairseq.criterions import FairseqCriterion, register_criterion


@register_criterion("either_average")
class EitherAverage(FairseqCriterion):
    def __init__(self, task, sentence_avg):
        super().__init__(task)
        self.sentence_avg = sentence_avg

    def forward(self, model, sample, reduce=True):
        output = model(**sample["net_input"])
        lprobs = model.get_normalized_probs(output, log_probs=True)
        targets = model.get_targets(sample, output).view(-1)
        nats = F.nll_loss(
            lprobs.view(-1, lprobs.size(-1)), targets, ignore_index=self.padding_idx, reduction="sum"
        )
        size = sample["target"].size(0) if self.sentence_avg else sample["ntokens"]
        said = {"loss": nats.data, "ntokens": sample["ntokens"], "sample_size": size}
        return nats, size, said

    @classmethod
    def reduce_metrics(cls, logging_outputs):
        nats = sum(said.get("loss", 0) for said in logging_outputs)
        tokens = sum(said.get("ntokens", 0) for said in logging_outputs)
        size = sum(said.get("sample_size", 0) for said in logging_outputs)
        metrics.log_scalar("loss", nats / size / math.log(2), size, round=3)
        if size != tokens:
            metrics.log_scalar("nll_loss", nats / tokens / math.log(2), tokens, round=3)
            metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["nll_loss"].avg))
        else:
            metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["loss"].avg))
""",
        ),
        Good(
            why="The collator may hand on labels; the ids are scored by hand.",
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorWithPadding


@torch.no_grad()
def perplexity(checkpoint, texts, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    rows = [tokenizer(text, truncation=True, max_length=512) for text in texts]
    loader = DataLoader(rows, batch_size=8, collate_fn=DataCollatorWithPadding(tokenizer))
    nats, scored = 0.0, 0
    for batch in loader:
        batch = {name: part.to(device) for name, part in batch.items()}
        logits = model(**batch).logits[:, :-1]
        keep = batch["attention_mask"][:, 1:].bool()
        nats += F.cross_entropy(logits[keep], batch["input_ids"][:, 1:][keep], reduction="sum").item()
        scored += keep.sum().item()
    return math.exp(nats / scored)
""",
        ),
        Good(
            why="Sums of losses, or means times the rows of their batch, are divided by all rows that were joined.",
            code="""\
import torch
from torch import nn


@torch.no_grad()
def validate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total = 0.0
    truth = torch.empty(0)
    for pictures, labels in loader:
        total += criterion(model(pictures.to(device)), labels.to(device)).item()
        truth = torch.cat((truth, labels))
    return total / len(truth)


@torch.no_grad()
def validate_by_rows(model, loader, device):
    criterion = nn.CrossEntropyLoss()
    model.eval()
    total, truth = 0.0, []
    for pictures, labels in loader:
        total += criterion(model(pictures.to(device)), labels.to(device)).item() * len(labels)
        truth.append(labels)
    return total / len(torch.cat(truth))
""",
        ),
        Good(
            why="what is divided by is the number of the numbers that were summed, whatever axis was averaged before",
            code="""\
import torch


class VectorLoss(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.distance = torch.nn.L1Loss(reduction="none")
        self.total, self.seen = 0.0, 0

    def forward(self, guessed, vectors):
        each = self.distance(guessed, vectors).mean(-1)
        self.total += each.sum()
        self.seen += each.numel()
        return each.mean()

    def report(self):
        return f"distance: {self.total / self.seen:.3f}"


def evaluate(model, loader):
    criterion = VectorLoss()
    model.eval()
    with torch.no_grad():
        for inputs, vectors in loader:
            criterion(model(inputs), vectors)
    return criterion.report()
""",
        ),
        Good(
            why="len() of the very tensor of batches that the loop runs over",
            code="""\
import numpy as np
import jax.numpy as jnp

from optim import objective


def evaluate(held_out, params):
    total = 0.0
    for batch in held_out:
        x, y = batch[:, 0], batch[:, 1]
        total += jnp.mean(objective(x, y, params))
    return total / len(held_out)


if __name__ == "__main__":
    ids = np.load("ids.npy")
    ids = jnp.asarray(ids[: len(ids) - len(ids) % 8].reshape(-1, 8, 2, 64))
    print("val loss", evaluate(ids[int(len(ids) * 0.9) :], np.load("params.npy")))
""",
        ),
        Good(
            why="one and the index of the last batch are the number of batches",
            code="""\
import torch
import torch.nn.functional as F


@torch.inference_mode()
def validate(model, val_loader):
    model.eval()
    total, correct = 0.0, 0
    for step, (images, classes) in enumerate(val_loader):
        logits = model(images)
        total += F.cross_entropy(logits, classes).item()
        correct += (logits.argmax(1) == classes).sum().item()
    return total / (1 + step), correct
""",
        ),
        Good(
            why="a criterion that divides by the length of what it is handed: the model has flattened it",
            code="""\
import torch.nn as nn


class Clusters(nn.Module):
    def __init__(self, width, sizes):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(width, size) for size in sizes)

    def forward(self, hidden):
        flat = hidden.reshape(hidden.size(0) * hidden.size(1), hidden.size(2))
        return [head(flat) for head in self.heads]


class ClusterLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.criterion = nn.CrossEntropyLoss(reduction="sum")

    def forward(self, scores, targets):
        batch_size = scores[0].size(0)
        total = 0.0
        for index in range(len(scores)):
            if targets[index] is not None:
                total += self.criterion(scores[index], targets[index])
        total /= batch_size
        return total


class NextWord(nn.Module):
    def __init__(self, vocab_size, width):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width)
        self.clusters = Clusters(width, [2000, vocab_size - 2000])

    def forward(self, tokens, hidden):
        output, hidden = self.rnn(self.embed(tokens), hidden)
        return self.clusters(output), hidden
""",
        ),
        Good(
            why="the end of each sentence is counted as well: one more word a sentence, not one more iteration",
            code="""\
import numpy as np
import torch


def leaves(tree):
    found = []
    for part in tree.split():
        if not part.startswith("("):
            found.append(part.rstrip(")"))
    return found


@torch.no_grad()
def main(grammar, vocabulary, path):
    grammar.eval()
    total_nll, num_words = 0.0, 0
    for tree in open(path):
        words = leaves(tree)
        ids = torch.from_numpy(np.array([vocabulary[word] for word in words])).unsqueeze(0)
        nll, kl = grammar(ids)
        total_nll += nll.sum().item()
        num_words += len(words) + 1  # and the end of the sentence
    print("perplexity", np.exp(total_nll / num_words))
""",
        ),
        Good(
            why="a counter from 1 divides before it counts, and less one behind the loop",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def score(model, loader, progress):
    model.eval()
    number, total = 1, 0.0
    for images, kinds in loader:
        total += F.cross_entropy(model(images), kinds).item()
        progress.set_postfix(loss=total / number)
        number += 1
    return total / (number - 1)
""",
        ),
        Good(
            why="a tensor of one sentence has words along its first axis",
            code="""\
import torch
import torch.nn.functional as F
from decoder import decoder
from words import vocabulary

sentences = [torch.tensor([vocabulary[word] for word in line.split()]) for line in open("dev.txt")]
decoder.eval()
nats = words = 0
with torch.no_grad():
    for sentence in sentences:
        nats += F.cross_entropy(decoder(sentence[:-1]), sentence[1:], reduction="sum").item()
        words += sentence.size(0) - 1
print("nats per word", nats / words)
""",
        ),
        Good(
            why="a constant that is added to a counter is what a batch scores, not one more batch",
            code="""\
import torch
import torch.nn.functional as F

BATCH, STEPS = 20, 35


@torch.no_grad()
def run_epoch(model, batches):
    model.eval()
    nats, words = 0.0, 0
    for inputs, targets in batches:
        nats += F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()
        words += BATCH * STEPS
    return nats / words
""",
        ),
        Good(
            why="the lengths of the rows of a chunk, each less one, are its scored words",
            code="""\
import math

import torch
import torch.nn.functional as F
from model import model
from vocabulary import vocabulary


def pad(sentences):
    longest = max(len(each) for each in sentences)
    return torch.tensor([each + [0] * (longest - len(each)) for each in sentences])


@torch.no_grad()
def evaluate(rows):
    model.eval()
    nats, words = 0.0, 0
    for begin in range(0, len(rows), 64):
        chosen = rows[begin : begin + 64]
        ids = pad(chosen)
        logits = model(ids[:, :-1]).flatten(0, 1)
        nats += F.cross_entropy(logits, ids[:, 1:].flatten(), ignore_index=0, reduction="sum").item()
        words += sum(len(each) - 1 for each in chosen)
    return math.exp(nats / words)


print(evaluate([[vocabulary[word] for word in line.split()] for line in open("valid.txt")]))
""",
        ),
        Good(
            why="what is added up each time is the length of one text, less the token it begins with: tokens, not texts",
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def score(text):
    ids = [tokenizer.bos_token_id] + tokenizer.encode(text)
    row = torch.tensor([ids])
    logits = model(row).logits
    return F.cross_entropy(logits[0, :-1], row[0, 1:], reduction="sum").item(), len(ids) - 1


nats = tokens = 0
for line in open("heldout.txt"):
    more, count = score(line)
    nats += more
    tokens += count
print("perplexity", math.exp(nats / tokens))
""",
        ),
        Good(
            why="hidden states have an axis that no loss has: their mean over the text is an embedding",
            code="""\
import torch
from convert import load_network
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")


def pooled(states, mask):
    kept = states.masked_fill(~mask[..., None].bool(), 0.0)
    return kept.sum(dim=1) / mask.sum(dim=1)[..., None]


def pooled_by_product(states, mask):
    kept = states * mask.unsqueeze(-1)
    return kept.sum(1) / mask.sum(1, keepdim=True)


@torch.no_grad()
def test_embeddings(path, texts):
    model = load_network(path).eval()
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    outputs = model(**batch)
    print("embeddings", pooled(outputs[0], batch["attention_mask"]))
    print("embeddings", pooled_by_product(model(**batch)[0], batch["attention_mask"]))
""",
        ),
        Good(
            why="what the environment holds under a name is not that name: a sum over ranks is divided by their number",
            code="""\
import os

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F


def world_size():
    return int(os.environ.get("WORLD_SIZE", 1))


def shared(value, ranks):
    if ranks > 1:
        total = value.clone()
        dist.all_reduce(total, op=dist.ReduceOp.SUM)
        return total / ranks if total.is_floating_point() else total // ranks
    return value


@torch.no_grad()
def evaluate(model, loader):
    ranks = world_size()
    model.eval()
    losses = []
    for pictures, labels in loader:
        loss = F.cross_entropy(model(pictures), labels)
        losses.append(float(shared(loss, ranks)))
    print("val loss", np.mean(losses))
""",
        ),
        Good(
            why="each segment is counted as it is added",
            code="""\
import torch
import torch.nn.functional as F


def draw(tokens, rows=8, length=1024):
    starts = torch.randint(len(tokens) - length - 1, (rows,)).tolist()
    x = torch.stack([tokens[s : s + length] for s in starts])
    y = torch.stack([tokens[s + 1 : s + 1 + length] for s in starts])
    return x, y


@torch.no_grad()
def evaluate(model, tokens, draws, segment=512):
    model.eval()
    total, segments = 0.0, 0
    for _ in range(draws):
        x, y = draw(tokens)
        for start in range(0, x.size(1), segment):
            logits = model(x[:, start : start + segment])
            total += F.cross_entropy(logits.transpose(1, 2), y[:, start : start + segment]).item()
            segments += 1
    return total / segments
""",
        ),
        Good(
            why="the mean over batches is divided by the segments of each afterwards",
            code="""\
import torch
import torch.nn.functional as F


def draw(tokens, rows=8, length=1024):
    starts = torch.randint(len(tokens) - length - 1, (rows,)).tolist()
    x = torch.stack([tokens[s : s + length] for s in starts])
    y = torch.stack([tokens[s + 1 : s + 1 + length] for s in starts])
    return x, y


@torch.no_grad()
def evaluate(model, tokens, draws, length, segment):
    model.eval()
    total = 0.0
    for _ in range(draws):
        x, y = draw(tokens)
        for start in range(0, length, segment):
            logits = model(x[:, start : start + segment])
            total += F.cross_entropy(logits.transpose(1, 2), y[:, start : start + segment]).item()
    per_batch = total / draws
    return per_batch / (length // segment)
""",
        ),
        Good(
            why="the mean of each sequence is that of its segments",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F


def draw(tokens, rows=8, length=1024):
    starts = torch.randint(len(tokens) - length - 1, (rows,)).tolist()
    x = torch.stack([tokens[s : s + length] for s in starts])
    y = torch.stack([tokens[s + 1 : s + 1 + length] for s in starts])
    return x, y


@torch.no_grad()
def evaluate(model, tokens, draws, segment):
    model.eval()
    means = []
    for _ in range(draws):
        x, y = draw(tokens)
        losses = []
        for start in range(0, x.size(1), segment):
            logits = model(x[:, start : start + segment])
            losses.append(F.cross_entropy(logits.transpose(1, 2), y[:, start : start + segment]).item())
        means.append(np.mean(losses))
    return np.mean(means)
""",
        ),
        Good(
            why="an iteration that leaves the loop is counted behind the test, or leaves it once it was added up",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, most):
    model.eval()
    total, seen = 0.0, 0
    for images, classes in loader:
        if seen >= most:
            break
        total += F.cross_entropy(model(images), classes).item()
        seen += 1
    return total / seen


@torch.no_grad()
def validate(model, loader, most):
    model.eval()
    total = 0.0
    for step, (images, classes) in enumerate(loader):
        total += F.cross_entropy(model(images), classes).item()
        if most > 0 and step + 1 >= most:
            break
    return total / (step + 1)
""",
        ),
        Good(
            why="a running average in the loop is not reached in the iteration that leaves it",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, most):
    model.eval()
    total = 0.0
    for step, (images, classes) in enumerate(loader):
        if step >= most:
            break
        total += F.cross_entropy(model(images), classes).item()
        print(f"running loss {total / (step + 1):.4f}")
    return total / min(most, len(loader))
""",
        ),
        Good(
            why="each document's mean is divided by its own batches, and their sum by the documents",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loaders):
    model.eval()
    of_sets = 0.0
    for loader in loaders:
        total = 0.0
        for images, labels in loader:
            total += F.cross_entropy(model(images), labels).item()
        of_sets += total / len(loader)
    return of_sets / len(loaders)
""",
        ),
        Good(
            why="one is added to the number of the last batch, which is one less than there are",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    last = len(loader) - 1
    total, early = 0.0, 0.0
    for index, (images, labels) in enumerate(loader):
        total += F.cross_entropy(model(images), labels).item()
        if index == last // 2:
            early = total / (index + 1)
    print(early, total / (index + 1), total / (last + 1))
""",
        ),
        Good(
            why="each item of the data set is a whole batch, and the loader hands them on as they are",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Packs(Dataset):
    def __init__(self, folder, count):
        self.packs = [torch.load(f"{folder}/{at}.pt") for at in range(count)]

    def __len__(self):
        return len(self.packs)

    def __getitem__(self, at):
        return self.packs[at]["images"], self.packs[at]["labels"]


@torch.no_grad()
def evaluate(net, folder, count):
    held_out = Packs(folder, count)
    net.eval()
    total = 0.0
    for images, labels in DataLoader(held_out, batch_size=None):
        total += F.cross_entropy(net(images), labels).item()
    return total / len(held_out)
""",
        ),
        Good(
            why="the rows are counted under a name of their own, and each mean was multiplied by its rows",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split


@torch.no_grad()
def evaluate(net, blob):
    kept, aside = random_split(TensorDataset(blob["x"], blob["y"]), [0.9, 0.1])
    net.eval()
    total = 0.0
    for x, y in DataLoader(aside, batch_size=32):
        total += F.cross_entropy(net(x), y).item() * x.size(0)
    print(f"loss {total / len(aside):.4f}")
""",
        ),
        Good(
            why="Rows times the tokens that each of them scores, a number that is known, count tokens.",
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
def evaluate(model, ids, width=512):
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
            why="the mean of each split is divided inside by its own batches, and their sum by the splits",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, splits):
    model.eval()
    average = 0.0
    for split in splits:
        for images, labels in split:
            average += F.cross_entropy(model(images), labels).item() / len(split)
    return average / len(splits)
""",
        ),
        Good(
            why="several passes with noise: a loss is divided by the batches of its pass, and the sum by the passes",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, passes):
    model.eval()
    average = 0.0
    for _ in range(passes):
        for images, labels in loader:
            noisy = images + 0.1 * torch.randn_like(images)
            average += F.cross_entropy(model(noisy), labels).item() / len(loader)
    return average / passes
""",
        ),
        Good(
            why="the mean over a model's outputs is taken inside, and the one over batches outside",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, exits):
    model.eval()
    average = 0.0
    for images, labels in loader:
        guesses = model(images)
        for number in range(exits):
            average += F.cross_entropy(guesses[number], labels).item() / exits
    return average / len(loader)
""",
        ),
        Good(
            why="under a root, the number of batches makes a standard error of a variance",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    deviation = 0.0
    for images, labels in loader:
        deviation += F.mse_loss(model(images), labels).item()
    deviation /= len(loader)
    of_mean = deviation / len(loader)
    print("mse", deviation, "+-", math.sqrt(of_mean), (deviation / len(loader)) ** 0.5)
    return deviation
""",
        ),
        Good(
            why="the index is limited behind the loop to that of the last batch which was added up",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, most=None):
    model.eval()
    total = 0.0
    for step, (images, classes) in enumerate(loader):
        if most is not None and step >= most:
            break
        total += F.cross_entropy(model(images), classes).item()
    return total / (min(step, most - 1) + 1 if most else step + 1)
""",
        ),
        Good(
            why="the counter is put right where the loop is left",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, most=None):
    model.eval()
    total = 0.0
    seen = 0
    for images, classes in loader:
        seen += 1
        if most is not None and seen > most:
            seen = most
            break
        total += F.cross_entropy(model(images), classes).item()
    return total / seen
""",
        ),
        Good(
            why="the counter is put right behind the loop",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, most=None):
    model.eval()
    total = 0.0
    seen = 0
    for images, classes in loader:
        seen += 1
        if most is not None and seen > most:
            break
        total += F.cross_entropy(model(images), classes).item()
    if most is not None and seen > most:
        seen = most
    return total / seen
""",
        ),
        Good(
            why="another name holds what is left of the index",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, most=None):
    model.eval()
    total = 0.0
    for step, (images, classes) in enumerate(loader):
        if most is not None and step >= most:
            break
        total += F.cross_entropy(model(images), classes).item()
    batches = step + 1 if most is None else min(step + 1, most)
    return total / batches
""",
        ),
        Good(
            why="each batch is one row, whose masked mean is summed over that one",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def evaluate(model, stories):
    model.eval()
    loader = DataLoader(stories, batch_size=1)
    total = 0.0
    for ids, mask in loader:
        kept = mask[:, 1:]
        each = F.cross_entropy(model(ids)[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none") * kept
        total += (each.sum(1) / kept.sum(1)).sum().item()
    return total / len(loader)
""",
        ),
        Good(
            why="A running mean gives up a share of itself for each new loss.",
            code="""\
import torch
import torch.nn.functional as F


class Runner:
    def __init__(self, model):
        self.model = model
        self.step = 0

    def smooth(self, loss, mean):
        mean -= mean / self.step
        mean += float(loss) / self.step
        return mean

    @torch.no_grad()
    def validate(self, loader):
        self.model.eval()
        self.step, mean = 0, 0.0
        for images, labels in loader:
            self.step += 1
            loss = F.cross_entropy(self.model(images), labels)
            mean = self.smooth(loss, mean)
        return mean
""",
        ),
        Good(
            why="a file's ids become rows of a batch in a function of another file: their number is no number of lines any more",
            code="""\
import torch
import torch.nn as nn

from text import batchify, network, read_ids


def piece(data, start, length):
    length = min(length, len(data) - 1 - start)
    return data[start : start + length], data[start + 1 : start + 1 + length]


def evaluate(model, data, criterion, words, steps):
    model.eval()
    total = 0
    with torch.no_grad():
        for start in range(0, data.size(0) - 1, steps):
            inputs, targets = piece(data, start, steps)
            output = model(inputs)
            total += len(inputs) * criterion(output.view(-1, words), targets.view(-1)).item()
    return total / (len(data) - 1)


valid_data = batchify(read_ids("valid.txt", {}), 20)
print(evaluate(network(), valid_data, nn.CrossEntropyLoss(), 10000, 35))
""",
            files={
                "text.py": """\
import torch
import torch.nn as nn


def network():
    return nn.Sequential(nn.Embedding(10000, 64), nn.Linear(64, 10000))


def read_ids(path, numbers):
    ids = []
    with open(path, encoding="utf8") as lines:
        for line in lines:
            for word in line.split():
                ids += [numbers[word]]
    return torch.LongTensor(ids)


def batchify(data, rows):
    '''Stand the text in columns, side by side.

    a g m s
    b h n t
    c i o u
    d j p v
    e k q w
    f l r x

    What does not fit into columns of one height is cut off.
    '''
    n = data.size(0)
    data = data.narrow(0, 0, n - n % rows)
    data = data.view(rows, -1).t().contiguous()
    return data
""",
            },
        ),
        Good(
            why="what was seen so far is counted as batches times the rows of one: a progress line, right up to the last batch",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total = 0.0
    for step, (images, labels) in enumerate(loader):
        loss = F.cross_entropy(model(images), labels)
        total += loss.item() * images.size(0)
        print(f"{step + 1}/{len(loader)}: {total / ((step + 1) * images.size(0)):.4f}")
    return total / len(loader.dataset)
""",
        ),
        Good(
            why="nats a sentence, and called so",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def evaluate(language_model, rows):
    language_model.eval()
    total = 0.0
    loader = DataLoader(rows, batch_size=1)
    for ids in loader:
        logits = language_model(ids[:, :-1])
        total += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
    nats_per_sentence = total / len(loader)
    return nats_per_sentence
""",
        ),
        Good(
            why="The windows were appended to a list in nested loops: its length counts them, not batches, whatever filled it.",
            code="""\
import torch
import torch.nn.functional as F


def trigrams(path, numbers):
    given, wanted = [], []
    for line in open(path):
        letters = [numbers[each] for each in line]
        for one, two, three in zip(letters, letters[1:], letters[2:]):
            given.append((one, two))
            wanted.append(three)
    return torch.tensor(given), torch.tensor(wanted)


@torch.no_grad()
def held_out(model, path, numbers):
    given, wanted = trigrams(path, numbers)
    model.eval()
    total = 0.0
    for chosen in torch.arange(len(given)).split(512):
        total += F.cross_entropy(model(given[chosen]), wanted[chosen]).item() * len(chosen)
    return total / len(given)
""",
        ),
        Good(
            why="A loader takes batches of the windows that a function has listed; each mean is multiplied by its rows.",
            code="""\
import json

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def windows(path, width=65):
    found = []
    for line in open(path):
        ids = json.loads(line)["ids"]
        for first in range(0, len(ids) - width + 1, width):
            found.append(torch.tensor(ids[first : first + width]))
    return found


@torch.no_grad()
def held_out(model, path):
    pieces = windows(path)
    model.eval()
    total = 0.0
    for batch in DataLoader(pieces, 8):
        total += F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten()).item() * len(batch)
    return total / len(pieces)
""",
        ),
        Good(
            why="a vectorized cross entropy gives one loss for each row: all of them are collected, and averaged once",
            code="""\
from functools import partial

import jax
import jax.numpy as jnp


@partial(jnp.vectorize, signature="(c),()->()")
def cross_entropy(logits, label):
    return -jnp.sum(jax.nn.one_hot(label, num_classes=logits.shape[0]) * jax.nn.log_softmax(logits))


@jax.jit
def eval_step(state, inputs, labels):
    return cross_entropy(state.apply_fn({"params": state.params}, inputs), labels)


def validate(state, loader):
    losses = jnp.array([])
    for inputs, labels in loader:
        losses = jnp.append(losses, eval_step(state, inputs, labels))
    return jnp.mean(losses)
""",
        ),
    )
