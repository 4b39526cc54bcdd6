"""The one way in which a value fails its type."""

from __future__ import annotations

from typing import Final

from typedflow.schema.render import describe

Segment = str | int


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()
"""What is given where a field or key is absent."""


class Mismatch(Exception):
    """Say where a value breaks its type, and how: the first fault that was met.

    `path` leads from the checked value to the faulty part: field names, keys and indexes. Members of a set have no
    place, their path is that of the set.
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
        """Move the fault one level down: it is in the part at `segment`."""
        self.path = (segment if isinstance(segment, (str, int)) else describe(segment), *self.path)
        return self

    @property
    def reason(self) -> str:
        """Give the fault without its place: `expected int, given 'x' (str)`."""
        given = "nothing" if self.given is MISSING else describe(self.given)
        return f"expected {self.expected}, given {given}{f' ({self.hint})' if self.hint else ''}"

    def __str__(self) -> str:
        return f"{render_path(self.path)}: {self.reason}" if self.path else self.reason


def render_path(path: tuple[Segment, ...]) -> str:
    """Give a path as code reads: `request.tags[0]`; keys that are no names stand in brackets."""
    text = ""
    for segment in path:
        if isinstance(segment, str) and segment.isidentifier():
            text += f".{segment}" if text else segment
        else:
            text += f"[{segment!r}]"
    return text
