"""LL002: a suppression comment that silences nothing, because nothing is found there or because it is misspelled."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.observations import Observation
from lintloss.file_facts import IdleSuppression
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule


class UnusedSuppression(Rule):
    """A suppression comment silences nothing: nothing is found there, or it is misspelled.

    Why:
        A suppression that is left behind hides the next real finding on its line. A misspelled one is worse: it reads
        as if it worked. lintloss never takes one for a blanket suppression, so the finding is still reported, and
        this rule says what is wrong with the comment.

    Instead:
        Remove it, or write `# lintloss: ignore[LL101] reason` on a line of the statement or the line above it.

    Fix:
        Safe: the comment goes, or only our codes if it names other linters' too. A misspelled one is left to you.

    Source:
        The suppression syntax of lintloss; `# noqa: LL101` is honored as flake8 and ruff read it.
    """

    code = "LL002"
    name = "unused-suppression"
    confirmed_by = "nothing: it is about a comment"
    watches = (IdleSuppression,)

    bad = (
        Bad(
            why="nothing is found on the line",
            code="def add(total, loss):\n    return total + loss  # lintloss: ignore[LL101] exact  # <-\n",
            fixed="def add(total, loss):\n    return total + loss\n",
        ),
        Bad(
            why="a bracket is missing, so it names no rule",
            code="def add(total, loss):\n    return total + loss  # lintloss: ignore  # <-\n",
        ),
        Bad(
            why="there is no such rule",
            code="def add(total, loss):\n    return total + loss  # lintloss: ignore[LL999]  # <-\n",
        ),
        Bad(
            why="without its colon it is no `# noqa: LL101`",
            code="def add(total, loss):\n    return total + loss  # noqa LL101  # <-\n",
        ),
        Bad(
            why="other linters' codes stay",
            code="import loss  # noqa: F401, LL101  # <-\n",
            fixed="import loss  # noqa: F401\n",
        ),
        Bad(
            why="of two rules one is found, the other is not",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501, LL104] bits  # <-
""",
            fixed="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501] bits
""",
        ),
        Bad(
            why="for a whole file in which there is nothing",
            code="# lintloss: ignore-file[LL101] blocks are full  # <-\ndef add(total, loss):\n    return total + loss\n",
            fixed="def add(total, loss):\n    return total + loss\n",
        ),
        Bad(
            why="a rule by its name",
            code="def add(total, loss):\n    return total + loss  # lintloss: ignore[wrong-base] bits, once LL501  # <-\n",
            fixed="def add(total, loss):\n    return total + loss\n",
        ),
    )
    good = (
        Good(why="a bare noqa may be another linter's", code="import loss  # noqa\n"),
        Good(why="codes of other linters are none of our business", code="import loss  # noqa: F401,E501\n"),
        Good(why="prose that mentions lintloss", code="# lintloss reports this loss as LL101 when it is averaged\n"),
        Good(
            why="it silences what is found on its line",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501] only the order of models is read off it
""",
        ),
        Good(
            why="it silences what is found in its file",
            code="""\
# lintloss: ignore-file[LL501] the paper reports 2 to the power of nats
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)
""",
        ),
        Good(
            why="noqa with a code of ours silences as well",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # noqa: LL501
""",
        ),
        Good(why="documentation quotes one", code='"""Write `# lintloss: ignore[LL101] why` behind the line."""\n'),
        Good(why="a string is no comment", code='hint = "# lintloss: ignore[LL101]"\n'),
    )

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        assert isinstance(seen, IdleSuppression)
        if seen.wrong:
            message = f"this suppression silences nothing: {seen.wrong}"
        else:
            message = f"nothing here is reported as {', '.join(seen.names)}; remove the suppression"
        yield Judgment(Severity.WARNING, Confidence.HIGH, message)
