"""What the recorder costs: one process, one model, the same loop with torch's functions and with the recording ones.

Turns are paired: plain and recorded ones alternate within milliseconds (of `small`: within a second), and the ratio of
each pair is taken, so that other work on the machine hits both. Shown are the median ratio and the range that holds it in
95 of 100 cases, by rank among the ratios; more pairs make it narrower. The first calls of a site are looked at closely:
that is paid once a site and shown apart.
`--direct` times each recording function and torch's own inside it instead, and adds up what is between them: no other
run is needed to compare with, so that a batch of half a second is enough to see a microsecond; its clock is in the figure.
Budgets: 3 % on `small`, 12 % on `micro`.

    python benchmarks/verify_overhead.py [--loop micro|tiny|small] [--pairs 400 | --direct 20]
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

INJECT = Path(__file__).resolve().parents[1] / "lintloss" / "verify" / "inject"

# width, layers, length, rows, vocabulary, batches a turn
LOOPS = {
    "micro": (32, 2, 32, 1, 256, 5),
    "tiny": (128, 4, 64, 4, 1000, 4),
    "small": (256, 6, 128, 8, 16000, 1),
}
BUDGETS = {"micro": 1.12, "tiny": 1.05, "small": 1.03}


def build(loop: str) -> Callable[[], float]:
    """A GPT of nn.Linear, LayerNorm and causal attention, and one pass over its batches."""
    import torch
    from torch import nn
    from torch.nn import functional

    width, layers, length, rows, vocabulary, batches = LOOPS[loop]

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.mix = nn.LayerNorm(width), nn.Linear(width, 3 * width)
            self.out, self.up, self.down = (
                nn.Linear(width, width),
                nn.Linear(width, 4 * width),
                nn.Linear(4 * width, width),
            )
            self.drop = nn.Dropout(0.1)

        def forward(self, x: Any) -> Any:
            q, k, v = (part.unflatten(-1, (4, -1)).transpose(1, 2) for part in self.mix(self.norm(x)).chunk(3, -1))
            mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.drop(self.out(mixed.transpose(1, 2).flatten(2)))
            return x + self.drop(self.down(functional.gelu(self.up(x))))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
            self.blocks, self.head = nn.ModuleList(Block() for _ in range(layers)), nn.Linear(width, vocabulary)

        def forward(self, ids: Any) -> Any:
            x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = GPT().eval()
    data = [torch.randint(vocabulary, (rows, length + 1)) for _ in range(batches)]

    def turn() -> float:
        total = 0.0
        with torch.no_grad():
            for ids in data:
                logits = model(ids[:, :-1])
                total += functional.cross_entropy(logits.reshape(-1, vocabulary), ids[:, 1:].reshape(-1)).item()
        return total / len(data)  # lintloss: ignore[LL101] every batch has the same shape

    return turn


def switch(plain: dict[str, Any], recorded: dict[str, Any], *, on: bool) -> None:
    from torch.nn import functional

    for name, function in (recorded if on else plain).items():
        setattr(functional, name, function)


def measure(loop: str, pairs: int) -> dict[str, float]:
    sys.path.insert(0, str(INJECT))
    with tempfile.TemporaryDirectory() as folder:
        import torch  # noqa: F401  torch's own functions first, then the recording ones
        from torch.nn import functional

        plain = dict(vars(functional))
        recorder = _install(folder, functional)
        recorded = {name: value for name, value in vars(functional).items() if plain.get(name) is not value}
        plain = {name: plain[name] for name in recorded}
        turn = build(loop)
        looks = _warm(turn, plain, recorded, recorder)
        times: dict[bool, list[float]] = {False: [], True: []}
        losses = {False: 0.0, True: 0.0}
        for number in range(pairs):
            for on in ((False, True), (True, False))[number % 2]:
                switch(plain, recorded, on=on)
                start = time.thread_time()
                losses[on] = turn()
                times[on].append(time.thread_time() - start)
        assert losses[False] == losses[True], "recording changed a loss"
        assert not recorder.failures, recorder.failures
    ratios = sorted(on / off for off, on in zip(times[False], times[True], strict=True))
    added = [on - off for off, on in zip(times[False], times[True], strict=True)]
    batches = LOOPS[loop][5]
    low, high = _bounds(ratios)
    return {
        "batch_ms": 1000 * statistics.median(times[False]) / batches,
        "ratio": statistics.median(ratios),
        "ratio_low": low,
        "ratio_high": high,
        "microseconds_a_batch": 1e6 * statistics.median(added) / batches,
        "looks_ms": 1000 * looks,
    }


CALLED = ("cross_entropy", "embedding", "dropout", "scaled_dot_product_attention")


def direct(loop: str, turns: int) -> dict[str, float]:
    """Time in the recording functions less the time in torch's own, by turn, once the close looks are over."""
    sys.path.insert(0, str(INJECT))
    spent = {"plain": 0, "recorded": 0}
    with tempfile.TemporaryDirectory() as folder:
        import torch  # noqa: F401  as above
        from torch.nn import functional

        def time_each(what: str) -> None:
            for name in CALLED:
                setattr(functional, name, _timed(getattr(functional, name), spent, what))

        time_each("plain")
        recorder = _install(folder, functional)
        time_each("recorded")
        turn = build(loop)
        while recorder.close.wants:
            turn()
        spent.update(plain=0, recorded=0)
        start = time.thread_time_ns()
        for _ in range(turns):
            turn()
        whole = time.thread_time_ns() - start
        assert not recorder.failures, recorder.failures
    added = spent["recorded"] - spent["plain"]
    batches = turns * LOOPS[loop][5]
    return {
        "batch_ms": whole / batches / 1e6,
        "microseconds_a_batch": added / batches / 1e3,
        "ratio": whole / (whole - added),
    }


def _timed(function: Callable[..., Any], spent: dict[str, int], what: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.thread_time_ns()
        try:
            return function(*args, **kwargs)
        finally:
            spent[what] += time.thread_time_ns() - start

    return timed


def _warm(turn: Callable[[], float], plain: dict[str, Any], recorded: dict[str, Any], recorder: Any) -> float:
    """Run both ways until the close looks are over, and return the seconds that these took."""
    switch(plain, recorded, on=False)
    turn()
    before = recorder.ledger.spent
    switch(plain, recorded, on=True)
    while recorder.close.wants:
        turn()
    spent = recorder.ledger.spent - before
    turn()
    return float(spent)


def _bounds(ratios: list[float]) -> tuple[float, float]:
    """The ranks between which the median of the population lies in 95 of 100 samples (normal approximation)."""
    half = 0.98 * math.sqrt(len(ratios))
    middle = len(ratios) / 2
    return ratios[max(0, math.floor(middle - half))], ratios[min(len(ratios) - 1, math.ceil(middle + half))]


def _install(folder: str, functional: Any) -> Any:
    from lintloss_ledger.install import install
    from lintloss_ledger.ledger import Ledger
    from lintloss_ledger.plan import Plan

    plan = {
        "folder": folder, "close_calls": 4, "flagged_calls": 4, "experiments": [], "debug_shapes": 0,
        "show_instrumented": False,
    }  # fmt: skip
    return install(Plan(plan, {}), Ledger(folder), functional)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loop", choices=list(LOOPS), default="micro")
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--direct", type=int, metavar="TURNS", help="time the recording functions themselves")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.direct:
        found = direct(given.loop, given.direct)
        print(
            f"{given.loop}: {found['batch_ms']:.2f} ms a batch, of which the recorder {found['microseconds_a_batch']:.0f} µs, "
            f"ratio {found['ratio']:.4f}, budget {BUDGETS[given.loop]:.2f}"
        )
        return 0 if found["ratio"] <= BUDGETS[given.loop] else 1
    found = measure(given.loop, given.pairs)
    if given.json:
        print(json.dumps({"loop": given.loop, "budget": BUDGETS[given.loop], **found}))
    else:
        print(
            f"{given.loop}: {found['batch_ms']:.2f} ms a batch, ratio {found['ratio']:.4f} "
            f"[{found['ratio_low']:.4f}, {found['ratio_high']:.4f}], {found['microseconds_a_batch']:.0f} µs a batch, budget "
            f"{BUDGETS[given.loop]:.2f}; close looks at the first calls: {found['looks_ms']:.0f} ms"
        )
    return 0 if math.isfinite(found["ratio"]) and found["ratio"] <= BUDGETS[given.loop] else 1


if __name__ == "__main__":
    sys.exit(main())
