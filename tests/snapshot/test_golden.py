"""What was saved once loads for ever: snapshots that were written by the code of their day, and are kept as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.pausing import CASES, Case, finish, taken
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


KEYS = {
    "bounded batch": ["batch@0[1]/increment@0"],
    "child in child": ["show@0"],
    "collect members": ["show@1"],
    "each in child": ["increment@0"],
    "into when and": ["show@1"],
    "match arm": ["for_each@0[0]/ask@0"],
}
"""The keys that the steps of the cut-off runs had when they were saved."""


@pytest.mark.parametrize("name", RUNNING)
async def test_a_step_of_an_older_document_keeps_its_key(name: str) -> None:
    case, keys = CASES[name], []
    execution = case.build().create_execution().load(file_of(name, running=True))
    taken.set(lambda data: keys.append(data.key))
    await execution.async_retry()
    assert [key.partition(":")[2] for key in keys][:1] == KEYS[name]
