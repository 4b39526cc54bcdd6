"""Quote, shorten and list user text for messages. The functions accept any object and never raise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from typedflow.rules.concealment import is_concealed

LONGEST_TEXT: Final = 80
"""Characters of user text that a message shows before it cuts."""
ABSENT: Final = "nothing"
"""The actual value of an absent field or key, in a message."""
LONGEST_LIST: Final = 8
"""Names that a message lists before it counts the rest."""


@dataclass(frozen=True, slots=True)
class OfType:
    """Placeholder for a value of which only the type is known; `describe` returns the type."""

    rendered: str


def plain(text: str) -> str:
    """Return text as an exact str: for a `(str, Enum)` member its value, where str() returns its name."""
    return str.__str__(text)


def quoted(text: str) -> str:
    """Return user text in quotes, on one line, cut to `LONGEST_TEXT` characters."""
    text = plain(text)
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    return f"'{text}'" if text.isprintable() and "'" not in text else repr(text)


def describe(value: object) -> str:
    """Return a value for a message: its shortened repr and its class, `'5' (str)`; for a resource the class only."""
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
    except Exception:  # a user's __repr__ may raise anything; the message must still be built
        return f"a value of {name}"
    if not shown.isprintable():
        shown = " ".join(shown.split())
    if len(shown) > LONGEST_TEXT:
        shown = shown[: LONGEST_TEXT - 1] + "…"
    return f"{shown} ({name})"


def shown_error(error: BaseException) -> str:
    """Return an exception for a message: its class, and its text if there is one."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def text_of(error: BaseException) -> str:
    """Return the text of an exception; empty if its `__str__` raises."""
    try:
        return plain(str(error))
    except Exception:  # a user's __str__ may raise anything
        return ""


def listed(names: Iterable[str]) -> str:
    """Return names in quotes, in order; past `LONGEST_LIST` only their number: `'a', 'b' and 7 more`."""
    every = list(names)
    shown = ", ".join(quoted(name) for name in every[:LONGEST_LIST])
    rest = len(every) - LONGEST_LIST
    return f"{shown} and {rest} more" if rest > 0 else shown


def instead_of(declared: str, given: str, *, path: str = "", expected: str = "") -> str:
    """Return "<declared>, not <given>"; with a path, the expected and actual type at that path inside the value.

    `str, not 5 (int)`, or `Approval, and 'note' in it is str, not 5 (int)`.
    """
    if path and given == ABSENT:
        return f"{declared}, and {quoted(path)} ({expected}) is missing"
    return f"{declared}, and {quoted(path)} in it is {expected}, not {given}" if path else f"{declared}, not {given}"
