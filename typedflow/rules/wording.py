"""How messages quote, shorten and list what users wrote; total on any object, so that a report never fails itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from typedflow.rules.concealment import is_concealed

LONGEST_TEXT: Final = 80
"""Characters of user text that a message shows before it cuts."""
LONGEST_LIST: Final = 8
"""Names that a message lists before it counts the rest."""


@dataclass(frozen=True, slots=True)
class OfType:
    """Stand for a value of which only the type is known, before anything runs; `describe` gives the type."""

    rendered: str


def plain(text: str) -> str:
    """Give text as an exact str: that of a `(str, Enum)` member is its value, where str() gives its name."""
    return str.__str__(text)


def quoted(text: str) -> str:
    """Give user text in quotes, on one line, cut where it is long."""
    text = plain(text)
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    return f"'{text}'" if text.isprintable() and "'" not in text else repr(text)


def describe(value: object) -> str:
    """Give a value as a message shows it: its repr, cut, and its class: `'5' (str)`; of a resource the class only."""
    if isinstance(value, OfType):
        return value.rendered
    name = type(value).__name__
    if value is None or isinstance(value, bool):
        return repr(value)
    if is_concealed(value):
        return f"a value of {name}"
    if isinstance(value, str):
        return f"{quoted(value)} ({name})"
    try:
        shown = plain(repr(value))
    except Exception:  # a user's __repr__ may do anything, the message must come out all the same
        return f"a value of {name}"
    if not shown.isprintable():
        shown = " ".join(shown.split())
    if len(shown) > LONGEST_TEXT:
        shown = shown[: LONGEST_TEXT - 1] + "…"
    return f"{shown} ({name})"


def shown_error(error: BaseException) -> str:
    """Give an exception as a message shows it: its class, and its text where it has one and can print it."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def text_of(error: BaseException) -> str:
    """Give what an exception says of itself; nothing where it cannot be printed."""
    try:
        return plain(str(error))
    except Exception:  # a user's __str__ may do anything, as a __repr__ may
        return ""


def listed(names: Iterable[str]) -> str:
    """Give names in quotes, in the order given, cut where they are many: `'a', 'b' and 7 more`."""
    every = list(names)
    shown = ", ".join(quoted(name) for name in every[:LONGEST_LIST])
    rest = len(every) - LONGEST_LIST
    return f"{shown} and {rest} more" if rest > 0 else shown


def instead_of(declared: str, given: str, *, path: str = "", expected: str = "") -> str:
    """Set a declared type against what was given, at a path inside of it where the fault lies deeper.

    `str, not 5 (int)`, or `Approval, and 'note' in it is str, not 5 (int)`.
    """
    return f"{declared}, and {quoted(path)} in it is {expected}, not {given}" if path else f"{declared}, not {given}"
