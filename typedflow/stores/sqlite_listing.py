"""Lists of what a SQLite store holds: the whole of it, or pages through an index. Runs inside a `Job`.

An index over (group, group, time, id) is in the order of a page only where both groups are fixed. A page that leaves
one of them open is merged from the ranges of all groups that there are; each range is read only as far as the page
needs it. The groups (flows, statuses, types of questions) are found by one look into the index for each.

Executions that a process runs at the moment (`HELD`) are not in that index, because each of their saves would move them
in it, which took a tenth of the save. There are as many as are run at once: a page reads all of them and sorts them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from sqlite3 import Connection, OperationalError
from typing import Final, TypeVar

from typedflow.stores.records import DamagedEntry, Listing, StoredEntry
from typedflow.stores.rows import read_entry, readable, written
from typedflow.stores.sqlite_parts import one_moment

T = TypeVar("T")

FREE: Final = "holder IS NULL"
HELD: Final = "holder IS NOT NULL"
"""Whether a process runs an execution at the moment: it has the lease."""


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
        with one_moment(db):  # a run that is over is in one range before, and in another one behind
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


def groups(
    db: Connection, table: str, column: str, within: str = "", value: object = None, *, among: str = "1"
) -> Iterator[object]:
    """Yield the values of the leading columns of an index: one look for each, however many rows it has.

    `among` is the condition of the rows in question, which a partial index has.
    """
    fixed = f"{among} AND {within} = ?" if within else among
    given = (value,) if within else ()
    found = db.execute(f"SELECT min({column}) FROM {table} WHERE {fixed}", given).fetchone()[0]
    while found is not None:
        yield found
        row = db.execute(
            f"SELECT min({column}) FROM {table} WHERE {fixed} AND {column} > ?", (*given, found)
        ).fetchone()
        found = row[0]


def flows_stored(db: Connection) -> list[object]:
    """Return the names of the flows that have executions."""
    held = db.execute(f"SELECT DISTINCT flow FROM typedflow_executions WHERE {HELD}").fetchall()
    return list(dict.fromkeys([*groups(db, "typedflow_executions", "flow", among=FREE), *(flow for (flow,) in held)]))


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
    table = "typedflow_executions"
    ranges = [
        _range(db, {"flow": each_flow, "status": each_status}, FREE, after)
        for each_flow in (groups(db, table, "flow", among=FREE) if flow is None else (flow,))
        for each_status in (
            groups(db, table, "status", "flow", each_flow, among=FREE) if statuses is None else statuses
        )
    ]
    of_flow = {} if flow is None else {"flow": flow}
    ranges += [
        _range(db, {**of_flow, **of_status}, HELD, after)
        for of_status in ([{}] if statuses is None else [{"status": each} for each in statuses])
    ]
    entries = heapq.merge(*(_entries(rows, damaged, where) for rows in ranges), key=_position)
    return Listing(islice(entries, limit), damaged)


def _range(
    db: Connection, values: Mapping[str, object], among: str, after: StoredEntry | None
) -> Iterable[tuple[object, ...]]:
    """Read the rows with these values in their columns, oldest save first."""
    conditions, given = [among, *(f"{column} = ?" for column in values)], [*values.values()]
    if after is not None:
        conditions.append("(saved_at, execution_id) > (?, ?)")
        given += [written(after.saved_at), after.execution_id]
    query = f"SELECT {_ENTRY} FROM typedflow_executions WHERE {' AND '.join(conditions)}"
    return db.execute(f"{query} ORDER BY saved_at, execution_id", given)


def _entries(rows: Iterable[tuple[object, ...]], damaged: list[DamagedEntry], where: str) -> Iterator[StoredEntry]:
    return readable(rows, lambda row: read_entry(*row), damaged, where)


def _position(entry: StoredEntry) -> tuple[datetime, str]:
    return entry.saved_at, entry.execution_id


_ENTRY: Final = "execution_id, flow, status, sequence, saved_at"
