"""Snapshots in a dict: for tests, and for executions that need not outlive the process."""

from __future__ import annotations

from threading import RLock
from types import TracebackType
from typing import Self, final

from typedflow.errors import StoreError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.stores.protocol import FlowStateChange, Listing, StoredSnapshot, Update, UpdateKey
from typedflow.stores.requirements import (
    replayed,
    require_expected,
    require_id,
    require_record,
    require_text,
    require_update,
    updated,
)


@final
class MemoryStore:
    """Keep snapshots as long as the store lives; they survive neither the process nor `close`.

    It shares the flow_state between all flows of one name that use it, as a store on a disk does.
    """

    shares_flow_state: bool = True

    def __init__(self) -> None:
        self._records: dict[str, StoredSnapshot] | None = {}
        self._flow_states: dict[str, bytes] = {}
        self._values: dict[str, dict[tuple[str, str], bytes]] = {}
        """What updates have returned, by execution, then by step and call."""
        self._lock = RLock()  # loops of several threads may share a store; held while an update's function runs
        self._updating = False

    async def get(self, execution_id: str) -> StoredSnapshot | None:
        """Read the snapshot of an execution, None when there is none."""
        require_id(execution_id)
        return self._open().get(execution_id)

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot in place of the one with the expected sequence; see `SnapshotStore.put`."""
        require_record(record, expected)
        require_text("flow", None if flow_state is None else flow_state.flow)
        with self._lock:
            records = self._open()
            stored = records.get(record.execution_id)
            require_expected(record.execution_id, None if stored is None else stored.sequence, expected)
            changed = None if flow_state is None else self._change(record.execution_id, flow_state)
            records[record.execution_id] = record
        return changed

    def _change(self, execution_id: str, change: FlowStateChange) -> bytes | None:
        changed = None
        if change.replay is not None:
            changed = replayed(change, self._flow_states.get(change.flow))
            self._flow_states[change.flow] = changed
        if change.ended is None:
            self._values.pop(execution_id, None)
        elif execution_id in self._values:
            left = {call: value for call, value in self._values[execution_id].items() if call[0] not in change.ended}
            self._values[execution_id] = left
        return changed

    async def update_flow_state(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Change a flow_state; see `FlowStateStore.update_flow_state`."""
        return self.update_flow_state_sync(flow, key, change)

    def update_flow_state_sync(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Do what `update_flow_state` does, in a plain call; it waits while another thread updates."""
        require_update(flow, key)
        with self._lock:
            self._open()
            values = {} if key is None else self._values.get(key.execution_id, {})
            if key is not None and (key.step, key.call) in values:
                return values[key.step, key.call]
            if self._updating:
                raise StoreError(texts.nested_problem(f"update the flow_state of {quoted(flow)}"))
            self._updating = True
            try:
                changed = updated(flow, change, self._flow_states.get(flow))
            finally:
                self._updating = False
            self._flow_states[flow] = changed.data
            if key is not None:
                self._values.setdefault(key.execution_id, {})[key.step, key.call] = changed.value
            return changed.value

    async def list(self, flow: str | None = None, status: str | None = None) -> Listing:
        """List what is stored, oldest save first, then by id."""
        require_text("flow", flow)
        require_text("status", status)
        with self._lock:
            records = [*self._open().values()]
        found = [r.entry for r in records if flow in (None, r.flow) and status in (None, r.status)]
        return Listing(sorted(found, key=lambda entry: (entry.saved_at, entry.execution_id)))

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot and the update keys of an execution; return whether it was there. A flow_state stays."""
        require_id(execution_id)
        with self._lock:
            self._values.pop(execution_id, None)
            return self._open().pop(execution_id, None) is not None

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Read the stored flow_state of a flow, None when there is none."""
        require_text("flow", flow)
        with self._lock:
            self._open()
            return self._flow_states.get(flow)

    async def delete_flow_state(self, flow: str) -> bool:
        """Delete the stored flow_state of a flow, so that it begins anew; return whether there was one."""
        require_text("flow", flow)
        with self._lock:
            self._open()
            return self._flow_states.pop(flow, None) is not None

    async def close(self) -> None:
        """Forget everything."""
        self._records = None

    async def __aenter__(self) -> Self:
        """Give the store itself."""
        self._open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Forget everything."""
        await self.close()

    def _open(self) -> dict[str, StoredSnapshot]:
        if self._records is None:
            raise StoreError(texts.closed_problem("MemoryStore"))
        return self._records
