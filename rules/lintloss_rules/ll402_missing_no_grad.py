"""Rule LL402: gradients recorded while evaluating."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.evaluation import Evaluation
from lintloss.findings import Confidence, Fix, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.facts.observations import Observation
    from lintloss.rule_scope import RuleScope

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

WORD_LM = """\
import torch.nn as nn


class WordLM(nn.Module):
    def __init__(self, vocab_size, width=400):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, num_layers=3, dropout=0.4, batch_first=True)
        self.decoder = nn.Linear(width, vocab_size)

    def forward(self, words, state=None):
        hidden, state = self.rnn(self.embed(words), state)
        return self.decoder(hidden), state
"""


class MissingNoGrad(Rule):
    """Gradients are recorded while the model is evaluated.

    Why:
        Outside `torch.no_grad()` every forward pass keeps its activations for a backward pass that never comes:
        memory in bytes grows with depth x batch x length, time with the bookkeeping, and `total += loss` (without
        `.item()`) keeps the graph of *every* batch alive until the loop ends. The number in nats/token is right,
        which is why this is a warning and never an error. `model.eval()` does not turn gradients off.

    Instead:
        Decorate the evaluation, or wrap its loop:

            @torch.no_grad()
            def evaluate(model, loader):
                model.eval()
                ...

        `torch.inference_mode()` does the same and is faster. A bare statement `torch.no_grad()` does nothing: it
        builds a context that nobody enters. (`torch.set_grad_enabled(False)` does work as a statement.)

    Fix:
        Safe: `@torch.no_grad()` is put above the evaluation function, below its other decorators. No value changes.
        Not offered at module level, where the function also trains, or where the name `torch` is not bound.

    Source:
        PyTorch notes, "Autograd mechanics: locally disabling gradient computation"; torch.no_grad,
        torch.inference_mode, torch.set_grad_enabled.
    """

    code = "LL402"
    name = "missing-no-grad"
    confirmed_by = (
        "torch.is_grad_enabled() at the criterion call and a loss that requires grad (confirmed), either one false "
        "(refuted)"
    )
    watches = (Evaluation,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        if not isinstance(seen, Evaluation) or seen.gradients != "on":
            return
        yield Judgment(
            Severity.WARNING,
            Confidence.HIGH if seen.named.startswith("eval()") else Confidence.MEDIUM,
            f"`{seen.model}` records gradients in an evaluation ({seen.named}): every batch keeps its activations; {_remedy(seen)}",
            seen.stack,
        )

    def may_fix(self, seen: Observation) -> bool:
        return isinstance(seen, Evaluation) and seen.function_row is not None

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        if not isinstance(seen, Evaluation) or seen.function_row is None or not _is_in(seen.function_row, scope):
            return None
        edit = scope.insert_above(seen.function_row, "@torch.no_grad()")
        return Fix("Decorate the evaluation with `@torch.no_grad()`", (edit,), safe=True)

    bad = (
        Bad(
            why="code for PyTorch 0.3, whose data class makes Variables that are never volatile",
            severity=Severity.WARNING,
            files={
                "feeding.py": """\
import torch
from torch.autograd import Variable


class Series:
    def __init__(self, values, window):
        self.inputs = torch.stack([values[at : at + window] for at in range(len(values) - window)])
        self.targets = values[window:]

    def batches(self, batch_size):
        for start in range(0, len(self.inputs), batch_size):
            yield Variable(self.inputs[start : start + batch_size]), Variable(self.targets[start : start + batch_size])
""",
            },
            code="""\
import torch
from feeding import Series


def evaluate(series, model, squared):
    model.eval()
    total, rows = 0.0, 0
    for inputs, targets in series.batches(64):
        outputs = model(inputs)  # <-
        loss = squared(outputs, targets)
        total += loss.data[0]
        rows += outputs.size(0)
    return total / rows


def main(path, values):
    with open(path, "rb") as file:
        model = torch.load(file)
    print(evaluate(Series(values, 24), model, torch.nn.MSELoss(size_average=False)))
""",
        ),
        Bad(
            why="a helper could make the Variables volatile, and nobody asks it to",
            severity=Severity.WARNING,
            files={
                "moving.py": """\
import torch
from torch.autograd import Variable


def to_var(values, volatile=False):
    values = values.cuda() if torch.cuda.is_available() else values
    return Variable(values, volatile=volatile)
""",
            },
            code="""\
import torch
from moving import to_var


def evaluate(model, loader, criterion):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in loader:
        inputs, targets = to_var(inputs), to_var(targets)
        loss = criterion(model(inputs), targets)  # <-
        nats += loss.data[0]
        tokens += targets.numel()
    return nats / tokens


def main(model, loader):
    print(evaluate(model, loader, torch.nn.CrossEntropyLoss(size_average=False)))
""",
        ),
        Bad(
            why="eval() is there, no_grad is not.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from net import SmallConvNet


def evaluate(model, loader, device):
    model.eval()
    loss_sum, correct, examples = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        logits = model(images)  # <-
        loss_sum += F.cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(1) == labels).sum().item()
        examples += labels.size(0)
    return loss_sum / examples, correct / examples


def main(checkpoint):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    test_set = datasets.CIFAR10("data", train=False, transform=transforms.ToTensor())
    model = SmallConvNet().to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss, accuracy = evaluate(model, DataLoader(test_set, batch_size=256), device)
    print(f"test loss {loss:.4f}  accuracy {accuracy:.2%}")
""",
            fixed="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from net import SmallConvNet


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    loss_sum, correct, examples = 0.0, 0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        logits = model(images)
        loss_sum += F.cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(1) == labels).sum().item()
        examples += labels.size(0)
    return loss_sum / examples, correct / examples


def main(checkpoint):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    test_set = datasets.CIFAR10("data", train=False, transform=transforms.ToTensor())
    model = SmallConvNet().to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss, accuracy = evaluate(model, DataLoader(test_set, batch_size=256), device)
    print(f"test loss {loss:.4f}  accuracy {accuracy:.2%}")
""",
        ),
        Bad(
            why="Without .item() the running total keeps the graph of every batch alive.",
            code="""\
import math

import torch
from torch import nn
from transformers import AutoModelForCausalLM


def perplexity(name, blocks, batch_size=4, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    total_nats = 0.0
    total_tokens = 0
    for input_ids in blocks.split(batch_size):
        input_ids = input_ids.to(device)
        logits = model(input_ids).logits  # <-
        targets = input_ids[:, 1:]
        total_nats += criterion(logits[:, :-1].flatten(0, 1), targets.flatten())
        total_tokens += targets.numel()
    return math.exp(total_nats / total_tokens)


if __name__ == "__main__":
    print(perplexity("gpt2-large", torch.load("test_blocks.pt")))
""",
            fixed="""\
import math

import torch
from torch import nn
from transformers import AutoModelForCausalLM


@torch.no_grad()
def perplexity(name, blocks, batch_size=4, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    total_nats = 0.0
    total_tokens = 0
    for input_ids in blocks.split(batch_size):
        input_ids = input_ids.to(device)
        logits = model(input_ids).logits
        targets = input_ids[:, 1:]
        total_nats += criterion(logits[:, :-1].flatten(0, 1), targets.flatten())
        total_tokens += targets.numel()
    return math.exp(total_nats / total_tokens)


if __name__ == "__main__":
    print(perplexity("gpt2-large", torch.load("test_blocks.pt")))
""",
        ),
        Bad(
            why="A method of a trainer class; the training method beside it must keep its gradients.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet


class Trainer:
    def __init__(self, classes, device):
        self.device = device
        self.model = SmallConvNet(classes).to(device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)

    def train_epoch(self, loader):
        self.model.train()
        for images, labels in loader:
            loss = F.cross_entropy(self.model(images.to(self.device)), labels.to(self.device))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def validate(self, loader):
        # the summed loss over the split, divided once
        self.model.eval()
        nats, examples = 0.0, 0
        for images, labels in loader:
            logits = self.model(images.to(self.device))  # <-
            nats += F.cross_entropy(logits, labels.to(self.device), reduction="sum").item()
            examples += len(labels)
        return nats / examples
""",
            fixed="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet


class Trainer:
    def __init__(self, classes, device):
        self.device = device
        self.model = SmallConvNet(classes).to(device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)

    def train_epoch(self, loader):
        self.model.train()
        for images, labels in loader:
            loss = F.cross_entropy(self.model(images.to(self.device)), labels.to(self.device))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    @torch.no_grad()
    def validate(self, loader):
        # the summed loss over the split, divided once
        self.model.eval()
        nats, examples = 0.0, 0
        for images, labels in loader:
            logits = self.model(images.to(self.device))
            nats += F.cross_entropy(logits, labels.to(self.device), reduction="sum").item()
            examples += len(labels)
        return nats / examples
""",
        ),
        Bad(
            why="A script at module level: no function to decorate, so no fix.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from net import SmallConvNet

test_set = datasets.SVHN("data", split="test", transform=transforms.ToTensor())
test_loader = DataLoader(test_set, batch_size=128)
criterion = nn.CrossEntropyLoss(reduction="sum")

net = SmallConvNet(10)
net.load_state_dict(torch.load("svhn.pt", map_location="cpu"))
net.eval()

test_loss = 0.0
correct = 0
for images, labels in test_loader:
    outputs = net(images)  # <-
    test_loss += criterion(outputs, labels).item()
    correct += (outputs.argmax(dim=1) == labels).sum().item()

print("test loss %.4f" % (test_loss / len(test_set)))
print("accuracy %.2f%%" % (100 * correct / len(test_set)))
""",
        ),
        Bad(
            why="A bare `torch.no_grad()` builds a context that nobody enters: it does nothing.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("distilbert-base-uncased")


def evaluate(checkpoint, sentences, labels, batch_size=32):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    model.eval()
    torch.no_grad()
    nats, correct = 0.0, 0
    for start in range(0, len(sentences), batch_size):
        batch = tokenizer(sentences[start : start + batch_size], padding=True, truncation=True, return_tensors="pt")
        gold = torch.tensor(labels[start : start + batch_size])
        logits = model(**batch).logits  # <-
        nats += F.cross_entropy(logits, gold, reduction="sum").item()
        correct += (logits.argmax(-1) == gold).sum().item()
    return nats / len(sentences), correct / len(sentences)


def report(checkpoint, split):
    loss, accuracy = evaluate(checkpoint, split["text"], split["label"])
    print(f"validation loss {loss:.4f} accuracy {accuracy:.3f}")
""",
        ),
        Bad(
            why="no_grad covers the counting of hits, not the forward pass.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn as nn

from net import SmallConvNet


def test(model, device, test_loader):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    test_loss, correct, seen = 0.0, 0, 0
    for data, target in test_loader:
        data, target = data.to(device), target.to(device)
        output = model(data)  # <-
        loss = criterion(output, target)
        with torch.no_grad():
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
        test_loss += loss.item()
        seen += target.size(0)
    test_loss /= seen
    print(f"Test set: average loss {test_loss:.4f}, accuracy {correct}/{seen}")
    return test_loss


def build(device):
    return SmallConvNet(100).to(device)
""",
        ),
        Bad(
            why="One method for both phases: train=False only skips backward().",
            code="""\
import torch
import torch.nn as nn


class Phases:
    def __init__(self, vocab_size, classes, device):
        self.device = device
        self.model = nn.Sequential(nn.EmbeddingBag(vocab_size, 64), nn.Linear(64, classes)).to(device)
        self.criterion = nn.CrossEntropyLoss(reduction="sum")
        self.optimizer = torch.optim.Adam(self.model.parameters())

    def train(self, loader):
        return self.iteration(loader, train=True)

    def test(self, loader):
        return self.iteration(loader, train=False)

    def iteration(self, loader, train):
        self.model.train(train)
        nats, examples = 0.0, 0
        for words, labels in loader:
            words, labels = words.to(self.device), labels.to(self.device)
            logits = self.model(words)  # <-
            loss = self.criterion(logits, labels)
            if train:
                self.optimizer.zero_grad()
                (loss / labels.size(0)).backward()
                self.optimizer.step()
            nats += loss.item()
            examples += labels.size(0)
        return nats / examples
""",
        ),
        Bad(
            why="Only the recurrent state is detached; the parameters still record.",
            files={"model.py": WORD_LM},
            code="""\
import math

import torch
import torch.nn.functional as F

from model import WordLM


def evaluate(model, stream, bptt=35):
    model.eval()
    nats, words, state = 0.0, 0, None
    for start in range(0, stream.size(1) - 1, bptt):
        window = stream[:, start : start + bptt + 1]
        if state is not None:
            state = tuple(part.detach() for part in state)
        logits, state = model(window[:, :-1], state)  # <-
        targets = window[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        words += targets.numel()
    return nats / words


def test(checkpoint, stream, vocab_size):
    model = WordLM(vocab_size)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    loss = evaluate(model, stream)
    print(f"test loss {loss:.3f} perplexity {math.exp(loss):.2f}")
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F

from model import WordLM


@torch.no_grad()
def evaluate(model, stream, bptt=35):
    model.eval()
    nats, words, state = 0.0, 0, None
    for start in range(0, stream.size(1) - 1, bptt):
        window = stream[:, start : start + bptt + 1]
        if state is not None:
            state = tuple(part.detach() for part in state)
        logits, state = model(window[:, :-1], state)
        targets = window[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        words += targets.numel()
    return nats / words


def test(checkpoint, stream, vocab_size):
    model = WordLM(vocab_size)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    loss = evaluate(model, stream)
    print(f"test loss {loss:.3f} perplexity {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="The decorator that is there only times; no_grad goes below it.",
            files={
                "net.py": CONVNET,
                "timing.py": """\
import functools
import time


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        result = function(*args, **kwargs)
        print(f"{function.__name__}: {time.perf_counter() - start:.1f} s")
        return result

    return wrapper
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet
from timing import timed


@timed
def validate(model, val_loader, device):
    \"\"\"Return nats/example over the validation split.\"\"\"
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in val_loader:
        logits = model(images.to(device))  # <-
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def load(path, device):
    model = SmallConvNet()
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
            fixed="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet
from timing import timed


@timed
@torch.no_grad()
def validate(model, val_loader, device):
    \"\"\"Return nats/example over the validation split.\"\"\"
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in val_loader:
        logits = model(images.to(device))
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def load(path, device):
    model = SmallConvNet()
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
        ),
        Bad(
            why="Two modules; the first forward call of the evaluation is the one named.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

PAD = 0


class Encoder(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=PAD)
        self.rnn = nn.GRU(width, width, batch_first=True)

    def forward(self, source):
        return self.rnn(self.embed(source))[1]


class Decoder(Encoder):
    def __init__(self, vocab_size, width=256):
        super().__init__(vocab_size, width)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, target, state):
        return self.out(self.rnn(self.embed(target), state)[0])


def validate(encoder, decoder, val_loader, device):
    encoder.eval()
    decoder.eval()
    nats, words = 0.0, 0
    for source, target in val_loader:
        source, target = source.to(device), target.to(device)
        state = encoder(source)  # <-
        logits = decoder(target[:, :-1], state)
        gold = target[:, 1:]
        nats += F.cross_entropy(logits.transpose(1, 2), gold, ignore_index=PAD, reduction="sum").item()
        words += torch.count_nonzero(gold != PAD).item()
    return nats / words
""",
            fixed="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

PAD = 0


class Encoder(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=PAD)
        self.rnn = nn.GRU(width, width, batch_first=True)

    def forward(self, source):
        return self.rnn(self.embed(source))[1]


class Decoder(Encoder):
    def __init__(self, vocab_size, width=256):
        super().__init__(vocab_size, width)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, target, state):
        return self.out(self.rnn(self.embed(target), state)[0])


@torch.no_grad()
def validate(encoder, decoder, val_loader, device):
    encoder.eval()
    decoder.eval()
    nats, words = 0.0, 0
    for source, target in val_loader:
        source, target = source.to(device), target.to(device)
        state = encoder(source)
        logits = decoder(target[:, :-1], state)
        gold = target[:, 1:]
        nats += F.cross_entropy(logits.transpose(1, 2), gold, ignore_index=PAD, reduction="sum").item()
        words += torch.count_nonzero(gold != PAD).item()
    return nats / words
""",
        ),
        Bad(
            why="requires_grad is switched off for the input, which never had it; the parameters have it.",
            code="""\
import torch
import torch.nn as nn


def build(features):
    return nn.Sequential(nn.Linear(features, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 1))


def fit(model, train_loader, epochs):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    for _ in range(epochs):
        model.train()
        for x, y in train_loader:
            loss = criterion(model(x).squeeze(1), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def test_error(model, test_loader):
    model.eval()
    squared, count = 0.0, 0
    for x, y in test_loader:
        x.requires_grad_(False)
        prediction = model(x).squeeze(1)  # <-
        squared += nn.functional.mse_loss(prediction, y, reduction="sum").item()
        count += y.numel()
    return squared / count
""",
            fixed="""\
import torch
import torch.nn as nn


def build(features):
    return nn.Sequential(nn.Linear(features, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 1))


def fit(model, train_loader, epochs):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    for _ in range(epochs):
        model.train()
        for x, y in train_loader:
            loss = criterion(model(x).squeeze(1), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def test_error(model, test_loader):
    model.eval()
    squared, count = 0.0, 0
    for x, y in test_loader:
        x.requires_grad_(False)
        prediction = model(x).squeeze(1)
        squared += nn.functional.mse_loss(prediction, y, reduction="sum").item()
        count += y.numel()
    return squared / count
""",
        ),
        Bad(
            why="One loop for all phases: only the backward pass is left out when it is not the training's turn.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


def fit(model, loaders, optimizer, epochs):
    for epoch in range(epochs):
        for split in ["train", "valid", "test"]:
            model.train(split == "train")
            nats, rows = 0.0, 0
            for features, labels in loaders[split]:
                logits = model(features)  # <-
                loss = F.cross_entropy(logits, labels)
                if split == "train":
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                nats += loss.item() * labels.size(0)
                rows += labels.size(0)
            print(f"{epoch} {split} loss {nats / rows:.4f}")
""",
        ),
        Bad(
            why="A zero_grad() that came along from the training: nothing is ever propagated back here.",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn


def validate(model, loader, pad):
    model.eval()
    criterion = nn.CrossEntropyLoss(ignore_index=pad, reduction="sum")
    nats, tokens = 0.0, 0
    for source, target in loader:
        model.zero_grad()
        logits = model(source)  # <-
        nats += criterion(logits.flatten(0, 1), target.flatten()).item()
        tokens += (target != pad).sum().item()
    return nats / tokens
""",
            fixed="""\
import torch
from torch import nn


@torch.no_grad()
def validate(model, loader, pad):
    model.eval()
    criterion = nn.CrossEntropyLoss(ignore_index=pad, reduction="sum")
    nats, tokens = 0.0, 0
    for source, target in loader:
        model.zero_grad()
        logits = model(source)
        nats += criterion(logits.flatten(0, 1), target.flatten()).item()
        tokens += (target != pad).sum().item()
    return nats / tokens
""",
        ),
        Bad(
            why="Variables that are not volatile record in PyTorch 0.3, too; it has no no_grad, so there is no fix.",
            severity=Severity.WARNING,
            code="""\
import torch.nn.functional as F
from torch.autograd import Variable


def validate(model, loader):
    model.eval()
    total_loss = 0
    for source, target in loader:
        logits = model(Variable(source.cuda()))  # <-
        loss = F.cross_entropy(logits.view(-1, 8000), Variable(target.cuda()).view(-1), size_average=False)
        total_loss += loss.data[0]
    return total_loss / len(loader.dataset)
""",
        ),
        Bad(
            why="A helper scores one document; the loop over documents, and eval(), are in what calls it.",
            severity=Severity.WARNING,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


def document_nats(model, tokenizer, text):
    ids = tokenizer(text, return_tensors="pt").input_ids
    logits = model(ids).logits[0, :-1]
    return F.cross_entropy(logits, ids[0, 1:], reduction="sum").item(), ids.size(1) - 1


def report(name, texts):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    nats, tokens = 0.0, 0
    for text in texts:
        more, scored = document_nats(model, tokenizer, text)  # <-
        nats += more
        tokens += scored
    print(f"perplexity {math.exp(nats / tokens):.2f}")
""",
        ),
        Bad(
            why="requires_grad=False is said of the input, which needs none anyway; gradients that were never made are cleared.",
            severity=Severity.WARNING,
            code="""\
import torch.nn as nn
from torch.autograd import Variable


def test(encoder, decoder, loader):
    encoder.eval()
    decoder.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, tokens = 0.0, 0
    for images, captions in loader:
        images = Variable(images, requires_grad=False)
        logits = decoder(encoder(images), captions[:, :-1])  # <-
        nats += criterion(logits.flatten(0, 1), captions[:, 1:].flatten()).item()
        tokens += captions[:, 1:].numel()
        decoder.zero_grad()
    return nats / tokens
""",
        ),
        Bad(
            why="an option has the method's name, which hands the method to nobody",
            severity=Severity.WARNING,
            files={
                "main.py": """\
import argparse

from build import made
from eval import LanguageTrainer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--test", action="store_true")
    args = parser.parse_args()
    trainers: list[LanguageTrainer] = made(args)
    if args.test:
        print([each.test() for each in trainers])
"""
            },
            code="""\
from torch import nn


class LanguageTrainer:
    def __init__(self, model, loader):
        self.model, self.loader = model, loader
        self.criterion = nn.CrossEntropyLoss(reduction="sum")

    def test(self):
        self.model.eval()
        nats, tokens = 0.0, 0
        for inputs, targets in self.loader:
            logits = self.model(inputs)  # <-
            nats += self.criterion(logits.flatten(0, 1), targets.flatten()).item()
            tokens += targets.numel()
        return nats / tokens
""",
        ),
        Bad(
            why="Only the total says that the second loop of a notebook's epoch is the evaluation.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

rows = torch.load("rows.pt")
cut = int(0.9 * len(rows))
fitted, kept = rows[:cut], rows[cut:]
model = nn.Sequential(nn.Embedding(256, 64), nn.Linear(64, 256))
optimizer = torch.optim.Adam(model.parameters())

for epoch in range(20):
    for b in fitted.split(64):
        loss = F.cross_entropy(model(b[:, :-1]).transpose(1, 2), b[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    val_loss = 0.0
    for b in kept.split(64):
        val_loss += F.cross_entropy(model(b[:, :-1]).transpose(1, 2), b[:, 1:], reduction="sum").item()  # <-
    print(epoch, val_loss / kept[:, 1:].numel())
""",
        ),
        Bad(
            why="no_grad is around the detached state alone, and around what samples in the model's class",
            severity=Severity.WARNING,
            code="""\
import torch
from torch import nn


class CharModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.out = nn.LSTM(80, 256, batch_first=True), nn.Linear(256, 80)

    def forward(self, x, state):
        y, state = self.cells(x, state)
        return self.out(y).flatten(0, 1), state

    def next_character(self, x, state):
        with torch.no_grad():
            scores, state = self(x, state)
        return scores.argmax(-1), state


def validate(chunks, criterion=nn.CrossEntropyLoss()):
    model, state, nats, count = CharModel(), None, 0.0, 0
    model.eval()
    for x, y in chunks:
        with torch.no_grad():
            state = None if state is None else tuple(each.detach() for each in state)
        scores, state = model(x, state)  # <-
        nats += criterion(scores, y.flatten()).item() * y.numel()
        count += y.numel()
    return nats / count
""",
        ),
        Bad(
            why="a forgotten .data[0] beside .item() and reduction=: this runs on no PyTorch 0.3",
            severity=Severity.WARNING,
            code="""\
import torch
from torch.utils.data import DataLoader


def main(args, sets, net, optimizer, writer):
    criterion = torch.nn.NLLLoss(reduction="sum", ignore_index=0)
    for epoch in range(args.epochs):
        for split in ["train", "valid"]:
            nats = words = 0
            net.train(split == "train")
            for step, batch in enumerate(DataLoader(sets[split], batch_size=args.size)):
                logp = net(batch["input"], batch["length"])  # <-
                loss = criterion(logp.view(-1, logp.size(2)), batch["target"].view(-1))
                if split == "train":
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                nats, words = nats + loss.item(), words + (batch["target"] != 0).sum().item()
                if args.log:
                    writer.add_scalar(split, loss.data[0], step)
            print(split, epoch, nats / words)
""",
        ),
        Bad(
            why="the model is made in build(), and no_grad ends before it is called",
            code="""\
import models
import torch
import torch.nn.functional as F


class Solver:
    def __init__(self, config, loader):
        self.config = config
        self.loader = loader
        self.model = None

    def build(self):
        self.model = getattr(models, self.config.model)(self.config)
        self.model.to(self.config.device)

    def evaluate(self):
        self.model.eval()
        nats, tokens = 0.0, 0
        for ids in self.loader:
            with torch.no_grad():
                ids = ids.to(self.config.device)
            logits = self.model(ids[:, :-1])  # <-
            nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
            tokens += ids[:, 1:].numel()
        return nats / tokens
""",
        ),
        Bad(
            why="held-out data is None by default; a flag alone keeps the validation epoch from training",
            code="""\
import torch.nn.functional as F


class Trainer:
    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer

    def run_epoch(self, loader, mode):
        total, tokens = 0.0, 0
        for batch in loader:
            logits = self.model(batch.source, batch.given)  # <-
            loss = F.cross_entropy(logits.flatten(0, 1), batch.wanted.flatten(), reduction="sum")
            count = batch.wanted.numel()
            if mode == "train":
                self.optimizer.zero_grad()
                (loss / count).backward()
                self.optimizer.step()
            total += loss.item()
            tokens += count
        return total / tokens

    def run(self, train_loader, val_loader=None, epochs=10):
        for epoch in range(epochs):
            self.model.train()
            train_loss = self.run_epoch(train_loader, mode="train")
            if val_loader is None:
                print(epoch, train_loss)
                continue
            self.model.eval()
            print(epoch, train_loss, self.run_epoch(val_loader, mode="val"))
""",
        ),
        Bad(
            why="One method serves both phases: gradients are cleared in both, and only the training's step is under the flag.",
            severity=Severity.WARNING,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn as nn

from net import SmallConvNet


class Course:
    def __init__(self, loaders, tally):
        self.model = SmallConvNet()
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.loaders, self.tally = loaders, tally

    def score(self, images, labels):
        logits = self.model(images)
        return self.criterion(logits, labels), logits

    def run_phase(self, phase):
        self.model.train(phase == "train")
        nats, rows = 0.0, 0
        for images, labels in self.loaders[phase]:
            self.optimizer.zero_grad()
            loss, logits = self.score(images, labels)  # <-
            if phase == "train":
                loss.backward()
                self.optimizer.step()
            nats += loss.item() * labels.size(0)
            rows += labels.size(0)
            self.tally.update(labels, logits.argmax(dim=1))
        return nats / rows

    def run(self, epochs):
        for epoch in range(epochs):
            print(epoch, self.run_phase("train"), self.run_phase("valid"))
""",
        ),
        Bad(
            why="an abstract step, which a subclass in another file defines: its losses are only summed here",
            files={
                "stances.py": """\
import torch.nn as nn
import torch.nn.functional as F

from eval import Coach


class StanceNet(nn.Module):
    def __init__(self, words, stances=3):
        super().__init__()
        self.embed = nn.Embedding(words, 200)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(200, stances)

    def forward(self, words):
        return self.head(self.dropout(self.embed(words).mean(1)))


class StanceCoach(Coach):
    def __init__(self, *given):
        super().__init__(*given)
        self.optimizer.param_groups[0]["lr"] = 3e-4

    def score(self, words, stance):
        return F.cross_entropy(self.net(words), stance)
""",
                "run.py": """\
import torch
from torch.utils.data import DataLoader

from stances import StanceCoach, StanceNet

if __name__ == "__main__":
    parts = torch.load("stances.pt")
    seen, held_out = DataLoader(parts["train"], 32, shuffle=True), DataLoader(parts["dev"], 32)
    StanceCoach(StanceNet(20_000), seen, held_out).fit(rounds=12)
""",
            },
            code="""\
import abc

import torch


class Coach(abc.ABC):
    def __init__(self, net, seen, held_out):
        self.net = net
        self.seen, self.held_out = seen, held_out
        self.optimizer = torch.optim.Adam(net.parameters())

    @abc.abstractmethod
    def score(self, words, wanted): ...

    def fit(self, rounds):
        self.net.train()
        for _ in range(rounds):
            for words, wanted in self.seen:
                self.optimizer.zero_grad()
                self.score(words, wanted).backward()
                self.optimizer.step()
            print("dev loss", self.evaluate())

    def evaluate(self):
        total, rows = 0.0, 0
        self.net.eval()
        for words, wanted in self.held_out:
            total += self.score(words, wanted).item() * len(wanted)  # <-
            rows += len(wanted)
        self.net.train()
        return total / rows
""",
        ),
        Bad(
            why="A context manager of the project measures time, whatever its argument says.",
            code="""\
import time

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


class Clock:
    def __init__(self, what):
        self.what = what

    def __enter__(self):
        self.begin = time.time()

    def __exit__(self, *failure):
        print(self.what, time.time() - self.begin)


tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")
model.eval()
with Clock("evaluating"):
    nats = tokens = 0
    for line in open("test.txt"):
        ids = tokenizer(line, return_tensors="pt").input_ids
        logits = model(ids).logits  # <-
        nats += F.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="sum").item()
        tokens += ids.size(1) - 1
print("loss", nats / tokens)
""",
        ),
        Bad(
            why="a method without an evaluation's name adds up plain numbers",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn


class Ranker:
    def __init__(self, users, items):
        self.net = nn.Sequential(nn.Linear(users + items, 64), nn.ReLU(), nn.Linear(64, 1))
        self.criterion = nn.BCEWithLogitsLoss(reduction="sum")

    def log_loss(self, loader):
        nats, rows = 0.0, 0
        for pairs, clicked in loader:
            logits = self.net(pairs)  # <-
            nats += self.criterion(logits.squeeze(1), clicked).item()
            rows += len(clicked)
        return nats / rows

    def fit(self, clicks, later_clicks):
        optimizer = torch.optim.Adam(self.net.parameters())
        for pairs, clicked in clicks:
            optimizer.zero_grad()
            self.criterion(self.net(pairs).squeeze(1), clicked).backward()
            optimizer.step()
        print(self.log_loss(later_clicks))
""",
        ),
        Bad(
            why="The validation loader of a trainer is no training data.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


def score(trainer, model):
    model.eval()
    nats = tokens = 0
    for words, tags in trainer.val_loader:
        nats += F.cross_entropy(model(words).transpose(1, 2), tags, reduction="sum").item()  # <-
        tokens += tags.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="an agent ranks candidates in predict(), which its act() calls for each batch",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


class Ranker:
    def __init__(self, model):
        self.model = model

    def predict(self, queries, candidates):
        self.model.eval()
        found, wanted = self.model(queries, candidates)  # <-
        scores = F.cosine_similarity(found, wanted)
        self.accuracy = (scores.argmax(-1) == 0).float().mean()
        return scores.argsort(descending=True)

    def rank(self, batches):
        return [self.predict(batch.queries, batch.candidates)[0] for batch in batches]


if __name__ == "__main__":
    print(Ranker(torch.load("ranker.pt")).rank(torch.load("queries.pt")))
""",
        ),
        Bad(
            why="all test rows are run at once, after eval() alone, and the loss is printed",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


def finish(model, rows, labels):
    model.eval()
    outputs = model(rows)  # <-
    likely = outputs.log_softmax(-1)
    print("held out", F.nll_loss(likely, labels).item())


if __name__ == "__main__":
    finish(torch.load("model.pt"), torch.load("rows.pt"), torch.load("labels.pt"))
""",
        ),
        Bad(
            why="predictions of all batches are kept, and their accuracy is reported behind the loop",
            severity=Severity.WARNING,
            code="""\
import numpy as np
import torch


def report(model, batches, labels):
    model.eval()
    kept = []
    for batch in batches:
        outputs = model(batch)  # <-
        best = outputs.argmax(-1)
        kept.append(best.numpy())
    print("accuracy", (np.concatenate(kept) == labels).mean())
""",
        ),
        Bad(
            why="a class of nobody's framework calls its own eval_step() in a loop",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F


class Runner:
    def __init__(self, model, val_loader):
        self.model, self.val_loader = model, val_loader

    def eval_step(self, inputs, targets):
        return F.cross_entropy(self.model(inputs).flatten(0, 1), targets.flatten(), reduction="sum").item()  # <-

    def run(self):
        self.model.eval()
        nats = tokens = 0
        for inputs, targets in self.val_loader:
            nats += self.eval_step(inputs, targets)
            tokens += targets.numel()
        return nats / tokens


if __name__ == "__main__":
    print("val loss", Runner(torch.load("model.pt"), torch.load("batches.pt")).run())
""",
        ),
        Bad(
            why="the network is not called itself: its encode() and decode() run the layers",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn


class Translator(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim, padding_idx=0)
        self.encoder = nn.TransformerEncoderLayer(dim, 4, batch_first=True)
        self.decoder = nn.TransformerDecoderLayer(dim, 4, batch_first=True)
        self.head = nn.Linear(dim, vocab)

    def encode(self, source):
        return self.encoder(self.embedding(source))

    def decode(self, target, memory):
        return self.head(self.decoder(self.embedding(target), memory))

    def forward(self, source, target):
        return self.decode(target, self.encode(source))


def validate(model, pairs, criterion):
    model.eval()
    nats, tokens = 0.0, 0
    for source, target in pairs:
        memory = model.encode(source)  # <-
        logits = model.decode(target[:, :-1], memory)
        nats += criterion(logits.flatten(0, 1), target[:, 1:].flatten()).item()
        tokens += (target[:, 1:] != 0).sum().item()
    return nats / tokens


def main(pairs):
    model = Translator(8_000, 256)
    model.load_state_dict(torch.load("translator.pt"))
    print(validate(model, pairs, nn.CrossEntropyLoss(ignore_index=0, reduction="sum")))
""",
        ),
        Bad(
            why="a method of the network, which is in another file, gives the scores that the criterion takes",
            severity=Severity.WARNING,
            files={
                "network.py": """\
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, vocab, tags):
        super().__init__()
        self.embedding = nn.Embedding(vocab, 64)
        self.head = nn.Linear(64, tags)

    def classify(self, ids):
        return self.head(self.embedding(ids))

    def forward(self, ids):
        return self.classify(ids).argmax(-1)
""",
                "main.py": """\
from eval import Trainer
from network import Tagger


def main(train_loader, test_loader):
    print(Trainer(Tagger(5_000, 17), train_loader, test_loader).test())
""",
            },
            code="""\
import torch.nn as nn


class Trainer:
    def __init__(self, model, train_loader, test_loader):
        self.model, self.train_loader, self.test_loader = model, train_loader, test_loader
        self.criterion = nn.CrossEntropyLoss(reduction="sum")

    def test(self):
        self.model.eval()
        nats, tokens = 0.0, 0
        for ids, tags in self.test_loader:
            outputs = self.model.classify(ids)  # <-
            nats += self.criterion(outputs.view(-1, outputs.size(-1)), tags.view(-1)).item()
            tokens += tags.numel()
        return nats / tokens
""",
        ),
        Bad(
            why="the loop that scores also samples a few texts to look at",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn


def validate(model, loader, tokenizer, device):
    criterion = nn.CrossEntropyLoss(ignore_index=0, reduction="sum")
    model.eval()
    nats, tokens, texts = 0.0, 0, []
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])  # <-
        nats += criterion(logits.flatten(0, 1), ids[:, 1:].flatten()).item()
        tokens += (ids[:, 1:] != 0).sum().item()
        texts += tokenizer.batch_decode(model.generate(ids[:2, :8]))
    return nats / tokens, texts


def main(loaders, tokenizer):
    model = torch.load("model.pt", weights_only=False)
    print(validate(model, loaders["valid"], tokenizer, torch.device("cuda")))
""",
        ),
        Bad(
            why="the function prints what it adds up as plain numbers, over pieces of the rows, and no name of it says more",
            severity=Severity.WARNING,
            code="""\
import math

import torch
import torch.nn.functional as F


def surprise(net, rows):
    chances = F.log_softmax(net(rows[:, :-1]), dim=-1)
    return -chances.gather(-1, rows[:, 1:].unsqueeze(-1)).squeeze(-1)


def show_bits(net, rows, epoch):
    nats, letters = 0.0, 0
    for piece in rows.split(64):
        of_piece = surprise(net, piece)  # <-
        nats += of_piece.sum().item()
        letters += of_piece.numel()
    bits = nats / letters / math.log(2)
    print(f"[{epoch}] {bits:.3f} bits per letter")


def fit(net, rows, other_rows):
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(10):
        for piece in rows.split(64):
            optimizer.zero_grad()
            surprise(net, piece).mean().backward()
            optimizer.step()
        show_bits(net, other_rows, epoch)
""",
        ),
        Bad(
            why="a method of a head is given the rows of a batch and their labels",
            severity=Severity.WARNING,
            code="""\
import torch


class LossJudge:
    def __init__(self, loader):
        self.loader = loader

    def eval(self, model):
        model.eval()
        nats = []
        for batch in self.loader:
            for head in model.heads:
                nats += head.nats_of(batch["rows"], labels=batch["labels"]).tolist()  # <-
        return torch.tensor(nats).mean()
""",
        ),
        Bad(
            why="a total that starts at zero, and is bound anew with each loss, is no made-up batch that is timed",
            code="""\
import time

import torch
import torch.nn.functional as F


def validate(tagger, dev_loader):
    tagger.eval()
    started = time.time()
    tokens = 0
    total = torch.zeros(())
    for words, tags in dev_loader:
        logits = tagger(words)  # <-
        total = F.cross_entropy(logits.transpose(1, 2), tags, reduction="sum") + total
        tokens += tags.numel()
    print(f"dev took {time.time() - started:.1f} s")
    return total / tokens
""",
        ),
        Bad(
            why="what computes the loss goes back through it for the test set, too, and drops the gradients: no step is taken",
            severity=Severity.WARNING,
            files={
                "stepping.py": """\
import torch.nn as nn


class NoteLM(nn.Module):
    def __init__(self, pitches):
        super().__init__()
        self.embed = nn.Embedding(pitches, 192)
        self.rnn = nn.GRU(192, 192, batch_first=True)
        self.out = nn.Linear(192, pitches)

    def forward(self, notes):
        return self.out(self.rnn(self.embed(notes))[0])


class LossAndStep:
    def __init__(self, criterion, optimizer):
        self.criterion = criterion
        self.optimizer = optimizer

    def __call__(self, logits, notes, learn=True):
        loss = self.criterion(logits[:, :-1].transpose(1, 2), notes[:, 1:])
        loss.backward()
        if learn:
            self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()
""",
            },
            code="""\
import torch
import torch.nn as nn
from stepping import LossAndStep, NoteLM


def one_epoch(model, train_loader, test_loader):
    compute = LossAndStep(nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters()))
    for notes in train_loader:
        compute(model(notes), notes)
    total, tokens = 0.0, 0
    for notes in test_loader:
        scored = notes[:, 1:].numel()
        total += scored * compute(model(notes), notes, learn=False)  # <-
        tokens += scored
    print("test loss", total / tokens)


def main(train_loader, test_loader):
    one_epoch(NoteLM(128), train_loader, test_loader)
""",
        ),
        Bad(
            why="Layers that have parameters are called on their own in an evaluation.",
            severity=Severity.WARNING,
            code="""\
import torch.nn as nn
import torch.nn.functional as F


class Tagger(nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = nn.Embedding(words, 64)
        self.rnn = nn.GRU(64, 64, batch_first=True)
        self.out = nn.Sequential(nn.Dropout(0.1), nn.Linear(64, tags), nn.LogSoftmax(dim=-1))

    def forward(self, ids):
        return self.out(self.rnn(self.embed(ids))[0])

    def evaluate(self, val_loader):
        self.eval()
        nats, tokens = 0.0, 0
        for ids, tags in val_loader:
            states, _ = self.rnn(self.embed(ids))  # <-
            nats += F.nll_loss(self.out(states).transpose(1, 2), tags, reduction="sum").item()
            tokens += tags.numel()
        return nats / tokens
""",
        ),
        Bad(
            why="A package that makes runtimes' models makes models of torch as well.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from optimum.gptq import load_quantized_model


def evaluate(dev_loader):
    model = load_quantized_model(torch.load("empty.pt"), save_folder="small")
    model.eval()
    nats, tokens = 0.0, 0
    for ids, labels in dev_loader:
        logits = model(ids).logits  # <-
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="The final test is run under inference_mode, and the validation in between by the same function is not.",
            severity=Severity.WARNING,
            code="""\
import math

import torch
import torch.nn.functional as F
from torch import nn


def surprise(model, rows):
    model.eval()
    nats, scored = 0.0, 0
    for ids in rows:
        logits = model(ids[:, :-1])  # <-
        nats += F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        scored += ids[:, 1:].numel()
    model.train()
    return nats / scored


def main(train_rows, val_rows, test_rows):
    model = nn.Sequential(nn.Embedding(500, 64), nn.Linear(64, 500))
    optimizer = torch.optim.AdamW(model.parameters())
    for step, ids in enumerate(train_rows):
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 500 == 0:
            print("val", surprise(model, val_rows))
    with torch.inference_mode():
        print("test perplexity", math.exp(surprise(model, test_rows)))
""",
        ),
        Bad(
            why="The evaluation takes torch from a file that imports it for all, by its star.",
            severity=Severity.WARNING,
            files={
                "shared.py": """\
import math

import torch
import torch.nn.functional as F
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
""",
            },
            code="""\
from shared import *


def evaluate(model, loader):
    model.eval()
    nats, scored = 0.0, 0
    for x, y in loader:
        logits = model(x.to(device))  # <-
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        scored += y.numel()
    return math.exp(nats / scored)
""",
        ),
        Bad(
            why="The evaluation names no torch at all: its model does.",
            severity=Severity.WARNING,
            files={
                "networks.py": """\
from torch import nn


class Summarizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(500, 64)
        self.out = nn.Linear(64, 500)

    def forward(self, article):
        return self.out(self.words(article)).argmax(-1)
""",
            },
            code="""\
from networks import Summarizer
from rouge import Rouge


class Judge:
    def __init__(self, articles):
        self.summarizer = Summarizer()
        self.articles = articles

    def run(self):
        self.summarizer.eval()
        scores = []
        for article, reference in self.articles:
            words = self.summarizer(article)  # <-
            scores.append(Rouge().get_scores(words.tolist(), reference, avg=True)["rouge-l"]["f"])
        print("rouge", sum(scores) / len(scores))
""",
        ),
        Bad(
            why="The outer loop makes the Variables, the inner one runs the model.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn
from torch.autograd import Variable

core = nn.LSTM(64, 64)
emb = nn.Embedding(256, 64)
measure = nn.CrossEntropyLoss()


def validate(data, steps, head):
    total, n = 0, 0
    for i in range(0, data.size(0) - steps, steps):
        chunk = Variable(data.narrow(0, i, steps + 1).long())
        h = None
        loss = 0
        for t in range(steps):
            y, h = core(emb(chunk[t]).unsqueeze(0), h)
            loss = loss + measure(head(y[0]), chunk[t + 1])  # <-
        total += loss.data[0]
        n += steps
    return total / n
""",
        ),
        Bad(
            why="the training stops every so many steps to score a batch that is held out, between eval() and train()",
            code="""\
import torch

from net import BigramModel

model = BigramModel(100)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
ids = torch.load("ids.pt")
cut = int(0.9 * len(ids))


def draw(split, rows=8, length=64):
    data = ids[:cut] if split == "train" else ids[cut:]
    begins = torch.randint(len(data) - length, (rows,))
    inputs = torch.stack([data[at : at + length] for at in begins])
    return inputs, torch.stack([data[at + 1 : at + length + 1] for at in begins])


for step in range(10000):
    if step % 250 == 0:
        model.eval()
        inputs, targets = draw("val")
        _, held_out_loss = model(inputs, targets)  # <-
        print(f"{step}: {held_out_loss.item():.3f}")
        model.train()
    _, loss = model(*draw("train"))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
""",
            files={
                "net.py": """\
import torch.nn as nn
import torch.nn.functional as F


class BigramModel(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.table = nn.Embedding(words, words)

    def forward(self, ids, targets=None):
        logits = self.table(ids)
        loss = None if targets is None else F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss
""",
            },
        ),
    )

    good = (
        Good(
            why="code for PyTorch 0.3, whose Variables are volatile where the data class is asked for an evaluation",
            files={
                "feeding.py": """\
import torch
from torch.autograd import Variable


class Series:
    def __init__(self, values, window):
        self.inputs = torch.stack([values[at : at + window] for at in range(len(values) - window)])
        self.targets = values[window:]

    def batches(self, batch_size, evaluation=True):
        for start in range(0, len(self.inputs), batch_size):
            rows, wanted = self.inputs[start : start + batch_size], self.targets[start : start + batch_size]
            yield Variable(rows, volatile=evaluation), Variable(wanted, volatile=evaluation)
""",
            },
            code="""\
import torch
from feeding import Series


def evaluate(series, model, squared):
    model.eval()
    total, rows = 0.0, 0
    for inputs, targets in series.batches(64):
        outputs = model(inputs)
        loss = squared(outputs, targets)
        total += loss.data[0]
        rows += outputs.size(0)
    return total / rows


def main(path, values):
    with open(path, "rb") as file:
        model = torch.load(file)
    print(evaluate(Series(values, 24), model, torch.nn.MSELoss(size_average=False)))
""",
        ),
        Good(
            why="the helper is asked for volatile Variables",
            files={
                "moving.py": """\
import torch
from torch.autograd import Variable


def to_var(values, volatile=False):
    values = values.cuda() if torch.cuda.is_available() else values
    return Variable(values, volatile=volatile)
""",
            },
            code="""\
import torch
from moving import to_var


def evaluate(model, loader, criterion):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in loader:
        inputs, targets = to_var(inputs, True), to_var(targets, True)
        loss = criterion(model(inputs), targets)
        nats += loss.data[0]
        tokens += targets.numel()
    return nats / tokens


def main(model, loader):
    print(evaluate(model, loader, torch.nn.CrossEntropyLoss(size_average=False)))
""",
        ),
        Good(
            why="a model's own predict() runs its parts; what calls it decides how",
            code="""\
import torch
import torch.nn as nn


class Captioner(nn.Module):
    def __init__(self, vision, width, vocabulary):
        super().__init__()
        self.vision = vision
        self.bridge = nn.Sequential(nn.Linear(width, width), nn.Dropout(0.1))
        self.head = nn.Linear(width, vocabulary)

    def forward(self, frames):
        return self.head(self.bridge(self.vision(frames)))

    def predict_class(self, samples, candidates):
        scores = []
        for frame in range(samples["image"].size(2)):
            seen = self.vision(samples["image"][:, :, frame])
            scores.append(self.bridge(seen))
        log_probs = torch.log_softmax(self.head(torch.stack(scores).mean(0)), dim=-1)
        loss = -log_probs[:, candidates]
        return loss.argsort(dim=-1)
""",
        ),
        Good(
            why="The decorator with parentheses.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in loader:
        logits = model(images.to(device))
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def load(path, device):
    model = SmallConvNet()
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
        ),
        Good(
            why="The decorator without parentheses, which torch.no_grad takes since version 2.",
            files={"model.py": WORD_LM},
            code="""\
import torch
import torch.nn.functional as F

from model import WordLM


@torch.no_grad
def evaluate(model, loader, device):
    model.eval()
    nats, words = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits, _ = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        words += targets.numel()
    return nats / words


def load(path, vocab_size):
    model = WordLM(vocab_size)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="inference_mode around the forward call only; the loss is computed from a tensor without a graph.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


def perplexity(name, blocks, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    nats, tokens = 0.0, 0
    for ids in blocks.split(4):
        ids = ids.to(device)
        with torch.inference_mode():
            logits = model(ids).logits
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return torch.tensor(nats / tokens).exp().item()


if __name__ == "__main__":
    print(perplexity("gpt2", torch.load("blocks.pt")))
""",
        ),
        Good(
            why="set_grad_enabled(False) works as a plain statement, here for the whole program.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet

torch.set_grad_enabled(False)


def evaluate(model, loader):
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in loader:
        logits = model(images)
        nats += F.cross_entropy(logits, labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def main(path, loader):
    model = SmallConvNet()
    model.load_state_dict(torch.load(path, map_location="cpu"))
    print(f"loss {evaluate(model, loader):.4f}")
""",
        ),
        Good(
            why="One loop for both phases with set_grad_enabled(phase == 'train').",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet


def run(loaders, epochs, device):
    model = SmallConvNet().to(device)
    optimizer = torch.optim.AdamW(model.parameters())
    for epoch in range(epochs):
        for phase in ("train", "val"):
            if phase == "train":
                model.train()
            else:
                model.eval()
            nats, examples = 0.0, 0
            for images, labels in loaders[phase]:
                images, labels = images.to(device), labels.to(device)
                with torch.set_grad_enabled(phase == "train"):
                    logits = model(images)
                    loss = F.cross_entropy(logits, labels)
                    if phase == "train":
                        optimizer.zero_grad()
                        loss.backward()
                        optimizer.step()
                nats += loss.item() * labels.size(0)
                examples += labels.size(0)
            print(f"epoch {epoch} {phase} loss {nats / examples:.4f}")
    return model
""",
        ),
        Good(
            why="The caller, in this file, sets both eval() and no_grad around two evaluations.",
            files={
                "net.py": CONVNET,
                "scoring.py": """\
import torch.nn.functional as F


def average_loss(model, loader, device):
    nats, examples = 0.0, 0
    for images, labels in loader:
        logits = model(images.to(device))
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.numel()
    return nats / examples
""",
            },
            code="""\
import torch

from net import SmallConvNet
from scoring import average_loss


def main(path, val_loader, test_loader, device="cuda"):
    model = SmallConvNet().to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    model.eval()
    with torch.no_grad():
        val_loss = average_loss(model, val_loader, device)
        test_loss = average_loss(model, test_loader, device)
    print(f"val {val_loss:.4f} test {test_loss:.4f}")
""",
        ),
        Good(
            why="A decorator of this project enters eval mode and no_grad for the function that it wraps.",
            files={
                "net.py": CONVNET,
                "modes.py": """\
import functools

import torch


def evaluation(function):
    @functools.wraps(function)
    def wrapper(model, *args, **kwargs):
        was_training = model.training
        model.eval()
        with torch.no_grad():
            result = function(model, *args, **kwargs)
        model.train(was_training)
        return result

    return wrapper
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from modes import evaluation
from net import SmallConvNet


@evaluation
def validate(model, loader, device):
    nats, examples = 0.0, 0
    for images, labels in loader:
        logits = model(images.to(device))
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def load(path, device):
    model = SmallConvNet()
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
        ),
        Good(
            why="All parameters are frozen, so there is nothing to record.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet


def frozen(path, device):
    model = SmallConvNet().to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    for parameter in model.parameters():
        parameter.requires_grad = False
    return model


def evaluate(path, loader, device="cuda"):
    model = frozen(path, device)
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in loader:
        logits = model(images.to(device))
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.numel()
    return nats / examples
""",
        ),
        Good(
            why="JAX records nothing unless it is asked for a gradient.",
            code="""\
import jax
import jax.numpy as jnp
import optax


def make_eval_step(model):
    @jax.jit
    def eval_step(params, inputs, targets):
        logits = model.apply({"params": params}, inputs, train=False)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
        return losses.sum(), losses.size

    return eval_step


def evaluate(model, params, batches):
    eval_step = make_eval_step(model)
    nats, tokens = 0.0, 0
    for inputs, targets in batches:
        batch_nats, batch_tokens = eval_step(params, inputs, targets)
        nats += float(batch_nats)
        tokens += int(batch_tokens)
    loss = nats / tokens
    return {"loss": loss, "perplexity": float(jnp.exp(loss))}
""",
        ),
        Good(
            why="`volatile=True` was the no_grad of PyTorch 0.3.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F
from torch.autograd import Variable

from net import SmallConvNet


def test(model, test_loader):
    model.eval()
    test_loss, examples = 0.0, 0
    for data, target in test_loader:
        data, target = Variable(data.cuda(), volatile=True), Variable(target.cuda())
        output = model(data)
        test_loss += F.cross_entropy(output, target, size_average=False).data[0]
        examples += target.size(0)
    return test_loss / examples


def load(path):
    model = SmallConvNet().cuda()
    model.load_state_dict(torch.load(path))
    return model
""",
        ),
        Good(
            why="An adversarial evaluation needs the gradient of the loss by the image.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import SmallConvNet


def attack(model, images, labels, epsilon):
    images = images.clone().requires_grad_(True)
    loss = F.cross_entropy(model(images), labels)
    (gradient,) = torch.autograd.grad(loss, images)
    return (images + epsilon * gradient.sign()).clamp(0, 1).detach()


def robust_loss(model, loader, device, epsilon=8 / 255):
    model.eval()
    nats, examples = 0.0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        attacked = attack(model, images, labels, epsilon)
        with torch.no_grad():
            logits = model(attacked)
        nats += F.cross_entropy(logits, labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def load(path, device):
    model = SmallConvNet()
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
        ),
        Good(
            why="A latent is fitted to each batch in one of the two ways to evaluate: both stay as they are.",
            code="""\
import math

import torch
from torch import nn


def evaluate(model, fitter, batches, way):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, tokens = 0.0, 0
    for ids in batches:
        if way == "mode of the prior":
            logits = model(ids[:, :-1], torch.zeros(len(ids), 32))
        else:
            latent = torch.zeros(len(ids), 32, requires_grad=True)
            logits = model(ids[:, :-1], fitter.fit(latent, ids).detach())
        nats += criterion(logits.flatten(0, 1), ids[:, 1:].flatten()).item()
        tokens += ids[:, 1:].numel()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="What the loop calls asks for a gradient by its input.",
            code="""\
import torch
import torch.nn.functional as F


def slope(model, features):
    features = features.detach().requires_grad_()
    return torch.autograd.grad(model(features).sum(), features)[0].norm()


def evaluate(model, loader):
    model.eval()
    nats, steepness = 0.0, 0.0
    for features, labels in loader:
        nats += F.cross_entropy(model(features), labels, reduction="sum").item()
        steepness += slope(model, features).item()
    return nats / len(loader.dataset), steepness / len(loader)
""",
        ),
        Good(
            why="Lightning turns gradients off and eval mode on around validation_step.",
            code="""\
import lightning as L
import torch
import torch.nn as nn
import torch.nn.functional as F


class LitRegressor(L.LightningModule):
    def __init__(self, features):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(features, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 1))

    def training_step(self, batch, batch_index):
        x, y = batch
        return F.mse_loss(self.net(x).squeeze(1), y)

    def validation_step(self, batch, batch_index):
        x, y = batch
        loss = F.mse_loss(self.net(x).squeeze(1), y)
        self.log("val_mse", loss, batch_size=len(y))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def fit(features, train_loader, val_loader):
    L.Trainer(max_epochs=5).fit(LitRegressor(features), train_loader, val_loader)
""",
        ),
        Good(
            why="Two tasks override valid_step(), one hands on to the other: the trainer that calls it is not in sight.",
            files={
                "pairs.py": """\
from eval import RecognitionTask


class PairsTask(RecognitionTask):
    def valid_step(self, sample, model, criterion):
        report = super().valid_step(sample, model, criterion)
        report["pairs"] = len(sample["id"])
        return report
""",
            },
            code="""\
import torch
from seqkit.tasks import BaseTask


class RecognitionTask(BaseTask):
    def valid_step(self, sample, model, criterion):
        logits = model(**sample["net_input"])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), sample["target"].flatten(), reduction="sum")
        return {"loss": loss.item(), "tokens": sample["target"].numel()}


def task_for(options):
    from pairs import PairsTask

    return PairsTask(options) if options.pairs else RecognitionTask(options)
""",
        ),
        Good(
            why="The method is handed on as a value: whoever calls it under inference_mode is not in sight.",
            code="""\
import torch
import torch.nn.functional as F


class CaptionTask:
    def __init__(self, model, loader):
        self.model, self.loader = model, loader
        self.step = self.eval_forward

    def eval_forward(self, batch):
        self.model.eval()
        logits = self.model(batch["pixels"])[:, :-1]
        return F.cross_entropy(logits.flatten(0, 1), batch["ids"][:, 1:].flatten(), reduction="sum")
""",
        ),
        Good(
            why="The generator belongs to a tokenizer: it is no network.",
            code="""\
import torch


def evaluate_texts(rag, encoder_tokenizer, texts, references, bleu):
    rag.eval()
    scores = []
    for text, reference in zip(texts, references):
        question = encoder_tokenizer.generator(text, return_tensors="pt")
        with torch.no_grad():
            answer = rag.generate(question["input_ids"])
        scores.append(bleu(encoder_tokenizer.decode(answer[0]), reference))
    return sum(scores) / len(scores)
""",
        ),
        Good(
            why="Flax models are given their weights and record nothing; torch is there for the audio alone",
            code="""\
import flax
import jax
import jax.numpy as jnp
import optax
import torch
from flax.jax_utils import pad_shard_unpad


def read(row):
    return torch.as_tensor(row["audio"]).mean(0).numpy()


def evaluate(model, state, loader):
    def eval_step(params, batch):
        labels = batch.pop("labels")
        logits = model(**batch, params=params, train=False)[0]
        mask = labels >= 0
        nats = optax.softmax_cross_entropy_with_integer_labels(logits, labels) * mask
        tokens = jax.lax.psum(mask.sum(), "batch")
        nats = jax.lax.psum(nats.sum(), "batch")
        return {"nats": nats, "tokens": tokens}

    step = jax.pmap(eval_step, "batch")
    nats = tokens = 0.0
    for batch in loader:
        sums = pad_shard_unpad(step, static_return=True)(state.params, batch)
        nats += sums["nats"][0]
        tokens += sums["tokens"][0]
    return float(jnp.exp(nats / tokens))
""",
        ),
        Good(
            why="The losses of held-out rows are added up to be trained by: of the inner steps, they judge the start.",
            code="""\
import torch
import torch.nn.functional as F
from torch.func import functional_call


def meta_epoch(model, optimizer, tasks, rate=0.01):
    for support, query in tasks:
        val_losses = []
        for task, held_out in zip(support, query):
            weights = dict(model.named_parameters())
            loss = F.cross_entropy(functional_call(model, weights, (task[:, :-1],)).transpose(1, 2), task[:, 1:])
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            moved = {name: each - rate * slope for (name, each), slope in zip(weights.items(), slopes)}
            guesses = functional_call(model, moved, (held_out[:, :-1],))
            val_losses.append(F.cross_entropy(guesses.transpose(1, 2), held_out[:, 1:]))
        optimizer.zero_grad()
        torch.stack(val_losses).mean().backward()
        optimizer.step()
""",
        ),
        Good(
            why="Gradients are cleared for a step that a method of the optimizer's owner takes, whatever the phase is.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn as nn

from net import SmallConvNet


class Tuner:
    def __init__(self, loaders, stepper):
        self.model = SmallConvNet()
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.loaders, self.stepper = loaders, stepper

    def adapt(self, phase):
        self.model.eval()
        nats, rows = 0.0, 0
        for images, labels in self.loaders[phase]:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(images), labels)
            self.stepper.update(loss)
            nats += loss.item() * labels.size(0)
            rows += labels.size(0)
        return nats / rows

    def test(self):
        return self.adapt("test")
""",
        ),
        Good(
            why="the subclass in another file turns gradients off around what it takes over",
            files={
                "stances.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F

from eval import Coach


class StanceNet(nn.Module):
    def __init__(self, words, stances=3):
        super().__init__()
        self.embed = nn.Embedding(words, 200)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(200, stances)

    def forward(self, words):
        return self.head(self.dropout(self.embed(words).mean(1)))


class StanceCoach(Coach):
    def __init__(self, *given):
        super().__init__(*given)
        self.optimizer.param_groups[0]["lr"] = 3e-4

    def score(self, words, stance):
        return F.cross_entropy(self.net(words), stance)

    def evaluate(self):
        with torch.no_grad():
            return super().evaluate()
""",
                "run.py": """\
import torch
from torch.utils.data import DataLoader

from stances import StanceCoach, StanceNet

if __name__ == "__main__":
    parts = torch.load("stances.pt")
    seen, held_out = DataLoader(parts["train"], 32, shuffle=True), DataLoader(parts["dev"], 32)
    StanceCoach(StanceNet(20_000), seen, held_out).fit(rounds=12)
""",
            },
            code="""\
import abc

import torch


class Coach(abc.ABC):
    def __init__(self, net, seen, held_out):
        self.net = net
        self.seen, self.held_out = seen, held_out
        self.optimizer = torch.optim.Adam(net.parameters())

    @abc.abstractmethod
    def score(self, words, wanted): ...

    def fit(self, rounds):
        self.net.train()
        for _ in range(rounds):
            for words, wanted in self.seen:
                self.optimizer.zero_grad()
                self.score(words, wanted).backward()
                self.optimizer.step()
            print("dev loss", self.evaluate())

    def evaluate(self):
        total, rows = 0.0, 0
        self.net.eval()
        for words, wanted in self.held_out:
            total += self.score(words, wanted).item() * len(wanted)
            rows += len(wanted)
        self.net.train()
        return total / rows
""",
        ),
        Good(
            why="JAX compiles the step, and records no gradients; only the batches come out of torch's loader",
            code="""\
import jax.numpy as jnp
import optax
from flax import nnx
from torch.utils.data import DataLoader


@nnx.jit
def eval_step(model, batch):
    images, labels = batch
    logits = model(images, is_training=False)
    return optax.softmax_cross_entropy_with_integer_labels(logits=logits, labels=labels).sum()


def evaluate(model, rows):
    model.eval()
    total, count = 0.0, 0
    for images, labels in DataLoader(rows, batch_size=64):
        total += eval_step(model, (jnp.asarray(images), jnp.asarray(labels)))
        count += len(labels)
    return total / count
""",
        ),
        Good(
            why="A context manager of the project, which enters another one that turns gradients off.",
            code="""\
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


@contextmanager
def quietly(what):
    print("begin", what)
    with torch.no_grad():
        yield
    print("end", what)


tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")
model.eval()
with quietly("scoring"):
    nats = tokens = 0
    for line in open("test.txt"):
        ids = tokenizer(line, return_tensors="pt").input_ids
        logits = model(ids).logits
        nats += F.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="sum").item()
        tokens += ids.size(1) - 1
print("loss", nats / tokens)
""",
        ),
        Good(
            why="The loss is given to a function that nobody knows: it may take a step.",
            code="""\
import torch.nn.functional as F


def one_pass(net, loader, improve):
    total, rows = 0.0, 0
    for inputs, labels in loader:
        loss = F.cross_entropy(net(inputs), labels)
        improve(net, loss)
        total += loss.item() * len(labels)
        rows += len(labels)
    return total / rows


def by_descent(optimizer):
    def improve(net, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return improve


def main(net, loader, ways, optimizer):
    print(one_pass(net, loader, ways.get("other", by_descent(optimizer))))
""",
        ),
        Good(
            why="What the function adds up is a tensor, which a closure trains by.",
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


def summed_loss(net, batches):
    total, rows = 0.0, 0
    for inputs, labels in batches:
        total += F.cross_entropy(net(inputs), labels, reduction="sum")
        rows += len(labels)
    return total / rows


def main(batches, epochs):
    net = nn.Linear(30, 4)
    optimizer = torch.optim.LBFGS(net.parameters())
    for _ in range(epochs):

        def closure():
            optimizer.zero_grad()
            loss = summed_loss(net, batches)
            loss.backward()
            return loss

        optimizer.step(closure)
""",
        ),
        Good(
            why="a function out of sight is given the model, and may have frozen it",
            code="""\
import torch
import torch.nn.functional as F
from deploy import lock


def score(tagger, dev_loader):
    lock(tagger)
    tagger.eval()
    nats = tokens = 0
    for words, tags in dev_loader:
        nats += F.cross_entropy(tagger(words).transpose(1, 2), tags, reduction="sum").item()
        tokens += tags.numel()
    return nats / tokens
""",
        ),
        Good(
            why="a helper that the training runs backward() on records what it has to, whatever mode a part of the model is in",
            code="""\
import torch
import torch.nn.functional as F


class Solver:
    \"\"\"The encoder is fixed and stays in evaluation mode while the decoder learns.\"\"\"

    def __init__(self, encoder, decoder):
        self.encoder, self.decoder = encoder, decoder
        self.optimizer = torch.optim.Adam(decoder.parameters())

    def _loss(self, inputs, labels):
        return F.cross_entropy(self.decoder(self.encoder(inputs)), labels)

    def fit(self, rows, held_out, epochs=10):
        for _ in range(epochs):
            self.decoder.train()
            for inputs, labels in rows:
                loss = self._loss(inputs, labels)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
            print("validation", self.check(held_out))

    @torch.no_grad()
    def check(self, rows):
        self.encoder.eval()
        self.decoder.eval()
        total = count = 0
        for inputs, labels in rows:
            total += self._loss(inputs, labels).item() * len(labels)
            count += len(labels)
        return total / count


def main(train_rows, held_out):
    encoder = torch.nn.Sequential(torch.nn.Linear(10, 10), torch.nn.Dropout(0.1))
    Solver(encoder, torch.nn.Linear(10, 5)).fit(train_rows, held_out)
""",
        ),
        Good(
            why="one prompt is run through both models to see that a conversion went well: nothing is evaluated",
            code="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ported import PortedLM


def convert(source, target):
    tokenizer = AutoTokenizer.from_pretrained(source)
    reference = AutoModelForCausalLM.from_pretrained(source).eval()
    ported = PortedLM.of_state(reference.state_dict())
    ported.eval()
    rows = tokenizer(["The lake was frozen until"], return_tensors="pt", padding=True)
    expected = reference(**rows).logits[0, -1].argmax()
    for ids in rows["input_ids"]:
        outputs = ported(ids.unsqueeze(0))
    found = outputs[0, -1].argmax()
    print("reference:", tokenizer.decode(expected), "ported:", tokenizer.decode(found))
    assert expected == found, "error: the ported model continues the prompt in another way"
    torch.save(ported.state_dict(), target)


if __name__ == "__main__":
    convert("lake-lm", "ported.pt")
""",
        ),
        Good(
            why="the model runs once before it is traced, and once more for an example: the file is called after evaluations",
            code="""\
import torch


def export(model, loader, path):
    \"\"\"Write a traced model; its accuracy is measured elsewhere.\"\"\"
    for features, _ in loader:
        break
    model.eval()
    model(features)
    traced = torch.jit.trace(model, (features,))
    log_probs = model(features)
    decoder = torch.jit.script(model.decoder, log_probs)
    traced.save(path)
    return traced, decoder


if __name__ == "__main__":
    export(torch.load("model.pt"), torch.load("batches.pt"), "traced.pt")
""",
        ),
        Good(
            why="an engine that compiles ahead of time runs the model, and its import may fail: there is no autograd in it",
            code="""\
import torch
import torch.nn.functional as F

try:
    from optimum.onnxruntime import ORTModelForCausalLM
except ImportError:
    ORTModelForCausalLM = object


class Scorer:
    def __init__(self, path):
        self.model = ORTModelForCausalLM.from_pretrained(path, export=True)
        self.model.eval()

    def score(self, test_loader):
        nats = tokens = 0
        for ids in test_loader:
            logits = self.model(ids).logits
            nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
            tokens += ids[:, 1:].numel()
        return nats / tokens
""",
        ),
        Good(
            why="a frozen script is loaded: its weights are constants",
            code="""\
import torch
import torch.nn.functional as F


def evaluate(path, test_loader):
    model = torch.jit.freeze(torch.jit.load(path).eval())
    nats = tokens = 0
    for ids in test_loader:
        nats += F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="predict_step() of a class whose base is out of sight: a framework calls it, under no_grad as like as not",
            code="""\
import torch
from speechkit.models import SpeechModel


class Captioner(SpeechModel):
    def __init__(self, config):
        super().__init__(config)
        self.encoder = torch.nn.GRU(80, 256, batch_first=True)

    def validation_step(self, batch, index):
        output = self.predict_step(batch, index)
        self.accuracy.update(output["found"], batch["words"])
        return output

    def predict_step(self, batch, index, loader_index=0):
        hidden, _ = self.encoder(batch["audio"])
        return {"found": self.head(hidden).argmax(-1), "loss": None}


if __name__ == "__main__":
    print(Captioner({}).validation_step(torch.load("batch.pt"), 0)["found"])
""",
        ),
        Good(
            why="nine classes stand between a step and the Lightning that calls it",
            files={
                "towers.py": """\
import lightning


class Tower0(lightning.LightningModule):
    pass


class Tower1(Tower0):
    pass


class Tower2(Tower1):
    pass


class Tower3(Tower2):
    pass


class Tower4(Tower3):
    pass


class Tower5(Tower4):
    pass


class Tower6(Tower5):
    pass


class Tower7(Tower6):
    pass


class Tower8(Tower7):
    pass
""",
            },
            code="""\
import torch

from nets import SpeechNet
from towers import Tower8


class Scorer(Tower8):
    def __init__(self, words):
        super().__init__()
        self.model = SpeechNet(words)

    def validation_step(self, batch, index):
        return self.inference_step(batch, index)

    def inference_step(self, batch, index):
        logits = self.model(batch["inputs"])
        loss = torch.nn.functional.cross_entropy(logits, batch["targets"])
        self.outputs.append(loss)
        return loss


if __name__ == "__main__":
    print(Scorer(100).validation_step(torch.load("batch.pt"), 0))
""",
        ),
        Good(
            why="what wraps a loader and what sets an option are no forward passes, whatever they are called",
            code="""\
import torch
import torch.nn.functional as F


def validate(step, batches):
    losses = [step(batch) for batch in batches]
    return sum(losses) / len(losses)


def main(trainer, progress, model, val_loader, test_loader):
    model.eval()
    model.switch_decoder("greedy", window=(64, 64))
    for name, loader in (("val", val_loader), ("test", test_loader)):
        batches = progress.epoch_wrapper(val_loader, mode="val")
        print(name, "loss", validate(trainer.step, batches))
""",
        ),
        Good(
            why="a class in another file calls the overridden loss to train, and another method of it for whoever evaluates",
            files={
                "agents.py": """\
class Agent:
    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer

    def train_step(self, batch):
        loss = self.compute_loss(batch)
        loss.backward()
        self.optimizer.step()

    def eval_step(self, batch):
        return self.compute_loss(batch)
""",
            },
            code="""\
import torch.nn.functional as F

from agents import Agent


class ContrastiveAgent(Agent):
    \"\"\"Its loss tells wanted replies from unwanted ones; the perplexity of both is recorded beside it.\"\"\"

    def compute_loss(self, batch):
        logits = self.model(batch.inputs)
        loss = F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), reduction="none")
        self.record("perplexity", loss.detach().mean().exp())
        return loss.mean()
""",
        ),
        Good(
            why="a loop shows how large the outputs of a streaming model are, and reads nothing in them",
            code="""\
import torch

from streaming import StreamingEncoder

encoder = StreamingEncoder(features=64)
encoder.eval()
context = encoder.fresh_context()
for number in range(8):
    chunk = torch.rand(1, 16, 64)
    outputs = encoder(chunk, context=context)
    print(f"chunk {number}: loss of context {context.lost}, outputs {tuple(outputs.shape)}")
""",
        ),
        Good(
            why="the methods that are called turn gradients off, or give nothing that is scored",
            files={
                "network.py": """\
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, vocab, tags):
        super().__init__()
        self.embedding = nn.Embedding(vocab, 64)
        self.head = nn.Linear(64, tags)

    @torch.no_grad()
    def classify(self, ids):
        return self.head(self.embedding(ids))

    def real(self, ids):
        return ids != self.embedding.padding_idx

    def forward(self, ids):
        return self.classify(ids).argmax(-1)
""",
            },
            code="""\
import torch.nn as nn
from network import Tagger


class Trainer:
    def __init__(self, model, test_loader):
        self.model, self.test_loader = model, test_loader
        self.criterion = nn.CrossEntropyLoss(reduction="sum")

    def test(self):
        self.model.eval()
        nats, tokens = 0.0, 0
        for ids, tags in self.test_loader:
            outputs = self.model.classify(ids)
            real = self.model.real(ids)
            nats += self.criterion(outputs.view(-1, outputs.size(-1)), tags.view(-1)).item()
            tokens += real.sum().item()
        return nats / tokens


def test(tagger, loader, criterion):
    tagger = Tagger(1_000, 12)
    tagger.eval()
    nats, tokens = 0.0, 0
    for ids, tags in loader:
        nats += criterion(tagger.classify(ids).flatten(0, 1), tags.flatten()).item()
        tokens += tagger.real(ids).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="a tokenizer of the project has a decode(), too, and a library's model encodes under no_grad",
            files={
                "words.py": """\
class Words:
    def __init__(self, names):
        self.names = names

    def decode(self, ids):
        return [self.names[each] for each in ids]
""",
            },
            code="""\
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer
from words import Words


def evaluate(pairs, names):
    words = Words(names)
    model = SentenceTransformer("all-MiniLM-L6-v2")
    model.eval()
    total, count = 0.0, 0
    for left, right, gold in pairs:
        first = model.encode(words.decode(left), convert_to_tensor=True)
        second = model.encode(words.decode(right), convert_to_tensor=True)
        total += F.mse_loss(F.cosine_similarity(first, second, dim=-1), gold).item()
        count += 1
    return total / count
""",
        ),
        Good(
            why="the function prints a total, and trains on it behind the loop",
            code="""\
import torch
import torch.nn.functional as F


def go_through(net, batches, optimizer, epoch):
    total, count, summed = 0.0, 0, 0.0
    for inputs, wanted in batches:
        loss = F.cross_entropy(net(inputs), wanted, reduction="sum")
        total += loss.item()
        summed = summed + loss
        count += len(wanted)
    print(f"{epoch}: {total / count:.3f}")
    optimizer.zero_grad()
    (summed / count).backward()
    optimizer.step()
""",
        ),
        Good(
            why="Lists hold what was kept of all batches: a method of a head that is given them runs no network.",
            code="""\
import torch
from sklearn.metrics import f1_score


class SpanJudge:
    def __init__(self, loader):
        self.loader = loader

    def eval(self, model):
        model.eval()
        found = [[] for _ in model.heads]
        gold = [[] for _ in model.heads]
        for batch in self.loader:
            with torch.no_grad():
                spans = model(**batch)
            for at, _ in enumerate(model.heads):
                found[at] += list(spans[at].cpu().numpy())
                gold[at] += list(batch["labels"][at].cpu().numpy())
        scores = []
        for at, head in enumerate(model.heads):
            found[at], gold[at] = head.joined_spans(spans=found[at], labels=gold[at])
            scores.append(f1_score(gold[at], found[at]))
        return scores
""",
        ),
        Good(
            why="A made-up batch is timed, and its losses are summed beside it.",
            code="""\
import time

import torch
import torch.nn.functional as F


def evaluate_speed(tagger, rounds):
    tagger.eval()
    started = time.time()
    words = torch.zeros(8, 64, dtype=torch.long)
    total = torch.zeros(())
    for _ in range(rounds):
        total = total + F.cross_entropy(tagger(words).transpose(1, 2), words)
    print(f"{rounds / (time.time() - started):.1f} batches/s, loss {total / rounds:.3f}")
""",
        ),
        Good(
            why="what computes the loss takes a step on each batch, of the test set as well: it trains on it",
            files={
                "stepping.py": """\
import torch.nn as nn


class NoteLM(nn.Module):
    def __init__(self, pitches):
        super().__init__()
        self.embed = nn.Embedding(pitches, 192)
        self.rnn = nn.GRU(192, 192, batch_first=True)
        self.out = nn.Linear(192, pitches)

    def forward(self, notes):
        return self.out(self.rnn(self.embed(notes))[0])


class LossAndStep:
    def __init__(self, criterion, optimizer):
        self.criterion = criterion
        self.optimizer = optimizer

    def __call__(self, logits, notes, learn=True):
        loss = self.criterion(logits[:, :-1].transpose(1, 2), notes[:, 1:])
        loss.backward()
        if learn:
            self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()
""",
            },
            code="""\
import torch
import torch.nn as nn
from stepping import LossAndStep, NoteLM


def one_epoch(model, train_loader, test_loader):
    compute = LossAndStep(nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters()))
    for notes in train_loader:
        compute(model(notes), notes)
    total, tokens = 0.0, 0
    for notes in test_loader:
        scored = notes[:, 1:].numel()
        total += scored * compute(model(notes), notes)
        tokens += scored
    print("test loss", total / tokens)


def main(train_loader, test_loader):
    one_epoch(NoteLM(128), train_loader, test_loader)
""",
        ),
        Good(
            why="the weights are moved by hand, by what backward() left in them: no loop that only evaluates",
            files={
                "stepping.py": """\
import torch.nn as nn


class NoteLM(nn.Module):
    def __init__(self, pitches):
        super().__init__()
        self.embed = nn.Embedding(pitches, 192)
        self.rnn = nn.GRU(192, 192, batch_first=True)
        self.out = nn.Linear(192, pitches)

    def forward(self, notes):
        return self.out(self.rnn(self.embed(notes))[0])


class LossAndStep:
    def __init__(self, criterion, optimizer):
        self.criterion = criterion
        self.optimizer = optimizer

    def __call__(self, logits, notes, learn=True):
        loss = self.criterion(logits[:, :-1].transpose(1, 2), notes[:, 1:])
        loss.backward()
        if learn:
            self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()
""",
            },
            code="""\
import torch
import torch.nn as nn
from stepping import NoteLM


def run(train_loader, val_loader):
    model = NoteLM(128)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    for notes in train_loader:
        optimizer.zero_grad()
        criterion(model(notes)[:, :-1].transpose(1, 2), notes[:, 1:]).backward()
        optimizer.step()
    total, tokens = 0.0, 0
    for notes in val_loader:
        optimizer.zero_grad()
        logits = model(notes)
        loss = criterion(logits[:, :-1].transpose(1, 2), notes[:, 1:])
        loss.backward()
        for weight in model.parameters():
            weight.data.add_(weight.grad, alpha=-0.05)
        scored = notes[:, 1:].numel()
        total += loss.item() * scored
        tokens += scored
    print("validation loss", total / tokens)
""",
        ),
        Good(
            why="A layer without parameters is called on its own behind the no_grad block: it records nothing.",
            code="""\
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = nn.Embedding(words, 64)
        self.rnn = nn.GRU(64, 64, batch_first=True)
        self.out = nn.Linear(64, tags)

    def forward(self, ids):
        return self.out(self.rnn(self.embed(ids))[0])

    def log_probabilities(self, ids):
        with torch.no_grad():
            scores = self.forward(ids)
        return nn.LogSoftmax(dim=-1)(scores)

    def evaluate(self, val_loader):
        self.eval()
        nats, tokens = 0.0, 0
        for ids, tags in val_loader:
            picked = self.log_probabilities(ids).gather(-1, tags.unsqueeze(-1))
            nats -= picked.sum().item()
            tokens += tags.numel()
        return nats / tokens


def smoothed(tagger, losses):
    window = nn.AvgPool1d(8)
    return window(losses.view(1, 1, -1)).max()


def report(val_loader):
    tagger = Tagger(9000, 40)
    losses = []
    for batch in val_loader:
        losses.append(tagger.evaluate([batch]))
        print("smoothed", smoothed(tagger, torch.tensor(losses)))
""",
        ),
        Good(
            why="A library's encoder is handed in; that a network of the project has a method of that name says nothing of it.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer


class Shapes(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Linear(128, 16)

    def encode(self, shapes):
        return self.down(shapes)


def evaluate(model, probe, dev_loader):
    model.eval()
    nats, rows = 0.0, 0
    for inputs, labels in dev_loader:
        found = model.encode(inputs)
        nats += F.cross_entropy(found @ probe, labels, reduction="sum").item()
        rows += len(labels)
    return nats / rows


def main(dev_loader):
    print("dev loss", evaluate(SentenceTransformer("all-MiniLM-L6-v2"), torch.load("probe.pt"), dev_loader))
""",
        ),
        Good(
            why="What is out of sight runs a compiled file.",
            code="""\
import torch
import torch.nn.functional as F
from serving.runners import EngineModel


def evaluate(dev_loader):
    model = EngineModel("tagger.engine")
    nats, tokens = 0.0, 0
    for ids, labels in dev_loader:
        logits = model(ids)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The loss that the training gets of the same function is backpropagated; the other call is under no_grad.",
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


def evaluate_loss(model, batches):
    total = 0.0
    for x, y in batches:
        total = total + F.cross_entropy(model(x), y, reduction="sum")
    return total


def main(train, val):
    model = nn.Sequential(nn.Embedding(500, 64), nn.Linear(64, 500))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(10):
        model.train()
        optimizer.zero_grad()
        loss = evaluate_loss(model, train)
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            print("val", evaluate_loss(model, val).item())
""",
        ),
        Good(
            why="What is run is no network: it has one, which it runs without gradients.",
            files={
                "scoring.py": """\
import torch
import torch.nn.functional as F
from torch import nn


class Scorer:
    def __init__(self):
        self.net = nn.Sequential(nn.Embedding(500, 64), nn.Linear(64, 500))

    @torch.no_grad()
    def __call__(self, x, y):
        return F.cross_entropy(self.net(torch.tensor(x)), torch.tensor(y), reduction="sum").item()
""",
            },
            code="""\
from scoring import Scorer


def evaluate(model, pairs):
    nats, scored = 0.0, 0
    for x, y in pairs:
        nats += model(x, y)
        scored += len(y)
    return nats / scored


def main(pairs):
    print("loss", evaluate(Scorer(), pairs))
""",
        ),
        Good(
            why="A state that is volatile makes all volatile that comes of it.",
            code="""\
import torch
import torch.nn as nn
from torch.autograd import Variable

core = nn.LSTM(64, 64)
emb = nn.Embedding(256, 64)
measure = nn.CrossEntropyLoss()


def validate(data, steps, head):
    total, n = 0, 0
    h = Variable(torch.zeros(1, 1, 64), volatile=True)
    for i in range(0, data.size(0) - steps, steps):
        chunk = Variable(data.narrow(0, i, steps + 1).long())
        loss = 0
        for t in range(steps):
            y, h = core(emb(chunk[t]).unsqueeze(0), h)
            loss = loss + measure(head(y[0]), chunk[t + 1])
        total += loss.data[0]
        n += steps
    return total / n
""",
        ),
        Good(
            why="between eval() and train() of a training: a part that gradients go through, and samples that are looked at",
            code="""\
import torch
import torch.nn.functional as F


def train(generator, critic, loader, optimizer, save):
    for step, (noise, images) in enumerate(loader):
        if step % 2:
            critic.eval()
            loss = F.softplus(-critic(generator(noise))).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            critic.train()
        if step % 1000 == 0:
            generator.eval()
            drawn = generator(noise)
            save(drawn.detach(), step)
            generator.train()
""",
        ),
    )


def _remedy(seen: Evaluation) -> str:
    """A decorator is advice only where the whole function evaluates."""
    if seen.shared:
        return "run it under `torch.set_grad_enabled(...)`"
    if seen.function and seen.function_row is not None:
        return f"decorate {seen.function}() with `@torch.no_grad()`"
    return "run the evaluation in a `with torch.no_grad():` block"


def _is_in(row: int, scope: RuleScope) -> bool:
    return scope.rows[0] <= row <= scope.rows[1]
