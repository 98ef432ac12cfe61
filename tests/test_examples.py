"""Each rule file's examples are its test: silent on every Good, on a Bad exactly the marked lines and nothing else."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

import pytest

from lintloss.rule import MARK, Bad, Good, Rule
from tests import examples

needs_engine = pytest.mark.skipif(not examples.engine_exists(), reason="`lintloss check` is not there yet")


def _case(rule: type[Rule], example: Bad | Good) -> object:
    kind = "bad" if isinstance(example, Bad) else "good"
    missed = isinstance(example, Bad) and example.miss
    marks = [pytest.mark.xfail(strict=True, reason="a known miss")] if missed else []
    return pytest.param(rule, example, id=f"{rule.code}-{kind}-{example.why}", marks=marks)


GOODS = [_case(rule, example) for rule in examples.rules() for example in rule.good]
BADS = [_case(rule, example) for rule in examples.rules() for example in rule.bad]
FIXABLE = [_case(rule, example) for rule in examples.rules() for example in rule.bad if example.fixed is not None]


def _selected(rule: type[Rule]) -> tuple[str, ...]:
    return () if rule.enabled else (rule.code,)


@needs_engine
@pytest.mark.parametrize(("rule", "example"), GOODS)
def test_good_stays_silent(rule: type[Rule], example: Good, tmp_path: Path) -> None:
    examples.materialize(example, tmp_path)
    assert examples.check_folder(tmp_path, also=_selected(rule)) == []


@needs_engine
@pytest.mark.parametrize(("rule", "example"), BADS)
def test_bad_fires_on_marked_lines_alone(rule: type[Rule], example: Bad, tmp_path: Path) -> None:
    examples.materialize(example, tmp_path)
    assert examples.check_folder(tmp_path, also=_selected(rule)) == examples.expected(rule.code, example)


@needs_engine
@pytest.mark.parametrize(("rule", "example"), FIXABLE)
def test_fix_leaves_the_promised_text(rule: type[Rule], example: Bad, tmp_path: Path) -> None:
    examples.materialize(example, tmp_path)
    assert examples.fix_folder(tmp_path, rule.code) == example.fixed
    assert examples.fix_folder(tmp_path, rule.code) == example.fixed, "a second run changes nothing"


@needs_engine
@pytest.mark.parametrize(("rule", "example"), FIXABLE)
def test_fixed_text_is_silent(rule: type[Rule], example: Bad, tmp_path: Path) -> None:
    assert example.fixed is not None
    examples.materialize(example, tmp_path)
    (tmp_path / examples.MAIN).write_text(example.fixed, encoding="utf-8")
    assert examples.check_folder(tmp_path, also=_selected(rule)) == []


@pytest.mark.parametrize(("rule", "example"), FIXABLE)
def test_fixed_text_keeps_every_comment(rule: type[Rule], example: Bad) -> None:
    assert example.fixed is not None
    assert MARK not in example.fixed
    if rule.code == "LL002":
        return  # it is a comment that this one takes away
    assert _comments(example.fixed) == _comments(examples.strip(example.code))


def _comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
