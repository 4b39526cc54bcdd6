"""Each example has a README with a picture of its flow, as `typedflow diagram` prints it, and a table of files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

from examples.agent.flow import build_flow as build_agent
from examples.approvals.flow import build_flow as build_approvals
from examples.data_job.flow import build_flow as build_job
from examples.license_audit.flow import build_flow as build_audit
from typedflow import Flow

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
FLOWS: Final[dict[str, Flow[Any]]] = {
    "agent": build_agent(),
    "approvals": build_approvals(),
    "data_job": build_job(),
    "license_audit": build_audit(),
}


def read(name: str) -> str:
    return (EXAMPLES / name / "README.md").read_text(encoding="utf-8")


def test_every_example_is_here() -> None:
    assert sorted(path.parent.name for path in EXAMPLES.glob("*/__main__.py")) == sorted(FLOWS)


@pytest.mark.parametrize("name", FLOWS)
def test_the_picture_is_that_of_the_flow(name: str) -> None:
    assert re.findall(r"```mermaid\n(.*?)```", read(name), re.DOTALL)[:1] == [FLOWS[name].to_mermaid()]


@pytest.mark.parametrize("name", FLOWS)
def test_every_module_is_in_the_table(name: str) -> None:
    rows = "".join(re.findall(r"^\| (`.+?) \|", read(name), re.MULTILINE))
    there = {path.name for path in (EXAMPLES / name).glob("*.py")} - {"__init__.py", "__main__.py"}
    assert {each for each in there if f"`{each}`" not in rows} == set()
