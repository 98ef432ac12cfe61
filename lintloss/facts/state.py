"""The state of the abstract machine: variables of the running frame, the heap, and how to join two of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from lintloss.facts.values import Key, Value, join

NO_FIELDS: dict[str, Slot] = {}


@dataclass(frozen=True, slots=True)
class Slot:
    """A value and the loop depth at which it was last plainly assigned: what it is summed over starts there."""

    value: Value
    depth: int


class Heap:
    """Objects by identity, each a mapping of fields that is replaced, never changed.

    A copy shares everything written so far as a frozen layer: branches copy the heap thousands of times, and
    change a handful of objects each (measured: joining plain dicts was half of all time). A layer is at least twice
    as large as the one above it, so chains stay short, and two copies share all but what was written since.
    """

    __slots__ = ("_base", "_known", "_own")

    def __init__(self, base: Heap | None = None) -> None:
        self._base = base
        self._own: dict[Key, dict[str, Slot]] = {}
        # Every object that any copy ever wrote to: most look-ups are for values that never had a field.
        self._known: set[Key] = base._known if base is not None else set()

    def fields(self, owner: Key) -> dict[str, Slot]:
        """Return the fields of an object; not to be changed."""
        if owner not in self._known:
            return NO_FIELDS
        layer: Heap | None = self
        while layer is not None:
            found = layer._own.get(owner)
            if found is not None:
                return found
            layer = layer._base
        return NO_FIELDS

    def get(self, owner: Key, name: str) -> Slot | None:
        return self.fields(owner).get(name)

    def put(self, owner: Key, name: str, slot: Slot) -> None:
        self._own[owner] = {**self.fields(owner), name: slot}
        self._known.add(owner)

    def clear(self, owner: Key) -> None:
        """Forget the fields of an object: it is made anew."""
        self._own[owner] = {}
        self._known.add(owner)

    def renew(self, before: Value, after: Value) -> None:
        """Let each field that holds this very object hold another one."""
        for owner in list(self._known):
            for name, slot in self.fields(owner).items():
                if slot.value is before:
                    self.put(owner, name, Slot(after, slot.depth))

    def settle(self, depth: int) -> None:
        """Let what was made in a loop that has ended be as old as what stands behind it: later loops add to it anew."""
        for owner, held in self._own.items():
            if any(slot.depth > depth for slot in held.values()):
                self._own[owner] = {name: Slot(slot.value, min(slot.depth, depth)) for name, slot in held.items()}

    def take(self, other: Heap, names: frozenset[str]) -> None:
        """Set these fields to what they are in another heap."""
        for owner in list(self._known):
            taken = {name: slot for name, slot in other.fields(owner).items() if name in names}
            if taken:
                self._own[owner] = {**self.fields(owner), **taken}

    def copy(self) -> Heap:
        base = self._base
        if self._own or base is None:
            self._base = base = self._frozen()
            self._own = {}
        return Heap(base)

    def _frozen(self) -> Heap:
        """Return what this heap holds, as a layer to build on; layers that are not much larger are put into it."""
        base, own = self._base, self._own
        while base is not None and len(base._own) < 2 * len(own):
            own = {**base._own, **own}
            base = base._base
        frozen = Heap(base)
        frozen._own, frozen._known = own, self._known
        return frozen

    def _chain(self) -> list[Heap]:
        """Return the layers from the newest to the oldest."""
        chain: list[Heap] = []
        layer = self
        while True:
            chain.append(layer)
            if layer._base is None:
                return chain
            layer = layer._base

    def joined(self, other: Heap) -> Heap:
        """Return the heap that may be either one."""
        if self is other:
            return self
        mine, theirs = self._chain(), other._chain()
        shared = {id(layer) for layer in mine}
        ancestor = next((layer for layer in theirs if id(layer) in shared), None)
        left_changes, right_changes = _since(mine, ancestor), _since(theirs, ancestor)
        before = ancestor.fields if ancestor is not None else lambda owner: NO_FIELDS
        result = Heap(ancestor)
        result._known = self._known
        result._known |= other._known if other._known is not self._known else set()
        for owner in {**left_changes, **right_changes}:
            left, right = left_changes.get(owner), right_changes.get(owner)
            left = before(owner) if left is None else left
            right = before(owner) if right is None else right
            result._own[owner] = left if left is right else join_slots(left, right)
        return result


def _since(chain: list[Heap], ancestor: Heap | None) -> dict[Key, dict[str, Slot]]:
    """Return what the layers above `ancestor` hold, the newest last."""
    above = chain[: next((i for i, layer in enumerate(chain) if layer is ancestor), len(chain))]
    changes: dict[Key, dict[str, Slot]] = {}
    for layer in reversed(above):
        changes.update(layer._own)
    return changes


@dataclass(slots=True)
class State:
    """Variables and heap. Frames have their own variables and share the heap."""

    names: dict[str, Slot] = field(default_factory=dict)
    heap: Heap = field(default_factory=Heap)

    def copy(self) -> State:
        return State(dict(self.names), self.heap.copy())


def join_states(left: State, right: State) -> State:
    """Return the state that may be either one."""
    return State(join_slots(left.names, right.names), left.heap.joined(right.heap))


def join_slots(left: dict[str, Slot], right: dict[str, Slot]) -> dict[str, Slot]:
    joined = dict(left)
    for key, slot in right.items():
        mine = joined.get(key)
        if mine is slot:
            continue
        if mine is None or mine == slot:
            joined[key] = slot
        else:
            joined[key] = Slot(join(mine.value, slot.value), min(mine.depth, slot.depth))
    return joined
