"""Golden snapshots: written once for each version of a contract, and loaded by today's code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from typedflow import Contract, Data, Flow, SnapshotError, State, Status
from typedflow.testing.golden import GoldenSnapshots

ROOT = Path(__file__).parents[2]


class Notes(State):
    asked: int = 0


class Renamed(State):
    questions: int = 0


def flow_of(version: int, state: type[Any] = Notes, *, migrates: bool = True) -> Flow[Any]:
    class Talk(Contract, version=version):
        input: str
        result: str
        state: state  # type: ignore[valid-type]  # the class of this version

    if version > 1 and migrates:

        @Talk.migrate(1)
        def rename(document: Any) -> Any:
            document["state"] = {"questions": document["state"]["asked"]}
            return document

    def ask(data: Data[Talk, str]) -> str:
        return data.pause_for("ok?", interrupt_id="q")

    flow = Flow(Talk)
    flow.to(ask).end()
    return flow


def paused(flow: Flow[Any]) -> Any:
    execution = flow.create_execution(execution_id="golden")
    execution.start("a")
    return execution


def test_the_snapshots_of_all_versions_are_loaded_oldest_first(tmp_path: Path) -> None:
    write, check = (GoldenSnapshots(tmp_path / "golden", "test_talk[a b]", update=update) for update in (True, False))
    with pytest.raises(AssertionError, match=r"no golden snapshot .*test_talk-a-b.Talk.v1.json: .*--typedflow-update"):
        check(paused(flow_of(1)))
    assert len(write(paused(flow_of(1)))) == 1
    written = (tmp_path / "golden" / "test_talk-a-b.Talk.v1.json").read_bytes()
    later = flow_of(2, Renamed)
    assert [each.status for each in write(paused(later))] == [Status.WAITING, Status.WAITING]
    first, second = check(paused(later))
    assert (first.state.questions, second.state.questions) == (0, 0)
    for each in (first, second):
        each.continue_with("q", "yes")
        assert each.result == "yes"
    assert (tmp_path / "golden" / "test_talk-a-b.Talk.v1.json").read_bytes() == written


def test_a_snapshot_that_cannot_be_loaded_any_more_is_named(tmp_path: Path) -> None:
    golden = GoldenSnapshots(tmp_path, "talk", update=True)
    golden(paused(flow_of(1)))
    with pytest.raises(SnapshotError, match="TF916") as caught:
        golden(paused(flow_of(1, Renamed)))
    assert "talk.Talk.v1.json: give the contract a new version" in caught.value.__notes__[-1]


PROGRAM = """
from typedflow import Contract, Data, Flow

class Talk(Contract):
    input: str
    result: str

def ask(data: Data[Talk, str]) -> str:
    return data.pause_for("ok?", interrupt_id="q")

flow = Flow(Talk)
flow.to(ask).end()

def test_talk(golden_snapshots):
    execution = flow.create_execution(execution_id="golden")
    execution.start("a")
    for loaded in golden_snapshots(execution):
        loaded.continue_with("q", "yes")
        assert loaded.result == "yes"
"""


def test_the_pytest_plugin_writes_with_an_option_and_checks_without(tmp_path: Path) -> None:
    (tmp_path / "test_talk.py").write_text(PROGRAM, encoding="utf-8")

    def pytest_says(*options: str) -> str:
        plugins = ("-p", "typedflow.pytest_plugin", "-p", "no:cacheprovider")
        command = (sys.executable, "-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={tmp_path}", *plugins, *options)
        # A start of pytest with all plugins that are installed takes longer than the test.
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        environment.pop("PYTEST_ADDOPTS", None)  # it may have options of these plugins
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    assert "write it with pytest --typedflow-update" in pytest_says()
    assert "1 passed" in pytest_says("--typedflow-update")
    assert [file.name for file in (tmp_path / "golden").iterdir()] == ["test_talk.Talk.v1.json"]
    assert "1 passed" in pytest_says()
