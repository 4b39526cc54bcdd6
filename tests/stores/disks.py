"""Disks that are full: a small tmpfs where one may be mounted, and a limit on the size of files everywhere."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOM: Final = 512 * 1024
"""Bytes that fit, with what the stores need for themselves."""


@contextmanager
def small_tmpfs(folder: Path) -> Iterator[Path]:
    """Mount a file system that is full after `ROOM` bytes; needs root."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(disk)], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def small_files(folder: Path) -> Iterator[Path]:
    """Prevent files of this process from growing past `ROOM` bytes: EFBIG, where a full disk gives ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def may_mount() -> bool:
    """Return whether a tmpfs can be mounted: containers often say no even to root."""
    if os.geteuid() != 0:
        return False
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


FULL_DISKS: Final = [small_files, *([small_tmpfs] if may_mount() else [])]
