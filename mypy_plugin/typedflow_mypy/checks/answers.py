"""Answers to a literal interrupt id: of a type that the step which asks under that id, in the same module, can take.

An answer from outside may be plain data that is decoded, so that only what no decoding makes fit is reported.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from mypy.nodes import FuncDef
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    NoneType,
    Type,
    UninhabitedType,
    get_proper_type,
)

from typedflow.rules.executions import wrong_answer_problem
from typedflow_mypy.reading.calls import Call
from typedflow_mypy.reading.shape import MypyShape, flat
from typedflow_mypy.reading.sources import FUNCTIONS, Program, parsed
from typedflow_mypy.reading.structs import is_struct
from typedflow_mypy.reading.surface import contract_of, parts, shape_of

_PLAIN: Final = frozenset(f"builtins.{name}" for name in ("bool", "int", "float", "str"))


def check_answer(call: Call) -> FunctionLike:
    """Check the value of `continue_with` where the id of the interrupt is written out."""
    given, value = call.argument("interrupt"), call.argument("value")
    literal = get_proper_type(call.type_of(given)) if given is not None else None
    if isinstance(literal, Instance) and literal.last_known_value is not None:
        literal = literal.last_known_value
    if value is None or not isinstance(literal, LiteralType) or not isinstance(literal.value, str):
        return call.signature
    declared = _asked_under(call, literal.value)
    if declared is None:
        return call.signature
    fits, answer = call.fits(value, declared)
    if not fits and _is_certain(get_proper_type(answer), declared):
        shown = MypyShape(declared, call.trace).render(), MypyShape(answer, call.trace).render()
        call.report(wrong_answer_problem(literal.value, *shown), value)
    return call.signature


def _asked_under(call: Call, interrupt_id: str) -> Type | None:
    """Return the type of the answer to what one handler of the contract, at the top of the module, asks under an id."""
    try:
        source = Path(call.api.path).read_bytes()
    except OSError:  # what mypy checks is not in a file
        return None
    program = parsed(source) if b"interrupt_id" in source else None
    found = _pauses(program, interrupt_id) if program is not None else []
    if len(found) != 1:
        return None
    name, event = found[0]
    sym = call.api.tree.names.get(name)
    function = sym.node if sym is not None else None
    declared = function.type if isinstance(function, FuncDef) else None
    if not isinstance(function, FuncDef) or not isinstance(declared, CallableType) or not declared.arg_types:
        return None
    data = get_proper_type(declared.arg_types[0])
    contract = contract_of(call.receiver)
    if contract is None or not isinstance(data, Instance) or not data.args or data.args[0] != contract:
        return None
    if event is not None:
        for part in parts(contract, "events", call.trace):
            shape = shape_of(part, call.trace)
            child = shape.child(event) if shape is not None else None
            return child.type if child is not None else None
        return None
    returned = get_proper_type(declared.ret_type)
    if function.is_coroutine and isinstance(returned, Instance) and len(returned.args) == 3:
        returned = get_proper_type(returned.args[-1])
    return None if isinstance(returned, (AnyType, UninhabitedType)) else returned


def _pauses(program: Program, interrupt_id: str) -> list[tuple[str, str | None]]:
    """Return the functions at the top of a module that pause under an id, each with the event of the answer.

    Empty where any pause of the module has an id that is not written out.
    """
    found: list[tuple[str, str | None]] = []
    for statement in program.tree.body:
        for node in ast.walk(statement):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if node.func.attr != "pause_for" or "interrupt_id" not in given:
                continue
            asked, event = given["interrupt_id"], given.get("resume_event")
            if not isinstance(asked, ast.Constant) or not isinstance(event, ast.Constant | None):
                return []
            if asked.value == interrupt_id:
                name = statement.name if isinstance(statement, FUNCTIONS) else ""
                found.append((name, event.value if event is not None and isinstance(event.value, str) else None))
    return found


def _is_certain(answer: Type, declared: Type) -> bool:
    """Return True if nothing that decodes plain data makes an answer fit."""
    proper = get_proper_type(answer)
    if isinstance(proper, Instance) and is_struct(proper.type):
        return True
    members = [get_proper_type(member) for member in flat(declared)]
    is_plain = isinstance(proper, (NoneType, LiteralType)) or (
        isinstance(proper, Instance) and proper.type.fullname in _PLAIN
    )
    return is_plain and all(
        isinstance(it, (NoneType, LiteralType)) or (isinstance(it, Instance) and it.type.fullname in _PLAIN)
        for it in members
    )
