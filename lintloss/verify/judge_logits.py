"""Judges LL2xx and LL3xx: rules whose truth needs the close look that was taken at the logits and the ids."""

from __future__ import annotations

from lintloss.verify import judge_averaging
from lintloss.verify.ranks import Group
from lintloss.verify.verdicts import Judged

CODES: frozenset[str] = frozenset()


def judge(code: str, group: Group) -> Judged:
    return judge_averaging.judge(code, group)
