"""A document taken apart and put together again: the head, and a part for each field of its state.

The head is the document without its state. Part "s" names the fields in the order of the document, part "s/<name>" is
one field, by the name that it has in the document. Joined they are the document, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.snapshot.envelope import mark_of
from typedflow.snapshot.reading import read_document

NAMES: Final = "s"
"""The key of the part that names the fields."""
SUM: Final = 2**128
"""What the sum of the digests of all parts is taken modulo."""

_DECODE_NAMES: Final = msgspec.json.Decoder(list[str]).decode
_ENCODE: Final = msgspec.json.Encoder().encode


def key_of(field: str) -> str:
    """Return the key of the part of a field, by its name in the document."""
    return f"{NAMES}/{field}"


def encode_names(fields: list[str]) -> bytes:
    """Return the part that names the fields, in order."""
    return _ENCODE(fields)


def digest_of_part(key: str, data: bytes) -> int:
    """Return the digest of a part: it detects bytes that changed by accident, also those of another part."""
    return int.from_bytes(blake2b(data, digest_size=16, person=blake2b(key.encode(), digest_size=16).digest()).digest())


def join_document(head: bytes, parts: Mapping[str, bytes]) -> bytes:
    """Return the whole document; raises `SnapshotError` where the parts are not those of one state."""
    snapshot = read_document(head, max_bytes=len(head))
    try:
        names = _DECODE_NAMES(parts[NAMES])
        fields = [b"%s:%s" % (_ENCODE(name), parts[key_of(name)]) for name in names]
    except (KeyError, msgspec.MsgspecError):
        raise _incomplete() from None
    if len(parts) != len(names) + 1 or snapshot.state is not UNSET or snapshot.encoding != "json":
        raise _incomplete()
    snapshot.state = Raw(b"{%s}" % b",".join(fields))
    snapshot.state_mark = mark_of(snapshot)
    return snapshot.to_bytes()


def _incomplete() -> SnapshotError:
    return SnapshotError(snapshots.dangling_problem("state", "its parts are not those that were saved"), path="state")
