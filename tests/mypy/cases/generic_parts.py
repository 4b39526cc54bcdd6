"""Parts that are type variables, and parts that a contract narrows."""

from __future__ import annotations

from typing import Generic, reveal_type

from typing_extensions import TypeVar

from typedflow import Contract, Data, Events, Flow, FlowState, Resources, State


class Kept(State):
    topic: str = ""


class More(Kept):
    drafts: int = 0


class Tools(Resources):
    logger: int


class Better(Tools):
    search: str


class Counters(FlowState):
    runs: int = 0


class Rung(Events):
    rung: int


class Loud(Rung):
    loud: bool


T = TypeVar("T")
S = TypeVar("S", covariant=True, bound=Kept, default=Kept)
R = TypeVar("R", covariant=True, bound=Tools)
E = TypeVar("E", covariant=True, bound=Rung)
Wrong = TypeVar("Wrong", bound=Tools)
Either = TypeVar("Either", Kept, Counters)


class Base(Contract, Generic[T, R, E, S]):
    input: T
    result: str
    state: S
    resources: R
    events: E


class Middle(Base[int, R, E, S], Generic[R, E, S]): ...


class Sub(Middle[Better, Loud, More]): ...


class Settled(Middle[Tools, Rung]): ...


def on_base(data: Data[Base[int, Tools, Rung, Kept], int]) -> int:
    data.state.set("topic", "x")
    data.state.set("drafts", 3)
    #              ^ E: TF202: Kept has no field 'drafts' (its fields: 'topic')  [typedflow-path]
    data.emit("rung", data.require_resource("logger"))
    data.emit("loud", True)
    #         ^ E: TF501: contract 'Base' declares no event 'loud' (declared: 'rung')  [typedflow-event]
    data.require_resource("search")
    #                     ^ E: TF101: Tools declares no resource 'search' (declared: 'logger')  [typedflow-resource]
    return data.value


def on_sub(data: Data[Sub, int]) -> str:
    data.state.set("drafts", 3)
    data.state.set("draft", 3)
    #              ^ E: TF202: More has no field 'draft' (did you mean 'drafts'?)  [typedflow-path]
    data.emit("loud", True)
    data.emit("loud", "x")
    #                 ^ E: TF502: event 'loud' carries bool, not str (emit it with a value of bool)  [typedflow-event]
    return data.require_resource("search")


def on_any(data: Data[Base[int, Tools, Rung], object]) -> str:
    reveal_type(data.state)
    #           ^ R: generic_parts.Kept
    reveal_type(data.require_resource("logger"))
    #           ^ R: int
    return ""


flow = Flow(Sub)
reveal_type(flow.to(on_base))
#           ^ R: typedflow.api.process.Process[generic_parts.Sub, int, None]
flow.to(on_sub).end()
flow.to(on_any).end()
reveal_type(flow.when("loud"))
#           ^ R: typedflow.api.process.Process[generic_parts.Sub, bool, None]
reveal_type(flow.when({"state": "drafts"}))
#           ^ R: typedflow.api.process.Process[generic_parts.Sub, int, None]
flow.create_execution(state={"drafts": 1, "topic": "x"}, runtime_resources={"search": 3, "loger": 3})
#                                                                                     ^ E: TF103: resource 'search' is declared as str, not int (give an instance of str)  [typedflow-resource]
#                                                                                        ^ E: TF101: Better declares no resource 'loger' (did you mean 'logger'?)  [typedflow-resource]
reveal_type(Flow(Settled).create_execution().state)
#           ^ R: generic_parts.Kept
Flow(Settled).to(on_sub)
#                ^ E: TF716: step 'on_sub' takes Data[Sub, …], and its flow is of contract 'Settled' (annotate its parameter Data[Settled, …], or with a protocol of the parts that it needs)  [typedflow-flow]


class Narrowed(Contract, abstract=True):
    input: int
    state: Kept


class Narrow(Narrowed):
    result: str
    state: More


def on_narrowed(data: Data[Narrowed, int]) -> str:
    return data.state.get("topic")


def on_narrow(data: Data[Narrow, str]) -> str:
    reveal_type(data.state.get("drafts"))
    #           ^ R: int
    return ""


Flow(Narrow).to(on_narrowed).to(on_narrow).end()


# type variables that cannot be parts, and generic classes
class Unbound(Contract, Generic[T]):
    input: int
    result: int
    state: T
    #      ^ E: TF605: 'state' of contract 'Unbound' is the type variable T, and has to be a subclass of State (bind it: `TypeVar('T', bound=…State)`)  [typedflow-state]


class WrongBound(Contract, Generic[Wrong]):
    input: int
    result: int
    state: Wrong
    #      ^ E: TF605: 'state' of contract 'WrongBound' has to be a subclass of State, not Tools (declare `class WrongBoundState(State): …` and name it here)  [typedflow-state]


class WrongChoice(Contract, Generic[Either]):
    input: int
    result: int
    state: Either
    #      ^ E: TF605: 'state' of contract 'WrongChoice' has to be a subclass of State, not Counters (declare `class WrongChoiceState(State): …` and name it here)  [typedflow-state]


class Outside(Base[int, Tools, Rung, Counters]): ...
#                                    ^ E: Type argument "Counters" of "Base" must be a subtype of "Kept"  [type-var]


class Paged(State, Generic[T]):
    pages: list[T] = []


class Words(Paged[str]): ...


class OfGeneric(Contract):
    input: int
    result: int
    state: Paged  # type: ignore[type-arg]
    #      ^ E: TF605: 'state' of contract 'OfGeneric' has to be a subclass of State without type parameters, not Paged (declare `class OfGenericState(Paged[…]): …` with its arguments and name it here)  [typedflow-state]  (Error code "typedflow-state" not covered by "type: ignore[type-arg]" comment)


class OfArguments(Contract):
    input: int
    result: int
    state: Paged[int]
    #      ^ E: TF605: 'state' of contract 'OfArguments' has to be a subclass of State without type parameters, not Paged[int] (declare `class OfArgumentsState(Paged[int]): …` with its arguments and name it here)  [typedflow-state]


class OfWords(Contract):
    input: int
    result: int
    state: Words


def words(data: Data[OfWords, int]) -> int:
    data.state.append("pages", 3)
    #                          ^ E: TF601: 'pages[...]' of state takes str, not int  [typedflow-state]
    return len(data.state.pages[0])
