"""`when` and `collect`: what they wait for is declared, and what they give has its type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    StarExpr,
    Statement,
    StrExpr,
    TupleExpr,
    WithStmt,
)
from mypy.subtypes import is_subtype
from mypy.types import FunctionLike, Instance, LiteralType, NoneType, TupleType, Type, TypedDictType, get_proper_type

from typedflow.rules.flows import empty_when_problem, unknown_trigger_problem, wrong_triggers_problem
from typedflow.rules.options import mode_by_form
from typedflow.rules.paths import check_read
from typedflow.rules.problems import Problem
from typedflow.rules.schema import undeclared_layer_problem
from typedflow_mypy.checks.chains import value_at, value_of
from typedflow_mypy.checks.events import DYNAMIC, payloads
from typedflow_mypy.checks.options import wrong_mode
from typedflow_mypy.reading.calls import ANY, Call, Spread, entries
from typedflow_mypy.reading.constants import shown
from typedflow_mypy.reading.literals import says_nothing, texts_of
from typedflow_mypy.reading.shape import MypyShape, flat, union_of
from typedflow_mypy.reading.surface import contract_of, declared_parts, shape_of

_LAYERS: Final = ("state", "flow_state")

Trigger = tuple[str, str, Type]


def check_when(call: Call) -> FunctionLike:
    """Type `when`: the payload or what was written, by the mode; without one by the form of the triggers."""
    given = call.argument("triggers")
    if given is None:
        return call.signature
    if wrong_mode(call, "when"):
        return call.with_types(mode=ANY)
    by_kind = _by_kind(call, given)
    if by_kind is None:
        return call.signature
    groups = [list(group) for key, value in by_kind for group in _of_entry(call, key, value)]
    if isinstance(given, DictExpr) and entries(given) is None:
        groups.append([None])  # what is spread into the mapping is unknown
    if not groups and call.is_sound:
        call.report(empty_when_problem(), given)
    if not call.is_sound:
        return call.with_types(triggers=ANY)
    triggers = [[trigger for trigger in group if trigger is not None] for group in groups]
    mode = _mode(call, by_kind)
    if triggers != groups or mode is None:
        return call.signature
    value = _value(call, triggers, mode)
    return call.signature if value is None else call.with_types(_with_value(call.signature.ret_type, value))


def _by_kind(call: Call, given: Expression) -> list[tuple[Expression | None, Expression]] | None:
    """Return the names of each kind of trigger, with its key, if there is one; None where the kinds cannot be told.

    Of two entries with one key the last one counts, as in the dict that the display makes.
    """
    if not isinstance(given, DictExpr):
        return None if _is_mapping(call.type_of(given)) else [(None, given)]
    listed = [(key, value) for key, value in given.items if key is not None]
    found: dict[object, tuple[Expression | None, Expression]] = {}
    for key, value in listed:
        texts = texts_of(key, call.api, call.trace) or ()
        found[texts[0] if len(texts) == 1 else key] = key, value
    return list(found.values())


def _is_mapping(tp: Type) -> bool:
    proper = get_proper_type(tp)
    return isinstance(proper, TypedDictType) or (
        isinstance(proper, Instance) and proper.type.has_base("typing.Mapping")
    )


def _mode(call: Call, by_kind: list[tuple[Expression | None, Expression]]) -> str | None:
    """Return the mode of a `when`; None where it cannot be told."""
    named = call.given("mode")
    if isinstance(named, Spread):
        return None
    if named is not None and not isinstance(get_proper_type(call.type_of(named)), NoneType):
        modes = call.texts(named, DYNAMIC)
        return modes[0] if len(modes) == 1 else None
    single = [_is_single(call, value) for _, value in by_kind]
    return mode_by_form(bool(one) for one in single) if len(single) > 1 or None not in single else None


def _is_single(call: Call, names: Expression) -> bool | None:
    """Return whether an expression is one name, and no collection of names; None where it cannot be told."""
    if isinstance(names, (StrExpr, ListExpr, TupleExpr)):
        return isinstance(names, StrExpr)
    text = call.api.named_generic_type("builtins.str", [])
    kinds = {None if says_nothing(item) else is_subtype(item, text) for item in flat(call.type_of(names))}
    return kinds.pop() if len(kinds) == 1 else None


def _of_entry(call: Call, key: Expression | None, names: Expression) -> Iterator[Iterable[Trigger | None]]:
    """Yield for each name the triggers that it can be, with their types; None for one that is wrong or unknown."""
    kinds = call.texts(key, DYNAMIC) if key is not None else ("event",)
    if len(kinds) != 1:
        yield [None]
    for kind in kinds:
        if key is not None and kind not in ("event", *_LAYERS):
            call.report(unknown_trigger_problem(kind), key)
        elif _is_no_name(call, names):
            call.report(wrong_triggers_problem(shown(call, names)), names)
        else:
            for name in names.items if isinstance(names, (ListExpr, TupleExpr)) else [names]:
                yield _of_kind(call, kind, name)


def _is_no_name(call: Call, names: Expression) -> bool:
    """Return whether an expression names nothing: it is no text, and no collection of texts."""
    text = call.api.named_generic_type("builtins.str", [])
    if isinstance(names, (ListExpr, TupleExpr)):
        items = [item for item in names.items if not isinstance(item, (StrExpr, StarExpr))]
        return not all(call.fits(item, text)[0] for item in items)
    if isinstance(names, StrExpr):
        return False
    fits, found = call.fits(names, call.api.named_generic_type("typing.Collection", [text]))
    return not fits or (_is_mapping(found) and not says_nothing(found))


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
            call.report(undeclared_layer_problem(part.name, layer, declared_parts(part.contract)), where)
            yield None
            continue
        shape = shape_of(part, call.trace)
        found = check_read(shape, text, root=layer) if shape is not None else None
        if isinstance(found, Problem):
            call.report(found, where)
        yield found.declared if found is not None and not isinstance(found, Problem) else None


def _value(call: Call, groups: list[list[Trigger]], mode: str) -> Type | None:
    triggers = [trigger for group in groups for trigger in group]
    if mode == "simple_or":
        return union_of(tp for _, _, tp in triggers)
    if mode == "or":
        text = call.api.named_generic_type("builtins.str", [])
        fallback = call.api.named_generic_type("builtins.tuple", [call.api.named_generic_type("builtins.object", [])])
        return union_of(
            TupleType([LiteralType(kind, text), LiteralType(name, text), tp], fallback) for kind, name, tp in triggers
        )
    if mode != "and" or any(len({name for _, name, _ in group}) != 1 for group in groups):
        return None  # where a name is one of several, it is unknown which of the keys are there
    by_kind: dict[str, dict[str, Type]] = {}
    for group in groups:
        kind, name, _ = group[0]
        by_kind.setdefault(kind, {})[name] = union_of(tp for _, _, tp in group)
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
