"""`typedflow lock`, `diff` and `migrate`: what a change means for the executions that wait."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.cli.asking import ASKING, BIRDS, SETTINGS
from tests.cli.project import Done, Project
from tests.config.test_configs import Count, double, everything
from tests.execution.pausing import CASES, Talk, begin, show
from tests.postgres import conninfo_of, url_of
from typedflow import Data, Flow, SnapshotError
from typedflow.api.blueprint import runtime_of
from typedflow.cli.changes import Verdict, changes_between
from typedflow.cli.locks import Locked, LockFile, lock_flow, write_lock
from typedflow.stores import Message, SQLiteStore


def locked(flow: Any) -> Locked:
    """Return a flow as a lock file holds it, written and read."""
    return msgspec.json.decode(write_lock({"flow": lock_flow(flow)}), type=LockFile).flows["flow"]


UNSEEN = [
    ("side branch in each", "for_each"),
    ("side branch in each", "for_each by 1"),
    ("side branch in each", "for_each by 2"),
]
"""A lock does not tell a side branch from the body: an item that has a result would get a second one."""


@pytest.mark.full
async def test_what_diff_calls_safe_loads() -> None:
    """Every flow that pauses is replaced by every other one: a load is refused only where diff reports it."""
    builds = {name: case.build() for name, case in CASES.items()}
    saved = {name: (await begin(case)).save() for name, case in CASES.items()}
    locks = {name: locked(flow) for name, flow in builds.items()}
    outcomes, unseen = {True: 0, False: 0}, []
    for before in CASES:
        for after, flow in builds.items():
            changes = changes_between(locks[before], runtime_of(flow))
            is_safe = all(change.verdict is Verdict.SAFE for change in changes)
            try:
                flow.create_execution().load(saved[before])
                loads = True
            except SnapshotError:
                loads = False
            unseen += [(before, after)] if is_safe and not loads else []
            outcomes[loads] += 1
            if before == after:
                assert changes == []
    assert unseen == UNSEEN
    assert min(outcomes.values()) > len(CASES)


def numbers(data: Data[Count, int]) -> list[int]:
    return [data.value]


def half(data: Data[Count, int]) -> int:
    return data.value // 2


def half_text(data: Data[Count, int]) -> str:
    return str(data.value // 2)


def total(data: Data[Count, object]) -> int:
    return 0


def gathering(step: Any, *branches: str) -> Flow[Any]:
    """Return a flow whose for_each, batch and collect gather what a step returns, under these names."""
    one, two, collected = branches
    flow: Flow[Any] = Flow(Count)
    flow.to(numbers).for_each().to(step, name="step").end_for_each().to(total).end()
    flow.batch().branch(step, name=one).branch(double, name=two).end_batch().to(total, name="of batch")
    flow.to(step, name="member").collect("all", collected)
    flow.to(double, name="other").collect("all", "other").to(total, name="of all")
    return flow


def test_what_blocks_and_collects_have_gathered_is_compared() -> None:
    old = locked(gathering(half, "one", "two", "first"))
    retyped = changes_between(old, runtime_of(gathering(half_text, "one", "two", "first")))
    found = {(change.place, change.verdict.value) for change in retyped}
    assert {("for_each", "migration"), ("batch", "migration"), ("all", "migration")} <= found
    renamed = changes_between(old, runtime_of(gathering(half, "uno", "two", "second")))
    assert {change.place for change in renamed if change.verdict is Verdict.STRANDS} == {"one", "batch", "all"}


def listening(mode: Any, *steps: Any) -> Flow[Any]:
    """Return a flow with a listener of a mode, and some steps on its main chain."""
    flow: Flow[Any] = Flow(Talk)
    chain = flow.to(show)
    for number, step in enumerate(steps):
        chain = chain.to(step, name=f"step {number}")
    chain.end()
    flow.when({"event": ["rung", "knocked"]}, mode=mode, name="heard").to(show, name="noted")
    return flow


@pytest.mark.parametrize("mode", ["simple_or", "or", "and"])
def test_a_step_added_elsewhere_strands_no_listener(mode: Any) -> None:
    changes = changes_between(locked(listening(mode)), runtime_of(listening(mode, show)))
    assert [(change.place, change.verdict) for change in changes] == [("step 0", Verdict.SAFE)]


def test_a_listener_that_waits_for_all_no_more_strands_what_it_has_gathered() -> None:
    changes = changes_between(locked(listening("and")), runtime_of(listening("simple_or")))
    assert ("heard", Verdict.STRANDS) in {(change.place, change.verdict) for change in changes}


def test_a_flow_with_everything_has_no_changes_to_itself() -> None:
    assert changes_between(locked(everything()), runtime_of(everything())) == []
    assert write_lock({"a": lock_flow(everything())}) == write_lock({"a": lock_flow(everything())})


CHANGES: list[tuple[list[tuple[str, str]], int, list[str]]] = [
    ([], 0, ["review:flow: no changes"]),
    (
        [("found: list[str] = []", "found: list[str] = []\n    note: str = ''")],
        0,
        ["  safe       state of flow 'review': Notes.note is new"],
    ),
    (
        [("found: list[str] = []", "found: list[int] = []\n    note: str = ''")],
        1,
        [
            "  migration  state of flow 'review': field 'found' was list[str] and is list[int]",
            "             hint: class Review(Contract, version=2) and @Review.migrate(1)",
            "  safe       state of flow 'review': Notes.note is new",
        ],
    ),
    (
        [("class Review(Contract)", "class Review(Contract, version=2)"), ("found: list[str]", "seen: list[str]")],
        1,
        [
            "  migration  contract of flow 'review': contract 'Review' has version 2 and no migration from",
            "  migration  state of flow 'review': field 'found' is gone",
            "  safe       state of flow 'review': Notes.seen is new",
        ],
    ),
    (
        [
            ("class Review(Contract)", "class Review(Contract, version=2)"),
            ("flow = Flow", "Review.migrate(1)(dict)\nflow = Flow"),
            ("found: list[str]", "seen: list[str]"),
        ],
        0,
        [
            "  safe       contract of flow 'review': version 1 is migrated to 2",
            "  safe       state of flow 'review': field 'found' is gone, which the migration converts",
        ],
    ),
    (
        [('Literal["yes", "no"]', 'Literal["no", "yes", "later"]')],
        1,
        ["  migration  write of flow 'review': a value", "             hint: @Review.migrate(1) converts values["],
    ),
    (
        [('Literal["yes", "no"]', "bool"), ("Data[Review, str]", "Data[Review, bool]")],
        1,
        ["  strands    approve of flow 'review': interrupt 'approve' ", "  migration  write of flow 'review': a value"],
    ),
    (
        [("to(approve)", "to(approve, name='ask')")],
        1,
        ["  safe       ask of flow 'review': is new", "  strands    approve of flow 'review': a value stands at node"],
    ),
    ([("to(approve)", "to(approve, name='ask', formerly=('approve',))")], 0, ["review:flow: no changes"]),
    ([(".to(write)", ".to(write).to(write, name='twice')")], 0, ["  safe       twice of flow 'review': is new"]),
    ([('name="review"', 'name="other"')], 1, ["  strands    flow of flow 'other': "]),
    ([("flow = Flow", "flaw = Flow"), ("flow.to", "flaw.to")], 1, ["  strands    flow of flow 'review': is gone: "]),
]  # fmt: skip


@pytest.mark.parametrize("edits, code, lines", CHANGES)
def test_each_change_is_reported_with_its_verdict(
    project: Project, edits: list[tuple[str, str]], code: int, lines: list[str]
) -> None:
    project.write("review.py", ASKING)
    project.run("lock", "review:flow")
    source = ASKING
    for before, after in edits:
        assert before in source
        source = source.replace(before, after)
    project.write("review.py", source)
    done = project.run("diff")
    assert done.code == code, done
    shown = done.stdout.splitlines()
    missing = [line for line in lines if not any(each.startswith(line) for each in shown)]
    assert missing == [], done.stdout
    assert project.run("diff", "--json").document["safe"] == (code == 0)


def test_a_lock_file_is_written_checked_and_compared_in_other_processes(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    project.write("review.py", ASKING)
    written = project.spawn("lock")
    assert (written.code, written.stdout, written.stderr) == (0, "typedflow.lock is written: 1 flow\n", "")
    text = (project.folder / "typedflow.lock").read_text(encoding="utf-8")
    assert str(project.folder) not in text
    assert project.run("lock", "--check").stdout == "typedflow.lock is up to date: 1 flow\n"
    absent = project.run("lock", "--check", "--file", "none.lock")
    assert absent.code == 1
    assert absent.stderr == "error: there is no 'none.lock' to compare with (`typedflow lock` writes it)\n"
    project.write("review.py", ASKING.replace("to(approve)", "to(approve, name='ask')"))
    compared = project.spawn("diff")
    assert (compared.code, compared.stderr) == (1, "")
    assert compared.stdout.splitlines()[-1] == "1 safe, 0 need a migration, 1 strand waiting executions"
    assert project.run("lock", "--check").stdout == (
        "typedflow.lock is not up to date: 1 flow "
        "(`typedflow diff` shows what has changed, `typedflow lock` writes it anew)\n"
    )
    stale = project.run("lock", "--check", "--json")
    assert (stale.code, stale.document["up_to_date"]) == (1, False)
    assert (project.folder / "typedflow.lock").read_text(encoding="utf-8") == text
    project.run("lock")
    assert project.run("diff").stdout == "review:flow: no changes\n"


def test_a_child_flow_is_locked_with_its_parent(project: Project) -> None:
    parent = "outer = Flow(Review, name='outer')\nouter.to_sub_flow(flow, capture={'input': 'value', 'resources': "
    parent += "{'library': 'resources.library'}}).end()\n"
    project.write("review.py", f"{ASKING}\n{parent}")
    project.run("lock", "review:outer")
    project.write("review.py", f"{ASKING}\n{parent}".replace("to(approve)", "to(approve, name='ask')"))
    done = project.run("diff")
    assert (done.code, "strands    approve of flow 'review'" in done.stdout) == (1, True)
    project.write(
        "review.py", ASKING.replace("flow", "outer").replace("review", "outer").replace("typedouter", "typedflow")
    )
    assert "the child flow is gone" in project.run("diff").stdout


def review_with(project: Project, *edits: tuple[str, str]) -> None:
    source = ASKING
    for before, after in edits:
        source = source.replace(before, after)
    project.write("review.py", source)


@pytest.mark.full
def test_migrate_lists_the_executions_that_do_not_open(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    project.write("review.py", ASKING)
    for id_ in ("first", "second", "over"):
        project.run("run", "review", "--input", BIRDS, "--id", id_)
    project.run("answer", "over", "approval", "yes")
    before = project.run("runs", "list").stdout
    done = project.spawn("migrate", ".typedflow/runs.db", "--dry-run")
    assert (done.code, done.stdout, done.stderr) == (0, "2 open, 0 of them of an earlier version, 0 do not open\n", "")
    review_with(project, ("to(approve)", "to(approve, name='ask')"))
    refused = project.run("migrate", ".typedflow/runs.db", "--dry-run")
    assert refused.code == 1
    assert refused.stdout.startswith("first of flow 'review' does not open: TF920")
    assert refused.stdout.endswith("0 open, 0 of them of an earlier version, 2 do not open\n")
    documents = project.run("migrate", ".typedflow/runs.db", "--dry-run", "--json").document["executions"]
    assert [(each["execution"], each["opens"]) for each in documents] == [("first", False), ("second", False)]
    review_with(project, ('name="review"', 'name="renamed"'))
    assert (
        "no flow of this name was given (renamed)" in project.run("migrate", ".typedflow/runs.db", "--dry-run").stdout
    )
    review_with(project)
    assert project.run("runs", "list").stdout == before


RENAMING = """\
@Review.migrate(1)
def rename(old):
    old["state"]["seen"] = old["state"].pop("found")
    return old

"""
THIRD = "Review.migrate(2)(dict)\n\n"
MIGRATING = (
    ("class Review(Contract)", "class Review(Contract, version=2)"),
    ("flow = Flow", f"{RENAMING}flow = Flow"),
    ("found: list[str]", "seen: list[str]"),
    ("state.found", "state.seen"),
)


@pytest.mark.parametrize("store", ["runs.db", "files/", "postgres"])
def test_migrate_saves_what_an_earlier_version_has_saved(project: Project, store: str) -> None:
    if store == "postgres":
        store = url_of(conninfo_of(project.folder))
    project.write("pyproject.toml", f'{SETTINGS}store = "{store}"\n')
    (project.folder / "files").mkdir()
    project.write("review.py", ASKING)
    for id_ in ("first", "failed"):
        project.run("run", "review", "--input", BIRDS, "--id", id_)
    project.run("answer", "failed", "approval", "no")
    assert project.run("migrate").stdout == "0 migrated, 2 up to date, 0 do not open\n"
    review_with(project, *MIGRATING)
    before = project.run("runs", "list").stdout
    dry = project.run("migrate", "--dry-run")
    assert dry.stdout == "2 open, 2 of them of an earlier version, 0 do not open\n"
    assert project.run("runs", "list").stdout == before
    done = project.run("migrate", store, "--json").document["executions"]
    assert [each["migrated"] for each in done] == [True, True]
    assert project.run("migrate").stdout == "0 migrated, 2 up to date, 0 do not open\n"
    shown = project.run("runs", "show", "first", "--json").document
    assert (shown["version"], shown["state"]["seen"]) == (2, ["Sibley", "Svensson"])
    assert [each["execution"] for each in project.run("pending", "--json").document["pending"]] == ["first"]
    assert project.run("answer", "first", "approval", "yes").stdout == "Sibley, Svensson\n"
    assert project.run("runs", "retry", "failed").code == 1


def test_migrate_loses_nothing_that_was_sent_to_workers(project: Project) -> None:
    project.write("pyproject.toml", SETTINGS)
    project.write("review.py", ASKING)
    project.run("run", "review", "--input", BIRDS, "--id", "first")
    path = project.folder / ".typedflow" / "runs.db"

    async def post() -> None:
        async with SQLiteStore(path) as store:
            await store.post("first", lambda stored: Message("answer", "approval", b'"yes"'))

    async def sent() -> tuple[bool, list[str]]:
        async with SQLiteStore(path) as store:
            is_ready = await store.next_ready(["review"]) is not None
            lease = await store.acquire("first", holder="worker", ttl=timedelta(seconds=60))
            return lease is not None and is_ready, [each.name for each in await store.mail("first", 0)]

    asyncio.run(post())
    review_with(project, *MIGRATING)
    assert project.run("migrate").stdout == "1 migrated, 0 up to date, 0 do not open\n"
    assert asyncio.run(sent()) == (True, ["approval"])
    review_with(project, *MIGRATING, ("version=2", "version=3"), ("flow = Flow", f"{THIRD}flow = Flow"))
    assert project.run("migrate").stdout == (
        "0 migrated, 0 up to date, 1 of an earlier version are run by other processes and left, 0 do not open\n"
    )


WRONG = [
    (("check",), "which flows? (name them as MODULE:FLOW, or list them in [tool.typedflow] flows)"),
    (("lock",), "which flows? (name them as MODULE:FLOW, or list them in [tool.typedflow] flows)"),
    (("lock", "review:flw"), "module 'review' has no flow 'flw' (did you mean 'flow'?)"),
    (("lock", "review:flow", "--file", "no/x.lock"), "cannot write 'no/x.lock'"),
    (("diff", "--file", "x.lock"), "there is no lock file 'x.lock' (`typedflow lock MODULE:FLOW` writes it)"),
    (("diff", "--file", "broken.lock"), "the lock file 'broken.lock' cannot be read"),
    (("diff", "review:flaw"), "'typedflow.lock' does not hold 'review:flaw' (it holds review:flow)"),
    (("migrate", "runs.db", "--dry-run"), "which flows?"),
    (("migrate", "runs.db", "--dry-run", "--flow", "review"), "there is no store 'runs.db'"),
]


def test_what_cannot_be_compared_is_a_mistake(project: Project) -> None:
    project.write("review.py", ASKING)
    project.write("broken.lock", '{"format": "typedflow.lock/9", "flows": {}}')
    project.run("lock", "review:flow")
    for arguments, text in WRONG:
        done: Done = project.run(*arguments)
        assert (done.code, done.stdout, done.stderr.startswith(f"error: {text}")) == (2, "", True), done


def test_a_module_that_raises_is_named(project: Project) -> None:
    project.write("review.py", ASKING)
    project.run("lock", "review:flow")
    project.write("review.py", "1 / 0\n")
    done = project.run("diff")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr == "error: importing 'review' failed (review.py:1): ZeroDivisionError: division by zero\n"
