"""The names under which leases are held, and which of their owners are known to be gone.

A name tells the host, the process and the machine as the process saw it: its boot, and its process ids' namespace, as
a container has its own. On the same machine a process that is gone is noticed at once, so that none waits for its lease
to run out. Of any other holder only the clock tells.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import weakref
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

_numbers: Final = itertools.count(1)
_here: Final[dict[str, Callable[[], asyncio.AbstractEventLoop | None]]] = {}
"""The loops in which the holders of this process run, by name."""


def new_name() -> str:
    """Return a new name for a holder of this process, which no other holder has."""
    return f"{_process(os.getpid())}:{next(_numbers)}"


def enter(name: str) -> None:
    """Note that a holder runs executions in the running loop, until `leave`."""
    _here[name] = weakref.ref(asyncio.get_running_loop())


def leave(name: str) -> None:
    """Note that a holder of this process runs nothing any more."""
    _here.pop(name, None)


def is_gone(name: str) -> bool:
    """Return True if it is certain that a holder runs nothing any more; of another machine it never is."""
    process, _, _ = name.rpartition(":")
    if process == _process(os.getpid()):
        return not _runs(name)
    parts = _parts(name)
    if parts is None:
        return False
    host, pid, machine, start = parts
    if (host, machine) != (socket.gethostname(), _machine()):
        return False
    return not _is_alive(pid) or _start_of(pid) != start


def describe_holder(name: str) -> str:
    """Return a name as people read it."""
    parts = _parts(name)
    return name if parts is None else f"process {parts[1]} on {parts[0]}"


def _runs(name: str) -> bool:
    loop = _here.get(name, lambda: None)()
    return loop is not None and not loop.is_closed()


def _parts(name: str) -> tuple[str, int, str, str] | None:
    parts = name.rsplit(":", 4)
    if len(parts) != 5 or not parts[1].isdecimal():
        return None
    host, pid, machine, start, _ = parts
    return host, int(pid), machine, start


@lru_cache(maxsize=4)  # a fork has another pid
def _process(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{_machine()}:{_start_of(pid)}"


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return what tells this boot, and this namespace of process ids, from others; empty where the system has none."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """Return when a process began, in ticks since the boot, as ids are used again; empty where it is not known.

    One that was killed and is still listed for its parent has no start either.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")  # a name may be cut inside of a letter
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # the process belongs to another user
        return True
    return True
