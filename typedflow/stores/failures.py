"""How what the system or the database answered becomes a `StoreError`."""

from __future__ import annotations

import os

from typedflow.contract import stores as texts
from typedflow.errors import StoreError


def store_error(doing: str, where: str, error: Exception, hint: str = "") -> StoreError:
    """Give the error for a caller, caused by what came from below; `doing` is what failed: "save 'a'"."""
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    explained = StoreError(texts.failed(doing, reason or type(error).__name__, hint).at(where))
    explained.__cause__ = error
    return explained
