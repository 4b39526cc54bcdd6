"""The rows of flow_states in SQLite, and the keys of the updates that steps have made.

A key stays until its step has ended in a save, so that a step which runs again after a crash finds it.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import cast

from typedflow.errors import SnapshotError
from typedflow.rules import stores as texts
from typedflow.rules.wording import quoted
from typedflow.stores.database import Refusal
from typedflow.stores.digests import digest
from typedflow.stores.protocol import FlowStateChange, Update, UpdateKey
from typedflow.stores.requirements import replayed, updated
from typedflow.stores.sqlite_records import delete_keys


def select_flow_state(db: Connection, flow: str) -> bytes | None:
    """Read a flow_state; raises `SnapshotError` for bytes that differ from those written."""
    row = db.execute("SELECT data, digest FROM typedflow_flow_states WHERE flow = ?", (flow,)).fetchone()
    if row is None:
        return None
    data, stored_digest = cast(tuple[bytes, bytes], row)
    if type(data) is not bytes or digest(flow.encode(), data) != stored_digest:
        raise SnapshotError(texts.damaged_problem(f"the flow_state of {quoted(flow)} is not what was saved"))
    return data


def write_flow_state(db: Connection, flow: str, data: bytes) -> None:
    """Store a flow_state in place of the one that is there."""
    db.execute(
        "INSERT INTO typedflow_flow_states (flow, digest, data) VALUES (?, ?, ?)"
        " ON CONFLICT (flow) DO UPDATE SET digest = excluded.digest, data = excluded.data",
        (flow, digest(flow.encode(), data), data),
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
    if row is None:
        return None
    value, stored_digest = cast(tuple[bytes, bytes], row)
    if type(value) is not bytes or _digest(key, value) != stored_digest:
        raise SnapshotError(
            texts.damaged_problem(f"the value of an update in {quoted(key.step)} is not what was saved")
        )
    return value


def update(db: Connection, flow: str, key: UpdateKey | None, change: Update) -> bytes:
    """Change a flow_state once for its key; see `FlowStateStore.update_flow_state`."""
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
            (key.execution_id, key.step, key.call, _digest(key, changed.value), changed.value),
        )
    return changed.value


def write_value(db: Connection, key: UpdateKey, value: bytes) -> None:
    """Write a value in place of the one that is stored with a key."""
    db.execute(
        "UPDATE typedflow_flow_state_keys SET digest = ?, value = ? WHERE execution_id = ? AND step = ? AND call = ?",
        (_digest(key, value), value, key.execution_id, key.step, key.call),
    )


def _digest(key: UpdateKey, value: bytes) -> bytes:
    return digest(key.execution_id.encode(), key.step.encode(), key.call.encode(), value)
