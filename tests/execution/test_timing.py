"""B32, B33: time-outs and retries, in virtual time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.execution.running import Here, Plain, Style, both, now, outcome, passing, run
from typedflow import ExecutionError, Flow, Retry, Status


class Boom(Exception):
    """What handlers raise here."""


# -- B32


@pytest.mark.parametrize("where", ["step", "execution"])
def test_b32_a_timeout_stops_the_step(where: str) -> None:
    log: list[str] = []

    async def slow(data: Here) -> None:
        try:
            await asyncio.sleep(1)
            log.append("done")
        except asyncio.CancelledError:
            log.append("cancelled")
            raise

    flow = Flow(Plain)
    flow.to(slow, timeout=0.1 if where == "step" else None).end()

    async def main() -> None:
        execution = flow.create_execution()
        with pytest.raises(TimeoutError):
            await execution.async_start(1, timeout=0.1 if where == "execution" else None)
        assert now() == 0.1
        assert log == ["cancelled"]
        assert execution.status is Status.FAILED
        assert [type(error) for error in execution.errors] == [TimeoutError]

    run(main())


@pytest.mark.parametrize(
    "late, text", [(True, "step 'step' was not over after 0.1 s"), (False, "")], ids=["the step's", "its own"]
)
def test_b32_only_the_timeout_of_a_step_is_worded(late: bool, text: str) -> None:
    async def step(data: Here) -> None:
        if not late:
            raise TimeoutError
        await asyncio.sleep(1)

    flow = Flow(Plain)
    flow.to(step, timeout=0.1).end()
    with pytest.raises(TimeoutError) as raised:
        run(flow.async_start(1))
    assert str(raised.value) == text


def test_b32_the_timeout_of_an_execution_names_it() -> None:
    flow = Flow(Plain)
    flow.to(lambda data: asyncio.sleep(1)).end()
    execution = flow.create_execution(execution_id="e1")
    with pytest.raises(TimeoutError) as late:
        run(execution.async_start(1, timeout=0.1))
    assert str(late.value) == "execution 'e1' of flow 'Plain' was not over after 0.1 s"
    assert execution.errors == (late.value,)


def test_b32_a_timed_out_execution_can_be_retried() -> None:
    slow = [True]

    async def step(data: Here) -> str:
        await asyncio.sleep(1 if slow else 0)
        return "done"

    flow = Flow(Plain)
    flow.to(step).end()
    execution = flow.create_execution()
    with pytest.raises(TimeoutError):
        run(execution.async_start(1, timeout=0.1))
    with pytest.raises(TimeoutError):
        run(execution.async_retry(timeout=0.1))
    slow.clear()
    run(execution.async_retry(timeout=0.1))
    assert execution.result == "done"


def test_b32_a_timeout_reaches_an_endless_loop_of_sync_steps() -> None:
    """The driver lets the loop run every now and then, in real time."""
    flow = Flow(Plain)
    flow.to(lambda data: data.emit("rung", 1))
    flow.when("rung").to(lambda data: data.emit("rung", data.value + 1))
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        flow.start(1, timeout=0.05)
    assert time.monotonic() - started < 0.5


def test_b32_a_timeout_reaches_a_long_backoff() -> None:
    async def failing(data: Here) -> None:
        raise Boom

    flow = Flow(Plain)
    flow.to(failing, retry=Retry(5, backoff=10)).end()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await flow.async_start(1, timeout=3)
        assert now() == 3

    run(main())


def test_b32_a_timeout_that_is_long_enough_changes_nothing() -> None:
    async def step(data: Here) -> Any:
        await asyncio.sleep(1)
        return data.value

    flow = Flow(Plain)
    flow.to(step, timeout=2).end()
    assert outcome(flow, 1, timeout=3) == 1


def test_b32_a_failure_of_the_step_is_not_hidden_by_the_timeout() -> None:
    async def failing(data: Here) -> None:
        await asyncio.sleep(1)
        raise Boom

    async def slow_to_stop(data: Here) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(5)

    flow = Flow(Plain)
    flow.to(failing)
    flow.to(slow_to_stop)
    execution = flow.create_execution()
    with pytest.raises(Boom):
        run(execution.async_start(1, timeout=3))
    assert execution.status is Status.FAILED
    assert isinstance(execution.errors[0], Boom)


# -- B33: retry


@both
def test_b33_a_retry_tries_again_what_it_names(style: Style) -> None:
    attempts: list[int] = []

    def step(data: Here) -> Any:
        attempts.append(data.attempt)
        if data.attempt < 3:
            raise ConnectionError
        return "done"

    flow = Flow(Plain)
    flow.to(style(step), retry=Retry(attempts=3, on=(ConnectionError,))).end()
    assert outcome(flow, 1) == "done"
    assert attempts == [1, 2, 3]


@both
def test_b33_a_retry_gives_up_after_its_attempts(style: Style) -> None:
    attempts: list[int] = []

    def step(data: Here) -> Any:
        attempts.append(data.attempt)
        raise ConnectionError(data.attempt)

    flow = Flow(Plain)
    flow.to(style(step), retry=Retry(3)).end()
    execution = flow.create_execution()
    with pytest.raises(ConnectionError, match="3"):
        run(execution.async_start(1))
    assert attempts == [1, 2, 3]
    assert len(execution.errors) == 1


@pytest.mark.parametrize("on", [(ConnectionError,), ConnectionError])
def test_b33_what_a_retry_does_not_name_fails_at_once(on: Any) -> None:
    attempts: list[int] = []

    async def step(data: Here) -> Any:
        attempts.append(data.attempt)
        raise Boom

    flow = Flow(Plain)
    flow.to(step, retry=Retry(3, on=on)).end()
    with pytest.raises(Boom):
        outcome(flow, 1)
    assert attempts == [1]


def test_b33_the_wait_grows_and_is_bounded() -> None:
    times: list[float] = []

    async def step(data: Here) -> Any:
        times.append(now())
        raise Boom

    flow = Flow(Plain)
    flow.to(step, retry=Retry(6, backoff=1, factor=3, max_backoff=10)).end()
    with pytest.raises(Boom):
        outcome(flow, 1)
    assert times == [0, 1, 4, 13, 23, 33]


def test_b33_the_timeout_of_a_step_bounds_each_attempt_and_is_retried() -> None:
    times: list[float] = []

    async def step(data: Here) -> Any:
        times.append(now())
        await asyncio.sleep(5 if data.attempt < 3 else 0.5)
        return "done"

    flow = Flow(Plain)
    flow.to(step, retry=Retry(3, backoff=10, factor=1), timeout=1).end()
    assert outcome(flow, 1) == "done"
    assert times == [0, 11, 22]


def test_b33_a_value_that_does_not_fit_counts_as_a_failed_attempt() -> None:
    def step(data: Here) -> int:
        return data.attempt if data.attempt > 1 else "x"  # type: ignore[return-value]  # wrong on purpose

    flow = Flow(Plain)
    flow.to(step, retry=Retry(2)).end()
    assert outcome(flow, 1) == 2


def test_b33_a_cancellation_is_not_retried() -> None:
    attempts: list[int] = []

    async def step(data: Here) -> Any:
        attempts.append(data.attempt)
        await asyncio.sleep(10)

    flow = Flow(Plain)
    flow.to(step, retry=Retry(3)).end()

    async def main() -> None:
        running = asyncio.create_task(flow.async_start(1))
        await asyncio.sleep(1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(main())
    assert attempts == [1]


def test_b33_a_retry_works_in_a_branch() -> None:
    def step(data: Here) -> Any:
        if data.attempt == 1:
            raise Boom
        return data.attempt

    flow = Flow(Plain)
    flow.batch().branch(step, retry=Retry(2)).branch(passing).end_batch().end()
    assert outcome(flow, 1) == (2, 1)


def test_b33_the_key_of_a_step_is_the_same_in_every_attempt() -> None:
    keys: list[str] = []

    def step(data: Here) -> Any:
        keys.append(data.key)
        if data.attempt == 1:
            raise Boom
        return data.value

    flow = Flow(Plain)
    flow.for_each().to(step, retry=Retry(2)).end_for_each().end()
    execution = flow.create_execution(execution_id="e1", concurrency=1)
    run(execution.async_start([1, 2]))
    first, again, second, again_second = keys
    assert (first, second) == (again, again_second)
    assert first != second


def test_the_key_of_a_step_is_the_same_when_a_failed_execution_is_retried() -> None:
    keys: list[str] = []

    def step(data: Here) -> Any:
        keys.append(data.key)
        if len(keys) == 1:
            raise Boom

    flow = Flow(Plain)
    flow.to(passing).to(step)
    execution = flow.create_execution(execution_id="e1")
    with pytest.raises(Boom):
        run(execution.async_start(1))
    run(execution.async_retry())
    assert keys == ["e1:step@0", "e1:step@0"]


def test_state_of_a_failed_attempt_is_seen_by_the_next() -> None:
    seen: list[list[int]] = []

    def step(data: Here) -> Any:
        seen.append(list(data.state.seen))
        data.state.append("seen", data.attempt)
        if data.attempt == 1:
            raise Boom

    flow = Flow(Plain)
    flow.to(step, retry=Retry(2))
    run(flow.create_execution().async_start(1))
    assert seen == [[], [1]]


# -- what handlers do of their own


def test_a_handler_may_use_timeouts_and_task_groups_of_its_own() -> None:
    async def step(data: Here) -> Any:
        async def part(number: int) -> int:
            await asyncio.sleep(number)
            return number

        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(5)
        except TimeoutError:
            async with asyncio.TaskGroup() as group:
                parts = [group.create_task(part(number)) for number in (2, 1)]
        return [part.result() for part in parts]

    flow = Flow(Plain)
    flow.batch().branch(step, name="a").branch(step, name="b").end_batch().end()
    assert outcome(flow, 1) == ([2, 1], [2, 1])


def test_a_task_group_of_a_handler_that_fails_fails_the_step() -> None:
    async def broken() -> None:
        raise Boom

    async def step(data: Here) -> Any:
        async with asyncio.TaskGroup() as group:
            group.create_task(broken())
            group.create_task(asyncio.sleep(5))

    flow = Flow(Plain)
    flow.to(step).end()
    with pytest.raises(ExceptionGroup) as failure:
        outcome(flow, 1)
    assert isinstance(failure.value.exceptions[0], Boom)


def test_a_cancelled_error_that_nobody_asked_for_fails_the_run() -> None:
    async def step(data: Here) -> Any:
        task = asyncio.create_task(asyncio.sleep(10))
        task.cancel()
        await task

    flow = Flow(Plain)
    flow.to(step).end()
    execution = flow.create_execution()
    with pytest.raises(ExecutionError) as failure:
        run(execution.async_start(1))
    assert str(failure.value).startswith(
        "TF820: step 'step' raised CancelledError, but was not cancelled "
        "(a task that it awaits was cancelled: catch the error there)"
    )
    assert isinstance(failure.value.__cause__, asyncio.CancelledError)
    assert execution.status is Status.FAILED


@pytest.mark.parametrize("place", ["branch", "with options"])
def test_a_cancelled_error_that_nobody_asked_for_in_a_worker(place: str) -> None:
    async def step(data: Here) -> Any:
        await asyncio.sleep(1)
        raise asyncio.CancelledError

    flow = Flow(Plain)
    if place == "branch":
        flow.batch().branch(passing).branch(step).branch(step, name="other").end_batch().end()
    else:
        flow.to(step, retry=Retry(2), timeout=5).end()
    with pytest.raises(ExecutionError, match="TF820"):
        outcome(flow, 1)
