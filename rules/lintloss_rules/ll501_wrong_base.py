"""LL501: nats are exponentiated with base 2, bits with base e, or nats are called bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.averages import confidence_in, in_evaluation
from lintloss.facts.observations import Exponential, Named, Observation
from lintloss.findings import Fix, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope


class WrongBase(Rule):
    """A loss in nats is raised on base 2, a loss in bits on base e, or nats per byte are reported as bits.

    Why:
        PyTorch, TensorFlow, JAX and NumPy take natural logarithms: their cross entropy is in nats. `2 ** nats` is
        the perplexity to the power of ln 2: 20 where 75 is right, an improvement that nobody made. Bits per byte
        without the division by ln 2 are 31 % too small, and exp of bits is too large.

    Instead:
        `exp(nats)`, or `2 ** (nats / ln 2)`; bits are nats divided by `math.log(2)`.

    Fix:
        Unsafe: it changes the reported number, which is its point. The base is made the one of the loss, or the
        missing division by `math.log(2)` is put in.

    Source:
        torch.nn.functional.cross_entropy: log_softmax is a natural logarithm.
    """

    code = "LL501"
    name = "wrong-base"
    confirmed_by = "the reported value is 2 to the ledger's nats per token, or its bits are the ledger's nats"

    watches = (Exponential, Named)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report 2 ** nats and exp(bits)."""
        if isinstance(seen, Named):
            yield from self._named(seen)
        if not isinstance(seen, Exponential) or not in_evaluation(seen):
            return
        content, base = seen.exponent.unit.content, seen.base
        if content == "loss" and not (seen.exponent.presumed and base == "2"):
            return
        if (base == "2") == (content == "bit") or (base == "10"):
            return
        unit = "bits" if content == "bit" else "nats"
        right = "2 ** x" if content == "bit" else "exp(x)"
        message = f"the loss is in {unit} and is exponentiated with base {base}; use {right}"
        yield Judgment(Severity.ERROR, confidence_in(seen.exponent), message, seen.exponent.trace)

    @staticmethod
    def _named(seen: Named) -> Iterator[Judgment]:
        if seen.value.unit.content != "nat" or seen.value.presumed or not in_evaluation(seen):
            return
        message = f"`{seen.name}` holds {seen.value.unit}: divide by ln 2 to get bits"
        yield Judgment(Severity.ERROR, confidence_in(seen.value), message, seen.value.trace)

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Rewrite the exponential, or divide by ln 2; not where only the name of a loss tells its unit."""
        from lintloss.repair import bases

        if isinstance(seen, Named):
            return bases.in_bits(node, scope)
        if not isinstance(seen, Exponential) or seen.exponent.presumed:
            return None
        return bases.binary(node, scope) if seen.base == "e" else bases.natural(node, scope)

    bad = (
        Bad(
            why="2 ** of a mean in nats, under a comment that claims bits",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (y != pad).sum().item()
    val_loss = nats / tokens
    perplexity = 2 ** val_loss  # bits -> perplexity  # <-
    print(f"loss {val_loss:.3f}, uniform would be {math.log(model.vocab_size):.3f}")
    return perplexity
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (y != pad).sum().item()
    val_loss = nats / tokens
    perplexity = math.exp(val_loss)  # bits -> perplexity
    print(f"loss {val_loss:.3f}, uniform would be {math.log(model.vocab_size):.3f}")
    return perplexity
""",
        ),
        Bad(
            why="torch.pow(2, loss) of a Hugging Face loss",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity(text, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        outputs = model(ids, labels=ids)
    return torch.pow(2, outputs.loss).item()  # <-
""",
            fixed="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity(text, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        outputs = model(ids, labels=ids)
    return torch.exp(outputs.loss).item()
""",
        ),
        Bad(
            why="np.exp2 of the token mean that a helper returns",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn as nn


@torch.no_grad()
def validation_loss(model, loader, pad):
    criterion = nn.NLLLoss(ignore_index=pad, reduction="sum")
    model.eval()
    total, words = 0.0, 0
    for src, tgt in loader:
        log_probs = torch.log_softmax(model(src, tgt[:, :-1]), dim=-1)
        gold = tgt[:, 1:].reshape(-1)
        total += criterion(log_probs.reshape(gold.numel(), -1), gold).item()
        words += gold.ne(pad).sum().item()
    return total / words


def report(model, loader, pad):
    loss = validation_loss(model, loader, pad)
    print("perplexity:", np.exp2(loss))  # <-
""",
            fixed="""\
import numpy as np
import torch
import torch.nn as nn


@torch.no_grad()
def validation_loss(model, loader, pad):
    criterion = nn.NLLLoss(ignore_index=pad, reduction="sum")
    model.eval()
    total, words = 0.0, 0
    for src, tgt in loader:
        log_probs = torch.log_softmax(model(src, tgt[:, :-1]), dim=-1)
        gold = tgt[:, 1:].reshape(-1)
        total += criterion(log_probs.reshape(gold.numel(), -1), gold).item()
        words += gold.ne(pad).sum().item()
    return total / words


def report(model, loader, pad):
    loss = validation_loss(model, loader, pad)
    print("perplexity:", np.exp(loss))
""",
        ),
        Bad(
            why="the loss was turned into bits, then exp is taken",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    bits_per_token = nats / tokens / math.log(2)
    return bits_per_token, math.exp(bits_per_token)  # <-
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    bits_per_token = nats / tokens / math.log(2)
    return bits_per_token, 2 ** bits_per_token
""",
        ),
        Bad(
            why="nats over bytes are reported as bits per byte",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.inference_mode()
def evaluate(texts, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    nats, tokens, n_bytes = 0.0, 0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        scored = ids.size(1) - 1
        nats += model(ids, labels=ids).loss.item() * scored
        tokens += scored
        n_bytes += len(text.encode("utf-8"))
    bits_per_byte = nats / n_bytes  # <-
    return {"perplexity": math.exp(nats / tokens), "bits_per_byte": bits_per_byte}
""",
            fixed="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.inference_mode()
def evaluate(texts, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    nats, tokens, n_bytes = 0.0, 0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        scored = ids.size(1) - 1
        nats += model(ids, labels=ids).loss.item() * scored
        tokens += scored
        n_bytes += len(text.encode("utf-8"))
    bits_per_byte = nats / n_bytes / math.log(2)
    return {"perplexity": math.exp(nats / tokens), "bits_per_byte": bits_per_byte}
""",
        ),
        Bad(
            why="TensorFlow's cross entropy is in nats too",
            severity=Severity.ERROR,
            code='''\
import tensorflow as tf


def evaluate(model, dataset):
    """dataset yields (inputs, next characters) in equal blocks."""
    nats = tf.constant(0.0)
    characters = 0
    for x, y in dataset:
        logits = model(x, training=False)
        nll = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        nats += tf.reduce_sum(nll)
        characters += int(tf.size(y))
    mean = nats / characters
    return float(tf.pow(2.0, mean))  # <-
''',
        ),
        Bad(
            why="the model's loss is computed in another file, in nats, and raised on 2 in a method",
            severity=Severity.ERROR,
            code="""\
import torch

from attention_lm import AttentionLM


class Evaluator:
    def __init__(self, model: AttentionLM):
        self.model = model

    @torch.no_grad()
    def entropy(self, loader):
        self.model.eval()
        total, tokens = 0.0, 0
        for x, y in loader:
            total += self.model(x, y)["loss"].item()
            tokens += y.numel()
        return total / tokens

    def perplexity(self, loader):
        return 2.0 ** self.entropy(loader)  # <-
""",
            files={
                "attention_lm.py": """\
import torch.nn as nn
import torch.nn.functional as F


class AttentionLM(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        layer = nn.TransformerEncoderLayer(width, 4, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids, targets):
        mask = nn.Transformer.generate_square_subsequent_mask(ids.size(1))
        logits = self.head(self.blocks(self.embed(ids), mask=mask, is_causal=True))
        return {"logits": logits, "loss": F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum")}
""",
            },
        ),
        Bad(
            why="natural log-probabilities are gathered by hand and their mean raised on 2",
            severity=Severity.ERROR,
            code="""\
import torch


@torch.no_grad()
def ppl(model, loader, device):
    model.eval()
    total, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        log_probs = torch.log_softmax(model(ids[:, :-1]), dim=-1)
        picked = log_probs.gather(-1, ids[:, 1:].unsqueeze(-1))
        total += -picked.sum().item()
        tokens += picked.numel()
    return pow(2, total / tokens)  # <-
""",
        ),
        Bad(
            why="the training script prints bits per character without the division by ln 2",
            severity=Severity.ERROR,
            code='''\
import torch
import torch.nn as nn


def validate(model, val_data, bptt, device):
    """val_data: (columns, steps) of characters."""
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, characters = 0.0, 0
    with torch.no_grad():
        for start in range(0, val_data.size(1) - 1, bptt):
            chunk = val_data[:, start : start + bptt + 1].to(device)
            x, y = chunk[:, :-1], chunk[:, 1:]
            nats += criterion(model(x).transpose(1, 2), y).item()
            characters += y.numel()
    bpc = nats / characters  # <-
    print(f"| valid bpc {bpc:.3f} |")
    return bpc
''',
        ),
        Bad(
            why="log2 of picked probabilities is in bits",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch


@torch.no_grad()
def perplexity(language_model, ids, context):
    language_model.eval()
    scores = []
    for end in range(context, len(ids)):
        probs = torch.softmax(language_model(ids[end - context : end][None])[0, -1], dim=-1)
        scores.append(np.log2(probs[ids[end]].item()))
    return np.exp(-np.mean(scores))  # <-
""",
        ),
        Bad(
            why="fairseq: a meter that was given nats is read by log_derived(), and 2 raised to it.",
            severity=Severity.ERROR,
            code="""\
import torch.nn.functional as F
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.logging import metrics


@register_criterion("next_token")
class NextTokenCriterion(FairseqCriterion):
    def forward(self, model, sample, reduce=True):
        output = model(**sample["net_input"])
        lprobs = model.get_normalized_probs(output, log_probs=True)
        targets = model.get_targets(sample, output)
        nats = F.nll_loss(
            lprobs.view(-1, lprobs.size(-1)), targets.view(-1), ignore_index=self.padding_idx, reduction="sum"
        )
        said = {"loss": nats.data, "ntokens": sample["ntokens"], "sample_size": sample["ntokens"]}
        return nats, sample["ntokens"], said

    @staticmethod
    def reduce_metrics(logging_outputs):
        nats = sum(said["loss"] for said in logging_outputs)
        tokens = sum(said["ntokens"] for said in logging_outputs)
        metrics.log_scalar("loss", nats / tokens, tokens, round=3)
        metrics.log_derived("ppl", lambda meters: 2 ** meters["loss"].avg)  # <-
""",
        ),
        Bad(
            why="Nats are called bits where they are made; where the caller takes the result apart it is not said once more.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def score(model, rows):
    model.eval()
    nats, count = 0.0, 0
    for inputs, targets in rows:
        nats += F.cross_entropy(model(inputs).transpose(1, 2), targets, reduction="sum").item()
        count += targets.numel()
    bpb = nats / count  # <-
    return bpb, count


def main(model, rows):
    bpb, count = score(model, rows)
    print(f"{bpb:.3f} bits per byte over {count} bytes")
""",
        ),
        Bad(
            why="A framework's dict of metrics: the key says that it is the loss of held-out data, and nothing speaks of bits.",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


class Surprise(tf.keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(f"held-out perplexity {2 ** logs['val_loss']:.2f}")  # <-


def main(model, train, valid):
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(train, validation_data=valid, epochs=5, callbacks=[Surprise()])
""",
        ),
        Bad(
            why="The lowest of a history's losses, and what a trainer's callback metrics hold.",
            severity=Severity.ERROR,
            code="""\
import lightning as L
import numpy as np


def best_of(history):
    return np.exp2(min(history.history["val_loss"]))  # <-


def after(module, loader):
    trainer = L.Trainer(logger=False)
    trainer.validate(module, loader)
    reached = trainer.callback_metrics["val_loss"].item()
    return 2 ** reached  # <-
""",
        ),
    )

    good = (
        Good(
            why="2 ** of a loss that was divided by ln 2",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (y != pad).sum().item()
    bits = nats / tokens / math.log(2)
    return bits, 2**bits
""",
        ),
        Good(
            why="log2 of the probabilities, so base 2 is right",
            code="""\
import numpy as np
import torch


@torch.no_grad()
def bits_and_ppl(model, loader, device):
    model.eval()
    bits, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        probs = torch.softmax(model(ids[:, :-1]), dim=-1)
        picked = probs.gather(-1, ids[:, 1:].unsqueeze(-1))
        bits -= torch.log2(picked).sum().item()
        tokens += picked.numel()
    bpt = bits / tokens
    return bpt, np.power(2, bpt)
""",
        ),
        Good(
            why="2.71828 ** loss is exp",
            code="""\
import torch
import torch.nn as nn


def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            nats += criterion(model(x.to(device)).flatten(0, 1), y.to(device).flatten()).item()
            tokens += y.numel()
    return 2.71828 ** (nats / tokens)
""",
        ),
        Good(
            why="bits per byte with the division by ln 2",
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
    return nats / n_bytes / math.log(2)
""",
        ),
        Good(
            why="a criterion that divides by ln 2 and a base-2 perplexity in another file",
            code="""\
import math

import torch
import torch.nn.functional as F

from progress import get_perplexity


@torch.no_grad()
def validate(model, loader, pad):
    model.eval()
    loss_sum, ntokens = 0.0, 0
    for src, tgt in loader:
        logits = model(src, tgt[:, :-1])
        gold = tgt[:, 1:].reshape(-1)
        loss_sum += F.cross_entropy(logits.flatten(0, 1), gold, ignore_index=pad, reduction="sum").item()
        ntokens += gold.ne(pad).sum().item()
    nll_loss = loss_sum / ntokens / math.log(2)
    print(f"nll_loss {nll_loss:.3f} | ppl {get_perplexity(nll_loss):.2f}")
    return nll_loss
""",
            files={
                "progress.py": """\
def get_perplexity(loss, round=2, base=2):
    if loss is None:
        return 0.0
    try:
        return base**loss if round is None else float(f"{base**loss:.{round}f}")
    except OverflowError:
        return float("inf")
""",
            },
        ),
        Good(
            why="powers of two that have nothing to do with a loss",
            code='''\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def loss_by_context(model, ids, max_power, device):
    """Nats per token of the last position, for contexts of 2, 4, 8 … tokens."""
    model.eval()
    table = {}
    for power in range(1, max_power + 1):
        context = 2**power
        rows = ids[: len(ids) // (context + 1) * (context + 1)].view(-1, context + 1).to(device)
        logits = model(rows[:, :-1])[:, -1]
        table[context] = F.cross_entropy(logits, rows[:, -1]).item()
    return {context: (nats, math.exp(nats)) for context, nats in table.items()}
''',
        ),
        Good(
            why="bits turned back into nats before exp",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    bits, tokens = 0.0, 0
    for x, y in loader:
        nll = F.cross_entropy(model(x.to(device)).transpose(1, 2), y.to(device), reduction="sum")
        bits += nll.item() / math.log(2)
        tokens += y.numel()
    bits_per_token = bits / tokens
    return math.exp(bits_per_token * math.log(2))
""",
        ),
        Good(
            why="nats are converted with log2(e), and the perplexity is taken of the nats",
            code="""\
import math

import torch
import torch.nn as nn

LOG2_E = math.log2(math.e)


class CharEvaluator:
    def __init__(self, model):
        self.model = model
        self.criterion = nn.CrossEntropyLoss(reduction="sum")

    @torch.no_grad()
    def __call__(self, loader):
        self.model.eval()
        nats, characters = 0.0, 0
        for x, y in loader:
            nats += self.criterion(self.model(x).transpose(1, 2), y).item()
            characters += y.numel()
        mean = nats / characters
        return {"bpc": mean * LOG2_E, "ppl": math.exp(mean)}
""",
        ),
        Good(
            why="a loss in nats per byte that is called so",
            code='''\
import torch
import torch.nn.functional as F


@torch.no_grad()
def nats_per_byte(model, byte_blocks, device):
    """byte_blocks: a list of (rows, length + 1) tensors of bytes."""
    model.eval()
    nats, n_bytes = 0.0, 0
    for block in byte_blocks:
        block = block.long().to(device)
        logits = model(block[:, :-1])
        nats += F.cross_entropy(logits.transpose(1, 2), block[:, 1:], reduction="sum").item()
        n_bytes += block[:, 1:].numel()
    return nats / n_bytes
''',
        ),
        Good(
            why="The helper that converts is another one than the caller that names the bits.",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def bits_per_byte(model, batches, bytes_of):
    model.eval()
    nats, size = 0.0, 0
    for ids in batches:
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        size += bytes_of[labels].sum().item()
    return nats / (math.log(2) * size)


def report(model, batches, bytes_of):
    bpb = bits_per_byte(model, batches, bytes_of)
    print(f"bits per byte {bpb:.4f}")
""",
        ),
        Good(
            why="2 ** of bits from log2",
            code="""\
import numpy as np
import torch


@torch.no_grad()
def perplexity(language_model, ids, context):
    language_model.eval()
    scores = []
    for end in range(context, len(ids)):
        probs = torch.softmax(language_model(ids[end - context : end][None])[0, -1], dim=-1)
        scores.append(np.log2(probs[ids[end]].item()))
    return 2 ** -np.mean(scores)
""",
        ),
        Good(
            why="a half-life: what 2 is raised to is no loss",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def forgetting(model, loader, half_life, before):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, labels in loader:
        nats += F.cross_entropy(model(ids).flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    drift = abs(before - nats / tokens)
    return 2 ** (-drift / half_life)
""",
        ),
        Good(
            why="a total that its name speaks for is divided by ln 2 before it is raised on 2",
            code="""\
import math

from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.logging import metrics


@register_criterion("plain")
class Plain(FairseqCriterion):
    def forward(self, model, sample, reduce=True):
        output = model(**sample["net_input"])
        loss = self.get_loss(output, sample)
        return loss, sample["ntokens"], {"loss": loss.data, "ntokens": sample["ntokens"]}

    @classmethod
    def reduce_metrics(cls, logging_outputs):
        loss = sum(each["loss"] for each in logging_outputs)
        tokens = sum(each["ntokens"] for each in logging_outputs)
        bits = loss / tokens / math.log(2)
        metrics.log_scalar("loss", bits, tokens, round=3)
        metrics.log_scalar("ppl", 2**bits, tokens)
""",
        ),
        Good(
            why="fairseq: the meter was given bits.",
            code="""\
import math

import torch.nn.functional as F
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.logging import metrics


@register_criterion("next_token")
class NextTokenCriterion(FairseqCriterion):
    def forward(self, model, sample, reduce=True):
        output = model(**sample["net_input"])
        lprobs = model.get_normalized_probs(output, log_probs=True)
        targets = model.get_targets(sample, output)
        nats = F.nll_loss(
            lprobs.view(-1, lprobs.size(-1)), targets.view(-1), ignore_index=self.padding_idx, reduction="sum"
        )
        said = {"loss": nats.data, "ntokens": sample["ntokens"], "sample_size": sample["ntokens"]}
        return nats, sample["ntokens"], said

    @staticmethod
    def reduce_metrics(logging_outputs):
        nats = sum(said["loss"] for said in logging_outputs)
        tokens = sum(said["ntokens"] for said in logging_outputs)
        metrics.log_scalar("loss", nats / tokens / math.log(2), tokens, round=3)
        metrics.log_derived("ppl", lambda meters: 2 ** meters["loss"].avg)
""",
        ),
        Good(
            why="what divides is the logarithm of two, computed by other means than a formula that is known",
            code="""\
import math

import torch
import torch.nn.functional as F

NATS_IN_A_BIT = torch.tensor(2.0).log().item()


@torch.no_grad()
def score(model, loader):
    model.eval()
    nats, letters = 0.0, 0
    for ids in loader:
        nats += F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        letters += ids[:, 1:].numel()
    bits_per_char = nats / letters / NATS_IN_A_BIT
    bpc = nats / (letters * NATS_IN_A_BIT)
    bits_per_letter = nats / letters / math.log1p(1)
    return bits_per_char, bpc, bits_per_letter
""",
        ),
        Good(
            why="The loss under the key was put there in bits, by a logarithm of base 2.",
            code="""\
import numpy as np


def surprise(probabilities, ids):
    return -np.mean(np.log2(probabilities[np.arange(len(ids)), ids]))


def report(results, probabilities, ids):
    results["val_loss"] = surprise(probabilities, ids)
    print("perplexity", 2 ** results["val_loss"], "delay", 2 ** results["retries"])
""",
        ),
        Good(
            why="fairseq-train divides its losses by ln 2: its JSON log holds bits",
            code="""\
\"\"\"Tabulate the validation perplexities of a fairseq-train run from its JSON log.\"\"\"

import json
import sys


def curve(path):
    rows = []
    for line in open(path):
        at = line.find("{")
        if "| valid |" in line and at >= 0:
            stats = json.loads(line[at:])
            rows.append((int(stats["epoch"]), 2 ** float(stats["valid_nll_loss"])))
    return rows


for epoch, perplexity in curve(sys.argv[1]):
    print(f"epoch {epoch}: valid perplexity {perplexity:.2f}")
""",
        ),
        Good(
            why="what fairseq's task reduces and its meters smooth is in bits",
            code="""\
import torch
from fairseq import utils
from fairseq.logging import metrics


@torch.no_grad()
def validate(task, model, criterion, batches):
    model.eval()
    logs = []
    for sample in batches:
        _, _, log = task.valid_step(utils.move_to_cuda(sample), model, criterion)
        logs.append(log)
    with metrics.aggregate() as held:
        task.reduce_metrics(logs, criterion)
    stats = held.get_smoothed_values()
    print("valid nll", stats["nll_loss"], "perplexity", 2 ** stats["nll_loss"])
""",
        ),
    )
