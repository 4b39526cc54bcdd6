"""Failpoints: named points of a run at which the crash tests kill the process. They do nothing in production.

Between two failpoints either everything is saved or nothing is. The crash tests kill a process at each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FAILPOINTS: Final = (
    "run.entered",
    "save.encoded",
    "save.stored",
    "step.taken",
    "flow_state.updated",
    "child.entered",
    "step.ended",
    "child.left",
    "answer.taken",
    "run.over",
)
"""All failpoints, roughly in the order in which a run reaches them."""


def _pass(point: str) -> None:
    """Do nothing."""


reach: Callable[[str], None] = _pass
"""The function that is called at each failpoint. A crash test replaces it, in its own process."""


def at(point: str) -> None:
    """Call `reach` with the name of a failpoint."""
    reach(point)
