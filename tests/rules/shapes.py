"""Types for the rules to be tried on, written as text: `shape("list[Request] | None")`; records are one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from typedflow.rules.shape import FieldInfo

RECORDS: Final[Mapping[str, Mapping[str, str]]] = {
    # field: type, "=" for a default, "!" for read-only, "%" for ReadOnly, "@name" for another name in the encoding
    "Author": {"name": "str", "email": "str | None ="},
    "Request": {
        "topic": "str",
        "limit": "int = @maxItems",
        "author": "Author | None =",
        "meta": "dict[str, str] =",
        "tags": "list[str] =",
    },
    "Point": {"x": "int !", "y": "int ! ="},
    "Pair": {"left": "Author", "right": "Author =", "point": "Point ="},
    "Report": {
        "text": "str",
        "score": "float =",
        "note": "str | None =",
        "author": "Author =",
        "notes": "dict[str, Author] =",
    },
    "ReviewState": {
        "request": "Request | None =",
        "first": "Request =",
        "point": "Point =",
        "drafts": "list[str] =",
        "seen": "set[int] =",
        "maybe": "list[str] | None =",
        "notes": "dict[str, Author] =",
        "count": "int =",
        "score": "float =",
        "anything": "Any =",
        "mixed": "int | str =",
        "key": "str",
    },
    "Counters": {"reviewed": "int =", "author": "Author ="},
    "ReviewResources": {"logger": "Logger", "search": "SearchTool", "browser": "Browser | None ="},
    "AuditState": {"request": "Request", "author": "Author | None", "total": "int =", "pair": "Pair ="},
    "AuditResources": {"search": "SearchTool", "browser": "Browser =", "clock": "Clock"},
    "Nested": {"request": "Request | None", "table": "dict[str, Author]"},
    "Options": {"lang": "str %", "depth": "int % =", "size": "int"},
    "Empty": {},
}


@dataclass(frozen=True, slots=True)
class TextShape:
    """A type as text; unions are flat, the order of their members counts for nothing."""

    members: tuple[str, ...]

    def _only(self) -> str:
        return self.members[0] if len(self.members) == 1 else ""

    def fields(self) -> Mapping[str, FieldInfo] | None:
        """Return the fields; of a choice of records those that all of them have."""
        records = [RECORDS.get(member) for member in self.members]
        first, *others = records
        if first is None or None in others:
            return None
        return {
            name: _field(name, text) for name, text in first.items() if all(name in (other or ()) for other in others)
        }

    def is_open(self) -> bool:
        return self._only() == "Any" or self._only().startswith("dict[")

    def child(self, name: str) -> TextShape | None:
        only = self._only()
        if only == "Any":
            return self
        if only.startswith("dict["):
            return shape(only.removeprefix("dict[str, ").removesuffix("]"))
        texts = [RECORDS.get(member, {}).get(name) for member in self.members]
        return None if None in texts else shape(" | ".join(dict.fromkeys(_type_of(text or "") for text in texts)))

    def item(self) -> TextShape | None:
        only = self._only()
        if only == "Any":
            return self
        kind, _, inner = only.partition("[")
        return shape(inner.removesuffix("]")) if kind in ("list", "set") else None

    def accepts(self, other: TextShape) -> bool:
        return all(any(_accepts(mine, given) for mine in self.members) for given in other.members)

    def is_choice(self) -> bool:
        return len(self.without_none().members) > 1

    def is_optional(self) -> bool:
        return "None" in self.members and len(self.members) > 1

    def without_none(self) -> TextShape:
        return TextShape(tuple(member for member in self.members if member != "None"))

    def with_none(self) -> TextShape:
        return self if "None" in self.members else TextShape((*self.members, "None"))

    def render(self) -> str:
        return " | ".join(self.members)


def shape(text: str) -> TextShape:
    """Read a type."""
    return TextShape(tuple(member.strip() for member in text.split("|")))


def scopes(**types: str) -> dict[str, TextShape]:
    """Read the scopes of one side of a mapping."""
    return {scope: shape(text) for scope, text in types.items()}


def _type_of(text: str) -> str:
    return text.partition("@")[0].strip("=!% ")


def _field(name: str, text: str) -> FieldInfo:
    return FieldInfo(name, "=" not in text, "!" not in text, text.partition("@")[2], "%" in text)


def _accepts(target: str, source: str) -> bool:
    return "Any" in (target, source) or target == source or (target, source) == ("float", "int")
