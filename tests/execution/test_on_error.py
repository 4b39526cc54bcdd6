"""Failures as values: `on_error` of a step and of a child flow, and a for_each that collects (DESIGN 12, B58)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from tests.execution.running import Here, Plain, Style, both, outcome, passing, run
from typedflow import (
    Contract,
    ContractError,
    Data,
    Execution,
    Failed,
    FinishedError,
    Flow,
    ResourceError,
    Retry,
    SnapshotError,
    Status,
    StoreError,
)
from typedflow.stores import MemoryStore


class Page(msgspec.Struct):
    url: str
    size: int = 0


class Crawl(Contract):
    input: list[str]
    result: list[Page | Failed[str]]


class Fetch(Contract):
    input: str
    result: Page | Failed[str]


Each = Data[Crawl, str]


class Refused(Exception):
    """What the handlers here fail with."""


def fails(data: Here) -> Any:
    raise Refused(f"no {data.value}")


def described(data: Here) -> Any:
    failed: Failed[Any] = data.value
    return (failed.value, failed.error, failed.text, failed.attempts)


# -- a step


@both
def test_a_handler_for_errors_supplies_the_value_of_a_step_that_fails(style: Style) -> None:
    flow = Flow(Plain)
    flow.to(style(fails), on_error=style(described)).to(passing).end()
    assert outcome(flow, "a") == ("a", "Refused", "no a", 1)


@both
def test_a_step_that_does_not_fail_has_its_own_value(style: Style) -> None:
    flow = Flow(Plain)
    flow.to(style(passing), on_error=described).to(passing).end()
    assert outcome(flow, "a") == "a"


def test_a_failure_becomes_a_value_after_the_last_attempt() -> None:
    seen: list[int] = []

    def flaky(data: Here) -> Any:
        seen.append(data.attempt)
        raise KeyError("k") if data.attempt == 2 else Refused("no")

    flow = Flow(Plain)
    flow.to(flaky, retry=Retry(3, on=(Refused, LookupError)), on_error=described).end()
    assert outcome(flow, "a") == ("a", "Refused", "no", 3)
    assert seen == [1, 2, 3]
    stops = Flow(Plain)
    stops.to(flaky, retry=Retry(5, on=(Refused,)), on_error=described).end()
    assert outcome(stops, "a") == ("a", "KeyError", "'k'", 2)


def test_the_timeout_of_a_step_becomes_a_value() -> None:
    async def slow(data: Here) -> Any:
        await asyncio.sleep(9)

    flow = Flow(Plain)
    flow.to(slow, timeout=2, on_error=described).end()
    assert outcome(flow, "a")[1:] == ("TimeoutError", "step 'slow' was not over after 2 s", 1)


def test_the_timeout_of_the_execution_does_not_become_a_value() -> None:
    async def slow(data: Here) -> Any:
        await asyncio.sleep(9)

    flow = Flow(Plain)
    flow.to(slow, on_error=described).end()
    with pytest.raises(TimeoutError, match="execution"):
        outcome(flow, "a", timeout=2)


@pytest.mark.parametrize(
    "error",
    [
        ContractError("c"),
        ResourceError("r"),
        SnapshotError("s"),
        StoreError("s"),
        ExceptionGroup("g", [ValueError("v"), StoreError("s")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_is_no_failure_of_the_work_fails_the_run(error: Exception) -> None:
    def broken(data: Here) -> Any:
        raise error

    flow = Flow(Plain)
    flow.for_each(on_error="collect").to(broken, on_error=described).end_for_each().end()
    with pytest.raises(type(error)) as caught:
        outcome(flow, ["a"])
    assert caught.value is error


def test_a_wrong_return_value_fails_the_run() -> None:
    def wrong(data: Here) -> int:
        return "a"  # type: ignore[return-value]  # what is tested

    flow = Flow(Plain)
    flow.to(wrong, on_error=described).end()
    with pytest.raises(ContractError, match="TF813"):
        outcome(flow, "a")


def test_a_group_of_errors_becomes_a_value() -> None:
    async def several(data: Here) -> Any:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(asyncio.sleep(0)).add_done_callback(lambda _: None)
            raise Refused("inside")

    flow = Flow(Plain)
    flow.to(several, on_error=described).end()
    assert outcome(flow, "a")[1] == "ExceptionGroup"


def test_what_a_failed_step_emitted_is_dropped_and_its_state_stays() -> None:
    def writes(data: Here) -> Any:
        data.state.topic = "written"
        data.emit("rung", 1)
        data.set_result("early")
        raise Refused

    flow = Flow(Plain)
    heard: list[int] = []
    flow.to(writes, on_error=lambda data: data.state.topic).end()
    flow.when("rung").to(lambda data: heard.append(data.value))
    assert outcome(flow, "a") == "written"
    assert heard == []


def test_the_handlers_own_failure_fails_the_run_and_a_retry_runs_it_again() -> None:
    tries: list[str] = []

    def handle(data: Data[Plain, Failed[Any]]) -> str:
        tries.append(data.key)
        if len(tries) == 1:
            raise Refused("handle")
        return data.value.text

    flow = Flow(Plain)
    flow.to(fails, on_error=handle).end()
    execution = flow.create_execution()

    async def main() -> str:
        with pytest.raises(Refused, match="handle") as caught:
            await execution.async_start("a")
        assert caught.value.__notes__ == [f"in step 'handle' of flow 'Plain', execution '{execution.id}'"]
        assert await execution.async_retry() is Status.COMPLETED
        return str(execution.result)

    assert run(main()) == "no a"
    assert len(set(tries)) == 1
    assert tries[0].endswith(":handle@0")


def test_an_exception_that_cannot_be_read_becomes_a_value() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    class Torn(Exception):
        def __str__(self) -> str:
            return "a \ud800 b"

    def raises(data: Here) -> Any:
        raise data.value

    flow = Flow(Plain)
    flow.for_each().to(raises, on_error=described).end_for_each().end()
    assert [found[1:3] for found in outcome(flow, [Odd(), Torn()])] == [("Odd", ""), ("Torn", "a \\ud800 b")]


def test_the_text_of_a_resource_is_not_in_a_failure() -> None:
    def leaks(data: Here) -> Any:
        raise Refused(f"cannot reach {data.require_resource('tool')}")

    flow = Flow(Plain)
    flow.update_runtime_resources(tool="postgres://me:secret@host")
    flow.to(leaks, on_error=described).end()
    assert outcome(flow, "a")[2] == "cannot reach …"


def test_a_condition_that_fails_in_an_item_is_the_items_failure() -> None:
    def condition(data: Here) -> bool:
        raise Refused("asked")

    flow = Flow(Plain)
    flow.for_each(on_error="collect").if_condition(condition).to(passing).end_condition().end_for_each().end()
    assert outcome(flow, ["a"]) == [Failed("a", "Refused", "asked", 1)]


# -- a step that pauses, saved and loaded


def fetch(data: Data[Fetch, str]) -> Page:
    raise Refused(f"no {data.value}")


def ask(data: Data[Fetch, Failed[str]]) -> Page | Failed[str]:
    return data.pause_for({"url": data.value.value, "text": data.value.text})


def asking() -> Flow[Fetch]:
    flow = Flow(Fetch)
    flow.to(fetch, on_error=ask).end()
    return flow


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_a_handler_for_errors_may_pause_and_its_failure_is_saved(format: Any) -> None:
    execution = asking().create_execution()

    async def main() -> object:
        assert await execution.async_start("a") is Status.WAITING
        saved = execution.save(format=format).to_bytes()
        loaded = asking().create_execution().load(saved)
        [interrupt] = loaded.interrupts
        assert loaded.interrupts[interrupt].payload == {"url": "a", "text": "no a"}
        await loaded.async_continue_with(interrupt, {"url": "b", "size": 3})
        return loaded.result

    assert run(main()) == Page("b", 3)


def crashing(fail: list[bool]) -> Flow[Fetch]:
    def handle(data: Data[Fetch, Failed[str]]) -> Failed[str]:
        if fail:
            raise RuntimeError("crash")
        return data.value

    flow = Flow(Fetch)
    flow.to(fetch, retry=Retry(2), on_error=handle).end()
    return flow


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_a_failure_in_flight_is_saved_and_loaded(format: Any) -> None:
    execution = crashing([True]).create_execution()

    async def main() -> object:
        with pytest.raises(RuntimeError):
            await execution.async_start("a")
        loaded = crashing([]).create_execution().load(execution.save(format=format).to_bytes())
        await loaded.async_retry()
        return loaded.result

    assert run(main()) == Failed("a", "Refused", "no a", 2)


# -- the items of a for_each


def page(data: Each) -> Page:
    if "bad" in data.value:
        raise Refused(f"no {data.value}")
    return Page(data.value, len(data.value))


def crawling(*, concurrency: int | None = None) -> Flow[Crawl]:
    flow = Flow(Crawl)
    flow.for_each(on_error="collect", concurrency=concurrency).to(page).end_for_each().end()
    return flow


@pytest.mark.parametrize("concurrency", [None, 1, 2])
def test_a_failed_item_is_its_failure_in_input_order(concurrency: int | None) -> None:
    found = outcome(crawling(concurrency=concurrency), ["a", "bad", "c", "bad2"])
    assert found == [
        Page("a", 1),
        Failed("bad", "Refused", "no bad", 1),
        Page("c", 1),
        Failed("bad2", "Refused", "no bad2", 1),
    ]


def test_a_failed_item_stops_what_runs_inside_of_it_and_nothing_else() -> None:
    log: list[str] = []

    async def slow(data: Each) -> Page:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            log.append(f"stopped {data.value}")
            raise
        log.append(f"slow {data.value}")
        return Page(data.value)

    async def quick(data: Each) -> Page:
        await asyncio.sleep(1)
        if data.value == "b":
            raise Refused("b")
        return Page(data.value)

    def first(data: Data[Crawl, tuple[Page, Page]]) -> Page:
        return data.value[0]

    flow = Flow(Crawl)
    batch = flow.for_each(on_error="collect").batch().branch(slow).branch(quick).end_batch()
    batch.to(first).end_for_each().end()
    assert outcome(flow, ["a", "b", "c"]) == [Page("a"), Failed("b", "Refused", "b", 1), Page("c")]
    assert log[0] == "stopped b"
    assert sorted(log[1:]) == ["slow a", "slow c"]


def test_a_handler_that_swallows_its_cancellation_does_not_go_on() -> None:
    log: list[str] = []

    async def stubborn(data: Here) -> Any:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            log.append("swallowed")
        return data.value

    async def soon(data: Here) -> Any:
        await asyncio.sleep(1)
        raise Refused("soon")

    flow = Flow(Plain)
    inside = flow.for_each(on_error="collect").batch().branch(stubborn).branch(soon).end_batch()
    inside.to(lambda data: log.append("after")).end_for_each().end()
    assert outcome(flow, ["a"]) == [Failed("a", "Refused", "soon", 1)]
    assert log == ["swallowed"]


def test_a_failed_item_frees_its_place_and_inner_items_that_were_not_started_never_start() -> None:
    started: list[str] = []

    async def inner(data: Here) -> Any:
        started.append(data.value)
        await asyncio.sleep(1 if data.value == "a1" else 2)
        if data.value == "a1":
            raise Refused("a1")
        return data.value

    flow = Flow(Plain)
    outer = flow.for_each(on_error="collect", concurrency=1).to(lambda data: [f"{data.value}{n}" for n in range(4)])
    outer.for_each(concurrency=2).to(inner).end_for_each().end_for_each().end()
    assert outcome(flow, ["a", "b"]) == [Failed("a", "Refused", "a1", 1), ["b0", "b1", "b2", "b3"]]
    assert started == ["a0", "a1", "b0", "b1", "b2", "b3"]


def test_a_collect_inside_of_a_failed_item_is_dropped() -> None:
    def one(data: Here) -> Any:
        if data.value == "bad":
            raise Refused("one")
        return data.value

    flow = Flow(Plain)
    item = flow.for_each(on_error="collect")
    item.to(passing).collect("both", "left")
    item.to(one).collect("both", "right").end_for_each().end()
    good = {"left": "ok", "right": "ok"}
    assert outcome(flow, ["bad", "ok"]) == [Failed("bad", "Refused", "one", 1), good]


def test_the_inner_block_takes_the_failure_first() -> None:
    flow = Flow(Plain)
    inner = flow.for_each(on_error="collect").for_each(on_error="collect").to(fails).end_for_each()
    inner.end_for_each().end()
    assert outcome(flow, [["a"]]) == [[Failed("a", "Refused", "no a", 1)]]


def test_the_failure_of_a_step_counts_its_attempts() -> None:
    flow = Flow(Plain)
    flow.for_each(on_error="collect").to(fails, retry=Retry(3)).end_for_each().end()
    assert outcome(flow, ["a"]) == [Failed("a", "Refused", "no a", 3)]


def test_a_side_branch_that_fails_behind_the_result_of_its_item_fails_the_run() -> None:
    async def late(data: Here) -> None:
        await asyncio.sleep(1)
        raise Refused("late")

    flow = Flow(Plain)
    flow.for_each(on_error="collect").side_branch(late).to(passing).end_for_each().end()
    with pytest.raises(Refused, match="late"):
        outcome(flow, ["a"])


def test_a_side_branch_that_fails_before_is_the_items_failure() -> None:
    async def slow(data: Here) -> Any:
        await asyncio.sleep(2)
        return data.value

    async def side(data: Here) -> None:
        await asyncio.sleep(1)
        raise Refused("side")

    flow = Flow(Plain)
    flow.for_each(on_error="collect").side_branch(side).to(slow).end_for_each().end()
    assert outcome(flow, ["a"]) == [Failed("a", "Refused", "side", 1)]


def test_an_interrupt_of_a_failed_item_is_gone() -> None:
    def pauses(data: Here) -> Any:
        return data.pause_for(interrupt_id="q")

    async def soon(data: Here) -> Any:
        await asyncio.sleep(1)
        raise Refused("soon")

    flow = Flow(Plain)
    flow.for_each(on_error="collect").batch().branch(pauses).branch(soon).end_batch().end_for_each().end()
    execution: Execution[Any] = flow.create_execution()

    async def main() -> None:
        assert await execution.async_start(["a"]) is Status.COMPLETED
        assert execution.interrupts == {}
        assert execution.result == [Failed("a", "Refused", "soon", 1)]
        with pytest.raises(FinishedError):
            await execution.async_continue_with("q", 1)

    run(main())


def test_a_retry_does_not_run_a_failed_item_again() -> None:
    runs: list[str] = []
    broken = [True]

    def item(data: Each) -> Page:
        runs.append(data.value)
        return page(data)

    def last(data: Data[Crawl, list[Page | Failed[str]]]) -> list[Page | Failed[str]]:
        if broken.pop():
            broken.append(False)
            raise RuntimeError("last")
        return data.value

    flow = Flow(Crawl)
    flow.for_each(on_error="collect").to(item).end_for_each().to(last).end()
    execution = flow.create_execution()

    async def main() -> object:
        with pytest.raises(RuntimeError):
            await execution.async_start(["bad", "a"])
        await execution.async_retry()
        return execution.result

    assert run(main()) == [Failed("bad", "Refused", "no bad", 1), Page("a", 1)]
    assert runs == ["bad", "a"]


# -- saved


def waiting_items() -> Flow[Crawl]:
    def asked(data: Each) -> Page:
        if data.value == "ask":
            return data.pause_for("which?", interrupt_id="q")
        return page(data)

    def checked(data: Data[Crawl, Page]) -> Page:
        if data.value.size < 0:
            raise Refused("negative")
        return data.value

    flow = Flow(Crawl)
    flow.for_each(on_error="collect", concurrency=2).to(asked).to(checked).end_for_each().end()
    return flow


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("size, last", [(4, Page("d", 4)), (-1, Failed("ask", "Refused", "negative", 1))])
def test_failed_items_and_the_items_that_wait_survive_a_load(format: Any, size: int, last: object) -> None:
    """The item that was started before the save is the value of its failure after the load."""
    execution = waiting_items().create_execution()

    async def main() -> object:
        assert await execution.async_start(["bad", "ask", "c"]) is Status.WAITING
        loaded = waiting_items().create_execution().load(execution.save(format=format).to_bytes())
        again = waiting_items().create_execution().load(loaded.save(format=format).to_bytes())
        await again.async_continue_with("q", {"url": "d", "size": size})
        return again.result

    assert run(main()) == [Failed("bad", "Refused", "no bad", 1), last, Page("c", 1)]


def test_items_saved_before_the_block_collected_fail_the_run_after_the_load() -> None:
    """Their values were not saved, so that nothing can say what failed."""

    def flow_of(on_error: Any) -> Flow[Plain]:
        def asked(data: Here) -> Any:
            return data.pause_for("which?")

        flow = Flow(Plain)
        flow.for_each(on_error=on_error, concurrency=1).to(asked).to(fails).end_for_each().end()
        return flow

    before = flow_of("fail").create_execution()

    async def main() -> None:
        await before.async_start(["a", "b"])
        loaded = flow_of("collect").create_execution().load(before.save().to_bytes())
        again = flow_of("collect").create_execution().load(loaded.save().to_bytes())
        with pytest.raises(Refused):
            await again.async_continue_with(next(iter(again.interrupts)), 1)

    run(main())


def test_items_saved_while_the_block_collected_load_when_it_does_not() -> None:
    flow = Flow(Crawl)

    def asked(data: Each) -> Page:
        return data.pause_for("which?", interrupt_id="q")

    def checked(data: Data[Crawl, Page]) -> Page:
        return data.value

    def wide(data: Data[Crawl, list[Page]]) -> list[Page | Failed[str]]:
        return list(data.value)

    flow.for_each().to(asked).to(checked).end_for_each().to(wide).end()
    before = waiting_items().create_execution()

    async def main() -> None:
        await before.async_start(["ask"])
        after = flow.create_execution().load(before.save().to_bytes())
        await after.async_continue_with("q", {"url": "u"})
        assert after.result == [Page("u")]

    run(main())


def test_with_a_store_every_step_is_saved_and_the_run_can_be_opened_at_its_end() -> None:
    store = MemoryStore()
    flow = crawling(concurrency=2)
    execution = flow.create_execution(store=store, checkpoint="step", execution_id="e")

    async def main() -> object:
        await execution.async_start(["bad", "b", "bad2"])
        return (await flow.async_open("e", store=store)).result

    assert run(main()) == [
        Failed("bad", "Refused", "no bad", 1),
        Page("b", 1),
        Failed("bad2", "Refused", "no bad2", 1),
    ]


# -- child flows


def child_flow(*handlers: Any) -> Flow[Plain]:
    child = Flow(Plain, name="child")
    batch = child.batch()
    for handler in handlers:
        batch.branch(handler)
    batch.end_batch().end()
    return child


def test_a_handler_for_errors_supplies_the_value_of_a_child_flow() -> None:
    log: list[str] = []

    async def slow(data: Here) -> Any:
        try:
            await asyncio.sleep(9)
        finally:
            log.append("stopped")

    async def soon(data: Here) -> Any:
        await asyncio.sleep(1)
        raise Refused("soon")

    flow = Flow(Plain)
    flow.to_sub_flow(child_flow(slow, soon), on_error=described).to(passing).end()
    execution = flow.create_execution()
    assert run(execution.async_start("a")) is Status.COMPLETED
    assert execution.result == ("a", "Refused", "soon", 1)
    assert log == ["stopped"]


def test_a_child_without_a_result_is_a_failure() -> None:
    child = Flow(Fetch, name="child")
    child.to(lambda data: None)
    flow = Flow(Fetch)
    flow.to_sub_flow(child, on_error=lambda data: Failed(data.value.value, data.value.error, "", 1)).end()
    assert outcome(flow, "a") == Failed("a", "NoResultError", "", 1)


def test_a_child_that_fails_in_an_item_is_the_items_failure() -> None:
    flow = Flow(Plain)
    flow.for_each(on_error="collect").to_sub_flow(child_flow(fails)).end_for_each().end()
    assert outcome(flow, ["a"]) == [Failed("a", "Refused", "no a", 1)]


def test_a_child_that_waits_beside_a_failure_is_dropped() -> None:
    def pauses(data: Here) -> Any:
        return data.pause_for(interrupt_id="q")

    async def soon(data: Here) -> Any:
        await asyncio.sleep(1)
        raise Refused("soon")

    flow = Flow(Plain)
    block = flow.for_each(on_error="collect").batch().branch(child_flow(pauses)).branch(soon).end_batch()
    block.end_for_each().end()
    execution = flow.create_execution()
    assert run(execution.async_start(["a"])) is Status.COMPLETED
    assert execution.result == [Failed("a", "Refused", "soon", 1)]
    assert execution.interrupts == {}


def test_items_of_a_child_that_all_fail_end_the_child() -> None:
    child = Flow(Plain, name="child")
    child.for_each(on_error="collect").to(fails).end_for_each().end()
    flow = Flow(Plain)
    flow.to_sub_flow(child).to(passing).end()
    assert outcome(flow, ["a"]) == [Failed("a", "Refused", "no a", 1)]


def test_a_failure_of_an_outer_part_stops_what_an_inner_one_waits_for() -> None:
    log: list[str] = []

    async def stubborn(data: Here) -> Any:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            log.append("inner stops")
            await asyncio.sleep(3)
            log.append("inner stopped")
            raise

    async def at(data: Here, seconds: float) -> Any:
        await asyncio.sleep(seconds)
        raise Refused(f"at {seconds}")

    async def first(data: Here) -> Any:
        await at(data, 1)

    async def second(data: Here) -> Any:
        await at(data, 2)

    inner = Flow(Plain, name="inner")
    block = inner.for_each(on_error="collect").batch().branch(stubborn).branch(first).end_batch()
    block.end_for_each().end()
    flow = Flow(Plain)
    outer = flow.for_each(on_error="collect").batch().branch(inner).branch(second).end_batch()
    outer.end_for_each().end()
    assert outcome(flow, [["a"]]) == [Failed(["a"], "Refused", "at 2", 1)]
    assert log == ["inner stops", "inner stopped"]


# -- cancellation


def test_a_cancelled_execution_collects_nothing() -> None:
    reached: list[str] = []

    async def slow(data: Here) -> Any:
        await asyncio.sleep(9)

    flow = Flow(Plain)
    flow.for_each(on_error="collect").to(slow, on_error=lambda data: reached.append("handled")).end_for_each().end()
    execution = flow.create_execution()

    async def main() -> None:
        running = asyncio.create_task(execution.async_start(["a", "b"]))
        await asyncio.sleep(1)
        await execution.async_cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(main())
    assert execution.status is Status.CANCELLED
    assert reached == []


def test_a_note_names_the_item() -> None:
    child = Flow(Plain, name="child")
    child.for_each().to(fails).end_for_each().end()
    flow = Flow(Plain, name="parent")
    flow.for_each(name="pages").to_sub_flow(child).end_for_each().end()
    with pytest.raises(Refused) as caught:
        outcome(flow, [["a"]])
    [note] = caught.value.__notes__
    assert note.startswith("in step 'fails' of flow 'child', item 0 of 'for_each', item 0 of 'pages' of flow 'parent'")


# -- a branch of a batch, and a side branch


@both
def test_the_handler_of_a_branch_supplies_its_value(style: Style) -> None:
    flow = Flow(Plain)
    batch = flow.batch().branch(style(fails), on_error=style(described)).branch(passing)
    batch.end_batch().to(passing, name="all").end()
    assert outcome(flow, "a") == (("a", "Refused", "no a", 1), "a")


def test_a_branch_keeps_its_name_and_its_place_beside_a_handler_for_errors() -> None:
    flow = Flow(Plain)
    flow.batch().branch(passing).branch(fails, name="second", on_error=described).end_batch().end()
    assert outcome(flow, "a") == ("a", ("a", "Refused", "no a", 1))


def test_the_handler_of_a_branch_that_is_a_child_flow_supplies_its_value() -> None:
    child = Flow(Plain, name="child")
    child.to(fails).end()
    flow = Flow(Plain)
    flow.batch().branch(child, on_error=described).branch(passing).end_batch().end()
    assert outcome(flow, "a") == (("a", "Refused", "no a", 1), "a")


def test_the_handler_of_a_branch_may_pause_and_the_batch_waits_for_it() -> None:
    def asks(data: Data[Any, Failed[str]]) -> str:
        return data.pause_for(data.value.text, interrupt_id="ask")

    def step(data: Data[Any, str]) -> str:
        raise Refused("no")

    class Texts(Contract):
        input: str
        result: tuple[str, str]

    def build() -> Flow[Texts]:
        flow = Flow(Texts)
        flow.batch().branch(step, on_error=asks).branch(upper).end_batch().end()
        return flow

    def upper(data: Data[Any, str]) -> str:
        return data.value.upper()

    execution = build().create_execution()
    assert execution.start("a") is Status.WAITING
    again = build().create_execution().load(execution.save().to_json())
    again.continue_with("ask", "answered")
    assert again.result == ("answered", "A")


@both
def test_the_handler_of_a_side_branch_keeps_the_run_going(style: Style) -> None:
    seen: list[Any] = []
    flow = Flow(Plain)
    flow.side_branch(style(fails), on_error=lambda data: seen.append(data.value.text)).to(passing).end()
    assert outcome(flow, "a") == "a"
    assert seen == ["no a"]


def test_a_side_branch_of_a_chain_has_a_handler_too() -> None:
    flow = Flow(Plain)
    flow.to(passing).side_branch(fails, on_error=described).end()
    assert outcome(flow, "a") == "a"


def test_a_handler_for_the_errors_of_a_branch_has_to_take_a_failed() -> None:
    def takes_number(data: Data[Crawl, int]) -> int:
        return data.value

    flow: Any = Flow(Crawl)
    flow.batch().branch(passing, on_error=takes_number).end_batch()
    with pytest.raises(ContractError, match=r"TF701.*'takes_number' takes int, and gets Failed"):
        flow.validate()
