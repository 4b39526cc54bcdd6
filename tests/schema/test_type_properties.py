"""What holds for every type and value: random typing forms with values of theirs, through all that reads types."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.budget import examples
from typedflow.schema.accepts import accepts, check_persistable
from typedflow.schema.check import Mismatch, compile_check, exact_class
from typedflow.schema.copies import Uncopyable, compile_copy
from typedflow.schema.parsing import parse
from typedflow.schema.proofs import compile_proof
from typedflow.schema.render import render

T = TypeVar("T")


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Point(msgspec.Struct, frozen=True):
    x: int
    y: float = 0.0


class Box(msgspec.Struct, Generic[T]):
    content: T
    notes: list[str] = []


class Circle(msgspec.Struct, tag=True):
    radius: float


class Square(msgspec.Struct, tag=True):
    side: float
    tags: dict[str, int] = {}


class Tree(msgspec.Struct, rename="camel"):
    node_label: str
    child_trees: list[Tree] = []


class Row(NamedTuple):
    key: str
    cells: list[int]


class Options(TypedDict):
    name: str
    depth: NotRequired[int]


@dataclass
class Job:
    title: str
    steps: list[int] = field(default_factory=list)


UserId = NewType("UserId", int)

integers = st.integers(-(2**53), 2**53)
floats = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
trees = st.recursive(st.builds(Tree, texts), lambda inner: st.builds(Tree, texts, st.lists(inner, max_size=2)))
rows = st.builds(Row, texts, st.lists(integers, max_size=2))


class Typed(NamedTuple):
    """A typing form, with the strategy of its values."""

    form: Any
    values: st.SearchStrategy[Any]
    hashable: bool = True


ATOMS = [
    Typed(int, integers),
    Typed(bool, st.booleans()),
    Typed(float, floats),
    Typed(str, texts),
    Typed(None, st.none()),
    Typed(Literal[1, "red"], st.sampled_from([1, "red"])),
    Typed(Literal[True], st.just(True)),
    Typed(Colour, st.sampled_from(Colour)),
    Typed(Level, st.sampled_from(Level)),
    Typed(Annotated[int, msgspec.Meta(ge=0, le=9)], st.integers(0, 9)),
    Typed(Annotated[str, msgspec.Meta(min_length=1)], st.text("ab", min_size=1, max_size=3)),
    Typed(UserId, integers),
    Typed(Point, st.builds(Point, integers, floats)),
]
OTHERS = [
    Typed(bytes, st.binary(max_size=4)),
    Typed(datetime, st.datetimes().map(lambda at: at.replace(fold=0))),
    Typed(date, st.dates()),
    Typed(time, st.times().map(lambda at: at.replace(fold=0))),  # msgspec drops the fold
    Typed(timedelta, st.timedeltas(timedelta(-9), timedelta(9))),
    Typed(UUID, st.uuids()),
    Typed(Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2)),
    Typed(Circle, st.builds(Circle, floats), False),
    Typed(Circle | Square, st.builds(Circle, floats) | st.builds(Square, floats), False),
    Typed(Tree, trees, False),
    Typed(Row, rows, False),
    Typed(Options, st.fixed_dictionaries({"name": texts}, optional={"depth": integers}), False),
    Typed(Job, st.builds(Job, texts, st.lists(integers, max_size=2)), False),
    Typed(bytearray, st.binary(max_size=4).map(bytearray), False),
]


def grow(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    def lists(item: Typed) -> list[Typed]:
        some = st.lists(item.values, max_size=3)
        made = [
            Typed(list[item.form], some, False),  # type: ignore[name-defined]  # forms are values here
            Typed(tuple[item.form, ...], some.map(tuple), item.hashable),  # type: ignore[name-defined]
            Typed(Sequence[item.form], some | some.map(tuple), False),  # type: ignore[name-defined]
            Typed(Collection[item.form], some | some.map(tuple), False),  # type: ignore[name-defined]
            Typed(dict[str, item.form], st.dictionaries(texts, item.values, max_size=3), False),  # type: ignore[name-defined]
            Typed(Mapping[str, item.form], st.dictionaries(texts, item.values, max_size=3), False),  # type: ignore[name-defined]
            Typed(Box[item.form], st.builds(Box, item.values), False),  # type: ignore[name-defined]
            Typed(item.form | None, st.none() | item.values, item.hashable) if item.form is not None else item,
        ]
        if item.hashable:
            made += [
                Typed(set[item.form], st.sets(item.values, max_size=3), False),  # type: ignore[name-defined]
                Typed(frozenset[item.form], st.frozensets(item.values, max_size=3)),  # type: ignore[name-defined]
                Typed(dict[item.form, int], st.dictionaries(item.values, integers, max_size=3), False),  # type: ignore[name-defined]
            ]
        return made

    def pairs(two: tuple[Typed, Typed]) -> list[Typed]:
        a, b = two
        both = a.hashable and b.hashable
        made = [Typed(tuple[a.form, b.form], st.tuples(a.values, b.values), both)]  # type: ignore[name-defined]
        if a.form is not None:
            made.append(Typed(a.form | b.form, a.values | b.values, both))
        return made

    return inner.map(lists).flatmap(st.sampled_from) | st.tuples(inner, inner).map(pairs).flatmap(st.sampled_from)


small = st.recursive(st.sampled_from(ATOMS), grow, max_leaves=3)
any_form = st.recursive(st.sampled_from([*ATOMS, *OTHERS]), grow, max_leaves=4)
bounded = settings(max_examples=examples(250), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

pytestmark = pytest.mark.long


def same(a: object, b: object) -> bool:
    """Compare values and the classes of all their parts."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return same([*a.items()], [*b.items()])
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (set, frozenset)) and isinstance(b, (set, frozenset)):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    if isinstance(a, msgspec.Struct):
        return all(same(getattr(a, name), getattr(b, name)) for name in a.__struct_fields__)
    if isinstance(a, Job):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclass_fields(Job))
    return a == b


def mutable_parts(value: object) -> set[int]:
    """Return the identities of every part that can change."""
    found: set[int] = set()
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = list(value)
    elif isinstance(value, msgspec.Struct):
        parts = [getattr(value, name) for name in value.__struct_fields__]
    elif isinstance(value, Job):
        parts = [value.title, value.steps]
    if isinstance(value, (dict, list, set, bytearray, msgspec.Struct, Job)) and not isinstance(value, Point):
        found.add(id(value))
    return found.union(*map(mutable_parts, parts))


@bounded
@given(any_form, st.data())
def test_a_value_of_a_type_passes_its_check_and_is_equal_after(typed: Typed, data: st.DataObject) -> None:
    value = data.draw(typed.values)
    before = compile_copy(typed.form)(value)
    checked = compile_check(typed.form)(value)
    assert checked == before
    assert same(compile_check(typed.form)(checked), checked)


@bounded
@given(any_form)
def test_a_type_accepts_itself_and_can_be_rendered(typed: Typed) -> None:
    assert accepts(typed.form, typed.form)
    assert accepts(Any, typed.form)
    assert accepts(object, typed.form)
    assert render(typed.form)


@settings(bounded, max_examples=examples(1500))
@given(small, small, st.data())
def test_what_is_accepted_passes_the_check(target: Typed, source: Typed, data: st.DataObject) -> None:
    if accepts(target.form, source.form):
        for _ in range(3):
            compile_check(target.form)(data.draw(source.values))


@bounded
@given(small, small, st.data())
def test_a_union_accepts_its_members(one: Typed, other: Typed, data: st.DataObject) -> None:
    if one.form is not None:
        assert accepts(one.form | other.form, one.form)
        assert accepts(one.form | other.form, other.form)


@bounded
@given(small, small, st.data())
def test_the_exact_class_proves_validity(target: Typed, source: Typed, data: st.DataObject) -> None:
    value = data.draw(source.values)
    if type(value) is exact_class(target.form):
        assert compile_check(target.form)(value) is value


@settings(bounded, max_examples=examples(1500))
@given(any_form, any_form, st.data())
def test_the_check_leaves_what_is_proven_as_it_is(target: Typed, source: Typed, data: st.DataObject) -> None:
    prove = compile_proof(parse(target.form))
    for typed in (source, target):
        value = data.draw(typed.values)
        before = compile_copy(typed.form)(value)
        if prove is not None and prove(value):
            assert compile_check(target.form)(value) is value
            assert same(value, before)


@bounded
@given(any_form, st.data())
def test_what_a_check_has_normalised_is_proven(typed: Typed, data: st.DataObject) -> None:
    prove = compile_proof(parse(typed.form))
    if prove is not None:
        assert prove(compile_check(typed.form)(data.draw(typed.values)))


@bounded
@given(small, small, st.data())
def test_a_refused_value_is_what_it_was(target: Typed, source: Typed, data: st.DataObject) -> None:
    value = data.draw(source.values)
    before = compile_copy(source.form)(value)
    with contextlib.suppress(Mismatch):
        compile_check(target.form)(value)
    assert value == before


@bounded
@given(any_form, st.data())
def test_a_copy_is_equal_and_shares_nothing_mutable(typed: Typed, data: st.DataObject) -> None:
    value = data.draw(typed.values)
    copied = compile_copy(typed.form)(value)
    assert same(copied, value)
    assert not mutable_parts(copied) & mutable_parts(value)
    try:
        dynamic = compile_copy(Any)(value)
    except Uncopyable:
        raise AssertionError(value) from None
    assert same(dynamic, value)
    assert not mutable_parts(dynamic) & mutable_parts(value)


@settings(bounded, max_examples=examples(600))
@given(any_form, st.data())
def test_what_is_persistable_comes_back_the_same(typed: Typed, data: st.DataObject) -> None:
    if check_persistable(typed.form):
        return
    value = compile_check(typed.form)(data.draw(typed.values))
    for codec in (msgspec.json, msgspec.msgpack):
        assert same(codec.Decoder(typed.form).decode(codec.encode(value)), value)


@settings(bounded, max_examples=examples(600))
@given(any_form)
def test_what_msgspec_refuses_is_not_persistable(typed: Typed) -> None:
    kind = parse(typed.form)
    if check_persistable(kind):  # msgspec is asked about the rest only: some unions crash it
        return
    msgspec.json.Decoder(typed.form)
    msgspec.msgpack.Decoder(typed.form)
    assert check_persistable(typed.form) == []
