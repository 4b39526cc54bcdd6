"""Random values of random types: what is saved comes back, and nothing else is ever saved."""

from __future__ import annotations

import collections.abc as abc
import enum
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import GenericAlias
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.budget import examples
from tests.zones import Local
from typedflow import SnapshotError
from typedflow.schema.check import Mismatch, compile_check
from typedflow.schema.parsing import parse
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.coders import Native
from typedflow.snapshot.coding import compile_coder
from typedflow.snapshot.documents import ENCODE, FORMATS, Format
from typedflow.snapshot.exactness import compile_exact, hides_from_equality

BOUNDED = settings(max_examples=examples(400), deadline=None, suppress_health_check=list(HealthCheck))

pytestmark = pytest.mark.long


class Colour(enum.StrEnum):
    RED = "red"


class Item(msgspec.Struct, frozen=True):
    name: str
    count: int | None = None


class Box(msgspec.Struct):
    value: float
    items: list[Item] = []


class Sub(Box):
    pass


class MyInt(int):
    pass


class MyStr(str):
    __slots__ = ()


class MyList(list[Any]):
    pass


TEXT = st.text(max_size=5)
OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23))
WHOLE = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ZONES = st.one_of(
    st.sampled_from([None, UTC, timezone(timedelta(0), "GMT")]),
    st.timezone_keys(allow_prefix=False).map(ZoneInfo),
    WHOLE,
    OFFSETS.map(timezone),
    st.builds(timezone, OFFSETS, TEXT),
)
LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: TEXT,
    bool: st.booleans(),
    type(None): st.none(),
    bytes: st.binary(max_size=5),
    date: st.dates(),
    datetime: st.builds(lambda value, zone: value.replace(tzinfo=zone), st.datetimes(), ZONES),
    timedelta: st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    time: st.builds(lambda value, zone: value.replace(tzinfo=zone), st.times(), ZONES),
    UUID: st.uuids(),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    Colour: st.just(Colour.RED),
    Item: st.builds(Item, TEXT, st.none() | st.integers(0, 9)),
}
HASHABLE = [int, str, date, datetime, UUID, Item, Colour]


def types() -> st.SearchStrategy[Any]:
    def grow(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        keys = st.sampled_from([str, int, datetime])
        hashable = st.sampled_from(HASHABLE)
        return st.one_of(
            inner.map(lambda tp: GenericAlias(list, (tp,))),
            inner.map(lambda tp: GenericAlias(tuple, (tp, ...))),
            st.tuples(inner, inner).map(lambda pair: GenericAlias(tuple, pair)),
            st.tuples(keys, inner).map(lambda pair: GenericAlias(dict, pair)),
            hashable.map(lambda tp: GenericAlias(set, (tp,))),
            hashable.map(lambda tp: GenericAlias(frozenset, (tp,))),
            st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
            st.just(Box),
        )

    return st.recursive(st.sampled_from(list(LEAVES)), grow, max_leaves=5)


def values(tp: Any) -> st.SearchStrategy[Any]:
    """Return valid values of a type."""
    if tp in LEAVES:
        return LEAVES[tp]
    if tp is Box:
        return st.builds(Box, LEAVES[float], st.lists(LEAVES[Item], max_size=2))
    origin, args = getattr(tp, "__origin__", None), tp.__args__
    if origin is dict:
        return st.dictionaries(values(args[0]), values(args[1]), max_size=3)
    if origin is tuple and args[-1] is not ...:
        return st.tuples(*map(values, args))
    if origin in (list, tuple, set, frozenset):
        makers: dict[Any, abc.Callable[[list[Any]], Any]] = {list: list, tuple: tuple, set: set, frozenset: frozenset}
        return st.lists(values(args[0]), max_size=3).map(makers[origin])
    return st.one_of(*map(values, args))


HOSTILE = st.sampled_from(
    [
        float("nan"),
        float("inf"),
        -0.0,
        "\ud800",
        2**64,
        -(2**80),
        True,
        3,
        3.0,
        "3",
        b"3",
        bytearray(b"3"),
        MyInt(3),
        MyStr("a"),
        MyList([1]),
        Colour.RED,
        "red",
        Sub(1.0),
        Box("x"),  # type: ignore[arg-type]
        Box(1),
        Item(Colour.RED),
        Item("a", True),
        None,
        {},
        {Colour.RED: 1},
        (),
        [],
        {1, "a"},
        object(),
        datetime(2026, 1, 1, fold=1),
        datetime(2026, 1, 1, tzinfo=Local()),
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(0), "\ud800")),
        time(1, fold=1),
        time(1, tzinfo=Local()),
        Decimal("nan"),
        UUID(int=1),
    ]
)


def require(sound: bool, error: SnapshotError) -> None:
    """Fail with the error that is not the one it should be."""
    if not sound:
        raise AssertionError(f"{error.path}: {error}") from error


def same(value: Any, back: Any) -> bool:
    """Compare part by part, classes included."""
    if type(value) is not type(back):
        return False
    if isinstance(value, msgspec.Struct):
        return all(same(getattr(value, name), getattr(back, name)) for name in value.__struct_fields__)
    if isinstance(value, dict):
        pairs = zip(value.items(), back.items(), strict=True) if len(value) == len(back) else [((0, 0), (1, 1))]
        return all(same(a, c) and same(b, d) for (a, b), (c, d) in pairs)
    if isinstance(value, (list, tuple)):
        return len(value) == len(back) and all(map(same, value, back))
    if isinstance(value, (set, frozenset)):
        return bool(value == back) and sorted(map(repr, value)) == sorted(map(repr, back))
    if isinstance(value, (datetime, time)):
        return repr(value) == repr(back)  # class, clock, fold and zone
    return bool(value == back)


@BOUNDED
@given(st.data(), types(), st.sampled_from(FORMATS))
def test_valid_value_is_saved_and_comes_back(data: st.DataObject, tp: Any, format: Format) -> None:
    codec = compile_codec(tp)
    value = data.draw(values(tp))
    back = codec.decode(codec.encode(value, "it", format), "it", format)
    assert same(value, back)


@BOUNDED
@given(st.data(), types(), st.sampled_from(FORMATS))
def test_hostile_value_comes_back_or_is_refused(data: st.DataObject, tp: Any, format: Format) -> None:
    codec = compile_codec(tp)
    value = data.draw(HOSTILE | st.lists(HOSTILE, max_size=2) | st.dictionaries(TEXT, HOSTILE, max_size=2))
    try:
        raw = codec.encode(value, "it", format)
    except SnapshotError as error:
        require(error.code in ("TF901", "TF902") and error.path.startswith("it"), error)
        return
    assert same(value, codec.decode(raw, "it", format))


@BOUNDED
@given(st.data(), types(), st.sampled_from(FORMATS))
def test_fault_deep_in_a_valid_value_is_found(data: st.DataObject, tp: Any, format: Format) -> None:
    good, bad = data.draw(values(tp)), data.draw(HOSTILE)
    value = [good, bad, good]
    codec = compile_codec(list[tp])
    try:
        raw = codec.encode(value, "it", format)
    except SnapshotError as error:
        require(error.path.startswith("it[1]"), error)
        return
    assert same(value, codec.decode(raw, "it", format))


@BOUNDED
@given(st.data(), types(), st.sampled_from(FORMATS))
def test_what_a_step_was_checked_for_is_exact(data: st.DataObject, tp: Any, format: Format) -> None:
    """A save does not look again at the classes in a field that the check at the end of a step has passed."""
    kind = parse(tp)
    coder = compile_coder(kind)
    if not isinstance(coder, Native) or hides_from_equality(kind):
        return
    good = values(tp)
    drawn = data.draw(good | HOSTILE | st.lists(HOSTILE, max_size=2) | st.dictionaries(TEXT, HOSTILE, max_size=2))
    try:
        value = compile_check(tp)(drawn)
        equal = value == coder.decode_verified(ENCODE[format](value), format)
    except (Mismatch, TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        return
    if equal:
        assert compile_exact(kind)((value,))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@BOUNDED
@given(JSON)
def test_json_comes_back_where_nothing_is_declared(value: Any) -> None:
    codec = compile_codec(Any)
    assert same(value, codec.decode(codec.encode(value, "it"), "it"))


@BOUNDED
@given(types(), JSON | st.binary(max_size=20), st.sampled_from(FORMATS))
def test_any_document_gives_a_valid_value_or_an_error(tp: Any, tree: Any, format: Format) -> None:
    raw = tree if isinstance(tree, bytes) else msgspec.json.encode(tree)
    try:
        value = compile_codec(tp).decode(msgspec.Raw(raw), "it", format)
    except SnapshotError as error:
        require(error.path.startswith("it"), error)
        return
    try:
        assert compile_check(tp)(value) is value
    except Mismatch:
        raise AssertionError(f"{tp} gave {value!r}") from None
