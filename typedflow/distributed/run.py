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
from typedflow.distributed.supplies import Factory, supply
from typedflow.durability.options import Checkpoint
from typedflow.engine.status import FINAL, Status
from typedflow.errors import SnapshotError, StoreError, TypedflowError
from typedflow.execution.failures import class_name
from typedflow.execution.waiting import next_due
from typedflow.rules.concealment import redacted
from typedflow.rules.wording import text_of
from typedflow.stores.clock import current_clock
from typedflow.stores.held import HeldStore
from typedflow.stores.work import Lease, Message, Release, WorkStore

LOG: Final = logging.getLogger("typedflow.worker")


class HeldRun:
    """Run one execution until it waits, is over or has failed; return how its lease ends."""

    def __init__(self, store: WorkStore, flow: Flow[Any], lease: Lease, held: HeldStore) -> None:
        self._store = store
        self._flow = flow
        self._held = held
        self.lease = lease
        self.stopping = False
        """Whether the run shall end where it next comes to rest."""

    async def run(self, factories: Mapping[str, Factory], checkpoint: Checkpoint, poll: timedelta) -> Release:
        """Drive the execution; raises what keeps it from being opened or saved."""
        async with AsyncExitStack() as stack:
            execution = await self._flow.async_open(self.lease.execution_id, store=self._held, checkpoint=checkpoint)
            self._held.mail = inside_of(execution)[0].mail
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
            before = runtime.mail
            retries = await self._take_mail(execution)
            if execution.status in FINAL:
                break
            if execution.status is not Status.FAILED:
                with runtime.concealing():
                    runner.fire_due()
            if self.stopping:
                break
            if execution.status is Status.RUNNING or runtime.run.live or retries:
                if execution.status is not Status.FAILED or retries:
                    await self._advance(execution)
                    continue
            elif runtime.mail != before:  # all of it was refused: that it was taken is saved all the same
                assert runtime.checkpoints is not None
                await runtime.checkpoints.commit()
            waits = execution.status is Status.WAITING
            return Release(self._held.mail, next_due(runtime) if waits else None)
        return Release(self._held.mail, current_clock.get().now())

    async def _advance(self, execution: Execution[Any]) -> None:
        """Run on; the failure of a step is in the store, and no failure of the worker."""
        try:
            await execution.async_retry()
        except (StoreError, SnapshotError):
            raise
        except Exception as error:
            checkpoints = inside_of(execution)[0].checkpoints
            if checkpoints is None or checkpoints.behind or execution.status is not Status.FAILED:
                raise
            LOG.warning("execution %s has failed: %s", execution.id, _described(execution, error))

    async def _read_mail(self, execution: Execution[Any], poll: timedelta) -> None:
        """While the execution runs, take what comes for it."""
        runtime, _ = inside_of(execution)
        while True:
            await asyncio.sleep(poll.total_seconds())
            if runtime.driver is not None:
                with suppress(StoreError):
                    await self._take_mail(execution)

    async def _take_mail(self, execution: Execution[Any]) -> bool:
        """Apply what came, in order, each message once; return whether it is to be retried."""
        runtime, _ = inside_of(execution)
        retries = False
        for message in await self._store.mail(execution.id, runtime.mail):
            if message.number <= runtime.mail:  # the other reader was quicker
                continue
            runtime.mail = message.number
            try:
                retries = await self._apply(execution, message) or retries
            except TypedflowError as error:
                LOG.warning("message %d for %s is refused: %s", message.number, execution.id, error)
        return retries

    async def _apply(self, execution: Execution[Any], message: Message) -> bool:
        _, runner = inside_of(execution)
        match message.kind:
            case "answer":
                runner.answer(message.name, msgspec.json.decode(message.data))
            case "event":
                execution.emit(message.name, msgspec.json.decode(message.data))
            case "retry":
                return execution.status is Status.FAILED
            case "cancel":
                await execution.async_cancel()
        return False


def _described(execution: Execution[Any], error: Exception) -> str:
    """Return the class, the text and the notes of a failure, with '…' for text of the resources in use."""
    with inside_of(execution)[0].concealing():
        return redacted("; ".join([f"{class_name(error)}: {text_of(error)}", *getattr(error, "__notes__", ())]))
