"""The abstract values that the interpreter computes with: quantities with units, tensors with windows, and the rest.

Everything is immutable. What can change (lists, dicts, instances) is a Ref into the state's heap.
An Opaque is a value of which only the identity is known: two reads of the same parameter are the same Opaque.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lintloss.facts.linear import END, ZERO, Linear
from lintloss.facts.units import Unit
from lintloss.findings import Evidence

if TYPE_CHECKING:
    from lintloss.facts.loops import Loop
    from lintloss.parse import Module

Key = tuple[object, ...]  # the identity of an opaque value


@dataclass(frozen=True, slots=True)
class Value:
    """Anything the interpreter can hold."""


@dataclass(frozen=True, slots=True)
class Opaque(Value):
    """A value known by identity only: a parameter, an attribute of one, the result of an unknown call."""

    key: Key = ()
    name: str = ""  # the last name it went by, for what names suggest

    def member(self, name: str) -> Opaque:
        return Opaque((*self.key, "." + name), name)


UNKNOWN = Opaque()
REST = "*"  # what a tuple of unknown length holds behind the items that are known
UNLESS_GIVEN = "@unless given"  # where the default of what `**options` may hold is kept


@dataclass(frozen=True, slots=True)
class Const(Value):
    """A Python constant."""

    value: object


@dataclass(frozen=True, slots=True)
class Lib(Value):
    """A name of a library outside the project, by its full dotted name: `torch.nn.functional.cross_entropy`."""

    name: str


@dataclass(frozen=True, slots=True)
class LibObject(Value):
    """An instance of a library class, with what it was made from: `nn.CrossEntropyLoss(ignore_index=0)`."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: tuple[tuple[str, Value], ...] = ()
    made: Evidence | None = None
    key: Key = ()

    def arg(self, index: int, name: str) -> Value | None:
        """Return the argument given at `index` or by `name`, or None."""
        given = dict(self.kwargs)
        if name in given:
            return given[name]
        return self.args[index] if 0 <= index < len(self.args) else None


@dataclass(frozen=True, slots=True)
class Tuple(Value):
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Ref(Value):
    """A list, dict or instance in the heap. `cls` is the project class of an instance."""

    id: Key
    kind: str  # "list", "dict", "instance"
    cls: Class | None = None


@dataclass(frozen=True, slots=True)
class Func(Value):
    """A function of the project; `self_value` is bound for methods, `closure` names the enclosing frame."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: Module
    self_value: Value | None = None
    owner: Class | None = None
    closure: Key = ()


@dataclass(frozen=True, slots=True)
class Class(Value):
    node: ast.ClassDef
    module: Module
    closure: Key = ()


@dataclass(frozen=True, slots=True)
class Pending(Value):
    """A name that an import binds, looked up when it is first read: most imports never matter."""

    importer: str
    module: str
    attribute: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class ModuleValue(Value):
    """A module of the project."""

    module: Module


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch [lower, upper) of a source along its sequence axis.

    axis: the axis that was sliced; None while nothing was.
    flat: rows and positions were flattened into one axis (in the order in which `axis` says).
    marks: "wraps" (the last position holds the row's first token), "stale" (it holds what was there before the
        shift), "crosses" (sliced after flattening), "at" (one position), "drift" (cut to the length of the other
        side), "filtered" (compacted by a mask), "lone" (viewed as one row), "batched" (rows stacked along the first axis),
        "even" (each row is filled up to the same length), "hidden" (a mask token was written over some of the ids).
    """

    source: Key
    lower: Linear = ZERO
    upper: Linear = END
    axis: int | None = None
    flat: bool = False
    marks: frozenset[str] = frozenset()

    @property
    def is_cut(self) -> bool:
        return self.lower != ZERO or self.upper != END

    @property
    def is_trimmed(self) -> bool:
        """Say whether a number of positions was cut off at either end, as a shift does it."""
        return self.is_cut and self.lower.is_const and (END - self.upper).is_const

    @property
    def length(self) -> Linear:
        return self.upper - self.lower

    def moved(self, by: Linear, *marks: str) -> Window:
        return replace(self, lower=self.lower + by, upper=self.upper + by, marks=self.marks | set(marks))

    def marked(self, *marks: str) -> Window:
        return replace(self, marks=self.marks | set(marks))

    def without(self, *marks: str) -> Window:
        return replace(self, marks=self.marks - set(marks))


@dataclass(frozen=True, slots=True)
class Blank:
    """An id to be ignored was written over labels, which sat at `over` then, where a mask is true."""

    mask: Tensor
    over: Window
    place: Evidence = field(compare=False)


@dataclass(frozen=True, slots=True)
class Tensor(Value):
    """A tensor, as far as it is known.

    form: "ids", "logits", "probs", "log_probs", "hidden", "mask", "onehot" or "" when unknown.
    window: for ids, where they sit on their source; for what a model computed, where its *input* sat.
    axes: names such as ("row", "pos", "vocab"); None when unknown; ("item", ...) after flattening.
    pad: masks: the id compared against; ids: the id they are padded with (None: not known to be padded).
    sense: masks: True where a true entry is text, False where it is padding.
    ignored: of labels, the stretches of the source that were overwritten by an id to be ignored.
    clean: of labels, that their padding was.
    blanked: of labels, under which mask that was done.
    leaves_out: of weights, that they were made of a mask, and leave out what it leaves out.
    """

    form: str = ""
    window: Window | None = None
    axes: tuple[str, ...] | None = None
    key: Key = ()
    name: str = ""
    trace: tuple[Evidence, ...] = field(default=(), compare=False)
    model: Value | None = None  # what computed it
    pad: Value | None = None
    sense: bool | None = None
    ignored: tuple[Window, ...] = ()
    clean: bool = False
    blanked: Blank | None = None
    leaves_out: bool = False

    @property
    def compares(self) -> bool:
        """Say whether a mask is the comparison of ids with a pad id, as a whole: `inputs != pad`."""
        return self.form == "mask" and self.pad is not None and self.key[-1:] == ("mask",)

    def with_step(self, step: Evidence) -> Tensor:
        return self if step in self.trace else replace(self, trace=(*self.trace, step)[-12:])


@dataclass(frozen=True, slots=True)
class Term:
    """What is added to a loss, in the words of the code.

    is_loss: another criterion's value; scaled: with a factor; optional: under a condition that is not known;
    smooths: what a uniform target would cost; distills: how far another model's outputs are; foreign: what another layer
    makes of other targets costs.
    """

    text: str
    place: Evidence
    is_loss: bool = False
    scaled: bool = False
    optional: bool = False
    smooths: bool = False
    distills: bool = False
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Scoring:
    """One criterion call, or one model call that computes its own loss.

    item: what a mean is taken over: "token", "example", or "item" when it cannot be told.
    """

    criterion: str
    reduction: str  # "mean", "sum", "none"
    item: str = "item"
    prediction: Value = UNKNOWN
    target: Value = UNKNOWN
    ignore_index: Value | None = None
    spares_zero: bool = True  # the id to be ignored may be 0, where it is not written out
    weight: Value | None = None
    weighted: bool = False  # classes have weights, which may be 0 for padding
    label_smoothing: Value | None = None
    place: Evidence | None = None
    presumed: bool = False  # by names only
    masked: bool = False  # the field was multiplied or indexed by a mask
    mask: Value | None = None  # that mask
    counted: Evidence | None = None  # where it was divided by the number of entries that a mask lets through
    scaled_by: Tensor | None = None  # a mask that its mean was multiplied by, which leaves nothing out any more
    mask_drops: bool = False  # a true entry of the mask drops the loss (masked_fill)
    reduced: bool = False  # a field of losses was summed or averaged
    log: Key = ()  # where the comparison is recorded
    extra: tuple[Term, ...] = ()  # further terms added to the loss
    scaled: bool = False  # multiplied by a factor
    smoothed: bool = False  # the targets were spread over the classes
    loop: Loop | None = None  # the innermost loop that it ran in
    site: Evidence | None = None  # where the checked file scores, or calls what does
    step: Evidence | None = None  # where the running loop of the checked file scores, or calls what does
    owner: str = ""  # "call", "model", ...: who computes (and shifts) it
    takes: str = ""  # of Keras' criteria: "logits" or "probs"
    called: str = ""  # the name of the criterion that is called, without its module
    paired: bool = False  # the targets are a text of their own in each row, as sequence-to-sequence models have them
    single: bool = False  # each call scores one item
    unchanged: tuple[Key, ...] = ()  # the loops whose every pass scores this target: see unchanged.py
    alternative: bool = False  # by one of several criteria, of which settings choose one
    may_ignore: bool = False  # … and another one of them is told which id it ignores
    born: int = field(default=0, compare=False)  # the machine's clock when it was computed

    @property
    def is_cross_entropy(self) -> bool:
        return self.criterion in {"cross_entropy", "nll_loss", "model", "presumed", "linear_cross_entropy"}

    @property
    def scores_tokens(self) -> bool:
        """Say whether it is a cross entropy, or the metric that is one in other words: a perplexity of logits."""
        return self.is_cross_entropy or self.criterion == "metric"


@dataclass(frozen=True, slots=True)
class Fed:
    """The call by which a value was handed to what adds it up: a meter. `depth` is the number of frames around it."""

    place: Evidence
    depth: int


@dataclass(frozen=True, slots=True)
class Quantity(Value):
    """A number with a unit: a loss, a count, a perplexity.

    axes: () for a scalar; the axes of a field of numbers otherwise (per-token losses).
    of: for a count, the identity of what is counted.
    loops: the loops it was summed over.
    weights: what each average in its history was weighted by ("batch", "example", "rank").
    """

    unit: Unit
    axes: tuple[str, ...] = ()
    of: Key = ()
    counted: Value | None = None  # the tensor or container that a count counts, or that a mean was multiplied by
    offset: int = 0  # what was added to a size, a row or in all: -1 in `ids.size(1) - 1`
    scoring: Scoring | None = None
    loops: tuple[Loop, ...] = ()
    weights: tuple[str, ...] = ()
    start: float = 0.0  # the initial value of a counter; 1 of a total that begins with a loss
    presumed: bool = False
    negated: bool = False
    guards: tuple[Evidence, ...] = ()  # conditions inside the loop under which it was added
    trace: tuple[Evidence, ...] = field(default=(), compare=False)
    fed: Fed | None = field(default=None, compare=False)
    by: int = field(default=1, compare=False)  # what a counter grows by: 4096 in `at += 4096`
    shares: tuple[Key, ...] = field(default=(), compare=False)  # what nobody knows that divided it, and may multiply it

    @property
    def is_loss(self) -> bool:
        return self.unit.content in {"nat", "bit", "loss"}

    @property
    def is_perplexity(self) -> bool:
        return self.unit.content == "ppl"

    @property
    def is_count(self) -> bool:
        return self.unit.content is None and bool(self.unit.powers)

    def with_step(self, step: Evidence) -> Quantity:
        """Add a link to the chain; a chain keeps its first links and its newest."""
        if step in self.trace:
            return self
        trace = (*self.trace, step)
        return replace(self, trace=trace if len(trace) <= 12 else (*trace[:4], *trace[-8:]))


@dataclass(frozen=True, slots=True)
class Choice(Value):
    """One of several values, from branches that could not be told apart."""

    options: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ModelOutput(Value):
    """What a model call returned, its fields not taken out yet."""

    call: Key
    model: Value
    inputs: Value  # the tensor that was fed, or UNKNOWN
    labels: Value | None
    logits: Tensor
    loss: Value
    place: Evidence | None = None


LIMIT = 4  # a Choice of more options than this says nothing


def options(value: Value) -> tuple[Value, ...]:
    """Return the alternatives of a value: itself, unless it is a Choice."""
    return value.options if isinstance(value, Choice) else (value,)


def join(left: Value, right: Value) -> Value:
    """Return a value that may be either. Commutative up to order, associative, idempotent.

    A number that only initializes (0, None) gives way to the quantity that replaces it.
    """
    if left == right:
        return left
    merged: list[Value] = []
    for value in (*options(left), *options(right)):
        if value not in merged:
            merged.append(value)
    if any(isinstance(v, Quantity | Ref | Tensor | LibObject | ModelOutput) for v in merged):
        merged = [v for v in merged if not is_placeholder(v)] or merged
    if any(isinstance(v, Lib | ModuleValue | Class | Func) for v in merged):  # an import, and what it was found to bind
        merged = [v for v in merged if not isinstance(v, Pending)] or merged
    if len(merged) == 1:
        return merged[0]
    return Choice(tuple(merged)) if len(merged) <= LIMIT else _narrowed(merged)


def join_all(values: Iterable[Value]) -> Value:
    """Return a value that may be any of these, UNKNOWN for none."""
    merged: Value | None = None
    for value in values:
        merged = value if merged is None else join(merged, value)
    return merged if merged is not None else UNKNOWN


def _narrowed(merged: list[Value]) -> Value:
    """Keep, of too many alternatives, the quantities that differ in unit, weights or loops."""
    kinds: dict[object, Value] = {}
    for value in merged:
        if isinstance(value, Quantity):
            kinds.setdefault((value.unit, value.weights, value.axes, value.loops), value)
    found = tuple(kinds.values())
    if not found or len(found) > LIMIT:
        return UNKNOWN
    return Choice(found) if len(found) > 1 else found[0]


def is_placeholder(value: Value) -> bool:
    """Say whether a value only stands in until the real one is assigned: None, 0, inf, a block of zeros."""
    if isinstance(value, Tensor):
        return value.form == "filled"
    return isinstance(value, Const) and (value.value is None or isinstance(value.value, int | float))
