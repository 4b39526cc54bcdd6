"""What collects and `when(mode="and")` have gathered: a pool for each, and for each item of a block round it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from typedflow.engine.plan import PlanNode
from typedflow.engine.tokens import Join, Scope

Key: TypeAlias = tuple[int, Join | None, int]
"""The node, the round and the item that it gathers in; None and 0 outside of all blocks."""


class Pools(dict[Key, dict[int, Any]]):
    """Hold what was gathered in one run, by slot: the branch of a collect, the trigger of a listener."""

    __slots__ = ("_by_round",)

    def __init__(self, gathered: Iterable[tuple[Key, dict[int, Any]]] = ()) -> None:
        super().__init__(gathered)
        self._by_round: dict[Join, set[Key]] | None = None
        """The keys by round, once a round has closed while there were some; of those dropped since too."""

    def pool(self, node: PlanNode, scope: Scope | None) -> dict[int, Any]:
        """Give a pool to gather in."""
        key = pool_key(node, scope)
        if self._by_round is not None and scope is not None:
            self._by_round.setdefault(scope.join, set()).add(key)
        return self.setdefault(key, {})

    def drop(self, node: PlanNode, scope: Scope | None) -> None:
        """Forget a pool that was full."""
        del self[pool_key(node, scope)]

    def drop_in(self, join: Join) -> None:
        """Forget what was gathered inside of a round that closes."""
        if self._by_round is None:
            self._by_round = {}
            for key in self:
                if key[1] is not None:
                    self._by_round.setdefault(key[1], set()).add(key)
        for key in self._by_round.pop(join, ()):
            self.pop(key, None)


def pool_key(node: PlanNode, scope: Scope | None) -> Key:
    """Give the key of a pool: a collect inside a block gathers by item."""
    return (node.index, None, 0) if scope is None else (node.index, scope.join, scope.item)
