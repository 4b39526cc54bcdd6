"""From the layers of a snapshot to those of today's contract: the same shape, more fields with defaults, or migrations.

A migration works on builtins as JSON has them, whatever the encoding of the snapshot, so that it is written once. What
the chain gives is decoded strictly into the types of today.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from msgspec import UNSET, Raw, UnsetType

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.rules.wording import describe, shown_error
from typedflow.schema.callables import discard, is_deferred
from typedflow.schema.contracts import Contract, ContractSpec, spec_of
from typedflow.schema.mismatch import render_path
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.coders import NOTHING_ADDED
from typedflow.snapshot.comparison import Verdict, compare_layers
from typedflow.snapshot.conversion import Unexplained
from typedflow.snapshot.documents import ENCODE, FORMATS, Format, find_unplain, reading, strict_tree
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.shapes import LAYERS, Shape, fingerprint, shape_of
from typedflow.snapshot.values import changed_values, gather_values, odd_values, plain_tree, result_of


@dataclass(frozen=True, slots=True)
class SavedShape:
    """The shape of a contract's saved types, ready to be put into a snapshot."""

    shape: Shape
    fingerprint: str
    raw: Mapping[Format, Raw]


def saved_shape(spec: ContractSpec) -> SavedShape:
    """Return the shape of a contract's saved types; made once per pair of layers."""
    return _saved_shape(spec.state, spec.flow_state)


def flow_state_shape(spec: ContractSpec) -> SavedShape:
    """Return the shape of the flow_state alone, as a store keeps it."""
    return _saved_shape(None, spec.flow_state)


@lru_cache(maxsize=256)
def _saved_shape(state: Any, flow_state: Any) -> SavedShape:
    shape = shape_of(state, flow_state)
    return SavedShape(shape, fingerprint(shape), {format: Raw(ENCODE[format](shape)) for format in FORMATS})


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of a snapshot, ready to be decoded by the types of today."""

    state: Raw | UnsetType
    flow_state: Raw | UnsetType
    added: frozenset[str]
    """The fields ("Record.field") with defaults that they do not have yet."""
    migrated: Mapping[str, Any] = field(default_factory=dict)
    """The values in flight that a migration has changed, in builtins of JSON, by their places in the document."""


def settle_layers(snapshot: Snapshot, spec: ContractSpec, place: str = "") -> Layers:
    """Migrate the layers of a snapshot to today's version of its contract; they stay in the snapshot's encoding.

    Raises `SnapshotError` for another contract, a newer version, a shape that changed under one version, and a
    migration that is missing, fails, or gives what does not fit. `place` is that of a child in its parent's document.
    """
    if snapshot.contract != spec.name:
        problem = snapshots.other_flow_problem("contract", snapshot.contract, spec.name, is_child=bool(place))
        raise SnapshotError(problem, path=f"{place}contract")
    if snapshot.version > spec.version:
        problem = snapshots.newer_contract_problem(spec.name, snapshot.version, spec.version)
        raise SnapshotError(problem, path=f"{place}version")
    if snapshot.version == spec.version:
        return _unchanged_layers(snapshot, spec, place)
    return _migrated_layers(snapshot, spec, place)


def _unchanged_layers(snapshot: Snapshot, spec: ContractSpec, place: str) -> Layers:
    """Compare the saved shape with today's, at one version, and convert what is found by another value today.

    Raises `SnapshotError` with the difference where a migration is needed.
    """
    today = saved_shape(spec)
    if snapshot.fingerprint == today.fingerprint:
        return Layers(snapshot.state, snapshot.flow_state, NOTHING_ADDED)
    with reading(f"{place}shape"):
        old = strict_tree(snapshot.shape, snapshot.encoding)
        verdicts = compare_layers(old, today.shape)
        if fingerprint(old) != snapshot.fingerprint:
            raise SnapshotError(snapshots.altered_problem(), path=f"{place}fingerprint")
    problems = [
        snapshots.changed_contract_problem(_layer_name(spec, layer), verdict.differences, spec.version)
        for layer, verdict in verdicts.items()
        if not verdict.accepted
    ]
    if problems:
        raise SnapshotError(problems, path=f"{place}shape")
    added = frozenset(name for verdict in verdicts.values() for name in verdict.added)
    state, flow_state = (
        converted(getattr(snapshot, name), verdicts[name], snapshot.encoding, place + name) for name in LAYERS
    )
    return Layers(state, flow_state, added)


def converted(payload: Any, verdict: Verdict, format: Format, place: str) -> Any:
    """Return a payload as today's types read it: with the values that enum members have today."""
    if verdict.conversion is None or payload is UNSET:
        return payload
    with reading(place):
        try:
            return Raw(ENCODE[format](verdict.conversion(strict_tree(payload, format))))
        except Unexplained as error:
            raise SnapshotError(snapshots.unfit_problem(place, str(error)), path=place) from None


def _migrated_layers(snapshot: Snapshot, spec: ContractSpec, place: str) -> Layers:
    """Run the chain of migrations over the layers, the values in flight and the result."""
    values, found = gather_values(snapshot, place)
    document = plain_layers(snapshot, place) | {"values": values}
    result = result_of(snapshot, place)
    if result is not UNSET:
        document["result"] = result
    document = run_chain(spec.cls, snapshot.version, document, place)
    try:
        migrated = changed_values(values, document["values"], found, place)
    except LookupError as error:
        version = spec.version - 1
        problem = snapshots.failed_migration_problem(spec.name, version, str(error.args[0]))
        raise SnapshotError(problem, path=f"{place}version") from None
    if result is not UNSET and document["result"] != result:
        migrated[f"{place}result"] = document["result"]
    decoded = decode_layers({name: document[name] for name in LAYERS if name in document}, spec, place)
    encoded = {
        name: compile_codec(type(layer)).encode(layer, f"{place}{name}", snapshot.encoding)
        for name, layer in decoded.items()
    }
    return Layers(encoded.get("state", UNSET), encoded.get("flow_state", UNSET), NOTHING_ADDED, migrated)


def _layer_name(spec: ContractSpec, layer: str) -> str:
    cls = getattr(spec, layer)
    return layer if cls is None else cls.__name__


def plain_layers(snapshot: Snapshot, place: str = "") -> dict[str, Any]:
    """Return the saved layers as builtins, the way that JSON has them; absent layers are absent."""
    layers = {}
    for name in LAYERS:
        payload = getattr(snapshot, name)
        if payload is UNSET:
            continue
        with reading(f"{place}{name}"):
            layers[name] = plain_tree(payload, snapshot.encoding)
    return layers


def run_chain(contract: type[Contract], version: int, document: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Run the migrations from `version` to the contract's own over a document, one after another.

    What a migration leaves out of the document that it returns is unchanged, but for a layer that the contract does not
    declare any more, which is dropped. Raises `SnapshotError` where a migration
    is missing, raises, or returns something else than a document in builtins.
    """
    for older in range(version, contract.__typedflow_version__):
        migration = contract.__typedflow_migrations__.get(older)
        if migration is None:
            problem = snapshots.missing_migration_problem(contract.__name__, older, contract.__typedflow_version__)
            raise SnapshotError(problem, path=f"{place}version")
        try:
            given = migration(copy.deepcopy(document))
        except Exception as error:  # whatever the user's function raises
            reason = f"raised {shown_error(error)}"
            raise SnapshotError(
                snapshots.failed_migration_problem(contract.__name__, older, reason), path=f"{place}version"
            ) from error
        reason = _odd_document(given)
        if is_deferred(given):
            discard(given)
        if reason:
            raise SnapshotError(
                snapshots.failed_migration_problem(contract.__name__, older, reason), path=f"{place}version"
            )
        kept = {name: part for name, part in document.items() if name not in LAYERS or contract_has(contract, name)}
        document = kept | given
    return document


def contract_has(contract: type[Contract], layer: str) -> bool:
    """Return whether a contract declares a layer today."""
    return getattr(spec_of(contract), layer) is not None


PARTS: Final = (*LAYERS, "values", "result")
"""What a document for migrations consists of."""


def _odd_document(document: object) -> str:
    """Return what is wrong with what a migration returned; empty where nothing is."""
    if type(document) is not dict:
        return f"gave {describe(document)}, not the saved layers"
    unknown = [name for name in document if name not in PARTS]
    if unknown:
        return f"gave a layer {describe(unknown[0])}: there are {', '.join(map(repr, PARTS))}"
    reason = odd_values(document.get("values", {}))
    if reason:
        return reason
    try:
        fault = find_unplain(document, "json")
    except RecursionError:
        return "gave layers that are nested too deep, or hold themselves"
    return (
        "" if fault is None else f"gave {describe(fault[1])} at '{render_path(fault[0])}', which is no builtin of JSON"
    )


def decode_layers(layers: Mapping[str, Any], spec: ContractSpec, place: str = "") -> dict[str, Any]:
    """Decode migrated layers into the types of today, strictly: fields with defaults may be missing, none unknown."""
    decoded = {}
    for name, tree in layers.items():
        cls, here = getattr(spec, name), f"{place}{name}"
        if cls is None:
            raise SnapshotError(snapshots.unfit_problem(here, f"contract '{spec.name}' declares no {name}"), path=here)
        with reading(here):
            payload = Raw(ENCODE["json"](tree))
        decoded[name] = compile_codec(cls).decode(payload, here, "json", added=None)
    return decoded
