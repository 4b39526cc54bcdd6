"""What every WorkStore does: one holder at a time, fences, mail that is taken once, crashes that are counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.budget import rows
from tests.stores.conformance import PLAIN, STORES, WORKING
from typedflow import ConflictError, LeaseLostError, SnapshotError, StoreError
from typedflow.stores import (
    FlowStateUpdate,
    Lease,
    Message,
    Release,
    StoredSnapshot,
    UpdateKey,
    WorkStore,
)
from typedflow.stores.clock import current_clock
from typedflow.testing import FakeClock, fake_clock

TTL = timedelta(seconds=30)
FLOWS = ("review", "pay")


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    with fake_clock() as clock:
        yield clock


@pytest.fixture(params=rows(WORKING, PLAIN))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WorkStore]:
    opened: Any = STORES[request.param].open(tmp_path)
    async with opened as store:
        yield store


def record(
    clock: FakeClock, name: str = "a", sequence: int = 1, status: str = "running", **more: Any
) -> StoredSnapshot:
    return StoredSnapshot(name, more.pop("flow", "review"), status, sequence, clock.now(), b"data", **more)


async def taken(store: WorkStore, holder: str = "one", limit: int = 10, crashed: int = 1) -> list[str]:
    return [
        lease.execution_id
        for lease in await store.take(FLOWS, holder=holder, ttl=TTL, limit=limit, crashed_limit=crashed)
    ]


async def test_what_is_submitted_is_taken_once_those_that_wait_longest_first(
    store: WorkStore, clock: FakeClock
) -> None:
    for name in ("b", "a", "c"):
        await store.submit(record(clock, name))
        clock.advance(timedelta(seconds=1))
    assert await taken(store, limit=2) == ["b", "a"]
    assert await taken(store, limit=2) == ["c"]
    assert await taken(store) == []


async def test_an_id_in_use_is_not_submitted_again(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    with pytest.raises(ConflictError):
        await store.submit(record(clock))


async def test_what_is_submitted_for_later_is_not_taken_earlier(store: WorkStore, clock: FakeClock) -> None:
    later = clock.now() + timedelta(hours=1)
    await store.submit(record(clock), ready_at=later)
    assert await taken(store) == []
    assert await store.next_ready(FLOWS) == later
    clock.advance(timedelta(hours=1))
    assert await taken(store) == ["a"]


async def test_the_moment_may_be_given_in_any_zone(store: WorkStore, clock: FakeClock) -> None:
    later = clock.now() + timedelta(hours=1)
    await store.submit(record(clock, "east"), ready_at=later.astimezone(timezone(timedelta(hours=9))))
    await store.submit(record(clock, "west"), ready_at=later.astimezone(timezone(timedelta(hours=-9))))
    assert await taken(store) == []
    assert await store.next_ready(FLOWS) == later
    clock.advance(timedelta(hours=1))
    assert sorted(await taken(store)) == ["east", "west"]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2000, 1, 1),  # that is what is refused
        "tomorrow",
    ],
)
async def test_a_moment_without_a_zone_is_refused(store: WorkStore, clock: FakeClock, moment: Any) -> None:
    with pytest.raises(StoreError, match="TF950: an execution is ready from a datetime with a zone on, not "):
        await store.submit(record(clock), ready_at=moment)
    assert await store.get("a") is None


async def test_a_flow_state_is_changed_by_the_holder_of_the_newest_lease_only(
    store: WorkStore, clock: FakeClock
) -> None:
    key = UpdateKey("a", "step", "call")

    def change(stored: bytes | None) -> FlowStateUpdate:
        return FlowStateUpdate(b"{}", b"1")

    def held(lease: Lease) -> Any:
        return store.held(lease)

    await store.submit(record(clock))
    [old] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    clock.advance(TTL)
    [new] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    with pytest.raises(LeaseLostError, match="the lease on execution 'a' is lost: one has it now"):
        await held(old).update_flow_state("review", key, change)
    with pytest.raises(LeaseLostError):
        held(old).update_flow_state_sync("review", key, change)
    assert await held(old).get_flow_state("review") is None
    assert held(new).update_flow_state_sync("review", key, change) == b"1"
    assert await held(old).update_flow_state("review", UpdateKey("b", "step", "call"), change) == b"1"


async def test_a_message_is_made_in_the_context_of_its_sender(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    seen: list[datetime] = []

    def make(stored: StoredSnapshot) -> Message:
        seen.append(current_clock.get().now())
        return Message("event", "heard", b"1")

    await store.post("a", make)
    assert seen == [clock.now()]


async def test_no_lease_of_a_deleted_execution_is_one_of_a_later_one_with_its_id(
    store: WorkStore, clock: FakeClock
) -> None:
    await store.submit(record(clock))
    [first] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    await store.delete("a")
    await store.submit(record(clock))
    [second] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    with pytest.raises(LeaseLostError):
        await store.held(first).put(record(clock, sequence=2), expected=1)
    with pytest.raises(LeaseLostError):
        await store.release(first, Release())
    assert store.renew_here("one", TTL) == {"a": second.fence} != {"a": first.fence}
    await store.held(second).put(record(clock, sequence=2), expected=1)


async def test_other_flows_are_left_alone(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock, flow="other"))
    assert await taken(store) == []
    assert await store.next_ready(FLOWS) is None


async def test_a_lease_that_ran_out_is_a_crash_and_the_next_has_a_higher_fence(
    store: WorkStore, clock: FakeClock
) -> None:
    await store.submit(record(clock))
    [first] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    clock.advance(TTL)
    [second] = await store.take(FLOWS, holder="two", ttl=TTL, limit=1)
    assert (first.crashes, second.crashes) == (0, 1)
    assert second.fence > first.fence
    with pytest.raises(LeaseLostError, match="the lease on execution 'a' is lost: two has it now"):
        await store.held(first).put(record(clock, sequence=2), expected=1)
    await store.held(second).put(record(clock, sequence=2), expected=1)
    with pytest.raises(LeaseLostError):
        await store.release(first, Release())


async def test_of_executions_with_a_crash_few_are_taken(store: WorkStore, clock: FakeClock) -> None:
    for name in ("a", "b", "c"):
        await store.submit(record(clock, name))
    await taken(store)
    clock.advance(TTL)
    await store.submit(record(clock, "d"))
    found = await taken(store, "two")
    assert len(found) == 2
    assert "d" in found
    assert await taken(store, "two", crashed=0) == []


async def test_a_crash_long_after_the_last_is_the_first_again(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    await taken(store)
    clock.advance(timedelta(hours=1))
    [lease] = await store.take(FLOWS, holder="two", ttl=TTL, limit=1)
    assert lease.crashes == 1


async def test_a_save_without_a_lease_is_refused_while_somebody_has_one(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    await taken(store)
    with pytest.raises(LeaseLostError, match="execution 'a' is run by one, until "):
        await store.put(record(clock, sequence=2), expected=1)
    clock.advance(TTL)
    await store.put(record(clock, sequence=2), expected=1)


async def test_a_heartbeat_renews_what_has_not_run_out(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock, "a"))
    await store.submit(record(clock, "b"))
    [first] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    clock.advance(TTL / 2)
    [second] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    clock.advance(TTL / 2)
    assert store.renew_here("one", TTL) == {second.execution_id: second.fence}
    clock.advance(TTL / 2)
    assert await taken(store, "two") == [first.execution_id]


async def test_one_execution_is_acquired_where_nobody_has_it(store: WorkStore, clock: FakeClock) -> None:
    assert await store.acquire("a", holder="one", ttl=TTL) is None
    await store.put(record(clock), expected=None)
    lease = await store.acquire("a", holder="one", ttl=TTL)
    assert lease is not None
    assert await store.acquire("a", holder="two", ttl=TTL) is None
    clock.advance(TTL)
    assert await store.acquire("a", holder="two", ttl=TTL) is not None


async def test_a_final_save_ends_the_lease(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    [lease] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    await store.held(lease).put(record(clock, sequence=2, status="completed"), expected=1)
    clock.advance(TTL)
    assert await taken(store) == []
    assert await store.next_ready(FLOWS) is None


async def test_mail_makes_an_execution_ready_and_is_read_in_order(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    [lease] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    assert await store.release(lease, Release()) is False
    assert await taken(store) == []
    assert await store.post("a", lambda stored: Message("answer", "q", stored.data)) == 1
    assert await store.post("a", lambda stored: Message("event", "heard", b"1")) == 2
    assert await taken(store) == ["a"]
    assert await store.mail("a", 0) == [
        Message("answer", "q", b"data", 1, clock.now()),
        Message("event", "heard", b"1", 2, clock.now()),
    ]
    assert [each.number for each in await store.mail("a", 1)] == [2]


async def test_mail_that_came_meanwhile_makes_ready_at_once_what_is_released(
    store: WorkStore, clock: FakeClock
) -> None:
    await store.submit(record(clock))
    [lease] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    await store.post("a", lambda stored: Message("event", "heard", b"1"))
    assert await store.release(lease, Release(ready_at=clock.now() + timedelta(days=1))) is True
    [lease] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    assert await store.release(lease, Release(mail=1)) is False
    assert await store.mail("a", 0) == []
    assert await taken(store) == []


async def test_of_two_answers_the_first_stands(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    await store.post("a", lambda stored: Message("answer", "q", b"1"))
    with pytest.raises(ConflictError, match="interrupt 'q' of execution 'a' was answered already"):
        await store.post("a", lambda stored: Message("answer", "q", b"2"))
    assert [each.data for each in await store.mail("a", 0)] == [b"1"]


async def test_a_message_that_is_refused_changes_nothing(store: WorkStore, clock: FakeClock) -> None:
    await store.put(record(clock, status="waiting"), expected=None)

    def refuse(stored: StoredSnapshot) -> Message:
        raise KeyError("not asked")

    with pytest.raises(KeyError, match="not asked"):
        await store.post("a", refuse)
    assert await store.mail("a", 0) == []
    assert await taken(store) == []


async def test_nothing_is_posted_to_an_unknown_execution(store: WorkStore, clock: FakeClock) -> None:
    with pytest.raises(SnapshotError, match="TF921"):
        await store.post("a", lambda stored: Message("event", "heard", b"1"))


async def test_what_waits_is_ready_at_its_deadline(store: WorkStore, clock: FakeClock) -> None:
    due = clock.now() + timedelta(hours=1)
    await store.put(record(clock, status="waiting", due=due), expected=None)
    assert await store.next_ready(FLOWS) == due
    await store.put(record(clock, sequence=2, status="running"), expected=1)
    assert await store.next_ready(FLOWS) is None


async def test_quarantine_keeps_workers_away_until_it_is_lifted(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    [lease] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    await store.release(lease, Release(clock.now().microsecond, clock.now(), "died", quarantined=True, crashed=True))
    assert await taken(store) == []
    assert [entry.execution_id for entry in await store.quarantined()] == ["a"]
    assert await store.quarantined("pay") == []
    assert await store.release_quarantine("a") is True
    assert await store.release_quarantine("a") is False
    assert await taken(store) == ["a"]


async def test_deleting_an_execution_deletes_its_mail(store: WorkStore, clock: FakeClock) -> None:
    await store.submit(record(clock))
    await store.post("a", lambda stored: Message("event", "heard", b"1"))
    await store.delete("a")
    await store.submit(record(clock))
    assert await store.mail("a", 0) == []
    [lease] = await store.take(FLOWS, holder="one", ttl=TTL, limit=1)
    assert lease.crashes == 0
