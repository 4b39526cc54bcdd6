"""A process that stops itself in a save, when all its statements but the COMMIT are sent: `… CONNINFO`.

It goes on when it gets SIGCONT, and prints what came of the save.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from typing import Any

from tests.stores.conformance import record
from typedflow.errors import TypedflowError
from typedflow.stores import PostgresStore, postgres_database

CONTINUED = threading.Event()
EXECUTE = postgres_database._Bounded.execute


def stop_first(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
    if query == "COMMIT" and not CONTINUED.is_set():
        os.kill(os.getpid(), signal.SIGSTOP)
        CONTINUED.wait()
    return EXECUTE(self, query, *arguments, **options)


async def main(conninfo: str) -> None:
    signal.signal(signal.SIGCONT, lambda *_: CONTINUED.set())
    async with PostgresStore(conninfo, answer_within=1.0) as store:
        postgres_database._Bounded.execute = stop_first  # type: ignore[method-assign]  # a point of failure
        try:
            await store.put(record(sequence=1, data=b"stopped"), expected=0)
            print("saved")
        except TypedflowError as error:
            print(error.problems[0].number)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
