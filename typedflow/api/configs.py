"""A flow as a document, and back: what `Flow.to_config` and `Flow.from_config` do."""

from __future__ import annotations

from collections.abc import Mapping
from types import FrameType
from typing import Any

from typedflow.api.blueprint import Blueprint, runtime_of
from typedflow.config.documents import Config, read_config, write_config
from typedflow.config.exporting import compose_config
from typedflow.config.importing import Bindings, build_nodes
from typedflow.definition.adopting import adopt
from typedflow.errors import ContractError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.rules.configs import other_contract_config_problem
from typedflow.rules.problems import Problem
from typedflow.schema.contracts import ContractSpec
from typedflow.snapshot.migrations import saved_shape


def export_flow(runtime: FlowRuntime, form: str) -> str:
    """Return the text of a checked flow; raises `ContractError` with every function that has no name."""
    document = compose_config(
        runtime.builder.draft(),
        runtime.spec,
        max_depth=runtime.max_depth,
        fingerprint=saved_shape(runtime.spec).fingerprint,
        names=runtime.builder.names,
    )
    return write_config(document, form)


def import_flow(
    config: Config,
    spec: ContractSpec,
    frame: FrameType,
    *,
    handlers: Mapping[str, Any],
    conditions: Mapping[str, Any],
    flows: Mapping[str, Any],
    errors: Mapping[str, Any],
) -> FlowRuntime:
    """Return a new flow of a document, checked; raises one `ContractError` with all problems, and changes nothing."""
    document = read_config(config)
    problems: list[Problem] = []
    if document.contract.name != spec.name or document.contract.version > spec.version:
        given, version = document.contract.name, document.contract.version
        problem = other_contract_config_problem(given, version, spec.name, spec.version)
        problems.append(problem.at(f"flow '{document.flow}'"))
    runtime = FlowRuntime(document.flow, spec, document.max_depth)
    children = {name: runtime_of(flow) for name, flow in flows.items() if isinstance(flow, Blueprint)}
    built = build_nodes(document, Bindings(handlers, conditions, children, errors), runtime)
    problems += built.problems
    if built.nodes:
        ambiguous = [record.name for record in document.nodes if record.ambiguous]
        runtime.builder.names.adopt([record.name for record in document.nodes], ambiguous, built.functions)
        problems += adopt(runtime.builder, built.nodes, frame)
        try:
            runtime.check()
        except ContractError as error:
            problems += error.problems
    if problems:
        raise ContractError(problems)
    return runtime
