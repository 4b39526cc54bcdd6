"""What the rules ask of a type, whoever holds it.

`typedflow.schema.shape` answers from runtime types, the mypy plugin from mypy's; the rules see no difference.
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
    """No default: somebody has to supply it."""
    writable: bool = True
    """False in a frozen record and a NamedTuple."""
    encoded: str = ""
    """The name in the encoding, where it differs from the Python name; for hints only."""
    read_only: bool = False
    """Declared `ReadOnly[…]`: a key of a TypedDict that is set when the value is made, and never after."""


class Shape(Protocol):
    """A type, as the rules see it: total, without side effects, equal questions give equal answers."""

    def fields(self) -> Mapping[str, FieldInfo] | None:
        """Give the named fields in order of definition; None for a type without fields (a dict has none of its own)."""
        ...

    def is_open(self) -> bool:
        """Say whether any segment is a child: `dict[str, V]`, or a type that nothing is known of (Any)."""
        ...

    def child(self, name: str) -> Self | None:
        """Give the type behind one path segment, None if there is none; of an optional type, of the other members."""
        ...

    def item(self) -> Self | None:
        """Give the type of one item of a list or set, to which `append` adds (Any of Any); None for any other type."""
        ...

    def accepts(self, other: Self) -> bool:
        """Say whether every value of `other` is valid here."""
        ...

    def is_choice(self) -> bool:
        """Say whether a value may be of one of several types, None aside, so that its parts do not tell which."""
        ...

    def is_optional(self) -> bool:
        """Say whether None is one of several possible values."""
        ...

    def without_none(self) -> Self:
        """Give the type less its None."""
        ...

    def with_none(self) -> Self:
        """Give the type or None."""
        ...

    def render(self) -> str:
        """Give the type as its user would write it, without module names: `list[Request | None]`."""
        ...
