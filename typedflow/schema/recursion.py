"""Compile recursive types (types that refer to themselves) to closures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typedflow.schema.types import Kind

Closure = Callable[[Any], Any]


class Recursion:
    """The records and aliases of one compilation: each is compiled once; a reference inside itself is deferred."""

    def __init__(self) -> None:
        self.met = False
        """A recursive type was compiled: the closures call each other as deep as the value is nested."""
        self._open: dict[Kind, list[Closure]] = {}
        self._done: dict[Kind, Closure] = {}

    def once(self, kind: Kind, build: Callable[[], Closure]) -> Closure:
        """Return the closure of a kind, compiled on the first call for this kind."""
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
