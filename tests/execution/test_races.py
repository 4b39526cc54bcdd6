"""What happens at once: a journey through every construct, disturbed at random moments, under random schedules.

Whatever comes between, no task is left, no value lost, each committed step counts once, and there is one end.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Literal

import pytest

from tests.budget import budget, is_full
from tests.crash import journey
from tests.execution.faulty import Fault, FaultyStore
from tests.execution.seeded import run_seeded
from typedflow import Execution, Flow, Status
from typedflow.engine.status import TRANSITIONS
from typedflow.errors import ConflictError, FinishedError, InterruptError, SnapshotError, StoreError
from typedflow.schema.contracts import spec_of
from typedflow.snapshot.flow_states import decode_flow_state

SEEDS = 40 if is_full() else 10
"""Schedules that each test tries at the least; the long ones go on from there."""
Checkpoint = Literal["pause", "step"]
FINAL = (Status.COMPLETED, Status.CANCELLED)


class Trip:
    """One journey in one store, from its beginning to its end, over any number of executions of it."""

    def __init__(self, chance: random.Random, faults: dict[int, Fault] | None = None) -> None:
        self.chance = chance
        self.store = FaultyStore(chance, faults)
        self.checkpoint: Checkpoint = chance.choice(["pause", "step"])
        self.size = chance.choice([2, 3])
        self.concurrency = chance.choice([None, None, 1, 2])
        self.flow: Flow[Any] = journey.build()
        self.execution = self.fresh()
        self.failed = False

    def fresh(self) -> Execution[Any]:
        return self.flow.create_execution(
            execution_id=journey.ID, store=self.store, checkpoint=self.checkpoint, concurrency=self.concurrency
        )

    async def reopen(self) -> None:
        """Continue as a new process does: with a new flow, and what is stored."""
        self.flow = journey.build()
        try:
            self.execution = await self.flow.async_open(
                journey.ID, store=self.store, checkpoint=self.checkpoint, concurrency=self.concurrency
            )
        except SnapshotError:
            self.execution = self.fresh()

    async def advance(self) -> None:
        """Do the next thing that a user would do."""
        execution, failed = self.execution, self.failed
        self.failed = False
        if failed:
            await execution.async_retry()
        elif execution.status is Status.CREATED:
            await execution.async_start(self.size)
        elif execution.status is Status.WAITING:
            asked = min(execution.interrupts)
            await execution.async_continue_with(asked, journey.answer_to(execution, asked))
        else:
            await execution.async_retry()

    async def travel(self) -> None:
        """Continue until the end; in memory after a store that failed, from the store after a conflict."""
        for _ in range(60):
            if self.execution.status in FINAL and not self.failed:
                return
            try:
                await self.advance()
            except ConflictError:
                await self.reopen()
            except StoreError:
                self.failed = True
        raise AssertionError(f"it does not end: {self.execution.status}")

    def check(self, knocks: int = 0) -> None:
        """Check the end that was reached: the result, and what is stored."""
        expected = EXPECTED[self.size]
        assert self.execution.status is Status.COMPLETED
        assert self.execution.result == expected.result
        left = dict(journey.Where.marks)
        knocked = {key for key in left if key.startswith(f"{journey.ID}:knock@")}
        assert len(knocked) == knocks
        assert {key: left[key] for key in left if key not in knocked} == expected.marks
        tally: Any = decode_flow_state(self.store.flow_states["journey"], spec_of(journey.Journey))
        assert tally.by_key == dict.fromkeys([*expected.counted, *knocked], 1)
        self.check_history(Status.COMPLETED)

    def check_history(self, end: Status) -> None:
        """Check that the stored statuses follow one another, and that there is one end."""
        statuses = [Status(record.status) for record in self.store.history]
        assert [record.sequence for record in self.store.history] == list(range(1, len(statuses) + 1))
        assert [status for status in statuses if status in FINAL] == [end] == statuses[-1:]
        assert all(may_follow(old, new) for old, new in pairwise(statuses))


def may_follow(old: Status, new: Status) -> bool:
    """Return whether a stored status may follow another: an answer during a save lets a run go on unsaved."""
    if old is Status.WAITING:
        return new is Status.WAITING or new in TRANSITIONS[Status.RUNNING] | TRANSITIONS[old]
    return new is old or new in TRANSITIONS[old]


class Expected:
    """What an undisturbed journey comes to."""

    def __init__(self, size: int) -> None:
        journey.Where.marks.clear()
        flow = journey.build()
        execution = flow.create_execution(execution_id=journey.ID)

        async def go() -> None:
            await execution.async_start(size)
            assert await journey.go_on(execution) is Status.COMPLETED

        asyncio.run(go())
        self.result = execution.result
        self.marks = dict(journey.Where.marks)
        self.counted = list(flow.flow_state.by_key)


EXPECTED = {size: Expected(size) for size in (2, 3)}


@contextmanager
def taking_time(chance: random.Random) -> Iterator[None]:
    journey.Where.folder = None
    journey.Where.marks.clear()
    journey.Where.seconds = lambda: chance.choice([0, 0.1, 0.5, 2])
    try:
        yield
    finally:
        journey.Where.seconds = None


def try_seeds(scenario: Callable[[random.Random], Coroutine[Any, Any, None]], seeds: int = SEEDS) -> None:
    """Run a scenario under many schedules; the seed is in the failure's notes."""
    deadline = time.monotonic() + budget() / 4
    seed = 0
    while seed < seeds or time.monotonic() < deadline:
        chance = random.Random(seed)
        with taking_time(chance):
            try:
                run_seeded(seed, scenario)
            except BaseException as error:
                error.add_note(f"seed {seed} of {scenario.__name__}")
                raise
        seed += 1


async def undisturbed(chance: random.Random) -> None:
    trip = Trip(chance)
    await trip.travel()
    trip.check()


async def a_store_that_fails_once(chance: random.Random) -> None:
    fault: Fault = chance.choice(["before", "after", "conflict"])
    trip = Trip(chance, {chance.randint(1, 25): fault})
    await trip.travel()
    trip.check()


async def a_store_that_fails_often(chance: random.Random) -> None:
    kinds: list[Fault] = ["before", "after", "conflict"]
    trip = Trip(chance, {number: chance.choice(kinds) for number in chance.sample(range(1, 40), 8)})
    await trip.travel()
    trip.check()


async def updates_of_the_flow_state_that_fail(chance: random.Random) -> None:
    kinds: list[Fault] = ["before", "after", "conflict"]
    trip = Trip(chance)
    trip.store.update_faults = {number: chance.choice(kinds) for number in chance.sample(range(1, 20), 6)}
    await trip.travel()
    trip.check()
    assert not trip.store.updates


async def a_run_cut_off_at_any_await(chance: random.Random) -> None:
    trip = Trip(chance)
    while trip.execution.status not in FINAL:
        running = asyncio.create_task(trip.advance())
        await asyncio.wait([running], timeout=chance.choice([0, 0.05, 0.4, 1, 5, 50]))
        if not running.done():
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled() or running.exception() is None
        if running.cancelled() or chance.random() < 0.3:
            await trip.reopen()
    trip.check()


async def saves_during_steps(chance: random.Random) -> None:
    trip = Trip(chance)
    other = journey.build()
    running = asyncio.create_task(trip.travel())
    while not running.done():
        snapshot = trip.execution.save(format=chance.choice(["json", "msgpack"]))
        copy = other.create_execution().load(snapshot)
        assert copy.status == trip.execution.status
        assert copy.interrupts == trip.execution.interrupts
        await asyncio.wait([running], timeout=chance.choice([0, 0.1, 1]))
    await running
    trip.check()


async def events_at_any_moment(chance: random.Random) -> None:
    trip = Trip(chance)
    running = asyncio.create_task(trip.travel())
    knocks = 0
    await asyncio.sleep(0)
    while not running.done():
        try:
            trip.execution.emit("knock", knocks)
            knocks += 1
        except FinishedError:
            assert trip.execution.status in (Status.COMPLETED, Status.CREATED)
        await asyncio.wait([running], timeout=chance.choice([0, 0.1, 1, 3]))
        if knocks > 20:
            break
    await running
    trip.check(knocks)


async def two_answers_at_once(chance: random.Random) -> None:
    trip = Trip(chance)
    while trip.execution.status not in FINAL:
        execution = trip.execution
        if execution.status is not Status.WAITING:
            await trip.advance()
            continue
        asked = chance.choice(sorted(execution.interrupts))
        answer = journey.answer_to(execution, asked)
        both = [asyncio.create_task(execution.async_continue_with(asked, answer)) for _ in range(2)]
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, InterruptError | FinishedError)]
        assert len(refused) == 1, outcomes
    trip.check()


async def answers_while_it_runs(chance: random.Random) -> None:
    trip = Trip(chance)
    running: set[asyncio.Task[Any]] = {asyncio.create_task(trip.advance())}
    asked: set[str] = set()
    while running:
        for interrupt_id in sorted(set(trip.execution.interrupts) - asked):
            asked.add(interrupt_id)
            answer = journey.answer_to(trip.execution, interrupt_id)
            running.add(asyncio.create_task(trip.execution.async_continue_with(interrupt_id, answer)))
        done, running = await asyncio.wait(running, timeout=chance.choice([0, 0.1, 1]))
        for task in done:
            task.result()
    await trip.travel()
    trip.check()


async def a_cancel_at_any_moment(chance: random.Random) -> None:
    trip = Trip(chance, {chance.randint(1, 25): "before"} if chance.random() < 0.3 else None)
    running = asyncio.create_task(trip.travel())
    await asyncio.wait([running], timeout=chance.choice([0, 0.1, 1, 3, 8, 20]))
    execution = trip.execution
    try:
        status = await execution.async_cancel()
    except StoreError:
        status = await execution.async_cancel()
    assert status is execution.status
    assert status in FINAL
    (ended,) = await asyncio.gather(running, return_exceptions=True)
    assert ended is None or isinstance(ended, asyncio.CancelledError | FinishedError), ended
    trip.check_history(status)
    marks = len(journey.Where.marks)
    await asyncio.sleep(100)
    assert len(journey.Where.marks) == marks


async def a_resume_while_it_runs(chance: random.Random) -> None:
    trip = Trip(chance)
    running = asyncio.create_task(trip.travel())
    while not running.done():
        await asyncio.wait([running], timeout=chance.choice([0, 0.1, 1]))
        execution = trip.execution
        if execution.status is Status.RUNNING:
            for call in (execution.async_retry(), execution.async_start(2)):
                with pytest.raises(FinishedError):
                    await call
    await running
    trip.check()


@pytest.mark.long
@pytest.mark.parametrize(
    "scenario",
    [
        undisturbed,
        a_store_that_fails_once,
        a_store_that_fails_often,
        updates_of_the_flow_state_that_fail,
        a_run_cut_off_at_any_await,
        saves_during_steps,
        events_at_any_moment,
        two_answers_at_once,
        answers_while_it_runs,
        a_cancel_at_any_moment,
        a_resume_while_it_runs,
    ],
)
@pytest.mark.thin(2)
def test_a_journey_with(scenario: Callable[[random.Random], Coroutine[Any, Any, None]]) -> None:
    try_seeds(scenario)
