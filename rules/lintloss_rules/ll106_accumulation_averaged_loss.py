"""LL106: micro-batch means of unequal token counts are averaged by gradient accumulation (training)."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.accumulation import unequal_means
from lintloss.facts.observations import Accumulated, Observation
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule


class AccumulationAveragedLoss(Rule):
    """Each micro-batch's mean loss is divided by the accumulation steps, though their token counts differ.

    Why:
        Gradient accumulation promises the gradient of one large batch. A mean per micro-batch divided by the number
        of micro-batches weighs a token of a short micro-batch more than one of a long one: with padding or masked
        prompts the accumulated gradient and the logged loss are not those of the large batch.

    Instead:
        Sum the nats of each micro-batch and divide by the scored tokens of all micro-batches of the step, counted
        before the first backward pass.

    Fix:
        None: the tokens of the whole step have to be known before its first micro-batch, which changes the loop.

    Source:
        Hugging Face, "Fixing gradient accumulation" (October 2024): num_items_in_batch over the whole step.
    """

    code = "LL106"
    name = "accumulation-averaged-loss"
    enabled = False  # training, not evaluation: on request
    confirmed_by = "the ledger's scored tokens of the micro-batches between two optimizer steps are unequal"
    watches = (Accumulated,)

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        """Report micro-batch means that are divided by the number of micro-batches."""
        found = unequal_means(seen) if isinstance(seen, Accumulated) else None
        if found is None:
            return
        proven, evidence = found
        why = "which differ in scored tokens" if proven else "which need not score the same number of tokens"
        message = f"mean losses of micro-batches, {why}, are divided by their number: divide sums by the tokens of the whole update"
        severity = Severity.ERROR if proven else Severity.WARNING
        yield Judgment(severity, Confidence.HIGH if proven else Confidence.MEDIUM, message, evidence)

    bad = (
        Bad(
            why="the loss of padded rows is divided by the accumulation steps",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


def collate(rows):
    ids = [torch.tensor(row) for row in rows]
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=0),
        "attention_mask": pad_sequence([torch.ones_like(i) for i in ids], batch_first=True),
        "labels": pad_sequence(ids, batch_first=True, padding_value=-100),
    }


def train(name, rows, steps_per_update=8, device="cuda"):
    model = AutoModelForCausalLM.from_pretrained(name).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    model.train()
    for step, batch in enumerate(DataLoader(rows, batch_size=2, shuffle=True, collate_fn=collate), start=1):
        batch = {key: value.to(device) for key, value in batch.items()}
        loss = model(**batch).loss
        loss = loss / steps_per_update  # <-
        loss.backward()
        if step % steps_per_update == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
        Bad(
            why="the division stands in the call of backward",
            severity=Severity.ERROR,
            code="""\
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0


def collate(rows):
    return pad_sequence(rows, batch_first=True, padding_value=PAD)


def train_epoch(model, dataset, optimizer, accumulation_steps):
    model.train()
    optimizer.zero_grad()
    for i, ids in enumerate(DataLoader(dataset, batch_size=4, shuffle=True, collate_fn=collate)):
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=PAD)
        (loss / accumulation_steps).backward()  # <-
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
        Bad(
            why="accelerator.backward divides by the accumulation steps itself",
            severity=Severity.ERROR,
            code="""\
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, DataCollatorForSeq2Seq


def main(train_set, name="t5-small"):
    accelerator = Accelerator(gradient_accumulation_steps=4)
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForSeq2SeqLM.from_pretrained(name)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    collator = DataCollatorForSeq2Seq(tokenizer, model=model, label_pad_token_id=-100)
    loader = DataLoader(train_set, batch_size=8, shuffle=True, collate_fn=collator)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    model.train()
    for batch in loader:
        with accelerator.accumulate(model):
            loss = model(**batch).loss
            accelerator.backward(loss)  # <-
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
        Bad(
            why="the scaled loss of automatic mixed precision",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn as nn


def train(model, loader, optimizer, pad, accum, device):
    criterion = nn.CrossEntropyLoss(ignore_index=pad)
    scaler = torch.amp.GradScaler("cuda")
    model.train()
    for step, (src, tgt) in enumerate(loader):
        src, tgt = src.to(device), tgt.to(device)
        with torch.autocast("cuda", dtype=torch.float16):
            logits = model(src, tgt[:, :-1])
            loss = criterion(logits.reshape(-1, logits.size(-1)), tgt[:, 1:].reshape(-1))
        scaler.scale(loss / accum).backward()  # <-
        if (step + 1) % accum == 0:
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad(set_to_none=True)
""",
        ),
        Bad(
            why="one padded batch is cut into micro-batches, each with a mean of its own",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

PAD = 0


def train_step(model, sentences, optimizer, micro_batches):
    ids = pad_sequence(sentences, batch_first=True, padding_value=PAD)
    model.train()
    optimizer.zero_grad()
    for chunk in torch.chunk(ids, micro_batches):
        logits = model(chunk[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), chunk[:, 1:].flatten(), ignore_index=PAD) / micro_batches  # <-
        loss.backward()
    optimizer.step()
""",
        ),
        Bad(
            why="the model returns the mean, ignoring -1, and the trainer divides by its own setting",
            severity=Severity.WARNING,
            code="""\
import torch

from gpt import GPT


class Trainer:
    def __init__(self, vocab_size, grad_accum):
        self.model = GPT(vocab_size)
        self.grad_accum = grad_accum
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-4)

    def update(self, micro_batches):
        self.model.train()
        for x, y in micro_batches:
            _, loss = self.model(x, y)
            loss = loss / self.grad_accum  # <-
            loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
""",
            files={
                "gpt.py": """\
import torch.nn as nn
import torch.nn.functional as F


class GPT(nn.Module):
    def __init__(self, vocab_size, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocab_size)

    def forward(self, ids, targets):
        logits = self.head(self.rnn(self.embed(ids))[0])
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits, loss
""",
            },
        ),
        Bad(
            why="in place, and prompts are masked",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM


def collate(rows):
    ids = [torch.tensor(row["prompt"] + row["answer"]) for row in rows]
    labels = [torch.tensor([-100] * len(row["prompt"]) + row["answer"]) for row in rows]
    return pad_sequence(ids, batch_first=True), pad_sequence(labels, batch_first=True, padding_value=-100)


def finetune(args, rows):
    model = AutoModelForCausalLM.from_pretrained(args.model).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)
    model.train()
    for step, (ids, labels) in enumerate(DataLoader(rows, batch_size=1, shuffle=True, collate_fn=collate)):
        loss = model(ids.cuda(), labels=labels.cuda())[0]
        if args.gradient_accumulation_steps > 1:
            loss /= args.gradient_accumulation_steps  # <-
        loss.backward()
        if (step + 1) % args.gradient_accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
        Bad(
            why="a factor of one over the accumulation steps, for a masked language model",
            severity=Severity.ERROR,
            code="""\
import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForMaskedLM, AutoTokenizer, DataCollatorForLanguageModeling


def pretrain(tokenized, name="bert-base-uncased", accumulation=16):
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForMaskedLM.from_pretrained(name).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    scale = 1.0 / accumulation
    model.train()
    for step, batch in enumerate(DataLoader(tokenized, batch_size=8, shuffle=True, collate_fn=collator)):
        loss = model(**batch.to("cuda")).loss * scale  # <-
        loss.backward()
        if (step + 1) % accumulation == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
        Bad(
            why="the collator of another file pads, the settings of a third name the accumulation steps",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from batches import PAD, collate
from settings import ACCUMULATE, BATCH_SIZE


def train(model, dataset, device):
    optimizer = torch.optim.AdamW(model.parameters())
    model.train()
    loader = DataLoader(dataset, batch_size=BATCH_SIZE, shuffle=True, collate_fn=collate)
    for step, (x, y) in enumerate(loader, start=1):
        logits = model(x.to(device))
        loss = F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten(), ignore_index=PAD)
        loss = loss / ACCUMULATE  # <-
        loss.backward()
        if step % ACCUMULATE == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
            files={
                "batches.py": """\
from torch.nn.utils.rnn import pad_sequence

PAD = 0


def collate(rows):
    ids = pad_sequence(rows, batch_first=True, padding_value=PAD)
    return ids[:, :-1], ids[:, 1:]
""",
                "settings.py": "BATCH_SIZE = 4\nACCUMULATE = 16\n",
            },
        ),
        Bad(
            why="The optimizer moves once in so many batches, and their number divides each loss: whatever it is called.",
            severity=Severity.ERROR,
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    ids = pad_sequence([torch.tensor(row[:-1]) for row in rows], batch_first=True)
    targets = pad_sequence([torch.tensor(row[1:]) for row in rows], batch_first=True, padding_value=-100)
    return ids, targets


def train(model, rows, every=4):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    model.train()
    for index, (ids, targets) in enumerate(DataLoader(rows, batch_size=8, shuffle=True, collate_fn=collate)):
        logits = model(ids)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        (loss / every).backward()  # <-
        if (index + 1) % every == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
    )

    good = (
        Good(
            why="micro-batches are fixed (B, T) blocks: the average is exact",
            code="""\
import torch
import torch.nn.functional as F


def get_batch(tokens, rows=12, length=1024):
    starts = torch.randint(len(tokens) - length - 1, (rows,)).tolist()
    x = torch.stack([tokens[s : s + length] for s in starts])
    y = torch.stack([tokens[s + 1 : s + 1 + length] for s in starts])
    return x, y


def train(model, tokens, optimizer, max_iters, gradient_accumulation_steps):
    model.train()
    for _ in range(max_iters):
        for _ in range(gradient_accumulation_steps):
            x, y = get_batch(tokens)
            logits = model(x)
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
            loss = loss / gradient_accumulation_steps
            loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
""",
        ),
        Good(
            why="summed nats over the scored tokens of the whole step",
            code='''\
import torch.nn.functional as F


def train_step(model, micro_batches, optimizer, pad):
    """micro_batches: a list of (inputs, targets), padded."""
    model.train()
    n_tokens = sum((targets != pad).sum().item() for _, targets in micro_batches)
    optimizer.zero_grad()
    for inputs, targets in micro_batches:
        logits = model(inputs)
        nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad, reduction="sum")
        (nats / n_tokens).backward()
    optimizer.step()
''',
        ),
        Good(
            why="each mean is weighted by its share of the step's tokens",
            code="""\
import torch.nn.functional as F


def train_step(model, micro_batches, optimizer, pad):
    model.train()
    counts = [(targets != pad).sum() for _, targets in micro_batches]
    total = sum(counts)
    optimizer.zero_grad()
    for (inputs, targets), count in zip(micro_batches, counts):
        loss = F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=pad)
        (loss * count / total).backward()
    optimizer.step()
""",
        ),
        Good(
            why="images: each micro-batch is a full batch of examples",
            code="""\
import torch.nn as nn
from torch.utils.data import DataLoader


def train(model, dataset, optimizer, accumulation_steps, device):
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(dataset, batch_size=32, shuffle=True, drop_last=True)
    model.train()
    for step, (images, labels) in enumerate(loader):
        loss = criterion(model(images.to(device)), labels.to(device)) / accumulation_steps
        loss.backward()
        if (step + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
        Good(
            why="no accumulation: one backward pass an update",
            code="""\
import torch.nn.functional as F


def train(model, loader, optimizer, pad, device):
    model.train()
    for x, y in loader:
        logits = model(x.to(device))
        loss = F.cross_entropy(logits.flatten(0, 1), y.to(device).flatten(), ignore_index=pad)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
        ),
        Good(
            why="a Hugging Face loss that is told the number of items of the whole step",
            code="""\
import torch
from transformers import AutoModelForCausalLM


def update(model: AutoModelForCausalLM, optimizer, micro_batches):
    model.train()
    items = sum(batch["labels"][:, 1:].ne(-100).sum() for batch in micro_batches)
    for batch in micro_batches:
        loss = model(**batch, num_items_in_batch=items).loss
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
""",
        ),
        Good(
            why="packed rows of equal length, in full batches",
            code="""\
import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoModelForCausalLM


def train(name, tokens, context=2048, accumulation=32):
    model = AutoModelForCausalLM.from_pretrained(name).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    rows = tokens[: len(tokens) // context * context].view(-1, context)
    loader = DataLoader(TensorDataset(rows), batch_size=2, shuffle=True, drop_last=True)
    model.train()
    for step, (ids,) in enumerate(loader, start=1):
        ids = ids.cuda()
        (model(ids, labels=ids).loss / accumulation).backward()
        if step % accumulation == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
        Good(
            why="a regression loss per example",
            code="""\
import torch.nn.functional as F


def train(model, loader, optimizer, accumulation_steps):
    model.train()
    for step, (features, target) in enumerate(loader):
        loss = F.mse_loss(model(features).squeeze(-1), target)
        (loss / accumulation_steps).backward()
        if (step + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
""",
        ),
        Good(
            why="The optimizer moves with each batch; another number says how often something is printed.",
            code="""\
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


def collate(rows):
    ids = pad_sequence([torch.tensor(row[:-1]) for row in rows], batch_first=True)
    targets = pad_sequence([torch.tensor(row[1:]) for row in rows], batch_first=True, padding_value=-100)
    return ids, targets


def train(model, rows, temper=2.0, every=100):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    model.train()
    for index, (ids, targets) in enumerate(DataLoader(rows, batch_size=8, shuffle=True, collate_fn=collate)):
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten()) / temper
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if (index + 1) % every == 0:
            print(f"{index + 1}: {loss.item() / every:.6f} a step")
""",
        ),
    )
