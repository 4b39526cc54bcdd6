"""The sync forms of a store's calls, for scripts without a loop of their own; each refuses to run inside a loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from types import TracebackType
from typing import Any, Protocol, TypeVar

from typedflow.stores.history import HistoryStore
from typedflow.stores.loops import run_sync
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import Listing, PendingInterrupt, PendingListing, StoredEntry

S = TypeVar("S", bound=SnapshotStore)
OPENING = "store.__enter__", "write `async with store:`"


class _Lists(Protocol):
    @property
    def list(self) -> Callable[..., Coroutine[Any, Any, Listing]]: ...


class SyncStore:
    """Open, list and close a store in plain calls."""

    def list_sync(
        self: _Lists,
        flow: str | None = None,
        status: str | None = None,
        *,
        after: StoredEntry | None = None,
        limit: int | None = None,
        statuses: Collection[str] | None = None,
    ) -> Listing:
        """Do what `list` does, in a loop of its own; refused inside a running loop."""
        return run_sync(
            lambda: self.list(flow, status, after=after, limit=limit, statuses=statuses),
            "store.list_sync",
            "write `await store.list(…)`",
        )

    def __enter__(self: S) -> S:
        """Do what `async with` does, in a script without a loop of its own; refused inside a running loop."""
        return run_sync(self.__aenter__, *OPENING)

    def __exit__(
        self: SnapshotStore,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the store."""
        run_sync(self.close, *OPENING)


class SyncHistoryStore(SyncStore):
    """List the pending interrupts in a plain call, too."""

    def pending_sync(
        self: HistoryStore,
        flow: str | None = None,
        type: str | None = None,
        *,
        after: PendingInterrupt | None = None,
        limit: int | None = None,
    ) -> PendingListing:
        """Do what `pending` does, in a loop of its own; refused inside a running loop."""
        return run_sync(
            lambda: self.pending(flow, type, after=after, limit=limit),
            "store.pending_sync",
            "write `await store.pending(…)`",
        )
