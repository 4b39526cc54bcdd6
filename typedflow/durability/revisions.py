"""What a revision says of a save: which parts of the execution differ from the save before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from typedflow.snapshot.documents import ENCODE, compile_decoder
from typedflow.snapshot.envelope import Snapshot

_FIELDS = compile_decoder(dict[str, Raw])


def parts_of(snapshot: Snapshot) -> dict[str, int]:
    """Return the parts of an execution with a hash of what each holds; valid in this process only."""
    return {name: hash(bytes(data)) for name, data in _parts(snapshot)}


def changed_parts(now: Mapping[str, int], before: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of the parts that differ, are new or are gone."""
    return tuple(name for name in {**now, **before} if now.get(name) != before.get(name))


def _parts(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    encode = ENCODE[snapshot.encoding]
    for layer in ("state", "flow_state"):
        payload: Raw | UnsetType = getattr(snapshot, layer)
        if payload is not UNSET:
            for field, data in _FIELDS[snapshot.encoding](payload).items():
                yield f"{layer}.{field}", data
    for name in ("tokens", "joins", "pools", "interrupts"):
        records = getattr(snapshot, name)
        if records:
            yield name, encode(records)
    if snapshot.result is not UNSET:
        yield "result", snapshot.result
    if snapshot.children:
        yield "children", encode([_lasting(child) for child in snapshot.children])


def _lasting(child: Snapshot) -> Snapshot:
    """Return a child without what every save changes."""
    children = [_lasting(each) for each in child.children]
    return replace(child, sequence=0, saved=child.created, children=children)
