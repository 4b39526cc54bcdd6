"""The rows of executions in PostgreSQL, with their parts, pending interrupts and revisions: saved, read and deleted.

Runs inside a `Job`. A save locks the row of its execution first, so that everything it checks stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from typedflow.errors import ConflictError
from typedflow.stores.embedded_leases import EMBEDDED_LEASE
from typedflow.stores.failures import Refusal
from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.postgres_database import Connection
from typedflow.stores.postgres_flow_states import delete_keys, replay, write_change
from typedflow.stores.postgres_leases import NOW, lock, require_lease
from typedflow.stores.questions import COLUMNS, Row, encode_question
from typedflow.stores.records import Delta, Notes, Parent, StoredSnapshot
from typedflow.stores.requirements import require_expected
from typedflow.stores.rows import (
    digest_of_record,
    join_parts,
    noted,
    origin_of,
    parts_columns,
    read_record,
    read_revision_record,
    written,
)
from typedflow.stores.work import OVER, Lease, first_fence


def iso(column: str) -> str:
    """Return the expression of a time in the form in which rows are read and digested; no time where it is none."""
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"


def save(
    db: Connection,
    record: StoredSnapshot,
    expected: int | None,
    change: FlowStateChange | None,
    lease: Lease | None,
    now: datetime | None,
) -> bytes | None:
    """Check everything under the row's lock and ask the user's function, write last."""
    locked = lock(db, record.execution_id, now)
    if lease is not None:
        require_lease(locked, lease)
    else:
        locked.require_free(record)
    _require_expected(record.execution_id, locked.sequence, expected)
    changed = None if change is None else replay(db, change)
    number = insert(db, record, None) if locked.number is None else _update(db, locked.number, record, lease, now)
    if lease is None and record.holder not in (None, locked.holder) and record.status == "running":
        _lease(db, number, record.holder, now)
    if record.delta is not None:
        _write_parts(db, number, record, record.delta)
    if record.notes is not None:
        _note_pending(db, number, record.notes)
    if record.history is not None:
        _note_revision(db, number, record)
    if change is not None:
        write_change(db, record.execution_id, change, changed)
    return changed


def was_saved(db: Connection, record: StoredSnapshot) -> bool:
    """Return whether the newest save of an execution is this one."""
    row = db.execute(
        "SELECT digest FROM typedflow_executions WHERE execution_id = %s AND sequence = %s",
        (record.execution_id, record.sequence),
    ).fetchone()
    return row is not None and row[0] == digest_of_record(record)


def insert(db: Connection, record: StoredSnapshot, ready_at: datetime | None) -> int:
    """Write the record of an execution that is not stored; returns the number of its row."""
    ready = record.due if ready_at is None and record.status == "waiting" else ready_at
    row = db.execute(
        "INSERT INTO typedflow_executions (execution_id, flow, status, sequence, saved_at, parts, parts_digest, digest,"
        " data, due, ready_at, history, forked_from, forked_at, fence, parent_id, parent_key, root_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (execution_id) DO NOTHING RETURNING id",
        (
            *(record.execution_id, *_columns(record), record.due, ready, record.history, *origin_of(record)),
            *(first_fence(), *(record.parent or (None, None, None))),
        ),
    ).fetchone()
    if row is None:  # another transaction was quicker: since the lock was asked for, or with a submit
        stored = db.execute(
            "SELECT sequence FROM typedflow_executions WHERE execution_id = %s", (record.execution_id,)
        ).fetchone()
        _require_expected(record.execution_id, -1 if stored is None else stored[0], None)
    assert row is not None
    return int(row[0])


def _lease(db: Connection, number: int, holder: str | None, now: datetime | None) -> None:
    """Lease an execution to the process that runs it without a worker; its heartbeat renews the lease."""
    db.execute(
        f"UPDATE typedflow_executions SET holder = %(holder)s, ready_at = {NOW} + %(ttl)s::interval WHERE id = %(id)s",
        {"holder": holder, "ttl": EMBEDDED_LEASE, "id": number, "now": now},
    )


def _update(db: Connection, number: int, record: StoredSnapshot, lease: Lease | None, now: datetime | None) -> int:
    """Write over the record of a locked row, and set from when on a worker may take it."""
    more: tuple[Any, ...]
    if lease is None and record.holder is not None and record.status == "running":
        due, work, more = record.due, "problem = NULL", ()
    elif record.status in OVER:
        due, more = None, ()
        work = "ready_at = NULL, holder = NULL, crashes = 0, quarantined = false, problem = NULL"
        db.execute("DELETE FROM typedflow_mail WHERE execution = %s", (number,))
    elif lease is None:  # what was posted and not taken makes one at rest ready for a worker
        due = record.due
        work = (
            "ready_at = CASE WHEN %s AND mail > %s THEN coalesce(%s::timestamptz, now())"
            " ELSE %s::timestamptz END, holder = NULL"
        )
        more = (record.status != "running", record.mail, now, due if record.status == "waiting" else None)
    else:
        due, work, more = record.due, "problem = NULL", ()
        if record.mail:  # an interrupt id that is used again takes another answer
            query = "DELETE FROM typedflow_mail WHERE execution = %s AND number <= %s"
            db.execute(query, (number, record.mail))
    db.execute(
        "UPDATE typedflow_executions SET flow = %s, status = %s, sequence = %s, saved_at = %s, parts = %s,"
        f" parts_digest = %s, digest = %s, data = %s, due = %s, {work} WHERE id = %s",
        (*_columns(record), due, *more, number),
    )
    return number


def _columns(record: StoredSnapshot) -> tuple[Any, ...]:
    digest = digest_of_record(record)
    return (
        record.flow, record.status, record.sequence, written(record.saved_at), *parts_columns(record), digest,
        record.data,
    )  # fmt: skip


def _require_expected(execution_id: str, stored: int | None, expected: int | None) -> None:
    try:
        require_expected(execution_id, stored, expected)
    except ConflictError as error:
        raise Refusal(error) from None


# -- what belongs to a save

_KEEP: Final = (
    "INSERT INTO typedflow_part_history (execution, key, sequence, until, digest, data)"
    " SELECT execution, key, sequence, %s, digest, data FROM typedflow_parts WHERE execution = %s"
)


def _write_parts(db: Connection, number: int, record: StoredSnapshot, delta: Delta) -> None:
    """Write and delete parts; what they replace is kept where the execution has a history."""
    gone = [*delta.deletes, *(part.key for part in delta.writes)]
    if record.history is not None:
        if delta.afresh:
            db.execute(_KEEP, (record.sequence, number))
        elif gone:
            db.execute(f"{_KEEP} AND key = ANY(%s::text[])", (record.sequence, number, gone))
    if delta.afresh:
        db.execute("DELETE FROM typedflow_parts WHERE execution = %s", (number,))
    if delta.deletes:
        query = "DELETE FROM typedflow_parts WHERE execution = %s AND key = ANY(%s::text[])"
        db.execute(query, (number, [*delta.deletes]))
    if delta.writes:
        db.cursor().executemany(
            "INSERT INTO typedflow_parts (execution, key, sequence, digest, data) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (execution, key) DO UPDATE"
            " SET sequence = excluded.sequence, digest = excluded.digest, data = excluded.data",
            [(number, part.key, record.sequence, part.digest, part.data) for part in delta.writes],
        )


def _note_pending(db: Connection, number: int, notes: Notes) -> None:
    """Write the interrupts that became pending, and delete those that are not any more."""
    again = [*notes.answered, *(asked.interrupt_id for asked in notes.asked)]
    if again:
        query = "DELETE FROM typedflow_pending WHERE execution = %s AND interrupt_id = ANY(%s::text[])"
        db.execute(query, (number, again))
    if notes.asked:
        marks = ", ".join(["%s"] * len(Row._fields))
        db.cursor().executemany(
            f"INSERT INTO typedflow_pending (execution, {COLUMNS}) VALUES (%s, {marks})",
            [(number, *encode_question(asked)) for asked in notes.asked],
        )


def _note_revision(db: Connection, number: int, record: StoredSnapshot) -> None:
    """Keep a save as a revision, and drop those that are more than its execution keeps."""
    parts = parts_columns(record)
    db.execute(
        "INSERT INTO typedflow_revisions"
        " (execution, sequence, status, saved_at, parts, parts_digest, notes, digest, data)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(number, record.sequence, record.status, written(record.saved_at), *parts, noted(record)),
            *(digest_of_record(record), record.data),
        ),
    )
    if record.history:
        query = "DELETE FROM typedflow_revisions WHERE execution = %s AND sequence <= %s"
        db.execute(query, (number, record.sequence - record.history))
        trim_parts(db, number)


def trim_parts(db: Connection, number: int) -> None:
    """Delete the parts of revisions that are gone."""
    db.execute(
        "DELETE FROM typedflow_part_history WHERE execution = %(number)s AND until <="
        " coalesce((SELECT min(sequence) FROM typedflow_revisions WHERE execution = %(number)s), until)",
        {"number": number},
    )


# -- reading and deleting


def select(db: Connection, execution_id: str) -> StoredSnapshot | None:
    """Read the record of an execution; raises `SnapshotError` for bytes that are not those that were written."""
    row = db.execute(
        f"SELECT id, flow, status, sequence, {iso('saved_at')}, data, digest, history, parts, parts_digest, holder,"
        " ready_at, parent_id, parent_key, root_id FROM typedflow_executions WHERE execution_id = %s",
        (execution_id,),
        binary=True,
    ).fetchone()
    if row is None:
        return None
    number, *columns, holder, until, parent_id, parent_key, root_id = row
    record, (count, total) = read_record(execution_id, *columns), columns[-2:]
    if parent_id is not None:
        record = replace(record, parent=Parent(parent_id, parent_key, root_id))
    if holder is not None and until is not None:
        record = replace(record, holder=holder, held_until=until.astimezone(UTC))
    if count is None:
        return record
    query = "SELECT key, digest, data FROM typedflow_parts WHERE execution = %s"
    return join_parts(record, db.execute(query, (number,), binary=True), count, total)


def select_revision(db: Connection, execution_id: str, sequence: int) -> StoredSnapshot | None:
    """Read a revision, or the newest save if it is that; None where there is neither."""
    newest = select(db, execution_id)
    if newest is None or newest.sequence == sequence:
        return newest
    row = db.execute(
        f"SELECT r.execution, r.status, {iso('r.saved_at')}, r.notes, r.data, r.digest, r.parts, r.parts_digest"
        " FROM typedflow_revisions r JOIN typedflow_executions e ON e.id = r.execution"
        " WHERE e.execution_id = %s AND r.sequence = %s",
        (execution_id, sequence),
        binary=True,
    ).fetchone()
    if row is None:
        return None
    number, *columns = row
    record, (count, total) = read_revision_record(newest, sequence, *columns), columns[-2:]
    if count is None:
        return record
    parts = db.execute(
        "SELECT key, digest, data FROM typedflow_parts WHERE execution = %(number)s AND sequence <= %(at)s"
        " UNION ALL SELECT key, digest, data FROM typedflow_part_history"
        " WHERE execution = %(number)s AND sequence <= %(at)s AND until > %(at)s",
        {"number": number, "at": sequence},
        binary=True,
    )
    return join_parts(record, parts, count, total)


def delete(db: Connection, execution_id: str) -> int | None:
    """Delete the record of an execution and what belongs to it; return the number of its row, None without one."""
    delete_keys(db, execution_id)
    gone = db.execute("DELETE FROM typedflow_executions WHERE execution_id = %s RETURNING id", (execution_id,))
    row = gone.fetchone()
    return None if row is None else row[0]


def was_deleted(db: Connection, number: int | None) -> bool:
    """Return whether a row is not there any more."""
    query = "SELECT 1 FROM typedflow_executions WHERE id = %s"
    return number is not None and db.execute(query, (number,)).fetchone() is None
