"""A flow as its parent takes it, and the mappings between the two, as a type checker sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypedDict, TypeVar

from typing_extensions import TypeVar as CovariantVar

from typedflow.contract import flows
from typedflow.errors import ContractError
from typedflow.execution.flow_runtime import FlowRuntime

C = CovariantVar("C", covariant=True)
D = TypeVar("D")


class Blueprint(Generic[C]):
    """What `Flow` is to those who run it as a child: its contract."""

    __slots__ = ("_runtime",)

    def __init__(self, runtime: FlowRuntime) -> None:
        self._runtime = runtime


def runtime_of(child: object) -> FlowRuntime:
    """Give what a child flow consists of, or say that it is none."""
    if not isinstance(child, Blueprint):
        raise ContractError(flows.not_a_flow(child))
    return child._runtime


class Capture(TypedDict, total=False):
    """What a child is given: target field -> "scope.path" of the parent; see `contract.scopes`."""

    input: str | Mapping[str, str]
    state: Mapping[str, str]
    flow_state: Mapping[str, str]
    resources: Mapping[str, str]
    runtime_data: Mapping[str, str]
    flow_data: Mapping[str, str]


class WriteBack(TypedDict, total=False):
    """What a parent takes of the child's result: target field -> "result" or "result.path"."""

    value: str | Mapping[str, str]
    state: Mapping[str, str]
    flow_state: Mapping[str, str]
    runtime_data: Mapping[str, str]
    flow_data: Mapping[str, str]


def binding(mapping: D) -> D:
    """Give the mapping back: a name for it that keeps its literals for the mypy plugin, also across modules."""
    return mapping
