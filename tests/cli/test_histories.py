"""`typedflow run --history`, `runs history`, `runs show --at`, `runs fork` and `runs prune`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import pytest

from tests.cli.asking import ASKING, BIRDS, SETTINGS
from tests.cli.project import Done, Project
from tests.cli.terminal import talk
from typedflow.cli.exits import Mistake
from typedflow.cli.histories import read_moment
from typedflow.cli.paging import shown_numbers

NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def asked(project: Project) -> Project:
    """Return a project whose execution 'first' waits, with a history."""
    project.write("pyproject.toml", SETTINGS)
    project.write("review.py", ASKING)
    assert start(project, "first", "--history", "all").code == 3
    return project


def start(project: Project, id_: str, *options: str) -> Done:
    return project.run("run", "review:flow", "--input", BIRDS, "--id", id_, *options)


def times_hidden(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)


def test_a_history_lists_what_each_step_changed_and_goes_on_behind_the_answer(asked: Project) -> None:
    asked.run("answer", "first", "approval", "yes")
    listed = times_hidden(asked.run("runs", "history", "first").stdout).splitlines()
    assert [" ".join(line.split()) for line in listed] == [
        "save saved (UTC) status steps changed",
        "1 TIME running - state.request, state.found, tokens",
        "2 TIME running search state.request, state.found, tokens",
        "3 TIME running - interrupts, tokens",
        "4 TIME waiting -",
        "5 TIME running approve tokens, interrupts",
        "6 TIME running write result, tokens",
        "7 TIME completed -",
    ]
    saves = asked.run("runs", "history", "first", "--json").document["saves"]
    assert [each["sequence"] for each in saves] == list(range(1, len(saves) + 1))
    assert (saves[1]["steps"], saves[-1]["status"]) == (["search"], "completed")


def test_a_history_is_listed_in_pages(asked: Project) -> None:
    first = asked.run("runs", "history", "first", "--limit", "2")
    assert first.stdout.splitlines()[-1] == "there are more: --after 2"
    assert asked.run("runs", "history", "first", "--limit", "2", "--json").document["after"] == 2
    rest = asked.run("runs", "history", "first", "--after", "2").stdout.splitlines()
    assert rest[1].startswith("3 ")


def test_show_prints_the_last_saves_and_the_state_as_it_was(asked: Project) -> None:
    now = asked.run("runs", "show", "first").stdout
    assert "├── last steps, and what they changed\n│   └── search (save 2): state.request, state.found, tokens\n" in now
    then = asked.run("runs", "show", "first", "--at", "1").stdout.splitlines()
    assert "│   └── found: []" in then
    assert then[-3:] == [
        "└── it was running; these steps were next:",
        "    └── step 'search'",
        "typedflow runs fork first --at 1",
    ]
    document = asked.run("runs", "show", "first", "--at", "1", "--json").document
    assert (document["sequence"], document["state"]["found"]) == (1, [])


def test_a_fork_goes_on_from_a_save_and_leaves_the_original(asked: Project) -> None:
    forked = asked.run("runs", "fork", "first", "--at", "2", "--id", "second")
    assert (forked.code, forked.stdout) == (
        0,
        "second continues first from save 2\nrun its steps: typedflow runs retry second\n",
    )
    assert asked.run("runs", "retry", "second").code == 3
    assert asked.run("answer", "second", "approval", "yes").stdout == "Sibley, Svensson\n"
    third = asked.run("runs", "fork", "first", "--id", "third")
    assert third.stdout.splitlines()[1:] == [
        "third waits for an answer:",
        """  approval (human), asked by step 'approve': {"found":["Sibley","Svensson"]}""",
        "    typedflow answer third approval VALUE",
    ]
    assert asked.run("runs", "fork", "first", "--at", "1", "--json").document["forked_from"] == "first"
    over = asked.run("runs", "fork", "second", "--id", "over").stdout.splitlines()
    assert over[1] == "it is completed: nothing of it runs any more (--at names an earlier save)"
    assert asked.run("runs", "list", "--status", "waiting").stdout.split()[:2] == ["first", "waiting"]


WRONG = [
    (("history", "second"), "execution 'second' was started without a history (start one with `typedflow run --hist"),
    (("history", "third"), "the store has no execution 'third'"),
    (("history", "first", "--store", "files/"), "there is no store 'files/'"),
    (("show", "first", "--at", "40"), "execution 'first' has no save 40 (it has 1 to 4)"),
    (("show", "second", "--at", "40"), "execution 'second' has no save 40 (it keeps no history"),
    (("fork", "first", "--at", "40"), "execution 'first' has no save 40 (it has 1 to 4)"),
    (("fork", "first", "--id", "second"), "there is an execution 'second' already (choose another --id, or none)"),
    (("fork", "first", "--id", "a/b"), "TF816"),
    (("fork", "first", "--history", "no"), "--history is a number of saves from 1 on, or 'all', not 'no'"),
    (("fork", "first", "--flow", "revieww:flow"), "did you mean 'review'?"),
    (("prune",), "nothing to prune is named (add --before 30d or --keep 20)"),
    (("prune", "--keep", "1", "--status", "failed"), "--status is about executions, and only saves are pruned"),
    (("prune", "--before", "soon"), "--before 'soon' is no age and no date (write an age as"),
    (("prune", "--before", "0s", "--status", "waiting"), "stdin is no terminal (add --yes)"),
]


def test_what_cannot_be_done_says_why_and_changes_nothing(asked: Project) -> None:
    start(asked, "second")
    before = asked.run("runs", "list").stdout
    for arguments, text in WRONG:
        done = asked.run("runs", *arguments)
        assert (done.code, done.stdout) == (2, ""), (arguments, done)
        assert text in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert asked.run("runs", "list").stdout == before


def test_a_folder_keeps_no_history(asked: Project) -> None:
    start(asked, "first", "--store", "files/")
    for arguments in (("history", "first"), ("show", "first", "--at", "1"), ("prune", "--keep", "1")):
        done = asked.run("runs", *arguments, "--store", "files/")
        assert (done.code, "a folder of files keeps no history" in done.stderr) == (2, True), arguments
    assert asked.run("runs", "prune", "--before", "0s", "--status", "waiting", "-y", "--store", "files/").stdout == (
        "1 execution deleted\n"
    )


def test_prune_counts_first_and_deletes_what_it_has_counted(asked: Project) -> None:
    start(asked, "second")
    asked.run("answer", "second", "approval", "yes")
    for options, counted in [
        (("--before", "0s"), "1 execution"),
        (("--before", "1h"), "0 executions"),
        (("--before", "0s", "--name", "other"), "0 executions"),
        (("--keep", "3"), "1 save"),
        (("--before", "0s", "--keep", "1"), "1 execution and 3 saves"),
    ]:
        assert asked.run("runs", "prune", *options, "--dry-run").stdout == f"{counted} would be deleted\n"
    assert asked.run("runs", "prune", "--before", "0s", "--keep", "1", "--yes", "--json").document == {
        "executions": 1,
        "saves": 3,
        "dry_run": False,
    }
    assert asked.run("runs", "list").stdout.split()[0] == "first"
    assert len(asked.run("runs", "history", "first").stdout.splitlines()) == 2


def test_prune_asks_on_a_terminal(asked: Project) -> None:
    arguments = ("runs", "prune", "--before", "0s", "--status", "waiting")
    code, shown = talk(asked, *arguments, lines=["n"])
    assert (code, shown.splitlines()) == (2, ["Delete 1 execution? [y/N]: n", "error: nothing was deleted"])
    code, shown = talk(asked, *arguments, lines=["y"])
    assert (code, shown.splitlines()) == (0, ["Delete 1 execution? [y/N]: y", "1 execution deleted"])


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T18:00", datetime(2026, 1, 31, 18, tzinfo=UTC)),
        ("2026-01-31T18:00:00+02:00", datetime(2026, 1, 31, 16, tzinfo=UTC)),
    ],
)
def test_a_date_without_a_zone_is_in_utc(text: str, moment: datetime) -> None:
    assert read_moment(text, NOW) == moment


@pytest.mark.parametrize(
    "text, seconds", [("90s", 90), ("30m", 1800), ("12h", 43_200), ("2d", 172_800), ("1w", 604_800)]
)
def test_an_age_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert (NOW - read_moment(text, NOW)).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "d", "30", "30x", "999999w", "2026-13-01", "0001-01-01T00:00+20:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Mistake, match="is no age and no date"):
        read_moment(text, NOW)


def test_numbers_are_shown_as_ranges() -> None:
    assert shown_numbers([1, 2, 3, 7, 9, 10]) == "1 to 3, 7, 9 to 10"
