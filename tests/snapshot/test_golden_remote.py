"""What was saved once of a parent and its remote children goes on for ever: see `golden_remote`."""

from __future__ import annotations

import pytest

from tests.snapshot.golden import FOLDER
from tests.snapshot.golden_remote import (
    MOMENTS,
    PARENT,
    SOON,
    Kept,
    file_of,
    part,
    read,
    restored,
    rests,
    strict,
    whole,
    working,
)
from typedflow.distributed import answer, result, retry


async def test_a_parent_that_waited_takes_the_result_of_the_child_that_it_waited_for() -> None:
    child = part()
    parent = whole(child)
    async with restored("waiting") as store:
        await rests(store, parent, child)
        [asked] = [kept for kept in read("waiting") if (kept.flow, kept.status) == ("part", "waiting")]
        async with working(store, parent, child):
            await answer(store, child, asked.execution_id, "half", 1)
            assert await result(store, parent, PARENT, timeout=SOON) == ["1", "-3 is negative", "5"]
        assert len(await store.list("part")) == 3


async def test_a_parent_that_had_failed_has_its_child_retried() -> None:
    child = part(refuses=lambda value: False)
    parent = strict(child)
    async with restored("failed") as store:
        await rests(store, parent, child)
        await retry(store, PARENT)
        await rests(store, parent, child)
        assert await result(store, parent, PARENT, timeout=SOON) == -3
        assert [entry.execution_id for entry in await store.list("part")] == places(read("failed"))[:1]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_the_places_of_children_have_the_ids_and_keys_that_they_had(moment: str) -> None:
    assert places(read(moment)) == places(await MOMENTS[moment]())


def places(found: list[Kept]) -> list[str]:
    """Return the ids of the children, and the keys of the steps that waited for them."""
    children = [(each.execution_id, each.parent[1].partition(" ")[0]) for each in found if each.parent is not None]
    return [text for texts in zip(*sorted(children), strict=True) for text in texts]


def test_every_golden_snapshot_of_remote_children_is_tried() -> None:
    assert {*(FOLDER / "remote").glob("*.json")} == {file_of(moment) for moment in MOMENTS}
