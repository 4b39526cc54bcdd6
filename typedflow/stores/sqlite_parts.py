"""The rows of parts in a SQLite store: written beside a head, kept for its history, read all or nothing.

Runs inside a `Job`. A part belongs to a revision if it was written by then and not replaced or deleted by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from sqlite3 import Connection

from typedflow.stores.records import Delta, StoredSnapshot
from typedflow.stores.rows import join_parts

_KEEP = (
    "INSERT OR REPLACE INTO typedflow_part_history (execution, key, sequence, until, digest, data)"
    " SELECT execution, key, sequence, ?, digest, data FROM typedflow_parts WHERE execution = ?"
)


@contextmanager
def one_moment(db: Connection) -> Iterator[None]:
    """Read several rows as they are at one moment: another process may save in between."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("COMMIT")


def write_parts(db: Connection, record: StoredSnapshot, delta: Delta) -> None:
    """Write and delete parts; what they replace is kept where the execution has a history."""
    (number,) = db.execute(
        "SELECT id FROM typedflow_executions WHERE execution_id = ?", (record.execution_id,)
    ).fetchone()
    gone = [*delta.deletes, *(part.key for part in delta.writes)]
    if record.history is not None:
        if delta.afresh:
            db.execute(_KEEP, (record.sequence, number))
        else:
            db.executemany(f"{_KEEP} AND key = ?", [(record.sequence, number, key) for key in gone])
    if delta.afresh:
        db.execute("DELETE FROM typedflow_parts WHERE execution = ?", (number,))
    db.executemany(
        "DELETE FROM typedflow_parts WHERE execution = ? AND key = ?", [(number, key) for key in delta.deletes]
    )
    db.executemany(
        "INSERT INTO typedflow_parts (execution, key, sequence, digest, data) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (execution, key) DO UPDATE"
        " SET sequence = excluded.sequence, digest = excluded.digest, data = excluded.data",
        [(number, part.key, record.sequence, part.digest, part.data) for part in delta.writes],
    )


def trim_parts(db: Connection, number: int) -> None:
    """Delete the parts of revisions that are gone."""
    db.execute(
        "DELETE FROM typedflow_part_history WHERE execution = ? AND until <="
        " coalesce((SELECT min(sequence) FROM typedflow_revisions WHERE execution = ?), until)",
        (number, number),
    )


def joined(
    db: Connection, number: int, head: StoredSnapshot, count: object, total: object, at: int | None
) -> StoredSnapshot:
    """Return the record of the whole document of a head and its parts, now or at a revision.

    Raises `SnapshotError` where a part is not what was saved, or is missing, or is none of this save.
    """
    rows: Iterable[tuple[object, object, object]]
    if at is None:
        rows = db.execute("SELECT key, digest, data FROM typedflow_parts WHERE execution = ?", (number,))
    else:
        rows = db.execute(
            "SELECT key, digest, data FROM typedflow_parts WHERE execution = :number AND sequence <= :at"
            " UNION ALL SELECT key, digest, data FROM typedflow_part_history"
            " WHERE execution = :number AND sequence <= :at AND until > :at",
            {"number": number, "at": at},
        )
    return join_parts(head, rows, count, total)
