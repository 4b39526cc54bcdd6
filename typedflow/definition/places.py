"""Where a user's code attached a node: the file and line of the call, for problems of the definition."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Final, NamedTuple

OWN: Final = "typedflow."
"""The modules whose frames are passed over: the call that counts is the one outside of them."""


class Place(NamedTuple):
    """A line of source; `line` is 0 if it is not known."""

    file: str = ""
    line: int = 0


NOWHERE: Final = Place()


def calling_place() -> Place:
    """Return the place of the innermost call from outside of typedflow."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(OWN):
            return Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return NOWHERE
