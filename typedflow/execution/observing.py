"""Observers: what happens in an execution, as frozen records. They only watch: none can change or fail a run.

    def show(record: Record) -> None:
        match record:
            case StepFailed(step=step, error=error):
                print(f"{step} failed: {error}")
            case ItemEnded(step=step, done=done, total=total):
                print(f"{step}: {done} of {total}")

    flow.observe(show)

Records are in the order of what happened, on the loop of the execution, those of child flows and of steps in threads
too. A load makes none; a step that runs again makes a second `StepStarted` with the same key.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any, Final, Protocol, TypeAlias, final

import msgspec

from typedflow.engine.plan import Kind, Plan
from typedflow.engine.run import Run
from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt, Token
from typedflow.execution.failures import class_name
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.rules.concealment import redacted
from typedflow.rules.wording import text_of
from typedflow.schema.callables import discard, is_deferred

logger: Final = logging.getLogger("typedflow")


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """Share the fields of all records: which execution of which flow, and when."""

    execution: str
    """The id of the execution; of a child flow the child's own."""
    flow: str
    time: float
    """Seconds since the epoch."""


class _StepRecord(_Record, frozen=True, kw_only=True):
    """Share the fields of the records of a step, of the conditions of a match too."""

    step: str
    """The name of the node."""
    key: str
    """The idempotency key: the same for all records of one step, over retries, re-runs and loads."""


@final
class ExecutionStarted(_Record, frozen=True):
    """An execution begins to run: at its start, or behind an answer or a retry.

    >>> flow.observe(lambda record: isinstance(record, ExecutionStarted) and print(record.status))
    >>> status = flow.create_execution().start(Request("birds"))
    running
    """

    status: Status
    """`running`, or `waiting` where nothing has become ready yet."""


@final
class ExecutionEnded(_Record, frozen=True):
    """An execution has stopped running: it is completed, waiting, failed or cancelled.

    >>> flow.observe(lambda record: isinstance(record, ExecutionEnded) and print(record.status))
    >>> status = flow.create_execution().start(Request("birds"))
    waiting
    """

    status: Status
    error: str = ""
    """The class of the error that stopped it; empty without one."""


@final
class StepStarted(_StepRecord, frozen=True):
    """A step begins with its first attempt.

    >>> flow.observe(lambda record: isinstance(record, StepStarted) and print(record.step))
    >>> status = flow.create_execution().start(Request("birds"))
    search
    choose
    """


@final
class StepEnded(_StepRecord, frozen=True):
    """A step has returned.

    >>> flow.observe(lambda record: isinstance(record, StepEnded) and print(record.step, record.seconds < 60))
    >>> status = flow.create_execution().start(Request("birds"))
    search True
    """

    seconds: float


@final
class StepFailed(_StepRecord, frozen=True):
    """The last attempt of a step has failed, or the step was cancelled.

    >>> flow.observe(lambda record: isinstance(record, StepFailed) and print(record.step, record.error))
    >>> try:
    ...     flow.start(Request("cats"))
    ... except KeyError:
    ...     pass
    search KeyError
    """

    error: str
    """The name of the exception's class."""
    text: str
    """The exception as `str()` renders it, with '…' for text of the resources in use."""
    seconds: float
    caught: bool
    """The failure became a value: an `on_error` handler gets it, or it is the result of an item."""


@final
class StepRetried(_StepRecord, frozen=True):
    """An attempt of a step has failed, and another one follows after `wait` seconds.

    >>> def count(data: Data[Count, list[str]]) -> int:
    ...     if data.attempt == 1:
    ...         raise OSError("the line is busy")
    ...     return len(data.value)
    >>> counting = Flow(Count)
    >>> counting.to(count, retry=Retry(attempts=2)).end()
    >>> counting.observe(lambda record: isinstance(record, StepRetried) and print(record.attempt, record.error))
    >>> counting.start(["a"])
    2 OSError
    1
    """

    attempt: int
    """The number of the attempt that follows; the first one is 1."""
    error: str
    wait: float


@final
class StepPaused(_StepRecord, frozen=True):
    """A step waits for an answer.

    >>> flow.observe(lambda record: isinstance(record, StepPaused) and print(record.interrupt.payload))
    >>> status = flow.create_execution().start(Request("birds"))
    ['Sibley', 'Svensson']
    """

    interrupt: Interrupt


@final
class Answered(_Record, frozen=True):
    """An answer was accepted.

    >>> flow.observe(lambda record: isinstance(record, Answered) and print(record.interrupt))
    >>> execution = flow.create_execution()
    >>> status = execution.start(Request("birds"))
    >>> status = execution.continue_with("choose", "Sibley")
    choose
    """

    interrupt: str
    """The id of the interrupt."""


@final
class ChildEntered(_StepRecord, frozen=True):
    """A child flow begins, at a node of this execution.

    >>> inner, outer = Flow(Count, name="inner"), Flow(Count, name="outer")
    >>> inner.for_each().to(length).end_for_each().to(total).end()
    >>> outer.to_sub_flow(inner).end()
    >>> outer.observe(lambda record: isinstance(record, ChildEntered) and print(record.child_flow))
    >>> outer.start(["a", "bb"])
    inner
    3
    """

    child: str
    """The id of the child execution."""
    child_flow: str


@final
class ChildLeft(_StepRecord, frozen=True):
    """A child flow has ended and its result was taken, or its failure became a value.

    >>> inner, outer = Flow(Count, name="inner"), Flow(Count, name="outer")
    >>> inner.for_each().to(length).end_for_each().to(total).end()
    >>> outer.to_sub_flow(inner).end()
    >>> outer.observe(lambda record: isinstance(record, ChildLeft) and print(record.status))
    >>> outer.start(["a", "bb"])
    completed
    3
    """

    child: str
    status: Status


@final
class ItemEnded(_Record, frozen=True):
    """An item of a for_each has its result.

    >>> counting = Flow(Count)
    >>> counting.for_each().to(length).end_for_each().to(total).end()
    >>> counting.observe(lambda record: isinstance(record, ItemEnded) and print(f"{record.done} of {record.total}"))
    >>> counting.start(["a", "bb"])
    1 of 2
    2 of 2
    3
    """

    step: str
    """The name of the for_each."""
    item: int
    """The index of the item, from 0."""
    done: int
    total: int
    failed: bool
    """The result is a `Failed`."""


@final
class Saved(_Record, frozen=True):
    """An execution was saved in its store.

    >>> flow.observe(lambda record: isinstance(record, Saved) and print(record.sequence, record.bytes > 0))
    >>> status = flow.create_execution(store=MemoryStore()).start(Request("birds"))
    1 True
    ...
    """

    sequence: int
    bytes: int
    seconds: float
    """From the begin of the encoding to the confirmation of the store."""
    parts: int = 1


Record: TypeAlias = (
    ExecutionStarted
    | ExecutionEnded
    | StepStarted
    | StepEnded
    | StepFailed
    | StepRetried
    | StepPaused
    | Answered
    | ChildEntered
    | ChildLeft
    | ItemEnded
    | Saved
)


class Observer(Protocol):
    """A function of a record. It returns soon, as the execution waits for it; what it returns is dropped.

    >>> def show(record: object) -> None:
    ...     print(type(record).__name__)
    >>> flow.observe(show)
    """

    def __call__(self, record: Record, /) -> object:
        """Take a record."""
        ...


class Observed(Protocol):
    """An execution, as far as records need it."""

    @property
    def id(self) -> str:
        """The id of the execution."""
        ...

    @property
    def flow(self) -> FlowRuntime:
        """What the executions of the flow share."""
        ...

    @property
    def plan(self) -> Plan:
        """The plan of the flow."""
        ...

    @property
    def run(self) -> Run:
        """The run of the execution."""
        ...

    @property
    def parent(self) -> tuple[Observed, Token] | None:
        """The execution that a child belongs to, and the token that waits for it there."""
        ...

    def key(self, token: Token) -> str:
        """Return the idempotency key of a step."""
        ...


class Observers:
    """Pass records on to the observers of one execution and its children; one that raises is reported and dropped."""

    __slots__ = ("_observers", "_started")

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = list(observers)
        self._started: dict[Token, float] = {}

    def tell(self, record: Record) -> None:
        """Call every observer with a record."""
        for observer in tuple(self._observers):
            try:
                returned: object = observer(record)
            except Exception:
                self._observers.remove(observer)
                logger.exception("observer %r raised, and is dropped", observer)
            else:
                if is_deferred(returned) and not isinstance(returned, asyncio.Future):
                    discard(returned)
                    self._observers.remove(observer)
                    logger.error("observer %r returned %r, which is not awaited, and is dropped", observer, returned)

    # -- the records, from what the driver knows

    def execution_started(self, runtime: Observed, status: Status) -> None:
        """Report that an execution is being driven."""
        self.tell(ExecutionStarted(**_of(runtime), status=status))

    def execution_ended(self, runtime: Observed, error: BaseException | None) -> None:
        """Report that an execution is not driven any more."""
        name = "" if error is None else redacted(class_name(error))
        self.tell(ExecutionEnded(**_of(runtime), status=runtime.run.status, error=name))

    def step_started(self, runtime: Observed, token: Token) -> None:
        """Report that a worker is at a step; a child flow has records of its own."""
        if runtime.plan.nodes[token.node].kind != Kind.CHILD:
            self._started[token] = time.perf_counter()
            self.tell(StepStarted(**_at(runtime, token)))

    def step_ended(self, runtime: Observed, token: Token) -> None:
        """Report the end of a step."""
        self.tell(StepEnded(**_at(runtime, token), seconds=self._seconds(token)))

    def step_paused(self, runtime: Observed, token: Token, interrupt: Interrupt) -> None:
        """Report a pause."""
        self._started.pop(token, None)
        self.tell(StepPaused(**_at(runtime, token), interrupt=interrupt))

    def step_retried(self, runtime: Observed, token: Token, error: Exception, attempt: int, wait: float) -> None:
        """Report that another attempt follows."""
        self.tell(StepRetried(**_at(runtime, token), attempt=attempt, error=redacted(class_name(error)), wait=wait))

    def step_failed(self, runtime: Observed, token: Token, error: BaseException, *, caught: bool) -> None:
        """Report the failure of a step that has started; that of a child flow is reported for its own step."""
        if token not in self._started:
            return
        text = "" if isinstance(error, asyncio.CancelledError) else redacted(text_of(error))
        name = redacted(class_name(error))
        seconds = self._seconds(token)
        self.tell(StepFailed(**_at(runtime, token), error=name, text=text, seconds=seconds, caught=caught))

    def answered(self, runtime: Observed, interrupt_id: str) -> None:
        """Report an answer."""
        self.tell(Answered(**_of(runtime), interrupt=interrupt_id))

    def child_entered(self, child: Observed) -> None:
        """Report the begin of a child flow."""
        assert child.parent is not None
        runtime, token = child.parent
        self.tell(ChildEntered(**_at(runtime, token), child=child.id, child_flow=child.flow.name))

    def child_left(self, child: Observed, status: Status) -> None:
        """Report the end of a child flow."""
        assert child.parent is not None
        runtime, token = child.parent
        self.child_taken(runtime, token, child.id, status)

    def child_submitted(self, runtime: Observed, token: Token, child: str) -> None:
        """Report the begin of a remote child."""
        flow = runtime.plan.nodes[token.node].child.name
        self.tell(ChildEntered(**_at(runtime, token), child=child, child_flow=flow))

    def child_taken(self, runtime: Observed, token: Token, child: str, status: Status) -> None:
        """Report the end of a child, by its id."""
        self.tell(ChildLeft(**_at(runtime, token), child=child, status=status))

    def items_ended(self, runtime: Observed) -> None:
        """Report the items of for_each blocks that have their results since the last call."""
        filled, runtime.run.item_results = runtime.run.item_results, []
        for block, item, done, failed in filled or ():
            node = runtime.plan.nodes[block.node]
            if node.kind == Kind.EACH:
                record = ItemEnded(
                    **_of(runtime), step=node.name, item=item, done=done, total=len(block.slots), failed=failed
                )
                self.tell(record)

    def saved(self, runtime: Observed, sequence: int, size: int, seconds: float) -> None:
        """Report a save."""
        self.tell(Saved(**_of(runtime), sequence=sequence, bytes=size, seconds=seconds))

    def _seconds(self, token: Token) -> float:
        began = self._started.pop(token, None)
        return 0.0 if began is None else time.perf_counter() - began


def _of(runtime: Observed) -> dict[str, Any]:
    return {"execution": runtime.id, "flow": runtime.flow.name, "time": time.time()}


def _at(runtime: Observed, token: Token) -> dict[str, Any]:
    return {**_of(runtime), "step": runtime.plan.nodes[token.node].name, "key": runtime.key(token)}
