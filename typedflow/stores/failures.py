"""How what the system or the database answered becomes a `StoreError`."""

from __future__ import annotations

import os
import stat
from typing import Final, final

from typedflow.errors import StoreError
from typedflow.rules import stores as texts


def store_error(doing: str, where: str, error: Exception, hint: str = "", reason: str = "") -> StoreError:
    """Return the error for a caller, caused by what came from below; `doing` is what failed: "save 'a'"."""
    reason = reason or (os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error))
    explained = StoreError(texts.failed_problem(doing, reason or type(error).__name__, hint).at(where))
    explained.__cause__ = error
    return explained


_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of_file(mode: int) -> str:
    """Name what stands where a file should, by its mode: "a FIFO"."""
    return _KINDS.get(stat.S_IFMT(mode), "something else")


@final
class Refusal(Exception):
    """Carry an error to the caller whose job raised it; the others of its transaction go on."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error
