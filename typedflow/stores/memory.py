"""Snapshots in a dict: for tests, and for executions that need not outlive the process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import RLock
from types import TracebackType
from typing import NamedTuple, Self, final

from typedflow.engine.status import FINAL
from typedflow.errors import ConflictError, SnapshotError, StoreError
from typedflow.rules import snapshots
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.snapshot.joining import digest_of_part, join_document
from typedflow.stores import holders
from typedflow.stores.clock import current_clock
from typedflow.stores.flow_state_sharing import FlowStateChange, Update, UpdateKey
from typedflow.stores.history import Pruned, Revision, Revisions
from typedflow.stores.leased import LeasedStore
from typedflow.stores.memory_work import WorkRows
from typedflow.stores.pruning import is_needed
from typedflow.stores.questions import Row, decode_question, encode_question, page_of_questions
from typedflow.stores.records import (
    Family,
    Letter,
    Listing,
    Notes,
    PendingInterrupt,
    PendingListing,
    StoredEntry,
    StoredSnapshot,
)
from typedflow.stores.requirements import (
    page_of,
    replayed,
    require_at,
    require_expected,
    require_history_page,
    require_id,
    require_page,
    require_prune,
    require_question_page,
    require_ready_at,
    require_record,
    require_statuses,
    require_text,
    require_update,
    updated,
)
from typedflow.stores.rewriting import Rewriter, Rewritten, Tally
from typedflow.stores.sync_forms import SyncHistoryStore
from typedflow.stores.work import OVER, Lease, Leases, Message, Messages, Release, letter_of_deleted


class _Kept(NamedTuple):
    record: StoredSnapshot
    revision: Revision
    parts: Mapping[str, bytes] | None


@final
class MemoryStore(SyncHistoryStore):
    """Keep snapshots as long as the store lives; they survive neither the process nor `close`.

    It shares the flow_state between all flows of one name that use it, as a store on a disk does.

    >>> async def main() -> None:
    ...     async with MemoryStore() as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         print([(entry.execution_id, entry.status) for entry in await store.list()])
    >>> asyncio.run(main())
    [('r-1', 'waiting')]
    """

    shares_flow_state: bool = True
    whole_documents: bool = False
    """It keeps the parts of an execution apart: a save hands over those that changed."""

    def __init__(self) -> None:
        self._records: dict[str, StoredSnapshot] | None = {}
        self._pending: dict[str, dict[str, Row]] = {}
        self._work = WorkRows()
        self._flow_states: dict[str, bytes] = {}
        self._values: dict[str, dict[tuple[str, str], bytes]] = {}
        """What updates have returned, by execution, then by step and call."""
        self._revisions: dict[str, dict[int, _Kept]] = {}
        self._parts: dict[str, dict[str, bytes]] = {}
        self._lock = RLock()  # loops of several threads may share a store; held while an update's function runs
        self._updating = False

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
        require_text("flow", None if flow_state is None else flow_state.flow)
        with self._lock:
            self._work.require_free(record, current_clock.get().now())
            return self._put(record, expected, flow_state, None)

    def _put(
        self, record: StoredSnapshot, expected: int | None, change: FlowStateChange | None, lease: Lease | None
    ) -> bytes | None:
        records = self._open()
        stored = records.get(record.execution_id)
        require_expected(record.execution_id, None if stored is None else stored.sequence, expected)
        changed = None if change is None else self._change(record.execution_id, change)
        family = self._require_family(record)
        extra = (record.notes, record.delta, record.holder, record.family) != (None, None, None, None)
        plain = replace(record, notes=None, delta=None, holder=None, family=None) if extra else record
        if stored is not None and stored.parent is not None:
            plain = replace(plain, parent=stored.parent)
        records[record.execution_id] = plain
        self._note_parts(record)
        if record.notes is not None:
            self._note_pending(record.execution_id, record.notes)
        if record.history is not None:
            self._note_revision(records[record.execution_id], record.history, record.notes or Notes())
        self._work.note_saved(record, lease)
        if family is not None:
            self._keep_family(family)
        return changed

    def _require_family(self, record: StoredSnapshot) -> Family | None:
        """Return what a save changes of other executions; raises `ConflictError` for a child whose id is in use."""
        for child, _, _ in () if record.family is None else record.family.children:
            stored = self._open().get(child.execution_id)
            if stored is not None and (stored.parent is None or stored.parent.execution_id != record.execution_id):
                raise ConflictError(texts.taken_id_problem(child.execution_id), execution_id=child.execution_id)
        return record.family

    def _keep_family(self, family: Family) -> None:
        """Insert the children that a save starts, and send its messages."""
        now, letters = current_clock.get().now(), list[Letter]()
        for child, retry, over in family.children:
            stored = self._open().get(child.execution_id)
            if stored is not None and stored.parent != child.parent:
                self._delete(child.execution_id)
                stored = None
            if stored is None:
                self._put(child, None, None, None)
                self._work.rows[child.execution_id].ready_at = now
            elif stored.status == "failed":
                letters.append(retry)
            elif stored.status in OVER:
                letters.append(over)
        self._send([*letters, *family.letters])

    def _send(self, letters: Iterable[Letter]) -> None:
        now = current_clock.get().now()
        for letter in letters:
            reached = self._open().get(letter.execution_id)
            self._work.send(letter, None if reached is None else reached.status, now)

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
            if key is not None and key.holder is not None:
                self._work.require_holder(key.execution_id, key.holder, key.fence)
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
            old = [each for each in of_flow if moment and each.saved_at < moment and each.status in statuses]
            deleted = 0
            while gone := [each for each in old if not self._is_needed(each)]:  # a parent before its children
                deleted += sum(self._delete(each.execution_id) for each in gone)
                old = [each for each in old if each not in gone]
            revisions = sum(self._trim(each.execution_id, keep) for each in of_flow) if keep else 0
        return Pruned(deleted, revisions)

    def _is_needed(self, record: StoredSnapshot) -> bool:
        """Return whether the parent of a remote child may still ask for it."""
        parent = None if record.parent is None else self._open().get(record.parent.execution_id)
        return is_needed(None if parent is None else parent.status)

    def _trim(self, execution_id: str, keep: int) -> int:
        kept = self._revisions.get(execution_id, {})
        old = sorted(kept)[:-keep]
        for sequence in old:
            del kept[sequence]
        return len(old)

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot and the update keys of an execution; return whether it was there. A flow_state stays."""
        require_id(execution_id)
        with self._lock:
            stored = self._open().get(execution_id)
            parent = None if stored is None or stored.parent is None else stored.parent.execution_id
            letter = None if stored is None else letter_of_deleted(execution_id, stored.status, parent)
            if letter is not None:
                self._send([letter])
            return self._delete(execution_id)

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

    # -- for workers

    def new_holder(self) -> str:
        """Return the name of a new holder, until it lets go or its loop ends; see `LeaseStore.new_holder`."""
        name = holders.new_name()
        holders.enter(name)
        return name

    def let_go(self, holder: str, execution_id: str | None) -> None:
        """End a holder's lease; see `LeaseStore.let_go`."""
        holders.leave(holder)
        if execution_id is not None:
            with self._lock:
                self._work.let_go(execution_id, holder, current_clock.get().now())

    async def submit(self, record: StoredSnapshot, *, ready_at: datetime | None = None) -> None:
        """Save a new execution for a worker to take; see `WorkStore.submit`."""
        require_record(record, None)
        ready_at = require_ready_at(ready_at)
        with self._lock:
            self._put(record, None, None, None)
            self._work.rows[record.execution_id].ready_at = ready_at or current_clock.get().now()

    async def post(self, execution_id: str, make: Callable[[StoredSnapshot], Message]) -> int:
        """Store a message for an execution; see `WorkStore.post`."""
        require_id(execution_id)
        with self._lock:
            stored = self._open().get(execution_id)
            if stored is None:
                raise SnapshotError(snapshots.not_stored_problem(execution_id))
            return self._work.post(stored, make(stored), current_clock.get().now())

    async def mail(self, execution_id: str, after: int) -> Messages:
        """Return the messages behind a number, in order."""
        with self._lock:
            row = self._work.rows.get(execution_id)
            return [each for each in row.mail if each.number > after] if row is not None else []

    async def take(
        self, flows: Collection[str], *, holder: str, ttl: timedelta, limit: int, crashed_limit: int = 1
    ) -> Leases:
        """Take executions that are ready; see `WorkStore.take`."""
        with self._lock:
            self._open()
            return self._work.take(flows, holder, ttl, (limit, crashed_limit), current_clock.get().now())

    async def acquire(self, execution_id: str, *, holder: str, ttl: timedelta) -> Lease | None:
        """Take one execution; see `WorkStore.acquire`."""
        with self._lock:
            return self._work.acquire(execution_id, holder, ttl, current_clock.get().now())

    def renew_here(self, holder: str, ttl: timedelta) -> dict[str, int]:
        """Renew the leases of a holder; see `WorkStore.renew_here`."""
        with self._lock:
            return self._work.renew(holder, ttl, current_clock.get().now())

    async def release(self, lease: Lease, release: Release) -> bool:
        """End a lease; see `WorkStore.release`."""
        with self._lock:
            return self._work.release(lease, release, current_clock.get().now())

    def held(self, lease: Lease) -> LeasedStore:
        """Return the store for the holder of a lease; see `WorkStore.held`."""
        return LeasedStore(self, lease)

    async def put_leased(
        self,
        lease: Lease,
        record: StoredSnapshot,
        *,
        expected: int | None,
        flow_state: FlowStateChange | None = None,
    ) -> bytes | None:
        """Do what `put` does, for the holder of a lease."""
        require_record(record, expected)
        require_text("flow", None if flow_state is None else flow_state.flow)
        with self._lock:
            self._work.require_lease(lease)
            return self._put(record, expected, flow_state, lease)

    async def next_ready(self, flows: Collection[str]) -> datetime | None:
        """Return from when on the next execution of these flows can be taken; None where none will be."""
        with self._lock:
            return self._work.next_ready(flows, current_clock.get().now())

    async def quarantined(self, flow: str | None = None) -> Listing:
        """List the executions that no worker takes; see `WorkStore.quarantined`."""
        require_text("flow", flow)
        with self._lock:
            found = [each.entry for id_, each in self._open().items() if self._work.rows[id_].quarantined]
        return page_of(found, flow, None, None, None)

    async def problem(self, execution_id: str) -> str | None:
        """Return why an execution does not run now; see `WorkStore.problem`."""
        require_id(execution_id)
        with self._lock:
            row = self._work.rows.get(execution_id)
            return None if row is None else row.problem

    async def release_quarantine(self, execution_id: str) -> bool:
        """Release an execution from quarantine, so that workers may take it; return whether it was in quarantine."""
        require_id(execution_id)
        with self._lock:
            return self._work.release_quarantine(execution_id, current_clock.get().now())

    async def rewrite(self, rewriter: Rewriter, *, batch: int = 100) -> Rewritten:
        """Write everything that is kept anew; see `RewritingStore.rewrite`."""
        tally = Tally()
        with self._lock:
            for execution_id in self._open():
                self._rewrite(execution_id, rewriter, tally)
            for flow, data in self._flow_states.items():
                state = tally.attempt(None, partial(rewriter.flow_state, flow, data))
                if state is not None:
                    self._flow_states[flow] = state
                    tally.flow_states += 1
            for execution_id, values in self._values.items():
                for (step, call), value in values.items():
                    key = UpdateKey(execution_id, step, call)
                    changed = tally.attempt(execution_id, partial(rewriter.value, key, value))
                    if changed is not None:
                        values[step, call] = changed
                        tally.others += 1
        return tally.total()

    def _rewrite(self, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
        newest = self._open()[execution_id]
        kept = self._revisions.get(execution_id, {})
        for sequence, each in kept.items():
            data = tally.attempt(execution_id, partial(_rewritten, rewriter, each.record, each.parts))
            if data is not None:
                kept[sequence] = _Kept(replace(each.record, data=data), each.revision, None)
                tally.others += sequence != newest.sequence
        data = tally.attempt(execution_id, partial(_rewritten, rewriter, newest, self._parts.get(execution_id)))
        if data is not None:
            self._open()[execution_id] = replace(newest, data=data)
            self._parts.pop(execution_id, None)
            tally.executions += 1
        rows = self._pending.get(execution_id, {})
        for interrupt_id, row in rows.items():
            asked = tally.attempt(execution_id, partial(_asked, rewriter, row))
            if asked is not None:
                rows[interrupt_id] = encode_question(asked)
                tally.others += 1
        self._work.rewrite(execution_id, rewriter, tally)

    async def close(self) -> None:
        """Forget everything."""
        self._records = None
        self._pending, self._revisions, self._parts = {}, {}, {}

    async def __aenter__(self) -> Self:
        """Return the store itself."""
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
        self._values.pop(execution_id, None)
        self._work.rows.pop(execution_id, None)
        self._revisions.pop(execution_id, None)
        self._parts.pop(execution_id, None)
        return self._open().pop(execution_id, None) is not None

    def _open(self) -> dict[str, StoredSnapshot]:
        if self._records is None:
            raise StoreError(texts.closed_problem("MemoryStore"))
        return self._records


def _asked(rewriter: Rewriter, row: Row) -> PendingInterrupt | None:
    return rewriter.question(decode_question(row))


def _rewritten(rewriter: Rewriter, record: StoredSnapshot, parts: Mapping[str, bytes] | None) -> bytes | None:
    return rewriter.snapshot(record if parts is None else replace(record, data=join_document(record.data, parts)))
