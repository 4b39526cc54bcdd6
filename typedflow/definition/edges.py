"""The types along the edges: what each node's outputs carry, as kinds of `typedflow.schema.types`.

UNKNOWN stands for what nobody says: an unannotated handler, `Any`, the mixed value of an `or`. Such an edge is checked
where it is consumed, at run time.
"""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from typedflow.definition.nodes import (
    Batch,
    Collect,
    Definition,
    Each,
    End,
    Join,
    Match,
    Node,
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
from typedflow.schema.types import ANY, Anything, CollectionOf, Nothing, Scalar, TupleOf, UnionOf, see_through, union_of

_SEQUENCES: Final = (list, tuple, abc.Sequence, abc.MutableSequence)


class NoSequence(Exception):
    """Say that a type is none that a for_each goes over."""


def carried_types(definition: Definition, spec: ContractSpec) -> tuple[Any, ...]:
    """Give for each node the kind that its outputs carry, or UNKNOWN. One pass, sources first."""
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
        case Batch() | Match() | End():
            return carried[node.source.node]
        case Each():
            try:
                return item_type(carried[node.source.node])
            except NoSequence:
                return UNKNOWN
        case Join():
            return _joined(definition.nodes[node.opens], [carried[port.node] for port in node.sources], carried)
        case When():
            return _fired(node, spec)
        case SubFlow():
            parent = scopes_of(spec) | {"value": shape_of(carried[node.source.node])}
            value = check_write_back(node.write_back, parent, child_scopes(node.child.spec)).value
            return UNKNOWN if value is None else known(value.kind)
        case _:  # a collect, whose branches may carry anything
            return UNKNOWN


def _joined(opener: Node, arms: list[Any], carried: Sequence[Any]) -> Any:
    if isinstance(opener, Match) and opener.mode == "hit_first" and not opener.has_else:
        arms = [*arms, carried[opener.source.node]]
    if UNKNOWN in arms:
        return UNKNOWN
    if isinstance(opener, Batch):
        return TupleOf(tuple(arms))
    merged = union_of(arms)
    if isinstance(opener, Match) and opener.mode == "hit_first":
        return merged
    return CollectionOf(list, merged)


class Parts(msgspec.Struct, frozen=True):
    """Say how a value is saved that a block or a collect has put together: each part by what its own source carries."""

    cls: type
    """dict, tuple or list."""
    codes: tuple[Any, ...]
    """Of a list one, for all of its items."""
    names: tuple[str, ...] = ()
    """The keys of a dict."""


def codes_of(definition: Definition, carried: Sequence[Any]) -> tuple[Any, ...]:
    """Give for each node by what its outputs are saved: what they carry, or `Parts` where only the parts are known.

    It is no type that anything is checked against: a collect carries whatever its branches do.
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
        case Batch() | Match():
            return codes[node.source.node]
        case Each():
            source = codes[node.source.node]
            return _common(source.codes) if isinstance(source, Parts) and source.cls is not dict else UNKNOWN
        case Join():
            opener = definition.nodes[node.opens]
            arms = tuple(codes[port.node] for port in node.sources)
            if isinstance(opener, Batch):
                return Parts(tuple, arms)
            if isinstance(opener, Match) and opener.mode == "hit_first":
                return _common(arms if opener.has_else else (*arms, codes[opener.source.node]))
            return Parts(list, (_common(arms),))
        case _:
            return UNKNOWN


def _common(codes: tuple[Any, ...]) -> Any:
    """Give what codes the values of several sources; UNKNOWN where they are of several kinds."""
    return codes[0] if codes and all(code == codes[0] for code in codes) else UNKNOWN


def _fired(node: When, spec: ContractSpec) -> Any:
    """Give what a listener carries; several triggers give the union of theirs."""
    if node.mode != "simple_or":
        return UNKNOWN
    kinds = [trigger_type(trigger, spec) for trigger in node.triggers]
    return UNKNOWN if UNKNOWN in kinds else union_of(kinds)


def trigger_type(trigger: Trigger, spec: ContractSpec) -> Any:
    """Give the kind of an event's payload, or of what a path holds."""
    if trigger.kind == "event":
        return known((spec.events or {}).get(trigger.name, UNKNOWN))
    layer = spec.state if trigger.kind == "state" else spec.flow_state
    found = check_read(TypeShape.of(layer), trigger.name) if layer is not None else None
    return known(found.declared.kind) if isinstance(found, Resolution) else UNKNOWN


def scopes_of(spec: ContractSpec) -> dict[str, TypeShape]:
    """Give the layers that a contract declares, as the scopes of a mapping."""
    layers = {"state": spec.state, "flow_state": spec.flow_state, "resources": spec.resources}
    return {name: TypeShape.of(cls) for name, cls in layers.items() if cls is not None}


def child_scopes(spec: ContractSpec) -> dict[str, TypeShape]:
    """Give the scopes of a child: its layers, what it takes and what it gives."""
    return scopes_of(spec) | {"input": TypeShape.of(spec.input), "result": TypeShape.of(spec.result)}


def shape_of(carried: Any) -> TypeShape:
    """Give the shape of what an edge carries; nothing is known of what nobody declares."""
    return TypeShape(ANY if carried is UNKNOWN else carried)


def known(tp: Any) -> Any:
    """Give the kind of a typing form, UNKNOWN for one that says nothing or cannot be resolved."""
    if tp is UNKNOWN:
        return UNKNOWN
    try:
        kind = parse(tp)
    except Unresolved:
        return UNKNOWN
    return UNKNOWN if isinstance(kind, Anything) and kind.dynamic else kind


def item_type(source: Any) -> Any:
    """Give the kind of a sequence's items; raises `NoSequence` for a type that is none, str and bytes included."""
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
