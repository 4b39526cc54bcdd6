"""`Flow` itself: every construct may come first, the first execution freezes it, a direct start gives the result."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from tests.execution.chains import chain, run
from typedflow import (
    Contract,
    ContractError,
    Data,
    Execution,
    ExecutionError,
    ExecutionPaused,
    FinishedError,
    Flow,
    NoResultError,
    Retry,
    State,
)


class Counted(State):
    count: int = 0


class Any2Any(Contract):
    input: Any
    result: Any
    state: Counted
    stream: str


class Silent(Contract):
    input: Any
    result: Any


class NoResult(Contract):
    input: Any
    result: None


def double(data: Data[Any, Any]) -> Any:
    return data.value * 2


def is_small(data: Data[Any, Any]) -> bool:
    return bool(data.value < 10)


def batch(flow: Any) -> Any:
    return flow.batch().branch(double).branch(double, name="again").end_batch()


def sub_flow(flow: Any) -> Any:
    return flow.to_sub_flow(chain(Silent, double, name="child"))


# -- wiring


@pytest.mark.parametrize(
    "wire, value, expected",
    [
        pytest.param(lambda flow: flow.to(double), 2, 4, id="to"),
        pytest.param(lambda flow: flow.side_branch(double), 2, 2, id="side_branch"),
        pytest.param(batch, 2, (4, 4), id="batch"),
        pytest.param(lambda flow: flow.for_each().to(double).end_for_each(), [1, 2], [2, 4], id="for_each"),
        pytest.param(lambda flow: flow.match().case(2).to(double).end_match(), 2, 4, id="match"),
        pytest.param(
            lambda flow: flow.match(mode="hit_all").case(2).to(double).case(is_small).end_match(), 2, [4, 2], id="all"
        ),
        pytest.param(lambda flow: flow.if_condition(is_small).to(double).end_condition(), 2, 4, id="if"),
        pytest.param(lambda flow: flow.collect("all", "one"), 2, {"one": 2}, id="collect"),
        pytest.param(sub_flow, 2, 4, id="sub_flow"),
    ],
)
def test_every_construct_may_stand_first(wire: Any, value: Any, expected: Any) -> None:
    flow: Flow[Any] = Flow(Any2Any)
    wire(flow).end()
    assert flow.start(value) == expected


def test_a_chunk_stays_the_function_that_it_was() -> None:
    flow: Flow[Any] = Flow(Silent)
    assert flow.chunk(double) is double
    assert flow.chunk("other")(is_small) is is_small
    flow.to("double").to("other").end()
    assert flow.start(2) is True


def test_a_name_that_no_chunk_has_is_refused_with_the_nearest() -> None:
    flow: Flow[Any] = Flow(Silent)
    flow.chunk(double)
    with pytest.raises(ContractError, match=r"^TF706: .*did you mean 'double'\?"):
        flow.to("duoble")


def test_the_name_is_the_contract_s_unless_it_is_given() -> None:
    assert [Flow(Silent).name, Flow(Silent, name="quiet").name] == ["Silent", "quiet"]


def test_an_option_on_the_first_step_counts() -> None:
    attempts: list[int] = []

    def fail_once(data: Data[Any, Any]) -> int:
        attempts.append(data.attempt)
        if data.attempt == 1:
            raise ConnectionError
        return data.attempt

    flow: Flow[Any] = Flow(Silent)
    flow.to(fail_once, retry=Retry(attempts=2)).end()
    assert (flow.start(None), attempts) == (2, [1, 2])


def test_wiring_after_the_first_execution_is_refused() -> None:
    flow = chain(Silent, double)
    flow.create_execution()
    with pytest.raises(ContractError) as caught:
        flow.to(double)
    assert str(caught.value) == (
        "TF708: flow 'Silent': the flow has an execution already, and cannot be changed any more "
        "(put the whole flow together first, or make a new Flow)"
    )


def test_a_flow_without_steps_is_refused() -> None:
    with pytest.raises(ContractError, match=r"^TF723: flow 'Silent': the flow has no steps"):
        Flow(Silent).create_execution()


def test_validate_tells_every_problem_at_once_and_freezes_nothing() -> None:
    def takes_text(data: Data[Any, str]) -> str:
        return data.value

    class Numbers(Contract):
        input: int
        result: int

    flow: Flow[Any] = Flow(Numbers)
    flow.to(takes_text).end()
    flow.when("nothing").to(double)
    with pytest.raises(ContractError) as caught:
        flow.validate()
    assert [problem.number for problem in caught.value.problems] == ["TF701", "TF702", "TF503"]
    flow.to(double)


# -- running


def test_a_start_value_of_the_wrong_type_is_refused_before_any_handler() -> None:
    class Numbers(Contract):
        input: list[int]
        result: Any

    ran: list[Any] = []
    execution = chain(Numbers, ran.append).create_execution(execution_id="e1")
    with pytest.raises(ContractError) as caught:
        execution.start([1, "x"])
    assert str(caught.value) == (
        "TF806: execution 'e1' of flow 'Numbers': "
        "the flow starts with list[int], and '[1]' in it is int, not 'x' (str) (start it with a value of list[int])"
    )
    assert (ran, execution.status) == ([], "created")


def test_a_failure_of_a_sync_start_has_no_other_exception_before_it() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        chain(Silent, lambda data: 1 // 0).start(None)
    assert caught.value.__context__ is None


def test_an_execution_is_started_once() -> None:
    execution = run(chain(Silent, double), 1, execution_id="e1")
    with pytest.raises(FinishedError) as caught:
        execution.start(1)
    assert str(caught.value) == (
        "TF812: execution 'e1' of flow 'Silent': the execution was started already, it is completed "
        "(make a new execution: flow.create_execution())"
    )


def test_a_flow_state_of_one_start_is_not_asked_for() -> None:
    """A contract that declares no state is started all the same."""
    assert chain(Silent, double).start(2) == 4


def test_a_direct_start_that_pauses_hands_the_execution_over() -> None:
    def ask(data: Data[Any, Any]) -> Any:
        data.pause_for("?", interrupt_id="ask")

    with pytest.raises(ExecutionPaused) as caught:
        chain(Silent, ask).start(1)
    execution: Execution[Any] = caught.value.execution
    assert str(caught.value) == (
        "TF815: flow 'Silent': the run is waiting for an answer to 'ask' "
        "(error.execution is the one to answer: await error.execution.async_continue_with(id, value))"
    )
    execution.continue_with("ask", 5)
    assert execution.result == 5


def test_a_contract_without_a_result_needs_no_end() -> None:
    flow: Flow[Any] = Flow(NoResult)
    flow.to(double)
    assert flow.start(1) is None


def test_a_run_without_a_result_says_so() -> None:
    """B31."""
    flow: Flow[Any] = Flow(Silent)
    flow.to(double)
    execution = run(flow, 1, execution_id="e1")
    with pytest.raises(NoResultError) as caught:
        execution.result  # noqa: B018  # the property raises
    assert str(caught.value) == (
        "TF802: execution 'e1' of flow 'Silent': the run is over and nothing set a result "
        "(add .end() to a chain, or call data.set_result(value))"
    )


def test_a_result_before_the_start_is_none_yet() -> None:
    execution = chain(Silent, double).create_execution()
    with pytest.raises(ExecutionError, match=r"^TF802: .*there is no result yet: the execution is created"):
        execution.result  # noqa: B018  # the property raises


# -- the stream


def put_twice(data: Data[Any2Any, Any]) -> Any:
    data.put(f"a{data.value}")
    data.put(f"b{data.value}")
    return data.value


async def listen(items: AsyncIterator[str]) -> list[str]:
    return [item async for item in items]


async def test_the_items_of_parent_and_child_come_in_order() -> None:
    """B35."""
    flow: Flow[Any] = Flow(Any2Any)
    flow.to(put_twice).to_sub_flow(chain(Any2Any, put_twice, name="child")).to(put_twice).end()
    assert await listen(flow.create_execution().stream(1)) == ["a1", "b1"] * 3


async def test_the_items_of_a_child_stay_where_no_stream_is_declared() -> None:
    """B35."""
    flow: Flow[Any] = Flow(Silent)
    flow.to_sub_flow(chain(Any2Any, put_twice, name="child")).end()
    assert await flow.async_start(1) == 1


async def test_items_from_a_thread_come_too() -> None:
    """B35."""
    flow: Flow[Any] = Flow(Any2Any)
    flow.to(put_twice, thread=True).end()
    assert await listen(flow.create_execution().stream(1)) == ["a1", "b1"]


async def test_items_are_dropped_when_nobody_listens() -> None:
    execution = chain(Any2Any, put_twice).create_execution()
    await execution.async_start(1)
    assert execution.result == 1


async def test_a_stream_raises_the_failure_behind_the_items() -> None:
    """B35."""

    def fail(data: Data[Any2Any, Any]) -> None:
        data.put("last")
        raise ZeroDivisionError

    items = chain(Any2Any, fail).create_execution().stream(1)
    assert await anext(items) == "last"
    with pytest.raises(ZeroDivisionError):
        await anext(items)


async def test_leaving_a_stream_early_cancels_the_run() -> None:
    async def go_on(data: Data[Any2Any, Any]) -> None:
        data.put("first")
        await asyncio.Event().wait()

    execution = chain(Any2Any, go_on).create_execution()
    async with contextlib.aclosing(untyped_generator(execution.stream(1))) as items:
        async for item in items:
            assert item == "first"
            break
    assert execution.status == "cancelled"


def untyped_generator(items: AsyncIterator[str]) -> Any:
    return items


async def test_a_wrong_item_is_refused() -> None:
    def put(data: Data[Any2Any, Any]) -> None:
        data.put(5)  # type: ignore[arg-type]  # the case

    with pytest.raises(ContractError) as caught:
        await chain(Any2Any, put).async_start(1)
    assert str(caught.value) == "TF805: the stream carries str, not 5 (int) (put a value of str)"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda flow: flow.start(1), id="put"),
        pytest.param(lambda flow: flow.create_execution().stream(1), id="stream"),
        pytest.param(lambda flow: flow.create_execution().stream_continue("a", 1), id="stream_continue"),
    ],
)
def test_a_contract_without_a_stream_says_so(act: Any) -> None:
    with pytest.raises(ContractError, match="contract 'Silent' declares no stream"):
        act(chain(Silent, lambda data: data.put("x")))


def test_a_step_may_give_a_subclass_where_the_next_takes_its_base() -> None:
    class Base(msgspec.Struct):
        name: str

    class Sub(Base):
        size: int = 0

    class Named(Contract):
        input: str
        result: str

    def make(data: Data[Named, str]) -> Sub:
        return Sub(name=data.value)

    def read(data: Data[Named, Base]) -> str:
        return data.value.name

    flow = Flow(Named)
    flow.to(make).to(read).end()
    assert flow.start("a") == "a"


def test_a_failed_creation_freezes_nothing() -> None:
    child: Flow[Any] = Flow(Silent, name="child")
    sound: Flow[Any] = Flow(Silent, name="sound")
    sound.to(lambda data: None)
    flow: Flow[Any] = Flow(Silent)
    process = flow.to_sub_flow(sound, write_back={}).to_sub_flow(child, write_back={})
    with pytest.raises(ContractError, match="child"):
        flow.create_execution()
    process.to(lambda data: None, name="last")
    sound.to(lambda data: None, name="more")
    child.to(lambda data: None)
    flow.create_execution()
    with pytest.raises(ContractError):
        sound.to(lambda data: None, name="late")


class Required(State):
    name: str
    counts: list[int] = []


class Named(Contract):
    input: int
    result: int
    state: Required


def naming() -> Flow[Any]:
    flow: Flow[Any] = Flow(Named)
    flow.to(lambda data: len(data.state.counts), name="count").end()
    return flow


@pytest.mark.parametrize("given", [{"name": 5}, {"nme": "x"}, {"counts": ["x"]}, 5])
def test_a_wrong_state_is_refused_at_creation(given: Any) -> None:
    with pytest.raises(ContractError) as refused:
        naming().create_execution(state=given)
    assert "TF811" not in {problem.number for problem in refused.value.problems}


@pytest.mark.parametrize("given", [{"name": "x", "counts": [1]}, {"counts": [1]}])
def test_a_state_is_copied_at_creation(given: dict[str, Any]) -> None:
    execution = naming().create_execution(state=given)
    given["counts"].append(2)
    if "name" in given:
        assert execution.start(1) == "completed"
        assert execution.result == 1
    else:
        with pytest.raises(ContractError, match="TF811"):
            execution.start(1)


def test_a_state_that_the_contract_does_not_declare_is_refused_at_creation() -> None:
    flow: Flow[Any] = Flow(Silent)
    flow.to(lambda data: None)
    with pytest.raises(ContractError, match="TF611"):
        flow.create_execution(state={"count": 1})
