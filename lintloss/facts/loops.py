"""Loops: what one iteration is (a batch, an example, …), what is iterated, and what runs inside."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from lintloss.facts.values import UNKNOWN, Key, Value
from lintloss.findings import Evidence


@dataclass(frozen=True, slots=True)
class Differing:
    """Where batches come to differ in scored tokens. always: else in some data only, or under an option."""

    place: Evidence
    always: bool = True


@dataclass(eq=False, slots=True)
class Loop:
    """One loop of the program in one calling context.

    unit: "batch", "example", "step" (unknown), "rank", "epoch".
    source: identity of what is iterated, so that `len(loader)` is known to count this loop.
    length: the value of `n` in `range(n)`, when that is how it is bounded.
    trains: backward() is reached on every path; `may_train`: only under a flag (one loop for both phases).
    """

    key: Key
    place: Evidence
    unit: str = "step"
    source: Key = ()
    iterates: Value = UNKNOWN
    length: Value = UNKNOWN
    cut: str = ""  # range(0, min(n, len(x)), step): what n is, where the name of the bound was given so
    first: int | None = None  # the number of its first iteration, where enumerate() or range() numbers them
    bound: tuple[Key, int] | None = None  # range(0, len(x) - 1, n): the identity of x's length, and -1
    frame: int = 0
    activation: Key = ()  # the key of the frame it runs in
    function: ast.AST | None = None  # what that frame runs
    trains: bool = False
    may_train: bool = False
    steps: bool = False  # backward() is called in it on every path, and in no loop inside of it
    idle: bool = False  # an optimizer steps in it under no_grad, left behind in a copy of the training
    discards: bool = False  # … and the gradients are dropped, no step taken: see discarded.py
    scores: bool = False  # a criterion or a model that computes its loss is called inside, in no inner loop
    rewritten: set[Key] = field(default_factory=set)  # the lists whose elements it replaces, each of them
    ignored: list[Evidence] = field(default_factory=list)  # where labels of its batches are set to -100
    marked: list[Evidence] = field(default_factory=list)  # where single labels are told from ignored ones
    unequal: list[Evidence] = field(default_factory=list)  # proof that batches differ in scored tokens
    varies: list[Evidence] = field(default_factory=list)  # they do in some data only, or under an option
    alike: list[Evidence] = field(default_factory=list)  # each row has the same labels marked, and no others
    cropped: list[Evidence] = field(default_factory=list)  # stretches of one length: filled up where there is no more
    filled: list[Evidence] = field(default_factory=list)  # rows are padded to one length: unequal without their padding
    equal: list[Evidence] = field(default_factory=list)  # proof that they do not
    guessed: list[Evidence] = field(default_factory=list)  # what is no proof: a sampler by its name, a cap
    full: list[Evidence] = field(default_factory=list)  # proof that the last batch is as full as the others
    exits: list[Evidence] = field(default_factory=list)  # breaks
    over: Value = UNKNOWN  # what the header evaluates to, wrappers taken off
    statement: ast.For | ast.AsyncFor | ast.While | None = None
    number: Key = ()  # the identity of its index, where others that run over the same numbers share it

    @property
    def index(self) -> Key:
        """Return what its index goes by in sums of integers."""
        return ("loop", *(self.number or self.key))

    def take_proofs(self, filled: Loop) -> None:
        """Take over what is known of the batches from the loop that made them: each of its passes made one."""
        for mine, theirs in (
            (self.equal, filled.equal),
            (self.unequal, filled.unequal),
            (self.varies, filled.varies),
            (self.cropped, filled.cropped),
            (self.alike, filled.alike),
            (self.guessed, filled.guessed),
            (self.ignored, filled.ignored),
            (self.filled, filled.filled),
            (self.full, filled.full),
        ):
            mine.extend(each for each in theirs if each not in mine)

    def differs(self, seen: Differing) -> None:
        """Remember why its batches differ, always or at times."""
        places = self.unequal if seen.always else self.varies
        if seen.place not in places:
            places.append(seen.place)
