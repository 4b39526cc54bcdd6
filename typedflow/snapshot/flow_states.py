"""A flow_state as a store shares it: its fields, and the version and shape of the contract that wrote them.

The document is the JSON object of the fields, with the header under a name that no field can have. It is read by the
rules for every saved value: new fields with defaults are filled in, enum members are found by name, an older version is
migrated, and everything else is refused.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.layers import FlowState
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.comparison import compare_layers
from typedflow.snapshot.documents import ENCODE, compile_decoder, reading, strict_tree
from typedflow.snapshot.migrations import converted, decode_layers, flow_state_shape, run_chain
from typedflow.snapshot.shapes import fingerprint

PLACE: Final = "flow_state"
"""How messages name the document."""
_MARK: Final = b'"$typedflow":'


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    """Return which contract wrote a flow_state."""

    contract: str
    version: int
    fingerprint: str
    shape: Raw


_HEADER: Final = compile_decoder(_Header)["json"]


def encode_flow_state(value: FlowState, spec: ContractSpec) -> bytes:
    """Encode a flow_state for a store; raises `SnapshotError` for what would not come back as it is."""
    fields = bytes(compile_codec(spec.flow_state).encode(value, PLACE, "json"))
    today = flow_state_shape(spec)
    header = ENCODE["json"](_Header(spec.name, spec.version, today.fingerprint, today.raw["json"]))
    return b"".join((fields[:-1], b"" if fields == b"{}" else b",", _MARK, header, b"}"))


def decode_flow_state(stored: bytes, spec: ContractSpec) -> FlowState:
    """Read a stored flow_state by the types of today.

    Raises `SnapshotError` for one that a newer version wrote, or newer code of the version, with more fields; for a
    shape that changed otherwise under one version; and for a migration that is missing or fails.

    A document without a header was written by an earlier release: it is decoded
    strictly, and may lack fields that have defaults.
    """
    fields, found, rest = stored.rpartition(_MARK)
    codec = compile_codec(spec.flow_state)
    if not found:
        return codec.decode(Raw(stored), PLACE, "json", added=None)  # type: ignore[no-any-return]  # of this type
    with reading(PLACE):
        header = _HEADER(Raw(rest[:-1]))
    raw = Raw(fields.removesuffix(b",") + b"}")
    if header.version > spec.version:
        problem = snapshots.newer_contract_problem(header.contract, header.version, spec.version)
        raise SnapshotError(problem, path=PLACE)
    if header.version < spec.version:
        return _migrated(raw, header, spec)
    if header.fingerprint == flow_state_shape(spec).fingerprint:
        return codec.decode(raw, PLACE, "json")  # type: ignore[no-any-return]  # of this type
    return _compared(raw, header, spec)


def read_fields(stored: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the contract and version that wrote a flow_state (nothing, if an earlier release did), and its fields.

    As plain data, without the flow; raises `SnapshotError` for what is no such document.
    """
    fields, found, rest = stored.rpartition(_MARK)
    with reading(PLACE):
        if not found:
            return {}, strict_tree(Raw(stored), "json")
        header = _HEADER(Raw(rest[:-1]))
        plain = strict_tree(Raw(fields.removesuffix(b",") + b"}"), "json")
    return {"contract": header.contract, "version": header.version}, plain


def _compared(raw: Raw, header: _Header, spec: ContractSpec) -> FlowState:
    """Read fields of another shape at the same version."""
    assert spec.flow_state is not None
    today = flow_state_shape(spec).shape
    with reading(PLACE):
        old = strict_tree(header.shape, "json")
        verdict, newer = compare_layers(old, today)[PLACE], compare_layers(today, old)[PLACE]
        if fingerprint(old) != header.fingerprint:
            raise SnapshotError(snapshots.altered_problem(), path=PLACE)
    if not verdict.accepted:
        name = spec.flow_state.__name__
        if newer.accepted and newer.added:
            problem = snapshots.newer_flow_state_problem(name, sorted(newer.added), spec.version)
            raise SnapshotError(problem, path=PLACE)
        raise SnapshotError(snapshots.changed_contract_problem(name, verdict.differences, spec.version), path=PLACE)
    payload = converted(raw, verdict, "json", PLACE)
    codec = compile_codec(spec.flow_state)
    return codec.decode(payload, PLACE, "json", added=verdict.added)  # type: ignore[no-any-return]  # of this type


def _migrated(raw: Raw, header: _Header, spec: ContractSpec) -> FlowState:
    """Run the chain of migrations over the flow_state alone.

    One that asks for the state, which is not in the document, is about the state: a flow_state of the same shape stays.
    """
    with reading(PLACE):
        document: dict[str, Any] = {PLACE: strict_tree(raw, "json")}
    try:
        document = run_chain(spec.cls, header.version, document)
    except SnapshotError as error:
        asks_for_state = isinstance(error.__cause__, KeyError) and error.__cause__.args == ("state",)
        if not asks_for_state or header.fingerprint != flow_state_shape(spec).fingerprint:
            raise
    return decode_layers({PLACE: document[PLACE]}, spec)[PLACE]  # type: ignore[no-any-return]  # of this type


class Kept(NamedTuple):
    """What an update returned and fired, kept until its step ends: a step that runs again gets the same."""

    value: Any
    """Plain JSON data."""
    fired: tuple[str, ...] = ()
    """The fields with listeners that it has changed."""
    flow_state: FlowState | None = None
    """The whole flow_state after it, where `fired` names fields: a copy."""


def encode_kept(kept: Kept, spec: ContractSpec) -> str:
    """Encode what is kept of an update; raises what `encode_flow_state` raises."""
    document: dict[str, Any] = {"value": kept.value}
    if kept.flow_state is not None:
        document |= {"fired": kept.fired, PLACE: encode_flow_state(kept.flow_state, spec).decode()}
    return json.dumps(document)


def decode_kept(text: str | bytes, spec: ContractSpec, place: str) -> Kept:
    """Read what is kept of an update; a field that is gone fires nothing. Raises `SnapshotError`."""
    with reading(place):
        document = json.loads(text)
        value, fired = document["value"], document.get("fired", [])
        if not fired or spec.flow_state is None:
            return Kept(value)
        layer = decode_flow_state(document[PLACE].encode(), spec)
        return Kept(value, tuple(name for name in fired if name in spec.flow_state.__struct_fields__), layer)
