"""Reading a snapshot, from wherever it comes: nothing is trusted, nothing is loaded in parts.

What is checked here is the document: its size, form, fields, references and checksum. Whether it belongs to a flow, and
its payloads to the flow's types, is for those who load it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw
from msgspec.structs import replace

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.rules.wording import describe, quoted
from typedflow.snapshot.consistency import faults_of
from typedflow.snapshot.documents import (
    ENCODE,
    Format,
    compile_decoder,
    find_unplain,
    reading,
    strict_tree,
    unreadable,
)
from typedflow.snapshot.envelope import (
    FORMAT_VERSION,
    NULL,
    READABLE,
    Snapshot,
    StateMark,
    around_state,
    checksum_of,
    has_its_mark,
    map_payloads,
)

LARGEST_DOCUMENT: Final = 4 * 1024 * 1024
"""The largest document that is read unless the caller says otherwise, bytes."""

Source: TypeAlias = Snapshot | Mapping[str, Any] | str | bytes | bytearray | memoryview | os.PathLike[str]


class _Header(msgspec.Struct):
    """Read what every version of the envelope has."""

    format: int


_DECODE: Final = compile_decoder(Snapshot)
_DECODE_HEADER: Final = compile_decoder(_Header)
_DECODE_BYTES: Final = compile_decoder(bytes)


def read_document(source: Source, *, max_bytes: int = LARGEST_DOCUMENT) -> Snapshot:
    """Read and check a document; raises `SnapshotError` with the place and the reason, and nothing else.

    A str is always text. JSON and MessagePack are told apart by the first byte. A mapping is the JSON form, as
    `json.loads` gives it. `max_bytes` bounds a document before it is decoded; a Snapshot at hand has no such bound.
    """
    match source:
        case Snapshot():
            with reading(""):
                data = source.to_bytes()
        case str():
            if len(source) > max_bytes:
                raise SnapshotError(snapshots.oversized_problem(f"at least {len(source)}", max_bytes))
            if _looks_like_a_path(source):
                raise SnapshotError(snapshots.not_a_document_problem(f"{quoted(source)}, a str that looks like a path"))
            with reading(""):
                data = source.encode()
        case bytes() | bytearray() | memoryview():
            _require_size(len(source) if not isinstance(source, memoryview) else source.nbytes, max_bytes)
            data = bytes(source)
        case os.PathLike():
            data = _read_file(source, max_bytes)
        case Mapping():
            data = _encode_mapping(source)
        case _:
            raise SnapshotError(snapshots.not_a_document_problem(describe(source)))
    if not isinstance(source, Snapshot):
        _require_size(len(data), max_bytes)
    return _read(data)


def read_head(data: bytes) -> Snapshot:
    """Read a document that lacks what is kept in parts; what refers to that cannot be checked yet."""
    return _read_undisputed(data)


def _looks_like_a_path(text: str) -> bool:
    """Return whether a text that can be no snapshot names a file."""
    named = "/" in text or "\\" in text or text.endswith((".json", ".msgpack", ".mp"))
    return named and "\n" not in text and not text.lstrip().startswith("{")


def _require_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise SnapshotError(snapshots.oversized_problem(str(size), max_bytes))


def _read_file(path: os.PathLike[str], max_bytes: int) -> bytes:
    """Read one byte more than allowed at the most, whatever the file is."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise SnapshotError(snapshots.no_file_problem(os.fspath(path))) from error
    except (OSError, ValueError) as error:
        text = f"{quoted(os.fspath(path))} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise SnapshotError(snapshots.malformed_problem(text)) from error
    if len(data) > max_bytes:
        raise SnapshotError(snapshots.oversized_problem(f"more than {max_bytes}", max_bytes))
    return data


def _encode_mapping(mapping: Mapping[str, Any]) -> bytes:
    with reading(""):
        plain = dict(mapping)
        fault = find_unplain(plain, "json")
        if fault is not None:
            raise SnapshotError(
                snapshots.malformed_problem(f"a mapping is the JSON form, with no {describe(fault[1])} in it")
            )
        return ENCODE["json"](plain)


def _read(data: bytes) -> Snapshot:
    snapshot = _read_undisputed(data)
    with reading(""):
        for place, reason in faults_of(snapshot):
            raise SnapshotError(snapshots.inconsistent_problem(place, reason), path=place)
    return snapshot


def _read_undisputed(data: bytes) -> Snapshot:
    """Read a document and check that it is what was written, but not what it refers to."""
    format = _format_of(data)
    snapshot = _read_marked(data, format)
    if snapshot is None:
        snapshot, checksum = _decode(data, format)
        with reading(""):
            if snapshot.to_bytes(format) != data:
                snapshot = _read_reformatted(data, format, checksum)
    if not has_its_mark(snapshot):
        raise SnapshotError(snapshots.altered_problem(), path="state")
    return snapshot


class _Tail(msgspec.Struct, forbid_unknown_fields=True):
    """Read how a document with a marked state ends."""

    state_mark: StateMark
    checksum: int


_LONGEST_TAIL: Final = 128
_TAIL_KEY: Final[Mapping[Format, bytes]] = {"json": b',"state_mark":', "msgpack": b"\xaastate_mark"}
_TAIL_START: Final[Mapping[Format, bytes]] = {"json": b"{", "msgpack": b"\x82\xaa"}
"""What makes an object of its own of a tail that lacks its first byte."""
_DECODE_TAIL: Final = compile_decoder(_Tail)


def _read_marked(data: bytes, format: Format) -> Snapshot | None:
    """Read a document round its state, which may be large and is for its own type to decode.

    Gives None for all that is not, byte for byte, what would be written: that takes the long way.
    """
    tail = data.rfind(_TAIL_KEY[format], max(0, len(data) - _LONGEST_TAIL))
    if tail < 0:
        return None
    try:
        mark: StateMark = _DECODE_TAIL[format](_TAIL_START[format] + data[tail + 1 :]).state_mark
        end = mark.at + mark.size
        snapshot, _ = _decode(b"".join((data[: mark.at], NULL[format], data[end:])), format)
    except Exception:  # a decoder raises more than its own errors; the long way words them
        return None
    if snapshot.encoding != format or snapshot.state is UNSET or end > tail:
        return None
    snapshot.state = Raw(data[mark.at : end])
    head, rest = around_state(snapshot)
    return snapshot if len(head) == mark.at and data.startswith(head) and data[end:] == rest else None


def _format_of(data: bytes) -> Format:
    start = data[:1]
    if start in (b"\xde", b"\xdf") or b"\x80" <= start <= b"\x8f":
        return "msgpack"
    if start in (b"{", b" ", b"\t", b"\r", b"\n"):
        return "json"
    reason = "it begins neither as a JSON object nor as a MessagePack map" if data else "it is empty"
    raise SnapshotError(snapshots.malformed_problem(reason))


def _decode(data: bytes, format: Format) -> tuple[Snapshot, int]:
    """Decode a document; return the snapshot without its checksum, and the checksum."""
    try:
        snapshot: Snapshot = _DECODE[format](data)
    except Exception as error:  # a decoder raises more than its own errors
        _require_version(data, format)
        raise unreadable(error, "") from error
    if snapshot.format not in READABLE:
        raise SnapshotError(snapshots.unknown_format_problem(str(snapshot.format), FORMAT_VERSION), path="format")
    checksum = snapshot.checksum
    snapshot.checksum = 0
    if snapshot.state_mark is not UNSET:
        snapshot.state_mark = replace(snapshot.state_mark, at=0)
    if snapshot.encoding != format:
        with reading(""):
            snapshot = map_payloads(snapshot, lambda payload: Raw(_DECODE_BYTES[format](payload)))
    return snapshot, checksum


def _require_version(data: bytes, format: Format) -> None:
    """Raise `SnapshotError` for a document of another format version; a broken one is left to the caller."""
    try:
        version = _DECODE_HEADER[format](data).format
    except Exception:  # the caller has the error that counts
        return
    if version not in READABLE:
        raise SnapshotError(snapshots.unknown_format_problem(str(version), FORMAT_VERSION), path="format")


def _read_reformatted(data: bytes, format: Format, checksum: int) -> Snapshot:
    """Read a document that is not spelt as it was written: indented, or in another order; else it is damaged."""
    compact = ENCODE[format](strict_tree(data, format))
    snapshot, _ = _decode(compact, format)
    if checksum_of(snapshot) != checksum:
        raise SnapshotError(snapshots.altered_problem(), path="checksum")
    return snapshot
