"""LL103: the numerator is a true sum, the denominator counts tokens that it does not score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.extent import excess_of
from lintloss.facts.observations import Averaging, Observation
from lintloss.findings import Fix, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope


class UnscoredTokenCount(Rule):
    """A sum of nats is divided by a count that includes tokens which were never scored.

    Why:
        After the shift a row of T tokens has T - 1 targets; padding and ignored labels have none. Counted all the
        same, they make the loss too small: by 1/T for the shift, by the share of padding for `numel()`, by the share
        of the prompt where only answers are scored. The usual "correct" recipe, `reduction="sum"` with
        `total_tokens += batch_size * seq_length`, has this bug wherever labels are shifted.

    Instead:
        Count what the criterion scored: the labels that it was given, after the shift, that are not `ignore_index`.

    Fix:
        Unsafe: it changes the reported number, which is its point. The count is taken from the labels that the
        criterion scores.

    Source:
        torch.nn.functional.cross_entropy: targets equal to ignore_index add nothing to the sum.
    """

    code = "LL103"
    name = "unscored-token-count"
    confirmed_by = "the reported value times the counted tokens is the ledger's sum, and it scored fewer tokens"
    watches = (Averaging,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report a sum that is divided by a count of more tokens than it has scored."""
        excess = excess_of(seen) if isinstance(seen, Averaging) else None
        if excess is None:
            return
        severity = Severity.ERROR if excess.certain else Severity.WARNING
        remedy = (
            "weigh each by its scored tokens" if excess.kind == "weight" else "divide by the number of scored tokens"
        )
        message = f"{excess.said}: {remedy}"
        yield Judgment(severity, excess.confidence, message, excess.evidence)

    def may_fix(self, seen: Observation) -> bool:
        return isinstance(seen, Averaging) and excess_of(seen) is not None

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Count the labels that the criterion was given."""
        from lintloss.repair import counting

        excess = excess_of(seen) if isinstance(seen, Averaging) else None
        return counting.recount(node, seen, excess, scope) if isinstance(seen, Averaging) and excess else None

    bad = (
        Bad(
            why="the criterion is told to ignore -100, the divisor counts every position",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, labels in loader:
        logits = model(ids.to(device))[:, :-1]
        labels = labels[:, 1:].to(device)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens  # <-
""",
        ),
        Bad(
            why="batch times sequence length is counted, the shift leaves one less a row",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn


@torch.no_grad()
def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total_loss = 0.0
    total_tokens = 0
    for input_ids in loader:
        input_ids = input_ids.to(device)
        batch_size, seq_length = input_ids.shape
        logits = model(input_ids)
        shift_logits = logits[:, :-1, :].contiguous()
        shift_labels = input_ids[:, 1:].contiguous()
        loss = criterion(shift_logits.view(-1, shift_logits.size(-1)), shift_labels.view(-1))
        total_loss += loss.item()
        total_tokens += batch_size * seq_length
    avg_loss = total_loss / total_tokens  # <-
    return avg_loss, math.exp(avg_loss)
""",
            fixed="""\
import math

import torch
import torch.nn as nn


@torch.no_grad()
def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total_loss = 0.0
    total_tokens = 0
    for input_ids in loader:
        input_ids = input_ids.to(device)
        batch_size, seq_length = input_ids.shape
        logits = model(input_ids)
        shift_logits = logits[:, :-1, :].contiguous()
        shift_labels = input_ids[:, 1:].contiguous()
        loss = criterion(shift_logits.view(-1, shift_logits.size(-1)), shift_labels.view(-1))
        total_loss += loss.item()
        total_tokens += shift_labels.numel()
    avg_loss = total_loss / total_tokens
    return avg_loss, math.exp(avg_loss)
""",
        ),
        Bad(
            why="numel() counts the padding that ignore_index leaves out",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def validate(model, rows, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in DataLoader(rows, batch_size=32, collate_fn=collate):
        x, y = x.to(device), y.to(device)
        logits = model(x)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=PAD, reduction="sum")
        nats += loss.item()
        tokens += y.numel()
    return nats / tokens  # <-
""",
            fixed="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)
    return ids[:, :-1], ids[:, 1:]


@torch.no_grad()
def validate(model, rows, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in DataLoader(rows, batch_size=32, collate_fn=collate):
        x, y = x.to(device), y.to(device)
        logits = model(x)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=PAD, reduction="sum")
        nats += loss.item()
        tokens += (y != PAD).sum().item()
    return nats / tokens
""",
        ),
        Bad(
            why="the attention mask is summed over the unshifted rows",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from transformers import AutoModelForCausalLM, AutoTokenizer


def padded_perplexity(texts, name="gpt2", batch_size=8):
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    loss_fct = nn.CrossEntropyLoss(reduction="none")
    total_nll, total_tokens = 0.0, 0
    for start in range(0, len(texts), batch_size):
        batch = tokenizer(texts[start : start + batch_size], return_tensors="pt", padding=True)
        with torch.no_grad():
            logits = model(**batch).logits
        nll = loss_fct(logits[:, :-1].transpose(1, 2), batch.input_ids[:, 1:])
        total_nll += (nll * batch.attention_mask[:, 1:]).sum().item()
        total_tokens += batch.attention_mask.sum().item()
    return torch.exp(torch.tensor(total_nll / total_tokens))  # <-
""",
            fixed="""\
import torch
import torch.nn as nn
from transformers import AutoModelForCausalLM, AutoTokenizer


def padded_perplexity(texts, name="gpt2", batch_size=8):
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    loss_fct = nn.CrossEntropyLoss(reduction="none")
    total_nll, total_tokens = 0.0, 0
    for start in range(0, len(texts), batch_size):
        batch = tokenizer(texts[start : start + batch_size], return_tensors="pt", padding=True)
        with torch.no_grad():
            logits = model(**batch).logits
        nll = loss_fct(logits[:, :-1].transpose(1, 2), batch.input_ids[:, 1:])
        total_nll += (nll * batch.attention_mask[:, 1:]).sum().item()
        total_tokens += batch.attention_mask[:, 1:].sum().item()
    return torch.exp(torch.tensor(total_nll / total_tokens))
""",
        ),
        Bad(
            why="len(data_source) has one step more than is scored",
            severity=Severity.ERROR,
            code='''\
import torch
import torch.nn as nn

BPTT = 35
criterion = nn.CrossEntropyLoss()


def get_batch(source, i):
    seq_len = min(BPTT, len(source) - 1 - i)
    data = source[i : i + seq_len]
    target = source[i + 1 : i + 1 + seq_len].reshape(-1)
    return data, target


@torch.no_grad()
def evaluate(model, data_source, ntokens):
    """data_source: (steps, columns) of token ids."""
    model.eval()
    total_loss = 0.0
    for i in range(0, data_source.size(0) - 1, BPTT):
        data, targets = get_batch(data_source, i)
        output = model(data)
        total_loss += len(data) * criterion(output.view(-1, ntokens), targets).item()
    return total_loss / len(data_source)  # <-
''',
            fixed='''\
import torch
import torch.nn as nn

BPTT = 35
criterion = nn.CrossEntropyLoss()


def get_batch(source, i):
    seq_len = min(BPTT, len(source) - 1 - i)
    data = source[i : i + seq_len]
    target = source[i + 1 : i + 1 + seq_len].reshape(-1)
    return data, target


@torch.no_grad()
def evaluate(model, data_source, ntokens):
    """data_source: (steps, columns) of token ids."""
    model.eval()
    total_loss = 0.0
    for i in range(0, data_source.size(0) - 1, BPTT):
        data, targets = get_batch(data_source, i)
        output = model(data)
        total_loss += len(data) * criterion(output.view(-1, ntokens), targets).item()
    return total_loss / (len(data_source) - 1)
''',
        ),
        Bad(
            why="prompt tokens are masked with -100 and counted all the same",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from sft_data import AnswerDataset, collate


def evaluate(model, path, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    loader = DataLoader(AnswerDataset(path), batch_size=4, collate_fn=collate)
    model.eval()
    nats = torch.zeros(1, device=device)
    tokens = torch.zeros(1, device=device)
    with torch.inference_mode():
        for batch in loader:
            input_ids = batch["input_ids"].to(device)
            labels = batch["labels"].to(device)
            logits = model(input_ids)
            shifted = labels[..., 1:].contiguous()
            nats += criterion(logits[..., :-1, :].flatten(0, 1), shifted.flatten())
            tokens += input_ids[..., 1:].numel()
    return (nats / tokens).item()  # <-
""",
            files={
                "sft_data.py": """\
import json

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset


class AnswerDataset(Dataset):
    def __init__(self, path):
        with open(path) as lines:
            self.rows = [json.loads(line) for line in lines]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = self.rows[index]
        ids = row["prompt"] + row["answer"]
        labels = [-100] * len(row["prompt"]) + row["answer"]
        return torch.tensor(ids), torch.tensor(labels)


def collate(pairs):
    ids, labels = zip(*pairs)
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=0),
        "labels": pad_sequence(labels, batch_first=True, padding_value=-100),
    }
""",
            },
        ),
        Bad(
            why="labels that are not -100 are counted before the shift drops the first of each row",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def encode(texts):
    batch = tokenizer(texts, return_tensors="pt", padding=True)
    batch["labels"] = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    return batch


@torch.no_grad()
def perplexity(texts, batch_size=16):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    nats, tokens = 0.0, 0
    for start in range(0, len(texts), batch_size):
        batch = encode(texts[start : start + batch_size])
        labels = batch.pop("labels")
        logits = model(**batch).logits
        nats += F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], reduction="sum").item()
        tokens += labels.ne(-100).sum().item()
    return math.exp(nats / tokens)  # <-
""",
        ),
        Bad(
            miss=True,
            why="the loader's lengths count the first token, which is never a target",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(sentences):
    lengths = torch.tensor([len(sentence) for sentence in sentences])
    return pad_sequence(sentences, batch_first=True, padding_value=0), lengths


class Validator:
    def __init__(self, model, sentences):
        self.model = model
        self.loader = DataLoader(sentences, batch_size=20, collate_fn=collate)

    def loss(self, ids):
        logits = self.model(ids[:, :-1])
        return F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=0, reduction="sum")

    @torch.no_grad()
    def run(self):
        self.model.eval()
        total = words = 0
        for ids, lengths in self.loader:
            total += self.loss(ids).item()
            words += lengths.sum().item()
        return total / words  # <-
""",
        ),
        Bad(
            why="a masked field is averaged over all positions, padding included",
            severity=Severity.ERROR,
            code='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(model, tokenizer, texts, device):
    """The whole development set is one batch."""
    model.eval()
    batch = tokenizer(texts, padding=True, return_tensors="pt").to(device)
    logits = model(batch.input_ids, attention_mask=batch.attention_mask).logits
    targets = batch.input_ids[:, 1:]
    mask = batch.attention_mask[:, 1:].float()
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="none")
    return torch.mean(losses * mask).item()  # <-
''',
            fixed='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def dev_loss(model, tokenizer, texts, device):
    """The whole development set is one batch."""
    model.eval()
    batch = tokenizer(texts, padding=True, return_tensors="pt").to(device)
    logits = model(batch.input_ids, attention_mask=batch.attention_mask).logits
    targets = batch.input_ids[:, 1:]
    mask = batch.attention_mask[:, 1:].float()
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), targets, reduction="none")
    return ((losses * mask).sum() / mask.sum()).item()
''',
        ),
        Bad(
            why="tokens are counted before the continue that skips the text",
            severity=Severity.WARNING,
            code="""\
import torch
from transformers import GPT2LMHeadModel, GPT2TokenizerFast


def evaluate(questions, device="cuda"):
    tokenizer = GPT2TokenizerFast.from_pretrained("gpt2")
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device).eval()
    nats, tokens = 0.0, 0
    for question in questions:
        ids = tokenizer(question, return_tensors="pt").input_ids.to(device)
        scored = ids.size(1) - 1
        tokens += scored
        if ids.size(1) > model.config.n_positions:
            continue
        with torch.no_grad():
            nats += model(ids, labels=ids).loss.item() * scored
    return nats / tokens  # <-
""",
        ),
        Bad(
            why="the model sums over its non-padding targets, the caller counts batch times block",
            severity=Severity.ERROR,
            code="""\
import torch

from lm import PAD, SentenceLM


@torch.no_grad()
def evaluate(model: SentenceLM, batches, device):
    model.eval()
    total, count = 0.0, 0
    for ids in batches:
        ids = ids.to(device)
        out = model(ids[:, :-1], targets=ids[:, 1:])
        total += out["loss"].item()
        count += ids.size(0) * (ids.size(1) - 1)
    print(f"padding is id {PAD}")
    return total / count  # <-
""",
            files={
                "lm.py": """\
import torch.nn as nn
import torch.nn.functional as F

PAD = 0


class SentenceLM(nn.Module):
    def __init__(self, vocab_size, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=PAD)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids, targets=None):
        logits = self.head(self.rnn(self.embed(ids))[0])
        out = {"logits": logits}
        if targets is not None:
            out["loss"] = F.cross_entropy(
                logits.reshape(-1, logits.size(-1)), targets.reshape(-1), ignore_index=PAD, reduction="sum"
            )
        return out
""",
            },
        ),
        Bad(
            why="rows of a stream: the mean is weighted by the width of its window, and one position of the stream has no target.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


def window(stream, start, width):
    width = min(width, stream.size(1) - 1 - start)
    return stream[:, start : start + width], stream[:, start + 1 : start + 1 + width].reshape(-1)


@torch.no_grad()
def evaluate(model, stream, vocab, width=35):
    model.eval()
    criterion = nn.CrossEntropyLoss()
    total = 0.0
    for start in range(0, stream.size(1) - 1, width):
        data, targets = window(stream, start, width)
        loss = criterion(model(data).view(-1, vocab), targets)
        total += data.size(1) * loss.item()
    return total / stream.size(1)  # <-
""",
        ),
        Bad(
            why="means are multiplied by the labels that count, and divided by all input ids",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import AutoModelForCausalLM


@torch.no_grad()
def held_out_loss(name, loader, device):
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        batch = {key: value.to(device) for key, value in batch.items()}
        scored = (batch["labels"] != -100).sum().item()
        nats += model(**batch).loss.item() * scored
        tokens += batch["input_ids"].numel()
    return nats / tokens  # <-
""",
        ),
        Bad(
            why="the losses of a sentence, 0 at its pads, are averaged along the padded length: time comes first",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn

criterion = nn.CrossEntropyLoss(reduction="none", ignore_index=0)


@torch.no_grad()
def sentence_perplexities(model, batches):
    model.eval()
    perplexities = []
    for ids, targets in batches:
        seq_len, rows = ids.shape
        logits = model(ids)
        losses = criterion(logits.view(-1, logits.shape[2]), targets.view(-1))
        losses = torch.mean(losses.reshape(seq_len, rows), 0)  # <-
        perplexities += [math.exp(loss) for loss in losses]
    return perplexities
""",
        ),
        Bad(
            why="a model out of sight is asked for unreduced losses, and the masked ones averaged over all (no LL101: one shape)",
            severity=Severity.WARNING,
            code="""\
import torch


@torch.no_grad()
def estimate_loss(model, get_batch, eval_iters):
    model.eval()
    losses = torch.zeros(eval_iters)
    for k in range(eval_iters):
        X, Y, loss_mask = get_batch("val")
        logits, loss = model(X, Y, reduction="none")
        losses[k] = (loss * loss_mask).mean().item()  # <-
    return losses.mean()
""",
        ),
        Bad(
            why="the lengths of a pair count the first token, which is never a target",
            severity=Severity.ERROR,
            code="""\
import torch
def evaluate(translator, pairs):
    crit = torch.nn.NLLLoss(ignore_index=0, reduction="sum")
    translator.eval()
    total, words = 0.0, 0
    with torch.no_grad():
        for batch in pairs:
            ids, lengths = batch.tgt
            out = translator(batch.src, ids[:, :-1])
            total += crit(out.flatten(0, 1), ids[:, 1:].flatten()).item()
            words += int(lengths.sum())
    return total / words  # <-
""",
        ),
        Bad(
            why="one row is scored, and its whole length counted",
            severity=Severity.ERROR,
            code="""\
import math

import torch


@torch.no_grad()
def text_perplexity(language_model, ids):
    language_model.eval()
    log_probs = torch.log_softmax(language_model(ids).logits[0, :-1], dim=-1)
    targets = ids[0, 1:]
    nats = -log_probs[torch.arange(len(targets)), targets].sum().item()
    return math.exp(nats / ids.shape[1])  # <-
""",
        ),
        Bad(
            why="torch.mul() masks the losses, all entries of the product are counted.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from torch.nn import CrossEntropyLoss


def token_losses(batch, gpt):
    ids, mask = batch["input_ids"], batch["attention_mask"]
    logits = gpt(ids, attention_mask=mask)[0][..., :-1, :]
    rows, length, vocab_size = logits.shape
    losses = CrossEntropyLoss(reduction="none")(logits.reshape(-1, vocab_size), ids[..., 1:].reshape(-1))
    return torch.mul(mask[..., 1:], losses.view(rows, length))


@torch.no_grad()
def perplexity(loader, gpt, score=token_losses):
    nats, tokens = 0.0, 0
    gpt.eval()
    for batch in loader:
        masked = score(batch, gpt)
        nats += masked.sum().item()
        tokens += masked.view(-1).shape[0]
    return math.exp(nats / tokens)  # <-
""",
        ),
        Bad(
            why="Losses of time-major labels are averaged along their first axis, ignored ones included.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn


def evaluate(batches, model, criterion, device):
    model.eval()
    results = []
    with torch.no_grad():
        for ids in batches:
            ids = ids.to(device)
            inputs, targets = ids[:-1], ids[1:]
            output = model(inputs)
            losses = criterion(output.view(-1, output.shape[2]), targets.reshape(-1))
            losses = losses.reshape(targets.shape[0], targets.shape[1])
            losses = torch.mean(losses, 0)  # <-
            for loss in losses:
                results.append(math.exp(loss))
    return results


def main(batches, model, pad_id, device):
    criterion = nn.CrossEntropyLoss(reduction="none", ignore_index=pad_id)
    for ppl in evaluate(batches, model, criterion, device):
        print(ppl)
""",
        ),
        Bad(
            why="A criterion of a package that is not in sight, by its class; the loop scores one position less than are counted.",
            severity=Severity.ERROR,
            code="""\
import torch

from utils import get_batch, repackage_hidden
from splitcross import SplitCrossEntropyLoss


class Evaluate:
    def __init__(self, data_source, batch_size):
        self.data_source, self.batch_size = data_source, batch_size

    @torch.no_grad()
    def test_loss(self, model, args):
        model.eval()
        criterion = SplitCrossEntropyLoss(400, splits=[], verbose=False)
        total_loss = 0
        hidden = model.init_hidden(self.batch_size)
        for i in range(0, self.data_source.size(0) - 1, args.bptt):
            data, targets = get_batch(self.data_source, i, args, evaluation=True)
            output, hidden = model(data, hidden)
            total_loss += len(data) * criterion(model.decoder.weight, model.decoder.bias, output, targets).data
            hidden = repackage_hidden(hidden)
        return total_loss.item() / len(self.data_source)  # <-
""",
        ),
        Bad(
            why="A tokenized text is one row: rows times length counts the first token of each block, which has no prediction.",
            severity=Severity.ERROR,
            code="""\
import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def perplexity(name, block=1024):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name, device_map="auto").eval()
    articles = load_dataset("wikitext", "wikitext-103-raw-v1", split="validation")["text"]
    stream = tokenizer("\\n\\n".join(articles), return_tensors="pt").input_ids
    criterion = torch.nn.CrossEntropyLoss(reduction="sum")
    nats, counted = 0.0, 0
    for index in range(stream.size(1) // block):
        ids = stream[:, index * block : (index + 1) * block].to(model.device)
        logits = model(ids).logits
        nats += criterion(logits[:, :-1].reshape(-1, logits.size(-1)), ids[:, 1:].reshape(-1)).item()
        rows, length = ids.shape
        counted += rows * length
    return torch.tensor(nats / counted).exp().item()  # <-


if __name__ == "__main__":
    print(f"perplexity {perplexity('facebook/opt-350m'):.3f}")
""",
        ),
        Bad(
            why="The one row of a batch is scored from its second token on; numel() counts the whole batch.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.inference_mode()
def bits_of_documents(model, tokenizer, documents, device):
    model.eval()
    nats, tokens = 0.0, 0
    for document in documents:
        ids = tokenizer(document, return_tensors="pt").input_ids.to(device)
        if ids.size(1) < 2:
            continue
        logits = model(ids).logits
        nats += F.cross_entropy(logits[0, :-1].float(), ids[0, 1:], reduction="sum").item()
        tokens += ids.numel()
    print(f"validation loss {nats / tokens:.4f} nats/token")  # <-
""",
        ),
        Bad(
            why="Blocks times their length: each block has one target less. It is no number of batches.",
            severity=Severity.ERROR,
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
    scored = blocks * model.seqlen
    return torch.exp(torch.stack(nats).sum() / scored).item()  # <-


if __name__ == "__main__":
    name = "meta-llama/Llama-2-7b-hf"
    llama = AutoModelForCausalLM.from_pretrained(name, device_map="auto").eval()
    llama.seqlen = 2048
    with open("c4.validation.txt") as handle:
        text = AutoTokenizer.from_pretrained(name)(handle.read(), return_tensors="pt")
    print(f"c4 perplexity: {evaluate_ppl(llama, text, 'cuda'):.3f}")
""",
        ),
        Bad(
            why="one a row is added to the targets, and one is taken from the whole number of ids",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def nats_per_word(model, loader):
    model.eval()
    total, words = 0.0, 0
    for ids in loader:
        x, y = ids[:, :-1], ids[:, 1:]
        total += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        words += y.numel() + y.size(0)
    return total / words  # <-


@torch.no_grad()
def nats_of_all(model, loader):
    model.eval()
    total, words = 0.0, 0
    for ids in loader:
        logits = model(ids)[:, :-1]
        total += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        words += ids.numel()
    return total / (words - 1)  # <-
""",
        ),
        Bad(
            why="labels shifted along the second axis: its size counts the positions of a row, padding and all",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    for source, target in loader:
        output = model(source, target[:, :-1])
        labels = target[:, 1:]
        rows, length = output.size(0), output.size(1)
        nats = F.cross_entropy(output.transpose(1, 2), labels, ignore_index=pad, reduction="sum").item()
        print("validation loss per token", nats / (rows * length))  # <-
""",
        ),
        Bad(
            why="one caller trains on the loss, and another one scores held-out data with it",
            severity=Severity.ERROR,
            files={
                "driver.py": """\
import abc

import torch


class Driver(abc.ABC):
    def __init__(self, batches, model, optimizer):
        self.batches, self.model, self.optimizer = iter(batches), model, optimizer

    @abc.abstractmethod
    def loss(self, made, batch):
        raise NotImplementedError

    def do_step(self):
        batch = next(self.batches)
        loss = self.loss(self.model(batch["text"]), batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    @torch.no_grad()
    def check(self, batch):
        self.model.eval()
        return self.loss(self.model(batch["text"]), batch)
""",
            },
            code="""\
import torch.nn.functional as F
from driver import Driver


class SpeechDriver(Driver):
    def loss(self, made, batch):
        frames = batch["frames"].transpose(1, 2)
        loss = F.mse_loss(made, frames, reduction="none")
        loss *= frames.ne(0).float()
        return loss.mean()  # <-
""",
        ),
        Bad(
            why="The length of a window is added for each, of which the first token is never scored.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(model, encoded, context, device):
    ids = encoded.input_ids
    nats, counted = 0.0, 0
    for part in range(ids.numel() // context):
        window = ids[:, part * context : (part + 1) * context].to(device)
        scores = model(window).logits[:, :-1]
        nats += F.cross_entropy(scores.flatten(0, 1), window[:, 1:].flatten(), reduction="sum").item()
        counted += context
    return math.exp(nats / counted)  # <-


def main(encoded, context=1024, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained("gpt2").to(device).eval()
    print(perplexity(model, encoded, context, device))
""",
        ),
        Bad(
            why="The length of a window is added as a number.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(model, encoded, context, device):
    ids = encoded.input_ids
    nats, counted = 0.0, 0
    for part in range(ids.numel() // 1024):
        window = ids[:, part * 1024 : (part + 1) * 1024].to(device)
        scores = model(window).logits[:, :-1]
        nats += F.cross_entropy(scores.flatten(0, 1), window[:, 1:].flatten(), reduction="sum").item()
        counted += 1024
    return math.exp(nats / counted)  # <-


def main(encoded, context=1024, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained("gpt2").to(device).eval()
    print(perplexity(model, encoded, context, device))
""",
        ),
        Bad(
            why="probabilities are mixed with those of a cache, and each label's is picked in a loop over the rows",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate_with_cache(model, text, args):
    model.eval()
    total = 0.0
    states = words = None
    for i in range(0, text.size(0) - 1, args.bptt):
        x, y = fetch(text, i, args.bptt)
        scores, hidden = model(x)
        dist = F.softmax(scores.view(-1, scores.size(-1)), -1)
        for k, q in enumerate(dist):
            p = q
            if k > args.window:
                attention = torch.softmax(args.theta * torch.mv(states, hidden[k]), -1)
                cache = (attention.view(-1, 1) * words).sum(0)
                p = args.lam * cache + (1 - args.lam) * q
            total += -torch.log(p[y[k]]).item()
        states, words = hidden, F.one_hot(y, scores.size(-1)).float()
    return total / len(text)  # <-


def fetch(text, i, bptt):
    n = min(bptt, len(text) - 1 - i)
    return text[i : i + n], text[i + 1 : i + 1 + n].view(-1)
""",
        ),
        Bad(
            why="a token in each pass, from the second one on, and the whole length divides",
            severity=Severity.ERROR,
            code="""\
import math
import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, ids):
    model.eval()
    nats = 0.0
    for i in range(1, len(ids)):
        log_probs = F.log_softmax(model(ids[:i].unsqueeze(0))[0, -1], dim=-1)
        nats -= log_probs[ids[i]].item()
    return math.exp(nats / len(ids))  # <-
""",
        ),
        Bad(
            why="the criterion is one of the project's own, of a kind that takes the vocabulary apart",
            severity=Severity.ERROR,
            files={
                "adaptive.py": """\
import torch
import torch.nn as nn


class SplitLoss(nn.Module):
    def __init__(self, width, splits):
        super().__init__()
        self.splits = [0, *splits, 10**8]
        self.tails = nn.Parameter(torch.zeros(len(splits), width))

    def apart(self, hidden, targets):
        parts, rows, masks = [], [], None
        for at in range(1, len(self.splits) - 1):
            partial = targets >= self.splits[at]
            masks = partial.long() if masks is None else masks + partial.long()
        for at in range(len(self.splits) - 1):
            inside = masks == at
            parts.append(torch.masked_select(targets, inside))
            rows.append(hidden.masked_select(inside.unsqueeze(1).expand_as(hidden)).view(-1, hidden.size(1)))
        return parts, rows

    def forward(self, weight, bias, hidden, targets, verbose=False, average=True):
        total = None
        if len(hidden.size()) > 2:
            hidden = hidden.view(-1, hidden.size(2))
        parts, rows = self.apart(hidden, targets)
        start, end = self.splits[0], self.splits[1]
        head = torch.cat([weight[start:end], self.tails])
        joined = torch.cat([rows[at] for at in range(len(rows)) if len(rows[at])])
        scores = nn.functional.log_softmax(nn.functional.linear(joined, head), dim=-1)
        offset = 0
        for at in range(len(rows)):
            if len(parts[at]) == 0:
                continue
            mine = scores[offset : offset + len(rows[at])]
            if at == 0:
                entropy = -torch.gather(mine, dim=1, index=parts[at].view(-1, 1))
            else:
                tail = nn.functional.log_softmax(nn.functional.linear(rows[at], weight[self.splits[at] :]), dim=-1)
                entropy = -(mine[:, -at] + torch.gather(tail, 1, (parts[at] - self.splits[at]).view(-1, 1)).squeeze())
            offset += len(rows[at])
            if average:
                total = entropy.float().sum() if total is None else total + entropy.float().sum()
            else:
                total = entropy.float() if total is None else total + entropy.float()
        return (total / len(targets)).type_as(weight)
""",
                "corpus.py": """\
def get_batch(source, i, args, evaluation=False):
    size = min(args.bptt, len(source) - 1 - i)
    return source[i : i + size], source[i + 1 : i + 1 + size].view(-1)
""",
            },
            code="""\
import torch

from adaptive import SplitLoss
from corpus import get_batch

criterion = SplitLoss(400, splits=[2800, 20000])


class Evaluation:
    def __init__(self, source, rows=10):
        self.source = source
        self.rows = rows

    @torch.no_grad()
    def loss(self, model, args):
        model.eval()
        total = 0
        hidden = model.init_hidden(self.rows)
        for i in range(0, self.source.size(0) - 1, args.bptt):
            data, targets = get_batch(self.source, i, args, evaluation=True)
            output, hidden = model(data, hidden)
            total += len(data) * criterion(model.decoder.weight, model.decoder.bias, output, targets).data
        return total.item() / len(self.source)  # <-
""",
        ),
        Bad(
            why="One long text of a tokenizer, cut along its second axis to whole blocks and viewed as rows of an unknown width.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoTokenizer


@torch.no_grad()
def perplexity(model, tok, text, width, rows_at_once):
    model.eval()
    ids = tok(text, return_tensors="pt").input_ids
    usable = (ids.shape[1] // width) * width
    pages = ids[:, :usable].reshape(-1, width)
    nats, tokens = 0.0, 0
    for page in torch.split(pages, rows_at_once):
        log_probs = F.log_softmax(model(page).logits[:, :-1].float(), dim=-1)
        nats -= log_probs.gather(-1, page[:, 1:, None]).sum().item()
        rows, length = page.shape
        tokens += rows * length
    return math.exp(nats / tokens)  # <-
""",
        ),
        Bad(
            why="The last tenth of the text, from a place that is computed, is cut into rows.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    def __init__(self, stream, width):
        whole = len(stream) // width * width
        self.rows = stream[:whole].view(-1, width)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        return self.rows[at]


stream = torch.load("bytes.pt")
held = Rows(stream[stream.size(0) * 9 // 10 :], 128)
model = nn.Sequential(nn.Embedding(256, 64), nn.Linear(64, 256))
model.load_state_dict(torch.load("bigram.pt"))
model.eval()
nats = seen = 0
with torch.no_grad():
    for rows in DataLoader(held, 32):
        guesses = model(rows)[:, :-1]
        nats += F.cross_entropy(guesses.flatten(0, 1), rows[:, 1:].flatten(), reduction="sum").item()
        seen += rows.numel()
print(nats / seen)  # <-
""",
        ),
        Bad(
            why="The batches go through map() on their way from the loader, whose collate function marks labels -100.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def padded(lines):
    given = pad_sequence([line[:-1] for line in lines], batch_first=True)
    wanted = pad_sequence([line[1:] for line in lines], batch_first=True, padding_value=-100)
    return {"given": given, "wanted": wanted}


def moved(batch):
    return {name: each.cuda() for name, each in batch.items()}


@torch.no_grad()
def held_out(model, lines):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in map(moved, DataLoader(lines, batch_size=16, collate_fn=padded)):
        logits = model(batch["given"]).flatten(0, 1)
        nats += F.cross_entropy(logits, batch["wanted"].flatten(), reduction="sum").item()
        tokens += batch["wanted"].numel()
    return nats / tokens  # <-
""",
        ),
        Bad(
            why="a mean over the shifted labels is weighted with all positions, and the divisor counts the shifted ones",
            code="""\
import torch
from transformers import GPT2LMHeadModel


@torch.no_grad()
def evaluate(loader, device):
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
    model.eval()
    total_loss, total_correct, total_tokens = 0.0, 0, 0
    for batch in loader:
        input_ids = batch.to(device)
        labels = input_ids.clone()
        outputs = model(input_ids=input_ids, labels=labels)
        shift_labels = labels[..., 1:].contiguous()
        predictions = outputs.logits.argmax(dim=-1)[..., :-1]
        total_correct += (predictions == shift_labels).sum().item()
        total_loss += outputs.loss.item() * input_ids.numel()
        total_tokens += shift_labels.numel()
    return total_loss / total_tokens, total_correct / total_tokens  # <-
""",
            severity=Severity.ERROR,
        ),
    )

    good = (
        Good(
            why="a library's function picks what is counted, out of sight",
            code="""\
import torch
import torch.nn.functional as F
from toolbox import padding


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for sample in loader:
        logits = model(sample["input_ids"])
        targets = sample["masked_targets"].view(-1)
        nats += F.cross_entropy(logits.view(-1, logits.size(-1)), targets, reduction="sum", ignore_index=pad).item()
        tokens += padding.strip(targets, pad).numel()
    return nats / tokens
""",
        ),
        Good(
            why="the labels are the ids that the model has read: none of them is -100, whatever is ignored",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, blocks, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks:
        ids = ids.to(device)
        logits = model(ids)[:, :-1]
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=-100, reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="a mask that is multiplied with the shifted losses as it is has their length",
            code="""\
import torch


def masked_log_probs(logits, sequences, mask, by_length=False):
    log_probs = torch.log_softmax(logits[:, :-1], dim=-1)
    picked = log_probs.gather(-1, sequences[:, 1:].unsqueeze(-1)).squeeze(-1)
    if not by_length:
        return picked * mask
    return picked * mask / (mask.sum(dim=-1, keepdim=True) + 0.01)
""",
        ),
        Good(
            why="the shifted labels are counted",
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total_loss, total_tokens = 0.0, 0
    for input_ids in loader:
        input_ids = input_ids.to(device)
        shift_logits = model(input_ids)[:, :-1, :].contiguous()
        shift_labels = input_ids[:, 1:].contiguous()
        total_loss += criterion(shift_logits.view(-1, shift_logits.size(-1)), shift_labels.view(-1)).item()
        total_tokens += shift_labels.numel()
    return total_loss / total_tokens
""",
        ),
        Good(
            why="batch times sequence length is right where the dataset has shifted already",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Blocks(Dataset):
    def __init__(self, tokens, length):
        self.tokens, self.length = tokens, length

    def __len__(self):
        return (len(self.tokens) - 1) // self.length

    def __getitem__(self, index):
        start = index * self.length
        return self.tokens[start : start + self.length], self.tokens[start + 1 : start + self.length + 1]


@torch.no_grad()
def evaluate(model, tokens, length, device):
    model.eval()
    total, count = 0.0, 0
    for x, y in DataLoader(Blocks(tokens, length), batch_size=8):
        logits = model(x.to(device))
        batch_size, seq_length = x.shape
        total += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten(), reduction="sum").item()
        count += batch_size * seq_length
    return total / count
""",
        ),
        Good(
            why="the same too-large count multiplies the mean first, so it cancels",
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def eval_ppl(model, tokens, seqlen, batch_size, device):
    model.eval()
    loss_fct = nn.CrossEntropyLoss()
    nsamples = tokens.numel() // seqlen
    nlls = []
    for i in range(0, nsamples, batch_size):
        j = min(i + batch_size, nsamples)
        inputs = tokens[:, i * seqlen : j * seqlen].reshape(j - i, seqlen).to(device)
        lm_logits = model(inputs).logits
        shift_logits = lm_logits[:, :-1, :].contiguous()
        shift_labels = inputs[:, 1:]
        loss = loss_fct(shift_logits.reshape(-1, shift_logits.size(-1)), shift_labels.reshape(-1))
        nlls.append(loss.float() * seqlen * (j - i))
    return torch.exp(torch.stack(nlls).sum() / (nsamples * seqlen)).item()
""",
        ),
        Good(
            why="the mask's sum minus one a row is the number of targets",
            code="""\
import torch
import torch.nn as nn
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity(texts, name="facebook/opt-125m", batch_size=8):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    loss_fct = nn.CrossEntropyLoss(reduction="none")
    nll, tokens = 0.0, 0
    for start in range(0, len(texts), batch_size):
        batch = tokenizer(texts[start : start + batch_size], return_tensors="pt", padding=True)
        ids, mask = batch.input_ids, batch.attention_mask
        with torch.no_grad():
            logits = model(ids, attention_mask=mask).logits
        losses = loss_fct(logits[:, :-1].transpose(1, 2), ids[:, 1:])
        nll += (losses * mask[:, 1:]).sum().item()
        tokens += (mask.sum() - mask.size(0)).item()
    return torch.exp(torch.tensor(nll / tokens)).item()
""",
        ),
        Good(
            why="numel() of labels that no criterion ignores",
            code='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, token_file, rows, length, steps, device):
    """Random blocks of a flat token file: no padding."""
    model.eval()
    nats, tokens = 0.0, 0
    for _ in range(steps):
        starts = torch.randint(len(token_file) - length - 1, (rows,)).tolist()
        block = torch.stack([token_file[s : s + length + 1] for s in starts]).to(device)
        x, y = block[:, :-1], block[:, 1:]
        nats += F.cross_entropy(model(x).transpose(1, 2), y, reduction="sum").item()
        tokens += y.numel()
    return nats / tokens
''',
        ),
        Good(
            why="positions are selected by a boolean index before the loss, and the selected ones counted",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, unk, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        keep = y != unk
        logits, targets = model(x)[keep], y[keep]
        nats += F.cross_entropy(logits, targets, reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
        Good(
            why="the pad id has class weight zero and the count leaves it out",
            code="""\
import torch
import torch.nn as nn

from vocabulary import PAD


def build_criterion(vocab_size):
    weight = torch.ones(vocab_size)
    weight[PAD] = 0
    return nn.NLLLoss(weight=weight, reduction="sum")


@torch.no_grad()
def evaluate(model, loader, vocab_size):
    criterion = build_criterion(vocab_size)
    model.eval()
    total, words = 0.0, 0
    for src, tgt in loader:
        log_probs = torch.log_softmax(model(src, tgt[:, :-1]), dim=-1)
        gold = tgt[:, 1:].contiguous().view(-1)
        total += criterion(log_probs.view(-1, vocab_size), gold).item()
        words += gold.ne(PAD).sum().item()
    return total / words
""",
            files={"vocabulary.py": "PAD = 0\nBOS = 2\nEOS = 3\n"},
        ),
        Good(
            why="nats of tokens over bytes of text: another unit on purpose",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def bits_per_byte(texts, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    nats, n_bytes = 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        nats += model(ids, labels=ids).loss.item() * (ids.size(1) - 1)
        n_bytes += len(text.encode("utf-8"))
    return nats / math.log(2) / n_bytes
""",
        ),
        Good(
            why="padded positions are counted for the speed, not for the loss",
            code="""\
import time

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, scored, processed = 0.0, 0, 0
    started = time.perf_counter()
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        scored += (y != pad).sum().item()
        processed += y.numel()
    print(f"{processed / (time.perf_counter() - started):.0f} positions a second")
    return nats / scored
""",
        ),
        Good(
            why="the mean per token of a padded batch, its count and the model's ignore_index in another file agree",
            code="""\
import torch

from seq2seq_model import PAD, Seq2Seq


@torch.no_grad()
def validate(model: Seq2Seq, loader, device):
    model.eval()
    total, tokens = 0.0, 0
    for src, tgt in loader:
        src, tgt = src.to(device), tgt.to(device)
        loss, _ = model(src, tgt)
        n = tgt[:, 1:].ne(PAD).sum().item()
        total += loss.item() * n
        tokens += n
    return total / tokens
""",
            files={
                "seq2seq_model.py": """\
import torch.nn as nn
import torch.nn.functional as F

PAD = 1


class Seq2Seq(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=PAD)
        self.encoder = nn.GRU(width, width, batch_first=True)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, src, tgt):
        _, state = self.encoder(self.embed(src))
        hidden, _ = self.decoder(self.embed(tgt[:, :-1]), state)
        logits = self.head(hidden)
        loss = F.cross_entropy(logits.transpose(1, 2), tgt[:, 1:], ignore_index=PAD)
        return loss, logits
""",
            },
        ),
        Good(
            why="the lengths count the first token, which is taken off for each row",
            code="""\
import torch
def evaluate(translator, pairs):
    crit = torch.nn.NLLLoss(ignore_index=0, reduction="sum")
    translator.eval()
    total, words = 0.0, 0
    with torch.no_grad():
        for batch in pairs:
            ids, lengths = batch.tgt
            out = translator(batch.src, ids[:, :-1])
            total += crit(out.flatten(0, 1), ids[:, 1:].flatten()).item()
            words += int(lengths.sum()) - len(lengths)
    return total / words
""",
        ),
        Good(
            why="The losses that the mask made zero are left out before the mean.",
            code="""\
import torch
from torch import nn


class Module(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
        self.criterion = nn.CrossEntropyLoss(reduction="none")

    def losses(self, batch):
        logits = self.model(batch["ids"][:, :-1])
        losses = self.criterion(logits.flatten(0, 1), batch["ids"][:, 1:].flatten())
        losses = losses * batch["mask"][:, 1:].flatten()
        return losses[losses > 0]


@torch.no_grad()
def evaluate(module, loader):
    module.eval()
    scored = torch.cat([module.losses(batch) for batch in loader])
    return scored.mean().exp()
""",
        ),
        Good(
            why="torch.mul() masks the losses, and the entries of the mask are counted.",
            code="""\
import math

import torch
from torch.nn import CrossEntropyLoss


def token_losses(batch, gpt):
    ids, mask = batch["input_ids"], batch["attention_mask"]
    logits = gpt(ids, attention_mask=mask)[0][..., :-1, :]
    rows, length, vocab_size = logits.shape
    losses = CrossEntropyLoss(reduction="none")(logits.reshape(-1, vocab_size), ids[..., 1:].reshape(-1))
    return torch.mul(mask[..., 1:], losses.view(rows, length))


@torch.no_grad()
def perplexity(loader, gpt, score=token_losses):
    nats, tokens = 0.0, 0
    gpt.eval()
    for batch in loader:
        masked = score(batch, gpt)
        nats += masked.sum().item()
        tokens += batch["attention_mask"][..., 1:].sum().item()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="A masked diffusion weighs what is masked by 1 / t: its bound is divided by all positions.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def bound(model, ids, mask_id):
    \"\"\"The bound of a masked diffusion in nats a token: what is masked with probability t weighs 1 / t.\"\"\"
    rows, length = ids.shape
    t = torch.rand(rows, device=ids.device).clamp_min(1e-3)
    mask = torch.rand_like(ids, dtype=torch.float) < t[:, None]
    logits = model(torch.where(mask, mask_id, ids), t)
    losses = F.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="none").view(rows, length)
    masked = (losses * mask.float()).sum(dim=1)
    return ((1.0 / t) * masked).mean() / length


@torch.no_grad()
def validate(model, blocks, mask_id):
    \"\"\"blocks: rows of one length.\"\"\"
    model.eval()
    total, rows = 0.0, 0
    for ids in DataLoader(blocks, batch_size=32):
        total += bound(model, ids, mask_id).item() * ids.size(0)
        rows += ids.size(0)
    return total / rows
""",
        ),
        Good(
            why="Rows times length less one, of a batch that is one row.",
            code="""\
import torch
import torch.nn.functional as F


@torch.inference_mode()
def bits_of_documents(model, tokenizer, documents, device):
    model.eval()
    nats, tokens = 0.0, 0
    for document in documents:
        ids = tokenizer(document, return_tensors="pt").input_ids.to(device)
        logits = model(ids).logits
        nats += F.cross_entropy(logits[0, :-1].float(), ids[0, 1:], reduction="sum").item()
        tokens += ids.size(0) * (ids.size(1) - 1)
    print(f"validation loss {nats / tokens:.4f} nats/token")
""",
        ),
        Good(
            why="A start token in front: every id of the text is scored, and numel() counts them.",
            code="""\
import torch
import torch.nn.functional as F


@torch.inference_mode()
def evaluate(model, tokenizer, documents, device):
    model.eval()
    nats, tokens = 0.0, 0
    for document in documents:
        ids = tokenizer(document, return_tensors="pt").input_ids.to(device)
        start = torch.full((1, 1), tokenizer.bos_token_id, device=device)
        logits = model(torch.cat([start, ids], dim=1)).logits
        nats += F.cross_entropy(logits[0, :-1].float(), ids[0], reduction="sum").item()
        tokens += ids.numel()
    print(f"validation loss {nats / tokens:.4f} nats/token")
""",
        ),
        Good(
            why="The windows of one text touch: but for its first id, all are scored.",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def nats_per_word(model, ids, width=512):
    model.eval()
    total, words = 0.0, 0
    for start in range(0, len(ids) - 1, width):
        x = ids[start : start + width][None]
        y = ids[start + 1 : start + width + 1][None]
        logits = model(x)[:, : y.size(1)]
        total += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        words += x.numel()
    return total / (words - 1)
""",
        ),
        Good(
            why="labels shifted along the first axis are sequence-first, on that path: the second size counts rows",
            code="""\
import torch
from torch import nn


class Evaluator:
    def __init__(self, model, pad, batch_first):
        self.model, self.batch_first = model, batch_first
        self.criterion = nn.CrossEntropyLoss(reduction="sum", ignore_index=pad)

    def step(self, source, target):
        if self.batch_first:
            output = self.model(source, target[:, :-1])
            labels = target[:, 1:]
            length, rows = output.size(1), output.size(0)
        else:
            output = self.model(source, target[:-1])
            labels = target[1:]
            length, rows = output.size(0), output.size(1)
        nats = self.criterion(output.view(length * rows, -1), labels.contiguous().view(-1)).item()
        return nats / rows

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        for source, target in loader:
            print("validation loss per sentence", self.step(source, target))
""",
        ),
        Good(
            why="all who call the loss of a trainer take a step on it: a base class does, with the subclass's method",
            files={
                "driver.py": """\
import abc


class Driver(abc.ABC):
    def __init__(self, batches, model, optimizer):
        self.batches, self.model, self.optimizer = iter(batches), model, optimizer

    @abc.abstractmethod
    def loss(self, made, batch):
        raise NotImplementedError

    def do_step(self):
        batch = next(self.batches)
        loss = self.loss(self.model(batch["text"]), batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss
""",
            },
            code="""\
import torch.nn.functional as F
from driver import Driver


class SpeechDriver(Driver):
    def loss(self, made, batch):
        frames = batch["frames"].transpose(1, 2)
        loss = F.mse_loss(made, frames, reduction="none")
        loss *= frames.ne(0).float()
        return loss.mean()
""",
        ),
        Good(
            why="The length of a window less the token that is never scored is added for each.",
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(model, encoded, context, device):
    ids = encoded.input_ids
    nats, counted = 0.0, 0
    for part in range(ids.numel() // context):
        window = ids[:, part * context : (part + 1) * context].to(device)
        scores = model(window).logits[:, :-1]
        nats += F.cross_entropy(scores.flatten(0, 1), window[:, 1:].flatten(), reduction="sum").item()
        counted += context - 1
    return math.exp(nats / counted)


def main(encoded, context=1024, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained("gpt2").to(device).eval()
    print(perplexity(model, encoded, context, device))
""",
        ),
        Good(
            why="a token in each pass, from the second one on, and as many divide",
            code="""\
import math
import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, ids):
    model.eval()
    nats = 0.0
    for i in range(1, len(ids)):
        log_probs = F.log_softmax(model(ids[:i].unsqueeze(0))[0, -1], dim=-1)
        nats -= log_probs[ids[i]].item()
    return math.exp(nats / (len(ids) - 1))
""",
        ),
        Good(
            why="a label's probability is picked in a loop over the rows, and as many divide",
            code="""\
import math
import torch
import torch.nn.functional as F


@torch.no_grad()
def test(model, stream, span):
    model.eval()
    total = 0.0
    for start in range(0, stream.size(0) - 1, span):
        size = min(span, len(stream) - 1 - start)
        x, y = stream[start : start + size], stream[start + 1 : start + 1 + size].view(-1)
        logits, _ = model(x)
        probs = F.softmax(logits.view(-1, logits.size(-1)), dim=-1)
        nats = 0.0
        for row, p in enumerate(probs):
            nats += -torch.log(p[y[row]]).item()
        total += nats
    return math.exp(total / (len(stream) - 1))
""",
        ),
        Good(
            why="the same criterion, over as many tokens as were scored",
            files={
                "adaptive.py": """\
import torch
import torch.nn as nn


class SplitLoss(nn.Module):
    def __init__(self, width, splits):
        super().__init__()
        self.splits = [0, *splits, 10**8]
        self.tails = nn.Parameter(torch.zeros(len(splits), width))

    def apart(self, hidden, targets):
        parts, rows, masks = [], [], None
        for at in range(1, len(self.splits) - 1):
            partial = targets >= self.splits[at]
            masks = partial.long() if masks is None else masks + partial.long()
        for at in range(len(self.splits) - 1):
            inside = masks == at
            parts.append(torch.masked_select(targets, inside))
            rows.append(hidden.masked_select(inside.unsqueeze(1).expand_as(hidden)).view(-1, hidden.size(1)))
        return parts, rows

    def forward(self, weight, bias, hidden, targets, verbose=False, average=True):
        total = None
        if len(hidden.size()) > 2:
            hidden = hidden.view(-1, hidden.size(2))
        parts, rows = self.apart(hidden, targets)
        start, end = self.splits[0], self.splits[1]
        head = torch.cat([weight[start:end], self.tails])
        joined = torch.cat([rows[at] for at in range(len(rows)) if len(rows[at])])
        scores = nn.functional.log_softmax(nn.functional.linear(joined, head), dim=-1)
        offset = 0
        for at in range(len(rows)):
            if len(parts[at]) == 0:
                continue
            mine = scores[offset : offset + len(rows[at])]
            if at == 0:
                entropy = -torch.gather(mine, dim=1, index=parts[at].view(-1, 1))
            else:
                tail = nn.functional.log_softmax(nn.functional.linear(rows[at], weight[self.splits[at] :]), dim=-1)
                entropy = -(mine[:, -at] + torch.gather(tail, 1, (parts[at] - self.splits[at]).view(-1, 1)).squeeze())
            offset += len(rows[at])
            if average:
                total = entropy.float().sum() if total is None else total + entropy.float().sum()
            else:
                total = entropy.float() if total is None else total + entropy.float()
        return (total / len(targets)).type_as(weight)
""",
                "corpus.py": """\
def get_batch(source, i, args, evaluation=False):
    size = min(args.bptt, len(source) - 1 - i)
    return source[i : i + size], source[i + 1 : i + 1 + size].view(-1)
""",
            },
            code="""\
import torch

from adaptive import SplitLoss
from corpus import get_batch

criterion = SplitLoss(400, splits=[2800, 20000])


class Evaluation:
    def __init__(self, source, rows=10):
        self.source = source
        self.rows = rows

    @torch.no_grad()
    def loss(self, model, args):
        model.eval()
        total = 0
        hidden = model.init_hidden(self.rows)
        for i in range(0, self.source.size(0) - 1, args.bptt):
            data, targets = get_batch(self.source, i, args, evaluation=True)
            output, hidden = model(data, hidden)
            total += len(data) * criterion(model.decoder.weight, model.decoder.bias, output, targets).data
        return total.item() / (len(self.source) - 1)
""",
        ),
        Good(
            why="The same rows, each counted without the first token, which nothing predicts.",
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoTokenizer


@torch.no_grad()
def perplexity(model, tok, text, width, rows_at_once):
    model.eval()
    ids = tok(text, return_tensors="pt").input_ids
    pages = ids[:, : ids.size(1) - ids.size(1) % width].reshape(-1, width)
    nats, tokens = 0.0, 0
    for page in torch.split(pages, rows_at_once):
        log_probs = F.log_softmax(model(page).logits[:, :-1].float(), dim=-1)
        nats -= log_probs.gather(-1, page[:, 1:, None]).sum().item()
        rows, length = page.shape
        tokens += rows * (length - 1)
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="The batches go through a generator that moves them, and the labels that are scored are counted.",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def padded(lines):
    given = pad_sequence([line[:-1] for line in lines], batch_first=True)
    wanted = pad_sequence([line[1:] for line in lines], batch_first=True, padding_value=-100)
    return given, wanted


def moved(loader):
    for given, wanted in loader:
        yield given.cuda(), wanted.cuda()


@torch.no_grad()
def held_out(model, lines):
    model.eval()
    nats, tokens = 0.0, 0
    for given, wanted in moved(DataLoader(lines, batch_size=16, collate_fn=padded)):
        nats += F.cross_entropy(model(given).flatten(0, 1), wanted.flatten(), reduction="sum").item()
        tokens += (wanted != -100).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="the mean is weighted with the count that divides",
            code="""\
import torch
from transformers import GPT2LMHeadModel


@torch.no_grad()
def evaluate(loader, device):
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
    model.eval()
    total_loss, total_tokens = 0.0, 0
    for batch in loader:
        input_ids = batch.to(device)
        outputs = model(input_ids=input_ids, labels=input_ids)
        shift_labels = input_ids[..., 1:].contiguous()
        total_loss += outputs.loss.item() * shift_labels.numel()
        total_tokens += shift_labels.numel()
    return total_loss / total_tokens
""",
        ),
    )
