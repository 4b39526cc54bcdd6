"""Pending interrupts as rows, in the same form in every store that keeps them: columns, and JSON for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from typedflow.errors import SnapshotError
from typedflow.rules import stores as texts
from typedflow.rules.names import is_id
from typedflow.rules.wording import quoted
from typedflow.stores.digests import digest
from typedflow.stores.records import DamagedEntry, PendingInterrupt, PendingListing


class _Rest(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What no index is asked for."""

    payload: Any
    step: str
    within: tuple[str, ...] = ()
    resume_event: str | None = None
    key: str = ""


class Row(NamedTuple):
    """The columns of a pending interrupt."""

    execution_id: str
    flow: str
    type: str
    interrupt_id: str
    since: str
    deadline: str | None
    digest: bytes
    data: bytes


COLUMNS: Final = ", ".join(Row._fields)
_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(_Rest).decode


def encode_question(asked: PendingInterrupt) -> Row:
    """Return the row of a pending interrupt."""
    data = _ENCODE(_Rest(asked.payload, asked.step, asked.within, asked.resume_event, asked.key))
    deadline = None if asked.deadline is None else asked.deadline.isoformat(timespec="microseconds")
    since = asked.since.isoformat(timespec="microseconds")
    columns = (asked.execution_id, asked.flow, asked.type, asked.interrupt_id, since, deadline)
    return Row(*columns, _digest(*columns, data), data)


def decode_question(row: Row) -> PendingInterrupt:
    """Read a row; raises `SnapshotError`, with the ids where they are ids, for one that is not what was written."""
    execution_id, flow, type_, interrupt_id, since, deadline, stored, data = row
    try:
        if _digest(execution_id, flow, type_, interrupt_id, since, deadline, data) == stored:
            rest = _DECODE(data)
            due = None if deadline is None else _moment(deadline)
            return PendingInterrupt(
                execution_id, flow, interrupt_id, type_, rest.payload, _moment(since), due,
                rest.step, rest.within, rest.resume_event, rest.key,
            )  # fmt: skip
    except (TypeError, ValueError, AttributeError, msgspec.MsgspecError):  # columns of other types, or no UTF-8
        pass
    what = f"interrupt {quoted(interrupt_id)}" if _is_id(interrupt_id) else "a pending interrupt"
    owner = f" of execution {quoted(execution_id)}" if _is_id(execution_id) else ""
    raise SnapshotError(texts.damaged_problem(f"{what}{owner} is not what was saved"))


def position_of(asked: PendingInterrupt) -> tuple[datetime, str, str]:
    """Return what the list of pending interrupts is ordered by."""
    return asked.since, asked.execution_id, asked.interrupt_id


def page_of_questions(
    found: Iterable[PendingInterrupt],
    flow: str | None,
    type: str | None,
    after: PendingInterrupt | None,
    limit: int | None,
    damaged: Iterable[DamagedEntry] = (),
) -> PendingListing:
    """Return a page of pending interrupts in any order."""
    wanted = [each for each in found if flow in (None, each.flow) and type in (None, each.type)]
    if after is not None:
        wanted = [each for each in wanted if position_of(each) > position_of(after)]
    return PendingListing(sorted(wanted, key=position_of)[:limit], damaged)


def _is_id(given: object) -> bool:
    return isinstance(given, str) and is_id(given)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() != timedelta(0):
        raise ValueError(text)
    return moment


def _digest(
    execution_id: str, flow: str, type_: str, interrupt_id: str, since: str, deadline: str | None, data: bytes
) -> bytes:
    texts_ = (execution_id, flow, type_, interrupt_id, since, deadline or "")
    return digest(*(text.encode() for text in texts_), data)
