"""What a cached verdict depends on: versions, options, and every file that a rule or a text of this plugin is in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import typedflow.rules
from typedflow.rules.catalogue import RULES


def fingerprint(mypy_version: str, options: str, folders: Iterable[Path]) -> str:
    """Return one text that changes when any of these does; mypy itself looks at the entry module only."""
    digest = hashlib.sha256(f"{mypy_version}\n{options}\n{sorted(RULES.items())}".encode())
    for folder in [*folders, *map(Path, typedflow.rules.__path__)]:
        for path in sorted(folder.glob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
