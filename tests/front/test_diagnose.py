"""`lintloss diagnose`: the incident's numbers, each symptom, and what must not be called suspicious.

Expected values are worked out by hand beside each case, not with the program's own functions.
"""

from __future__ import annotations

import json

import pytest

from lintloss.__main__ import run
from lintloss.diagnose import (
    DOES_NOT_FIT,
    FINE,
    FITS,
    IMPLAUSIBLE,
    IMPOSSIBLE,
    OPEN,
    Diagnosis,
    Hypothesis,
    Published,
    diagnose,
    published,
)
from lintloss.errors import UsageError


def incident(**more: int) -> Diagnosis:
    known = {"vocab": 16_000, "batches": 118, "seq_len": 128, "params": 10_000_000, **more}
    return diagnose(Published(loss=published("0.053"), perplexity=published("1.054"), **known))  # type: ignore[arg-type]


def hypothesis(found: Diagnosis, words: str) -> Hypothesis:
    (one,) = [each for each in found.hypotheses if words in each.what]
    return one


def levels(found: Diagnosis) -> list[str]:
    return [each.level for each in found.statements]


def said(found: Diagnosis) -> str:
    return " | ".join(each.text for each in found.statements)


def test_a_number_is_all_that_rounds_to_it() -> None:
    one = published("0.053")
    assert (one.low, one.high) == pytest.approx((0.0525, 0.0535))
    assert (published("12").low, published("12").high) == (11.5, 12.5)
    assert published("5.3e-2").high == pytest.approx(0.0535)
    for wrong in ("nan", "inf", "x", ""):
        with pytest.raises(UsageError):
            published(wrong)


def test_the_incident_is_implausible_and_its_loss_and_perplexity_agree() -> None:
    found = incident()
    assert levels(found) == [IMPLAUSIBLE, FINE, FINE]
    # 1.69 + 406.4 / 10^(7 x 0.34) = 1.69 + 406.4 / 239.88 = 3.384; ln 16000 = ln 16 + 3 ln 10 = 2.7726 + 6.9078
    assert "below the 3.38" in said(found)
    assert "ln 16000 = 9.68" in said(found)


def test_the_incident_implies_by_hypothesis_what_was_worked_out_for_it() -> None:
    found = incident()
    # both rounded numbers hold for 0.0525 <= loss <= ln 1.0545 = 0.05307
    twice = hypothesis(found, "divided by the batches twice")
    assert twice.implied is not None
    assert (twice.implied.low, twice.implied.high) == pytest.approx((6.195, 6.262), abs=1e-3)  # x 118
    leak = hypothesis(found, "no causal mask")
    assert leak.implied is not None
    assert (leak.implied.low, leak.implied.high) == pytest.approx((6.72, 6.793), abs=1e-3)  # x 128
    assert (twice.fit, leak.fit) == (FITS, FITS)
    assert "--causality" in leak.command
    assert hypothesis(found, "never shifted").fit == OPEN
    assert "--copy-oracle" in hypothesis(found, "never shifted").command


def test_more_tokens_than_positions_is_impossible_and_names_the_factor() -> None:
    found = incident(tokens=30_000_000, batch_size=16)
    assert levels(found)[-1] == IMPOSSIBLE
    assert "118 batches x 16 rows x 128 positions = 241,664" in said(found)
    assert "124.1 times" in said(found)  # 30,000,000 / 241,664
    counted = hypothesis(found, "counted more than once")
    assert counted.implied is not None
    assert counted.implied.low == pytest.approx(6.517, abs=1e-3)  # 0.0525 x 124.139
    assert hypothesis(found, "number of rows").fit == DOES_NOT_FIT  # x 16 = 0.84 nats


def test_what_fits_stands_above_what_is_open_and_what_does_not_fit_is_last() -> None:
    fits = [each.fit for each in incident(tokens=30_000_000, batch_size=16).hypotheses]
    assert fits == sorted(fits, key=[FITS, OPEN, DOES_NOT_FIT].index)
    assert fits[0] == FITS
    assert fits[-1] == DOES_NOT_FIT


def test_padding_in_the_divisor_follows_from_tokens_and_positions() -> None:
    # 8192 positions a row of which 1 in 100 is text: 0.05 x 100 = 5 nats
    found = diagnose(
        Published(loss=published("0.050"), vocab=16_000, batches=10, batch_size=4, seq_len=8192, tokens=3277)
    )
    padded = hypothesis(found, "padding is counted")
    assert padded.implied is not None
    assert (padded.implied.low + padded.implied.high) / 2 == pytest.approx(5.0, rel=1e-3)
    assert padded.fit == FITS


def test_plausible_numbers_are_left_alone() -> None:
    # e^4.605 = 99.98
    found = diagnose(
        Published(loss=published("4.605"), perplexity=published("100.0"), vocab=16_000, batches=118, params=10**7)
    )
    assert levels(found) == [FINE, FINE]
    assert found.hypotheses == ()
    assert not found.is_suspicious


def test_a_good_character_model_is_no_suspect() -> None:
    assert not diagnose(Published(loss=published("1.47"), vocab=65)).is_suspicious


@pytest.mark.parametrize(
    ("loss", "perplexity", "words"),
    [
        ("3.00", "8.0", "the base is wrong"),  # 2^3 = 8, e^3 = 20.1
        ("3.00", "25.0", "averaged"),  # above e^3
    ],
)
def test_where_loss_and_perplexity_part(loss: str, perplexity: str, words: str) -> None:
    found = diagnose(Published(loss=published(loss), perplexity=published(perplexity), vocab=16_000))
    assert IMPOSSIBLE in levels(found)
    assert hypothesis(found, words)


def test_a_perplexity_below_exp_of_the_loss_has_no_average_to_blame() -> None:
    found = diagnose(Published(loss=published("3.00"), perplexity=published("15.0"), vocab=16_000))
    assert "no way of averaging" in said(found)
    assert found.hypotheses == ()


def test_bits() -> None:
    # 6 bits are 6 ln 2 = 4.159 nats, and 2^6 = 64
    right = Published(loss=published("6.000"), perplexity=published("64.0"), vocab=16_000, bits=True)
    assert levels(diagnose(right)) == [FINE, FINE]
    assert right.nats.low == pytest.approx(4.1585, abs=1e-3)
    wrong = diagnose(Published(loss=published("6.000"), perplexity=published("403.4"), vocab=16_000, bits=True))
    assert "another base" in said(wrong)  # e^6 = 403.43
    read = hypothesis(wrong, "in nats").implied
    assert read is not None
    assert read.low == pytest.approx(6.0, abs=1e-3)


def test_guessing_and_worse() -> None:
    guess = diagnose(Published(loss=published("9.680"), vocab=16_000))
    assert "learned nothing" in said(guess)
    assert hypothesis(guess, "probabilities go into cross_entropy")  # between 8.68 and 9.68
    total = diagnose(Published(loss=published("590.0"), vocab=16_000, batches=118))
    assert "worse than guessing" in said(total)
    divided = hypothesis(total, "a sum is not divided").implied
    assert divided is not None
    assert divided.low == pytest.approx(5.0, abs=1e-2)  # 590 / 118


def test_below_zero_is_impossible() -> None:
    found = diagnose(Published(loss=published("-2.586"), vocab=16_000))
    assert levels(found)[0] == IMPOSSIBLE
    assert hypothesis(found, "nll_loss on raw logits")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["diagnose", "--loss", "0.053", "--perplexity", "1.054", "--vocab", "16,000", "--batches", "118"]
    words += ["--tokens", "241_664", "--seq-len", "128", "--params", "10M"]
    assert run(words) == 1
    text = capsys.readouterr().out
    assert text.startswith("implausible: ")
    assert "hypotheses from arithmetic alone" in text
    assert "lintloss verify --causality -- python your_eval.py" in text
    assert run([*words, "--output-format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["hypotheses"][0]["implied_loss"] == pytest.approx([6.195, 6.262], abs=1e-3)
    assert run(["diagnose", "--loss", "4.6", "--vocab", "16000"]) == 0
    assert "proves nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "neither a loss nor a perplexity"),
        (["--loss", "low"], "is a number"),
        (["--loss", "1", "--vocab", "-3"], "--vocab is a whole number"),
        (["--loss", "1", "--base", "10"], "--base is e or 2"),
        (["--loss", "1", "--output-format", "xml"], "text or json"),
    ],
)
def test_what_does_not_fit_is_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", *words]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert says in out.err
