"""Records behave as the standard library's data classes do, which type checkers take them for."""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any, ClassVar

import pytest

from lintloss import records


def build(kit: Any) -> dict[str, Any]:
    """The same classes, made by either module."""

    @kit.dataclass(frozen=True, slots=True, order=True)
    class Point:
        x: int
        y: int = 2
        unit: ClassVar[str] = "nats"

    @kit.dataclass(frozen=True, slots=True, kw_only=True)
    class Base:
        path: str
        setting: Point = Point(1)

    @kit.dataclass(frozen=True, slots=True, kw_only=True)
    class Seen(Base):
        count: float
        owner: str = "call"  # the names that a generated method might use itself
        made: str = ""
        trace: tuple[str, ...] = kit.field(default=(), compare=False)

        @property
        def double(self) -> float:
            return 2 * self.count

    @kit.dataclass(slots=True)
    class Frame:
        name: str = ""
        exits: list[int] = kit.field(default_factory=list)

    @kit.dataclass(frozen=True, slots=True, eq=False)
    class Lone:
        name: str

    return {each.__name__: each for each in (Point, Base, Seen, Frame, Lone)}


@pytest.fixture(params=[dataclasses, records], ids=lambda module: module.__name__)
def made(request: pytest.FixtureRequest) -> tuple[ModuleType, dict[str, Any]]:
    return request.param, build(request.param)


def test_fields_have_defaults(made: tuple[ModuleType, dict[str, Any]]) -> None:
    kit, kinds = made
    assert (kinds["Point"](1).x, kinds["Point"](1, y=5).y) == (1, 5)
    assert [each.name for each in kit.fields(kinds["Seen"])] == ["path", "setting", "count", "owner", "made", "trace"]
    assert [(each.name, each.type) for each in kit.fields(kinds["Point"](1))] == [("x", "int"), ("y", "int")]
    assert kinds["Point"].unit == "nats"


def test_each_instance_has_a_list_of_its_own(made: tuple[ModuleType, dict[str, Any]]) -> None:
    _, kinds = made
    first, second = kinds["Frame"](), kinds["Frame"]()
    first.exits.append(1)
    assert (first.exits, second.exits) == ([1], [])


@pytest.mark.parametrize(
    ("name", "given", "named"),
    [
        pytest.param("Point", (), {}, id="missing"),
        pytest.param("Point", (1, 2, 3), {}, id="too many"),
        pytest.param("Point", (1,), {"z": 3}, id="unknown name"),
        pytest.param("Seen", ("a",), {"count": 1}, id="by name only"),
    ],
)
def test_wrong_arguments_are_refused(
    made: tuple[ModuleType, dict[str, Any]], name: str, given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="argument"):
        made[1][name](*given, **named)


def test_equality_and_hashes_go_by_the_compared_fields(made: tuple[ModuleType, dict[str, Any]]) -> None:
    seen, point = made[1]["Seen"], made[1]["Point"]
    one, same = seen(path="a", count=1.0), seen(path="a", count=1.0, trace=("x",))
    assert one == same
    assert hash(one) == hash(same)
    assert one != seen(path="a", count=2.0)
    assert point(1) != (1, 2)
    assert len({point(1), point(1, 2), point(2)}) == 2
    assert made[1]["Lone"]("a") != made[1]["Lone"]("a")


def test_what_may_change_has_no_hash(made: tuple[ModuleType, dict[str, Any]]) -> None:
    frame = made[1]["Frame"]
    assert frame("a") == frame("a")
    with pytest.raises(TypeError, match="unhashable"):
        hash(frame())


def test_order_is_that_of_the_fields(made: tuple[ModuleType, dict[str, Any]]) -> None:
    point = made[1]["Point"]
    assert sorted([point(2), point(1, 3), point(1, 2)]) == [point(1, 2), point(1, 3), point(2)]
    assert point(1) <= point(1) < point(1, 3) and point(2) >= point(2) > point(1)
    with pytest.raises(TypeError, match="not supported"):
        point(1) < (1, 2)  # noqa: B015


def test_a_replaced_copy_keeps_the_rest(made: tuple[ModuleType, dict[str, Any]]) -> None:
    kit, kinds = made
    seen = kinds["Seen"](path="a", count=1.0, owner="model", made="here", trace=("x",))
    changed = kit.replace(seen, count=3.0, trace=())
    assert (changed.path, changed.owner, changed.made, changed.double, changed.trace) == ("a", "model", "here", 6.0, ())
    assert seen.count == 1.0
    with pytest.raises(TypeError, match="unexpected keyword"):
        kit.replace(seen, nothing=1)


def test_instances_have_slots_alone(made: tuple[ModuleType, dict[str, Any]]) -> None:
    seen = made[1]["Seen"](path="a", count=1.0)
    assert not hasattr(seen, "__dict__")
    assert made[1]["Seen"].__slots__ == ("count", "owner", "made", "trace")


def test_it_says_what_it_holds(made: tuple[ModuleType, dict[str, Any]]) -> None:
    assert repr(made[1]["Point"](1)).endswith("Point(x=1, y=2)")


def test_the_standard_library_takes_a_record_for_a_data_class() -> None:
    seen = build(records)["Seen"]

    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class More(seen):  # type: ignore[misc, valid-type]
        depth: int = 0

    more = More(path="a", count=1.0, depth=3)
    assert (more.path, more.setting.y, more.double, more.depth) == ("a", 2, 2.0, 3)
    assert records.replace(more, depth=4) == dataclasses.replace(more, depth=4) == More(path="a", count=1.0, depth=4)
    assert [each.name for each in records.fields(more)] == [each.name for each in dataclasses.fields(more)]
    assert dataclasses.replace(seen(path="a", count=1.0), path="b") == seen(path="b", count=1.0)
