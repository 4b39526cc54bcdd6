"""Which types are valid where another is declared."""

from __future__ import annotations

import collections
import collections.abc as abc
import enum
import logging
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    Never,
    NewType,
    NotRequired,
    Protocol,
    Required,
    TypedDict,
    TypeVar,
)

import msgspec
import pytest
import typing_extensions
from msgspec import Meta
from typing_extensions import ReadOnly, TypeAliasType

from typedflow.schema.accepts import accepts

T = TypeVar("T")
Out = TypeVar("Out", covariant=True)
In = TypeVar("In", contravariant=True)
Inferred = typing_extensions.TypeVar("Inferred", infer_variance=True)  # type: ignore[misc]  # mypy knows `class C[T]`
UserId = NewType("UserId", int)
AdminId = NewType("AdminId", UserId)
Json = TypeAliasType("Json", "int | list[Json] | None")
Tree = TypeAliasType("Tree", "int | list[Tree] | None")


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Bits(enum.IntFlag):
    A = 1
    B = 2


class Base(msgspec.Struct):
    name: str


class Sub(Base):
    pass


class Box(msgspec.Struct, Generic[T]):
    content: T


def inferring(name: str, frozen: bool) -> Any:
    """Make a generic record as `class Name[T]` does, whose variable has no declared variance."""
    body = {"__annotations__": {"content": Inferred}, "__module__": __name__}
    bases = (msgspec.Struct, Generic[Inferred])  # type: ignore[index]  # mypy reads no class that is made by a call
    return types.new_class(name, bases, {"frozen": frozen}, lambda space: space.update(body))


Sealed, Unsealed = inferring("Sealed", True), inferring("Unsealed", False)


class Source(msgspec.Struct, Generic[Out]):
    content: Out


class Sink(msgspec.Struct, Generic[In]):
    content: In


class One(TypedDict):
    name: str
    depth: NotRequired[int]


class Same(TypedDict):
    name: str
    depth: NotRequired[int]


class Strict(TypedDict):
    name: str
    depth: int


class More(TypedDict):
    name: str
    depth: NotRequired[int]
    extra: int


class Other(TypedDict):
    name: str
    depth: NotRequired[float]


class Fixed(TypedDict):
    name: ReadOnly[str]
    depth: NotRequired[ReadOnly[int]]


class FixedOther(TypedDict):
    name: ReadOnly[str | None]
    depth: ReadOnly[NotRequired[float]]


class FixedStrict(TypedDict):
    name: ReadOnly[Annotated[str, "of the author"]]
    depth: Required[ReadOnly[int]]


class Unlocked(Fixed):
    name: str
    depth: NotRequired[int]


class Row(NamedTuple):
    key: str
    label: str


@dataclass
class Job:
    title: str


class HasName(Protocol):
    name: str


class Runs(Protocol):
    def run(self) -> int: ...


class Calls(Protocol):
    def __call__(self) -> int: ...


class Runner:
    def run(self) -> int:
        return 1


class Unknown(msgspec.Struct):
    part: Nowhere  # type: ignore[name-defined]  # noqa: F821  # the case


Natural = Annotated[int, Meta(ge=0)]

ACCEPTED = [
    (Any, Base),
    (Base, Any),
    (object, Base),
    (Base, Never),
    (int, bool),
    (float, int),
    (float, bool),
    (str, Literal["a"]),
    (int, Literal[True]),
    (Literal["a", "b"], Literal["b"]),
    (Literal[True, False], bool),
    (Literal[None], None),
    (str, Colour),
    (Literal[Colour.RED, Colour.BLUE], Colour),
    (Literal[Colour.RED] | Literal[Colour.BLUE], Colour),
    (int, Bits),
    (int | None, None),
    (int | str | None, str | int),
    (int, UserId),
    (int, AdminId),
    (UserId, AdminId),
    (UserId, Annotated[UserId, Meta(ge=0)]),
    (UserId | None, UserId),
    (list[int], list[Natural]),
    (list[Any], list[int]),
    (abc.Sequence[float], list[int]),
    (abc.Sequence[float], tuple[int, ...]),
    (abc.Sequence[float], tuple[int, bool]),
    (abc.Sequence[str], str),
    (abc.Sequence[int], bytes),
    (abc.Sequence[str], Row),
    (abc.Iterable[str], dict[str, int]),
    (abc.Iterable[str], One),
    (abc.Iterable[int], Iterator[int]),
    (abc.Sequence[int], collections.deque[int]),
    (abc.Collection[Any], collections.deque),
    (tuple[float, ...], tuple[int, bool]),
    (tuple[float, str], tuple[int, str]),
    (abc.Mapping[str, float], dict[str, int]),
    (abc.Mapping[str, object], One),
    (abc.Mapping[str, int], collections.OrderedDict[str, int]),
    (abc.Mapping[str, int], collections.Counter),
    (Box[int], Box[int]),
    (Box[Any], Box[int]),
    (Sealed[int | str], Sealed[int]),
    (Source[float], Source[int]),
    (Sink[int], Sink[float]),
    (One, Same),
    *((Fixed, given) for given in (One, Strict, FixedStrict, Unlocked)),
    *((FixedOther, given) for given in (One, Strict, Other, Fixed, FixedStrict)),
    (FixedStrict, Strict),
    (One, Unlocked),
    (Unlocked, One),
    (Json, Tree),
    (Json, list[Tree]),
    (Json | str, Json),
    (Natural, Annotated[int, Meta(gt=-1)]),
    (Natural, Annotated[int, Meta(ge=5)]),
    (Natural, Literal[5]),
    (Natural, bool),
    (Annotated[int, Meta(le=9)], Annotated[int, Meta(lt=10)]),
    (Annotated[int, Meta(gt=0, lt=9)], Annotated[int, Meta(ge=1, le=8)]),
    (Annotated[float, Meta(gt=0, lt=9)], Annotated[float, Meta(gt=0, lt=9)]),
    (Annotated[int, Meta(multiple_of=2)], Annotated[int, Meta(multiple_of=4)]),
    (Annotated[str, Meta(max_length=9)], Annotated[str, Meta(max_length=5, pattern="a")]),
    (Annotated[tuple[int, ...], Meta(max_length=2)], tuple[int, int]),
    (Callable[[int], object], Callable[[float], str]),
    (Callable[..., Any], Callable[[int], str]),
    (Callable[[], int], Calls),
    (Callable[..., Any], type),
    (HasName, Base),
    (Runs, Runner),
    (Calls, Callable[[], int]),
    (abc.Hashable, int),
    (logging.Filterer, logging.Logger),
    (type[int], type[int]),
    (object, Json),
]
REFUSED = [
    (int, Unknown),
    (Never, int),
    (int, object),
    (int, float),
    (bool, int),
    (int, int | None),
    (Literal["a"], str),
    (Literal["a"], Literal["a", "b"]),
    (Literal[1], Literal[True]),
    (Literal[True], bool),
    (Literal[Colour.RED], Colour),
    (Colour, str),
    (str, Bits),
    (date, datetime),
    (UserId, int),
    (Annotated[UserId, Meta(ge=0)], UserId),
    (abc.Mapping[str, int], collections.OrderedDict[str, str]),
    (UserId, Literal[1]),
    (UserId | None, bool),
    (AdminId, UserId),
    (list[float], list[int]),
    (list[int], list[UserId]),
    (list[Natural], list[int]),
    (list[int], tuple[int, ...]),
    (list[int], abc.Sequence[int]),
    (list[str], str),
    (list[int], set[int]),
    (abc.MutableSequence[float], list[int]),
    (abc.Sequence[int], set[int]),
    (abc.Sequence[int], str),
    (abc.Sequence[int], Base),
    (tuple[int, int], tuple[int, ...]),
    (tuple[int, int], tuple[int]),
    (tuple[str, str], Row),
    (tuple[int, int], int),
    (dict[str, float], dict[str, int]),
    (dict[str, int], abc.Mapping[str, int]),
    (dict[str, object], One),
    (abc.Mapping[str, str], One),
    (abc.Mapping[str, int], list[int]),
    (Base, Sub),
    (Base, Job),
    (Base, int),
    (Box[float], Box[int]),
    (Sealed[int], Sealed[int | str]),
    (Unsealed[int | str], Unsealed[int]),
    (Source[int], Source[float]),
    (Sink[float], Sink[int]),
    (One, Strict),
    (Strict, One),
    (One, Fixed),
    (Strict, FixedStrict),
    (Unlocked, Fixed),
    (Fixed, FixedOther),
    (FixedStrict, Fixed),
    (FixedStrict, One),
    (One, More),
    (One, Other),
    (One, Base),
    (One, dict[str, int]),
    (Json, str),
    (Natural, int),
    (Annotated[int, Meta(gt=0)], Natural),
    (Annotated[int, Meta(lt=9)], Annotated[int, Meta(le=9)]),
    (Annotated[int, Meta(le=9)], int),
    (Annotated[float, Meta(ge=1)], Annotated[float, Meta(gt=0)]),
    (Annotated[int, Meta(multiple_of=4)], Annotated[int, Meta(multiple_of=2)]),
    (Annotated[str, Meta(pattern="a")], str),
    (Annotated[datetime, Meta(tz=True)], datetime),
    (Annotated[list[int], Meta(max_length=2)], list[int]),
    (Annotated[tuple[int, ...], Meta(max_length=1)], tuple[int, int]),
    (Callable[[float], str], Callable[[int], str]),
    (Callable[[int], str], Callable[[int, int], str]),
    (Callable[[int], str], int),
    (Callable[[], int], Runner),
    (HasName, int),
    (Runs, Base),
    (logging.Logger, logging.Filterer),
    (logging.Logger, int | None),
    (type[int], type[str]),
    (Colour, Colour | None),
]


@pytest.mark.parametrize("target, source", ACCEPTED, ids=str)
@pytest.mark.thin(5)
def test_accepted(target: Any, source: Any) -> None:
    assert accepts(target, source)


@pytest.mark.parametrize("target, source", REFUSED, ids=str)
@pytest.mark.thin(5)
def test_refused(target: Any, source: Any) -> None:
    assert not accepts(target, source)


@pytest.mark.parametrize("target, source", [(Base, Sub), (date, datetime), (abc.Sequence[Base], list[Sub])], ids=str)
def test_a_subclass_passes_where_asked_for(target: Any, source: Any) -> None:
    assert accepts(target, source, subclasses=True)
    assert not accepts(target, source)


def test_an_unresolved_name_is_somebody_elses_to_report() -> None:
    assert accepts(Unknown, Unknown)
    assert accepts(HasName, Unknown)
