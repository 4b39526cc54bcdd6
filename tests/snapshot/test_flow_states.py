"""A flow_state in a store, read by a contract that has changed since: by the rules for every saved value."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from typedflow import Contract, Flow, FlowState, SnapshotError, Status
from typedflow.schema.contracts import spec_of
from typedflow.snapshot.flow_states import decode_flow_state, encode_flow_state
from typedflow.stores import SQLiteStore

Layers = dict[str, Any]


def contract(
    fields: Layers, *, version: int = 1, migrations: tuple[Callable[[Layers], Layers], ...] = (), **defaults: Any
) -> Any:
    """Make a contract whose flow_state has these fields."""
    layer: Any = type(FlowState)
    whole: Any = type(Contract)
    counters = layer("Counters", (FlowState,), {"__annotations__": fields, "__module__": __name__, **defaults})
    parts = {"input": int, "result": int, "flow_state": counters}
    made = whole("Job", (Contract,), {"__annotations__": parts, "__module__": __name__}, version=version)
    for number, migration in enumerate(migrations, 1):
        made.migrate(number)(migration)
    return made


def written(made: Any, **fields: Any) -> bytes:
    spec = spec_of(made)
    return encode_flow_state(spec.flow_state(**fields), spec)  # type: ignore[misc]  # it declares one


def read(data: bytes, made: Any) -> Layers:
    return msgspec.to_builtins(decode_flow_state(data, spec_of(made)))  # type: ignore[no-any-return]  # a dict


def rename(layers: Layers) -> Layers:
    return {**layers, "flow_state": {"done": layers["flow_state"]["paid"]}}


def of_the_state(layers: Layers) -> Layers:
    layers["state"]["topic"] = layers["state"].pop("subject")
    return layers


class Before(Enum):
    RED = 1
    BLUE = 2


class After(Enum):
    GREEN = 1
    RED = 2
    BLUE = 3


Before.__name__ = After.__name__ = "Colour"


class Old(NamedTuple):
    x: int
    y: int


class New(NamedTuple):
    y: int
    x: int


First = msgspec.defstruct("Limits", [("low", int, 1), ("high", int, 0)], omit_defaults=True)
Second = msgspec.defstruct("Limits", [("low", int, 99), ("high", int, 0)], omit_defaults=True)

PAID = contract({"paid": int}, paid=0)


@pytest.mark.parametrize(
    "before, fields, after, expected",
    [
        (PAID, {"paid": 5}, contract({"paid": int}, paid=0), {"paid": 5}),
        (PAID, {"paid": 5}, contract({"paid": int, "refunded": int}, paid=0, refunded=7), {"paid": 5, "refunded": 7}),
        (PAID, {"paid": 5}, contract({"done": int}, done=0, version=2, migrations=(rename,)), {"done": 5}),
        (PAID, {"paid": 5}, contract({"paid": int}, paid=0, version=2, migrations=(of_the_state,)), {"paid": 5}),
        (contract({"colour": Before | None}, colour=None), {"colour": Before.BLUE},
         contract({"colour": After | None}, colour=None), {"colour": 3}),
        (contract({"by_key": dict[str, int]}, by_key={}), {"by_key": {"$typedflow": 1}},
         contract({"by_key": dict[str, int], "n": int}, by_key={}, n=0), {"by_key": {"$typedflow": 1}, "n": 0}),
    ],
)  # fmt: skip
def test_flow_state_is_carried_over(before: Any, fields: Layers, after: Any, expected: Layers) -> None:
    assert read(written(before, **fields), after) == expected


@pytest.mark.parametrize(
    "before, fields, after, number, text",
    [
        (PAID, {"paid": 5}, contract({"done": int}, done=0), "TF916", "field 'paid' is gone"),
        (PAID, {"paid": 5}, contract({"paid": str}, paid=""), "TF916", "'paid'"),
        (PAID, {"paid": 5}, contract({"paid": int}, paid=0, version=2), "TF917", "no migration from version 1"),
        (PAID, {"paid": 5}, contract({"done": int}, done=0, version=2, migrations=(of_the_state,)), "TF919", "state"),
        (contract({"paid": int}, paid=0, version=2, migrations=(rename,)), {"paid": 5}, PAID, "TF915", "has version 1"),
        (contract({"paid": int, "refunded": int}, paid=0, refunded=0), {"paid": 5}, PAID, "TF915",
         "the stored Counters was written by newer code: it has 'Counters.refunded' (update this process; if"),
        (contract({"size": Old | None}, size=None), {"size": Old(1, 2)}, contract({"size": New | None}, size=None),
         "TF916", "the order of the fields of New is another"),
        (contract({"limits": First | None}, limits=None), {"limits": First(1, 5)},
         contract({"limits": Second | None}, limits=None), "TF916", "'low' of Limits is left out"),
    ],
)  # fmt: skip
def test_flow_state_that_would_be_read_as_something_else_is_refused(
    before: Any, fields: Layers, after: Any, number: str, text: str
) -> None:
    with pytest.raises(SnapshotError) as caught:
        read(written(before, **fields), after)
    assert caught.value.code == number
    assert text in str(caught.value)


def test_flow_state_of_an_earlier_release_is_read() -> None:
    today = contract({"paid": int, "refunded": int}, paid=0, refunded=0)
    assert read(b'{"paid":5}', today) == {"paid": 5, "refunded": 0}
    with pytest.raises(SnapshotError, match="TF910"):
        read(b'{"done":5}', today)


def with_another_fingerprint(data: bytes) -> bytes:
    fields, mark, rest = data.partition(b'"fingerprint":"')
    return fields + mark + (b"1" if rest[:1] == b"0" else b"0") + rest[1:]


@pytest.mark.parametrize(
    "change", [lambda data: data[:-2], lambda data: data.replace(b"int", b"str"), with_another_fingerprint]
)
def test_header_that_was_changed_is_refused(change: Callable[[bytes], bytes]) -> None:
    today = contract({"paid": int, "refunded": int}, paid=0, refunded=0)
    with pytest.raises(SnapshotError):
        read(change(written(PAID, paid=5)), today)


async def test_stuck_flow_state_can_be_deleted(tmp_path: Path) -> None:
    def flow(made: Any) -> Any:
        def work(data: Any) -> int:
            data.update_flow_state(lambda state: setattr(state, state.__struct_fields__[0], 5))
            return 1

        flow: Any = Flow(made)
        flow.to(work).end()
        return flow

    async with SQLiteStore(tmp_path / "runs.db") as store:
        await flow(PAID).create_execution(store=store).async_start(1)
        changed = flow(contract({"done": int}, done=0))
        with pytest.raises(SnapshotError, match="TF916"):
            await changed.create_execution(store=store).async_start(1)
        assert await store.delete_flow_state("Job")
        assert not await store.delete_flow_state("Job")
        assert await changed.create_execution(store=store).async_start(1) is Status.COMPLETED
        assert changed.flow_state.done == 5
