"""`offload` on a Dask cluster of two processes, through `distributed.Client.get_executor()`."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from typedflow import Contract, Data, ExecutionError, Failed, Flow, Resources, Retry, offload

pytestmark = pytest.mark.one_python


class Pools(Resources):
    pool: Executor


class Call(Contract):
    input: Path
    result: int
    resources: Pools


class Calls(Contract):
    input: list[Path]
    result: list[int]
    resources: Pools


class OddNumber(ValueError):
    """An error with an argument of its own, which crosses the border of a process."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{number} is odd")
        self.number = number

    def __reduce__(self) -> Any:
        return OddNumber, (self.number,)


def note(file: Path) -> int:
    """Note who was called; returns its process."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{os.getpid()}\n")
    return os.getpid()


def fail(file: Path) -> int:
    note(file)
    raise OddNumber(7)


def fail_once(file: Path) -> int:
    note(file)
    if len(file.read_text(encoding="utf-8").splitlines()) == 1:
        raise ConnectionError("try again")
    return 1


def wait(file: Path) -> int:
    """Work until the file is deleted."""
    note(file)
    while file.exists():
        time.sleep(0.01)
    return 1


def die(file: Path) -> int:
    os._exit(1)


def distributed() -> Any:
    """Return the package, which not every supported Python has."""
    return import_module("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Return a cluster of two processes, which says nothing of what fails in it."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed().LocalCluster(**options, silence_logs=logging.CRITICAL) as found:
        yield found


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    with distributed().Client(cluster) as found:
        yield found


@pytest.fixture
def pool(client: Any) -> Executor:
    executor = client.get_executor()
    assert isinstance(executor, Executor)
    return executor


def flow_of(function: Any, **options: Any) -> Flow[Call]:
    flow = Flow(Call)
    flow.to(offload(function, executor="pool"), **options).end()
    return flow


def calls(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_items_run_in_the_processes_of_the_cluster(pool: Executor, tmp_path: Path) -> None:
    flow = Flow(Calls)
    flow.for_each(concurrency=4).to(offload(note, executor="pool")).end_for_each().end()
    found = flow.start([tmp_path / str(number) for number in range(8)], runtime_resources={"pool": pool})
    assert len(found) == 8
    assert os.getpid() not in found
    assert 1 <= len(set(found)) <= 2


def test_each_item_is_called_for_also_where_two_are_equal(pool: Executor, tmp_path: Path) -> None:
    flow = Flow(Calls)
    flow.for_each().to(offload(note, executor="pool")).end_for_each().end()
    flow.start([tmp_path / "calls"] * 3, runtime_resources={"pool": pool})
    assert calls(tmp_path / "calls") == 3


def test_a_retry_calls_the_function_again(pool: Executor, tmp_path: Path) -> None:
    flow = flow_of(fail_once, retry=Retry(attempts=3))
    assert flow.start(tmp_path / "calls", runtime_resources={"pool": pool}) == 1
    assert calls(tmp_path / "calls") == 2


def test_what_it_raises_is_the_error_of_the_step(pool: Executor, tmp_path: Path) -> None:
    with pytest.raises(OddNumber, match="7 is odd") as caught:
        flow_of(fail).start(tmp_path / "calls", runtime_resources={"pool": pool})
    assert caught.value.number == 7
    assert "step 'fail'" in caught.value.__notes__[0]


def test_a_failure_is_handed_on_as_a_value(pool: Executor, tmp_path: Path) -> None:
    def handle(data: Data[Call, Failed[Path]]) -> int:
        return -data.value.attempts

    flow = flow_of(fail, retry=Retry(attempts=2), on_error=handle)
    assert flow.start(tmp_path / "calls", runtime_resources={"pool": pool}) == -2


def test_a_call_that_takes_too_long_fails_the_step(pool: Executor, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match=r"step 'wait' was not over after 0\.3 s"):
        flow_of(wait, timeout=0.3).start(tmp_path / "calls", runtime_resources={"pool": pool})
    (tmp_path / "calls").unlink(missing_ok=True)


async def test_an_execution_that_is_cancelled_waits_for_no_call(pool: Executor, tmp_path: Path) -> None:
    execution = flow_of(wait).create_execution(runtime_resources={"pool": pool})
    running = asyncio.create_task(execution.async_start(tmp_path / "calls"))
    while not (tmp_path / "calls").exists():  # noqa: ASYNC110  # another process makes it
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (tmp_path / "calls").unlink()


@pytest.mark.full
def test_a_function_that_kills_its_processes_fails_its_step(pool: Executor, tmp_path: Path) -> None:
    with pytest.raises(distributed().KilledWorker):
        flow_of(die).start(tmp_path / "calls", runtime_resources={"pool": pool})


async def test_a_client_that_is_closed_fails_the_step(cluster: Any, tmp_path: Path) -> None:
    client = await asyncio.to_thread(distributed().Client, cluster)
    execution = flow_of(wait).create_execution(runtime_resources={"pool": client.get_executor()})
    running = asyncio.create_task(execution.async_start(tmp_path / "calls"))
    while not (tmp_path / "calls").exists():  # noqa: ASYNC110  # as above
        await asyncio.sleep(0.01)
    await asyncio.to_thread(client.close)
    with pytest.raises(ExecutionError, match=r"TF820: .*raised CancelledError, but was not cancelled"):
        await running
    (tmp_path / "calls").unlink()
