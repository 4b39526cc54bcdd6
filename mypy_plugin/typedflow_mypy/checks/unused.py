"""What a contract declares, and nothing in its module uses: fields, events and resources (`typedflow-unused`).

Another module may use whatever it can import, and mypy does not check a module again when another one begins to import
it. So a module is judged by its own text, and only where it is likely to be all there is: it declares the contract and
the layer, makes a flow of the contract, and wires it to handlers that stand in it too. A class that `__all__` names is
for others, and left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from mypy.nodes import Context, TypeInfo
from mypy.types import Instance, get_proper_type

from typedflow.rules.catalogue import UNUSED
from typedflow.rules.problems import Problem
from typedflow.rules.unused import (
    unheard_event_problem,
    unused_event_problem,
    unused_field_problem,
    unused_resource_problem,
)
from typedflow_mypy.checks.structure import place_of
from typedflow_mypy.codes import CODE_OF
from typedflow_mypy.reading.calls import Call
from typedflow_mypy.reading.sources import Program, parsed
from typedflow_mypy.reading.surface import parts
from typedflow_mypy.reading.uses import STEPS, Uses, exported
from typedflow_mypy.reporting import report

_PARTS: Final = ("state", "flow_state", "resources", "events")


def is_asked_for(call: Call) -> bool:
    """Return True if the option of the plugin, or mypy's own for the code, asks for these reports."""
    return call.settings.report_unused or CODE_OF[UNUSED] in call.api.options.enabled_error_codes


def check_unused(call: Call, contract: Instance) -> None:
    """Report what nothing uses, at its declaration, from a flow that is made of the contract."""
    if contract.type.module_name != call.module:
        return
    layers = {name: info for name in _PARTS for info in _layers(call, contract, name)}
    try:
        source = Path(call.api.path).read_bytes()
    except OSError:
        return
    program = parsed(source)
    if not layers or program is None or not _is_wired(program, call.context):
        return
    shared = exported(program.tree)
    if shared is None or contract.type.name in shared:
        return
    names = ((contract.type.name, ""), *((info.name, name) for name, info in layers.items()))
    uses = _uses(source, names)
    for name, info in layers.items():
        if info.name not in shared and name not in uses.handed_on:
            for target in _declared(program, info):
                problem = _problem(name, target.id, info.name, uses)
                if problem is not None:
                    report(call.api, problem, place_of(target))


@lru_cache(maxsize=4)
def _uses(source: bytes, names: tuple[tuple[str, str], ...]) -> Uses:
    program = parsed(source)
    assert program is not None, "it was parsed before"
    return Uses(program, dict(names))


def _layers(call: Call, contract: Instance, name: str) -> Iterator[TypeInfo]:
    """Return the class of a layer, where it is of the same module."""
    for part in parts(contract, name, call.trace):
        declared = get_proper_type(part.type) if part.type is not None else None
        if isinstance(declared, Instance):
            call.trace.visit(declared.type)
            if declared.type.module_name == call.module:
                yield declared.type


def _is_wired(program: Program, made: Context) -> bool:
    """Return True if a step is added to the flow where it is made, or to the name that it is assigned to."""
    place = (made.line, made.column)
    scope_and_name = program.flows.get(place)
    if scope_and_name is not None:
        return any(_is_step(program, read) for read in program.reads_in(*scope_and_name))
    calls = (node for node in program.parents if isinstance(node, ast.Call))
    return any(_is_step(program, node) for node in calls if (node.lineno, node.col_offset) == place)


def _is_step(program: Program, flow: ast.AST) -> bool:
    member = program.parents[flow]
    return isinstance(member, ast.Attribute) and member.value is flow and member.attr in STEPS


def _declared(program: Program, info: TypeInfo) -> Iterator[ast.Name]:
    """Return the names that a class declares itself."""
    for node in program.parents:
        if isinstance(node, ast.ClassDef) and node.name == info.name and _begins(node) <= info.line <= node.lineno:
            targets = [it.target for it in node.body if isinstance(it, ast.AnnAssign) and not _is_of_class(it)]
            yield from (target for target in targets if isinstance(target, ast.Name))


def _is_of_class(statement: ast.AnnAssign) -> bool:
    return "ClassVar" in ast.unparse(statement.annotation)


def _begins(node: ast.ClassDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _problem(layer: str, name: str, owner: str, uses: Uses) -> Problem | None:
    if name in uses.names:
        return None
    if layer == "resources":
        return unused_resource_problem(name, owner)
    if layer != "events":
        return unused_field_problem(name, owner)
    return (unheard_event_problem if name in uses.emitted else unused_event_problem)(name, owner)
