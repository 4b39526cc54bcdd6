"""A store that takes its time and fails where a test says: at which call, and whether before or after the deed."""

from __future__ import annotations

import asyncio
import random
from types import TracebackType
from typing import Final, Literal, Self

from typedflow.errors import ConflictError, StoreError
from typedflow.stores.flow_state_sharing import FlowStateChange, Update, UpdateKey
from typedflow.stores.records import Entries, StoredSnapshot
from typedflow.stores.requirements import require_expected

Fault = Literal["before", "after", "conflict"]


class FaultyStore:
    """Keep snapshots and flow_states in dicts. `faults` are by the number of the put, from 1; each happens once.

    `before` is a failure of which nothing came, `after` one that came too late to undo anything: the save stands, and
    the caller does not know.
    """

    shares_flow_state: Final = True

    def __init__(self, chance: random.Random, faults: dict[int, Fault] | None = None) -> None:
        self.chance = chance
        self.faults = faults or {}
        self.puts = 0
        self.records: dict[str, StoredSnapshot] = {}
        self.flow_states: dict[str, bytes] = {}
        self.history: list[StoredSnapshot] = []
        self.updates: dict[UpdateKey, bytes] = {}
        self.update_faults: dict[int, Fault] = {}
        self.update_calls = 0

    async def get(self, execution_id: str) -> StoredSnapshot | None:
        await self._wait()
        return self.records.get(execution_id)

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        self.puts += 1
        fault = self.faults.get(self.puts)
        await self._wait()
        if fault == "before":
            raise StoreError("the disk is full")
        if fault == "conflict":
            raise ConflictError("another process saved first", stored=expected, expected=expected)
        stored = self.records.get(record.execution_id)
        require_expected(record.execution_id, None if stored is None else stored.sequence, expected)
        changed = None
        if flow_state is not None:
            if flow_state.replay is not None:
                changed = flow_state.replay(self.flow_states.get(flow_state.flow))
                self.flow_states[flow_state.flow] = changed
            self._forget(record.execution_id, flow_state.ended)
        self.records[record.execution_id] = record
        self.history.append(record)
        await self._wait()
        if fault == "after":
            raise StoreError("the answer was lost")
        return changed

    def _forget(self, execution_id: str, ended: tuple[str, ...] | None) -> None:
        for key in [*self.updates]:
            if key.execution_id == execution_id and (ended is None or key.step in ended):
                del self.updates[key]

    async def update_flow_state(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        await self._wait()
        return self.update_flow_state_sync(flow, key, change)

    def update_flow_state_sync(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Fail as `update_faults` say, by the number of the update."""
        self.update_calls += 1
        fault = self.update_faults.get(self.update_calls)
        if fault == "before":
            raise StoreError("no connection")
        if key is not None and key in self.updates:
            return self.updates[key]
        changed = change(self.flow_states.get(flow))
        if fault == "conflict":
            raise StoreError("the connection was lost")
        self.flow_states[flow] = changed.data
        if key is not None:
            self.updates[key] = changed.value
        if fault == "after":
            raise StoreError("the answer was lost")
        return changed.value

    async def _wait(self) -> None:
        await asyncio.sleep(self.chance.choice([0, 0, 0.3, 1]))

    async def list(self, flow: str | None = None, status: str | None = None) -> Entries:
        return [record.entry for record in self.records.values()]

    async def delete(self, execution_id: str) -> bool:
        return self.records.pop(execution_id, None) is not None

    async def get_flow_state(self, flow: str) -> bytes | None:
        await self._wait()
        return self.flow_states.get(flow)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass
