"""`prune`: which executions it keeps, and how a database store deletes the others, in batches, each a transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar, final

from typedflow.engine.status import FINAL
from typedflow.stores.history import Pruned

D = TypeVar("D")
"""A connection to the database."""


_FINAL_TEXTS: Final = ", ".join(f"'{status}'" for status in sorted(FINAL))

NEEDED: Final = (
    "EXISTS (SELECT 1 FROM typedflow_executions p WHERE p.execution_id = e.parent_id"
    f" AND p.status NOT IN ({_FINAL_TEXTS}))"
)
"""What `is_needed` returns, of a row `e` of the executions, in SQL."""


def is_needed(parent: str | None) -> bool:
    """Return whether the parent of a remote child may still ask for it, so that it is not to be pruned.

    `parent` is the status of the parent, None where it is not stored. What a parent has taken of a child that is
    completed is in no save of it before the item goes on: after a failure, or a kill, it asks for the child again, and
    that may be long after, where a bound of a block keeps the item waiting. So nothing less will do than its end.
    """
    return parent is not None and parent not in FINAL


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
