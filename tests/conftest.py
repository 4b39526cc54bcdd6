"""What all tests share: which of them run and in which order, and what the garbage collector need not traverse."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator

import pytest

from tests import postgres
from tests.budget import is_full

HASH_SEED = "PYTHONHASHSEED"
FIRST = ("mypy", "crash", "typing", "stores", "examples")
"""The folders whose modules take the longest: started last, one of them would keep a single worker busy at the end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        postgres.WITHOUT, action="store_true", help="leave out the tests of PostgresStore, which fail without a server"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Draw one hash seed for all workers: the id of a test may show a set, and all must collect the same ids."""
    os.environ.setdefault(HASH_SEED, str(random.randrange(2**32)))
    postgres.prepare_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that a test has started; the workers have ended by now."""
    if not hasattr(config, "workerinput"):
        postgres.end_run()


def pytest_report_header() -> str:
    return f"hash seed of the workers: {HASH_SEED}={os.environ[HASH_SEED]}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests marked `full` where the quick form was asked for; put what takes long first."""
    left_out = [item for item in items if is_left_out(config, item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(map(id, left_out))
        items[:] = [item for item in items if id(item) not in gone]
    items.sort(key=lambda item: item.path.parent.name not in FIRST)


def is_left_out(config: pytest.Config, item: pytest.Item) -> bool:
    if item.get_closest_marker("full") and not is_full():
        return True
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    named = any(type(value) is str and value == "postgres" for value in parameters.values())
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
