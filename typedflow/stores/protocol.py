"""What every store of snapshots does: `SnapshotStore`. What some can do besides is a protocol of its own.

A store knows bytes and a few columns. What the bytes mean is not its business: it never decodes them. Nothing here
names a file, a thread or a loop; times are UTC, sequences fit 64 bits.

`PagedStore` and `ImmediateStore` are here; the others are `FlowStateStore` (`flow_state_sharing`), `HistoryStore`
(`history`), `LeaseStore` (`embedded_leases`), `WorkStore` (`work`) and `RewritingStore` (`rewriting`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, final

from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.records import Entries, StoredEntry, StoredSnapshot


class SnapshotStore(Protocol):
    """Keep the newest snapshot of each execution.

    Every call may come from any loop and any thread. A call that returned has been made durable, as far as the store
    promises that at all. A call whose await is cancelled has happened as a whole or not at all, which of the two only
    `get` can tell. Errors: `ConflictError` from `put`; `StoreError` for malformed arguments, a closed store and
    whatever the system refuses; `SnapshotError` for stored bytes that are not those that were written.

    >>> async def count(store: SnapshotStore) -> int:
    ...     return len(await store.list(status="waiting"))
    >>> asyncio.run(count(MemoryStore()))
    0
    """

    @property
    def shares_flow_state(self) -> bool:
        """Return True if the flow_state of a flow is a row of this store, shared by all processes that use it.

        Such a store is a `FlowStateStore` too: without `update_flow_state` it shares none, and snapshots keep them.
        A store declares it as `shares_flow_state: bool = False`, sets it on the instance, or has a property. A `Final`
        or a `ClassVar` in the class body does not fit a property of a protocol in pyright. A class that names this
        protocol as its base needs a property: an attribute would override one.
        """
        ...

    async def get(self, execution_id: str) -> StoredSnapshot | None:
        """Read the snapshot of an execution, None when there is none."""
        ...

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot in place of the one it follows: compare-and-swap on the save sequence.

        `expected` is the sequence of the stored record, None where none may exist; anything else there is a
        `ConflictError` that changes nothing. The record's own sequence must be greater. With `flow_state`, the new
        bytes of the flow_state are returned, and both are committed or neither, with the deletion of the keys; a store
        that does not share flow_state refuses it.
        """
        ...

    async def list(self, flow: str | None = None, status: str | None = None) -> Entries:
        """List what is stored, oldest save first, then by id; only one flow's, only of one status.

        What cannot be read is left out and hides nothing else; a `Listing` names it in `damaged`.
        """
        ...

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot and the update keys of an execution; return whether it was there. A flow_state stays."""
        ...

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Read the stored flow_state of a flow, None when there is none, or when the store shares none."""
        ...

    async def close(self) -> None:
        """Finish the calls under way and let go of files, threads and connections; a second close does nothing."""
        ...

    async def __aenter__(self) -> Self:
        """Open the store now, so that a place that cannot be used fails here."""
        ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Close the store."""
        ...


class PagedStore(Protocol):
    """List in pages; the stores of typedflow do, a user's own store need not.

    >>> async def first(store: PagedStore, number: int) -> list[str]:
    ...     return [entry.execution_id for entry in await store.list(limit=number)]
    >>> asyncio.run(first(MemoryStore(), 10))
    []
    """

    async def list(
        self,
        flow: str | None = None,
        status: str | None = None,
        *,
        after: StoredEntry | None = None,
        limit: int | None = None,
        statuses: Collection[str] | None = None,
    ) -> Entries:
        """List what is stored, oldest save first, then by id; only one flow's, only of one status or of some.

        `limit` is the number of entries at the most, `after` the last entry of the page before: an execution that is
        saved meanwhile moves to the end. SQLite and PostgreSQL read a page through an index.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class Put:
    """The outcome of a put: what it made of the flow_state."""

    flow_state: bytes | None


class ImmediateStore(Protocol):
    """Save now and on this thread, where that is quicker than to wait for another; a store may have this too."""

    def put_at_once(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> Put | None:
        """Save synchronously, or change nothing and return None: then it is for `put`. Called inside a running loop."""
        ...
