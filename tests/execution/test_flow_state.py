"""The flow_state: shared by the executions of one flow and by no other (B9), updated atomically (B10)."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import msgspec
import pytest

from tests.execution.chains import BOTH_FORMS, Form, chain, run, untyped
from typedflow import Contract, ContractError, Data, FinishedError, Flow, FlowState, ResourceError, Resources


class Counters(FlowState):
    reviewed: int = 0
    flag: int | bool = 0
    names: list[str] = []
    limits: dict[str, int] = {}


class Count(Contract):
    input: int
    result: Any
    flow_state: Counters


class NoCount(Contract):
    input: int
    result: Any


def add(counters: Counters) -> None:
    counters.reviewed += 1


def count(data: Data[Count, int]) -> int:
    data.flow_state.reviewed += data.value
    return data.flow_state.reviewed


# -- B9: who shares it


@BOTH_FORMS
def test_executions_of_one_flow_share_it(form: Form) -> None:
    """B9."""
    flow = chain(Count, form(count))
    assert [flow.start(1), flow.start(2), flow.flow_state.reviewed] == [1, 3, 3]


@BOTH_FORMS
def test_two_flows_of_one_contract_do_not(form: Form) -> None:
    """B9."""
    first, second = chain(Count, form(count)), chain(Count, form(count))
    assert (first.start(1), second.start(2), first.flow_state.reviewed) == (1, 2, 1)


def test_an_execution_shows_the_flow_state_of_its_flow() -> None:
    """B9."""
    flow = chain(Count, count)
    assert run(flow, 2).flow_state is flow.flow_state


def test_defaults_are_not_shared_by_flows() -> None:
    """B9: not at any depth."""
    first, second = chain(Count, count), chain(Count, count)
    first.flow_state.names.append("a")
    assert second.flow_state.names == []


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda flow: flow.flow_state, id="flow"),
        pytest.param(lambda flow: flow.create_execution().flow_state, id="execution"),
        pytest.param(lambda flow: flow.update_flow_state(add), id="update"),
        pytest.param(lambda flow: flow.start(1), id="data"),
    ],
)
def test_a_contract_without_one_says_so(read: Any) -> None:
    with pytest.raises(ContractError) as caught:
        read(chain(NoCount, lambda data: data.flow_state))
    assert str(caught.value) == (
        "TF611: contract 'NoCount' declares no flow_state, only 'input', 'result' "
        "(add `flow_state: …` to NoCount, a subclass of FlowState)"
    )


# -- B3, B8: how it is written


@BOTH_FORMS
def test_set_replaces(form: Form) -> None:
    """B3."""

    def write(data: Data[Count, int]) -> None:
        data.flow_state.set("limits", {"a": 1})
        data.flow_state.set("limits", {"b": 2})

    assert run(chain(Count, form(write)), 1).flow_state.limits == {"b": 2}


@BOTH_FORMS
def test_a_wrong_write_names_layer_and_handler_and_changes_nothing(form: Form) -> None:
    """B8."""

    def write(data: Data[Count, int]) -> None:
        untyped(data.flow_state).reviewed = "x"

    flow = chain(Count, form(write))
    with pytest.raises(ContractError) as caught:
        flow.start(1)
    assert str(caught.value) == (
        "TF601: step 'write' of flow 'Count': 'reviewed' of flow_state takes int, not 'x' (str)"
    )
    assert flow.flow_state.reviewed == 0


@BOTH_FORMS
def test_a_wrong_item_put_in_place_is_an_error_at_the_end_of_its_handler(form: Form) -> None:
    """B8."""

    def push(data: Data[Count, int]) -> None:
        untyped(data.flow_state.names).append(5)

    with pytest.raises(ContractError, match=r"^TF612: step 'push' of flow 'Count': 'names\[0\]' of flow_state was"):
        chain(Count, form(push)).start(1)


def test_a_wrong_write_outside_of_handlers_names_the_layer() -> None:
    """B8."""
    flow = chain(Count, count)
    with pytest.raises(ContractError) as caught:
        flow.flow_state.reviewed = untyped("x")
    assert str(caught.value) == "TF601: 'reviewed' of flow_state takes int, not 'x' (str)"


# -- B10: the atomic update


@pytest.mark.parametrize("overlapping", [1, 10])
async def test_ten_concurrent_executions_add_up(overlapping: int) -> None:
    """B10."""
    together = asyncio.Barrier(10)

    async def step(data: Data[Count, int]) -> None:
        await together.wait()
        for _ in range(overlapping):
            data.update_flow_state(add)
            await asyncio.sleep(0)

    flow = chain(Count, step)
    async with asyncio.timeout(5):
        await asyncio.gather(*(flow.async_start(1) for _ in range(10)))
    assert flow.flow_state.reviewed == 10 * overlapping


def test_updates_from_threads_add_up() -> None:
    """B10: read and write are one."""
    flow = chain(Count, count)
    together = threading.Barrier(8)

    def work() -> None:
        together.wait()
        for _ in range(100):
            flow.update_flow_state(add)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert flow.flow_state.reviewed == 800


async def test_thread_steps_of_concurrent_executions_add_up() -> None:
    """B10."""

    def step(data: Data[Count, int]) -> None:
        for _ in range(100):
            data.update_flow_state(add)

    flow: Flow[Any] = Flow(Count)
    flow.to(step, thread=True).end()
    await asyncio.gather(*(flow.async_start(1) for _ in range(5)))
    assert flow.flow_state.reviewed == 500


def test_an_update_that_raises_changes_nothing() -> None:
    """B10."""

    def break_off(counters: Counters) -> None:
        counters.reviewed = 5
        counters.names.append("a")
        raise ZeroDivisionError

    flow = chain(Count, count)
    with pytest.raises(ZeroDivisionError):
        flow.update_flow_state(break_off)
    assert (flow.flow_state.reviewed, flow.flow_state.names) == (0, [])
    flow.update_flow_state(add)
    assert flow.flow_state.reviewed == 1


def test_an_update_that_breaks_the_contract_changes_nothing() -> None:
    """B10."""

    def spoil(counters: Counters) -> None:
        counters.reviewed = 5
        untyped(counters.names).append(5)

    flow = chain(Count, count)
    with pytest.raises(ContractError, match=r"^TF612: 'names\[0\]' of flow_state was changed in place"):
        flow.update_flow_state(spoil)
    assert (flow.flow_state.reviewed, flow.flow_state.names) == (0, [])


@BOTH_FORMS
def test_an_update_in_a_handler_names_it_when_it_is_refused(form: Form) -> None:
    """B8."""

    def step(data: Data[Count, int]) -> None:
        data.update_flow_state(lambda counters: setattr(counters, "reviewed", "x"))

    with pytest.raises(ContractError, match=r"^TF601: step 'step' of flow 'Count': 'reviewed' of flow_state takes int"):
        chain(Count, form(step)).start(1)


def test_an_update_keeps_what_it_was_not_about() -> None:
    """What it leaves alone stays the same object, for those who hold it."""
    flow = chain(Count, count)
    names = flow.flow_state.names
    flow.update_flow_state(add)
    assert flow.flow_state.names is names


def test_an_update_tells_equal_values_of_two_types_apart() -> None:
    flow = chain(Count, count)
    flow.flow_state.flag = 1
    flow.update_flow_state(lambda counters: setattr(counters, "flag", True))
    assert flow.flow_state.flag is True


def test_a_change_of_a_flow_state_is_none_of_a_draft_that_leaked() -> None:
    drafts: list[Counters] = []
    flow = chain(Count, count)
    flow.update_flow_state(drafts.append)
    drafts[0].reviewed = 9
    assert flow.flow_state.reviewed == 0


# -- listeners


def listening(mode: str) -> tuple[Flow[Any], list[Any]]:
    """Return a flow whose chain listens to the flow_state, and the list of what it hears."""
    heard: list[Any] = []

    def write(data: Data[Count, int]) -> int:
        match mode:
            case "attribute":
                data.flow_state.reviewed = data.value
            case "set":
                data.flow_state.set("reviewed", data.value)
            case "silent":
                data.flow_state.set("reviewed", data.value, emit=False)
            case "update":
                data.update_flow_state(lambda counters: setattr(counters, "reviewed", data.value))
            case "unchanged":
                data.update_flow_state(lambda counters: setattr(counters, "flag", 1))
        return data.value

    flow: Flow[Any] = Flow(Count)
    flow.to(write).end()
    flow.when({"flow_state": "reviewed"}).to(lambda data: heard.append(data.value))
    return flow, heard


@pytest.mark.parametrize(
    "mode, expected",
    [("attribute", [3]), ("set", [3]), ("update", [3]), ("silent", []), ("unchanged", [])],
)
def test_a_write_is_heard_where_it_was_made(mode: str, expected: list[int]) -> None:
    flow, heard = listening(mode)
    flow.start(3)
    assert heard == expected


async def test_only_the_execution_that_wrote_hears_it() -> None:
    """B10: neither a waiting one nor one that is over is called."""
    heard: list[str] = []
    gate = asyncio.Event()

    async def step(data: Data[Count, int]) -> int:
        if data.value:
            data.flow_state.reviewed = data.value
            gate.set()
        else:
            await gate.wait()
        return data.value

    flow: Flow[Any] = Flow(Count)
    flow.to(step).end()
    flow.when({"flow_state": "reviewed"}).to(lambda data: heard.append(data.execution_id))
    executions = [flow.create_execution(execution_id=name) for name in ("over", "waits", "writes")]
    gate.set()
    await executions[0].async_start(0)
    gate.clear()
    async with asyncio.timeout(5):
        await asyncio.gather(executions[1].async_start(0), executions[2].async_start(1))
    assert heard == ["writes"]


def test_a_write_outside_of_handlers_is_heard_by_nobody() -> None:
    flow, heard = listening("silent")
    flow.flow_state.reviewed = 5
    flow.update_flow_state(add)
    flow.start(1)
    assert heard == []


# -- B10: what a flow holds


class Handle:
    """Something that an execution holds, so that its end can be seen."""


class HandleResources(Resources):
    handle: Handle


class Holds(Contract):
    input: int
    result: Any
    flow_state: Counters
    resources: HandleResources


@pytest.mark.parametrize("outcome", ["completed", "failed", "cancelled", "fresh", "waiting"])
async def test_executions_are_not_kept_alive_by_the_flow(outcome: str) -> None:
    """B10: however they end; what an execution holds goes with it."""

    async def step(data: Data[Holds, int]) -> int:
        data.flow_state.reviewed += 1
        match outcome:
            case "failed":
                raise ZeroDivisionError
            case "waiting":
                data.pause_for("?")
            case "cancelled":
                await asyncio.Event().wait()
        return 1

    flow = chain(Holds, step)
    flow.when({"flow_state": "reviewed"}).to(lambda data: None)
    execution = flow.create_execution(runtime_resources={"handle": Handle()})
    gone = [weakref.ref(execution), weakref.ref(execution.get_runtime_resource("handle"))]
    if outcome != "fresh":
        task = asyncio.create_task(execution.async_start(1))
        if outcome == "cancelled":
            await asyncio.sleep(0)
            await execution.async_cancel()
        await asyncio.wait([task])
        assert task.cancelled() == (outcome == "cancelled")
        assert task.cancelled() or (task.exception() is None) == (outcome != "failed")
        del task
    assert execution.status == {"fresh": "created"}.get(outcome, outcome)
    del execution
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    with pytest.raises(ResourceError):
        await flow.async_start(1)


async def test_an_update_of_a_step_that_is_over_is_refused() -> None:
    later: list[asyncio.Task[None]] = []

    async def update(data: Data[Count, int]) -> None:
        await asyncio.sleep(0)
        data.update_flow_state(add)

    async def step(data: Data[Count, int]) -> None:
        later.append(asyncio.create_task(update(data)))

    flow = chain(Count, step)
    await flow.async_start(1)
    over = "^TF819: step 'step' is over: update_flow_state can have no effect"
    with pytest.raises(FinishedError, match=over):
        await later[0]
    assert flow.flow_state.reviewed == 0


def test_an_update_inside_an_update_is_refused_and_changes_nothing() -> None:
    flow = Flow(Count, name="count")

    def outer(counters: Counters) -> None:
        counters.reviewed += 1
        flow.update_flow_state(lambda inner: setattr(inner, "reviewed", 10))

    with pytest.raises(ContractError, match="TF821"):
        flow.update_flow_state(outer)
    flow.update_flow_state(lambda counters: setattr(counters, "reviewed", counters.reviewed + 1))
    assert flow.flow_state.reviewed == 1


def test_an_update_tells_true_from_one_inside_a_list() -> None:
    class Marks(FlowState):
        seen: list[int | bool] = msgspec.field(default_factory=lambda: [1])

    class Marked(Contract):
        input: int
        result: Any
        flow_state: Marks

    flow = Flow(Marked)
    flow.update_flow_state(lambda marks: setattr(marks, "seen", [True]))
    assert flow.flow_state.seen[0] is True
