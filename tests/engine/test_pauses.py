"""Pauses in a run: a step is taken out until it is answered, and everything else goes on."""

from __future__ import annotations

import pytest

from tests.engine.runs import START, Drive, Wiring, event
from typedflow.engine.status import Status
from typedflow.engine.tokens import Interrupt, Signal


def pause(drive: Drive, name: str, *signals: Signal, id_: str = "q", resume_event: str | None = None) -> list[object]:
    interrupt = Interrupt(id_, "human", None, resume_event, name)
    return [drive.show(token) for token in drive.run.paused(drive.token(name), interrupt, signals or None)]


def answer(drive: Drive, value: object, id_: str = "q") -> list[object]:
    return [drive.show(token) for token in drive.run.resumed(id_, value)]


def test_a_run_whose_last_step_pauses_waits_for_the_answer() -> None:
    """B44."""
    wiring = Wiring()
    wiring.to(START, "ask", "next")
    drive = Drive(wiring, "in")
    assert pause(drive, "ask") == []
    assert drive.live == []
    assert drive.run.settle() is Status.WAITING
    assert answer(drive, "yes") == [("next", "yes")]
    assert drive.run.status is Status.RUNNING
    assert not drive.run.interrupts


def test_other_branches_run_on_and_the_join_waits() -> None:
    """B44."""
    wiring = Wiring()
    wiring.to(wiring.batch(START, "ask", "work"), "next")
    drive = Drive(wiring)
    pause(drive, "ask")
    assert drive.run.settle() is Status.RUNNING
    drive.finish("work", 2)
    assert drive.run.settle() is Status.WAITING
    assert answer(drive, 1) == [("next", (1, 2))]


def test_an_answer_while_others_run_joins_them() -> None:
    wiring = Wiring()
    wiring.to(wiring.batch(START, "ask", "work"), "next")
    drive = Drive(wiring)
    pause(drive, "ask")
    assert answer(drive, 1) == []
    assert drive.run.status is Status.RUNNING
    assert drive.finish("work", 2) == [("next", (1, 2))]


def test_an_answer_may_be_an_event() -> None:
    """B44: the branch ends where it paused, and the answer is the event's payload."""
    wiring = Wiring()
    wiring.to(START, "ask", "never")
    wiring.to(wiring.builder.when("rung", "simple_or"), "heard")
    drive = Drive(wiring)
    pause(drive, "ask", resume_event="rung")
    assert drive.run.settle() is Status.WAITING
    assert answer(drive, 7) == [("heard", 7)]


def test_what_a_paused_step_has_emitted_stands() -> None:
    wiring = Wiring()
    wiring.to(START, "ask")
    wiring.to(wiring.builder.when("rung", "simple_or"), "heard")
    assert pause(Drive(wiring), "ask", event("rung", 7)) == [("heard", 7)]


def test_two_questions_are_answered_one_by_one() -> None:
    """B45."""
    wiring = Wiring()
    wiring.to(START, "one")
    wiring.to(START, "two")
    drive = Drive(wiring)
    pause(drive, "one", id_="1")
    pause(drive, "two", id_="2")
    drive.run.settle()
    answer(drive, "a", "2")
    assert drive.run.settle() is Status.WAITING
    assert list(drive.run.interrupts or ()) == ["1"]
    with pytest.raises(KeyError):
        answer(drive, "again", "2")
    answer(drive, "b", "1")
    assert drive.run.settle() is Status.COMPLETED


def test_a_cancelled_run_asks_nothing_any_more() -> None:
    wiring = Wiring()
    wiring.to(START, "ask")
    drive = Drive(wiring)
    pause(drive, "ask")
    drive.run.settle()
    drive.run.cancelled()
    assert drive.run.interrupts is None


def test_a_failed_run_keeps_its_questions() -> None:
    """B45: a retry reruns what failed, and asks nothing again."""
    wiring = Wiring()
    wiring.to(START, "ask")
    wiring.to(START, "work")
    drive = Drive(wiring)
    pause(drive, "ask")
    drive.run.failed(ValueError("boom"))
    assert drive.run.settle() is Status.FAILED
    assert list(drive.run.interrupts or ()) == ["q"]
    assert drive.retry() == [("work", None)]


def test_a_child_that_goes_on_while_its_parent_never_waited_changes_nothing() -> None:
    """B43: another branch of the child was still running when the answer came."""
    wiring = Wiring()
    wiring.to(START, "child")
    drive = Drive(wiring, 1)
    drive.run.child_resumes(drive.token("child"))
    assert drive.live == [("child", 1)]
    assert drive.run.status is Status.RUNNING


def test_many_questions_under_a_bound_cost_the_same_each() -> None:
    """B48: searching and copying what gave its place away would take minutes here."""
    wiring = Wiring()
    wiring.to(wiring.each(START, "ask", concurrency=1), "after")
    drive = Drive(wiring, range(30_000))
    for number in range(30_000):
        pause(drive, "ask", id_=str(number))
    assert drive.run.settle() is Status.WAITING
    assert len(drive.run.interrupts or ()) == 30_000


def test_a_step_that_nobody_answered_in_time_is_ready_again() -> None:
    """B59."""
    wiring = Wiring()
    wiring.to(START, "ask", "next")
    drive = Drive(wiring, "in")
    pause(drive, "ask")
    assert drive.run.settle() is Status.WAITING
    assert [drive.show(token) for token in drive.run.expired("q")] == [("ask", "in")]
    assert drive.run.status is Status.RUNNING
    assert not drive.run.interrupts
