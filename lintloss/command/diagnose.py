"""`lintloss diagnose`: what published numbers say about themselves, as text or JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from lintloss.diagnose import FITS, Diagnosis, Hypothesis, Published, Range, diagnose, published
from lintloss.errors import UsageError

SUFFIXES = {"k": 10**3, "m": 10**6, "b": 10**9}
WIDEST = 700.0  # exp of more overflows
_CAUTION = "These are hypotheses from arithmetic alone, the likelier first. Running the evaluation decides:\n"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("diagnose")(explain)


def explain(
    loss: Annotated[str | None, typer.Option(help="The reported loss, with the digits that were reported.")] = None,
    perplexity: Annotated[str | None, typer.Option(help="The reported perplexity.")] = None,
    vocab: Annotated[str | None, typer.Option(help="Tokens in the vocabulary.")] = None,
    batches: Annotated[str | None, typer.Option(help="Batches evaluated.")] = None,
    tokens: Annotated[str | None, typer.Option(help="Tokens said to be evaluated.")] = None,
    seq_len: Annotated[str | None, typer.Option(help="Positions in a row.")] = None,
    batch_size: Annotated[str | None, typer.Option(help="Rows in a batch.")] = None,
    params: Annotated[str | None, typer.Option(help="Parameters of the model, as in 10M.")] = None,
    base: Annotated[str, typer.Option(help="e: the loss is in nats; 2: in bits.")] = "e",
    output_format: Annotated[str, typer.Option(help="text or json.")] = "text",
) -> int:
    """Reason from the numbers alone: which cannot be, and which mistakes would explain them."""
    if base not in ("e", "2"):
        raise UsageError(f"--base is e or 2, not {base!r}")
    if output_format not in ("text", "json"):
        raise UsageError(f"--output-format is text or json, not {output_format!r}")
    seen = Published(
        loss=None if loss is None else published(loss),
        perplexity=None if perplexity is None else published(perplexity),
        vocab=_whole("--vocab", vocab),
        batches=_whole("--batches", batches),
        tokens=_whole("--tokens", tokens),
        seq_len=_whole("--seq-len", seq_len),
        batch_size=_whole("--batch-size", batch_size),
        params=_whole("--params", params),
        bits=base == "2",
    )
    result = diagnose(seen)
    text = json.dumps(_as_json(result), indent=2) + "\n" if output_format == "json" else "".join(_lines(result))
    sys.stdout.write(text)
    return 1 if result.is_suspicious else 0


def _whole(flag: str, text: str | None) -> int | None:
    """Read a count such as 118, 241_664, 16,000, 10M or 1.5B."""
    if text is None:
        return None
    plain = text.replace(",", "").replace("_", "").lower()
    factor = SUFFIXES.get(plain[-1:], 1)
    try:
        value = round(float(plain[:-1] if factor > 1 else plain) * factor)
    except (ValueError, OverflowError):
        value = 0
    if value < 1:
        raise UsageError(f"{flag} is a whole number such as 118 or 10M, not {text!r}")
    return value


def _lines(result: Diagnosis) -> Iterator[str]:
    for statement in result.statements:
        yield f"{statement.level}: {statement.text}\n"
    if not result.hypotheses:
        yield "Nothing here asks for an explanation, which proves nothing: lintloss verify -- python your_eval.py\n"
        return
    yield f"\n{_CAUTION}"
    for number, each in enumerate(result.hypotheses, start=1):
        rules = f" ({', '.join(each.rules)})" if each.rules else ""
        yield f"\n{number}. {each.what}{rules}: {each.fit}\n   {each.because}{_implied(each)}\n   {each.command}\n"


def _implied(each: Hypothesis) -> str:
    if each.implied is None:
        return ""
    low, high = each.implied.low, each.implied.high
    then = f"; the true loss is then {low:.2f} to {high:.2f} nats per token"
    if each.fit == FITS and high < WIDEST:
        then += f" (perplexity {math.exp(low):.4g} to {math.exp(high):.4g})"
    return then


def _as_json(result: Diagnosis) -> dict[str, object]:
    return {
        "statements": [{"level": each.level, "text": each.text} for each in result.statements],
        "hypotheses": [
            {
                "what": each.what,
                "because": each.because,
                "fit": each.fit,
                "implied_loss": _pair(each.implied),
                "rules": list(each.rules),
                "command": each.command,
            }
            for each in result.hypotheses
        ],
    }


def _pair(implied: Range | None) -> list[float] | None:
    return None if implied is None else [implied.low, implied.high]
