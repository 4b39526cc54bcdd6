"""Executions that workers run: submitted, answered and watched from any process; run by `Worker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typedflow.distributed.client import answer, cancel, emit, result, retry, submit
from typedflow.distributed.supplies import Factory
from typedflow.distributed.waking import NotifyWaker, PollWaker, Waker
from typedflow.distributed.worker import Worker

__all__ = [
    "Factory",
    "NotifyWaker",
    "PollWaker",
    "ProcrastinateWaker",
    "Waker",
    "Worker",
    "answer",
    "cancel",
    "emit",
    "result",
    "retry",
    "submit",
]

if TYPE_CHECKING:
    from typedflow.distributed.jobs import ProcrastinateWaker
else:
    # Hidden from type checkers, for whom a module with `__getattr__` has every name.
    from importlib import import_module

    def __getattr__(name):
        if name != "ProcrastinateWaker":  # the only one that needs an extra
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = import_module("typedflow.distributed.jobs").ProcrastinateWaker
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
