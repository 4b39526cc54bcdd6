"""The JSON Schema of an answer, for a form that asks for it."""

from __future__ import annotations

from typing import Any

import msgspec

from typedflow.engine.plan import Kind as NodeKind
from typedflow.engine.plan import PlanNode
from typedflow.engine.tokens import Interrupt
from typedflow.errors import ContractError, InterruptError
from typedflow.execution.answers import demands
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.rules import executions
from typedflow.rules.events import check_event
from typedflow.schema.forms import Formless
from typedflow.schema.json_schemas import describe_kinds
from typedflow.schema.parsing import parse
from typedflow.schema.types import CollectionOf, Kind, UnionOf, see_through
from typedflow.stores.records import PendingInterrupt


def answer_schema(flow: FlowRuntime, interrupt: Interrupt | PendingInterrupt) -> dict[str, Any]:
    """Return the JSON Schema of what answers an interrupt; raises `InterruptError` where the flow has no such step.

    A step that was renamed is found by `formerly`. What no schema can describe is described as anything: `{}`.
    """
    for name in interrupt.within:
        flow = _find(flow, name, (NodeKind.CHILD,)).child
    node = _find(flow, interrupt.step, (NodeKind.STEP,))
    if interrupt.resume_event is not None and interrupt.resume_event not in (flow.spec.events or {}):
        raise ContractError(check_event(interrupt.resume_event, flow.spec.events, contract=flow.spec.name) or [])
    defined: dict[str, Any] = {}
    asked = [_schema(each.declared, defined) for each in demands(flow.plan(), interrupt.resume_event, node)]
    whole = asked[0] if len(asked) == 1 else {"allOf": asked} if asked else {}
    return {**whole, "$defs": defined} if defined else whole


def _find(flow: FlowRuntime, name: str, kinds: tuple[int, ...]) -> PlanNode:
    nodes = [node for node in flow.plan().nodes if node.kind in kinds]
    for node in nodes:
        if node.name == name:
            return node
    for node in nodes:
        if name in node.formerly:
            return node
    raise InterruptError(executions.unknown_step_problem(name).at(f"flow '{flow.name}'"))


def _schema(declared: Any, defined: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type; what it refers to is put into `defined`, which stands at the root."""
    kind = parse(declared)
    try:
        (schema,), definitions = describe_kinds([kind], "#/$defs/{name}")
    except (Formless, TypeError, msgspec.MsgspecError):  # msgspec takes no union of Structs without tags
        return _schema_of_parts(kind, defined)
    defined.update(definitions)
    return schema


def _schema_of_parts(kind: Kind, defined: dict[str, Any]) -> dict[str, Any]:
    match see_through(kind):
        case UnionOf(members=members):
            return {"anyOf": [_schema(each, defined) for each in members]}
        case CollectionOf(item=item):
            return {"type": "array", "items": _schema(item, defined)}
        case _:
            return {}
