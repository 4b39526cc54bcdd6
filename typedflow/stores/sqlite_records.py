"""The rows of executions in a SQLite store: written, replaced, read and deleted. Runs inside a `Job`."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from sqlite3 import Connection

from typedflow.errors import SnapshotError
from typedflow.rules import stores as texts
from typedflow.rules.names import is_id
from typedflow.rules.wording import quoted
from typedflow.stores.digests import digest_behind, measured
from typedflow.stores.protocol import StoredEntry, StoredSnapshot
from typedflow.stores.requirements import entry_of
from typedflow.stores.sqlite_parts import joined, one_moment


def stored_sequence(db: Connection, execution_id: str) -> int | None:
    """Return the sequence of the stored record, None where there is none."""
    row = db.execute("SELECT sequence FROM typedflow_executions WHERE execution_id = ?", (execution_id,)).fetchone()
    return None if row is None else row[0]


def insert(db: Connection, record: StoredSnapshot) -> None:
    """Write the record of an execution that is not stored."""
    db.execute(
        "INSERT INTO typedflow_executions"
        " (flow, status, sequence, saved_at, parts, parts_digest, digest, data, execution_id, history,"
        " forked_from, forked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_columns(record), record.history, *_origin(record)),
    )


def replace(db: Connection, record: StoredSnapshot, expected: int) -> bool:
    """Write over the record with the expected sequence; return whether there is one."""
    done = db.execute(
        "UPDATE typedflow_executions SET flow = ?, status = ?, sequence = ?, saved_at = ?, parts = ?,"
        " parts_digest = ?, digest = ?, data = ? WHERE execution_id = ? AND sequence = ?",
        (*_columns(record), expected),
    )
    return done.rowcount == 1


def replace_held(db: Connection, record: StoredSnapshot, expected: int) -> bool:
    """Do what `replace` does for a run that goes on, where its holder has the lease; return whether that was so."""
    done = db.execute(
        "UPDATE typedflow_executions SET flow = ?, status = ?, sequence = ?, saved_at = ?, parts = ?,"
        " parts_digest = ?, digest = ?, data = ?"
        " WHERE execution_id = ? AND sequence = ? AND holder = ? AND status = 'running' AND due IS NULL",
        (*_columns(record), expected, record.holder),
    )
    return done.rowcount == 1


def select(db: Connection, execution_id: str) -> StoredSnapshot | None:
    """Read the record of an execution; raises `SnapshotError` for bytes that are not those that were written."""
    with one_moment(db):
        return _select(db, execution_id)


def _select(db: Connection, execution_id: str) -> StoredSnapshot | None:
    row = db.execute(
        "SELECT id, flow, status, sequence, saved_at, data, digest, history, parts, parts_digest, holder, ready_at"
        " FROM typedflow_executions WHERE execution_id = ?",
        (execution_id,),
    ).fetchone()
    if row is None:
        return None
    number, flow, status, sequence, saved_at, data, stored_digest, history, count, total, holder, ready_at = row
    entry = read_entry(execution_id, flow, status, sequence, saved_at)
    if type(data) is bytes:
        record = StoredSnapshot(
            *(execution_id, flow, status, sequence, entry.saved_at, data, _history(history)),
            holder=holder,
            held_until=None if holder is None or ready_at is None else datetime.fromisoformat(ready_at),
        )
        if digest_of(record, saved_at, count, total) == stored_digest:
            return record if count is None else joined(db, number, record, count, total, None)
    raise SnapshotError(texts.damaged_problem(f"the snapshot of {quoted(execution_id)} is not what was saved"))


def delete(db: Connection, execution_id: str) -> bool:
    """Delete the record of an execution and what belongs to it; return whether there was one."""
    delete_keys(db, execution_id)
    return db.execute("DELETE FROM typedflow_executions WHERE execution_id = ?", (execution_id,)).rowcount > 0


def delete_keys(db: Connection, execution_id: str, steps: tuple[str, ...] | None = None) -> None:
    """Delete the keys of the updates of a flow_state by steps of an execution, of all of them without `steps`."""
    if steps is None:
        db.execute("DELETE FROM typedflow_flow_state_keys WHERE execution_id = ?", (execution_id,))
    elif steps:
        db.executemany(
            "DELETE FROM typedflow_flow_state_keys WHERE execution_id = ? AND step = ?",
            [(execution_id, step) for step in steps],
        )


def read_entry(*columns: object) -> StoredEntry:
    """Return the entry of a row; raises `SnapshotError` that names the execution, where its id is one."""
    try:
        return entry_of(*columns)
    except SnapshotError as error:
        owner = owner_of(columns[0])
        if owner is None:
            raise
        raise SnapshotError(problem.at(f"execution {quoted(owner)}") for problem in error.problems) from None


def owner_of(execution_id: object) -> str | None:
    """Return what a column holds, if it is an execution id."""
    return execution_id if isinstance(execution_id, str) and is_id(execution_id) else None


def written(moment: datetime) -> str:
    """Return a time as a column holds it."""
    return moment.isoformat(timespec="microseconds")


def _columns(record: StoredSnapshot) -> tuple[object, ...]:
    saved_at = written(record.saved_at)
    count, total = parts_columns(record)
    digest_ = digest_of(record, saved_at, count, total)
    return (
        record.flow, record.status, record.sequence, saved_at, count, total, digest_, record.data, record.execution_id
    )  # fmt: skip


def parts_columns(record: StoredSnapshot) -> tuple[int | None, bytes | None]:
    """Return the number of the parts and the sum of their digests, None where there are none."""
    return (None, None) if record.delta is None else (record.delta.count, record.delta.total)


def _origin(record: StoredSnapshot) -> tuple[str | None, int | None]:
    origin = None if record.notes is None else record.notes.forked_from
    return (None, None) if origin is None else origin


def _history(column: object) -> int | None:
    return column if type(column) is int and column >= 0 else None


def digest_of(record: StoredSnapshot, saved_at: str, count: object, total: object) -> bytes:
    """Return the digest of a record, as its columns are."""
    head = _head(record.execution_id, record.flow, record.status)
    parts = b"" if count is None else measured(str(count).encode(), total if isinstance(total, bytes) else b"")
    return digest_behind(head + measured(str(record.sequence).encode(), saved_at.encode()) + parts, record.data)


@lru_cache(maxsize=1024)
def _head(execution_id: str, flow: str, status: str) -> bytes:
    """Return what the digests of an execution begin with, save after save."""
    return measured(execution_id.encode(), flow.encode(), status.encode())
