"""`typedflow worker`: run the executions that are ready in a store, until the process is asked to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from typedflow.api.blueprint import runtime_of
from typedflow.cli import exits
from typedflow.cli.driving import supplied
from typedflow.cli.exits import Mistake
from typedflow.cli.loading import Found, find_flows
from typedflow.cli.options import ResourcesFrom, Store
from typedflow.cli.output import command, write
from typedflow.cli.places import StorePlace, store_place
from typedflow.cli.settings import read_settings
from typedflow.distributed.supplies import Factory
from typedflow.distributed.worker import Worker
from typedflow.rules.wording import listed, quoted
from typedflow.schema.layers import Resources
from typedflow.stores.file import FileStore

LOG: Final = logging.getLogger("typedflow.worker")


@command
def worker(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODULE[:FLOW]", help="Modules, or flows of them; by default those of pyproject.toml."),
    ] = None,
    resources: ResourcesFrom = None,
    store: Store = None,
    concurrency: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Executions at once.")] = 8,
    lease: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="After how long without a sign of life others take over.")
    ] = 30.0,
    poll: Annotated[float, typer.Option(min=0.01, metavar="SECONDS", help="How often it looks for work.")] = 1.0,
    max_crashes: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="Workers that may die with an execution.")
    ] = 3,
    grace: Annotated[float, typer.Option(min=0.0, metavar="SECONDS", help="How long it may take to stop.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print and log JSON documents, one on each line.")] = False,
) -> int:
    """Run what typedflow.distributed submits and answers.

    It stops at Ctrl-C or SIGTERM, as soon as what runs has come to its next
    save. The resources are made once, and shared by what it runs.
    """
    settings = read_settings(Path.cwd())
    flows = _flows_of(targets or list(settings.flows))
    place = store_place(settings, store)
    if place.is_folder:
        raise Mistake(f"workers cannot share the folder {quoted(place.text)}", "--store names a SQLite file")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSONLines() if as_json else logging.Formatter("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    make = partial(Worker, concurrency=concurrency, lease=lease, poll=poll, max_crashes=max_crashes, grace=grace)
    new = "" if place.is_default or place.exists() else ", which is new"  # its name may be misspelt
    said = f"running {listed(list(flows))} of {place.shown}{new}; Ctrl-C stops it"
    if as_json:
        said = msgspec.json.encode({"running": list(flows), "store": place.shown}).decode()
    asyncio.run(_work(place, flows, settings.resources if resources is None else resources, make, said))
    return exits.OK


class _JSONLines(logging.Formatter):
    """Each record as a JSON document."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {"time": moment, "level": record.levelname.lower(), "logger": record.name, "text": record.getMessage()}
        return msgspec.json.encode(line).decode()


def _flows_of(targets: list[str]) -> dict[str, Found]:
    """Return the flows of all targets by name; raises `Mistake` for two of one name."""
    if not targets:
        raise Mistake("no flow is named", "add MODULE:FLOW, or list it in [tool.typedflow] flows of pyproject.toml")
    flows: dict[str, Found] = {}
    for found in (found for target in targets for found in find_flows(target)):
        known = flows.setdefault(found.flow.name, found)
        if known.flow is not found.flow:
            raise Mistake(
                f"{quoted(known.target)} and {quoted(found.target)} are both called {quoted(found.flow.name)}"
            )
    return flows


def _note_absent(flows: Mapping[str, Found]) -> None:
    """Log of which flows remote children are that this worker does not run: without another one they wait."""
    for found in flows.values():
        children = {step.child.name for step in runtime_of(found.flow).remote_steps()} - {*flows}
        if children:
            LOG.warning(
                "note: flow %s starts executions of %s, which this worker does not run: another one has to",
                quoted(found.flow.name),
                listed(sorted(children)),
            )


async def _work(
    place: StorePlace, flows: Mapping[str, Found], resources: str | None, make: Callable[..., Worker], said: str
) -> None:
    store = place.make()
    assert not isinstance(store, FileStore)
    async with store, supplied(resources) as given:
        working = make(store, [found.flow for found in flows.values()], resources=_factories(given))
        for found in flows.values():
            _require_resources(found, given)
        _note_absent(flows)
        write(f"{said}\n")
        with suppress(asyncio.CancelledError):
            await working.run()


def _require_resources(found: Found, given: Resources | Mapping[str, Any] | None) -> None:
    """Raise `Mistake` for resources that a flow lacks: its executions would wait for another worker."""
    missing = sorted({*found.flow.create_execution().missing_resources()} - {*_factories(given)})
    if missing:
        text = f"the resources {listed(missing)} of flow {quoted(found.flow.name)} are not supplied"
        raise Mistake(text, "name the function that returns them: --resources MODULE:FUNCTION")


def _factories(given: Resources | Mapping[str, Any] | None) -> dict[str, Factory]:
    """Return a factory for each resource, which returns what was supplied, and never enters or closes it."""
    if given is None:
        return {}
    items = given if isinstance(given, Mapping) else {key: getattr(given, key) for key in given.__struct_fields__}
    return {key: partial(nullcontext, value) for key, value in items.items()}
