"""Pausing, answering, saving and loading."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_type, reveal_type

from review import Review

from typedflow import Data, Execution, Interrupt, Snapshot, Status


def a_pause_never_returns(data: Data[Review, str]) -> int:
    if data.value:
        data.pause_for({"q": 1}, type="human")
    else:
        return 1


def a_pause_has_a_deadline(data: Data[Review, str]) -> int:
    data.pause_for(deadline=timedelta(days=1), default=0)


def a_deadline_is_no_number(data: Data[Review, str]) -> int:
    data.pause_for(deadline=5)  # E


async def an_execution_is_answered_saved_and_loaded(execution: Execution[Review]) -> None:
    assert_type(await execution.async_continue_with("id", {"ok": True}), Status)
    assert_type(execution.interrupts["id"], Interrupt)
    snapshot = execution.save()
    assert_type(snapshot, Snapshot)
    assert_type(await execution.async_settle(), Status)
    assert_type(execution.next_due, datetime | None)
    reveal_type(execution.load(snapshot))  # R: Execution[Review]
    execution.load(5)  # E
    async for item in execution.stream_continue("id", True):
        assert_type(item, str)
