"""The rows of executions in a SQLite store: written, replaced, read and deleted. Runs inside a `Job`."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from sqlite3 import Connection

from typedflow.stores.records import Parent, StoredSnapshot
from typedflow.stores.rows import digest_of, origin_of, parts_columns, read_record, written
from typedflow.stores.sqlite_parts import joined, one_moment
from typedflow.stores.work import first_fence


def stored_sequence(db: Connection, execution_id: str) -> int | None:
    """Return the sequence of the stored record, None where there is none."""
    row = db.execute("SELECT sequence FROM typedflow_executions WHERE execution_id = ?", (execution_id,)).fetchone()
    return None if row is None else row[0]


def insert(db: Connection, record: StoredSnapshot) -> None:
    """Write the record of an execution that is not stored."""
    db.execute(
        "INSERT INTO typedflow_executions"
        " (flow, status, sequence, saved_at, parts, parts_digest, digest, data, execution_id, history,"
        " forked_from, forked_at, fence, parent_id, parent_key, root_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_columns(record), record.history, *origin_of(record), first_fence(), *(record.parent or (None, None, None))),
    )


def replace(db: Connection, record: StoredSnapshot, expected: int) -> bool:
    """Write over the record with the expected sequence; return whether there is one."""
    done = db.execute(
        "UPDATE typedflow_executions SET flow = ?, status = ?, sequence = ?, saved_at = ?, parts = ?,"
        " parts_digest = ?, digest = ?, data = ? WHERE execution_id = ? AND sequence = ?",
        (*_columns(record), expected),
    )
    return done.rowcount == 1


def replace_leased(db: Connection, record: StoredSnapshot, expected: int) -> bool:
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
        "SELECT id, flow, status, sequence, saved_at, data, digest, history, parts, parts_digest, holder, ready_at,"
        " parent_id, parent_key, root_id FROM typedflow_executions WHERE execution_id = ?",
        (execution_id,),
    ).fetchone()
    if row is None:
        return None
    number, *columns, holder, ready_at, parent_id, parent_key, root_id = row
    record, (count, total) = read_record(execution_id, *columns), columns[-2:]
    if parent_id is not None:
        record = dataclasses.replace(record, parent=Parent(parent_id, parent_key, root_id))
    if holder is not None and ready_at is not None:
        record = dataclasses.replace(record, holder=holder, held_until=datetime.fromisoformat(ready_at))
    return record if count is None else joined(db, number, record, count, total, None)


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


def _columns(record: StoredSnapshot) -> tuple[object, ...]:
    saved_at = written(record.saved_at)
    count, total = parts_columns(record)
    digest_ = digest_of(record, saved_at, count, total)
    return (
        record.flow, record.status, record.sequence, saved_at, count, total, digest_, record.data, record.execution_id
    )  # fmt: skip
