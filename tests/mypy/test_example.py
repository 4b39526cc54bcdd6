"""The example passes `mypy --strict`, and each mistake that is planted in a copy of it is one error in its place.

The quick form plants every tenth mistake.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.budget import is_full
from tests.mypy.copies import RIGHT, Mistake, copied_modules, in_package, plant
from tests.mypy.mistakes import LEFT_TO_THE_RUN, MISTAKES
from tests.mypy.programs import ROOT, Finding, run_mypy, write_project

MODULES = copied_modules()
QUICK = MISTAKES[::10]
PLANTED = MISTAKES if is_full() else QUICK


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    """Return what mypy says of every copy, in one build; by package."""
    files = in_package(MODULES, RIGHT)
    for mistake in (*PLANTED, *LEFT_TO_THE_RUN):
        files |= in_package(plant(mistake, MODULES), mistake.name)
    for path in sorted((ROOT / "examples").glob("**/*.py")):
        files[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
    project = write_project(tmp_path_factory.mktemp("example"), files)
    said: dict[str, list[Finding]] = {}
    for finding in run_mypy(project):
        said.setdefault(Path(finding.file).parts[0], []).append(finding)
    return said


def test_the_example_is_right(found: dict[str, list[Finding]]) -> None:
    assert found.get("examples", []) == []


def test_a_copy_is_right(found: dict[str, list[Finding]]) -> None:
    assert found.get(RIGHT, []) == []


@pytest.mark.parametrize(
    "mistake",
    [pytest.param(m, id=m.name, marks=[] if m in QUICK else [pytest.mark.full]) for m in MISTAKES],
)
def test_a_mistake_is_one_error_in_its_place(found: dict[str, list[Finding]], mistake: Mistake) -> None:
    errors = [finding for finding in found.get(mistake.name, []) if finding.kind == "E"]
    source = in_package(plant(mistake, MODULES), mistake.name)[f"{mistake.name}/{mistake.module}.py"]
    line, column = mistake.place(source)
    expected = (f"{mistake.name}/{mistake.module}.py", line, column)
    assert [(error.file, error.line, error.column) for error in errors] == [expected], errors
    text, _, code = errors[0].text.rpartition("  [")
    assert code == f"{mistake.code}]"
    assert text.startswith("TF") == bool(mistake.number)
    assert text.startswith(f"{mistake.number}: " if mistake.number else "")
    assert mistake.says in text


@pytest.mark.parametrize("mistake", LEFT_TO_THE_RUN, ids=[mistake.name for mistake in LEFT_TO_THE_RUN])
def test_what_only_a_run_can_tell_is_no_error(found: dict[str, list[Finding]], mistake: Mistake) -> None:
    assert found.get(mistake.name, []) == []


def test_there_are_enough_mistakes() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 25
