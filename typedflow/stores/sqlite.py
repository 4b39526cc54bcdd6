"""Snapshots and flow_states in one SQLite file: the store for one machine, shared by all processes on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from sqlite3 import Connection, OperationalError
from types import TracebackType
from typing import Final, Self, TypeVar, cast, final

from typedflow.errors import ConflictError, SnapshotError
from typedflow.rules import stores as texts
from typedflow.rules.names import is_id
from typedflow.rules.wording import quoted
from typedflow.stores.database import Database, Job, Refusal
from typedflow.stores.digests import digest_behind, measured
from typedflow.stores.flow_state_rows import delete_flow_state, delete_keys, replay, select_flow_state, write_change
from typedflow.stores.flow_state_updates import Updates
from typedflow.stores.in_place import InPlace
from typedflow.stores.protocol import (
    DamagedEntry,
    FlowStateChange,
    Listing,
    Put,
    StoredEntry,
    StoredSnapshot,
    Update,
    UpdateKey,
)
from typedflow.stores.requirements import (
    entry_of,
    require_expected,
    require_id,
    require_place,
    require_record,
    require_text,
    require_update,
)
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

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 30.0) -> None:
        path, timeout = require_place("SQLiteStore", path, timeout)
        self.path: Final = path if path == ":memory:" else os.path.realpath(path)
        self._worker = Worker("SQLiteStore", Database(self.path, timeout))
        self._in_place = InPlace(self.path, self._worker)
        self._updates = Updates(self.path, timeout)

    async def get(self, execution_id: str) -> StoredSnapshot | None:
        """Read the snapshot of an execution, None when there is none."""
        require_id(execution_id)
        return await self._read(f"read {quoted(execution_id)}", lambda db: _select(db, execution_id))

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

    async def list(self, flow: str | None = None, status: str | None = None) -> Listing:
        """List what is stored, oldest save first, then by id. It reads the whole table, but no payload.

        Rows with columns that no save has written are in `damaged` of the list.
        """
        require_text("flow", flow)
        require_text("status", status)
        where = f"database {self.path!r}"
        return await self._read("list", lambda db: _list(db, flow, status, where))

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot and the update keys of an execution; return whether it was there. A flow_state stays."""
        require_id(execution_id)
        return await self._write(f"delete {quoted(execution_id)}", lambda db: _delete(db, execution_id))

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

        While others hold the write lock it waits for `timeout` seconds, and blocks nobody.
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

    async def close(self) -> None:
        """Finish the calls under way, close the database and end the thread."""
        await self._worker.close()
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
        return cast(T, await self._worker.call(Job(doing, False, work)))

    async def _write(self, doing: str, work: Callable[[Connection], T]) -> T:
        return cast(T, await self._worker.call(Job(doing, True, work)))


def _saving(record: StoredSnapshot, expected: int | None, flow_state: FlowStateChange | None) -> Job:
    require_record(record, expected)
    require_text("flow", None if flow_state is None else flow_state.flow)
    doing = f"save {quoted(record.execution_id)}"
    work = partial(_save, record=record, expected=expected, change=flow_state)
    if flow_state is not None or expected is None:
        return Job(doing, True, work)
    return Job(doing, True, work, partial(_replace, record=record, expected=expected))


def _save(db: Connection, record: StoredSnapshot, expected: int | None, change: FlowStateChange | None) -> bytes | None:
    """Check everything and ask the user's function first, write last: see `Job.work`."""
    row = db.execute(
        "SELECT sequence FROM typedflow_snapshots WHERE execution_id = ?", (record.execution_id,)
    ).fetchone()
    try:
        require_expected(record.execution_id, None if row is None else row[0], expected)
    except ConflictError as error:
        raise Refusal(error) from None
    changed = None if change is None else replay(db, change)
    if expected is None:
        db.execute(
            "INSERT INTO typedflow_snapshots (flow, status, sequence, saved_at, digest, data, execution_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            _columns(record),
        )
    else:
        _replace(db, record, expected)
    if change is not None:
        write_change(db, record.execution_id, change, changed)
    return changed


def _replace(db: Connection, record: StoredSnapshot, expected: int) -> bool:
    """Write over the record with the expected sequence; says whether there is one."""
    done = db.execute(
        "UPDATE typedflow_snapshots SET flow = ?, status = ?, sequence = ?, saved_at = ?, digest = ?, data = ?"
        " WHERE execution_id = ? AND sequence = ?",
        (*_columns(record), expected),
    )
    return done.rowcount == 1


def _columns(record: StoredSnapshot) -> tuple[object, ...]:
    saved_at = _written(record.saved_at)
    digest_ = _digest(record, saved_at)
    return record.flow, record.status, record.sequence, saved_at, digest_, record.data, record.execution_id


def _select(db: Connection, execution_id: str) -> StoredSnapshot | None:
    row = db.execute(
        "SELECT flow, status, sequence, saved_at, data, digest FROM typedflow_snapshots WHERE execution_id = ?",
        (execution_id,),
    ).fetchone()
    if row is None:
        return None
    flow, status, sequence, saved_at, data, stored_digest = row
    entry = _entry(execution_id, flow, status, sequence, saved_at)
    if type(data) is bytes:
        record = StoredSnapshot(execution_id, flow, status, sequence, entry.saved_at, data)
        if _digest(record, saved_at) == stored_digest:
            return record
    raise SnapshotError(texts.damaged_problem(f"the snapshot of {quoted(execution_id)} is not what was saved"))


def _entry(*columns: object) -> StoredEntry:
    """Return the entry of a row; raises `SnapshotError` that names the execution, where its id is one."""
    try:
        return entry_of(*columns)
    except SnapshotError as error:
        owner = _owner(columns[0])
        if owner is None:
            raise
        raise SnapshotError(problem.at(f"execution {quoted(owner)}") for problem in error.problems) from None


def _owner(execution_id: object) -> str | None:
    return execution_id if isinstance(execution_id, str) and is_id(execution_id) else None


def _list(db: Connection, flow: str | None, status: str | None, where: str) -> Listing:
    try:
        return _listed(db, flow, status, where)
    except OperationalError as error:
        if "decode" not in str(error):
            raise
    given = db.text_factory
    db.text_factory = _bare_text  # what is no UTF-8 would end the reading of all rows
    try:
        return _listed(db, flow, status, where)
    finally:
        db.text_factory = given


def _listed(db: Connection, flow: str | None, status: str | None, where: str) -> Listing:
    found: list[StoredEntry] = []
    damaged: list[DamagedEntry] = []
    for row in db.execute(_SELECT_ENTRIES, {"flow": flow, "status": status}):
        try:
            entry = _entry(*row)
        except SnapshotError as error:
            placed = SnapshotError(problem.at(where) for problem in error.problems)
            damaged.append(DamagedEntry(_owner(row[0]), placed))
        else:
            if flow in (None, entry.flow) and status in (None, entry.status):
                found.append(entry)
    return Listing(found, damaged)


def _bare_text(data: bytes) -> str:
    """Decode text with what is no UTF-8 in it as lone surrogates, which no column may hold."""
    return data.decode(errors="surrogateescape")


_SELECT_ENTRIES: Final = (
    "SELECT execution_id, flow, status, sequence, saved_at FROM typedflow_snapshots"
    " WHERE (:flow IS NULL OR flow = :flow OR typeof(flow) <> 'text')"
    " AND (:status IS NULL OR status = :status OR typeof(status) <> 'text')"
    " ORDER BY saved_at, execution_id"
)


def _delete(db: Connection, execution_id: str) -> bool:
    delete_keys(db, execution_id)
    return db.execute("DELETE FROM typedflow_snapshots WHERE execution_id = ?", (execution_id,)).rowcount > 0


def _written(saved_at: datetime) -> str:
    return saved_at.isoformat(timespec="microseconds")


def _digest(record: StoredSnapshot, saved_at: str) -> bytes:
    head = _head(record.execution_id, record.flow, record.status)
    return digest_behind(head + measured(str(record.sequence).encode(), saved_at.encode()), record.data)


@lru_cache(maxsize=1024)
def _head(execution_id: str, flow: str, status: str) -> bytes:
    """Give what the digests of an execution begin with, save after save."""
    return measured(execution_id.encode(), flow.encode(), status.encode())
