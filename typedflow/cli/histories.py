"""The commands around what a store keeps of the past: `runs history`, `runs fork` and `runs prune`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from typedflow.cli import exits
from typedflow.cli.asking import require_consent
from typedflow.cli.driving import flow_of
from typedflow.cli.executions import read_history
from typedflow.cli.exits import Mistake
from typedflow.cli.inspection import Save, save_of
from typedflow.cli.options import AsJson, ExecutionId, FlowName, FlowOf, Limit, Store, Yes
from typedflow.cli.output import command, to_json, write
from typedflow.cli.paging import cut
from typedflow.cli.places import AnyStore, find_stored, history_of, store_place
from typedflow.cli.progress import Origin, Progress, pending_questions, progress_lines, shown_time
from typedflow.cli.reports import counted
from typedflow.cli.settings import read_settings
from typedflow.engine.status import FINAL, Status
from typedflow.rules.wording import quoted
from typedflow.stores.file import FileStore
from typedflow.stores.history import Pruned

_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@command
def history_run(
    execution_id: ExecutionId,
    limit: Limit = None,
    after: Annotated[
        int | None, typer.Option("--after", min=0, metavar="SAVE", help="Only the saves behind this one.")
    ] = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """List the saves that are kept of an execution, oldest first.

    Each has the steps that ended before it, and the parts that they changed.
    `typedflow run --history` keeps them.
    """
    place = store_place(read_settings(Path.cwd()), store)

    async def main() -> tuple[str, list[Save]]:
        async with place.open() as opened:
            stored = await find_stored(opened, execution_id)
            keeping = history_of(opened, "runs history")
            more = None if limit is None else limit + 1
            revisions = await keeping.history(stored.execution_id, after=after, limit=more)
            if not revisions and stored.history is None:
                hint = "start one with `typedflow run --history 20`"
                raise Mistake(f"execution {quoted(stored.execution_id)} was started without a history", hint)
            return stored.execution_id, [save_of(each) for each in revisions]

    id_, found = asyncio.run(main())
    saves, more = cut(found, limit)
    if as_json:
        next_page = saves[-1].sequence if more else None
        write(to_json({"execution": id_, "saves": msgspec.to_builtins(saves), "after": next_page}))
        return exits.OK
    write("".join(f"{line}\n" for line in _table(saves)))
    if more:
        write(f"there are more: --after {saves[-1].sequence}\n")
    return exits.OK


def _table(saves: Sequence[Save]) -> list[str]:
    rows = [("save", "saved (UTC)", "status", "steps", "changed")]
    rows += [
        (str(each.sequence), shown_time(each.saved), each.status, ", ".join(each.steps) or "-", ", ".join(each.changed))
        for each in saves
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    shown = ([*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[4]] for row in rows)
    return ["  ".join(row).rstrip() for row in shown]


@command
def fork_run(
    execution_id: ExecutionId,
    at: Annotated[
        int | None, typer.Option("--at", min=1, metavar="SAVE", help="The save to go on from; by default the newest.")
    ] = None,
    new_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="The id of the fork.")] = None,
    history: Annotated[
        str | None,
        typer.Option("--history", metavar="NUMBER|all", help="How many saves of it are kept; by default as before."),
    ] = None,
    flow: FlowOf = None,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Continue an execution, or one of its saves, as a new execution.

    The original goes on unchanged. Nothing is run: the commands that answer the
    fork, or run its steps, are printed.
    """
    settings = read_settings(Path.cwd())
    place = store_place(settings, store)
    kept = None if history is None else read_history(history)

    async def main() -> tuple[str, int, Progress]:
        async with place.open() as opened:
            if kept is not None:
                history_of(opened, "--history")
            stored = await find_stored(opened, execution_id, at)
            if new_id is not None and await opened.get(new_id):
                raise Mistake(f"there is an execution {quoted(new_id)} already", "choose another --id, or none")
            found = flow_of(stored.flow, flow, settings)
            fork = await found.async_fork(stored.execution_id, store=opened, at=at, execution_id=new_id, history=kept)
            origin = Origin(flow or "", store)
            progress = Progress(execution=fork.id, flow=found.name, status=fork.status, due=fork.next_due)
            progress.interrupts = pending_questions(fork, origin)
            if fork.status not in FINAL and not progress.interrupts:
                progress.retry_with = origin.command("runs", "retry", fork.id)
            return stored.execution_id, stored.sequence, progress

    original, sequence, progress = asyncio.run(main())
    if as_json:
        write(to_json({"forked_from": original, "at": sequence, **msgspec.to_builtins(progress)}))
        return exits.OK
    write(f"{progress.execution} continues {original} from save {sequence}\n")
    if progress.interrupts:
        write("".join(f"{line}\n" for line in progress_lines(progress)))
    elif progress.retry_with is not None:
        write(f"run its steps: {progress.retry_with}\n")
    else:
        write(f"it is {progress.status.value}: nothing of it runs any more (--at names an earlier save)\n")
    return exits.OK


@command
def prune_runs(
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="AGE|DATE", help="Executions that were saved last before: 30d, 2026-01-31."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option("--keep", min=1, metavar="NUMBER", help="Of each execution all saves but the newest so many."),
    ] = None,
    statuses: Annotated[
        list[Status] | None,
        typer.Option("--status", metavar="STATUS", help="Of this status; by default completed and cancelled."),
    ] = None,
    flow_name: FlowName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing; count what would be deleted.")] = False,
    yes: Yes = False,
    store: Store = None,
    as_json: AsJson = False,
) -> int:
    """Delete old executions (--before), or old saves of all (--keep).

    It asks before it deletes. Executions that wait or have failed are deleted
    only if --status names them. A remote child of a parent that is not over
    is counted before, and not deleted.
    """
    if before is None and keep is None:
        raise Mistake("nothing to prune is named", "add --before 30d or --keep 20")
    if statuses and before is None:
        raise Mistake("--status is about executions, and only saves are pruned", "add --before 30d")
    moment = None if before is None else read_moment(before, datetime.now(UTC))
    wanted = statuses or FINAL
    place = store_place(read_settings(Path.cwd()), store)

    async def count() -> Pruned:
        async with place.open() as opened:
            return await _counted(opened, moment, wanted, flow_name, keep)

    async def main() -> Pruned:
        async with place.open() as opened:
            if not isinstance(opened, FileStore):
                return await opened.prune(before=moment, statuses=wanted, flow=flow_name, keep=keep)
            old = await _old(opened, moment, wanted, flow_name)
            return Pruned(sum([await opened.delete(id_) for id_ in old]), 0)

    found = asyncio.run(count())
    if not dry_run and (found.executions or found.revisions):
        if not yes:
            require_consent(_shown(found, moment, keep))
        found = asyncio.run(main())
    if as_json:
        write(to_json({"executions": found.executions, "saves": found.revisions, "dry_run": dry_run}))
    else:
        write(f"{_shown(found, moment, keep)} {'would be deleted' if dry_run else 'deleted'}\n")
    return exits.OK


def _shown(pruned: Pruned, moment: datetime | None, keep: int | None) -> str:
    executions = [] if moment is None else [counted(pruned.executions, "execution")]
    saves = [] if keep is None else [counted(pruned.revisions, "save")]
    return " and ".join(executions + saves)


async def _counted(
    store: AnyStore, moment: datetime | None, statuses: Collection[Status], flow: str | None, keep: int | None
) -> Pruned:
    old = await _old(store, moment, statuses, flow)
    revisions = 0
    if keep is not None:
        keeping = history_of(store, "--keep")
        gone = set(old)
        for entry in await store.list(flow):
            if entry.execution_id not in gone:
                revisions += max(0, len(await keeping.history(entry.execution_id)) - keep)
    return Pruned(len(old), revisions)


async def _old(store: AnyStore, moment: datetime | None, statuses: Collection[Status], flow: str | None) -> list[str]:
    if moment is None:
        return []
    return [each.execution_id for each in await store.list(flow, statuses=statuses) if each.saved_at < moment]


def read_moment(text: str, now: datetime) -> datetime:
    """Return the moment of an age ("30d", "12h") or of a date; one without a time zone is in UTC."""
    age = _AGE.fullmatch(text)
    try:
        if age is not None:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        if len(text) <= len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        hint = "write an age as 90s, 30m, 12h, 30d or 8w, a date as 2026-01-31 or 2026-01-31T18:00"
        raise Mistake(f"--before {quoted(text)} is no age and no date", hint) from None
