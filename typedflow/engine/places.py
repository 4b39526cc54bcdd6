"""The places of bounded blocks (`concurrency=`): who holds one, and who waits for one.

An item of a bounded round holds a place as long as something in it is ready or running. One in which everything waits
for answers gives its place to the next item, so that a question which takes days stops nobody; what an answer wakes in
it waits until a place is free again, before further items are let in. So the bound always holds.
"""

from __future__ import annotations

from typedflow.engine.tokens import Join, Scope, Token


class Places:
    """Keep the bounds of one run; a `Join` says who is inside of it."""

    __slots__ = ("_stirred", "held")

    def __init__(self) -> None:
        self.held: dict[Token, None] = {}
        """What was answered and waits for a place, in the order of the answers."""
        self._stirred: list[Scope] = []
        """Items that may have nothing left that is ready or running, inner ones behind those round them."""

    def admit(self, token: Token) -> bool:
        """Count a token in where there is a place for its item in all bounded rounds round it; else hold it."""
        scope = token.scope
        while scope is not None:
            join, item = scope.join, scope.item
            if join.inside is not None and item not in join.inside and len(join.inside) >= join.limit:
                self.held[token] = None
                if join.waiting is None:
                    join.waiting = {}
                join.waiting.setdefault(item, []).append(token)
                return False
            scope = join.scope
        self.enter(token.scope)
        return True

    def enter(self, scope: Scope | None) -> None:
        """Count one more in an item, and in those round it."""
        while scope is not None:
            inside = scope.join.inside
            if inside is not None:
                inside[scope.item] = inside.get(scope.item, 0) + 1
            scope = scope.join.scope

    def leave(self, scope: Scope | None) -> None:
        """Count one less in an item, and in those round it."""
        emptied: list[Scope] = []
        while scope is not None:
            inside = scope.join.inside
            if inside is not None:
                inside[scope.item] -= 1
                if not inside[scope.item]:
                    emptied.append(scope)
            scope = scope.join.scope
        self._stirred.extend(reversed(emptied))

    def reserve(self, scope: Scope) -> None:
        """Give a place to an item that is being let in: it may turn out to have nothing to run."""
        assert scope.join.inside is not None
        scope.join.inside[scope.item] = 0
        self._stirred.append(scope)

    def find_free(self) -> Join | None:
        """Give a round that has a place to give away and somebody to take it, inner ones first.

        Inner ones first, because an item that goes on inside keeps its place outside.
        """
        while self._stirred:
            scope = self._stirred[-1]
            join = scope.join
            assert join.inside is not None
            if join.inside.get(scope.item) == 0:
                del join.inside[scope.item]
            if len(join.inside) < join.limit and (join.waiting or join.launched < len(join.slots)):
                return join
            self._stirred.pop()
        return None

    def next_held(self, join: Join) -> list[Token]:
        """Take what waits longest for a place in a round: all of one item, none where nothing waits."""
        if not join.waiting:
            return []
        tokens = join.waiting.pop(next(iter(join.waiting)))
        for token in tokens:
            del self.held[token]
        return tokens
