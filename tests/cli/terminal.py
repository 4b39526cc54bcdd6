"""The command line on a terminal: a process whose stdin, stdout and stderr are a pty, and what is typed there."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterable
from typing import Final

from tests.cli.project import ROOT, Project

ASKS: Final = re.compile(rb": \Z")
"""What stands in front of the cursor when a line is read."""
LONGEST_SILENCE: Final = 60.0
"""Seconds; a process that reads more lines than were given is killed then."""
_CONTROLS: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def talk(project: Project, *arguments: str, lines: Iterable[str] = (), term: str = "dumb") -> tuple[int, str]:
    """Call a command, type each line when it asks for one, and return the exit code and all that the screen showed."""
    here, there = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": term, "COLUMNS": "80", "LINES": "40"}
    with subprocess.Popen(
        [sys.executable, "-m", "typedflow.cli", *arguments],
        cwd=project.folder,
        stdin=there,
        stdout=there,
        stderr=there,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(there)
        waiting, shown, since = iter(lines), b"", 0
        try:
            while part := _read(here):
                shown += part
                if ASKS.search(shown, since) and (line := next(waiting, None)) is not None:
                    since = len(shown)
                    os.write(here, b"\x04" if line == "^D" else line.encode() + b"\n")
        finally:
            process.kill()
            os.close(here)
    return process.returncode, _CONTROLS.sub("", shown.decode()).replace("\r\n", "\n")


def _read(fd: int) -> bytes:
    assert select.select([fd], [], [], LONGEST_SILENCE)[0], "nothing is shown any more, and nothing ends"
    try:
        return os.read(fd, 65536)
    except OSError:  # EIO: no process has the other end any more
        return b""
