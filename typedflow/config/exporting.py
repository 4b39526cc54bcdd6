"""A definition as a document: functions become names, indexes become names of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import isinf
from typing import Any, Final, assert_never

from msgspec import UNSET, UnsetType

from typedflow.config.documents import (
    FORMAT,
    BatchRecord,
    CaseRecord,
    CatchRecord,
    CollectRecord,
    ConfigDocument,
    ContractRecord,
    EachRecord,
    EndRecord,
    JoinRecord,
    MatchRecord,
    MergeRecord,
    NarrowRecord,
    NodeRecord,
    Number,
    RetryRecord,
    SleepRecord,
    Source,
    StepRecord,
    SubFlowRecord,
    TriggerRecord,
    ValueRecord,
    WhenRecord,
)
from typedflow.config.structure import block_stacks
from typedflow.definition.arguments import case_name
from typedflow.definition.cases import takes_values
from typedflow.definition.names import Names, name_of
from typedflow.definition.nodes import (
    Batch,
    Case,
    Catch,
    Collect,
    Definition,
    Each,
    End,
    Handler,
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
    SubFlow,
    When,
    slots_of,
)
from typedflow.errors import ContractError
from typedflow.rules.configs import nameless_problem, shared_name_problem
from typedflow.rules.options import as_float
from typedflow.rules.problems import Problem
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.forms import Formless
from typedflow.schema.json_schemas import describe_kinds
from typedflow.schema.parsing import parse
from typedflow.schema.records import fields_of
from typedflow.schema.render import render
from typedflow.schema.types import Kind, RecordOf

_PLAIN: Final = (type(None), bool, int, float, str)
"""Classes of the values of cases that stand in a document themselves."""


def compose_config(
    definition: Definition, spec: ContractSpec, *, max_depth: int, fingerprint: str, names: Names
) -> ConfigDocument:
    """Return the document of a checked definition; raises `ContractError` with every function that has no name.

    `fingerprint` is that of what the contract saves, `names` are those of the registered chunks.
    """
    export = _Export(definition, names)
    nodes = [export.record(node, index) for index, node in enumerate(definition.nodes) if not isinstance(node, Start)]
    if export.problems:
        raise ContractError(export.problems)
    return ConfigDocument(
        format=FORMAT,
        flow=definition.flow,
        max_depth=max_depth,
        contract=describe_contract(spec, fingerprint),
        nodes=nodes,
    )


def describe_contract(spec: ContractSpec, fingerprint: str) -> ContractRecord:
    """Return the record of a contract; a part that JSON Schema cannot describe has no schema."""
    parts = {name: getattr(spec, name) for name in spec.declared}
    typed = {name: tp for name, tp in parts.items() if name not in ("resources", "events")}
    schemas, definitions = schemas_of(typed, "#/contract/definitions/{name}")
    resources = () if spec.resources is None else fields_of(RecordOf(spec.resources))
    return ContractRecord(
        name=spec.name,
        version=spec.version,
        fingerprint=fingerprint,
        parts={name: render(tp) for name, tp in parts.items()},
        resources={field.name: render(field.kind) for field in resources},
        schemas=schemas,
        definitions=definitions,
    )


def schemas_of(types: Mapping[str, Any], template: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the JSON Schema of each type that has one, and what they refer to; `template` is that of a `$ref`."""
    described: dict[str, Kind] = {}
    for name, tp in types.items():
        kind = parse(tp)
        try:
            describe_kinds([kind], template)
        except (Formless, TypeError, ValueError, RecursionError):
            continue
        described[name] = kind
    schemas, definitions = describe_kinds(list(described.values()), template)
    return dict(zip(described, schemas, strict=True)), definitions


class _Export:
    """Make the records of one definition, and gather what cannot be named."""

    def __init__(self, definition: Definition, names: Names) -> None:
        self.problems: list[Problem] = []
        self._definition = definition
        self._names = names
        self._functions: dict[tuple[str, str], Handler] = {}
        self._stacks = block_stacks(definition.nodes)

    def record(self, node: Node, index: int) -> NodeRecord:
        """Return the record of a node."""
        named: dict[str, Any] = {
            "name": node.name,
            "auto": node.auto,
            "ambiguous": node.name in self._definition.ambiguous,
        }
        match node:
            case Step():
                return self._step(node, index, named)
            case Sleep():
                return self._sleep(node, index, named)
            case Batch():
                branches, former = list(node.branches), dict(node.former_slots)
                behind, bound = self._behind(node), _unless_none(node.concurrency)
                return BatchRecord(branches=branches, concurrency=bound, former_branches=former, **behind, **named)
            case Each():
                bound = _unless_none(node.concurrency)
                return EachRecord(concurrency=bound, collects=node.collects, **self._behind(node), **named)
            case Match():
                return self._match(node, index, named)
            case Join():
                return JoinRecord(closes=self._definition.nodes[node.opens].name, ends=self._ends(node), **named)
            case When():
                triggers = [TriggerRecord(kind=trigger.kind, name=trigger.name) for trigger in node.triggers]
                return WhenRecord(triggers=triggers, mode=node.mode, formerly=list(node.formerly), **named)
            case Collect():
                return self._collect(node, named)
            case SubFlow():
                capture, write_back = _unless_none(node.capture), _unless_none(node.write_back)
                named |= {"capture": capture, "write_back": write_back, "catches": node.catches, "remote": node.remote}
                return SubFlowRecord(flow=node.child.name, **self._behind(node), **named)
            case Narrow():
                return NarrowRecord(**self._behind(node), **named)
            case Catch():
                return CatchRecord(**self._behind(node), **named)
            case Merge():
                return MergeRecord(ends=self._ends(node), **named)
            case End():
                return EndRecord(**self._behind(node), **named)
            case Start():
                raise AssertionError("start is implied")
            case _:
                assert_never(node)

    def _step(self, node: Step, index: int, named: dict[str, Any]) -> StepRecord:
        return StepRecord(
            handler=self._function(node.handler, "handler", f"step '{node.name}'", index),
            retry=UNSET if node.options.retry is None else _retry(node.options.retry),
            timeout=UNSET if node.options.timeout is None else _number(node.options.timeout),
            thread=node.options.thread,
            catches=node.catches,
            **self._behind(node),
            **named,
        )

    def _sleep(self, node: Sleep, index: int, named: dict[str, Any]) -> SleepRecord:
        named |= self._behind(node)
        if isinstance(node.until, timedelta):
            return SleepRecord(duration=node.until, **named)
        return SleepRecord(until=self._function(node.until, "handler", f"step '{node.name}'", index), **named)

    def _match(self, node: Match, index: int, named: dict[str, Any]) -> MatchRecord:
        inside = [
            step.block
            for at, step in enumerate(self._definition.nodes)
            if isinstance(step, Step) and self._stacks[at] and self._stacks[at][-1][0] == index
        ]
        return MatchRecord(
            cases=[self._case(case, node, index) for case in node.cases],
            mode=node.mode,
            has_else=node.has_else,
            word="if" if "if" in inside else "match",
            former_cases=dict(node.former_slots),
            **self._behind(node),
            **named,
        )

    def _collect(self, node: Collect, named: dict[str, Any]) -> CollectRecord:
        return CollectRecord(
            branches=dict(zip(node.branches, map(self._source, node.sources), strict=True)),
            mode=node.mode,
            formerly=list(node.formerly),
            former_branches=dict(node.former_slots),
            **named,
        )

    def _case(self, case: Case, node: Match, index: int) -> CaseRecord:
        if case.is_function:
            place = f"case '{case.name}' of step '{node.name}'"
            return CaseRecord(name=case.name, condition=self._function(case.condition, "condition", place, index))
        if not case.kinds:
            return CaseRecord(name=case.name, **_value(case.condition, case.name))
        if takes_values(case):
            return CaseRecord(
                name=case.name, values=[ValueRecord(**_value(value, case_name(value))) for value in case.condition]
            )
        return CaseRecord(name=case.name, classes=[render(cls) for cls in case.condition])

    def _function(self, function: Handler, kind: str, place: str, index: int) -> str:
        """Return the name by which a document refers to a function: that of its chunk, or its own."""
        registered = self._names.registered(function)
        name = registered or name_of(function)
        found = None
        if name == "lambda" and registered is None:
            found = nameless_problem(kind)
        elif (known := self._functions.setdefault((kind, name), function)) is not function and known != function:
            found = shared_name_problem(name, kind)
        if found is not None:
            where = f"{place} of flow '{self._definition.flow}'"
            self.problems.append(found.at(where).located(*self._definition.origin_of(index)))
        return name

    def _behind(self, node: Step | Sleep | Batch | Each | Match | Narrow | SubFlow | Catch | End) -> dict[str, Any]:
        source = self._source(node.source)
        former = {} if isinstance(node, End | Narrow | Catch) else {"formerly": list(node.formerly)}
        return {"after": source.after, "branch": source.branch, **former}

    def _ends(self, node: Join | Merge) -> list[Source]:
        return [self._source(port) for port in node.sources]

    def _source(self, port: Port) -> Source:
        node = self._definition.nodes[port.node]
        branch: str | UnsetType = UNSET
        if isinstance(node, Batch | Match):
            branch = slots_of(node, self._definition)[port.branch]
        return Source(after=node.name, branch=branch)


def _value(value: Any, name: str) -> dict[str, Any]:
    """Return the field of a value to compare with: itself, or the name of a constant."""
    is_plain = type(value) in _PLAIN and value == value  # nan is no JSON
    return {"value": value} if is_plain else {"constant": name}


def _retry(retry: Retry) -> RetryRecord:
    return RetryRecord(
        attempts=retry.attempts,
        backoff=_number(retry.backoff),
        factor=_number(retry.factor),
        max_backoff=_number(retry.max_backoff),
        on=UNSET if retry.on == (Exception,) else [error.__name__ for error in retry.on],
    )


def _number(given: float) -> Number:
    value = as_float(given)
    return "inf" if isinf(value) else value


def _unless_none(value: Any) -> Any:
    return UNSET if value is None else value
