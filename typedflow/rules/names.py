"""Names: which are valid, which are taken, and which one was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from typedflow.rules.wording import listed, quoted

SEGMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""One segment of a path, a resource key, an event name; use `fullmatch`."""

ID: Final = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
"""An execution or interrupt id: safe in a file name, a log line and a URL."""

RESERVED_FIELDS: Final = frozenset({"append", "delete", "get", "set", "to_dict"})
"""Names that the layers' own methods use; a field of a State, FlowState or Resources cannot have one of them."""

LONGEST_COMPARED: Final = 64


def is_id(text: object) -> bool:
    """Return whether the text may be an execution or interrupt id."""
    return isinstance(text, str) and ID.match(text) is not None


def unwritable(text: str) -> str:
    """Return why a text cannot be saved as a name (in a file, a database, a log line); empty if it can."""
    if "\0" in text:
        return "it holds a NUL character"
    return "it holds half of a surrogate pair" if any("\ud800" <= char <= "\udfff" for char in text) else ""


def is_reserved(name: str) -> bool:
    """Return whether a field cannot have this name: the base classes, Python or msgspec use it."""
    return name in RESERVED_FIELDS or (name.startswith("__") and name.endswith("__")) or name.startswith("_typedflow")


def nearest(name: object, candidates: Iterable[str]) -> str | None:
    """Return the candidate that was most likely meant, or None rather than a guess.

    The measure is the edit distance with swapped neighbours as one edit (optimal string alignment), blind to case and
    underscores, bounded by the length of the name; of equals the first wins.
    """
    if not isinstance(name, str) or not name or len(name) > LONGEST_COMPARED:
        return None
    wanted = _folded(name)
    best, best_distance = None, _tolerance(len(wanted)) + 1
    for candidate in candidates:
        folded = _folded(candidate)
        if abs(len(folded) - len(wanted)) < best_distance:
            distance = _distance(wanted, folded)
            if distance < best_distance:
                best, best_distance = candidate, distance
    return best


def name_hint(name: object, candidates: Iterable[str], *, known: str = "known") -> str:
    """Return a hint for an unknown name: "did you mean 'x'?", or the known names; empty when there are none."""
    names = list(candidates)
    meant = nearest(name, names)
    if meant is not None:
        return f"did you mean {quoted(meant)}?"
    return f"{known}: {listed(names)}" if names else ""


def _folded(name: str) -> str:
    return name.casefold().replace("_", "")


def _tolerance(length: int) -> int:
    if length < 3:
        return 0
    return min(1 + (length - 1) // 5, 3)


def _distance(a: str, b: str) -> int:
    before: list[int] = []
    above = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
