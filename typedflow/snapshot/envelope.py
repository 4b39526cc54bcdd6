"""What a snapshot holds: one Struct, with the records of everything in flight. Plain data, no names to import.

A payload (a value of a type that the flow declares) stays raw bytes until the header is settled: it is decoded by the
flow's own types, never by what the document says. `typedflow.snapshot.reading` reads documents.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType
from msgspec.structs import replace

from typedflow.engine.status import Status
from typedflow.snapshot.documents import ENCODE, FORMATS, Format

FORMAT_VERSION: Final = 2
"""The version of the envelope that is written."""

READABLE: Final = frozenset({1, 2})
"""The versions that are read. Fields of older ones are marked; they are never written."""

Count = Annotated[int, Meta(ge=0)]
Version = Annotated[int, Meta(ge=1)]
Moment = Annotated[datetime, Meta(tz=True)]
Slot = Annotated[list[Raw], Meta(max_length=1)]
"""One slot of a join: `[value]`, or `[]` where no value has come yet."""
SliceRun: TypeAlias = tuple[Count, Count, Count]
"""Slices of a list whose numbers follow one another: the first number, how many there are, the items in each."""


class _Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Share the options of all records."""


@final
class ScopeRecord(_Record, frozen=True):
    """One item of a block instance: the id of its record, and the item's index in its slots."""

    join: Count
    item: Count


@final
class RemoteRecord(_Record, frozen=True):
    """What is known of a child that runs as an execution of its own: nothing while it is open, then how it failed."""

    error: str | UnsetType = UNSET
    """The class of the error; left out while the child is open."""
    text: str | UnsetType = UNSET
    fault: Literal[True] | UnsetType = UNSET
    """The error is one that never becomes a value."""


@final
class TokenRecord(_Record, frozen=True):
    """A value in front of a node; nodes are named, because indexes change with the flow."""

    node: str
    value: Raw
    producer: str
    """The node whose output the value is: its type says how the value is coded."""
    visit: Count | UnsetType = UNSET
    """Of older documents: a number of the firing, from which the key of the token came then."""
    cause: str | UnsetType = UNSET
    """Why the token is there; left out on the main chain."""
    key: str | UnsetType = UNSET
    """The key of the token, where it is not that of its node and cause."""
    coded: Any = UNSET
    """The description of what the value is saved by, where that is more than the output type of its producer."""
    attempts: Count | UnsetType = UNSET
    """How many attempts of the step have failed; left out where none has."""
    updates: dict[str, str] | UnsetType = UNSET
    """What the step has updated in a flow_state that is saved here: by call, the JSON text of what it returned."""
    remote: RemoteRecord | UnsetType = UNSET
    """Of a token at a child flow that runs as an execution of its own, which is open, or has failed."""
    scope: ScopeRecord | None = None


@final
class JoinRecord(_Record, frozen=True):
    """One open block instance; it stands in the list behind the one that it is inside of."""

    id: Count
    node: str
    producer: str
    source: Raw
    slots: list[Slot]
    launched: Count
    visit: Count | UnsetType = UNSET
    """As of a token."""
    cause: str | UnsetType = UNSET
    """As of a token."""
    key: str | UnsetType = UNSET
    """As of a token: that of the token that opened it."""
    coded: Any = UNSET
    """As of a token: of the source of a batch or match that has branches to start."""
    scope: ScopeRecord | None = None
    hits: tuple[Count, ...] | None = None
    part: tuple[Count, Count] | UnsetType = UNSET
    """Only in a head: the number of the block instance in the keys of its parts, and its number of slots."""
    released: list[Count] = []
    """Of older documents: items that had given their place under the bound away; what is in flight tells that too."""


@final
class PoolRecord(_Record, frozen=True):
    """What a `collect` or a `when(mode="and")` has gathered, by the name of the branch or trigger."""

    node: str
    values: dict[str, Raw]
    causes: dict[str, str] | UnsetType = UNSET
    """Why each value came; older documents have none."""
    scope: ScopeRecord | None = None


@final
class InterruptRecord(_Record, frozen=True):
    """One pause: `token` is that of the paused step."""

    id: str
    type: str
    payload: Raw
    token: TokenRecord
    resume_event: str | None = None
    status: Literal["pending", "answered"] = "pending"
    deadline: Moment | UnsetType = UNSET
    """From then on no answer is taken."""
    default: Raw | UnsetType = UNSET
    """The answer at the deadline, as an answer is saved."""
    asleep: Literal[True] | UnsetType = UNSET
    """Nothing is asked: the value of the token goes on at the deadline."""
    since: Moment | UnsetType = UNSET
    """When the step paused; older documents do not say it."""
    order: Count | UnsetType = UNSET
    """Only in a head: its place among all, by the numbers of those that are parts."""

    @property
    def needs_value(self) -> bool:
        """Return whether the value of the token is saved: it goes on, or the step fails with it at the deadline."""
        return self.asleep is True or (self.deadline is not UNSET and self.default is UNSET)


@final
class NodeRecord(_Record, frozen=True):
    """What a node was that something stands at or came from: it has to be the same after a change of the flow."""

    kind: str
    carries: str
    """The type of its outputs, for people."""
    digest: str
    """The fingerprint of its types."""
    slots: list[str] = []
    """The branches of a block or collect, the triggers of a listener."""
    types: Any = UNSET
    """The descriptions of what is saved of it: "carries", "answer", "items", "slot …", and the table "types"."""
    ambiguous: bool | UnsetType = UNSET
    """The name stood for several nodes, or was numbered: it identifies none over a change of the flow."""


@final
class StateMark(_Record, frozen=True):
    """What a save knows of the state that it wrote: it verifies it, and finds it without reading over it.

    A payload that a save of the same shape wrote has no field too much or too little, so that reading need not look
    for one. There is no secret in it: it tells what was changed by accident, and nothing that was forged.
    """

    at: Count
    """Where in the document the state begins, in bytes; 0 in memory, and where the payloads are carried as bytes."""
    size: Count
    """Its length, in bytes."""
    crc: Count
    """Its CRC-32, begun with the fingerprint of its shape."""


@final
class Snapshot(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One execution, as it was saved: what `execution.save()` gives and `load` takes.

    It names no class or function, and holds no resource. The payloads are raw bytes in `encoding`. Equal snapshots have
    equal payload bytes.

    >>> execution = flow.create_execution(execution_id="r-1")
    >>> _ = execution.start(Request("birds"))
    >>> snapshot = execution.save()
    >>> snapshot.execution_id, snapshot.status
    ('r-1', <Status.WAITING: 'waiting'>)
    """

    format: int = FORMAT_VERSION
    encoding: Format = "json"
    """The encoding of the payloads; a document of the other encoding carries them as bytes."""

    # the header
    flow: str
    contract: str
    version: Version
    fingerprint: str
    """Of `shape`."""
    plan: str
    """The fingerprint of the plan: its nodes by name, with their types."""
    execution_id: str
    sequence: Count
    """How often the execution was saved: the number that compare-and-swap goes by."""
    status: Status
    created: Moment
    saved: Moment
    resource_keys: list[str] = []
    """The keys of all resources at hand, sorted; never the resources."""
    parent: Count | None = None
    """Of a child execution: the index, in the tokens of its parent, of the token that it works for."""

    # the payloads
    shape: Raw
    """The description of the contract's saved types."""
    state: Raw | UnsetType = UNSET
    flow_state: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    result_type: Any = UNSET
    """The description of the result's type, where one is set."""
    tokens: list[TokenRecord] = []
    joins: list[JoinRecord] = []
    pools: list[PoolRecord] = []
    interrupts: list[InterruptRecord] = []
    mail: Count | UnsetType = UNSET
    """Of a root: the number of the last message from outside that it has taken."""
    answered: list[str] | UnsetType = UNSET
    """Of a root that goes on: the ids of the last interrupts that were answered, for the error of a second answer."""
    nodes: dict[str, NodeRecord] = {}
    """The nodes by name that something in flight stands at, or came from."""
    fired: dict[str, Count] | UnsetType = UNSET
    """Of older documents: how often each listener and collect has fired."""
    events: dict[str, Any] | UnsetType = UNSET
    """The descriptions of the payloads of events that pending interrupts are to emit, by event."""
    received: Count | UnsetType = UNSET
    """The number of messages from outside so far; left out where there were none."""
    children: list[Snapshot] = []
    slices: dict[str, list[SliceRun]] | UnsetType = UNSET
    """Only in a head: the lists of the state that are in slices, each with these in order."""

    state_mark: StateMark | UnsetType = UNSET
    """Of what a save has made, not of children."""
    checksum: Count = 0
    """CRC-32 of the document with a 0 here, and null for a marked state: set when it is written, 0 in memory and in
    children."""

    def to_json(self) -> str:
        """Return the document as JSON text."""
        return self.to_bytes("json").decode()

    def to_msgpack(self) -> bytes:
        """Return the document as MessagePack."""
        return self.to_bytes("msgpack")

    def to_bytes(self, format: Format | None = None) -> bytes:
        """Return the document; without `format` in the encoding of its payloads, which is the quicker one."""
        snapshot = replace(self, checksum=0) if self.checksum else self
        if format is not None and format != self.encoding:
            wrapped = map_payloads(snapshot, lambda payload: Raw(ENCODE[format](bytes(payload))))
            return _with_checksum(ENCODE[format](wrapped), checksum_of(snapshot), format)
        if snapshot.state_mark is UNSET or snapshot.state is UNSET:
            body = ENCODE[self.encoding](snapshot)
            return _with_checksum(body, zlib.crc32(body), self.encoding)
        head, rest = around_state(snapshot)
        return b"".join((head, snapshot.state, rest))


MARKED_FROM: Final = 16 * 1024
"""Bytes of a state from which a mark is worth its while."""


def mark_state(state: Raw, fingerprint: str) -> StateMark:
    """Make the mark of a state that was just saved by the shape of a fingerprint."""
    return StateMark(at=0, size=memoryview(state).nbytes, crc=_crc_of_state(state, fingerprint))


def mark_of(snapshot: Snapshot) -> StateMark | UnsetType:
    """Make the mark of a snapshot that was just saved; UNSET where the state is so small that it is not worth it."""
    if snapshot.state is UNSET or memoryview(snapshot.state).nbytes < MARKED_FROM:
        return UNSET
    return mark_state(snapshot.state, snapshot.fingerprint)


def has_its_mark(snapshot: Snapshot) -> bool:
    """Return whether the state is the one that was marked; without a mark there is none that it could miss."""
    mark, state = snapshot.state_mark, snapshot.state
    if mark is UNSET:
        return True
    return state is not UNSET and mark == mark_state(state, snapshot.fingerprint)


def _crc_of_state(state: Raw, fingerprint: str) -> int:
    return zlib.crc32(state, zlib.crc32(fingerprint.encode()))


def checksum_of(snapshot: Snapshot) -> int:
    """Return the checksum that a snapshot is written with, in either form."""
    return zlib.crc32(ENCODE[snapshot.encoding](_without_state(replace(snapshot, checksum=0))))


NULL: Final[Mapping[Format, Raw]] = {"json": Raw(b"null"), "msgpack": Raw(b"\xc0")}
_HERE: Final = {format: Raw(ENCODE[format](os.urandom(16).hex())) for format in FORMATS}
"""What stands for the state while its place is looked for: random, so that no document has it."""


def _without_state(snapshot: Snapshot) -> Snapshot:
    """Put null for a marked state, which its mark verifies, and no place."""
    mark = snapshot.state_mark
    if mark is UNSET or snapshot.state is UNSET:
        return snapshot
    return replace(snapshot, state=NULL[snapshot.encoding], state_mark=replace(mark, at=0))


def around_state(snapshot: Snapshot) -> tuple[bytes, bytes]:
    """Return what is written before and behind a marked state: a state may be large, and nothing need look into it."""
    format = snapshot.encoding
    empty = _without_state(replace(snapshot, checksum=0))
    assert empty.state_mark is not UNSET
    head, _, rest = ENCODE[format](replace(empty, state=_HERE[format])).partition(_HERE[format])
    placed = replace(empty, state_mark=replace(empty.state_mark, at=len(head)))
    checksum = zlib.crc32(rest, zlib.crc32(NULL[format], zlib.crc32(head)))
    behind = memoryview(ENCODE[format](placed))[len(head) + memoryview(NULL[format]).nbytes :]
    return head, _with_checksum(behind, checksum, format)


def _with_checksum(body: bytes | memoryview, checksum: int, format: Format) -> bytes:
    """Put the checksum in the place of the 0 that stands last in the document."""
    if format == "json":
        return b"".join((memoryview(body)[:-2], str(checksum).encode(), b"}"))
    return b"".join((memoryview(body)[:-1], ENCODE[format](checksum)))


def map_payloads(snapshot: Snapshot, change: Callable[[Raw], Raw]) -> Snapshot:
    """Return the snapshot with every payload changed, those of its children too."""

    def token(record: TokenRecord) -> TokenRecord:
        return replace(record, value=change(record.value))

    def layer(payload: Raw | UnsetType) -> Raw | UnsetType:
        return payload if payload is UNSET else change(payload)

    def all_of(payloads: Iterable[Raw]) -> list[Raw]:
        return [change(payload) for payload in payloads]

    changes: dict[str, Any] = {
        "shape": change(snapshot.shape),
        "state": layer(snapshot.state),
        "flow_state": layer(snapshot.flow_state),
        "result": layer(snapshot.result),
        "tokens": [token(record) for record in snapshot.tokens],
        "joins": [
            replace(record, source=change(record.source), slots=[all_of(slot) for slot in record.slots])
            for record in snapshot.joins
        ],
        "pools": [
            replace(record, values=dict(zip(record.values, all_of(record.values.values()), strict=True)))
            for record in snapshot.pools
        ],
        "interrupts": [
            replace(
                record,
                payload=change(record.payload),
                token=token(record.token),
                default=UNSET if record.default is UNSET else change(record.default),
            )
            for record in snapshot.interrupts
        ],
        "children": [map_payloads(child, change) for child in snapshot.children],
    }
    return replace(snapshot, **changes)
