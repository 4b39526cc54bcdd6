"""A loop in virtual time that runs what is ready in an order drawn from a seed: a thousand interleavings in seconds.

asyncio promises an order that programs must not rely on where other tasks, threads or timers come between. Every
callback that is ready may come next here, so a seed is one schedule, and the same seed the same schedule again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.execution.running import VirtualTimeLoop

T = TypeVar("T")


class SeededLoop(VirtualTimeLoop):
    """Shuffle what is ready before each turn."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]  # of BaseEventLoop, the same on all supported versions
        if len(ready) > 1:
            waiting = list(ready)
            self.chance.shuffle(waiting)
            ready.clear()
            ready.extend(waiting)
        super()._run_once()  # type: ignore[misc]  # same


def run_seeded(seed: int, main: Callable[[random.Random], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine under one schedule; no task may be left behind, and no error that was not retrieved."""
    chance = random.Random(seed)
    unseen: list[dict[str, Any]] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
        value = await main(chance)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left behind: {left}"
        return value

    with asyncio.Runner(loop_factory=lambda: SeededLoop(chance)) as runner:
        value = runner.run(watched())
    assert not unseen, unseen
    return value
