"""Every place where an execution that waits keeps a value: flows over one type, each with the moment of a save.

A place builds the same flow over the type before a deploy and over the one after it. The value is made before the save
and seen after the load, so that a row of the table can compare what was kept with what came back.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from typedflow import Contract, Data, Events, Execution, Flow, FlowState, State, Status
from typedflow.stores import MemoryStore

LIST: Any = list
TUPLE: Any = tuple
"""For items that a type checker does not know."""


@dataclass
class Deploy:
    """One definition of a flow: the type that it is about, and what its handlers did."""

    type: Any
    value: Any = None
    fails: bool = False
    version: int = 1
    migrate: Callable[[Any], Any] | None = None
    seen: list[Any] = field(default_factory=list)

    def flow(self, name: str = "deploy", **parts: Any) -> Any:
        """Make the flow of a contract with these parts besides the input."""
        return Flow(self.contract("Job", **parts), name=name)

    def contract(self, name: str, **parts: Any) -> Any:
        """Make a contract of this version, with its migration where the deploy has one."""
        made = make_class(Contract, name, {"input": int, "result": None, **parts}, version=self.version)
        if self.migrate is not None:
            made.migrate(1)(self.migrate)
        return made

    def step(self, name: str, takes: Any, returns: Any, work: Callable[[Data[Any, Any]], Any]) -> Any:
        """Make a handler of this name and these types."""

        def handler(data: Any) -> Any:
            return work(data)

        handler.__name__ = name
        handler.__annotations__ = {"data": Data[Any, takes], "return": returns}
        return handler

    @property
    def make(self) -> Any:
        """Return the value."""
        return self.step("make", int, self.type, lambda data: self.value)

    @property
    def see(self) -> Any:
        """Note the value that comes back; fail before the deploy, so that it is kept in front of this step."""
        return self.step("see", self.type, None, self.noted)

    def noted(self, data: Data[Any, Any]) -> None:
        """Do what `see` does."""
        if self.fails:
            raise ConnectionError("before the deploy")
        self.seen.append(data.value)

    @property
    def ask(self) -> Any:
        """Wait for a number."""
        return self.step("ask", int, int, lambda data: data.pause_for("?"))


def make_class(base: Any, name: str, fields: Mapping[str, Any], **options: Any) -> Any:
    """Make a class with annotations; `options` are those of its class statement, `defaults` those of its fields."""
    defaults = options.pop("defaults", {})
    body = {"__annotations__": dict(fields), "__module__": __name__, **defaults}
    return type(base)(name, (base,), body, **options)


def token(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.to(deploy.make).to(deploy.see)
    return flow


def token_untyped_consumer(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.to(deploy.make).to(deploy.step("see", Any, None, deploy.noted))
    return flow


def token_untyped_producer(deploy: Deploy) -> Any:
    def make(data: Any):  # type: ignore[no-untyped-def]  # that is the point
        return deploy.value

    flow = deploy.flow()
    flow.to(make).to(deploy.see)
    return flow


def token_in_each(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.to(deploy.step("two", int, list[int], lambda data: [1, 2])).for_each().to(deploy.make).to(
        deploy.see
    ).end_for_each()
    return flow


def token_in_case(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.to(deploy.make).match().case(lambda data: True, name="always").to(deploy.see).end_match()
    return flow


def each_source(deploy: Deploy) -> Any:
    flow = deploy.flow()
    items = flow.to(deploy.step("make", int, LIST[deploy.type], lambda data: [deploy.value] * 3))
    items.for_each(concurrency=1).to(deploy.see).end_for_each()
    return flow


def each_slot(deploy: Deploy) -> Any:
    def make_or_ask(data: Data[Any, int]) -> Any:
        return deploy.value if data.value == 1 else ask_once(data)

    def ask_once(data: Data[Any, int]) -> Any:
        data.pause_for("?", interrupt_id="typed")

    flow = deploy.flow()
    items = flow.to(deploy.step("two", int, list[int], lambda data: [1, 2])).for_each()
    items.to(deploy.step("make_or_ask", int, deploy.type, make_or_ask)).end_for_each().to(
        deploy.step("see", LIST[deploy.type], None, lambda data: deploy.seen.append(data.value[0]))
    )
    return flow


def batch_slot(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.batch().branch(deploy.make).branch(deploy.ask).end_batch().to(_first(deploy, Any))
    return flow


def batch_slot_to_tuple(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.batch().branch(deploy.make).branch(deploy.ask).end_batch().to(_first(deploy, TUPLE[deploy.type, int]))
    return flow


def _first(deploy: Deploy, takes: Any) -> Any:
    return deploy.step("see", takes, None, lambda data: deploy.seen.append(data.value[0]))


def batch_source(deploy: Deploy) -> Any:
    flow = deploy.flow()
    batch = flow.to(deploy.make).batch(concurrency=1)
    batch.branch(deploy.step("first", Any, None, lambda data: _fail(deploy))).branch(deploy.see).end_batch()
    return flow


def _fail(deploy: Deploy) -> None:
    if deploy.fails:
        raise ConnectionError("before the deploy")


def batch_value(deploy: Deploy) -> Any:
    flow = deploy.flow()
    ends = flow.batch().branch(deploy.make).branch(deploy.step("one", int, int, lambda data: 1)).end_batch()

    def see(data: Data[Any, Any]) -> None:
        _fail(deploy)
        deploy.seen.append(data.value[0])

    ends.to(see)
    return flow


def match_slot(deploy: Deploy) -> Any:
    flow = deploy.flow()
    match = flow.match(mode="hit_all").case(lambda data: True, name="made").to(deploy.make)
    match.case(lambda data: True, name="asked").to(deploy.ask).end_match().to(_first(deploy, Any))
    return flow


def collect_pool(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.to(deploy.make).collect("both", "made")
    both = flow.to(deploy.ask).collect("both", "asked")
    both.to(deploy.step("see", Any, None, lambda data: deploy.seen.append(data.value["made"])))
    return flow


def collect_value(deploy: Deploy) -> Any:
    flow = deploy.flow()
    flow.to(deploy.make).collect("both", "made")
    both = flow.to(deploy.step("one", int, int, lambda data: 1)).collect("both", "other")

    def see(data: Data[Any, Any]) -> None:
        _fail(deploy)
        deploy.seen.append(data.value["made"])

    both.to(see)
    return flow


def _events(deploy: Deploy) -> Any:
    return make_class(Events, "Bells", {"rung": deploy.type, "knocked": int})


def when_value(deploy: Deploy) -> Any:
    flow = deploy.flow(events=_events(deploy))
    flow.to(deploy.step("ring", int, None, lambda data: data.emit("rung", deploy.value)))
    flow.when("rung").to(deploy.see)
    return flow


def when_or_value(deploy: Deploy) -> Any:
    flow = deploy.flow(events=_events(deploy))
    flow.to(deploy.step("ring", int, None, lambda data: data.emit("rung", deploy.value)))

    def see(data: Data[Any, Any]) -> None:
        _fail(deploy)
        deploy.seen.append(data.value[2])

    flow.when({"event": ["rung", "knocked"]}, mode="or").to(see)
    return flow


def when_and_value(deploy: Deploy) -> Any:
    flow = deploy.flow(events=_events(deploy))

    def ring(data: Data[Any, Any]) -> None:
        data.emit("rung", deploy.value)
        data.emit("knocked", 1)

    def see(data: Data[Any, Any]) -> None:
        _fail(deploy)
        deploy.seen.append(data.value["event"]["rung"])

    flow.to(ring)
    flow.when(["rung", "knocked"]).to(see)
    return flow


def when_and_pool(deploy: Deploy) -> Any:
    flow = deploy.flow(events=_events(deploy))

    def ring(data: Data[Any, int]) -> int:
        data.emit("rung", deploy.value)
        return 1

    flow.to(ring).to(deploy.ask).to(deploy.step("knock", int, None, lambda data: data.emit("knocked", 1)))
    flow.when(["rung", "knocked"]).to(
        deploy.step("see", Any, None, lambda data: deploy.seen.append(data.value["event"]["rung"]))
    )
    return flow


def result(deploy: Deploy) -> Any:
    flow = deploy.flow(result=deploy.type)
    flow.side_branch(deploy.ask).to(deploy.make).end()
    return flow


def state(deploy: Deploy) -> Any:
    layer = make_class(State, "Kept", {"value": LIST[deploy.type]}, defaults={"value": []})
    flow = deploy.flow(state=layer)

    def write(data: Data[Any, int]) -> int:
        data.state.value = [deploy.value]
        return 1

    flow.to(write).to(deploy.ask).to(
        deploy.step("see", int, None, lambda data: deploy.seen.append(data.state.value[0]))
    )
    return flow


def flow_state(deploy: Deploy) -> Any:
    layer = make_class(FlowState, "Shared", {"value": LIST[deploy.type]}, defaults={"value": []})
    flow = deploy.flow(flow_state=layer)

    def write(data: Data[Any, int]) -> int:
        data.flow_state.value = [deploy.value]
        return 1

    flow.to(write).to(deploy.ask).to(
        deploy.step("see", int, None, lambda data: deploy.seen.append(data.flow_state.value[0]))
    )
    return flow


def in_child(deploy: Deploy) -> Any:
    child = Flow(deploy.contract("ChildJob"), name="child")
    child.to(deploy.make).to(deploy.see)
    flow = deploy.flow()
    flow.to_sub_flow(child)
    return flow


def result_of_child(deploy: Deploy) -> Any:
    child: Any = Flow(deploy.contract("ChildJob", result=deploy.type), name="child")
    child.side_branch(deploy.ask).to(deploy.make).end()
    flow = deploy.flow()
    flow.to_sub_flow(child).to(deploy.see)
    return flow


def behind_child(deploy: Deploy) -> Any:
    child: Any = Flow(deploy.contract("ChildJob", result=deploy.type), name="child")
    child.to(deploy.make).end()
    flow = deploy.flow()
    flow.to_sub_flow(child).to(deploy.see)
    return flow


def state_of_child(deploy: Deploy) -> Any:
    layer = make_class(State, "Kept", {"value": LIST[deploy.type]}, defaults={"value": []})
    child: Any = Flow(deploy.contract("ChildJob", state=layer), name="child")

    def write(data: Data[Any, int]) -> int:
        data.state.value = [deploy.value]
        return 1

    child.to(write).to(deploy.ask).to(
        deploy.step("see", int, None, lambda data: deploy.seen.append(data.state.value[0]))
    )
    flow = deploy.flow()
    flow.to_sub_flow(child)
    return flow


PLACES: Final[Mapping[str, Callable[[Deploy], Any]]] = {
    each.__name__: each
    for each in (
        token,
        token_untyped_consumer,
        token_untyped_producer,
        token_in_each,
        token_in_case,
        each_source,
        each_slot,
        batch_slot,
        batch_slot_to_tuple,
        batch_source,
        batch_value,
        match_slot,
        collect_pool,
        collect_value,
        when_value,
        when_or_value,
        when_and_value,
        when_and_pool,
        result,
        state,
        flow_state,
        in_child,
        result_of_child,
        behind_child,
        state_of_child,
    )
}


def saved(place: Callable[[Deploy], Any], deploy: Deploy) -> Any:
    """Run a flow to the moment at which it keeps its value, and return the snapshot."""
    deploy.fails = True
    execution: Execution[Any] = place(deploy).create_execution()

    async def run() -> None:
        with suppress(ConnectionError):
            await execution.async_start(1)

    asyncio.run(run())
    assert execution.status in (Status.WAITING, Status.FAILED), execution.status
    return execution.save().to_bytes()


def finished(execution: Execution[Any]) -> Execution[Any]:
    """Carry an execution to its end: rerun what failed, and answer each question with 1."""

    async def run() -> None:
        if execution.status in (Status.FAILED, Status.RUNNING):
            await execution.async_retry()
        for _ in range(10):
            for interrupt in list(execution.interrupts.values()):
                await execution.async_continue_with(interrupt.id, 1)

    asyncio.run(run())
    return execution


def carried(place: Callable[[Deploy], Any], before: Deploy, after: Deploy) -> Any:
    """Return in builtins what a value is behind a deploy, read by the names of its fields and members."""
    snapshot = saved(place, before)
    execution = place(after).create_execution().load(snapshot)
    return seen_of(place, after, execution)


def seen_of(place: Callable[[Deploy], Any], after: Deploy, execution: Execution[Any]) -> Any:
    """Finish an execution, and return what came back of its value."""
    if place is each_slot:
        given = msgspec.json.decode(msgspec.json.encode(after.value))
        execution.continue_with("typed", given)
    finished(execution)
    assert execution.status is Status.COMPLETED, execution.status
    return named(execution.result if place is result else after.seen[-1])


async def shared(before: Deploy, after: Deploy) -> Any:
    """Return what a flow_state in a store is behind a deploy."""
    store = MemoryStore()
    first = flow_state(before).create_execution(store=store, execution_id="one")
    await first.async_start(1)
    second = await flow_state(after).async_open("one", store=store)
    await second.async_continue_with(next(iter(second.interrupts)), 1)
    return named(after.seen[-1])


def named(value: Any) -> Any:
    """Return a value in builtins in which fields and members of enums have their names."""
    match value:
        case enum.Flag():
            return sorted(member.name for member in type(value) if member in value)
        case enum.Enum():
            return value.name
        case msgspec.Struct():
            return {name: named(getattr(value, name)) for name in value.__struct_fields__}
        case tuple() if hasattr(value, "_asdict"):
            return {name: named(part) for name, part in value._asdict().items()}
        case list() | tuple():
            return [named(part) for part in value]
        case set() | frozenset():
            return sorted((named(part) for part in value), key=repr)
        case dict():
            return {_hashable(named(key)): named(part) for key, part in value.items()}
        case _ if dataclasses.is_dataclass(value):
            return {each.name: named(getattr(value, each.name)) for each in dataclasses.fields(value)}
        case _:
            return value


def _hashable(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
