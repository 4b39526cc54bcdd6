"""The heartbeat of a worker: renews its leases from a thread of its own, so that a blocked loop does not lose them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from typedflow.errors import TypedflowError
from typedflow.stores.work import WorkStore

LOG: Final = logging.getLogger("typedflow.worker")
BEATS: Final = 3
"""Renewals in the time that a lease lasts."""


class Heartbeat:
    """Renew the leases of a holder until `stop`; report those that are lost, on the heartbeat's thread."""

    def __init__(
        self,
        store: WorkStore,
        holder: str,
        ttl: timedelta,
        running: Callable[[], Mapping[str, int]],
        lost: Callable[[Mapping[str, int]], None],
    ) -> None:
        self._store = store
        self._holder = holder
        self._ttl = ttl
        self._running = running
        """Returns the fences of what runs, by execution; callable from any thread."""
        self._lost = lost
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="typedflow heartbeat", daemon=True)

    def start(self) -> None:
        """Start renewing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing; does not wait for a renewal that is under way."""
        self._stopped.set()

    def _beat(self) -> None:
        renewed = time.monotonic()
        while not self._stopped.wait(self._ttl.total_seconds() / BEATS):
            running = dict(self._running())
            if not running:
                renewed = time.monotonic()
                continue
            begun = time.monotonic()
            try:
                fences = self._store.renew_here(self._holder, self._ttl)
            except TypedflowError as error:
                LOG.warning("cannot renew leases: %s", error)
                if time.monotonic() - renewed > self._ttl.total_seconds():  # other workers may run all of them by now
                    self._lost(running)
                continue
            renewed = begun
            gone = {id_: fence for id_, fence in running.items() if fences.get(id_) != fence}
            if gone:
                self._lost(gone)
