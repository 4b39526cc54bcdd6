"""Snapshots and flow_states in one SQLite file: the store for one machine, shared by all processes on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from sqlite3 import Connection
from types import TracebackType
from typing import Final, Self, TypeVar, cast, final

from typedflow.engine.status import FINAL
from typedflow.errors import ConflictError, SnapshotError, StoreError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.schema.callables import discard
from typedflow.stores import sqlite_history, sqlite_records
from typedflow.stores.database import Database, Job, Refusal
from typedflow.stores.digests import digest
from typedflow.stores.in_place import InPlace
from typedflow.stores.protocol import (
    FlowStateChange,
    Listing,
    PendingInterrupt,
    PendingListing,
    Pruned,
    Put,
    Revisions,
    StoredEntry,
    StoredSnapshot,
)
from typedflow.stores.requirements import (
    require_at,
    require_expected,
    require_history_page,
    require_id,
    require_page,
    require_place,
    require_prune,
    require_question_page,
    require_record,
    require_statuses,
    require_text,
)
from typedflow.stores.sqlite_history import Old
from typedflow.stores.sqlite_listing import list_entries
from typedflow.stores.sqlite_parts import write_parts
from typedflow.stores.sqlite_pending import list_pending, note_pending
from typedflow.stores.worker import Worker

T = TypeVar("T")


@final
class SQLiteStore:
    """Keep snapshots, and the flow_state of each flow, in a SQLite database on a local disk.

    A put that returned survives a crash of the process and of the machine. Puts that wait at the same time share a
    commit, and each still gets its own answer. All work is done on one thread of the store's own, which starts with the
    first call; only while an execution is the sole task of its loop, and the disk is quick, its saves are done in
    place: nobody is kept waiting by them. The file is made where there is none, its folder is not; a relative path is
    one in the folder that is the current one now. `timeout` is how long a call waits for other processes, in seconds.
    """

    shares_flow_state: bool = True
    whole_documents: bool = False
    """It keeps the parts of an execution in rows of their own: a save writes those that changed."""

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        path, timeout = require_place("SQLiteStore", path, timeout)
        self.path: Final = path if path == ":memory:" else os.path.realpath(path)
        self._worker = Worker("SQLiteStore", Database(self.path, timeout))
        self._in_place = InPlace(self.path, self._worker)

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
        return cast("bytes | None", await self._worker.call(_saving(record, expected, flow_state)))

    def put_at_once(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> Put | None:
        """Save where that keeps nobody waiting; see `ImmediateStore.put_at_once`."""
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
        executions, revisions = 0, 0
        if moment is not None:
            old = Old(moment, tuple(map(str, statuses)), flow)
            while deleted := await self._write("prune", lambda db: sqlite_history.prune_executions(db, old, batch)):
                executions += deleted
        start: int | None = 0
        while keep is not None and start is not None:
            trim = partial(sqlite_history.trim_revisions, keep=keep, flow=flow, start=start, batch=batch)
            trimmed = await self._write("prune", trim)
            revisions, start = revisions + trimmed.revisions, trimmed.next
        return Pruned(executions, revisions)

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot of an execution; say whether there was one. A flow_state stays."""
        require_id(execution_id)
        return await self._write(f"delete {quoted(execution_id)}", lambda db: sqlite_records.delete(db, execution_id))

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Read the stored flow_state of a flow, None when there is none."""
        require_text("flow", flow)
        return await self._read(f"read the flow_state of {quoted(flow)}", lambda db: _select_flow_state(db, flow))

    async def delete_flow_state(self, flow: str) -> bool:
        """Delete the stored flow_state of a flow, so that it begins anew; return whether there was one."""
        require_text("flow", flow)
        return await self._write(f"delete the flow_state of {quoted(flow)}", lambda db: _delete_flow_state(db, flow))

    async def close(self) -> None:
        """Finish the calls under way, close the database and end the thread."""
        await self._worker.close()
        self._in_place.close()

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
        return cast(T, await self._worker.call(Job(doing, False, work)))

    async def _write(self, doing: str, work: Callable[[Connection], T]) -> T:
        return cast(T, await self._worker.call(Job(doing, True, work)))


def _saving(record: StoredSnapshot, expected: int | None, flow_state: FlowStateChange | None) -> Job:
    require_record(record, expected)
    require_text("flow", None if flow_state is None else flow_state.flow)
    doing = f"save {quoted(record.execution_id)}"
    work = partial(_save, record=record, expected=expected, change=flow_state)
    writes_more = record.delta is not None and (record.delta.afresh or record.delta.writes or record.delta.deletes)
    if flow_state is not None or expected is None or record.notes or record.history is not None or writes_more:
        return Job(doing, True, work)
    return Job(doing, True, work, partial(sqlite_records.replace, record=record, expected=expected))


def _save(db: Connection, record: StoredSnapshot, expected: int | None, change: FlowStateChange | None) -> bytes | None:
    """Check everything and ask the user's function first, write last: see `Job.work`."""
    try:
        require_expected(record.execution_id, sqlite_records.stored_sequence(db, record.execution_id), expected)
    except ConflictError as error:
        raise Refusal(error) from None
    changed = None if change is None else _replay(db, change)
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
    if change is not None and changed is not None:
        db.execute(
            "INSERT INTO typedflow_flow_states (flow, digest, data) VALUES (?, ?, ?)"
            " ON CONFLICT (flow) DO UPDATE SET digest = excluded.digest, data = excluded.data",
            (change.flow, digest(change.flow.encode(), changed), changed),
        )
    return changed


def _replay(db: Connection, change: FlowStateChange) -> bytes:
    stored = _select_flow_state(db, change.flow)
    try:
        replayed = change.replay(stored)
    except BaseException as error:  # the user's function may raise anything, and all of it is for its caller
        raise Refusal(error) from None
    if type(replayed) is not bytes:
        discard(replayed)
        raise Refusal(StoreError(texts.wrong_replay_problem(change.flow, replayed)))
    return replayed


def _delete_flow_state(db: Connection, flow: str) -> bool:
    return db.execute("DELETE FROM typedflow_flow_states WHERE flow = ?", (flow,)).rowcount > 0


def _select_flow_state(db: Connection, flow: str) -> bytes | None:
    row = db.execute("SELECT data, digest FROM typedflow_flow_states WHERE flow = ?", (flow,)).fetchone()
    if row is None:
        return None
    data, stored_digest = cast(tuple[bytes, bytes], row)
    if type(data) is not bytes or digest(flow.encode(), data) != stored_digest:
        raise SnapshotError(texts.damaged_problem(f"the flow_state of {quoted(flow)} is not what was saved"))
    return data
