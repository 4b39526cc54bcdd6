"""The names in a flow: its nodes' own, and the chunks that are registered under one."""

from __future__ import annotations

from functools import partial

from typedflow.definition.nodes import Handler
from typedflow.errors import ContractError
from typedflow.rules import flows
from typedflow.rules.options import CHUNK_NAME, NODE_NAME, Option, check_name


class Names:
    """Give every node of one flow a name of its own, and handlers by the name of their chunk."""

    __slots__ = ("_chunks", "_given", "_numbers", "_place", "_taken")

    def __init__(self, place: str) -> None:
        self._place = place
        self._taken: set[str] = {"start"}
        self._numbers: dict[str, int] = {}
        self._given: dict[str, list[str]] = {}
        """The names that nodes got by default, by what they were derived from."""
        self._chunks: dict[str, Handler] = {}

    def take(self, wanted: str | None, default: str) -> tuple[str, bool]:
        """Give a free name, and whether it was numbered by us: then it may name another node tomorrow."""
        self.require(NODE_NAME, default if wanted is None else wanted)
        if wanted is not None:
            if wanted in self._taken:
                raise ContractError(flows.duplicate_name_problem("node", wanted).at(self._place))
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
        """Return the names that identify no node over a change of the flow: numbered ones, and those they share."""
        return frozenset(
            name
            for default, names in self._given.items()
            for name in names
            if len(names) > 1 or name != default or default == "lambda"
        )

    def require(self, option: Option, given: object) -> None:
        """Refuse a name that is no text, or none that can be written."""
        problem = check_name(option, given)
        if problem is not None:
            raise ContractError(problem.at(self._place))

    def register(self, name: str, handler: Handler) -> None:
        """Register a chunk; a name stands for one function."""
        if not callable(handler):
            raise ContractError(flows.not_a_handler_problem(handler).at(self._place))
        self.require(CHUNK_NAME, name)
        known = self._chunks.setdefault(name, handler)
        if known is not handler:
            raise ContractError(flows.duplicate_name_problem("chunk", name).at(self._place))

    def handler_of(self, handler: Handler | str) -> Handler:
        """Give a handler, or the one that is registered as the chunk of this name."""
        if isinstance(handler, str):
            if handler not in self._chunks:
                raise ContractError(flows.unknown_chunk_problem(handler, sorted(self._chunks)).at(self._place))
            return self._chunks[handler]
        if not callable(handler):
            raise ContractError(flows.not_a_handler_problem(handler).at(self._place))
        return handler


def name_of(handler: Handler) -> str:
    """Give the name that a handler lends to its node."""
    while isinstance(handler, partial):
        handler = handler.func
    name = getattr(handler, "__name__", None) or type(handler).__name__
    return "lambda" if name == "<lambda>" else str(name)
