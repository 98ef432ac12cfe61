"""The laws of joining values and states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lintloss.facts.state import Heap, Slot
from lintloss.facts.units import NATS, NATS_PER_TOKEN, count
from lintloss.facts.values import Const, Opaque, Quantity, Tensor, Tuple, Value, join, options

values = st.sampled_from(
    [
        Quantity(NATS),
        Quantity(NATS_PER_TOKEN),
        Quantity(count("batch")),
        Opaque(("a",), "a"),
        Opaque(("b",), "b"),
        Tensor("logits", key=("t",)),
        Tuple((Const(1), Const(2))),
        Const("x"),
    ]
)


def alternatives(value: Value) -> set[Value]:
    return set(options(value))


@given(values)
def test_join_is_idempotent(a: Value) -> None:
    assert join(a, a) == a


@given(values, values)
def test_join_is_commutative(a: Value, b: Value) -> None:
    assert alternatives(join(a, b)) == alternatives(join(b, a))


@given(values, values)
def test_join_keeps_both_alternatives(a: Value, b: Value) -> None:
    assert {a, b} <= alternatives(join(a, b)) or len({a, b}) == 1


@given(values, values, values)
def test_join_is_associative(a: Value, b: Value, c: Value) -> None:
    assert alternatives(join(join(a, b), c)) == alternatives(join(a, join(b, c)))


@given(st.sampled_from([Const(None), Const(0), Const(0.0), Const(float("inf"))]), values)
def test_an_initial_number_gives_way_to_the_quantity_that_replaces_it(initial: Value, value: Value) -> None:
    if isinstance(value, Quantity | Tensor):
        assert join(initial, value) == value == join(value, initial)


writes = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("ab"), values), max_size=8)


def written(heap: Heap, log: list[tuple[str, str, Value]]) -> Heap:
    for owner, name, value in log:
        heap.put((owner,), name, Slot(value, 0))
    return heap


@given(writes, writes, writes)
def test_a_branch_does_not_change_the_heap_it_was_copied_from(
    before: list[tuple[str, str, Value]], left: list[tuple[str, str, Value]], right: list[tuple[str, str, Value]]
) -> None:
    plain: dict[tuple[str, str], Value] = {(owner, name): value for owner, name, value in before}
    heap = written(Heap(), before)
    written(heap.copy(), left)
    written(heap.copy(), right)
    for (owner, name), value in plain.items():
        slot = heap.get((owner,), name)
        assert slot is not None and slot.value == value


@given(writes, writes, writes)
def test_a_joined_heap_holds_what_either_branch_wrote(
    before: list[tuple[str, str, Value]], left: list[tuple[str, str, Value]], right: list[tuple[str, str, Value]]
) -> None:
    heap = written(Heap(), before)
    one, other = written(heap.copy(), left), written(heap.copy(), right)
    joined = one.joined(other)
    for owner in "xyz":
        for name in "ab":
            mine, theirs, both = one.get((owner,), name), other.get((owner,), name), joined.get((owner,), name)
            if mine is None or theirs is None:
                assert both == (mine or theirs)
            else:
                assert both is not None and both.value == join(mine.value, theirs.value)


@given(st.integers(0, 60))
def test_many_copies_lose_nothing(copies: int) -> None:
    heap = written(Heap(), [("x", "a", Const("kept"))])
    for _ in range(copies):
        heap = heap.copy()
    slot = heap.get(("x",), "a")
    assert slot is not None and slot.value == Const("kept")
