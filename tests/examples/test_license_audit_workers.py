"""The audit on workers over PostgreSQL: the commands of the pages, answers, a worker that is killed, the containers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types of its own

from examples.license_audit import workers
from examples.license_audit.__main__ import main
from examples.license_audit.contracts import AuditResources
from examples.license_audit.records import AuditRequest
from tests.postgres import conninfo_of, url_of
from tests.test_readme import COMMANDS
from typedflow.distributed import Worker
from typedflow.stores import PostgresStore

ROOT: Final = Path(__file__).parents[2]
AUDIT: Final = ROOT / "examples" / "license_audit"
SCREEN: Final = re.compile(r"<!-- screen: workers -->\n```console\n(.*?)```", re.DOTALL)
WAITING: Final = 3

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(tmp_path: Path) -> str:
    return url_of(conninfo_of(tmp_path))


@pytest.fixture
def shell(url: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command of a page at the top of the tree; it is killed after the test."""
    begun: list[subprocess.Popen[str]] = []
    tools = Path(sys.executable).parent
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    path = os.pathsep.join([str(python.parent), str(tools), os.environ["PATH"]])

    def start(command: str, folder: Path = ROOT) -> subprocess.Popen[str]:
        begun.append(
            subprocess.Popen(
                ["sh", "-c", "exec " + command.replace(".venv/bin/", "").removesuffix("&").strip()],
                cwd=folder,
                env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "DATABASE_URL": url, "NO_COLOR": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def started(process: subprocess.Popen[str]) -> str:
    """Return the line that a worker prints when it runs."""
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.full
def test_the_two_commands_of_the_readme_audit_on_workers(shell: Callable[..., subprocess.Popen[str]]) -> None:
    running = [shell(COMMANDS["worker"]) for _ in range(2)]
    assert [started(worker) for worker in running] == [
        "running 'license_audit' of postgresql://tests@/postgres; Ctrl-C stops it\n"
    ] * 2
    audit = shell(COMMANDS["audit"])
    printed, _ = audit.communicate(timeout=60)
    assert audit.returncode == 0, printed
    assert re.search(r"^allowed  httpx .* BSD-3-Clause$", printed, re.MULTILINE)
    assert "\n2 distributions: 0 denied, 0 to review, 2 allowed (policy " in printed
    for worker in running:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0


@pytest.mark.full
def test_the_screen_of_the_page_shows_what_happens(shell: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    (screen,) = SCREEN.findall((AUDIT / "README.md").read_text(encoding="utf-8"))
    shown = "9f3c…"
    audit = shown
    for part in re.split(r"^\$ ", screen, flags=re.MULTILINE)[1:]:
        command, _, quoted = part.replace(shown, audit).partition("\n")
        if command.startswith("echo"):
            subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
            continue
        process = shell(command, tmp_path)
        printed = started(process) if command.endswith("&") else process.communicate(timeout=60)[0]
        if waiting := re.match(r"audit (\w+) waits", printed):
            audit = waiting[1]
            quoted = quoted.replace(shown, audit)
        pattern = re.sub(r"…(\\ )*", ".+", re.escape(quoted))
        assert re.fullmatch(pattern, printed), f"{command}\n{printed}"
    assert audit != shown


@pytest.mark.full
async def test_an_audit_whose_worker_is_killed_is_finished_by_another(
    shell: Callable[..., subprocess.Popen[str]], url: str
) -> None:
    first = shell(COMMANDS["worker"])
    await asyncio.to_thread(started, first)
    request = AuditRequest(str(AUDIT / "policy.toml"), ask=True)  # of all that is installed: it takes a while
    asking = asyncio.create_task(workers.begin(request, url, seconds=60))
    async with PostgresStore(url) as store:
        while not await _is_leased(store):  # noqa: ASYNC110  # another process takes it
            await asyncio.sleep(0.01)
    first.kill()
    second = shell(COMMANDS["worker"])
    progress = await asking
    assert (progress.report is not None) or progress.questions
    second.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(second.wait, 30) == 0


async def _is_leased(store: PostgresStore) -> bool:
    """Return whether a worker has the only execution of a store."""
    entries = await store.list()
    stored = await store.get(entries[0].execution_id) if entries else None
    return stored is not None and stored.holder is not None


class Shelf:
    """A catalog of nothing, whose worker fails until it is mended."""

    broken = True

    def names(self) -> list[str]:
        if self.broken:
            raise OSError("the disk is gone")
        return []

    def read(self, name: str) -> Any:
        raise LookupError(name)

    def unreadable(self) -> list[str]:
        return []


async def test_an_audit_that_failed_is_tried_again_when_it_is_resumed(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = Shelf()
    async with PostgresStore(url) as store:
        resources = {"catalog": lambda: AuditResources(catalog=shelf).catalog}
        worker = Worker(store, [workers.flow], resources=resources, poll=0.01)
        running = asyncio.create_task(worker.run())
        assert await asyncio.to_thread(main, ["--store", url, "--here"]) == 2
        assert capsys.readouterr().err.startswith("error: TF802: execution ")
        (entry,) = await store.list()
        shelf.broken = False
        assert await asyncio.to_thread(main, ["--store", url, "--resume", entry.execution_id, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["findings"] == []
        worker.stop()
        await running
    assert await asyncio.to_thread(main, ["--store", url, "--list"]) == 0
    assert capsys.readouterr().out.startswith("completed  ")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["httpx", "--timeout", "0.2"], "error: no worker has finished in 0.2 seconds"),
        (["--resume", "none"], "error: TF921: "),
    ],
)
def test_what_no_worker_can_do_is_an_error(
    url: str, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["--store", url, *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(message)
    assert "secret" not in printed.err + printed.out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "say what the workers are to audit: names, or --here"),
        (["--path", "."], "workers audit the environment that they run in"),
    ],
)
def test_what_workers_cannot_be_given_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        main(["--store", "postgresql:///audits", *arguments])
    assert message in capsys.readouterr().err


# -- in containers


def test_a_password_is_not_shown() -> None:
    assert workers.shown("postgresql://me:secret@db:5432/audits?sslmode=require") == (
        "postgresql://me@db:5432/audits?sslmode=require"
    )


def test_the_containers_run_what_the_page_runs() -> None:
    lines = (AUDIT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (command,) = [json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD ")]
    assert command == ["sh", "-c", "exec " + COMMANDS["worker"].replace(".venv/bin/", "").strip()]
    copied = [word for line in lines if line.startswith("COPY ") for word in shlex.split(line)[1:-1]]
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_containers_find_their_database() -> None:
    services = yaml.safe_load((AUDIT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert sorted(services) == ["audit", "database", "worker"]
    given, access = services["database"]["environment"], services["worker"]["environment"]
    assert access["DATABASE_URL"] == f"postgresql://{given['POSTGRES_USER']}@database/{given['POSTGRES_DB']}"
    assert access["PGPASSWORD"] == given["POSTGRES_PASSWORD"]
    assert services["audit"]["environment"] == access
    assert services["audit"]["entrypoint"][-2:] == ["--store", access["DATABASE_URL"]]
    assert services["worker"]["deploy"]["replicas"] == 2
    assert int(services["worker"]["stop_grace_period"].removesuffix("s")) > 10  # --grace of the worker
    build = services["worker"]["build"]
    assert (AUDIT / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()
