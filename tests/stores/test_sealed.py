"""Sealed stores: what is hidden, what is noticed, how keys are rotated, and what the stores can do."""

from __future__ import annotations

import asyncio
import copy
import pickle
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.postgres import conninfo_of
from tests.stores.conformance import NOON, add_one, execute, record
from typedflow import Contract, Data, Flow, FlowState, Resources, State
from typedflow.distributed import Worker, answer, result, submit
from typedflow.errors import SnapshotError, StoreError
from typedflow.stores import (
    FileStore,
    FlowStateChange,
    FlowStateUpdate,
    Keys,
    MemoryStore,
    Message,
    Notes,
    PendingInterrupt,
    PostgresStore,
    Release,
    Rewritten,
    SealedStore,
    SnapshotStore,
    SQLiteStore,
    StoredSnapshot,
    UpdateKey,
)
from typedflow.stores.keys import BrokenSeal, Key
from typedflow.testing import fake_clock
from typedflow.testing.stores import StoreConformance

OLD: Final = bytes(range(32))
NEW: Final = bytes(range(32, 64))
OTHER: Final = bytes(range(64, 96))
TTL: Final = timedelta(seconds=30)
SECRET: Final = "the-patient-has-measles"
"""Stands in everything that is to be hidden."""
CLEAR: Final = SECRET.encode()


def keys(mode: Any = "encrypt", current: str = "old", **given: bytes) -> Keys:
    return Keys(current=current, keys=given or {"old": OLD}, mode=mode)


ROTATED: Final = {"old": OLD, "new": NEW}


class TestSealedMemoryStore(StoreConformance):
    def open_store(self, folder: Path) -> SnapshotStore:
        return SealedStore(MemoryStore(), keys())


class TestSealedFileStore(StoreConformance):
    is_durable = True

    def open_store(self, folder: Path) -> SnapshotStore:
        return SealedStore(FileStore(folder / "snapshots"), keys("sign"))


class TestSealedSQLiteStore(StoreConformance):
    is_durable = True

    def open_store(self, folder: Path) -> SnapshotStore:
        return SealedStore(SQLiteStore(folder / "store.db"), keys())


def open_behind(kind: str, folder: Path) -> Any:
    match kind:
        case "memory":
            return MemoryStore()
        case "sqlite":
            return SQLiteStore(folder / "store.db")
        case _:
            return PostgresStore(conninfo_of(folder))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def behind(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    async with open_behind(request.param, tmp_path) as store:
        yield store


async def refusal(call: Any) -> str:
    with pytest.raises(SnapshotError) as caught:
        await call
    return str(caught.value)


# -- keys


@pytest.mark.parametrize(
    "current, given, mode, text",
    [
        ("a", {"a": OLD[:-1]}, "encrypt", "the key of 'a' is 31 bytes, and has to be 32 bytes"),
        ("a", {"a": OLD.hex()}, "sign", "the key of 'a' is a value of str, and has to be 32 bytes"),
        ("b", {"a": OLD}, "sign", "the current key 'b' is none of the keys (known: 'a')"),
        ("2026-1", {"2026-11": OLD}, "sign", "the current key '2026-1' is none of the keys (did you mean '2026-11'?)"),
        ("a", {}, "sign", "keys are a mapping of key ids to bytes, not an empty mapping"),
        ("a", OLD, "sign", "keys are a mapping of key ids to bytes, not a value of bytes"),
        ("a", {"a": OLD}, "hide", "the mode of keys is 'encrypt' or 'sign', not 'hide' (str)"),
        ("a/b", {"a/b": OLD}, "sign", "a value of str is no key id"),
        (OLD, {"a": OLD}, "sign", "the current key a value of bytes is none of the keys"),
    ],
)
def test_keys_that_cannot_seal_are_refused_and_not_shown(current: Any, given: Any, mode: Any, text: str) -> None:
    with pytest.raises(StoreError) as caught:
        Keys(current, given, mode)
    assert str(caught.value).startswith(f"TF975: {text}")
    assert OLD.hex()[:20] not in str(caught.value)
    assert repr(OLD)[2:20] not in str(caught.value)


def test_all_wrong_keys_are_reported_at_once() -> None:
    with pytest.raises(StoreError) as caught:
        Keys("a", {"a": b"", "": OLD, "c": b"x" * 33})
    assert [each.number for each in caught.value.problems] == ["TF975"] * 3


def test_keys_are_never_shown_pickled_or_copied() -> None:
    given = keys(current="new", **ROTATED)
    store = SealedStore(MemoryStore(), given)
    for shown in (repr(given), str(given), repr(given.key("old")), repr(store), repr(given.ids)):
        assert repr(OLD)[2:12] not in shown
        assert OLD.hex()[:12] not in shown
    assert repr(given) == "Keys(current='new', keys=['new', 'old'], mode='encrypt')"
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        for kept in (given, given.key("old")):
            with pytest.raises(TypeError, match="not pickled or copied"):
                call(kept)


def test_encryption_without_its_library_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(StoreError) as caught:
        keys()
    assert str(caught.value) == (
        "TF975: keys with mode 'encrypt' need the package cryptography, which is not installed "
        "(pip install 'typedflow[sealed]', or mode=\"sign\")"
    )
    keys("sign")


@pytest.mark.parametrize("given", [None, {"a": OLD}, OLD])
def test_a_store_takes_keys_and_shows_nothing_else(given: Any) -> None:
    with pytest.raises(StoreError, match=r"^TF975: a SealedStore takes Keys, not a value of ") as caught:
        SealedStore(MemoryStore(), given)
    assert repr(OLD)[2:12] not in str(caught.value)


@pytest.mark.parametrize("given", [None, "store.db", OLD])
def test_what_is_no_store_is_refused(given: Any) -> None:
    with pytest.raises(StoreError) as caught:
        SealedStore(given, keys())
    assert str(caught.value) == (
        f"TF823: store is a SnapshotStore, not a value of {type(given).__name__} "
        "(make one: SQLiteStore(path), PostgresStore(conninfo), FileStore(folder) or MemoryStore())"
    )


# -- what is refused


@pytest.mark.parametrize("mode", ["encrypt", "sign"])
async def test_every_flipped_bit_and_every_cut_of_a_record_is_refused(mode: Any) -> None:
    behind = MemoryStore()
    store = SealedStore(behind, keys(mode))
    await store.put(record(data=CLEAR), expected=None)
    kept = await behind.get("a")
    assert kept is not None
    changed = [
        kept.data[:at] + bytes([kept.data[at] ^ 1 << bit]) + kept.data[at + 1 :]
        for at in range(len(kept.data))
        for bit in range(8)
    ]
    cut = [kept.data[:at] for at in range(len(kept.data))]
    assert behind._records is not None
    for data in (*changed, *cut, kept.data + b"\0"):
        behind._records["a"] = replace(kept, data=data)
        with pytest.raises(SnapshotError) as caught:
            await store.get("a")
        assert caught.value.problems[0].number in {"TF970", "TF971", "TF972", "TF974"}
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("mode", ["encrypt", "sign"])
async def test_every_changed_character_of_a_question_is_refused(mode: Any) -> None:
    behind = MemoryStore()
    store = SealedStore(behind, keys(mode))
    await store.put(saved(question(payload=[1])), expected=None)
    [kept] = await behind.pending()
    text: str = kept.payload
    for at, character in enumerate(text):
        changed = replace(kept, payload=text[:at] + ("A" if character != "A" else "B") + text[at + 1 :])
        with pytest.raises(SnapshotError, match=r"^TF97[0-4]: interrupt 'q' of execution 'a' "):
            store._sealing.open_question(changed)
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        digits = text.rstrip("=")
        changed = replace(kept, payload=digits[:-1] + last + "=" * (len(text) - len(digits)))
        if changed != kept:  # also where only bits differ that no byte is made of
            with pytest.raises(SnapshotError, match=r"^TF972: "):
                store._sealing.open_question(changed)


@pytest.mark.parametrize("close, open_", [(Key.encrypt, Key.decrypted), (Key.sign, Key.verified)])
def test_the_head_of_an_envelope_is_sealed_as_well(close: Any, open_: Any) -> None:
    key = Key(OLD)
    sealed = close(key, b"head", CLEAR)
    assert open_(key, b"head", sealed) == CLEAR
    for head, body in (
        (b"heaD", sealed),
        (b"hea", sealed),
        (b"", b"head" + sealed),
        (b"head", sealed[:5]),
        (b"head", b""),
    ):
        with pytest.raises(BrokenSeal):
            open_(key, head, body)


async def test_a_revision_in_the_place_of_another_is_refused() -> None:
    behind = MemoryStore()
    store = SealedStore(behind, keys())
    for sequence in (0, 1, 2):
        kept = replace(record(sequence=sequence), history=0)
        await store.put(kept, expected=sequence - 1 if sequence else None)
    revisions = behind._revisions["a"]
    revisions[0] = revisions[1]
    assert (await refusal(store.get("a", at=0))).startswith("TF973: ")


async def test_errors_name_the_execution_and_the_next_step() -> None:
    behind = MemoryStore()
    store = SealedStore(behind, keys())
    await store.put(record(data=CLEAR), expected=None)
    kept = await behind.get("a")
    assert kept is not None
    what = "the snapshot of execution 'a'"

    async def reading(given: Keys, **columns: Any) -> str:
        other = MemoryStore()
        await other.put(replace(kept, **columns), expected=None)
        return await refusal(SealedStore(other, given).get(columns.get("execution_id", "a")))

    assert await reading(keys(current="new", new=NEW)) == (
        f"TF970: {what} is sealed with key 'old', which is none of the keys "
        "(known: 'new'; add the old key to keys=, and reseal the store)"
    )
    assert await reading(keys(old=OTHER)) == (
        f"TF971: {what} is sealed with another key 'old' than the one that is given "
        "(give the key that had this id when it was saved)"
    )
    assert await reading(keys(), data=kept.data[:-1] + bytes([kept.data[-1] ^ 1])) == (
        f"TF972: {what} was altered after it was sealed (bring it back from a backup)"
    )
    assert await reading(keys(), execution_id="b") == (
        "TF973: the snapshot of execution 'b' was put there from elsewhere: "
        "it was sealed for execution 'a', not 'b' (bring the right one back from a backup)"
    )
    assert await reading(keys(), sequence=7) == (
        f"TF973: {what} was put there from elsewhere: "
        "it was sealed for save '0', not '7' (bring the right one back from a backup)"
    )
    assert await reading(keys(), data=CLEAR) == (
        f"TF974: {what} is not sealed, and the store has keys "
        "(if it was saved before the store had keys, store.reseal(plain=True) seals it)"
    )


@pytest.mark.parametrize("mode", ["encrypt", "sign"])
@pytest.mark.parametrize(
    "columns",
    [
        {"execution_id": "b"},
        {"flow": "other"},
        {"sequence": 4},
        {"status": "completed"},
        {"saved_at": NOON + timedelta(days=1)},
    ],
    ids=lambda columns: next(iter(columns)),
)
async def test_a_record_in_the_place_of_another_is_refused(mode: Any, columns: dict[str, Any]) -> None:
    behind = MemoryStore()
    store = SealedStore(behind, keys(mode))
    await store.put(record(sequence=3, data=CLEAR), expected=None)
    kept = await behind.get("a")
    assert kept is not None
    moved = replace(kept, **columns)
    if moved.execution_id == "a":
        await behind.delete("a")
    await behind.put(moved, expected=None)
    assert (await refusal(store.get(moved.execution_id))).startswith("TF973: ")


async def test_two_executions_or_two_revisions_cannot_be_exchanged(behind: Any, tmp_path: Path) -> None:
    store = SealedStore(behind, keys())
    await store.put(replace(record(data=b"first"), history=0), expected=None)
    await store.put(replace(record(sequence=1, data=b"second"), history=0), expected=0)
    await store.put(record("b", data=b"of b"), expected=None)
    first = await behind.get("a", at=0)
    newest = await behind.get("a")
    await behind.put(replace(newest, sequence=2, data=first.data), expected=1)
    assert (await refusal(store.get("a"))).startswith("TF973: ")
    assert await store.get("a", at=1) == replace(record(sequence=1, data=b"second"), history=0)
    assert (await refusal(store.get("a", at=2))).startswith("TF973: ")


async def test_a_plain_record_flow_state_or_message_is_refused(behind: Any) -> None:
    await behind.put(record(status="waiting"), expected=None, flow_state=FlowStateChange("review", add_one))
    await behind.post("a", lambda stored: Message("event", "rung", b"1"))
    store = SealedStore(behind, keys())
    calls: list[Callable[[], Any]] = [
        lambda: store.get("a"),
        lambda: store.get_flow_state("review"),
        lambda: store.mail("a", 0),
        lambda: store.post("a", lambda stored: Message("event", "rung", b"1")),
        lambda: store.update_flow_state("review", None, lambda stored: FlowStateUpdate(b"2", b"2")),
        lambda: store.put(record(sequence=1), expected=0, flow_state=FlowStateChange("review", add_one)),
    ]
    for call in calls:
        assert (await refusal(call())).startswith("TF974: ")
    assert await behind.get_flow_state("review") == b"1"


async def test_a_message_is_bound_to_its_execution_and_name(behind: Any) -> None:
    store = SealedStore(behind, keys())
    for name in ("a", "b"):
        await store.submit(record(name, status="waiting"))
    await store.post("a", lambda stored: Message("answer", "q", CLEAR))
    [sent] = await behind.mail("a", 0)
    await behind.post("b", lambda stored: sent)
    assert await refusal(store.mail("b", 0)) == (
        "TF973: the answer 'q' for execution 'b' was put there from elsewhere: "
        "it was sealed for execution 'a', not 'b' (bring the right one back from a backup)"
    )
    await behind.post("a", lambda stored: replace(sent, name="r"))
    assert (await refusal(store.mail("a", 1))).startswith("TF973: ")


async def test_a_message_that_says_nothing_is_plain_only_where_a_child_was_deleted(behind: Any) -> None:
    store = SealedStore(behind, keys())
    await store.submit(record("a", status="waiting"))
    await behind.post("a", lambda stored: Message("child", "a.1", b""))
    [found] = await store.mail("a", 0)
    assert (found.kind, found.name, found.data) == ("child", "a.1", b"")
    await store.reseal()
    assert await store.mail("a", 0) == [found]
    await behind.post("a", lambda stored: Message("cancel", "", b""))
    assert (await refusal(store.mail("a", 0))).startswith("TF974: ")


async def test_a_flow_state_is_bound_to_its_flow(behind: Any) -> None:
    store = SealedStore(behind, keys())
    await store.update_flow_state("review", None, lambda stored: FlowStateUpdate(CLEAR, b"1"))
    sealed = await behind.get_flow_state("review")
    await behind.update_flow_state("other", None, lambda stored: FlowStateUpdate(sealed, b"1"))
    assert (await refusal(store.get_flow_state("other"))).startswith("TF973: the flow_state of flow 'other' ")
    assert await store.get_flow_state("review") == CLEAR


async def test_an_altered_question_is_listed_as_damaged_and_hides_no_other(behind: Any) -> None:
    store = SealedStore(behind, keys())
    asked = [question(f"e{number}") for number in range(5)]
    for each in asked:
        await store.put(saved(each), expected=None)
    kept = await behind.pending()
    for number, payload in ((0, kept[1].payload), (1, {"a": "b"}), (2, kept[2].payload[:-4] + "AAA=")):
        stored = await behind.get(f"e{number}")
        notes = Notes((replace(kept[number], payload=payload),))
        await behind.put(replace(stored, sequence=1, notes=notes), expected=0)
    found = await store.pending()
    assert found == asked[3:]
    numbers = [(each.execution_id, each.error.problems[0].number) for each in found.damaged]
    assert numbers == [("e0", "TF973"), ("e1", "TF974"), ("e2", "TF972")]
    page = await store.pending(limit=1)
    assert page == asked[3:4]
    assert await store.pending(after=page[-1], limit=5) == asked[4:]


def question(execution_id: str = "a", **changes: Any) -> PendingInterrupt:
    asked = PendingInterrupt(
        execution_id, "review", "q", "human", {SECRET: [1, None, "é"]}, NOON, None, "ask", ("a", "b/c"), "rung", "k"
    )
    return replace(asked, **changes)


def saved(*asked: PendingInterrupt, **columns: Any) -> StoredSnapshot:
    return replace(record(asked[0].execution_id, **columns), notes=Notes(asked))


# -- what is hidden


class Ward(FlowState):
    note: str = ""


class Visit(State):
    finding: str = ""


class Tools(Resources):
    key: str


class Care(Contract):
    input: str
    result: str
    state: Visit
    flow_state: Ward


def examine(data: Data[Care, str]) -> str:
    data.state.finding = f"found {SECRET}"
    data.update_flow_state(note_it)
    return data.pause_for({"is it": SECRET}, interrupt_id="q")


def note_it(ward: Ward) -> str:
    ward.note = SECRET
    return SECRET


def ask_again(data: Data[Care, str]) -> str:
    return data.pause_for(SECRET, interrupt_id="r")


def report(data: Data[Care, str]) -> str:
    return f"{data.value}: {SECRET}"


def fail(data: Data[Care, str]) -> str:
    raise ValueError(SECRET)


def care(*handlers: Any) -> Flow[Care]:
    flow = Flow(Care, name="care")
    node = flow.to(examine)
    for handler in handlers or (report,):
        node = node.to(handler)
    node.end()
    return flow


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_nothing_can_be_read_in_the_file_of_a_store(tmp_path: Path) -> None:
    async with SealedStore(SQLiteStore(tmp_path / "store.db"), keys()) as store:
        flow = care()
        execution = flow.create_execution(store=store, execution_id="one", checkpoint="step", history=True)
        await execution.async_start(f"in {SECRET}")
        [asked] = await store.pending()
        assert asked.payload == {"is it": SECRET}
        assert CLEAR not in bytes_of(tmp_path)
        await submit(store, flow, f"in {SECRET}", execution_id="two")
        await store.release_quarantine("two")
        await answer(store, flow, "one", asked, f"yes {SECRET}")
        [message] = await store.mail("one", 0)
        assert CLEAR in message.data
        key = UpdateKey("two", "step", "call")
        await store.update_flow_state("care", key, lambda stored: FlowStateUpdate(stored or b"{}", CLEAR))
        lease = await store.acquire("two", holder="me", ttl=TTL)
        assert lease is not None
        await store.release(lease, Release(problem=f"cannot read {SECRET}"))
        assert await store.problem("two") == f"cannot read {SECRET}"
        assert len(await store.history("one")) >= 2
        found = bytes_of(tmp_path)
        assert b"one" in found
        assert CLEAR not in found
        opened = await flow.async_open("one", store=store)
        assert opened.state.finding == f"found {SECRET}"
        assert flow.flow_state.note == SECRET
        earlier = await flow.async_open("one", store=store, at=1)
        assert earlier.state.finding == ""
    assert CLEAR not in bytes_of(tmp_path)


async def test_what_is_only_signed_can_be_read(tmp_path: Path) -> None:
    async with SealedStore(SQLiteStore(tmp_path / "store.db"), keys("sign")) as store:
        await store.put(record(data=CLEAR), expected=None)
    assert CLEAR in bytes_of(tmp_path)


# -- rotation


async def fill(behind: Any, given: Keys) -> None:
    """Keep one of everything."""
    store = SealedStore(behind, given)
    await store.put(replace(record(data=b"first"), history=0), expected=None)
    await store.put(
        replace(saved(question(), sequence=1, data=CLEAR, status="waiting"), history=0, due=NOON),
        expected=0,
        flow_state=FlowStateChange("review", add_one),
    )
    await store.post("a", lambda stored: Message("event", "rung", CLEAR))
    await store.update_flow_state(
        "other", UpdateKey("a", "s", "c"), lambda stored: FlowStateUpdate(CLEAR, b'"returned"')
    )
    await store.submit(record("b", status="running"))
    lease = await store.acquire("b", holder="me", ttl=TTL)
    assert lease is not None
    await store.release(lease, Release(problem=SECRET, quarantined=True))


async def check(behind: Any, given: Keys) -> None:
    """Check that everything can be opened."""
    store = SealedStore(behind, given)
    newest = await store.get("a")
    assert newest is not None
    assert (newest.sequence, newest.data) == (1, CLEAR)
    earlier = await store.get("a", at=0)
    assert earlier is not None
    assert earlier.data == b"first"
    assert [each.payload for each in await store.pending()] == [question().payload]
    assert [each.data for each in await store.mail("a", 0)] == [CLEAR]
    assert await store.get_flow_state("review") == b"1"
    assert await store.get_flow_state("other") == CLEAR
    never = FlowStateUpdate(b"never", b"never")
    assert await store.update_flow_state("other", UpdateKey("a", "s", "c"), lambda stored: never) == b'"returned"'
    assert await store.problem("b") == SECRET
    assert [each.execution_id for each in await store.quarantined()] == ["b"]


async def test_what_an_old_key_has_sealed_is_sealed_with_the_current_one_at_its_next_save(behind: Any) -> None:
    await SealedStore(behind, keys()).put(record(data=CLEAR), expected=None)
    change = FlowStateChange("review", lambda stored: stored or b"same")
    await SealedStore(behind, keys()).put(record("b"), expected=None, flow_state=change)
    store = SealedStore(behind, keys(current="new", **ROTATED))
    assert await store.get("a") == record(data=CLEAR)
    await store.put(record(sequence=1, data=CLEAR), expected=0)
    await store.put(record("b", sequence=1), expected=0, flow_state=change)
    only_new = SealedStore(behind, keys(current="new", new=NEW))
    assert await only_new.get("a") == record(sequence=1, data=CLEAR)
    assert await only_new.get_flow_state("review") == b"same"


async def test_a_flow_state_that_stays_the_same_is_not_written_again(behind: Any) -> None:
    store = SealedStore(behind, keys())
    for _ in range(2):
        await store.update_flow_state("review", None, lambda stored: FlowStateUpdate(b"same", b"1"))
        kept = await behind.get_flow_state("review")
    await store.update_flow_state("review", None, lambda stored: FlowStateUpdate(b"same", b"1"))
    assert await behind.get_flow_state("review") == kept


@pytest.mark.parametrize("first, then", [("encrypt", "encrypt"), ("sign", "encrypt"), ("encrypt", "sign")])
async def test_after_a_reseal_the_old_key_can_be_dropped(behind: Any, first: Any, then: Any) -> None:
    with fake_clock():
        await fill(behind, keys(first))
        before = await behind.list()
        ready = await behind.next_ready(["review"])
    rotated = keys(then, current="new", **ROTATED)
    await check(behind, rotated)
    done = await SealedStore(behind, rotated).reseal(batch=1)
    assert done == Rewritten(executions=2, flow_states=2, others=5)
    assert await behind.list() == before
    with fake_clock():
        assert await behind.next_ready(["review"]) == ready
    await check(behind, keys(then, current="new", new=NEW))
    assert await SealedStore(behind, rotated).reseal() == Rewritten()


async def test_a_reseal_reports_what_it_cannot_open_and_goes_on(behind: Any) -> None:
    rotated = SealedStore(behind, keys(current="new", **ROTATED))
    for name in ("a", "b", "c"):
        await SealedStore(behind, keys()).put(record(name, data=CLEAR), expected=None)
    kept = await behind.get("a")
    await behind.put(replace(kept, sequence=1), expected=0)
    await behind.put(record("b", sequence=1, data=CLEAR), expected=0)
    done = await rotated.reseal()
    assert (done.executions, [each.execution_id for each in done.damaged]) == (1, ["a", "b"])
    assert [each.error.problems[0].number for each in done.damaged] == ["TF973", "TF974"]
    assert await SealedStore(behind, keys(current="new", new=NEW)).get("c") == record("c", data=CLEAR)


def rows(kind: str, folder: Path, *tables: str) -> int:
    return sum(execute(kind, folder, f"SELECT count(*) FROM {table}")[0][0] for table in tables)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_what_was_there_before_the_keys_is_sealed_once_if_it_is_asked_for(kind: str, tmp_path: Path) -> None:
    flow = care(ask_again, report)
    async with open_behind(kind, tmp_path) as plain:
        execution = flow.create_execution(store=plain, execution_id="one", checkpoint="step", history=True)
        execution.state.finding = "x" * 500_000
        await execution.async_start("in")
        await execution.async_continue_with("q", "yes")
        await execution.async_continue_with("r", "again")
        kept = [await plain.get("one", at=each.sequence) for each in await plain.history("one")]
        assert rows(kind, tmp_path, "typedflow_parts", "typedflow_part_history") > 0
        async with SealedStore(plain, keys()) as store:
            assert (await refusal(store.get("one"))).startswith("TF974: ")
            done = await store.reseal(plain=True)
            assert (done.executions, done.flow_states, done.damaged) == (1, 1, ())
            assert rows(kind, tmp_path, "typedflow_parts", "typedflow_part_history") == 0
            again = [await store.get("one", at=each.sequence) for each in await store.history("one")]
            assert [each and each.data for each in again] == [each and each.data for each in kept]
            assert await store.reseal(plain=True) == Rewritten()
            opened = await flow.async_open("one", store=store)
            assert opened.result == f"again: {SECRET}"


async def test_a_file_store_is_resealed(tmp_path: Path) -> None:
    async with FileStore(tmp_path) as behind:
        await SealedStore(behind, keys()).put(record(data=CLEAR, status="waiting"), expected=None)
        done = await SealedStore(behind, keys(current="new", **ROTATED)).reseal()
        assert done == Rewritten(executions=1)
        found = await SealedStore(behind, keys(current="new", new=NEW)).get("a")
        assert found == record(data=CLEAR, status="waiting")


class Bare:
    """A store of a user: it can do what every store has to, and no more."""

    def __init__(self, shares: bool = True) -> None:
        self.inner = MemoryStore()
        self.shares_flow_state = shares
        self.get, self.delete, self.get_flow_state = self.inner.get, self.inner.delete, self.inner.get_flow_state
        self.put, self.close = self.inner.put, self.inner.close
        self.update_flow_state = self.inner.update_flow_state

    async def list(self, flow: str | None = None, status: str | None = None) -> Any:
        return await self.inner.list(flow, status)

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self.inner.close()


async def test_of_a_store_that_cannot_rewrite_what_has_ended_is_resealed() -> None:
    behind: Any = Bare()
    change = FlowStateChange("review", add_one)
    first = SealedStore(behind, keys())
    await first.put(record(data=CLEAR, status="completed"), expected=None, flow_state=change)
    await first.put(record("b", status="waiting"), expected=None)
    rotated = SealedStore(behind, keys(current="new", **ROTATED))
    assert await rotated.reseal() == Rewritten(executions=1, flow_states=1, left=1)
    assert await rotated.reseal() == Rewritten(left=1)
    only_new = SealedStore(behind, keys(current="new", new=NEW))
    assert await only_new.get("a") == record(sequence=1, data=CLEAR, status="completed", saved_at=NOON)
    assert await only_new.get_flow_state("review") == b"1"


# -- capabilities


OF_A_STORE: Final = ("get", "put", "list", "delete", "get_flow_state", "close", "reseal")
MORE: Final = {
    "new_holder", "let_go", "put_at_once", "delete_flow_state", "update_flow_state", "update_flow_state_sync",
    "history", "prune", "pending", "submit", "post", "mail", "take", "acquire", "renew_here", "release", "held",
    "put_leased", "next_ready", "quarantined", "problem", "release_quarantine",
}  # fmt: skip


@pytest.mark.parametrize("make", [MemoryStore, lambda: SQLiteStore(":memory:"), lambda: FileStore("x"), Bare])
def test_a_sealed_store_can_do_what_the_store_behind_it_can(make: Callable[[], Any]) -> None:
    behind = make()
    store: Any = SealedStore(behind, keys())
    assert isinstance(store, SealedStore)
    assert type(store).__name__ == "SealedStore"
    assert store.whole_documents is True
    assert store.shares_flow_state is behind.shares_flow_state
    for name in OF_A_STORE:
        assert callable(getattr(type(store), name))
    for name in sorted(MORE):
        assert hasattr(store, name) is hasattr(behind, name), name
        assert hasattr(type(store), name) is hasattr(behind, name), name


def test_the_leases_of_a_store_are_not_taken_from_what_a_wrapper_hands_on() -> None:
    class Wrapper(Bare):
        def __getattr__(self, name: str) -> Any:
            return getattr(SQLiteStore(":memory:"), name)

    store = SealedStore(Wrapper(), keys())
    assert not hasattr(store, "new_holder")
    assert not hasattr(store, "put_at_once")
    assert hasattr(store, "pending")


# -- executions and workers


async def test_an_execution_is_killed_and_goes_on_in_another_process(tmp_path: Path) -> None:
    async with SealedStore(SQLiteStore(tmp_path / "store.db"), keys()) as store:
        execution = care().create_execution(store=store, execution_id="one", checkpoint="step")
        await execution.async_start("in")
    async with SealedStore(SQLiteStore(tmp_path / "store.db"), keys(current="new", **ROTATED)) as store:
        opened = await care().async_open("one", store=store)
        await opened.async_continue_with("q", "yes")
        assert opened.result == f"yes: {SECRET}"
    async with SealedStore(SQLiteStore(tmp_path / "store.db"), keys(current="new", new=NEW)) as store:
        assert await result(store, care(), "one") == f"yes: {SECRET}"


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
async def test_a_worker_runs_what_is_sealed(kind: str, tmp_path: Path) -> None:
    async with SealedStore(open_behind(kind, tmp_path), keys()) as store:
        flow = care()
        worker = Worker(store, [care()], poll=0.02)
        running = asyncio.ensure_future(worker.run())
        try:
            names = [await submit(store, flow, f"in {number}") for number in range(5)]
            left = {*names}
            async with asyncio.timeout(20):
                while left:
                    for asked in await store.pending("care"):
                        if asked.execution_id in left:
                            assert asked.payload == {"is it": SECRET}
                            await answer(store, flow, asked.execution_id, asked, "yes")
                            left.discard(asked.execution_id)
                    await asyncio.sleep(0.01)
            for name in names:
                assert await result(store, flow, name, timeout=20) == f"yes: {SECRET}"
        finally:
            worker.stop()
            await running
    if kind == "sqlite":
        assert CLEAR not in bytes_of(tmp_path)


async def test_a_worker_puts_what_was_altered_into_quarantine(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with SealedStore(SQLiteStore(path), keys()) as store:
        await submit(store, care(), "in", execution_id="a")
        await submit(store, care(), "in", execution_id="b")
        behind = SQLiteStore(path)
        other = await behind.get("b")
        assert other is not None
        lease = await behind.acquire("a", holder="evil", ttl=TTL)
        assert lease is not None
        moved = replace(other, execution_id="a", sequence=2)
        await behind.put_leased(lease, moved, expected=1)
        await behind.release(lease, Release(ready_at=NOON))
        await behind.close()
        worker = Worker(store, [care()], poll=0.02)
        running = asyncio.ensure_future(worker.run())
        try:
            async with asyncio.timeout(20):
                while not await store.quarantined():  # noqa: ASYNC110  # a file does not notify
                    await asyncio.sleep(0.01)
            reason = await store.problem("a")
            assert reason is not None
            assert "TF973" in reason
        finally:
            worker.stop()
            await running


async def test_a_worker_without_the_key_leaves_an_execution_to_one_that_has_it(tmp_path: Path) -> None:
    behind = SQLiteStore(tmp_path / "store.db")
    async with SealedStore(behind, keys(current="new", **ROTATED)) as store:
        await submit(store, care(), "in", execution_id="a")
        worker = Worker(SealedStore(behind, keys()), [care()], poll=0.02, requeue=60)
        running = asyncio.ensure_future(worker.run())
        try:
            async with asyncio.timeout(20):
                while await behind.problem("a") is None:  # noqa: ASYNC110  # a file does not notify
                    await asyncio.sleep(0.01)
        finally:
            worker.stop()
            await running
        assert await store.quarantined() == []
        assert await store.next_ready(["care"]) is not None


async def test_a_failed_commit_of_the_database_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with SealedStore(SQLiteStore(path, timeout=0), keys()) as store:
        await store.put(record(), expected=None)
        with closing(sqlite3.connect(path)) as blocker:
            blocker.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="TF953"):
                await store.put(record(sequence=1), expected=0)
        assert await store.get("a") == record()
