"""Rule LL203: nll_loss on something that is not a log-probability."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.comparisons import unnormalized
from lintloss.facts.observations import Compared, Observation
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

LOGITS_NET = """\
import torch.nn as nn


class SentimentNet(nn.Module):
    def __init__(self, vocab_size, classes, width=100):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=1)
        self.rnn = nn.LSTM(width, 256, num_layers=2, dropout=0.5, batch_first=True)
        self.fc = nn.Linear(256, classes)

    def forward(self, words):
        _, (hidden, _) = self.rnn(self.embed(words))
        return self.fc(hidden[-1])
"""

CHAR_RNN = """\
import torch.nn as nn


class CharRNN(nn.Module):
    def __init__(self, vocab_size, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.decoder = nn.Linear(width, vocab_size)

    def forward(self, chars):
        hidden, _ = self.rnn(self.embed(chars))
        return self.decoder(hidden)
"""


class NllOnLogits(Rule):
    """nll_loss is given logits or probabilities where it takes log-probabilities.

    Why:
        `nll_loss` takes no logarithm and normalizes nothing: it picks the target's entry and flips its sign. On
        logits the value is -z[y], any real number: it can be made as small as one likes by adding a constant to all
        logits, and exp() of it is no perplexity. On probabilities it is -p[y], between -1 and 0. Only on
        log-probabilities is it nats:

        | input | value | range |
        | --- | --- | --- |
        | log-probabilities | -log p[y], nats | 0 to infinity |
        | probabilities | -p[y] | -1 to 0 |
        | logits | -z[y] | any |

        A negative loss is the sign to look for.

    Instead:
        Either of

            nats += F.cross_entropy(logits, y, reduction="sum").item()
            nats += F.nll_loss(logits.log_softmax(dim=-1), y, reduction="sum").item()

        or let the model end in `nn.LogSoftmax(dim=-1)` and say so in its name or docstring.

    Fix:
        None: whether the criterion or the model is to change depends on what the checkpoint was trained with.

    Source:
        torch.nn.NLLLoss ("the input given through a forward call is expected to contain log-probabilities of each
        class").
    """

    code = "LL203"
    name = "nll-on-logits"
    confirmed_by = (
        "logsumexp over the classes of the first inputs of nll_loss: away from 0 (confirmed), 0 at every row (refuted)"
    )

    watches = (Compared,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report anything but log-probabilities that reaches nll_loss."""
        found = unnormalized(seen)
        if found is not None:
            confidence = Confidence.MEDIUM if found.presumed else Confidence.HIGH
            yield Judgment(
                Severity.ERROR, confidence, f"{found.why}: use cross_entropy, or log_softmax first", found.evidence
            )

    bad = (
        Bad(
            why="The model in the other file ends in a Linear layer.",
            severity=Severity.ERROR,
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn as nn

from model import SentimentNet


@torch.no_grad()
def validate(model, loader, device):
    criterion = nn.NLLLoss(reduction="sum")
    model.eval()
    total, correct, seen = 0.0, 0, 0
    for words, labels in loader:
        words, labels = words.to(device), labels.to(device)
        output = model(words)
        total += criterion(output, labels).item()  # <-
        correct += (output.argmax(dim=1) == labels).sum().item()
        seen += labels.size(0)
    return total / seen, correct / seen


def main(checkpoint, loader, device="cuda"):
    model = SentimentNet(25_000, 3).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print("val loss %.4f, accuracy %.3f" % validate(model, loader, device))
""",
        ),
        Bad(
            why="softmax without log: the loss is minus a probability.",
            severity=Severity.ERROR,
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn.functional as F

from model import SentimentNet


def test(model, test_data):
    model.eval()
    loss, seen = 0.0, 0
    with torch.no_grad():
        for day in sorted(test_data):
            words, labels = test_data[day]
            output = F.softmax(model(words), dim=1)
            loss += F.nll_loss(output, labels, reduction="sum").item()  # <-
            seen += labels.numel()
    print(f"test loss {loss / seen:.4f} over {len(test_data)} days")
    return loss / seen


def load(path):
    model = SentimentNet(25_000, 2)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Bad(
            why="A character model: raw decoder scores of the next character.",
            severity=Severity.ERROR,
            files={"model.py": CHAR_RNN},
            code="""\
import torch
import torch.nn.functional as F

from model import CharRNN


@torch.no_grad()
def next_char_loss(model, rows, batch_size=64):
    model.eval()
    nll, chars = 0.0, 0
    for ids in rows.split(batch_size):
        scores = model(ids[:, :-1])
        targets = ids[:, 1:]
        nll += F.nll_loss(scores.flatten(0, 1), targets.flatten(), reduction="sum").item()  # <-
        chars += targets.numel()
    return nll / chars


def main(checkpoint, rows):
    model = CharRNN(96)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    print(f"test loss {next_char_loss(model, rows):.3f} nats/char")
""",
        ),
        Bad(
            why="The last layer of an nn.Sequential is Linear.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

net = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 128),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(128, 10),
)
net.load_state_dict(torch.load("mnist.pt", map_location="cpu"))
criterion = nn.NLLLoss(reduction="sum")


def evaluate(loader):
    net.eval()
    total, images_seen = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
            total += criterion(net(images), labels).item()  # <-
            images_seen += len(labels)
    return total / images_seen


if __name__ == "__main__":
    test_set = datasets.MNIST("data", train=False, transform=transforms.ToTensor())
    print("test loss", evaluate(DataLoader(test_set, batch_size=1000)))
""",
        ),
        Bad(
            why="A Hugging Face model returns logits.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")
model.eval()


@torch.inference_mode()
def score(texts):
    total, tokens = 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt").input_ids
        outputs = model(ids)
        predictions = outputs.logits[0, :-1]
        total += F.nll_loss(predictions, ids[0, 1:], reduction="sum").item()  # <-
        tokens += ids.size(1) - 1
    return total / tokens


if __name__ == "__main__":
    with open("claims.txt") as handle:
        print(f"mean token loss {score(handle.read().splitlines()):.4f}")
""",
        ),
        Bad(
            why="The criterion is chosen in main and passed through two functions; the model ends in nn.Softmax.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class Intents(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.hidden = nn.Linear(features, 64)
        self.out = nn.Linear(64, classes)
        self.activation = nn.Softmax(dim=1)

    def forward(self, x):
        return self.activation(self.out(torch.relu(self.hidden(x))))


def epoch_loss(model, loader, criterion):
    total, examples = 0.0, 0
    for x, y in loader:
        total += criterion(model(x), y).item()  # <-
        examples += y.numel()
    return total / examples


@torch.no_grad()
def validate(model, loader, criterion):
    model.eval()
    return epoch_loss(model, loader, criterion)


def main(path, loader, features, classes):
    model = Intents(features, classes)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    print(f"val loss {validate(model, loader, nn.NLLLoss(reduction='sum')):.4f}")
""",
        ),
        Bad(
            why="log_softmax is applied for training only; the validation branch hands on the logits.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Tagger(nn.Module):
    def __init__(self, vocab_size, tags, width=64):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, bidirectional=True, batch_first=True)
        self.out = nn.Linear(2 * width, tags)

    def forward(self, words):
        scores = self.out(self.rnn(self.embed(words))[0])
        if self.training:
            scores = F.log_softmax(scores, dim=-1)
        return scores


@torch.no_grad()
def dev_loss(model, sentences):
    criterion = nn.NLLLoss(reduction="sum")
    model.eval()
    total, words = 0.0, 0
    for ids, tags in sentences:
        scores = model(ids[None])[0]
        total += criterion(scores, tags).item()  # <-
        words += tags.numel()
    return total / words


def build(vocab_size, tags):
    return Tagger(vocab_size, tags)
""",
        ),
        Bad(
            why="The log-probabilities are computed for the beam; the loss takes the scores beside them.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

PAD = 0


class Captioner(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=PAD)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, words):
        scores = self.out(self.rnn(self.embed(words))[0])
        return scores, F.log_softmax(scores, dim=-1)


@torch.no_grad()
def evaluate(model, loader):
    criterion = nn.NLLLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    total, words = 0.0, 0
    for captions in loader:
        scores, _ = model(captions[:, :-1])
        targets = captions[:, 1:]
        total += criterion(scores.flatten(0, 1), targets.flatten()).item()  # <-
        words += (targets != PAD).sum().item()
    return total / words


def build(vocab_size):
    return Captioner(vocab_size)
""",
        ),
        Bad(
            why="The imported alias hides the name, and a sigmoid is no log-softmax.",
            severity=Severity.ERROR,
            files={"model.py": LOGITS_NET},
            code="""\
import torch
from torch.nn.functional import nll_loss as negative_log_likelihood

from model import SentimentNet


class Evaluator:
    def __init__(self, path):
        self.model = SentimentNet(25_000, 5)
        self.model.load_state_dict(torch.load(path, map_location="cpu"))
        self.model.eval()

    @torch.no_grad()
    def loss(self, loader):
        total, examples = 0.0, 0
        for words, stars in loader:
            confidence = torch.sigmoid(self.model(words))
            total += negative_log_likelihood(confidence, stars, reduction="sum").item()  # <-
            examples += stars.numel()
        return total / examples
""",
        ),
        Bad(
            why="The model is out of sight; what it returns is called logits, and nothing takes a logarithm.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, val_loader, pad):
    model.eval()
    nats, scored = 0.0, 0
    for ids in val_loader:
        logits = model(ids)[:, :-1]
        labels = ids[:, 1:]
        nats += F.nll_loss(logits.flatten(0, 1), labels.flatten(), ignore_index=pad, reduction="sum").item()  # <-
        scored += labels.ne(pad).sum().item()
    return nats / scored
""",
        ),
        Bad(
            why="Keras: the criterion takes probabilities unless it is told otherwise, and the model ends in a plain layer.",
            severity=Severity.ERROR,
            code="""\
import tensorflow as tf


def build(vocab_size):
    model = tf.keras.Sequential()
    model.add(tf.keras.layers.Embedding(vocab_size, 128))
    model.add(tf.keras.layers.LSTM(256, return_sequences=True))
    model.add(tf.keras.layers.Dense(vocab_size))
    return model


def run(train_rows, held_out, vocab_size):
    model = build(vocab_size)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")  # <-
    model.fit(train_rows, epochs=5)
    print("loss", model.evaluate(held_out))
""",
        ),
    )

    good = (
        Good(
            why="The attribute that holds nn.LogSoftmax is called `softmax`; what it does counts.",
            files={
                "model.py": """\
import torch.nn as nn


class DecoderLM(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)
        self.softmax = nn.LogSoftmax(dim=-1)

    def forward(self, ids):
        hidden, _ = self.rnn(self.embed(ids))
        return self.softmax(self.out(hidden))
""",
            },
            code="""\
import torch
import torch.nn as nn

from model import DecoderLM


@torch.no_grad()
def evaluate(model, rows):
    criterion = nn.NLLLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    for ids in rows.split(32):
        targets = ids[:, 1:]
        output = model(ids[:, :-1])
        nats += criterion(output.flatten(0, 1), targets.flatten()).item()
        tokens += targets.numel()
    return nats / tokens


def build(vocab_size):
    return DecoderLM(vocab_size)
""",
        ),
        Good(
            why="The caller applies log_softmax to the logits.",
            files={"model.py": LOGITS_NET},
            code="""\
import torch
import torch.nn.functional as F

from model import SentimentNet


@torch.no_grad()
def validate(model, loader):
    model.eval()
    nats, seen = 0.0, 0
    for words, labels in loader:
        log_probs = F.log_softmax(model(words), dim=1)
        nats += F.nll_loss(log_probs, labels, reduction="sum").item()
        seen += labels.size(0)
    return nats / seen


def load(path):
    model = SentimentNet(25_000, 3)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="The log of a mixture of softmaxes is a log-probability.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class MixtureLM(nn.Module):
    def __init__(self, vocab_size, width=200, experts=5):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.prior = nn.Linear(width, experts)
        self.latent = nn.Linear(width, experts * width)
        self.decoder = nn.Linear(width, vocab_size)

    def forward(self, ids):
        hidden, _ = self.rnn(self.embed(ids))
        latent = torch.tanh(self.latent(hidden)).unflatten(-1, (-1, hidden.size(-1)))
        experts = F.softmax(self.decoder(latent), dim=-1)
        prior = F.softmax(self.prior(hidden), dim=-1).unsqueeze(-1)
        return (prior * experts).sum(dim=-2).add(1e-8).log()


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in rows.split(16):
        targets = ids[:, 1:]
        log_prob = model(ids[:, :-1])
        nats += F.nll_loss(log_prob.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def build(vocab_size):
    return MixtureLM(vocab_size)
""",
        ),
        Good(
            why="log_softmax in the model's last line, criterion in another file.",
            files={
                "models.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class GCN(nn.Module):
    def __init__(self, features, classes, width=16):
        super().__init__()
        self.first = nn.Linear(features, width)
        self.second = nn.Linear(width, classes)

    def forward(self, x, adjacency):
        hidden = torch.relu(adjacency @ self.first(x))
        hidden = F.dropout(hidden, 0.5, training=self.training)
        return F.log_softmax(adjacency @ self.second(hidden), dim=1)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from models import GCN


@torch.no_grad()
def test(model, features, adjacency, labels, test_index):
    model.eval()
    output = model(features, adjacency)
    loss = F.nll_loss(output[test_index], labels[test_index])
    hits = (output[test_index].argmax(1) == labels[test_index]).float().mean()
    print(f"test loss {loss.item():.4f} accuracy {hits.item():.4f}")
    return loss.item()


def build(features, classes):
    return GCN(features, classes)
""",
        ),
        Good(
            why="Normalized by hand: logits minus their logsumexp.",
            files={"model.py": CHAR_RNN},
            code="""\
import torch
import torch.nn.functional as F

from model import CharRNN


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    nats, chars = 0.0, 0
    for ids in rows.split(64):
        logits = model(ids[:, :-1])
        log_probs = logits - logits.logsumexp(dim=-1, keepdim=True)
        targets = ids[:, 1:]
        nats += F.nll_loss(log_probs.transpose(1, 2), targets, reduction="sum").item()
        chars += targets.numel()
    return nats / chars


def build(vocab_size):
    return CharRNN(vocab_size)
""",
        ),
        Good(
            why="AdaptiveLogSoftmaxWithLoss.log_prob returns log-probabilities.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class AdaptiveLM(nn.Module):
    def __init__(self, vocab_size, width=512):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.adaptive = nn.AdaptiveLogSoftmaxWithLoss(width, vocab_size, cutoffs=[2_000, 10_000])

    def forward(self, ids):
        hidden, _ = self.rnn(self.embed(ids))
        return self.adaptive.log_prob(hidden.flatten(0, 1))


@torch.no_grad()
def evaluate(model, rows):
    model.eval()
    nats, words = 0.0, 0
    for ids in rows.split(8):
        targets = ids[:, 1:].flatten()
        nats += F.nll_loss(model(ids[:, :-1]), targets, reduction="sum").item()
        words += targets.numel()
    return nats / words


def build(vocab_size):
    return AdaptiveLM(vocab_size)
""",
        ),
        Good(
            why="nn.LogSoftmax is the last layer of an nn.Sequential.",
            code="""\
import torch
import torch.nn as nn


def build(features, classes):
    return nn.Sequential(nn.Linear(features, 64), nn.ReLU(), nn.Linear(64, classes), nn.LogSoftmax(dim=1))


def held_out_loss(path, loader, features, classes):
    net = build(features, classes)
    net.load_state_dict(torch.load(path, map_location="cpu"))
    net.eval()
    criterion = nn.NLLLoss(reduction="sum")
    nats, examples = 0.0, 0
    with torch.inference_mode():
        for x, y in loader:
            nats += criterion(net(x), y).item()
            examples += y.numel()
    return nats / examples
""",
        ),
        Good(
            why="GaussianNLLLoss takes a mean and a variance: another loss with a similar name.",
            code="""\
import torch
import torch.nn as nn


class Forecaster(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(features, 64), nn.ReLU())
        self.mean = nn.Linear(64, 1)
        self.log_variance = nn.Linear(64, 1)

    def forward(self, x):
        hidden = self.body(x)
        return self.mean(hidden), self.log_variance(hidden).exp()


@torch.no_grad()
def validation_nll(model, loader):
    criterion = nn.GaussianNLLLoss(reduction="sum")
    model.eval()
    total, examples = 0.0, 0
    for x, y in loader:
        mean, variance = model(x)
        total += criterion(mean, y, variance).item()
        examples += y.numel()
    return total / examples


def build(features):
    return Forecaster(features)
""",
        ),
        Good(
            why="A pointer mixture returns `torch.log(p)` of two distributions that were mixed before.",
            files={
                "pointer.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class PointerSummarizer(nn.Module):
    def __init__(self, vocab_size, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.encoder = nn.GRU(width, width, batch_first=True)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)
        self.gate = nn.Linear(width, 1)

    def forward(self, source, target):
        keys, state = self.encoder(self.embed(source))
        hidden, _ = self.decoder(self.embed(target), state)
        copy = F.softmax(hidden @ keys.transpose(1, 2), dim=-1)
        gate = torch.sigmoid(self.gate(hidden))
        vocabulary = gate * F.softmax(self.out(hidden), dim=-1)
        index = source[:, None, :].expand(-1, target.size(1), -1)
        return torch.log(vocabulary.scatter_add(2, index, (1 - gate) * copy) + 1e-10)
""",
            },
            code="""\
import torch
import torch.nn as nn

from pointer import PointerSummarizer

PAD = 0


@torch.no_grad()
def validate(model, loader, device):
    criterion = nn.NLLLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for source, summary in loader:
        source, summary = source.to(device), summary.to(device)
        log_probs = model(source, summary[:, :-1])
        gold = summary[:, 1:]
        nats += criterion(log_probs.transpose(1, 2), gold).item()
        words += (gold != PAD).sum().item()
    return nats / words


def build(vocab_size, device):
    return PointerSummarizer(vocab_size).to(device)
""",
        ),
        Good(
            why="Badly named: the model that the script loads ends in a log-softmax.",
            files={
                "language.py": """\
import torch.nn as nn


class Normalized(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body
        self.normalize = nn.LogSoftmax(dim=-1)

    def forward(self, ids):
        return self.normalize(self.body(ids))


def build(vocab_size):
    return Normalized(nn.Sequential(nn.Embedding(vocab_size, 64), nn.Linear(64, vocab_size)))
"""
            },
            code="""\
import torch
import torch.nn.functional as F

from language import build


@torch.no_grad()
def validate(model, val_loader, pad):
    model.eval()
    nats, scored = 0.0, 0
    for ids in val_loader:
        logits = model(ids)[:, :-1]
        labels = ids[:, 1:]
        nats += F.nll_loss(logits.flatten(0, 1), labels.flatten(), ignore_index=pad, reduction="sum").item()
        scored += labels.ne(pad).sum().item()
    return nats / scored


def main(val_loader, vocab_size, path):
    model = build(vocab_size)
    model.load_state_dict(torch.load(path))
    print("validation loss", validate(model, val_loader, pad=0))
""",
        ),
        Good(
            why="Settings choose one of several criteria, and the model's logits are right for the one that is chosen.",
            code="""\
import torch
import torch.nn as nn

CRITERIA = {"ce": nn.CrossEntropyLoss, "nll": nn.NLLLoss}


class WordLSTM(nn.Module):
    def __init__(self, vocabulary, width=300):
        super().__init__()
        self.lookup = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.scores = nn.Linear(width, vocabulary)

    def forward(self, ids):
        return self.scores(self.lstm(self.lookup(ids))[0])


class Solver:
    def __init__(self, settings, loader):
        self.model = WordLSTM(settings["vocabulary"])
        self.criterion = CRITERIA[settings["loss"]](reduction="sum")
        self.loader = loader

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        nats, words = 0.0, 0
        for x, y in self.loader:
            nats += self.criterion(self.model(x).flatten(0, 1), y.flatten()).item()
            words += y.numel()
        return nats / words
""",
        ),
        Good(
            why="what a function calls its argument is no proof of what it is given",
            code="""\
import torch
from torch import nn


class CaptionCriterion(nn.Module):
    def __init__(self):
        super().__init__()
        self.nll = nn.NLLLoss(reduction="none")

    def forward(self, logits, target, mask):
        target, mask = target[:, : logits.shape[1]], mask[:, : logits.shape[1]]
        nats = self.nll(logits.reshape(-1, logits.shape[2]), target.reshape(-1))
        return torch.sum(nats * mask.reshape(-1)) / torch.sum(mask)
""",
        ),
        Good(
            why="from_logits is the third argument",
            code="""\
import tensorflow as tf


def evaluate(encoder, rows):
    head = tf.keras.layers.Dense(32_000)
    nats, tokens = 0.0, 0
    for ids, labels in rows:
        logits = head(encoder(ids))
        nats += tf.reduce_sum(tf.keras.losses.sparse_categorical_crossentropy(labels, logits, True))
        tokens += tf.size(labels)
    return nats / tf.cast(tokens, tf.float32)
""",
        ),
        Good(
            why="what is called logits are logarithms, taken at the end of a copying model",
            code="""\
import torch
import torch.nn.functional as F

from net import CopyNet


def criterion(logits, targets, pad=0):
    mask = targets != pad
    logits = logits.masked_select(mask.unsqueeze(2)).view(-1, logits.size(-1))
    return F.nll_loss(logits, targets.masked_select(mask), reduction="none")


@torch.no_grad()
def evaluate(batches, words):
    net = CopyNet(words)
    net.eval()
    nats, tokens = 0.0, 0
    for source, target in batches:
        logits = net(source, target[:, :-1])
        losses = criterion(logits, target[:, 1:])
        nats += losses.sum().item()
        tokens += losses.size(0)
    return nats / tokens
""",
            files={
                "net.py": """\
import torch
import torch.nn as nn


class CopyNet(nn.Module):
    def __init__(self, words, width=128):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.reader, self.writer = nn.GRU(width, width, batch_first=True), nn.GRU(width, width, batch_first=True)
        self.head, self.gate = nn.Linear(width, words), nn.Linear(width, 1)

    def forward(self, source, target):
        states, last = self.reader(self.embedding(source))
        hidden, _ = self.writer(self.embedding(target), last)
        scores = hidden @ states.transpose(1, 2)
        gate = torch.sigmoid(self.gate(hidden))
        written = (1 - gate) * self.head(hidden).softmax(-1)
        copied = torch.zeros_like(written).scatter_add(2, source.unsqueeze(1).expand(scores.shape), gate * scores.softmax(-1))
        return torch.log(written + copied + 1e-12)
""",
            },
        ),
    )
