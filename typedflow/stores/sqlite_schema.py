"""The tables of a SQLite store, and the upgrade of a database that an older typedflow has made.

Format 2 has one row per execution in `typedflow_executions`, its head, and rows beside it: parts, revisions, pending
interrupts and messages. The columns and tables of leases, deadlines, messages and parents, and those of parts, are made
with the format, so that what uses them later needs no further upgrade. Times are ISO 8601 in UTC of fixed width: they
sort as text, and julianday() reads them.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from typedflow.errors import StoreError
from typedflow.rules import stores as texts
from typedflow.stores.sqlite_upgrade import derive_pending

FORMAT: Final = 2
"""The format that is written."""

TABLES: Final = (
    # `data` stands last: SQLite reads a row from its beginning, and a long value goes on in pages of its own.
    """CREATE TABLE IF NOT EXISTS typedflow_executions (
        id INTEGER PRIMARY KEY,
        execution_id TEXT NOT NULL UNIQUE,
        flow TEXT NOT NULL,
        status TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        saved_at TEXT NOT NULL,
        history INTEGER,                        -- the number of revisions that are kept; 0: all, NULL: none
        parts INTEGER,                          -- the number of its rows in typedflow_parts; NULL: data is it all
        parts_digest BLOB,                      -- the sum of their digests
        parent_id TEXT,                         -- of a child execution of its own: who gets its result ...
        parent_key TEXT,                        -- ... and as the answer to what
        root_id TEXT,
        forked_from TEXT,                       -- the execution that it continues ...
        forked_at INTEGER,                      -- ... from this revision
        ready_at TEXT,                          -- from when on a worker may take it; NULL: nobody may
        due TEXT,                               -- the first deadline of its interrupts and sleeps
        holder TEXT,                            -- who holds the lease; NULL: nobody
        taken_at TEXT,
        fence INTEGER NOT NULL DEFAULT 0,       -- grows with every lease, from `first_fence` on
        crashes INTEGER NOT NULL DEFAULT 0,     -- leases in a row that ended without a release
        quarantined INTEGER NOT NULL DEFAULT 0,
        problem TEXT,                           -- why it does not run now, for people
        mail INTEGER NOT NULL DEFAULT 0,        -- the number of its newest message
        digest BLOB NOT NULL,
        data BLOB NOT NULL                      -- the document, or with parts its head
    )""",
    # Not WITHOUT ROWID: a search in such a table reads the whole of each row that it compares, however long its data.
    """CREATE TABLE IF NOT EXISTS typedflow_parts (
        execution INTEGER NOT NULL,
        key TEXT NOT NULL,
        sequence INTEGER NOT NULL,              -- of the save that wrote it
        digest BLOB NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (execution, key)
    )""",
    """CREATE TABLE IF NOT EXISTS typedflow_part_history (
        execution INTEGER NOT NULL,
        key TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        until INTEGER NOT NULL,                 -- the first save that it is not in any more
        digest BLOB NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (execution, key, sequence)
    )""",
    """CREATE TABLE IF NOT EXISTS typedflow_revisions (
        execution INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        status TEXT NOT NULL,
        saved_at TEXT NOT NULL,
        parts INTEGER,                          -- as in typedflow_executions
        parts_digest BLOB,
        notes BLOB NOT NULL,                    -- JSON: the steps that ended, the parts that changed
        digest BLOB NOT NULL,
        data BLOB NOT NULL,                     -- as typedflow_executions.data was
        PRIMARY KEY (execution, sequence)
    )""",
    """CREATE TABLE IF NOT EXISTS typedflow_pending (
        execution INTEGER NOT NULL,
        interrupt_id TEXT NOT NULL,
        execution_id TEXT NOT NULL,
        flow TEXT NOT NULL,
        type TEXT NOT NULL,
        since TEXT NOT NULL,
        deadline TEXT,
        digest BLOB NOT NULL,
        data BLOB NOT NULL,                     -- JSON: what it asks, and the step that does
        PRIMARY KEY (execution, interrupt_id)
    )""",
    """CREATE TABLE IF NOT EXISTS typedflow_mail (
        execution INTEGER NOT NULL,
        number INTEGER NOT NULL,                -- from typedflow_executions.mail
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        posted_at TEXT NOT NULL,
        digest BLOB NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (execution, number)
    )""",
    """CREATE TABLE IF NOT EXISTS typedflow_flow_states (
        flow TEXT NOT NULL PRIMARY KEY,
        digest BLOB NOT NULL,
        data BLOB NOT NULL
    )""",
    # The updates of flow_states by steps that have not ended in a save yet; see `flow_state_rows`.
    """CREATE TABLE IF NOT EXISTS typedflow_flow_state_keys (
        execution_id TEXT NOT NULL,
        step TEXT NOT NULL,
        call TEXT NOT NULL,
        digest BLOB NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (execution_id, step, call)
    ) WITHOUT ROWID""",
)

INDEXES: Final = (
    # One index serves every list: ranges of (flow, status) are merged. What is run at the moment is not in it (see
    # `sqlite_listing`): a save of a step moves the row in every index that has its time.
    "CREATE INDEX IF NOT EXISTS typedflow_listed ON typedflow_executions (flow, status, saved_at, execution_id)"
    " WHERE holder IS NULL",
    "CREATE INDEX IF NOT EXISTS typedflow_ready ON typedflow_executions (ready_at)"
    " WHERE ready_at IS NOT NULL AND quarantined = 0",
    "CREATE INDEX IF NOT EXISTS typedflow_held ON typedflow_executions (holder) WHERE holder IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS typedflow_children ON typedflow_executions (parent_id, parent_key)"
    " WHERE parent_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS typedflow_questions ON typedflow_pending"
    " (flow, type, since, execution_id, interrupt_id)",
    "CREATE INDEX IF NOT EXISTS typedflow_part_until ON typedflow_part_history (execution, until)",
    "CREATE UNIQUE INDEX IF NOT EXISTS typedflow_one_answer ON typedflow_mail (execution, name)"
    " WHERE kind IN ('answer', 'child')",
)

TRIGGERS: Final = (
    # What belongs to an execution is deleted with it: an id may be used again.
    """CREATE TRIGGER IF NOT EXISTS typedflow_deleted AFTER DELETE ON typedflow_executions BEGIN
        DELETE FROM typedflow_parts WHERE execution = old.id;
        DELETE FROM typedflow_part_history WHERE execution = old.id;
        DELETE FROM typedflow_revisions WHERE execution = old.id;
        DELETE FROM typedflow_pending WHERE execution = old.id;
        DELETE FROM typedflow_mail WHERE execution = old.id;
        DELETE FROM typedflow_flow_state_keys WHERE execution_id = old.execution_id;
    END""",
)

_VERSION: Final = "CREATE TABLE IF NOT EXISTS typedflow_schema (version INTEGER NOT NULL)"

_FROM_FORMAT_1: Final = """
    INSERT INTO typedflow_executions (execution_id, flow, status, sequence, saved_at, digest, data)
    SELECT coalesce(execution_id, x''), coalesce(flow, x''), coalesce(status, x''), coalesce(sequence, x''),
        coalesce(saved_at, x''), coalesce(digest, x''), coalesce(data, x'')
    FROM typedflow_snapshots
"""
"""A NULL, which no save has written, is kept as something that none has written either."""


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none, and upgrade those of an older format; all of it or nothing.

    A process that has the database open in the older format cannot use it from then on: it raises `StoreError`, as its
    table is gone. Raises `StoreError` for a newer format, and changes nothing.
    """
    if _version(connection) == FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    version = _version(connection)  # another process may have made them since
    if version is None or version == 1:
        for statement in (_VERSION, *TABLES, *INDEXES, *TRIGGERS):
            connection.execute(statement)
        if _has_table(connection, "typedflow_snapshots"):
            connection.execute(_FROM_FORMAT_1)
            connection.execute("DROP TABLE typedflow_snapshots")
            derive_pending(connection)
        connection.execute("DELETE FROM typedflow_schema")
        connection.execute("INSERT INTO typedflow_schema VALUES (?)", (FORMAT,))
        version = FORMAT
    connection.execute("COMMIT")
    if version != FORMAT:
        raise StoreError(texts.newer_store_problem(version, FORMAT))


def _version(connection: sqlite3.Connection) -> object:
    """Return the format of the tables, None where there are none."""
    if not _has_table(connection, "typedflow_schema"):
        return None
    (version,) = connection.execute("SELECT max(version) FROM typedflow_schema").fetchone()
    return version


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None
