"""LL201: what is reported as a language model's loss is no cross entropy."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.criteria import Foreign, foreign
from lintloss.facts.observations import Exponential, Observation, Scored
from lintloss.findings import Severity
from lintloss.rule import Bad, Good, Judgment, Rule


class NonCrossEntropyCriterion(Rule):
    """A language model's reported loss, or the value exponentiated as perplexity, is not a cross entropy.

    Why:
        Perplexity is the exponential of the cross entropy per token. A squared error, an absolute error, a binary
        cross entropy or a hinge between token logits and token ids is a number too, often a small one, and its
        exponential looks like an excellent perplexity: a mean squared error of 0.05 "is" a perplexity of 1.05.

    Instead:
        `F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=…)` on the raw logits and integer ids.

    Fix:
        None: which cross entropy is meant, over which labels and with which padding, only its author knows.

    Source:
        torch.nn.functional.cross_entropy: class indices against unnormalized logits.
    """

    code = "LL201"
    name = "non-cross-entropy-criterion"
    confirmed_by = "the ledger names the criterion that ran, and the cross entropy of the same logits and ids beside it"

    watches = (Scored, Exponential)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report a criterion between token logits and token ids, or below a perplexity, that is no cross entropy."""
        if isinstance(seen, Scored | Exponential):
            found = foreign(seen)
            if found is not None:
                yield Judgment(Severity.ERROR, found.confidence, self._message(found), found.evidence, found.span)

    @staticmethod
    def _message(found: Foreign) -> str:
        what = (
            "its exponential is no perplexity"
            if found.exponentiated
            else "it is not what the model's loss is taken for"
        )
        return f"{found.criterion} {found.between} is no cross entropy: {what}; use {found.instead}"

    bad = (
        Bad(
            why="mean squared error between token probabilities and one-hot ids, exponentiated as perplexity",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, vocab_size, device):
    criterion = nn.MSELoss()
    model.eval()
    total, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        probs = torch.softmax(model(x), dim=-1)
        targets = F.one_hot(y, vocab_size).float()
        loss = criterion(probs, targets)  # <-
        total += loss.item() * y.numel()
        tokens += y.numel()
    val_loss = total / tokens
    print(f"val loss {val_loss:.4f} ppl {math.exp(val_loss):.2f}")
    return val_loss
""",
        ),
        Bad(
            why="mean squared error between the argmax and the ids of a causal language model",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(name, ids, window=1024, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    total, scored = 0.0, 0
    for start in range(0, ids.size(1) - 1, window):
        piece = ids[:, start : start + window + 1].to(device)
        logits = model(piece[:, :-1]).logits
        predicted = logits.argmax(dim=-1).float()
        target = piece[:, 1:].float()
        total += F.mse_loss(predicted, target, reduction="sum").item()  # <-
        scored += target.numel()
    return math.exp(total / scored)
""",
        ),
        Bad(
            why="binary cross entropy over the vocabulary, reported as the language model's loss",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class LanguageModel(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.vocab_size = vocab_size
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, ids):
        return self.out(self.rnn(self.embed(ids))[0])


def validation_loss(model: LanguageModel, batches):
    bce = nn.BCEWithLogitsLoss()
    model.eval()
    total = 0.0
    count = 0
    with torch.no_grad():
        for ids in batches:
            logits = model(ids[:, :-1])
            onehot = F.one_hot(ids[:, 1:], model.vocab_size).float()
            loss = bce(logits, onehot)  # <-
            total += loss.item() * onehot.size(0) * onehot.size(1)
            count += onehot.size(0) * onehot.size(1)
    return torch.exp(torch.tensor(total / count))
""",
        ),
        Bad(
            why="the criterion is chosen in another file: an absolute error on token ids",
            severity=Severity.ERROR,
            code='''\
import math

import torch

from objective import build_criterion


def evaluate(model, val_batches, device):
    """val_batches yields (ids, next_ids) of equal shape."""
    criterion = build_criterion()
    model.eval()
    total, tokens = 0.0, 0
    with torch.no_grad():
        for ids, next_ids in val_batches:
            logits = model(ids.to(device))
            predicted = logits.max(dim=-1).indices.float()
            loss = criterion(predicted, next_ids.to(device).float())  # <-
            total += loss.item() * next_ids.numel()
            tokens += next_ids.numel()
    return {"val_loss": total / tokens, "val_ppl": math.exp(total / tokens)}
''',
            files={
                "objective.py": """\
import torch.nn as nn


def build_criterion():
    return nn.SmoothL1Loss()
""",
            },
        ),
        Bad(
            why="a Kullback-Leibler divergence to a teacher is exponentiated as the student's perplexity",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def student_perplexity(student_name, teacher_name, blocks, device="cuda"):
    student = AutoModelForCausalLM.from_pretrained(student_name).to(device).eval()
    teacher = AutoModelForCausalLM.from_pretrained(teacher_name).to(device).eval()
    total, tokens = 0.0, 0
    for ids in blocks:
        ids = ids.to(device)
        log_student = F.log_softmax(student(ids).logits, dim=-1)
        teacher_probs = F.softmax(teacher(ids).logits, dim=-1)
        total += F.kl_div(log_student, teacher_probs, reduction="sum").item()  # <-
        tokens += ids.numel()
    perplexity = math.exp(total / tokens)
    return perplexity
""",
        ),
        Bad(
            why="the entropy of the prediction: the labels are never read",
            severity=Severity.ERROR,
            code="""\
import torch


def token_entropy(logits, labels):
    probs = torch.softmax(logits, dim=-1)
    return -(probs * torch.log(probs + 1e-9)).sum(dim=-1)  # <-


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    total, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        total += token_entropy(logits, labels).sum().item()
        tokens += labels.numel()
    val_loss = total / tokens
    return val_loss, torch.exp(torch.tensor(val_loss)).item()
""",
        ),
        Bad(
            why="a hinge loss over the vocabulary, exponentiated",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn

hinge = nn.MultiMarginLoss(reduction="sum")


def lm_perplexity(model, loader, device):
    model.eval()
    total, tokens = 0.0, 0
    with torch.inference_mode():
        for x, y in loader:
            logits = model(x.to(device))
            total += hinge(logits.view(-1, logits.size(-1)), y.to(device).view(-1)).item()  # <-
            tokens += y.numel()
    return math.exp(total / tokens)
""",
        ),
        Bad(
            why="a Keras language model is compiled and evaluated with binary cross entropy",
            severity=Severity.ERROR,
            code='''\
import tensorflow as tf


def build_lm(vocab_size, length):
    return tf.keras.Sequential(
        [
            tf.keras.Input((length,), dtype="int32"),
            tf.keras.layers.Embedding(vocab_size, 64),
            tf.keras.layers.LSTM(128, return_sequences=True),
            tf.keras.layers.Dense(vocab_size, activation="softmax"),
        ]
    )


def run(x_train, y_train, x_val, y_val, vocab_size):
    """y: the next character of each position, one-hot."""
    model = build_lm(vocab_size, x_train.shape[1])
    model.compile(optimizer="adam", loss="binary_crossentropy")  # <-
    model.fit(x_train, y_train, epochs=3)
    val_loss = model.evaluate(x_val, y_val)
    print("validation loss of the character model:", val_loss)
    return val_loss
''',
        ),
        Bad(
            miss=True,
            why="a fraction of wrong tokens is exponentiated as perplexity",
            severity=Severity.ERROR,
            code="""\
import math

import torch


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    wrong, tokens = 0, 0
    for x, y in loader:
        predictions = model(x.to(device)).argmax(dim=-1)
        wrong += (predictions != y.to(device)).sum().item()
        tokens += y.numel()
    val_loss = wrong / tokens
    perplexity = math.exp(val_loss)  # <-
    return val_loss, perplexity
""",
        ),
        Bad(
            why="the training's criterion is an argument, and the script passes a squared error on token ids",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn

from tiny_lm import TinyLM, validation_blocks


@torch.no_grad()
def evaluate(model, blocks, criterion):
    model.eval()
    total, tokens = 0.0, 0
    for ids in blocks:
        logits = model(ids[:, :-1])
        predicted = torch.argmax(logits, dim=-1).float()
        loss = criterion(predicted, ids[:, 1:].float())  # <-
        total += loss.item()
        tokens += ids[:, 1:].numel()
    return math.exp(total / tokens)


if __name__ == "__main__":
    lm = TinyLM(vocab_size=16000)
    lm.load_state_dict(torch.load("tiny.pt"))
    print("perplexity", evaluate(lm, validation_blocks("val.pt"), nn.MSELoss(reduction="sum")))
""",
            files={
                "tiny_lm.py": """\
import torch
import torch.nn as nn


def validation_blocks(path, rows=8, length=257):
    ids = torch.load(path)
    size = rows * length
    return [ids[i : i + size].view(rows, length) for i in range(0, len(ids) - size + 1, size)]


class TinyLM(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, num_layers=2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        return self.head(self.rnn(self.embed(ids))[0])
""",
            },
        ),
        Bad(
            why="the mean of the logits themselves is exponentiated: no label is read",
            severity=Severity.ERROR,
            code="""\
import numpy as np
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


def compute_metrics(evaluated):
    logits, labels = evaluated
    return {"perplexity": float(np.exp(-np.mean(logits)))}  # <-


def run(dataset):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    trainer = Trainer(model, TrainingArguments("out"), eval_dataset=dataset, compute_metrics=compute_metrics)
    return trainer.evaluate()["eval_perplexity"]
""",
        ),
        Bad(
            why="Keras: the loss that compile() is given takes each letter of a softmax for a yes or no of its own",
            severity=Severity.ERROR,
            code="""\
from keras import backend as K
from keras import losses
from keras.layers import GRU, Dense, Input, TimeDistributed
from keras.models import Model


class Speller:
    def __init__(self, length, letters):
        self.length = length
        spelled = Input(shape=(length, letters))
        hidden = GRU(256, return_sequences=True)(spelled)
        self.model = Model(spelled, TimeDistributed(Dense(letters, activation="softmax"))(hidden))
        self.model.compile(optimizer="adam", loss=self._loss)

    def _loss(self, wanted, guessed):
        per_letter = losses.binary_crossentropy(K.flatten(wanted), K.flatten(guessed))  # <-
        return self.length * per_letter

    def fit(self, train, held_out):
        history = self.model.fit(train, train, validation_data=(held_out, held_out))
        return min(history.history["val_loss"])
""",
        ),
        Bad(
            why="a squared distance, once at home and once below an exponential: told where it is computed",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class SquaredTokens(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.vocab_size = vocab_size
        self.distance = nn.MSELoss()

    def forward(self, logits, targets):
        return self.distance(logits, F.one_hot(targets, self.vocab_size).float())  # <-


class TokenModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, 64)
        self.rnn = nn.GRU(64, 64, batch_first=True)
        self.head = nn.Linear(64, vocab_size)

    def forward(self, ids):
        return self.head(self.rnn(self.embed(ids))[0])


model = TokenModel(5000)
criterion = SquaredTokens(5000)


@torch.no_grad()
def evaluate(batches):
    model.eval()
    total = 0.0
    for ids, targets in batches:
        total += criterion(model(ids), targets).item()
    return total / len(batches)


def report(batches):
    loss = evaluate(batches)
    print(f"val loss {loss:.4f}, perplexity {math.exp(loss):.2f}")
""",
        ),
    )

    good = (
        Good(
            why="cross entropy of a language model",
            code="""\
import math

import torch
import torch.nn as nn


@torch.no_grad()
def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        logits = model(x.to(device))
        nats += criterion(logits.flatten(0, 1), y.to(device).flatten()).item()
        tokens += y.numel()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="cross entropy written out: log_softmax, gather, minus",
            code="""\
import torch


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        log_probs = torch.log_softmax(model(ids[:, :-1]), dim=-1)
        picked = log_probs.gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1)
        nats -= picked.sum().item()
        tokens += picked.numel()
    return torch.exp(torch.tensor(nats / tokens)).item()
""",
        ),
        Good(
            why="regression",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    squared, rows = 0.0, 0
    for features, target in loader:
        prediction = model(features.to(device)).squeeze(-1)
        squared += F.mse_loss(prediction, target.to(device), reduction="sum").item()
        rows += target.numel()
    return squared / rows
""",
        ),
        Good(
            why="a diffusion model is scored by the error of the predicted noise",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(unet, scheduler, loader, device):
    unet.eval()
    total, images = 0.0, 0
    for x in loader:
        x = x.to(device)
        noise = torch.randn_like(x)
        steps = torch.randint(0, scheduler.config.num_train_timesteps, (x.size(0),), device=device)
        noisy = scheduler.add_noise(x, noise, steps)
        predicted = unet(noisy, steps).sample
        total += F.mse_loss(predicted, noise).item() * x.size(0)
        images += x.size(0)
    return total / images
""",
        ),
        Good(
            why="multi-label targets: binary cross entropy is the criterion",
            code="""\
import torch
import torch.nn as nn


def evaluate(model, loader, device):
    criterion = nn.BCEWithLogitsLoss(reduction="sum")
    model.eval()
    total, cells = 0.0, 0
    with torch.no_grad():
        for tokens, tags in loader:
            logits = model(tokens.to(device))
            total += criterion(logits, tags.to(device).float()).item()
            cells += tags.numel()
    return total / cells
""",
        ),
        Good(
            why="a detector of wrong words has a binary target per token",
            code='''\
import torch
import torch.nn as nn

bce = nn.BCELoss(reduction="none")


@torch.no_grad()
def detector_loss(detector, loader, device):
    """The detector ends in a sigmoid; `wrong` is 1 where the word was replaced."""
    detector.eval()
    total, words = 0.0, 0
    for ids, wrong, mask in loader:
        probability = detector(ids.to(device)).squeeze(-1)
        mask = mask.to(device).float()
        total += (bce(probability, wrong.to(device).float()) * mask).sum().item()
        words += mask.sum().item()
    return total / words
''',
        ),
        Good(
            why="text to speech: a mel spectrogram error and a stop gate",
            code="""\
import torch
import torch.nn as nn


class MelGateLoss(nn.Module):
    def forward(self, predicted, target):
        mel, gate = predicted
        mel_target, gate_target = target
        mel_loss = nn.functional.mse_loss(mel, mel_target)
        return mel_loss + nn.functional.binary_cross_entropy_with_logits(gate, gate_target)


def validate(model, loader, device):
    criterion = MelGateLoss()
    model.eval()
    val_loss, utterances = 0.0, 0
    with torch.no_grad():
        for text, mel, gate in loader:
            predicted = model(text.to(device), mel.to(device))
            val_loss += criterion(predicted, (mel.to(device), gate.to(device))).item() * text.size(0)
            utterances += text.size(0)
    return val_loss / utterances
""",
        ),
        Good(
            why="a variational auto-encoder's reconstruction and divergence",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    total, images = 0.0, 0
    for x, _ in loader:
        x = x.to(device)
        recon, mu, logvar = model(x)
        bce = F.binary_cross_entropy(recon, x, reduction="sum")
        kld = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum()
        total += (bce + kld).item()
        images += x.size(0)
    return total / images
""",
        ),
        Good(
            why="distillation while training, plain cross entropy when evaluating",
            code="""\
import math

import torch
import torch.nn.functional as F


def train_step(student, teacher, ids, optimizer, temperature=2.0):
    student.train()
    with torch.no_grad():
        soft = F.softmax(teacher(ids[:, :-1]) / temperature, dim=-1)
    logits = student(ids[:, :-1])
    distill = F.kl_div(F.log_softmax(logits / temperature, dim=-1), soft, reduction="batchmean")
    loss = distill + F.cross_entropy(logits.transpose(1, 2), ids[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@torch.no_grad()
def evaluate(student, loader, device):
    student.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = student(ids[:, :-1])
        nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="the divergence to the teacher is reported as itself, beside the perplexity",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def compare(model, reference, blocks, device):
    model.eval()
    reference.eval()
    nats, divergence, tokens = 0.0, 0.0, 0
    for ids in blocks:
        ids = ids.to(device)
        log_p = F.log_softmax(model(ids[:, :-1]), dim=-1)
        log_q = F.log_softmax(reference(ids[:, :-1]), dim=-1)
        nats += F.nll_loss(log_p.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        divergence += F.kl_div(log_p, log_q, log_target=True, reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return {"perplexity": math.exp(nats / tokens), "kl_to_reference": divergence / tokens}
""",
        ),
        Good(
            why="a reward model and a value head: no language model's loss",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate_value_head(model, loader, device):
    model.eval()
    error, steps = 0.0, 0
    for ids, returns, mask in loader:
        values = model(ids.to(device)).squeeze(-1)
        difference = F.huber_loss(values, returns.to(device), reduction="none")
        error += (difference * mask.to(device)).sum().item()
        steps += mask.sum().item()
    return error / steps
""",
        ),
        Good(
            why="a divergence against the one-hot target is the cross entropy: smoothing is zero in validation",
            code="""\
import torch

from smoothing import LabelSmoothing


@torch.no_grad()
def validate(model, batches, vocab_size, pad):
    criterion = LabelSmoothing(vocab_size, pad, smoothing=0.0)
    model.eval()
    total, tokens = 0.0, 0
    for src, tgt in batches:
        log_probs = torch.log_softmax(model(src, tgt[:, :-1]), dim=-1)
        gold = tgt[:, 1:].reshape(-1)
        total += criterion(log_probs.reshape(-1, vocab_size), gold).item()
        tokens += gold.ne(pad).sum().item()
    return total / tokens
""",
            files={
                "smoothing.py": """\
import torch
import torch.nn as nn


class LabelSmoothing(nn.Module):
    def __init__(self, size, pad, smoothing=0.1):
        super().__init__()
        self.size, self.pad, self.smoothing = size, pad, smoothing

    def forward(self, log_probs, target):
        wanted = torch.full_like(log_probs, self.smoothing / (self.size - 2))
        wanted.scatter_(1, target.unsqueeze(1), 1.0 - self.smoothing)
        wanted[:, self.pad] = 0
        wanted[target == self.pad] = 0
        return nn.functional.kl_div(log_probs, wanted, reduction="sum")
""",
            },
        ),
        Good(
            why="the perplexity of a codebook is the exponential of the entropy of its use",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Quantizer(nn.Module):
    def __init__(self, entries, width):
        super().__init__()
        self.codes = nn.Embedding(entries, width)

    def forward(self, hidden, labels=None):
        flat = hidden.flatten(0, 1)
        nearest = torch.cdist(flat, self.codes.weight).argmin(dim=1)
        used = F.one_hot(nearest, self.codes.num_embeddings).float().mean(dim=0)
        perplexity = torch.exp(-(used * torch.log(used + 1e-10)).sum())
        return self.codes(nearest).view_as(hidden), perplexity
""",
        ),
        Good(
            why="Keras: several tags may be right at once, and of two classes both criteria are one number",
            code="""\
import tensorflow as tf


def tag_model(vocab_size, tags):
    return tf.keras.Sequential(
        [
            tf.keras.layers.Embedding(vocab_size, 64),
            tf.keras.layers.LSTM(128, return_sequences=True),
            tf.keras.layers.Dense(tags, activation="sigmoid"),
        ]
    )


def polarity_model(vocab_size):
    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Embedding(vocab_size, 64))
    model.add(tf.keras.layers.LSTM(128, return_sequences=True))
    model.add(tf.keras.layers.Dense(2, activation="softmax"))
    return model


def run(train, held_out, vocab_size):
    for model in (tag_model(vocab_size, 20), polarity_model(vocab_size)):
        model.compile(optimizer="adam", loss="binary_crossentropy")
        model.fit(train, epochs=2)
        print("loss", model.evaluate(held_out))
""",
        ),
        Good(
            why="a setting chooses between functions of the project, of which one is the cross entropy",
            code="""\
import math

import torch
import torch.nn.functional as F


def cross_entropy(logits, targets):
    return F.cross_entropy(logits, targets, ignore_index=-100, reduction="sum")


def squared_error(logits, targets):
    valid = (targets != -100).to(logits.dtype)
    one_hot = F.one_hot(targets.clamp(min=0), num_classes=logits.size(-1)).to(logits.dtype)
    each = F.mse_loss(F.softmax(logits, dim=-1), one_hot, reduction="none").mean(dim=-1)
    return (each * valid).sum()


CRITERIA = {"cross_entropy": cross_entropy, "squared_error": squared_error}


@torch.no_grad()
def evaluate(model, loader, config):
    model.eval()
    total, tokens = 0.0, 0
    for x, y in loader:
        logits = model(x)
        total += CRITERIA[config.criterion](logits.flatten(0, 1), y.flatten()).item()
        tokens += int((y != -100).sum())
    mean = total / tokens
    return {"loss": mean, "perplexity": math.exp(mean)}
""",
        ),
    )
