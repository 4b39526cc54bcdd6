"""Pending interrupts as parts: what is stored is the document at any moment, and an answer writes what it changes."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.execution.test_saved_parts import Watched, plain
from typedflow import Contract, Data, Events, Execution, Flow, State, Status
from typedflow.durability import block_parts, execution_parts, interrupt_parts
from typedflow.errors import SnapshotError, StoreError
from typedflow.execution import failpoints
from typedflow.stores import MemoryStore, SQLiteStore, StoredSnapshot

LENGTH = 70
"""Items, so that the interrupts are parts."""


class Said(Events):
    said: int


class Seen(State):
    count: int = 0


class Ask(Contract):
    input: list[int]
    result: int
    state: Seen
    events: Said


def ask(data: Data[Any, int]) -> int:
    data.pause_for({"item": data.value})


def ask_or_not(data: Data[Ask, int]) -> int:
    data.state.count += 1
    if data.value % 3:
        data.pause_for({"item": data.value}, interrupt_id=f"i{data.value}")
    return data.value


def ask_in_time(data: Data[Ask, int]) -> int:
    data.pause_for({"late": data.value}, deadline=timedelta(days=1), default=7)


def ask_by_event(data: Data[Ask, Any]) -> int:
    data.pause_for({"event": str(len(data.value))}, resume_event="said", interrupt_id="event")


def again(data: Data[Ask, int]) -> int:
    data.pause_for({"again": data.value}, interrupt_id=f"i{data.value}")


def total(data: Data[Ask, Any]) -> int:
    return sum(each if isinstance(each, int) else sum(each) for each in data.value)


def each() -> Flow[Ask]:
    flow = Flow(Ask)
    flow.for_each().to(ask_or_not).end_for_each().to(total).end()
    return flow


def twice() -> Flow[Ask]:
    """Return a flow whose items ask a second time, some of them under the id of the first."""
    flow: Any = Flow(Ask)
    flow.for_each().to(ask_or_not).to(again).to(ask_in_time).end_for_each().to(total).end()
    return flow  # type: ignore[no-any-return]  # it is one


def bounded() -> Flow[Ask]:
    flow: Any = Flow(Ask)
    flow.for_each(concurrency=5).to(ask_or_not).to(lambda data: data.value).end_for_each().to(total).end()
    return flow  # type: ignore[no-any-return]  # it is one


def mixed() -> Flow[Ask]:
    """Return a flow whose interrupts are in a long block, in short ones, in none, and asleep."""
    flow: Any = Flow(Ask)
    item = flow.for_each()
    item.side_branch(ask, name="beside")
    item.batch().branch(ask_in_time).branch(again).end_batch().to(total, name="pair").end_for_each().to(total).end()
    flow.side_branch(ask_by_event)
    flow.when("said").to(lambda data: data.value)
    return flow  # type: ignore[no-any-return]  # it is one


def collecting() -> Flow[Ask]:
    """Return a flow in which an item fails while another step of it asks."""
    flow: Any = Flow(Ask)
    item = flow.for_each(on_error="collect")
    item.side_branch(ask, name="beside")
    flow.side_branch(ask_by_event)
    item.to(ask_or_not).to(fail_or_not).end_for_each().to(lambda data: len(data.value), name="count").end()
    return flow  # type: ignore[no-any-return]  # it is one


def fail_or_not(data: Data[Ask, int]) -> int:
    if data.value % 2:
        raise OSError("an item")
    return data.value


def sleeping() -> Flow[Ask]:
    flow: Any = Flow(Ask)
    flow.for_each().to(ask).sleep(timedelta(microseconds=1)).end_for_each().to(total).end()
    return flow  # type: ignore[no-any-return]  # it is one


class One(Contract):
    input: int
    result: int


def in_children() -> Flow[Ask]:
    child: Any = Flow(One)
    child.to(ask).to(ask, name="more").end()
    flow: Any = Flow(Ask)
    item = flow.for_each().to(ask_or_not)
    item.to_sub_flow(child, capture={"input": "value"}, write_back={"value": "result"}).end_for_each().to(total).end()
    return flow  # type: ignore[no-any-return]  # it is one


FLOWS = {
    "each": each,
    "twice": twice,
    "bounded": bounded,
    "mixed": mixed,
    "collecting": collecting,
    "sleeping": sleeping,
    "in children": in_children,
}


class Faulty(Watched):
    """Fail at some saves, before or after they were stored, and compare the others."""

    def __init__(self, chance: random.Random, often: float = 0.1) -> None:
        super().__init__(MemoryStore())
        self._chance = chance
        self._often = often
        self.faults = 0

    async def put(self, record: StoredSnapshot, **options: Any) -> Any:
        fault = self._chance.random() if self.faults else 9
        if fault < self._often:
            self.faults -= 1
            raise StoreError("the disk is full")
        stored = await super().put(record, **options)
        if fault < 2 * self._often:
            self.faults -= 1
            raise StoreError("the answer was lost")
        return stored


async def answer_at_random(
    flow: Flow[Ask], execution: Execution[Ask], store: Faulty, chance: random.Random, turns: int
) -> Execution[Ask]:
    """Answer some interrupts one by one; whatever fails is tried again, and the execution is opened now and then."""
    for _ in range(turns):
        if execution.status is Status.COMPLETED:
            break
        if chance.random() < 0.1:
            execution = await flow.async_open("a", store=store, checkpoint="step")
            watch(store, execution)
        try:
            if execution.status is not Status.WAITING:
                await execution.async_retry()
            elif execution.interrupts:
                asked = chance.choice(list(execution.interrupts.values()))
                await execution.async_continue_with(asked, int(next(iter(asked.payload.values()))))
            else:
                await execution.async_settle()
        except StoreError:
            continue
        assert {each.interrupt_id: each.payload for each in await store.pending()} == {
            id_: each.payload for id_, each in execution.interrupts.items()
        }
    return execution


_watched: dict[str, tuple[Watched, Execution[Any]]] = {}


def watch(store: Watched, execution: Execution[Any]) -> None:
    """Pass a store the whole document of an execution as each of its saves is encoded."""
    _watched["now"] = store, execution


@pytest.fixture(autouse=True)
def parts_of_all_that_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_parts, "PARTS_FROM", 0)
    monkeypatch.setattr(block_parts, "BLOCK_FROM", 8)
    monkeypatch.setattr(interrupt_parts, "INTERRUPTS_FROM", 4)

    def reach(point: str) -> None:
        if point == "save.encoded" and "now" in _watched:
            store, execution = _watched["now"]
            store.moment = plain(execution.save().to_bytes())

    monkeypatch.setattr(failpoints, "reach", reach)
    _watched.clear()


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
    execution = await answer_at_random(flow, execution, store, chance, 200)
    assert execution.status is Status.COMPLETED
    assert await store.pending() == []
    assert set((await store.get("a")).parts) == {"s", "s/count"}
    assert any(key.startswith("i/") for written in store.written for key in written)
    await store.require_revisions()


async def test_a_question_beside_a_block_outlives_it() -> None:
    flow: Any = Flow(Ask)
    item = flow.for_each()
    item.side_branch(ask, name="beside")
    item.to(ask_or_not, name="asked").end_for_each().to(total).end()
    store = Watched(MemoryStore())
    execution = flow.create_execution(execution_id="a", store=store, checkpoint="step", history=True)
    watch(store, execution)
    await execution.async_start(list(range(12)))
    for asked in sorted(execution.interrupts.values(), key=lambda each: each.step):
        await execution.async_continue_with(asked, 1)
    assert execution.status is Status.COMPLETED
    await store.require_revisions()


async def test_a_value_that_sleeps_is_saved_as_it_was_produced_also_after_a_failed_save() -> None:
    kept: list[list[int]] = []

    def produce(data: Data[Ask, list[int]]) -> list[int]:
        kept.append([*data.value])
        return kept[0]

    flow: Any = each()
    flow.side_branch(lambda data: data.value, name="nothing")
    flow.to(produce).sleep(timedelta(days=1))
    store = Faulty(random.Random(0), often=1)
    execution = flow.create_execution(execution_id="a", store=store, checkpoint="step")
    await execution.async_start(list(range(12)))
    kept[0].append(99)
    store.faults = 1
    while store.faults:
        try:
            await execution.async_continue_with(next(iter(execution.interrupts)), 1)
        except StoreError:
            await execution.async_retry()
    (asleep,) = (record for record in plain((await store.get("a")).data)["interrupts"] if record.get("asleep"))
    assert asleep["token"]["value"] == list(range(12))


async def started(flow: Flow[Ask], store: Any, **options: Any) -> Execution[Ask]:
    execution = flow.create_execution(execution_id="a", store=store, **options)
    await execution.async_start(list(range(LENGTH)))
    return execution


async def test_an_answer_writes_and_deletes_what_it_changes() -> None:
    changes: list[tuple[set[str], set[str], int, tuple[str, ...]]] = []

    class Noting(Watched):
        async def put(self, record: StoredSnapshot, **options: Any) -> Any:
            assert record.delta is not None
            assert record.notes is not None
            writes, deletes = {part.key for part in record.delta.writes}, set(record.delta.deletes)
            changes.append((writes, deletes, len(record.data), record.notes.changed))
            return await self._store.put(record, **options)

    execution = await started(twice(), Noting(MemoryStore()), history=True)
    changes.clear()
    await execution.async_continue_with("i5", 5)
    assert [(writes, deletes) for writes, deletes, _, _ in changes] == [(set(), {"i/3"}), ({f"i/{LENGTH}"}, set())]
    assert [changed for _, _, _, changed in changes] == [("tokens", "interrupts"), ("tokens", "interrupts")]
    assert max(size for _, _, size, _ in changes) < 5000  # the head does not grow with what is pending


async def test_an_execution_that_is_cancelled_leaves_no_parts(tmp_path: Path) -> None:
    async with SQLiteStore(tmp_path / "s.db") as store:
        execution = await started(each(), store)
        await execution.async_cancel()
        assert await store.pending() == []
        stored = await store.get("a")
        assert stored is not None
        assert set(stored.parts or ()) == {"s", "s/count"}
        assert (await each().async_open("a", store=store)).status is Status.CANCELLED


DAMAGE = (
    "DELETE FROM typedflow_parts WHERE key = 'i/5'",
    "UPDATE typedflow_parts SET key = 'i/299' WHERE key = 'i/5'",
    "UPDATE typedflow_parts SET data = '[]' WHERE key = 'i/5'",
)


@pytest.mark.parametrize("damage", DAMAGE)
async def test_interrupts_in_parts_are_whole_or_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with SQLiteStore(path) as store:
        await started(each(), store)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute(damage).rowcount == 1
            connection.commit()
        with pytest.raises(SnapshotError, match="the parts of 'a' are not what was saved"):
            await each().async_open("a", store=store)
