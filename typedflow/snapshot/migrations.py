"""From the layers of a snapshot to those of today's contract: the same shape, more fields with defaults, or migrations.

A migration works on builtins as JSON has them, whatever the encoding of the snapshot, so that it is written once. What
the chain gives is decoded strictly into the types of today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from msgspec import UNSET, Raw, UnsetType

from typedflow.contract import snapshots
from typedflow.contract.wording import describe, shown_error
from typedflow.errors import SnapshotError
from typedflow.schema.callables import discard, is_deferred
from typedflow.schema.contracts import Contract, ContractSpec
from typedflow.schema.mismatch import render_path
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.coders import NOTHING_ADDED
from typedflow.snapshot.documents import ENCODE, FORMATS, PLAIN, Format, find_unplain, reading, strict_tree
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.shapes import LAYERS, Shape, Verdict, compare, fingerprint, shape_of


@dataclass(frozen=True, slots=True)
class SavedShape:
    """Hold the shape of a contract's saved types, ready to be put into a snapshot."""

    shape: Shape
    fingerprint: str
    raw: Mapping[Format, Raw]


def saved_shape(spec: ContractSpec) -> SavedShape:
    """Give the shape of a contract's saved types; made once per pair of layers."""
    return _saved_shape(spec.state, spec.flow_state)


@lru_cache(maxsize=256)
def _saved_shape(state: Any, flow_state: Any) -> SavedShape:
    shape = shape_of(state, flow_state)
    return SavedShape(shape, fingerprint(shape), {format: Raw(ENCODE[format](shape)) for format in FORMATS})


@dataclass(frozen=True, slots=True)
class Layers:
    """Hold the layers of a snapshot, ready to be decoded by the types of today."""

    state: Raw | UnsetType
    flow_state: Raw | UnsetType
    added: frozenset[str]
    """The fields ("Record.field") with defaults that they do not have yet."""


def settle_layers(snapshot: Snapshot, spec: ContractSpec, place: str = "") -> Layers:
    """Bring the layers of a snapshot to today's version of its contract; they stay in the snapshot's encoding.

    Raises `SnapshotError` for another contract, a newer version, a shape that changed under one version, and a
    migration that is missing, fails, or gives what does not fit. `place` is that of a child in its parent's document.
    """
    if snapshot.contract != spec.name:
        problem = snapshots.other_flow("contract", snapshot.contract, spec.name)
        raise SnapshotError(problem, path=f"{place}contract")
    if snapshot.version > spec.version:
        problem = snapshots.newer_contract(spec.name, snapshot.version, spec.version)
        raise SnapshotError(problem, path=f"{place}version")
    if snapshot.version == spec.version:
        return Layers(snapshot.state, snapshot.flow_state, require_unchanged(snapshot, spec, place))
    decoded = decode_layers(run_chain(spec.cls, snapshot.version, plain_layers(snapshot, place), place), spec, place)
    encoded = {
        name: compile_codec(type(layer)).encode(layer, f"{place}{name}", snapshot.encoding)
        for name, layer in decoded.items()
    }
    return Layers(encoded.get("state", UNSET), encoded.get("flow_state", UNSET), NOTHING_ADDED)


def require_unchanged(snapshot: Snapshot, spec: ContractSpec, place: str = "") -> frozenset[str]:
    """Compare the saved shape with today's, at one version; give the fields with defaults that it does not have yet.

    Raises `SnapshotError` with the difference where there is more to it.
    """
    today = saved_shape(spec)
    if snapshot.fingerprint == today.fingerprint:
        return NOTHING_ADDED
    with reading(f"{place}shape"):
        old = strict_tree(snapshot.shape, snapshot.encoding)
        verdict: Verdict = compare(old, today.shape)
        if fingerprint(old) != snapshot.fingerprint:
            raise SnapshotError(snapshots.altered(), path=f"{place}fingerprint")
    if not verdict.accepted:
        problems = [
            snapshots.changed_contract(_layer_name(spec, layer), differences, spec.version)
            for layer, differences in verdict.differences.items()
        ]
        raise SnapshotError(problems, path=f"{place}shape")
    return verdict.added


def _layer_name(spec: ContractSpec, layer: str) -> str:
    cls = getattr(spec, layer)
    return layer if cls is None else cls.__name__


def plain_layers(snapshot: Snapshot, place: str = "") -> dict[str, Any]:
    """Give the saved layers as builtins, the way that JSON has them; absent layers are absent."""
    layers = {}
    for name in LAYERS:
        payload = getattr(snapshot, name)
        if payload is UNSET:
            continue
        with reading(f"{place}{name}"):
            tree = strict_tree(payload, snapshot.encoding)
            layers[name] = tree if snapshot.encoding == "json" else PLAIN["json"](ENCODE["json"](tree))
    return layers


def run_chain(contract: type[Contract], version: int, layers: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Lead the layers from `version` to the contract's own, one migration after another.

    Raises `SnapshotError` where a migration is missing, raises, or gives something else than layers in builtins.
    """
    for older in range(version, contract.__typedflow_version__):
        migration = contract.__typedflow_migrations__.get(older)
        if migration is None:
            problem = snapshots.missing_migration(contract.__name__, older, contract.__typedflow_version__)
            raise SnapshotError(problem, path=f"{place}version")
        try:
            layers = migration(layers)
        except Exception as error:  # whatever the user's function raises
            reason = f"raised {shown_error(error)}"
            raise SnapshotError(
                snapshots.failed_migration(contract.__name__, older, reason), path=f"{place}version"
            ) from error
        reason = _odd_layers(layers)
        if is_deferred(layers):
            discard(layers)
        if reason:
            raise SnapshotError(snapshots.failed_migration(contract.__name__, older, reason), path=f"{place}version")
    return layers


def _odd_layers(layers: object) -> str:
    """Say what is wrong with what a migration gave; empty where nothing is."""
    if type(layers) is not dict:
        return f"gave {describe(layers)}, not the saved layers"
    unknown = [name for name in layers if name not in LAYERS]
    if unknown:
        return f"gave a layer {describe(unknown[0])}: there are {' and '.join(map(repr, LAYERS))}"
    try:
        fault = find_unplain(layers, "json")
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
            raise SnapshotError(snapshots.unfit(here, f"contract '{spec.name}' declares no {name}"), path=here)
        with reading(here):
            payload = Raw(ENCODE["json"](tree))
        decoded[name] = compile_codec(cls).decode(payload, here, "json", added=None)
    return decoded
