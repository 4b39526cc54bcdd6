"""Whether data of a saved shape can be read by the types of today, and the conversion that this takes.

One set of rules for every saved value: state, flow_state, values in flight, slots, pools, answers and results.

- Everything is identified by name: fields, keys, members of an enum.
- The same shape is accepted. So are new fields with defaults, at any depth, and new members of an enum.
- An enum member whose value has changed is converted by its name (`typedflow.snapshot.conversion`). What is stored by
  position (a NamedTuple, an array_like Struct, a union that msgspec cannot tell apart) is refused in another order.
- Of an answer, which is still to come, a type that accepts more is accepted.
- Everything else is refused, with what was and what is.

A saved shape comes from a document: it may be anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from typedflow.schema.limits import implies
from typedflow.schema.types import Limits
from typedflow.snapshot.conversion import Conversion, definition_of, entry, paired
from typedflow.snapshot.shapes import ABSENT, LAYERS, Json, Shape


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
    walk = _Comparison(entry(old, "types"), new["types"], widening=widening)
    found = tuple(dict.fromkeys(walk.types(entry(old, key), new[key], place)))
    if found:
        return Verdict((*found, *(f"{added} is new" for added in walk.added.values())), frozenset(walk.added))
    conversion = Conversion(entry(old, key), new[key], (walk.old, walk.new), walk.renamed) if walk.renamed else None
    return Verdict((), frozenset(walk.added), conversion)


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
        old_definition, new_definition = definition_of(old, self.old), definition_of(new, self.new)
        if old_definition is not None and new_definition is not None:
            names = (old["ref"], new["ref"])
            if names not in self._seen:
                self._seen.add(names)
                yield from self._definitions(old_definition, new_definition, names, place)
        elif self._widening and self._accepts_more(old, new):
            return
        elif not isinstance(old, dict) or not isinstance(new, dict) or "ref" in new:
            if old != new or entry(new, "ref") is not None:  # a name that the saved shape does not explain
                yield _retyped(old, new, place)
        elif old.keys() == new.keys():
            parts = tuple(self._parts(old, new, place))
            whole = any(text.startswith(f"{place} was ") for text in parts) and show(old) != show(new)
            yield from (_retyped(old, new, place),) if whole else parts
        elif "members" in new and isinstance(old.get("union"), list):  # the first format did not keep the order
            yield from self._parts(old, {"union": sorted(new["members"], key=str)}, place)
        else:
            yield _retyped(old, new, place)

    def _accepts_more(self, old: Json, new: Json) -> bool:
        """Return whether every value of the old type is one of the new type, which is another one."""
        if new == "Any" or (old, new) == ("int", "float"):
            return True
        if entry(old, "limited") is not None:
            limits = entry(new, "limits")
            wider = limits is None or _is_looser(entry(old, "limits"), limits)
            if wider and self._fits(old["limited"], new if limits is None else new["limited"]):
                return True
        members, literals = _members(new), entry(old, "literal")
        if members is None:
            return isinstance(literals, list) and all(_is_literal_of(value, new) for value in literals)
        return all(any(self._fits(part, member) for member in members) for part in _members(old) or [old])

    def _fits(self, old: Json, new: Json) -> bool:
        trial = _Comparison(self.old, self.new, widening=True)
        trial._seen = set(
            self._seen
        )  # what is being compared further out is taken for the same: types may be recursive
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
                pairs = (
                    paired(old[key], part, self.old, self.new) if key == "union" else zip(old[key], part, strict=True)
                )
                for before, after in pairs:
                    yield from self.types(before, after, place)

    def _definitions(self, old: Json, new: Json, names: tuple[str, str], place: str) -> Iterator[str]:
        name = names[1]
        if "fields" not in new or not isinstance(entry(old, "fields"), dict):
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
        if any(type(value) not in (str, int) for value in old.values()):
            yield f"the members of {names[1]} are others"
            return
        if gone:
            yield f"the members of {names[1]} are others: {', '.join(gone)} is gone"
            return
        if any(old[member] != new[member] for member in old):
            self.renamed[names] = {old[member]: new[member] for member in old}

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
            yield from self.types(entry(old[name], "type"), field["type"], here)
            if self._widening and field["required"] and entry(old[name], "required") is False:
                yield f"{here} is required now"
            omitted = entry(old[name], "omitted")
            if omitted == ABSENT and omitted != field.get("omitted"):
                yield f"{here} may be absent in documents, and is required now"
            elif omitted is not None and omitted != field.get("omitted"):
                yield f"{here} is left out of documents where it has its default, which is another now"


def _members(tree: Json) -> list[Json] | None:
    found = entry(tree, "union") or entry(tree, "members")
    return found if isinstance(found, list) else None


def _is_literal_of(value: Json, new: Json) -> bool:
    """Return whether the value of a Literal, as a shape has it, is one of a Literal or scalar type of today."""
    known = entry(new, "literal")
    if isinstance(known, list):
        return value in known
    return bool(new == ("str" if str(value)[:1] in ("'", '"') else "int"))


def _is_looser(old: Json, new: Json) -> bool:
    """Return whether every value within some saved limits is within those of today."""
    try:
        return implies(Limits(**old), Limits(**new))
    except TypeError:  # the saved ones come from a document
        return False


def _retyped(old: Json, new: Json, place: str) -> str:
    return f"{place} was {show(old)} and is {show(new)}"


def _tag_text(record: Json) -> str:
    tag = entry(record, "tag")
    return repr(tag[1]) if isinstance(tag, list) and len(tag) == 2 else "none"


def show(description: Json) -> str:
    """Return a type of a shape as its user would write it."""
    if not isinstance(description, dict) or len(description) not in (1, 2):
        return "nothing" if description is None else str(description)
    if "named" in description:
        description = {key: part for key, part in description.items() if key != "named"}
    if "stored" in description:
        return str(entry(description, "class"))
    if "limited" in description:
        limits = entry(description, "limits")
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
