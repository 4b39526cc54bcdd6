"""Snapshots, flow_states and work in a PostgreSQL database: the store for several machines."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Collection
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast, final

from typedflow.engine.status import FINAL, Status
from typedflow.errors import StoreError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted

try:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise StoreError(texts.no_psycopg_problem()) from error

from typedflow.stores import postgres_family, postgres_flow_states, postgres_listing, postgres_records, postgres_work
from typedflow.stores.clock import SystemClock, current_clock
from typedflow.stores.embedded_leases import BEAT, EmbeddedLeases
from typedflow.stores.flow_state_sharing import FlowStateChange, Update, UpdateKey
from typedflow.stores.flow_state_updates import LONGEST_BLOCK, Updates
from typedflow.stores.history import Pruned, Revisions
from typedflow.stores.leased import LeasedStore
from typedflow.stores.postgres_database import Access, Connection, Job, Session
from typedflow.stores.postgres_family import readied_by
from typedflow.stores.postgres_ready import Announce, Listening, announce_ready, notify
from typedflow.stores.pruning import Old, prune_in_batches
from typedflow.stores.records import Listing, PendingInterrupt, PendingListing, StoredEntry, StoredSnapshot
from typedflow.stores.requirements import (
    require_at,
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
    require_wait,
)
from typedflow.stores.rewriting import Rewriter, Rewritten
from typedflow.stores.rows_rewriting import Rows, rewrite
from typedflow.stores.threads import Beat, StoreThread
from typedflow.stores.work import Lease, Leases, Message, Messages, Release

T = TypeVar("T")

AT_REST: Final = frozenset({Status.WAITING, Status.FAILED})
"""The statuses in which a save without a lease may leave an execution to a worker."""


@final
class PostgresStore:
    """Keep snapshots, and the flow_state of each flow, in a PostgreSQL database, shared by processes on any machine.

    `conninfo` is a connection string of PostgreSQL: "postgresql://user@host/database". The tables are made by the first
    connection, in the first schema of its search_path. A call that returned is committed, and as durable as the server
    is set up to be. The work is done on at most `connections` threads, each with a connection of its own, which starts
    when it is needed. A server that answered before and is away is waited for, for `timeout` seconds in all, and a
    statement that it does not answer within `answer_within` seconds is cancelled and tried again.

    Times by which leases and deadlines are due are those of the database's clock.

    `announce` is for a queue beside the store: it is called in each transaction that makes an execution ready, with the
    connection of psycopg, the execution's id and the name of its flow, on a thread of the store. What it writes is
    committed with the rest, or not at all; what it raises rolls both back. It must not end the transaction.

    >>> store = PostgresStore("postgresql://app@db.example.org/flows")  # connects at its first call
    >>> store.shares_flow_state
    True
    """

    shares_flow_state: bool = True
    whole_documents: bool = False
    """It keeps the parts of an execution in rows of their own: a save writes those that changed."""

    def __init__(
        self,
        conninfo: str,
        *,
        connections: int = 4,
        timeout: float = 30.0,
        answer_within: float = 10.0,
        announce: Announce | None = None,
    ) -> None:
        self._access: Final = _require_access(conninfo, connections, timeout, answer_within)
        self._announce: Final = announce
        self._leases = EmbeddedLeases(_renewal)
        beat = Beat(BEAT, self._leases.renewal)
        self._threads: Final = [
            StoreThread("PostgresStore", Session(self._access), batch=1, beat=None if number else beat)
            for number in range(connections)
        ]
        self._abandoned: dict[str, tuple[StoreThread[Job], int]] = {}
        """By execution: the thread on which a cancelled call of it goes on, and how many jobs that had until then."""
        bounded = replace(self._access, answer_within=min(self._access.answer_within, LONGEST_BLOCK))
        self._updates = Updates(postgres_flow_states.PostgresFlowStates(bounded), self._access.timeout)

    async def get(self, execution_id: str, *, at: int | None = None) -> StoredSnapshot | None:
        """Read the newest snapshot of an execution, or that of a save sequence; None when there is none."""
        require_id(execution_id)
        require_at(at)
        doing = f"read {quoted(execution_id)}"
        if at is None:
            return await self._read(doing, lambda db: postgres_records.select(db, execution_id), execution_id)
        return await self._read(doing, lambda db: postgres_records.select_revision(db, execution_id, at), execution_id)

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot in place of the one with the expected sequence; see `SnapshotStore.put`."""
        return await self._put(None, record, expected, flow_state)

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

        All but a list of everything is read through an index. Rows with columns that no save has written are in
        `damaged`: all of them in a list of everything, in others those it came across.
        """
        require_text("flow", flow)
        wanted = require_statuses(status, statuses)
        require_page(after, limit)
        where = self._access.place
        return await self._read("list", lambda db: postgres_listing.list_entries(db, flow, wanted, after, limit, where))

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
        where = self._access.place
        return await self._read("list", lambda db: postgres_listing.list_pending(db, flow, type, after, limit, where))

    async def history(self, execution_id: str, *, after: int | None = None, limit: int | None = None) -> Revisions:
        """List the revisions that are kept of an execution, in order; see `HistoryStore.history`."""
        require_id(execution_id)
        require_history_page(after, limit)
        doing = f"list the revisions of {quoted(execution_id)}"
        work = partial(postgres_listing.list_revisions, execution_id=execution_id, after=after, limit=limit)
        return await self._read(doing, work, execution_id)

    async def prune(
        self,
        *,
        before: datetime | None = None,
        statuses: Collection[str] = FINAL,
        flow: str | None = None,
        keep: int | None = None,
        batch: int = 500,
    ) -> Pruned:
        """Delete old executions, or old revisions; see `HistoryStore.prune`. What is being saved meanwhile is left."""
        moment = require_prune(before, statuses, flow, keep, batch)
        old = None if moment is None else Old(moment, tuple(map(str, statuses)), flow)
        delete, trim = postgres_listing.prune_executions, postgres_listing.trim_revisions
        return await prune_in_batches(self._write, delete, trim, old=old, keep=keep, flow=flow, batch=batch)

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot and the update keys of an execution; return whether it was there. A flow_state stays."""
        require_id(execution_id)
        doing = f"delete {quoted(execution_id)}"
        told = await self._read(doing, partial(postgres_family.told_of_delete, execution_id=execution_id), execution_id)
        delete = partial(postgres_family.delete, execution_id=execution_id, now=_now())
        return await self._make_ready(told, doing, delete, postgres_records.was_deleted, execution_id) is not None

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Read the stored flow_state of a flow, None when there is none."""
        require_text("flow", flow)
        doing = f"read the flow_state of {quoted(flow)}"
        return await self._read(doing, lambda db: postgres_flow_states.select_flow_state(db, flow))

    async def delete_flow_state(self, flow: str) -> bool:
        """Delete the stored flow_state of a flow, so that it begins anew; return whether there was one."""
        require_text("flow", flow)
        doing = f"delete the flow_state of {quoted(flow)}"
        delete = partial(postgres_flow_states.delete_flow_state, flow=flow)
        return await self._write(
            doing, delete, lambda db, there: there and postgres_flow_states.select_flow_state(db, flow) is None
        )

    async def update_flow_state(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Change a flow_state; see `FlowStateStore.update_flow_state`. `change` is called in the caller's thread.

        While others change the same flow_state it waits for `timeout` seconds, without blocking the loop.
        """
        require_update(flow, key)
        return await self._updates.run(flow, key, change)

    def update_flow_state_sync(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Do what `update_flow_state` does, in a plain call.

        It blocks the thread for the commit, and while others change the same flow_state: for `timeout` seconds, in a
        running event loop for 5 seconds at the most. After that it is a `StoreError`, and nothing was changed.
        """
        require_update(flow, key)
        return self._updates.run_sync(flow, key, change)

    async def rewrite(self, rewriter: Rewriter, *, batch: int = 100) -> Rewritten:
        """Write everything that is kept anew; see `RewritingStore.rewrite`. Saves of a batch wait until it is done."""
        return await rewrite(partial(self._write, "rewrite"), _rows, rewriter, batch)

    # -- for a process that runs an execution

    def new_holder(self) -> str:
        """Return the name of a new holder, whose leases are renewed from now on; see `LeaseStore.new_holder`.

        They are renewed by a thread of the store, however busy the loop is, and last for `EMBEDDED_LEASE`.
        """
        return self._leases.enter()

    def let_go(self, holder: str, execution_id: str | None) -> None:
        """Renew a holder's lease no more, and end it if it is still there; see `LeaseStore.let_go`."""
        self._leases.leave(holder)
        if execution_id is not None:
            now = _now()
            doing = f"release {quoted(execution_id)}"
            let_go = partial(postgres_work.let_go, execution_id=execution_id, holder=holder, now=now)
            thread = self._thread_with_jobs_of(execution_id) or self._least_busy()
            thread.post(self._readying((execution_id,), doing, let_go))
            self._note_abandoned(execution_id, thread)

    # -- for workers

    async def submit(self, record: StoredSnapshot, *, ready_at: datetime | None = None) -> None:
        """Save a new execution for a worker to take; see `WorkStore.submit`."""
        require_record(record, None)
        ready_at = require_ready_at(ready_at)
        now = _now()
        await self._make_ready(
            (record.execution_id,),
            f"submit {quoted(record.execution_id)}",
            lambda db: postgres_work.submit(db, record, ready_at, now),
            lambda db, _: postgres_records.was_saved(db, record),
            record.execution_id,
        )

    async def post(self, execution_id: str, make: Callable[[StoredSnapshot], Message]) -> int:
        """Store a message for an execution; see `WorkStore.post`."""
        require_id(execution_id)
        now, context = _now(), copy_context()

        def make_here(stored: StoredSnapshot) -> Message:
            return context.run(make, stored)

        posted = await self._make_ready(
            (execution_id,),
            f"write to {quoted(execution_id)}",
            lambda db: postgres_work.post(db, execution_id, make_here, now),
            lambda db, posted: postgres_work.was_posted(db, execution_id, posted),
            execution_id,
        )
        return posted.number

    async def mail(self, execution_id: str, after: int) -> Messages:
        """Return the messages behind a number, in order."""
        require_id(execution_id)
        return await self._read(
            "read its mail", lambda db: postgres_work.read_mail(db, execution_id, after), execution_id
        )

    async def take(
        self, flows: Collection[str], *, holder: str, ttl: timedelta, limit: int, crashed_limit: int = 1
    ) -> Leases:
        """Take executions that are ready; see `WorkStore.take`. Where none is, nothing is written."""
        now = _now()
        ready = await self._read("look for work", lambda db: postgres_work.next_ready(db, flows, now))
        if ready is None or ready > timedelta(0):
            return []
        limits = (limit, crashed_limit)
        take = partial(postgres_work.take, flows=flows, holder=holder, ttl=ttl, limits=limits, now=now)
        return await self._write("take work", take, postgres_work.were_leased)

    async def acquire(self, execution_id: str, *, holder: str, ttl: timedelta) -> Lease | None:
        """Take one execution; see `WorkStore.acquire`."""
        require_id(execution_id)
        acquire = partial(postgres_work.acquire, execution_id=execution_id, holder=holder, ttl=ttl, now=_now())
        leases = await self._write(f"take {quoted(execution_id)}", acquire, postgres_work.were_leased, execution_id)
        return leases[0] if leases else None

    def renew_here(self, holder: str, ttl: timedelta) -> dict[str, int]:
        """Renew the leases of a holder, on this thread; see `WorkStore.renew_here`."""
        seconds, now = ttl.total_seconds(), _now()
        within = min(seconds / 3, self._access.answer_within)
        session = Session(replace(self._access, timeout=seconds / 3, answer_within=within))
        try:
            [outcome] = session.run(
                [Job("renew its leases", True, lambda db: postgres_work.renew(db, holder, ttl, now))]
            )
        finally:
            session.finish()
        if outcome.error is not None:
            raise outcome.error
        return cast("dict[str, int]", outcome.value)

    async def release(self, lease: Lease, release: Release) -> bool:
        """End a lease; see `WorkStore.release`."""
        now = _now()
        return await self._make_ready(
            (lease.execution_id,),
            f"release {quoted(lease.execution_id)}",
            lambda db: postgres_work.release(db, lease, release, now),
            lambda db, _: postgres_work.was_released(db, lease),
            lease.execution_id,
        )

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
        return await self._put(lease, record, expected, flow_state)

    async def next_ready(self, flows: Collection[str]) -> datetime | None:
        """Return from when on the next execution of these flows can be taken; None where none will be.

        The moment is one of the caller's clock, so that a waiting worker wakes up when it is due in the database.
        """
        now = _now()
        rest = await self._read("look for work", lambda db: postgres_work.next_ready(db, flows, now))
        return None if rest is None else current_clock.get().now() + rest

    def listen(
        self, flows: Collection[str], heard: Callable[[], object], has_mail: Callable[[str | None], object]
    ) -> Callable[[], None]:
        """Call a function when executions of these flows may have become ready; see `NotifyingStore.listen`."""
        return Listening(self._access, flows, heard, has_mail).stop

    async def quarantined(self, flow: str | None = None) -> Listing:
        """List the executions that no worker takes; see `WorkStore.quarantined`."""
        require_text("flow", flow)
        return await self._read("list", lambda db: postgres_work.list_quarantined(db, flow))

    async def problem(self, execution_id: str) -> str | None:
        """Return why an execution does not run now; see `WorkStore.problem`."""
        require_id(execution_id)
        return await self._read("read its problem", lambda db: postgres_work.problem_of(db, execution_id), execution_id)

    async def release_quarantine(self, execution_id: str) -> bool:
        """Release an execution from quarantine, so that workers may take it; return whether it was in quarantine."""
        require_id(execution_id)
        now = _now()
        doing = f"release {quoted(execution_id)}"
        return await self._make_ready(
            (execution_id,),
            doing,
            lambda db: postgres_work.release_quarantine(db, execution_id, now),
            lambda db, done: done and not postgres_work.is_quarantined(db, execution_id),
            execution_id,
        )

    async def close(self) -> None:
        """Finish the calls under way, close the connections and end the threads."""
        for thread in self._threads:
            await thread.close()
        self._updates.close()

    async def __aenter__(self) -> Self:
        """Connect now, so that a database that cannot be used fails here."""
        await self._read("open it", lambda db: None)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the store."""
        await self.close()

    async def _put(
        self, lease: Lease | None, record: StoredSnapshot, expected: int | None, change: FlowStateChange | None
    ) -> bytes | None:
        require_record(record, expected)
        require_text("flow", None if change is None else change.flow)
        save = partial(postgres_family.save, record=record, expected=expected, change=change, lease=lease, now=_now())
        readied, id_ = readied_by(record), record.execution_id
        if lease is None and record.status in AT_REST:
            readied = (id_, *readied)
        return await self._make_ready(
            readied, f"save {quoted(id_)}", save, lambda db, _: postgres_records.was_saved(db, record), id_
        )

    async def _read(self, doing: str, work: Callable[[Connection], T], of: str | None = None) -> T:
        return cast(T, await self._call(Job(doing, False, work), of))

    async def _write(
        self,
        doing: str,
        work: Callable[[Connection], T],
        was_committed: Callable[[Connection, T], bool] | None = None,
        of: str | None = None,
    ) -> T:
        return cast(T, await self._call(Job(doing, True, work, was_committed), of))

    async def _call(self, job: Job, of: str | None) -> object:
        """Run a job on a thread, behind those of the same execution that were left there: they are run as well."""
        thread = self._thread_with_jobs_of(of) or self._least_busy()
        try:
            return await thread.call(job)
        except CancelledError:
            if of is not None:
                self._note_abandoned(of, thread)
            raise

    def _note_abandoned(self, of: str, thread: StoreThread[Job]) -> None:
        """Record that a thread's jobs until now are for an execution, and that their caller has stopped waiting."""
        for each, (other, submitted) in self._abandoned.copy().items():
            if other.has_finished(submitted):
                self._abandoned.pop(each, None)
        self._abandoned[of] = (thread, thread.submitted)

    def _thread_with_jobs_of(self, of: str | None) -> StoreThread[Job] | None:
        """Return the thread that still has jobs for an execution whose caller has stopped waiting."""
        left = None if of is None else self._abandoned.get(of)
        return left[0] if left is not None and not left[0].has_finished(left[1]) else None

    async def _make_ready(
        self,
        execution_ids: tuple[str, ...],
        doing: str,
        work: Callable[[Connection], T],
        was_committed: Callable[[Connection, T], bool] | None = None,
        of: str | None = None,
    ) -> T:
        """Write what may make executions ready, and announce those."""
        return cast(T, await self._call(self._readying(execution_ids, doing, work, was_committed), of))

    def _readying(
        self,
        execution_ids: tuple[str, ...],
        doing: str,
        work: Callable[[Connection], T],
        was_committed: Callable[[Connection, T], bool] | None = None,
    ) -> Job:
        if not execution_ids:
            return Job(doing, True, work, was_committed)
        announce, now = self._announce, _now()

        def announced(db: Connection) -> T:
            done = work(db)
            if announce is not None:
                announce_ready(db, execution_ids, now, announce)
            return done

        return Job(doing, True, announced, was_committed, lambda db: notify(db, execution_ids))

    def _least_busy(self) -> StoreThread[Job]:
        """Return the connection with the least to do, and of those the first: so few are opened as are needed."""
        return min(self._threads, key=lambda thread: thread.unfinished)


def _renewal(holders: list[str]) -> Job:  # the store's own `list` is not meant here
    return Job("renew its leases", True, lambda db: postgres_work.renew_leases(db, holders))


def _rows(db: Connection) -> Rows:
    return Rows(
        find=lambda query, values: db.execute(query.replace("?", "%s"), values).fetchall(),
        write=lambda statement, values: db.execute(statement.replace("?", "%s"), values),
        moment=postgres_records.iso,
        lock=" FOR UPDATE",
        newest=partial(postgres_records.select, db),
        revision=partial(postgres_records.select_revision, db),
        flow_state=partial(postgres_flow_states.lock_flow_state, db),
        value=partial(postgres_flow_states.find_value, db),
    )


def _now() -> datetime | None:
    """Return the time of a test's clock, which knows it alone; None: the database has the clock."""
    clock = current_clock.get()
    return None if isinstance(clock, SystemClock) else clock.now()


def _require_access(conninfo: Any, connections: Any, timeout: Any, answer_within: Any) -> Access:
    """Return where the database is; refuses what names none, before anything is connected."""
    if not isinstance(conninfo, str):
        raise StoreError(texts.wrong_conninfo_problem("PostgresStore", f"it is a {type(conninfo).__name__}"))
    try:
        conninfo_to_dict(conninfo)
        if "\0" in conninfo:
            raise ValueError  # libpq would read no further
    except (ProgrammingError, ValueError):
        raise StoreError(texts.wrong_conninfo_problem("PostgresStore", "this is none")) from None
    problem = texts.check_connections("PostgresStore", connections)
    if problem is not None:
        raise StoreError(problem)
    return Access(conninfo, require_wait("PostgresStore", timeout), require_wait("PostgresStore", answer_within))
