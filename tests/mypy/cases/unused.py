"""What a contract declares and nothing in its module uses; reported where that is asked for."""

# mypy: enable-error-code="typedflow-unused"

from __future__ import annotations

import msgspec
import shop

from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State


class Approval(msgspec.Struct):
    ok: bool


class Kept(State):
    """The texts of docstrings, such as forgotten, count for nothing."""

    read: int = 0
    written: int = 0
    by_path: str = ""
    nested: Approval | None = None
    given: str = ""
    forgotten: str = ""
    # @4 E: TF698: nothing in this module reads or writes field 'forgotten' of Kept (remove it, or list its class in __all__ if other modules use it)  [typedflow-unused]
    also_forgotten: list[str] = []
    # @4 E: TF698: nothing in this module reads or writes field 'also_forgotten' of Kept (remove it, or list its class in __all__ if other modules use it)  [typedflow-unused]


class Counters(FlowState):
    counted: int = 0
    limit: int = 3
    # @4 E: TF698: nothing in this module reads or writes field 'limit' of Counters (remove it, or list its class in __all__ if other modules use it)  [typedflow-unused]


class Tools(Resources):
    required: str
    by_key: int = 0
    nobodys: str = ""
    # @4 E: TF198: nothing in this module uses resource 'nobodys' of Tools (remove it, or list its class in __all__ if other modules use it)  [typedflow-unused]


class Said(Events):
    heard: Approval
    sent: Approval
    # @4 E: TF598: event 'sent' of Said is emitted in this module, but nothing in it listens to it (listen to it with flow.when("sent"), or remove it)  [typedflow-unused]
    sent_by_an_answer: Approval
    # @4 E: TF598: event 'sent_by_an_answer' of Said is emitted in this module, but nothing in it listens to it (listen to it with flow.when("sent_by_an_answer"), or remove it)  [typedflow-unused]
    mapped: None
    never: None
    # @4 E: TF598: nothing in this module emits event 'never' of Said, or listens to it (remove it, or list its class in __all__ if other modules use it)  [typedflow-unused]


class C(Contract):
    input: int
    result: str
    state: Kept
    flow_state: Counters
    resources: Tools
    events: Said


def begin(data: Data[C, int]) -> str:
    data.state.written = data.state.read
    data.emit("sent", Approval(ok=True))
    data.flow_state.counted += 1
    return data.state.get("by_path") + data.resources.required


def ask(data: Data[C, str]) -> None:
    if data.require_resource("by_key"):
        data.pause_for("?", resume_event="sent_by_an_answer")


def heard(data: Data[C, Approval]) -> str:
    data.state.set("nested", data.value)
    return "x"


flow = Flow(C)
flow.to(begin).side_branch(ask).end()
flow.when_event(Said.heard).to(heard)
flow.when({"event": "mapped"}).to(lambda data: "")
flow.start(1, state=Kept(given="x"), runtime_resources={"required": ""})


# a class that other modules may use is left alone
__all__ = ["Exported", "SharedState"]


class SharedState(State):
    shared: int = 0


class OfShared(Contract):
    input: int
    result: str
    state: SharedState


class Own(State):
    own: int = 0


class Exported(Contract):
    input: int
    result: str
    state: Own


def plain(data: Data[object, int]) -> str:
    return str(data.value)


Flow(OfShared).to(plain).end()
Flow(Exported).to(plain).end()


class NotWired(Contract):
    input: int
    result: str
    state: Own


not_wired = Flow(NotWired)


# classes of other modules are judged there, if at all
class OfAnother(Contract):
    input: int
    result: str
    state: shop.ShopState


Flow(OfAnother).to(plain).end()


# within a function
def build() -> object:
    class Inner(State):
        inner: int = 0
        # @8 E: TF698: nothing in this module reads or writes field 'inner' of Inner (remove it, or list its class in __all__ if other modules use it)  [typedflow-unused]
        used: int = 0

    class OfInner(Contract):
        input: int
        result: str
        state: Inner

    def count(data: Data[OfInner, int]) -> str:
        data.state.used += 1
        return ""

    made = Flow(OfInner)
    made.to(count).end()
    return made
