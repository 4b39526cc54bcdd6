"""Who writes: a step while it runs, a task or thread of it, a step that is over, an execution inside a handler."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.execution.chains import BOTH_FORMS, Form, chain, run, untyped
from typedflow import Contract, ContractError, Data, Events, ExecutionError, FinishedError, Flow, FlowState, State


class Notes(State):
    count: int = 0
    seen: list[int] = []


class Totals(FlowState):
    total: int = 0


class Bells(Events):
    rung: int


class Job(Contract):
    input: Any
    result: Any
    state: Notes
    flow_state: Totals
    events: Bells


OVER = "is over: {} can have no effect (finish before the step returns; a thread cannot be cancelled, only ignored)"


# -- outside of handlers


def test_a_wrong_write_outside_of_handlers_names_no_step() -> None:
    execution = chain(Job, lambda data: data.state.count).create_execution()
    with pytest.raises(ContractError) as caught:
        untyped(execution.state).count = "x"
    assert str(caught.value) == "TF601: 'count' of state takes int, not 'x' (str)"


def test_a_write_before_the_start_is_seen_by_the_first_step() -> None:
    execution = chain(Job, lambda data: data.state.count).create_execution()
    execution.state.count = 3
    execution.start(None)
    assert execution.result == 3


def test_a_write_outside_of_handlers_fires_no_listener() -> None:
    heard: list[int] = []
    flow = chain(Job, lambda data: 1)
    flow.when({"state": "count"}).to(lambda data: heard.append(data.value))
    execution = flow.create_execution()
    execution.state.count = 3
    execution.start(None)
    execution.state.count = 4
    assert (heard, execution.state.count) == ([], 4)


# -- a step that is over


@BOTH_FORMS
@pytest.mark.parametrize(
    "call, act",
    [
        ("emit", lambda data: data.emit("rung", 1)),
        ("set_result", lambda data: data.set_result(2)),
        ("pause_for", lambda data: data.pause_for("?")),
        ("update_flow_state", lambda data: data.update_flow_state(lambda totals: None)),
    ],
)
def test_a_step_that_is_over_cannot_act(form: Form, call: str, act: Any) -> None:
    leaked: list[Any] = []

    def leak(data: Data[Job, Any]) -> int:
        leaked.append(data)
        return 1

    execution = run(chain(Job, form(leak)))
    with pytest.raises(FinishedError) as caught:
        act(leaked[0])
    assert str(caught.value) == f"TF819: step 'leak' {OVER.format(call)}"
    assert (execution.result, execution.status) == (1, "completed")


@pytest.mark.parametrize(
    "layer, write",
    [
        ("state", lambda data: setattr(data.state, "count", 5)),
        ("state", lambda data: data.state.append("seen", 5)),
        ("flow_state", lambda data: setattr(data.flow_state, "total", 5)),
        ("state", lambda data: getattr(data, "set_runtime_data")("count", 5)),  # noqa: B009  # marked as deprecated
    ],
)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_data_that_leaked_from_its_step_writes_nothing(layer: str, write: Any, elsewhere: bool) -> None:
    """Neither from another step nor from outside, where the write would count as that of another step."""
    leaked: list[Any] = []
    late = [write] if elsewhere else []

    def leak(data: Data[Job, Any]) -> None:
        leaked.append(data)

    def other(data: Data[Job, Any]) -> None:
        for act in late:
            act(leaked[0])

    execution = chain(Job, leak, other).create_execution()

    def run_and_write() -> None:
        execution.start(None)
        write(leaked[0])

    with pytest.raises(FinishedError) as caught:
        run_and_write()
    assert str(caught.value) == f"TF819: step 'leak' {OVER.format(f'a write to data.{layer}')}"
    assert (execution.state, execution.flow_state) == (Notes(), Totals())


@pytest.mark.parametrize(
    "path, write",
    [
        ("count", lambda data: setattr(data.state, "count", 5)),
        ("count", lambda data: data.state.set("count", 5)),
        ("seen", lambda data: data.state.append("seen", 5)),
        ("count", lambda data: data.state.delete("count")),
    ],
)
@pytest.mark.parametrize("fails", [False, True])
async def test_a_task_that_outlives_its_step_writes_nothing(path: str, write: Any, fails: bool) -> None:
    tasks: list[asyncio.Task[None]] = []
    over = asyncio.Event()

    async def later(data: Data[Job, Any]) -> None:
        await over.wait()
        assert data.state.count == 1
        write(data)

    async def spawn(data: Data[Job, Any]) -> None:
        data.state.count = 1
        tasks.append(asyncio.create_task(later(data)))
        if fails:
            raise ZeroDivisionError

    execution = chain(Job, spawn).create_execution()
    if fails:
        with pytest.raises(ZeroDivisionError):
            await execution.async_start(None)
    else:
        await execution.async_start(None)
    over.set()
    with pytest.raises(FinishedError) as caught:
        await tasks[0]
    text = OVER.format(f"write to '{path}' of state")
    assert str(caught.value) == f"TF819: step 'spawn' of flow 'Job' {text}"
    assert (execution.state.count, execution.state.seen) == (1, [])


async def test_a_task_may_write_while_its_step_runs_and_the_step_is_named() -> None:
    heard: list[int] = []

    async def later(data: Data[Job, Any]) -> None:
        data.state.count = 2

    async def wrong(data: Data[Job, Any]) -> None:
        untyped(data.state).count = "x"

    async def spawn(data: Data[Job, Any]) -> None:
        await asyncio.create_task(later(data))
        with pytest.raises(ContractError, match=r"^TF601: step 'spawn' of flow 'Job': 'count' of state"):
            await asyncio.create_task(wrong(data))

    flow = chain(Job, spawn)
    flow.when({"state": "count"}).to(lambda data: heard.append(data.value))
    execution = flow.create_execution()
    await execution.async_start(None)
    assert (execution.state.count, heard) == (2, [2])


async def test_a_callback_that_outlives_its_step_writes_nothing() -> None:
    refused: list[Exception] = []
    fired = asyncio.Event()

    def late(data: Data[Job, Any]) -> None:
        try:
            data.state.count = 5
        except FinishedError as error:
            refused.append(error)
        fired.set()

    async def schedule(data: Data[Job, Any]) -> None:
        asyncio.get_running_loop().call_later(0.001, late, data)

    execution = chain(Job, schedule).create_execution()
    await execution.async_start(None)
    async with asyncio.timeout(5):
        await fired.wait()
    assert (len(refused), execution.state.count) == (1, 0)


async def test_the_next_step_is_not_the_one_before() -> None:
    """What a step has left in the context is gone when the next one runs."""

    async def first(data: Data[Job, Any]) -> None:
        data.state.count = 1

    def second(data: Data[Job, Any]) -> None:
        untyped(data.state).count = "x"

    with pytest.raises(ContractError, match=r"^TF601: step 'second' of flow 'Job'"):
        await chain(Job, first, second).async_start(None)


async def test_no_step_is_left_in_the_context_of_the_caller() -> None:
    execution = chain(Job, lambda data: data.state.set("count", 1)).create_execution()
    await execution.async_start(None)
    with pytest.raises(ContractError, match=r"^TF601: 'count' of state"):
        untyped(execution.state).count = "x"


# -- thread=True


def test_a_thread_step_writes_emits_and_is_named() -> None:
    heard: list[Any] = []
    threads: list[bool] = []

    def work(data: Data[Job, Any]) -> int:
        threads.append(threading.current_thread() is threading.main_thread())
        data.state.count = 1
        data.emit("rung", 2)
        with pytest.raises(ContractError, match=r"^TF601: step 'work' of flow 'Job'"):
            untyped(data.state).count = "x"
        return 3

    flow: Flow[Any] = Flow(Job)
    flow.to(work, thread=True).end()
    flow.when({"event": "rung", "state": "count"}, mode="or").to(lambda data: heard.append(data.value))
    assert flow.start(None) == 3
    assert threads == [False]
    assert heard == [("state", "count", 1), ("event", "rung", 2)]


def test_a_wrong_item_put_in_place_by_a_thread_step_is_found() -> None:
    def work(data: Data[Job, Any]) -> None:
        untyped(data.state.seen).append("x")

    flow: Flow[Any] = Flow(Job)
    flow.to(work, thread=True).end()
    with pytest.raises(ContractError, match=r"^TF612: step 'work' of flow 'Job': 'seen\[0\]' of state"):
        flow.start(None)


def test_a_thread_step_that_nobody_waits_for_any_more_can_do_nothing() -> None:
    timed_out, tried = threading.Event(), threading.Event()
    refused: list[str] = []

    def work(data: Data[Job, Any]) -> int:
        timed_out.wait(5)
        acts: list[Callable[[], Any]] = [
            lambda: setattr(data.state, "count", 5),
            lambda: data.state.append("seen", 5),
            lambda: setattr(data.flow_state, "total", 5),
            lambda: data.update_flow_state(lambda totals: setattr(totals, "total", 5)),
            lambda: data.emit("rung", 1),
            lambda: data.set_result(5),
        ]
        for act in acts:
            try:
                act()
            except FinishedError as error:
                refused.append(error.code)
        tried.set()
        return 5

    flow: Flow[Any] = Flow(Job)
    flow.to(work, thread=True, timeout=0.01).end()
    execution = flow.create_execution()
    with pytest.raises(TimeoutError):
        execution.start(None)
    timed_out.set()
    assert tried.wait(5)
    assert refused == ["TF819"] * 6
    assert (execution.state, flow.flow_state.total, execution.status) == (Notes(), 0, "failed")


# -- executions inside handlers


class Other(Contract):
    input: Any
    result: Any
    state: Notes


def wrong_write(data: Data[Other, Any]) -> None:
    untyped(data.state).count = "x"


@pytest.mark.parametrize("as_task", [False, True])
async def test_an_execution_inside_a_handler_leaves_the_step_in_place(as_task: bool) -> None:
    heard: list[int] = []
    other = chain(Other, lambda data: data.state.append("seen", 1) or 7, name="other")

    async def outer(data: Data[Job, Any]) -> Any:
        inner = other.async_start(None)
        value = await (asyncio.create_task(inner) if as_task else inner)
        data.state.count = value
        with pytest.raises(ContractError, match=r"^TF601: step 'outer' of flow 'Job'"):
            untyped(data.state).count = "x"
        return value

    flow = chain(Job, outer)
    flow.when({"state": "count"}).to(lambda data: heard.append(data.value))
    execution = flow.create_execution()
    await execution.async_start(None)
    assert (execution.result, execution.state.seen, heard) == (7, [], [7])


async def test_the_failure_of_an_execution_inside_a_handler_names_both() -> None:
    other = chain(Other, wrong_write, name="other")

    async def outer(data: Data[Job, Any]) -> Any:
        return await other.async_start(None)

    with pytest.raises(ContractError, match=r"^TF601: step 'wrong_write' of flow 'other'") as caught:
        await chain(Job, outer).async_start(None)
    inner, outside = caught.value.__notes__
    assert inner.startswith("in step 'wrong_write' of flow 'other', execution '")
    assert outside.startswith("in step 'outer' of flow 'Job', execution '")


async def test_a_handler_that_writes_to_another_execution_fires_nothing_there() -> None:
    heard: list[str] = []
    other = chain(Job, lambda data: None, name="other")
    other.when({"state": "count"}).to(lambda data: heard.append("other"))
    target = other.create_execution()

    def outer(data: Data[Job, Any]) -> None:
        target.state.count = 5
        target.state.seen.append(1)

    flow = chain(Job, outer)
    flow.when({"state": "count"}).to(lambda data: heard.append("own"))
    await flow.async_start(None)
    await target.async_start(None)
    assert (heard, target.state.count) == ([], 5)


@pytest.mark.parametrize(
    "call, way",
    [
        (lambda flow: flow.start(None), "flow.async_start"),
        (lambda flow: flow.create_execution().start(None), "execution.async_start"),
        (lambda flow: flow.create_execution().continue_with("a"), "execution.async_continue_with"),
    ],
)
async def test_a_sync_form_inside_a_running_loop_shows_the_async_one(call: Any, way: str) -> None:
    """B34."""
    with pytest.raises(ExecutionError) as caught:
        call(chain(Job, lambda data: 1))
    assert str(caught.value) == (
        f"TF801: {way.replace('async_', '')}() cannot run inside a running event loop (write `await {way}(…)`)"
    )


def test_a_sync_form_inside_a_plain_handler_is_refused_too() -> None:
    """B34: the handler runs in the loop."""
    other = chain(Other, lambda data: 1, name="other")
    with pytest.raises(ExecutionError, match=r"^TF801: "):
        chain(Job, lambda data: other.start(None)).start(None)


def test_a_thread_step_may_start_another_flow() -> None:
    other = chain(Other, lambda data: data.state.append("seen", 1) or 7, name="other")

    def work(data: Data[Job, Any]) -> Any:
        value = other.start(None)
        data.state.count = value
        return value

    flow: Flow[Any] = Flow(Job)
    flow.to(work, thread=True).end()
    execution = run(flow)
    assert (execution.result, execution.state.count) == (7, 7)


# -- what a step tells of itself


@BOTH_FORMS
def test_a_step_knows_where_it_is(form: Form) -> None:
    def tell(data: Data[Job, Any]) -> Any:
        return data.step, data.key, data.execution_id, data.attempt

    execution = run(chain(Job, form(tell)), execution_id="e1")
    assert execution.result == ("tell", "e1:tell@0", "e1", 1)


def test_the_items_of_a_for_each_have_keys_of_their_own() -> None:
    flow: Flow[Any] = Flow(Job)
    flow.for_each().to(lambda data: data.key, name="tell").end_for_each().end()
    first, second = run(flow, ["a", "b"], execution_id="e1").result
    assert first.startswith("e1:tell@")
    assert second.startswith("e1:tell@")
    assert first != second


@pytest.mark.parametrize("given", ["", "../x", "a b", "x" * 129, "-a", "ä"])
def test_a_malformed_execution_id_is_refused(given: str) -> None:
    with pytest.raises(ContractError, match=r"^TF816: "):
        chain(Job, lambda data: 1).create_execution(execution_id=given)


def test_an_event_that_is_not_declared_is_refused_where_it_is_emitted() -> None:
    """B28."""
    with pytest.raises(ContractError) as caught:
        chain(Job, lambda data: data.emit("rang", 1)).start(None)
    assert caught.value.code == "TF501"
    assert "did you mean 'rung'?" in str(caught.value)


def test_a_payload_of_the_wrong_type_is_refused_where_it_is_emitted() -> None:
    """B28."""
    with pytest.raises(ContractError) as caught:
        chain(Job, lambda data: data.emit("rung", "x")).start(None)
    assert caught.value.code == "TF502"


def test_a_result_of_the_wrong_type_is_refused_where_it_is_set() -> None:
    class Sized(Contract):
        input: Any
        result: list[int]

    def early(data: Any) -> Any:
        data.set_result(["x"])

    with pytest.raises(ContractError, match=r"^TF813: the result does not fit: "):
        chain(Sized, early).start(None)
