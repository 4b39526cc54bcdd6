"""Resources by key: declared, of their declared type where they are read, of nothing else where they are set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mypy.nodes import ARG_POS, ARG_STAR2, CallExpr, Context, DictExpr, Expression, OpExpr, RefExpr
from mypy.subtypes import is_subtype
from mypy.types import FunctionLike, Instance, NoneType, Type, TypedDictType, get_proper_type

from typedflow.rules.dynamic import not_literal_problem
from typedflow.rules.problems import Problem
from typedflow.rules.resources import check_declared, no_resources_problem, wrong_class_problem
from typedflow_mypy.checks.mappings import final_display
from typedflow_mypy.reading.calls import ANY, Call, keyword_place
from typedflow_mypy.reading.literals import says_nothing
from typedflow_mypy.reading.shape import MypyShape, union_of
from typedflow_mypy.reading.surface import OFFLOAD, is_typedflow, owner_name, parts, shape_of
from typedflow_mypy.reading.trace import Trace

DYNAMIC = "TF199"


class Entry(NamedTuple):
    """One entry of a mapping: the keys that it may have, where to report them, and its value, or the type of that."""

    texts: tuple[str, ...]
    key: Context
    value: Expression | Type
    place: Context | None = None
    """Where to report the value, if not at the value itself."""


def check_require(call: Call) -> FunctionLike:
    """Type `require_resource`: the declared type, less its None."""
    found = _declared(call, call.argument("key"))
    if not found:
        return call.signature
    types = [shape.without_none().type for shape in found]
    return call.with_types(union_of(types) if len(types) > 1 else types[0])


def check_get(call: Call) -> FunctionLike:
    """Type `get_resource` and `get_runtime_resource`: the declared type, or the default in the place of its None."""
    found = _declared(call, call.argument("key"))
    if not found:
        return call.signature
    declared = [shape.without_none().type for shape in found]
    return call.with_types(union_of([*declared, call.default_type(union_of(declared))]))


def check_set(call: Call) -> FunctionLike:
    """Check `set_resource` and `set_runtime_resource`: key and value."""
    key, value = call.argument("key"), call.argument("value")
    found = _declared(call, key)
    if not found or key is None or value is None:
        return call.signature
    texts = call.texts(key, DYNAMIC)
    sound = [_check_value(call, texts[0], value, shape) for shape in found]
    if len(found) != 1 or not all(sound):
        return call.with_types(value=ANY)
    call.expected = found[0].type
    return call.with_types(value=call.expected)


def check_delete(call: Call) -> FunctionLike:
    """Check the key of `del_resource` and `del_runtime_resource`."""
    _declared(call, call.argument("key"))
    return call.signature


def check_executor(call: Call, handler: Expression | None) -> None:
    """Check the key of `offload(…, executor=key)`, where it is the handler of a step."""
    if not isinstance(handler, CallExpr) or not isinstance(handler.callee, RefExpr):
        return
    if handler.callee.fullname == OFFLOAD and "executor" in handler.arg_names:
        _declared(call, handler.args[handler.arg_names.index("executor")])


def check_update(call: Call) -> FunctionLike:
    """Check `update_runtime_resources`: a mapping or a Resources object, and the keywords, which go before it."""
    context = call.context
    given = call.argument("given")
    found = list(_entries(call, given)) if given is not None else []
    if isinstance(context, CallExpr):
        found += _keywords(call, context)
    _check_entries(call, found)
    return call.signature


def check_given(call: Call, argument: str = "runtime_resources") -> None:
    """Check `runtime_resources=…` of a call that makes or starts an execution, or what a test gives a handler."""
    given = call.argument(argument)
    if given is not None:
        _check_entries(call, list(_entries(call, given)))


def _declared(call: Call, key: Expression | None) -> list[MypyShape]:
    """Return the declared types of all that a key can be, in every contract; none where one of them is not declared."""
    if key is None:
        return []
    found: list[MypyShape | None] = []
    texts = call.texts(key, DYNAMIC)
    for text in texts:
        found += _lookup(call, text, key)
    return [shape for shape in found if shape is not None] if None not in found else []


def _lookup(call: Call, text: str, where: Context) -> Iterator[MypyShape | None]:
    return call.declared("resource", text, where, _find)


def _find(contract: Type | None, key: str, trace: Trace) -> list[MypyShape | Problem | None]:
    found: list[MypyShape | Problem | None] = []
    for part in parts(contract, "resources", trace):
        if part.type is None:
            found.append(no_resources_problem(part.name))
            continue
        shape = shape_of(part, trace)
        fields = shape.fields() if shape is not None else None
        if shape is not None and fields is not None:
            found.append(check_declared(key, fields, owner=owner_name(part.type)) or shape.child(key))
    return found


def _entries(call: Call, given: Expression) -> Iterator[Entry]:
    """Return what a mapping is known to hold, in order: the later entry of a key goes before the earlier one."""
    if isinstance(given, DictExpr):
        for key, value in given.items:
            if key is None:
                yield from _entries(call, value)
            else:
                yield Entry(call.texts(key, DYNAMIC), key, value)
    elif isinstance(given, OpExpr) and given.op == "|":
        yield from _entries(call, given.left)
        yield from _entries(call, given.right)
    elif isinstance(given, CallExpr) and isinstance(given.callee, RefExpr) and given.callee.fullname == "builtins.dict":
        for arg, kind in zip(given.args, given.arg_kinds, strict=True):
            if kind == ARG_POS:
                yield from _entries(call, arg)
        yield from _keywords(call, given)
    else:
        display = final_display(call, given)
        found = _entries(call, display) if display is not None else _of_type(call, given)
        yield from (entry._replace(key=given, place=given) for entry in found)


def _keywords(call: Call, made: CallExpr) -> Iterator[Entry]:
    """Return the entries that a call passes by keyword."""
    for name, kind, value in zip(made.arg_names, made.arg_kinds, made.args, strict=True):
        if name is not None:
            yield Entry((name,), keyword_place(name, value), value)
        elif kind == ARG_STAR2:
            yield from _entries(call, value)


def _of_type(call: Call, given: Expression) -> Iterator[Entry]:
    """Return what the type of a mapping, or of a Resources object, says that it holds."""
    tp = get_proper_type(call.type_of(given))
    if isinstance(tp, TypedDictType):
        call.trace.visit(tp.fallback.type, *tp.items)
        yield from (Entry((name,), given, item) for name, item in tp.items.items())
    elif isinstance(tp, Instance) and is_typedflow(tp.type, "Resources"):
        shape = MypyShape(tp, call.trace)
        for name, field in (shape.fields() or {}).items():
            # the runtime takes of an object what is not its default
            child = shape.child(name) if field.required else None
            if child is not None:
                yield Entry((name,), given, child.type)
    elif call.settings.strict_dynamic_keys and not says_nothing(tp) and not isinstance(tp, NoneType):
        call.report(not_literal_problem(DYNAMIC), given)


def _check_entries(call: Call, found: list[Entry]) -> None:
    """Check the keys of all entries, and the values of those whose key no later one has."""
    replaced = set[str]()
    for entry in reversed(found):
        for text in entry.texts:
            for shape in _lookup(call, text, entry.key):
                if shape is not None and text not in replaced:
                    _check_entry(call, text, entry, shape)
        if len(entry.texts) == 1:
            replaced.update(entry.texts)


def _check_entry(call: Call, text: str, entry: Entry, shape: MypyShape) -> None:
    value = entry.value
    if isinstance(value, Expression) and entry.place is None:
        _check_value(call, text, value, shape)
        return
    given = call.infer(value, shape.type)[0] if isinstance(value, Expression) else value
    if not says_nothing(given) and not is_subtype(given, shape.type):
        where = entry.place if entry.place is not None else entry.key
        call.report(wrong_class_problem(text, shape.render(), MypyShape(given, call.trace).render()), where)


def _check_value(call: Call, key: str, value: Expression, shape: MypyShape) -> bool:
    fits, given = call.fits(value, shape.type)
    if not fits:
        call.report(wrong_class_problem(key, shape.render(), MypyShape(given, call.trace).render()), value)
    return fits
