"""Which values are valid for a type, and what becomes of them."""

from __future__ import annotations

import collections
import collections.abc as abc
import enum
import http
import logging
import types
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    Never,
    NewType,
    NotRequired,
    Protocol,
    TypedDict,
    runtime_checkable,
)

import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow.schema.check import Mismatch, compile_check, exact_class


class Node(msgspec.Struct):
    label: str
    size: int = 0
    next: Node | None = None
    tags: list[str] = []


def identify(part: object) -> str:
    return part if isinstance(part, str) and len(part) < 60 else type(part).__name__


def fault(tp: Any, value: Any) -> str:
    with pytest.raises(Mismatch) as caught:
        compile_check(tp)(value)
    return str(caught.value)


def test_a_struct_is_checked_inside_at_every_depth() -> None:
    assert (
        fault(
            Node,
            Node(
                "a",
                next=Node(
                    "b",
                    tags=["x", 3],  # type: ignore[list-item]  # the case
                ),
            ),
        )
        == "next.tags[1]: expected str, given 3 (int)"
    )


def test_a_value_that_holds_itself_is_a_mismatch() -> None:
    node = Node("a")
    node.next = node
    assert "it is nested too deep, or holds itself" in fault(Node, node)


def test_a_container_keeps_its_identity_when_its_parts_are_normalised() -> None:
    node = Node("a", size=True)
    assert compile_check(Node)(node) is node
    assert type(node.size) is int


@pytest.mark.parametrize(
    "tp, expected",
    [
        (int, int),
        (None, type(None)),
        (int | None, None),
        (Node, None),
        (list[int], None),
        (Annotated[int, msgspec.Meta(ge=1)], None),
    ],
)
def test_exact_class_names_the_class_that_proves_validity(tp: Any, expected: type | None) -> None:
    assert exact_class(tp) is expected


class Colour(enum.StrEnum):
    RED = "red"


class Sub(Node):
    pass


class Name(str):
    __slots__ = ()


class Marked(str):
    pass


class Slotted(str):
    __slots__ = ("extra",)


class Numbers(list[int]):
    pass


class Bare:
    def __repr__(self) -> str:
        raise RuntimeError


class Row(NamedTuple):
    key: str
    cells: list[float]


class Options(TypedDict):
    name: str
    depth: NotRequired[float]


@dataclass
class Job:
    title: str
    weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Fixed:
    weight: float


class Frozen(msgspec.Struct, frozen=True):
    weight: float


class Circle(msgspec.Struct, tag=True):
    radius: float


class Square(msgspec.Struct, tag=True):
    side: float


class Runs(Protocol):
    def run(self) -> int: ...


@runtime_checkable
class Named(Protocol):
    label: str


UserId = NewType("UserId", int)
Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")


@pytest.mark.parametrize(
    "tp, given, stored",
    [
        (int, True, 1),
        (int, http.HTTPStatus.OK, 200),
        (float, 3, 3.0),
        (float, True, 1.0),
        (str, Colour.RED, "red"),
        (str, Name("x"), "x"),
        (bytes, type("Raw", (bytes,), {})(b"x"), b"x"),
        (float, type("Reading", (float,), {})(1.5), 1.5),
        (UserId, True, 1),
        (list[int], [True, 2], [1, 2]),
        (list[list[float]], [[1]], [[1.0]]),
        (set[int], {True, 2}, {1, 2}),
        (frozenset[float], frozenset({1}), frozenset({1.0})),
        (tuple[float, ...], (1, 2.5), (1.0, 2.5)),
        (tuple[float, str], (1, "a"), (1.0, "a")),
        (dict[str, float], {"a": 1}, {"a": 1.0}),
        (dict[float, int], {1: True, 2: 3}, {1.0: 1, 2.0: 3}),
        (abc.Sequence[float], (1,), (1.0,)),
        (abc.Sequence[float], [1], [1.0]),
        (abc.Mapping[str, float], {"a": 1}, {"a": 1.0}),
        (int | None, True, 1),
        (list[float] | list[str], ["a"], ["a"]),
        (list[float] | list[int], [1, 2], [1, 2]),
        (list[float] | list[int | str], [True, "a"], [1, "a"]),
        (list[list[float]] | list[Circle], [[1]], [[1.0]]),
        (dict[str, float] | dict[str, list[float]], {"a": [1]}, {"a": [1.0]}),
        (list[Row] | list[Options], [{"name": "a", "depth": 1}], [{"name": "a", "depth": 1.0}]),
        (dict[float, int] | dict[float, str], {1: "a"}, {1.0: "a"}),
        (list[set[float]] | list[int], [{1}], [{1.0}]),
        (list[Job] | list[int], [Job("a", (1,))], [Job("a", (1.0,))]),
        (Literal[1] | float, 2, 2.0),
        (Row, Row("a", [1]), Row("a", [1.0])),
        (Options, {"name": "a", "depth": 1}, {"name": "a", "depth": 1.0}),
        (Fixed, Fixed(1), Fixed(1.0)),
        (Frozen, Frozen(1), Frozen(1.0)),
        (Circle | Square, Square(1), Square(1.0)),
        (Annotated[float, msgspec.Meta(ge=0)], 1, 1.0),
    ],
    ids=identify,
)
def test_a_value_that_mypy_accepts_is_brought_to_the_declared_class(tp: Any, given: Any, stored: Any) -> None:
    normal = compile_check(tp)(given)
    assert normal == stored
    assert repr(normal) == repr(stored)
    assert type(normal) is type(stored)


@pytest.mark.parametrize(
    "tp, value",
    [
        (Any, object()),
        (object, 3),
        (Json, {"a": [1, None, {"b": 2.5}]}),
        (abc.Sequence[str], "abc"),
        (abc.Sequence[str], ""),
        (abc.Sequence[int], range(3)),
        (abc.Sequence[int], b"abc"),
        (abc.Iterable[int], iter([1])),
        (abc.Iterable[str], {"a": 1}),
        (abc.Mapping[str, int], types.MappingProxyType({"a": 1})),
        (Callable[[int], str], str),
        (Runs, 3),
        (Named, Node("a")),
        (logging.Logger, logging.getLogger("x")),
        (Literal["a", 1], 1),
        (Colour, Colour.RED),
        (Job, Job("a", (1.0,))),
        (list[int], []),
        (tuple[()], ()),
        (Annotated[str, msgspec.Meta(pattern="^a", min_length=2, max_length=3)], "ab"),
        (Annotated[int, msgspec.Meta(gt=0, lt=9, multiple_of=2)], 4),
        (Annotated[float, msgspec.Meta(le=9, multiple_of=0.5)], 4.5),
        (Annotated[datetime, msgspec.Meta(tz=False)], datetime(2020, 1, 1)),
        (Annotated[list[int], msgspec.Meta(max_length=1)], [1]),
        (Annotated[dict[str, int], msgspec.Meta(max_length=1)], {"a": 1}),
    ],
    ids=identify,
)
def test_a_valid_value_comes_back_itself(tp: Any, value: Any) -> None:
    assert compile_check(tp)(value) is value


@pytest.mark.parametrize(
    "tp, value, text",
    [
        (int, "x", "expected int, given 'x' (str)"),
        (int, None, "expected int, given None"),
        (int, 3.0, "expected int, given 3.0 (float)"),
        (bool, 1, "expected bool, given 1 (int)"),
        (float, 2**53 + 1, "expected float, given 9007199254740993 (int) (no float holds it exactly)"),
        (str, Slotted("x"), "expected str, given 'x' (Slotted) (a save would cut this subclass of str short)"),
        (date, datetime(2020, 1, 1), "(give its .date())"),
        (bytes, bytearray(b"x"), "expected bytes, given bytearray(b'x') (bytearray)"),
        (int, Bare(), "expected int, given an object without a working repr (Bare)"),
        (str, 10**5000, "expected str, given an int of 16610 bits (int)"),
        (Never, 1, "expected Never, given 1 (int)"),
        (Literal[1], True, "expected Literal[1], given True (bool)"),
        (Literal["a"], "b", "expected Literal['a'], given 'b' (str)"),
        (Colour, "red", "expected Colour, given 'red' (str)"),
        (list[int], Numbers(), "(a save would turn it into a plain list: give list(…))"),
        (list[int], [1, "x"], "[1]: expected int, given 'x' (str)"),
        (list[int], (1,), "expected list[int], given (1,) (tuple)"),
        (set[int], {"x"}, "expected int, given 'x' (str)"),
        (frozenset[int], frozenset({"x"}), "expected int, given 'x' (str)"),
        (tuple[int, ...], (1, "x"), "[1]: expected int, given 'x' (str)"),
        (tuple[int, str], (1, 2), "[1]: expected str, given 2 (int)"),
        (tuple[int, str], (1,), "expected tuple[int, str], given (1,) (tuple)"),
        (dict[str, int], {"a": "x"}, "a: expected int, given 'x' (str)"),
        (dict[str, int], {"a b": "x"}, "['a b']: expected int, given 'x' (str)"),
        (dict[str, int], {1: 1}, "[1]: expected str, given 1 (int)"),
        (dict[float, int], {2.5: "x"}, "['2.5 (float)']: expected int, given 'x' (str)"),
        (dict[str, int], [], "expected dict[str, int], given [] (list)"),
        (dict[str, int], collections.OrderedDict(), "(a save would turn it into a plain dict: give dict(…))"),
        (abc.Sequence[int], {1}, "expected Sequence[int], given {1} (set)"),
        (abc.Sequence[int], range(3, 5), None),
        (abc.Sequence[str], range(3, 5), "[0]: expected str, given 3 (int)"),
        (abc.Sequence[int], "abc", "expected int, given 'a' (str)"),
        (abc.Mapping[str, int], [], "expected Mapping[str, int], given [] (list)"),
        (abc.Mapping[str, int], types.MappingProxyType({"a": "x"}), "a: expected int, given 'x' (str)"),
        (int | str, 2.5, "expected int | str, given 2.5 (float)"),
        (Node | None, Node(3), "label: expected str, given 3 (int)"),  # type: ignore[arg-type]
        (Node | None, Sub("a"), "expected Node | None, given"),
        (list[float] | list[int], ["a"], "expected list[float] | list[int], given ['a'] (list)"),
        (Node, Sub("a"), "(a save would cut this subclass of Node short: use a tagged union)"),
        (Circle | Square, Node("a"), "expected Circle | Square, given"),
        (Row, ("a", []), "expected Row, given"),
        (Row, Row("a", ["x"]), "cells[0]: expected float, given 'x' (str)"),  # type: ignore[list-item]
        (Options, {}, "name: expected the key 'name' of Options, given nothing"),
        (Options, {"name": 3}, "name: expected str, given 3 (int)"),
        (
            Options,
            {"name": "a", "dept": 3},
            "dept: expected the keys of Options, given 3 (int) (did you mean 'depth'?)",
        ),
        (Options, {"name": "a", 3: 3}, "[3]: expected the keys of Options, given 3 (int) (Options has no such key)"),
        (Options, [], "expected Options, given [] (list)"),
        (Job, Job("a", ("x",)), "weights[0]: expected float, given 'x' (str)"),  # type: ignore[arg-type]
        (Job, object.__new__(Job), "title: expected a value of field 'title', given nothing"),
        (Callable[..., Any], 3, "expected Callable[..., Any], given 3 (int)"),
        (Named, 3, "expected Named, given 3 (int)"),
        (logging.Logger, 3, "expected Logger, given 3 (int)"),
        (Annotated[int, msgspec.Meta(ge=0)], -1, "expected Annotated[int, Meta(ge=0)], given -1 (int)"),
        (
            Annotated[str, msgspec.Meta(pattern="^a")],
            "b",
            "expected Annotated[str, Meta(pattern='^a')], given 'b' (str)",
        ),
        (Annotated[float, msgspec.Meta(multiple_of=2)], float("inf"), "given inf (float)"),
        (
            Annotated[datetime, msgspec.Meta(tz=True)],
            datetime(2020, 1, 1),
            "expected Annotated[datetime, Meta(tz=True)]",
        ),
        (Annotated[list[int], msgspec.Meta(max_length=1)], [1, 2], "given [1, 2] (list)"),
    ],
    ids=identify,
)
@pytest.mark.thin(5)
def test_a_fault_says_where_what_was_expected_and_what_was_given(tp: Any, value: Any, text: str | None) -> None:
    if text is None:
        assert compile_check(tp)(value) is value
    else:
        assert text in fault(tp, value)


def test_a_long_value_is_shown_short() -> None:
    assert len(fault(int, "x" * 10_000)) < 120
    assert len(fault(int, Node("x" * 10_000))) < 150


def test_an_integer_past_every_float_is_refused() -> None:
    with pytest.raises(Mismatch, match="no float holds it exactly"):
        compile_check(float)(10**400)


def test_an_attribute_error_of_a_broken_value_is_its_own() -> None:
    class Broken(str):
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise AttributeError("broken")

    assert compile_check(Node)(Node(Broken("x"))).label == "x"


def test_a_normalised_mutable_value_keeps_its_identity() -> None:
    for tp, value in ((list[float], [1]), (set[float], {1}), (dict[float, int], {1: 1}), (Job, Job("a", (1,)))):
        assert compile_check(tp)(value) is value


def test_an_unhashable_form_is_compiled() -> None:
    assert compile_check(Annotated[int, []])(3) == 3
    with pytest.raises(Mismatch):
        compile_check(Literal[[]])(3)
