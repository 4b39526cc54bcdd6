"""Documents with colliding keys are refused before they cost anything, and others are read as before."""

from __future__ import annotations

import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from typedflow import Contract, Data, Flow, InterruptError, SnapshotError, State
from typedflow.schema.crowding import watch_of
from typedflow.schema.parsing import parse
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.crowds import SMALL, WHOLE, find_crowd_in
from typedflow.snapshot.documents import ENCODE, FORMATS, Format

PRIME = 2**61 - 1
MANY = 20_000
ALIKE = [k * PRIME for k in range(1, MANY + 1)]
KEYS = dict.fromkeys(map(str, ALIKE), 1)


class Frozen(msgspec.Struct, frozen=True):
    a: int


class Tagged(msgspec.Struct):
    name: str
    tags: set[UUID] = set()


class Shelf(msgspec.Struct, rename="camel", tag=True):
    """What leads to dicts and sets in every way, beside what holds none."""

    plain: list[Tagged] = []
    by_key: dict[UUID, Tagged] = {}
    maybe: dict[Decimal, list[int]] | None = None
    pairs: set[tuple[int, int]] | msgspec.UnsetType = msgspec.UNSET
    nested: dict[str, dict[UUID, int]] = {}
    below: list[Shelf] = []
    other: str = ""


class Flat(msgspec.Struct, array_like=True):
    other: str
    by_key: dict[UUID, int]


ORDINARY = [str(UUID(int=k)) for k in range(2000)]
UUIDS = [str(UUID(int=k)) for k in ALIKE]
MIXED = [*ORDINARY, *UUIDS[:1000], *(str(UUID(int=2**100 + k)) for k in range(10_000))]


def places() -> Iterable[Any]:
    """Yield values of Shelf and Flat with a crowd, and the path of it."""
    row = {"name": "n"}
    shelf = {"type": "Shelf", "plain": [row], "other": "o"}
    yield Shelf, {**shelf, "plain": [row, {"name": "n", "tags": UUIDS}]}, "it.plain[1].tags"
    yield Shelf, {**shelf, "byKey": dict.fromkeys(UUIDS, row)}, "it.by_key"
    yield Shelf, {**shelf, "byKey": dict.fromkeys(MIXED, row)}, "it.by_key"
    yield Shelf, {**shelf, "byKey": {UUIDS[0]: {"name": "n", "tags": MIXED}}}, f"it.by_key[{UUIDS[0]!r}].tags"
    yield Shelf, {**shelf, "maybe": {key: [1] for key in KEYS}}, "it.maybe"
    yield Shelf, {**shelf, "pairs": [[k, 1] for k in ALIKE]}, "it.pairs"
    yield Shelf, {**shelf, "nested": {"a": dict.fromkeys(ORDINARY, 1), "b": dict.fromkeys(UUIDS, 1)}}, "it.nested.b"
    yield (
        Shelf,
        {**shelf, "below": [{**shelf, "below": [{**shelf, "byKey": dict.fromkeys(UUIDS, row)}]}]},
        ("it.below[0].below[0].by_key"),
    )
    yield Flat, ["o", dict.fromkeys(UUIDS, 1)], "it.by_key"
    yield list[Shelf], [shelf, {**shelf, "maybe": None, "byKey": dict.fromkeys(UUIDS, row)}], "it[1].by_key"


@pytest.mark.parametrize(
    "tp, tree, path, format",
    [
        (*place, format)
        for place in places()
        for format in FORMATS
        if format == "json" or place[2] != "it.pairs"  # msgpack has integers of 64 bits at the most
    ],
)
@pytest.mark.thin(5)
def test_colliding_keys_are_found_at_every_place(tp: Any, tree: Any, path: str, format: Format) -> None:
    begin = time.process_time()
    assert find_crowd_in(parse(tp), watch_of(parse(tp)), ENCODE[format](tree), format) is not None
    assert time.process_time() - begin < 1
    with pytest.raises(SnapshotError, match="have the same hash") as caught:
        compile_codec(tp).decode(msgspec.Raw(ENCODE[format](tree)), "it", format)
    assert caught.value.path == path


@pytest.mark.parametrize("format", FORMATS)
def test_a_wrong_value_beside_colliding_keys_saves_nobody(format: Format) -> None:
    tree = {"type": "Shelf", "byKey": {key: {"name": "n"} for key in UUIDS}, "nested": 5, "maybe": 7}
    begin = time.process_time()
    with pytest.raises(SnapshotError):
        compile_codec(Shelf).decode(msgspec.Raw(ENCODE[format](tree)), "it", format)
    assert time.process_time() - begin < 1


@pytest.mark.parametrize("format", FORMATS)
def test_what_has_no_crowd_comes_back_from_every_place(format: Format) -> None:
    keys = [UUID(int=k) for k in range(1500)]
    shelf = Shelf(
        [Tagged("n", set(keys))],
        {key: Tagged("n") for key in keys},
        {Decimal(k): [k] for k in range(1500)},
        {(k, k) for k in range(1500)},
        {"a": dict.fromkeys(keys, 1)},
        [Shelf()],
    )
    codec = compile_codec(Shelf)
    assert codec.decode(codec.encode(shelf, "it", format), "it", format) == shelf


def documents() -> Iterable[Any]:
    for format in FORMATS:
        yield dict[Decimal, int], KEYS, format, "it"
        yield dict[UUID, int], {str(UUID(int=k)): 1 for k in ALIKE}, format, "it"
    ints: list[tuple[Any, Any, str]] = [
        (dict[int, int], KEYS, "it"),
        (dict[str, list[dict[int, int]]], {"a": [{}, KEYS]}, "it.a[1]"),
        (set[int], ALIKE, "it"),
        (frozenset[int] | None, ALIKE, "it"),
        (set[tuple[int, str]], [(k, "a") for k in ALIKE], "it"),
        (set[Frozen], [{"a": k} for k in ALIKE], "it"),
        (dict[int, str | bytes], dict.fromkeys(KEYS, (0, "a")), "it"),
        (set[str | bytes | int], [(2, k) for k in ALIKE], "it"),
        (dict[str | bytes | Decimal, str | bytes], [((2, k), (0, "a")) for k in KEYS], "it"),
    ]
    for tp, tree, path in ints:
        yield tp, tree, "json", path


@pytest.mark.parametrize("tp, tree, format, path", list(documents()))
def test_colliding_keys_are_refused_at_once(tp: Any, tree: Any, format: Format, path: str) -> None:
    raw = msgspec.Raw(ENCODE[format](tree))
    for verified in (True, False):
        begin = time.process_time()
        with pytest.raises(SnapshotError, match="have the same hash") as caught:
            compile_codec(tp).decode(raw, "it", format, verified=verified)
        assert time.process_time() - begin < 1
        assert (caught.value.code, caught.value.path) == ("TF912", path)


def test_broken_bytes_behind_colliding_keys_save_nobody() -> None:
    raw = ENCODE["json"](KEYS)[:-1] + b",x}"
    begin = time.process_time()
    with pytest.raises(SnapshotError, match="TF905"):
        compile_codec(dict[int, int]).decode(msgspec.Raw(raw), "it")
    assert time.process_time() - begin < 1


def test_a_save_refuses_what_nobody_could_load() -> None:
    with pytest.raises(SnapshotError, match="TF901: 'it' cannot be saved: more than 64 of its keys") as caught:
        compile_codec(dict[int, int]).encode(dict.fromkeys(ALIKE[:500], 1), "it")
    assert caught.value.path == "it"


@pytest.mark.parametrize("size", [10, SMALL, WHOLE, 10 * WHOLE])
@pytest.mark.parametrize("format", FORMATS)
def test_ordinary_keys_come_back(size: int, format: Format) -> None:
    table = {number * 7919: number for number in range(size // 10)} | {2**60 + size: 1}
    codec = compile_codec(dict[int, int])
    assert codec.decode(codec.encode(table, "it", format), "it", format) == table


def test_few_long_keys_come_back() -> None:
    table = {10**30 + number: number for number in range(2000)}
    codec = compile_codec(dict[int, int])
    assert codec.decode(codec.encode(table, "it"), "it") == table


class Kept(State):
    table: dict[int, int] = {}


class Asks(Contract):
    input: int
    result: dict[int, int]
    state: Kept


def ask(data: Data[Asks, int]) -> dict[int, int]:
    data.state.table = {123456789: 1}
    data.pause_for("?", interrupt_id="ask")


def waiting() -> Any:
    flow: Any = Flow(Asks)
    flow.to(ask).end()
    execution = flow.create_execution()
    execution.start(1)
    return flow, execution


def test_a_load_and_an_answer_are_refused_at_once() -> None:
    flow, execution = waiting()
    document = msgspec.json.decode(execution.save().to_bytes())
    inside = document["state"]["table"]
    assert inside == {"123456789": 1}
    begin = time.process_time()
    with pytest.raises(InterruptError, match="TF810"):
        execution.continue_with("ask", KEYS)
    assert time.process_time() - begin < 1
    assert execution.continue_with("ask", {"5": 6}) == "completed"
    assert execution.result == {5: 6}
    document["state"]["table"] = KEYS
    begin = time.process_time()
    with pytest.raises(SnapshotError):
        flow.create_execution().load(document)
    assert time.process_time() - begin < 1
