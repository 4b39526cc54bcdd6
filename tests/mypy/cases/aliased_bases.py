"""Base classes that are named by an alias are checked as under their own names."""

from __future__ import annotations

import sqlite3
from typing import Annotated, TypeAlias

import aliases
import typing_extensions
from aliases import (
    Again,
    Agreement,
    Base,
    Counting,
    Draft,
    DraftAlias,
    HoldingAny,
    HoldingInt,
    KeptAlias,
    Namespace,
    Plain,
    Quoted,
    Record,
    Settings,
    Tools,
)

import typedflow as tf
from typedflow import State as Renamed

Far = aliases.Plain
Explicit: TypeAlias = aliases.Base
Typed: typing_extensions.TypeAlias = Renamed


class OfBase(Base):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfBase cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfQuoted(Quoted):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfQuoted cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfPlain(Plain, frozen=True):
#                           ^ E: TF609: OfPlain cannot be declared with frozen: a state is there to be written (leave frozen out)  [typedflow-state]
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfPlain cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfAgain(Again):
    drafts: list[str] = ["x"]
    #                   ^ E: TF616: field 'drafts' of OfAgain has as its default a list with something in it, and every OfAgain would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]


class OfFar(Far):
    get: int = 0
    # @4 E: TF608: OfFar cannot have a field 'get': the name is a method of every layer, or Python's own (rename it, to 'get_value' for instance)  [typedflow-state]


class OfModule(aliases.Plain, tag="x"):
#                                 ^ E: TF609: OfModule cannot be declared with tag: a state is saved under its contract, which names it already (leave tag out)  [typedflow-state]
    pass


class OfExplicit(Explicit):
    draft: Draft = Draft()
    #              ^ E: TF616: field 'draft' of OfExplicit has as its default Draft(…), which is not frozen, and every OfExplicit would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`, or declare Draft frozen)  [typedflow-state]
    other: Draft = DraftAlias()
    #              ^ E: TF616: field 'other' of OfExplicit has as its default Draft(…), which is not frozen, and every OfExplicit would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`, or declare Draft frozen)  [typedflow-state]
    settings: Settings = Settings()


class Cat(Record, tag=True):
    name: str


class Dog(Record, tag="dog"):
    name: str


class OfTagged(Plain):
    pets: list[Cat | Dog] = []


class OfTyped(Typed):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfTyped cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfRenamed(Renamed):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfRenamed cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfKept(KeptAlias):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfKept cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfHeldInt(HoldingInt):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfHeldInt cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfHeld(HoldingAny[str]):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfHeld cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfChecked(aliases.Checked):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfChecked cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfNamespace(Namespace.Base):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfNamespace cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfAnnotated(Annotated[tf.State, "noted"]):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfAnnotated cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfFlowState(Counting):
    last: list[Draft] = []
    draft: Draft | None = None


class Growing(Record):
    lines: list[str] = []


class OfGrowing(Counting):
    growing: Growing | None = None
    #        ^ N: TF615: field 'growing' of OfGrowing is Growing | None, which can grow: a flow_state is for flags and counters (keep what belongs to one execution in its State)


class OfTools(Tools):
    get: int
    # @4 E: TF608: OfTools cannot have a field 'get': the name is a method of every layer, or Python's own (rename it, to 'get_value' for instance)  [typedflow-state]


class Fixed(Record, frozen=True, rename="camel"):
    max_items: int = 0


class OfContract(Agreement, version=0):
#                                   ^ E: TF614: the version of contract 'OfContract' is a whole number from 1, not 0 (int) (write `class OfContract(Contract, version=2)`)  [typedflow-state]
    input: int
    result: int
    reslut: int
    # @4 E: TF607: contract 'OfContract' has no part 'reslut' (parts: 'flow_state', 'resources', 'events', 'stream')  [typedflow-state]
    state: dict[str, int]
    #      ^ E: TF605: 'state' of contract 'OfContract' has to be a subclass of State, not dict[str, int] (declare `class OfContractState(State): …` and name it here)  [typedflow-state]


class Child(OfContract):
    resut: int
    # @4 E: TF607: contract 'Child' has no part 'resut' (did you mean 'result'?)  [typedflow-state]


class Versioned(Agreement, version=2):
    input: int
    result: int
    state: OfKept


class Abstract(Agreement, abstract=True):
    input: int


VersionedAlias = Versioned
AbstractAlias: TypeAlias = Abstract
tf.Flow(AbstractAlias)
#       ^ E: TF606: contract 'Abstract' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
tf.Flow(aliases.Record)
#       ^ E: TF605: a contract is a subclass of Contract, not Struct (declare `class …(Contract): …`)  [typedflow-state]


@VersionedAlias.migrate(2)
#                       ^ E: TF918: contract 'Versioned' cannot take a migration from version 2: its own version is 2 (a migration leads from one version to the next: migrate(1) from 1 to 2)  [typedflow-state]
def from_two(saved: dict[str, object]) -> dict[str, object]:
    return saved


class Named(Abstract):
    result: int
    state: OfExplicit


def reading(data: tf.Data[VersionedAlias, int], named: tf.Data[Named, int]) -> None:
    data.state.get("kep")
    #              ^ E: TF202: OfKept has no field 'kep' (did you mean 'kept'?)  [typedflow-path]
    named.state.get("settings.maxItems")
    #               ^ E: TF202: Settings has no field 'maxItems', in 'settings.maxItems' (that is its name in the encoding: use the Python name 'max_items')  [typedflow-path]
    named.state.set("settings.max_items", 1)
    #               ^ E: TF205: 'settings.max_items' cannot be written: Settings is read-only (write 'settings' as a whole)  [typedflow-path]


class Outer:
    Inner: TypeAlias = tf.State

    class Nested(Inner):
        conn: sqlite3.Connection | None = None
        #     ^ E: TF603: field 'conn' of Nested cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


class OfInner(Outer.Inner):
    conn: sqlite3.Connection | None = None
    #     ^ E: TF603: field 'conn' of OfInner cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]


def inside() -> None:
    Local: TypeAlias = tf.State
    Twice: TypeAlias = Local
    Written: TypeAlias = aliases.Plain
    Terms: TypeAlias = tf.Contract

    class OfLocal(Local):
        conn: sqlite3.Connection | None = None
        #     ^ E: TF603: field 'conn' of OfLocal cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]

    class OfTwice(Twice, frozen=True):
    #                           ^ E: TF609: OfTwice cannot be declared with frozen: a state is there to be written (leave frozen out)  [typedflow-state]
        drafts: list[str] = ["x"]
        #                   ^ E: TF616: field 'drafts' of OfTwice has as its default a list with something in it, and every OfTwice would share it (let a factory make it anew: `msgspec.field(default_factory=lambda: …)`)  [typedflow-state]

    class OfWritten(Written):
        get: int = 0
        # @8 E: TF608: OfWritten cannot have a field 'get': the name is a method of every layer, or Python's own (rename it, to 'get_value' for instance)  [typedflow-state]

    class OfTerms(Terms):
    # @4 E: TF606: contract 'OfTerms' does not say its result (add `result: …` with the type, or `result: None` where there is none)  [typedflow-state]
        input: int

    class OfTheirs(OfLocal):
        second: sqlite3.Connection | None = None
        #       ^ E: TF603: field 'second' of OfTheirs cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]

    class Own:
        Base: TypeAlias = tf.State

    class OfOwn(Own.Base):
        conn: sqlite3.Connection | None = None
        #     ^ E: TF603: field 'conn' of OfOwn cannot be saved: Connection cannot be encoded (save what it is made from, or say how with StoredAs; what cannot be saved (a connection, a client, a logger) belongs in Resources)  [typedflow-state]
