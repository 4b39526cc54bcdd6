"""The bodies of State, FlowState and Resources classes, as they are written: checked while mypy makes the classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mypy.nodes import (
    CallExpr,
    ClassDef,
    Context,
    DictExpr,
    Expression,
    ListExpr,
    NameExpr,
    RefExpr,
    SetExpr,
    TypeInfo,
    Var,
)
from mypy.plugin import ClassDefContext
from mypy.semanal_shared import has_placeholder
from mypy.types import (
    Type,
)

from typedflow.rules import schema as rules
from typedflow.rules.problems import Problem
from typedflow_mypy.checks.bases import check_layer_bases
from typedflow_mypy.checks.persistence import Incomplete, can_grow, faults, leads_to
from typedflow_mypy.codes import code_of
from typedflow_mypy.reading.constants import UNKNOWN, keyword_of
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import declares_self
from typedflow_mypy.reading.structs import annotated, class_of, is_struct, record_encoding, stored_fields, struct_option
from typedflow_mypy.reading.surface import LAYERS, is_typedflow
from typedflow_mypy.reading.trace import Trace

_DISPLAYS: Final[Mapping[type[Expression], str]] = {ListExpr: "list", SetExpr: "set", DictExpr: "dict"}
_SAVED: Final = ("State", "FlowState")
_FIELD: Final = ("msgspec.field", "msgspec._core.field")

# -- layers


def check_class(ctx: ClassDefContext, record: Callable[[Any, str, Trace], None]) -> None:
    """Record how a Struct is encoded; check the body of a State, FlowState or Resources, and record the trace."""
    info = ctx.cls.info
    if not is_struct(info):
        return
    record_encoding(ctx.cls, ctx.api, may_be_frozen=not is_typedflow(info, *_SAVED))
    if not is_typedflow(info, *LAYERS, "Contract") or info.fullname.startswith("typedflow."):
        return
    trace = Trace()
    try:
        problems = list(_check_layer(ctx.cls, info, trace))
    except Incomplete:
        if not ctx.api.final_iteration:
            ctx.api.defer()
        return
    for problem, where in problems:
        _report(ctx.api, problem, where)
    record(ctx.api, info.module_name, trace)


def _check_layer(defn: ClassDef, info: TypeInfo, trace: Trace) -> Iterator[tuple[Problem, Context]]:
    yield from check_layer_bases(defn, info, trace)
    if not is_typedflow(info, "State", "FlowState", "Resources"):
        return
    is_saved = is_typedflow(info, *_SAVED)
    for option in rules.REFUSED_OPTIONS if is_saved else ():
        given = keyword_of(defn, option)
        if given not in (None, UNKNOWN) and bool(given) is not (option == "forbid_unknown_fields"):
            yield rules.refused_option_problem(defn.name, option), defn.keywords[option]
            _treat_as_unset(defn.keywords[option])
    for statement, name in annotated(defn):
        problem = rules.check_field_name(defn.name, name.name)
        if problem is not None:
            if isinstance(name.node, Var):  # mypy would say of the method's type what is said of its name
                name.node.allow_incompatible_override = True
            yield problem, name
            continue
        if isinstance(name.node, Var) and not name.node.is_classvar:
            yield from _check_default(defn.name, name.name, statement.rvalue, trace)
        if is_saved:
            tp = _declared(info, name.name)
            if tp is not None:
                place = statement.unanalyzed_type or name
                yield from ((found, place) for found in _check_field(defn.name, info, name.name, tp, trace))


def _treat_as_unset(option: Expression) -> None:
    """Make mypy, which makes a dataclass of the class next, treat an option that is reported as False.

    It would report a frozen class once more, and then its subclasses and every write to a field. The name is bound
    anew whenever mypy analyses the class again.
    """
    if isinstance(option, NameExpr):
        option.fullname = "builtins.False"


def _check_default(owner: str, field: str, default: Expression, trace: Trace) -> Iterator[tuple[Problem, Context]]:
    """Check that a default is not one that all instances would share and can change, as far as it is written out."""
    if isinstance(default, (ListExpr, SetExpr, DictExpr)):
        if default.items:
            yield rules.changeable_default_problem(owner, field, _DISPLAYS[type(default)]), default
    elif isinstance(default, CallExpr) and isinstance(default.callee, RefExpr):
        made = class_of(default.callee.node)
        if made is not None:
            trace.visit(made)
            if is_struct(made) and not struct_option(made, "frozen"):
                yield rules.changeable_default_problem(owner, field, made.name, is_struct=True), default
        elif default.callee.fullname in _FIELD:
            for name, given in zip(default.arg_names, default.args, strict=True):
                if name == "default":
                    yield from _check_default(owner, field, given, trace)


def _check_field(owner: str, info: TypeInfo, name: str, tp: Type, trace: Trace) -> Iterator[Problem]:
    within = leads_to(tp, "Resources")
    if within is not None:
        trace.visit(within.type)
        yield rules.resource_in_state_problem(owner, name, render(within))
        return
    found = faults(tp, trace, is_of_self=declares_self(info, name), may_be_stored=name in stored_fields(info))
    for path, reason in found:
        inner = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        yield rules.not_persistable_problem(owner, name, reason, path=name + inner)
    if is_typedflow(info, "FlowState") and can_grow(tp):
        yield rules.large_flow_state_problem(owner, name, render(tp))


def _declared(info: TypeInfo, name: str) -> Type | None:
    sym = info.names.get(name)
    node = sym.node if sym is not None else None
    if not isinstance(node, Var) or node.is_classvar:
        return None
    if node.type is None or has_placeholder(node.type):
        raise Incomplete
    return node.type


def _report(api: Any, problem: Problem, where: Context) -> None:
    code = code_of(problem.number)
    if problem.number == "TF615":
        api.note(problem.render(), where, code=code)
    else:
        api.fail(problem.render(), where, code=code)
