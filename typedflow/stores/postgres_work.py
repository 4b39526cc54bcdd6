"""Leases, mail and what is ready, in the tables of a PostgresStore. Runs inside a `Job`.

What is taken or renewed skips rows that another transaction has locked: those are being saved, posted to or taken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from typedflow.errors import ConflictError, SnapshotError, StoreError
from typedflow.rules import snapshots
from typedflow.rules import stores as texts
from typedflow.stores.embedded_leases import EMBEDDED_LEASE
from typedflow.stores.failures import Refusal
from typedflow.stores.holders import is_gone
from typedflow.stores.postgres_database import Connection
from typedflow.stores.postgres_leases import NOW, lock, require_lease
from typedflow.stores.postgres_records import insert, iso, select
from typedflow.stores.records import Listing, StoredSnapshot
from typedflow.stores.rows import message_digest, read_entry, read_message
from typedflow.stores.work import CALM, Lease, Message, Release


def submit(db: Connection, record: StoredSnapshot, ready_at: datetime | None, now: datetime | None) -> None:
    """Save a new execution for a worker to take."""
    number = insert(db, record, None)
    query = f"UPDATE typedflow_executions SET ready_at = coalesce(%(at)s::timestamptz, {NOW}) WHERE id = %(number)s"
    db.execute(query, {"at": ready_at, "now": now, "number": number})


class Posted(NamedTuple):
    """A message as it was written."""

    number: int
    at: str
    digest: bytes


def post(db: Connection, execution_id: str, make: Callable[[StoredSnapshot], Message], now: datetime | None) -> Posted:
    """Write a message, and make its execution ready where no holder has it."""
    locked = lock(db, execution_id, now)
    try:
        stored = select(db, execution_id)
        if stored is None or locked.number is None:
            raise SnapshotError(snapshots.not_stored_problem(execution_id))
        message = make(stored)
    except BaseException as error:  # what is stored, and the caller's function: all of it is for the caller
        raise Refusal(error) from None
    if message.kind == "answer" and _is_answered(db, locked.number, message.name):
        raise Refusal(ConflictError(texts.second_answer_problem(execution_id, message.name), execution_id=execution_id))
    return write(db, locked.number, execution_id, message, now)


def write(db: Connection, number: int, execution_id: str, message: Message, now: datetime | None) -> Posted:
    """Write a message for the execution of a locked row, and make it ready where no holder has it."""
    digest = message_digest(execution_id, message)
    row = db.execute(
        f"WITH counted AS (UPDATE typedflow_executions SET mail = mail + 1,"
        f" ready_at = CASE WHEN holder IS NULL THEN {NOW} ELSE ready_at END WHERE id = %(execution)s RETURNING mail)"
        " INSERT INTO typedflow_mail (execution, number, kind, name, posted_at, digest, data)"
        f" SELECT %(execution)s, mail, %(kind)s, %(name)s, {NOW}, %(digest)s, %(data)s FROM counted"
        " RETURNING number, posted_at::text",
        {"execution": number, "kind": message.kind, "name": message.name, "digest": digest, "now": now}
        | {"data": message.data},
    ).fetchone()
    assert row is not None
    return Posted(row[0], row[1], digest)


def was_posted(db: Connection, execution_id: str, posted: Posted) -> bool:
    """Return whether a message was posted; raises `StoreError` where it was taken since, if it was."""
    row = db.execute(
        "SELECT e.mail >= %s, m.posted_at::text = %s AND m.digest = %s FROM typedflow_executions e"
        " LEFT JOIN typedflow_mail m ON m.execution = e.id AND m.number = %s WHERE e.execution_id = %s",
        (posted.number, posted.at, posted.digest, posted.number, execution_id),
    ).fetchone()
    if row is None or not row[0]:
        return False
    if row[1] is None:
        raise StoreError(texts.doubtful_post_problem(execution_id))
    return bool(row[1])


def _is_answered(db: Connection, number: int, name: str) -> bool:
    query = "SELECT 1 FROM typedflow_mail WHERE execution = %s AND name = %s AND kind = 'answer'"
    return db.execute(query, (number, name)).fetchone() is not None


def read_mail(db: Connection, execution_id: str, after: int) -> list[Message]:
    """Return the messages behind a number; raises `SnapshotError` for one that is not what was posted."""
    found = db.execute(
        f"SELECT m.number, m.kind, m.name, m.data, m.digest, {iso('m.posted_at')} FROM typedflow_mail m"
        " JOIN typedflow_executions e ON e.id = m.execution WHERE e.execution_id = %s AND m.number > %s"
        " ORDER BY m.number",
        (execution_id, after),
        binary=True,
    )
    return [read_message(execution_id, *row) for row in found]


_READY: Final = f"ready_at <= {NOW} AND ready_at IS NOT NULL AND NOT quarantined AND flow = ANY(%(flows)s::text[])"
_CALM: Final = "holder IS NULL AND crashes = 0"

_LEASED: Final = (
    " UPDATE typedflow_executions e SET crashes = CASE WHEN e.holder IS NULL THEN e.crashes"
    f" WHEN e.taken_at < {NOW} - %(calm)s::interval THEN 1 ELSE e.crashes + 1 END, holder = %(holder)s,"
    f" fence = e.fence + 1, taken_at = {NOW}, ready_at = {NOW} + %(ttl)s::interval, problem = NULL"
    " FROM found WHERE e.id = found.id RETURNING e.execution_id, e.flow, e.fence, e.holder, e.taken_at, e.crashes"
)


def gone_holders(db: Connection, now: datetime | None) -> list[str]:
    """Return those of this machine who have leases and are gone."""
    query = f"SELECT DISTINCT holder FROM typedflow_executions WHERE holder IS NOT NULL AND ready_at > {NOW}"
    return [holder for (holder,) in db.execute(query, {"now": now}).fetchall() if is_gone(holder)]


def let_go(db: Connection, execution_id: str, holder: str, now: datetime | None) -> None:
    """End a lease that no save has ended, of a run that was cut off; a worker may take it where mail is waiting."""
    db.execute(
        "UPDATE typedflow_executions e SET holder = NULL, ready_at = CASE WHEN EXISTS"
        f" (SELECT 1 FROM typedflow_mail m WHERE m.execution = e.id) THEN {NOW} END"
        " WHERE execution_id = %(id)s AND holder = %(holder)s",
        {"id": execution_id, "holder": holder, "now": now},
    )


def renew_leases(db: Connection, holders: list[str]) -> None:
    """Renew the leases of those that run executions without a worker; a row that is being saved is left for next."""
    db.execute(
        "UPDATE typedflow_executions SET ready_at = now() + %(ttl)s::interval WHERE id IN (SELECT id FROM"
        " typedflow_executions WHERE holder = ANY(%(holders)s::text[]) AND ready_at < now() + %(ttl)s::interval"
        " ORDER BY id FOR UPDATE SKIP LOCKED)",
        {"holders": holders, "ttl": EMBEDDED_LEASE},
    )


def take(
    db: Connection,
    flows: Collection[str],
    holder: str,
    ttl: timedelta,
    limits: tuple[int, int],
    now: datetime | None,
) -> list[Lease]:
    """Take what is ready; the second limit is for executions whose last lease ran out."""
    for gone in gone_holders(db, now):
        db.execute(
            f"UPDATE typedflow_executions SET ready_at = {NOW} WHERE id IN (SELECT id FROM typedflow_executions"
            f" WHERE holder = %(gone)s AND ready_at > {NOW} ORDER BY id FOR UPDATE SKIP LOCKED)",
            {"gone": gone, "now": now},
        )
    ranges = [
        f"(SELECT id, ready_at FROM typedflow_executions WHERE {_READY} AND {which} ORDER BY ready_at LIMIT {limit:d}"
        " FOR UPDATE SKIP LOCKED)"
        for which, limit in zip((_CALM, f"NOT ({_CALM})"), limits, strict=True)
    ]
    found = db.execute(
        f"WITH calm AS MATERIALIZED {ranges[0]}, crashed AS MATERIALIZED {ranges[1]},"
        " found AS MATERIALIZED (SELECT id, ready_at FROM calm UNION ALL SELECT id, ready_at FROM crashed),"
        f" leased AS ({_LEASED}, found.ready_at)"
        " SELECT execution_id, flow, fence, holder, taken_at, crashes FROM leased ORDER BY leased.ready_at",
        {"flows": [*flows], "holder": holder, "ttl": ttl, "calm": CALM, "now": now},
    )
    return [Lease(*row) for row in found]


def acquire(db: Connection, execution_id: str, holder: str, ttl: timedelta, now: datetime | None) -> list[Lease]:
    """Take one execution, unless a holder has a living lease on it."""
    row = db.execute("SELECT holder FROM typedflow_executions WHERE execution_id = %s", (execution_id,)).fetchone()
    gone = row[0] if row is not None and row[0] is not None and is_gone(row[0]) else None
    found = db.execute(
        "WITH found AS MATERIALIZED (SELECT id FROM typedflow_executions WHERE execution_id = %(id)s"
        f" AND (holder IS NULL OR ready_at IS NULL OR ready_at <= {NOW} OR holder = %(gone)s) FOR UPDATE){_LEASED}",
        {"id": execution_id, "gone": gone, "holder": holder, "ttl": ttl, "calm": CALM, "now": now},
    )
    return [Lease(*row) for row in found]


def were_leased(db: Connection, leases: list[Lease]) -> bool:
    """Return whether leases were taken; of one transaction it were all or none."""
    return not leases or all(_has(db, lease) for lease in leases)


def _has(db: Connection, lease: Lease) -> bool:
    query = "SELECT fence >= %s FROM typedflow_executions WHERE execution_id = %s"
    row = db.execute(query, (lease.fence, lease.execution_id)).fetchone()
    return row is not None and bool(row[0])


def renew(db: Connection, holder: str, ttl: timedelta, now: datetime | None) -> dict[str, int]:
    """Renew the leases of a holder that have not run out.

    A row that is locked is being saved by the holder: it is renewed by the next beat, and its lease is no less there.
    """
    living = f"holder = %(holder)s AND ready_at > {NOW}"
    values = {"holder": holder, "ttl": ttl, "now": now}
    db.execute(
        f"UPDATE typedflow_executions SET ready_at = {NOW} + %(ttl)s::interval WHERE id IN"
        f" (SELECT id FROM typedflow_executions WHERE {living} ORDER BY id FOR UPDATE SKIP LOCKED)",
        values,
    )
    return dict(db.execute(f"SELECT execution_id, fence FROM typedflow_executions WHERE {living}", values).fetchall())


def release(db: Connection, lease: Lease, how: Release, now: datetime | None) -> bool:
    """End a lease; what is posted and not taken makes the execution ready at once."""
    require_lease(lock(db, lease.execution_id, now), lease)
    row = db.execute(
        "UPDATE typedflow_executions SET holder = NULL, problem = %(problem)s, quarantined = %(quarantined)s,"
        " crashes = CASE WHEN %(crashed)s THEN crashes ELSE 0 END,"
        f" ready_at = CASE WHEN mail > %(mail)s AND coalesce(%(at)s::timestamptz > {NOW}, true)"
        f" AND %(problem)s::text IS NULL THEN {NOW} ELSE %(at)s::timestamptz END"
        " WHERE execution_id = %(id)s RETURNING mail > %(mail)s, id",
        {"problem": how.problem, "quarantined": how.quarantined, "crashed": how.crashed, "mail": how.mail}
        | {"at": how.ready_at, "now": now, "id": lease.execution_id},
    ).fetchone()
    assert row is not None
    if how.mail:
        db.execute("DELETE FROM typedflow_mail WHERE execution = %s AND number <= %s", (row[1], how.mail))
    return bool(row[0])


def was_released(db: Connection, lease: Lease) -> bool:
    """Return whether a lease is not there any more."""
    query = "SELECT 1 FROM typedflow_executions WHERE execution_id = %s AND holder = %s AND fence = %s"
    return db.execute(query, (lease.execution_id, lease.holder, lease.fence)).fetchone() is None


def next_ready(db: Connection, flows: Collection[str], now: datetime | None) -> timedelta | None:
    """Return in what time one of these flows has something ready; not above 0 where that is now."""
    if gone_holders(db, now):
        return timedelta(0)
    row = db.execute(
        f"SELECT min(ready_at) - {NOW} FROM typedflow_executions"
        " WHERE ready_at IS NOT NULL AND NOT quarantined AND flow = ANY(%(flows)s::text[])",
        {"flows": [*flows], "now": now},
    ).fetchone()
    return None if row is None else row[0]


def list_quarantined(db: Connection, flow: str | None) -> Listing:
    """Return what no worker takes, oldest save first."""
    rows = db.execute(
        f"SELECT execution_id, flow, status, sequence, {iso('saved_at')} FROM typedflow_executions WHERE quarantined"
        " AND (%(flow)s::text IS NULL OR flow = %(flow)s) ORDER BY saved_at, execution_id",
        {"flow": flow},
    )
    return Listing(read_entry(*row) for row in rows)


def release_quarantine(db: Connection, execution_id: str, now: datetime | None) -> bool:
    """Release an execution from quarantine; return whether it was in quarantine."""
    done = db.execute(
        "UPDATE typedflow_executions SET quarantined = false, crashes = 0, problem = NULL,"
        f" ready_at = {NOW} WHERE execution_id = %(id)s AND quarantined RETURNING id",
        {"id": execution_id, "now": now},
    )
    return done.fetchone() is not None


def is_quarantined(db: Connection, execution_id: str) -> bool:
    """Return whether no worker takes an execution."""
    query = "SELECT 1 FROM typedflow_executions WHERE execution_id = %s AND quarantined"
    return db.execute(query, (execution_id,)).fetchone() is not None


def problem_of(db: Connection, execution_id: str) -> str | None:
    """Return why an execution does not run, as its last worker said."""
    row = db.execute("SELECT problem FROM typedflow_executions WHERE execution_id = %s", (execution_id,)).fetchone()
    return None if row is None else row[0]
