"""What starting a flow takes and gives."""

from __future__ import annotations

import logging
from typing import Protocol, assert_type, reveal_type

from review import Counters, Report, Request, Review, ReviewResources, ReviewState, Score

from typedflow import Execution, Flow

flow = Flow(Review)
reveal_type(flow)  # R: Flow[Review]
assert_type(flow.flow_state, Counters)
assert_type(flow.start(Request(topic="a")), Report)
flow.start(3)  # E
flow.start()  # E
Flow(Score).flow_state  # E

execution = flow.create_execution(runtime_resources=ReviewResources(logger=logging.getLogger()))
reveal_type(execution)  # R: Execution[Review]
assert_type(execution.state, ReviewState)
assert_type(execution.result, Report)
Flow(Score).create_execution().state  # E
other: Execution[Score] = execution  # E


class TakesRequest(Protocol):
    """What a helper that starts a flow asks of its contract: a plain attribute, since the input is written."""

    input: Request

    @property
    def result(self) -> Report: ...


def helper(some: Flow[TakesRequest]) -> None:
    assert_type(some.start(Request(topic="a")), Report)
    some.start("a")  # E


helper(flow)
helper(Flow(Score))  # E


async def in_a_loop() -> None:
    assert_type(await flow.async_start(Request(topic="a")), Report)
    await execution.async_start(3)  # E
