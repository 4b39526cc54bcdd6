"""The commands that read what is stored, or delete it: `pending`, and `runs list`, `show` and `delete`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from typedflow.cli import exits
from typedflow.cli.exits import Mistake
from typedflow.cli.inspection import Shown, show, shown_questions
from typedflow.cli.options import AsJson, ExecutionId, FlowName, FlowOf, Limit, Store
from typedflow.cli.output import command, to_json, write
from typedflow.cli.paging import cut, entry_at, position_of, question_at
from typedflow.cli.places import AnyStore, StorePlace, find_stored, store_place
from typedflow.cli.progress import Origin, Question, answer_command, question_lines, shown_time
from typedflow.cli.settings import read_settings
from typedflow.cli.trees import render_tree
from typedflow.engine.status import FINAL, Status
from typedflow.errors import SnapshotError, StoreError
from typedflow.rules.names import name_hint
from typedflow.rules.wording import quoted
from typedflow.stores.file import FileStore
from typedflow.stores.records import DamagedEntry, Listing, PendingInterrupt, PendingListing

After = Annotated[
    str | None, typer.Option("--after", metavar="POSITION", help="The next page: what a page prints at its end.")
]
LAST_STEPS: Final = 5
"""How many saves behind steps `show` prints, of an execution with a history."""


@command
def pending(
    flow_name: FlowName = None,
    kind: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only questions of this type.")] = None,
    limit: Limit = None,
    after: After = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """List the questions that executions wait for, longest wait first.

    Each has the command that answers it. What cannot be read is named on
    stderr; the exit code is 1 then.
    """
    settings = read_settings(Path.cwd())
    place, behind = store_place(settings, store), question_at(after)

    async def main() -> PendingListing:
        if _is_new(place):
            return PendingListing()
        async with place.open() as opened:
            more = None if limit is None else limit + 1
            if not isinstance(opened, FileStore):
                return await opened.pending(flow_name, kind, after=behind, limit=more)
            return await _pending_of_files(opened, flow_name, kind, behind, more)

    listing = asyncio.run(main())
    origin = Origin("" if settings.flows else "MODULE:FLOW", store)
    questions, more = cut(listing, limit)
    shown = [(each, _question(each, origin)) for each in questions]
    next_page = position_of(questions[-1]) if more else None
    if as_json:
        documents = [
            {"execution": each.execution_id, "flow": each.flow, **msgspec.to_builtins(question)}
            for each, question in shown
        ]
        write(to_json({"pending": documents, "after": next_page, "damaged": _documents(listing.damaged)}))
        return _code(listing.damaged)
    if not shown:
        write(f"no execution waits for an answer{asyncio.run(_meant(place, flow_name))}\n")
    for each, question in shown:
        write(f"{each.execution_id}  flow '{each.flow}'\n")
        write("".join(f"{line}\n" for line in question_lines(question)))
    _print_rest(listing.damaged, next_page)
    return _code(listing.damaged)


def _question(asked: PendingInterrupt, origin: Origin) -> Question:
    return Question(
        asked.interrupt_id,
        asked.type,
        asked.step,
        asked.payload,
        asked.resume_event,
        answer_command(asked.interrupt_id, asked.deadline, asked.execution_id, origin),
        asked.deadline,
        asked.since,
    )


async def _pending_of_files(
    store: AnyStore, flow: str | None, kind: str | None, after: PendingInterrupt | None, limit: int | None
) -> PendingListing:
    """Return what the executions in a folder ask: each waiting one is read, as files have no rows for questions."""
    entries = await store.list(flow, Status.WAITING)
    damaged, found = list(entries.damaged), []
    for entry in entries:
        try:
            stored = await store.get(entry.execution_id)
            shown = None if stored is None else show(stored, Origin(""))
        except (SnapshotError, StoreError) as error:
            damaged.append(DamagedEntry(entry.execution_id, error))
            continue
        found += [] if shown is None else _asked(shown, entry.execution_id)
    wanted = [each for each in found if kind in (None, each.type)]
    behind = [each for each in sorted(wanted, key=_place) if after is None or _place(each) > _place(after)]
    return PendingListing(behind[:limit], damaged)


def _place(asked: PendingInterrupt) -> tuple[Any, ...]:
    return asked.since, asked.execution_id, asked.interrupt_id


def _asked(shown: Shown, root: str) -> list[PendingInterrupt]:
    return [
        PendingInterrupt(
            root,
            shown.flow,
            each.id,
            each.type,
            each.payload,
            each.since,
            each.deadline,
            each.step,
            (),
            each.resume_event,
        )
        for each in shown_questions(shown)
        if each.since is not None
    ]


@command
def list_runs(
    status: Annotated[
        Status | None, typer.Option(metavar="STATUS", help="Only of this status: waiting, failed, …")
    ] = None,
    flow_name: FlowName = None,
    limit: Limit = None,
    after: After = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """List the stored executions, oldest save first.

    What cannot be read is named on stderr; the exit code is 1 then.
    """
    place, behind = store_place(read_settings(Path.cwd()), store), entry_at(after)

    async def main() -> Listing:
        if _is_new(place):
            return Listing()
        async with place.open() as opened:
            return await opened.list(flow_name, status, after=behind, limit=None if limit is None else limit + 1)

    listing = asyncio.run(main())
    entries, more = cut(listing, limit)
    next_page = position_of(entries[-1]) if more else None
    if as_json:
        rows = [
            {
                "execution": entry.execution_id,
                "flow": entry.flow,
                "status": entry.status,
                "sequence": entry.sequence,
                "saved": entry.saved_at,
            }
            for entry in entries
        ]
        write(to_json({"executions": rows, "after": next_page, "damaged": _documents(listing.damaged)}))
        return _code(listing.damaged)
    if not entries:
        write(f"no executions{asyncio.run(_meant(place, flow_name))}\n")
    width = max((len(entry.execution_id) for entry in entries), default=0)
    for entry in entries:
        write(f"{entry.execution_id:{width}}  {entry.status:9}  {shown_time(entry.saved_at)}  {entry.flow}\n")
    _print_rest(listing.damaged, next_page)
    return _code(listing.damaged)


async def _meant(place: StorePlace, flow_name: str | None) -> str:
    """Return a hint about a name of a flow that has no executions; empty for another one, and for none."""
    if flow_name is None or _is_new(place):
        return ""
    async with place.open() as store:
        flows = {entry.flow: None for entry in await store.list()}
    hint = "" if flow_name in flows else name_hint(flow_name, flows, known="its flows")
    return f"; the store has none of a flow {quoted(flow_name)}{f' ({hint})' if hint else ''}" * (
        flow_name not in flows
    )


def _documents(damaged: Sequence[DamagedEntry]) -> list[dict[str, Any]]:
    return [{"execution": each.execution_id, "error": str(each.error)} for each in damaged]


def _print_rest(damaged: Sequence[DamagedEntry], next_page: str | None) -> None:
    if next_page is not None:
        write(f"there are more: --after {next_page}\n")
    for each in damaged:
        sys.stderr.write(f"error: {each.error}\n")


def _code(damaged: Sequence[DamagedEntry]) -> int:
    return exits.FAILED if damaged else exits.OK


@command
def show_run(
    execution_id: ExecutionId,
    at: Annotated[
        int | None, typer.Option("--at", min=1, metavar="SAVE", help="As it was at this save, of one with a history.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Cut nothing.")] = False,
    flow: FlowOf = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Show an execution: its state as a tree, what its last steps changed, and why it waits or failed.

    It is only read: no code of its flow is run, and nothing is changed.
    """
    settings = read_settings(Path.cwd())
    place = store_place(settings, store)

    async def main() -> Shown:
        async with place.open() as opened:
            stored = await find_stored(opened, execution_id, at)
            id_ = stored.execution_id
            origin = Origin(flow or ("MODULE:FLOW" if not settings.flows else ""), store)
            saves = await opened.history(id_) if not isinstance(opened, FileStore) else []
            problem = await opened.problem(id_) if not isinstance(opened, FileStore) and at is None else None
            until = [each for each in saves if each.steps and each.sequence <= stored.sequence]
            try:
                shown = show(stored, origin, until[-LAST_STEPS:], problem)
            except SnapshotError as error:
                raise Mistake(f"execution {quoted(id_)}: {error}", code=exits.FAILED) from None
            return shown if at is None else _past(shown, origin)

    shown = asyncio.run(main())
    write(to_json(msgspec.to_builtins(shown)) if as_json else render_tree(shown, full=full))
    return exits.OK


def _past(shown: Shown, origin: Origin) -> Shown:
    """Return an execution as it was: nothing goes on from there but a fork."""
    for each in (shown, *shown.children):
        each.interrupts = [msgspec.structs.replace(question, answer_with=None) for question in each.interrupts]
    if shown.status is Status.RUNNING:
        shown.why = "it was running; these steps were next:"
    shown.go_on_with = origin.command("runs", "fork", shown.execution, "--at", str(shown.sequence))
    return shown


@command
def delete_runs(
    execution_ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="Executions, or the beginnings of their ids.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Also one that is not over.")] = False,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Delete executions from the store.

    All of them are deleted, or none if one is not there or is not over.
    """
    place = store_place(read_settings(Path.cwd()), store)

    async def main() -> list[str]:
        async with place.open() as opened:
            found = [await find_stored(opened, text) for text in execution_ids]
            for stored in found:
                if not force and stored.status not in FINAL:
                    text = f"execution {quoted(stored.execution_id)} is {stored.status}, not over"
                    raise Mistake(text, "cancel it, or add --force")
            return [stored.execution_id for stored in found if await opened.delete(stored.execution_id)]

    deleted = asyncio.run(main())
    write(to_json({"deleted": deleted}) if as_json else "".join(f"deleted {id_}\n" for id_ in deleted))
    return exits.OK


def _is_new(place: StorePlace) -> bool:
    """Return whether the store is the default one, and nothing was ever stored."""
    return place.is_default and not place.exists()
