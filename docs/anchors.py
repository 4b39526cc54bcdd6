"""The anchors of headings: that of an error is its number, `errors.html#tf601`, also when its title is reworded."""

from __future__ import annotations

import re

_ERROR = re.compile(r"TF\d+(?=: )")
_DROPPED = re.compile(r"[^\w\- ]")


def slug_of(title: str) -> str:
    """Return the anchor of a heading: the one that GitHub makes, but for an error."""
    number = _ERROR.match(title)
    return _DROPPED.sub("", title.strip().lower()).replace(" ", "-") if number is None else number[0].lower()
