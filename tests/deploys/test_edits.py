"""A property: an execution that waits while its definition is edited goes on with the same meaning, or is refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.budget import examples
from tests.deploys.definitions import Build, Definition, draw, edit
from tests.deploys.places import named
from typedflow import ContractError, Execution, SnapshotError, Status


def driven(build: Build, execution: Execution[Any], most: int) -> None:
    """Carry an execution on until it ends or has failed, with so many answers at the most."""

    async def run() -> None:
        with suppress(ConnectionError):
            if execution.status is Status.CREATED:
                await execution.async_start(1)
            elif execution.status in (Status.FAILED, Status.RUNNING):
                await execution.async_retry()
            for _ in range(most):
                if execution.status is not Status.WAITING:
                    return
                asked = next(iter(execution.interrupts.values()))
                payload: Any = asked.payload
                answer = build.value([*payload["marks"], payload["uid"]])
                await execution.async_continue_with(asked.id, answer)

    asyncio.run(run())


def left(build: Build, execution: Execution[Any], touched: set[int]) -> Any:
    """Return what a run has come to: the trail and the log, but for the steps that an edit has touched."""
    value, state = execution.result, execution.state
    marks = set(value.marks) - touched
    return execution.status, marks, Counter(mark for mark in state.log if mark not in touched)


def values_of(build: Build, execution: Execution[Any]) -> Any:
    """Return the fields of the result, by the names of members, that the definition of today has too."""
    names = [name for name in build.record.__struct_fields__ if name in ("pair", "color", "mode")]
    return {name: named(getattr(execution.result, name)) for name in names}


@pytest.mark.long
@settings(max_examples=examples(120), deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    random=st.randoms(use_true_random=False),
    answers=st.integers(0, 6),
    edits=st.integers(1, 3),
    fails=st.booleans(),
)
def test_an_edited_definition_keeps_the_meaning_or_refuses(
    random: Random, answers: int, edits: int, *, fails: bool
) -> None:
    before = draw(random)
    after = edit(before, random, edits)
    _check(before, after, answers, random.choice(range(1, 12)) if fails else None)


def _check(before: Definition, after: Definition, answers: int, fails: int | None) -> None:
    note(f"{before}\n{after}")
    build = Build(before, fails)
    execution = build.flow().create_execution()
    driven(build, execution, answers)
    document = execution.save().to_bytes()
    build.fails = None
    whole = build.flow().create_execution()
    driven(build, whole, 100)
    assert whole.status is Status.COMPLETED
    new = Build(after)
    try:
        flow = new.flow()
        flow.validate()
    except ContractError:
        return
    loaded, refused = flow.create_execution(), None
    try:
        loaded.load(document)
    except SnapshotError as error:
        refused = error
    if refused is not None:
        assert {problem.number for problem in refused.problems} <= {"TF916", "TF920"}, refused
        assert all(problem.hint for problem in refused.problems)
        return
    if execution.status is Status.COMPLETED:
        return
    again = flow.create_execution().load(loaded.save().to_bytes())  # what it writes is read by the same definition
    driven(new, again, 100)
    driven(new, loaded, 100)
    assert left(new, again, set()) == left(new, loaded, set())
    expected, found = left(build, whole, after.touched), left(new, loaded, after.touched)
    assert after.is_moved or found == expected
    assert values_of(new, loaded) == values_of(new, whole)
