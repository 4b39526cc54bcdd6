"""The slots and the source of a long for_each as parts: what is stored is the document, at any moment."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.execution.test_saved_parts import Watched, plain
from typedflow import Contract, Data, Flow, State, Status
from typedflow.errors import SnapshotError
from typedflow.execution import failpoints
from typedflow.snapshot.joining import CHUNK
from typedflow.stores import MemoryStore, SQLiteStore, StoredSnapshot

LENGTH = CHUNK + 44
"""Items, so that the source takes two parts."""


class Seen(State):
    count: int = 0


class Add(Contract):
    input: list[int]
    result: int
    state: Seen


def add(data: Data[Add, int]) -> list[int]:
    return [data.value, data.value + 1]


async def add_later(data: Data[Add, int]) -> list[int]:
    for _ in range(data.value % 3):
        await asyncio.sleep(0)
    return [data.value, data.value + 1]


def ask_some(data: Data[Add, int]) -> list[int]:
    if data.value % 100 == 7:
        data.pause_for(data.value)
    return [data.value, data.value + 1]


def total(data: Data[Add, list[list[int]]]) -> int:
    return sum(map(sum, data.value))


def flow_of(handler: Any, concurrency: int | None) -> Flow[Add]:
    flow = Flow(Add, name="adding")
    flow.for_each(concurrency=concurrency).to(handler).end_for_each().to(total).end()
    return flow


def nested() -> Flow[Add]:
    """Return a flow whose items are long for_eaches themselves."""
    flow: Any = Flow(Add, name="nested")
    inner = flow.for_each(concurrency=2).to(lambda data: list(range(70 + data.value)), name="spread")
    inner.for_each(concurrency=3).to(lambda data: data.value).end_for_each().to(sum_up).end_for_each().to(sum_all).end()
    return flow  # type: ignore[no-any-return]  # of any contract


def sum_up(data: Data[Add, list[int]]) -> int:
    return sum(data.value)


def sum_all(data: Data[Add, list[int]]) -> int:
    return sum(data.value)


SUM = sum(2 * item + 1 for item in range(LENGTH))
FLOWS: dict[str, tuple[Callable[[], Flow[Add]], int, int]] = {
    "one by one": (lambda: flow_of(add, 1), LENGTH, SUM),
    "ten at a time": (lambda: flow_of(add_later, 10), LENGTH, SUM),
    "all at once": (lambda: flow_of(add_later, None), 100, sum(2 * item + 1 for item in range(100))),
    "nested": (nested, 5, sum(sum(range(70 + item)) for item in range(5))),
}


class Sampling(Watched):
    """Takes the whole document of every seventh save only: to make it takes as long as the items are many."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.saves = 0

    def is_due(self) -> bool:
        self.saves += 1
        return self.saves % 7 == 1

    async def put(self, record: StoredSnapshot, **options: Any) -> Any:
        returned = await self._store.put(record, **options)
        if self.moment is not None:
            stored = await self._store.get(record.execution_id)
            self.documents[record.sequence] = plain(stored.data)
            assert self.documents[record.sequence] == self.moment
        return returned


@pytest.mark.parametrize("name", FLOWS)
async def test_a_save_of_a_long_for_each_is_the_document(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build, size, expected = FLOWS[name]
    store = Sampling()
    execution = build().create_execution(execution_id="a", store=store, checkpoint="step", history=True)

    def reach(point: str) -> None:
        if point == "save.encoded":
            store.moment = plain(execution.save().to_bytes()) if store.is_due() else None

    monkeypatch.setattr(failpoints, "reach", reach)
    await execution.async_start(list(range(size)))
    assert execution.result == expected
    await store.require_revisions()


@pytest.mark.parametrize("name", ["ten at a time", "all at once", "nested"])
async def test_a_long_for_each_goes_on_from_wherever_it_was_cut_off(name: str, tmp_path: Path) -> None:
    build, size, expected = FLOWS[name]
    async with SQLiteStore(tmp_path / "s.db") as store:
        execution = build().create_execution(execution_id="a", store=store, checkpoint="step", history=True)
        await execution.async_start(list(range(size)))
        revisions = [each for each in await store.history("a") if each.status == "running"]
        for each in revisions[5 :: max(1, len(revisions) // 3)]:
            fork = await build().async_fork("a", store=store, at=each.sequence, history=False)
            assert await fork.async_retry() is Status.COMPLETED
            assert fork.result == expected
            assert left_in(tmp_path / "s.db", fork.id) == []


def left_in(path: Path, execution_id: str) -> list[str]:
    """Return the keys of the parts of blocks that are stored."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT key FROM typedflow_parts JOIN typedflow_executions ON execution = id"
            " WHERE execution_id = ? AND key LIKE 'j/%' ORDER BY key",
            (execution_id,),
        )
        return [key for (key,) in rows]


async def test_a_long_for_each_that_waits_is_opened_and_answered_one_by_one(tmp_path: Path) -> None:
    async with SQLiteStore(tmp_path / "s.db") as store:
        execution = flow_of(ask_some, 10).create_execution(execution_id="a", store=store)
        await execution.async_start(list(range(LENGTH)))
        while (found := await store.pending(limit=1)) != []:
            assert len(left_in(tmp_path / "s.db", "a")) > LENGTH - 10
            opened = await flow_of(ask_some, 10).async_open("a", store=store)
            await opened.async_continue_with(found[0], [0, 1])
        assert opened.result == SUM - sum(2 * item for item in range(LENGTH) if item % 100 == 7)
        assert left_in(tmp_path / "s.db", "a") == []


async def test_a_save_writes_the_slots_that_were_filled() -> None:
    written: list[tuple[set[str], set[str]]] = []

    class Noting(Watched):
        async def put(self, record: StoredSnapshot, **options: Any) -> Any:
            assert record.delta is not None
            written.append(({part.key for part in record.delta.writes}, set(record.delta.deletes)))
            return await self._store.put(record, **options)

    execution = flow_of(add, 1).create_execution(
        execution_id="a", store=Noting(MemoryStore()), checkpoint="step", state=Seen(count=1)
    )
    await execution.async_start(list(range(LENGTH)))
    assert written[0] == ({"s", "s/count", "j/0/i/0", "j/0/i/1"}, set())
    steps = written[1 : LENGTH + 1]
    assert [writes for writes, _ in steps[:-1]] == [{f"j/0/{item}"} for item in range(LENGTH - 1)]
    assert [number for number, (_, deletes) in enumerate(steps[:-1]) if deletes] == [
        CHUNK - 2,
        LENGTH - 2,
    ]  # the item that follows is started then
    assert len(steps[-1][1]) == LENGTH - 1


DAMAGE = (
    "DELETE FROM typedflow_parts WHERE key = 'j/0/5'",
    "UPDATE typedflow_parts SET key = 'j/0/299' WHERE key = 'j/0/5'",
    "UPDATE typedflow_parts SET data = '[]' WHERE key = 'j/0/5'",
    "DELETE FROM typedflow_parts WHERE key = 'j/0/i/1'",
)


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_long_for_each_is_whole_or_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "s.db"

    def stop(data: Data[Add, int]) -> list[int]:
        if data.value == 20:
            raise OSError("stopped")
        return [data.value]

    async with SQLiteStore(path) as store:
        execution = flow_of(stop, 1).create_execution(execution_id="a", store=store, checkpoint="step")
        with pytest.raises(OSError, match="stopped"):
            await execution.async_start(list(range(LENGTH)))
        assert (await flow_of(stop, 1).async_open("a", store=store)).status is Status.FAILED
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute(damage).rowcount == 1
            connection.commit()
        with pytest.raises(SnapshotError, match="the parts of 'a' are not what was saved"):
            await flow_of(stop, 1).async_open("a", store=store)
