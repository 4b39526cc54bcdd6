"""Write the golden snapshots: every case of `tests.execution.pausing` as it first waits, and some as they run.

`python -m tests.snapshot.golden` writes those that are not there yet. A file that is there stays: it was written by the
code of its day, and today's code must load it. Only a change of the cases themselves is a reason to delete one.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from tests.execution.pausing import CASES, Case, begin, taken
from typedflow import Snapshot

FOLDER: Final = Path(__file__).parent / "golden"

RUNNING: Final = {
    "bounded batch": "increment",
    "child in child": "show",
    "collect members": "show",
    "each in child": "increment",
    "into when and": "show",
    "match arm": "ask",
}
"""Cases that are also kept as they were when a step first began."""


def file_of(name: str, *, running: bool) -> Path:
    return FOLDER / f"{name.replace(' ', '-')}.{'running' if running else 'waiting'}.json"


async def waiting(case: Case) -> Snapshot:
    return (await begin(case)).save()


async def running(case: Case, step: str) -> Snapshot:
    """Return what is saved as a step first begins."""
    saved: list[Snapshot] = []
    taken.set(lambda data: saved.append(execution.save()) if data.step == step else None)
    execution = case.build().create_execution(execution_id="case")
    await execution.async_start(case.value)
    while not saved:
        interrupt_id, interrupt = next(iter(execution.interrupts.items()))
        await execution.async_continue_with(interrupt_id, case.answers[str(interrupt.payload)])
    return saved[0]


def write_missing() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, case in CASES.items():
        if not (file := file_of(name, running=False)).exists():
            file.write_text(asyncio.run(waiting(case)).to_json())
    for name, step in RUNNING.items():
        if not (file := file_of(name, running=True)).exists():
            file.write_text(asyncio.run(running(CASES[name], step)).to_json())


if __name__ == "__main__":
    write_missing()
