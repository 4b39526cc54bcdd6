"""Whether the `end()` of a chain, or a handler's `data.set_result`, is found that sets the result of a flow.

The program is read as Python's own `ast`, from its file, since a plugin cannot walk mypy's trees. Whatever is not
certain may set the result: a flow that is handed on, wired in a loop by names that change, or whose handlers stand in
another module.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from mypy.nodes import AssignmentStmt, FuncDef
from mypy.types import AnyType, CallableType, FunctionLike, Instance, NoneType, get_proper_type

from typedflow.rules.flows import result_never_set_problem
from typedflow.rules.problems import Problem
from typedflow.rules.resources import missing_resource_problem
from typedflow_mypy.checks import contracts
from typedflow_mypy.checks.structure import Wiring, may_be_wrong, may_start
from typedflow_mypy.checks.unused import check_unused, is_asked_for
from typedflow_mypy.codes import code_of
from typedflow_mypy.reading.calls import Call
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import flat
from typedflow_mypy.reading.sources import FUNCTIONS, Function, Program, Scope, parsed
from typedflow_mypy.reading.surface import member_of, parts, shape_of
from typedflow_mypy.reading.uses import STEPS, TAKES_HANDLERS
from typedflow_mypy.reporting import report

_CATCHES: Final = frozenset({"to", "to_sub_flow", "branch", "side_branch"})
"""Methods with a handler for errors."""
_GOES_ON: Final = STEPS - {"end"}
"""Methods that go on with a chain, and leave the result alone."""
_OTHERS: Final = frozenset(
    {"start", "async_start", "create_execution", "async_open", "open", "validate", "chunk", "name", "contract"}
    | {"async_fork", "observe", "answer_schema", "to_mermaid", "to_dot", "to_config"}
    | {f"{verb}_runtime_resource" for verb in ("get", "set", "del")}
    | {"update_runtime_resources", "flow_state", "update_flow_state", "async_update_flow_state"}
)
"""Members of a flow that add nothing to it."""


def check_flow(call: Call) -> FunctionLike:
    """Check what a flow is made of, and whether an `end()` or a `set_result()` is found that sets its result."""
    signature = contracts.check_flow(call)
    given = call.argument("contract")
    if given is None or not call.is_sound:
        return signature
    proper = get_proper_type(call.type_of(given))
    made = get_proper_type(proper.ret_type) if isinstance(proper, CallableType) and proper.is_type_obj() else None
    if isinstance(made, Instance) and is_asked_for(call):
        check_unused(call, made)
    if not _is_assigned(call):
        return signature
    try:
        source = Path(call.api.path).read_bytes()
    except OSError:  # what mypy checks is not in a file
        return signature
    if isinstance(made, Instance):
        _check_wiring(call, made, source)
    result = member_of(made, "result", call.trace) if isinstance(made, Instance) else None
    if (
        made is None
        or result is None
        or any(isinstance(get_proper_type(it), (AnyType, NoneType)) for it in flat(result))
    ):
        return signature
    if not may_set_result(source, call.context.line, call.context.column):
        problem = result_never_set_problem(render(made), render(result))
        call.api.note(problem.render(), call.context, code=code_of(problem.number))
    return signature


def _check_wiring(call: Call, contract: Instance, source: bytes) -> None:
    """Check what takes the wiring of the whole flow to see; the text alone tells where there is nothing to check."""
    is_wrong, is_started = may_be_wrong(source), may_start(source)
    program = parsed(source) if is_wrong or is_started else None
    found = program.flows.get((call.context.line, call.context.column)) if program is not None else None
    if program is None or found is None:
        return
    wiring = Wiring(program, *found)
    for problem, where in (*wiring.check(), *wiring.missing_at_start(_required(call, contract) if is_started else {})):
        report(call.api, problem, where)


def _required(call: Call, contract: Instance) -> dict[str, Callable[[], Problem]]:
    """Return the resources that a contract requires, each with the problem of one that is missing."""
    required: dict[str, Callable[[], Problem]] = {}
    for part in parts(contract, "resources", call.trace):
        shape = shape_of(part, call.trace)
        for name, field in (shape.fields() or {}).items() if shape is not None else ():
            if field.required:
                child = shape.child(name) if shape is not None else None
                required[name] = partial(missing_resource_problem, name, child.render() if child is not None else "")
    return required


def _is_assigned(call: Call) -> bool:
    """Return True if the flow is assigned in the body of a module or function, outside of all blocks."""
    function = call.api.scope.current_function()
    body = function.body.body if isinstance(function, FuncDef) else call.api.tree.defs
    return any(isinstance(statement, AssignmentStmt) and statement.rvalue is call.context for statement in body)


def may_set_result(source: bytes, line: int, column: int) -> bool:
    """Return False if certainly nothing sets the result of the flow that is made, and assigned, at a place.

    Parsing takes longer than all other checks of a module: what the text alone tells is left to the text.
    """
    if b"set_result" in source or (source.count(b"Flow(") == 1 and b".end(" in source):
        return True
    program = parsed(source)
    found = program.flows.get((line, column)) if program is not None else None
    return program is None or found is None or _Flow(program, *found).may_set_result()


class _Flow:
    """One flow in its program: the names that it and its chains have, and what becomes of them."""

    def __init__(self, program: Program, scope: Scope, name: str) -> None:
        self.program = program
        self.scope = scope
        self.parents = program.parents
        self.names = [name]
        """Grows as chains are found that are assigned to a name."""
        self.has_steps = False

    def may_set_result(self) -> bool:
        """Return True unless every use of the names is known, and sets no result."""
        for name in self.names:  # grows on the way
            uses = list(self.program.reads_in(self.scope, name))
            # what goes on from a chain at the top of a module may stand in another one
            is_open = self.scope is self.program.tree and name != self.names[0] and not uses
            if is_open or self.program.times_bound(self.scope, name) != 1 or not all(map(self._is_harmless, uses)):
                return True
        return not self.has_steps

    def _is_harmless(self, use: ast.AST) -> bool:
        """Return True if a chain that begins with a name is known, and sets no result."""
        here = use
        while True:
            member = self.parents[here]
            if not isinstance(member, ast.Attribute):
                return here is not use and self._is_kept(here)
            call = self.parents[member]
            if member.attr in _OTHERS:
                return True
            if member.attr not in _GOES_ON or not isinstance(call, ast.Call) or call.func is not member:
                return False
            handlers = _arguments(call) if member.attr in TAKES_HANDLERS else []
            if member.attr in _CATCHES:
                handlers += [keyword.value for keyword in call.keywords if keyword.arg == "on_error"]
            if not all(map(self._is_seen, handlers)):
                return False
            self.has_steps = True
            here = call

    def _is_kept(self, chain: ast.AST) -> bool:
        """Return True if a chain ends as a statement, or has a name, which is looked at too."""
        statement = self.parents[chain]
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            name = statement.targets[0]
            if isinstance(name, ast.Name):
                if name.id not in self.names:
                    self.names.append(name.id)
                return True
        return isinstance(statement, ast.Expr)

    def _is_seen(self, handler: ast.expr) -> bool:
        """Return True if a handler stands in this module, and does nothing with its Data but use its members."""
        if isinstance(handler, ast.Constant):
            return not isinstance(handler.value, str)  # the name of a chunk
        found = self._function(handler.id) if isinstance(handler, ast.Name) else handler
        if not isinstance(found, (*FUNCTIONS, ast.Lambda)):
            return False
        parameters = [*found.args.posonlyargs, *found.args.args]
        if not parameters or (isinstance(found, FUNCTIONS) and found.decorator_list):
            return False
        reads = (node for node in ast.walk(found) if _is_read(node, parameters[0].arg))
        return all(isinstance(self.parents[node], ast.Attribute) for node in reads)

    def _function(self, name: str) -> Function | None:
        """Return the one function that a name stands for, where the flow is."""
        scope: ast.AST = self.scope
        while not isinstance(scope, (ast.Module, *FUNCTIONS)) or not self.program.binds(scope, name):
            if scope is self.program.tree:
                return None
            scope = self.parents[scope]
        made = self.program.functions.get((scope, name), ())
        return made[0] if len(made) == 1 == self.program.times_bound(scope, name) else None


def _arguments(call: ast.Call) -> list[ast.expr]:
    """Return the arguments that may be handlers; a starred one is none that is known."""
    return [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in (None, "handler", "condition"))]


def _is_read(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Store)
