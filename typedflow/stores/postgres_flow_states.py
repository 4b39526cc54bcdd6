"""The rows of flow_states in PostgreSQL, and the keys of the updates that steps have made. Runs inside a `Job`.

Who changes a flow_state locks it from the read to the commit. The lock is that of its name, as there may be no row yet;
the statement behind it sees what the last holder has committed.
"""

from __future__ import annotations

from typing import Any, Final, final

from psycopg.errors import LockNotAvailable

from typedflow.stores.failures import Refusal
from typedflow.stores.flow_state_sharing import FlowStateChange, FlowStateUpdate, Update, UpdateKey
from typedflow.stores.postgres_database import Access, Connection, Job, Session
from typedflow.stores.postgres_leases import require_holder
from typedflow.stores.requirements import replayed, updated
from typedflow.stores.rows import flow_state_digest, read_flow_state, read_value, value_digest
from typedflow.stores.threads import Outcome

_NAME: Final = "hashtextextended('typedflow flow_state ' || current_schema() || ' ' || %s::text, 0)"


def select_flow_state(db: Connection, flow: str) -> bytes | None:
    """Read a flow_state; raises `SnapshotError` for bytes that differ from those written."""
    row = db.execute("SELECT data, digest FROM typedflow_flow_states WHERE flow = %s", (flow,), binary=True).fetchone()
    return read_flow_state(flow, None if row is None else (row[0], row[1]))


def lock_flow_state(db: Connection, flow: str) -> bytes | None:
    """Lock a flow_state until the transaction is over, and return it."""
    db.execute(f"SELECT pg_advisory_xact_lock({_NAME})", (flow,))
    return select_flow_state(db, flow)


def _write_flow_state(db: Connection, flow: str, data: bytes) -> None:
    db.execute(
        "INSERT INTO typedflow_flow_states (flow, digest, data) VALUES (%s, %s, %s)"
        " ON CONFLICT (flow) DO UPDATE SET digest = excluded.digest, data = excluded.data",
        (flow, flow_state_digest(flow, data), data),
    )


def delete_flow_state(db: Connection, flow: str) -> bool:
    """Delete a flow_state; returns whether there was one."""
    db.execute(f"SELECT pg_advisory_xact_lock({_NAME})", (flow,))
    gone = db.execute("DELETE FROM typedflow_flow_states WHERE flow = %s RETURNING flow", (flow,))
    return gone.fetchone() is not None


def replay(db: Connection, change: FlowStateChange) -> bytes | None:
    """Lock the flow_state and return what a change makes of it; writes nothing yet."""
    if change.replay is None:
        return None
    stored = lock_flow_state(db, change.flow)
    try:
        return replayed(change, stored)
    except BaseException as error:  # the function may raise anything, and all of it is for its caller
        raise Refusal(error) from None


def write_change(db: Connection, execution_id: str, change: FlowStateChange, changed: bytes | None) -> None:
    """Write what `replay` has returned, and delete the keys of the steps that have ended."""
    if changed is not None:
        _write_flow_state(db, change.flow, changed)
    delete_keys(db, execution_id, change.ended)


def delete_keys(db: Connection, execution_id: str, steps: tuple[str, ...] | None = None) -> None:
    """Delete the keys of the updates of a flow_state by steps of an execution, of all of them without `steps`."""
    if steps is None:
        db.execute("DELETE FROM typedflow_flow_state_keys WHERE execution_id = %s", (execution_id,))
    elif steps:
        query = "DELETE FROM typedflow_flow_state_keys WHERE execution_id = %s AND step = ANY(%s::text[])"
        db.execute(query, (execution_id, [*steps]))


def find_value(db: Connection, key: UpdateKey) -> bytes | None:
    """Read the value that is stored with a key, None when the key is not there."""
    row = db.execute(
        "SELECT value, digest FROM typedflow_flow_state_keys WHERE execution_id = %s AND step = %s AND call = %s",
        (key.execution_id, key.step, key.call),
        binary=True,
    ).fetchone()
    return read_value(key, None if row is None else (row[0], row[1]))


def update(db: Connection, flow: str, key: UpdateKey | None, change: Update) -> bytes:
    """Change a flow_state once for its key; see `FlowStateStore.update_flow_state`.

    Raises `LockNotAvailable` where another transaction changes it now.
    """
    row = db.execute(f"SELECT pg_try_advisory_xact_lock({_NAME})", (flow,)).fetchone()
    if row is None or not row[0]:
        raise LockNotAvailable("another transaction changes the flow_state")
    if key is not None and key.holder is not None:
        require_holder(db, key.execution_id, key.holder, key.fence)
    found = None if key is None else find_value(db, key)
    if found is not None:
        return found
    stored = select_flow_state(db, flow)
    try:
        changed = updated(flow, change, stored)
    except BaseException as error:  # as in `replay`
        raise Refusal(error) from None
    if changed.data != stored:
        _write_flow_state(db, flow, changed.data)
    if key is not None:
        digest: Any = value_digest(key, changed.value)
        db.execute(
            "INSERT INTO typedflow_flow_state_keys (execution_id, step, call, digest, value)"
            " VALUES (%s, %s, %s, %s, %s)",
            (key.execution_id, key.step, key.call, digest, changed.value),
        )
    return changed.value


@final
class PostgresFlowStates:
    """The flow_states of a PostgresStore, as `Updates` asks for them."""

    store: Final = "PostgresStore"

    def __init__(self, access: Access) -> None:
        self.place = access.place
        self._session = Session(access)

    @property
    def is_connected(self) -> bool:
        """Return whether there is a connection that is not known to be lost."""
        return self._session.is_connected

    def connect(self, seconds: float) -> None:
        """Connect within so many seconds; raises `StoreError`."""
        self._session.connect(seconds)

    def update(self, doing: str, flow: str, key: UpdateKey | None, change: Update) -> Outcome | None:
        """Update in one transaction; None where another one changes the flow_state, or where it was not begun."""
        called: list[None] = []

        def once(stored: bytes | None) -> FlowStateUpdate:
            called.append(None)
            return change(stored)

        outcome = self._session.run_at_once(Job(doing, True, lambda db: update(db, flow, key, once)))
        return outcome if called or self._session.is_connected else None

    def find(self, doing: str, key: UpdateKey) -> Outcome | None:
        """Read the value that is stored with a key; a commit whose connection was lost is over by then."""
        return self._session.run([Job(doing, False, lambda db: find_value(db, key))])[0]

    def finish(self) -> None:
        """Close the connection."""
        self._session.finish()
