"""A store that does something of a test's own in the middle of a save."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.execution.faulty import Fault, FaultyStore
from typedflow.stores.flow_state_sharing import FlowStateChange
from typedflow.stores.records import StoredSnapshot


class HookedStore(FaultyStore):
    """Call `during[status]` in the first save of this status, and fail as `faults` says."""

    def __init__(
        self, during: dict[str, Callable[[], object]] | None = None, faults: dict[int, Fault] | None = None
    ) -> None:
        super().__init__(random.Random(0), faults)
        self.during = during or {}

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        hook = self.during.pop(record.status, None)
        if hook is not None:
            hook()
        return await super().put(record, expected=expected, flow_state=flow_state)
