"""A run is told what happened and says what is ready: chains, forks, results and statuses."""

from __future__ import annotations

import pytest

from tests.engine.runs import START, Drive, Numbers, Wiring, event
from typedflow import Data
from typedflow.engine.run import Run
from typedflow.engine.status import TRANSITIONS, Status
from typedflow.engine.tokens import UNSET
from typedflow.errors import ContractError, FinishedError


def chain(*names: str) -> Wiring:
    wiring = Wiring()
    wiring.builder.end(wiring.to(START, *names))
    return wiring


# -- chains


def test_the_input_stands_in_front_of_the_first_step() -> None:
    drive = Drive(chain("a", "b"), "in")
    assert drive.live == [("a", "in")]
    assert drive.run.status is Status.RUNNING


def test_an_output_stands_in_front_of_the_next_step() -> None:
    drive = Drive(chain("a", "b"), "in")
    assert drive.finish("a", "out") == [("b", "out")]
    assert drive.live == [("b", "out")]


def test_going_on_twice_from_one_place_forks_the_chain() -> None:
    wiring = Wiring()
    first = wiring.to(START, "a")
    wiring.to(first, "left")
    wiring.to(first, "right")
    drive = Drive(wiring)
    assert drive.finish("a", 1) == [("left", 1), ("right", 1)]


def test_the_end_of_a_chain_makes_nothing_ready() -> None:
    wiring = Wiring()
    wiring.to(START, "a")
    drive = Drive(wiring)
    assert drive.finish("a", 1) == []
    assert drive.run.result is UNSET


def test_a_token_carries_the_producer_of_its_value() -> None:
    drive = Drive(chain("a", "b"))
    drive.finish("a", 1)
    token = drive.token("b")
    assert drive.run.plan.nodes[token.producer].name == "a"


def test_a_report_on_one_token_twice_is_refused_and_changes_nothing() -> None:
    drive = Drive(chain("a", "b"))
    token = drive.token("a")
    drive.run.finished(token, 1)
    with pytest.raises(KeyError):
        drive.run.finished(token, 2)
    with pytest.raises(KeyError):
        drive.run.chosen(token, ())
    assert drive.live == [("b", 1)]


# -- the result


def test_the_first_result_wins() -> None:
    """B31: `end` sets the result if none is set."""
    wiring = Wiring()
    wiring.builder.end(wiring.to(START, "a"))
    wiring.builder.end(wiring.to(START, "b"))
    drive = Drive(wiring)
    drive.finish("b", "second chain, first to end")
    drive.finish("a", "late")
    assert drive.run.result == "second chain, first to end"
    drive.run.set_result("later")
    assert drive.run.result == "second chain, first to end"


def test_none_is_a_result() -> None:
    drive = Drive(chain("a"))
    drive.finish("a", None)
    drive.run.set_result(1)
    assert drive.run.result is None


def test_a_result_whose_type_is_vouched_for_is_taken_as_it_is() -> None:
    def half(data: Data[Numbers, int]) -> float:
        raise AssertionError("a run calls nothing")

    wiring = Wiring(Numbers)
    wiring.builder.end(wiring.call(START, half))
    drive = Drive(wiring, 3)
    drive.finish("half", 1.5)
    assert drive.run.result == 1.5


def test_a_result_is_checked_and_normalised_where_its_type_is_unknown() -> None:
    wiring = Wiring(Numbers)
    wiring.builder.end(wiring.to(START, "half"))
    drive = Drive(wiring, 3)
    drive.finish("half", 2)
    assert (drive.run.result, type(drive.run.result)) == (2.0, float)


def test_a_result_of_the_wrong_type_fails_the_run_and_stays_in_front_of_the_end() -> None:
    wiring = Wiring(Numbers)
    wiring.builder.end(wiring.to(START, "half"))
    drive = Drive(wiring, 3)
    with pytest.raises(ContractError) as failure:
        drive.finish("half", "much")
    assert str(failure.value) == (
        "TF813: step 'half' of flow 'review': the result does not fit: expected float, given 'much' (str) "
        "(change the value, or the annotation)"
    )
    assert drive.run.status is Status.FAILED
    assert drive.run.errors == [failure.value]
    assert drive.live == [("end", "much")]
    assert drive.run.result is UNSET


def test_a_fault_of_one_fork_leaves_the_others_live() -> None:
    """A report is all or nothing to those outside: the run fails, and each fork can still be tried again."""
    wiring = Wiring()
    first = wiring.to(START, "a")
    wiring.each(first, "item")
    wiring.each(first, "item")
    wiring.to(first, "fine")
    drive = Drive(wiring)
    with pytest.raises(ContractError, match="TF709: 'for_each': "):
        drive.finish("a", 5)
    assert drive.run.status is Status.FAILED
    assert sorted(name for name, _ in drive.live) == ["fine", "for_each", "for_each#2"]
    assert len(drive.run.errors or ()) == 1


def test_a_fault_is_met_again_by_a_retry() -> None:
    wiring = Wiring()
    wiring.each(wiring.to(START, "a"), "item")
    drive = Drive(wiring)
    with pytest.raises(ContractError):
        drive.finish("a", 5)
    with pytest.raises(ContractError, match="not 5"):
        drive.retry()
    assert drive.run.status is Status.FAILED
    assert drive.live == [("for_each", 5)]


# -- statuses


def test_a_run_with_nothing_live_is_completed() -> None:
    drive = Drive(chain("a"))
    assert drive.run.settle() is Status.RUNNING
    drive.finish("a", 1)
    assert drive.run.settle() is Status.COMPLETED
    assert drive.run.settle() is Status.COMPLETED


def test_a_failed_run_keeps_its_tokens() -> None:
    wiring = Wiring()
    wiring.batch(START, "a", "b")
    drive = Drive(wiring, 1)
    boom, late = ValueError("boom"), ValueError("late")
    drive.run.failed(boom)
    drive.run.failed(late)
    assert drive.run.status is Status.FAILED
    assert drive.run.errors == [boom, late]
    assert drive.live == [("a", 1), ("b", 1)]
    assert drive.run.settle() is Status.FAILED


def test_a_failed_run_gives_all_live_tokens_again() -> None:
    wiring = Wiring()
    wiring.builder.end(wiring.batch(START, "a", "b"))
    drive = Drive(wiring, 1)
    drive.run.failed(ValueError("boom"))
    assert drive.retry() == [("a", 1), ("b", 1)]
    assert drive.run.status is Status.RUNNING
    drive.finish("b", "B")
    drive.finish("a", "A")
    assert drive.run.result == ("A", "B")


def test_a_run_that_was_only_cut_off_gives_its_tokens_again() -> None:
    drive = Drive(chain("a"), 1)
    assert drive.retry() == [("a", 1)]
    assert drive.run.status is Status.RUNNING


def test_a_cancelled_run_drops_everything() -> None:
    wiring = Wiring()
    wiring.batch(START, "a", "b")
    drive = Drive(wiring)
    drive.finish("a", 1)
    drive.run.cancelled()
    assert drive.live == []
    assert drive.run.blocks is None
    assert drive.run.settle() is Status.CANCELLED


def test_a_run_is_started_once() -> None:
    drive = Drive(chain("a"))
    with pytest.raises(FinishedError) as refused:
        drive.run.started(2)
    assert str(refused.value) == ("TF803: the execution is running, it cannot become running (wait until it stops)")
    assert len(drive.live) == 1


@pytest.mark.parametrize("final", [Status.COMPLETED, Status.CANCELLED])
@pytest.mark.parametrize("report", ["started", "failed", "retried", "cancelled"])
def test_a_final_status_stays(final: Status, report: str) -> None:
    run = Run(chain("a").plan())
    run.status = final
    arguments: dict[str, tuple[object, ...]] = {"started": (1,), "failed": (ValueError("late"),)}
    with pytest.raises(FinishedError, match=f"TF803: the execution is {final}, it cannot become"):
        getattr(run, report)(*arguments.get(report, ()))
    assert run.status is final


def test_the_statuses_and_what_may_follow_them() -> None:
    table = {str(status): {str(after) for after in TRANSITIONS[status]} for status in Status}
    assert table == {
        "created": {"running", "cancelled"},
        "running": {"waiting", "completed", "failed", "cancelled"},
        "waiting": {"running", "cancelled"},
        "failed": {"running", "cancelled"},
        "completed": set(),
        "cancelled": set(),
    }


def test_an_empty_slot_shows_itself() -> None:
    assert repr(UNSET) == "UNSET"


# -- keys


def test_the_key_of_a_step_names_its_place() -> None:
    drive = Drive(chain("a", "b"))
    assert drive.run.key(drive.token("a")) == "a@0"
    drive.finish("a", 1)
    assert drive.run.key(drive.token("b")) == "b@0"


def test_a_retry_does_not_change_a_key() -> None:
    wiring = Wiring()
    wiring.batch(wiring.builder.when("rung", "simple_or"), "a", "b")
    drive = Drive(wiring)
    drive.emit(event("rung", 1))
    before = [drive.run.key(token) for token in drive.run.live]
    drive.run.failed(ValueError("boom"))
    assert [drive.run.key(token) for token in drive.run.retried()] == before
