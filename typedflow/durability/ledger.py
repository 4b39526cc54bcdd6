"""Which parts of an execution are stored, and what the next save changes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from typedflow.snapshot.joining import SUM, digest_of_part
from typedflow.stores.records import Delta, Part


@final
class Changes:
    """Collect what one save changes of the stored parts; with `afresh` it replaces all of them."""

    __slots__ = ("afresh", "digests", "known", "writes")

    def __init__(self, known: Mapping[str, int], *, afresh: bool) -> None:
        self.known = known
        self.afresh = afresh
        self.writes: dict[str, Part] = {}
        self.digests: dict[str, int | None] = {}
        """The new digest of each part that changes, None for one that is deleted."""

    def put(self, key: str, data: bytes) -> None:
        """Write a part, unless just these bytes are stored. The last call for a key counts."""
        digest = digest_of_part(key, data)
        if self.known.get(key) != digest:
            self.writes[key] = Part(key, data, digest.to_bytes(16, "big"))
            self.digests[key] = digest
        elif key in self.digests:
            del self.digests[key]
            self.writes.pop(key, None)

    def digest_of(self, key: str) -> int:
        """Return the digest that a part has after the save."""
        return self.digests.get(key) or self.known[key]

    def drop(self, key: str) -> None:
        """Delete a part, if it is stored. The last call for a key counts."""
        self.writes.pop(key, None)
        if key in self.known:
            self.digests[key] = None
        else:
            self.digests.pop(key, None)


@final
class Ledger:
    """The digests of the parts that a store has of one execution."""

    __slots__ = ("_known", "_total")

    def __init__(self) -> None:
        self._known: dict[str, int] | None = None
        """None: the store has none, or it is not known which."""
        self._total = 0

    def begin(self) -> Changes:
        """Return the changes of a new save, empty."""
        return Changes(self._known or {}, afresh=self._known is None)

    def delta(self, changes: Changes) -> Delta:
        """Return what a save passes to the store."""
        count, total = len(changes.known), self._total
        for key, digest in changes.digests.items():
            before = changes.known.get(key)
            count += (digest is not None) - (before is not None)
            total += (digest or 0) - (before or 0)
        deletes = tuple(key for key, digest in changes.digests.items() if digest is None)
        return Delta(tuple(changes.writes.values()), deletes, count, (total % SUM).to_bytes(16, "big"), changes.afresh)

    def saved(self, changes: Changes) -> None:
        """Record that the save is stored."""
        known = self._known = {} if self._known is None else self._known
        for key, digest in changes.digests.items():
            before = known.pop(key, 0)
            if digest is not None:
                known[key] = digest
            self._total += (digest or 0) - before

    def loaded(self, known: Mapping[str, int]) -> None:
        """Record the digests of the parts that were loaded."""
        self._known, self._total = dict(known), sum(known.values())
