"""One execution in several event loops: each sync form runs one of its own, and a loop that is over is never asked."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.execution.faulty import FaultyStore
from tests.postgres import conninfo_of
from typedflow import Contract, Data, Events, Execution, ExecutionError, Flow, Status
from typedflow.stores import FileStore, MemoryStore, PostgresStore, SQLiteStore
from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.protocol import Put
from typedflow.stores.records import StoredSnapshot
from typedflow.stores.requirements import require_expected


class Bells(Events):
    rung: int


class Numbers(Contract):
    input: int
    result: int
    stream: int
    events: Bells


class OwnError(Exception):
    """What handlers raise here."""


def step(data: Data[Numbers, int]) -> int:
    return data.value + 1


def ask(data: Data[Numbers, int]) -> int:
    data.pause_for("?", interrupt_id="ask")


def asking(*behind: Callable[[Data[Numbers, int]], Any], steps: int = 3, name: str = "asking") -> Flow[Any]:
    flow: Flow[Any] = Flow(Numbers, name=name)
    chain: Any = flow.to(step)
    for _ in range(steps):
        chain = chain.to(step)
    chain = chain.to(ask)
    for handler in behind:
        chain = chain.to(handler)
    chain.end()
    return flow


def memory(path: Path) -> Any:
    return MemoryStore()


def files(path: Path) -> Any:
    return FileStore(path / "files")


def sqlite(path: Path) -> Any:
    return SQLiteStore(path / "runs.db")


def server(path: Path) -> Any:
    return PostgresStore(conninfo_of(path))


def none(path: Path) -> Any:
    return None


class AtOnce(FaultyStore):
    """Save in place from the third save on, as a SQLiteStore does on a quick disk: no task of a loop takes part."""

    async def _wait(self) -> None:
        await asyncio.sleep(0)

    def put_at_once(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> Put | None:
        if self.puts < 3:
            return None
        stored = self.records.get(record.execution_id)
        require_expected(record.execution_id, None if stored is None else stored.sequence, expected)
        self.records[record.execution_id] = record
        return Put(None)


def at_once(path: Path) -> Any:
    return AtOnce(random.Random(1))


EVERY_STORE = pytest.mark.parametrize(
    "make", [none, memory, files, sqlite, at_once, pytest.param(server, marks=pytest.mark.postgres)]
)


def waiting_in_a_first_loop(flow: Flow[Any], store: Any) -> Execution[Any]:
    options: dict[str, Any] = {} if store is None else {"store": store, "checkpoint": "step"}
    execution = flow.create_execution(execution_id="e", **options)
    assert execution.start(1) is Status.WAITING
    return execution


def stored_status(store: Any) -> str | None:
    if store is None:
        return None
    record = asyncio.run(store.get("e"))
    return None if record is None else str(record.status)


@EVERY_STORE
def test_a_failure_in_a_second_loop_is_the_handlers_own_and_is_stored(
    make: Callable[[Path], Any], tmp_path: Path
) -> None:
    broken = [True]

    def failing(data: Data[Numbers, int]) -> int:
        if broken:
            raise OwnError
        return data.value

    store = make(tmp_path)
    execution = waiting_in_a_first_loop(asking(failing), store)
    with pytest.raises(OwnError):
        execution.continue_with("ask", 5)
    assert execution.status is Status.FAILED
    assert stored_status(store) == (None if store is None else "failed")
    broken.clear()
    assert asyncio.run(execution.async_retry()) is Status.COMPLETED
    assert execution.result == 5
    assert stored_status(store) == (None if store is None else "completed")


@EVERY_STORE
def test_a_timeout_in_a_second_loop_ends_the_run(make: Callable[[Path], Any], tmp_path: Path) -> None:
    async def slow(data: Data[Numbers, int]) -> int:
        await asyncio.Event().wait()
        return data.value

    store = make(tmp_path)
    execution = waiting_in_a_first_loop(asking(slow), store)
    with pytest.raises(TimeoutError, match="was not over after"):
        execution.continue_with("ask", 5, timeout=0.01)
    assert execution.status is Status.FAILED
    assert stored_status(store) == (None if store is None else "failed")


@EVERY_STORE
@pytest.mark.parametrize("first_is_closed", [True, False])
def test_a_cancel_in_a_second_loop_ends_the_run(
    make: Callable[[Path], Any], first_is_closed: bool, tmp_path: Path
) -> None:
    async def slow(data: Data[Numbers, int]) -> int:
        await asyncio.Event().wait()
        return data.value

    store = make(tmp_path)
    flow = asking(slow)
    options: dict[str, Any] = {} if store is None else {"store": store, "checkpoint": "step"}
    execution = flow.create_execution(execution_id="e", **options)
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def cancelled() -> Status:
        running = asyncio.create_task(execution.async_continue_with("ask", 5))
        await asyncio.sleep(0.01)
        status = await execution.async_cancel()
        with suppress(asyncio.CancelledError):
            await running
        return status

    try:
        assert first.run_until_complete(execution.async_start(1)) is Status.WAITING
        if first_is_closed:
            first.close()
        assert second.run_until_complete(asyncio.wait_for(cancelled(), 20)) is Status.CANCELLED
    finally:
        first.close()
        second.close()
    assert stored_status(store) == (None if store is None else "cancelled")


def test_a_stream_goes_on_in_a_second_loop(tmp_path: Path) -> None:
    def putting(data: Data[Numbers, int]) -> int:
        data.put(data.value)
        return data.value

    execution = waiting_in_a_first_loop(asking(putting), at_once(tmp_path))

    async def items() -> list[int]:
        return [item async for item in execution.stream_continue("ask", 7)]

    assert asyncio.run(items()) == [7]
    assert execution.status is Status.COMPLETED


def test_a_stream_that_fails_in_a_second_loop_raises_the_handlers_own(tmp_path: Path) -> None:
    def failing(data: Data[Numbers, int]) -> int:
        raise OwnError

    execution = waiting_in_a_first_loop(asking(failing), at_once(tmp_path))

    async def items() -> list[int]:
        return [item async for item in execution.stream_continue("ask", 7)]

    with pytest.raises(OwnError):
        asyncio.run(items())


def test_a_save_that_a_loop_left_undone_is_found_out_about_in_the_next_one() -> None:
    """The loop is stopped while a save is under way: whether it came through only the store can tell."""

    class Stuck(FaultyStore):
        """Take the second save, and never answer."""

        async def _wait(self) -> None:
            if self.puts == 2 and self.records and self.history[-1:]:
                left.set_result(None)
                await asyncio.Event().wait()

    first = asyncio.new_event_loop()
    left: asyncio.Future[None] = first.create_future()
    store = Stuck(None)  # type: ignore[arg-type]  # it waits by no chance
    execution = asking(steps=0).create_execution(execution_id="e", store=store)
    running = first.create_task(execution.async_start(1))
    first.run_until_complete(left)
    running.cancel()
    first.run_until_complete(asyncio.sleep(0, None))
    running.cancel()
    with suppress(asyncio.CancelledError):
        first.run_until_complete(running)
    store.puts = 10
    try:
        assert execution.status is Status.WAITING
        assert execution.continue_with("ask", 3) is Status.COMPLETED
        assert str(store.records["e"].status) == "completed"
    finally:
        for task in asyncio.all_tasks(first):
            task.cancel()
        first.run_until_complete(asyncio.sleep(0))
        first.close()


def test_two_threads_each_with_a_loop_run_executions_of_one_flow(tmp_path: Path) -> None:
    start = threading.Barrier(2)

    async def meet(data: Data[Numbers, int]) -> int:
        await asyncio.get_running_loop().run_in_executor(None, start.wait, 10)
        return data.value

    flow = asking(meet)
    store = SQLiteStore(tmp_path / "runs.db")
    results: dict[str, int] = {}

    def work(id_: str) -> None:
        execution = flow.create_execution(execution_id=id_, store=store, checkpoint="step")
        execution.start(1)
        execution.continue_with("ask", len(id_))
        results[id_] = execution.result

    threads = [threading.Thread(target=work, args=(id_,)) for id_ in ("a", "bb")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {"a": 1, "bb": 2}


@pytest.mark.parametrize("call", ["answer", "cancel", "stream", "emit"])
def test_an_execution_that_another_loop_runs_is_not_touched(call: str) -> None:
    released, inside = threading.Event(), threading.Event()

    async def slow(data: Data[Numbers, int]) -> int:
        inside.set()
        await asyncio.get_running_loop().run_in_executor(None, released.wait, 10)
        return data.value

    flow = asking(slow, steps=0)
    execution = flow.create_execution(execution_id="e")
    execution.start(1)
    runner = threading.Thread(target=execution.continue_with, args=("ask", 4))
    runner.start()
    assert inside.wait(10)

    async def other() -> None:
        if call == "answer":
            await execution.async_continue_with("ask", 5)
        elif call == "cancel":
            await execution.async_cancel()
        elif call == "stream":
            async for _ in execution.stream_continue("ask", 5):
                pass
        else:
            execution.emit("rung", 1)

    try:
        with pytest.raises(ExecutionError) as refused:
            asyncio.run(other())
    finally:
        released.set()
        runner.join(10)
    assert refused.value.code == "TF824"
    assert (execution.status, execution.result) == (Status.COMPLETED, 4)


def test_what_a_closed_loop_left_running_can_be_retried() -> None:
    begun = [0]

    async def slow(data: Data[Numbers, int]) -> int:
        begun[0] += 1
        if begun[0] == 1:
            await asyncio.Event().wait()
        return data.value

    execution = asking(slow, steps=0).create_execution(execution_id="e")
    execution.start(1)
    first = asyncio.new_event_loop()
    task = first.create_task(execution.async_continue_with("ask", 4))
    first.run_until_complete(asyncio.sleep(0.01))
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # the case: its loop is closed under it
    first.close()
    assert asyncio.run(execution.async_retry()) is Status.COMPLETED
    assert (execution.result, begun) == (4, [2])
    del task


# -- processes that are forked after the first loop


def _forked(make: str, path: Path, outcome: Any) -> None:
    execution: Execution[Any] = _inherited[0]
    try:
        outcome.put(str(execution.continue_with("ask", 5)))
    except BaseException as error:
        outcome.put(f"{type(error).__name__}: {error}")


_inherited: list[Any] = []

# A worker of pytest-xdist has a thread of its own, which the forked process does not need.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@forks
@pytest.mark.parametrize(
    "make, expected", [(none, "completed"), (memory, "completed"), (files, "TF957"), (sqlite, "TF957")]
)
def test_a_forked_process_goes_on_or_is_told_why_not(
    make: Callable[[Path], Any], expected: str, tmp_path: Path
) -> None:
    """A store that has threads and connections does not come over; the run in the parent is as it was."""
    context = multiprocessing.get_context("fork")
    store = make(tmp_path)
    execution = waiting_in_a_first_loop(asking(), store)
    _inherited[:] = [execution]
    outcome = context.Queue()
    child = context.Process(target=_forked, args=(make.__name__, tmp_path, outcome))
    child.start()
    try:
        assert expected in outcome.get(timeout=30)
    finally:
        child.join(30)
        _inherited.clear()
    assert not child.exitcode
    assert execution.continue_with("ask", 6) is Status.COMPLETED


@forks
def test_a_forked_process_opens_the_store_anew(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    flow = asking()
    waiting_in_a_first_loop(flow, SQLiteStore(tmp_path / "runs.db"))
    _inherited[:] = [flow]
    outcome = context.Queue()
    child = context.Process(target=_reopened, args=(tmp_path, outcome))
    child.start()
    try:
        assert outcome.get(timeout=30) == "5"
    finally:
        child.join(30)
        _inherited.clear()


def _reopened(path: Path, outcome: Any) -> None:
    async def main() -> Execution[Any]:
        store = SQLiteStore(path / "runs.db")
        execution: Execution[Any] = await _inherited[0].async_open("e", store=store)
        await execution.async_continue_with("ask", 5)
        return execution

    try:
        outcome.put(str(asyncio.run(main()).result))
    except BaseException as error:
        outcome.put(f"{type(error).__name__}: {error}")
