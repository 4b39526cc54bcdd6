"""Names: valid, reserved, and the one that was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedflow.rules.names import is_id, is_reserved, name_hint, nearest

NAMES = ["topic", "request", "drafts", "search", "browser", "id"]


@pytest.mark.parametrize(
    "name, meant",
    [
        ("topik", "topic"),
        ("serach", "search"),
        ("draft", "drafts"),
        ("Topic", "topic"),
        ("re_quest", "request"),
        ("browsr", "browser"),
        ("brwsr", None),
        ("ID", "id"),
        ("if", None),
        ("logger", None),
        ("size", None),
        ("", None),
        ("x" * 65, None),
        (5, None),
        (None, None),
    ],
)
def test_the_nearest_name_is_one_that_may_be_meant(name: object, meant: str | None) -> None:
    assert nearest(name, NAMES) == meant


def test_of_equally_near_names_the_first_wins() -> None:
    assert nearest("cat", ["hat", "bat"]) == "hat"
    assert nearest("cat", ["bat", "hat"]) == "bat"


@given(st.text(max_size=70), st.lists(st.text(max_size=20), max_size=6))
def test_the_nearest_name_is_always_a_candidate(name: str, candidates: list[str]) -> None:
    assert nearest(name, candidates) in [None, *candidates]


@given(
    st.text(alphabet="abcdefgh_", min_size=3, max_size=20), st.lists(st.text(alphabet="xyz", max_size=9), max_size=4)
)
def test_a_known_name_is_its_own_nearest(name: str, others: list[str]) -> None:
    assert nearest(name, [name, *others]) == name


@pytest.mark.parametrize(
    "name, candidates, hint",
    [
        ("topik", NAMES, "did you mean 'topic'?"),
        ("size", ["b", "a"], "known: 'b', 'a'"),
        ("size", [], ""),
        ("size", [f"field{n}" for n in range(10)], "known: 'field0', 'field1', 'field2', 'field3', 'field4', 'field5', "
         "'field6', 'field7' and 2 more"),
    ],
)  # fmt: skip
def test_a_hint_gives_the_nearest_name_or_the_known_ones(name: str, candidates: list[str], hint: str) -> None:
    assert name_hint(name, candidates) == hint


@pytest.mark.parametrize("text, ok", [("a", True), ("run-1.b_2", True), ("0" * 128, True), ("0" * 129, False),
    ("", False), (".a", False), ("-a", False), ("a/b", False), ("a\n", False), ("ä", False), (5, False), (None, False),
])  # fmt: skip
def test_an_id_is_safe_in_a_file_name(text: object, ok: bool) -> None:
    assert is_id(text) is ok


@pytest.mark.parametrize("name, ok", [("get", True), ("to_dict", True), ("__call__", True), ("_typedflow_x", True),
    ("topic", False), ("_topic", False), ("getter", False)])  # fmt: skip
def test_names_of_the_base_classes_are_reserved(name: str, ok: bool) -> None:
    assert is_reserved(name) is ok
