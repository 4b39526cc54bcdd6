"""G10: what validate() costs for each child node, and the first execution after it, which does not check again."""

from __future__ import annotations

import time
from typing import Any

from typedflow import Contract, Data, Flow

MILLI = 1e3


class One(Contract):
    input: int
    result: int


def add(data: Data[One, int]) -> int:
    return data.value + 1


def flow_of(size: int) -> Flow[One]:
    child = Flow(One, name="child")
    child.to(add).end()
    flow = Flow(One)
    process: Any = flow.to(add)
    for _ in range(size):
        process = process.to_sub_flow(child, capture={"input": "value"}, write_back={"value": "result"})
    process.end()
    return flow


def typedflow(size: int) -> float:
    """Return ms of CPU per child node that validate() takes."""
    flow_of(3).validate()
    flow = flow_of(size)
    begin = time.process_time()
    flow.validate()
    return (time.process_time() - begin) / size * MILLI


def first_execution(size: int) -> float:
    """Return ms of CPU per child node that the first execution takes after validate(): the plan is compiled."""
    flow = flow_of(size)
    flow.validate()
    begin = time.process_time()
    flow.create_execution()
    return (time.process_time() - begin) / size * MILLI
