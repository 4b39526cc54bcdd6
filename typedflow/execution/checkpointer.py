"""What the driver and the runner ask of whatever saves an execution; `durability.checkpoints` implements it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol

from typedflow.stores.protocol import SnapshotStore

MAXIMUM_BLOCKING_TIME: Final = 0.002
"""Seconds of work without a wait, in steps or in synchronous saves, after which the event loop gets to run."""


class Checkpointer(Protocol):
    """Save one execution into its store; all methods are called in the loop that drives the execution."""

    store: SnapshotStore
    each_step: bool
    """Whether the end of every step is saved before what it made ready runs."""
    sequence: int | None
    """The sequence of the stored snapshot; None where there is none yet."""
    other_holder: tuple[str, datetime] | None
    """Until the first save: the other process that has the execution, and until when at least."""

    holder: str | None
    """While a driver runs the execution with a store that keeps it with its process: the name of its holder."""

    @property
    def behind(self) -> bool:
        """Return True if a save was asked for and is not stored."""
        ...

    async def begin(self) -> None:
        """Save before anything runs, so that of two processes that continue one snapshot the second is refused."""
        ...

    async def go_on(self) -> None:
        """Note that a run which was saved as at rest goes on."""
        ...

    def let_go(self) -> None:
        """Release the lease that `begin` has taken, as no driver runs the execution any more."""
        ...

    async def commit(self) -> None:
        """Return when everything up to this call is stored; raises what the save or the store raises."""
        ...

    async def rest(self) -> None:
        """Wait until no save is under way."""
        ...

    async def save_cancelled(self) -> None:
        """Save a cancelled run, once."""
        ...

    async def save_failed(self, error: Exception) -> None:
        """Save a failed run; a store that fails too becomes a note on the error."""
        ...
