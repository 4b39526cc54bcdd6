"""One execution under a lease: opened, driven with what its mail says, and given back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any, Final

import msgspec

from typedflow.api.execution import Execution, inside_of
from typedflow.api.flow import Flow
from typedflow.distributed.child_outcomes import read_outcome
from typedflow.distributed.supplies import Factory, supply
from typedflow.distributed.waking import wait_and_clear
from typedflow.engine.status import FINAL, Status
from typedflow.engine.tokens import ChildOutcome, Interrupt
from typedflow.errors import SnapshotError, StoreError, TypedflowError
from typedflow.execution.failures import class_name
from typedflow.execution.waiting import next_due
from typedflow.rules.concealment import redacted
from typedflow.rules.options import Checkpoint
from typedflow.rules.wording import text_of
from typedflow.snapshot.parts import event_codec
from typedflow.stores.clock import current_clock
from typedflow.stores.leased import LeasedStore
from typedflow.stores.work import Lease, Message, Release, WorkStore

LOG: Final = logging.getLogger("typedflow.worker")


class LeasedRun:
    """Run one execution until it waits, is over or has failed; return how its lease ends."""

    def __init__(self, store: WorkStore, flow: Flow[Any], lease: Lease, leased: LeasedStore) -> None:
        self._store = store
        self._flow = flow
        self._leased = leased
        self.lease = lease
        self.stopping = False
        """Whether the run is to end when it next comes to rest."""
        self.leaving = False
        """Whether the run has ended and its lease is being released: it must not be reported as lost then."""
        self._due = asyncio.Event()
        """Set when mail may have come, or something is due while a driver runs: the mail is read first."""
        self._due_early = False
        """Whether `_due` was set before a driver ran, maybe after the mail was read for it."""

    def wake_reader(self) -> None:
        """Wake the task that reads the mail of the running execution."""
        self._due.set()

    async def run(self, factories: Mapping[str, Factory], checkpoint: Checkpoint, poll: timedelta) -> Release:
        """Open and drive the execution, and return how its lease ends; raises if it cannot be opened or saved."""
        async with AsyncExitStack() as stack:
            execution = await self._flow.async_open(self.lease.execution_id, store=self._leased, checkpoint=checkpoint)
            runtime, runner = inside_of(execution)
            self._leased.mail, runner.on_due = runtime.mail, self._due.set
            await supply(execution, factories, stack)
            reader = asyncio.ensure_future(self._read_mail(execution, poll))
            try:
                return await self._drive(execution)
            finally:
                reader.cancel()
                await asyncio.wait([reader])

    async def _drive(self, execution: Execution[Any]) -> Release:
        runtime, runner = inside_of(execution)
        while execution.status not in FINAL:
            retries = await self._take_mail(execution)
            if execution.status in FINAL:
                break
            if execution.status is not Status.FAILED:
                with runtime.concealing():
                    runner.fire_due()
            if self.stopping:
                break
            goes_on = execution.status is Status.RUNNING or runtime.run.live
            if retries or (goes_on and execution.status is not Status.FAILED):
                await self._advance(execution)
                continue
            if runtime.mail != self._leased.mail:  # of refused messages it must be saved too that they were taken
                assert runtime.checkpoints is not None
                await runtime.checkpoints.commit()
            waits = execution.status is Status.WAITING
            return Release(self._leased.mail, next_due(runtime) if waits else None)
        if execution.status in FINAL:  # it was over before, else the save of its end has ended the lease
            return Release(max((each.number for each in await self._store.mail(execution.id, 0)), default=0))
        return Release(self._leased.mail, current_clock.get().now())

    async def _advance(self, execution: Execution[Any]) -> None:
        """Run until it rests or fails; a step's failure is saved with the execution, and is logged here only."""
        if self._due_early:
            self._due_early = False
            self._due.set()
        try:
            await execution.async_retry()
        except (StoreError, SnapshotError):
            raise
        except Exception as error:
            checkpoints = inside_of(execution)[0].checkpoints
            if checkpoints is None or checkpoints.behind or execution.status is not Status.FAILED:
                raise
            LOG.warning("execution %s has failed: %s", execution.id, _describe(execution, error))

    async def _read_mail(self, execution: Execution[Any], poll: timedelta) -> None:
        """Read the mail of the running execution as it comes, and resume what is due."""
        runtime, runner = inside_of(execution)
        while True:
            await wait_and_clear(self._due, poll.total_seconds())
            if runtime.driver is None:
                self._due_early = True
            else:
                with suppress(StoreError, SnapshotError):  # when the run rests, its mail is looked at again
                    await self._take_mail(execution)
                    runner.ring()

    async def _take_mail(self, execution: Execution[Any]) -> bool:
        """Apply the messages that came, in order, each once; return whether the execution is to be retried."""
        runtime, _ = inside_of(execution)
        retries = False
        for message in await self._store.mail(execution.id, runtime.mail):
            if message.number <= runtime.mail:  # the other reader was quicker
                continue
            outcome = None
            if message.kind == "child":  # read before it counts as taken: a save may come meanwhile
                outcome = await self._outcome_of(execution, message)
                if message.number <= runtime.mail:
                    continue
            if message.kind == "cancel" and runtime.driver is not None:
                # The run ends here. A save of what it has done until then must not say that this was taken: who
                # takes the execution next cancels it, at rest.
                runtime.driver.cancel()
                break
            runtime.mail = message.number
            try:
                retries = await self._apply(execution, message, outcome) or retries
            except TypedflowError as error:
                LOG.warning("message %d for %s is refused: %s", message.number, execution.id, error)
        return retries

    async def _outcome_of(self, execution: Execution[Any], message: Message) -> ChildOutcome | None:
        """Return how a remote child has ended; None where nothing waits for it, or where it goes on by now."""
        node = inside_of(execution)[1].waiting_for(message.name)
        return None if node is None else await read_outcome(self._store, node.child, message)

    async def _apply(self, execution: Execution[Any], message: Message, outcome: ChildOutcome | None = None) -> bool:
        runtime, runner = inside_of(execution)
        match message.kind:
            case "answer":
                key, value = msgspec.json.decode(message.data)  # the key tells the question from a later one of its id
                asked = Interrupt(message.name, "", None, None, "", key=key)
                runner.answer(asked, value, message.posted_at)
            case "event":
                runtime.require_event(message.name)
                codec = event_codec(runtime.plan, message.name)
                execution.emit(message.name, codec.decode(msgspec.Raw(message.data), message.name, "json"))
            case "retry":
                return execution.status is Status.FAILED
            case "child":
                if outcome is not None:
                    runner.child_ended(message.name, outcome)
            case "cancel":
                await execution.async_cancel()
        return False


def _describe(execution: Execution[Any], error: Exception) -> str:
    """Return the class, the text and the notes of a failure, with '…' for text of the resources in use."""
    with inside_of(execution)[0].concealing():
        return redacted("; ".join([f"{class_name(error)}: {text_of(error)}", *getattr(error, "__notes__", ())]))
