"""Any mapping that `validate()` lets pass moves exactly the values that it says, and shares nothing that can change.

Records, values and mappings are random; what should arrive is computed on plain dicts, by the few lines of `Plain`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.budget import examples
from typedflow import Contract, ContractError, Data, Flow, FlowState, State

# -- types: a leaf is a typing form, a record a Record, None for "or None" is kept beside


@dataclass(frozen=True)
class Leaf:
    """A type without fields of its own, but for the keys of a dict."""

    form: Any
    values: Any
    default: Any


@dataclass(frozen=True, eq=False)
class Record:
    """A Struct that is made of these fields."""

    fields: Mapping[str, Field]
    form: Any
    frozen: bool


@dataclass(frozen=True)
class Field:
    kind: Leaf | Record
    optional: bool
    required: bool

    @property
    def form(self) -> Any:
        return self.kind.form | None if self.optional else self.kind.form


KEYED: Final = Leaf(dict[str, int], st.fixed_dictionaries({"k": st.integers(0, 9)}, optional={"l": st.just(1)}), dict)
LEAVES: Final = (
    Leaf(int, st.integers(0, 99), int),
    Leaf(float, st.floats(0, 1), float),
    Leaf(str, st.text("abc", max_size=3), str),
    Leaf(list[int], st.lists(st.integers(0, 9), max_size=3), list),
    KEYED,
)
NAMES: Final = ("a", "b", "c")


def struct(fields: Mapping[str, Field], base: type, **options: Any) -> Any:
    """Make a Struct class; defaults are empty values, or None."""
    annotations = {name: field.form for name, field in fields.items()}
    defaults = {
        name: msgspec.field(default_factory=(lambda: None) if field.optional else default_of(field.kind))
        for name, field in fields.items()
        if not field.required
    }
    return type(base)(f"R{len(fields)}", (base,), {"__annotations__": annotations, **defaults}, **options)


def default_of(kind: Leaf | Record) -> Any:
    return kind.default if isinstance(kind, Leaf) else kind.form


@st.composite
def records(draw: Any, depth: int = 2, *, base: type = msgspec.Struct, required: bool = True) -> Record:
    """Draw a record; below a field with a default nothing is required, so that the default can be made."""
    frozen = base is msgspec.Struct and draw(st.integers(0, 5)) == 0
    fields: dict[str, Field] = {}
    for name in NAMES[: draw(st.integers(1, 3))]:
        needed = required and draw(st.integers(0, 3)) == 0
        inner = draw(st.booleans()) and depth > 0
        kind = draw(records(depth - 1, required=needed)) if inner else draw(st.sampled_from(LEAVES))
        fields[name] = Field(kind, draw(st.integers(0, 4)) == 0, needed)
    options = {"frozen": frozen, "kw_only": True} if base is msgspec.Struct else {}
    return Record(fields, struct(fields, base, **options), frozen)


def values_of(kind: Leaf | Record, optional: bool = False) -> Any:
    if isinstance(kind, Leaf):
        found: Any = kind.values
    else:
        parts = {name: values_of(field.kind, field.optional) for name, field in kind.fields.items()}
        form = kind.form
        found = st.fixed_dictionaries(parts).map(lambda given: form(**given))
    return st.none() | found if optional else found


def paths(kind: Leaf | Record, path: tuple[str, ...] = (), maybe: bool = False) -> Iterator[tuple[Any, ...]]:
    """Yield every path with its type and whether its value may be None."""
    if isinstance(kind, Record):
        for name, field in kind.fields.items():
            yield (*path, name), field.kind, field.optional or maybe
            yield from paths(field.kind, (*path, name), field.optional or maybe)
    elif kind is KEYED:
        yield (*path, "k"), LEAVES[0], maybe


# -- what should arrive, on plain dicts


class Plain:
    """Move values between trees of dicts, as the mapping says it."""

    def __init__(self, scopes: Mapping[str, Any]) -> None:
        self.scopes = {scope: plain(value) for scope, value in scopes.items()}

    def read(self, source: str) -> Any:
        scope, *path = source.split(".")
        value = self.scopes[scope]
        for segment in path:
            value = None if value is None else value[segment]
        return copy.deepcopy(value)

    def write(self, tree: dict[str, Any], kind: Any, path: list[str], source: str) -> None:
        """Write at a path; a record on the way that is not there yet begins with its defaults."""
        for segment in path[:-1]:
            kind = kind.fields[segment].kind
            if segment not in tree:
                tree[segment] = defaults(kind)
            tree = tree[segment]
        tree[path[-1]] = self.read(source)

    def fill(self, kind: Record, mapping: Mapping[str, str], tree: Any = None) -> Any:
        """Return a record of which these fields are given."""
        tree = defaults(kind) if tree is None else copy.deepcopy(tree)
        for target, source in mapping.items():
            self.write(tree, kind, target.split("."), source)
        return tree


def plain(value: Any) -> Any:
    """Return a value in dicts and lists."""
    return msgspec.to_builtins(value)


def defaults(kind: Leaf | Record) -> Any:
    """Return what a value is made of before anything is given: the fields that have defaults."""
    if isinstance(kind, Leaf):
        return kind.default()
    return {
        name: None if field.optional else defaults(field.kind)
        for name, field in kind.fields.items()
        if not field.required
    }


def mutables(value: Any) -> Iterator[Any]:
    """Yield every part of a value that can change."""
    if isinstance(value, list | dict):
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from mutables(part)
    elif isinstance(value, msgspec.Struct):
        if not value.__struct_config__.frozen:
            yield value
        for name in value.__struct_fields__:
            yield from mutables(getattr(value, name))


# -- worlds


@dataclass
class World:
    """Two contracts, values for the parent, a result for the child, and a mapping each way."""

    parent: dict[str, Record]
    child: dict[str, Record]
    values: dict[str, Any]
    result: Any
    capture: dict[str, Any]
    write_back: dict[str, Any]


def with_leaves(kind: Record, base: type = msgspec.Struct) -> Record:
    """Add a field of every leaf, so that there is something for every target."""
    more = {f"x{number}": Field(leaf, False, False) for number, leaf in enumerate(LEAVES)}
    every = {**kind.fields, **more}
    return Record(every, struct(every, base, **({"kw_only": True} if base is msgspec.Struct else {})), False)


@st.composite
def worlds(draw: Any) -> World:
    shared = draw(records(1))
    parent = {
        "value": draw(records().map(with_leaves) | st.just(shared)),
        "state": with_leaves(draw(records(base=State, required=False)), State),
        "flow_state": draw(records(base=FlowState, required=False)),
    }
    child = {
        "input": draw(records() | st.just(shared)),
        "state": draw(records(base=State)),
        "flow_state": draw(records(base=FlowState, required=False)),
        "result": draw(records(required=False) | st.just(shared)),
    }
    capture = {scope: draw(fields(child[scope], parent)) for scope in ("input", "state", "flow_state")}
    wholes = [
        f"{scope}.{'.'.join(path)}" for scope in parent for path, kind, _ in paths(parent[scope]) if kind is shared
    ]
    if child["input"] is shared and draw(st.booleans()):
        wholes += ["value"] if parent["value"] is shared else []
        capture["input"] = draw(st.sampled_from(wholes)) if wholes else capture["input"]
    write_back = {scope: draw(fields(parent[scope], {"result": child["result"]}, there=True)) for scope in parent}
    if draw(st.booleans()):
        write_back["value"] = draw(st.sampled_from(["result", *(f"result.{name}" for name in child["result"].fields)]))
    values = {scope: draw(values_of(kind)) for scope, kind in parent.items()}
    return World(parent, child, values, draw(values_of(child["result"])), capture, write_back)


@st.composite
def fields(draw: Any, target: Record, sources: Mapping[str, Record], *, there: bool = False) -> dict[str, str]:
    """Draw a mapping of fields: what is required, and some of the rest; most of the sources fit.

    `there` says that the target is not made but written to, so that nothing in it is required.
    """
    options = [(scope, *found) for scope, kind in sources.items() for found in paths(kind)]
    mapping: dict[str, str] = {}
    for path, kind, maybe in () if there and target.frozen else _targets(draw, target, above=there):
        fitting = [
            option
            for option in options
            if (option[2] is kind or (kind is LEAVES[1] and option[2] is LEAVES[0])) and (maybe or not option[3])
        ]
        if draw(st.integers(0, 50)) == 33:
            fitting = options
        if fitting:
            scope, source, _, _ = draw(st.sampled_from(fitting))
            mapping[".".join(path)] = ".".join((scope, *source))
    return mapping


def _targets(draw: Any, kind: Any, path: tuple[str, ...] = (), above: bool = False) -> Iterator[tuple[Any, ...]]:
    """Yield targets that are no part of each other; `above` says that there is a default on the way."""
    for name, field in kind.fields.items():
        default = above or not field.required
        inside = isinstance(field.kind, Record) and not (default and (field.optional or field.kind.frozen))
        if (field.required and not above) or draw(st.booleans()):
            if inside and draw(st.integers(0, 3)):
                yield from _targets(draw, field.kind, (*path, name), default)
            elif field.kind is KEYED and not (default and field.optional) and draw(st.booleans()):
                yield (*path, name, "k"), LEAVES[0], False
            else:
                yield (*path, name), field.kind, field.optional


def contract(name: str, parts: Mapping[str, Any]) -> Any:
    return type(name, (Contract,), {"__annotations__": dict(parts), "__module__": __name__})


@pytest.mark.long
@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_what_passes_the_check_moves_what_the_mapping_says(world: World) -> None:
    forms = {scope: kind.form for scope, kind in world.parent.items()}
    parent = contract("Parent", {"input": forms.pop("value"), "result": Any, **forms})
    child = contract("Child", {scope: kind.form for scope, kind in world.child.items()})
    seen: dict[str, Any] = {}
    got: list[Any] = []

    def look(data: Data[Any, Any]) -> Any:
        seen.update(input=data.value, state=data.state, flow_state=data.flow_state)
        return world.result

    inner: Flow[Any] = Flow(child)
    inner.to(look).end()
    outer: Flow[Any] = Flow(parent)
    untyped: Any = outer
    untyped.to_sub_flow(inner, capture=world.capture, write_back=world.write_back).to(
        lambda data: got.append(data.value)
    )
    try:
        outer.validate()
    except ContractError as error:
        event("refused: " + ", ".join(sorted({problem.number for problem in error.problems})))
        return
    event("sound")
    outer.update_flow_state(lambda state: _take_over(state, world.values["flow_state"]))
    execution = outer.create_execution(state=world.values["state"])
    held = {"value": world.values["value"], "state": execution.state, "flow_state": outer.flow_state}
    before, result = {scope: plain(value) for scope, value in held.items()}, plain(world.result)
    of_parent = {id(part) for value in held.values() for part in mutables(value)}

    execution.start(world.values["value"])

    up = Plain(before)
    for scope in ("input", "state", "flow_state"):
        mapping = world.capture[scope]
        expected = up.read(mapping) if isinstance(mapping, str) else up.fill(world.child[scope], mapping)
        if scope == "input" and mapping == {}:
            expected = None
        assert plain(seen[scope]) == expected
    of_child = [id(part) for value in seen.values() for part in mutables(value)]
    assert len(of_child) == len(set(of_child))
    assert not of_parent & set(of_child)

    back = Plain({"result": result})
    after = {"value": got[0], "state": execution.state, "flow_state": outer.flow_state}
    for scope, mapping in world.write_back.items():
        if isinstance(mapping, str):
            assert plain(after[scope]) == back.read(mapping)
        else:
            assert plain(after[scope]) == back.fill(world.parent[scope], mapping, before[scope])
    assert plain(world.values["value"]) == before["value"], "others may hold it"
    parts = [id(part) for value in after.values() for part in mutables(value)]
    assert len(parts) == len(set(parts))


def _take_over(state: Any, given: Any) -> None:
    for name in type(given).__struct_fields__:
        setattr(state, name, getattr(given, name))
