"""`Problem`: one violation of a rule, with its number, text, hint and location.

A `Problem` is what every rule in `typedflow.rules` returns, and what both front ends print: the runtime inside a
`ContractError`, the mypy plugin as an error on the key or the value at fault. Numbers and their mypy codes are in
`typedflow.rules.catalogue`, once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["", "key", "value"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One violation of a rule, as data; `render()` returns the message for users."""

    number: str
    """The rule's number, `TF…`: a key of `catalogue.RULES`."""
    text: str
    """What is wrong, the expected and the actual value; lower-case start, user text in 'quotes'."""
    hint: str = ""
    """The nearest name or the next step; empty where there is none."""
    where: str = ""
    """The location, as the front end names it: "step 'draft' of flow 'review'"."""
    side: Side = ""
    """Of a mapping or a call: whether the key or the value is at fault."""
    entry: tuple[str, ...] = ()
    """Of a mapping: the keys that lead to the entry at fault, outermost first: ("state", "a.b")."""
    file: str = field(default="", compare=False)
    """Of a definition: the file in which the node was attached, as Python names it; never part of the message."""
    line: int = field(default=0, compare=False)
    """The line in `file`, from 1; 0 if it is not known."""

    def render(self) -> str:
        """Return the problem as one line: number, location, text, hint."""
        place = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.number}: {place}{self.text}{hint}"

    def at(self, where: str) -> Problem:
        """Return the problem with an outer location; a location that it has already is kept after the new one."""
        return replace(self, where=f"{where}, {self.where}" if self.where else where)

    def located(self, file: str, line: int) -> Problem:
        """Return the problem with the file and line of a call; those that it has already are kept."""
        return self if self.file else replace(self, file=file, line=line)
