"""What a flow is checked for, once: linear in its nodes, not again at the first execution, again where it changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.execution.running import Calls
from typedflow import Contract, ContractError, Data, Flow, Resources
from typedflow.stores import MemoryStore


class Tools(Resources):
    tool: object


class Plain(Contract):
    input: int
    result: int


class Tooled(Contract):
    input: int
    result: int
    resources: Tools


def add(data: Data[Any, int]) -> int:
    return data.value + 1


def shout(data: Data[Any, str]) -> str:
    return data.value.upper()


def child_of(contract: Any = Plain) -> Flow[Any]:
    child: Flow[Any] = Flow(contract, name="child")
    child.to(add).end()
    return child


def with_children(count: int, child: Flow[Any] | None = None) -> Flow[Any]:
    flow: Flow[Any] = Flow(Plain, name="parent")
    process: Any = flow.to(add)
    inner = child_of() if child is None else child
    for _ in range(count):
        process = process.to_sub_flow(inner, capture={"input": "value"}, write_back={"value": "result"})
    process.end()
    return flow


def cost(work: Callable[[], object]) -> int:
    """Return the number of functions that the work calls."""
    with Calls() as calls:
        work()
    return calls.count


def test_a_child_node_costs_the_same_however_many_there_are() -> None:
    few, many = (cost(with_children(count).validate) / count for count in (20, 200))
    assert many < few * 1.5


def test_the_first_execution_does_not_check_again_what_validate_has_found_sound() -> None:
    checked, unchecked = with_children(50), with_children(50)
    validating = cost(checked.validate)
    assert cost(checked.validate) < validating / 4
    assert cost(checked.create_execution) < cost(unchecked.create_execution) - validating / 2


@pytest.mark.parametrize("open_block", [False, True])
def test_a_flow_that_was_extended_after_validate_is_checked_again(open_block: bool) -> None:
    flow = with_children(2)
    flow.validate()
    if open_block:
        flow.for_each()
    else:
        flow.to(shout)
    with pytest.raises(ContractError):
        flow.validate()
    with pytest.raises(ContractError):
        flow.create_execution()


def test_a_child_that_was_extended_after_validate_is_checked_again() -> None:
    child = child_of()
    flow = with_children(2, child)
    flow.validate()
    child.to(shout)
    with pytest.raises(ContractError, match="shout"):
        flow.create_execution()


def test_a_default_that_a_child_lost_after_validate_is_missed() -> None:
    child = child_of(Tooled)
    child.update_runtime_resources(tool="hammer")
    flow = with_children(2, child)
    flow.validate()
    child.del_runtime_resource("tool")
    with pytest.raises(ContractError, match="TF312"):
        flow.create_execution()
    child.update_runtime_resources(tool="saw")
    assert flow.start(1) == 4


def test_whether_values_can_be_saved_is_found_out_once_for_a_flow() -> None:
    flow = with_children(1)
    wide: Flow[Any] = Flow(Plain, name="wide")
    process: Any = wide.to(add)
    for _ in range(60):
        process = process.to(add)
    process.end()
    for each in (flow, wide):
        each.create_execution(store=MemoryStore())
    store = MemoryStore()
    narrow_cost, wide_cost = (cost(partial(each.create_execution, store=store)) for each in (flow, wide))
    assert abs(wide_cost - narrow_cost) < 10


def test_what_can_never_be_saved_is_refused_every_time() -> None:
    class Handle:
        pass

    class Given(Contract):
        input: int
        result: Any

    def make(data: Data[Given, int]) -> Handle:
        return Handle()

    def use(data: Data[Given, Handle]) -> int:
        return 1

    flow: Flow[Any] = Flow(Given)
    flow.to(make).to(use).end()
    for _ in range(2):
        with pytest.raises(ContractError, match="Handle"):
            flow.create_execution(store=MemoryStore())
    assert flow.start(1) == 1
