"""The conformance suite for authors of stores: ours pass it, and a store with a fault does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.postgres import conninfo_of
from typedflow.stores import FileStore, MemoryStore, PostgresStore, SnapshotStore, SQLiteStore, StoredSnapshot
from typedflow.testing.stores import StoreConformance


class TestMemoryStore(StoreConformance):
    def open_store(self, folder: Path) -> SnapshotStore:
        return MemoryStore()


class TestFileStore(StoreConformance):
    is_durable: ClassVar[bool] = True

    def open_store(self, folder: Path) -> SnapshotStore:
        return FileStore(folder / "snapshots")


class TestSQLiteStore(StoreConformance):
    is_durable: ClassVar[bool] = True

    def open_store(self, folder: Path) -> SnapshotStore:
        return SQLiteStore(folder / "store.db")


@pytest.mark.postgres
class TestPostgresStore(StoreConformance):
    is_durable: ClassVar[bool] = True

    def open_store(self, folder: Path) -> SnapshotStore:
        return PostgresStore(conninfo_of(folder))


class Forgetful(SQLiteStore):  # type: ignore[misc]  # final for users; a test wants a fault in one call
    """Lose something in one call."""

    fault = ""

    async def get(self, execution_id: str, *, at: int | None = None) -> StoredSnapshot | None:
        return None if self.fault == "get" else await super().get(execution_id, at=at)

    async def put(self, record: StoredSnapshot, *, expected: int | None, flow_state: Any = None) -> bytes | None:
        if self.fault == "put" and expected is None:
            await super().delete(record.execution_id)  # so that no save meets another
        return await super().put(record, expected=expected, flow_state=flow_state)

    async def list(self, flow: str | None = None, status: str | None = None, **page: Any) -> Any:
        return await super().list(flow, None if self.fault == "list" else status, **page)

    async def delete(self, execution_id: str) -> bool:
        return True if self.fault == "delete" else await super().delete(execution_id)


@pytest.mark.parametrize(
    "fault, test",
    [
        ("get", "test_what_was_put_is_got"),
        ("put", "test_a_save_that_follows_something_else_is_a_conflict"),
        ("list", "test_a_list_is_in_order_and_of_one_flow_and_status"),
        ("delete", "test_delete_says_whether_there_was_one"),
    ],
)
def test_a_store_with_a_fault_does_not_pass(fault: str, test: str, tmp_path: Path) -> None:
    class Suite(StoreConformance):
        def open_store(self, folder: Path) -> Any:
            store = Forgetful(folder / "store.db")
            store.fault = fault
            return store

    with pytest.raises(AssertionError):
        getattr(Suite(), test)(tmp_path)


def test_a_suite_without_a_store_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match="override open_store"):
        StoreConformance().test_nothing_is_stored_at_first(tmp_path)
