"""Which fields of a state the next save has to encode, and of which it has to check the classes again.

A step that has rechecked, at its end, the containers that it read leaves nothing to check. What is read or written
outside of steps is noted by `schema.writing.outside`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from typedflow.engine.tokens import Token
from typedflow.schema.writing import outside


class StateChanges:
    """Keep what steps have read and written of the state of one execution since the last save."""

    __slots__ = ("changed", "lent", "loose", "seen", "touched", "walked")

    def __init__(self) -> None:
        self.touched: dict[Token, dict[tuple[bool, str], None]] | None = None
        """The fields that failed steps have left in a bad state, or may have: the next attempt answers for them too."""
        self.loose: dict[str, None] | None = None
        """The fields of the state of which the next save looks at the classes, as no check of a step has."""
        self.lent: dict[object, Mapping[tuple[bool, str], None]] = {}
        """What each running step got hold of: a save looks at it, and so does the next one.

        By step, as a count of steps would be lost where several in threads begin to read at once.
        """
        self.walked: object = None
        """What was noted last of those outside of steps when all classes in the state were known; None before that."""
        self.changed: dict[str, bool] | None = None
        """Of a root whose state is stored in parts: the fields that steps may have changed since the last save.

        False where lists had something appended, and nothing else was done to them.
        """
        self.seen: tuple[object, object] | None = None
        """What was noted last of reads and writes outside of steps when the last save looked for changes."""

    def touch(self, field: str) -> None:
        """Note that a container in the state was written, or left to somebody whom no check will follow."""
        if self.loose is None:
            self.loose = {}
        self.loose[field] = None
        if self.changed is not None:
            self.changed[field] = True

    def extend(self, field: str) -> None:
        """Note that something was appended to a list in the state, without a look at what is in it."""
        if self.loose is None:
            self.loose = {}
        self.loose[field] = None
        if self.changed is not None:
            self.changed.setdefault(field, False)

    def lend(self, step: object, touched: Mapping[tuple[bool, str], None]) -> None:
        """Note that a step got hold of containers; it puts the fields that follow into `touched` itself."""
        self.lent[step] = touched

    def take_back(self, step: object, *, checked: bool) -> None:
        """Note that a step is over; was it checked at the end, all classes in what it was lent are known."""
        touched = self.lent.pop(step, {})
        if self.changed is not None:
            self.changed.update(dict.fromkeys(_state_fields(touched), True))
        if not checked:
            for field in _state_fields(touched):
                self.touch(field)

    def take_loose(self) -> Collection[str] | None:
        """Return the fields of the state whose classes a save must check, None for all; they are checked then."""
        loose, walked, last = self.loose, self.walked, outside.last
        self.loose, self.walked = None, last
        if walked is not last:
            return None
        return {*(loose or ()), *self.lent_fields()}

    def lent_fields(self) -> set[str]:
        """Return the fields of the state that running steps got hold of."""
        return {field for touched in tuple(self.lent.values()) for field in _state_fields(touched)}

    def take_changed(self) -> Mapping[str, bool] | None:
        """Return the fields of the state that may have changed since the last call, as in `changed`; None for all."""
        now = (outside.last, outside.written)
        was, self.seen = self.seen, now
        found = {}
        while self.changed:  # one by one: a thread may be putting more into it, for the next save
            field, anywhere = self.changed.popitem()
            found[field] = anywhere
        if was is None or was[0] is not now[0] or was[1] is not now[1]:
            return None
        return found | dict.fromkeys(self.lent_fields(), True)

    def give_back_loose(self) -> None:
        """Make the next save check all fields, as the last one has failed."""
        self.walked = None


def _state_fields(touched: Mapping[tuple[bool, str], None]) -> Iterator[str]:
    return (field for is_state, field in tuple(touched) if is_state)  # a thread may be putting more into it
