"""Every benchmark runs, with tiny sizes; what it measures is for `python -m benchmarks` to say."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import judge, row, spread
from benchmarks.catalogue import CASES, Case
from tests import postgres

HOME = Path(__file__).parents[2]


def marks_of(case: Case) -> list[pytest.MarkDecorator]:
    """Workers take seconds for each figure: one of them is tried always, the others in the full form."""
    if case.module != "w11_workers":
        return []
    return [pytest.mark.postgres, *([] if case.what == "6 saved steps, notified" else [pytest.mark.full])]


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=marks_of(case)) for case in CASES],
    ids=[f"{case.workload} {case.what}" for case in CASES],
)
@pytest.mark.thin(5)
def test_every_workload_and_its_floor_give_a_figure(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.module == "w11_workers":
        monkeypatch.setenv(postgres.GIVEN, postgres.server())
    module = importlib.import_module(f"benchmarks.{case.module}")
    assert getattr(module, case.function)(case.quick) >= 0
    if case.floor is not None:
        size = case.quick if case.floor_size is None else case.floor_size
        assert getattr(module, case.floor)(size) >= 0


def test_a_case_is_judged_by_its_median() -> None:
    less, more = Case("W", "a", "m", "µs", 1, 1, 5), Case("W", "b", "m", "1/s", 1, 1, 5, better="more")
    assert [judge(less, [1, 4, 9], []), judge(less, [1, 6, 9], [])] == [True, False]
    assert [judge(more, [1, 4, 9], []), judge(more, [1, 6, 9], [])] == [False, True]
    ratio = Case("W", "c", "m", "ms", 1, 1, 2, judged="ratio")
    assert [judge(ratio, [4], [2]), judge(ratio, [5], [2])] == [True, False]


def test_a_line_tells_the_spread_the_ratio_and_the_verdict() -> None:
    case = Case("W", "a", "m", "µs", 1, 1, 5)
    assert spread([3000, 1, 20]) == "20 (1 to 3,000)"
    assert row(case, [6], [3], kept=False) == ["W", "a, µs", "3 (3 to 3)", "6 (6 to 6)", "2", "<= 5 µs", "MISSED"]


def test_the_command_prints_a_table() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "W5"], cwd=HOME, capture_output=True, text=True, check=True
    )
    assert "| W5 | 1,000 executions of 5 steps, executions/s |" in done.stdout


def test_an_unknown_workload_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "W99"], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no such workload: W99" in done.stderr
