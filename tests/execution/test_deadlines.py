"""B59: deadlines of pauses, and sleeps: never early, over a restart, and only in a call that runs the execution."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.stores.conformance import ALL, STORES
from typedflow import (
    Contract,
    ContractError,
    Data,
    Events,
    Execution,
    ExecutionPaused,
    Failed,
    Flow,
    InterruptError,
    Retry,
    SnapshotError,
    State,
    Status,
)
from typedflow.snapshot.documents import Format
from typedflow.stores import FileStore, MemoryStore, SQLiteStore
from typedflow.testing import FakeClock, fake_clock

DAY = timedelta(days=1)


class Decision(msgspec.Struct):
    ok: bool
    by: str = ""


class Notes(State):
    seen: list[str] = []


class Heard(Events):
    decided: Decision


class Review(Contract):
    input: str
    result: str
    state: Notes
    events: Heard


def ask(data: Data[Review, str]) -> Decision:
    return data.pause_for(data.value, interrupt_id="q", deadline=DAY, default=Decision(ok=False, by="nobody"))


def show(data: Data[Review, Decision]) -> str:
    return f"{data.value.ok} by {data.value.by}"


def review() -> Flow[Review]:
    flow = Flow(Review)
    flow.to(ask).to(show).end()
    return flow


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    with fake_clock() as clock:
        yield clock


# -- deadlines of questions


async def test_b59_the_deadline_is_a_moment_in_utc(clock: FakeClock) -> None:
    execution = review().create_execution()
    assert await execution.async_start("x") is Status.WAITING
    assert execution.interrupts["q"].deadline == clock.now() + DAY == execution.next_due


async def test_b59_nothing_is_due_before_the_deadline(clock: FakeClock) -> None:
    execution = review().create_execution()
    await execution.async_start("x")
    clock.advance(DAY - timedelta(microseconds=1))
    assert await execution.async_settle() is Status.WAITING
    await execution.async_continue_with("q", Decision(ok=True, by="Ada"))
    assert execution.result == "True by Ada"


async def test_b59_at_the_deadline_the_default_is_the_answer(clock: FakeClock) -> None:
    execution = review().create_execution()
    await execution.async_start("x")
    clock.advance(DAY)
    assert await execution.async_settle() is Status.COMPLETED
    assert execution.result == "False by nobody"
    assert execution.next_due is None


async def test_b59_a_late_answer_is_refused_and_changes_nothing(clock: FakeClock) -> None:
    execution = review().create_execution()
    await execution.async_start("x")
    clock.advance(DAY)
    with pytest.raises(InterruptError) as refused:
        await execution.async_continue_with("q", Decision(ok=True))
    assert str(refused.value) == (
        "TF843: step 'ask' of flow 'Review': interrupt 'q' was to be answered before 2000-01-02 00:00:00+00:00 "
        "(`await execution.async_settle()` lets the execution go on without it)"
    )
    assert execution.status is Status.WAITING
    assert "q" in execution.interrupts
    await execution.async_settle()
    assert execution.result == "False by nobody"


@pytest.mark.parametrize("format", ["json", "msgpack"])
async def test_b59_a_deadline_outlives_a_save(clock: FakeClock, format: Format) -> None:
    execution = review().create_execution()
    await execution.async_start("x")
    loaded = review().create_execution().load(execution.save(format=format).to_bytes())
    assert loaded.interrupts == execution.interrupts
    clock.advance(DAY)
    await loaded.async_settle()
    assert loaded.result == "False by nobody"


@pytest.mark.parametrize("kind", ALL)
async def test_b59_opening_and_listing_never_fire(clock: FakeClock, tmp_path: Path, kind: str) -> None:
    async with STORES[kind].open(tmp_path) as store:
        await review().create_execution(store=store, execution_id="one").async_start("x")
        clock.advance(2 * DAY)
        before = await store.get("one")
        opened = await review().async_open("one", store=store)
        await store.list()
        assert opened.status is Status.WAITING
        assert await store.get("one") == before
        assert await opened.async_settle() is Status.COMPLETED
        assert (await review().async_open("one", store=store)).result == "False by nobody"


async def test_b59_settling_what_is_not_due_writes_nothing(clock: FakeClock) -> None:
    async with MemoryStore() as store:
        execution = review().create_execution(store=store, execution_id="one")
        assert await execution.async_settle() is Status.CREATED
        await execution.async_start("x")
        before = await store.get("one")
        assert await execution.async_settle() is Status.WAITING
        assert await store.get("one") == before
        await execution.async_continue_with("q", Decision(ok=True))
        assert await execution.async_settle() is Status.COMPLETED


async def test_b59_with_a_resume_event_the_default_is_emitted(clock: FakeClock) -> None:
    def wonder(data: Data[Review, str]) -> None:
        data.pause_for(resume_event="decided", interrupt_id="q", deadline=DAY, default={"ok": False, "by": "nobody"})

    def build() -> Flow[Review]:
        flow = Flow(Review)
        flow.to(wonder)
        flow.when("decided").to(show).end()
        return flow

    execution = build().create_execution()
    await execution.async_start("x")
    loaded = build().create_execution().load(execution.save())
    clock.advance(DAY)
    for each in (execution, loaded):
        await each.async_settle()
        assert each.result == "False by nobody"


@pytest.mark.parametrize("retry", [None, Retry(attempts=3)])
async def test_b59_without_a_default_the_step_fails_and_is_not_tried_again(
    clock: FakeClock, retry: Retry | None
) -> None:
    attempts: list[int] = []

    def wait(data: Data[Review, str]) -> str:
        attempts.append(data.attempt)
        return data.pause_for(interrupt_id="q", deadline=DAY)

    flow = Flow(Review)
    flow.to(wait, retry=retry).end()
    async with MemoryStore() as store:
        execution = flow.create_execution(store=store, execution_id="one")
        await execution.async_start("x")
        clock.advance(DAY)
        with pytest.raises(TimeoutError, match="step 'wait' was not answered in time") as late:
            await execution.async_settle()
        assert late.value.__notes__ == ["in step 'wait' of flow 'Review', execution 'one'"]
        assert execution.status is Status.FAILED
        assert attempts == [1]
        assert [entry.status for entry in await store.list()] == ["failed"]
        opened = await flow.async_open("one", store=store)
        assert await opened.async_retry() is Status.WAITING  # asked once more, for another day
        assert opened.interrupts["q"].deadline == clock.now() + DAY


@pytest.mark.parametrize("checkpoint", ["pause", "step"])
async def test_a_deadline_that_passes_for_another_process_fails_the_step_and_it_asks_again(
    clock: FakeClock, tmp_path: Path, checkpoint: Any
) -> None:
    """The step is taken again with its value, which is saved with the pause."""

    class Counted(Contract):
        input: int
        result: int

    def wait(data: Data[Counted, int]) -> int:
        return data.pause_for(data.value, interrupt_id="q", deadline=DAY)

    flow = Flow(Counted)
    flow.to(lambda data: data.value + 1, name="add").to(wait).end()
    async with SQLiteStore(tmp_path / "store.db") as store:
        await flow.create_execution(store=store, execution_id="one", checkpoint=checkpoint).async_start(1)
        clock.advance(DAY)
        opened = await flow.async_open("one", store=store, checkpoint=checkpoint)
        with pytest.raises(TimeoutError, match="step 'wait' was not answered in time"):
            await opened.async_settle()
        again = await flow.async_open("one", store=store, checkpoint=checkpoint)
        assert again.status is Status.FAILED
        assert await again.async_retry() is Status.WAITING
        assert again.interrupts["q"].payload == 2
        assert await again.async_continue_with("q", 5) is Status.COMPLETED


async def test_b59_a_handler_for_errors_gets_the_deadline(clock: FakeClock) -> None:
    class Many(Contract):
        input: list[int]
        result: list[str]

    def wait(data: Data[Many, int]) -> str:
        return data.pause_for(deadline=DAY)

    def give_up(data: Data[Many, Failed[int]]) -> str:
        return f"{data.value.value}: {data.value.error}"

    flow = Flow(Many)
    flow.for_each().to(wait, on_error=give_up).end_for_each().end()
    execution = flow.create_execution()
    await execution.async_start([1, 2])
    clock.advance(DAY)
    assert await execution.async_settle() is Status.COMPLETED
    assert execution.result == ["1: TimeoutError", "2: TimeoutError"]


class Twice(Contract):
    input: list[int]
    result: str


@pytest.mark.parametrize("kind", [None, MemoryStore, SQLiteStore, FileStore])
@pytest.mark.parametrize("form", ["on_error", "collect", "retry"])
async def test_b59_the_value_of_an_unanswered_question_outlives_a_save(
    clock: FakeClock, tmp_path: Path, kind: Any, form: str
) -> None:
    def wait(data: Data[Twice, int]) -> int:
        return data.pause_for(f"{data.value}?", deadline=DAY)

    def give_up(data: Data[Twice, Failed[int]]) -> int:
        return data.value.value * 100

    def show(data: Data[Twice, list[Any]]) -> str:
        return " ".join(str(each.value if isinstance(each, Failed) else each) for each in data.value)

    def build() -> Any:
        flow: Any = Flow(Twice)
        items = flow.for_each(on_error="collect" if form == "collect" else "fail")
        items.to(wait, on_error=give_up if form == "on_error" else None).end_for_each().to(show).end()
        return flow

    place = tmp_path / "store"
    async with contextlib.nullcontext() if kind is None else kind() if kind is MemoryStore else kind(place) as store:
        first = build().create_execution(store=store, execution_id="one")
        await first.async_start([1] if form == "retry" else [1, 2])
        clock.advance(DAY)
        if store is None:
            execution = build().create_execution().load(first.save(format="msgpack").to_bytes())
        else:
            execution = await build().async_open("one", store=store)
        if form == "retry":
            with pytest.raises(TimeoutError):
                await execution.async_settle()
            assert await execution.async_retry() is Status.WAITING
            assert [each.payload for each in execution.interrupts.values()] == ["1?"]
        else:
            assert await execution.async_settle() is Status.COMPLETED
            assert execution.result == ("100 200" if form == "on_error" else "1 2")


@pytest.mark.parametrize("sleeps", [False, True])
async def test_b59_a_value_that_waits_for_its_moment_is_checked_and_can_be_migrated(
    clock: FakeClock, sleeps: bool
) -> None:
    def deploy(point: Any, version: int, migrate: Any = None) -> Any:
        members = {"__annotations__": {"input": int, "result": str}, "__module__": __name__}
        meta: Any = type(Contract)
        locating: Any = meta("Locating", (Contract,), members, version=version)
        if migrate is not None:
            locating.migrate(1)(migrate)

        def locate(data: Any) -> Any:
            return point(x=1, y=2)

        def wait(data: Any) -> Any:
            return data.pause_for(interrupt_id="q", deadline=DAY)

        def late(data: Any) -> Any:
            return f"x={data.value.value.x}"

        def show(data: Any) -> Any:
            return f"x={data.value.x}"

        locate.__annotations__ = {"return": point}
        wait.__annotations__ = {"data": Data[locating, point], "return": str}
        late.__annotations__ = {"data": Data[locating, Failed[point]], "return": str}
        show.__annotations__ = {"data": Data[locating, point], "return": str}
        flow: Any = Flow(locating)
        chain = flow.to(locate)
        (chain.sleep(DAY, name="wait").to(show) if sleeps else chain.to(wait, on_error=late)).end()
        return flow

    before, after = (NamedTuple("Point", [(name, int) for name in names]) for names in ("xy", "yx"))
    execution = deploy(before, 1).create_execution()
    await execution.async_start(1)
    saved = execution.save()
    with pytest.raises(SnapshotError, match=r"TF920: .*stands at node 'wait', which holds another type now"):
        deploy(after, 1).create_execution().load(saved)

    def turn(document: dict[str, Any]) -> dict[str, Any]:
        assert document["values"]["wait"]["inputs"] == [[1, 2]]
        document["values"]["wait"]["inputs"] = [[2, 1]]
        return document

    migrated = deploy(after, 2, turn).create_execution().load(saved)
    clock.advance(DAY)
    await migrated.async_settle()
    assert migrated.result == "x=1"


async def test_b59_deadlines_one_after_the_other_pass_while_a_step_runs() -> None:
    class Many(Contract):
        input: list[int]
        result: list[int]

    done: list[int] = []
    passed = asyncio.Event()

    def wait(data: Data[Many, int]) -> int:
        return data.pause_for(deadline=timedelta(milliseconds=20 * data.value), default=data.value)

    def note(data: Data[Many, int]) -> int:
        done.append(data.value)
        if len(done) == 3:
            passed.set()
        return data.value

    async def long(data: Data[Many, list[int]]) -> None:
        await passed.wait()

    flow = Flow(Many)
    flow.side_branch(long)
    flow.for_each().to(wait).to(note).end_for_each().end()
    assert await flow.async_start([3, 1, 2], timeout=20) == [3, 1, 2]
    assert done == [1, 2, 3]


async def test_b59_an_answer_to_one_question_fires_what_else_is_due(clock: FakeClock) -> None:
    def second(data: Data[Review, str]) -> Decision:
        return data.pause_for(interrupt_id="second")

    def both(data: Data[Review, tuple[Decision, Decision]]) -> str:
        return ", ".join(each.by for each in data.value)

    flow = Flow(Review)
    flow.batch().branch(ask).branch(second).end_batch().to(both).end()
    execution = flow.create_execution()
    await execution.async_start("x")
    clock.advance(DAY)
    assert await execution.async_continue_with("second", Decision(ok=True, by="Ada")) is Status.COMPLETED
    assert execution.result == "nobody, Ada"


async def test_b59_a_question_in_a_child_flow_is_due_in_the_parent(clock: FakeClock) -> None:
    class Outer(Contract):
        input: str
        result: str

    flow = Flow(Outer)
    flow.to_sub_flow(review()).end()
    execution = flow.create_execution()
    await execution.async_start("x")
    loaded = flow.create_execution().load(execution.save())
    clock.advance(DAY)
    for each in (execution, loaded):
        assert await each.async_settle() is Status.COMPLETED
        assert each.result == "False by nobody"


async def test_b59_a_retry_lets_what_is_due_go_on(clock: FakeClock) -> None:
    execution = review().create_execution()
    await execution.async_start("x")
    clock.advance(DAY)
    assert await execution.async_retry() is Status.COMPLETED


@pytest.mark.parametrize(
    "given, text",
    [
        ({"deadline": 5}, "TF841: a deadline is a timedelta from now or a datetime with a time zone, not 5 (int)"),
        (
            {"deadline": datetime(2030, 1, 1)},
            "TF841: a deadline is a timedelta from now or a datetime with a time zone",
        ),
        ({"deadline": timedelta.max}, "TF841: a deadline lies before the year 10000"),
        ({"default": Decision(ok=True)}, "TF842: pause_for(default=…) is the answer at the deadline"),
        ({"deadline": DAY, "default": 5}, "TF842: pause_for(default=…) is an answer like any other: Decision, not 5"),
        ({"deadline": DAY, "default": {"ok": 5}}, "TF842: pause_for(default=…) is an answer like any other"),
    ],
    ids=str,
)
async def test_b59_what_cannot_be_a_deadline_or_a_default_is_refused_when_pausing(
    given: dict[str, Any], text: str
) -> None:
    def wrong(data: Data[Review, str]) -> Decision:
        return data.pause_for(**given)

    flow = Flow(Review)
    flow.to(wrong).to(show).end()
    with pytest.raises(ContractError) as refused:
        await flow.async_start("x")
    assert str(refused.value).startswith(text)


async def test_b59_a_deadline_of_another_zone_is_the_same_moment(clock: FakeClock) -> None:
    def ask_there(data: Data[Review, str]) -> Decision:
        return data.pause_for(interrupt_id="q", deadline=datetime(2000, 1, 2, tzinfo=timezone(timedelta(hours=5))))

    flow = Flow(Review)
    flow.to(ask_there).to(show).end()
    execution = flow.create_execution()
    await execution.async_start("x")
    assert execution.next_due == datetime(2000, 1, 1, 19, tzinfo=UTC)


async def test_b59_a_default_that_the_changed_answer_does_not_take_is_refused_at_the_load(clock: FakeClock) -> None:
    execution = review().create_execution()
    await execution.async_start("x")
    saved = execution.save()

    class Other(msgspec.Struct):
        ok: str

    def changed(data: Data[Review, str]) -> Other:
        return data.pause_for(interrupt_id="q")

    def end(data: Data[Review, Other]) -> str:
        return data.value.ok

    flow = Flow(Review)
    flow.to(changed, name="ask").to(end).end()
    with pytest.raises(SnapshotError, match="TF920"):
        flow.create_execution().load(saved)


async def test_b59_a_default_gets_the_fields_that_a_deploy_has_added(clock: FakeClock) -> None:
    execution = review().create_execution()
    await execution.async_start("x")
    saved = execution.save()
    wider: Any = msgspec.defstruct("Decision", [("ok", bool), ("by", str, ""), ("note", str, "none")])

    def ask_again(data: Any) -> Any:
        return data.pause_for(interrupt_id="q")

    def end(data: Any) -> str:
        return f"{data.value.by} {data.value.note}"

    ask_again.__annotations__ = {"data": Data[Review, str], "return": wider}
    end.__annotations__ = {"data": Data[Review, wider], "return": str}
    flow: Any = Flow(Review)
    flow.to(ask_again, name="ask").to(end, name="show").end()
    loaded = flow.create_execution().load(saved)
    clock.advance(DAY)
    await loaded.async_settle()
    assert loaded.result == "nobody none"


# -- while the execution runs, by the system's clock


async def test_b59_a_deadline_passes_while_other_steps_run() -> None:
    decided = asyncio.Event()

    def soon(data: Data[Review, str]) -> Decision:
        return data.pause_for(deadline=timedelta(milliseconds=20), default=Decision(ok=False, by="nobody"))

    async def note(data: Data[Review, Decision]) -> str:
        decided.set()
        return data.value.by

    async def long(data: Data[Review, str]) -> None:
        await decided.wait()

    flow = Flow(Review)
    flow.side_branch(long)
    flow.to(soon).to(note).end()
    asked = time.monotonic()
    assert await flow.async_start("x", timeout=20) == "nobody"
    assert time.monotonic() - asked >= 0.02


# -- sleeps


class Wait(Contract):
    input: list[int]
    result: list[int]


def double(data: Data[Wait, int]) -> int:
    return 2 * data.value


def sleeper(until: Any = DAY) -> Flow[Wait]:
    flow = Flow(Wait)
    flow.for_each(concurrency=1).sleep(until).to(double).end_for_each().end()
    return flow


async def test_b59_a_sleep_passes_the_value_through(clock: FakeClock) -> None:
    execution = sleeper().create_execution()
    assert await execution.async_start([1, 2, 3]) is Status.WAITING
    assert execution.interrupts == {}
    clock.advance(DAY)
    assert await execution.async_settle() is Status.COMPLETED
    assert execution.result == [2, 4, 6]


async def test_b59_sleeping_items_free_their_permits(clock: FakeClock) -> None:
    execution = sleeper().create_execution()
    await execution.async_start([1, 2, 3])  # with one permit, all three sleep at once
    assert execution.next_due == clock.now() + DAY
    clock.advance(DAY)
    await execution.async_settle()
    assert execution.status is Status.COMPLETED


@pytest.mark.parametrize("format", ["json", "msgpack"])
async def test_b59_a_sleep_outlives_a_save(clock: FakeClock, format: Format) -> None:
    execution = sleeper().create_execution()
    await execution.async_start([1, 2])
    loaded: Execution[Wait] = sleeper().create_execution().load(execution.save(format=format).to_bytes())
    assert loaded.status is Status.WAITING
    assert await loaded.async_settle() is Status.WAITING
    clock.advance(DAY)
    assert await loaded.async_settle() is Status.COMPLETED
    assert loaded.result == [2, 4]


async def test_b59_a_function_says_when_to_go_on(clock: FakeClock) -> None:
    def tomorrow(data: Data[Wait, int]) -> datetime:
        return datetime(2000, 1, 1 + data.value, tzinfo=UTC)

    execution = sleeper(tomorrow).create_execution()
    await execution.async_start([1, 2])
    assert execution.next_due == datetime(2000, 1, 2, tzinfo=UTC)
    clock.advance(DAY)
    assert await execution.async_settle() is Status.WAITING
    assert execution.next_due == datetime(2000, 1, 3, tzinfo=UTC)
    clock.advance(DAY)
    await execution.async_settle()
    assert execution.result == [2, 4]


async def test_b59_a_moment_without_a_zone_fails_the_sleep(clock: FakeClock) -> None:
    def naive(data: Data[Wait, int]) -> datetime:
        return datetime(2000, 1, 2)

    with pytest.raises(ContractError, match="TF841"):
        await sleeper(naive).async_start([1])


@pytest.mark.parametrize("given", [5, "tomorrow", None])
def test_b59_a_sleep_takes_a_time_or_a_function(given: Any) -> None:
    with pytest.raises(ContractError, match=r"TF717: flow 'Wait': sleep\(…\) takes a timedelta, or a function"):
        sleeper(given)


def test_b59_the_function_of_a_sleep_takes_the_value() -> None:
    def wrong(data: Data[Wait, str]) -> datetime:
        return datetime.now(UTC)

    with pytest.raises(ContractError, match=r"TF701: .*condition 'wrong' takes str, and gets int"):
        sleeper(wrong).validate()


async def test_b59_a_start_waits_while_the_flow_only_sleeps(clock: FakeClock) -> None:
    began = clock.now()
    assert await sleeper().async_start([1]) == [2]
    assert clock.now() == began + DAY


async def test_b59_a_start_does_not_wait_for_an_answer(clock: FakeClock) -> None:
    with pytest.raises(ExecutionPaused):
        await review().async_start("x")


async def test_b59_a_start_that_sleeps_ends_at_its_timeout() -> None:
    with pytest.raises(TimeoutError):
        await sleeper().async_start([1], timeout=0.02)


async def test_b59_nobody_answers_a_sleep(clock: FakeClock) -> None:
    execution = sleeper().create_execution()
    await execution.async_start([1])
    sleeping = execution.save().interrupts[0].id
    with pytest.raises(InterruptError, match="TF807"):
        await execution.async_continue_with(sleeping, 5)


def test_b59_a_sleep_goes_on_in_another_process(tmp_path: Path) -> None:
    """By the system's clock, in loops of their own."""
    flow = sleeper(timedelta(milliseconds=30))
    began = time.time()
    saved = flow.create_execution()
    assert saved.start([4]) is Status.WAITING
    saved.save(tmp_path / "sleep.json")
    again = sleeper(timedelta(milliseconds=30)).create_execution().load(tmp_path / "sleep.json")
    while again.settle() is Status.WAITING:
        pass
    assert again.result == [8]
    assert time.time() - began >= 0.03


async def test_b59_what_sleeps_where_the_sleep_is_gone_is_refused(clock: FakeClock) -> None:
    execution = sleeper().create_execution()
    await execution.async_start([1])
    saved = execution.save()
    flow = Flow(Wait)
    flow.for_each().to(double).end_for_each().end()
    with pytest.raises(SnapshotError, match=r"TF920: interrupt 'sleep\.sleep-.*stands at node 'sleep', which the flow"):
        flow.create_execution().load(saved)
    other = Flow(Wait)
    other.for_each().to(double, name="sleep").to(double).end_for_each().end()
    with pytest.raises(SnapshotError, match="was sleep and is step"):
        other.create_execution().load(saved)


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"deadline": msgspec.UNSET}, "there is no deadline"),
        ({"asleep": msgspec.UNSET}, "'sleep' only sleeps"),
    ],
)
async def test_b59_a_document_that_contradicts_itself_is_refused(
    clock: FakeClock, changes: dict[str, Any], text: str
) -> None:
    execution = sleeper().create_execution()
    await execution.async_start([1])
    saved = execution.save()
    forged = msgspec.structs.replace(saved, interrupts=[msgspec.structs.replace(saved.interrupts[0], **changes)])
    with pytest.raises(SnapshotError, match=text):
        sleeper().create_execution().load(forged)
