"""A document as the nodes of a definition: names become what is given for them, all problems at once."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, assert_never

from msgspec import UNSET
from msgspec.structs import replace

from typedflow.config.documents import (
    BatchRecord,
    CaseRecord,
    CatchRecord,
    CollectRecord,
    ConfigDocument,
    EachRecord,
    EndRecord,
    JoinRecord,
    MatchRecord,
    MergeRecord,
    NarrowRecord,
    NodeRecord,
    RetryRecord,
    SleepRecord,
    Source,
    StepRecord,
    SubFlowRecord,
    ValueRecord,
    WhenRecord,
)
from typedflow.config.structure import block_stacks, check_structure
from typedflow.definition.arguments import case_of
from typedflow.definition.cases import check_classes, check_values, type_case, value_case
from typedflow.definition.nodes import (
    FAILURE,
    PLAIN,
    Batch,
    Case,
    Catch,
    Child,
    Collect,
    Each,
    End,
    Join,
    Match,
    Merge,
    Narrow,
    Node,
    Port,
    Retry,
    Sleep,
    Start,
    Step,
    StepOptions,
    SubFlow,
    Trigger,
    When,
)
from typedflow.rules.configs import misfit_problem, unbound_problem
from typedflow.rules.problems import Problem
from typedflow.rules.wording import text_of
from typedflow.schema.annotations import UNKNOWN, HandlerTypes

T = TypeVar("T")
UNREAD: Final = HandlerTypes(UNKNOWN, UNKNOWN, UNKNOWN, is_async=False)
"""The types of a handler before the builder has read them."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the names of a document stand for; entries that it does not name are ignored."""

    handlers: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """Functions, classes, and constants that a document cannot hold: members of an enum, objects."""
    flows: Mapping[str, Child] = field(default_factory=dict)
    errors: Mapping[str, type[Exception]] = field(default_factory=dict)
    """Exception classes of `Retry(on=…)` that are not builtins."""


@dataclass(frozen=True, slots=True)
class Built:
    """The nodes of a document, none if they do not fit together, and all problems.

    What is not bound is replaced, so that the rest can be checked.
    """

    nodes: list[Node]
    problems: list[Problem]
    functions: dict[str, dict[str, Callable[..., Any]]]
    """The functions that are bound, by kind ("handler", "condition") and name."""


def build_nodes(document: ConfigDocument, bindings: Bindings, itself: Child) -> Built:
    """Return the nodes of a document, and all problems (TF762, TF763); `itself` is the flow that they are for."""
    reading = _Import(document, bindings, itself)
    nodes = reading.nodes()
    if not reading.is_broken:
        misfits = list(check_structure(nodes))
        reading.problems += [problem.at(f"flow '{document.flow}'") for problem in misfits]
        reading.is_broken = bool(misfits)
    made = [] if reading.is_broken else _with_words(nodes, document)
    return Built(made, reading.problems, reading.functions)


class _Import:
    """Make the nodes of one document, and gather the problems."""

    def __init__(self, document: ConfigDocument, bindings: Bindings, itself: Child) -> None:
        self.problems: list[Problem] = []
        self.is_broken = False
        """The nodes refer to what is not there."""
        self.functions: dict[str, dict[str, Callable[..., Any]]] = {"handler": {}, "condition": {}}
        self._document = document
        self._bindings = bindings
        self._itself = itself
        self._place = f"flow '{document.flow}'"
        self._indexes = {"start": 0}
        self._slots: dict[int, list[str]] = {}
        self._made: list[Node] = [Start()]
        for index, record in enumerate(document.nodes, 1):
            if self._indexes.setdefault(record.name, index) != index:
                self._misfit(f"two nodes are called '{record.name}'")
            self._slots[index] = list(_slots(record))
            if len(set(self._slots[index])) != len(self._slots[index]):
                self._misfit(f"two branches of '{record.name}' have one name")

    def nodes(self) -> list[Node]:
        """Return the nodes, in the order of the document."""
        for record in self._document.nodes:
            self._made.append(self._node(record))
        return self._made

    def _misfit(self, reason: str) -> None:
        self.is_broken = True
        self.problems.append(misfit_problem(reason).at(self._place))

    def _node(self, record: NodeRecord) -> Node:
        name, auto = record.name, record.auto
        match record:
            case StepRecord():
                handler = self._bound(record.handler, "handler", self._bindings.handlers, _absent, name)
                formerly = tuple(record.formerly)
                options, catches = self._options(record), record.catches
                return Step(name, auto, self._port(record), handler, UNREAD, options, "", formerly, catches)
            case SleepRecord():
                return self._sleep(record)
            case BatchRecord():
                former = tuple(record.former_branches.items())
                branches, formerly = tuple(record.branches), tuple(record.formerly)
                return Batch(name, auto, self._port(record), branches, _or_none(record.concurrency), formerly, former)
            case EachRecord():
                bound, formerly = _or_none(record.concurrency), tuple(record.formerly)
                return Each(name, auto, self._port(record), bound, formerly, record.collects)
            case MatchRecord():
                cases = tuple(self._case(case, name) for case in record.cases)
                former = tuple(record.former_cases.items())
                formerly = tuple(record.formerly)
                return Match(name, auto, self._port(record), record.mode, cases, record.has_else, formerly, former)
            case NarrowRecord():
                return self._narrow(record)
            case JoinRecord():
                return Join(name, auto, self._index(record.closes, name), self._ports(record.ends, name))
            case WhenRecord():
                triggers = tuple(Trigger(trigger.kind, trigger.name) for trigger in record.triggers)
                if not triggers:
                    self._misfit(f"'{name}' has no trigger")
                return When(name, auto, triggers, record.mode, tuple(record.formerly))
            case CollectRecord():
                if not record.branches:
                    self._misfit(f"'{name}' has no branch")
                ports = self._ports(record.branches.values(), name)
                former, formerly = tuple(record.former_branches.items()), tuple(record.formerly)
                return Collect(name, auto, tuple(record.branches), ports, record.mode, formerly, former)
            case SubFlowRecord():
                return self._child(record)
            case CatchRecord():
                return Catch(name, auto, replace(self._port(record), branch=FAILURE))
            case MergeRecord():
                return Merge(name, auto, self._ports(record.ends, name))
            case EndRecord():
                return End(name, auto, self._port(record))
            case _:
                assert_never(record)

    def _child(self, record: SubFlowRecord) -> SubFlow:
        known = {self._document.flow: self._itself, **self._bindings.flows}
        child = self._bound(record.flow, "flow", known, self._itself, record.name)
        capture, write_back = _or_none(record.capture), _or_none(record.write_back)
        port, formerly = self._port(record), tuple(record.formerly)
        return SubFlow(
            record.name, record.auto, port, child, capture, write_back, formerly, record.catches, record.remote
        )

    def _sleep(self, record: SleepRecord) -> Sleep:
        until: Any = record.duration
        if (until is UNSET) == (record.until is UNSET):
            self._misfit(f"'{record.name}' has neither a duration nor a function, or both")
        if record.until is not UNSET:
            until = self._bound(record.until, "handler", self._bindings.handlers, _absent, record.name)
        return Sleep(record.name, record.auto, self._port(record), until, None, tuple(record.formerly))

    def _narrow(self, record: NarrowRecord) -> Narrow:
        port = self._port(record)
        match = self._made[port.node] if port.node < len(self._made) else None
        case = match.cases[port.branch] if isinstance(match, Match) and port.branch < len(match.cases) else None
        if case is None or not case.kinds:
            self._misfit(f"'{record.name}' is not the start of a case by class")
        return Narrow(record.name, record.auto, port, () if case is None else case.kinds)

    def _case(self, record: CaseRecord, node: str) -> Case:
        if record.condition is not UNSET:
            condition = self._bound(record.condition, "condition", self._bindings.conditions, _absent, node)
            return case_of(condition, record.name)
        if record.constant is not UNSET:
            constant = self._bound(record.constant, "constant", self._bindings.conditions, None, node)
            return Case(constant, is_function=False, name=record.name)
        if record.classes is not UNSET or record.values is not UNSET:
            return self._known_case(record, node)
        if record.value is UNSET:
            self._misfit(f"case '{record.name}' of '{node}' has neither a condition nor a value")
        return Case(record.value, is_function=False, name=record.name)

    def _known_case(self, record: CaseRecord, node: str) -> Case:
        """Return a case by class or by value."""
        if record.classes is not UNSET:
            known = {**_BUILTIN_CLASSES, **self._bindings.conditions}
            given = tuple(self._bound(name, "class", known, int, node) for name in record.classes)
            problem, make = check_classes(given), type_case
        else:
            values = () if record.values is UNSET else record.values
            given = tuple(self._value(value, node) for value in values)
            problem, make = check_values(given), value_case
        if problem is None:
            return make(given, record.name)
        self.problems.append(problem.at(f"step '{node}' of {self._place}"))
        return value_case((None,), record.name)

    def _value(self, record: ValueRecord, node: str) -> Any:
        if record.constant is not UNSET:
            return self._bound(record.constant, "constant", self._bindings.conditions, None, node)
        if record.value is UNSET:
            self._misfit(f"a case of '{node}' has a value that is neither plain nor a constant")
        return record.value

    def _options(self, record: StepRecord) -> StepOptions:
        if record.retry is UNSET and record.timeout is UNSET and not record.thread:
            return PLAIN
        retry = None if record.retry is UNSET else self._retry(record.retry, record.name)
        timeout = None if record.timeout is UNSET else float(record.timeout)
        return StepOptions(retry, timeout, record.thread)

    def _retry(self, record: RetryRecord, node: str) -> Retry | None:
        known = {**_BUILTIN_ERRORS, **self._bindings.errors}
        names = ["Exception"] if record.on is UNSET else record.on
        on = tuple(self._bound(name, "error", known, Exception, node) for name in names)
        try:
            backoff, factor, longest = map(float, (record.backoff, record.factor, record.max_backoff))
            return Retry(record.attempts, backoff, on, factor, longest)
        except (TypeError, ValueError) as error:
            self._misfit(f"the retry of '{node}': {text_of(error)}")
            return None

    def _bound(self, name: str, kind: str, given: Mapping[str, T], absent: Any, node: str) -> T:
        if name in given:
            if kind in self.functions:
                self.functions[kind][name] = given[name]  # type: ignore[assignment]  # checked by the builder
            return given[name]
        builtin = {"error": _BUILTIN_ERRORS, "class": _BUILTIN_CLASSES}.get(kind, {})
        known = [each for each in given if each not in builtin]
        self.problems.append(unbound_problem(name, kind, known).at(f"step '{node}' of {self._place}"))
        return absent  # type: ignore[no-any-return]  # stands for one of its kind

    def _index(self, name: str, node: str) -> int:
        if name not in self._indexes:
            self._misfit(f"'{node}' refers to '{name}', which is no node")
        return self._indexes.get(name, 0)

    def _port(self, record: Any) -> Port:
        return self._port_of(record.source, record.name)

    def _ports(self, sources: Any, node: str) -> tuple[Port, ...]:
        return tuple(self._port_of(source, node) for source in sources)

    def _port_of(self, source: Source, node: str) -> Port:
        index = self._index(source.after, node)
        slots = self._slots.get(index, [])
        if source.branch is UNSET:
            if slots:
                self._misfit(f"'{node}' is behind '{source.after}', and in none of its branches")
            return Port(index)
        if source.branch not in slots:
            self._misfit(f"'{node}' is in branch '{source.branch}' of '{source.after}', which has none of that name")
            return Port(index)
        return Port(index, slots.index(source.branch))


def _slots(record: NodeRecord) -> Iterator[str]:
    """Yield the branches by which a node can be left."""
    if isinstance(record, BatchRecord):
        yield from record.branches
    elif isinstance(record, MatchRecord):
        yield from (case.name for case in record.cases)
        if record.has_else:
            yield "else"


def _with_words(nodes: list[Node], document: ConfigDocument) -> list[Node]:
    """Return the nodes with the user's word for the innermost block of each step."""
    words = {index: "batch" for index, node in enumerate(nodes) if isinstance(node, Batch)}
    words |= {index: "for_each" for index, node in enumerate(nodes) if isinstance(node, Each)}
    for index, record in enumerate(document.nodes, 1):
        if isinstance(record, MatchRecord):
            words[index] = record.word
    made: list[Node] = []
    for node, stack in zip(nodes, block_stacks(nodes), strict=True):
        made.append(_in_block(node, words[stack[-1][0]]) if isinstance(node, Step) and stack else node)
    return made


def _in_block(step: Step, word: str) -> Step:
    return replace(step, block=word)


def _absent(*_):  # type: ignore[no-untyped-def]  # without annotations: its edges are not checked
    """Replace a handler that is not given; never called."""
    raise AssertionError("a flow with an unbound handler is not made")


_BUILTIN_ERRORS: Final = {
    name: value for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
}


_BUILTIN_CLASSES: Final = {
    name: value for name, value in vars(builtins).items() if isinstance(value, type) and name not in _BUILTIN_ERRORS
} | {"None": type(None)}


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value
