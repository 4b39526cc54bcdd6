"""The mark of a state: a document with one is read round its state, and says no less of what was changed in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from msgspec.structs import replace

from typedflow import Contract, Data, Execution, Flow, Snapshot, SnapshotError, State
from typedflow.snapshot import envelope
from typedflow.snapshot.documents import Format
from typedflow.snapshot.envelope import mark_state
from typedflow.snapshot.reading import read_document


@pytest.fixture(autouse=True)
def mark_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mark a small state too."""
    monkeypatch.setattr(envelope, "MARKED_FROM", 0)


FORMATS: list[Format] = ["json", "msgpack"]


class Line(msgspec.Struct):
    sku: str
    note: str | None = None


class Order(State):
    lines: list[Line] = []
    state_mark: dict[str, int] = {}


class Ordering(Contract):
    input: int
    result: int
    state: Order


async def ask(data: Data[Ordering, int]) -> int:
    data.pause_for("go on?")


def flow_of() -> Flow[Ordering]:
    flow = Flow(Ordering, name="ordering")
    flow.to(ask).end()
    return flow


def saved(format: Format = "json") -> Snapshot:
    """Return a snapshot whose state holds what could be taken for the end of a document."""
    lines = [Line('","state_mark":{"at":1,"size":1,"crc":1},"checksum":1}'), Line("ü", "\xaastate_mark")]
    execution = flow_of().create_execution(state=Order(lines=lines, state_mark={"at": 1, "checksum": 2}))
    execution.start(1)
    return execution.save(format=format)


def loaded(source: Any) -> Execution[Ordering]:
    return flow_of().create_execution().load(source)


FORMS: list[Callable[[Snapshot], Any]] = [
    lambda snapshot: snapshot,
    lambda snapshot: snapshot.to_bytes(),
    lambda snapshot: snapshot.to_json(),
    lambda snapshot: snapshot.to_msgpack(),
    lambda snapshot: json.loads(snapshot.to_json()),
    lambda snapshot: json.dumps(json.loads(snapshot.to_json()), indent=2),
    lambda snapshot: dict(reversed(json.loads(snapshot.to_json()).items())),
]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("form", FORMS)
def test_marked_document_is_read_from_each_of_its_forms(form: Callable[[Snapshot], Any], format: Format) -> None:
    snapshot = saved(format)
    assert read_document(form(snapshot)) == snapshot
    assert loaded(form(snapshot)).state.lines[1] == Line("ü", "\xaastate_mark")


@pytest.mark.parametrize("format", FORMATS)
def test_document_that_was_read_is_written_as_before(format: Format) -> None:
    data = saved(format).to_bytes()
    assert read_document(data).to_bytes() == data


@pytest.mark.parametrize("format", FORMATS)
def test_mark_says_where_the_state_is(format: Format) -> None:
    snapshot = saved(format)
    data = snapshot.to_bytes()
    tree = (msgspec.json if format == "json" else msgspec.msgpack).decode(data)
    at, size = tree["state_mark"]["at"], tree["state_mark"]["size"]
    assert data[at : at + size] == bytes(snapshot.state)  # type: ignore[arg-type]  # there is one


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_every_flipped_byte_is_refused_or_changes_nothing(format: Format, mask: int) -> None:
    snapshot = saved(format)
    data = snapshot.to_bytes()
    for index, byte in enumerate(data):
        flipped = data[:index] + bytes([byte ^ mask]) + data[index + 1 :]
        try:
            read = read_document(flipped)
        except SnapshotError:
            continue
        assert read == snapshot


@pytest.mark.parametrize("format", FORMATS)
def test_every_prefix_and_every_trailing_byte_is_refused(format: Format) -> None:
    data = saved(format).to_bytes()
    for length in range(len(data)):
        with pytest.raises(SnapshotError):
            read_document(data[:length])
    with pytest.raises(SnapshotError):
        read_document(data + b"}")


def payload(lines: Any) -> Raw:
    return Raw(msgspec.json.encode({"lines": lines, "state_mark": {}}))


@pytest.mark.parametrize(
    "state", [payload([]), payload([{"sku": "a", "note": None, "prize": 1}]), msgspec.UNSET], ids=["less", "more", "no"]
)
@pytest.mark.parametrize("form", FORMS)
def test_state_that_was_put_in_place_of_the_marked_one_is_refused(form: Callable[[Snapshot], Any], state: Any) -> None:
    with pytest.raises(SnapshotError, match="changed after it was written") as caught:
        loaded(form(replace(saved(), state=state)))
    assert caught.value.path == "state"


def test_state_of_another_shape_does_not_keep_its_mark() -> None:
    snapshot = saved()
    with pytest.raises(SnapshotError) as caught:
        read_document(replace(snapshot, fingerprint="0" * len(snapshot.fingerprint)))
    assert caught.value.path == "state"


@pytest.mark.parametrize("form", FORMS)
def test_state_without_a_mark_is_read_strictly(form: Callable[[Snapshot], Any]) -> None:
    snapshot = replace(saved(), state_mark=msgspec.UNSET)
    assert len(loaded(form(snapshot)).state.lines) == 2
    odd = replace(snapshot, state=payload([{"sku": "a", "note": None, "prize": 1}]))
    with pytest.raises(SnapshotError, match="Line has no field 'prize'"):
        loaded(form(odd))
    short = replace(snapshot, state=payload([{"sku": "a"}]))
    with pytest.raises(SnapshotError, match="it lacks the field 'note' of Line"):
        loaded(form(short))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("changes", [{"at": 5}, {"size": 1}, {"crc": 1}, {"at": 10**15}, {"size": 10**15}])
def test_mark_that_points_elsewhere_is_refused_or_changes_nothing(format: Format, changes: dict[str, int]) -> None:
    library: Any = msgspec.json if format == "json" else msgspec.msgpack
    snapshot = saved(format)
    tree = library.decode(snapshot.to_bytes())
    tree["state_mark"].update(changes)
    document = library.encode(tree)
    if changes.get("at"):  # the long way does not need it
        assert read_document(document) == snapshot
        return
    with pytest.raises(SnapshotError) as caught:
        read_document(document)
    assert caught.value.path in ("checksum", "state")


def test_state_with_a_mark_that_is_no_json_is_refused() -> None:
    broken = Raw(b'{"lines":[]')
    snapshot = saved()
    mark = mark_state(broken, snapshot.fingerprint)
    with pytest.raises(SnapshotError):
        loaded(replace(snapshot, state=broken, state_mark=mark).to_bytes())


def test_mark_of_a_child_is_refused() -> None:
    snapshot = saved()
    token = snapshot.interrupts[0].token
    child = replace(snapshot, parent=0)
    with pytest.raises(SnapshotError, match="no mark") as caught:
        read_document(replace(snapshot, tokens=[token], interrupts=[], children=[child]))
    assert caught.value.path == "children[0].format"


@pytest.mark.parametrize("size, marked", [(0, False), (envelope.MARKED_FROM, True)])
def test_only_a_large_state_is_marked(size: int, marked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    execution = flow_of().create_execution(state=Order(lines=[Line("x" * size)]))
    execution.start(1)
    assert (execution.save().state_mark is not msgspec.UNSET) is marked
