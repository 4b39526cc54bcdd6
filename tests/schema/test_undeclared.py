"""Attributes that a class does not declare: what a save would drop is found, what comes back by itself is not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

import attrs
import msgspec
import pytest

from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.parsing import parse
from typedflow.schema.persistable import check_persistable
from typedflow.schema.types import RecordOf
from typedflow.schema.undeclared import undeclared_of

T = TypeVar("T")


@dataclass
class Point:
    x: int


@dataclass(frozen=True)
class Frozen:
    x: int


@dataclass
class Cached:
    x: int

    @functools.cached_property
    def double(self) -> int:
        return 2 * self.x


@dataclass
class Sub(Cached):
    y: int = 0


@dataclass(slots=True)
class Slotted:
    x: int


@dataclass
class OwnSlots:
    __slots__ = ("__own", "extra", "x")
    x: int


@dataclass
class Late:
    x: int
    y: int = field(init=False, default=5)


@dataclass
class Given:
    x: int
    start: InitVar[int] = 0


@dataclass
class Made:
    x: int

    def __post_init__(self) -> None:
        self.double = 2 * self.x
        self.anew = object()


@dataclass
class Box(Generic[T]):
    item: T


class Loose(msgspec.Struct, dict=True):
    x: int


class LooseCached(msgspec.Struct, dict=True):
    x: int

    @functools.cached_property
    def double(self) -> int:
        return 2 * self.x


class LooseMade(msgspec.Struct, dict=True):
    x: int

    def __post_init__(self) -> None:
        self.double = 2 * self.x


class Tight(msgspec.Struct):
    x: int


class Row(NamedTuple):
    x: int


class LooseRow(Row):
    pass


class Keys(TypedDict):
    x: int


@attrs.define(slots=False)
class Open:
    x: int


@attrs.define
class Closed:
    x: int


@attrs.define
class Private:
    _x: int
    y: int = 0


@attrs.define
class Derived:
    x: int

    @functools.cached_property
    def double(self) -> int:
        return 2 * self.x


def record(cls: Any) -> RecordOf:
    kind = parse(cls)
    assert isinstance(kind, RecordOf)
    return kind


def with_extra(value: Any, name: str = "extra") -> Any:
    if hasattr(value, "__dict__"):
        vars(value)[name] = 1
    else:
        object.__setattr__(value, name, 1)
    return value


def read(value: Any, name: str = "double") -> Any:
    getattr(value, name)
    return value


@pytest.mark.parametrize("cls", [Slotted, Tight, Row, Keys, Closed])
def test_a_class_without_room_is_not_searched(cls: Any) -> None:
    assert undeclared_of(record(cls)) is None


@pytest.mark.parametrize(
    "tp, make",
    [
        (Point, lambda: Point(1)),
        (Cached, lambda: read(Cached(1))),
        (Sub, lambda: read(Sub(1))),
        (Late, lambda: Late(1)),
        (Box[int], lambda: Box[int](1)),
        (Loose, lambda: Loose(1)),
        (LooseCached, lambda: read(LooseCached(1))),
        (LooseMade, lambda: LooseMade(1)),
        (Made, lambda: Made(1)),
        (LooseRow, lambda: LooseRow(1)),
        (Open, lambda: Open(1)),
        (OwnSlots, lambda: OwnSlots(1)),
    ],
)
def test_what_comes_back_is_taken(tp: Any, make: Callable[[], Any]) -> None:
    value = make()
    assert compile_check(list[tp])([value]) == [value]


@pytest.mark.parametrize(
    "make",
    [
        lambda: with_extra(Point(1)),
        lambda: with_extra(Frozen(1)),
        lambda: with_extra(read(Cached(1))),
        lambda: with_extra(Sub(1)),
        lambda: with_extra(Late(1)),
        lambda: with_extra(Box(1)),
        lambda: with_extra(Loose(1)),
        lambda: with_extra(LooseCached(1)),
        lambda: with_extra(LooseRow(1)),
        lambda: with_extra(Open(1)),
        lambda: with_extra(OwnSlots(1)),
    ],
)
def test_what_a_save_would_drop_is_refused_at_its_place(make: Callable[[], Any]) -> None:
    value = make()
    name = type(value).__name__
    with pytest.raises(Mismatch) as caught:
        compile_check(dict[str, list[type(value)]])({"k": [value]})  # type: ignore[misc]  # known at run time only
    assert str(caught.value) == (
        f"k[0].extra: expected the fields of {name}, given 1 (int) ({name} declares no field 'extra': "
        "a save would drop it)"
    )


def test_a_private_slot_counts_too() -> None:
    with pytest.raises(Mismatch, match=r"_OwnSlots__own: expected the fields of OwnSlots"):
        compile_check(OwnSlots)(with_extra(OwnSlots(1), "_OwnSlots__own"))


def test_what_is_made_again_is_compared_with_what_came_back() -> None:
    search = undeclared_of(record(Made))
    assert search is not None
    value: Any = Made(1)
    assert (search.find_lost(value), search.find_lost(value, Made(1))) == (None, None)
    value.double = 3
    assert search.find_lost(value, Made(1)) == "double"
    value.double = Decimal(2)
    assert search.find_lost(value, Made(1)) == "double"
    value.double = [Decimal("sNaN")]
    made: Any = Made(1)
    made.double = [Decimal("sNaN")]
    assert search.find_lost(value, made) == "double"
    with_extra(value := Made(1))
    assert search.find_lost(value, Made(1)) == "extra"


@pytest.mark.parametrize(
    "tp, reason",
    [
        (Private, "msgspec leaves out '_x', as it does all private fields of an attrs class like Private"),
        (
            Derived,
            "msgspec writes 'double' of the attrs class Derived, which is no field of it, and refuses to read it",
        ),
    ],
)
def test_an_attrs_class_of_which_msgspec_writes_something_else_cannot_be_saved(tp: Any, reason: str) -> None:
    assert check_persistable(tp) == [((), reason)]
    assert check_persistable(dict[str, tp]) == [((), reason)]


@pytest.mark.parametrize("tp", [Open, Closed])
def test_any_other_attrs_class_can(tp: Any) -> None:
    assert check_persistable(tp) == []
