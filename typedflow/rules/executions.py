"""What can be wrong with a run and with the calls on it: the texts that only the runtime needs.

The caller fills in the location (`Problem.where`: the flow, the execution, the step).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from typedflow.rules.names import is_id, name_hint, nearest
from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe, instead_of, listed, quoted

NEW_ONE: Final = "make a new execution: flow.create_execution()"
RETRY: Final = "await execution.async_retry()"

# -- starting


def inside_loop_problem(call: str, way: str = "") -> Problem:
    """Report a sync call inside a running event loop (TF801); `call` is the sync form: "flow.start".

    `way` is what to do instead, where there is no async form.
    """
    receiver, dot, name = call.rpartition(".")
    text = f"{call}() cannot run inside a running event loop"
    return Problem("TF801", text, way or f"write `await {receiver}{dot}async_{name}(…)`")


def started_already_problem(status: str, *, emitted: bool = False) -> Problem:
    """Report a second start of one execution, or a load into one that was started or has received an event (TF812)."""
    if status == "created" and emitted:
        return Problem("TF812", "an event was emitted to the execution already: a load would lose it", NEW_ONE)
    text = f"the execution was started already, it is {status}"
    return Problem("TF812", text, NEW_ONE)


def missing_state(missing: Mapping[str, str], state: str) -> list[Problem]:
    """Report the required state fields that nothing supplies at the start (TF811): names and rendered types."""
    hint = f"give create_execution(state={state}(…)), or the field a default"
    return [
        Problem("TF811", f"field {quoted(name)} ({type_}) of {state} is required, and nothing supplies it", hint)
        for name, type_ in missing.items()
    ]


def check_id(given: object, *, what: str = "execution id") -> Problem | None:
    """Check an id that a user chose (TF816)."""
    if is_id(given):
        return None
    shown = quoted(given) if isinstance(given, str) else describe(given)
    hint = "use 1 to 128 letters, digits, '_', '.' and '-', beginning with a letter or digit"
    return Problem("TF816", f"{shown} is not an {what}", hint, side="value")


def no_observer_problem(given: object, deferral: str = "") -> Problem:
    """Report an observer that cannot be called, or whose body would not run (TF823): `deferral` is what it is then."""
    kind = "a plain function" if deferral else "a function"
    text = f"an observer is {kind} that takes a record, not {deferral or describe(given)}"
    hint = "start a task in a plain function: asyncio.create_task(…)" if deferral else ""
    return Problem("TF823", text, hint or "pass a function, or an object with __call__", side="value")


def wrong_choice_problem(name: str, given: object, allowed: Collection[str]) -> Problem:
    """Report an option that is not one of those there are (TF823)."""
    text = f"{name} is one of {listed(allowed)}, not {describe(given)}"
    meant = nearest(given, list(allowed)) if isinstance(given, str) else None
    return Problem("TF823", text, f"did you mean {quoted(meant)}?" if meant else "", side="value")


def no_store_problem(given: object) -> Problem:
    """Report a `store` argument that is not a store (TF823)."""
    text = f"store is a SnapshotStore, not {describe(given)}"
    return Problem(
        "TF823",
        text,
        "make one: SQLiteStore(path), PostgresStore(conninfo), FileStore(folder) or MemoryStore()",
        side="value",
    )


def no_work_store_problem(given: object) -> Problem:
    """Report a store that hands out no executions to workers (TF823)."""
    text = f"workers need a store with leases and mail, not {describe(given)}"
    return Problem(
        "TF823",
        text,
        "make one: SQLiteStore(path) or PostgresStore(conninfo), or MemoryStore() in one process",
        side="value",
    )


def remote_without_store_problem(step: str, given: object) -> Problem:
    """Report a flow with a remote child whose executions are in no store that workers share (TF829)."""
    stored = "in no store" if given is None else f"in a {type(given).__name__}"
    text = f"the child of {quoted(step)} is run by a worker, and this execution is {stored}"
    hint = "create_execution(store=…) with SQLiteStore(path), PostgresStore(conninfo), or MemoryStore() in one process"
    return Problem("TF829", text, f"{hint}; or leave out remote=True", side="value")


def remote_in_test_problem(step: str, flow: str) -> Problem:
    """Report a flow with a remote child for `run_flow`, which has no workers (TF829)."""
    text = f"run_flow has no worker for the remote child of {quoted(step)}"
    hint = (
        f"run the flow of the child by itself, run_flow({flow}, …); or both with a MemoryStore and a Worker in the test"
    )
    return Problem("TF829", text, hint, side="value")


def child_failed_problem(child: str, flow: str, what: str) -> Problem:
    """Report a remote child that ended without a result (TF830): `what` has happened to it."""
    text = f"child execution {quoted(child)} of flow {quoted(flow)} {what}"
    return Problem("TF830", text, "a retry of the parent retries it; one that was cancelled has to be deleted before")


def fork_of_open_problem(children: Collection[str]) -> Problem:
    """Report a fork of an execution whose remote children are open: their results go to the original (TF831)."""
    text = f"it waits for remote children, whose results are for it alone: {listed(sorted(children))}"
    return Problem("TF831", text, "fork it when they have ended, or from a revision before they began: at=…")


def same_flow_problem(name: str) -> Problem:
    """Report two flows of one name for a worker, which tells them by it (TF823)."""
    text = f"a worker has one flow of each name, and two were given that are called {quoted(name)}"
    return Problem("TF823", text, "give each its name: Flow(Contract, name=…)", side="value")


def no_factory_problem(key: object, class_: str) -> Problem:
    """Report what a worker is given in place of a factory (TF823); it may be the resource itself."""
    shown = quoted(key) if isinstance(key, str) else describe(key)
    text = f"a worker has a factory for resource {shown}, a function that makes it, not a value of {class_}"
    return Problem("TF823", text, f"write resources={{{shown}: lambda: …}}", side="value")


def no_flows_problem(given: object) -> Problem:
    """Report what a worker is given in place of its flows (TF823); it may be one of them."""
    return Problem("TF823", f"a worker has a list of flows, not {describe(given)}", "write [flow]", side="value")


def no_path_problem(given: object) -> Problem:
    """Report a `path` argument that is not a file path (TF823)."""
    text = f"path is a str or a Path, not {describe(given)}"
    return Problem("TF823", text, "leave it out to get the snapshot only", side="value")


def needless_checkpoint_problem(checkpoint: str) -> Problem:
    """Report an option that requests saves without a store (TF823)."""
    text = f"checkpoint={quoted(checkpoint)} has no effect without a store"
    return Problem("TF823", text, "give store=…, or leave checkpoint out", side="value")


def needless_history_problem() -> Problem:
    """Report an option that requests revisions without a store (TF823)."""
    return Problem("TF823", "history has no effect without a store", "give store=…, or leave history out", side="value")


def no_history_problem(store: str, option: str) -> Problem:
    """Report an option that needs revisions with a store that keeps whole documents only (TF823)."""
    text = f"{option} needs a store that keeps revisions, and a {store} keeps the newest save only"
    return Problem("TF823", text, "use a SQLiteStore or a MemoryStore", side="value")


def other_loop_problem(call: str) -> Problem:
    """Report a call from another event loop or thread than the one that runs the execution (TF824)."""
    text = f"the execution runs in another event loop: {call} cannot reach it from here"
    return Problem("TF824", text, "make the call there: asyncio.run_coroutine_threadsafe(…, loop)")


# -- values


def wrong_start_problem(
    declared: str, given: str, *, path: str = "", expected: str = "", tag: str = "", tags: Collection[str] = ()
) -> Problem:
    """Report a start value that is not the contract's input (TF806); the words are those of `wording.instead_of`.

    Of plain data for a union of tagged Structs, `tag` and `tags` are as in `wrong_answer_problem`.
    """
    text = f"the flow starts with {instead_of(declared, given, path=path, expected=expected)}"
    return Problem("TF806", text, f"start it with a value of {declared}{_with_tags(tag, tags)}", side="value")


def wrong_value_problem(what: str, mismatch: str) -> Problem:
    """Report a value that does not match a step's declared type (TF813); `what` names it: "return value"."""
    return Problem("TF813", f"the {what} does not fit: {mismatch}", "change the value, or the annotation", side="value")


def unawaited_condition_problem(condition: str, given: object) -> Problem:
    """Report a condition that gave a coroutine, a Future or a Task, which is always true (TF813)."""
    text = f"{condition} does not fit: expected a value that is true or false, given {describe(given)}"
    return Problem("TF813", text, "await it in the condition: return await …", side="value")


def undeclared_stream_problem(contract: str) -> Problem:
    """Report a stream call under a contract that declares none (TF804)."""
    hint = f"add `stream: …` with the type of an item to {contract}"
    return Problem("TF804", f"contract {quoted(contract)} declares no stream", hint)


def wrong_item_problem(declared: str, given: str, *, path: str = "", expected: str = "") -> Problem:
    """Report a stream item of the wrong type (TF805); the words are those of `wording.instead_of`."""
    text = f"the stream carries {instead_of(declared, given, path=path, expected=expected)}"
    return Problem("TF805", text, f"put a value of {declared}", side="value")


# -- running and its end


def no_result_set_problem() -> Problem:
    """Report that a test reads the result of a handler which has set none (TF802)."""
    hint = "data.set_result(value) sets one; what a handler returns is its output, and the test has it already"
    return Problem("TF802", "there is no result: the handler has set none", hint)


def quarantined_problem(reason: str | None) -> Problem:
    """Report that a result is waited for, and no worker takes the execution (TF802)."""
    why = "" if reason is None else f": {reason}"
    hint = "mend the cause, then store.release_quarantine(execution_id) lets workers try again"
    return Problem("TF802", f"there is no result: the execution is in quarantine{why}", hint)


def no_result_problem(
    status: str, unfilled: Mapping[str, Collection[str]] | None = None, *, loaded: bool = False
) -> Problem:
    """Report that a result is read and there is none (TF802).

    `unfilled` maps each join that was never filled to the branches it still waits for. `loaded` is True for an
    execution that was loaded, whose errors were not saved.
    """
    if status in ("created", "running"):
        return Problem("TF802", f"there is no result yet: the execution is {status}", "await async_start(…) first")
    if status == "cancelled":
        return Problem("TF802", "there is no result: the execution was cancelled", NEW_ONE)
    if status != "completed":
        hint = "answer its interrupts" if status == "waiting" else "execution.errors holds why"
        if loaded:
            hint = f"it was loaded, and errors are not saved: {RETRY} runs what failed once more"
        return Problem("TF802", f"there is no result: the execution is {status}", hint)
    joins = [f"{quoted(name)} still waits for {listed(waits)}" for name, waits in (unfilled or {}).items()]
    text = "the run is over and nothing set a result"
    if joins:
        return Problem("TF802", f"{text}: {'; '.join(joins)}", "let every branch of these joins fire")
    return Problem("TF802", text, "add .end() to a chain, or call data.set_result(value)")


def no_stored_result_problem(status: str) -> Problem:
    """Report that the result is asked for of a stored execution that has none (TF802)."""
    if status != "failed":
        return no_result_problem(status)
    hint = "the worker that ran it has logged why; `await retry(store, execution_id)` has it run once more"
    return Problem("TF802", "there is no result: the execution has failed", hint)


def finished_problem(status: str, call: str) -> Problem:
    """Report a call on an execution that is over (TF803)."""
    hint = f"rerun what failed, with {RETRY}, or make a new execution" if status == "failed" else NEW_ONE
    return Problem("TF803", f"the execution is {status}: {call} can have no effect", hint)


def past_problem(execution_id: str, sequence: int) -> Problem:
    """Report a call that would go on from a revision (TF803)."""
    text = f"it was opened at revision {sequence}, and the past can only be read"
    return Problem("TF803", text, f"flow.async_fork({execution_id!r}, store=…, at={sequence}) continues from there")


def wrong_status_problem(status: str, wanted: str) -> Problem:
    """Report a status transition that is not allowed (TF803)."""
    ways = {
        "created": "start it first",
        "running": "wait until it stops",
        "waiting": "answer its interrupts",
        "failed": f"{RETRY} is the only way on from a failure",
    }
    return Problem("TF803", f"the execution is {status}, it cannot become {wanted}", ways.get(status, NEW_ONE))


def step_over_problem(step: str, call: str) -> Problem:
    """Report a late call from a step that is over: cancelled, timed out or returned (TF819)."""
    named = step if step.startswith("step '") else f"step {quoted(step)}"  # its name, or its location with the flow
    text = f"{named} is over: {call} can have no effect"
    return Problem("TF819", text, "finish before the step returns; a thread cannot be cancelled, only ignored")


def cancelled_inside_problem(step: str) -> Problem:
    """Report a handler that raised CancelledError although its step was not cancelled (TF820)."""
    text = f"step {quoted(step)} raised CancelledError, but was not cancelled"
    return Problem("TF820", text, "a task that it awaits was cancelled: catch the error there")


def nested_update_problem() -> Problem:
    """Report an update_flow_state() that another one's function calls (TF821)."""
    text = "update_flow_state() was called by the function of another update_flow_state()"
    return Problem("TF821", text, "make both changes in one function: it gets the whole flow_state")


def not_plain_problem(
    call: str, given: str, hint: str = "await in the handler first, then make the change with what came of it"
) -> Problem:
    """Report a function that would have to be awaited or iterated, where a plain one is taken (TF825)."""
    text = f"{call}() takes a plain function, which has done its work when it returns, not {given}"
    return Problem("TF825", text, hint, side="value")


def not_importable_problem(function: str, executor: str) -> Problem:
    """Report a function inside of another one, which a process of a pool cannot import (TF825)."""
    text = f"{quoted(function)} cannot be called in a process of the executor {quoted(executor)}: it cannot be imported"
    return Problem("TF825", text, "define it with `def` at the top of a module", side="value")


def update_not_json_problem(path: str, given: str) -> Problem:
    """Report what the function of an update returned, which is kept for a step that runs again (TF826)."""
    where = f" at {path}" if path else ""
    text = f"update_flow_state() in a step returns plain JSON data, and its function returned {given}{where}"
    return Problem("TF826", text, "return numbers, text, lists or dicts, and make of it what you need behind the call")


def awaited_update_problem(store: str) -> Problem:
    """Report a plain update on a store that has only the coroutine (TF827)."""
    text = f"a {store} updates a flow_state only in a coroutine, and update_flow_state() is a plain call"
    return Problem("TF827", text, "await async_update_flow_state(…)")


def unclear_store_problem(known: int) -> Problem:
    """Report an update outside of steps of which it is not clear in which store it is to be made (TF828)."""
    found = "with several stores" if known else "with a store that is gone"
    text = f"the flow has run {found}, and the update does not say which one it is for"
    return Problem("TF828", text, "update_flow_state(…, store=…)")


def too_deep_problem(flow: str, depth: int) -> Problem:
    """Report child flows nested past the declared bound (TF814)."""
    text = f"flow {quoted(flow)} is nested deeper than max_depth={depth}"
    return Problem("TF814", text, "end the recursion, or declare Flow(…, max_depth=…)")


# -- pauses


def paused_problem(ids: Collection[str]) -> Problem:
    """Report a direct start that met a pause (TF815)."""
    text = f"the run is waiting for an answer to {listed(ids)}"
    hint = "error.execution is the one to answer: await error.execution.async_continue_with(id, value)"
    return Problem("TF815", text, hint)


def unknown_interrupt_problem(given: object, pending: Collection[str]) -> Problem:
    """Report an answer to an interrupt that there never was (TF807)."""
    shown = quoted(given) if isinstance(given, str) else describe(given)
    hint = name_hint(given, pending, known="pending") or "no interrupt is pending"
    return Problem("TF807", f"there is no interrupt {shown}", hint, side="value")


def answered_already_problem(given: str) -> Problem:
    """Report a second answer to one interrupt (TF808)."""
    hint = "the first answer stands: execution.interrupts lists what is pending"
    return Problem("TF808", f"interrupt {quoted(given)} was answered already", hint, side="value")


def older_interrupt_problem(given: str) -> Problem:
    """Report an answer to an interrupt whose id stands for another question by now (TF808)."""
    text = f"interrupt {quoted(given)} was answered already, and its id is used again for another question"
    return Problem("TF808", text, "take the new one from execution.interrupts or store.pending()", side="value")


def foreign_interrupt_problem(given: str, owner: str) -> Problem:
    """Report an answer to an interrupt of another execution (TF807)."""
    text = f"interrupt {quoted(given)} is one of execution {quoted(owner)}"
    return Problem("TF807", text, "open that execution, and answer it there", side="value")


def unknown_step_problem(step: str) -> Problem:
    """Report an interrupt of a step that a flow does not have (TF807)."""
    hint = f"ask the flow that the interrupt is of, or declare formerly=({step!r},) where the step was renamed"
    return Problem("TF807", f"there is no step {quoted(step)} that could ask", hint, side="value")


def interrupt_in_use_problem(given: str) -> Problem:
    """Report an interrupt id that is pending already (TF809)."""
    text = f"interrupt id {quoted(given)} is in use in this execution"
    return Problem("TF809", text, "leave interrupt_id out, or give each one an id of its own", side="value")


def wrong_answer_problem(
    interrupt: str,
    declared: str,
    given: str,
    *,
    path: str = "",
    expected: str = "",
    tag: str = "",
    tags: Collection[str] = (),
    reason: str = "",
) -> Problem:
    """Report an answer that does not fit; the interrupt stays pending (TF810). See `wording.instead_of`.

    `reason` is why a class of the user's refuses it. Of a union of tagged Structs, `tag` is the key by which they are
    told apart, and `tags` are its values.
    """
    answer = instead_of(declared, given, path=path, expected=expected)
    text = f"interrupt {quoted(interrupt)} is answered with {answer}{f': {reason}' if reason else ''}"
    return Problem("TF810", text, f"it is still pending: answer it again{_with_tags(tag, tags)}", side="value")


def _with_tags(tag: str, tags: Collection[str]) -> str:
    return f", with {quoted(tag)} one of {listed(tags)}" if tags else ""


def unsendable_answer_problem(interrupt: str, given: object) -> Problem:
    """Report an answer that JSON, as which it is sent, does not keep as it is (TF810)."""
    text = f"interrupt {quoted(interrupt)} is answered with a value that JSON keeps as it is, not {describe(given)}"
    return Problem("TF810", text, "it is still pending: answer it again", side="value")


def undeclared_answer_problem(interrupt: str, declared: str, text: str, hint: str) -> Problem:
    """Report an answer with a field that its type does not have; the interrupt stays pending (TF810).

    `text` and `hint` are those of the undeclared field.
    """
    shown = f"interrupt {quoted(interrupt)} is answered with {declared}, and {text}"
    return Problem("TF810", shown, f"{hint}; it is still pending: answer it again", side="value")


def wrong_deadline_problem(given: object) -> Problem:
    """Report a deadline, or the end of a sleep, that is no moment (TF841)."""
    naive = type(given).__name__ == "datetime"
    text = f"a deadline is a timedelta from now or a datetime with a time zone, not {describe(given)}"
    hint = "give the time zone: datetime.now(UTC) + timedelta(days=1)" if naive else "timedelta(days=1), for instance"
    return Problem("TF841", text, hint, side="value")


def endless_deadline_problem(given: object) -> Problem:
    """Report a deadline that no datetime can express (TF841)."""
    return Problem("TF841", f"a deadline lies before the year 10000, and {describe(given)} does not", side="value")


def lone_default_problem() -> Problem:
    """Report a default answer that could never be used (TF842)."""
    text = "pause_for(default=…) is the answer at the deadline, and there is no deadline"
    return Problem("TF842", text, "add deadline=timedelta(…), or leave default out", side="value")


def wrong_default_problem(declared: str, given: str, *, path: str = "", expected: str = "") -> Problem:
    """Report a default answer that an answer could not be (TF842). See `wording.instead_of`."""
    answer = instead_of(declared, given, path=path, expected=expected)
    text = f"pause_for(default=…) is an answer like any other: {answer}"
    return Problem("TF842", text, "give a value that the step could return", side="value")


def late_answer_problem(interrupt: str, deadline: str) -> Problem:
    """Report an answer after the deadline; nothing has changed (TF843)."""
    text = f"interrupt {quoted(interrupt)} was to be answered before {deadline}"
    return Problem("TF843", text, "`await execution.async_settle()` lets the execution go on without it", side="value")


def pause_in_group_problem() -> Problem:
    """Report a pause inside a TaskGroup of the handler, which would take it for a failure (TF817)."""
    text = "pause_for() was called inside a TaskGroup of the handler"
    return Problem("TF817", text, "pause in the handler itself, outside of `async with TaskGroup()`")


def wrong_pause_type_problem(given: object) -> Problem:
    """Report a pause type that is no text, or one that cannot be written (TF822)."""
    text = f"the type of a pause is text that can be written as UTF-8, not {describe(given)}"
    return Problem("TF822", text, 'give a short name of what is asked: type="approval"', side="value")


def payload_not_json_problem(path: str, given: str) -> Problem:
    """Report a pause payload that is more than JSON (TF818)."""
    inside = f" at {quoted(path)}" if path else ""
    text = (
        f"the payload of a pause is JSON (None, bool, int, float, str, list, dict with str keys), not {given}{inside}"
    )
    hint = "turn it into plain data first: msgspec.json.decode(msgspec.json.encode(value))"
    return Problem("TF818", text, hint, side="value")
