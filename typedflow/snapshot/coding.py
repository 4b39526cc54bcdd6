"""The coder of a type: msgspec's own way where it can read it back, else taken apart, part by part.

The parts of a value are coded by coders of their own: raw bytes inside of raw bytes.
"""

from __future__ import annotations

import collections.abc as abc
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from typedflow.schema.check import compile_check, exact_classes
from typedflow.schema.crowding import MOST_ALIKE, REASON, is_crowded, watch_of
from typedflow.schema.defaults import defaults_of
from typedflow.schema.forms import Formless, form_of
from typedflow.schema.mismatch import Mismatch
from typedflow.schema.persistable import check_persistable
from typedflow.schema.records import Field, fields_of, stored_in
from typedflow.schema.render import describe, render
from typedflow.schema.scalars import Check, limit_check
from typedflow.schema.types import (
    NONE,
    Anything,
    CollectionOf,
    Kind,
    MappingOf,
    Nothing,
    Opaque,
    RecordOf,
    Scalar,
    Storing,
    TupleOf,
    UnionOf,
    see_through,
    union_of,
)
from typedflow.schema.undeclared import undeclared_of
from typedflow.snapshot.coders import Coder, Native, Plain, Refused, Unsavable
from typedflow.snapshot.crowds import find_crowd_in
from typedflow.snapshot.documents import (
    ENCODE,
    PLAIN,
    Decode,
    Format,
    compile_decoder,
)
from typedflow.snapshot.faults import read_field
from typedflow.snapshot.zones import holds_moments


class Deferred:
    """A type inside of itself: its coder, once that is there."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def encode(self, value: Any, format: Format) -> bytes:
        return compile_coder(self._kind).encode(value, format)

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        return compile_coder(self._kind).decode(raw, format, added)

    def same(self, value: Any, back: Any, format: Format) -> bool:
        return compile_coder(self._kind).same(value, back, format)


class Members:
    """A union that msgspec cannot decode: `[member, payload]`, the member by its index."""

    def __init__(self, kind: UnionOf) -> None:
        self.kind = kind
        self._coders = [_part(member) for member in kind.members]
        self._classes = [_classes(member) for member in kind.members]

    def encode(self, value: Any, format: Format) -> bytes:
        first: Refused | None = None
        for index in self._candidates(value):
            try:
                return ENCODE[format]([index, Raw(self._coders[index].encode(value, format))])
            except Refused as fault:
                first = first or fault
        raise first or Refused(f"expected {render(self.kind)}, given {describe(value)}")

    def _candidates(self, value: Any) -> list[int]:
        cls = type(value)
        return [index for index, classes in enumerate(self._classes) if classes is None or cls in classes]

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        index, payload = _MEMBER[format](raw)
        if not 0 <= index < len(self._coders):
            raise Refused(f"{render(self.kind)} has no member {index}")
        return self._coders[index].decode(payload, format, added)

    def same(self, value: Any, back: Any, format: Format) -> bool:
        return any(self._coders[index].same(value, back, format) for index in self._candidates(value))


class Items:
    """A collection whose items are taken one by one."""

    def __init__(self, kind: CollectionOf) -> None:
        self.kind = kind
        self._cls: Any = kind.cls
        self._item = _part(kind.item)
        self._within = limit_check(kind.limits, render(kind))

    def encode(self, value: Any, format: Format) -> bytes:
        _require_class(self.kind, self._cls, value)
        _require_limits(self._within, value)
        return ENCODE[format]([Raw(_at(index, self._item.encode, part, format)) for index, part in enumerate(value)])

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        parts = _LIST[format](raw)
        items = [_at(index, self._item.decode, part, format, added) for index, part in enumerate(parts)]
        if self._cls in (set, frozenset):
            _require_spread(items)
        made = self._cls(items)
        if len(made) != len(parts):
            raise Refused("two of its items are one and the same when decoded")
        _require_limits(self._within, made)
        return made

    def same(self, value: Any, back: Any, format: Format) -> bool:
        if type(value) is not type(back) or len(value) != len(back):
            return False
        if self._cls in (set, frozenset):
            return bool(value == back)
        return all(self._item.same(part, other, format) for part, other in zip(value, back, strict=True))


class Places:
    """A tuple of fixed length."""

    def __init__(self, kind: TupleOf) -> None:
        self.kind = kind
        self._items = [_part(item) for item in kind.items]

    def encode(self, value: Any, format: Format) -> bytes:
        _require_class(self.kind, tuple, value)
        if len(value) != len(self._items):
            raise Refused(f"expected {render(self.kind)}, given {describe(value)}")
        coders = enumerate(zip(self._items, value, strict=True))
        return ENCODE[format]([Raw(_at(index, coder.encode, part, format)) for index, (coder, part) in coders])

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        parts = _LIST[format](raw)
        if len(parts) != len(self._items):
            raise Refused(f"expected {len(self._items)} items, given {len(parts)}")
        coders = enumerate(zip(self._items, parts, strict=True))
        return tuple(_at(index, coder.decode, part, format, added) for index, (coder, part) in coders)

    def same(self, value: Any, back: Any, format: Format) -> bool:
        pairs = zip(self._items, value, back, strict=True)
        return type(back) is tuple and all(coder.same(part, other, format) for coder, part, other in pairs)


class Entries:
    """A dict whose values are taken one by one; as a list of pairs where its keys cannot be keys of a document."""

    def __init__(self, kind: MappingOf) -> None:
        self.kind = kind
        self._value = _part(kind.value)
        keys = MappingOf(dict, kind.key, NONE)
        decode = _native_decoder(keys)
        self._keys = None if decode is None else Native(keys, decode)
        self._shallow = None if decode is None else compile_decoder(dict[form_of(kind.key), Raw])  # type: ignore[misc]
        self._key = _part(kind.key)
        self._within = limit_check(kind.limits, render(kind))

    def encode(self, value: Any, format: Format) -> bytes:
        _require_class(self.kind, dict, value)
        _require_limits(self._within, value)
        parts = [(key, Raw(_at(key, self._value.encode, part, format))) for key, part in value.items()]
        if self._keys is not None:
            names = self._keys.encode(dict.fromkeys(value), format)
            if holds_moments(self.kind.key):
                texts = PLAIN[format](names)
                return ENCODE[format](dict(zip(texts, (part for _, part in parts), strict=True)))
            return ENCODE[format](dict(parts))
        return ENCODE[format]([(Raw(_at(key, self._key.encode, key, format)), part) for key, part in parts])

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        entries = self._pairs(raw, format, added) if self._shallow is None else self._named(raw, format)
        made = {key: _at(key, self._value.decode, part, format, added) for key, part in entries.items()}
        _require_limits(self._within, made)
        return made

    def _named(self, raw: Any, format: Format) -> dict[Any, Raw]:
        assert self._shallow is not None
        assert self._keys is not None
        kind = self._keys.kind
        watch = watch_of(kind)
        if watch and find_crowd_in(kind, watch, raw, format) is not None:
            raise Refused(REASON)
        try:
            entries: dict[Any, Raw] = self._shallow[format](raw)
        except msgspec.ValidationError:
            if not holds_moments(kind):
                raise
            parts = _ENTRIES[format](raw)
            names = self._keys.decode_verified(Raw(ENCODE[format](dict.fromkeys(parts))), format)
            entries = dict(zip(names, parts.values(), strict=True)) if len(names) == len(parts) else {}
        if len(entries) != len(PLAIN[format](raw)):
            raise Refused("two of its keys are one and the same when decoded")
        return entries

    def _pairs(self, raw: Any, format: Format, added: frozenset[str] | None) -> dict[Any, Raw]:
        entries: dict[Any, Raw] = {}
        pairs = _PAIRS[format](raw)
        names = [_at(index, self._key.decode, key, format, added) for index, (key, _) in enumerate(pairs)]
        _require_spread(names)
        for index, (name, (_, part)) in enumerate(zip(names, pairs, strict=True)):
            if name in entries:
                raise Refused("it has one key twice", (index,))
            entries[name] = part
        return entries

    def same(self, value: Any, back: Any, format: Format) -> bool:
        if type(back) is not dict or len(value) != len(back):
            return False
        pairs = zip(value.items(), back.items(), strict=True)
        return all(
            self._key.same(key, other_key, format) and self._value.same(part, other, format)
            for (key, part), (other_key, other) in pairs
        )


class Fields:
    """A record of which some field is not native: an object by Python field names, every field in it."""

    def __init__(self, kind: RecordOf) -> None:
        self.kind = kind
        self._fields: list[tuple[Field, Coder, bool]] = []
        for field in fields_of(kind):
            inner, may_lack = without_unset(field.kind)
            self._fields.append((field, _part(inner), may_lack or (kind.flavour == "typeddict" and not field.required)))
        self._names = {field.name for field, _, _ in self._fields}
        self._undeclared = undeclared_of(kind)
        """An instance is made past its `__init__` and `__post_init__`: nothing but the fields comes back."""

    def encode(self, value: Any, format: Format) -> bytes:
        _require_class(self.kind, dict if self.kind.flavour == "typeddict" else self.kind.cls, value)
        if self._undeclared is not None and (extra := self._undeclared.find(value)) is not None:
            raise Refused(f"{render(self.kind)} declares no field '{extra}', and a save would drop it", (extra,))
        if self.kind.flavour == "typeddict" and not value.keys() <= self._names:
            raise Refused(f"it has keys that {render(self.kind)} does not have")
        parts: dict[str, Raw] = {}
        for field, coder, may_lack in self._fields:
            part = self._read(field, value)
            if part is UNSET and may_lack:
                continue
            parts[field.name] = Raw(_at(field.name, coder.encode, part, format))
        return ENCODE[format](parts)

    def _read(self, field: Field, value: Any) -> Any:
        try:
            part = read_field(self.kind, field.name, value)
        except AttributeError:
            raise Refused("it was never set", (field.name,)) from None
        if self.kind.flavour == "typeddict" and field.name not in value:
            return UNSET
        return part

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        parts = _OBJECT[format](raw)
        extra = [name for name in parts if name not in self._names]
        if extra:
            raise Refused(f"{render(self.kind)} has no field '{extra[0]}'")
        made: dict[str, Any] = {}
        for field, coder, may_lack in self._fields:
            if field.name in parts:
                made[field.name] = _at(field.name, coder.decode, parts[field.name], format, added)
            elif not may_lack:
                self._add(field, made, added)
            elif self.kind.flavour != "typeddict":
                made[field.name] = UNSET
        return self._make(made)

    def _add(self, field: Field, made: dict[str, Any], added: frozenset[str] | None) -> None:
        """Set a field that was added with a default to that default; raises `Refused` for any other that is missing."""
        expected = added is None or f"{render(self.kind)}.{field.name}" in added
        if field.required or not expected:
            raise Refused(f"it lacks the field '{field.name}' of {render(self.kind)}")
        make = defaults_of(self.kind.cls).get(field.name)
        if make is not None:
            made[field.name] = make()
        elif self.kind.flavour != "namedtuple":
            raise Refused(f"it lacks the field '{field.name}' of {render(self.kind)}")

    def _make(self, fields: dict[str, Any]) -> Any:
        """Make the record; one with fields that its `__init__` does not take is filled past it."""
        cls: Any = self.kind.cls
        if self.kind.flavour == "typeddict":
            return fields
        if self.kind.flavour in ("struct", "namedtuple"):
            return cls(**fields)
        made = cls.__new__(cls)
        for name, part in fields.items():
            object.__setattr__(made, name, part)
        return made

    def same(self, value: Any, back: Any, format: Format) -> bool:
        return type(value) is type(back) and self.find_difference(value, back, format) is None

    def find_difference(self, value: Any, back: Any, format: Format) -> tuple[str, Coder, Any, Any] | None:
        """Return the first field of which two records have different values: its name, its coder, both values."""
        for field, coder, _ in self._fields:
            part, other = self._read(field, value), self._read(field, back)
            is_same = part is other if part is UNSET or other is UNSET else coder.same(part, other, format)
            if not is_same:
                return field.name, coder, part, other
        return None


class Converted:
    """A class whose values are saved as values of another type."""

    def __init__(self, kind: Opaque, stored: Storing) -> None:
        self.kind = kind
        self._stored = stored
        self._check = compile_check(kind)
        self._check_stored = compile_check(stored.kind)
        self._inner = _part(stored.kind)

    def encode(self, value: Any, format: Format) -> bytes:
        try:
            self._check(value)
        except Mismatch as mismatch:
            raise Refused(mismatch.reason) from None
        return self._inner.encode(self._to(value), format)

    def _to(self, value: Any) -> Any:
        plain = self._run(self._stored.to, value)
        try:
            return self._check_stored(plain)
        except Mismatch as mismatch:
            raise Refused(f"{render(self.kind)} is stored as another value than declared: {mismatch.reason}") from None

    def _run(self, convert: Callable[[Any], Any], value: Any) -> Any:
        try:
            return convert(value)
        except Exception as error:
            raise Refused(f"storing {render(self.kind)} raises {type(error).__name__}: {error}") from error

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        value = self._run(self._stored.of, self._inner.decode(raw, format, added))
        try:
            return self._check(value)
        except Mismatch as mismatch:
            raise Refused(mismatch.reason) from None

    def same(self, value: Any, back: Any, format: Format) -> bool:
        if not isinstance(value, self.kind.cls) or type(value) is not type(back):
            return False
        if self._stored.exact and value != back:
            return False
        return self._inner.same(self._to(value), self._to(back), format)


_MEMBER: Final = compile_decoder(tuple[int, Raw])
_LIST: Final = compile_decoder(list[Raw])
_PAIRS: Final = compile_decoder(list[tuple[Raw, Raw]])
_ENTRIES: Final = compile_decoder(dict[Any, Raw])
_OBJECT: Final = compile_decoder(dict[str, Raw])

_CONCRETE: Final[Mapping[Any, type]] = {
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    abc.Set: set,
    abc.MutableSet: set,
    abc.Mapping: dict,
    abc.MutableMapping: dict,
}
"""The class that an abstract one comes back as: only values of exactly that class can be saved."""

_coders: Final[dict[Kind, Coder]] = {}
_open: Final[set[Kind]] = set()


def compile_coder(kind: Kind) -> Coder:
    """Compile the coder of a kind, parts and all; cached for the life of the process."""
    found = _coders.get(kind)
    if found is None:
        _open.add(kind)
        try:
            found = _coders[kind] = _compile(kind)
        finally:
            _open.discard(kind)
    return found


def _part(kind: Kind) -> Coder:
    return Deferred(kind) if kind in _open else compile_coder(kind)


def _compile(kind: Kind) -> Coder:
    if isinstance(kind, (Anything, Nothing)):
        return Plain()
    seen = concrete(kind)
    decode = _native_decoder(seen)
    if decode is not None:
        return Native(seen, decode)
    make = _MAKES.get(type(seen))
    return make(seen) if make is not None else Unsavable(kind, why_unsavable(seen))


def _opaque(kind: Opaque) -> Coder:
    return Unsavable(kind, why_unsavable(kind)) if kind.stored is None else Converted(kind, kind.stored)


_MAKES: Final[Mapping[type, Callable[[Any], Coder]]] = {
    UnionOf: Members,
    CollectionOf: Items,
    TupleOf: Places,
    MappingOf: Entries,
    RecordOf: Fields,
    Anything: lambda kind: Plain(),
    Opaque: _opaque,
}


def concrete(kind: Kind) -> Kind:
    """Return what is saved of a kind: no alias, no NewType, of an abstract collection what it comes back as."""
    seen = see_through(kind)
    if isinstance(seen, CollectionOf):
        return CollectionOf(_CONCRETE.get(seen.cls, seen.cls), seen.item, seen.limits)
    if isinstance(seen, MappingOf):
        return MappingOf(_CONCRETE.get(seen.cls, seen.cls), seen.key, seen.value, seen.limits)
    return seen


def why_unsavable(kind: Kind) -> str:
    """Return the reason why a kind without parts cannot be saved."""
    faults = check_persistable(kind)
    return faults[0][1] if faults else "msgspec refuses it"


def _native_decoder(kind: Kind) -> Mapping[Format, Decode] | None:
    """Return msgspec's decoders where it gives every value of the kind back; None where it does not."""
    if check_persistable(kind) or stored_in(kind):
        return None
    try:
        return compile_decoder(form_of(kind))
    except (Formless, TypeError, ValueError, NameError, NotImplementedError):
        return None


def _classes(member: Kind) -> frozenset[type] | None:
    """Return the classes of a member's values; None where they may be of any."""
    seen = see_through(member)
    return None if isinstance(seen, Anything | Opaque) else exact_classes(concrete(seen))


def without_unset(kind: Kind) -> tuple[Kind, bool]:
    """Take UNSET out of a field's type: a field that holds it is left out of the document."""
    seen = see_through(kind)
    if not isinstance(seen, UnionOf):
        return kind, False
    rest = [member for member in seen.members if member != _UNSET]
    return (kind, False) if len(rest) == len(seen.members) else (union_of(rest), True)


_UNSET: Final = Scalar(msgspec.UnsetType)


def _require_class(kind: Kind, cls: type, value: Any) -> None:
    if type(value) is not cls:
        raise Refused(f"expected exactly {render(kind)}, given {describe(value)}")


def _require_spread(hashed: list[Any]) -> None:
    if len(hashed) > MOST_ALIKE and is_crowded(map(hash, hashed)):
        raise Refused(REASON)


def _require_limits(within: Check, value: Any) -> None:
    try:
        within(value)
    except Mismatch as mismatch:
        raise Refused(mismatch.reason) from None


def _at(segment: object, code: Callable[..., Any], *arguments: Any) -> Any:
    """Code one part, and put its place into what it raises."""
    try:
        return code(*arguments)
    except Refused as fault:
        raise fault.under(segment) from fault.__cause__
    except msgspec.ValidationError as error:
        raise Refused(str(error)).under(segment) from error
