"""What may change of the type of an answer that an execution waits for: it may accept more, and nothing else.

Nothing of an answer is kept yet, so that a type which accepts all that the old one did is accepted at the load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.budget import is_full, marks_of_tables
from tests.deploys.changes import CHANGES
from tests.deploys.places import Deploy, make_class, named
from typedflow import Events, Execution, Flow, SnapshotError, Status

pytestmark = marks_of_tables()


def by_return(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.to(deploy.step("wait", int, deploy.type, lambda data: data.pause_for("?", interrupt_id="q"))).to(deploy.see)
    return flow


def by_event(deploy: Deploy) -> Any:
    flow = deploy.flow(events=make_class(Events, "Bells", {"rung": deploy.type}))
    wait = deploy.step("wait", int, int, lambda data: data.pause_for("?", resume_event="rung", interrupt_id="q"))
    flow.to(wait)
    flow.when("rung").to(deploy.see)
    return flow


def in_child(deploy: Deploy) -> Any:
    child: Any = Flow(deploy.contract("ChildJob", result=deploy.type), name="child")
    child.to(deploy.step("wait", int, deploy.type, lambda data: data.pause_for("?", interrupt_id="q"))).end()
    flow = deploy.flow()
    flow.to_sub_flow(child).to(deploy.see)
    return flow


ROWS = [
    (place, name)
    for number, name in enumerate(CHANGES)
    for at, place in enumerate((by_return, by_event, in_child))
    if is_full() or (at + number) % 3 == 0
]


@pytest.mark.parametrize("place, name", ROWS, ids=[f"{place.__name__}-{name}" for place, name in ROWS])
@pytest.mark.thin(5)
def test_an_answer_type_may_accept_more(place: Callable[[Deploy], Any], name: str) -> None:
    change = CHANGES[name]
    first: Execution[Any] = place(Deploy(change.old)).create_execution()
    assert first.start(1) is Status.WAITING
    after = Deploy(change.new)
    if change.answer:
        loaded = place(after).create_execution().load(first.save().to_bytes())
        if name in OLD_ANSWERS:
            loaded.continue_with("q", OLD_ANSWERS[name])
            assert (loaded.status, named(after.seen[-1])) == (Status.COMPLETED, READ[name])
        return
    with pytest.raises(SnapshotError) as refused:
        place(after).create_execution().load(first.save().to_bytes())
    assert refused.value.code == "TF920"
    assert "'q'" in str(refused.value)
    assert first.status is Status.WAITING


OLD_ANSWERS: Final[dict[str, Any]] = {
    "field added with a default": {"x": 1, "y": 2},
    "type of a field widened": {"x": 1, "y": 2},
    "became optional": 5,
    "tagged union extended": {"type": "Dog", "name": "a"},
    "literal extended": "b",
    "limit loosened": {"x": 1, "y": 0},
    "NamedTuple, a default at the end": [1, 2],
    "recursive record, a default added": {"label": "a", "left": {"label": "b"}},
}
"""Answers as they would have been given before the deploy."""

LEAF: Final[dict[str, Any]] = {"label": "b", "left": None, "more": [], "note": ""}
READ: Final[dict[str, Any]] = {
    "field added with a default": {"x": 1, "y": 2, "z": 3},
    "type of a field widened": {"x": 1, "y": 2.0},
    "became optional": 5,
    "tagged union extended": {"name": "a"},
    "literal extended": "b",
    "limit loosened": {"x": 1, "y": 0},
    "NamedTuple, a default at the end": {"x": 1, "y": 2, "z": 3},
    "recursive record, a default added": {"label": "a", "left": LEAF, "more": [], "note": ""},
}
"""How they are read."""
