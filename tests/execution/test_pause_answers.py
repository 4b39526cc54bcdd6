"""B44 and B45: which answers are taken, which are refused with the interrupt still pending, and what follows."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal, NoReturn, TypedDict

import msgspec
import pytest

from tests.execution.pausing import (
    CASES,
    Leaf,
    Reply,
    Talk,
    ask,
    ask_by_event,
    ask_later,
    begin,
    increment,
    show,
    text_of,
    until,
)
from typedflow import (
    Contract,
    ContractError,
    Data,
    Events,
    Execution,
    ExecutionError,
    FinishedError,
    Flow,
    InterruptError,
    ResourceError,
    Resources,
    Status,
)


class Colour(enum.Enum):
    RED = "red"


class Cat(msgspec.Struct, tag=True):
    name: str


class Dog(msgspec.Struct, tag=True):
    name: str


class Wide(Contract):
    input: int
    result: str


def _asking(declared: Any) -> Any:
    """Return an execution of one step that returns what is declared, and one that shows it."""

    def step(data: Data[Wide, int]) -> Any:
        data.pause_for(interrupt_id="q")

    step.__annotations__["return"] = declared
    flow: Any = Flow(Wide)
    flow.to(step).to(show).end()
    return flow.create_execution()


MOMENT = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
ID = uuid.UUID(int=5)

TAKEN: list[tuple[Any, Any, Any]] = [
    (int, 5, 5),
    (int, True, 1),
    (float, 5, 5.0),
    (str, "x", "x"),
    (Reply, Reply("a", 1), Reply("a", 1)),
    (Reply, {"text": "a", "score": 1}, Reply("a", 1)),
    (Reply, {"text": "a"}, Reply("a")),
    (list[Reply], [{"text": "a"}, Reply("b")], [Reply("a"), Reply("b")]),
    (dict[str, Reply], {"x": {"text": "a"}}, {"x": Reply("a")}),
    (tuple[int, str], (1, "a"), (1, "a")),
    (tuple[int, str], [1, "a"], (1, "a")),
    (set[int], [1, 2], {1, 2}),
    (dt.datetime, MOMENT, MOMENT),
    (dt.datetime, "2026-01-02T03:04:00Z", MOMENT),
    (uuid.UUID, str(ID), ID),
    (Decimal, "1.50", Decimal("1.50")),
    (bytes, "aGk=", b"hi"),
    (Colour, Colour.RED, Colour.RED),
    (Colour, "red", Colour.RED),
    (Literal["yes", "no"], "yes", "yes"),
    (Cat | Dog, {"type": "Dog", "name": "rex"}, Dog("rex")),
    (Reply | None, None, None),
    (Reply | None, {"text": "a"}, Reply("a")),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (None, None, None),
]


@pytest.mark.parametrize("declared, answer, output", TAKEN, ids=str)
async def test_b44_an_answer_is_of_the_declared_type_or_the_plain_data_of_it(
    declared: Any, answer: Any, output: Any
) -> None:
    execution = _asking(declared)
    await execution.async_start(1)
    await execution.async_continue_with("q", answer)
    assert execution.result == repr(output)


REFUSED: list[tuple[Any, Any, str]] = [
    (int, "5", "int, not '5' (str)"),
    (int, 5.5, "int, not 5.5 (float)"),
    (int, None, "int, not None"),
    (bool, 1, "bool, not 1 (int)"),
    (str, 5, "str, not 5 (int)"),
    (Reply, {"text": 5}, "Reply, and 'text' in it is str, not 5 (int)"),
    (Reply, {}, "Reply"),
    (Reply, [], "Reply"),
    (list[Reply], [{"text": "a"}, {"text": 5}], "list[Reply]"),
    (tuple[int, str], [1], "tuple[int, str]"),
    (dt.datetime, "tomorrow", "datetime"),
    (Colour, "green", "Colour"),
    (Literal["yes", "no"], "maybe", "Literal['yes', 'no']"),
    (Cat | Dog, {"type": "Cow", "name": "rex"}, "Cat | Dog"),
    (set[int], ["a"], "set[int]"),
    (None, 5, "None, not 5 (int)"),
]


@pytest.mark.parametrize("declared, answer, told", REFUSED, ids=str)
async def test_b45_a_wrong_answer_is_refused_and_the_interrupt_stays(declared: Any, answer: Any, told: str) -> None:
    execution = _asking(declared)
    await execution.async_start(1)
    before = dict(execution.interrupts)
    with pytest.raises(InterruptError) as refused:
        await execution.async_continue_with("q", answer)
    assert refused.value.code == "TF810"
    assert f"interrupt 'q' is answered with {told}" in str(refused.value)
    assert "step 'step' of flow 'Wide'" in str(refused.value)
    assert (execution.status, dict(execution.interrupts)) == (Status.WAITING, before)


async def test_b45_after_a_wrong_answer_the_right_one_is_taken() -> None:
    execution = _asking(Reply)
    await execution.async_start(1)
    with pytest.raises(InterruptError) as refused:
        await execution.async_continue_with("q", {"text": 5})
    assert str(refused.value) == (
        "TF810: step 'step' of flow 'Wide': interrupt 'q' is answered with Reply, and 'text' in it is str, not 5 (int) "
        "(it is still pending: answer it again)"
    )
    assert await execution.async_continue_with("q", {"text": "a"}) is Status.COMPLETED


# -- steps that do not say what they return


def _never(data: Data[Any, int]) -> NoReturn:
    data.pause_for(interrupt_id="q")


def _silent(data):  # type: ignore[no-untyped-def]  # an unannotated handler is what is tried
    data.pause_for(interrupt_id="q")


@pytest.mark.parametrize("step", [_never, _silent])
async def test_b44_without_a_return_type_the_next_step_says_what_is_an_answer(step: Callable[..., Any]) -> None:
    flow: Any = Flow(Talk)
    flow.to(step).to(text_of).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    with pytest.raises(InterruptError, match="is answered with Reply, not 5"):
        await execution.async_continue_with("q", 5)
    again = flow.create_execution().load(execution.save())
    await again.async_continue_with("q", {"text": "a"})
    assert again.result == "a"


@pytest.mark.parametrize("step", [_never, _silent])
async def test_b44_without_a_return_type_the_end_says_what_is_an_answer(step: Callable[..., Any]) -> None:
    flow: Any = Flow(Talk)
    flow.to(step).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    with pytest.raises(InterruptError, match="is answered with str, not 5"):
        await execution.async_continue_with("q", 5)
    await execution.async_continue_with("q", "fine")
    assert execution.result == "fine"


async def test_b44_where_nobody_says_what_is_an_answer_anything_is() -> None:
    flow: Any = Flow(Talk)
    flow.to(_silent)
    execution = flow.create_execution()
    await execution.async_start(1)
    assert await execution.async_continue_with("q", object()) is Status.COMPLETED


async def test_b44_the_answer_to_a_resume_event_is_its_payload() -> None:
    flow: Any = Flow(Talk)
    flow.to(ask_by_event)
    flow.when("replied").to(text_of).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    (interrupt,) = execution.interrupts.values()
    assert interrupt.resume_event == "replied"
    with pytest.raises(InterruptError, match="is answered with Reply, and 'text' in it is str, not 5"):
        await execution.async_continue_with(interrupt.id, {"text": 5})
    assert list(execution.interrupts) == [interrupt.id]
    await execution.async_continue_with(interrupt.id, Reply("a"))
    assert execution.result == "a"


async def test_b44_a_resume_event_that_nobody_listens_to_ends_the_branch() -> None:
    flow: Any = Flow(Talk)
    flow.to(ask_by_event)
    flow.to(show).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    (interrupt_id,) = execution.interrupts
    assert await execution.async_continue_with(interrupt_id, Reply("a")) is Status.COMPLETED


# -- which interrupt


async def test_b45_a_second_answer_is_refused() -> None:
    execution = await begin(CASES["batch branch"])
    first, second = execution.interrupts
    await execution.async_continue_with(first, 1)
    with pytest.raises(InterruptError, match=f"interrupt '{first}' was answered already") as refused:
        await execution.async_continue_with(first, 1)
    assert refused.value.code == "TF808"
    assert list(execution.interrupts) == [second]


async def test_b45_an_unknown_interrupt_is_refused_with_the_nearest() -> None:
    execution = _asking(int)
    await execution.async_start(1)
    for given in ("Q", "other", 5, None):
        with pytest.raises(InterruptError, match="there is no interrupt") as refused:
            await execution.async_continue_with(given, 1)
        assert refused.value.code == "TF807"
    with pytest.raises(InterruptError, match="did you mean 'q'"):
        await execution.async_continue_with("Q", 1)
    assert list(execution.interrupts) == ["q"]


@pytest.mark.parametrize("name", ["batch branch", "each in child"])
async def test_b45_a_second_answer_is_refused_after_a_load_too(name: str) -> None:
    case = CASES[name]
    execution = await begin(case)
    first, *others = execution.interrupts
    await execution.async_continue_with(first, 1)
    again = case.build().create_execution().load(execution.save().to_json())
    again = case.build().create_execution().load(again.save().to_msgpack())
    with pytest.raises(InterruptError, match=f"interrupt '{first}' was answered already") as refused:
        await again.async_continue_with(first, 1)
    assert refused.value.code == "TF808"
    assert list(again.interrupts) == others


async def test_b51_answers_are_named_only_while_there_may_be_a_second_one() -> None:
    execution = await begin(CASES["for_each"])
    answered: list[str] = []
    for interrupt_id in execution.interrupts:
        assert json.loads(execution.save().to_json()).get("answered", []) == answered
        await execution.async_continue_with(interrupt_id, 1)
        answered.append(interrupt_id)
    assert execution.status is Status.COMPLETED
    assert "answered" not in json.loads(execution.save().to_json())


async def test_b45_the_last_hundred_answers_are_remembered() -> None:
    def ask_again(data: Data[Talk, int]) -> int:
        data.pause_for(interrupt_id=f"q{data.value}")

    def ring_next(data: Data[Talk, int]) -> int:
        data.emit("rung", data.value + 1)
        return data.value

    flow: Flow[Talk] = Flow(Talk)
    flow.when("rung").to(ask_again).to(ring_next)
    flow.to(ring_next)
    execution = flow.create_execution()
    await execution.async_start(0)
    for number in range(1, 120):
        await execution.async_continue_with(f"q{number}", number)
    again = flow.create_execution().load(execution.save())
    with pytest.raises(InterruptError, match="'q20' was answered already"):
        await again.async_continue_with("q20", 1)
    with pytest.raises(InterruptError, match="there is no interrupt 'q19'"):
        await again.async_continue_with("q19", 1)


async def test_b45_two_answers_at_once_from_two_tasks_exactly_one_is_taken() -> None:
    for name in ("chain", "child in child"):
        execution = await begin(CASES[name])
        (interrupt_id,) = execution.interrupts
        tries = (execution.async_continue_with(interrupt_id, value) for value in (10, 20))
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert outcomes[0] is Status.COMPLETED
        assert isinstance(outcomes[1], InterruptError | FinishedError)
        assert execution.result == "11"


@pytest.mark.parametrize("name", ["batch branch", "each in child", "child as branch"])
async def test_b45_different_interrupts_are_answered_at_once_from_different_tasks(name: str) -> None:
    case = CASES[name]
    execution = await begin(case)
    answers = [(id_, case.answers[str(each.payload)]) for id_, each in execution.interrupts.items()]
    outcomes = await asyncio.gather(*(execution.async_continue_with(*answer) for answer in answers))
    assert outcomes[-1] is Status.COMPLETED
    assert execution.result == case.result


@pytest.mark.parametrize(
    "finish, told",
    [(lambda execution: None, "completed"), (lambda execution: execution.async_cancel(), "cancelled")],
    ids=["completed", "cancelled"],
)
async def test_b45_an_execution_that_is_over_takes_no_answer(finish: Callable[[Any], Any], told: str) -> None:
    execution = _asking(int)
    await execution.async_start(1)
    if (ending := finish(execution)) is not None:
        await ending
    else:
        await execution.async_continue_with("q", 1)
    with pytest.raises(FinishedError, match=f"the execution is {told}: continue_with can have no effect"):
        await execution.async_continue_with("q", 1)


async def test_b45_an_execution_that_has_not_started_has_no_interrupt() -> None:
    execution = _asking(int)
    with pytest.raises(InterruptError, match="no interrupt is pending"):
        await execution.async_continue_with("q", 1)
    assert execution.status is Status.CREATED


def test_b45_the_sync_form_is_refused_inside_a_loop() -> None:
    async def inside() -> None:
        execution = _asking(int)
        await execution.async_start(1)
        with pytest.raises(ExecutionError, match=r"^TF801: .*write `await execution\.async_continue_with"):
            execution.continue_with("q", 1)
        assert list(execution.interrupts) == ["q"]

    asyncio.run(inside())


# -- into a running execution


class Held:
    """A batch of two questions and a step that goes on until it is let go."""

    def __init__(self, fault: Exception | None = None, *, in_child: bool = False) -> None:
        self.gate = asyncio.Event()

        async def hold(data: Data[Any, int]) -> int:
            await self.gate.wait()
            if fault is not None:
                raise fault
            return 0

        def total(data: Data[Any, tuple[int, int, int]]) -> int:
            return sum(data.value)

        flow: Any = Flow(Leaf if in_child else Talk, name="held")
        end = flow.batch().branch(ask).branch(hold).branch(ask_later).end_batch().to(total)
        if in_child:
            end.end()
            child, flow = flow, Flow(Talk)
            flow.to_sub_flow(child).to(show).end()
        else:
            end.to(show).end()
        self.execution: Execution[Any] = flow.create_execution()
        self.started = asyncio.create_task(self.execution.async_start(1))

    async def asked(self) -> list[str]:
        await until(lambda: len(self.execution.interrupts) == 2)
        return list(self.execution.interrupts)


@pytest.mark.parametrize("in_child", [False, True], ids=["root", "child"])
async def test_b45_a_running_execution_takes_an_answer_and_both_wait_for_the_end(in_child: bool) -> None:
    held = Held(in_child=in_child)
    first, second = await held.asked()
    answered = asyncio.create_task(held.execution.async_continue_with(first, 10))
    await until(lambda: len(held.execution.interrupts) == 1)
    held.gate.set()
    assert await held.started is Status.WAITING
    assert await answered is Status.WAITING
    assert await held.execution.async_continue_with(second, 20) is Status.COMPLETED
    assert held.execution.result == "30"


@pytest.mark.parametrize("in_child", [False, True], ids=["root", "child"])
async def test_b45_what_stops_a_run_is_raised_to_all_that_wait_for_it(in_child: bool) -> None:
    held = Held(ValueError("held"), in_child=in_child)
    first, _ = await held.asked()
    answered = asyncio.create_task(held.execution.async_continue_with(first, 10))
    await asyncio.sleep(0)
    held.gate.set()
    outcomes = await asyncio.gather(held.started, answered, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["held", "held"]


async def test_b45_cancelling_reaches_all_that_wait_for_a_run() -> None:
    held = Held()
    first, _ = await held.asked()
    answered = asyncio.create_task(held.execution.async_continue_with(first, 10))
    await asyncio.sleep(0)
    await held.execution.async_cancel()
    outcomes = await asyncio.gather(held.started, answered, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2


async def test_b45_a_timeout_of_a_later_answer_leaves_the_run_alone() -> None:
    held = Held()
    first, _ = await held.asked()
    with pytest.raises(TimeoutError):
        await held.execution.async_continue_with(first, 10, timeout=0)
    assert held.execution.status is Status.RUNNING
    held.gate.set()
    assert await held.started is Status.WAITING


# -- what follows an answer


async def test_b45_a_step_that_fails_after_the_answer_is_retried_and_the_older_snapshot_still_offers_it() -> None:
    faults = [ValueError("after")]

    def fail_once(data: Data[Talk, int]) -> int:
        if faults:
            raise faults.pop()
        return data.value

    flow: Any = Flow(Talk)
    flow.to(ask).to(fail_once).to(show).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    before = execution.save()
    (interrupt_id,) = execution.interrupts
    with pytest.raises(ValueError, match="after"):
        await execution.async_continue_with(interrupt_id, 10)
    assert (execution.status, dict(execution.interrupts)) == (Status.FAILED, {})
    failed = flow.create_execution().load(execution.save())
    assert (failed.status, failed.errors) == (Status.FAILED, ())
    assert await failed.async_retry() is Status.COMPLETED
    assert await execution.async_retry() is Status.COMPLETED
    older = flow.create_execution().load(before)
    assert await older.async_continue_with(interrupt_id, 20) is Status.COMPLETED
    assert (execution.result, failed.result, older.result) == ("10", "10", "20")


async def test_b45_an_answer_in_time_bounds_the_steps_behind_it() -> None:
    started = asyncio.Event()

    async def stay(data: Data[Talk, int]) -> int:
        if not started.is_set():
            started.set()
            await asyncio.Event().wait()
        return data.value

    flow: Any = Flow(Talk)
    flow.to(ask).to(stay).to(show).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    (interrupt_id,) = execution.interrupts
    with pytest.raises(TimeoutError):
        await execution.async_continue_with(interrupt_id, 10, timeout=0.01)
    assert execution.status is Status.FAILED
    assert await execution.async_retry() is Status.COMPLETED
    assert execution.result == "10"


class Inner(Contract):
    input: int
    result: int


@pytest.mark.parametrize("in_child", [False, True], ids=["root", "child"])
async def test_b45_an_answer_that_what_follows_cannot_take_fails_the_run_and_all_above_it(in_child: bool) -> None:
    """A value that a collect puts together is not known to be no sequence, which a for_each goes over."""
    flow: Any = Flow(Inner)
    flow.to(_silent).collect("all", "only").for_each().to(increment).end_for_each().to(_sum).end()
    if in_child:
        child, flow = flow, Flow(Inner, name="outer")
        flow.to_sub_flow(child).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    before = execution.save()
    with pytest.raises(ContractError, match="for_each goes over a sequence"):
        await execution.async_continue_with("q", 5)
    assert (execution.status, len(execution.errors)) == (Status.FAILED, 1)
    with pytest.raises(ContractError, match="for_each goes over a sequence"):
        await execution.async_retry()
    assert execution.status is Status.FAILED
    assert list(flow.create_execution().load(before).interrupts) == ["q"]


async def test_b45_an_answer_that_a_listener_cannot_take_stops_a_running_execution() -> None:
    class Odd(Events):
        odd: Any

    class Listening(Contract):
        input: int
        result: int
        events: Odd

    gate = asyncio.Event()

    def leave(data: Data[Listening, int]) -> NoReturn:
        data.pause_for(resume_event="odd", interrupt_id="q")

    async def hold(data: Data[Listening, int]) -> int:
        await gate.wait()
        return 1

    flow: Any = Flow(Listening)
    flow.to(leave)
    flow.to(hold).end()
    flow.when("odd").for_each().to(increment).end_for_each()
    execution = flow.create_execution()
    started = asyncio.create_task(execution.async_start(1))
    await until(lambda: execution.interrupts)
    with pytest.raises(ContractError, match="goes over a sequence"):
        await execution.async_continue_with("q", 5)
    with pytest.raises(ContractError, match="goes over a sequence"):
        await started
    assert execution.status is Status.FAILED


# -- resources


class Tool:
    pass


class Gear(Resources):
    tool: Tool
    spare: Tool | None = None


class Working(Contract):
    input: int
    result: int
    resources: Gear


async def test_b45_an_answer_without_a_required_resource_is_refused_and_the_interrupt_stays() -> None:
    flow: Any = Flow(Working)
    flow.to(ask).to(increment).end()
    execution = flow.create_execution(runtime_resources={"tool": Tool()})
    await execution.async_start(1)
    (interrupt_id,) = execution.interrupts
    execution.del_runtime_resource("tool")
    with pytest.raises(ResourceError, match="Tool") as refused:
        await execution.async_continue_with(interrupt_id, 1)
    assert refused.value.missing == ("tool",)
    assert (execution.status, list(execution.interrupts)) == (Status.WAITING, [interrupt_id])
    execution.set_runtime_resource("tool", Tool())
    assert await execution.async_continue_with(interrupt_id, 1) is Status.COMPLETED


# -- streams


class Told(Contract):
    input: int
    result: int
    stream: str


def _telling(gate: asyncio.Event | None = None) -> Any:
    def tell(data: Data[Told, int]) -> int:
        data.put(f"told {data.value}")
        return data.value

    async def hold(data: Data[Told, int]) -> int:
        if gate is not None:
            await gate.wait()
        data.put("held")
        return data.value

    flow: Any = Flow(Told)
    flow.to(tell).to(ask).to(tell).end()
    flow.to(hold)
    return flow.create_execution()


async def test_b44_a_stream_goes_on_with_the_answer() -> None:
    execution = _telling()
    assert sorted([item async for item in execution.stream(1)]) == ["held", "told 1"]
    (interrupt_id,) = execution.interrupts
    assert [item async for item in execution.stream_continue(interrupt_id, 7)] == ["told 7"]
    assert (execution.status, execution.result) == (Status.COMPLETED, 7)


async def test_b45_a_stream_raises_a_wrong_answer_and_the_interrupt_stays() -> None:
    execution = _telling()
    await execution.async_start(1)
    (interrupt_id,) = execution.interrupts
    with pytest.raises(InterruptError):
        _ = [item async for item in execution.stream_continue(interrupt_id, "7")]
    assert list(execution.interrupts) == [interrupt_id]


async def test_b44_a_contract_without_a_stream_has_none_to_continue() -> None:
    execution = _asking(int)
    with pytest.raises(ContractError, match="declares no stream"):
        execution.stream_continue("q", 1)


async def test_b45_a_stream_on_a_running_execution_gives_what_comes_from_there_on() -> None:
    gate = asyncio.Event()
    execution = _telling(gate)
    started = asyncio.create_task(execution.async_start(1))
    await until(lambda: execution.interrupts)
    (interrupt_id,) = execution.interrupts
    items = []
    async for item in execution.stream_continue(interrupt_id, 7):
        items.append(item)
        gate.set()
    assert items == ["told 7", "held"]
    assert await started is Status.COMPLETED


async def test_b45_a_second_listener_leaves_the_items_to_the_first() -> None:
    gate = asyncio.Event()
    execution = _telling(gate)

    async def listen() -> list[str]:
        return [item async for item in execution.stream(1)]

    first = asyncio.create_task(listen())
    await until(lambda: execution.interrupts)
    (interrupt_id,) = execution.interrupts

    async def listen_too() -> list[str]:
        return [item async for item in execution.stream_continue(interrupt_id, 7)]

    second = asyncio.create_task(listen_too())
    await until(lambda: not execution.interrupts)
    gate.set()
    assert sorted(await first) == ["held", "told 1", "told 7"]
    assert await second == []


async def test_b45_a_stream_and_an_answer_at_once_run_together() -> None:
    flow: Any = Flow(Told)
    flow.batch().branch(ask).branch(ask_later).end_batch().to(lambda data: sum(data.value)).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    first, second = execution.interrupts

    async def listen() -> list[str]:
        return [item async for item in execution.stream_continue(first, 1)]

    outcomes = await asyncio.gather(listen(), execution.async_continue_with(second, 2))
    assert outcomes[0] == []
    assert (execution.status, execution.result) == (Status.COMPLETED, 3)


async def test_b44_a_retry_runs_while_others_keep_waiting() -> None:
    case = CASES["for_each by 2"]
    execution = await begin(case)
    with pytest.raises(FinishedError, match="answer its interrupts"):
        await execution.async_retry()


def _double(data: Data[Any, int]) -> int:
    return data.value * 2


def _halve(data: Data[Any, float]) -> float:
    return data.value / 2


def _scored(data: Data[Any, Reply]) -> int:
    return data.value.score


def _sum(data: Data[Any, Any]) -> int:
    return 0


BEHIND: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "batch": (lambda at: at.batch().branch(_double).end_batch(), "no number", 1),
    "second branch": (lambda at: at.batch().branch(_sum).branch(_double).end_batch(), "no number", 1),
    "all branches": (lambda at: at.batch().branch(_halve).branch(_double).end_batch(), 1.5, 1),
    "fork": (lambda at: at.side_branch(_halve).to(_double), 1.5, 1),
    "for_each": (lambda at: at.for_each().to(_double).end_for_each(), 5, [1, 2]),
    "item of a for_each": (lambda at: at.for_each().to(_double).end_for_each(), [1, "x"], (1, 2)),
    "for_each of anything": (lambda at: at.for_each().to(_sum).end_for_each(), "text", [1, "x"]),
    "for_each of records": (lambda at: at.for_each().to(_scored).end_for_each(), [{"txt": "a"}], [{"text": "a"}]),
    "for_each in a batch in a for_each": (
        lambda at: at.for_each().for_each().batch().branch(_double).end_batch().end_for_each().end_for_each(),
        [1],
        [[1], []],
    ),
    "match": (lambda at: at.match().case(1).to(_double).case_else().to(_double).end_match(), "no number", 1),
    "behind a match": (lambda at: at.match().case(9).to(_sum).end_match().to(_double), "no number", 1),
    "if": (lambda at: at.if_condition(lambda data: True).to(_double).end_condition(), "no number", 1),
    "child": (lambda at: at.to_sub_flow(_doubling()), "no number", 1),
    "child of records": (lambda at: at.to_sub_flow(_scoring()), {"text": 1}, {"text": "a"}),
    "child of lists": (lambda at: at.for_each().to_sub_flow(_doubling()).end_for_each(), [1, "x"], [1, 2]),
    "state of a child": (lambda at: at.to_sub_flow(_doubling(), capture=NOTED), 5, "noted"),
    "behind a child": (
        lambda at: at.to_sub_flow(_doubling(), capture=TOTAL, write_back={}).to(_double),
        "no number",
        1,
    ),
    "behind a child that writes a part": (
        lambda at: at.to_sub_flow(_doubling(), capture=TOTAL, write_back={"value": {"score": "result"}}).to(_scored),
        {"txt": "a"},
        {"text": "a"},
    ),
    "branch of a collect": (lambda at: at.collect("all", "only").to(_pick), "no number", 1),
    "field of a collect": (lambda at: at.collect("all", "only").to(_pick_named), "no number", 1),
}
"""What is behind the step, a value that cannot be taken there, and one that can."""

NOTED: dict[str, Any] = {"input": "state.total", "state": {"note": "value"}}
TOTAL: dict[str, Any] = {"input": "state.total"}


class Scoring(Contract):
    input: Reply
    result: int


class Only(TypedDict):
    only: int


def _doubling() -> Any:
    child: Any = Flow(Leaf, name="child")
    child.to(_double).end()
    return child


def _scoring() -> Any:
    child: Any = Flow(Scoring, name="child")
    child.to(_scored).end()
    return child


def _pick(data: Data[Any, dict[str, int]]) -> int:
    return data.value["only"]


def _pick_named(data: Data[Any, Only]) -> int:
    return data.value["only"]


@pytest.mark.parametrize("behind, wrong, right", BEHIND.values(), ids=BEHIND)
async def test_b45_an_undeclared_answer_is_what_all_the_first_steps_behind_it_take(
    behind: Callable[[Any], Any], wrong: Any, right: Any
) -> None:
    flow: Any = Flow(Leaf)
    behind(flow.to(_silent)).to(_sum).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    with pytest.raises(InterruptError, match="TF810"):
        await execution.async_continue_with("q", wrong)
    assert (execution.status, list(execution.interrupts)) == (Status.WAITING, ["q"])
    assert await execution.async_continue_with("q", right) is Status.COMPLETED


def _first(data: Data[Any, tuple[int, str]]) -> int:
    return data.value[0]


def _all(data: Data[Any, list[int]]) -> int:
    return sum(data.value)


def _all_of_them(data: Data[Any, tuple[int, ...]]) -> int:
    return sum(data.value)


INSIDE: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
    "branch of a batch": (
        lambda flow: flow.batch().branch(_silent).branch(lambda data: "b").end_batch().to(_first),
        "no number",
        1,
    ),
    "branch of a batch of one kind": (
        lambda flow: flow.batch().branch(_silent).branch(lambda data: 2).end_batch().to(_all_of_them),
        "no number",
        1,
    ),
    "item of a for_each": (
        lambda flow: flow.to(lambda data: [1]).for_each().to(_silent).end_for_each().to(_all),
        {},
        1,
    ),
    "items of items": (
        lambda flow: (
            flow.to(lambda data: [1]).for_each().to(_silent).end_for_each().for_each().to(_double).end_for_each()
        ),
        "no number",
        1,
    ),
    "arm of a match": (
        lambda flow: flow.match(mode="hit_all").case(1).to(_silent).end_match().to(_all),
        "no number",
        1,
    ),
}


@pytest.mark.parametrize("build, wrong, right", INSIDE.values(), ids=INSIDE)
async def test_b45_an_undeclared_answer_is_what_the_step_behind_its_block_takes_of_it(
    build: Callable[[Any], Any], wrong: Any, right: Any
) -> None:
    flow: Any = Flow(Leaf)
    build(flow).to(_sum).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    with pytest.raises(InterruptError, match="TF810"):
        await execution.async_continue_with("q", wrong)
    assert await execution.async_continue_with("q", right) is Status.COMPLETED


def _object(data: Data[Any, object]) -> int:
    return 0


@pytest.mark.parametrize("consumer", [_sum, _object, lambda data: 0], ids=["anything", "object", "nothing said"])
@pytest.mark.parametrize("construct", ["collect", "batch"])
async def test_b44_what_is_put_together_for_nobody_in_particular_takes_any_answer(
    consumer: Callable[..., Any], construct: str
) -> None:
    flow: Any = Flow(Leaf)
    if construct == "batch":
        together = flow.batch().branch(_silent).end_batch()
    else:
        together = flow.to(_silent).collect("all", "only")
    together.to(consumer).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    assert await execution.async_continue_with("q", [{"any": "thing"}]) is Status.COMPLETED
