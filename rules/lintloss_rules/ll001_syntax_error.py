"""LL001: a file or notebook cell that Python cannot read, so that nothing in it was checked."""

from __future__ import annotations

from collections.abc import Iterator

from lintloss.facts.observations import Observation
from lintloss.file_facts import Unreadable
from lintloss.findings import Confidence, Severity
from lintloss.rule import Bad, Good, Judgment, Rule


class SyntaxErrorFound(Rule):
    """Python cannot read the file, so nothing in it was checked.

    Why:
        A file that does not parse has no findings, and a run without findings looks like a clean one. Null bytes,
        bytes that are not in the declared encoding and Python 2 sources are reported the same way. In a notebook it
        is the cell that is reported; the other cells are still checked. A cell is more than Python: magics, shell
        commands, `name?` and Python 2's print are read as what they are, and one that holds no word of a loss (a
        remark, half a thought) is a note: nothing was missed in it.

    Instead:
        Repair the file, or leave it out with `extend-exclude`. What counts is the syntax of the Python that
        lintloss runs on.

    Source:
        The language reference, and PEP 263 for encodings.
    """

    code = "LL001"
    name = "syntax-error"
    confirmed_by = "nothing: a file that does not parse does not run"
    watches = (Unreadable,)

    bad = (
        Bad(
            why="Python 2",
            severity=Severity.ERROR,
            code='def report(loss):\n    print "loss", loss  # <-\n',
        ),
        Bad(
            why="half of an edit",
            severity=Severity.ERROR,
            code="def perplexity(loss):\n    return math.exp(loss  # <-\n",
        ),
        Bad(
            why="a conflict marker",
            severity=Severity.ERROR,
            code="<<<<<<< HEAD  # <-\nloss = total / tokens\n",
        ),
        Bad(
            why="an assignment where a comparison was meant",
            severity=Severity.ERROR,
            code="def mean(nats, tokens):\n    if tokens = 0:  # <-\n        return 0.0\n    return nats / tokens\n",
        ),
        Bad(
            why="a block without its body",
            severity=Severity.ERROR,
            code="for batch in batches:\ntotal += loss(batch)  # <-\n",
        ),
        Bad(
            why="a line that is indented as no other",
            severity=Severity.ERROR,
            code="def mean(nats, tokens):\n        nats = float(nats)\n    return nats / tokens  # <-\n",
        ),
        Bad(
            why="a string that is never closed",
            severity=Severity.ERROR,
            code="print('perplexity, ppl)  # <-\n",
        ),
        Bad(
            why="a keyword for a name",
            severity=Severity.ERROR,
            code="lambda = 0.1  # <-\nloss = nats + lambda * penalty\n",
        ),
    )
    good = (
        Good(why="an invalid escape is a warning of Python's, not an error", code='print("loss\\d")\n'),
        Good(why="a top-level await is what notebooks do", code="loss = await evaluate()\n"),
        Good(why="an empty file", code=""),
        Good(why="a file of comments", code="# the evaluation has moved to score.py\n"),
        Good(why="a byte order mark before the first line", code="\ufeffloss = total / tokens\n"),
        Good(why="names of other scripts", code="потеря = total / tokens\n"),
        Good(why="a cookie that names the encoding", code="# -*- coding: utf-8 -*-\nloss = total / tokens  # ½\n"),
        Good(why="line ends of another system", code="total = 0.0\r\nloss = total / tokens\r\n"),
    )

    def judge(self, seen: Observation) -> Iterator[Judgment]:
        assert isinstance(seen, Unreadable)
        severity = Severity.NOTE if seen.idle else Severity.ERROR
        yield Judgment(severity, Confidence.HIGH, f"cannot be parsed, so nothing in it was checked: {seen.reason}")
