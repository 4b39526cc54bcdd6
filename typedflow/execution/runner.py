"""How one execution is run: it is entered, answered, driven until nothing is left, retried and cancelled.

`Execution` is the facade of this; the driver below it works on the tokens.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any

from typedflow.engine.plan import PlanNode
from typedflow.engine.status import FINAL, Status
from typedflow.engine.tokens import UNSET, ChildOutcome, Interrupt, Paused, Token
from typedflow.errors import ConflictError, ContractError, ExecutionError, FinishedError
from typedflow.execution import failpoints
from typedflow.execution.answers import accept_answer, find_interrupt, interrupt_id_of
from typedflow.execution.children import capture_resources
from typedflow.execution.deadlines import Alarm, due_now, require_in_time
from typedflow.execution.driver import Driver
from typedflow.execution.failures import add_note
from typedflow.execution.resources import FlowResources
from typedflow.execution.runtime import ExecutionRuntime, fault_of
from typedflow.execution.waiting import active, next_due, note_answered
from typedflow.rules import executions
from typedflow.rules.options import within_reach
from typedflow.schema.check import Mismatch
from typedflow.schema.render import render
from typedflow.stores.records import PendingInterrupt


class Runner:
    """Run one execution, as often as something is to be done; one driver at a time."""

    __slots__ = ("_concurrency", "_done", "_driver", "_runtime", "on_due")

    def __init__(self, runtime: ExecutionRuntime, concurrency: int | None) -> None:
        self._runtime = runtime
        self._concurrency = concurrency
        self._driver: Driver | None = None
        """The one that runs this now."""
        self._done: asyncio.Future[Exception | None] | None = None
        """The future that other callers wait for while a driver runs."""
        self.on_due: Callable[[], None] | None = None
        """Called in place of `ring` when something is due while a driver runs. A worker sets it, to take the answers
        that came in time before it calls `ring`."""

    # -- what is asked of it

    async def start(self, value: Any, timeout: float | None) -> Status:
        """Enter the flow, and run until it is over."""
        with self._runtime.concealing():
            self.enter(value)
            return await self._drive(timeout)

    def enter(self, value: Any, *, resources: bool = True) -> None:
        """Check all that can be checked before a handler runs, then put the input in front of the flow.

        Without `resources` these are for another process to supply, which will run it.
        """
        runtime = self._runtime
        runtime.require_present()
        if runtime.run.status is not Status.CREATED:
            raise FinishedError(executions.started_already_problem(runtime.run.status).at(runtime.name))
        try:
            value = runtime.plan.check_input(value)
        except Mismatch as mismatch:
            problem = executions.wrong_start_problem(render(runtime.plan.spec.input), **fault_of(mismatch))
            raise ContractError(problem.at(runtime.name)) from None
        if runtime.state is None and runtime.plan.spec.state is not None:
            runtime.require_state()
        if resources:
            self._require_resources()
            steps = [] if runtime.checkpoints is not None else runtime.flow.remote_steps()
            if steps:
                raise ContractError(executions.remote_without_store_problem(steps[0].name, None).at(runtime.name))
        runtime.run.started(value)

    async def retry(self, timeout: float | None) -> Status:
        """Run what failed or was cut off once more, or save once more what came to its end and was not saved."""
        self._require_loop("async_retry")
        self._runtime.require_present()
        with self._runtime.concealing():
            return await self._retry(timeout)

    async def _retry(self, timeout: float | None, queue: asyncio.Queue[Any] | None = None) -> Status:
        runtime, status = self._runtime, self._runtime.run.status
        woken = self._is_woken() or (status is Status.WAITING and bool(due_now(runtime)))
        if not woken and runtime.checkpoints is not None and self._is_unsaved():
            await runtime.checkpoints.commit()
            return runtime.run.status
        if not woken and status is not Status.FAILED and not self._is_cut_off():
            raise FinishedError(executions.wrong_status_problem(status, Status.RUNNING).at(runtime.name))
        self._require_resources()
        self._fire(due_now(runtime))
        runtime.run.woken()
        for open_ in reversed(list(runtime.tree())):  # what cannot go on leaves those above it failed
            if open_.run.status in (Status.FAILED, Status.RUNNING):
                open_.run.retried()
        return await self._drive(timeout, queue)

    def _is_woken(self) -> bool:
        """Return True if this waits, and the tokens of an event are ready that no driver has run yet."""
        run = self._runtime.run
        return run.status is Status.WAITING and bool(run.live) and self._runtime.driver is None

    def _is_unsaved(self, driver: Driver | None = None) -> bool:
        """Return True if the store failed when the end of a run was to be saved."""
        runtime, checkpoints = self._runtime, self._runtime.checkpoints
        at_rest = runtime.run.status in (Status.WAITING, Status.COMPLETED) and runtime.driver is driver
        return at_rest and checkpoints is not None and bool(checkpoints.behind)

    def _is_cut_off(self) -> bool:
        """Return True if this was loaded from a save that was made while it ran: no driver runs it now."""
        return self._runtime.run.status is Status.RUNNING and self._runtime.driver is None

    def answer(self, given: str | Interrupt | PendingInterrupt, value: Any, at: datetime | None = None) -> None:
        """Take an answer: find the step that waits for it, check the value, and wake all that wait for the step.

        `at` is when it was given, now by default: before a deadline that has passed since, it is in time.
        """
        self._require_loop("an answer")
        root = self._runtime
        root.require_present()
        if root.run.status in (Status.COMPLETED, Status.CANCELLED, Status.FAILED):
            raise FinishedError(executions.finished_problem(root.run.status, "continue_with").at(root.name))
        interrupt_id = interrupt_id_of(root, given)
        owner = find_interrupt(root, interrupt_id)
        require_in_time(owner, interrupt_id, at)
        accepted = accept_answer(owner, interrupt_id, value)
        self._require_resources(owner)
        self._fire([each for each in due_now(root) if each[1].interrupt.id != interrupt_id])
        root.note_answered(interrupt_id)
        owner.note_ended(owner.run.interrupts[interrupt_id].interrupt.step)  # type: ignore[index]  # it was found there
        note_answered(root, interrupt_id)
        if owner.observers is not None:
            owner.observers.answered(owner, interrupt_id)
        self._resume(owner, lambda: owner.run.resumed(interrupt_id, accepted))

    def waiting_for(self, child: str) -> PlanNode | None:
        """Return the node that waits for a remote child; None where nothing does, any more."""
        place = None if self._runtime.remotes is None else self._runtime.remotes.find(child)
        return None if place is None else place[0].plan.nodes[place[1].node]

    def child_ended(self, child: str, outcome: ChildOutcome) -> bool:
        """Take how a remote child has ended; return whether something waits for it."""
        remotes = self._runtime.remotes
        place = None if remotes is None else remotes.take(child)
        if place is None:
            return False
        owner, token = place
        self._resume(owner, lambda: owner.run.child_ended(token, outcome))
        return True

    def check_answer(self, given: str | Interrupt | PendingInterrupt, value: Any) -> tuple[Interrupt, Any]:
        """Return the interrupt that a value answers, and the value as it is taken.

        Raises what `answer` raises for it.
        """
        root = self._runtime
        if root.run.status in (Status.COMPLETED, Status.CANCELLED, Status.FAILED):
            raise FinishedError(executions.finished_problem(root.run.status, "continue_with").at(root.name))
        interrupt_id = interrupt_id_of(root, given)
        owner = find_interrupt(root, interrupt_id)
        require_in_time(owner, interrupt_id)
        accepted = accept_answer(owner, interrupt_id, value)
        return owner.run.interrupts[interrupt_id].interrupt, accepted  # type: ignore[index]  # it was found there

    def fire_due(self) -> None:
        """Resume what is due: a question with its default answer, a step that sleeps with its value."""
        found = due_now(self._runtime)
        if found:
            self._require_resources()
            self._fire(found)

    def ring(self) -> None:
        """Resume what is due while a driver runs, and set its alarm to what is due next."""
        driver = self._driver
        if driver is None or driver.alarm is None:
            return
        try:
            self.fire_due()
            driver.alarm.note(next_due(self._runtime))
        except Exception as error:
            driver.fail(error)

    def _fire(self, found: list[tuple[ExecutionRuntime, Paused]]) -> None:
        for owner, paused in found:
            self._resume(owner, partial(_expire, owner, paused))

    def _resume(self, owner: ExecutionRuntime, route: Callable[[], list[Token]]) -> None:
        """Resume a suspended step, and wake the parents that wait for it."""
        root, tokens = self._runtime, list[Token]()
        fault: ContractError | None = None
        try:
            tokens = route()
        except ContractError as error:  # the answer stands, and what follows cannot take it
            fault = error
        below = owner
        while below.parent is not None:
            above, waiting = below.parent
            if not above.run.child_resumes(waiting):
                below.queued = True
            if fault is not None:
                above.run.failed(fault)
            below = above
        if fault is not None:
            if root.driver is not None:
                root.driver.fail(fault)
            raise fault
        if root.checkpoints is not None:
            failpoints.at("answer.taken")
        if root.driver is not None and not owner.is_queued():
            if owner.parent is None or owner.run.live:
                root.driver.push(owner, tokens)
            else:  # the answer was all that the child waited for
                root.driver.push(owner.parent[0], [owner.parent[1]])

    async def settle(self, timeout: float | None) -> Status:
        """Resume what is due, and run until it is over."""
        self._require_loop("async_settle")
        runtime = self._runtime
        runtime.require_present()
        if runtime.driver is None and (runtime.run.status is not Status.WAITING or not due_now(runtime)):
            return runtime.run.status
        return await self.go_on(self.fire_due, timeout)

    def emit(self, event: str, payload: Any) -> None:
        """Take an event from outside."""
        if self._driver is not None and threading.current_thread() is not self._driver.thread:
            raise ExecutionError(executions.other_loop_problem("emit").at(self._runtime.name))
        with self._runtime.concealing():
            self._emit(event, payload)

    def _emit(self, event: str, payload: Any) -> None:
        runtime = self._runtime
        runtime.require_present()
        signal = runtime.event(event, payload)
        if runtime.run.status in FINAL:
            raise FinishedError(executions.finished_problem(runtime.run.status, "emit").at(runtime.name))
        try:
            tokens = runtime.run.emitted([signal])
        except ContractError as error:  # a listener cannot take it; who awaits the run is told too
            if runtime.driver is not None:
                runtime.driver.fail(error)
            raise
        if runtime.driver is not None:
            runtime.driver.push(runtime, tokens)

    async def cancel(self) -> Status:
        """Cancel what runs, and return the status after that."""
        self._require_loop("async_cancel")
        runtime = self._runtime
        runtime.require_present()
        while runtime.driver is not None:  # once it has stopped, another task may start one before this goes on
            runtime.driver.cancel()
            await self._stopped()
        run, children = runtime.run, runtime.children
        if run.status not in FINAL:
            runtime.run = run.copied()
            self._cancelled()
        if runtime.run.status is Status.CANCELLED and runtime.checkpoints is not None:
            try:
                await runtime.checkpoints.save_cancelled()
            except ConflictError:
                runtime.run, runtime.children = run, children
                raise
        return runtime.run.status

    def _cancelled(self) -> None:
        self._runtime.run.cancelled()
        self._runtime.children = self._runtime.owners = None

    def streamed(self, begin: Callable[[], None], timeout: float | None) -> AsyncGenerator[Any, None]:
        """Begin with `begin`, and yield the items that handlers put until the run ends."""
        return self._streamed(lambda queue: self.go_on(begin, timeout, queue))

    def streamed_retry(self, timeout: float | None) -> AsyncGenerator[Any, None]:
        """Retry, and yield the items that handlers put until the run ends."""
        return self._streamed(lambda queue: self._retry_into(timeout, queue))

    async def _retry_into(self, timeout: float | None, queue: asyncio.Queue[Any]) -> Status:
        self._require_loop("stream_retry")
        with self._runtime.concealing():
            return await self._retry(timeout, queue)

    async def _streamed(
        self, run: Callable[[asyncio.Queue[Any]], Coroutine[Any, Any, Status]]
    ) -> AsyncGenerator[Any, None]:
        """Yield what a run puts into the queue that it gets, until it ends.

        Closing the generator cancels the run and waits for its end. An error that fails the run by then is raised.
        """
        queue: asyncio.Queue[Any] = asyncio.Queue()
        creating = True

        async def work() -> Status:
            if creating:  # an eager task factory runs this in the caller's place: here the steps need their own task
                await asyncio.sleep(0)
            return await run(queue)

        running = asyncio.create_task(work())
        creating = False
        running.add_done_callback(lambda _: queue.put_nowait(UNSET))
        try:
            while (item := await queue.get()) is not UNSET:
                yield item
        finally:
            if not running.done():
                running.cancel()
                await asyncio.wait([running])
            failure = None if running.cancelled() else running.exception()
            if failure is not None:
                raise failure
        await running

    async def go_on(
        self, begin: Callable[[], None], timeout: float | None, queue: asyncio.Queue[Any] | None = None
    ) -> Status:
        """Call `begin`, and run until it is over; where a driver runs already, wait for its end."""
        with self._runtime.concealing():
            begin()
            driver = self._runtime.driver
            if driver is None:
                return await self._drive(timeout, queue)
        listens = queue is not None and driver.listen(queue)
        try:
            async with asyncio.timeout(within_reach(timeout)):
                failure = await self._stopped()
        finally:
            if listens:
                driver.listen(None)
        if failure is not None:
            raise failure
        if self._runtime.run.status is Status.CANCELLED:
            raise asyncio.CancelledError
        return self._runtime.run.status

    # -- inside

    def _require_loop(self, call: str) -> None:
        """Refuse a call in another loop than the one that runs this; a loop that is closed runs nothing any more."""
        driver = self._driver
        if driver is None or driver.loop is asyncio.get_running_loop():
            return
        if not driver.loop.is_closed():
            raise ExecutionError(executions.other_loop_problem(call).at(self._runtime.name))
        self._driver = self._done = None
        self._runtime.works = None

    def _require_resources(self, owner: ExecutionRuntime | None = None) -> None:
        """Check that no resource is missing in any open execution; in those that only wait, once.

        There one can be missing later only after a resource was removed, from an execution or from a flow.
        """
        root, removed = self._runtime, FlowResources.removed
        known = root.complete_at == removed
        for runtime in active(root, owner) if known else root.tree():
            if runtime.parent is not None:
                capture_resources(runtime)
            runtime.resources.require_complete(runtime.name)
        root.complete_at = removed

    async def _stopped(self) -> Exception | None:
        """Wait until no driver runs this any more; return the error that has stopped it."""
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._done)

    async def _drive(self, timeout: float | None, queue: asyncio.Queue[Any] | None = None) -> Status:
        runtime, checkpoints = self._runtime, self._runtime.checkpoints
        driver = Driver(self._concurrency, checkpoints)
        driver.sink = queue
        self._driver = driver
        failure: Exception | None = None
        saved = False
        driver.alarm = Alarm(self.on_due or self.ring)
        runtime.works = driver
        if runtime.observers is not None:
            for open_ in runtime.tree():
                open_.run.item_results = []
            runtime.observers.execution_started(runtime, runtime.run.status)
        try:
            driver.alarm.note(next_due(runtime))
            if checkpoints is not None:
                failpoints.at("run.entered")
                await checkpoints.begin()
            driver.ready.clear()  # what came during the save is live, and so among the following
            if runtime.saved_keys:
                for open_ in runtime.tree():
                    open_.saved_keys = ()
            for open_ in active(runtime):
                open_.queued = open_.parent is not None and open_.parent[1] in open_.parent[0].run.queued
                driver.push(open_, open_.ready())
            await self._run(driver, timeout)
            saved = True
            return runtime.run.status
        except Exception as error:
            failure = error
            if runtime.run.status is Status.RUNNING:
                runtime.run.failed(error)
            if checkpoints is not None:
                await checkpoints.save_failed(error)
                if self._is_unsaved(driver):
                    unsaved = f"{runtime.name} is {runtime.run.status}, and that is not stored"
                    add_note(error, f"{unsaved}: {executions.RETRY} saves it")
            raise
        finally:
            driver.alarm.stop()
            try:
                if checkpoints is not None and not saved:  # else at once, as no driver runs what an answer makes ready
                    await checkpoints.rest()
            finally:
                if self._driver is driver:  # else its loop was closed under it, and another one has gone on
                    self._let_go(failure)
                if runtime.observers is not None:
                    runtime.observers.execution_ended(runtime, failure)

    def _let_go(self, failure: Exception | None) -> None:
        """End the driver's run, and notify the tasks that wait for its end."""
        runtime, self._driver = self._runtime, None
        runtime.works = None
        if runtime.checkpoints is not None:
            runtime.checkpoints.let_go()
        if runtime.run.status is Status.RUNNING:
            self._cancelled()
        if self._done is not None and not self._done.done():
            self._done.set_result(failure)
        self._done = None

    async def _run(self, driver: Driver, timeout: float | None) -> None:
        """Work until nothing is left, within the time allowed."""
        run, failure = self._runtime.run, None
        try:
            async with asyncio.timeout(within_reach(timeout)) as limit:
                deadline = limit.when()
                while True:
                    failure = await driver.drive()
                    if failure is not None:
                        break
                    if self.on_due is None:
                        self.fire_due()
                    if driver.ready:
                        continue
                    run.settle()
                    if driver.checkpoints is not None:
                        failpoints.at("run.over")
                        if not limit.expired():
                            limit.reschedule(None)  # the save of an end is waited for in any case
                        await driver.checkpoints.commit()
                    if not driver.ready and (run.live or run.status is not Status.RUNNING):
                        break  # else an answer or an event came during the save
                    limit.reschedule(deadline)
                    run.woken()
                    if driver.checkpoints is not None:
                        await driver.checkpoints.go_on()
        except TimeoutError as error:
            if limit.expired() and run.status is Status.RUNNING:
                late = TimeoutError(f"{self._runtime.name} was not over after {timeout} s")
                run.failed(late)
                raise late from error
            raise
        if failure is not None:  # not through `timeout`, which sets the context of what it lets through
            raise failure


def _expire(owner: ExecutionRuntime, paused: Paused) -> list[Token]:
    """Resume a step whose deadline has passed; one without a default answer fails when it is taken next."""
    interrupt_id = paused.interrupt.id
    if paused.asleep or paused.default is not UNSET:
        owner.note_ended(paused.interrupt.step)
    if paused.asleep:
        return owner.run.resumed(interrupt_id, paused.token.value)
    if paused.default is not UNSET:
        owner.root().note_answered(interrupt_id)
        if owner.observers is not None:
            owner.observers.answered(owner, interrupt_id)
        return owner.run.resumed(interrupt_id, paused.default)
    if owner.expired is None:
        owner.expired = set()
    owner.expired.add(paused.token)
    return owner.run.expired(interrupt_id)
