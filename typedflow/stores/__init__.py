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
    from typedflow.stores.flow_state_sharing import (
        FlowStateChange,
        FlowStateStore,
        FlowStateUpdate,
        SyncFlowStateStore,
        UpdateKey,
    )
    from typedflow.stores.history import HistoryStore, Pruned, Revision
    from typedflow.stores.keys import Keys
    from typedflow.stores.memory import MemoryStore
    from typedflow.stores.postgres import PostgresStore
    from typedflow.stores.protocol import PagedStore, SnapshotStore
    from typedflow.stores.records import (
        DamagedEntry,
        Listing,
        Notes,
        PendingInterrupt,
        PendingListing,
        StoredEntry,
        StoredSnapshot,
    )
    from typedflow.stores.rewriting import Rewriter, RewritingStore, Rewritten
    from typedflow.stores.sealed import SealedStore
    from typedflow.stores.sqlite import SQLiteStore
    from typedflow.stores.work import Lease, Message, Release, WorkStore
else:
    # Hidden from type checkers, for whom a module with `__getattr__` has every name.
    from importlib import import_module

    _HOME_OF = {
        "DamagedEntry": "typedflow.stores.records",
        "FileStore": "typedflow.stores.file",
        "FlowStateChange": "typedflow.stores.flow_state_sharing",
        "HistoryStore": "typedflow.stores.history",
        "Keys": "typedflow.stores.keys",
        "Lease": "typedflow.stores.work",
        "FlowStateStore": "typedflow.stores.flow_state_sharing",
        "FlowStateUpdate": "typedflow.stores.flow_state_sharing",
        "Listing": "typedflow.stores.records",
        "MemoryStore": "typedflow.stores.memory",
        "Message": "typedflow.stores.work",
        "Notes": "typedflow.stores.records",
        "PagedStore": "typedflow.stores.protocol",
        "PendingInterrupt": "typedflow.stores.records",
        "PendingListing": "typedflow.stores.records",
        "PostgresStore": "typedflow.stores.postgres",
        "Release": "typedflow.stores.work",
        "Pruned": "typedflow.stores.history",
        "Revision": "typedflow.stores.history",
        "Rewriter": "typedflow.stores.rewriting",
        "RewritingStore": "typedflow.stores.rewriting",
        "Rewritten": "typedflow.stores.rewriting",
        "SQLiteStore": "typedflow.stores.sqlite",
        "SealedStore": "typedflow.stores.sealed",
        "SnapshotStore": "typedflow.stores.protocol",
        "StoredEntry": "typedflow.stores.records",
        "StoredSnapshot": "typedflow.stores.records",
        "WorkStore": "typedflow.stores.work",
        "SyncFlowStateStore": "typedflow.stores.flow_state_sharing",
        "UpdateKey": "typedflow.stores.flow_state_sharing",
    }

    def __getattr__(name):
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
