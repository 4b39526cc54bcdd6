"""The cases through the daemon: what it says is what a cold run says, on the first check and on a second one."""

from __future__ import annotations

import os
from pathlib import Path

from tests.mypy.daemon import Daemon, inside
from tests.mypy.programs import case_sources, remark, strip, write_project


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
OF = "typedflow.execution.process.Process[parent.Parent, {}, None]"


def test_what_is_known_of_a_call_goes_with_the_edit(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"child.py": CHILD, "parent.py": PARENT})
    with inside(project):
        daemon = Daemon(tmp_path / "cache")
        assert [finding.text for finding in daemon.check()] == [OF.format("str")]
        write_project(tmp_path, {"child.py": CHILD.replace("child = ", "child: Any = ")})
        os.utime(project / "child.py", (1_900_000_000, 1_900_000_000))
        assert [finding.text for finding in daemon.check()] == [OF.format("Any")]
