"""The asyncio driver: it takes ready tokens of one tree of runs, calls handlers, and tells the runs what happened.

One worklist serves the whole tree. A worker takes a token, awaits its step *in place* and goes on with what that made
ready, so a chain costs no task. Only when a token is left over while an asynchronous step is about to run is another
worker started, which does the same; workers never outnumber the execution's `concurrency`. They live in one TaskGroup:
the first failure cancels the others, all are awaited, then the failure itself is raised.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import CancelledError
from collections import deque
from collections.abc import Coroutine, Iterable
from datetime import datetime
from typing import Any, Final

from typedflow.engine.plan import Kind, PlanNode
from typedflow.engine.status import Status
from typedflow.engine.tokens import Token
from typedflow.errors import ChildFailedError, ContractError, ExecutionError, NoResultError
from typedflow.execution import failpoints
from typedflow.execution.catching import Catching, Region, can_be_value, find_region, items_around
from typedflow.execution.checkpointer import MAXIMUM_BLOCKING_TIME, Checkpointer
from typedflow.execution.children import enter_child, leave_child
from typedflow.execution.deadlines import Alarm
from typedflow.execution.failures import add_note, is_a
from typedflow.execution.pauses import holds_pause
from typedflow.execution.remote_children import submit_child, take_child
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.execution.steps import take_step
from typedflow.rules import executions
from typedflow.schema.writing import current_step

YIELD_INTERVAL: Final = 64
"""Steps in a row after which a worker lets the loop run, so that timeouts and cancellation reach endless loops."""
CLOCK_CHECK_INTERVAL: Final = 8
"""Steps in a row after which a worker reads the clock: past `MAXIMUM_BLOCKING_TIME` it lets the loop run earlier."""


class _Stop(Exception):
    """Ends the group of workers; the driver keeps the reason."""


class Driver:
    """Drive one tree of executions until nothing is ready or running."""

    __slots__ = (
        "alarm",
        "cancel_asked",
        "catching",
        "checkpoints",
        "creating",
        "failure",
        "group",
        "limit",
        "loop",
        "ready",
        "sink",
        "spawning",
        "stopping",
        "tasks",
        "thread",
        "workers",
        "yielded_at",
    )

    def __init__(self, limit: int | None, checkpoints: Checkpointer | None = None) -> None:
        self.checkpoints = checkpoints
        self.alarm: Alarm | None = None
        """Rings when something that pauses or sleeps is due; it lives as long as the driver."""
        self.catching: Catching | None = None
        """From the first execution on whose flow turns failures of items or child flows into values."""
        self.ready: deque[tuple[ExecutionRuntime, Token]] = deque()
        self.limit = limit or 1_000_000_000
        self.workers = 0
        self.spawning = False
        """A worker was begun and has not come to its first token yet."""
        self.creating = False
        """A task is being created: what runs meanwhile is run by an eager task factory."""
        self.stopping = False
        self.cancel_asked = False
        self.failure: Exception | None = None
        self.group: asyncio.TaskGroup | None = None
        self.loop = asyncio.get_running_loop()
        self.thread = threading.current_thread()
        self.yielded_at = self.loop.time()
        self.tasks: set[asyncio.Task[Any] | None] = {asyncio.current_task()}
        self.sink: asyncio.Queue[Any] | None = None

    # -- from outside

    async def drive(self) -> Exception | None:
        """Work until nothing is left; return the first failure, after everything else has stopped."""
        while not self.cancel_asked:
            await self._work_together()
            if self.failure is not None or not self.ready:
                break
        if self.cancel_asked and self.failure is None:
            raise CancelledError
        return self.failure

    async def _work_together(self) -> None:
        outer = current_step.get()
        self.workers = 1
        try:
            async with asyncio.TaskGroup() as group:
                self.group = group
                await self._work()
        except BaseExceptionGroup as stopped:
            others = [error for error in stopped.exceptions if not is_a(error, _Stop)]
            if others and self.failure is None:
                raise others[0] from None
        finally:
            self.group = None
            current_step.set(outer)

    def push(self, runtime: ExecutionRuntime, tokens: Iterable[Token]) -> None:
        """Take tokens that became ready outside of a worker, and start a worker for them if one is needed.

        Without a worker the group is about to end, or has not begun: `drive` then finds them.
        """
        self._expect_failures(runtime)
        for token in tokens:
            self.ready.append((runtime, token))
        if self.group is not None and self.ready and not self.spawning and 0 < self.workers < self.limit:
            self._spawn()

    def note_deadline(self, moment: datetime) -> None:
        """Check at this moment whether something is due; callable from the loop's thread."""
        if self.alarm is not None:
            self.alarm.note(moment)

    def _expect_failures(self, runtime: ExecutionRuntime) -> None:
        """Keep account of what the workers do, from the first flow on that turns failures of its parts into values."""
        if runtime.plan.catches and self.catching is None:
            self.catching = Catching()

    def is_worker(self, task: object) -> bool:
        """Return whether steps run in this task."""
        return task in self.tasks

    def deliver(self, item: Any) -> None:
        """Send an item to the reader of the stream, if there is one; callable from any thread."""
        if self.sink is not None:
            if threading.current_thread() is self.thread:
                self.sink.put_nowait(item)
            else:
                self.loop.call_soon_threadsafe(self.sink.put_nowait, item)

    def listen(self, sink: asyncio.Queue[Any] | None) -> bool:
        """Send stream items to a queue, unless one gets them already; None ends that. Returns whether this changed."""
        if sink is not None and self.sink is not None:
            return False
        self.sink = sink
        return True

    def cancel(self) -> None:
        """Cancel everything that runs; `drive` raises CancelledError when it has stopped."""
        self.cancel_asked = True
        self._stop()

    def fail(self, error: Exception) -> None:
        """Stop everything that runs for an error outside of all steps; `drive` raises it when it has stopped."""
        self.failure = self.failure or error
        self._stop()

    def _stop(self) -> None:
        if self.group is not None and not self.stopping:
            self._start(self._halt())

    async def _halt(self) -> None:
        await self._be_created()
        self.stopping = True
        raise _Stop

    # -- workers

    def _spawn(self) -> None:
        self.spawning = True
        self.workers += 1
        if not self._start(self._helper()):
            self.spawning = False
            self.workers -= 1

    def _start(self, work: Coroutine[Any, Any, None]) -> bool:
        """Start a task in the group; one that is coming down takes none, which it can be asked in no other way."""
        assert self.group is not None
        self.creating = True
        try:
            self.group.create_task(work)
        except RuntimeError:
            work.close()
            return False
        finally:
            self.creating = False
        return True

    async def _be_created(self) -> None:
        """Return once the task that runs this has been created.

        An eager task factory runs it before: what it began would nest as deep as there are tokens, and a failure would
        be lost on the TaskGroup, which does not know the task yet (cpython#128550).
        """
        if self.creating:
            await asyncio.sleep(0)

    async def _helper(self) -> None:
        await self._be_created()
        self.spawning = False
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self._work()
        finally:
            self.tasks.discard(task)

    async def _work(self) -> None:
        """Take tokens until there are none."""
        ready, steps = self.ready, 0
        saves = self.checkpoints is not None and self.checkpoints.each_step  # so that every step waits
        task = asyncio.current_task()
        assert task is not None
        asked = task.cancelling()
        try:
            while ready and not self.stopping:
                if task.cancelling() > asked:  # the handler before has swallowed it
                    raise CancelledError
                runtime, token = ready.popleft()
                node = runtime.plan.nodes[token.node]
                if node.kind == Kind.CHILD and self._is_taken(runtime, token):
                    continue
                if ready and not self.spawning and self.workers < self.limit and (saves or may_suspend(node)):
                    self._spawn()
                steps += 1
                if steps % CLOCK_CHECK_INTERVAL == 0:
                    await self._let_the_loop_run(always=steps % YIELD_INTERVAL == 0)
                if self.catching is not None and not self.catching.begin(task, runtime, token):
                    continue
                if runtime.observers is not None:
                    runtime.observers.step_started(runtime, token)
                try:
                    if self.checkpoints is not None:
                        failpoints.at("step.taken")
                    if node.kind == Kind.CHILD:
                        runtime, tokens = self._enter(runtime, token, node)
                    else:
                        tokens = await take_step(runtime, token, node)
                    while not tokens and not runtime.run.live and runtime.parent is not None:
                        runtime, tokens = self._leave(runtime)
                    if self.catching is not None:
                        self.catching.ended(task)
                    if self.checkpoints is not None and not self._submits_more(node):
                        await self._ended(self.checkpoints)
                        tokens = [new for new in tokens if new in runtime.run.live]
                except BaseException as error:
                    runtime, tokens = await self._recover(runtime, token, error, task, asked)
                if runtime.observers is not None:
                    runtime.observers.items_ended(runtime)
                for new in tokens:
                    ready.append((runtime, new))
        finally:
            self.workers -= 1

    async def _let_the_loop_run(self, *, always: bool) -> None:
        """Yield to timers, signals and other tasks; unless `always`, only after `MAXIMUM_BLOCKING_TIME`."""
        if always or self.loop.time() > self.yielded_at + MAXIMUM_BLOCKING_TIME:
            await asyncio.sleep(0)
            self.yielded_at = self.loop.time()

    def _is_taken(self, runtime: ExecutionRuntime, token: Token) -> bool:
        """Return whether the child behind a token was left already, or goes on by itself since an answer came for it.

        One that has waited for a place of its step, and has it now, goes on by itself from here.
        """
        child = None if runtime.children is None else runtime.children.get(token)
        if child is not None and child.queued:
            child.queued = False
            for open_ in child.tree():
                self.push(open_, open_.ready())
        return token not in runtime.run.live or (child is not None and bool(child.run.live))

    async def _ended(self, checkpoints: Checkpointer) -> None:
        failpoints.at("step.ended")
        if checkpoints.each_step:
            await checkpoints.commit()

    def _submits_more(self, node: PlanNode) -> bool:
        """Return whether another remote child follows at once: one save inserts both."""
        if not node.remote or not self.ready:
            return False
        runtime, token = self.ready[0]
        return runtime.plan.nodes[token.node].remote and token in runtime.run.live

    def _enter(self, runtime: ExecutionRuntime, token: Token, node: PlanNode) -> tuple[ExecutionRuntime, list[Token]]:
        """Start the child that a token stands in front of, or leave the open one, which has nothing more to run."""
        outcome = runtime.run.outcome_of(token)
        if outcome is not None:
            return runtime, take_child(runtime, token, node, outcome)
        child = None if runtime.children is None else runtime.children.get(token)
        if child is not None:
            return self._leave(child)
        if node.remote:
            return runtime, submit_child(runtime, token, node)
        entered = enter_child(runtime, token, node)
        self._expect_failures(entered[0])
        if self.checkpoints is not None:
            failpoints.at("child.entered")
        return entered

    def _leave(self, child: ExecutionRuntime) -> tuple[ExecutionRuntime, list[Token]]:
        """Continue in the parent of a child whose run is over; return the parent and what became ready in it."""
        assert child.parent is not None
        parent, token = child.parent
        if child.run.settle() is Status.WAITING:
            return parent, parent.run.child_waits(token)
        tokens = leave_child(child)
        if self.checkpoints is not None:
            failpoints.at("child.left")
        return parent, tokens

    async def _recover(
        self, runtime: ExecutionRuntime, token: Token, error: BaseException, task: asyncio.Task[Any], asked: int
    ) -> tuple[ExecutionRuntime, list[Token]]:
        """Continue after a step that raised, if it was stopped with its part, or if its failure becomes a value.

        Raises `_Stop` where it fails the run, or what it raised where that is no failure.
        """
        is_left = runtime.run.status is Status.COMPLETED and runtime.parent is not None
        if is_left and runtime.parent is not None:  # what its parent takes of it failed
            runtime, token = runtime.parent
        elif type(error) in (ChildFailedError, NoResultError) and runtime.plan.nodes[token.node].kind == Kind.CHILD:
            is_left = True  # a remote one
        node, catching, observers = runtime.plan.nodes[token.node], self.catching, runtime.observers
        if observers is not None and not is_left:
            caught = catching is not None and can_be_value(error) and find_region(runtime, token, is_left=False)
            observers.step_failed(runtime, token, error, caught=bool(caught))
        if catching is not None and self._was_stopped(catching, error, task, asked):
            return runtime, []
        failure = self._failure_of(runtime, node, error, cancelled=task.cancelling() > asked)
        if failure is None:
            raise error
        if catching is not None and not self.stopping and can_be_value(failure):
            region = find_region(runtime, token, is_left=is_left)
            if region is not None:
                try:
                    await catching.stop(region)
                    if region.is_open():
                        return await self._close(region, failure, (runtime.run.attempts or {}).get(token, 1))
                except CancelledError as stopped:
                    if self._was_stopped(catching, stopped, task, asked):
                        return runtime, []
                    raise
                except Exception as fault:  # what follows cannot take it, or the store failed
                    failure = fault
                finally:
                    catching.ended(task)
        self._fail(runtime, token, failure)
        raise _Stop from None

    def _was_stopped(self, catching: Catching, error: BaseException, task: asyncio.Task[Any], asked: int) -> bool:
        """Return whether a step raised because its part was stopped, and nothing else has to stop."""
        if not catching.is_stopped(task):
            return False
        catching.ended(task)
        goes_on = task.cancelling() <= asked and not self.stopping and not self.cancel_asked
        return goes_on and (is_a(error, CancelledError) or is_a(error, Exception))

    async def _close(self, region: Region, failure: Exception, attempts: int) -> tuple[ExecutionRuntime, list[Token]]:
        """Turn a failure into a value; returns the execution that goes on, and what became ready in it."""
        runtime = region.runtime
        tokens = region.close(failure, attempts)
        left = [(other, token) for other, token in self.ready if token in other.run.live]
        self.ready.clear()
        self.ready.extend(left)
        if not tokens and not runtime.run.live and runtime.parent is not None:
            runtime, token = runtime.parent  # a child flow that has nothing more to run
            tokens = [token]
        if self.checkpoints is not None:
            await self._ended(self.checkpoints)
        return runtime, [token for token in tokens if token in runtime.run.live]

    def _failure_of(
        self, runtime: ExecutionRuntime, node: PlanNode, error: BaseException, *, cancelled: bool
    ) -> Exception | None:
        """Return the error that a step failed with; None if it was cancelled from outside, or its error ends all.

        `cancelled` says whether this worker's task was cancelled.
        """
        if is_a(error, BaseExceptionGroup):
            return swallowed_pause(runtime, node, error)
        if is_a(error, CancelledError):
            if cancelled or self.stopping or self.cancel_asked:
                return None
            return cancelled_inside(node, error)
        return error if is_a(error, Exception) else None

    def _fail(self, runtime: ExecutionRuntime, token: Token, error: Exception) -> None:
        """Note a failure where it happened and in all that wait for it; the first one is what `drive` raises."""
        name = runtime.plan.nodes[token.node].name
        add_note(error, f"in {runtime.place(name)}{items_around(runtime, token)}, execution '{runtime.id}'")
        above: ExecutionRuntime | None = runtime
        while above is not None:
            if not any(known is error for known in above.run.errors or ()):
                above.run.failed(error)
            above = None if above.parent is None else above.parent[0]
        self.failure = self.failure or error
        self.stopping = True


def swallowed_pause(
    runtime: ExecutionRuntime, node: PlanNode, error: BaseExceptionGroup[BaseException]
) -> Exception | None:
    """Turn a group that a handler raised into the failure of its step: itself, or the pause that was lost in it."""
    if holds_pause(error):
        failure = ContractError(executions.pause_in_group_problem().at(runtime.place(node.name)))
        failure.__cause__ = error
        return failure
    return error if is_a(error, Exception) else None


def may_suspend(node: PlanNode) -> bool:
    """Return whether a worker may have to wait in this node, so that others should go on with what is ready."""
    return node.is_async or not node.plain or node.kind == Kind.MATCH


def cancelled_inside(node: PlanNode, error: CancelledError) -> Exception:
    """Turn a CancelledError without a cancel() into a failure: a task group would drop it, and the token with it."""
    failure = ExecutionError(executions.cancelled_inside_problem(node.name))
    failure.__cause__ = error
    return failure
