"""Everything that the rows of a database store hold, written anew in place; see `RewritingStore`. Runs inside a `Job`.

Digests are made again, all other columns stay. A document that was kept in parts is kept whole afterwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar, final

from typedflow.errors import SnapshotError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.stores.flow_state_sharing import UpdateKey
from typedflow.stores.questions import Row, decode_question, encode_question
from typedflow.stores.records import PendingInterrupt, StoredSnapshot
from typedflow.stores.rewriting import Rewriter, Rewritten, Tally
from typedflow.stores.rows import (
    digest_of,
    flow_state_digest,
    message_digest,
    owner_of,
    read_message,
    value_digest,
    written,
)
from typedflow.stores.work import Message

C = TypeVar("C")
"""The connection of a database."""


@final
@dataclass(frozen=True, slots=True)
class Rows:
    """The tables of a database, in a transaction that writes, and what differs between the databases."""

    find: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]
    """Returns the rows of a query with `?` in the place of its values."""
    write: Callable[[str, tuple[Any, ...]], object]
    """Runs a statement of that form that returns no rows."""
    moment: Callable[[str], str]
    """Returns the expression of a column with a time, in the form in which rows are digested."""
    lock: str
    """The end of a query of executions, which locks their rows until the commit; empty where the transaction does."""
    newest: Callable[[str], StoredSnapshot | None]
    revision: Callable[[str, int], StoredSnapshot | None]
    flow_state: Callable[[str], bytes | None]
    """Reads a flow_state, and locks it until the commit."""
    value: Callable[[UpdateKey], bytes | None]


_TIMES: Final = ("since", "deadline")


class Batch(NamedTuple):
    """What one transaction has rewritten, and where the next one begins; None: there is none."""

    tally: Tally
    next: int | None


async def rewrite(
    transact: Callable[[Callable[[C], Any]], Awaitable[Any]],
    rows_of: Callable[[C], Rows],
    rewriter: Rewriter,
    batch: int,
) -> Rewritten:
    """Rewrite everything, `batch` executions in a transaction; `transact` runs a function of the connection in one."""
    tally = Tally()
    start: int | None = 0
    while start is not None:
        work = partial(_rewrite_executions, rows_of=rows_of, rewriter=rewriter, start=start, batch=batch)
        done: Batch = await transact(work)
        tally.add(done.tally)
        start = done.next
    tally.add(await transact(lambda db: _rewrite_flow_states(rows_of(db), rewriter)))
    return tally.total()


def _rewrite_executions(db: C, rows_of: Callable[[C], Rows], rewriter: Rewriter, start: int, batch: int) -> Batch:
    """Rewrite some executions with all that belongs to them, from one row id on."""
    rows, tally = rows_of(db), Tally()
    query = "SELECT id, execution_id, problem FROM typedflow_executions WHERE id >= ? ORDER BY id LIMIT ?"
    found = rows.find(query + rows.lock, (start, batch))
    for number, execution_id, problem in found:
        if owner_of(execution_id) is None:
            continue  # a row that no save has written
        _rewrite_snapshots(rows, number, execution_id, rewriter, tally)
        _rewrite_pending(rows, number, execution_id, rewriter, tally)
        _rewrite_mail(rows, number, execution_id, rewriter, tally)
        _rewrite_values(rows, execution_id, rewriter, tally)
        _rewrite_reason(rows, number, execution_id, problem, rewriter, tally)
    return Batch(tally, found[-1][0] + 1 if len(found) == batch else None)


def _rewrite_flow_states(rows: Rows, rewriter: Rewriter) -> Tally:
    """Rewrite all flow_states."""
    tally = Tally()
    for (flow,) in rows.find("SELECT flow FROM typedflow_flow_states ORDER BY flow", ()):
        data = tally.attempt(None, partial(_new_flow_state, rows, flow, rewriter))
        if data is not None:
            values = (flow_state_digest(flow, data), data, flow)
            rows.write("UPDATE typedflow_flow_states SET digest = ?, data = ? WHERE flow = ?", values)
            tally.flow_states += 1
    return tally


def _new_flow_state(rows: Rows, flow: str, rewriter: Rewriter) -> bytes | None:
    data = rows.flow_state(flow)
    return None if data is None else rewriter.flow_state(flow, data)


def _rewrite_snapshots(rows: Rows, number: int, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    """Rewrite the newest snapshot and the revisions; all are read before any is written, as they share parts."""
    found = len(tally.damaged)
    newest = tally.attempt(execution_id, partial(rows.newest, execution_id))
    if newest is None:
        return
    old: list[StoredSnapshot] = []
    for (sequence,) in rows.find("SELECT sequence FROM typedflow_revisions WHERE execution = ?", (number,)):
        revision = tally.attempt(execution_id, partial(rows.revision, execution_id, sequence))
        if revision is not None and sequence != newest.sequence:
            old.append(revision)
    for revision in old:
        data = tally.attempt(execution_id, partial(rewriter.snapshot, revision))
        if data is not None:
            _write(rows, "typedflow_revisions", "execution = ? AND sequence = ?", number, revision, data)
            tally.others += 1
    data = tally.attempt(execution_id, partial(rewriter.snapshot, newest))
    if data is not None:
        _write(rows, "typedflow_executions", "id = ? AND sequence = ?", number, newest, data)
        _write(rows, "typedflow_revisions", "execution = ? AND sequence = ?", number, newest, data)
        tally.executions += 1
    if data is not None and len(tally.damaged) == found:
        rows.write("DELETE FROM typedflow_parts WHERE execution = ?", (number,))
        rows.write("DELETE FROM typedflow_part_history WHERE execution = ?", (number,))


def _write(rows: Rows, table: str, where: str, number: int, record: StoredSnapshot, data: bytes) -> None:
    whole = StoredSnapshot(
        record.execution_id, record.flow, record.status, record.sequence, record.saved_at, data, record.history
    )
    digest = digest_of(whole, written(record.saved_at), None, None)
    rows.write(
        f"UPDATE {table} SET parts = NULL, parts_digest = NULL, digest = ?, data = ? WHERE {where}",
        (digest, data, number, record.sequence),
    )


def _rewrite_pending(rows: Rows, number: int, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    columns = ", ".join(rows.moment(name) if name in _TIMES else name for name in Row._fields)
    found = rows.find(f"SELECT {columns} FROM typedflow_pending WHERE execution = ?", (number,))
    for row in map(Row._make, found):
        asked = tally.attempt(execution_id, partial(_new_question, row, rewriter))
        if asked is not None:
            changed = encode_question(asked)
            rows.write(
                "UPDATE typedflow_pending SET digest = ?, data = ? WHERE execution = ? AND interrupt_id = ?",
                (changed.digest, changed.data, number, row.interrupt_id),
            )
            tally.others += 1


def _new_question(row: Row, rewriter: Rewriter) -> PendingInterrupt | None:
    return rewriter.question(decode_question(row))


def _rewrite_mail(rows: Rows, number: int, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    columns = f"number, kind, name, data, digest, {rows.moment('posted_at')}"
    for row in rows.find(f"SELECT {columns} FROM typedflow_mail WHERE execution = ?", (number,)):
        changed = tally.attempt(execution_id, partial(_new_message, execution_id, row, rewriter))
        if changed is not None:
            rows.write(
                "UPDATE typedflow_mail SET digest = ?, data = ? WHERE execution = ? AND number = ?",
                (message_digest(execution_id, changed), changed.data, number, changed.number),
            )
            tally.others += 1


def _new_message(execution_id: str, row: tuple[Any, ...], rewriter: Rewriter) -> Message | None:
    message = read_message(execution_id, *row)
    data = rewriter.message(execution_id, message)
    return None if data is None else replace(message, data=data)


def _rewrite_values(rows: Rows, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
    query = "SELECT step, call FROM typedflow_flow_state_keys WHERE execution_id = ?"
    for step, call in rows.find(query, (execution_id,)):
        key = UpdateKey(execution_id, step, call)
        value = tally.attempt(execution_id, partial(_new_value, rows, key, rewriter))
        if value is not None:
            rows.write(
                "UPDATE typedflow_flow_state_keys SET digest = ?, value = ?"
                " WHERE execution_id = ? AND step = ? AND call = ?",
                (value_digest(key, value), value, execution_id, step, call),
            )
            tally.others += 1


def _new_value(rows: Rows, key: UpdateKey, rewriter: Rewriter) -> bytes | None:
    value = rows.value(key)
    return None if value is None else rewriter.value(key, value)


def _rewrite_reason(
    rows: Rows, number: int, execution_id: str, problem: object, rewriter: Rewriter, tally: Tally
) -> None:
    if problem is None:
        return
    text = tally.attempt(execution_id, partial(_new_reason, execution_id, problem, rewriter))
    if text is not None:
        rows.write("UPDATE typedflow_executions SET problem = ? WHERE id = ?", (text, number))
        tally.others += 1


def _new_reason(execution_id: str, problem: object, rewriter: Rewriter) -> str | None:
    if isinstance(problem, str):
        return rewriter.reason(execution_id, problem)
    raise SnapshotError(texts.damaged_problem(f"the problem of {quoted(execution_id)} is not what was noted"))
