"""A document taken apart and put together again: the head, and its parts. Joined they are the document, byte for byte.

Part "s" names the fields of the state in the order of the document, part "s/<name>" is one field, by the name that it
has in the document. Part "l/<name>/<n>" is a slice of a field that is a long list; the head names the slices in order.
Part "j/<block>/<item>" is a filled slot of a long for_each, "j/<block>/i/<n>" some items of its source that were not
started yet. Part "i/<n>" is a pending interrupt, with the number and item of the block that it is in. Part "c/<n>" is a
child execution that waits: the same of its token, the token, and its snapshot. What is no part is in the head.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from operator import itemgetter
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.snapshot.envelope import (
    NULL,
    InterruptRecord,
    JoinRecord,
    ScopeRecord,
    SliceRun,
    Snapshot,
    TokenRecord,
    mark_of,
)
from typedflow.snapshot.reading import read_head

NAMES: Final = "s"
"""The key of the part that names the fields."""
SLICES: Final = "l"
"""What the keys of slices begin with."""
SUM: Final = 2**128
"""What the sum of the digests of all parts is taken modulo."""

CHUNK: Final = 256
"""Items of the source of a for_each in one part."""

_DECODE_ITEMS: Final = msgspec.json.Decoder(tuple[int, list[Raw]]).decode
_DECODE_NAMES: Final = msgspec.json.Decoder(list[str]).decode
_DECODE_CHILD: Final = msgspec.json.Decoder(tuple[tuple[int, int] | None, TokenRecord, Snapshot]).decode
_DECODE_INTERRUPT: Final = msgspec.json.Decoder(tuple[tuple[int, int] | None, InterruptRecord]).decode
_ENCODE: Final = msgspec.json.Encoder().encode


def key_of(field: str) -> str:
    """Return the key of the part of a field, by its name in the document."""
    return f"{NAMES}/{field}"


def slice_key(field: str, number: int) -> str:
    """Return the key of the part of a slice of a list, by the name of the field in the document."""
    return f"{SLICES}/{field}/{number}"


def encode_names(fields: list[str]) -> bytes:
    """Return the part that names the fields, in order."""
    return _ENCODE(fields)


def digest_of_part(key: str, data: bytes) -> int:
    """Return the digest of a part: it detects bytes that changed by accident, also those of another part."""
    return int.from_bytes(blake2b(data, digest_size=16, person=blake2b(key.encode(), digest_size=16).digest()).digest())


def slot_key(block: int, item: int) -> str:
    """Return the key of the part of one slot of a block instance."""
    return f"j/{block}/{item}"


def chunk_key(block: int, chunk: int) -> str:
    """Return the key of a part of the source of a block instance: items that were not started yet, `CHUNK` at most."""
    return f"j/{block}/i/{chunk}"


def interrupt_key(number: int) -> str:
    """Return the key of the part of an interrupt; they are in the order of their numbers."""
    return f"i/{number}"


def encode_interrupt(scope: tuple[int, int] | None, record: InterruptRecord) -> bytes:
    """Return the part of an interrupt: the number of the block that it is in, its item there, and its record."""
    return _ENCODE((scope, record))


def child_key(number: int) -> str:
    """Return the key of the part of a child that waits; they are in the order of their numbers, behind all others."""
    return f"c/{number}"


def encode_child(scope: tuple[int, int] | None, token: TokenRecord, child: Snapshot) -> bytes:
    """Return the part of a child: the number of the block that its token is in, the item there, the token, the child.

    The child has no sequence and no place in its parent: those of the save are put in when it is read.
    """
    return _ENCODE((scope, token, child))


def join_document(head: bytes, parts: Mapping[str, bytes]) -> bytes:
    """Return the whole document; raises `SnapshotError` where the parts are not those of one save."""
    snapshot = read_head(head)
    if snapshot.encoding != "json":
        raise _incomplete("encoding")
    used = _join_state(snapshot, parts) if NAMES in parts else 0
    snapshot.slices = UNSET
    numbers = {record.part[0]: record.id for record in snapshot.joins if record.part is not UNSET}
    used += _join_interrupts(snapshot, parts, numbers)
    used += _join_children(snapshot, parts, numbers)
    joins = list(snapshot.joins)
    for index, record in enumerate(joins):
        if record.part is not UNSET:
            joins[index], count = _join_block(record, record.part, parts)
            used += count
    if used != len(parts):
        raise _incomplete("joins")
    snapshot.joins = joins
    return snapshot.to_bytes()


def _join_state(snapshot: Snapshot, parts: Mapping[str, bytes]) -> int:
    """Put the fields together; return the number of parts that this took."""
    sliced: dict[str, list[SliceRun]] = {} if snapshot.slices is UNSET else snapshot.slices
    used, fields = 1, []
    try:
        names = _DECODE_NAMES(parts[NAMES])
        for name in names:
            found = [parts[key] for key in (_slice_keys(name, sliced[name]) if name in sliced else [key_of(name)])]
            fields.append(b"%s:%s" % (_ENCODE(name), _join_slices(found) if name in sliced else found[0]))
            used += len(found)
    except (KeyError, msgspec.MsgspecError):
        raise _incomplete("state") from None
    if snapshot.state is not UNSET or not sliced.keys() <= {*names}:
        raise _incomplete("state")
    snapshot.state = Raw(b"{%s}" % b",".join(fields))
    snapshot.state_mark = mark_of(snapshot)
    return used


def _slice_keys(name: str, runs: Iterable[SliceRun]) -> Iterator[str]:
    """Return the keys of the slices of a list, in order: one by one, as a head may name more than there can be."""
    return (slice_key(name, first + index) for first, slices, _ in runs for index in range(slices))


def _join_slices(slices: Iterable[bytes]) -> bytes:
    """Return the list that slices make together."""
    return b"[%s]" % b",".join([data[1:-1] for data in slices])


def _join_interrupts(snapshot: Snapshot, parts: Mapping[str, bytes], numbers: Mapping[int, int]) -> int:
    """Put the interrupts together, in order; return the number of parts that this took.

    `numbers` are the ids of the joins in the document, by the numbers of their block instances.
    """
    found = [(-1 if record.order is UNSET else record.order, record) for record in snapshot.interrupts]
    keys = [key for key in parts if key.startswith("i/")]
    for key in keys:
        try:
            scope, record = _DECODE_INTERRUPT(parts[key])
            placed = msgspec.structs.replace(record, token=_placed(record.token, scope, numbers))
            found.append((int(key.partition("/")[2]), placed))
        except (KeyError, ValueError):  # a msgspec error is a ValueError
            raise _incomplete("interrupts") from None
    found.sort(key=itemgetter(0))
    snapshot.interrupts = [
        record if record.order is UNSET else msgspec.structs.replace(record, order=UNSET) for _, record in found
    ]
    return len(keys)


def _placed(token: TokenRecord, scope: tuple[int, int] | None, numbers: Mapping[int, int]) -> TokenRecord:
    if scope is None:
        return token
    return msgspec.structs.replace(token, scope=ScopeRecord(join=numbers[scope[0]], item=scope[1]))


def _join_children(snapshot: Snapshot, parts: Mapping[str, bytes], numbers: Mapping[int, int]) -> int:
    """Put the children that wait behind all others, in order; return the number of parts that this took."""
    tokens, children = list(snapshot.tokens), list(snapshot.children)
    keys = [key for key in parts if key.startswith("c/")]
    try:
        for key in sorted(keys, key=lambda key: int(key.partition("/")[2])):
            scope, token, child = _DECODE_CHILD(parts[key])
            children.append(_saved_with(child, snapshot, len(tokens)))
            tokens.append(_placed(token, scope, numbers))
    except (KeyError, ValueError):
        raise _incomplete("children") from None
    snapshot.tokens, snapshot.children = tokens, children
    return len(keys)


def _saved_with(child: Snapshot, parent: Snapshot, place: int | None) -> Snapshot:
    """Return a child, and all below it, as part of a save: `place` is that of its token in the parent."""
    below = [_saved_with(each, parent, each.parent) for each in child.children]
    return msgspec.structs.replace(child, sequence=parent.sequence, saved=parent.saved, parent=place, children=below)


def _join_block(record: JoinRecord, part: tuple[int, int], parts: Mapping[str, bytes]) -> tuple[JoinRecord, int]:
    """Put the slots and the source of a block instance together; return the number of parts that this took as well."""
    number, size = part
    filled = [parts.get(slot_key(number, item)) for item in range(size)]
    slots = [[] if data is None else [Raw(data)] for data in filled]
    source: list[Raw] = []
    chunks = range(record.launched // CHUNK, (size - 1) // CHUNK + 1) if record.launched < size else range(0)
    for chunk in chunks:
        try:
            first, items = _DECODE_ITEMS(parts[chunk_key(number, chunk)])
        except (KeyError, msgspec.MsgspecError):
            raise _incomplete("joins") from None
        source += items[max(0, record.launched - first) :]
    if len(source) != size - record.launched:
        raise _incomplete("joins")
    raw = Raw(_ENCODE(source)) if source else NULL["json"]
    used = size - filled.count(None) + len(chunks)
    return msgspec.structs.replace(record, slots=slots, source=raw, part=UNSET), used


def _incomplete(path: str) -> SnapshotError:
    return SnapshotError(snapshots.dangling_problem(path, "its parts are not those that were saved"), path=path)
