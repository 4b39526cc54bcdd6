"""W8: how long a program waits for `import typedflow`, every public name of it loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

BARE = "import asyncio, msgspec"
WHOLE = "import asyncio, msgspec; from typedflow import *"


def milliseconds(program: str, repeats: int) -> float:
    """Return the median of a process that finds its bytecode; the first one writes it, and does not count."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(repeats + 1):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=environment)
            times.append(time.perf_counter() - begin)
    return sorted(times[1:])[repeats // 2] * 1e3


def typedflow(size: int) -> float:
    """Return the ms of a whole process."""
    return milliseconds(WHOLE, size)


def floor(size: int) -> float:
    return milliseconds(BARE, size)
