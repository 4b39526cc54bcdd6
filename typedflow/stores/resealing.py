"""Seal with the current key what a store has sealed with an older one: when keys are rotated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from typing import Any, Final, final

from typedflow.errors import ConflictError, SnapshotError
from typedflow.stores.flow_state_sharing import FlowStateUpdate, UpdateKey
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import DamagedEntry, Listing, PendingInterrupt, StoredEntry, StoredSnapshot
from typedflow.stores.rewriting import Rewritten
from typedflow.stores.sealing import (
    Place,
    Sealing,
    enveloped,
    is_sealed,
    is_sealed_text,
    place_of_flow_state,
    place_of_message,
    place_of_question,
    place_of_reason,
    place_of_record,
    place_of_value,
    says_nothing,
)
from typedflow.stores.work import OVER, Message


@final
class Resealer:
    """Seal what is kept with the current key; see `Rewriter`. With `plain` also what is not sealed."""

    def __init__(self, sealing: Sealing, plain: bool) -> None:
        self._sealing: Final = sealing
        self._plain: Final = plain

    def snapshot(self, record: StoredSnapshot) -> bytes | None:
        """Return the new data of a snapshot or a revision."""
        return self._resealed(place_of_record(record), record.data)

    def next(self, record: StoredSnapshot) -> StoredSnapshot:
        """Return the record of a save that changes nothing but the seal."""
        is_plain = self._plain and not is_sealed(record.data)
        opened = record if is_plain else self._sealing.open_record(record)
        changed = replace(opened, sequence=record.sequence + 1, holder=None, head=None, parts=None)
        return self._sealing.seal_record(changed)

    def question(self, asked: PendingInterrupt) -> PendingInterrupt | None:
        """Return a pending interrupt with its payload sealed anew."""
        if self._plain and not is_sealed_text(asked.payload):
            return self._sealing.seal_question(asked)
        if self._sealing.is_newest(enveloped(place_of_question(asked), asked.payload)):
            self._sealing.open_question(asked)
            return None
        return self._sealing.seal_question(self._sealing.open_question(asked))

    def message(self, execution_id: str, message: Message) -> bytes | None:
        """Return the new data of a message."""
        if says_nothing(message):
            return None
        return self._resealed(place_of_message(execution_id, message), message.data)

    def flow_state(self, flow: str, data: bytes) -> bytes | None:
        """Return the new bytes of a flow_state."""
        return self._resealed(place_of_flow_state(flow), data)

    def value(self, key: UpdateKey, value: bytes) -> bytes | None:
        """Return the new bytes of what an update has returned."""
        return self._resealed(place_of_value("", key), value)

    def reason(self, execution_id: str, text: str) -> str | None:
        """Return the new text that says why an execution does not run."""
        place = place_of_reason(execution_id)
        if self._plain and not is_sealed_text(text):
            return self._sealing.seal_text(place, text)
        opened = self._sealing.open_text(place, text)
        return None if self._sealing.is_newest(enveloped(place, text)) else self._sealing.seal_text(place, opened)

    def _resealed(self, place: Place, data: bytes) -> bytes | None:
        if self._plain and not is_sealed(data):
            return self._sealing.seal(place, data)
        opened = self._sealing.open(place, data)
        return None if self._sealing.is_newest(data) else self._sealing.seal(place, opened)


async def reseal(store: SnapshotStore, sealing: Sealing, plain: bool, flows: Collection[str], batch: int) -> Rewritten:
    """Seal everything anew in place, where the store can do that; else what has ended, and the flow_states."""
    resealer = Resealer(sealing, plain)
    rewrite: Any = getattr(store, "rewrite", None)
    if rewrite is not None:
        rewritten: Rewritten = await rewrite(resealer, batch=batch)
        return rewritten
    executions, left, names = 0, 0, set(flows)
    damaged: list[DamagedEntry] = []
    async for entry in _entries(store, batch, damaged):
        names.add(entry.flow)
        try:
            done = await _resave(store, resealer, entry)
        except SnapshotError as error:
            damaged.append(DamagedEntry(entry.execution_id, error))
        else:
            executions, left = executions + (done is True), left + (done is None)
    states = 0
    for flow in sorted(names) if store.shares_flow_state else ():
        try:
            states += await _reseal_flow_state(store, resealer, flow)
        except SnapshotError as error:
            damaged.append(DamagedEntry(None, error))
    return Rewritten(executions, states, 0, left, tuple(damaged))


async def _entries(store: Any, batch: int, damaged: list[DamagedEntry]) -> AsyncIterator[StoredEntry]:
    """Yield what is stored: in pages where the store lists so."""
    try:
        page = await store.list(limit=batch)
    except TypeError:  # it is no PagedStore
        for entry in await store.list():
            yield entry
        return
    while page:
        damaged += page.damaged if isinstance(page, Listing) else ()
        for entry in page:
            yield entry
        page = await store.list(limit=batch, after=page[-1])


async def _resave(store: SnapshotStore, resealer: Resealer, entry: StoredEntry) -> bool | None:
    """Save an execution that has ended as it is, sealed anew; None where it has not ended and needs it."""
    record = await store.get(entry.execution_id)
    if record is None:
        return False
    if resealer.snapshot(record) is None:
        return False
    if record.status not in OVER:
        return None
    try:
        await store.put(resealer.next(record), expected=record.sequence)
    except ConflictError:  # another process has saved it, and so sealed it anew
        return False
    return True


async def _reseal_flow_state(store: Any, resealer: Resealer, flow: str) -> bool:
    stored = await store.get_flow_state(flow)
    if stored is None or resealer.flow_state(flow, stored) is None:
        return False

    def change(stored: bytes | None) -> FlowStateUpdate:
        assert stored is not None  # it was there, and is never deleted by an execution
        return FlowStateUpdate(resealer.flow_state(flow, stored) or stored, b"null")

    await store.update_flow_state(flow, None, change)
    return True
