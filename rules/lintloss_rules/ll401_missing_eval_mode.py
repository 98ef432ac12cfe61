"""Rule LL401: dropout or batch norm still in training mode while evaluating."""

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

GPT = """\
import torch
import torch.nn as nn


class DropoutGPT(nn.Module):
    def __init__(self, vocab_size, width=256, heads=4, depth=4, context=128, dropout=0.1):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=dropout, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, ids):
        length = ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=ids.device)
        hidden = self.dropout(self.tokens(ids) + self.positions(torch.arange(length, device=ids.device)))
        return self.head(self.blocks(hidden, mask=causal, is_causal=True))
"""

CONVNET = """\
import torch.nn as nn


class BatchNormNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        self.classifier = nn.Linear(32 * 16, classes)

    def forward(self, images):
        return self.classifier(self.features(images).flatten(1))
"""

PLAIN_MLP = """\
import torch.nn as nn


class PlainMLP(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, 256), nn.LayerNorm(256), nn.GELU(), nn.Linear(256, classes))

    def forward(self, x):
        return self.layers(x)
"""


class MissingEvalMode(Rule):
    """The model is evaluated in training mode: dropout drops, batch norm uses the batch.

    Why:
        A module is born in training mode, and `model.train()` puts it back there. In that mode `nn.Dropout(0.1)`
        zeroes a random tenth of each activation, so the loss in nats/token is too high and differs from run to run;
        batch norm normalizes by the statistics of the *evaluation batch*, so the value depends on the batch size and
        on the order, and the running statistics are overwritten by the evaluation data. `torch.no_grad()` does not
        change the mode, and eval() does not reach a function: `F.dropout(x, p)` and attention with `dropout_p=p` drop in
        either mode, and so does a layer that forward() makes. Models that come from `from_pretrained` are in eval mode
        already; layer norm, RMS norm and `Dropout(0.0)` do not care.

    Instead:
        Switch at the start of the evaluation, and back where training goes on:

            model.eval()
            ...
            model.train()

        A functional dropout takes `training=self.training`, attention `dropout_p=self.p if self.training else 0.0`.
        `model.train(False)`, `with evaluating(model):`, a caller that does it, or a framework that does it (Lightning,
        Keras, Ignite, the Hugging Face Trainer) are as good.

    Fix:
        Unsafe: the number changes, which is the point. `model.eval()` becomes the first statement of the evaluation
        function. Offered where one module is evaluated and the training code calls `model.train()` each epoch.

    Source:
        torch.nn.Module.eval and torch.nn.Module.train; torch.nn.Dropout; torch.nn.BatchNorm2d;
        PreTrainedModel.from_pretrained ("the model is set in evaluation mode by default using model.eval()").
    """

    code = "LL401"
    name = "missing-eval-mode"
    confirmed_by = (
        "dropout and batch norm calls with training=True inside the evaluation, and one batch run again in eval mode: "
        "its loss differs (confirmed), no such call was made (refuted)"
    )
    watches = (Evaluation,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        if not isinstance(seen, Evaluation) or not seen.mode:
            return
        sure = seen.stochastic.sure == "yes"
        if seen.mode == "either":
            yield Judgment(
                Severity.ERROR if sure else Severity.WARNING,
                Confidence.HIGH if sure else Confidence.MEDIUM,
                f"`{seen.model}` drops in evaluation mode as well: eval() does not reach {seen.stochastic.what}; let the rate "
                "or `training=` follow `self.training`",
                (*seen.stochastic.places, *seen.stack),
            )
            return
        why = "was put in training mode" if seen.mode_place is not None else "is in training mode, as it was made,"
        has = f" and has {seen.stochastic.what}" if seen.stochastic.what else ""
        place = (seen.mode_place,) if seen.mode_place is not None else ()
        behind = any(each.path == seen.path and seen.span.row < each.span.row <= seen.scope_rows[1] for each in place)
        advice = "move train() behind the loop" if behind else "call eval() on it before it is evaluated"
        yield Judgment(
            Severity.ERROR if sure else Severity.WARNING,
            Confidence.HIGH if sure else Confidence.MEDIUM,
            f"`{seen.model}` {why}{has}: {advice}",
            (*seen.stochastic.places, *place, *seen.stack),
        )

    def may_fix(self, seen: Observation) -> bool:
        return isinstance(seen, Evaluation) and seen.body_row is not None and seen.switchable

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        if not isinstance(seen, Evaluation) or seen.body_row is None or not seen.switchable:
            return None
        if not scope.rows[0] <= seen.body_row <= scope.rows[1]:
            return None
        model = seen.model.removesuffix(".forward")
        edit = scope.insert_above(seen.body_row, f"{model}.eval()")
        return Fix(f"Call `{model}.eval()` first: the number changes", (edit,))

    bad = (
        Bad(
            why="no_grad is there, eval() is not; the model in the other file has dropout 0.1.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import math

import torch
import torch.nn.functional as F

from model import DropoutGPT


@torch.no_grad()
def evaluate(model, loader, device):
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])  # <-
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def main(checkpoint, loader, device="cuda"):
    model = DropoutGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = evaluate(model, loader, device)
    print(f"val loss {loss:.4f} ppl {math.exp(loss):.2f}")
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F

from model import DropoutGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


def main(checkpoint, loader, device="cuda"):
    model = DropoutGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = evaluate(model, loader, device)
    print(f"val loss {loss:.4f} ppl {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="One method serves both phases; train=False skips backward() and nothing else.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn as nn

from model import DropoutGPT


class Pretrainer:
    def __init__(self, vocab_size, device):
        self.device = device
        self.model = DropoutGPT(vocab_size).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self.criterion = nn.CrossEntropyLoss(reduction="sum")

    def train(self, loader):
        return self.iteration(loader, train=True)

    def test(self, loader):
        with torch.no_grad():
            return self.iteration(loader, train=False)

    def iteration(self, loader, train):
        nats, tokens = 0.0, 0
        for ids in loader:
            ids = ids.to(self.device)
            logits = self.model(ids[:, :-1])  # <-
            targets = ids[:, 1:]
            loss = self.criterion(logits.transpose(1, 2), targets)
            if train:
                self.optimizer.zero_grad()
                (loss / targets.numel()).backward()
                self.optimizer.step()
            nats += loss.item()
            tokens += targets.numel()
        return nats / tokens
""",
        ),
        Bad(
            why="Batch norm takes the statistics of the test batch, and writes them into its running ones.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import BatchNormNet


def train_epoch(net, loader, optimizer):
    net.train()
    for images, labels in loader:
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test(net, loader):
    loss_sum, examples = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
            outputs = net(images)  # <-
            loss_sum += F.cross_entropy(outputs, labels, reduction="sum").item()
            examples += labels.size(0)
    return loss_sum / examples


def fit(train_loader, test_loader, epochs):
    net = BatchNormNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for epoch in range(epochs):
        train_epoch(net, train_loader, optimizer)
        print(f"{epoch}: test loss {test(net, test_loader):.4f}")
""",
            fixed="""\
import torch
import torch.nn.functional as F

from net import BatchNormNet


def train_epoch(net, loader, optimizer):
    net.train()
    for images, labels in loader:
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test(net, loader):
    net.eval()
    loss_sum, examples = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
            outputs = net(images)
            loss_sum += F.cross_entropy(outputs, labels, reduction="sum").item()
            examples += labels.size(0)
    return loss_sum / examples


def fit(train_loader, test_loader, epochs):
    net = BatchNormNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for epoch in range(epochs):
        train_epoch(net, train_loader, optimizer)
        print(f"{epoch}: test loss {test(net, test_loader):.4f}")
""",
        ),
        Bad(
            why="`model.eval` without parentheses is an expression that is thrown away.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn as nn

from net import BatchNormNet


def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval
    total, examples = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            total += criterion(model(images), labels).item()  # <-
            examples += labels.numel()
    return total / examples


def main(checkpoint, loader, device="cuda"):
    model = BatchNormNet(100).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    print(f"test loss {evaluate(model, loader, device):.4f}")
""",
        ),
        Bad(
            why="The periodic estimate goes back to train mode, and the final validation runs in it.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import DropoutGPT


@torch.no_grad()
def estimate_loss(model, blocks, draws=8):
    model.eval()
    nats, tokens = 0.0, 0
    for _ in range(draws):
        ids = blocks[torch.randint(len(blocks), (16,))]
        nats += F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    model.train()
    return nats / tokens


def pretrain(train_blocks, val_blocks, steps, vocab_size):
    model = DropoutGPT(vocab_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for step in range(steps):
        ids = train_blocks[torch.randint(len(train_blocks), (16,))]
        loss = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            print(f"step {step}: val loss {estimate_loss(model, val_blocks):.4f}")
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in val_blocks.split(16):
            logits = model(ids[:, :-1])  # <-
            nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
            tokens += ids[:, 1:].numel()
    print(f"final validation loss {nats / tokens:.4f}")
""",
        ),
        Bad(
            why="Only the encoder is switched; the decoder has dropout too.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

PAD = 0


class Encoder(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=PAD)
        self.dropout = nn.Dropout(0.3)
        self.rnn = nn.GRU(width, width, batch_first=True)

    def forward(self, source):
        return self.rnn(self.dropout(self.embed(source)))[1]


class Decoder(Encoder):
    def __init__(self, vocab_size, width=256):
        super().__init__(vocab_size, width)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, target, state):
        return self.out(self.rnn(self.dropout(self.embed(target)), state)[0])


@torch.no_grad()
def validate(encoder, decoder, val_loader):
    encoder.eval()
    nats, words = 0.0, 0
    for source, target in val_loader:
        logits = decoder(target[:, :-1], encoder(source))  # <-
        gold = target[:, 1:]
        nats += F.cross_entropy(logits.transpose(1, 2), gold, ignore_index=PAD, reduction="sum").item()
        words += (gold != PAD).sum().item()
    return nats / words


def build(vocab_size):
    return Encoder(vocab_size), Decoder(vocab_size)
""",
        ),
        Bad(
            why="from_pretrained returns eval mode, but the LoRA dropout modules added after it train.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


def load_adapted(name):
    base = AutoModelForCausalLM.from_pretrained(name, torch_dtype=torch.bfloat16)
    config = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules=["q_proj", "v_proj"])
    return get_peft_model(base, config)


def evaluate(model, blocks, batch_size=4):
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        with torch.no_grad():
            loss = model(input_ids=ids, labels=ids).loss  # <-
        scored = ids[:, 1:].numel()
        nats += loss.item() * scored
        tokens += scored
    return math.exp(nats / tokens)


if __name__ == "__main__":
    model = load_adapted("meta-llama/Llama-3.2-1B")
    print(f"perplexity {evaluate(model, torch.load('heldout_blocks.pt')):.2f}")
""",
        ),
        Bad(
            why="Dropout between the layers of nn.LSTM is an argument, not a module.",
            severity=Severity.ERROR,
            files={
                "model.py": """\
import torch.nn as nn


class WordLM(nn.Module):
    def __init__(self, vocab_size, width=400):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, num_layers=3, dropout=0.5, batch_first=True)
        self.decoder = nn.Linear(width, vocab_size)

    def forward(self, words):
        hidden, _ = self.rnn(self.embed(words))
        return self.decoder(hidden)
""",
            },
            code="""\
import math

import torch
import torch.nn as nn

from model import WordLM


@torch.inference_mode()
def test_perplexity(model, test_rows):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, words = 0.0, 0
    for row in test_rows:
        output = model(row[None, :-1])  # <-
        nats += criterion(output[0], row[1:]).item()
        words += row.numel() - 1
    return math.exp(nats / words)


def main(checkpoint, test_rows):
    model = WordLM(33_278)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    print(f"test perplexity {test_perplexity(model, test_rows):.2f}")
""",
            fixed="""\
import math

import torch
import torch.nn as nn

from model import WordLM


@torch.inference_mode()
def test_perplexity(model, test_rows):
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, words = 0.0, 0
    for row in test_rows:
        output = model(row[None, :-1])
        nats += criterion(output[0], row[1:]).item()
        words += row.numel() - 1
    return math.exp(nats / words)


def main(checkpoint, test_rows):
    model = WordLM(33_278)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    print(f"test perplexity {test_perplexity(model, test_rows):.2f}")
""",
        ),
        Bad(
            why="nn.TransformerEncoderLayer has dropout=0.1 where nobody says otherwise.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class TextClassifier(nn.Module):
    def __init__(self, vocab_size, classes, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        layer = nn.TransformerEncoderLayer(d_model=width, nhead=4, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2)
        self.out = nn.Linear(width, classes)

    def forward(self, words):
        return self.out(self.encoder(self.embed(words)).mean(dim=1))


def validation_loss(model, val_loader):
    with torch.no_grad():
        nats, examples = 0.0, 0
        for words, labels in val_loader:
            logits = model(words)  # <-
            nats += F.cross_entropy(logits, labels, reduction="sum").item()
            examples += labels.size(0)
        return nats / examples


def main(checkpoint, val_loader):
    model = TextClassifier(30_000, 4)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    print(f"val loss {validation_loss(model, val_loader):.4f}")
""",
            fixed="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class TextClassifier(nn.Module):
    def __init__(self, vocab_size, classes, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        layer = nn.TransformerEncoderLayer(d_model=width, nhead=4, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2)
        self.out = nn.Linear(width, classes)

    def forward(self, words):
        return self.out(self.encoder(self.embed(words)).mean(dim=1))


def validation_loss(model, val_loader):
    model.eval()
    with torch.no_grad():
        nats, examples = 0.0, 0
        for words, labels in val_loader:
            logits = model(words)
            nats += F.cross_entropy(logits, labels, reduction="sum").item()
            examples += labels.size(0)
        return nats / examples


def main(checkpoint, val_loader):
    model = TextClassifier(30_000, 4)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    print(f"val loss {validation_loss(model, val_loader):.4f}")
""",
        ),
        Bad(
            why="eval() once before the loop; each epoch's train() undoes it before its validation.",
            severity=Severity.ERROR,
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import BatchNormNet


def fit(train_loader, val_loader, epochs, device):
    model = BatchNormNet().to(device)
    optimizer = torch.optim.Adam(model.parameters())
    model.eval()
    for epoch in range(epochs):
        model.train()
        for images, labels in train_loader:
            loss = F.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        val_nats, val_examples = 0.0, 0
        with torch.no_grad():
            for images, labels in val_loader:
                logits = model(images.to(device))  # <-
                val_nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
                val_examples += labels.size(0)
        print(f"epoch {epoch}: val loss {val_nats / val_examples:.4f}")
    return model
""",
        ),
        Bad(
            why="Functional dropout follows self.training, so it needs eval() as much as the module does.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class GraphNet(nn.Module):
    def __init__(self, features, classes, width=16):
        super().__init__()
        self.first = nn.Linear(features, width)
        self.second = nn.Linear(width, classes)

    def forward(self, x, adjacency):
        hidden = torch.relu(adjacency @ self.first(x))
        hidden = F.dropout(hidden, p=0.5, training=self.training)
        return adjacency @ self.second(hidden)


def train(model, graph, optimizer):
    model.train()
    logits = model(graph.x, graph.adjacency)
    loss = F.cross_entropy(logits[graph.train_index], graph.y[graph.train_index])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def test(model, graph):
    logits = model(graph.x, graph.adjacency)  # <-
    loss = F.cross_entropy(logits[graph.test_index], graph.y[graph.test_index])
    print(f"test loss {loss.item():.4f}")
    return loss.item()


def run(graph, classes):
    model = GraphNet(graph.x.size(1), classes)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    for _ in range(200):
        train(model, graph, optimizer)
    return test(model, graph)
""",
            fixed="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class GraphNet(nn.Module):
    def __init__(self, features, classes, width=16):
        super().__init__()
        self.first = nn.Linear(features, width)
        self.second = nn.Linear(width, classes)

    def forward(self, x, adjacency):
        hidden = torch.relu(adjacency @ self.first(x))
        hidden = F.dropout(hidden, p=0.5, training=self.training)
        return adjacency @ self.second(hidden)


def train(model, graph, optimizer):
    model.train()
    logits = model(graph.x, graph.adjacency)
    loss = F.cross_entropy(logits[graph.train_index], graph.y[graph.train_index])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def test(model, graph):
    model.eval()
    logits = model(graph.x, graph.adjacency)
    loss = F.cross_entropy(logits[graph.test_index], graph.y[graph.test_index])
    print(f"test loss {loss.item():.4f}")
    return loss.item()


def run(graph, classes):
    model = GraphNet(graph.x.size(1), classes)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    for _ in range(200):
        train(model, graph, optimizer)
    return test(model, graph)
""",
        ),
        Bad(
            why="A library model that training put in train mode; whether its configuration drops is not in this code.",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification


def train_epoch(model, loader, optimizer):
    model.train()
    for batch in loader:
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def validate(model, loader):
    nats, examples = 0.0, 0
    for batch in loader:
        labels = batch.pop("labels")
        logits = model(**batch).logits  # <-
        nats += F.cross_entropy(logits, labels, reduction="sum").item()
        examples += labels.size(0)
    return nats / examples


def fit(name, train_loader, val_loader, epochs=3):
    model = AutoModelForSequenceClassification.from_pretrained(name, num_labels=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    for epoch in range(epochs):
        train_epoch(model, train_loader, optimizer)
        print(f"epoch {epoch} val loss {validate(model, val_loader):.4f}")
""",
        ),
        Bad(
            why="The file defines the network and evaluates it; nobody calls eval(), here or elsewhere.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 128)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        return self.out(self.drop(F.relu(self.hidden(x.flatten(1)))))


@torch.no_grad()
def test(model, device, test_loader):
    nats, rows = 0.0, 0
    for images, labels in test_loader:
        logits = model(images.to(device))  # <-
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        rows += labels.size(0)
    print(f"test loss {nats / rows:.4f}")
    model.train()
""",
        ),
        Bad(
            why="train() stands in the loop over the splits: the second split is measured in training mode.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import DropoutGPT


@torch.no_grad()
def evaluate_splits(model, splits, batches):
    out = {}
    model.eval()
    for name in ("train", "val"):
        nats, tokens = 0.0, 0
        for _ in range(batches):
            x, y = splits[name].batch()
            logits = model(x)  # <-
            nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
            tokens += y.numel()
        out[name] = nats / tokens
        model.train()
    return out


def fit(splits, steps, device="cuda"):
    model = DropoutGPT(16_000).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for step in range(steps):
        if step % 500 == 0:
            print(step, evaluate_splits(model, splits, 50))
        x, y = splits["train"].batch()
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
        ),
        Bad(
            why="train() stands inside the loop over the splits, so that the second one is scored in training mode.",
            severity=Severity.WARNING,
            code="""\
import torch


class Trainer:
    def __init__(self, model, batches, steps):
        self.model, self.batches, self.steps = model, batches, steps

    @torch.no_grad()
    def estimate_loss(self):
        found = {}
        self.model.eval()
        for split in ["train", "val"]:
            losses = torch.zeros(self.steps)
            for step in range(self.steps):
                x, y = self.batches.get_batch(split)
                _, loss = self.model(x, y)  # <-
                losses[step] = loss.item()
            found[split] = losses.mean().item()
            self.model.train()
        return found
""",
        ),
        Bad(
            why="a model of torchvision has batch norm, and was put in training mode",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
import torchvision


def fit(train_loader, val_loader, epochs):
    net = torchvision.models.resnet18(num_classes=10)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(epochs):
        net.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(net(images), labels).backward()
            optimizer.step()
        nats, rows = 0.0, 0
        with torch.no_grad():
            for images, labels in val_loader:
                nats += F.cross_entropy(net(images), labels, reduction="sum").item()  # <-
                rows += labels.size(0)
        print("validation loss", nats / rows)
""",
        ),
        Bad(
            why="Another file makes the model, with dropout, and neither file ever switches it.",
            severity=Severity.ERROR,
            files={
                "model.py": """\
import torch.nn as nn


class Writer(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.drop = nn.Dropout(0.2)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        hidden, _ = self.rnn(self.drop(self.embed(ids)))
        return self.head(hidden)
""",
                "train.py": """\
import torch.nn as nn

from eval import held_out_loss
from model import Writer


def main(train_loader, test_loader, optimizer_class):
    model = Writer(10_000)
    optimizer = optimizer_class(model.parameters())
    criterion = nn.CrossEntropyLoss(reduction="sum")
    for ids in train_loader:
        loss = criterion(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print(held_out_loss(test_loader, model, criterion))
""",
            },
            code="""\
import torch


def held_out_loss(loader, model, criterion):
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in loader:
            logits = model(ids[:, :-1])  # <-
            nats += criterion(logits.flatten(0, 1), ids[:, 1:].flatten()).item()
            tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Bad(
            why="a helper measures both splits, and its train() is a step too far in; the callers' eval() undoes nothing",
            severity=Severity.WARNING,
            code="""\
import torch


@torch.no_grad()
def estimate(model, get_batch, iters):
    out = {}
    model.eval()
    for split in ["train", "val"]:
        losses = torch.zeros(iters)
        for k in range(iters):
            x, y = get_batch(split)
            _, loss = model(x, y)  # <-
            losses[k] = loss.item()
        out[split] = losses.mean()
        model.train()
    return out


def sample(model, get_batch, iters, prompt):
    before = estimate(model, get_batch, iters)
    model.eval()
    text = model.generate(prompt, 100)
    model.train()
    return before, text
""",
        ),
        Bad(
            why="A criterion is called by a short name in a function whose own says nothing, behind the training.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, vocabulary=5000, width=256):
        super().__init__()
        self.emb = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, 2, dropout=0.5, batch_first=True)
        self.fc = nn.Linear(width, vocabulary)

    def forward(self, ids):
        return self.fc(self.lstm(self.emb(ids))[0])


class Engine:
    def __init__(self):
        self.net = Net()
        self.opt = torch.optim.Adam(self.net.parameters())
        self.crit = nn.CrossEntropyLoss(reduction="sum")

    def fit(self, loader, dev_loader, epochs):
        self.net.train()
        for epoch in range(epochs):
            for x, y in loader:
                loss = self.crit(self.net(x).transpose(1, 2), y) / y.numel()
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
            print("epoch", epoch, self.score(dev_loader))

    def score(self, dev_loader):
        total = count = 0
        with torch.no_grad():
            for x, y in dev_loader:
                total += self.crit(self.net(x).transpose(1, 2), y).item()  # <-
                count += y.numel()
        return total / count
""",
        ),
        Bad(
            why="train() is called once, before the epochs; bars hide the loaders, and eval() stands in another function",
            severity=Severity.ERROR,
            code="""\
import torch
from torch import nn
from tqdm import tqdm


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.drop, self.out = nn.Embedding(500, 64), nn.Dropout(0.1), nn.Linear(64, 500)

    def forward(self, x):
        return self.out(self.drop(self.emb(x)))


def fit(loader, val_loader, epochs):
    net, criterion = Net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(net.parameters())
    net.train()
    for epoch in range(epochs):
        with tqdm(loader, unit="batch") as bar:
            for x, y in bar:
                optimizer.zero_grad()
                criterion(net(x).flatten(0, 1), y.flatten()).backward()
                optimizer.step()
        nats, words = 0.0, 0
        with tqdm(val_loader, unit="batch") as bar:
            for x, y in bar:
                with torch.no_grad():
                    scores = net(x)  # <-
                nats += criterion(scores.flatten(0, 1), y.flatten()).item() * y.numel()
                words += y.numel()
        print(epoch, nats / words)


def test(net, loader):
    net.eval()
    print(net(next(iter(loader))[0]))
""",
        ),
        Bad(
            why="MLX: a module trains from the start, and nobody says otherwise.",
            severity=Severity.ERROR,
            code="""\
import mlx.core as mx
import mlx.nn as nn
import numpy as np


class Network(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.embed, self.dropout, self.head = nn.Embedding(words, 64), nn.Dropout(0.1), nn.Linear(64, words)

    def __call__(self, ids):
        return self.head(self.dropout(self.embed(ids)))


def perplexity(network, batches):
    nats, tokens = 0.0, 0
    for x, y in batches:
        logits = network(x)  # <-
        nats += nn.losses.cross_entropy(logits, y, reduction="sum").item()
        tokens += y.size
    return np.exp(nats / tokens)


def main(batches):
    network = Network(5000)
    network.load_weights("network.npz")
    mx.eval(network.parameters())
    print(perplexity(network, batches))
""",
        ),
        Bad(
            why="One function for both phases calls train() for each of them: the validation runs with dropout, without gradients.",
            severity=Severity.ERROR,
            code="""\
import torch

from epochs import one_pass
from nets import Tagger
from corpus import loaders


def main():
    training, held_out = loaders()
    net = Tagger(8_000, 17)
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(20):
        fitted = one_pass(net, training, optimizer)
        with torch.no_grad():
            checked = one_pass(net, held_out)
        print(epoch, fitted, checked)


if __name__ == "__main__":
    main()
""",
            files={
                "nets.py": """\
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, words, tags, width=128):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.drop = nn.Dropout(0.2)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, tags)

    def forward(self, ids):
        return self.out(self.rnn(self.drop(self.embed(ids)))[0])
""",
                "epochs.py": """\
import torch
import torch.nn.functional as F


def one_pass(net, batches, optimizer=None):
    net.train()
    nats, scored = 0.0, 0
    for ids, tags in batches:
        logits = net(ids)  # <-
        loss = F.cross_entropy(logits.flatten(0, 1), tags.flatten(), ignore_index=-1, reduction="sum")
        count = (tags != -1).sum()
        if optimizer is not None:
            optimizer.zero_grad()
            (loss / count).backward()
            optimizer.step()
        nats += loss.item()
        scored += count.item()
    return nats / scored
""",
            },
        ),
        Bad(
            why="a base class, the subclass with the step, and the script that makes it: each in a file of its own",
            severity=Severity.ERROR,
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
import torch


class Coach:
    def __init__(self, net, seen, held_out):
        self.net = net
        self.seen, self.held_out = seen, held_out
        self.optimizer = torch.optim.Adam(net.parameters())

    def score(self, words, wanted):
        raise NotImplementedError

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
        with torch.no_grad():
            for words, wanted in self.held_out:
                total += self.score(words, wanted).item() * len(wanted)  # <-
                rows += len(wanted)
        return total / rows
""",
        ),
        Bad(
            why="the function's name tells nothing; it only adds up its losses and returns them",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader


class Tagger(nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = nn.Embedding(words, 64)
        self.drop = nn.Dropout(0.4)
        self.out = nn.Linear(64, tags)

    def forward(self, ids):
        return self.out(self.drop(self.embed(ids)))


def cross_entropy_of(tagger, loader):
    nats = tags = 0
    with torch.no_grad():
        for ids, gold in loader:
            nats += F.cross_entropy(tagger(ids).flatten(0, 1), gold.flatten(), reduction="sum").item()  # <-
            tags += gold.numel()
    return nats / tags


def main(fitting, held_out):
    tagger = Tagger(9000, 17)
    tagger.train()
    optimizer = torch.optim.Adam(tagger.parameters())
    for ids, gold in DataLoader(fitting, 32, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(tagger(ids).flatten(0, 1), gold.flatten()).backward()
        optimizer.step()
    print(cross_entropy_of(tagger, DataLoader(held_out, 32)))
""",
        ),
        Bad(
            why="What loads weights, counts parameters or logs leaves a model in the mode that it has.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from deploy import count_parameters, load_weights


class Tagger(torch.nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = torch.nn.Embedding(words, 64)
        self.drop = torch.nn.Dropout(0.2)
        self.out = torch.nn.Linear(64, tags)

    def forward(self, words):
        return self.out(self.drop(self.embed(words)))


@torch.no_grad()
def score(tagger, dev_loader):
    load_weights(tagger, "tagger.pt")
    print(count_parameters(tagger))
    nats = tokens = 0
    for words, tags in dev_loader:
        nats += F.cross_entropy(tagger(words).transpose(1, 2), tags, reduction="sum").item()  # <-
        tokens += tags.numel()
    return nats / tokens


def main(dev_loader):
    return score(Tagger(5000, 17), dev_loader)
""",
        ),
        Bad(
            why="eval() is called, and the attention drops at the rate that it was made with: the function knows no mode",
            severity=Severity.ERROR,
            files={
                "decoder.py": """\
import torch.nn as nn
import torch.nn.functional as F


class SelfAttention(nn.Module):
    def __init__(self, width, heads, dropout=0.1):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = dropout

    def forward(self, x):
        rows, length, width = x.shape
        q, k, v = self.qkv(x).view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(rows, length, width))


class Decoder(nn.Module):
    def __init__(self, vocab_size, width=256, depth=4, heads=4, dropout=0.1):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.layers = nn.ModuleList([SelfAttention(width, heads, dropout) for _ in range(depth)])
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        x = self.embed(ids)
        for layer in self.layers:
            x = x + layer(x)
        return self.head(x)
"""
            },
            code="""\
import math

import torch
import torch.nn.functional as F

from decoder import Decoder


@torch.no_grad()
def perplexity(model, loader):
    model.eval()
    nats = tokens = 0
    for ids, labels in loader:
        logits = model(ids)  # <-
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return math.exp(nats / tokens)


def main(loader, checkpoint):
    model = Decoder(16000)
    model.load_state_dict(torch.load(checkpoint))
    print(perplexity(model, loader))
""",
        ),
        Bad(
            why="F.dropout() drops unless it is told not to",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.3):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def forward(self, x):
        x = F.dropout(F.relu(self.first(x)), p=self.rate)
        return self.last(x)


def validate(net, val_loader):
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()  # <-
            rows += len(stars)
    return nats / rows


def main(val_loader, weights):
    net = Ratings(40, 5)
    net.load_state_dict(torch.load(weights))
    print("val loss", validate(net, val_loader))
""",
        ),
        Bad(
            why="a layer that each forward() makes anew is in training mode; its rate is an option of which the default drops",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.3):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def forward(self, x):
        return self.last(nn.Dropout(self.rate)(F.relu(self.first(x))))


def main(val_loader, features, rate):
    net = Ratings(features, 5, rate)
    net.load_state_dict(torch.load("ratings.pt"))
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()  # <-
            rows += len(stars)
    print("val loss", nats / rows)
""",
        ),
        Bad(
            why="an estimate tells how long it took, and train() is one level too deep; its zeros are no made-up batch",
            code="""\
import time

import torch

from project.networks import build


class Runner:
    def __init__(self, options, data):
        self.options, self.data = options, data
        self.net = build(options)

    @torch.no_grad()
    def estimate(self):
        started = time.time()
        means = {}
        self.net.eval()
        for split in ("train", "val"):
            kept = torch.zeros(self.options.batches)
            for number in range(self.options.batches):
                x, y = self.data.batch(split)
                _, loss = self.net(x, y)  # <-
                kept[number] = loss.item()
            means[split] = kept.mean().item()
            self.net.train()
        print(f"val loss {means['val']:.4f} in {time.time() - started:.1f} s")
        return means
""",
        ),
        Bad(
            why="what trains is written below what evaluates, and only one of the two networks is switched",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Reader(nn.Module):
    def __init__(self, vocabulary, width=256):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.dropout = nn.Dropout(0.2)
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, ids):
        return self.gru(self.dropout(self.embedding(ids)))[1]


class Writer(nn.Module):
    def __init__(self, vocabulary, width=256):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.dropout = nn.Dropout(0.2)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids, state):
        return self.head(self.gru(self.dropout(self.embedding(ids)), state)[0])


def of_batch(reader, writer, source, target):
    scores = writer(target[:, :-1], reader(source))
    wanted = target[:, 1:]
    return F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=0, reduction="sum"), (wanted != 0).sum()


@torch.no_grad()
def evaluate(reader, writer, loader):
    reader.eval()
    nats, tokens = 0.0, 0
    for source, target in loader:
        summed, scored = of_batch(reader, writer, source, target)  # <-
        nats += summed.item()
        tokens += scored.item()
    return nats / tokens


def train(loader, dev_loader, vocabulary):
    reader, writer = Reader(vocabulary), Writer(vocabulary)
    optimizer = torch.optim.Adam([*reader.parameters(), *writer.parameters()])
    for epoch in range(10):
        reader.train()
        writer.train()
        for source, target in loader:
            summed, scored = of_batch(reader, writer, source, target)
            optimizer.zero_grad()
            (summed / scored).backward()
            optimizer.step()
        print(epoch, evaluate(reader, writer, dev_loader))
""",
        ),
        Bad(
            why="the model is made by the script that calls a trainer which never ends the training mode",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


class Loop:
    def __init__(self, net, optimizer, batches, held_out):
        self.net, self.optimizer = net, optimizer
        self.batches, self.held_out = batches, held_out

    def nats(self, ids):
        return F.cross_entropy(self.net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum")

    def fit(self, epochs):
        for epoch in range(epochs):
            self.net.train()
            for ids in self.batches:
                self.optimizer.zero_grad()
                (self.nats(ids) / ids[:, 1:].numel()).backward()
                self.optimizer.step()
            print(epoch, self.check())

    @torch.no_grad()
    def check(self):
        nats, tokens = 0.0, 0
        for ids in self.held_out:
            nats += self.nats(ids).item()  # <-
            tokens += ids[:, 1:].numel()
        return nats / tokens
""",
            files={
                "main.py": """\
import torch
import torch.nn as nn

from eval import Loop


class Net(nn.Module):
    def __init__(self, vocabulary, width=128):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.body = nn.LSTM(width, width, 2, True, True, 0.3)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        return self.head(self.body(self.embedding(ids))[0])


rows = torch.load("rows.pt")
net = Net(1000)
Loop(net, torch.optim.Adam(net.parameters()), rows["train"].split(32), rows["dev"].split(32)).fit(5)
"""
            },
        ),
        Bad(
            why="the function goes by another name; a test of the width has no say in it, whatever its name holds",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.functional import dropout as thin


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.max_retrieval = 64
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        h = thin(self.embed(words), 0.2)
        if h.size(1) > self.max_retrieval:
            h = h[:, -self.max_retrieval :]
        return self.head(h.mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()  # <-
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Bad(
            why="a method of its own drops, where the rate is more than 0, which it is",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        if words.dim() != 2:
            raise ValueError("rows of words are wanted")
        return self.head(self.pool(self.embed(words)))

    def pool(self, h):
        if self.rate > 0:
            h = F.dropout(h, self.rate)
        return h.mean(1)


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()  # <-
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Bad(
            why="both arms drop, so that it does not matter which is taken",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words, bias=None):
        h = self.embed(words)
        if bias is None:
            h = F.scaled_dot_product_attention(h, h, h, dropout_p=0.2)
        else:
            h = F.dropout((h @ h.transpose(1, 2) + bias).softmax(-1), 0.2) @ h
        return self.head(h.mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()  # <-
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Bad(
            why="each of its parts drops in its own forward(), and is run in either mode",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Blur(nn.Module):
    def __init__(self, rate=0.2):
        super().__init__()
        self.rate = rate

    def forward(self, h):
        return F.dropout(h, self.rate)


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.blurs = nn.ModuleList([Blur(), Blur(0.1)])
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        h = self.embed(words)
        for blur in self.blurs:
            h = blur(h)
        return self.head(h.mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()  # <-
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Bad(
            why="the training loop was copied, and only its step taken out",
            severity=Severity.ERROR,
            files={
                "stepping.py": """\
import torch.nn as nn


class NoteLM(nn.Module):
    def __init__(self, pitches):
        super().__init__()
        self.embed = nn.Embedding(pitches, 192)
        self.rnn = nn.GRU(192, 192, batch_first=True)
        self.drop = nn.Dropout(0.25)
        self.out = nn.Linear(192, pitches)

    def forward(self, notes):
        return self.out(self.drop(self.rnn(self.embed(notes))[0]))


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
        logits = model(notes)  # <-
        loss = criterion(logits[:, :-1].transpose(1, 2), notes[:, 1:])
        loss.backward()
        scored = notes[:, 1:].numel()
        total += loss.item() * scored
        tokens += scored
    print("validation loss", total / tokens)
""",
        ),
        Bad(
            why="What makes the model for later loads and wraps it, and leaves it in training mode.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class WordModel(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.drop = nn.Dropout(0.25)
        self.out = nn.Linear(width, words)

    def forward(self, ids):
        return self.out(self.drop(self.rnn(self.embed(ids))[0]))


class Session:
    def __init__(self, checkpoint):
        self.checkpoint = checkpoint
        self.model = None

    def open(self):
        model = WordModel(12000, 256)
        model.load_state_dict(torch.load(self.checkpoint))
        self.model = nn.DataParallel(model)

    @torch.no_grad()
    def measure(self, test_batches):
        nats, words = 0.0, 0
        for ids in test_batches:
            logits = self.model(ids[:, :-1])  # <-
            nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
            words += ids[:, 1:].numel()
        return nats / words
""",
        ),
        Bad(
            why="Attention is given its rate by its place, and nothing there is called dropout.",
            severity=Severity.ERROR,
            files={
                "mixer.py": """\
import torch.nn as nn
import torch.nn.functional as F


class Mixer(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.out = nn.Linear(width, words)
        self.keeps = 0.15

    def forward(self, ids):
        states = self.embed(ids)
        return self.out(F.scaled_dot_product_attention(states, states, states, None, self.keeps))
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from mixer import Mixer


@torch.no_grad()
def evaluate(dev_loader, path):
    saved = torch.load(path)
    mixer = Mixer(8000, 64)
    mixer.load_state_dict(saved["weights"])
    mixer.eval()
    nats, tokens = 0.0, 0
    for ids, labels in dev_loader:
        logits = mixer(ids)  # <-
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="The settings of this object keep the rate that they have by default.",
            severity=Severity.ERROR,
            files={
                "mixer.py": """\
from dataclasses import dataclass

import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Settings:
    words: int = 8000
    width: int = 64
    dropout: float = 0.15


class Mixer(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.embed = nn.Embedding(settings.words, settings.width)
        self.out = nn.Linear(settings.width, settings.words)

    def forward(self, ids):
        states = self.embed(ids)
        return self.out(F.scaled_dot_product_attention(states, states, states, dropout_p=self.settings.dropout))
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from mixer import Mixer, Settings


@torch.no_grad()
def evaluate(dev_loader, path):
    saved = torch.load(path)
    mixer = Mixer(Settings(width=96))
    mixer.load_state_dict(saved["weights"])
    mixer.eval()
    nats, tokens = 0.0, 0
    for ids, labels in dev_loader:
        logits = mixer(ids)  # <-
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Bad(
            why="The context manager around the evaluation is told to leave the model in training mode.",
            severity=Severity.ERROR,
            code="""\
import contextlib

import torch
import torch.nn as nn
import torch.nn.functional as F


@contextlib.contextmanager
def in_mode(net, training):
    before = net.training
    net.train(training)
    try:
        yield net
    finally:
        net.train(before)


@torch.no_grad()
def evaluate(net, batches):
    nats, scored = 0.0, 0
    with in_mode(net, True):
        for x, y in batches:
            nats += F.cross_entropy(net(x), y, reduction="sum").item()  # <-
            scored += len(y)
    return nats / scored


print(evaluate(nn.Sequential(nn.Embedding(9, 9), nn.Dropout(0.1), nn.Linear(9, 9)), torch.load("held_out.pt")))
""",
        ),
        Bad(
            why="What the model loses before it is trained is computed with dropout; only what reports in between sets eval().",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum")


def loss_over(model, loader, tokens):
    total = 0.0
    for x, y in loader:
        total += loss_of(model, x, y).item()  # <-
    return total / tokens


def report(model, loader, tokens):
    model.eval()
    with torch.no_grad():
        found = loss_over(model, loader, tokens)
    model.train()
    return found


def main(train_loader, val_loader, tokens):
    model = nn.Sequential(nn.Embedding(500, 64), nn.Dropout(0.1), nn.Linear(64, 500))
    with torch.no_grad():
        print("before training", loss_over(model, val_loader, tokens))
    optimizer = torch.optim.AdamW(model.parameters())
    for step, (x, y) in enumerate(train_loader):
        optimizer.zero_grad()
        loss_of(model, x, y).backward()
        optimizer.step()
        if step % 100 == 0:
            print("val", report(model, val_loader, tokens))
""",
        ),
        Bad(
            why="The class has a train() of its own, which takes batches; who switches another network elsewhere does not call it.",
            severity=Severity.ERROR,
            files={
                "tagging.py": """\
import torch
from eval import Guesser
from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = Guesser(10000).rows
        self.out = nn.Linear(64, 9)

    def forward(self, x):
        return self.out(self.rows(x))


def fit(rows):
    model = Tagger()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()
    for x, y in rows:
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    return model
""",
            },
            code="""\
import torch
from torch import nn


class Guesser(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.rows = nn.Embedding(vocab, 64)
        self.noise = nn.Dropout(0.2)
        self.out = nn.Linear(64, vocab)
        self.score = nn.CrossEntropyLoss(reduction="sum")

    def forward(self, ids):
        return self.out(self.noise(self.rows(ids)))

    def train(self, batches, held_out, epochs=3):
        optimizer = torch.optim.Adam(self.parameters())
        for _ in range(epochs):
            for x, y in batches:
                optimizer.zero_grad()
                self.score(self(x).flatten(0, 1), y.flatten()).backward()
                optimizer.step()
            print("held-out loss", self.held_out_loss(held_out))

    @torch.no_grad()
    def held_out_loss(self, loader):
        nats, scored = 0.0, 0
        for x, y in loader:
            logits = self(x)  # <-
            nats += self.score(logits.flatten(0, 1), y.flatten()).item()
            scored += y.numel()
        return nats / scored
""",
        ),
        Bad(
            why="Each turn of the loop makes a model of its own, and calls eval() on it behind its perplexity.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


def perplexity(model, loader):
    nats, scored = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            nats += F.cross_entropy(model(x), y, reduction="sum").item()  # <-
            scored += y.numel()
    return torch.exp(torch.tensor(nats / scored))


def save_words(model, loader, path):
    model.eval()
    with torch.no_grad(), open(path, "w") as file:
        for x, _ in loader:
            file.write(str(model(x).argmax(-1).tolist()))


for seed in range(5):
    torch.manual_seed(seed)
    train_loader, test_loader = torch.load("loaders.pt")
    model = nn.Sequential(nn.Embedding(500, 64), nn.Dropout(0.1), nn.Linear(64, 500))
    optimizer = torch.optim.Adam(model.parameters())
    for x, y in train_loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    print(perplexity(model, test_loader))
    save_words(model, test_loader, f"words-{seed}.txt")
""",
        ),
        Bad(
            why="The option chooses one of two models, of which the first has dropout.",
            severity=Severity.WARNING,
            files={
                "nets.py": """\
from torch import nn


class Plain(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.rows = nn.Embedding(vocab, vocab)

    def forward(self, ids):
        return self.rows(ids)


class Dropping(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.rows = nn.Embedding(vocab, vocab)
        self.noise = nn.Dropout(0.1)

    def forward(self, ids):
        return self.noise(self.rows(ids))
""",
            },
            code="""\
import argparse

import torch
import torch.nn.functional as F
from nets import Dropping, Plain


@torch.no_grad()
def evaluate(net, loader):
    nats, scored = 0.0, 0
    for x, y in loader:
        nats += F.cross_entropy(net(x), y, reduction="sum").item()  # <-
        scored += y.numel()
    return nats / scored


def build(args):
    if args.net == "dropping":
        net = Dropping(500)
    else:
        net = Plain(500)
    return net


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--net", default="dropping")
    print(evaluate(build(parser.parse_args()), torch.load("loader.pt")))
""",
        ),
    )

    good = (
        Good(
            why="A Keras model on the torch backend is told by the call, not by eval().",
            code="""\
import keras
import torch


def make(width):
    inputs = keras.Input(shape=(784,))
    hidden = keras.layers.Dropout(0.2)(keras.layers.Dense(width, activation="relu")(inputs))
    return keras.Model(inputs=inputs, outputs=keras.layers.Dense(10)(hidden))


def fit(train_loader, val_loader, accuracy):
    model = make(64)
    with torch.no_grad():
        for images, labels in val_loader:
            logits = model(images, training=False)
            accuracy.update_state(labels, logits)
    print("validation accuracy", float(accuracy.result()))
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
            why="The plain way: eval() first, train() back at the end.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import DropoutGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    model.train()
    return nats / tokens


def build(vocab_size, device):
    return DropoutGPT(vocab_size).to(device)
""",
        ),
        Good(
            why="The caller sets it, and the caller is another file.",
            files={
                "model.py": GPT,
                "scoring.py": """\
import torch
import torch.nn.functional as F


@torch.no_grad()
def token_loss(model, loader, device):
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids[:, :-1])
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens
""",
            },
            code="""\
import math

import torch

from model import DropoutGPT
from scoring import token_loss


def main(checkpoint, val_loader, device="cuda"):
    model = DropoutGPT(16_000).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    model.eval()
    loss = token_loss(model, val_loader, device)
    print(f"val loss {loss:.4f} ppl {math.exp(loss):.2f}")
""",
        ),
        Good(
            why="from_pretrained returns the model in eval mode and nothing calls train().",
            code="""\
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel

model = GPT2LMHeadModel.from_pretrained("gpt2")


@torch.no_grad()
def evaluate(blocks, batch_size=8):
    nats, tokens = 0.0, 0
    for ids in blocks.split(batch_size):
        logits = model(ids).logits
        targets = ids[:, 1:]
        nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    return nats / tokens


if __name__ == "__main__":
    print(evaluate(torch.load("blocks.pt")))
""",
        ),
        Good(
            why="`assert not model.training` states what the callers keep.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import BatchNormNet


@torch.no_grad()
def evaluate(model, loader):
    assert not model.training, "call model.eval() first"
    nats, examples = 0.0, 0
    for images, labels in loader:
        nats += F.cross_entropy(model(images), labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples


def load(path):
    model = BatchNormNet()
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model
""",
        ),
        Good(
            why="A flag decides the mode: model.train(is_training).",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import BatchNormNet


def run_epoch(model, loader, optimizer=None):
    is_training = optimizer is not None
    model.train(is_training)
    nats, examples = 0.0, 0
    with torch.set_grad_enabled(is_training):
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            if is_training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            nats += loss.item() * labels.size(0)
            examples += labels.size(0)
    return nats / examples


def fit(train_loader, val_loader, epochs):
    model = BatchNormNet()
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(epochs):
        run_epoch(model, train_loader, optimizer)
        print(f"epoch {epoch}: val loss {run_epoch(model, val_loader):.4f}")
""",
        ),
        Good(
            why="`train(False)` is eval().",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import BatchNormNet


@torch.no_grad()
def validate(net, loader, device):
    net.train(False)
    nats, examples = 0.0, 0
    for images, labels in loader:
        logits = net(images.to(device))
        nats += F.cross_entropy(logits, labels.to(device), reduction="sum").item()
        examples += labels.size(0)
    return nats / examples


def load(path, device):
    net = BatchNormNet()
    net.load_state_dict(torch.load(path, map_location=device))
    return net.to(device)
""",
        ),
        Good(
            why="A conditional expression picks the mode, once for each phase.",
            files={"net.py": CONVNET},
            code="""\
import torch
import torch.nn.functional as F

from net import BatchNormNet


def fit(loaders, epochs):
    model = BatchNormNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        for phase in ["train", "val"]:
            model.train() if phase == "train" else model.eval()
            nats, examples = 0.0, 0
            for images, labels in loaders[phase]:
                with torch.set_grad_enabled(phase == "train"):
                    loss = F.cross_entropy(model(images), labels)
                if phase == "train":
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                nats += loss.item() * len(labels)
                examples += len(labels)
            print(f"epoch {epoch} {phase} loss {nats / examples:.4f}")
""",
        ),
        Good(
            why="A context manager of this project switches the mode and restores it.",
            files={
                "net.py": CONVNET,
                "modes.py": """\
import contextlib


@contextlib.contextmanager
def evaluating(*modules):
    before = [module.training for module in modules]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for module, mode in zip(modules, before):
            module.train(mode)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from modes import evaluating
from net import BatchNormNet


def validate(model, loader):
    nats, examples = 0.0, 0
    with evaluating(model), torch.no_grad():
        for images, labels in loader:
            nats += F.cross_entropy(model(images), labels, reduction="sum").item()
            examples += labels.size(0)
    return nats / examples


def build():
    return BatchNormNet(100)
""",
        ),
        Good(
            why="No dropout and no batch norm: layer norm is the same in both modes.",
            files={"mlp.py": PLAIN_MLP},
            code="""\
import torch
import torch.nn.functional as F

from mlp import PlainMLP


@torch.no_grad()
def evaluate(model, features, labels):
    nats = 0.0
    for x, y in zip(features.split(512), labels.split(512)):
        nats += F.cross_entropy(model(x), y, reduction="sum").item()
    return nats / labels.numel()


def main(path, features, labels):
    model = PlainMLP(features.size(1), 10)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    print(f"test loss {evaluate(model, features, labels):.4f}")
""",
        ),
        Good(
            why="All modules are switched in a loop.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


def build(vocab_size, width, classes):
    encoder = nn.Sequential(nn.EmbeddingBag(vocab_size, width), nn.Dropout(0.2))
    head = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, classes))
    return encoder, head


@torch.no_grad()
def validate(encoder, head, loader):
    for module in (encoder, head):
        module.eval()
    nats, examples = 0.0, 0
    for words, labels in loader:
        logits = head(encoder(words))
        nats += F.cross_entropy(logits, labels, reduction="sum").item()
        examples += labels.numel()
    return nats / examples
""",
        ),
        Good(
            why="The parts of the model are switched one by one.",
            code="""\
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, vocab, width):
        super().__init__()
        self.embed, self.drop = nn.Embedding(vocab, width), nn.Dropout(0.3)

    def forward(self, ids):
        return self.drop(self.embed(ids))


class Dialogue(nn.Module):
    def __init__(self, vocab, width):
        super().__init__()
        self.reader, self.writer = Encoder(vocab, width), Encoder(vocab, width)
        self.out = nn.Linear(width, vocab)

    def forward(self, question, answer):
        return self.out(self.writer(answer) + self.reader(question).mean(1, keepdim=True))


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.reader.eval()
    model.writer.eval()
    nats, tokens = 0.0, 0
    for question, answer in loader:
        logits = model(question, answer[:, :-1])
        nats += criterion(logits.flatten(0, 1), answer[:, 1:].flatten()).item()
        tokens += (answer[:, 1:] != 0).sum().item()
    return nats / tokens


def main(loader):
    model = Dialogue(8000, 256)
    print(evaluate(model, loader, nn.CrossEntropyLoss(ignore_index=0, reduction="sum")))
""",
        ),
        Good(
            why="Whatever is in the model is switched by a function that is applied to it.",
            code="""\
import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self, vocab, width):
        super().__init__()
        self.embed, self.drop, self.out = nn.Embedding(vocab, width), nn.Dropout(0.3), nn.Linear(width, vocab)

    def forward(self, ids):
        return self.out(self.drop(self.embed(ids)))


def settle(part):
    if isinstance(part, nn.Dropout):
        part.eval()


@torch.no_grad()
def evaluate(loader, criterion):
    model = Tagger(8000, 256)
    model.apply(settle)
    nats, tokens = 0.0, 0
    for ids, tags in loader:
        nats += criterion(model(ids).flatten(0, 1), tags.flatten()).item()
        tokens += tags.numel()
    return nats / tokens
""",
        ),
        Good(
            why="Lightning sets the mode around test_step.",
            code="""\
import lightning as L
import torch
import torch.nn as nn
import torch.nn.functional as F


class LitClassifier(L.LightningModule):
    def __init__(self, features, classes):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(features, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, classes))

    def training_step(self, batch, batch_index):
        x, y = batch
        return F.cross_entropy(self.net(x), y)

    def test_step(self, batch, batch_index):
        x, y = batch
        self.log("test_loss", F.cross_entropy(self.net(x), y), batch_size=y.numel())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


def test(model, test_loader):
    return L.Trainer().test(model, test_loader)
""",
        ),
        Good(
            why="Keras decides by `training=False`, and evaluate() passes it.",
            code="""\
import keras
from keras import layers


def build(features, classes):
    model = keras.Sequential(
        [
            layers.Input((features,)),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(classes),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def report(model, x_test, y_test):
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=256, verbose=0)
    print(f"test loss {loss:.4f} accuracy {accuracy:.3f}")
""",
        ),
        Good(
            why="Ignite's supervised evaluator puts the model in eval mode and turns gradients off.",
            files={"net.py": CONVNET},
            code="""\
import torch.nn as nn
from ignite.engine import create_supervised_evaluator
from ignite.metrics import Accuracy, Loss

from net import BatchNormNet


def evaluate(model, test_loader, device):
    metrics = {"accuracy": Accuracy(), "nll": Loss(nn.CrossEntropyLoss())}
    evaluator = create_supervised_evaluator(model, metrics=metrics, device=device)
    state = evaluator.run(test_loader)
    print(f"test nll {state.metrics['nll']:.4f} accuracy {state.metrics['accuracy']:.3f}")
    return state.metrics


def build(device):
    return BatchNormNet().to(device)
""",
        ),
        Good(
            why="The Hugging Face Trainer switches the model itself.",
            code="""\
from datasets import load_dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")


def encode(rows):
    return tokenizer(rows["text"], truncation=True, padding="max_length", max_length=128)


def main():
    data = load_dataset("imdb").map(encode, batched=True)
    model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=2)
    trainer = Trainer(
        model=model,
        args=TrainingArguments("out", per_device_eval_batch_size=1),
        train_dataset=data["train"],
        eval_dataset=data["test"],
    )
    trainer.train()
    print(trainer.evaluate()["eval_loss"])
""",
        ),
        Good(
            why="Flax takes the mode as an argument of the call; there is no eval() to forget.",
            code="""\
import flax.linen as nn
import jax
import optax


class Classifier(nn.Module):
    classes: int

    @nn.compact
    def __call__(self, x, deterministic):
        x = nn.relu(nn.Dense(256)(x))
        x = nn.Dropout(0.5, deterministic=deterministic)(x)
        return nn.Dense(self.classes)(x)


model = Classifier(classes=10)


@jax.jit
def eval_step(params, x, y):
    logits = model.apply({"params": params}, x, deterministic=True)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).sum()


def evaluate(params, batches):
    nats, examples = 0.0, 0
    for x, y in batches:
        nats += float(eval_step(params, x, y))
        examples += len(y)
    return nats / examples
""",
        ),
        Good(
            why="The call itself asks for evaluation, as Keras models take it.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 128)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(128, 10)

    def forward(self, x, training=True):
        hidden = F.relu(self.hidden(x.flatten(1)))
        return self.out(self.drop(hidden) if training else hidden)


@torch.no_grad()
def test(model, test_loader):
    nats, rows = 0.0, 0
    for images, labels in test_loader:
        nats += F.cross_entropy(model(images, training=False), labels, reduction="sum").item()
        rows += labels.size(0)
    return nats / rows
""",
        ),
        Good(
            why="A Llama made from a configuration drops nothing unless the configuration says so.",
            code="""\
import torch
from transformers import LlamaConfig, LlamaForCausalLM


@torch.no_grad()
def evaluate(model, val_loader):
    nats, tokens = 0.0, 0
    for ids in val_loader:
        scored = ids[:, 1:].numel()
        nats += model(ids, labels=ids).loss.item() * scored
        tokens += scored
    return nats / tokens


def pretrain(config_path, train_loader, val_loader):
    model = LlamaForCausalLM(LlamaConfig.from_pretrained(config_path))
    model.train()
    optimizer = torch.optim.AdamW(model.parameters())
    for ids in train_loader:
        model(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print(f"validation loss {evaluate(model, val_loader):.4f}")
""",
        ),
        Good(
            why="train() comes after the loop over the splits.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import DropoutGPT


@torch.no_grad()
def evaluate_splits(model, splits, batches):
    out = {}
    model.eval()
    for name in ("train", "val"):
        nats, tokens = 0.0, 0
        for _ in range(batches):
            x, y = splits[name].batch()
            logits = model(x)
            nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
            tokens += y.numel()
        out[name] = nats / tokens
    model.train()
    return out


def fit(splits, steps, device="cuda"):
    model = DropoutGPT(16_000).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for step in range(steps):
        if step % 500 == 0:
            print(step, evaluate_splits(model, splits, 50))
        x, y = splits["train"].batch()
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
        ),
        Good(
            why="a model of timm is switched both ways",
            code="""\
import timm
import torch
import torch.nn.functional as F


def fit(train_loader, val_loader, epochs):
    net = timm.create_model("resnet18", num_classes=10)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(epochs):
        net.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(net(images), labels).backward()
            optimizer.step()
        nats, rows = 0.0, 0
        net.eval()
        with torch.no_grad():
            for images, labels in val_loader:
                nats += F.cross_entropy(net(images), labels, reduction="sum").item()
                rows += labels.size(0)
        print("validation loss", nats / rows)
""",
        ),
        Good(
            why="The rate is an option that nobody gives and that is 0 without: nothing drops, in either mode.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Recurrent(nn.Module):
    def __init__(self, size_in, size, layers, dropout=0, kind="RNN"):
        super().__init__()
        layer = nn.RNN if kind == "RNN" else nn.LSTM if kind == "LSTM" else nn.GRU
        self.layer = layer(size_in, size, layers, batch_first=True, dropout=dropout)

    def forward(self, x):
        return self.layer(x)[0]


class Writer(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.embed = nn.Embedding(1_000, 64)
        self.recurrent = Recurrent(64, 64, 2, dropout=options.get("dropout", 0.0), kind="GRU")
        self.head = nn.Linear(64, 1_000)

    def forward(self, ids):
        return self.head(self.recurrent(self.embed(ids)))

    @torch.no_grad()
    def evaluate(self, loader):
        nats, tokens = 0.0, 0
        for ids, labels in loader:
            logits = self.forward(ids)
            nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
            tokens += labels.numel()
        return nats / tokens


def main(loader):
    print(Writer(width=64).evaluate(loader))
""",
        ),
        Good(
            why="The rate is 0 unless options hold another, and what they hold is in a file of settings.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Layer(nn.Module):
    def __init__(self, size_in, size, dropout: float = 0):
        super().__init__()
        self.linear = nn.Linear(size_in, size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(self.linear(x))


class Head(nn.Module):
    def __init__(self, size_in, size, **options):
        super().__init__()
        self.layers = nn.Sequential(Layer(size_in, size, **options), Layer(size, size, **options))

    def forward(self, x):
        return self.layers(x)


class Tagger(nn.Module):
    def __init__(self, head, words=1_000):
        super().__init__()
        self.embed = nn.Embedding(words, 64)
        self.head = Head(**head)

    def forward(self, ids):
        return self.head(self.embed(ids))

    @torch.no_grad()
    def evaluate(self, loader):
        nats, tokens = 0.0, 0
        for ids, labels in loader:
            logits = self.forward(ids)
            nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
            tokens += labels.numel()
        return nats / tokens


def main(loader, settings):
    print(Tagger(**settings).evaluate(loader))
""",
        ),
        Good(
            why="A function tries the model out on a batch that it makes up; nothing is evaluated.",
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn.functional as F

from model import DropoutGPT


def test_decoder():
    model = DropoutGPT(1_000)
    ids = torch.randint(0, 1_000, (4, 256))
    logits = model(ids)
    loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    print("logits", logits.shape, "loss", loss.item())


if __name__ == "__main__":
    test_decoder()
""",
        ),
        Good(
            why="A class whose instances are entered puts the model into evaluation mode, and back.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Quiet:
    def __init__(self, module):
        self.module = module

    def __enter__(self):
        self.before = self.module.training
        self.module.eval()
        self.recorded = torch.is_grad_enabled()
        torch.set_grad_enabled(False)

    def __exit__(self, *failure):
        self.module.train(self.before)
        torch.set_grad_enabled(self.recorded)


class Net(nn.Module):
    def __init__(self, vocabulary=3000):
        super().__init__()
        self.lookup = nn.Embedding(vocabulary, 64)
        self.lstm = nn.LSTM(64, 64, 2, dropout=0.3, batch_first=True)
        self.out = nn.Linear(64, vocabulary)

    def forward(self, ids):
        return self.out(self.lstm(self.lookup(ids))[0])


def validate(net, val_loader):
    nats = words = 0
    with Quiet(net):
        for ids in val_loader:
            nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
            words += ids[:, 1:].numel()
    return nats / words


def fit(train_loader, val_loader):
    net = Net()
    optimizer = torch.optim.Adam(net.parameters())
    for ids in train_loader:
        loss = F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(validate(net, val_loader))
""",
        ),
        Good(
            why="One function for both phases switches by whether it was given an optimizer.",
            code="""\
import torch
import torch.nn.functional as F

from nets import Tagger
from corpus import loaders


def one_pass(net, batches, optimizer=None):
    net.train(mode=optimizer is not None)
    nats, scored = 0.0, 0
    for ids, tags in batches:
        loss = F.cross_entropy(net(ids).flatten(0, 1), tags.flatten(), reduction="sum")
        if optimizer is not None:
            optimizer.zero_grad()
            (loss / tags.numel()).backward()
            optimizer.step()
        nats += loss.item()
        scored += tags.numel()
    return nats / scored


training, held_out = loaders()
net = Tagger(8_000, 17)
optimizer = torch.optim.Adam(net.parameters())
one_pass(net, training, optimizer)
with torch.no_grad():
    print(one_pass(net, held_out))
""",
            files={
                "nets.py": """\
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, words, tags, width=128):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.drop = nn.Dropout(0.2)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, tags)

    def forward(self, ids):
        return self.out(self.rnn(self.drop(self.embed(ids)))[0])
""",
            },
        ),
        Good(
            why="the part that drops was loaded by from_pretrained(), which leaves it in evaluation mode",
            code="""\
import torch
import torch.nn as nn
from transformers import PreTrainedModel


class Encoder(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.words = nn.Embedding(config.vocab_size, config.n_embd)
        self.drop = nn.Dropout(config.embd_pdrop)

    def forward(self, ids):
        return self.drop(self.words(ids))


class Classifier(nn.Module):
    def __init__(self, name, classes):
        super().__init__()
        self.encoder = Encoder.from_pretrained(name)
        self.head = nn.Linear(768, classes)

    def forward(self, ids):
        return self.head(self.encoder(ids)[:, 0])


def evaluate(loader, classes=4):
    model = Classifier("gpt2", classes)
    criterion = nn.CrossEntropyLoss(reduction="sum")
    total, rows = 0.0, 0
    with torch.no_grad():
        for ids, labels in loader:
            total += criterion(model(ids), labels).item()
            rows += labels.size(0)
    return total / rows
""",
        ),
        Good(
            why="the subclass in another file sets evaluation mode around what it takes over",
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
    def score(self, words, stance):
        return F.cross_entropy(self.net(words), stance)

    def evaluate(self):
        self.net.eval()
        loss = super().evaluate()
        self.net.train()
        return loss
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
import torch


class Coach:
    def __init__(self, net, seen, held_out):
        self.net = net
        self.seen, self.held_out = seen, held_out
        self.optimizer = torch.optim.Adam(net.parameters())

    def score(self, words, wanted):
        raise NotImplementedError

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
        with torch.no_grad():
            for words, wanted in self.held_out:
                total += self.score(words, wanted).item() * len(wanted)
                rows += len(wanted)
        return total / rows
""",
        ),
        Good(
            why="eval() is mapped over the modules",
            code="""\
import torch
import torch.nn.functional as F



class Tagger(torch.nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = torch.nn.Embedding(words, 64)
        self.drop = torch.nn.Dropout(0.2)
        self.out = torch.nn.Linear(64, tags)

    def forward(self, words):
        return self.out(self.drop(self.embed(words)))


@torch.no_grad()
def score(tagger, dev_loader):
    list(map(torch.nn.Module.eval, [tagger]))
    nats = tokens = 0
    for words, tags in dev_loader:
        nats += F.cross_entropy(tagger(words).transpose(1, 2), tags, reduction="sum").item()
        tokens += tags.numel()
    return nats / tokens


def main(dev_loader):
    return score(Tagger(5000, 17), dev_loader)
""",
        ),
        Good(
            why="eval() is called through its class, on one module or on several",
            code="""\
import torch
import torch.nn.functional as F



class Tagger(torch.nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = torch.nn.Embedding(words, 64)
        self.drop = torch.nn.Dropout(0.2)
        self.out = torch.nn.Linear(64, tags)

    def forward(self, words):
        return self.out(self.drop(self.embed(words)))


@torch.no_grad()
def score(tagger, dev_loader):
    torch.nn.Module.eval(tagger)
    nats = tokens = 0
    for words, tags in dev_loader:
        nats += F.cross_entropy(tagger(words).transpose(1, 2), tags, reduction="sum").item()
        tokens += tags.numel()
    return nats / tokens


def main(dev_loader):
    return score(Tagger(5000, 17), dev_loader)
""",
        ),
        Good(
            why="what is entered out of sight is given the model, and an object that is made there as well",
            code="""\
import torch
import torch.nn.functional as F
from deploy import Harness, quiet


class Tagger(torch.nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = torch.nn.Embedding(words, 64)
        self.drop = torch.nn.Dropout(0.2)
        self.out = torch.nn.Linear(64, tags)

    def forward(self, words):
        return self.out(self.drop(self.embed(words)))


@torch.no_grad()
def score(tagger, dev_loader):
    Harness(tagger).start()
    with quiet(tagger):
        nats = tokens = 0
        for words, tags in dev_loader:
            nats += F.cross_entropy(tagger(words).transpose(1, 2), tags, reduction="sum").item()
            tokens += tags.numel()
        return nats / tokens


def main(dev_loader):
    return score(Tagger(5000, 17), dev_loader)
""",
        ),
        Good(
            why="a function out of sight is given the model: it may switch it",
            code="""\
import torch
import torch.nn.functional as F
from deploy import ready


class Tagger(torch.nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.embed = torch.nn.Embedding(words, 64)
        self.drop = torch.nn.Dropout(0.2)
        self.out = torch.nn.Linear(64, tags)

    def forward(self, words):
        return self.out(self.drop(self.embed(words)))


@torch.no_grad()
def score(tagger, dev_loader):
    ready(tagger)
    nats = tokens = 0
    for words, tags in dev_loader:
        nats += F.cross_entropy(tagger(words).transpose(1, 2), tags, reduction="sum").item()
        tokens += tags.numel()
    return nats / tokens


def main(dev_loader):
    return score(Tagger(5000, 17), dev_loader)
""",
        ),
        Good(
            why="The dropout stands under an `if` that asks for the mode.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.3):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.first(x))
        if self.training:
            x = F.dropout(x, self.rate)
        return self.last(x)


def validate(net, val_loader):
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()
            rows += len(stars)
    return nats / rows


def main(val_loader, weights):
    net = Ratings(40, 5)
    net.load_state_dict(torch.load(weights))
    print("val loss", validate(net, val_loader))
""",
        ),
        Good(
            why="The rate follows the mode, by way of a name.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.3):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def forward(self, x):
        rate = self.rate if self.training else 0.0
        x = F.relu(self.first(x)).unsqueeze(1)
        x = F.scaled_dot_product_attention(x, x, x, dropout_p=rate)
        return self.last(x.squeeze(1))


def validate(net, val_loader):
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()
            rows += len(stars)
    return nats / rows


def main(val_loader, weights):
    net = Ratings(40, 5)
    net.load_state_dict(torch.load(weights))
    print("val loss", validate(net, val_loader))
""",
        ),
        Good(
            why="The rate is 0 unless somebody gives another.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.0):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def forward(self, x):
        return self.last(F.dropout(F.relu(self.first(x)), self.rate))


def validate(net, val_loader):
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()
            rows += len(stars)
    return nats / rows


def main(val_loader, weights):
    net = Ratings(40, 5)
    net.load_state_dict(torch.load(weights))
    print("val loss", validate(net, val_loader))
""",
        ),
        Good(
            why="train() and eval() set the rate themselves.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.3):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def train(self, mode=True):
        self.rate = 0.3 if mode else 0.0
        return super().train(mode)

    def forward(self, x):
        return self.last(F.dropout(F.relu(self.first(x)), self.rate))


def validate(net, val_loader):
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()
            rows += len(stars)
    return nats / rows


def main(val_loader, weights):
    net = Ratings(40, 5)
    net.load_state_dict(torch.load(weights))
    print("val loss", validate(net, val_loader))
""",
        ),
        Good(
            why="What drops is no part of forward().",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.3):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def corrupt(self, x):
        return F.dropout(x, self.rate)

    def forward(self, x):
        return self.last(F.relu(self.first(x)))


def validate(net, val_loader):
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()
            rows += len(stars)
    return nats / rows


def main(val_loader, weights):
    net = Ratings(40, 5)
    net.load_state_dict(torch.load(weights))
    print("val loss", validate(net, val_loader))
""",
        ),
        Good(
            why="It says that it drops in either mode: that is meant.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.3):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def forward(self, x):
        return self.last(F.dropout(F.relu(self.first(x)), self.rate, training=True))


def validate(net, val_loader):
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()
            rows += len(stars)
    return nats / rows


def main(val_loader, weights):
    net = Ratings(40, 5)
    net.load_state_dict(torch.load(weights))
    print("val loss", validate(net, val_loader))
""",
        ),
        Good(
            why="The caller says whether to drop.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Ratings(nn.Module):
    def __init__(self, features, classes, rate=0.3):
        super().__init__()
        self.rate = rate
        self.first = nn.Linear(features, 64)
        self.last = nn.Linear(64, classes)

    def forward(self, x, rate=0.0):
        return self.last(F.dropout(F.relu(self.first(x)), rate))


def validate(net, val_loader):
    net.eval()
    nats = rows = 0
    with torch.no_grad():
        for features, stars in val_loader:
            nats += F.cross_entropy(net(features), stars, reduction="sum").item()
            rows += len(stars)
    return nats / rows


def main(val_loader, weights):
    net = Ratings(40, 5)
    net.load_state_dict(torch.load(weights))
    print("val loss", validate(net, val_loader))
""",
        ),
        Good(
            why="a clock measures how long a model takes on a batch that is made up: its zeros go into the model",
            code="""\
import time

import torch


def measure(model, repeats, width, classes):
    spent = torch.zeros(repeats)
    for number in range(repeats):
        images = torch.rand(8, 3, width, width)
        labels = torch.zeros(8, dtype=torch.long)
        started = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(model.train()(images), labels)
        spent[number] = time.perf_counter() - started
    print(f"{loss.item():.3f} after {spent.mean().item():.4f} s")
""",
        ),
        Good(
            why="the script that makes the model and calls the evaluation of another file switches it first",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(net, rows):
    nats, tokens = 0.0, 0
    for ids in rows:
        nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
            files={
                "main.py": """\
import torch
import torch.nn as nn

from eval import evaluate


class Net(nn.Module):
    def __init__(self, vocabulary, width=128):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        return self.head(self.dropout(self.embedding(ids)))


net = Net(1000)
net.load_state_dict(torch.load("net.pt"))
net.eval()
print(evaluate(net, torch.load("rows.pt").split(32)))
"""
            },
        ),
        Good(
            why="an LSTM drops between its layers, of which this one has a single one",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, vocabulary, width=128):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.body = nn.LSTM(width, width, batch_first=True, dropout=0.3)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        return self.head(self.body(self.embedding(ids))[0])


@torch.no_grad()
def evaluate(rows):
    net = Net(1000)
    net.load_state_dict(torch.load("net.pt"))
    nats, tokens = 0.0, 0
    for ids in rows:
        nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="the layers of the transformer are given a rate of 0, at its place and by no name",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, vocabulary, width=128):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.body = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, batch_first=True), 6)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        mask = nn.Transformer.generate_square_subsequent_mask(ids.size(1))
        return self.head(self.body(self.embedding(ids), mask=mask))


@torch.no_grad()
def evaluate(rows):
    net = Net(1000)
    net.load_state_dict(torch.load("net.pt"))
    nats, tokens = 0.0, 0
    for ids in rows:
        nats += F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="sum").item()
        tokens += ids[:, 1:].numel()
    return nats / tokens
""",
        ),
        Good(
            why="the method that drops is called under self.training",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        h = self.embed(words)
        if self.training:
            h = self.blur(h)
        return self.head(h.mean(1))

    def blur(self, h):
        return F.dropout(h, self.rate)


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Good(
            why="a name holds the mode",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        h, on = self.embed(words), 1
        learning = self.training
        if learning and on:
            h = F.dropout(h, self.rate)
        return self.head(h.mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Good(
            why="`and` runs what follows it in training alone",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        h = self.embed(words)
        thinned = self.training and F.dropout(h, self.rate)
        return self.head((h if thinned is False else thinned).mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Good(
            why="the evaluation leaves forward() before anything drops",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        h = self.embed(words).mean(1)
        if not self.training:
            return self.head(h)
        return self.head(F.dropout(h, self.rate))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Good(
            why="a match follows the mode",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        h = self.embed(words)
        match self.training:
            case True:
                h = F.dropout(h, self.rate)
        return self.head(h.mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Good(
            why="a parameter asks for it, which the evaluation leaves alone",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words, noisy=False):
        h = self.embed(words)
        if noisy:
            h = F.dropout(h, self.rate)
        return self.head(h.mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Good(
            why="the part that drops is asked for, and run in training alone",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Blur(nn.Module):
    def __init__(self, rate=0.2):
        super().__init__()
        self.rate = rate

    def forward(self, h):
        return F.dropout(h, self.rate)


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.blur = Blur()
        self.head = nn.Linear(48, classes)

    def forward(self, words):
        h = self.embed(words)
        if self.blur is not None and self.training:
            h = self.blur(h)
        return self.head(h.mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
""",
        ),
        Good(
            why="a parameter of forward() is a rate in training alone",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Titles(nn.Module):
    def __init__(self, words, classes, rate=0.2):
        super().__init__()
        self.rate = rate
        self.embed = nn.Embedding(words, 48)
        self.head = nn.Linear(48, classes)

    def forward(self, words, rate=0.0):
        if self.training:
            rate = self.rate
        return self.head(F.dropout(self.embed(words), rate).mean(1))


@torch.no_grad()
def score(titles, dev_loader):
    titles.eval()
    nats = rows = 0
    for words, genre in dev_loader:
        nats += F.cross_entropy(titles(words), genre, reduction="sum").item()
        rows += len(genre)
    return nats / rows


def main(dev_loader):
    print(f"{score(Titles(8000, 12), dev_loader):.4f}")
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
        self.drop = nn.Dropout(0.25)
        self.out = nn.Linear(192, pitches)

    def forward(self, notes):
        return self.out(self.drop(self.rnn(self.embed(notes))[0]))


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
        self.drop = nn.Dropout(0.25)
        self.out = nn.Linear(192, pitches)

    def forward(self, notes):
        return self.out(self.drop(self.rnn(self.embed(notes))[0]))


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
            why="What makes the model for later sets its mode as well, in a function of its own.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class WordModel(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.drop = nn.Dropout(0.25)
        self.out = nn.Linear(width, words)

    def forward(self, ids):
        return self.out(self.drop(self.rnn(self.embed(ids))[0]))


class Session:
    def __init__(self, checkpoint):
        self.checkpoint = checkpoint
        self.model = None

    def open(self):
        model = WordModel(12000, 256)
        model.load_state_dict(torch.load(self.checkpoint))
        self.model = nn.DataParallel(model)
        frozen(model)

    @torch.no_grad()
    def measure(self, test_batches):
        nats, words = 0.0, 0
        for ids in test_batches:
            logits = self.model(ids[:, :-1])
            nats += F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="sum").item()
            words += ids[:, 1:].numel()
        return nats / words


def frozen(network):
    network.train(False)
    for weight in network.parameters():
        weight.requires_grad_(False)
""",
        ),
        Good(
            why="The settings of this very object are made with a rate of 0.",
            files={
                "mixer.py": """\
from dataclasses import dataclass

import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Settings:
    words: int = 8000
    width: int = 64
    dropout: float = 0.15


class Mixer(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.embed = nn.Embedding(settings.words, settings.width)
        self.out = nn.Linear(settings.width, settings.words)

    def forward(self, ids):
        states = self.embed(ids)
        return self.out(F.scaled_dot_product_attention(states, states, states, dropout_p=self.settings.dropout))
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from mixer import Mixer, Settings


@torch.no_grad()
def evaluate(dev_loader, path):
    saved = torch.load(path)
    mixer = Mixer(Settings(dropout=0.0))
    mixer.load_state_dict(saved["weights"])
    mixer.eval()
    nats, tokens = 0.0, 0
    for ids, labels in dev_loader:
        logits = mixer(ids)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The settings were saved with the model, and hold whatever they were told to for the evaluation.",
            files={
                "mixer.py": """\
from dataclasses import dataclass

import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Settings:
    words: int = 8000
    width: int = 64
    dropout: float = 0.15


class Mixer(nn.Module):
    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.embed = nn.Embedding(settings.words, settings.width)
        self.out = nn.Linear(settings.width, settings.words)

    def forward(self, ids):
        states = self.embed(ids)
        return self.out(F.scaled_dot_product_attention(states, states, states, dropout_p=self.settings.dropout))
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from mixer import Mixer, Settings


@torch.no_grad()
def evaluate(dev_loader, path):
    saved = torch.load(path)
    saved["settings"]["dropout"] = 0.0
    mixer = Mixer(Settings(**saved["settings"]))
    mixer.load_state_dict(saved["weights"])
    mixer.eval()
    nats, tokens = 0.0, 0
    for ids, labels in dev_loader:
        logits = mixer(ids)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()
        tokens += labels.numel()
    return nats / tokens
""",
        ),
        Good(
            why="The mode is set by a method that is looked up by its name.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5000, 48)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(48, 20)

    def forward(self, words):
        return self.out(self.drop(self.embed(words)))


class Job:
    def __init__(self, phase):
        self.tagger = Tagger()
        self.switch("eval" if phase == "test" else phase)

    def switch(self, mode):
        getattr(self.tagger, mode)()

    @torch.no_grad()
    def test(self, test_loader):
        nats, words = 0.0, 0
        for ids, tags in test_loader:
            nats += F.cross_entropy(self.tagger(ids).mT, tags, reduction="sum").item()
            words += tags.numel()
        return nats / words
""",
        ),
        Good(
            why="A context manager of the project takes the model out of training mode by train(False).",
            code="""\
import contextlib

import torch
import torch.nn as nn
import torch.nn.functional as F


@contextlib.contextmanager
def quiet(net):
    net.train(False)
    with torch.no_grad():
        yield
    net.train()


def measure(net, batches):
    nats, scored = 0.0, 0
    with quiet(net):
        for x, y in batches:
            nats += F.cross_entropy(net(x), y, reduction="sum").item()
            scored += len(y)
    return nats / scored


print(measure(nn.Sequential(nn.Embedding(9, 9), nn.Dropout(0.1), nn.Linear(9, 9)), torch.load("held_out.pt")))
""",
        ),
        Good(
            why="One context manager is told which mode to set, another is a method that sets that of its own object.",
            code="""\
import contextlib

import torch
import torch.nn as nn
import torch.nn.functional as F


@contextlib.contextmanager
def in_mode(net, training):
    before = net.training
    net.train(training)
    try:
        yield net
    finally:
        net.train(before)


@torch.no_grad()
def measure(net, batches):
    nats, scored = 0.0, 0
    with in_mode(net, False):
        for x, y in batches:
            nats += F.cross_entropy(net(x), y, reduction="sum").item()
            scored += len(y)
    return nats / scored


class Judge:
    def __init__(self, net):
        self.net = net

    @contextlib.contextmanager
    def at_rest(self):
        self.net.eval()
        with torch.no_grad():
            yield
        self.net.train()

    def measure(self, batches):
        nats, scored = 0.0, 0
        with self.at_rest():
            for x, y in batches:
                nats += F.cross_entropy(self.net(x), y, reduction="sum").item()
                scored += len(y)
        return nats / scored


model = nn.Sequential(nn.Embedding(9, 9), nn.Dropout(0.1), nn.Linear(9, 9))
held_out = torch.load("held_out.pt")
print(measure(model, held_out), Judge(model).measure(held_out))
""",
        ),
        Good(
            why="One of two callers asks for dropout: the function sets the mode that it is told.",
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


@torch.no_grad()
def evaluate(model, loader, dropping=False):
    model.train(dropping)
    nats, scored = 0.0, 0
    for x, y in loader:
        nats += F.cross_entropy(model(x), y, reduction="sum").item()
        scored += len(y)
    return nats / scored


def main(loader):
    model = nn.Sequential(nn.Embedding(500, 64), nn.Dropout(0.1), nn.Linear(64, 500))
    print("as it is", evaluate(model, loader), "with noise", evaluate(model, loader, dropping=True))
""",
        ),
        Good(
            why="Whoever calls the class's own train(), with batches, has switched its parts before.",
            files={
                "main.py": """\
import torch
from eval import Guesser


def main():
    batches, held_out = torch.load("batches.pt")
    guesser = Guesser(500)
    guesser.noise.eval()
    guesser.train(batches, held_out)
""",
            },
            code="""\
import torch
from torch import nn


class Guesser(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.rows = nn.Embedding(vocab, 64)
        self.noise = nn.Dropout(0.2)
        self.out = nn.Linear(64, vocab)
        self.score = nn.CrossEntropyLoss(reduction="sum")

    def forward(self, ids):
        return self.out(self.noise(self.rows(ids)))

    def train(self, batches, held_out, epochs=3):
        optimizer = torch.optim.Adam(self.parameters())
        for _ in range(epochs):
            for x, y in batches:
                optimizer.zero_grad()
                self.score(self(x).flatten(0, 1), y.flatten()).backward()
                optimizer.step()
            print("held-out loss", self.held_out_loss(held_out))

    @torch.no_grad()
    def held_out_loss(self, loader):
        nats, scored = 0.0, 0
        for x, y in loader:
            logits = self(x)
            nats += self.score(logits.flatten(0, 1), y.flatten()).item()
            scored += y.numel()
        return nats / scored
""",
        ),
        Good(
            why="eval() comes before the perplexity and train() behind it, in each turn of the loop.",
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


def perplexity(model, loader):
    nats, scored = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            nats += F.cross_entropy(model(x), y, reduction="sum").item()
            scored += y.numel()
    return torch.exp(torch.tensor(nats / scored))


def save_words(model, loader, path):
    model.eval()
    with torch.no_grad(), open(path, "w") as file:
        for x, _ in loader:
            file.write(str(model(x).argmax(-1).tolist()))


train_loader, test_loader = torch.load("loaders.pt")
model = nn.Sequential(nn.Embedding(500, 64), nn.Dropout(0.1), nn.Linear(64, 500))
optimizer = torch.optim.Adam(model.parameters())
for step, (x, y) in enumerate(train_loader):
    if step % 100 == 0:
        save_words(model, test_loader, f"words-{step}.txt")
        print(perplexity(model, test_loader))
        model.train()
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
""",
        ),
        Good(
            why="Of the models that the option chooses, the one that has dropout is switched.",
            files={
                "nets.py": """\
from torch import nn


class Plain(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.rows = nn.Embedding(vocab, vocab)

    def forward(self, ids):
        return self.rows(ids)


class Dropping(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.rows = nn.Embedding(vocab, vocab)
        self.noise = nn.Dropout(0.1)

    def forward(self, ids):
        return self.noise(self.rows(ids))
""",
            },
            code="""\
import argparse

import torch
import torch.nn.functional as F
from nets import Dropping, Plain


@torch.no_grad()
def evaluate(net, loader):
    nats, scored = 0.0, 0
    for x, y in loader:
        nats += F.cross_entropy(net(x), y, reduction="sum").item()
        scored += y.numel()
    return nats / scored


def build(args):
    if args.net == "dropping":
        net = Dropping(500)
        net.eval()
    else:
        net = Plain(500)
    return net


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--net", default="dropping")
    print(evaluate(build(parser.parse_args()), torch.load("loader.pt")))
""",
        ),
    )
