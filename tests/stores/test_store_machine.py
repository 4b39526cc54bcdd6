"""Random calls on every store, against a dict that does the same."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.budget import budget
from tests.stores.conformance import DURABLE, SHARING, STORES, Kind
from typedflow.errors import ConflictError
from typedflow.stores import FlowStateChange, SnapshotStore, StoredSnapshot
from typedflow.stores.flow_state_sharing import FlowStateUpdate, UpdateKey

T = TypeVar("T")

IDS = st.sampled_from(["a", "A", "b.1", "con"])
FLOWS = st.sampled_from(["", "review", "Review", "a\0", "é"])
STATUSES = st.sampled_from(["running", "waiting", "completed"])
TIMES = st.datetimes(timezones=st.just(UTC)) | st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC)])
DATA = st.binary(max_size=50) | st.binary(min_size=5000, max_size=9000)


class StoreMachine(RuleBasedStateMachine):
    """Compare a store with a dict after every call."""

    kind: Kind

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.store = self.open()
        self.records: dict[str, StoredSnapshot] = {}
        self.flow_states: dict[str, bytes] = {}
        self.values: dict[UpdateKey | None, bytes] = {}

    def open(self) -> SnapshotStore:
        return self.kind.open(Path(self.folder.name))

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(call)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()
        self.folder.cleanup()

    @rule(
        id_=IDS,
        flow=FLOWS,
        status=STATUSES,
        time=TIMES,
        data=DATA,
        step=st.integers(1, 5),
        off_by=st.sampled_from([0, 0, 0, -1, 1, None]),
        added=st.none() | st.binary(max_size=5),
    )
    def put(
        self,
        id_: str,
        flow: str,
        status: str,
        time: datetime,
        data: bytes,
        step: int,
        off_by: int | None,
        added: bytes | None,
    ) -> None:
        stored = self.records.get(id_)
        right = None if stored is None else stored.sequence
        expected = right if off_by == 0 else None if off_by is None else max((right or 0) + off_by, 0)
        record = StoredSnapshot(id_, flow, status, (right or 0) + 1 + step, time, data)
        change = None
        if added is not None and self.store.shares_flow_state:
            change = FlowStateChange(flow, lambda before: (before or b"") + added, ended=None)
        if expected != right:
            with pytest.raises(ConflictError):
                self.run(self.store.put(record, expected=expected, flow_state=change))
            return
        changed = self.run(self.store.put(record, expected=expected, flow_state=change))
        self.records[id_] = record
        if change is not None:
            assert change.replay is not None
            self.flow_states[flow] = change.replay(self.flow_states.get(flow))
            self.values = {key: value for key, value in self.values.items() if key is None or key.execution_id != id_}
        assert changed == (None if change is None else self.flow_states[flow])

    @rule(id_=IDS, flow=FLOWS)
    def put_with_a_change_that_raises(self, id_: str, flow: str) -> None:
        if self.kind.name in SHARING:
            stored = self.records.get(id_)
            record = StoredSnapshot(id_, flow, "", 2**60, datetime.now(UTC) + timedelta(days=1), b"")
            with pytest.raises(ZeroDivisionError):
                self.run(
                    self.store.put(
                        record,
                        expected=None if stored is None else stored.sequence,
                        flow_state=FlowStateChange(flow, lambda before: b"%d" % (1 // 0)),
                    )
                )

    @precondition(lambda self: self.kind.name in SHARING)
    @rule(id_=IDS, flow=FLOWS, step=st.sampled_from("st"), keyed=st.booleans(), sync=st.booleans())
    def update(self, id_: str, flow: str, step: str, keyed: bool, sync: bool) -> None:
        key, store = UpdateKey(id_, step, "call") if keyed else None, cast("Any", self.store)

        def change(stored: bytes | None) -> FlowStateUpdate:
            return FlowStateUpdate((stored or b"") + step.encode(), b"%d" % len(stored or b""))

        if sync:
            found = store.update_flow_state_sync(flow, key, change)
        else:
            found = self.run(store.update_flow_state(flow, key, change))
        if key not in self.values:
            made = change(self.flow_states.get(flow))
            self.flow_states[flow], self.values[key] = made.data, made.value
        assert found == self.values[key]
        self.values.pop(None, None)

    @rule(id_=IDS)
    def delete(self, id_: str) -> None:
        self.values = {key: value for key, value in self.values.items() if key is None or key.execution_id != id_}
        assert self.run(self.store.delete(id_)) is (self.records.pop(id_, None) is not None)

    @rule(flow=st.none() | FLOWS, status=st.none() | STATUSES)
    def list(self, flow: str | None, status: str | None) -> None:
        expected = [r.entry for r in self.records.values() if flow in (None, r.flow) and status in (None, r.status)]
        expected.sort(key=lambda entry: (entry.saved_at, entry.execution_id))
        assert self.run(self.store.list(flow, status)) == expected

    @precondition(lambda self: self.kind.durable)
    @rule(closed=st.booleans())
    def reopen(self, closed: bool) -> None:
        before, self.store = self.store, self.open()
        if closed:
            self.run(before.close())
        else:
            self.run(self.store.list())
            self.run(before.close())

    @invariant()
    def it_holds_what_the_dict_holds(self) -> None:
        for id_ in ("a", "A", "b.1", "con"):
            assert self.run(self.store.get(id_)) == self.records.get(id_)
        for flow in self.flow_states:
            assert self.run(self.store.get_flow_state(flow)) == self.flow_states[flow]


@pytest.mark.long
@pytest.mark.parametrize("name", ["memory", *DURABLE])
def test_random_calls_do_what_they_do_to_a_dict(name: str) -> None:
    machine = type(f"{name}Machine", (StoreMachine,), {"kind": STORES[name]})
    examples = settings(
        max_examples=max(4, int(budget() * 10)),
        stateful_step_count=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=examples)
