"""Event-driven flows whose data contracts are checked before and while they run.

Every public name is here; stores are in `typedflow.stores`, what a user's tests need in `typedflow.testing`. A name is
loaded at its first use, so that `typedflow.rules`, which the mypy plugin imports, loads neither msgspec nor asyncio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Answered",
    "Capture",
    "ChildEntered",
    "ChildFailedError",
    "ChildLeft",
    "ConflictError",
    "Contract",
    "ContractError",
    "Data",
    "Document",
    "Events",
    "Execution",
    "ExecutionEnded",
    "ExecutionError",
    "ExecutionPaused",
    "ExecutionStarted",
    "Failed",
    "FinishedError",
    "Flow",
    "FlowState",
    "Handlers",
    "Interrupt",
    "InterruptError",
    "ItemEnded",
    "LeaseLostError",
    "NoResultError",
    "Observer",
    "PathError",
    "Process",
    "ResourceError",
    "Resources",
    "Retry",
    "Saved",
    "Snapshot",
    "SnapshotError",
    "State",
    "Status",
    "StepEnded",
    "StepFailed",
    "StepPaused",
    "StepRetried",
    "StepStarted",
    "StoreError",
    "StoredAs",
    "TypedflowError",
    "WriteBack",
    "binding",
    "offload",
]

if TYPE_CHECKING:
    from typedflow.api.blueprint import Capture, WriteBack, binding
    from typedflow.api.execution import Execution
    from typedflow.api.flow import Flow, Handlers
    from typedflow.api.process import Process
    from typedflow.definition.failed import Failed
    from typedflow.definition.nodes import Retry
    from typedflow.engine.status import Status
    from typedflow.engine.tokens import Interrupt
    from typedflow.errors import (
        ChildFailedError,
        ConflictError,
        ContractError,
        ExecutionError,
        ExecutionPaused,
        FinishedError,
        InterruptError,
        LeaseLostError,
        NoResultError,
        PathError,
        ResourceError,
        SnapshotError,
        StoreError,
        TypedflowError,
    )
    from typedflow.execution.data import Data
    from typedflow.execution.observing import (
        Answered,
        ChildEntered,
        ChildLeft,
        ExecutionEnded,
        ExecutionStarted,
        ItemEnded,
        Observer,
        Saved,
        StepEnded,
        StepFailed,
        StepPaused,
        StepRetried,
        StepStarted,
    )
    from typedflow.execution.offloading import offload
    from typedflow.schema.contracts import Contract, Document
    from typedflow.schema.layers import Events, FlowState, Resources, State
    from typedflow.schema.stored import StoredAs
    from typedflow.snapshot.envelope import Snapshot
else:
    # Hidden from type checkers, for whom a module with `__getattr__` has every name.
    from importlib import import_module

    _HOMES = {
        "typedflow.definition.failed": ("Failed",),
        "typedflow.definition.nodes": ("Retry",),
        "typedflow.errors": tuple(name for name in __all__ if name.endswith("Error") or name == "ExecutionPaused"),
        "typedflow.execution.data": ("Data",),
        "typedflow.execution.observing": (
            "Answered",
            "ChildEntered",
            "ChildLeft",
            "ExecutionEnded",
            "ExecutionStarted",
            "ItemEnded",
            "Observer",
            "Saved",
            "StepEnded",
            "StepFailed",
            "StepPaused",
            "StepRetried",
            "StepStarted",
        ),
        "typedflow.execution.offloading": ("offload",),
        "typedflow.engine.status": ("Status",),
        "typedflow.engine.tokens": ("Interrupt",),
        "typedflow.api.blueprint": ("Capture", "WriteBack", "binding"),
        "typedflow.snapshot.envelope": ("Snapshot",),
        "typedflow.api.execution": ("Execution",),
        "typedflow.api.flow": ("Flow", "Handlers"),
        "typedflow.api.process": ("Process",),
        "typedflow.schema.contracts": ("Contract", "Document"),
        "typedflow.schema.stored": ("StoredAs",),
        "typedflow.schema.layers": ("Events", "FlowState", "Resources", "State"),
    }
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name):
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
