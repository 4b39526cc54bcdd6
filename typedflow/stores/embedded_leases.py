"""The leases of the executions that run with a store and no worker, and the heartbeat that renews them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar, final

from typedflow.stores import holders

EMBEDDED_LEASE: Final = timedelta(seconds=30)
"""How long an execution that no worker runs stays with its process, from the last heartbeat on.

docs/concepts/guarantees.md is the one page that tells users."""
BEAT: Final = 10.0
"""Seconds between two heartbeats of a store for the executions that run with it."""

J = TypeVar("J")


class LeaseStore(Protocol):
    """Keep an execution with the process that runs it, so that a second one cannot harm it; all but FileStore do.

    A save with a `holder` and the status "running" takes or keeps the lease, one with another status ends it; any save
    is refused with `LeaseLostError` while another holder has a living lease.
    """

    def new_holder(self) -> str:
        """Return the name of a new holder, whose leases the store renews from now on. Called in a running loop."""
        ...

    def let_go(self, holder: str, execution_id: str | None) -> None:
        """Renew a holder's lease no more; returns at once, and raises nothing.

        `execution_id` is given where the last save was of status "running", so that the lease is still to be ended.
        """
        ...


@final
class EmbeddedLeases(Generic[J]):
    """The holders that run executions with a store, for the renewal of their leases; callable from any thread."""

    def __init__(self, renew: Callable[[list[str]], J]) -> None:
        self._renew = renew
        """Returns the job that renews the leases of some holders. It must not hold the store."""
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

    def renewal(self) -> J | None:
        """Return the job of a heartbeat; None where no holder runs anything."""
        living = [name for name in self._holders.copy() if not holders.is_gone(name)]
        return self._renew(living) if living else None
