"""Which tests run where: what the quick form leaves out is in the full one, by the marks that `.ci/run` selects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.budget import FULL, QUICK

ROOT = Path(__file__).parents[1]


def collected(budget: float, *options: str) -> set[str]:
    """Return the ids of the tests that a run would try."""
    command = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider", *options)
    environment = {**os.environ, "TYPEDFLOW_BUDGET": str(budget), "PYTHONHASHSEED": "1"}  # an id may show a set
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return {line for line in done.stdout.splitlines() if "::" in line}


@pytest.mark.full
@pytest.mark.one_python
def test_every_test_of_the_full_form_runs_in_a_stage() -> None:
    quick, selected = collected(QUICK), collected(FULL, "-m", "long or full")
    assert len(selected) > 1000
    assert sorted(collected(FULL) - quick - selected) == []
