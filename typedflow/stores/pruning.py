"""`prune` of a database store: in batches, each a transaction, so that saves go on in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, final

from typedflow.stores.history import Pruned

D = TypeVar("D")
"""A connection to the database."""


@final
class Old(NamedTuple):
    """Which executions are old enough to be deleted."""

    before: datetime
    statuses: tuple[str, ...]
    flow: str | None


@final
class Trimmed(NamedTuple):
    """What one batch of revisions has deleted, and where the next one begins; None: there is none."""

    revisions: int
    next: int | None


async def prune_in_batches(
    write: Callable[[str, Callable[[D], Any]], Awaitable[Any]],
    prune_executions: Callable[[D, Old, int], int],
    trim_revisions: Callable[[D, int, str | None, int, int], Trimmed],
    *,
    old: Old | None,
    keep: int | None,
    flow: str | None,
    batch: int,
) -> Pruned:
    """Delete what is old, then all but `keep` revisions of each execution; `write` runs one batch in a transaction."""
    executions, revisions = 0, 0
    if old is not None:
        while deleted := await write("prune", lambda db: prune_executions(db, old, batch)):
            executions += deleted
    start: int | None = 0
    while keep is not None and start is not None:
        trimmed: Trimmed = await write("prune", _trimming(trim_revisions, keep, flow, start, batch))
        revisions, start = revisions + trimmed.revisions, trimmed.next
    return Pruned(executions, revisions)


def _trimming(
    trim: Callable[[D, int, str | None, int, int], Trimmed], keep: int, flow: str | None, start: int, batch: int
) -> Callable[[D], Trimmed]:
    return lambda db: trim(db, keep, flow, start, batch)
