"""The names of a flow: those of its nodes, and those of its registered chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from typedflow.definition.nodes import Handler
from typedflow.definition.origins import definition_error
from typedflow.rules import flows
from typedflow.rules.options import CHUNK_NAME, NODE_NAME, Option, check_name


class Names:
    """Assign unique node names within one flow, and find handlers by their chunk name."""

    __slots__ = ("_adopted", "_chunks", "_conditions", "_given", "_numbers", "_place", "_taken")

    def __init__(self, place: str) -> None:
        self._place = place
        self._taken: set[str] = {"start"}
        self._numbers: dict[str, int] = {}
        self._given: dict[str, list[str]] = {}
        """The default names of nodes, by the name they were derived from."""
        self._chunks: dict[str, Handler] = {}
        self._conditions: dict[str, Handler] = {}
        self._adopted: frozenset[str] = frozenset()

    def take(self, wanted: str | None, default: str) -> tuple[str, bool]:
        """Return a free name, and whether it is ambiguous: another definition may number the nodes differently."""
        self.require(NODE_NAME, default if wanted is None else wanted)
        if wanted is not None:
            if wanted in self._taken:
                raise definition_error(flows.duplicate_name_problem("node", wanted).at(self._place))
            self._taken.add(wanted)
            return wanted, False
        number = self._numbers.get(default, 0)
        name = default
        while number or name in self._taken:
            number += 1
            name = f"{default}#{number}"
            if number > 1 and name not in self._taken:
                break
        self._numbers[default] = max(number, 1)
        self._taken.add(name)
        self._given.setdefault(default, []).append(name)
        return name, name != default or default == "lambda"

    def ambiguous(self) -> frozenset[str]:
        """Return the names that do not identify a node after a change of the flow: numbered ones and their origins."""
        return self._adopted | frozenset(
            name
            for default, names in self._given.items()
            for name in names
            if len(names) > 1 or name != default or default == "lambda"
        )

    def adopt(
        self, names: Iterable[str], ambiguous: Iterable[str], functions: Mapping[str, Mapping[str, Handler]]
    ) -> None:
        """Take over the names of nodes that were made elsewhere, which of them are ambiguous, and their functions.

        The handlers of `functions` become chunks; conditions are only known by their names.
        """
        self._taken.update(names)
        self._adopted = frozenset(ambiguous)
        self._chunks.update(functions["handler"])
        self._conditions.update(functions["condition"])

    def registered(self, handler: Handler) -> str | None:
        """Return the first name that a handler or condition was given beside its own, None if there is none."""
        known = (*self._chunks.items(), *self._conditions.items())
        return next((name for name, function in known if function is handler), None)

    def require(self, option: Option, given: object) -> None:
        """Raise ContractError unless the name is a non-empty str that can be saved."""
        problem = check_name(option, given)
        if problem is not None:
            raise definition_error(problem.at(self._place))

    def register(self, name: str, handler: Handler) -> None:
        """Register a chunk; raises ContractError if the name belongs to another function."""
        if not callable(handler):
            raise definition_error(flows.not_a_handler_problem(handler).at(self._place))
        self.require(CHUNK_NAME, name)
        known = self._chunks.setdefault(name, handler)
        if known is not handler:
            raise definition_error(flows.duplicate_name_problem("chunk", name).at(self._place))

    def handler_of(self, handler: Handler | str) -> Handler:
        """Return the handler itself, or the chunk of this name; raises ContractError if there is none."""
        if isinstance(handler, str):
            if handler not in self._chunks:
                raise definition_error(flows.unknown_chunk_problem(handler, sorted(self._chunks)).at(self._place))
            return self._chunks[handler]
        if not callable(handler):
            raise definition_error(flows.not_a_handler_problem(handler).at(self._place))
        return handler


def name_of(handler: Handler) -> str:
    """Return the default node name of a handler."""
    while isinstance(handler, partial):
        handler = handler.func
    name = getattr(handler, "__name__", None) or type(handler).__name__
    return "lambda" if name == "<lambda>" else str(name)
