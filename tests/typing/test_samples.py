"""The public surface, as four type checkers see it: every sample, line by line, in both directions.

The quick form leaves out pyright, and mypy without the plugin, which take longer than the others together.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.typing.checkers import run_checker
from tests.typing.markers import CHECKERS, Checker, Finding, compare, parse_markers

SAMPLES = Path(__file__).with_name("samples")
SLOW = ("pyright",)
# mypy's answer depends on the Python that runs it; the others carry their own knowledge of each version.
ONE_PYTHON = ("pyright", "ty", "pyrefly")


def checker_params() -> list[object]:
    """Return one test parameter for each checker."""
    marks: dict[str, list[pytest.MarkDecorator]] = {checker: [] for checker in CHECKERS}
    for checker in ONE_PYTHON:
        marks[checker].append(pytest.mark.one_python)
    for checker in SLOW:
        marks[checker].append(pytest.mark.full)
    return [pytest.param(checker, marks=marks[checker]) for checker in CHECKERS]


WRONG = 'from typing_extensions import reveal_type\nx: int = "a"\ny: int = 1  # E\nreveal_type([y])  # R: list[str]\n'
"""A sample whose comments are wrong in three lines."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Checker], list[Finding]]:
    """Return a function that runs a checker once over all samples and the wrong one."""

    @functools.cache
    def run(checker: Checker) -> list[Finding]:
        folder = tmp_path_factory.mktemp(checker)
        samples = shutil.copytree(SAMPLES, folder / "samples", ignore=shutil.ignore_patterns("__pycache__"))
        (samples / "wrong.py").write_text(WRONG, encoding="utf-8")
        return run_checker(checker, samples, folder)

    return run


@pytest.mark.parametrize("checker", checker_params())
def test_samples_say_what_the_checker_says(checker: Checker, report: Callable[[Checker], list[Finding]]) -> None:
    markers = [
        marker
        for path in sorted(SAMPLES.glob("*.py"))
        for marker in parse_markers(path.name, path.read_text(encoding="utf-8"))
    ]
    found = [finding for finding in report(checker) if finding.file != "wrong.py"]
    differences = compare(checker, markers, found)
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("checker", checker_params())
def test_a_sample_that_is_wrong_is_found(checker: Checker, report: Callable[[Checker], list[Finding]]) -> None:
    found = [finding for finding in report(checker) if finding.file == "wrong.py"]
    differences = compare(checker, parse_markers("wrong.py", WRONG), found)
    assert [line.partition(": ")[0] for line in differences] == ["wrong.py:2", "wrong.py:3", "wrong.py:4"]


def test_every_sample_asks_for_a_type() -> None:
    # A checker that skipped a file would otherwise agree with a sample that expects no error.
    paths = sorted(SAMPLES.glob("sample_*.py"))
    silent = [path.name for path in paths if "# R: " not in path.read_text(encoding="utf-8")]
    assert paths
    assert silent == []
