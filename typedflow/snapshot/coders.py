"""Coders of types that are written whole: natively, as exact JSON, or not at all; and what every coder does.

`typedflow.snapshot.coding` has those that take a value apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, ParamSpec, Protocol

import msgspec
from msgspec import Raw

from typedflow.rules.saving import TOO_DEEP
from typedflow.rules.wording import shown_error
from typedflow.schema.concurrent_changes import COMPARISONS, has_changed_size
from typedflow.schema.crowding import REASON, watch_of
from typedflow.schema.layer_fields import layer_fields
from typedflow.schema.mismatch import Segment
from typedflow.schema.render import describe, render
from typedflow.schema.types import Kind
from typedflow.snapshot.crowds import find_crowd_in
from typedflow.snapshot.documents import ENCODE, PLAIN, Decode, Format, at_ease, find_unplain, strict_tree
from typedflow.snapshot.exactness import Exact, compile_exact, hides_from_equality
from typedflow.snapshot.faults import find_fault, has_plain_equality
from typedflow.snapshot.strictness import Undeclared, require_declared
from typedflow.snapshot.zones import Unreadable, ZonedForm, holds_moments

P = ParamSpec("P")

NOTHING_ADDED: Final[frozenset[str]] = frozenset()


class Refused(Exception):
    """Return which part of a value cannot be saved, or does not fit what is declared."""

    def __init__(self, reason: str, path: tuple[Segment, ...] = ()) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def under(self, segment: object) -> Refused:
        """Move the fault one level down."""
        self.path = (segment if isinstance(segment, (str, int)) else describe(segment), *self.path)
        return self


class Untyped(Refused):
    """Return which part of a value without a declared type is more than JSON; `reason` describes it."""


class Coder(Protocol):
    """What a codec needs of a type."""

    def encode(self, value: Any, format: Format) -> bytes:
        """Encode and verify; raises `Refused`."""
        ...

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        """Decode strictly; raises `Refused`, and whatever decoding raises."""
        ...

    def same(self, value: Any, back: Any, format: Format) -> bool:
        """Return whether what came back is the value that went in."""
        ...


class Native:
    """A type that msgspec encodes and decodes."""

    def __init__(self, kind: Kind, decode: Mapping[Format, Decode]) -> None:
        self.kind = kind
        self._decode = decode
        self._watch = watch_of(kind)
        self._zoned = ZonedForm(kind) if holds_moments(kind) else None
        self._exact: dict[Format | None, Exact] = {}
        self._exact_fields: dict[tuple[str, Format | None], Exact] = {}
        self._always: tuple[str, ...] | None = None
        """Of a State, the fields that each save checks, also those that no step has read: an alias may be missed."""
        self._plain_equality = has_plain_equality(kind)

    def encode(self, value: Any, format: Format, unchecked: Collection[str] | None = None) -> bytes:
        """Encode and verify; raises `Refused`. With `unchecked` a State, whose other fields have their exact classes.

        Who keeps an alias over the end of a step, or over a save, can still put in what equals something of the
        declared class, such as a StrEnum member for a str: it comes back as what is declared, and what an object of a
        subclass has besides, such as an attribute of its own, does not.
        """
        if self._zoned is not None and self._zoned.was_needed:  # it will be again: the same State, a step later
            return self._encode_zoned(self._zoned, value, format, unchecked)
        try:
            data = ENCODE[format](value)
            self._require_spread(data, format)
            same = at_ease(data, self._is_now, self._comes_back, value, format, unchecked, data)
            if same:
                return data
            if self._zoned is None:
                moment = self._encode_one_moment(value, data if same is False else None, format)
                if moment is not None:
                    return moment
        except Refused:
            raise
        except RecursionError:  # how deep down it came does not matter: the whole is too deep
            raise
        except Exception as error:  # encoding calls what users' classes define
            if has_changed_size(error):  # the codec reads it again
                raise
            if self._zoned is None:
                raise self._refusal(value, format, error) from error
        if self._zoned is not None:
            return self._encode_zoned(self._zoned, value, format, unchecked)
        raise self._difference(value, self._decode[format](data), format)

    def _encode_zoned(self, zoned: ZonedForm, value: Any, format: Format, unchecked: Collection[str] | None) -> bytes:
        """Encode and verify a value with moments that msgspec's encoding would cut short, or with another fault.

        Every moment is verified when it is written; so their zones are not compared again. Of a value that a thread is
        changing, the bytes are those of one moment, as in `_encode_one_moment`.
        """
        before: bytes | None = b""
        try:
            for _ in range(COMPARISONS):
                data = zoned.encode(value, format)
                self._require_spread(data, format)
                back = zoned.decode(data, format)
                same = self._is_now(self._is_zoned_same, value, back, format, unchecked)
                if same:
                    return data
                if (same is None or before not in (b"", data)) and self._is_zoned_stable(zoned, back, data, format):
                    return data
                before = data
        except (Refused, RecursionError):
            raise
        except Exception as error:
            if has_changed_size(error):
                raise
            raise self._refusal(value, format, error) from error
        raise self._difference(value, back, format)

    def _is_zoned_same(self, value: Any, back: Any, format: Format, unchecked: Collection[str] | None) -> bool:
        if self._plain_equality:
            return bool(value == back and self._is_exact(value, None, unchecked))
        return self.same(value, back, format)

    def _is_zoned_stable(self, zoned: ZonedForm, back: Any, data: bytes, format: Format) -> bool:
        again = zoned.encode(back, format)
        return len(again) == len(data) and self._is_zoned_same(back, zoned.decode(again, format), format, None)

    def _encode_one_moment(self, value: Any, before: bytes | None, format: Format) -> bytes | None:
        """Encode a value that a thread is changing; None where it is not what is declared.

        msgspec encodes it without letting another thread run, so that the bytes are the value at one moment. They are
        verified against what they decode to, as the value itself has changed when it could be compared. The classes
        in it are checked at the end of the step that changes it, and by the next save. Whether a thread is changing it
        shows in other bytes than `before`; it is known where that is None.
        """
        for _ in range(COMPARISONS):
            now = ENCODE[format](value)
            if now != before:
                return now if self._is_stable(now, format) else None
            same = self._is_now(self._comes_back, value, format, None, now)
            if same:  # it was changed back
                return now
            before = now if same is False else None
        return None

    def _is_stable(self, data: bytes, format: Format) -> bool:
        """Return True if bytes decode to a value of the type, and nothing of them is lost; sets have no order."""
        back = self.decode_verified(Raw(data), format)
        again = ENCODE[format](back)
        return len(again) == len(data) and self._comes_back(back, format, None, again)

    def _is_now(self, compare: Callable[P, bool], *args: P.args, **kwargs: P.kwargs) -> bool | None:
        """Return what a comparison returns; None where the value was changed meanwhile."""
        try:
            return compare(*args, **kwargs)
        except RuntimeError as error:
            if has_changed_size(error):
                return None
            raise

    def _comes_back(self, value: Any, format: Format, unchecked: Collection[str] | None, data: bytes) -> bool:
        """Decode and compare; what was decoded is gone when this returns."""
        back = self._decode[format](data)
        if self._plain_equality:
            return bool(value == back and self._is_exact(value, format, unchecked))
        return self.same(value, back, format)

    def _is_exact(self, value: Any, format: Format | None, unchecked: Collection[str] | None) -> bool:
        """Return True if the classes in the value are the declared ones, and its moments native in the format."""
        if self._zoned is None:
            format = None
        if unchecked is None:
            exact = self._exact.get(format)
            if exact is None:
                exact = self._exact[format] = compile_exact(self.kind, format)
            return exact((value,))
        if self._always is None:
            fields = layer_fields(type(value)).values()
            self._always = tuple(field.name for field in fields if hides_from_equality(field.kind))
        return all(self._exact_field(value, name, format) for name in (*unchecked, *self._always))

    def _exact_field(self, layer: Any, name: str, format: Format | None) -> bool:
        """Return whether one field of a State is of the declared classes throughout."""
        field = layer_fields(type(layer))[name]
        exact = self._exact_fields.get((name, format))
        if exact is None:
            exact = self._exact_fields[name, format] = compile_exact(field.kind, format)
        return exact((field.read(layer),))

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        value = self.decode_verified(raw, format)
        again = self._encode_again(value, raw, format)
        if Raw(again) != raw:
            try:
                require_declared(self.kind, raw, again, format, added)
            except Undeclared as fault:
                raise Refused(fault.reason, fault.path) from None
        return value

    def _encode_again(self, value: Any, raw: Any, format: Format) -> bytes:
        """Encode what was decoded."""
        if self._zoned is None:
            return ENCODE[format](value)
        try:
            again = ENCODE[format](value)
            if Raw(again) == raw:
                return again
        except OverflowError:  # a moment that UTC does not have
            pass
        return self._zoned.encode(value, format)

    def decode_verified(self, raw: Any, format: Format) -> Any:
        """Decode what an encoder of this very type has written: no field of it can be lost."""
        self._require_spread(raw, format)
        try:
            return self._decode[format](raw)
        except msgspec.ValidationError:
            if self._zoned is None:
                raise
            return self._decode_zoned(self._zoned, raw, format)

    def _decode_zoned(self, zoned: ZonedForm, raw: Any, format: Format) -> Any:
        try:
            return zoned.decode(raw, format)
        except Unreadable as fault:
            raise Refused(fault.reason, fault.path) from None

    def _require_spread(self, raw: Any, format: Format) -> None:
        """Refuse what would take quadratic time to decode; a save refuses it too, or it could not be loaded."""
        if self._watch and (crowd := find_crowd_in(self.kind, self._watch, raw, format)) is not None:
            raise Refused(REASON, crowd)

    def same(self, value: Any, back: Any, format: Format) -> bool:
        return find_fault(self.kind, value, format, back) is None

    def _refusal(self, value: Any, format: Format, error: Exception) -> Refused:
        try:
            fault = find_fault(self.kind, value, format)
        except RecursionError:
            return Refused(f"it {TOO_DEEP}")
        if fault is not None:
            return Refused(fault.reason, fault.path)
        return Refused(shown_error(error))

    def _difference(self, value: Any, back: Any, format: Format) -> Refused:
        fault = find_fault(self.kind, value, format) or find_fault(self.kind, value, format, back)
        if fault is not None:
            return Refused(fault.reason, fault.path)
        return Refused(f"{describe(value)} would come back as {describe(back)}")


class Plain:
    """A value of which no type is known: exact JSON types only."""

    def encode(self, value: Any, format: Format) -> bytes:
        try:
            fault = find_unplain(value, format)
        except RecursionError:
            raise Refused(f"it {TOO_DEEP}") from None
        if fault is not None:
            path, part, reason = fault
            raise Refused(f"{describe(part)}: {reason}", path) if reason else Untyped(describe(part), path)
        data = ENCODE[format](value)
        for _ in range(COMPARISONS):
            back = PLAIN[format](data)
            if back == value:
                return data
            before, data = data, ENCODE[format](value)
            if data != before and find_unplain(PLAIN[format](data), format) is None:
                return data  # at one moment: a thread is changing it
        raise Refused(f"{describe(value)} would come back as something else")

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        value = PLAIN[format](raw)
        if Raw(ENCODE[format](value)) != raw:
            strict_tree(raw, format)
        fault = None if format == "json" or _is_json(value) else find_unplain(value, format)
        if fault is not None:
            raise Refused(f"it is more than JSON: {describe(fault[1])}", fault[0])
        return value

    def same(self, value: Any, back: Any, format: Format) -> bool:
        return bool(value == back)


def _is_json(value: Any) -> bool:
    """Return whether JSON has the value as it is: quicker than a walk, which has the last word where it has not."""
    try:
        return bool(PLAIN["json"](ENCODE["json"](value)) == value)
    except (TypeError, ValueError, msgspec.MsgspecError):
        return False


class Unsavable:
    """A type whose values no document can hold."""

    def __init__(self, kind: Kind, reason: str) -> None:
        self.reason = f"{render(kind)}: {reason}"

    def encode(self, value: Any, format: Format) -> bytes:
        raise Refused(self.reason)

    def decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        raise Refused(self.reason)

    def same(self, value: Any, back: Any, format: Format) -> bool:
        return False
