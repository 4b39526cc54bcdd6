"""Files that a crash leaves as they were or as they are to be, and never in between."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace_file(target: Path, data: bytes, unfinished: Path, descriptor: int) -> None:
    """Put bytes in the place of a file, on the disk before it returns.

    They are written to `unfinished`, a file beside it that was opened as `descriptor`, and that takes its place at once
    or is removed. The descriptor is closed.
    """
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable: without it a new file or folder may be gone after a power loss."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
