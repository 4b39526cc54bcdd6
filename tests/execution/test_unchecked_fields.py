"""Of which fields a save checks the exact classes: of those that may have changed since they were checked last.

`Color.RED == "red"`: it would come back as a plain text, so that a save must refuse it where it can have come in.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, time
from enum import StrEnum
from typing import Any

import pytest

from tests.zones import Local
from typedflow import Contract, Data, Execution, Flow, SnapshotError, State


class Color(StrEnum):
    RED = "red"


class Words(State):
    said: list[str] = []
    heard: list[str] = []


class Talk(Contract):
    input: int
    result: int
    state: Words


async def ask(data: Data[Talk, int]) -> int:
    data.pause_for("go on?")


def talk(*steps: Any) -> Flow[Talk]:
    flow = Flow(Talk)
    process: Any = flow
    for step in (*steps, ask):
        process = process.to(step)
    process.end()
    return flow


async def paused(*steps: Any) -> Execution[Talk]:
    execution = talk(*steps).create_execution(state={"said": ["red"], "heard": ["red"]})
    await execution.async_start(1)
    return execution


async def settled() -> None:
    """Return when no task can go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def require_refusal(execution: Execution[Talk], path: str) -> None:
    for _ in range(2):  # one that failed leaves nothing behind that the next would take for granted
        with pytest.raises(SnapshotError) as caught:
            execution.save()
        assert caught.value.path == path
        assert "Color.RED" in str(caught.value)


async def test_what_was_changed_outside_of_steps_is_checked() -> None:
    execution = await paused()
    execution.save()
    execution.state.heard[0] = Color.RED
    require_refusal(execution, "state.heard[0]")
    execution.state.heard[0] = "red"
    execution.save()


@pytest.mark.parametrize("write", ["attribute", "path", "silent path"])
async def test_what_was_written_outside_of_steps_is_checked(write: str) -> None:
    execution = await paused()
    execution.save()
    words = ["red"]
    if write == "attribute":
        execution.state.said = words
    else:
        execution.state.set("said", words, emit=write == "path")
    words[0] = Color.RED
    require_refusal(execution, "state.said[0]")


@pytest.mark.parametrize("write", ["attribute", "path", "silent path"])
async def test_what_a_step_has_written_and_changed_is_checked(write: str) -> None:
    def say(data: Data[Talk, int]) -> int:
        words = ["red"]
        if write == "attribute":
            data.state.said = words
        else:
            data.state.set("said", words, emit=write == "path")
        words[0] = Color.RED
        return data.value

    require_refusal(await paused(say), "state.said[0]")


async def test_what_a_step_has_appended_and_changed_is_checked() -> None:
    class Lists(State):
        said: list[list[str]] = []

    class Nested(Contract):
        input: int
        result: int
        state: Lists

    def say(data: Data[Nested, int]) -> int:
        words = ["red"]
        data.state.append("said", words)
        words[0] = Color.RED
        return data.pause_for("go on?")

    flow = Flow(Nested)
    flow.to(say).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    with pytest.raises(SnapshotError) as caught:
        execution.save()
    assert caught.value.path == "state.said[0][0]"


async def test_what_a_running_step_holds_is_checked() -> None:
    said, go_on = asyncio.Event(), asyncio.Event()

    async def say(data: Data[Talk, int]) -> int:
        data.state.said[0] = Color.RED
        said.set()
        await go_on.wait()
        data.state.said[0] = "red"
        return data.value

    execution = talk(say).create_execution(state={"said": ["red"]})
    running = asyncio.ensure_future(execution.async_start(1))
    await said.wait()
    require_refusal(execution, "state.said[0]")
    go_on.set()
    await running
    execution.save()


async def test_what_a_running_step_holds_is_checked_in_each_save() -> None:
    held, go_on = asyncio.Event(), asyncio.Event()

    async def say(data: Data[Talk, int]) -> int:
        words = data.state.said
        held.set()
        await go_on.wait()
        words[0] = Color.RED
        held.set()
        go_on.clear()
        await go_on.wait()
        words[0] = "red"
        return data.value

    execution = talk(say).create_execution(state={"said": ["red"]})
    running = asyncio.ensure_future(execution.async_start(1))
    await held.wait()
    execution.save()
    held.clear()
    go_on.set()
    await held.wait()
    require_refusal(execution, "state.said[0]")
    go_on.set()
    await running
    execution.save()


async def test_what_two_steps_hold_is_checked_until_both_are_over() -> None:
    first, second = asyncio.Event(), asyncio.Event()

    async def one(data: Data[Talk, int]) -> int:
        assert data.state.said
        await first.wait()
        return 1

    async def other(data: Data[Talk, int]) -> int:
        words = data.state.said
        await second.wait()
        words[0] = Color.RED
        await first.wait()
        words[0] = "red"
        return 1

    flow: Flow[Talk] = Flow(Talk)
    flow.to(one).end()
    flow.to(other)
    execution = flow.create_execution(state={"said": ["red"]})
    running = asyncio.ensure_future(execution.async_start(1))
    await settled()
    execution.save()
    first.set()
    await settled()
    first.clear()
    second.set()
    await settled()
    require_refusal(execution, "state.said[0]")
    first.set()
    await running
    execution.save()


async def test_what_a_step_has_written_is_checked_also_when_another_was_checked_since() -> None:
    written, read, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def write(data: Data[Talk, int]) -> int:
        words = ["red"]
        data.state.said = words
        written.set()
        await read.wait()
        words[0] = Color.RED
        await go_on.wait()
        return 1

    async def look(data: Data[Talk, int]) -> int:
        await written.wait()
        return len(data.state.said)

    flow: Flow[Talk] = Flow(Talk)
    flow.to(write).end()
    flow.to(look).to(lambda data: read.set())
    execution = flow.create_execution()
    running = asyncio.ensure_future(execution.async_start(1))
    await settled()
    require_refusal(execution, "state.said[0]")
    execution.state.said = ["red"]
    go_on.set()
    await running
    execution.save()


@pytest.mark.parametrize("end", ["returns", "pauses", "chooses"])
async def test_what_a_step_was_checked_for_at_its_end_is_not_checked_again(end: str) -> None:
    """Code that keeps an alias over that may put in what equals the declared: it comes back as what is declared."""
    kept: list[list[str]] = []

    def keep(data: Data[Talk, int]) -> int:
        kept.append(data.state.said)
        if end == "pauses":
            data.pause_for("go on?")
        return data.value

    flow: Any = Flow(Talk)
    if end == "chooses":
        flow.to(ask).match().case(keep).to(ask).end_match().end()
    else:
        flow.to(ask).to(keep).to(ask).end()
    execution = flow.create_execution(state={"said": ["red"]})
    await execution.async_start(1)
    before = execution.save().state
    await execution.async_continue_with(next(iter(execution.interrupts)), 1)
    kept[0][0] = Color.RED
    assert execution.save().state == before


async def test_what_a_step_of_another_execution_changes_is_checked() -> None:
    one = await paused()
    one.save()

    def meddle(data: Data[Talk, int]) -> int:
        one.state.said[0] = Color.RED
        return data.value

    await paused(meddle)
    require_refusal(one, "state.said[0]")


@pytest.mark.parametrize("write", ["attribute", "path", "silent path"])
async def test_what_a_step_of_another_execution_has_written_and_changed_is_checked(write: str) -> None:
    one = await paused()
    one.save()

    def meddle(data: Data[Talk, int]) -> int:
        words = ["red"]
        if write == "attribute":
            one.state.said = words
        else:
            one.state.set("said", words, emit=write == "path")
        words[0] = Color.RED
        return data.value

    await paused(meddle)
    require_refusal(one, "state.said[0]")


async def test_what_a_task_changes_that_its_step_has_left_behind_is_checked() -> None:
    go_on = asyncio.Event()
    left: list[asyncio.Task[None]] = []

    async def later(data: Data[Talk, int]) -> None:
        await go_on.wait()
        data.state.said[0] = Color.RED

    async def leave(data: Data[Talk, int]) -> int:
        left.append(asyncio.create_task(later(data)))
        return data.value

    execution = await paused(leave)
    execution.save()
    go_on.set()
    await left[0]
    require_refusal(execution, "state.said[0]")


async def test_what_a_failed_step_leaves_behind_is_checked() -> None:
    def fail(data: Data[Talk, int]) -> int:
        data.state.set("said", words := ["red"])
        words[0] = Color.RED
        raise ZeroDivisionError

    execution = talk(fail).create_execution()
    with pytest.raises(ZeroDivisionError):
        await execution.async_start(1)
    require_refusal(execution, "state.said[0]")


async def test_what_a_cancelled_step_leaves_behind_is_checked() -> None:
    held = asyncio.Event()

    async def say(data: Data[Talk, int]) -> int:
        words = data.state.said
        held.set()
        try:
            await asyncio.Event().wait()
        finally:
            words[0] = Color.RED
        return data.value

    execution = talk(say).create_execution(state={"said": ["red"]})
    running = asyncio.ensure_future(execution.async_start(1))
    await held.wait()
    execution.save()
    await execution.async_cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    require_refusal(execution, "state.said[0]")


class Diary(State):
    at: datetime = datetime(2026, 1, 1)
    dates: tuple[datetime, ...] = ()
    more: list[datetime] = []


class Writing(Contract):
    input: int
    result: int
    state: Diary


LOCAL = datetime(2026, 10, 25, 2, 30, tzinfo=Local())
"""It equals what comes back, which is in UTC; the type lets it pass."""


def unstarted(*steps: Any, state: Any = None) -> Execution[Writing]:
    flow = Flow(Writing)
    process: Any = flow
    for step in steps:
        process = process.to(step)
    process.to(lambda data: data.pause_for("go on?")).end()
    return flow.create_execution(state=state)


def diary(*steps: Any, state: Any = None) -> Execution[Writing]:
    execution = unstarted(*steps, state=state)
    execution.start(1)
    return execution


def require_no_zone(execution: Execution[Writing], field: str) -> None:
    for _ in range(2):
        with pytest.raises(SnapshotError, match="its tzinfo") as caught:
            execution.save()
        assert str(caught.value.path).startswith(f"state.{field}")


ODD = pytest.mark.parametrize("field, value", [("at", LOCAL), ("dates", (LOCAL,))])


@ODD
def test_what_was_given_is_checked(field: str, value: object) -> None:
    require_no_zone(diary(state={field: value}), field)


@ODD
@pytest.mark.parametrize("write", ["attribute", "path", "silent path"])
def test_what_cannot_be_changed_in_place_and_was_written_outside_of_steps_is_checked(
    field: str, value: object, write: str
) -> None:
    execution = diary()
    execution.save()
    if write == "attribute":
        setattr(execution.state, field, value)
    else:
        execution.state.set(field, value, emit=write == "path")
    require_no_zone(execution, field)


@ODD
@pytest.mark.parametrize("emit", [True, False])
def test_what_cannot_be_changed_in_place_and_a_step_has_written_is_checked(
    field: str, value: object, emit: bool
) -> None:
    def note(data: Data[Writing, int]) -> int:
        data.state.set(field, value, emit=emit)
        return data.value

    require_no_zone(diary(note), field)


async def test_what_a_step_changes_that_it_has_read_before_a_save_is_checked() -> None:
    held, go_on = asyncio.Event(), asyncio.Event()

    async def note(data: Data[Writing, int]) -> int:
        more = data.state.more
        held.set()
        await go_on.wait()
        more.append(LOCAL)
        return data.value

    execution = unstarted(note)
    running = asyncio.ensure_future(execution.async_start(1))
    await held.wait()
    execution.save()
    go_on.set()
    await running
    require_no_zone(execution, "more")


class Times(State):
    days: list[datetime] = []
    by_name: dict[str, list[time | None]] = {}
    words: list[str] = []


class Calendar(Contract):
    input: int
    result: int
    state: Times


async def ask_for_a_day(data: Data[Calendar, int]) -> int:
    data.pause_for("which day?")


@pytest.mark.parametrize("field", ["days", "by_name"])
async def test_what_equality_hides_is_checked_in_every_save(field: str) -> None:
    flow = Flow(Calendar)
    flow.to(ask_for_a_day).end()
    execution = flow.create_execution(state={"by_name": {"a": []}})
    await execution.async_start(1)
    days, times = execution.state.days, execution.state.by_name["a"]
    execution.save()
    if field == "days":
        days.append(LOCAL)
    else:
        times.append(time(2, 30, tzinfo=Local()))
    with pytest.raises(SnapshotError, match="tzinfo"):
        execution.save()
