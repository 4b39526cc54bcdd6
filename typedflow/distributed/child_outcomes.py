"""How a remote child has ended, as its parent takes it: from its message, and from what is stored of it."""

from __future__ import annotations

from typing import Final

from typedflow.distributed.supplies import is_for_another
from typedflow.durability.family import read_failure
from typedflow.durability.opening import load_stored
from typedflow.engine.status import Status
from typedflow.engine.tokens import ChildOutcome
from typedflow.errors import SnapshotError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.work import Message

LOST: Final = "ExecutionError"
"""The class of the error of a child that has ended without one, and without a result."""


async def read_outcome(store: SnapshotStore, flow: FlowRuntime, message: Message) -> ChildOutcome | None:
    """Return how a child has ended; None for one that goes on, whose parent gets another message.

    The result is read from the stored child, by the flow as it is today: as that of any execution is. Raises
    `SnapshotError` where another worker may read it, as after a deploy has renewed the workers of the child only.
    """
    failure = read_failure(message.data)
    if failure is not None:
        return failure
    child = message.name
    stored = await store.get(child)
    if stored is None:
        return ChildOutcome(error=LOST, text=f"execution '{child}' was deleted before its parent took its result")
    if stored.status == Status.CANCELLED:
        return ChildOutcome(error=LOST, text=f"execution '{child}' was cancelled")
    if stored.status != Status.COMPLETED:
        return None
    runtime = ExecutionRuntime(flow, child)
    try:
        load_stored(runtime, stored, None)
    except SnapshotError as error:
        if is_for_another(error):
            raise
        return ChildOutcome(error=type(error).__name__, text=str(error), is_fault=True)
    return ChildOutcome(runtime.run.result)
