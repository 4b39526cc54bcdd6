"""What a store does that keeps more of an execution than its newest snapshot: revisions, and what waits for answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, final

from typedflow.engine.status import FINAL
from typedflow.stores.protocol import PagedStore, SnapshotStore
from typedflow.stores.records import PendingInterrupt, PendingListing, StoredSnapshot


@final
@dataclass(frozen=True, slots=True)
class Revision:
    """Describe one save of an execution with a history; `steps` and `changed` are those of `Notes`.

    >>> async def main(store: MemoryStore) -> list[Revision]:
    ...     execution = flow.create_execution(store=store, execution_id="r-1", history=True)
    ...     await execution.async_start(Request("birds"))
    ...     return await store.history("r-1")
    >>> asyncio.run(main(MemoryStore()))[-1].status
    'waiting'
    """

    execution_id: str
    sequence: int
    status: str
    saved_at: datetime
    steps: tuple[str, ...]
    changed: tuple[str, ...]


Revisions: TypeAlias = list[Revision]
"""A list, named here because the stores' own `list` hides the builtin."""


@final
@dataclass(frozen=True, slots=True)
class Pruned:
    """Count what `prune` has deleted.

    >>> async def main(store: MemoryStore) -> Pruned:
    ...     execution = flow.create_execution(store=store, execution_id="r-1", history=True)
    ...     await execution.async_start(Request("birds"))
    ...     return await store.prune(keep=1)
    >>> asyncio.run(main(MemoryStore()))
    Pruned(executions=0, revisions=1)
    """

    executions: int
    revisions: int


class HistoryStore(PagedStore, SnapshotStore, Protocol):
    """Keep more of an execution than its newest snapshot: its pending interrupts as rows, and its revisions.

    >>> async def main(store: HistoryStore) -> None:
    ...     execution = flow.create_execution(store=store, execution_id="r-1", history=True, checkpoint="step")
    ...     await execution.async_start(Request("birds"))
    ...     for revision in await store.history("r-1"):
    ...         print(revision.sequence, revision.status, revision.steps)
    >>> asyncio.run(main(MemoryStore()))
    1 running ()
    2 running ('search',)
    3 running ()
    4 waiting ()
    """

    async def get(self, execution_id: str, *, at: int | None = None) -> StoredSnapshot | None:
        """Read the newest snapshot of an execution, or that of a save sequence; None when there is none."""
        ...

    async def history(self, execution_id: str, *, after: int | None = None, limit: int | None = None) -> Revisions:
        """List the revisions that are kept of an execution, in order; none where it was created without `history`.

        `limit` is the number of them at the most, `after` the sequence of the last one of the page before.
        """
        ...

    async def prune(
        self,
        *,
        before: datetime | None = None,
        statuses: Collection[str] = FINAL,
        flow: str | None = None,
        keep: int | None = None,
        batch: int = 500,
    ) -> Pruned:
        """Delete old executions, or old revisions, in transactions of about `batch` rows; saves go on in between.

        With `before`, executions of these statuses that were saved last before this moment are deleted, with all that
        belongs to them; a flow_state stays, and so does a remote child of a parent that is not over. With `keep`,
        all but the newest `keep` revisions of each execution are deleted, whatever its status. Both only of one flow,
        where one is given. A process that runs a deleted execution gets a `ConflictError` from its next save.
        """
        ...

    async def pending(
        self,
        flow: str | None = None,
        type: str | None = None,
        *,
        after: PendingInterrupt | None = None,
        limit: int | None = None,
    ) -> PendingListing:
        """List the interrupts that wait for an answer, without opening an execution, longest wait first.

        Of one flow, of one type; those of child executions are listed under their root. Ordered by `since`, execution
        id and interrupt id; `limit` is the number of them at the most, `after` the last one of the page before.
        Executions that failed ask nothing until they are retried. Rows that cannot be read are in `damaged`.
        """
        ...
