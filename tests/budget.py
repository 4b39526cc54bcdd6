"""How much the tests marked `long` try: little unless `TYPEDFLOW_BUDGET` asks for more."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

import pytest

QUICK: Final = 0.25
FULL: Final = 4.0
"""`.ci/run` sets this."""


def budget() -> float:
    """Return the seconds that one test marked `long` may spend."""
    return float(os.environ.get("TYPEDFLOW_BUDGET", QUICK))


def is_full() -> bool:
    """Return True if the tests that have a quick and a full form run the full one."""
    return budget() >= FULL


def marks_of_tables() -> list[pytest.MarkDecorator]:
    """Return the marks of a module whose tables are longer in the full form, which is selected by its marks."""
    return [pytest.mark.full] if is_full() else []


def rows(every: Iterable[object], quick: Iterable[object]) -> list[object]:
    """Return the parameters of a test of which the quick form has these rows only."""
    kept = list(quick)
    return [row if row in kept else pytest.param(row, marks=pytest.mark.full) for row in every]


def examples(full: int) -> int:
    """Return how many examples a property is tried with: so many in the full form, a twelfth of them in the quick."""
    return full if is_full() else full // 12
