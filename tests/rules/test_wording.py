"""User text and values in messages: quoted, cut, and never a second error."""

from __future__ import annotations

from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedflow.rules.wording import ABSENT, OfType, describe, instead_of, listed, quoted


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no repr today")


class Lines:
    def __repr__(self) -> str:
        return "Lines(\n  1,\n  2)"


@pytest.mark.parametrize(
    "text, shown",
    [("a.b", "'a.b'"), ("it's", '"it\'s"'), ("a\nb", "'a\\nb'"), ("", "''"), ("x" * 90, "'" + "x" * 79 + "…'")],
)
def test_user_text_is_quoted_on_one_line(text: str, shown: str) -> None:
    assert quoted(text) == shown


@pytest.mark.parametrize(
    "value, shown",
    [
        (5, "5 (int)"),
        ("5", "'5' (str)"),
        (None, "None"),
        (True, "True"),
        ([1], "[1] (list)"),
        (Broken(), "a value of Broken"),
        (Lines(), "Lines( 1, 2) (Lines)"),
        (list(range(99)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, … (list)"),
    ],
    ids=["int", "str", "none", "bool", "list", "broken repr", "repr of many lines", "long repr"],
)
def test_a_value_is_shown_short_with_its_class(value: object, shown: str) -> None:
    assert describe(value) == shown


@given(st.text() | st.binary() | st.floats() | st.lists(st.text()))
def test_a_described_value_is_one_line(value: object) -> None:
    assert "\n" not in describe(value)


def test_a_member_of_an_enum_of_texts_is_quoted_by_its_value() -> None:
    class Word(str, Enum):  # noqa: UP042 - whose str() is its name
        TOPIC = "topic"

    assert quoted(Word.TOPIC) == "'topic'"


def test_many_names_are_counted() -> None:
    assert listed("abc") == "'a', 'b', 'c'"
    assert listed("abcdefghij") == "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' and 2 more"


def test_a_fault_inside_a_value_is_named_by_its_path() -> None:
    assert instead_of("str", "5 (int)") == "str, not 5 (int)"
    assert instead_of("Approval", "5 (int)", path="note", expected="str") == (
        "Approval, and 'note' in it is str, not 5 (int)"
    )
    assert instead_of("Approval", ABSENT, path="note", expected="str") == "Approval, and 'note' (str) is missing"


def test_a_value_of_which_only_the_type_is_known_is_shown_by_it() -> None:
    assert describe(OfType("list[str]")) == "list[str]"
