"""After an edit, a checker that remembers says what one that starts anew says: in every mode, for every scenario.

The quick form asks incremental runs about every twenty-fourth scenario, and leaves the daemon to test_daemon.py; the
full form asks every mode about all of them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.budget import is_full, rows
from tests.mypy.daemon import SILENT, Daemon, inside
from tests.mypy.edits import SCENARIOS, STEPS, package_of, sources_at
from tests.mypy.programs import Finding, run_mypy, write_project

QUICK = range(0, len(SCENARIOS), 24)
NUMBERS = range(len(SCENARIOS)) if is_full() else QUICK
Said = dict[str, list[Finding]]
Check = Callable[[set[str]], list[Finding]]
"""Check a project in which these packages were edited."""


def write_step(project: Path, step: int) -> set[str]:
    """Write the files of a step and return the packages they belong to; mypy trusts the time, in whole seconds."""
    edited: set[str] = set()
    for name, source in sources_at(step, NUMBERS).items():
        path = project / name
        if step and path.read_text(encoding="utf-8") == source:
            continue
        edited.add(Path(name).parts[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        os.utime(path, (1_000_000_000 + 10 * step, 1_000_000_000 + 10 * step))
    return edited


def by_package(findings: list[Finding]) -> Said:
    """Return what was said of each scenario."""
    said: Said = {}
    for finding in sorted(set(findings)):
        said.setdefault(Path(finding.file).parts[0], []).append(finding)
    return said


@contextmanager
def anew(project: Path) -> Iterator[Check]:
    """Check what was edited with a cache of the library alone: no package imports another one, so the rest is known."""
    known: Said = {}

    def check(edited: set[str]) -> list[Finding]:
        known.update({package: [] for package in edited})
        if edited:  # a later step of few scenarios may have none
            known.update(by_package(run_mypy(project, files=sorted(edited))))
        return [finding for findings in known.values() for finding in findings]

    yield check


@contextmanager
def incremental(project: Path) -> Iterator[Check]:
    yield lambda _: run_mypy(project, cache=project / "cache")


@contextmanager
def two_workers(project: Path) -> Iterator[Check]:
    yield lambda _: run_mypy(project, "-n", "2", cache=project / "cache")


@contextmanager
def daemon(project: Path) -> Iterator[Check]:
    with inside(project):
        checker = Daemon(project / "cache")
        yield lambda _: checker.check()


@contextmanager
def daemon_from_cache(project: Path) -> Iterator[Check]:
    run_mypy(project, "--cache-fine-grained", *SILENT, cache=project / "cache")
    with inside(project):
        checker = Daemon(project / "cache", "--use-fine-grained-cache")
        yield lambda _: checker.check()


MODES = {mode.__name__: mode for mode in (anew, incremental, two_workers, daemon, daemon_from_cache)}
REMEMBERING = rows(["daemon", "incremental", "two_workers"], ["incremental"])
every_scenario = pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, id=scenario.name, marks=[] if number in QUICK else [pytest.mark.full])
        for number, scenario in enumerate(SCENARIOS)
    ],
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Said]]:
    """Return a function that runs a mode once: what it reports after every step, the first one being no edit at all."""

    @functools.cache
    def run(mode: str) -> list[Said]:
        project = write_project(tmp_path_factory.mktemp(mode), {})
        write_step(project, 0)
        with MODES[mode](project) as check:
            return [by_package(check(write_step(project, step))) for step in range(STEPS + 1)]

    return run


@every_scenario
@pytest.mark.parametrize("mode", REMEMBERING)
def test_an_edit_is_noticed(said: Callable[[str], list[Said]], mode: str, number: int) -> None:
    package = package_of(number)
    for step, (found, expected) in enumerate(zip(said(mode), said("anew"), strict=True)):
        assert found.get(package) == expected.get(package), f"step {step}"


@pytest.mark.full
@every_scenario
def test_an_edit_is_noticed_by_a_daemon_that_starts_from_a_cache(
    said: Callable[[str], list[Said]], number: int
) -> None:
    # such a daemon says nothing of what it has not looked at since it was started
    package = package_of(number)
    before = set(said("anew")[0][package])
    for step in range(1, STEPS + 1):
        found = set(said("daemon_from_cache")[step].get(package, ()))
        expected = set(said("anew")[step][package])
        assert expected - before <= found <= expected, f"step {step}"


@every_scenario
def test_an_edit_matters(said: Callable[[str], list[Said]], number: int) -> None:
    package = package_of(number)
    assert any(step[package] != said("anew")[0][package] for step in said("anew"))
