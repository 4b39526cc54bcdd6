"""The state of a builder: open blocks, their branches, open collects, and `Cursor`, the end of a chain.

The records are mutable and private to the builder; the frozen nodes do not refer to them.
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
    """An open batch: its branches so far, by name, each with the port at its end."""

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
    """An open match or if: its cases so far, with the port at the end of each finished branch."""

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
    def branch_count(self) -> int:
        """The number of branches opened so far."""
        return len(self.cases) + self.has_else


@dataclass(slots=True, eq=False)
class MatchBranch:
    """One branch of an open match."""

    block: MatchBlock
    index: int
    finished: bool = False

    @property
    def word(self) -> str:
        """The user's word for the block: match or if."""
        return self.block.word


Block = EachBlock | BatchBlock | MatchBlock
Open = EachBlock | BatchBlock | MatchBranch


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of a chain: the port that produces its value, and the open blocks, outermost first."""

    port: Port
    blocks: tuple[Open, ...] = ()


@dataclass(slots=True, eq=False)
class CollectDraft:
    """A collect to which branches can still be added."""

    name: str
    mode: CollectMode
    blocks: tuple[Open, ...]
    members: dict[str, Port] = field(default_factory=dict)
    formerly: list[str] = field(default_factory=list)
    """The earlier names of the collect."""
    former: dict[str, str] = field(default_factory=dict)
    """The earlier names of branches, each with the name of today."""
