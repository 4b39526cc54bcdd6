"""Resources as declared and as given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal, NewType, Protocol, TypedDict, runtime_checkable

import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow.errors import ResourceError
from typedflow.schema.layers import Resources
from typedflow.schema.parsing import parse
from typedflow.schema.resources import (
    check_resources,
    declared_resources,
    overrides_of,
    require_resources,
    resources_within,
)


class Tool:
    pass


class Special(Tool):
    pass


class Record(msgspec.Struct):
    n: int = 0


class MoreRecord(Record):
    m: int = 0


@runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


class Unchecked(Protocol):
    def anything(self) -> None: ...


class Keys(TypedDict):
    n: int


class Closing:
    def close(self) -> None: ...


Token = NewType("Token", str)
Tools = TypeAliasType("Tools", "Tool | None")


class Needs(Resources):
    logger: logging.Logger
    tool: Tool | None = None
    names: list[str] = []
    made: dict[str, int] = msgspec.field(default_factory=lambda: {"a": 1})


class Every(Resources):
    tool: Tool | None = None
    record: Record | None = None
    closes: Closes | None = None
    unchecked: Unchecked | None = None
    keys: Keys | None = None
    names: list[str] | None = None
    pair: tuple[int, str] | None = None
    call: Callable[[int], str] | None = None
    mode: Literal["a", "b"] = "a"
    number: float = 0.0
    token: Token | None = None
    tools: Tools = None
    anything: Any = None


def test_declared_resources() -> None:
    declared = declared_resources(Needs)
    assert list(declared) == ["logger", "tool", "names", "made"]
    assert [field.required for field in declared.values()] == [True, False, False, False]
    assert [field.default() for field in declared.values()] == [None, None, [], {"a": 1}]
    assert declared["names"].default() is not declared["names"].default()
    assert declared["logger"].kind == parse(logging.Logger)
    assert declared_resources(Needs) is declared


def test_fields_left_at_their_default_are_no_overrides() -> None:
    logger = logging.getLogger("test")
    assert overrides_of(Needs(logger=logger)) == {"logger": logger, "made": {"a": 1}}
    tool, names = Tool(), ["a"]
    given = overrides_of(Needs(logger=logger, tool=tool, names=names))
    assert given["tool"] is tool
    assert given["names"] is names
    assert overrides_of({"any": 1}) == {"any": 1}


@pytest.mark.parametrize(
    "key, value, fits",
    [
        ("tool", Tool(), True),
        ("tool", Special(), True),
        ("tool", None, True),
        ("tool", Tool, False),
        ("record", MoreRecord(), True),
        ("record", {"n": 1}, False),
        ("closes", Closing(), True),
        ("closes", Tool(), False),
        ("unchecked", Tool(), True),
        ("keys", {"n": "x"}, True),
        ("keys", [1], False),
        ("names", [1], True),
        ("names", ("a",), False),
        ("pair", (1, "a"), True),
        ("pair", (1,), False),
        ("call", str, True),
        ("call", "x", False),
        ("mode", "b", True),
        ("mode", "c", False),
        ("number", 1, True),
        ("number", "x", False),
        ("token", "x", True),
        ("token", 1, False),
        ("tools", Special(), True),
        ("tools", 1, False),
        ("anything", object(), True),
    ],
)
def test_a_value_is_checked_by_its_class_alone(key: str, value: Any, fits: bool) -> None:
    assert (check_resources(Every, {key: value}) == []) is fits


def test_identity_is_kept() -> None:
    names = [True]
    assert require_resources(Every, {"names": names})["names"] is names


def test_all_that_is_wrong_with_what_is_given() -> None:
    with pytest.raises(ResourceError) as caught:
        require_resources(Needs, {"loger": 1, "tool": 5, "tool.x": 1})
    assert [problem.render() for problem in caught.value.problems] == [
        "TF101: Needs declares no resource 'loger' (did you mean 'logger'?)",
        "TF103: resource 'tool' is declared as Tool | None, not int (give an instance of Tool | None)",
        "TF104: 'tool.x' is not a resource key (take 'tool' and read its attributes: resources are given whole, a key "
        "has no dots)",
    ]


class Holder(msgspec.Struct):
    inner: Holder | None = None
    deep: list[tuple[int, Needs]] = []


@pytest.mark.parametrize(
    "tp, found",
    [
        (Needs, True),
        (Needs | None, True),
        (dict[str, Needs], True),
        (Holder, True),
        (NewType("N", Needs), True),
        (TypeAliasType("A", Needs), True),
        (int, False),
        (Record, False),
    ],
)
def test_resources_within(tp: Any, found: bool) -> None:
    assert (resources_within(tp) is not None) is found
