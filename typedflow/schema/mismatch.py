"""`Mismatch`, the exception for a value that is not valid for its declared type."""

from __future__ import annotations

from typing import Final

from typedflow.rules.wording import ABSENT
from typedflow.schema.render import describe

Segment = str | int


class _Missing:
    def __repr__(self) -> str:
        return ABSENT


MISSING: Final = _Missing()
"""The actual value of an absent field or key."""


class Mismatch(Exception):
    """A value is not valid for its type: the path of the first invalid part, the expected type and the actual value.

    `path` leads from the checked value to the invalid part: field names, keys and indexes. Members of a set have the
    path of the set.
    """

    path: tuple[Segment, ...]
    expected: str
    given: object
    hint: str

    def __init__(self, path: tuple[Segment, ...], expected: str, given: object, hint: str = "") -> None:
        super().__init__(path, expected, given, hint)
        self.path = path
        self.expected = expected
        self.given = given
        self.hint = hint

    def under(self, segment: object) -> Mismatch:
        """Prepend a segment to the path, and return the exception."""
        self.path = (segment if isinstance(segment, (str, int)) else describe(segment), *self.path)
        return self

    @property
    def reason(self) -> str:
        """The message without the path: `expected int, given 'x' (str)`."""
        given = ABSENT if self.given is MISSING else describe(self.given)
        return f"expected {self.expected}, given {given}{f' ({self.hint})' if self.hint else ''}"

    def __str__(self) -> str:
        return f"{render_path(self.path)}: {self.reason}" if self.path else self.reason


def render_path(path: tuple[Segment, ...]) -> str:
    """Return a path as Python code: `request.tags[0]`; keys that are not names are in brackets."""
    text = ""
    for segment in path:
        if isinstance(segment, str) and segment.isidentifier():
            text += f".{segment}" if text else segment
        else:
            text += f"[{segment!r}]"
    return text
