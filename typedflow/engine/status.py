"""The statuses of a run, and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The status of an execution.

    `completed` and `cancelled` are final. `failed` keeps its failed and cancelled tokens, and `async_retry()` is its
    only way out. `waiting` has nothing to run and at least one pending interrupt.

    >>> Status.WAITING == "waiting"
    True
    """

    CREATED = "created"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = {
    Status.CREATED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.WAITING, Status.COMPLETED, Status.FAILED, Status.CANCELLED}),
    Status.WAITING: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.FAILED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.CANCELLED: frozenset(),
}
"""Every legal transition; anything else is a fault of the caller."""

FINAL: Final = frozenset(status for status, further in TRANSITIONS.items() if not further)
"""The statuses that nothing follows."""
