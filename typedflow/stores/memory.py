"""Snapshots in a dict: for tests, and for executions that need not outlive the process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from threading import Lock
from types import TracebackType
from typing import NamedTuple, Self, final

from typedflow.engine.status import FINAL
from typedflow.errors import StoreError
from typedflow.rules import stores as texts
from typedflow.snapshot.joining import digest_of_part, join_document
from typedflow.stores.protocol import (
    FlowStateChange,
    Listing,
    Notes,
    PendingInterrupt,
    PendingListing,
    Pruned,
    Revision,
    Revisions,
    StoredEntry,
    StoredSnapshot,
)
from typedflow.stores.questions import Row, decode_question, encode_question, page_of_questions
from typedflow.stores.requirements import (
    page_of,
    require_at,
    require_expected,
    require_history_page,
    require_id,
    require_no_flow_state,
    require_page,
    require_prune,
    require_question_page,
    require_record,
    require_statuses,
    require_text,
)


class _Kept(NamedTuple):
    record: StoredSnapshot
    revision: Revision
    parts: Mapping[str, bytes] | None


@final
class MemoryStore:
    """Keep snapshots as long as the store lives; they survive neither the process nor `close`.

    It does not share flow_state: within one process a flow's own is the only one.
    """

    shares_flow_state: bool = False
    whole_documents: bool = False
    """It keeps the parts of an execution apart: a save hands over those that changed."""

    def __init__(self) -> None:
        self._records: dict[str, StoredSnapshot] | None = {}
        self._pending: dict[str, dict[str, Row]] = {}
        self._revisions: dict[str, dict[int, _Kept]] = {}
        self._parts: dict[str, dict[str, bytes]] = {}
        self._lock = Lock()  # loops of several threads may share a store; held for dict operations only

    async def get(self, execution_id: str, *, at: int | None = None) -> StoredSnapshot | None:
        """Read the newest snapshot of an execution, or that of a save sequence; None when there is none."""
        require_id(execution_id)
        require_at(at)
        with self._lock:
            newest = self._open().get(execution_id)
            parts: Mapping[str, bytes] | None = self._parts.get(execution_id)
            if at is not None and newest is not None and newest.sequence != at:
                revision = self._revisions.get(execution_id, {}).get(at)
                newest, parts = (None, None) if revision is None else (revision.record, revision.parts)
            if newest is None or parts is None:
                return newest
            parts = dict(parts)  # without a history the next save changes it
        digests = {key: digest_of_part(key, data) for key, data in parts.items()}
        return replace(newest, data=join_document(newest.data, parts), head=newest.data, parts=digests)

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot in place of the one with the expected sequence; see `SnapshotStore.put`."""
        require_record(record, expected)
        require_no_flow_state("MemoryStore", flow_state)
        with self._lock:
            records = self._open()
            stored = records.get(record.execution_id)
            require_expected(record.execution_id, None if stored is None else stored.sequence, expected)
            extra = record.notes is not None or record.delta is not None
            records[record.execution_id] = replace(record, notes=None, delta=None) if extra else record
            self._note_parts(record)
            if record.notes is not None:
                self._note_pending(record.execution_id, record.notes)
            if record.history is not None:
                self._note_revision(records[record.execution_id], record.history, record.notes or Notes())
        return None

    async def list(
        self,
        flow: str | None = None,
        status: str | None = None,
        *,
        after: StoredEntry | None = None,
        limit: int | None = None,
        statuses: Collection[str] | None = None,
    ) -> Listing:
        """List what is stored, oldest save first, then by id: all of it, or a page; see `PagedStore.list`."""
        require_text("flow", flow)
        wanted = require_statuses(status, statuses)
        require_page(after, limit)
        with self._lock:
            records = [*self._open().values()]
        return page_of((record.entry for record in records), flow, wanted, after, limit)

    async def pending(
        self,
        flow: str | None = None,
        type: str | None = None,
        *,
        after: PendingInterrupt | None = None,
        limit: int | None = None,
    ) -> PendingListing:
        """List the interrupts that wait for an answer, longest wait first; see `HistoryStore.pending`."""
        require_text("flow", flow)
        require_text("type", type)
        require_question_page(after, limit)
        with self._lock:
            self._open()
            rows = [row for rows in self._pending.values() for row in rows.values()]
        return page_of_questions(map(decode_question, rows), flow, type, after, limit)

    async def history(self, execution_id: str, *, after: int | None = None, limit: int | None = None) -> Revisions:
        """List the revisions that are kept of an execution, in order; see `HistoryStore.history`."""
        require_id(execution_id)
        require_history_page(after, limit)
        with self._lock:
            self._open()
            kept = sorted(self._revisions.get(execution_id, {}).items())
        return [each.revision for sequence, each in kept if after is None or sequence > after][:limit]

    async def prune(
        self,
        *,
        before: datetime | None = None,
        statuses: Collection[str] = FINAL,
        flow: str | None = None,
        keep: int | None = None,
        batch: int = 500,
    ) -> Pruned:
        """Delete old executions, or old revisions; see `HistoryStore.prune`."""
        moment = require_prune(before, statuses, flow, keep, batch)
        with self._lock:
            of_flow = [each for each in self._open().values() if flow in (None, each.flow)]
            gone = [each for each in of_flow if moment and each.saved_at < moment and each.status in statuses]
            for each in gone:
                self._delete(each.execution_id)
            revisions = sum(self._trim(each.execution_id, keep) for each in of_flow) if keep else 0
        return Pruned(len(gone), revisions)

    def _trim(self, execution_id: str, keep: int) -> int:
        kept = self._revisions.get(execution_id, {})
        old = sorted(kept)[:-keep]
        for sequence in old:
            del kept[sequence]
        return len(old)

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot of an execution; say whether there was one."""
        require_id(execution_id)
        with self._lock:
            return self._delete(execution_id)

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Give None: a MemoryStore shares no flow_state."""
        require_text("flow", flow)
        self._open()
        return None

    async def close(self) -> None:
        """Forget everything."""
        self._records = None
        self._pending, self._revisions, self._parts = {}, {}, {}

    async def __aenter__(self) -> Self:
        """Give the store itself."""
        self._open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Forget everything."""
        await self.close()

    def _note_pending(self, execution_id: str, notes: Notes) -> None:
        rows = self._pending.setdefault(execution_id, {})
        for interrupt_id in notes.answered:
            rows.pop(interrupt_id, None)
        rows.update((asked.interrupt_id, encode_question(asked)) for asked in notes.asked)
        if not rows:
            del self._pending[execution_id]

    def _note_parts(self, record: StoredSnapshot) -> None:
        delta, execution_id = record.delta, record.execution_id
        if delta is None:
            self._parts.pop(execution_id, None)
            return
        parts = {} if delta.afresh else self._parts.get(execution_id, {})
        if record.history is not None:
            parts = dict(parts)  # revisions keep the old one
        for key in delta.deletes:
            parts.pop(key, None)
        parts.update((part.key, part.data) for part in delta.writes)
        self._parts[execution_id] = parts

    def _note_revision(self, record: StoredSnapshot, history: int, notes: Notes) -> None:
        kept = self._revisions.setdefault(record.execution_id, {})
        described = Revision(
            record.execution_id, record.sequence, record.status, record.saved_at, notes.steps, notes.changed
        )
        kept[record.sequence] = _Kept(record, described, self._parts.get(record.execution_id))
        for sequence in [each for each in kept if history and each <= record.sequence - history]:
            del kept[sequence]

    def _delete(self, execution_id: str) -> bool:
        self._pending.pop(execution_id, None)
        self._revisions.pop(execution_id, None)
        self._parts.pop(execution_id, None)
        return self._open().pop(execution_id, None) is not None

    def _open(self) -> dict[str, StoredSnapshot]:
        if self._records is None:
            raise StoreError(texts.closed_problem("MemoryStore"))
        return self._records
