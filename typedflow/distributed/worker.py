"""`Worker`: leases executions that are ready, runs them with resources that are made here, and ends the leases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, final

from typedflow.api.flow import Flow
from typedflow.distributed.heartbeat import Heartbeat
from typedflow.distributed.run import LeasedRun
from typedflow.distributed.signals import on_signals
from typedflow.distributed.supplies import Factory, MissingFactory, is_for_another, require_factories, shown
from typedflow.distributed.waking import Waker, waker_of
from typedflow.durability.options import require_work_store
from typedflow.errors import ConflictError, ContractError, SnapshotError, StoreError
from typedflow.rules import executions
from typedflow.rules.options import (
    GRACE,
    LEASE,
    MAX_CRASHES,
    POLL,
    REQUEUE,
    SLOTS,
    Checkpoint,
    Option,
    check_checkpoint,
    check_option,
)
from typedflow.stores import holders
from typedflow.stores.clock import ShiftedClock, SystemClock, current_clock
from typedflow.stores.leased import LeasedStore
from typedflow.stores.work import Lease, Release, WorkStore

LOG: Final = logging.getLogger("typedflow.worker")


@dataclass(frozen=True, slots=True)
class _Running:
    run: LeasedRun
    leased: LeasedStore
    task: asyncio.Task[None]

    def stop(self) -> None:
        """Stop the run when it comes to rest, or after its next save: steps that run then run again elsewhere."""
        self.run.stopping = True
        self.leased.after_save = self.task.cancel


def _require_options(given: Mapping[Option, object], checkpoint: object) -> None:
    """Refuse options that a worker cannot have, all at once, before anything is taken."""
    found = [*(check_option(option, value) for option, value in given.items()), check_checkpoint(checkpoint)]
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise ContractError(problems)


def _by_name(flows: Sequence[Flow[Any]]) -> dict[str, Flow[Any]]:
    """Return the flows by name; raises `ContractError` for two of one name, and for what is no sequence of flows."""
    if not isinstance(flows, Sequence) or not all(isinstance(flow, Flow) for flow in flows):
        raise ContractError(executions.no_flows_problem(flows))
    found: dict[str, Flow[Any]] = {}
    for flow in flows:
        if found.setdefault(flow.name, flow) is not flow:
            raise ContractError(executions.same_flow_problem(flow.name))
    return found


@final
class Worker:
    """Run the executions of some flows that are ready in a store; several workers share one store.

    `resources` has a factory for each key that the contracts require; each is called once per run of an execution.
    `concurrency` is the number of executions at once. `lease`, `poll`, `requeue` and `grace` are in seconds: how long a
    lease lasts without a heartbeat, how often the worker looks for work and mail, after how long an execution that it
    cannot run is tried again, and how long `stop` waits for those that run. An execution under which `max_crashes`
    workers have died is put into quarantine. A worker outlives a store that fails for a while. `waker` says when to
    look for work: by default the store, if it notifies, and the time.

    >>> async def main(store: WorkStore) -> str:
    ...     worker = Worker(store, [flow], resources={"library": lambda: {"birds": ["Sibley"]}}, poll=0.01)
    ...     running = asyncio.create_task(worker.run())
    ...     await submit(store, flow, Request("birds"), execution_id="r-1")
    ...     while not (asked := await store.pending()):
    ...         await asyncio.sleep(0.01)
    ...     await answer(store, flow, "r-1", asked[0], "Sibley")
    ...     found = await result(store, flow, "r-1", timeout=10)
    ...     worker.stop()
    ...     await running
    ...     return found
    >>> asyncio.run(main(MemoryStore()))
    'Sibley'
    """

    def __init__(
        self,
        store: WorkStore,
        flows: Sequence[Flow[Any]],
        *,
        resources: Mapping[str, Factory] | None = None,
        concurrency: int = 8,
        lease: float = 30.0,
        poll: float = 1.0,
        max_crashes: int = 3,
        requeue: float = 30.0,
        grace: float = 10.0,
        checkpoint: Checkpoint = "step",
        waker: Waker | None = None,
    ) -> None:
        require_work_store(store)
        _require_options(
            {SLOTS: concurrency, LEASE: lease, POLL: poll, MAX_CRASHES: max_crashes, REQUEUE: requeue, GRACE: grace},
            checkpoint,
        )
        self._store = store
        self._flows = _by_name(flows)
        self._factories = require_factories(resources or {}, self._flows.values())
        self._concurrency = concurrency
        self._ttl = timedelta(seconds=lease)
        self._poll = timedelta(seconds=poll)
        self._max_crashes = max_crashes
        self._requeue = timedelta(seconds=requeue)
        self._grace = grace
        self._checkpoint: Checkpoint = checkpoint
        self._waker: Waker = waker_of(store, poll) if waker is None else waker
        self._running: dict[str, _Running] = {}
        self._ends = asyncio.Event()
        """Set when a run has ended, so that there is room for another one."""
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.holder = ""
        """The name under which this worker has its leases: another one for each `run`, as it may be in a fork."""

    async def run(self) -> None:
        """Take and run executions until `stop` is called, or SIGTERM or SIGINT comes; then finish what runs."""
        self._loop, self.holder = asyncio.get_running_loop(), holders.new_name()
        stop_listening = on_signals(self._loop, self.stop)
        heartbeat = Heartbeat(self._store, self.holder, self._ttl, self._fences, self._report_lost)
        heartbeat.start()
        holders.enter(self.holder)
        try:
            async with self._waker.open(self._flows, self._wake_readers):
                while not self._stopping:
                    await self._take_ready()
        finally:
            try:
                await self._drain()
            finally:
                heartbeat.stop()
                holders.leave(self.holder)
                stop_listening()

    def stop(self) -> None:
        """Take no more executions; `run` returns when those that run have been saved, or after `grace` seconds."""
        self._stopping = True
        for running in self._running.values():
            running.stop()
        self._ends.set()
        self._waker.wake()

    async def _take_ready(self) -> None:
        """Take and start executions that are ready, up to the limit, and wait until there may be more."""
        free, until = self._concurrency - len(self._running), None
        if free <= 0:  # less than 0 where a suspect runs besides the limit
            await self._ends.wait()
            self._ends.clear()
            return
        leases: list[Lease] = []
        suspects = 0 if any(each.run.lease.crashes for each in self._running.values()) else 1  # one at a time
        try:
            leases = await self._store.take(
                self._flows, holder=self.holder, ttl=self._ttl, limit=free, crashed_limit=suspects
            )
            until = current_clock.get().now() if leases else await self._store.next_ready(self._flows)
            if not leases and not suspects and until is not None and until <= current_clock.get().now():
                until = None  # a suspect waits for the one that runs, whose end wakes this
        except StoreError as error:  # the database is away, or full: it will come back
            LOG.warning("cannot take executions: %s", error)
        for lease in leases:
            self._start(lease)
        await self._waker.wait(until)

    def _start(self, lease: Lease) -> None:
        self._cancel_run(lease.execution_id)  # a run of one that was deleted, and of whose id there is another
        leased = LeasedStore(self._store, lease)  # type: ignore[arg-type]  # a WorkStore has `put_leased`
        run = LeasedRun(self._store, self._flows[lease.flow], lease, leased)
        task = asyncio.get_running_loop().create_task(self._run(run, leased), context=_by_clock_of(lease))
        self._running[lease.execution_id] = _Running(run, leased, task)
        task.add_done_callback(lambda _: self._ended(run))

    def _ended(self, run: LeasedRun) -> None:
        running = self._running.get(run.lease.execution_id)
        if running is not None and running.run is run:
            del self._running[run.lease.execution_id]
        self._ends.set()
        self._waker.wake()

    def _wake_readers(self, execution_id: str | None) -> None:
        for id_ in [*self._running] if execution_id is None else [execution_id]:
            running = self._running.get(id_)
            if running is not None:
                running.run.wake_reader()

    async def _run(self, run: LeasedRun, leased: LeasedStore) -> None:
        """Run one execution, and end its lease as its outcome asks for."""
        lease = run.lease
        if lease.crashes >= self._max_crashes:
            how = Release(problem=f"{lease.crashes} workers have died with it", quarantined=True, crashed=True)
        else:
            try:
                how = await run.run(self._factories, self._checkpoint, self._poll)
            except ConflictError as error:
                LOG.warning("%s", error)
                return
            except asyncio.CancelledError:
                how = Release(leased.mail, current_clock.get().now())
            except Exception as error:
                how = self._release_after(lease, leased.mail, error)
        if leased.over:
            return
        run.leaving = True
        try:
            await self._store.release(lease, how)
        except StoreError as error:  # it runs out by itself
            LOG.warning("cannot release %s: %s", lease.execution_id, error)

    def _release_after(self, lease: Lease, mail: int, error: Exception) -> Release:
        """Return how the lease of an execution ends that could not be run."""
        later = current_clock.get().now() + self._requeue
        LOG.warning("execution %s: %s", lease.execution_id, shown(error))
        if isinstance(error, SnapshotError) and not is_for_another(error):
            return Release(mail, problem=str(error), quarantined=True)
        if isinstance(error, StoreError | SnapshotError | MissingFactory):
            return Release(mail, later, problem=str(error))
        return Release(mail, later, problem=type(error).__name__, crashed=True)

    async def _drain(self) -> None:
        """Wait until each execution that runs has been saved; cancel those that were not in time."""
        for running in self._running.values():
            running.stop()
        tasks = [running.task for running in self._running.values()]
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=self._grace)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=self._grace)

    # -- on the thread of the heartbeat

    def _fences(self) -> Mapping[str, int]:
        return {id_: running.run.lease.fence for id_, running in list(self._running.items())}

    def _report_lost(self, gone: Mapping[str, int]) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed: nothing runs any more
            self._loop.call_soon_threadsafe(self._cancel_lost, dict(gone))

    def _cancel_lost(self, gone: Mapping[str, int]) -> None:
        for execution_id, fence in gone.items():
            running = self._running.get(execution_id)
            if running is not None and running.run.lease.fence == fence:
                self._cancel_run(execution_id)

    def _cancel_run(self, execution_id: str) -> None:
        """Cut off a run whose lease is over, unless it ends by itself."""
        running = self._running.get(execution_id)
        if running is not None and not running.leased.over and not running.run.leaving:
            LOG.warning("the lease on %s is lost", execution_id)
            running.task.cancel("the lease is lost")


def _by_clock_of(lease: Lease) -> Context:
    """Return a context whose clock is the store's: deadlines are due by the clock by which the lease was taken."""
    clock, context = current_clock.get(), copy_context()
    if isinstance(clock, SystemClock):  # a test's own is that of the store as well
        context.run(current_clock.set, ShiftedClock(lease.taken_at - SystemClock().now()))
    return context
