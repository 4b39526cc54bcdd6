"""A folder that all processes of a run share: for what is made at its first use, once for all of them.

It is in memory where that is possible, and goes at the end of the run.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

FOLDER: Final = "TYPEDFLOW_TESTS_FOLDER"
LEADER: Final = "TYPEDFLOW_TESTS_LEADER"
"""The id of the process that made the folder."""
RAM: Final = Path("/dev/shm")


def prepare() -> None:
    """Choose the folder for this process and all that it starts, if none is chosen yet."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="typedflow-tests-", dir=RAM if RAM.is_dir() else "/tmp")
        os.environ[LEADER] = str(os.getpid())
        atexit.register(remove)


def get() -> Path:
    """Return the folder; a program that is no test has one of its own."""
    prepare()
    return Path(os.environ[FOLDER])


def is_led_by_this_process() -> bool:
    return os.environ.get(LEADER) == str(os.getpid())


def remove() -> None:
    """Remove the folder; called by the process that made it, at its end."""
    if is_led_by_this_process() and FOLDER in os.environ:
        shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)
