"""What may change of a type while executions wait: each change of a type, at each place where a value is kept.

The quick form takes every change in front of a step, and a sixteenth of the other places.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.budget import is_full, marks_of_tables
from tests.deploys.changes import CHANGES, REFUSED, UNEXPLAINED, Change, value_of
from tests.deploys.places import PLACES, Deploy, carried, shared
from typedflow import SnapshotError

pytestmark = marks_of_tables()

IN_LAYERS = ("state", "flow_state", "state_of_child")
ALSO_ANSWERED = "each_slot"
"""The place where one item waits for an answer of the same type as the value that another one has given."""

ROWS = [
    (place, name)
    for at, place in enumerate(PLACES)
    for number, name in enumerate(CHANGES)
    if not (place in IN_LAYERS and name.startswith("union of texts"))  # a layer cannot have a field of this type
    and (is_full() or place == "token" or (at + number) % 16 == 0)
]


def check(change: Change, place: str, found: Any) -> None:
    """Require what a row of the table expects: the value by its names, or a refusal that names what is to be done."""
    if not isinstance(found, SnapshotError):
        allowed = change.expected if isinstance(change.expected, tuple) else (change.expected,)
        assert any(each is not REFUSED and found == each for each in allowed), found
        return
    if change.expected is UNEXPLAINED:
        assert (found.code, "has a bit that no member has" in str(found)) == ("TF912", True), found
        return
    is_refused = REFUSED in (change.expected if isinstance(change.expected, tuple) else (change.expected,))
    assert is_refused or (place == ALSO_ANSWERED and not change.answer), found
    assert found.code in ("TF916", "TF920"), found
    assert change.reason in str(found), found
    assert found.problems[0].hint


@pytest.mark.parametrize("place, name", ROWS, ids=[f"{place}-{name}" for place, name in ROWS])
@pytest.mark.thin(5)
def test_a_kept_value_is_itself_behind_a_deploy_or_is_refused(place: str, name: str) -> None:
    change = CHANGES[name]
    before, after = Deploy(change.old, value_of(change)), Deploy(change.new, value_of(change))
    found: Any
    try:
        found = carried(PLACES[place], before, after)
    except SnapshotError as error:
        found = error
    check(change, place, found)


IN_STORE = [name for name in CHANGES if not name.startswith("union of texts")]


@pytest.mark.parametrize("name", IN_STORE if is_full() else IN_STORE[::8])
async def test_a_flow_state_in_a_store_is_itself_behind_a_deploy_or_is_refused(name: str) -> None:
    change = CHANGES[name]
    found: Any
    try:
        found = await shared(Deploy(change.old, value_of(change)), Deploy(change.new))
    except SnapshotError as error:
        found = error
    check(change, "flow_state", found)
