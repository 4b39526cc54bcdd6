"""What starting a flow takes and gives."""

from __future__ import annotations

import logging
from typing import assert_type, reveal_type

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


async def in_a_loop() -> None:
    assert_type(await flow.async_start(Request(topic="a")), Report)
    await execution.async_start(3)  # E
