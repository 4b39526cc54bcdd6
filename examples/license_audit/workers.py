"""Audits that workers run, on any machine: submitted, answered and waited for through a PostgreSQL database.

This process runs no step, and needs no catalog: workers read the distributions of the environment that they run in.

    typedflow worker examples.license_audit.workers --resources examples.license_audit.workers:resources --store URL
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from examples.license_audit.contracts import AuditResources
from examples.license_audit.flow import build_flow
from examples.license_audit.metadata import InstalledCatalog
from examples.license_audit.records import AuditRequest
from examples.license_audit.stored import NAME, Answers, Progress, progress_of
from typedflow import FinishedError, InterruptError, Status, stores
from typedflow.distributed import answer, result, retry, submit
from typedflow.stores import StoredEntry, WorkStore

flow: Final = build_flow()
LOOK: Final = 0.1
"""Seconds between two looks at where an audit stands."""


def is_database(place: str) -> bool:
    """Return True for a PostgreSQL database, whose audits are run by workers."""
    return place.startswith(("postgresql://", "postgres://"))


def shown(place: str) -> str:
    """Return a place without the password in it."""
    return re.sub(r"(?<=://)([^:@/]*):[^@/]*@", r"\1@", place)


def resources() -> AuditResources:
    """Make what a worker needs, once when it starts."""
    return AuditResources(catalog=InstalledCatalog())


async def begin(request: AuditRequest, place: str, *, seconds: float | None = None) -> Progress:
    """Run workers until nothing is left but to wait for decisions; raises TimeoutError after so many seconds."""
    async with stores.PostgresStore(place) as store:
        audit = await submit(store, flow, request, state={"request": request})
        return await _wait(store, audit, seconds=seconds)


async def resume(place: str, audit: str, answers: Answers, *, seconds: float | None = None) -> Progress:
    """Hand the answers to an audit, and wait as `begin` does; one that failed is tried again."""
    refusals: list[str] = []
    taken: set[str] = set()
    async with stores.PostgresStore(place) as store:
        stored = await store.get(audit)
        failed = stored.sequence if stored is not None and stored.status == Status.FAILED else 0
        if failed:
            await retry(store, audit)
        for interrupt, value in answers:
            try:
                await answer(store, flow, audit, interrupt, value)
            except (InterruptError, FinishedError) as error:
                refusals.append(str(error))
            else:
                taken.add(interrupt)
        return await _wait(store, audit, taken, failed, refusals, seconds=seconds)


async def list_audits(place: str) -> Sequence[StoredEntry]:
    """Return every audit in the database, the one that was saved last at the end."""
    async with stores.PostgresStore(place) as store:
        return await store.list(NAME)


async def _wait(
    store: WorkStore,
    audit: str,
    taken: AbstractSet[str] = frozenset(),
    failed: int = 0,
    refusals: Sequence[str] = (),
    *,
    seconds: float | None,
) -> Progress:
    """Wait until an audit is over, or asks for other answers than it was given; `failed` is the save of a failure."""
    async with asyncio.timeout(seconds):
        while True:
            stored = await store.get(audit)
            if stored is None or (stored.status == Status.FAILED and stored.sequence > failed):
                await result(store, flow, audit)  # which raises, and says why
            elif stored.status not in (Status.RUNNING, Status.FAILED):
                execution = flow.create_execution().load(stored.data)
                if taken.isdisjoint(execution.interrupts):
                    return progress_of(execution, refusals)
            await asyncio.sleep(LOOK)
