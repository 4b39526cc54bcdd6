"""What a revision says of a save: which parts of the execution differ from the save before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, Raw
from msgspec.structs import replace

from typedflow.snapshot.documents import ENCODE, compile_decoder
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.joining import SLICES, SUM, digest_of_part, key_of

_FIELDS = compile_decoder(dict[str, Raw])


def parts_of(snapshot: Snapshot) -> dict[str, int]:
    """Return the parts of an execution, each with a digest; without those of a state that is kept in parts."""
    state = {} if snapshot.state is UNSET else parts_of_state(digests_of(snapshot.state))
    return state | {name: digest_of_part(name, bytes(data)) for name, data in _parts(snapshot)}


def digests_of(state: Raw) -> dict[str, int]:
    """Return the digests of the fields of a state in JSON, by their names there."""
    fields = _FIELDS["json"](state)
    return {name: digest_of_part(key_of(name), bytes(data)) for name, data in fields.items()}


def digests_in_slices(parts: Mapping[str, int]) -> dict[str, int]:
    """Return the digests of the fields of a state whose lists are in slices, by their names in the document."""
    digests: dict[str, int] = {}
    for key, digest in parts.items():
        prefix, _, name = key.partition("/")
        if prefix == SLICES:
            field = name.rpartition("/")[0]
            digests[field] = (digests.get(field, 0) + digest) % SUM
    return digests


def parts_of_state(digests: Mapping[str, int]) -> dict[str, int]:
    """Return the parts of a state, by the names that a revision calls them, from the digests of its fields."""
    return {f"state.{name}": digest for name, digest in digests.items()}


def changed_parts(now: Mapping[str, int], before: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of the parts that differ, are new or are gone."""
    return tuple(name for name in {**now, **before} if now.get(name) != before.get(name))


def _parts(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    encode = ENCODE[snapshot.encoding]
    if snapshot.flow_state is not UNSET:
        for field, data in _FIELDS[snapshot.encoding](snapshot.flow_state).items():
            yield f"flow_state.{field}", data
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
