"""G8: what it costs to set a new key of a dict by a path; no two paths are the same.

The floor sets the keys of a plain dict.
"""

from __future__ import annotations

import msgspec

from benchmarks.shared import seconds
from typedflow import State

MICRO = 1e6


class Row(msgspec.Struct):
    x: int


class Table(State):
    table: dict[str, Row] = {}


def typedflow(size: int) -> float:
    """Return µs per `state.set("table.<new key>", x)`, over so many keys."""
    row = Row(1)

    async def work() -> None:
        state = next(states)
        for path in paths.pop():
            state.set(path, row)

    paths = [[f"table.k{times}_{index}" for index in range(size)] for times in range(4)]
    states = iter([Table() for _ in range(4)])
    return seconds(work, 3) / size * MICRO


def floor(size: int) -> float:
    """Return µs per key of a plain dict."""
    row = Row(1)

    async def work() -> None:
        table: dict[str, Row] = {}
        for path in paths:
            table[path.partition(".")[2]] = row

    paths = [f"table.k{index}" for index in range(size)]
    return seconds(work, 9) / size * MICRO
