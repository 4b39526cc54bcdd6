"""Snapshots and flow_states in one SQLite file: the store for one machine, shared by all processes on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from functools import partial
from sqlite3 import Connection
from types import TracebackType
from typing import Final, Self, TypeVar, cast, final

from typedflow.engine.status import FINAL
from typedflow.errors import ConflictError
from typedflow.rules.wording import quoted
from typedflow.stores import sqlite_flow_states, sqlite_history, sqlite_records, sqlite_work
from typedflow.stores.clock import current_clock
from typedflow.stores.embedded_leases import BEAT, EmbeddedLeases
from typedflow.stores.failures import Refusal
from typedflow.stores.flow_state_sharing import FlowStateChange, Update, UpdateKey
from typedflow.stores.flow_state_updates import Updates
from typedflow.stores.history import Pruned, Revisions
from typedflow.stores.in_place import InPlace
from typedflow.stores.leased import LeasedStore
from typedflow.stores.protocol import Put
from typedflow.stores.pruning import Old, prune_in_batches
from typedflow.stores.records import Listing, PendingInterrupt, PendingListing, StoredEntry, StoredSnapshot
from typedflow.stores.requirements import (
    require_at,
    require_expected,
    require_history_page,
    require_id,
    require_page,
    require_place,
    require_prune,
    require_question_page,
    require_ready_at,
    require_record,
    require_statuses,
    require_text,
    require_update,
)
from typedflow.stores.rewriting import Rewriter, Rewritten
from typedflow.stores.rows_rewriting import Rows, rewrite
from typedflow.stores.sqlite_database import Database, Job
from typedflow.stores.sqlite_flow_states import (
    SQLiteFlowStates,
    delete_flow_state,
    replay,
    select_flow_state,
    write_change,
)
from typedflow.stores.sqlite_listing import list_entries
from typedflow.stores.sqlite_parts import write_parts
from typedflow.stores.sqlite_pending import list_pending, note_pending
from typedflow.stores.sync_forms import SyncHistoryStore
from typedflow.stores.threads import Beat, StoreThread
from typedflow.stores.work import Lease, Leases, Message, Messages, Release

T = TypeVar("T")


@final
class SQLiteStore(SyncHistoryStore):
    """Keep snapshots, and the flow_state of each flow, in a SQLite database on a local disk.

    A put that returned survives a crash of the process and of the machine. Puts that wait at the same time share a
    commit, and each still gets its own answer. All work is done on one thread of the store's own, which starts with the
    first call; only while an execution is the sole task of its loop, and the disk is quick, its saves are made on the
    caller's thread: no other task is delayed. The file is made where there is none, its folder is not; a relative path
    is one in the folder that is current now. `timeout` is how long a call waits for other processes, in seconds.

    >>> async def main() -> str:
    ...     async with SQLiteStore(folder / "reviews.db") as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...     async with SQLiteStore(folder / "reviews.db") as store:  # in another process, next week
    ...         execution = await flow.async_open("r-1", store=store)
    ...         await execution.async_continue_with("choose", "Sibley")
    ...         return execution.result
    >>> asyncio.run(main())
    'Sibley'
    """

    shares_flow_state: bool = True
    whole_documents: bool = False
    """It keeps the parts of an execution in rows of their own: a save writes those that changed."""

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        path, timeout = require_place("SQLiteStore", path, timeout)
        self.path: Final = path if path == ":memory:" else os.path.realpath(path)
        self._leases = EmbeddedLeases(_renewal)
        self._thread = StoreThread("SQLiteStore", Database(self.path, timeout), beat=Beat(BEAT, self._leases.renewal))
        self._in_place = InPlace(self.path, self._thread)
        self._updates = Updates(SQLiteFlowStates(self.path), timeout)

    async def get(self, execution_id: str, *, at: int | None = None) -> StoredSnapshot | None:
        """Read the newest snapshot of an execution, or that of a save sequence; None when there is none."""
        require_id(execution_id)
        require_at(at)
        doing = f"read {quoted(execution_id)}"
        if at is None:
            return await self._read(doing, lambda db: sqlite_records.select(db, execution_id))
        return await self._read(doing, lambda db: sqlite_history.select_revision(db, execution_id, at))

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot in place of the one with the expected sequence; see `SnapshotStore.put`."""
        return cast("bytes | None", await self._thread.call(_saving(record, expected, flow_state)))

    def put_at_once(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> Put | None:
        """Save at once if that delays no other task; see `ImmediateStore.put_at_once`."""
        outcome = self._in_place.run(_saving(record, expected, flow_state))
        if outcome is None:
            return None
        if outcome.error is not None:
            raise outcome.error
        return Put(cast("bytes | None", outcome.value))

    async def list(
        self,
        flow: str | None = None,
        status: str | None = None,
        *,
        after: StoredEntry | None = None,
        limit: int | None = None,
        statuses: Collection[str] | None = None,
    ) -> Listing:
        """List what is stored, oldest save first, then by id: all of it, or a page; see `PagedStore.list`.

        A page is read through an index. A list of everything reads the whole table, but no payload. Rows with columns
        that no save has written are in `damaged`: all of them in a list of everything, in a page those it came across.
        """
        require_text("flow", flow)
        wanted = require_statuses(status, statuses)
        require_page(after, limit)
        where = f"database {self.path!r}"
        return await self._read("list", lambda db: list_entries(db, flow, wanted, after, limit, where))

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
        where = f"database {self.path!r}"
        return await self._read("list", lambda db: list_pending(db, flow, type, after, limit, where))

    async def history(self, execution_id: str, *, after: int | None = None, limit: int | None = None) -> Revisions:
        """List the revisions that are kept of an execution, in order; see `HistoryStore.history`."""
        require_id(execution_id)
        require_history_page(after, limit)
        doing = f"list the revisions of {quoted(execution_id)}"
        return await self._read(doing, lambda db: sqlite_history.list_revisions(db, execution_id, after, limit))

    async def prune(
        self,
        *,
        before: datetime | None = None,
        statuses: Collection[str] = FINAL,
        flow: str | None = None,
        keep: int | None = None,
        batch: int = 500,
    ) -> Pruned:
        """Delete old executions, or old revisions; see `HistoryStore.prune`. The file keeps its size, for new rows."""
        moment = require_prune(before, statuses, flow, keep, batch)
        old = None if moment is None else Old(moment, tuple(map(str, statuses)), flow)
        delete, trim = sqlite_history.prune_executions, sqlite_history.trim_revisions
        return await prune_in_batches(self._write, delete, trim, old=old, keep=keep, flow=flow, batch=batch)

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot and the update keys of an execution; return whether it was there. A flow_state stays."""
        require_id(execution_id)
        now = self._now()
        return await self._write(f"delete {quoted(execution_id)}", lambda db: sqlite_work.delete(db, execution_id, now))

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Read the stored flow_state of a flow, None when there is none."""
        require_text("flow", flow)
        return await self._read(f"read the flow_state of {quoted(flow)}", lambda db: select_flow_state(db, flow))

    async def delete_flow_state(self, flow: str) -> bool:
        """Delete the stored flow_state of a flow, so that it begins anew; return whether there was one."""
        require_text("flow", flow)
        return await self._write(f"delete the flow_state of {quoted(flow)}", lambda db: delete_flow_state(db, flow))

    async def update_flow_state(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Change a flow_state; see `FlowStateStore.update_flow_state`. `change` is called in the caller's thread.

        While others hold the write lock it waits for `timeout` seconds, without blocking the loop.
        """
        require_update(flow, key)
        return await self._updates.run(flow, key, change)

    def update_flow_state_sync(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Do what `update_flow_state` does, in a plain call.

        It blocks the thread for the commit, and while others hold the write lock: for `timeout` seconds, in a running
        event loop for 5 seconds at the most. After that it is a `StoreError`, and nothing was changed.
        """
        require_update(flow, key)
        return self._updates.run_sync(flow, key, change)

    async def rewrite(self, rewriter: Rewriter, *, batch: int = 100) -> Rewritten:
        """Write everything that is kept anew; see `RewritingStore.rewrite`."""
        return await rewrite(partial(self._write, "rewrite"), _rows, rewriter, batch)

    # -- for a process that runs an execution

    def new_holder(self) -> str:
        """Return the name of a new holder, whose leases are renewed from now on; see `LeaseStore.new_holder`.

        They are renewed by the store's thread, however busy the loop is, and last for `EMBEDDED_LEASE`.
        """
        return self._leases.enter()

    def let_go(self, holder: str, execution_id: str | None) -> None:
        """Renew a holder's lease no more, and end it if it is still there; see `LeaseStore.let_go`."""
        self._leases.leave(holder)
        if execution_id is None:
            return
        now = self._now()
        doing = f"release {quoted(execution_id)}"
        self._thread.post(Job(doing, True, lambda db: sqlite_work.let_go(db, execution_id, holder, now)))

    # -- for workers

    async def submit(self, record: StoredSnapshot, *, ready_at: datetime | None = None) -> None:
        """Save a new execution for a worker to take; see `WorkStore.submit`."""
        require_record(record, None)
        ready_at = require_ready_at(ready_at)
        now = self._now()

        def work(db: Connection) -> None:
            _save(db, record, None, None, None, now)
            sqlite_work.make_ready(db, record.execution_id, ready_at or now)

        await self._write(f"submit {quoted(record.execution_id)}", work)

    async def post(self, execution_id: str, make: Callable[[StoredSnapshot], Message]) -> int:
        """Store a message for an execution; see `WorkStore.post`."""
        require_id(execution_id)
        now, context = self._now(), copy_context()
        doing = f"write to {quoted(execution_id)}"

        def make_here(stored: StoredSnapshot) -> Message:
            return context.run(make, stored)

        return await self._write(doing, lambda db: sqlite_work.post(db, execution_id, make_here, now))

    async def mail(self, execution_id: str, after: int) -> Messages:
        """Return the messages behind a number, in order."""
        require_id(execution_id)
        return await self._read("read its mail", lambda db: sqlite_work.read_mail(db, execution_id, after))

    async def take(
        self, flows: Collection[str], *, holder: str, ttl: timedelta, limit: int, crashed_limit: int = 1
    ) -> Leases:
        """Take executions that are ready; see `WorkStore.take`. Where none is, nothing is written."""
        now = self._now()
        ready = await self._next_ready(flows, now)
        if ready is None or ready > now:
            return []
        limits = (limit, crashed_limit)
        return await self._write("take work", lambda db: sqlite_work.take(db, flows, holder, ttl, limits, now))

    async def acquire(self, execution_id: str, *, holder: str, ttl: timedelta) -> Lease | None:
        """Take one execution; see `WorkStore.acquire`."""
        require_id(execution_id)
        now = self._now()
        doing = f"take {quoted(execution_id)}"
        return await self._write(doing, lambda db: sqlite_work.acquire(db, execution_id, holder, ttl, now))

    def renew_here(self, holder: str, ttl: timedelta) -> dict[str, int]:
        """Renew the leases of a holder, on this thread; see `WorkStore.renew_here`."""
        database = Database(self.path, ttl.total_seconds())
        try:
            now = self._now()
            job = Job("renew its leases", True, lambda db: sqlite_work.renew(db, holder, ttl, now))
            [outcome] = database.run([job])
        finally:
            database.finish()
        if outcome.error is not None:
            raise outcome.error
        return cast("dict[str, int]", outcome.value)

    async def release(self, lease: Lease, release: Release) -> bool:
        """End a lease; see `WorkStore.release`."""
        now = self._now()
        doing = f"release {quoted(lease.execution_id)}"
        return await self._write(doing, lambda db: sqlite_work.release(db, lease, release, now))

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
        return cast("bytes | None", await self._thread.call(_saving(record, expected, flow_state, lease)))

    async def next_ready(self, flows: Collection[str]) -> datetime | None:
        """Return from when on the next execution of these flows can be taken; None where none will be."""
        return await self._next_ready(flows, self._now())

    async def _next_ready(self, flows: Collection[str], now: datetime) -> datetime | None:
        return await self._read("look for work", lambda db: sqlite_work.next_ready(db, flows, now))

    async def quarantined(self, flow: str | None = None) -> Listing:
        """List the executions that no worker takes; see `WorkStore.quarantined`."""
        require_text("flow", flow)
        return await self._read("list", lambda db: sqlite_work.list_quarantined(db, flow))

    async def problem(self, execution_id: str) -> str | None:
        """Return why an execution does not run now; see `WorkStore.problem`."""
        require_id(execution_id)
        return await self._read("read its problem", lambda db: sqlite_work.problem_of(db, execution_id))

    async def release_quarantine(self, execution_id: str) -> bool:
        """Release an execution from quarantine, so that workers may take it; return whether it was in quarantine."""
        require_id(execution_id)
        now = self._now()
        doing = f"release {quoted(execution_id)}"
        return await self._write(doing, lambda db: sqlite_work.release_quarantine(db, execution_id, now))

    def _now(self) -> datetime:
        return current_clock.get().now()

    async def close(self) -> None:
        """Finish the calls under way, close the database and end the thread."""
        await self._thread.close()
        self._in_place.close()
        self._updates.close()

    async def __aenter__(self) -> Self:
        """Open the database now, so that a path that cannot be used fails here."""
        await self._read("open it", lambda db: None)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the store."""
        await self.close()

    async def _read(self, doing: str, work: Callable[[Connection], T]) -> T:
        return cast(T, await self._thread.call(Job(doing, False, work)))

    async def _write(self, doing: str, work: Callable[[Connection], T]) -> T:
        return cast(T, await self._thread.call(Job(doing, True, work)))


def _renewal(holders: list[str]) -> Job:
    now = datetime.now(UTC)
    return Job("renew its leases", True, lambda db: sqlite_work.renew_leases(db, holders, now))


def _saving(
    record: StoredSnapshot, expected: int | None, flow_state: FlowStateChange | None, lease: Lease | None = None
) -> Job:
    require_record(record, expected)
    require_text("flow", None if flow_state is None else flow_state.flow)
    now = current_clock.get().now()  # the work is done on another thread
    return Job(
        f"save {quoted(record.execution_id)}",
        True,
        lambda db: _save(db, record, expected, flow_state, lease, now),
        None
        if expected is None or flow_state is not None or lease is not None or not _is_head_alone(record)
        else lambda db: sqlite_records.replace_leased(db, record, expected),
    )


def _is_head_alone(record: StoredSnapshot) -> bool:
    """Return True if a save of a run that goes on changes nothing but the row of its execution."""
    if record.holder is None or record.status != "running" or record.history is not None:
        return False
    if record.notes is not None or record.family is not None:
        return False
    delta = record.delta
    return delta is None or not (delta.afresh or delta.writes or delta.deletes)


def _save(
    db: Connection,
    record: StoredSnapshot,
    expected: int | None,
    change: FlowStateChange | None,
    lease: Lease | None,
    now: datetime,
) -> bytes | None:
    """Check everything and ask the user's function first, write last: see `Job.work`."""
    if lease is None:
        sqlite_work.require_free(db, record, now)
    else:
        sqlite_work.require_lease(db, lease)
    try:
        require_expected(record.execution_id, sqlite_records.stored_sequence(db, record.execution_id), expected)
    except ConflictError as error:
        raise Refusal(error) from None
    if record.family is not None:
        sqlite_work.require_children(db, record, record.family)
    changed = None if change is None else replay(db, change)
    if expected is None:
        sqlite_records.insert(db, record)
    else:
        sqlite_records.replace(db, record, expected)
    if record.delta is not None:
        write_parts(db, record, record.delta)
    if record.notes is not None:
        note_pending(db, record.execution_id, record.notes)
    if record.history is not None:
        sqlite_history.note_revision(db, record)
    sqlite_work.note_saved(db, record, lease, now)
    if record.family is not None:
        sqlite_work.keep_family(db, record.family, now)
    if change is not None:
        write_change(db, record.execution_id, change, changed)
    return changed


def _rows(db: Connection) -> Rows:
    return Rows(
        find=lambda query, values: db.execute(query, values).fetchall(),
        write=db.execute,
        moment=str,
        lock="",  # BEGIN IMMEDIATE keeps all others from writing
        newest=partial(sqlite_records.select, db),
        revision=partial(sqlite_history.select_revision, db),
        flow_state=partial(select_flow_state, db),
        value=partial(sqlite_flow_states.find_value, db),
    )
