"""What a store does for workers: executions that are ready are taken under a lease, and mail reaches them from outside.

The store is the only truth: one row per execution holds its snapshot, the moment from which a worker may take it, and
the lease of the worker that has it. A worker that is gone loses its lease by the clock; its fence keeps it from saving
afterwards. What comes from outside (answers, events) is mail: checked when it is posted, applied by the holder of the
lease, and taken once, as the saved execution keeps the number of the last message that it has taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, TypeAlias, final

from typedflow.engine.status import FINAL
from typedflow.errors import LeaseLostError
from typedflow.rules import stores as texts
from typedflow.stores.holders import describe_holder
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import Entries, Letter, StoredSnapshot

MessageKind: TypeAlias = Literal["answer", "event", "retry", "cancel", "child"]

CALM: Final = timedelta(minutes=10)
"""A lease that was held for longer than this says nothing against the execution: its crash is the first one again."""

Messages: TypeAlias = "list[Message]"
Leases: TypeAlias = "list[Lease]"
"""Lists, named here because the stores' own `list` hides the builtin."""

LEASES: Final = 1 << 20
"""So many fences follow each other before those of another execution may begin."""


def first_fence() -> int:
    """Return the fence of an execution that no worker has had: those before it with its id have had none."""
    return int.from_bytes(os.urandom(5)) * LEASES


OVER: Final = FINAL
"""The statuses after which an execution takes no more mail."""


@final
@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one holder to run an execution and to save it, until it runs out or is released.

    >>> async def main(store: WorkStore) -> Lease | None:
    ...     await submit(store, flow, Request("birds"), execution_id="r-1")
    ...     return await store.acquire("r-1", holder="me", ttl=timedelta(seconds=30))
    >>> lease = asyncio.run(main(MemoryStore()))
    >>> lease.execution_id, lease.holder, lease.crashes
    ('r-1', 'me', 0)
    """

    execution_id: str
    flow: str
    fence: int
    """Grows with every lease of the execution: a save under an older fence is refused.

    It begins anywhere, so that no lease of a deleted execution is one of a later execution with its id."""
    holder: str
    taken_at: datetime
    """By the store's clock; deadlines are judged by it."""
    crashes: int = 0
    """How many leases in a row ran out without a release before this one."""


@final
@dataclass(frozen=True, slots=True)
class Message:
    """Something from outside for an execution, checked already.

    >>> Message("answer", "choose", b'"Sibley"').kind
    'answer'
    """

    kind: MessageKind
    name: str
    """The interrupt that is answered, the event, or the remote child that has ended; empty for the others."""
    data: bytes
    """The payload as JSON; of an answer the key of its question, and the answer; of a child how it has failed, or null:
    what is stored of it says how it has ended."""
    number: int = 0
    """Its place in the mail of the execution, from 1; 0 until it is posted."""
    posted_at: datetime | None = None
    """By the store's clock; None until it is posted. Whether an answer is in time is judged by it."""


@final
@dataclass(frozen=True, slots=True)
class Release:
    """How a lease ends.

    >>> async def main(store: WorkStore) -> bool:
    ...     await submit(store, flow, Request("birds"), execution_id="r-1")
    ...     lease = await store.acquire("r-1", holder="me", ttl=timedelta(seconds=30))
    ...     await store.release(lease, Release())
    ...     return await store.acquire("r-1", holder="you", ttl=timedelta(seconds=30)) is not None
    >>> asyncio.run(main(MemoryStore()))
    True
    """

    mail: int = 0
    """The number of the last message that the saved execution has taken: it and those before are deleted."""
    ready_at: datetime | None = None
    """From when on the next worker may take the execution; None: when mail comes."""
    problem: str | None = None
    """Why it does not run now, for people."""
    quarantined: bool = False
    """No worker takes it until `release_quarantine`."""
    crashed: bool = False
    """Keep the count of crashes; else it starts again from 0."""


LOOK: Final = b""
"""The data of a message of kind "child" that says nothing: its reader looks what is stored of the child.

A store sends it, which has no keys: it is never sealed, and nothing can be forged with it."""


def letter_of_deleted(execution_id: str, status: str, parent: str | None) -> Letter | None:
    """Return what the parent of a remote child is sent when the child is deleted; None where it was told already."""
    return None if parent is None or status in OVER else Letter(parent, "child", execution_id, LOOK)


def leased_error(execution_id: str, holder: str, until: datetime) -> LeaseLostError:
    """Return the error of a save while another has a living lease; `holder` is the name that its store knows."""
    shown = describe_holder(holder)
    problem = texts.leased_problem(execution_id, shown, until.isoformat(" ", "seconds"))
    return LeaseLostError(problem, execution_id=execution_id, holder=shown, until=until)


def lost_lease_error(execution_id: str, holder: str | None) -> LeaseLostError:
    """Return the error of a save under a lease that is over; `holder` is the name of the one that has it now."""
    shown = None if holder is None else describe_holder(holder)
    return LeaseLostError(texts.lost_lease_problem(execution_id, shown), execution_id=execution_id, holder=shown)


class WorkStore(SnapshotStore, Protocol):
    """Leases executions to workers, and keeps their mail. SQLiteStore, PostgresStore and MemoryStore do.

    A save also does what its record's `family` asks for, in the same transaction. All times are by the store's clock.
    Errors are those of `SnapshotStore`, and `LeaseLostError` for a holder that does not have the lease any more.

    >>> async def main(store: WorkStore) -> list[str]:
    ...     await submit(store, flow, Request("birds"), execution_id="r-1")
    ...     leases = await store.take(["review"], holder="me", ttl=timedelta(seconds=30), limit=10)
    ...     return [lease.execution_id for lease in leases]
    >>> asyncio.run(main(MemoryStore()))
    ['r-1']
    """

    async def submit(self, record: StoredSnapshot, *, ready_at: datetime | None = None) -> None:
        """Save a new execution for a worker to take, from `ready_at` on; raises `ConflictError` for an id in use."""
        ...

    async def post(self, execution_id: str, make: Callable[[StoredSnapshot], Message]) -> int:
        """Store a message for an execution, and make it ready for a worker; return the message's number.

        `make` gets the stored record and returns the message; it runs while no other call can save the execution, maybe
        on another thread. What it raises reaches the caller, and nothing has changed. Raises `SnapshotError` for an
        unknown execution, `ConflictError` for a second answer to one interrupt.
        """
        ...

    async def mail(self, execution_id: str, after: int) -> Messages:
        """Return the messages behind a number, in order."""
        ...

    async def take(
        self, flows: Collection[str], *, holder: str, ttl: timedelta, limit: int, crashed_limit: int = 1
    ) -> Leases:
        """Take executions that are ready, those that wait longest first, under a lease of `ttl` each.

        At most `limit` of those without a crash, and `crashed_limit` of those whose last lease ran out. A holder that
        is still there means that its lease ran out: one crash more.
        """
        ...

    async def acquire(self, execution_id: str, *, holder: str, ttl: timedelta) -> Lease | None:
        """Take one execution, ready or not; None where there is none, or where a holder has a living lease on it."""
        ...

    def renew_here(self, holder: str, ttl: timedelta) -> dict[str, int]:
        """Renew all leases of a holder that have not run out; return their fences by execution.

        Called on the caller's own thread, with a connection of its own: a heartbeat must not wait for other calls.
        """
        ...

    async def release(self, lease: Lease, release: Release) -> bool:
        """End a lease; return whether mail is waiting that the execution has not taken, which makes it ready at once.

        Raises `LeaseLostError` where another holder has the execution by now.
        """
        ...

    def held(self, lease: Lease) -> SnapshotStore:
        """Return the store for the holder of a lease: a save checks the lease in its transaction.

        A save with a final status ends the lease. Closing it closes nothing.
        """
        ...

    async def next_ready(self, flows: Collection[str]) -> datetime | None:
        """Return from when on the next execution of these flows can be taken; None where none will be."""
        ...

    async def quarantined(self, flow: str | None = None) -> Entries:
        """List the executions that no worker takes, as they have ended too many workers."""
        ...

    async def problem(self, execution_id: str) -> str | None:
        """Return why an execution does not run now, as its last worker noted it; None where nothing is wrong."""
        ...

    async def release_quarantine(self, execution_id: str) -> bool:
        """Release an execution from quarantine, so that workers may take it; return whether it was in quarantine."""
        ...


class NotifyingStore(Protocol):
    """Notify listeners that executions became ready. PostgresStore does.

    >>> async def main(store: NotifyingStore) -> None:
    ...     stop = store.listen(["review"], lambda: print("look now"), lambda execution_id: print("it has mail"))
    ...     stop()
    """

    def listen(
        self, flows: Collection[str], heard: Callable[[], object], has_mail: Callable[[str | None], object]
    ) -> Callable[[], None]:
        """Call a function when executions of these flows may have become ready, until what is returned is called.

        Another one is called with the id of an execution that has mail while a holder has a lease on it, or with None
        where any may have. Both are called on a thread of the store, and may be called for nothing: at the start, and
        whenever notifications may have been missed, as with a connection that is lost and made again.
        """
        ...
