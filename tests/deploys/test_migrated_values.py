"""Rule 3: a migration reaches every value that is kept, wherever it is."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.budget import is_full, marks_of_tables
from tests.deploys.changes import Color, Old, OldT, members, struct, tuple_of
from tests.deploys.places import PLACES, Deploy, carried, each_slot
from typedflow import SnapshotError

pytestmark = marks_of_tables()


class Row(NamedTuple):
    old: Any
    value: Any
    new: Any
    rewrite: Callable[[Any], Any]
    """What the migration makes of each part of the document."""
    expected: Any


def renamed(tree: Any) -> Any:
    return {"a" if key == "x" else key: part for key, part in tree.items()} if isinstance(tree, dict) else tree


def exchanged(tree: Any) -> Any:
    return tree[::-1] if tree == [1, 2] else tree


ROWS = {
    "a field renamed": Row(Old, Old(1, 2), struct("Point", ("a", int), ("y", int)), renamed, {"a": 1, "y": 2}),
    "a field removed": Row(
        Old,
        Old(1, 2),
        struct("Point", ("y", int)),
        lambda tree: {"y": tree["y"]} if isinstance(tree, dict) and "y" in tree else tree,
        {"y": 2},
    ),
    "a NamedTuple in another order": Row(
        OldT, OldT(1, 2), tuple_of("Pair", ("y", int), ("x", int)), exchanged, {"y": 2, "x": 1}
    ),
    "an enum's member renamed": Row(
        Color,
        Color.RED,
        members("Color", enum.Enum, CRIMSON="c", BLUE="b"),
        lambda tree: "c" if tree == "r" else tree,
        "CRIMSON",
    ),
    "a record became a text": Row(Old, Old(1, 2), str, lambda tree: "1/2" if tree == {"x": 1, "y": 2} else tree, "1/2"),
}


def migration(rewrite: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a migration that rewrites every part of the document, inner ones first."""

    def walk(tree: Any) -> Any:
        if isinstance(tree, dict):
            return rewrite({key: walk(part) for key, part in tree.items()})
        return rewrite([walk(part) for part in tree] if isinstance(tree, list) else tree)

    return lambda document: walk(document)


TRIED = [
    (name, place)
    for at, name in enumerate(ROWS)
    for number, place in enumerate(PLACES)
    if is_full() or (at + number) % 3 == 0
]


@pytest.mark.parametrize("name, place", TRIED)
def test_a_migration_reaches_a_kept_value(name: str, place: str) -> None:
    row = ROWS[name]
    after = Deploy(row.new, version=2, migrate=migration(row.rewrite))
    if place == each_slot.__name__:  # an item waits for an answer of the old type: no migration gives one
        with pytest.raises(SnapshotError, match="takes another answer now"):
            carried(PLACES[place], Deploy(row.old, row.value), after)
        return
    assert carried(PLACES[place], Deploy(row.old, row.value), after) == row.expected


@pytest.mark.parametrize("place", PLACES)
def test_a_migration_that_leaves_a_kept_value_as_it_was_is_refused(place: str) -> None:
    after = Deploy(ROWS["a field renamed"].new, version=2, migrate=lambda document: document)
    with pytest.raises(SnapshotError) as refused:
        carried(PLACES[place], Deploy(Old, Old(1, 2)), after)
    assert refused.value.code in ("TF910", "TF912", "TF920")


@pytest.mark.parametrize("place", PLACES)
def test_a_version_without_a_migration_is_refused(place: str) -> None:
    with pytest.raises(SnapshotError, match="no migration from version 1") as refused:
        carried(PLACES[place], Deploy(Old, Old(1, 2)), Deploy(Old, version=2))
    assert refused.value.code == "TF917"
