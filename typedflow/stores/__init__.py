"""Where snapshots are kept: the protocol of all stores, the stores, and one that seals another.

A name is loaded at its first use, so that sqlite3 and psycopg are imported by those who use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "DamagedEntry",
    "FileStore",
    "FlowStateChange",
    "FlowStateStore",
    "FlowStateUpdate",
    "HistoryStore",
    "Keys",
    "Lease",
    "Listing",
    "MemoryStore",
    "Message",
    "Notes",
    "PagedStore",
    "PendingInterrupt",
    "PendingListing",
    "PostgresStore",
    "Pruned",
    "Release",
    "Revision",
    "Rewriter",
    "RewritingStore",
    "Rewritten",
    "SQLiteStore",
    "SealedStore",
    "SnapshotStore",
    "StoredEntry",
    "StoredSnapshot",
    "SyncFlowStateStore",
    "UpdateKey",
    "WorkStore",
]

if TYPE_CHECKING:
    from typedflow.stores.file import FileStore
    from typedflow.stores.keys import Keys
    from typedflow.stores.memory import MemoryStore
    from typedflow.stores.postgres import PostgresStore
    from typedflow.stores.protocol import (
        DamagedEntry,
        FlowStateChange,
        FlowStateStore,
        FlowStateUpdate,
        HistoryStore,
        Listing,
        Notes,
        PagedStore,
        PendingInterrupt,
        PendingListing,
        Pruned,
        Revision,
        SnapshotStore,
        StoredEntry,
        StoredSnapshot,
        SyncFlowStateStore,
        UpdateKey,
    )
    from typedflow.stores.rewriting import Rewriter, RewritingStore, Rewritten
    from typedflow.stores.sealed import SealedStore
    from typedflow.stores.sqlite import SQLiteStore
    from typedflow.stores.work import Lease, Message, Release, WorkStore
else:
    # Hidden from type checkers, for whom a module with `__getattr__` has every name.
    from importlib import import_module

    _HOME_OF = {
        "DamagedEntry": "typedflow.stores.protocol",
        "FileStore": "typedflow.stores.file",
        "FlowStateChange": "typedflow.stores.protocol",
        "HistoryStore": "typedflow.stores.protocol",
        "Keys": "typedflow.stores.keys",
        "Lease": "typedflow.stores.work",
        "FlowStateStore": "typedflow.stores.protocol",
        "FlowStateUpdate": "typedflow.stores.protocol",
        "Listing": "typedflow.stores.protocol",
        "MemoryStore": "typedflow.stores.memory",
        "Message": "typedflow.stores.work",
        "Notes": "typedflow.stores.protocol",
        "PagedStore": "typedflow.stores.protocol",
        "PendingInterrupt": "typedflow.stores.protocol",
        "PendingListing": "typedflow.stores.protocol",
        "PostgresStore": "typedflow.stores.postgres",
        "Release": "typedflow.stores.work",
        "Pruned": "typedflow.stores.protocol",
        "Revision": "typedflow.stores.protocol",
        "Rewriter": "typedflow.stores.rewriting",
        "RewritingStore": "typedflow.stores.rewriting",
        "Rewritten": "typedflow.stores.rewriting",
        "SQLiteStore": "typedflow.stores.sqlite",
        "SealedStore": "typedflow.stores.sealed",
        "SnapshotStore": "typedflow.stores.protocol",
        "StoredEntry": "typedflow.stores.protocol",
        "StoredSnapshot": "typedflow.stores.protocol",
        "WorkStore": "typedflow.stores.work",
        "SyncFlowStateStore": "typedflow.stores.protocol",
        "UpdateKey": "typedflow.stores.protocol",
    }

    def __getattr__(name):
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
