"""The commands that run executions and look at stored ones: `run`, `answer`, `pending` and `runs …`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from typedflow.api.blueprint import runtime_of
from typedflow.api.execution import Execution
from typedflow.cli import exits
from typedflow.cli.driving import Act, pending_id, resume, start
from typedflow.cli.exits import Mistake
from typedflow.cli.inspection import questions_of, show
from typedflow.cli.loading import find_flow
from typedflow.cli.output import command, to_json, write
from typedflow.cli.places import StorePlace, find_stored, shown_time, store_place
from typedflow.cli.progress import Origin, Progress, failure_lines, progress_lines, question_lines
from typedflow.cli.settings import read_settings
from typedflow.cli.trees import render_tree
from typedflow.cli.values import read_answer, read_input, read_plain
from typedflow.engine.status import FINAL, Status
from typedflow.errors import SnapshotError
from typedflow.rules.wording import describe, quoted
from typedflow.stores.protocol import Listing

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_STORE = "A SQLite file, a folder, or a postgresql:// URL."
Store = Annotated[
    str | None,
    typer.Option("--store", metavar="PLACE", help=_STORE, show_default=".typedflow/runs.db"),
]
ResourcesFrom = Annotated[
    str | None,
    typer.Option("--resources", metavar="MODULE:FUNCTION", help="The function that returns the resources."),
]
FlowOf = Annotated[
    str | None, typer.Option("--flow", metavar="MODULE:FLOW", help="The flow; needed unless pyproject.toml lists it.")
]
ExecutionId = Annotated[str, typer.Argument(metavar="ID", help="An execution, or the beginning of its id.")]

runs = typer.Typer(help="List, show, retry, cancel and delete stored executions.", no_args_is_help=True)


@command
def run(
    target: Annotated[str, typer.Argument(metavar="MODULE:FLOW", help="The flow to run.")],
    given: Annotated[
        str | None, typer.Option("--input", metavar="FILE|JSON|-", help="The input: a JSON file, JSON, or - for stdin.")
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="FILE|JSON|-", help="Fields of the state to start with.")
    ] = None,
    resources: ResourcesFrom = None,
    store: Store = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Save nothing; a pause cannot be answered.")] = False,
    execution_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="The id of the execution.")] = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop it after so long.")] = None,
    as_json: AsJson = False,
) -> int:
    """Run a flow to its result, or until it waits for an answer.

    The result is printed as JSON, a text as it is; items of the stream go to
    stderr. An execution that waits is saved, and the command that answers it
    is printed; the exit code is 3 then.
    """
    settings = read_settings(Path.cwd())
    if no_store and store is not None:
        raise Mistake("--store and --no-store exclude each other")
    found = find_flow(target)
    value = read_input(runtime_of(found.flow), given)
    begin_with = None if state is None else read_plain(state, "--state")
    if begin_with is not None and not isinstance(begin_with, dict):
        raise Mistake(f"--state is a JSON object with fields of the state, not {describe(begin_with)}")
    origin = Origin("" if found.target in settings.flows else found.target, store, resources, kept=not no_store)
    progress = start(
        found,
        value,
        state=begin_with,
        place=None if no_store else store_place(settings, store),
        resources=resources or settings.resources,
        origin=origin,
        execution_id=execution_id,
        timeout=timeout,
        on_item=lambda item: None if as_json else _print_item(item),
    )
    return _print_progress(progress, as_json)


@command
def answer(
    execution_id: ExecutionId,
    interrupt: Annotated[
        str, typer.Argument(metavar="INTERRUPT", help="The interrupt, the beginning of its id, or the step that asks.")
    ],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="JSON, or a text, or - for JSON from stdin.")],
    flow: FlowOf = None,
    resources: ResourcesFrom = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Answer an execution that waits, and run it on.

    A wrong answer changes nothing: the interrupt stays pending.
    """
    decoded = read_answer(value)

    async def act(execution: Execution[Any]) -> None:
        await execution.async_continue_with(pending_id(execution, interrupt), decoded)

    return _resume(execution_id, act, flow, resources, store, as_json)


@command
def pending(
    flow_name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Only of the flow of this name.")
    ] = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """List the questions that executions wait for, oldest first, with the commands that answer them."""
    settings = read_settings(Path.cwd())
    place = store_place(settings, store)

    async def main() -> tuple[list[tuple[str, str, Any]], Listing]:
        if _is_new(place):
            return [], Listing()
        async with place.open() as opened:
            listing = Listing(await opened.list(flow_name, Status.WAITING))
            found = []
            for entry in listing:
                stored = await opened.get(entry.execution_id)
                if stored is not None:
                    origin = Origin("MODULE:FLOW" if not settings.flows else "", store)
                    found += [(entry.execution_id, entry.flow, each) for each in questions_of(show(stored, origin))]
            return found, listing

    questions, _ = asyncio.run(main())
    if as_json:
        documents = [
            {"execution": id_, "flow": name, **msgspec.to_builtins(question)} for id_, name, question in questions
        ]
        write(to_json({"pending": documents}))
        return exits.OK
    if not questions:
        write("no execution waits for an answer\n")
    for id_, name, question in questions:
        write(f"{id_}  flow '{name}'\n")
        write("".join(f"{line}\n" for line in question_lines(question)))
    return exits.OK


@runs.command("list")
@command
def list_runs(
    status: Annotated[
        Status | None, typer.Option(metavar="STATUS", help="Only of this status: waiting, failed, …")
    ] = None,
    flow_name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Only of the flow of this name.")
    ] = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """List the stored executions, oldest save first.

    What cannot be read is named on stderr; the exit code is 1 then.
    """
    place = store_place(read_settings(Path.cwd()), store)

    async def main() -> Listing:
        if _is_new(place):
            return Listing()
        async with place.open() as opened:
            return await opened.list(flow_name, status)

    listing = asyncio.run(main())
    damaged = [{"execution": each.execution_id, "error": str(each.error)} for each in listing.damaged]
    if as_json:
        rows = [
            {
                "execution": entry.execution_id,
                "flow": entry.flow,
                "status": entry.status,
                "sequence": entry.sequence,
                "saved": entry.saved_at,
            }
            for entry in listing
        ]
        write(to_json({"executions": rows, "damaged": damaged}))
        return exits.FAILED if damaged else exits.OK
    if not listing:
        write("no executions\n")
    width = max((len(entry.execution_id) for entry in listing), default=0)
    for entry in listing:
        write(f"{entry.execution_id:{width}}  {entry.status:9}  {shown_time(entry)}  {entry.flow}\n")
    for each in damaged:
        sys.stderr.write(f"error: {each['error']}\n")
    return exits.FAILED if damaged else exits.OK


@runs.command("show")
@command
def show_run(
    execution_id: ExecutionId,
    full: Annotated[bool, typer.Option("--full", help="Cut nothing.")] = False,
    flow: FlowOf = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Show an execution: its state as a tree, and why it waits or failed.

    It is only read: no code of its flow is run, and nothing is changed.
    """
    settings = read_settings(Path.cwd())
    place = store_place(settings, store)

    async def main() -> Any:
        async with place.open() as opened:
            stored = await find_stored(opened, execution_id)
            target = flow or ("MODULE:FLOW" if not settings.flows else "")
            try:
                return show(stored, Origin(target, store))
            except SnapshotError as error:
                raise Mistake(f"execution {quoted(stored.execution_id)}: {error}", code=exits.FAILED) from None

    shown = asyncio.run(main())
    write(to_json(msgspec.to_builtins(shown)) if as_json else render_tree(shown, full=full))
    return exits.OK


@runs.command("retry")
@command
def retry_run(
    execution_id: ExecutionId,
    flow: FlowOf = None,
    resources: ResourcesFrom = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Run the failed steps of an execution again, or go on with one whose process is gone."""
    return _resume(execution_id, lambda it: it.async_retry(), flow, resources, store, as_json)


@runs.command("cancel")
@command
def cancel_run(
    execution_id: ExecutionId,
    flow: FlowOf = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Cancel an execution that waits or has failed; it cannot go on after that."""
    return _resume(execution_id, lambda it: it.async_cancel(), flow, None, store, as_json, with_resources=False)


@runs.command("delete")
@command
def delete_runs(
    execution_ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="Executions, or the beginnings of their ids.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Also one that is not over.")] = False,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Delete executions from the store: all of them, or none if one of them is not there or is not over."""
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


def _resume(
    execution_id: str,
    act: Act,
    flow: str | None,
    resources: str | None,
    store: str | None,
    as_json: bool,
    *,
    with_resources: bool = True,
) -> int:
    settings = read_settings(Path.cwd())
    progress = resume(
        execution_id,
        settings,
        store_place(settings, store),
        target=flow,
        resources=resources or settings.resources if with_resources else None,
        origin=Origin(flow or "", store, resources),
        act=act,
    )
    return _print_progress(progress, as_json)


def _is_new(place: StorePlace) -> bool:
    """Return whether the store is the default one, and nothing was ever stored."""
    return place.is_default and not place.exists()


def _print_progress(progress: Progress, as_json: bool) -> int:
    if as_json:
        write(to_json(msgspec.to_builtins(progress)))
        return progress.code
    write("".join(f"{line}\n" for line in progress_lines(progress)))
    if progress.failure is not None:
        sys.stderr.write("".join(f"{line}\n" for line in failure_lines(progress.failure, progress.retry_with)))
    return progress.code


def _print_item(item: Any) -> None:
    sys.stderr.write(f"{item if isinstance(item, str) else msgspec.json.encode(item).decode()}\n")
    sys.stderr.flush()
