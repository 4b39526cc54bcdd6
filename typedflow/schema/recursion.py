"""How a compiler from kinds to closures survives types that speak of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typedflow.schema.types import Kind

Closure = Callable[[Any], Any]


class Recursion:
    """The records and aliases of one compilation: each is compiled once, a mention inside of itself is deferred."""

    def __init__(self) -> None:
        self.met = False
        """Some type spoke of itself: the closures call each other as deep as the value goes."""
        self._open: dict[Kind, list[Closure]] = {}
        self._done: dict[Kind, Closure] = {}

    def once(self, kind: Kind, build: Callable[[], Closure]) -> Closure:
        """Give the closure of a kind, built on its first mention."""
        if kind in self._done:
            return self._done[kind]
        if kind in self._open:
            self.met = True
            return _deferred(self._open[kind])
        cell: list[Closure] = []
        self._open[kind] = cell
        closure = build()
        cell.append(closure)
        del self._open[kind]
        self._done[kind] = closure
        return closure


def _deferred(cell: list[Closure]) -> Closure:
    def closure(value: Any) -> Any:
        return cell[0](value)

    return closure
