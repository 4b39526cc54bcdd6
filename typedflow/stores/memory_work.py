"""Leases and mail of a MemoryStore: for tests of flows with workers, within one process."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from typedflow.errors import ConflictError
from typedflow.rules import stores as texts
from typedflow.stores.embedded_leases import EMBEDDED_LEASE
from typedflow.stores.holders import is_gone
from typedflow.stores.records import Letter, StoredSnapshot
from typedflow.stores.rewriting import Rewriter, Tally
from typedflow.stores.work import CALM, OVER, Lease, Message, Release, first_fence, leased_error, lost_lease_error

WHILE_IT_LIVES: Final = datetime.max.replace(tzinfo=UTC)
"""When the lease of a run without a worker ends by itself: it is in this process, so that its end is seen."""


@dataclass(slots=True)
class WorkRow:
    """What the store knows of an execution beside its snapshot."""

    flow: str
    ready_at: datetime | None = None
    holder: str | None = None
    taken_at: datetime | None = None
    fence: int = field(default_factory=first_fence)
    crashes: int = 0
    quarantined: bool = False
    problem: str | None = None
    posted: int = 0
    """The number of the newest message."""
    mail: list[Message] = field(default_factory=list)

    def is_leased(self, now: datetime) -> bool:
        """Return True if a holder has a living lease."""
        if self.holder is None or self.ready_at is None or self.ready_at <= now:
            return False
        return not is_gone(self.holder)


class WorkRows:
    """The rows of a store; the store holds its lock round every call."""

    def __init__(self) -> None:
        self.rows: dict[str, WorkRow] = {}

    def require_free(self, record: StoredSnapshot, now: datetime) -> None:
        """Raise `LeaseLostError` for a save while another has a living lease."""
        row = self.rows.get(record.execution_id)
        if row is not None and row.holder != record.holder and row.is_leased(now):
            assert row.holder is not None
            assert row.ready_at is not None
            until = now + EMBEDDED_LEASE if row.ready_at == WHILE_IT_LIVES else row.ready_at
            raise leased_error(record.execution_id, row.holder, until)

    def require_lease(self, lease: Lease) -> WorkRow:
        """Return the row of a lease; raises `LeaseLostError` where the lease is not the newest."""
        return self.require_holder(lease.execution_id, lease.holder, lease.fence)

    def require_holder(self, execution_id: str, holder: str, fence: int | None) -> WorkRow:
        """Return the row of an execution; raises `LeaseLostError` where the holder has no such lease on it."""
        row = self.rows.get(execution_id)
        if row is None or row.holder != holder or fence not in (None, row.fence):
            raise lost_lease_error(execution_id, None if row is None else row.holder)
        return row

    def note_saved(self, record: StoredSnapshot, lease: Lease | None) -> None:
        """Set from when on a worker may take what was saved: at its deadline, or not while a holder has it."""
        row = self.rows.setdefault(record.execution_id, WorkRow(record.flow))
        if record.status in OVER:
            row.ready_at, row.holder, row.crashes, row.quarantined, row.problem = None, None, 0, False, None
            row.mail.clear()
        elif lease is None and record.holder is not None and record.status == "running":
            row.ready_at, row.holder = WHILE_IT_LIVES, record.holder
        elif lease is None:
            row.ready_at, row.holder = record.due if record.status == "waiting" else None, None
            if record.status != "running" and row.mail and row.mail[-1].number > record.mail:
                row.ready_at = row.mail[-1].posted_at
        else:  # an interrupt id that is used again takes another answer
            row.mail = [each for each in row.mail if each.number > record.mail]

    def post(self, stored: StoredSnapshot, message: Message, now: datetime) -> int:
        """Keep a message, and make its execution ready where no holder has it."""
        row = self.rows[stored.execution_id]
        if message.kind == "answer" and any(each.name == message.name for each in row.mail if each.kind == "answer"):
            problem = texts.second_answer_problem(stored.execution_id, message.name)
            raise ConflictError(problem, execution_id=stored.execution_id)
        return self._keep(row, message, now)

    def send(self, letter: Letter, status: str | None, now: datetime) -> None:
        """Keep a message of a save; none to an execution that is over, or not there."""
        execution_id, kind, name, data = letter
        row = self.rows.get(execution_id)
        if row is None or status is None or status in OVER:
            return
        if kind == "child":  # what was not taken is out of date
            row.mail = [each for each in row.mail if (each.kind, each.name) != (kind, name)]
        self._keep(row, Message(kind, name, data), now)

    def _keep(self, row: WorkRow, message: Message, now: datetime) -> int:
        row.posted += 1
        row.mail.append(replace(message, number=row.posted, posted_at=now))
        if row.holder is None:
            row.ready_at = now
        return row.posted

    def let_go(self, execution_id: str, holder: str, now: datetime) -> None:
        """End a lease that no save has ended, of a run that was cut off; a worker may take it where mail is waiting."""
        row = self.rows.get(execution_id)
        if row is not None and row.holder == holder:
            row.holder, row.ready_at = None, now if row.mail else None

    def _free_gone(self, now: datetime) -> None:
        """Make the executions ready whose holder is a process that is gone."""
        for row in self.rows.values():
            if row.holder is not None and row.ready_at is not None and row.ready_at > now and is_gone(row.holder):
                row.ready_at = now

    def take(
        self, flows: Collection[str], holder: str, ttl: timedelta, limits: tuple[int, int], now: datetime
    ) -> list[Lease]:
        """Take what is ready; the second limit is for executions whose last lease ran out."""
        self._free_gone(now)
        ready = sorted(
            (row.ready_at, id_)
            for id_, row in self.rows.items()
            if row.ready_at is not None and row.ready_at <= now and not row.quarantined and row.flow in flows
        )
        crashed = [id_ for _, id_ in ready if self.rows[id_].holder is not None or self.rows[id_].crashes]
        calm = [id_ for _, id_ in ready if id_ not in crashed]
        return [self.lease(id_, holder, ttl, now) for id_ in (*calm[: limits[0]], *crashed[: limits[1]])]

    def acquire(self, execution_id: str, holder: str, ttl: timedelta, now: datetime) -> Lease | None:
        """Take one execution, unless a holder has a living lease on it."""
        row = self.rows.get(execution_id)
        if row is None or row.is_leased(now):
            return None
        return self.lease(execution_id, holder, ttl, now)

    def lease(self, execution_id: str, holder: str, ttl: timedelta, now: datetime) -> Lease:
        """Lease an execution to a holder."""
        row = self.rows[execution_id]
        if row.holder is not None:
            row.crashes = 1 if row.taken_at is not None and row.taken_at < now - CALM else row.crashes + 1
        row.holder, row.fence, row.taken_at, row.ready_at, row.problem = holder, row.fence + 1, now, now + ttl, None
        return Lease(execution_id, row.flow, row.fence, holder, now, row.crashes)

    def renew(self, holder: str, ttl: timedelta, now: datetime) -> dict[str, int]:
        """Renew the leases of a holder that have not run out."""
        leased = {
            id_: row
            for id_, row in self.rows.items()
            if row.holder == holder and row.ready_at is not None and row.ready_at > now
        }
        for row in leased.values():
            row.ready_at = now + ttl
        return {id_: row.fence for id_, row in leased.items()}

    def release(self, lease: Lease, how: Release, now: datetime) -> bool:
        """End a lease; what is posted and not taken makes the execution ready at once."""
        row = self.require_lease(lease)
        row.mail = [each for each in row.mail if each.number > how.mail]
        row.holder, row.problem, row.quarantined = None, how.problem, how.quarantined
        row.crashes = row.crashes if how.crashed else 0
        at_once = row.mail and how.problem is None and (how.ready_at is None or how.ready_at > now)
        row.ready_at = now if at_once else how.ready_at
        return bool(row.mail)

    def next_ready(self, flows: Collection[str], now: datetime) -> datetime | None:
        """Return the earliest moment at which one of these flows has something ready: now where a holder is gone."""
        self._free_gone(now)
        rows = [row for row in self.rows.values() if row.flow in flows and not row.quarantined]
        return min((row.ready_at for row in rows if row.ready_at not in (None, WHILE_IT_LIVES)), default=None)

    def release_quarantine(self, execution_id: str, now: datetime) -> bool:
        """Release an execution from quarantine; return whether it was in quarantine."""
        row = self.rows.get(execution_id)
        if row is None or not row.quarantined:
            return False
        row.quarantined, row.crashes, row.problem, row.ready_at = False, 0, None, now
        return True

    def rewrite(self, execution_id: str, rewriter: Rewriter, tally: Tally) -> None:
        """Write the mail of an execution anew, and why it does not run; see `RewritingStore.rewrite`."""
        row = self.rows[execution_id]
        for index, message in enumerate(row.mail):
            data = tally.attempt(execution_id, partial(rewriter.message, execution_id, message))
            if data is not None:
                row.mail[index] = replace(message, data=data)
                tally.others += 1
        if row.problem is not None:
            text = tally.attempt(execution_id, partial(rewriter.reason, execution_id, row.problem))
            if text is not None:
                row.problem = text
                tally.others += 1
