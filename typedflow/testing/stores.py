"""What every store has to do, as tests for authors of stores: a subclass runs them all.

    class TestMyStore(StoreConformance):
        def open_store(self, folder: Path) -> SnapshotStore:
            return MyStore(folder / "runs.db")

pytest collects the subclass. Every test opens a store of its own in an empty folder and closes it. A store that keeps
what it has after a close, as all but one in memory do, says so with `is_durable = True`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final

from typedflow.errors import ConflictError, StoreError
from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.protocol import SnapshotStore
from typedflow.stores.records import StoredSnapshot

NOON: Final = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
HOSTILE_IDS: Final = ("", "../x", "/etc/passwd", "a\n", "a\0b", "a" * 10_000, ".", "..", "é", "a b")


def record(
    execution_id: str = "a",
    sequence: int = 0,
    data: bytes = b"data",
    *,
    flow: str = "review",
    status: str = "running",
    saved_at: datetime | None = None,
) -> StoredSnapshot:
    """Return a record to put; those of later sequences are saved a second later each."""
    at = saved_at or NOON + timedelta(seconds=min(sequence, 1000))
    return StoredSnapshot(execution_id, flow, status, sequence, at, data)


class StoreConformance:
    """Test a store against the protocol `SnapshotStore`; override `open_store`, and set `is_durable`."""

    is_durable: ClassVar[bool] = False
    """Whether another store on the same folder has what this one had when it was closed."""

    def open_store(self, folder: Path) -> SnapshotStore:
        """Return a new store in a folder; it is closed by the test."""
        raise NotImplementedError("override open_store(folder) and return your store")

    def _run(self, folder: Path, check: Callable[[SnapshotStore], Awaitable[None]]) -> None:
        async def main() -> None:
            async with self.open_store(folder) as store:
                await check(store)

        asyncio.run(main())

    # -- put and get

    def test_nothing_is_stored_at_first(self, tmp_path: Path) -> None:
        """Check `get` and `list` of an empty store."""

        async def check(store: SnapshotStore) -> None:
            assert await store.get("a") is None
            assert list(await store.list()) == []
            assert await store.get_flow_state("review") is None

        self._run(tmp_path, check)

    def test_what_was_put_is_got(self, tmp_path: Path) -> None:
        """Check that every field of a record comes back as it was, with bytes and texts of any kind."""

        async def check(store: SnapshotStore) -> None:
            saved = [
                record("a"),
                record("b", data=b""),
                record("c", data=bytes(range(256)) * 1024),
                record("d", sequence=2**53),
                record("e", flow="a\0b' \"; DROP TABLE x --", status="é\U0001f600"),
                record("A", data=b"another id"),
                record("con"),
                record("x" * 128),
            ]
            for each in saved:
                assert await store.put(each, expected=None) is None
            for each in saved:
                assert await store.get(each.execution_id) == each

        self._run(tmp_path, check)

    def test_a_save_replaces_the_one_that_it_follows(self, tmp_path: Path) -> None:
        """Check that of one execution only the newest record is kept."""

        async def check(store: SnapshotStore) -> None:
            await store.put(record(sequence=3), expected=None)
            await store.put(record(sequence=7, data=b"", status="done"), expected=3)
            assert await store.get("a") == record(sequence=7, data=b"", status="done")
            assert len(await store.list()) == 1

        self._run(tmp_path, check)

    def test_a_save_that_follows_something_else_is_a_conflict(self, tmp_path: Path) -> None:
        """Check compare-and-swap: `ConflictError` with both sequences, and nothing is changed."""

        async def check(store: SnapshotStore) -> None:
            for stored, expected in ((None, 2), (3, None), (3, 2), (3, 4)):
                id_ = f"e-{stored}-{expected}"
                if stored is not None:
                    await store.put(record(id_, sequence=stored), expected=None)
                before = await store.get(id_)
                error = await raised(store.put(record(id_, sequence=9), expected=expected))
                assert isinstance(error, ConflictError), error
                assert (error.execution_id, error.stored, error.expected) == (id_, stored, expected)
                assert await store.get(id_) == before

        self._run(tmp_path, check)

    def test_of_saves_at_once_one_wins(self, tmp_path: Path) -> None:
        """Check that concurrent saves of one execution are one after another."""

        async def check(store: SnapshotStore) -> None:
            saves = [store.put(record(data=b"%d" % i), expected=None) for i in range(10)]
            done = await asyncio.gather(*saves, return_exceptions=True)
            won = [i for i, outcome in enumerate(done) if outcome is None]
            assert len(won) == 1
            assert sum(isinstance(outcome, ConflictError) for outcome in done) == len(saves) - 1
            assert await store.get("a") == record(data=b"%d" % won[0])

        self._run(tmp_path, check)

    # -- list and delete

    def test_a_list_is_in_order_and_of_one_flow_and_status(self, tmp_path: Path) -> None:
        """Check the order, oldest save first and then by id, and the two filters."""

        async def check(store: SnapshotStore) -> None:
            await store.put(record("b", saved_at=NOON + timedelta(microseconds=1)), expected=None)
            await store.put(record("c", saved_at=NOON, flow="other", status="waiting"), expected=None)
            await store.put(record("a", saved_at=NOON + timedelta(days=1), status="waiting"), expected=None)
            await store.put(record("B", saved_at=NOON), expected=None)
            assert [entry.execution_id for entry in await store.list()] == ["B", "c", "b", "a"]
            for options, ids in (
                ({"flow": "review"}, ["B", "b", "a"]),
                ({"status": "waiting"}, ["c", "a"]),
                ({"flow": "review", "status": "waiting"}, ["a"]),
                ({"flow": "REVIEW"}, []),
                ({"flow": "review' OR '1'='1"}, []),
                ({"status": "%"}, []),
            ):
                assert [entry.execution_id for entry in await store.list(**options)] == ids, options

        self._run(tmp_path, check)

    def test_delete_says_whether_there_was_one(self, tmp_path: Path) -> None:
        """Check `delete`, and that the id is free behind it."""

        async def check(store: SnapshotStore) -> None:
            await store.put(record(sequence=5), expected=None)
            assert await store.delete("a") is True
            assert await store.delete("a") is False
            assert await store.get("a") is None
            await store.put(record(), expected=None)
            assert await store.get("a") == record()

        self._run(tmp_path, check)

    # -- what is refused

    def test_what_is_no_id_is_refused(self, tmp_path: Path) -> None:
        """Check that every call refuses an id that `create_execution` would refuse, with `StoreError`."""

        async def check(store: SnapshotStore) -> None:
            for id_ in HOSTILE_IDS:
                for call in (store.get(id_), store.delete(id_), store.put(record(id_), expected=None)):
                    error = await raised(call)
                    assert isinstance(error, StoreError), (id_, error)
            assert list(await store.list()) == []

        self._run(tmp_path, check)

    def test_a_sequence_that_does_not_grow_is_refused(self, tmp_path: Path) -> None:
        """Check that a record whose sequence is not above the expected one is a `StoreError`."""

        async def check(store: SnapshotStore) -> None:
            await store.put(record(sequence=3), expected=None)
            error = await raised(store.put(record(sequence=3), expected=3))
            assert isinstance(error, StoreError), error

        self._run(tmp_path, check)

    def test_a_closed_store_refuses_every_call(self, tmp_path: Path) -> None:
        """Check that calls of a closed store are a `StoreError`, and that a second close does nothing."""

        async def check() -> None:
            store = self.open_store(tmp_path)
            await store.put(record(), expected=None)
            await store.close()
            await store.close()
            for call in (store.get("a"), store.list(), store.delete("a"), store.put(record("b"), expected=None)):
                error = await raised(call)
                assert isinstance(error, StoreError), error

        asyncio.run(check())

    def test_a_durable_store_has_what_was_put_before(self, tmp_path: Path) -> None:
        """Check that another store on the same folder sees what an earlier one has stored, if the store is durable."""

        async def check() -> None:
            async with self.open_store(tmp_path) as first:
                await first.put(record(sequence=2), expected=None)
            async with self.open_store(tmp_path) as second:
                assert await second.get("a") == (record(sequence=2) if self.is_durable else None)

        asyncio.run(check())

    # -- flow_state

    def test_a_flow_state_is_changed_with_the_save_or_refused(self, tmp_path: Path) -> None:
        """Check a store that shares flow_state: both are committed or neither; another one refuses the change."""

        async def check(store: SnapshotStore) -> None:
            change = FlowStateChange("review", lambda stored: b"%d" % (int(stored or b"0") + 1))
            if not store.shares_flow_state:
                error = await raised(store.put(record(), expected=None, flow_state=change))
                assert isinstance(error, StoreError), error
                assert await store.get("a") is None
                return
            assert await store.put(record(), expected=None, flow_state=change) == b"1"
            assert await store.put(record(sequence=1), expected=0, flow_state=change) == b"2"
            assert await store.get_flow_state("review") == b"2"
            assert await store.get_flow_state("other") is None
            assert isinstance(await raised(store.put(record(), expected=None, flow_state=change)), ConflictError)
            broken = FlowStateChange("review", lambda stored: b"%d" % (1 // 0))
            error = await raised(store.put(record(sequence=2), expected=1, flow_state=broken))
            assert isinstance(error, ZeroDivisionError), error
            assert await store.get_flow_state("review") == b"2"
            assert await store.get("a") == record(sequence=1)
            await store.delete("a")
            assert await store.get_flow_state("review") == b"2"

        self._run(tmp_path, check)


async def raised(call: Awaitable[Any]) -> Exception | None:
    """Return what a call raises; None where it returns."""
    try:
        await call
    except Exception as error:
        return error
    return None
