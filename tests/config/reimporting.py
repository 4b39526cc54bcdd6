"""A flow exported and imported again, with everything bound that its definition names."""

from __future__ import annotations

from typing import Any

from typedflow import Flow
from typedflow.api.blueprint import runtime_of
from typedflow.config.documents import CaseRecord, MatchRecord, SleepRecord, StepRecord, read_config
from typedflow.definition.nodes import Case, Match, Sleep, Step, SubFlow


def bindings_of(flow: Flow[Any]) -> dict[str, dict[str, Any]]:
    """Return what the names in a flow's document stand for, children imported again too."""
    runtime = runtime_of(flow)
    nodes = {node.name: node for node in runtime.builder.draft().nodes}
    found: dict[str, dict[str, Any]] = {"handlers": {}, "conditions": {}, "flows": {}, "errors": {}}
    for record in read_config(flow.to_config()).nodes:
        node = nodes[record.name]
        if isinstance(node, Sleep) and isinstance(record, SleepRecord) and record.until:
            found["handlers"][record.until] = node.until
        if isinstance(node, Step) and isinstance(record, StepRecord):
            found["handlers"][record.handler] = node.handler
            retry = node.options.retry
            found["errors"].update({error.__name__: error for error in (retry.on if retry else ())})
        elif isinstance(node, SubFlow) and node.child is not runtime:
            child: Any = Flow(node.child.spec.cls)
            child._runtime = node.child
            found["flows"][node.child.name] = reimported(child)
        elif isinstance(node, Match) and isinstance(record, MatchRecord):
            for case, made in zip(record.cases, node.cases, strict=True):
                found["conditions"].update(_named(case, made))
    return found


def _named(record: CaseRecord, case: Case) -> dict[Any, Any]:
    """Return what a case names."""
    if record.classes:
        return dict(zip(record.classes, case.condition, strict=True))
    if record.values:
        return {value.constant: given for value, given in zip(record.values, case.condition, strict=True)}
    return {record.condition or record.constant: case.condition}


def reimported(flow: Flow[Any], form: Any = "json") -> Flow[Any]:
    """Return the flow that its document makes, with the same resource defaults."""
    made: Flow[Any] = Flow.from_config(flow.to_config(form), contract=runtime_of(flow).spec.cls, **bindings_of(flow))
    made.update_runtime_resources(dict(runtime_of(flow).resources.values))
    return made
