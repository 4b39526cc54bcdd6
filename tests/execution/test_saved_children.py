"""Children that wait as parts: what is stored is the document at any moment, and an answer writes what it changes."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.execution.test_saved_interrupts import (
    Ask,
    Faulty,
    answer_at_random,
    ask,
    ask_or_not,
    in_children,
    parts_of_all_that_is_long,
    started,
    total,
    watch,
)
from tests.execution.test_saved_parts import Watched, plain
from tests.stores.conformance import SHARING, STORES
from typedflow import Contract, Data, Flow, Resources, State, Status
from typedflow.durability import child_parts
from typedflow.errors import SnapshotError, StoreError
from typedflow.stores import MemoryStore, SQLiteStore, StoredSnapshot

assert parts_of_all_that_is_long is not None  # a fixture of this module, too


class Notes(State):
    rows: list[int] = []


class One(Contract):
    input: int
    result: int
    state: Notes


class Whole(Contract):
    input: list[int]
    result: int


def note(data: Data[Any, int]) -> int:
    data.state.rows.append(data.value)
    return data.value


def ask_in_time(data: Data[Any, int]) -> int:
    data.pause_for({"late": data.value}, deadline=timedelta(days=1), default=7)


def fail_or_not(data: Data[Any, int]) -> int:
    if data.value % 2:
        raise OSError("an item")
    return data.value


def ring(data: Data[Ask, list[int]]) -> None:
    data.emit("said", 1)
    data.emit("said", 2)


def leg(*handlers: Any) -> Flow[One]:
    flow: Any = Flow(One)
    process = flow
    for handler in handlers:
        process = process.to(handler)
    process.end()
    return flow  # type: ignore[no-any-return]  # it is one


def each(child: Any, *, concurrency: int | None = None, on_error: Any = "fail", before: Any = ask_or_not) -> Flow[Any]:
    """Return a flow of whose items some ask, then a child for each."""
    flow: Any = Flow(Ask)
    item = flow.for_each(concurrency=concurrency, on_error=on_error).to(before)
    item = item.to_sub_flow(child, capture={"input": "value"}, write_back={"value": "result"})
    end = (lambda data: len(data.value)) if on_error == "collect" else total
    item.end_for_each().to(end, name="total").end()
    return flow  # type: ignore[no-any-return]  # it is one


def nested() -> Flow[Any]:
    middle: Any = Flow(One, name="middle")
    below = middle.to(note).to_sub_flow(leg(ask, note, ask), capture={"input": "value"}, write_back={"value": "result"})
    below.to(ask, name="behind").end()
    return each(middle)


def side_by_side() -> Flow[Any]:
    """Return a flow with children inside of the long block and outside of it."""
    flow: Any = Flow(Ask)
    capture, back = {"input": "value"}, {"value": "result"}
    flow.side_branch(ring)
    flow.when("said").to_sub_flow(leg(note, ask), capture=capture, write_back=back)
    item = flow.for_each().to_sub_flow(leg(note, ask, note), capture=capture, write_back=back)
    item.end_for_each().to(total).end()
    return flow  # type: ignore[no-any-return]  # it is one


def in_inner_blocks() -> Flow[Any]:
    """Return a flow whose children wait in a block inside of the long one, so that they cannot be parts."""
    flow: Any = Flow(Ask)
    item = flow.for_each().batch().branch(leg(note, ask), name="left").branch(leg(ask), name="right")
    item.end_batch().to(total, name="pair").end_for_each().to(total).end()
    return flow  # type: ignore[no-any-return]  # it is one


def dropped() -> Flow[Any]:
    """Return a flow in which an item fails while a child of it waits, which is dropped with what it asks."""
    flow: Any = Flow(Ask)
    item = flow.for_each(on_error="collect").batch()
    item = item.branch(leg(note, ask), name="waits").branch(leg(ask, fail_or_not), name="fails")
    item.end_batch().to(total, name="pair").end_for_each().to(lambda data: len(data.value), name="count").end()
    return flow  # type: ignore[no-any-return]  # it is one


FLOWS = {
    "dropped": dropped,
    "in children": in_children,
    "with a state": lambda: each(leg(note, ask, note, ask)),
    "in time": lambda: each(leg(note, ask_in_time, note)),
    "nested": nested,
    "bounded": lambda: each(leg(note, ask, note), concurrency=5),
    "collecting": lambda: each(leg(note, ask, fail_or_not), on_error="collect"),
    "side by side": side_by_side,
    "in inner blocks": in_inner_blocks,
}


@pytest.fixture(autouse=True)
def children_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_parts, "CHILDREN_FROM", 3)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.thin(5)
async def test_what_is_stored_is_the_document_after_every_answer(name: str, seed: int) -> None:
    chance, flow = random.Random(seed), FLOWS[name]()
    store = Faulty(chance)
    execution = flow.create_execution(execution_id="a", store=store, checkpoint="step", history=True)
    watch(store, execution)
    await execution.async_start(list(range(12)))
    store.faults = 6
    execution = await answer_at_random(flow, execution, store, chance, 300)
    assert execution.status is Status.COMPLETED
    assert await store.pending() == []
    assert set((await store.get("a")).parts) == {"s", "s/count"}
    has_parts = any(key.startswith("c/") for written in store.written for key in written)
    assert has_parts is (name not in ("collecting", "dropped", "in inner blocks"))
    await store.require_revisions()


async def test_an_answer_writes_the_child_it_is_for() -> None:
    changes: list[tuple[set[str], set[str], int]] = []

    class Noting(Watched):
        async def put(self, record: StoredSnapshot, **options: Any) -> Any:
            assert record.delta is not None
            writes, deletes = {part.key for part in record.delta.writes}, set(record.delta.deletes)
            changes.append((writes, deletes, len(record.data)))
            return await self._store.put(record, **options)

    flow = each(leg(note, ask, note, ask), before=note_nothing)
    execution = await started(flow, Noting(MemoryStore()))
    changes.clear()
    asked = next(iter(execution.interrupts.values()))
    await execution.async_continue_with(asked, 5)
    assert [(writes, deletes) for writes, deletes, _ in changes] == [(set(), {"c/0"}), ({"c/70"}, set())]
    assert max(size for _, _, size in changes) < 8000  # the head does not grow with the children that wait


def note_nothing(data: Data[Any, int]) -> int:
    return data.value


async def test_a_value_that_waits_for_a_child_is_saved_as_it_was_produced() -> None:
    """Its token is in a part while saves do not look at it, and back in the head then."""
    kept: list[list[int]] = []

    class Lists(Contract):
        input: list[int]
        result: list[list[int]]

    def produce(data: Data[Lists, int]) -> list[int]:
        kept.append([data.value])
        return kept[-1]

    def first(data: Data[One, int]) -> int:
        return data.value

    child: Any = Flow(Whole)
    child.to(lambda data: 1, name="one").to(ask).to(ask, name="again").end()
    flow: Any = Flow(Lists)
    item = flow.for_each().to(produce)
    item.to_sub_flow(child, capture={"input": "value"}, write_back={}).end_for_each().end()
    store = Faulty(random.Random(0), often=1)
    execution = flow.create_execution(execution_id="a", store=store, checkpoint="step")
    await execution.async_start(list(range(12)))
    for each_ in kept:
        each_.append(99)
    for faults, item in ((0, 3), (1, 5)):
        store.faults = faults
        asked = list(execution.interrupts)[item]
        try:
            await execution.async_continue_with(asked, 1)
        except StoreError:
            await execution.async_retry()
        tokens = plain((await store.get("a")).data)["tokens"]
        assert sorted(token["value"] for token in tokens) == [[number] for number in range(12)]


async def test_the_keys_of_resources_of_children_are_in_the_head() -> None:
    class Tools(Resources):
        tool: str | None = None

    class With(Contract):
        input: int
        result: int
        resources: Tools

    child: Any = Flow(With)
    child.to(ask).end()
    child.update_runtime_resources(tool="hammer")
    flow = each(child, before=note_nothing)
    store = Watched(MemoryStore())
    execution = flow.create_execution(execution_id="a", store=store)
    watch(store, execution)
    await execution.async_start(list(range(12)))
    assert plain((await store.get("a")).data)["resource_keys"] == ["tool"]


async def test_an_execution_that_is_cancelled_leaves_no_children(tmp_path: Path) -> None:
    async with SQLiteStore(tmp_path / "s.db") as store:
        execution = await started(in_children(), store)
        assert len([key for key in (await store.get("a")).parts or () if key.startswith("c/")]) > 10  # type: ignore[union-attr]
        await execution.async_cancel()
        assert await store.pending() == []
        stored = await store.get("a")
        assert stored is not None
        assert set(stored.parts or ()) == {"s", "s/count"}


@pytest.mark.parametrize("kind", SHARING)
async def test_every_store_opens_the_children_it_was_given(kind: str, tmp_path: Path) -> None:
    flow = each(leg(note, ask, note, ask), before=note_nothing)
    store: Any
    async with STORES[kind].open(tmp_path) as store:
        execution = await started(flow, store, history=True)
        for _ in range(3):
            asked = next(iter(execution.interrupts.values()))
            await execution.async_continue_with(asked, 5)
            execution = await flow.async_open("a", store=store)
        fork = await flow.async_fork("a", store=store, at=2, execution_id="b")
        assert len(fork.interrupts) == len(execution.interrupts) == 70
        assert len(await store.pending()) == 140
        await fork.async_continue_with(next(iter(fork.interrupts)), 5)
        assert len((await flow.async_open("b", store=store)).interrupts) == 70


DAMAGE = (
    "DELETE FROM typedflow_parts WHERE key = 'c/5'",
    "UPDATE typedflow_parts SET key = 'c/299' WHERE key = 'c/5'",
    "UPDATE typedflow_parts SET data = '[]' WHERE key = 'c/5'",
)


@pytest.mark.parametrize("damage", DAMAGE)
async def test_children_in_parts_are_whole_or_refused(damage: str, tmp_path: Path) -> None:
    path, flow = tmp_path / "s.db", each(leg(ask), before=note_nothing)
    async with SQLiteStore(path) as store:
        await started(flow, store)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute(damage).rowcount == 1
            connection.commit()
        with pytest.raises(SnapshotError, match="the parts of 'a' are not what was saved"):
            await flow.async_open("a", store=store)
