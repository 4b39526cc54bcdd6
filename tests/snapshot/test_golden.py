"""What was saved once loads for ever: snapshots that were written by the code of their day, and are kept as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.pausing import CASES, Case, finish
from tests.snapshot.golden import FOLDER, RUNNING, file_of
from typedflow import Status

WAITING = [(case, file_of(name, running=False)) for name, case in CASES.items()]
CUT_OFF = [(CASES[name], file_of(name, running=True)) for name in RUNNING]


@pytest.mark.parametrize("case, file", WAITING, ids=CASES)
async def test_a_golden_snapshot_of_each_construct_loads_and_finishes(case: Case, file: Path) -> None:
    execution = case.build().create_execution().load(file)
    assert (execution.id, execution.status) == ("case", Status.WAITING)
    assert len(execution.interrupts) == case.at_once
    await finish(execution, case)
    assert (execution.status, execution.result) == (Status.COMPLETED, case.result)


@pytest.mark.parametrize("case, file", CUT_OFF, ids=RUNNING)
async def test_a_golden_snapshot_of_a_run_that_was_cut_off_goes_on(case: Case, file: Path) -> None:
    execution = case.build().create_execution().load(file)
    assert execution.status is Status.RUNNING
    await execution.async_retry()
    await finish(execution, case)
    assert (execution.status, execution.result) == (Status.COMPLETED, case.result)


def test_every_golden_snapshot_is_tried() -> None:
    assert set(FOLDER.glob("*.json")) == {file for _, file in [*WAITING, *CUT_OFF]}
