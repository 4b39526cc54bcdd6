"""The store under test, once for every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.budget import rows
from tests.stores.conformance import ALL, PLAIN, STORES
from typedflow.stores import SnapshotStore


@pytest.fixture(params=rows(ALL, PLAIN))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SnapshotStore]:
    async with STORES[request.param].open(tmp_path) as opened:
        yield opened
