"""The names that what is saved in parts uses, counted: the head describes a name as long as a part uses it."""

from __future__ import annotations

from collections.abc import Iterable, KeysView
from typing import final


@final
class NameCounts:
    """Count the uses of names."""

    __slots__ = ("_uses",)

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}

    def add(self, names: Iterable[str]) -> None:
        """Count one more use of each name."""
        for name in names:
            self._uses[name] = self._uses.get(name, 0) + 1

    def remove(self, names: Iterable[str]) -> None:
        """Count one use less of each name; one without uses is forgotten. Raises `KeyError` for a name without uses."""
        for name in names:
            self._uses[name] -= 1
            if not self._uses[name]:
                del self._uses[name]

    @property
    def in_use(self) -> KeysView[str]:
        """Return the names that are in use, in the order of their first uses; a view, which follows the changes."""
        return self._uses.keys()
