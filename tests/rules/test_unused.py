"""What the reports of unused declarations say."""

from __future__ import annotations

import pytest

from typedflow.rules.problems import Problem
from typedflow.rules.unused import (
    unheard_event_problem,
    unused_event_problem,
    unused_field_problem,
    unused_resource_problem,
)

KEEP = "(remove it, or list its class in __all__ if other modules use it)"


@pytest.mark.parametrize(
    "problem, text",
    [
        (
            unused_resource_problem("tool", "Tools"),
            f"TF198: nothing in this module uses resource 'tool' of Tools {KEEP}",
        ),
        (
            unused_event_problem("done", "Said"),
            f"TF598: nothing in this module emits event 'done' of Said, or listens to it {KEEP}",
        ),
        (
            unheard_event_problem("done", "Said"),
            "TF598: event 'done' of Said is emitted in this module, but nothing in it listens to it "
            '(listen to it with flow.when("done"), or remove it)',
        ),
        (
            unused_field_problem("topic", "Kept"),
            f"TF698: nothing in this module reads or writes field 'topic' of Kept {KEEP}",
        ),
    ],
)
def test_a_report_says_what_where_and_the_way_on(problem: Problem, text: str) -> None:
    assert problem.render() == text
