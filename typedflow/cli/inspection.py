"""A stored execution as plain data, without the flow that it is of: for `runs show` and `pending`. Nothing is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from typedflow.cli.progress import Origin, Question
from typedflow.engine.status import Status
from typedflow.snapshot.documents import PLAIN, Format
from typedflow.snapshot.envelope import JoinRecord, Snapshot
from typedflow.snapshot.reading import read_document
from typedflow.stores.protocol import StoredSnapshot


class Block(msgspec.Struct, frozen=True):
    """An open block: how many of its branches or items are done."""

    node: str
    done: int
    started: int
    total: int


class Shown(msgspec.Struct, kw_only=True):
    """A stored execution; the fields of `runs show --json`."""

    execution: str
    flow: str
    contract: str
    version: int
    status: Status
    sequence: int
    """How often it was saved."""
    created: str
    saved: str
    why: str
    """Why it does not go on by itself; empty for one that is over."""
    result: Any = UNSET
    state: Any = UNSET
    flow_state: Any = UNSET
    """Of a store that does not share it between executions."""
    interrupts: list[Question] = []
    steps: list[str] = []
    """The steps that run next, if it is retried."""
    blocks: list[Block] = []
    go_on_with: str | None = None
    """Of one that failed or was cut off: the command that runs the steps."""
    children: list[Shown] = []


def show(stored: StoredSnapshot, origin: Origin) -> Shown:
    """Return a stored execution as plain data; raises `SnapshotError` for a damaged document."""
    snapshot = read_document(stored.data, max_bytes=len(stored.data))
    return _shown(snapshot, snapshot.execution_id, origin)


def questions_of(shown: Shown) -> Iterator[Question]:
    """Yield the pending interrupts of an execution and of its children."""
    yield from shown.interrupts
    for child in shown.children:
        yield from questions_of(child)


def _shown(snapshot: Snapshot, root: str, origin: Origin) -> Shown:
    format = snapshot.encoding
    waiting = {id(record.token) for record in snapshot.interrupts}
    shown = Shown(
        execution=snapshot.execution_id,
        flow=snapshot.flow,
        contract=snapshot.contract,
        version=snapshot.version,
        status=snapshot.status,
        sequence=snapshot.sequence,
        created=f"{snapshot.created:%Y-%m-%d %H:%M:%S} UTC",
        saved=f"{snapshot.saved:%Y-%m-%d %H:%M:%S} UTC",
        why="",
        result=_plain(snapshot.result, format),
        state=_plain(snapshot.state, format),
        flow_state=_plain(snapshot.flow_state, format),
        interrupts=[
            Question(
                record.id,
                record.type,
                record.token.node,
                _plain(record.payload, format),
                record.resume_event,
                origin.command("answer", root, record.id, "VALUE"),
            )
            for record in snapshot.interrupts
            if record.status == "pending"
        ],
        steps=[token.node for token in snapshot.tokens if id(token) not in waiting],
        blocks=[_block(record) for record in snapshot.joins],
        children=[_shown(child, root, origin) for child in snapshot.children],
    )
    shown.why = _reason(shown)
    if shown.status in (Status.FAILED, Status.RUNNING) and snapshot.execution_id == root:
        shown.go_on_with = origin.command("runs", "retry", root)
    return shown


def _reason(shown: Shown) -> str:
    asked = len(list(questions_of(shown)))
    match shown.status:
        case Status.WAITING:
            return f"it waits for {'an answer' if asked == 1 else f'{asked} answers'}:"
        case Status.FAILED:
            return "a step failed (the error is not saved); these run again:"
        case Status.RUNNING:
            return "it was running when it was saved; if its process is gone:"
        case Status.CREATED | Status.COMPLETED | Status.CANCELLED:
            return ""


def _block(record: JoinRecord) -> Block:
    return Block(record.node, sum(map(bool, record.slots)), record.launched, len(record.slots))


def _plain(payload: Raw | UnsetType, format: Format) -> Any:
    return UNSET if payload is UNSET else PLAIN[format](payload)
