"""The commands around a deploy: `lock`, `diff` and `migrate --dry-run`. None of them changes an execution."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from typedflow.api.blueprint import runtime_of
from typedflow.api.flow import Flow
from typedflow.cli import exits
from typedflow.cli.changes import Change, Verdict, changes_between
from typedflow.cli.exits import Mistake
from typedflow.cli.loading import ImportFailure, find_flow
from typedflow.cli.locks import lock_flow, read_lock, targets_of, write_lock
from typedflow.cli.output import command, to_json, write, write_text
from typedflow.cli.places import AnyStore, store_place
from typedflow.cli.reports import counted
from typedflow.cli.settings import read_settings
from typedflow.engine.status import FINAL
from typedflow.errors import TypedflowError
from typedflow.rules.wording import quoted
from typedflow.stores.protocol import StoredEntry

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODULE:FLOW", help="Flows; by default those that pyproject.toml lists.", show_default=False
    ),
]
LockPath = Annotated[Path, typer.Option("--file", metavar="FILE", help="The lock file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DEFAULT_LOCK = Path("typedflow.lock")
_SHOWN = {Verdict.SAFE: "safe", Verdict.MIGRATION: "migration", Verdict.STRANDS: "strands"}


@command
def lock(
    targets: Targets = None,
    file: LockPath = DEFAULT_LOCK,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 if it is not up to date.")] = False,
    as_json: AsJson = False,
) -> int:
    """Write down what the flows save, to compare a later change with.

    The file belongs into version control: diff compares the flows with it,
    and lock writes it anew once a change is deployed.
    """
    named = targets_of(targets or (), read_settings(Path.cwd()).flows)
    flows = {target: lock_flow(find_flow(target).flow) for target in named}
    text = write_lock(flows)
    is_current = file.is_file() and file.read_text(encoding="utf-8") == text
    if not check and not is_current:
        write_text(file, text)
    done = "is up to date" if is_current else "is not up to date" if check else "is written"
    if as_json:
        write(to_json({"file": str(file), "flows": sorted(flows), "up_to_date": is_current or not check}))
    else:
        write(f"{file} {done}: {counted(len(flows), 'flow')}\n")
    return exits.FAILED if check and not is_current else exits.OK


@command
def diff(targets: Targets = None, file: LockPath = DEFAULT_LOCK, as_json: AsJson = False) -> int:
    """Report what a change means for the executions that wait.

    Each change is safe, needs a migration, or strands executions: by the rules
    that are applied when an execution is opened. The exit code is 1 unless all
    changes are safe.
    """
    locked = read_lock(file)
    found: dict[str, list[Change]] = {}
    for target in targets or locked.flows:
        if target not in locked.flows:
            known = ", ".join(locked.flows)
            raise Mistake(f"{quoted(str(file))} does not hold {quoted(target)}", f"it holds {known}")
        found[target] = _changes(target, locked.flows[target])
    every = [change for changes in found.values() for change in changes]
    if as_json:
        write(to_json({"safe": _is_safe(every), "flows": msgspec.to_builtins(found)}))
    else:
        write("".join(f"{line}\n" for line in _lines(found)))
    return exits.OK if _is_safe(every) else exits.FAILED


def _changes(target: str, locked: Any) -> list[Change]:
    try:
        flow = find_flow(target).flow
    except ImportFailure:
        raise
    except Mistake as mistake:
        return [Change(Verdict.STRANDS, locked.flow, "flow", f"is gone: {mistake.text}", mistake.hint)]
    return changes_between(locked, runtime_of(flow))


def _is_safe(changes: Sequence[Change]) -> bool:
    return all(change.verdict is Verdict.SAFE for change in changes)


def _lines(found: dict[str, list[Change]]) -> Iterator[str]:
    for target, changes in found.items():
        yield f"{target}: {counted(len(changes), 'change') if changes else 'no changes'}"
        for change in changes:
            yield f"  {_SHOWN[change.verdict]:9}  {change.place} of flow '{change.flow}': {change.text}"
            if change.hint and change.verdict is not Verdict.SAFE:
                yield f"             hint: {change.hint}"
    every = [change.verdict for changes in found.values() for change in changes]
    if every:
        safe, migration, strands = (every.count(verdict) for verdict in Verdict)
        yield f"{safe} safe, {migration} need a migration, {strands} strand waiting executions"


class Opened(msgspec.Struct, frozen=True):
    """Whether a stored execution opens with the flows of today; the fields of `migrate --json`."""

    execution: str
    flow: str
    status: str
    opens: bool
    problem: str = ""


@command
def migrate(
    store: Annotated[
        str | None,
        typer.Argument(metavar="STORE", help="A SQLite file, or a folder.", show_default=".typedflow/runs.db"),
    ] = None,
    flows: Annotated[
        list[str] | None,
        typer.Option("--flow", metavar="MODULE:FLOW", help="A flow; by default those that pyproject.toml lists."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; it has to be given.")] = False,
    as_json: AsJson = False,
) -> int:
    """Report which stored executions open with the flows of today, and which do not.

    An execution is migrated when it is opened; this opens each one that is not
    over, runs nothing and saves nothing. The exit code is 1 if one does not open.
    """
    if not dry_run:
        raise Mistake("an execution is migrated when it is opened", "add --dry-run to see which ones open")
    settings = read_settings(Path.cwd())
    named = targets_of(flows or (), settings.flows)
    known = {flow.name: flow for flow in (find_flow(target).flow for target in named)}
    place = store_place(settings, store)

    async def main() -> tuple[list[Opened], list[str]]:
        async with place.open() as opened:
            listing = await opened.list()
            found = [await _open(opened, entry, known) for entry in listing if entry.status not in FINAL]
            return found, [str(each.error) for each in listing.damaged]

    found, damaged = asyncio.run(main())
    refused = [each for each in found if not each.opens]
    if as_json:
        write(to_json({"executions": msgspec.to_builtins(found), "damaged": damaged}))
    else:
        for each in refused:
            write(f"{each.execution} of flow '{each.flow}' does not open: {each.problem}\n")
        write("".join(f"damaged: {text}\n" for text in damaged))
        write(f"{len(found) - len(refused)} open, {len(refused) + len(damaged)} do not\n")
    return exits.FAILED if refused or damaged else exits.OK


async def _open(store: AnyStore, entry: StoredEntry, known: dict[str, Flow[Any]]) -> Opened:
    flow, problem = known.get(entry.flow), ""
    if flow is None:
        problem = f"no flow of this name was given ({', '.join(known)})"
    else:
        try:
            await flow.async_open(entry.execution_id, store=store)
        except TypedflowError as error:
            problem = str(error)
    return Opened(entry.execution_id, entry.flow, entry.status, not problem, problem)
