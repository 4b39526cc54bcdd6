"""The builder: the only mutable part of a definition.

`Process` and its kin (in `typedflow.execution`) are the typed face of it; they hold a `Cursor` and hand it back. What
can be seen at the call (a block that is not open, a name used twice, an unknown chunk) is refused there; what takes the
whole flow to see waits for `typedflow.definition.validation`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import FrameType, FunctionType
from typing import Any, cast, get_args

from typedflow.contract import flows
from typedflow.contract.problems import Problem
from typedflow.definition.nodes import (
    PLAIN,
    Batch,
    Case,
    Child,
    Collect,
    CollectMode,
    Definition,
    Each,
    End,
    Handler,
    Join,
    Match,
    MatchMode,
    Node,
    Port,
    Retry,
    Start,
    Step,
    StepOptions,
    SubFlow,
    Trigger,
    TriggerKind,
    When,
    WhenMode,
)
from typedflow.definition.order import order_of
from typedflow.errors import ContractError
from typedflow.schema.annotations import handler_types


@dataclass(slots=True, eq=False)
class EachBlock:
    """An open for_each."""

    node: int
    closed: bool = False
    word = "for_each"


@dataclass(slots=True, eq=False)
class BatchBlock:
    """An open batch: its branches so far, by name, with the port where each ends."""

    node: int
    source: Cursor
    concurrency: int | None
    ends: dict[str, Port] = field(default_factory=dict)
    closed: bool = False
    word = "batch"


@dataclass(slots=True, eq=False)
class MatchBlock:
    """An open match or if: its cases so far, with the port where each finished arm ends."""

    node: int
    source: Cursor
    mode: MatchMode
    word: str
    cases: list[Case] = field(default_factory=list)
    ends: list[Port] = field(default_factory=list)
    has_else: bool = False
    closed: bool = False

    @property
    def arms(self) -> int:
        """Count the arms opened so far."""
        return len(self.cases) + self.has_else


@dataclass(slots=True, eq=False)
class Arm:
    """One arm of a match that is being wired."""

    block: MatchBlock
    index: int
    finished: bool = False

    @property
    def word(self) -> str:
        """Give what the user called the block."""
        return self.block.word


Block = EachBlock | BatchBlock | MatchBlock
Open = EachBlock | BatchBlock | Arm


@dataclass(frozen=True, slots=True)
class Cursor:
    """Say where a chain stands: the port that gives its value, and the open blocks, outermost first."""

    port: Port
    blocks: tuple[Open, ...] = ()


@dataclass(slots=True, eq=False)
class CollectDraft:
    """A collect that may still get members."""

    name: str
    mode: CollectMode
    blocks: tuple[Open, ...]
    members: dict[str, Port] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Draft:
    """The place of a node that is complete only when its block is closed."""

    make: Callable[[], Node] | None = None


class Builder:
    """Collect the nodes of one flow, until the first execution freezes them."""

    __slots__ = ("_chunks", "_collects", "_nodes", "_numbers", "_open", "_taken", "flow", "frozen")

    def __init__(self, flow: str) -> None:
        if not isinstance(flow, str):
            raise ContractError(flows.wrong_option("the name of a flow", "a text", flow))
        self.flow = flow
        self.frozen: Definition | None = None
        self._nodes: list[Node | _Draft] = [Start()]
        self._taken: set[str] = {"start"}
        self._numbers: dict[str, int] = {}
        self._chunks: dict[str, Handler] = {}
        self._collects: dict[str, tuple[int, CollectDraft]] = {}
        self._open: list[Block] = []

    # -- names and chunks

    def register(self, name: str, handler: Handler) -> None:
        """Register a chunk; a name stands for one function."""
        if not callable(handler):
            raise ContractError(flows.not_a_handler(handler).at(self._place))
        known = self._chunks.setdefault(name, handler)
        if known is not handler:
            raise ContractError(flows.duplicate_name("chunk", name).at(self._place))

    @property
    def _place(self) -> str:
        return f"flow '{self.flow}'"

    def _name(self, wanted: str | None, default: str) -> tuple[str, bool]:
        """Give a free name, and whether it was numbered by us: then it may name another node tomorrow."""
        if wanted is not None:
            if not isinstance(wanted, str):
                raise ContractError(flows.wrong_option("the name of a node", "a text", wanted).at(self._place))
            if not wanted or wanted in self._taken:
                raise ContractError(flows.duplicate_name("node", wanted).at(self._place))
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
        return name, name != default or default == "lambda"

    def _resolve(self, handler: Handler | str) -> Handler:
        if isinstance(handler, str):
            if handler not in self._chunks:
                raise ContractError(flows.unknown_chunk(handler, sorted(self._chunks)).at(self._place))
            return self._chunks[handler]
        if not callable(handler):
            raise ContractError(flows.not_a_handler(handler).at(self._place))
        return handler

    def _add(self, node: Node | _Draft) -> int:
        if self.frozen is not None:
            raise ContractError(flows.wiring_after_start().at(self._place))
        self._nodes.append(node)
        return len(self._nodes) - 1

    # -- steps

    def step(
        self,
        at: Cursor,
        handler: Handler | str,
        frame: FrameType,
        name: str | None = None,
        options: StepOptions = PLAIN,
    ) -> Cursor:
        """Add a step behind `at`; `frame` is where the handler is attached, for annotations of local names."""
        found = self._resolve(handler)
        default = handler if isinstance(handler, str) else name_of(found)
        self._require_callable(found)
        if options is not PLAIN:
            self._require_options(options)
        types = handler_types(found, frame)
        if options.thread and types.is_async:
            raise ContractError(flows.async_in_thread(default).at(self._place))
        label, auto = self._name(name, default)
        block = at.blocks[-1].word if at.blocks else ""
        return Cursor(Port(self._add(Step(label, auto, at.port, found, types, options, block))), at.blocks)

    def sub_flow(
        self,
        at: Cursor,
        child: Child,
        capture: Mapping[str, Any] | None = None,
        write_back: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> Cursor:
        """Add a child flow behind `at`; the mappings are checked with the whole flow."""
        label, auto = self._name(name, child.name)
        node = SubFlow(label, auto, at.port, child, _copied(capture), _copied(write_back))
        return Cursor(Port(self._add(node)), at.blocks)

    def end(self, at: Cursor) -> None:
        """Let the chain set the result."""
        if at.blocks:
            raise ContractError(flows.end_inside_block(at.blocks[-1].word).at(self._place))
        label, auto = self._name(None, "end")
        self._add(End(label, auto, at.port))

    # -- batch

    def open_batch(self, at: Cursor, concurrency: int | None) -> BatchBlock:
        """Open a batch; its branches follow with `branch`."""
        self._require_bound(concurrency)
        label, auto = self._name(None, "batch")
        draft = _Draft()
        block = BatchBlock(self._add(draft), at, concurrency)
        draft.make = lambda: Batch(label, auto, at.port, tuple(block.ends), concurrency)
        self._open.append(block)
        return block

    def branch(
        self,
        block: BatchBlock,
        handler: Handler | str,
        frame: FrameType,
        name: str | None = None,
        options: StepOptions = PLAIN,
    ) -> None:
        """Add a branch of one step; its name in the batch is the explicit one, else the handler's."""
        default = name or (handler if isinstance(handler, str) else name_of(self._resolve(handler)))
        inside = self._branch_of(block, default)
        block.ends[default] = self.step(inside, handler, frame, name, options).port

    def branch_child(self, block: BatchBlock, child: Child, name: str | None = None) -> None:
        """Add a branch that is a child flow, with the default mappings."""
        inside = self._branch_of(block, name or child.name)
        block.ends[name or child.name] = self.sub_flow(inside, child, name=name).port

    def _branch_of(self, block: BatchBlock, name: str) -> Cursor:
        self._require_open(block)
        if name in block.ends:
            raise ContractError(flows.duplicate_branch(name).at(self._place))
        return Cursor(Port(block.node, len(block.ends)), (*block.source.blocks, block))

    def close_batch(self, block: BatchBlock) -> Cursor:
        """Close a batch: the chain goes on with the tuple."""
        self._require_open(block)
        if not block.ends:
            raise ContractError(flows.empty_batch().at(self._place))
        return self._join(block, tuple(block.ends.values()), block.source.blocks)

    # -- for_each

    def open_each(self, at: Cursor, concurrency: int | None) -> Cursor:
        """Open a for_each: the chain goes on inside, with one item."""
        self._require_bound(concurrency)
        label, auto = self._name(None, "for_each")
        block = EachBlock(self._add(Each(label, auto, at.port, concurrency)))
        self._open.append(block)
        return Cursor(Port(block.node), (*at.blocks, block))

    def close_each(self, at: Cursor) -> Cursor:
        """Close the innermost block, a for_each: the chain goes on with the list."""
        block = at.blocks[-1] if at.blocks else None
        if not isinstance(block, EachBlock):
            raise ContractError(
                flows.not_open("end_for_each", "for_each", block.word if block else None).at(self._place)
            )
        self._require_open(block)
        return self._join(block, (at.port,), at.blocks[:-1])

    # -- match and if

    def open_match(self, at: Cursor, mode: MatchMode, word: str = "match") -> MatchBlock:
        """Open a match; `word` is what its user called it: match or if."""
        if mode not in get_args(MatchMode):
            raise ContractError(flows.unknown_mode("match", mode, get_args(MatchMode)).at(self._place))
        label, auto = self._name(None, word)
        draft = _Draft()
        block = MatchBlock(self._add(draft), at, mode, word)
        draft.make = lambda: Match(label, auto, at.port, mode, tuple(block.cases), block.has_else)
        self._open.append(block)
        return block

    def case(self, block: MatchBlock, condition: Any, frame: FrameType | None = None) -> Cursor:
        """Open the next arm; a function is a condition, anything else (a class too) is a value to compare with."""
        self._require_next_arm(block)
        case = case_of(condition, frame)
        if case.is_function:
            self._require_callable(condition)
        elif block.word == "if":
            raise ContractError(flows.not_a_condition(condition).at(self._place))
        block.cases.append(case)
        return self._arm(block)

    def case_else(self, block: MatchBlock) -> Cursor:
        """Open the arm for no hit."""
        self._require_next_arm(block)
        block.has_else = True
        return self._arm(block)

    def finish_arm(self, at: Cursor, call: str) -> MatchBlock:
        """Finish the arm that `at` stands in; `call` is the method that asks, for the message."""
        arm = at.blocks[-1] if at.blocks else None
        if not isinstance(arm, Arm):
            raise ContractError(flows.not_open(call, "match", arm.word if arm else None).at(self._place))
        self._require_open(arm.block)
        if arm.finished:
            raise ContractError(flows.arm_finished_twice(call).at(self._place))
        arm.finished = True
        arm.block.ends.append(at.port)
        return arm.block

    def close_match(self, block: MatchBlock) -> Cursor:
        """Close a match: the chain goes on with the arm's value, or the list of them."""
        self._require_open(block)
        return self._join(block, tuple(block.ends), block.source.blocks)

    def _arm(self, block: MatchBlock) -> Cursor:
        arm = Arm(block, block.arms - 1)
        return Cursor(Port(block.node, arm.index), (*block.source.blocks, arm))

    def _require_next_arm(self, block: MatchBlock) -> None:
        self._require_open(block)
        if block.has_else:
            raise ContractError(flows.case_after_else().at(self._place))
        if block.arms != len(block.ends):
            raise ContractError(flows.arm_not_finished(block.word).at(self._place))

    # -- listeners

    def when(self, triggers: str | Mapping[str, Any], mode: WhenMode) -> Cursor:
        """Add a root that fires on events and written paths."""
        if mode not in get_args(WhenMode):
            raise ContractError(flows.unknown_mode("when", mode, get_args(WhenMode)).at(self._place))
        found, problems = triggers_of(triggers)
        if problems:
            raise ContractError([problem.at(self._place) for problem in problems])
        label, auto = self._name(None, f"when {found[0].name}" if len(found) == 1 else "when")
        return Cursor(Port(self._add(When(label, auto, found, mode))))

    def collect(self, at: Cursor, name: str, branch: str, mode: CollectMode) -> Cursor:
        """Hang a branch on a collect, and stand behind it."""
        if mode not in get_args(CollectMode):
            raise ContractError(flows.unknown_mode("collect", mode, get_args(CollectMode)).at(self._place))
        if name not in self._collects:
            label, auto = self._name(name, name)
            draft, made = _Draft(), CollectDraft(name, mode, at.blocks)
            self._collects[name] = (self._add(draft), made)
            draft.make = lambda: Collect(label, auto, tuple(made.members), tuple(made.members.values()), mode)
        elif self.frozen is not None:
            raise ContractError(flows.wiring_after_start().at(self._place))
        index, collect = self._collects[name]
        if collect.mode != mode:
            raise ContractError(flows.collect_two_modes(name, collect.mode, mode).at(self._place))
        if collect.blocks != at.blocks:
            raise ContractError(flows.collect_two_blocks(name).at(self._place))
        if branch in collect.members:
            raise ContractError(flows.duplicate_branch(branch).at(f"{self._place}, collect '{name}'"))
        collect.members[branch] = at.port
        return Cursor(Port(index), at.blocks)

    # -- closing

    def _join(self, block: Block, sources: tuple[Port, ...], outside: tuple[Open, ...]) -> Cursor:
        block.closed = True
        self._open.remove(block)
        label, auto = self._name(None, f"end_{block.word}")
        return Cursor(Port(self._add(Join(label, auto, block.node, sources))), outside)

    def _require_open(self, block: Block) -> None:
        if self.frozen is not None:
            raise ContractError(flows.wiring_after_start().at(self._place))
        if block.closed:
            raise ContractError(flows.block_closed_twice(block.word).at(self._place))

    def _require_bound(self, concurrency: int | None) -> None:
        if not is_bound(concurrency):
            raise ContractError(flows.concurrency_too_low(concurrency).at(self._place))

    def _require_callable(self, handler: Handler) -> None:
        if not takes_one(handler):
            raise ContractError(flows.wrong_parameters(name_of(handler)).at(self._place))

    def _require_options(self, options: StepOptions) -> None:
        retry, timeout, thread = options.retry, options.timeout, options.thread
        if retry is not None and not isinstance(retry, Retry):
            raise ContractError(flows.wrong_option("retry", "a Retry", retry).at(self._place))
        if timeout is not None and (type(timeout) not in (int, float) or not timeout >= 0):
            raise ContractError(flows.wrong_option("timeout", "a number of seconds from 0", timeout).at(self._place))
        if not isinstance(thread, bool):
            raise ContractError(flows.wrong_option("thread", "True or False", thread).at(self._place))

    def problems(self) -> list[Problem]:
        """Give what keeps the nodes from being frozen: blocks still open."""
        return [flows.unclosed_block(block.word).at(self._place) for block in self._open]

    def draft(self) -> Definition:
        """Give the nodes as they are now; open blocks count as closed."""
        nodes = tuple(node.make() if isinstance(node, _Draft) and node.make else node for node in self._nodes)
        whole: tuple[Node, ...] = tuple(node for node in nodes if not isinstance(node, _Draft))
        return Definition(self.flow, whole, order_of(whole))

    def freeze(self) -> Definition:
        """Freeze the nodes: from here on wiring is an error."""
        if self.frozen is None:
            self.frozen = self.draft()
        return self.frozen


def is_bound(concurrency: object) -> bool:
    """Say whether a concurrency is one: a whole number from 1, or None for no bound."""
    return concurrency is None or (type(concurrency) is int and concurrency >= 1)


def _copied(mapping: Any) -> Any:
    """Copy a mapping, so that its user may go on changing it; what is no mapping is reported by the rules."""
    if not isinstance(mapping, Mapping):
        return mapping
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}


def name_of(handler: Handler) -> str:
    """Give the name that a handler lends to its node."""
    while isinstance(handler, partial):
        handler = handler.func
    name = getattr(handler, "__name__", None) or type(handler).__name__
    return "lambda" if name == "<lambda>" else str(name)


def takes_one(handler: Handler) -> bool:
    """Say whether a function can be called with one positional argument; of what hides its parameters: yes."""
    if type(handler) is FunctionType:  # the most of them, and a signature is slow
        code = handler.__code__
        required = code.co_argcount - len(handler.__defaults__ or ())
        takes = code.co_argcount >= 1 or bool(code.co_flags & inspect.CO_VARARGS)
        return takes and required <= 1 and code.co_kwonlyargcount <= len(handler.__kwdefaults__ or ())
    try:
        signature = inspect.Signature.from_callable(handler, follow_wrapped=False)
    except (ValueError, TypeError):
        return True
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


def case_of(condition: Any, frame: FrameType | None = None) -> Case:
    """Tell a condition from a value: what can be called is a condition, but for classes."""
    if isinstance(condition, type) or not callable(condition):
        return Case(condition, is_function=False)
    target = condition
    while isinstance(target, partial):
        target = target.func
    is_async = inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__)
    return Case(condition, is_function=True, is_async=is_async, types=handler_types(condition, frame))


def triggers_of(given: str | Mapping[str, Any]) -> tuple[tuple[Trigger, ...], list[Problem]]:
    """Read what `when(…)` was given: an event's name, or a mapping of kinds to names or lists of names."""
    if isinstance(given, str):
        return (Trigger("event", given),), []
    if not isinstance(given, Mapping):
        return (), [flows.wrong_triggers(given)]
    problems: list[Problem] = []
    found: list[Trigger] = []
    for kind, names in given.items():
        if kind not in get_args(TriggerKind):
            problems.append(flows.unknown_trigger(str(kind)))
            continue
        listed = [names] if isinstance(names, str) else names
        if not isinstance(listed, Collection) or not all(isinstance(name, str) for name in listed):
            problems.append(flows.wrong_triggers(names))
            continue
        found.extend(Trigger(cast("TriggerKind", kind), name) for name in listed)
    if not found and not problems:
        problems.append(flows.empty_when())
    return tuple(dict.fromkeys(found)), problems
