"""The state of the abstract machine: variables of the running frame, the heap, and how to join two of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from lintloss.facts.values import Key, Value, join

HeapKey = tuple[Key, str]
_K = TypeVar("_K", str, HeapKey)


@dataclass(frozen=True, slots=True)
class Slot:
    """A value and the loop depth at which it was last plainly assigned: what it is summed over starts there."""

    value: Value
    depth: int


@dataclass(slots=True)
class State:
    """Variables and heap. Frames have their own variables and share the heap."""

    names: dict[str, Slot] = field(default_factory=dict)
    heap: dict[HeapKey, Slot] = field(default_factory=dict)

    def copy(self) -> State:
        return State(dict(self.names), dict(self.heap))

    def take(self, other: State) -> None:
        """Become `other`."""
        self.names, self.heap = other.names, other.heap


def join_states(left: State, right: State) -> State:
    """Return the state that may be either one."""
    return State(_join_slots(left.names, right.names), _join_slots(left.heap, right.heap))


def _join_slots(left: dict[_K, Slot], right: dict[_K, Slot]) -> dict[_K, Slot]:
    joined = dict(left)
    for key, slot in right.items():
        mine = joined.get(key)
        if mine is None or mine == slot:
            joined[key] = slot
        else:
            joined[key] = Slot(join(mine.value, slot.value), min(mine.depth, slot.depth))
    return joined
