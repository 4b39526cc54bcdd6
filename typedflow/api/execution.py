"""`Execution`: one run of a flow, as its user sees it; `runner` runs it, `saving` and `loading` keep it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Never, final, get_args

from msgspec.structs import replace
from typing_extensions import TypeVar

from typedflow.durability.loading import load_into, missing_keys
from typedflow.durability.saving import snapshot_of
from typedflow.durability.snapshot_files import write_file
from typedflow.engine.status import Status
from typedflow.engine.tokens import UNSET, Interrupt
from typedflow.errors import ContractError, ExecutionError, NoResultError
from typedflow.execution.answers import answer_type
from typedflow.execution.members import (
    GivesResult,
    GivesStream,
    HasFlowState,
    HasState,
    TakesInput,
    TakesInputGivesStream,
)
from typedflow.execution.runner import Runner
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.signatures import plainly_signed
from typedflow.execution.waiting import next_due, questions_of
from typedflow.rules import executions
from typedflow.rules.options import CONCURRENCY, MAX_BYTES, TIMEOUT, Option, check_option
from typedflow.rules.wording import quoted
from typedflow.schema.layers import Resources
from typedflow.schema.resources import overrides_of
from typedflow.snapshot.documents import Format
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.reading import LARGEST_DOCUMENT, Source
from typedflow.stores.loops import run_sync
from typedflow.stores.records import PendingInterrupt

FORMATS: Final = get_args(Format)

C = TypeVar("C", covariant=True)
S = TypeVar("S")
T = TypeVar("T")


@final
@plainly_signed
class Execution(Generic[C]):
    """One run of a flow: made by `flow.create_execution()`, started once.

    It belongs to the event loop that runs it; only `emit` of a running one may be called from a callback of that loop.

    >>> execution = flow.create_execution()
    >>> execution.start(Request("birds"))
    <Status.WAITING: 'waiting'>
    >>> execution.continue_with("choose", "Sibley")
    <Status.COMPLETED: 'completed'>
    >>> execution.result, execution.state.found
    ('Sibley', ['Sibley', 'Svensson'])
    """

    __slots__ = ("__weakref__", "_runner", "_runtime")

    if TYPE_CHECKING:
        _runtime: ExecutionRuntime
        _runner: Runner

        def __init__(self, made_by_a_flow: Never, /) -> None: ...

    # -- what it is

    def __repr__(self) -> str:
        runtime = self._runtime
        asked = f" for {', '.join(map(quoted, self.interrupts))}" if self.interrupts else ""
        running = [runtime.plan.nodes[token.node].name for token in runtime.run.live]
        at = f" at {', '.join(map(quoted, running[:8]))}" if running else ""
        return (
            f"<Execution {quoted(self.id)} of flow {quoted(runtime.flow.name)}: {self.status}{asked}{at}{self._by()}>"
        )

    def _by(self) -> str:
        """Return the process that had the execution when it was opened, as text; "" once it has run here."""
        checkpoints = self._runtime.checkpoints
        other = None if checkpoints is None else checkpoints.other_holder
        return "" if other is None else f", run by {other[0]} until {other[1].isoformat(' ', 'seconds')} at least"

    @property
    def id(self) -> str:
        """Return the id, kept over save and load."""
        return self._runtime.id

    @property
    def status(self) -> Status:
        """Return the status of the execution."""
        return self._runtime.run.status

    @property
    def state(self: Execution[HasState[S]]) -> S:
        """Return the state; a required field that nothing has supplied is a `ContractError` that names it."""
        return self._runtime.require_state()  # type: ignore[return-value]  # an instance of the declared class

    @property
    def flow_state(self: Execution[HasFlowState[S]]) -> S:
        """Return the state that all executions of the flow share."""
        return self._runtime.flow.require_flow_state()  # type: ignore[return-value]  # an instance of the declared class

    @property
    def interrupts(self) -> Mapping[str, Interrupt]:
        """Return what the execution waits for, by interrupt id: pending ones only, those of child flows included.

        Each shows the type of its answer.

        >>> execution = flow.create_execution()
        >>> _ = execution.start(Request("birds"))
        >>> asked = execution.interrupts["choose"]
        >>> asked.step, asked.payload, asked.answer
        ('choose', ['Sibley', 'Svensson'], 'str')
        """
        return {
            id_: replace(paused.interrupt, answer=answer_type(runtime, paused))
            for id_, (runtime, paused) in questions_of(self._runtime).items()
        }

    @property
    def next_due(self) -> datetime | None:
        """Return the moment, in UTC, at which the next deadline or sleep is due; None where there is none."""
        return next_due(self._runtime)

    @property
    def errors(self) -> tuple[Exception, ...]:
        """Return the exceptions that steps have raised, first one first, those before a retry included.

        They are not saved, so that those of a loaded execution are those since the load: the text of an exception may
        hold what a resource holds (the password in a URL that could not be reached), and no text of a resource is ever
        written. Log them where they are raised. What failed is
        saved, as the steps that `async_retry` runs once more.
        """
        return tuple(self._runtime.run.errors or ())

    @property
    def result(self: Execution[GivesResult[S]]) -> S:
        """Return the result of a completed execution.

        Raises `NoResultError` where nothing set one, and `ExecutionError` while the execution is not completed.
        """
        run = self._runtime.run
        if run.status is not Status.COMPLETED:
            loaded = run.status is Status.FAILED and not run.errors
            raise ExecutionError(executions.no_result_problem(run.status, loaded=loaded).at(self._place))
        if run.result is not UNSET:
            return run.result  # type: ignore[no-any-return]  # checked when it was set
        if not run.plan.result_needed:
            return None  # type: ignore[return-value]  # the contract's result is None
        raise NoResultError(executions.no_result_problem(run.status, run.unfilled()).at(self._place))

    @property
    def _place(self) -> str:
        return self._runtime.name

    # -- running it

    async def async_start(self: Execution[TakesInput[T]], value: T, *, timeout: float | None = None) -> Status:
        """Run until nothing is ready or running; return `completed` or `waiting`.

        Raises the handler's own exception, with a note that names flow, step and execution, and TimeoutError after
        `timeout` seconds, which bounds the handlers too, but not a save that is under way. Everything that ran has
        stopped by then. The input, the state and the resources are checked before any handler runs. Where the store
        fails at the very end, the error says so in a note, and `async_retry` saves once more.
        """
        self._require(TIMEOUT, timeout)
        return await self._runner.start(value, timeout)

    def start(self: Execution[TakesInput[T]], value: T, *, timeout: float | None = None) -> Status:
        """Do what `async_start` does, in a loop of its own; refused inside a running loop."""
        return run_sync(lambda: self.async_start(value, timeout=timeout), "execution.start")

    async def async_retry(self, *, timeout: float | None = None) -> Status:
        """Run the failed and the cut-off steps once more, with the values that they had.

        For an execution that failed, or that was saved while it was running and has been loaded; or one that waits,
        where an event that was emitted meanwhile has started listeners. With a store it begins with a save. Where the
        run had come to its end and only the save of it failed, it is saved once more.

        >>> async def main() -> Status:
        ...     execution = flow.create_execution(runtime_resources={"library": {}})
        ...     try:
        ...         await execution.async_start(Request("birds"))
        ...     except KeyError as error:
        ...         print("failed:", error)
        ...     execution.update_runtime_resources(library={"birds": ["Sibley"]})
        ...     return await execution.async_retry()
        >>> asyncio.run(main())
        failed: 'birds'
        <Status.WAITING: 'waiting'>
        """
        self._require(TIMEOUT, timeout)
        return await self._runner.retry(timeout)

    def retry(self, *, timeout: float | None = None) -> Status:
        """Do what `async_retry` does, in a loop of its own; refused inside a running loop."""
        return run_sync(lambda: self.async_retry(timeout=timeout), "execution.retry")

    async def async_continue_with(
        self, interrupt: str | Interrupt | PendingInterrupt, value: Any = None, *, timeout: float | None = None
    ) -> Status:
        """Answer a pending interrupt and run on until nothing is ready or running.

        `interrupt` is the interrupt itself, from `execution.interrupts` or `store.pending()`, its key or its id. The
        interrupt and the key go to that question only: an older one, whose id stands for another question by now, is an
        `InterruptError`. An id goes to what is pending under it: where a loop asks again under one `interrupt_id`, give
        the interrupt or its key if the answer may come late. The ids that typedflow makes are used once.
        The value comes from outside: it may be of the declared type, or the plain data (as JSON has it) that decodes to
        it. It has to fit the return type of the step that paused, or the payload of its resume event; where the step
        declares no return type, what the next steps, collects and child flows take of it. A wrong one is an
        `InterruptError`, and so are an unknown and an answered interrupt; the interrupt stays pending. So it does where
        a required resource is missing. In a running execution the answer is taken at once, and the call waits for the
        end, for `timeout` seconds at the most; what stops the run is raised here too.

        >>> async def main() -> str:
        ...     execution = flow.create_execution()
        ...     await execution.async_start(Request("birds"))
        ...     await execution.async_continue_with("choose", "Sibley")
        ...     return execution.result
        >>> asyncio.run(main())
        'Sibley'
        """
        self._require(TIMEOUT, timeout)
        return await self._runner.go_on(lambda: self._runner.answer(interrupt, value), timeout)

    def continue_with(
        self, interrupt: str | Interrupt | PendingInterrupt, value: Any = None, *, timeout: float | None = None
    ) -> Status:
        """Do what `async_continue_with` does, in a loop of its own; refused inside a running loop."""
        return run_sync(lambda: self.async_continue_with(interrupt, value, timeout=timeout), "execution.continue_with")

    async def async_settle(self, *, timeout: float | None = None) -> Status:
        """Resume what is due, and run until nothing is ready or running; return the status.

        A question whose deadline has passed gets its default answer, or its step fails with TimeoutError; a step that
        sleeps goes on. Where nothing is due, nothing is run or written. `next_due` is when to call it. Opening and
        listing never do this: only a call that runs the execution does, so `async_continue_with` and `async_retry` too.

        >>> async def main() -> Status:
        ...     execution = asking.create_execution()
        ...     await execution.async_start("ok?")
        ...     clock.advance(timedelta(days=3))
        ...     return await execution.async_settle()
        >>> class Ask(Contract):
        ...     input: str
        ...     result: str
        >>> def ask(data: Data[Ask, str]) -> str:
        ...     return data.pause_for(data.value, deadline=timedelta(days=3), default="no")
        >>> asking = Flow(Ask)
        >>> asking.to(ask).end()
        >>> with fake_clock() as clock:
        ...     asyncio.run(main())
        <Status.COMPLETED: 'completed'>
        """
        self._require(TIMEOUT, timeout)
        return await self._runner.settle(timeout)

    def settle(self, *, timeout: float | None = None) -> Status:
        """Do what `async_settle` does, in a loop of its own; refused inside a running loop."""
        return run_sync(lambda: self.async_settle(timeout=timeout), "execution.settle")

    async def async_cancel(self) -> Status:
        """Cancel what runs and wait until it has stopped; return `cancelled`, or `completed` if it was that.

        The task that awaits the run gets CancelledError. If the store fails, a second call saves once more. If another
        process saved first, this raises `ConflictError`, and what stood still is as it was.
        """
        return await self._runner.cancel()

    def cancel(self) -> Status:
        """Do what `async_cancel` does, in a loop of its own; refused inside a running loop."""
        return run_sync(self.async_cancel, "execution.cancel")

    def emit(self, event: str, payload: Any = None) -> None:
        """Emit an event from outside: its listeners start at once in a running execution, else with the next run.

        An execution that waits goes on with its next answer, or at once by `await execution.async_retry()`. What an
        event has started and not yet run is saved with the execution.
        """
        self._runner.emit(event, payload)

    def stream(
        self: Execution[TakesInputGivesStream[T, S]], value: T, *, timeout: float | None = None
    ) -> AsyncGenerator[S, None]:
        """Start with `value` and yield the items that the handlers put, in order.

        It ends when the execution stops running, and raises its failure then. Leaving the loop early cancels the run as
        soon as the generator is closed: `async with contextlib.aclosing(execution.stream(value)) as items` closes it,
        waits until the run has stopped, and raises an error that failed it.

        >>> def write(data: Data[Review, Request]) -> str:
        ...     data.put("one")
        ...     data.put("two")
        ...     return data.value.topic
        >>> writing = Flow(Review)
        >>> writing.to(write).end()
        >>> async def main() -> None:
        ...     execution = writing.create_execution(runtime_resources=tools)
        ...     async with aclosing(execution.stream(Request("birds"))) as items:
        ...         async for item in items:
        ...             print(item)
        >>> asyncio.run(main())
        one
        two
        """
        self._require_stream()
        self._require(TIMEOUT, timeout)
        return self._runner.streamed(lambda: self._runner.enter(value), timeout)

    def stream_continue(
        self: Execution[GivesStream[S]],
        interrupt: str | Interrupt | PendingInterrupt,
        value: Any = None,
        *,
        timeout: float | None = None,
    ) -> AsyncGenerator[S, None]:
        """Answer a pending interrupt, as `async_continue_with` does, and yield the items that the handlers put.

        In a running execution whose stream is read already, the items still go to that reader.
        """
        self._require_stream()
        self._require(TIMEOUT, timeout)
        return self._runner.streamed(lambda: self._runner.answer(interrupt, value), timeout)

    def stream_retry(self: Execution[GivesStream[S]], *, timeout: float | None = None) -> AsyncGenerator[S, None]:
        """Run what failed once more, as `async_retry` does, and return the items that the handlers put."""
        self._require_stream()
        self._require(TIMEOUT, timeout)
        return self._runner.streamed_retry(timeout)

    def _require(self, option: Option, given: object) -> None:
        problem = check_option(option, given)
        if problem is not None:
            raise ContractError(problem.at(self._place))

    def _require_stream(self) -> None:
        if self._runtime.plan.check_stream is None:
            raise ContractError(executions.undeclared_stream_problem(self._runtime.plan.spec.name).at(self._place))

    # -- saving and loading

    def save(self, path: str | os.PathLike[str] | None = None, format: Format = "json") -> Snapshot:
        """Return the execution as a snapshot, at any time from the loop's thread; with `path` write it to a file too.

        Running steps are saved as ready: they are run again after a load, with the same `data.key`. Resources are not
        saved, only their keys. What was encoded is decoded again and compared before it counts as saved: what would not
        come back equal and of the same type is a `SnapshotError` that names its path. The file takes its place at once,
        or the old one stays.

        >>> execution = flow.create_execution()
        >>> _ = execution.start(Request("birds"))
        >>> saved = execution.save().to_bytes()
        >>> again = flow.create_execution().load(saved)
        >>> again.continue_with("choose", "Svensson"), again.result
        (<Status.COMPLETED: 'completed'>, 'Svensson')
        """
        if not isinstance(format, str) or format not in FORMATS:
            raise ContractError(executions.wrong_choice_problem("format", format, FORMATS).at(self._place))
        if path is not None and not isinstance(path, str | os.PathLike):
            raise ContractError(executions.no_path_problem(path).at(self._place))
        checkpoints = self._runtime.checkpoints
        sequence = (checkpoints.sequence or 0) if checkpoints is not None else self._runtime.saves + 1
        shared = self._runtime.shares_flow_state
        with self._runtime.concealing():
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
        max_bytes: int = LARGEST_DOCUMENT,
    ) -> Execution[C]:
        """Take over what was saved, all or nothing: a Snapshot, a mapping, JSON text or bytes, MessagePack or a path.

        A str is always text; a file is given as a `Path`. Gives the execution itself, with the saved id, ready for
        `async_continue_with`, or for `async_retry` where it was running or had failed. Raises `SnapshotError` with the
        path and the reason, and changes nothing, for whatever is not exactly what this flow has saved; FinishedError
        where this execution was started already. `max_bytes` bounds the document before it is decoded.
        """
        self._require(MAX_BYTES, max_bytes)
        with self._runtime.concealing(overrides(runtime_resources).values()):
            load_into(self._runtime, source, runtime_resources, max_bytes)
        return self

    def missing_resources(self) -> list[str]:
        """Return the keys that are not supplied, sorted: required ones, and those at hand when this was saved.

        The saved ones are kept, over further saves and loads too, until the execution runs on without them.
        """
        return missing_keys(self._runtime)

    # -- resources from outside

    def update_runtime_resources(self, given: Resources | Mapping[str, Any] | None = None, /, **resources: Any) -> None:
        """Set resources of this execution; values are checked against their declared classes, all or nothing."""
        self._runtime.resources.give({**overrides(given), **resources})

    def set_runtime_resource(self, key: str, value: Any) -> None:
        """Set one resource of this execution."""
        self._runtime.resources.flow.require_key(key)
        self._runtime.resources.give({key: value})

    def get_runtime_resource(self, key: str, default: Any = None) -> Any:
        """Return a resource as a handler of this execution would see it."""
        return self._runtime.resources.get(key, default)

    def del_runtime_resource(self, key: str) -> None:
        """Uncover the flow's default."""
        self._runtime.del_resource(key)


def overrides(given: Resources | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what a resources argument supplies."""
    return {} if given is None else overrides_of(given)


def inside_of(execution: Execution[Any]) -> tuple[ExecutionRuntime, Runner]:
    """Return what is behind an `Execution`, for the packages above this one."""
    return execution._runtime, execution._runner  # noqa: SLF001  # the one way behind the facade


def execution_of(runtime: ExecutionRuntime, concurrency: int | None = None) -> Execution[Any]:
    """Return the facade of an execution. Users do not make one: so it has no `__init__` that `help` would show."""
    made: Execution[Any] = object.__new__(Execution)
    made._runtime = runtime  # noqa: SLF001  # in the place of an __init__
    made._require(CONCURRENCY, concurrency)  # noqa: SLF001  # in the place of an __init__
    made._runner = Runner(runtime, concurrency)  # noqa: SLF001  # in the place of an __init__
    return made
