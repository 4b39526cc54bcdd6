"""After an edit, a checker that remembers says what one that starts anew says: in every mode, for every scenario."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mypy.daemon import Daemon, inside
from tests.mypy.edits import SCENARIOS, STEPS, package_of, sources_at
from tests.mypy.programs import Finding, run_mypy, write_project

Said = dict[str, list[Finding]]


def write_step(project: Path, step: int) -> None:
    """Write the files of a step; mypy trusts the time of a change, in whole seconds."""
    for name, source in sources_at(step).items():
        path = project / name
        if step and path.read_text(encoding="utf-8") == source:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        os.utime(path, (1_000_000_000 + 10 * step, 1_000_000_000 + 10 * step))


def by_package(findings: list[Finding]) -> Said:
    """Give what was said of each scenario."""
    said: Said = {}
    for finding in sorted(set(findings)):
        said.setdefault(Path(finding.file).parts[0], []).append(finding)
    return said


def anew(project: Path) -> Iterator[Callable[[], list[Finding]]]:
    yield lambda: run_mypy(project)


def incremental(project: Path) -> Iterator[Callable[[], list[Finding]]]:
    yield lambda: run_mypy(project, cache=project / "cache")


def two_workers(project: Path) -> Iterator[Callable[[], list[Finding]]]:
    yield lambda: run_mypy(project, "-n", "2", cache=project / "cache")


def daemon(project: Path) -> Iterator[Callable[[], list[Finding]]]:
    with inside(project):
        yield Daemon(project / "cache").check


def daemon_from_cache(project: Path) -> Iterator[Callable[[], list[Finding]]]:
    run_mypy(project, "--cache-fine-grained", cache=project / "cache")
    with inside(project):
        yield Daemon(project / "cache", "--use-fine-grained-cache").check


MODES = (anew, incremental, two_workers, daemon, daemon_from_cache)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Said]]:
    """Give what every mode says after every step, the first one being no edit at all."""
    answers: dict[str, list[Said]] = {}
    for mode in MODES:
        project = write_project(tmp_path_factory.mktemp(mode.__name__), {})
        write_step(project, 0)
        for check in mode(project):
            answers[mode.__name__] = []
            for step in range(STEPS + 1):
                write_step(project, step)
                answers[mode.__name__].append(by_package(check()))
    return answers


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=[scenario.name for scenario in SCENARIOS])
@pytest.mark.parametrize("mode", ["incremental", "two_workers", "daemon"])
def test_an_edit_is_noticed(said: dict[str, list[Said]], mode: str, number: int) -> None:
    package = package_of(number)
    for step in range(STEPS + 1):
        assert said[mode][step].get(package) == said["anew"][step].get(package), f"step {step}"


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=[scenario.name for scenario in SCENARIOS])
def test_an_edit_is_noticed_by_a_daemon_that_starts_from_a_cache(said: dict[str, list[Said]], number: int) -> None:
    # such a daemon says nothing of what it has not looked at since it was started
    package = package_of(number)
    before = set(said["anew"][0][package])
    for step in range(1, STEPS + 1):
        found, expected = set(said["daemon_from_cache"][step].get(package, ())), set(said["anew"][step][package])
        assert expected - before <= found <= expected, f"step {step}"


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=[scenario.name for scenario in SCENARIOS])
def test_an_edit_matters(said: dict[str, list[Said]], number: int) -> None:
    package = package_of(number)
    assert any(step[package] != said["anew"][0][package] for step in said["anew"])
