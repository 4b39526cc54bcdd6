"""Remote children: executions of their own, which workers run while their parent waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.budget import rows
from tests.postgres import conninfo_of
from tests.stores.conformance import STORES
from typedflow import (
    ChildEntered,
    ChildFailedError,
    ChildLeft,
    ConflictError,
    Contract,
    ContractError,
    Data,
    Failed,
    FinishedError,
    Flow,
    FlowState,
    Resources,
    State,
    Status,
    distributed,
    stores,
)
from typedflow.api.execution import inside_of
from typedflow.distributed import Worker, answer, cancel, result, retry, submit
from typedflow.engine.tokens import ChildOutcome
from typedflow.stores import FileStore, MemoryStore

SOON: Final = 20.0
"""Seconds that a test waits at the most for what takes milliseconds."""


class Tools(Resources):
    factor: int


class Tally(FlowState):
    done: int = 0
    last: int = 0


class Notes(State):
    label: str = ""


class Part(Contract):
    input: int
    result: int
    state: Notes
    flow_state: Tally
    resources: Tools


class Whole(Contract):
    input: int
    result: int
    flow_state: Tally


class Row(Contract):
    input: list[int]
    result: list[int]


class Many(Contract):
    input: list[int]
    result: list[int | str]
    flow_state: Tally


def multiply(data: Data[Part, int]) -> int:
    data.update_flow_state(count)
    if data.value < 0:
        raise ValueError(f"{data.value} is negative, {data.state.label}")
    return data.value * data.resources.factor


def count(tally: Tally) -> None:
    tally.done += 1


def add_one(data: Data[Whole, int]) -> int:
    data.update_flow_state(count)
    return data.value + 1


def multiplying() -> Flow[Part]:
    flow = Flow(Part, name="part")
    flow.to(multiply).end()
    return flow


def parent_of(child: Flow[Part]) -> Flow[Whole]:
    flow = Flow(Whole, name="whole")
    flow.to_sub_flow(child, remote=True, capture={"input": "value"}).to(add_one).end()
    return flow


@pytest.fixture(params=rows(["memory", "sqlite", "postgres", "sealed sqlite"], ["memory", "postgres"]))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    opened: Any = STORES[request.param].open(tmp_path)
    async with opened as store:
        yield store


@asynccontextmanager
async def working(store: Any, *flows: Flow[Any], **options: Any) -> AsyncIterator[None]:
    """Run one worker for each flow."""
    async with AsyncExitStack() as stack:
        for flow in flows:
            worker = Worker(store, [flow], **{"poll": 0.02, "resources": {"factor": lambda: 10}, **options})
            task = asyncio.create_task(worker.run())
            stack.push_async_callback(asyncio.wait, [task])
            stack.callback(worker.stop)
        yield


async def until(check: Callable[[], Any]) -> Any:
    """Return what a check returns, as soon as it is true."""
    async with asyncio.timeout(SOON):
        while not (found := await check()):  # noqa: ASYNC110  # a store does not notify
            await asyncio.sleep(0.005)
    return found


async def of_flow(store: Any, flow: str, status: str) -> list[str]:
    return [entry.execution_id for entry in await store.list(flow) if entry.status == status]


async def status_of(store: Any, execution_id: str) -> str:
    stored = await store.get(execution_id)
    return str(stored.status)


async def is_idle(store: Any, flow: str) -> bool:
    return await store.next_ready([flow]) is None


async def counted(store: Any, flow: str) -> int:
    stored = await store.get_flow_state(flow)
    done: int = 0 if stored is None else msgspec.json.decode(stored)["done"]
    return done


async def test_a_remote_child_is_run_by_the_worker_of_its_flow(store: Any) -> None:
    child = multiplying()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == 31
    listed = {(entry.flow, entry.status) for entry in await store.list()}
    assert listed == {("whole", "completed"), ("part", "completed")}
    assert [await counted(store, "part"), await counted(store, "whole")] == [1, 1]
    [found] = await of_flow(store, "part", "completed")
    stored = await store.get(found)
    assert stored.parent[0] == stored.parent.root_id == "a"
    assert stored.parent.key.startswith("a:part@")


async def test_a_parent_waits_and_belongs_to_nobody_while_nobody_has_the_flow_of_its_child(store: Any) -> None:
    child = multiplying()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent):
        await until(lambda: of_flow(store, "whole", "waiting"))
        await until(partial(is_idle, store, "whole"))
    assert await store.next_ready(["part"]) is not None
    assert len(await of_flow(store, "part", "running")) == 1


async def test_what_a_child_gets_and_gives_back_is_that_of_any_child(store: Any) -> None:
    class Labelled(Contract):
        input: str
        result: str
        state: Notes

    def join(data: Data[Labelled, str]) -> str:
        return f"{data.value}, {data.state.label}"

    class Owner(Contract):
        input: int
        result: int
        state: Labels

    child = Flow(Labelled, name="labelled")
    child.to(join).end()
    parent = Flow(Owner, name="owner")
    parent.to_sub_flow(
        child,
        remote=True,
        capture={"input": "state.wish", "state": {"label": "state.label"}},
        write_back={"state": {"label": "result"}},
    ).end()
    execution = parent.create_execution(store=store, execution_id="a", state={"wish": "w", "label": "l"})
    assert await execution.async_start(1) is Status.WAITING
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == 1
    assert (await parent.async_open("a", store=store)).state.label == "w, l"


class Labels(State):
    wish: str
    label: str


async def test_an_embedded_parent_waits_and_a_worker_goes_on_with_it(store: Any) -> None:
    child = multiplying()
    parent = parent_of(child)
    execution = parent.create_execution(store=store, execution_id="a")
    assert await execution.async_start(4) is Status.WAITING
    async with working(store, child):
        await until(lambda: of_flow(store, "part", "completed"))
    assert await status_of(store, "a") == "waiting"
    async with working(store, parent):
        assert await result(store, parent, "a", timeout=SOON) == 41


async def test_the_failure_of_a_child_fails_its_parent_and_a_retry_runs_the_child_again(store: Any) -> None:
    fails = [True]

    def multiply(data: Data[Part, int]) -> int:
        data.update_flow_state(count)
        if fails[0]:
            raise ValueError("not today")
        return data.value * 10

    child = Flow(Part, name="part")
    child.to(multiply).end()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child):
        await until(lambda: of_flow(store, "whole", "failed"))
        assert len(await of_flow(store, "part", "failed")) == 1
        fails[0] = False
        await retry(store, "a")
        await until(lambda: of_flow(store, "whole", "completed"))
        assert await result(store, parent, "a", timeout=SOON) == 31
    assert len(await store.list("part")) == 1


async def test_the_error_of_a_child_is_told_by_the_error_of_its_parent(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    child = multiplying()
    parent = parent_of(child)
    await submit(store, parent, -3, execution_id="a")
    with caplog.at_level(logging.WARNING, "typedflow.worker"):
        async with working(store, parent, child):
            await until(lambda: of_flow(store, "whole", "failed"))
    [name] = await of_flow(store, "part", "failed")
    told = f"child execution '{name}' of flow 'part' failed: ValueError: -3 is negative, "
    assert [f"ChildFailedError: TF830: step 'part' of flow 'whole': {told}" in each for each in caplog.messages][-1]


async def test_a_handler_for_errors_gets_the_class_and_text_of_what_the_child_failed_with(store: Any) -> None:
    def tell(data: Data[Whole, Failed[int]]) -> int:
        assert (data.value.error, data.value.text) == ("ValueError", f"{data.value.value} is negative, ")
        return data.value.value

    child = multiplying()
    parent = Flow(Whole, name="whole")
    parent.to_sub_flow(child, remote=True, on_error=tell).end()
    await submit(store, parent, -3, execution_id="a")
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == -3
    assert len(await of_flow(store, "part", "failed")) == 1


async def test_a_fault_of_a_child_is_never_a_value(store: Any) -> None:
    def lie(data: Data[Part, int]) -> int:
        return "no number"  # type: ignore[return-value]

    child = Flow(Part, name="part")
    child.to(lie).end()
    parent = Flow(Whole, name="whole")
    parent.to_sub_flow(child, remote=True, on_error=lambda data: 0).end()
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child):
        await until(lambda: of_flow(store, "whole", "failed"))


async def test_children_of_a_for_each_give_their_results_in_order_and_not_more_at_once_than_it_allows(
    store: Any,
) -> None:
    child = multiplying()
    parent = Flow(Row, name="many")
    parent.for_each(concurrency=3).to_sub_flow(child, remote=True).end_for_each().end()
    await submit(store, parent, list(range(12)), execution_id="a")
    async with working(store, parent):
        await until(lambda: of_flow(store, "many", "waiting"))
        assert len(await store.list("part")) == 3
        execution = await parent.async_open("a", store=store)  # and so it is behind a load
        assert execution.status is Status.WAITING
        async with working(store, child, child):
            assert await result(store, parent, "a", timeout=SOON) == [10 * number for number in range(12)]
    assert await counted(store, "part") == 12
    assert len(await store.list("part")) == 12


async def test_several_workers_that_have_all_flows_share_a_tree_of_children(store: Any) -> None:
    """Parents and children are saved at once, and lock each other's rows."""

    class Tree(Contract):
        input: int
        result: int
        flow_state: Tally

    def below(data: Data[Tree, int]) -> list[int]:
        data.update_flow_state(count)
        data.flow_state.last = data.value  # a row that all of them write
        return [data.value - 1] * 3 if data.value else []

    def above(data: Data[Tree, list[int]]) -> int:
        return 1 + sum(data.value)

    tree = Flow(Tree, name="tree")
    tree.to(below).for_each().to_sub_flow(tree, remote=True).end_for_each().to(above).end()
    await submit(store, tree, 3, execution_id="a")
    async with working(store, tree, tree, tree):
        assert await result(store, tree, "a", timeout=60) == 40
    assert len(await of_flow(store, "tree", "completed")) == len(await store.list()) == 40
    assert await counted(store, "tree") == 40


async def test_a_flow_whose_child_becomes_local_takes_the_result_of_one_that_is_open(store: Any) -> None:
    child = multiplying()
    child.update_runtime_resources(factor=10)
    await parent_of(child).create_execution(store=store, execution_id="a").async_start(4)
    parent = Flow(Whole, name="whole")
    parent.to_sub_flow(child).to(add_one).end()
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == 41
    assert await counted(store, "part") == 1


class Numbers(Contract):
    input: list[int]
    result: list[int]
    flow_state: Tally


def double_all(data: Data[Numbers, list[int]]) -> list[int]:
    data.update_flow_state(count)
    return [number * 2 for number in data.value]


async def test_several_items_are_handed_to_one_child(store: Any) -> None:
    """As the page on workers says: a step makes lists of the items, and a child takes a list."""

    def in_chunks(data: Data[Row, list[int]]) -> list[list[int]]:
        return [data.value[at : at + 4] for at in range(0, len(data.value), 4)]

    def joined(data: Data[Row, list[list[int]]]) -> list[int]:
        return [number for chunk in data.value for number in chunk]

    child = Flow(Numbers, name="numbers")
    child.to(double_all).end()
    parent = Flow(Row, name="row")
    chunks = parent.to(in_chunks).for_each(concurrency=2)
    chunks.to_sub_flow(child, remote=True).end_for_each().to(joined).end()
    await submit(store, parent, list(range(10)), execution_id="a")
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == [number * 2 for number in range(10)]
    assert len(await of_flow(store, "numbers", "completed")) == await counted(store, "numbers") == 3


async def test_one_save_inserts_the_children_that_are_ready_together(store: Any) -> None:
    child = multiplying()
    parent = Flow(Row, name="many")
    parent.for_each().to_sub_flow(child, remote=True).end_for_each().end()
    execution = parent.create_execution(store=store, execution_id="a", checkpoint="step")
    assert await execution.async_start(list(range(100))) is Status.WAITING
    assert len(await store.list("part")) == 100
    assert (await store.get("a")).sequence <= 10


async def test_a_for_each_that_collects_has_the_failures_of_children_in_their_places(store: Any) -> None:
    def texts(data: Data[Many, list[int | Failed[int]]]) -> list[int | str]:
        return [each.text if isinstance(each, Failed) else each for each in data.value]

    child = multiplying()
    parent = Flow(Many, name="many")
    parent.for_each(on_error="collect").to_sub_flow(child, remote=True).end_for_each().to(texts).end()
    await submit(store, parent, [1, -2, 3], execution_id="a")
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == [10, "-2 is negative, ", 30]


async def test_a_child_is_cancelled_with_its_parent(store: Any) -> None:
    child = multiplying()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent):
        await until(lambda: of_flow(store, "whole", "waiting"))
        await cancel(store, "a")
        await until(lambda: of_flow(store, "whole", "cancelled"))
    async with working(store, child):
        await until(lambda: of_flow(store, "part", "cancelled"))
    assert await counted(store, "part") == 0


async def test_a_child_is_cancelled_when_its_item_is_dropped(store: Any) -> None:
    def texts(data: Data[Many, list[tuple[int, int] | Failed[int]]]) -> list[int | str]:
        return [each.text if isinstance(each, Failed) else 0 for each in data.value]

    child = multiplying()
    parent = Flow(Many, name="many")
    inside = parent.for_each(on_error="collect")

    async def fail_later(data: Data[Many, int]) -> int:
        await until(lambda: store.list("part"))
        raise ValueError("the other branch")

    inside.batch().branch(fail_later).branch(remote_step(child)).end_batch().end_for_each().to(texts).end()
    execution = parent.create_execution(store=store, execution_id="a", checkpoint="step")
    assert await execution.async_start([1]) is Status.COMPLETED
    async with working(store, child):
        await until(lambda: of_flow(store, "part", "cancelled"))


@pytest.mark.parametrize("concurrency", [None, 1])
async def test_an_item_that_is_dropped_gives_back_the_permit_of_its_child(store: Any, concurrency: int | None) -> None:
    def texts(data: Data[Many, list[int | Failed[int]]]) -> list[int | str]:
        return [each.text if isinstance(each, Failed) else 0 for each in data.value]

    child = multiplying()
    parent = Flow(Many, name="many")
    inside = parent.for_each(on_error="collect", concurrency=concurrency)
    begun = 0

    async def fail_later(data: Data[Many, int]) -> None:
        nonlocal begun
        begun += 1
        mine = begun
        async with asyncio.timeout(SOON):
            while len(await store.list("part")) < mine:  # noqa: ASYNC110  # a store does not notify
                await asyncio.sleep(0.005)
        raise ValueError("beside it")

    inside.side_branch(fail_later)
    inside.to_sub_flow(child, remote=True).end_for_each().to(texts).end()
    execution = parent.create_execution(store=store, execution_id="a", checkpoint="step")
    assert await execution.async_start([1, 2, 3]) is Status.COMPLETED
    assert execution.result == ["beside it"] * 3
    async with working(store, child):
        await until(partial(are, store, "cancelled", 3))


async def are(store: Any, status: str, count: int) -> bool:
    return len(await of_flow(store, "part", status)) == count


def remote_step(child: Flow[Any]) -> Any:
    """Return a flow around a remote child: a branch of a batch is local."""
    around = Flow(Around, name="around")
    around.to_sub_flow(child, remote=True).end()
    return around


class Around(Contract):
    input: int
    result: int


async def test_a_parent_of_a_child_that_was_cancelled_fails_until_that_is_deleted(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    child = multiplying()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent):
        [name] = await until(lambda: of_flow(store, "part", "running"))
        await cancel(store, name)
        async with working(store, child):
            await until(lambda: of_flow(store, "part", "cancelled"))
            await until(lambda: of_flow(store, "whole", "failed"))
            await until(partial(is_idle, store, "whole"))  # it is logged when the save of the failure is over
            assert "was cancelled (a retry of the parent retries it; one that was cancelled" in caplog.text
            await store.delete(name)
            await retry(store, "a")
            await until(lambda: of_flow(store, "whole", "completed"))
    assert await result(store, parent, "a", timeout=SOON) == 31


async def test_a_parent_of_a_child_that_was_deleted_when_it_was_over_fails(store: Any) -> None:
    child = multiplying()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent):
        await until(lambda: of_flow(store, "whole", "waiting"))
    async with working(store, child):
        [name] = await until(lambda: of_flow(store, "part", "completed"))
    await store.delete(name)
    async with working(store, parent):
        await until(lambda: of_flow(store, "whole", "failed"))


async def test_a_parent_of_a_child_that_was_deleted_while_it_was_open_fails_and_starts_it_anew_when_it_is_retried(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    child = multiplying()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent):
        [name] = await until(lambda: of_flow(store, "part", "running"))
        await until(partial(is_idle, store, "whole"))
        assert await store.delete(name)
        await until(lambda: of_flow(store, "whole", "failed"))
        await retry(store, "a")
        async with working(store, child):
            await until(lambda: of_flow(store, "whole", "completed"))
    assert await result(store, parent, "a", timeout=SOON) == 31
    assert f"execution '{name}' was deleted before its parent took its result" in caplog.text
    assert await counted(store, "part") == 1


async def test_a_child_that_is_deleted_while_a_worker_has_it_is_lost_for_both(store: Any) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def stay(data: Data[Part, int]) -> int:
        entered.set()
        await go.wait()
        return data.value

    child = Flow(Part, name="part")
    child.to(stay).end()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child):
        await entered.wait()
        [name] = await of_flow(store, "part", "running")
        await store.delete(name)
        go.set()
        await until(lambda: of_flow(store, "whole", "failed"))
    assert await store.list("part") == []


async def test_an_id_that_is_used_again_has_children_of_its_own(store: Any) -> None:
    child = multiplying()
    parent = parent_of(child)
    async with working(store, parent, child):
        for number, status in ((3, "completed"), (-3, "failed"), (5, "completed")):
            await submit(store, parent, number, execution_id="a")
            await until(partial(of_flow, store, "whole", status))
            assert len(await of_flow(store, "part", status)) == len(await store.list("part")) == 1
            if status == "completed":
                assert await result(store, parent, "a", timeout=SOON) == 10 * number + 1
            await until(partial(is_idle, store, "whole"))
            await store.delete("a")
    assert await counted(store, "part") == 3


async def test_an_id_that_is_used_again_takes_the_place_of_a_child_that_still_runs(store: Any) -> None:
    began: list[int] = []
    go = asyncio.Event()

    async def stay(data: Data[Part, int]) -> int:
        began.append(data.value)
        if data.value == 3:
            await go.wait()
        return data.value

    child = Flow(Part, name="part")
    child.to(stay).end()
    parent = parent_of(child)
    async with working(store, parent, child, child):
        await submit(store, parent, 3, execution_id="a")
        await until(partial(has_begun, began, 3))
        await until(partial(is_idle, store, "whole"))
        await store.delete("a")
        await submit(store, parent, 5, execution_id="a")
        await until(partial(has_begun, began, 5))
        go.set()
        assert await result(store, parent, "a", timeout=SOON) == 6
    assert len(await of_flow(store, "part", "completed")) == 1


async def has_begun(began: list[int], number: int) -> bool:
    return number in began


async def prune_all(store: Any) -> int:
    """Delete what is over, however young; return how many there were."""
    pruned = await store.prune(before=datetime.now(UTC) + timedelta(days=1))
    return int(pruned.executions)


async def test_a_child_that_is_over_is_kept_until_its_parent_is_over(store: Any) -> None:
    child = multiplying()
    parent = Flow(Whole, name="whole")
    parent.to_sub_flow(child, remote=True).to(ask_again).end()
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent):
        await until(lambda: of_flow(store, "part", "running"))
        await until(partial(is_idle, store, "whole"))
    async with working(store, child):
        await until(lambda: of_flow(store, "part", "completed"))
    assert await prune_all(store) == 0
    async with working(store, parent):
        await until(store.pending)
        await until(partial(is_idle, store, "whole"))
        assert await prune_all(store) == 0
        await answer(store, parent, "a", "q", 5)
        assert await result(store, parent, "a", timeout=SOON) == 5
    assert await counted(store, "part") == 1
    assert await prune_all(store) == 2


def ask_again(data: Data[Whole, int]) -> int:
    return data.pause_for(data.value, interrupt_id="q")


async def test_what_a_failed_parent_has_of_its_children_is_kept_for_its_retry(store: Any) -> None:
    """Else the retry would run those again that are completed."""
    fails = [True]

    def multiply(data: Data[Part, int]) -> int:
        data.update_flow_state(count)
        if fails[0] and data.value == 1:
            raise ValueError("not today")
        return data.value * 10

    child = Flow(Part, name="part")
    child.to(multiply).end()
    parent = Flow(Row, name="many")
    parent.for_each().to_sub_flow(child, remote=True).end_for_each().end()
    await submit(store, parent, [0, 1, 2, 3], execution_id="a")
    async with working(store, parent, child):
        await until(lambda: of_flow(store, "many", "failed"))
        await until(partial(are, store, "completed", 3))
        await until(partial(is_idle, store, "many"))
        assert await prune_all(store) == 0
        fails[0] = False
        await retry(store, "a")
        await until(lambda: of_flow(store, "many", "completed"))
        assert await result(store, parent, "a", timeout=SOON) == [0, 10, 20, 30]
    assert await counted(store, "part") == 5
    assert await prune_all(store) == 5


async def test_a_child_that_is_over_is_kept_for_an_item_that_a_bound_keeps_waiting(store: Any) -> None:
    """A parent that has failed and is retried asks for it again, and under a new bound only when it comes to it."""
    fails = [True]

    def ask_or_fail(data: Data[Part, int]) -> int:
        data.update_flow_state(count)
        if data.value:
            return data.value
        if fails[0]:
            raise ValueError("not today")
        return data.pause_for("now?", interrupt_id="q")

    child = Flow(Part, name="part")
    child.to(ask_or_fail).end()

    def many(concurrency: int) -> Flow[Row]:
        flow = Flow(Row, name="many")
        flow.for_each(concurrency=concurrency).to_sub_flow(child, remote=True).end_for_each().end()
        return flow

    await submit(store, many(2), [0, 1], execution_id="a")
    async with working(store, many(2), child):
        await until(lambda: of_flow(store, "many", "failed"))
        await until(partial(are, store, "completed", 1))
        await until(partial(is_idle, store, "many"))
    fails[0] = False
    await retry(store, "a")
    async with working(store, many(1), child):
        [asked] = await until(store.pending)
        await until(partial(is_idle, store, "many"))
        assert await status_of(store, "a") == "waiting"
        assert await prune_all(store) == 0
        await answer(store, child, asked.execution_id, asked, 5)
        assert await result(store, many(1), "a", timeout=SOON) == [5, 1]
    assert await counted(store, "part") == 3


async def test_a_child_that_is_open_is_kept_whatever_is_pruned(store: Any) -> None:
    parent = parent_of(multiplying())
    assert await parent.create_execution(store=store, execution_id="a").async_start(3) is Status.WAITING
    later = datetime.now(UTC) + timedelta(days=1)
    assert (await store.prune(before=later, statuses=[*Status], flow="part")).executions == 0
    assert (await store.prune(before=later, statuses=[*Status], flow="whole")).executions == 1
    assert (await store.prune(before=later, statuses=[*Status], flow="part")).executions == 1


async def test_a_question_of_a_child_is_listed_and_answered_under_the_child(store: Any) -> None:
    def ask(data: Data[Part, int]) -> int:
        return data.pause_for("how much?", interrupt_id="q")

    child = Flow(Part, name="part")
    child.to(ask).end()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child):
        [asked] = await until(store.pending)
        [name] = [entry.execution_id for entry in await store.list("part")]
        assert asked.execution_id == name
        await answer(store, child, name, asked, 5)
        assert await result(store, parent, "a", timeout=SOON) == 6


async def test_a_child_may_have_a_remote_child_of_its_own(store: Any) -> None:
    class Middle(Contract):
        input: int
        result: int

    def add_hundred(data: Data[Middle, int]) -> int:
        return data.value + 100

    grandchild = multiplying()
    child = Flow(Middle, name="middle")
    child.to_sub_flow(grandchild, remote=True).to(add_hundred).end()
    parent = Flow(Whole, name="whole")
    parent.to_sub_flow(child, remote=True).to(add_one).end()
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child, grandchild):
        assert await result(store, parent, "a", timeout=SOON) == 131
    [name] = await of_flow(store, "part", "completed")
    assert (await store.get(name)).parent.root_id == "a"


async def test_the_failure_of_a_grandchild_is_told_as_it_was(store: Any) -> None:
    class Middle(Contract):
        input: int
        result: int

    def tell(data: Data[Whole, Failed[int]]) -> int:
        assert (data.value.error, data.value.text) == ("ValueError", "-3 is negative, ")
        return 0

    grandchild = multiplying()
    child = Flow(Middle, name="middle")
    child.to_sub_flow(grandchild, remote=True).end()
    parent = Flow(Whole, name="whole")
    parent.to_sub_flow(child, remote=True, on_error=tell).end()
    await submit(store, parent, -3, execution_id="a")
    async with working(store, parent, child, grandchild):
        assert await result(store, parent, "a", timeout=SOON) == 0


async def test_a_local_child_may_have_a_remote_one(store: Any) -> None:
    child = multiplying()
    parent = Flow(Whole, name="whole")
    parent.to_sub_flow(remote_step(child)).to(add_one).end()
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == 31


async def test_a_parent_that_lost_its_save_finds_the_child_that_it_had(store: Any) -> None:
    """What is stored of the parent is older than its child: as after a restored backup of one row, say."""
    child = multiplying()
    parent = parent_of(child)
    await submit(store, parent, 3, execution_id="a")
    before = await store.get("a")
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == 31
    await store.delete("a")
    await store.submit(before)
    async with working(store, parent, child):
        assert await result(store, parent, "a", timeout=SOON) == 31
    assert await counted(store, "part") == 1
    assert len(await store.list("part")) == 1


async def test_a_failure_that_was_taken_is_saved_with_the_step_that_it_is_for(store: Any) -> None:
    """Else a parent that is killed before the step has failed would have the child retried."""
    parent = parent_of(multiplying())
    await parent.create_execution(store=store, execution_id="a").async_start(4)
    [name] = [entry.execution_id for entry in await store.list("part")]
    execution = await parent.async_open("a", store=store)
    assert inside_of(execution)[1].child_ended(name, ChildOutcome(error="OddError", text="odd", is_fault=True))
    loaded = parent.create_execution(store=MemoryStore()).load(execution.save())
    with pytest.raises(ChildFailedError, match=r"TF830: .*failed: OddError: odd") as raised:
        await loaded.async_retry()
    found = raised.value
    assert (found.execution_id, found.error, found.text, found.is_fault) == (name, "OddError", "odd", True)


async def test_an_open_child_keeps_its_parent_from_being_forked(store: Any) -> None:
    child = multiplying()
    parent = parent_of(child)
    execution = parent.create_execution(store=store, execution_id="a")
    await execution.async_start(4)
    [name] = [entry.execution_id for entry in await store.list("part")]
    with pytest.raises(FinishedError, match=rf"TF831: .*it waits for remote children.*'{name}'"):
        await parent.async_fork("a", store=store, execution_id="b")
    assert await store.get("b") is None


async def test_observers_are_told_of_remote_children(store: Any) -> None:
    child = multiplying()
    parent = parent_of(child)
    seen: list[Any] = []
    parent.observe(seen.append)
    await submit(store, parent, 3, execution_id="a")
    async with working(store, parent, child):
        await result(store, parent, "a", timeout=SOON)
    found = [(type(each), each.child) for each in seen if isinstance(each, ChildEntered | ChildLeft)]
    [name] = await of_flow(store, "part", "completed")
    assert found == [(ChildEntered, name), (ChildLeft, name)]


async def test_what_no_worker_can_run_is_refused(tmp_path: Path) -> None:
    parent = parent_of(multiplying())
    async with FileStore(tmp_path) as store:
        with pytest.raises(ContractError, match=r"TF829: .*the child of 'part' is run by a worker.*in a FileStore"):
            parent.create_execution(store=store)
    with pytest.raises(ContractError, match=r"TF829: .*this execution is in no store"):
        await parent.create_execution().async_start(3)
    around = Flow(Around, name="outer")
    around.to_sub_flow(remote_step(multiplying())).end()
    with pytest.raises(ContractError, match="TF829"):
        await around.async_start(3)


def test_remote_is_true_or_false() -> None:
    with pytest.raises(ContractError, match=r"TF718: .*remote is True or False, not 1"):
        Flow(Whole).to_sub_flow(multiplying(), remote=1)  # type: ignore[call-overload]


async def test_another_execution_under_the_id_of_a_child_is_no_child() -> None:
    child = multiplying()
    parent = parent_of(child)
    async with MemoryStore() as store:
        await parent.create_execution(store=store, execution_id="a").async_start(4)
        [name] = [entry.execution_id for entry in await store.list("part")]
        await store.delete("a")
        await store.delete(name)
        await submit(store, child, 7, execution_id=name)
        with pytest.raises(ConflictError, match=r"TF951: .*is not the child"):
            await parent.create_execution(store=store, execution_id="a").async_start(4)


@pytest.mark.postgres
@pytest.mark.parametrize("by_jobs", [False, True])
async def test_nobody_waits_for_the_next_look_of_a_worker(tmp_path: Path, by_jobs: bool) -> None:
    """The parent makes its child ready, and the child its parent; the workers are notified, or woken by jobs."""
    hour, conninfo = 3600.0, conninfo_of(tmp_path)
    await distributed.ProcrastinateWaker.make_tables(conninfo)
    child = multiplying()
    parent = parent_of(child)
    announce = distributed.ProcrastinateWaker.announce if by_jobs else None
    async with (
        stores.PostgresStore(conninfo, answer_within=hour, announce=announce) as store,
        AsyncExitStack() as stack,
    ):
        for flow in (parent, child):
            waker = distributed.ProcrastinateWaker(conninfo, poll=hour) if by_jobs else None
            await stack.enter_async_context(working(store, flow, poll=hour, waker=waker))
        for number in range(5):
            name = await submit(store, parent, number)
            assert await result(store, parent, name, timeout=3 * SOON) == 10 * number + 1


@pytest.mark.postgres
async def test_nobody_waits_for_the_next_look_where_a_child_is_deleted(tmp_path: Path) -> None:
    hour, conninfo = 3600.0, conninfo_of(tmp_path)
    parent = parent_of(multiplying())
    async with stores.PostgresStore(conninfo, answer_within=hour) as store, working(store, parent, poll=hour):
        await submit(store, parent, 3, execution_id="a")
        [name] = await until(lambda: of_flow(store, "part", "running"))
        await until(partial(is_idle, store, "whole"))
        await store.delete(name)
        await until(lambda: of_flow(store, "whole", "failed"))
