"""Run a job in worker processes, or be one of them: `python -m examples.data_job --help`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from examples.data_job import work
from examples.data_job.records import Summary
from typedflow import TypedflowError

PROGRAM: Final = "examples.data_job"
SAMPLE: Final = Path(__file__).with_name("sample")
ALL_LOADED, SOME_FAILED, BAD_INPUT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked for; returns the exit code, see `--help`."""
    options = _parse(arguments)
    try:
        if options.work:
            return asyncio.run(_work(options))
        return asyncio.run(_run(options))
    except TypedflowError as error:
        print(f"error: {error}", file=sys.stderr)
    except TimeoutError:
        print(f"error: no worker has finished the job in {options.timeout} seconds", file=sys.stderr)
    return BAD_INPUT


async def _work(options: argparse.Namespace) -> int:
    """Be a worker, until SIGTERM or Ctrl-C."""
    async with work.open_store(options.store) as store:
        await work.make_worker(store, options.warehouse).run()
    return ALL_LOADED


async def _run(options: argparse.Namespace) -> int:
    """Submit a job, have workers run it, and print its summary."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(work.open_store(options.store))
        job = await work.submit(store, str(options.folder))
        print(f"job {job}")
        for _ in range(options.workers):
            await stack.enter_async_context(_worker_process(options))
        summary = await work.wait(store, job, seconds=options.timeout)
    print(render(summary), end="")
    return SOME_FAILED if summary.failures else ALL_LOADED


@asynccontextmanager
async def _worker_process(options: argparse.Namespace) -> AsyncGenerator[None]:
    """Run a worker in a process of its own, and stop it at the end, as SIGTERM does."""
    command = ("-m", PROGRAM, "--work", "--store", options.store, "--warehouse", str(options.warehouse))
    process = await asyncio.create_subprocess_exec(sys.executable, *command)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def render(summary: Summary) -> str:
    """Return the summary as text."""
    lines = [f"loaded  {summary.files} files, {summary.rows} rows, {summary.cents / 100:.2f}"]
    lines += [f"failed  {failure.file}: {failure.error}" for failure in summary.failures]
    return "".join(f"{line}\n" for line in lines)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}",
        description="Load the CSV files of a folder in worker processes.",
        epilog="The exit code is 1 if a file was not loaded, 2 if the job could not be run.",
    )
    parser.add_argument("folder", nargs="?", type=_folder, default=SAMPLE, help="the files; by default a sample")
    place = "a SQLite file, or postgresql://user@host/database (%(default)s)"
    parser.add_argument("--store", default="jobs.db", metavar="place", help=place)
    parser.add_argument("--warehouse", type=Path, default=Path("warehouse.db"), metavar="file", help="(%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes to start (%(default)s)")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="seconds", help="how long to wait (%(default)s)")
    parser.add_argument("--work", action="store_true", help="be a worker, until Ctrl-C or SIGTERM")
    return parser.parse_args(arguments)


def _folder(text: str) -> Path:
    if not any(Path(text).glob("*.csv")):
        raise argparse.ArgumentTypeError(f"there is no CSV file in '{text}'")
    return Path(text).absolute()


if __name__ == "__main__":
    sys.exit(main())
