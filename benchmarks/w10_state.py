"""W10: what a step costs when the state is large and the step does not touch what makes it so."""

from __future__ import annotations

from benchmarks.shared import Progress, chain, seconds

STEPS = 20
MICRO = 1e6


def typedflow(size: int) -> float:
    """Return µs per step over a state of about so many bytes."""
    flow = chain(STEPS)
    state = Progress(ballast=["x" * 100] * (size // 100))

    async def work() -> None:
        for _ in range(100):
            await prepared.pop().async_start(0)

    prepared = [flow.create_execution(state=state) for _ in range(1000)]
    for execution in prepared:
        execution.state  # noqa: B018  # made now, so that the copy at the start is not counted
    return seconds(work, 9) / STEPS / 100 * MICRO
