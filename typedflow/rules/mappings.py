"""Parse a capture or write_back, and check that its sources fit its targets.

A mapping has the form target scope -> target field -> source: `{"state": {"request.topic": "value.topic"}}`. A source
is a scope as a whole ("value"), or a scope and a path ("value.topic"). A target scope that can be set as a whole
(`input`, `value`) takes one source in place of the fields: `{"input": "value"}`. The other target scopes are set field
by field, so `{"state": "value"}` is refused: a layer cannot be replaced as one value. An empty mapping binds nothing,
at both levels, and so does an omitted scope. Resources are bound key by key, each as a whole:
`{"resources": {"search": "resources.search"}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from typedflow.rules.bindings import Entry, Place, Reporter
from typedflow.rules.names import name_hint, nearest
from typedflow.rules.paths import Resolution, parse_path, resolve
from typedflow.rules.problems import Problem, Side
from typedflow.rules.resources import check_key
from typedflow.rules.scopes import ALIASES, SCOPES, Direction, canonical
from typedflow.rules.shape import Shape
from typedflow.rules.wording import describe, listed, plain, quoted

S = TypeVar("S", bound=Shape)


class Reading:
    """Parse a mapping of any type into entries; check scopes, paths, forms, duplicates and conflicts."""

    def __init__(self, mapping: object, direction: Direction) -> None:
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.unread: set[str] = set()
        """Target scopes with an entry that could not be parsed, so that their missing fields are not reported."""
        self._direction = direction
        self._report = Reporter(direction)
        if isinstance(mapping, Mapping):
            for key, value in mapping.items():
                self._read_scope(key, value)
            self._check_conflicts()
        else:
            self.unread.update(direction.sources)
            text = f"it has to be a mapping, not {describe(mapping)}"
            self.problems.append(self._report.at_mapping("13", text, self._form()))

    def key_of(self, scope: str) -> str:
        """Return the key under which a target scope was written (maybe an alias), or its canonical name if absent."""
        return next((entry.keys[0] for entry in self.entries if entry.target.scope == scope), scope)

    def _read_scope(self, key: object, value: object) -> None:
        direction, keys = self._direction, (plain(key) if isinstance(key, str) else describe(key),)
        scope = canonical(plain(key)) if isinstance(key, str) else ""
        if scope == "resources" and scope not in direction.sources:
            text = "resources are never written back: a child's resources stay with the child"
            hint = "return what the parent needs as the child's result"
            self.problems.append(self._report.at_key("10", keys, text, hint))
        elif scope not in direction.sources:
            text = f"{quoted(key) if isinstance(key, str) else describe(key)} is not a scope of {direction.name}"
            hint = name_hint(key, (*direction.sources, *ALIASES), known="scopes")
            self.problems.append(self._report.at_key("01", keys, text, hint))
            self.unread.update({canonical(meant) for meant in [nearest(key, (*direction.sources, *ALIASES))] if meant})
        elif isinstance(value, Mapping):
            for field, source in value.items():
                self._read_field(scope, keys[0], field, source)
        elif not isinstance(value, str):
            text = f"{quoted(scope)} takes {self._takes(scope)}, not {describe(value)}"
            self._unreadable(scope, self._report.at_value("13", keys, text, self._form()))
        elif scope not in direction.whole:
            part, source = ("key", "resources.key") if scope == "resources" else ("field", plain(value))
            text = f"{quoted(scope)} is given by {part}s, not as a whole"
            hint = f'write {{"{keys[0]}": {{"{part}": "{source}"}}}}'
            self._unreadable(scope, self._report.at_value("13", keys, text, hint, value))
        else:
            self._add(Place(scope), keys, value)

    def _read_field(self, scope: str, key: str, field: object, source: object) -> None:
        keys = (key, plain(field) if isinstance(field, str) else describe(field))
        if scope == "resources":
            path = check_key(field) or parse_path(field)
        else:
            path = parse_path(field)
        if isinstance(path, Problem):
            self._unreadable(scope, self._report.renumbered(path, keys, "key"))
        else:
            self._add(Place(scope, path), keys, source)

    def _add(self, target: Place, keys: tuple[str, ...], source: object) -> None:
        found = self._source(target.scope, keys, source)
        text = plain(source) if isinstance(source, str) else ""
        if isinstance(found, Problem):
            self.problems.append(found)
        self.entries.append(Entry(target, keys, text, None if isinstance(found, Problem) else found))

    def _source(self, target_scope: str, keys: tuple[str, ...], source: object) -> Place | Problem:
        allowed = self._direction.sources[target_scope]
        example = f'"{allowed[0]}.field"'
        if not isinstance(source, str):
            text = f"a source is a str, like {example}, not {describe(source)}"
            return self._report.at_value("13", keys, text, f"a source begins with one of {listed(allowed)}")
        head, dot, rest = source.partition(".")
        scope = canonical(head)
        if scope not in SCOPES:
            text = f"{quoted(head)} is not a scope" if head else "a source cannot be empty"
            hint = name_hint(head, allowed, known="a source begins with one of")
            return self._report.at_value("01" if head else "03", keys, text, hint, source)
        if scope not in allowed:
            text = f"{quoted(target_scope)} cannot be filled from {quoted(head)}, only from {listed(allowed)}"
            return self._report.at_value("02", keys, text, self._why_not(scope, target_scope), source)
        if scope == "resources":
            return self._resource_source(keys, source, rest)
        path = parse_path(rest) if dot else ()
        if isinstance(path, Problem):
            return self._report.renumbered(path, keys, "value", source)
        return Place(scope, path)

    def _resource_source(self, keys: tuple[str, ...], source: str, key: str) -> Place | Problem:
        if not key:
            hint = f'write "resources.{keys[-1]}"'
            return self._report.at_value("03", keys, "resources are captured one by one, by their keys", hint, source)
        problem = check_key(key)
        if problem is not None:
            return self._report.renumbered(problem, keys, "value", source)
        return Place("resources", (key,))

    def _check_conflicts(self) -> None:
        for position, entry in enumerate(self.entries):
            for earlier in self.entries[:position]:
                a, b = earlier.target.path, entry.target.path
                if earlier.target.scope != entry.target.scope or a[: len(b)] != b[: len(a)]:
                    continue
                if a == b:
                    also = f", and {quoted(entry.keys[0])} is another name of {quoted(earlier.keys[0])}"
                    text = f"{quoted(str(entry.target))} is given twice{also if entry.keys != earlier.keys else ''}"
                    self.problems.append(self._report.at_key("09", entry.keys, text, "keep one of the two"))
                else:
                    inner, outer = (a, b) if len(a) > len(b) else (b, a)
                    scope = Place(entry.target.scope, inner), Place(entry.target.scope, outer)
                    text = f"{quoted(str(scope[0]))} is part of {quoted(str(scope[1]))}, and both are given"
                    self.problems.append(self._report.at_key("08", entry.keys, text, "give the whole or its parts"))
                break

    def _unreadable(self, scope: str, problem: Problem) -> None:
        self.unread.add(scope)
        self.problems.append(problem)

    def _takes(self, scope: str) -> str:
        return "a source or a mapping of fields" if scope in self._direction.whole else "a mapping of fields"

    def _why_not(self, source_scope: str, target_scope: str) -> str:
        if "resources" in (source_scope, target_scope):
            return "resources go to resources only: they are never part of a value or a state"
        if source_scope == "result":
            return "the result is there after the child ran: use it in write_back"
        if self._direction.name == "write_back":
            return "a child gives back its result alone: return what the parent needs"
        return "a capture takes from the parent: its value and its layers"

    def _form(self) -> str:
        scope, source = next(iter(self._direction.default.items()))
        return f'write {{"{scope}": "{source}"}}, {{"state": {{"field": "{source}.field"}}}}, or {{}} for nothing'


def find(
    place: Place, scopes: Mapping[str, S], report: Reporter, entry: Entry, *, owner: str, side: Side
) -> Resolution[S] | Problem:
    """Resolve a place in its scope's shape; also a problem: a scope that the `owner`'s contract does not declare."""
    shape = scopes.get(place.scope)
    if shape is None:
        text = f"the {owner}'s contract declares no {place.scope}"
        hint = f"declare `{place.scope}: …` there, or leave the entry out"
        return report.at(side, "14", entry, text, hint)
    found = resolve(shape, place.path, root=place.scope)
    return report.renumbered(found, entry.keys, side, entry.text) if isinstance(found, Problem) else found


def check_fit(
    entry: Entry, target: Resolution[S], source: Resolution[S], report: Reporter, direction: Direction
) -> Problem | None:
    """Check that every value of the source is valid for the target."""
    if target.declared.accepts(source.shape):
        return None
    takes = f"{quoted(str(entry.target))} of the {direction.target_owner} takes {target.declared.render()}"
    gives = f"{quoted(entry.text)} of the {direction.source_owner}"
    if source.shape.is_optional() and target.declared.accepts(source.shape.without_none()):
        because = f", because {source.maybe_none} may be" if source.maybe_none else ""
        text = f"{takes}, and {gives} may be None{because}"
        hint = f"declare the target as {target.declared.render()} | None, or take a value that is never None"
        return report.at_value("07", entry.keys, text, hint, entry.text)
    text = f"{takes}, and {gives} is {source.shape.render()}"
    hint = _other_source(entry, target.declared, source.shape)
    return report.at_value("06", entry.keys, text, hint, entry.text)


def _other_source(entry: Entry, target: Shape, source: Shape) -> str:
    """Return a hint for another source: map the fields of the target, or take a part of the source."""
    if entry.target.path:
        return "take another source, or declare the two alike"
    nothing = ", or give {} for nothing" if target.accepts(target.with_none()) else ""
    if target.fields():
        return f'map its fields, {{"{entry.keys[0]}": {{"field": "{entry.text}.field"}}}}{nothing}'
    if source.fields():
        return f'take a part of it, "{entry.text}.field"{nothing}'
    return f"take another source, or declare the two alike{nothing}"
