"""B17, B46, B47: what a load takes, what it refuses with nothing changed, and what it leaves to the caller."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.execution.pausing import (
    CASES,
    Leaf,
    Reply,
    Talk,
    Tally,
    ask,
    begin,
    chain,
    child_in_child,
    document,
    finish,
    increment,
    show,
    taken,
)
from typedflow import (
    Contract,
    Data,
    FinishedError,
    Flow,
    InterruptError,
    NoResultError,
    ResourceError,
    Resources,
    SnapshotError,
    Status,
)

# -- what is no snapshot of this flow


async def _text() -> str:
    return (await begin(CASES["chain"])).save().to_json()


def _edited(text: str, **changes: Any) -> Any:
    return {**json.loads(text), **changes}


BAD: dict[str, Callable[[str], Any]] = {
    "None": lambda text: None,
    "a number": lambda text: 5,
    "a list": lambda text: "[1,2]",
    "broken text": lambda text: text[:-20],
    "no text": lambda text: "",
    "more behind it": lambda text: text + "x",
    "one letter less": lambda text: text.replace('"ask', '"as', 1),
    "another flow": lambda text: _edited(text, flow="Other"),
    "another contract": lambda text: _edited(text, contract="Other"),
    "another format": lambda text: _edited(text, format=99),
    "another state": lambda text: _edited(text, state={"note": 5}),
    "an unknown field": lambda text: _edited(text, more=1),
    "no status": lambda text: {key: value for key, value in json.loads(text).items() if key != "status"},
    "a folder": lambda text: Path("/"),
    "no file": lambda text: Path("/no/such/file"),
    "a thousand brackets": lambda text: "[" * 100_000,
    "other bytes": lambda text: b"\xff\xfe",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_b46_a_bad_source_is_an_error_and_changes_nothing(bad: Callable[[str], Any]) -> None:
    flow = chain()
    execution = flow.create_execution(state={"note": "mine"}, execution_id="mine")
    before = document(execution)
    with pytest.raises(SnapshotError):
        execution.load(bad(await _text()), runtime_resources={"voice": 1})
    assert document(execution) == before
    assert (execution.id, execution.status, execution.get_runtime_resource("voice")) == ("mine", Status.CREATED, None)
    assert flow.flow_state == Tally()
    assert execution.load(await _text()).status is Status.WAITING


def _with(snapshot: Any, **changes: Any) -> Any:
    """Return a snapshot that says something else, and is sound as a document."""
    for name, value in changes.items():
        setattr(snapshot, name, value)
    return snapshot


@pytest.mark.parametrize(
    "name, status",
    [
        ("chain", Status.COMPLETED),
        ("chain", Status.CANCELLED),
        ("chain", Status.CREATED),
        ("child in child", Status.CANCELLED),
    ],
)
async def test_b50_a_status_goes_with_what_is_in_flight(name: str, status: Status) -> None:
    snapshot = _with((await begin(CASES[name])).save(), status=status)
    execution = CASES[name].build().create_execution()
    with pytest.raises(SnapshotError, match="does not go with what is in flight") as refused:
        execution.load(snapshot)
    assert (refused.value.path, refused.value.code) == ("status", "TF913")
    assert execution.status is Status.CREATED


async def test_b50_what_has_a_result_was_started() -> None:
    snapshot = _with((await finish(await begin(CASES["chain"]), CASES["chain"])).save(), status=Status.CREATED)
    with pytest.raises(SnapshotError, match="'created' does not go with what is in flight"):
        chain().create_execution().load(snapshot)


async def test_b50_a_waiting_execution_waits_for_something() -> None:
    snapshot = _with((await begin(CASES["chain"])).save(), interrupts=[])
    with pytest.raises(SnapshotError, match="'waiting' does not go with"):
        chain().create_execution().load(snapshot)


async def test_b50_a_layer_that_the_contract_declares_is_there() -> None:
    done = await finish(await begin(CASES["chain"]), CASES["chain"])
    snapshot = done.save()
    with pytest.raises(SnapshotError, match="'state' of the snapshot leads nowhere"):
        chain().create_execution().load(_with(snapshot, state=msgspec.UNSET, state_mark=msgspec.UNSET))
    child = (await begin(CASES["child in child"])).save()
    _with(child.children[0].children[0], flow_state=msgspec.UNSET)
    with pytest.raises(SnapshotError) as refused:
        child_in_child().create_execution().load(child)
    assert refused.value.path == "children[0].children[0].flow_state"


async def test_b50_places_in_children_are_named_from_the_top() -> None:
    snapshot = (await begin(CASES["each in child"])).save()
    inner = snapshot.children[0]
    (join,) = inner.joins
    broken = msgspec.structs.replace(join, node="nowhere")
    _with(inner, joins=[broken])
    with pytest.raises(SnapshotError) as refused:
        CASES["each in child"].build().create_execution().load(snapshot)
    assert refused.value.path.startswith("children[0]")


async def test_b46_an_execution_that_was_started_is_loaded_into_no_more() -> None:
    text = await _text()
    execution = await begin(CASES["chain"])
    before = document(execution)
    with pytest.raises(FinishedError, match="the execution was started already, it is waiting") as refused:
        execution.load(text)
    assert refused.value.code == "TF812"
    assert document(execution) == before
    emitted = CASES["loop"].build().create_execution()
    emitted.emit("rung", 1)
    with pytest.raises(FinishedError):
        emitted.load(text)


async def test_b46_the_size_is_bounded_by_whoever_loads() -> None:
    text = await _text()
    with pytest.raises(SnapshotError, match=f"has at least {len(text)} bytes, at most 100 are read"):
        chain().create_execution().load(text, max_bytes=100)
    assert chain().create_execution().load(text, max_bytes=len(text)).status is Status.WAITING


async def test_b46_a_load_takes_the_saved_id_and_the_saved_state() -> None:
    execution = await begin(CASES["into when and"])
    again = CASES["into when and"].build().create_execution(execution_id="mine", state={"note": "mine"})
    assert again.load(execution.save()) is again
    assert (again.id, again.state.note) == ("case", "noted 1")


async def test_b46_two_loads_of_one_snapshot_share_nothing() -> None:
    case = CASES["child in child"]
    snapshot = (await begin(case)).save()
    first, second = (case.build().create_execution().load(snapshot) for _ in range(2))
    first.state.note = "mine"
    await finish(first, case)
    assert second.status is Status.WAITING
    assert (second.state.note, second.state.total) == ("noted 1", 0)
    await finish(second, case)
    assert second.result == case.result


@pytest.mark.parametrize("name", ["chain", "each in child", "collect in each"])
async def test_b47_a_finished_execution_loads_as_finished_and_nothing_runs(name: str) -> None:
    case = CASES[name]
    done = await finish(await begin(case), case)
    steps: list[str] = []
    taken.set(lambda data: steps.append(data.step))
    again = case.build().create_execution().load(done.save().to_json())
    assert (again.status, again.result, dict(again.interrupts)) == (Status.COMPLETED, case.result, {})
    with pytest.raises(FinishedError):
        await again.async_start(1)
    with pytest.raises(FinishedError):
        await again.async_retry()
    with pytest.raises((FinishedError, InterruptError)):
        await again.async_continue_with("ask", 1)
    with pytest.raises(FinishedError):
        again.emit("rung", 1)
    assert steps == []


async def test_b47_a_result_comes_back_as_its_type() -> None:
    class Answered(Contract):
        input: int
        result: Reply

    def reply(data: Data[Answered, int]) -> Reply:
        return Reply("a", data.value)

    flow: Any = Flow(Answered)
    flow.to(reply).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    assert flow.create_execution().load(execution.save()).result == Reply("a", 1)


async def test_b47_a_finished_execution_without_a_result_still_names_what_was_not_filled() -> None:
    flow: Any = Flow(Talk)
    flow.to(increment).collect("both", "here")
    flow.when("rung").collect("both", "never").to(show).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    again = flow.create_execution().load(execution.save())
    with pytest.raises(NoResultError, match=r"^TF802: .*'both' still waits for 'never'"):
        _ = again.result


# -- flow_state


def _counting() -> Any:
    def count(data: Data[Talk, int]) -> int:
        data.update_flow_state(_add)
        return data.value

    flow: Any = Flow(Talk)
    flow.to(count).to(ask).to(show).end()
    return flow


def _add(tally: Tally) -> None:
    tally.answered += 1


async def test_b46_a_flow_that_nobody_has_touched_takes_the_saved_flow_state() -> None:
    execution = _counting().create_execution()
    await execution.async_start(1)
    flow = _counting()
    held = flow.flow_state
    again = flow.create_execution().load(execution.save())
    assert again.flow_state.answered == flow.flow_state.answered == held.answered == 1


async def test_b46_a_live_flow_is_never_rolled_back() -> None:
    flow = _counting()
    execution = flow.create_execution()
    await execution.async_start(1)
    snapshot = execution.save()
    await flow.create_execution().async_start(1)
    flow.create_execution().load(snapshot)
    assert flow.flow_state.answered == 2


async def test_b46_a_flow_that_went_back_to_its_defaults_counts_as_untouched() -> None:
    execution = _counting().create_execution()
    await execution.async_start(1)
    flow = _counting()
    flow.flow_state.answered = 5
    flow.flow_state.answered = 0
    flow.create_execution().load(execution.save())
    assert flow.flow_state.answered == 1


async def test_b46_the_flow_state_of_a_child_is_always_restored() -> None:
    def count(data: Data[Leaf, int]) -> int:
        data.flow_state.answered += 1
        return data.flow_state.answered

    child: Any = Flow(Leaf, name="child")
    child.to(count).to(ask).to(count).end()
    flow: Any = Flow(Talk)
    flow.to_sub_flow(child).to(show).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    child.flow_state.answered = 100
    again = flow.create_execution().load(execution.save())
    (interrupt_id,) = again.interrupts
    await again.async_continue_with(interrupt_id, 1)
    assert again.result == "2"
    assert child.flow_state.answered == 100, "the child flow itself shares nothing with the executions of the parent"


async def test_b46_a_contract_without_the_layer_takes_no_flow_state() -> None:
    class Small(Contract):
        input: int
        result: int

    flow: Any = Flow(Small)
    flow.to(ask).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    snapshot = execution.save()
    assert (snapshot.state, snapshot.flow_state) == (msgspec.UNSET, msgspec.UNSET)
    snapshot.flow_state = msgspec.Raw(b"{}")
    with pytest.raises(SnapshotError) as refused:
        flow.create_execution().load(snapshot)
    assert refused.value.path == "flow_state"


# -- resources


class Tool:
    pass


class Gear(Resources):
    tool: Any
    spare: Tool | None = None


class InnerGear(Resources):
    own: Tool


class Working(Contract):
    input: int
    result: int
    resources: Gear


class InnerWorking(Contract):
    input: int
    result: int
    resources: InnerGear


def _working() -> Any:
    child: Any = Flow(InnerWorking, name="child")
    child.to(ask).to(increment).end()
    flow: Any = Flow(Working)
    flow.to_sub_flow(child, capture={"input": "value", "resources": {"own": "resources.tool"}}).end()
    return flow


async def _worked() -> Any:
    execution = _working().create_execution(runtime_resources={"tool": Tool(), "spare": Tool()})
    await execution.async_start(1)
    return execution.save()


async def test_b17_an_answer_without_a_required_resource_fails_before_any_handler() -> None:
    steps: list[str] = []
    taken.set(lambda data: steps.append(data.step))
    snapshot = await _worked()
    steps.clear()
    execution = _working().create_execution().load(snapshot.to_json())
    (interrupt_id,) = execution.interrupts
    with pytest.raises(ResourceError) as refused:
        await execution.async_continue_with(interrupt_id, 5)
    assert refused.value.missing == ("tool",)
    assert re.search(r"TF\d+: execution '\w+' of flow 'Working': .*'tool'", str(refused.value))
    assert (execution.status, list(execution.interrupts), steps) == (Status.WAITING, [interrupt_id], [])
    execution.update_runtime_resources(tool=Tool())
    assert await execution.async_continue_with(interrupt_id, 5) is Status.COMPLETED
    assert (execution.result, steps) == (6, ["increment"])


async def test_b17_missing_resources_are_the_required_ones_and_those_that_were_at_hand() -> None:
    execution = _working().create_execution().load(await _worked())
    assert execution.missing_resources() == ["own", "spare", "tool"]
    execution.set_runtime_resource("tool", Tool())
    assert execution.missing_resources() == ["spare"]
    execution.set_runtime_resource("spare", Tool())
    assert execution.missing_resources() == []


async def test_b17_saved_keys_are_kept_over_loads_until_the_execution_runs() -> None:
    execution = _working().create_execution().load(await _worked())
    for _ in range(2):
        saved = execution.save()
        assert (saved.resource_keys, saved.children[0].resource_keys) == (["own", "spare", "tool"], ["own"])
        execution = _working().create_execution().load(saved.to_json())
        assert execution.missing_resources() == ["own", "spare", "tool"]
    execution.set_runtime_resource("tool", Tool())
    assert execution.save().resource_keys == ["own", "spare", "tool"]
    (interrupt_id,) = execution.interrupts
    with pytest.raises(InterruptError):
        await execution.async_continue_with(interrupt_id, "no number")
    assert execution.missing_resources() == ["spare"]
    await execution.async_continue_with(interrupt_id, 5)
    assert execution.missing_resources() == []
    assert execution.save().resource_keys == ["tool"]


async def test_b17_the_defaults_of_a_flow_are_at_hand_at_once() -> None:
    flow = _working()
    flow.update_runtime_resources(tool=Tool(), spare=Tool())
    execution = flow.create_execution().load(await _worked())
    assert execution.missing_resources() == []


async def test_b17_children_take_what_they_captured_from_their_parent_again() -> None:
    snapshot = await _worked()
    tool = Tool()
    execution = _working().create_execution().load(snapshot, runtime_resources={"tool": tool})
    (child,) = execution._runtime.children.values()
    assert child.resources.lookup("own") is tool
    other = Tool()
    execution.set_runtime_resource("tool", other)
    (interrupt_id,) = execution.interrupts
    await execution.async_continue_with(interrupt_id, 5)
    assert child.resources.lookup("own") is other


@pytest.mark.parametrize("given", [{"spare": 5}, {"tol": Tool()}, {"tool": 5}], ids=["class", "key", "captured"])
async def test_b17_a_wrong_resource_refuses_the_load_and_changes_nothing(given: dict[str, Any]) -> None:
    snapshot = await _worked()
    kept = Tool()
    execution = _working().create_execution(runtime_resources={"spare": kept}, execution_id="mine")
    before = document(execution)
    with pytest.raises(ResourceError):
        execution.load(snapshot, runtime_resources=given)
    assert document(execution) == before
    assert (execution.id, execution.status) == ("mine", Status.CREATED)
    assert execution.get_runtime_resource("tool") is None
    assert execution.get_runtime_resource("spare") is kept
    assert execution.load(snapshot, runtime_resources={"tool": Tool()}).status is Status.WAITING


async def test_b17_a_retry_without_a_required_resource_fails_before_any_handler() -> None:
    saved: list[Any] = []

    def save(data: Data[Any, Any]) -> None:
        saved.append(execution.save())

    taken.set(save)
    execution = _working().create_execution(runtime_resources={"tool": Tool()})
    await execution.async_start(1)
    steps: list[str] = []
    taken.set(lambda data: steps.append(data.step))
    again = _working().create_execution().load(saved[0])
    with pytest.raises(ResourceError):
        await again.async_retry()
    assert (again.status, steps) == (Status.RUNNING, [])
    again.set_runtime_resource("tool", Tool())
    assert await again.async_retry() is Status.WAITING
