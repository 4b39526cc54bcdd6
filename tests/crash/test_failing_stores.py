"""A store that fails while a run is saved: a typed error, a run that can go on, and what was stored before."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.crash import adders
from tests.stores.disks import FULL_DISKS, ROOM
from typedflow import Contract, Data, Execution, Flow, State, Status
from typedflow.errors import ExecutionError, StoreError
from typedflow.snapshot.reading import read_document
from typedflow.stores import FileStore, SnapshotStore, SQLiteStore


class Pages(State):
    pages: list[str] = []


class Copying(Contract):
    input: int
    result: int
    state: Pages


async def begin(data: Data[Copying, int]) -> int:
    return data.value


async def fill(data: Data[Copying, int]) -> int:
    """Write more than fits, once; the retry finds less."""
    data.state.pages = ["x" * 1024] * (2 * ROOM // 1024 if data.value > len(data.state.pages) else 1)
    return data.value


async def finish(data: Data[Copying, int]) -> int:
    return data.value + 1


def copying() -> Flow[Any]:
    flow: Flow[Any] = Flow(Copying)
    flow.to(begin).to(fill).to(finish).end()
    return flow


def open_store(kind: str, folder: Path) -> SnapshotStore:
    return SQLiteStore(folder / "store.db", timeout=0.2) if kind == "sqlite" else FileStore(folder / "snapshots")


async def fails(call: Any, execution: Execution[Any], text: str) -> None:
    with pytest.raises(StoreError, match=text):
        await call
    assert execution.status is Status.FAILED
    with pytest.raises(ExecutionError):
        execution.result  # noqa: B018  # it raises


@pytest.mark.parametrize("full_disk", FULL_DISKS)
@pytest.mark.parametrize("kind", ["sqlite", "file"])
async def test_a_disk_that_is_full_fails_the_run_which_can_be_retried(
    kind: str, full_disk: Any, tmp_path: Path
) -> None:
    flow = copying()
    with full_disk(tmp_path) as folder:
        async with open_store(kind, folder) as store:
            execution = flow.create_execution(execution_id="one", store=store, checkpoint="step")
            await fails(execution.async_start(5), execution, rf"{re.escape(str(folder))}.*cannot save 'one'")
            stored = await store.get("one")
            assert stored is not None
            snapshot = read_document(stored.data)
            assert [token.node for token in snapshot.tokens] == ["fill"]
            execution.state.pages = []
            assert await execution.async_retry() is Status.COMPLETED
            again = await flow.async_open("one", store=store)
            assert again.result == 6


@pytest.mark.parametrize("kind", ["sqlite", "file"])
async def test_a_store_that_is_closed_fails_the_run_and_keeps_what_was_stored(kind: str, tmp_path: Path) -> None:
    store = open_store(kind, tmp_path)

    class Closing(Contract):
        input: int
        result: int

    async def close(data: Data[Closing, int]) -> int:
        await store.close()
        return data.value

    flow: Flow[Any] = Flow(Closing)
    flow.to(close).end()
    execution = flow.create_execution(execution_id="one", store=store, checkpoint="step")
    await fails(execution.async_start(1), execution, "closed")
    await fails(execution.async_retry(), execution, "closed")
    async with open_store(kind, tmp_path) as other:
        again = await flow.async_open("one", store=other)
        assert again.status is Status.RUNNING
        assert await again.async_retry() is Status.COMPLETED


async def test_a_database_that_stays_locked_fails_the_run_which_can_be_retried(tmp_path: Path) -> None:
    flow = adders.adding(2)
    async with open_store("sqlite", tmp_path) as store:
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        execution = flow.create_execution(execution_id="one", store=store, checkpoint="step")
        other.execute("BEGIN IMMEDIATE")
        await fails(execution.async_start(1), execution, "locked.*another process holds the write lock")
        assert await store.get("one") is None
        other.execute("ROLLBACK")
        other.close()
        assert await execution.async_retry() is Status.COMPLETED
        stored = await store.get("one")
        assert stored is not None
        assert stored.status == "completed"
        assert b'"total":2' in (await store.get_flow_state("adding") or b"")


async def test_an_end_that_could_not_be_saved_is_saved_by_a_retry(tmp_path: Path) -> None:
    marks: list[int] = []

    async def last(data: Data[Copying, int]) -> int:
        marks.append(data.value)
        other.execute("BEGIN IMMEDIATE")
        return data.value

    flow: Flow[Any] = Flow(Copying)
    flow.to(last).end()
    async with open_store("sqlite", tmp_path) as store:
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        execution = flow.create_execution(execution_id="one", store=store, checkpoint="pause")
        with pytest.raises(StoreError, match="locked"):
            await execution.async_start(1)
        assert (execution.status, execution.result) == (Status.COMPLETED, 1)
        other.execute("ROLLBACK")
        other.close()
        stored = await store.get("one")
        assert stored is not None
        assert stored.status == "running"
        assert await execution.async_retry() is Status.COMPLETED
        assert (await flow.async_open("one", store=store)).result == 1
        assert marks == [1]
