"""A value in flight is saved as it was produced: what a later step does to it in place is not saved."""

from __future__ import annotations

import contextlib
import gc
import weakref
from pathlib import Path
from typing import Any

import msgspec
import pytest

from typedflow import Contract, Data, Events, Execution, Flow, State, Status
from typedflow.stores import MemoryStore, SQLiteStore


class Item(msgspec.Struct):
    name: str
    tags: list[str] = []


class Held(State):
    items: list[Item] = []
    plain: list[dict[str, str]] = []


class Given(Events):
    made: list[Item]
    other: int


class Work(Contract):
    input: int
    result: list[Item] | str
    state: Held
    events: Given


Made = Data[Work, list[Item]]


def make(data: Data[Work, Any]) -> list[Item]:
    """Return what the state holds too."""
    if not data.state.items:
        data.state.items = [Item("a"), Item("b"), Item("c")]
    return data.state.items


class Spoiling:
    """Whether steps change everything in place."""

    on = True


def spoil(data: Data[Work, Any]) -> None:
    if Spoiling.on:
        spoil_items(data.state)


def spoil_items(state: Held) -> None:
    """Change everything in place."""
    for item in state.items:
        item.tags.append("spoilt")
        item.name = "spoilt"
    state.items.append(Item("new"))
    for each in state.plain:
        each["name"] = "spoilt"


def spoil_and_ask(data: Data[Work, Any]) -> Any:
    spoil(data)
    data.pause_for("go on?", interrupt_id="q")


def ask(data: Data[Work, Any]) -> Any:
    data.pause_for("go on?", interrupt_id="q")


def note(data: Data[Work, Any]) -> str:
    return text_of(data.value)


def text_of(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def keep(data: Made) -> list[Item]:
    return data.value


class Failing:
    """Whether steps fail once they have changed everything."""

    on = False


def fail(data: Data[Work, Any]) -> Any:
    """Fail, with everything changed in place; the second time give what came."""
    if Failing.on:
        spoil(data)
        raise LookupError("failed")
    return data.value


def fail_item(data: Data[Work, Item]) -> Item:
    fail(data)
    return data.value


def last_asks(data: Data[Work, Item]) -> Item:
    if data.value.name == "c":
        spoil(data)
        data.pause_for("go on?", interrupt_id="q")
    return data.value


A, B, C, Z = (text_of(Item(name)) for name in "abcz")
ALL = f"[{A},{B},{C}]"


def slot_of_a_batch(flow: Any) -> Any:
    return flow.to(make).batch().branch(keep).branch(spoil_and_ask).end_batch().to(note).end()


def slot_of_a_for_each(flow: Any) -> Any:
    return flow.to(make).for_each(concurrency=1).to(last_asks).end_for_each().to(note).end()


def pool_of_a_collect(flow: Any) -> Any:
    flow.to(make).collect("both", "one")
    return flow.to(zero).to(spoil_and_ask).collect("both", "two").to(note).end()


def zero(data: Data[Work, int]) -> int:
    return 0


def tell(data: Made) -> int:
    data.emit("made", data.value)
    return 0


def pool_of_a_listener(flow: Any) -> Any:
    flow.when({"event": ["made", "other"]}).to(note).end()
    return flow.to(make).to(tell).to(spoil_and_ask).to(other)


def other(data: Data[Work, Any]) -> int:
    data.emit("other", 1)
    return 1


def set_result(data: Made) -> int:
    data.set_result(data.value)
    return 0


def result(flow: Any) -> Any:
    return flow.to(make).to(set_result).to(spoil_and_ask)


PAUSING: dict[str, tuple[Any, str]] = {
    "slot of a batch": (slot_of_a_batch, f"[{ALL},0]"),
    "slot of a for_each": (slot_of_a_for_each, f"[{A},{B},{Z}]"),
    "pool of a collect": (pool_of_a_collect, f'{{"one":{ALL},"two":0}}'),
    "pool of a listener": (pool_of_a_listener, f'{{"event":{{"made":{ALL},"other":1}}}}'),
    "result": (result, ALL),
}


def token(flow: Any) -> Any:
    return flow.to(make).to(fail).to(note).end()


def token_of_no_type(flow: Any) -> Any:
    return flow.to(make_plain).to(fail).to(note).end()


def make_plain(data: Data[Work, int]):  # type: ignore[no-untyped-def]  # on purpose
    data.state.plain = [{"name": "a"}]
    return data.state.plain


def match(flow: Any) -> Any:
    return flow.to(make).match().case(lambda data: True).to(fail).end_match().to(note).end()


def event(flow: Any) -> Any:
    flow.when("made").to(fail).to(note).end()
    return flow.to(make).to(tell)


def one_of_two_events(flow: Any) -> Any:
    flow.when({"event": ["made", "other"]}, mode="or").to(fail).to(note).end()
    return flow.to(make).to(tell)


def both_of_two_events(flow: Any) -> Any:
    flow.when({"event": ["made", "other"]}).to(fail).to(note).end()
    return flow.to(make).to(tell).to(other)


def items_that_wait(flow: Any) -> Any:
    return flow.to(make).for_each(concurrency=1).to(fail_item).end_for_each().to(note).end()


def source_of_a_batch(flow: Any) -> Any:
    return flow.to(make).batch(concurrency=1).branch(fail).branch(keep).end_batch().to(note).end()


def behind_a_block(flow: Any) -> Any:
    return flow.to(make).for_each().to(pass_item).end_for_each().to(fail).to(note).end()


def pass_item(data: Data[Work, Item]) -> Item:
    return data.value


FAILING: dict[str, tuple[Any, str]] = {
    "token": (token, ALL),
    "token of no type": (token_of_no_type, '[{"name":"a"}]'),
    "match": (match, ALL),
    "event": (event, ALL),
    "one of two events": (one_of_two_events, f'["event","made",{ALL}]'),
    "both of two events": (both_of_two_events, f'{{"event":{{"made":{ALL},"other":1}}}}'),
    "items that wait": (items_that_wait, ALL),
    "source of a batch": (source_of_a_batch, f"[{ALL},{ALL}]"),
    "behind a block": (behind_a_block, ALL),
}

PLACES = PAUSING | FAILING
STORES: dict[str, Any] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: SQLiteStore(folder / "runs.db"),
}


def make_flow(place: str) -> Flow[Work]:
    flow: Any = Flow(Work, name="work")
    PLACES[place][0](flow)
    return flow  # type: ignore[no-any-return]  # the flow


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("place", PAUSING)
async def test_a_store_has_what_waits_as_it_was_produced(place: str, store: str, tmp_path: Path) -> None:
    async with STORES[store](tmp_path) as kept:
        execution = make_flow(place).create_execution(store=kept, checkpoint="step", execution_id="e")
        assert await execution.async_start(1) is Status.WAITING
        assert len(execution.state.items) == 4
        opened = await make_flow(place).async_open("e", store=kept)
        assert opened.state.items == execution.state.items != []
        assert await opened.async_continue_with("q", Item("z") if "for_each" in place else 0) is Status.COMPLETED
        assert (opened.result if place != "result" else text_of(opened.result)) == PLACES[place][1]


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("place", FAILING)
async def test_a_store_has_what_steps_began_with_as_it_was_produced(
    place: str, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with STORES[store](tmp_path) as kept:
        monkeypatch.setattr(Failing, "on", True)
        execution = make_flow(place).create_execution(store=kept, checkpoint="step", execution_id="e")
        with pytest.raises(LookupError):
            await execution.async_start(1)
        monkeypatch.setattr(Failing, "on", False)
        opened = await make_flow(place).async_open("e", store=kept)
        assert await opened.async_retry() is Status.COMPLETED
        assert opened.result == PLACES[place][1]


async def go_on(execution: Execution[Any], place: str) -> None:
    if place in FAILING:
        await execution.async_retry()
    else:
        await execution.async_continue_with("q", Item("z") if "for_each" in place else 0)


class Outer(Contract):
    input: int
    result: list[Item] | str
    state: Held


def in_a_child(place: str) -> Flow[Outer]:
    flow: Any = Flow(Outer, name="outer")
    flow.to_sub_flow(make_flow(place)).end()
    return flow  # type: ignore[no-any-return]  # the flow


@pytest.mark.parametrize("place", [*PAUSING, *FAILING])
async def test_a_child_is_saved_in_the_same_way(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    monkeypatch.setattr(Failing, "on", place in FAILING)
    execution = in_a_child(place).create_execution(store=store, checkpoint="step", execution_id="e")
    with contextlib.suppress(LookupError):
        await execution.async_start(1)
    assert execution.status is (Status.FAILED if place in FAILING else Status.WAITING)
    monkeypatch.setattr(Failing, "on", False)
    opened = await in_a_child(place).async_open("e", store=store)
    await go_on(opened, place)
    assert (opened.result if place != "result" else text_of(opened.result)) == PLACES[place][1]


@pytest.mark.parametrize("first, second", [("json", "msgpack"), ("msgpack", "json")])
@pytest.mark.parametrize("place", PLACES)
async def test_later_saves_write_what_the_first_wrote(
    place: str, first: Any, second: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Spoiling, "on", False)
    monkeypatch.setattr(Failing, "on", place in FAILING)
    execution = make_flow(place).create_execution()
    with contextlib.suppress(LookupError):
        await execution.async_start(1)
    execution.save(format=first)
    spoil_items(execution.state)
    saved = execution.save(format=second).to_bytes()
    loaded = make_flow(place).create_execution().load(saved)
    assert loaded.state.items == execution.state.items
    monkeypatch.setattr(Failing, "on", False)
    await go_on(loaded, place)
    assert (loaded.result if place != "result" else text_of(loaded.result)) == PLACES[place][1]


async def test_a_value_that_is_produced_again_is_saved_as_it_is_then() -> None:
    """A step that changes its input, and returns the very same object, has produced a new value."""

    def grow(data: Made) -> list[Item]:
        data.value.append(Item("more"))
        return data.value

    flow: Any = Flow(Work, name="work")
    flow.to(make).to(grow).to(grow).batch().branch(keep).branch(ask).end_batch().to(note).end()
    store = MemoryStore()
    execution = flow.create_execution(store=store, checkpoint="step", execution_id="e")
    await execution.async_start(1)
    opened = await flow.async_open("e", store=store)
    await opened.async_continue_with("q", 0)
    assert opened.result == text_of([[*map(Item, "abc"), Item("more"), Item("more")], 0])


async def test_what_is_no_longer_in_flight_is_let_go() -> None:
    flow: Any = Flow(Work, name="work")
    flow.to(make).to(keep).for_each(concurrency=1).to(pass_item).end_for_each().to(note).end()
    execution = flow.create_execution(store=MemoryStore(), checkpoint="step")
    await execution.async_start(1)
    made = weakref.ref(execution)
    kept = execution._runtime.kept_values
    assert [place[0] for place in kept._kept] == ["result"]
    del execution, kept
    gc.collect()
    assert made() is None


async def test_the_payload_of_a_pause_is_that_of_the_call() -> None:
    def ask_about(data: Data[Work, Any]) -> Any:
        data.state.plain = [{"name": "a"}]
        data.pause_for(data.state.plain, interrupt_id="q")

    def change(data: Data[Work, Any]) -> int:
        data.state.plain[0]["name"] = "changed"
        return 0

    flow: Any = Flow(Work, name="work")
    flow.to(zero).batch().branch(ask_about).branch(change).end_batch().to(note).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    loaded = flow.create_execution().load(execution.save())
    for each in (execution, loaded):
        assert each.state.plain == [{"name": "changed"}]
        assert each.interrupts["q"].payload == [{"name": "a"}]
