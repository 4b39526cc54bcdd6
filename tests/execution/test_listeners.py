"""B25, B26, B28: events and listened paths, `when` and `collect`, and events from outside."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from tests.execution.running import Here, Plain, Request, Style, as_async, as_sync, both, double, passing, run
from typedflow import Contract, ContractError, Data, Events, FinishedError, Flow, Retry, Status


class DeepEvents(Events):
    came: list[int]


class LooseEvents(Events):
    came: Any


class Loose(Contract):
    input: int
    result: None
    events: LooseEvents


class Heard:
    """Collect what listeners are given."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def __call__(self, data: Here) -> Any:
        self.values.append(data.value)
        return data.value


def emitting(*pairs: tuple[str, Any]) -> Any:
    def ring(data: Here) -> Any:
        for name, payload in pairs:
            data.emit(name, payload)
        return data.value

    return ring


# -- B25: events


@both
def test_b25_an_event_starts_its_chain_with_the_payload(style: Style) -> None:
    heard = Heard()
    flow = Flow(Plain)
    flow.to(style(emitting(("rung", 1), ("rung", 2)))).end()
    flow.when("rung").to(style(double)).to(heard)
    run(flow.create_execution().async_start(0))
    assert heard.values == [2, 4]


def test_b25_an_event_is_told_when_its_step_ends() -> None:
    order: list[str] = []
    flow = Flow(Plain)

    async def ring(data: Here) -> None:
        data.emit("rung", 1)
        await asyncio.sleep(1)
        order.append("step over")

    flow.to(ring)
    flow.when("rung").to(lambda data: order.append("heard"))
    run(flow.create_execution().async_start(0))
    assert order == ["step over", "heard"]


def test_b25_a_failed_attempt_emits_nothing() -> None:
    heard = Heard()
    flow = Flow(Plain)

    def ring(data: Here) -> None:
        data.emit("rung", data.attempt)
        if data.attempt == 1:
            raise ValueError("first")

    flow.to(ring, retry=Retry(2))
    flow.when("rung").to(heard)
    run(flow.create_execution().async_start(0))
    assert heard.values == [2]


def test_b25_several_steps_follow_one_listener() -> None:
    one, other = Heard(), Heard()
    flow = Flow(Plain)
    flow.to(emitting(("rung", 1)))
    listener = flow.when("rung")
    listener.to(one)
    listener.to(other)
    run(flow.create_execution().async_start(0))
    assert (one.values, other.values) == ([1], [1])


def test_b25_or_says_what_fired() -> None:
    heard = Heard()
    flow = Flow(Plain)
    flow.to(emitting(("knocked", 1), ("rung", 2)))
    flow.when({"event": ["rung", "knocked"], "state": "topic"}, mode="or").to(heard)
    run(flow.create_execution().async_start(0))
    assert heard.values == [("event", "knocked", 1), ("event", "rung", 2)]


def test_b25_simple_or_gives_the_value_alone() -> None:
    heard = Heard()
    flow = Flow(Plain)

    def write(data: Here) -> None:
        data.state.topic = "new"
        data.emit("rung", 1)

    flow.to(write)
    flow.when({"event": "rung", "state": "topic"}, mode="simple_or").to(heard)
    run(flow.create_execution().async_start(0))
    assert heard.values == ["new", 1]


def test_b25_and_waits_for_all_and_is_empty_after_firing() -> None:
    heard = Heard()
    flow = Flow(Plain)
    flow.to(emitting(("rung", 1), ("rung", 2), ("knocked", 3), ("knocked", 4)))
    flow.when({"event": ["rung", "knocked"]}, mode="and").to(heard)
    run(flow.create_execution().async_start(0))
    assert heard.values == [{"event": {"rung": 2, "knocked": 3}}]


@pytest.mark.parametrize(
    "triggers, values",
    [
        ("rung", [1, 2]),
        ({"event": "rung"}, [1, 2]),
        (["rung"], [{"event": {"rung": 1}}, {"event": {"rung": 2}}]),
        (("rung", "knocked"), [{"event": {"rung": 2, "knocked": 3}}]),
        ({"event": ["rung"]}, [{"event": {"rung": 1}}, {"event": {"rung": 2}}]),
        ({"event": "rung", "state": "topic"}, [{"event": {"rung": 1}, "state": {"topic": "new"}}]),
    ],
)
def test_without_a_mode_the_form_decides_what_a_listener_carries(triggers: Any, values: list[Any]) -> None:
    heard = Heard()
    flow = Flow(Plain)

    def write(data: Here) -> None:
        data.state.topic = "new"
        for name, payload in (("rung", 1), ("rung", 2), ("knocked", 3)):
            data.emit(name, payload)

    flow.to(write)
    flow.when(triggers).to(heard)
    run(flow.create_execution().async_start(0))
    assert heard.values == values


def test_b25_executions_do_not_see_each_others_events() -> None:
    heard = Heard()
    flow = Flow(Plain)
    flow.to(lambda data: data.emit("rung" if data.value else "knocked", data.value))
    flow.when({"event": ["rung", "knocked"]}, mode="and").to(heard)

    async def main() -> None:
        one, other = flow.create_execution(), flow.create_execution()
        await asyncio.gather(one.async_start(0), other.async_start(1))

    run(main())
    assert heard.values == []


# -- B25: paths


@pytest.mark.parametrize(
    "write, heard_values",
    [
        (lambda state: setattr(state, "topic", "a"), {"topic": ["a"]}),
        (lambda state: state.set("topic", "a"), {"topic": ["a"]}),
        (lambda state: state.set("topic", "a", emit=False), {}),
        (lambda state: state.append("seen", 1), {"seen": [[1]]}),
        (lambda state: state.append("seen", 1, emit=False), {}),
        (lambda state: state.delete("topic"), {"topic": [""]}),
        (lambda state: state.delete("topic", emit=False), {}),
        (lambda state: setattr(state, "request", Request("a")), {"request": [Request("a")]}),
        (lambda state: state.set("request", {"topic": "a"}), {"request": [Request("a")]}),
    ],
    ids=["attribute", "set", "set silent", "append", "append silent", "delete", "delete silent", "whole", "mapping"],
)  # fmt: skip
def test_b25_a_write_fires_exactly_its_path(write: Any, heard_values: dict[str, list[Any]]) -> None:
    def note(path: str, data: Here) -> None:
        heard.setdefault(path, []).append(data.value)

    heard: dict[str, list[Any]] = {}
    flow = Flow(Plain)
    flow.to(lambda data: write(data.state))
    for path in ("request", "request.topic", "topic", "seen"):
        flow.when({"state": path}).to(partial(note, path))
    run(flow.create_execution().async_start(0))
    assert heard == heard_values


def test_b25_a_nested_path_fires_for_itself_only() -> None:
    whole, part = Heard(), Heard()
    flow = Flow(Plain)

    def write(data: Here) -> None:
        data.state.request = Request()
        data.state.set("request.topic", "a")

    flow.to(write)
    flow.when({"state": "request"}).to(whole)
    flow.when({"state": "request.topic"}).to(part)
    run(flow.create_execution().async_start(0))
    assert (len(whole.values), part.values) == (1, ["a"])


def test_b25_a_flow_state_path_fires_in_the_execution_that_wrote() -> None:
    heard: list[tuple[str, int]] = []
    flow = Flow(Plain)

    async def write(data: Here) -> None:
        if data.value:
            data.flow_state.runs = data.value
        await asyncio.sleep(1)

    flow.to(write)
    flow.when({"flow_state": "runs"}).to(lambda data: heard.append((data.execution_id, data.value)))

    async def main() -> None:
        writer, other = flow.create_execution(execution_id="writer"), flow.create_execution()
        await asyncio.gather(writer.async_start(5), other.async_start(0))

    run(main())
    assert heard == [("writer", 5)]


def test_b25_a_layer_of_another_execution_fires_nothing() -> None:
    heard = Heard()
    flow = Flow(Plain)
    states: list[Any] = []

    def write(data: Here) -> None:
        states[0].topic = "theirs"
        data.state.topic = "mine"

    flow.to(write)
    flow.when({"state": "topic"}).to(heard)
    states.append(flow.create_execution().state)
    run(flow.create_execution().async_start(0))
    assert heard.values == ["mine"]


# -- B26


@pytest.mark.parametrize("style", [as_sync, as_async], ids=["sync", "async"])
def test_b26_collect_joins_branches_that_hang_on_two_events(style: Style) -> None:
    heard = Heard()
    flow = Flow(Plain)
    flow.to(style(emitting(("rung", 1), ("knocked", 2), ("rung", 3), ("knocked", 4))))
    flow.when("rung").to(style(double)).collect("both", "r")
    flow.when("knocked").to(style(passing)).collect("both", "k").to(heard)
    run(flow.create_execution(concurrency=1).async_start(0))
    assert heard.values == [{"r": 2, "k": 2}, {"r": 6, "k": 4}]


def test_b26_filled_and_update_fires_with_each_new_value() -> None:
    heard = Heard()
    flow = Flow(Plain)
    flow.to(emitting(("rung", 1), ("knocked", 2), ("rung", 3)))
    flow.when("rung").collect("both", "r", mode="filled_and_update")
    flow.when("knocked").collect("both", "k", mode="filled_and_update").to(heard)
    run(flow.create_execution().async_start(0))
    assert heard.values == [{"r": 1, "k": 2}, {"r": 3, "k": 2}]


# -- B28


@both
@pytest.mark.parametrize(
    "name, payload, text",
    [
        ("rang", 1, "TF501: contract 'Plain' declares no event 'rang' (did you mean 'rung'?)"),
        ("rung", "x", "TF502: event 'rung' carries int, not 'x' (str) (emit it with a value of int)"),
    ],
)
def test_b28_an_event_that_breaks_the_contract_is_an_error(style: Style, name: str, payload: Any, text: str) -> None:
    flow = Flow(Plain)
    flow.to(style(emitting((name, payload))))
    execution = flow.create_execution()
    with pytest.raises(ContractError) as failure:
        run(execution.async_start(0))
    assert str(failure.value) == text
    assert execution.status is Status.FAILED


def test_b28_a_nested_payload_is_checked_to_its_depth() -> None:
    class Deep(Contract):
        input: int
        result: None
        events: DeepEvents

    flow = Flow(Deep)
    flow.to(lambda data: data.emit("came", [1, "2"]))
    with pytest.raises(ContractError, match=r"TF502: event 'came' .* '\[1\]' in it is int, not '2'"):
        run(flow.create_execution().async_start(0))


def test_b28_a_contract_without_events_takes_none() -> None:
    class Quiet(Contract):
        input: int
        result: None

    flow = Flow(Quiet)
    flow.to(lambda data: data.emit("rung", 1))
    with pytest.raises(ContractError, match="TF503: contract 'Quiet' declares no events"):
        run(flow.create_execution().async_start(0))


# -- from outside


def listening() -> tuple[Flow[Plain], Heard]:
    heard = Heard()
    flow = Flow(Plain)
    flow.to(lambda data: asyncio.sleep(5), name="work")
    flow.when("rung").to(heard)
    return flow, heard


def test_an_event_from_outside_starts_its_chain_while_others_run() -> None:
    flow, heard = listening()

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(0))
        await asyncio.sleep(1)
        execution.emit("rung", 1)
        await asyncio.sleep(1)
        assert heard.values == [1]
        await running

    run(main())


def test_an_event_from_outside_waits_for_a_free_place() -> None:
    flow, heard = listening()

    async def main() -> None:
        execution = flow.create_execution(concurrency=1)
        running = asyncio.create_task(execution.async_start(0))
        await asyncio.sleep(1)
        execution.emit("rung", 1)
        await asyncio.sleep(1)
        assert heard.values == []
        await running
        assert heard.values == [1]

    run(main())


def test_an_event_before_the_start_is_kept_for_it() -> None:
    flow, heard = listening()
    execution = flow.create_execution()
    execution.emit("rung", 1)
    execution.emit("rung", 2)
    assert heard.values == []
    run(execution.async_start(0))
    assert heard.values == [1, 2]


def test_an_event_from_a_handler_of_the_running_execution_itself() -> None:
    """The execution may emit in the middle of its own step: the listeners start at once."""
    heard = Heard()
    flow = Flow(Plain)
    executions: list[Any] = []
    flow.to(lambda data: executions[0].emit("rung", 1))
    flow.when("rung").to(heard)
    executions.append(flow.create_execution())
    run(executions[0].async_start(0))
    assert heard.values == [1]


@pytest.mark.parametrize("end", ["completed", "cancelled"])
def test_an_event_after_the_end_is_refused(end: str) -> None:
    flow, heard = listening()
    execution = flow.create_execution()
    run(execution.async_start(0) if end == "completed" else execution.async_cancel())
    with pytest.raises(FinishedError, match=f"TF803: .*the execution is {end}: emit can have no effect"):
        execution.emit("rung", 1)
    assert heard.values == []


def test_an_event_for_a_failed_execution_waits_for_its_retry() -> None:
    heard = Heard()
    tries: list[int] = []
    flow = Flow(Plain)

    def work(data: Here) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("boom")

    flow.to(work)
    flow.when("rung").to(heard)
    execution = flow.create_execution()
    with pytest.raises(ValueError, match="boom"):
        run(execution.async_start(0))
    execution.emit("rung", 1)
    assert heard.values == []
    assert run(execution.async_retry()) is Status.COMPLETED
    assert heard.values == [1]


def test_a_wrong_event_from_outside_changes_nothing() -> None:
    flow, _ = listening()
    execution = flow.create_execution()
    with pytest.raises(ContractError, match="TF502"):
        execution.emit("rung", "x")
    assert run(execution.async_start(0)) is Status.COMPLETED


def test_an_event_from_outside_that_a_listener_cannot_take_fails_the_run() -> None:
    """The emitter is told, and so is who awaits the run."""
    flow = Flow(Loose)
    flow.to(lambda data: asyncio.sleep(5), name="work")
    flow.when("came").for_each().to(lambda data: data.value).end_for_each()

    async def main() -> None:
        execution = flow.create_execution()
        running = asyncio.create_task(execution.async_start(0))
        await asyncio.sleep(1)
        with pytest.raises(ContractError, match="TF709"):
            execution.emit("came", 1)
        with pytest.raises(ContractError, match="TF709"):
            await running
        assert execution.status is Status.FAILED

    run(main())


def test_an_event_before_the_start_that_a_listener_cannot_take() -> None:
    """The emitter is told at once, and the run is none the worse for it."""
    flow = Flow(Loose)
    flow.to(lambda data: None)
    flow.when("came").for_each().to(lambda data: data.value).end_for_each()
    execution = flow.create_execution()
    with pytest.raises(ContractError, match="TF709"):
        execution.emit("came", 1)
    assert execution.status is Status.CREATED
    assert run(execution.async_start(0)) is Status.COMPLETED
    assert execution.errors == ()


def test_a_typed_event_reaches_a_typed_handler() -> None:
    def take(data: Data[Plain, int]) -> None:
        got.append(data.value)

    got: list[int] = []
    flow = Flow(Plain)
    flow.to(emitting(("rung", True)))
    flow.when("rung").to(take)
    run(flow.create_execution().async_start(0))
    assert got == [1]
    assert type(got[0]) is int


@pytest.mark.parametrize("concurrency", [None, 1, 2])
@pytest.mark.parametrize("length", range(4))
def test_an_event_from_outside_is_heard_or_refused_at_every_turn_of_the_loop(
    concurrency: int | None, length: int
) -> None:
    async def turns(data: Here) -> None:
        for _ in range(length):
            await asyncio.sleep(0)

    async def main(after: int) -> bool:
        heard = Heard()
        flow = Flow(Plain)
        flow.batch().branch(turns).branch(turns, name="other").end_batch().to(turns)
        flow.when("rung").to(as_async(heard))
        execution = flow.create_execution(concurrency=concurrency)
        running = asyncio.create_task(execution.async_start(0))
        for _ in range(after):
            await asyncio.sleep(0)
        accepted = [7]
        try:
            execution.emit("rung", 7)
        except FinishedError:
            accepted = []
        assert await running is Status.COMPLETED
        assert heard.values == accepted
        return bool(accepted)

    after = 0
    while run(main(after)):
        after += 1
    assert after >= 1
