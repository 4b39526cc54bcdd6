"""What a save writes of an execution that is kept in parts: what may have changed since the save before.

A field of the state may have changed if its value is another object, or if the value can be changed in place and
may have been: a step has read it or written below it, or it was read outside of steps. An alias that a step
keeps and changes without reading the field again is found at rest (a pause, an end), where every field that can be
changed is looked at. Of two fields that hold one object both may have changed; what a field holds and another one has
further inside is such an alias.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from typedflow.durability.block_parts import BlockParts, has_long_block
from typedflow.durability.child_parts import ChildParts, take_changed
from typedflow.durability.interrupt_parts import InterruptParts
from typedflow.durability.ledger import Changes, Ledger
from typedflow.durability.list_parts import ListParts, sliced_if_long
from typedflow.engine.status import Status
from typedflow.errors import SnapshotError
from typedflow.execution.runtime import ExecutionRuntime
from typedflow.schema.layer_fields import LayerField, layer_fields
from typedflow.schema.layers import State
from typedflow.snapshot.codecs import Codec, compile_codec
from typedflow.snapshot.coding import without_unset
from typedflow.snapshot.envelope import SliceRun
from typedflow.snapshot.joining import NAMES, SLICES, SUM, digest_of_part, encode_names, key_of
from typedflow.snapshot.reading import read_head
from typedflow.snapshot.run_writing import RunParts
from typedflow.stores.records import Delta

PARTS_FROM = 16 * 1024
"""Bytes of a document from which an execution is kept in parts. A smaller one is written whole, in one statement: that
is quicker than a transaction over several rows."""


class Collected(NamedTuple):
    """What one save writes, and what is stored after it."""

    delta: Delta
    changes: Changes
    values: Mapping[str, Any]
    """The value of each field of the state; empty where the state is in the head."""
    fields: Sequence[str]
    """The names of the fields of the state in the document."""
    lists: Mapping[str, ListParts]
    """Those of them that are in slices."""
    run: RunParts
    """What of the run is in parts."""

    @property
    def has_state(self) -> bool:
        """Return True if the fields of the state are parts."""
        return bool(self.values)

    def slices(self) -> dict[str, list[SliceRun]]:
        """Return which slices make up each list, for the head."""
        return {name: each.runs() for name, each in self.lists.items()}

    def digests(self) -> dict[str, int]:
        """Return the digest of each field of the state, by its name in the document."""
        keys = {name: self.lists[name].part_keys() if name in self.lists else [key_of(name)] for name in self.fields}
        return {name: sum(map(self.changes.digest_of, each)) % SUM for name, each in keys.items()}

    def names(self) -> set[str]:
        """Return the parts that change, by the names that a revision calls them."""
        return {_NAMES[key[0]] for key in self.changes.digests if key[:2] in ("j/", "i/", "c/")}


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


class _Found(NamedTuple):
    """What is known of a field that may have changed."""

    runtime: ExecutionRuntime
    sure: bool
    """What is noted of its slices is what is stored."""
    is_lent: bool
    """A thread may be changing it: its bytes are those of one moment, so that all slices are cut from them."""
    anywhere: bool
    """False if something was appended to the list, and nothing else was done."""
    checked: bool
    """Its classes are known to be the declared ones."""


class ExecutionParts:
    """The stored parts of one execution."""

    __slots__ = (
        "_blocks",
        "_children",
        "_has_state",
        "_interrupts",
        "_ledger",
        "_lists",
        "_loaded",
        "_sure",
        "_values",
        "in_use",
    )

    def __init__(self, state: type[State] | None) -> None:
        self.in_use = False
        """Whether the execution is saved in parts; once it is, it stays so."""
        self._has_state = has_parts(state)
        self._ledger = Ledger()
        self._blocks = BlockParts()
        self._interrupts = InterruptParts()
        self._children = ChildParts()
        self._lists: dict[str, ListParts] = {}
        """The lists of the state that are in slices, by the names of their fields in the document."""
        self._loaded: Mapping[str, list[SliceRun]] = {}
        """The slices that the store had when the execution was loaded from it."""
        self._values: Mapping[str, Any] = {}
        self._sure = False
        """Whether the last save is stored, so that the next one may write only what has changed since."""

    def collect(self, runtime: ExecutionRuntime, interrupts: Collection[str] | None) -> Collected:
        """Encode and verify what may have changed; raises `SnapshotError`.

        `interrupts` are the ids of those that came or went since the last save, None where that is not known.
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
        waiting = take_changed(runtime.run)
        children = self._children.collect(runtime, changes, blocks, None if not sure or interrupts is None else waiting)
        run = run._replace(
            nodes=(*run.nodes, *children.nodes), waiting=children.tokens, resource_keys=children.resource_keys
        )
        names = [] if state is None or not values else _names(state, values)
        return Collected(self._ledger.delta(changes), changes, values, names, self._lists, run)

    def _collect_state(
        self, runtime: ExecutionRuntime, state: State, changes: Changes, *, sure: bool
    ) -> dict[str, Any]:
        changed, unchecked, lent = runtime.take_changed(), runtime.take_unchecked(), runtime.lent_fields()
        if changed is None or not sure or runtime.run.status is not Status.RUNNING:
            changed = unchecked = None
        fields = layer_fields(type(state))
        values = {name: field.read(state) for name, field in fields.items()}
        lent |= _twins(lent, fields, values)
        if changed:
            twins = _twins(changed, fields, values)
            changed = {**changed, **dict.fromkeys(twins, True)}
            unchecked = None if unchecked is None else {*unchecked, *twins}
        names = _names(state, values)
        try:
            for field_name, name in zip(state.__struct_fields__, state.__struct_encode_fields__, strict=True):
                field, value = fields[field_name], values[field_name]
                is_lent = field_name in lent
                if value is msgspec.UNSET:
                    self._drop_slices(name, changes)
                    changes.drop(key_of(name))
                elif not sure or self._values.get(field_name, _NOTHING) is not value:
                    checked = sure and unchecked is not None and field_name not in unchecked
                    self._collect_field(field, name, value, changes, _Found(runtime, sure, is_lent, True, checked))
                elif field.changeable and (changed is None or field_name in changed):
                    checked = unchecked is not None and field_name not in unchecked
                    anywhere = changed is None or changed[field_name]
                    self._collect_field(field, name, value, changes, _Found(runtime, sure, is_lent, anywhere, checked))
        except BaseException:
            runtime.mark_all_unchecked()
            raise
        changes.put(NAMES, encode_names(names))
        if not sure:  # a state of another version may have been stored
            slices = [key for each in self._lists.values() for key in each.part_keys()]
            _drop_fields(changes, except_for={NAMES, *map(key_of, {*names} - self._lists.keys()), *slices})
        return values

    def _collect_field(self, field: LayerField, name: str, value: Any, changes: Changes, found: _Found) -> None:
        """Encode a field that may have changed: the whole of it, or the slices of a list."""
        codec, path, sliced = _codec_of(field), f"state.{field.name}", self._lists.get(name)
        if sliced is not None and found.sure and not found.is_lent and not sliced.is_short(value):
            try:
                if found.anywhere or not sliced.put_end(value, changes):
                    sliced.put_changed(value, changes, checked=found.checked)
                if field.name not in found.runtime.lent_fields():  # to a thread that has begun meanwhile
                    return
            except SnapshotError:  # of a slice: the path is to be that of the list
                pass
        data = bytes(codec.encode(value, path))
        kind = sliced_if_long(without_unset(field.kind)[0], len(data))
        if kind is None or (sliced is None and self._is_stored_whole(name, data, changes)):
            self._drop_slices(name, changes)
            changes.put(key_of(name), data)
            return
        if sliced is None:
            sliced = self._lists[name] = ListParts(name, kind, self._loaded.get(name, ()))
        sliced.put_all(data, changes, value[:])
        changes.drop(key_of(name))

    def _is_stored_whole(self, name: str, data: bytes, changes: Changes) -> bool:
        """Return whether a long list is stored as one part, as older versions did: it stays so until it changes."""
        key = key_of(name)
        return key in changes.known and changes.known[key] == digest_of_part(key, data)

    def _drop_slices(self, name: str, changes: Changes) -> None:
        sliced = self._lists.pop(name, None)
        if sliced is not None:
            sliced.drop(changes)

    def loaded(self, known: Mapping[str, int], head: bytes | None) -> None:
        """Note which parts the store has, as it has read them: the execution was loaded from these."""
        self.in_use = True
        self._ledger.loaded(known)
        if head is not None and any(key.startswith(f"{SLICES}/") for key in known):
            slices = read_head(head).slices
            self._loaded = {} if slices is msgspec.UNSET else slices

    def is_due(self, runtime: ExecutionRuntime) -> bool:
        """Return True if the next save is in parts: the document is large, or has a long for_each."""
        self.in_use = self.in_use or has_long_block(runtime.run)
        return self.in_use

    def weigh(self, size: int) -> None:
        """Record the size of what a save writes: from PARTS_FROM on the next save is in parts."""
        self.in_use = self.in_use or size >= PARTS_FROM

    def saved(self, collected: Collected) -> None:
        """Record that the save is stored."""
        self._ledger.saved(collected.changes)
        self._values, self._sure = collected.values, True


def _twins(changed: Collection[str], fields: Mapping[str, LayerField], values: Mapping[str, Any]) -> set[str]:
    """Return the fields that hold the very object of one that may have changed: `state.b = state.a` makes such ones."""
    objects = {id(values[name]) for name in changed}
    return {name for name, value in values.items() if id(value) in objects and fields[name].changeable} - {*changed}


def _drop_fields(changes: Changes, except_for: Collection[str]) -> None:
    """Delete the parts of fields that the state does not have."""
    for key in changes.known:
        if key.partition("/")[0] in (NAMES, SLICES) and key not in except_for:
            changes.drop(key)


def _names(state: State, values: Mapping[str, Any]) -> list[str]:
    """Return the names that the fields have in the document, in its order."""
    pairs = zip(state.__struct_fields__, state.__struct_encode_fields__, strict=True)
    return [name for field, name in pairs if values[field] is not msgspec.UNSET]


_NAMES: Final = {"j": "joins", "i": "interrupts", "c": "children"}
_NOTHING: Final = object()
