"""The pytest plugin: `golden_snapshots`, `--typedflow-update`, and readable asserts of the store suite.

It imports nothing of typedflow before a test asks for it: pytest loads it at its start, before coverage is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typedflow.testing.golden import GoldenSnapshots

pytest.register_assert_rewrite("typedflow.testing.stores")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--typedflow-update`."""
    group = parser.getgroup("typedflow")
    group.addoption(
        "--typedflow-update",
        action="store_true",
        help="write the golden snapshots of contract versions that have none",
    )


@pytest.fixture
def golden_snapshots(request: pytest.FixtureRequest) -> GoldenSnapshots:
    """Return the golden snapshots of this test, in the folder `golden` beside its file."""
    from typedflow.testing.golden import GoldenSnapshots

    update = bool(request.config.getoption("--typedflow-update"))
    return GoldenSnapshots(request.path.parent / "golden", request.node.name, update=update)
