"""`typedflow schema`: JSON Schema of the parts of a contract, and of the answer to a step that pauses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from typedflow.api.blueprint import runtime_of
from typedflow.api.flow import Flow
from typedflow.cli.exits import Mistake
from typedflow.config.exporting import schemas_of
from typedflow.engine.plan import Kind
from typedflow.execution.answers import demands
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.rules.names import name_hint
from typedflow.rules.wording import quoted
from typedflow.schema.contracts import ContractSpec
from typedflow.schema.render import render

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEMPLATE: Final = "#/$defs/{name}"


def schema_of(flow: Flow[Any], path: str) -> dict[str, Any]:
    """Return the schema of a part: "input", "events.approved", "answer.ask"; of all parts for an empty path."""
    runtime = runtime_of(flow)
    if not path:
        types = _parts(runtime.spec)
        schemas, definitions = schemas_of(types, _TEMPLATE)
        return _document({"properties": schemas}, definitions)
    kind, _, name = path.partition(".")
    if kind == "answer":
        return _answer(runtime, name)
    types = _parts(runtime.spec)
    if path not in types:
        known = [*types, "answer.STEP"]
        raise Mistake(
            f"flow {quoted(runtime.name)} has no part {quoted(path)}", name_hint(path, known, known="its parts")
        )
    return _schema(path, types[path])


def _parts(spec: ContractSpec) -> Mapping[str, Any]:
    """Return the types of a contract that have values: its parts, and the payload of each event."""
    found = {name: getattr(spec, name) for name in spec.declared if name not in ("resources", "events")}
    return found | {f"events.{name}": payload for name, payload in (spec.events or {}).items()}


def _answer(runtime: FlowRuntime, step: str) -> dict[str, Any]:
    plan = runtime.plan()
    steps = {node.name: node for node in plan.nodes if node.kind == Kind.STEP}
    if step not in steps:
        hint = name_hint(step, steps, known="its steps")
        raise Mistake(f"flow {quoted(runtime.name)} has no step {quoted(step)}", hint)
    asked = demands(plan, None, steps[step])
    schemas = [_schema(f"answer.{step}", demand.declared) for demand in asked]
    if len(schemas) == 1:
        return schemas[0]
    definitions = {name: part for schema in schemas for name, part in schema.pop("$defs", {}).items()}
    wholes = [{key: part for key, part in schema.items() if key != "$schema"} for schema in schemas]
    return _document({"allOf": wholes} if wholes else {}, definitions)


def _schema(name: str, tp: Any) -> dict[str, Any]:
    schemas, definitions = schemas_of({name: tp}, _TEMPLATE)
    if name not in schemas:
        raise Mistake(f"{name} is {render(tp)}, which JSON Schema cannot describe")
    return _document(schemas[name], definitions)


def _document(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    return {"$schema": DIALECT, **schema, **({"$defs": dict(definitions)} if definitions else {})}
