"""Read containers that a thread may be changing: a step with `thread=True`, or what a handler has begun itself.

CPython copies and encodes a whole container of builtins without letting another thread run. What iterates in Python
does not, and raises `RuntimeError` where a dict, a set or a deque has changed its size meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST_ATTEMPTS: Final = 1000
"""A writer that wins as often as this would never let a reader finish."""

COMPARISONS: Final = 8
"""How often a value is compared with what was saved of it before it counts as another: a thread may have changed it
meanwhile, and changed it back."""


def has_changed_size(error: BaseException) -> bool:
    """Return True if an iteration failed because the container was changed meanwhile.

    The texts are CPython's: "dictionary changed size during iteration", "Set changed size during iteration",
    "dictionary keys changed during iteration", "deque mutated during iteration".
    """
    return isinstance(error, RuntimeError) and str(error).endswith("during iteration")


def read_again_if_changed(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `read` returns, calling it again while a container changes its size under it."""
    for _ in range(MOST_ATTEMPTS):
        try:
            return read(*args, **kwargs)
        except RuntimeError as error:
            if not has_changed_size(error):
                raise
    return read(*args, **kwargs)
