"""Lists of what a SQLite store holds: the whole of it, or pages through an index. Runs inside a `Job`.

An index over (group, group, time, id) is in the order of a page only where both groups are fixed. A page that leaves
one of them open is merged from the ranges of all groups that there are; each range is read only as far as the page
needs it. The groups (flows, statuses, types of questions) are found by one look into the index for each.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from sqlite3 import Connection, OperationalError
from typing import Final, TypeVar

from typedflow.stores.records import DamagedEntry, Listing, StoredEntry
from typedflow.stores.rows import read_entry, readable, written

T = TypeVar("T")


def list_entries(
    db: Connection,
    flow: str | None,
    statuses: Collection[str] | None,
    after: StoredEntry | None,
    limit: int | None,
    where: str,
) -> Listing:
    """Return the entries of a flow and of some statuses, oldest save first, then by id.

    Without `after` and `limit` the whole table is read, and every damaged row is in `damaged`; a page names those that
    lie in the ranges that it reads.
    """
    if after is None and limit is None:
        return decoding_anything(db, lambda: _all(db, flow, statuses, where))
    try:
        return _page(db, flow, statuses, after, limit, where)
    except OperationalError as error:
        if not is_no_text(error):
            raise
    whole = decoding_anything(db, lambda: _all(db, flow, statuses, where))
    behind = (each for each in whole if after is None or _position(each) > _position(after))
    return Listing(islice(behind, limit), whole.damaged)


def decoding_anything(db: Connection, read: Callable[[], T]) -> T:
    """Read rows; where a text among them is no UTF-8, read again with that decoded to what no column may hold."""
    try:
        return read()
    except OperationalError as error:
        if not is_no_text(error):
            raise
    with _bare_texts(db):
        return read()


def is_no_text(error: OperationalError) -> bool:
    """Return True if a text in a row is no UTF-8: it ends the reading of all rows."""
    return "decode" in str(error)


@contextmanager
def _bare_texts(db: Connection) -> Iterator[None]:
    given = db.text_factory
    db.text_factory = lambda data: data.decode(errors="surrogateescape")
    try:
        yield
    finally:
        db.text_factory = given


def groups(db: Connection, table: str, column: str, within: str = "", value: object = None) -> Iterator[object]:
    """Yield the values of the leading columns of an index: one look for each, however many rows it has."""
    fixed = f"{within} = ? AND " if within else ""
    given = (value,) if within else ()
    found = db.execute(f"SELECT min({column}) FROM {table} WHERE {fixed}1", given).fetchone()[0]
    while found is not None:
        yield found
        row = db.execute(f"SELECT min({column}) FROM {table} WHERE {fixed}{column} > ?", (*given, found)).fetchone()
        found = row[0]


def _all(db: Connection, flow: str | None, statuses: Collection[str] | None, where: str) -> Listing:
    damaged: list[DamagedEntry] = []
    rows = db.execute(f"SELECT {_ENTRY} FROM typedflow_executions ORDER BY saved_at, execution_id")
    entries = _entries(rows, damaged, where)
    found = [each for each in entries if flow in (None, each.flow) and (statuses is None or each.status in statuses)]
    return Listing(found, damaged)


def _page(
    db: Connection,
    flow: str | None,
    statuses: Collection[str] | None,
    after: StoredEntry | None,
    limit: int | None,
    where: str,
) -> Listing:
    damaged: list[DamagedEntry] = []
    ranges = [
        _entries(_range(db, each_flow, each_status, after), damaged, where)
        for each_flow in (groups(db, "typedflow_executions", "flow") if flow is None else (flow,))
        for each_status in (
            groups(db, "typedflow_executions", "status", "flow", each_flow) if statuses is None else statuses
        )
    ]
    return Listing(islice(heapq.merge(*ranges, key=_position), limit), damaged)


def _range(db: Connection, flow: object, status: object, after: StoredEntry | None) -> Iterable[tuple[object, ...]]:
    query = f"SELECT {_ENTRY} FROM typedflow_executions WHERE flow = ? AND status = ?"
    order = " ORDER BY saved_at, execution_id"
    if after is None:
        return db.execute(query + order, (flow, status))
    position = (written(after.saved_at), after.execution_id)
    return db.execute(f"{query} AND (saved_at, execution_id) > (?, ?){order}", (flow, status, *position))


def _entries(rows: Iterable[tuple[object, ...]], damaged: list[DamagedEntry], where: str) -> Iterator[StoredEntry]:
    return readable(rows, lambda row: read_entry(*row), damaged, where)


def _position(entry: StoredEntry) -> tuple[datetime, str]:
    return entry.saved_at, entry.execution_id


_ENTRY: Final = "execution_id, flow, status, sequence, saved_at"
