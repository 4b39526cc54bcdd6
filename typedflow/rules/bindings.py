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
    """Name a value: the whole of a scope, or what a path leads to in it."""

    scope: str
    """By its own name, never an alias."""
    path: Path = ()

    def __str__(self) -> str:
        return ".".join((self.scope, *self.path))


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one entry of a mapping as it was written."""

    target: Place
    keys: tuple[str, ...]
    """The keys as written: `("runtime_data", "topic")`."""
    text: str
    """The source as written; empty where it is no text."""
    source: Place | None
    """None where the source is broken: the entry still says what its user meant to supply."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Carry one value from its source to its target; sound, when the check that made it found no problems."""

    target: Place
    source: Place
    keys: tuple[str, ...]
    """The keys of the entry as written, for messages: `("runtime_data", "topic")`."""


@dataclass(frozen=True, slots=True)
class Verdict(Generic[S]):
    """Give what a check found."""

    bindings: tuple[Binding, ...]
    """The sound entries in the order written; all there are when there are no problems."""
    problems: tuple[Problem, ...]
    value: S | None = None
    """Of a write_back: the type of the value that goes on to the next step; None where a problem hides it."""


class Reporter:
    """Make the problems of one direction: the same rules have numbers of their own in capture and in write_back."""

    _renumbered: Final = {"TF104": "03", "TF201": "03", "TF202": "04", "TF203": "05", "TF204": "15", "TF205": "15"}

    def __init__(self, direction: Direction) -> None:
        self._direction = direction

    def at_key(self, rule: str, keys: tuple[str, ...], text: str, hint: str) -> Problem:
        """Report a target; `rule` is the number within the area, "01"."""
        return self._problem(rule, keys, text, hint, "key")

    def at_value(self, rule: str, keys: tuple[str, ...], text: str, hint: str, source: str = "") -> Problem:
        """Report a source, with its text where it is one."""
        return self._problem(rule, keys, text, hint, "value", source)

    def at(self, side: Side, rule: str, entry: Entry, text: str, hint: str) -> Problem:
        """Report the target or the source of an entry that was read."""
        return self._problem(rule, entry.keys, text, hint, side, entry.text)

    def at_mapping(self, rule: str, text: str, hint: str) -> Problem:
        """Report what belongs to no entry: the mapping itself, or something that it lacks."""
        return self._problem(rule, (), text, hint, "")

    def renumbered(self, problem: Problem, keys: tuple[str, ...], side: Side, source: str = "") -> Problem:
        """Give a problem of a path or a resource key the number that it has in a mapping."""
        return self._problem(self._renumbered[problem.number], keys, problem.text, problem.hint, side, source)

    def of_default(self, problem: Problem) -> Problem:
        """Move a problem from an entry that nobody wrote to the argument that was left out."""
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
