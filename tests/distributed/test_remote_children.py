"""Remote children: executions of their own, which workers run while their parent waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.stores.conformance import STORES
from typedflow import Contract, Data, Flow
from typedflow.distributed import Worker, result, submit
from typedflow.stores import WorkStore

SOON: Final = 20.0
"""Seconds that a test waits at the most for what takes milliseconds."""


class Half(Contract):
    input: int
    result: int


class Whole(Contract):
    input: int
    result: int


def double(data: Data[Half, int]) -> int:
    return data.value * 2


def add_one(data: Data[Whole, int]) -> int:
    return data.value + 1


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WorkStore]:
    opened: Any = STORES[request.param].open(tmp_path)
    async with opened as store:
        yield store


@asynccontextmanager
async def working(store: WorkStore, *flows: Flow[Any], **options: Any) -> AsyncIterator[None]:
    """Have one worker for each flow."""
    async with AsyncExitStack() as stack:
        for flow in flows:
            worker = Worker(store, [flow], **{"poll": 0.02, **options})
            task = asyncio.create_task(worker.run())
            stack.push_async_callback(asyncio.wait, [task])
            stack.callback(worker.stop)
        yield


def halves() -> tuple[Flow[Half], Flow[Whole]]:
    child = Flow(Half, name="half")
    child.to(double).end()
    parent = Flow(Whole, name="whole")
    parent.to_sub_flow(child, remote=True).to(add_one).end()
    return child, parent


async def test_a_remote_child_is_run_by_the_worker_of_its_flow(store: WorkStore) -> None:
    child, parent = halves()
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == 7
    listed = {(entry.flow, entry.status) for entry in await store.list()}
    assert listed == {("whole", "completed"), ("half", "completed")}
