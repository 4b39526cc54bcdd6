"""B49: every value comes back equal and of the same type, wherever in an execution it is when that is saved."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import math
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.budget import examples
from tests.zones import Local
from typedflow import Contract, ContractError, Data, Events, Flow, SnapshotError, State, Status

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct):
    text: str
    at: dt.datetime | None = None


class Outer(msgspec.Struct):
    inner: Inner
    more: list[Inner] = []


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag=True):
    name: str


class Pair(NamedTuple):
    x: int
    y: str


class Slot(NamedTuple):
    at: dt.datetime
    till: dt.time


class Span(TypedDict):
    since: dt.datetime


@dataclass
class Meeting:
    at: dt.datetime
    others: tuple[dt.datetime, ...] = ()


class Box(TypedDict):
    size: int


class Untagged(msgspec.Struct):
    text: str


class Places:
    """One flow that holds its input everywhere at once: state, edges, event, result, slots, items, pool."""

    def __init__(self, tp: Any, *, in_state: bool = True) -> None:
        kept_as = tp if in_state else int | None

        class Holder(State):
            kept: kept_as  # type: ignore[valid-type]  # known at run time only

        class Given(Events):
            given: tp

        class Over(Contract):
            input: tp
            result: tp
            state: Holder
            events: Given

        self.in_state = in_state
        self.seen: list[Any] = []
        self.gate: asyncio.Event | None = asyncio.Event()
        self.held = 0

        def give(data: Data[Over, tp]) -> tp:
            data.state.kept = data.value if in_state else None
            data.emit("given", data.value)
            data.set_result(data.value)
            return data.value

        def listed(data: Data[Over, tp]) -> list[tp]:
            return [data.value] * 3

        async def hold(data: Data[Over, tp]) -> tp:
            """Pass the first of the items, and keep the rest until the gate is open."""
            self.held += 1
            if self.gate is not None and self.held != 2:
                await self.gate.wait()
            self.seen.append(data.value)
            return data.value

        def look(data: Data[Over, Any]) -> None:
            self.seen.extend([data.value["one"], *data.value["several"]])

        flow: Any = Flow(Over)
        given = flow.to(give)
        given.to(hold)
        given.collect("both", "one")
        given.to(listed).for_each(concurrency=1).to(hold).end_for_each().collect("both", "several").to(look)
        flow.when("given").to(hold)
        self.flow = flow

    async def saved(self, value: Any, format: Any) -> Any:
        """Return what was saved while the value is in all places."""
        execution = self.flow.create_execution(state={"kept": value if self.in_state else None})
        started = asyncio.create_task(execution.async_start(value))
        for _ in range(20):
            await asyncio.sleep(0)
        try:
            return execution.save(format=format)
        finally:
            await execution.async_cancel()
            await asyncio.wait([started])
            assert started.cancelled()

    async def values(self, snapshot: Any) -> list[Any]:
        """Return every value that comes up when the saved execution goes on."""
        self.seen.clear()
        self.gate = None
        execution = self.flow.create_execution().load(snapshot)
        assert execution.status is Status.RUNNING
        await execution.async_retry()
        return [*self.seen, execution.state.kept if self.in_state else execution.result, execution.result]


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal and of the same classes throughout."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            is_same(key, again) and is_same(one[key], other[again])
            for key, again in zip(sorted(one, key=repr), sorted(other, key=repr), strict=True)
        )
    if isinstance(one, set | frozenset):
        return one == other and sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, Meeting):
        return repr(one) == repr(other)
    if isinstance(one, msgspec.Struct):
        return all(is_same(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)
    return bool(one == other) and repr(one) == repr(other)


VALUES: list[tuple[Any, Any]] = [
    (dt.datetime, dt.datetime(2026, 1, 2, 3, 4, 5, 678901)),
    (dt.datetime, dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
    (dt.datetime, dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK)),
    (dt.datetime, dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)),
    (dt.datetime, dt.datetime(2026, 10, 25, 2, 30, fold=1)),
    (dt.datetime, dt.datetime(2026, 3, 7, 9, tzinfo=dt.timezone(dt.timedelta(hours=-5)))),
    (dt.datetime, dt.datetime(2026, 3, 7, 9, tzinfo=dt.timezone(dt.timedelta(seconds=-5), "mine [x]"))),
    (dt.time, dt.time(9, 30, fold=1, tzinfo=NEW_YORK)),
    (dt.datetime | None, dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK)),
    (Inner | dt.datetime | None, dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK)),
    (Outer, Outer(Inner("a", dt.datetime(2026, 1, 2, tzinfo=BERLIN)), [Inner("[Europe/Berlin]")])),
    (set[dt.datetime], {dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK), dt.datetime(2026, 3, 7, 9, tzinfo=BERLIN)}),
    (dict[dt.datetime, dt.time], {dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK): dt.time(1, tzinfo=BERLIN)}),
    (tuple[int, dt.datetime], (1, dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK))),
    (Slot, Slot(dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK), dt.time(1, tzinfo=BERLIN))),
    (Span, {"since": dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK)}),
    (Meeting, Meeting(dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK), (dt.datetime(2026, 1, 1, tzinfo=BERLIN),))),
    (dt.date, dt.date(1, 1, 1)),
    (dt.time, dt.time(1, 2, 3)),
    (dt.timedelta, dt.timedelta(days=-1, microseconds=5)),
    (uuid.UUID, uuid.UUID(int=7)),
    (Decimal, Decimal("1.50")),
    (Colour, Colour.BLUE),
    (bytes, b"\x00\xff"),
    (bytearray, bytearray(b"\x00\xff")),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2, 3)),
    (set[str], {"a", "b"}),
    (frozenset[int], frozenset({1, 2})),
    (Outer, Outer(Inner("a", dt.datetime(2026, 1, 2)), [Inner("b")])),
    (Cat | Dog, Dog("rex")),
    (dict[int, str], {1: "a", -2: "b"}),
    (dict[dt.date, list[Colour]], {dt.date(2026, 1, 2): [Colour.RED]}),
    (int | None, None),
    (Inner | None, Inner("a")),
    (float, 5.0),
    (float, -0.0),
    (bool, True),
    (int, 2**63),
    (str, "\u2028 ☃ \x00"),
    (Pair, Pair(1, "a")),
    (Box, {"size": 1}),
    (list[list[int | str]], [[1, "1"], []]),
]


MIXED: list[tuple[Any, Any]] = [
    (Cat | Untagged | int, Untagged("x")),
    (str | bytes, b"x"),
    (str | bytes, "x"),
    (str | dt.datetime, dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK)),
    (str | dt.datetime, "2026-03-07T09:00:00[America/New_York]"),
    (dict[dt.datetime, str | bytes], {dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK): b"x"}),
    (dict[tuple[dt.datetime, int], str], {(dt.datetime(2026, 3, 7, 9, tzinfo=NEW_YORK), 1): "x"}),
    (str | dt.date, dt.date(2026, 1, 2)),
    (str | dt.date, "2026-01-02"),
    (list[set[int] | list[int]], [[1], {1}]),
]
"""Unions that a match makes, and that no state may hold."""


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("tp, value", MIXED, ids=str)
async def test_b49_unions_that_nothing_tells_apart_come_back_on_edges(tp: Any, value: Any, format: str) -> None:
    places = Places(tp, in_state=False)
    values = await places.values(await places.saved(value, format))
    assert all(is_same(value, each) for each in values), values


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("tp, value", VALUES, ids=str)
@pytest.mark.thin(3)
async def test_b49_a_value_comes_back_from_every_place(tp: Any, value: Any, format: str) -> None:
    places = Places(tp)
    values = await places.values(await places.saved(value, format))
    assert len(values) == 10
    assert all(is_same(value, each) for each in values), values


ZONES = st.sampled_from(
    [None, dt.UTC, BERLIN, NEW_YORK, dt.timezone(dt.timedelta(hours=-5)), dt.timezone(dt.timedelta(minutes=330), "IST")]
)
MOMENTS = st.builds(lambda moment, zone: moment.replace(tzinfo=zone), st.datetimes(), ZONES)


SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers(-(2**63), 2**64 - 1)),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bool, st.booleans()),
    (str, st.text(max_size=5)),
    (bytes, st.binary(max_size=5)),
    (dt.datetime, MOMENTS),
    (dt.date, st.dates()),
    (dt.timedelta, st.timedeltas(dt.timedelta(days=-10_000), dt.timedelta(days=10_000))),
    (uuid.UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=3)),
    (Colour, st.sampled_from(Colour)),
    (Inner, st.builds(Inner, st.text(max_size=5), st.none() | MOMENTS)),
    (Cat | Dog, st.builds(Cat, st.text(max_size=3)) | st.builds(Dog, st.text(max_size=3))),
]


def _optional(tp: Any) -> Any:
    return tp | None


def _larger(inner: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
    return inner.flatmap(
        lambda made: st.sampled_from(
            [
                (_of(list, made[0]), st.lists(made[1], max_size=3)),
                (_of(dict, (str, made[0])), st.dictionaries(st.text(max_size=3), made[1], max_size=3)),
                (_of(tuple, (made[0], int)), st.tuples(made[1], st.integers(0, 9))),
                (_optional(made[0]), st.none() | made[1]),
            ]
        )
    )


def _of(cls: Any, parts: Any) -> Any:
    return cls[parts]


TYPES = st.recursive(st.sampled_from(SCALARS), _larger, max_leaves=4)


@pytest.mark.long
@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), format=st.sampled_from(["json", "msgpack"]))
def test_b49_any_value_of_any_schema_comes_back(data: st.DataObject, format: str) -> None:
    tp, strategy = data.draw(TYPES)
    value = data.draw(strategy)

    async def there_and_back() -> list[Any]:
        places = Places(tp)
        return await places.values(await places.saved(value, format))

    values = asyncio.run(there_and_back())
    assert len(values) == 10
    assert all(is_same(value, each) for each in values), values


LOST: list[tuple[Any, Any, str, str]] = [
    (float, math.nan, "", "json"),
    (float, math.inf, "", "json"),
    (list[float], [1.0, math.nan], "[1]", "msgpack"),
    (str, "a\ud800", "", "json"),
    (dict[str, list[str]], {"a": ["x", "\udfff"]}, ".a[1]", "json"),
    (Outer, Outer(Inner("a"), [Inner("b"), Inner("\ud800")]), ".more[1].text", "msgpack"),
    (int, 2**64, "", "msgpack"),
    (list[dt.datetime], [dt.datetime(2026, 10, 25, 2, tzinfo=Local())], "[0]", "json"),
    (dict[str, int], {"big": -(2**63) - 1}, ".big", "msgpack"),
]


@pytest.mark.parametrize("tp, value, inside, format", LOST, ids=str)
async def test_b49_what_would_not_come_back_is_refused_at_save_with_its_path(
    tp: Any, value: Any, inside: str, format: str
) -> None:
    with pytest.raises(SnapshotError) as refused:
        await Places(tp).saved(value, format)
    assert refused.value.code == "TF901"
    assert refused.value.path.endswith(inside)
    first = refused.value.path.removesuffix(inside)
    assert first in {"tokens[0].value", "tokens[1].value", "pools[0].values.one"}
    assert f"'{refused.value.path}' cannot be saved" in str(refused.value)


class Bare(Contract):
    input: int
    result: int


class Odd:
    pass


async def test_b49_an_untyped_edge_carries_json_only_and_the_step_is_told_to_annotate_it() -> None:
    def make(data):  # type: ignore[no-untyped-def]  # an unannotated handler is what is tried
        return {"a": [Odd()]}

    async def take(data: Data[Bare, Any]) -> int:
        with pytest.raises(SnapshotError) as refused:
            execution.save()
        problems.append(refused.value)
        return 1

    problems: list[SnapshotError] = []
    flow: Any = Flow(Bare)
    flow.to(make).to(take).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    assert [(problem.code, problem.path) for problem in problems] == [("TF902", "tokens[0].value.a[0]")]
    assert "annotate it" in str(problems[0])


async def test_b49_an_untyped_edge_is_saved_as_its_consumer_takes_it() -> None:
    """An int is one where a float is taken; on its way there, untyped, it is saved as the float that it will be."""

    def make(data):  # type: ignore[no-untyped-def]
        return data.value

    async def take(data: Data[Bare, float]) -> int:
        saved.append((data.value, execution.save()))
        return 1

    saved: list[tuple[float, Any]] = []
    flow: Any = Flow(Bare)
    flow.to(make).to(take).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    again = flow.create_execution().load(saved[0][1])
    await again.async_retry()
    assert [(value, type(value)) for value, _ in saved] == [(1.0, float)] * 2


async def test_b49_what_its_consumer_does_not_take_is_refused_at_save() -> None:
    def make(data):  # type: ignore[no-untyped-def]
        return "text"

    async def hold(data: Data[Bare, int]) -> int:
        with pytest.raises(SnapshotError, match=r"'tokens\[1\].value' cannot be saved"):
            execution.save()
        return 1

    async def take(data: Data[Bare, float]) -> int:
        return 1

    flow: Any = Flow(Bare)
    flow.to(make).to(take)
    flow.to(hold).end()
    execution = flow.create_execution(concurrency=1)
    with pytest.raises(ContractError, match=r"^TF813: step 'take' .*does not fit"):
        await execution.async_start(1)
