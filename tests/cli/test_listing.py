"""Pages of `runs list` and `pending`, in SQLite and in a folder, and how an execution is found."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.cli.asking import ASKING, BIRDS, SETTINGS
from tests.cli.project import Project
from typedflow.stores import Release, SQLiteStore

STORES = ["runs.db", "files/"]


@pytest.fixture
def waiting(project: Project) -> Project:
    """Return a project with executions that wait, in two stores."""
    project.write("pyproject.toml", SETTINGS)
    project.write("review.py", ASKING)
    for store in STORES:
        for id_ in ("one", "two", "three"):
            assert project.run("run", "review", "--input", BIRDS, "--id", id_, "--store", store).code == 3
    return project


def pages(project: Project, *command: str) -> list[list[str]]:
    """List page by page, and return the ids of each."""
    found: list[list[str]] = []
    after: tuple[str, ...] = ()
    while True:
        document = project.run(*command, "--limit", "2", *after, "--json").document
        found.append([each["execution"] for each in document.get("executions") or document["pending"]])
        if document["after"] is None:
            return found
        after = ("--after", document["after"])


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(
    "command", [("runs", "list"), ("pending",), ("pending", "--type", "human", "--name", "review")]
)
def test_a_list_is_read_in_pages(waiting: Project, command: tuple[str, ...], store: str) -> None:
    arguments = (*command, "--store", store)
    assert pages(waiting, *arguments) == [["one", "two"], ["three"]]
    text = waiting.run(*arguments, "--limit", "2").stdout.splitlines()
    words = text[-1].split()
    assert words[:-1] == ["there", "are", "more:", "--after"]
    assert waiting.run(*arguments, "--after", words[-1]).stdout.startswith("three")
    assert "more" not in waiting.run(*arguments, "--limit", "3").stdout


def test_a_page_goes_on_behind_an_entry_that_is_gone(waiting: Project) -> None:
    after = waiting.run("runs", "list", "--store", "runs.db", "--limit", "1", "--json").document["after"]
    waiting.run("runs", "delete", "one", "--force", "--store", "runs.db")
    assert waiting.run("runs", "list", "--store", "runs.db", "--after", after).stdout.startswith("two")


def test_questions_of_another_type_are_left_out(waiting: Project) -> None:
    for store in STORES:
        done = waiting.run("pending", "--type", "machine", "--store", store)
        assert done.stdout == "no execution waits for an answer\n"


@pytest.mark.parametrize("after", ["one", "2026-01-01/one", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z/a b"])
def test_what_is_no_position_is_refused(waiting: Project, after: str) -> None:
    for command in (("runs", "list"), ("pending",)):
        done = waiting.run(*command, "--after", after)
        assert (done.code, done.stdout) == (2, "")
        assert (
            done.stderr == f"error: --after '{after}' is no position in the list (it is printed at the end of a page)\n"
        )


def test_a_limit_below_one_is_refused(waiting: Project) -> None:
    done = waiting.run("runs", "list", "--limit", "0")
    assert (done.code, "--limit" in done.stderr) == (2, True)


@pytest.mark.parametrize("store", STORES)
def test_an_execution_is_found_by_its_id_beside_what_cannot_be_listed(waiting: Project, store: str) -> None:
    assert waiting.run("runs", "show", "two", "--store", store).stdout.startswith("two  waiting")
    assert waiting.run("runs", "show", "th", "--store", store).stdout.startswith("three  waiting")
    for text in ("t", "", "../one"):
        done = waiting.run("runs", "show", text, "--store", store)
        assert (done.code, done.stdout) == (2, ""), text
        assert "begin with" in done.stderr or "the store has no execution" in done.stderr


def test_show_names_why_a_worker_could_not_run_it(waiting: Project) -> None:
    async def quarantine() -> None:
        async with SQLiteStore(waiting.folder / "runs.db") as store:
            lease = await store.acquire("one", holder="worker", ttl=timedelta(seconds=60))
            assert lease is not None
            await store.release(lease, Release(problem="3 workers have died with it", quarantined=True))

    asyncio.run(quarantine())
    shown = waiting.run("runs", "show", "one", "--store", "runs.db")
    assert "├── the last worker could not run it: 3 workers have died with it\n" in shown.stdout
    document = waiting.run("runs", "show", "one", "--store", "runs.db", "--json").document
    assert document["problem"] == "3 workers have died with it"
    assert waiting.run("runs", "show", "two", "--store", "runs.db", "--json").document["problem"] is None
