"""Where snapshots are kept: the protocol of all stores and the ones that need no server.

A name is loaded at its first use, so that sqlite3 is imported by those who use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "DamagedEntry",
    "FileStore",
    "FlowStateChange",
    "Listing",
    "MemoryStore",
    "SQLiteStore",
    "SnapshotStore",
    "StoredEntry",
    "StoredSnapshot",
]

if TYPE_CHECKING:
    from typedflow.stores.file import FileStore
    from typedflow.stores.memory import MemoryStore
    from typedflow.stores.protocol import (
        DamagedEntry,
        FlowStateChange,
        Listing,
        SnapshotStore,
        StoredEntry,
        StoredSnapshot,
    )
    from typedflow.stores.sqlite import SQLiteStore
else:
    # Hidden from type checkers, for whom a module with `__getattr__` has every name.
    from importlib import import_module

    _HOME_OF = {
        "DamagedEntry": "typedflow.stores.protocol",
        "FileStore": "typedflow.stores.file",
        "FlowStateChange": "typedflow.stores.protocol",
        "Listing": "typedflow.stores.protocol",
        "MemoryStore": "typedflow.stores.memory",
        "SQLiteStore": "typedflow.stores.sqlite",
        "SnapshotStore": "typedflow.stores.protocol",
        "StoredEntry": "typedflow.stores.protocol",
        "StoredSnapshot": "typedflow.stores.protocol",
    }

    def __getattr__(name):
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
