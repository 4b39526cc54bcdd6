"""Call one handler alone: a `Data` without a flow that runs.

    data = make_data(Review, Request(topic="msgspec"), resources={"search": fake})
    assert await search(data) == ["…"]
    assert data.state.request.topic == "msgspec"

A handler that pauses raises `PauseSignal`, whose `interrupt` is what it asks.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from typedflow.contract.executions import check_id
from typedflow.definition.blocks import Cursor
from typedflow.definition.nodes import Port
from typedflow.engine.tokens import Token
from typedflow.errors import ContractError
from typedflow.execution.data import Data
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.schema.contracts import spec_of
from typedflow.schema.layers import FlowState, Resources, State

C = TypeVar("C")
V = TypeVar("V")


def make_data(
    contract: type[C],
    value: V,
    *,
    state: State | Mapping[str, Any] | None = None,
    flow_state: FlowState | Mapping[str, Any] | None = None,
    resources: Resources | Mapping[str, Any] | None = None,
    execution_id: str = "test",
) -> Data[C, V]:
    """Give a `Data` for one call of one handler; each has layers of its own.

    `state` and `flow_state` are copied and checked as at a start, resources are checked as at injection; what a
    contract requires and nobody gives is missing only when the handler asks for it.
    """
    problem = check_id(execution_id)
    if problem is not None:
        raise ContractError(problem)
    flow = FlowRuntime(contract.__name__, spec_of(contract), max_depth=1)
    flow.builder.step(Cursor(Port(0)), _handler, sys._getframe(), "handler")
    if flow_state is not None:
        flow.begin_with(flow_state)
    runtime = ExecutionRuntime(flow, execution_id, state)
    if resources is not None:
        runtime.resources.give(resources)
    node = runtime.plan.nodes[1]
    return Data(runtime, Token(node.index, None, value, 0, 0), node, value)


def emitted(data: Data[Any, Any]) -> list[tuple[str, Any]]:
    """Give the events that the handler has emitted so far, with their payloads, in order."""
    return [(signal.name, signal.value) for signal in data._signals or () if signal.kind == "event"]


def _handler(data: Any) -> None:
    """Stand in the plan for the handler under test, which the test calls itself."""
