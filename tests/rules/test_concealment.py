"""What messages must not show: values that are resources in use, and the texts that these hold."""

from __future__ import annotations

from typing import Any

import pytest

from typedflow.rules.concealment import CUT, MOST, conceal, concealing, is_concealed, redacted
from typedflow.rules.wording import describe

TOKEN = "token-123456789"


class Slotted:
    __slots__ = ("lost", "token")

    def __init__(self, token: Any) -> None:
        self.token = token

    def __repr__(self) -> str:
        return f"Slotted({self.token})"


class OneSlot:
    __slots__ = "token"


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


class Untouchable(dict[str, str]):
    def values(self) -> Any:
        raise RuntimeError


def test_outside_nothing_is_concealed() -> None:
    assert not is_concealed(TOKEN)
    assert redacted(TOKEN) == TOKEN


@pytest.mark.parametrize(
    "resource, value, concealed",
    [
        (TOKEN, TOKEN, True),
        ("ab", "ab", True),
        ("", "", False),
        ("ab", "abc", False),
        (TOKEN, [f"Bearer {TOKEN}"], True),
        (TOKEN, TOKEN.encode(), True),
        (TOKEN.encode(), TOKEN, True),
        (3, 3, False),
        (None, None, False),
        (Slotted(TOKEN), TOKEN, True),
        (Slotted("short"), "short", False),
        ({"a": [(TOKEN,)]}, TOKEN, True),
        ([[[[TOKEN]]]], TOKEN, False),
        (["x"] * MOST + [TOKEN], TOKEN, False),
        (Slotted, TOKEN, False),
        (OneSlot(), TOKEN, False),
        (Untouchable(), TOKEN, False),
        (TOKEN, Broken(), False),
    ],
)
def test_what_is_or_shows_a_resource_is_concealed(resource: object, value: object, concealed: bool) -> None:
    with concealing(lambda: [resource]):
        assert is_concealed(value) is concealed
    assert not is_concealed(value)


def test_a_resource_is_known_by_its_identity() -> None:
    mine, other = object(), object()
    with concealing(lambda: [mine]):
        assert (is_concealed(mine), is_concealed(other)) == (True, False)
        assert describe(mine) == "a value of object"


def test_what_is_concealed_outside_stays_so_inside() -> None:
    with concealing(lambda: ["outer-text"]):
        token = conceal(lambda: ["inner-text"])
        assert redacted("outer-text, inner-text") == "…, …"
        del token
        with concealing(lambda: ["third-text"]):
            assert redacted("outer-text, third-text") == "…, …"


@pytest.mark.parametrize(
    "text, shown",
    [
        (f"a '{TOKEN}' b", "a '…' b"),
        ("it's", "it's"),
        (f"{'long' * CUT}", "…"),
        (f"'{'long' * 19}…' (str)", "'…' (str)"),
    ],
)
def test_a_message_is_redacted_also_where_it_was_cut(text: str, shown: str) -> None:
    with concealing(lambda: [TOKEN, "long" * CUT, "it's"]):
        assert redacted(text) == shown
