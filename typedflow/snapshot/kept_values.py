"""The bytes of values in flight, kept from the first save that wrote them: later saves write the same bytes.

A value is passed by reference, so that a later step may change it in place, by `data.value` or by what the state holds.
What a save writes is the value as it was produced. To encode and verify it once only also makes later saves cheaper:
the slots of a for_each, and the items that wait, are not encoded again at the end of every step.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeAlias, final

from msgspec import Raw

from typedflow.snapshot.documents import Format

Place: TypeAlias = tuple[Hashable, ...]
"""Which production of a value is in flight: the same in all saves, and wherever the value moves on unchanged. The last
part is the id of the value: a step that returns another object in the same place has produced another value."""


Kept: TypeAlias = tuple[Any, object, Any, Format, Raw]
"""The value, what else is kept alive for its id, the code and the format that it was written by, and its bytes."""


@final
class KeptValues:
    """Hold the bytes of the values that were in flight at the last save of one run, and of no others."""

    __slots__ = ("_kept", "_seen")

    def __init__(self) -> None:
        self._kept: dict[Place, Kept] = {}
        self._seen: dict[Place, Kept] = {}

    def begin(self) -> None:
        """Begin a save; what one that failed has encoded is dropped."""
        self._seen = {}

    def end(self) -> None:
        """End a save: forget what is no longer in flight."""
        self._kept, self._seen = self._seen, {}

    def find(self, place: Place) -> Kept | None:
        """Return what was written of the value whose id ends the place, in this save or in the last one."""
        found = self._seen.get(place)
        if found is None and (found := self._kept.get(place)) is not None:
            self._seen[place] = found
        return found

    def keep(self, place: Place, kept: Kept) -> Raw:
        """Keep what was written of a value, and return it; the value lives, so that no other object has its id."""
        self._seen[place] = kept
        return kept[4]
