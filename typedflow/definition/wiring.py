"""What is wired of a flow so far: its nodes, its open blocks, and the rules of every call that adds to them.

`definition.builder` has the calls. Here is what they share, and how the wiring ends: it is frozen to a `Definition`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Final

import msgspec
from msgspec.structs import replace

from typedflow.definition.arguments import can_take_one, check_names
from typedflow.definition.blocks import Block, Cursor, Open
from typedflow.definition.names import Names, name_of
from typedflow.definition.nodes import Definition, Handler, Join, Node, Port, Sleep, Start, Step, SubFlow
from typedflow.definition.order import order_of
from typedflow.definition.origins import Origin, calling_origin, definition_error
from typedflow.definition.reading import Attached
from typedflow.errors import ContractError
from typedflow.rules import flows
from typedflow.rules.options import CONCURRENCY, FLOW_NAME, check_name, check_option
from typedflow.rules.problems import Problem
from typedflow.schema.annotations import HandlerTypes
from typedflow.schema.callables import is_generator_function

SHOWN: Final = 8
"""The number of steps that a summary names."""


class Unfinished(msgspec.Struct, eq=False):
    """The place of a node that is complete only when its block is closed."""

    make: Callable[[], Node] | None = None


class Wiring:
    """The nodes of one flow, until the first execution freezes them."""

    __slots__ = ("attached", "flow", "frozen", "names", "nodes", "open_blocks", "origins", "place")

    def __init__(self, flow: str) -> None:
        problem = check_name(FLOW_NAME, flow)
        if problem is not None:
            raise definition_error(problem)
        self.flow = flow
        self.frozen: Definition | None = None
        self.place = f"flow '{flow}'"
        """Where the problems are, for messages."""
        self.names = Names(self.place)
        """The names of the flow: of its nodes, and of its registered chunks."""
        self.attached = Attached()
        """The handlers with annotations that could not be resolved yet."""
        self.nodes: list[Node | Unfinished] = [Start()]
        self.origins: list[Origin] = [calling_origin()]
        """Where each node was attached."""
        self.open_blocks: list[Block] = []

    # -- shared by all calls

    def register(self, name: str, handler: Handler) -> None:
        """Register a chunk; raises ContractError if the name belongs to another function."""
        self.names.register(name, handler)

    def error(self, problem: Problem) -> ContractError:
        """Return the error of a call, with the flow and the line of the call."""
        return definition_error(problem.at(self.place))

    def require_none(self, problem: Problem | None) -> None:
        """Raise the error of a call that has a problem."""
        if problem is not None:
            raise self.error(problem)

    def add(self, node: Node | Unfinished) -> int:
        """Add a node; return its index."""
        if self.frozen is not None:
            raise self.error(flows.wiring_after_start_problem())
        self.nodes.append(node)
        self.origins.append(calling_origin())
        return len(self.nodes) - 1

    def read(self, handler: Handler, frame: FrameType | None, index: int) -> HandlerTypes:
        """Return the types of the handler of the node at `index`; what is resolved later replaces them there."""
        return self.attached.read(handler, frame, partial(self.retype, index))

    def retype(self, index: int, types: HandlerTypes) -> None:
        """Replace the types of a step."""
        step = self.nodes[index]
        assert isinstance(step, (Step, Sleep))
        self.nodes[index] = replace(step, types=types)

    def join(self, block: Block, sources: tuple[Port, ...], outside: tuple[Open, ...]) -> Cursor:
        """Close a block with the node that joins its branches; the chain continues there, inside of `outside`."""
        block.closed = True
        self.open_blocks.remove(block)
        label, auto = self.names.take(None, f"end_{block.word}")
        return Cursor(Port(self.add(Join(label, auto, block.node, sources))), outside)

    def require_open(self, block: Block) -> None:
        """Raise ContractError if a block was closed, or the flow is frozen."""
        if self.frozen is not None:
            raise self.error(flows.wiring_after_start_problem())
        if block.closed:
            raise self.error(flows.block_closed_twice_problem(block.word))

    def require_names(self, names: tuple[str, ...]) -> None:
        """Raise ContractError unless `names` is a tuple of names (a str would be taken for its characters)."""
        self.require_none(check_names(names))

    def remember(self, former: dict[str, str], names: tuple[str, ...], today: str) -> None:
        """Record the former names of a branch or case; each may stand for one current name only."""
        for name in names:
            if former.setdefault(name, today) != today:
                raise self.error(flows.former_name_in_use_problem(name, f"branches {former[name]!r} and {today!r}"))

    def require_bound(self, concurrency: int | None) -> None:
        """Raise ContractError unless `concurrency` is a positive number or None."""
        self.require_none(check_option(CONCURRENCY, concurrency))

    def require_callable(self, handler: Handler) -> None:
        """Raise ContractError unless a handler can be called with one argument, and is no generator."""
        if not can_take_one(handler):
            raise self.error(flows.wrong_parameters_problem(name_of(handler)))
        if is_generator_function(handler):
            raise self.error(flows.generator_handler_problem(name_of(handler)))

    def summary(self) -> str:
        """Return how far the definition is: its steps by name, and the blocks that are open."""
        names = [node.name for node in self.nodes if isinstance(node, Step | SubFlow)]
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        open_ = f", open: {', '.join(block.word for block in self.open_blocks)}" if self.open_blocks else ""
        return f"{shown or 'no steps'}{open_}"

    def read_again(self) -> None:
        """Resolve again the annotations that could not be resolved; their names may be bound by now."""
        if self.frozen is None:
            self.attached.retry()

    def problems(self) -> list[Problem]:
        """Return a problem for each open block; the nodes can be frozen if there is none."""
        found = [(flows.unclosed_block_problem(block.word), self.origins[block.node]) for block in self.open_blocks]
        return [problem.at(self.place).located(*origin) for problem, origin in found]

    def draft(self) -> Definition:
        """Return the definition so far; open blocks count as closed."""
        nodes = tuple(node.make() if isinstance(node, Unfinished) and node.make else node for node in self.nodes)
        whole: tuple[Node, ...] = tuple(node for node in nodes if not isinstance(node, Unfinished))
        return Definition(self.flow, whole, order_of(whole), self.names.ambiguous(), tuple(self.origins))

    def freeze(self) -> Definition:
        """Freeze and return the definition; adding nodes raises from now on."""
        if self.frozen is None:
            self.frozen = self.draft()
        return self.frozen
