"""LL003: a suppression comment that does not say why. Off by default."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.observations import Observation
from lintloss.file_facts import UnexplainedSuppression
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule


class SuppressionWithoutReason(Rule):
    """A suppression comment does not say why the number is right.

    Why:
        Whoever reads the reported loss next year has to know why a warning about it was put aside: a fixed block
        size, a value that is never reported, a finding that is wrong.

    Instead:
        Write the reason after the bracket: `# lintloss: ignore[LL101] all blocks are full`.

    Source:
        A convention of lintloss; off by default, select LL003 to ask for it.
    """

    code = "LL003"
    name = "suppression-without-reason"
    enabled = False
    confirmed_by = "nothing: it is about a comment"
    watches = (UnexplainedSuppression,)

    bad = (
        Bad(
            why="no reason on a line",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501]  # <-
""",
        ),
        Bad(
            why="no reason for a whole file",
            code="""\
# lintloss: ignore-file[wrong-base]  # <-
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)
""",
        ),
        Bad(
            why="a rule by its name",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[wrong-base]  # <-
""",
        ),
        Bad(
            why="a comment behind it is none for lintloss",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501]  # noqa: E501  # <-
""",
        ),
        Bad(
            why="another comment comes first",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # as in the paper  # lintloss: ignore[LL501]  # <-
""",
        ),
        Bad(
            why="spaces are no reason",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[ LL501 ]   # <-
""",
        ),
        Bad(
            why="punctuation is no reason",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501] -  # <-
""",
        ),
        Bad(
            why="no reason for a whole file, by its code",
            code="""\
import torch.nn.functional as F

# lintloss: ignore-file[LL501]  # <-


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)
""",
        ),
    )
    good = (
        Good(
            why="it says why",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501] only the order of models is read off it
""",
        ),
        Good(
            why="a reason behind another comment",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # as before  # lintloss: ignore[LL501] the paper reports it so
""",
        ),
        Good(
            why="a reason after a colon",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501]: as the paper reports it
""",
        ),
        Good(
            why="a rule by its name, with a reason",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[wrong-base] ranks models only
""",
        ),
        Good(
            why="a link is a reason",
            code="""\
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)  # lintloss: ignore[LL501] https://example.org/issues/12
""",
        ),
        Good(
            why="a reason for a whole file",
            code="""\
# lintloss: ignore-file[LL501] all numbers of this report are 2 to the power of nats
import torch.nn.functional as F


def perplexity(logits, labels):
    return 2 ** F.cross_entropy(logits, labels)
""",
        ),
        Good(why="a file without suppressions", code="def add(total, loss):\n    return total + loss\n"),
        Good(why="noqa has no room for a reason", code="import loss  # noqa: F401\n"),
    )

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        assert isinstance(seen, UnexplainedSuppression)
        names = ", ".join(seen.names)
        yield Judgment(Severity.WARNING, Confidence.HIGH, f"say why {names} does not apply here, after the bracket")
