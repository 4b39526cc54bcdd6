"""An execution that runs with a database stays with its process, and with no process that is gone."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, final

import msgspec
import pytest

from tests.budget import rows
from tests.postgres import connect, conninfo_of
from tests.stores.conformance import STORES
from tests.stores.holding import Long, build
from typedflow import ConflictError, Contract, Data, Flow, FlowState, LeaseLostError, Status
from typedflow.stores import (
    MemoryStore,
    Message,
    holders,
    postgres,
    postgres_leases,
    postgres_records,
    sqlite,
    sqlite_work,
)
from typedflow.stores.embedded_leases import EMBEDDED_LEASE

ROOT = Path(__file__).parents[2]


@final
class Place:
    """A database, the stores on it, and what is in its rows."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder

    def open(self) -> Any:
        return STORES[self.kind].open(self.folder)

    def lease(self) -> tuple[str | None, str | None]:
        """Return who has execution "a", and until when; in a plain call."""
        query = "SELECT holder, CAST(ready_at AS text) FROM typedflow_executions WHERE execution_id = 'a'"
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.folder / "store.db")) as connection:
                row = connection.execute(query).fetchone()
        else:
            with connect(conninfo_of(self.folder)) as connection:
                row = connection.execute(query).fetchone()
        holder, until = row
        return holder, until


@pytest.fixture(params=rows(["sqlite", "postgres"], ["postgres"]))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path)


@pytest.fixture
def owner(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the second step of execution "a"."""
    command = [sys.executable, "-m", "tests.stores.holding", place.kind, str(place.folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "staying\n"
            yield process
        finally:
            process.kill()


async def test_a_second_process_is_told_who_runs_an_execution_and_harms_nothing(
    owner: subprocess.Popen[str], place: Place
) -> None:
    async with place.open() as store:
        execution = await build().async_open("a", store=store)
        assert execution.status is Status.RUNNING
        assert execution.state.done == 1
        assert repr(execution).startswith("<Execution 'a' of flow 'long': running at 'second', run by process ")
        with pytest.raises(LeaseLostError, match=rf"'a' is run by process {owner.pid} on \S+, until ") as refused:
            await execution.async_retry()
        assert isinstance(refused.value, ConflictError)
        assert refused.value.holder == f"process {owner.pid} on {socket.gethostname()}"
        assert refused.value.until is not None
        assert timedelta(0) < refused.value.until - datetime.now(UTC) <= timedelta(seconds=30)
        output, _ = await asyncio.to_thread(owner.communicate, "\n", 30)
        assert output == "result 3\n"
        done = await build().async_open("a", store=store)
        assert (done.status, done.state.done) == (Status.COMPLETED, 2)
        assert place.lease() == (None, None)


async def test_after_a_kill_the_execution_goes_on_at_once(owner: subprocess.Popen[str], place: Place) -> None:
    holder, until = place.lease()
    owner.kill()
    owner.wait()
    assert place.lease() == (holder, until), "nobody has ended the lease"
    async with place.open() as store:
        execution = await build().async_open("a", store=store)
        await execution.async_retry()
        assert execution.result == 4
        assert repr(execution) == "<Execution 'a' of flow 'long': completed>"
    assert until is not None
    assert datetime.now(UTC) < datetime.fromisoformat(until)


def test_a_killed_process_nobody_has_waited_for_is_gone(owner: subprocess.Popen[str], place: Place) -> None:
    holder, _ = place.lease()
    assert holder is not None
    assert not holders.is_gone(holder)
    owner.kill()
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)
    assert holders.is_gone(holder)


async def test_a_second_execution_of_one_process_is_refused_too(place: Place) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def stay(data: Data[Long, int]) -> int:
        entered.set()
        await go.wait()
        return data.value

    async with place.open() as store, place.open() as other:
        execution = build(stay).create_execution(execution_id="a", store=store)
        running = asyncio.create_task(execution.async_start(1))
        await entered.wait()
        for second in (store, other):
            with pytest.raises(LeaseLostError, match=f"process {os.getpid()} on "):
                await (await build().async_open("a", store=second)).async_retry()
            with pytest.raises(LeaseLostError):
                await (await build().async_open("a", store=second)).async_cancel()
        go.set()
        assert await running is Status.COMPLETED


@pytest.mark.parametrize("how", ["cancelled", "timeout"])
async def test_a_run_that_is_cut_off_leaves_its_lease(place: Place, how: str) -> None:
    entered = asyncio.Event()

    async def stay(data: Data[Long, int]) -> int:
        entered.set()
        await asyncio.Event().wait()
        return data.value

    async with place.open() as store:
        execution = build(stay).create_execution(execution_id="a", store=store)
        running = asyncio.create_task(execution.async_start(1, timeout=0.01 if how == "timeout" else None))
        await entered.wait()
        if how == "cancelled":
            running.cancel()
        with suppress(asyncio.CancelledError, TimeoutError):
            await running
        again = await build().async_open("a", store=store)
        await again.async_retry()
        assert again.result == 4
        assert place.lease() == (None, None)


def test_a_run_whose_loop_is_closed_has_nothing_any_more(place: Place) -> None:
    entered = asyncio.Event()

    async def stay(data: Data[Long, int]) -> int:
        entered.set()
        await asyncio.Event().wait()
        return data.value

    async def begin() -> Any:
        store = place.open()
        execution = build(stay).create_execution(execution_id="a", store=store)
        running = asyncio.create_task(execution.async_start(1))
        await entered.wait()
        return store, running

    loop = asyncio.new_event_loop()
    store, running = loop.run_until_complete(begin())
    loop.close()

    async def go_on() -> int:
        execution = await build().async_open("a", store=store)
        await execution.async_retry()
        result: int = execution.result
        await store.close()
        return result

    assert asyncio.run(go_on()) == 4
    running._log_destroy_pending = False  # it is what this test is about


async def test_a_blocked_loop_loses_no_lease(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sqlite, postgres):
        monkeypatch.setattr(module, "BEAT", 0.01)
    seen: list[bool] = []

    def stay(data: Data[Long, int]) -> int:
        _, first = place.lease()
        end = time.monotonic() + 20
        while place.lease()[1] == first:  # blocks the loop until the store's thread has renewed the lease
            assert time.monotonic() < end
        seen.append(True)
        return data.value

    async with place.open() as store:
        execution = build(stay).create_execution(execution_id="a", store=store)
        await execution.async_start(1)
    assert seen == [True]


async def test_a_lease_that_is_renewed_no_more_runs_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a process on another machine: who has it cannot be seen to be gone."""
    for module in (sqlite_work, postgres_records):
        monkeypatch.setattr(module, "EMBEDDED_LEASE", timedelta(seconds=-1))
    for module in (sqlite_work, postgres_leases):
        monkeypatch.setattr(module, "is_gone", lambda name: False)
    entered, go = asyncio.Event(), asyncio.Event()

    async def stay(data: Data[Long, int]) -> int:
        entered.set()
        await go.wait()
        return data.value

    async with place.open() as store, place.open() as other:
        execution = build(stay).create_execution(execution_id="a", store=store)
        running = asyncio.create_task(execution.async_start(1))
        await entered.wait()
        second = await build().async_open("a", store=other)
        await second.async_retry()
        assert second.result == 4
        go.set()
        with pytest.raises(ConflictError):
            await running


class Tally(FlowState):
    done: int = 0


class Counted(Contract):
    input: int
    result: int
    flow_state: Tally


def add_one(tally: Tally) -> None:
    tally.done += 1


async def test_who_has_lost_an_execution_changes_no_flow_state(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that it is in was run by another process, and is counted."""
    for module in (sqlite_work, postgres_records):
        monkeypatch.setattr(module, "EMBEDDED_LEASE", timedelta(seconds=-1))
    for module in (sqlite_work, postgres_leases):
        monkeypatch.setattr(module, "is_gone", lambda name: False)
    entered, go = asyncio.Event(), asyncio.Event()

    def counting(wait: asyncio.Event | None) -> Flow[Any]:
        async def count(data: Data[Counted, int]) -> int:
            if wait is not None:
                entered.set()
                await wait.wait()
            data.update_flow_state(add_one)
            return data.value

        flow: Flow[Any] = Flow(Counted, name="counted")
        flow.to(count, name="count").end()
        return flow

    async with place.open() as store, place.open() as other:
        running = asyncio.create_task(counting(go).create_execution(execution_id="a", store=store).async_start(1))
        await entered.wait()
        second = await counting(None).async_open("a", store=other)
        await second.async_retry()
        go.set()
        with pytest.raises(LeaseLostError, match="'a' is lost: no process has it"):
            await running
        tally = await store.get_flow_state("counted")
    assert tally is not None
    assert msgspec.json.decode(tally)["done"] == 1


async def test_a_run_that_goes_on_with_an_answer_that_came_during_its_save_keeps_its_lease(place: Place) -> None:
    seen: list[str | None] = []

    def ask(data: Data[Long, int]) -> int:
        return data.pause_for(interrupt_id="q")

    def look(data: Data[Long, int]) -> int:
        seen.append(place.lease()[0])
        return data.value

    flow: Flow[Any] = Flow(Long, name="long")
    flow.to(ask).to(look).end()
    async with place.open() as store:
        execution = flow.create_execution(execution_id="a", store=store, checkpoint="pause")
        running = asyncio.create_task(execution.async_start(1))
        while not execution.interrupts:  # noqa: ASYNC110  # nothing else tells
            await asyncio.sleep(0)
        assert not running.done()
        assert await execution.async_continue_with("q", 2) is Status.COMPLETED
        await running
    assert len(seen) == 1
    assert seen[0] is not None


async def test_what_is_posted_to_a_running_execution_is_for_a_worker_when_it_rests(place: Place) -> None:
    async def post(data: Data[Long, int]) -> int:
        await store.post("a", lambda stored: Message("event", "news", b"1"))
        assert (await store.next_ready(["long"])) != datetime.min
        data.pause_for(interrupt_id="q")
        return data.value

    async with place.open() as store:
        execution = build(post).create_execution(execution_id="a", store=store)
        assert await execution.async_start(1) is Status.WAITING
        ready = await store.next_ready(["long"])
        assert ready is not None
        assert ready <= datetime.now(UTC)
        [taken] = await store.take(["long"], holder="w", ttl=timedelta(seconds=30), limit=1)
        assert (taken.execution_id, taken.crashes) == ("a", 0)


async def test_in_memory_a_running_execution_stays_with_its_owner_too() -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def stay(data: Data[Long, int]) -> int:
        entered.set()
        await go.wait()
        return data.value

    async with MemoryStore() as store:
        execution = build(stay).create_execution(execution_id="a", store=store)
        running = asyncio.create_task(execution.async_start(1))
        await entered.wait()
        await store.post("a", lambda stored: Message("event", "news", b"1"))
        assert await store.next_ready(["long"]) is None
        assert await store.take(["long"], holder="w", ttl=timedelta(seconds=30), limit=1) == []
        assert await store.acquire("a", holder="w", ttl=timedelta(seconds=30)) is None
        with pytest.raises(LeaseLostError, match=f"process {os.getpid()} on ") as refused:
            await (await build().async_open("a", store=store)).async_retry()
        assert refused.value.until is not None
        assert refused.value.until - datetime.now(UTC) <= timedelta(seconds=30)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        again = await build().async_open("a", store=store)
        await again.async_retry()
        assert again.result == 4


async def test_a_worker_takes_what_a_dead_process_has_left(owner: subprocess.Popen[str], place: Place) -> None:
    async with place.open() as store:
        assert await store.take(["long"], holder="w", ttl=timedelta(seconds=30), limit=1) == []
        assert await store.acquire("a", holder="w", ttl=timedelta(seconds=30)) is None
        owner.kill()
        owner.wait()
        [taken] = await store.take(["long"], holder="w", ttl=timedelta(seconds=30), limit=1)
        assert (taken.execution_id, taken.holder, taken.crashes) == ("a", "w", 1)


async def test_a_record_tells_who_has_it(owner: subprocess.Popen[str], place: Place) -> None:
    async with place.open() as store:
        stored = await store.get("a")
    assert stored is not None
    assert stored.holder is not None
    assert holders.describe_holder(stored.holder) == f"process {owner.pid} on {socket.gethostname()}"
    assert stored.held_until is not None
    assert stored.held_until > datetime.now(UTC)


@pytest.mark.parametrize(
    "name",
    ["one", "elsewhere:1:boot/4:77:1", f"{socket.gethostname()}:x:boot/4:77:1", f"{socket.gethostname()}:1::77:1"],
)
def test_of_a_holder_elsewhere_only_the_clock_tells(name: str) -> None:
    assert not holders.is_gone(name)


async def test_a_process_id_that_is_used_again_is_another_process() -> None:
    host, pid, machine, start, number = holders.new_name().rsplit(":", 4)
    assert pid == str(os.getpid())
    assert holders.is_gone(f"{host}:{pid}:{machine}:{int(start or 0) - 1}:{number}")


async def test_a_holder_is_there_until_it_leaves() -> None:
    name = holders.new_name()
    assert holders.is_gone(name)
    holders.enter(name)
    assert not holders.is_gone(name)
    holders.leave(name)
    assert holders.is_gone(name)
    assert holders.new_name() != name


def test_a_process_may_have_a_name_that_is_no_text() -> None:
    """The system cuts it after 15 bytes, inside of a letter too."""
    program = "import sys; open('/proc/self/comm', 'wb').write(b'caf\\xc3'); print(flush=True); sys.stdin.read()"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as process:
        assert process.stdout is not None
        process.stdout.readline()
        host, _, machine, _, number = holders.new_name().rsplit(":", 4)
        assert holders.is_gone(f"{host}:{process.pid}:{machine}:1:{number}")
        process.communicate()


def test_the_page_of_guarantees_names_how_long_a_lease_lasts() -> None:
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "guarantees.md").read_text(encoding="utf-8")
    assert f"else after {EMBEDDED_LEASE.total_seconds():g} seconds" in page
