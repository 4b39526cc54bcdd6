"""The texts about snapshots, word for word."""

from __future__ import annotations

import pytest

from typedflow.rules import snapshots
from typedflow.rules.problems import Problem

TEXTS = [
    (
        snapshots.not_saved_problem("state.n", "expected int, given 'x' (str)"),
        "TF901",
        "'state.n' cannot be saved: expected int",
    ),
    (
        snapshots.untyped_value_problem("tokens[0].value", "a", "{1} (set)"),
        "TF902",
        "'tokens[0].value' cannot be saved: nothing says its type, and {1} (set) at 'a' is more than JSON "
        "(None, bool, int, float, str, list, dict with str keys)",
    ),
    (
        snapshots.never_savable_problem("the result of step 'dial'", "Socket", "Socket cannot be encoded", "line"),
        "TF903",
        "the result of step 'dial' is Socket, which cannot be saved at 'line': Socket cannot be encoded",
    ),
    (
        snapshots.not_a_document_problem("5 (int)"),
        "TF904",
        "a snapshot is read from a Snapshot, a mapping, JSON text, bytes or a path, not from 5 (int)",
    ),
    (snapshots.malformed_problem("it is empty"), "TF905", "the snapshot is malformed: it is empty"),
    (snapshots.malformed_problem("cut short", "state"), "TF905", "the snapshot is malformed at 'state': cut short"),
    (snapshots.altered_problem(), "TF906", "the snapshot was changed after it was written: its checksum does not fit"),
    (
        snapshots.unknown_format_problem("9", 1),
        "TF907",
        "the snapshot has format version 9, this typedflow reads version 1",
    ),
    (snapshots.oversized_problem("11", 10), "TF908", "the snapshot has 11 bytes, at most 10 are read"),
    (snapshots.too_deep_problem(), "TF909", "the snapshot is nested too deep"),
    (snapshots.too_deep_problem("state"), "TF909", "the snapshot is nested too deep at 'state'"),
    (snapshots.unknown_field_problem("", "stat"), "TF910", "the snapshot has an unknown field 'stat'"),
    (snapshots.unknown_field_problem("state", "nn"), "TF910", "the snapshot has an unknown field 'nn' at 'state'"),
    (snapshots.doubled_key_problem("state", "n"), "TF911", "the snapshot has the key 'n' twice at 'state'"),
    (snapshots.doubled_key_problem("", "n"), "TF911", "the snapshot has the key 'n' twice"),
    (
        snapshots.unfit_problem("state.n", "expected int"),
        "TF912",
        "'state.n' of the snapshot does not fit: expected int",
    ),
    (
        snapshots.dangling_problem("tokens[0].scope", "there is no join 3"),
        "TF913",
        "'tokens[0].scope' of the snapshot leads nowhere: there is no join 3",
    ),
    (
        snapshots.other_column_problem("status", "sleeping", "waiting"),
        "TF905",
        "the store has it with status 'sleeping', in its document it is 'waiting'",
    ),
    (snapshots.other_flow_problem("flow", "a", "b"), "TF914", "the snapshot is one of flow 'a', not of 'b'"),
    (
        snapshots.newer_contract_problem("Review", 3, 2),
        "TF915",
        "the snapshot was saved by contract 'Review' version 3, this code has version 2",
    ),
    (
        snapshots.changed_contract_problem("ReviewState", ["field 'a' is gone", "field 'b' is new"], 1),
        "TF916",
        "ReviewState changed without a new contract version: field 'a' is gone; field 'b' is new",
    ),
    (
        snapshots.newer_flow_state_problem("Counters", ["Counters.b"], 1),
        "TF915",
        "the stored Counters was written by newer code: it has 'Counters.b'",
    ),
    (
        snapshots.missing_migration_problem("Review", 1, 3),
        "TF917",
        "contract 'Review' has version 3 and no migration from version 1",
    ),
    (
        snapshots.stray_migration_problem("Review", "7", "its own version is 2"),
        "TF918",
        "contract 'Review' cannot take a migration from version 7: its own version is 2",
    ),
    (
        snapshots.failed_migration_problem("Review", 1, "raised KeyError: 'a'"),
        "TF919",
        "the migration of contract 'Review' from version 1 to 2 raised KeyError: 'a'",
    ),
    (
        snapshots.orphaned_problem("a value", "draft", "the flow does not have any more"),
        "TF920",
        "a value stands at node 'draft', which the flow does not have any more",
    ),
    (
        snapshots.lost_event_problem("interrupt 'q'", "aproved", "Review", ["approved"]),
        "TF920",
        "interrupt 'q' is to emit event 'aproved', which contract 'Review' does not declare any more",
    ),
    (
        snapshots.inconsistent_problem("tokens[1]", "there are two values at 'ask' of one cause"),
        "TF913",
        "'tokens[1]' of the snapshot contradicts the rest of it: there are two values at 'ask' of one cause",
    ),
    (
        snapshots.changed_result_problem(["it was str and is int"]),
        "TF920",
        "the result that is set is of another type now: it was str and is int",
    ),
    (
        snapshots.other_answer_problem("interrupt 'q'", "event 'approved'", ["it was str and is int"]),
        "TF920",
        "interrupt 'q' waits for the payload of event 'approved', which is another one now: it was str and is int",
    ),
]


@pytest.mark.parametrize("problem, number, text", TEXTS)
def test_text_says_what_and_where(problem: Problem, number: str, text: str) -> None:
    assert problem.number == number
    assert problem.text.startswith(text)


@pytest.mark.parametrize(
    "is_child, hint",
    [
        (False, "load it into an execution of 'a'"),
        (
            True,
            'declare formerly=("a",) at its to_sub_flow where it was renamed, or finish such executions with the flow'
            " that saved them",
        ),
    ],
)
def test_another_flow_says_where_the_snapshot_belongs(is_child: bool, hint: str) -> None:
    assert snapshots.other_flow_problem("flow", "a", "b", is_child=is_child).hint == hint


def test_change_without_a_version_says_how_to_go_on() -> None:
    problem = snapshots.changed_contract_problem("ReviewState", ["field 'a' is gone"], 1)
    assert problem.hint == "declare version=2 and write the migration from 1"


def test_orphan_names_the_nearest_node() -> None:
    hint = snapshots.orphaned_problem("a value", "drafts", "is gone", ["draft"], way="renamed").hint
    assert hint.startswith("did you mean 'draft'?; declare formerly=(\"drafts\",) where it was renamed, or keep the ")


@pytest.mark.parametrize(
    "way, hint",
    [
        (
            "renamed",
            'declare formerly=("ask",) where it was renamed, or keep the definition that saved it in previous=',
        ),
        ("retyped", "raise the contract's version and migrate values['ask'], or keep the definition that saved it"),
        ("named", 'name= each of them, with formerly=("ask",) at the one that is meant, or keep the definition'),
        ("answered", "let the new type accept what the old one did, or keep the definition that saved it"),
        ("rewired", "keep the definition that saved it in previous=(…,) until it has ended"),
    ],
)
def test_work_without_its_node_is_told_the_way_on(way: snapshots.Way, hint: str) -> None:
    assert snapshots.orphaned_problem("a value", "ask", "is another", way=way).hint.startswith(hint)


def test_unknown_field_names_the_nearest_one() -> None:
    assert snapshots.unknown_field_problem("", "stat", ["state"]).hint == "did you mean 'state'?"


@pytest.mark.parametrize("version, known", [(1, ()), (2, (1,))])
def test_a_migration_from_each_version_below_the_own_is_part_of_the_chain(version: int, known: tuple[int, ...]) -> None:
    assert snapshots.check_migration("Review", version, 3, known) is None


@pytest.mark.parametrize(
    "version, known, reason",
    [(3, (), "3: its own version is 3"), (0, (), "0: its own version is 3"), (True, (), "True: its own version is 3"),
     (1, (1,), "1: there is one already")],
)  # fmt: skip
def test_a_migration_out_of_the_chain_is_refused(version: object, known: tuple[int, ...], reason: str) -> None:
    problem = snapshots.check_migration("Review", version, 3, known)
    assert problem is not None
    assert problem.text == f"contract 'Review' cannot take a migration from version {reason}"
