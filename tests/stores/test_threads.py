"""The thread of a store: the order of its jobs, its batches, and faults of the store itself."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest

from typedflow.stores.threads import LARGEST_BATCH, Outcome, StoreThread


class Echo:
    """Returns each job; waits before the first batch, and keeps what each batch was."""

    def __init__(self) -> None:
        self.go_on = Event()
        self.batches: list[list[int]] = []
        self.finished = 0

    def run(self, jobs: list[int]) -> list[Outcome]:
        assert self.go_on.wait(60)
        self.batches.append(jobs)
        if -1 in jobs:
            raise SystemExit("told")
        return [Outcome(job) for job in jobs]

    def finish(self) -> None:
        self.finished += 1


async def test_what_queued_up_is_one_batch_in_the_order_of_the_calls() -> None:
    echo = Echo()
    thread = StoreThread("Echo", echo)
    calls = [asyncio.ensure_future(thread.call(number)) for number in range(2 * LARGEST_BATCH)]
    await asyncio.sleep(0)  # each has made its call
    echo.go_on.set()
    assert await asyncio.gather(*calls) == list(range(2 * LARGEST_BATCH))
    await thread.close()
    assert [number for batch in echo.batches for number in batch] == list(range(2 * LARGEST_BATCH))
    assert max(len(batch) for batch in echo.batches) == LARGEST_BATCH
    assert echo.finished == 1


async def test_a_fault_of_the_store_reaches_its_callers_and_the_thread_goes_on() -> None:
    echo = Echo()
    echo.go_on.set()
    thread = StoreThread("Echo", echo)
    with pytest.raises(SystemExit):
        await thread.call(-1)
    assert await thread.call(1) == 1
    await thread.close()


async def test_a_thread_that_never_ran_has_nothing_to_finish() -> None:
    echo = Echo()
    await StoreThread("Echo", echo).close()
    assert echo.finished == 0


async def test_two_closes_at_once_finish_once() -> None:
    echo = Echo()
    echo.go_on.set()
    thread = StoreThread("Echo", echo)
    await thread.call(1)
    await asyncio.gather(thread.close(), thread.close())
    assert echo.finished == 1
