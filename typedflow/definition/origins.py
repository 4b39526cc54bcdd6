"""Where a node was attached: the file and line of the user's call."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Final, TypeAlias

from typedflow.errors import ContractError
from typedflow.rules.problems import Problem

Origin: TypeAlias = tuple[str, int]
"""A file, as the code object names it, and a line in it; counted from 1."""
UNKNOWN_ORIGIN: Final[Origin] = ("", 0)
_OWN_MODULES: Final = __name__.partition(".")[0] + "."


def calling_origin() -> Origin:
    """Return the file and line of the nearest call from outside this library."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_OWN_MODULES):
        frame = frame.f_back
    return UNKNOWN_ORIGIN if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def definition_error(*problems: Problem) -> ContractError:
    """Return the error of a call that attaches a node, with the file and line of that call."""
    origin = calling_origin()
    return ContractError([problem.located(*origin) for problem in problems])
