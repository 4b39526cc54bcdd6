"""What a handler under test works on: an execution that nothing runs, and which keeps what it would pass on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from typedflow.engine.tokens import Token
from typedflow.errors import ResourceError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.execution.resources import ResourceLayers
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.rules.resources import missing_resource_problem
from typedflow.schema.layers import LayerMeta, Resources, State
from typedflow.schema.render import render


class AloneResources(ResourceLayers):
    """Resources of which a required one is missing only when it is read."""

    __slots__ = ()

    def missing(self, key: str) -> ResourceError:
        """Return the error of a resource that the test has not given."""
        type_ = render(self.flow.declared[key].kind)
        return ResourceError(missing_resource_problem(key, type_, self.available(), in_test=True), missing=[key])

    def make_view(self) -> Resources:
        """Make an instance of a subclass of the declared class, whose missing attributes raise when they are read."""
        absent = self.absent()
        cls = self.flow.spec.resources
        if not absent or cls is None:
            return super().make_view()
        made: Any = LayerMeta(cls.__name__, (cls,), {"__module__": cls.__module__, "__qualname__": cls.__qualname__})
        for key in absent:
            type.__setattr__(made, key, property(partial(self._raise, key)))
        values = {key: None if key in absent else self.lookup(key) for key in self.flow.declared}
        view: Resources = made(**values)
        return view

    def _raise(self, key: str, view: Resources) -> Any:
        raise self.missing(key)


class AloneRuntime(ExecutionRuntime):
    """An execution for one call of one handler."""

    __slots__ = ("fixed_key", "items")

    def __init__(
        self, flow: FlowRuntime, id_: str, state: State | Mapping[str, Any] | None = None, key: str | None = None
    ) -> None:
        super().__init__(flow, id_, state)
        self.resources = AloneResources(flow.resources)
        self.fixed_key = key
        self.items: list[Any] = []
        """What the handler has put into the stream."""

    def key(self, token: Token) -> str:
        """Return the key that the test has chosen, else the step's own."""
        return super().key(token) if self.fixed_key is None else self.fixed_key

    def put(self, item: Any) -> None:
        """Keep an item of the stream, checked."""
        self.items.append(self.stream_item(item))
