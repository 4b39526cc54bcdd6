"""Definitions at random, edits of them at random, and flows of both.

A definition is data: a body of steps, batches, loops, matches and child flows. Every step has a number of its own,
which it keeps whatever an edit calls it or where it puts it, and adds it to the trail of the value. So a run that a
deploy has interrupted can be compared with one that nothing has: by the numbers of all steps that no edit has touched.
"""

from __future__ import annotations

import copy
import enum
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import msgspec

from tests.deploys.changes import tuple_of
from tests.deploys.places import make_class
from typedflow import Contract, Data, Flow, State


@dataclass
class Step:
    uid: int
    name: str
    asks: bool = False
    formerly: tuple[str, ...] = ()


@dataclass
class Case:
    name: str
    body: list[Any]
    formerly: tuple[str, ...] = ()


@dataclass
class Block:
    """A batch (of steps), a for_each, a match or a child flow."""

    kind: str
    name: str
    uid: int
    body: list[Any] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    branches: list[Step] = field(default_factory=list)
    concurrency: int | None = None
    formerly: tuple[str, ...] = ()


@dataclass
class Types:
    """The types of the values in flight, of the state and of the answers."""

    fields: list[str]
    """The names of the record's fields; one that an edit has added is "name" or "name=", with a default."""
    record: str = "Trail"
    pair: tuple[str, ...] = ("x", "y")
    colors: dict[str, int] = field(default_factory=lambda: {"RED": 1, "BLUE": 2})
    modes: dict[str, int] = field(default_factory=lambda: {"READ": 1, "WRITE": 2})
    extra_of_state: bool = False


@dataclass
class Definition:
    body: list[Any]
    types: Types
    touched: set[int] = field(default_factory=set)
    """The numbers of steps that an edit has added, removed or moved, or that ask now or no more."""
    is_moved: bool = False
    """A step was moved: from where it stands now, others come once more or not at all."""


KINDS: Final = ("batch", "for_each", "match", "hit_all", "child")


def draw(random: Random) -> Definition:
    """Draw a definition with at least one step that asks."""
    numbers = iter(range(1, 1000))

    def step(*, asks: float = 0.35) -> Step:
        uid = next(numbers)
        return Step(uid, f"s{uid}", random.random() < asks)

    def body(depth: int, most: int) -> list[Any]:
        return [
            block(depth + 1) if random.random() < 0.4 and depth < 2 else step() for _ in range(random.randint(1, most))
        ]

    def block(depth: int) -> Block:
        uid, kind = next(numbers), random.choice(KINDS)
        made = Block(kind, f"{kind}{uid}", uid)
        if kind == "batch":
            made.branches = [step() for _ in range(random.randint(1, 3))]
        elif kind in ("match", "hit_all"):
            made.cases = [Case(f"c{next(numbers)}", body(depth, 2)) for _ in range(random.randint(1, 3))]
        else:
            made.body = body(depth, 2)
        if kind in ("batch", "for_each"):
            made.concurrency = random.choice((None, None, 1, 2))
        return made

    made = body(0, 4)
    made.insert(random.randint(0, len(made)), step(asks=1.0))
    return Definition(made, Types(["marks", "pair", "color", "mode"]))


# -- as a flow


class Build:
    """One definition as a flow, with what its steps do."""

    def __init__(self, definition: Definition, fails: int | None = None) -> None:
        self.definition = definition
        self.fails = fails
        """The number of the step that fails."""
        types = definition.types
        self.pair = tuple_of("Pair", *((name, int) for name in types.pair))
        self.color: Any = enum.IntEnum("Color", types.colors)  # type: ignore[misc]  # made at run time
        self.mode: Any = enum.Flag("Mode", types.modes)  # type: ignore[misc]  # made at run time
        known = {"marks": list[int], "pair": self.pair, "color": self.color, "mode": self.mode}
        fields: list[Any] = [
            (name, known[name]) if name in known else (name.rstrip("="), int, *([0] if name.endswith("=") else []))
            for name in types.fields
        ]
        self.record: Any = msgspec.defstruct(types.record, fields, kw_only=True)
        extra: dict[str, Any] = {"more": int} if types.extra_of_state else {}
        defaults: dict[str, Any] = {"log": [], "last": None, **dict.fromkeys(extra, 0)}
        self.state = make_class(
            State, "Log", {"log": list[int], "last": self.record | None, **extra}, defaults=defaults
        )

    def value(self, marks: list[int]) -> Any:
        """Make a value of today's types."""
        given = {"marks": marks, "pair": self.pair(x=1, y=2)}
        given |= {"color": self.color["RED"], "mode": self.mode["READ"] | self.mode["WRITE"]}
        return self.record(**{name: given.get(name, 0) for name in self.record.__struct_fields__})

    def flow(self) -> Any:
        parts = {"input": int, "result": self.record, "state": self.state}
        flow: Any = Flow(make_class(Contract, "Job", parts), name="job")
        at = flow.to(self._handler("begin", int, self.record, lambda data: self.value([])))
        self._body(at, self.definition.body).end()
        return flow

    def _handler(self, name: str, takes: Any, gives: Any, work: Any) -> Any:
        def handler(data: Any) -> Any:
            return work(data)

        handler.__name__ = name
        handler.__annotations__ = {"data": Data[Any, takes], "return": gives}
        return handler

    def _step(self, step: Step) -> Any:
        def work(data: Any) -> Any:
            if step.asks:
                data.pause_for({"uid": step.uid, "marks": data.value.marks})
            if self.fails == step.uid:
                raise ConnectionError(step.name)
            data.state.log = [*data.state.log, step.uid]
            data.state.last = data.value
            return msgspec.structs.replace(data.value, marks=[*data.value.marks, step.uid])

        return self._handler(step.name, self.record, self.record, work)

    def _body(self, at: Any, body: list[Any]) -> Any:
        for each in body:
            if isinstance(each, Step):
                at = at.to(self._step(each), formerly=each.formerly)
            else:
                at = getattr(self, f"_{each.kind}")(at, each, {"name": each.name, "formerly": each.formerly})
        return at

    def _merged(self, name: str, takes: Any) -> Any:
        def work(data: Any) -> Any:
            values = list(data.value)
            marks = sorted({mark for value in values for mark in value.marks})
            return msgspec.structs.replace(values[0], marks=marks) if values else self.value([])

        return self._handler(f"merge {name}", takes, self.record, work)

    def _batch(self, at: Any, block: Block, options: Any) -> Any:
        made = at.batch(concurrency=block.concurrency, **options)
        for step in block.branches:
            made = made.branch(self._step(step), formerly=step.formerly)
        return made.end_batch().to(self._merged(str(block.uid), Any))

    def _for_each(self, at: Any, block: Block, options: Any) -> Any:
        listed = self._handler(f"split {block.uid}", self.record, list[self.record], lambda data: [data.value] * 2)  # type: ignore[name-defined]
        inside = self._body(at.to(listed).for_each(concurrency=block.concurrency, **options), block.body)
        return inside.end_for_each().to(self._merged(str(block.uid), Any))

    def _match(self, at: Any, block: Block, options: Any) -> Any:
        return self._cases(at.match(**options), block).end_match()

    def _hit_all(self, at: Any, block: Block, options: Any) -> Any:
        made = self._cases(at.match(mode="hit_all", **options), block)
        return made.end_match().to(self._merged(str(block.uid), Any))

    def _cases(self, made: Any, block: Block) -> Any:
        for number, case in enumerate(block.cases):
            made = made.case(self._condition(number), name=case.name, formerly=case.formerly)
            made = self._body(made, case.body)
        return made

    def _condition(self, number: int) -> Any:
        return lambda data: True

    def _child(self, at: Any, block: Block, options: Any) -> Any:
        child: Any = Flow(
            make_class(Contract, "Below", {"input": self.record, "result": self.record, "state": self.state}),
            name=f"flow {block.uid}",
        )
        self._body(child, block.body).end()
        return at.to_sub_flow(child, **options)


# -- edits


def edit(definition: Definition, random: Random, times: int) -> Definition:
    """Return the definition after some edits."""
    made = copy.deepcopy(definition)
    for at in range(times):
        random.choice(EDITS)(made, random, 2000 + at)
    return made


def bodies(body: list[Any]) -> list[list[Any]]:
    """Return every list of steps and blocks, outer ones first."""
    found = [body]
    for each in body:
        if isinstance(each, Block):
            for inner in (each.body, *(case.body for case in each.cases)):
                found += bodies(inner) if inner else []
    return found


def _steps(definition: Definition) -> list[tuple[list[Any], Step]]:
    found = [(body, each) for body in bodies(definition.body) for each in body if isinstance(each, Step)]
    blocks = _blocks(definition, "batch")
    return found + [(block.branches, step) for block in blocks for step in block.branches]


def _blocks(definition: Definition, *kinds: str) -> list[Block]:
    every = [each for body in bodies(definition.body) for each in body if isinstance(each, Block)]
    return [each for each in every if not kinds or each.kind in kinds]


def insert(definition: Definition, random: Random, uid: int) -> None:
    body = random.choice(bodies(definition.body))
    body.insert(random.randint(0, len(body)), Step(uid, f"s{uid}", random.random() < 0.2))
    definition.touched.add(uid)


def insert_of_a_name_in_use(definition: Definition, random: Random, uid: int) -> None:
    body = random.choice(bodies(definition.body))
    name = random.choice(_steps(definition))[1].name
    body.insert(random.randint(0, len(body)), Step(uid, name, random.random() < 0.5))
    definition.touched.add(uid)


def remove(definition: Definition, random: Random, uid: int) -> None:
    body, step = random.choice(_steps(definition))
    if len(body) > 1:
        body.remove(step)
        definition.touched.add(step.uid)


def move(definition: Definition, random: Random, uid: int) -> None:
    body, step = random.choice(_steps(definition))
    if len(body) > 1:
        body.remove(step)
        target = random.choice(bodies(definition.body))
        target.insert(random.randint(0, len(target)), step)
        definition.touched.add(step.uid)
        definition.is_moved = True


def rename(definition: Definition, random: Random, uid: int) -> None:
    named: Any = random.choice([*(step for _, step in _steps(definition)), *_blocks(definition)])
    if random.random() < 0.8:
        named.formerly = (*named.formerly, named.name)
    named.name = f"n{uid}"


def rename_case(definition: Definition, random: Random, uid: int) -> None:
    for block in _blocks(definition, "match", "hit_all")[:1]:
        case = random.choice(block.cases)
        if random.random() < 0.8:
            case.formerly = (*case.formerly, case.name)
        case.name = f"n{uid}"


def reorder(definition: Definition, random: Random, uid: int) -> None:
    for block in _blocks(definition, "batch", "hit_all"):
        random.shuffle(block.branches)
        random.shuffle(block.cases)


def rebound(definition: Definition, random: Random, uid: int) -> None:
    for block in _blocks(definition, "batch", "for_each"):
        block.concurrency = random.choice((None, 1, 2))


def ask_or_not(definition: Definition, random: Random, uid: int) -> None:
    step = random.choice(_steps(definition))[1]
    step.asks = not step.asks
    definition.touched.add(step.uid)


def add_field(definition: Definition, random: Random, uid: int) -> None:
    definition.types.fields.insert(random.randint(0, 2), f"f{uid}" + random.choice(["=", "=", ""]))


def remove_field(definition: Definition, random: Random, uid: int) -> None:
    name = random.choice(definition.types.fields)
    if name != "marks":
        definition.types.fields.remove(name)


def rename_record(definition: Definition, random: Random, uid: int) -> None:
    definition.types.record = f"Record{uid}"


def reorder_fields(definition: Definition, random: Random, uid: int) -> None:
    random.shuffle(definition.types.fields)


def reorder_pair(definition: Definition, random: Random, uid: int) -> None:
    definition.types.pair = random.choice([("y", "x"), ("x", "y")])


def new_color(definition: Definition, random: Random, uid: int) -> None:
    definition.types.colors = {f"C{uid}": 1} | {name: value + 1 for name, value in definition.types.colors.items()}


def rename_color(definition: Definition, random: Random, uid: int) -> None:
    definition.types.colors = {"BLUE": 1, "RED": 2} if random.random() < 0.5 else {"RED": 1, f"C{uid}": 2}


def new_mode(definition: Definition, random: Random, uid: int) -> None:
    definition.types.modes = {f"M{uid}": 1} | {name: value * 2 for name, value in definition.types.modes.items()}


def more_state(definition: Definition, random: Random, uid: int) -> None:
    definition.types.extra_of_state = True


EDITS: Final = (
    insert, insert, insert_of_a_name_in_use, remove, move, rename, rename, rename_case, reorder, reorder, rebound,
    ask_or_not, add_field, remove_field, rename_record, reorder_fields, reorder_pair, new_color, rename_color, new_mode,
    more_state,
)  # fmt: skip
