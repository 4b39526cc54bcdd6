"""What wakes a worker: an event, the time, and a cancellation at any moment."""

from __future__ import annotations

import asyncio

import pytest

from typedflow.distributed import PollWaker
from typedflow.distributed.waking import wait_and_clear

HOUR = 3600.0


async def test_a_signal_is_taken_once_and_the_time_ends_a_wait() -> None:
    signal = asyncio.Event()
    signal.set()
    await wait_and_clear(signal, HOUR)
    assert not signal.is_set()
    await wait_and_clear(signal, 0.001)


@pytest.mark.parametrize("steps", range(6))
async def test_a_wait_that_is_cancelled_ends_though_it_is_woken_at_that_moment(steps: int) -> None:
    """However far the wake-up has come: a worker that goes on would keep what it was told to give back."""
    waker = PollWaker(HOUR)

    async def look_for_ever() -> None:
        while True:
            await waker.wait(None)

    looking = asyncio.ensure_future(look_for_ever())
    for _ in range(5):
        await asyncio.sleep(0)
    waker.wake()
    for _ in range(steps):
        await asyncio.sleep(0)
    looking.cancel()
    async with asyncio.timeout(20):
        await asyncio.wait([looking])
    assert looking.cancelled()
