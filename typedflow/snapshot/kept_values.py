"""The bytes of values in flight, kept from the first save that wrote them: later saves write the same bytes.

A value is passed by reference, so that a later step may change it in place, by `data.value` or by what the state holds.
What a save writes is the value as it was produced. To encode and verify it once only also makes later saves cheaper:
the slots of a for_each, and the items that wait, are not encoded again at the end of every step.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeAlias, TypeVar, final

from msgspec import Raw

from typedflow.snapshot.documents import Format

T = TypeVar("T")
Place: TypeAlias = tuple[Hashable, ...]
"""Which production of a value is in flight: the same in all saves, and wherever the value moves on unchanged. The last
part is the id of the value: a step that returns another object in the same place has produced another value."""


Kept: TypeAlias = tuple[Any, object, Any, Format, Raw]
"""The value, what else is kept alive for its id, the code and the format that it was written by, and its bytes."""


@final
class KeptValues:
    """The bytes of the values that were in flight at the last save of one run, and of no others.

    Those in parts, at which later saves do not look, are pinned until they leave their parts.
    """

    __slots__ = ("_kept", "_pinned", "_seen")

    def __init__(self) -> None:
        self._kept: dict[Place, Kept] = {}
        self._seen: dict[Place, Kept] = {}
        self._pinned: dict[Place, tuple[int, Kept]] = {}

    def begin(self) -> None:
        """Begin a save; what one that failed has encoded is dropped."""
        self._seen = {}

    def end(self) -> None:
        """End a save: forget what is no longer in flight."""
        self._kept, self._seen = self._seen, {}

    def find(self, place: Place) -> Kept | None:
        """Return what was written of the value whose id ends the place, in this save or in the last one."""
        found = self._seen.get(place)
        if found is None:
            found = self._kept.get(place)
            if found is None and place in self._pinned:
                found = self._pinned[place][1]
            if found is not None:
                self._seen[place] = found
        return found

    def pinned(self, write: Callable[[], T]) -> tuple[T, tuple[Place, ...]]:
        """Call `write`, and keep what it has written until `unpin` is called with the places that are returned."""
        before, self._seen = self._seen, {}
        try:
            written, places = write(), self._seen
        finally:
            self._seen = before
        for place, kept in places.items():
            self._pinned[place] = self._pinned.get(place, (0, kept))[0] + 1, kept
        return written, tuple(places)

    def unpin(self, places: Iterable[Place]) -> None:
        """Keep values as long as any others: the next save finds them."""
        for place in places:
            count, kept = self._pinned.pop(place)
            self._kept[place] = kept
            if count > 1:
                self._pinned[place] = count - 1, kept

    def keep(self, place: Place, kept: Kept) -> Raw:
        """Keep what was written of a value, and return it; the value lives, so that no other object has its id."""
        self._seen[place] = kept
        return kept[4]
