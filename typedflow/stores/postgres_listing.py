"""Lists of what a PostgresStore holds, whole or in pages, and what is deleted by age. Runs inside a `Job`.

An index over (group, group, time, id) is in the order of a page only where both groups are fixed. A page that leaves
one of them open asks each group for its part of the page, all in one statement; the groups (flows, statuses, types of
questions) are found by one look into the index for each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from typedflow.stores.history import Revision
from typedflow.stores.postgres_database import Connection
from typedflow.stores.postgres_records import iso, trim_parts
from typedflow.stores.pruning import NEEDED, Old, Trimmed
from typedflow.stores.questions import Row, decode_question, page_of_questions
from typedflow.stores.records import DamagedEntry, Listing, PendingInterrupt, PendingListing, StoredEntry
from typedflow.stores.requirements import page_of
from typedflow.stores.rows import read_entry, read_revision, readable

_ENTRY: Final = f"execution_id, flow, status, sequence, {iso('saved_at')}"
_QUESTION: Final = f"execution_id, flow, type, interrupt_id, {iso('since')}, {iso('deadline')}, digest, data"


def _flows_of(table: str) -> str:
    """Return the query of all flows of a table, for a WITH RECURSIVE: one look into its index for each."""
    return (
        f"SELECT min(flow) AS flow FROM {table} UNION ALL SELECT (SELECT min(t.flow) FROM {table} t"
        " WHERE t.flow > flows.flow) FROM flows WHERE flows.flow IS NOT NULL"
    )


def _page_of(table: str, inner: str, columns: str, order: str) -> str:
    """Return the query of the parts of a page; `inner` is the column of the groups within a flow."""
    return (
        f"WITH RECURSIVE flows AS ({_flows_of(table)}),"
        " wanted AS (SELECT flow FROM flows WHERE %(flow)s::text IS NULL AND flow IS NOT NULL"
        ' UNION ALL SELECT %(flow)s::text COLLATE "C" WHERE %(flow)s::text IS NOT NULL),'
        f" found AS (SELECT wanted.flow, (SELECT min(t.{inner}) FROM {table} t WHERE t.flow = wanted.flow) AS value"
        f" FROM wanted UNION ALL SELECT found.flow, (SELECT min(t.{inner}) FROM {table} t WHERE t.flow = found.flow"
        f" AND t.{inner} > found.value) FROM found WHERE found.value IS NOT NULL),"
        " ranges AS (SELECT flow, value FROM found WHERE %(inner)s::text[] IS NULL AND value IS NOT NULL"
        ' UNION ALL SELECT wanted.flow, given COLLATE "C" FROM wanted, unnest(%(inner)s::text[]) AS given)'
        f" SELECT page.* FROM ranges, LATERAL (SELECT {columns} FROM {table} t"
        f" WHERE t.flow = ranges.flow AND t.{inner} = ranges.value{{behind}} ORDER BY {order} LIMIT %(limit)s) page"
    )


_ENTRIES: Final = _page_of("typedflow_executions", "status", _ENTRY, "saved_at, execution_id")
_QUESTIONS: Final = _page_of("typedflow_pending", "type", _QUESTION, "since, execution_id, interrupt_id")


def list_entries(
    db: Connection,
    flow: str | None,
    statuses: Collection[str] | None,
    after: StoredEntry | None,
    limit: int | None,
    where: str,
) -> Listing:
    """Return the entries of a flow and of some statuses, oldest save first, then by id.

    A list of everything has every damaged row in `damaged`; others have those that lie in the ranges that they read.
    """
    damaged: list[DamagedEntry] = []
    if flow is None and statuses is None and after is None and limit is None:
        rows = db.execute(f"SELECT {_ENTRY} FROM typedflow_executions")
        return page_of(_entries(rows, damaged, where), None, None, None, None, damaged)
    values: dict[str, Any] = {"flow": flow, "inner": None if statuses is None else [*statuses], "limit": limit}
    behind = ""
    if after is not None:
        behind = " AND (saved_at, execution_id) > (%(at)s::timestamptz, %(id)s)"
        values |= {"at": after.saved_at, "id": after.execution_id}
    rows = db.execute(_ENTRIES.format(behind=behind), values)
    return page_of(_entries(rows, damaged, where), None, None, None, limit, damaged)


def list_pending(
    db: Connection, flow: str | None, type: str | None, after: PendingInterrupt | None, limit: int | None, where: str
) -> PendingListing:
    """Return pending interrupts, longest wait first; rows that cannot be read are in `damaged`."""
    damaged: list[DamagedEntry] = []
    values: dict[str, Any] = {"flow": flow, "inner": None if type is None else [type], "limit": limit}
    behind = ""
    if after is not None:
        behind = " AND (since, execution_id, interrupt_id) > (%(at)s::timestamptz, %(id)s, %(interrupt)s)"
        values |= {"at": after.since, "id": after.execution_id, "interrupt": after.interrupt_id}
    rows = db.execute(_QUESTIONS.format(behind=behind), values, binary=True)
    return page_of_questions(_questions(rows, damaged, where), None, None, None, limit, damaged)


def _entries(rows: Iterable[tuple[Any, ...]], damaged: list[DamagedEntry], where: str) -> Iterator[StoredEntry]:
    return readable(rows, lambda row: read_entry(*row), damaged, where)


def _questions(rows: Iterable[tuple[Any, ...]], damaged: list[DamagedEntry], where: str) -> Iterator[PendingInterrupt]:
    return readable(rows, lambda row: decode_question(Row(*row)), damaged, where)


def list_revisions(db: Connection, execution_id: str, after: int | None, limit: int | None) -> list[Revision]:
    """Return the revisions of an execution in order; raises `SnapshotError` for a row that no save has written."""
    rows = db.execute(
        f"SELECT r.sequence, r.status, {iso('r.saved_at')}, r.notes FROM typedflow_revisions r"
        " JOIN typedflow_executions e ON e.id = r.execution WHERE e.execution_id = %s AND r.sequence > %s"
        " ORDER BY r.sequence LIMIT %s",
        (execution_id, -1 if after is None else after, limit),
    )
    return [read_revision(execution_id, *row) for row in rows]


# -- what is deleted by age


def prune_executions(db: Connection, old: Old, batch: int) -> int:
    """Delete old executions, at most so many; return how many there were. One that is locked is left alone."""
    found = db.execute(
        f"WITH RECURSIVE flows AS ({_flows_of('typedflow_executions')}), old AS MATERIALIZED ("
        " SELECT id FROM typedflow_executions e WHERE flow = ANY(CASE WHEN %(flow)s::text IS NULL"
        " THEN array(SELECT flow FROM flows) ELSE array[%(flow)s::text] END) AND status = ANY(%(statuses)s::text[])"
        f" AND saved_at < %(before)s AND NOT {NEEDED} LIMIT %(batch)s FOR UPDATE SKIP LOCKED)"
        " DELETE FROM typedflow_executions e USING old WHERE e.id = old.id RETURNING e.execution_id",
        {"flow": old.flow, "statuses": [*old.statuses], "before": old.before, "batch": batch},
    )
    gone = [execution_id for (execution_id,) in found]
    if gone:
        db.execute("DELETE FROM typedflow_flow_state_keys WHERE execution_id = ANY(%s::text[])", (gone,))
    return len(gone)


def trim_revisions(db: Connection, keep: int, flow: str | None, start: int, batch: int) -> Trimmed:
    """Delete all but the newest revisions of each execution, from one row number on, at most so many."""
    found = db.execute(
        "WITH old AS MATERIALIZED (SELECT e.id, r.sequence FROM typedflow_executions e, LATERAL"
        " (SELECT sequence FROM typedflow_revisions WHERE execution = e.id ORDER BY sequence DESC OFFSET %(keep)s) r"
        " WHERE e.id >= %(start)s AND e.history IS NOT NULL AND (%(flow)s::text IS NULL OR e.flow = %(flow)s)"
        " ORDER BY e.id LIMIT %(batch)s)"
        " DELETE FROM typedflow_revisions r USING old WHERE r.execution = old.id AND r.sequence = old.sequence"
        " RETURNING r.execution",
        {"keep": keep, "start": start, "flow": flow, "batch": batch},
    )
    numbers = [number for (number,) in found]
    for number in sorted(set(numbers)):
        trim_parts(db, number)
    return Trimmed(len(numbers), max(numbers) if len(numbers) == batch else None)
