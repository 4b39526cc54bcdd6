"""The state of a builder: open blocks, their branches, open collects, and `Cursor`, the end of a chain.

The records are mutable and private to the builder; the frozen nodes do not refer to them.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from typedflow.definition.nodes import Case, Port
from typedflow.rules.options import CollectMode, MatchMode


class EachBlock(msgspec.Struct, eq=False):
    """An open for_each."""

    node: int
    closed: bool = False
    word: ClassVar[str] = "for_each"


class BatchBlock(msgspec.Struct, eq=False):
    """An open batch: its branches so far, by name, each with the port at its end."""

    node: int
    source: Cursor
    concurrency: int | None
    ends: dict[str, Port] = {}
    former: dict[str, str] = {}
    """The earlier names of branches, each with the name of today."""
    closed: bool = False
    word: ClassVar[str] = "batch"


class MatchBlock(msgspec.Struct, eq=False):
    """An open match or if: its cases so far, with the port at the end of each finished branch."""

    node: int
    source: Cursor
    mode: MatchMode
    word: str
    cases: list[Case] = []
    ends: list[Port] = []
    former: dict[str, str] = {}
    """The earlier names of cases, each with the name of today."""
    has_else: bool = False
    closed: bool = False

    @property
    def branch_count(self) -> int:
        """The number of branches opened so far."""
        return len(self.cases) + self.has_else


class MatchBranch(msgspec.Struct, eq=False):
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


class Cursor(msgspec.Struct, frozen=True):
    """The end of a chain: the port that produces its value, and the open blocks, outermost first."""

    port: Port
    blocks: tuple[Open, ...] = ()


class CollectDraft(msgspec.Struct, eq=False):
    """A collect to which branches can still be added."""

    name: str
    mode: CollectMode
    blocks: tuple[Open, ...]
    members: dict[str, Port] = {}
    formerly: list[str] = []
    """The earlier names of the collect."""
    former: dict[str, str] = {}
    """The earlier names of branches, each with the name of today."""
