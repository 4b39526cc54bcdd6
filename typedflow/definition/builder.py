"""The builder: the calls that add nodes to a flow.

`Process` and the block classes (in `typedflow.api`) are its typed facade; each keeps a `Cursor` and passes it to the
builder. Problems of a single call (a block that is not open, a duplicate name, an unknown chunk) are raised by that
call; problems of the whole flow are found by `typedflow.definition.validation`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import FrameType
from typing import Any

from msgspec.structs import replace

from typedflow.definition.arguments import (
    case_name,
    case_of,
    check_options,
    copied,
    event_of,
    is_class,
    triggers_of,
)
from typedflow.definition.blocks import (
    BatchBlock,
    CollectDraft,
    Cursor,
    EachBlock,
    MatchBlock,
    MatchBranch,
)
from typedflow.definition.cases import check_classes, check_values, type_case, value_case
from typedflow.definition.names import name_of
from typedflow.definition.nodes import (
    ELSE,
    FAILURE,
    PLAIN,
    Batch,
    Case,
    Catch,
    Child,
    Collect,
    Each,
    End,
    Handler,
    Match,
    Merge,
    Narrow,
    Port,
    Sleep,
    Step,
    StepOptions,
    SubFlow,
    When,
)
from typedflow.definition.origins import calling_origin, definition_error
from typedflow.definition.wiring import Unfinished, Wiring
from typedflow.rules import flows
from typedflow.rules.cases import class_as_value_problem
from typedflow.rules.options import (
    BRANCH_NAME,
    CASE_NAME,
    COLLECT_NAME,
    NODE_NAME,
    ON_ITEM_ERROR,
    REMOTE,
    CollectMode,
    MatchMode,
    WhenMode,
    check_mode,
    check_option,
)
from typedflow.rules.problems import Problem
from typedflow.schema.annotations import HandlerTypes
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.render import render


class Builder(Wiring):
    """Add the nodes of one flow."""

    __slots__ = ("_collects",)

    def __init__(self, flow: str) -> None:
        super().__init__(flow)
        self._collects: dict[str, tuple[int, CollectDraft]] = {}

    # -- steps

    def step(
        self,
        at: Cursor,
        handler: Handler | str,
        frame: FrameType,
        name: str | None = None,
        options: StepOptions = PLAIN,
        formerly: tuple[str, ...] = (),
        on_error: Handler | None = None,
    ) -> Cursor:
        """Add a step after `at`; `frame` is the caller's, to resolve annotations with local names.

        With `on_error` the chain continues behind the step and this handler, which gets a `Failed`.
        """
        found = self.names.handler_of(handler)
        default = handler if isinstance(handler, str) else name_of(found)
        self.require_callable(found)
        if on_error is not None:
            self.require_callable(self.names.handler_of(on_error))
        if options is not PLAIN:
            self.require_none(check_options(options))
        index = len(self.nodes)
        types = self.read(found, frame, index)
        if options.thread and types.is_async:
            raise self.error(flows.async_in_thread_problem(default))
        self.require_names(formerly)
        label, auto = self.names.take(name, default)
        block = at.blocks[-1].word if at.blocks else ""
        catches = on_error is not None
        step = Step(label, auto, at.port, found, types, options, block, formerly, catches)
        return self._caught(Cursor(Port(self.add(step)), at.blocks), label, on_error, frame)

    def _caught(self, at: Cursor, name: str, on_error: Handler | None, frame: FrameType | None) -> Cursor:
        """Add the handler for the errors of the node at `at`, which is called `name`; returns where both continue."""
        if on_error is None:
            return at
        assert frame is not None
        label, auto = self.names.take(None, f"{name} failed")
        failed = Cursor(Port(self.add(Catch(label, auto, Port(at.port.node, FAILURE)))), at.blocks)
        handled = self.step(failed, on_error, frame)
        label, auto = self.names.take(None, f"{name} done")
        return Cursor(Port(self.add(Merge(label, auto, (at.port, handled.port)))), at.blocks)

    def sleep(
        self,
        at: Cursor,
        until: timedelta | Callable[[Any], datetime],
        frame: FrameType,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Cursor:
        """Add a wait after `at`; the chain continues with the same value."""
        types = None
        if not isinstance(until, timedelta):
            if not callable(until):
                raise self.error(flows.wrong_sleep_problem(until))
            self.require_callable(until)
            types = self.read(until, frame, len(self.nodes))
        self.require_names(formerly)
        label, auto = self.names.take(name, "sleep")
        return Cursor(Port(self.add(Sleep(label, auto, at.port, until, types, formerly))), at.blocks)

    def sub_flow(
        self,
        at: Cursor,
        child: Child,
        capture: Mapping[str, Any] | None = None,
        write_back: Mapping[str, Any] | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        on_error: Handler | None = None,
        frame: FrameType | None = None,
        *,
        remote: bool = False,
    ) -> Cursor:
        """Add a child flow after `at`; the mappings are checked with the whole flow. `on_error` is as of a step."""
        self.require_names(formerly)
        self.require_none(check_option(REMOTE, remote))
        if on_error is not None:
            self.require_callable(self.names.handler_of(on_error))
        label, auto = self.names.take(name, child.name)
        catches = on_error is not None
        node = SubFlow(label, auto, at.port, child, copied(capture), copied(write_back), formerly, catches, remote)
        return self._caught(Cursor(Port(self.add(node)), at.blocks), label, on_error, frame)

    def end(self, at: Cursor) -> None:
        """Add an end node after `at`: the chain's value becomes the result."""
        if at.blocks:
            raise self.error(flows.end_inside_block_problem(at.blocks[-1].word))
        label, auto = self.names.take(None, "end")
        self.add(End(label, auto, at.port))

    # -- batch

    def open_batch(
        self, at: Cursor, concurrency: int | None, name: str | None = None, formerly: tuple[str, ...] = ()
    ) -> BatchBlock:
        """Open a batch; `branch` adds its branches."""
        self.require_bound(concurrency)
        self.require_names(formerly)
        label, auto = self.names.take(name, "batch")
        draft = Unfinished()
        block = BatchBlock(self.add(draft), at, concurrency)
        draft.make = lambda: Batch(
            label, auto, at.port, tuple(block.ends), concurrency, formerly, tuple(block.former.items())
        )
        self.open_blocks.append(block)
        return block

    def branch(
        self,
        block: BatchBlock,
        handler: Handler | str,
        frame: FrameType,
        name: str | None = None,
        options: StepOptions = PLAIN,
        formerly: tuple[str, ...] = (),
        on_error: Handler | None = None,
    ) -> None:
        """Add a branch of one step; its name in the batch is the explicit one, else the handler's.

        The former names are those of the branch and of its step.
        """
        self.names.require(NODE_NAME, name)
        default = name or (handler if isinstance(handler, str) else name_of(self.names.handler_of(handler)))
        inside = self._branch_of(block, default)
        block.ends[default] = self.step(inside, handler, frame, name, options, formerly, on_error).port
        self.remember(block.former, formerly, default)

    def branch_child(
        self,
        block: BatchBlock,
        child: Child,
        name: str | None = None,
        options: StepOptions = PLAIN,
        formerly: tuple[str, ...] = (),
        on_error: Handler | None = None,
        frame: FrameType | None = None,
    ) -> None:
        """Add a branch that is a child flow, with the default mappings; it takes no options of a step."""
        if options is not PLAIN:
            raise self.error(flows.options_of_child_problem(child.name))
        self.names.require(NODE_NAME, name)
        inside = self._branch_of(block, name or child.name)
        ended = self.sub_flow(inside, child, name=name, formerly=formerly, on_error=on_error, frame=frame)
        block.ends[name or child.name] = ended.port
        self.remember(block.former, formerly, name or child.name)

    def _branch_of(self, block: BatchBlock, name: str) -> Cursor:
        self.require_open(block)
        if name in block.ends:
            raise self.error(flows.duplicate_branch_problem(name))
        return Cursor(Port(block.node, len(block.ends)), (*block.source.blocks, block))

    def close_batch(self, block: BatchBlock) -> Cursor:
        """Close a batch; the chain continues with the tuple of results."""
        self.require_open(block)
        if not block.ends:
            raise self.error(flows.empty_batch_problem())
        return self.join(block, tuple(block.ends.values()), block.source.blocks)

    # -- for_each

    def open_each(
        self,
        at: Cursor,
        concurrency: int | None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
        on_error: str = "fail",
    ) -> Cursor:
        """Open a for_each; the chain continues inside, with one item."""
        self.require_bound(concurrency)
        self.require_none(check_option(ON_ITEM_ERROR, on_error))
        self.require_names(formerly)
        label, auto = self.names.take(name, "for_each")
        block = EachBlock(self.add(Each(label, auto, at.port, concurrency, formerly, on_error == "collect")))
        self.open_blocks.append(block)
        return Cursor(Port(block.node), (*at.blocks, block))

    def close_each(self, at: Cursor) -> Cursor:
        """Close the innermost block, which must be a for_each; the chain continues with the list of results."""
        block = at.blocks[-1] if at.blocks else None
        if not isinstance(block, EachBlock):
            raise self.error(flows.not_open_problem("end_for_each", "for_each", block.word if block else None))
        self.require_open(block)
        return self.join(block, (at.port,), at.blocks[:-1])

    # -- match and if

    def open_match(
        self,
        at: Cursor,
        mode: MatchMode,
        word: str = "match",
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> MatchBlock:
        """Open a match; `word` is the user's word for it: match or if."""
        self.require_none(check_mode("match", mode))
        self.require_names(formerly)
        label, auto = self.names.take(name, word)
        draft = Unfinished()
        block = MatchBlock(self.add(draft), at, mode, word)
        draft.make = lambda: Match(
            label, auto, at.port, mode, tuple(block.cases), block.has_else, formerly, tuple(block.former.items())
        )
        self.open_blocks.append(block)
        return block

    def case(
        self,
        block: MatchBlock,
        condition: Any,
        frame: FrameType | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Cursor:
        """Open the next branch; a function is a condition, anything else but a class is a value to compare with."""
        self._require_next_branch(block)
        self.require_names(formerly)
        if block.word == "match" and is_class(condition):
            raise self.error(class_as_value_problem(render(condition)))
        case = case_of(condition, self._case_name(block, condition, name))
        self.remember(block.former, formerly, case.name)
        if case.is_function:
            self.require_callable(condition)
        elif block.word == "if":
            raise self.error(flows.not_a_condition_problem(condition))
        if case.is_function:
            types = self.attached.read(condition, frame, partial(_retype_case, block, len(block.cases)))
            case = replace(case, types=types)
        block.cases.append(replace(case, origin=calling_origin()))
        return self._open_branch(block)

    def case_type(
        self, block: MatchBlock, classes: tuple[Any, ...], name: str | None = None, formerly: tuple[str, ...] = ()
    ) -> Cursor:
        """Open the next branch, for values of some classes; inside, the value has their type."""
        self._require_next_branch(block)
        self.require_none(check_classes(classes))
        case = self._known_case(block, type_case(classes, " | ".join(map(render, classes))), name, formerly)
        at = self._open_branch(block)
        label, auto = self.names.take(None, f"case {case.name}")
        return Cursor(Port(self.add(Narrow(label, auto, at.port, case.kinds))), at.blocks)

    def case_value(
        self, block: MatchBlock, values: tuple[Any, ...], name: str | None = None, formerly: tuple[str, ...] = ()
    ) -> Cursor:
        """Open the next branch, for some values."""
        self._require_next_branch(block)
        self.require_none(check_values(values))
        self._known_case(block, value_case(values, " | ".join(map(case_name, values))), name, formerly)
        return self._open_branch(block)

    def _known_case(self, block: MatchBlock, case: Case, name: str | None, formerly: tuple[str, ...]) -> Case:
        """Add a case by class or value under its name."""
        self.require_names(formerly)
        case = replace(case, name=self._free_name(block, case.name, name))
        self.remember(block.former, formerly, case.name)
        block.cases.append(case)
        return case

    def _case_name(self, block: MatchBlock, condition: Any, name: str | None) -> str:
        """Return the explicit name, or a default from the condition; see `_free_name`."""
        return self._free_name(block, case_name(condition), name)

    def _free_name(self, block: MatchBlock, default: str, name: str | None) -> str:
        """Return the explicit name of a case, which must be free, or the default, numbered if it is taken."""
        taken = {case.name for case in block.cases} | {ELSE}
        if name is not None:
            self.names.require(CASE_NAME, name)
            if name in taken:
                raise self.error(flows.duplicate_name_problem("case", name))
            return name
        self.names.require(CASE_NAME, default)
        found = default
        number = 1
        while found in taken:
            number += 1
            found = f"{default}#{number}"
        return found

    def case_else(self, block: MatchBlock) -> Cursor:
        """Open the branch that is taken if no case matches."""
        self._require_next_branch(block)
        block.has_else = True
        return self._open_branch(block)

    def finish_branch(self, at: Cursor, call: str) -> MatchBlock:
        """Finish the branch that ends at `at`; `call` is the calling method, for the message."""
        branch = at.blocks[-1] if at.blocks else None
        if not isinstance(branch, MatchBranch):
            raise self.error(flows.not_open_problem(call, "match", branch.word if branch else None))
        self.require_open(branch.block)
        if branch.finished:
            raise self.error(flows.branch_finished_twice_problem(call))
        branch.finished = True
        branch.block.ends.append(at.port)
        return branch.block

    def close_match(self, block: MatchBlock) -> Cursor:
        """Close a match; the chain continues with the value of the branch taken, or with the list of values."""
        self.require_open(block)
        return self.join(block, tuple(block.ends), block.source.blocks)

    def _open_branch(self, block: MatchBlock) -> Cursor:
        branch = MatchBranch(block, block.branch_count - 1)
        return Cursor(Port(block.node, branch.index), (*block.source.blocks, branch))

    def _require_next_branch(self, block: MatchBlock) -> None:
        self.require_open(block)
        if block.has_else:
            raise self.error(flows.case_after_else_problem())
        if block.branch_count != len(block.ends):
            raise self.error(flows.branch_not_finished_problem(block.word))

    # -- listeners

    def when(
        self,
        triggers: str | Collection[str] | Mapping[str, Any],
        mode: WhenMode | None = None,
        name: str | None = None,
        formerly: tuple[str, ...] = (),
    ) -> Cursor:
        """Add a root that fires on events and written paths; without a mode the form of the triggers decides."""
        if mode is not None:
            self.require_none(check_mode("when", mode))
        found, by_form, problems = triggers_of(triggers)
        if problems:
            raise definition_error(*(problem.at(self.place) for problem in problems))
        self.require_names(formerly)
        label, auto = self.names.take(name, f"when {found[0].name}" if len(found) == 1 else "when")
        return Cursor(Port(self.add(When(label, auto, found, mode or by_form, formerly))))

    def when_event(
        self, event: Any, spec: ContractSpec, name: str | None = None, formerly: tuple[str, ...] = ()
    ) -> Cursor:
        """Add a root that fires on one event, an attribute of the Events class of the contract."""
        found = event_of(event, spec)
        if isinstance(found, Problem):
            raise self.error(found)
        return self.when(found, "simple_or", name, formerly)

    def collect(
        self,
        at: Cursor,
        name: str,
        branch: str,
        mode: CollectMode,
        formerly: tuple[str, ...] = (),
        branch_formerly: tuple[str, ...] = (),
    ) -> Cursor:
        """Add a branch to a collect; the chain continues after it. `formerly` is added to that of earlier calls."""
        self.names.require(COLLECT_NAME, name)
        self.names.require(BRANCH_NAME, branch)
        self.require_none(check_mode("collect", mode))
        self.require_names(formerly)
        self.require_names(branch_formerly)
        if name not in self._collects:
            label, auto = self.names.take(name, name)
            draft, made = Unfinished(), CollectDraft(name, mode, at.blocks)
            self._collects[name] = (self.add(draft), made)
            draft.make = lambda: Collect(
                label,
                auto,
                tuple(made.members),
                tuple(made.members.values()),
                mode,
                tuple(made.formerly),
                tuple(made.former.items()),
            )
        elif self.frozen is not None:
            raise self.error(flows.wiring_after_start_problem())
        index, collect = self._collects[name]
        if collect.mode != mode:
            raise self.error(flows.collect_two_modes_problem(name, collect.mode, mode))
        if collect.blocks != at.blocks:
            raise self.error(flows.collect_two_blocks_problem(name))
        if branch in collect.members:
            raise definition_error(flows.duplicate_branch_problem(branch).at(f"{self.place}, collect '{name}'"))
        collect.members[branch] = at.port
        collect.formerly.extend(name for name in formerly if name not in collect.formerly)
        self.remember(collect.former, branch_formerly, branch)
        return Cursor(Port(index), at.blocks)


def _retype_case(block: MatchBlock, index: int, types: HandlerTypes) -> None:
    """Replace the types of a condition, as `Wiring.retype` does for a step."""
    block.cases[index] = replace(block.cases[index], types=types)
