"""Everything that a SQLite store keeps, written anew in place; see `RewritingStore`. Runs inside a `Job`.

Digests are made again, all other columns stay. A document that was kept in parts is kept whole afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from sqlite3 import Connection
from typing import Any, NamedTuple

from typedflow.errors import SnapshotError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.stores.flow_state_sharing import UpdateKey
from typedflow.stores.questions import COLUMNS, Row, decode_question, encode_question
from typedflow.stores.records import PendingInterrupt, StoredSnapshot
from typedflow.stores.rewriting import Rewriter, Tally
from typedflow.stores.rows import digest_of, owner_of, read_message, written
from typedflow.stores.sqlite_flow_states import find_value, select_flow_state, write_flow_state, write_value
from typedflow.stores.sqlite_history import select_revision
from typedflow.stores.sqlite_records import select
from typedflow.stores.sqlite_work import write_message
from typedflow.stores.work import Message


class Batch(NamedTuple):
    """What one transaction has rewritten, and where the next one begins; None: there is none."""

    tally: Tally
    next: int | None


def rewrite_executions(db: Connection, rewriter: Rewriter, start: int, batch: int) -> Batch:
    """Rewrite some executions with all that belongs to them, from one row id on."""
    tally = Tally()
    rows = db.execute(
        "SELECT id, execution_id, problem FROM typedflow_executions WHERE id >= ? ORDER BY id LIMIT ?", (start, batch)
    ).fetchall()
    for number, execution_id, problem in rows:
        if owner_of(execution_id) is None:
            continue  # a row that no save has written
        _rewrite_snapshots(db, number, execution_id, rewriter, tally)
        _rewrite_pending(db, number, execution_id, rewriter, tally)
        _rewrite_mail(db, number, execution_id, rewriter, tally)
        _rewrite_values(db, execution_id, rewriter, tally)
        _rewrite_reason(db, number, execution_id, problem, rewriter, tally)
    return Batch(tally, rows[-1][0] + 1 if len(rows) == batch else None)


def rewrite_flow_states(db: Connection, rewriter: Rewriter) -> Tally:
    """Rewrite all flow_states."""
    tally = Tally()
    for (flow,) in db.execute("SELECT flow FROM typedflow_flow_states").fetchall():
        data = tally.attempt(None, partial(_new_flow_state, db, flow, rewriter))
        if data is not None:
            write_flow_state(db, flow, data)
            tally.flow_states += 1
    return tally


def _new_flow_state(db: Connection, flow: str, rewriter: Rewriter) -> bytes | None:
    data = select_flow_state(db, flow)
    return None if data is None else rewriter.flow_state(flow, data)


def _rewrite_snapshots(db: Connection, number: int, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    """Rewrite the newest snapshot and the revisions; all are read before any is written, as they share parts."""
    found = len(tally.damaged)
    newest = tally.attempt(execution_id, partial(select, db, execution_id))
    if newest is None:
        return
    old: list[StoredSnapshot] = []
    for (sequence,) in db.execute("SELECT sequence FROM typedflow_revisions WHERE execution = ?", (number,)).fetchall():
        revision = tally.attempt(execution_id, partial(select_revision, db, execution_id, sequence))
        if revision is not None and sequence != newest.sequence:
            old.append(revision)
    for revision in old:
        data = tally.attempt(execution_id, partial(rewriter.snapshot, revision))
        if data is not None:
            _write(db, "typedflow_revisions", "execution = ? AND sequence = ?", number, revision, data)
            tally.others += 1
    data = tally.attempt(execution_id, partial(rewriter.snapshot, newest))
    if data is not None:
        _write(db, "typedflow_executions", "id = ? AND sequence = ?", number, newest, data)
        _write(db, "typedflow_revisions", "execution = ? AND sequence = ?", number, newest, data)
        tally.executions += 1
    if data is not None and len(tally.damaged) == found:
        db.execute("DELETE FROM typedflow_parts WHERE execution = ?", (number,))
        db.execute("DELETE FROM typedflow_part_history WHERE execution = ?", (number,))


def _write(db: Connection, table: str, where: str, number: int, record: StoredSnapshot, data: bytes) -> None:
    whole = StoredSnapshot(
        record.execution_id, record.flow, record.status, record.sequence, record.saved_at, data, record.history
    )
    digest = digest_of(whole, written(record.saved_at), None, None)
    db.execute(
        f"UPDATE {table} SET parts = NULL, parts_digest = NULL, digest = ?, data = ? WHERE {where}",
        (digest, data, number, record.sequence),
    )


def _rewrite_pending(db: Connection, number: int, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    rows = db.execute(f"SELECT {COLUMNS} FROM typedflow_pending WHERE execution = ?", (number,)).fetchall()
    for row in map(Row._make, rows):
        asked = tally.attempt(execution_id, partial(_new_question, row, rewriter))
        if asked is not None:
            changed = encode_question(asked)
            db.execute(
                "UPDATE typedflow_pending SET digest = ?, data = ? WHERE execution = ? AND interrupt_id = ?",
                (changed.digest, changed.data, number, row.interrupt_id),
            )
            tally.others += 1


def _new_question(row: Row, rewriter: Rewriter) -> PendingInterrupt | None:
    return rewriter.question(decode_question(row))


def _rewrite_mail(db: Connection, number: int, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    rows = db.execute(
        "SELECT number, kind, name, data, digest, posted_at FROM typedflow_mail WHERE execution = ?", (number,)
    ).fetchall()
    for row in rows:
        changed = tally.attempt(execution_id, partial(_new_message, execution_id, row, rewriter))
        if changed is not None:
            write_message(db, number, execution_id, changed)
            tally.others += 1


def _new_message(execution_id: str, row: tuple[Any, ...], rewriter: Rewriter) -> Message | None:
    message = read_message(execution_id, *row)
    data = rewriter.message(execution_id, message)
    return None if data is None else replace(message, data=data)


def _rewrite_values(db: Connection, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    rows = db.execute(
        "SELECT step, call FROM typedflow_flow_state_keys WHERE execution_id = ?", (execution_id,)
    ).fetchall()
    for step, call in rows:
        key = UpdateKey(execution_id, step, call)
        value = tally.attempt(execution_id, partial(_new_value, db, key, rewriter))
        if value is not None:
            write_value(db, key, value)
            tally.others += 1


def _new_value(db: Connection, key: UpdateKey, rewriter: Rewriter) -> bytes | None:
    value = find_value(db, key)
    return None if value is None else rewriter.value(key, value)


def _rewrite_reason(
    db: Connection, number: int, execution_id: str, problem: object, rewriter: Rewriter, tally: Tally
) -> None:
    if problem is None:
        return
    text = tally.attempt(execution_id, partial(_new_reason, execution_id, problem, rewriter))
    if text is not None:
        db.execute("UPDATE typedflow_executions SET problem = ? WHERE id = ?", (text, number))
        tally.others += 1


def _new_reason(execution_id: str, problem: object, rewriter: Rewriter) -> str | None:
    if isinstance(problem, str):
        return rewriter.reason(execution_id, problem)
    raise SnapshotError(texts.damaged_problem(f"the problem of {quoted(execution_id)} is not what was noted"))
