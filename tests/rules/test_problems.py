"""A problem as one line."""

from __future__ import annotations

from typedflow.rules.problems import Problem


def test_a_problem_is_number_place_text_and_hint() -> None:
    assert Problem("TF202", "it is wrong").render() == "TF202: it is wrong"
    assert Problem("TF202", "it is wrong", "do this", "step 'a'").render() == "TF202: step 'a': it is wrong (do this)"


def test_a_place_is_put_before_the_one_there_is() -> None:
    assert Problem("TF301", "x").at("flow 'a'").where == "flow 'a'"
    assert Problem("TF301", "x", where="capture").at("flow 'a'").where == "flow 'a', capture"
