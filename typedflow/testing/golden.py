"""Golden snapshots: what each version of a contract has saved, kept as files that today's code must load.

    def test_saved_reviews_load(golden_snapshots):
        execution = flow.create_execution(execution_id="golden")
        execution.start(Request(topic="msgspec"))            # it pauses
        for loaded in golden_snapshots(execution):           # one for each version of the contract
            loaded.continue_with("approve", {"ok": True})
            assert loaded.result == Report(text="…")

The fixture `golden_snapshots` is that of the pytest plugin; `pytest --typedflow-update` writes the file of a version
that has none. A file that is there is never written again: it is what that version saved. The moment of a deadline is
in it too, and passes: start and load such executions under `fake_clock()`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

from typedflow.api.execution import Execution, execution_of
from typedflow.durability.snapshot_files import write_file
from typedflow.errors import SnapshotError
from typedflow.execution.runtime import ExecutionRuntime

C = TypeVar("C")


class GoldenSnapshots:
    """Keep and load the golden snapshots of one test, in one folder."""

    def __init__(self, folder: Path, name: str, *, update: bool) -> None:
        self.folder = folder
        self.name = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-")
        self.update = update
        """Whether the file of a version that has none is written."""

    def __call__(self, execution: Execution[C]) -> list[Execution[C]]:
        """Load the snapshots of all versions of the contract, oldest first, each into an execution of its own.

        `execution` stands where the snapshot of the present version is taken. The executions have its resources. Raises
        AssertionError if the present version has no file, and `SnapshotError`, with a note that names the file, for one
        that cannot be loaded any more.
        """
        runtime = runtime_of(execution)
        spec = runtime.plan.spec
        present = self.folder / f"{self.name}.{spec.name}.v{spec.version}.json"
        if not present.exists():
            if not self.update:
                raise AssertionError(f"there is no golden snapshot {present}: write it with pytest --typedflow-update")
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(present, execution.save().to_bytes())
        return [_load(runtime, file) for file in self.files(spec.name)]

    def files(self, contract: str) -> list[Path]:
        """Return the files of a contract, those of older versions first."""
        found = re.compile(rf"{re.escape(self.name)}\.{re.escape(contract)}\.v(\d+)\.json")
        versions = ((int(match[1]), file) for file in self.folder.iterdir() if (match := found.fullmatch(file.name)))
        return [file for _, file in sorted(versions)]


def runtime_of(execution: Execution[Any]) -> ExecutionRuntime:
    """Return what an execution consists of."""
    return execution._runtime  # noqa: SLF001  # the one way behind the facade


def _load(runtime: ExecutionRuntime, file: Path) -> Execution[Any]:
    made: Execution[Any] = execution_of(ExecutionRuntime(runtime.flow, "golden"))
    try:
        return made.load(file, runtime_resources=runtime.resources.given)
    except SnapshotError as error:
        error.add_note(f"golden snapshot {file}: give the contract a new version and a migration for what it saved")
        raise
