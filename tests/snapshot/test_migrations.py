"""Versions of a contract: chains of migrations, and what is refused without one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw

from typedflow import Contract, ContractError, Flow, FlowState, Snapshot, SnapshotError, State
from typedflow.engine.status import Status
from typedflow.schema.contracts import check_migrations, spec_of
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.documents import ENCODE, Format
from typedflow.snapshot.migrations import run_chain, saved_shape, settle_layers

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOTH_FORMATS = pytest.mark.parametrize("format", ["json", "msgpack"])


class OldState(State):
    topic: str = "x"
    raw: bytes = b"\1"
    day: date = date(2026, 1, 1)
    by_id: dict[int, str] = msgspec.field(default_factory=lambda: {1: "a"})


class NewState(State):
    subject: str
    raw: bytes = b""
    day: date | None = None
    by_id: dict[int, str] = {}
    more: int = 0


class Counters(FlowState):
    n: int = 0


class Old(Contract):
    input: int
    result: int
    state: OldState
    flow_state: Counters


def new_contract(version: int = 3) -> type[Contract]:
    """Make a later contract with no migrations yet."""

    class Review(Contract, version=version):
        input: int
        result: int
        state: NewState
        flow_state: Counters

    return Review


def rename(saved: dict[str, Any]) -> dict[str, Any]:
    saved["state"]["subject"] = saved["state"].pop("topic")
    return saved


def keep(saved: dict[str, Any]) -> dict[str, Any]:
    return saved


def chained(first: Callable[[dict[str, Any]], Any] = rename) -> type[Contract]:
    """Make a later contract with both of its migrations."""
    contract = new_contract()
    contract.migrate(1)(first)
    contract.migrate(2)(keep)
    return contract


def snapshot(format: Format = "json", *, state: State | None = None, version: int = 1, **changes: Any) -> Snapshot:
    """Return a snapshot that the old contract saved, under the new one's name."""
    old = saved_shape(spec_of(Old))
    made: dict[str, Any] = {
        "encoding": format,
        "flow": "review",
        "contract": "Review",
        "version": version,
        "fingerprint": old.fingerprint,
        "plan": "",
        "execution_id": "e",
        "sequence": 1,
        "status": Status.WAITING,
        "created": NOW,
        "saved": NOW,
        "shape": old.raw[format],
        "state": compile_codec(OldState).encode(state or OldState(topic="t"), "state", format),
        "flow_state": compile_codec(Counters).encode(Counters(n=2), "flow_state", format),
    }
    return Snapshot(**(made | changes))


@BOTH_FORMATS
def test_chain_leads_to_the_state_of_today(format: Format) -> None:
    layers = settle_layers(snapshot(format), spec_of(chained()))
    assert compile_codec(NewState).decode(layers.state, "state", format) == NewState(
        subject="t", raw=b"\1", day=date(2026, 1, 1), by_id={1: "a"}
    )
    assert compile_codec(Counters).decode(layers.flow_state, "flow_state", format) == Counters(n=2)


@BOTH_FORMATS
def test_migration_sees_json_whatever_the_encoding(format: Format) -> None:
    seen = []
    contract = chained(lambda saved: (seen.append(repr(saved)), rename(saved))[1])  # type: ignore[func-returns-value]
    settle_layers(snapshot(format), spec_of(contract))
    state = {"topic": "t", "raw": "AQ==", "day": "2026-01-01", "by_id": {"1": "a"}}
    assert seen == [repr({"state": state, "flow_state": {"n": 2}, "values": {}})]


def test_migration_is_given_back_by_its_decorator() -> None:
    assert new_contract().migrate(1)(rename) is rename


def test_absent_layer_stays_absent() -> None:
    layers = settle_layers(snapshot(flow_state=UNSET), spec_of(chained()))
    assert layers.flow_state is UNSET


BROKEN: list[tuple[Callable[[dict[str, Any]], Any], str, str, str]] = [
    (lambda saved: 1 / 0, "TF919", "version", "from version 1 to 2 raised ZeroDivisionError: division by zero"),
    (lambda saved: None, "TF919", "version", "gave None, not the saved layers"),
    (
        lambda saved: {"stat": {}},
        "TF919",
        "version",
        "gave a layer 'stat' (str): there are 'state', 'flow_state', 'values', 'result'",
    ),
    (lambda saved: {"state": {"day": date(2026, 1, 1)}}, "TF919", "version", "at 'state.day', which is no builtin"),
    (lambda saved: {"state": [saved, saved]} | {"state": loop()}, "TF919", "version", "nested too deep"),
    (lambda saved: {"state": {}}, "TF912", "state", "missing required field `subject`"),
    (lambda saved: {"state": {"subject": 1}}, "TF912", "state.subject", "Expected `str`"),
    (lambda saved: {"state": {"subject": "a", "topic": "b"}}, "TF910", "state", "unknown field 'topic'"),
]


def loop() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


@pytest.mark.parametrize("migration, code, path, reason", BROKEN)
def test_broken_migration_is_named(
    migration: Callable[[dict[str, Any]], Any], code: str, path: str, reason: str
) -> None:
    with pytest.raises(SnapshotError) as caught:
        settle_layers(snapshot(), spec_of(chained(migration)))
    assert (caught.value.code, caught.value.path) == (code, path)
    assert reason in str(caught.value)


def test_layer_that_the_contract_does_not_declare_is_refused() -> None:
    class Review(Contract, version=2):
        input: int
        result: int
        state: NewState

    Review.migrate(1)(rename)
    with pytest.raises(SnapshotError, match="'Review' declares no flow_state"):
        settle_layers(snapshot(), spec_of(Review))


def test_missing_migration_is_refused() -> None:
    with pytest.raises(SnapshotError, match="no migration from version 1") as caught:
        run_chain(new_contract(), 1, {})
    assert caught.value.code == "TF917"


def test_place_of_a_child_is_named() -> None:
    with pytest.raises(SnapshotError) as caught:
        settle_layers(snapshot(), spec_of(new_contract()), "children[0].")
    assert caught.value.path == "children[0].version"


@pytest.mark.parametrize(
    "changes, code, path", [({"contract": "Other"}, "TF914", "contract"), ({"version": 9}, "TF915", "version")]
)
def test_snapshot_of_another_contract_is_refused(changes: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        settle_layers(snapshot(**changes), spec_of(chained()))
    assert (caught.value.code, caught.value.path) == (code, path)


def test_change_without_a_version_is_refused_with_the_difference() -> None:
    with pytest.raises(SnapshotError) as caught:
        settle_layers(snapshot(version=3), spec_of(new_contract(3)))
    assert caught.value.code == "TF916"
    assert caught.value.path == "shape"
    assert str(caught.value).startswith(
        "TF916: NewState changed without a new contract version: field 'topic' is gone; "
        "field 'subject' is new and has no default; field 'day' was date and is None | date; field 'more' is new "
    )


def test_shape_that_is_not_the_one_of_the_fingerprint_is_refused() -> None:
    with pytest.raises(SnapshotError) as caught:
        settle_layers(snapshot(version=3, shape=Raw(ENCODE["json"]({}))), spec_of(new_contract(3)))
    assert caught.value.code == "TF906"


def test_layer_gone_without_a_version_is_refused() -> None:
    class Review(Contract):
        input: int
        result: int
        state: OldState

    with pytest.raises(SnapshotError, match="flow_state changed without a new contract version") as caught:
        settle_layers(snapshot(), spec_of(Review))
    assert caught.value.code == "TF916"


def test_same_shape_needs_nothing() -> None:
    class Review(Contract):
        input: int
        result: int
        state: OldState
        flow_state: Counters

    made = snapshot()
    layers = settle_layers(made, spec_of(Review))
    assert layers.state is made.state
    assert layers.added == frozenset()


def test_field_with_a_default_may_be_added() -> None:
    class OldStateAndMore(State):
        topic: str = "x"
        raw: bytes = b"\1"
        day: date = date(2026, 1, 1)
        by_id: dict[int, str] = msgspec.field(default_factory=lambda: {1: "a"})
        more: int = 7

    class Review(Contract):
        input: int
        result: int
        state: OldStateAndMore
        flow_state: Counters

    layers = settle_layers(snapshot(), spec_of(Review))
    assert layers.added == {"OldStateAndMore.more"}
    state = compile_codec(OldStateAndMore).decode(layers.state, "state", added=layers.added)
    assert (state.topic, state.more) == ("t", 7)


@pytest.mark.parametrize(
    "version, function, reason",
    [
        (0, keep, "its own version is 3"),
        (3, keep, "its own version is 3"),
        ("1", keep, "its own version is 3"),
        (True, keep, "its own version is 3"),
        (1, 5, "5 (int) is no function"),
        (2, keep, "there is one already"),
    ],
)
def test_migration_out_of_place_is_refused(version: Any, function: Any, reason: str) -> None:
    contract = new_contract()
    contract.migrate(2)(keep)
    with pytest.raises(ContractError) as caught:
        contract.migrate(version)(function)
    assert caught.value.code == "TF918"
    assert reason in str(caught.value)


def test_gap_in_the_chain_is_reported_by_the_flow() -> None:
    contract = new_contract(4)
    contract.migrate(1)(keep)
    contract.migrate(3)(keep)
    with pytest.raises(ContractError, match="no migration from version 2") as caught:
        Flow(contract)
    assert [problem.number for problem in caught.value.problems] == ["TF917"]


def test_chain_may_begin_late_or_be_absent() -> None:
    assert check_migrations(new_contract()) == []
    contract = new_contract()
    contract.migrate(2)(keep)
    assert check_migrations(contract) == []


def test_migrations_are_not_inherited() -> None:
    base = chained()

    class Later(base, version=3):  # type: ignore[misc, valid-type, call-arg]  # made at run time
        pass

    with pytest.raises(SnapshotError, match="no migration from version 1"):
        run_chain(Later, 1, {})
