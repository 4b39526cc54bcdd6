"""From any process: submit an execution, answer it, send it an event, retry it, cancel it, wait for its result.

Nothing is run here, so that no resources are needed. What is sent is checked against the stored execution first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from typedflow.api.execution import Execution, inside_of
from typedflow.api.flow import Flow
from typedflow.durability.options import require_savable, require_work_store
from typedflow.durability.saving import snapshot_of
from typedflow.engine.status import FINAL, Status
from typedflow.engine.tokens import Interrupt
from typedflow.errors import ConflictError, ExecutionError, FinishedError, InterruptError, SnapshotError
from typedflow.execution.members import TakesInput, TakesIO
from typedflow.rules import executions, snapshots
from typedflow.schema.layers import State
from typedflow.snapshot.parts import event_codec
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import PendingInterrupt, StoredSnapshot
from typedflow.stores.work import Message, WorkStore

T = TypeVar("T")
S = TypeVar("S")

FIRST_WAIT: Final = 0.01
LONGEST_PAUSE: Final = 0.5
"""Seconds between two looks for a result: they grow from the first to the longest."""


async def submit(
    store: WorkStore,
    flow: Flow[TakesInput[T]],
    value: T,
    *,
    state: State | Mapping[str, Any] | None = None,
    execution_id: str | None = None,
    at: datetime | None = None,
) -> str:
    """Store a new execution for a worker to run, from `at` on (now by default), and return its id.

    The input and the state are checked here; the resources are the worker's. Raises `ConflictError` for an id in use.

    >>> asyncio.run(submit(MemoryStore(), flow, Request("birds"), execution_id="r-1"))
    'r-1'
    """
    require_work_store(store)
    execution = flow.create_execution(state=state, execution_id=execution_id)
    runtime, runner = inside_of(execution)
    require_savable(runtime.plan)
    with runtime.concealing():
        runner.enter(value, resources=False)
        snapshot = snapshot_of(runtime, "json", 1, with_flow_state=False)
    record = StoredSnapshot(
        runtime.id, runtime.flow.name, str(snapshot.status), 1, datetime.now(UTC), snapshot.to_bytes()
    )
    await store.submit(record, ready_at=at)
    return runtime.id


async def answer(
    store: WorkStore,
    flow: Flow[Any],
    execution_id: str,
    interrupt: str | Interrupt | PendingInterrupt,
    value: Any,
) -> None:
    """Answer a pending interrupt of a stored execution; a worker goes on with it.

    The answer is checked as `Execution.continue_with` checks it, and raises what that raises; the first one stands. It
    goes to the question that is pending when this is called, and to no later one of the same id.

    >>> async def main(store: WorkStore) -> None:
    ...     await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...     await answer(store, flow, "r-1", "choose", 3)
    >>> asyncio.run(main(MemoryStore()))
    Traceback (most recent call last):
    typedflow.errors.InterruptError: TF810: ...
    """
    require_work_store(store)

    def make(stored: StoredSnapshot) -> Message:
        runtime, runner = inside_of(_loaded(flow, stored))
        asked, taken = runner.check_answer(interrupt, value)
        try:
            data = msgspec.json.encode((asked.key, value))
            kept = runner.check_answer(interrupt, msgspec.json.decode(data)[1])[1] == taken
        except (TypeError, ValueError, RecursionError, InterruptError):
            kept = False
        if not kept:
            raise InterruptError(executions.unsendable_answer_problem(asked.id, value).at(runtime.name))
        return Message("answer", asked.id, data)

    try:
        await store.post(execution_id, make)
    except ConflictError as error:
        raise InterruptError(executions.answered_already_problem(_id_of(interrupt))) from error


def _id_of(interrupt: str | Interrupt | PendingInterrupt) -> str:
    match interrupt:
        case Interrupt():
            return interrupt.id
        case PendingInterrupt():
            return interrupt.interrupt_id
    return interrupt


async def emit(store: WorkStore, flow: Flow[Any], execution_id: str, event: str, payload: Any = None) -> None:
    """Send an event to a stored execution.

    Raises `ContractError` for an event that its contract does not declare, `SnapshotError` for a payload that would be
    another value after it was sent as JSON.

    >>> async def main(store: WorkStore) -> None:
    ...     await submit(store, flow, Request("birds"), execution_id="r-1")
    ...     await emit(store, flow, "r-1", "found", 3)
    >>> asyncio.run(main(MemoryStore()))
    """
    require_work_store(store)

    def make(stored: StoredSnapshot) -> Message:
        execution = _loaded(flow, stored)
        if execution.status in FINAL:
            raise FinishedError(executions.finished_problem(execution.status, "emit").at(_name(flow, execution_id)))
        runtime = inside_of(execution)[0]
        signal = runtime.event(event, payload)
        return Message("event", event, bytes(event_codec(runtime.plan, event).encode(signal.value, event, "json")))

    await store.post(execution_id, make)


async def retry(store: WorkStore, execution_id: str) -> None:
    """Ask a worker to run the failed steps of an execution again; raises `FinishedError` for one that has not failed.

    >>> async def main(store: WorkStore) -> None:
    ...     await submit(store, flow, Request("birds"), execution_id="r-1")
    ...     await retry(store, "r-1")
    >>> asyncio.run(main(MemoryStore()))
    Traceback (most recent call last):
    typedflow.errors.FinishedError: TF803: ...
    """
    require_work_store(store)

    def make(stored: StoredSnapshot) -> Message:
        if stored.status != Status.FAILED:
            problem = executions.wrong_status_problem(Status(stored.status), Status.RUNNING)
            raise FinishedError(problem.at(f"execution '{execution_id}'"))
        return Message("retry", "", b"null")

    await store.post(execution_id, make)


async def cancel(store: WorkStore, execution_id: str) -> None:
    """Ask a worker to cancel an execution; raises `FinishedError` for one that is over.

    >>> async def main(store: WorkStore) -> None:
    ...     await submit(store, flow, Request("birds"), execution_id="r-1")
    ...     await cancel(store, "r-1")
    >>> asyncio.run(main(MemoryStore()))
    """
    require_work_store(store)

    def make(stored: StoredSnapshot) -> Message:
        if stored.status in FINAL:
            problem = executions.finished_problem(Status(stored.status), "cancel")
            raise FinishedError(problem.at(f"execution '{execution_id}'"))
        return Message("cancel", "", b"null")

    await store.post(execution_id, make)


async def result(
    store: SnapshotStore, flow: Flow[TakesIO[Any, S]], execution_id: str, *, timeout: float | None = None
) -> S:
    """Wait for the result of a stored execution.

    Raises `ExecutionError` where it has failed, was cancelled or is in quarantine, TimeoutError after `timeout`
    seconds, and `SnapshotError` for an unknown execution and one of another flow. A failed one that a worker is to
    retry has not failed yet: after `retry` this waits for what becomes of it.

    >>> async def main(store: WorkStore) -> str:
    ...     execution = flow.create_execution(store=store, execution_id="r-1")
    ...     await execution.async_start(Request("birds"))
    ...     await execution.async_continue_with("choose", "Sibley")
    ...     return await result(store, flow, "r-1", timeout=10)
    >>> asyncio.run(main(MemoryStore()))
    'Sibley'
    """
    name = _name(flow, execution_id)
    stored: StoredSnapshot | None = None
    try:
        async with asyncio.timeout(timeout) as limit:
            wait = FIRST_WAIT
            while True:
                stored = await store.get(execution_id)
                if stored is None:
                    raise SnapshotError(snapshots.not_stored_problem(execution_id))
                if stored.flow != flow.name:
                    problem = snapshots.other_flow_problem("flow", stored.flow, flow.name)
                    raise SnapshotError(problem.at(f"execution '{execution_id}'"))
                if stored.status in FINAL or (stored.status == Status.FAILED and await _has_failed(store, stored)):
                    break
                if wait == LONGEST_PAUSE:
                    await _require_taken(store, flow, execution_id)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_PAUSE)
    except TimeoutError as error:
        if not limit.expired():
            raise
        status = "" if stored is None else f": it is {stored.status}"
        raise TimeoutError(f"{name} was not over after {timeout} s{status}") from error
    if stored.status != Status.COMPLETED:
        raise ExecutionError(executions.no_stored_result_problem(Status(stored.status)).at(name))
    found: S = _loaded(flow, stored).result
    return found


async def _has_failed(store: Any, stored: StoredSnapshot) -> bool:
    """Return whether a failed execution stays so: no retry is in its mail, and none was taken since it was read."""
    mail = getattr(store, "mail", None)
    if mail is None:
        return True
    if any(message.kind == "retry" for message in await mail(stored.execution_id, 0)):
        return False
    newest = await store.get(stored.execution_id)
    return newest is not None and newest.sequence == stored.sequence


async def _require_taken(store: Any, flow: Flow[Any], execution_id: str) -> None:
    """Raise `ExecutionError` for an execution in quarantine, which no worker takes; not every store has one."""
    quarantined = getattr(store, "quarantined", None)
    if quarantined is not None and any(each.execution_id == execution_id for each in await quarantined(flow.name)):
        problem = executions.quarantined_problem(await store.problem(execution_id))
        raise ExecutionError(problem.at(_name(flow, execution_id)))


def _loaded(flow: Flow[Any], stored: StoredSnapshot) -> Execution[Any]:
    return flow.create_execution().load(stored.data)


def _name(flow: Flow[Any], execution_id: str) -> str:
    return f"execution '{execution_id}' of flow '{flow.name}'"
