"""Pages of a list: where a page begins, as the command that lists the next one names it.

A position is the time and the ids of the last entry, so that it stays valid when that entry is saved again or deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from typedflow.cli.exits import Mistake
from typedflow.rules.names import is_id
from typedflow.rules.wording import quoted
from typedflow.stores.records import PendingInterrupt, StoredEntry

T = TypeVar("T")


def position_of(entry: StoredEntry | PendingInterrupt) -> str:
    """Return the position behind an entry, as `--after` takes it."""
    if isinstance(entry, StoredEntry):
        return f"{_written(entry.saved_at)}/{entry.execution_id}"
    return f"{_written(entry.since)}/{entry.execution_id}/{entry.interrupt_id}"


def entry_at(text: str | None) -> StoredEntry | None:
    """Return an entry at the position of `runs list --after`; raises `Mistake` if it is none."""
    if text is None:
        return None
    moment, execution_id = _read(text, 1)
    return StoredEntry(execution_id, "", "", 0, moment)


def question_at(text: str | None) -> PendingInterrupt | None:
    """Return a question at the position of `pending --after`; raises `Mistake` if it is none."""
    if text is None:
        return None
    moment, execution_id, interrupt_id = _read(text, 2)
    return PendingInterrupt(execution_id, "", interrupt_id, "", None, moment, None, "")


def cut(found: Sequence[T], limit: int | None) -> tuple[list[T], bool]:
    """Return the entries of a page that was read with one more than its limit, and whether others follow."""
    return list(found[:limit]), limit is not None and len(found) > limit


def shown_numbers(numbers: Sequence[int]) -> str:
    """Return ascending numbers, the gaps between them shown: "1 to 4, 7"."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ranges)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _read(text: str, ids: int) -> Any:
    moment, *rest = text.split("/")
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None or len(rest) != ids or not all(map(is_id, rest)):
        raise Mistake(f"--after {quoted(text)} is no position in the list", "it is printed at the end of a page")
    return (when, *rest)
