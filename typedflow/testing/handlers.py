"""Call one handler alone: a `Data` without a flow that runs.

    data = make_data(Review, Request(topic="msgspec"), resources={"search": fake})
    assert await search(data) == ["…"]
    assert data.state.request.topic == "msgspec"

`emitted`, `streamed` and `result_of` return what the handler did besides. A handler that pauses raises `PauseSignal`,
whose `interrupt` is what it asks.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from typedflow.definition.blocks import Cursor
from typedflow.definition.nodes import Port
from typedflow.engine.causes import MAIN
from typedflow.engine.tokens import UNSET, Token
from typedflow.errors import ContractError, NoResultError
from typedflow.execution.data import Data, data_of, transaction_of
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.members import GivesResult, GivesStream
from typedflow.execution.transaction import StepTransaction
from typedflow.rules import executions
from typedflow.rules.options import ATTEMPT, KEY, NODE_NAME, check_option
from typedflow.schema.contracts import spec_of
from typedflow.schema.layers import FlowState, Resources, State
from typedflow.testing.alone import AloneRuntime

C = TypeVar("C")
V = TypeVar("V")
S = TypeVar("S")


def make_data(
    contract: type[C],
    value: V,
    *,
    state: State | Mapping[str, Any] | None = None,
    flow_state: FlowState | Mapping[str, Any] | None = None,
    resources: Resources | Mapping[str, Any] | None = None,
    execution_id: str = "test",
    step: str = "handler",
    key: str | None = None,
    attempt: int = 1,
) -> Data[C, V]:
    """Return a `Data` for one call of one handler; each has layers of its own.

    `state` and `flow_state` are copied and checked as at a start, resources are checked as at injection. A required
    field or resource that is left out is missing only when the handler reads it. `step` is the name of the step that
    `data.step` and messages show, `key` the idempotency key, `attempt` the number of the attempt, from 1.

    >>> data = make_data(Review, Request("birds"), resources={"library": {"birds": ["Sibley"]}})
    >>> search(data), data.state.found
    (['Sibley'], ['Sibley'])
    """
    given = [check_option(option, it) for option, it in ((NODE_NAME, step), (KEY, key), (ATTEMPT, attempt))]
    problems = [problem for problem in (executions.check_id(execution_id), *given) if problem is not None]
    if problems:
        raise ContractError(problems)
    flow = FlowRuntime(contract.__name__, spec_of(contract), max_depth=1)
    flow.builder.step(Cursor(Port(0)), _handler, sys._getframe(), step)
    if flow_state is not None:
        flow.begin_with(flow_state)
    runtime = AloneRuntime(flow, execution_id, state, key)
    if resources is not None:
        runtime.resources.give(resources)
    node = runtime.plan.nodes[1]
    return data_of(StepTransaction(runtime, Token(node.index, None, value, 0, MAIN), node), value, attempt)


def emitted(data: Data[Any, Any]) -> list[tuple[str, Any]]:
    """Return the events that the handler has emitted so far, with their payloads, in order.

    >>> data = make_data(Review, Request("birds"), resources=tools)
    >>> _ = search(data)
    >>> emitted(data)
    [('found', 2)]
    """
    return [(signal.name, signal.value) for signal in transaction_of(data).signals or () if signal.kind == "event"]


def streamed(data: Data[GivesStream[S], Any]) -> list[S]:
    """Return the items that the handler has put into the stream so far, in order.

    >>> data = make_data(Review, "birds")
    >>> data.put("one")
    >>> streamed(data)
    ['one']
    """
    runtime = transaction_of(data).runtime
    if not isinstance(runtime, AloneRuntime):
        raise TypeError("streamed() takes a Data of make_data(): the items of a flow that runs go to its stream")
    return list(runtime.items)


def result_of(data: Data[GivesResult[S], Any]) -> S:
    """Return the result that the handler has set with `set_result`; raises `NoResultError` if there is none.

    >>> data = make_data(Review, "birds")
    >>> data.set_result("Sibley")
    >>> result_of(data)
    'Sibley'
    """
    step = transaction_of(data)
    if step.result is UNSET:
        raise NoResultError(executions.no_result_set_problem().at(step.name))
    return step.result  # type: ignore[no-any-return]  # checked when it was set


def _handler(data: Any) -> Any:
    """Replace the handler under test in the plan; the test calls the handler itself."""
