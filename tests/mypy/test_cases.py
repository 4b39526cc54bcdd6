"""Every case, in one build: what mypy reports with the plugin is what is written below the lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mypy.programs import case_sources, remark, run_mypy, strip, write_project

SOURCES = case_sources()


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    project: Path = tmp_path_factory.mktemp("cases")
    write_project(project, {name: strip(source) for name, source in SOURCES.items()})
    return remark(SOURCES, run_mypy(project))


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_case_is_reported_as_marked(marked: dict[str, str], name: str) -> None:
    assert marked[name] == SOURCES[name]


def test_cases_are_there() -> None:
    assert len(SOURCES) > 3
