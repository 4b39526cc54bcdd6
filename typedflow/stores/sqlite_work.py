"""Leases, mail and what is ready, in the tables of a SQLite store. Runs inside a `Job`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Final

from typedflow.errors import ConflictError, SnapshotError
from typedflow.rules import snapshots
from typedflow.rules import stores as texts
from typedflow.stores import sqlite_records
from typedflow.stores.embedded_leases import EMBEDDED_LEASE
from typedflow.stores.failures import Refusal
from typedflow.stores.holders import is_gone
from typedflow.stores.records import Family, Letter, Listing, StoredSnapshot
from typedflow.stores.rows import message_digest, read_entry, read_message, written
from typedflow.stores.work import (
    CALM,
    OVER,
    Lease,
    Message,
    Release,
    leased_error,
    letter_of_deleted,
    lost_lease_error,
)


def require_free(db: Connection, record: StoredSnapshot, now: datetime) -> None:
    """Raise `LeaseLostError` for a save while another has a living lease."""
    row = db.execute(
        "SELECT holder, ready_at FROM typedflow_executions WHERE execution_id = ? AND holder IS NOT NULL",
        (record.execution_id,),
    ).fetchone()
    if row is None or row[0] == record.holder or not _is_living(row[0], row[1], now):
        return
    raise Refusal(leased_error(record.execution_id, row[0], datetime.fromisoformat(row[1])))


def _is_living(holder: str, ready_at: str | None, now: datetime) -> bool:
    return ready_at is not None and ready_at > written(now) and not is_gone(holder)


def require_lease(db: Connection, lease: Lease) -> None:
    """Raise `LeaseLostError` where a lease is not the newest of its execution."""
    require_holder(db, lease.execution_id, lease.holder, lease.fence)


def require_holder(db: Connection, execution_id: str, holder: str, fence: int | None) -> None:
    """Raise `LeaseLostError` where another holder has an execution, or none; without a fence any of the holder's."""
    row = db.execute(
        "SELECT holder, fence FROM typedflow_executions WHERE execution_id = ?", (execution_id,)
    ).fetchone()
    if row is None or row != (holder, row[1] if fence is None else fence):
        raise Refusal(lost_lease_error(execution_id, None if row is None else row[0]))


def note_saved(db: Connection, record: StoredSnapshot, lease: Lease | None, now: datetime) -> None:
    """Set from when on a worker may take what was saved: at its deadline, or not while a holder has it."""
    due = None if record.due is None else written(record.due)
    if lease is None and record.holder is not None and record.status == "running":
        db.execute(
            "UPDATE typedflow_executions SET due = ?, ready_at = CASE holder WHEN ? THEN ready_at ELSE ? END,"
            " holder = ? WHERE execution_id = ?",
            (due, record.holder, written(now + EMBEDDED_LEASE), record.holder, record.execution_id),
        )
    elif record.status in OVER:
        db.execute(
            "UPDATE typedflow_executions SET due = NULL, ready_at = NULL, holder = NULL, crashes = 0, quarantined = 0,"
            " problem = NULL WHERE execution_id = ?",
            (record.execution_id,),
        )
        db.execute(f"DELETE FROM typedflow_mail WHERE execution = ({_ROW})", (record.execution_id,))
    elif lease is None:
        _freed(db, record, due, now)
    else:
        db.execute("UPDATE typedflow_executions SET due = ? WHERE execution_id = ?", (due, record.execution_id))
        if record.mail:
            _taken(db, record.execution_id, record.mail)


def _taken(db: Connection, execution_id: str, mail: int) -> None:
    """Delete the messages that an execution has taken: an interrupt id that is used again takes another answer."""
    db.execute(f"DELETE FROM typedflow_mail WHERE execution = ({_ROW}) AND number <= ?", (execution_id, mail))


def _freed(db: Connection, record: StoredSnapshot, due: str | None, now: datetime) -> None:
    """Note that no process has an execution; what was posted and not taken makes one at rest ready for a worker."""
    db.execute(
        "UPDATE typedflow_executions SET due = ?, holder = NULL,"
        " ready_at = CASE WHEN ? AND mail > ? THEN ? ELSE ? END WHERE execution_id = ?",
        (
            *(due, record.status != "running", record.mail, written(now)),
            *(due if record.status == "waiting" else None, record.execution_id),
        ),
    )


def let_go(db: Connection, execution_id: str, holder: str, now: datetime) -> None:
    """End a lease that no save has ended, of a run that was cut off; a worker may take it where mail is waiting."""
    db.execute(
        "UPDATE typedflow_executions SET holder = NULL, ready_at = CASE WHEN EXISTS"
        " (SELECT 1 FROM typedflow_mail WHERE execution = typedflow_executions.id) THEN ? END"
        " WHERE execution_id = ? AND holder = ?",
        (written(now), execution_id, holder),
    )


def renew_leases(db: Connection, holders: Collection[str], now: datetime) -> None:
    """Renew the leases of those that run executions with this store, also one that has run out and was not taken."""
    until = written(now + EMBEDDED_LEASE)
    db.executemany(
        "UPDATE typedflow_executions SET ready_at = ? WHERE holder = ? AND ready_at < ?",
        [(until, holder, until) for holder in holders],
    )


def make_ready(db: Connection, execution_id: str, ready_at: datetime) -> None:
    """Set the moment from which a worker may take an execution."""
    db.execute("UPDATE typedflow_executions SET ready_at = ? WHERE execution_id = ?", (written(ready_at), execution_id))


_ROW: Final = "SELECT id FROM typedflow_executions WHERE execution_id = ?"


def post(db: Connection, execution_id: str, make: Callable[[StoredSnapshot], Message], now: datetime) -> int:
    """Write a message, and make its execution ready where no holder has it."""
    try:
        stored = sqlite_records.select(db, execution_id)
        if stored is None:
            raise SnapshotError(snapshots.not_stored_problem(execution_id))
        message = make(stored)
    except BaseException as error:  # what is stored, and the caller's function: all of it is for the caller
        raise Refusal(error) from None
    (row,) = db.execute(_ROW, (execution_id,)).fetchone()
    if message.kind == "answer" and _is_answered(db, row, message.name):
        raise Refusal(ConflictError(texts.second_answer_problem(execution_id, message.name), execution_id=execution_id))
    return _write(db, row, execution_id, message, now)


def _write(db: Connection, row: int, execution_id: str, message: Message, now: datetime) -> int:
    (number,) = db.execute(
        "UPDATE typedflow_executions SET mail = mail + 1,"
        " ready_at = CASE WHEN holder IS NULL THEN ? ELSE ready_at END WHERE id = ? RETURNING mail",
        (written(now), row),
    ).fetchone()
    db.execute(
        "INSERT INTO typedflow_mail (execution, number, kind, name, posted_at, digest, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row, number, message.kind, message.name, written(now), message_digest(execution_id, message), message.data),
    )
    return int(number)


def send(db: Connection, letter: Letter, now: datetime) -> None:
    """Write a message of a save; none to an execution that is over, or not there."""
    execution_id, kind, name, data = letter
    found = db.execute("SELECT id, status FROM typedflow_executions WHERE execution_id = ?", (execution_id,)).fetchone()
    if found is None or found[1] in OVER:
        return
    if kind == "child":  # what was not taken is out of date
        db.execute("DELETE FROM typedflow_mail WHERE execution = ? AND kind = 'child' AND name = ?", (found[0], name))
    _write(db, found[0], execution_id, Message(kind, name, data), now)


def require_children(db: Connection, record: StoredSnapshot, family: Family) -> None:
    """Raise `ConflictError` where another execution has the id of a child."""
    for child, _, _ in family.children:
        row = _child(db, child.execution_id)
        if row is not None and row[1] != record.execution_id:
            problem = texts.taken_id_problem(child.execution_id)
            raise Refusal(ConflictError(problem, execution_id=child.execution_id))


def _child(db: Connection, execution_id: str) -> tuple[str, str | None, str | None] | None:
    query = "SELECT status, parent_id, parent_key FROM typedflow_executions WHERE execution_id = ?"
    row: tuple[str, str | None, str | None] | None = db.execute(query, (execution_id,)).fetchone()
    return row


def keep_family(db: Connection, family: Family, now: datetime) -> None:
    """Insert the children that a save starts, and send its messages."""
    for child, retry, over in family.children:
        row = _child(db, child.execution_id)
        if row is not None and child.parent is not None and row[2] != child.parent.key:
            sqlite_records.delete(db, child.execution_id)
            row = None
        if row is None:
            sqlite_records.insert(db, child)
            make_ready(db, child.execution_id, now)
        elif row[0] == "failed":
            send(db, retry, now)
        elif row[0] in OVER:
            send(db, over, now)
    for letter in family.letters:
        send(db, letter, now)


def delete(db: Connection, execution_id: str, now: datetime) -> bool:
    """Delete an execution, and tell its parent where it is a remote child that is not over."""
    row = _child(db, execution_id)
    letter = None if row is None else letter_of_deleted(execution_id, row[0], row[1])
    if letter is not None:
        send(db, letter, now)
    return sqlite_records.delete(db, execution_id)


def _is_answered(db: Connection, row: int, name: str) -> bool:
    found = db.execute("SELECT 1 FROM typedflow_mail WHERE execution = ? AND name = ? AND kind = 'answer'", (row, name))
    return found.fetchone() is not None


def read_mail(db: Connection, execution_id: str, after: int) -> list[Message]:
    """Return the messages behind a number; raises `SnapshotError` for one that is not what was posted."""
    found = db.execute(
        "SELECT number, kind, name, data, digest, posted_at FROM typedflow_mail"
        f" WHERE execution = ({_ROW}) AND number > ? ORDER BY number",
        (execution_id, after),
    )
    return [read_message(execution_id, *row) for row in found.fetchall()]


def gone_holders(db: Connection, now: datetime) -> list[str]:
    """Return those who have leases and are gone."""
    found = db.execute(
        "SELECT DISTINCT holder FROM typedflow_executions WHERE holder IS NOT NULL AND ready_at > ?", (written(now),)
    )
    return [holder for (holder,) in found.fetchall() if is_gone(holder)]


def take(
    db: Connection,
    flows: Collection[str],
    holder: str,
    ttl: timedelta,
    limits: tuple[int, int],
    now: datetime,
) -> list[Lease]:
    """Take what is ready; the second limit is for executions whose last lease ran out."""
    for gone in gone_holders(db, now):
        db.execute("UPDATE typedflow_executions SET ready_at = ? WHERE holder = ?", (written(now), gone))
    marks = ", ".join("?" * len(flows))
    leases = []
    for crashed, limit in zip(
        ("holder IS NULL AND crashes = 0", "(holder IS NOT NULL OR crashes > 0)"), limits, strict=True
    ):
        rows = db.execute(
            "SELECT execution_id FROM typedflow_executions WHERE ready_at <= ? AND ready_at IS NOT NULL"
            f" AND quarantined = 0 AND flow IN ({marks}) AND {crashed} ORDER BY ready_at LIMIT ?",
            (written(now), *flows, limit),
        ).fetchall()
        leases += [_lease(db, execution_id, holder, ttl, now) for (execution_id,) in rows]
    return leases


def acquire(db: Connection, execution_id: str, holder: str, ttl: timedelta, now: datetime) -> Lease | None:
    """Take one execution, unless a holder has a living lease on it."""
    row = db.execute(
        "SELECT holder, ready_at FROM typedflow_executions WHERE execution_id = ?", (execution_id,)
    ).fetchone()
    if row is None or (row[0] is not None and _is_living(row[0], row[1], now)):
        return None
    return _lease(db, execution_id, holder, ttl, now)


def _lease(db: Connection, execution_id: str, holder: str, ttl: timedelta, now: datetime) -> Lease:
    flow, fence, crashes = db.execute(
        "UPDATE typedflow_executions SET crashes = CASE WHEN holder IS NULL THEN crashes"
        " WHEN taken_at < ? THEN 1 ELSE crashes + 1 END, holder = ?, fence = fence + 1, taken_at = ?, ready_at = ?,"
        " problem = NULL WHERE execution_id = ? RETURNING flow, fence, crashes",
        (written(now - CALM), holder, written(now), written(now + ttl), execution_id),
    ).fetchone()
    return Lease(execution_id, flow, fence, holder, now, crashes)


def renew(db: Connection, holder: str, ttl: timedelta, now: datetime) -> dict[str, int]:
    """Renew the leases of a holder that have not run out."""
    rows = db.execute(
        "UPDATE typedflow_executions SET ready_at = ? WHERE holder = ? AND ready_at > ? RETURNING execution_id, fence",
        (written(now + ttl), holder, written(now)),
    )
    return dict(rows.fetchall())


def release(db: Connection, lease: Lease, how: Release, now: datetime) -> bool:
    """End a lease; what is posted and not taken makes the execution ready at once."""
    require_lease(db, lease)
    at = None if how.ready_at is None else written(how.ready_at)
    (more,) = db.execute(
        "UPDATE typedflow_executions SET holder = NULL, problem = ?, quarantined = ?,"
        " crashes = CASE WHEN ? THEN crashes ELSE 0 END,"
        " ready_at = CASE WHEN mail > ? AND (? IS NULL OR ? > ?) AND ? IS NULL THEN ? ELSE ? END"
        " WHERE execution_id = ? RETURNING mail > ?",
        (
            *(how.problem, how.quarantined, how.crashed),
            *(how.mail, at, at, written(now), how.problem, written(now), at),
            *(lease.execution_id, how.mail),
        ),
    ).fetchone()
    _taken(db, lease.execution_id, how.mail)
    return bool(more)


def next_ready(db: Connection, flows: Collection[str], now: datetime) -> datetime | None:
    """Return the earliest moment at which one of these flows has something ready: at once where a holder is gone."""
    if gone_holders(db, now):
        return now
    marks = ", ".join("?" * len(flows))
    (ready,) = db.execute(
        "SELECT min(ready_at) FROM typedflow_executions WHERE ready_at IS NOT NULL AND quarantined = 0"
        f" AND flow IN ({marks})",
        tuple(flows),
    ).fetchone()
    return None if ready is None else datetime.fromisoformat(ready)


def list_quarantined(db: Connection, flow: str | None) -> Listing:
    """Return what no worker takes, oldest save first."""
    rows = db.execute(
        "SELECT execution_id, flow, status, sequence, saved_at FROM typedflow_executions WHERE quarantined = 1"
        " AND (? IS NULL OR flow = ?) ORDER BY saved_at, execution_id",
        (flow, flow),
    )
    return Listing(read_entry(*row) for row in rows.fetchall())


def release_quarantine(db: Connection, execution_id: str, now: datetime) -> bool:
    """Release an execution from quarantine; return whether it was in quarantine."""
    done = db.execute(
        "UPDATE typedflow_executions SET quarantined = 0, crashes = 0, problem = NULL, ready_at = ?"
        " WHERE execution_id = ? AND quarantined = 1",
        (written(now), execution_id),
    )
    return done.rowcount > 0


def problem_of(db: Connection, execution_id: str) -> str | None:
    """Return why an execution does not run, as its last worker said."""
    row = db.execute("SELECT problem FROM typedflow_executions WHERE execution_id = ?", (execution_id,)).fetchone()
    return None if row is None else row[0]
