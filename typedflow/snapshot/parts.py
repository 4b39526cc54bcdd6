"""How values that blocks and collects have put together are saved: each part by what its own source carries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from typedflow.definition.edges import Parts, known
from typedflow.engine.plan import Kind as NodeKind
from typedflow.engine.plan import Plan, PlanNode
from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.schema.annotations import UNKNOWN
from typedflow.schema.check import Check, Mismatch, compile_check
from typedflow.schema.concurrent_changes import read_again_if_changed
from typedflow.schema.types import CollectionOf, Kind, TupleOf, see_through
from typedflow.snapshot.codecs import Codec, compile_codec
from typedflow.snapshot.coders import NOTHING_ADDED
from typedflow.snapshot.documents import ENCODE, Format, compile_decoder, reading

_BY_NAME: Final = compile_decoder(dict[str, Raw])
_ITEMS: Final = compile_decoder(list[Raw])
FIRED_BY_ALL: Final = compile_decoder(dict[str, dict[str, Raw]])
FIRED_BY_ONE: Final = compile_decoder(tuple[str, str, Raw])


class Taken(msgspec.Struct, frozen=True):
    """The code of a part that is saved as its consumer will have it, because its source declares nothing."""

    kind: Kind


def code_of_edge(producer: PlanNode, consumer: PlanNode) -> Any:
    """Return what codes a value on an edge: the producer's type, or its parts, else what the consumer declares."""
    if producer.carries is UNKNOWN and producer.code is UNKNOWN:
        return consumer.input_type
    return _filled(producer.code, known(consumer.input_type)) if isinstance(producer.code, Parts) else producer.code


def _filled(code: Any, taken: Any) -> Any:
    """Fill what the sources leave open with what a consumer takes."""
    if taken is UNKNOWN:
        return code
    if not isinstance(code, Parts):
        return Taken(taken) if code is UNKNOWN else code
    kind = see_through(taken)
    if isinstance(kind, TupleOf) and code.cls is tuple and len(kind.items) == len(code.codes):
        kinds = kind.items
    elif isinstance(kind, CollectionOf) and code.cls is not dict:
        kinds = (kind.item,) * len(code.codes)
    else:
        return code
    return Parts(code.cls, tuple(_filled(part, known(kind)) for part, kind in zip(code.codes, kinds, strict=True)))


def encode_value(code: Any, value: Any, place: str, format: Format) -> Raw:
    """Encode a value, part by part where its code says so."""
    if isinstance(code, Taken):
        return compile_codec(code.kind).encode(normalised(compile_check(code.kind), value), place, format)
    if not isinstance(code, Parts):
        return compile_codec(code).encode(value, place, format)
    if code.cls is dict:
        named = zip(code.names, code.codes, strict=True)
        return Raw(
            ENCODE[format]({name: encode_value(part, value[name], f"{place}.{name}", format) for name, part in named})
        )
    codes = code.codes if code.cls is tuple else code.codes * len(value)
    items = enumerate(zip(codes, value, strict=True))
    return Raw(ENCODE[format]([encode_value(part, item, f"{place}[{i}]", format) for i, (part, item) in items]))


def decode_value(code: Any, raw: Any, place: str, format: Format, added: frozenset[str] | None = NOTHING_ADDED) -> Any:
    """Decode what `encode_value` has written; raises `SnapshotError` that names the part at fault.

    `added` names the fields ("Record.field") that it may lack because they have defaults, None allows them all.
    """
    if isinstance(code, Taken):
        return compile_codec(code.kind).decode(raw, place, format, added=added)
    if not isinstance(code, Parts):
        return compile_codec(code).decode(raw, place, format, added=added)
    if code.cls is dict:
        with reading(place):
            coded = _BY_NAME[format](raw)
        require_parts(coded, code.names, "branch", place)
        named = zip(code.names, code.codes, strict=True)
        return {name: decode_value(part, coded[name], f"{place}.{name}", format, added) for name, part in named}
    with reading(place):
        items = _ITEMS[format](raw)
    codes = code.codes if code.cls is tuple else code.codes * len(items)
    if len(codes) != len(items):
        raise SnapshotError(snapshots.dangling_problem(place, f"{len(codes)} values expected"), path=place)
    parts = enumerate(zip(codes, items, strict=True))
    return code.cls(decode_value(part, item, f"{place}[{index}]", format, added) for index, (part, item) in parts)


def code_of_output(producer: PlanNode, consumer: PlanNode) -> Any:
    """Return what codes an output: of a listener of several triggers the listener itself, else `code_of_edge`."""
    if producer.triggers and producer.mode != "simple_or":
        return producer
    return code_of_edge(producer, consumer)


def encode_fired(listener: PlanNode, value: Any, place: str, format: Format) -> Raw:
    """Encode what a listener of several triggers gives: `(kind, name, value)`, or the values by kind and name."""
    types = trigger_types(listener)
    if listener.mode == "or":
        kind, name, inner = value
        return Raw(ENCODE[format]((kind, name, compile_codec(types[kind, name]).encode(inner, place, format))))
    coded = {
        kind: {
            name: compile_codec(types[kind, name]).encode(inner, f"{place}.{kind}.{name}", format)
            for name, inner in named.items()
        }
        for kind, named in value.items()
    }
    return Raw(ENCODE[format](coded))


def decode_fired(listener: PlanNode, raw: Raw, place: str, format: Format) -> Any:
    """Decode what `encode_fired` has written of this very listener."""
    types = trigger_types(listener)
    if listener.mode == "or":
        kind, name, inner = FIRED_BY_ONE[format](raw)
        return (kind, name, compile_codec(types[kind, name]).decode(inner, place, format))
    return {
        kind: {name: compile_codec(types[kind, name]).decode(inner, place, format) for name, inner in named.items()}
        for kind, named in FIRED_BY_ALL[format](raw).items()
    }


def normalised(check: Check, value: Any) -> Any:
    """Return a value as its consumer will have it, 1 as 1.0 where that takes a float; what does not fit as it is."""
    try:
        return read_again_if_changed(check, value)
    except Mismatch:
        return value


def require_parts(given: Collection[str], wanted: Collection[str], what: str, place: str) -> None:
    """Check that a value of several parts has exactly those that its node puts together."""
    for name in given:
        if name not in wanted:
            raise SnapshotError(snapshots.dangling_problem(place, f"there is no {what} '{name}'"), path=place)
    for name in wanted:
        if name not in given:
            raise SnapshotError(snapshots.dangling_problem(place, f"nothing for {what} '{name}'"), path=place)


def trigger_types(node: PlanNode) -> dict[tuple[str, str], Any]:
    """Return the types of a listener's triggers."""
    return {(t.kind, t.name): tp for t, tp in zip(node.triggers, node.slot_types, strict=True)}


def gathers(node: PlanNode) -> bool:
    """Return whether a node has pools: a collect, or a listener that waits for several triggers."""
    return node.kind == NodeKind.COLLECT or (bool(node.triggers) and node.mode == "and")


def gathered_codes(node: PlanNode) -> tuple[Any, ...]:
    """Return by what a collect or listener saves what it has gathered, by slot."""
    return node.slot_codes or node.slot_types


def answer_code(plan: Plan, node: PlanNode, resume_event: str | None) -> Any:
    """Return by what an answer to a paused step is saved: the payload of its event, or the step's output."""
    return node.code if resume_event is None else (plan.spec.events or {})[resume_event]


def event_codec(plan: Plan, event: str) -> Codec:
    """Return what writes and reads the payload of an event that the contract declares."""
    return compile_codec((plan.spec.events or {})[event])


def slot_code(plan: Plan, node: PlanNode, branch: int) -> Any:
    """Return by what the result of a branch of a block is saved; of a for_each by what each item's is."""
    join = plan.nodes[node.join]
    if isinstance(join.carries, TupleOf):
        return join.carries.items[branch]
    return join.carries.item if isinstance(join.carries, CollectionOf) else join.slot_codes[branch]


def branch_of(node: PlanNode, hits: Sequence[int] | None, slot: int) -> int:
    """Return the branch whose result is in a slot; all items of a for_each are of one."""
    if node.kind == NodeKind.EACH:
        return 0
    return slot if hits is None else hits[slot]
