"""A save in PostgreSQL with what it changes of the parent and the children of its execution. Runs inside a `Job`.

Rows are locked from the root down, and before a flow_state is: so no two saves of one family wait for each other.
"""

from __future__ import annotations

from datetime import datetime

from typedflow.errors import ConflictError
from typedflow.rules import stores as texts
from typedflow.stores.failures import Refusal
from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.postgres_database import Connection
from typedflow.stores.postgres_leases import lock
from typedflow.stores.postgres_records import delete as delete_alone
from typedflow.stores.postgres_records import save as save_alone
from typedflow.stores.postgres_work import submit, write
from typedflow.stores.records import Family, Letter, StoredSnapshot
from typedflow.stores.work import OVER, Lease, Message, letter_of_deleted


def save(
    db: Connection,
    record: StoredSnapshot,
    expected: int | None,
    change: FlowStateChange | None,
    lease: Lease | None,
    now: datetime | None,
) -> bytes | None:
    """Do what `postgres_records.save` does, and then what the family of the execution asks for."""
    if record.family is None:
        return save_alone(db, record, expected, change, lease, now)
    _lock_all(db, record, record.family, now)
    changed = save_alone(db, record, expected, change, lease, now)
    for child, retry, over in record.family.children:
        row = db.execute(
            "SELECT status, parent_id, parent_key FROM typedflow_executions WHERE execution_id = %s",
            (child.execution_id,),
        ).fetchone()
        if row is not None and row[1] != record.execution_id:
            problem = texts.taken_id_problem(child.execution_id)
            raise Refusal(ConflictError(problem, execution_id=child.execution_id))
        if row is not None and child.parent is not None and row[2] != child.parent.key:
            delete_alone(db, child.execution_id)
            row = None
        if row is None:
            submit(db, child, None, now)
        elif row[0] == "failed":
            _send(db, retry, now)
        elif row[0] in OVER:
            _send(db, over, now)
    for letter in record.family.letters:
        _send(db, letter, now)
    return changed


def delete(db: Connection, execution_id: str, now: datetime | None) -> int | None:
    """Delete an execution, and tell its parent where it is a remote child that is not over."""
    query = "SELECT status, parent_id FROM typedflow_executions WHERE execution_id = %s"
    row = db.execute(query, (execution_id,)).fetchone()
    if row is not None and row[1] is not None:
        lock(db, row[1], now)
        lock(db, execution_id, now)
        row = db.execute(query, (execution_id,)).fetchone()  # it may have ended meanwhile
    letter = None if row is None else letter_of_deleted(execution_id, *row)
    if letter is not None:
        _send(db, letter, now)
    return delete_alone(db, execution_id)


def told_of_delete(db: Connection, execution_id: str) -> tuple[str, ...]:
    """Return the executions that the deletion of one may make ready: its parent, where it has one."""
    query = "SELECT parent_id FROM typedflow_executions WHERE execution_id = %s AND parent_id IS NOT NULL"
    return db.execute(query, (execution_id,)).fetchone() or ()


def readied_by(record: StoredSnapshot) -> tuple[str, ...]:
    """Return the executions of the family that a save may make ready."""
    if record.family is None:
        return ()
    children = (child.record.execution_id for child in record.family.children)
    return (*children, *(letter.execution_id for letter in record.family.letters))


def _lock_all(db: Connection, record: StoredSnapshot, family: Family, now: datetime | None) -> None:
    above = None if record.parent is None else record.parent.execution_id
    children = {child.record.execution_id for child in family.children}
    below = sorted((children | {letter.execution_id for letter in family.letters}) - {above})
    for execution_id in (*([] if above is None else [above]), record.execution_id, *below):
        lock(db, execution_id, now)


def _send(db: Connection, letter: Letter, now: datetime | None) -> None:
    """Write a message; none to an execution that is over, or not there."""
    execution_id, kind, name, data = letter
    row = db.execute("SELECT id, status FROM typedflow_executions WHERE execution_id = %s", (execution_id,)).fetchone()
    if row is None or row[1] in OVER:
        return
    if kind == "child":  # what was not taken is out of date
        query = "DELETE FROM typedflow_mail WHERE execution = %s AND kind = 'child' AND name = %s"
        db.execute(query, (row[0], name))
    write(db, row[0], execution_id, Message(kind, name, data), now)
