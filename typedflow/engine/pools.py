"""What collects and `when(mode="and")` have gathered: one pool for each node and scope."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from typedflow.engine.plan import PlanNode
from typedflow.engine.tokens import BlockInstance, Contribution, Scope

Key: TypeAlias = tuple[int, BlockInstance | None, int]
"""The index of the node, the block instance and the item that it gathers in; None and 0 outside of all blocks."""


class Pools(dict[Key, dict[int, Contribution]]):
    """The gathered values of one run, by slot: the branch of a collect, the trigger of a listener."""

    __slots__ = ("_by_block",)

    def __init__(self, gathered: Iterable[tuple[Key, dict[int, Contribution]]] = ()) -> None:
        super().__init__(gathered)
        self._by_block: dict[BlockInstance, set[Key]] | None = None
        """The keys by block instance, from the first close of one on; dropped keys may still be in it."""

    def pool(self, node: PlanNode, scope: Scope | None) -> dict[int, Contribution]:
        """Return the pool of a node in a scope, a new one where there is none."""
        key = pool_key(node, scope)
        if self._by_block is not None and scope is not None:
            self._by_block.setdefault(scope.block, set()).add(key)
        return self.setdefault(key, {})

    def drop(self, node: PlanNode, scope: Scope | None) -> None:
        """Remove a pool that was full."""
        del self[pool_key(node, scope)]

    def drop_in(self, block: BlockInstance) -> None:
        """Remove all pools inside of a block instance that closes."""
        if self._by_block is None:
            self._by_block = {}
            for key in self:
                if key[1] is not None:
                    self._by_block.setdefault(key[1], set()).add(key)
        for key in self._by_block.pop(block, ()):
            self.pop(key, None)


def pool_key(node: PlanNode, scope: Scope | None) -> Key:
    """Return the key of a pool; a collect inside a block gathers by item."""
    return (node.index, None, 0) if scope is None else (node.index, scope.block, scope.item)
