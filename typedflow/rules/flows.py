"""Problems of flow definitions, as the builder, `validate()` and the plugin report them.

The caller fills in the location (`Problem.where`: the flow, the step).
"""

from __future__ import annotations

from collections.abc import Collection

from typedflow.rules.names import name_hint
from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe, listed, quoted

# -- values along the edges


def wrong_input_problem(step: str, takes: str, gets: str, *, source: str = "", kind: str = "step") -> Problem:
    """Report a handler whose parameter does not accept its input (TF701); `source` names the step that produces it.

    `kind` is "step" or "condition".
    """
    giver = f" from {quoted(source)}" if source else ""
    text = f"{kind} {quoted(step)} takes {takes}, and gets {gets}{giver}"
    hint = f"annotate its parameter Data[…, {gets}], or put a step in between that makes {takes} of it"
    return Problem("TF701", text, hint, side="value")


def wrong_result_problem(contract: str, result: str, gets: str) -> Problem:
    """Report an `end()` behind a value that is not the contract's result (TF702)."""
    text = f"end() sets the result of contract {quoted(contract)}, {result}, and gets {gets}"
    return Problem("TF702", text, f"add a step before end() that returns {result}", side="value")


def not_a_sequence_problem(given: str) -> Problem:
    """Report a for_each over something other than a sequence (TF709); `given` is a rendered type or described value."""
    text = f"for_each goes over a sequence (a list, tuple or range), not {given}"
    return Problem("TF709", text, "put a step before it that returns a list", side="value")


def other_contract_problem(
    step: str, takes: str, contract: str, lacks: Collection[str] = (), *, kind: str = "step"
) -> Problem:
    """Report a handler written for another contract (TF716); `lacks` names parts that the flow's contract lacks."""
    missing = f", which has no {listed(lacks)}" if lacks else ""
    text = f"{kind} {quoted(step)} takes Data[{takes}, …], and its flow is of contract {quoted(contract)}{missing}"
    hint = f"annotate its parameter Data[{contract}, …], or with a protocol of the parts that it needs"
    return Problem("TF716", text, hint, side="value")


def no_answer_type_problem(step: str) -> Problem:
    """Report a pausing step that does not declare the type of its answer (TF720)."""
    text = f"step {quoted(step)} pauses and returns NoReturn: nothing says which type answers it"
    return Problem("TF720", text, "annotate its return with the type of the answer: `-> Approval`", side="value")


# -- blocks


def unclosed_block_problem(block: str) -> Problem:
    """Report a block that is never closed (TF703)."""
    return Problem("TF703", f"{_a(block)} block is never closed", f"call .{_end(block)}() on the chain inside it")


def not_open_problem(call: str, block: str, open_block: str | None) -> Problem:
    """Report the end of a block that is not open (TF704); `open_block` is the innermost one, None outside of all."""
    if open_block:
        text = f"{call}() belongs to {_a(block)} block, and the innermost open block is {_a(open_block)}"
        return Problem("TF704", text, f"close that one first, with .{_end(open_block)}()")
    return Problem(
        "TF704", f"{call}() belongs to {_a(block)} block, and no block is open here", "open one, or take it out"
    )


def block_closed_twice_problem(block: str) -> Problem:
    """Report a block that is used after it was closed (TF704)."""
    text = f"this {block} block is closed already"
    return Problem("TF704", text, f"go on from what .{_end(block)}() returned")


def branch_finished_twice_problem(call: str) -> Problem:
    """Report a second call that ends the same case (TF704)."""
    text = f"{call}() ends a case that is ended already"
    return Problem("TF704", text, "go on from what the first call returned; one case has one chain")


def empty_batch_problem() -> Problem:
    """Report a batch without a branch (TF714)."""
    return Problem("TF714", "a batch has no branch", "add .branch(handler) between .batch() and .end_batch()")


def case_after_else_problem() -> Problem:
    """Report a case behind the one that catches the rest (TF722)."""
    return Problem("TF722", "a case follows case_else(), which catches all the rest", "put the else case last")


def branch_not_finished_problem(block: str) -> Problem:
    """Report a case that is opened, or a block that is closed, while the case before it is open (TF722)."""
    text = f"a case of this {block} block begins while the one before it is open"
    call = ".elif_condition()" if block == "if" else ".case()"
    return Problem("TF722", text, f"call {call} on the end of the chain of the case before")


def end_inside_block_problem(block: str) -> Problem:
    """Report an `end()` inside a block (TF721)."""
    text = f"end() stands inside {_a(block)} block"
    return Problem("TF721", text, f"call .{_end(block)}() first; data.set_result(value) sets the result from inside")


def resume_event_inside_problem(block: str, event: str) -> Problem:
    """Report a pause that leaves a block by an event (TF710)."""
    text = f"pause_for(resume_event={quoted(event)}) inside {_a(block)} block, which would wait for this branch forever"
    return Problem("TF710", text, "leave resume_event out: the answer then becomes the step's output")


# -- names


def duplicate_branch_problem(name: str) -> Problem:
    """Report two branches of one name in a batch or collect (TF705)."""
    text = f"there are two branches named {quoted(name)}"
    return Problem("TF705", text, "name one of them otherwise: .branch(handler, name=…)", side="value")


def duplicate_name_problem(kind: str, name: str) -> Problem:
    """Report an explicit name that is taken, or empty (TF705); `kind` is "node" or "chunk"."""
    if not name:
        return Problem("TF705", f"the name of a {kind} cannot be empty", "leave name= out, or give one", side="value")
    return Problem("TF705", f"there are two {kind}s named {quoted(name)}", "explicit names are unique", side="value")


def former_name_in_use_problem(name: str, by: str) -> Problem:
    """Report a former name that is the name of a node today, or that several nodes claim (TF740); `by` names them."""
    text = f"the former name {quoted(name)} is in use by {by}"
    return Problem("TF740", text, "a former name leads to one node, and is no name of today", side="value")


def wired_twice_problem(name: str) -> Problem:
    """Report a node that the same line attached before, behind the same node (TF745)."""
    text = f"one line attached {quoted(name)} twice behind the same node, so that it would run twice"
    hint = "if a notebook cell ran again, make the Flow in that cell; if it is meant, give each a name: name=…"
    return Problem("TF745", text, hint)


def flow_as_handler_problem(name: str) -> Problem:
    """Report a flow that is given to `to` (TF717)."""
    text = f"flow {quoted(name)} is no handler"
    return Problem("TF717", text, "run it as a child flow, with .to_sub_flow(…)", side="value")


def wrong_former_names_problem(given: object) -> Problem:
    """Report former names that are not a tuple of names (TF740)."""
    text = f"formerly is a tuple of names, not {describe(given)}"
    return Problem("TF740", text, 'write formerly=("ask",), with the comma', side="value")


def wrong_previous_problem(given: object) -> Problem:
    """Report a `previous` argument that is not a tuple of flows (TF750)."""
    text = f"previous is a tuple of earlier definitions of the flow, not {describe(given)}"
    return Problem("TF750", text, "write previous=(review_v1,), with the comma", side="value")


def other_previous_problem(given: str, name: str) -> Problem:
    """Report an earlier definition that has another name than its flow (TF750)."""
    text = f"flow {quoted(given)} is no earlier definition of flow {quoted(name)}: it has another name"
    return Problem("TF750", text, f"make it by Flow(…, name={quoted(name)}), as it was when it saved executions")


def doubled_previous_problem(name: str, at: int, twin: str) -> Problem:
    """Report an earlier definition whose plan another one has too (TF750); `twin` names that one."""
    text = f"previous[{at}] of flow {quoted(name)} has the same plan as {twin}, so that no execution is its own"
    return Problem("TF750", text, "take it out: executions that it saved go on with the other one")


def unknown_chunk_problem(name: str, chunks: Collection[str]) -> Problem:
    """Report a step passed as a name under which no chunk is registered (TF706)."""
    hint = name_hint(name, chunks, known="registered") or f'register one first: @flow.chunk("{name}")'
    return Problem("TF706", f"no chunk is registered as {quoted(name)}", hint, side="value")


def unknown_mode_problem(call: str, mode: object, modes: Collection[str]) -> Problem:
    """Report a mode that a construct does not have (TF715)."""
    given = quoted(mode) if isinstance(mode, str) else describe(mode)
    return Problem("TF715", f"{call} has no mode {given}", name_hint(mode, modes, known="modes"), side="value")


# -- steps


def not_a_handler_problem(given: object) -> Problem:
    """Report a step that is no function (TF717)."""
    text = f"a handler is a function that takes Data, not {describe(given)}"
    return Problem(
        "TF717", text, "give a function, a method or a callable object, or the name of a chunk", side="value"
    )


def not_a_flow_problem(given: object) -> Problem:
    """Report a child that is no flow (TF717)."""
    text = f"a child flow is a Flow, not {describe(given)}"
    return Problem("TF717", text, "a function goes to to(…)", side="value")


def async_in_thread_problem(step: str) -> Problem:
    """Report a coroutine function that is to run in a thread (TF717)."""
    text = f"step {quoted(step)} is async, and thread=True runs a plain function in a thread"
    return Problem("TF717", text, "leave thread=True out, or make the handler a plain def", side="value")


def wrong_option_problem(option: str, expected: str, given: object, hint: str = "") -> Problem:
    """Report an option of the wrong type, or out of its range (TF718)."""
    return Problem("TF718", f"{option} is {expected}, not {describe(given)}", hint, side="value")


def options_of_child_problem(child: str) -> Problem:
    """Report retry, timeout or thread for a branch that is a child flow (TF718)."""
    text = f"retry, timeout and thread are options of a step, and branch {quoted(child)} is a child flow"
    return Problem("TF718", text, "give them to the steps of the child", side="value")


def wrong_parameters_problem(step: str) -> Problem:
    """Report a handler or condition that cannot be called with one positional argument (TF717)."""
    text = f"{quoted(step)} cannot be called with one argument, the Data"
    return Problem("TF717", text, "give it one positional parameter, and defaults to all others", side="value")


def generator_handler_problem(step: str) -> Problem:
    """Report a handler or condition with a `yield`, async or not: a call of it runs nothing (TF717)."""
    text = f"{quoted(step)} is a generator function: a call of it runs nothing of its body"
    return Problem("TF717", text, "return a list, or hand items to the stream with data.put(item)", side="value")


def not_a_condition_problem(given: object) -> Problem:
    """Report an if whose condition is no function (TF717)."""
    text = f"the condition of an if is a function that takes Data, not {describe(given)}"
    return Problem("TF717", text, "to compare with a value, use .match().case(value)", side="value")


def wrong_sleep_problem(given: object) -> Problem:
    """Report a sleep whose end is neither a time nor a function (TF717)."""
    text = f"sleep(…) takes a timedelta, or a function that takes Data and returns a datetime, not {describe(given)}"
    return Problem("TF717", text, "timedelta(hours=1), for instance", side="value")


def unreachable_problem(step: str, *, is_repeated: bool = False) -> Problem:
    """Report a node that no chain leads to, or whose case repeats one before it (TF707)."""
    if is_repeated:
        text = f"step {quoted(step)} is never reached: a case before its own has the same condition"
        return Problem("TF707", text, "take the case out")
    text = f"step {quoted(step)} is never reached: no chain from the flow's start or a when() leads to it"
    return Problem("TF707", text, "hang it on one, or take it out")


def no_steps_problem() -> Problem:
    """Report a flow that was never wired (TF723)."""
    return Problem("TF723", "the flow has no steps", "add one: flow.to(handler)")


def wiring_after_start_problem() -> Problem:
    """Report a flow that is changed after its first execution was created (TF708)."""
    hint = "put the whole flow together first, or make a new Flow"
    return Problem("TF708", "the flow has an execution already, and cannot be changed any more", hint)


def pause_in_condition_problem(step: str) -> Problem:
    """Report a pause in a condition, which has no output that the answer could be (TF724)."""
    text = f"a condition of {quoted(step)} calls pause_for()"
    return Problem("TF724", text, "pause in a step before it, and let the condition look at the answer")


def result_never_set_problem(contract: str, result: str) -> Problem:
    """Report a flow whose chains all stop without an `end()`, with no handler that sets the result (TF726)."""
    text = (
        f"no end() and no set_result() was found for the result of this flow, {result} by contract {quoted(contract)}"
    )
    hint = "call .end() on a chain, or data.set_result(value) in a handler, or declare `result: None`"
    return Problem("TF726", text, hint)


def wrong_stream_problem(child: str, gives: str, contract: str, takes: str) -> Problem:
    """Report a child flow whose items the parent's stream does not take (TF725)."""
    text = f"child flow {quoted(child)} puts {gives} in the stream, and contract {quoted(contract)} declares {takes}"
    return Problem("TF725", text, f"widen the parent's stream to take {gives}, or declare none there")


# -- listeners


def unknown_trigger_problem(kind: str) -> Problem:
    """Report a kind of trigger that `when` does not have (TF719)."""
    hint = name_hint(kind, _TRIGGERS, known="triggers")
    return Problem("TF719", f"when() has no trigger {quoted(kind)}", hint, side="key")


def wrong_triggers_problem(given: object) -> Problem:
    """Report a `when` whose argument is neither a name nor a mapping of kinds to names (TF719)."""
    hint = 'name an event, when("approved"), or paths, when({"state": "request.topic"})'
    return Problem("TF719", f"when() takes names, not {describe(given)}", hint, side="value")


def wrong_event_problem(given: object) -> Problem:
    """Report a `when_event` whose argument is no event of an Events class (TF719)."""
    text = f"when_event() takes an event of the contract's Events class, not {describe(given)}"
    return Problem("TF719", text, 'write when_event(ReviewEvents.approved), or when("approved")', side="value")


def foreign_event_problem(name: str, owner: str, contract: str) -> Problem:
    """Report a `when_event` with an event of a class that is not the contract's, or a base of it (TF501)."""
    text = f"event {quoted(name)} of {owner} is none of contract {quoted(contract)}"
    return Problem("TF501", text, f"use the Events class that {contract} declares", side="value")


def empty_when_problem() -> Problem:
    """Report a `when` that waits for nothing (TF719)."""
    hint = 'name an event, when("approved"), or paths, when({"state": "request.topic"})'
    return Problem("TF719", "when() waits for nothing", hint)


def collect_two_blocks_problem(name: str) -> Problem:
    """Report a collect whose members hang in different blocks (TF711)."""
    text = f"the members of collect {quoted(name)} hang in different blocks"
    return Problem("TF711", text, "collect them in one block, or give each its own collect", side="value")


def collect_two_modes_problem(name: str, first: str, given: str) -> Problem:
    """Report a collect with a mode that differs from an earlier call (TF712)."""
    text = f"collect {quoted(name)} has mode {quoted(first)}, and is given mode {quoted(given)}"
    return Problem("TF712", text, "give every member of a collect the same mode", side="value")


_TRIGGERS = ("event", "state", "flow_state")


def _end(block: str) -> str:
    return "end_condition" if block == "if" else f"end_{block}"


def _a(block: str) -> str:
    return f"an {block}" if block[:1] in "aeiou" else f"a {block}"
