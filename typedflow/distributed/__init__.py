"""Executions that workers run: submitted, answered and watched from any process; run by `Worker`."""

from typedflow.distributed.client import answer, cancel, emit, result, retry, submit
from typedflow.distributed.supplies import Factory
from typedflow.distributed.waking import NotifyWaker, PollWaker, Waker
from typedflow.distributed.worker import Worker

__all__ = [
    "Factory",
    "NotifyWaker",
    "PollWaker",
    "Waker",
    "Worker",
    "answer",
    "cancel",
    "emit",
    "result",
    "retry",
    "submit",
]
