"""Whether data of a saved shape can be read by the types of today, and the conversion that this takes.

One set of rules for every saved value: state, flow_state, values in flight, slots, pools, answers and results.

- Everything is identified by name: fields, keys, members of an enum.
- The same shape is accepted. So are new fields with defaults, at any depth, and new members of an enum.
- An enum member whose value has changed is converted by its name. What is stored by position (a NamedTuple, an
  array_like Struct, a union that msgspec cannot tell apart) is refused in another order.
- Of an answer, which is still to come, a type that accepts more is accepted.
- Everything else is refused, with what was and what is.

A saved shape comes from a document: it may be anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from typedflow.snapshot.shapes import LAYERS, Json, Shape

Renamed: TypeAlias = Mapping[tuple[str, str], Mapping[Any, Any]]
"""The enums to convert, by their names in both shapes: the saved value to the value of the same member today."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of comparing one saved type with the type of today."""

    differences: tuple[str, ...]
    """What has changed, for people; empty where saved data can be read."""
    added: frozenset[str] = frozenset()
    """The fields ("Record.field") that old documents lack and that have defaults."""
    conversion: Conversion | None = None
    """What rewrites saved data before it is decoded; None where it is read as it is."""

    @property
    def accepted(self) -> bool:
        """Return whether saved data can be read without a migration."""
        return not self.differences


def compare(old: Json, new: Shape, *, widening: bool = False) -> Verdict:
    """Compare a saved type with the type of today; both are `{"type": …, "types": …}`.

    With `widening` nothing of the type is saved yet: a type that accepts more than the old one is accepted too.
    """
    return _compare(old, new, "type", "it", widening=widening)


def compare_layers(old: Json, new: Shape) -> dict[str, Verdict]:
    """Compare the saved layers of a contract with those of today, each under its name."""
    return {layer: _compare(old, new, layer, layer) for layer in LAYERS}


def _compare(old: Json, new: Shape, key: str, place: str, *, widening: bool = False) -> Verdict:
    walk = _Comparison(_at(old, "types"), new["types"], widening=widening)
    found = tuple(dict.fromkeys(walk.types(_at(old, key), new[key], place)))
    if found:
        return Verdict((*found, *(f"{added} is new" for added in walk.added.values())), frozenset(walk.added))
    conversion = Conversion(_at(old, key), new[key], walk) if walk.renamed else None
    return Verdict((), frozenset(walk.added), conversion)


def _at(tree: Json, key: str) -> Json:
    return tree.get(key) if isinstance(tree, dict) else None


def _named(tree: Json, table: Json) -> Any:
    """Return the definition that a reference leads to, None for everything else."""
    name = _at(tree, "ref")
    found = _at(table, name) if isinstance(name, str) else None
    return found if isinstance(found, dict) else None


class _Comparison:
    """One walk over two types. Records are compared where they are used, so that a class may be renamed."""

    def __init__(self, old: Json, new: Json, *, widening: bool) -> None:
        self.old = old
        self.new = new
        self.added: dict[str, str] = {}
        self.renamed: dict[tuple[str, str], dict[Any, Any]] = {}
        self._widening = widening
        self._seen: set[tuple[str, str]] = set()

    def types(self, old: Json, new: Json, place: str) -> Iterator[str]:
        """Yield the differences between two types; `place` names where they stand, for people."""
        old_definition, new_definition = _named(old, self.old), _named(new, self.new)
        if old_definition is not None and new_definition is not None:
            names = (old["ref"], new["ref"])
            if names not in self._seen:
                self._seen.add(names)
                yield from self._definitions(old_definition, new_definition, names, place)
        elif self._widening and self._accepts_more(old, new):
            return
        elif not isinstance(old, dict) or not isinstance(new, dict) or "ref" in new:
            if old != new or _at(new, "ref") is not None:  # a name that the saved shape does not explain
                yield _retyped(old, new, place)
        elif old.keys() == new.keys():
            yield from self._parts(old, new, place)
        elif "members" in new and isinstance(old.get("union"), list):  # the first format did not keep the order
            yield from self._parts(old, {"union": sorted(new["members"], key=str)}, place)
        else:
            yield _retyped(old, new, place)

    def _accepts_more(self, old: Json, new: Json) -> bool:
        """Return whether every value of the old type is one of the new type, which is another one."""
        if new == "Any" or (old, new) == ("int", "float") or _at(old, "limited") == new:
            return True
        members = _members(new)
        if members is None:
            literals, given = _at(new, "literal"), _at(old, "literal")
            return isinstance(literals, list) and isinstance(given, list) and all(value in literals for value in given)
        return all(any(self._fits(part, member) for member in members) for part in _members(old) or [old])

    def _fits(self, old: Json, new: Json) -> bool:
        trial = _Comparison(self.old, self.new, widening=True)
        return next(trial.types(old, new, ""), None) is None

    def _parts(self, old: dict[str, Json], new: dict[str, Json], place: str) -> Iterator[str]:
        """Compare what two compound types are made of, part by part."""
        for key, part in new.items():
            if not isinstance(part, list):
                is_type = key not in ("limits", "class")
                changed = self.types(old[key], part, place) if is_type else iter(())
                yield from changed if is_type or old[key] == part else (_retyped(old, new, place),)
            elif not isinstance(old[key], list) or len(old[key]) != len(part) or key in ("literal", "named"):
                if old[key] != part:
                    yield _retyped(old, new, place)
            else:
                renamed = len(self.renamed)
                for before, after in zip(old[key], part, strict=True):
                    yield from self.types(before, after, place)
                if len(self.renamed) > renamed and not _is_convertible(key, part):
                    yield f"{place} is {show(new)}, and the value of an enum's member in it is another now"

    def _definitions(self, old: Json, new: Json, names: tuple[str, str], place: str) -> Iterator[str]:
        name = names[1]
        if "fields" not in new or not isinstance(_at(old, "fields"), dict):
            if "alias" in new and "alias" in old:
                yield from self.types(old["alias"], new["alias"], place)
            elif "enum" in new and "enum" in old:
                yield from self._enums(old["enum"], new["enum"], names)
            elif old != new:
                yield f"{place} is {name}, which was something else"
            return
        if old.get("tag") != new.get("tag"):
            yield f"the tag of {name} was {_tag_text(old)} and is {_tag_text(new)}"
        if "order" in old or "order" in new:
            before, after = old.get("order"), new.get("order")
            if not isinstance(before, list) or not isinstance(after, list) or after[: len(before)] != before:
                yield f"the order of the fields of {name} is another"
        yield from self._fields(old["fields"], new["fields"], name, place)

    def _enums(self, old: Json, new: Mapping[str, Any], names: tuple[str, str]) -> Iterator[str]:
        """Compare two enums by the names of their members; the first format kept no more than the values."""
        if not isinstance(old, dict):
            if old != sorted(map(repr, new.values())):
                yield f"the members of {names[1]} are others"
            return
        gone = [member for member in old if member not in new]
        if gone:
            yield f"the members of {names[1]} are others: {', '.join(gone)} is gone"
            return
        moved = {old[member]: new[member] for member in old if old[member] != new[member]}
        if moved:
            self.renamed[names] = moved

    def _fields(self, old: dict[str, Json], new: dict[str, Json], record: str, place: str) -> Iterator[str]:
        of = "" if place in LAYERS else f" of {record}"
        for name in old:
            if name not in new:
                yield f"field '{name}'{of} is gone"
        for name, field in new.items():
            here = f"field '{name}'{of}"
            if name not in old:
                if field["required"]:
                    yield f"{here} is new and has no default"
                else:
                    self.added[f"{record}.{name}"] = here
                continue
            yield from self.types(_at(old[name], "type"), field["type"], here)
            omitted = _at(old[name], "omitted")
            if omitted is not None and omitted != field.get("omitted"):
                yield f"{here} is left out of documents where it has its default, which is another now"


class Conversion:
    """Rewrite plain data of a saved type into that of today: the values of enum members, found by name."""

    __slots__ = ("_new", "_old", "_renamed", "_tables")

    def __init__(self, old: Json, new: Json, walk: _Comparison) -> None:
        self._old = old
        self._new = new
        self._tables = walk.old, walk.new
        self._renamed: Renamed = walk.renamed

    def __call__(self, tree: Any) -> Any:
        """Return the data with every value in its place; the given tree is not changed."""
        return self._rewrite(tree, self._old, self._new)

    def _rewrite(self, tree: Any, old: Json, new: Json) -> Any:
        old_definition, new_definition = _named(old, self._tables[0]), _named(new, self._tables[1])
        if old_definition is not None and new_definition is not None:
            return self._defined(tree, old_definition, new_definition, (old["ref"], new["ref"]))
        if tree is None or not isinstance(old, dict):
            return tree
        if "limited" in old:
            return self._rewrite(tree, old["limited"], new["limited"])
        if "union" in old:
            pairs = zip(old["union"], new["union"], strict=True)
            before, after = next(pair for pair in pairs if pair[0] != "None")
            return self._rewrite(tree, before, after)
        if isinstance(tree, dict) and "named" not in old:
            ((key, value),) = old.values()
            ((new_key, new_value),) = new.values()
            return {self._key(k, key, new_key): self._rewrite(v, value, new_value) for k, v in tree.items()}
        parts = next((key for key in old if key.startswith("parts of")), None)
        if parts is not None:
            return self._parts(tree, old[parts], new[parts], old["named"])
        if "items" in old:
            return [self._rewrite(*part) for part in zip(tree, old["items"], new["items"], strict=True)]
        if not isinstance(tree, list):
            return tree
        ((item,), (new_item,)) = old.values(), new.values()
        return [self._rewrite(part, item, new_item) for part in tree]

    def _parts(self, tree: Any, old: list[Json], new: list[Json], names: list[str]) -> Any:
        """Rewrite a value that a block has put together: by branch, or item by item."""
        if isinstance(tree, dict):
            named = zip(names, old, new, strict=True)
            return {name: self._rewrite(tree[name], before, after) for name, before, after in named}
        if len(old) == 1:
            return [self._rewrite(part, old[0], new[0]) for part in tree]
        return [self._rewrite(*part) for part in zip(tree, old, new, strict=True)]

    def _defined(self, tree: Any, old: Json, new: Json, names: tuple[str, str]) -> Any:
        if "enum" in old:
            return self._renamed.get(names, {}).get(tree, tree)
        if "alias" in old:
            return self._rewrite(tree, old["alias"], new["alias"])
        if isinstance(tree, dict):
            return {name: self._field(part, name, old, new) for name, part in tree.items()}
        tag = int("tag" in old)
        named = zip(old["order"], tree[tag:], strict=False)
        return [*tree[:tag], *(self._field(part, name, old, new) for name, part in named)]

    def _field(self, tree: Any, name: str, old: Json, new: Json) -> Any:
        field = old["fields"].get(name)
        return tree if field is None else self._rewrite(tree, field["type"], new["fields"][name]["type"])

    def _key(self, key: Any, old: Json, new: Json) -> Any:
        """Rewrite the key of a mapping; JSON has the numbers among them as texts."""
        renamed = self._renamed.get((_at(old, "ref"), _at(new, "ref")), {})
        if key in renamed:
            return renamed[key]
        return next((str(after) for before, after in renamed.items() if str(before) == key), key)


def _members(tree: Json) -> list[Json] | None:
    found = _at(tree, "union")
    return found if isinstance(found, list) else None


def _is_convertible(key: str, parts: list[Json]) -> bool:
    """Return whether saved data shows which part it is: not in a union, unless of one type or None."""
    if key in ("union", "members"):
        return key == "union" and len(parts) == 2 and "None" in parts
    return not key.startswith("fired")


def _retyped(old: Json, new: Json, place: str) -> str:
    return f"{place} was {show(old)} and is {show(new)}"


def _tag_text(record: Json) -> str:
    tag = _at(record, "tag")
    return repr(tag[1]) if isinstance(tag, list) and len(tag) == 2 else "none"


def show(description: Json) -> str:
    """Return a type of a shape as its user would write it."""
    if not isinstance(description, dict) or len(description) not in (1, 2):
        return "nothing" if description is None else str(description)
    if "limited" in description:
        limits = _at(description, "limits")
        shown = ", ".join(f"{key}={value!r}" for key, value in limits.items()) if isinstance(limits, dict) else "?"
        return f"{show(description['limited'])} ({shown})"
    ((key, inner),) = description.items() if len(description) == 1 else (("?", None),)
    match key:
        case "ref" | "class":
            return str(inner)
        case "union" | "members" if isinstance(inner, list):
            return " | ".join(map(show, inner))
        case "literal" if isinstance(inner, list):
            return f"Literal[{', '.join(map(str, inner))}]"
        case "items" if isinstance(inner, list):
            return f"tuple[{', '.join(map(show, inner)) or '()'}]"
        case "tuple":
            return f"tuple[{show(inner)}, ...]"
        case _:
            parts = inner if isinstance(inner, list) else [inner]
            return f"{key}[{', '.join(map(show, parts))}]"
