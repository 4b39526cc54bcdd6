"""What a snapshot holds: one Struct, with the records of everything in flight. Plain data, no names to import.

A payload (a value of a type that the flow declares) stays raw bytes until the header is settled: it is decoded by the
flow's own types, never by what the document says. `typedflow.snapshot.reading` reads documents.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, final

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType
from msgspec.structs import replace

from typedflow.engine.status import Status
from typedflow.snapshot.documents import ENCODE, Format

FORMAT_VERSION: Final = 1
"""The version of the envelope itself. A later one is read by upgrading the document before it is decoded."""

Count = Annotated[int, Meta(ge=0)]
Version = Annotated[int, Meta(ge=1)]
Moment = Annotated[datetime, Meta(tz=True)]
Slot = Annotated[list[Raw], Meta(max_length=1)]
"""One slot of a join: `[value]`, or `[]` where no value has come yet."""


class _Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Share the options of all records."""


@final
class ScopeRecord(_Record, frozen=True):
    """The inside of one item of a round: the join's id, and the item's index in its slots."""

    join: Count
    item: Count


@final
class TokenRecord(_Record, frozen=True):
    """A value in front of a node; nodes are named, because indexes change with the flow."""

    node: str
    value: Raw
    producer: str
    """The node whose output the value is: its type says how the value is coded."""
    visit: Count = 0
    scope: ScopeRecord | None = None


@final
class JoinRecord(_Record, frozen=True):
    """One open round of a block; a join stands in the list behind the one that it is inside of."""

    id: Count
    node: str
    producer: str
    source: Raw
    slots: list[Slot]
    launched: Count
    visit: Count = 0
    scope: ScopeRecord | None = None
    hits: tuple[Count, ...] | None = None
    released: list[Count] = []
    """Items that gave their place under the block's bound away while they pause."""


@final
class PoolRecord(_Record, frozen=True):
    """What a `collect` or a `when(mode="and")` has gathered, by the name of the branch or trigger."""

    node: str
    values: dict[str, Raw]
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


@final
class NodeRecord(_Record, frozen=True):
    """What a node was that something stands at or came from: it has to be the same after a change of the flow."""

    kind: str
    carries: str
    """The type of its outputs, for people."""
    digest: str
    """Of that type with all that is in it."""
    slots: list[str] = []
    """The branches of a block or collect, the triggers of a listener."""


@final
class Snapshot(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One execution, as it was saved: what `execution.save()` gives and `load` takes.

    It names no class or function, and holds no resource. The payloads are raw bytes in `encoding`. Equal snapshots have
    equal payload bytes.
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
    tokens: list[TokenRecord] = []
    joins: list[JoinRecord] = []
    pools: list[PoolRecord] = []
    interrupts: list[InterruptRecord] = []
    answered: list[str] | UnsetType = UNSET
    """Of a root that goes on: the ids of the last interrupts that were answered, for whoever answers one twice."""
    nodes: dict[str, NodeRecord] = {}
    """The nodes by name that something in flight stands at, or came from."""
    fired: dict[str, Count] = {}
    """How often each listener and collect has fired, by node."""
    children: list[Snapshot] = []

    checksum: Count = 0
    """CRC-32 of the document with a 0 here: set when it is written, 0 in memory and in children."""

    def to_json(self) -> str:
        """Give the document as JSON text."""
        return self.to_bytes("json").decode()

    def to_msgpack(self) -> bytes:
        """Give the document as MessagePack."""
        return self.to_bytes("msgpack")

    def to_bytes(self, format: Format | None = None) -> bytes:
        """Give the document; without `format` in the encoding of its payloads, which is the quicker one."""
        snapshot = replace(self, checksum=0) if self.checksum else self
        body = ENCODE[self.encoding](snapshot)
        checksum = zlib.crc32(body)
        if format is not None and format != self.encoding:
            wrapped = map_payloads(snapshot, lambda payload: Raw(ENCODE[format](bytes(payload))))
            body = ENCODE[format](wrapped)
        return _with_checksum(body, checksum, format or self.encoding)


def checksum_of(snapshot: Snapshot) -> int:
    """Give the checksum that a snapshot is written with, in either form."""
    return zlib.crc32(ENCODE[snapshot.encoding](replace(snapshot, checksum=0)))


def _with_checksum(body: bytes, checksum: int, format: Format) -> bytes:
    """Put the checksum in the place of the 0 that stands last in the document."""
    if format == "json":
        return b"".join((memoryview(body)[:-2], str(checksum).encode(), b"}"))
    return b"".join((memoryview(body)[:-1], ENCODE[format](checksum)))


def map_payloads(snapshot: Snapshot, change: Callable[[Raw], Raw]) -> Snapshot:
    """Give the snapshot with every payload changed, those of its children too."""

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
            replace(record, payload=change(record.payload), token=token(record.token)) for record in snapshot.interrupts
        ],
        "children": [map_payloads(child, change) for child in snapshot.children],
    }
    return replace(snapshot, **changes)
