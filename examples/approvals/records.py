"""The plain records: what is asked for, what people answer, what comes out."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=200)]
Cents = Annotated[int, Meta(ge=1, le=100_000_000)]


class Purchase(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for something to be bought."""

    what: Text
    cents: Cents
    requester: Text


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """What a manager says of a purchase."""

    approved: bool
    budget: Literal["team", "company"] = "team"
    note: str = ""


class Ordered(Struct, frozen=True, forbid_unknown_fields=True):
    """What a buyer reports of the order."""

    number: Text
    cents: Cents


class Outcome(Struct, frozen=True):
    """How a purchase ended."""

    bought: bool
    text: str
