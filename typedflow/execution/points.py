"""Named points between two steps of the engine, where a test kills the process; nothing in production.

What may be lost or done twice is decided at these points, so each has a name, and the crash tests go through all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

POINTS: Final = (
    "run.entered",
    "save.encoded",
    "save.stored",
    "step.taken",
    "child.entered",
    "step.ended",
    "child.left",
    "answer.taken",
    "run.over",
)
"""Every point there is, roughly in the order in which a run comes to them."""


def _pass(point: str) -> None:
    """Do nothing."""


reach: Callable[[str], None] = _pass
"""What is called at a point. A crash test puts its own function here, in its own process."""


def at(point: str) -> None:
    """Come to a point."""
    reach(point)
