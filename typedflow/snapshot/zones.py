"""Documents with moments that msgspec's encoding would cut short: those with a zone, an odd offset or a fold.

They are the documents that msgspec writes, with the text of `moments` in the place of such a moment. msgspec's decoders
refuse that text, so that no value is read without its zone. Writing and reading go over a tree of builtins, and take
ten times as long; values with naive and UTC moments only never come here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time
from typing import Any, Final

import msgspec

from typedflow.schema.forms import form_of
from typedflow.schema.mismatch import Segment
from typedflow.schema.records import children
from typedflow.schema.render import describe
from typedflow.schema.types import (
    CollectionOf,
    Kind,
    MappingOf,
    RecordOf,
    Scalar,
    TupleOf,
    UnionOf,
    see_through,
)
from typedflow.snapshot.documents import ENCODE, PLAIN, Format
from typedflow.snapshot.moments import (
    Moment,
    MomentReader,
    MomentWriter,
    UnreadableMoment,
    UnsavableMoment,
    is_extended,
)
from typedflow.snapshot.strictness import member_of, named_parts

_AS_THEY_ARE: Final = {"json": (datetime, time), "msgpack": (datetime, time, bytes, bytearray)}
_MOMENTS: Final = (datetime, time)
_ATOMS: Final = frozenset({type(None), bool, int, float, str, bytes, bytearray})


class Unreadable(Exception):
    """Raised for the text of a moment that cannot be read here; `path` is its place."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.path: tuple[Segment, ...] = ()
        self.reason = reason

    def under(self, segment: Segment) -> Unreadable:
        """Move the fault one level down."""
        self.path = (segment, *self.path)
        return self


def holds_moments(kind: Kind) -> bool:
    """Return True if a datetime or time may be in a value of the kind. Cached for the life of the process."""
    found = _known.get(kind)
    if found is None:
        found = _known[kind] = _finds_moment(kind, set())
    return found


_known: Final[dict[Kind, bool]] = {}


def _finds_moment(kind: Kind, seen: set[Kind]) -> bool:
    kind = see_through(kind)
    if kind in seen:
        return False
    seen.add(kind)
    if isinstance(kind, Scalar):
        return kind.cls in _MOMENTS
    return any(_finds_moment(part, seen) for part in children(kind))


class ZonedForm:
    """Write and read values of one kind with all that their moments have."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._form: Any = form_of(kind)

        self.was_needed = False
        """Whether the value that was encoded last had a moment that msgspec would have cut short, or an offset."""

    def encode(self, value: Any, format: Format) -> bytes:
        """Encode a value as it is at one moment; raises `UnsavableMoment`, and what msgspec raises."""
        tree, writer = msgspec.to_builtins(value, builtin_types=_AS_THEY_ARE[format]), MomentWriter()
        data = ENCODE[format](_writing(writer).walk(self.kind, tree))
        self.was_needed = writer.has_written
        return data

    def decode(self, raw: Any, format: Format) -> Any:
        """Decode; raises `Unreadable` for a zone that is not known here, and what msgspec raises."""
        tree = _reading().walk(self.kind, PLAIN[format](raw))
        return msgspec.convert(tree, self._form, str_keys=format == "json")


def is_written_alike(one: Any, other: Any) -> bool:
    """Return True if two values are written as the same bytes, with the zones of their moments."""
    builtins = [msgspec.to_builtins(value, builtin_types=_AS_THEY_ARE["msgpack"]) for value in (one, other)]
    try:
        first, second = (ENCODE["msgpack"](_written(tree, MomentWriter())) for tree in builtins)
    except UnsavableMoment:
        return False
    return first == second


def _written(tree: Any, writer: MomentWriter) -> Any:
    """Return the tree with text for every moment that msgspec would cut short, whatever its type."""
    cls = type(tree)
    if cls is dict:
        return {
            name if type(name) in _ATOMS else _written(name, writer): part
            if type(part) in _ATOMS
            else _written(part, writer)
            for name, part in tree.items()
        }
    if cls in _MOMENTS:
        return writer.write(tree)
    if cls in _ATOMS:
        return tree
    return [part if type(part) in _ATOMS else _written(part, writer) for part in tree]


class _Walk:
    """One walk over the tree of a value, to what may be moments; parts without any are left as they are."""

    def __init__(self, moment: Callable[[type[Moment], Any], Any], odd: Callable[[Any], Any]) -> None:
        self._moment = moment
        self._odd = odd
        """What is done with a part that has not the form of its type."""

    def walk(self, kind: Kind, tree: Any) -> Any:
        kind = see_through(kind)
        match kind:
            case Scalar(cls=cls):
                return self._moment(cls, tree) if cls in _MOMENTS else tree
            case UnionOf(members=members):
                return self._member(members, tree)
            case CollectionOf(item=item) if isinstance(tree, (list, tuple)) and holds_moments(item):
                return self._items([item] * len(tree), tree)
            case TupleOf(items=items) if isinstance(tree, (list, tuple)) and len(tree) == len(items):
                return self._items(items, tree)
            case MappingOf(key=key, value=value) if type(tree) is dict and holds_moments(kind):
                return self._entries(key, value, tree)
            case RecordOf() if isinstance(tree, (list, tuple, dict)) and holds_moments(kind):
                return self._record(kind, tree)
            case _:
                return self._odd(tree) if holds_moments(kind) else tree

    def _member(self, members: tuple[Kind, ...], tree: Any) -> Any:
        if type(tree) is str or type(tree) in _MOMENTS:
            clocks = [kind.cls for member in members if isinstance(kind := see_through(member), Scalar)]
            cls = next((cls for cls in clocks if cls in _MOMENTS), None)
            return self._odd(tree) if cls is None else self._moment(cls, tree)
        member = member_of(members, tree)
        return self._odd(tree) if member is None else self.walk(member, tree)

    def _items(self, kinds: Sequence[Kind], tree: Sequence[Any]) -> list[Any]:
        made: list[Any] = []
        try:
            for kind, part in zip(kinds, tree, strict=True):
                made.append(self.walk(kind, part))
        except Unreadable as fault:
            raise fault.under(len(made)) from None
        return made

    def _entries(self, key: Kind, value: Kind, tree: dict[Any, Any]) -> dict[Any, Any]:
        made = {}
        for name, part in tree.items():
            try:
                made[self.walk(key, name)] = self.walk(value, part)
            except Unreadable as fault:
                raise fault.under(name if isinstance(name, (str, int)) else describe(name)) from None
        return made

    def _record(self, kind: RecordOf, tree: Any) -> Any:
        made = tree.copy() if type(tree) is dict else list(tree)
        for key, field, part in named_parts(kind, tree):
            try:
                made[key] = self.walk(field.kind, part)
            except Unreadable as fault:
                raise fault.under(field.name) from None
        return made


def _writing(writer: MomentWriter) -> _Walk:
    return _Walk(lambda cls, tree: _written(tree, writer), lambda tree: _written(tree, writer))


def _reading() -> _Walk:
    reader = MomentReader()

    def read(cls: type[Moment], tree: Any) -> Any:
        if type(tree) is not str or not is_extended(tree):
            return tree
        try:
            return reader.read(tree, cls)
        except UnreadableMoment as error:
            raise Unreadable(str(error)) from None

    return _Walk(read, lambda tree: tree)  # msgspec says what is wrong with it
