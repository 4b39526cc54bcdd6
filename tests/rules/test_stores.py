"""The texts of what stores refuse and report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from typedflow.rules import stores
from typedflow.rules.problems import Problem

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_a_good_record_has_no_problems() -> None:
    assert stores.check_stored("a-1", "review", "waiting", 0, NOON, None) == []


def test_all_problems_of_a_record_come_at_once() -> None:
    problems = stores.check_stored("../x", "\ud800", "\udfff", -1, NOON.replace(tzinfo=None), 3)
    assert [problem.render() for problem in problems] == [
        "TF816: '../x' is not an execution id "
        "(use 1 to 128 letters, digits, '_', '.' and '-', beginning with a letter or digit)",
        "TF950: flow '\\ud800' cannot be written in UTF-8 (it holds half of a surrogate pair)",
        "TF950: status '\\udfff' cannot be written in UTF-8 (it holds half of a surrogate pair)",
        "TF950: a save sequence is an int from 0 to 2**63 - 1, not -1 (int)",
        "TF950: saved_at is not in UTC: 2026-01-02T12:00:00 (datetime.now(UTC))",
    ]


@pytest.mark.parametrize("given", [True, -1, 2**63, 1.0, "1", None])
def test_a_sequence_is_a_column(given: object) -> None:
    assert stores.check_sequence(given, None) is not None


@pytest.mark.parametrize("expected, follows", [(None, True), (4, True), (5, False), (6, False)])
def test_a_sequence_grows(expected: int | None, follows: bool) -> None:
    assert (stores.check_sequence(5, expected) is None) is follows


def test_a_time_of_another_zone_is_refused() -> None:
    assert stores.check_saved_at(NOON.astimezone(timezone(timedelta(hours=1)))) is not None


@pytest.mark.parametrize(
    "problem, text",
    [
        (
            stores.check_sequence(5, 5),
            "TF950: save sequence 5 does not follow the expected 5 (count up with every save)",
        ),
        (
            stores.check_text("flow", "a" * 1001),
            f"TF950: flow '{'a' * 79}…' has 1001 characters (use at most 1000)",
        ),
        (
            stores.conflict_problem("a", 3, 2),
            "TF951: execution 'a': save 3 is stored, save 2 was expected "
            "(another process saved or deleted it: load it again)",
        ),
        (
            stores.conflict_problem("a", None, 2),
            "TF951: execution 'a': nothing is stored, save 2 was expected "
            "(another process saved or deleted it: load it again)",
        ),
        (
            stores.conflict_problem("a", 3, None),
            "TF951: execution 'a': save 3 is stored, none was expected (the id is in use: load it)",
        ),
        (stores.closed_problem("FileStore"), "TF952: the FileStore was closed (open another one on the same place)"),
        (
            stores.failed_problem("save 'a'", "No space left on device").at("store /x"),
            "TF953: store /x: cannot save 'a': No space left on device (what was saved before is untouched)",
        ),
        (stores.failed_problem("open it", "busy", "wait"), "TF953: cannot open it: busy (wait)"),
        (
            stores.busy_problem("update it", 5.0),
            "TF953: cannot update it: another writer held the lock for 5 s, and a plain call blocks no longer "
            "(nothing was changed; `await` the async form, which waits without blocking)",
        ),
        (
            stores.nested_problem("update it"),
            "TF953: cannot update it: the function of another update on this store has called it "
            "(call it before or after that update)",
        ),
        (
            stores.wrong_update_problem("a", 5),
            "TF950: the update of the flow_state of 'a' returned 5 (int) "
            "(change is a plain function that returns a FlowStateUpdate)",
        ),
        (stores.wrong_key_problem(5), "TF950: the key of an update is an UpdateKey or None, not 5 (int)"),
        (
            stores.no_wal_problem("memory"),
            "TF953: SQLite gives journal_mode 'memory' here instead of 'wal' "
            "(use a file on a local disk; for no file at all there is MemoryStore)",
        ),
        (
            stores.no_flow_state_problem("FileStore"),
            "TF954: a FileStore does not share flow_state (ask store.shares_flow_state, or use a SQLiteStore)",
        ),
        (stores.damaged_problem("cut"), "TF955: damaged: cut (move it away, or bring it back from a backup)"),
        (stores.newer_store_problem(2, 1), "TF956: its format is 2 (int), known is 1 (update typedflow)"),
        (
            stores.other_process_problem("FileStore"),
            "TF957: the FileStore was opened in another process (make one in each process)",
        ),
    ],
)
def test_texts(problem: Problem, text: str) -> None:
    assert problem.render() == text


def test_a_missing_package_names_the_extra() -> None:
    text = "PostgresStore needs psycopg, which is not installed"
    assert stores.no_psycopg_problem() == Problem("TF953", text, "pip install 'typedflow[postgres]'")
    text = "ProcrastinateWaker needs procrastinate, which is not installed"
    assert stores.no_procrastinate_problem() == Problem("TF953", text, "pip install 'typedflow[distributed]'")
