"""Golden snapshots of remote children: what a store has of a parent and of its children, at two moments.

`python -m tests.snapshot.golden_remote` writes those that are not there yet. A file that is there stays: it was written
by the code of its day, and today's code must go on from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.snapshot.golden import FOLDER
from typedflow import Contract, Data, Failed, Flow, Status
from typedflow.distributed import Worker
from typedflow.stores import MemoryStore, Message, StoredSnapshot
from typedflow.stores.records import Parent

PARENT: Final = "case"
"""The id of the parent."""
SOON: Final = 20.0


class Part(Contract):
    input: int
    result: int


class Whole(Contract):
    input: list[int]
    result: list[str]


class Strict(Contract):
    input: int
    result: int


class Kept(msgspec.Struct):
    """What a store has of one execution."""

    execution_id: str
    flow: str
    status: str
    sequence: int
    saved_at: datetime
    parent: tuple[str, str, str] | None
    document: msgspec.Raw

    def record(self) -> StoredSnapshot:
        """Return it as a store takes it."""
        parent = None if self.parent is None else Parent(*self.parent)
        columns = (self.execution_id, self.flow, self.status, self.sequence, self.saved_at)
        return StoredSnapshot(*columns, bytes(self.document), parent=parent)


def part(refuses: Callable[[int], bool] = lambda value: value < 0) -> Flow[Part]:
    """Return the flow of the children: even numbers are asked about, negative ones fail."""

    def halve(data: Data[Part, int]) -> int:
        if refuses(data.value):
            raise ValueError(f"{data.value} is negative")
        if data.value % 2:
            return data.value
        return data.pause_for(f"half of {data.value}?", interrupt_id="half")

    flow = Flow(Part, name="part")
    flow.to(halve).end()
    return flow


def show(data: Data[Whole, list[int | Failed[int]]]) -> list[str]:
    return [each.text if isinstance(each, Failed) else str(each) for each in data.value]


def whole(child: Flow[Part]) -> Flow[Whole]:
    flow = Flow(Whole, name="whole")
    flow.for_each(on_error="collect").to_sub_flow(child, remote=True).end_for_each().to(show).end()
    return flow


def strict(child: Flow[Part]) -> Flow[Strict]:
    flow = Flow(Strict, name="strict")
    flow.to_sub_flow(child, remote=True).end()
    return flow


class _Taken(msgspec.Struct):
    """Of a document: the number of the last message that it has taken."""

    mail: int = 0


@asynccontextmanager
async def restored(moment: str) -> AsyncIterator[MemoryStore]:
    """Open a store that has what was kept, and has had as many messages."""
    async with MemoryStore() as store:
        for kept in read(moment):
            await store.submit(kept.record())
            for _ in range(msgspec.json.decode(kept.document, type=_Taken).mail):
                await store.post(kept.execution_id, lambda stored: Message("event", "taken", b"null"))
        yield store


@asynccontextmanager
async def working(store: MemoryStore, *flows: Flow[Any]) -> AsyncIterator[None]:
    """Run a worker with these flows."""
    worker = Worker(store, flows, poll=0.02)
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await running


async def rests(store: MemoryStore, *flows: Flow[Any]) -> None:
    """Return when there is nothing more to do for workers with these flows."""
    async with working(store, *flows), asyncio.timeout(SOON):
        while await store.next_ready([flow.name for flow in flows]) is not None:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.005)


def file_of(moment: str) -> Path:
    return FOLDER / "remote" / f"{moment}.json"


def read(moment: str) -> list[Kept]:
    return msgspec.json.decode(file_of(moment).read_bytes(), type=list[Kept])


async def waiting() -> list[Kept]:
    """Return a parent that waits for one child, which asks something, and has taken how the others ended."""
    async with MemoryStore() as store:
        child = part()
        parent = whole(child)
        await parent.create_execution(store=store, execution_id=PARENT).async_start([2, -3, 5])
        await rests(store, parent, child)
        return await _kept(store, Status.WAITING)


async def failed() -> list[Kept]:
    """Return a parent that has failed with its child."""
    async with MemoryStore() as store:
        child = part()
        parent = strict(child)
        await parent.create_execution(store=store, execution_id=PARENT).async_start(-3)
        await rests(store, parent, child)
        return await _kept(store, Status.FAILED)


async def _kept(store: MemoryStore, status: Status) -> list[Kept]:
    found = []
    for entry in await store.list():
        stored = await store.get(entry.execution_id)
        assert stored is not None
        columns = (stored.execution_id, stored.flow, stored.status, stored.sequence, stored.saved_at)
        found.append(Kept(*columns, parent=stored.parent, document=msgspec.Raw(stored.data)))
    assert {each.execution_id: each.status for each in found}[PARENT] == status
    return found


MOMENTS: Final = {"waiting": waiting, "failed": failed}


def write_missing() -> None:
    for moment, make in MOMENTS.items():
        file = file_of(moment)
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(msgspec.json.format(msgspec.json.encode(asyncio.run(make()))))


if __name__ == "__main__":
    write_missing()
