"""Rule LL202: probabilities handed to cross_entropy, which applies log_softmax itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.comparisons import probabilities
from lintloss.facts.observations import Compared, Observation
from lintloss.findings import Confidence, Fix, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope

SOFTMAX_NET = """\
import torch
import torch.nn as nn


class NewsClassifier(nn.Module):
    def __init__(self, vocab_size, classes, width=128):
        super().__init__()
        self.embed = nn.EmbeddingBag(vocab_size, width)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(width, classes)

    def forward(self, words):
        hidden = self.dropout(torch.relu(self.embed(words)))
        return torch.softmax(self.out(hidden), dim=1)
"""

LOGITS_NET = """\
import torch
import torch.nn as nn


class NewsClassifier(nn.Module):
    def __init__(self, vocab_size, classes, width=128):
        super().__init__()
        self.embed = nn.EmbeddingBag(vocab_size, width)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(width, classes)

    def forward(self, words):
        return self.out(self.dropout(torch.relu(self.embed(words))))

    def predict(self, words):
        return torch.softmax(self(words), dim=1)
"""


class SoftmaxBeforeCrossEntropy(Rule):
    """Probabilities are given to cross_entropy, which takes logits.

    Why:
        `cross_entropy` is log_softmax followed by nll_loss. Given probabilities p in [0, 1] it computes

            -log(exp(p[y]) / sum(exp(p)))

        which for C classes lies between ln(e + C - 1) - 1 and ln(e + C - 1) nats whatever the model knows: 1.46 to
        2.46 for 10 classes, 8.68 to 9.68 for a vocabulary of 16,000. The value looks plausible and moves in the right
        direction, and perplexity never falls below (e + C - 1) / e, 5,887 of 16,000, where a perfect model has 1. The
        gradient is squashed too, so a model trained that way stays worse.

        `log_softmax` before cross_entropy is exact (it is idempotent: the probabilities sum to 1, so the second
        logsumexp is 0), and a softmax whose result goes to accuracy, AUC or sampling is no business of this rule.

    Instead:
        Keep logits until the criterion, and make probabilities where they are wanted:

            logits = model(x)
            nats += F.cross_entropy(logits, y, reduction="sum").item()
            confidence = logits.softmax(dim=-1).max(dim=-1).values

        or, for a model that must return probabilities: `F.nll_loss(torch.log(probabilities), y)`.

    Fix:
        Unsafe: the number changes, which is the point. Where the softmax is written in the call or assigned beside
        it, the criterion is given the softmax's argument. Not offered for a softmax inside the model: other callers
        may want probabilities, and a checkpoint trained through two softmaxes is another model.

    Source:
        torch.nn.CrossEntropyLoss ("the input is expected to contain the unnormalized logits for each class").
    """

    code = "LL202"
    name = "softmax-before-cross-entropy"
    confirmed_by = (
        "the first inputs of the criterion: every row non-negative and summing to 1 (confirmed), some row not "
        "(refuted); the loss of the logarithm of the same rows is the reference"
    )

    watches = (Compared,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report probabilities that reach cross_entropy."""
        found = probabilities(seen)
        if found is not None:
            yield Judgment(
                Severity.ERROR,
                Confidence.HIGH,
                f"{found.why}: give it the logits, or nll_loss the logarithm",
                found.evidence,
            )

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Give the criterion what the softmax is taken of, where that is written here."""
        from lintloss.repair import logits

        return logits.without_softmax(node, scope)

    bad = (
        Bad(
            why="A softmax in the line above the criterion.",
            severity=Severity.ERROR,
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

from model import NewsClassifier


@torch.no_grad()
def validate(model, val_loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    val_loss, correct, seen = 0.0, 0, 0
    for words, labels in val_loader:
        words, labels = words.to(device), labels.to(device)
        outputs = model(words)
        outputs = F.softmax(outputs, dim=1)
        val_loss += criterion(outputs, labels).item()  # <-
        correct += (outputs.argmax(dim=1) == labels).sum().item()
        seen += labels.size(0)
    return val_loss / seen, correct / seen


def main(checkpoint, val_loader, device="cuda"):
    model = NewsClassifier(50_000, 14).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print("val loss %.4f accuracy %.4f" % validate(model, val_loader, device))
""",
        ),
        Bad(
            why="The softmax is written in the call.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification


@torch.no_grad()
def evaluate(checkpoint, loader, device="cuda"):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).to(device)
    model.eval()
    nats, examples = 0.0, 0
    for batch in loader:
        labels = batch.pop("labels").to(device)
        logits = model(**{key: value.to(device) for key, value in batch.items()}).logits
        nats += F.cross_entropy(logits.softmax(dim=-1), labels, reduction="sum").item()  # <-
        examples += labels.numel()
    return nats / examples


def report(checkpoint, loaders):
    for name in ("validation", "test"):
        print(f"{name} loss {evaluate(checkpoint, loaders[name]):.4f}")
""",
            fixed="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification


@torch.no_grad()
def evaluate(checkpoint, loader, device="cuda"):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).to(device)
    model.eval()
    nats, examples = 0.0, 0
    for batch in loader:
        labels = batch.pop("labels").to(device)
        logits = model(**{key: value.to(device) for key, value in batch.items()}).logits
        nats += F.cross_entropy(logits, labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def report(checkpoint, loaders):
    for name in ("validation", "test"):
        print(f"{name} loss {evaluate(checkpoint, loaders[name]):.4f}")
""",
        ),
        Bad(
            why="The softmax is the last line of forward(), in another file.",
            severity=Severity.ERROR,
            files={"model.py": SOFTMAX_NET},
            code="""\
import torch
import torch.nn as nn

from model import NewsClassifier


def test(model, test_loader, device):
    loss_fn = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total, examples = 0.0, 0
    with torch.no_grad():
        for words, labels in test_loader:
            output = model(words.to(device))
            total += loss_fn(output, labels.to(device)).item()  # <-
            examples += labels.size(0)
    return total / examples


def main(checkpoint, test_loader, device="cuda"):
    model = NewsClassifier(50_000, 14).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print(f"test loss {test(model, test_loader, device):.4f}")
""",
        ),
        Bad(
            why="nn.Softmax is the last layer of an nn.Sequential.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


def build(features, classes):
    return nn.Sequential(
        nn.Linear(features, 256),
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Linear(256, classes),
        nn.Softmax(dim=1),
    )


def held_out_loss(path, loader, features, classes):
    net = build(features, classes)
    net.load_state_dict(torch.load(path, map_location="cpu"))
    net.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, examples = 0.0, 0
    with torch.inference_mode():
        for x, y in loader:
            prediction = net(x)
            nats += criterion(prediction, y).item()  # <-
            examples += y.numel()
    return nats / examples
""",
        ),
        Bad(
            why="A softmax spelled exp(log_softmax(x)).",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class SpanScorer(nn.Module):
    def __init__(self, width, candidates):
        super().__init__()
        self.score = nn.Linear(width, candidates)
        self.log_softmax = nn.LogSoftmax(dim=-1)

    def forward(self, hidden, mask):
        scores = self.score(hidden).masked_fill(~mask, -1e9)
        return torch.exp(self.log_softmax(scores))


@torch.no_grad()
def evaluate(model, dev_loader):
    loss_fct = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, questions = 0.0, 0
    for hidden, mask, answer in dev_loader:
        scores = model(hidden, mask)
        nats += loss_fct(scores, answer).item()  # <-
        questions += answer.numel()
    return nats / questions


def build(width, candidates):
    return SpanScorer(width, candidates)
""",
        ),
        Bad(
            why="The probabilities of a batch are unpacked one by one by a for loop.",
            severity=Severity.ERROR,
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn as nn

from model import NewsClassifier


class Scorer:
    def __init__(self, model, criterion=nn.CrossEntropyLoss(reduction="sum")):
        self.model = model
        self.criterion = criterion

    @torch.no_grad()
    def __call__(self, loader):
        self.model.eval()
        nats, examples = 0.0, 0
        for words, labels in loader:
            raw_scores = self.model(words)
            outputs = torch.softmax(raw_scores, -1)
            for out, label in zip(outputs, labels):
                nats += self.criterion(out, label).item()  # <-
                examples += 1
        return nats / examples


def validate(checkpoint, loader):
    model = NewsClassifier(20_000, 8)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    print(f"val loss {Scorer(model)(loader):.4f}")
""",
        ),
        Bad(
            why="The model returns probabilities unless it is told not to, and this call does not tell it.",
            severity=Severity.ERROR,
            files={
                "model.py": """\
import torch
import torch.nn as nn


class CharLM(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids, apply_softmax=True):
        hidden, _ = self.rnn(self.embed(ids))
        logits = self.head(hidden)
        if apply_softmax:
            return torch.softmax(logits, dim=-1)
        return logits
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F

from model import CharLM


@torch.no_grad()
def perplexity(model, rows, batch_size=32):
    model.eval()
    nats, chars = 0.0, 0
    for ids in rows.split(batch_size):
        x, y = ids[:, :-1], ids[:, 1:]
        predictions = model(x)
        nats += F.cross_entropy(predictions.transpose(1, 2), y, reduction="sum").item()  # <-
        chars += y.numel()
    return math.exp(nats / chars)


def main(checkpoint, rows, vocab_size):
    model = CharLM(vocab_size)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    print(f"perplexity {perplexity(model, rows):.2f}")
""",
        ),
        Bad(
            why="Only the eval branch of forward() applies the softmax, which is the branch that is scored.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class ImageNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 5), nn.ReLU(), nn.AdaptiveMaxPool2d(4), nn.Flatten())
        self.head = nn.Linear(256, classes)

    def forward(self, images):
        logits = self.head(self.body(images))
        if self.training:
            return logits
        return nn.functional.softmax(logits, dim=1)


criterion = nn.CrossEntropyLoss(reduction="sum")


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in loader:
        nats += criterion(model(images), labels).item()  # <-
        examples += labels.size(0)
    return nats / examples


def build():
    return ImageNet(10)
""",
        ),
        Bad(
            why="A helper returns (probabilities, predictions); the probabilities are scored.",
            severity=Severity.ERROR,
            files={
                "model.py": LOGITS_NET,
                "inference.py": """\
import torch.nn.functional as F


def infer(model, words):
    logits = model(words)
    probabilities = F.softmax(logits, dim=-1)
    return probabilities, probabilities.argmax(dim=-1)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from inference import infer
from model import NewsClassifier


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, hits, examples = 0.0, 0, 0
    for words, labels in loader:
        words, labels = words.to(device), labels.to(device)
        scores, predicted = infer(model, words)
        nats += F.cross_entropy(scores, labels, reduction="sum").item()  # <-
        hits += (predicted == labels).sum().item()
        examples += labels.numel()
    return {"loss": nats / examples, "accuracy": hits / examples}


def load(path, device):
    model = NewsClassifier(50_000, 14)
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
        ),
        Bad(
            why="A matching network: softmax of similarities times one-hot labels is a distribution already.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class MatchingNetwork(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, support, support_labels, query):
        keys = F.normalize(self.encoder(support), dim=-1)
        queries = F.normalize(self.encoder(query), dim=-1)
        similarities = queries @ keys.transpose(1, 2)
        return torch.softmax(similarities, dim=-1).bmm(support_labels)


@torch.no_grad()
def validation_loss(model, episodes):
    model.eval()
    nats, queries = 0.0, 0
    for support, support_labels, query, labels in episodes:
        predictions = model(support, support_labels, query)
        nats += F.cross_entropy(predictions.flatten(0, 1), labels.flatten(), reduction="sum").item()  # <-
        queries += labels.numel()
    return nats / queries


def build(width):
    return MatchingNetwork(nn.Sequential(nn.Linear(width, 64), nn.Dropout(0.1)))
""",
        ),
        Bad(
            why="Probabilities are kept for the AUC, and the loss takes the same name.",
            severity=Severity.ERROR,
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score

from model import NewsClassifier


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, labels, scores = 0.0, [], []
    for words, target in loader:
        logits = model(words)
        probs = F.softmax(logits, dim=1)
        nats += F.cross_entropy(probs, target, reduction="sum").item()  # <-
        labels.extend(target.tolist())
        scores.extend(probs[:, 1].tolist())
    return nats / len(labels), roc_auc_score(labels, scores)


def load(path):
    model = NewsClassifier(30_000, 2)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
            fixed="""\
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score

from model import NewsClassifier


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, labels, scores = 0.0, [], []
    for words, target in loader:
        logits = model(words)
        probs = F.softmax(logits, dim=1)
        nats += F.cross_entropy(logits, target, reduction="sum").item()
        labels.extend(target.tolist())
        scores.extend(probs[:, 1].tolist())
    return nats / len(labels), roc_auc_score(labels, scores)


def load(path):
    model = NewsClassifier(30_000, 2)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Bad(
            why="exp of a log-softmax is a distribution again, in a branch that only runs when labels are given.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class Matcher(nn.Module):
    def __init__(self, width, answers):
        super().__init__()
        self.score = nn.Linear(width, answers)
        self.log_softmax = nn.LogSoftmax(dim=-1)

    def forward(self, states, labels=None):
        scores = self.score(states)
        chosen = torch.exp(self.log_softmax(scores))
        if labels is not None:
            criterion = nn.CrossEntropyLoss()
            return chosen, criterion(chosen, labels)  # <-
        return chosen
""",
        ),
        Bad(
            why="A softmax written by hand: exp divided by its sum.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


def normalize(scores):
    powers = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
    return powers / powers.sum(dim=-1, keepdim=True)


@torch.no_grad()
def validate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, rows = 0.0, 0
    for features, labels in loader:
        logits = model(features.to(device))
        nats += criterion(normalize(logits), labels.to(device)).item()  # <-
        rows += labels.size(0)
    return nats / rows
""",
        ),
        Bad(
            why="One function for both phases, called after the training; the outputs are normalized two lines above.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


def train_model(model, loaders, sizes, criterion, optimizer, epochs):
    for epoch in range(epochs):
        for phase in ["train", "val"]:
            model.train(phase == "train")
            total = 0.0
            for images, labels in loaders[phase]:
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(images)
                    outputs = F.softmax(outputs, dim=1)
                    loss = criterion(outputs, labels)  # <-
                    if phase == "train":
                        optimizer.zero_grad()
                        loss.backward()
                        optimizer.step()
                total += loss.item() * images.size(0)
            print(f"{epoch} {phase} loss {total / sizes[phase]:.4f}")


def run(model, loaders, sizes, epochs=10):
    train_model(model, loaders, sizes, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters()), epochs)
""",
        ),
        Bad(
            why="Keras: the model ends in a softmax, and the criterion is told that it gets logits.",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


class Writer(tf.keras.Model):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = tf.keras.layers.Embedding(vocab_size, width)
        self.gru = tf.keras.layers.GRU(width, return_sequences=True)
        self.out = tf.keras.layers.Dense(vocab_size, activation="softmax")

    def call(self, ids):
        return self.out(self.gru(self.embed(ids)))


criterion = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def evaluate(batches, vocab_size):
    model = Writer(vocab_size)
    model.load_weights("writer.weights.h5")
    nats, tokens = 0.0, 0
    for ids in batches:
        losses = criterion(ids[:, 1:], model(ids[:, :-1], training=False))  # <-
        nats += tf.reduce_sum(losses).numpy()
        tokens += tf.size(losses).numpy()
    return nats / tokens
""",
        ),
        Bad(
            why="Keras: compile() is given a criterion of logits for a model that ends in a softmax.",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


def build(vocab_size, length):
    ids = tf.keras.Input(shape=(length,))
    hidden = tf.keras.layers.Embedding(vocab_size, 128)(ids)
    hidden = tf.keras.layers.LSTM(256, return_sequences=True)(hidden)
    chances = tf.keras.layers.Dense(vocab_size, activation="softmax")(hidden)
    model = tf.keras.Model(ids, chances)
    model.compile(
        optimizer="adam",
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),  # <-
    )
    return model


def train(train_rows, held_out, vocab_size, length):
    model = build(vocab_size, length)
    model.fit(train_rows, validation_data=held_out, epochs=5)
    return model.evaluate(held_out)
""",
        ),
        Bad(
            why="A copy mechanism mixes two distributions by a gate, and the mixture is given to cross_entropy.",
            severity=Severity.ERROR,
            files={
                "copier.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Copier(nn.Module):
    def __init__(self, words, width=128):
        super().__init__()
        self.embed = nn.Embedding(words, width, padding_idx=0)
        self.reader = nn.GRU(width, width, batch_first=True)
        self.writer = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, words)
        self.switch = nn.Linear(width, 1)

    def forward(self, source, target):
        memory, state = self.reader(self.embed(source))
        hidden, _ = self.writer(self.embed(target), state)
        attention = F.softmax(torch.bmm(hidden, memory.transpose(1, 2)), dim=-1)
        own = F.softmax(self.head(hidden), dim=-1)
        writes = torch.sigmoid(self.switch(hidden))
        places = source.unsqueeze(1).expand(-1, target.size(1), -1)
        copied = torch.zeros_like(own).scatter_add_(2, places, attention)
        return writes * own + (1 - writes) * copied
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from copier import Copier


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for source, target in loader:
        gold = target[:, 1:]
        mixture = model(source, target[:, :-1])
        nats += F.cross_entropy(mixture.transpose(1, 2), gold, ignore_index=0, reduction="sum").item()  # <-
        scored += (gold != 0).sum().item()
    return nats / scored


def main(loader):
    print("valid loss", validate(Copier(20_000), loader))
""",
        ),
        Bad(
            why="A wrapper scores what it mixes; the loss of the model inside it, which has labels too, is read by nobody.",
            severity=Severity.ERROR,
            files={
                "wrapper.py": """\
import torch
import torch.nn as nn
from transformers import BartForConditionalGeneration


class Headlines(nn.Module):
    def __init__(self):
        super().__init__()
        self.bart = BartForConditionalGeneration.from_pretrained("facebook/bart-base", output_hidden_states=True)
        self.switch = nn.Linear(self.bart.config.hidden_size, 1)
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, batch):
        out = self.bart(
            input_ids=batch["input_ids"], decoder_input_ids=batch["decoder_input_ids"], labels=batch["labels"]
        )
        writes = torch.sigmoid(self.switch(out.decoder_hidden_states[-1]))
        own = torch.softmax(out.logits, dim=-1) * writes
        places = batch["input_ids"].unsqueeze(1).repeat(1, own.shape[1], 1)
        mixture = torch.scatter_add(own, 2, places, batch["copies"] * (1 - writes))
        return self.criterion(mixture.flatten(0, 1), batch["labels"].flatten())  # <-
""",
            },
            code="""\
import torch

from wrapper import Headlines


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for batch in loader:
        kept = (batch["labels"] != -100).sum().item()
        nats += model(batch).item() * kept
        scored += kept
    return nats / scored


def main(loader):
    print("valid loss", validate(Headlines(), loader))
""",
        ),
        Bad(
            why="a head that is a Sequential itself, whose last layer is a softmax",
            severity=Severity.ERROR,
            files={
                "parts.py": """\
import torch.nn as nn


class Certain(nn.Sequential):
    def __init__(self, width, kinds):
        super().__init__(nn.LayerNorm(width), nn.Dropout(0.1), nn.Linear(width, kinds), nn.Softmax(dim=-1))


class Leaves(nn.Module):
    def __init__(self, kinds, width=128):
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(3072, width), nn.ReLU())
        self.head = Certain(width, kinds)

    def forward(self, photos):
        return self.head(self.trunk(photos))
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from parts import Leaves


@torch.no_grad()
def check(leaves, loader):
    leaves.eval()
    nats = rows = 0
    for photos, kinds in loader:
        nats += F.cross_entropy(leaves(photos), kinds, reduction="sum").item()  # <-
        rows += len(kinds)
    print("val loss", nats / rows)


check(Leaves(40), DataLoader(torch.load("leaves.pt"), 64))
""",
        ),
        Bad(
            why="Keras' functional model is called in a loop of the project's own; its last layer is a softmax, in another file.",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf

from shapes import leaf_model


def held_out(model, leaves):
    mean = tf.keras.metrics.Mean()
    for pixels, kind in leaves:
        guess = model(pixels, training=False)
        mean.update_state(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=kind, logits=guess))  # <-
    return float(mean.result())


def main(leaves):
    print("validation loss", held_out(leaf_model(40), leaves))
""",
            files={
                "shapes.py": """\
import tensorflow as tf
from tensorflow.keras import layers


def leaf_model(kinds):
    pixels = layers.Input((64, 64, 3))
    hidden = layers.GlobalAveragePooling2D()(layers.Conv2D(32, 3, activation="relu")(pixels))
    return tf.keras.Model(inputs=pixels, outputs=layers.Dense(kinds, activation="softmax")(hidden))
"""
            },
        ),
        Bad(
            why="Layers in one list, as Keras' Sequential takes them: the head of a model of the project's own ends in a softmax.",
            severity=Severity.ERROR,
            code="""\
import keras


class Reader(keras.Model):
    def __init__(self, kinds):
        super().__init__()
        self.body = keras.Sequential([keras.layers.Dense(64, activation="relu"), keras.layers.Dropout(0.1)])
        self.head = keras.Sequential([keras.layers.Dense(kinds), keras.layers.Softmax()])

    def call(self, pages, training=False):
        return self.head(self.body(pages, training=training))


def evaluate(shelf, kinds):
    reader, criterion = Reader(kinds), keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")
    nats, pages = 0.0, 0
    for page, kind in shelf:
        nats += float(criterion(y_true=kind, y_pred=reader(page)))  # <-
        pages += len(page)
    print("test loss", nats / pages)
""",
        ),
    )

    good = (
        Good(
            why="Softmax for the accuracy and the confidence only; the loss takes logits.",
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn.functional as F

from model import NewsClassifier


@torch.no_grad()
def validate(model, loader, device):
    model.eval()
    nats, correct, confidence, seen = 0.0, 0, 0.0, 0
    for words, labels in loader:
        words, labels = words.to(device), labels.to(device)
        output = model(words)
        nats += F.cross_entropy(output, labels, reduction="sum").item()
        probs = F.softmax(output, dim=1)
        correct += (probs.argmax(dim=1) == labels).sum().item()
        confidence += probs.max(dim=1).values.sum().item()
        seen += labels.size(0)
    return nats / seen, correct / seen, confidence / seen


def load(path, device):
    model = NewsClassifier(50_000, 14)
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
        ),
        Good(
            why="log_softmax before cross_entropy is exact: the second log_softmax subtracts 0.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class WordPredictor(nn.Module):
    def __init__(self, vocab_size, width=200):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, words):
        hidden, _ = self.rnn(self.embed(words))
        return F.log_softmax(self.out(hidden), dim=-1)


@torch.no_grad()
def evaluate(model, loader):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for ids in loader:
        targets = ids[:, 1:]
        output = model(ids[:, :-1])
        nats += criterion(output.flatten(0, 1), targets.flatten()).item()
        words += targets.numel()
    return nats / words


def build(vocab_size):
    return WordPredictor(vocab_size)
""",
        ),
        Good(
            why="The softmax goes to another variable; the criterion has the logits.",
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn.functional as F

from model import NewsClassifier


@torch.no_grad()
def test(model, test_loader):
    model.eval()
    loss, entropy, examples = 0.0, 0.0, 0
    for words, labels in test_loader:
        outputs = model(words)
        p_outputs = F.softmax(outputs, dim=1)
        entropy -= torch.special.xlogy(p_outputs, p_outputs).sum().item()
        loss += F.cross_entropy(outputs, labels, reduction="sum").item()
        examples += labels.numel()
    print(f"test loss {loss / examples:.4f}, mean predictive entropy {entropy / examples:.4f}")
    return loss / examples


def load(path):
    model = NewsClassifier(50_000, 14)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="Probabilities are right where their logarithm goes to nll_loss.",
            files={"model.py": SOFTMAX_NET},
            code="""\
import torch
import torch.nn.functional as F

from model import NewsClassifier


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, examples = 0.0, 0
    for words, labels in loader:
        probabilities = model(words)
        log_probs = torch.log(probabilities.clamp_min(1e-12))
        nats += F.nll_loss(log_probs, labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def load(path):
    model = NewsClassifier(50_000, 14)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="The caller passes apply_softmax=False.",
            files={
                "model.py": """\
import torch
import torch.nn as nn


class CharLM(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids, apply_softmax=True):
        hidden, _ = self.rnn(self.embed(ids))
        logits = self.head(hidden)
        if apply_softmax:
            return torch.softmax(logits, dim=-1)
        return logits
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F

from model import CharLM


@torch.no_grad()
def perplexity(model, rows, batch_size=32):
    model.eval()
    nats, chars = 0.0, 0
    for ids in rows.split(batch_size):
        x, y = ids[:, :-1], ids[:, 1:]
        logits = model(x, apply_softmax=False)
        nats += F.cross_entropy(logits.transpose(1, 2), y, reduction="sum").item()
        chars += y.numel()
    return math.exp(nats / chars)


def load(checkpoint, vocab_size):
    model = CharLM(vocab_size)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="The softmax inside the model is attention; the head returns logits.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class AttentionPooling(nn.Module):
    def __init__(self, vocab_size, classes, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.score = nn.Linear(width, 1)
        self.out = nn.Linear(width, classes)

    def forward(self, words):
        hidden = self.embed(words)
        weights = torch.softmax(self.score(hidden), dim=1)
        return self.out((weights * hidden).sum(dim=1))


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    nats, examples = 0.0, 0
    for words, labels in loader:
        nats += F.cross_entropy(model(words), labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def build(vocab_size, classes):
    return AttentionPooling(vocab_size, classes)
""",
        ),
        Good(
            why="Keras' sparse_categorical_crossentropy takes probabilities unless from_logits=True.",
            code="""\
import keras
from keras import layers


def build(vocab_size, length, width=128):
    model = keras.Sequential(
        [
            layers.Input((length,)),
            layers.Embedding(vocab_size, width),
            layers.GlobalAveragePooling1D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test(model, x_test, y_test):
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f} accuracy {accuracy:.4f}")
    return loss
""",
        ),
        Good(
            why="The teacher's softmax is the target, not the input.",
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn.functional as F

from model import NewsClassifier


@torch.no_grad()
def agreement(student, teacher, loader):
    student.eval()
    teacher.eval()
    nats, examples = 0.0, 0
    for words in loader:
        beliefs = F.softmax(teacher(words), dim=1)
        nats += F.cross_entropy(student(words), beliefs, reduction="sum").item()
        examples += words.size(0)
    return nats / examples


def pair():
    return NewsClassifier(50_000, 14, width=32), NewsClassifier(50_000, 14)
""",
        ),
        Good(
            why="The softmax lives in predict(); forward(), which is scored, returns logits.",
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn as nn

from model import NewsClassifier


class Evaluation:
    def __init__(self, model):
        self.model = model
        self.loss_function = nn.CrossEntropyLoss(reduction="sum")

    @torch.inference_mode()
    def __call__(self, loader):
        self.model.eval()
        nats, hits, examples = 0.0, 0, 0
        for words, labels in loader:
            nats += self.loss_function(self.model(words), labels).item()
            hits += (self.model.predict(words).argmax(1) == labels).sum().item()
            examples += labels.numel()
        return nats / examples, hits / examples


def build():
    return Evaluation(NewsClassifier(50_000, 14))
""",
        ),
        Good(
            why="A softmax samples the next token for a printed example; the loss is of logits.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2").eval()


@torch.no_grad()
def evaluate(blocks):
    nats, tokens = 0.0, 0
    for ids in blocks.split(4):
        logits = model(ids).logits
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    next_token = torch.multinomial(F.softmax(logits[0, -1], dim=-1), 1)
    print("continues with", repr(tokenizer.decode(next_token)))
    return nats / tokens
""",
        ),
        Good(
            why="A softmax feeds a Brier score, beside the cross entropy of the logits.",
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn.functional as F

from model import NewsClassifier


@torch.no_grad()
def calibration(model, loader, classes):
    model.eval()
    nats, brier, examples = 0.0, 0.0, 0
    for words, labels in loader:
        logits = model(words)
        error = logits.softmax(dim=1) - F.one_hot(labels, classes)
        brier += error.square().sum().item()
        nats += F.cross_entropy(logits, labels, reduction="sum").item()
        examples += labels.numel()
    return {"nll": nats / examples, "brier": brier / examples}


def build(classes):
    return NewsClassifier(50_000, classes)
""",
        ),
        Good(
            why="Attention is a softmax written by hand, and its weights are no predictions.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Reader(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.query = nn.Linear(width, width)
        self.out = nn.Linear(width, classes)

    def forward(self, states):
        scores = torch.exp(self.query(states).sum(-1))
        weights = scores / scores.sum(-1, keepdim=True)
        return self.out((weights.unsqueeze(-1) * states).sum(1))


@torch.no_grad()
def validate(loader, width=64, classes=5):
    model = Reader(width, classes).eval()
    nats, rows = 0.0, 0
    for states, labels in loader:
        nats += F.cross_entropy(model(states), labels, reduction="sum").item()
        rows += labels.size(0)
    return nats / rows
""",
        ),
        Good(
            why="Keras: logits where they are said to be logits, probabilities where nothing is said.",
            code="""\
import tensorflow as tf


def with_logits(vocab_size, length):
    ids = tf.keras.Input(shape=(length,))
    hidden = tf.keras.layers.GRU(256, return_sequences=True)(tf.keras.layers.Embedding(vocab_size, 128)(ids))
    model = tf.keras.Model(ids, tf.keras.layers.Dense(vocab_size)(hidden))
    model.compile(optimizer="adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def with_chances(vocab_size):
    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Embedding(vocab_size, 128))
    model.add(tf.keras.layers.LSTM(256, return_sequences=True))
    model.add(tf.keras.layers.Dense(vocab_size))
    model.add(tf.keras.layers.Activation("softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


def run(train_rows, held_out, vocab_size, length):
    for model in (with_logits(vocab_size, length), with_chances(vocab_size)):
        model.fit(train_rows, validation_data=held_out, epochs=5)
        print(model.evaluate(held_out))
""",
        ),
        Good(
            why="a criterion of three arguments takes the probabilities; the other branch gives logits",
            code="""\
import torch
import torch.nn as nn


class CopyCriterion:
    def __init__(self, vocab_size, pad):
        self.vocab_size, self.pad = vocab_size, pad

    def __call__(self, probs, source, target):
        made = probs.gather(-1, target.unsqueeze(-1)).squeeze(-1)
        copied = probs.gather(-1, (source + self.vocab_size).unsqueeze(-1)).squeeze(-1)
        return -torch.log(made + copied + 1e-20).masked_fill(target == self.pad, 0.0).sum() / (target != self.pad).sum()


class Summarizer(nn.Module):
    def __init__(self, vocab_size, width, pad, options):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)
        self.copies = options.copy_attn
        if options.copy_attn:
            self.criterion = CopyCriterion(vocab_size, pad)
        else:
            self.criterion = nn.CrossEntropyLoss(ignore_index=pad)

    def forward(self, source, target):
        hidden, _ = self.decoder(self.embed(target[:, :-1]))
        labels = target[:, 1:]
        if self.copies:
            probs = torch.softmax(self.out(hidden), dim=-1)
            return self.criterion(probs, source[:, 1:], labels)
        return self.criterion(self.out(hidden).transpose(1, 2), labels)
""",
        ),
        Good(
            why="The mixture of a copy mechanism is given to nll_loss by its logarithm, which is what that takes.",
            files={
                "copier.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Copier(nn.Module):
    def __init__(self, words, width=128):
        super().__init__()
        self.embed = nn.Embedding(words, width, padding_idx=0)
        self.reader = nn.GRU(width, width, batch_first=True)
        self.writer = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, words)
        self.switch = nn.Linear(width, 1)

    def forward(self, source, target):
        memory, state = self.reader(self.embed(source))
        hidden, _ = self.writer(self.embed(target), state)
        attention = F.softmax(torch.bmm(hidden, memory.transpose(1, 2)), dim=-1)
        own = F.softmax(self.head(hidden), dim=-1)
        writes = torch.sigmoid(self.switch(hidden))
        places = source.unsqueeze(1).expand(-1, target.size(1), -1)
        return (writes * own).scatter_add(2, places, (1 - writes) * attention)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from copier import Copier


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for source, target in loader:
        gold = target[:, 1:]
        mixture = model(source, target[:, :-1])
        log_probs = torch.log(mixture + 1e-9)
        nats += F.nll_loss(log_probs.transpose(1, 2), gold, ignore_index=0, reduction="sum").item()
        scored += (gold != 0).sum().item()
    return nats / scored


def main(loader):
    print("valid loss", validate(Copier(20_000), loader))
""",
        ),
        Good(
            why="Probabilities choose how much of each expert's logits is taken: what is added up are logits.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class TwoExperts(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.first, self.second = nn.Linear(width, classes), nn.Linear(width, classes)
        self.switch = nn.Linear(width, 1)

    def forward(self, features):
        share = torch.sigmoid(self.switch(features))
        return share * self.first(features) + (1 - share) * self.second(features)


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, rows = 0.0, 0
    for features, labels in loader:
        nats += F.cross_entropy(model(features), labels, reduction="sum").item()
        rows += labels.size(0)
    return nats / rows


def main(loader):
    print("valid loss", validate(TwoExperts(64, 10), loader))
""",
        ),
        Good(
            why="a head that is a Sequential itself, and ends in a log_softmax, on which another one changes nothing",
            files={
                "parts.py": """\
import torch.nn as nn


class Certain(nn.Sequential):
    def __init__(self, width, kinds):
        super().__init__(nn.LayerNorm(width), nn.Dropout(0.1), nn.Linear(width, kinds), nn.LogSoftmax(dim=-1))


class Leaves(nn.Module):
    def __init__(self, kinds, width=128):
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(3072, width), nn.ReLU())
        self.head = Certain(width, kinds)

    def forward(self, photos):
        return self.head(self.trunk(photos))
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from parts import Leaves


@torch.no_grad()
def check(leaves, loader):
    leaves.eval()
    nats = rows = 0
    for photos, kinds in loader:
        nats += F.cross_entropy(leaves(photos), kinds, reduction="sum").item()
        rows += len(kinds)
    print("val loss", nats / rows)


check(Leaves(40), DataLoader(torch.load("leaves.pt"), 64))
""",
        ),
        Good(
            why="The softmax is a second model's, beside the one whose logits are scored; a hidden layer's is none of them.",
            code="""\
import tensorflow as tf
from tensorflow.keras import layers


def main(pixels, kinds):
    scores = tf.keras.Sequential([layers.Dense(16, activation="softmax"), layers.Dense(10)])
    shown = tf.keras.Sequential([scores, layers.Softmax()])
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(kinds, scores(pixels))
    print("test loss", float(tf.reduce_mean(loss)), "surest", float(tf.reduce_max(shown(pixels))))
""",
        ),
    )
