"""The bodies of State, FlowState, Resources and Contract classes, as they are written.

Layers are checked while mypy makes their classes, contracts when it checks the module: both with the source at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mypy.constant_fold import constant_fold_expr
from mypy.nodes import (
    AssignmentStmt,
    CallExpr,
    ClassDef,
    Context,
    Decorator,
    DictExpr,
    Expression,
    FuncDef,
    ListExpr,
    NameExpr,
    OverloadedFuncDef,
    RefExpr,
    SetExpr,
    TempNode,
    TypeInfo,
    Var,
)
from mypy.plugin import ClassDefContext
from mypy.semanal_shared import has_placeholder
from mypy.server.trigger import make_trigger
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    NoneType,
    Type,
    TypeVarType,
    get_proper_type,
)

from typedflow.contract import schema as rules
from typedflow.contract.problems import Problem
from typedflow.contract.wording import describe
from typedflow_mypy.calls import ANY, Call, taking_anything
from typedflow_mypy.codes import code_of
from typedflow_mypy.constants import shown
from typedflow_mypy.dependencies import Dependencies, Steps, triggers_of
from typedflow_mypy.literals import says_nothing
from typedflow_mypy.options import FLOW, with_options
from typedflow_mypy.persistence import Incomplete, can_grow, faults, leads_to
from typedflow_mypy.rendering import render
from typedflow_mypy.reporting import report
from typedflow_mypy.structs import is_struct, remember, struct_option
from typedflow_mypy.surface import is_typedflow

_BASES: Final = {"state": "State", "flow_state": "FlowState", "resources": "Resources", "events": "Events"}


_DISPLAYS: Final[Mapping[type[Expression], str]] = {ListExpr: "list", SetExpr: "set", DictExpr: "dict"}
_FIELD: Final = ("msgspec.field", "msgspec._core.field")

# -- layers


def check_class(ctx: ClassDefContext, dependencies: Dependencies) -> None:
    """Remember how a Struct is encoded; check the body of a State, FlowState or Resources."""
    info = ctx.cls.info
    if not is_struct(info):
        return
    remember(ctx.cls)
    if not is_typedflow(info, "State", "FlowState", "Resources") or info.fullname.startswith("typedflow."):
        return
    steps = Steps()
    try:
        problems = list(_check_layer(ctx.cls, info, steps))
    except Incomplete:
        if not ctx.api.final_iteration:
            ctx.api.defer()
        return
    for problem, where in problems:
        _report(ctx.api, problem, where)
    dependencies.record_module(info.module_name, steps)
    for name in triggers_of(steps):
        ctx.api.add_plugin_dependency(make_trigger(name))


def _check_layer(defn: ClassDef, info: TypeInfo, steps: Steps) -> Iterator[tuple[Problem, Context]]:
    is_saved = is_typedflow(info, "State", "FlowState")
    for option in rules.REFUSED_OPTIONS if is_saved else ():
        value = defn.keywords.get(option)
        given = constant_of(value)
        if value is not None and given is not None and bool(given) is not (option == "forbid_unknown_fields"):
            yield rules.refused_option(defn.name, option), value
    for statement, name in _annotated(defn):
        problem = rules.check_field_name(defn.name, name.name)
        if problem is not None:
            if isinstance(name.node, Var):  # mypy would say of the method's type what is said of its name
                name.node.allow_incompatible_override = True
            yield problem, name
            continue
        if isinstance(name.node, Var) and not name.node.is_classvar:
            yield from _check_default(defn.name, name.name, statement.rvalue, steps)
        if is_saved:
            tp = _declared(info, name.name)
            if tp is not None:
                place = statement.unanalyzed_type or name
                yield from ((found, place) for found in _check_field(defn.name, info, name.name, tp, steps))


def _check_default(owner: str, field: str, default: Expression, steps: Steps) -> Iterator[tuple[Problem, Context]]:
    """Check that a default is not one that all instances would share and can change, as far as it is written out."""
    if isinstance(default, (ListExpr, SetExpr, DictExpr)):
        if default.items:
            yield rules.changeable_default(owner, field, _DISPLAYS[type(default)]), default
    elif isinstance(default, CallExpr) and isinstance(default.callee, RefExpr):
        made = default.callee.node
        if isinstance(made, TypeInfo):
            steps.through(made)
            if is_struct(made) and not struct_option(made, "frozen"):
                yield rules.changeable_default(owner, field, made.name, is_struct=True), default
        elif default.callee.fullname in _FIELD:
            for name, given in zip(default.arg_names, default.args, strict=True):
                if name == "default":
                    yield from _check_default(owner, field, given, steps)


def _check_field(owner: str, info: TypeInfo, name: str, tp: Type, steps: Steps) -> Iterator[Problem]:
    within = leads_to(tp, "Resources")
    if within is not None:
        steps.through(within.type)
        yield rules.resource_in_state(owner, name, render(within))
        return
    for path, reason in faults(tp, steps):
        inner = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        yield rules.not_persistable(owner, name, reason, path=name + inner)
    if is_typedflow(info, "FlowState") and can_grow(tp):
        yield rules.large_flow_state(owner, name, render(tp))


def _declared(info: TypeInfo, name: str) -> Type | None:
    sym = info.names.get(name)
    node = sym.node if sym is not None else None
    if not isinstance(node, Var) or node.is_classvar:
        return None
    if node.type is None or has_placeholder(node.type):
        raise Incomplete
    return node.type


def _annotated(defn: ClassDef) -> Iterator[tuple[AssignmentStmt, NameExpr]]:
    for statement in defn.defs.body:
        if isinstance(statement, AssignmentStmt) and statement.unanalyzed_type is not None:
            for name in statement.lvalues:
                if isinstance(name, NameExpr):
                    yield statement, name


def _report(api: Any, problem: Problem, where: Context) -> None:
    code = code_of(problem.number)
    if problem.number == "TF615":
        api.note(problem.render(), where, code=code)
    else:
        api.fail(problem.render(), where, code=code)


# -- contracts


def check_contract(call: Call) -> FunctionLike:
    """Check the body of a contract, when mypy looks at its keywords."""
    classes = call.api.tscope.classes
    if not classes or not is_typedflow(classes[-1], "Contract"):
        return call.signature
    info = classes[-1]
    call.steps.through(info)
    for problem, where in _check_body(info.defn, info, call.steps):
        report(call.api, problem, where)
    return call.signature


def _check_body(defn: ClassDef, info: TypeInfo, steps: Steps) -> Iterator[tuple[Problem, Context]]:
    contract = defn.name
    own = [name.name for _, name in _annotated(defn)]
    for statement in defn.defs.body:
        if isinstance(statement, AssignmentStmt):
            yield from _check_assignment(contract, info, statement, own, steps)
        elif isinstance(statement, (FuncDef, Decorator, OverloadedFuncDef)) and not statement.name.startswith("__"):
            yield rules.unknown_part(contract, statement.name, own), statement
    if not constant_of(defn.keywords.get("abstract")):
        for part in rules.REQUIRED_PARTS:
            if info.get(part) is None:
                yield rules.missing_part(contract, part), defn
    version = defn.keywords.get("version")
    given = constant_of(version)
    if version is not None and isinstance(given, int) and (isinstance(given, bool) or given < 1):
        yield rules.wrong_version(contract, describe(given)), version


def _check_assignment(
    contract: str, info: TypeInfo, statement: AssignmentStmt, own: list[str], steps: Steps
) -> Iterator[tuple[Problem, Context]]:
    for name in statement.lvalues:
        if not isinstance(name, NameExpr) or name.name.startswith("__"):
            continue
        if name.name not in rules.PARTS:
            yield rules.unknown_part(contract, name.name, own), name
        elif not isinstance(statement.rvalue, TempNode):
            yield rules.part_with_value(contract, name.name), name
        elif statement.type is not None and statement.unanalyzed_type is not None:
            given = _wrong_kind(name.name, statement.type, steps)
            if given:
                yield rules.wrong_part(contract, name.name, given), statement.unanalyzed_type


def _wrong_kind(part: str, tp: Type, steps: Steps) -> str:
    """Give the type of a part that is of the wrong kind, as it is shown; empty where it is right, or says nothing."""
    base = _BASES.get(part)
    proper = get_proper_type(tp)
    if isinstance(proper, TypeVarType):
        proper = get_proper_type(proper.upper_bound)
        if isinstance(proper, Instance) and proper.type.fullname == "builtins.object":
            return ""
    if base is None or isinstance(proper, AnyType):
        return ""
    if isinstance(proper, Instance):
        steps.through(proper.type)
        if is_typedflow(proper.type, base) or proper.type.fallback_to_any:
            return ""
    return render(tp)


def constant_of(expr: Any) -> object:
    """Give the value of an option that is written out; None where it is left out, or computed."""
    if expr is None:
        return None
    found: object = constant_fold_expr(expr, "")
    return found


def check_flow(call: Call) -> FunctionLike:
    """Check that a flow is made of a contract, and its options."""
    signature = with_options(call, call.signature, FLOW)
    given = call.argument("contract")
    if given is None:
        return signature
    tp = call.type_of(given)
    proper = get_proper_type(tp)
    made = get_proper_type(proper.ret_type) if isinstance(proper, CallableType) and proper.is_type_obj() else None
    if isinstance(made, Instance) and (is_typedflow(made.type, "Contract") or made.type.fallback_to_any):
        return signature
    if made is None and (says_nothing(tp) or not isinstance(proper, (Instance, NoneType, LiteralType, CallableType))):
        return signature
    what = render(made) if made is not None else describe(shown(call, given))
    call.report(rules.not_a_contract(what), given)
    return taking_anything(signature, ANY)
