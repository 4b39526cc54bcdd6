"""The conversion of saved data whose enum members have other values today: each is found by its name.

`typedflow.snapshot.comparison` has compared the types, and knows which enums have changed. The data is plain, as JSON
or MessagePack has it. The member of a union is found by the form of the data, as a decoder finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from typedflow.snapshot.shapes import Json

Renamed: TypeAlias = Mapping[tuple[str, str], Mapping[Any, Any]]
"""The enums to convert, by their names in both shapes: the saved value of each member to its value today."""


class Unexplained(Exception):
    """A saved combination of flags has a bit that no member stands for, so that its value today is unknown."""


def entry(tree: Json, key: str) -> Json:
    """Return an entry of a saved description, None where there is none: a description may be anything."""
    return tree.get(key) if isinstance(tree, dict) else None


def definition_of(tree: Json, table: Json) -> Any:
    """Return the definition that a reference leads to, None for everything else."""
    name = entry(tree, "ref")
    found = entry(table, name) if isinstance(name, str) else None
    return found if isinstance(found, dict) else None


def paired(old: list[Json], new: list[Json], old_table: Json, new_table: Json) -> Iterator[tuple[Json, Json]]:
    """Yield the members of two unions of one length in pairs: by their names, then by their tags, then in order."""
    left, taken = list(new), []
    for part in old:
        tag = entry(definition_of(part, old_table), "tag")
        same = part if part in left else None
        if same is None and tag is not None:
            same = next((each for each in left if entry(definition_of(each, new_table), "tag") == tag), None)
        if same is not None:
            left.remove(same)
        taken.append(same)
    for part, same in zip(old, taken, strict=True):
        yield part, left.pop(0) if same is None else same


class Conversion:
    """Rewrite plain data of a saved type into that of today: the values of enum members, found by name."""

    __slots__ = ("_new", "_old", "_renamed", "_tables")

    def __init__(self, old: Json, new: Json, tables: tuple[Json, Json], renamed: Renamed) -> None:
        self._old = old
        self._new = new
        self._tables = tables
        self._renamed = renamed

    def __call__(self, tree: Any) -> Any:
        """Return the data with every value in its place; the given tree is not changed. Raises `Unexplained`."""
        return self._rewrite(tree, self._old, self._new)

    def _rewrite(self, tree: Any, old: Json, new: Json) -> Any:
        before, after = definition_of(old, self._tables[0]), definition_of(new, self._tables[1])
        if before is not None and after is not None:
            return self._defined(tree, before, after, (old["ref"], new["ref"]))
        if tree is None or not isinstance(old, dict):
            return tree
        key = next(iter(old.keys() - {"limits", "named"}))
        if key == "limited":
            return self._rewrite(tree, old[key], new[key])
        if key == "union":
            pairs = paired(old[key], new[key], *self._tables)
            found = next((pair for pair in pairs if self._holds(tree, pair[0])), None)
            return tree if found is None else self._rewrite(tree, *found)
        if key == "members":
            return [tree[0], self._rewrite(tree[1], old[key][tree[0]], new[key][tree[0]])]
        if key.startswith("fired"):
            return self._fired(tree, old[key], new[key], old["named"])
        if key.startswith("parts of"):
            return self._parts(tree, old[key], new[key], old["named"])
        if key == "items":
            return [self._rewrite(*part) for part in zip(tree, old[key], new[key], strict=True)]
        if isinstance(tree, dict):
            (old_key, value), (new_key, new_value) = old[key], new[key]
            return {self._key(k, old_key, new_key): self._rewrite(v, value, new_value) for k, v in tree.items()}
        return [self._rewrite(part, old[key], new[key]) for part in tree] if isinstance(tree, list) else tree

    def _holds(self, tree: Any, part: Json) -> bool:
        """Return whether data is of this member of a union; at most one of them takes data of its form."""
        definition = definition_of(part, self._tables[0])
        if definition is None:
            inner = next(iter(part.values())) if isinstance(part, dict) else None
            if isinstance(part, dict) and part.keys() >= {"limited"}:
                return self._holds(tree, part["limited"])
            is_mapping = isinstance(inner, list) and "items" not in part and "literal" not in part
            return inner is not None and isinstance(tree, dict if is_mapping else list)
        if "alias" in definition:
            return self._holds(tree, definition["alias"])
        if "enum" in definition:
            known = definition["enum"].values()
            is_int = type(tree) is int and all(type(each) is int for each in known)
            return is_int or any(type(tree) is type(each) and tree == each for each in known)
        if not isinstance(tree, list if "order" in definition else dict):
            return False
        tag = definition.get("tag")
        return tag is None or tag[1] == (tree[0] if isinstance(tree, list) else tree.get(tag[0]))

    def _fired(self, tree: Any, old: list[Json], new: list[Json], names: list[str]) -> Any:
        """Rewrite the value of a listener: `[kind, name, value]`, or the values by kind and name."""
        types = dict(zip(names, zip(old, new, strict=True), strict=True))
        if isinstance(tree, list):
            kind, name, value = tree
            return [kind, name, self._rewrite(value, *types[f"{kind} {name}"])]
        return {
            kind: {name: self._rewrite(value, *types[f"{kind} {name}"]) for name, value in named.items()}
            for kind, named in tree.items()
        }

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
            return self._member(tree, self._renamed.get(names), names[1])
        if "alias" in old:
            return self._rewrite(tree, old["alias"], new["alias"])
        if isinstance(tree, dict):
            return {name: self._field(part, name, old, new) for name, part in tree.items()}
        tag = int("tag" in old)
        named = zip(old["order"], tree[tag:], strict=False)
        return [*tree[:tag], *(self._field(part, name, old, new) for name, part in named)]

    def _member(self, value: Any, renamed: Mapping[Any, Any] | None, name: str) -> Any:
        """Return the value that a member has today; of a combination of flags that of the same members."""
        if renamed is None or value in renamed or type(value) is not int:
            return value if renamed is None else renamed.get(value, value)
        rest, made = value, 0
        for before, after in renamed.items():
            if before and before & value == before:
                rest, made = rest & ~before, made | after
        if rest:
            raise Unexplained(f"{value} of {name} has a bit that no member has, and others have moved")
        return made

    def _field(self, tree: Any, name: str, old: Json, new: Json) -> Any:
        field = old["fields"].get(name)
        return tree if field is None else self._rewrite(tree, field["type"], new["fields"][name]["type"])

    def _key(self, key: Any, old: Json, new: Json) -> Any:
        """Rewrite the key of a mapping; JSON has the numbers among them as texts."""
        names = (entry(old, "ref"), entry(new, "ref"))
        renamed = self._renamed.get(names, {})
        if key in renamed:
            return renamed[key]
        texts = {str(before): str(after) for before, after in renamed.items()}
        if key in texts or not renamed or not str(key).isdigit():
            return texts.get(key, key)
        made = self._member(int(key), renamed, str(names[1]))
        return str(made) if isinstance(key, str) else made
