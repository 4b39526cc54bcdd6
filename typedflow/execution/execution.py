"""`Execution`: one run of a flow, from its creation to its result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Generic, final, get_args

from typing_extensions import TypeVar

from typedflow.contract import executions, flows, snapshots
from typedflow.definition.arguments import is_bound
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, Interrupt
from typedflow.errors import (
    ConflictError,
    ContractError,
    ExecutionError,
    FinishedError,
    NoResultError,
    ResourceError,
    SnapshotError,
)
from typedflow.execution import points
from typedflow.execution.answers import accept_answer, find_interrupt
from typedflow.execution.children import capture_resources
from typedflow.execution.driver import Driver
from typedflow.execution.files import write_file
from typedflow.execution.loading import install, read_execution, saved_keys
from typedflow.execution.loops import run_sync
from typedflow.execution.members import GivesResult, GivesStream, HasFlowState, HasInput, HasState
from typedflow.execution.runtime import ExecutionRuntime, fault_of
from typedflow.execution.saving import snapshot_of
from typedflow.schema.check import Mismatch
from typedflow.schema.layers import Resources
from typedflow.schema.render import render
from typedflow.schema.resources import overrides_of
from typedflow.snapshot.documents import Format
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.reading import MAX_BYTES, Source, read_document

FORMATS: Final = get_args(Format)

C = TypeVar("C", covariant=True)
S = TypeVar("S")
T = TypeVar("T")


@final
class Execution(Generic[C]):
    """One run of a flow: made by `flow.create_execution()`, started once.

    It belongs to the event loop that runs it; only `emit` of a running one may be called from a callback of that loop.
    """

    __slots__ = ("__weakref__", "_concurrency", "_done", "_runtime")

    def __init__(self, runtime: ExecutionRuntime, concurrency: int | None = None) -> None:
        if not is_bound(concurrency):
            raise ContractError(flows.concurrency_too_low(concurrency).at(runtime.name))
        self._runtime = runtime
        self._concurrency = concurrency
        self._done: asyncio.Future[Exception | None] | None = None

    # -- what it is

    @property
    def id(self) -> str:
        """Give the id, kept over save and load."""
        return self._runtime.id

    @property
    def status(self) -> Status:
        """Say where the execution stands."""
        return self._runtime.run.status

    @property
    def state(self: Execution[HasState[S]]) -> S:
        """Give the state; a required field that nothing has supplied is a `ContractError` that names it."""
        return self._runtime.require_state()  # type: ignore[return-value]  # an instance of the declared class

    @property
    def flow_state(self: Execution[HasFlowState[S]]) -> S:
        """Give the state that all executions of the flow share."""
        return self._runtime.flow.require_flow_state()  # type: ignore[return-value]  # an instance of the declared class

    @property
    def interrupts(self) -> Mapping[str, Interrupt]:
        """Give what the execution waits for, by interrupt id: pending ones only, those of child flows included."""
        found: dict[str, Interrupt] = {}
        for runtime in self._runtime.tree():
            found.update({id_: paused.interrupt for id_, paused in (runtime.run.interrupts or {}).items()})
        return found

    @property
    def errors(self) -> tuple[Exception, ...]:
        """Give the exceptions that steps have raised, first one first, those before a retry included; not saved."""
        return tuple(self._runtime.run.errors or ())

    @property
    def result(self: Execution[GivesResult[S]]) -> S:
        """Give the result of a completed execution.

        Raises `NoResultError` where nothing set one, and `ExecutionError` while the execution is not completed.
        """
        run = self._runtime.run
        if run.status is not Status.COMPLETED:
            raise ExecutionError(executions.no_result(run.status).at(self._place))
        if run.result is not UNSET:
            return run.result  # type: ignore[no-any-return]  # checked when it was set
        if not run.plan.result_needed:
            return None  # type: ignore[return-value]  # the contract's result is None
        raise NoResultError(executions.no_result(run.status, run.unfilled()).at(self._place))

    @property
    def _place(self) -> str:
        return self._runtime.name

    # -- running it

    async def async_start(self: Execution[HasInput[T]], value: T, *, timeout: float | None = None) -> Status:
        """Run until nothing is ready or running; gives `completed` or `waiting`.

        Raises the handler's own exception, with a note that names flow, step and execution, and TimeoutError after
        `timeout` seconds, which bounds the handlers too, but not a save that is under way. Everything that ran has
        stopped by then. The input, the state and the resources are checked before any handler runs. Where the store
        fails at the very end, the error says so in a note, and `async_retry` saves once more.
        """
        self._enter(value)
        return await self._drive(timeout)

    def start(self: Execution[HasInput[T]], value: T, *, timeout: float | None = None) -> Status:
        """Do what `async_start` does, in a loop of its own; refused inside a running loop."""
        return run_sync(lambda: self.async_start(value, timeout=timeout), "execution.start")

    async def async_retry(self, *, timeout: float | None = None) -> Status:
        """Run the failed and the cut-off steps once more, with the values that they had.

        For an execution that failed, or that was saved while it was running and has been loaded; or one that waits,
        where an event that was emitted meanwhile has started listeners. With a store it begins with a save. Where the
        run had come to its end and only the save of it failed, it is saved once more.
        """
        woken = self._is_woken()
        if not woken and self._is_unsaved():
            await self._runtime.checkpoints.commit()
            return self.status
        if not woken and self.status is not Status.FAILED and not self._is_cut_off():
            raise FinishedError(executions.wrong_status(self.status, Status.RUNNING).at(self._place))
        self._require_resources()
        self._runtime.run.woken()
        for runtime in reversed(list(self._runtime.tree())):  # what cannot go on leaves those above it failed
            if runtime.run.status in (Status.FAILED, Status.RUNNING):
                runtime.run.retried()
        return await self._drive(timeout)

    def _is_woken(self) -> bool:
        """Say whether this waits, and an event has come that nobody has run yet."""
        run = self._runtime.run
        return run.status is Status.WAITING and bool(run.live) and self._runtime.driver is None

    def _is_unsaved(self, driver: Driver | None = None) -> bool:
        """Say whether the store failed when the end of a run was to be saved."""
        checkpoints = self._runtime.checkpoints
        at_rest = self.status in (Status.WAITING, Status.COMPLETED) and self._runtime.driver is driver
        return at_rest and checkpoints is not None and bool(checkpoints.behind)

    def _is_cut_off(self) -> bool:
        """Say whether this was saved while it ran, so that nobody runs it now."""
        return self.status is Status.RUNNING and self._runtime.driver is None

    async def async_continue_with(
        self, interrupt_id: str, value: Any = None, *, timeout: float | None = None
    ) -> Status:
        """Answer a pending interrupt and run on until nothing is ready or running.

        The value comes from outside: it may be of the declared type, or the plain data (as JSON has it) that decodes to
        it. It has to fit the return type of the step that paused, or the payload of its resume event; a wrong one is an
        `InterruptError`, and so are an unknown and an answered interrupt; the interrupt stays pending. So it does where
        a required resource is missing. In a running execution the answer is taken at once, and the call waits for the
        end, for `timeout` seconds at the most; what stops the run is raised here too.
        """
        return await self._go_on(lambda: self._answer(interrupt_id, value), timeout)

    def continue_with(self, interrupt_id: str, value: Any = None, *, timeout: float | None = None) -> Status:
        """Do what `async_continue_with` does, in a loop of its own; refused inside a running loop."""
        return run_sync(
            lambda: self.async_continue_with(interrupt_id, value, timeout=timeout), "execution.continue_with"
        )

    async def async_cancel(self) -> Status:
        """Cancel what runs, wait until it has stopped, and give the status: `cancelled`, or `completed` if it was that.

        Whoever awaits the run gets CancelledError. Where the store fails, a second call saves once more. Where somebody
        else saved first, this raises `ConflictError`, and what stood still is as it was.
        """
        runtime = self._runtime
        while runtime.driver is not None:  # once it has stopped, somebody may go on before this does
            runtime.driver.cancel()
            await self._stopped()
        run, children = runtime.run, runtime.children
        if self.status not in (Status.COMPLETED, Status.CANCELLED):
            runtime.run = run.copied()
            self._cancelled()
        if self.status is Status.CANCELLED and runtime.checkpoints is not None:
            try:
                await runtime.checkpoints.keep_end()
            except ConflictError:
                runtime.run, runtime.children = run, children
                raise
        return self.status

    def _cancelled(self) -> None:
        self._runtime.run.cancelled()
        self._runtime.children = None

    def emit(self, event: str, payload: Any = None) -> None:
        """Emit an event from outside: its listeners start at once in a running execution, else with the next run.

        An execution that waits goes on with its next answer, or at once by `await execution.async_retry()`. What an
        event has started and not yet run is saved with the execution.
        """
        runtime = self._runtime
        signal = runtime.event(event, payload)
        if self.status in (Status.COMPLETED, Status.CANCELLED):
            raise FinishedError(executions.finished(self.status, "emit").at(self._place))
        try:
            tokens = runtime.run.emitted([signal])
        except ContractError as error:  # a listener cannot take it; who awaits the run is told too
            if runtime.driver is not None:
                runtime.driver.fail(error)
            raise
        if runtime.driver is not None:
            runtime.driver.push(runtime, tokens)

    def stream(self: Execution[GivesStream[S]], value: Any, *, timeout: float | None = None) -> AsyncIterator[S]:
        """Start with `value` and give the items that the handlers put, in order.

        It ends when the execution stops running, and raises its failure then. Leaving the loop early cancels the run as
        soon as the iterator is closed: `async with contextlib.aclosing(execution.stream(value)) as items` closes it.
        """
        self._require_stream()
        return self._streamed(lambda: self._enter(value), timeout)

    def stream_continue(
        self: Execution[GivesStream[S]], interrupt_id: str, value: Any = None, *, timeout: float | None = None
    ) -> AsyncIterator[S]:
        """Answer a pending interrupt, as `async_continue_with` does, and give the items that the handlers put.

        In a running execution that somebody listens to already, the items go on to them.
        """
        self._require_stream()
        return self._streamed(lambda: self._answer(interrupt_id, value), timeout)

    def _require_stream(self) -> None:
        if self._runtime.plan.check_stream is None:
            raise ContractError(executions.undeclared_stream(self._runtime.plan.spec.name).at(self._place))

    async def _streamed(self, begin: Callable[[], None], timeout: float | None) -> AsyncIterator[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        running = asyncio.create_task(self._go_on(begin, timeout, queue))
        running.add_done_callback(lambda _: queue.put_nowait(UNSET))
        try:
            while (item := await queue.get()) is not UNSET:
                yield item
        finally:
            if not running.done():
                running.cancel()
                await asyncio.wait([running])
        await running

    # -- saving and loading

    def save(self, path: str | os.PathLike[str] | None = None, format: Format = "json") -> Snapshot:
        """Give the execution as a snapshot, at any time from the loop's thread; with `path` write it to a file too.

        Running steps are saved as ready: they are run again after a load, with the same `data.key`. Resources are not
        saved, only their keys. What was encoded is decoded again and compared before it counts as saved: what would not
        come back equal and of the same type is a `SnapshotError` that names its path. The file takes its place at once,
        or the old one stays.
        """
        if format not in FORMATS:
            raise ContractError(executions.wrong_option("format", format, FORMATS).at(self._place))
        checkpoints = self._runtime.checkpoints
        sequence = (checkpoints.sequence or 0) if checkpoints is not None else self._runtime.saves + 1
        shared = self._runtime.shares_flow_state
        snapshot = snapshot_of(self._runtime, format, sequence, with_flow_state=not shared)
        self._runtime.saves = sequence
        if path is not None:
            write_file(Path(path), snapshot.to_bytes())
        return snapshot

    def load(
        self,
        source: Source,
        *,
        runtime_resources: Resources | Mapping[str, Any] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Execution[C]:
        """Take over what was saved, all or nothing: a Snapshot, a mapping, JSON text or bytes, MessagePack or a path.

        A str is always text; a file is given as a `Path`. Gives the execution itself, with the saved id, ready for
        `async_continue_with`, or for `async_retry` where it was running or had failed. Raises `SnapshotError` with the
        path and the reason, and changes nothing, for whatever is not exactly what this flow has saved; FinishedError
        where this execution was started already. `max_bytes` bounds the document before it is decoded.
        """
        runtime = self._runtime
        if runtime.run.status is not Status.CREATED or runtime.run.live:
            refused = executions.started_already(runtime.run.status, emitted=bool(runtime.run.live))
            raise FinishedError(refused.at(self._place))
        snapshot = read_document(source, max_bytes=max_bytes)
        try:
            loaded = read_execution(runtime.flow, snapshot)
        except RecursionError as error:
            raise SnapshotError(snapshots.too_deep("children"), path="children") from error
        before = runtime.resources.given
        try:
            if runtime_resources is not None:
                runtime.resources.give(runtime_resources)
            install(runtime, loaded, with_flow_state=not runtime.shares_flow_state)
        except ResourceError:
            runtime.resources.take_back(before)
            raise
        runtime.saves = snapshot.sequence
        runtime.saved_keys = tuple(saved_keys(snapshot))
        return self

    def missing_resources(self) -> list[str]:
        """Give the keys that nobody supplies, sorted: required ones, and those at hand when the execution was saved."""
        for runtime in self._runtime.tree():
            if runtime.parent is not None:
                capture_resources(runtime)
        missing = {key for runtime in self._runtime.tree() for key in runtime.resources.absent()}
        at_hand = {key for runtime in self._runtime.tree() for key in runtime.resources.injected()}
        return sorted(missing | (set(self._runtime.saved_keys) - at_hand))

    # -- resources from outside

    def update_runtime_resources(self, given: Resources | Mapping[str, Any] | None = None, /, **resources: Any) -> None:
        """Set resources of this execution; values are checked against their declared classes, all or nothing."""
        self._runtime.resources.give({**overrides(given), **resources})

    def set_runtime_resource(self, key: str, value: Any) -> None:
        """Set one resource of this execution."""
        self._runtime.resources.give({key: value})

    def get_runtime_resource(self, key: str, default: Any = None) -> Any:
        """Give a resource as a handler of this execution would see it."""
        return self._runtime.resources.get(key, default)

    def del_runtime_resource(self, key: str) -> None:
        """Uncover the flow's default."""
        self._runtime.resources.del_in_run(key)

    # -- inside

    def _enter(self, value: Any) -> None:
        """Check all that can be checked before a handler runs, then put the input in front of the flow."""
        runtime = self._runtime
        if runtime.run.status is not Status.CREATED:
            raise FinishedError(executions.started_already(runtime.run.status).at(self._place))
        try:
            value = runtime.plan.check_input(value)
        except Mismatch as mismatch:
            problem = executions.wrong_start(render(runtime.plan.spec.input), **fault_of(mismatch))
            raise ContractError(problem.at(self._place)) from None
        if runtime.state is None and runtime.plan.spec.state is not None:
            runtime.require_state()
        self._require_resources()
        runtime.run.started(value)

    def _answer(self, interrupt_id: str, value: Any) -> None:
        """Take an answer: find the step that waits for it, check the value, and wake all that wait for the step."""
        if self.status in (Status.COMPLETED, Status.CANCELLED, Status.FAILED):
            raise FinishedError(executions.finished(self.status, "continue_with").at(self._place))
        owner = find_interrupt(self._runtime, interrupt_id)
        accepted = accept_answer(owner, interrupt_id, value)
        self._require_resources()
        self._runtime.note_answered(interrupt_id)
        fault: ContractError | None = None
        try:
            tokens = owner.run.resumed(interrupt_id, accepted)
        except ContractError as error:  # the answer stands, and what follows cannot take it
            fault = error
        below = owner
        while below.parent is not None:
            above, waiting = below.parent
            above.run.child_resumes(waiting)
            if fault is not None:
                above.run.failed(fault)
            below = above
        if fault is not None:
            if self._runtime.driver is not None:
                self._runtime.driver.fail(fault)
            raise fault
        if self._runtime.checkpoints is not None:
            points.at("answer.taken")
        if self._runtime.driver is not None:
            if owner.parent is None or owner.run.live:
                self._runtime.driver.push(owner, tokens)
            else:  # the answer was all that the child waited for
                self._runtime.driver.push(owner.parent[0], [owner.parent[1]])

    def _require_resources(self) -> None:
        for runtime in self._runtime.tree():
            if runtime.parent is not None:
                capture_resources(runtime)
            runtime.resources.require_complete(runtime.name)

    async def _go_on(
        self, begin: Callable[[], None], timeout: float | None, queue: asyncio.Queue[Any] | None = None
    ) -> Status:
        """Do what is to be done first, and run until it is over; where somebody runs it already, wait for the end."""
        begin()
        driver = self._runtime.driver
        if driver is None:
            return await self._drive(timeout, queue)
        listens = queue is not None and driver.listen(queue)
        try:
            async with asyncio.timeout(timeout):
                failure = await self._stopped()
        finally:
            if listens:
                driver.listen(None)
        if failure is not None:
            raise failure
        if self.status is Status.CANCELLED:
            raise asyncio.CancelledError
        return self.status

    async def _stopped(self) -> Exception | None:
        """Wait until nobody runs this any more; gives what has stopped it."""
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._done)

    async def _drive(self, timeout: float | None, queue: asyncio.Queue[Any] | None = None) -> Status:
        runtime, checkpoints = self._runtime, self._runtime.checkpoints
        driver = Driver(self._concurrency, checkpoints)
        driver.sink = queue
        failure: Exception | None = None
        for open_ in runtime.tree():
            open_.driver = driver
        try:
            if checkpoints is not None:
                points.at("run.entered")
                await checkpoints.begin()
            driver.ready.clear()  # what came during the save is live, and so among the following
            for open_ in runtime.tree():
                driver.push(open_, open_.ready())
            await self._run(driver, timeout)
            return runtime.run.status
        except Exception as error:
            failure = error
            if runtime.run.status is Status.RUNNING:
                runtime.run.failed(error)
            if checkpoints is not None:
                await checkpoints.keep_failure(error)
                if self._is_unsaved(driver):
                    error.add_note(
                        f"{self._place} is {self.status}, and that is not stored: {executions.RETRY} saves it"
                    )
            raise
        finally:
            try:
                if checkpoints is not None:
                    await checkpoints.rest()
            finally:
                self._let_go(failure)

    def _let_go(self, failure: Exception | None) -> None:
        """Have nobody run this any more, and tell those who wait for that."""
        runtime = self._runtime
        for open_ in runtime.tree():
            open_.driver = None
        if runtime.run.status is Status.RUNNING:
            self._cancelled()
        if self._done is not None and not self._done.done():
            self._done.set_result(failure)
        self._done = None

    async def _run(self, driver: Driver, timeout: float | None) -> None:
        """Work until nothing is left, within the time allowed."""
        run = self._runtime.run
        try:
            async with asyncio.timeout(timeout) as limit:
                deadline = limit.when()
                while True:
                    await driver.drive()
                    run.settle()
                    if driver.checkpoints is not None:
                        points.at("run.over")
                        if not limit.expired():
                            limit.reschedule(None)  # the save of an end is waited for in any case
                        await driver.checkpoints.commit()
                    if not driver.ready:  # else an answer or an event came during the save
                        break
                    limit.reschedule(deadline)
                    run.woken()
        except TimeoutError as error:
            if limit.expired() and run.status is Status.RUNNING:
                late = TimeoutError(f"{self._place} was not over after {timeout} s")
                run.failed(late)
                raise late from error
            raise


def overrides(given: Resources | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Give what a resources argument supplies."""
    return {} if given is None else overrides_of(given)
