"""B50: what blocks and collects put together is saved part by part, where no type says what the whole is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.execution.pausing import Leaf, Reply, ask, three
from typedflow import Data, Flow, SnapshotError, Status
from typedflow.definition.edges import Parts
from typedflow.snapshot.parts import decode_value


def reply(data: Data[Any, Any]) -> Reply:
    return Reply("a")


def untyped(data):  # type: ignore[no-untyped-def]  # a source that says nothing of its type
    return 1


def untyped_reply(data):  # type: ignore[no-untyped-def]  # a source that says nothing of its type
    return Reply("b")


def note(data: Data[Any, Any]) -> int:
    SEEN.append(data.value)
    return 1


SEEN: list[Any] = []


def collect_in_each(flow: Any) -> Any:
    item = flow.to(three).for_each()
    item.to(reply).collect("b", "x")
    return item.to(ask).collect("b", "y").end_for_each()


def collect_in_collect(flow: Any) -> Any:
    at = flow.to(reply).collect("b", "x").collect("outer", "b")
    flow.to(ask).collect("outer", "c")
    return at


def untyped_branch(flow: Any) -> Any:
    return flow.batch().branch(reply).branch(untyped).branch(ask).end_batch()


CASES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "collect in for_each": (collect_in_each, [{"x": Reply("a"), "y": 7}] * 3),
    "collect in collect": (collect_in_collect, {"b": {"x": Reply("a")}, "c": 7}),
    "untyped branch": (untyped_branch, (Reply("a"), 1, 7)),
}


@pytest.mark.parametrize("build, result", CASES.values(), ids=CASES)
@pytest.mark.parametrize("form", ["to_json", "to_msgpack"])
async def test_parts_are_saved_by_what_their_own_sources_carry(
    build: Callable[[Any], Any], result: Any, form: str
) -> None:
    flow: Any = Flow(Leaf)
    build(flow).to(note).end()
    execution = flow.create_execution(execution_id="e")
    await execution.async_start(1)
    while execution.interrupts:
        document = getattr(execution.save(), form)()
        execution = flow.create_execution(execution_id="e").load(document)
        await execution.async_continue_with(next(iter(execution.interrupts)), 7)
    assert (execution.status, SEEN.pop()) == (Status.COMPLETED, result)


async def test_items_that_were_not_let_in_yet_are_saved_by_their_parts() -> None:
    flow: Any = Flow(Leaf)
    item = flow.to(three).for_each()
    item.to(reply).collect("b", "x").end_for_each().for_each(concurrency=1).to(failing).end_for_each().to(note).end()
    execution = flow.create_execution(execution_id="e")
    with pytest.raises(ValueError, match="once"):
        await execution.async_start(1)
    FAILS.clear()
    again = flow.create_execution(execution_id="e").load(execution.save().to_json())
    await again.async_retry()
    assert SEEN.pop() == [{"x": Reply("a")}] * 3
    FAILS.add(1)


FAILS = {1}


def failing(data: Data[Any, Any]) -> Any:
    if FAILS:
        raise ValueError("once")
    return data.value


async def test_what_no_source_says_is_saved_as_its_consumer_will_have_it() -> None:
    """1 as 1.0: the consumer takes a float; the others by their sources."""
    flow: Any = Flow(Leaf)
    flow.batch().branch(untyped_reply).branch(untyped, name="one").branch(untyped, name="two").end_batch().to(
        stopping
    ).end()
    execution = flow.create_execution(execution_id="e")
    FAILS.add(1)
    with pytest.raises(ValueError, match="once"):
        await execution.async_start(1)
    FAILS.clear()
    again = flow.create_execution(execution_id="e").load(execution.save().to_json())
    await again.async_retry()
    assert SEEN.pop() == (Reply("b"), 1.0, 1)
    FAILS.add(1)


def stopping(data: Data[Any, tuple[Reply, float, int]]) -> int:
    if FAILS:
        raise ValueError("once")
    SEEN.append(data.value)
    return 1


async def test_a_part_that_nobody_declares_holds_json_only() -> None:
    flow: Any = Flow(Leaf)
    flow.batch().branch(reply).branch(untyped_reply).branch(ask).end_batch().to(note).end()
    execution = flow.create_execution()
    await execution.async_start(1)
    with pytest.raises(SnapshotError, match="TF902") as refusal:
        execution.save()
    assert refusal.value.path == "joins[0].slots[1]"


@pytest.mark.parametrize("text", [b"[]", b"[1]", b'[1,"a",2]'])
def test_a_tuple_with_another_number_of_parts_is_refused(text: bytes) -> None:
    parts = Parts(tuple, (int, str))
    assert decode_value(parts, msgspec.Raw(b'[1,"a"]'), "result", "json") == (1, "a")
    with pytest.raises(SnapshotError, match=r"^TF913: .*2 values expected") as refusal:
        decode_value(parts, msgspec.Raw(text), "result", "json")
    assert refusal.value.path == "result"
