"""mypy's daemon says what a cold run says, on the first check and after edits: one daemon over all cases and more.

The quick form has about every fifth case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.budget import is_full
from tests.mypy.daemon import Daemon, inside
from tests.mypy.programs import Finding, case_sources, remark, run_mypy, strip, write_project
from tests.mypy.test_strict_optional import COMMON, FOUND, LOOSE, STRICT, USE, numbers

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

from known.child import child
from typedflow import Contract, Flow


class Parent(Contract):
    input: int
    result: str


reveal_type(Flow(Parent).to_sub_flow(child, capture={"input": "value"}))
"""
OF = "typedflow.api.process.Process[known.parent.Parent, {}, None]"

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

from same.base import Amount, Part, Root

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


ALL: Final = case_sources()


def quick() -> list[str]:
    """Return every fifth case, those that run most of the plugin's code, and those that they import."""
    names = [*list(ALL)[::5], *(f"{name}.py" for name in BROAD)]
    imported = {f"{found}.py" for name in names for found in re.findall(r"^from (\w+) import", ALL[name], re.M)}
    return [name for name in ALL if name in names or name in imported]


BROAD: Final = (
    "answers", "bindings", "flow_steps", "given_state", "listening", "made_dicts", "resource_keys", "resource_mappings",
    "sub_flows",
)  # fmt: skip
QUICK: Final = quick()
CASES: Final = ALL if is_full() else {name: ALL[name] for name in QUICK}
LAST: Final = "\nlast_line = 1\n"
BESIDE: Final = {
    "known/__init__.py": "",
    "known/child.py": CHILD,
    "known/parent.py": PARENT,
    "same/__init__.py": "",
    "same/base.py": BASE,
    "same/one.py": IN_ONE_MODULE,
    "optional/__init__.py": "",
    "optional/common.py": COMMON,
    "optional/one.py": STRICT + USE.replace("from common", "from optional.common"),
    "optional/two.py": LOOSE + USE.replace("from common", "from optional.common"),
}
"""What the tests edit, each its own package."""


class Watched(NamedTuple):
    """A project that a daemon has checked once."""

    folder: Path
    daemon: Daemon
    first: list[Finding]

    def check(self, package: str = "") -> list[Finding]:
        """Check what has changed; return what the daemon says of a package, or of the cases."""
        return self.of(package, self.daemon.check())

    def of(self, package: str, findings: list[Finding]) -> list[Finding]:
        parent = Path(package) if package else Path()
        return [finding for finding in findings if Path(finding.file).parent == parent]

    def edit(self, name: str, source: str) -> None:
        """Write a module; mypy trusts the time, in whole seconds."""
        path = self.folder / name
        before = path.stat().st_mtime
        path.write_text(source, encoding="utf-8")
        os.utime(path, (before + 10, before + 10))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    sources = {name: strip(source) for name, source in CASES.items()}
    project = write_project(tmp_path_factory.mktemp("watched"), {**sources, **BESIDE})
    with inside(project):
        daemon = Daemon(project / "cache")
        yield Watched(project, daemon, daemon.check())


@pytest.fixture(scope="module")
def moved(watched: Watched) -> list[Finding]:
    """Return what the daemon says once every case has a line more: all of it is checked again."""
    for name, source in CASES.items():
        watched.edit(name, strip(source) + LAST)
    return watched.check()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.full]) for name in ALL]
)
def test_the_daemon_says_what_a_cold_run_says(watched: Watched, moved: list[Finding], name: str) -> None:
    case, longer = {name: CASES[name]}, {name: CASES[name] + LAST}
    assert remark(case, watched.first) == case
    assert remark(longer, moved) == longer


def test_what_is_known_of_a_call_goes_with_the_edit(watched: Watched) -> None:
    assert [finding.text for finding in watched.of("known", watched.first)] == [OF.format("str")]
    watched.edit("known/child.py", CHILD.replace("child = ", "child: Any = "))
    assert [finding.text for finding in watched.check("known")] == [OF.format("Any")]
    watched.edit("known/child.py", CHILD)


def test_an_error_about_a_class_of_the_same_module_is_reported_once_more_and_not_for_ever(watched: Watched) -> None:
    first = watched.of("same", watched.first)
    watched.edit("same/base.py", BASE + "last_line = 1\n")
    assert [finding.text[:5] for finding in first] == ["TF202"]
    assert watched.check("same") == first
    watched.edit("same/base.py", BASE)


@pytest.mark.parametrize(
    "old, new",
    [
        ("    topic: str", "    topik: str"),
        pytest.param("Amount = int", "Amount = str", marks=pytest.mark.full),
        pytest.param("    name: str", "    title: str", marks=pytest.mark.full),
        pytest.param("class Part(msgspec.Struct):", "class Part(msgspec.Struct, frozen=True):", marks=pytest.mark.full),
    ],
)
def test_a_class_of_the_same_module_changes_with_what_stands_elsewhere(watched: Watched, old: str, new: str) -> None:
    before = watched.of("same", watched.first)
    watched.edit("same/base.py", BASE.replace(old, new))
    after = watched.check("same")
    assert len(after) > len(before)
    assert set(after) == set(run_mypy(watched.folder, files=["same"]))
    watched.edit("same/base.py", BASE)
    assert watched.check("same") == before


@pytest.mark.long
def test_the_daemon_follows_the_option_of_a_module(watched: Watched) -> None:
    found = watched.of("optional", watched.first)
    assert (numbers(found, "optional/one"), numbers(found, "optional/two")) == (FOUND, [])
    changes = [((LOOSE, STRICT), ([], FOUND)), ((STRICT, LOOSE), (FOUND, [])), ((LOOSE, STRICT), ([], FOUND))]
    for heads, expected in changes if is_full() else changes[:1]:
        for name, head in zip(("one", "two"), heads, strict=True):
            watched.edit(f"optional/{name}.py", head + USE.replace("from common", "from optional.common"))
        found = watched.check("optional")
        assert (numbers(found, "optional/one"), numbers(found, "optional/two")) == expected
