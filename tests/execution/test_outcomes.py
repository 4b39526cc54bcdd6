"""B29 to B31: how a run ends, what it raises, and the way on from a failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.execution.running import Gauge, Here, Plain, Style, both, outcome, passing, run
from typedflow import Contract, Data, ExecutionError, Flow, NoResultError, Status


class Boom(Exception):
    """What handlers raise here."""


def explode(data: Here) -> Any:
    raise Boom(data.value)


# -- B29


@both
def test_b29_a_handlers_exception_reaches_start_as_itself_with_a_note(style: Style) -> None:
    error = Boom("mine")

    def step(data: Here) -> Any:
        raise error

    flow = Flow(Plain, name="review")
    flow.to(passing).to(style(step)).end()
    execution = flow.create_execution(execution_id="e1")
    with pytest.raises(Boom) as failure:
        run(execution.async_start(1))
    assert failure.value is error
    assert error.__notes__ == ["in step 'step' of flow 'review', execution 'e1'"]
    assert execution.status is Status.FAILED
    assert execution.errors == (error,)


def test_b29_no_result_of_a_failed_execution() -> None:
    flow = Flow(Plain)
    flow.to(explode).end()
    execution = flow.create_execution(execution_id="e1")
    with pytest.raises(Boom):
        run(execution.async_start(1))
    with pytest.raises(ExecutionError) as refused:
        _ = execution.result
    assert str(refused.value) == (
        "TF802: execution 'e1' of flow 'Plain': there is no result: the execution is failed "
        "(execution.errors holds why)"
    )
    assert not isinstance(refused.value, NoResultError)


@pytest.mark.parametrize("error", [TimeoutError("mine"), ExceptionGroup("both", [ValueError(1), KeyError(2)])])
def test_b29_a_timeout_or_a_group_of_the_handler_is_its_own(error: Exception) -> None:
    async def step(data: Here) -> Any:
        raise error

    flow = Flow(Plain)
    flow.to(step).end()
    with pytest.raises(type(error)) as failure:
        outcome(flow, 1, timeout=10)
    assert failure.value is error


@both
def test_b29_stop_iteration_of_a_handler_does_not_pass_for_an_end(style: Style) -> None:
    def step(data: Here) -> Any:
        raise StopIteration(5)

    flow = Flow(Plain)
    flow.to(style(step)).end()
    execution = flow.create_execution()
    with pytest.raises(RuntimeError, match="StopIteration"):
        run(execution.async_start(1))
    assert execution.status is Status.FAILED


class Panic(BaseException):
    """What is no Exception, and concerns the caller only."""


@pytest.mark.parametrize("place", ["alone", "first", "worker"])
@pytest.mark.parametrize("group", [False, True])
def test_b29_what_is_no_exception_goes_straight_through(place: str, group: bool) -> None:
    error: BaseException = BaseExceptionGroup("all", [Panic("mine")]) if group else Panic("mine")
    log: list[str] = []

    async def step(data: Here) -> None:
        await asyncio.sleep(1)
        raise error

    async def sibling(data: Here) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            log.append("stopped")

    flow = Flow(Plain)
    if place == "worker":
        flow.to(sibling)
    flow.to(step).end()
    if place == "first":
        flow.to(sibling)
    execution = flow.create_execution()
    with pytest.raises(type(error)) as failure:
        run(execution.async_start(1))
    assert failure.value is error
    assert log == ([] if place == "alone" else ["stopped"])
    assert execution.status is Status.CANCELLED
    assert execution.errors == ()


# -- B30


@pytest.mark.parametrize("width", [2, 20])
def test_b30_siblings_of_a_failure_are_cancelled_and_awaited(width: int) -> None:
    events: list[str] = []

    async def sibling(data: Here) -> None:
        try:
            await asyncio.sleep(10)
            events.append("side effect")
        finally:
            await asyncio.sleep(1)
            events.append("cleaned up")

    async def failing(data: Here) -> None:
        await asyncio.sleep(5)
        raise Boom

    flow = Flow(Plain)
    batch: Any = flow.batch().branch(failing)
    for number in range(width):
        batch = batch.branch(sibling, name=f"sibling {number}")
    batch.end_batch().end()

    async def main() -> None:
        with pytest.raises(Boom):
            await flow.async_start(1)
        assert events == ["cleaned up"] * width
        await asyncio.sleep(20)
        assert events == ["cleaned up"] * width

    run(main())


def test_b30_nothing_begins_after_a_failure() -> None:
    begun: list[str] = []
    flow = Flow(Plain)
    flow.to(explode)
    flow.to(lambda data: begun.append("late"))
    with pytest.raises(Boom):
        run(flow.create_execution(concurrency=1).async_start(1))
    assert begun == []


def test_b30_a_sibling_that_fails_while_it_is_cancelled_does_not_hide_the_first() -> None:
    async def sibling(data: Here) -> None:
        try:
            await asyncio.sleep(10)
        finally:
            raise ValueError("in the cleanup")

    async def failing(data: Here) -> None:
        await asyncio.sleep(5)
        raise Boom

    flow = Flow(Plain)
    flow.batch().branch(sibling).branch(failing).end_batch().end()
    execution = flow.create_execution()
    with pytest.raises(Boom):
        run(execution.async_start(1))
    assert [type(error) for error in execution.errors] == [Boom, ValueError]


def test_b30_a_sibling_that_swallows_its_cancellation_ends_its_step_and_no_more() -> None:
    log: list[str] = []

    async def stubborn(data: Here) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            log.append("swallowed")

    async def failing(data: Here) -> None:
        await asyncio.sleep(5)
        raise Boom

    flow = Flow(Plain)
    flow.to(stubborn).to(lambda data: log.append("next"))
    flow.to(failing)
    execution = flow.create_execution()
    with pytest.raises(Boom):
        run(execution.async_start(1))
    assert log == ["swallowed"]
    assert execution.status is Status.FAILED


@pytest.mark.parametrize("concurrency", [None, 1])
def test_b30_a_side_branch_that_fails_after_the_result_still_fails_the_run(concurrency: int | None) -> None:
    async def side(data: Here) -> None:
        await asyncio.sleep(1)
        raise Boom

    flow = Flow(Plain)
    flow.to(passing).side_branch(side).end()
    execution = flow.create_execution(concurrency=concurrency)
    with pytest.raises(Boom):
        run(execution.async_start(1))
    assert execution.status is Status.FAILED


def test_the_chain_does_not_wait_for_a_side_branch_and_the_run_does() -> None:
    gauge = Gauge()
    flow = Flow(Plain)
    flow.side_branch(gauge.holding("side", 5)).to(gauge.holding("main", 1)).end()
    assert outcome(flow, 7) == 7
    assert gauge.log == ["main", "side"]


# -- B31


def test_b31_a_run_without_a_result_ends_at_once_and_says_so() -> None:
    flow = Flow(Plain)
    flow.to(passing)
    execution = flow.create_execution(execution_id="e1")
    assert run(execution.async_start(1)) is Status.COMPLETED
    with pytest.raises(NoResultError) as missing:
        _ = execution.result
    assert str(missing.value) == (
        "TF802: execution 'e1' of flow 'Plain': the run is over and nothing set a result "
        "(add .end() to a chain, or call data.set_result(value))"
    )
    with pytest.raises(NoResultError):
        outcome(flow, 1)


def test_b31_joins_that_were_never_filled_are_named() -> None:
    flow = Flow(Plain)
    flow.to(lambda data: data.emit("rung", 1))
    flow.when("rung").collect("both", "r")
    flow.when("knocked").collect("both", "k").end()
    with pytest.raises(NoResultError, match="'both' still waits for 'k' "):
        outcome(flow, 1)


def test_b31_a_result_of_none_needs_no_end() -> None:
    class Silent(Contract):
        input: int
        result: None

    flow = Flow(Silent)
    flow.to(lambda data: 5, name="step")
    assert run(flow.async_start(1)) is None


def test_b31_none_is_a_result() -> None:
    flow = Flow(Plain)
    flow.to(lambda data: None).end()
    assert outcome(flow, 1) is None


@pytest.mark.parametrize(
    "before, text",
    [
        ("created", "there is no result yet: the execution is created (await async_start(…) first)"),
        ("cancelled", "there is no result: the execution was cancelled"),
    ],
)
def test_b31_no_result_before_the_end(before: str, text: str) -> None:
    flow = Flow(Plain)
    flow.to(passing).end()
    execution = flow.create_execution()
    if before == "cancelled":
        run(execution.async_cancel())
    with pytest.raises(ExecutionError) as refused:
        _ = execution.result
    assert text in str(refused.value)


# -- results set early


@both
def test_a_result_set_early_wins_and_cancels_nothing(style: Style) -> None:
    log: list[Any] = []

    def early(data: Here) -> Any:
        data.set_result("early")
        data.set_result("too late")
        return data.value

    flow = Flow(Plain)
    flow.to(style(early)).to(lambda data: log.append(data.value)).end()
    assert outcome(flow, 1) == "early"
    assert log == [1]


def test_a_failed_attempt_sets_no_result() -> None:
    def early(data: Here) -> Any:
        data.set_result("early")
        raise Boom

    flow = Flow(Plain)
    flow.to(early)
    execution = flow.create_execution()
    with pytest.raises(Boom):
        run(execution.async_start(1))
    with pytest.raises(ExecutionError, match="execution is failed"):
        _ = execution.result


def test_a_result_of_the_wrong_type_is_refused_where_it_is_set() -> None:
    class Number(Contract):
        input: int
        result: int

    def early(data: Data[Number, int]) -> int:
        data.set_result("x")  # type: ignore[arg-type]  # wrong on purpose
        return 1

    flow = Flow(Number)
    flow.to(early).end()
    with pytest.raises(TypeError, match="TF813: the result does not fit: expected int, given 'x'"):
        run(flow.async_start(1))


def test_two_ends_at_once_the_first_wins() -> None:
    gauge = Gauge()
    flow = Flow(Plain)
    flow.to(gauge.holding("slow", 2)).to(lambda data: "slow").end()
    flow.to(gauge.holding("fast", 1)).to(lambda data: "fast").end()
    assert outcome(flow, 1) == "fast"
    assert gauge.log == ["fast", "slow"]
