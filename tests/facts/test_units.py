"""The laws of the unit algebra."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lintloss.facts.units import COUNTS, NATS, NATS_PER_TOKEN, ONE, PERPLEXITY, Unit, count

units = st.dictionaries(st.sampled_from(("nat", *COUNTS)), st.integers(-2, 2), max_size=4).map(lambda p: Unit.of(**p))


@given(units, units, units)
def test_products_are_associative_and_commutative(a: Unit, b: Unit, c: Unit) -> None:
    assert (a * b) * c == a * (b * c)
    assert a * b == b * a


@given(units, units)
def test_a_quotient_undoes_a_product(a: Unit, b: Unit) -> None:
    assert a * b / b == a
    assert a / a == ONE
    assert a * ONE == a


@given(units)
def test_no_zero_power_is_kept(a: Unit) -> None:
    assert all(power for _, power in a.powers)
    assert a == Unit.of(**dict(a.powers))


@given(st.sampled_from(COUNTS))
def test_a_total_keeps_its_unit_when_summed_over_any_loop(loop: str) -> None:
    assert NATS.summed_over(loop) == NATS
    assert count("token").summed_over(loop) == count("token")


@given(st.sampled_from(["batch", "example", "rank"]))
def test_a_mean_summed_over_a_loop_counts_the_loop(loop: str) -> None:
    total = NATS_PER_TOKEN.summed_over(loop)
    assert total == NATS_PER_TOKEN * count(loop)
    assert total / count(loop) == NATS_PER_TOKEN


def test_a_mean_times_its_tokens_is_a_total() -> None:
    assert NATS_PER_TOKEN * count("token") == NATS
    assert not (NATS_PER_TOKEN * count("token")).is_intensive


def test_perplexity_is_an_average_by_nature() -> None:
    assert PERPLEXITY.is_intensive
    assert PERPLEXITY.summed_over("batch") == PERPLEXITY * count("batch")


@given(units, st.sampled_from(COUNTS))
def test_summing_twice_over_one_loop_changes_a_total_no_more(a: Unit, loop: str) -> None:
    once = a.summed_over(loop)
    assert once.is_intensive or once.summed_over(loop) == once


def test_units_read_as_people_write_them() -> None:
    assert str(NATS_PER_TOKEN) == "nats/token"
    assert str(NATS_PER_TOKEN * count("batch")) == "nats·batch/token"
    assert str(NATS_PER_TOKEN / count("token") * count("batch")) == "nats·batch/token²"
    assert str(PERPLEXITY) == "perplexity"
