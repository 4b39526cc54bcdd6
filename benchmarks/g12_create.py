"""G12: what create_execution costs with a store; the floor is that without one."""

from __future__ import annotations

from benchmarks.shared import chain, seconds
from typedflow.stores import MemoryStore

MICRO = 1e6
MANY = 1000


def measure(size: int, store: MemoryStore | None) -> float:
    flow = chain(size)

    async def work() -> None:
        for _ in range(MANY):
            flow.create_execution(store=store)

    return seconds(work, 9) / MANY * MICRO


def typedflow(size: int) -> float:
    """Return µs per execution of a flow of so many nodes, with a store."""
    return measure(size, MemoryStore())


def floor(size: int) -> float:
    """Return µs without a store."""
    return measure(size, None)
