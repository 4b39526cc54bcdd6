"""Documents from anywhere: all their forms, and everything that is refused, quickly and by name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from typedflow import Snapshot, SnapshotError
from typedflow.engine.status import Status
from typedflow.snapshot.documents import ENCODE, Format
from typedflow.snapshot.envelope import (
    InterruptRecord,
    JoinRecord,
    NodeRecord,
    PoolRecord,
    ScopeRecord,
    TokenRecord,
    checksum_of,
)
from typedflow.snapshot.reading import LARGEST_DOCUMENT, read_document

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def small(format: Format = "json", **changes: Any) -> Snapshot:
    """Return a snapshot with something of everything."""

    def raw(value: Any) -> Raw:
        return Raw(ENCODE[format](value))

    child: dict[str, Any] = {
        "encoding": format,
        "flow": "child",
        "contract": "Child",
        "version": 1,
        "fingerprint": "c",
        "plan": "q",
        "execution_id": "e1.1",
        "sequence": 3,
        "status": Status.WAITING,
        "created": NOW,
        "saved": NOW,
        "shape": raw({}),
        "state": raw({"a": [1.5, "ü"]}),
    }
    made: dict[str, Any] = {
        **child,
        "flow": "review",
        "contract": "Review",
        "version": 2,
        "execution_id": "e1",
        "resource_keys": ["logger", "search"],
        "flow_state": raw({"n": 1}),
        "result": raw(None),
        "tokens": [
            TokenRecord(node="s", value=raw([1]), producer="q", scope=ScopeRecord(join=1, item=0)),
            TokenRecord(node="child", value=raw("x"), producer="q"),
        ],
        "joins": [
            JoinRecord(id=0, node="b", producer="q", source=raw("x"), slots=[[], [raw(1)]], launched=2),
            JoinRecord(
                id=1,
                node="c",
                producer="q",
                source=raw("x"),
                slots=[[]],
                launched=1,
                scope=ScopeRecord(join=0, item=0),
                hits=(1,),
            ),
        ],
        "pools": [PoolRecord(node="p", values={"a": raw(1)})],
        "interrupts": [
            InterruptRecord(
                id="i1",
                type="human",
                payload=raw({"q": 1}),
                token=TokenRecord(node="s", value=raw(2), producer="q"),
                since=NOW,
            )
        ],
        "nodes": {"s": NodeRecord(kind="step", carries="int", digest="d")},
        "fired": {"p": 2},
        "children": [Snapshot(**child, parent=1)],
    }
    return Snapshot(**(made | changes))


FORMS: list[Callable[[Snapshot], Any]] = [
    lambda snapshot: snapshot,
    lambda snapshot: snapshot.to_json(),
    lambda snapshot: snapshot.to_json().encode(),
    lambda snapshot: bytearray(snapshot.to_json().encode()),
    lambda snapshot: memoryview(snapshot.to_msgpack()),
    lambda snapshot: snapshot.to_msgpack(),
    lambda snapshot: snapshot.to_bytes(),
    lambda snapshot: json.loads(snapshot.to_json()),
    lambda snapshot: MappingProxyType(json.loads(snapshot.to_json())),
    lambda snapshot: json.dumps(json.loads(snapshot.to_json()), indent=2),
    lambda snapshot: "\n " + snapshot.to_json() + "\n",
    lambda snapshot: dict(reversed(json.loads(snapshot.to_json()).items())),
]


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("form", FORMS)
def test_document_is_read_from_each_of_its_forms(form: Callable[[Snapshot], Any], format: Format) -> None:
    snapshot = small(format)
    assert read_document(form(snapshot)) == snapshot


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_document_is_read_from_a_file(tmp_path: Path, format: Format) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(small().to_bytes(format))
    assert read_document(path) == small()


def test_snapshot_that_was_read_is_written_as_before() -> None:
    data = small().to_bytes()
    read = read_document(data)
    assert read.checksum == 0
    assert read.to_bytes() == data
    assert replace(read, checksum=5).to_bytes() == data


def test_a_str_is_always_text(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(small().to_bytes())
    with pytest.raises(SnapshotError, match="a str that looks like a path"):
        read_document(str(path))


def edited(**changes: Any) -> dict[str, Any]:
    """Return the mapping of a small snapshot with some of it changed, and a checksum that fits."""
    document: dict[str, Any] = json.loads(small().to_json()) | changes
    try:
        made = msgspec.convert({**document, "checksum": 0}, Snapshot)
    except msgspec.ValidationError:
        return document
    return document | {"checksum": checksum_of(made)}


REFUSED: list[tuple[Any, str, str, str]] = [
    (None, "TF904", "", "not from None"),
    (5, "TF904", "", "not from 5 (int)"),
    ([1], "TF904", "", "not from [1] (list)"),
    ("[1,2]", "TF905", "", "begins neither"),
    ("", "TF905", "", "it is empty"),
    ("nonsense", "TF905", "", "begins neither"),
    (b"\x00", "TF905", "", "begins neither"),
    ("{", "TF905", "", "truncated"),
    ("{}", "TF912", "", "missing required field"),
    ("\ud800", "TF905", "", "surrogates not allowed"),
    (b'{"flow":"\xff"}', "TF905", "", "utf-8"),
    (small().to_json() + "x", "TF905", "", "trailing"),
    (small().to_msgpack() + b"\x00", "TF905", "", "trailing"),
    (edited(format=3), "TF907", "format", "format version 3"),
    (edited(format=3, other=1), "TF907", "format", "format version 3"),
    (edited(other=1), "TF910", "", "unknown field 'other'"),
    (edited(version="1"), "TF912", "version", "Expected `int`, got `str`"),
    (edited(version=0), "TF912", "version", "`int` >= 1"),
    (edited(status="gone"), "TF912", "status", "Invalid enum value"),
    (edited(saved="2026-01-01T00:00:00"), "TF912", "saved", "timezone"),
    (edited(tokens=[{"node": "s"}]), "TF912", "tokens[0]", "missing required field"),
    (edited(encoding="pickle"), "TF912", "encoding", "Invalid enum value"),
    (edited(encoding="msgpack"), "TF912", "", "Expected `bytes`"),
    (edited(children=None), "TF912", "children", "Expected `array`"),
    (json.loads(small().to_json()) | {"sequence": 4}, "TF906", "checksum", "changed after it was written"),
    (json.loads(small().to_json()) | {"checksum": 0}, "TF906", "checksum", "changed after it was written"),
    ({"a": object()}, "TF905", "", "a mapping is the JSON form"),
    ({1: 2}, "TF905", "", "a mapping is the JSON form"),
    (small(execution_id="../x"), "TF913", "execution_id", "is no execution id"),
    (small(execution_id="a\n"), "TF913", "execution_id", "is no execution id"),
    (small(execution_id="x" * 10_000), "TF913", "execution_id", "is no execution id"),
    (small(saved=NOW.astimezone(timezone(timedelta(hours=1)))), "TF913", "saved", "a time in UTC was expected"),
    (small(resource_keys=["b", "a"]), "TF913", "resource_keys", "sorted keys"),
    (small(resource_keys=["a", "a"]), "TF913", "resource_keys", "sorted keys"),
    (small(parent=0), "TF913", "parent", "only a child"),
    (small(joins=[]), "TF913", "tokens[0].scope", "there is no join 1"),
    (small(tokens=[]), "TF913", "children[0].parent", "the parent has no token 1"),
    (small(children=[replace(small().children[0], parent=None)]), "TF913", "children[0].parent", "no token None"),
    (small(children=[replace(small().children[0], checksum=1)]), "TF913", "children[0].format", "no checksum"),
    (small(joins=small().joins[::-1]), "TF913", "joins[0].scope", "there is no join 0 before it"),
    (small(joins=small().joins + small().joins[:1]), "TF913", "joins[2].id", "two joins 0"),
    (small(joins=[replace(each, launched=5) for each in small().joins]), "TF913", "joins[0].slots", "2 slots"),
    (small(joins=[replace(each, launched=0) for each in small().joins]), "TF913", "joins[1].scope", "not launched"),
    (small(pools=[replace(small().pools[0], scope=ScopeRecord(join=9, item=0))]), "TF913", "pools[0].scope", "join 9"),
    (small(interrupts=small().interrupts * 2), "TF913", "interrupts[1].id", "two interrupts 'i1'"),
    (small(interrupts=[replace(small().interrupts[0], id="/")]), "TF913", "interrupts[0].id", "no interrupt id"),
    (
        small(interrupts=[replace(small().interrupts[0], since=NOW.astimezone(timezone(timedelta(hours=1))))]),
        "TF913",
        "interrupts[0].since",
        "a time in UTC was expected",
    ),
    (small(answered=["/"]), "TF913", "answered", "interrupt ids were expected"),
    (small(answered=["a", "a"]), "TF913", "answered", "interrupt ids were expected, each once"),
    (
        small(children=[replace(small().children[0], answered=["a"])]),
        "TF913",
        "children[0].answered",
        "what was answered is told by the root",
    ),
    (small(state=Raw(b"{")), "TF905", "", "malformed"),
    (small(version="x"), "TF912", "version", "Expected `int`"),
    (small(tokens=[object()]), "TF905", "", "unsupported"),
]


@pytest.mark.parametrize("source, code, path, reason", REFUSED)
def test_document_is_refused_by_name(source: Any, code: str, path: str, reason: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        read_document(source)
    assert caught.value.code == code, caught.value
    assert caught.value.path == path
    assert reason.lower() in str(caught.value).lower()  # the words are those of msgspec


@pytest.mark.parametrize("indent", [None, 1])
def test_doubled_key_is_refused(indent: int | None) -> None:
    text = json.dumps(json.loads(small().to_json()), indent=indent)
    with pytest.raises(SnapshotError, match="the key 'flow' twice"):
        read_document(text.replace('"flow"', '"flow": "other", "flow"', 1))


def test_doubled_key_is_refused_in_messagepack() -> None:
    data = small("msgpack").to_bytes()
    assert data[:2] == b"\xde\x00"
    doubled = data[:2] + bytes([data[2] + 1]) + b"\xa4flow\xa1x" + data[3:]
    with pytest.raises(SnapshotError, match="twice"):
        read_document(doubled)


def test_file_that_is_not_there_is_a_snapshot_error(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="does not exist"):
        read_document(tmp_path / "none")
    with pytest.raises(SnapshotError, match="cannot be read: Is a directory"):
        read_document(tmp_path)
    with pytest.raises(SnapshotError, match="cannot be read"):
        read_document(Path("a\0b"))


@pytest.mark.parametrize("source", ["x" * 11, b"x" * 11, memoryview(b"x" * 11), {"a": "x" * 11}, "ü" * 6])
def test_oversized_document_is_refused_before_it_is_decoded(source: Any) -> None:
    with pytest.raises(SnapshotError) as caught:
        read_document(source, max_bytes=10)
    assert caught.value.code == "TF908"


def test_oversized_file_is_not_read_whole() -> None:
    with pytest.raises(SnapshotError) as caught:
        read_document(Path("/dev/zero"))
    assert caught.value.code == "TF908"


def with_state(payload: bytes) -> bytes:
    """Return a document around a JSON payload that was not checked."""
    return small(state=Raw(payload)).to_bytes()


HOSTILE: list[tuple[str, Callable[[], bytes | str]]] = [
    ("a million brackets", lambda: b'{"a":' + b"[" * 1_000_000),
    ("a million brackets in a payload", lambda: with_state(b"[" * 1_000_000 + b"]" * 1_000_000)),
    ("15 MB of empty lists", lambda: b'{"a":[' + b"[]," * 5_000_000 + b"[]]}"),
    ("4 MB of empty lists", lambda: b'{"a":[' + b"[]," * 1_390_000 + b"[]]}"),
    ("10 M digits", lambda: b'{"format":' + b"1" * 10_000_000 + b"}"),
    ("4 M digits", lambda: b'{"format":' + b"1" * 4_000_000 + b"}"),
    ("100 MB", lambda: b"{" + b" " * 100_000_000 + b"}"),
    ("array of 4 G items", lambda: b"\x81\xa6tokens\xdd\xff\xff\xff\xff"),
    ("map of 4 G entries", lambda: b"\xdf\xff\xff\xff\xff\xa1a\x01"),
    ("text of 4 GB", lambda: b"\x81\xa4flow\xdb\xff\xff\xff\xff"),
    ("bytes of 4 GB", lambda: b"\x81\xa5state\xc6\xff\xff\xff\xff"),
    ("children without end", lambda: b'{"children":[' * 100_000),
    ("nested maps", lambda: b"\x81\xa1a" * 1_000_000),
]


@pytest.mark.parametrize("make", [make for _, make in HOSTILE], ids=[name for name, _ in HOSTILE])
@pytest.mark.thin(3)
def test_hostile_document_is_refused_within_a_second(make: Callable[[], bytes | str]) -> None:
    data = make()
    start = time.perf_counter()
    with pytest.raises(SnapshotError):
        read_document(data)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("data", [small().to_bytes(), small().to_msgpack(), small("msgpack").to_bytes()])
def test_every_prefix_is_refused(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(SnapshotError):
            read_document(data[:length])


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_every_flipped_byte_is_refused_or_changes_nothing(format: Format, mask: int) -> None:
    snapshot = small(format)
    data = snapshot.to_bytes()
    for index, byte in enumerate(data):
        flipped = data[:index] + bytes([byte ^ mask]) + data[index + 1 :]
        try:
            read = read_document(flipped)
        except SnapshotError:
            continue
        assert read == snapshot


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 10_000), st.sampled_from(["json", "msgpack"]))
def test_any_splice_is_refused_or_changes_nothing(noise: bytes, place: int, format: Format) -> None:
    snapshot = small(format)
    data = snapshot.to_bytes()
    at = place % len(data)
    try:
        read = read_document(data[:at] + noise + data[at + len(noise) // 2 :])
    except SnapshotError:
        return
    assert read == snapshot


def test_default_cap_is_four_mebibytes() -> None:
    assert LARGEST_DOCUMENT == 4 * 2**20
