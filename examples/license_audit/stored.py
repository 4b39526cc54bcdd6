"""Audits that are kept in a SQLite file: begun, listed, and gone on with by any later process.

What a process leaves behind when it ends, or is killed, is in the file: the next one opens it, injects the catalog
again and goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from examples.license_audit.contracts import Audit
from examples.license_audit.flow import build_flow
from examples.license_audit.metadata import InstalledCatalog
from examples.license_audit.records import AuditRequest, Question, Report
from typedflow import Execution, FinishedError, InterruptError, Status
from typedflow.stores import SQLiteStore, StoredEntry

NAME: Final = "license_audit"

Answers: TypeAlias = Sequence[tuple[str, Mapping[str, str]]]
"""Interrupt ids and what was answered, unchecked, as it came from outside."""


class Progress(Struct, frozen=True):
    """Where an audit stands: its report, or what it still asks; and the answers that were refused."""

    execution: str
    report: Report | None
    questions: dict[str, Question]
    refusals: tuple[str, ...] = ()


async def begin(request: AuditRequest, path: str) -> Progress:
    """Audit until nothing is left but to wait for decisions."""
    async with SQLiteStore(path) as store:
        # In the state from the first save on: who goes on has to know which catalog to inject.
        execution = build_flow().create_execution(
            state={"request": request},
            runtime_resources={"catalog": open_catalog(request)},
            store=store,
            checkpoint="step",
        )
        await execution.async_start(request)
        return progress_of(execution)


async def resume(path: str, execution_id: str, answers: Answers) -> Progress:
    """Continue an audit where it was left, with the answers; one that does not fit changes nothing."""
    refusals: list[str] = []
    async with SQLiteStore(path) as store:
        execution = await build_flow().async_open(execution_id, store=store, checkpoint="step")
        execution.update_runtime_resources(catalog=open_catalog(execution.state.request or AuditRequest(policy="")))
        if execution.status in (Status.RUNNING, Status.FAILED):  # its process was killed, or could not go on
            await execution.async_retry()
        for interrupt, answer in answers:
            try:
                await execution.async_continue_with(interrupt, answer)
            except (InterruptError, FinishedError) as error:
                refusals.append(str(error))
        return progress_of(execution, refusals)


async def list_audits(path: str) -> Sequence[StoredEntry]:
    """Return every audit in the file, the one that was saved last at the end."""
    async with SQLiteStore(path) as store:
        return await store.list(NAME)


def open_catalog(request: AuditRequest) -> InstalledCatalog:
    """Read the metadata of the distributions that a request is about."""
    return InstalledCatalog(request.folders or None)


def progress_of(execution: Execution[Audit], refusals: Sequence[str] = ()) -> Progress:
    """Return where an audit stands that is at rest."""
    return Progress(
        execution.id,
        None if execution.status is Status.WAITING else execution.result,
        {key: msgspec.convert(pause.payload, Question) for key, pause in sorted(execution.interrupts.items())},
        tuple(refusals),
    )
