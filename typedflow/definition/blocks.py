"""What stands open while a flow is wired: blocks, their arms, collects, and the cursor that tells where a chain is.

Mutable, and the builder's own: nothing of it is left in the frozen nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from typedflow.definition.nodes import Case, CollectMode, MatchMode, Port


@dataclass(slots=True, eq=False)
class EachBlock:
    """An open for_each."""

    node: int
    closed: bool = False
    word = "for_each"


@dataclass(slots=True, eq=False)
class BatchBlock:
    """An open batch: its branches so far, by name, with the port where each ends."""

    node: int
    source: Cursor
    concurrency: int | None
    ends: dict[str, Port] = field(default_factory=dict)
    former: dict[str, str] = field(default_factory=dict)
    """The earlier names of branches, each with the name of today."""
    closed: bool = False
    word = "batch"


@dataclass(slots=True, eq=False)
class MatchBlock:
    """An open match or if: its cases so far, with the port where each finished arm ends."""

    node: int
    source: Cursor
    mode: MatchMode
    word: str
    cases: list[Case] = field(default_factory=list)
    ends: list[Port] = field(default_factory=list)
    former: dict[str, str] = field(default_factory=dict)
    """The earlier names of cases, each with the name of today."""
    has_else: bool = False
    closed: bool = False

    @property
    def arms(self) -> int:
        """Count the arms opened so far."""
        return len(self.cases) + self.has_else


@dataclass(slots=True, eq=False)
class Arm:
    """One arm of a match that is being wired."""

    block: MatchBlock
    index: int
    finished: bool = False

    @property
    def word(self) -> str:
        """Give what the user called the block."""
        return self.block.word


Block = EachBlock | BatchBlock | MatchBlock
Open = EachBlock | BatchBlock | Arm


@dataclass(frozen=True, slots=True)
class Cursor:
    """Say where a chain stands: the port that gives its value, and the open blocks, outermost first."""

    port: Port
    blocks: tuple[Open, ...] = ()


@dataclass(slots=True, eq=False)
class CollectDraft:
    """A collect that may still get members."""

    name: str
    mode: CollectMode
    blocks: tuple[Open, ...]
    members: dict[str, Port] = field(default_factory=dict)
    formerly: list[str] = field(default_factory=list)
    """The earlier names of the collect."""
    former: dict[str, str] = field(default_factory=dict)
    """The earlier names of branches, each with the name of today."""
