"""What a checked capture or write_back consists of: bindings, and the problems that its entries have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from typedflow.rules.paths import Path
from typedflow.rules.problems import Problem, Side
from typedflow.rules.scopes import Direction
from typedflow.rules.shape import Shape

S = TypeVar("S", bound=Shape)


@dataclass(frozen=True, slots=True)
class Place:
    """Address of a value: a scope as a whole, or a path inside it."""

    scope: str
    """The canonical name of the scope, never an alias."""
    path: Path = ()

    def __str__(self) -> str:
        return ".".join((self.scope, *self.path))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a mapping, as the user wrote it."""

    target: Place
    keys: tuple[str, ...]
    """The keys as written: `("runtime_data", "topic")`."""
    text: str
    """The source as written; empty if it is not a str."""
    source: Place | None
    """None if the source is invalid; the target still counts as supplied, so that it is not reported as missing."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A checked entry: moves one value from its source to its target."""

    target: Place
    source: Place
    keys: tuple[str, ...]
    """The keys of the entry as written, for messages: `("runtime_data", "topic")`."""


@dataclass(frozen=True, slots=True)
class Verdict(Generic[S]):
    """Result of checking a capture or a write_back."""

    bindings: tuple[Binding, ...]
    """The entries without problems, in the order written; all entries if `problems` is empty."""
    problems: tuple[Problem, ...]
    value: S | None = None
    """For a write_back: the type of the value that the next step receives; None if a problem makes it unknown."""


class Reporter:
    """Build the problems of one direction: capture and write_back number the same rules differently."""

    _renumbered: Final = {"TF104": "03", "TF201": "03", "TF202": "04", "TF203": "05", "TF204": "15", "TF205": "15"}

    def __init__(self, direction: Direction) -> None:
        self._direction = direction

    def at_key(self, rule: str, keys: tuple[str, ...], text: str, hint: str) -> Problem:
        """Return a problem about a target; `rule` is the number within the area, for instance "01"."""
        return self._problem(rule, keys, text, hint, "key")

    def at_value(self, rule: str, keys: tuple[str, ...], text: str, hint: str, source: str = "") -> Problem:
        """Return a problem about a source; `source` is its text, empty if it is not a str."""
        return self._problem(rule, keys, text, hint, "value", source)

    def at(self, side: Side, rule: str, entry: Entry, text: str, hint: str) -> Problem:
        """Return a problem about the target or the source of a parsed entry."""
        return self._problem(rule, entry.keys, text, hint, side, entry.text)

    def at_mapping(self, rule: str, text: str, hint: str) -> Problem:
        """Return a problem about the mapping as a whole, or about a missing entry."""
        return self._problem(rule, (), text, hint, "")

    def renumbered(self, problem: Problem, keys: tuple[str, ...], side: Side, source: str = "") -> Problem:
        """Return a problem of a path or a resource key with the number that the rule has in this direction."""
        return self._problem(self._renumbered[problem.number], keys, problem.text, problem.hint, side, source)

    def of_default(self, problem: Problem) -> Problem:
        """Return a problem of the default mapping, located at the omitted argument instead of an entry."""
        if not problem.entry:
            return problem
        scope, source = next(iter(self._direction.default.items()))
        where = f'{self._direction.name}, left out, is {{"{scope}": "{source}"}}'
        return replace(problem, where=where, side="", entry=())

    def _problem(self, rule: str, keys: tuple[str, ...], text: str, hint: str, side: Side, source: str = "") -> Problem:
        where = self._direction.name + "".join(f'["{key}"]' for key in keys)
        if source and side == "value":
            where = f'{where} = "{source}"'
        return Problem(self._direction.area + rule, text, hint, where=where, side=side, entry=keys)
