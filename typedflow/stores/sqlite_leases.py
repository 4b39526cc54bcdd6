"""The leases of the executions that run with a SQLite store and no worker, and the heartbeat that renews them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import final

from typedflow.stores import holders, sqlite_work
from typedflow.stores.database import Job


@final
class EmbeddedLeases:
    """Know who runs executions with a store; callable from any thread."""

    def __init__(self) -> None:
        self._holders: set[str] = set()

    def enter(self) -> str:
        """Return the name of a new holder, who runs in the running loop."""
        name = holders.new_name()
        holders.enter(name)
        self._holders.add(name)
        return name

    def leave(self, name: str) -> None:
        """Forget a holder."""
        self._holders.discard(name)
        holders.leave(name)

    def renewal(self) -> Job | None:
        """Return the job of a heartbeat; None where nobody runs anything."""
        living = [name for name in self._holders.copy() if not holders.is_gone(name)]
        if not living:
            return None
        now = datetime.now(UTC)
        return Job("renew its leases", True, lambda db: sqlite_work.renew_held(db, living, now))
