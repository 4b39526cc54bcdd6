"""The rows of pending interrupts in a SQLite store. Runs inside a `Job`."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from sqlite3 import Connection, OperationalError

from typedflow.stores.questions import (
    COLUMNS,
    Row,
    decode_question,
    encode_question,
    page_of_questions,
    position_of,
)
from typedflow.stores.records import DamagedEntry, Notes, PendingInterrupt, PendingListing
from typedflow.stores.rows import readable, written
from typedflow.stores.sqlite_listing import decoding_anything, groups, is_no_text

_OWNER = "(SELECT id FROM typedflow_executions WHERE execution_id = ?)"


def note_pending(db: Connection, execution_id: str, notes: Notes) -> None:
    """Write the interrupts that became pending, and delete those that are not any more."""
    db.executemany(
        f"DELETE FROM typedflow_pending WHERE execution = {_OWNER} AND interrupt_id = ?",
        [(execution_id, interrupt_id) for interrupt_id in notes.answered],
    )
    marks = ", ".join("?" * len(Row._fields))
    db.executemany(
        f"INSERT OR REPLACE INTO typedflow_pending (execution, {COLUMNS}) VALUES ({_OWNER}, {marks})",
        [(execution_id, *encode_question(asked)) for asked in notes.asked],
    )


def list_pending(
    db: Connection, flow: str | None, type: str | None, after: PendingInterrupt | None, limit: int | None, where: str
) -> PendingListing:
    """Return pending interrupts, longest wait first; rows that cannot be read are in `damaged`."""
    try:
        return _page(db, flow, type, after, limit, where)
    except OperationalError as error:
        if not is_no_text(error):
            raise
    return decoding_anything(db, lambda: _filtered(db, flow, type, after, limit, where))


def _page(
    db: Connection, flow: str | None, type: str | None, after: PendingInterrupt | None, limit: int | None, where: str
) -> PendingListing:
    damaged: list[DamagedEntry] = []
    ranges = [
        _questions(_range(db, each_flow, each_type, after), damaged, where)
        for each_flow in (groups(db, "typedflow_pending", "flow") if flow is None else (flow,))
        for each_type in (groups(db, "typedflow_pending", "type", "flow", each_flow) if type is None else (type,))
    ]
    return PendingListing(islice(heapq.merge(*ranges, key=position_of), limit), damaged)


def _range(db: Connection, flow: object, type: object, after: PendingInterrupt | None) -> Iterable[Row]:
    query = f"SELECT {COLUMNS} FROM typedflow_pending WHERE flow = ? AND type = ?"
    order = " ORDER BY since, execution_id, interrupt_id"
    if after is None:
        return db.execute(query + order, (flow, type))
    position = (written(after.since), after.execution_id, after.interrupt_id)
    return db.execute(f"{query} AND (since, execution_id, interrupt_id) > (?, ?, ?){order}", (flow, type, *position))


def _filtered(
    db: Connection, flow: str | None, type: str | None, after: PendingInterrupt | None, limit: int | None, where: str
) -> PendingListing:
    """Read every row: a text among them is no UTF-8, and no index can be asked for it."""
    damaged: list[DamagedEntry] = []
    rows = db.execute(f"SELECT {COLUMNS} FROM typedflow_pending")
    return page_of_questions(_questions(rows, damaged, where), flow, type, after, limit, damaged)


def _questions(rows: Iterable[Row], damaged: list[DamagedEntry], where: str) -> Iterator[PendingInterrupt]:
    return readable(rows, decode_question, damaged, where)
