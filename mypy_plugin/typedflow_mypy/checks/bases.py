"""The bases and members of State, FlowState, Resources and Events classes, and the bases of contracts, as written.

Metaclasses that conflict are left to mypy, which reports them itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.nodes import (
    AssignmentStmt,
    BytesExpr,
    CallExpr,
    ClassDef,
    Context,
    Decorator,
    DictExpr,
    Expression,
    FloatExpr,
    FuncDef,
    IntExpr,
    ListExpr,
    NameExpr,
    OverloadedFuncDef,
    RefExpr,
    SetExpr,
    Statement,
    StrExpr,
    TupleExpr,
    TypeInfo,
    UnaryExpr,
    Var,
)

from typedflow.rules import schema as rules
from typedflow.rules.problems import Problem
from typedflow_mypy.checks.persistence import is_record_class
from typedflow_mypy.reading.structs import is_struct
from typedflow_mypy.reading.surface import is_typedflow
from typedflow_mypy.reading.trace import Trace

_LAYERS: Final = {"state": "State", "flow_state": "FlowState", "resources": "Resources", "events": "Events"}
_LITERALS: Final = {
    IntExpr: "int",
    StrExpr: "str",
    BytesExpr: "bytes",
    FloatExpr: "float",
    ListExpr: "list",
    DictExpr: "dict",
    SetExpr: "set",
    TupleExpr: "tuple",
}
_FIELD_CALLS: Final = frozenset({"msgspec.field", "msgspec._core.field", "dataclasses.field"})
_DECORATORS: Final = {"dataclasses.dataclass": "dataclass", "attr.define": "attrs class", "attrs.define": "attrs class"}


def check_layer_bases(defn: ClassDef, info: TypeInfo, trace: Trace) -> Iterator[tuple[Problem, Context]]:
    """Check bases, members and decorators of a Struct that is a class of ours, or a contract too (TF617)."""
    for statement in defn.defs.body:
        name = _defined(statement)
        if name in rules.REFUSED_MEMBERS:
            yield rules.refused_member_problem(defn.name, name), statement
        elif isinstance(statement, AssignmentStmt) and name and statement.unanalyzed_type is None:
            kind = _kind_of_value(statement.rvalue)
            if kind is not None and not rules.is_private(name):
                yield rules.value_without_annotation_problem(defn.name, name, kind), statement
    for decorator in defn.decorators:
        made = _DECORATORS.get(_fullname_of(decorator))
        if made:
            yield rules.refused_decorator_problem(defn.name, made), decorator
    bases = [base.type for base in info.bases]
    for base in bases:
        trace.visit(base)
    refused = [problem for base in bases for problem in _refused(defn.name, base)]
    kinds, layouts = {base.name: _kind_of(base) for base in bases}, {base.name: _layout_of(base) for base in bases}
    combined = rules.check_bases(defn.name, kinds, layouts) if not refused else None
    for problem in refused if combined is None else [combined]:
        yield problem, defn


def check_contract_bases(defn: ClassDef, info: TypeInfo) -> Iterator[tuple[Problem, Context]]:
    """Check that no base of another kind annotates a part (TF617)."""
    contracts = [base for base in info.mro if is_typedflow(base, "Contract")]
    for base in info.mro:
        if base in contracts:
            continue
        for name in rules.PARTS:
            sym = base.names.get(name)
            if sym is not None and isinstance(sym.node, Var) and not any(name in known.names for known in contracts):
                yield rules.foreign_part_problem(defn.name, name, base.name), defn


def _defined(statement: Statement) -> str:
    """Return the name that a statement of a class body defines; empty where it is none, or several."""
    if isinstance(statement, (FuncDef, Decorator, OverloadedFuncDef)):
        return statement.name
    lvalues = statement.lvalues if isinstance(statement, AssignmentStmt) else []
    return lvalues[0].name if len(lvalues) == 1 and isinstance(lvalues[0], NameExpr) else ""


def _kind_of_value(value: Expression) -> str | None:
    """Return the class of what is surely a value, empty if it is not known; None for what may be a method or class."""
    if isinstance(value, UnaryExpr):
        return _kind_of_value(value.expr)
    if isinstance(value, NameExpr):
        return {"True": "bool", "False": "bool", "None": ""}.get(value.name)
    if isinstance(value, CallExpr):
        return "" if _fullname_of(value) in _FIELD_CALLS else None
    return next((name for node, name in _LITERALS.items() if isinstance(value, node)), None)


def _fullname_of(decorator: Expression) -> str:
    callee = getattr(decorator, "callee", decorator)
    return callee.fullname if isinstance(callee, RefExpr) else ""


def _refused(owner: str, base: TypeInfo) -> Iterator[Problem]:
    """Report a base that is no Struct and is made in a way of its own."""
    if is_struct(base):
        return
    own = [info for info in base.mro if info.fullname != "builtins.object"]
    defined = [name for name in ("__init__", "__new__") if any(name in info.names for info in own)]
    is_made = defined or any(is_record_class(info) for info in own)  # a record class gets its __init__ later
    if base.is_protocol or (not is_made and any(info.is_protocol for info in own)):
        yield rules.abstract_base_problem(owner, base.name)
    elif is_made:
        yield rules.refused_base_problem(owner, base.name, defined[0] if defined else "__init__")


def _kind_of(base: TypeInfo) -> str:
    return next((kind for kind, name in _LAYERS.items() if is_typedflow(base, name)), "")


def _layout_of(base: TypeInfo) -> list[str]:
    """Return the classes that add fields or slots, a class before those it builds on."""
    return [info.fullname for info in base.mro if _adds_slots(info)]


def _adds_slots(info: TypeInfo) -> bool:
    if not is_struct(info):
        return "__slots__" in info.names and bool(info.slots)
    inherited = {name for base in info.mro[1:] for name in base.names}
    return any(
        isinstance(sym.node, Var)
        and not sym.node.is_classvar
        and not sym.node.is_inferred
        and not (name.startswith("__") or name in inherited)
        for name, sym in info.names.items()
    )
