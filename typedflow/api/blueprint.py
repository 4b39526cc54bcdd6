"""A flow as its parent takes it, and the mappings between the two, as a type checker sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, Protocol, TypedDict, overload

from typing_extensions import ReadOnly, TypeVar

from typedflow.definition.origins import definition_error
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.members import TakesIO
from typedflow.rules import flows

C = TypeVar("C", covariant=True)
P = TypeVar("P")
S = TypeVar("S")
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)


class Blueprint(Generic[C]):
    """What `Flow` is to those who run it as a child: its contract."""

    __slots__ = ("_runtime",)

    def __init__(self, runtime: FlowRuntime) -> None:
        self._runtime = runtime

    if TYPE_CHECKING:

        def _as_child(self: Blueprint[TakesIO[P, S]], value: P, /) -> S:
            """Type a child as a function, so that a checker allows its input to be wider than the value it gets."""
            ...


class Child(Protocol[In_contra, Out_co]):
    """A child flow that takes a value and has this result."""

    def _as_child(self, value: In_contra, /) -> Out_co: ...


def runtime_of(child: object) -> FlowRuntime:
    """Return what a child flow consists of, or say that it is none."""
    if not isinstance(child, Blueprint):
        raise definition_error(flows.not_a_flow_problem(child))
    return child._runtime  # noqa: SLF001  # the one way behind the facade


def require_handler(handler: object) -> None:
    """Refuse a flow where a handler belongs, and name `to_sub_flow`."""
    if isinstance(handler, Blueprint):
        raise definition_error(flows.flow_as_handler_problem(runtime_of(handler).name))


class Capture(TypedDict, total=False):
    """What a child is given: target field -> "scope.path" of the parent; see `rules.scopes`.

    >>> what: Capture = {"input": "value.topic", "resources": {"library": "resources.library"}}
    >>> class Look(Contract):
    ...     input: str
    ...     result: list[str]
    ...     resources: Tools
    >>> def look(data: Data[Look, str]) -> list[str]:
    ...     return data.resources.library[data.value]
    >>> child = Flow(Look)
    >>> child.to(look).end()
    >>> parent = Flow(Review)
    >>> parent.to_sub_flow(child, capture=what).to(choose).end()
    >>> parent.validate()
    """

    input: ReadOnly[str | Mapping[str, str]]
    state: ReadOnly[Mapping[str, str]]
    flow_state: ReadOnly[Mapping[str, str]]
    resources: ReadOnly[Mapping[str, str]]
    runtime_data: ReadOnly[Mapping[str, str]]
    flow_data: ReadOnly[Mapping[str, str]]


class _Layers(TypedDict, total=False):
    """What a write_back may write besides the value."""

    state: ReadOnly[Mapping[str, str]]
    flow_state: ReadOnly[Mapping[str, str]]
    runtime_data: ReadOnly[Mapping[str, str]]
    flow_data: ReadOnly[Mapping[str, str]]


class WriteBack(_Layers, total=False):
    """What a parent takes of the child's result: target field -> "result" or "result.path".

    >>> back: WriteBack = {"value": "result", "state": {"found": "result"}}
    >>> sorted(back)
    ['state', 'value']
    """

    value: ReadOnly[str | Mapping[str, str]]


class WritesResult(_Layers):
    """A write_back after which the value is the whole result."""

    value: Literal["result"]  # not ReadOnly: pyright 1.1.414 takes a read-only item for one that may be missing


class WritesFields(_Layers):
    """A write_back that replaces fields of the value, and keeps its type."""

    value: ReadOnly[Mapping[str, str]]


class WritesLayers(_Layers, total=False):
    """A write_back that leaves the value as it was: a `value` fits only where it can never be there."""

    value: ReadOnly[Never]


class LayersOnly(WritesLayers, total=False):
    """A mapping that is a capture and a write_back alike."""

    input: ReadOnly[Never]
    resources: ReadOnly[Never]


@overload
def binding(mapping: LayersOnly) -> LayersOnly: ...  # type: ignore[overload-overlap]  # first match, with more keys
@overload
def binding(mapping: Capture) -> Capture: ...  # type: ignore[overload-overlap]  # a WriteBack with captured keys
@overload
def binding(mapping: WritesResult) -> WritesResult: ...
@overload
def binding(mapping: WritesFields) -> WritesFields: ...
@overload
def binding(mapping: WriteBack) -> WriteBack: ...
def binding(mapping: Any) -> Any:
    """Return the mapping itself: a name for it that keeps its literals for the mypy plugin, also across modules.

    >>> BACK = binding({"value": "result", "state": {"found": "result"}})
    >>> {**BACK, "state": {}}
    {'value': 'result', 'state': {}}
    """
    return mapping
