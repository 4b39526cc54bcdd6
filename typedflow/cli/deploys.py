"""The commands around a deploy: `lock`, `diff` and `migrate`. None of them runs a step."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import track

from typedflow.api.blueprint import runtime_of
from typedflow.api.execution import Execution, inside_of
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
from typedflow.engine.status import FINAL, Status
from typedflow.errors import TypedflowError
from typedflow.rules.wording import quoted
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.reading import read_document
from typedflow.stores.file import FileStore
from typedflow.stores.leased import LeasedStore
from typedflow.stores.records import StoredEntry
from typedflow.stores.work import Release

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODULE:FLOW", help="Flows; by default those that pyproject.toml lists.", show_default=False
    ),
]
LockPath = Annotated[Path, typer.Option("--file", metavar="FILE", help="The lock file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DEFAULT_LOCK = Path("typedflow.lock")
_UNKNOWN = "no flow of this name was given"
_AT_REST = frozenset({Status.WAITING, Status.FAILED})
"""The others are run by a process, or are about to be."""
_LEASE = timedelta(seconds=60)
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
    if check and not file.exists():
        raise Mistake(f"there is no {quoted(str(file))} to compare with", "`typedflow lock` writes it", exits.FAILED)
    done = "is up to date" if is_current else "is not up to date" if check else "is written"
    if as_json:
        write(to_json({"file": str(file), "flows": sorted(flows), "up_to_date": is_current or not check}))
    else:
        way = (
            " (`typedflow diff` shows what has changed, `typedflow lock` writes it anew)"
            if check and not is_current
            else ""
        )
        write(f"{file} {done}: {counted(len(flows), 'flow')}{way}\n")
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
    is_old: bool = False
    """It was saved by an earlier version of the flow."""
    migrated: bool = False
    """It was saved anew, in the form of today."""


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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Save nothing; report what would open.")] = False,
    as_json: AsJson = False,
) -> int:
    """Save the stored executions anew, as the flows of today save them.

    An execution that is not over is opened, and saved if an earlier version of
    its flow has saved it; no step is run. One that does not open is left as it
    is, and named; the exit code is 1 then. With --dry-run nothing is saved.
    """
    settings = read_settings(Path.cwd())
    named = targets_of(flows or (), settings.flows)
    known = {flow.name: flow for flow in (find_flow(target).flow for target in named)}
    place = store_place(settings, store)

    async def main() -> tuple[list[Opened], list[str]]:
        async with place.open() as opened:
            listing = await opened.list()
            entries = [entry for entry in listing if entry.status not in FINAL]
            found = [await _open(opened, entry, known, dry_run=dry_run) for entry in _tracked(entries, as_json)]
            return found, [str(each.error) for each in listing.damaged]

    found, damaged = asyncio.run(main())
    refused = [each for each in found if not each.opens]
    if as_json:
        write(to_json({"executions": msgspec.to_builtins(found), "damaged": damaged}))
    else:
        for each in refused:
            write(f"{each.execution} of flow '{each.flow}' does not open: {each.problem}\n")
        write("".join(f"damaged: {text}\n" for text in damaged))
        write(f"{_count(found, dry_run)}, {len(refused) + len(damaged)} do not open\n")
    return exits.FAILED if refused or damaged else exits.OK


def _count(found: Sequence[Opened], dry_run: bool) -> str:
    old, opening = sum(each.is_old for each in found), sum(each.opens for each in found)
    if dry_run:
        return f"{opening} open, {old} of them of an earlier version"
    migrated = sum(each.migrated for each in found)
    left = f", {old - migrated} of an earlier version are run by other processes and left" if old > migrated else ""
    return f"{migrated} migrated, {opening - old} up to date{left}"


def _tracked(entries: Sequence[StoredEntry], as_json: bool) -> Iterable[StoredEntry]:
    """Return the entries; on a terminal, how many of them are done is shown while they are read."""
    console = Console(file=sys.stderr)
    hidden = as_json or not console.is_terminal
    return track(entries, "opening", console=console, disable=hidden, transient=True)


async def _open(store: AnyStore, entry: StoredEntry, known: dict[str, Flow[Any]], *, dry_run: bool) -> Opened:
    id_, flow = entry.execution_id, known.get(entry.flow)
    if flow is None:
        return Opened(id_, entry.flow, entry.status, opens=False, problem=f"{_UNKNOWN} ({', '.join(known)})")
    try:
        stored = await store.get(id_)
        execution = await flow.async_open(id_, store=store)
        document = None if stored is None else read_document(stored.data, max_bytes=len(stored.data))
        is_old = document is not None and _versions(document) != _versions(execution.save())
        migrated = is_old and not dry_run and execution.status in _AT_REST and await _save_anew(store, flow, id_)
    except TypedflowError as error:
        return Opened(id_, entry.flow, entry.status, opens=False, problem=str(error))
    return Opened(id_, entry.flow, entry.status, opens=True, is_old=is_old, migrated=migrated)


async def _save_anew(store: AnyStore, flow: Flow[Any], execution_id: str) -> bool:
    """Save an execution as the flow of today does; return False where another process has it.

    It is leased meanwhile, so that what workers are sent for it is not lost.
    """
    if isinstance(store, FileStore):
        await _commit(await flow.async_open(execution_id, store=store))
        return True
    problem = await store.problem(execution_id)
    quarantined = any(each.execution_id == execution_id for each in await store.quarantined(flow.name))
    lease = await store.acquire(execution_id, holder="typedflow-migrate", ttl=_LEASE)
    if lease is None:
        return False
    mail, due = 0, None
    try:
        execution = await flow.async_open(execution_id, store=LeasedStore(store, lease))
        mail, due = inside_of(execution)[0].mail, execution.next_due
        await _commit(execution)
    finally:
        await store.release(lease, Release(mail, due, problem, quarantined=quarantined, crashed=True))
    return True


async def _commit(execution: Execution[Any]) -> None:
    checkpoints = inside_of(execution)[0].checkpoints
    assert checkpoints is not None
    await checkpoints.commit()


def _versions(snapshot: Snapshot) -> list[tuple[int, int, str, str]]:
    """Return what tells by which version of a flow, and of its children, an execution was saved."""
    own = (snapshot.format, snapshot.version, snapshot.fingerprint, snapshot.plan)
    return [own, *(each for child in snapshot.children for each in _versions(child))]
