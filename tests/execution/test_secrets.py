"""No text of a resource stands in an error, a note, a log, a repr or a snapshot, wherever its value was put."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State, TypedflowError
from typedflow.stores import SQLiteStore
from typedflow.testing import make_data

SECRET = "sk-live-0123456789-CANARY"
LONG = "eyJhbGciOi" + "J" * 200 + "CANARY"
BYTES = b"sk-live-\xff-CANARY"


class Client:
    """A client that shows its token in every text."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __repr__(self) -> str:
        return f"Client({self.token!r})"


@dataclass
class Settings:
    url: str


CLIENT = Client(SECRET)


class Keys(Resources):
    client: Client
    api_key: str
    long_key: str = ""
    raw_key: bytes = b""
    settings: Settings | None = None
    spare: Client | None = None


class Kept(State):
    count: int = 0
    names: list[int] = []
    table: dict[str, int] = {}
    text: str | None = None


class Shared(FlowState):
    count: int = 0


class Given(Events):
    given: int


class Job(Contract):
    input: object
    result: int | None
    state: Kept
    flow_state: Shared
    resources: Keys
    events: Given
    stream: int


RESOURCES: dict[str, Any] = {
    "client": CLIENT,
    "api_key": SECRET,
    "long_key": LONG,
    "raw_key": BYTES,
    "settings": Settings(f"https://user:{SECRET}@host"),
}
SECRETS: list[Any] = [
    SECRET,
    LONG,
    BYTES,
    CLIENT,
    RESOURCES["settings"],
    [SECRET],
    {"key": [CLIENT]},
    {SECRET: "a"},
    f"Bearer {SECRET}",
    RESOURCES,
]


def run(handler: Callable[[Any], Any], value: object = 0, **options: Any) -> None:
    flow: Any = Flow(Job)
    flow.to(handler).end()
    flow.start(value, runtime_resources=RESOURCES, **options)


def shown(error: BaseException) -> str:
    """Return all that a log or a person sees of an error."""
    problems = repr(getattr(error, "problems", ""))
    return "".join(traceback.format_exception(error, chain=True)) + str(error) + repr(error) + problems


def error_of(way: Callable[[Any], None], secret: Any) -> BaseException | None:
    try:
        way(secret)
    except (TypedflowError, TypeError) as error:
        return error
    return None


def leaks(text: str) -> bool:
    return any(part in text for part in ("CANARY", "sk-live", "J" * 20, "0123456789"))


def in_step(put: Callable[[Any, Any], Any]) -> Callable[[Any], None]:
    def act(secret: Any) -> None:
        def handler(data: Data[Job, object]) -> Any:
            return put(data, secret)

        run(handler)

    return act


def returned(secret: Any) -> None:
    def handler(data: Data[Job, object]) -> int:
        return secret  # type: ignore[no-any-return]

    run(handler)


def in_thread(secret: Any) -> None:
    def handler(data: Data[Job, object]) -> int:
        data.state.count = secret
        return 1

    flow: Any = Flow(Job)
    flow.to(handler, thread=True).end()
    flow.start(0, runtime_resources=RESOURCES)


def in_items(secret: Any) -> None:
    def many(data: Data[Job, object]) -> list[int]:
        return [1, 2]

    def handler(data: Data[Job, int]) -> int:
        return secret  # type: ignore[no-any-return]

    flow: Any = Flow(Job)
    flow.to(many).for_each().to(handler).end_for_each().to(lambda data: 1).end()
    flow.start(0, runtime_resources=RESOURCES)


class Narrow(Resources):
    client: int


class ChildJob(Contract):
    input: int
    result: int
    resources: Narrow


def in_child(secret: Any) -> None:
    class Parent(Contract):
        input: Any
        result: int
        resources: Keys

    child: Any = Flow(ChildJob, name="child")
    child.to(lambda data: 1).end()
    child.set_runtime_resource("client", secret)


def injected(where: str) -> Callable[[Any], None]:
    def act(secret: Any) -> None:
        flow: Any = Flow(Job)
        flow.to(lambda data: data.set_resource("spare", secret)).end()
        wrong = {**RESOURCES, "spare": secret}
        match where:
            case "flow":
                flow.update_runtime_resources(spare=secret)
            case "key":
                flow.set_runtime_resource("spare", secret)
            case "start":
                flow.start(0, runtime_resources=wrong)
            case "execution":
                flow.create_execution().set_runtime_resource("spare", secret)
            case "instance":
                flow.create_execution(runtime_resources=Keys(**wrong))
            case "step":
                flow.start(0, runtime_resources=RESOURCES)
            case "load":
                snapshot = flow.create_execution().save()
                flow.create_execution().load(snapshot, runtime_resources=wrong)
            case _:
                make_data(Job, 0, resources=wrong)

    return act


def answered(secret: Any) -> None:
    def ask(data: Data[Job, object]) -> int:
        data.pause_for("?")

    flow: Any = Flow(Job)
    flow.to(ask).end()
    execution = flow.create_execution(runtime_resources=RESOURCES)
    execution.start(0)
    execution.continue_with(*execution.interrupts, secret)


def outside(call: Callable[[Any, Any], Any]) -> Callable[[Any], None]:
    def act(secret: Any) -> None:
        flow: Any = Flow(Job)
        flow.to(lambda data: 1).end()
        flow.update_runtime_resources(RESOURCES)
        call(flow, secret)

    return act


def alone(call: Callable[[Any, Any], Any]) -> Callable[[Any], None]:
    return lambda secret: call(make_data(Job, 0, resources=RESOURCES), secret)


def not_json(data: Any, secret: Any) -> None:
    data.pause_for([secret, object(), float("nan")])


WAYS: dict[str, Callable[[Any], None]] = {
    "write": in_step(lambda data, secret: setattr(data.state, "count", secret)),
    "path": in_step(lambda data, secret: data.state.set("count", secret)),
    "append": in_step(lambda data, secret: data.state.append("names", secret)),
    "in place": in_step(lambda data, secret: data.state.names.append(secret)),
    "dict": in_step(lambda data, secret: data.state.table.update(a=secret)),
    "flow_state": in_step(lambda data, secret: setattr(data.flow_state, "count", secret)),
    "update": in_step(lambda data, secret: data.update_flow_state(lambda s: setattr(s, "count", secret))),
    "legacy": in_step(lambda data, secret: data.set_runtime_data("count", secret)),
    "return": returned,
    "result": in_step(lambda data, secret: data.set_result(secret)),
    "emit": in_step(lambda data, secret: data.emit("given", secret)),
    "event name": in_step(lambda data, secret: data.emit(SECRET, 1)),
    "stream": in_step(lambda data, secret: data.put(secret)),
    "pause": in_step(not_json),
    "pause type": in_step(lambda data, secret: data.pause_for("?", type=secret + "\ud800")),
    "pause id": in_step(lambda data, secret: data.pause_for("?", interrupt_id=f"{SECRET} ")),
    "resource key": in_step(lambda data, secret: data.require_resource(SECRET)),
    "state path": in_step(lambda data, secret: data.state.set(SECRET, 1)),
    "thread": in_thread,
    "item": in_items,
    "child": in_child,
    "answer": answered,
    "create": outside(lambda flow, secret: flow.create_execution(state={"count": secret})),
    "outside emit": outside(lambda flow, secret: flow.create_execution().emit("given", secret)),
    "outside update": outside(lambda flow, secret: flow.update_flow_state(lambda s: setattr(s, "count", secret))),
    "alone emit": alone(lambda data, secret: data.emit("given", secret)),
    "alone result": alone(lambda data, secret: data.set_result(secret)),
    "alone put": alone(lambda data, secret: data.put(secret)),
    "alone pause": alone(not_json),
    **{f"at {w}": injected(w) for w in ["flow", "key", "start", "execution", "instance", "step", "load", "alone"]},
}


@pytest.mark.parametrize("way", WAYS)
def test_no_error_shows_a_resource(
    way: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    refused = 0
    for secret in SECRETS:
        error = error_of(WAYS[way], secret)  # None: in some of the places some of the values are good ones
        if error is not None:
            refused += 1
            assert not leaks("".join([str(error), repr(error), *getattr(error, "__notes__", ())])), (way, secret)
    assert refused > 0
    assert not leaks(caplog.text)
    assert not leaks("".join(capsys.readouterr()))


def test_what_a_save_refuses_shows_no_resource() -> None:
    def hand_on(data: Data[Job, object]) -> Any:
        return [data.require_resource("client")]

    def fail(data: Data[Job, Any]) -> int:
        raise RuntimeError

    flow: Any = Flow(Job)
    flow.to(hand_on).to(fail).end()
    execution = flow.create_execution(runtime_resources=RESOURCES)
    with pytest.raises(RuntimeError):
        execution.start(0)
    for format in ("json", "msgpack"):
        with pytest.raises(TypedflowError, match=r"TF902.* a value of Client at '\[0\]'") as caught:
            execution.save(format=format)
        assert not leaks(shown(caught.value))


async def test_no_byte_of_a_store_is_of_a_resource(tmp_path: Any) -> None:
    def work(data: Data[Job, object]) -> int:
        data.state.count += 1
        data.flow_state.count += 1
        data.pause_for("?")

    flow: Any = Flow(Job)
    flow.to(work).end()
    async with SQLiteStore(tmp_path / "store.db") as store:
        execution = flow.create_execution(runtime_resources=RESOURCES, store=store, checkpoint="step")
        await execution.async_start(0)
        assert not leaks(execution.save().to_bytes().decode())
        assert not leaks(execution.save(format="msgpack").to_bytes().decode("latin-1"))
    assert not leaks("".join(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir()))


def test_the_repr_of_resources_shows_classes_only() -> None:
    keys = Keys(**RESOURCES)
    assert repr(keys) == (
        "Keys(client=<Client>, api_key=<str>, long_key=<str>, raw_key=<bytes>, settings=<Settings>, spare=<None>)"
    )
    assert not leaks(repr([keys]) + str(keys) + f"{keys}" + repr(list(keys.__rich_repr__())))

    def handler(data: Data[Job, object]) -> int:
        assert not leaks(repr(data) + repr(data.resources) + repr(data.state))
        return 1

    run(handler)


def test_an_ordinary_value_is_shown_as_it_is() -> None:
    """A number, None and short texts inside of a resource conceal nothing."""

    class Few(Resources):
        retries: int
        mode: str
        names: list[str]

    class Small(Contract):
        input: object
        result: None
        state: Kept
        resources: Few

    def handler(data: Data[Small, object]) -> None:
        for value, text in [
            (2.5, "2.5 (float)"),
            ("a", "'a' (str)"),
            ("rapid", "'rapid' (str)"),
            (b"x", "b'x' (bytes)"),
        ]:
            with pytest.raises(TypedflowError, match="TF601") as caught:
                data.state.count = value  # type: ignore[assignment]
            assert text in str(caught.value)
        with pytest.raises(TypedflowError, match="not a value of str"):
            data.state.count = "fast"  # type: ignore[assignment]

    flow: Any = Flow(Small)
    flow.to(handler)
    flow.start(0, runtime_resources={"retries": 3, "mode": "fast", "names": ["a", "x"]})


def test_what_cannot_be_searched_conceals_no_error() -> None:
    class Odd:
        __slots__ = ("lost", "token")

        def __init__(self) -> None:
            self.token = SECRET

        def __getattribute__(self, name: str) -> Any:
            if name == "__class__":
                return type(self)
            raise RuntimeError(name)

        def __repr__(self) -> str:
            raise RuntimeError

    class Holder(Resources):
        odd: Any
        ring: list[Any]
        cls: Any
        record: Any

    class Small(Contract):
        input: object
        result: None
        state: Kept
        resources: Holder

    class Record(msgspec.Struct):
        token: str

    ring: list[Any] = [SECRET]
    ring.append(ring)

    def handler(data: Data[Small, object]) -> None:
        for value in (SECRET, Odd(), [Odd()], ring, Record(SECRET)):
            with pytest.raises(TypedflowError, match="TF601") as caught:
                data.state.count = value  # type: ignore[assignment]
            assert not leaks(str(caught.value))

    flow: Any = Flow(Small)
    flow.to(handler)
    flow.start(0, runtime_resources={"odd": Odd(), "ring": ring, "cls": Record, "record": Record(SECRET)})
