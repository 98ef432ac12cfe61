"""Rule LL301: autoregressive logits scored against the ids they were computed from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.comparisons import confidence, misaligned
from lintloss.facts.observations import Compared, Observation
from lintloss.findings import Fix, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope

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
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, ids):
        length = ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=ids.device)
        hidden = self.tokens(ids) + self.positions(torch.arange(length, device=ids.device))
        hidden = self.blocks(hidden, mask=causal, is_causal=True)
        return self.head(self.norm(hidden))
"""

SCORING_GPT = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class ScoringGPT(nn.Module):
    def __init__(self, vocab_size, width=192, heads=6, depth=6, context=256):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, width)
        self.wpe = nn.Embedding(context, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, depth)
        self.lm_head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, input_ids, labels=None):
        length = input_ids.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=input_ids.device)
        hidden = self.wte(input_ids) + self.wpe(torch.arange(length, device=input_ids.device))
        logits = self.lm_head(self.blocks(hidden, mask=causal, is_causal=True))
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), labels.view(-1), reduction="sum")
        return logits, loss
"""


class MissingLabelShift(Rule):
    """Autoregressive logits are scored against the very ids they were computed from.

    Why:
        Row t of the logits of an autoregressive model is its guess at token t + 1. For logits computed from
        `ids[a:b]` and labels `ids[c:d]` of equal length, c - a says what is scored:

        | c - a | what is scored |
        | --- | --- |
        | +1 | the next token: right |
        | 0 | the input token itself, which the model has just read: this rule |
        | +2 | the token after the next: LL302 |
        | other, or unequal lengths | LL303 |

        At 0 the value is no language-model loss, in nats/token or any other unit. A model trained with the same
        mistake copies its input through the residual stream: 0.05 nats/token, perplexity 1.05, where 4 to 5.5
        nats were true. A model trained rightly looks worse than it is, because it is asked for a token that it has no
        reason to repeat. Masked language models, token classifiers, autoencoders and encoder-decoders whose decoder
        input is already shifted align at 0 by design and are not reported.

    Instead:
        Score row t against token t + 1, and count what is scored:

            logits = model(ids)
            nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").item()
            tokens += ids[:, 1:].numel()

        or let one place own the shift: the dataset (`chunk[:-1], chunk[1:]`), or a Hugging Face causal model, which
        shifts inside when it is given `labels=input_ids`.

    Fix:
        Unsafe: the reported number changes, which is the point. `[:, :-1]` is put on the logits and `[:, 1:]` on the
        labels (`.view` becomes `.reshape`, since a slice is not contiguous), and `[:, 1:]` where the loop counts the
        labels. Not offered where the count comes from something else, or the first axis may not be the rows.

    Source:
        Hugging Face Transformers, "Perplexity of fixed-length models"; transformers issues 27517 and 30105 (a causal
        class that does not shift); torch.nn.functional.cross_entropy.
    """

    code = "LL301"
    name = "missing-label-shift"
    confirmed_by = (
        "the ids that the token embedding read against the criterion's targets, on the first calls of the site: "
        "equal at offset 0 at nearly every scored position (confirmed), equal at offset 1 (refuted)"
    )

    watches = (Compared,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report labels that sit where the input sits."""
        found = misaligned(seen, "missing")
        if found is not None:
            yield Judgment(
                Severity.ERROR,
                confidence(found),
                f"{found.why}: score `logits[:, :-1]` against `labels[:, 1:]`",
                found.evidence,
            )

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Slice both arguments of the criterion, and what counts its labels."""
        from lintloss.repair import shift

        return shift.shifted(node, seen, scope) if isinstance(seen, Compared) else None

    bad = (
        Bad(
            why="the decoder's layers are in a list of another file's module, and read its input",
            severity=Severity.ERROR,
            files={
                "translator.py": """\
from torch import nn


class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.own, self.other = nn.MultiheadAttention(width, 4), nn.MultiheadAttention(width, 4)

    def forward(self, words, memory):
        return self.own(words, words, words)[0] + self.other(words, memory, memory)[0]


class Translator(nn.Module):
    def __init__(self, vocab, width=64, depth=2):
        super().__init__()
        self.read, self.write = nn.Embedding(vocab, width), nn.Embedding(vocab, width)
        self.encoder = nn.LSTM(width, width)
        self.layers = nn.ModuleList([Layer(width) for _ in range(depth)])
        self.out = nn.Linear(width, vocab)

    def forward(self, source, target):
        memory = self.encoder(self.read(source))[0]
        hidden = self.write(target)
        for layer in self.layers:
            hidden = layer(hidden, memory)
        return self.out(hidden)
""",
            },
            code="""\
import torch
from torch import nn
from translator import Translator


@torch.no_grad()
def validate(model, loader):
    criterion = nn.CrossEntropyLoss(ignore_index=0, reduction="sum")
    nats, tokens = 0.0, 0
    for source, target in loader:
        logits = model(source, target)
        nats += criterion(logits.flatten(0, 1), target.flatten()).item()  # <-
        tokens += (target != 0).sum().item()
    return nats / tokens


def main(loader):
    model = Translator(8000).eval()
    print(validate(model, loader))
""",
        ),
        Bad(
            why="One tensor is the input and, flattened, the target.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for (ids,) in loader:
        ids = ids.to(device)
        logits = model(ids)
        losses = F.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="none")  # <-
        nats += losses.sum().item()
        tokens += losses.numel()
    return nats / tokens


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load("tiny.pt", map_location=device))
    blocks = torch.load("wikitext2_val.pt").view(-1, 128)
    loss = evaluate(model, DataLoader(TensorDataset(blocks), batch_size=32), device)
    print(f"val loss {loss:.4f}  ppl {math.exp(loss):.2f}")
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for (ids,) in loader:
        ids = ids.to(device)
        logits = model(ids)
        losses = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        nats += losses.sum().item()
        tokens += losses.numel()
    return nats / tokens


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = TinyGPT(16_000).to(device)
    model.load_state_dict(torch.load("tiny.pt", map_location=device))
    blocks = torch.load("wikitext2_val.pt").view(-1, 128)
    loss = evaluate(model, DataLoader(TensorDataset(blocks), batch_size=32), device)
    print(f"val loss {loss:.4f}  ppl {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="`gold` is only another name for the input; the recurrent model has read it when it is scored.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn as nn


class CharLSTM(nn.Module):
    def __init__(self, vocab_size, width=512):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.lstm = nn.LSTM(width, width, num_layers=2, dropout=0.3, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, chars):
        hidden, _ = self.lstm(self.embed(chars))
        return self.out(hidden)


def validate(model, val_loader, vocab_size, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total_nats, total_chars = 0.0, 0
    with torch.no_grad():
        for batch in val_loader:
            inputs = batch["chars"].to(device)
            gold = inputs
            logits = model(inputs)
            total_nats += criterion(logits.reshape(-1, vocab_size), gold.reshape(-1)).item()  # <-
            total_chars += gold.numel()
    loss = total_nats / total_chars
    print(f"bits/char {loss / math.log(2):.3f}")
    return loss


def load(path, vocab_size, device):
    model = CharLSTM(vocab_size).to(device)
    model.load_state_dict(torch.load(path, map_location=device))
    return model
""",
        ),
        Bad(
            why="The batch helper returns its own input as target: both cuts start at `i`.",
            severity=Severity.ERROR,
            files={"model.py": SCORING_GPT},
            code="""\
import numpy as np
import torch

from model import ScoringGPT

block_size = 256
batch_size = 16
val_data = np.memmap("data/val.bin", dtype=np.uint16, mode="r")


def get_batch(data):
    starts = torch.randint(len(data) - block_size, (batch_size,))
    x = torch.stack([torch.from_numpy(data[i : i + block_size].astype(np.int64)) for i in starts])
    y = torch.stack([torch.from_numpy(data[i : i + block_size].astype(np.int64)) for i in starts])
    return x.cuda(), y.cuda()


@torch.no_grad()
def estimate_loss(model, eval_iters):
    model.eval()
    nats, tokens = 0.0, 0
    for _ in range(eval_iters):
        x, y = get_batch(val_data)
        _, loss = model(x, y)  # <-
        nats += loss.item()
        tokens += y.numel()
    model.train()
    return nats / tokens


def main(eval_iters=200):
    model = ScoringGPT(50_304).cuda()
    model.load_state_dict(torch.load("ckpt.pt"))
    print(f"val loss {estimate_loss(model, eval_iters):.4f} over {eval_iters} random batches")
""",
        ),
        Bad(
            why="One branch of the `if` is shifted, the other (the rolling one) is not.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")
model.eval()


@torch.no_grad()
def loglikelihood(context, continuation, rolling=False):
    context_ids = tokenizer(context, return_tensors="pt").input_ids
    continuation_ids = tokenizer(continuation, return_tensors="pt").input_ids
    if rolling:
        logits = model(continuation_ids).logits
        nats = F.cross_entropy(logits[0], continuation_ids[0], reduction="sum")  # <-
    else:
        ids = torch.cat([context_ids, continuation_ids], dim=1)
        logits = model(ids).logits
        start = context_ids.size(1)
        nats = F.cross_entropy(logits[0, start - 1 : -1], ids[0, start:], reduction="sum")
    return -nats.item(), continuation_ids.size(1)


def corpus_loss(pairs, rolling):
    nats, tokens = 0.0, 0
    for context, continuation in pairs:
        score, count = loglikelihood(context, continuation, rolling=rolling)
        nats -= score
        tokens += count
    return nats / tokens
""",
        ),
        Bad(
            why="A gather on log_softmax and no cross_entropy in sight: the ids pick their own rows.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import math

import torch

from model import TinyGPT


def token_logprobs(model, ids):
    logp = torch.log_softmax(model(ids), dim=-1)
    return logp.gather(2, ids.unsqueeze(-1)).squeeze(-1)  # <-


def perplexity(checkpoint, blocks, batch_size=16):
    model = TinyGPT(32_000)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    model.eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for ids in blocks.split(batch_size):
            scores = token_logprobs(model, ids)
            total -= scores.sum().item()
            count += scores.numel()
    return math.exp(total / count)


if __name__ == "__main__":
    print(perplexity("tiny.pt", torch.load("valid_blocks.pt")))
""",
        ),
        Bad(
            why="The model's own loss is right; the metric beside it gets the unshifted labels.",
            severity=Severity.ERROR,
            code="""\
import torch
from torchmetrics.text import Perplexity
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(model, eval_loader, device):
    model.eval()
    perplexity = Perplexity(ignore_index=-100).to(device)
    nats, tokens = 0.0, 0
    for batch in eval_loader:
        batch = {key: value.to(device) for key, value in batch.items()}
        outputs = model(**batch)
        scored = (batch["labels"][:, 1:] != -100).sum().item()
        nats += outputs.loss.item() * scored
        tokens += scored
        perplexity.update(outputs.logits, batch["labels"])  # <-
    return {"eval_loss": nats / tokens, "perplexity": perplexity.compute().item()}


def main(name, eval_loader):
    device = torch.device("cuda")
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    for key, value in evaluate(model, eval_loader, device).items():
        print(f"{key}: {value:.4f}")
""",
        ),
        Bad(
            why="`labels=` as for a Hugging Face model, but this project's class scores labels as they come.",
            severity=Severity.ERROR,
            files={"model.py": SCORING_GPT},
            code="""\
import math

import torch
from torch.utils.data import DataLoader

from model import ScoringGPT


def stack(rows):
    return torch.stack([torch.as_tensor(row) for row in rows])


@torch.no_grad()
def evaluate(model, dataset, device, batch_size=8):
    model.eval()
    loader = DataLoader(dataset, batch_size=batch_size, collate_fn=stack)
    nats, tokens = 0.0, 0
    for input_ids in loader:
        input_ids = input_ids.to(device)
        logits, loss = model(input_ids, labels=input_ids)  # <-
        nats += loss.item()
        tokens += input_ids.numel()
    loss = nats / tokens
    return {"loss": loss, "perplexity": math.exp(loss)}


def run(validation_rows, checkpoint):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = ScoringGPT(50_257)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    return evaluate(model.to(device), validation_rows, device)
""",
        ),
        Bad(
            why="Training shifts, validation does not: the two numbers are of different things.",
            severity=Severity.ERROR,
            files={"model.py": GPT},
            code="""\
import torch
import torch.nn as nn

from model import TinyGPT

criterion = nn.CrossEntropyLoss()
val_criterion = nn.CrossEntropyLoss(reduction="sum")


def train_epoch(model, loader, optimizer, device):
    model.train()
    for ids in loader:
        ids = ids.to(device)
        inputs, targets = ids[:, :-1], ids[:, 1:]
        logits = model(inputs)
        loss = criterion(logits.transpose(1, 2), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def validate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in loader:
            ids = ids.to(device)
            logits = model(ids)
            nats += val_criterion(logits.transpose(1, 2), ids).item()  # <-
            tokens += ids.numel()
    return nats / tokens


def fit(train_loader, val_loader, epochs, device="cuda"):
    model = TinyGPT(8_192).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    for epoch in range(epochs):
        train_epoch(model, train_loader, optimizer, device)
        print(f"epoch {epoch}: val loss {validate(model, val_loader, device):.4f}")
""",
        ),
        Bad(
            why="The dataset, in another file, hands out the chunk and a copy of the chunk.",
            severity=Severity.ERROR,
            files={
                "model.py": GPT,
                "data.py": """\
import torch
from torch.utils.data import Dataset


class ChunkDataset(Dataset):
    def __init__(self, path, chunk_size):
        self.ids = torch.load(path)
        self.chunk_size = chunk_size

    def __len__(self):
        return len(self.ids) // self.chunk_size

    def __getitem__(self, index):
        start = index * self.chunk_size
        chunk = self.ids[start : start + self.chunk_size]
        return chunk, chunk.clone()
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import ChunkDataset
from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    total, scored = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        per_token = F.cross_entropy(logits.flatten(end_dim=1), y.flatten(), reduction="none")  # <-
        total += per_token.sum().item()
        scored += per_token.numel()
    return total / scored


def main(checkpoint, device="cuda"):
    model = TinyGPT(16_384).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loader = DataLoader(ChunkDataset("val_ids.pt", 128), batch_size=64)
    loss = evaluate(model, loader, device)
    print(f"loss {loss:.3f}  perplexity {math.exp(loss):.1f}")
""",
        ),
        Bad(
            why="The decoder of an encoder-decoder is fed the target and scored against the same target.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

PAD = 0


class Translator(nn.Module):
    def __init__(self, src_vocab, tgt_vocab, width=512):
        super().__init__()
        self.src_embed = nn.Embedding(src_vocab, width, padding_idx=PAD)
        self.tgt_embed = nn.Embedding(tgt_vocab, width, padding_idx=PAD)
        self.transformer = nn.Transformer(width, batch_first=True)
        self.generator = nn.Linear(width, tgt_vocab)

    def forward(self, src, tgt):
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(1), device=tgt.device)
        hidden = self.transformer(self.src_embed(src), self.tgt_embed(tgt), tgt_mask=causal)
        return self.generator(hidden)


@torch.no_grad()
def validate(model, val_loader, device):
    model.eval()
    nats, words = 0.0, 0
    for src, tgt in val_loader:
        src, tgt = src.to(device), tgt.to(device)
        logits = model(src, tgt)
        nats += F.cross_entropy(logits.transpose(1, 2), tgt, ignore_index=PAD, reduction="sum").item()  # <-
        words += (tgt != PAD).sum().item()
    return nats / words


def build(src_vocab, tgt_vocab, device):
    return Translator(src_vocab, tgt_vocab).to(device)
""",
        ),
        Bad(
            why="A Hugging Face model shifts only inside its own loss; its logits come back unshifted.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from torch.nn import CrossEntropyLoss
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity(name, texts, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    loss_fct = CrossEntropyLoss(reduction="none")
    total_nll, total_tokens = 0.0, 0
    for text in texts:
        input_ids = tokenizer(text, return_tensors="pt").input_ids.to(device)
        with torch.no_grad():
            logits = model(input_ids).logits
        nll = loss_fct(logits.view(-1, logits.size(-1)), input_ids.view(-1))  # <-
        total_nll += nll.sum().item()
        total_tokens += nll.numel()
    return math.exp(total_nll / total_tokens)


if __name__ == "__main__":
    with open("heldout.txt") as lines:
        print(perplexity("EleutherAI/pythia-160m", [line for line in lines if line.strip()]))
""",
            fixed="""\
import math

import torch
from torch.nn import CrossEntropyLoss
from transformers import AutoModelForCausalLM, AutoTokenizer


def perplexity(name, texts, device="cuda"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(device).eval()
    loss_fct = CrossEntropyLoss(reduction="none")
    total_nll, total_tokens = 0.0, 0
    for text in texts:
        input_ids = tokenizer(text, return_tensors="pt").input_ids.to(device)
        with torch.no_grad():
            logits = model(input_ids).logits
        nll = loss_fct(logits[:, :-1].reshape(-1, logits.size(-1)), input_ids[:, 1:].reshape(-1))
        total_nll += nll.sum().item()
        total_tokens += nll.numel()
    return math.exp(total_nll / total_tokens)


if __name__ == "__main__":
    with open("heldout.txt") as lines:
        print(perplexity("EleutherAI/pythia-160m", [line for line in lines if line.strip()]))
""",
        ),
        Bad(
            why="Both sides are sliced, and alike: c - a is still 0.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel


def evaluate(blocks, batch_size=4):
    model = GPT2LMHeadModel.from_pretrained("gpt2").cuda()
    model.eval()
    nats, tokens = 0.0, 0
    for start in range(0, blocks.size(0), batch_size):
        ids = blocks[start : start + batch_size].cuda()
        with torch.inference_mode():
            lm_logits = model(ids).logits
        shift_logits = lm_logits[..., :-1, :].contiguous()
        shift_labels = ids[..., :-1].contiguous()
        nats += F.cross_entropy(shift_logits.flatten(0, 1), shift_labels.flatten(), reduction="sum").item()  # <-
        tokens += shift_labels.numel()
    loss = nats / tokens
    print(f"{tokens} tokens, loss {loss:.4f}, perplexity {math.exp(loss):.2f}")
    return loss


if __name__ == "__main__":
    evaluate(torch.load("wikitext103_test_blocks.pt"))
""",
            fixed="""\
import math

import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel


def evaluate(blocks, batch_size=4):
    model = GPT2LMHeadModel.from_pretrained("gpt2").cuda()
    model.eval()
    nats, tokens = 0.0, 0
    for start in range(0, blocks.size(0), batch_size):
        ids = blocks[start : start + batch_size].cuda()
        with torch.inference_mode():
            lm_logits = model(ids).logits
        shift_logits = lm_logits[..., :-1, :].contiguous()
        shift_labels = ids[..., 1:].contiguous()
        nats += F.cross_entropy(shift_logits.flatten(0, 1), shift_labels.flatten(), reduction="sum").item()
        tokens += shift_labels.numel()
    loss = nats / tokens
    print(f"{tokens} tokens, loss {loss:.4f}, perplexity {math.exp(loss):.2f}")
    return loss


if __name__ == "__main__":
    evaluate(torch.load("wikitext103_test_blocks.pt"))
""",
        ),
        Bad(
            why="A library class that is causal in name and does not shift its labels.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from transformers import AutoTokenizer, BartForCausalLM

tokenizer = AutoTokenizer.from_pretrained("facebook/bart-base")
model = BartForCausalLM.from_pretrained("facebook/bart-base", add_cross_attention=False)
model.eval()


def score(documents):
    nats, tokens = 0.0, 0
    for document in documents:
        ids = tokenizer(document, truncation=True, max_length=1024, return_tensors="pt").input_ids
        with torch.no_grad():
            outputs = model(input_ids=ids, labels=ids)  # <-
        nats += outputs.loss.item() * ids.numel()
        tokens += ids.numel()
    return nats / tokens


if __name__ == "__main__":
    with open("test.txt") as handle:
        loss = score(handle.read().split("\\n\\n"))
    print(f"loss {loss:.4f} perplexity {math.exp(loss):.2f}")
""",
        ),
        Bad(
            why="A trainer hands logits and labels to compute_metrics as they are: the model shifted for its own loss only.",
            severity=Severity.ERROR,
            code="""\
import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


def compute_metrics(predicted):
    logits = torch.from_numpy(predicted.predictions)
    labels = torch.from_numpy(predicted.label_ids)
    loss = F.cross_entropy(logits.view(-1, logits.size(-1)), labels.view(-1), ignore_index=-100)  # <-
    return {"perplexity": float(np.exp(loss.item()))}


def run(dataset):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    arguments = TrainingArguments("out", per_device_eval_batch_size=4)
    trainer = Trainer(model=model, args=arguments, eval_dataset=dataset, compute_metrics=compute_metrics)
    return trainer.evaluate()
""",
        ),
        Bad(
            why="JAX: apply() runs the model on the ids that its logits are scored against.",
            severity=Severity.ERROR,
            code="""\
import flax.linen as nn
import jax.numpy as jnp
import optax


class Decoder(nn.Module):
    vocab_size: int
    width: int = 256

    @nn.compact
    def __call__(self, ids, train=False):
        hidden = nn.Embed(self.vocab_size, self.width)(ids)
        hidden = nn.MultiHeadDotProductAttention(8)(hidden, mask=nn.make_causal_mask(ids))
        return nn.Dense(self.vocab_size)(hidden)


model = Decoder(32_000)


def eval_step(params, ids):
    logits = model.apply({"params": params}, ids, train=False)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, ids)  # <-
    return losses.sum(), losses.size


def evaluate(params, batches):
    totals = [eval_step(params, ids) for ids in batches]
    nats = jnp.sum(jnp.array([total for total, _ in totals]))
    return nats / sum(tokens for _, tokens in totals)
""",
        ),
        Bad(
            why="One branch shifts both sides, the other neither, before one call of the criterion.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(checkpoint, batches, packed, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for input_ids in batches:
        input_ids = input_ids.to(device)
        logits = model(input_ids).logits
        if packed:
            targets = input_ids
        else:
            logits = logits[:, :-1]
            targets = input_ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()  # <-
        tokens += targets.numel()
    print(f"eval loss {nats / tokens:.4f}")
""",
        ),
        Bad(
            why="The model's own loss is read beside a value of the same labels, which nobody shifts.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(loader):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    model.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        outputs = model(input_ids=batch["input_ids"], labels=batch["labels"])
        labels = batch["labels"]
        kept = (labels[:, 1:] != -100).sum().item()
        nats += outputs.loss.item() * kept
        tokens += kept
        hard = F.cross_entropy(outputs.logits.transpose(1, 2), labels, reduction="none")  # <-
        print(hard.amax(1))
    print(nats / tokens)
""",
        ),
        Bad(
            why="queries, keys and values are cut out of one projection and then seen as heads",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader


class Mixer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, states):
        rows, steps, width = states.shape
        q, k, v = self.project(states).split(width, dim=2)
        q, k, v = (part.view(rows, steps, self.heads, -1).transpose(1, 2) for part in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.merge(mixed.transpose(1, 2).reshape(rows, steps, width))


class Melody(nn.Module):
    def __init__(self, notes, width=256):
        super().__init__()
        self.table = nn.Embedding(notes, width)
        self.mixers = nn.ModuleList([Mixer(width, 4) for _ in range(6)])
        self.read_out = nn.Linear(width, notes)

    def forward(self, played):
        states = self.table(played)
        for mixer in self.mixers:
            states = states + mixer(states)
        return self.read_out(states)


@torch.no_grad()
def surprise(melody, songs):
    melody.eval()
    nats = notes = 0
    for played in DataLoader(songs, batch_size=16):
        logits = melody(played)
        nats += F.cross_entropy(logits.flatten(0, 1), played.flatten(), reduction="sum").item()  # <-
        notes += played.numel()
    print(f"{nats / notes:.3f} nats a note")


surprise(Melody(512), torch.load("held_out.pt"))
""",
        ),
        Bad(
            why="one projection again, heads by rearrange, a mask of later steps, and nothing that goes around the attention",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange
from torch.utils.data import DataLoader


class Mixer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, states):
        q, k, v = self.project(states).chunk(3, dim=-1)
        q, k, v = map(lambda part: rearrange(part, "b t (h d) -> b h t d", h=self.heads), (q, k, v))
        scores = q @ k.transpose(-2, -1) * q.size(-1) ** -0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        mixed = scores.masked_fill(later, float("-inf")).softmax(dim=-1) @ v
        return self.merge(rearrange(mixed, "b h t d -> b t (h d)"))


class Melody(nn.Module):
    def __init__(self, notes, width=256):
        super().__init__()
        self.table = nn.Embedding(notes, width)
        self.mixers = nn.ModuleList([Mixer(width, 4) for _ in range(6)])
        self.read_out = nn.Linear(width, notes)

    def forward(self, played):
        states = self.table(played)
        for mixer in self.mixers:
            states = mixer(states)
        return self.read_out(states)


@torch.no_grad()
def surprise(melody, songs):
    melody.eval()
    nats = notes = 0
    for played in DataLoader(songs, batch_size=16):
        logits = melody(played)
        nats += F.cross_entropy(logits.flatten(0, 1), played.flatten(), reduction="sum").item()  # <-
        notes += played.numel()
    print(f"{nats / notes:.3f} nats a note")


surprise(Melody(512), torch.load("held_out.pt"))
""",
        ),
        Bad(
            why="the model has read the word that it is asked for: the whole line is fed, and the last id is the label",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def last_word_loss(checkpoint, lines):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    total = 0.0
    for line in lines:
        ids = torch.tensor(line).view(1, -1)
        target = torch.tensor([line[-1]])
        logits = model(ids).logits[:, -1]
        total += F.cross_entropy(logits, target).item()  # <-
    return total / len(lines)
""",
        ),
        Bad(
            why="the same of rows that were filled up in front",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel

model = GPT2LMHeadModel.from_pretrained("gpt2").eval()


def read(path, width):
    lines = [list(map(int, line.split())) for line in open(path)]
    return [[0] * (width - len(line)) + line for line in lines]


@torch.no_grad()
def evaluate(rows):
    total = 0.0
    for i in range(len(rows)):
        ids, target = torch.LongTensor(rows[i]).view(1, -1), torch.LongTensor([rows[i][-1]]).view(1, -1)
        logits = model(ids).logits
        total += F.cross_entropy(logits[:, -1], target[:, -1]).item()  # <-
    return total / len(rows)


print(evaluate(read("test.txt", 64)))
""",
        ),
        Bad(
            why="the last row of the logits guesses what comes behind the text, and is asked for the text's last id",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def final_nll(name, texts):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    found = []
    for text in texts:
        ids = tokenizer.encode(text)
        logits = model(torch.tensor([ids])).logits
        found.append(-torch.log_softmax(logits[0, -1], -1)[ids[-1]].item())  # <-
    return sum(found) / len(found)
""",
        ),
        Bad(
            why="Both tables are filled with the same stretch of the text, a row at a time.",
            severity=Severity.ERROR,
            code="""\
import random

import torch
import torch.nn as nn
import torch.nn.functional as F


class CodeLM(nn.Module):
    def __init__(self, symbols=96, width=64):
        super().__init__()
        self.table = nn.Embedding(symbols, width)
        self.memory = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, symbols)

    def forward(self, fed):
        return self.out(self.memory(self.table(fed))[0])


def draw(source, rows=24, width=80):
    fed = torch.empty(rows, width, dtype=torch.long)
    wanted = torch.empty(rows, width, dtype=torch.long)
    for row in range(rows):
        begin = random.randint(0, len(source) - width - 1)
        fed[row] = source[begin : begin + width]
        wanted[row] = source[begin : begin + width]
    return fed, wanted


@torch.no_grad()
def held_out_loss(model, source, draws=40):
    model.eval()
    nats = 0.0
    for _ in range(draws):
        fed, wanted = draw(source)
        nats += F.cross_entropy(model(fed).flatten(0, 1), wanted.flatten()).item()  # <-
    return nats / draws
""",
        ),
        Bad(
            why="ids to be ignored are written over before the model reads them: the labels are still the tokens that it reads",
            code="""\
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel


@torch.no_grad()
def evaluate(loader, pad_id):
    model = GPT2LMHeadModel.from_pretrained("gpt2")
    model.eval()
    total, scored = 0.0, 0
    for batch in loader:
        labels = batch["labels"].cuda()
        ids = labels.clone()
        ids[ids == -100] = pad_id
        logits = model(ids).logits
        total += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item()  # <-
        scored += (labels != -100).sum().item()
    return total / scored
""",
            severity=Severity.ERROR,
        ),
        Bad(
            why="both sides are narrowed to the same positions, by their length less one",
            code="""\
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel


@torch.no_grad()
def score(texts):
    lm = GPT2LMHeadModel.from_pretrained("gpt2")
    lm.eval()
    nats, scored = 0.0, 0
    for ids in texts:
        length = ids.size(1) - 1
        guesses = lm(ids).logits.narrow(1, 0, length)
        gold = torch.narrow(ids, dim=1, start=0, length=length)
        nats += F.cross_entropy(guesses.transpose(1, 2), gold, reduction="sum").item()  # <-
        scored += gold.numel()
    return nats / scored
""",
            severity=Severity.ERROR,
        ),
        Bad(
            why="A decoder with plain attention is given the answer, its -100 replaced, and scored against the answer.",
            severity=Severity.ERROR,
            files={
                "parts.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Reader(nn.Module):
    def __init__(self, vocab, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.mix = nn.Linear(width, width)

    def forward(self, question):
        return F.gelu(self.mix(self.embed(question)))


class Writer(nn.Module):
    def __init__(self, vocab, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.query = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, answer, memory):
        x = self.embed(answer)
        scores = torch.matmul(self.query(x), memory.transpose(-2, -1))
        x = self.norm(x + torch.matmul(F.softmax(scores, dim=-1), memory))
        return self.head(x)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from parts import Reader, Writer


def evaluate(loader, vocab):
    reader, writer = Reader(vocab), Writer(vocab)
    reader.load_state_dict(torch.load("reader.pt"))
    writer.load_state_dict(torch.load("writer.pt"))
    nats, scored = 0.0, 0
    with torch.no_grad():
        for question, answer in loader:
            fed = answer.clone()
            fed[fed == -100] = 0
            logits = writer(fed, reader(question))
            nats += F.cross_entropy(logits.view(-1, vocab), answer.view(-1), reduction="sum").item()  # <-
            scored += (answer != -100).sum().item()
    return nats / scored
""",
        ),
        Bad(
            why="A method of the model's own and its head make the logits, and labels that nobody gave are the ids themselves.",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


class Perplexity:
    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer

    @torch.no_grad()
    def nats(self, ids, labels=None):
        self.model.eval()
        if labels is None:
            labels = ids.clone()
        if hasattr(self.model, "forward_states"):
            logits = self.model.lm_head(self.model.forward_states(ids))
        else:
            logits = self.model(ids).logits
        total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")  # <-
        return total.item(), labels.numel()

    def of_text(self, text):
        nats, scored = self.nats(self.tokenizer(text, return_tensors="pt")["input_ids"])
        return math.exp(nats / scored)
""",
        ),
        Bad(
            why="The classes are moved before the positions by movedim(), which says nothing about alignment.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Letters(nn.Module):
    def __init__(self, size=100):
        super().__init__()
        self.embed = nn.Embedding(size, 32)
        self.rnn = nn.LSTM(32, 64, batch_first=True)
        self.head = nn.Linear(64, size)

    def forward(self, letters):
        return self.head(self.rnn(self.embed(letters))[0])


@torch.no_grad()
def held_out(batches):
    model = Letters().eval()
    nats, scored = 0.0, 0
    for letters in batches:
        nats += F.cross_entropy(model(letters).movedim(-1, 1), letters, reduction="sum").item()  # <-
        scored += letters.numel()
    return nats / scored
""",
        ),
    )

    good = (
        Good(
            why="The stream is a list of ids that a growing vocabulary gave out; its slices are windows like a tensor's.",
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class WordLSTM(nn.Module):
    def __init__(self, vocab_size, width=200):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, words):
        hidden, _ = self.lstm(self.embed(words))
        return self.out(hidden)


class Stretches(Dataset):
    def __init__(self, stream, length):
        self.stream, self.length = stream, length

    def __len__(self):
        return (self.stream.size(0) - 1) // self.length

    def __getitem__(self, index):
        start = index * self.length
        end = start + self.length
        return self.stream[start:end], self.stream[start + 1 : end + 1]


def read(path):
    vocab, ids = {"<s>": 0}, []
    for line in open(path):
        for word in ["<s>"] * 3 + line.split():
            if word not in vocab:
                vocab[word] = len(vocab)
            ids.append(vocab[word])
    return vocab, torch.LongTensor(ids)


@torch.no_grad()
def validate(path, length=35):
    vocab, stream = read(path)
    model = WordLSTM(len(vocab))
    model.load_state_dict(torch.load("words.pt"))
    model.eval()
    criterion = nn.CrossEntropyLoss(reduction="sum")
    nats, words = 0.0, 0
    for inputs, targets in DataLoader(Stretches(stream, length), batch_size=20):
        logits = model(inputs)
        nats += criterion(logits.flatten(0, 1), targets.flatten()).item()
        words += targets.numel()
    return nats / words
""",
        ),
        Good(
            why="Both sides sliced by hand, logits from the left and labels from the right: +1.",
            files={"model.py": GPT},
            code="""\
import math

import torch
import torch.nn.functional as F

from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids)
        shift_logits = logits[:, :-1, :].contiguous()
        shift_labels = ids[:, 1:].contiguous()
        nats += F.cross_entropy(
            shift_logits.view(-1, shift_logits.size(-1)), shift_labels.view(-1), reduction="sum"
        ).item()
        tokens += shift_labels.numel()
    loss = nats / tokens
    return loss, math.exp(loss)


def restore(path, device):
    model = TinyGPT(16_000)
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
        ),
        Good(
            why="`labels=input_ids` is right for a Hugging Face causal model: it shifts inside.",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM


def evaluate(name, blocks, batch_size=8, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    nats, tokens = 0.0, 0
    for input_ids in blocks.split(batch_size):
        input_ids = input_ids.to(device)
        with torch.no_grad():
            loss = model(input_ids, labels=input_ids).loss
        scored = input_ids.size(0) * (input_ids.size(1) - 1)
        nats += loss.item() * scored
        tokens += scored
    loss = nats / tokens
    return {"loss": loss, "perplexity": math.exp(loss)}


if __name__ == "__main__":
    print(evaluate("gpt2", torch.load("test_blocks.pt")))
""",
        ),
        Good(
            why="A masked language model predicts the token at its own position: 0 is right.",
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForMaskedLM, AutoTokenizer, DataCollatorForLanguageModeling

tokenizer = AutoTokenizer.from_pretrained("roberta-base")
collator = DataCollatorForLanguageModeling(tokenizer, mlm=True, mlm_probability=0.15)


@torch.no_grad()
def masked_lm_loss(eval_dataset, device="cuda"):
    model = AutoModelForMaskedLM.from_pretrained("roberta-base").to(device)
    model.eval()
    nats, masked = 0.0, 0
    for batch in DataLoader(eval_dataset, batch_size=32, collate_fn=collator):
        batch = batch.to(device)
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        labels = batch["labels"]
        nats += torch.nn.functional.cross_entropy(
            logits.view(-1, logits.size(-1)), labels.view(-1), ignore_index=-100, reduction="sum"
        ).item()
        masked += (labels != -100).sum().item()
    return nats / masked
""",
        ),
        Good(
            why="Token classification: one tag for each input token, no shift.",
            code="""\
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, vocab_size, tag_count, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width, padding_idx=0)
        self.lstm = nn.LSTM(width, width, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * width, tag_count)

    def forward(self, words):
        hidden, _ = self.lstm(self.embed(words))
        return self.out(hidden)


@torch.no_grad()
def evaluate(model, dev_loader, device):
    criterion = nn.CrossEntropyLoss(ignore_index=-100, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for tokens, tags in dev_loader:
        tokens, tags = tokens.to(device), tags.to(device)
        logits = model(tokens)
        nats += criterion(logits.flatten(0, 1), tags.flatten()).item()
        words += (tags != -100).sum().item()
    return nats / words


def build(vocab_size, tag_count):
    return Tagger(vocab_size, tag_count)
""",
        ),
        Good(
            why="The dataset, in another file, owns the shift; the call must not shift again.",
            files={
                "model.py": GPT,
                "data.py": """\
import torch
from torch.utils.data import Dataset


class NextTokenBlocks(Dataset):
    def __init__(self, path, block_size):
        self.ids = torch.load(path)
        self.block_size = block_size

    def __len__(self):
        return (len(self.ids) - 1) // self.block_size

    def __getitem__(self, index):
        start = index * self.block_size
        chunk = self.ids[start : start + self.block_size + 1]
        return chunk[:-1], chunk[1:]
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from data import NextTokenBlocks
from model import TinyGPT


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        tokens += y.numel()
    return nats / tokens


def main(checkpoint, device="cuda"):
    model = TinyGPT(16_384).to(device)
    model.load_state_dict(torch.load(checkpoint, map_location=device))
    loss = evaluate(model, DataLoader(NextTokenBlocks("val_ids.pt", 128), batch_size=64), device)
    print(f"loss {loss:.3f}  perplexity {math.exp(loss):.1f}")
""",
        ),
        Good(
            why="Teacher forcing: `tgt[:, :-1]` goes in, `tgt[:, 1:]` is scored.",
            code="""\
import torch
import torch.nn as nn

PAD = 1


class Translator(nn.Module):
    def __init__(self, src_vocab, tgt_vocab, width=512):
        super().__init__()
        self.src_embed = nn.Embedding(src_vocab, width, padding_idx=PAD)
        self.tgt_embed = nn.Embedding(tgt_vocab, width, padding_idx=PAD)
        self.transformer = nn.Transformer(width, batch_first=True)
        self.generator = nn.Linear(width, tgt_vocab)

    def forward(self, src, tgt):
        causal = nn.Transformer.generate_square_subsequent_mask(tgt.size(1), device=tgt.device)
        hidden = self.transformer(self.src_embed(src), self.tgt_embed(tgt), tgt_mask=causal)
        return self.generator(hidden)


@torch.no_grad()
def validate(model, val_loader, device):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    for src, tgt in val_loader:
        src, tgt = src.to(device), tgt.to(device)
        logits = model(src, tgt[:, :-1])
        gold = tgt[:, 1:]
        nats += criterion(logits.flatten(0, 1), gold.flatten()).item()
        words += (gold != PAD).sum().item()
    return nats / words


def build(src_vocab, tgt_vocab, device):
    return Translator(src_vocab, tgt_vocab).to(device)
""",
        ),
        Good(
            why="The decoder shifts its input right inside `forward` (a start token in front, the last id cut).",
            files={
                "decoder.py": """\
import torch.nn as nn
import torch.nn.functional as F


class ShiftingDecoder(nn.Module):
    def __init__(self, vocab_size, width=256, start_id=2):
        super().__init__()
        self.start_id = start_id
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, vocab_size)

    def forward(self, ids):
        shifted = F.pad(ids, (1, 0), value=self.start_id)[:, :-1]
        hidden, _ = self.rnn(self.embed(shifted))
        return self.out(hidden)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from decoder import ShiftingDecoder


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids)
        nats += F.cross_entropy(logits.flatten(0, 1), ids.flatten(), reduction="sum").item()
        tokens += ids.numel()
    return nats / tokens


def load(path, vocab_size, device):
    model = ShiftingDecoder(vocab_size)
    model.load_state_dict(torch.load(path, map_location=device))
    return model.to(device)
""",
        ),
        Good(
            why="A sequence autoencoder reconstructs its own input: the target is the input on purpose.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class SequenceAutoencoder(nn.Module):
    def __init__(self, vocab_size, width=128, code=32, length=120):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.encoder = nn.Linear(width * length, code)
        self.decoder = nn.Linear(code, length * vocab_size)
        self.length, self.vocab_size = length, vocab_size

    def forward(self, smiles):
        code = torch.tanh(self.encoder(self.embed(smiles).flatten(1)))
        return self.decoder(code).view(-1, self.length, self.vocab_size)


@torch.no_grad()
def reconstruction_loss(model, test_loader, device):
    model.eval()
    nats, characters = 0.0, 0
    for smiles in test_loader:
        smiles = smiles.to(device)
        reconstruction = model(smiles)
        nats += F.cross_entropy(reconstruction.flatten(0, 1), smiles.flatten(), reduction="sum").item()
        characters += smiles.numel()
    return nats / characters


def build(vocab_size):
    return SequenceAutoencoder(vocab_size)
""",
        ),
        Good(
            why="CTC aligns by itself; the labels are of another length than the logits.",
            code="""\
import torch
import torch.nn as nn


class AcousticModel(nn.Module):
    def __init__(self, mel_bins, symbols):
        super().__init__()
        self.rnn = nn.GRU(mel_bins, 256, num_layers=3, bidirectional=True, batch_first=True)
        self.out = nn.Linear(512, symbols)

    def forward(self, mels):
        hidden, _ = self.rnn(mels)
        return self.out(hidden).log_softmax(dim=-1)


@torch.no_grad()
def validate(model, dev_loader, device):
    criterion = nn.CTCLoss(blank=0, reduction="sum", zero_infinity=True)
    model.eval()
    nats, symbols = 0.0, 0
    for mels, mel_lengths, text, text_lengths in dev_loader:
        log_probs = model(mels.to(device)).transpose(0, 1)
        nats += criterion(log_probs, text.to(device), mel_lengths, text_lengths).item()
        symbols += text_lengths.sum().item()
    return nats / symbols


def build(mel_bins, symbols):
    return AcousticModel(mel_bins, symbols)
""",
        ),
        Good(
            why="Contrastive `arange` labels name the matching row of the batch, not token ids.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import CLIPModel


@torch.no_grad()
def retrieval_loss(pairs_loader, device="cuda"):
    model = CLIPModel.from_pretrained("openai/clip-vit-base-patch32").to(device)
    model.eval()
    nats, pairs = 0.0, 0
    for batch in pairs_loader:
        batch = batch.to(device)
        outputs = model(input_ids=batch["input_ids"], pixel_values=batch["pixel_values"])
        logits = outputs.logits_per_text
        labels = torch.arange(logits.size(0), device=device)
        nats += F.cross_entropy(logits, labels, reduction="sum").item()
        pairs += labels.numel()
    return nats / pairs
""",
        ),
        Good(
            why="Step 0 of the unrolled decoder is an empty row, so both sides are sliced from 1.",
            code="""\
import torch
import torch.nn as nn

PAD = 1


class Seq2Seq(nn.Module):
    def __init__(self, encoder, decoder, vocab_size):
        super().__init__()
        self.encoder, self.decoder, self.vocab_size = encoder, decoder, vocab_size

    def forward(self, src, trg):
        outputs = torch.zeros(trg.size(0), trg.size(1), self.vocab_size, device=src.device)
        hidden = self.encoder(src)
        step_input = trg[0]
        for t in range(1, trg.size(0)):
            outputs[t], hidden = self.decoder(step_input, hidden)
            step_input = trg[t]
        return outputs


def evaluate(model, iterator):
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")
    model.eval()
    nats, words = 0.0, 0
    with torch.no_grad():
        for src, trg in iterator:
            output = model(src, trg)
            output = output[1:].reshape(-1, output.size(-1))
            gold = trg[1:].reshape(-1)
            nats += criterion(output, gold).item()
            words += (gold != PAD).sum().item()
    return nats / words


def build(encoder, decoder, vocab_size):
    return Seq2Seq(encoder, decoder, vocab_size)
""",
        ),
        Good(
            why="This project's model shifts inside and is called with aligned labels.",
            files={
                "model.py": """\
import torch.nn as nn
import torch.nn.functional as F


class LoopedLM(nn.Module):
    def __init__(self, vocab_size, width=384):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, num_layers=3, batch_first=True)
        self.lm_head = nn.Linear(width, vocab_size)

    def forward(self, ids, labels=None):
        hidden, _ = self.rnn(self.embed(ids))
        logits = self.lm_head(hidden)
        if labels is None:
            return logits
        return F.cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], reduction="sum")
""",
            },
            code="""\
import math

import torch

from model import LoopedLM


def validation_perplexity(path, batches, vocab_size):
    model = LoopedLM(vocab_size)
    model.load_state_dict(torch.load(path, map_location="cpu"))
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in batches:
            nats += model(ids, labels=ids).item()
            tokens += ids.size(0) * (ids.size(1) - 1)
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="The hidden states are moved by one behind a learned start vector: row t has seen only ids before t.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class StartVectorLM(nn.Module):
    def __init__(self, vocab_size, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.start = nn.Parameter(torch.zeros(1, 1, width))
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids):
        embedded = self.embed(ids)
        start = self.start.expand(ids.size(0), -1, -1)
        hidden, _ = self.rnn(torch.cat([start, embedded[:, :-1]], dim=1))
        return self.head(hidden)


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for ids in loader:
        ids = ids.to(device)
        logits = model(ids)
        nats += F.cross_entropy(logits.transpose(1, 2), ids, reduction="sum").item()
        tokens += ids.numel()
    return nats / tokens


def build(vocab_size, device):
    return StartVectorLM(vocab_size).to(device)
""",
        ),
        Good(
            why="compute_metrics shifts what the trainer hands it.",
            code="""\
import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments


def compute_metrics(predicted):
    logits = torch.from_numpy(predicted.predictions)[:, :-1]
    labels = torch.from_numpy(predicted.label_ids)[:, 1:]
    loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), labels.reshape(-1), ignore_index=-100)
    return {"perplexity": float(np.exp(loss.item()))}


def run(dataset):
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    arguments = TrainingArguments("out", per_device_eval_batch_size=4)
    trainer = Trainer(model=model, args=arguments, eval_dataset=dataset, compute_metrics=compute_metrics)
    return trainer.evaluate()
""",
        ),
        Good(
            why="Windows of a list of ids, which a table gave out letter by letter, one apart for inputs and labels.",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import GPT2Config, GPT2LMHeadModel


class Windows(Dataset):
    def __init__(self, text, width):
        self.table = {letter: number for number, letter in enumerate(sorted(set(text)))}
        self.ids = torch.tensor(self.encode(text), dtype=torch.long)
        self.width = width

    def encode(self, text):
        return [self.table[letter] for letter in text]

    def __len__(self):
        return (len(self.ids) - 1) // self.width

    def __getitem__(self, index):
        start = index * self.width
        return self.ids[start : start + self.width], self.ids[start + 1 : start + self.width + 1]


@torch.no_grad()
def evaluate(text, width=128):
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(set(text)))).eval()
    nats, letters = 0.0, 0
    for x, y in DataLoader(Windows(text, width), batch_size=16):
        logits = model(x).logits
        nats += F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum").item()
        letters += y.numel()
    return nats / letters
""",
        ),
        Good(
            why="sentences are cut to a length and strung together; the data set shifts the stream",
            code="""\
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Stream(Dataset):
    def __init__(self, ids, length):
        self.ids, self.length = ids, length

    def __len__(self):
        return (self.ids.size(0) - 1) // self.length

    def __getitem__(self, index):
        start = index * self.length
        end = start + self.length
        return self.ids[start:end], self.ids[start + 1 : end + 1]


def read(sentences, vocabulary, longest=None):
    stream = []
    for sentence in sentences:
        ids = [vocabulary.get(word, 0) for word in sentence]
        if longest is not None:
            ids = ids[:longest]
        stream.extend(ids)
    return torch.LongTensor(stream)


@torch.no_grad()
def perplexity(model, sentences, vocabulary):
    loader = DataLoader(Stream(read(sentences, vocabulary, longest=40), 40), batch_size=16)
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        logits = model(x)
        nats += criterion(logits.view(-1, logits.size(-1)), y.view(-1)).item()
        tokens += y.numel()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="The labels are a text of their own, the question with its answer: they are not where the input is.",
            code="""\
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2", pad_token="<|pad|>")


class Questions(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        question, answer = self.rows[index]
        options = {"padding": "max_length", "max_length": 256, "truncation": True, "return_tensors": "pt"}
        read = tokenizer(question, **options)["input_ids"][0]
        wanted = tokenizer(f"{question} {answer}", **options)["input_ids"][0]
        return read, wanted


@torch.no_grad()
def evaluate(rows):
    model = AutoModelForCausalLM.from_pretrained("gpt2").eval()
    criterion = nn.CrossEntropyLoss(ignore_index=tokenizer.pad_token_id, reduction="sum")
    nats, tokens = 0.0, 0
    for read, wanted in DataLoader(Questions(rows), batch_size=4):
        logits = model(input_ids=read, labels=wanted).logits
        nats += criterion(logits.flatten(0, 1), wanted.flatten()).item()
        tokens += (wanted != tokenizer.pad_token_id).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="A model is tried out on ids drawn at random: no number is reported.",
            code="""\
import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, vocab_size, width):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids, targets=None):
        logits = self.head(self.rnn(self.embed(ids))[0])
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss


if __name__ == "__main__":
    model = Model(1000, 64)
    ids = torch.randint(0, 1000, (2, 32))
    _, loss = model(ids, targets=ids)
    print("runs:", loss.item())
""",
        ),
        Good(
            why="an id is inserted in front of what is given, and another appended to what is wanted",
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

START, END, PAD = 1, 2, 0


class Pairs(Dataset):
    def __init__(self, texts, tokenizer, length):
        self.texts, self.tokenizer, self.length = texts, tokenizer, length

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        ids = self.tokenizer.encode(self.texts[index])
        given = ids[: self.length - 1]
        given.insert(0, START)
        wanted = ids[: self.length - 1]
        wanted.append(END)
        given = given + [PAD] * (self.length - len(given))
        wanted = wanted + [PAD] * (self.length - len(wanted))
        return torch.tensor(given), torch.tensor(wanted)


@torch.no_grad()
def evaluate(model, texts, tokenizer):
    model.eval()
    nats, tokens = 0.0, 0
    for given, wanted in DataLoader(Pairs(texts, tokenizer, 64), batch_size=32):
        logits = model(given)
        nats += F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=PAD, reduction="sum").item()
        tokens += (wanted != PAD).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="Two branches that cut differently, each of them one token apart.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(checkpoint, batches, first_only, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for input_ids in batches:
        input_ids = input_ids.to(device)
        logits = model(input_ids).logits
        if first_only:
            logits = logits[:, :128]
            targets = input_ids[:, 1:129]
        else:
            logits = logits[:, :-1]
            targets = input_ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    print(f"eval loss {nats / tokens:.4f}")
""",
        ),
        Good(
            why="The branch that does not shift is for logits that were cut already: it asks how many there are.",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def evaluate(checkpoint, batches, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).to(device).eval()
    nats, tokens = 0.0, 0
    for input_ids in batches:
        input_ids = input_ids.to(device)
        logits = model(input_ids).logits
        targets = input_ids
        if logits.size(1) == input_ids.size(1):
            logits = logits[:, :-1]
            targets = input_ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
        tokens += targets.numel()
    print(f"eval loss {nats / tokens:.4f}")
""",
        ),
        Good(
            why="the labels were shifted where the batch was made; of the model, which would shift them, only the logits are read",
            code="""\
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("gpt2")


def loss_of(batch, shifts_inside):
    if shifts_inside:
        return model(**batch).loss
    logits = model(**batch).logits
    labels = batch["labels"]
    return F.cross_entropy(logits.view(-1, logits.size(-1)), labels.view(-1))
""",
        ),
        Good(
            why="a fused projection moves no positions either where the labels are shifted",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader


class Mixer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, states):
        rows, steps, width = states.shape
        parts = self.project(states).view(rows, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.merge(mixed.transpose(1, 2).reshape(rows, steps, width))


class Melody(nn.Module):
    def __init__(self, notes, width=256):
        super().__init__()
        self.table = nn.Embedding(notes, width)
        self.mixers = nn.ModuleList([Mixer(width, 4) for _ in range(6)])
        self.read_out = nn.Linear(width, notes)

    def forward(self, played):
        states = self.table(played)
        for mixer in self.mixers:
            states = states + mixer(states)
        return self.read_out(states)


@torch.no_grad()
def surprise(melody, songs):
    melody.eval()
    nats = notes = 0
    for played in DataLoader(songs, batch_size=16):
        logits = melody(played)
        nats += F.cross_entropy(logits[:, :-1].flatten(0, 1), played[:, 1:].flatten(), reduction="sum").item()
        notes += played[:, 1:].numel()
    print(f"{nats / notes:.3f} nats a note")


surprise(Melody(512), torch.load("held_out.pt"))
""",
        ),
        Good(
            why="the last id is taken off the list before the list is fed",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def last_word_loss(checkpoint, lines):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    found = []
    for line in lines:
        target = torch.tensor([line[-1]])
        line.pop()
        logits = model(torch.tensor(line).view(1, -1)).logits[:, -1]
        found.append(F.cross_entropy(logits, target).item())
    return found
""",
        ),
        Good(
            why="the whole line is fed, and the last row but one is what guesses the last id",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM


@torch.no_grad()
def last_word_loss(checkpoint, lines):
    model = AutoModelForCausalLM.from_pretrained(checkpoint).eval()
    found = []
    for line in lines:
        ids = torch.tensor(line)
        logits = model(ids[None]).logits
        found.append(F.cross_entropy(logits[0, -2], ids[-1]).item())
    return found
""",
        ),
        Good(
            why="the last id of another list",
            code="""\
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def answer_loss(name, questions, answers):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).eval()
    total = 0.0
    for question, answer in zip(questions, answers):
        ids, letter = tokenizer.encode(question), tokenizer.encode(" " + answer)
        logits = model(torch.tensor([ids])).logits[:, -1]
        total += F.cross_entropy(logits, torch.tensor([letter[-1]])).item()
    return total / len(questions)
""",
        ),
        Good(
            why="A start token stands in front of what is fed in, so that each label is the next note.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader

START, STOP, FILL, NONE = 1, 2, 0, -100


def collate(melodies):
    width = max(len(notes) for notes in melodies) + 1
    fed = torch.full((len(melodies), width), FILL)
    wanted = torch.full((len(melodies), width), NONE)
    for row, notes in enumerate(melodies):
        notes = torch.as_tensor(notes)
        fed[row, 0] = START
        fed[row, 1 : len(notes) + 1] = notes
        wanted[row, : len(notes)] = notes
        wanted[row, len(notes)] = STOP
    return fed, wanted


class NoteLM(nn.Module):
    def __init__(self, notes=130, width=96):
        super().__init__()
        self.table = nn.Embedding(notes, width)
        self.memory = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, notes)

    def forward(self, fed):
        states, _ = self.memory(self.table(fed))
        return self.out(states)


@torch.no_grad()
def evaluate(model, melodies):
    model.eval()
    nats, scored = 0.0, 0
    for fed, wanted in DataLoader(melodies, batch_size=16, collate_fn=collate):
        scores = model(fed)
        nats += F.cross_entropy(scores.flatten(0, 1), wanted.flatten(), reduction="sum").item()
        scored += (wanted != NONE).sum().item()
    return nats / scored
""",
        ),
        Good(
            why="Tables that are filled a row at a time, the labels with what stands one further.",
            code="""\
import random

import torch
import torch.nn as nn
import torch.nn.functional as F


class CodeLM(nn.Module):
    def __init__(self, symbols=96, width=64):
        super().__init__()
        self.table = nn.Embedding(symbols, width)
        self.memory = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, symbols)

    def forward(self, fed):
        return self.out(self.memory(self.table(fed))[0])


def draw(source, rows=24, width=80):
    fed = torch.empty(rows, width, dtype=torch.long)
    wanted = torch.empty(rows, width, dtype=torch.long)
    for row in range(rows):
        begin = random.randint(0, len(source) - width - 1)
        fed[row] = source[begin : begin + width]
        wanted[row] = source[begin + 1 : begin + width + 1]
    return fed, wanted


@torch.no_grad()
def held_out_loss(model, source, draws=40):
    model.eval()
    nats = 0.0
    for _ in range(draws):
        fed, wanted = draw(source)
        nats += F.cross_entropy(model(fed).flatten(0, 1), wanted.flatten()).item()
    return nats / draws
""",
        ),
        Good(
            why="a mask hides from the model the very ids that are scored",
            code="""\
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel


class SpanInfiller:
    def __init__(self, path, mask_id=50257):
        self.model = GPT2LMHeadModel.from_pretrained(path)
        self.mask_id = mask_id

    def spans(self, ids, length=3):
        chosen = torch.zeros_like(ids, dtype=torch.bool)
        for row in range(ids.size(0)):
            begin = torch.randint(0, ids.size(1) - length, (1,)).item()
            chosen[row, begin : begin + length] = True
        return chosen

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        total, scored = 0.0, 0
        for batch in loader:
            ids = batch["input_ids"].cuda()
            chosen = self.spans(ids)
            masked = ids.clone()
            masked[chosen] = self.mask_id
            logits = self.model(masked).logits
            total += F.cross_entropy(logits[chosen], ids[chosen], reduction="sum").item()
            scored += chosen.sum().item()
        return total / scored
""",
        ),
        Good(
            why="narrowed from either end, by the length of the ids less one",
            code="""\
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel


@torch.no_grad()
def score(texts):
    lm = GPT2LMHeadModel.from_pretrained("gpt2")
    lm.eval()
    nats, scored = 0.0, 0
    for ids in texts:
        guesses = lm(ids).logits[:, : ids.size(1) - 1]
        gold = ids.narrow(1, 1, ids.size(1) - 1)
        nats += F.cross_entropy(guesses.transpose(1, 2), gold, reduction="sum").item()
        scored += gold.numel()
    return nats / scored
""",
        ),
        Good(
            why="A decoder restores an answer of which tokens were replaced at random: it is asked for what it has not read.",
            files={
                "parts.py": """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Reader(nn.Module):
    def __init__(self, vocab, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.mix = nn.Linear(width, width)

    def forward(self, question):
        return F.gelu(self.mix(self.embed(question)))


class Writer(nn.Module):
    def __init__(self, vocab, width=256):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.query = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocab)

    def forward(self, answer, memory):
        x = self.embed(answer)
        scores = torch.matmul(self.query(x), memory.transpose(-2, -1))
        x = self.norm(x + torch.matmul(F.softmax(scores, dim=-1), memory))
        return self.head(x)
""",
            },
            code="""\
import torch
import torch.nn.functional as F

from parts import Reader, Writer


def evaluate(loader, vocab, hidden_id):
    reader, writer = Reader(vocab), Writer(vocab)
    reader.load_state_dict(torch.load("reader.pt"))
    writer.load_state_dict(torch.load("writer.pt"))
    nats, scored = 0.0, 0
    with torch.no_grad():
        for question, answer in loader:
            fed = answer.clone()
            fed[torch.rand(answer.shape) < 0.5] = hidden_id
            logits = writer(fed, reader(question))
            nats += F.cross_entropy(logits.view(-1, vocab), answer.view(-1), reduction="sum").item()
            scored += (answer != -100).sum().item()
    return nats / scored
""",
        ),
        Good(
            why="A method of the model's own and its head make the logits; labels that nobody gave are shifted.",
            code="""\
import math

import torch
import torch.nn.functional as F


class Perplexity:
    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer

    @torch.no_grad()
    def nats(self, ids):
        self.model.eval()
        if hasattr(self.model, "forward_states"):
            logits = self.model.lm_head(self.model.forward_states(ids))
        else:
            logits = self.model(ids).logits
        labels = ids[:, 1:]
        total = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten(), reduction="sum")
        return total.item(), labels.numel()

    def of_text(self, text):
        nats, scored = self.nats(self.tokenizer(text, return_tensors="pt")["input_ids"])
        return math.exp(nats / scored)
""",
        ),
        Good(
            why="The classes are moved before the positions by movedim(), after both sides were shifted.",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Letters(nn.Module):
    def __init__(self, size=100):
        super().__init__()
        self.embed = nn.Embedding(size, 32)
        self.rnn = nn.LSTM(32, 64, batch_first=True)
        self.head = nn.Linear(64, size)

    def forward(self, letters):
        return self.head(self.rnn(self.embed(letters))[0])


@torch.no_grad()
def held_out(batches):
    model = Letters().eval()
    nats, scored = 0.0, 0
    for letters in batches:
        wanted = letters[:, 1:]
        nats += F.cross_entropy(model(letters[:, :-1]).movedim(2, 1), wanted, reduction="sum").item()
        scored += wanted.numel()
    return nats / scored
""",
        ),
        Good(
            why="a layer that pads at the front, and crops as much behind, moves what the decoder is given by one",
            code="""\
import torch
import torch.nn as nn
import torch.nn.functional as F

PAD = 0


class Translator(nn.Module):
    def __init__(self, vocab=8000, width=256):
        super().__init__()
        self.read = nn.Embedding(vocab, width, padding_idx=PAD)
        self.written = nn.Embedding(vocab, width, padding_idx=PAD)
        self.shift = nn.ZeroPad2d((0, 0, 1, -1))
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, batch_first=True), 3)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(width, 4, batch_first=True), 3)
        self.out = nn.Linear(width, vocab)

    def forward(self, src, tgt):
        memory = self.encoder(self.read(src))
        given = self.shift(self.written(tgt))
        mask = nn.Transformer.generate_square_subsequent_mask(given.size(1)).to(src.device)
        return self.out(self.decoder(given, memory, tgt_mask=mask))


@torch.no_grad()
def evaluate(loader):
    model = Translator().eval()
    nats, tokens = 0.0, 0
    for src, tgt in loader:
        logits = model(src, tgt)
        nats += F.cross_entropy(logits.flatten(0, 1), tgt.flatten(), ignore_index=PAD, reduction="sum").item()
        tokens += (tgt != PAD).sum().item()
    return nats / tokens
""",
        ),
    )
