"""What only the values tell when a node moves them: keys, copies, what was changed in place; B37, B40."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any

import msgspec
import pytest
from msgspec.structs import force_setattr

from tests.execution.chains import chain, untyped
from tests.execution.running import calls_of
from typedflow import Contract, ContractError, Data, Flow, SnapshotError, State, Status


class Inner(msgspec.Struct):
    meta: dict[str, str] = {}
    count: int = 0


class Outer(msgspec.Struct):
    inner: Inner
    maybe: Inner | None
    table: dict[str, Inner]
    notes: dict[str, Inner] = {}
    word: str | msgspec.UnsetType = msgspec.UNSET
    deep: Inner | msgspec.UnsetType = msgspec.UNSET


@dataclass
class Checked:
    """A record that refuses a value when it is made."""

    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("negative")


class Kept(State):
    inner: Inner = msgspec.field(default_factory=Inner)
    text: str = ""
    numbers: list[int] = []


class Any_(Contract):
    input: Any
    result: Any
    state: Kept


class TakesOuter(Contract):
    input: Outer
    result: Any


class TakesInner(Contract):
    input: Inner
    result: Any


class TakesSmall(Contract):
    input: Annotated[int, msgspec.Meta(le=9)]
    result: Any


def got(data: Any) -> Any:
    return data.value


def captured(contract: Any, value: Any, capture: Any, parent: Any = Any_) -> Any:
    """Run a child with this capture and give the input that it got."""
    flow: Flow[Any] = Flow(parent)
    flow.to_sub_flow(chain(contract, got), capture=capture).end()
    return flow.start(value)


def refused(contract: Any, value: Any, capture: Any, parent: Any = Any_) -> str:
    with pytest.raises(ContractError) as caught:
        captured(contract, value, capture, parent)
    (problem,) = caught.value.problems
    return problem.render()


def outer(**fields: Any) -> Outer:
    return Outer(**{"inner": Inner(), "maybe": None, "table": {}, **fields})


# -- what is built


def test_a_required_record_with_defaults_alone_is_built_where_only_its_inside_is_given() -> None:
    capture = {
        "input": {
            "inner.meta.lang": "value.lang",
            "maybe.meta.lang": "value.lang",
            "table.ada.meta.lang": "value.lang",
        }
    }
    made = Inner({"lang": "en"})
    assert captured(TakesOuter, {"lang": "en"}, capture) == outer(inner=made, maybe=made, table={"ada": made})


def test_parts_and_defaults_of_one_record_are_given_together() -> None:
    capture = {
        "input": {
            "inner.count": "value.n",
            "inner.meta.lang": "value.lang",
            "maybe": "value.maybe",
            "table": "value.table",
        }
    }
    value = {"n": 4, "lang": "en", "maybe": None, "table": {"x": Inner(count=1)}}
    assert captured(TakesOuter, value, capture) == outer(
        inner=Inner({"lang": "en"}, 4), table={"x": Inner(count=1)}
    )  # fmt: skip


# -- what is not there


def test_an_unknown_value_without_the_field_is_told() -> None:
    assert refused(Any_, 5, {"input": "value.topic"}) == (
        "TF317: capture[\"input\"] = \"value.topic\": 'value.topic' is not there: no field 'topic' "
        "(set it before the child runs)"
    )


def test_an_unset_value_on_the_way_is_told() -> None:
    class FromOuter(Contract):
        input: Outer
        result: Any

    assert captured(Any_, outer(deep=Inner(count=3)), {"input": "value.deep.count"}, FromOuter) == 3
    assert refused(Any_, outer(), {"input": "value.deep.count"}, FromOuter).endswith(
        "'value.deep.count' is not there: no field 'count' (set it before the child runs)"
    )


def test_a_missing_key_is_told() -> None:
    assert "'value.lang' is not there: no key 'lang'" in refused(Any_, {}, {"input": "value.lang"})


def test_a_way_into_a_default_that_is_not_there_is_told() -> None:
    given = {"inner": "value.inner", "maybe": "value.maybe", "table": "value.table", "notes.ada.count": "value.n"}
    value: dict[str, Any] = {"inner": Inner(), "maybe": None, "table": {}, "n": 1}
    assert refused(TakesOuter, value, {"input": given}) == (
        "TF317: capture[\"input\"][\"notes.ada.count\"]: 'input.notes.ada.count' cannot be written: no key 'ada' "
        "(write what it lies in as a whole)"
    )


def test_none_on_the_way_is_none() -> None:
    class FromMaybe(Contract):
        input: Inner | None
        result: Any

    assert captured(Any_, None, {"input": "value.meta"}, FromMaybe) is None


# -- what does not fit after all


def test_an_unknown_value_is_checked_against_its_target() -> None:
    assert refused(TakesInner, "no record", {"input": "value"}) == (
        "TF317: capture[\"input\"]: the value does not fit: expected Inner, given 'no record' (str) "
        "(the declared types fit; look for a value that was changed in place)"
    )
    assert refused(TakesSmall, 10, {"input": "value"}).startswith('TF317: capture["input"]: the value does not fit')
    assert refused(TakesInner, {"n": "x"}, {"input": {"count": "value.n"}}).startswith(
        'TF317: capture["input"]["count"]: the value does not fit: expected int'
    )


def test_a_value_that_was_changed_in_place_is_told() -> None:
    def make(data: Any) -> Inner:
        return Inner()

    def spoil(data: Any) -> Any:
        data.value.count = "no number"
        return data.value

    flow: Flow[Any] = Flow(Any_)
    flow.to(make).to(spoil).to_sub_flow(chain(TakesInner, got)).end()
    with pytest.raises(ContractError, match="TF317"):
        flow.start(None)


class Frozen(msgspec.Struct, frozen=True):
    number: int


class Shelf(State):
    rows: list[Inner] = []
    table: dict[str, Inner] = {}
    shared: tuple[Frozen, ...] = ()


class Shelved(Contract):
    input: int
    result: Any
    state: Shelf


SHELF = {"rows": "state.rows", "table": "state.table", "shared": "state.shared"}


def of_child(look: Callable[[Any], Any], parent: Callable[[Any], Any] = got) -> Flow[Any]:
    """Return a flow whose child gets the whole state of its parent, and looks at it."""
    flow: Flow[Any] = Flow(Shelved)
    child: Flow[Any] = chain(Shelved, look)
    flow.to(parent).to_sub_flow(child, capture={"input": "value", "state": SHELF}, write_back={"value": "result"}).end()
    return flow


def full(size: int) -> Shelf:
    return Shelf(
        rows=[Inner(count=number) for number in range(size)],
        table={f"k{number}": Inner(count=number) for number in range(size)},
        shared=tuple(map(Frozen, range(size))),
    )


async def test_a_capture_shares_what_is_immutable_and_nothing_else() -> None:
    def look(data: Any) -> Any:
        return data.state

    execution = of_child(look).create_execution(state=full(100))
    await execution.async_start(1)
    mine, its = execution.state, execution.result
    assert its.shared is mine.shared
    assert (its.rows, its.table) == (mine.rows, mine.table)
    parts = {id(part) for part in (mine.rows, mine.table, *mine.rows, *mine.table.values())}
    assert parts.isdisjoint(map(id, (its.rows, its.table, *its.rows, *its.table.values())))


async def test_a_capture_copies_once_and_calls_nothing_for_each_item() -> None:
    class Flat(msgspec.Struct):
        x: int

    class Flats(State):
        rows: list[Flat] = []
        table: dict[str, Flat] = {}

    class Flatly(Contract):
        input: int
        result: int
        state: Flats

    def made(size: int) -> Flats:
        return Flats(rows=[*map(Flat, range(size))], table={f"k{number}": Flat(number) for number in range(size)})

    flow: Flow[Any] = Flow(Flatly)
    capture: Any = {"input": "value", "state": {"rows": "state.rows", "table": "state.table"}}
    flow.to_sub_flow(chain(Flatly, got), capture=capture).end()
    executions = [flow.create_execution(state=made(size)) for size in (100, 100, 2000)]
    _, few, many = [await calls_of(execution.async_start(1)) for execution in executions]
    assert many - few < 200


async def test_a_frozen_record_that_was_changed_by_force_is_refused_by_a_save() -> None:
    def force(data: Any) -> int:
        force_setattr(data.state.shared[0], "number", "no number")
        return 1

    def ask(data: Any) -> Any:
        data.pause_for(interrupt_id="q")

    execution = of_child(ask, force).create_execution(state=full(100))
    assert await execution.async_start(1) is Status.WAITING  # the capture has shared it unseen
    with pytest.raises(SnapshotError, match=r"shared\[0\]\.number"):
        execution.save()


@pytest.mark.parametrize("size", [3, 300])
def test_a_value_of_a_known_type_that_was_changed_in_place_is_told_too(size: int) -> None:
    class Listed(Contract):
        input: list[Inner]
        result: Any

    def spoil(data: Data[Listed, list[Inner]]) -> list[Inner]:
        return data.value

    def late(data: Data[Listed, list[Inner]]) -> bool:
        data.value[-1].count = "no number"  # type: ignore[assignment]
        return True

    flow: Flow[Any] = Flow(Listed)
    branch = flow.to(spoil).match().case(late)
    branch.to_sub_flow(chain(Listed, got), capture={"input": "value"}).end_match().end()
    with pytest.raises(ContractError, match=rf"TF317.*\[{size - 1}\].count.*expected int"):
        flow.start([Inner() for _ in range(size)])


@pytest.mark.parametrize("field", ["rows", "table"])
async def test_what_a_running_step_has_spoiled_is_not_captured(field: str) -> None:
    spoiled, left = asyncio.Event(), asyncio.Event()

    async def spoil(data: Any) -> int:
        if data.value:
            await spoiled.wait()
            return 1
        container = getattr(data.state, field)
        wrong: Any = "no record"
        container.append(wrong) if field == "rows" else container.update(wrong=wrong)
        spoiled.set()
        await left.wait()
        return 0

    flow: Flow[Any] = Flow(Shelved)
    capture: Any = {"input": "value", "state": SHELF}
    items = flow.to(lambda data: [0, 1]).for_each().to(spoil)
    items.to_sub_flow(chain(Shelved, got), capture=capture).end_for_each().end()
    with pytest.raises(ContractError, match=rf"TF317.*state.*{field}.*no record"):
        await flow.create_execution(state=full(60)).async_start(1)


async def test_a_write_back_beside_what_a_running_step_has_spoiled_is_refused() -> None:
    class Bag(msgspec.Struct):
        rows: list[Inner] = []
        count: int = 0

    class Bags(State):
        bag: Bag = msgspec.field(default_factory=Bag)

    class Bagged(Contract):
        input: int
        result: Any
        state: Bags

    spoiled, left = asyncio.Event(), asyncio.Event()

    async def spoil(data: Any) -> int:
        if data.value:
            await spoiled.wait()
            return 1
        data.state.bag.rows.append("no record")
        spoiled.set()
        await left.wait()
        return 0

    flow: Flow[Any] = Flow(Bagged)
    items = flow.to(lambda data: [0, 1]).for_each().to(spoil)
    write_back: Any = {"state": {"bag.count": "result"}}
    items.to_sub_flow(chain(Shelved, got), capture={"input": "value"}, write_back=write_back).end_for_each().end()
    with pytest.raises(ContractError, match=r"bag\.rows\[0\].*no record"):
        await flow.create_execution().async_start(1)


def test_what_a_record_refuses_as_it_is_made_is_the_childs_failure_to_begin() -> None:
    class TakesChecked(Contract):
        input: Checked
        result: Any

    assert captured(TakesChecked, {"n": 2}, {"input": {"number": "value.n"}}) == Checked(2)
    with pytest.raises(ValueError, match="negative"):
        captured(TakesChecked, {"n": -2}, {"input": {"number": "value.n"}})


@pytest.mark.parametrize("value", [object(), [object()], {"a": (object(),)}, OrderedDict(), SimpleNamespace()])
def test_a_value_that_only_turns_out_not_to_be_copyable_is_told_and_not_shared(value: Any) -> None:
    line = refused(Any_, value, {"input": "value"})
    assert line.startswith('TF316: capture["input"] = "value": \'value\' cannot be copied: ')
    assert "nothing is known of how to copy" in line


# -- write_back


def test_a_part_of_an_unknown_value_is_written_where_it_can_be() -> None:
    flow: Flow[Any] = Flow(Any_)
    child = chain(Any_, lambda data: "new")
    flow.to_sub_flow(child, capture={}, write_back={"value": {"inner.meta.lang": "result"}}).end()
    given = {"inner": Inner({"lang": "old"}), "x": [1]}
    assert flow.start(given) == {"inner": Inner({"lang": "new"}), "x": [1]}
    assert given == {"inner": Inner({"lang": "old"}), "x": [1]}
    broken: list[tuple[Any, str]] = [
        ({}, "no key 'inner'"),
        (5, "'int' object has no attribute 'inner'"),
        ({"inner": Inner(meta=untyped([]))}, "'list' object has no attribute 'lang'"),
    ]
    for value, reason in broken:
        with pytest.raises(ContractError) as caught:
            flow.start(value)
        assert caught.value.code == "TF417"
        assert f"'value.inner.meta.lang' cannot be written: {reason}" in str(caught.value)


def test_an_unknown_result_is_checked_against_its_target() -> None:
    flow: Flow[Any] = Flow(Any_)
    flow.to_sub_flow(
        chain(Any_, lambda data: {"text": 5, "numbers": [1]}),
        capture={},
        write_back={"state": {"numbers": "result.numbers", "text": "result.text"}},
    ).end()
    execution = flow.create_execution()
    with pytest.raises(ContractError) as caught:
        execution.start(None)
    assert caught.value.problems[0].render() == (
        'TF417: write_back["state"]["text"]: the value does not fit: expected str, given 5 (int) '
        "(the declared types fit; look for a value that was changed in place)"
    )
    assert execution.state == Kept()
