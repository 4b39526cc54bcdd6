"""Plain writes to a shared flow_state between the write and the save that stores them.

A write belongs to its step until the step ends, then to the execution until its next save. The fields have the values
that they have when the step ends. In the process a pending write is visible: what is stored meanwhile does not hide it.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from typedflow.schema.concurrent_changes import read_again_if_changed
from typedflow.schema.layer_fields import layer_fields
from typedflow.schema.layers import FlowState
from typedflow.snapshot.zones import is_written_alike


class StepWrites:
    """Collect what one attempt of a step writes to a flow_state."""

    __slots__ = ("__weakref__", "_read", "assigned")

    def __init__(self) -> None:
        self.assigned: dict[str, None] = {}
        """The fields that were assigned, or written by path."""
        self._read: dict[str, tuple[Any, Any]] = {}
        """The containers that were read, by field, each with a copy as it was then: they may be changed in place."""

    def write(self, field: str) -> None:
        """Note a write to a field."""
        self.assigned[field] = None

    def read_container(self, layer: FlowState, field: str) -> None:
        """Note that the container in a field was read."""
        value = layer_fields(type(layer))[field].read(layer)
        known = self._read.get(field)
        if known is None or known[0] is not value:
            self._read[field] = value, copied(value)

    def pending(self, layer: FlowState) -> Iterator[str]:
        """Yield the fields that were written, or changed in place; a container that was replaced since is not one."""
        fields = layer_fields(type(layer))
        written, containers = tuple(self.assigned), tuple(self._read.items())  # a thread may be adding to them
        yield from written
        for field, (value, before) in containers:
            if field not in written and fields[field].read(layer) is value and is_changed(value, before):
                yield field

    def stored(self, layer: FlowState, values: Mapping[str, Any]) -> None:
        """Forget what has been stored; a field that was written again since is still pending."""
        fields = layer_fields(type(layer))
        for field, value in values.items():
            now = fields[field].read(layer)
            if is_changed(now, value):
                self.assigned[field] = None
            else:
                self.assigned.pop(field, None)
                if field in self._read:
                    self._read[field] = now, copied(now)


class EndedWrites:
    """Keep what the ended steps of an execution have written, until a save has stored it."""

    __slots__ = ("__weakref__", "values")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def pending(self, layer: FlowState) -> Collection[str]:
        """Return the fields."""
        return tuple(self.values)

    def stored(self, values: Mapping[str, Any]) -> None:
        """Forget what has been stored, unless it was written again since."""
        for field, value in values.items():
            if self.values.get(field) is value:
                del self.values[field]


def copied(value: Any) -> Any:
    """Copy a value that another step may be changing in a thread."""
    return read_again_if_changed(copy.deepcopy, value)


def copies_of(layer: FlowState, names: Collection[str]) -> dict[str, Any]:
    """Return copies of the values of fields, as they are now."""
    fields = layer_fields(type(layer))
    return {name: copied(fields[name].read(layer)) for name in names}


def changed_fields(new: FlowState, old: FlowState) -> list[str]:
    """Return the fields that are not equal, or are written differently: True is not 1, at any depth."""
    found = []
    for name, field in layer_fields(type(new)).items():
        if is_changed(field.read(new), field.read(old)):
            found.append(name)
    return found


def is_changed(new: Any, old: Any) -> bool:
    """Return True if two values are not equal, or are written differently."""
    return differs(new, old) or not is_alike(new, old)


def differs(new: Any, old: Any) -> bool:
    """Return True if two values are not equal, or cannot be compared: a signaling NaN."""
    try:
        return bool(new != old)
    except Exception:  # a user's `__eq__` may raise anything
        return True


def is_alike(new: Any, old: Any) -> bool:
    """Return True if equal values are also written alike: True is not 1, and 9:00 in Berlin not 8:00 in London."""
    if type(new) is not type(old):
        return False
    if type(new) in (int, str, bool, float):
        return True
    try:
        return is_written_alike(new, old)
    except Exception:  # what cannot be encoded cannot be told apart this way
        return True
