"""How a value of a declared type is saved and read back: `compile_codec`.

What msgspec can decode it encodes, natively and at full speed. A union whose members it could not tell apart (`str |
bytes`, Structs without tags) is written as `[member, payload]`; what has no known type holds exact JSON types only. A
type with such a part is coded part by part, the rest natively.

What was encoded counts as saved only when it was decoded again and is the same: equal, and of exactly the declared
classes throughout. Nothing is ever turned into text to make it fit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, final

from msgspec import Raw

from typedflow.errors import SnapshotError
from typedflow.rules import snapshots
from typedflow.rules.saving import TOO_DEEP
from typedflow.rules.wording import text_of
from typedflow.schema.annotations import NEVER, UNKNOWN
from typedflow.schema.concurrent_changes import COMPARISONS, read_again_if_changed
from typedflow.schema.mismatch import Segment, render_path
from typedflow.schema.parsing import parse
from typedflow.schema.records import fields_of
from typedflow.schema.render import describe, render
from typedflow.schema.types import ANY, Anything, CollectionOf, Kind, MappingOf, Nothing, RecordOf, TupleOf, UnionOf
from typedflow.snapshot.coders import NOTHING_ADDED, Coder, Native, Plain, Refused, Unsavable, Untyped
from typedflow.snapshot.coding import Fields, compile_coder, concrete, why_unsavable, without_unset
from typedflow.snapshot.documents import Format, at_ease, join_place, strict_tree, unreadable


@final
class Codec:
    """Save and read the values of one type."""

    __slots__ = ("_coder", "kind")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._coder: Coder = compile_coder(kind)

    @property
    def is_native(self) -> bool:
        """Return True if msgspec encodes values of the type as they are."""
        return isinstance(self._coder, Native)

    def encode(
        self, value: Any, path: str, format: Format = "json", *, unchecked: Collection[str] | None = None
    ) -> Raw:
        """Encode a value and verify that it comes back; `path` is its place in the document, for messages.

        Of a State, `unchecked` names the fields whose exact classes are to be checked; None stands for all of them.
        Raises `SnapshotError` that names the part at fault. The value is not changed.
        """
        try:
            return Raw(self._encode(value, format, unchecked))
        except Untyped as fault:
            place = join_place(path, render_path(fault.path))
            problem = snapshots.untyped_value_problem(path, render_path(fault.path), fault.reason)
            raise SnapshotError(problem, path=place) from None
        except Refused as fault:
            place = join_place(path, render_path(fault.path))
            raise SnapshotError(snapshots.not_saved_problem(place, fault.reason), path=place) from fault.__cause__

    def decode(
        self,
        raw: Any,
        path: str,
        format: Format = "json",
        *,
        added: frozenset[str] | None = NOTHING_ADDED,
        verified: bool = False,
    ) -> Any:
        """Decode a payload, strictly at every depth.

        `added` names the fields ("Record.field") that it may lack because they have defaults, None allows them all.
        A verified one was written by a save of the very same types: it has no field too much or too little.
        Raises `SnapshotError` that names the part at fault.
        """
        try:
            if verified and isinstance(self._coder, Native):
                return at_ease(raw, self._coder.decode_verified, raw, format)
            return at_ease(raw, self._decode, raw, format, added)
        except Refused as fault:
            place = join_place(path, render_path(fault.path))
            raise SnapshotError(snapshots.unfit_problem(place, fault.reason), path=place) from None
        except Exception as error:  # decoding raises what users' classes raise
            raise unreadable(error, path) from error

    def _encode(self, value: Any, format: Format, unchecked: Collection[str] | None) -> bytes:
        """Encode; where the parts are coded one by one, read the whole back as well: it is put together by us."""
        coder = self._coder
        try:
            if isinstance(coder, Native):
                return read_again_if_changed(coder.encode, value, format, unchecked)
            return read_again_if_changed(self._encode_parts, coder, value, format)
        except Refused:
            raise
        except Exception as error:
            raise Refused(f"it {TOO_DEEP}" if isinstance(error, RecursionError) else text_of(error)) from error

    def _encode_parts(self, coder: Coder, value: Any, format: Format) -> bytes:
        data = coder.encode(value, format)
        if isinstance(coder, Plain):
            return data
        if _is_same(coder, value, coder.decode(Raw(data), format, NOTHING_ADDED), format):
            return data
        for _ in range(COMPARISONS):
            now = coder.encode(value, format)
            if now != data:  # a thread is changing it: what was encoded is verified against what it decodes to
                value = coder.decode(Raw(now), format, NOTHING_ADDED)
                data = coder.encode(value, format)
            if _is_same(coder, value, coder.decode(Raw(data), format, NOTHING_ADDED), format):
                return data
        path, part = _different_part(coder, value, coder.decode(Raw(data), format, NOTHING_ADDED), format)
        raise Refused(f"{describe(part)} would come back otherwise", path)

    def _decode(self, raw: Any, format: Format, added: frozenset[str] | None) -> Any:
        coder = self._coder
        if isinstance(coder, (Native, Plain)):
            return coder.decode(raw, format, added)
        strict_tree(raw, format)
        return coder.decode(raw, format, added)


def _is_same(coder: Coder, value: Any, back: Any, format: Format) -> bool:
    """Compare a value with what came back; one that a thread makes longer or shorter meanwhile is another."""
    try:
        return coder.same(value, back, format)
    except ValueError:  # of a strict zip
        return False


def _different_part(coder: Coder, value: Any, back: Any, format: Format) -> tuple[tuple[str, ...], Any]:
    """Return the innermost field that came back as something else, and its value."""
    path: tuple[str, ...] = ()
    while isinstance(coder, Fields) and (found := coder.find_difference(value, back, format)) is not None:
        name, coder, value, back = found
        path = (*path, name)
    return path, value


_codecs: Final[dict[Kind, Codec]] = {}


def compile_codec(tp: Any) -> Codec:
    """Compile the codec of a type; what is UNKNOWN, Never or Any holds exact JSON types only.

    A type that can never be saved compiles too: its codec refuses every value. Raises `parsing.Unresolved` where an
    annotation names what does not exist. Cached for the life of the process.
    """
    kind = _kind_of(tp)
    codec = _codecs.get(kind)
    if codec is None:
        codec = _codecs[kind] = Codec(kind)
    return codec


def _kind_of(tp: Any) -> Kind:
    return ANY if tp is UNKNOWN or tp is NEVER else parse(tp)


def unsavable(tp: Any) -> list[tuple[tuple[Segment, ...], str]]:
    """Return every part of a type that can never be saved, with its path and the reason; empty where there is none.

    Single values of the rest may still be refused: a tuple under `Sequence`, more than JSON where nothing is declared.
    """
    return list(dict.fromkeys(_parts_unsavable(_kind_of(tp), (), set())))


def _parts_unsavable(
    kind: Kind, path: tuple[Segment, ...], seen: set[Kind]
) -> Iterator[tuple[tuple[Segment, ...], str]]:
    kind = concrete(kind)
    if kind in seen or isinstance(kind, (Anything, Nothing)):
        return
    seen.add(kind)
    match kind:
        case UnionOf(members=members):
            parts: list[tuple[tuple[Segment, ...], Kind]] = [((), member) for member in members]
        case CollectionOf(item=item):
            parts = [((), item)]
        case TupleOf(items=items):
            parts = [((index,), item) for index, item in enumerate(items)]
        case MappingOf(key=key, value=value):
            parts = [((), key), ((), value)]
        case RecordOf():
            parts = [((field.name,), without_unset(field.kind)[0]) for field in fields_of(kind)]
        case _:
            if isinstance(compile_coder(kind), Unsavable):
                yield path, f"{render(kind)} {why_unsavable(kind)}"
            return
    for segment, part in parts:
        yield from _parts_unsavable(part, (*path, *segment), seen)
