"""What all tests share: which of them run and in which order, and what the garbage collector need not traverse."""

from __future__ import annotations

import compileall
import gc
import os
import random
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import postgres, run_folder
from tests.budget import is_full

ROOT = Path(__file__).parents[1]
HASH_SEED = "PYTHONHASHSEED"
LONGEST = (
    "mypy/test_daemon",
    "docs/test_pages",
    "docs/test_examples",
    "mypy/test_unused",
    "distributed/test_processes",
    "mypy/test_edits",
    "crash/test_failpoints",
    "stores/test_processes",
    "examples/test_license_audit_review",
    "schema/test_type_properties",
    "mypy/test_example",
    "mypy/test_cases",
    "stores/test_power_loss",
    "distributed/test_remote_children",
    "crash/test_processes",
    "stores/test_conformance",
    "mypy/test_parity",
    "typing/test_samples",
    "mypy/test_settings",
    "execution/test_saved_children",
    "stores/test_store_machine",
    "execution/test_long_runs",
)
"""The modules that take the longest, longest first: started last, one would keep a single worker busy at the end."""
FIRST = ("mypy", "crash", "typing", "stores", "examples", "docs")
"""The folders whose other modules come next."""


WHOLE = pytest.StashKey[bool]()
"""Whether the run is of all tests, and not of some modules."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        postgres.WITHOUT, action="store_true", help="leave out the tests of PostgresStore, which fail without a server"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Draw one hash seed for all workers: the id of a test may show a set, and all must collect the same ids."""
    os.environ.setdefault(HASH_SEED, str(random.randrange(2**32)))
    run_folder.prepare()
    config.stash[WHOLE] = [Path(argument).resolve() for argument in config.args] == [ROOT / "tests"]
    if not hasattr(config, "workerinput"):
        compile_library()


def compile_library() -> None:
    """Write the bytecode of what the tests' processes import, also where PYTHONDONTWRITEBYTECODE keeps them from it.

    Each of these hundreds of processes would compile the library otherwise: 0.2 of 0.4 s CPU.
    """
    for folder in ("typedflow", "mypy_plugin", "examples"):
        compileall.compile_dir(ROOT / folder, quiet=2)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep the rewritten test modules for the next run: to rewrite all takes 8 s CPU."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    begin_elsewhere(session.config)
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = before


def begin_elsewhere(config: pytest.Config) -> None:
    """Start the collection of all tests at another module in each worker.

    A module that one worker has rewritten by then is read by the others, so that together they rewrite each once.
    """
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None or not config.stash[WHOLE]:
        return
    modules = sorted((ROOT / "tests").rglob("test_*.py"))
    first = len(modules) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    config.args[:] = map(str, [*modules[first:], *modules[:first]])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that a test has started; the workers have ended by now."""
    if run_folder.is_led_by_this_process():
        postgres.end_run()
        run_folder.remove()


def pytest_report_header() -> str:
    return f"hash seed of the workers: {HASH_SEED}={os.environ[HASH_SEED]}"


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove the tests marked `full` where the quick form was asked for; put what takes long first."""
    if config.stash[WHOLE]:
        thin_out(items)
    left_out = [item for item in items if is_left_out(config, item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(map(id, left_out))
        items[:] = [item for item in items if id(item) not in gone]
    items.sort(key=lambda item: (_rank(item.path), item.path))  # the workers collect in different orders


def thin_out(items: list[pytest.Item]) -> None:
    """Mark as `full` the rows of a table marked `thin(n)`, but for every n-th: with a prime, each value is in some.

    A run of some modules only, while somebody works on them, has the whole table.
    """
    rows: Counter[tuple[Path, str]] = Counter()
    for item in items:
        thin = item.get_closest_marker("thin")
        if thin is not None and item.get_closest_marker("full") is None:
            table = (item.path, item.name.partition("[")[0])
            if rows[table] % thin.args[0]:
                item.add_marker(pytest.mark.full)
            rows[table] += 1


def _rank(path: Path) -> int:
    """Return the place of a module in the order of the run."""
    name = f"{path.parent.name}/{path.stem}"
    if name in LONGEST:
        return LONGEST.index(name)
    return len(LONGEST) + (path.parent.name not in FIRST)


def is_left_out(config: pytest.Config, item: pytest.Item) -> bool:
    if item.get_closest_marker("full") and not is_full():
        return True
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    named = any(type(value) is str and value.endswith("postgres") for value in parameters.values())
    needs_postgres = named or item.get_closest_marker("postgres") is not None
    return needs_postgres and bool(config.getoption(postgres.WITHOUT))


def pytest_collection_finish(session: pytest.Session) -> None:
    freeze()


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """Freeze what is left of a module, mypy's daemon for instance."""
    yield
    freeze()


def freeze() -> None:
    """Collect garbage, then let the collector ignore what is left: it outlives the module, or the whole run.

    Many tests ask for a full collection, which traversed thousands of tests and reports each time: 50 of 340 s CPU.
    """
    gc.collect()
    gc.freeze()
