"""`strict_optional` belongs to each module: what is known in a strict one says nothing of one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mypy.programs import CONFIG, Finding, copy_library_cache, run_mypy, write_project

COMMON = """\
import msgspec

from typedflow import Contract, Events, Flow, Resources, State


class Request(msgspec.Struct):
    topic: str


class Tool: ...


class Tools(Resources):
    tool: Tool


class S(State):
    request: Request | None = None
    count: int = 0


class Ev(Events):
    done: Request


class C(Contract):
    input: int
    result: int
    state: S
    events: Ev
    resources: Tools


class Child(Contract):
    input: str
    result: int


child = Flow(Child)
"""
USE = """\
from common import C, child

from typedflow import Data, Flow


def step(data: Data[C, int], maybe: int | None) -> str:
    data.state.set("count", maybe)
    data.state.set("count", None)
    data.emit("done", None)
    data.emit("done")
    data.set_resource("tool", None)
    return ""


def needs(data: Data[C, str]) -> int:
    return 1


def gives(data: Data[C, int]) -> str | None:
    return ""


Flow(C).to_sub_flow(child, capture={"input": "state.request.topic"}).end()
Flow(C).to(gives).to(needs).end()
Flow(C).create_execution(state={"count": None})
"""
LOOSE = "# mypy: no-strict-optional\n"
STRICT = "# mypy: strict-optional\n"
FOUND = ["TF601", "TF601", "TF502", "TF502", "TF103", "TF307", "TF701", "TF601"]


def numbers(findings: list[Finding], module: str) -> list[str]:
    return [finding.text.partition(":")[0] for finding in findings if finding.file == f"{module}.py"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = {"common.py": COMMON, "strict.py": USE, "loose.py": USE, "inline.py": LOOSE + USE}
    config = f"{CONFIG}\n[mypy-loose]\nstrict_optional = false\n"
    project = write_project(tmp_path_factory.mktemp("modules"), sources, config)
    copy_library_cache(project / "cache")
    return project


@pytest.mark.parametrize("files", [("strict.py", "loose.py", "inline.py"), ("loose.py", "inline.py", "strict.py")])
def test_a_module_is_checked_by_its_own_option(project: Path, files: tuple[str, ...]) -> None:
    for name in files:  # from a cache too, where only what is used is there
        (project / name).write_text((project / name).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    found = run_mypy(project, cache=project / "cache", files=files)
    assert numbers(found, "strict") == FOUND
    assert numbers(found, "loose") == []
    assert numbers(found, "inline") == []
