"""What the rules learn of a runtime type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import make_dataclass
from typing import Any, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar

import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow.rules.shape import FieldInfo, Shape
from typedflow.schema.shape import TypeShape

T = TypeVar("T")


Job = make_dataclass("Job", [("title", str)])


make_alias: Any = TypeAliasType
Maybe = make_alias("Maybe", "int | None")
Lost = make_alias("Lost", "Nowhere")


class Node(msgspec.Struct, rename="camel"):
    own_name: str
    next: Node | None = None
    late: int | msgspec.UnsetType = msgspec.UNSET


class Other(msgspec.Struct, frozen=True):
    own_name: int = 0
    extra: int = 0


class Box(msgspec.Struct, Generic[T]):
    content: T


class Row(NamedTuple):
    key: str


class Options(TypedDict):
    name: str
    depth: NotRequired[int]


Unknown = msgspec.defstruct("Unknown", [("part", "Nowhere")], module=__name__)
make_newtype: Any = NewType  # mypy 2.4 crashes on a NewType of a Struct
NodeId = make_newtype("NodeId", Node)


def shape(tp: Any) -> TypeShape:
    return TypeShape.of(tp)


def test_it_is_a_shape() -> None:
    as_shape: Shape = shape(Node)
    assert as_shape.render() == "Node"


@pytest.mark.parametrize(
    "tp, fields",
    [
        (Options, [FieldInfo("name", True), FieldInfo("depth", False)]),
        (Row, [FieldInfo("key", True, writable=False)]),
        (Job, [FieldInfo("title", True)]),
        (Box[int], [FieldInfo("content", True)]),
        (Node | Other, [FieldInfo("own_name", True, writable=False)]),
        (NodeId, [FieldInfo("own_name", True, encoded="ownName"), FieldInfo("next", False), FieldInfo("late", False)]),
        (
            Node | None,
            [FieldInfo("own_name", True, encoded="ownName"), FieldInfo("next", False), FieldInfo("late", False)],
        ),
    ],
    ids=str,
)
def test_the_fields_in_order(tp: Any, fields: list[FieldInfo]) -> None:
    found = shape(tp).fields()
    assert found is not None
    assert list(found.values()) == fields


@pytest.mark.parametrize("tp", [int, None, dict[str, int], Any, Node | int, Unknown, Lost], ids=str)
def test_types_without_fields(tp: Any) -> None:
    assert shape(tp).fields() is None


@pytest.mark.parametrize(
    "tp, is_open",
    [
        (dict[str, int], True),
        (Mapping[str, int], True),
        (Any, True),
        (Lost, True),
        (dict[str, int] | None, True),
        (dict[int, int], False),
        (dict[Literal["a"], int], False),
        (object, False),
        (Node, False),
        (None, False),
        (Options | dict[str, int], False),
    ],
    ids=str,
)
def test_open_types(tp: Any, is_open: bool) -> None:
    assert shape(tp).is_open() is is_open


@pytest.mark.parametrize(
    "tp, name, child",
    [
        (Node, "own_name", "str"),
        (Node, "ownName", None),
        (Node | None, "next", "Node | None"),
        (Node | Other, "own_name", "str | int"),
        (Node | Other, "extra", None),
        (Node | int, "own_name", None),
        (dict[str, list[int]], "x", "list[int]"),
        (dict[str, int] | Options, "depth", "int"),
        (dict[Literal["a"], int], "a", "int"),
        (dict[Literal["a"], int], "b", None),
        (dict[int, int], "a", None),
        (Any, "x", "Any"),
        (Lost, "x", "Any"),
        (Unknown, "part", None),
        (Box[Node], "content", "Node"),
        (Row, "key", "str"),
        (int, "x", None),
        (None, "x", None),
    ],
    ids=str,
)
def test_the_child_behind_a_segment(tp: Any, name: str, child: str | None) -> None:
    found = shape(tp).child(name)
    assert (found.render() if found else None) == child


@pytest.mark.parametrize(
    "tp, item",
    [
        (list[int], "int"),
        (set[int] | None, "int"),
        (list[int] | set[str], "int | str"),
        (Any, "Any"),
        (tuple[int, ...], None),
        (Sequence[int], None),
        (list[int] | int, None),
        (None, None),
    ],
    ids=str,
)
def test_the_item_of_what_can_be_appended_to(tp: Any, item: str | None) -> None:
    found = shape(tp).item()
    assert (found.render() if found else None) == item


@pytest.mark.parametrize(
    "tp, optional, without, with_none",
    [
        (int, False, "int", "int | None"),
        (int | None, True, "int", "int | None"),
        (int | str | None, True, "int | str", "int | str | None"),
        (None, False, "None", "None"),
        (Maybe, True, "int", "Maybe"),
        (Any, False, "Any", "Any | None"),
        (Lost, False, "Lost", None),
    ],
    ids=str,
)
def test_optional_types(tp: Any, optional: bool, without: str, with_none: str | None) -> None:
    assert shape(tp).is_optional() is optional
    assert shape(tp).without_none().render() == without
    if with_none is not None:
        assert shape(tp).with_none().render() == with_none


def test_acceptance_is_that_of_types() -> None:
    assert shape(float).accepts(shape(int))
    assert not shape(int).accepts(shape(float))
