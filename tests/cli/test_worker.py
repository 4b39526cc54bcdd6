"""`typedflow worker`: a process that runs what others submit and answer."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cli.asking import ASKING, SETTINGS
from tests.cli.project import PLAIN, ROOT, Project
from tests.postgres import conninfo_of, url_of
from typedflow.distributed import answer, result, submit
from typedflow.stores import PostgresStore, SQLiteStore


@pytest.fixture
def worker(project: Project) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `typedflow worker` in the project; it is killed after the test."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*options: str) -> subprocess.Popen[str]:
        begun.append(
            subprocess.Popen(
                [sys.executable, "-m", "typedflow.cli", "worker", "--poll", "0.05", *options],
                cwd=project.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)},
            )
        )
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def review(project: Project, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module of the project, as another process than the worker has it."""
    spec = spec_from_file_location("review", project.write("review.py", ASKING))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "review", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind, form", [("sqlite", ()), ("sqlite", ("--json",)), ("postgres", ())])
@pytest.mark.thin(2)
async def test_a_worker_runs_what_is_submitted_and_answered(
    project: Project,
    worker: Callable[..., subprocess.Popen[str]],
    review: Any,
    kind: str,
    form: tuple[str, ...],
) -> None:
    project.write("pyproject.toml", SETTINGS)
    text = shown = "runs.db"
    opened: Any = SQLiteStore(project.folder / "runs.db")
    if kind == "postgres":
        text = url_of(conninfo_of(project.folder))
        shown, opened = "postgresql://tests@/postgres", PostgresStore(text)
    new = ", which is new" if kind == "sqlite" else ""
    process = worker("--store", text, *form)
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    plain, document = (
        f"running 'review' of {shown}{new}; Ctrl-C stops it\n",
        '{"running":["review"],"store":"runs.db"}\n',
    )
    assert line == (document if form else plain)
    async with opened as store, asyncio.timeout(30):
        execution_id = await submit(store, review.flow, review.Request("birds"))
        while not (waiting := await store.pending("review")):  # noqa: ASYNC110  # another process writes
            await asyncio.sleep(0.05)
        await answer(store, review.flow, execution_id, waiting[0], "yes")
        assert await result(store, review.flow, execution_id) == "Sibley, Svensson"
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 30) == 0
    assert process.stderr is not None
    logged = (await asyncio.to_thread(process.stderr.read)).splitlines()
    assert all(msgspec.json.decode(line)["logger"] == "typedflow.worker" for line in logged if form)


REQUIRING = """
from contextlib import contextmanager
from typedflow import Contract, Data, Flow, Resources

class Tools(Resources):
    library: dict[str, str]

class Books(Contract):
    input: str
    result: str
    resources: Tools

def find(data: Data[Books, str]) -> str:
    return data.resources.library[data.value]

flow = Flow(Books, name="books")
flow.to(find).end()

def wrong() -> dict[str, object]:
    return {"libary": {}}
"""
MISTAKES: list[tuple[tuple[str, ...], str]] = [
    ((), "no flow is named (add MODULE:FLOW"),
    (("review:flow", "twin"), "'review:flow' and 'twin:flow' are both called 'review'"),
    (("review:flow", "--store", "folder/"), "workers cannot share the folder 'folder/'"),
    (("review:flow", "--store", "postgresql://me:secret@[::1"), "TF950: a PostgresStore is given a connection string"),
    (
        ("review:flow", "--store", "postgresql://me:secret@/runs?host=/nowhere"),
        "TF953: database 'host=/nowhere dbname=runs': cannot open it: connection",
    ),
    (("review:flow", "--resources", "review:flow"), "review:flow"),
    (("revew:flow",), "did you mean 'review'?"),
    (("library:flow", "--resources", "library:lost"), "has no function 'lost' (known: 'find', 'wrong')"),
    (("library:flow", "--resources", "library:wrong"), "declares a resource 'libary' (did you mean 'library'?)"),
    (("library:flow",), "the resources 'library' of flow 'books' are not supplied (name the function"),
    (("review:flow", "--store", ""), "the name of the store is empty (is the variable set that it is of? else leave"),
    (
        ("review:flow", "--store", "host=db dbname=runs password=secret"),
        "a database is named by a URL (--store postgresql://user@host/database)",
    ),
    (
        ("review:flow", "--store", "postgresql:/me:secret@db/runs"),
        "a database is named by a URL (--store postgresql://",
    ),
    (("review:flow", "--store", "Postgres://me:secret@db/runs"), "a database is named by a URL (--store postgresql://"),
]


@pytest.mark.parametrize("arguments, text", MISTAKES)
def test_what_cannot_be_run_is_refused(project: Project, arguments: tuple[str, ...], text: str) -> None:
    project.write("review.py", ASKING)
    project.write("twin.py", ASKING)
    project.write("library.py", REQUIRING)
    done = project.run("worker", *arguments)
    assert (done.code, done.stdout, text in done.stderr) == (2, "", True), done.stderr
    assert "secret" not in done.stderr
    assert not Path(project.folder / "folder").exists()


FAMILY = """\
from typedflow import Contract, Data, Flow

class Number(Contract):
    input: int
    result: int

leaf = Flow(Number, name="leaf")
leaf.to(lambda data: data.value + 1, name="add").end()
part = Flow(Number, name="part")
part.to_sub_flow(leaf, remote=True).end()
around = Flow(Number, name="around")
around.to_sub_flow(part).end()
whole = Flow(Number, name="whole")
whole.to_sub_flow(around).end()
"""


@pytest.mark.parametrize(
    "flows, notes",
    [
        (["family:whole"], ["'whole' starts executions of 'leaf', which this worker does not run: another one has to"]),
        (["family"], []),
    ],
)
def test_flows_of_remote_children_that_a_worker_does_not_have_are_named(
    project: Project, worker: Callable[..., subprocess.Popen[str]], flows: list[str], notes: list[str]
) -> None:
    project.write("family.py", FAMILY)
    process = worker(*flows, "--store", "runs.db")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("running ")
    process.send_signal(signal.SIGTERM)
    assert [line.partition(" flow ")[2] for line in process.communicate(timeout=30)[1].splitlines()] == notes
