"""`typedflow.testing`: one handler, called alone."""

from __future__ import annotations

import logging

import msgspec
import pytest

from typedflow import Contract, ContractError, Data, Events, FlowState, ResourceError, Resources, State
from typedflow.testing import PauseSignal, emitted, make_data


class Request(msgspec.Struct):
    topic: str


class ReviewState(State):
    seen: list[str] = []
    owner: str = "nobody"


class Counters(FlowState):
    reviewed: int = 0


class ReviewResources(Resources):
    logger: logging.Logger


class ReviewEvents(Events):
    approved: int


class Review(Contract):
    input: Request
    result: str
    state: ReviewState
    flow_state: Counters
    resources: ReviewResources
    events: ReviewEvents
    stream: str


def handle(data: Data[Review, Request]) -> str:
    data.state.seen.append(data.value.topic)
    data.update_flow_state(lambda counters: setattr(counters, "reviewed", counters.reviewed + 1))
    data.emit("approved", 3)
    data.put("dropped: nobody listens")
    return f"{data.resources.logger.name} {data.key}"


def test_a_handler_runs_alone_with_layers_of_its_own() -> None:
    resources = {"logger": logging.getLogger("review")}
    data = make_data(Review, Request(topic="a"), flow_state={"reviewed": 4}, resources=resources)
    other = make_data(Review, Request(topic="b"), state={"owner": "me"})
    assert handle(data) == "review test:handler@0"
    assert (data.state.seen, data.flow_state.reviewed, emitted(data)) == (["a"], 5, [("approved", 3)])
    assert (other.state.to_dict(), other.flow_state.reviewed) == ({"seen": [], "owner": "me"}, 0)


def test_writes_and_events_are_checked_as_in_a_flow() -> None:
    data = make_data(Review, Request(topic="a"))
    with pytest.raises(ContractError, match="'owner' of state takes str, not 3"):
        data.state.owner = 3  # type: ignore[assignment]  # on purpose
    with pytest.raises(ContractError, match="did you mean 'approved'"):
        data.emit("aproved", 3)


def test_a_resource_is_missed_only_when_it_is_asked_for() -> None:
    data = make_data(Review, Request(topic="a"))
    with pytest.raises(ResourceError, match="'logger', declared as Logger, is missing"):
        handle(data)


def test_a_pause_is_a_signal_that_holds_the_question() -> None:
    def ask(data: Data[Review, Request]) -> int:
        data.pause_for({"topic": data.value.topic}, type="human")

    with pytest.raises(PauseSignal) as caught:
        ask(make_data(Review, Request(topic="a")))
    assert (caught.value.interrupt.payload, caught.value.interrupt.type) == ({"topic": "a"}, "human")
