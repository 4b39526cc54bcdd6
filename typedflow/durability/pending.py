"""What an execution asks, as a store keeps it in rows, and what a save changes of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.stores.protocol import Notes, PendingInterrupt

_ASKS = frozenset({Status.WAITING, Status.RUNNING})
"""An execution that failed asks nothing until it is retried."""


_NOTHING: Mapping[str, Interrupt] = {}


def asked_by(runtime: ExecutionRuntime) -> Mapping[str, Interrupt]:
    """Return what an execution and its open children ask, by interrupt id; nothing where nobody can answer."""
    if not runtime.children and not runtime.run.interrupts:
        return _NOTHING
    if runtime.run.status not in _ASKS:
        return _NOTHING
    return {
        id_: each.interrupt
        for open_ in runtime.tree()
        for id_, each in (open_.run.interrupts or {}).items()
        if not each.asleep
    }


def changes_of(
    runtime: ExecutionRuntime, stored: Mapping[str, Interrupt], asked: Mapping[str, Interrupt]
) -> Notes | None:
    """Return what a save changes of the rows of an execution, None for nothing.

    An id that is used again is another question: its row is written anew.
    """
    if not stored and not asked:
        return None
    new = [each for id_, each in asked.items() if id_ not in stored or stored[id_].key != each.key]
    gone = tuple(id_ for id_ in stored if id_ not in asked)
    if not new and not gone:
        return None
    return Notes(tuple(_question(runtime, each) for each in new), gone)


def _question(runtime: ExecutionRuntime, asked: Interrupt) -> PendingInterrupt:
    return PendingInterrupt(
        execution_id=runtime.id,
        flow=runtime.flow.name,
        interrupt_id=asked.id,
        type=asked.type,
        payload=asked.payload,
        since=asked.since or datetime.now(UTC),
        deadline=asked.deadline,
        step=asked.step,
        within=asked.within,
        resume_event=asked.resume_event,
        key=asked.key,
    )
