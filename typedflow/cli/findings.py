"""What `check` finds: problems of flows and contracts, each with the file and line that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType, NoneType
from typing import Final, Literal, TypeAlias

import msgspec

from typedflow.api.blueprint import runtime_of
from typedflow.api.flow import Flow
from typedflow.cli.code import names_used
from typedflow.cli.exits import Mistake
from typedflow.cli.loading import ImportFailure, find_flows, load_module, shown_path, split_target
from typedflow.definition.nodes import End, Step
from typedflow.errors import TypedflowError
from typedflow.execution.flow_runtime import FlowRuntime
from typedflow.rules.flows import result_never_set_problem
from typedflow.rules.problems import Problem
from typedflow.schema.contracts import Contract, check_migrations
from typedflow.schema.render import render

IMPORT: Final = "import"
"""The code of a module that raises while it is imported; all other codes are numbers of the catalogue."""


Level: TypeAlias = Literal["error", "warning"]


class Finding(msgspec.Struct, frozen=True):
    """One problem, as it is printed; the fields of `--json`."""

    code: str
    text: str
    hint: str
    where: str
    """The flow and step, or the contract."""
    file: str
    """Relative to the working directory if it lies below it; empty if it is not known."""
    line: int
    """From 1; 0 if it is not known."""
    level: Level = "error"
    """A warning leaves the exit code 0."""

    @property
    def message(self) -> str:
        """The problem without its code and hint."""
        return f"{self.where}: {self.text}" if self.where else self.text


class Checked(msgspec.Struct):
    """The outcome of `check`: what was checked, and all problems."""

    flows: list[str] = []
    contracts: list[str] = []
    problems: list[Finding] = []

    @property
    def has_errors(self) -> bool:
        """Whether anything is more than a warning."""
        return any(problem.level == "error" for problem in self.problems)


def check_targets(targets: Sequence[str]) -> Checked:
    """Import the modules of all targets and check their flows and contracts; an unknown name is a `Mistake`."""
    checked = Checked()
    found: dict[Finding, None] = {}
    for target in targets:
        try:
            found.update(dict.fromkeys(_check_target(target, checked)))
        except ImportFailure as failure:
            found.update(dict.fromkeys(_of_import(failure)))
    checked.problems = list(found)
    return checked


def _check_target(target: str, checked: Checked) -> Iterator[Finding]:
    module_name, name = split_target(target)
    module = load_module(module_name)
    contracts = [] if name is not None else list(_contracts_of(module))
    for contract in contracts:
        checked.contracts.append(f"{module_name}:{contract.__name__}")
        for problem in check_migrations(contract):
            yield _finding(problem.at(f"contract '{contract.__name__}'"), module.__file__ or "", 0)
    try:
        flows = find_flows(target)
    except ImportFailure:
        raise
    except Mistake:
        if contracts:  # a module of contracts has no flow of its own
            return
        raise
    for each in flows:
        checked.flows.append(each.target)
        yield from _check_flow(each.flow)


def _contracts_of(module: ModuleType) -> Iterator[type[Contract]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Contract) and value.__module__ == module.__name__:
            yield value


def _check_flow(flow: Flow[object]) -> Iterator[Finding]:
    try:
        flow.validate()
    except TypedflowError as error:
        for problem in error.problems:
            yield _finding(problem, "", 0)
    else:
        yield from _check_result(runtime_of(flow))


def _check_result(runtime: FlowRuntime) -> Iterator[Finding]:
    """Yield a warning for a flow whose result nothing sets: no end(), and no handler that names set_result (TF726)."""
    definition, spec = runtime.builder.draft(), runtime.spec
    steps = [node for node in definition.nodes if isinstance(node, Step)]
    names = [names_used(step.handler) for step in steps]
    is_set = any(found is None or "set_result" in found for found in names)
    if is_set or spec.result is NoneType or any(isinstance(node, End) for node in definition.nodes):
        return
    problem = result_never_set_problem(spec.name, render(spec.result)).at(f"flow '{runtime.name}'")
    yield _finding(problem, *definition.origin_of(0), level="warning")


def _of_import(failure: ImportFailure) -> Iterator[Finding]:
    """Yield what a module raises: the problems of a class or of a call that wires a flow, or any other exception."""
    file, line = failure.file, failure.line
    if isinstance(failure.error, TypedflowError):
        for problem in failure.error.problems:
            yield _finding(problem, file, line)
    else:
        yield Finding(IMPORT, failure.reason, "", "", shown_path(file) if file else "", line)


def _finding(problem: Problem, file: str, line: int, level: Level = "error") -> Finding:
    placed = problem.located(file, line)
    shown = shown_path(placed.file) if placed.file else ""
    return Finding(placed.number, placed.text, placed.hint, placed.where, shown, placed.line, level)
