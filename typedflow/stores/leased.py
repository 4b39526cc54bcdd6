"""A store as the holder of a lease uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self, final

from typedflow.stores.flow_state_sharing import FlowStateChange, FlowStateStore, SyncFlowStateStore, Update, UpdateKey
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import Entries, StoredSnapshot
from typedflow.stores.work import OVER, Lease


class LeasingStore(SnapshotStore, FlowStateStore, SyncFlowStateStore, Protocol):
    """What `LeasedStore` asks of the store behind it."""

    async def put_leased(
        self,
        lease: Lease,
        record: StoredSnapshot,
        *,
        expected: int | None,
        flow_state: FlowStateChange | None = None,
    ) -> bytes | None:
        """Do what `put` does, for the holder of a lease."""
        ...


@final
class LeasedStore:
    """Save one execution under a lease: a save by another holder, or after the lease was lost, is refused."""

    def __init__(self, store: LeasingStore, lease: Lease) -> None:
        self._store = store
        self.lease = lease
        self.over = False
        """Whether a save has ended the execution, and the lease with it."""
        self.mail = 0
        """The number of the last message that the stored execution has taken."""
        self.after_save: Callable[[], object] | None = None
        """Called when a save is done."""

    @property
    def shares_flow_state(self) -> bool:
        """Whether the store behind it does."""
        return self._store.shares_flow_state

    @property
    def whole_documents(self) -> bool:
        """Whether the store behind it does."""
        return getattr(self._store, "whole_documents", True)

    async def get(self, execution_id: str) -> StoredSnapshot | None:
        """Read the snapshot of an execution, None when there is none."""
        return await self._store.get(execution_id)

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot if the lease is still the newest; raises `LeaseLostError` if it is not."""
        stored = await self._store.put_leased(self.lease, record, expected=expected, flow_state=flow_state)
        self.over, self.mail = record.status in OVER, record.mail
        if self.after_save is not None:
            self.after_save()
        return stored

    async def list(self, flow: str | None = None, status: str | None = None) -> Entries:
        """List what is stored."""
        return await self._store.list(flow, status)

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot of an execution; return whether there was one."""
        return await self._store.delete(execution_id)

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Read the stored flow_state of a flow."""
        return await self._store.get_flow_state(flow)

    async def update_flow_state(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Change a flow_state if the lease is still the newest; see `FlowStateStore.update_flow_state`."""
        return await self._store.update_flow_state(flow, self._under_lease(key), change)

    def update_flow_state_sync(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Do what `update_flow_state` does, in a plain call."""
        return self._store.update_flow_state_sync(flow, self._under_lease(key), change)

    def _under_lease(self, key: UpdateKey | None) -> UpdateKey | None:
        """Return a key with the lease: the step may have been run by another holder, and its keys be gone."""
        if key is None or key.execution_id != self.lease.execution_id:
            return key
        return replace(key, holder=self.lease.holder, fence=self.lease.fence)

    async def close(self) -> None:
        """Do nothing: the owner of the store behind this one closes it."""

    async def __aenter__(self) -> Self:
        """Return this."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Do nothing."""
