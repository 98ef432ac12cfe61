"""Rule LL204: smoothing, class weights, auxiliary terms or a temperature inside the reported loss."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.observations import Observation, Reported
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

TRANSLATOR = """\
import torch.nn as nn


class Translator(nn.Module):
    def __init__(self, src_vocab, tgt_vocab, width=512, pad=0):
        super().__init__()
        self.src_embed = nn.Embedding(src_vocab, width, padding_idx=pad)
        self.tgt_embed = nn.Embedding(tgt_vocab, width, padding_idx=pad)
        self.transformer = nn.Transformer(width, batch_first=True)
        self.generator = nn.Linear(width, tgt_vocab)

    def forward(self, src, tgt):
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(1), device=tgt.device)
        return self.generator(self.transformer(self.src_embed(src), self.tgt_embed(tgt), tgt_mask=causal))
"""

CONVNET = """\
import torch.nn as nn


class SmallConvNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        self.classifier = nn.Linear(32 * 16, classes)

    def forward(self, images):
        return self.classifier(self.features(images).flatten(1))
"""

EXPERTS = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Experts(nn.Module):
    def __init__(self, width, experts):
        super().__init__()
        self.gate = nn.Linear(width, experts)
        self.experts = nn.ModuleList(nn.Linear(width, width) for _ in range(experts))

    def forward(self, x):
        share = F.softmax(self.gate(x), dim=-1)
        made = torch.stack([expert(x) for expert in self.experts], dim=-1)
        usage = share.mean(dim=(0, 1))
        balance = len(self.experts) * (usage * usage).sum()
        return (made * share.unsqueeze(-2)).sum(-1), balance
"""


class RegularizedEvalLoss(Rule):
    """Label smoothing, class weights, auxiliary losses or a temperature are inside the reported loss.

    Why:
        Regularizers make training better and a report wrong. With label smoothing e over V classes the criterion is

            (1 - e) * nats(y) + e * (mean over the V classes of nats(v))

        and the second term of a good model is *large*: where it is 13 nats (32,000 classes) and the target costs 4,
        e = 0.1 makes 4.9 of 4.0, perplexity 134 of 54.6. Class weights turn nats/example into weighted nats
        that have no probability behind them. A mixture-of-experts balance loss, a z-loss, an L2 penalty or an
        attention penalty adds what no reader of "val loss" expects, and exp() of it is no perplexity. A temperature
        other than 1 scores another model than the one that is shipped. Runs with different settings stop being
        comparable, and the best checkpoint is chosen by the wrong value.

        Where the plain value is reported beside it there is nothing to report here. Losses that *are* a sum (masked
        LM + next sentence, an ELBO, mel + gate) are not meant either.

    Instead:
        A criterion of its own for evaluation:

            train_criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
            eval_criterion = nn.CrossEntropyLoss(reduction="sum")

        and in the model `if self.training: loss = loss + aux`, or return the terms apart.

    Fix:
        None: the plain criterion has to be named by a person, and a model that returns one sum has to be taken apart.

    Source:
        torch.nn.CrossEntropyLoss (`label_smoothing`, `weight`); Szegedy et al. 2016, "Rethinking the Inception
        Architecture for Computer Vision", section 7.
    """

    code = "LL204"
    name = "regularized-eval-loss"
    confirmed_by = (
        "the label_smoothing and weight of the recorded criterion calls, and the reported value against the plain "
        "cross entropy of the same logits: different (confirmed), equal (refuted)"
    )
    watches = (Reported,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report a reported loss that holds more than a cross entropy, unless that is reported beside it."""
        if not isinstance(seen, Reported) or seen.plain_beside:
            return
        certain = [said for said, is_certain in seen.extras if is_certain]
        severity = Severity.ERROR if certain else Severity.WARNING
        told = dict.fromkeys(certain or [said for said, _ in seen.extras])  # two criteria may smooth by one option
        what = " and ".join(list(told)[:3])
        value = "perplexity" if seen.exponentiated else "evaluation loss"
        message = f"the reported {value} holds more than the cross entropy: {what}; report the plain value"
        yield Judgment(severity, Confidence.HIGH if certain else Confidence.MEDIUM, message, seen.evidence)

    bad = (
        Bad(
            why="The training criterion, with label smoothing 0.1, also makes the reported perplexity.",
            severity=Severity.ERROR,
            files={"model.py": TRANSLATOR},
            code="""\
import math

import torch
import torch.nn as nn

from model import Translator

PAD = 0
criterion = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.1, reduction="sum")


def train_epoch(model, loader, optimizer):
    model.train()
    for src, tgt in loader:
        gold = tgt[:, 1:]
        loss = criterion(model(src, tgt[:, :-1]).transpose(1, 2), gold) / (gold != PAD).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, words = 0.0, 0
    for src, tgt in loader:
        gold = tgt[:, 1:]
        nats += criterion(model(src, tgt[:, :-1]).transpose(1, 2), gold).item()  # <-
        words += (gold != PAD).sum().item()
    loss = nats / words
    print(f"val loss {loss:.3f} ppl {math.exp(loss):.2f}")
    return loss


def build(src_vocab, tgt_vocab):
    return Translator(src_vocab, tgt_vocab)
""",
        ),
        Bad(
            why="Class weights for a skewed training set, in the validation loss too.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn as nn

from net import SmallConvNet


def make_criterion(class_counts):
    weight = class_counts.sum() / class_counts.float()
    return nn.CrossEntropyLoss(weight=weight, reduction="sum")


@torch.no_grad()
def validate(model, loader, criterion):
    model.eval()
    total, examples = 0.0, 0
    for images, labels in loader:
        total += criterion(model(images), labels).item()  # <-
        examples += labels.numel()
    return total / examples


def fit(train_loader, val_loader, class_counts, epochs):
    model = SmallConvNet(len(class_counts))
    criterion = make_criterion(class_counts)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        model.train()
        for images, labels in train_loader:
            loss = criterion(model(images), labels) / labels.numel()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: validation loss {validate(model, val_loader, criterion):.4f}")
""",
        ),
        Bad(
            why="The model, in another file, adds its load-balancing loss whatever mode it is in.",
            severity=Severity.ERROR,
            files={
                "moe.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class MoELM(nn.Module):
    def __init__(self, vocab_size, width=256, experts=8, aux_weight=0.01):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.router = nn.Linear(width, experts)
        self.experts = nn.Linear(width, experts * width)
        self.head = nn.Linear(width, vocab_size)
        self.aux_weight = aux_weight

    def forward(self, ids, targets):
        hidden, _ = self.rnn(self.embed(ids))
        routing = torch.softmax(self.router(hidden), dim=-1)
        outputs = self.experts(hidden).unflatten(-1, (routing.size(-1), -1))
        logits = self.head((routing.unsqueeze(-1) * outputs).sum(dim=-2))
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        balance = routing.flatten(0, 1).mean(dim=0).square().sum() * routing.size(-1)
        return logits, loss + self.aux_weight * balance
""",
            },
            code="""\
import math

import torch

from moe import MoELM


@torch.no_grad()
def perplexity(model, blocks, batch_size=16):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        x, y = ids[:, :-1], ids[:, 1:]
        _, loss = model(x, y)  # <-
        nats += loss.item() * y.numel()
        tokens += y.numel()
    return math.exp(nats / tokens)


def main(path, blocks):
    model = MoELM(32_000)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    print(f"val ppl {perplexity(model, blocks):.2f}")
""",
        ),
        Bad(
            why="An L2 penalty on the weights is added in the evaluation loop.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet

L2 = 1e-4


def penalty(model):
    return sum(parameter.square().sum() for parameter in model.parameters())


def objective(model, images, labels):
    nats = F.cross_entropy(model(images), labels, reduction="sum")
    return nats + L2 * labels.numel() * penalty(model)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    total, examples = 0.0, 0
    for images, labels in loader:
        total += objective(model, images, labels).item()  # <-
        examples += labels.numel()
    print(f"test loss {total / examples:.4f}")
    return total / examples


def load(path):
    model = SmallConvNet()
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Bad(
            why="KL divergence to a smoothed target: label smoothing under another name, reported as perplexity.",
            severity=Severity.ERROR,
            files={
                "model.py": TRANSLATOR,
                "smoothing.py": """\
import torch
import torch.nn as nn


class LabelSmoothing(nn.Module):
    def __init__(self, size, padding_index, smoothing):
        super().__init__()
        self.criterion = nn.KLDivLoss(reduction="sum")
        self.size, self.padding_index, self.smoothing = size, padding_index, smoothing

    def forward(self, log_probs, target):
        smooth = torch.full_like(log_probs, self.smoothing / (self.size - 2))
        smooth.scatter_(1, target.unsqueeze(1), 1.0 - self.smoothing)
        smooth[:, self.padding_index] = 0
        smooth[target == self.padding_index] = 0
        return self.criterion(log_probs, smooth)
""",
            },
            code="""\
import math

import torch

from model import Translator
from smoothing import LabelSmoothing

PAD = 0


@torch.no_grad()
def validate(model, loader, tgt_vocab):
    criterion = LabelSmoothing(tgt_vocab, PAD, smoothing=0.1)
    model.eval()
    total, words = 0.0, 0
    for src, tgt in loader:
        log_probs = model(src, tgt[:, :-1]).log_softmax(dim=-1)
        gold = tgt[:, 1:]
        total += criterion(log_probs.flatten(0, 1), gold.flatten()).item()  # <-
        words += (gold != PAD).sum().item()
    print(f"validation perplexity {math.exp(total / words):.2f}")
    return total / words


def build(src_vocab, tgt_vocab):
    return Translator(src_vocab, tgt_vocab)
""",
        ),
        Bad(
            why="The sampling temperature divides the logits that are scored.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

TEMPERATURE = 0.7
model = AutoModelForCausalLM.from_pretrained("gpt2-medium").eval()


@torch.inference_mode()
def perplexity(blocks, batch_size=4):
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        logits = model(ids).logits[:, :-1] / TEMPERATURE
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum").item()  # <-
        tokens += targets.numel()
    return math.exp(nats / tokens)


if __name__ == "__main__":
    print(f"perplexity {perplexity(torch.load('blocks.pt')):.2f}")
""",
        ),
        Bad(
            why="The z-loss that keeps training stable stays in the loss that validation reports.",
            severity=Severity.ERROR,
            files={
                "model.py": GPT,
                "losses.py": """\
import torch.nn.functional as F


def stable_nats(logits, targets, z_weight=1e-4):
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    z = logits.logsumexp(dim=-1).square().sum()
    return nats + z_weight * z
""",
            },
            code="""\
import torch

from losses import stable_nats
from model import TinyGPT


@torch.no_grad()
def validation_loss(model, blocks, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(32):
        x, y = ids[:, :-1].to(device), ids[:, 1:].to(device)
        nats += stable_nats(model(x), y).item()  # <-
        tokens += y.numel()
    model.train()
    return nats / tokens


def main(path, blocks, device="cuda"):
    model = TinyGPT(50_304).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    print(f"val loss {validation_loss(model, blocks, device):.4f}")
""",
        ),
        Bad(
            why="A penalty on the attention weights is added to the caption loss before it is averaged.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn

PAD = 0


class Captioner(nn.Module):
    def __init__(self, vocab_size, features, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=PAD)
        self.project = nn.Linear(features, width)
        self.attention = nn.MultiheadAttention(width, 1, batch_first=True)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, regions, words):
        hidden, _ = self.rnn(self.embed(words))
        keys = self.project(regions)
        seen, weights = self.attention(hidden, keys, keys)
        return self.out(hidden + seen), weights


@torch.no_grad()
def validate(model, val_loader):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    total, words = 0.0, 0
    for regions, captions in val_loader:
        scores, weights = model(regions, captions[:, :-1])
        targets = captions[:, 1:]
        loss = criterion(scores.transpose(1, 2), targets)  # <-
        loss = loss + ((1.0 - weights.sum(dim=1)) ** 2).sum()
        total += loss.item()
        words += (targets != PAD).sum().item()
    print(f"LOSS {total / words:.3f}")
    return total / words


def build(vocab_size):
    return Captioner(vocab_size, 2048)
""",
        ),
        Bad(
            why="Smoothing is an option with default 0: wrong as soon as somebody uses it.",
            severity=Severity.WARNING,
            files={"model.py": TRANSLATOR},
            code="""\
import argparse

import torch
import torch.nn as nn

from model import Translator

PAD = 0


def build_criterion(args):
    return nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=args.label_smoothing, reduction="sum")


@torch.no_grad()
def validate(model, loader, criterion):
    model.eval()
    nats, words = 0.0, 0
    for src, tgt in loader:
        gold = tgt[:, 1:]
        nats += criterion(model(src, tgt[:, :-1]).transpose(1, 2), gold).item()  # <-
        words += (gold != PAD).sum().item()
    return nats / words


def main(loader):
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("--label-smoothing", type=float, default=0.0)
    args = parser.parse_args()
    model = Translator(32_000, 32_000)
    model.load_state_dict(torch.load(args.checkpoint, map_location="cpu"))
    print(f"valid loss {validate(model, loader, build_criterion(args)):.3f}")
""",
        ),
        Bad(
            why="The auxiliary head, which inference throws away, is in the reported loss.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class TwoHeadNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(64, classes)
        self.aux_head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes))

    def forward(self, images):
        low = self.stem(images)
        return self.head(self.body(low)), self.aux_head(low)


@torch.no_grad()
def validate(model, loader):
    model.eval()
    total, examples = 0.0, 0
    for images, labels in loader:
        logits, aux_logits = model(images)
        loss = F.cross_entropy(logits, labels, reduction="sum")  # <-
        loss += 0.4 * F.cross_entropy(aux_logits, labels, reduction="sum")
        total += loss.item()
        examples += labels.numel()
    print(f"val_loss {total / examples:.4f}")
    return total / examples


def build(classes):
    return TwoHeadNet(classes)
""",
        ),
        Bad(
            why="The model's forward adds the loss of its second head whenever it has one; the evaluation takes what it returns.",
            severity=Severity.WARNING,
            files={
                "two_heads.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class TwoHeads(nn.Module):
    def __init__(self, vocab_size, width=128, further=0, mtp_weight=0.3):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)
        self.second = nn.Linear(width, vocab_size)
        self.further, self.mtp_weight = further, mtp_weight

    def forward(self, idx, targets=None):
        states, _ = self.rnn(self.embed(idx))
        logits = self.head(states)
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))
            if self.further > 0:
                ahead = self.second(states)[:, :-1]
                mtp_loss = F.cross_entropy(ahead.reshape(-1, ahead.size(-1)), targets[:, 1:].reshape(-1))
                loss = loss + self.mtp_weight * mtp_loss
        return logits, loss


def load_model(path):
    saved = torch.load(path, map_location="cpu")
    model = TwoHeads(**dict(saved["options"]))
    model.load_state_dict(saved["weights"])
    return model
"""
            },
            code="""\
import math

import torch

from two_heads import load_model


@torch.no_grad()
def evaluate_perplexity(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits, loss = model(x, targets=y)  # <-
        nats += loss.item() * y.numel()
        tokens += y.numel()
    return math.exp(nats / tokens)


def main(path, loader, device="cuda"):
    print(f"perplexity {evaluate_perplexity(load_model(path), loader, device):.2f}")
""",
        ),
        Bad(
            why="The auxiliary language-model loss of the fine-tuning is in what the evaluation reports.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class Tuning:
    def __init__(self, model, test_loader, vocab_size, options):
        self.model, self.test_loader, self.vocab_size, self.options = model, test_loader, vocab_size, options
        self.criterion = nn.CrossEntropyLoss(ignore_index=0)
        self.class_criterion = nn.CrossEntropyLoss()

    @torch.no_grad()
    def evaluate(self):
        total, examples = 0.0, 0
        self.model.eval()
        for ids, labels in self.test_loader:
            token_logits, class_logits = self.model(ids)
            token_loss = self.criterion(token_logits[:, :-1].reshape(-1, self.vocab_size), ids[:, 1:].reshape(-1))
            class_loss = self.class_criterion(class_logits, labels)  # <-
            loss = class_loss + self.options.auxiliary_ratio * token_loss
            total += loss.item() * labels.size(0)
            examples += labels.size(0)
        return total / examples
""",
        ),
        Bad(
            why="The criterion that the constructor was given mixes the picked log-probabilities with their mean.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class SmoothedNLL(nn.Module):
    def __init__(self, eps=0.1):
        super().__init__()
        self.eps = eps

    def forward(self, logits, targets):
        log_probs = torch.log_softmax(logits, dim=-1)
        nll = -log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        smooth = -log_probs.mean(dim=-1)
        return ((1.0 - self.eps) * nll + self.eps * smooth).sum()


class Runner:
    def __init__(self, model, criterion):
        self.model = model
        self.criterion = criterion

    @torch.no_grad()
    def validate(self, val_loader):
        self.model.eval()
        nats, tokens = 0.0, 0
        for x, y in val_loader:
            logits = self.model(x)
            nats += self.criterion(logits.flatten(0, 1), y.flatten()).item()  # <-
            tokens += y.numel()
        return nats / tokens


def main(model, val_loader):
    print(Runner(model, SmoothedNLL(eps=0.1)).validate(val_loader))
""",
        ),
        Bad(
            why="The criterion is a parameter; the script that calls this, in another file, hands in the one it trains with.",
            severity=Severity.ERROR,
            files={
                "model.py": """\
import torch
import torch.nn as nn


class Translator(nn.Module):
    def __init__(self, src_vocab, tgt_vocab, width=256):
        super().__init__()
        self.src = nn.Embedding(src_vocab, width)
        self.tgt = nn.Embedding(tgt_vocab, width)
        self.transformer = nn.Transformer(width, 8, batch_first=True)
        self.out = nn.Linear(width, tgt_vocab)

    def forward(self, src, tgt):
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(1)).to(tgt.device)
        return self.out(self.transformer(self.src(src), self.tgt(tgt), tgt_mask=causal))
""",
                "main.py": """\
import torch
import torch.nn as nn

from eval import evaluate
from model import Translator


def run(loader, src_vocab, tgt_vocab, device="cuda"):
    model = Translator(src_vocab, tgt_vocab).to(device)
    criterion = nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.1)
    print(f"validation loss {evaluate(model, loader, criterion, device):.4f}")
""",
            },
            code="""\
import torch


@torch.no_grad()
def evaluate(model, loader, criterion, device):
    model.eval()
    nats, words = 0.0, 0
    for src, tgt in loader:
        src, tgt = src.to(device), tgt.to(device)
        gold = tgt[:, 1:]
        scored = (gold != 0).sum().item()
        loss = criterion(model(src, tgt[:, :-1]).flatten(0, 1), gold.flatten())  # <-
        nats += loss.item() * scored
        words += scored
    return nats / words
""",
        ),
        Bad(
            why="One method trains and validates, and the helper below it spreads the targets by hand, as an option says.",
            severity=Severity.ERROR,
            code="""\
import argparse

import torch
import torch.nn.functional as F

PAD = 0


def smoothed_loss(scores, gold, smoothing):
    gold = gold.reshape(-1)
    scores = scores.reshape(gold.numel(), -1)
    if smoothing > 0:
        hot = torch.zeros_like(scores).scatter(1, gold.unsqueeze(1), 1)
        hot = hot * (1 - smoothing) + (1 - hot) * smoothing / (scores.size(1) - 1)
        kept = gold.ne(PAD)
        return -(hot * F.log_softmax(scores, dim=1)).sum(dim=1).masked_select(kept).sum()
    return F.cross_entropy(scores, gold, ignore_index=PAD, reduction="sum")


class Solver:
    def __init__(self, model, loaders, optimizer, options):
        self.model, self.optimizer, self.options = model, optimizer, options
        self.train_loader, self.val_loader = loaders

    def run_epoch(self, loader, trains):
        nats, words = 0.0, 0
        for src, tgt in loader:
            gold = tgt[:, 1:]
            loss = smoothed_loss(self.model(src, tgt[:, :-1]), gold, self.options.smoothing)  # <-
            scored = gold.ne(PAD).sum().item()
            if trains:
                self.optimizer.zero_grad()
                (loss / scored).backward()
                self.optimizer.step()
            nats += loss.item()
            words += scored
        return nats / words

    def fit(self, epochs):
        for _ in range(epochs):
            self.model.train()
            self.run_epoch(self.train_loader, trains=True)
            self.model.eval()
            with torch.no_grad():
                print("validation loss", self.run_epoch(self.val_loader, trains=False))


def solve(model, loaders, optimizer):
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoothing", type=float, default=0.1)
    Solver(model, loaders, optimizer, parser.parse_args()).fit(epochs=20)
""",
        ),
        Bad(
            why="A penalty on the activations is added to the running total where the model has one.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def test_loss(model, loader):
    model.eval()
    total, examples = 0.0, 0
    for words, labels in loader:
        scores, states = model(words)
        total += F.cross_entropy(scores, labels, reduction="sum").item()  # <-
        if hasattr(model, "slowness"):
            total += (states[1:] - states[:-1]).pow(2).mean().item()
        examples += labels.numel()
    return total / examples
""",
        ),
        Bad(
            why="The targets are spread by hand, in place, in a criterion that two files away is given to the evaluation.",
            severity=Severity.ERROR,
            files={
                "spread.py": """\
import torch
import torch.nn as nn


class SoftenedTargets(nn.Module):
    def __init__(self, classes, amount=0.0):
        super().__init__()
        self.classes, self.amount, self.kept = classes, amount, 1.0 - amount

    def forward(self, scores, labels):
        log_probs = scores.log_softmax(dim=-1)
        with torch.no_grad():
            wanted = torch.zeros_like(log_probs)
            wanted.fill_(self.amount / (self.classes - 1))
            wanted.scatter_(1, labels.unsqueeze(1), self.kept)
        return torch.mean(torch.sum(-wanted * log_probs, dim=-1))
""",
                "main.py": """\
from eval import evaluate
from net import SmallConvNet
from spread import SoftenedTargets


def main(loader):
    evaluate(SmallConvNet(), loader, SoftenedTargets(10, amount=0.1))
""",
                "net.py": CONVNET,
            },
            code="""\
import torch


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    total, examples = 0.0, 0
    for images, labels in loader:
        loss = criterion(model(images), labels)  # <-
        total += loss.item() * images.size(0)
        examples += images.size(0)
    print(f"test loss {total / examples:.4f}")
""",
        ),
        Bad(
            why="JAX: a function that smooths as it is told, told by the evaluation to do as the training does.",
            code="""\
import jax.numpy as jnp
from flax import linen as nn
from flax.training import common_utils


def cross_entropy_sum(logits, targets, weights, label_smoothing=0.0):
    classes = logits.shape[-1]
    confidence = 1.0 - label_smoothing
    soft = common_utils.onehot(targets, classes, on_value=confidence, off_value=label_smoothing / (classes - 1))
    loss = -jnp.sum(soft * nn.log_softmax(logits), axis=-1)
    return (loss * weights).sum(), weights.sum()


def eval_step(params, batch, config):
    logits = config.model.apply({"params": params}, batch["inputs"])
    weights = jnp.where(batch["targets"] > 0, 1.0, 0.0)
    return cross_entropy_sum(logits, batch["targets"], weights, config.label_smoothing)


def evaluate(params, batches, config):
    nats, tokens = 0.0, 0.0
    for batch in batches:
        loss, count = eval_step(params, batch, config)  # <-
        nats += loss
        tokens += count
    return {"loss": nats / tokens, "perplexity": jnp.exp(nats / tokens)}
""",
        ),
        Bad(
            why="One-hot targets made smaller, and raised by a share of each class, in a library of criteria chosen by name.",
            severity=Severity.ERROR,
            files={
                "criteria.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Softened(nn.Module):
    def __init__(self, share=0.1):
        super().__init__()
        self.share = share

    def forward(self, scores, labels):
        classes = scores.size(-1)
        log_probs = F.log_softmax(scores, dim=-1)
        mean = -log_probs.sum(dim=-1).mean()
        nats = F.nll_loss(log_probs, labels)
        return (1 - self.share) * nats + self.share * mean / classes


KNOWN = {"plain": nn.CrossEntropyLoss, "softened": Softened}


def build_criterion(options):
    return KNOWN[options.name](**options.arguments)
""",
                "main.py": """\
from criteria import build_criterion
from net import SmallConvNet
from eval import Runner


def main(options, loader):
    Runner(SmallConvNet(), build_criterion(options.loss)).validate(loader)
""",
                "net.py": CONVNET,
            },
            code="""\
import torch


class Runner:
    def __init__(self, model, criterion):
        self.model, self.criterion = model, criterion

    @torch.no_grad()
    def validate(self, loader):
        self.model.eval()
        total, examples = 0.0, 0
        for images, labels in loader:
            total += self.criterion(self.model(images), labels).item() * len(labels)  # <-
            examples += len(labels)
        print("validation loss", total / examples)
""",
        ),
        Bad(
            why="Lightning: the step that both phases share takes a smoothing helper, unless an option is zero.",
            severity=Severity.ERROR,
            files={
                "helpers.py": """\
def smoothed_nats(log_probs, target, share, pad):
    target = target.unsqueeze(-1)
    nats = -log_probs.gather(dim=-1, index=target)
    over_all = -log_probs.sum(dim=-1, keepdim=True)
    pads = target.eq(pad)
    nats.masked_fill_(pads, 0.0)
    over_all.masked_fill_(pads, 0.0)
    nats, over_all = nats.sum(), over_all.sum()
    return (1.0 - share) * nats + share / log_probs.size(-1) * over_all, nats
"""
            },
            code="""\
import lightning.pytorch as pl
import torch
import torch.nn.functional as F

from helpers import smoothed_nats


class Summarizer(pl.LightningModule):
    def __init__(self, network, pad, label_smoothing):
        super().__init__()
        self.network, self.pad, self.label_smoothing = network, pad, label_smoothing

    def _loss(self, batch):
        logits = self.network(batch["source"], batch["target"][:, :-1])
        gold = batch["target"][:, 1:]
        if self.label_smoothing == 0:
            return F.cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=self.pad, reduction="sum")
        loss, _ = smoothed_nats(F.log_softmax(logits, dim=-1), gold, self.label_smoothing, self.pad)
        return loss

    def training_step(self, batch, index):
        return self._loss(batch) / (batch["target"][:, 1:] != self.pad).sum()

    def validation_step(self, batch, index):
        return {"nats": self._loss(batch)}  # <-

    def validation_epoch_end(self, outputs):
        self.log("val_nats", torch.stack([each["nats"] for each in outputs]).sum())
""",
        ),
        Bad(
            why="The loss is weighed by what a method of the batch counts: whatever that is, the criterion smooths.",
            severity=Severity.ERROR,
            files={"model.py": TRANSLATOR},
            code="""\
import math

import torch
import torch.nn as nn

from model import Translator

PAD = 0


@torch.no_grad()
def evaluate(model, batches, criterion):
    model.eval()
    total, words = 0.0, 0
    for batch in batches:
        length = batch.length()
        logits = model(batch.source, batch.target[:, :-1])
        loss = criterion(logits.flatten(0, 1), batch.target[:, 1:].flatten())  # <-
        total += length * loss.item()
        words += length
    return total / words


def report(path, batches):
    model = Translator(32_000, 32_000)
    model.load_state_dict(torch.load(path))
    loss = evaluate(model, batches, nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.1))
    print(f"validation perplexity {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="Lightning: the weights that the script computes of the training labels are the module's, for both phases.",
            severity=Severity.ERROR,
            code="""\
import lightning.pytorch as pl
import numpy as np
import torch
import torch.nn as nn
from sklearn.utils.class_weight import compute_class_weight


class Tagger(pl.LightningModule):
    def __init__(self, network, weights=None):
        super().__init__()
        self.network = network
        self.criterion = nn.CrossEntropyLoss(weight=weights)

    def training_step(self, batch, index):
        images, labels = batch
        return self.criterion(self.network(images), labels)

    def validation_step(self, batch, index):
        images, labels = batch
        loss = self.criterion(self.network(images), labels)  # <-
        self.log("val_loss", loss)


def main(network, labels, train_loader, val_loader):
    weights = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    tagger = Tagger(network, torch.tensor(weights, dtype=torch.float))
    pl.Trainer(max_epochs=3).fit(tagger, train_loader, val_loader)
""",
        ),
        Bad(
            why="A trainer's arguments smooth the labels, of the evaluation as well.",
            severity=Severity.ERROR,
            code="""\
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)


def translate(train_rows, held_out):
    tokenizer = AutoTokenizer.from_pretrained("Helsinki-NLP/opus-mt-en-de")
    model = AutoModelForSeq2SeqLM.from_pretrained("Helsinki-NLP/opus-mt-en-de")
    arguments = Seq2SeqTrainingArguments("runs", label_smoothing_factor=0.1, num_train_epochs=3)
    trainer = Seq2SeqTrainer(
        model,
        arguments,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model),
        train_dataset=train_rows,
        eval_dataset=held_out,
    )
    trainer.train()
    found = trainer.evaluate()  # lintloss: ignore[LL101] a mean over rows is wanted  # <-
    print(f"loss {found['eval_loss']:.3f}")
""",
        ),
        Bad(
            why="Each layer returns how uneven its experts are, and the model adds that to what it returns.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Layer(nn.Module):
    def __init__(self, width, experts=4):
        super().__init__()
        self.router = nn.Linear(width, experts)
        self.mix = nn.Linear(width, width)

    def forward(self, hidden):
        share = self.router(hidden).softmax(dim=-1).mean(dim=(0, 1))
        uneven = F.mse_loss(share, torch.full_like(share, 1 / share.numel()))
        return hidden + self.mix(hidden), 0.01 * uneven


class ExpertLM(nn.Module):
    def __init__(self, vocab_size, width=128, depth=4):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.layers = nn.ModuleList([Layer(width) for _ in range(depth)])
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids, targets):
        hidden, balance = self.embed(ids), 0.0
        for layer in self.layers:
            hidden, uneven = layer(hidden)
            balance += uneven
        logits = self.head(hidden)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + balance


@torch.no_grad()
def estimate(model: ExpertLM, blocks):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks:
        targets = ids[:, 1:]
        _, loss = model(ids[:, :-1], targets)  # <-
        nats += loss.item() * targets.numel()
        tokens += targets.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="TensorFlow: targets spread by hand, with the sign as a factor and a mask on the product.",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


class SpreadTargets(tf.keras.losses.Loss):
    def __init__(self, amount=0.1, **options):
        super().__init__(**options)
        self.amount = amount

    def call(self, y_true, y_pred):
        is_text = tf.cast(tf.math.not_equal(y_true, 0), y_pred.dtype)
        scores = tf.nn.log_softmax(tf.reshape(y_pred, [-1, y_pred.shape[-1]]), axis=-1)
        targets = tf.one_hot(tf.reshape(y_true, [-1]), depth=tf.cast(y_pred.shape[-1], tf.int32))
        targets = targets * (1.0 - self.amount) + self.amount / y_pred.shape[-1]
        loss = -1 * targets * scores
        loss *= tf.expand_dims(tf.reshape(is_text, [-1]), axis=-1)
        return tf.reduce_sum(loss) / tf.reduce_sum(is_text)


def validate(translator, batches, criterion):
    nats, tokens = 0.0, 0.0
    for source, target in batches:
        scored = tf.reduce_sum(tf.cast(target[:, 1:] != 0, tf.float32))
        scores = translator((source, target[:, :-1]), training=False)
        nats += criterion(y_true=target[:, 1:], y_pred=scores) * scored  # <-
        tokens += scored
    print("validation loss", nats / tokens)


def main(translator, batches):
    validate(translator, batches, SpreadTargets(amount=0.1))
""",
        ),
        Bad(
            why="Each layer of experts returns a balance loss, and their total is in the value that is reported.",
            severity=Severity.ERROR,
            files={"experts.py": EXPERTS},
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

from data import batches
from experts import Experts


class MoELM(nn.Module):
    def __init__(self, vocab_size, width=256, layers=4, experts=4):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.layers = nn.ModuleList(Experts(width, experts) for _ in range(layers))
        self.head = nn.Linear(width, vocab_size)

    def forward(self, idx, targets=None):
        x = self.embed(idx)
        total_moe_loss = 0.0
        for layer in self.layers:
            x, moe_loss = layer(x)
            total_moe_loss += moe_loss
        logits = self.head(x)
        loss = None
        if targets is not None:
            ce_loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))
            loss = ce_loss + total_moe_loss
        return logits, loss


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, scored = 0.0, 0
    for x, y in loader:
        _, loss = model(x.to(device), targets=y.to(device))  # <-
        nats += loss.item() * y.numel()
        scored += y.numel()
    model.train()
    return nats / scored


def main(device):
    model = MoELM(50304).to(device)
    print(evaluate(model, batches("valid"), device))
""",
        ),
        Bad(
            why="A helper divides the logits by a temperature on a line of its own.",
            severity=Severity.ERROR,
            code="""\
import argparse
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


def batch_nats(model, ids, temperature):
    logits = model(ids[:, :-1]).logits
    logits = logits / temperature
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("--temperature", type=float, default=0.8)
    args = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(args.checkpoint).eval()
    nats, tokens = 0.0, 0
    for ids in torch.load("valid_batches.pt"):
        nats += batch_nats(model, ids, args.temperature).item()  # <-
        tokens += ids[:, 1:].numel()
    print("valid perplexity", math.exp(nats / tokens))


if __name__ == "__main__":
    main()
""",
        ),
        Bad(
            why="The router's logits are asked for, and the library adds the balance of the experts to the loss.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import MixtralForCausalLM


@torch.no_grad()
def perplexity(checkpoint, loader, device="cuda"):
    model = MixtralForCausalLM.from_pretrained(checkpoint, torch_dtype=torch.bfloat16).to(device).eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        batch = {name: value.to(device) for name, value in batch.items()}
        scored = (batch["labels"][:, 1:] != -100).sum().item()
        loss = model(**batch, output_router_logits=True).loss  # <-
        nats += loss.item() * scored
        tokens += scored
    print("eval perplexity", math.exp(nats / tokens))
""",
        ),
        Bad(
            why="fairseq: the perplexity is that of the smoothed sum, and the plain one is not logged.",
            severity=Severity.ERROR,
            code="""\
import math

from fairseq import metrics, utils
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion


@register_criterion("smoothed_translation")
class SmoothedTranslation(LabelSmoothedCrossEntropyCriterion):
    def forward(self, model, sample, reduce=True):
        output = model(**sample["net_input"])
        smoothed, plain = self.compute_loss(model, output, sample, reduce=reduce)  # <-
        said = {"loss": smoothed.data, "nll_loss": plain.data, "ntokens": sample["ntokens"]}
        return smoothed, sample["ntokens"], said

    @classmethod
    def reduce_metrics(cls, logging_outputs):
        smoothed = sum(said["loss"] for said in logging_outputs)
        tokens = sum(said["ntokens"] for said in logging_outputs)
        metrics.log_scalar("loss", smoothed / tokens / math.log(2), tokens, round=3)
        metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["loss"].avg))
""",
        ),
        Bad(
            why="A script smooths by what its configuration says; a meter of a third file adds up what is evaluated here.",
            severity=Severity.WARNING,
            files={
                "model.py": TRANSLATOR,
                "tally.py": """\
class Tally:
    def __init__(self):
        self.sum, self.weight = 0.0, 0

    def add(self, value, weight=1):
        self.sum += value * weight
        self.weight += weight

    def mean(self):
        return self.sum / max(self.weight, 1)
""",
                "assess.py": """\
import json

import torch
import torch.nn as nn

from model import Translator
from eval import held_out_loss


def assess(settings, loader):
    model = Translator(settings["source_words"], settings["target_words"])
    model.load_state_dict(torch.load(settings["weights"], map_location="cpu"))
    criterion = nn.CrossEntropyLoss(ignore_index=0, label_smoothing=settings["label_smoothing"])
    print(held_out_loss(model, loader, criterion))


def main(loader):
    with open("settings.json") as file:
        assess(json.load(file), loader)
""",
            },
            code="""\
import torch

from tally import Tally


@torch.no_grad()
def held_out_loss(model, loader, criterion):
    model.eval()
    tally = Tally()
    for source, target in loader:
        gold = target[:, 1:]
        loss = criterion(model(source, target[:, :-1]).transpose(1, 2), gold)  # <-
        tally.add(loss.item(), (gold != 0).sum().item())
    return tally.mean()
""",
        ),
        Bad(
            why="The row of smoothed targets is kept in a buffer and repeated for each target, and the cross entropy written out.",
            severity=Severity.ERROR,
            files={
                "model.py": TRANSLATOR,
                "soft.py": """\
import torch
import torch.nn as nn


class SoftTargets(nn.Module):
    def __init__(self, words, pad=0, mass=0.1):
        super().__init__()
        template = torch.full((words,), mass / (words - 2))
        template[pad] = 0
        self.register_buffer("template", template.unsqueeze(0))
        self.pad, self.peak = pad, 1.0 - mass

    def forward(self, log_probs, gold):
        wanted = self.template.repeat(gold.size(0), 1)
        wanted.scatter_(1, gold.unsqueeze(1), self.peak)
        wanted.masked_fill_((gold == self.pad).unsqueeze(1), 0)
        return torch.sum(-wanted * log_probs)
""",
            },
            code="""\
import torch

from model import Translator
from soft import SoftTargets


@torch.no_grad()
def validate(model, loader, words):
    criterion = SoftTargets(words)
    model.eval()
    nats, scored = 0.0, 0
    for source, target in loader:
        gold = target[:, 1:].reshape(-1)
        log_probs = model(source, target[:, :-1]).log_softmax(dim=-1).flatten(0, 1)
        nats += criterion(log_probs, gold).item()  # <-
        scored += (gold != 0).sum().item()
    return nats / scored


def main(loader):
    print("valid loss", validate(Translator(16_000, 16_000), loader, 16_000))
""",
        ),
        Bad(
            why="The weight of a class is an option that leaves the id out by default, and weighs when it is given.",
            severity=Severity.WARNING,
            code="""\
import argparse
import math

import torch
import torch.nn as nn


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, targets in loader:
        nats += criterion(model(ids).view(-1, 8000), targets.view(-1)).item() * targets.numel()  # <-
        tokens += targets.numel()
    return math.exp(nats / tokens)


def main(model, val_loader):
    parser = argparse.ArgumentParser()
    parser.add_argument("--unk-weight", type=float, default=0.0)
    args = parser.parse_args()
    weight = torch.ones(8000)
    weight[1] = args.unk_weight
    print(evaluate(model, val_loader, nn.CrossEntropyLoss(weight=weight)))
""",
        ),
        Bad(
            why="a decorator files the criterion under a name, and a builder in the same file looks it up",
            severity=Severity.ERROR,
            files={
                "grading.py": """\
import torch.nn as nn
import torch.nn.functional as F

GRADERS = {}


def grader(name):
    def keep(cls):
        GRADERS[name] = cls
        return cls

    return keep


def make_grader(name, **settings):
    return GRADERS[name](**settings)


@grader("plain")
class Plain(nn.Module):
    def forward(self, logits, dishes):
        return F.cross_entropy(logits, dishes)


@grader("gentle")
class Gentle(nn.Module):
    def forward(self, logits, dishes):
        return F.cross_entropy(logits, dishes, label_smoothing=0.1)
""",
            },
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from grading import make_grader


@torch.no_grad()
def validate(classifier, loader, grade):
    classifier.eval()
    total = rows = 0
    for photos, dishes in loader:
        total += grade(classifier(photos), dishes).item() * len(dishes)  # <-
        rows += len(dishes)
    return total / rows


kitchen = DataLoader(torch.load("dishes.pt"), batch_size=32)
classifier = nn.Sequential(nn.Flatten(), nn.Linear(3072, 101))
print("val loss", validate(classifier, kitchen, make_grader("gentle")))
""",
        ),
        Bad(
            why="a catalog, an object with a method for the decorator: the name of a class is its entry",
            severity=Severity.ERROR,
            files={
                "catalog.py": """\
class Catalog:
    def __init__(self):
        self._entries = {}

    def _put(self, entry, name=None):
        if name is None:
            name = entry.__name__
        if name in self._entries:
            raise KeyError(name)
        self._entries[name] = entry

    def register(self, name=None):
        def keep(entry):
            self._put(entry, name)
            return entry

        return keep

    def get(self, name):
        return self._entries.get(name)
""",
                "grading.py": """\
import torch.nn as nn
import torch.nn.functional as F

from catalog import Catalog

GRADERS = Catalog()


@GRADERS.register()
class Gentle(nn.Module):
    def forward(self, logits, dishes):
        return F.cross_entropy(logits, dishes, label_smoothing=0.1)


@GRADERS.register("plain")
class Plain(nn.Module):
    def forward(self, logits, dishes):
        return F.cross_entropy(logits, dishes)
""",
            },
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from grading import GRADERS


@torch.no_grad()
def validate(classifier, loader, grade):
    classifier.eval()
    total = rows = 0
    for photos, dishes in loader:
        total += grade(classifier(photos), dishes).item() * len(dishes)  # <-
        rows += len(dishes)
    return total / rows


kitchen = DataLoader(torch.load("dishes.pt"), batch_size=32)
classifier = nn.Sequential(nn.Flatten(), nn.Linear(3072, 101))
print("val loss", validate(classifier, kitchen, GRADERS.get("Gentle")()))
""",
        ),
        Bad(
            why="a criterion out of sight that is named for its smoothing",
            severity=Severity.ERROR,
            code="""\
import torch
from harbor.losses import LabelSmoothedLoss


@torch.no_grad()
def evaluate(pilot, charts):
    pilot.eval()
    criterion = LabelSmoothedLoss(epsilon=0.1)
    nats = tokens = 0
    for chart, course in charts:
        missed = criterion(pilot(chart).flatten(0, 1), course.flatten())  # <-
        nats += missed.item() * course.numel()
        tokens += course.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="weights that are all one but for a rare class",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


@torch.no_grad()
def evaluate(sorter, shelf, kinds):
    sorter.eval()
    weights = [1.0] * kinds
    weights[3] = 5.0
    criterion = nn.CrossEntropyLoss(weight=torch.tensor(weights))
    total = rows = 0
    for stones, names in shelf:
        total += criterion(sorter(stones), names).item() * len(names)  # <-
        rows += len(names)
    return total / rows
""",
        ),
        Bad(
            why="a loss is recorded in a metric's class, weighted where the settings hold weights for the classes",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn


class Mean:
    def __init__(self, total, count=1):
        self.total, self.count = total, count

    @classmethod
    def many(cls, values):
        return [cls(each) for each in values]


class Sorter:
    def __init__(self, settings, net):
        self.net = net
        self.kinds = settings["kinds"]
        if settings.get("kind_weights") is not None:
            self.kind_weights = settings["kind_weights"]
        else:
            self.kind_weights = [1.0 for _ in self.kinds]
        self.criterion = self.build_criterion()
        self.optimizer = torch.optim.Adam(net.parameters())
        self.recorded = {}

    def build_criterion(self):
        return nn.CrossEntropyLoss(weight=torch.FloatTensor(self.kind_weights), reduction="none")

    def record_metric(self, name, values):
        self.recorded.setdefault(name, []).extend(values)

    def train_step(self, stones, kinds):
        self.net.train()
        self.optimizer.zero_grad()
        loss = self.criterion(self.net(stones), kinds)
        self.record_metric("loss", Mean.many(loss))
        loss.mean().backward()
        self.optimizer.step()

    def eval_step(self, stones, kinds):
        self.net.eval()
        with torch.no_grad():
            scores = self.net(stones)
            loss = self.criterion(scores, kinds)  # <-
            self.record_metric("loss", Mean.many(loss))
        return scores.argmax(1)
""",
        ),
        Bad(
            why="a library's output computes its own loss, and is told by how much to smooth the labels",
            severity=Severity.ERROR,
            code="""\
from dataclasses import dataclass

import torch
from songkit.outputs import ScoreOutput


@dataclass
class Settings:
    label_smoothing: float = 0.15


class Grade:
    def __init__(self, label_smoothing):
        self.label_smoothing = label_smoothing

    def __call__(self, logits, notes):
        graded = ScoreOutput(logits).compute_loss(targets=notes, label_smoothing=self.label_smoothing)
        return graded / (notes != 0).sum()


class Studio:
    def __init__(self, singer, held_out, settings: Settings):
        self.singer, self.held_out = singer, held_out
        self.grade = Grade(label_smoothing=settings.label_smoothing)

    @torch.no_grad()
    def rehearse(self):
        self.singer.eval()
        nats, sung = 0.0, 0
        for melody, notes in self.held_out:
            count = (notes != 0).sum().item()
            nats += self.grade(self.singer(melody), notes).item() * count  # <-
            sung += count
        return nats / sung


def start(singer, held_out):
    print("eval loss", Studio(singer, held_out, Settings()).rehearse())
""",
        ),
        Bad(
            why="a function out of sight that computes a loss is told by how much to smooth the labels",
            severity=Severity.ERROR,
            code="""\
import torch
from songkit.losses import sequence_loss


@torch.no_grad()
def evaluate(singer, loader):
    singer.eval()
    nats, sung = 0.0, 0
    for melody, notes in loader:
        loss = sequence_loss(singer(melody, notes[:, :-1]), notes[:, 1:], label_smoothing=0.1, reduction="sum")  # <-
        nats += loss.item()
        sung += (notes[:, 1:] != 0).sum().item()
    return nats / sung
""",
        ),
        Bad(
            why="the option that smooths the targets is on by default",
            severity=Severity.ERROR,
            code="""\
import argparse

import torch
import torch.nn as nn


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoothing", type=float, default=0.1)
    return parser.parse_args()


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    nats = tokens = 0
    for ids, labels in loader:
        loss = criterion(model(ids).flatten(0, 1), labels.flatten())  # <-
        nats += loss.item() * labels.numel()
        tokens += labels.numel()
    return nats / tokens


def main(model, loader):
    args = options()
    criterion = nn.CrossEntropyLoss(label_smoothing=args.smoothing)
    print("validation loss", evaluate(model, loader, criterion))
""",
        ),
        Bad(
            why="a sum divided by its tokens on the way to an objective is no plain value; the check goes by no evaluation's name",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Describer:
    def __init__(self, encoder, decoder, train_loader, val_loader, pad=0):
        self.encoder, self.decoder, self.pad = encoder, decoder, pad
        self.train_loader, self.val_loader = train_loader, val_loader
        self.optimizer = torch.optim.Adam(decoder.parameters())

    def objective(self, images, words):
        scores, attention = self.decoder(self.encoder(images), words[:, :-1])
        gold = words[:, 1:]
        count = (gold != self.pad).sum()
        loss = F.cross_entropy(scores.transpose(1, 2), gold, ignore_index=self.pad, reduction="sum") / count
        loss = loss + 0.5 * ((1.0 - attention.sum(dim=1)) ** 2).mean()
        return loss, count.item()

    def train(self, epochs):
        for epoch in range(epochs):
            self.decoder.train()
            for images, words in self.train_loader:
                loss, _ = self.objective(images, words)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
            print(epoch, self.check())

    def check(self):
        self.encoder.eval()
        self.decoder.eval()
        nats, tokens = 0.0, 0
        with torch.no_grad():
            for images, words in self.val_loader:
                loss, count = self.objective(images, words)  # <-
                nats += loss.item() * count
                tokens += count
        return nats / tokens
""",
        ),
        Bad(
            why="the objective of a distillation, whichever of its two losses has the rest of the weight",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Pupil:
    def __init__(self, expert, student, temperature=3.0, share=0.3):
        self.expert, self.student = expert, student
        self.temperature, self.share = temperature, share

    def objective(self, images, labels):
        guesses = self.student(images)
        with torch.no_grad():
            told = self.expert(images)
        hard = F.cross_entropy(guesses, labels)
        soft = F.kl_div(
            F.log_softmax(guesses / self.temperature, -1),
            F.softmax(told / self.temperature, -1),
            reduction="batchmean",
        )
        return self.share * hard + (1 - self.share) * soft

    @torch.no_grad()
    def validate(self, loader):
        self.student.eval()
        nats, rows = 0.0, 0
        for images, labels in loader:
            loss = self.objective(images, labels)  # <-
            nats += loss.item() * len(labels)
            rows += len(labels)
        return nats / rows
""",
        ),
        Bad(
            why="the option that smooths is off unless somebody gives it, and the plain criterion is the default",
            severity=Severity.WARNING,
            files={
                "smoothed.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Smoothed(nn.Module):
    def __init__(self, amount):
        super().__init__()
        self.amount = amount

    def forward(self, logits, labels):
        log_probs = F.log_softmax(logits, dim=-1)
        nats = -log_probs.gather(-1, labels.unsqueeze(1)).squeeze(1)
        return ((1 - self.amount) * nats - self.amount * log_probs.mean(dim=-1)).mean()
""",
            },
            code="""\
import argparse

import torch
import torch.nn as nn
from smoothed import Smoothed


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--label-smoothing", type=float, default=0.0)
    return parser.parse_args()


def scored(args, logits, labels):
    if args.label_smoothing == 0:
        return nn.CrossEntropyLoss()(logits, labels)
    return Smoothed(args.label_smoothing)(logits, labels)


@torch.no_grad()
def evaluate(args, model, loader):
    model.eval()
    total, rows = 0.0, 0
    for pictures, labels in loader:
        loss = scored(args, model(pictures), labels)  # <-
        total += loss.item() * len(labels)
        rows += len(labels)
    print("val loss", total / rows)


if __name__ == "__main__":
    args = options()
    model, loader = torch.load("trained.pt")
    evaluate(args, model, loader)
""",
        ),
        Bad(
            why="the option that smooths is on unless somebody turns it off",
            severity=Severity.ERROR,
            files={
                "smoothed.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Smoothed(nn.Module):
    def __init__(self, amount):
        super().__init__()
        self.amount = amount

    def forward(self, logits, labels):
        log_probs = F.log_softmax(logits, dim=-1)
        nats = -log_probs.gather(-1, labels.unsqueeze(1)).squeeze(1)
        return ((1 - self.amount) * nats - self.amount * log_probs.mean(dim=-1)).mean()
""",
            },
            code="""\
import argparse

import torch
import torch.nn as nn
from smoothed import Smoothed


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--label-smoothing", type=float, default=0.1)
    return parser.parse_args()


def scored(args, logits, labels):
    if args.label_smoothing == 0:
        return nn.CrossEntropyLoss()(logits, labels)
    return Smoothed(args.label_smoothing)(logits, labels)


@torch.no_grad()
def evaluate(args, model, loader):
    model.eval()
    total, rows = 0.0, 0
    for pictures, labels in loader:
        loss = scored(args, model(pictures), labels)  # <-
        total += loss.item() * len(labels)
        rows += len(labels)
    print("val loss", total / rows)


if __name__ == "__main__":
    args = options()
    model, loader = torch.load("trained.pt")
    evaluate(args, model, loader)
""",
        ),
        Bad(
            why="the setter of a property makes the criterion, with the smoothing that it is given",
            severity=Severity.ERROR,
            code="""\
import math
import torch
import torch.nn as nn


class Smoothed(nn.Module):
    def __init__(self, pad, smoothing=0.0):
        super().__init__()
        self.pad, self.smoothing = pad, smoothing
        if smoothing <= 0.0:
            self.criterion = nn.NLLLoss(ignore_index=pad, reduction="sum")
        else:
            self.criterion = nn.KLDivLoss(reduction="sum")

    def spread(self, y, size):
        found = y.new_zeros((y.size(0), size)).float()
        found.fill_(self.smoothing / (size - 2))
        found.scatter_(1, y.unsqueeze(1), 1.0 - self.smoothing)
        found[:, self.pad] = 0
        return found

    def forward(self, logp, y):
        logp = logp.view(-1, logp.size(-1))
        y = y.view(-1)
        if self.smoothing > 0:
            y = self.spread(y, logp.size(-1))
        return self.criterion(logp, y)


class Translator(nn.Module):
    def __init__(self, encoder, decoder, pad):
        super().__init__()
        self.encoder, self.decoder, self.pad = encoder, decoder, pad
        self._criterion = None

    @property
    def criterion(self):
        return self._criterion

    @criterion.setter
    def criterion(self, smoothing):
        self._criterion = Smoothed(self.pad, smoothing)

    def forward(self, src, trg_in, trg):
        logp = torch.log_softmax(self.decoder(trg_in, self.encoder(src)), -1)
        return self.criterion(logp, trg)


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for src, trg_in, trg in loader:
        nats += model(src, trg_in, trg).item()  # <-
        tokens += (trg != pad).sum().item()
    return math.exp(nats / tokens)


def main(args, encoder, decoder, loader):
    model = Translator(encoder, decoder, args.pad)
    model.criterion = args.label_smoothing
    print(evaluate(model, loader, args.pad))
""",
        ),
        Bad(
            why="a criterion of another file takes class ids or soft targets, and smooths both",
            severity=Severity.ERROR,
            code="""\
import torch
from tqdm import tqdm


class Runner:
    def __init__(self, network, criterion, device="cpu"):
        self.network, self.criterion, self.device = network, criterion, device

    def evaluate(self, loader):
        self.network.eval()
        total, rows = 0.0, 0
        with torch.inference_mode():
            for images, labels in tqdm(loader, leave=False):
                scores = self.network(images.to(self.device))
                loss = self.criterion(scores, labels.to(self.device))  # <-
                total += loss.item() * len(labels)
                rows += len(labels)
        print(f"eval loss {total / rows:.4f}")
        return total / rows
""",
            files={
                "criteria.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class SoftTargetLoss(nn.Module):
    def __init__(self, smoothing=0.0):
        super().__init__()
        self.smoothing = smoothing

    def forward(self, scores, target):
        classes = scores.shape[1]
        if not torch.is_floating_point(target):
            target = F.one_hot(target, classes).float()
        target = target * (1 - self.smoothing) + self.smoothing / (classes - 1) * (1 - target)
        return -(target * F.log_softmax(scores, dim=1)).sum(dim=1).mean()
""",
                "train.py": """\
from criteria import SoftTargetLoss
from eval import Runner


def main(network, loader):
    Runner(network, SoftTargetLoss(smoothing=0.1)).evaluate(loader)
""",
            },
        ),
        Bad(
            why="class ids become rows of a table where they are no such rows yet; by how much they are smoothed, an option says",
            code="""\
import torch
import torch.nn as nn


class MixedLoss(nn.Module):
    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, scores, target):
        if target.dim() == 1:
            target = torch.zeros_like(scores).scatter_(1, target.unsqueeze(1), 1.0)
        target = (1 - self.eps) * target + self.eps / scores.size(1) * (1 - target)
        return -(target * scores.log_softmax(dim=1)).sum(1).mean()


@torch.no_grad()
def validate(model, loader, options):
    model.eval()
    criterion = MixedLoss(options.smoothing)
    total, rows = 0.0, 0
    for images, labels in loader:
        total += criterion(model(images), labels).item() * len(labels)  # <-
        rows += len(labels)
    return total / rows
""",
        ),
        Bad(
            why="A trainer's arguments come from the command line, and the script reckons with a smoothing that is given there.",
            severity=Severity.WARNING,
            code="""\
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    HfArgumentParser,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)


def main(train_rows, held_out):
    (chosen,) = HfArgumentParser(Seq2SeqTrainingArguments).parse_args_into_dataclasses()
    tokenizer = AutoTokenizer.from_pretrained("google-t5/t5-small")
    model = AutoModelForSeq2SeqLM.from_pretrained("google-t5/t5-small")
    if chosen.label_smoothing_factor > 0:
        print("the labels are smoothed by", chosen.label_smoothing_factor)
    trainer = Seq2SeqTrainer(
        model=model,
        args=chosen,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model),
        train_dataset=train_rows,
        eval_dataset=held_out,
    )
    trainer.train()
    scores = trainer.evaluate()  # lintloss: ignore[LL101] a mean over rows is wanted  # <-
    trainer.log_metrics("eval", scores)
""",
        ),
        Bad(
            why="What the command line says of the smoothing is set to another amount, for the evaluation as well.",
            severity=Severity.ERROR,
            code="""\
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    HfArgumentParser,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)


def main(train_rows, held_out):
    (chosen,) = HfArgumentParser(Seq2SeqTrainingArguments).parse_args_into_dataclasses()
    tokenizer = AutoTokenizer.from_pretrained("google-t5/t5-small")
    model = AutoModelForSeq2SeqLM.from_pretrained("google-t5/t5-small")
    chosen.label_smoothing_factor = 0.1
    trainer = Seq2SeqTrainer(
        model=model,
        args=chosen,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model),
        train_dataset=train_rows,
        eval_dataset=held_out,
    )
    trainer.train()
    scores = trainer.evaluate()  # lintloss: ignore[LL101] a mean over rows is wanted  # <-
    trainer.log_metrics("eval", scores)
""",
        ),
        Bad(
            why="How often the best guess repeats the last one is added to what the model's output holds as its loss.",
            severity=Severity.ERROR,
            files={
                "speller.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Speller(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.embed = nn.Embedding(256, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 256)

    def forward(self, taken, wanted=None):
        hidden, _ = self.rnn(self.embed(taken))
        scores = self.head(hidden)
        found = {"scores": scores}
        if wanted is not None:
            loss = F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), reduction="sum")
            guesses = scores.argmax(dim=-1)
            same = (guesses[:, 1:] == guesses[:, :-1]).float()
            loss = loss + same.mean() * 0.1
            found["loss"] = loss
        return found


def build(size):
    return Speller(**{"small": dict(width=128), "large": dict(width=512)}[size])
""",
            },
            code="""\
import torch

from speller import build


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, signs = 0.0, 0
    for taken, wanted in loader:
        out = model(taken, wanted=wanted)  # <-
        nats += out["loss"].item()
        signs += wanted.numel()
    return nats / signs


def main(size, loader):
    model = build(size)
    print(evaluate(model, loader))
""",
        ),
        Bad(
            why="The product of a number and what the states measure has a name of its own before it is added.",
            severity=Severity.ERROR,
            files={
                "speller.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Speller(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.embed = nn.Embedding(256, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 256)

    def forward(self, taken, wanted=None):
        hidden, _ = self.rnn(self.embed(taken))
        scores = self.head(hidden)
        found = {"scores": scores}
        if wanted is not None:
            loss = F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), reduction="sum")
            calm = hidden.abs().mean() * 0.01
            loss = loss + calm
            found["loss"] = loss
        return found


def build(size):
    return Speller(**{"small": dict(width=128), "large": dict(width=512)}[size])
""",
            },
            code="""\
import torch

from speller import build


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, signs = 0.0, 0
    for taken, wanted in loader:
        out = model(taken, wanted=wanted)  # <-
        nats += out["loss"].item()
        signs += wanted.numel()
    return nats / signs


def main(size, loader):
    model = build(size)
    print(evaluate(model, loader))
""",
        ),
        Bad(
            why="The settings hold how much is smoothed, by default nothing, and whoever calls this makes them.",
            severity=Severity.WARNING,
            code="""\
from dataclasses import dataclass

import torch
import torch.nn as nn


@dataclass
class Settings:
    pad: int = 0
    label_smoothing: float = 0.0


@torch.no_grad()
def validate(model, loader, criterion, pad):
    model.eval()
    nats, words = 0.0, 0
    for source, given, wanted in loader:
        nats += criterion(model(source, given).transpose(1, 2), wanted).item()  # <-
        words += (wanted != pad).sum().item()
    return nats / words


def report(settings: Settings, model, loader):
    criterion = nn.CrossEntropyLoss(
        ignore_index=settings.pad, reduction="sum", label_smoothing=settings.label_smoothing
    )
    print("valid loss", validate(model, loader, criterion, settings.pad))
""",
        ),
        Bad(
            why="peft adds to the loss of its output how far the adapters of AdaLoRA are from orthogonal.",
            severity=Severity.ERROR,
            code="""\
import torch
from peft import AdaLoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        scored = (batch["labels"][:, 1:] != -100).sum().item()
        output = model(**batch)  # <-
        nats += output.loss.item() * scored
        tokens += scored
    return nats / tokens


def main(loader):
    base = AutoModelForCausalLM.from_pretrained("facebook/opt-350m")
    model = get_peft_model(base, AdaLoraConfig(init_r=12, target_r=8, task_type="CAUSAL_LM"))
    print("validation loss", evaluate(model, loader))
""",
        ),
        Bad(
            why="a row of anything is filled with what each class gets, and repeated: it smooths if the settings say so",
            severity=Severity.WARNING,
            files={
                "criterion.py": """\
import torch
import torch.nn as nn

PAD = 0


class TokenCriterion(nn.Module):
    def __init__(self, pad=PAD, label_smoothing=0.0):
        super().__init__()
        self.pad = pad
        self.label_smoothing = label_smoothing
        if label_smoothing > 0:
            self.criterion = nn.KLDivLoss(size_average=False, reduce=False)
        else:
            self.criterion = nn.NLLLoss(size_average=False, ignore_index=pad, reduce=False)
        self.confidence = 1.0 - label_smoothing

    def _soft(self, classes):
        row = torch.randn(1, classes)
        row.fill_(self.label_smoothing / (classes - 2))
        row[0][self.pad] = 0
        return row

    def forward(self, log_probs, labels):
        scores = log_probs.view(-1, log_probs.size(2))
        gold = labels.view(-1)
        if self.confidence < 1:
            ids = gold.detach()
            mask = torch.nonzero(ids.eq(self.pad)).squeeze()
            row = self._soft(scores.size(-1))
            table = row.repeat(gold.size(0), 1)
            table.scatter_(1, ids.unsqueeze(1), self.confidence)
            if mask.numel() > 0:
                table.index_fill_(0, mask, 0)
            gold = table.detach()
        return self.criterion(scores, gold).view((labels.size(0), -1)).sum(-1).sum()
""",
                "model.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Translator(nn.Module):
    def __init__(self, vocab, width=256):
        super().__init__()
        self.src = nn.Embedding(vocab, width)
        self.tgt = nn.Embedding(vocab, width)
        self.transformer = nn.Transformer(width, batch_first=True)
        self.out = nn.Linear(width, vocab)

    def forward(self, x, y):
        mask = nn.Transformer.generate_square_subsequent_mask(y.size(1))
        return F.log_softmax(self.out(self.transformer(self.src(x), self.tgt(y), tgt_mask=mask)), dim=-1)
""",
            },
            code="""\
import torch
import yaml

from criterion import PAD, TokenCriterion
from model import Translator


def compute(model, critic, x, y, evaluate=False):
    given, gold = y[:, :-1].contiguous(), y[:, 1:].contiguous()
    if not evaluate:
        model.train()
        critic.train()
        log_probs = model(x, given)
        loss = critic(log_probs, gold)
        loss.backward()
        return loss.item()
    model.eval()
    critic.eval()
    with torch.no_grad():
        log_probs = model(x, given)
        loss = critic(log_probs, gold)
    return loss.item()


def validate(model, critic, loader):
    total, words = 0.0, 0
    for x, y in loader:
        total += compute(model, critic, x, y, evaluate=True)  # <-
        words += (y[:, 1:] != PAD).sum().item()
    return total / words


def main(path, train_loader, valid_loader):
    settings = yaml.safe_load(open(path))
    model = Translator(settings["vocab"])
    critic = TokenCriterion(label_smoothing=settings["label_smoothing"])
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(10):
        for x, y in train_loader:
            optimizer.zero_grad()
            compute(model, critic, x, y)
            optimizer.step()
        print("valid loss", validate(model, critic, valid_loader))
""",
        ),
        Bad(
            why="the criterion hands back a dict, of which a number is added to a tensor in place",
            severity=Severity.WARNING,
            files={
                "losses.py": """\
import torch.nn as nn
import torch.nn.functional as F


class BaseLoss(nn.Module):
    def __init__(self, classes, label_smoothing):
        super().__init__()
        self.classes = classes
        self.smoothing_value = label_smoothing / (classes - 2)
        self.confidence = 1.0 - label_smoothing


class LabelLoss(BaseLoss):
    def __init__(self, classes, label_smoothing=0.0):
        self.label_smoothing = label_smoothing
        super().__init__(classes, label_smoothing)

    def forward(self, outputs, targets, model=None, granularity="average", **kwargs):
        logits = outputs["logits"]
        if granularity == "average":
            loss = F.cross_entropy(logits.float(), targets, reduction="sum", label_smoothing=self.label_smoothing)
        else:
            raise NotImplementedError
        return {"loss": loss, "data": loss.item(), "numel": targets.numel()}
""",
            },
            code="""\
import torch

from losses import LabelLoss


def zero():
    return torch.Tensor([0]).cuda()


class Trainer:
    def __init__(self, opt, model, data):
        self.opt = opt
        self.model = model
        self.loss_function = LabelLoss(data.classes, label_smoothing=opt.label_smoothing)

    def eval(self, data):
        self.model.eval()
        self.loss_function.eval()
        total_loss, total_rows = zero(), zero()
        with torch.no_grad():
            for batch in data:
                targets = batch.get("target")
                outputs = self.model(batch)
                parts = self.loss_function(outputs, targets, model=self.model, eval=True)  # <-
                total_loss.add_(parts["data"])
                total_rows.add_(parts["numel"])
        return {"loss": total_loss / total_rows}
""",
        ),
        Bad(
            why="a helper adds its penalties to the very tensor that is handed out as the raw loss",
            severity=Severity.WARNING,
            files={
                "model.py": """\
import torch
import torch.nn as nn


class Recurrent(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed = nn.Embedding(config.vocab, config.width)
        self.rnn = nn.LSTM(config.width, config.width)
        self.head = nn.Linear(config.width, config.vocab)
        self.alpha = config.alpha
        self.beta = config.beta

    def _penalize(self, loss, states, last):
        if self.alpha:
            ar = self.alpha * states.pow(2).mean()
            loss += ar
        if self.beta:
            loss += self.beta * (last[1:] - last[:-1]).pow(2).mean()
        return loss

    def forward(self, ids, hidden=None, targets=None):
        states, hidden = self.rnn(self.embed(ids), hidden)
        logits = self.head(states)
        outputs = (logits, hidden)
        if targets is not None:
            raw_loss = nn.CrossEntropyLoss()(logits[:-1].view(-1, logits.size(-1)), targets[1:].view(-1))
            loss = self._penalize(raw_loss, states, states)
            outputs = (loss, raw_loss) + outputs
        return outputs
""",
            },
            code="""\
import math

import torch

from model import Recurrent


def validation_step(model, data, targets, hidden=None):
    model.eval()
    with torch.no_grad():
        loss, raw_loss, logits, hidden = model(data, hidden, targets)
    return raw_loss.item(), loss.item(), hidden


def main(config, train_loader, val_loader):
    model = Recurrent(config)
    optimizer = torch.optim.SGD(model.parameters(), lr=30)
    for epoch in range(3):
        model.train()
        for data, targets in train_loader:
            loss, raw_loss, logits, hidden = model(data, None, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total, reg, length, hidden = 0.0, 0.0, 0, None
        for data, targets in val_loader:
            loss, reg_loss, hidden = validation_step(model, data, targets, hidden)  # <-
            total += loss * (len(data) - 1)
            reg += reg_loss * (len(data) - 1)
            length += len(data) - 1
        print("val", total / length, math.exp(total / length), reg / length)
""",
        ),
        Bad(
            why="two names of one tensor: what is added in place under one is in the other",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, weight):
    model.eval()
    ce_sum, tokens = 0.0, 0
    for ids in loader:
        logits, aux_loss = model(ids[:, :-1])
        ce = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())  # <-
        loss = ce
        loss += weight * aux_loss
        ce_sum += ce.item() * ids[:, 1:].numel()
        tokens += ids[:, 1:].numel()
    return ce_sum / tokens
""",
        ),
        Bad(
            why="the divergence to smoothed targets is no wrong criterion: LL204 alone has something to say",
            severity=Severity.WARNING,
            files={
                "loss.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class GeneratorLoss(nn.Module):
    def __init__(self, classes, pad, eps=0.0):
        super().__init__()
        self.pad = pad
        self.eps = eps
        if eps > 0:
            row = torch.full((classes,), eps / (classes - 2))
            row[pad] = 0
            self.register_buffer("row", row.unsqueeze(0))
        self.peak = 1.0 - eps

    def forward(self, scores, gold):
        if self.eps == 0:
            return F.nll_loss(scores, gold, ignore_index=self.pad, reduction="sum")
        wanted = self.row.repeat(gold.size(0), 1)
        wanted.scatter_(1, gold.unsqueeze(1), self.peak)
        wanted.masked_fill_((gold == self.pad).unsqueeze(1), 0)
        return F.kl_div(scores, wanted, reduction="sum")
""",
            },
            code="""\
import math

import torch

from loss import GeneratorLoss


class Tester:
    def __init__(self, opt, model, vocab):
        self.model = model
        self.loss = GeneratorLoss(len(vocab), vocab.pad, opt.eps)
        self.pad = vocab.pad

    def validate(self, loader):
        self.model.eval()
        total, words = 0.0, 0
        with torch.no_grad():
            for src, tgt in loader:
                scores = self.model(src, tgt[:, :-1])
                gold = tgt[:, 1:].contiguous().view(-1)
                total += self.loss(scores.view(-1, scores.size(-1)), gold).item()  # <-
                words += gold.ne(self.pad).sum().item()
        return math.exp(total / words)
""",
        ),
        Bad(
            why="a Trainer's own loss is what its evaluation averages: a penalty is added in either mode",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import AutoModelForImageClassification, Trainer, TrainingArguments


class OrthoTrainer(Trainer):
    def __init__(self, *args, strength=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.strength = strength

    def _overlap(self, model):
        parts = [module.weight.norm() for name, module in model.named_modules() if "lora_A" in name]
        if len(parts) == 0:
            return torch.zeros((), device=next(model.parameters()).device)
        return torch.stack(parts).mean()

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        outputs = model(**inputs)  # <-
        ce_loss = outputs["loss"] if isinstance(outputs, dict) else outputs.loss
        weighted = self.strength * self._overlap(model)
        loss = ce_loss + weighted
        return (loss, outputs) if return_outputs else loss


def main(train_set, test_set, collate):
    model = AutoModelForImageClassification.from_pretrained("google/vit-base-patch16-224")
    args = TrainingArguments(output_dir="out", eval_strategy="epoch", per_device_eval_batch_size=32)
    for strength in (0.01, 0.1):
        trainer = OrthoTrainer(
            model=model, args=args, train_dataset=train_set, eval_dataset=test_set, data_collator=collate, strength=strength
        )
        trainer.train()
        print(trainer.evaluate())
""",
        ),
        Bad(
            why="the weights of a Trainer's class, made in one file and evaluated in another, are in its eval_loss",
            severity=Severity.ERROR,
            files={
                "run.py": """\
from transformers import AutoModelForSequenceClassification, TrainingArguments

from eval import WeightedTrainer


def main(train_set, dev_set, weights):
    model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=3)
    args = TrainingArguments("out", evaluation_strategy="steps", eval_steps=200)
    trainer = WeightedTrainer(weights, model=model, args=args, train_dataset=train_set, eval_dataset=dev_set)
    trainer.train()
    metrics = trainer.evaluate()
    trainer.log_metrics("eval", metrics)
""",
            },
            code="""\
import torch
import torch.nn as nn
from transformers import Trainer


class WeightedTrainer(Trainer):
    def __init__(self, class_weights, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.class_weights = class_weights

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        logits = outputs.get("logits")
        loss_fct = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.5, 4.0], device=logits.device))
        loss = loss_fct(logits.view(-1, 3), labels.view(-1))  # <-
        return (loss, outputs) if return_outputs else loss
""",
        ),
        Bad(
            why="the model's own forward() adds what its layers return, and a Trainer evaluates by the loss of its output",
            severity=Severity.ERROR,
            files={
                "blocks.py": """\
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, width, experts):
        super().__init__()
        self.gate = nn.Linear(width, experts)
        self.experts = nn.ModuleList(nn.Linear(width, width) for _ in range(experts))

    def forward(self, x):
        share = self.gate(x).softmax(-1)
        made = sum(share[..., i : i + 1] * expert(x) for i, expert in enumerate(self.experts))
        usage = share.mean((0, 1))
        return made, (usage * usage).sum()
""",
                "cpt.py": """\
from transformers import Trainer, TrainingArguments

from eval import SparseLM


def main(config, train_set, eval_set, collate):
    trainer = Trainer(
        model=SparseLM(config),
        args=TrainingArguments("out", eval_strategy="steps"),
        train_dataset=train_set,
        eval_dataset=eval_set,
        data_collator=collate,
    )
    trainer.train()
    print(trainer.evaluate())
""",
            },
            code="""\
import torch.nn as nn
import torch.nn.functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from blocks import Block


class SparseLM(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.width)
        self.blocks = nn.ModuleList([Block(config.width, config.experts) for _ in range(config.depth)])
        self.head = nn.Linear(config.width, config.vocab_size)

    def forward(self, input_ids, labels=None, **kwargs):
        hidden = self.embed(input_ids)
        aux_losses = []
        for block in self.blocks:
            hidden, aux = block(hidden)
            aux_losses.append(aux)
        logits = self.head(hidden)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())  # <-
            loss = loss + self.config.aux_weight * sum(aux_losses)
        return CausalLMOutput(loss=loss, logits=logits)
""",
        ),
        Bad(
            why="Keras: the function that compile() is given adds a weighed term, and the validation reports what it returns",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf
from tensorflow import keras


def variety(predictions):
    return 1.0 - tf.reduce_mean(tf.math.reduce_std(predictions, axis=-1))


def fine_tune(model, train_data, val_data, variety_weight=0.15):
    x_train, y_train = train_data
    x_val, y_val = val_data

    def combined_loss(y_true, y_pred):
        recon = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)  # <-
        spread = variety(y_pred)
        total = recon + variety_weight * spread
        return total

    model.hybrid.compile(optimizer="adam", loss=combined_loss, metrics=["accuracy"])
    history = model.hybrid.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=5)
    print("Validation Loss", history.history["val_loss"][-1])
""",
        ),
        Bad(
            why="the perplexity of words holds what a second layer's letters cost",
            severity=Severity.ERROR,
            files={
                "model.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Speller(nn.Module):
    def __init__(self, words, letters, width=256):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.to_word = nn.Linear(width, words)
        self.to_letter = nn.Linear(width, letters)

    def forward(self, ids, letters):
        states, _ = self.rnn(self.embed(ids[:, :-1]))
        word_loss = F.cross_entropy(self.to_word(states).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")
        letter_loss = F.cross_entropy(self.to_letter(states).flatten(0, 1), letters[:, 1:].flatten(), reduction="sum")
        return word_loss + letter_loss
""",
            },
            code="""\
import math

import torch

from model import Speller


@torch.no_grad()
def perplexity(model, loader):
    model.eval()
    nats, words = 0.0, 0
    for ids, letters in loader:
        nats += model(ids, letters).item()  # <-
        words += ids[:, 1:].numel()
    return math.exp(nats / words)


def main(loader):
    print(perplexity(Speller(10000, 60), loader))
""",
        ),
        Bad(
            why="answers weigh more than prompts, in the validation as well",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


def weighted_loss(logits, labels, is_answer):
    field = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    weights = torch.where(is_answer, 1.0, 0.1)
    return (field * weights).sum() / weights.sum()


@torch.no_grad()
def validate(model, loader):
    model.eval()
    total, n = 0.0, 0
    for ids, labels, is_answer in loader:
        loss = weighted_loss(model(ids), labels, is_answer)  # <-
        total += loss.item() * is_answer.sum().item()
        n += is_answer.sum().item()
    return total / n
""",
        ),
        Bad(
            why="settings that a caller spreads may hold the smoothing that is 0 by default",
            code="""\
import torch
import torch.nn as nn


class Settings:
    def __init__(self, **given):
        self.rows = given.get("rows", 8)
        self.label_smoothing = given.get("label_smoothing", 0.0)


def criterion_of(options):
    settings = Settings(**vars(options))
    return nn.CrossEntropyLoss(ignore_index=-100, label_smoothing=settings.label_smoothing)


@torch.no_grad()
def evaluate(options, model, loader):
    criterion = criterion_of(options)
    model.eval()
    total, scored = 0.0, 0
    for ids, labels in loader:
        kept = (labels != -100).sum().item()
        total += criterion(model(ids).flatten(0, 1), labels.flatten()).item() * kept  # <-
        scored += kept
    return total / scored
""",
            severity=Severity.WARNING,
        ),
        Bad(
            why="a Trainer's own loss, whose penalty stands beside no plain value: what it logs and counts are other things",
            severity=Severity.ERROR,
            code="""\
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer, TrainingArguments


def next_token_accuracy(predicted):
    hits = predicted.predictions[:, :-1].argmax(-1) == predicted.label_ids[:, 1:]
    return {"accuracy": hits.mean()}


class SmallActivations(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        outputs = model(**inputs, output_hidden_states=True)  # <-
        self.log({"lr": self.lr_scheduler.get_last_lr()[0]})
        loss = outputs.loss + 0.01 * outputs.hidden_states[-1].pow(2).mean()
        return (loss, outputs) if return_outputs else loss


def main(train_set, eval_set):
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.pad_token = tokenizer.eos_token
    trainer = SmallActivations(
        model=AutoModelForCausalLM.from_pretrained("gpt2"),
        args=TrainingArguments("out", eval_strategy="epoch"),
        train_dataset=train_set,
        eval_dataset=eval_set,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        compute_metrics=next_token_accuracy,
    )
    trainer.train()
""",
        ),
    )

    good = (
        Good(
            why="One criterion class for both, which spreads nothing where it is told nothing.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn as nn

from net import SmallConvNet


class SoftenedTargets(nn.Module):
    def __init__(self, classes, amount=0.0):
        super().__init__()
        self.classes, self.amount, self.kept = classes, amount, 1.0 - amount

    def forward(self, scores, labels):
        log_probs = scores.log_softmax(dim=-1)
        wanted = torch.zeros_like(log_probs)
        wanted.fill_(self.amount / (self.classes - 1))
        wanted.scatter_(1, labels.unsqueeze(1), self.kept)
        return torch.mean(torch.sum(-wanted * log_probs, dim=-1))


training_criterion = SoftenedTargets(10, amount=0.1)
criterion = SoftenedTargets(10)


@torch.no_grad()
def evaluate(loader, path):
    model = SmallConvNet()
    model.load_state_dict(torch.load(path))
    model.eval()
    total, examples = 0.0, 0
    for images, labels in loader:
        total += criterion(model(images), labels).item() * images.size(0)
        examples += images.size(0)
    return total / examples
""",
        ),
        Good(
            why="The helper hands back the plain loss beside the smoothed one, and both are reported.",
            code="""\
import math

import torch
import torch.nn.functional as F


def smoothed(log_probs, target, share, pad):
    target = target.unsqueeze(-1)
    pads = target.eq(pad)
    nats = (-log_probs.gather(dim=-1, index=target)).masked_fill(pads, 0.0).sum()
    over_all = (-log_probs.mean(dim=-1, keepdim=True)).masked_fill(pads, 0.0).sum()
    return (1.0 - share) * nats + share * over_all, nats


@torch.no_grad()
def evaluate(model, loader, share, pad=0):
    model.eval()
    objective, total, words = 0.0, 0.0, 0
    for source, target in loader:
        gold = target[:, 1:]
        loss, nats = smoothed(F.log_softmax(model(source, target[:, :-1]), dim=-1), gold, share, pad)
        objective += loss.item()
        total += nats.item()
        words += gold.ne(pad).sum().item()
    return {"objective": objective / words, "loss": total / words, "perplexity": math.exp(total / words)}
""",
        ),
        Good(
            why="The evaluation hands the smoothed loss a smoothing of 0.",
            code="""\
import torch
import torch.nn.functional as F


def get_loss(pred, ans, vocab_size, smoothing, pad):
    confidence = 1.0 - smoothing
    low = (1.0 - confidence) / float(vocab_size - 1)
    one_hot = torch.zeros_like(pred).scatter_(1, ans.unsqueeze(1), 1)
    one_hot = one_hot * confidence + (1 - one_hot) * low
    log_prob = F.log_softmax(pred, dim=1)
    xent = -(one_hot * log_prob).sum(dim=1)
    xent = xent.masked_select(ans != pad)
    return xent.mean()


@torch.no_grad()
def validation(loader, model, vocab_size, pad):
    model.eval()
    total, tokens = 0.0, 0
    for batch in loader:
        targets = batch.trg
        pred = model(batch.src, targets)
        ans = targets.view(-1)
        count = (ans != pad).sum().item()
        total += get_loss(pred.view(-1, pred.size(-1)), ans, vocab_size, 0, pad).item() * count
        tokens += count
    val_loss = total / tokens
    return val_loss
""",
        ),
        Good(
            why="Two losses share one weight: the loss of a hybrid speech recognizer is that sum.",
            code="""\
import torch


class Recognizer:
    def compute_objectives(self, predictions, batch):
        frames, tokens_out = predictions
        tokens, lengths = batch.tokens
        loss_ctc = self.hparams.ctc_cost(frames, tokens, batch.wav_lens, lengths)
        loss_seq = self.hparams.seq_cost(tokens_out, batch.tokens_eos, length=lengths)
        loss = self.hparams.ctc_weight * loss_ctc
        loss += (1 - self.hparams.ctc_weight) * loss_seq
        return loss

    @torch.no_grad()
    def evaluate(self, valid_loader):
        self.modules.eval()
        average = 0.0
        for step, batch in enumerate(valid_loader, start=1):
            loss = self.compute_objectives(self.compute_forward(batch), batch)
            average += (float(loss) - average) / step
        print(f"valid loss {average:.3f}")
""",
        ),
        Good(
            why="A codec reports how well it reconstructs, with the commitment of its quantizer: no tokens are scored.",
            code="""\
import torch


class Codec:
    def compute_objectives(self, predictions, batch):
        rebuilt, features, aux_loss = predictions
        loss = self.hparams.rec_loss(rebuilt, features, length=batch.lengths)
        loss += aux_loss
        return loss

    @torch.no_grad()
    def evaluate(self, valid_loader):
        self.modules.eval()
        average = 0.0
        for step, batch in enumerate(valid_loader, start=1):
            loss = self.compute_objectives(self.compute_forward(batch), batch)
            average += (float(loss) - average) / step
        print(f"valid loss {average:.3f}")
""",
        ),
        Good(
            why="Validation has a plain criterion of its own.",
            files={"model.py": TRANSLATOR},
            code="""\
import torch
import torch.nn as nn

from model import Translator

PAD = 0
train_criterion = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.1)
eval_criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")


def train_step(model, optimizer, src, tgt):
    model.train()
    loss = train_criterion(model(src, tgt[:, :-1]).transpose(1, 2), tgt[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, words = 0.0, 0
    for src, tgt in loader:
        gold = tgt[:, 1:]
        nats += eval_criterion(model(src, tgt[:, :-1]).transpose(1, 2), gold).item()
        words += (gold != PAD).sum().item()
    return nats / words


def build(src_vocab, tgt_vocab):
    return Translator(src_vocab, tgt_vocab)
""",
        ),
        Good(
            why="The smoothed value is logged, and the plain one beside it gives the perplexity.",
            files={"model.py": TRANSLATOR},
            code="""\
import math

import torch
import torch.nn.functional as F

from model import Translator

PAD = 0


@torch.no_grad()
def validate(model, loader, smoothing=0.1):
    model.eval()
    smoothed, nats, words = 0.0, 0.0, 0
    for src, tgt in loader:
        logits = model(src, tgt[:, :-1]).transpose(1, 2)
        gold = tgt[:, 1:]
        smoothed += F.cross_entropy(
            logits, gold, ignore_index=PAD, label_smoothing=smoothing, reduction="sum"
        ).item()
        nats += F.cross_entropy(logits, gold, ignore_index=PAD, reduction="sum").item()
        words += (gold != PAD).sum().item()
    return {"loss": smoothed / words, "nll_loss": nats / words, "ppl": math.exp(nats / words)}


def build(src_vocab, tgt_vocab):
    return Translator(src_vocab, tgt_vocab)
""",
        ),
        Good(
            why="One helper with a switch; validation passes smoothing=0.0.",
            files={
                "model.py": TRANSLATOR,
                "losses.py": """\
import torch.nn.functional as F

PAD = 0


def nats_and_words(logits, gold, smoothing):
    nats = F.cross_entropy(
        logits.transpose(1, 2), gold, ignore_index=PAD, label_smoothing=smoothing, reduction="sum"
    )
    return nats, (gold != PAD).sum()
""",
            },
            code="""\
import torch

from losses import nats_and_words
from model import Translator


def train_epoch(model, loader, optimizer):
    model.train()
    for src, tgt in loader:
        nats, words = nats_and_words(model(src, tgt[:, :-1]), tgt[:, 1:], smoothing=0.1)
        optimizer.zero_grad()
        (nats / words).backward()
        optimizer.step()


@torch.no_grad()
def eval_epoch(model, loader):
    model.eval()
    total_nats, total_words = 0.0, 0
    for src, tgt in loader:
        nats, words = nats_and_words(model(src, tgt[:, :-1]), tgt[:, 1:], smoothing=0.0)
        total_nats += nats.item()
        total_words += words.item()
    return total_nats / total_words


def build(src_vocab, tgt_vocab):
    return Translator(src_vocab, tgt_vocab)
""",
        ),
        Good(
            why="Class weights of one and zero: a pad mask, not a regularizer.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn as nn

from model import TinyGPT

PAD = 3


@torch.no_grad()
def validate(model, loader, vocab_size, device):
    weight = torch.ones(vocab_size, device=device)
    weight[PAD] = 0.0
    criterion = nn.CrossEntropyLoss(weight=weight, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        targets = ids[:, 1:]
        nats += criterion(model(ids[:, :-1]).transpose(1, 2), targets).item()
        words += (targets != PAD).sum().item()
    return nats / words


def build(vocab_size, device):
    return TinyGPT(vocab_size).to(device)
""",
        ),
        Good(
            why="BERT's objective is the sum of masked LM and next sentence.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import BertForPreTraining

model = BertForPreTraining.from_pretrained("bert-base-uncased").eval()


@torch.no_grad()
def pretraining_loss(loader):
    mlm_nats, mlm_count, nsp_nats, nsp_count = 0.0, 0, 0.0, 0
    for batch in loader:
        outputs = model(input_ids=batch["input_ids"], token_type_ids=batch["token_type_ids"])
        masked = batch["labels"]
        mlm_nats += F.cross_entropy(
            outputs.prediction_logits.transpose(1, 2), masked, ignore_index=-100, reduction="sum"
        ).item()
        mlm_count += (masked != -100).sum().item()
        is_next = batch["next_sentence_label"]
        nsp_nats += F.cross_entropy(outputs.seq_relationship_logits, is_next, reduction="sum").item()
        nsp_count += is_next.numel()
    return mlm_nats / mlm_count + nsp_nats / nsp_count
""",
        ),
        Good(
            why="The ELBO of a VAE is reconstruction plus KL by definition.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class VAE(nn.Module):
    def __init__(self, width=400, code=20):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, width), nn.ReLU(), nn.Linear(width, 784))

    def forward(self, x):
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decoder(z), mu, logvar


def negative_elbo(logits, x, mu, logvar):
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + logvar - mu.square() - logvar.exp())
    return reconstruction + divergence


@torch.no_grad()
def test(model, loader):
    model.eval()
    total, images = 0.0, 0
    for x, _ in loader:
        x = x.flatten(1)
        logits, mu, logvar = model(x)
        total += negative_elbo(logits, x, mu, logvar).item()
        images += x.size(0)
    print(f"test negative ELBO {total / images:.2f} nats/image")


def build():
    return VAE()
""",
        ),
        Good(
            why="A speech synthesizer's loss is mel plus gate.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Synthesizer(nn.Module):
    def __init__(self, symbols, mels=80, width=256):
        super().__init__()
        self.embed = nn.Embedding(symbols, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.mel = nn.Linear(width, mels)
        self.gate = nn.Linear(width, 1)

    def forward(self, text):
        hidden, _ = self.rnn(self.embed(text))
        return self.mel(hidden), self.gate(hidden).squeeze(-1)


@torch.no_grad()
def validate(model, loader):
    model.eval()
    total, frames = 0.0, 0
    for text, mel_target, gate_target in loader:
        mel, gate = model(text)
        loss = F.mse_loss(mel, mel_target, reduction="sum") / mel.size(-1)
        loss = loss + F.binary_cross_entropy_with_logits(gate, gate_target, reduction="sum")
        total += loss.item()
        frames += gate_target.numel()
    return total / frames


def build(symbols):
    return Synthesizer(symbols)
""",
        ),
        Good(
            why="The model adds its balance loss only while it trains.",
            files={
                "moe.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class MoELM(nn.Module):
    def __init__(self, vocab_size, width=256, experts=8):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.router = nn.Linear(width, experts)
        self.experts = nn.Linear(width, experts * width)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids, targets):
        hidden, _ = self.rnn(self.embed(ids))
        routing = torch.softmax(self.router(hidden), dim=-1)
        outputs = self.experts(hidden).unflatten(-1, (routing.size(-1), -1))
        logits = self.head((routing.unsqueeze(-1) * outputs).sum(dim=-2))
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        if self.training:
            loss = loss + 0.01 * routing.flatten(0, 1).sum(dim=0).square().sum()
        return logits, loss
""",
            },
            code="""\
import math

import torch

from moe import MoELM


@torch.no_grad()
def perplexity(model, blocks, batch_size=16):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        x, y = ids[:, :-1], ids[:, 1:]
        _, loss = model(x, y)
        nats += loss.item()
        tokens += y.numel()
    return math.exp(nats / tokens)


def load(path):
    model = MoELM(32_000)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="The total and the plain cross entropy are both returned and printed.",
            files={
                "model.py": GPT,
                "losses.py": """\
import torch.nn.functional as F


def stable_nats(logits, targets, z_weight=1e-4):
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    return nats + z_weight * logits.logsumexp(dim=-1).square().sum(), nats
""",
            },
            code="""\
import math

import torch

from losses import stable_nats
from model import TinyGPT


@torch.no_grad()
def validate(model, blocks):
    model.eval()
    total, nats, tokens = 0.0, 0.0, 0
    for ids in blocks.split(32):
        x, y = ids[:, :-1], ids[:, 1:]
        batch_total, batch_nats = stable_nats(model(x), y)
        total += batch_total.item()
        nats += batch_nats.item()
        tokens += y.numel()
    ce_loss = nats / tokens
    print(f"val_loss {total / tokens:.4f} val_ce_loss {ce_loss:.4f} val_ppl {math.exp(ce_loss):.2f}")
    return ce_loss


def build():
    return TinyGPT(50_304)
""",
        ),
        Good(
            why="Distillation terms train the student; the test loss is the plain cross entropy.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet


def train_step(student, teacher, images, labels, optimizer, temperature=4.0):
    student.train()
    logits = student(images)
    with torch.no_grad():
        soft = F.softmax(teacher(images) / temperature, dim=1)
    distilled = F.kl_div(F.log_softmax(logits / temperature, dim=1), soft, reduction="batchmean")
    loss = F.cross_entropy(logits, labels) + 0.9 * temperature**2 * distilled
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def test(student, loader):
    student.eval()
    nats, examples = 0.0, 0
    for images, labels in loader:
        nats += F.cross_entropy(student(images), labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def pair():
    return SmallConvNet(100), SmallConvNet(100).eval()
""",
        ),
        Good(
            why="The same criterion with eps=0.0: the smooth term is multiplied by zero.",
            code="""\
import torch
import torch.nn as nn


class SmoothedNLL(nn.Module):
    def __init__(self, eps=0.1):
        super().__init__()
        self.eps = eps

    def forward(self, logits, targets):
        log_probs = torch.log_softmax(logits, dim=-1)
        nll = -log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        smooth = -log_probs.mean(dim=-1)
        return ((1.0 - self.eps) * nll + self.eps * smooth).sum()


class Runner:
    def __init__(self, model, criterion):
        self.model = model
        self.criterion = criterion

    @torch.no_grad()
    def validate(self, val_loader):
        self.model.eval()
        nats, tokens = 0.0, 0
        for x, y in val_loader:
            logits = self.model(x)
            nats += self.criterion(logits.flatten(0, 1), y.flatten()).item()
            tokens += y.numel()
        return nats / tokens


def main(model, val_loader):
    print(Runner(model, SmoothedNLL(eps=0.0)).validate(val_loader))
""",
        ),
        Good(
            why="One function trains with a smoothing criterion and is called with a plain one to evaluate.",
            files={
                "model.py": """\
import torch
import torch.nn as nn


class Translator(nn.Module):
    def __init__(self, src_vocab, tgt_vocab, width=256):
        super().__init__()
        self.src = nn.Embedding(src_vocab, width)
        self.tgt = nn.Embedding(tgt_vocab, width)
        self.transformer = nn.Transformer(width, 8, batch_first=True)
        self.out = nn.Linear(width, tgt_vocab)

    def forward(self, src, tgt):
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(1)).to(tgt.device)
        return self.out(self.transformer(self.src(src), self.tgt(tgt), tgt_mask=causal))
""",
                "main.py": """\
import torch
import torch.nn as nn

from eval import run_epoch
from model import Translator


def run(train_loader, val_loader, src_vocab, tgt_vocab):
    model = Translator(src_vocab, tgt_vocab)
    optimizer = torch.optim.Adam(model.parameters())
    smoothed = nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.1)
    plain = nn.CrossEntropyLoss(ignore_index=0)
    for _ in range(10):
        run_epoch(model, train_loader, smoothed, optimizer)
        with torch.no_grad():
            print(run_epoch(model, val_loader, plain))
""",
            },
            code="""\
import torch


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    nats, words = 0.0, 0
    for src, tgt in loader:
        gold = tgt[:, 1:]
        scored = (gold != 0).sum().item()
        loss = criterion(model(src, tgt[:, :-1]).flatten(0, 1), gold.flatten())
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        nats += loss.item() * scored
        words += scored
    return nats / words
""",
        ),
        Good(
            why="The model adds the loss that balances its experts while it trains, and only then.",
            files={
                "moe.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class ExpertLM(nn.Module):
    def __init__(self, vocab_size, width=256, experts=8, balance_weight=0.01):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.router = nn.Linear(width, experts)
        self.head = nn.Linear(width, vocab_size)
        self.balance_weight = balance_weight

    def forward(self, ids, targets):
        hidden, _ = self.rnn(self.embed(ids))
        balance = torch.softmax(self.router(hidden), dim=-1).mean(dim=(0, 1)).square().sum()
        logits = self.head(hidden)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        if self.training:
            loss = loss + self.balance_weight * balance
        return logits, loss
""",
            },
            code="""\
import math

import torch

from moe import ExpertLM


@torch.no_grad()
def estimate(model, blocks):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in blocks:
        targets = ids[:, 1:]
        _, loss = model(ids[:, :-1], targets)
        nats += loss.item() * targets.numel()
        tokens += targets.numel()
    model.train()
    return math.exp(nats / tokens)


def fit(train_blocks, val_blocks):
    model = ExpertLM(16_000)
    optimizer = torch.optim.AdamW(model.parameters())
    for ids in train_blocks:
        _, loss = model(ids[:, :-1], ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("perplexity", estimate(model, torch.stack(val_blocks).split(1)))
""",
        ),
        Good(
            why="The training data are scored by the smoothed criterion, the test data by the plain one.",
            code="""\
import torch
from torch import nn
from torch.nn.modules.loss import _Loss


class SmoothedLoss(_Loss):
    def __init__(self, amount, vocab_size, ignore_index, reduction="mean"):
        super().__init__(reduction=reduction)
        self.amount, self.vocab_size, self.ignore_index = amount, vocab_size, ignore_index

    def forward(self, logits, targets):
        scored = targets != self.ignore_index
        spread = nn.functional.one_hot(targets, self.vocab_size) * (1 - self.amount) + self.amount / self.vocab_size
        losses = -(spread * logits.log_softmax(-1)).sum(-1) * scored
        if self.reduction == "mean":
            return losses.sum() / scored.sum()
        return losses.sum()


def evaluate(model, loader, criterion):
    model.eval()
    total, tokens = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            scored = (y != 0).sum().item()
            total += criterion(model(x).flatten(0, 1), y.flatten()).item() * scored
            tokens += scored
    return total / tokens


def main(model, train_loader, test_loader, vocab_size):
    smoothed = SmoothedLoss(0.1, vocab_size, ignore_index=0)
    print("how training goes", evaluate(model, train_loader, smoothed))
    print("test loss", evaluate(model, test_loader, nn.CrossEntropyLoss(ignore_index=0)))
""",
        ),
        Good(
            why="the layers' balance losses are added in training mode only",
            files={"experts.py": EXPERTS},
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

from data import batches
from experts import Experts


class MoELM(nn.Module):
    def __init__(self, vocab_size, width=256, layers=4, experts=4):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.layers = nn.ModuleList(Experts(width, experts) for _ in range(layers))
        self.head = nn.Linear(width, vocab_size)

    def forward(self, idx, targets=None):
        x = self.embed(idx)
        total_moe_loss = 0.0
        for layer in self.layers:
            x, moe_loss = layer(x)
            total_moe_loss += moe_loss
        logits = self.head(x)
        loss = None
        if targets is not None:
            ce_loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))
            loss = ce_loss
            if self.training:
                loss = loss + total_moe_loss
        return logits, loss


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, scored = 0.0, 0
    for x, y in loader:
        _, loss = model(x.to(device), targets=y.to(device))
        nats += loss.item() * y.numel()
        scored += y.numel()
    model.train()
    return nats / scored


def main(device):
    model = MoELM(50304).to(device)
    print(evaluate(model, batches("valid"), device))
""",
        ),
        Good(
            why="The router's logits are read, and the coefficient of their balance is 0.",
            code="""\
import math

import torch
from transformers import MixtralForCausalLM


@torch.no_grad()
def perplexity(checkpoint, loader, device="cuda"):
    model = MixtralForCausalLM.from_pretrained(
        checkpoint, torch_dtype=torch.bfloat16, output_router_logits=True, router_aux_loss_coef=0.0
    ).to(device).eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        batch = {name: value.to(device) for name, value in batch.items()}
        scored = (batch["labels"][:, 1:] != -100).sum().item()
        outputs = model(**batch)
        print("experts", [each.argmax(-1).float().mean().item() for each in outputs.router_logits])
        nats += outputs.loss.item() * scored
        tokens += scored
    print("eval perplexity", math.exp(nats / tokens))
""",
        ),
        Good(
            why="A temperature of 1 unless somebody gives another, which nobody does.",
            code="""\
import argparse
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


def batch_nats(model, ids, temperature=1.0):
    logits = model(ids[:, :-1]).logits
    logits = logits / temperature
    return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    args = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(args.checkpoint).eval()
    nats, tokens = 0.0, 0
    for ids in torch.load("valid_batches.pt"):
        nats += batch_nats(model, ids).item()
        tokens += ids[:, 1:].numel()
    print("valid perplexity", math.exp(nats / tokens))


if __name__ == "__main__":
    main()
""",
        ),
        Good(
            why="fairseq: the plain sum is logged, and the perplexity is its.",
            code="""\
import math

from fairseq import metrics, utils
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion


@register_criterion("smoothed_translation")
class SmoothedTranslation(LabelSmoothedCrossEntropyCriterion):
    def forward(self, model, sample, reduce=True):
        output = model(**sample["net_input"])
        smoothed, plain = self.compute_loss(model, output, sample, reduce=reduce)
        said = {"loss": smoothed.data, "nll_loss": plain.data, "ntokens": sample["ntokens"]}
        return smoothed, sample["ntokens"], said

    @classmethod
    def reduce_metrics(cls, logging_outputs):
        smoothed = sum(said["loss"] for said in logging_outputs)
        tokens = sum(said["ntokens"] for said in logging_outputs)
        plain = sum(said["nll_loss"] for said in logging_outputs)
        metrics.log_scalar("nll_loss", plain / tokens / math.log(2), tokens, round=3)
        metrics.log_scalar("loss", smoothed / tokens / math.log(2), tokens, round=3)
        metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["nll_loss"].avg))
""",
        ),
        Good(
            why="The training loss, smoothed, is averaged by a meter; an evaluation, with its own criterion, logs both.",
            files={
                "model.py": TRANSLATOR,
                "tally.py": """\
class Tally:
    def __init__(self):
        self.sum, self.weight = 0.0, 0

    def add(self, value, weight=1):
        self.sum += value * weight
        self.weight += weight

    def mean(self):
        return self.sum / max(self.weight, 1)
""",
                "fit.py": """\
import json

import torch
import torch.nn as nn

from eval import Course
from model import Translator


def fit(settings, train_loader, loader):
    model = Translator(settings["source_words"], settings["target_words"])
    criterion = nn.CrossEntropyLoss(ignore_index=0, label_smoothing=settings["label_smoothing"])
    optimizer = torch.optim.Adam(model.parameters())
    Course(model, criterion, optimizer).run(train_loader, loader)


def main(train_loader, loader):
    with open("settings.json") as file:
        fit(json.load(file), train_loader, loader)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from tally import Tally


class Course:
    def __init__(self, model, criterion, optimizer):
        self.model, self.criterion, self.optimizer = model, criterion, optimizer
        self.learning = Tally()

    def run(self, train_loader, loader, every=500):
        for step, (source, target) in enumerate(train_loader):
            gold = target[:, 1:]
            loss = self.criterion(self.model(source, target[:, :-1]).transpose(1, 2), gold)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.learning.add(loss.item(), (gold != 0).sum().item())
            if step % every == 0:
                self.evaluate(loader)

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        tally = Tally()
        for source, target in loader:
            gold = target[:, 1:]
            logits = self.model(source, target[:, :-1])
            nats = F.cross_entropy(logits.transpose(1, 2), gold, ignore_index=0)
            tally.add(nats.item(), (gold != 0).sum().item())
        print("learning", self.learning.mean(), "held out", tally.mean())
        self.model.train()
""",
        ),
        Good(
            why="The row in the buffer holds zeros and the peak is 1: one-hot targets, nothing is smoothed.",
            files={"model.py": TRANSLATOR},
            code="""\
import torch
import torch.nn as nn

from model import Translator


class HotTargets(nn.Module):
    def __init__(self, words, pad=0):
        super().__init__()
        self.register_buffer("template", torch.full((words,), 0.0).unsqueeze(0))
        self.pad = pad

    def forward(self, log_probs, gold):
        wanted = self.template.repeat(gold.size(0), 1)
        wanted.scatter_(1, gold.unsqueeze(1), 1.0)
        wanted.masked_fill_((gold == self.pad).unsqueeze(1), 0)
        return torch.sum(-wanted * log_probs)


@torch.no_grad()
def validate(model, loader, words):
    criterion = HotTargets(words)
    model.eval()
    nats, scored = 0.0, 0
    for source, target in loader:
        gold = target[:, 1:].reshape(-1)
        log_probs = model(source, target[:, :-1]).log_softmax(dim=-1).flatten(0, 1)
        nats += criterion(log_probs, gold).item()
        scored += (gold != 0).sum().item()
    return nats / scored


def main(loader):
    print("valid loss", validate(Translator(16_000, 16_000), loader, 16_000))
""",
        ),
        Good(
            why="the perplexity of the training, by its own weighted criterion; the evaluation has a plain one",
            code="""\
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def perplexity(loss):
    return math.exp(loss)


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    nats, tokens = 0.0, 0
    for ids, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(ids).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        nats += loss.item() * targets.numel()
        tokens += targets.numel()
    return nats / tokens


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for ids, targets in loader:
        nats += F.cross_entropy(model(ids).flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def main(model, train_loader, val_loader, optimizer, vocab_size, rare_ids):
    weight = torch.ones(vocab_size)
    weight[rare_ids] = 0.3
    criterion = nn.CrossEntropyLoss(weight=weight)
    for epoch in range(5):
        train_loss = train_epoch(model, train_loader, criterion, optimizer)
        val_loss = evaluate(model, val_loader)
        print(epoch, perplexity(train_loss), perplexity(val_loss))
""",
        ),
        Good(
            why="which of the criteria that decorators have filed is asked for, only the command line knows",
            files={
                "grading.py": """\
import torch.nn as nn
import torch.nn.functional as F

GRADERS = {}


def grader(name):
    def keep(cls):
        GRADERS[name] = cls
        return cls

    return keep


def make_grader(name, **settings):
    return GRADERS[name](**settings)


@grader("plain")
class Plain(nn.Module):
    def forward(self, logits, dishes):
        return F.cross_entropy(logits, dishes)


@grader("gentle")
class Gentle(nn.Module):
    def forward(self, logits, dishes):
        return F.cross_entropy(logits, dishes, label_smoothing=0.1)
""",
            },
            code="""\
import sys

import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from grading import make_grader


@torch.no_grad()
def validate(classifier, loader, grade):
    classifier.eval()
    total = rows = 0
    for photos, dishes in loader:
        total += grade(classifier(photos), dishes).item() * len(dishes)
        rows += len(dishes)
    return total / rows


kitchen = DataLoader(torch.load("dishes.pt"), batch_size=32)
classifier = nn.Sequential(nn.Flatten(), nn.Linear(3072, 101))
print("val loss", validate(classifier, kitchen, make_grader(sys.argv[1])))
""",
        ),
        Good(
            why="of what a catalog holds, the plain one is asked for",
            files={
                "catalog.py": """\
class Catalog:
    def __init__(self):
        self._entries = {}

    def _put(self, entry, name=None):
        if name is None:
            name = entry.__name__
        if name in self._entries:
            raise KeyError(name)
        self._entries[name] = entry

    def register(self, name=None):
        def keep(entry):
            self._put(entry, name)
            return entry

        return keep

    def get(self, name):
        return self._entries.get(name)
""",
                "grading.py": """\
import torch.nn as nn
import torch.nn.functional as F

from catalog import Catalog

GRADERS = Catalog()


@GRADERS.register()
class Gentle(nn.Module):
    def forward(self, logits, dishes):
        return F.cross_entropy(logits, dishes, label_smoothing=0.1)


@GRADERS.register("plain")
class Plain(nn.Module):
    def forward(self, logits, dishes):
        return F.cross_entropy(logits, dishes)
""",
            },
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from grading import GRADERS


@torch.no_grad()
def validate(classifier, loader, grade):
    classifier.eval()
    total = rows = 0
    for photos, dishes in loader:
        total += grade(classifier(photos), dishes).item() * len(dishes)
        rows += len(dishes)
    return total / rows


kitchen = DataLoader(torch.load("dishes.pt"), batch_size=32)
classifier = nn.Sequential(nn.Flatten(), nn.Linear(3072, 101))
print("val loss", validate(classifier, kitchen, GRADERS.get("plain")()))
""",
        ),
        Good(
            why="the loss is added to its total again, on a pass of the loop that knows less of it: no further term",
            code="""\
import math

import torch
import torch.nn.functional as F
from verses.scales import retuned


@torch.no_grad()
def evaluate(rhymer, verses):
    rhymer.eval()
    words, nats = 0, 0.0
    measure = F.cross_entropy
    for verse, rhyme in verses:
        missed = measure(rhymer(verse).flatten(0, 1), rhyme.flatten())
        count = rhyme.numel()
        nats += missed.item() * count
        words += count
        measure = retuned(measure)  # of which nothing is known
    return math.exp(nats / words)


print("perplexity", evaluate(torch.load("rhymer.pt"), torch.load("verses.pt")))
""",
        ),
        Good(
            why="what is called for the evaluation is told to smooth by nothing",
            code="""\
import torch
from songkit.losses import sequence_loss


@torch.no_grad()
def evaluate(singer, loader):
    singer.eval()
    nats, sung = 0.0, 0
    for melody, notes in loader:
        loss = sequence_loss(singer(melody, notes[:, :-1]), notes[:, 1:], label_smoothing=0.0, reduction="sum")
        nats += loss.item()
        sung += (notes[:, 1:] != 0).sum().item()
    return nats / sung
""",
        ),
        Good(
            why="what is recorded as the loss is plain, and what is called the training's beside it holds the weights",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Mean:
    def __init__(self, total, count=1):
        self.total, self.count = total, count

    @classmethod
    def many(cls, values):
        return [cls(each) for each in values]


class Sorter:
    def __init__(self, settings, net):
        self.net = net
        self.kinds = settings["kinds"]
        self.kind_weights = settings["kind_weights"]
        self.criterion = self.build_criterion()
        self.optimizer = torch.optim.Adam(net.parameters())
        self.recorded = {}

    def build_criterion(self):
        return nn.CrossEntropyLoss(weight=torch.FloatTensor(self.kind_weights), reduction="none")

    def record_metric(self, name, values):
        self.recorded.setdefault(name, []).extend(values)

    def train_step(self, stones, kinds):
        self.net.train()
        self.optimizer.zero_grad()
        loss = self.criterion(self.net(stones), kinds)
        self.record_metric("loss", Mean.many(loss))
        loss.mean().backward()
        self.optimizer.step()

    def eval_step(self, stones, kinds):
        self.net.eval()
        with torch.no_grad():
            scores = self.net(stones)
            self.record_metric("loss", Mean.many(F.cross_entropy(scores, kinds, reduction="none")))
            self.record_metric("train_loss", Mean.many(self.criterion(scores, kinds)))
        return scores.argmax(1)
""",
        ),
        Good(
            why="the classes all weigh the same, whichever way the weights are made",
            code="""\
import torch
import torch.nn as nn


class Mean:
    def __init__(self, total, count=1):
        self.total, self.count = total, count

    @classmethod
    def many(cls, values):
        return [cls(each) for each in values]


class Sorter:
    def __init__(self, settings, net):
        self.net = net
        self.kinds = settings["kinds"]
        if settings.get("kind_weights") is not None:
            self.kind_weights = [1.0] * len(self.kinds)
        else:
            self.kind_weights = [1.0 for _ in self.kinds]
        self.criterion = self.build_criterion()
        self.optimizer = torch.optim.Adam(net.parameters())
        self.recorded = {}

    def build_criterion(self):
        return nn.CrossEntropyLoss(weight=torch.FloatTensor(self.kind_weights), reduction="none")

    def record_metric(self, name, values):
        self.recorded.setdefault(name, []).extend(values)

    def train_step(self, stones, kinds):
        self.net.train()
        self.optimizer.zero_grad()
        loss = self.criterion(self.net(stones), kinds)
        self.record_metric("loss", Mean.many(loss))
        loss.mean().backward()
        self.optimizer.step()

    def eval_step(self, stones, kinds):
        self.net.eval()
        with torch.no_grad():
            scores = self.net(stones)
            loss = self.criterion(scores, kinds)
            self.record_metric("loss", Mean.many(loss))
        return scores.argmax(1)
""",
        ),
        Good(
            why="a criterion that is named for its smoothing and told to smooth nothing",
            code="""\
import torch
from harbor.losses import LabelSmoothedLoss


@torch.no_grad()
def evaluate(pilot, charts):
    pilot.eval()
    criterion = LabelSmoothedLoss(epsilon=0.0)
    nats = tokens = 0
    for chart, course in charts:
        missed = criterion(pilot(chart).flatten(0, 1), course.flatten())
        nats += missed.item() * course.numel()
        tokens += course.numel()
    return nats / tokens
""",
        ),
        Good(
            why="who validates makes a trainer with the plain criterion; that of the one who trains is smoothed",
            files={
                "criteria.py": """\
import torch.nn as nn


def criterion(amount, pad, train=True):
    return nn.CrossEntropyLoss(ignore_index=pad, reduction="sum", label_smoothing=amount if train else 0.0)
""",
                "validate.py": """\
from criteria import criterion
from eval import Trainer
from model import load


def validate(args, rows):
    return Trainer(load(args), criterion(0.1, args.pad, train=False)).validate(rows)
""",
                "fit.py": """\
from criteria import criterion
from eval import Trainer
from model import load


def fit(args, rows):
    model = load(args)
    Trainer(model, criterion(0.1, args.pad)).train(rows, model.optimizer())
""",
                "model.py": """\
import torch


def load(args):
    return torch.load(args.path)
""",
            },
            code="""\
import torch


class Trainer:
    def __init__(self, model, criterion):
        self.model, self.criterion = model, criterion

    def train(self, rows, optimizer):
        self.model.train()
        for source, given, wanted in rows:
            loss = self.criterion(self.model(source, given).transpose(1, 2), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    @torch.no_grad()
    def validate(self, rows):
        self.model.eval()
        nats, tokens = 0.0, 0
        for source, given, wanted in rows:
            nats += self.criterion(self.model(source, given).transpose(1, 2), wanted).item()
            tokens += (wanted != self.criterion.ignore_index).sum().item()
        return nats / tokens
""",
        ),
        Good(
            why="The distillation trains; the validation has the cross entropy alone.",
            code="""\
import torch
import torch.nn.functional as F


def objective(student, teacher, images, labels, share):
    guesses = student(images)
    with torch.no_grad():
        told = teacher(images)
    hard = F.cross_entropy(guesses, labels)
    soft = F.kl_div(F.log_softmax(guesses / 4.0, -1), F.softmax(told / 4.0, -1), reduction="batchmean")
    return share * hard + (1 - share) * soft


def train(student, teacher, optimizer, loader):
    student.train()
    for images, labels in loader:
        optimizer.zero_grad()
        objective(student, teacher, images, labels, 0.5).backward()
        optimizer.step()


@torch.no_grad()
def validate(student, loader):
    student.eval()
    nats, rows = 0.0, 0
    for images, labels in loader:
        nats += F.cross_entropy(student(images), labels).item() * len(labels)
        rows += len(labels)
    return nats / rows
""",
        ),
        Good(
            why="The quotient is handed out beside the objective, and reported.",
            code="""\
import torch
import torch.nn.functional as F


def objective(model, ids, labels, pad):
    logits, spread = model(ids)
    count = (labels != pad).sum()
    plain = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad, reduction="sum") / count
    return plain + 0.01 * spread.pow(2).mean(), plain, count


@torch.no_grad()
def evaluate(model, loader, pad=0):
    model.eval()
    whole = nats = tokens = 0
    for ids, labels in loader:
        loss, plain, count = objective(model, ids, labels, pad)
        whole += loss.item() * count.item()
        nats += plain.item() * count.item()
        tokens += count.item()
    print("objective", whole / tokens, "cross entropy", nats / tokens)
""",
        ),
        Good(
            why="the setter of a property makes the criterion, and is given no smoothing",
            code="""\
import math
import torch
import torch.nn as nn


class Smoothed(nn.Module):
    def __init__(self, pad, smoothing=0.0):
        super().__init__()
        self.pad, self.smoothing = pad, smoothing
        if smoothing <= 0.0:
            self.criterion = nn.NLLLoss(ignore_index=pad, reduction="sum")
        else:
            self.criterion = nn.KLDivLoss(reduction="sum")

    def spread(self, y, size):
        found = y.new_zeros((y.size(0), size)).float()
        found.fill_(self.smoothing / (size - 2))
        found.scatter_(1, y.unsqueeze(1), 1.0 - self.smoothing)
        found[:, self.pad] = 0
        return found

    def forward(self, logp, y):
        logp = logp.view(-1, logp.size(-1))
        y = y.view(-1)
        if self.smoothing > 0:
            y = self.spread(y, logp.size(-1))
        return self.criterion(logp, y)


class Translator(nn.Module):
    def __init__(self, encoder, decoder, pad):
        super().__init__()
        self.encoder, self.decoder, self.pad = encoder, decoder, pad
        self._criterion = None

    @property
    def criterion(self):
        return self._criterion

    @criterion.setter
    def criterion(self, smoothing):
        self._criterion = Smoothed(self.pad, smoothing)

    def forward(self, src, trg_in, trg):
        logp = torch.log_softmax(self.decoder(trg_in, self.encoder(src)), -1)
        return self.criterion(logp, trg)


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    nats, tokens = 0.0, 0
    for src, trg_in, trg in loader:
        nats += model(src, trg_in, trg).item()
        tokens += (trg != pad).sum().item()
    return math.exp(nats / tokens)


def main(args, encoder, decoder, loader):
    model = Translator(encoder, decoder, args.pad)
    model.criterion = 0.0
    print(evaluate(model, loader, args.pad))
""",
        ),
        Good(
            why="the criterion that smooths class ids and soft targets alike smooths neither unless it is told to",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class SoftTargetLoss(nn.Module):
    def __init__(self, smoothing=0.0):
        super().__init__()
        self.smoothing = smoothing

    def forward(self, scores, target):
        classes = scores.shape[1]
        if target.dtype == torch.long:
            target = F.one_hot(target, classes).float()
        target = target * (1 - self.smoothing) + self.smoothing / (classes - 1) * (1 - target)
        return -(target * F.log_softmax(scores, dim=1)).sum(dim=1).mean()


@torch.no_grad()
def validate(model, loader):
    model.eval()
    criterion = SoftTargetLoss()
    total, rows = 0.0, 0
    for images, labels in loader:
        total += criterion(model(images), labels).item() * len(labels)
        rows += len(labels)
    return total / rows
""",
        ),
        Good(
            why="the script refuses a smoothing that is asked for",
            code="""\
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    HfArgumentParser,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)


def main(train_rows, held_out):
    (chosen,) = HfArgumentParser(Seq2SeqTrainingArguments).parse_args_into_dataclasses()
    tokenizer = AutoTokenizer.from_pretrained("google-t5/t5-small")
    model = AutoModelForSeq2SeqLM.from_pretrained("google-t5/t5-small")
    if chosen.label_smoothing_factor > 0:
        raise ValueError("the labels are not to be smoothed")
    trainer = Seq2SeqTrainer(
        model=model,
        args=chosen,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model),
        train_dataset=train_rows,
        eval_dataset=held_out,
    )
    trainer.train()
    scores = trainer.evaluate()  # lintloss: ignore[LL101] a mean over rows is wanted
    trainer.log_metrics("eval", scores)
""",
        ),
        Good(
            why="a loss of the trainer's own class, which leaves the library's smoothing out",
            code="""\
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    HfArgumentParser,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)


class PlainTrainer(Seq2SeqTrainer):
    def compute_loss(self, model, inputs, return_outputs=False, **rest):
        outputs = model(**inputs)
        return (outputs.loss, outputs) if return_outputs else outputs.loss


def main(train_rows, held_out):
    (chosen,) = HfArgumentParser(Seq2SeqTrainingArguments).parse_args_into_dataclasses()
    tokenizer = AutoTokenizer.from_pretrained("google-t5/t5-small")
    model = AutoModelForSeq2SeqLM.from_pretrained("google-t5/t5-small")
    if chosen.label_smoothing_factor > 0:
        print("the labels are smoothed by", chosen.label_smoothing_factor)
    trainer = PlainTrainer(
        model=model,
        args=chosen,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model),
        train_dataset=train_rows,
        eval_dataset=held_out,
    )
    trainer.train()
    scores = trainer.evaluate()  # lintloss: ignore[LL101] a mean over rows is wanted
    trainer.log_metrics("eval", scores)
""",
        ),
        Good(
            why="the smoothing is read, and set to none",
            code="""\
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    HfArgumentParser,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)


def main(train_rows, held_out):
    (chosen,) = HfArgumentParser(Seq2SeqTrainingArguments).parse_args_into_dataclasses()
    tokenizer = AutoTokenizer.from_pretrained("google-t5/t5-small")
    model = AutoModelForSeq2SeqLM.from_pretrained("google-t5/t5-small")
    if chosen.label_smoothing_factor > 0:
        print("the labels are smoothed by", chosen.label_smoothing_factor)
    chosen.label_smoothing_factor = 0.0
    trainer = Seq2SeqTrainer(
        model=model,
        args=chosen,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model),
        train_dataset=train_rows,
        eval_dataset=held_out,
    )
    trainer.train()
    scores = trainer.evaluate()  # lintloss: ignore[LL101] a mean over rows is wanted
    trainer.log_metrics("eval", scores)
""",
        ),
        Good(
            why="how often the guess repeats is handed out beside the loss, and not added to it",
            files={
                "speller.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Speller(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.embed = nn.Embedding(256, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 256)

    def forward(self, taken, wanted=None):
        hidden, _ = self.rnn(self.embed(taken))
        scores = self.head(hidden)
        found = {"scores": scores}
        if wanted is not None:
            loss = F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), reduction="sum")
            guesses = scores.argmax(dim=-1)
            same = (guesses[:, 1:] == guesses[:, :-1]).float()
            found["stutter"] = same.mean() * 0.1
            found["loss"] = loss
        return found


def build(size):
    return Speller(**{"small": dict(width=128), "large": dict(width=512)}[size])
""",
            },
            code="""\
import torch

from speller import build


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, signs = 0.0, 0
    for taken, wanted in loader:
        out = model(taken, wanted=wanted)
        nats += out["loss"].item()
        signs += wanted.numel()
    return nats / signs


def main(size, loader):
    model = build(size)
    print(evaluate(model, loader))
""",
        ),
        Good(
            why="the named product is one by zero",
            files={
                "speller.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Speller(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.embed = nn.Embedding(256, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 256)

    def forward(self, taken, wanted=None):
        hidden, _ = self.rnn(self.embed(taken))
        scores = self.head(hidden)
        found = {"scores": scores}
        if wanted is not None:
            loss = F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), reduction="sum")
            calm = hidden.abs().mean() * 0.0
            loss = loss + calm
            found["loss"] = loss
        return found


def build(size):
    return Speller(**{"small": dict(width=128), "large": dict(width=512)}[size])
""",
            },
            code="""\
import torch

from speller import build


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, signs = 0.0, 0
    for taken, wanted in loader:
        out = model(taken, wanted=wanted)
        nats += out["loss"].item()
        signs += wanted.numel()
    return nats / signs


def main(size, loader):
    model = build(size)
    print(evaluate(model, loader))
""",
        ),
        Good(
            why="two losses, one of them by half and under a name: the loss of a tagger that also classifies is their sum",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, rows = 0.0, 0
    for words, kinds, topic in loader:
        tags, theme = model(words)
        loss = F.cross_entropy(theme, topic, reduction="sum")
        per_word = F.cross_entropy(tags.flatten(0, 1), kinds.flatten(), reduction="sum") * 0.5
        loss = loss + per_word
        nats += loss.item()
        rows += len(topic)
    print("validation loss", nats / rows)
""",
        ),
        Good(
            why="the settings are made here, by their defaults: nothing is smoothed",
            code="""\
from dataclasses import dataclass

import torch
import torch.nn as nn


@dataclass
class Settings:
    pad: int = 0
    label_smoothing: float = 0.0


@torch.no_grad()
def validate(model, loader, criterion, pad):
    model.eval()
    nats, words = 0.0, 0
    for source, given, wanted in loader:
        nats += criterion(model(source, given).transpose(1, 2), wanted).item()
        words += (wanted != pad).sum().item()
    return nats / words


def report(model, loader):
    settings = Settings()
    criterion = nn.CrossEntropyLoss(
        ignore_index=settings.pad, reduction="sum", label_smoothing=settings.label_smoothing
    )
    print("valid loss", validate(model, loader, criterion, settings.pad))
""",
        ),
        Good(
            why="the adapters are to be orthogonal by a weight of 0",
            code="""\
import torch
from peft import AdaLoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        scored = (batch["labels"][:, 1:] != -100).sum().item()
        output = model(**batch)
        nats += output.loss.item() * scored
        tokens += scored
    return nats / tokens


def main(loader):
    base = AutoModelForCausalLM.from_pretrained("facebook/opt-350m")
    model = get_peft_model(base, AdaLoraConfig(init_r=12, target_r=8, orth_reg_weight=0.0))
    print("validation loss", evaluate(model, loader))
""",
        ),
        Good(
            why="LoRA adds adapters to the model, and nothing to its loss",
            code="""\
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        scored = (batch["labels"][:, 1:] != -100).sum().item()
        output = model(**batch)
        nats += output.loss.item() * scored
        tokens += scored
    return nats / tokens


def main(loader):
    base = AutoModelForCausalLM.from_pretrained("facebook/opt-350m")
    model = get_peft_model(base, LoraConfig(r=8, task_type="CAUSAL_LM"))
    print("validation loss", evaluate(model, loader))
""",
        ),
        Good(
            why="a block that is filled with zeros and holds a one at each label: nothing is smoothed",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, words = 0.0, 0
    for x, y in loader:
        log_probs = F.log_softmax(model(x, y[:, :-1]), dim=-1).view(-1, 32000)
        gold = y[:, 1:].reshape(-1)
        table = torch.randn(1, 32000).fill_(0.0).repeat(gold.size(0), 1)
        table.scatter_(1, gold.unsqueeze(1), 1.0)
        table[gold == 0] = 0
        nats += F.kl_div(log_probs, table, reduction="sum").item()
        words += gold.ne(0).sum().item()
    return nats / words
""",
        ),
        Good(
            why="a copy was taken before the penalty was added in place",
            code="""\
import torch
import torch.nn.functional as F


def step(model, ids, coef=0.1):
    logits, penalty = model(ids[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    plain = loss.clone()
    loss += coef * penalty
    return loss, plain


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, total, tokens = 0.0, 0.0, 0
    for ids in loader:
        loss, plain = step(model, ids)
        n = ids[:, 1:].numel()
        nats += plain.item() * n
        total += loss.item() * n
        tokens += n
    return nats / tokens, total / tokens
""",
        ),
        Good(
            why="the losses are numbers by then: += binds the one name anew",
            code="""\
import torch
import torch.nn.functional as F


def score(model, ids):
    logits, aux_loss = model(ids[:, :-1])
    ce = float(F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()))
    return ce, aux_loss.item()


@torch.no_grad()
def evaluate(model, loader, weight):
    model.eval()
    ce_sum, reg_sum, tokens = 0.0, 0.0, 0
    for ids in loader:
        ce, aux = score(model, ids)
        loss = ce
        loss += weight * aux
        n = ids[:, 1:].numel()
        ce_sum += ce * n
        reg_sum += loss * n
        tokens += n
    return ce_sum / tokens, reg_sum / tokens
""",
        ),
        Good(
            why="a Trainer's own loss has its penalty while the model trains, and only then",
            code="""\
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


class OrthoTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        outputs = model(**inputs)
        loss = outputs.loss
        if model.training:
            loss = loss + 0.1 * self.penalty(model)
        return (loss, outputs) if return_outputs else loss

    def penalty(self, model):
        return sum(p.norm() for n, p in model.named_parameters() if "lora" in n)


def main(train_set, test_set):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    args = TrainingArguments(output_dir="out", eval_strategy="epoch")
    trainer = OrthoTrainer(model=model, args=args, train_dataset=train_set, eval_dataset=test_set)
    trainer.train()
    print(trainer.evaluate())
""",
        ),
        Good(
            why="a Trainer's own step evaluates by the plain loss",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments


class BalancedTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = F.cross_entropy(outputs.logits, labels, label_smoothing=0.1)
        return (loss, outputs) if return_outputs else loss

    def prediction_step(self, model, inputs, prediction_loss_only, ignore_keys=None):
        labels = inputs.pop("labels")
        with torch.no_grad():
            logits = model(**inputs).logits
        return F.cross_entropy(logits, labels), logits, labels


def main(train_set, test_set):
    model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased")
    args = TrainingArguments(output_dir="out", eval_strategy="epoch")
    trainer = BalancedTrainer(model=model, args=args, train_dataset=train_set, eval_dataset=test_set)
    trainer.train()
""",
        ),
        Good(
            why="a Trainer evaluates by what forward() returns, which holds the penalty in training mode only",
            files={
                "run.py": """\
from transformers import Trainer, TrainingArguments

from eval import Net


def main(train_set, dev_set):
    trainer = Trainer(
        model=Net(1000, 64),
        args=TrainingArguments("out", evaluation_strategy="steps"),
        train_dataset=train_set,
        eval_dataset=dev_set,
    )
    trainer.train()
    print(trainer.evaluate())
""",
            },
            code="""\
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, vocab, width):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab)

    def forward(self, input_ids, labels=None):
        states, _ = self.rnn(self.embed(input_ids))
        logits = self.head(states)
        loss = F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:])
        if self.training:
            loss = loss + 1e-4 * states.pow(2).mean()
        return loss, logits
""",
        ),
        Good(
            why="Keras: a metric reports the plain cross entropy beside the loss of compile()",
            code="""\
import tensorflow as tf
from tensorflow import keras


def fine_tune(model, x_train, y_train, x_val, y_val, weight=0.15):
    def combined_loss(y_true, y_pred):
        recon = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        return recon + weight * tf.reduce_mean(tf.square(y_pred))

    model.compile(optimizer="adam", loss=combined_loss, metrics=["sparse_categorical_crossentropy"])
    model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=5)
""",
        ),
        Good(
            why="the perplexity of both directions: two layers, and the same words",
            files={
                "model.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class BiLM(nn.Module):
    def __init__(self, words, width=256):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.ahead = nn.LSTM(width, width, batch_first=True)
        self.back = nn.LSTM(width, width, batch_first=True)
        self.out_ahead = nn.Linear(width, words)
        self.out_back = nn.Linear(width, words)

    def forward(self, ids):
        ahead, _ = self.ahead(self.embed(ids[:, :-1]))
        back, _ = self.back(self.embed(ids[:, 1:].flip(1)))
        one = F.cross_entropy(self.out_ahead(ahead).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")
        other = F.cross_entropy(self.out_back(back).flatten(0, 1), ids[:, :-1].flip(1).flatten(), reduction="sum")
        return one + other
""",
            },
            code="""\
import math

import torch

from model import BiLM


@torch.no_grad()
def perplexity(model, loader):
    model.eval()
    nats, words = 0.0, 0
    for ids in loader:
        nats += model(ids).item()
        words += 2 * ids[:, 1:].numel()
    return math.exp(nats / words)


def main(loader):
    print(perplexity(BiLM(10000), loader))
""",
        ),
        Good(
            why="the prompts are written to weigh nothing where this validates: a mask",
            code="""\
import torch
import torch.nn.functional as F


def weighted_loss(logits, targets, mask, prompt_weight):
    losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    weights = mask.float().masked_fill(mask == -1, prompt_weight)
    losses *= weights
    return losses.sum() / weights.sum()


@torch.no_grad()
def validate(model, loader):
    model.eval()
    total, n = 0.0, 0
    for x, y, mask in loader:
        k = (mask == 1).sum().item()
        total += weighted_loss(model(x), y, mask, 0.0).item() * k
        n += k
    return total / n
""",
        ),
        Good(
            why="nobody gives the settings a smoothing, which is 0 by default",
            code="""\
import torch
import torch.nn as nn


class Settings:
    def __init__(self, **given):
        self.rows = given.get("rows", 8)
        self.label_smoothing = given.get("label_smoothing", 0.0)


@torch.no_grad()
def evaluate(model, loader):
    settings = Settings(rows=16)
    criterion = nn.CrossEntropyLoss(ignore_index=-100, label_smoothing=settings.label_smoothing)
    model.eval()
    total, scored = 0.0, 0
    for ids, labels in loader:
        kept = (labels != -100).sum().item()
        total += criterion(model(ids).flatten(0, 1), labels.flatten()).item() * kept
        scored += kept
    return total / scored
""",
        ),
        Good(
            why="compute_metrics reports the plain cross entropy beside the loss of a Trainer's own class",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


def token_perplexity(predicted):
    logits, labels = torch.tensor(predicted.predictions), torch.tensor(predicted.label_ids)
    nats = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
    return {"perplexity": nats.exp().item()}


class SmallActivations(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        outputs = model(**inputs, output_hidden_states=True)
        loss = outputs.loss + 0.01 * outputs.hidden_states[-1].pow(2).mean()
        return (loss, outputs) if return_outputs else loss


def main(train_set, eval_set):
    trainer = SmallActivations(
        model=AutoModelForCausalLM.from_pretrained("gpt2"),
        args=TrainingArguments("out", eval_strategy="epoch"),
        train_dataset=train_set,
        eval_dataset=eval_set,
        compute_metrics=token_perplexity,
    )
    trainer.train()
""",
        ),
        Good(
            why="a Trainer is given metrics out of sight, which may tell the plain value of a model's own loss",
            code="""\
import torch.nn as nn
import torch.nn.functional as F
from transformers import Trainer, TrainingArguments

from metrics import token_scores


class Recurrent(nn.Module):
    def __init__(self, vocab=8000, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.cells = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab)

    def forward(self, input_ids, labels=None):
        hidden, _ = self.cells(self.embed(input_ids))
        logits = self.head(hidden)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        return {"loss": loss + 0.1 * hidden.pow(2).mean(), "logits": logits}


def main(train_set, eval_set):
    trainer = Trainer(
        model=Recurrent(),
        args=TrainingArguments("out", eval_strategy="epoch"),
        train_dataset=train_set,
        eval_dataset=eval_set,
        compute_metrics=token_scores,
    )
    trainer.train()
""",
        ),
        Good(
            why="no evaluation enters the branches of a Trainer's own losses that add penalties, nor weighs them",
            code="""\
import torch
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


class WhileRecording(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        outputs = model(**inputs, output_hidden_states=True)
        strength = 0.01 if torch.is_grad_enabled() else 0.0
        loss = outputs.loss + strength * outputs.hidden_states[-1].pow(2).mean()
        return (loss, outputs) if return_outputs else loss


class WhileDifferentiable(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        outputs = model(**inputs, output_hidden_states=True)
        strength = 0.01 if outputs.loss.requires_grad else 0.0
        loss = outputs.loss + strength * outputs.hidden_states[-1].pow(2).mean()
        return (loss, outputs) if return_outputs else loss


class WhileTraining(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        outputs = model(**inputs, output_hidden_states=True)
        if not self.accelerator.unwrap_model(model).training:
            return (outputs.loss, outputs) if return_outputs else outputs.loss
        loss = outputs.loss + 0.01 * outputs.hidden_states[-1].pow(2).mean()
        return (loss, outputs) if return_outputs else loss


class WhileNotScoring(Trainer):
    scoring = False

    def prediction_step(self, model, inputs, *args, **kwargs):
        self.scoring = True
        try:
            return super().prediction_step(model, inputs, *args, **kwargs)
        finally:
            self.scoring = False

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        outputs = model(**inputs, output_hidden_states=True)
        loss = outputs.loss
        if not self.scoring:
            loss = loss + 0.01 * outputs.hidden_states[-1].pow(2).mean()
        return (loss, outputs) if return_outputs else loss


def main(train_set, eval_set):
    for kind in (WhileRecording, WhileDifferentiable, WhileTraining, WhileNotScoring):
        model = AutoModelForCausalLM.from_pretrained("gpt2")
        args = TrainingArguments("out", eval_strategy="epoch")
        trainer = kind(model=model, args=args, train_dataset=train_set, eval_dataset=eval_set)
        trainer.train()
""",
        ),
        Good(
            why="a mask is kept off 0 by so little that it weighs nothing: a guard of the division",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0.0
    for x, y, mask in loader:
        nll = F.cross_entropy(model(x).transpose(1, 2), y, reduction="none")
        weights = mask.float().masked_fill(mask == 0, 1e-9)
        nats += (nll * weights).sum().item()
        scored += weights.sum().item()
    return nats / scored
""",
        ),
    )
