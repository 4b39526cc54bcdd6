"""How everything that a store keeps is written anew, in place: sealed with another key, for instance.

Nothing is saved by that: sequences, times, leases and deadlines stay as they are, and a process that runs an execution
meanwhile does not notice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, final

from typedflow.errors import SnapshotError
from typedflow.stores.flow_state_sharing import UpdateKey
from typedflow.stores.records import DamagedEntry, PendingInterrupt, StoredSnapshot
from typedflow.stores.work import Message

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True)
class Rewritten:
    """Count what was written anew.

    >>> Rewritten(executions=2, others=1).left
    0
    """

    executions: int = 0
    """Newest snapshots."""
    flow_states: int = 0
    others: int = 0
    """Revisions, pending interrupts, messages, and what updates and workers have noted."""
    left: int = 0
    """Executions that the store could not rewrite: they are when they are saved next."""
    damaged: tuple[DamagedEntry, ...] = ()
    """What could not be read, and stays as it is."""


class Rewriter(Protocol):
    """Returns what replaces each record that a store keeps; None leaves it as it is.

    Called in a transaction, maybe on another thread, and once more when it has to be repeated. A `SnapshotError`
    reports something as damaged, and leaves it.

    >>> async def count(store: RewritingStore, rewriter: Rewriter) -> int:
    ...     return (await store.rewrite(rewriter)).executions
    """

    def snapshot(self, record: StoredSnapshot) -> bytes | None:
        """Return the new data of a snapshot or a revision; `record` has the whole document, also of one in parts."""
        ...

    def question(self, asked: PendingInterrupt) -> PendingInterrupt | None:
        """Return a pending interrupt with another payload."""
        ...

    def message(self, execution_id: str, message: Message) -> bytes | None:
        """Return the new data of a message."""
        ...

    def flow_state(self, flow: str, data: bytes) -> bytes | None:
        """Return the new bytes of a flow_state."""
        ...

    def value(self, key: UpdateKey, value: bytes) -> bytes | None:
        """Return the new bytes of what an update has returned."""
        ...

    def reason(self, execution_id: str, text: str) -> str | None:
        """Return the new text that says why an execution does not run."""
        ...


class RewritingStore(Protocol):
    """Write anew what is kept; MemoryStore, FileStore, SQLiteStore and PostgresStore do.

    >>> hasattr(MemoryStore(), "rewrite")
    True
    """

    async def rewrite(self, rewriter: Rewriter, *, batch: int = 100) -> Rewritten:
        """Rewrite everything, in transactions of about `batch` executions; saves go on in between."""
        ...


@final
@dataclass(slots=True)
class Tally:
    """Count for `Rewritten` what a transaction has rewritten."""

    executions: int = 0
    flow_states: int = 0
    others: int = 0
    damaged: list[DamagedEntry] = field(default_factory=list)

    def attempt(self, execution_id: str | None, rewrite: Callable[[], T | None]) -> T | None:
        """Return what a rewriter returns; None, and a damaged entry, where it cannot read what is kept."""
        try:
            return rewrite()
        except SnapshotError as error:
            self.damaged.append(DamagedEntry(execution_id, error))
            return None

    def add(self, other: Tally) -> None:
        """Add what another transaction has rewritten."""
        self.executions += other.executions
        self.flow_states += other.flow_states
        self.others += other.others
        self.damaged += other.damaged

    def total(self) -> Rewritten:
        """Return the counts."""
        return Rewritten(self.executions, self.flow_states, self.others, 0, tuple(self.damaged))
