"""Types and values as a message shows them."""

from __future__ import annotations

import collections.abc as abc
import enum
from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, Never, NewType, Optional, TypeVar

import msgspec
import pytest
from typing_extensions import TypeAliasType

from typedflow.schema.render import describe, render

T = TypeVar("T")
UserId = NewType("UserId", int)
Json = TypeAliasType("Json", "int | list[Json]")
Pairs = TypeAliasType("Pairs", "list[tuple[T, T]]", type_params=(T,))


class Colour(enum.Enum):
    RED = 1


class Box(msgspec.Struct, Generic[T]):
    content: T


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "tp, text",
    [
        (Any, "Any"),
        (object, "object"),
        (None, "None"),
        (Never, "Never"),
        (Optional[list[Box[int] | None]], "list[Box[int] | None] | None"),  # noqa: UP045  # the old form
        (dict[str, int], "dict[str, int]"),
        (abc.Sequence[int], "Sequence[int]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (tuple[int, str], "tuple[int, str]"),
        (tuple[()], "tuple[()]"),
        (Literal["a", 1, Colour.RED], "Literal['a', 1, Colour.RED]"),
        (Colour, "Colour"),
        (Box, "Box"),
        (Box[int], "Box[int]"),
        (UserId, "UserId"),
        (Json, "Json"),
        (Pairs[int], "Pairs[int]"),
        (Callable[[int, str], None], "Callable[[int, str], None]"),
        (Callable[..., int], "Callable[..., int]"),
        (type[int], "type[int]"),
        (Broken, "Broken"),
        (Annotated[int, msgspec.Meta(ge=0, lt=9)], "Annotated[int, Meta(ge=0, lt=9)]"),
    ],
    ids=str,
)
def test_a_type_is_rendered_as_it_is_written(tp: Any, text: str) -> None:
    assert render(tp) == text


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "None"),
        ("x", "'x' (str)"),
        (True, "True (bool)"),
        (Box("a\nb"), "Box(content='a\\nb') (Box)"),
        (Broken(), "an object without a working repr (Broken)"),
        (10**100, "100000000000000000...0000000000000000000 (int)"),
        (10**5000, "an int of 16610 bits (int)"),
        ([-(10**5000)], "[an int of 16610 bits] (list)"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, ...] (list)"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_a_value_is_described_short(value: object, text: str) -> None:
    assert describe(value) == text


def test_a_long_description_is_cut() -> None:
    assert len(describe("x" * 999)) < 100
    assert len(describe(Box("x" * 999))) < 100
