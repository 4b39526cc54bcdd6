"""Who is notified that an execution became ready: a queue, in the transaction; listeners in PostgreSQL, after it.

A notification is sent behind the commit, not in it: PostgreSQL commits transactions that notify one after the other.
Eight clients that submitted at once came to 280 commits per second with the notification inside, to 1,200 with it
behind, as many as without one. One that is lost delays a listener until its next poll.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import datetime
from typing import Final, TypeAlias, final

import psycopg
from psycopg import sql

from typedflow.errors import StoreError
from typedflow.stores.postgres_database import FIRST_PAUSE, LONGEST_PAUSE, Access, Connection, connect
from typedflow.stores.postgres_leases import NOW
from typedflow.stores.postgres_texts import escape, unescape

LOG: Final = logging.getLogger("typedflow.store")
LONGEST_NAME: Final = 1000
"""Characters of a flow's name in a notification, which PostgreSQL limits to 8,000 bytes."""

Announce: TypeAlias = Callable[[Connection, str, str], object]
"""Called in the transaction that makes an execution ready, with its connection, the execution's id and its flow."""

_CHANNEL: Final = "'typedflow_' || 'typedflow_executions'::regclass::oid"
"""Each schema of a database has channels of its own: the number of its table is part of their names."""
_MAIL: Final = "_mail"
"""The end of the name of the channel that is notified of mail for executions that a holder has."""


def announce_ready(db: Connection, execution_ids: tuple[str, ...], now: datetime | None, announce: Announce) -> None:
    """Announce those of some executions that are ready and have no holder."""
    found = db.execute(
        "SELECT execution_id, flow FROM typedflow_executions WHERE execution_id = ANY(%(ids)s::text[])"
        f" AND holder IS NULL AND NOT quarantined AND ready_at <= {NOW}",
        {"ids": [*execution_ids], "now": now},
    ).fetchall()
    for execution_id, flow in found:
        announce(db, execution_id, flow)


def notify(db: Connection, execution_ids: tuple[str, ...]) -> None:
    """Notify those who listen of executions that are ready, or will be, and those who have the others of their mail."""
    db.execute(
        f"SELECT pg_notify({_CHANNEL} || CASE WHEN holder IS NULL THEN '' ELSE '{_MAIL}' END,"
        f" CASE WHEN holder IS NULL THEN left(flow, {LONGEST_NAME}) ELSE execution_id END) FROM typedflow_executions"
        " WHERE execution_id = ANY(%s::text[]) AND ready_at IS NOT NULL AND NOT quarantined",
        ([*execution_ids],),
    )


@final
class Listening:
    """Call functions, on a thread of its own, when an execution of some flows may have become ready, or one has mail.

    The connection is made again when it is lost; both are called then as well, for what was missed.
    """

    def __init__(
        self,
        access: Access,
        flows: Collection[str],
        heard: Callable[[], object],
        has_mail: Callable[[str | None], object],
    ) -> None:
        self._access = access
        self._names = {escape(name)[:LONGEST_NAME] for name in flows}
        self._heard = heard
        self._has_mail = has_mail
        self._stopped = threading.Event()
        self._ours, self._theirs = socket.socketpair()
        threading.Thread(target=self._run, name="typedflow listening", daemon=True).start()

    def stop(self) -> None:
        """Stop the thread, without waiting for its end."""
        self._stopped.set()
        self._ours.close()  # which ends a wait

    def _run(self) -> None:
        pause = FIRST_PAUSE
        with self._theirs:
            while not self._stopped.wait(pause):
                try:
                    with closing(connect(self._access)) as connection:
                        row = connection.execute(f"SELECT {_CHANNEL}").fetchone()
                        assert row is not None
                        for channel in (row[0], row[0] + _MAIL):
                            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                        pause = FIRST_PAUSE
                        self._missed()
                        self._listen(connection)
                except (psycopg.Error, StoreError) as error:
                    if pause == FIRST_PAUSE:  # once for each time that it is away
                        LOG.warning("cannot listen: %s", type(error).__name__)
                    pause = min(pause * 2, LONGEST_PAUSE)

    def _missed(self) -> None:
        """Notify as if of everything, as notifications may have been missed."""
        self._heard()
        self._has_mail(None)

    def _listen(self, connection: Connection) -> None:
        """Pass notifications on until this is stopped.

        Now and then the server is asked something, so that a connection that hangs is found: that may hide what came
        meanwhile.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            stopping = selector.register(self._theirs, selectors.EVENT_READ)
            while True:
                ready = [key for key, _ in selector.select(self._access.answer_within)]
                if self._stopped.is_set() or stopping in ready:
                    return
                if ready:
                    self._receive(connection)
                else:
                    connection.execute("SELECT 1")
                    self._missed()

    def _receive(self, connection: Connection) -> None:
        """Take the notifications that have come, and tell of them."""
        connection.pgconn.consume_input()
        ready = False
        while (found := connection.pgconn.notifies()) is not None:
            text = found.extra.decode()
            if found.relname.endswith(_MAIL.encode()):
                self._has_mail(unescape(text))
            else:
                ready = ready or text in self._names
        if ready:
            self._heard()
