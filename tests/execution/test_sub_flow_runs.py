"""B35, B41 and B42 for child flows: where they may stand, how they fail, end, stream, and how deep they may go."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tests.execution.chains import BOTH_FORMS, Form, chain, untyped
from tests.execution.running import Gauge, now, outcome, run
from typedflow import (
    Contract,
    ContractError,
    Data,
    ExecutionError,
    Flow,
    FlowState,
    NoResultError,
    ResourceError,
    Resources,
    State,
    Status,
)


class Notes(State):
    seen: list[int] = []
    count: int = 0


class Tally(FlowState):
    calls: int = 0


class Tools(Resources):
    tool: object | None = None


class Numbers(Contract):
    input: int
    result: Any
    state: Notes
    flow_state: Tally
    resources: Tools
    stream: str


class Step(Contract):
    input: int
    result: int
    state: Notes
    flow_state: Tally
    stream: str


def increment(data: Data[Any, int]) -> int:
    return data.value + 1


def double(data: Data[Any, int]) -> int:
    return data.value * 2


def three(data: Data[Any, int]) -> list[int]:
    return [data.value, data.value + 1, data.value + 2]


def show(data: Data[Any, Any]) -> Any:
    return data.value


def holding(gauge: Gauge, name: str, seconds: float = 1) -> Any:
    """Return a step of a child that is inside of the gauge for a while."""

    async def handler(data: Data[Any, int]) -> int:
        await gauge.hold(seconds)
        gauge.log.append(name)
        return data.value

    return handler


def around(child: Any, **mappings: Any) -> Flow[Any]:
    flow: Flow[Any] = Flow(Numbers)
    flow.to_sub_flow(child, **mappings).end()
    return flow


# -- B41: refused at definition


def test_b41_all_problems_of_all_children_are_reported_at_once() -> None:
    flow: Flow[Any] = Flow(Numbers)
    first: Any = flow.to_sub_flow(chain(Step, increment, name="one"), capture={"input": "valeu"})
    first.to_sub_flow(
        chain(Step, increment, name="two"),
        capture={"input": "value", "state": {"cuont": "state.count"}},
        write_back={"state": {"seen": "result"}, "resources": {"tool": "result"}},
    ).end()
    with pytest.raises(ContractError) as caught:
        flow.validate()
    assert [(problem.number, problem.side, problem.entry) for problem in caught.value.problems] == [
        ("TF301", "value", ("input",)),
        ("TF304", "key", ("state", "cuont")),
        ("TF410", "key", ("resources",)),
        ("TF406", "value", ("state", "seen")),
    ]
    assert caught.value.problems[0].where == "step 'one' of flow 'Numbers', capture[\"input\"] = \"valeu\""
    with pytest.raises(ContractError):
        flow.create_execution()


@pytest.mark.parametrize("mapping", [
    {"input": {"topic": "resources.tool"}},
    {"input": "resources.tool"},
    {"state": {"count": "resources.tool"}},
    {"flow_state": {"calls": "resources.tool"}},
])  # fmt: skip
def test_b41_resources_never_become_data(mapping: Any) -> None:
    with pytest.raises(ContractError, match="TF302"):
        around(chain(Step, increment), capture={"input": "value"} | mapping).validate()


def test_b41_a_child_with_problems_of_its_own_fails_each_time() -> None:
    broken: Flow[Any] = Flow(Step, name="broken")
    untyped(broken.to(increment)).for_each()
    flow = around(broken)
    for _ in range(2):
        with pytest.raises(ContractError, match="flow 'broken'"):
            flow.create_execution()


def test_b41_a_mapping_is_taken_as_it_is_when_the_child_is_added() -> None:
    capture: Any = {"input": "value", "state": {"count": "value"}}
    flow = around(chain(Step, increment), capture=capture)
    capture["state"]["nope"] = "value"
    capture["nope"] = "value"
    flow.validate()


@pytest.mark.parametrize("add", [
    lambda child: Flow(Numbers).to_sub_flow(child),
    lambda child: untyped(Flow(Numbers).to(increment)).to_sub_flow(child, capture={}),
])  # fmt: skip
def test_b41_a_child_that_is_no_flow_is_refused_where_it_is_added(add: Any) -> None:
    with pytest.raises(ContractError, match="TF717: a child flow is a Flow, not 5"):
        add(5)


def test_b41_a_resource_of_the_wrong_class_is_refused_before_a_handler_of_the_child() -> None:
    class Loose(Resources):
        tool: Any

    class Parent(Contract):
        input: int
        result: Any
        resources: Loose

    class Strict(Resources):
        tool: int

    class Child(Contract):
        input: int
        result: int
        resources: Strict

    calls: list[int] = []
    flow: Flow[Any] = Flow(Parent)
    child = chain(Child, lambda data: calls.append(data.value))
    flow.to_sub_flow(child, capture={"input": "value", "resources": {"tool": "resources.tool"}}).end()
    with pytest.raises(ResourceError, match="TF103"):
        flow.start(1, runtime_resources={"tool": "no int"})
    assert calls == []


# -- B42: failures


class Oops(Exception):
    pass


@BOTH_FORMS
async def test_b42_a_childs_exception_is_the_parents(form: Form) -> None:
    def fail(data: Data[Any, int]) -> int:
        raise Oops(data.value)

    inner = around(chain(Step, form(fail), name="inner"))
    execution = around(inner).create_execution(execution_id="e")
    with pytest.raises(Oops) as caught:
        await execution.async_start(1)
    assert execution.status is Status.FAILED
    assert execution.errors == (caught.value,)
    assert len(caught.value.__notes__) == 1
    assert caught.value.__notes__[0].startswith("in step 'fail' of flow 'inner', execution 'e.")


@BOTH_FORMS
async def test_b42_a_retry_goes_on_inside_of_the_child(form: Form) -> None:
    log: list[str] = []
    fails = [True]

    def first(data: Data[Step, int]) -> int:
        log.append("first")
        data.state.count = 5
        return data.value

    def second(data: Data[Step, int]) -> int:
        log.append("second")
        if fails.pop():
            raise Oops
        return data.value + data.state.count

    def before(data: Data[Numbers, int]) -> int:
        log.append("before")
        return data.value

    flow: Flow[Any] = Flow(Numbers)
    child = chain(Step, form(first), form(second))
    flow.to(form(before)).to_sub_flow(child, write_back={"state": {"count": "result"}}).end()
    execution = flow.create_execution()
    fails.append(False)
    fails.reverse()
    with pytest.raises(Oops):
        await execution.async_start(1)
    assert execution.state.count == 0
    assert await execution.async_retry() is Status.COMPLETED
    assert execution.state.count == 6
    assert log == ["before", "first", "second", "second"]


async def test_b42_a_retry_takes_the_result_again_where_the_write_back_failed() -> None:
    class Keyed(Contract):
        input: int
        result: dict[str, int]

    found: dict[str, int] = {}
    calls: list[int] = []

    def give(data: Data[Keyed, int]) -> dict[str, int]:
        calls.append(data.value)
        return found

    flow: Flow[Any] = Flow(Numbers)
    flow.to_sub_flow(chain(Keyed, give), write_back={"state": {"count": "result.n"}}).end()
    execution = flow.create_execution(execution_id="e")
    with pytest.raises(ContractError, match="TF417") as caught:
        await execution.async_start(1)
    assert caught.value.__notes__ == ["in step 'Keyed' of flow 'Numbers', execution 'e'"]
    with pytest.raises(ContractError, match="TF417"):
        await execution.async_retry()
    found["n"] = 3
    assert await execution.async_retry() is Status.COMPLETED
    assert (execution.state.count, calls) == (3, [1])


async def test_b42_a_retry_enters_a_child_that_could_not_be_entered() -> None:
    class Needs(Resources):
        tool: object

    class Needy(Contract):
        input: int
        result: int
        resources: Needs

    calls: list[int] = []

    def work(data: Data[Needy, int]) -> int:
        calls.append(data.value)
        return data.value

    child = chain(Needy, work, name="needy")
    child.update_runtime_resources(tool=object())
    flow = Flow(Numbers)
    flow.to(increment).to_sub_flow(child).end()
    execution = flow.create_execution()
    child.del_runtime_resource("tool")
    with pytest.raises(ResourceError) as caught:
        await execution.async_start(1)
    assert caught.value.missing == ("tool",)
    assert "resource 'tool', declared as object, is missing" in str(caught.value)
    assert calls == []
    child.update_runtime_resources(tool=object())
    assert await execution.async_retry() is Status.COMPLETED
    assert calls == [2]


async def test_b42_a_failing_child_stops_its_siblings() -> None:
    log: list[Any] = []

    async def work(data: Data[Any, int]) -> int:
        try:
            await asyncio.sleep(0 if data.value == 2 else 60)
        except asyncio.CancelledError:
            log.append(("cancelled", data.value))
            raise
        raise Oops

    flow: Flow[Any] = Flow(Numbers)
    child = chain(Step, work)
    flow.to(three).for_each().to_sub_flow(child).end_for_each().end()
    execution = flow.create_execution()
    with pytest.raises(Oops):
        await execution.async_start(1)
    assert sorted(log) == [("cancelled", 1), ("cancelled", 3)]


async def test_b42_a_child_without_a_result_is_an_error_that_names_it() -> None:
    child: Flow[Any] = Flow(Step, name="child")
    child.to(increment)
    execution = around(child).create_execution()
    with pytest.raises(NoResultError, match="flow 'child'"):
        await execution.async_start(1)
    assert execution.status is Status.FAILED


# -- B42: places


@BOTH_FORMS
def test_b42_in_two_places(form: Form) -> None:
    child = chain(Step, form(increment))
    flow: Flow[Any] = Flow(Numbers)
    flow.to_sub_flow(child).to(form(double)).to_sub_flow(child).end()
    assert flow.start(1) == 5


def test_b42_in_two_flows_at_once() -> None:
    async def main() -> tuple[Any, ...]:
        child = chain(Step, increment)
        runs = around(child).async_start(1), around(child).async_start(2), child.async_start(3)
        return tuple(await asyncio.gather(*runs))

    assert run(main()) == (2, 3, 4)


@BOTH_FORMS
def test_b42_inside_for_each(form: Form) -> None:
    flow: Flow[Any] = Flow(Numbers)
    flow.to(form(three)).for_each().to_sub_flow(chain(Step, form(double))).end_for_each().end()
    assert flow.start(1) == [2, 4, 6]


@BOTH_FORMS
def test_b42_first_in_a_branch(form: Form) -> None:
    flow: Flow[Any] = Flow(Numbers)
    (
        flow.to(form(increment))
        .if_condition(form(lambda data: data.value > 5))
        .to_sub_flow(chain(Step, form(double)))
        .else_condition()
        .to_sub_flow(chain(Step, form(increment)))
        .end_condition()
        .end()
    )
    assert (flow.start(9), flow.start(1)) == (20, 3)


@BOTH_FORMS
def test_b42_in_all_hits_of_a_match(form: Form) -> None:
    flow: Flow[Any] = Flow(Numbers)
    child = chain(Step, form(double))
    flow.match(mode="hit_all").case(1).to_sub_flow(child).case(form(lambda data: True)).to_sub_flow(
        child, capture={"input": "value"}
    ).end_match().end()
    assert flow.start(1) == [2, 2]


@BOTH_FORMS
def test_b42_as_branches_of_a_batch(form: Form) -> None:
    child = chain(Step, form(double), name="child")
    flow: Flow[Any] = Flow(Numbers)
    flow.batch().branch(child).branch(form(increment)).branch(child, name="again").end_batch().end()
    assert flow.start(3) == (6, 4, 6)


@BOTH_FORMS
def test_b42_behind_a_listener(form: Form) -> None:
    flow: Flow[Any] = Flow(Numbers)

    def write(data: Data[Numbers, int]) -> int:
        data.state.count = data.value
        return data.value

    flow.to(form(write))
    flow.when({"state": "count"}).to_sub_flow(chain(Step, form(double))).end()
    assert flow.start(4) == 8


class Part(msgspec.Struct):
    marks: list[float] = []
    count: int = 0


class Shelf(State):
    part: Part = msgspec.field(default_factory=Part)
    parts: dict[str, Part] = {}


class Shelved(Contract):
    input: int
    result: None
    state: Shelf


@pytest.mark.parametrize("path", ["part.count", "parts.a.count"])
async def test_b40_a_write_back_leaves_what_an_open_step_holds_in_its_place(path: str) -> None:
    """What lies beside the path is the same as before, so that what is changed in it in place is not lost."""
    gate = asyncio.Event()

    async def hold(data: Data[Shelved, int]) -> None:
        part = data.state.part if path == "part.count" else data.state.parts["a"]
        marks = part.marks
        await gate.wait()
        marks.append(2.5)
        part.marks.append(3.5)

    def let_go(data: Data[Shelved, int]) -> None:
        gate.set()

    flow: Any = Flow(Shelved)
    flow.side_branch(hold)
    flow.to_sub_flow(chain(Step, double), write_back={"state": {path: "result"}}).to(let_go)
    execution = flow.create_execution(state={"parts": {"a": {}}})
    await execution.async_start(2)
    part = execution.state.part if path == "part.count" else execution.state.parts["a"]
    assert part == Part([2.5, 3.5], 4)


def test_b42_a_write_back_starts_a_listener_that_goes_on() -> None:
    flow: Flow[Any] = Flow(Numbers)
    flow.to_sub_flow(chain(Step, double), write_back={"state": {"count": "result"}})
    flow.when({"state": "count"}).to(lambda data: ("heard", data.value)).end()
    assert flow.start(4) == ("heard", 8)


# -- B42: recursion


class Countdown(Contract):
    input: int
    result: int
    state: Notes


def recursive(max_depth: int | None = None) -> Flow[Any]:
    flow: Flow[Any] = Flow(Countdown, name="count") if max_depth is None else Flow(Countdown, max_depth=max_depth)
    down: Any = flow.if_condition(lambda data: data.value == 0).else_condition()
    down.to(lambda data: data.value - 1).to_sub_flow(flow).to(lambda data: data.value + 1).end_condition().end()
    return flow


@pytest.mark.parametrize("max_depth", [None, 3])
def test_b42_a_flow_may_be_its_own_child_to_its_depth(max_depth: int | None) -> None:
    flow = recursive(max_depth)
    deepest = max_depth or 64
    assert flow.start(deepest) == deepest
    with pytest.raises(ExecutionError) as caught:
        flow.start(deepest + 1)
    assert caught.value.code == "TF814"
    assert str(deepest) in str(caught.value)
    assert flow.start(2) == 2, "the next run is not the worse for it"


def test_b42_two_flows_may_be_each_others_children() -> None:
    ping: Flow[Any] = Flow(Countdown, name="ping", max_depth=10)
    pong: Flow[Any] = Flow(Countdown, name="pong", max_depth=1)
    for one, other in ((ping, pong), (pong, ping)):
        down: Any = one.if_condition(lambda data: data.value == 0).else_condition()
        down.to(lambda data: data.value - 1).to_sub_flow(other).to(lambda data: data.value + 1).end_condition().end()
    assert ping.start(10) == 10
    with pytest.raises(ExecutionError, match="'ping'"):
        ping.start(11)
    with pytest.raises(ExecutionError, match="'pong'"):
        pong.start(2)


# -- concurrency, timeouts, cancellation


@pytest.mark.parametrize("limit, most, seconds", [(None, 6, 1), (1, 1, 6), (2, 2, 3)])
def test_children_draw_on_the_roots_concurrency(limit: int | None, most: int, seconds: int) -> None:
    gauge = Gauge()
    child: Flow[Any] = Flow(Step)
    child.batch().branch(holding(gauge, "a"), name="a").branch(holding(gauge, "b"), name="b").end_batch().to(
        lambda data: 1
    ).end()
    flow: Flow[Any] = Flow(Numbers)
    flow.to(three).for_each().to_sub_flow(child).end_for_each().end()

    async def main() -> tuple[Any, float]:
        result = await flow.async_start(1, concurrency=limit)
        return result, now()

    assert run(main()) == ([1, 1, 1], seconds)
    assert gauge.most == most


def test_the_bound_of_a_for_each_counts_whole_children() -> None:
    gauge = Gauge()
    child = chain(Step, holding(gauge, "a"), holding(gauge, "b"))
    flow: Flow[Any] = Flow(Numbers)
    flow.to(three).for_each(concurrency=1).to_sub_flow(child).end_for_each().end()
    assert outcome(flow, 1) == [1, 2, 3]
    assert gauge.log == ["a", "b"] * 3


def test_a_cancelled_parent_cancels_its_child() -> None:
    gauge = Gauge()

    async def main() -> tuple[Any, ...]:
        entered = asyncio.Event()

        def enter(data: Data[Any, int]) -> int:
            entered.set()
            return data.value

        execution = around(around(chain(Step, enter, holding(gauge, "slow", 60)))).create_execution()
        running = asyncio.create_task(execution.async_start(1))
        await entered.wait()
        status = await execution.async_cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return status, execution.status, gauge.inside, gauge.log, now()

    assert run(main()) == (Status.CANCELLED, Status.CANCELLED, 0, [], 0)


def test_a_timeout_bounds_the_child_and_a_retry_goes_on_in_it() -> None:
    waits = [0.0, 60.0]
    log: list[str] = []

    async def slow(data: Data[Any, int]) -> int:
        log.append("slow")
        await asyncio.sleep(waits.pop())
        return data.value

    def first(data: Data[Any, int]) -> int:
        log.append("first")
        return data.value

    async def main() -> tuple[Any, ...]:
        execution = around(chain(Step, first, slow)).create_execution()
        with pytest.raises(TimeoutError):
            await execution.async_start(1, timeout=2)
        late = now()
        return late, await execution.async_retry(), execution.result

    assert run(main()) == (2, Status.COMPLETED, 1)
    assert log == ["first", "slow", "slow"]


# -- B35: streams


@BOTH_FORMS
async def test_b35_a_stream_gives_the_items_of_parent_and_child_in_order(form: Form) -> None:
    def put(name: str) -> Any:
        def handler(data: Data[Any, Any]) -> Any:
            data.put(f"{name} {data.value}")
            return data.value

        return form(handler)

    flow: Flow[Any] = Flow(Numbers)
    child = chain(Step, put("child 1"), put("child 2"))
    inner = chain(Step, put("inner"))
    wrapped: Flow[Any] = Flow(Step)
    wrapped.to(put("outer")).to_sub_flow(inner).to(put("outer again")).end()
    flow.to(put("before")).to_sub_flow(child).to_sub_flow(wrapped).to(put("after")).end()
    items = [item async for item in flow.create_execution().stream(7)]
    assert items == [
        "before 7",
        "child 1 7",
        "child 2 7",
        "outer 7",
        "inner 7",
        "outer again 7",
        "after 7",
    ]


async def test_b35_a_stream_ends_with_the_failure_of_a_child() -> None:
    def put_and_fail(data: Data[Any, int]) -> int:
        data.put("last")
        raise Oops

    stream = around(chain(Step, put_and_fail)).create_execution().stream(1)
    assert await anext(stream) == "last"
    with pytest.raises(Oops):
        await anext(stream)


async def test_b35_a_parent_without_a_stream_drops_what_the_child_puts() -> None:
    class Quiet(Contract):
        input: int
        result: Any

    def put(data: Data[Any, int]) -> int:
        data.put("dropped")
        return data.value

    flow: Flow[Any] = Flow(Quiet)
    flow.to_sub_flow(chain(Step, put)).end()
    assert await flow.async_start(1) == 1


async def test_b35_an_item_that_the_parents_stream_does_not_carry_is_an_error_in_the_child() -> None:
    class Loud(Contract):
        input: int
        result: int
        stream: Any

    def put(data: Data[Any, int]) -> int:
        data.put(3)
        return data.value

    with pytest.raises(ContractError) as caught:
        await around(chain(Loud, put)).async_start(1)
    assert caught.value.code == "TF805"


# -- identity


def test_keys_are_unique_over_places_items_and_levels_and_the_same_over_runs() -> None:
    def keys() -> list[str]:
        found: list[str] = []

        def note(data: Data[Any, int]) -> int:
            found.append(data.key)
            return data.value

        child = chain(Step, note, note, name="child")
        flow: Flow[Any] = Flow(Numbers)
        each: Any = flow.to(note).to(three).for_each().to_sub_flow(child).to_sub_flow(around(child)).end_for_each()
        each.to(show).end()
        flow.create_execution(execution_id="e").start(1)
        return found

    first = keys()
    assert len(first) == len(set(first)) == 13
    assert first == keys()


def test_a_retried_step_in_a_child_keeps_its_key() -> None:
    found: list[tuple[str, int]] = []

    def note(data: Data[Any, int]) -> int:
        found.append((data.key, data.attempt))
        if len(found) == 1:
            raise Oops
        return data.value

    async def main() -> None:
        execution = around(chain(Step, note)).create_execution()
        with pytest.raises(Oops):
            await execution.async_start(1)
        await execution.async_retry()

    run(main())
    (key, first), (again, second) = found
    assert key == again
    assert (first, second) == (1, 2)


def test_a_child_has_an_id_of_its_own() -> None:
    ids: list[str] = []

    def note(data: Data[Any, int]) -> int:
        ids.append(data.execution_id)
        return data.value

    flow: Flow[Any] = Flow(Numbers)
    flow.to(note).to_sub_flow(chain(Step, note)).to_sub_flow(chain(Step, note)).end()
    flow.create_execution(execution_id="root").start(1)
    assert ids[0] == "root"
    assert len(set(ids)) == 3


# -- what is left behind


async def test_a_finished_child_is_forgotten() -> None:
    execution = around(chain(Step, increment)).create_execution()
    await execution.async_start(1)
    assert not execution._runtime.children


def test_a_child_restores_the_step_in_progress_of_its_parent() -> None:
    """A handler behind a child is known as itself in messages."""

    def wrong(data: Data[Numbers, int]) -> int:
        data.state.count = untyped("no number")
        return data.value

    flow: Flow[Any] = Flow(Numbers)
    flow.to_sub_flow(chain(Step, increment)).to(wrong).end()
    with pytest.raises(ContractError, match="step 'wrong' of flow 'Numbers'"):
        flow.start(1)


# -- pauses in children: the rest is B43


@BOTH_FORMS
async def test_b43_a_child_that_pauses_makes_its_parent_wait_and_its_flow_state_is_restored(form: Form) -> None:
    def count(data: Data[Step, int]) -> int:
        data.flow_state.calls += 5
        return data.value

    def ask(data: Data[Step, int]) -> int:
        data.pause_for("how many?", interrupt_id="q")

    def add(data: Data[Step, int]) -> int:
        return data.value + data.flow_state.calls

    def build() -> Flow[Any]:
        child = chain(Step, form(count), form(ask), form(add), name="child")
        flow: Flow[Any] = Flow(Numbers)
        flow.to_sub_flow(
            child,
            capture={"input": "value", "flow_state": {"calls": "value"}},
            write_back={"state": {"count": "result"}},
        ).end()
        return flow

    execution = build().create_execution()
    assert await execution.async_start(1) is Status.WAITING
    assert list(execution.interrupts) == ["q"]
    assert execution.state.count == 0
    loaded = build().create_execution().load(execution.save().to_json())
    for each in (execution, loaded):
        assert await each.async_continue_with("q", 10) is Status.COMPLETED
        assert (each.result, each.state.count) == (1, 16)
