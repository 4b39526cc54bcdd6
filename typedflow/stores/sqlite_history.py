"""Revisions in a SQLite store: written with each save, listed, read, trimmed; and executions that are deleted by age.

Runs inside a `Job`. A revision is what the row of the execution was: the same columns, the same digest.
"""

from __future__ import annotations

from itertools import product
from sqlite3 import Connection

from typedflow.stores.history import Revision
from typedflow.stores.pruning import NEEDED, Old, Trimmed
from typedflow.stores.records import StoredSnapshot
from typedflow.stores.rows import digest_of, noted, parts_columns, read_revision, read_revision_record, written
from typedflow.stores.sqlite_listing import FREE, HELD, flows_stored
from typedflow.stores.sqlite_parts import joined, one_moment, trim_parts
from typedflow.stores.sqlite_records import delete, select


def note_revision(db: Connection, record: StoredSnapshot) -> None:
    """Keep a save as a revision, and drop those that are more than its execution keeps."""
    assert record.history is not None
    (number,) = db.execute(
        "SELECT id FROM typedflow_executions WHERE execution_id = ?", (record.execution_id,)
    ).fetchone()
    saved_at, parts = written(record.saved_at), parts_columns(record)
    digest = digest_of(record, saved_at, *parts)
    db.execute(
        "INSERT OR REPLACE INTO typedflow_revisions"
        " (execution, sequence, status, saved_at, parts, parts_digest, notes, digest, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, record.sequence, record.status, saved_at, *parts, noted(record), digest, record.data),
    )
    if record.history:
        db.execute(
            "DELETE FROM typedflow_revisions WHERE execution = ? AND sequence <= ?",
            (number, record.sequence - record.history),
        )
        trim_parts(db, number)


def list_revisions(db: Connection, execution_id: str, after: int | None, limit: int | None) -> list[Revision]:
    """Return the revisions of an execution in order; raises `SnapshotError` for a row that no save has written."""
    rows = db.execute(
        "SELECT sequence, status, saved_at, notes FROM typedflow_revisions"
        " WHERE execution = (SELECT id FROM typedflow_executions WHERE execution_id = ?) AND sequence > ?"
        " ORDER BY sequence LIMIT ?",
        (execution_id, -1 if after is None else after, -1 if limit is None else limit),
    )
    return [read_revision(execution_id, *row) for row in rows]


def select_revision(db: Connection, execution_id: str, sequence: int) -> StoredSnapshot | None:
    """Read a revision, or the newest save if it is that; None where there is neither."""
    with one_moment(db):
        return _select_revision(db, execution_id, sequence)


def _select_revision(db: Connection, execution_id: str, sequence: int) -> StoredSnapshot | None:
    newest = select(db, execution_id)
    if newest is None or newest.sequence == sequence:
        return newest
    row = db.execute(
        "SELECT execution, status, saved_at, notes, data, digest, parts, parts_digest FROM typedflow_revisions"
        " WHERE execution = (SELECT id FROM typedflow_executions WHERE execution_id = ?) AND sequence = ?",
        (execution_id, sequence),
    ).fetchone()
    if row is None:
        return None
    number, *columns = row
    record, (count, total) = read_revision_record(newest, sequence, *columns), columns[-2:]
    return record if count is None else joined(db, number, record, count, total, sequence)


def prune_executions(db: Connection, old: Old, batch: int) -> int:
    """Delete old executions, at most so many; return how many there were."""
    deleted = 0
    flows = flows_stored(db) if old.flow is None else [old.flow]
    for flow, status, among in product(flows, old.statuses, (FREE, HELD)):
        found = db.execute(
            "SELECT execution_id FROM typedflow_executions e"
            f" WHERE flow = ? AND status = ? AND saved_at < ? AND {among} AND NOT {NEEDED} LIMIT ?",
            (flow, status, written(old.before), batch - deleted),
        ).fetchall()
        deleted += sum(delete(db, execution_id) for (execution_id,) in found)
    return deleted


def trim_revisions(db: Connection, keep: int, flow: str | None, start: int, batch: int) -> Trimmed:
    """Delete all but the newest revisions of each execution, from one row id on, until a batch is full."""
    deleted = 0
    row = db.execute("SELECT min(execution) FROM typedflow_revisions WHERE execution >= ?", (start,)).fetchone()
    while row[0] is not None and deleted < batch:
        (number,) = row
        if flow is None or _is_of(db, number, flow):
            deleted += db.execute(
                "DELETE FROM typedflow_revisions WHERE execution = ? AND sequence <= (SELECT sequence"
                " FROM typedflow_revisions WHERE execution = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?)",
                (number, number, keep),
            ).rowcount
            trim_parts(db, number)
        row = db.execute("SELECT min(execution) FROM typedflow_revisions WHERE execution > ?", (number,)).fetchone()
    return Trimmed(deleted, row[0])


def _is_of(db: Connection, number: int, flow: str) -> bool:
    found = db.execute("SELECT 1 FROM typedflow_executions WHERE id = ? AND flow = ?", (number, flow)).fetchone()
    return found is not None
