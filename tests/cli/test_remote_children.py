"""What the command line says of an execution that waits for remote children."""

from __future__ import annotations

from typing import Final

from tests.cli.project import Project

SCANS: Final = """\
from typedflow import Contract, Data, Flow

class Scan(Contract):
    input: str
    result: int

class Survey(Contract):
    input: list[str]
    result: list[int]

scan = Flow(Scan, name="scan")
scan.to(lambda data: len(data.value), name="measure").end()

survey = Flow(Survey, name="survey")
survey.for_each().to_sub_flow(scan, remote=True).end_for_each().end()
"""


def test_it_names_the_executions_that_an_execution_waits_for(project: Project) -> None:
    project.write("scans.py", SCANS)
    done = project.run("run", "scans:survey", "--input", '["north", "south"]', "--id", "a", "--store", "runs.db")
    listed = project.run("runs", "list", "--store", "runs.db", "--json").document["executions"]
    children = sorted(entry["execution"] for entry in listed if entry["flow"] == "scan")
    head = "a waits for remote children, which workers run; then one goes on with it:"
    assert done.stdout.splitlines() == [head, *(f"  {child}" for child in children)]
    assert done.code == 3
    shown = project.run("runs", "show", "a", "--store", "runs.db", "--json").document
    assert sorted(shown["remote"]) == children
    assert shown["steps"] == []
    text = project.run("runs", "show", "a", "--store", "runs.db").stdout
    assert "it waits for remote children, which workers run:" in text
    assert all(f"execution {child}" in text for child in children)


def test_a_flow_with_a_remote_child_is_not_run_without_a_store(project: Project) -> None:
    project.write("scans.py", SCANS)
    done = project.run("run", "scans:survey", "--input", '["north"]', "--no-store")
    assert done.code != 0
    assert "TF829" in done.stderr
