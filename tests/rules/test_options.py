"""What the options of flows, steps and executions may be."""

from __future__ import annotations

import pytest

from typedflow.rules import options
from typedflow.rules.options import Option, check_option
from typedflow.rules.problems import Problem

NAN = float("nan")


@pytest.mark.parametrize(
    "option, given",
    [
        (options.CONCURRENCY, None),
        (options.CONCURRENCY, 1),
        (options.TIMEOUT, None),
        (options.TIMEOUT, 0),
        (options.TIMEOUT, 0.5),
        (options.THREAD, True),
        (options.ON_ITEM_ERROR, "collect"),
        (options.MAX_DEPTH, 0),
        (options.NODE_NAME, None),
        (options.NODE_NAME, "draft"),
        (options.FLOW_NAME, "review"),
    ],
)
def test_what_an_option_may_be(option: Option, given: object) -> None:
    assert check_option(option, given) is None


@pytest.mark.parametrize(
    "option, given, message",
    [
        (options.CONCURRENCY, 0, "concurrency is a whole number from 1, not 0 (int) (leave it out for no bound)"),
        (options.CONCURRENCY, True, "concurrency is a whole number from 1, not True (leave it out for no bound)"),
        (options.TIMEOUT, -1, "timeout is a number of seconds from 0, not -1 (int)"),
        (options.TIMEOUT, NAN, "timeout is a number of seconds from 0, not nan (float)"),
        (options.TIMEOUT, "5", "timeout is a number of seconds from 0, not '5' (str)"),
        (options.THREAD, 1, "thread is True or False, not 1 (int)"),
        (options.ON_ITEM_ERROR, "ignore", "on_error of a for_each is 'fail' or 'collect', not 'ignore' (str)"),
        (options.ON_ITEM_ERROR, [], "on_error of a for_each is 'fail' or 'collect', not [] (list)"),
        (options.MAX_DEPTH, -1, "max_depth is a whole number from 0, not -1 (int)"),
        (options.MAX_DEPTH, None, "max_depth is a whole number from 0, not None"),
        (options.NODE_NAME, 3, "the name of a node is a text, not 3 (int)"),
        (options.FLOW_NAME, 3, "the name of a flow is a text, not 3 (int)"),
    ],
)
def test_what_an_option_may_not_be(option: Option, given: object, message: str) -> None:
    problem = check_option(option, given)
    assert problem is not None
    assert problem.render() == f"TF718: {message}"


def test_a_retry_is_a_retry() -> None:
    assert options.wrong_retry_problem(3).render() == "TF718: retry is a Retry, not 3 (int)"


@pytest.mark.parametrize(
    "construct, modes",
    [
        ("match", ("hit_first", "hit_all")),
        ("when", ("simple_or", "or", "and")),
        ("collect", ("filled_then_empty", "filled_and_update")),
    ],
)
def test_the_modes_that_there_are(construct: str, modes: tuple[str, ...]) -> None:
    assert options.MODES[construct] == modes
    assert [options.check_mode(construct, mode) for mode in modes] == [None] * len(modes)


@pytest.mark.parametrize(
    "given, message",
    [
        ("pause", None),
        ("step", None),
        ("stop", "TF823: checkpoint is one of 'pause', 'step', not 'stop' (str) (did you mean 'step'?)"),
        (None, "TF823: checkpoint is one of 'pause', 'step', not None"),
    ],
)
def test_when_an_execution_is_saved(given: object, message: str | None) -> None:
    problem = options.check_checkpoint(given)
    assert (problem.render() if problem is not None else None) == message


@pytest.mark.parametrize(
    "given, message",
    [
        ("hit_al", "TF715: match has no mode 'hit_al' (did you mean 'hit_all'?)"),
        (3, "TF715: match has no mode 3 (int) (modes: 'hit_first', 'hit_all')"),
    ],
)
def test_a_mode_that_there_is_not(given: object, message: str) -> None:
    problem = options.check_mode("match", given)
    assert problem is not None
    assert problem.render() == message


@pytest.mark.parametrize(
    "problem, message",
    [
        (options.check_attempts(1), None),
        (options.check_waits(0, 0.5, 1), None),
        (options.check_attempts(0),
         "TF718: Retry(attempts=…) counts the first attempt: at least 1 expected, 0 given"),
        (options.check_waits(0, -1), "TF718: Retry(backoff=…, factor=…, max_backoff=…) expects numbers of 0 or more"),
        (options.check_waits(NAN), "TF718: Retry(backoff=…, factor=…, max_backoff=…) expects numbers of 0 or more"),
    ],
)  # fmt: skip
def test_what_a_retry_counts(problem: Problem | None, message: str | None) -> None:
    assert (problem.render() if problem is not None else None) == message


@pytest.mark.parametrize(
    "single, mode",
    [([True], "simple_or"), ([False], "and"), ([True, True], "and"), ([True, False], "and"), ([], "and")],
)
def test_the_mode_of_a_when_is_decided_by_its_form(single: list[bool], mode: str) -> None:
    assert options.mode_by_form(single) == mode
