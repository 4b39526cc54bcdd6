"""`when` and `collect`: what they wait for is declared, and what they give has its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mypy.nodes import (
    AssignmentStmt,
    CallExpr,
    DictExpr,
    Expression,
    ExpressionStmt,
    ForStmt,
    FuncDef,
    IfStmt,
    ListExpr,
    MemberExpr,
    ReturnStmt,
    Statement,
    StrExpr,
    TupleExpr,
    WithStmt,
)
from mypy.types import FunctionLike, Instance, LiteralType, TupleType, Type, TypedDictType, get_proper_type

from typedflow.contract.flows import empty_when, unknown_trigger, wrong_triggers
from typedflow.contract.paths import check_read
from typedflow.contract.problems import Problem
from typedflow.contract.schema import undeclared_layer
from typedflow_mypy.calls import ANY, Call, Spread
from typedflow_mypy.chains import value_at, value_of
from typedflow_mypy.constants import shown
from typedflow_mypy.events import DYNAMIC, payloads
from typedflow_mypy.options import wrong_mode
from typedflow_mypy.shape import MypyShape, union_of
from typedflow_mypy.surface import contract_of, declared_parts, shape_of

_LAYERS: Final = ("state", "flow_state")

Trigger = tuple[str, str, Type]


def check_when(call: Call) -> FunctionLike:
    """Type `when`: the payload or what was written, by the mode."""
    given = call.argument("triggers")
    if given is None:
        return call.signature
    if wrong_mode(call, "when"):
        return call.with_types(mode=ANY)
    found = list(_triggers(call, given))
    if not call.is_sound:
        return call.with_types(triggers=ANY)
    triggers = [trigger for trigger in found if trigger is not None]
    mode = call.given("mode")
    if isinstance(mode, Spread):
        return call.signature
    modes = call.texts(mode, DYNAMIC) if mode is not None else ("simple_or",)
    if not triggers or len(triggers) != len(found) or len(modes) != 1:
        return call.signature
    value = _value(call, triggers, modes[0])
    return call.signature if value is None else call.with_types(_with_value(call.signature.ret_type, value))


def _triggers(call: Call, given: Expression) -> Iterator[Trigger | None]:
    """Give every trigger with its type; None for one that is wrong, or that cannot be told."""
    if not isinstance(given, DictExpr):
        if _is_no_name(call, given):
            yield None
        else:
            yield from _of_kind(call, "event", given)
        return
    if not given.items:
        call.report(empty_when(), given)
    for key, value in given.items:
        kinds = call.texts(key, DYNAMIC)
        if len(kinds) != 1:
            yield None
        for kind in kinds:
            if kind not in ("event", *_LAYERS):
                call.report(unknown_trigger(kind), key or given)
                yield None
                continue
            names = value.items if isinstance(value, (ListExpr, TupleExpr)) else [value]
            if names and value is names[0] and _is_no_name(call, value):
                yield None
                continue
            for name in names:
                yield from _of_kind(call, kind, name)


def _is_no_name(call: Call, given: Expression) -> bool:
    """Report what names nothing: no text, and no collection of them."""
    if isinstance(given, (StrExpr, ListExpr, TupleExpr, DictExpr)):
        return False
    collection = call.api.named_generic_type("typing.Collection", [call.api.named_generic_type("builtins.str", [])])
    fits, _ = call.fits(given, collection)
    if not fits:
        call.report(wrong_triggers(shown(call, given)), given)
    return not fits


def _of_kind(call: Call, kind: str, where: Expression) -> Iterator[Trigger | None]:
    texts = call.texts(where, DYNAMIC)
    if not texts:
        yield None
    for text in texts:
        shapes = payloads(call, text, where) if kind == "event" else _written(call, kind, text, where)
        for shape in shapes:
            yield (kind, text, shape.type) if shape is not None else None


def _written(call: Call, layer: str, text: str, where: Expression) -> Iterator[MypyShape | None]:
    for part in call.parts(contract_of(call.receiver), layer):
        if part.type is None:
            call.report(undeclared_layer(part.name, layer, declared_parts(part.contract)), where)
            yield None
            continue
        shape = shape_of(part, call.steps)
        found = check_read(shape, text, root=layer) if shape is not None else None
        if isinstance(found, Problem):
            call.report(found, where)
        yield found.declared if found is not None and not isinstance(found, Problem) else None


def _value(call: Call, triggers: list[Trigger], mode: str) -> Type | None:
    if mode == "simple_or":
        return union_of(tp for _, _, tp in triggers)
    if mode == "or":
        text = call.api.named_generic_type("builtins.str", [])
        fallback = call.api.named_generic_type("builtins.tuple", [call.api.named_generic_type("builtins.object", [])])
        return union_of(
            TupleType([LiteralType(kind, text), LiteralType(name, text), tp], fallback) for kind, name, tp in triggers
        )
    if mode != "and":
        return None
    by_kind: dict[str, dict[str, Type]] = {}
    for kind, name, tp in triggers:
        by_kind.setdefault(kind, {})[name] = tp
    return typed_dict(call, {kind: typed_dict(call, items) for kind, items in by_kind.items()})


def check_collect(call: Call) -> FunctionLike:
    """Type `collect`: what each branch gives, as far as it stands above this call; the others may be anything."""
    if wrong_mode(call, "collect"):
        return call.with_types(mode=ANY)
    names = call.texts(call.argument("name"), DYNAMIC)
    branches = call.texts(call.argument("branch"), DYNAMIC)
    value = value_of(call)
    if len(names) != 1 or len(branches) != 1 or value is None:
        return call.signature
    function = call.api.scope.current_function()
    body = function.body.body if isinstance(function, FuncDef) else call.api.tree.defs
    members = dict(_members(body, names[0]))
    if len(members) < 2:
        # the others are put together elsewhere
        return call.signature
    items: dict[str, Type] = dict.fromkeys(members, ANY)
    for branch, chain in members.items():
        if branch == branches[0]:
            # what stands below is not known yet, or only from an earlier look at it, in the daemon
            break
        known = call.api.lookup_type_or_none(chain)
        items[branch] = (value_at(call, known) if known is not None else None) or ANY
    items[branches[0]] = value
    return call.with_types(_with_value(call.signature.ret_type, typed_dict(call, items)))


def _members(body: list[Statement], name: str) -> Iterator[tuple[str, Expression]]:
    """Find the branches of one collect in the statements at hand, each with the chain that it hangs on."""
    for statement in body:
        if isinstance(statement, AssignmentStmt):
            yield from _in_chain(statement.rvalue, name)
        elif isinstance(statement, (ExpressionStmt, ReturnStmt)) and statement.expr is not None:
            yield from _in_chain(statement.expr, name)
        elif isinstance(statement, IfStmt):
            for block in [*statement.body, *([statement.else_body] if statement.else_body else [])]:
                yield from _members(block.body, name)
        elif isinstance(statement, (ForStmt, WithStmt)):
            yield from _members(statement.body.body, name)


def _in_chain(expr: Expression, name: str) -> Iterator[tuple[str, Expression]]:
    while isinstance(expr, CallExpr):
        for argument in expr.args:
            yield from _in_chain(argument, name)
        if not isinstance(expr.callee, MemberExpr):
            return
        if expr.callee.name == "collect" and len(expr.args) >= 2:
            given, branch = expr.args[:2]
            if isinstance(given, StrExpr) and given.value == name and isinstance(branch, StrExpr):
                yield branch.value, expr.callee.expr
        expr = expr.callee.expr


def typed_dict(call: Call, items: dict[str, Type]) -> TypedDictType:
    """Make a TypedDict without a name."""
    fallback = call.api.named_generic_type("typing._TypedDict", [])
    return TypedDictType(dict(items), set(items), set(), fallback)


def _with_value(process: Type, value: Type) -> Type:
    proper = get_proper_type(process)
    if not isinstance(proper, Instance) or len(proper.args) < 2:
        return process
    return proper.copy_modified(args=[proper.args[0], value, *proper.args[2:]])
