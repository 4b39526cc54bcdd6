"""A stored execution as plain data, without the flow that it is of: for `runs show` and `pending`. Nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from typedflow.cli.progress import Origin, Question, answer_command, shown_time
from typedflow.engine.causes import MAIN
from typedflow.engine.status import Status
from typedflow.execution.children import child_id_of
from typedflow.snapshot.documents import PLAIN, Format
from typedflow.snapshot.envelope import InterruptRecord, JoinRecord, Snapshot, TokenRecord
from typedflow.snapshot.reading import read_document
from typedflow.stores.history import Revision
from typedflow.stores.records import StoredSnapshot


class Block(msgspec.Struct, frozen=True):
    """An open block: how many of its branches or items are done."""

    node: str
    done: int
    started: int
    total: int


class Sleep(msgspec.Struct, frozen=True):
    """A step that sleeps."""

    step: str
    until: datetime


class Save(msgspec.Struct, frozen=True):
    """A save of an execution with a history: the steps that ended before it, and the parts that it changed."""

    sequence: int
    saved: datetime
    status: str
    steps: tuple[str, ...]
    changed: tuple[str, ...]


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
    saves: list[Save] = []
    """The last ones behind steps, if it has a history."""
    problem: str | None = None
    """Why the last worker that had it could not run it."""
    interrupts: list[Question] = []
    sleeps: list[Sleep] = []
    remote: list[str] = []
    """The executions of remote children that it waits for."""
    steps: list[str] = []
    """The steps that run next, if it is retried."""
    blocks: list[Block] = []
    go_on_with: str | None = None
    """Of one that failed, was cut off or sleeps: the command that runs the steps."""
    children: list[Shown] = []


def show(stored: StoredSnapshot, origin: Origin, saves: Sequence[Revision] = (), problem: str | None = None) -> Shown:
    """Return a stored execution as plain data; raises `SnapshotError` for a damaged document."""
    snapshot = read_document(stored.data, max_bytes=len(stored.data))
    shown = _shown(snapshot, snapshot.execution_id, origin)
    shown.saves = [save_of(each) for each in saves]
    shown.problem = problem
    return shown


def save_of(revision: Revision) -> Save:
    """Return a revision as it is printed."""
    return Save(revision.sequence, revision.saved_at, revision.status, revision.steps, revision.changed)


def shown_questions(shown: Shown) -> Iterator[Question]:
    """Yield the pending interrupts of an execution and of its children."""
    yield from shown.interrupts
    for child in shown.children:
        yield from shown_questions(child)


def sleeps_of(shown: Shown) -> Iterator[Sleep]:
    """Yield the steps that sleep, those of the children too."""
    yield from shown.sleeps
    for child in shown.children:
        yield from sleeps_of(child)


def remote_of(shown: Shown) -> Iterator[str]:
    """Yield the executions of the remote children that an execution and its children wait for."""
    yield from shown.remote
    for child in shown.children:
        yield from remote_of(child)


def _shown(snapshot: Snapshot, root: str, origin: Origin) -> Shown:
    format = snapshot.encoding
    waiting = {id(record.token) for record in snapshot.interrupts}
    pending = [record for record in snapshot.interrupts if record.status == "pending"]
    shown = Shown(
        execution=snapshot.execution_id,
        flow=snapshot.flow,
        contract=snapshot.contract,
        version=snapshot.version,
        status=snapshot.status,
        sequence=snapshot.sequence,
        created=f"{shown_time(snapshot.created)} UTC",
        saved=f"{shown_time(snapshot.saved)} UTC",
        why="",
        result=_plain(snapshot.result, format),
        state=_plain(snapshot.state, format),
        flow_state=_plain(snapshot.flow_state, format),
        interrupts=[_question(record, snapshot, root, origin) for record in pending if record.asleep is UNSET],
        sleeps=[
            Sleep(record.token.node, record.deadline)
            for record in pending
            if record.asleep is not UNSET and record.deadline is not UNSET
        ],
        remote=[_child_of(token, snapshot, root) for token in snapshot.tokens if _is_remote(token)],
        steps=[token.node for token in snapshot.tokens if id(token) not in waiting and not _is_remote(token)],
        blocks=[_block(record) for record in snapshot.joins],
        children=[_shown(child, root, origin) for child in snapshot.children],
    )
    shown.why = _reason(shown)
    goes_on = shown.status in (Status.FAILED, Status.RUNNING) or any(sleeps_of(shown))
    if goes_on and snapshot.execution_id == root:
        shown.go_on_with = origin.command("runs", "retry", root)
    return shown


def _is_remote(token: TokenRecord) -> bool:
    """Return whether a remote child is open behind a token."""
    return token.remote is not UNSET and token.remote.error is UNSET


def _child_of(token: TokenRecord, snapshot: Snapshot, root: str) -> str:
    cause = MAIN if token.cause is UNSET else token.cause
    key = f"{token.node}@{cause}" if token.key is UNSET else token.key
    return child_id_of(root, snapshot.execution_id, key)


def _question(record: InterruptRecord, snapshot: Snapshot, root: str, origin: Origin) -> Question:
    deadline = None if record.deadline is UNSET else record.deadline
    return Question(
        record.id,
        record.type,
        record.token.node,
        _plain(record.payload, snapshot.encoding),
        record.resume_event,
        answer_command(record.id, deadline, root, origin),
        deadline,
        snapshot.saved if record.since is UNSET else record.since,
    )


def _reason(shown: Shown) -> str:
    asked, asleep = len(list(shown_questions(shown))), any(sleeps_of(shown))
    match shown.status:
        case Status.WAITING if any(remote_of(shown)) and not asked:
            return "it waits for remote children, which workers run:"
        case Status.WAITING if asleep and not asked:
            return "it sleeps; then a worker goes on with it, or the command below:"
        case Status.WAITING if asked and not shown.interrupts:
            return "a child flow waits:"
        case Status.WAITING:
            also = ", and sleeps" if asleep else ""
            return f"it waits for {'an answer' if asked == 1 else f'{asked} answers'}{also}:"
        case Status.FAILED:
            return "a step failed (the error is not saved); these run again:"
        case Status.RUNNING:
            return "it was running when it was saved; if its process is gone, these run again:"
        case Status.CREATED:
            return "it was submitted, and no worker has taken it yet"
        case Status.COMPLETED | Status.CANCELLED:
            return ""


def _block(record: JoinRecord) -> Block:
    return Block(record.node, sum(map(bool, record.slots)), record.launched, len(record.slots))


def _plain(payload: Raw | UnsetType, format: Format) -> Any:
    return UNSET if payload is UNSET else PLAIN[format](payload)
