"""Flows that changed since a snapshot was saved: what still has its place, and what is named as orphaned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from typedflow import Contract, Data, Execution, Flow, Snapshot, SnapshotError, Status


class Review(Contract):
    input: str
    result: str


def draft(data: Data[Review, str]) -> str:
    return data.value


def shout(data: Data[Review, str]) -> str:
    return data.value.upper()


def ask(data: Data[Review, str]) -> str:
    return data.pause_for({"q": data.value})


def flow(*steps: Any) -> Flow[Any]:
    """Return a chain of steps."""
    made: Any = Flow(Review, name="review")
    at = made
    for step in steps:
        at = at.to(step)
    at.end()
    return made  # type: ignore[no-any-return]  # the flow


def batch(*names: str, asking: Any = ask) -> Flow[Any]:
    """Return a flow that pauses in the first of several branches."""
    made: Any = Flow(Review, name="review")
    at = made.to(draft).batch()
    for name, step in zip(names, [asking, *([shout] * (len(names) - 1))], strict=True):
        at = at.branch(step, name=name)
    at.end_batch().to(joined).end()
    return made  # type: ignore[no-any-return]  # the flow


def joined(data: Data[Review, Any]) -> str:
    return "-".join(map(str, data.value))


def paused(made: Flow[Any]) -> Snapshot:
    """Run a flow to its pause and save it."""
    execution: Execution[Any] = made.create_execution()
    assert execution.start("x") is Status.WAITING
    return execution.save()


def resumed(made: Flow[Any], snapshot: Snapshot) -> Any:
    execution: Execution[Any] = made.create_execution().load(snapshot)
    execution.continue_with(next(iter(execution.interrupts)), "yes")
    return execution.result


def ask_for_number(data: Data[Review, str]) -> int:
    return data.pause_for({"q": data.value})


def to_text(data: Data[Review, int]) -> str:
    return str(data.value)


ask_for_number.__name__ = "ask"


def test_snapshot_describes_the_nodes_in_flight() -> None:
    snapshot = paused(flow(draft, ask))
    assert sorted(snapshot.nodes) == ["ask", "draft"]
    assert (snapshot.nodes["ask"].kind, snapshot.nodes["ask"].carries) == ("step", "str")


def test_unchanged_flow_has_the_same_plan() -> None:
    assert paused(flow(draft, ask)).plan == paused(flow(draft, ask)).plan
    assert paused(flow(draft, ask)).plan != paused(flow(draft, ask, shout)).plan


def test_step_may_be_added_elsewhere() -> None:
    assert resumed(flow(draft, ask, shout), paused(flow(draft, ask))) == "YES"


@pytest.mark.parametrize(
    "new, text",
    [
        (lambda: flow(draft, shout), "interrupt 'ask-"),
        (lambda: flow(draft, shout), "stands at node 'ask', which the flow does not have any more"),
        (lambda: flow(draft, ask_for_number, to_text), "'ask', which takes another answer now: it was str and is int"),
    ],
)
def test_what_is_orphaned_is_named(new: Callable[[], Flow[Any]], text: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        new().create_execution().load(paused(flow(draft, ask)))
    assert caught.value.code == "TF920"
    assert caught.value.path == "plan"
    assert text in str(caught.value)


def listing(data: Data[Review, str]) -> list[str]:
    return [data.value, data.value]


def listing_more(data: Data[Review, str]) -> list[str]:
    return listing(data)


def listing_untyped(data: Data[Review, str]) -> Any:
    return listing(data)


def each_of(source: Any, concurrency: int | None = None, *steps: Any) -> Flow[Any]:
    """Return a flow that goes over a list, and asks for each item."""
    made: Any = Flow(Review, name="review")
    item = made.to(source).for_each(concurrency=concurrency)
    for step in steps or (ask,):
        item = item.to(step)
    item.end_for_each().to(joined).end()
    return made  # type: ignore[no-any-return]  # the flow


def number_of(data: Data[Review, str]) -> str:
    return data.value


def branches(source: Any, concurrency: int | None = None) -> Flow[Any]:
    """Return a flow with a batch that asks in its first branch."""
    made: Any = Flow(Review, name="review")
    made.to(source).batch(concurrency=concurrency).branch(ask).branch(shout).end_batch().to(joined).end()
    return made  # type: ignore[no-any-return]  # the flow


def test_interrupt_outlives_the_node_before_it() -> None:
    """A paused step keeps no value, so that nothing is to be decoded by the node that made it."""
    snapshot = paused(flow(draft, ask))
    assert resumed(flow(shout, ask), snapshot) == "yes"
    again = flow(shout, ask).create_execution().load(snapshot).save()
    assert again.interrupts[0].token.producer == "shout"
    assert resumed(flow(shout, ask), again) == "yes"


def test_interrupt_outlives_a_node_before_it_that_has_no_name_of_its_own() -> None:
    snapshot = paused(flow(lambda data: data.value, ask))
    assert resumed(flow(lambda data: data.value, shout, ask), snapshot) == "yes"


@pytest.mark.parametrize(
    "made, new",
    [
        (lambda: each_of(listing), lambda: each_of(listing_more)),
        (lambda: branches(draft), lambda: branches(number_of)),
    ],
    ids=["for_each", "batch"],
)
def test_block_that_has_let_everything_in_outlives_the_node_before_it(made: Any, new: Any) -> None:
    snapshot = paused(made())
    execution = new().create_execution().load(snapshot)
    for interrupt_id in list(execution.interrupts):
        execution.continue_with(interrupt_id, "yes")
    assert execution.result in ("yes-yes", "yes-X")


async def _inside(made: Flow[Any], first: list[Snapshot]) -> Snapshot:
    """Return what was saved while the first step of a block ran, before all was let in."""
    execution: Execution[Any] = made.create_execution()
    first.clear()
    watched.append(lambda: first.append(execution.save()))
    await execution.async_start("x")
    return first[0]


watched: list[Callable[[], Any]] = []


def watch(data: Data[Review, str]) -> str:
    if watched:
        watched.pop()()
    return data.value


async def test_items_that_were_not_let_in_yet_are_decoded_by_the_block() -> None:
    snapshot = await _inside(each_of(listing, 1, watch), [])
    again = each_of(listing_more, 1, watch).create_execution().load(snapshot)
    await again.async_retry()
    assert again.result == "x-x"


async def test_items_of_which_nothing_is_declared_are_not_read_as_what_is_declared_now() -> None:
    snapshot = await _inside(each_of(listing_untyped, 1, watch), [])
    with pytest.raises(SnapshotError, match="'for_each', which holds another type now: it was nothing and is str"):
        each_of(listing_more, 1, watch).create_execution().load(snapshot)


async def test_value_of_a_branch_to_start_outlives_the_node_that_made_it() -> None:
    def build(source: Any) -> Flow[Any]:
        made: Any = Flow(Review, name="review")
        made.to(source).batch(concurrency=1).branch(watch).branch(shout).end_batch().to(joined).end()
        return made  # type: ignore[no-any-return]  # the flow

    snapshot = await _inside(build(draft), [])
    execution = build(number_of).create_execution().load(snapshot)
    await execution.async_retry()
    assert execution.result == "x-X"


async def test_value_at_a_step_outlives_the_node_that_made_it() -> None:
    snapshot = await _inside(flow(draft, watch), [])
    execution = flow(shout, watch).create_execution().load(snapshot)
    await execution.async_retry()
    assert execution.result == "x"


def test_numbered_node_is_refused_when_the_flow_changed() -> None:
    execution = flow(ask, ask).create_execution()
    execution.start("x")
    execution.continue_with(next(iter(execution.interrupts)), "y")
    twice = execution.save()
    assert resumed(flow(ask, ask), twice) == "yes"
    with pytest.raises(SnapshotError, match="'ask#2', which is a name that several nodes share"):
        flow(ask, ask, shout).create_execution().load(twice)


def test_block_whose_branches_changed_is_refused() -> None:
    snapshot = paused(batch("a", "b"))
    assert resumed(batch("a", "b"), snapshot) == "yes-X"
    with pytest.raises(SnapshotError, match="'batch', which had the branches a, b and has a, b, c"):
        batch("a", "b", "c").create_execution().load(snapshot)


def test_step_that_became_a_block_is_refused() -> None:
    made: Any = Flow(Review, name="review")
    made.to(draft).batch().branch(shout, name="x").end_batch().to(joined).end()
    with pytest.raises(SnapshotError, match="does not have any more"):
        made.create_execution().load(paused(flow(draft, ask)))


def test_node_that_the_snapshot_does_not_describe_is_refused() -> None:
    snapshot = paused(flow(draft, ask))
    snapshot.nodes = {}
    with pytest.raises(SnapshotError, match="which the snapshot does not describe"):
        flow(draft, ask, shout).create_execution().load(snapshot)


def parent(child: Flow[Any], *after: Any) -> Flow[Any]:
    """Return a flow that hands its value to a child."""
    made: Any = Flow(Review, name="parent")
    at = made.to(draft).to_sub_flow(child)
    for step in after:
        at = at.to(step)
    at.end()
    return made  # type: ignore[no-any-return]  # the flow


def test_value_in_front_of_a_child_is_named() -> None:
    snapshot = paused(parent(flow(ask)))
    assert sorted(snapshot.nodes) == ["draft", "review"]
    with pytest.raises(SnapshotError, match="a value stands at node 'review', which the flow does not have any more"):
        flow_named_parent().create_execution().load(snapshot)


def flow_named_parent() -> Flow[Any]:
    made: Any = Flow(Review, name="parent")
    made.to(draft).to(shout).end()
    return made  # type: ignore[no-any-return]  # the flow


def test_change_of_a_child_is_checked_by_the_child() -> None:
    snapshot = paused(parent(flow(ask)))
    assert resumed(parent(flow(ask)), snapshot) == "yes"
    with pytest.raises(SnapshotError, match="does not have any more") as caught:
        parent(flow(shout)).create_execution().load(snapshot)
    assert caught.value.path == "children[0].plan"


def test_snapshot_of_another_flow_is_refused() -> None:
    snapshot = paused(flow(draft, ask))
    other: Any = Flow(Review, name="other")
    other.to(draft).end()
    with pytest.raises(SnapshotError) as caught:
        other.create_execution().load(snapshot)
    assert (caught.value.code, caught.value.path) == ("TF914", "flow")
