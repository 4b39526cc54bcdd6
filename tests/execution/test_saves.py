"""B16, B51: what a save holds and what it never does, at any time of an execution."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.execution.pausing import (
    CASES,
    Leaf,
    Reply,
    Talk,
    ask,
    begin,
    chain,
    document,
    increment,
    increment_later,
    show,
    taken,
    three,
)
from typedflow import (
    Contract,
    Data,
    ExecutionError,
    FinishedError,
    Flow,
    NoResultError,
    Resources,
    SnapshotError,
    State,
    Status,
)

# -- the document


async def test_b46_each_save_has_the_next_number_and_the_time_in_utc() -> None:
    execution = await begin(CASES["chain"])
    first, second = execution.save(), execution.save()
    assert (first.sequence, second.sequence) == (1, 2)
    assert first.created == second.created <= first.saved <= second.saved
    assert first.created.tzinfo is dt.UTC
    again = chain().create_execution().load(second)
    assert again.save().sequence == 3
    assert again.save().created == first.created


async def test_b46_a_save_names_the_flow_the_contract_and_the_execution() -> None:
    snapshot = (await begin(CASES["child in child"])).save()
    assert (snapshot.flow, snapshot.contract, snapshot.version) == ("Talk", "Talk", 1)
    assert (snapshot.execution_id, snapshot.status) == ("case", Status.WAITING)
    assert [child.flow for child in snapshot.children] == ["inner"]
    assert [child.flow for child in snapshot.children[0].children] == ["leaf"]


async def test_b46_a_file_is_readable_by_its_owner_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    execution = await begin(CASES["chain"])
    for _ in range(2):
        execution.save(tmp_path / "saved")
    assert os.listdir(tmp_path) == ["saved"]
    assert stat.S_IMODE(os.stat(tmp_path / "saved").st_mode) == 0o600


async def test_b46_a_file_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    execution = await begin(CASES["chain"])
    with pytest.raises(SnapshotError, match="cannot be saved") as refused:
        execution.save(tmp_path / "no" / "folder")
    assert refused.value.path == str(tmp_path / "no" / "folder")
    os.mkdir(tmp_path / "taken")
    with pytest.raises(SnapshotError):
        execution.save(tmp_path / "taken")
    assert os.listdir(tmp_path) == ["taken"]


async def test_b46_a_path_may_be_a_text_for_save(tmp_path: Path) -> None:
    execution = await begin(CASES["chain"])
    execution.save(str(tmp_path / "saved"), "msgpack")
    assert chain().create_execution().load(tmp_path / "saved").id == "case"


# -- what is never in it


CANARY = "canary-5f0c"


class Tool:
    def __repr__(self) -> str:
        return f"<{CANARY}>"

    __str__ = __repr__


class Gear(Resources):
    tool: Tool
    api: Tool
    box: object | None = None


class InnerGear(Resources):
    own: Tool
    spare: Tool | None = None


class Equipped(Contract):
    input: int
    result: int
    resources: Gear


class InnerEquipped(Contract):
    input: int
    result: int
    resources: InnerGear


def _equipped() -> Any:
    child: Any = Flow(InnerEquipped, name="child")
    child.update_runtime_resources(spare=Tool())
    child.to(ask).end()
    flow: Any = Flow(Equipped)
    flow.update_runtime_resources(tool=Tool())
    flow.to(increment).to_sub_flow(
        child, capture={"input": "value", "resources": {"own": "resources.tool"}}, write_back={"value": "result"}
    ).end()
    return flow


async def test_b16_only_the_keys_of_resources_are_saved_sorted_over_all_levels() -> None:
    execution = _equipped().create_execution(runtime_resources={"box": {"a": CANARY}, "api": Tool()})
    await execution.async_start(1)
    snapshot = execution.save()
    assert snapshot.resource_keys == ["api", "box", "own", "spare", "tool"]
    assert snapshot.children[0].resource_keys == ["own", "spare"]


@pytest.mark.parametrize("format", ["json", "msgpack"])
async def test_b16_nothing_of_a_resource_is_in_any_form_of_a_snapshot(format: Any, tmp_path: Path) -> None:
    execution = _equipped().create_execution(runtime_resources={"box": {"a": CANARY}, "api": Tool()})
    await execution.async_start(1)
    snapshot = execution.save(tmp_path / "saved", format)
    written = await asyncio.to_thread((tmp_path / "saved").read_bytes)
    forms = [snapshot.to_json().encode(), snapshot.to_msgpack(), written, repr(snapshot).encode()]
    assert not [form for form in forms if CANARY.encode() in form]


async def test_b51_an_input_that_no_state_keeps_is_absent_once_it_was_consumed() -> None:
    class Bare(Contract):
        input: str
        result: int

    def measure(data: Data[Bare, str]) -> int:
        taken.get()(data)
        return len(data.value)

    def saved(data: Data[Any, Any]) -> None:
        documents.append(execution.save().to_json())

    documents: list[str] = []
    taken.set(saved)
    flow: Any = Flow(Bare)
    flow.to(measure).to(increment).end()
    execution = flow.create_execution()
    await execution.async_start(CANARY)
    documents.append(execution.save().to_json())
    assert [CANARY in text for text in documents] == [True, False, False]


async def test_b51_the_value_that_a_paused_step_was_given_is_absent() -> None:
    class Asked(Contract):
        input: str
        result: int

    def hand_over(data: Data[Asked, str]) -> int:
        data.pause_for()

    flow: Any = Flow(Asked)
    flow.to(hand_over).end()
    execution = flow.create_execution()
    await execution.async_start(CANARY)
    assert CANARY not in execution.save().to_json()


async def test_b51_a_for_each_keeps_the_items_that_are_still_to_come() -> None:
    class Named(Contract):
        input: list[str]
        result: list[int]

    gate, reached = asyncio.Event(), asyncio.Event()

    async def measure(data: Data[Named, str]) -> int:
        if data.value == "second":
            reached.set()
            await gate.wait()
        ran.append(data.value)
        return len(data.value)

    ran: list[str] = []
    flow: Any = Flow(Named)
    flow.for_each(concurrency=1).to(measure).end_for_each().end()
    execution = flow.create_execution()
    started = asyncio.create_task(execution.async_start(["first", "second", "third"]))
    await reached.wait()
    snapshot = execution.save()
    gate.set()
    await started
    ran.clear()
    again = flow.create_execution().load(snapshot.to_json())
    await again.async_retry()
    assert again.result == [5, 6, 5]
    assert ran == ["second", "third"]
    assert "first" not in snapshot.to_json()


async def test_b51_a_round_that_is_closed_keeps_no_value_for_its_side_branches() -> None:
    class Named(Contract):
        input: list[int]
        result: int

    def secret(data: Data[Named, int]) -> str:
        return f"{CANARY} {data.value}"

    def count(data: Data[Named, list[str]]) -> int:
        return len(data.value)

    flow: Any = Flow(Named)
    flow.for_each().side_branch(ask).to(secret).end_for_each().to(count).end()
    execution = flow.create_execution()
    await execution.async_start([1, 2])
    assert CANARY not in execution.save().to_json()
    again = flow.create_execution().load(execution.save())
    assert document(again) == document(execution)
    for interrupt_id in again.interrupts:
        await again.async_continue_with(interrupt_id, 1)
    assert (again.status, again.result) == (Status.COMPLETED, 2)
    assert json.loads(again.save().to_json())["joins"] == []


# -- at any time


async def test_b46_a_created_execution_keeps_the_state_it_was_given() -> None:
    flow = chain()
    execution = flow.create_execution(state={"note": "given", "replies": [{"text": "a"}]})
    again = flow.create_execution(state={"note": "other"}).load(execution.save().to_json())
    assert again.status is Status.CREATED
    assert again.state.note == "given"
    assert again.state.replies == [Reply("a")]
    assert await again.async_start(1) is Status.WAITING


async def test_b46_a_created_execution_that_was_given_nothing_has_no_state_yet() -> None:
    class Needy(State):
        name: str

    class Needing(Contract):
        input: int
        result: int
        state: Needy

    flow: Any = Flow(Needing)
    flow.to(increment).end()
    document_ = json.loads(flow.create_execution().save().to_json())
    assert "state" not in document_
    again = flow.create_execution(state={"name": "kept"}).load(document_)
    await again.async_start(1)
    assert (again.result, again.state.name) == (2, "kept")


async def test_b46_a_created_execution_keeps_the_events_it_was_given() -> None:
    heard: list[int] = []

    def build() -> Any:
        flow: Any = Flow(Talk)
        flow.to(show).end()
        flow.when("rung").to(lambda data: heard.append(data.value))
        return flow

    execution = build().create_execution()
    execution.emit("rung", 5)
    again = build().create_execution().load(execution.save())
    assert heard == []
    await again.async_start(1)
    assert (heard, again.result) == ([5], "1")


async def test_b46_a_failed_execution_is_retried_where_it_was_loaded() -> None:
    faults = [ValueError("once")]

    def fail_once(data: Data[Talk, int]) -> int:
        keys.append(data.key)
        if faults:
            raise faults.pop()
        return data.value

    keys: list[str] = []
    flow: Any = Flow(Talk)
    flow.to(three).for_each().to(fail_once).end_for_each().to(show).end()
    execution = flow.create_execution()
    with pytest.raises(ValueError, match="once"):
        await execution.async_start(1)
    again = flow.create_execution().load(execution.save().to_msgpack())
    assert (again.status, again.id, again.errors) == (Status.FAILED, execution.id, ())
    with pytest.raises(ExecutionError, match=r"the execution is failed .*was loaded, and errors are not saved"):
        _ = again.result
    assert await again.async_retry() is Status.COMPLETED
    assert again.result == "[1, 2, 3]"
    assert keys[0] in keys[1:], "the step that failed has its key again"


async def test_b46_a_child_that_failed_is_retried_where_it_was_loaded() -> None:
    faults = [ValueError("once")]

    def fail_once(data: Data[Leaf, int]) -> int:
        if faults:
            raise faults.pop()
        data.state.total = data.value
        return data.state.total

    def build() -> Any:
        child: Any = Flow(Leaf, name="child")
        child.to(increment).to(fail_once).end()
        flow: Any = Flow(Talk)
        flow.to_sub_flow(child).to(show).end()
        return flow

    execution = build().create_execution()
    with pytest.raises(ValueError, match="once"):
        await execution.async_start(1)
    again = build().create_execution().load(execution.save())
    assert [child.run.status for child in again._runtime.children.values()] == [Status.FAILED]
    assert await again.async_retry() is Status.COMPLETED
    assert again.result == "2"


async def test_b46_a_child_that_gave_no_result_fails_again_where_it_was_loaded() -> None:
    """The child is over, and its parent's token still waits in front of it."""

    def build() -> Any:
        child: Any = Flow(Leaf, name="child")
        child.to(increment)
        flow: Any = Flow(Talk)
        flow.to_sub_flow(child).to(show).end()
        return flow

    execution = build().create_execution()
    with pytest.raises(NoResultError, match=r"^TF802: .*nothing set a result"):
        await execution.async_start(1)
    again = build().create_execution().load(execution.save())
    assert again.status is Status.FAILED
    with pytest.raises(NoResultError, match=r"^TF802: .*nothing set a result"):
        await again.async_retry()


@pytest.mark.parametrize("cancel_at", ["created", "waiting", "failed"])
async def test_b46_a_cancelled_execution_loads_as_cancelled(cancel_at: str) -> None:
    def fail(data: Data[Talk, int]) -> int:
        raise ValueError("broken")

    flow: Any = Flow(Talk)
    flow.to(ask if cancel_at == "waiting" else fail).to(show).end()
    execution = flow.create_execution()
    if cancel_at == "failed":
        with pytest.raises(ValueError, match="broken"):
            await execution.async_start(1)
    elif cancel_at == "waiting":
        await execution.async_start(1)
    await execution.async_cancel()
    again = flow.create_execution().load(execution.save())
    assert (again.status, dict(again.interrupts)) == (Status.CANCELLED, {})
    with pytest.raises(FinishedError, match=r"^TF803: .*cancelled"):
        await again.async_retry()


async def test_b46_a_save_while_steps_run_has_them_ready_with_the_same_keys() -> None:
    gate = asyncio.Event()
    keys: list[str] = []

    async def hold(data: Data[Any, int]) -> int:
        keys.append(data.key)
        if len(keys) == 6:
            everybody.set()
        await gate.wait()
        return data.value

    def build() -> Any:
        child: Any = Flow(Leaf, name="child")
        child.to(hold).end()
        flow: Any = Flow(Talk)
        items = flow.to(three).for_each()
        items.batch().branch(hold).branch(child).end_batch().end_for_each().to(show).end()
        return flow

    everybody = asyncio.Event()
    execution = build().create_execution()
    started = asyncio.create_task(execution.async_start(1))
    await everybody.wait()
    snapshot = execution.save()
    assert snapshot.status is Status.RUNNING
    assert len(snapshot.children) == 3
    gate.set()
    await started
    before = sorted(keys)
    keys.clear()
    again = build().create_execution().load(snapshot.to_json())
    assert again.status is Status.RUNNING
    assert await again.async_retry() is Status.COMPLETED
    assert again.result == execution.result == "[(1, 1), (2, 2), (3, 3)]"
    assert sorted(keys) == before


async def test_b55_keys_are_the_same_over_loads() -> None:
    case = CASES["loop"]
    keys: list[str] = []
    taken.set(lambda data: keys.append(data.key.removeprefix("case:")))
    execution = await begin(case)
    while execution.status is Status.WAITING:
        execution = case.build().create_execution().load(execution.save())
        ((interrupt_id, interrupt),) = execution.interrupts.items()
        await execution.async_continue_with(interrupt_id, case.answers[interrupt.payload])
    steps = ["ring", "ask", "ring_until_three", "ask", "ring_until_three", "ask", "ring_until_three"]
    assert [key.partition("@")[0] for key in keys] == steps
    assert len(set(keys)) == len(keys)
    assert keys == await keys_without_a_load()


async def keys_without_a_load() -> list[str]:
    """Return the keys of the loop's steps when one execution runs to its end in memory."""
    case, keys = CASES["loop"], []
    taken.set(lambda data: keys.append(data.key.removeprefix("case:")))
    execution = await begin(case)
    while execution.status is Status.WAITING:
        ((interrupt_id, interrupt),) = execution.interrupts.items()
        await execution.async_continue_with(interrupt_id, case.answers[interrupt.payload])
    return keys


async def test_b46_a_place_that_a_pause_gave_away_is_not_given_again() -> None:
    """Of three items under a bound of one, each pause lets the next in; an answer lets no item in a second time."""
    case = CASES["for_each by 1"]
    execution = await begin(case)
    snapshot = json.loads(execution.save().to_json())
    steps: list[str] = []
    taken.set(lambda data: steps.append(data.step))
    again = case.build().create_execution().load(snapshot)
    for interrupt_id in list(again.interrupts):
        await again.async_continue_with(interrupt_id, 1)
    assert steps == ["increment", "increment", "increment", "show"]


async def test_b46_a_save_is_a_picture_that_later_steps_do_not_change() -> None:
    execution = await begin(CASES["for_each"])
    snapshot = execution.save()
    before = snapshot.to_json()
    (interrupt_id, *_) = execution.interrupts
    await execution.async_continue_with(interrupt_id, 1)
    assert snapshot.to_json() == before


async def test_b51_a_save_that_fails_changes_nothing() -> None:
    execution = await begin(CASES["chain"])
    before = document(execution)
    execution.state.replies = [Reply("a")]
    execution.state.replies[0].text = 5
    with pytest.raises(SnapshotError, match=r"state\.replies\[0\]\.text"):
        execution.save()
    execution.state.replies = []
    assert document(execution) == before


async def test_b46_equal_executions_have_equal_documents() -> None:
    for case in (CASES["each in child"], CASES["collect in each"]):
        assert document(await begin(case)) == document(await begin(case))


async def test_b46_the_early_result_is_saved_with_a_run_that_goes_on() -> None:
    case = CASES["side branch"]
    execution = await begin(case)
    snapshot = execution.save()
    assert isinstance(snapshot.result, msgspec.Raw)
    assert msgspec.json.decode(snapshot.result) == "2"
    again = case.build().create_execution().load(snapshot)
    assert again.status is Status.WAITING
    with pytest.raises(ExecutionError, match=r"^TF802: .*the execution is waiting"):
        _ = again.result


async def test_b46_a_collect_of_values_with_types_comes_back_between_its_steps() -> None:
    class Dated(Contract):
        input: int
        result: str

    def date(data: Data[Dated, int]) -> dt.date:
        return dt.date(2026, 1, data.value)

    async def look(data: Data[Dated, dict[str, Any]]) -> str:
        saved.append(execution.save())
        return repr(data.value["on"])

    saved: list[Any] = []
    flow: Any = Flow(Dated)
    begun = flow.to(increment_later)
    begun.to(date).collect("all", "on")
    begun.collect("all", "count").if_condition(lambda data: False).to(show).end_condition().to(look).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    again = flow.create_execution().load(saved[0])
    await again.async_retry()
    assert again.result == execution.result == "datetime.date(2026, 1, 2)"
