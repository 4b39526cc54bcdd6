"""What every store does, whatever it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.budget import rows
from tests.stores.conformance import ALL, DURABLE, HOSTILE_IDS, NOON, ODD_IDS, PLAIN, SHARING, STORES, add_one, record
from typedflow.errors import ConflictError, StoreError
from typedflow.stores import FlowStateChange, PagedStore, SnapshotStore, StoredEntry, StoredSnapshot

Call = Callable[[SnapshotStore], Awaitable[object]]

# -- put and get


async def test_nothing_is_stored_at_first(store: SnapshotStore) -> None:
    assert await store.get("a") is None
    assert await store.list() == []


@pytest.mark.parametrize(
    "saved",
    [
        record(),
        record(data=b""),
        record(data=bytes(range(256)) * 4096),
        record(data=b"\n\0\r\n"),
        record(sequence=2**63 - 1),
        record(flow="", status=""),
        record(flow="a\0b\n' \"; DROP TABLE x --", status="é\U0001f600"),
        record(flow="\U0001f600" * 1000, status="\\" * 1000),
        record(saved_at=datetime(1, 1, 1, tzinfo=UTC)),
        record(saved_at=datetime.max.replace(tzinfo=UTC)),
        *(record(id_) for id_ in ODD_IDS),
    ],
    ids=lambda saved: f"{saved.execution_id[:8]}-{saved.sequence}-{len(saved.data)}-{saved.flow[:4]!a}",
)
@pytest.mark.thin(5)
async def test_what_was_put_is_got(store: SnapshotStore, saved: StoredSnapshot) -> None:
    assert await store.put(saved, expected=None) is None
    assert await store.get(saved.execution_id) == saved
    assert await store.list() == [saved.entry]


async def test_ids_that_differ_in_case_are_two(store: SnapshotStore) -> None:
    await store.put(record("a"), expected=None)
    await store.put(record("A", data=b"other"), expected=None)
    assert await store.get("a") == record("a")


async def test_a_save_replaces_the_one_that_it_follows(store: SnapshotStore) -> None:
    await store.put(record(sequence=3), expected=None)
    await store.put(record(sequence=7, data=b"", flow="other", status="done"), expected=3)
    assert await store.get("a") == record(sequence=7, data=b"", flow="other", status="done")
    assert len(await store.list()) == 1


@pytest.mark.parametrize(
    "stored, expected, text",
    [
        (None, 2, "nothing is stored, save 2 was expected (another process saved or deleted it: load it again)"),
        (3, None, "save 3 is stored, none was expected (the id is in use: load it)"),
        (3, 2, "save 3 is stored, save 2 was expected (another process saved or deleted it: load it again)"),
        (3, 4, "save 3 is stored, save 4 was expected (another process saved or deleted it: load it again)"),
    ],
)
async def test_a_save_that_follows_something_else_is_a_conflict(
    store: SnapshotStore, stored: int | None, expected: int | None, text: str
) -> None:
    if stored is not None:
        await store.put(record(sequence=stored), expected=None)
    before = await store.get("a")
    with pytest.raises(ConflictError) as caught:
        await store.put(record(sequence=9, data=b"mine"), expected=expected)
    assert str(caught.value) == f"TF951: execution 'a': {text}"
    assert (caught.value.execution_id, caught.value.stored, caught.value.expected) == ("a", stored, expected)
    assert await store.get("a") == before


async def test_of_two_saves_at_once_one_wins(store: SnapshotStore) -> None:
    saves = [store.put(record(data=b"%d" % i), expected=None) for i in range(20)]
    done = await asyncio.gather(*saves, return_exceptions=True)
    won = [i for i, outcome in enumerate(done) if outcome is None]
    assert len(won) == 1
    assert sum(isinstance(outcome, ConflictError) for outcome in done) == 19
    assert await store.get("a") == record(data=b"%d" % won[0])


async def test_saves_of_different_executions_do_not_meet(store: SnapshotStore) -> None:
    await asyncio.gather(*(store.put(record(f"e{i}"), expected=None) for i in range(300)))
    assert {entry.execution_id for entry in await store.list()} == {f"e{i}" for i in range(300)}


# -- list and delete


async def test_the_list_is_in_order_of_time_then_id(store: SnapshotStore) -> None:
    saved = [
        record("b", saved_at=NOON + timedelta(microseconds=1)),
        record("c", saved_at=NOON),
        record("a", saved_at=NOON + timedelta(days=1)),
        record("B", saved_at=NOON),
        record("d", saved_at=NOON.replace(year=999, microsecond=0)),
    ]
    for one in saved:
        await store.put(one, expected=None)
    assert [entry.execution_id for entry in await store.list()] == ["d", "B", "c", "b", "a"]


@pytest.mark.parametrize(
    "flow, status, ids",
    [
        (None, None, ["a", "b", "c"]),
        ("review", None, ["a", "b"]),
        (None, "waiting", ["b", "c"]),
        ("review", "waiting", ["b"]),
        ("REVIEW", None, []),
        ("review' OR '1'='1", None, []),
        ("", None, []),
        (None, "%", []),
    ],
)
@pytest.mark.thin(5)
async def test_a_list_is_of_one_flow_and_status(
    store: SnapshotStore, flow: str | None, status: str | None, ids: list[str]
) -> None:
    await store.put(record("a", 1), expected=None)
    await store.put(record("b", 2, status="waiting"), expected=None)
    await store.put(record("c", 3, flow="other", status="waiting"), expected=None)
    assert [entry.execution_id for entry in await store.list(flow, status)] == ids


async def test_an_entry_is_the_record_without_its_bytes(store: SnapshotStore) -> None:
    await store.put(record("a", 5), expected=None)
    assert await store.list() == [StoredEntry("a", "review", "running", 5, NOON + timedelta(seconds=5))]


async def test_delete_says_whether_there_was_one(store: SnapshotStore) -> None:
    await store.put(record(), expected=None)
    assert await store.delete("a") is True
    assert await store.delete("a") is False
    assert await store.get("a") is None
    assert await store.list() == []


async def test_a_deleted_execution_is_saved_anew(store: SnapshotStore) -> None:
    await store.put(record(sequence=5), expected=None)
    await store.delete("a")
    with pytest.raises(ConflictError):
        await store.put(record(sequence=6), expected=5)
    await store.put(record(), expected=None)
    assert await store.get("a") == record()


# -- what is refused


@pytest.mark.parametrize("execution_id", HOSTILE_IDS, ids=lambda id_: ascii(id_[:12]))
@pytest.mark.thin(5)
async def test_what_is_no_id_is_refused(store: SnapshotStore, execution_id: str, tmp_path: Path) -> None:
    before = files(tmp_path)
    calls: list[Call] = [
        lambda store: store.get(execution_id),
        lambda store: store.delete(execution_id),
        lambda store: store.put(record(execution_id), expected=None),
    ]
    for call in calls:
        with pytest.raises(StoreError, match=r"^TF816: .* is not an execution id") as caught:
            await call(store)
        assert len(str(caught.value)) < 400
    assert files(tmp_path) == before


def files(folder: Path) -> list[Path]:
    return sorted([*folder.rglob("*"), *folder.parent.iterdir()])


@pytest.mark.parametrize(
    "saved, expected",
    [
        (record(sequence=-1), None),
        (record(sequence=2**63), None),
        (record(sequence=5), 5),
        (record(sequence=5), 6),
        (record(saved_at=NOON.replace(tzinfo=None)), None),
        (record(saved_at=NOON.astimezone(timezone(timedelta(hours=1)))), None),
        (record(flow="\ud800"), None),
        (record(status="\ud800"), None),
        (record(flow="a" * 1001), None),
    ],
)
@pytest.mark.thin(5)
async def test_a_record_that_cannot_be_kept_is_refused(
    store: SnapshotStore, saved: StoredSnapshot, expected: int | None
) -> None:
    with pytest.raises(StoreError, match=r"^TF950: ") as caught:
        await store.put(saved, expected=expected)
    assert type(caught.value) is StoreError
    assert await store.get("a") is None


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.list(flow="\ud800"),
        lambda store: store.list(status="\ud800"),
        lambda store: store.get_flow_state("\ud800"),
    ],
)
async def test_a_name_without_bytes_is_refused(store: SnapshotStore, call: Call) -> None:
    with pytest.raises(StoreError, match=r"^TF950: "):
        await call(store)


# -- closing


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("used", [False, True])
async def test_a_closed_store_refuses_every_call(name: str, used: bool, tmp_path: Path) -> None:
    store = STORES[name].open(tmp_path)
    if used:
        await store.put(record(), expected=None)
    await store.close()
    await store.close()
    calls: list[Call] = [
        lambda store: store.get("a"),
        lambda store: store.put(record(), expected=None),
        lambda store: store.list(),
        lambda store: store.delete("a"),
        lambda store: store.get_flow_state("review"),
        lambda store: store.__aenter__(),
    ]
    for call in calls:
        with pytest.raises(
            StoreError, match=r"^TF952: the \w+Store was closed \(open another one on the same place\)$"
        ):
            await call(store)


@pytest.mark.parametrize("name", ALL)
async def test_close_finishes_what_is_under_way(name: str, tmp_path: Path) -> None:
    store = STORES[name].open(tmp_path)
    saves = [asyncio.ensure_future(store.put(record(f"e{i}"), expected=None)) for i in range(20)]
    await asyncio.sleep(0)  # each has made its call
    await store.close()
    assert await asyncio.gather(*saves) == [None] * 20


@pytest.mark.parametrize("name", DURABLE)
async def test_another_store_on_the_same_place_sees_it_all(name: str, tmp_path: Path) -> None:
    async with STORES[name].open(tmp_path) as first, STORES[name].open(tmp_path) as second:
        await first.put(record(sequence=1), expected=None)
        await second.put(record(sequence=2), expected=1)
        with pytest.raises(ConflictError):
            await first.put(record(sequence=3), expected=1)
        assert await first.get("a") == record(sequence=2)
    async with STORES[name].open(tmp_path) as third:
        assert await third.get("a") == record(sequence=2)


# -- loops, threads, cancellation


@pytest.mark.parametrize("name", ALL)
def test_a_store_outlives_the_loop_that_used_it(name: str, tmp_path: Path) -> None:
    store = STORES[name].open(tmp_path)
    asyncio.run(store.put(record(sequence=1), expected=None))
    asyncio.run(store.put(record(sequence=2), expected=1))
    assert asyncio.run(store.get("a")) == record(sequence=2)
    asyncio.run(store.close())


@pytest.mark.parametrize("name", ALL)
def test_loops_of_several_threads_share_a_store(name: str, tmp_path: Path) -> None:
    store = STORES[name].open(tmp_path)
    won: list[tuple[int, int]] = []

    async def save(thread: int) -> None:
        for sequence in range(30):
            try:
                await store.put(record(sequence=sequence), expected=sequence - 1 if sequence else None)
            except ConflictError:
                continue
            won.append((sequence, thread))

    threads = [Thread(target=asyncio.run, args=(save(i),)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sequence for sequence, _ in won) == list(range(30))
    asyncio.run(store.close())


class CancelAt:
    """Await something, and cancel it at its n-th suspension."""

    def __init__(self, awaited: Any, at: int) -> None:
        self.steps = awaited.__await__()
        self.at = at
        self.cancelled = False

    def __await__(self) -> Any:
        for step in range(1_000_000):
            try:
                waits_for = self.steps.throw(asyncio.CancelledError) if step == self.at else self.steps.send(None)
            except StopIteration as done:
                return done.value
            except asyncio.CancelledError:
                self.cancelled = True
                return None
            waits_for._asyncio_future_blocking = False
            while not waits_for.done() and step + 1 != self.at:
                yield
        raise AssertionError


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("warm", [False, True])
async def test_a_put_that_is_cancelled_anywhere_is_done_or_not(name: str, warm: bool, tmp_path: Path) -> None:
    at, cancelled = 1, True
    while cancelled:
        folder = tmp_path / f"{at}"
        folder.mkdir()
        async with STORES[name].open(folder) as store:
            if warm:
                await store.put(record(sequence=0, data=b"old"), expected=None)
            new = record(sequence=1, data=b"new" * 10_000)
            put = CancelAt(store.put(new, expected=0 if warm else None), at)
            await put
            cancelled = put.cancelled
            found = await store.get("a")
            assert found == new or (cancelled and found == (record(data=b"old") if warm else None))
            follows = None if found is None else found.sequence
            await store.put(record(sequence=2), expected=follows)
        at += 1
    assert at <= 4


# -- flow_state


@pytest.mark.postgres
def test_the_stores_that_share_flow_state_say_so(tmp_path: Path) -> None:
    assert [name for name in ALL if STORES[name].open(tmp_path).shares_flow_state] == SHARING


async def test_a_store_without_flow_state_refuses_a_change(store: SnapshotStore) -> None:
    if store.shares_flow_state:
        return
    with pytest.raises(StoreError) as caught:
        await store.put(record(), expected=None, flow_state=FlowStateChange("review", add_one))
    assert str(caught.value) == (
        "TF954: a FileStore does not share flow_state (ask store.shares_flow_state, or use a SQLiteStore)"
    )
    assert await store.get("a") is None
    assert await store.get_flow_state("review") is None


@pytest.fixture(params=rows(SHARING, PLAIN))
async def sharing(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    async with STORES[request.param].open(tmp_path) as opened:
        yield opened


async def test_a_flow_state_is_changed_with_the_save(sharing: SnapshotStore) -> None:
    change = FlowStateChange("review", add_one)
    assert await sharing.get_flow_state("review") is None
    assert await sharing.put(record("a"), expected=None, flow_state=change) == b"1"
    assert await sharing.put(record("b"), expected=None, flow_state=change) == b"2"
    assert await sharing.put(record("c"), expected=None, flow_state=FlowStateChange("other", add_one)) == b"1"
    assert await sharing.get_flow_state("review") == b"2"


async def test_a_put_without_a_change_leaves_the_flow_state(sharing: SnapshotStore) -> None:
    await sharing.put(record("a"), expected=None, flow_state=FlowStateChange("review", lambda stored: b""))
    assert await sharing.put(record("b"), expected=None) is None
    await sharing.delete("a")
    assert await sharing.get_flow_state("review") == b""


async def test_a_conflict_changes_no_flow_state_and_asks_nobody(sharing: SnapshotStore) -> None:
    asked: list[bytes | None] = []

    def ask(stored: bytes | None) -> bytes:
        asked.append(stored)
        return b""

    await sharing.put(record(), expected=None)
    with pytest.raises(ConflictError):
        await sharing.put(
            record(sequence=2),
            expected=1,
            flow_state=FlowStateChange("review", ask),
        )
    assert asked == []
    assert await sharing.get_flow_state("review") is None


class Told(BaseException):
    """What a user's function may raise."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Told, asyncio.CancelledError, MemoryError])
async def test_a_change_that_raises_writes_nothing(sharing: SnapshotStore, error: type[BaseException]) -> None:
    def fail(stored: bytes | None) -> bytes:
        raise error("told")

    others = [record(f"e{i}") for i in range(10)]
    change = FlowStateChange("review", add_one)
    outcomes = await asyncio.gather(
        *(sharing.put(other, expected=None, flow_state=change) for other in others[:5]),
        catch(sharing.put(record(), expected=None, flow_state=FlowStateChange("review", fail))),
        *(sharing.put(other, expected=None, flow_state=change) for other in others[5:]),
    )
    assert sorted(int(outcome) for outcome in outcomes if isinstance(outcome, bytes)) == list(range(1, 11))
    assert [type(outcome) for outcome in outcomes if not isinstance(outcome, bytes)] == [error]
    assert await sharing.get("a") is None
    assert await sharing.get_flow_state("review") == b"10"


async def catch(awaited: Awaitable[object]) -> object:
    try:
        return await awaited
    except BaseException as error:
        return error


async def test_a_change_that_stops_iterating_is_an_error_too(sharing: SnapshotStore) -> None:
    change = FlowStateChange("review", lambda stored: next(iter(())))
    with pytest.raises(RuntimeError, match="StopIteration"):
        await sharing.put(record(), expected=None, flow_state=change)
    assert await sharing.get("a") is None


async def test_a_change_names_a_flow_that_can_be_kept(sharing: SnapshotStore) -> None:
    with pytest.raises(StoreError, match=r"^TF950: flow '\\ud800'"):
        await sharing.put(record(), expected=None, flow_state=FlowStateChange("\ud800", add_one))


def test_a_record_gives_its_columns() -> None:
    assert replace(record(), data=b"").entry == record().entry


# -- pages

LISTED = [
    record(f"{flow}-{status}-{number}", number, flow=flow, status=status)
    for flow in ("review", "other", "")
    for status in ("waiting", "running", "completed")
    for number in (3, 1, 1)
    if (flow, status) != ("other", "running")
]


def new_holder(store: Any) -> str | None:
    """Return the name of a process that runs executions, of a store that knows who does."""
    return store.new_holder() if hasattr(store, "new_holder") else None


async def fill(store: SnapshotStore) -> list[StoredEntry]:
    """Put records, some saved at once, some of runs that go on; returns all entries in the order of a list."""
    holders = {number: new_holder(store) for number in (1, 3)}
    records = [
        replace(
            each,
            execution_id=f"{index:02}{each.execution_id}",
            holder=holders[each.sequence] if each.status == "running" and index % 3 else None,
        )
        for index, each in enumerate(LISTED)
    ]
    await asyncio.gather(*(store.put(each, expected=None) for each in records))
    return [*await store.list()]


FLOWS = (None, "review", "nothing")
STATUSES: tuple[Collection[str] | None, ...] = (
    None,
    (),
    ("waiting",),
    ("running",),
    {"completed", "running", "nothing"},
)


async def test_pages_are_the_whole_list(store: PagedStore) -> None:
    every = await fill(store)  # type: ignore[arg-type]  # it is both
    for flow, statuses, limit in product(FLOWS, STATUSES, (1, 4, 100)):
        expected = [e for e in every if flow in (None, e.flow) and (statuses is None or e.status in statuses)]
        assert await store.list(flow, statuses=statuses) == expected
        found: list[StoredEntry] = []
        while page := await store.list(flow, statuses=statuses, after=found[-1] if found else None, limit=limit):
            assert len(page) <= limit
            found += page
        assert found == expected


async def test_a_page_begins_behind_an_entry_that_is_gone(store: PagedStore) -> None:
    every = await fill(store)  # type: ignore[arg-type]  # it is both
    await store.delete(every[4].execution_id)  # type: ignore[attr-defined]  # it is both
    assert await store.list(after=every[4], limit=2) == every[5:7]
    assert await store.list(after=every[-1]) == []


@pytest.mark.parametrize(
    "arguments, problem",
    [
        ({"limit": 0}, "TF950: the limit of a list is an int from 1, or None for no limit, not 0 (int)"),
        ({"limit": True}, "TF950: the limit of a list is an int from 1, or None for no limit, not True"),
        (
            {"after": "a"},
            "TF950: a list goes on after one of its entries, not 'a' (str)"
            " (after=page[-1], the last entry of the page before)",
        ),
        (
            {"statuses": "waiting"},
            "TF950: statuses are a collection of names, not 'waiting' (str) (statuses=('waiting',))",
        ),
        ({"statuses": ("waiting", 5)}, "TF950: status is a str, not 5 (int)"),
        (
            {"status": "waiting", "statuses": ("failed",)},
            "TF950: a list takes a status or statuses, not both (give statuses alone)",
        ),
    ],
)
async def test_a_page_that_nobody_can_mean_is_refused(store: PagedStore, arguments: Any, problem: str) -> None:
    with pytest.raises(StoreError) as caught:
        await store.list(**arguments)
    assert str(caught.value) == problem
