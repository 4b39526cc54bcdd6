"""The cases through the daemon: what it says is what a cold run says, on the first check and on a second one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.mypy.daemon import Daemon, inside
from tests.mypy.programs import case_sources, remark, run_mypy, strip, write_project


def test_the_daemon_says_what_a_cold_run_says(tmp_path: Path) -> None:
    sources = case_sources()
    project = write_project(tmp_path, {name: strip(source) for name, source in sources.items()})
    with inside(project):
        daemon = Daemon(tmp_path / "cache")
        assert remark(sources, daemon.check()) == sources
        # a line more in every module: all of it is looked at again
        moved = {name: strip(source) + "\nlast_line = 1\n" for name, source in sources.items()}
        write_project(tmp_path, moved)
        marked = remark(moved, daemon.check())
    assert marked == {name: source + "\nlast_line = 1\n" for name, source in sources.items()}


CHILD = """\
from typing import Any

from typedflow import Contract, Flow


class Child(Contract):
    input: int
    result: str


child = Flow(Child)
"""
PARENT = """\
from typing import Any, reveal_type

from child import child
from typedflow import Contract, Flow


class Parent(Contract):
    input: int
    result: str


reveal_type(Flow(Parent).to_sub_flow(child, capture={"input": "value"}))
"""
OF = "typedflow.api.process.Process[parent.Parent, {}, None]"


def test_what_is_known_of_a_call_goes_with_the_edit(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"child.py": CHILD, "parent.py": PARENT})
    with inside(project):
        daemon = Daemon(tmp_path / "cache")
        assert [finding.text for finding in daemon.check()] == [OF.format("str")]
        write_project(tmp_path, {"child.py": CHILD.replace("child = ", "child: Any = ")})
        os.utime(project / "child.py", (1_900_000_000, 1_900_000_000))
        assert [finding.text for finding in daemon.check()] == [OF.format("Any")]


BASE = """\
import msgspec
from typedflow import State

Amount = int


class Root(State):
    topic: str = ""


class Part(msgspec.Struct):
    name: str
"""
IN_ONE_MODULE = """\
from typing import Generic, TypeVar

from base import Amount, Part, Root

from typedflow import Contract, Data, State


class Leaf(Part):
    size: Amount = 0


class Kept(Root):
    leaf: Leaf
    count: Amount = 0


S = TypeVar("S", bound=State)


class Base(Contract, Generic[S]):
    input: int
    result: str
    state: S


def handle(data: Data[Base[Kept], int]) -> None:
    data.state.get("nowhere")


def write(data: Data[Base[Kept], int]) -> None:
    data.state.set("leaf.size", 3)
    data.state.set("leaf.name", "x")
    data.state.get("topic")
    data.state.set("count", 3)
"""


def test_an_error_about_a_class_of_the_same_module_is_reported_once_more_and_not_for_ever(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"base.py": BASE, "one.py": IN_ONE_MODULE})
    with inside(project):
        daemon = Daemon(tmp_path / "cache")
        first = daemon.check()
        write_project(project, {"base.py": BASE + "last_line = 1\n"})
        assert [finding.text[:5] for finding in first] == ["TF202"]
        assert daemon.check() == first


@pytest.mark.parametrize(
    "old, new",
    [
        ("    topic: str", "    topik: str"),
        pytest.param("Amount = int", "Amount = str", marks=pytest.mark.full),
        pytest.param("    name: str", "    title: str", marks=pytest.mark.full),
        pytest.param("class Part(msgspec.Struct):", "class Part(msgspec.Struct, frozen=True):", marks=pytest.mark.full),
    ],
)
def test_a_class_of_the_same_module_changes_with_what_stands_elsewhere(tmp_path: Path, old: str, new: str) -> None:
    edited = BASE.replace(old, new)
    project = write_project(tmp_path, {"base.py": BASE, "one.py": IN_ONE_MODULE})
    with inside(project):
        daemon = Daemon(tmp_path / "cache")
        before = daemon.check()
        write_project(project, {"base.py": edited})
        after = daemon.check()
        assert len(after) > len(before)
        assert set(after) == set(run_mypy(project))
        write_project(project, {"base.py": BASE})
        assert daemon.check() == before
