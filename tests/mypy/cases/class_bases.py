"""What a State, FlowState, Resources or Events class cannot inherit from, define or be decorated with."""

from __future__ import annotations

import dataclasses
from abc import ABC
from collections.abc import Sized
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from typedflow import Contract, Events, FlowState, Resources, State


class Sizes(State):
    pages: int = 0


class Names(State):
    author: str = ""


class Longer(Sizes):
    words: int = 0


class Wider(Sizes):
    lines: int = 0


class Again(Sizes):
    pages: int = 1


class Empty(State): ...


class Counted(FlowState):
    runs: int = 0


class Tools(Resources):
    tool: int = 0


class Others(Resources):
    other: int = 0


class Rung(Events):
    rung: int


class Knocked(Events):
    knocked: int


class Plain(msgspec.Struct):
    text: str = ""


class Slotted:
    __slots__ = ("slot",)


class Mixin:
    def shown(self) -> str:
        return ""


class Makes:
    def __init__(self) -> None: ...


@dataclasses.dataclass
class Record:
    text: str = ""


class Pair(NamedTuple):
    first: int


class HasPages(Protocol):
    pages: int


# bases that can be combined
class Fine(State, Plain): ...


class FineToo(Plain, State): ...


class FineMixed(Sizes, Empty, Mixin): ...


class FineAgain(Again, Sizes): ...


class FineSlots(State, Slotted): ...


# bases that cannot
class Both(Sizes, Names): ...
# @0 E: TF617: Both cannot have the bases 'Sizes', 'Names': each has fields or slots of its own (inherit from one of them, and declare the fields of the other in Both)  [typedflow-state]


class BothLonger(Longer, Wider): ...
# @0 E: TF617: BothLonger cannot have the bases 'Longer', 'Wider': each has fields or slots of its own (inherit from one of them, and declare the fields of the other in BothLonger)  [typedflow-state]


class BothStructs(Sizes, Plain): ...
# @0 E: TF617: BothStructs cannot have the bases 'Sizes', 'Plain': each has fields or slots of its own (inherit from one of them, and declare the fields of the other in BothStructs)  [typedflow-state]


class BothTools(Tools, Others): ...
# @0 E: TF617: BothTools cannot have the bases 'Tools', 'Others': each has fields or slots of its own (inherit from one of them, and declare the fields of the other in BothTools)  [typedflow-state]


class BothEvents(Rung, Knocked): ...
# @0 E: TF617: BothEvents cannot have the bases 'Rung', 'Knocked': each has fields or slots of its own (inherit from one of them, and declare the fields of the other in BothEvents)  [typedflow-state]


class WithSlots(Sizes, Slotted): ...
# @0 E: TF617: WithSlots cannot have the bases 'Sizes', 'Slotted': each has fields or slots of its own (inherit from one of them, and declare the fields of the other in WithSlots)  [typedflow-state]


class TwoKinds(State, FlowState): ...
# @0 E: TF617: TwoKinds cannot be both State and FlowState: its bases are 'State', 'FlowState' (declare one class for each kind)  [typedflow-state]


class TwoKindsMore(Sizes, Counted): ...
# @0 E: TF617: TwoKindsMore cannot be both State and FlowState: its bases are 'Sizes', 'Counted' (declare one class for each kind)  [typedflow-state]


class WithMakes(State, Makes): ...
# @0 E: TF617: WithMakes cannot have the base 'Makes', which defines __init__ (leave it out, and keep what you need of it in a field)  [typedflow-state]


class WithRecord(State, Record): ...
# @0 E: TF617: WithRecord cannot have the base 'Record', which defines __init__ (leave it out, and keep what you need of it in a field)  [typedflow-state]


class WithError(Resources, Exception): ...
# @0 E: TF617: WithError cannot have the base 'Exception', which defines __init__ (leave it out, and keep what you need of it in a field)  [typedflow-state]


class WithAbc(State, ABC): ...
# @0 E: Metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of all its bases  [metaclass]  ("typedflow.schema.layers.LayerMeta" (metaclass of "typedflow.schema.layers.Layer") conflicts with "abc.ABCMeta" (metaclass of "abc.ABC"))


class WithSized(State, Sized): ...
# @0 E: TF617: WithSized cannot have the base 'Sized', an ABC or a protocol (leave it out: a class fits a protocol by its fields, and an ABC by register())  [typedflow-state]


class WithProtocol(State, HasPages): ...
# @0 E: TF617: WithProtocol cannot have the base 'HasPages', an ABC or a protocol (leave it out: a class fits a protocol by its fields, and an ABC by register())  [typedflow-state]


class WithContract(State, Contract): ...
# @0 E: TF617: WithContract cannot have the base 'Contract', which defines __new__ (leave it out, and keep what you need of it in a field)  [typedflow-state]


# members and decorators
class Own(State):
    __slots__ = ("pages",)
    # @4 E: TF617: Own cannot define __slots__ (a Struct has a slot for each of its fields: leave it out)  [typedflow-state]
    pages: int = 0

    def __init__(self, pages: int) -> None: ...
    # @4 E: TF617: Own cannot define __init__ (a Struct takes its fields as parameters: give them defaults, or define __post_init__)  [typedflow-state]

    def __post_init__(self) -> None: ...


class Loose(State):
    pages = 3
    # @4 E: TF617: 'pages' of Loose has a value and no annotation: it is no field (write `pages: int = …`, or `pages: ClassVar[int] = …` for a constant of the class)  [typedflow-state]
    negative = -3.5
    # @4 E: TF617: 'negative' of Loose has a value and no annotation: it is no field (write `negative: float = …`, or `negative: ClassVar[float] = …` for a constant of the class)  [typedflow-state]
    names = ["a"]
    # @4 E: TF617: 'names' of Loose has a value and no annotation: it is no field (write `names: list = …`, or `names: ClassVar[list] = …` for a constant of the class)  [typedflow-state]
    done = False
    # @4 E: TF617: 'done' of Loose has a value and no annotation: it is no field (write `done: bool = …`, or `done: ClassVar[bool] = …` for a constant of the class)  [typedflow-state]
    nothing = None
    # @4 E: TF617: 'nothing' of Loose has a value and no annotation: it is no field (write `nothing: … = …`, or `nothing: ClassVar[…] = …` for a constant of the class)  [typedflow-state]
    made = msgspec.field(default=1)
    # @4 E: TF617: 'made' of Loose has a value and no annotation: it is no field (write `made: … = …`, or `made: ClassVar[…] = …` for a constant of the class)  [typedflow-state]
    chapters: int = 0
    LIMIT: ClassVar[int] = 3
    _secret = 3
    helper = len
    Alias = Sizes


class OwnNew(Events):
    def __new__(cls) -> Any: ...
    # @4 E: TF617: OwnNew cannot define __new__ (a Struct takes its fields as parameters: give them defaults, or define __post_init__)  [typedflow-state]


@dataclasses.dataclass
#^ E: TF617: Decorated cannot be made a dataclass: it is a Struct (take @dataclass away)  [typedflow-state]
class Decorated(State):
    pages: int = 0


@dataclasses.dataclass(kw_only=True)
#^ E: TF617: DecoratedTools cannot be made a dataclass: it is a Struct (take @dataclass away)  [typedflow-state]
class DecoratedTools(Resources):
# @0 E: Non-frozen dataclass cannot inherit from a frozen dataclass  [misc]
    tool: int = 0


# contracts
class HasState:
    state: Sizes


class Mixed(HasState, Contract):
# @0 E: TF617: 'state' of contract 'Mixed' comes from HasState, which is no Contract (declare `class HasState(Contract, abstract=True): …`, or repeat 'state' in Mixed)  [typedflow-state]
    input: int
    result: int


class Repeated(HasState, Contract):
    input: int
    result: int
    state: Sizes
