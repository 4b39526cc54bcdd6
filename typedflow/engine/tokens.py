"""What a run consists of, as plain Structs: tokens, scopes and joins. They are what a snapshot saves."""

from __future__ import annotations

from typing import Any, Final, final

import msgspec


class _Unset:
    """The type of `UNSET`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()
"""A slot that no value has reached; not None, which is a value."""


@final
class Join(msgspec.Struct, eq=False):
    """One round of a block: what was opened, what has come back, and what is still to be let in."""

    node: int
    """The node that opened it: a batch, a for_each, or a match that takes all hits."""
    scope: Scope | None
    """Where the opening token stood."""
    visit: int
    """The visit of the opening token."""
    producer: int
    """The producer of `source`."""
    source: Any
    """The value that the arms get: for a for_each the items as a tuple, else the value itself."""
    slots: list[Any]
    """What came back, by item; UNSET where nothing did."""
    remaining: int
    """How many slots are UNSET."""
    launched: int
    """How many items were let in; the rest follow as these come back."""
    hits: tuple[int, ...] | None = None
    """Of a match: the arms that were hit, in case order."""
    limit: int = 0
    """Of a round with a bound: how many items may hold a place at once."""
    inside: dict[int, int] | None = None
    """Of the same: the items that hold a place, each with how many live tokens are in it; see `engine.places`."""
    waiting: dict[int, list[Token]] | None = None
    """Of the same: what was answered and waits for a place, by item."""

    def bound(self, limit: int) -> None:
        """Let in so many items at once from here on; None of them holds a place yet."""
        self.limit, self.inside = limit, {}


@final
class Scope(msgspec.Struct, eq=False):
    """The inside of one item of a round; shared by all tokens in there."""

    join: Join
    item: int
    bounded: bool = False
    """This round, or one round it, has a bound."""


def scope_in(join: Join, item: int) -> Scope:
    """Give the inside of one item."""
    return Scope(join, item, join.inside is not None or (join.scope is not None and join.scope.bounded))


@final
class Token(msgspec.Struct, eq=False):
    """A value in front of a node: the node is to run with it."""

    node: int
    scope: Scope | None
    """The innermost block round that it is in; None outside of all blocks."""
    value: Any
    producer: int
    """The node whose output the value is; its type says how the value is saved."""
    visit: int
    """Which firing of its chain this is, within its scope; 0 on the main chain."""


@final
class Interrupt(msgspec.Struct, frozen=True):
    """A question to the outside, put by a step that waits for the answer."""

    id: str
    type: str
    """What kind of question it is, in the user's words."""
    payload: Any
    """JSON-typed: None, bool, int, float, str, list, dict with str keys."""
    resume_event: str | None
    """The event that the answer is emitted as; None where it becomes the step's output."""
    step: str
    """The name of the step that paused."""
    status: str = "pending"


@final
class Paused(msgspec.Struct, eq=False):
    """A token whose step waits for an answer."""

    interrupt: Interrupt
    token: Token


@final
class Signal(msgspec.Struct, eq=False):
    """Something that listeners may wait for: an event, or a write to a path."""

    kind: str
    name: str
    value: Any
