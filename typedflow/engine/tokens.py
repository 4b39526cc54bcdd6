"""The records of one run, as plain Structs: tokens, scopes, block instances and interrupts. A snapshot saves them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, final

import msgspec


class _Unset:
    """The type of `UNSET`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()
"""An empty slot; not None, which is a value."""


@final
class BlockInstance(msgspec.Struct, eq=False):
    """One run of a for_each, batch or hit_all match: its source, its results so far, its items not started yet.

    It lives from the token that opens the block until the last slot is filled. A side branch inside of it may keep it
    alive for longer, in the scopes of its tokens.
    """

    node: int
    """The index of the node that opened it: a batch, a for_each, or a match that takes all hits."""
    scope: Scope | None
    """The scope of the opening token."""
    cause: str
    """The cause of the opening token."""
    key: str
    """The key of the opening token: the items of a for_each derive their causes from it."""
    producer: int
    """The index of the node that produced `source`."""
    source: Any
    """The value that the branches get; of a for_each its items, as a tuple."""
    slots: list[Any]
    """The results, by item; UNSET where there is none yet."""
    remaining: int
    """The number of slots that are UNSET."""
    launched: int
    """The number of items started; the rest follow as earlier ones finish."""
    hits: tuple[int, ...] | None = None
    """The branch of each slot: of a match those that were hit, of a batch where a change of the flow moved some."""
    limit: int = 0
    """The number of items that may hold a permit at once; 0 is no limit."""
    holders: dict[int, int] | None = None
    """With a limit: the items that hold a permit, each with its number of live tokens; see `engine.permits`."""
    queued: dict[int, list[Token]] | None = None
    """With a limit: the tokens that were resumed and wait for a permit, by item."""

    unsaved_slots: list[int] | None = None
    """The items whose slots were filled since the last save, by number; None where no save asks."""

    def set_limit(self, limit: int) -> None:
        """Limit the number of items that run at once; no item holds a permit yet."""
        self.limit, self.holders = limit, {}


@final
class Scope(msgspec.Struct, eq=False):
    """One item of a block instance; all tokens inside of that item share it."""

    block: BlockInstance
    item: int
    bounded: bool = False
    """This block instance, or an enclosing one, has a limit."""


def scope_in(block: BlockInstance, item: int) -> Scope:
    """Return the scope of one item."""
    return Scope(block, item, block.holders is not None or (block.scope is not None and block.scope.bounded))


@final
class Token(msgspec.Struct, eq=False):
    """A value at a node that is to run with it. Compared by identity."""

    node: int
    """The index of the node."""
    scope: Scope | None
    """The innermost scope; None outside of all blocks."""
    value: Any
    producer: int
    """The index of the node whose output the value is; its type decides how the value is saved."""
    cause: str
    """What caused this firing of its chain; see `engine.causes`."""
    key: str | None = None
    """The key of a token that was saved under another node name or by an earlier format; None: node name and cause."""


@final
class Contribution(msgspec.Struct, frozen=True, eq=False):
    """A value that a collect or a listener has gathered, with its cause."""

    value: Any
    cause: str


@final
class Interrupt(msgspec.Struct, frozen=True):
    """A question to the outside, asked by a step that waits for the answer.

    >>> execution = flow.create_execution()
    >>> _ = execution.start(Request("birds"))
    >>> for asked in execution.interrupts.values():
    ...     print(asked.id, asked.payload)
    choose ['Sibley', 'Svensson']
    """

    id: str
    type: str
    """The kind of question, in the user's words."""
    payload: Any
    """JSON-typed: None, bool, int, float, str, list, dict with str keys."""
    resume_event: str | None
    """The event that the answer is emitted as; None where it becomes the step's output."""
    step: str
    """The name of the step that paused."""
    status: str = "pending"
    answer: str = ""
    """The type of the answer, as `execution.interrupts` shows it: `Approval | None`; empty if nothing declares it."""
    key: str = ""
    """The `data.key` of the paused step: an id that a loop uses again stands for another question each time."""
    since: datetime | None = None
    """When the step paused, in UTC; of documents that do not say it, when they were saved."""
    within: tuple[str, ...] = ()
    """The names of the sub_flow nodes that the step is inside of, outermost first."""
    deadline: datetime | None = None
    """The moment, in UTC, from which on no answer is taken any more; None where an answer may come at any time."""


@final
class Paused(msgspec.Struct, eq=False):
    """An interrupt, and the token whose step waits for its answer; or a step that sleeps, until its deadline."""

    interrupt: Interrupt
    token: Token
    default: Any = UNSET
    """The answer at the deadline; UNSET where the step fails then."""
    asleep: bool = False
    """Nothing is asked: the value of the token goes on at the deadline."""

    @property
    def needs_value(self) -> bool:
        """Return whether the value of the token is needed again: after a sleep, and where the step fails unanswered."""
        return self.asleep or (self.interrupt.deadline is not None and self.default is UNSET)


@final
class ChildOutcome(msgspec.Struct, frozen=True, eq=False):
    """How a child execution that runs by itself has ended."""

    result: Any = UNSET
    """Of one that is completed; UNSET where it has set none."""
    error: str = ""
    """The class of the error that it failed with; empty where it is completed."""
    text: str = ""
    is_fault: bool = False
    """The error is one that never becomes a value."""


@final
class Signal(msgspec.Struct, eq=False):
    """What listeners wait for: an event, or a write to a path."""

    kind: str
    name: str
    value: Any
