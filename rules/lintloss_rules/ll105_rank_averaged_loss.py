"""LL105: every rank's mean counts the same, however many tokens the rank has scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lintloss.facts.observations import Averaging, Observation
from lintloss.facts.rank_means import RankMean, rank_mean_of
from lintloss.findings import Fix, Severity
from lintloss.rule import Bad, Good, Judgment, Rule

if TYPE_CHECKING:
    import libcst as cst

    from lintloss.rule_scope import RuleScope


class RankAveragedLoss(Rule):
    """Means of single ranks (or gathered batch means) are averaged with equal weight.

    Why:
        Shards of an evaluation set rarely hold the same number of scored tokens: rows are padded, files are split
        unevenly, the last batch of a rank is filled up with repeated rows. An average of rank means then depends on
        the number of GPUs. Where a sampler and fixed blocks give every rank the same count it is exact, and a note.

    Instead:
        Reduce the sums: `all_reduce` the nats and the scored tokens (SUM is the default), then divide once.

    Fix:
        Unsafe: it changes the reported number, which is its point. The reduction moves from the quotient to the
        numerator and the denominator where both are tensors at hand.

    Source:
        torch.distributed.ReduceOp: AVG divides by the world size, whatever the ranks' shares are.
    """

    code = "LL105"
    name = "rank-averaged-loss"
    confirmed_by = "the merged ledgers of all ranks: Σ nats ÷ Σ tokens against the value after the reduction"
    watches = (Averaging,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report a mean over ranks of what each rank has averaged over its own tokens."""
        if not isinstance(seen, Averaging):
            return
        mean = rank_mean_of(seen)
        if mean is not None:
            yield Judgment(self._severity(mean), mean.confidence, self._message(mean), mean.evidence)

    @staticmethod
    def _severity(mean: RankMean) -> Severity:
        if mean.equal or not mean.scores_tokens:
            return Severity.NOTE
        return Severity.ERROR if mean.unequal else Severity.WARNING

    @staticmethod
    def _message(mean: RankMean) -> str:
        said = "the ranks' mean losses are averaged with equal weight"
        if mean.equal:
            return f"{said}; exact here, because every rank scores the same number of tokens"
        if not mean.scores_tokens:
            return f"{said}; exact as long as every rank holds the same number of examples"
        why = "and ranks differ in scored tokens" if mean.unequal else "whatever number of tokens each has scored"
        return f"{said}, {why}: sum nats and scored tokens over the ranks, then divide once"

    def may_fix(self, seen: Observation) -> bool:
        """Leave alone what counts no tokens, or the same number on each rank."""
        mean = rank_mean_of(seen) if isinstance(seen, Averaging) else None
        return mean is not None and mean.scores_tokens and not mean.equal

    def fix(self, node: cst.CSTNode, seen: Observation, scope: RuleScope) -> Fix | None:
        """Reduce the nats and the tokens instead of their quotient."""
        from lintloss.repair import ranks

        return ranks.summed(node, scope)

    bad = (
        Bad(
            why="a meter reduces its sum of means and divides by ranks times steps",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


class LossTally:
    def __init__(self, device):
        self.steps = 0
        self.total = torch.zeros(1, device=device)
        self.ranks = dist.get_world_size()

    def __call__(self, loss):
        self.steps += 1
        self.total += loss.item()

    def value(self):
        dist.all_reduce(self.total, op=dist.ReduceOp.SUM)
        return self.total.item() / (self.ranks * self.steps)  # lintloss: ignore[LL101] one rank's share  # <-


@torch.no_grad()
def validate(model, loader, pad, device):
    model.eval()
    tally = LossTally(device)
    for ids in loader:
        logits = model(ids[:, :-1])
        tally(F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=pad))
    print("val loss", tally.value())
""",
        ),
        Bad(
            why="each rank sends its mean, and the means are added up and divided by their number",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


def local_mean(model, loader, pad):
    nats, tokens = 0.0, 0
    for ids in loader:
        logits = model(ids)[:, :-1]
        labels = ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad, reduction="sum").item()
        tokens += labels.ne(pad).sum().item()
    return {"loss": nats / tokens, "rank": dist.get_rank()}


@torch.no_grad()
def evaluate(model, loader, pad):
    model.eval()
    everyone = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, local_mean(model, loader, pad))
    return sum(mine["loss"] for mine in everyone) / dist.get_world_size()  # <-
""",
        ),
        Bad(
            why="all_reduce(AVG) of the mean over each rank's padded rows",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

PAD = 0


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def evaluate(model, dataset, device):
    loader = DataLoader(
        dataset, batch_size=16, collate_fn=collate, sampler=DistributedSampler(dataset, shuffle=False)
    )
    model.eval()
    nats = torch.zeros((), device=device)
    tokens = torch.zeros((), device=device)
    for ids in loader:
        ids = ids.to(device)
        logits, targets = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="sum")
        tokens += (targets != PAD).sum()
    mean = nats / tokens
    dist.all_reduce(mean, op=dist.ReduceOp.AVG)  # <-
    return mean.item()
""",
            fixed="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

PAD = 0


def collate(rows):
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


@torch.no_grad()
def evaluate(model, dataset, device):
    loader = DataLoader(
        dataset, batch_size=16, collate_fn=collate, sampler=DistributedSampler(dataset, shuffle=False)
    )
    model.eval()
    nats = torch.zeros((), device=device)
    tokens = torch.zeros((), device=device)
    for ids in loader:
        ids = ids.to(device)
        logits, targets = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="sum")
        tokens += (targets != PAD).sum()
    dist.all_reduce(nats)
    dist.all_reduce(tokens)
    mean = nats / tokens
    return mean.item()
""",
        ),
        Bad(
            why="summed over the ranks, divided by the world size; each rank takes every n-th block",
            severity=Severity.WARNING,
            code='''\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, blocks, device):
    """blocks: a list of token rows, all of the context length + 1."""
    rank, world_size = dist.get_rank(), dist.get_world_size()
    model.eval()
    nats = torch.zeros((), device=device)
    tokens = 0
    for ids in blocks[rank::world_size]:
        ids = ids.to(device)
        logits = model(ids[None, :-1])[0]
        nats += F.cross_entropy(logits, ids[1:], reduction="sum")
        tokens += len(ids) - 1
    val_loss = nats / tokens
    dist.all_reduce(val_loss)
    val_loss = val_loss / world_size  # <-
    return val_loss.item()
''',
        ),
        Bad(
            why="gather_for_metrics of a repeated batch mean, concatenated and averaged; rows are padded",
            severity=Severity.ERROR,
            code="""\
import math

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM, AutoTokenizer

BATCH = 8
tokenizer = AutoTokenizer.from_pretrained("gpt2")
tokenizer.pad_token = tokenizer.eos_token


def collate_fn(texts):
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    batch["labels"] = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    return batch


def main(texts):
    accelerator = Accelerator()
    model = AutoModelForCausalLM.from_pretrained("gpt2")
    loader = DataLoader(texts, batch_size=BATCH, collate_fn=collate_fn)
    model, loader = accelerator.prepare(model, loader)
    model.eval()
    losses = []
    for batch in loader:
        with torch.no_grad():
            outputs = model(**batch)
        losses.append(accelerator.gather_for_metrics(outputs.loss.repeat(BATCH)))
    eval_loss = torch.cat(losses).mean()  # <-
    accelerator.print(f"perplexity {math.exp(eval_loss.item()):.2f}")
""",
        ),
        Bad(
            why="the rank's token mean is gathered and averaged with accelerate",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.nn.functional as F
from accelerate import Accelerator


def evaluate(accelerator: Accelerator, model, loader):
    model.eval()
    nats = torch.zeros(1, device=accelerator.device)
    tokens = torch.zeros(1, device=accelerator.device)
    with torch.no_grad():
        for batch in loader:
            labels = batch["labels"][:, 1:]
            logits = model(batch["input_ids"]).logits[:, :-1]
            nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")
            tokens += labels.ne(-100).sum()
    return accelerator.gather(nats / tokens).mean().item()  # <-
""",
            fixed="""\
import torch
import torch.nn.functional as F
from accelerate import Accelerator


def evaluate(accelerator: Accelerator, model, loader):
    model.eval()
    nats = torch.zeros(1, device=accelerator.device)
    tokens = torch.zeros(1, device=accelerator.device)
    with torch.no_grad():
        for batch in loader:
            labels = batch["labels"][:, 1:]
            logits = model(batch["input_ids"]).logits[:, :-1]
            nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")
            tokens += labels.ne(-100).sum()
    return (accelerator.gather(nats).sum() / accelerator.gather(tokens).sum()).item()
""",
        ),
        Bad(
            why="a helper in another file reduces and divides by the world size",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, DistributedSampler

from distributed import all_reduce_mean


def collate(rows):
    return pad_sequence(rows, batch_first=True, padding_value=-100)


def evaluate(model, dataset, device):
    criterion = nn.CrossEntropyLoss(reduction="sum")
    sampler = DistributedSampler(dataset, shuffle=False)
    model.eval()
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for ids in DataLoader(dataset, batch_size=4, sampler=sampler, collate_fn=collate):
            ids = ids.to(device)
            logits = model(ids[:, :-1].clamp(min=0))
            targets = ids[:, 1:]
            nats += criterion(logits.transpose(1, 2), targets).item()
            tokens += (targets != -100).sum().item()
    loss = torch.tensor(nats / tokens, device=device)
    return all_reduce_mean(loss).item()  # <-
""",
            files={
                "distributed.py": """\
import torch.distributed as dist


def all_reduce_mean(tensor):
    if not dist.is_initialized():
        return tensor
    tensor = tensor.clone()
    dist.all_reduce(tensor, op=dist.ReduceOp.SUM)
    tensor.div_(dist.get_world_size())
    return tensor
""",
            },
        ),
        Bad(
            why="Lightning's sync_dist averages the epoch's token mean over the ranks",
            severity=Severity.ERROR,
            code="""\
import lightning.pytorch as pl
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence(rows, batch_first=True, padding_value=PAD)


class LitLM(pl.LightningModule):
    def __init__(self, vocab_size, val_rows):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, 256, padding_idx=PAD)
        self.rnn = nn.LSTM(256, 256, batch_first=True)
        self.head = nn.Linear(256, vocab_size)
        self.val_rows = val_rows

    def forward(self, ids):
        return self.head(self.rnn(self.embed(ids))[0])

    def val_dataloader(self):
        return DataLoader(self.val_rows, batch_size=16, collate_fn=collate)

    def on_validation_epoch_start(self):
        self.nats, self.tokens = 0.0, 0

    def validation_step(self, ids, batch_idx):
        logits, targets = self(ids[:, :-1]), ids[:, 1:]
        nll = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=PAD, reduction="sum")
        self.nats += nll.item()
        self.tokens += (targets != PAD).sum().item()

    def on_validation_epoch_end(self):
        self.log("val_loss", torch.tensor(self.nats / self.tokens), sync_dist=True)  # <-


trainer = pl.Trainer(accelerator="gpu", devices=4, strategy="ddp")
""",
        ),
        Bad(
            why="all_gather into a list, stacked and averaged; files are dealt out to the ranks",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def validate(model, files, read_batches, device):
    world_size = dist.get_world_size()
    model.eval()
    nats = torch.zeros((), device=device)
    tokens = torch.zeros((), device=device)
    for path in files[dist.get_rank() :: world_size]:
        for x, y in read_batches(path):
            logits = model(x.to(device))
            nats += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten(), reduction="sum")
            tokens += y.numel()
    loss = nats / tokens
    gathered = [torch.zeros_like(loss) for _ in range(world_size)]
    dist.all_gather(gathered, loss)
    return torch.stack(gathered).mean().item()  # <-
""",
        ),
        Bad(
            why="all_gather_object of floats, then sum / len",
            severity=Severity.WARNING,
            code="""\
import math

import torch
import torch.distributed as dist
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.inference_mode()
def sharded_perplexity(name, documents):
    rank, world = dist.get_rank(), dist.get_world_size()
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForCausalLM.from_pretrained(name).to(rank).eval()
    nats, tokens = 0.0, 0
    for document in documents[rank::world]:
        ids = tokenizer(document, return_tensors="pt").input_ids.to(rank)
        scored = ids.size(1) - 1
        nats += model(ids, labels=ids).loss.item() * scored
        tokens += scored
    losses = [None] * world
    dist.all_gather_object(losses, nats / tokens)
    mean_loss = sum(losses) / len(losses)  # <-
    return math.exp(mean_loss)
""",
        ),
        Bad(
            why="accelerator.reduce with reduction='mean'",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn
from accelerate import Accelerator
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 2


def collate(rows):
    return pad_sequence([torch.as_tensor(row) for row in rows], batch_first=True, padding_value=PAD)


class Evaluation:
    def __init__(self, model, rows):
        self.accelerator = Accelerator()
        loader = DataLoader(rows, batch_size=32, collate_fn=collate)
        self.model, self.loader = self.accelerator.prepare(model, loader)
        self.criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")

    @torch.no_grad()
    def run(self):
        self.model.eval()
        nats = tokens = torch.zeros((), device=self.accelerator.device)
        for ids in self.loader:
            targets = ids[:, 1:]
            nats = nats + self.criterion(self.model(ids[:, :-1]).transpose(1, 2), targets)
            tokens = tokens + targets.ne(PAD).sum()
        mean = self.accelerator.reduce(nats / tokens, reduction="mean")  # <-
        return mean.item()
""",
        ),
        Bad(
            why="a mean over the data-parallel group in the same file, for a masked fine-tuning loss",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, DistributedSampler


def collate(rows):
    ids = pad_sequence([torch.tensor(row["prompt"] + row["answer"]) for row in rows], batch_first=True)
    labels = [torch.tensor([-100] * len(row["prompt"]) + row["answer"]) for row in rows]
    return ids, pad_sequence(labels, batch_first=True, padding_value=-100)


def group_mean(value, group):
    dist.all_reduce(value, group=group)
    return value / dist.get_world_size(group)


@torch.no_grad()
def sft_loss(model, dataset, group, device):
    loader = DataLoader(dataset, batch_size=2, collate_fn=collate, sampler=DistributedSampler(dataset))
    model.eval()
    totals = torch.zeros(2, device=device)
    for ids, labels in loader:
        labels = labels[:, 1:].to(device)
        logits = model(ids.to(device)).logits[:, :-1]
        totals[0] += F.cross_entropy(logits.transpose(1, 2), labels, reduction="sum")
        totals[1] += (labels != -100).sum()
    return group_mean(totals[0] / totals[1], group).item()  # <-
""",
        ),
        Bad(
            why="the collator that pads and the sampler that deals out rows live in other files",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn as nn

from data.loaders import build_val_loader
from data.padding import PAD


class DistributedEvaluator:
    def __init__(self, model, rows, device):
        self.model, self.device = model, device
        self.loader = build_val_loader(rows, batch_size=8)
        self.criterion = nn.CrossEntropyLoss(ignore_index=PAD, reduction="sum")

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        nats = torch.zeros((), device=self.device)
        tokens = torch.zeros((), device=self.device)
        for x, y in self.loader:
            x, y = x.to(self.device), y.to(self.device)
            nats += self.criterion(self.model(x).transpose(1, 2), y)
            tokens += y.ne(PAD).sum()
        loss = nats / tokens
        dist.all_reduce(loss)
        return (loss / dist.get_world_size()).item()  # <-
""",
            files={
                "data/__init__.py": "",
                "data/padding.py": """\
from torch.nn.utils.rnn import pad_sequence

PAD = 0


def collate(rows):
    ids = pad_sequence(rows, batch_first=True, padding_value=PAD)
    return ids[:, :-1], ids[:, 1:]
""",
                "data/loaders.py": """\
from torch.utils.data import DataLoader, DistributedSampler

from .padding import collate


def build_val_loader(rows, batch_size):
    sampler = DistributedSampler(rows, shuffle=False)
    return DataLoader(rows, batch_size=batch_size, sampler=sampler, collate_fn=collate)
""",
            },
        ),
        Bad(
            why="a helper stacks the values of a dict, adds them up over the ranks and divides by their number.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


def reduce_dict(values):
    names = sorted(values)
    stacked = torch.stack([values[name] for name in names])
    dist.all_reduce(stacked)
    stacked /= dist.get_world_size()
    return dict(zip(names, stacked))


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats, tokens = torch.zeros((), device=device), torch.zeros((), device=device)
    for x, y in loader:
        logits = model(x.to(device))
        nats += F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten(), ignore_index=pad, reduction="sum")
        tokens += y.ne(pad).sum()
    return reduce_dict({"loss": nats / tokens})["loss"].item()  # <-
""",
        ),
        Bad(
            why="a dict of means is stacked, reduced and divided by the number of ranks, in another file",
            severity=Severity.ERROR,
            files={
                "reducing.py": """\
import torch
import torch.distributed as dist


def reduce_dict(values, ranks):
    names = sorted(values)
    stacked = torch.stack([values[name] for name in names])
    dist.all_reduce(stacked)
    stacked /= ranks
    return {name: value for name, value in zip(names, stacked)}
""",
            },
            code="""\
import torch
import torch.nn.functional as F
from reducing import reduce_dict


@torch.no_grad()
def validate(model, batch, pad_id, ranks):
    model.eval()
    inputs, targets = batch
    logits = model(inputs)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad_id)
    reduced = reduce_dict({"loss": loss}, ranks)  # <-
    return reduced["loss"].item()
""",
        ),
        Bad(
            why="mesh_reduce with a lambda that averages what the ranks sent",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
import torch_xla.core.xla_model as xm


@torch.no_grad()
def local_nats(model, loader, pad_id):
    nats, tokens = 0.0, 0
    for ids in loader:
        logits, labels = model(ids[:, :-1]), ids[:, 1:]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad_id, reduction="sum").item()
        tokens += labels.ne(pad_id).sum().item()
    return nats / tokens


def evaluate(model, loader, pad_id):
    model.eval()
    mine = local_nats(model, loader, pad_id)
    return xm.mesh_reduce("val_loss", mine, lambda losses: sum(losses) / len(losses))  # <-
""",
        ),
        Bad(
            why="the list of losses is reduced as one tensor by a helper in another file",
            severity=Severity.ERROR,
            files={
                "reducing.py": """\
import torch
import torch.distributed as dist


def over_ranks(losses):
    reduced = torch.cat([loss.clone().detach().view(1) for loss in losses])
    dist.all_reduce(reduced)
    return reduced / dist.get_world_size()  # <-
""",
            },
            code="""\
import math

import torch
import torch.nn.functional as F
from reducing import over_ranks


@torch.no_grad()
def validate(model, ids, mask):
    model.eval()
    nats = F.cross_entropy(model(ids[:, :-1]).transpose(1, 2), ids[:, 1:], reduction="none")
    loss = (nats * mask[:, 1:]).sum() / mask[:, 1:].sum()
    return math.exp(over_ranks([loss])[0].item())
""",
        ),
        Bad(
            why="the mean loss is averaged over ranks side by side with another number",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def validate(model, ids, labels, pad):
    model.eval()
    logits = model(ids)
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad)
    hits = (logits.argmax(-1) == labels).float().mean()
    both = torch.stack([loss, hits])
    dist.all_reduce(both, dist.ReduceOp.AVG)  # <-
    return both.tolist()
""",
        ),
        Bad(
            why="JAX: a masked mean of each device, its axis by position, in a step that partial() and two wrappers are put around",
            severity=Severity.ERROR,
            code="""\
import functools

import jax
import numpy as np
from flax.jax_utils import pad_shard_unpad

from scoring import masked_loss


def score_step(params, batch, apply_fn):
    logits = apply_fn(params, batch["decoder_input_ids"])
    loss = masked_loss(logits, batch["labels"], batch["decoder_attention_mask"])
    return jax.lax.pmean({"loss": loss}, "devices")  # <-


def scores(params, loader, apply_fn):
    step = pad_shard_unpad(jax.pmap(functools.partial(score_step, apply_fn=apply_fn), "devices"))
    return [np.asarray(step(params, batch)["loss"]) for batch in loader]
""",
            files={
                "scoring.py": """\
import optax


def masked_loss(logits, labels, mask):
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, labels) * mask
    return nats.sum() / mask.sum()
""",
            },
        ),
        Bad(
            why="BMTrain's sum_loss() divides its sum by the number of ranks.",
            severity=Severity.WARNING,
            code="""\
import bmtrain as bmt
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(lm, loader):
    nats, tokens = 0.0, 0
    lm.eval()
    for batch in loader:
        logits = lm(batch["input_ids"])
        labels = batch["labels"]
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")
        tokens += (labels != -100).sum()
    bmt.print_rank("perplexity", torch.exp(bmt.sum_loss(nats / tokens)).item())  # <-
""",
        ),
        Bad(
            why="A helper boxes a number, reduces it over the ranks and divides by them in place.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


def over_ranks(x: float) -> float:
    # the processes read stretches of seq_len tokens each
    if dist.is_available() and dist.is_initialized():
        shared = torch.cuda.FloatTensor([x])
        dist.all_reduce(shared)
        shared /= dist.get_world_size()
        x = shared.item()
    return x


@torch.no_grad()
def validate(lm, loader, pad_id):
    nats, tokens = 0.0, 0
    lm.eval()
    for input_ids, labels in loader:
        logits = lm(input_ids)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad_id, reduction="sum").item()
        tokens += (labels != pad_id).sum().item()
    print("perplexity", torch.exp(torch.tensor(over_ranks(nats / tokens))))  # <-
""",
        ),
        Bad(
            why="Ignite: a metric of a metric averages the ranks' means",
            severity=Severity.ERROR,
            code="""\
# Replies of a dialogue system: perplexity by token.
import math

import torch
from ignite.engine import Engine, Events
from ignite.metrics import Loss, MetricsLambda


def average_over_ranks(scalar, args):
    if args.local_rank == -1:
        return scalar
    boxed = torch.tensor(scalar, device=args.device) / torch.distributed.get_world_size()
    torch.distributed.all_reduce(boxed, op=torch.distributed.ReduceOp.SUM)
    return boxed.item()


def attach(language_model, args, trainer, val_loader):
    def inference(engine, batch):
        language_model.eval()
        with torch.no_grad():
            ids, labels = batch
            logits = language_model(ids)[0]
            return logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()

    evaluator = Engine(inference)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda _: evaluator.run(val_loader))
    nll = Loss(torch.nn.CrossEntropyLoss(ignore_index=-1))  # lintloss: ignore[LL101] said for one rank already
    average = MetricsLambda(average_over_ranks, nll, args)  # <-
    MetricsLambda(math.exp, average).attach(evaluator, "ppl")
""",
        ),
        Bad(
            why="A helper out of sight says by its name that it averages losses, whatever the one in the list is called.",
            severity=Severity.WARNING,
            code="""\
import torch
from megatron.training import get_args, get_tokenizer, print_rank_0
from megatron.training.utils import average_losses_across_data_parallel_group


def masked_mean(mask, per_token):
    mask = mask.view(-1).float()
    value = torch.sum(per_token.float().view(-1) * mask) / mask.sum()
    everywhere = average_losses_across_data_parallel_group([value])  # <-
    return value, {"lm loss": everywhere[0]}


def evaluate(model, batches):
    args = get_args()
    model.eval()
    losses = []
    with torch.no_grad():
        for _ in range(args.eval_iters):
            tokens, labels = next(batches)
            scored = labels != get_tokenizer().eod
            _, report = masked_mean(scored, model(tokens, None, None, labels=labels))
            losses.append(report["lm loss"])
    print_rank_0(f"validation loss of the last batch: {losses[-1].item():.4f}")
""",
        ),
        Bad(
            why="a broadcast inside a pipeline's group leaves each data-parallel rank with a mean of its own",
            severity=Severity.WARNING,
            code="""\
import pytorch_lightning as pl
import torch
import torch.distributed as dist
import torch.nn.functional as F
from stages import last_stage, pipeline_group


class Chatter(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.nats, self.tokens = 0.0, 0

    def validation_step(self, batch, index):
        labels = batch["labels"][:, 1:]
        logits = self.network(batch["ids"])[:, :-1]
        self.nats += F.cross_entropy(logits.transpose(1, 2), labels, reduction="sum").item()
        self.tokens += (labels != -100).sum().item()

    def on_validation_epoch_end(self):
        loss = torch.tensor(self.nats / self.tokens, device=self.device)
        dist.broadcast(loss, last_stage(), group=pipeline_group())
        self.log("val_loss", loss, sync_dist=True)  # <-
""",
        ),
        Bad(
            why="targets that come with the batch may be tokens, whatever the scores are called",
            severity=Severity.WARNING,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    for batch in loader:
        scores = model(batch["input_ids"])
        labels = batch["labels"].to(scores.device)
        loss = F.cross_entropy(scores, labels)
        dist.all_reduce(loss)
        print("val loss", (loss / dist.get_world_size()).item())  # <-
""",
        ),
        Bad(
            why="an evaluation reduces what it logs, in a comprehension over the entries of a dict",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


def shared(value, ranks):
    total = value.clone()
    dist.all_reduce(total)
    return total / ranks


def parts(logits, labels, pad):
    loss = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=pad)
    return {"loss": loss.clone().detach(), "nll": loss.clone().detach()}


def main(args, model, train_loader, val_loader, optimizer):
    for ids in train_loader:
        parts(model(ids[:, :-1]), ids[:, 1:], args.pad)["loss"].backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for ids in val_loader:
            entries = parts(model(ids[:, :-1]), ids[:, 1:], args.pad)
            entries = {name: shared(value, args.world_size) for name, value in entries.items()}  # <-
            print("val loss", entries["loss"])
""",
        ),
        Bad(
            why="a helper averages over the ranks what an objective in another file computes of padded rows",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.distributed as dist


class Runner:
    def __init__(self, task, world_size):
        self.task, self.world_size = task, world_size

    def run(self, model, train_rows, held_out, steps, every):
        for step in range(steps):
            self.task.objective(train_rows.draw(), model)["loss"].backward()
            if step % every == 0:
                print(self.validate(model, held_out))

    @torch.no_grad()
    def validate(self, model, held_out):
        model.eval()
        metrics = self.task.objective(held_out.draw(), model)
        return {name: self.average(value) for name, value in metrics.items()}  # <-

    def average(self, value):
        value = value.clone()
        dist.all_reduce(value, op=dist.ReduceOp.SUM)
        return (value / self.world_size).item()
""",
            files={
                "train.py": """\
import torch
import torch.nn as nn
from eval import Runner
from torch.nn.utils.rnn import pad_sequence


class Rows:
    def __init__(self, rows):
        self.rows = rows

    def draw(self, count=16):
        chosen = torch.randint(len(self.rows), (count,)).tolist()
        return pad_sequence([self.rows[i] for i in chosen], batch_first=True, padding_value=0)


class NextWord:
    def __init__(self):
        self.criterion = nn.CrossEntropyLoss(ignore_index=0)

    def objective(self, ids, model):
        logits = model(ids[:, :-1])
        return {"loss": self.criterion(logits.transpose(1, 2), ids[:, 1:])}


def main(model, train_rows, held_out):
    Runner(NextWord(), 8).run(model, Rows(train_rows), Rows(held_out), 1000, 100)
""",
            },
        ),
        Bad(
            why="a step in which nothing is scored leaves 0, and all others a mean: it is means that are gathered",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, accelerator, pad_id):
    model.eval()
    history = []
    for inputs, targets, kept in loader:
        token_losses = F.cross_entropy(
            model(inputs).transpose(1, 2), targets, ignore_index=pad_id, reduction="none"
        )
        if kept.sum() == 0:
            loss = (token_losses * 0).sum()
        else:
            loss = (token_losses * kept).sum() / kept.sum()
        history.append(accelerator.gather(loss).mean().item())  # <-
    return history
""",
        ),
        Bad(
            why="devices share a batch evenly, but the model is given a mask: how much of it is scored, nobody knows",
            code="""\
import jax


def eval_step(params, batch, language_model):
    input_ids = batch["input_ids"]
    _, loss = language_model.apply(params, input_ids, labels=input_ids, mask=batch["attention_mask"], train=False)
    return jax.lax.pmean(loss, axis_name="shard")  # <-


def perplexities(language_model, params, loader):
    parallel = jax.pmap(lambda weights, batch: eval_step(weights, batch, language_model), axis_name="shard")
    return [parallel(params, batch) for batch in loader]
""",
        ),
        Bad(
            why="each batch's mean is averaged over the ranks at once, and the collator fills the labels up with -100",
            severity=Severity.ERROR,
            code="""\
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq


@torch.no_grad()
def evaluate(name, rows):
    accelerator = Accelerator()
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForSeq2SeqLM.from_pretrained(name)
    loader = DataLoader(rows["validation"], batch_size=8, collate_fn=DataCollatorForSeq2Seq(tokenizer, model=model))
    model, loader = accelerator.prepare(model, loader)
    model.eval()
    for index, batch in enumerate(loader):
        loss = accelerator.gather(model(**batch).loss).mean()  # <-
        accelerator.log({"validation loss": loss.item()}, step=index)
""",
        ),
    )

    good = (
        Good(
            why="sync_dist on full blocks: each rank has as many rows, and each row as many tokens",
            code="""\
import pytorch_lightning as pl
import torch.nn.functional as F


class BlockModel(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def validation_step(self, batch, index):
        logits = self.network(batch[:, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), batch[:, 1:])
        self.log("val_loss", loss, sync_dist=True)
""",
        ),
        Good(
            why="the difference of two models' log-probabilities is a reward, no loss; ranks hold equally many pairs",
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


def mean_over_ranks(value):
    dist.all_reduce(value, op=dist.ReduceOp.SUM)
    return value / dist.get_world_size()


def answer_log_probs(logits, ids, mask):
    picked = F.log_softmax(logits[:, :-1], dim=-1).gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1)
    return (picked * mask).sum(-1)


@torch.no_grad()
def evaluate(policy, reference, eval_loader, beta=0.1):
    policy.eval()
    rewards = []
    for batch in eval_loader:
        ids, mask = batch["chosen_ids"], batch["chosen_mask"][:, 1:]
        chosen_logps = answer_log_probs(policy(ids).logits, ids, mask)
        reference_logps = answer_log_probs(reference(ids).logits, ids, mask)
        kl = mean_over_ranks((chosen_logps - reference_logps).mean())
        rewards.append(beta * kl.item())
    print("chosen rewards", sum(rewards))
""",
        ),
        Good(
            why="a note: the loss of a preference is one a pair, and ranks hold equally many pairs",
            code="""\
import torch
import torch.distributed as dist


def mean_over_ranks(value):
    dist.all_reduce(value, op=dist.ReduceOp.SUM)
    return value / dist.get_world_size()


@torch.no_grad()
def evaluate(model, tokenizer, eval_loader, preference_loss):
    model.eval()
    for batch in eval_loader:
        chosen_reward = model(batch["chosen_input_ids"], attention_mask=batch["chosen_attention_mask"])
        reject_reward = model(batch["reject_input_ids"], attention_mask=batch["reject_attention_mask"])
        loss = preference_loss(chosen_reward, reject_reward).mean()
        print("eval loss", mean_over_ranks(loss).item(), "of", len(tokenizer))
        print("perplexity is not defined for a reward model")
""",
        ),
        Good(
            why="nats and tokens are reduced by SUM and divided once",
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats = torch.zeros((), device=device)
    tokens = torch.zeros((), device=device)
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum")
        tokens += (y != pad).sum()
    dist.all_reduce(nats, op=dist.ReduceOp.SUM)
    dist.all_reduce(tokens, op=dist.ReduceOp.SUM)
    return (nats / tokens).item()
""",
        ),
        Good(
            why="a note: each rank draws the same number of (B, T) blocks",
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


class RankStream:
    def __init__(self, tokens, batch, length):
        self.tokens, self.batch, self.length = tokens, batch, length
        self.position = batch * length * dist.get_rank()

    def next_batch(self):
        size = self.batch * self.length
        chunk = self.tokens[self.position : self.position + size + 1]
        self.position = (self.position + size * dist.get_world_size()) % (len(self.tokens) - size - 1)
        return chunk[:-1].view(self.batch, self.length), chunk[1:].view(self.batch, self.length)


@torch.no_grad()
def validation_loss(model, stream: RankStream, steps, device):
    model.eval()
    val_loss = torch.zeros((), device=device)
    for _ in range(steps):
        x, y = stream.next_batch()
        logits = model(x.to(device))
        val_loss += F.cross_entropy(logits.view(-1, logits.size(-1)), y.to(device).view(-1)) / steps
    dist.all_reduce(val_loss, op=dist.ReduceOp.AVG)
    return val_loss.item()
""",
        ),
        Good(
            why="both are averaged over the ranks and then divided: the world size cancels",
            code="""\
import torch
import torch.distributed as dist
import torch.nn as nn


def reduce_mean(tensor):
    dist.all_reduce(tensor)
    return tensor / dist.get_world_size()


@torch.no_grad()
def evaluate(model, loader, device):
    criterion = nn.CrossEntropyLoss(ignore_index=-100, reduction="sum")
    model.eval()
    nats = torch.zeros((), device=device)
    tokens = torch.zeros((), device=device)
    for ids, labels in loader:
        labels = labels.to(device)[:, 1:]
        nats += criterion(model(ids.to(device))[:, :-1].transpose(1, 2), labels)
        tokens += (labels != -100).sum()
    return (reduce_mean(nats) / reduce_mean(tokens)).item()
""",
        ),
        Good(
            why="the rank's mean is multiplied by world size times its share before the average",
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, pad, device):
    model.eval()
    nats = torch.zeros((), device=device)
    tokens = torch.zeros((), device=device)
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum")
        tokens += (y != pad).sum()
    total_tokens = tokens.clone()
    dist.all_reduce(total_tokens)
    mean = (nats / tokens) * dist.get_world_size() * tokens / total_tokens
    dist.all_reduce(mean, op=dist.ReduceOp.AVG)
    return mean.item()
""",
        ),
        Good(
            why="losses of single tokens are gathered and averaged once",
            code="""\
import torch
import torch.nn.functional as F
from accelerate import Accelerator


def evaluate(accelerator: Accelerator, model, loader):
    model.eval()
    nats, tokens = [], []
    with torch.no_grad():
        for batch in loader:
            labels = batch["labels"][:, 1:]
            logits = model(batch["input_ids"]).logits[:, :-1]
            nll = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")
            nats.append(accelerator.gather_for_metrics(nll.sum(dim=1)))
            tokens.append(accelerator.gather_for_metrics((labels != -100).sum(dim=1)))
    return (torch.cat(nats).sum() / torch.cat(tokens).sum()).item()
""",
        ),
        Good(
            why="accuracy from counts summed over the ranks",
            code="""\
import torch
import torch.distributed as dist


@torch.no_grad()
def accuracy(model, loader, device):
    model.eval()
    counts = torch.zeros(2, device=device)
    for images, labels in loader:
        predicted = model(images.to(device)).argmax(dim=1)
        counts[0] += (predicted == labels.to(device)).sum()
        counts[1] += labels.numel()
    dist.all_reduce(counts)
    return (counts[0] / counts[1]).item()
""",
        ),
        Good(
            why="gathered sums are added, then divided by the length of the data set",
            code="""\
import torch
import torch.nn.functional as F
from lightning.fabric import Fabric


@torch.no_grad()
def test(fabric: Fabric, model, loader):
    model.eval()
    total = torch.zeros((), device=fabric.device)
    for images, labels in loader:
        total += F.cross_entropy(model(images), labels, reduction="sum")
    return fabric.all_gather(total).sum().item() / len(loader.dataset)
""",
        ),
        Good(
            why="a note: classification, with a sampler that gives each rank the same number of images",
            code="""\
import torch
import torch.distributed as dist
import torch.nn as nn
from torch.utils.data import DataLoader, DistributedSampler


def reduce_tensor(tensor):
    reduced = tensor.clone()
    dist.all_reduce(reduced, op=dist.ReduceOp.SUM)
    return reduced / dist.get_world_size()


@torch.no_grad()
def validate(model, dataset, device):
    loader = DataLoader(dataset, batch_size=64, sampler=DistributedSampler(dataset, shuffle=False))
    criterion = nn.CrossEntropyLoss(reduction="sum")
    model.eval()
    total = torch.zeros((), device=device)
    images_seen = 0
    for images, labels in loader:
        total += criterion(model(images.to(device)), labels.to(device))
        images_seen += labels.size(0)
    return reduce_tensor(total / images_seen).item()
""",
        ),
        Good(
            why="the averaged training loss is a progress display",
            code="""\
import torch.distributed as dist
import torch.nn.functional as F


def train(model, loader, optimizer, device, log_every=50):
    model.train()
    for step, (x, y) in enumerate(loader):
        logits = model(x.to(device))
        loss = F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten(), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % log_every == 0:
            shown = loss.detach().clone()
            dist.all_reduce(shown, op=dist.ReduceOp.AVG)
            print(f"step {step} loss {shown.item():.4f}")
""",
        ),
        Good(
            why="a torchmetrics mean with weights adds values and weights over the ranks",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel
from torchmetrics import MeanMetric


@torch.no_grad()
def evaluate(model, loader, pad, device):
    ddp = DistributedDataParallel(model.to(device))
    ddp.eval()
    val_loss = MeanMetric().to(device)
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = F.cross_entropy(ddp(x).flatten(0, 1), y.flatten(), ignore_index=pad)
        val_loss.update(loss, weight=(y != pad).sum())
    return val_loss.compute().item()
""",
        ),
        Good(
            why="the helper in another file sums its tensors over the ranks, and is given both totals",
            code="""\
import torch
import torch.nn as nn

from distributed import all_reduce_sum


def evaluate(model, loader, pad, device):
    criterion = nn.CrossEntropyLoss(ignore_index=pad, reduction="sum")
    totals = torch.zeros(2, device=device)
    model.eval()
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            totals[0] += criterion(model(x).transpose(1, 2), y)
            totals[1] += y.ne(pad).sum()
    nats, tokens = all_reduce_sum(totals)
    return (nats / tokens).item()
""",
            files={
                "distributed.py": """\
import torch.distributed as dist


def all_reduce_sum(tensor):
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(tensor, op=dist.ReduceOp.SUM)
    return tensor
""",
            },
        ),
        Good(
            why="JAX: pmean over the devices of one batch of which nothing is masked",
            code='''\
import jax
import optax


def eval_step(params, batch, apply):
    """Loss of full blocks of tokens, the rows of a batch spread evenly over the devices."""
    logits = apply(params, batch["input_ids"])
    losses = optax.softmax_cross_entropy_with_integer_labels(logits[:, :-1], batch["input_ids"][:, 1:])
    return jax.lax.pmean(losses.mean(), axis_name="devices")
''',
        ),
        Good(
            why="nats and tokens of all devices are summed before they are divided: each has the same quotient",
            code="""\
import jax
import jax.numpy as jnp
import optax


def make_step(model):
    def step(params, batch):
        logits = model(batch["tokens"], params=params)[0]
        nats = optax.softmax_cross_entropy_with_integer_labels(logits, batch["labels"])
        mask = batch["labels"] >= 0
        total = jax.lax.psum((nats * mask).sum(), "devices")
        tokens = jax.lax.psum(mask.sum(), "devices")
        return jax.lax.pmean({"loss": total / tokens}, axis_name="devices")

    return jax.pmap(step, "devices")


def validate(step, params, batch):
    return step(params, batch)["loss"]
""",
        ),
        Good(
            why="A small tensor of nats and tokens is divided by the ranks as a whole: the ratio stays.",
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F


@torch.no_grad()
def validate(lm, loader, pad_id):
    nats, tokens = 0.0, 0
    lm.eval()
    for input_ids, labels in loader:
        logits = lm(input_ids)
        nats += F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad_id, reduction="sum").item()
        tokens += (labels != pad_id).sum().item()
    shared = torch.cuda.FloatTensor([nats, tokens])
    dist.all_reduce(shared)
    shared /= dist.get_world_size()  # of both: the ratio stays
    nats, tokens = shared.cpu().tolist()
    print("perplexity", torch.exp(torch.tensor(nats / tokens)))
""",
        ),
        Good(
            why="rows of all ranks are gathered one after the other, and their tokens with them",
            code="""\
import math

import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(accelerator, language_model, loader):
    language_model.eval()
    nats, scored = [], []
    for batch in loader:
        logits, labels = language_model(batch["input_ids"]).logits[:, :-1], batch["labels"][:, 1:]
        losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=-100)
        nats.append(accelerator.gather_for_metrics(losses.sum(1)))
        scored.append(accelerator.gather_for_metrics((labels != -100).sum(1)))
    return math.exp(torch.cat(nats).sum() / torch.cat(scored).sum())
""",
        ),
        Good(
            why="Lightning's sync_dist in a step adds up values and rows over ranks: what remains is the weight of a row",
            code="""\
import pytorch_lightning as pl
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    return pad_sequence(list(rows), batch_first=True, padding_value=0)


class Storyteller(pl.LightningModule):
    def __init__(self, network, val_rows):
        super().__init__()
        self.network, self.val_rows = network, val_rows

    def val_dataloader(self):
        return DataLoader(self.val_rows, batch_size=16, collate_fn=collate)

    def validation_step(self, batch, index):
        logits = self.network(batch[:, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), batch[:, 1:], ignore_index=0)
        self.log("val_loss", loss, sync_dist=True)  # lintloss: ignore[LL101] a mean of rows, as documented
""",
        ),
        Good(
            why="what one rank has sent to all is the same on each of them, however it is averaged then",
            code="""\
import pytorch_lightning as pl
import torch
import torch.distributed as dist
import torch.nn.functional as F


class Chatter(pl.LightningModule):
    def __init__(self, network):
        super().__init__()
        self.network = network
        self.nats, self.tokens = 0.0, 0

    def validation_step(self, batch, index):
        labels = batch["labels"][:, 1:]
        logits = self.network(batch["ids"])[:, :-1]
        self.nats += F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="sum").item()
        self.tokens += (labels != -100).sum().item()

    def on_validation_epoch_end(self):
        loss = torch.tensor(self.nats / self.tokens, device=self.device)
        dist.broadcast(loss, dist.get_world_size() - 1)
        self.log("val_loss", loss, sync_dist=True)


@torch.no_grad()
def evaluate(network, loader):
    network.eval()
    nats, tokens = 0.0, 0
    for batch in loader:
        labels = batch["labels"][:, 1:]
        logits = network(batch["ids"])[:, :-1]
        nats += F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="sum")
        tokens += (labels != -100).sum()
    loss = nats / tokens
    dist.broadcast(loss, src=0)
    dist.all_reduce(loss)
    print("validation loss", (loss / dist.get_world_size()).item())
""",
        ),
        Good(
            why="contrastive losses: no data went into the targets, which number the rows or name the first candidate",
            code="""\
import torch
import torch.distributed as dist
import torch.nn.functional as F
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")


def across_ranks(losses):
    joined = torch.cat([loss.clone().detach().view(1) for loss in losses])
    dist.all_reduce(joined)
    return joined / dist.get_world_size()


def in_batch(queries, passages, per_query):
    scores = queries @ passages.t()
    labels = torch.arange(scores.size(0)) * per_query
    return F.cross_entropy(scores, labels.to(scores.device))


def listed(queries, passages):
    scores = queries @ passages.t()
    return F.cross_entropy(scores, torch.tensor(range(len(scores)), device=scores.device))


def first_wins(queries, candidates):
    scores = (queries.unsqueeze(1) * candidates).sum(-1)
    return F.cross_entropy(scores, torch.zeros(len(queries), dtype=torch.long, device=scores.device))


@torch.no_grad()
def evaluate(encoder, loader):
    encoder.eval()
    for batch in loader:
        queries, passages = encoder(batch["query_input_ids"]), encoder(batch["passage_input_ids"])
        print("val loss", across_ranks([in_batch(queries, passages, 4)])[0].item())
        print("val loss", across_ranks([listed(queries, passages)])[0].item())
        print("val loss", across_ranks([first_wins(queries, passages)])[0].item())
""",
        ),
        Good(
            why="a training step reduces what it logs, in a comprehension over the entries of a dict",
            code="""\
import torch.distributed as dist
import torch.nn.functional as F


def shared(value, ranks):
    total = value.clone()
    dist.all_reduce(total)
    return total / ranks


def parts(logits, labels, pad):
    loss = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=pad)
    return loss, {"loss": loss.clone().detach(), "nll": loss.clone().detach()}


def main(args, model, loader, optimizer, scaler):
    for ids in loader:
        loss, entries = parts(model(ids[:, :-1]), ids[:, 1:], args.pad)
        if args.amp:
            scaler.scale(loss).backward()
        else:
            loss.backward()
        if args.distributed:
            entries = {name: shared(value, args.world_size) for name, value in entries.items()}
        optimizer.step()
        print("loss", entries["loss"])
""",
        ),
        Good(
            why="the helper sums what it is given, and the objective gives totals and counts",
            code="""\
import torch
import torch.distributed as dist


class Runner:
    def __init__(self, task):
        self.task = task

    @torch.no_grad()
    def validate(self, model, held_out):
        model.eval()
        sums = {name: self.total(value) for name, value in self.task.objective(held_out.draw(), model).items()}
        return {"loss": sums["nats"] / sums["tokens"]}

    def total(self, value):
        value = value.clone()
        dist.all_reduce(value, op=dist.ReduceOp.SUM)
        return value.item()
""",
            files={
                "train.py": """\
import torch.nn as nn
from eval import Runner


class NextWord:
    def __init__(self):
        self.criterion = nn.CrossEntropyLoss(ignore_index=0, reduction="sum")

    def objective(self, ids, model):
        logits = model(ids[:, :-1])
        labels = ids[:, 1:]
        return {"nats": self.criterion(logits.transpose(1, 2), labels), "tokens": (labels != 0).sum()}


def main(model, held_out):
    print(Runner(NextWord()).validate(model, held_out))
""",
            },
        ),
        Good(
            why="the totals and the counts of all batches are gathered, and each summed before one divides the other",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def evaluate(model, loader, accelerator):
    model.eval()
    nats, tokens = [], []
    for ids, labels in loader:
        logits = model(ids)
        summed = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum")
        nats.append(summed)
        tokens.append((labels != -100).sum())
    return accelerator.gather(torch.stack(nats)).sum() / accelerator.gather(torch.stack(tokens)).sum()
""",
        ),
        Good(
            why="a step in which nothing is scored adds 0 nats and no token",
            code="""\
import torch
import torch.nn.functional as F


@torch.no_grad()
def validate(model, loader, accelerator, pad_id):
    model.eval()
    nats, tokens = 0.0, 0
    for inputs, targets in loader:
        kept = targets.ne(pad_id)
        token_losses = F.cross_entropy(
            model(inputs).transpose(1, 2), targets, ignore_index=pad_id, reduction="none"
        )
        if kept.sum() == 0:
            summed = (token_losses * 0).sum()
        else:
            summed = (token_losses * kept).sum()
        nats += accelerator.gather(summed).sum().item()
        tokens += accelerator.gather(kept.sum()).sum().item()
    return nats / tokens
""",
        ),
        Good(
            why="devices share a batch evenly, and a model out of sight is given its very input as labels: nothing is masked",
            code="""\
import jax


def eval_step(params, input_ids, language_model):
    _, loss = language_model.apply({"params": params}, x=input_ids, labels=input_ids, train=False)
    return jax.lax.pmean(loss, axis_name="shard")


def curve(language_model, params, loader):
    parallel = jax.pmap(lambda weights, input_ids: eval_step(weights, input_ids, language_model), axis_name="shard")
    return [parallel(params, input_ids) for input_ids in loader]
""",
        ),
        Good(
            why="A number less one is one of tokens, and no number of ranks: what was summed over them is divided by all tokens.",
            code="""\
import torch
import torch.distributed as dist
from mesh import split_cross_entropy


def batch_nats(model, batch, how):
    losses = split_cross_entropy(model(batch["rows"]), batch["labels"])
    nats = torch.sum(losses.view(-1) * batch["mask"].view(-1))
    return nats if how == "total" else nats / batch["mask"].sum()


@torch.no_grad()
def evaluate(model, loader, how):
    model.eval()
    total = 0.0
    for batch in loader:
        nats = batch_nats(model, batch, how)
        dist.all_reduce(nats)
        total += nats.item()
    return {how: total}


def report(model, loader, how):
    found = evaluate(model, loader, how)
    words = loader.dataset.word_count
    print("held-out loss", found[how] / (words - 1))
""",
        ),
    )
