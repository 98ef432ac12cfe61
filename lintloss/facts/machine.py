"""The abstract machine: frames, loops, names, heap and the log of observations. It knows no syntax and no library."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from lintloss.facts.anchor import Anchor
from lintloss.facts.linear import Linear
from lintloss.facts.loops import Differing, Loop
from lintloss.facts.observations import Observation
from lintloss.facts.project import Project
from lintloss.facts.relevance import Relevance
from lintloss.facts.state import Slot, State, join_states
from lintloss.facts.values import (
    LIMIT,
    Class,
    Const,
    Func,
    Key,
    Lib,
    LibObject,
    Opaque,
    Pending,
    Quantity,
    Ref,
    Scoring,
    Value,
    join_all,
)
from lintloss.findings import Evidence
from lintloss.parse import Module

if TYPE_CHECKING:
    from lintloss.facts.bodies import Body
    from lintloss.facts.carried import Added
    from lintloss.facts.dead import Bound
    from lintloss.facts.discarded import Unstepped
    from lintloss.facts.forwards import Forward
    from lintloss.facts.optional import Known
    from lintloss.facts.pad_marks import Mark
    from lintloss.facts.regularizers import Noted
    from lintloss.facts.stochastic import Stochastic
    from lintloss.facts.thrown import Thrown

STEPS = 20_000  # expressions evaluated for one root before everything becomes unknown
ABROAD = 4_000  # … for one call from the checked file into another
TOTAL = 250_000  # … and for one file with all that it reaches
DATA = 16_000  # … and for one that makes the data
OWN = 200  # … of those, what is charged for making a batch
DEPTH = 14  # frames

_O = TypeVar("_O", bound=Observation)


class OutOfBudget(Exception):
    """The root has used up its steps; what was observed so far stands."""


@dataclass(slots=True)
class Frame:
    """A running function or module body."""

    module: Module
    node: ast.AST
    key: Key  # identity of this activation: the calls that led here
    state: State
    name: str = ""
    call_place: Evidence | None = None
    closure: dict[str, Slot] | None = None
    returns: Value | None = None
    exits: list[State] = field(default_factory=list)  # states at continue and break
    returned: list[State] = field(default_factory=list)
    yields: Value | None = None
    handed: Value | None = None  # what all is yielded from: `yield from loader`
    loop_base: int = 0
    born: int = 0  # the machine's clock when it was entered
    statement: ast.stmt | None = None
    shared: set[str] = field(default_factory=set)  # names that `global` says are the module's
    outer: set[str] = field(default_factory=set)  # … and `nonlocal`, the enclosing function's
    integers: dict[str, tuple[Value, Linear]] = field(default_factory=dict)  # what names that hold arithmetic stand for

    def yielded(self, machine: Machine) -> Key:
        """Return the identity of the list of what a generator yields."""
        return machine.identity((*self.key, "yielded"))


class Machine:
    """State of one inference over a file and what it reaches."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.home = ""  # the file whose comparisons are asked for, where another one's body is run
        self.handed_over: dict[Ref, None] = {}  # instances of that file's classes
        self.instantiated: set[ast.ClassDef] = set()  # classes of which an instance was made
        self.frames: list[Frame] = []
        self.loops: list[Loop] = []
        self.loop_of: dict[Key, Loop] = {}
        self.list_loops: dict[Key, tuple[Loop, ...]] = {}
        self.dicts_made: dict[Key, int] = {}  # at which loop depth a dict was made
        self.globals: dict[str, dict[str, Slot]] = {}
        self.bodies: dict[str, Body] = {}  # of imported modules: what has not been asked for is not in `globals` yet
        self.closures: dict[Key, dict[str, Slot]] = {}
        self.log: dict[tuple[object, ...], Observation] = {}
        self.assigned: dict[tuple[str, int], Value] = {}
        self.reached: set[tuple[str, int]] = set()
        self.visited: set[ast.stmt] = set()  # statements that were run at least once
        self.reports: dict[Evidence, Noted] = {}
        self.bound: dict[ast.Name, Bound] = {}
        self.added: dict[int, Added] = {}  # sums made in the running loops, by identity: see carried.py
        self.numbers: dict[int, Value] = {}  # losses as numbers, tensors no more, by identity: see shared_tensors.py
        self.left_over: set[Key] = set()  # loops that report what a training loop left behind
        self.guards: list[tuple[int, Evidence, str]] = []  # (loop depth, condition, its text) of open undecided ifs
        self.class_texts: dict[tuple[str, int], str] = {}  # the text of a model's class and of those it uses
        self.models_made: dict[str, Value | None] = {}  # file -> the one model that it makes
        self.making: list[Value] = []
        self.defaults: dict[str, float] = {}  # options of the command line, by name
        self.called: dict[Key, str] = {}  # the names that unknown integers go by
        self.bounds: dict[Key, Linear] = {}  # what arithmetic on the index of a window stands for, in a pair of bounds
        self.strides: dict[Key, tuple[Linear, Evidence]] = {}  # by how much an index grows from one window to the next
        self.fillers: dict[Key, object] = {}  # lists of one id, many times: see library/pieces.py
        self.lengths: dict[Key, Key] = {}  # the length of a row -> that row
        self.sums: set[Key] = set()  # what is put together from two rows (or numbers)
        self.pad_marks: dict[Key, Mark] = {}  # ids that the code itself says are padded: see pad_marks.py
        self.attended: dict[Key, Key] = {}  # attention mask -> the ids that a model was given with it
        self.batches: dict[Key, Value] = {}  # loader -> the batch that it yields
        self.grown: dict[Key, Quantity] = {}  # what began empty and took in the rows of each batch -> how many it has
        # what grows by an unknown number -> that number, and in which loop
        self.growths: dict[Key, tuple[Linear, Loop]] = {}
        # indices of rows -> where they were drawn, if not for one row alone
        self.vectors: dict[Key, Evidence | None] = {}
        self.losses_read: set[Key] = set()  # comparisons of a model's own, whose loss is taken out of its output
        self.logits_read: set[Key] = set()  # … whose logits are
        self.picks: dict[Key, Scoring] = {}  # probabilities that ids picked -> the comparison
        self.read_by: dict[Key, frozenset[Key]] = {}  # model -> the texts that it was given: see paired.py
        self.same_source: dict[Key, Key] = {}  # labels that a shifting model was given -> its input
        self.gradients: list[str] = []  # what the open `with` blocks and decorators say: see gradients.py
        self.trained: dict[Key, bool] = {}  # scope in which backward() is called -> on every path (see forwards.py)
        self.differentiated: set[Key] = set()  # functions and loops in which gradients are asked for, but no loss's
        # functions that call backward(), or call what does: it fails under no_grad
        self.goes_back: set[ast.AST] = set()
        self.pending: Unstepped | None = None  # a backward() that no step has followed yet: see discarded.py
        self.flags: dict[Key, str] = {}  # loop in which backward() is called under a condition -> that condition
        self.forwards: dict[Key, Forward] = {}  # by place and calling context
        # loaders that drop, by an evaluation's name; the last says whether it may be one that does not
        self.stored: dict[tuple[Key, str], tuple[LibObject, Evidence, bool]] = {}
        self.filled_rows: dict[str, bool] = {}  # file -> whether the files around it pad all targets to one length
        self.thrown: list[Thrown] = []  # lists of rows that are lost where the data ends
        self.restarted: list[tuple[Evidence, Loop, LibObject]] = []  # `next(iter(loader))` of one that does not shuffle
        # functions -> the loader that drops, of whatever they are given
        self.makers: dict[ast.AST, LibObject | None] = {}
        self.passes: list[dict[tuple[object, ...], Observation]] = []  # what earlier passes of running loops saw
        self.rooted = 0  # 1 while a function runs that nobody called: its frame has no call
        self.told: dict[tuple[str, str], Quantity] = {}  # file and key -> the perplexity of a text that it keeps there
        self.ran: dict[Key, list[tuple[int, int]]] = {}  # activation -> from when to when, in each pass of a loop
        self.filing = False  # a decorator runs that puts a definition into a table
        self.filed: set[Key] = set()  # the tables into which decorators put definitions
        self.choosing = False  # a call of one of several criteria, of which settings choose one, is running
        self.may_ignore = False  # … of which another one is told which id it ignores
        self.steps = 0
        self.spent = 0
        self.limit = STEPS
        self.marked_rows: dict[Key, Differing] = {}  # data sets whose rows were given labels to be ignored -> where
        # … functions and classes -> where they do it
        self.marked_code: dict[tuple[ast.AST, Known], Differing | None] = {}
        self.saved: dict[Key, Value] = {}  # file -> what was written into it
        self.aligned: dict[Key, Observation] = {}  # comparisons of which it is known how they align
        self.exhausted = False  # something was cut short
        self.cut_loops = 0  # loops that only train and were left early
        self.too_long: dict[ast.AST, int] = {}  # functions abroad that ran out of their share, and that share
        self.cut_short: set[ast.AST] = set()  # functions that ran out of what their callers had left for them
        self.relevance = Relevance()
        self._anchors: dict[str, Anchor] = {}
        self._identities: dict[Key, Key] = {}
        self._texts: dict[ast.AST, str] = {}
        # module bodies that are running for an import: until they end, what they define is not settled
        self.loading = 0
        self.bases: dict[Value, list[Class | Lib]] = {}
        self.methods: dict[ast.ClassDef, dict[str, ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self.members: dict[ast.ClassDef, dict[str, ast.stmt]] = {}
        self.imported: dict[tuple[str, str, int], Module | None] = {}
        self.resolving: set[Pending] = set()  # imports that are being looked up
        self.telling: dict[ast.ClassDef, list[ast.Call | ast.arg]] = {}
        self.natures: dict[Value, tuple[Stochastic, frozenset[str]]] = {}  # class -> see stochastic.py

    # -- places -------------------------------------------------------------------------------------------------

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @property
    def shown(self) -> str:
        """Return the file whose places are shown: the one that is asked about while it runs, else the one run first."""
        if self.home and any(frame.module.path == self.home for frame in self.frames):
            return self.home
        return self.frames[0].module.path

    @property
    def state(self) -> State:
        return self.frames[-1].state

    @property
    def depth(self) -> int:
        return len(self.loops)

    def anchor(self, module: Module) -> Anchor:
        if module.path not in self._anchors:
            self._anchors[module.path] = Anchor(module)
        return self._anchors[module.path]

    def evidence(self, node: ast.AST, message: str) -> Evidence:
        """Return a link of the chain: `node` of the running frame's file."""
        module = self.frame.module
        return Evidence(module.path, self.anchor(module).span(node), message)

    def loaded(self) -> list[Module]:
        """Return the files that were read: that of the running function, and those whose bodies were run."""
        found = (self.project.module(path) for path in dict.fromkeys((self.frame.module.path, *self.globals)))
        return [module for module in found if module is not None]

    def key(self, node: ast.AST, *more: object) -> Key:
        """Return the identity of what `node` makes in this activation."""
        return self.identity((*self.frame.key, getattr(node, "lineno", 0), getattr(node, "col_offset", 0), *more))

    def identity(self, told: Key) -> Key:
        """Return a short key that stands for a long one: keys are hashed at every look-up."""
        return self._identities.setdefault(told, (len(self._identities),))

    def text(self, node: ast.AST) -> str:
        """Return the code of a node, in a normal form."""
        if node not in self._texts:
            self._texts[node] = ast.unparse(node)
        return self._texts[node]

    def opaque(self, node: ast.AST, name: str = "") -> Opaque:
        return Opaque(self.key(node), name)

    @contextmanager
    def own_budget(self) -> Iterator[None]:
        """Run what makes the data on steps of its own: the code around it has been given few by then."""
        before, limit = self.steps, self.limit
        self.limit = self.steps + ABROAD
        try:
            yield
        except OutOfBudget:
            if self.spent > TOTAL:
                raise
        finally:
            self.steps, self.limit = min(self.steps, before + OWN), limit

    # -- names --------------------------------------------------------------------------------------------------

    def read(self, name: str) -> Slot | None:
        """Look `name` up in the frame, its closure, the module."""
        frame = self.frame
        slot = frame.state.names.get(name)
        if slot is None and frame.closure is not None:
            slot = frame.closure.get(name)
        if slot is None:
            slot = self.global_slot(frame.module.path, name)
        return slot

    def enclosing(self, closure: Key) -> dict[str, Slot] | None:
        """Return the names of the function that another was defined in: as they are now, while it runs."""
        for frame in reversed(self.frames):
            if frame.key == closure:
                return frame.state.names
        return self.closures.get(closure)

    def global_slot(self, path: str, name: str) -> Slot | None:
        """Look `name` up among the globals of a module; of an imported one, what binds the name is run now."""
        slot = self.module_names(path).get(name)
        if slot is None and path in self.bodies:
            slot = self.globals[path].get(name) or self.bodies[path].find(self, name)
        return slot

    def global_names(self, path: str) -> list[str]:
        """List the names that a module binds."""
        body = self.bodies.get(path)
        return list({**self.module_names(path), **dict.fromkeys(body.names() if body is not None else ())})

    def module_names(self, path: str) -> dict[str, Slot]:
        """Return the globals of a module: live ones while its body runs, else those it ended with."""
        for frame in self.frames:
            if isinstance(frame.node, ast.Module) and frame.module.path == path:
                return frame.state.names
        return self.globals.get(path, {})

    def write(self, name: str, value: Value, depth: int | None = None) -> None:
        if name in self.frame.shared:
            self.module_names(self.frame.module.path)[name] = Slot(value, 0)
            return
        if name in self.frame.outer and self.frame.closure is not None:
            self.frame.closure[name] = Slot(value, self.depth if depth is None else depth)
            return
        self.state.names[name] = Slot(value, self.depth if depth is None else depth)

    # -- heap ---------------------------------------------------------------------------------------------------

    def get(self, ref: Ref | Key, field_name: str) -> Slot | None:
        return self.state.heap.get(ref.id if isinstance(ref, Ref) else ref, field_name)

    def fields(self, ref: Ref) -> dict[str, Slot]:
        """Return the fields of an object; not to be changed."""
        return self.state.heap.fields(ref.id)

    def put(self, ref: Ref | Key, field_name: str, value: Value, depth: int | None = None) -> None:
        key = ref.id if isinstance(ref, Ref) else ref
        self.state.heap.put(key, field_name, Slot(value, self.depth if depth is None else depth))

    def new_list(
        self, node: ast.AST, elem: Value | None = None, length: Value | None = None, kind: str = "list"
    ) -> Ref:
        ref = Ref(self.key(node, "list"), kind)
        self.state.heap.clear(ref.id)
        if elem is not None:
            self.put(ref, "elem", elem)
        self.put(ref, "len", length if length is not None else Const(0))
        return ref

    def elem(self, ref: Ref) -> Value:
        """Return what the elements of a list or dict may be."""
        held = [
            slot.value
            for name, slot in self.fields(ref).items()
            if name not in {"len", "boxed"} and not name.startswith("@")
        ]
        if len(held) > LIMIT and all(isinstance(each, Class | Func) for each in held):
            held = held[:LIMIT]  # a registry: what some of its models do wrong is wrong, however many there are
        return join_all(held)

    # -- control ------------------------------------------------------------------------------------------------

    @contextmanager
    def in_loop(self, loop: Loop) -> Iterator[None]:
        self.loops.append(loop)
        try:
            yield
        finally:
            self.loops.pop()

    @contextmanager
    def within(self, frame: Frame) -> Iterator[None]:
        """Run in another frame; what it has written to the heap stays."""
        caller = self.frame
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()
            self.ran.setdefault(frame.key, []).append((frame.born, self.spent))
            caller.state.heap = frame.state.heap

    def merge(self, states: list[State]) -> State | None:
        """Return the join of the states, None for none."""
        merged: State | None = None
        for state in states:
            merged = state if merged is None else join_states(merged, state)
        return merged

    def recall(self, module: Module, node: ast.AST) -> None:
        """Take back what earlier passes of the running loops saw in a function that this pass had to leave early."""
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", None) or 0
        for earlier in self.passes:
            for key, seen in earlier.items():
                if key not in self.log and seen.path == module.path and first <= seen.span.row <= last:
                    self.log[key] = seen

    # -- log ----------------------------------------------------------------------------------------------------

    def observe(self, seen: _O, tag: str = "") -> None:
        """Record an observation; a second pass over the same place in the same context replaces the first."""
        self.log[type(seen).__name__, seen.path, seen.span, self.frame.key, tag] = seen
