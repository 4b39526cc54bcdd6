"""The stores that are shipped and a user's own, wherever a store is taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol, Self, reveal_type

from review import Review

from typedflow import Flow
from typedflow.stores import (
    FileStore,
    FlowStateChange,
    MemoryStore,
    SnapshotStore,
    SQLiteStore,
    StoredEntry,
    StoredSnapshot,
)

Entries = list[StoredEntry]


class Calls:
    """What every store does, but for `shares_flow_state`: it hands the calls on to a store inside."""

    def __init__(self) -> None:
        self.inner = MemoryStore()

    async def get(self, execution_id: str) -> StoredSnapshot | None:
        return await self.inner.get(execution_id)

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        return await self.inner.put(record, expected=expected, flow_state=flow_state)

    async def list(self, flow: str | None = None, status: str | None = None) -> Entries:
        return await self.inner.list(flow, status)

    async def delete(self, execution_id: str) -> bool:
        return await self.inner.delete(execution_id)

    async def get_flow_state(self, flow: str) -> bytes | None:
        return await self.inner.get_flow_state(flow)

    async def close(self) -> None:
        await self.inner.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class ByHint(Calls):
    shares_flow_state: bool = False


class ByValue(Calls):
    shares_flow_state = False


class ByProperty(Calls):
    @property
    def shares_flow_state(self) -> bool:
        return False


class OfInstances(Calls):
    def __init__(self, shares: bool) -> None:
        super().__init__()
        self.shares_flow_state = shares


class FinalOfInstances(Calls):
    def __init__(self) -> None:
        super().__init__()
        self.shares_flow_state: Final = False


@dataclass
class AsDataclass(Calls):
    inner: MemoryStore = field(default_factory=MemoryStore)
    shares_flow_state: bool = False


@dataclass(frozen=True)
class AsFrozen(Calls):
    shares_flow_state: bool = False


class Indirect(ByHint):
    async def delete(self, execution_id: str) -> bool:
        return False


class OfFinal(Calls):
    shares_flow_state: Final = False


class OfClass(Calls):
    shares_flow_state: ClassVar[bool] = False


class Declared(Calls, SnapshotStore):
    shares_flow_state: bool = False  # E[pyright]


class DeclaredValue(Calls, SnapshotStore):
    shares_flow_state = False  # E[pyright]


class DeclaredProperty(Calls, SnapshotStore):
    @property
    def shares_flow_state(self) -> bool:
        return False


class Unsaid(Calls):
    """It does not say whether it shares flow_state."""


class Sync(Calls):
    shares_flow_state = False

    def get(self, execution_id: str) -> StoredSnapshot | None:  # E
        return None


class AnyStore(SnapshotStore, Protocol):
    """A user's protocol that asks for more."""

    def size(self) -> int: ...


flow = Flow(Review)


async def shipped(memory: MemoryStore, folder: FileStore, database: SQLiteStore) -> None:
    reveal_type(flow.create_execution(store=memory))  # R: Execution[Review]
    flow.create_execution(store=folder, checkpoint="step")
    flow.create_execution(store=database)
    reveal_type(await flow.async_open("id", store=memory))  # R: Execution[Review]
    await flow.async_open("id", store=folder)
    await flow.async_open("id", store=database)
    stores: list[SnapshotStore] = [memory, folder, database]
    either = memory if stores else database
    flow.create_execution(store=either)
    flow.create_execution(store=database if stores else None)
    async with MemoryStore() as opened, FileStore("folder") as kept, SQLiteStore("file.db") as saved:
        reveal_type(opened)  # R: MemoryStore
        flow.create_execution(store=opened)
        flow.create_execution(store=kept)
        flow.create_execution(store=saved)


async def own(store: SnapshotStore, more: AnyStore) -> None:
    flow.create_execution(store=store)
    flow.create_execution(store=more)
    flow.create_execution(store=ByHint())
    flow.create_execution(store=ByValue())
    flow.create_execution(store=ByProperty())
    flow.create_execution(store=OfInstances(True))
    flow.create_execution(store=FinalOfInstances())
    flow.create_execution(store=AsDataclass())
    flow.create_execution(store=AsFrozen())
    flow.create_execution(store=Indirect())
    flow.create_execution(store=Declared())
    flow.create_execution(store=DeclaredValue())
    flow.create_execution(store=DeclaredProperty())
    await flow.async_open("id", store=ByHint())
    await flow.async_open("id", store=ByProperty())
    async with ByHint() as opened:
        flow.create_execution(store=opened)


def class_variables_do_not_fit_a_property_everywhere(store: OfFinal, other: OfClass) -> None:
    flow.create_execution(store=store)  # E[pyright]
    flow.create_execution(store=other)  # E[pyright, pyrefly]


def wrong(store: Unsaid, plain: Sync) -> None:
    flow.create_execution(store=store)  # E
    flow.create_execution(store=plain)  # E
    flow.create_execution(store=MemoryStore)  # E
    flow.create_execution(store="folder")  # E
