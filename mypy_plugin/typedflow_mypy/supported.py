"""Which mypy the plugin works with; imports nothing of mypy but its version, so that any mypy can be told."""

from __future__ import annotations

import re
from typing import Final

OLDEST: Final = (2, 4)
"""The first whose plugins may name modules that a check depends on: before it, what an edit changes is not noticed."""


def require_supported(version: str) -> None:
    """Raise ImportError for a mypy that is too old; mypy prints its text beside the line that asks for the plugin."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is not None and (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        text = f"the typedflow plugin works with mypy {oldest} or newer, and this is mypy {version}"
        raise ImportError(f"{text} (pip install 'mypy>={oldest},<3')")
