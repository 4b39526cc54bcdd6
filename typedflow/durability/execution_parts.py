"""What a save writes of an execution that is kept in parts: what may have changed since the save before.

A field of the state may have changed if its value is another object, or if the value can be changed in place and
somebody may have done so: a step that read it or wrote below it, whoever read it outside of steps. An alias that a step
keeps and changes without reading the field again is found at rest (a pause, an end), where every field that can be
changed is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from typedflow.durability.block_parts import BlockParts, has_long_block
from typedflow.durability.interrupt_parts import InterruptParts
from typedflow.durability.ledger import Changes, Ledger
from typedflow.engine.status import Status
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.schema.layer_fields import LayerField, layer_fields
from typedflow.schema.layers import State
from typedflow.snapshot.codecs import Codec, compile_codec
from typedflow.snapshot.coding import without_unset
from typedflow.snapshot.joining import NAMES, encode_names, key_of
from typedflow.snapshot.run_writing import RunParts
from typedflow.stores.records import Delta

PARTS_FROM = 16 * 1024
"""Bytes of a document from which an execution is kept in parts. A smaller one is written whole, in one statement: that
is quicker than a transaction over several rows."""


class Collected(NamedTuple):
    """What one save writes, and what is stored when it has come through."""

    delta: Delta
    changes: Changes
    values: Mapping[str, Any]
    """The value of each field of the state; empty where the state is in the head."""
    fields: Mapping[str, int]
    """The digest of each field of the state, by its name in the document."""
    run: RunParts
    """What of the run is in parts."""

    @property
    def has_state(self) -> bool:
        """Return True if the fields of the state are parts."""
        return bool(self.values)

    def names(self) -> set[str]:
        """Return the parts that change, by the names that a revision calls them."""
        return {_NAMES[key[0]] for key in self.changes.digests if key[:2] in ("j/", "i/")}


@lru_cache(maxsize=256)
def has_parts(cls: type[State] | None) -> bool:
    """Return True if the fields of a state class can be parts: msgspec writes them one by one, and all of them.

    One with a type that is coded part by part (a union without tags) stays whole, and so does one with omit_defaults.
    """
    if cls is None or cls.__struct_config__.omit_defaults or not compile_codec(cls).is_native:
        return False
    fields = layer_fields(cls)
    return bool(fields) and all(_codec_of(field).is_native for field in fields.values())


def _codec_of(field: LayerField) -> Codec:
    """Return the codec of a field that has a value: the document leaves out one that is UNSET."""
    return compile_codec(without_unset(field.kind)[0])


class ExecutionParts:
    """Know which parts of one execution are stored."""

    __slots__ = ("_blocks", "_has_state", "_interrupts", "_ledger", "_sure", "_values", "in_use")

    def __init__(self, state: type[State] | None) -> None:
        self.in_use = False
        """Whether the execution is saved in parts; once it is, it stays so."""
        self._has_state = has_parts(state)
        self._ledger = Ledger()
        self._blocks = BlockParts()
        self._interrupts = InterruptParts()
        self._values: Mapping[str, Any] = {}
        self._sure = False
        """Whether the last save has come through: what it took for changed is known to be stored."""

    def collect(self, runtime: ExecutionRuntime, interrupts: Collection[str] | None) -> Collected:
        """Encode and verify what may have changed; raises `SnapshotError`.

        `interrupts` are the ids of those that came or went since the last save, None where nobody knows.
        """
        sure, self._sure = self._sure, False
        changes = self._ledger.begin()
        state = runtime.require_state() if runtime.given_state is not None else runtime.state
        values: dict[str, Any] = {}
        if state is not None and self._has_state:
            values = self._collect_state(runtime, state, changes, sure=sure)
        elif not sure:  # a state that another version of the flow has kept in parts
            _drop_fields(changes, except_for=())
        blocks = self._blocks.collect(runtime.run, changes, sure=sure)
        run = self._interrupts.collect(runtime.run, changes, blocks, interrupts if sure else None)
        names = [] if state is None or not values else _names(state, values)
        fields = {name: changes.digest_of(key_of(name)) for name in names}
        return Collected(self._ledger.delta(changes), changes, values, fields, run)

    def _collect_state(
        self, runtime: ExecutionRuntime, state: State, changes: Changes, *, sure: bool
    ) -> dict[str, Any]:
        changed = runtime.take_changed()
        sweeps = changed is None or not sure or runtime.run.status is not Status.RUNNING
        fields = layer_fields(type(state))
        values = {name: field.read(state) for name, field in fields.items()}
        names = _names(state, values)
        for field_name, name in zip(state.__struct_fields__, state.__struct_encode_fields__, strict=True):
            field, value, key = fields[field_name], values[field_name], key_of(name)
            if value is msgspec.UNSET:
                changes.drop(key)
                continue
            is_known = key in changes.known and self._values.get(field_name, _NOTHING) is value
            if not is_known or (field.changeable and (sweeps or field_name in (changed or ()))):
                changes.put(key, bytes(_codec_of(field).encode(value, f"state.{field_name}")))
        changes.put(NAMES, encode_names(names))
        if not sure:  # a state of another version may have been stored
            _drop_fields(changes, except_for=(NAMES, *map(key_of, names)))
        return values

    def loaded(self, known: Mapping[str, int]) -> None:
        """Note which parts the store has, as it has read them: the execution was loaded from these."""
        self.in_use = True
        self._ledger.loaded(known)

    def is_due(self, runtime: ExecutionRuntime) -> bool:
        """Return True if the next save is in parts: the document is large, or has a long for_each."""
        self.in_use = self.in_use or has_long_block(runtime.run)
        return self.in_use

    def weigh(self, size: int) -> None:
        """Note the size of a document that was written whole: from PARTS_FROM on the next save is in parts."""
        self.in_use = self.in_use or size >= PARTS_FROM

    def took(self, collected: Collected) -> None:
        """Note that a save has come through."""
        self._ledger.took(collected.changes)
        self._values, self._sure = collected.values, True


def _drop_fields(changes: Changes, except_for: Collection[str]) -> None:
    """Delete the parts of fields that the state does not have."""
    for key in changes.known:
        if key.partition("/")[0] == NAMES and key not in except_for:
            changes.drop(key)


def _names(state: State, values: Mapping[str, Any]) -> list[str]:
    """Return the names that the fields have in the document, in its order."""
    pairs = zip(state.__struct_fields__, state.__struct_encode_fields__, strict=True)
    return [name for field, name in pairs if values[field] is not msgspec.UNSET]


_NAMES: Final = {"j": "joins", "i": "interrupts"}
_NOTHING: Final = object()
