"""B43, B44 and B48: a pause in every construct, answered in any order, in the same process or after save and load."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.execution.pausing import CASES, Between, Case, Pick, begin, document, finish, kept, taken
from typedflow import Data, Execution, Status

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)

ORDERS: dict[str, Pick] = {
    "first": lambda ids: ids[0],
    "last": lambda ids: ids[-1],
    "mixed": lambda ids: random.Random(len(ids)).choice(ids),
}
every_order = pytest.mark.parametrize("pick", ORDERS.values(), ids=ORDERS)


def _loaded(source: Callable[[Execution[Any]], Any]) -> Between:
    return lambda execution, build: build().create_execution().load(source(execution))


FORMS: dict[str, Callable[[Execution[Any]], Any]] = {
    "snapshot": lambda execution: execution.save(),
    "packed snapshot": lambda execution: execution.save(format="msgpack"),
    "mapping": lambda execution: json.loads(execution.save().to_json()),
    "text": lambda execution: execution.save().to_json(),
    "indented text": lambda execution: json.dumps(json.loads(execution.save().to_json()), indent=2),
    "bytes": lambda execution: execution.save().to_bytes(),
    "packed": lambda execution: execution.save(format="msgpack").to_bytes(),
    "packed, of JSON": lambda execution: execution.save().to_msgpack(),
    "JSON, of packed": lambda execution: execution.save(format="msgpack").to_json(),
}


@every_case
async def test_b44_a_pause_waits_with_everything_else_done(case: Case) -> None:
    execution = await begin(case)
    assert execution.status is Status.WAITING
    assert len(execution.interrupts) == case.at_once
    assert all(each.id == id_ and each.status == "pending" for id_, each in execution.interrupts.items())


@every_order
@every_case
@pytest.mark.thin(5)
async def test_b44_answers_in_any_order_finish_the_run(case: Case, pick: Pick) -> None:
    steps: list[str] = []
    taken.set(lambda data: steps.append(data.key))
    execution = await finish(await begin(case), case, kept, pick)
    assert execution.status is Status.COMPLETED
    assert execution.result == case.result
    assert len(steps) == len(set(steps)), "a step has run twice"


@every_order
@every_case
@pytest.mark.thin(5)
async def test_b48_saved_and_loaded_between_any_two_steps_the_join_completes(case: Case, pick: Pick) -> None:
    steps: list[str] = []
    taken.set(lambda data: steps.append(data.key))
    execution = await finish(await begin(case), case, _loaded(FORMS["text"]), pick)
    assert (execution.status, execution.result) == (Status.COMPLETED, case.result)
    assert len(steps) == len(set(steps)), "a step has run twice"


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@every_case
@pytest.mark.thin(7)
async def test_b46_every_form_of_a_snapshot_ends_with_the_same_result(
    case: Case, form: Callable[[Execution[Any]], Any]
) -> None:
    execution = await finish(await begin(case), case, _loaded(form))
    assert (execution.status, execution.result) == (Status.COMPLETED, case.result)


@pytest.mark.parametrize("format", ["json", "msgpack"])
@every_case
@pytest.mark.thin(5)
async def test_b46_files_end_with_the_same_result(case: Case, format: Any, tmp_path: Path) -> None:
    def by_file(execution: Execution[Any], build: Callable[[], Any]) -> Execution[Any]:
        execution.save(tmp_path / "saved", format)
        loaded: Execution[Any] = build().create_execution().load(tmp_path / "saved")
        return loaded

    execution = await finish(await begin(case), case, by_file)
    assert (execution.status, execution.result) == (Status.COMPLETED, case.result)
    assert os.listdir(tmp_path) == ["saved"]


@every_case
async def test_b48_what_was_loaded_saves_as_the_same_document(case: Case) -> None:
    execution = await begin(case)
    again = case.build().create_execution().load(execution.save())
    assert document(again) == document(execution)
    assert again.interrupts == execution.interrupts


@every_case
@pytest.mark.thin(3)
async def test_b48_saved_as_any_step_begins_a_run_goes_on_from_there(case: Case) -> None:
    """What runs is saved as ready: a process that loads it runs these steps again, with the same keys."""
    saved: list[tuple[str, str, str]] = []

    def save(data: Data[Any, Any]) -> None:
        saved.append((data.key, data.step, execution.save().to_json()))

    taken.set(save)
    execution = case.build().create_execution(execution_id="case")
    await execution.async_start(case.value)
    await finish(execution, case)
    for key, step, text in saved:
        again: list[str] = []
        taken.set(lambda data, again=again: again.append(data.key))  # type: ignore[misc]  # mypy cannot infer the lambda
        second = case.build().create_execution().load(text)
        assert second.status is Status.RUNNING
        await second.async_retry()
        assert key in again, f"the cut-off step '{step}' has not run again"
        await finish(second, case)
        assert (second.status, second.result) == (Status.COMPLETED, case.result)
        assert len(again) == len(set(again)), "a step has run twice"


@pytest.mark.parametrize("name", ["bounded batch", "collect in each", "each in child", "into when and"])
@pytest.mark.thin(5)
async def test_b48_a_new_process_answers_and_finishes(name: str, tmp_path: Path) -> None:
    case, file = CASES[name], tmp_path / "case.json"
    execution = await begin(case)
    execution.save(file)
    told = ""
    for payload, answer in case.answers.items():
        told = _in_a_new_process(name, str(file), payload, json.dumps(answer))
    assert told == f"completed {case.result}"
    finished = case.build().create_execution().load(file)
    assert (finished.status, finished.result) == (Status.COMPLETED, case.result)


def _in_a_new_process(*arguments: str) -> str:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.execution.pausing", *arguments]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def test_b43_the_interrupt_of_a_child_is_visible_on_the_parent_and_write_back_is_applied() -> None:
    case = CASES["child in child"]
    execution = await begin(case)
    assert [each.step for each in execution.interrupts.values()] == ["ask"]
    again = case.build().create_execution().load(execution.save())
    assert again.interrupts == execution.interrupts
    assert again.state.total == 0
    await finish(again, case)
    assert again.state.total == 11
    assert again.result == "11"


async def test_b43_ids_of_interrupts_differ_between_places_and_agree_between_runs() -> None:
    case = CASES["child as branch"]
    first, second = await begin(case), await begin(case)
    assert list(first.interrupts) == list(second.interrupts)
    assert len(set(first.interrupts)) == 3
