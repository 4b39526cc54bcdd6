"""A disk that is full: an error for whom it concerns, and nothing lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.stores.conformance import ON_DISK, SHARING, STORES, add_one, record
from tests.stores.disks import FULL_DISKS, ROOM
from typedflow.errors import StoreError
from typedflow.stores import FlowStateChange

FullDisk = Callable[[Path], AbstractContextManager[Path]]
TOO_MUCH = bytes(2 * ROOM)
CHANGE = FlowStateChange("review", add_one)


@pytest.mark.parametrize("full_disk", FULL_DISKS)
@pytest.mark.parametrize("kind", ON_DISK)
async def test_a_save_that_does_not_fit_leaves_the_one_before(kind: str, full_disk: FullDisk, tmp_path: Path) -> None:
    with full_disk(tmp_path) as folder:
        async with STORES[kind].open(folder) as store:
            change = CHANGE if kind in SHARING else None
            await store.put(record(data=b"old"), expected=None, flow_state=change)
            for _ in range(3):
                with pytest.raises(
                    StoreError, match=rf"^TF953: .*{re.escape(str(folder))}.*: cannot save 'a': "
                ) as caught:
                    await store.put(record(sequence=1, data=TOO_MUCH), expected=0, flow_state=change)
                assert type(caught.value) is StoreError
            assert await store.get("a") == record(data=b"old")
            await store.put(record(sequence=1, data=b"new"), expected=0, flow_state=change)
            if change is not None:
                assert await store.get_flow_state("review") == b"2"
        async with STORES[kind].open(folder) as store:
            assert await store.get("a") == record(sequence=1, data=b"new")


@pytest.mark.parametrize("full_disk", FULL_DISKS)
@pytest.mark.parametrize("kind", ON_DISK)
async def test_the_saves_that_fit_are_not_lost_with_the_one_that_does_not(
    kind: str, full_disk: FullDisk, tmp_path: Path
) -> None:
    with full_disk(tmp_path) as folder:
        async with STORES[kind].open(folder) as store:
            saves = [store.put(record(f"e{i}", data=TOO_MUCH if i == 3 else b"small"), expected=None) for i in range(8)]
            outcomes = await asyncio.gather(*saves, return_exceptions=True)
            assert [i for i, outcome in enumerate(outcomes) if outcome is not None] == [3]
            assert isinstance(outcomes[3], StoreError)
        async with STORES[kind].open(folder) as store:
            assert {entry.execution_id for entry in await store.list()} == {f"e{i}" for i in range(8)} - {"e3"}


@pytest.mark.parametrize("full_disk", FULL_DISKS)
@pytest.mark.parametrize("kind", ON_DISK)
async def test_what_was_acknowledged_before_the_disk_was_full_is_there(
    kind: str, full_disk: FullDisk, tmp_path: Path
) -> None:
    data = bytes(ROOM // 8)
    acknowledged = 0
    with full_disk(tmp_path) as folder:
        async with STORES[kind].open(folder) as store:
            try:
                for acknowledged in range(40):
                    await store.put(record(f"e{acknowledged}", data=data), expected=None)
            except StoreError:
                pass
        async with STORES[kind].open(folder) as store:
            found = [entry.execution_id for entry in await store.list()]
            assert sorted(found) == sorted(f"e{i}" for i in range(len(found)))
            assert len(found) >= acknowledged
            for execution_id in found:
                assert await store.get(execution_id) == record(execution_id, data=data)
