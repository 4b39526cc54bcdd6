"""Write a file so that a crash leaves the old one or the new one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots


def write_file(path: Path, data: bytes) -> None:
    """Put bytes in the place of a file, readable by its owner only, on the disk before it returns."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:  # NUL, or half of a surrogate pair, in the path
        problem = snapshots.not_saved_problem(str(path), getattr(error, "strerror", None) or str(error))
        raise SnapshotError(problem, path=str(path)) from error
