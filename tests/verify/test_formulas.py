"""Every wrong average is told from the right one by the number alone. No torch."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintloss.verify.events import Call, Form, Site
from lintloss.verify.formulas import candidates, divisor, match, near, truth

FORM = Form("cross_entropy", "mean", -100, False, 0.0, "torch.float32", 61, "cpu", True)


def call(mean: float, scored: int, rows: int = 2, positions: int | None = None, length: int | None = None) -> Call:
    return Call(
        0, 0, 0, Site((), None), FORM, 0, mean, float(scored), float(positions or scored), float(rows),
        float(length or scored // rows + 1), math.nan,
    )  # fmt: skip


CALLS = (call(5.0, 40, rows=4, positions=64, length=17), call(6.0, 12, rows=2, positions=16, length=9), call(7.5, 3, 1))
SCORED, SUMMED, NATS = 55.0, 18.5, 5.0 * 40 + 6.0 * 12 + 7.5 * 3


@pytest.mark.parametrize(
    ("number", "formula"),
    [
        (NATS / SCORED, "token mean"),
        (SUMMED / 3, "mean of batch means"),
        (SUMMED / 9, "mean of batch means divided by batches again"),
        ((5 * 4 + 6 * 2 + 7.5) / 7, "batch means weighted by rows"),
        (SUMMED / 7, "sum of batch means / rows"),
        (SUMMED / SCORED, "sum of batch means / scored tokens"),
        (NATS / 3, "sum of nats / batches"),
        (NATS / 7, "sum of nats / rows"),
        (NATS / 83, "sum of nats / all positions (ignored ones counted)"),
        (NATS / 90, "sum of nats / input tokens (the shifted-out position counted)"),
        (NATS / 62, "sum of nats / (scored tokens + rows)"),
        ((4 * 200 / 44 + 2 * 72 / 14 + 22.5 / 4) / 7, "batch sums / (scored tokens + rows), weighted by rows"),
        (SUMMED / 4, "sum of batch means / (batches + 1)"),
        (math.exp(NATS / SCORED), "exp of token mean"),
        (math.exp(SUMMED / 3), "exp of mean of batch means"),
        (math.fsum(math.exp(m) for m in (5.0, 6.0, 7.5)) / 3, "mean of batch perplexities"),
        (2 ** (NATS / SCORED), "2 to the power of token mean"),
        (NATS / SCORED / math.log(2), "token mean, in bits"),
    ],
)
def test_a_number_names_its_formula(number: float, formula: str) -> None:
    found = match(number * (1 + 2e-7), candidates(CALLS))
    assert found is not None and found.formula == formula


def test_even_batches_make_the_mean_of_means_the_token_mean() -> None:
    even = (call(5.0, 10), call(6.0, 10))
    found = match(5.5, candidates(even))
    assert found is not None and found.exact


def test_an_unknown_whole_divisor_is_named() -> None:
    found = divisor(SUMMED / 127, CALLS)
    assert found is not None and found.formula == "sum of batch means / 127"
    assert divisor(SUMMED / 127.4, CALLS) is None


def test_an_all_ignored_batch_is_left_out() -> None:
    calls = (*CALLS, call(math.nan, 0, positions=8))
    assert truth(calls) == pytest.approx(NATS / SCORED)
    assert match(SUMMED / 3, candidates(calls)) is not None


def test_a_strange_number_matches_nothing() -> None:
    assert match(123.456, candidates(CALLS)) is None


@given(st.lists(st.tuples(st.floats(0.01, 15), st.integers(1, 500)), min_size=1, max_size=8))
def test_the_truth_lies_between_the_means_and_is_the_first_candidate(pairs: list[tuple[float, int]]) -> None:
    calls = tuple(call(mean, scored) for mean, scored in pairs)
    right = truth(calls)
    assert min(mean for mean, _ in pairs) * (1 - 1e-9) <= right <= max(mean for mean, _ in pairs) * (1 + 1e-9)
    found = candidates(calls)
    assert found[0].exact and near(found[0].number, right, 1e-9)
