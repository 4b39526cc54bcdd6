"""What the tests run as processes of their own: `python -m tests.stores.program WHAT STORE FOLDER …`.

Each says `ready` and waits for a line before it begins, so that several begin together.
"""

from __future__ import annotations

import asyncio
import sys
from hashlib import sha256
from pathlib import Path

from tests.stores.conformance import STORES, add_one, record
from typedflow.errors import ConflictError
from typedflow.stores import FlowStateChange, SnapshotStore

CHANGE = FlowStateChange("review", add_one)


def say(text: str) -> None:
    print(text, flush=True)


def begin() -> None:
    say("ready")
    sys.stdin.readline()


async def race(store: SnapshotStore, name: str, rounds: int) -> None:
    """Try to make each save of one execution; say which ones came through."""
    for sequence in range(rounds):
        try:
            await store.put(record("a", sequence, name.encode()), expected=sequence - 1 if sequence else None)
        except ConflictError as conflict:
            if conflict.stored is None or conflict.stored < sequence:
                raise
        else:
            say(str(sequence))


async def add(store: SnapshotStore, name: str, rounds: int) -> None:
    """Count in the flow_state with every save of an execution of one's own; say what came out."""
    for sequence in range(rounds):
        expected = sequence - 1 if sequence else None
        changed = await store.put(record(name, sequence), expected=expected, flow_state=CHANGE)
        say((changed or b"").decode())


async def save(store: SnapshotStore, size: int) -> None:
    """Save one execution again and again; say so after each save that was acknowledged."""
    stored = await store.get("a")
    sequence = None if stored is None else stored.sequence
    while True:
        expected, sequence = sequence, 0 if sequence is None else sequence + 1
        change = CHANGE if store.shares_flow_state else None
        await store.put(record("a", sequence, data_of(sequence, size)), expected=expected, flow_state=change)
        say(str(sequence))


def data_of(sequence: int, size: int) -> bytes:
    """Return bytes that tell the save that they belong to, all through."""
    return sha256(b"%d" % sequence).digest() * (size // 32)


async def main(what: str, kind: str, folder: str, *arguments: str) -> None:
    begin()
    async with STORES[kind].open(Path(folder)) as store:
        match what, arguments:
            case "race", (name, rounds):
                await race(store, name, int(rounds))
            case "add", (name, rounds):
                await add(store, name, int(rounds))
            case "save", (size,):
                await save(store, int(size))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
