"""The texts of what a run and the calls on it refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedflow.rules import executions
from typedflow.rules.names import is_id
from typedflow.rules.problems import Problem


@given(st.text() | st.integers() | st.none())
def test_an_id_is_safe_or_a_problem(text: object) -> None:
    assert (executions.check_id(text) is None) == is_id(text)


@pytest.mark.parametrize(
    "given_, shown", [("a/b", "'a/b' is not an execution id"), (5, "5 (int) is not an execution id")]
)
def test_a_broken_id_is_shown(given_: object, shown: str) -> None:
    problem = executions.check_id(given_)
    assert problem is not None
    assert problem.render() == (
        f"TF816: {shown} (use 1 to 128 letters, digits, '_', '.' and '-', beginning with a letter or digit)"
    )


def test_what_is_no_path_is_shown() -> None:
    line = executions.no_path_problem(5).render()
    assert line == "TF823: path is a str or a Path, not 5 (int) (leave it out to get the snapshot only)"


def test_all_missing_state_fields_come_at_once() -> None:
    problems = executions.missing_state({"topic": "str", "limit": "int"}, "ReviewState")
    assert [problem.render() for problem in problems] == [
        "TF811: field 'topic' (str) of ReviewState is required, and nothing supplies it "
        "(give create_execution(state=ReviewState(…)), or the field a default)",
        "TF811: field 'limit' (int) of ReviewState is required, and nothing supplies it "
        "(give create_execution(state=ReviewState(…)), or the field a default)",
    ]


@pytest.mark.parametrize(
    "problem, message",
    [
        (
            executions.inside_loop_problem("flow.start"),
            "TF801: flow.start() cannot run inside a running event loop (write `await flow.async_start(…)`)",
        ),
        (
            executions.inside_loop_problem("start"),
            "TF801: start() cannot run inside a running event loop (write `await async_start(…)`)",
        ),
        (
            executions.started_already_problem("running"),
            "TF812: the execution was started already, it is running (make a new execution: flow.create_execution())",
        ),
        (
            executions.wrong_start_problem("Request", "5 (int)"),
            "TF806: the flow starts with Request, not 5 (int) (start it with a value of Request)",
        ),
        (
            executions.wrong_start_problem("Request", "5 (int)", path="topic", expected="str"),
            "TF806: the flow starts with Request, "
            "and 'topic' in it is str, not 5 (int) (start it with a value of Request)",
        ),
        (
            executions.wrong_start_problem("Bug | Ask", "{'kind': 'b'} (dict)", tag="kind", tags=("bug", "ask")),
            "TF806: the flow starts with Bug | Ask, not {'kind': 'b'} (dict) "
            "(start it with a value of Bug | Ask, with 'kind' one of 'bug', 'ask')",
        ),
        (
            executions.wrong_value_problem("return value", "expected int, given 'x' (str)"),
            "TF813: the return value does not fit: expected int, given 'x' (str) (change the value, or the annotation)",
        ),
        (
            executions.undeclared_stream_problem("Review"),
            "TF804: contract 'Review' declares no stream (add `stream: …` with the type of an item to Review)",
        ),
        (
            executions.wrong_item_problem("str", "5 (int)"),
            "TF805: the stream carries str, not 5 (int) (put a value of str)",
        ),
        (
            executions.no_result_problem("running"),
            "TF802: there is no result yet: the execution is running (await async_start(…) first)",
        ),
        (
            executions.no_result_problem("waiting"),
            "TF802: there is no result: the execution is waiting (answer its interrupts)",
        ),
        (
            executions.no_result_problem("failed"),
            "TF802: there is no result: the execution is failed (execution.errors holds why)",
        ),
        (
            executions.no_result_problem("failed", loaded=True),
            "TF802: there is no result: the execution is failed (it was "
            "loaded, and errors are not saved: await execution.async_retry() runs what failed once more)",
        ),
        (
            executions.no_stored_result_problem("failed"),
            "TF802: there is no result: the execution has failed (the worker that ran it has logged why; "
            "`await retry(store, execution_id)` has it run once more)",
        ),
        (
            executions.no_stored_result_problem("cancelled"),
            "TF802: there is no result: the execution was cancelled (make a new execution: flow.create_execution())",
        ),
        (
            executions.no_result_problem("cancelled"),
            "TF802: there is no result: the execution was cancelled (make a new execution: flow.create_execution())",
        ),
        (
            executions.no_result_problem("completed"),
            "TF802: the run is over and nothing set a result (add .end() to a chain, or call data.set_result(value))",
        ),
        (
            executions.no_result_problem("completed", {"votes": ["a", "b"], "all": ["c"]}),
            "TF802: the run is over and nothing set a "
            "result: 'votes' still waits for 'a', 'b'; 'all' still waits for 'c' (let every branch "
            "of these joins fire)",
        ),
        (
            executions.finished_problem("completed", "emit()"),
            "TF803: the execution is completed: emit() can have no effect "
            "(make a new execution: flow.create_execution())",
        ),
        (
            executions.finished_problem("failed", "emit()"),
            "TF803: the execution is failed: emit() can have no effect "
            "(rerun what failed, with await execution.async_retry(), or make a new execution)",
        ),
        (
            executions.wrong_status_problem("completed", "running"),
            "TF803: the execution is completed, it cannot become running "
            "(make a new execution: flow.create_execution())",
        ),
        (
            executions.wrong_status_problem("failed", "waiting"),
            "TF803: the execution is failed, it cannot become waiting "
            "(await execution.async_retry() is the only way on from a failure)",
        ),
        (
            executions.wrong_status_problem("created", "waiting"),
            "TF803: the execution is created, it cannot become waiting (start it first)",
        ),
        (
            executions.wrong_status_problem("running", "running"),
            "TF803: the execution is running, it cannot become running (wait until it stops)",
        ),
        (
            executions.wrong_status_problem("waiting", "completed"),
            "TF803: the execution is waiting, it cannot become completed (answer its interrupts)",
        ),
        (
            executions.other_loop_problem("emit"),
            "TF824: the execution runs in another event loop: emit cannot reach it from "
            "here (make the call there: asyncio.run_coroutine_threadsafe(…, loop))",
        ),
        (
            executions.not_plain_problem("update_flow_state", "a coroutine function"),
            "TF825: update_flow_state() takes a plain "
            "function, which has done its work when it returns, not a coroutine function "
            "(await in the handler first, then make the change with what came of it)",
        ),
        (
            executions.step_over_problem("draft", "emit()"),
            "TF819: step 'draft' is over: emit() can have no effect "
            "(finish before the step returns; a thread cannot be cancelled, only ignored)",
        ),
        (
            executions.cancelled_inside_problem("draft"),
            "TF820: step 'draft' raised CancelledError, but was not cancelled "
            "(a task that it awaits was cancelled: catch the error there)",
        ),
        (
            executions.too_deep_problem("review", 64),
            "TF814: flow 'review' is nested deeper than max_depth=64 "
            "(end the recursion, or declare Flow(…, max_depth=…))",
        ),
        (
            executions.paused_problem(["ask-1"]),
            "TF815: the run is waiting for an answer to 'ask-1' (error.execution is the "
            "one to "
            "answer: await error.execution.async_continue_with(id, value))",
        ),
        (
            executions.unknown_interrupt_problem("ask-2", ["ask-1"]),
            "TF807: there is no interrupt 'ask-2' (did you mean 'ask-1'?)",
        ),
        (executions.unknown_interrupt_problem(5, []), "TF807: there is no interrupt 5 (int) (no interrupt is pending)"),
        (
            executions.answered_already_problem("ask"),
            "TF808: interrupt 'ask' was answered already "
            "(the first answer stands: execution.interrupts lists what is pending)",
        ),
        (
            executions.interrupt_in_use_problem("ask"),
            "TF809: interrupt id 'ask' is in use in this execution "
            "(leave interrupt_id out, or give each one an id of its own)",
        ),
        (
            executions.wrong_answer_problem("ask", "Approval", "'no' (str)"),
            "TF810: interrupt 'ask' is answered with Approval, not 'no' (str) (it is still pending: answer it again)",
        ),
        (
            executions.wrong_answer_problem("ask", "Approval", "5 (int)", path="note", expected="str"),
            "TF810: interrupt 'ask' is "
            "answered with Approval, and 'note' in it is str, not 5 (int) (it is still pending: answer it again)",
        ),
        (
            executions.wrong_pause_type_problem(5),
            "TF822: the type of a pause is text that can be written as UTF-8, not 5 (int) "
            '(give a short name of what is asked: type="approval")',
        ),
        (
            executions.pause_in_group_problem(),
            "TF817: pause_for() was called inside a TaskGroup of the handler "
            "(pause in the handler itself, outside of `async with TaskGroup()`)",
        ),
        (
            executions.payload_not_json_problem("items[0]", "{1} (set)"),
            "TF818: the payload of a pause is JSON (None, bool, int, "
            "float, str, list, dict with str keys), not {1} (set) at 'items[0]' "
            "(turn it into plain data first: msgspec.json.decode(msgspec.json.encode(value)))",
        ),
        (
            executions.payload_not_json_problem("", "{1} (set)"),
            "TF818: the payload of a pause is JSON (None, bool, int, float, "
            "str, list, dict with str keys), not {1} (set) "
            "(turn it into plain data first: msgspec.json.decode(msgspec.json.encode(value)))",
        ),
    ],
    ids=lambda value: value.partition(" (")[0][:60] + value[-30:] if isinstance(value, str) else "",
)
def test_a_refused_call_is_told_the_way_out(problem: Problem, message: str) -> None:
    assert problem.render() == message


def test_an_update_inside_an_update_says_what_to_do() -> None:
    text = (
        "TF821: update_flow_state() was called by the function of another update_flow_state() "
        "(make both changes in one function: it gets the whole flow_state)"
    )
    assert executions.nested_update_problem().render() == text


@pytest.mark.parametrize(
    "problem, text",
    [
        (executions.update_not_json_problem("", "<x>"), "TF826: update_flow_state() in a step returns plain JSON data, "
         "and its function returned <x> (return numbers, text, lists or dicts, and make of it what you need behind the "
         "call)"),
        (executions.update_not_json_problem("[0]", "<x>"), "TF826: update_flow_state() in a step returns plain JSON "
         "data, and its function returned <x> at [0] (return numbers, text, lists or dicts, and make of it what you "
         "need behind the call)"),
        (executions.awaited_update_problem("Remote"), "TF827: a Remote updates a flow_state only in a coroutine, and "
         "update_flow_state() is a plain call (await async_update_flow_state(…))"),
        (executions.unclear_store_problem(0), "TF828: the flow has run with a store that is gone, and the update does "
         "not say which one it is for (update_flow_state(…, store=…))"),
        (executions.unclear_store_problem(2), "TF828: the flow has run with several stores, and the update does not "
         "say which one it is for (update_flow_state(…, store=…))"),
    ],
)  # fmt: skip
def test_a_refused_update_says_what_to_do(problem: Problem, text: str) -> None:
    assert problem.render() == text
