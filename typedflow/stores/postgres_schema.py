"""The tables of a PostgresStore, in the first schema of the connection's search_path.

As those of a SQLite store, with the types that PostgreSQL has: `timestamptz`, `bytea`, and foreign keys that delete
what belongs to an execution. Columns for later use are made with the format, so that they need no upgrade.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

from typedflow.errors import StoreError
from typedflow.rules import stores as texts

FORMAT: Final = 1
"""The format that is written."""

LOCK: Final = 7239100231
"""The advisory lock under which tables are made: CREATE … IF NOT EXISTS is not safe against itself."""

TABLES: Final = """
CREATE TABLE typedflow_schema (version integer NOT NULL);

CREATE TABLE typedflow_executions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    execution_id text COLLATE "C" NOT NULL UNIQUE,
    flow text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    saved_at timestamptz NOT NULL,
    history bigint,                         -- the number of revisions that are kept; 0: all, NULL: none
    parts bigint,                           -- the number of its rows in typedflow_parts; NULL: data is it all
    parts_digest bytea,                     -- the sum of their digests
    parent_id text COLLATE "C",             -- of a child execution of its own: who gets its result ...
    parent_key text COLLATE "C",            -- ... and as the answer to what
    root_id text COLLATE "C",
    forked_from text COLLATE "C",           -- the execution that it continues ...
    forked_at bigint,                       -- ... from this revision
    ready_at timestamptz,                   -- from when on a worker may take it; NULL: nobody may. A lease pushes it on
    due timestamptz,                        -- the first deadline of its interrupts and sleeps
    holder text COLLATE "C",                -- who holds the lease; NULL: nobody
    taken_at timestamptz,
    fence bigint NOT NULL DEFAULT 0,        -- grows with every lease; from `first_fence` on
    crashes integer NOT NULL DEFAULT 0,     -- leases in a row that ended without a release
    quarantined boolean NOT NULL DEFAULT false,
    problem text COLLATE "C",               -- why it does not run now, for people
    mail bigint NOT NULL DEFAULT 0,         -- the number of its newest message
    digest bytea NOT NULL,
    data bytea NOT NULL                     -- the document, or with parts its head
);
ALTER TABLE typedflow_executions ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE typedflow_parts (
    execution bigint NOT NULL REFERENCES typedflow_executions ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,               -- of the save that wrote it
    digest bytea NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (execution, key)
);
CREATE TABLE typedflow_part_history (
    execution bigint NOT NULL REFERENCES typedflow_executions ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    until bigint NOT NULL,                  -- the first save that it is not in any more
    digest bytea NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (execution, key, sequence)
);
CREATE TABLE typedflow_revisions (
    execution bigint NOT NULL REFERENCES typedflow_executions ON DELETE CASCADE,
    sequence bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    saved_at timestamptz NOT NULL,
    parts bigint,                           -- as in typedflow_executions
    parts_digest bytea,
    notes bytea NOT NULL,                   -- JSON: the steps that ended, the parts that changed
    digest bytea NOT NULL,
    data bytea NOT NULL,                    -- as typedflow_executions.data was
    PRIMARY KEY (execution, sequence)
);
CREATE TABLE typedflow_pending (
    execution bigint NOT NULL REFERENCES typedflow_executions ON DELETE CASCADE,
    interrupt_id text COLLATE "C" NOT NULL,
    execution_id text COLLATE "C" NOT NULL,
    flow text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    deadline timestamptz,
    digest bytea NOT NULL,
    data bytea NOT NULL,                    -- JSON: what it asks, and the step that does
    PRIMARY KEY (execution, interrupt_id)
);
CREATE TABLE typedflow_mail (
    execution bigint NOT NULL REFERENCES typedflow_executions ON DELETE CASCADE,
    number bigint NOT NULL,                 -- from typedflow_executions.mail, under the lock of its row
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    posted_at timestamptz NOT NULL,
    digest bytea NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (execution, number)
);
CREATE TABLE typedflow_flow_states (
    flow text COLLATE "C" PRIMARY KEY,
    digest bytea NOT NULL,
    data bytea NOT NULL
);
-- The updates of flow_states by steps that have not ended in a save yet; the execution may not be saved yet either.
CREATE TABLE typedflow_flow_state_keys (
    execution_id text COLLATE "C" NOT NULL,
    step text COLLATE "C" NOT NULL,
    call text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (execution_id, step, call)
);

CREATE INDEX typedflow_listed ON typedflow_executions (flow, status, saved_at, execution_id);
CREATE INDEX typedflow_ready ON typedflow_executions (ready_at) WHERE ready_at IS NOT NULL AND NOT quarantined;
CREATE INDEX typedflow_held ON typedflow_executions (holder) WHERE holder IS NOT NULL;
CREATE INDEX typedflow_children ON typedflow_executions (parent_id, parent_key) WHERE parent_id IS NOT NULL;
CREATE INDEX typedflow_questions ON typedflow_pending (flow, type, since, execution_id, interrupt_id);
CREATE INDEX typedflow_part_until ON typedflow_part_history (execution, until);
CREATE UNIQUE INDEX typedflow_one_answer ON typedflow_mail (execution, name) WHERE kind IN ('answer', 'child');
"""


def make_tables(connection: psycopg.Connection[Any]) -> None:
    """Make the tables where there are none, all of them or nothing; raises `StoreError` for an unknown format.

    After an error the connection is to be closed: it may have the lock.
    """
    version = _version(connection)
    if version is None:
        encoding = _only(connection, "SHOW server_encoding")
        if encoding != "UTF8":
            raise StoreError(texts.wrong_encoding_problem(encoding))
        # Of the session, not of the transaction: one that begins behind the lock sees the tables of the last holder.
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        with connection.transaction():
            version = _version(connection)  # another process may have made them since
            if version is None:
                connection.execute(TABLES)
                connection.execute("INSERT INTO typedflow_schema VALUES (%s)", (FORMAT,))
                version = FORMAT
        connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
    if version != FORMAT:
        raise StoreError(texts.newer_store_problem(version, FORMAT))


def _version(connection: psycopg.Connection[Any]) -> Any:
    """Return the format of the tables, None where there are none; those of a later schema of the path are others'."""
    query = "SELECT to_regclass(quote_ident(current_schema()) || '.typedflow_schema')::text"
    if _only(connection, query) is None:
        return None
    return _only(connection, "SELECT max(version) FROM typedflow_schema")


def _only(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]
