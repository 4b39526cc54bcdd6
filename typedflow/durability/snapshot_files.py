"""A snapshot that `Execution.save` or a test writes to a path."""

from __future__ import annotations

import tempfile
from pathlib import Path

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.stores.durable_files import replace_file


def write_file(path: Path, data: bytes) -> None:
    """Put bytes in the place of a file, readable by its owner only, on the disk before it returns."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        replace_file(path, data, Path(name), descriptor)
    except (OSError, ValueError) as error:  # NUL, or half of a surrogate pair, in the path
        problem = snapshots.not_saved_problem(str(path), getattr(error, "strerror", None) or str(error))
        raise SnapshotError(problem, path=str(path)) from error
