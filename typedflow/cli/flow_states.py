"""The commands over the flow_state that a store keeps of a flow: `flow-state show` and `flow-state delete`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from typedflow.cli import exits
from typedflow.cli.asking import require_consent
from typedflow.cli.exits import Mistake
from typedflow.cli.options import AsJson, Store, Yes
from typedflow.cli.output import command, to_json, write
from typedflow.cli.places import AnyStore, DatabaseStore, store_place
from typedflow.cli.settings import read_settings
from typedflow.cli.trees import render_value
from typedflow.errors import SnapshotError
from typedflow.rules.names import name_hint
from typedflow.rules.wording import quoted
from typedflow.snapshot.flow_states import read_fields
from typedflow.stores.file import FileStore

FlowName = Annotated[str, typer.Argument(metavar="NAME", help="The name of the flow.")]

flow_state = typer.Typer(help="Show or delete the flow_state that a store keeps of a flow.", no_args_is_help=True)


@flow_state.command("show")
@command
def show_flow_state(name: FlowName, store: Store = None, as_json: AsJson = False) -> int:
    """Show the flow_state of a flow, which all its executions share.

    It is only read: the flow is not imported.
    """
    place = store_place(read_settings(Path.cwd()), store)

    async def main() -> Any:
        async with place.open() as opened:
            sharing = _sharing(opened)
            stored = await sharing.get_flow_state(name)
            if stored is None:
                raise await _unknown(sharing, name)
            try:
                return read_fields(stored)
            except SnapshotError as error:
                raise Mistake(f"the flow_state of {quoted(name)}: {error}", code=exits.FAILED) from None

    header, fields = asyncio.run(main())
    if as_json:
        write(to_json({"flow": name, **header, "flow_state": fields}))
    else:
        version = f"  contract {header['contract']}, version {header['version']}" if header else ""
        write(render_value(f"flow_state of flow '{name}'{version}", fields))
    return exits.OK


@flow_state.command("delete")
@command
def delete_flow_state(name: FlowName, yes: Yes = False, store: Store = None, as_json: AsJson = False) -> int:
    """Delete the flow_state of a flow, so that it begins anew.

    It asks before it deletes. Executions stay as they are.
    """
    place = store_place(read_settings(Path.cwd()), store)

    async def find() -> None:
        async with place.open() as opened:
            if await _sharing(opened).get_flow_state(name) is None:
                raise await _unknown(opened, name)

    async def main() -> bool:
        async with place.open() as opened:
            return await _sharing(opened).delete_flow_state(name)

    asyncio.run(find())
    if not yes:
        require_consent(f"the flow_state of flow '{name}'")
    deleted = asyncio.run(main())
    write(to_json({"flow": name, "deleted": deleted}) if as_json else f"deleted the flow_state of flow '{name}'\n")
    return exits.OK


def _sharing(store: AnyStore) -> DatabaseStore:
    if isinstance(store, FileStore):
        text = "a folder of files shares no flow_state: each execution keeps its own"
        raise Mistake(text, "`typedflow runs show` shows it; --store names a SQLite file")
    return store


async def _unknown(store: AnyStore, name: str) -> Mistake:
    flows = {entry.flow: None for entry in await store.list()}
    hint = "it is stored by the first execution that changes it" if name in flows else ""
    hint = hint or name_hint(name, flows, known="its flows") or "it has no executions"
    return Mistake(f"the store has no flow_state of a flow {quoted(name)}", hint)
