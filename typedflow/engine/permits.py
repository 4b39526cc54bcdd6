"""Permits of blocks with a limit (`concurrency=`): which items hold one, and which tokens wait for one.

An item holds a permit while one of its tokens is ready or running. When all its tokens wait for answers, it releases
the permit to the next item, so that a question that is open for days blocks no other item. An answer queues the item's
tokens until a permit is free again; queued tokens go before items that were not started. So the limit always holds.
"""

from __future__ import annotations

from typedflow.engine.tokens import BlockInstance, Scope, Token


class Permits:
    """Count the permits of one run; each `BlockInstance` keeps its own holders and queue."""

    __slots__ = ("_released", "queued")

    def __init__(self) -> None:
        self.queued: dict[Token, None] = {}
        """The tokens that were resumed and wait for a permit, in the order of the answers."""
        self._released: list[Scope] = []
        """Items whose permits may be free, inner ones behind the ones that enclose them."""

    def admit(self, token: Token) -> bool:
        """Count a token in if its item can hold a permit in every enclosing block with a limit; else queue it."""
        scope = token.scope
        while scope is not None:
            block, item = scope.block, scope.item
            if block.holders is not None and item not in block.holders and len(block.holders) >= block.limit:
                self.queued[token] = None
                if block.queued is None:
                    block.queued = {}
                block.queued.setdefault(item, []).append(token)
                return False
            scope = block.scope
        self.enter(token.scope)
        return True

    def enter(self, scope: Scope | None) -> None:
        """Count one more live token in an item, and in the items that enclose it."""
        while scope is not None:
            holders = scope.block.holders
            if holders is not None:
                holders[scope.item] = holders.get(scope.item, 0) + 1
            scope = scope.block.scope

    def leave(self, scope: Scope | None) -> None:
        """Count one live token less in an item, and in the items that enclose it."""
        emptied: list[Scope] = []
        while scope is not None:
            holders = scope.block.holders
            if holders is not None:
                holders[scope.item] -= 1
                if not holders[scope.item]:
                    emptied.append(scope)
            scope = scope.block.scope
        self._released.extend(reversed(emptied))

    def drop(self, token: Token) -> None:
        """Take a token that waits for a permit out of its queue."""
        del self.queued[token]
        scope = token.scope
        while scope is not None:
            waiting = (scope.block.queued or {}).get(scope.item, [])
            if token in waiting:
                waiting.remove(token)
            if scope.block.queued is not None and not waiting:
                scope.block.queued.pop(scope.item, None)
            scope = scope.block.scope

    def reserve(self, scope: Scope) -> None:
        """Assign a permit to an item before it starts; `find_free` releases it again if no token of the item runs."""
        assert scope.block.holders is not None
        scope.block.holders[scope.item] = 0
        self._released.append(scope)

    def find_free(self) -> BlockInstance | None:
        """Return a block instance with a free permit and an item that wants it, None where there is none.

        Inner ones come first: an item that goes on inside keeps its permit outside.
        """
        while self._released:
            scope = self._released[-1]
            block = scope.block
            assert block.holders is not None
            if block.holders.get(scope.item) == 0:
                del block.holders[scope.item]
            if len(block.holders) < block.limit and (block.queued or block.launched < len(block.slots)):
                return block
            self._released.pop()
        return None

    def next_queued(self, block: BlockInstance) -> list[Token]:
        """Remove and return the tokens of the item that has waited longest for a permit; empty where none waits."""
        if not block.queued:
            return []
        tokens = block.queued.pop(next(iter(block.queued)))
        for token in tokens:
            del self.queued[token]
        return tokens
