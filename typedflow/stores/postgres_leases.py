"""Who has an execution in PostgreSQL, by the store's clock: its locked row, and what a save or an update asks of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple, final

from typedflow.stores.failures import Refusal
from typedflow.stores.holders import is_gone
from typedflow.stores.postgres_database import Connection
from typedflow.stores.records import StoredSnapshot
from typedflow.stores.work import Lease, leased_error, lost_lease_error

NOW: Final = "coalesce(%(now)s::timestamptz, now())"
"""The store's clock: the database's, unless a test has put its own in the place of the system's."""


@final
class Locked(NamedTuple):
    """The row of an execution, locked; `number` is None where there is none."""

    number: int | None
    sequence: int | None
    holder: str | None
    fence: int
    until: datetime | None
    """When the lease runs out."""
    is_leased: bool
    """Whether a holder has a lease that has not run out."""

    def require_free(self, record: StoredSnapshot) -> None:
        """Raise `LeaseLostError` for a save while another has a living lease."""
        if not self.is_leased or self.holder is None or self.until is None:
            return
        if self.holder != record.holder and not is_gone(self.holder):
            raise Refusal(leased_error(record.execution_id, self.holder, self.until.astimezone(UTC)))


def lock(db: Connection, execution_id: str, now: datetime | None) -> Locked:
    """Lock the row of an execution until the transaction is over."""
    row = db.execute(
        f"SELECT id, sequence, holder, fence, ready_at, holder IS NOT NULL AND coalesce(ready_at > {NOW}, false)"
        " FROM typedflow_executions WHERE execution_id = %(id)s FOR UPDATE",
        {"id": execution_id, "now": now},
    ).fetchone()
    return Locked(None, None, None, 0, None, False) if row is None else Locked(*row)


def require_lease(locked: Locked, lease: Lease) -> None:
    """Raise `LeaseLostError` where a lease is not the newest of its execution."""
    if locked.number is None or (locked.holder, locked.fence) != (lease.holder, lease.fence):
        raise Refusal(lost_lease_error(lease.execution_id, locked.holder))


def require_holder(db: Connection, execution_id: str, holder: str, fence: int | None) -> None:
    """Raise `LeaseLostError` where another holder has an execution, or none; without a fence any of the holder's.

    It locks nothing: who takes the execution now and runs the step again finds the key of the update.
    """
    query = "SELECT holder, fence FROM typedflow_executions WHERE execution_id = %s"
    row = db.execute(query, (execution_id,)).fetchone()
    if row is None or row[0] != holder or fence not in (None, row[1]):
        raise Refusal(lost_lease_error(execution_id, None if row is None else row[0]))
