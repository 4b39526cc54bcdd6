"""What a save writes of a state whose fields are parts: those that may have changed since the save before.

A field may have changed if its value is another object, or if the value can be changed in place and somebody may have
done so: a step that read it or wrote below it, whoever read it outside of steps. An alias that a step keeps and changes
without reading the field again is found at rest (a pause, an end), where every field that can be changed is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from typedflow.engine.status import Status
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.schema.layer_fields import LayerField, layer_fields
from typedflow.schema.layers import State
from typedflow.snapshot.codecs import Codec, compile_codec
from typedflow.snapshot.coding import without_unset
from typedflow.snapshot.joining import NAMES, SUM, digest_of_part, encode_names, key_of
from typedflow.stores.protocol import Delta, Part


class Collected(NamedTuple):
    """What one save writes, and what is stored when it has come through."""

    delta: Delta
    values: Mapping[str, Any]
    """The value of each field."""
    digests: Mapping[str, int]
    """The digest of each part."""


def has_parts(cls: type[State] | None) -> bool:
    """Return True if the fields of a state class can be parts: msgspec writes them one by one, and all of them.

    One with a type that is coded part by part (a union without tags) stays whole, and so does one with omit_defaults.
    """
    if cls is None or cls.__struct_config__.omit_defaults or not compile_codec(cls).is_native:
        return False
    return all(_codec_of(field).is_native for field in layer_fields(cls).values())


def _codec_of(field: LayerField) -> Codec:
    """Return the codec of a field that has a value: the document leaves out one that is UNSET."""
    return compile_codec(without_unset(field.kind)[0])


PARTS_FROM = 16 * 1024
"""Bytes of a state from which its fields are parts. A smaller one is written whole, in one statement: that is quicker
than a transaction over several rows."""


class StateParts:
    """Know which parts of the state of one execution are stored."""

    __slots__ = ("_digests", "_sure", "_values", "in_use")

    def __init__(self) -> None:
        self.in_use = False
        """Whether the state is saved in parts; once it is, it stays so."""
        self._values: Mapping[str, Any] = {}
        self._digests: Mapping[str, int] | None = None
        """None: the store has none, or others."""
        self._sure = True
        """Whether the last save has come through: what it took for changed is known to be stored."""

    def collect(self, runtime: ExecutionRuntime, state: Any) -> Collected:
        """Encode and verify what may have changed; raises `SnapshotError`."""
        changed = runtime.take_changed()
        sweeps = changed is None or not self._sure or runtime.run.status is not Status.RUNNING
        self._sure = False
        before = self._digests or {}
        values: dict[str, Any] = {}
        digests: dict[str, int] = {}
        writes: list[Part] = []
        names: list[str] = []
        fields = layer_fields(type(state))
        for field_name, name in zip(state.__struct_fields__, state.__struct_encode_fields__, strict=True):
            field = fields[field_name]
            value = values[field.name] = field.read(state)
            if value is msgspec.UNSET:
                continue
            names.append(name)
            key = key_of(name)
            is_known = key in before and self._values.get(field.name, _NOTHING) is value
            if is_known and not (field.changeable and (sweeps or field.name in (changed or ()))):
                digests[key] = before[key]
                continue
            data = bytes(_codec_of(field).encode(value, f"state.{field.name}"))
            digests[key] = _note(key, data, before, writes)
        digests[NAMES] = _note(NAMES, encode_names(names), before, writes)
        deletes = tuple(key for key in before if key not in digests)
        total = sum(digests.values()) % SUM
        delta = Delta(tuple(writes), deletes, len(digests), total.to_bytes(16, "big"), afresh=self._digests is None)
        return Collected(delta, values, digests)

    def loaded(self, state: Raw) -> None:
        """Note that the store has the fields of a state, which was loaded from them."""
        fields = _FIELDS(state)
        digests = {key_of(name): digest_of_part(key_of(name), bytes(data)) for name, data in fields.items()}
        self.in_use = True
        self._digests = digests | {NAMES: digest_of_part(NAMES, encode_names(list(fields)))}

    def weigh(self, size: int) -> None:
        """Note the size of a state that was written whole, in bytes: from PARTS_FROM on the next save is in parts."""
        self.in_use = self.in_use or size >= PARTS_FROM

    def took(self, collected: Collected) -> None:
        """Note that a save has come through."""
        self._values, self._digests, self._sure = collected.values, collected.digests, True


_NOTHING: Final = object()
_FIELDS: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def _note(key: str, data: bytes, before: Mapping[str, int], writes: list[Part]) -> int:
    digest = digest_of_part(key, data)
    if before.get(key) != digest:
        writes.append(Part(key, data, digest.to_bytes(16, "big")))
    return digest
