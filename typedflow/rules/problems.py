"""What a broken rule looks like: its number, its text and the place it belongs to.

A `Problem` is what every rule in `typedflow.rules` returns, and what both front ends print: the runtime inside a
`ContractError`, the mypy plugin as an error on the key or the value at fault. Numbers and their mypy codes are in
`typedflow.rules.catalogue`, once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["", "key", "value"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule, as data; `render()` gives the line that a person reads."""

    number: str
    """The rule's number, `TF…`: a key of `catalogue.RULES`."""
    text: str
    """What is wrong, what was expected and what was given; lower-case start, user text in 'quotes'."""
    hint: str = ""
    """The nearest name or the next step; empty where there is none."""
    where: str = ""
    """The place, as the front end names it: "step 'draft' of flow 'review'"."""
    side: Side = ""
    """Of a mapping or a call: whether the key or the value is at fault."""
    entry: tuple[str, ...] = ()
    """Of a mapping: the keys that lead to the entry at fault, outermost first: ("state", "a.b")."""

    def render(self) -> str:
        """Give the problem as one line: number, place, text, hint."""
        place = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.number}: {place}{self.text}{hint}"

    def at(self, where: str) -> Problem:
        """Give the same problem with its place filled in; one that has a place keeps it behind the new one."""
        return replace(self, where=f"{where}, {self.where}" if self.where else where)
