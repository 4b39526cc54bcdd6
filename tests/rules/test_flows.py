"""The texts of broken flow definitions."""

from __future__ import annotations

import pytest

from typedflow.rules import flows
from typedflow.rules.problems import Problem


@pytest.mark.parametrize(
    "problem, message",
    [
        (
            flows.wrong_input_problem("draft", "list[str]", "Request", source="search"),
            "TF701: step 'draft' takes list[str], and gets Request from 'search' "
            "(annotate its parameter Data[…, Request], or put a step in between that makes list[str] of it)",
        ),
        (
            flows.wrong_input_problem("draft", "list[str]", "Request"),
            "TF701: step 'draft' takes list[str], and gets Request "
            "(annotate its parameter Data[…, Request], or put a step in between that makes list[str] of it)",
        ),
        (
            flows.wrong_result_problem("Review", "Report", "str"),
            "TF702: end() sets the result of contract 'Review', Report, "
            "and "
            "gets str (add a step before end() that returns Report)",
        ),
        (
            flows.result_never_set_problem("Review", "Report"),
            "TF726: no end() and no set_result() was found for the result of this flow, Report by "
            "contract 'Review' (call .end() on a chain, or data.set_result(value) in a handler, or declare "
            "`result: None`)",
        ),
        (
            flows.not_a_sequence_problem("'abc' (str)"),
            "TF709: for_each goes over a sequence (a list, tuple or range), "
            "not 'abc' (str) (put a step before it that returns a list)",
        ),
        (
            flows.other_contract_problem("draft", "Audit", "Review"),
            "TF716: step 'draft' takes Data[Audit, …], and its flow is "
            "of "
            "contract 'Review' (annotate its parameter Data[Review, …], or with a protocol of the parts that it needs)",
        ),
        (
            flows.other_contract_problem("draft", "NeedsLogger", "Review", ["resources"]),
            "TF716: step 'draft' takes Data[NeedsLogger, …], and its flow is of contract 'Review', which has no "
            "'resources' "
            "(annotate its parameter Data[Review, …], or with a protocol of the parts that it needs)",
        ),
        (
            flows.no_answer_type_problem("ask"),
            "TF720: step 'ask' pauses and returns NoReturn: nothing says which type answers "
            "it "
            "(annotate its return with the type of the answer: `-> Approval`)",
        ),
        (
            flows.unclosed_block_problem("for_each"),
            "TF703: a for_each block is never closed (call .end_for_each() on the chain inside it)",
        ),
        (
            flows.unclosed_block_problem("if"),
            "TF703: an if block is never closed (call .end_condition() on the chain inside it)",
        ),
        (
            flows.not_open_problem("end_for_each", "for_each", "match"),
            "TF704: end_for_each() belongs to a for_each block, and the "
            "innermost open block is a match (close that one first, with .end_match())",
        ),
        (
            flows.not_open_problem("end_condition", "match", None),
            "TF704: end_condition() belongs to a match block, and no block is open here (open one, or take it out)",
        ),
        (
            flows.block_closed_twice_problem("batch"),
            "TF704: this batch block is closed already (go on from what .end_batch() returned)",
        ),
        (
            flows.branch_finished_twice_problem("case"),
            "TF704: case() ends a case that is ended already "
            "(go on from what the first call returned; one case has one chain)",
        ),
        (
            flows.empty_batch_problem(),
            "TF714: a batch has no branch (add .branch(handler) between .batch() and .end_batch())",
        ),
        (
            flows.case_after_else_problem(),
            "TF722: a case follows case_else(), which catches all the rest (put the else case last)",
        ),
        (
            flows.branch_not_finished_problem("match"),
            "TF722: a case of this match block begins while the one before it is open "
            "(call .case() on the end of the chain of the case before)",
        ),
        (
            flows.branch_not_finished_problem("if"),
            "TF722: a case of this if block begins while the one before it is open "
            "(call .elif_condition() on the end of the chain of the case before)",
        ),
        (
            flows.end_inside_block_problem("if"),
            "TF721: end() stands inside an if block "
            "(call .end_condition() first; data.set_result(value) sets the result from inside)",
        ),
        (
            flows.resume_event_inside_problem("batch", "approved"),
            "TF710: pause_for(resume_event='approved') inside a batch "
            "block, which would wait for this branch forever (leave resume_event out: the answer "
            "then becomes the step's "
            "output)",
        ),
        (
            flows.duplicate_branch_problem("a"),
            "TF705: there are two branches named 'a' (name one of them otherwise: .branch(handler, name=…))",
        ),
        (flows.duplicate_name_problem("node", "a"), "TF705: there are two nodes named 'a' (explicit names are unique)"),
        (
            flows.duplicate_name_problem("chunk", ""),
            "TF705: the name of a chunk cannot be empty (leave name= out, or give one)",
        ),
        (
            flows.former_name_in_use_problem("ask", "'a' and 'b'"),
            "TF740: the former name 'ask' is in use by 'a' and 'b' "
            "(a former name leads to one node, and is no name of today)",
        ),
        (
            flows.wrong_former_names_problem("ask"),
            "TF740: formerly is a tuple of names, not 'ask' (str) (write formerly=(\"ask\",), with the comma)",
        ),
        (
            flows.wrong_previous_problem(["a"]),
            "TF750: previous is a tuple of earlier definitions of the flow, not ['a'] (list) "
            "(write previous=(review_v1,), with the comma)",
        ),
        (
            flows.other_previous_problem("old", "review"),
            "TF750: flow 'old' is no earlier definition of flow 'review': it has another name "
            "(make it by Flow(…, name='review'), as it was when it saved executions)",
        ),
        (
            flows.doubled_previous_problem("review", 1, "the flow itself"),
            "TF750: previous[1] of flow 'review' has the same plan as the flow itself, so that no execution is its own "
            "(take it out: executions that it saved go on with the other one)",
        ),
        (
            flows.unknown_chunk_problem("serach", ["search"]),
            "TF706: no chunk is registered as 'serach' (did you mean 'search'?)",
        ),
        (
            flows.unknown_chunk_problem("x", []),
            "TF706: no chunk is registered as 'x' (register one first: @flow.chunk(\"x\"))",
        ),
        (
            flows.unknown_mode_problem("match", "hit_frist", ["hit_first", "hit_all"]),
            "TF715: match has no mode 'hit_frist' (did you mean 'hit_first'?)",
        ),
        (flows.unknown_mode_problem("when", 5, ["and", "or"]), "TF715: when has no mode 5 (int) (modes: 'and', 'or')"),
        (
            flows.not_a_handler_problem(5),
            "TF717: a handler is a function that takes Data, not 5 (int) "
            "(give a function, a method or a callable object, or the name of a chunk)",
        ),
        (flows.not_a_flow_problem(5), "TF717: a child flow is a Flow, not 5 (int) (a function goes to to(…))"),
        (
            flows.async_in_thread_problem("search"),
            "TF717: step 'search' is async, and thread=True runs a plain function in a "
            "thread "
            "(leave thread=True out, or make the handler a plain def)",
        ),
        (
            flows.wrong_input_problem("is_short", "str", "int", kind="condition"),
            "TF701: condition 'is_short' takes str, and "
            "gets int (annotate its parameter Data[…, int], or put a step in between that makes str of it)",
        ),
        (
            flows.other_contract_problem("is_short", "Audit", "Review", kind="condition"),
            "TF716: condition 'is_short' takes "
            "Data[Audit, …], and its flow is of contract 'Review' (annotate its parameter Data[Review, …], or with a "
            "protocol of the parts that it needs)",
        ),
        (
            flows.unreachable_problem("draft"),
            "TF707: step 'draft' is never reached: no chain from the flow's start or a when() "
            "leads to it (hang it on one, or take it out)",
        ),
        (flows.no_steps_problem(), "TF723: the flow has no steps (add one: flow.to(handler))"),
        (
            flows.wiring_after_start_problem(),
            "TF708: the flow has an execution already, and cannot be changed any more "
            "(put the whole flow together first, or make a new Flow)",
        ),
        (flows.unknown_trigger_problem("events"), "TF719: when() has no trigger 'events' (did you mean 'event'?)"),
        (
            flows.empty_when_problem(),
            "TF719: when() waits for nothing "
            '(name an event, when("approved"), or paths, when({"state": "request.topic"}))',
        ),
        (
            flows.collect_two_blocks_problem("votes"),
            "TF711: the members of collect 'votes' hang in different blocks "
            "(collect them in one block, or give each its own collect)",
        ),
        (
            flows.collect_two_modes_problem("votes", "filled_then_empty", "filled_and_update"),
            "TF712: collect 'votes' has mode "
            "'filled_then_empty', and is given mode 'filled_and_update' (give every member of a collect the same mode)",
        ),
    ],
    ids=lambda value: value.partition(" (")[0] if isinstance(value, str) else "",
)
def test_a_broken_flow_is_told_what_to_change(problem: Problem, message: str) -> None:
    assert problem.render() == message
