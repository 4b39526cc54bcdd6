"""The table of scopes: the allowed sources of each target, for capture and for write_back.

A scope is a named set of values of the parent flow or of the child flow: its input, a layer, its result, …
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

ALIASES: Final[Mapping[str, str]] = MappingProxyType({"runtime_data": "state", "flow_data": "flow_state"})
"""Older names of the layers, and what they are called now."""


class Direction(NamedTuple):
    """The scopes and defaults of one of the two mappings."""

    name: str
    """The argument of to_sub_flow: "capture" or "write_back"."""
    area: str
    """How its problem numbers begin: "TF3" or "TF4"."""
    sources: Mapping[str, tuple[str, ...]]
    """The target scopes, and for each the scopes that it may take values from."""
    whole: frozenset[str]
    """The target scopes that can be set as a whole, by one source in place of a mapping of fields."""
    target_owner: str
    """Whose the target scopes are: "child" or "parent"."""
    source_owner: str
    default: Mapping[str, str]
    """The mapping that an omitted argument stands for."""


_LAYERS: Final = ("value", "state", "flow_state")

CAPTURE: Final = Direction(
    name="capture",
    area="TF3",
    sources=MappingProxyType(
        {"input": _LAYERS, "state": _LAYERS, "flow_state": _LAYERS, "resources": ("resources",)},
    ),
    whole=frozenset({"input"}),
    target_owner="child",
    source_owner="parent",
    default=MappingProxyType({"input": "value"}),
)

WRITE_BACK: Final = Direction(
    name="write_back",
    area="TF4",
    sources=MappingProxyType({"value": ("result",), "state": ("result",), "flow_state": ("result",)}),
    whole=frozenset({"value"}),
    target_owner="parent",
    source_owner="child",
    default=MappingProxyType({"value": "result"}),
)

SCOPES: Final = frozenset({"input", "value", "state", "flow_state", "resources", "result"})
"""Every scope there is, by its own name."""


def canonical(scope: str) -> str:
    """Return the canonical name of a scope, from that name or an alias."""
    return ALIASES.get(scope, scope)
