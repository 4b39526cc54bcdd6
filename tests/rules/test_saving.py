"""Why a type cannot be saved: the ends of the sentences."""

from __future__ import annotations

import pytest

from typedflow.rules import saving


@pytest.mark.parametrize(
    "reason, text",
    [
        (saving.comes_back_plain("Any"), "Any comes back as plain builtins: say what it holds"),
        (saving.not_encodable("Logger"), "Logger cannot be encoded"),
        (saving.frozen_dict("frozendict[str, int]"), "frozendict[str, int] is not saved: say dict[str, int]"),
        (
            saving.recursive_alias("Tree"),
            "msgspec cannot decode Tree, an alias that refers to itself: use a Struct",
        ),
        (
            saving.other_class("Sequence[int]", "list[…]"),
            "what is declared as Sequence[int] may come back as another class: say list[…]",
        ),
        (saving.odd_enum("Odd"), "the values of Odd are neither all str nor all int"),
        (saving.odd_literal(b"x"), "msgspec cannot decode a Literal of b'x'"),
        (saving.no_json_key("bytearray"), "JSON has no keys of type bytearray"),
        (saving.mixed_keys("int | str"), "as JSON keys, numbers and text cannot be told apart in int | str"),
        (saving.not_hashable("list[int]", "set"), "list[int] is not hashable, so no set can hold it"),
        (saving.not_told_apart(["str", "date"]), "str and date cannot be told apart when read back"),
        (
            saving.not_told_apart(["Cat", "Dog"], structs=True),
            "Cat and Dog cannot be told apart when read back: give the Structs tags of one kind",
        ),
    ],
)
def test_reasons_name_the_type(reason: str, text: str) -> None:
    assert reason == text
