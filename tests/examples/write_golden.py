"""Write the golden snapshots of the licence audit: `python -m tests.examples.write_golden 1`, at the top of the tree.

They are kept as they are: what was saved once has to be loaded by all later code. When a contract gets a new version,
write a set of the next number, and leave those before it alone. A set is written again only while nothing that was
released has saved its like.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from examples.license_audit.flow import build_flow
from examples.license_audit.records import AuditRequest, Distribution
from typedflow import Snapshot, Status

FOLDER: Final = Path(__file__).with_name("golden")
SHELF: Final[tuple[dict[str, Any], ...]] = (
    {"name": "alpha", "version": "1", "license_expression": "MIT"},
    {"name": "beta", "version": "2", "license_expression": "LGPL-3.0-only", "license_files": ("COPYING",)},
    {"name": "gamma", "version": "3", "license_text": "ask the author"},
    {"name": "omega", "version": "4", "license_expression": "AGPL-3.0-only"},
)


class Shelf:
    """A catalog of four distributions, two of them for review; `looked` is called when one is read."""

    def __init__(self, looked: Callable[[str], object] = str, record: type[Distribution] = Distribution) -> None:
        self._found = {fields["name"]: msgspec.convert(fields, record) for fields in SHELF}
        self._looked = looked

    def names(self) -> list[str]:
        return sorted(self._found)

    def read(self, name: str) -> Distribution:
        self._looked(name)
        return self._found[name]

    def unreadable(self) -> list[str]:
        return []


async def save_moments() -> dict[str, Snapshot]:
    """Save one audit twice: while the third distribution is read, and when two decisions are waited for."""
    saved: dict[str, Snapshot] = {}

    def look(name: str) -> None:
        if name == "gamma":
            saved["running"] = execution.save()

    execution = build_flow().create_execution(runtime_resources={"catalog": Shelf(look)}, execution_id="golden")
    request = AuditRequest((FOLDER / "policy.toml").relative_to(Path.cwd()).as_posix(), ask=True)
    assert await execution.async_start(request) is Status.WAITING
    saved["waiting"] = execution.save()
    return saved


def main(number: str) -> None:
    for moment, snapshot in asyncio.run(save_moments()).items():
        path = FOLDER / f"{number}-{moment}.json"
        path.write_bytes(snapshot.to_bytes() + b"\n")
        print(f"wrote {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
