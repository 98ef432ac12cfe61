"""LL502: the exponential of nats that were never divided by the tokens they were taken over."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.averages import unnormalized
from lintloss.facts.observations import Exponential, Observation
from lintloss.findings import Severity
from lintloss.rule import Bad, Good, Judgment, Rule


class ExpOfUnnormalizedLoss(Rule):
    """exp() is taken of a total, of nats per sentence or of a sum of segment losses: that is no perplexity.

    Why:
        Perplexity is exp of nats *per token*. The exponential of a sum grows with the amount of data: 10 tokens at 4
        nats give e^40, not 55. A sum of batch means is the same mistake with batches for tokens, and nats per
        sentence give the inverse probability of a sentence, which compares with nothing.

    Instead:
        Divide the total by the scored tokens first, then exponentiate once.

    Fix:
        None: which count of scored tokens belongs under the total is for the author to say.

    Source:
        Perplexity of fixed-length models, Hugging Face documentation: exp of the average negative log-likelihood.
    """

    code = "LL502"
    name = "exp-of-unnormalized-loss"
    confirmed_by = "the argument of exp against the ledger's total and its token mean: it matches the total"

    watches = (Exponential,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report an exponential of anything but a loss per token."""
        if not isinstance(seen, Exponential):
            return
        found = unnormalized(seen)
        if found is not None:
            message = f"what is exponentiated is {seen.exponent.unit}, {found.what}; divide by the scored tokens first"
            yield Judgment(Severity.ERROR, found.confidence, message, seen.exponent.trace)

    bad = (
        Bad(
            why="a sum of batch means is exponentiated without dividing by the batches",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


def get_batch(tokens, rows=16, length=128):
    starts = torch.randint(len(tokens) - length - 1, (rows,)).tolist()
    x = torch.stack([tokens[s : s + length] for s in starts])
    y = torch.stack([tokens[s + 1 : s + 1 + length] for s in starts])
    return x, y


@torch.no_grad()
def perplexity(model, val_tokens, steps):
    model.eval()
    nll = 0.0
    for _ in range(steps):
        x, y = get_batch(val_tokens)
        logits = model(x)
        nll += F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1)).item()
    return math.exp(nll)  # <-
""",
        ),
        Bad(
            why="the summed cross entropy of a text is exponentiated",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from transformers import AutoModelForCausalLM, AutoTokenizer


def text_perplexity(text, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    loss_fct = nn.CrossEntropyLoss(reduction="sum")
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        logits = model(ids).logits
    loss = loss_fct(logits[0, :-1], ids[0, 1:])
    return torch.exp(loss).item()  # <-
""",
        ),
        Bad(
            why="nats summed along each row and averaged over rows are nats per sentence",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

PAD = 0


@torch.no_grad()
def sentence_model_ppl(model, sentences, device):
    model.eval()
    ids = pad_sequence(sentences, batch_first=True, padding_value=PAD).to(device)
    logits = model(ids[:, :-1])
    nll = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=PAD, reduction="none")
    nll_per_sentence = nll.sum(dim=1).mean()
    ppl = torch.exp(nll_per_sentence)  # <-
    return ppl.item()
""",
        ),
        Bad(
            why="the means of the windows are stacked and summed, not averaged",
            severity=Severity.ERROR,
            code="""\
import torch
from transformers import GPT2LMHeadModel, GPT2TokenizerFast


def strided_perplexity(text, device="cuda"):
    tokenizer = GPT2TokenizerFast.from_pretrained("gpt2")
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
    model.eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    window = model.config.n_positions
    nlls = []
    for begin in range(0, ids.size(1), window):
        piece = ids[:, begin : begin + window].to(device)
        with torch.no_grad():
            nlls.append(model(piece, labels=piece).loss)
    return torch.exp(torch.stack(nlls).sum()).item()  # <-
""",
        ),
        Bad(
            why="np.exp of np.sum over the losses of a text's tokens",
            severity=Severity.ERROR,
            code='''\
import numpy as np
import torch


@torch.no_grad()
def score_document(model, ids, device):
    """ids: a 1-D tensor of token ids, scored one at a time."""
    model.eval()
    losses = []
    for end in range(1, len(ids)):
        context = ids[None, :end].to(device)
        log_probs = torch.log_softmax(model(context)[0, -1], dim=-1)
        losses.append(-log_probs[ids[end]].item())
    return np.exp(np.sum(losses))  # <-
''',
        ),
        Bad(
            why="the mean is multiplied by its tokens and not divided by them again",
            severity=Severity.ERROR,
            code='''\
import math

import torch
from transformers import AutoModelForCausalLM


@torch.inference_mode()
def corpus_perplexity(name, blocks, device="cuda"):
    """blocks: a list of (1, length) tensors."""
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    model.eval()
    total_nll = 0.0
    for ids in blocks:
        ids = ids.to(device)
        loss = model(input_ids=ids, labels=ids).loss
        total_nll += loss.item() * (ids.size(1) - 1)
    ppl = math.exp(total_nll)  # <-
    print(f"perplexity {ppl:.2f}")
    return ppl
''',
        ),
        Bad(
            why="a helper in another file returns the sum, the caller exponentiates it",
            severity=Severity.ERROR,
            code="""\
import math

import torch

from scoring import sequence_nll


def main(model, tokenizer, path):
    model.eval()
    with open(path) as lines:
        text = lines.read()
    ids = torch.tensor(tokenizer.encode(text))
    nll = sequence_nll(model, ids)
    print("perplexity", math.exp(nll))  # <-
""",
            files={
                "scoring.py": """\
import torch
import torch.nn.functional as F


@torch.no_grad()
def sequence_nll(model, ids, window=512):
    total = 0.0
    for start in range(0, len(ids) - 1, window):
        piece = ids[start : start + window + 1]
        logits = model(piece[None, :-1])[0]
        total += F.cross_entropy(logits, piece[1:], reduction="sum").item()
    return total
""",
            },
        ),
        Bad(
            why="a method exponentiates the total that another one accumulated",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


class LMEvaluator:
    def __init__(self, model, pad):
        self.model = model
        self.criterion = nn.NLLLoss(ignore_index=pad, reduction="sum")
        self.nats = 0.0

    def update(self, source, target):
        log_probs = torch.log_softmax(self.model(source), dim=-1)
        self.nats += self.criterion(log_probs.flatten(0, 1), target.flatten()).item()

    @torch.no_grad()
    def run(self, loader):
        self.model.eval()
        self.nats = 0.0
        for source, target in loader:
            self.update(source, target)
        return self.ppl()

    def ppl(self):
        return float(torch.tensor(self.nats).exp())  # <-
""",
        ),
        Bad(
            why="the sum is divided by the sentences and then exponentiated",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, sentences = 0.0, 0
    for src, tgt in loader:
        src, tgt = src.to(device), tgt.to(device)
        logits = model(src, tgt[:, :-1])
        gold = tgt[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), gold.flatten(), ignore_index=pad, reduction="sum").item()
        sentences += src.size(0)
    nats_per_sentence = nats / sentences
    print(f"per sentence: {nats_per_sentence:.2f} nats")
    return math.exp(nats_per_sentence)  # <-
""",
        ),
        Bad(
            why="a JAX sum over the sequence is exponentiated",
            severity=Severity.ERROR,
            code="""\
import jax
import jax.numpy as jnp
import optax


def sequence_loss(params, apply_fn, ids):
    logits = apply_fn(params, ids[:, :-1])
    return optax.softmax_cross_entropy_with_integer_labels(logits, ids[:, 1:]).sum()


def evaluate(params, apply_fn, ids):
    nll = jax.jit(sequence_loss, static_argnums=1)(params, apply_fn, ids)
    return jnp.exp(nll)  # <-
""",
        ),
        Bad(
            why="the windows' own losses are summed, and nothing divides them",
            severity=Severity.ERROR,
            code="""\
import torch


def perplexity(model, tokenizer, text, length=1024):
    input_ids = tokenizer(text, return_tensors="pt").input_ids
    nlls = []
    for begin in range(0, input_ids.size(1), length):
        ids = input_ids[:, begin : begin + length]
        with torch.no_grad():
            nlls.append(model(ids, labels=ids).loss)
    return torch.exp(torch.stack(nlls).sum())  # <-
""",
        ),
        Bad(
            why="the losses of a sentence's positions are summed, and nothing divides them",
            severity=Severity.ERROR,
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def sentence_perplexities(speaker, sentences, index_of):
    speaker.eval()
    found = []
    for words in sentences:
        ids = torch.tensor([index_of.get(word, 1) for word in words]).unsqueeze(0)
        logits = speaker(ids[:, :-1])
        loss = 0
        for position in range(logits.size(1)):
            loss += F.cross_entropy(logits[:, position], ids[:, position + 1])
        found.append(math.exp(loss.item()))  # <-
    return found
""",
        ),
        Bad(
            why="fairseq: sums over batches are divided by stories, and 2 raised to that.",
            severity=Severity.ERROR,
            code="""\
import math

import torch.nn.functional as F
from fairseq import metrics
from fairseq.criterions import FairseqCriterion, register_criterion


@register_criterion("story_xent")
class StoryCriterion(FairseqCriterion):
    def forward(self, model, sample, reduce=True):
        output = model(**sample["net_input"])
        lprobs = model.get_normalized_probs(output, log_probs=True)
        targets = model.get_targets(sample, output)
        nats = F.nll_loss(
            lprobs.view(-1, lprobs.size(-1)), targets.view(-1), ignore_index=self.padding_idx, reduction="sum"
        )
        said = {"loss": nats.data, "ntokens": sample["ntokens"], "nsentences": sample["nsentences"]}
        return nats, sample["ntokens"], said

    @staticmethod
    def reduce_metrics(logging_outputs):
        bits = sum(said["loss"] for said in logging_outputs) / math.log(2)
        stories = sum(said["nsentences"] for said in logging_outputs)
        metrics.log_scalar("loss", bits / stories, stories, round=3)
        metrics.log_scalar("ppl", 2 ** (bits / stories), stories, round=2)  # <-
""",
        ),
    )

    good = (
        Good(
            why="nats over scored tokens",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, loader, pad, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += (y != pad).sum().item()
    return math.exp(nats / tokens)
""",
        ),
        Good(
            why="an overflow guard around the mean",
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
    mean_nats = nats / tokens
    return {"loss": mean_nats, "perplexity": math.exp(min(mean_nats, 20))}
""",
        ),
        Good(
            why="OverflowError is caught and becomes infinity",
            code="""\
import math

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(text, name="gpt2"):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name)
    model.eval()
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        loss = model(ids, labels=ids).loss.item()
    try:
        perplexity = math.exp(loss)
    except OverflowError:
        perplexity = float("inf")
    print(f"perplexity {perplexity:.2f}")
""",
        ),
        Good(
            why="window losses times their target lengths, the sum divided by the end of the text",
            code="""\
import torch
from transformers import GPT2LMHeadModel, GPT2TokenizerFast


def strided_perplexity(text, stride=512, device="cuda"):
    tokenizer = GPT2TokenizerFast.from_pretrained("gpt2")
    model = GPT2LMHeadModel.from_pretrained("gpt2").to(device)
    model.eval()
    encodings = tokenizer(text, return_tensors="pt")
    max_length = model.config.n_positions
    lls = []
    for i in range(0, encodings.input_ids.size(1), stride):
        begin_loc = max(i + stride - max_length, 0)
        end_loc = min(i + stride, encodings.input_ids.size(1))
        trg_len = end_loc - i
        input_ids = encodings.input_ids[:, begin_loc:end_loc].to(device)
        target_ids = input_ids.clone()
        target_ids[:, :-trg_len] = -100
        with torch.no_grad():
            log_likelihood = model(input_ids, labels=target_ids).loss * trg_len
        lls.append(log_likelihood)
    return torch.exp(torch.stack(lls).sum() / end_loc).item()
""",
        ),
        Good(
            why="exp of minus the total is the probability of the sentence",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def sentence_probability(model, ids, device):
    model.eval()
    ids = ids.to(device)
    logits = model(ids[None, :-1])[0]
    nll = F.cross_entropy(logits, ids[1:], reduction="sum").item()
    return math.exp(-nll)
""",
        ),
        Good(
            why="the importance ratio of two policies is exp of a difference of summed log-probabilities",
            code="""\
import torch
import torch.nn.functional as F


def sequence_logprob(logits, ids):
    return F.log_softmax(logits, dim=-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1).sum(-1)


@torch.no_grad()
def evaluate_ratio(policy, reference, loader, device):
    policy.eval()
    reference.eval()
    ratios = []
    for ids in loader:
        ids = ids.to(device)
        new = sequence_logprob(policy(ids[:, :-1]), ids[:, 1:])
        old = sequence_logprob(reference(ids[:, :-1]), ids[:, 1:])
        ratios.append(torch.exp(new - old))
    return torch.cat(ratios)
""",
        ),
        Good(
            why="a standard deviation from a log-variance, and a learned temperature",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, device):
    model.eval()
    total, pairs = 0.0, 0
    for images, texts in loader:
        image_features, text_features, log_variance = model(images.to(device), texts.to(device))
        noise = torch.randn_like(image_features) * torch.exp(0.5 * log_variance)
        logits = model.logit_scale.exp() * (image_features + noise) @ text_features.t()
        labels = torch.arange(len(logits), device=device)
        total += F.cross_entropy(logits, labels, reduction="sum").item()
        pairs += len(logits)
    return total / pairs
""",
        ),
        Good(
            why="log-sum-exp written out: the exponentials are summed, not the loss exponentiated",
            code="""\
import torch


@torch.no_grad()
def nats_per_token(model, loader, device):
    model.eval()
    nats, tokens = 0.0, 0
    for x, y in loader:
        logits = model(x.to(device)).double()
        y = y.to(device)
        top = logits.max(dim=-1, keepdim=True).values
        log_norm = torch.log(torch.exp(logits - top).sum(dim=-1)) + top.squeeze(-1)
        picked = logits.gather(-1, y.unsqueeze(-1)).squeeze(-1)
        nats += (log_norm - picked).sum().item()
        tokens += y.numel()
    return nats / tokens
""",
        ),
        Good(
            why="the division stands in the caller, before exp",
            code="""\
import math

import torch
import torch.nn as nn


class Statistics:
    def __init__(self, loss=0.0, n_words=0):
        self.loss = loss
        self.n_words = n_words

    def update(self, other):
        self.loss += other.loss
        self.n_words += other.n_words

    def ppl(self):
        return math.exp(min(self.loss / self.n_words, 100))


@torch.no_grad()
def validate(model, batches, pad):
    criterion = nn.NLLLoss(ignore_index=pad, reduction="sum")
    model.eval()
    stats = Statistics()
    for src, tgt in batches:
        log_probs = torch.log_softmax(model(src, tgt[:, :-1]), dim=-1)
        gold = tgt[:, 1:].reshape(-1)
        loss = criterion(log_probs.reshape(-1, log_probs.size(-1)), gold)
        stats.update(Statistics(loss.item(), gold.ne(pad).sum().item()))
    return stats.ppl()
""",
        ),
        Good(
            why="the helper of another file divides before it returns",
            code="""\
import math

import torch

from scoring import mean_nll


def main(model, tokenizer, path):
    model.eval()
    with open(path) as lines:
        ids = torch.tensor(tokenizer.encode(lines.read()))
    print("perplexity", math.exp(mean_nll(model, ids)))
""",
            files={
                "scoring.py": """\
import torch
import torch.nn.functional as F


@torch.no_grad()
def mean_nll(model, ids, window=512):
    nll = 0.0
    for start in range(0, len(ids) - 1, window):
        piece = ids[start : start + window + 1]
        logits = model(piece[None, :-1])[0]
        nll += F.cross_entropy(logits, piece[1:], reduction="sum").item()
    return nll / (len(ids) - 1)
""",
            },
        ),
        Good(
            why="An exponential moving average moves towards each loss: it is no total.",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def smoothed_perplexity(model, val_loader, share=0.02):
    model.eval()
    average = 0.0
    for ids in val_loader:
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten()).item()
        average += share * (loss - average)
    return math.exp(average)
""",
        ),
        Good(
            why="A mean that is moved by the weight of each batch over all weights so far is the mean by weight.",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def running_perplexity(model, val_loader, pad):
    model.eval()
    mean, seen = 0.0, 0
    for ids in val_loader:
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad)
        scored = labels.ne(pad).sum().item()
        seen += scored
        mean += (loss.item() - mean) * (scored / seen)
    return math.exp(mean)
""",
        ),
        Good(
            why="each batch adds its share: the divisor was counted over all of them before",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def perplexity(model, batches, pad):
    model.eval()
    words, kept = 0, []
    for x, y in batches:
        words += int(y.ne(pad).sum())
        kept.append((x, y))
    nats = 0.0
    for x, y in kept:
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum")
        nats += float(loss / words)
    return math.exp(nats)
""",
        ),
        Good(
            why="the perplexity of one token that was sampled, by its log-probability",
            code="""\
import math

import torch.nn.functional as F


def reward(logits, token_id, clip=1_000.0):
    log_probs = F.log_softmax(logits, dim=-1)
    perplexity = min(math.exp(-log_probs[token_id].item()), clip)
    return -math.log(perplexity) / math.log(clip)


def step(model, input_ids, sample):
    logits = model(input_ids).logits[0, -1]
    token_id = sample(logits)
    return token_id, reward(logits, token_id)
""",
        ),
        Good(
            why="one row is picked and scored: its length, less one, counts its targets",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def text_perplexities(language_model, ids):
    language_model.eval()
    logits, targets = language_model(ids).logits[0, :-1], ids[0, 1:]
    nats = F.cross_entropy(logits, targets, reduction="sum").item()
    return math.exp(nats / (ids.shape[1] - 1)), math.exp(nats / len(targets)), math.exp(nats / targets.size(0))
""",
        ),
        Good(
            why="the targets may be flat: their length counts tokens",
            code="""\
import math

import torch.nn.functional as F


def perplexity(logits, targets):
    nats = F.cross_entropy(logits, targets, reduction="sum").item()
    return math.exp(nats / targets.shape[0])
""",
        ),
        Good(
            why="A sum over sentences of their lengths, less the token that each begins with, counts words.",
            code="""\
import math

import torch


def batches(pairs, size):
    order = list(range(len(pairs)))
    for i in range(math.ceil(len(pairs) / size)):
        rows = [pairs[k] for k in order[i * size : (i + 1) * size]]
        rows = sorted(rows, key=lambda row: len(row[0]), reverse=True)
        yield [row[0] for row in rows], [row[1] for row in rows]


@torch.no_grad()
def perplexity(model, pairs, size=32):
    \"\"\"The model returns the log-probability of each target sentence.\"\"\"
    model.eval()
    nats, words = 0.0, 0
    for source, target in batches(pairs, size):
        nats += -model(source, target).sum().item()
        words += sum(len(sentence[1:]) for sentence in target)
    return math.exp(nats / words)
""",
        ),
    )
