"""`Shape`: the interface to a type that the rules use.

`typedflow.schema.shape` implements it for runtime types, the mypy plugin for mypy's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """Describe one field of a shape, without its type."""

    name: str
    required: bool
    """The field has no default."""
    writable: bool = True
    """False in a frozen record and a NamedTuple."""
    encoded: str = ""
    """The name in the encoding, where it differs from the Python name; for hints only."""
    read_only: bool = False
    """Declared `ReadOnly[…]`: a key of a TypedDict that is set when the value is made, and never after."""


class Shape(Protocol):
    """A type, as the rules see it. The methods never raise, have no side effects and are deterministic."""

    def fields(self) -> Mapping[str, FieldInfo] | None:
        """Return the named fields in order of definition; None for a type without fields, such as a dict."""
        ...

    def is_open(self) -> bool:
        """Return whether any segment is a child: `dict[str, V]`, or an unknown type (Any)."""
        ...

    def child(self, name: str) -> Self | None:
        """Return the type behind one path segment, None if there is none; of an optional type, of the other members."""
        ...

    def item(self) -> Self | None:
        """Return the type of one item of a list or set, for `append` (Any for Any); None for any other type."""
        ...

    def accepts(self, other: Self) -> bool:
        """Return whether every value of `other` is valid here."""
        ...

    def is_choice(self) -> bool:
        """Return whether the type, without None, is a union, so that a value cannot be built from parts alone."""
        ...

    def is_optional(self) -> bool:
        """Return whether None is one of several possible values."""
        ...

    def without_none(self) -> Self:
        """Return the type without None."""
        ...

    def with_none(self) -> Self:
        """Return the union of the type and None."""
        ...

    def render(self) -> str:
        """Return the type as its user would write it, without module names: `list[Request | None]`."""
        ...
