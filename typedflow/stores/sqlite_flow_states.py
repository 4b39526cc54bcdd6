"""The rows of flow_states in SQLite, and the keys of the updates that steps have made.

A key stays until its step has ended in a save, so that a step which runs again after a crash finds it.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final, final

from typedflow.stores import sqlite_work
from typedflow.stores.failures import Refusal
from typedflow.stores.flow_state_sharing import FlowStateChange, Update, UpdateKey
from typedflow.stores.requirements import replayed, updated
from typedflow.stores.rows import flow_state_digest, read_flow_state, read_value, value_digest
from typedflow.stores.sqlite_database import Database, Job
from typedflow.stores.sqlite_records import delete_keys
from typedflow.stores.threads import Outcome


def select_flow_state(db: Connection, flow: str) -> bytes | None:
    """Read a flow_state; raises `SnapshotError` for bytes that differ from those written."""
    row = db.execute("SELECT data, digest FROM typedflow_flow_states WHERE flow = ?", (flow,)).fetchone()
    return read_flow_state(flow, row)


def write_flow_state(db: Connection, flow: str, data: bytes) -> None:
    """Store a flow_state in place of the one that is there."""
    db.execute(
        "INSERT INTO typedflow_flow_states (flow, digest, data) VALUES (?, ?, ?)"
        " ON CONFLICT (flow) DO UPDATE SET digest = excluded.digest, data = excluded.data",
        (flow, flow_state_digest(flow, data), data),
    )


def delete_flow_state(db: Connection, flow: str) -> bool:
    """Delete a flow_state; returns whether there was one."""
    return db.execute("DELETE FROM typedflow_flow_states WHERE flow = ?", (flow,)).rowcount > 0


def replay(db: Connection, change: FlowStateChange) -> bytes | None:
    """Return what a change makes of the stored flow_state; writes nothing yet."""
    if change.replay is None:
        return None
    stored = select_flow_state(db, change.flow)
    try:
        return replayed(change, stored)
    except BaseException as error:  # the function may raise anything, and all of it is for its caller
        raise Refusal(error) from None


def write_change(db: Connection, execution_id: str, change: FlowStateChange, changed: bytes | None) -> None:
    """Write what `replay` has returned, and delete the keys of the steps that have ended."""
    if changed is not None:
        write_flow_state(db, change.flow, changed)
    delete_keys(db, execution_id, change.ended)


def find_value(db: Connection, key: UpdateKey) -> bytes | None:
    """Read the value that is stored with a key, None when the key is not there."""
    row = db.execute(
        "SELECT value, digest FROM typedflow_flow_state_keys WHERE execution_id = ? AND step = ? AND call = ?",
        (key.execution_id, key.step, key.call),
    ).fetchone()
    return read_value(key, row)


def update(db: Connection, flow: str, key: UpdateKey | None, change: Update) -> bytes:
    """Change a flow_state once for its key; see `FlowStateStore.update_flow_state`."""
    if key is not None and key.holder is not None:
        sqlite_work.require_holder(db, key.execution_id, key.holder, key.fence)
    found = None if key is None else find_value(db, key)
    if found is not None:
        return found
    stored = select_flow_state(db, flow)
    try:
        changed = updated(flow, change, stored)
    except BaseException as error:  # as in `replay`
        raise Refusal(error) from None
    if changed.data != stored:
        write_flow_state(db, flow, changed.data)
    if key is not None:
        db.execute(
            "INSERT INTO typedflow_flow_state_keys (execution_id, step, call, digest, value) VALUES (?, ?, ?, ?, ?)",
            (key.execution_id, key.step, key.call, value_digest(key, changed.value), changed.value),
        )
    return changed.value


@final
class SQLiteFlowStates:
    """The flow_states of a SQLite store, as `Updates` asks for them."""

    store: Final = "SQLiteStore"
    is_connected: Final = True
    """A file is opened by the first update."""

    def __init__(self, path: str) -> None:
        self._database = Database(path, timeout=0)
        self.place = f"database {path!r}"

    def connect(self, seconds: float) -> None:
        """Do nothing."""

    def update(self, doing: str, flow: str, key: UpdateKey | None, change: Update) -> Outcome | None:
        """Update in one transaction; None where another connection holds the write lock."""
        return self._database.run_at_once(Job(doing, True, lambda db: update(db, flow, key, change)))

    def find(self, doing: str, key: UpdateKey) -> Outcome | None:
        """Read the value that is stored with a key."""
        return self._database.run_at_once(Job(doing, False, lambda db: find_value(db, key)))

    def finish(self) -> None:
        """Close the connection."""
        self._database.finish()
