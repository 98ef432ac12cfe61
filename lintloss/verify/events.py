"""What a merged ledger holds: the processes of a run, their criterion calls, recorded values and notes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

GRAD, COMPILED, DROPOUT, BATCH_NORM, PENDING = 1, 4, 8, 16, 32


@dataclass(frozen=True, slots=True)
class Frame:
    """One of the user's lines on the way to a call, or the line that called the criterion itself."""

    path: str
    row: int
    function: str


@dataclass(frozen=True, slots=True)
class Site:
    """A call site: the user's frames, innermost first, and the frame that called the criterion (maybe a library's)."""

    frames: tuple[Frame, ...]
    direct: Frame | None


@dataclass(frozen=True, slots=True)
class Form:
    """How a criterion was called: what stays the same from call to call."""

    criterion: str
    reduction: str
    ignore_index: int | None
    weighted: bool
    label_smoothing: float
    dtype: str
    classes: int
    device: str
    indexed: bool

    @property
    def is_cross_entropy(self) -> bool:
        """Token cross-entropy in nats over class indices, or a fused form of it."""
        return self.criterion in ("cross_entropy", "nll_loss", "linear_cross_entropy") or "." in self.criterion


@dataclass(frozen=True, slots=True)
class Call:
    """One criterion call. `value` is what it returned (summed if it was a field), natural units of the criterion."""

    order: int  # event number in its process
    process: int
    thread: int
    site: Site
    form: Form
    flags: int
    value: float
    scored: float  # targets that count
    positions: float  # all targets handed over
    rows: float  # sequences of the batch, from the embedded ids where there were any
    length: float  # of those sequences
    plain_nats: float  # sum over scored targets without weights and smoothing; NaN where `value` says it
    trained: bool = False  # a gradient was taken of it
    unpadded: tuple[float, float] | None = None  # nats and number of the targets that are no padding, of a field

    @property
    def is_field(self) -> bool:
        """A loss for each target was handed out: which of them count is the program's affair from then on."""
        return self.form.reduction == "none" and self.form.indexed

    @property
    def nats(self) -> float:
        """Sum of nats over the scored targets, as cross entropy alone would have it."""
        if not math.isnan(self.plain_nats):
            return self.plain_nats
        return self.mean_as_called * self.scored if self.scored else 0.0

    @property
    def mean_as_called(self) -> float:
        """The call's mean as the program saw it (weights and smoothing included)."""
        if self.form.reduction == "mean":
            return self.value
        return self.value / self.scored if self.scored else math.nan

    @property
    def sum_as_called(self) -> float:
        return self.value * self.scored if self.form.reduction == "mean" else self.value

    @property
    def lost(self) -> bool:
        """The number was still on the accelerator when the process was killed."""
        return bool(self.flags & PENDING) and math.isnan(self.value)


@dataclass(frozen=True, slots=True)
class ValueSite:
    """A recorded expression: role is flagged, evidence, exp, returned, printed or quotient."""

    path: str
    row: int
    text: str
    role: str
    scope: int | None
    loops: tuple[int, ...]  # innermost first


@dataclass(frozen=True, slots=True)
class Value:
    """A number that a recorded expression had; `element` names the part of a tuple or dict."""

    order: int
    process: int
    thread: int
    site: int
    element: str
    number: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A scope was entered, or a loop took its next turn."""

    order: int
    process: int
    site: int


@dataclass(frozen=True, slots=True)
class Load:
    """A loader handed out a batch, or had none left (`ended`)."""

    order: int
    loader: int
    iteration: int
    rows: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Loader:
    """A DataLoader that was iterated over: where it was made, which dataset it reads, and how."""

    frames: tuple[Frame, ...]
    dataset: int  # identity of its dataset object
    base: int  # and of the dataset below Subset and the like
    kind: str  # type name of that
    rows: int | None
    batches: int | None
    sampler_rows: int | None
    sampler: str
    batch_size: int | None
    drop_last: bool
    left_by_sampler: int
    says: dict[str, str]  # the dataset's own words: split, train, path …


@dataclass(frozen=True, slots=True)
class Look:
    """The close look at one call: facts by name (look.py writes them)."""

    process: int
    order: int  # of the call
    facts: dict[str, object]


@dataclass(frozen=True, slots=True)
class Process:
    """One process that wrote a ledger."""

    number: int
    rank: int | None
    world_size: int | None
    complete: bool
    spent: float
    torch: str
    job: str = ""  # where the ranks of one job meet
    started: int = 0  # nanoseconds; tells jobs apart that meet at the same place


@dataclass(frozen=True, slots=True)
class Link:
    """A finding's expression in a process: which value site and scope it became."""

    finding: int
    value: int
    scope: int
    role: str


@dataclass(frozen=True, slots=True)
class Scope:
    """A function (or a whole file) that holds a flagged expression."""

    path: str
    row: int
    end_row: int
    name: str

    def holds(self, frame: Frame) -> bool:
        inside = frame.path == self.path and self.row <= frame.row <= self.end_row
        return inside and (self.name == "<module>" or frame.function == self.name)


@dataclass(frozen=True, slots=True)
class Tape:
    """Everything one process recorded, in order."""

    process: Process
    calls: tuple[Call, ...] = ()
    values: tuple[Value, ...] = ()
    enters: tuple[Mark, ...] = ()
    loops: tuple[Mark, ...] = ()
    loads: tuple[Load, ...] = ()
    loaders: dict[int, Loader] = field(default_factory=dict)
    ids: Path | None = None  # the file of the rows that were read, with --data and LL403
    scopes: dict[int, Scope] = field(default_factory=dict)
    looks: dict[int, Look] = field(default_factory=dict)
    sites: dict[int, Site] = field(default_factory=dict)
    value_sites: dict[int, ValueSite] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    notes: tuple[dict[str, object], ...] = ()  # failures, paddings, probes: everything else
