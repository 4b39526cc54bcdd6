"""Who hears of it when an execution becomes ready: those who listen to the database, and a queue beside the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import psycopg
import pytest

from tests import postgres
from tests.stores.conformance import record
from typedflow import StoreError
from typedflow.stores import Lease, Message, PostgresStore, Release
from typedflow.stores.postgres_database import Connection

pytestmark = pytest.mark.postgres

TTL: Final = timedelta(seconds=30)
HOUR: Final = datetime.now(UTC) + timedelta(hours=1)
ODD: Final = "é\\n\0" + 996 * "x"
"""A name that is as long as may be, and has what a column cannot hold."""


@pytest.fixture
def conninfo(tmp_path: Path) -> str:
    return postgres.conninfo_of(tmp_path)


@pytest.fixture
async def store(conninfo: str) -> AsyncIterator[PostgresStore]:
    """A store that asks its connection for a sign of life every ten minutes, which would count as a notification."""
    async with PostgresStore(conninfo, answer_within=600) as opened:
        yield opened


Heard = SimpleQueue[None]


@contextmanager
def listening(store: PostgresStore, *flows: str) -> Iterator[Heard]:
    """Listen to a store; what is heard at the start is taken out."""
    heard = Heard()
    stop = store.listen(flows, lambda: heard.put(None), lambda execution_id: None)
    try:
        heard.get(timeout=60)
        yield heard
    finally:
        stop()


async def hears(heard: Heard) -> None:
    await asyncio.to_thread(heard.get, timeout=60)


async def hears_nothing_of(store: PostgresStore, act: Callable[[], Awaitable[object]], *flows: str) -> None:
    """Do something and then submit another flow: only of that is something heard."""
    with listening(store, *flows) as quiet, listening(store, "last") as last:
        await act()
        await store.submit(record("last", flow="last"))
        await hears(last)
        assert quiet.empty()


async def leased(store: PostgresStore) -> Lease:
    lease = await store.acquire("a", holder="me", ttl=TTL)
    assert lease is not None
    return lease


def answer(stored: Any) -> Message:
    return Message("answer", "q", b"1")


async def submit(store: PostgresStore) -> None:
    await store.submit(record("b"))


async def submit_for_later(store: PostgresStore) -> None:
    await store.submit(record("b"), ready_at=HOUR)


async def post(store: PostgresStore) -> None:
    await store.post("w", answer)


async def stop(store: PostgresStore) -> None:
    await store.release(await leased(store), Release(ready_at=datetime.now(UTC)))


async def sleep(store: PostgresStore) -> None:
    await store.release(await leased(store), Release(ready_at=HOUR))


async def release_with_mail(store: PostgresStore) -> None:
    lease = await leased(store)
    await store.post("a", answer)
    assert await store.release(lease, Release())


async def pause_with_a_deadline(store: PostgresStore) -> None:
    await store.put(replace(record("b", status="waiting"), due=HOUR), expected=None)


async def free(store: PostgresStore) -> None:
    await store.release(await leased(store), Release(quarantined=True))
    assert await store.release_quarantine("a")


NOW_READY: Final = {"submit": submit, "post": post, "stop": stop, "release with mail": release_with_mail, "free": free}
LATER: Final = {"submit for later": submit_for_later, "sleep": sleep, "pause": pause_with_a_deadline}
CHANGES: Final = NOW_READY | LATER


@pytest.mark.parametrize("change", CHANGES)
async def test_whoever_listens_hears_of_what_is_ready_or_will_be(store: PostgresStore, change: str) -> None:
    await store.submit(record("a"))
    await store.put(record("w", status="waiting"), expected=None)
    with listening(store, "review") as heard:
        await CHANGES[change](store)
        await hears(heard)


async def test_a_step_that_is_saved_under_a_lease_is_nothing_to_hear(store: PostgresStore) -> None:
    await store.submit(record("a"))
    held = store.held(await leased(store))
    await hears_nothing_of(store, lambda: held.put(record("a", 1), expected=0), "review")


async def test_the_flow_of_others_is_nothing_to_hear(store: PostgresStore) -> None:
    await hears_nothing_of(store, lambda: store.submit(record("a")), "billing")


async def test_another_schema_is_nothing_to_hear(store: PostgresStore, tmp_path: Path) -> None:
    async with PostgresStore(postgres.conninfo_of(tmp_path / "other")) as other:
        await hears_nothing_of(store, lambda: other.submit(record("a")), "review")


async def test_any_name_of_a_flow_is_heard(store: PostgresStore) -> None:
    with listening(store, ODD) as heard:
        await store.submit(record("a", flow=ODD))
        await hears(heard)


async def test_whoever_has_an_execution_hears_of_its_mail_and_nobody_looks_for_work(store: PostgresStore) -> None:
    await store.submit(record("a"))
    await leased(store)
    mail = SimpleQueue[str | None]()
    with listening(store, "review") as quiet:
        heard = Heard()
        stop = store.listen([], lambda: heard.put(None), mail.put)
        await hears(heard)
        assert await asyncio.to_thread(mail.get, timeout=60) is None
        await store.post("a", answer)
        assert await asyncio.to_thread(mail.get, timeout=60) == "a"
        stop()
        await hears_nothing_of(store, lambda: store.post("a", lambda _: Message("event", "e", b"1")), "review")
        assert quiet.empty()


async def test_a_connection_that_is_lost_is_made_again_and_counts_as_a_notification(
    store: PostgresStore, conninfo: str
) -> None:
    heard, mail = Heard(), SimpleQueue[str | None]()
    stop = store.listen(["review"], lambda: heard.put(None), mail.put)
    try:
        await hears(heard)
        assert await asyncio.to_thread(mail.get, timeout=60) is None
        with psycopg.connect(conninfo, autocommit=True) as other:
            [(ended,)] = other.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                " AND query LIKE '%' || 'typedflow_executions'::regclass::oid || '%'"
            ).fetchall()
        assert ended == 1
        await hears(heard)
        assert await asyncio.to_thread(mail.get, timeout=60) is None
        await store.submit(record("a"))
        await hears(heard)
    finally:
        stop()


# -- a queue in the database


class Queue:
    """A table of jobs, written to in the transactions of the store."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self.fails = False
        with psycopg.connect(conninfo) as connection:
            connection.execute("CREATE TABLE jobs (execution_id text, flow text)")

    def announce(self, connection: Connection, execution_id: str, flow: str) -> None:
        connection.execute("INSERT INTO jobs VALUES (%s, %s)", (execution_id, flow))
        if self.fails:
            raise StoreError("no room in the queue")

    def take(self) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._conninfo) as connection:
            return connection.execute("DELETE FROM jobs RETURNING *").fetchall()


@pytest.fixture
def queue(conninfo: str) -> Iterator[Queue]:
    yield Queue(conninfo)
    with psycopg.connect(conninfo) as connection:
        connection.execute("DROP TABLE jobs")


@pytest.mark.parametrize("change", NOW_READY)
async def test_what_is_ready_is_in_the_queue_when_it_is_committed(queue: Queue, conninfo: str, change: str) -> None:
    async with PostgresStore(conninfo, announce=queue.announce) as store:
        await store.submit(record("a"))
        await store.put(record("w", status="waiting"), expected=None)
        assert queue.take() == [("a", "review")]
        await NOW_READY[change](store)
        assert queue.take() == [("w" if change == "post" else "b" if change == "submit" else "a", "review")]


@pytest.mark.parametrize("change", LATER)
async def test_what_is_ready_later_is_in_no_queue(queue: Queue, conninfo: str, change: str) -> None:
    async with PostgresStore(conninfo, announce=queue.announce) as store:
        await store.submit(record("a"))
        queue.take()
        await LATER[change](store)
        assert queue.take() == []


async def test_a_queue_that_fails_changes_nothing(queue: Queue, conninfo: str) -> None:
    async with PostgresStore(conninfo, announce=queue.announce) as store:
        queue.fails = True
        with pytest.raises(StoreError, match="no room in the queue"):
            await store.submit(record("a"))
        assert await store.get("a") is None
        queue.fails = False
        await store.submit(record("a"))
        assert queue.take() == [("a", "review")]
