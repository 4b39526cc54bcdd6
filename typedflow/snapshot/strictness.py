"""Whether a payload holds what its type declares and nothing else, where msgspec would look away.

msgspec drops unknown fields of Structs that do not forbid them, fills missing ones with defaults, takes the last of two
equal keys, and lets keys that are spelt differently fall together. A payload that encodes back to its own bytes has
none of that; only one that does not is walked here, as a plain tree.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec

from typedflow.schema.mismatch import Segment, render_path
from typedflow.schema.records import Field, fields_of
from typedflow.schema.render import render
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
from typedflow.snapshot.documents import Format, strict_tree


class Undeclared(Exception):
    """Return what a document has too much, or too little; `path` is the place."""

    def __init__(self, path: tuple[Segment, ...], reason: str) -> None:
        super().__init__(f"{render_path(path)}: {reason}")
        self.path = path
        self.reason = reason


def require_declared(kind: Kind, raw: Any, again: bytes, format: Format, added: frozenset[str] | None) -> None:
    """Raise `Undeclared` for unknown and missing fields and for entries that fell together, `Doubled` for doubled keys.

    `again` is what the decoded value encodes to; `added` names the fields ("Record.field") that may be missing,
    None stands for all that have defaults.
    """
    given = _Walk(added, strict=True)
    given.walk(kind, strict_tree(raw, format), ())
    kept = _Walk(added, strict=False)
    kept.walk(kind, strict_tree(again, format), ())
    for path, count in given.entries.items():
        if kept.entries[path] != count:
            raise Undeclared(path, "two of its entries are one and the same when decoded")


class _Walk:
    """One walk over a tree; counts the entries of mappings and sets, by their place without indexes."""

    def __init__(self, added: frozenset[str] | None, *, strict: bool) -> None:
        self.entries: Counter[tuple[Segment, ...]] = Counter()
        self._added = added
        self._strict = strict

    def walk(self, kind: Kind, tree: Any, path: tuple[Segment, ...]) -> None:
        kind = see_through(kind)
        match kind:
            case UnionOf(members=members):
                member = member_of(members, tree)
                if member is not None:
                    self.walk(member, tree, path)
            case CollectionOf(cls=cls, item=item):
                if cls in (set, frozenset):
                    self.entries[_general(path)] += len(tree)
                for index, part in enumerate(tree):
                    self.walk(item, part, (*path, index))
            case TupleOf(items=items):
                for index, (inner, part) in enumerate(zip(items, tree, strict=True)):
                    self.walk(inner, part, (*path, index))
            case MappingOf(value=value):
                self.entries[_general(path)] += len(tree)
                for key, part in tree.items():
                    self.walk(value, part, (*path, key if isinstance(key, (str, int)) else str(key)))
            case RecordOf():
                self._record(kind, tree, path)
            case _:
                pass

    def _record(self, kind: RecordOf, tree: Any, path: tuple[Segment, ...]) -> None:
        fields, named = fields_of(kind), named_parts(kind, tree)
        if self._strict:
            self._require_none_more(kind, tree, named, path)
            self._require_all(kind, fields, {field.name for _, field, _ in named}, path)
        for _, field, part in named:
            self.walk(field.kind, part, (*path, field.name))

    def _require_none_more(
        self, kind: RecordOf, tree: Any, named: list[tuple[Any, Field, Any]], path: tuple[Segment, ...]
    ) -> None:
        if isinstance(tree, list):
            count = len(fields_of(kind))
            if len(tree) > count + int(_tag(kind) is not None):
                raise Undeclared(path, f"it has more than the {count} fields of {kind.cls.__name__}")
            return
        known = {key for key, _, _ in named} | {_tag_field(kind)}
        extra = [key for key in tree if key not in known]
        if extra:
            raise Undeclared(path, f"{kind.cls.__name__} has no field '{extra[0]}'")

    def _require_all(
        self, kind: RecordOf, fields: tuple[Field, ...], present: set[str], path: tuple[Segment, ...]
    ) -> None:
        if self._added is None:
            return
        for field in fields:
            added = f"{render(kind)}.{field.encoded}" in self._added
            if field.name not in present and not added and not _may_lack(kind, field):
                raise Undeclared(path, f"it lacks the field '{field.name}' of {kind.cls.__name__}")


def _may_lack(kind: RecordOf, field: Field) -> bool:
    """Return whether an encoder omits the field by itself: a default under `omit_defaults`, UNSET, NotRequired."""
    if kind.flavour == "typeddict":
        return not field.required
    config: Any = getattr(kind.cls, "__struct_config__", None)
    if config is not None and config.omit_defaults:
        return True
    return may_be_unset(field.kind)


def may_be_unset(kind: Kind) -> bool:
    """Return whether a field of the kind may hold UNSET, which is not written."""
    seen = see_through(kind)
    return _UNSET in (seen.members if isinstance(seen, UnionOf) else (seen,))


_UNSET: Final = Scalar(msgspec.UnsetType)


def _tag(kind: RecordOf) -> Any:
    config: Any = getattr(kind.cls, "__struct_config__", None)
    return None if config is None else config.tag


def _tag_field(kind: RecordOf) -> str | None:
    config: Any = getattr(kind.cls, "__struct_config__", None)
    return None if config is None else config.tag_field


def named_parts(kind: RecordOf, tree: Any) -> list[tuple[Any, Field, Any]]:
    """Return the declared fields in the tree of a record: the key or index of each, the field, and what is there."""
    fields = fields_of(kind)
    if isinstance(tree, (list, tuple)):
        tag = int(_tag(kind) is not None)
        return [(at, field, part) for at, (field, part) in enumerate(zip(fields, tree[tag:], strict=False), tag)]
    known = {field.encoded: field for field in fields}
    return [(key, known[key], part) for key, part in tree.items() if key in known]


def member_of(members: tuple[Kind, ...], tree: Any) -> Kind | None:
    """Return the member that an object or array was decoded to: by its tag, or the only one of that make."""
    found = [kind for member in members if _holds(kind := see_through(member), tree)]
    if len(found) < 2 or not isinstance(tree, (dict, list, tuple)):
        return found[0] if found else None
    return next((kind for kind in found if isinstance(kind, RecordOf) and _has_tag(kind, tree)), None)


def _holds(kind: Kind, tree: Any) -> bool:
    match kind:
        case MappingOf():
            return isinstance(tree, dict)
        case CollectionOf() | TupleOf():
            return isinstance(tree, (list, tuple))
        case RecordOf(cls=cls, flavour=flavour):
            as_array = flavour == "namedtuple" or (flavour == "struct" and _is_array(cls))
            return isinstance(tree, (list, tuple) if as_array else dict)
        case _:
            return False


def _is_array(cls: Any) -> bool:
    return bool(cls.__struct_config__.array_like)


def _has_tag(kind: RecordOf, tree: Any) -> bool:
    given = tree[0] if isinstance(tree, (list, tuple)) and tree else tree.get(_tag_field(kind)) if tree else None
    return bool(given == _tag(kind))


def _general(path: tuple[Segment, ...]) -> tuple[Segment, ...]:
    return tuple(segment for segment in path if isinstance(segment, str))
