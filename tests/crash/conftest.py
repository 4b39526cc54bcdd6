"""Where the processes that are killed keep their files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

RAM = Path("/dev/shm")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder in memory, where there is one: a killed process needs no disk, and syncing costs most of the time.

    What a machine that loses its power keeps is for the tests of the stores.
    """
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None, prefix="typedflow-") as name:
        yield Path(name)
