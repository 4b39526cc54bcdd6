"""The types along the edges: the kind (`typedflow.schema.types`) of each node's outputs.

UNKNOWN is the type of an unannotated handler, of `Any` and of an `or` with several triggers. The values of such an edge
are checked at run time, by their consumer.
"""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Sequence
from typing import Any, Final, assert_never

import msgspec

from typedflow.definition.failed import Failed
from typedflow.definition.nodes import (
    Batch,
    Catch,
    Collect,
    Definition,
    Each,
    End,
    Join,
    Match,
    Merge,
    Narrow,
    Node,
    Sleep,
    Start,
    Step,
    SubFlow,
    Trigger,
    When,
)
from typedflow.rules.paths import Resolution, check_read
from typedflow.rules.write_back import check_write_back
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.parsing import Unresolved, parse
from typedflow.schema.shape import TypeShape
from typedflow.schema.types import (
    ANY,
    Anything,
    CollectionOf,
    Nothing,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    see_through,
    union_of,
)

_SEQUENCES: Final = (list, tuple, abc.Sequence, abc.MutableSequence)


class NoSequence(Exception):
    """Raised for a type over which a for_each cannot iterate."""


def carried_types(definition: Definition, spec: ContractSpec) -> tuple[Any, ...]:
    """Return the kind of each node's outputs, by index, or UNKNOWN. One pass, sources first."""
    carried: list[Any] = [UNKNOWN] * len(definition.nodes)
    for index in definition.order:
        carried[index] = _carried(definition.nodes[index], definition, carried, spec)
    return tuple(carried)


def _carried(node: Node, definition: Definition, carried: Sequence[Any], spec: ContractSpec) -> Any:
    match node:
        case Start():
            return known(spec.input)
        case Step():
            return UNKNOWN if node.types.result is NEVER else known(node.types.result)
        case Sleep() | Batch() | Match() | End():
            return carried[node.source.node]
        case Each():
            try:
                return item_type(carried[node.source.node])
            except NoSequence:
                return UNKNOWN
        case Join():
            return _joined(node, definition, carried)
        case When():
            return _fired(node, spec)
        case SubFlow():
            parent = scopes_of(spec) | {"value": shape_of(carried[node.source.node])}
            value = check_write_back(node.write_back, parent, child_scopes(node.child.spec)).value
            return UNKNOWN if value is None else known(value.kind)
        case Collect():  # its branches may carry anything
            return UNKNOWN
        case Narrow():
            return UNKNOWN if carried[node.source.node] is UNKNOWN else union_of(node.kinds)
        case Catch():
            return _caught(node, definition, carried)
        case Merge():
            branches = [carried[port.node] for port in node.sources]
            return UNKNOWN if UNKNOWN in branches else union_of(branches)
        case _:
            assert_never(node)


def _caught(node: Catch, definition: Definition, carried: Sequence[Any]) -> Any:
    """Return the type of a failure: that of `Failed` over the input of what failed.

    If the input is not known, the handler for errors says what it takes; one without annotations gets any value.
    """
    failing = definition.nodes[node.source.node]
    assert isinstance(failing, Step | SubFlow)
    value = carried[failing.source.node]
    if value is UNKNOWN and isinstance(failing, Step):
        value = known(failing.types.value)
    if value is not UNKNOWN:
        return failed_kind(value)
    handler = next(other for other in definition.nodes if isinstance(other, Step) and _feeds(node, other, definition))
    return failed_kind(ANY) if known(handler.types.value) is UNKNOWN else UNKNOWN


def _feeds(node: Catch, step: Step, definition: Definition) -> bool:
    return definition.nodes[step.source.node] is node


def failed_kind(value: Any) -> RecordOf:
    """Return the kind of `Failed` over a kind."""
    return RecordOf(Failed, (value,))


def _joined(node: Join, definition: Definition, carried: Sequence[Any]) -> Any:
    opener, branches = definition.nodes[node.opens], [carried[port.node] for port in node.sources]
    if isinstance(opener, Match) and opener.passes_on:
        branches = [*branches, carried[opener.source.node]]
    if UNKNOWN in branches:
        return UNKNOWN
    if isinstance(opener, Batch):
        return TupleOf(tuple(branches))
    if isinstance(opener, Each) and opener.collects:
        item = carried[node.opens]
        branches = [*branches, failed_kind(ANY if item is UNKNOWN else item)]
    merged = union_of(branches)
    if isinstance(opener, Match) and opener.mode == "hit_first":
        return merged
    return CollectionOf(list, merged)


class Parts(msgspec.Struct, frozen=True):
    """How the combined value of a block or a collect is saved: each part by the type of its own source."""

    cls: type
    """dict, tuple or list."""
    codes: tuple[Any, ...]
    """The types of the parts; for a list a single one, for all items."""
    names: tuple[str, ...] = ()
    """The keys of a dict."""


def codes_of(definition: Definition, carried: Sequence[Any]) -> tuple[Any, ...]:
    """Return the type by which each node's outputs are saved: the carried type, or `Parts` if only the parts are known.

    The type is used for saving only, not for checks.
    """
    codes = list(carried)
    for index in definition.order:
        if carried[index] is UNKNOWN:
            codes[index] = _code(definition.nodes[index], definition, codes)
    return tuple(codes)


def _code(node: Node, definition: Definition, codes: Sequence[Any]) -> Any:
    match node:
        case Collect():
            return Parts(dict, tuple(codes[port.node] for port in node.sources), node.branches)
        case Sleep() | Batch() | Match() | Narrow():
            return codes[node.source.node]
        case Each():
            source = codes[node.source.node]
            return _common(source.codes) if isinstance(source, Parts) and source.cls is not dict else UNKNOWN
        case Join():
            opener = definition.nodes[node.opens]
            branches = tuple(codes[port.node] for port in node.sources)
            if isinstance(opener, Batch):
                return Parts(tuple, branches)
            if isinstance(opener, Match) and opener.mode == "hit_first":
                return _common((*branches, codes[opener.source.node]) if opener.passes_on else branches)
            if isinstance(opener, Each) and opener.collects:  # an item may be a Failed, which has a type of its own
                return UNKNOWN
            return Parts(list, (_common(branches),))
        case Merge():
            return _common(tuple(codes[port.node] for port in node.sources))
        case Start() | Step() | When() | SubFlow() | Catch() | End():
            return UNKNOWN
        case _:
            assert_never(node)


def _common(codes: tuple[Any, ...]) -> Any:
    """Return the type by which values of several sources are saved; UNKNOWN if the sources differ."""
    return codes[0] if codes and all(code == codes[0] for code in codes) else UNKNOWN


def _fired(node: When, spec: ContractSpec) -> Any:
    """Return the type that a listener carries: the union of its triggers' types."""
    if node.mode != "simple_or":
        return UNKNOWN
    kinds = [trigger_type(trigger, spec) for trigger in node.triggers]
    return UNKNOWN if UNKNOWN in kinds else union_of(kinds)


def trigger_type(trigger: Trigger, spec: ContractSpec) -> Any:
    """Return the kind of an event's payload, or of the value at a path."""
    if trigger.kind == "event":
        return known((spec.events or {}).get(trigger.name, UNKNOWN))
    layer = spec.state if trigger.kind == "state" else spec.flow_state
    found = check_read(TypeShape.of(layer), trigger.name) if layer is not None else None
    return known(found.declared.kind) if isinstance(found, Resolution) else UNKNOWN


def scopes_of(spec: ContractSpec) -> dict[str, TypeShape]:
    """Return the layers that a contract declares, as the scopes of a mapping."""
    layers = {"state": spec.state, "flow_state": spec.flow_state, "resources": spec.resources}
    return {name: TypeShape.of(cls) for name, cls in layers.items() if cls is not None}


def child_scopes(spec: ContractSpec) -> dict[str, TypeShape]:
    """Return the scopes of a child: its layers, its input and its result."""
    return scopes_of(spec) | {"input": TypeShape.of(spec.input), "result": TypeShape.of(spec.result)}


def shape_of(carried: Any) -> TypeShape:
    """Return the shape of the values of an edge; that of `Any` for UNKNOWN."""
    return TypeShape(ANY if carried is UNKNOWN else carried)


def known(tp: Any) -> Any:
    """Return the kind of a typing form; UNKNOWN for `Any` and for a form that cannot be resolved."""
    if tp is UNKNOWN:
        return UNKNOWN
    try:
        kind = parse(tp)
    except Unresolved:
        return UNKNOWN
    return UNKNOWN if isinstance(kind, Anything) and kind.dynamic else kind


def item_type(source: Any) -> Any:
    """Return the kind of a sequence's items; raises `NoSequence` for other types, str and bytes included."""
    if source is UNKNOWN:
        return UNKNOWN
    kind = see_through(source)
    match kind:
        case CollectionOf(cls=cls, item=item) if cls in _SEQUENCES:
            return known(item)
        case TupleOf(items=items):
            return union_of(items)
        case UnionOf(members=members):
            inner = [item_type(member) for member in members]
            return UNKNOWN if UNKNOWN in inner else union_of(inner)
        case Anything(dynamic=True):
            return UNKNOWN
        case Nothing():
            return UNKNOWN
    own: Any = getattr(kind, "cls", None)
    if own is range:
        return Scalar(int)
    if not isinstance(kind, Scalar) and isinstance(own, type) and issubclass(own, abc.Sequence):
        return UNKNOWN
    raise NoSequence
