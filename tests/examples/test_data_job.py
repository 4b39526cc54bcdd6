"""The data job: what is loaded, what fails alone, and that workers of any store run it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from examples.data_job import work
from examples.data_job.__main__ import SAMPLE, main
from examples.data_job.flow import build_flow
from examples.data_job.records import Failure, Job, Row, Summary
from examples.data_job.warehouse import open_warehouse
from tests.postgres import conninfo_of, url_of
from typedflow.stores import MemoryStore, WorkStore
from typedflow.testing import run_flow

SUMMARY = Summary(
    files=2,
    rows=5,
    cents=22_440,
    failures=(
        Failure("oslo.csv", "line 3: Expected `int`, got `str` - at `$.cents`", 1),
        Failure("tokyo.csv", "line 2: Object missing required field `cents`", 1),
    ),
)


class Table:
    def __init__(self, failing: int = 0) -> None:
        self.loads: dict[str, int] = {}
        self.failing = failing

    def load(self, key: str, rows: Sequence[Row]) -> None:
        if self.failing:
            self.failing -= 1
            raise ConnectionError("no connection")
        self.loads[key] = len(rows)


def test_what_is_wrong_fails_alone() -> None:
    table = Table()
    assert run_flow(build_flow(), Job(str(SAMPLE)), resources={"warehouse": table}) == SUMMARY
    assert sorted(table.loads.values()) == [2, 3]


def test_a_warehouse_that_fails_is_one_failure_per_file() -> None:
    summary = run_flow(build_flow(), Job(str(SAMPLE)), resources={"warehouse": Table(failing=1)})
    assert [failure.error for failure in summary.failures if failure.file in ("berlin.csv", "lima.csv")] == [
        "no connection"
    ]
    assert summary.files == 1


def test_a_folder_without_files_fails_the_job(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no CSV file"):
        run_flow(build_flow(), Job(str(tmp_path)), resources={"warehouse": Table()})


def test_a_key_is_loaded_once(tmp_path: Path) -> None:
    rows = [Row("A-1", 100, "DE")]
    for _ in range(2):
        with open_warehouse(tmp_path / "warehouse.db") as warehouse:
            warehouse.load("key", rows)
            assert warehouse.count() == 1


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
async def test_workers_of_any_store_run_it(tmp_path: Path, kind: str) -> None:
    made: dict[str, Callable[[], AbstractAsyncContextManager[WorkStore]]] = {
        "memory": MemoryStore,
        "sqlite": lambda: work.open_store(str(tmp_path / "jobs.db")),
        "postgres": lambda: work.open_store(url_of(conninfo_of(tmp_path))),
    }
    async with made[kind]() as store:
        workers = [work.make_worker(store, tmp_path / "warehouse.db", poll=0.01) for _ in range(2)]
        running = [asyncio.create_task(worker.run()) for worker in workers]
        jobs = [await work.submit(store, str(SAMPLE)) for _ in range(3)]
        assert [await work.wait(store, job, seconds=30) for job in jobs] == [SUMMARY] * 3
        for worker in workers:
            worker.stop()
        await asyncio.gather(*running)
    with open_warehouse(tmp_path / "warehouse.db") as warehouse:
        assert warehouse.count() == 15


def test_the_command_prints_what_its_page_quotes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    places = ("--store", str(tmp_path / "jobs.db"), "--warehouse", str(tmp_path / "warehouse.db"))
    assert main([*places, "--workers", "1"]) == 1
    job, _, printed = capfd.readouterr().out.partition("\n")
    assert job.startswith("job ")
    page = SAMPLE.with_name("README.md").read_text(encoding="utf-8")
    assert "".join(f"    {line}\n" for line in printed.splitlines()) in page


def test_a_job_that_nobody_works_on_times_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ("--store", str(tmp_path / "jobs.db"), "--warehouse", str(tmp_path / "warehouse.db"))
    assert main([*places, "--workers", "0", "--timeout", "0.01"]) == 2
    assert capsys.readouterr().err == "error: no worker has finished the job in 0.01 seconds\n"


def test_a_folder_without_files_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert f"there is no CSV file in '{tmp_path}'" in capsys.readouterr().err
