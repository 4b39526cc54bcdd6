"""The table of cases, run by the runtime: `flow.validate()` finds exactly the problems that stand in the files."""

from __future__ import annotations

import pytest

from tests.parity.bless import problems_of
from tests.parity.table import Case, read_cases, themes, without_step
from typedflow.rules.catalogue import CAPTURE, RULES, WRITE_BACK

CASES = read_cases()
SOUND = [case for case in CASES if not case.expected]
UNSOUND = [case for case in CASES if case.expected]


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 120
    assert len(SOUND) >= 40
    assert themes() == sorted({case.theme for case in CASES})


@pytest.mark.parametrize("case", UNSOUND, ids=str)
@pytest.mark.thin(5)
def test_an_unsound_mapping_has_the_problems_of_its_comments_and_no_others(case: Case) -> None:
    found = [(without_step(problem), problem.side, problem.entry) for problem in problems_of(case.build())]
    assert sorted(found) == sorted((expected.rendered, expected.side, expected.entry) for expected in case.expected)


@pytest.mark.parametrize("case", SOUND, ids=str)
@pytest.mark.thin(5)
def test_a_sound_mapping_can_be_run(case: Case) -> None:
    flow = case.build()
    flow.validate()
    flow._runtime.plan()


def test_every_rule_that_a_type_checker_can_know_has_a_case() -> None:
    static = {number for number, rule in RULES.items() if rule.code in (CAPTURE, WRITE_BACK)}
    assert static - {expected.number for case in CASES for expected in case.expected} == set()
