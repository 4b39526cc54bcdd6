"""Which fields of a state the next save must encode, and of which it must check the exact classes again.

A step that has rechecked, at its end, the containers that it read leaves nothing to check. What is read or written
outside of steps is noted by `schema.writing.outside`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from typedflow.engine.tokens import Token
from typedflow.schema.writing import outside


class StateChanges:
    """Keep what steps have read and written of the state of one execution since the last save."""

    __slots__ = ("all_checked_at", "changed", "lent", "seen", "to_recheck", "unchecked")

    def __init__(self) -> None:
        self.to_recheck: dict[Token, dict[tuple[bool, str], None]] | None = None
        """By token, the containers that a failed attempt may have left invalid: the next one rechecks them too."""
        self.unchecked: dict[str, None] | None = None
        """The fields that may have changed since a step or a save has checked them: the next save checks them."""
        self.lent: dict[object, Mapping[tuple[bool, str], None]] = {}
        """The containers that each running step has read, and may change at any time: every save checks them.

        By step, as a count of steps would be lost where several in threads begin to read at once.
        """
        self.all_checked_at: object = None
        """The `last` of `outside` when all fields were checked, None before. If it has changed, all are unchecked."""
        self.changed: dict[str, bool] | None = None
        """Of a root whose state is stored in parts: the fields that steps may have changed since the last save.

        False where lists had something appended, and nothing else was done to them.
        """
        self.seen: tuple[object, object] | None = None
        """The `last` and `written` of `outside` when the last save looked for changes."""

    def note_written(self, field: str) -> None:
        """Record that a field of the state was written, or that its container may be changed without a later check."""
        if self.unchecked is None:
            self.unchecked = {}
        self.unchecked[field] = None
        if self.changed is not None:
            self.changed[field] = True

    def note_appended(self, field: str) -> None:
        """Record that something was appended to a list in the state, whose other items are as they were."""
        if self.unchecked is None:
            self.unchecked = {}
        self.unchecked[field] = None
        if self.changed is not None:
            self.changed.setdefault(field, False)

    def lend(self, step: object, containers: Mapping[tuple[bool, str], None]) -> None:
        """Record that a step has read containers; it adds the fields that it reads later to `containers` itself."""
        self.lent[step] = containers

    def take_back(self, step: object, *, checked: bool) -> None:
        """Record that a step is over; with `checked` its end has checked the fields that it was lent."""
        containers = self.lent.pop(step, {})
        if self.changed is not None:
            self.changed.update(dict.fromkeys(_state_fields(containers), True))
        if not checked:
            for field in _state_fields(containers):
                self.note_written(field)

    def take_unchecked(self) -> Collection[str] | None:
        """Return the fields that a save must check, None for all; from now on they count as checked."""
        unchecked, all_checked_at, last = self.unchecked, self.all_checked_at, outside.last
        self.unchecked, self.all_checked_at = None, last
        if all_checked_at is not last:
            return None
        return {*(unchecked or ()), *self.lent_fields()}

    def lent_fields(self) -> set[str]:
        """Return the fields of the state that running steps have read, and may change at any time."""
        return {field for containers in tuple(self.lent.values()) for field in _state_fields(containers)}

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

    def mark_all_unchecked(self) -> None:
        """Make the next save check all fields: the last one has failed."""
        self.all_checked_at = None


def _state_fields(containers: Mapping[tuple[bool, str], None]) -> Iterator[str]:
    return (field for is_state, field in tuple(containers) if is_state)  # a thread may be putting more into it
